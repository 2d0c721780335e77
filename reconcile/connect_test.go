package reconcile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/reconcile"
)

// related is a line of Connect for order n: its source, and only those ids that Stripe
// tells with it.
func related(n int, category, source string, amount int64, ids func(*reconcile.Line)) reconcile.Line {
	l := line(n, category, amount, 0)
	l.ID, l.Source, l.Charge, l.Intent = "txn_"+source, source, "", ""
	if ids != nil {
		ids(&l)
	}
	return l
}

// marketplace is an order n at a platform: charged there, passed on to a merchant less
// a fee, and given back in part with everything that belongs to it.
func marketplace(n int) books {
	ch := func(l *reconcile.Line) { l.Charge = fmt.Sprint("ch_", n) }
	return books{
		lines: []reconcile.Line{
			charge(n, 10_000), refund(n, 2_000),
			related(n, "transfer", fmt.Sprint("tr_", n), -9_000, func(l *reconcile.Line) {
				ch(l)
				l.Transfer, l.Account = fmt.Sprint("tr_", n), "acct_merchant"
			}),
			related(n, "platform_earning", fmt.Sprint("fee_", n), 1_000, ch),
			related(n, "platform_earning_refund", fmt.Sprint("fr_", n), -200, ch),
			related(n, "transfer_reversal", fmt.Sprint("trr_", n), 1_800, func(l *reconcile.Line) { l.Transfer = fmt.Sprint("tr_", n) }),
		},
		shop: []reconcile.Document{sale(n, 10_000), memo(n, 2_000)},
		erp:  []reconcile.Document{erp(sale(n, 10_000)), erp(memo(n, 2_000))},
	}
}

// grouped says the lines that each document of the shop has.
func grouped(t *testing.T, b books, config reconcile.Config) (map[string][]string, *reconcile.Report) {
	t.Helper()
	in := reconcile.Input{Payout: payoutOf(b.lines), Lines: seq(b.lines...), Shop: seq(b.shop...)}
	if b.erp != nil {
		in.ERP = seq(b.erp...)
	}
	r, err := reconcile.Payout(t.Context(), in, config)
	require.NoError(t, err)
	defer r.Close()
	matches, err := all(t, r.Matches())
	require.NoError(t, err)
	said := map[string][]string{}
	for _, m := range matches {
		if m.Line != nil {
			said[m.Document.ID] = append(said[m.Document.ID], m.Line.ID)
		}
		if b.erp != nil {
			require.Equal(t, "erp-"+m.Document.ID, m.Keys().ERP, "from any line to the ERP")
		}
	}
	for _, lines := range said {
		slices.Sort(lines)
	}
	return said, r
}

func TestLinesOfConnectBelongToTheDocumentOfTheirCharge(t *testing.T) {
	t.Parallel()
	b := marketplace(1)
	_, found := b.explain(t, reconcile.Config{})
	require.Empty(t, found, "none is a duplicate, and none is missing")
	said, r := grouped(t, b, reconcile.Config{})
	require.Equal(t, map[string][]string{
		"order/1": {"txn_charge1", "txn_fee_1", "txn_fr_1", "txn_tr_1", "txn_trr_1"},
		"memo/1":  {"txn_refund1"},
	}, said)
	require.Equal(t, reconcile.Matched{ByID: 2, Related: 4}, r.Matched)
}

