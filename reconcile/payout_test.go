package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

var day = time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC)

func eur(minor int64) commerce.Money { return commerce.MustMoney(minor, "EUR") }

// seq yields rows as a source would, in a random order of its own.
func seq[T any](rows ...T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, i := range rand.Perm(len(rows)) {
			if !yield(rows[i], nil) {
				return
			}
		}
	}
}

func charge(n int, amount int64) reconcile.Line {
	return line(n, "charge", amount, 50)
}

func refund(n int, amount int64) reconcile.Line {
	l := line(n, "refund", -amount, 0)
	l.Refund = fmt.Sprint("re_", n)
	return l
}

func line(n int, category string, amount, fee int64) reconcile.Line {
	return reconcile.Line{ID: fmt.Sprint("txn_", category, n), Category: category, Amount: eur(amount), Fee: eur(fee), Net: eur(amount - fee),
		Created: day.Add(time.Duration(n) * time.Minute), Available: day.AddDate(0, 0, 2), Charge: fmt.Sprint("ch_", n), Intent: fmt.Sprint("pi_", n), Payout: "po_1"}
}

func sale(n int, amount int64) reconcile.Document {
	return reconcile.Document{System: "magento", ID: fmt.Sprint("order/", n), Number: fmt.Sprint(1000 + n), Amount: eur(amount),
		Date: day.Add(time.Duration(n) * time.Minute), Payment: fmt.Sprint("pi_", n), Intent: fmt.Sprint("pi_", n)}
}

func memo(n int, amount int64) reconcile.Document {
	d := sale(n, amount)
	d.ID, d.Refund, d.RefundID = fmt.Sprint("memo/", n), true, fmt.Sprint("re_", n)
	return d
}

func erp(d reconcile.Document) reconcile.Document {
	return reconcile.Document{System: "tryton", ID: "erp-" + d.ID, Number: d.Number, Refund: d.Refund, Amount: d.Amount, Date: d.Date}
}

func payoutOf(lines []reconcile.Line) commerce.Payout {
	sum := eur(0)
	for _, l := range lines {
		sum, _ = sum.Add(l.Net)
	}
	return commerce.Payout{Ref: commerce.Ref{System: "stripe", Mode: commerce.Live, ID: "po_1"}, Amount: sum, Status: commerce.PayoutPaid,
		Automatic: true, Reconciled: true, Transaction: "txn_po", Created: day.AddDate(0, 0, 3)}
}

// case of books: what the three sides have.
type books struct {
	lines []reconcile.Line
	shop  []reconcile.Document
	erp   []reconcile.Document
}

func (b books) explain(t *testing.T, config reconcile.Config) (*reconcile.Report, []reconcile.Discrepancy) {
	t.Helper()
	in := reconcile.Input{Payout: payoutOf(b.lines), Lines: seq(b.lines...)}
	if b.shop != nil {
		in.Shop = seq(b.shop...)
	}
	if b.erp != nil {
		in.ERP = seq(b.erp...)
	}
	config.Dir = t.TempDir()
	r, err := reconcile.Payout(t.Context(), in, config)
	require.NoError(t, err)
	found, err := all(t, r.Discrepancies())
	require.NoError(t, err)
	require.NoError(t, r.Close())
	left, err := os.ReadDir(config.Dir)
	require.NoError(t, err)
	require.Empty(t, left, "no spill file is left")
	return r, found
}

func say(found []reconcile.Discrepancy) (said []string) {
	for _, d := range found {
		s := string(d.Reason)
		if d.Line != nil {
			s += " " + d.Line.ID
		}
		for _, doc := range []*reconcile.Document{d.Document, d.ERP} {
			if doc != nil {
				s += " " + doc.ID
			}
		}
		if d.Difference != (commerce.Money{}) {
			s += " " + d.Difference.String()
		}
		if d.Confidence > 0 {
			s += fmt.Sprintf(" %d%%", d.Confidence)
		}
		said = append(said, s)
	}
	return said
}

