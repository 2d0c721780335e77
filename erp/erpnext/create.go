package erpnext

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"math/big"
	"strconv"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// CreateOrder inserts the order with its lines in one call, under the key in a unique
// field. What the server computed is compared; a rounding line is added where it has to
// be.
func (o *Client) CreateOrder(ctx context.Context, n erp.NewOrder) (erp.Order, error) {
	if err := n.Validate(); err != nil {
		return erp.Order{}, err
	}
	w := writing{o: o, op: "create order " + n.Key, order: n}
	if err := checkKey(w.op, n.Key); err != nil {
		return erp.Order{}, err
	}
	if err := w.price(ctx); err != nil {
		return erp.Order{}, notSent(err)
	}
	under, err := o.ordersUnder(ctx, w.op, n.Key)
	if err != nil {
		return erp.Order{}, notSent(err)
	}
	if len(under) > 0 && under[0].state() != erp.Cancelled {
		s, err := o.orderByName(ctx, w.op, under[0].Name)
		if err != nil {
			return erp.Order{}, notSent(err)
		}
		return w.settle(ctx, s)
	}
	s, err := w.create(ctx, len(under) > 0)
	if err != nil {
		return erp.Order{}, err
	}
	return w.settle(ctx, s)
}

// writing is one order on its way to the server.
type writing struct {
	o     *Client
	op    string
	order erp.NewOrder
	lines []priced
	taxes []values // one row for each account of tax
	// rounding is whether the ERP has the item.
	rounding bool
}

// priced is an order line in ERPNext's terms.
type priced struct {
	erp.OrderLine
	item string
	tax  string // Item Tax Template
	rate string // unit price as decimal text
	lost int64  // what of the amount the unit price could not hold, in minor units
}

// price says the lines in ERPNext's terms; nothing is written. An item or a tax that
// the ERP does not have is of kind mapping.
func (w *writing) price(ctx context.Context) error {
	products := w.o.c.Products
	skus := []string{products.Rounding}
	for _, l := range w.order.Lines {
		skus = append(skus, products.SKU(l))
	}
	found, err := w.o.ProductsBySKU(ctx, skus)
	if err != nil {
		return err
	}
	b, err := w.o.books(ctx)
	if err != nil {
		return err
	}
	_, w.rounding = found[products.Rounding]
	accounts := map[string]bool{}
	for i, l := range w.order.Lines {
		sku := products.SKU(l)
		if _, ok := found[sku]; !ok {
			return w.unmapped("Lines[%d]: no item for sale has the code %q", i, sku)
		}
		p := priced{OrderLine: l, item: sku, tax: w.o.c.NoTax}
		if len(l.TaxIDs) > 1 {
			return w.unmapped("Lines[%d]: %d taxes; a line of ERPNext has one tax template", i, len(l.TaxIDs))
		}
		for _, id := range l.TaxIDs {
			x, ok := b.taxes[id]
			if !ok {
				return w.unmapped("Lines[%d]: the company has no tax template %q", i, id)
			}
			p.tax = id
			if !accounts[x.account] {
				accounts[x.account] = true
				// The rate is nought for lines of other templates; the template's counts for its own.
				w.taxes = append(w.taxes, values{"charge_type": "On Net Total", "account_head": x.account, "description": x.title, "rate": number("0")})
			}
		}
		p.price()
		w.lines = append(w.lines, p)
	}
	return nil
}

// price chooses the unit price nearest to net / quantity. It has the decimals of the
// currency.
func (l *priced) price() {
	c := l.Net.Currency()
	q, _ := new(big.Rat).SetString(l.Quantity.String())
	scale := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(c.Exponent(), 0))), nil))
	net := new(big.Rat).SetInt64(l.Net.Minor())
	l.rate = new(big.Rat).Quo(new(big.Rat).Quo(net, scale), q).FloatString(max(c.Exponent(), 0))
	unit, _ := new(big.Rat).SetString(l.rate)
	sum, _ := new(big.Int).SetString(unit.Mul(unit.Mul(unit, q), scale).FloatString(0), 10)
	lost := l.Net.Minor() - sum.Int64()
	l.lost = max(lost, -lost)
}

func (w *writing) unmapped(format string, args ...any) error {
	return commerce.Errorf(commerce.KindMapping, system, w.op, format, args...)
}

// create inserts the order. Where somebody else was quicker, theirs is read.
func (w *writing) create(ctx context.Context, again bool) (order, error) {
	key, err := w.freeKey(ctx, again)
	if err != nil {
		return order{}, notSent(err)
	}
	var made order
	err = w.o.insert(ctx, w.op, "Sales Order", w.document(key), &made)
	if !errors.Is(err, commerce.ErrDuplicate) {
		return made, err
	}
	under, findErr := w.o.ordersUnder(ctx, w.op, w.order.Key)
	if findErr != nil || len(under) == 0 || under[0].state() == erp.Cancelled {
		return order{}, err
	}
	s, findErr := w.o.orderByName(ctx, w.op, under[0].Name)
	return s, notSent(findErr)
}

// freeKey is the key, or with a number behind it where cancelled orders hold it.
func (w *writing) freeKey(ctx context.Context, again bool) (string, error) {
	key := w.order.Key
	if !again {
		return key, nil
	}
	var rows []map[string]any
	if err := w.o.list(ctx, w.op, "Sales Order", []any{is("po_no", "=", key), is("docstatus", "=", 2)}, "creation asc", maxTwins+1,
		[]string{w.o.c.KeyField}, &rows); err != nil {
		return "", err
	}
	taken := map[any]bool{}
	for _, r := range rows {
		taken[r[w.o.c.KeyField]] = true
	}
	for i := 2; taken[key]; i++ {
		key = w.order.Key + "~" + strconv.Itoa(i)
	}
	return key, nil
}

