package odoo

import (
	"context"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// bound is the largest difference that may be settled: the order's own, and what the
// unit prices could not hold on top.
func (w *writing) bound() int64 {
	n := w.order.RoundingBound().Minor()
	for _, l := range w.lines {
		n += l.lost
	}
	return n
}

// settle compares the order with the expected total and corrects the rounding line
// of a draft, once.
func (w *writing) settle(ctx context.Context, s order) (erp.Order, error) {
	got, err := w.o.order(s)
	if err != nil {
		return got, outcome(err, commerce.Done)
	}
	want := w.order.Expected.Gross
	if got.Currency != w.order.Currency {
		return got, w.fail(commerce.KindConflict, commerce.Done, "the order under this key is in "+string(got.Currency)+", not "+string(w.order.Currency))
	}
	for try := 0; got.Totals.Gross != want; try++ {
		lines, err := w.read(ctx, s)
		if err != nil {
			return got, outcome(err, commerce.Done)
		}
		settled, there := lines.settled(w.rounding)
		diff := want.Minor() - got.Totals.Gross.Minor() + settled
		if s.State != "draft" || try == 1 || len(there) > 1 || max(diff, -diff) > w.bound() {
			return got, w.totalsError(got, settled, lines)
		}
		if err := w.writeRounding(ctx, s, there, diff); err != nil {
			return got, err
		}
		if s, err = w.o.orderByID(ctx, w.op, s.ID); err != nil {
			return got, outcome(err, commerce.Done)
		}
		if got, err = w.o.order(s); err != nil {
			return got, outcome(err, commerce.Done)
		}
	}
	return got, nil
}

// written are the lines of an order at the server.
type written []writtenLine

type writtenLine struct {
	id       int64
	product  int64
	taxes    []int64
	net, tax int64 // in minor units
}

// settled is the sum of the lines on the rounding product, and their ids.
func (w written) settled(rounding product) (sum int64, ids []int64) {
	for _, l := range w {
		if l.product == rounding.id {
			sum += l.net + l.tax
			ids = append(ids, l.id)
		}
	}
	return sum, ids
}

// read reads the lines of an order.
func (w *writing) read(ctx context.Context, s order) (written, error) {
	var rows []struct {
		ID      int64   `json:"id"`
		Product link    `json:"product_id"`
		Net     number  `json:"price_subtotal"`
		Tax     number  `json:"price_tax"`
		Taxes   []int64 `json:"tax_ids"`
		Older   []int64 `json:"tax_id"` // up to 18
	}
	fields := []string{"id", "product_id", "price_subtotal", "price_tax", w.books.one("sale.order.line", "tax_ids", "tax_id")}
	if err := w.o.searchRead(ctx, w.op, "sale.order.line", domain(clause("order_id", "=", s.ID)), w.o.c.CacheSize, "id", fields, &rows); err != nil {
		return nil, err
	}
	out := make(written, len(rows))
	for i, r := range rows {
		out[i] = writtenLine{id: r.ID, product: r.Product.ID, taxes: append(r.Taxes, r.Older...)}
		for _, f := range []struct {
			to   *int64
			from number
		}{{&out[i].net, r.Net}, {&out[i].tax, r.Tax}} {
			// Tax that is rounded per document is not rounded here.
			m, _, err := commerce.RoundMoney(string(f.from), noise, w.order.Currency)
			if err != nil {
				return nil, err
			}
			*f.to = m.Minor()
		}
	}
	return out, nil
}

// writeRounding makes, changes or removes the rounding line of a draft. It has an
// external id of its own, so that a write that comes late makes no second one.
func (w *writing) writeRounding(ctx context.Context, s order, there []int64, diff int64) error {
	if diff == 0 {
		return w.o.step(ctx, w.op, "sale.order.line", "unlink", nil, there...)
	}
	if w.rounding.id == 0 {
		return outcome(w.unmapped("no salable product has the SKU %q of Products.Rounding", w.o.c.Products.Rounding), commerce.Done)
	}
	price := commerce.MustMoney(diff, w.order.Currency).Text()
	if len(there) == 1 {
		return w.o.do(ctx, call{op: w.op, model: "sale.order.line", method: "write", ids: there,
			args: []arg{{"vals", values{"price_unit": number(price)}}}, write: true})
	}
	var l sheet
	for _, c := range []struct{ column, text string }{
		{"id", w.o.c.Module + ".rounding_" + formatID(s.ID)}, {"order_id/.id", formatID(s.ID)}, {"product_id/.id", formatID(w.rounding.id)},
		{"name", "Rounding"}, {"product_uom_qty", "1"}, {"price_unit", price}, {"discount", "0"},
		{w.books.one("sale.order.line", "tax_ids", "tax_id") + "/.id", ""},
	} {
		l.set(0, c.column, c.text)
	}
	_, err := w.o.load(ctx, w.op, "sale.order.line", l, nil)
	return err
}

func (w *writing) totalsError(got erp.Order, settled int64, lines written) error {
	c := w.order.Currency
	totals := got.Totals
	totals.Net = commerce.MustMoney(totals.Net.Minor()-settled, c)
	totals.Gross = commerce.MustMoney(totals.Gross.Minor()-settled, c)
	return &commerce.Error{Kind: commerce.KindInvalid, System: system, Op: w.op, Outcome: commerce.Done,
		Err: &erp.TotalsError{Key: w.order.Key, Expected: w.order.Expected, Got: totals, Bound: commerce.MustMoney(w.bound(), c),
			ExpectedTaxes: w.order.Taxes, GotTaxes: lines.taxes(c)}}
}

// taxes sums the lines by tax; a line with several taxes counts under all of them
// together, as the server does not say more of it.
func (w written) taxes(c commerce.Currency) []erp.TaxAmount {
	sums := map[string][2]int64{}
	var order []string
	for _, l := range w {
		if len(l.taxes) == 0 {
			continue
		}
		ids := make([]string, len(l.taxes))
		for i, id := range l.taxes {
			ids[i] = formatID(id)
		}
		key := strings.Join(ids, "+")
		if !slices.Contains(order, key) {
			order = append(order, key)
		}
		sums[key] = [2]int64{sums[key][0] + l.net, sums[key][1] + l.tax}
	}
	out := make([]erp.TaxAmount, len(order))
	for i, key := range order {
		out[i] = erp.TaxAmount{TaxID: key, Base: commerce.MustMoney(sums[key][0], c), Amount: commerce.MustMoney(sums[key][1], c)}
	}
	return out
}
