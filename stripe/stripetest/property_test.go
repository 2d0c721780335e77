package stripetest_test

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// Whatever a platform and its merchants do, every balance is the sum of its rows, and
// an automatic payout exactly its rows, in each currency.
func TestMoneyAddsUpOnEveryAccount(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			chance := rand.New(rand.NewPCG(seed, 1))
			config := stripetest.Config{Seed: seed, APIVersion: []string{stripe.APIVersion, stripetest.Newest}[seed%2]}
			if seed%3 == 0 {
				config.Settlement, config.Rates = "eur", map[string]string{"usd": "0.9173"}
			}
			fake, c, now := start(t, config)
			merchant := fake.Connect("DE")
			there := as(t, fake, merchant.ID())
			methods := []stripetest.Method{stripetest.Card, stripetest.CardDisputed, stripetest.CardRefundFails, stripetest.CardRefundPending,
				stripetest.Debit, stripetest.DebitFails, stripetest.DebitReturned, stripetest.CardReviewed, stripetest.CardDeclined}
			for n := range 40 {
				key := strconv.Itoa(n)
				at, client := fake, c
				if chance.IntN(3) == 0 {
					at, client = merchant, there
				}
				currency := []string{"eur", "usd"}[chance.IntN(2)]
				params := &stripe.PaymentIntentParams{Amount: new(100 + chance.Int64N(50_000)), Currency: &currency, Confirm: new(true),
					PaymentMethod: new(string(methods[chance.IntN(len(methods))])), PaymentMethodTypes: []*string{new("card"), new("sepa_debit")}}
				if at == merchant || chance.IntN(2) == 0 {
					params.ApplicationFeeAmount = new(1 + chance.Int64N(100))
				}
				if at == fake && params.ApplicationFeeAmount != nil {
					params.TransferData = &stripe.TransferDataParams{Destination: new(merchant.ID())}
				}
				_, err := client.PaymentIntents.Create(t.Context(), keyed(key, params))
				if err != nil {
					require.ErrorIs(t, err, commerce.ErrDeclined)
				}
				charges := at.Charges()
				if len(charges) > 0 {
					charge := charges[chance.IntN(len(charges))]
					refund := &stripe.RefundParams{Charge: &charge.ID, Amount: new(1 + chance.Int64N(charge.Amount))}
					if charge.Transfer != "" {
						refund.ReverseTransfer = new(true)
					}
					if charge.ApplicationFee != "" {
						refund.RefundApplicationFee = new(chance.IntN(2) == 0)
					}
					if _, err := client.Refunds.Create(t.Context(), keyed("r"+key, refund)); err != nil {
						require.ErrorIs(t, err, commerce.ErrInvalid)
					}
				}
				if chance.IntN(4) == 0 {
					at.FailPayouts(chance.IntN(2))
					for _, out := range at.PayOut() {
						_, nets, others := rows(t, client, out.ID)
						require.Zero(t, nets)
						require.Equal(t, out.Amount, others)
					}
				}
				now.Advance(day)
				if n%20 == 19 {
					adds(t, fake, c)
					adds(t, merchant, there)
				}
			}
			for _, transfer := range fake.Transfers() {
				require.LessOrEqual(t, transfer.AmountReversed, transfer.Amount)
			}
			for _, fee := range fake.ApplicationFees() {
				require.LessOrEqual(t, fee.AmountRefunded, fee.Amount)
			}
		})
	}
}
