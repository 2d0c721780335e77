package erpbooks

import (
	"cmp"
	"context"
	"iter"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/reconcile"
)

// Documents yields the posted invoices and credit notes of the route's company whose day
// in the ledger lies in [from, to], those of others' making included. Shop and Number are
// those of the order, where the sales order was written by this package. Amount is
// what the document comes to, and so is Total: an ERP does not say how much of it Stripe was
// to pay, and how much a gift card.
func (b *Books) Documents(ctx context.Context, r mapping.Route, from, to commerce.Date) iter.Seq2[reconcile.Document, error] {
	return func(yield func(reconcile.Document, error) bool) {
		audit, err := able[erp.Auditor](b, r, "read documents", noAuditor)
		if err != nil {
			yield(reconcile.Document{}, err)
			return
		}
		taxes, err := b.erp.ForCompany(r.Company).Taxes(ctx)
		if err != nil {
			yield(reconcile.Document{}, err)
			return
		}
		rates := map[string]reconcile.TaxSum{} // country and rate of each of the ERP's taxes
		for _, t := range taxes {
			rates[t.ID] = reconcile.TaxSum{Rate: t.Rate.Trim(0).String(), Country: b.country(r, t.ID)}
		}
		for i, err := range audit.Invoices(ctx, from, to) {
			if err == nil {
				err = b.sameBooks("read documents", r, i.Ref)
			}
			if err != nil {
				yield(reconcile.Document{}, err)
				return
			}
			d, err := b.document(i, rates)
			if !yield(d, err) || err != nil {
				return
			}
		}
	}
}

// country is the country that the tax table uses a tax of the ERP for; empty where it
// says none, or several.
func (b *Books) country(r mapping.Route, tax string) string {
	country, found := "", false
	for _, row := range b.c.Taxes[cmp.Or(r.TaxTable, defaultName)] {
		for _, id := range row.IDs {
			if id != tax {
				continue
			}
			if found && row.Country != country {
				return ""
			}
			country, found = row.Country, true
		}
	}
	return country
}

// document says an invoice in the words of package reconcile.
func (b *Books) document(i erp.Invoice, rates map[string]reconcile.TaxSum) (reconcile.Document, error) {
	refund := isCreditNote(i)
	signed := func(m commerce.Money) commerce.Money {
		if refund {
			return m.Neg()
		}
		return m
	}
	d := reconcile.Document{System: b.c.System, ID: i.Ref.ID, Number: i.OrderName, Refund: refund, Amount: signed(i.Totals.Gross),
		Date: i.Accounting.In(b.c.Location)}
	if order, err := commerce.ParseRef(i.OrderKey); err == nil {
		d.Shop = order.Account
	}
	for _, l := range i.Lines {
		if l.Kind == erp.Rounding && l.Net.IsZero() {
			continue // what was to be settled was written as tax
		}
		d.Lines = append(d.Lines, reconcile.DocumentLine{Key: lineKey(l), Quantity: l.Quantity.Abs(), Net: signed(l.Net)})
	}
	at := map[[2]string]int{}
	for _, t := range i.Taxes {
		sum := rates[t.TaxID]
		key := [2]string{sum.Country, sum.Rate}
		n, known := at[key]
		if !known {
			n = len(d.Taxes)
			at[key] = n
			sum.Base, sum.Tax = commerce.Zero(i.Currency), commerce.Zero(i.Currency)
			d.Taxes = append(d.Taxes, sum)
		}
		var err error
		if d.Taxes[n].Base, err = d.Taxes[n].Base.Add(signed(t.Base)); err != nil {
			return d, err
		}
		if d.Taxes[n].Tax, err = d.Taxes[n].Tax.Add(signed(t.Amount)); err != nil {
			return d, err
		}
	}
	return d, nil
}

// lineKey is how a line is matched with that of a shop: by its SKU, or by what it is for.
func lineKey(l erp.InvoiceLine) string {
	switch l.Kind {
	case erp.Goods:
		return l.SKU
	case erp.Rounding:
		return reconcile.LineAdjustment
	}
	return string(l.Kind)
}
