package commerce

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/govalues/decimal"
)

// Decimal is an exact decimal number for rates and quantities: at most 19 digits,
// text in JSON. Amounts of money are [Money].
type Decimal = decimal.Decimal

// ParseDecimal reads a decimal text, also in exponent form ("1.5e3"). An error is
// of kind invalid and names the text.
func ParseDecimal(text string) (Decimal, error) {
	if strings.ContainsAny(text, "eE") {
		given := text
		r, ok := new(big.Rat), false
		if len(text) <= 40 && strings.Trim(text, "+-0123456789.eE") == "" && !exponentTooBig(text) {
			r, ok = r.SetString(text)
		}
		if !ok {
			return Decimal{}, Errorf(KindInvalid, "commerce", "parse decimal", "%q is no decimal number", clip(given))
		}
		places, exact := r.FloatPrec()
		if !exact || places > 19 {
			return Decimal{}, Errorf(KindInvalid, "commerce", "parse decimal", "%q is no decimal number of at most 19 digits", clip(given))
		}
		text = r.FloatString(places)
	}
	d, err := decimal.Parse(text)
	_, fraction, _ := strings.Cut(text, ".")
	if err != nil || len(strings.TrimRight(fraction, "0")) > d.Scale() { // it rounds what it can not hold
		return Decimal{}, Errorf(KindInvalid, "commerce", "parse decimal", "%q is no decimal number of at most 19 digits", clip(text))
	}
	return d, nil
}

// MustDecimal is ParseDecimal for constants and tests; it panics on an error.
func MustDecimal(text string) Decimal {
	d, err := ParseDecimal(text)
	if err != nil {
		panic(err)
	}
	return d
}

func clip(s string) string {
	if len(s) > 48 {
		return s[:45] + "..."
	}
	return s
}

// Money is an amount: integer minor units of an ISO 4217 currency. It is a value:
// comparable with ==, never changed in place. The zero Money has no currency and
// takes part in no arithmetic; Zero(currency) is the amount nought. What is taken is
// from -math.MaxInt64 to math.MaxInt64, so that each amount has its negative.
type Money struct {
	minor    int64
	currency Currency
}

// CurrencyMismatchError is returned by arithmetic on two currencies.
type CurrencyMismatchError struct{ A, B Currency }

func (e *CurrencyMismatchError) Error() string {
	return fmt.Sprintf("commerce: money in %q can not be combined with money in %q", string(e.A), string(e.B))
}

// ErrorKind is KindInvalid.
func (e *CurrencyMismatchError) ErrorKind() Kind { return KindInvalid }

// Is makes errors.Is(err, ErrInvalid) true.
func (e *CurrencyMismatchError) Is(target error) bool { return target == ErrInvalid }

// AmountError is returned where an amount can not be said exactly: too many
// digits, out of range, not a multiple that an operation asks for.
type AmountError struct {
	Text     string   // the amount as given
	Currency Currency // may be empty
	Reason   string   // one sentence
}

func (e *AmountError) Error() string {
	return fmt.Sprintf("commerce: amount %q %s: %s", clip(e.Text), string(e.Currency), e.Reason)
}

// ErrorKind is KindInvalid.
func (e *AmountError) ErrorKind() Kind { return KindInvalid }

// Is makes errors.Is(err, ErrInvalid) true.
func (e *AmountError) Is(target error) bool { return target == ErrInvalid }

// NewMoney returns minor units of a currency. An unknown currency is an *AmountError,
// and so is math.MinInt64.
func NewMoney(minor int64, currency Currency) (Money, error) {
	if !currency.Valid() {
		return Money{}, &AmountError{Text: fmt.Sprint(minor), Currency: currency, Reason: "unknown currency"}
	}
	if minor == math.MinInt64 {
		return Money{}, &AmountError{Text: fmt.Sprint(minor), Currency: currency, Reason: outOfRange}
	}
	return Money{minor, currency}, nil
}

// MustMoney is NewMoney for constants and tests; it panics on an unknown currency.
func MustMoney(minor int64, currency Currency) Money {
	m, err := NewMoney(minor, currency)
	if err != nil {
		panic(err)
	}
	return m
}

// Zero returns nought of a currency.
func Zero(currency Currency) Money { return Money{0, currency} }

// ParseMoney reads a decimal text exactly: "12.5" EUR is 1250 minor units. Digits
// that the currency does not have are an *AmountError, unless they are zeros.
func ParseMoney(text string, currency Currency) (Money, error) {
	m, rest, err := parse(text, currency)
	if err != nil {
		return Money{}, err
	}
	if rest {
		return Money{}, &AmountError{Text: text, Currency: currency,
			Reason: fmt.Sprintf("has more than the %d decimals of the currency", currency.Exponent())}
	}
	return m, nil
}

