package tryton

import (
	"encoding/json"
	"fmt"
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
	if err := json.Unmarshal(b, &v); err != nil || (v != nil && v.Class != "Decimal") {
		return fmt.Errorf("%.60s is no Decimal", b)
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
		return fmt.Errorf("%.60s is no number", b)
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
		return fmt.Errorf("%.60s is no date", b)
	}
	*d = date{}
	if v != nil {
		d.Date = commerce.Date{Year: v.Year, Month: time.Month(v.Month), Day: v.Day}
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
		return fmt.Errorf("%.60s is no datetime", b)
	}
	*m = moment{}
	if v != nil {
		m.Time = time.Date(v.Year, time.Month(v.Month), v.Day, v.Hour, v.Minute, v.Second, v.Microsecond*1000, time.UTC)
	}
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
		return fmt.Errorf("%.20s is no boolean", b)
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
