package erpnext

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/commercesync/commerce"
)

// values are the fields of a document that is written.
type values map[string]any

// number is a JSON number: the decimal text that was written, never a float of ours.
type number json.Number

func (n number) MarshalJSON() ([]byte, error) { return []byte(n), nil }

func (n *number) UnmarshalJSON(b []byte) error {
	*n = ""
	if string(b) == "null" {
		return nil
	}
	var v json.Number
	if err := json.Unmarshal(b, &v); err != nil {
		return errors.New("no number")
	}
	*n = number(v)
	return nil
}

// noise is how many decimals are looked at: what floats add comes behind them.
const noise = 9

// money reads an amount: ERPNext keeps floats, rounded to the currency's decimals.
func (n number) money(c commerce.Currency) (commerce.Money, error) {
	if n == "" {
		return commerce.Zero(c), nil
	}
	m, _, err := commerce.RoundMoney(string(n), noise, c)
	return m, err
}

func (n number) decimal() (commerce.Decimal, error) {
	if n == "" {
		return commerce.Decimal{}, nil
	}
	d, err := commerce.ParseDecimal(string(n))
	return d.Trim(0), err
}

func amount(m commerce.Money) number {
	if m.IsZero() {
		return "0"
	}
	return number(m.Text())
}

// flag is a Check field: 0 or 1.
type flag bool

func (f *flag) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "1", "true":
		*f = true
	case "0", "false", "null":
		*f = false
	default:
		return errors.New("no flag")
	}
	return nil
}

const (
	dateLayout = "2006-01-02"
	timeLayout = "2006-01-02 15:04:05.999999"
)

// moment reads a time of the site, in its zone.
func (o *Client) moment(text string) (time.Time, error) {
	at, err := time.ParseInLocation(timeLayout, text, o.c.Location)
	if err != nil {
		return at, commerce.Errorf(commerce.KindInternal, system, "read time", "%q is no time", text)
	}
	return at.UTC(), nil
}

func day(text string) (commerce.Date, error) {
	at, err := time.Parse(dateLayout, text)
	if err != nil {
		return commerce.Date{}, commerce.Errorf(commerce.KindInternal, system, "read date", "%q is no date", text)
	}
	return commerce.DateOf(at), nil
}

// is, among are conditions of a list: [field, operator, value].
func is(field, operator string, value any) []any { return []any{field, operator, value} }