// RoundMoney reads a decimal text and rounds it half away from zero to the
// currency's minor unit, after rounding to places decimals first (shops keep 4, so
// that 29.949999999999999 is 29.95). Negative places skip the first rounding.
// exact reports whether nothing was rounded away.
func RoundMoney(text string, places int, currency Currency) (m Money, exact bool, err error) {
	r, err := rat(text, currency)
	if err != nil {
		return Money{}, false, err
	}
	whole := new(big.Rat).Set(r)
	if places >= 0 {
		r = new(big.Rat).SetFrac(roundHalfUp(r, places), pow10(places))
	}
	n := roundHalfUp(r, currency.Exponent())
	if !holds(n) {
		return Money{}, false, &AmountError{Text: text, Currency: currency, Reason: outOfRange}
	}
	exact = whole.Cmp(new(big.Rat).SetFrac(n, pow10(currency.Exponent()))) == 0
	return Money{n.Int64(), currency}, exact, nil
}

func parse(text string, currency Currency) (Money, bool, error) {
	r, err := rat(text, currency)
	if err != nil {
		return Money{}, false, err
	}
	scaled := new(big.Rat).Mul(r, new(big.Rat).SetInt(pow10(currency.Exponent())))
	if !scaled.IsInt() {
		return Money{}, true, nil
	}
	if !holds(scaled.Num()) {
		return Money{}, false, &AmountError{Text: text, Currency: currency, Reason: outOfRange}
	}
	return Money{scaled.Num().Int64(), currency}, false, nil
}

const outOfRange = "is out of range"

// holds reports whether Money can hold the minor units.
func holds(minor *big.Int) bool { return minor.IsInt64() && minor.Int64() != math.MinInt64 }

// rat reads decimal text only: no fractions, no hex, no more than 40 characters.
func rat(text string, currency Currency) (*big.Rat, error) {
	if !currency.Valid() {
		return nil, &AmountError{Text: text, Currency: currency, Reason: "unknown currency"}
	}
	if text == "" || len(text) > 40 || strings.Trim(text, "+-0123456789.eE") != "" || exponentTooBig(text) {
		return nil, &AmountError{Text: text, Currency: currency, Reason: "is no decimal number of at most 40 characters"}
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, &AmountError{Text: text, Currency: currency, Reason: "is no decimal number"}
	}
	return r, nil
}

// exponentTooBig keeps "1e999999999" from filling the memory.
func exponentTooBig(text string) bool {
	i := strings.IndexAny(text, "eE")
	return i >= 0 && len(strings.TrimLeft(text[i+1:], "+-0")) > 2
}

func pow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// roundHalfUp returns r × 10^places rounded half away from zero.
func roundHalfUp(r *big.Rat, places int) *big.Int {
	num := new(big.Int).Mul(r.Num(), pow10(places))
	num.Mul(num, big.NewInt(2))
	den := new(big.Int).Mul(r.Denom(), big.NewInt(2))
	if num.Sign() >= 0 {
		num.Add(num, r.Denom())
	} else {
		num.Sub(num, r.Denom())
	}
	return num.Quo(num, den)
}

// Minor returns the integer minor units.
func (m Money) Minor() int64 { return m.minor }

// Currency returns the currency; empty for the zero Money.
func (m Money) Currency() Currency { return m.currency }

// IsZero reports whether the amount is nought, whatever the currency.
func (m Money) IsZero() bool { return m.minor == 0 }

// Sign returns -1, 0 or 1.
func (m Money) Sign() int {
	switch {
	case m.minor < 0:
		return -1
	case m.minor > 0:
		return 1
	}
	return 0
}

// Neg returns the amount with the other sign.
func (m Money) Neg() Money { return Money{-m.minor, m.currency} }

// Abs returns the amount without its sign.
func (m Money) Abs() Money {
	if m.minor < 0 {
		return m.Neg()
	}
	return m
}

// Add returns m + b. Two currencies are a *CurrencyMismatchError, an overflow an
// *AmountError.
func (m Money) Add(b Money) (Money, error) {
	if err := m.same(b); err != nil {
		return Money{}, err
	}
	sum := m.minor + b.minor
	if (sum > m.minor) != (b.minor > 0) && b.minor != 0 || sum == math.MinInt64 {
		return Money{}, &AmountError{Text: m.Text() + " + " + b.Text(), Currency: m.currency, Reason: outOfRange}
	}
	return Money{sum, m.currency}, nil
}

// Sub returns m - b, with the errors of Add.
func (m Money) Sub(b Money) (Money, error) { return m.Add(b.Neg()) }

// Cmp compares m with b: -1, 0 or 1. Two currencies are a *CurrencyMismatchError.
func (m Money) Cmp(b Money) (int, error) {
	if err := m.same(b); err != nil {
		return 0, err
	}
	switch {
	case m.minor < b.minor:
		return -1, nil
	case m.minor > b.minor:
		return 1, nil
	}
	return 0, nil
}

func (m Money) same(b Money) error {
	if m.currency != b.currency || m.currency == "" {
		return &CurrencyMismatchError{m.currency, b.currency}
	}
	return nil
}

// Sum adds amounts of one currency; nothing sums to nought of it.
func Sum(currency Currency, amounts ...Money) (Money, error) {
	total := Zero(currency)
	var err error
	for _, a := range amounts {
		if total, err = total.Add(a); err != nil {
			return Money{}, err
		}
	}
	return total, nil
}

