package erpbooks

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
)

// document is an Effect's usual result.
type document = idempotency.Effect[commerce.Document]

// notSent marks what was found out before anything was written.
func notSent(op string, err error) error {
	return &commerce.Error{Kind: commerce.KindOf(err), System: room, Op: op, Outcome: commerce.NotSent,
		RetryAfter: commerce.RetryAfter(err), Err: err}
}

// SalesOrder writes the order as one sales order, a draft, and compares totals before
// it is left. Marked by its reference.
//
// Errors of Act: kind mapping, not sent, for a product, tax or quantity that can not
// be said; those of the party, not sent; kind invalid, code "totals_differ", around an *erp.TotalsError: the draft
// stays in the ERP for a person to look at, nothing follows from it, and the next
// attempt finds it again, so that the outcome counts as not sent.
func (b *Books) SalesOrder(r mapping.Route, o commerce.Order, payments []commerce.Payment) document {
	op := "write sales order of " + o.Ref.ID
	books := b.erp.ForCompany(r.Company)
	key := b.Reference(o.Ref)
	return document{Class: idempotency.Marked, Settle: b.c.Settle,
		Find: func(ctx context.Context) (commerce.Document, error) {
			found, err := books.FindOrder(ctx, key)
			if err != nil {
				return commerce.Document{}, err
			}
			if found.Totals.Gross != o.Totals.Gross {
				// Half done, or left with wrong totals: writing it again finds it by its key
				// and finishes it or says what is wrong.
				return commerce.Document{}, &commerce.Error{Kind: commerce.KindNotFound, System: room, Op: op,
					Text: "the order there is unfinished"}
			}
			return b.ours(op, r, found)
		},
		Act: func(ctx context.Context) (commerce.Document, error) {
			if err := b.sameMode(ctx, op, books, r); err != nil {
				return commerce.Document{}, err
			}
			n, err := b.newOrder(ctx, books, r, o, payments)
			if err != nil {
				return commerce.Document{}, notSent(op, err)
			}
			if n.Customer, err = books.UpsertCustomer(ctx, b.customer(o)); err != nil {
				// Whatever became of the party, which is found again by its key: the order
				// was not sent.
				return commerce.Document{}, notSent(op, err)
			}
			made, err := books.CreateOrder(ctx, n)
			if totals, ok := errors.AsType[*erp.TotalsError](err); ok {
				return commerce.Document{}, &commerce.Error{Kind: commerce.KindInvalid, System: room, Op: op,
					Code: "totals_differ", Outcome: commerce.NotSent, Err: totals}
			}
			if err != nil {
				return commerce.Document{}, err
			}
			return b.ours(op, r, made)
		}}
}

// sameMode refuses to write into books of the other mode. Each company is asked once.
func (b *Books) sameMode(ctx context.Context, op string, books erp.ERP, r mapping.Route) error {
	mode, known := b.modes.Load(r.Company)
	if !known {
		caps, err := books.Capabilities(ctx)
		if err != nil {
			return notSent(op, err)
		}
		mode = caps.Mode
		b.modes.Store(r.Company, mode)
	}
	if mode == r.Mode {
		return nil
	}
	e := commerce.Errorf(commerce.KindInvalid, room, op, "route %q is of mode %s, the ERP's books are of mode %s; see the adapter's config",
		r.Name, r.Mode, mode)
	e.Code, e.Outcome = "mode_mismatch", commerce.NotSent
	return e
}

// ours refuses a document of the other mode: the adapter is not the one of the route.
// It is a draft, and nobody will confirm it.
func (b *Books) ours(op string, r mapping.Route, o erp.Order) (commerce.Document, error) {
	if o.Ref.Mode == r.Mode && o.Ref.System == b.c.System {
		return o.Document(), nil
	}
	e := commerce.Errorf(commerce.KindInvalid, room, op, "route %q is of system %s in mode %s, %s of %s in mode %s; see the adapter's config",
		r.Name, b.c.System, r.Mode, o.Ref.ID, o.Ref.System, o.Ref.Mode)
	e.Code, e.Outcome = "mode_mismatch", commerce.Done
	return commerce.Document{}, e
}

