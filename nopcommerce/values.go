package nopcommerce

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// Number is a decimal number as the shop sent it, kept as text with every digit: an
// amount, a rate or a weight. Empty means null. Amounts on orders and items are in the
// primary store currency, with four decimals.
type Number string

var null = []byte("null")

// UnmarshalJSON takes a number or null.
func (n *Number) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, null) {
		*n = ""
		return nil
	}
	var number json.Number
	if err := json.Unmarshal(b, &number); err != nil || number == "" {
		return errors.New("no decimal number")
	}
	*n = Number(number)
	return nil
}

// MarshalJSON writes the text as a JSON number; empty is null.
func (n Number) MarshalJSON() ([]byte, error) {
	if n == "" {
		return null, nil
	}
	return json.Marshal(json.Number(n))
}

// Money reads the number as an amount, rounded half away from zero to the four decimals
// that the shop stores and then to those of the currency; exact reports whether nothing
// was lost. An absent number is nought.
func (n Number) Money(c commerce.Currency) (m commerce.Money, exact bool, err error) {
	if n == "" {
		n = "0"
	}
	return commerce.RoundMoney(string(n), 4, c)
}

// Decimal reads the number exactly. An absent number is 0.
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

// ID is the number of a row; 0 means none. Old community plugins send it as a text.
type ID int64

// UnmarshalJSON takes a whole number, a text that holds one, or null.
func (id *ID) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, null) {
		*id = 0
		return nil
	}
	n, err := strconv.ParseInt(strings.Trim(string(b), `"`), 10, 64)
	if err != nil {
		return errors.New("no id of a row")
	}
	*id = ID(n)
	return nil
}

// String returns the digits.
func (id ID) String() string { return strconv.FormatInt(int64(id), 10) }

// ParseID reads the digits of an id. An error is of kind invalid.
func ParseID(s string) (ID, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n <= 0 {
		return 0, commerce.Errorf(commerce.KindInvalid, system, "parse id", "%.40q is no id of a row", s)
	}
	return ID(n), nil
}

// joined writes ids as the lists in paths and queries want them.
func joined[T ~int | ~int64](ids []T, by string) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = strconv.FormatInt(int64(id), 10)
	}
	return strings.Join(texts, by)
}

// timeLayout is how the shop writes a moment: UTC without a zone, 0 to 7 digits of a
// second.
const timeLayout = "2006-01-02T15:04:05.9999999"

// Time is a moment in UTC. The shop sends it without a zone. The zero Time is null, or
// the year 1 that the shop stores where a date was left out.
type Time struct{ time.Time }

// At makes a Time of a moment.
func At(t time.Time) Time { return Time{t.UTC()} }

// UnmarshalJSON takes "2006-01-02T15:04:05.9999999", with or without Z, or null.
func (t *Time) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, null) {
		t.Time = time.Time{}
		return nil
	}
	var s string
	err := json.Unmarshal(b, &s)
	if err == nil {
		t.Time, err = time.Parse(timeLayout, strings.TrimSuffix(s, "Z"))
	}
	if err != nil {
		return errors.New("no time like " + timeLayout)
	}
	return nil
}

// MarshalJSON writes the moment in UTC without a zone; the zero Time is null.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return null, nil
	}
	return json.Marshal(t.UTC().Format(timeLayout))
}
