package reconcile

import (
	"errors"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// OrdersConfig says how to read orders from CSV. The zero value works.
type OrdersConfig struct {
	// Name is what errors call the input. Defaults to "orders".
	Name string
	// System is what the documents' System becomes where no column says it. Defaults
	// to "shop".
	System string
	// Location is the time zone of dates without one. Defaults to UTC.
	Location *time.Location
}

// Orders reads sales and refunds from CSV, in any order of columns:
//
//	id         the document's own id; defaults to kind and number
//	number     the order's number
//	kind       "sale" (default) or "refund"
//	amount     decimal text in major units, as Stripe should have it; needed
//	currency   needed
//	date       needed
//	payment    pi_…, ch_… or re_…, as the shop keeps it
//	total      what all tenders come to, in the same currency; defaults to amount
//	lines      what it is made of: "CUP|2|20.00;shipping|1|5.00", each the SKU, or the key
//	           of what is no goods, the quantity and the net; no SKU has a semicolon
//	taxes      "DE|19|25.00|4.75;DE|7|10.00|0.70": country, rate, base and tax
//	unsent     "true" where goods of it have not left yet
//	charge, intent, refund, system, settled, settled_currency
//
// Of id and number one is needed. It ends with the first row that can not be read, as
// a [*RowError].
func Orders(r io.Reader, config OrdersConfig) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		if config.Name == "" {
			config.Name = "orders"
		}
		if config.System == "" {
			config.System = "shop"
		}
		if config.Location == nil {
			config.Location = time.UTC
		}
		t, err := openTable(config.Name, r)
		if err != nil {
			yield(Document{}, err)
			return
		}
		rows, err := newOrders(t, config)
		if err != nil {
			yield(Document{}, err)
			return
		}
		for {
			if err := t.next(); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				yield(Document{}, err)
				return
			}
			d, err := rows.document()
			if !yield(d, err) || err != nil {
				return
			}
		}
	}
}

// orders knows where the columns are.
type orders struct {
	values
	config                                   OrdersConfig
	id, number, kind, amount, currency, date int
	payment, charge, intent, refund, system  int
	settled, settledCurrency, total          int
	lines, taxes, unsent                     int
}

func newOrders(t *table, config OrdersConfig) (*orders, error) {
	o := &orders{values: values{table: t, location: config.Location}, config: config}
	for _, c := range []struct {
		to   *int
		name string
	}{{&o.amount, "amount"}, {&o.currency, "currency"}, {&o.date, "date"}} {
		var err error
		if *c.to, err = t.need(c.name); err != nil {
			return nil, err
		}
	}
	o.id, o.number = t.index("id"), t.index("number")
	if o.id < 0 && o.number < 0 {
		return nil, t.fail(1, "id", "is missing, and number too")
	}
	o.kind, o.payment, o.charge = t.index("kind"), t.index("payment"), t.index("charge")
	o.intent, o.refund, o.system = t.index("intent"), t.index("refund"), t.index("system")
	o.settled, o.settledCurrency = t.index("settled"), t.index("settled_currency")
	o.total, o.lines, o.taxes, o.unsent = t.index("total"), t.index("lines"), t.index("taxes"), t.index("unsent")
	return o, nil
}

func (o *orders) document() (d Document, err error) {
	d.Row = o.row
	switch kind := o.at(o.kind); kind {
	case "", "sale":
	case "refund":
		d.Refund = true
	default:
		return Document{}, o.fail(o.row, "kind", "is neither sale nor refund")
	}
	d.ID, d.Number = o.at(o.id), o.at(o.number)
	if d.ID == "" {
		if d.Number == "" {
			return Document{}, o.fail(o.row, "", "has neither id nor number")
		}
		d.ID = "sale/" + d.Number
		if d.Refund {
			d.ID = "refund/" + d.Number
		}
	}
	if d.System = o.at(o.system); d.System == "" {
		d.System = o.config.System
	}
	if d.Amount, err = o.money(o.amount, o.at(o.currency)); err != nil {
		return Document{}, err
	}
	if o.at(o.total) != "" {
		if d.Total, err = o.money(o.total, o.at(o.currency)); err != nil {
			return Document{}, err
		}
	}
	if o.at(o.settled) != "" {
		if d.Settled, err = o.money(o.settled, o.at(o.settledCurrency)); err != nil {
			return Document{}, err
		}
	}
	if d.Date, err = o.time(o.date, o.location); err != nil {
		return Document{}, err
	}
	if d.Date.IsZero() {
		return Document{}, o.fail(o.row, "date", "is empty")
	}
	switch unsent := o.at(o.unsent); unsent {
	case "true":
		d.Unsent = true
	case "", "false":
	default:
		return Document{}, o.fail(o.row, "unsent", "is neither true nor false")
	}
	if o.at(o.lines) != "" {
		if d.Lines, err = o.linesOf(d.Amount.Currency()); err != nil {
			return Document{}, err
		}
	}
	if o.at(o.taxes) != "" {
		if d.Taxes, err = o.taxesOf(d.Amount.Currency()); err != nil {
			return Document{}, err
		}
	}
	d.Payment, d.Charge, d.Intent, d.RefundID = o.at(o.payment), o.at(o.charge), o.at(o.intent), o.at(o.refund)
	d.named()
	return d, nil
}

// linesOf reads "CUP|2|20.00;shipping|1|5.00".
func (o *orders) linesOf(c commerce.Currency) (lines []DocumentLine, err error) {
	for part := range strings.SplitSeq(o.at(o.lines), ";") {
		part = strings.TrimSpace(part)
		bad := func(err error) error {
			e := o.fail(o.row, "lines", "is not like CUP|2|20.00")
			e.Err = err
			return e
		}
		at := strings.LastIndexByte(part, '|')
		key := strings.LastIndexByte(part[:max(at, 0)], '|') // an SKU may have one of its own
		if key <= 0 {
			return nil, bad(nil)
		}
		l := DocumentLine{Key: part[:key]}
		if l.Quantity, err = commerce.ParseDecimal(part[key+1 : at]); err != nil {
			return nil, bad(err)
		}
		if l.Net, err = commerce.ParseMoney(part[at+1:], c); err != nil {
			return nil, bad(err)
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// taxesOf reads "DE|19|25.00|4.75;DE|7|10.00|0.70".
func (o *orders) taxesOf(c commerce.Currency) (taxes []TaxSum, err error) {
	for part := range strings.SplitSeq(o.at(o.taxes), ";") {
		bad := func(err error) error {
			e := o.fail(o.row, "taxes", "is not like DE|19|25.00|4.75")
			e.Err = err
			return e
		}
		f := strings.Split(strings.TrimSpace(part), "|")
		if len(f) != 4 {
			return nil, bad(nil)
		}
		rate, err := commerce.ParseDecimal(f[1])
		if err != nil {
			return nil, bad(err)
		}
		x := TaxSum{Country: f[0], Rate: rate.Trim(0).String()}
		if x.Base, err = commerce.ParseMoney(f[2], c); err != nil {
			return nil, bad(err)
		}
		if x.Tax, err = commerce.ParseMoney(f[3], c); err != nil {
			return nil, bad(err)
		}
		taxes = append(taxes, x)
	}
	return taxes, nil
}
