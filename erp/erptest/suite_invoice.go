package erptest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// confirmed makes and confirms the order of b.order; edit may be nil.
func (b Bench) confirmed(t *testing.T, key string, edit func(*erp.NewOrder)) erp.Order {
	t.Helper()
	n := b.order(t)
	n.Key = key
	if edit != nil {
		edit(&n)
	}
	o, err := b.ERP.CreateOrder(t.Context(), n)
	require.NoError(t, err)
	o, err = b.ERP.ConfirmOrder(t.Context(), o.Ref)
	require.NoError(t, err)
	return o
}

// invoiceOf asks for the whole order as the shop has it.
func (b Bench) invoiceOf(o erp.Order) erp.NewInvoice {
	return erp.NewInvoice{Key: o.Key + "/invoice", Order: o.Ref, Date: b.Today, Expected: o.Totals}
}

// invoiced is the posted invoice of a new order, of 58.20.
func (b Bench) invoiced(t *testing.T, key string) erp.Invoice {
	t.Helper()
	i, err := b.ERP.(erp.Invoicer).PostInvoice(t.Context(), b.invoiceOf(b.confirmed(t, key, nil)))
	require.NoError(t, err)
	require.Equal(t, eur(5820), i.Open)
	return i
}

// everyCall makes an operation again and again, with the answer of its first, second,
// … call lost, repeats it until it succeeds, and checks what is there.
func (b Bench) everyCall(t *testing.T, prepare func(key string) (run func() error), check func(key string)) {
	t.Helper()
	if b.LoseAnswer == nil {
		t.Skip("the bench loses no answers")
	}
	for n := 1; ; n++ {
		key := fmt.Sprintf("%s/%d", key(t), n)
		run := prepare(key)
		reached := b.LoseAnswer(t, n)
		err := run()
		for range 2 {
			if err != nil {
				err = run()
			}
		}
		more := reached()
		require.NoError(t, err, "call %d", n)
		require.NoError(t, run(), "once more after call %d", n)
		check(key)
		if !more {
			return
		}
	}
}

