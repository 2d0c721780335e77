package odoo

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// Odoo's JSON says false where there is nothing, whatever the type.

func empty(b []byte) bool { return string(b) == "false" || string(b) == "null" }

// text is a string, or false.
type text string

func (s *text) UnmarshalJSON(b []byte) error {
	*s = ""
	if empty(b) {
		return nil
	}
	return json.Unmarshal(b, (*string)(s))
}

// link is a many2one: [id, label], or false.
type link struct {
	ID    int64
	Label string
}

func (l *link) UnmarshalJSON(b []byte) error {
	*l = link{}
	if empty(b) {
		return nil
	}
	var label text
	if err := json.Unmarshal(b, &[]any{&l.ID, &label}); err != nil {
		return errors.New("no [id, label]")
	}
	l.Label = string(label)
	return nil
}

// number is a JSON number, which stays the decimal text that was sent. Odoo keeps
// amounts as decimals or floats and prints the shortest text that is that float.
type number string

func (n number) MarshalJSON() ([]byte, error) { return []byte(n), nil }

func (n *number) UnmarshalJSON(b []byte) error {
	*n = ""
	if empty(b) {
		return nil
	}
	var v json.Number
	if b[0] == '"' || json.Unmarshal(b, &v) != nil {
		return errors.New("no number")
	}
	*n = number(v)
	return nil
}

// noise is how many decimals of a float are beyond doubt; what comes after twice as
// many is the float's own, as in 0.30000000000000004.
const noise = 6

// money reads the amount in a currency; an absent one is nought. Digits that the
// currency does not have are an error.
func (n number) money(c commerce.Currency) (commerce.Money, error) {
	if n == "" {
		return commerce.Zero(c), nil
	}
	m, exact, err := commerce.RoundMoney(string(n), noise, c)
	if err != nil || exact {
		return m, err
	}
	if _, decimals, _ := strings.Cut(string(n), "."); len(decimals) > 2*noise {
		return m, nil
	}
	return commerce.ParseMoney(string(n), c)
}

// decimal reads a quantity or a rate.
func (n number) decimal() (commerce.Decimal, error) {
	if n == "" {
		return commerce.Decimal{}, nil
	}
	d, err := commerce.ParseDecimal(string(n))
	return d.Round(noise).Trim(0), err
}

// moment is a datetime in UTC, to the second: "2026-11-21 07:20:11".
type moment struct{ time.Time }

func (m moment) String() string { return m.UTC().Format(time.DateTime) }

func (m *moment) UnmarshalJSON(b []byte) error {
	var s text
	if err := json.Unmarshal(b, &s); err != nil {
		return errors.New("no datetime")
	}
	m.Time = time.Time{}
	if s == "" {
		return nil
	}
	at, err := time.Parse(time.DateTime, string(s))
	if err != nil {
		return errors.New("no datetime")
	}
	m.Time = at
	return nil
}

// date is a day: "2026-11-21". The first day of the calendar stands for none, as in
// the lock dates that are computed (19.0, seen 2026-11).
type date struct{ commerce.Date }

func (d *date) UnmarshalJSON(b []byte) error {
	var s text
	if err := json.Unmarshal(b, &s); err != nil {
		return errors.New("no date")
	}
	if s == "" || s == "1-01-01" || s == "0001-01-01" {
		d.Date = commerce.Date{}
		return nil
	}
	return d.UnmarshalText([]byte(s))
}

// values are the fields of a record that is written.
type values map[string]any

// clause is one condition of a domain: [field, operator, value].
func clause(field, operator string, value any) []any { return []any{field, operator, value} }

// domain is a list of conditions that all hold; never null.
func domain(clauses ...any) []any { return append([]any{}, clauses...) }

// parseID reads a record id of Odoo.
func parseID(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return 0, commerce.Errorf(commerce.KindInvalid, system, "read id", "%q is no record id", text)
	}
	return n, nil
}

func formatID(n int64) string { return strconv.FormatInt(n, 10) }
