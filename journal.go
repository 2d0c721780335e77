package commerce

import (
	"fmt"
	"time"
)

// Date is a calendar day without a zone.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf returns the day of t in t's own location.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// In returns when the day begins in a location: at midnight, or at one where the clock is
// put forward at midnight, as in the Azores and in Chile. A day beyond its month counts on.
func (d Date) In(l *time.Location) time.Time {
	t := time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, l)
	if t.Hour() > 12 { // there is no midnight, and time.Date says the hour before it
		_, t = t.ZoneBounds()
	}
	return t
}

// ParseDate reads "2026-11-21".
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, Errorf(KindInvalid, "commerce", "parse date", "%q is no date like 2026-11-21", clip(s))
	}
	return DateOf(t), nil
}

// IsZero reports whether d is no day.
func (d Date) IsZero() bool { return d == Date{} }

// String returns "2026-11-21", or "" for the zero Date.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
}

// MarshalText writes String.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads "2026-11-21" or "".
func (d *Date) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = Date{}
		return nil
	}
	v, err := ParseDate(string(b))
	*d = v
	return err
}

// JournalLine is one line of a journal entry. Debit and Credit are in company
// currency, and one of them is nought; Transaction is the same amount in the
// currency of what happened (zero Money = company currency), signed like
// debit - credit.
type JournalLine struct {
	Account     string `json:"account"` // the chart's name for it
	Party       string `json:"party"`   // id at the ERP; receivable and payable lines need one
	Text        string `json:"text"`
	Debit       Money  `json:"debit"`
	Credit      Money  `json:"credit"`
	Transaction Money  `json:"transaction"`
}

// JournalEntry is a set of lines that balances.
type JournalEntry struct {
	Key     string        `json:"key"` // our reference, unique for ever
	Journal string        `json:"journal"`
	Date    Date          `json:"date"`
	Text    string        `json:"text"`
	Lines   []JournalLine `json:"lines"`
}

// UnbalancedError says by how much an entry does not balance.
type UnbalancedError struct {
	Key        string
	Difference Money // debit - credit
}

func (e *UnbalancedError) Error() string {
	return fmt.Sprintf("commerce: journal entry %q does not balance: debit - credit = %s", e.Key, e.Difference)
}

// ErrorKind is KindInvalid.
func (e *UnbalancedError) ErrorKind() Kind { return KindInvalid }

// Is makes errors.Is(err, ErrInvalid) true.
func (e *UnbalancedError) Is(target error) bool { return target == ErrInvalid }

// Balance checks an entry: at least two lines, one currency, one side a line, no
// negative side, sum nought. It returns an *UnbalancedError, a
// *CurrencyMismatchError or an *Error that names the line.
func (e JournalEntry) Balance() error {
	if len(e.Lines) < 2 {
		return Errorf(KindInvalid, "commerce", "balance entry "+e.Key, "%d lines; an entry has at least two", len(e.Lines))
	}
	currency := e.Lines[0].Debit.Currency()
	if currency == "" {
		currency = e.Lines[0].Credit.Currency()
	}
	diff := Zero(currency)
	for i, l := range e.Lines {
		d, c := l.Debit, l.Credit
		if d == (Money{}) {
			d = Zero(currency)
		}
		if c == (Money{}) {
			c = Zero(currency)
		}
		if d.Sign() < 0 || c.Sign() < 0 || (d.Sign() == 0) == (c.Sign() == 0) {
			return Errorf(KindInvalid, "commerce", "balance entry "+e.Key,
				"line %d on %s has debit %s and credit %s; exactly one must be above nought", i+1, l.Account, d, c)
		}
		var err error
		if diff, err = diff.Add(d); err != nil {
			return err
		}
		if diff, err = diff.Sub(c); err != nil {
			return err
		}
	}
	if !diff.IsZero() {
		return &UnbalancedError{Key: e.Key, Difference: diff}
	}
	return nil
}
