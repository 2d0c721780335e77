package magento

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/commercesync/commerce"
)

// Number is a decimal number as the shop sent it, kept as text: an amount, a
// quantity or a rate. Empty means that the shop left it out or sent null. PHP may
// print 29.95 as 29.949999999999999; Money and Decimal round that away.
type Number string

// UnmarshalJSON takes a number, a text that holds one, or null.
func (n *Number) UnmarshalJSON(b []byte) error { return decode(b, n) }

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
	return n.round(4, c)
}

// Price reads the number as a price of the catalogue, which Magento stores with 6
// decimals, rounded half away from zero to those and then to those of the currency.
func (n Number) Price(c commerce.Currency) (m commerce.Money, exact bool, err error) {
	return n.round(6, c)
}

func (n Number) round(places int, c commerce.Currency) (commerce.Money, bool, error) {
	if n == "" {
		n = "0"
	}
	return commerce.RoundMoney(string(n), places, c)
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
func (id *ID) UnmarshalJSON(b []byte) error { return decode(b, id) }

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
func (f *Flag) UnmarshalJSON(b []byte) error { return decode(b, f) }

// timeLayout is how Magento writes a moment: UTC, whole seconds, no zone.
const timeLayout = "2006-01-02 15:04:05"

// Time is a moment in UTC with whole seconds. The zero Time was left out or null.
type Time struct{ time.Time }

// UnmarshalJSON takes "2006-01-02 15:04:05" or null.
func (t *Time) UnmarshalJSON(b []byte) error { return decode(b, t) }

// MarshalJSON writes "2006-01-02 15:04:05" in UTC; the zero Time is null.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(t.UTC().Format(timeLayout))
}
