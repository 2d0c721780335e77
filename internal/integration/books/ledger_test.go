package books_test

import (
	"github.com/commercesync/commerce"
)

// ledger is what an auditor reads: every line that is posted, and every invoice and credit
// note.
type ledger struct {
	lines  []line
	papers []paper
}

// line is a posted line.
type line struct {
	entry   string // its id
	key     string // the reference on its entry
	date    commerce.Date
	account string
	company int64 // debit less credit, in minor units of the company's currency
	// other is the amount in another currency; the zero Money where there is none.
	other commerce.Money
}

// paper is an invoice, or, below nought, a credit note.
type paper struct {
	key, order            string // our references; order is the sales order's
	state                 string
	net, tax, gross, open commerce.Money
}

// stands is debit less credit of some accounts at the end of a day, in the company's
// currency.
func (l ledger) stands(on commerce.Date, accounts ...string) int64 {
	sum := int64(0)
	for _, x := range l.of(on, accounts) {
		sum += x.company
	}
	return sum
}

// standsIn is that in another currency.
func (l ledger) standsIn(c commerce.Currency, on commerce.Date, accounts ...string) int64 {
	sum := int64(0)
	for _, x := range l.of(on, accounts) {
		if x.other.Currency() == c {
			sum += x.other.Minor()
		}
	}
	return sum
}

func (l ledger) of(on commerce.Date, accounts []string) (out []line) {
	for _, x := range l.lines {
		for _, a := range accounts {
			if x.account == a && x.date.String() <= on.String() {
				out = append(out, x)
			}
		}
	}
	return out
}

// entries are how many there are.
func (l ledger) entries() int {
	seen := map[string]bool{}
	for _, x := range l.lines {
		seen[x.entry] = true
	}
	return len(seen)
}

// accounts are the chart: codes, or names where an ERP's account has no code.
type accounts struct {
	receivable, revenue, tax              string
	sales                                 string // another revenue account, which nobody but the control uses
	clearing, transit                     string
	fees, disputes, advances, differences string
}
