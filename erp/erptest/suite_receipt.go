package erptest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// receiptFrom is money from the party of an invoice, not applied.
func (b Bench) receiptFrom(i erp.Invoice, key string, minor int64) erp.NewReceipt {
	return erp.NewReceipt{Key: key, Party: i.Party, Journal: b.Journal, Date: b.Today, Account: b.Clearing, Amount: eur(minor)}
}

// read reads an invoice again.
func (b Bench) read(t *testing.T, i erp.Invoice) erp.Invoice {
	t.Helper()
	all, err := b.ERP.(erp.Invoicer).OrderInvoices(t.Context(), i.Order)
	require.NoError(t, err)
	for _, x := range all {
		if x.Ref == i.Ref {
			return x
		}
	}
	t.Fatalf("%s is gone", i.Ref)
	return i
}

func (b Bench) requireOpen(t *testing.T, i erp.Invoice, minor int64) {
	t.Helper()
	now := b.read(t, i)
	require.Equal(t, eur(minor), now.Open)
	want := erp.InvoicePosted
	if minor == 0 {
		want = erp.InvoicePaid
	}
	require.Equal(t, want, now.State)
}

func pays(i erp.Invoice, minor int64) []erp.Application {
	return []erp.Application{{Invoice: i.Ref, Amount: eur(minor)}}
}

