package tryton

import (
	"context"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// CreateOrder makes the sale, lines and rounding line in one call, marked with the
// key as its reference. The call is one transaction: there is no half sale. What
// the server computed is read back; where it differs from what was foreseen, the
// rounding line of the draft is corrected.
func (t *Client) CreateOrder(ctx context.Context, n erp.NewOrder) (erp.Order, error) {
	if err := n.Validate(); err != nil {
		return erp.Order{}, err
	}
	w := writing{t: t, op: "create order " + n.Key, order: n}
	if err := w.price(ctx); err != nil {
		return erp.Order{}, notSent(err)
	}
	s, err := t.counting(ctx, w.op, n.Key)
	if err != nil {
		return erp.Order{}, notSent(err)
	}
	if s == nil {
		if s, err = w.create(ctx); err != nil {
			return erp.Order{}, err
		}
	}
	return w.settle(ctx, *s)
}

// writing is one order on its way to the server.
type writing struct {
	t        *Client
	op       string
	order    erp.NewOrder
	lines    []priced
	rounding product // nought where the ERP does not have it
	books    books
}

// price says the lines in Tryton's terms; nothing is written. A product or a tax
// that the ERP does not have is of kind mapping.
func (w *writing) price(ctx context.Context) error {
	skus := []string{w.t.c.Products.Rounding}
	for _, l := range w.order.Lines {
		skus = append(skus, w.t.c.Products.SKU(l))
	}
	found, err := w.t.products(ctx, skus)
	if err != nil {
		return err
	}
	if w.books, err = w.t.books(ctx); err != nil {
		return err
	}
	w.rounding = found[w.t.c.Products.Rounding]
	w.lines = make([]priced, len(w.order.Lines))
	for i, l := range w.order.Lines {
		sku := w.t.c.Products.SKU(l)
		p, ok := found[sku]
		if !ok {
			return w.unmapped("Lines[%d]: no salable product has the SKU %q", i, sku)
		}
		w.lines[i] = priced{OrderLine: l, product: p, taxes: make([]int64, len(l.TaxIDs))}
		for k, text := range l.TaxIDs {
			id, err := parseID(text)
			if _, ok := w.books.taxes[id]; err != nil || !ok {
				return w.unmapped("Lines[%d]: the company has no tax %q", i, text)
			}
			w.lines[i].taxes[k] = id
		}
		price(&w.lines[i])
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

// create makes the sale and reads back what counts under its key: where a twin was
// made at the same moment, everybody agrees on one, and this call takes its own
// draft away again.
func (w *writing) create(ctx context.Context) (*sale, error) {
	v, err := w.header(ctx)
	if err != nil {
		return nil, notSent(err)
	}
	if v["lines"], err = w.records(); err != nil {
		return nil, notSent(err)
	}
	var ids []int64
	if err := w.t.do(ctx, call{op: w.op, method: "model.sale.sale.create", params: []any{[]values{v}}, write: true, out: &ids}); err != nil {
		return nil, err
	}
	if len(ids) != 1 {
		return nil, w.fail(commerce.KindInternal, commerce.Done, "create answered without an id")
	}
	s, err := w.t.counting(ctx, w.op, w.order.Key)
	if err != nil {
		return nil, outcome(err, commerce.Done)
	}
	if s == nil {
		return nil, w.fail(commerce.KindConflict, commerce.Done, "the sale was taken away or cancelled right after it was made")
	}
	if s.ID != ids[0] {
		if err := w.t.WithdrawOrder(ctx, w.t.c.Origin.With("order/"+formatID(ids[0]))); err != nil {
			return nil, outcome(err, commerce.Done)
		}
	}
	return s, nil
}

// header says everything of the order but its lines.
func (w *writing) header(ctx context.Context) (values, error) {
	n := w.order
	company, err := w.t.companyID(ctx)
	if err != nil {
		return nil, err
	}
	currency, err := w.t.currencyID(ctx, n.Currency)
	if err != nil {
		return nil, err
	}
	if currency == 0 {
		return nil, w.unmapped("the ERP has no currency %s", n.Currency)
	}
	v := values{"reference": n.Key, "description": n.Name, "company": company, "currency": currency, "sale_date": date{n.Date}}
	shipTo := n.Customer.Shipping
	if shipTo == "" {
		shipTo = n.Customer.Billing
	}
	for _, f := range []struct{ field, id string }{{"party", n.Customer.Party}, {"invoice_address", n.Customer.Billing},
		{"shipment_address", shipTo}, {"warehouse", n.Warehouse}, {"payment_term", w.t.c.PaymentTerm}} {
		if f.id == "" {
			continue
		}
		if v[f.field], err = parseID(f.id); err != nil {
			return nil, commerce.Errorf(commerce.KindInvalid, system, w.op, "%s: %w", f.field, err)
		}
	}
	var comment []string
	if n.Text != "" {
		comment = append(comment, n.Text)
	}
	for _, p := range n.Payments {
		comment = append(comment, p.String())
	}
	if len(comment) > 0 {
		v["comment"] = strings.Join(comment, "\n")
	}
	return v, nil
}

// records are the lines, with a rounding line where the server's total is foreseen
// to differ.
func (w *writing) records() ([]any, error) {
	list := make([]values, 0, len(w.lines)+1)
	for _, l := range w.lines {
		v := values{"type": "line", "product": l.product.id, "unit": l.product.unit,
			"quantity": quantityOf(l.Quantity), "unit_price": l.unitText(), "description": l.Text}
		if len(l.taxes) > 0 {
			v["taxes"] = add(l.taxes...)
		}
		list = append(list, v)
	}
	got, _, ok := foresee(w.order.Currency, w.lines, w.books)
	diff := w.order.Expected.Gross.Minor() - got.Gross.Minor()
	if ok && diff != 0 && w.within(diff) {
		v, err := w.roundingLine(diff)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return create(list...), nil
}

// bound is the largest difference that may be settled: the order's own, and what the
// unit prices could not hold on top.
func (w *writing) bound() int64 { return w.order.RoundingBound().Minor() + lost(w.lines) }

func (w *writing) within(diff int64) bool { return max(diff, -diff) <= w.bound() }

// roundingLine is the one explicit line that settles a difference, without tax.
func (w *writing) roundingLine(diff int64) (values, error) {
	if w.rounding.id == 0 {
		return nil, w.unmapped("no salable product has the SKU %q of Products.Rounding", w.t.c.Products.Rounding)
	}
	return values{"type": "line", "product": w.rounding.id, "unit": w.rounding.unit, "quantity": quantity("1.0"),
		"unit_price": w.amount(diff), "description": "Rounding"}, nil
}

func (w *writing) amount(minor int64) number {
	return number(commerce.MustMoney(minor, w.order.Currency).Text())
}

// settle compares the sale with the expected total and corrects the rounding line
// of a draft, once.
func (w *writing) settle(ctx context.Context, s sale) (erp.Order, error) {
	o, err := w.t.order(s)
	if err != nil {
		return o, outcome(err, commerce.Done)
	}
	want := w.order.Expected.Gross
	if o.Currency != w.order.Currency {
		return o, w.fail(commerce.KindConflict, commerce.Done, "the sale under this key is in "+string(o.Currency)+", not "+string(w.order.Currency))
	}
	for try := 0; o.Totals.Gross != want; try++ {
		there, settled, err := w.roundingLines(ctx, s)
		if err != nil {
			return o, outcome(err, commerce.Done)
		}
		diff := want.Minor() - o.Totals.Gross.Minor() + settled
		if s.State != "draft" || try == 1 || len(there) > 1 || !w.within(diff) {
			return o, w.totalsError(o, settled)
		}
		if err := w.writeRounding(ctx, s, there, diff); err != nil {
			return o, err
		}
		if s, err = w.t.saleByID(ctx, w.op, s.ID); err != nil {
			return o, outcome(err, commerce.Done)
		}
		if o, err = w.t.order(s); err != nil {
			return o, outcome(err, commerce.Done)
		}
	}
	return o, nil
}

// roundingLines reads the ids of the lines on the rounding product, and their sum in
// minor units.
func (w *writing) roundingLines(ctx context.Context, s sale) (ids []int64, sum int64, err error) {
	var lines []struct {
		ID     int64  `json:"id"`
		Amount number `json:"amount"`
	}
	if err := w.t.searchRead(ctx, w.op, "sale.line", []any{clause("sale", "=", s.ID), clause("product.code", "=", w.t.c.Products.Rounding)},
		2, byID, []string{"id", "amount"}, &lines); err != nil {
		return nil, 0, err
	}
	for _, l := range lines {
		amount, err := l.Amount.money(w.order.Currency)
		if err != nil {
			return nil, 0, err
		}
		ids = append(ids, l.ID)
		sum += amount.Minor()
	}
	return ids, sum, nil
}

// writeRounding makes, changes or removes the rounding line of a draft. The write is
// guarded by the sale's timestamp: one that comes late finds another and is refused.
func (w *writing) writeRounding(ctx context.Context, s sale, there []int64, diff int64) error {
	var command []any
	switch {
	case len(there) == 1 && diff == 0:
		command = []any{"delete", there}
	case len(there) == 1:
		command = []any{"write", there, values{"unit_price": w.amount(diff)}}
	default:
		line, err := w.roundingLine(diff)
		if err != nil {
			return outcome(err, commerce.Done)
		}
		command = []any{"create", []values{line}}
	}
	return w.t.do(ctx, call{op: w.op, method: "model.sale.sale.write", write: true,
		params: []any{[]int64{s.ID}, values{"lines": []any{command}}}, context: s.unchanged()})
}

func (w *writing) totalsError(o erp.Order, settled int64) error {
	c := w.order.Currency
	got := o.Totals
	got.Net = commerce.MustMoney(got.Net.Minor()-settled, c)
	got.Gross = commerce.MustMoney(got.Gross.Minor()-settled, c)
	_, taxes, _ := foresee(c, w.lines, w.books)
	return &commerce.Error{Kind: commerce.KindInvalid, System: system, Op: w.op, Outcome: commerce.Done,
		Err: &erp.TotalsError{Key: w.order.Key, Expected: w.order.Expected, Got: got, Bound: commerce.MustMoney(w.bound(), c),
			ExpectedTaxes: w.order.Taxes, GotTaxes: taxes}}
}