func TestLinesOfConnectAreToldApartFromWhatIsMissing(t *testing.T) {
	t.Parallel()
	with := func(change func(*books)) books {
		b := marketplace(1)
		b.erp = nil
		change(&b)
		return b
	}
	whole := []string{"txn_charge1", "txn_fee_1", "txn_fr_1", "txn_tr_1", "txn_trr_1"}
	for name, c := range map[string]struct {
		books   books
		want    []string // of the order
		matched reconcile.Matched
		found   []string
	}{
		"a reversal that names the refund it is for": {books: with(func(b *books) {
			b.lines[5].Transfer, b.lines[5].Refund = "", "re_1"
			b.shop[1].Intent, b.shop[1].Payment = "", ""
		}), want: whole[:4], matched: reconcile.Matched{ByID: 2, Related: 4}},
		"separate charges and transfers: several of one charge": {books: with(func(b *books) {
			second := related(1, "transfer", "tr_2", -500, func(l *reconcile.Line) { l.Charge, l.Transfer = "ch_1", "tr_2" })
			b.lines = append(b.lines, second)
		}), want: slices.Insert(slices.Clone(whole), 4, "txn_tr_2"), matched: reconcile.Matched{ByID: 2, Related: 5}},
		"a transfer from the balance is for no order": {books: with(func(b *books) {
			b.lines = append(b.lines, related(2, "transfer", "tr_9", -700, func(l *reconcile.Line) { l.Transfer = "tr_9" }),
				related(2, "transfer_reversal", "trr_9", 100, func(l *reconcile.Line) { l.Transfer = "tr_9" }))
		}), want: whole, matched: reconcile.Matched{ByID: 2, Related: 4, Alone: 2}},
		"a fee of a direct charge, which is the merchant's": {books: with(func(b *books) {
			b.lines = append(b.lines, related(2, "platform_earning", "fee_9", 700, func(l *reconcile.Line) { l.Charge, l.Account = "ch_there", "acct_merchant" }))
		}), want: whole, matched: reconcile.Matched{ByID: 2, Related: 4, Alone: 1}},
		"a direct charge, seen by the merchant": {books: with(func(b *books) {
			l := charge(1, 10_000)
			l.Fees = []reconcile.FeeDetail{{Type: "application_fee", Amount: eur(30)}, {Type: "stripe_fee", Amount: eur(20)}}
			b.lines, b.shop = []reconcile.Line{l}, b.shop[:1]
		}), want: []string{"txn_charge1"}, matched: reconcile.Matched{ByID: 1}},
		"a destination charge, seen by the merchant: what the transfer is there": {books: with(func(b *books) {
			l := charge(1, 9_000)
			l.Charge, l.Intent, l.Source, l.Transfer, l.Number = "py_1", "", "py_1", "tr_1", "1001"
			b.lines, b.shop = []reconcile.Line{l}, b.shop[:1]
			b.shop[0].Amount = eur(9_000)
		}), want: []string{"txn_charge1"}, matched: reconcile.Matched{ByID: 1}},
		"a charge that the shop does not know": {books: with(func(b *books) { b.shop = b.shop[1:] }),
			matched: reconcile.Matched{ByID: 1, Related: 4}, found: []string{"missing_in_shop txn_charge1 100.00 EUR"}},
		"a fee that is there twice": {books: with(func(b *books) { b.lines = append(b.lines, b.lines[3]) }),
			want: whole, matched: reconcile.Matched{ByID: 2, Related: 4}, found: []string{"duplicate txn_fee_1 10.00 EUR"}},
		"a dispute of an order that was paid out before": {books: with(func(b *books) {
			l := line(3, "dispute", -500, 1_500)
			l.Source, l.Dispute = "dp_3", "dp_3"
			old := sale(3, 500)
			old.Date = day.AddDate(0, -2, 0)
			b.lines, b.shop = append(b.lines, l), append(b.shop, old)
		}), want: whole, matched: reconcile.Matched{ByID: 2, Related: 5}, found: []string{"missing_at_stripe order/3 -5.00 EUR"}},
		"the shop knows the order by its number": {books: with(func(b *books) {
			b.shop[0].Intent, b.shop[0].Payment = "", ""
			b.lines[0].Number = "1001"
		}), want: whole, matched: reconcile.Matched{ByID: 2, Related: 4}},
	} {
		said, r := grouped(t, c.books, reconcile.Config{})
		if len(c.want) > 0 {
			require.Equal(t, c.want, said["order/1"], name)
		}
		require.Equal(t, c.matched, r.Matched, name)
		_, found := c.books.explain(t, reconcile.Config{})
		require.Equal(t, c.found, say(found), name)
		alone := 0
		for _, d := range found {
			if d.Line != nil && d.Document == nil {
				alone++ // none of the counts has it
			}
		}
		m := r.Matched
		require.Equal(t, len(c.books.lines), m.ByID+m.Proposed+m.Related+m.Alone+alone, "every line is somewhere: "+name)
	}
}

func TestManyLinesOfConnectFindTheirOrders(t *testing.T) {
	t.Parallel()
	var b books
	const orders = 1_000
	for n := range orders {
		one := marketplace(n)
		b.lines, b.shop = append(b.lines, one.lines...), append(b.shop, one.shop...)
	}
	said, r := grouped(t, b, reconcile.Config{})
	require.Equal(t, reconcile.Matched{ByID: 2 * orders, Related: 4 * orders}, r.Matched)
	for n := range orders {
		require.Len(t, said[fmt.Sprint("order/", n)], 5)
		require.True(t, strings.HasSuffix(said[fmt.Sprint("order/", n)][0], fmt.Sprint("charge", n)))
	}
}

func TestAReportOfAPlatformNamesTheChargeOfTheMerchant(t *testing.T) {
	t.Parallel()
	lines, err := all(t, reconcile.Itemized(strings.NewReader("balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id,charge_id,connected_account_id,connected_account_direct_charge_id\n"+
		"txn_1,2026-11-03 10:11:12,eur,5,0,5,platform_earning,fee_1,,acct_m,ch_m\n"), reconcile.ItemizedConfig{}))
	require.NoError(t, err)
	require.Equal(t, []string{"fee_1", "ch_m", "acct_m"}, []string{lines[0].Source, lines[0].Charge, lines[0].Account})
}