// Allocate splits m in proportion to the weights, by largest remainder: the parts
// always add up to m, and equal remainders go to the earlier part. Weights must
// not be negative and not all nought, unless m itself is nought.
func (m Money) Allocate(weights ...int64) ([]Money, error) {
	parts := make([]Money, len(weights))
	total := new(big.Int)
	for i, w := range weights {
		if w < 0 {
			return nil, &AmountError{Text: m.Text(), Currency: m.currency, Reason: fmt.Sprintf("weight %d is negative", i+1)}
		}
		total.Add(total, big.NewInt(w))
		parts[i].currency = m.currency
	}
	if m.minor == 0 {
		return parts, nil
	}
	if total.Sign() == 0 {
		return nil, &AmountError{Text: m.Text(), Currency: m.currency, Reason: "can not be split over weights of nought"}
	}
	type rest struct {
		i int
		r *big.Int
	}
	rests := make([]rest, len(weights))
	left := new(big.Int).Abs(big.NewInt(m.minor))
	abs := new(big.Int).Set(left)
	for i, w := range weights {
		q, r := new(big.Int).QuoRem(new(big.Int).Mul(abs, big.NewInt(w)), total, new(big.Int))
		parts[i].minor = q.Int64()
		rests[i] = rest{i, r}
		left.Sub(left, q)
	}
	slices.SortStableFunc(rests, func(a, b rest) int { return b.r.Cmp(a.r) })
	for k := range left.Int64() {
		parts[rests[k].i].minor++
	}
	if m.minor < 0 {
		for i := range parts {
			parts[i].minor = -parts[i].minor
		}
	}
	return parts, nil
}

// Text returns the amount as decimal text with all digits of the currency: "12.50".
func (m Money) Text() string { return string(m.append(make([]byte, 0, 24))) }

func (m Money) append(b []byte) []byte {
	n, unit := uint64(m.minor), uint64(1)
	if m.minor < 0 {
		b, n = append(b, '-'), -n
	}
	for range m.currency.Exponent() {
		unit *= 10
	}
	b = strconv.AppendUint(b, n/unit, 10)
	if unit > 1 {
		point := len(b)
		b = strconv.AppendUint(b, unit+n%unit, 10) // "150" for 50 of 100: the 1 gives way to the point
		b[point] = '.'
	}
	return b
}

// String returns "12.50 EUR".
func (m Money) String() string {
	if m.currency == "" {
		return m.Text()
	}
	return m.Text() + " " + string(m.currency)
}

// Decimal returns the amount as a decimal in major units.
func (m Money) Decimal() Decimal { return decimal.MustNew(m.minor, max(m.currency.Exponent(), 0)) }

type moneyJSON struct {
	Amount   string   `json:"amount"`
	Currency Currency `json:"currency"`
}

// MarshalJSON writes {"amount":"12.50","currency":"EUR"}; the zero Money is null.
func (m Money) MarshalJSON() ([]byte, error) {
	if m == (Money{}) {
		return []byte("null"), nil
	}
	b := append(make([]byte, 0, 56), `{"amount":"`...)
	b = append(m.append(b), `","currency":"`...)
	return append(append(b, m.currency...), `"}`...), nil
}

// UnmarshalJSON reads what MarshalJSON writes. The amount must be text.
func (m *Money) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*m = Money{}
		return nil
	}
	var j moneyJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return &AmountError{Text: string(b), Reason: `is not {"amount":"12.50","currency":"EUR"}`}
	}
	v, err := ParseMoney(j.Amount, j.Currency)
	if err != nil {
		return err
	}
	*m = v
	return nil
}

// FromStripe reads an integer amount in Stripe's unit of the currency, in any
// letter case. Stripe's units differ from ISO 4217 for ISK, UGX (two decimals that
// are zero) and MGA (none). An amount that ISO's unit can not hold is an
// *AmountError.
func FromStripe(amount int64, currency string, op StripeOperation) (Money, error) {
	c, err := ParseCurrency(currency)
	if err != nil {
		return Money{}, err
	}
	exp, _ := stripeUnits(c, op)
	return ParseMoney(fmt.Sprintf("%de%d", amount, -exp), c)
}

// Stripe returns the integer amount in Stripe's unit for an operation. Amounts
// that Stripe does not take (a three-decimal currency not ending in 0, a fraction
// of an ISK, part of a forint in a manual payout) are an *AmountError; nothing is
// rounded.
func (m Money) Stripe(op StripeOperation) (int64, error) {
	if !m.currency.Valid() {
		return 0, &AmountError{Text: m.Text(), Currency: m.currency, Reason: "unknown currency"}
	}
	exp, multiple := stripeUnits(m.currency, op)
	n := new(big.Rat).SetFrac(big.NewInt(m.minor), pow10(m.currency.Exponent()))
	n.Mul(n, new(big.Rat).SetInt(pow10(exp)))
	if !n.IsInt() || !n.Num().IsInt64() || n.Num().Int64()%multiple != 0 {
		return 0, &AmountError{Text: m.Text(), Currency: m.currency,
			Reason: fmt.Sprintf("Stripe takes steps of %d in units of 10^-%d", multiple, exp)}
	}
	return n.Num().Int64(), nil
}