// Confirm confirms a sales order. The adapter reads the state, acts and reads back;
// an order that is confirmed already stays as it is, so that it may be repeated.
func (b *Books) Confirm(r mapping.Route, doc commerce.Document) document {
	books := b.erp.ForCompany(r.Company)
	return document{Class: idempotency.Keyed, Settle: b.c.Settle, Act: func(ctx context.Context) (commerce.Document, error) {
		o, err := books.ConfirmOrder(ctx, doc.Ref)
		return o.Document(), err
	}}
}

// SalesOrders returns every sales order under the reference of an order, those that
// count first, cancelled ones last.
func (b *Books) SalesOrders(ctx context.Context, r mapping.Route, o commerce.Ref) ([]commerce.Document, error) {
	orders, err := b.erp.ForCompany(r.Company).FindOrders(ctx, b.Reference(o))
	if err != nil {
		return nil, err
	}
	docs := make([]commerce.Document, len(orders))
	for i, found := range orders {
		docs[i] = found.Document()
	}
	return docs, nil
}

// Cancel cancels every sales order that counts under the reference of an order, the
// confirmed before drafts. Guarded: none that counts is what is to be. What the ERP
// does not cancel any more is of kind conflict; see erp.ERP.
func (b *Books) Cancel(r mapping.Route, o commerce.Ref) document {
	books := b.erp.ForCompany(r.Company)
	op := "cancel sales order of " + o.ID
	counting := func(ctx context.Context) ([]erp.Order, error) {
		orders, err := books.FindOrders(ctx, b.Reference(o))
		return slices.DeleteFunc(orders, func(found erp.Order) bool { return found.State == erp.Cancelled }), err
	}
	cancelled := commerce.Document{Ref: o, State: string(erp.Cancelled)}
	return document{Class: idempotency.Guarded, Settle: b.c.Settle,
		Find: func(ctx context.Context) (commerce.Document, error) {
			orders, err := counting(ctx)
			if err == nil && len(orders) > 0 {
				err = commerce.Errorf(commerce.KindNotFound, room, op, "%s is %s", orders[0].Ref.ID, orders[0].State)
			}
			return cancelled, err
		},
		Act: func(ctx context.Context) (commerce.Document, error) {
			orders, err := counting(ctx)
			if err != nil {
				return commerce.Document{}, notSent(op, err)
			}
			for i, found := range orders {
				if _, err := b.ours(op, r, found); err != nil {
					return commerce.Document{}, notSent(op, err)
				}
				switch _, err := books.CancelOrder(ctx, found.Ref); {
				case err != nil && i > 0: // another one is cancelled
					return commerce.Document{}, &commerce.Error{Kind: commerce.KindOf(err), System: room, Op: op, Outcome: commerce.Unknown,
						RetryAfter: commerce.RetryAfter(err), Err: err}
				case err != nil:
					return commerce.Document{}, err
				}
			}
			return cancelled, nil
		}}
}

// Withdraw deletes a sales order that is a draft; anything else is of kind conflict.
// One that is gone already is no error, so that it may be repeated.
func (b *Books) Withdraw(r mapping.Route, doc commerce.Document) document {
	books := b.erp.ForCompany(r.Company)
	return document{Class: idempotency.Keyed, Settle: b.c.Settle, Act: func(ctx context.Context) (commerce.Document, error) {
		if err := books.WithdrawOrder(ctx, doc.Ref); err != nil {
			return commerce.Document{}, err
		}
		doc.State = "withdrawn"
		return doc, nil
	}}
}

// customer is the party of an order and the order's own addresses.
func (b *Books) customer(o commerce.Order) erp.Customer {
	party := mapping.PartyOf(o, b.c.Guests, b.c.GuestName)
	return erp.Customer{Key: party.Key, Party: party.Customer, Update: party.Registered && b.c.UpdateParties,
		Billing: o.BillingAddress, Shipping: o.ShippingAddress}
}

// newOrder says an order in the ERP's words.
func (b *Books) newOrder(ctx context.Context, books erp.ERP, r mapping.Route, o commerce.Order, payments []commerce.Payment) (erp.NewOrder, error) {
	if err := mapping.Prove(o); err != nil {
		return erp.NewOrder{}, err
	}
	w := b.writer(r, o)
	if err := w.write(ctx, books); err != nil {
		return erp.NewOrder{}, err
	}
	if w.mixed {
		w.taxes = nil
	}
	net, err := o.Totals.Gross.Sub(o.Totals.Tax)
	if err != nil {
		return erp.NewOrder{}, err
	}
	return erp.NewOrder{
		Key: b.Reference(o.Ref), Name: o.Number, Date: w.date, Currency: o.Currency, Warehouse: r.Warehouse,
		Lines: w.lines, Taxes: w.taxes, Payments: details(o, payments),
		Text:     "Order " + r.Prefix + o.Number,
		Expected: erp.Totals{Net: net, Tax: o.Totals.Tax, Gross: o.Totals.Gross},
		Rounding: b.c.Rounding,
	}, nil
}

