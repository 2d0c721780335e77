package magento

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// Number is a decimal number as the shop sent it, kept as text: an amount, a
// quantity or a rate. Empty means that the shop left it out or sent null. PHP may
// print 29.95 as 29.949999999999999; Money and Decimal round that away.
type Number string

// UnmarshalJSON takes a number, a text that holds one, or null.
func (n *Number) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && (b[0] == '-' || b[0] >= '0' && b[0] <= '9') {
		*n = Number(b) // encoding/json has read it as a number
		return nil
	}
	s, err := scalar(b)
	if err != nil {
		return fmt.Errorf("number: %w", err)
	}
	if s != "" && !json.Valid([]byte(s)) || strings.ContainsAny(s, "tfn{[\"") {
		return fmt.Errorf("%.40q is no decimal number", s)
	}
	*n = Number(s)
	return nil
}

// MarshalJSON writes the text as a JSON number; empty is null.
func (n Number) MarshalJSON() ([]byte, error) {
	if n == "" {
		return []byte("null"), nil
	}
	return json.Marshal(json.Number(n))
}

// Money reads the number as an amount, rounded half away from zero to the 4 decimals
// that Magento stores and then to those of the currency; exact reports whether
// nothing was lost. An absent number is nought.
func (n Number) Money(c commerce.Currency) (m commerce.Money, exact bool, err error) {
	if n == "" {
		n = "0"
	}
	return commerce.RoundMoney(string(n), 4, c)
}

// Decimal reads the number exactly, as a quantity or a rate is. An absent number is 0.
func (n Number) Decimal() (commerce.Decimal, error) {
	if n == "" {
		return commerce.Decimal{}, nil
	}
	d, err := commerce.ParseDecimal(string(n))
	if err != nil {
		return commerce.Decimal{}, err
	}
	return d.Trim(0), nil
}

// ID is the number of a row. Magento sends it as a number or as a text; 0 means
// none.
type ID int64

// UnmarshalJSON takes a number, a text that holds one, or null.
func (id *ID) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && len(b) < 18 && strings.Trim(string(b), "0123456789") == "" {
		var n int64
		for _, c := range b {
			n = 10*n + int64(c-'0')
		}
		*id = ID(n)
		return nil
	}
	s, err := scalar(b)
	if err != nil {
		return fmt.Errorf("id: %w", err)
	}
	if s == "" {
		*id = 0
		return nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return fmt.Errorf("%.40q is no id", s)
	}
	*id = ID(n)
	return nil
}

// String returns the digits.
func (id ID) String() string { return strconv.FormatInt(int64(id), 10) }

// ParseID reads the digits of an id. An error is of kind invalid.
func ParseID(s string) (ID, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 {
		return 0, commerce.Errorf(commerce.KindInvalid, system, "parse id", "%.40q is no id of a row", s)
	}
	return ID(n), nil
}

// Flag is a yes or no. Orders send 0 and 1, other resources false and true, and an
// associative PHP array "" and "1".
type Flag bool

// UnmarshalJSON takes 0, 1, true, false, their texts, "" and null.
func (f *Flag) UnmarshalJSON(b []byte) error {
	s, err := scalar(b)
	if err != nil {
		return fmt.Errorf("flag: %w", err)
	}
	switch s {
	case "", "0", "false":
		*f = false
	case "1", "true":
		*f = true
	default:
		return fmt.Errorf("%.40q is no flag", s)
	}
	return nil
}

// timeLayout is how Magento writes a moment: UTC, whole seconds, no zone.
const timeLayout = "2006-01-02 15:04:05"

// Time is a moment in UTC with whole seconds. The zero Time was left out or null.
type Time struct{ time.Time }

// UnmarshalJSON takes "2006-01-02 15:04:05" or null.
func (t *Time) UnmarshalJSON(b []byte) error {
	s, err := scalar(b)
	if err != nil {
		return fmt.Errorf("time: %w", err)
	}
	if s == "" || strings.HasPrefix(s, "0000-00-00") {
		*t = Time{}
		return nil
	}
	v, err := time.Parse(timeLayout, s)
	if err != nil {
		return fmt.Errorf("%.40q is no time like %s", s, timeLayout)
	}
	*t = Time{v}
	return nil
}

// MarshalJSON writes "2006-01-02 15:04:05" in UTC; the zero Time is null.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(t.UTC().Format(timeLayout))
}

// scalar returns the text of a JSON number, string, boolean or null ("").
func scalar(b []byte) (string, error) {
	b = bytes.TrimSpace(b)
	switch {
	case len(b) == 0, bytes.Equal(b, []byte("null")):
		return "", nil
	case len(b) > 1 && b[0] == '"' && b[len(b)-1] == '"' && bytes.IndexByte(b, '\\') < 0:
		return strings.TrimSpace(string(b[1 : len(b)-1])), nil
	case b[0] == '"':
		var s string
		err := json.Unmarshal(b, &s)
		return strings.TrimSpace(s), err
	case b[0] == '{', b[0] == '[':
		return "", fmt.Errorf("%.40q is no plain value", b)
	}
	return string(b), nil
}

// object decodes a JSON object into v. PHP writes an empty one as [], which leaves v
// as it is.
func object(b []byte, v any) error {
	if b = bytes.TrimSpace(b); len(b) > 0 && b[0] == '[' {
		return nil
	}
	return json.Unmarshal(b, v)
}