// document is the order as it is inserted.
func (w *writing) document(key string) values {
	n := w.order
	v := values{w.o.c.KeyField: key, "po_no": n.Key, "company": w.o.company.name, "customer": n.Customer.Party, "order_type": "Sales",
		"transaction_date": n.Date.String(), "delivery_date": n.Date.String(), "currency": string(n.Currency),
		"customer_address": n.Customer.Billing, "shipping_address_name": first(n.Customer.Shipping, n.Customer.Billing),
		"ignore_pricing_rule": 1, "disable_rounded_total": 1, "taxes": w.taxes}
	for field, text := range map[string]string{"set_warehouse": first(n.Warehouse, w.o.c.Warehouse), "payment_terms_template": w.o.c.PaymentTerms,
		"terms": w.terms()} {
		if text != "" {
			v[field] = text
		}
	}
	items := make([]any, len(w.lines))
	for i, l := range w.lines {
		items[i] = w.row(l.item, first(l.Text, l.item), number(l.Quantity.Trim(0).String()), number(l.rate), l.tax)
	}
	v["items"] = items
	return v
}

func (w *writing) row(item, text string, quantity, rate number, tax string) values {
	v := values{"item_code": item, "description": html.EscapeString(text), "qty": quantity, "rate": rate, "price_list_rate": rate,
		"delivery_date": w.order.Date.String()}
	if tax != "" {
		v["item_tax_template"] = tax
	}
	return v
}

// terms is the text and the payments, in HTML.
func (w *writing) terms() string {
	var lines []string
	if w.order.Text != "" {
		lines = strings.Split(w.order.Text, "\n")
	}
	for _, p := range w.order.Payments {
		lines = append(lines, p.String())
	}
	for i, l := range lines {
		lines[i] = html.EscapeString(l)
	}
	return strings.Join(lines, "<br>")
}

// bound is the largest difference that may be settled: the order's own, and what the
// unit prices could not hold on top.
func (w *writing) bound() int64 {
	n := w.order.RoundingBound().Minor()
	for _, l := range w.lines {
		n += l.lost
	}
	return n
}

// settle compares the order with the expected total and corrects the rounding line of
// a draft, once.
func (w *writing) settle(ctx context.Context, s order) (erp.Order, error) {
	got, err := w.o.order(s)
	if err != nil {
		return got, outcome(err, commerce.Done)
	}
	if got.Currency != w.order.Currency {
		return got, refused(w.op, commerce.KindConflict, commerce.Done, "the order under this key is in "+string(got.Currency)+", not "+string(w.order.Currency))
	}
	want := w.order.Expected.Gross
	for try := 0; got.Totals.Gross != want; try++ {
		rows, settled, err := w.split(s)
		if err != nil {
			return got, outcome(err, commerce.Done)
		}
		diff := want.Minor() - got.Totals.Gross.Minor() + settled
		if s.DocStatus != 0 || try == 1 || max(diff, -diff) > w.bound() {
			return got, w.totalsError(got, settled)
		}
		if diff != 0 {
			if !w.rounding {
				return got, outcome(w.unmapped("no item for sale has the code %q of Products.Rounding", w.o.c.Products.Rounding), commerce.Done)
			}
			rate := number(commerce.MustMoney(diff, w.order.Currency).Text())
			rows = append(rows, w.row(w.o.c.Products.Rounding, "Rounding", "1", rate, w.o.c.NoTax))
		}
		// With the date of the change in it, the write is refused once somebody else has written.
		if err := w.o.update(ctx, w.op, "Sales Order", s.Name, values{"items": rows, "modified": s.Modified}, &s); err != nil {
			return got, err
		}
		if got, err = w.o.order(s); err != nil {
			return got, outcome(err, commerce.Done)
		}
	}
	return got, nil
}

// split parts the rows of an order from those on the rounding item, and sums these up.
func (w *writing) split(s order) (rows []any, settled int64, err error) {
	for _, raw := range s.Items {
		var row struct {
			Item   string `json:"item_code"`
			Amount number `json:"amount"`
		}
		if err := json.Unmarshal(raw, &row); err != nil {
			return nil, 0, commerce.Errorf(commerce.KindInternal, system, w.op, "a row has another shape than expected")
		}
		if row.Item != w.o.c.Products.Rounding {
			rows = append(rows, raw)
			continue
		}
		m, err := row.Amount.money(w.order.Currency)
		if err != nil {
			return nil, 0, err
		}
		settled += m.Minor()
	}
	return rows, settled, nil
}

func (w *writing) totalsError(got erp.Order, settled int64) error {
	c := w.order.Currency
	totals := got.Totals
	totals.Net = commerce.MustMoney(totals.Net.Minor()-settled, c)
	totals.Gross = commerce.MustMoney(totals.Gross.Minor()-settled, c)
	return &commerce.Error{Kind: commerce.KindInvalid, System: system, Op: w.op, Outcome: commerce.Done,
		Err: &erp.TotalsError{Key: w.order.Key, Expected: w.order.Expected, Got: totals, Bound: commerce.MustMoney(w.bound(), c),
			ExpectedTaxes: w.order.Taxes}}
}
