package tryton

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// Tryton's JSON writes what JSON lacks as objects with a __class__.

// number is a Decimal: exact decimal text on both sides.
type number string

func (n number) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Class   string `json:"__class__"`
		Decimal string `json:"decimal"`
	}{"Decimal", string(n)})
}

func (n *number) UnmarshalJSON(b []byte) error {
	var v *struct {
		Class   string `json:"__class__"`
		Decimal string `json:"decimal"`
	}
	if err := json.Unmarshal(b, &v); err != nil || (v != nil && (v.Class != "Decimal" || v.Decimal == "")) {
		return errors.New("no Decimal")
	}
	*n = ""
	if v != nil {
		*n = number(v.Decimal)
	}
	return nil
}

// money reads the amount in a currency; an absent one is nought.
func (n number) money(c commerce.Currency) (commerce.Money, error) {
	if n == "" {
		return commerce.Zero(c), nil
	}
	return commerce.ParseMoney(string(n), c)
}

// quantity is a float at Tryton; here it stays the decimal text that was written.
type quantity json.Number

func quantityOf(d commerce.Decimal) quantity {
	s := d.Trim(0).String()
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return quantity(s)
}

func (q quantity) MarshalJSON() ([]byte, error) { return []byte(q), nil }

func (q *quantity) UnmarshalJSON(b []byte) error {
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return errors.New("no number")
	}
	*q = quantity(n)
	return nil
}

func (q quantity) decimal() (commerce.Decimal, error) {
	if q == "" {
		return commerce.Decimal{}, nil
	}
	d, err := commerce.ParseDecimal(string(q))
	return d.Trim(0), err
}

// date is a date without time; the zero date is null.
type date struct{ commerce.Date }

func (d date) MarshalJSON() ([]byte, error) {
	if d.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(struct {
		Class string `json:"__class__"`
		Year  int    `json:"year"`
		Month int    `json:"month"`
		Day   int    `json:"day"`
	}{"date", d.Year, int(d.Month), d.Day})
}

func (d *date) UnmarshalJSON(b []byte) error {
	var v *struct {
		Class            string `json:"__class__"`
		Year, Month, Day int
	}
	if err := json.Unmarshal(b, &v); err != nil || (v != nil && v.Class != "date") {
		return errors.New("no date")
	}
	*d = date{}
	if v == nil {
		return nil
	}
	d.Date = commerce.Date{Year: v.Year, Month: time.Month(v.Month), Day: v.Day}
	if v.Year < 1 || commerce.DateOf(time.Date(v.Year, time.Month(v.Month), v.Day, 0, 0, 0, 0, time.UTC)) != d.Date {
		return errors.New("no day of the calendar")
	}
	return nil
}

// moment is a datetime, in UTC; the zero moment is null.
type moment struct{ time.Time }

func (m moment) MarshalJSON() ([]byte, error) {
	if m.IsZero() {
		return []byte("null"), nil
	}
	t := m.UTC()
	return json.Marshal(struct {
		Class       string `json:"__class__"`
		Year        int    `json:"year"`
		Month       int    `json:"month"`
		Day         int    `json:"day"`
		Hour        int    `json:"hour"`
		Minute      int    `json:"minute"`
		Second      int    `json:"second"`
		Microsecond int    `json:"microsecond"`
	}{"datetime", t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond() / 1000})
}

func (m *moment) UnmarshalJSON(b []byte) error {
	var v *struct {
		Class                                               string `json:"__class__"`
		Year, Month, Day, Hour, Minute, Second, Microsecond int
	}
	if err := json.Unmarshal(b, &v); err != nil || (v != nil && v.Class != "datetime") {
		return errors.New("no datetime")
	}
	*m = moment{}
	if v == nil {
		return nil
	}
	at := time.Date(v.Year, time.Month(v.Month), v.Day, v.Hour, v.Minute, v.Second, v.Microsecond*1000, time.UTC)
	if v.Year < 1 || at.Year() != v.Year || int(at.Month()) != v.Month || at.Day() != v.Day || at.Hour() != v.Hour ||
		at.Minute() != v.Minute || at.Second() != v.Second || at.Nanosecond()/1000 != v.Microsecond {
		return errors.New("no moment of the calendar")
	}
	m.Time = at
	return nil
}

// flag is a boolean, which the SQLite backend answers as 0 or 1.
type flag bool

func (f *flag) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "true", "1":
		*f = true
	case "false", "0", "null":
		*f = false
	default:
		return errors.New("no boolean")
	}
	return nil
}

// values are the fields of a record that is written.
type values map[string]any

// clause is one condition of a domain: [field, operator, value].
func clause(field, operator string, value any) []any { return []any{field, operator, value} }

// create, add and remove are the commands that write lists of records.
func create(records ...values) []any { return []any{[]any{"create", records}} }
func add(ids ...int64) []any         { return []any{[]any{"add", ids}} }

// parseID reads a record id of Tryton.
func parseID(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return 0, commerce.Errorf(commerce.KindInvalid, system, "read id", "%q is no record id", text)
	}
	return n, nil
}

func formatID(n int64) string { return strconv.FormatInt(n, 10) }
