package reconcile

import (
	"errors"
	"io"
	"iter"
	"time"
)

// ItemizedConfig says how to read an itemised report of Stripe. The zero value works.
type ItemizedConfig struct {
	// Name is what errors call the input. Defaults to "report".
	Name string
	// Location is the time zone that the report was made for; it counts for columns
	// that are not marked utc. Defaults to UTC.
	Location *time.Location
	// Numbers are the columns that may hold the shop's order number; the first that
	// the report has counts. Defaults to payment_metadata[commerce_number] and
	// payment_metadata[Order #].
	Numbers []string
}

// Itemized reads a payout_reconciliation.itemized, balance_change_from_activity.itemized or
// ending_balance_reconciliation.itemized report as CSV, row by row: columns in any order, amounts in major units. It ends
// with the first row that can not be read, as a [*RowError]. A report says nowhere how
// many rows it should have: whether it is complete is proved by [Payout].
func Itemized(r io.Reader, config ItemizedConfig) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		if config.Name == "" {
			config.Name = "report"
		}
		if config.Location == nil {
			config.Location = time.UTC
		}
		if len(config.Numbers) == 0 {
			config.Numbers = []string{"payment_metadata[commerce_number]", "payment_metadata[Order #]"}
		}
		t, err := openTable(config.Name, r)
		if err != nil {
			yield(Line{}, err)
			return
		}
		rows, err := newItemized(t, config)
		if err != nil {
			yield(Line{}, err)
			return
		}
		for {
			if err := t.next(); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				yield(Line{}, err)
				return
			}
			l, err := rows.line()
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// Only takes the rows of one payout from those of a report that covers several.
func Only(payout string, lines iter.Seq2[Line, error]) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		for l, err := range lines {
			if err == nil && l.Payout != payout {
				continue
			}
			if !yield(l, err) {
				return
			}
		}
	}
}

// itemized knows where the columns are.
type itemized struct {
	values
	id, category, currency, gross, fee, net, created, available int
	createdUTC, availableUTC                                    bool
	source, charge, direct, intent, payout, account, number     int
	presented, presentedCurrency                                int
}

func newItemized(t *table, config ItemizedConfig) (*itemized, error) {
	m := &itemized{values: values{table: t, location: config.Location}}
	for _, c := range []struct {
		to   *int
		name string
	}{{&m.id, "balance_transaction_id"}, {&m.category, "reporting_category"}, {&m.currency, "currency"},
		{&m.gross, "gross"}, {&m.fee, "fee"}, {&m.net, "net"}} {
		var err error
		if *c.to, err = t.need(c.name); err != nil {
			return nil, err
		}
	}
	var err error
	if m.created = t.index("created_utc"); m.created >= 0 {
		m.createdUTC = true
	} else if m.created, err = t.need("created"); err != nil {
		return nil, err
	}
	if m.available = t.index("available_on_utc"); m.available >= 0 {
		m.availableUTC = true
	} else {
		m.available = t.index("available_on")
	}
	m.source = t.index("source_id")
	m.charge = t.index("charge_id")
	m.direct = t.index("connected_account_direct_charge_id")
	m.intent = t.index("payment_intent_id")
	m.payout = t.index("automatic_payout_id")
	m.account = t.index("connected_account_id")
	m.number = t.index(config.Numbers...)
	m.presented = t.index("customer_facing_amount")
	m.presentedCurrency = t.index("customer_facing_currency")
	return m, nil
}

func (m *itemized) line() (l Line, err error) {
	l.Row = m.row
	if l.ID = m.at(m.id); l.ID == "" {
		return Line{}, m.fail(m.row, m.columns[m.id], "is empty")
	}
	l.Category = m.at(m.category)
	code := m.at(m.currency)
	if l.Amount, err = m.money(m.gross, code); err != nil {
		return Line{}, err
	}
	if l.Fee, err = m.money(m.fee, code); err != nil {
		return Line{}, err
	}
	if l.Net, err = m.money(m.net, code); err != nil {
		return Line{}, err
	}
	if net, err := l.Amount.Sub(l.Fee); err != nil || net != l.Net {
		return Line{}, m.fail(m.row, m.columns[m.net], "is not gross - fee")
	}
	if m.at(m.presented) != "" {
		if l.Presented, err = m.money(m.presented, m.at(m.presentedCurrency)); err != nil {
			return Line{}, err
		}
		if (l.Presented.Sign() < 0) != (l.Amount.Sign() < 0) && l.Amount.Sign() != 0 {
			l.Presented = l.Presented.Neg()
		}
	}
	in := func(utc bool) *time.Location {
		if utc {
			return time.UTC
		}
		return m.location
	}
	if l.Created, err = m.time(m.created, in(m.createdUTC)); err != nil {
		return Line{}, err
	}
	if l.Created.IsZero() {
		return Line{}, m.fail(m.row, m.columns[m.created], "is empty")
	}
	if l.Available, err = m.time(m.available, in(m.availableUTC)); err != nil {
		return Line{}, err
	}
	l.Source = m.at(m.source)
	if l.Charge = m.at(m.charge); l.Charge == "" {
		l.Charge = m.at(m.direct)
	}
	l.Intent = m.at(m.intent)
	l.Payout = m.at(m.payout)
	l.Account = m.at(m.account)
	l.Number = m.at(m.number)
	l.named()
	return l, nil
}
