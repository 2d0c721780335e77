package erp

import (
	"context"

	"github.com/commercesync/commerce"
)

// Ledger is the optional ability to post journal entries.
type Ledger interface {
	// FindEntry returns the entry under a key, posted or not, or an error of kind not found.
	FindEntry(ctx context.Context, key string) (Entry, error)

	// PostEntry makes and posts an entry that balances, reads it back and compares
	// amounts and date. An entry under its key is found, or finished where it is a
	// draft; one with other amounts is an error of kind conflict. A day in a closed
	// period is of kind period closed, and nothing is posted. Account names an account
	// by its code, Journal a journal by its code.
	PostEntry(ctx context.Context, e commerce.JournalEntry) (Entry, error)

	// ReverseEntry posts, under a key of its own, an entry that takes back a posted
	// one. The ERP may date it otherwise than the original; the date is in the result.
	ReverseEntry(ctx context.Context, entry commerce.Ref, key, reason string) (Entry, error)
}

// Entry is a journal entry as the ERP keeps it.
type Entry struct {
	Ref    commerce.Ref // ID "entry/17"
	Number string
	Posted bool
	// Entry holds the date as posted, which may differ from the one asked for, and
	// amounts as debits and credits, a negative debit turned into a credit.
	Entry commerce.JournalEntry
	// ReversalOf is the entry that this one takes back; zero = none.
	ReversalOf commerce.Ref
}

// Document returns the cross reference to the entry. It has no total: its lines have.
func (e Entry) Document() commerce.Document {
	state := InvoiceDraft
	if e.Posted {
		state = InvoicePosted
	}
	return commerce.Document{Ref: e.Ref, Number: e.Number, State: string(state)}
}
