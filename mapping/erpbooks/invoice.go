package erpbooks

import (
	"cmp"
	"context"
	"errors"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
)

// InvoiceKey is the reference of the n-th invoice of an order, from 1, for ever:
// "tenant/system/account/mode/order/invoice/1". Most orders have one; where the ERP
// invoices what it ships, each shipment has its own.
func (b *Books) InvoiceKey(order commerce.Ref, n int) string {
	return b.Reference(order) + invoiceOf + strconv.Itoa(n)
}

const invoiceOf = "/invoice/"

// Invoices returns the invoices and credit notes of a sales order, oldest first, drafts
// included.
func (b *Books) Invoices(ctx context.Context, r mapping.Route, salesOrder commerce.Document) ([]mapping.Invoice, error) {
	op := "read invoices of " + salesOrder.Ref.ID
	invoicer, err := able[erp.Invoicer](b, r, op, noInvoicer)
	if err != nil {
		return nil, err
	}
	if err := b.sameBooks(op, r, salesOrder.Ref); err != nil {
		return nil, err
	}
	found, err := invoicer.OrderInvoices(ctx, salesOrder.Ref)
	if err != nil {
		return nil, err
	}
	out := make([]mapping.Invoice, len(found))
	for n, i := range found {
		out[n] = mapping.Invoice{Document: i.Document(), Party: i.Party, Draft: i.State == erp.InvoiceDraft, Date: i.Accounting, Open: i.Open}
	}
	return out, nil
}

// Invoice posts the invoice of a confirmed sales order on a day: the draft that the ERP
// has made itself, or else a new one over the whole order. Where the ERP has made several
// drafts, as of part shipments, all are posted, and the last is the result: it is to be
// called again under another key when [Books.Invoices] tells of one more. An order that is
// invoiced, by whomever, stays as it is; one of which goods are on no invoice yet gets
// another where the ERP makes it on request. Marked by [Books.InvoiceKey]. A draft over
// nothing but a discount, which an ERP makes that invoices goods as they are sent, becomes
// an invoice below nought; people settle it with the others.
//
// An invoice over all that is left to invoice ends with the shop's totals and taxes; one
// over a part, as of the goods that have been sent so far, has the part of each tax that
// falls to it. A difference to what the ERP
// computes is settled within Config.Rounding, as on orders; beyond it the draft is left
// for a person, and the error is of kind invalid around an *erp.TotalsError.
func (b *Books) Invoice(r mapping.Route, o commerce.Order, salesOrder commerce.Document, on commerce.Date) document {
	op := "post invoice of " + o.Ref.ID
	return document{Class: idempotency.Marked, Settle: b.c.Settle,
		Find: func(ctx context.Context) (commerce.Document, error) {
			invoicer, err := able[erp.Invoicer](b, r, op, noInvoicer)
			if err != nil {
				return commerce.Document{}, err
			}
			s, err := b.invoiced(ctx, invoicer, o.Ref, salesOrder.Ref)
			due := false
			if err == nil {
				due, err = b.due(ctx, r, o, s)
			}
			switch {
			case err != nil:
				return commerce.Document{}, err
			case due:
				return commerce.Document{}, commerce.Errorf(commerce.KindNotFound, room, op, "an invoice is still to be posted")
			}
			return s.last().Document(), nil
		},
		Act: func(ctx context.Context) (commerce.Document, error) {
			invoicer, err := able[erp.Invoicer](b, r, op, noInvoicer)
			if err != nil {
				return commerce.Document{}, err
			}
			if err := b.sameBooks(op, r, salesOrder.Ref); err != nil {
				return commerce.Document{}, err
			}
			if err := b.sameMode(ctx, op, b.erp.ForCompany(r.Company), r); err != nil {
				return commerce.Document{}, err
			}
			s, err := b.invoiced(ctx, invoicer, o.Ref, salesOrder.Ref)
			due := false
			if err == nil {
				due, err = b.due(ctx, r, o, s)
			}
			if err != nil {
				return commerce.Document{}, notSent(op, err)
			}
			if !due {
				return s.last().Document(), nil
			}
			var made erp.Invoice
			for n := range max(s.drafts, 1) {
				if n > 0 { // what is left to invoice follows from what is posted
					s, err = b.invoiced(ctx, invoicer, o.Ref, salesOrder.Ref)
				}
				if err == nil {
					made, err = b.postNext(ctx, op, r, o, salesOrder.Ref, on, s)
				}
				if s.draft == nil && partly(err) {
					if s, err = b.invoiced(ctx, invoicer, o.Ref, salesOrder.Ref); err != nil {
						return commerce.Document{}, notSent(op, err)
					}
					made, err = b.postNext(ctx, op, r, o, salesOrder.Ref, on, s)
				}
				switch {
				case n == 0 && s.draft == nil && len(s.posted) > 0 && errors.Is(err, commerce.ErrConflict) && !errors.Is(err, commerce.ErrUnknown):
					return s.last().Document(), nil // the ERP has nothing to invoice yet
				case err != nil && n > 0: // another one is posted
					return commerce.Document{}, &commerce.Error{Kind: commerce.KindOf(err), System: room, Op: op, Outcome: commerce.Unknown,
						RetryAfter: commerce.RetryAfter(err), Err: err}
				case err != nil:
					return commerce.Document{}, err
				}
			}
			return made.Document(), nil
		}}
}