func TestEveryDiscrepancyHasAName(t *testing.T) {
	t.Parallel()
	with := func(b books, change func(*books)) books { change(&b); return b }
	good := func() books {
		return books{
			lines: []reconcile.Line{charge(1, 1000), charge(2, 2000), refund(2, 500), line(3, "fee", -20, 0), charge(9, 1)},
			shop:  []reconcile.Document{sale(1, 1000), sale(2, 2000), memo(2, 500), sale(9, 1)},
		}
	}
	whole := func() books {
		b := good()
		for _, d := range b.shop {
			b.erp = append(b.erp, erp(d))
		}
		return b
	}
	for name, c := range map[string]struct {
		books  books
		config reconcile.Config
		want   []string
	}{
		"all agrees":            {books: good()},
		"all agrees in three":   {books: whole()},
		"nothing to compare":    {books: books{lines: good().lines}},
		"no document at Stripe": {books: with(good(), func(b *books) { b.shop = append(b.shop, sale(4, 700)) }), want: []string{"missing_at_stripe order/4 -7.00 EUR"}},
		"a younger document waits": {books: with(good(), func(b *books) { b.shop = append(b.shop, sale(10, 700)) }),
			want: []string{"not_yet_paid_out order/10 -7.00 EUR"}},
		"no sale in the shop": {books: with(good(), func(b *books) { b.lines = append(b.lines, charge(4, 700)) }), want: []string{"missing_in_shop txn_charge4 7.00 EUR"}},
		"a refund without memo": {books: with(good(), func(b *books) { b.lines = append(b.lines, refund(1, 100)) }),
			want: []string{"refund_without_credit_memo txn_refund1 1.00 EUR"}},
		"another amount": {books: with(good(), func(b *books) { b.shop[0].Amount = eur(999) }), want: []string{"amount txn_charge1 order/1 0.01 EUR"}},
		"another currency": {books: with(good(), func(b *books) { b.shop[0].Amount = commerce.MustMoney(1000, "USD") }),
			want: []string{"currency txn_charge1 order/1"}},
		"the buyer's currency": {books: with(good(), func(b *books) {
			b.shop[0].Amount = commerce.MustMoney(1100, "USD")
			b.lines[0].Presented = commerce.MustMoney(1100, "USD")
		})},
		"settled at another rate": {books: with(good(), func(b *books) {
			b.shop[0].Amount = commerce.MustMoney(1100, "USD")
			b.lines[0].Presented = commerce.MustMoney(1100, "USD")
			b.shop[0].Settled = eur(990)
		}), want: []string{"fx_difference txn_charge1 order/1 0.10 EUR"}},
		"a row that is there twice": {books: with(good(), func(b *books) { b.lines = append(b.lines, charge(1, 1000)) }),
			want: []string{"duplicate txn_charge1 10.00 EUR"}},
		"a fee row that is there twice": {books: with(good(), func(b *books) { b.lines = append(b.lines, line(3, "fee", -20, 0)) }),
			want: []string{"duplicate txn_fee3 -0.20 EUR"}},
		"a document that is there twice": {books: with(whole(), func(b *books) { b.shop = append(b.shop, sale(1, 1000)) }),
			want: []string{"duplicate order/1 10.00 EUR"}},
		"a sale that was paid twice": {books: with(good(), func(b *books) {
			again := charge(1, 1000)
			again.ID, again.Charge, again.Created = "txn_again", "ch_again", again.Created.Add(time.Second)
			b.lines = append(b.lines, again)
		}), want: []string{"duplicate txn_again order/1 10.00 EUR"}},
		"one payment for two sales": {books: with(good(), func(b *books) {
			b.shop[0].Amount = eur(400)
			second := sale(1, 600)
			second.ID = "order/1b"
			b.shop = append(b.shop, second)
		})},
		"a capture of less": {books: with(good(), func(b *books) {
			part := line(1, "partial_capture_reversal", -300, 0)
			b.lines = append(b.lines, part)
			b.shop[0].Amount = eur(700)
		})},
		"a debit that failed": {books: with(good(), func(b *books) {
			b.lines = append(b.lines, charge(5, 700), line(5, "charge_failure", -700, 0))
		})},
		"another fee": {books: good(), config: reconcile.Config{Fee: func(l reconcile.Line) (commerce.Money, bool) {
			return eur(45), l.ID == "txn_charge2"
		}}, want: []string{"fee txn_charge2 0.05 EUR"}},
		"an unknown category": {books: with(good(), func(b *books) { b.lines = append(b.lines, line(6, "moon_tax", -5, 0)) }),
			want: []string{"unknown_category txn_moon_tax6 -0.05 EUR"}},
		"a category that is known here": {books: with(good(), func(b *books) { b.lines = append(b.lines, line(6, "moon_tax", -5, 0)) }),
			config: reconcile.Config{Known: []string{"moon_tax"}}},
		"before the cut-over": {books: with(good(), func(b *books) {
			old := charge(7, 300)
			old.Created = day.AddDate(0, -1, 0)
			b.lines = append(b.lines, old)
		}), config: reconcile.Config{CutOver: day}, want: []string{"before_cut_over txn_charge7 3.00 EUR"}},
		"matched by the charge": {books: with(good(), func(b *books) { b.shop[0].Intent, b.shop[0].Payment = "", "ch_1" })},
		"matched by the number": {books: with(good(), func(b *books) {
			b.shop[0].Intent, b.shop[0].Payment = "", ""
			b.lines[0].Number = "1001"
		})},
		"a proposal": {books: with(good(), func(b *books) { b.shop[0].Intent, b.shop[0].Payment = "", "" }),
			want: []string{"unlinked txn_charge1 order/1 0.00 EUR 95%"}},
		"a proposal that was confirmed": {books: with(good(), func(b *books) { b.shop[0].Intent, b.shop[0].Payment = "", "" }),
			config: reconcile.Config{Confirmed: map[string]string{"txn_charge1": "order/1"}}},
		"other ids are no proposal": {books: with(good(), func(b *books) { b.shop[0].Intent, b.shop[0].Payment = "pi_x", "pi_x" }),
			want: []string{"missing_at_stripe order/1 -10.00 EUR", "missing_in_shop txn_charge1 10.00 EUR"}},
		"no id at all": {books: with(good(), func(b *books) {
			b.lines = append(b.lines, charge(8, 123))
			b.lines[5].Charge, b.lines[5].Intent = "", ""
		}), want: []string{"unlinked txn_charge8 1.23 EUR"}},
		"missing in the ERP": {books: with(whole(), func(b *books) { b.erp = b.erp[1:] }), want: []string{"missing_in_erp order/1 10.00 EUR"}},
		"not sent, and invoiced when it is": {books: with(whole(), func(b *books) { b.shop[0].Unsent, b.erp = true, b.erp[1:] }),
			config: reconcile.Config{OnShipment: true}, want: []string{"not_yet_invoiced order/1 10.00 EUR"}},
		"not sent, and invoiced whenever": {books: with(whole(), func(b *books) { b.shop[0].Unsent, b.erp = true, b.erp[1:] }),
			want: []string{"missing_in_erp order/1 10.00 EUR"}},
		"sent, and not invoiced": {books: with(whole(), func(b *books) { b.erp = b.erp[1:] }),
			config: reconcile.Config{OnShipment: true}, want: []string{"missing_in_erp order/1 10.00 EUR"}},
		"the ERP has more": {books: with(whole(), func(b *books) { b.erp = append(b.erp, erp(sale(8, 100))) }),
			want: []string{"missing_in_shop erp-order/8 -1.00 EUR"}},
		"the ERP has another amount": {books: with(whole(), func(b *books) { b.erp[0].Amount = eur(1003) }),
			want: []string{"amount order/1 erp-order/1 -0.03 EUR"}},
		"a gift card paid a part": {books: with(whole(), func(b *books) {
			b.shop[0].Total, b.erp[0].Amount = eur(1500), eur(1500)
		})},
		"a gift card paid a part, as both say": {books: with(whole(), func(b *books) {
			b.shop[0].Total, b.erp[0].Total = eur(1500), eur(1500)
		})},
		"a gift card paid a part, and the totals differ": {books: with(whole(), func(b *books) {
			b.shop[0].Total, b.erp[0].Amount = eur(1500), eur(1502)
		}), want: []string{"amount order/1 erp-order/1 -0.02 EUR"}},
		"a gift card paid a part, and Stripe collected another": {books: with(whole(), func(b *books) {
			b.shop[0].Amount, b.shop[0].Total, b.erp[0].Amount = eur(999), eur(1500), eur(1500)
		}), want: []string{"amount txn_charge1 order/1 0.01 EUR"}},
		"a gift card paid a part of what the ERP does not have": {books: with(whole(), func(b *books) {
			b.shop[0].Total, b.erp = eur(1500), b.erp[1:]
		}), want: []string{"missing_in_erp order/1 15.00 EUR"}},
		"a gift card paid a part, as the ERP alone says": {books: with(whole(), func(b *books) {
			b.erp[0].Payment, b.erp[1].Payment, b.erp[2].Payment, b.erp[3].Payment = "pi_1", "pi_2", "re_2", "pi_9"
			b.erp[0].Total, b.shop = eur(1500), nil
		})},
		"no shop at all": {books: with(whole(), func(b *books) {
			b.erp[0].Payment, b.erp[1].Payment, b.erp[2].Payment = "pi_1", "pi_2", "re_2"
			b.shop, b.erp = nil, b.erp[:3]
		}), want: []string{"missing_in_erp txn_charge9 0.01 EUR"}},
	} {
		for range 3 {
			_, found := c.books.explain(t, c.config)
			require.Equal(t, c.want, say(found), name)
			for _, d := range found {
				require.NotEmpty(t, d.Reason.Advice(), name)
			}
		}
	}
}

