package nopcommercetest

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// Amount is a decimal(18,4), in ten-thousandths. Its text and its JSON have four places,
// as the database has them.
type Amount int64

// Rate is an exchange rate, a decimal(18,8).
type Rate int64

const (
	amountPlaces = 4
	ratePlaces   = 8
	cent         = Amount(100)
)

// ParseAmount reads a decimal text, rounded half away from zero to four places.
func ParseAmount(text string) (Amount, error) {
	n, err := parseFixed(text, amountPlaces)
	return Amount(n), err
}

// ParseRate reads a decimal text, rounded half away from zero to eight places.
func ParseRate(text string) (Rate, error) {
	n, err := parseFixed(text, ratePlaces)
	return Rate(n), err
}

func (a Amount) String() string { return fixed(int64(a), amountPlaces) }
func (r Rate) String() string   { return fixed(int64(r), ratePlaces) }

// MarshalJSON writes a number with all its places.
func (a Amount) MarshalJSON() ([]byte, error) { return []byte(a.String()), nil }

// MarshalJSON writes a number with all its places.
func (r Rate) MarshalJSON() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalJSON reads a number, or a text that holds one.
func (a *Amount) UnmarshalJSON(b []byte) (err error) {
	*a, err = ParseAmount(strings.Trim(string(b), `"`))
	return err
}

// UnmarshalJSON reads a number, or a text that holds one.
func (r *Rate) UnmarshalJSON(b []byte) (err error) {
	*r, err = ParseRate(strings.Trim(string(b), `"`))
	return err
}

func (a Amount) rat() *big.Rat { return big.NewRat(int64(a), 10_000) }
func (r Rate) rat() *big.Rat   { return big.NewRat(int64(r), 100_000_000) }

// cents rounds half away from zero to two places, which the shop does in every currency
// whose rounding was not changed.
func cents(r *big.Rat) Amount { return Amount(round(r, 2)) * cent }

// places rounds to what a column keeps.
func places(r *big.Rat) Amount { return Amount(round(r, amountPlaces)) }

// short writes an amount as C# does where a text is made of it: no needless places.
func (a Amount) short() string { return trimmed(a.String()) }

func trimmed(s string) string { return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") }

func parseFixed(text string, places int) (int64, error) {
	if len(text) > 40 || text == "" || strings.Trim(text, "+-.0123456789eE") != "" {
		return 0, fmt.Errorf("%.40q is no decimal number", text)
	}
	if _, exp, ok := strings.Cut(strings.ToLower(text), "e"); ok && len(strings.TrimLeft(exp, "+-")) > 2 {
		return 0, fmt.Errorf("%.40q is out of range", text)
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, fmt.Errorf("%.40q is no decimal number", text)
	}
	limit := new(big.Rat).SetInt64(1e14) // decimal(18,4)
	if new(big.Rat).Abs(r).Cmp(limit) >= 0 || places == ratePlaces && new(big.Rat).Abs(r).Cmp(big.NewRat(1e10, 1)) >= 0 {
		return 0, fmt.Errorf("%.40q is out of range", text)
	}
	return round(r, places), nil
}

// round returns r × 10^places, rounded half away from zero.
func round(r *big.Rat, places int) int64 {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil)
	num := new(big.Int).Mul(r.Num(), scale)
	num.Lsh(num, 1)
	if num.Sign() >= 0 {
		num.Add(num, r.Denom())
	} else {
		num.Sub(num, r.Denom())
	}
	return num.Quo(num, new(big.Int).Lsh(r.Denom(), 1)).Int64()
}

func fixed(n int64, places int) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	s := fmt.Sprintf("%0*d", places+1, n)
	return sign + s[:len(s)-places] + "." + s[len(s)-places:]
}

// Date is a moment in UTC. Its JSON has no zone, and up to seven digits of a second.
type Date struct{ time.Time }

const dateLayout = "2006-01-02T15:04:05.9999999"

// MarshalJSON writes the moment without its zone.
func (d Date) MarshalJSON() ([]byte, error) {
	return []byte(`"` + d.UTC().Format(dateLayout) + `"`), nil
}

// UnmarshalJSON reads a moment with or without a zone.
func (d *Date) UnmarshalJSON(b []byte) (err error) {
	d.Time, err = parseDate(strings.Trim(string(b), `"`))
	return err
}

func parseDate(s string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02T15:04:05", time.RFC3339, "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is no date", s)
}

func itoa(n int) string { return strconv.Itoa(n) }

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// orNull is a text that is null where it is empty.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