func (b *Books) writer(r mapping.Route, o commerce.Order) writer {
	return writer{b: b, o: o, document: o.Ref.System + " " + o.Ref.ID, table: b.c.Taxes[cmp.Or(r.TaxTable, defaultName)],
		date: commerce.DateOf(o.Placed.In(b.c.Location))}
}

// writer collects the lines of a sales order.
type writer struct {
	b        *Books
	o        commerce.Order
	document string
	table    mapping.TaxTable
	date     commerce.Date

	lines     []erp.OrderLine
	discounts []erp.OrderLine // one for each set of taxes
	taxes     []erp.TaxAmount
	mixed     bool // an amount of tax is that of several taxes of the ERP, or of none
}

func (w *writer) write(ctx context.Context, books erp.ERP) error {
	products, err := w.products(ctx, books)
	if err != nil {
		return err
	}
	w.lines = make([]erp.OrderLine, 0, len(w.o.Lines)+2)
	for _, l := range w.o.Lines {
		field := "lines[" + l.ID + "]"
		if l.Canceled.Sign() > 0 {
			return mapping.Faultf(w.document, field+".canceled", l.Canceled.String(), "a part of the line is cancelled, and the order's totals still count it")
		}
		product := products[l.SKU]
		if l.Quantity.Trim(0).Scale() > product.UnitDigits {
			return mapping.Faultf(w.document, field+".quantity", l.Quantity.String(), "product %s is sold in units with %d decimals", l.SKU, product.UnitDigits)
		}
		ids, onNet, err := w.taxIDs(field, commerce.TaxOnLine, l.Net, l.Discount, l.Taxes)
		if err != nil {
			return err
		}
		w.lines = append(w.lines, erp.OrderLine{SKU: l.SKU, Text: cmp.Or(l.Name, l.SKU), Quantity: l.Quantity, Net: l.Net, TaxIDs: ids})
		if err := w.discount(l.Discount, code(l), ids, onNet); err != nil {
			return err
		}
	}
	sh := w.o.Shipping
	ids, onNet, err := w.taxIDs("shipping", commerce.TaxOnShipping, sh.Net, sh.Discount, sh.Taxes)
	if err != nil {
		return err
	}
	if !sh.Net.IsZero() {
		w.lines = append(w.lines, erp.OrderLine{Kind: erp.Shipping, SKU: w.b.c.Products.Shipping,
			Text: cmp.Or(sh.Title, sh.Method, "Shipping"), Quantity: one, Net: sh.Net, TaxIDs: ids})
	}
	if err := w.discount(sh.Discount, "", ids, onNet); err != nil {
		return err
	}
	w.lines = append(w.lines, w.discounts...)
	if fees := w.o.Totals.Fees; !fees.IsZero() {
		w.lines = append(w.lines, erp.OrderLine{Kind: erp.Fee, SKU: w.b.c.Products.Fee, Text: "Fee", Quantity: one, Net: fees})
	}
	return nil
}

var one = commerce.MustDecimal("1")

func code(l commerce.OrderLine) string {
	for _, d := range l.Discounts {
		if d.Code != "" {
			return d.Code
		}
	}
	return ""
}

// products looks all SKUs up in one call. A missing one is a fault that names line
// and SKU.
func (w *writer) products(ctx context.Context, books erp.ERP) (map[string]erp.Product, error) {
	var skus []string
	for _, l := range w.o.Lines {
		if !slices.Contains(skus, l.SKU) {
			skus = append(skus, l.SKU)
		}
	}
	if len(skus) == 0 {
		return nil, mapping.Faultf(w.document, "lines", "", "the order has none")
	}
	products, err := books.ProductsBySKU(ctx, skus)
	if err != nil {
		return nil, err
	}
	for _, l := range w.o.Lines {
		if _, ok := products[l.SKU]; !ok || l.SKU == "" {
			return nil, mapping.Faultf(w.document, "lines["+l.ID+"].sku", l.SKU, "the ERP has no active product with this SKU")
		}
	}
	return products, nil
}