func TestAPayoutIsProvedToTheLastCent(t *testing.T) {
	t.Parallel()
	b := books{lines: []reconcile.Line{charge(1, 1000), refund(1, 300), line(2, "dispute", -200, 1500), line(3, "fee", -20, 0),
		line(4, "risk_reserved_funds", -40, 0), line(5, "transfer", -30, 0), line(6, "other_adjustment", 7, 0), line(7, "payout_reversal", 11, 0)}}
	p := payoutOf(b.lines)
	own := reconcile.Line{ID: "txn_po", Category: "payout", Source: "po_1", Amount: p.Amount.Neg(), Fee: eur(0), Net: p.Amount.Neg(), Created: day}
	r, err := reconcile.Payout(t.Context(), reconcile.Input{Payout: p, Lines: seq(append(b.lines, own)...)}, reconcile.Config{Dir: t.TempDir()})
	require.NoError(t, err)
	defer r.Close()
	got := r.Proof
	require.True(t, got.Closed())
	require.Equal(t, []commerce.Money{eur(1000), eur(-300), eur(-200), eur(-1570), eur(-40), eur(-30), eur(7), eur(11), eur(-1122), eur(1122), eur(-1122), eur(0)},
		[]commerce.Money{got.Sales, got.Refunds, got.Disputes, got.Fees, got.Reserves, got.Transfers, got.Adjustments, got.Payouts, got.Net, got.Own, got.Bank, got.Rest})
	require.Equal(t, 8, got.Rows)

	p.Amount = eur(-1121)
	r, err = reconcile.Payout(t.Context(), reconcile.Input{Payout: p, Lines: seq(b.lines...)}, reconcile.Config{})
	require.NoError(t, err)
	defer r.Close()
	require.False(t, r.Proof.Closed())
	require.Equal(t, eur(1), r.Proof.Rest)
}

