package mapping

import (
	"strconv"
	"strings"

	"github.com/commercesync/commerce"
)

// Amount is money as a shop states it: in ten-thousandths, since shops keep 4
// decimals whatever the currency has, and without a currency. Amounts are added
// and subtracted as the integers they are; each is below 10^11 of the major unit,
// so that the sum of an order can not overflow.
type Amount int64

const (
	amountPlaces = 4
	amountUnit   = 10_000
	amountLimit  = Amount(1e15)
	amountText   = 40
)

// ParseAmount reads a decimal text, also in exponent form, and rounds it half away
// from zero to 4 decimals: a shop on PHP may print 29.95 as 29.949999999999999 and
// nought as 7.1e-15. An empty text is nought: shops leave fields out. Anything else
// is a *commerce.AmountError.
func ParseAmount(text string) (Amount, error) {
	if text == "" {
		return 0, nil
	}
	bad := func(reason string) (Amount, error) {
		if len(text) > amountText {
			text = text[:amountText] + "..."
		}
		return 0, &commerce.AmountError{Text: text, Reason: reason}
	}
	if len(text) > amountText {
		return bad(noAmount)
	}
	digits, kept := text, amountPlaces // kept is how many digits are above the last place
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		n, err := strconv.Atoi(text[i+1:])
		if err != nil || n < -99 || n > 99 {
			return bad("has an exponent out of range")
		}
		digits, kept = text[:i], kept+n
	}
	negative := strings.HasPrefix(digits, "-")
	if negative || strings.HasPrefix(digits, "+") {
		digits = digits[1:]
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	if whole == "" && fraction == "" {
		return bad(noAmount)
	}
	kept += len(whole)
	var n Amount // at most one above the limit, where it stays
	for _, part := range [...]string{whole, fraction} {
		for _, c := range []byte(part) {
			switch {
			case c < '0' || c > '9':
				return bad(noAmount)
			case kept > 0:
				n = min(n*10+Amount(c-'0'), amountLimit+1)
			case kept == 0 && c >= '5':
				n++
			}
			kept--
		}
	}
	for ; kept > 0; kept-- {
		n = min(n*10, amountLimit+1)
	}
	switch {
	case n > amountLimit:
		return bad("is out of range")
	case negative:
		return -n, nil
	}
	return n, nil
}

const noAmount = "is no decimal number of at most 40 characters"

// step is the smallest unit of a currency in ten-thousandths.
func step(c commerce.Currency) Amount {
	n := Amount(1)
	for range amountPlaces - c.Exponent() {
		n *= 10
	}
	return n
}

// Text returns the amount with 4 decimals, or 2 where that loses nothing.
func (a Amount) Text() string {
	sign := ""
	if a < 0 {
		sign, a = "-", -a
	}
	frac := strconv.FormatInt(int64(a%amountUnit+amountUnit), 10)[1:]
	return sign + strconv.FormatInt(int64(a/amountUnit), 10) + "." + frac[:2] + strings.TrimRight(frac[2:], "0")
}

// Money rounds the amount half away from zero to the currency; exact reports
// whether nothing was rounded away. An unknown currency is a *commerce.AmountError.
func (a Amount) Money(c commerce.Currency) (m commerce.Money, exact bool, err error) {
	if !c.Valid() {
		return commerce.Money{}, false, &commerce.AmountError{Text: a.Text(), Currency: c, Reason: "unknown currency"}
	}
	s := step(c)
	half := s / 2
	if a < 0 {
		half = -half
	}
	m, err = commerce.NewMoney(int64((a+half)/s), c)
	return m, a%s == 0, err
}

// apportion rounds signed parts to minor units of a currency so that they add up to
// total: each part is rounded down, and what is missing goes, one unit each, to the
// parts that lost most. No part ends a whole unit away from what it was. ok is
// false where no such rounding exists, because the parts never added up.
func apportion(c commerce.Currency, total int64, parts []Amount) (minor []int64, ok bool) {
	s := step(c)
	minor = make([]int64, len(parts))
	lost := make([]Amount, len(parts))
	missing := total
	for i, p := range parts {
		q, r := p/s, p%s
		if r < 0 {
			q, r = q-1, r+s
		}
		minor[i], lost[i] = int64(q), r
		missing -= int64(q)
	}
	for ; missing > 0; missing-- {
		most := -1
		for i, r := range lost {
			if r > 0 && (most < 0 || r > lost[most]) {
				most = i
			}
		}
		if most < 0 {
			return nil, false
		}
		minor[most]++
		lost[most] = 0
	}
	return minor, missing == 0
}