func receipts(t *testing.T, b Bench) {
	_, invoicer := b.ERP.(erp.Invoicer)
	books, ok := b.ERP.(erp.Receipter)
	if !ok || !invoicer || b.Clearing == "" {
		t.Skip("the ERP posts no receipts")
	}
	caps, err := b.ERP.Capabilities(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, caps.Classes.Receipt)
	require.NotEmpty(t, caps.Classes.Apply)
	holders := map[string]string{"receivable": ""}
	if b.Advance != "" {
		holders["an account of advances"] = b.Advance
	}
	apply := func(t *testing.T, r erp.Receipt, to []erp.Application) (erp.Receipt, error) {
		t.Helper()
		return books.ApplyReceipt(t.Context(), erp.Applications{Receipt: r.Ref, To: to, Date: b.Today})
	}

	t.Run("posted with an invoice to pay, it pays it, once", func(t *testing.T) {
		i := b.invoiced(t, key(t))
		n := b.receiptFrom(i, key(t)+"/receipt", 5820)
		n.Apply = pays(i, 5820)
		_, err := books.FindReceipt(t.Context(), n.Key)
		requireKind(t, commerce.KindNotFound, err)
		made, err := books.PostReceipt(t.Context(), n)
		require.NoError(t, err)
		require.Regexp(t, `^receipt/.+`, made.Ref.ID)
		require.Regexp(t, `^entry/.+`, made.Entry.ID)
		require.NotEmpty(t, made.Number)
		require.Equal(t, erp.Receipt{Ref: made.Ref, Entry: made.Entry, Number: made.Number, Key: n.Key, Party: i.Party, Date: n.Date,
			Amount: n.Amount, Unapplied: eur(0), Applied: n.Apply}, made)
		b.requireOpen(t, i, 0)
		again, err := books.PostReceipt(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, made, again)
		found, err := books.FindReceipt(t.Context(), n.Key)
		require.NoError(t, err)
		require.Equal(t, made, found)
		if l, ok := b.ERP.(erp.Ledger); ok {
			e, err := l.FindEntry(t.Context(), n.Key)
			require.NoError(t, err)
			require.Equal(t, made.Entry, e.Ref)
			require.NoError(t, e.Entry.Balance())
		}
		if b.CountEntries != nil {
			require.Equal(t, 1, b.CountEntries(t, n.Key))
		}
	})
	for name, holder := range holders {
		t.Run("an advance on "+name+" is applied later, and taken back", func(t *testing.T) {
			i := b.invoiced(t, key(t))
			n := b.receiptFrom(i, key(t)+"/receipt", 5820)
			n.Advance = holder
			made, err := books.PostReceipt(t.Context(), n)
			require.NoError(t, err)
			require.Equal(t, n.Amount, made.Unapplied)
			require.Empty(t, made.Applied)
			b.requireOpen(t, i, 5820)
			for range 2 { // round and round
				for range 2 {
					got, err := apply(t, made, pays(i, 5820))
					require.NoError(t, err)
					require.Equal(t, pays(i, 5820), got.Applied)
					require.Equal(t, eur(0), got.Unapplied)
					b.requireOpen(t, i, 0)
				}
				for range 2 {
					got, err := books.UnapplyReceipt(t.Context(), made.Ref, b.Today)
					require.NoError(t, err)
					require.Empty(t, got.Applied)
					require.Equal(t, n.Amount, got.Unapplied)
					b.requireOpen(t, i, 5820)
				}
			}
		})
		t.Run("two invoices are paid from one advance on "+name+", and something is left", func(t *testing.T) {
			first, second := b.invoiced(t, key(t)+"/1"), b.invoiced(t, key(t)+"/2")
			require.Equal(t, first.Party, second.Party)
			n := b.receiptFrom(first, key(t)+"/receipt", 15000)
			n.Advance, n.Apply = holder, pays(first, 5820)
			made, err := books.PostReceipt(t.Context(), n)
			require.NoError(t, err)
			require.Equal(t, eur(9180), made.Unapplied)
			got, err := apply(t, made, pays(second, 2000))
			require.NoError(t, err)
			require.Equal(t, append(pays(first, 5820), pays(second, 2000)...), got.Applied)
			require.Equal(t, eur(7180), got.Unapplied)
			b.requireOpen(t, first, 0)
			b.requireOpen(t, second, 3820)
			_, err = apply(t, made, pays(second, 3820))
			requireKind(t, commerce.KindConflict, err)
			got, err = books.UnapplyReceipt(t.Context(), made.Ref, b.Today)
			require.NoError(t, err)
			require.Equal(t, n.Amount, got.Unapplied)
			b.requireOpen(t, first, 5820)
			b.requireOpen(t, second, 5820)
			got, err = apply(t, made, append(pays(second, 5820), pays(first, 5820)...))
			require.NoError(t, err)
			require.Equal(t, eur(3360), got.Unapplied)
			b.requireOpen(t, first, 0)
			b.requireOpen(t, second, 0)
		})
	}
	t.Run("an invoice is paid in parts", func(t *testing.T) {
		i := b.invoiced(t, key(t))
		part := b.receiptFrom(i, key(t)+"/part", 2000)
		part.Apply = pays(i, 2000)
		one, err := books.PostReceipt(t.Context(), part)
		require.NoError(t, err)
		b.requireOpen(t, i, 3820)
		again, err := books.PostReceipt(t.Context(), part)
		require.NoError(t, err)
		require.Equal(t, one, again)
		b.requireOpen(t, i, 3820)
		rest := b.receiptFrom(i, key(t)+"/rest", 3820)
		rest.Apply = pays(i, 3820)
		_, err = books.PostReceipt(t.Context(), rest)
		require.NoError(t, err)
		b.requireOpen(t, i, 0)
		again, err = books.FindReceipt(t.Context(), part.Key)
		require.NoError(t, err)
		require.Equal(t, one, again)
		_, err = books.UnapplyReceipt(t.Context(), one.Ref, b.Today)
		require.NoError(t, err)
		b.requireOpen(t, i, 2000)
	})
	t.Run("an invoice that is paid stays paid by what paid it", func(t *testing.T) {
		i := b.invoiced(t, key(t))
		n := b.receiptFrom(i, key(t)+"/receipt", 5820)
		n.Apply = pays(i, 5820)
		made, err := books.PostReceipt(t.Context(), n)
		require.NoError(t, err)
		second := b.receiptFrom(i, key(t)+"/second", 5820)
		second.Apply = pays(i, 5820)
		_, err = books.PostReceipt(t.Context(), second)
		requireKind(t, commerce.KindConflict, err)
		require.True(t, commerce.SafeToRetry(err), "nothing was done: %v", err)
		_, err = books.FindReceipt(t.Context(), second.Key)
		requireKind(t, commerce.KindNotFound, err)
		second.Apply = nil
		advance, err := books.PostReceipt(t.Context(), second)
		require.NoError(t, err)
		_, err = apply(t, advance, pays(i, 5820))
		requireKind(t, commerce.KindConflict, err)
		found, err := books.FindReceipt(t.Context(), n.Key)
		require.NoError(t, err)
		require.Equal(t, made, found)
		b.requireOpen(t, i, 0)
		// What is applied is not applied elsewhere.
		other := b.invoiced(t, key(t)+"/other")
		_, err = apply(t, made, pays(other, 5820))
		requireKind(t, commerce.KindConflict, err)
		b.requireOpen(t, i, 0)
		b.requireOpen(t, other, 5820)
	})
	t.Run("another amount under the key is told, not posted", func(t *testing.T) {
		i := b.invoiced(t, key(t))
		n := b.receiptFrom(i, key(t)+"/receipt", 1000)
		_, err := books.PostReceipt(t.Context(), n)
		require.NoError(t, err)
		n.Amount = eur(2000)
		_, err = books.PostReceipt(t.Context(), n)
		requireKind(t, commerce.KindConflict, err)
		require.False(t, commerce.SafeToRetry(err))
	})
	t.Run("what can not be applied is refused before anything is posted", func(t *testing.T) {
		i := b.invoiced(t, key(t))
		usd := func(minor int64) commerce.Money { return commerce.MustMoney(minor, "USD") }
		for name, c := range map[string]struct {
			kind commerce.Kind
			edit func(*erp.NewReceipt)
		}{
			"more than is open":        {commerce.KindConflict, func(n *erp.NewReceipt) { n.Amount, n.Apply = eur(9000), pays(i, 9000) }},
			"more than the receipt":    {commerce.KindInvalid, func(n *erp.NewReceipt) { n.Amount = eur(100) }},
			"the wrong sign":           {commerce.KindInvalid, func(n *erp.NewReceipt) { n.Amount = eur(-5820) }},
			"a refund of an invoice":   {commerce.KindConflict, func(n *erp.NewReceipt) { n.Amount, n.Apply = eur(-5820), pays(i, -5820) }},
			"another currency":         {commerce.KindInvalid, func(n *erp.NewReceipt) { n.Amount, n.Value, n.Apply[0].Amount = usd(5820), eur(5820), usd(5820) }},
			"an invoice twice":         {commerce.KindInvalid, func(n *erp.NewReceipt) { n.Amount, n.Apply = eur(11640), append(pays(i, 5820), pays(i, 5820)...) }},
			"an invoice of nobody's":   {commerce.KindNotFound, func(n *erp.NewReceipt) { n.Apply[0].Invoice.ID = "invoice/99999999" }},
			"something of another ERP": {commerce.KindInvalid, func(n *erp.NewReceipt) { n.Apply[0].Invoice.System = "elsewhere" }},
		} {
			t.Run(name, func(t *testing.T) {
				n := b.receiptFrom(i, key(t), 5820)
				n.Apply = pays(i, 5820)
				c.edit(&n)
				_, err := books.PostReceipt(t.Context(), n)
				requireKind(t, c.kind, err)
				require.True(t, commerce.SafeToRetry(err) || c.kind.Permanent(), "%v", err)
				_, err = books.FindReceipt(t.Context(), n.Key)
				requireKind(t, commerce.KindNotFound, err)
			})
		}
		b.requireOpen(t, i, 5820)
		_, err := books.UnapplyReceipt(t.Context(), i.Ref.With("receipt/99999999"), b.Today)
		requireKind(t, commerce.KindNotFound, err)
	})
	t.Run("a draft is not paid", func(t *testing.T) {
		o := b.confirmed(t, key(t), nil)
		drafts, err := b.ERP.(erp.Invoicer).OrderInvoices(t.Context(), o.Ref)
		require.NoError(t, err)
		if len(drafts) == 0 {
			t.Skip("the ERP makes no drafts itself")
		}
		n := b.receiptFrom(drafts[0], key(t)+"/receipt", 5820)
		n.Apply = pays(drafts[0], 5820)
		_, err = books.PostReceipt(t.Context(), n)
		requireKind(t, commerce.KindConflict, err)
	})
	t.Run("a closed period is told", func(t *testing.T) {
		if b.ClosedDate.IsZero() {
			t.Skip("the bench closes no period")
		}
		i := b.invoiced(t, key(t))
		n := b.receiptFrom(i, key(t)+"/receipt", 5820)
		n.Apply, n.Date = pays(i, 5820), b.ClosedDate
		_, err := books.PostReceipt(t.Context(), n)
		requireKind(t, commerce.KindPeriodClosed, err)
		require.True(t, commerce.SafeToRetry(err), "%v", err)
		b.requireOpen(t, i, 5820)
	})
	t.Run("an answer that is lost at any call leaves one receipt, applied once", func(t *testing.T) {
		invoices := map[string]erp.Invoice{}
		b.everyCall(t, func(key string) func() error {
			i := b.invoiced(t, key)
			invoices[key] = i
			n := b.receiptFrom(i, key+"/receipt", 10000)
			n.Advance, n.Apply = b.Advance, pays(i, 5820)
			return func() error { _, err := books.PostReceipt(t.Context(), n); return err }
		}, func(key string) {
			got, err := books.FindReceipt(t.Context(), key+"/receipt")
			require.NoError(t, err)
			require.Equal(t, eur(4180), got.Unapplied)
			b.requireOpen(t, invoices[key], 0)
			if b.CountEntries != nil {
				require.Equal(t, 1, b.CountEntries(t, key+"/receipt"))
			}
		})
	})
	for name, holder := range holders {
		t.Run("an answer that is lost while an advance on "+name+" is applied, or taken back", func(t *testing.T) {
			invoices := map[string]erp.Invoice{}
			prepare := func(key string) erp.Receipt {
				i := b.invoiced(t, key)
				invoices[key] = i
				n := b.receiptFrom(i, key+"/receipt", 10000)
				n.Advance = holder
				made, err := books.PostReceipt(t.Context(), n)
				require.NoError(t, err)
				return made
			}
			t.Run("applied", func(t *testing.T) {
				b.everyCall(t, func(key string) func() error {
					made := prepare(key)
					return func() error { _, err := apply(t, made, pays(invoices[key], 5820)); return err }
				}, func(key string) {
					got, err := books.FindReceipt(t.Context(), key+"/receipt")
					require.NoError(t, err)
					require.Equal(t, pays(invoices[key], 5820), got.Applied)
					require.Equal(t, eur(4180), got.Unapplied)
					b.requireOpen(t, invoices[key], 0)
				})
			})
			t.Run("taken back", func(t *testing.T) {
				b.everyCall(t, func(key string) func() error {
					made := prepare(key)
					_, err := apply(t, made, pays(invoices[key], 5820))
					require.NoError(t, err)
					return func() error { _, err := books.UnapplyReceipt(t.Context(), made.Ref, b.Today); return err }
				}, func(key string) {
					got, err := books.FindReceipt(t.Context(), key+"/receipt")
					require.NoError(t, err)
					require.Empty(t, got.Applied)
					require.Equal(t, eur(10000), got.Unapplied)
					b.requireOpen(t, invoices[key], 5820)
				})
			})
		})
	}
}

