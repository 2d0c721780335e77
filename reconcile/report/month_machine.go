package report

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

var monthColumns = []string{"month", "table", "currency", "shop", "country", "rate", "key", "text", "of", "on", "figure", "amount", "amount_currency", "count"}

// MonthCSV writes a month as CSV, one figure a row, to be filtered by table:
//
//	month            2026-11
//	table            balance, clearing, clearing_day, unpaid, in_transit, sales, sales_rate, collected, tax, suspense, prior
//	currency         of what the row is of
//	shop, country, rate, key, text
//	                 what it is of: of a payout or an entry its key; of unpaid the age in days, "0-2" or "before" the month; of
//	                 clearing who speaks: entries, ledger, stated (Stripe's balance) or ending (its ending-balance report)
//	of, on           days: where it belongs and where it is booked; of a balance its lowest day; of clearing the first that is off
//	figure           base, tax, sold, closing, difference, …
//	amount, amount_currency
//	count            in place of an amount, for figures that are counted
//
// Columns keep their names and their order. Texts are made harmless as [CSV] does.
func MonthCSV(w io.Writer, m *reconcile.MonthView) error {
	out := csv.NewWriter(w)
	if err := out.Write(monthColumns); err != nil {
		return err
	}
	for r := range records(m) {
		for _, f := range r.figures {
			n := ""
			if f.counts {
				n = strconv.Itoa(f.count)
			}
			if err := out.Write([]string{monthName(m), r.table, string(r.currency), harmless(r.shop), harmless(r.country), harmless(r.rate), harmless(r.key),
				harmless(r.text), r.of.String(), r.on.String(), f.name, decimal(f.amount), string(f.amount.Currency()), n}); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

// MonthJSONL writes a month as JSON Lines, with the tables of MonthCSV: one record a row
// of a table, with all its figures. What is not known is left out.
//
//	{"month":"2026-11","table":"sales","currency":"EUR","shop":"main","figures":{"orders":12,"sold":{"amount":"…","currency":"EUR"},…}}
func MonthJSONL(w io.Writer, m *reconcile.MonthView) error {
	b := bufio.NewWriter(w)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	for r := range records(m) {
		figures := map[string]any{}
		for _, f := range r.figures {
			switch {
			case f.counts:
				figures[f.name] = f.count
			case f.amount != commerce.Money{}:
				figures[f.name] = f.amount
			}
		}
		if err := e.Encode(monthRecord{monthName(m), r.table, r.currency, r.shop, r.country, r.rate, r.key, r.text, r.of, r.on, figures}); err != nil {
			return err
		}
	}
	return b.Flush()
}

type monthRecord struct {
	Month    string            `json:"month"`
	Table    string            `json:"table"`
	Currency commerce.Currency `json:"currency,omitempty"`
	Shop     string            `json:"shop,omitempty"`
	Country  string            `json:"country,omitempty"`
	Rate     string            `json:"rate,omitempty"`
	Key      string            `json:"key,omitempty"`
	Text     string            `json:"text,omitempty"`
	Of       commerce.Date     `json:"of,omitzero"`
	On       commerce.Date     `json:"on,omitzero"`
	Figures  map[string]any    `json:"figures"`
}
