package erp

import (
	"context"
	"iter"

	"github.com/commercesync/commerce"
)

// Auditor is the optional ability to look into the books, whoever wrote there: to check
// a chart of accounts at start, and to prove balances and documents afterwards.
type Auditor interface {
	// Accounts returns the company's accounts with these codes, in one call. A code that
	// the ERP does not know is absent from the map; one that two accounts share is an
	// error of kind ambiguous. Accounts that nobody can post to (closed, or mere
	// headings) count as not known.
	Accounts(ctx context.Context, codes []string) (map[string]Account, error)

	// Journals returns the codes of the company's journals, in order.
	Journals(ctx context.Context) ([]string, error)

	// AccountBalance returns what all posted entries up to the end of a day leave on an
	// account. A code that the ERP does not know is of kind mapping.
	AccountBalance(ctx context.Context, account string, on commerce.Date) (AccountBalance, error)

	// FirstOpen returns the first day from a day on that lies in an open period: the day
	// itself where it does. None is an error of kind period closed.
	FirstOpen(ctx context.Context, day commerce.Date) (commerce.Date, error)

	// Invoices yields the posted invoices and credit notes whose day in the ledger
	// (Invoice.Accounting) lies in [from, to], those of no order and of others' making
	// included, with lines and taxes, OrderKey and OrderName. They come in any order,
	// page by page.
	Invoices(ctx context.Context, from, to commerce.Date) iter.Seq2[Invoice, error]
}

// Account is an account of the company's chart.
type Account struct {
	Code string
	// Currency is the account's own, in which each line states its amount too; the
	// company's where the account has none.
	Currency commerce.Currency
	// Party: each line needs a party.
	Party bool
	// Settles: lines can be settled against each other, as receivables are.
	Settles bool
}

// AccountBalance is debit less credit of an account.
type AccountBalance struct {
	Company commerce.Money // in the company's currency
	Own     commerce.Money // in the account's own; the same as Company where it has none
}