// taxIDs chooses the ERP's taxes for a line and notes the shop's amounts. onNet says
// that the shop took tax on the price before discount, so that its discount is to
// carry none.
func (w *writer) taxIDs(field string, on commerce.TaxOn, net, discount commerce.Money, taxes []commerce.TaxLine) (ids []string, onNet bool, err error) {
	if len(taxes) == 0 {
		if net == discount {
			return nil, false, nil // nothing is charged: there is no tax to choose
		}
		to := w.o.BillingAddress
		if w.o.ShippingAddress != nil {
			to = *w.o.ShippingAddress
		}
		ids, err = w.choose(field, on, commerce.TaxLine{Country: to.Country, Region: to.Region})
		return ids, false, err
	}
	for _, t := range taxes {
		chosen, err := w.choose(field, on, t)
		if err != nil {
			return nil, false, err
		}
		for _, id := range chosen {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		if len(chosen) != 1 {
			w.mixed = w.mixed || !t.Amount.IsZero()
		} else if err := w.addTax(chosen[0], t); err != nil {
			return nil, false, err
		}
		onNet = onNet || !discount.IsZero() && t.Base == net
	}
	return ids, onNet, nil
}

// choose asks the table for the ERP's taxes that stand for one of the shop.
func (w *writer) choose(field string, on commerce.TaxOn, t commerce.TaxLine) ([]string, error) {
	return w.table.IDs(w.document+" "+field, mapping.TaxKey{Shop: w.o.Ref.Account, Country: t.Country, Region: t.Region,
		Customer: mapping.KindOfCustomer(w.o), Code: t.Code, Rate: t.Rate, Date: w.date, On: on})
}

func (w *writer) addTax(id string, t commerce.TaxLine) error {
	for i, have := range w.taxes {
		if have.TaxID != id {
			continue
		}
		var err error
		if w.taxes[i].Base, err = have.Base.Add(t.Base); err == nil {
			w.taxes[i].Amount, err = have.Amount.Add(t.Amount)
		}
		return err
	}
	w.taxes = append(w.taxes, erp.TaxAmount{TaxID: id, Base: t.Base, Amount: t.Amount})
	return nil
}

// discount adds to the discount line with these taxes.
func (w *writer) discount(amount commerce.Money, code string, ids []string, untaxed bool) error {
	if amount.IsZero() {
		return nil
	}
	if untaxed {
		ids = nil
	}
	for i, have := range w.discounts {
		if slices.Equal(have.TaxIDs, ids) {
			var err error
			w.discounts[i].Net, err = have.Net.Sub(amount)
			return err
		}
	}
	w.discounts = append(w.discounts, erp.OrderLine{Kind: erp.Discount, SKU: w.b.c.Products.Discount,
		Text: strings.TrimSpace("Discount " + code), Quantity: one, Net: amount.Neg(), TaxIDs: ids})
	return nil
}

// details says how the order was paid: each payment, then the tenders that are not
// the processor's.
func details(o commerce.Order, payments []commerce.Payment) []erp.PaymentDetail {
	var out []erp.PaymentDetail
	for _, p := range payments {
		d := erp.PaymentDetail{Tender: commerce.TenderStripe, Method: p.Method, Charge: p.Charge, Amount: share(o, p), Time: p.Created}
		if p.Ref.ID != p.Charge {
			d.Payment = p.Ref.ID
		}
		out = append(out, d)
	}
	for _, t := range o.Tenders {
		if t.Kind != commerce.TenderStripe {
			out = append(out, erp.PaymentDetail{Tender: t.Kind, Payment: t.Reference, Amount: t.Amount, Time: o.Placed})
		}
	}
	return out
}

// share is what the payment names for this order, else what was captured of it, else
// all of it.
func share(o commerce.Order, p commerce.Payment) commerce.Money {
	for _, h := range p.Orders {
		if "order/"+h.ID == o.Ref.ID && h.Amount.Sign() > 0 {
			return h.Amount
		}
	}
	if p.Captured.Sign() > 0 {
		return p.Captured
	}
	return p.Amount
}