// partly reports whether an ERP that was asked for an invoice of all that is left may have
// made a draft of a part of it, as one that invoices what has been sent: what that has to
// come to is known once it is there.
func partly(err error) bool {
	var totals *erp.TotalsError
	return errors.As(err, &totals)
}

// due reports whether an invoice is to be posted: the first, a draft, or one of goods that
// are on none, which an ERP that invoices what it sends makes on request once they are sent.
func (b *Books) due(ctx context.Context, r mapping.Route, o commerce.Order, s invoiced) (bool, error) {
	if s.draft != nil || len(s.posted) == 0 {
		return true, nil
	}
	books := b.erp.ForCompany(r.Company)
	caps, err := books.Capabilities(ctx)
	if err != nil || !caps.InvoicesOnRequest {
		return false, err
	}
	whole, err := b.newOrder(ctx, books, r, o, nil)
	if err != nil {
		return false, err
	}
	sold := invoiced{posted: slices.Clone(s.posted)} // what came back was invoiced
	for i := range sold.posted {
		p := &sold.posted[i]
		p.Lines = slices.DeleteFunc(slices.Clone(p.Lines), func(l erp.InvoiceLine) bool { return l.Quantity.Sign() < 0 })
	}
	all, err := sold.completes(whole)
	return !all, err
}

// postNext posts the next invoice of an order.
func (b *Books) postNext(ctx context.Context, op string, r mapping.Route, o commerce.Order, salesOrder commerce.Ref, on commerce.Date, s invoiced) (erp.Invoice, error) {
	invoicer, err := able[erp.Invoicer](b, r, op, noInvoicer)
	if err != nil {
		return erp.Invoice{}, err
	}
	n, err := b.newInvoice(ctx, b.erp.ForCompany(r.Company), r, o, s)
	if err != nil {
		return erp.Invoice{}, notSent(op, err)
	}
	n.Order, n.Date = salesOrder, on
	return onOpenDay(ctx, b, r, op, on, func(open commerce.Date) (erp.Invoice, error) {
		n.Accounting = open
		return invoicer.PostInvoice(ctx, n)
	})
}

// invoiced is how far a sales order is invoiced.
type invoiced struct {
	posted []erp.Invoice // without credit notes, oldest first
	drafts int
	draft  *erp.Invoice // the next of them to be posted; nil = none
	key    string       // its key
}

func (s invoiced) last() erp.Invoice { return s.posted[len(s.posted)-1] }

func (b *Books) invoiced(ctx context.Context, invoicer erp.Invoicer, order, salesOrder commerce.Ref) (invoiced, error) {
	all, err := invoicer.OrderInvoices(ctx, salesOrder)
	if err != nil {
		return invoiced{}, err
	}
	var s invoiced
	numbered := 0
	for i, x := range all {
		if isCreditNote(x) {
			continue
		}
		if text, ours := strings.CutPrefix(x.Key, b.Reference(order)+invoiceOf); ours {
			n, _ := strconv.Atoi(text)
			numbered = max(numbered, n)
		}
		if x.State != erp.InvoiceDraft {
			s.posted = append(s.posted, x)
			continue
		}
		s.drafts++
		if s.draft == nil || s.draft.Key == "" && x.Key != "" { // what was begun comes first
			s.draft = &all[i]
		}
	}
	s.key = b.InvoiceKey(order, numbered+1)
	if s.draft != nil && s.draft.Key != "" {
		s.key = s.draft.Key
	}
	return s, nil
}

// isCreditNote tells a credit note from an invoice on which goods that came back stand
// with others, and from one over nothing but a discount, which an ERP drafts that invoices
// goods as they are shipped.
func isCreditNote(i erp.Invoice) bool {
	return !i.CreditOf.IsZero() || i.Totals.Gross.Sign() <= 0 &&
		slices.ContainsFunc(i.Lines, func(l erp.InvoiceLine) bool { return l.Quantity.Sign() < 0 })
}

// newInvoice says what is to come out of the next invoice of an order.
func (b *Books) newInvoice(ctx context.Context, books erp.ERP, r mapping.Route, o commerce.Order, s invoiced) (erp.NewInvoice, error) {
	n := erp.NewInvoice{Key: s.key, Rounding: b.c.Rounding}
	whole, err := b.newOrder(ctx, books, r, o, nil)
	if err != nil {
		return n, err
	}
	if n.Rounding == 0 { // a part is settled as the whole order would be
		taxed := slices.DeleteFunc(slices.Clone(whole.Lines), func(l erp.OrderLine) bool { return len(l.TaxIDs) == 0 })
		n.Rounding = cmp.Or(min(len(taxed), 5), -1)
	}
	if s.draft != nil {
		n.Draft = s.draft.Ref
		completes, err := s.completes(whole)
		if err != nil {
			return n, err
		}
		if !completes {
			n.Expected, n.Taxes, err = s.part(ctx, books, whole)
			return n, err
		}
	}
	n.Expected, n.Taxes, err = s.rest(whole)
	return n, err
}

