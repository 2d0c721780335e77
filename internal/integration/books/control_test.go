package books_test

import (
	"context"
	"iter"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erptest"
	"github.com/commercesync/commerce/reconcile"
)

// explained are the reports of all automatic payouts whose transactions Stripe has listed.
func (p *program) explained() (out []*reconcile.Report) {
	ctx, t := p.w.t.Context(), p.w.t
	first := p.w.clock().AddDate(-1, 0, 0)
	for payout, err := range p.pay.Payouts(ctx, first, p.w.clock()) {
		require.NoError(t, err)
		if !payout.Reconciled {
			continue
		}
		r, err := reconcile.Payout(ctx, reconcile.Input{Payout: payout, Lines: p.pay.Inside(ctx, payout.Ref)}, reconcile.Config{Dir: t.TempDir()})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, r.Close()) })
		out = append(out, r)
	}
	require.NotEmpty(t, out)
	return out
}

// naive is the control of programs that book a payout as a whole when it is made: sales
// and refunds over revenue, fees and transit, on the payout's day.
func (p *program) naive() []commerce.JournalEntry {
	a := p.office.accounts()
	chart := p.chart
	chart.Documents = nil
	chart.Categories = map[string]string{"charge": a.sales, "refund": a.sales, "charge_failure": a.sales, "dispute": a.disputes, "fee": a.fees,
		"payout_reversal": a.transit}
	var entries []commerce.JournalEntry
	for _, r := range p.explained() {
		e, err := r.Whole(chart)
		require.NoError(p.w.t, err)
		e.Key = "naive/" + e.Key
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b commerce.JournalEntry) int {
		return slices.Compare([]string{a.Date.String()}, []string{b.Date.String()})
	})
	return entries
}

// insidePayouts sums the gross amounts of sales and refunds in payouts that Stripe explains.
func (p *program) insidePayouts() int64 {
	sum := int64(0)
	for payout, err := range p.pay.Payouts(p.w.t.Context(), p.w.clock().AddDate(-1, 0, 0), p.w.clock()) {
		require.NoError(p.w.t, err)
		if payout.Reconciled {
			for l, err := range p.pay.Inside(p.w.t.Context(), payout.Ref) {
				require.NoError(p.w.t, err)
				if l.Category == "charge" || l.Category == "refund" || l.Category == "charge_failure" {
					sum += l.Amount.Minor()
				}
			}
		}
	}
	return sum
}

// booked is a ledger of entries in an ERP of their own.
func (p *program) booked(entries iter.Seq[commerce.JournalEntry]) ledger {
	t := p.w.t
	m, err := erptest.NewMemory(erptest.MemoryConfig{Currency: p.w.money.company})
	require.NoError(t, err)
	o := &memoryOffice{t, m}
	for e := range entries {
		post(t.Context(), p, m, e)
	}
	return o.read()
}

func post(ctx context.Context, p *program, to erp.Ledger, e commerce.JournalEntry) {
	_, err := to.PostEntry(ctx, e)
	require.NoError(p.w.t, err)
}
