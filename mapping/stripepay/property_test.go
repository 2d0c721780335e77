package stripepay_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// The types that the feeds tell are the ones that no webhook endpoint is asked for.
func TestNoEndpointIsAskedForWhatFeedsTell(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	_, _, err := w.client(t, "").WebhookEndpoints.Ensure(t.Context(), stripe.EndpointConfig{URL: "https://shop.example/hooks",
		Events: []string{"payout.paid", stripepay.BalanceMovement, stripepay.BalanceDay, stripepay.PayoutChanged}})
	require.NoError(t, err)
	require.Equal(t, []string{"payout.paid"}, w.far.WebhookEndpoints()[0].EnabledEvents)
}

// TestEveryViewOfABalanceSaysTheSame plays random histories of an account that settles in
// two currencies: whatever happens, the lines add up to what stands, on every day to what
// the far side has, each payout to nought, and the movements of the payments are those of
// the balance.
func TestEveryViewOfABalanceSaysTheSame(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 11))
			w := newWorld(t, stripetest.Config{Seed: seed, Settlement: "eur", Rates: map[string]string{"usd": "0.9"}})
			w.far.PayOutEvery(day)
			methods := []stripetest.Method{stripetest.Card, stripetest.Card, stripetest.CardRefundFails, stripetest.Debit, stripetest.DebitReturned,
				stripetest.CardDeclined, stripetest.CardDisputed}
			for i := range 25 {
				pi, err := w.far.Pay(stripetest.Purchase{Amount: 1000 + rng.Int64N(9000), Currency: []string{"eur", "usd", "gbp"}[rng.IntN(3)],
					Method: methods[rng.IntN(len(methods))], Metadata: map[string]string{"Order #": fmt.Sprint(i)}})
				require.NoError(t, err)
				switch rng.IntN(6) {
				case 0:
					w.far.FailPayouts(1)
				case 1:
					w.far.Exchange("usd", fmt.Sprint("0.", 80+rng.IntN(20)))
				case 2:
					_, err := w.far.Bill(1+rng.Int64N(99), "eur", "Radar")
					require.NoError(t, err)
				}
				if ch := pi.LatestCharge.Object; ch != nil && ch.Captured && !ch.Disputed && rng.IntN(2) == 0 {
					w.refund(t, &stripe.RefundParams{PaymentIntent: &pi.ID, Amount: new(1 + rng.Int64N(500))})
				}
				w.now = w.now.Add(time.Duration(rng.IntN(30)) * time.Hour)
			}
			w.now = w.now.Add(8 * day)

			lines := all(t, w.pay.Activity(t.Context(), time.Time{}, time.Time{}))
			require.Len(t, lines, len(w.far.BalanceTransactions()))
			net := func(before time.Time) map[string]int64 {
				sums := map[string]int64{}
				for _, l := range lines {
					if l.Created.Before(before) {
						sums[l.Net.Currency().Lower()] += l.Net.Minor()
					}
				}
				return sums
			}
			for at := lines[len(lines)-1].Created.Truncate(day); at.Before(w.now.Add(day)); at = at.Add(day) {
				require.Equal(t, w.far.Net(at), net(at), at)
			}
			standing, err := w.pay.Standing(t.Context())
			require.NoError(t, err)
			sums := net(w.now.Add(time.Second))
			for _, m := range standing {
				require.Equal(t, sums[m.Currency().Lower()], m.Minor(), m.Currency())
				delete(sums, m.Currency().Lower())
			}
			require.Empty(t, sums)

			for p, err := range w.pay.Payouts(t.Context(), time.Time{}, time.Time{}) {
				require.NoError(t, err)
				sum := commerce.Zero(p.Amount.Currency())
				for _, l := range all(t, w.pay.Inside(t.Context(), p.Ref)) {
					sum, err = sum.Add(l.Net)
					require.NoError(t, err)
				}
				require.Zero(t, sum.Minor(), p.Ref.ID)
				back, err := w.pay.Returned(t.Context(), p.Ref)
				if p.Status == commerce.PayoutFailed {
					require.NoError(t, err)
					require.Equal(t, p.Amount, back.Net)
				} else {
					require.ErrorIs(t, err, commerce.ErrNotFound)
				}
			}

			byID := func(a, b reconcile.Line) int { return strings.Compare(a.ID, b.ID) }
			var of []reconcile.Line
			for _, pi := range w.far.PaymentIntents() {
				got, err := w.pay.MovementsOf(t.Context(), w.ref(pi.ID))
				require.NoError(t, err)
				require.True(t, slices.IsSortedFunc(got, func(a, b reconcile.Line) int { return a.Created.Compare(b.Created) }))
				for _, l := range got {
					require.Equal(t, pi.ID, l.Intent)
					require.Equal(t, l.Amount.Sign(), l.Presented.Sign())
				}
				of = append(of, got...)
			}
			want := slices.DeleteFunc(slices.Clone(lines), func(l reconcile.Line) bool {
				return !slices.Contains([]string{"charge", "charge_failure", "refund", "refund_failure", "partial_capture_reversal"}, l.Category)
			})
			slices.SortFunc(of, byID)
			slices.SortFunc(want, byID)
			require.Equal(t, want, of)
		})
	}
}
