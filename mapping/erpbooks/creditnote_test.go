package erpbooks_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erptest"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/workflow"
)

var _ workflow.CreditLedger = (*erpbooks.Books)(nil)

func code(err error) string {
	if e, ok := errors.AsType[*commerce.Error](err); ok {
		return e.Code
	}
	return ""
}

func allocate(t *testing.T, o commerce.Order, earlier []mapping.Allocation, ask mapping.RefundAsk) mapping.Allocation {
	t.Helper()
	a, err := mapping.AllocateRefund(o, earlier, ask)
	require.NoError(t, err)
	return a
}

func TestACreditNoteHasTheLinesTheTaxesAndTheTotalOfWhatWentBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]erptest.MemoryConfig{"the ERP makes a draft": {InvoicesItself: true}, "the ERP rounds tax per line": {InvoicesItself: true, TaxRounding: erp.RoundPerLine}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t, c, withChart())
			l.run(t, l.Invoice(l.route, l.order, l.sales, today))
			first := allocate(t, l.order, nil, mapping.RefundAsk{Lines: []mapping.RefundQuantity{{Line: l.order.Lines[0].ID, Quantity: dec("1")}}, AllShipping: true, Adjustment: eur(-50)})
			note := l.CreditNote(l.route, l.order, l.sales, mapping.CreditNote{Key: "re_1", Date: today, Text: "refund re_1", Content: first})
			_, err := note.Find(t.Context())
			require.ErrorIs(t, err, commerce.ErrNotFound)
			doc := l.run(t, note)
			require.Equal(t, first.Total.Neg(), doc.Total)
			require.Equal(t, doc, again(t, note))
			far, err := l.erp.FindCreditNote(t.Context(), l.CreditNoteKey(l.order.Ref, "re_1"))
			require.NoError(t, err)
			require.Equal(t, "CUP", far.Lines[0].SKU)
			require.Equal(t, "-1", far.Lines[0].Quantity.String())
			require.Equal(t, []erp.LineKind{erp.Goods, erp.Discount, erp.Shipping, erp.Rounding}, []erp.LineKind{far.Lines[0].Kind, far.Lines[1].Kind, far.Lines[2].Kind, far.Lines[3].Kind})
			require.Equal(t, eur(50), far.Lines[3].Net, "what is kept")
			require.Equal(t, "t19", far.Taxes[0].TaxID)

			money := allocate(t, l.order, []mapping.Allocation{first}, mapping.RefundAsk{Amount: eur(123)})
			doc = l.run(t, l.CreditNote(l.route, l.order, l.sales, mapping.CreditNote{Key: "re_2", Date: today, Content: money}))
			require.Equal(t, eur(-123), doc.Total)
			rest := allocate(t, l.order, []mapping.Allocation{first, money}, mapping.RefundAsk{Everything: true})
			l.run(t, l.CreditNote(l.route, l.order, l.sales, mapping.CreditNote{Key: "re_3", Date: today, Content: rest}))
			all, err := l.Invoices(t.Context(), l.route, l.sales)
			require.NoError(t, err)
			sum := commerce.Zero("EUR")
			for _, i := range all {
				sum, err = sum.Add(i.Document.Total)
				require.NoError(t, err)
			}
			require.True(t, sum.IsZero(), "%s is left of the invoice", sum)
			_, err = l.try(t, l.CreditNote(l.route, l.order, l.sales, mapping.CreditNote{Key: "re_4", Date: today, Content: first}))
			require.ErrorIs(t, err, commerce.ErrConflict, "the goods are back")
			require.True(t, commerce.SafeToRetry(err))
		})
	}
}

func TestACreditNoteNeedsOneInvoiceThatIsPosted(t *testing.T) {
	t.Parallel()
	l := newLedger(t, erptest.MemoryConfig{InvoicesItself: true}, withChart())
	all := allocate(t, l.order, nil, mapping.RefundAsk{Everything: true})
	_, err := l.try(t, l.CreditNote(l.route, l.order, l.sales, mapping.CreditNote{Key: "re_1", Date: today, Content: all}))
	require.ErrorIs(t, err, commerce.ErrConflict)
	require.Equal(t, "not_invoiced", code(err))
	require.True(t, commerce.SafeToRetry(err))

	l.run(t, l.Invoice(l.route, l.order, l.sales, today))
	gone := all
	gone.Lines = append([]mapping.RefundLine(nil), all.Lines...)
	gone.Lines[0].Line = "99"
	_, err = l.try(t, l.CreditNote(l.route, l.order, l.sales, mapping.CreditNote{Key: "re_1", Date: today, Content: gone}))
	require.ErrorIs(t, err, commerce.ErrMapping)
	foreign := all
	foreign.Total = usd(100)
	_, err = l.try(t, l.CreditNote(l.route, l.order, l.sales, mapping.CreditNote{Key: "re_1", Date: today, Content: foreign}))
	require.ErrorIs(t, err, commerce.ErrMapping)
}

// TestAnyRefundsOfAnOrderAddUpToItsInvoice credits random refunds until nothing is left.
func TestAnyRefundsOfAnOrderAddUpToItsInvoice(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(11, seed))
		l := newLedger(t, erptest.MemoryConfig{InvoicesItself: true}, withChart())
		l.run(t, l.Invoice(l.route, l.order, l.sales, today))
		left, earlier := l.order.Totals.Gross, []mapping.Allocation(nil)
		for n := 1; left.Sign() > 0; n++ {
			ask := mapping.RefundAsk{Everything: n > 4}
			if !ask.Everything {
				switch r.IntN(3) {
				case 0:
					ask.Lines = []mapping.RefundQuantity{{Line: l.order.Lines[r.IntN(len(l.order.Lines))].ID, Quantity: dec("1")}}
					ask.AllShipping = r.IntN(2) == 0
				default:
					ask.Amount = eur(1 + r.Int64N(left.Minor()))
				}
			}
			content, err := mapping.AllocateRefund(l.order, earlier, ask)
			var cannot *mapping.RefundError
			if errors.As(err, &cannot) {
				continue
			}
			require.NoError(t, err)
			doc, err := l.try(t, l.CreditNote(l.route, l.order, l.sales, mapping.CreditNote{Key: fmt.Sprint("re_", n), Date: today, Content: content}))
			require.NoError(t, err, "seed %d, refund %d: %+v", seed, n, content)
			require.Equal(t, content.Total.Neg(), doc.Total)
			earlier = append(earlier, content)
			left, err = left.Sub(content.Total)
			require.NoError(t, err)
		}
	}
}