func TestWhatCanNotBeExplainedIsRefused(t *testing.T) {
	t.Parallel()
	good := books{lines: []reconcile.Line{charge(1, 1000)}}
	lost := errors.New("lost")
	for name, c := range map[string]struct {
		change func(*reconcile.Input, *reconcile.Config)
		want   string
		kind   commerce.Kind
	}{
		"made by hand":      {func(in *reconcile.Input, _ *reconcile.Config) { in.Payout.Automatic = false }, "made by hand", commerce.KindInvalid},
		"not yet complete":  {func(in *reconcile.Input, _ *reconcile.Config) { in.Payout.Reconciled = false }, "not yet listed", commerce.KindParked},
		"no lines":          {func(in *reconcile.Input, _ *reconcile.Config) { in.Lines = nil }, "Input.Lines", commerce.KindInvalid},
		"no payout":         {func(in *reconcile.Input, _ *reconcile.Config) { in.Payout = commerce.Payout{} }, "Input.Payout", commerce.KindInvalid},
		"too little memory": {func(_ *reconcile.Input, c *reconcile.Config) { c.Memory = 1 }, "Memory", commerce.KindInvalid},
		"another payout": {func(in *reconcile.Input, _ *reconcile.Config) {
			l := charge(2, 5)
			l.Payout, l.Row = "po_2", 7
			in.Lines = seq(l)
		}, "lines row 7 column automatic_payout_id: txn_charge2 is in payout po_2", commerce.KindInvalid},
		"another currency": {func(in *reconcile.Input, _ *reconcile.Config) {
			l := charge(2, 5)
			l.Amount = commerce.MustMoney(5, "USD")
			in.Lines = seq(l)
		}, "is in USD, the payout in EUR", commerce.KindInvalid},
		"a line without id": {func(in *reconcile.Input, _ *reconcile.Config) { in.Lines = seq(reconcile.Line{Row: 3}) },
			"lines row 3 column balance_transaction_id: is empty", commerce.KindInvalid},
		"a document without id": {func(in *reconcile.Input, _ *reconcile.Config) { in.Shop = seq(reconcile.Document{Row: 3}) },
			"documents row 3 column id: is empty", commerce.KindInvalid},
		"a document without amount": {func(in *reconcile.Input, _ *reconcile.Config) { in.ERP = seq(reconcile.Document{Row: 3, ID: "a"}) },
			"documents row 3 column amount: a has none", commerce.KindInvalid},
		"too many rows of one id": {func(in *reconcile.Input, _ *reconcile.Config) {
			in.Shop = func(yield func(reconcile.Document, error) bool) {
				for range 70_000 {
					if !yield(sale(1, 5), nil) {
						return
					}
				}
			}
		}, "at most 65536", commerce.KindLimit},
		"parts of a fee that are not the fee": {func(in *reconcile.Input, _ *reconcile.Config) {
			l := charge(2, 500)
			l.Fees = []reconcile.FeeDetail{{Type: "stripe_fee", Amount: eur(49)}}
			in.Lines = seq(l)
		}, "the parts of the fee make 0.49 EUR, the fee is 0.50 EUR", commerce.KindInvalid},
		"a source that fails": {func(in *reconcile.Input, _ *reconcile.Config) {
			in.Shop = func(yield func(reconcile.Document, error) bool) { yield(reconcile.Document{}, lost) }
		}, "lost", ""},
	} {
		in := reconcile.Input{Payout: payoutOf(good.lines), Lines: seq(good.lines...)}
		config := reconcile.Config{Dir: t.TempDir()}
		c.change(&in, &config)
		_, err := reconcile.Payout(t.Context(), in, config)
		require.ErrorContains(t, err, c.want, name)
		if c.kind != "" {
			require.Equal(t, c.kind, commerce.KindOf(err), name)
		}
		left, err := os.ReadDir(config.Dir)
		require.NoError(t, err)
		require.Empty(t, left, name)
	}
}

