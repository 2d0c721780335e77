package reconcile_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

func dollars(minor int64) commerce.Money { return commerce.MustMoney(minor, "USD") }

// overseas is an order over 100.00 EUR of which 40.00 EUR go back, settled in USD at 1.0837
// and at 1.103; the ERP, which keeps its books in GBP, had 1.079 for both.
func overseas() (reconcile.Input, books) {
	paid, back := line(1, "charge", 0, 0), line(1, "refund", 0, 0)
	paid.Amount, paid.Fee, paid.Net, paid.Presented = dollars(10_837), dollars(344), dollars(10_493), eur(10_000)
	back.Amount, back.Fee, back.Net, back.Presented, back.Refund = dollars(-4_412), dollars(0), dollars(-4_412), eur(-4_000), "re_1"
	back.Created = paid.Created.AddDate(0, 0, 1)
	b := books{lines: []reconcile.Line{paid, back}, shop: []reconcile.Document{sale(1, 10_000), memo(1, 4_000)}}
	for _, d := range b.shop {
		b.erp = append(b.erp, erp(d))
	}
	b.erp[0].Settled, b.erp[1].Settled = dollars(10_790), dollars(4_316)
	p := payoutOf(nil)
	p.Amount = dollars(10_493 - 4_412)
	return reconcile.Input{Payout: p}, b
}

func exchanged(t *testing.T, change func(*books)) ([]reconcile.Discrepancy, *reconcile.Report) {
	t.Helper()
	in, b := overseas()
	if change != nil {
		change(&b)
	}
	in.Lines = seq(b.lines...)
	if b.shop != nil {
		in.Shop = seq(b.shop...)
	}
	if b.erp != nil {
		in.ERP = seq(b.erp...)
	}
	r, err := reconcile.Payout(t.Context(), in, reconcile.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	found, err := all(t, r.Discrepancies())
	require.NoError(t, err)
	return found, r
}

func TestRealisedExchangeIsToldForSalesAndRefunds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*books)
		want   []string
	}{
		"the ERP's documents behind the shop's": {
			want: []string{"fx_difference txn_charge1 erp-order/1 0.47 USD", "fx_difference txn_refund1 erp-memo/1 0.96 USD"}},
		"the ERP's documents alone": {func(b *books) {
			b.shop = nil
			b.erp[0].Intent, b.erp[1].RefundID = "pi_1", "re_1"
		}, []string{"fx_difference txn_charge1 erp-order/1 0.47 USD", "fx_difference txn_refund1 erp-memo/1 0.96 USD"}},
		"the books have what Stripe settled at": {func(b *books) { b.erp[0].Settled, b.erp[1].Settled = dollars(10_837), dollars(4_412) }, nil},
		"the books do not say":                  {func(b *books) { b.erp[0].Settled, b.erp[1].Settled = commerce.Money{}, commerce.Money{} }, nil},
		"the books say it in another currency":  {func(b *books) { b.erp[0].Settled, b.erp[1].Settled = eur(10_000), eur(4_000) }, nil},
		"two invoices of one order": {func(b *books) {
			second := b.erp[0]
			second.ID = "second"
			b.erp[0].Amount, b.erp[0].Settled = eur(7_000), dollars(7_553)
			second.Amount, second.Settled = eur(3_000), dollars(3_237)
			b.erp = append(b.erp, second)
		}, []string{"fx_difference txn_charge1 erp-order/1 0.47 USD", "fx_difference txn_refund1 erp-memo/1 0.96 USD"}},
		"a capture of less, in two lines": {func(b *books) {
			part := line(1, "partial_capture_reversal", 0, 0)
			part.Amount, part.Fee, part.Net, part.Presented = dollars(-1_084), dollars(0), dollars(-1_084), eur(-1_000)
			b.lines = append(b.lines, part)
			b.shop[0].Amount, b.erp[0].Amount, b.erp[0].Settled = eur(9_000), eur(9_000), dollars(9_711)
		}, []string{"fx_difference txn_charge1 erp-order/1 0.42 USD", "fx_difference txn_refund1 erp-memo/1 0.96 USD"}},
		"one invoice over two orders says nothing of either": {func(b *books) {
			b.shop[0].Amount = eur(6_000)
			second := sale(1, 4_000)
			second.ID = "order/1b"
			b.shop = append(b.shop, second)
		}, []string{"fx_difference txn_refund1 erp-memo/1 0.96 USD"}},
		"an amount that differs is no matter of rates": {func(b *books) { b.erp[0].Amount = eur(9_999) },
			[]string{"amount order/1 erp-order/1 0.01 EUR", "fx_difference txn_refund1 erp-memo/1 0.96 USD"}},
	} {
		found, r := exchanged(t, c.change)
		require.Equal(t, c.want, say(found), name)
		for _, d := range found {
			require.Equal(t, []string{"po_1", "pi_1", "1001"}, []string{d.Keys.Payout, d.Keys.Intent, d.Keys.Number}, name)
			if d.Reason == reconcile.FXDifference {
				require.NotNil(t, d.Line, name)
				require.NotNil(t, d.ERP, name)
				require.Equal(t, r.Payout().Ref.ID, d.Line.Payout, name)
				if strings.HasPrefix(d.ERP.ID, "erp-order") && len(c.want) == 2 && name != "the ERP's documents alone" {
					require.Equal(t, "order/1", d.Keys.Document, name)
				}
			}
		}
	}
}
