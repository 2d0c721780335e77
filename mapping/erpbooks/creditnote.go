package erpbooks

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
)

const noCreditNoter = "posts no credit notes (erp.CreditNoter)"

// CreditNoteKey is the reference of the credit note of a refund for an order, for ever:
// "tenant/system/account/mode/order/credit/re_…".
func (b *Books) CreditNoteKey(order commerce.Ref, refund string) string {
	return b.Reference(order) + "/credit/" + refund
}

// CreditNote posts a credit note on a posted invoice of a sales order: the lines and
// quantities that n.Content names, shipping, fees and taxes with the invoice's own codes,
// and what was given or kept beside as an allowance without tax. Money without goods keeps
// the taxes of its line, and leaves as many goods to come back as before. A draft that the
// ERP made itself of the same return is adopted. Marked by [Books.CreditNoteKey].
//
// It never moves money: the refund's payment is the balance's matter.
//
// Errors of Act, not sent: kind conflict where no invoice is posted (code "not_invoiced"), or
// where less of it is left to credit; kind needs_decision, code "several_invoices", where
// no single invoice has all that goes back; kind mapping for what can not be said; those of
// [Books.Invoice].
func (b *Books) CreditNote(r mapping.Route, o commerce.Order, salesOrder commerce.Document, n mapping.CreditNote) document {
	op := "post credit note of " + n.Key + " for " + o.Ref.ID
	key := b.CreditNoteKey(o.Ref, n.Key)
	return document{Class: idempotency.Marked, Settle: b.c.Settle,
		Find: func(ctx context.Context) (commerce.Document, error) {
			noter, err := able[erp.CreditNoter](b, r, op, noCreditNoter)
			if err != nil {
				return commerce.Document{}, err
			}
			found, err := noter.FindCreditNote(ctx, key)
			if err == nil && found.State == erp.InvoiceDraft {
				// Half done: posting it again finds it by its key and finishes it.
				err = commerce.Errorf(commerce.KindNotFound, room, op, "%s is a draft", found.Ref.ID)
			}
			return found.Document(), err
		},
		Act: func(ctx context.Context) (commerce.Document, error) {
			noter, err := able[erp.CreditNoter](b, r, op, noCreditNoter)
			if err != nil {
				return commerce.Document{}, err
			}
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
			all, err := invoicer.OrderInvoices(ctx, salesOrder.Ref)
			if err != nil {
				return commerce.Document{}, notSent(op, err)
			}
			next, err := b.newCreditNote(op, r, o, n, all)
			if err != nil {
				return commerce.Document{}, err
			}
			next.Key, next.Text, next.Date, next.Rounding = key, n.Text, n.Date, b.c.Rounding
			made, err := onOpenDay(ctx, b, r, op, n.Date, func(open commerce.Date) (erp.Invoice, error) {
				next.Accounting = open
				return noter.PostCreditNote(ctx, next)
			})
			return made.Document(), err
		}}
}

// newCreditNote says what goes back in the words of an invoice that has it.
func (b *Books) newCreditNote(op string, r mapping.Route, o commerce.Order, n mapping.CreditNote, all []erp.Invoice) (erp.NewCreditNote, error) {
	refused := func(kind commerce.Kind, code, format string, args ...any) (erp.NewCreditNote, error) {
		e := commerce.Errorf(kind, room, op, format, args...)
		e.Code, e.Outcome = code, commerce.NotSent
		return erp.NewCreditNote{}, e
	}
	posted := slices.DeleteFunc(slices.Clone(all), func(i erp.Invoice) bool { return isCreditNote(i) || i.State == erp.InvoiceDraft })
	if len(posted) == 0 {
		return refused(commerce.KindConflict, "not_invoiced", "no invoice of the order is posted")
	}
	var missing error
	for _, invoice := range posted {
		c := &crediting{writer: b.writer(r, o), invoice: invoice, of: map[string]int64{}}
		next, err := c.say(n.Content)
		lacks, short := errors.AsType[*notOnInvoice](err)
		switch {
		case err == nil && (len(posted) == 1 || worth(all, invoice) >= n.Content.Total.Minor()):
			return next, nil
		case err != nil && !short:
			return erp.NewCreditNote{}, notSent(op, err)
		case short:
			missing = lacks
		}
	}
	if len(posted) > 1 {
		return refused(commerce.KindNeedsDecision, "several_invoices", "no one of the order's %d invoices has all that goes back: credit them in the ERP", len(posted))
	}
	return refused(commerce.KindConflict, "", "%w", missing)
}

