package odoo

import (
	"context"
	"html"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// CreateOrder loads the order, header and lines in one transaction, under an external
// id made of the key: there is no half order and no second one. What the server
// computed is read back, and where it differs a rounding line settles it.
func (o *Client) CreateOrder(ctx context.Context, n erp.NewOrder) (erp.Order, error) {
	if err := n.Validate(); err != nil {
		return erp.Order{}, err
	}
	w := writing{o: o, op: "create order " + n.Key, order: n}
	if err := w.price(ctx); err != nil {
		return erp.Order{}, notSent(err)
	}
	under, err := o.ordersUnder(ctx, w.op, n.Key)
	if err != nil {
		return erp.Order{}, notSent(err)
	}
	if len(under) > 0 && under[0].State != "cancel" {
		return w.settle(ctx, under[0])
	}
	s, err := w.create(ctx, under)
	if err != nil {
		return erp.Order{}, err
	}
	return w.settle(ctx, s)
}

// writing is one order on its way to the server.
type writing struct {
	o        *Client
	op       string
	order    erp.NewOrder
	lines    []priced
	rounding product // nought where the ERP does not have it
	books    books
}

// price says the lines in Odoo's terms; nothing is written. A product or a tax
// that the ERP does not have is of kind mapping.
func (w *writing) price(ctx context.Context) (err error) {
	if w.books, err = w.o.books(ctx); err != nil {
		return err
	}
	skus := []string{w.o.c.Products.Rounding}
	for _, l := range w.order.Lines {
		skus = append(skus, w.o.c.Products.SKU(l))
	}
	found, err := w.o.products(ctx, skus)
	if err != nil {
		return err
	}
	w.rounding = found[w.o.c.Products.Rounding]
	w.lines = make([]priced, len(w.order.Lines))
	for i, l := range w.order.Lines {
		sku := w.o.c.Products.SKU(l)
		p, ok := found[sku]
		if !ok {
			return w.unmapped("Lines[%d]: no salable product has the SKU %q", i, sku)
		}
		w.lines[i] = priced{OrderLine: l, product: p, taxes: make([]int64, len(l.TaxIDs))}
		for k, text := range l.TaxIDs {
			id, err := parseID(text)
			x, ok := w.books.taxes[id]
			if err != nil || !ok {
				return w.unmapped("Lines[%d]: the company has no tax %q", i, text)
			}
			if x.included && !x.percent {
				return w.unmapped("Lines[%d]: tax %s is included in prices and no percentage", i, text)
			}
			w.lines[i].taxes[k] = id
		}
		w.lines[i].price(w.books.taxes, w.books.digits("sale.order.line", "price_unit", priceDigits))
	}
	return nil
}

func (w *writing) unmapped(format string, args ...any) error {
	return commerce.Errorf(commerce.KindMapping, system, w.op, format, args...)
}

// fail is an error of the write as a whole.
func (w *writing) fail(kind commerce.Kind, outcome commerce.Outcome, text string) error {
	return call{op: w.op, write: true}.fail(kind, outcome, 0, text)
}

// create loads the order and reads it. Where the load was refused a twin may have been
// made, and confirmed, at the same moment.
func (w *writing) create(ctx context.Context, cancelled []order) (order, error) {
	s, err := w.sheet(ctx, cancelled)
	if err != nil {
		return order{}, notSent(err)
	}
	id, failed := w.o.load(ctx, w.op, "sale.order", s, nil)
	if failed != nil && commerce.KindOf(failed) != commerce.KindInvalid {
		return order{}, failed
	}
	if failed != nil {
		under, err := w.o.ordersUnder(ctx, w.op, w.order.Key)
		if err != nil || len(under) == 0 || under[0].State == "cancel" {
			return order{}, failed
		}
		return under[0], nil
	}
	made, err := w.o.orderByID(ctx, w.op, id)
	if err != nil {
		return order{}, outcome(err, commerce.Done)
	}
	if made.State == "cancel" {
		return order{}, w.fail(commerce.KindConflict, commerce.Done, "the order was cancelled right after it was made")
	}
	return made, nil
}

// sheet is the order as it is loaded.
func (w *writing) sheet(ctx context.Context, cancelled []order) (s sheet, err error) {
	n := w.order
	id, err := w.externalID(ctx, cancelled)
	if err != nil {
		return s, err
	}
	pricelist, err := w.pricelist(ctx)
	if err != nil {
		return s, err
	}
	s.set(0, "id", id)
	// No company: it is the context's. Sent again for an order that is there, it would
	// give the lines the products' own taxes (19.0, seen 2026-11).
	for _, f := range []struct{ field, id string }{{"partner_id", n.Customer.Party}, {"partner_invoice_id", n.Customer.Billing},
		{"partner_shipping_id", first(n.Customer.Shipping, n.Customer.Billing)}, {"pricelist_id", pricelist},
		{"warehouse_id", n.Warehouse}, {"payment_term_id", w.o.c.PaymentTerm}} {
		if f.id == "" {
			continue
		}
		if _, err := parseID(f.id); err != nil {
			return s, commerce.Errorf(commerce.KindInvalid, system, w.op, "%s: %w", f.field, err)
		}
		s.set(0, f.field+"/.id", f.id)
	}
	s.set(0, "client_order_ref", n.Key)
	s.set(0, "origin", n.Name)
	// Noon is on the same day in every zone but the last.
	s.set(0, "date_order", n.Date.String()+" 12:00:00")
	s.set(0, "note", w.note())
	taxes, unit := w.books.one("sale.order.line", "tax_ids", "tax_id"), w.books.one("sale.order.line", "product_uom_id", "product_uom")
	for i, l := range w.lines {
		ids := make([]string, len(l.taxes))
		for k, x := range l.taxes {
			ids[k] = formatID(x)
		}
		for _, c := range []struct{ column, text string }{
			{"id", id + "_line_" + formatID(int64(i+1))}, {"product_id/.id", formatID(l.product.id)}, {unit + "/.id", formatID(l.product.unit)},
			{"name", first(l.Text, l.product.SKU)}, {"product_uom_qty", l.Quantity.Trim(0).String()}, {"price_unit", l.unit}, {"discount", "0"},
			{taxes + "/.id", strings.Join(ids, ",")},
		} {
			s.set(i, "order_line/"+c.column, c.text)
		}
	}
	return s, nil
}

// externalID is that of the key, or with a number behind it where orders under the key
// were cancelled: they keep theirs.
func (w *writing) externalID(ctx context.Context, cancelled []order) (string, error) {
	company, err := w.o.companyID(ctx)
	if err != nil {
		return "", err
	}
	base := w.o.externalID("order", formatID(company), w.order.Key)
	if len(cancelled) == 0 {
		return base, nil
	}
	var ids []int64
	for _, s := range cancelled {
		ids = append(ids, s.ID)
	}
	var taken map[string]text
	if err := w.o.do(ctx, call{op: w.op, model: "sale.order", method: "get_external_id", ids: ids, out: &taken}); err != nil {
		return "", err
	}
	id := base
	for i := 2; ; i++ {
		free := true
		for _, t := range taken {
			free = free && string(t) != id
		}
		if free {
			return id, nil
		}
		id = base + "_" + formatID(int64(i))
	}
}

// pricelist is the one that puts the order into its currency: Odoo has no other way.
// Prices are sent, so it does nothing else. In the company's currency none is needed.
func (w *writing) pricelist(ctx context.Context) (string, error) {
	c := w.order.Currency
	id, ok := w.o.company.caches.pricelists.Get(c)
	if !ok && w.books.has("sale.order", "pricelist_id") {
		company, err := w.o.companyID(ctx)
		if err != nil {
			return "", err
		}
		var rows []struct {
			ID int64 `json:"id"`
		}
		if err := w.o.searchRead(ctx, w.op, "product.pricelist", domain(clause("currency_id.name", "=", string(c)),
			clause("company_id", "in", []any{company, false})), 1, "id", []string{"id"}, &rows); err != nil {
			return "", err
		}
		if len(rows) == 1 {
			id = rows[0].ID
			w.o.company.caches.pricelists.Put(c, id)
		}
	}
	switch {
	case id != 0:
		return formatID(id), nil
	case c == w.books.currency:
		return "", nil
	}
	return "", w.unmapped("the ERP has no price list in %s", c)
}

// note is the text and the payments, in HTML where the server wants that (from 15 on).
func (w *writing) note() string {
	var lines []string
	if w.order.Text != "" {
		lines = strings.Split(w.order.Text, "\n")
	}
	for _, p := range w.order.Payments {
		lines = append(lines, p.String())
	}
	if w.books.fields["sale.order"]["note"].Type != "html" {
		return strings.Join(lines, "\n")
	}
	for i, l := range lines {
		lines[i] = html.EscapeString(l)
	}
	return strings.Join(lines, "<br>")
}