func invoices(t *testing.T, b Bench) {
	books, ok := b.ERP.(erp.Invoicer)
	if !ok {
		t.Skip("the ERP posts no invoices")
	}
	caps, err := b.ERP.Capabilities(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, caps.Classes.Invoice)

	t.Run("posting twice is posting once, the ERP's own draft included", func(t *testing.T) {
		o := b.confirmed(t, key(t), nil)
		before, err := books.OrderInvoices(t.Context(), o.Ref)
		require.NoError(t, err)
		if caps.InvoicesItself {
			require.Len(t, before, 1)
			require.Equal(t, erp.InvoiceDraft, before[0].State)
			require.Empty(t, before[0].Key)
		}
		n := b.invoiceOf(o)
		_, err = books.FindInvoice(t.Context(), n.Key)
		requireKind(t, commerce.KindNotFound, err)
		made, err := books.PostInvoice(t.Context(), n)
		require.NoError(t, err)
		require.Regexp(t, `^invoice/.+`, made.Ref.ID)
		require.Equal(t, erp.InvoicePosted, made.State)
		require.Equal(t, n.Key, made.Key)
		require.Equal(t, o.Ref, made.Order)
		require.True(t, made.CreditOf.IsZero())
		require.NotEmpty(t, made.Number)
		require.NotEmpty(t, made.Party)
		require.Equal(t, n.Date, made.Date)
		require.Equal(t, n.Expected, made.Totals)
		require.Equal(t, n.Expected.Gross, made.Open)
		require.Equal(t, []erp.TaxAmount{{TaxID: b.Tax19, Base: eur(4891), Amount: eur(929)}}, made.Taxes)
		require.Len(t, made.Lines, 3)
		require.Equal(t, b.Goods, made.Lines[0].SKU)
		require.Equal(t, eur(2991), made.Lines[0].Net)
		require.Equal(t, "3", made.Lines[0].Quantity.String())
		require.Equal(t, made.Totals.Gross, made.Document().Total)
		if len(before) == 1 {
			require.Equal(t, before[0].Ref, made.Ref, "the draft is adopted")
		}
		again, err := books.PostInvoice(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, made, again)
		found, err := books.FindInvoice(t.Context(), n.Key)
		require.NoError(t, err)
		require.Equal(t, made, found)
		all, err := books.OrderInvoices(t.Context(), o.Ref)
		require.NoError(t, err)
		require.Equal(t, []erp.Invoice{made}, all)

		other := n
		other.Key += "/another"
		_, err = books.PostInvoice(t.Context(), other)
		requireKind(t, commerce.KindConflict, err)
		require.True(t, commerce.SafeToRetry(err), "nothing was done: %v", err)
		_, err = b.ERP.CancelOrder(t.Context(), o.Ref)
		requireKind(t, commerce.KindConflict, err)
		if b.OtherCompany != "" {
			_, err = b.ERP.ForCompany(b.OtherCompany).(erp.Invoicer).FindInvoice(t.Context(), n.Key)
			requireKind(t, commerce.KindNotFound, err)
		}
	})
	t.Run("an order that is not confirmed is not invoiced", func(t *testing.T) {
		o, err := b.ERP.CreateOrder(t.Context(), b.order(t))
		require.NoError(t, err)
		_, err = books.PostInvoice(t.Context(), b.invoiceOf(o))
		requireKind(t, commerce.KindConflict, err)
	})
	t.Run("the shop's tax is written over the ERP's", func(t *testing.T) {
		one := commerce.MustDecimal("1")
		o := b.confirmed(t, key(t), func(n *erp.NewOrder) {
			n.Lines, n.Payments = nil, nil
			for range 3 {
				n.Lines = append(n.Lines, erp.OrderLine{SKU: b.Goods, Quantity: one, Net: eur(997), TaxIDs: []string{b.Tax19}})
			}
			n.Expected = erp.Totals{Net: eur(2991), Tax: eur(567), Gross: eur(3558)}
		})
		n := b.invoiceOf(o)
		n.Expected = erp.Totals{Net: eur(2991), Tax: eur(567), Gross: eur(3558)}
		n.Taxes = []erp.TaxAmount{{TaxID: b.Tax19, Base: eur(2991), Amount: eur(567)}}
		made, err := books.PostInvoice(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, n.Expected, made.Totals)
		require.Equal(t, n.Taxes, made.Taxes)
	})
	t.Run("the shop's tax is written where a discount has the same tax", func(t *testing.T) {
		one := commerce.MustDecimal("1")
		want := erp.Totals{Net: eur(2691), Tax: eur(510), Gross: eur(3201)}
		o := b.confirmed(t, key(t), func(n *erp.NewOrder) {
			n.Lines, n.Payments = nil, nil
			for range 3 {
				n.Lines = append(n.Lines, erp.OrderLine{SKU: b.Goods, Quantity: one, Net: eur(997), TaxIDs: []string{b.Tax19}})
			}
			n.Lines = append(n.Lines, erp.OrderLine{Kind: erp.Discount, Quantity: one, Net: eur(-300), TaxIDs: []string{b.Tax19}})
			n.Expected = want
		})
		n := b.invoiceOf(o)
		n.Expected = want
		n.Taxes = []erp.TaxAmount{{TaxID: b.Tax19, Base: eur(2691), Amount: eur(510)}}
		made, err := books.PostInvoice(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, want, made.Totals)
		require.Equal(t, n.Taxes, made.Taxes)
	})
	t.Run("a total beyond the rounding leaves the draft, which is posted once the figures are mended", func(t *testing.T) {
		n := b.invoiceOf(b.confirmed(t, key(t), nil))
		right := n.Expected
		n.Expected = erp.Totals{Net: eur(4891), Tax: eur(1029), Gross: eur(5920)}
		for _, taxes := range [][]erp.TaxAmount{nil, {{TaxID: b.Tax19, Base: eur(4891), Amount: eur(1029)}}} {
			n.Taxes = taxes
			_, err := books.PostInvoice(t.Context(), n)
			requireKind(t, commerce.KindInvalid, err)
			require.ErrorContains(t, err, "58.20")
			require.ErrorContains(t, err, "59.20")
		}
		all, err := books.OrderInvoices(t.Context(), n.Order)
		require.NoError(t, err)
		for _, i := range all {
			require.Equal(t, erp.InvoiceDraft, i.State)
		}
		n.Expected, n.Taxes = right, nil
		_, err = books.PostInvoice(t.Context(), n)
		require.NoError(t, err)
	})
	t.Run("a late invoice keeps the day on its paper", func(t *testing.T) {
		b.invoiced(t, key(t)+"/first")
		n := b.invoiceOf(b.confirmed(t, key(t)+"/late", nil))
		n.Date = commerce.DateOf(time.Date(b.Today.Year, b.Today.Month, b.Today.Day-1, 0, 0, 0, 0, time.UTC))
		made, err := books.PostInvoice(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, n.Date, made.Date)
		if caps.DatedNumbers {
			require.Equal(t, b.Today, made.Accounting)
		}
		again, err := books.PostInvoice(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, made, again)
	})
	t.Run("a closed period is told, another day in the ledger is taken", func(t *testing.T) {
		if b.ClosedDate.IsZero() {
			t.Skip("the bench closes no period")
		}
		n := b.invoiceOf(b.confirmed(t, key(t), nil))
		n.Date, n.Accounting = b.ClosedDate, b.ClosedDate
		_, err := books.PostInvoice(t.Context(), n)
		requireKind(t, commerce.KindPeriodClosed, err)
		require.True(t, commerce.SafeToRetry(err), "%v", err)
		n.Accounting = b.Today
		made, err := books.PostInvoice(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, b.ClosedDate, made.Date)
		require.Equal(t, b.Today, made.Accounting)
	})
	t.Run("a wrong currency and a missing key are refused", func(t *testing.T) {
		n := b.invoiceOf(b.confirmed(t, key(t), nil))
		usd := n
		usd.Expected = erp.Totals{Net: commerce.MustMoney(4891, "USD"), Tax: commerce.MustMoney(929, "USD"), Gross: commerce.MustMoney(5820, "USD")}
		_, err := books.PostInvoice(t.Context(), usd)
		requireKind(t, commerce.KindInvalid, err)
		n.Key = ""
		_, err = books.PostInvoice(t.Context(), n)
		requireKind(t, commerce.KindInvalid, err)
	})
	t.Run("an answer that is lost at any call leaves one invoice", func(t *testing.T) {
		b.everyCall(t, func(key string) func() error {
			n := b.invoiceOf(b.confirmed(t, key, nil))
			return func() error { _, err := books.PostInvoice(t.Context(), n); return err }
		}, func(key string) {
			made, err := books.FindInvoice(t.Context(), key+"/invoice")
			require.NoError(t, err)
			require.Equal(t, erp.InvoicePosted, made.State)
			all, err := books.OrderInvoices(t.Context(), made.Order)
			require.NoError(t, err)
			require.Len(t, all, 1)
		})
	})
}