// worth is what is left of an invoice, in minor units, after the credit notes on it.
func worth(all []erp.Invoice, invoice erp.Invoice) int64 {
	left := invoice.Totals.Gross.Minor()
	for _, i := range all {
		if isCreditNote(i) && i.CreditOf == invoice.Ref {
			left += i.Totals.Gross.Minor()
		}
	}
	return left
}

// notOnInvoice says what an invoice has not, or not as much of.
type notOnInvoice struct{ invoice, what string }

func (e *notOnInvoice) Error() string { return e.invoice + " has not: " + e.what }

// crediting writes a credit note on one invoice.
type crediting struct {
	writer
	invoice erp.Invoice
	lines   []erp.CreditLine
	of      map[string]int64 // how much of each line is used by this note, by its id, in ten-thousandths
}

func (c *crediting) lacks(format string, args ...any) error {
	return &notOnInvoice{c.invoice.Ref.ID, fmt.Sprintf(format, args...)}
}

func (c *crediting) say(content mapping.Allocation) (erp.NewCreditNote, error) {
	currency := content.Total.Currency()
	if currency != c.invoice.Currency {
		return erp.NewCreditNote{}, mapping.Faultf(c.document, "refund.total", content.Total.String(), "the invoice is in %s", c.invoice.Currency)
	}
	skus := map[string]commerce.OrderLine{}
	for _, l := range c.o.Lines {
		skus[l.ID] = l
	}
	tax := commerce.Zero(currency)
	add := func(field string, on commerce.TaxOn, part mapping.RefundPart) (ids []string, err error) {
		named, err := commerce.Sum(currency, amounts(part.Taxes)...)
		if err == nil && named != part.Tax {
			err = mapping.Faultf(c.document, field+".tax", part.Tax.String(), "its taxes add up to %s", named)
		}
		if err == nil {
			ids, _, err = c.taxIDs(field, on, part.Net, commerce.Zero(currency), part.Taxes)
		}
		if err == nil {
			tax, err = tax.Add(part.Tax)
		}
		return ids, err
	}
	for _, l := range content.Lines {
		field := "refund.lines[" + l.Line + "]"
		sold, ok := skus[l.Line]
		if !ok {
			return erp.NewCreditNote{}, mapping.Faultf(c.document, field, l.Line, "the order has no such line")
		}
		taxIDs, err := add(field, commerce.TaxOnLine, l.RefundPart)
		if err := errors.Join(c.goods(sold, l, taxIDs), err); err != nil {
			return erp.NewCreditNote{}, err
		}
	}
	for _, part := range []struct {
		field string
		kind  erp.LineKind
		on    commerce.TaxOn
		mapping.RefundPart
	}{{"refund.shipping", erp.Shipping, commerce.TaxOnShipping, content.Shipping}, {"refund.fees", erp.Fee, commerce.TaxOnFee, content.Fees}} {
		if part.Net.IsZero() && part.Tax.IsZero() {
			continue
		}
		_, err := add(part.field, part.on, part.RefundPart)
		if err := errors.Join(c.charge(part.kind, part.RefundPart), err); err != nil {
			return erp.NewCreditNote{}, err
		}
	}
	if !content.Adjustment.IsZero() && content.Adjustment.Currency() == currency {
		c.lines = append(c.lines, erp.CreditLine{Net: content.Adjustment})
	}
	net, err := content.Total.Sub(tax)
	if err != nil {
		return erp.NewCreditNote{}, err
	}
	sum := commerce.Zero(currency)
	for _, l := range c.lines {
		if sum, err = sum.Add(l.Net); err != nil {
			return erp.NewCreditNote{}, err
		}
	}
	if rest, err := net.Sub(sum); err != nil || !rest.IsZero() { // what no line of it has
		if err != nil {
			return erp.NewCreditNote{}, err
		}
		c.lines = append(c.lines, erp.CreditLine{Net: rest})
	}
	if c.mixed {
		c.taxes = nil
	}
	return erp.NewCreditNote{Invoice: c.invoice.Ref, Lines: c.lines, Taxes: c.taxes, Expected: erp.Totals{Net: net, Tax: tax, Gross: content.Total}}, nil
}