func creditNotes(t *testing.T, b Bench) {
	_, invoicer := b.ERP.(erp.Invoicer)
	books, ok := b.ERP.(erp.CreditNoter)
	if !ok || !invoicer {
		t.Skip("the ERP posts no credit notes")
	}
	caps, err := b.ERP.Capabilities(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, caps.Classes.CreditNote)
	whole := func(i erp.Invoice) erp.NewCreditNote {
		return erp.NewCreditNote{Key: i.Key + "/credit", Invoice: i.Ref, Text: "sent back", Date: b.Today, Expected: i.Totals}
	}
	t.Run("the whole invoice, once, and the money back", func(t *testing.T) {
		i := b.invoiced(t, key(t))
		n := whole(i)
		_, err := books.FindCreditNote(t.Context(), n.Key)
		requireKind(t, commerce.KindNotFound, err)
		note, err := books.PostCreditNote(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, erp.InvoicePosted, note.State)
		require.Equal(t, n.Key, note.Key)
		require.Equal(t, i.Ref, note.CreditOf)
		require.Equal(t, i.Order, note.Order)
		require.Equal(t, i.Party, note.Party)
		require.NotEmpty(t, note.Number)
		require.NotEqual(t, i.Number, note.Number)
		require.Equal(t, erp.Totals{Net: eur(-4891), Tax: eur(-929), Gross: eur(-5820)}, note.Totals)
		require.Equal(t, eur(-5820), note.Open)
		require.Equal(t, []erp.TaxAmount{{TaxID: b.Tax19, Base: eur(-4891), Amount: eur(-929)}}, note.Taxes)
		require.Len(t, note.Lines, 3)
		require.Equal(t, "-3", note.Lines[0].Quantity.String())
		again, err := books.PostCreditNote(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, note, again)
		found, err := books.FindCreditNote(t.Context(), n.Key)
		require.NoError(t, err)
		require.Equal(t, note, found)
		_, err = b.ERP.(erp.Invoicer).FindInvoice(t.Context(), n.Key)
		requireKind(t, commerce.KindNotFound, err)
		all, err := b.ERP.(erp.Invoicer).OrderInvoices(t.Context(), i.Order)
		require.NoError(t, err)
		require.Len(t, all, 2)
		n.Key += "/another"
		_, err = books.PostCreditNote(t.Context(), n)
		requireKind(t, commerce.KindConflict, err)

		r, ok := b.ERP.(erp.Receipter)
		if !ok || b.Clearing == "" {
			return
		}
		back := b.receiptFrom(i, key(t)+"/refund", -5820)
		back.Apply = pays(note, -5820)
		for range 2 {
			made, err := r.PostReceipt(t.Context(), back)
			require.NoError(t, err)
			require.Equal(t, eur(0), made.Unapplied)
			require.Equal(t, back.Apply, made.Applied)
			b.requireOpen(t, note, 0)
		}
		b.requireOpen(t, i, 5820)
	})
	t.Run("one piece of a line, with the shop's tax, and not more than there was", func(t *testing.T) {
		i := b.invoiced(t, key(t))
		n := whole(i)
		n.Lines = []erp.CreditLine{{Line: i.Lines[0].ID, Quantity: commerce.MustDecimal("1"), Net: eur(997)}}
		n.Taxes = []erp.TaxAmount{{TaxID: b.Tax19, Base: eur(997), Amount: eur(190)}}
		n.Expected = erp.Totals{Net: eur(997), Tax: eur(190), Gross: eur(1187)}
		note, err := books.PostCreditNote(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, erp.Totals{Net: eur(-997), Tax: eur(-190), Gross: eur(-1187)}, note.Totals)
		require.Len(t, note.Lines, 1)
		require.Equal(t, "-1", note.Lines[0].Quantity.String())
		rest := whole(i)
		rest.Key += "/rest"
		_, err = books.PostCreditNote(t.Context(), rest)
		requireKind(t, commerce.KindConflict, err)
		n.Key += "/second"
		n.Lines[0].Quantity, n.Lines[0].Net, n.Taxes = commerce.MustDecimal("2"), eur(1994), nil
		n.Expected = erp.Totals{Net: eur(1994), Tax: eur(379), Gross: eur(2373)}
		_, err = books.PostCreditNote(t.Context(), n)
		require.NoError(t, err)
	})
	t.Run("money alone leaves the goods to come back, and an allowance has no tax", func(t *testing.T) {
		i := b.invoiced(t, key(t))
		n := whole(i)
		n.Lines = []erp.CreditLine{{Line: i.Lines[0].ID, Net: eur(500)}, {Net: eur(200)}}
		n.Taxes = []erp.TaxAmount{{TaxID: b.Tax19, Base: eur(500), Amount: eur(95)}}
		n.Expected = erp.Totals{Net: eur(700), Tax: eur(95), Gross: eur(795)}
		for n.Key = range map[string]bool{i.Key + "/1": true, i.Key + "/2": true} {
			note, err := books.PostCreditNote(t.Context(), n)
			require.NoError(t, err)
			require.Equal(t, erp.Totals{Net: eur(-700), Tax: eur(-95), Gross: eur(-795)}, note.Totals)
			require.Equal(t, []erp.TaxAmount{{TaxID: b.Tax19, Base: eur(-500), Amount: eur(-95)}}, note.Taxes)
			require.Equal(t, i.Ref, note.CreditOf)
			require.Equal(t, []erp.LineKind{erp.Rounding, erp.Rounding}, []erp.LineKind{note.Lines[0].Kind, note.Lines[1].Kind})
		}
		all, err := b.ERP.(erp.Invoicer).OrderInvoices(t.Context(), i.Order)
		require.NoError(t, err)
		require.Len(t, all, 3)
		goods := whole(i)
		goods.Lines = []erp.CreditLine{{Line: i.Lines[0].ID, Quantity: i.Lines[0].Quantity, Net: i.Lines[0].Net}, {Net: eur(-1000)}}
		goods.Taxes = []erp.TaxAmount{{TaxID: b.Tax19, Base: eur(2991), Amount: eur(568)}}
		goods.Expected = erp.Totals{Net: eur(1991), Tax: eur(568), Gross: eur(2559)}
		note, err := books.PostCreditNote(t.Context(), goods)
		require.NoError(t, err)
		require.Equal(t, eur(-2559), note.Totals.Gross)
		n.Lines = []erp.CreditLine{{Quantity: commerce.MustDecimal("1"), Net: eur(500)}}
		_, err = books.PostCreditNote(t.Context(), n)
		requireKind(t, commerce.KindInvalid, err)
	})
	t.Run("totals beyond the rounding, lines that are not there and drafts are refused", func(t *testing.T) {
		i := b.invoiced(t, key(t))
		n := whole(i)
		n.Expected = erp.Totals{Net: eur(4891), Tax: eur(1029), Gross: eur(5920)}
		_, err := books.PostCreditNote(t.Context(), n)
		requireKind(t, commerce.KindInvalid, err)
		n = whole(i)
		n.Key += "/line"
		n.Lines = []erp.CreditLine{{Line: "99999999", Quantity: commerce.MustDecimal("1"), Net: eur(997)}}
		_, err = books.PostCreditNote(t.Context(), n)
		requireKind(t, commerce.KindInvalid, err)
		if !b.ClosedDate.IsZero() {
			n = whole(b.invoiced(t, key(t)+"/closed"))
			n.Accounting = b.ClosedDate
			_, err = books.PostCreditNote(t.Context(), n)
			require.Error(t, err)
			require.True(t, commerce.SafeToRetry(err), "%v", err)
		}
		o := b.confirmed(t, key(t)+"/draft", nil)
		drafts, err := b.ERP.(erp.Invoicer).OrderInvoices(t.Context(), o.Ref)
		require.NoError(t, err)
		for _, d := range drafts {
			n = whole(i)
			n.Key, n.Invoice = key(t)+"/of-draft", d.Ref
			_, err = books.PostCreditNote(t.Context(), n)
			requireKind(t, commerce.KindConflict, err)
		}
	})
	t.Run("what the ERP drafts itself of goods that came back is adopted, not doubled", func(t *testing.T) {
		if b.TakeBack == nil {
			t.Skip("the ERP drafts no credit notes itself")
		}
		i := b.invoiced(t, key(t))
		b.TakeBack(t, key(t))
		all, err := b.ERP.(erp.Invoicer).OrderInvoices(t.Context(), i.Order)
		require.NoError(t, err)
		require.Len(t, all, 2)
		own := all[1]
		require.Equal(t, erp.InvoiceDraft, own.State)
		require.Equal(t, i.Ref, own.CreditOf)
		require.Equal(t, i.Order, own.Order)
		require.Equal(t, eur(-5820), own.Totals.Gross)
		less := whole(i)
		less.Key += "/less"
		less.Lines = []erp.CreditLine{{Line: i.Lines[0].ID, Quantity: commerce.MustDecimal("1"), Net: eur(997)}}
		less.Expected = erp.Totals{Net: eur(997), Tax: eur(189), Gross: eur(1186)}
		_, err = books.PostCreditNote(t.Context(), less)
		requireKind(t, commerce.KindConflict, err)
		for range 2 {
			note, err := books.PostCreditNote(t.Context(), whole(i))
			require.NoError(t, err)
			require.Equal(t, own.Ref, note.Ref)
			require.Equal(t, erp.InvoicePosted, note.State)
			require.Equal(t, i.Ref, note.CreditOf)
			require.Equal(t, i.Order, note.Order)
		}
		other := whole(i)
		other.Key, other.Draft = i.Key+"/other", own.Ref
		_, err = books.PostCreditNote(t.Context(), other)
		requireKind(t, commerce.KindConflict, err)
	})
	t.Run("an answer that is lost at any call leaves one credit note", func(t *testing.T) {
		orders := map[string]erp.Invoice{}
		b.everyCall(t, func(key string) func() error {
			i := b.invoiced(t, key)
			orders[key] = i
			n := whole(i)
			return func() error { _, err := books.PostCreditNote(t.Context(), n); return err }
		}, func(key string) {
			all, err := b.ERP.(erp.Invoicer).OrderInvoices(t.Context(), orders[key].Order)
			require.NoError(t, err)
			require.Len(t, all, 2)
			require.Equal(t, erp.InvoicePosted, all[1].State)
		})
	})
	t.Run("an answer that is lost while the ERP's own draft is adopted", func(t *testing.T) {
		if b.TakeBack == nil {
			t.Skip("the ERP drafts no credit notes itself")
		}
		orders := map[string]erp.Invoice{}
		b.everyCall(t, func(key string) func() error {
			i := b.invoiced(t, key)
			orders[key] = i
			b.TakeBack(t, key)
			return func() error { _, err := books.PostCreditNote(t.Context(), whole(i)); return err }
		}, func(key string) {
			all, err := b.ERP.(erp.Invoicer).OrderInvoices(t.Context(), orders[key].Order)
			require.NoError(t, err)
			require.Len(t, all, 2)
			require.Equal(t, erp.InvoicePosted, all[1].State)
		})
	})
}
