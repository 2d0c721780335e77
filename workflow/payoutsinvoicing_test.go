package workflow

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/reconcile"
)

// paidSales says when sales were paid, and whether their goods have left.
type paidSales struct {
	Sales
	at     time.Time
	unsent bool
}

func (s paidSales) Documents(ctx context.Context, from, to time.Time) iter.Seq2[reconcile.Document, error] {
	return func(yield func(reconcile.Document, error) bool) {
		for d, err := range s.Sales.Documents(ctx, from, to) {
			d.Date, d.Unsent = s.at, s.unsent
			if !yield(d, err) {
				return
			}
		}
	}
}

func TestWhatIsPaidAndNotSentIsNotMissingInAnERPThatInvoicesByShipment(t *testing.T) {
	t.Parallel()
	explained := func(unsent bool) *bank {
		b := sold(t)
		b.books.Invoicing, b.books.OpenFor, b.out.Invoicing = ByERP, time.Minute, OnShipment // nobody has invoiced it
		b.paid()
		b.out.Sales = []Sales{paidSales{b.out.Sales[0], b.lines[0].Created, unsent}}
		b.feed()
		b.pass(24 * time.Hour)
		b.payout("1")
		b.payoutNews("1", "payout.paid")
		b.work()
		require.Len(t, b.hears, 1)
		return b
	}
	b := explained(true)
	require.Empty(t, b.exceptions(), "%v", b.alerts)
	require.Equal(t, map[reconcile.Reason]int{reconcile.NotYetInvoiced: 1}, b.finds[0])
	require.Equal(t, map[reconcile.Reason]int{reconcile.MissingInERP: 1}, explained(false).finds[0], "its goods have left")
}