func sameIDs(a, b []string) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(id string) bool { return !slices.Contains(b, id) })
}

func amounts(taxes []commerce.TaxLine) []commerce.Money {
	out := make([]commerce.Money, len(taxes))
	for i, t := range taxes {
		out[i] = t.Amount
	}
	return out
}

// goods credits a line of goods, with the discount that was on it. The discount is a line of
// its own on the invoice: what came off the goods goes back by that, so that both sides show
// the same. Of several lines of a product the one with the same taxes is credited.
func (c *crediting) goods(sold commerce.OrderLine, l mapping.RefundLine, taxIDs []string) error {
	has := func(i erp.InvoiceLine) bool {
		return i.Kind == erp.Goods && i.SKU == sold.SKU && c.free(i) >= tenThousandths(l.Quantity)
	}
	at := slices.IndexFunc(c.invoice.Lines, func(i erp.InvoiceLine) bool { return has(i) && sameIDs(i.TaxIDs, taxIDs) })
	if at < 0 {
		at = slices.IndexFunc(c.invoice.Lines, has)
	}
	if at < 0 {
		return c.lacks("%s of %s", l.Quantity, sold.SKU)
	}
	line := c.invoice.Lines[at]
	c.of[line.ID] += tenThousandths(l.Quantity)
	if l.Quantity.IsZero() {
		if !l.Net.IsZero() {
			c.lines = append(c.lines, erp.CreditLine{Line: line.ID, Net: l.Net})
		}
		return nil
	}
	off, err := c.discountOf(sold, l)
	if err != nil {
		return err
	}
	net, err := l.Net.Add(off)
	if err != nil {
		return err
	}
	c.lines = append(c.lines, erp.CreditLine{Line: line.ID, Quantity: l.Quantity, Net: net})
	if off.IsZero() {
		return nil
	}
	untaxed := slices.ContainsFunc(l.Taxes, func(t commerce.TaxLine) bool { return t.Base == net })
	at = slices.IndexFunc(c.invoice.Lines, func(i erp.InvoiceLine) bool {
		return i.Kind == erp.Discount && (untaxed && len(i.TaxIDs) == 0 || !untaxed && slices.Equal(i.TaxIDs, line.TaxIDs))
	})
	if at < 0 {
		c.lines[len(c.lines)-1].Net = l.Net // the invoice has it in the price
		return nil
	}
	c.lines = append(c.lines, erp.CreditLine{Line: c.invoice.Lines[at].ID, Net: off.Neg()})
	return nil
}

// discountOf is what of a line's discount falls to what comes back. Where the shop took tax
// before discount, the tax's base says it; else it is in proportion to the money.
func (c *crediting) discountOf(sold commerce.OrderLine, l mapping.RefundLine) (commerce.Money, error) {
	none := commerce.Zero(l.Net.Currency())
	after, err := sold.Net.Sub(sold.Discount)
	if err != nil || sold.Discount.IsZero() || after.Sign() <= 0 {
		return none, err
	}
	for _, t := range l.Taxes {
		if off, err := t.Base.Sub(l.Net); err == nil && off.Sign() > 0 {
			return off, nil
		}
	}
	return proportion(sold.Discount, l.Net, after), nil
}

// charge credits shipping or a fee: the whole line where that goes back, else money.
func (c *crediting) charge(kind erp.LineKind, part mapping.RefundPart) error {
	at := slices.IndexFunc(c.invoice.Lines, func(i erp.InvoiceLine) bool { return i.Kind == kind })
	if at < 0 {
		return c.lacks("a line for %s", kind)
	}
	line := c.invoice.Lines[at]
	credit := erp.CreditLine{Line: line.ID, Net: part.Net}
	if part.Net == line.Net {
		credit.Quantity = line.Quantity
	}
	c.lines = append(c.lines, credit)
	return nil
}

// free is how much of a line this note has not taken, in ten-thousandths.
func (c *crediting) free(l erp.InvoiceLine) int64 { return tenThousandths(l.Quantity) - c.of[l.ID] }

// tenThousandths is a quantity as shops keep it.
func tenThousandths(d commerce.Decimal) int64 {
	r, ok := new(big.Rat).SetString(d.String())
	if !ok {
		return 0
	}
	r.Mul(r, big.NewRat(10_000, 1))
	return new(big.Int).Quo(r.Num(), r.Denom()).Int64()
}