func TestADirectoryThatIsNotThereIsToldAndNothingIsRead(t *testing.T) {
	t.Parallel()
	lines := func(func(reconcile.Line, error) bool) { t.Error("read") }
	_, err := reconcile.Payout(t.Context(), reconcile.Input{Payout: payoutOf(nil), Lines: lines}, reconcile.Config{Dir: t.TempDir() + "/none"})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Equal(t, commerce.KindInternal, commerce.KindOf(err))
}

func TestEveryReasonSaysWhatToDo(t *testing.T) {
	t.Parallel()
	require.Len(t, reconcile.Reasons(), 16)
	for _, r := range reconcile.Reasons() {
		require.NotEmpty(t, r.Advice(), r)
	}
}

func TestACancelledRunLeavesNoFile(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	lines := func(yield func(reconcile.Line, error) bool) {
		for n := 0; yield(charge(n, 100), nil); n++ {
			if n == 5000 {
				cancel()
			}
		}
	}
	_, err := reconcile.Payout(ctx, reconcile.Input{Payout: payoutOf(nil), Lines: lines, Shop: seq(sale(1, 100))}, reconcile.Config{Dir: dir})
	require.ErrorIs(t, err, context.Canceled)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestManyRowsFromDiskAreMatchedAndEachDifferenceIsFound(t *testing.T) {
	t.Parallel()
	m := generate(t, 16_000, 7)
	require.Equal(t, m.differ, ours(t, m))
}

func TestWhatMatchesCanBeWalked(t *testing.T) {
	t.Parallel()
	d := sale(1, 1000)
	r, err := reconcile.Payout(t.Context(), reconcile.Input{Payout: payoutOf([]reconcile.Line{charge(1, 1000)}), Lines: seq(charge(1, 1000)),
		Shop: seq(d), ERP: seq(erp(d))}, reconcile.Config{})
	require.NoError(t, err)
	defer r.Close()
	matches, err := all(t, r.Matches())
	require.NoError(t, err)
	l, e := charge(1, 1000), erp(d)
	require.Equal(t, []reconcile.Match{{Line: &l, Document: &d, ERP: &e}}, matches)
	require.Equal(t, reconcile.Keys{Payout: "po_1", Transaction: "txn_charge1", Charge: "ch_1", Intent: "pi_1", Number: "1001", Document: "order/1", ERP: "erp-order/1"},
		matches[0].Keys(), "from the payout to the ERP")
	require.Equal(t, reconcile.Matched{ByID: 1}, r.Matched)
}