// completes reports whether all goods of an order are invoiced once the draft is posted,
// where there is one.
func (s invoiced) completes(whole erp.NewOrder) (bool, error) {
	left := map[string]commerce.Decimal{}
	var err error
	for _, l := range whole.Lines {
		if l.Kind != erp.Goods {
			continue
		}
		if left[l.SKU], err = left[l.SKU].Add(l.Quantity); err != nil {
			return false, err
		}
	}
	all := slices.Clone(s.posted)
	if s.draft != nil {
		all = append(all, *s.draft)
	}
	for _, i := range all {
		for _, l := range i.Lines {
			if l.Kind != erp.Goods {
				continue
			}
			if left[l.SKU], err = left[l.SKU].Sub(l.Quantity); err != nil {
				return false, err
			}
		}
	}
	for _, quantity := range left {
		if quantity.Sign() > 0 {
			return false, nil
		}
	}
	return true, nil
}

// rest is what is left of an order's totals and taxes.
func (s invoiced) rest(whole erp.NewOrder) (erp.Totals, []erp.TaxAmount, error) {
	totals, taxes := whole.Expected, slices.Clone(whole.Taxes)
	for _, p := range s.posted {
		subtract := func(from *commerce.Money, amount commerce.Money) (err error) {
			*from, err = from.Sub(amount)
			return err
		}
		err := errors.Join(subtract(&totals.Net, p.Totals.Net), subtract(&totals.Tax, p.Totals.Tax), subtract(&totals.Gross, p.Totals.Gross))
		for i := range taxes {
			for _, x := range p.Taxes {
				if x.TaxID == taxes[i].TaxID {
					err = errors.Join(err, subtract(&taxes[i].Base, x.Base), subtract(&taxes[i].Amount, x.Amount))
				}
			}
		}
		if err != nil {
			return totals, taxes, err
		}
	}
	return totals, taxes, nil
}

// part is what a draft over a part of an order has to come to: its own lines, of each
// tax of the order what falls to it and to what is posted less what is posted, so that no
// cent is lost, and on its line for rounding, where it has one, what the whole order needs
// there.
func (s invoiced) part(ctx context.Context, books erp.ERP, whole erp.NewOrder) (erp.Totals, []erp.TaxAmount, error) {
	if whole.Taxes == nil {
		return s.draft.Totals, nil, nil
	}
	net, tax := s.draft.Totals.Net, commerce.Zero(whole.Currency)
	taxes := slices.Clone(s.draft.Taxes)
	for i := range taxes {
		amount, err := s.taxOf(taxes[i], whole)
		if err == nil {
			tax, err = tax.Add(amount)
		}
		if err != nil {
			return erp.Totals{}, nil, err
		}
		taxes[i].Amount = amount
	}
	if slices.ContainsFunc(s.draft.Lines, func(l erp.InvoiceLine) bool { return l.Kind == erp.Rounding }) {
		// The order's line made up for the difference of its taxes too, which are the shop's now.
		o, err := books.FindOrder(ctx, whole.Key)
		if err != nil {
			return erp.Totals{}, nil, err
		}
		if net, err = commerce.Sum(whole.Currency, net, o.Totals.Tax, whole.Expected.Tax.Neg()); err != nil {
			return erp.Totals{}, nil, err
		}
	}
	gross, err := net.Add(tax)
	return erp.Totals{Net: net, Tax: tax, Gross: gross}, taxes, err
}

// taxOf is what of a tax of the order falls to a draft with a row of it.
func (s invoiced) taxOf(row erp.TaxAmount, whole erp.NewOrder) (commerce.Money, error) {
	base, posted := row.Base, commerce.Zero(whole.Currency)
	var err error
	for _, p := range s.posted {
		for _, x := range p.Taxes {
			if x.TaxID != row.TaxID {
				continue
			}
			if base, err = base.Add(x.Base); err == nil {
				posted, err = posted.Add(x.Amount)
			}
			if err != nil {
				return commerce.Money{}, err
			}
		}
	}
	for _, w := range whole.Taxes {
		if w.TaxID == row.TaxID {
			return proportion(w.Amount, base, w.Base).Sub(posted)
		}
	}
	return commerce.Zero(whole.Currency), nil // the shop has no such tax
}

// proportion is of an amount what a part is of the whole.
func proportion(amount, part, whole commerce.Money) commerce.Money {
	if whole.IsZero() {
		return commerce.Zero(amount.Currency())
	}
	r := new(big.Rat).SetFrac64(part.Minor(), whole.Minor())
	n, _ := strconv.ParseInt(r.Mul(r, new(big.Rat).SetInt64(amount.Minor())).FloatString(0), 10, 64)
	return commerce.MustMoney(n, amount.Currency())
}
