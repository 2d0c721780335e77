package reconcile

import (
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// values reads money and times out of a table.
type values struct {
	*table
	location *time.Location

	code     string // the currency last read
	currency commerce.Currency
	exponent int
}

// money reads a decimal text of the current row in major units.
func (v *values) money(column int, code string) (commerce.Money, error) {
	if code != v.code || v.currency == "" {
		c, err := commerce.ParseCurrency(code)
		if err != nil {
			return commerce.Money{}, v.fail(v.row, v.columns[column], "is in no ISO 4217 currency")
		}
		v.code, v.currency, v.exponent = strings.Clone(code), c, c.Exponent()
	}
	text := v.at(column)
	minor, ok := minorUnits(text, v.exponent)
	if !ok {
		m, err := commerce.ParseMoney(text, v.currency)
		if err != nil {
			e := v.fail(v.row, v.columns[column], "is no amount")
			e.Err = err
			return commerce.Money{}, e
		}
		return m, nil
	}
	if minor == 0 {
		return commerce.Zero(v.currency), nil
	}
	return commerce.NewMoney(minor, v.currency)
}

// minorUnits reads the usual form of an amount, "-12.50"; not ok for any other, which
// commerce.ParseMoney may still read.
func minorUnits(text string, exponent int) (n int64, ok bool) {
	digits := text
	if digits != "" && digits[0] == '-' {
		digits = digits[1:]
	}
	if digits == "" || len(digits) > 17 {
		return 0, false
	}
	point := -1
	for i := range len(digits) {
		switch c := digits[i]; {
		case c >= '0' && c <= '9':
			n = n*10 + int64(c-'0')
		case c == '.' && point < 0 && i > 0:
			point = i
		default:
			return 0, false
		}
	}
	decimals := 0
	if point >= 0 {
		decimals = len(digits) - point - 1
	}
	if decimals > exponent || len(digits)+exponent-decimals > 18 {
		return 0, false
	}
	for ; decimals < exponent; decimals++ {
		n *= 10
	}
	if digits != text {
		n = -n
	}
	return n, true
}

// time reads "2026-11-21 10:11:12", "2026-11-21T10:11:12Z", RFC 3339 or a day; empty
// is the zero time.
func (v *values) time(column int, in *time.Location) (time.Time, error) {
	s := v.at(column)
	if s == "" {
		return time.Time{}, nil
	}
	if t, ok := clock(s, in); ok {
		return t, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, in); err == nil {
			return t, nil
		}
	}
	return time.Time{}, v.fail(v.row, v.columns[column], "is no time like 2026-11-21 10:11:12")
}

// clock reads the usual form of a time without the cost of a layout.
func clock(s string, in *time.Location) (time.Time, bool) {
	if len(s) == 20 && s[19] == 'Z' {
		s, in = s[:19], time.UTC
	}
	if len(s) != 19 || s[4] != '-' || s[7] != '-' || s[10] != ' ' && s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return time.Time{}, false
	}
	num := func(from, to int) int {
		n := 0
		for _, c := range []byte(s[from:to]) {
			if c < '0' || c > '9' {
				return -1
			}
			n = n*10 + int(c-'0')
		}
		return n
	}
	year, month, day, hour, minute, second := num(0, 4), num(5, 7), num(8, 10), num(11, 13), num(14, 16), num(17, 19)
	if year < 1 || month < 1 || month > 12 || day < 1 || day > 28 && day > daysIn(year, month) ||
		hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, 0, in), true
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}
