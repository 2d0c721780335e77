package reconcile

import (
	"iter"
	"time"

	"github.com/commercesync/commerce"
)

// Input is what a payout is explained from. Each sequence is walked once, in a
// goroutine of its own, and never held in memory; one that waits should end with the
// context that Payout was given.
type Input struct {
	// Payout is the payout as Stripe has it. It must be automatic and Reconciled: of
	// others Stripe does not say what is in them, see [Balances].
	Payout commerce.Payout

	// Lines are its balance transactions, in any order: the list from the API, which
	// holds the payout's own row, or the rows of a report, which do not.
	Lines iter.Seq2[Line, error]

	// Shop are the sales and refunds that the shop has; nil compares without it.
	Shop iter.Seq2[Document, error]
	// ERP are the invoices and credit notes that the ERP has; nil compares without it.
	ERP iter.Seq2[Document, error]

	// From is the time before which documents were paid out by earlier payouts: of
	// those nothing is missing. The zero time asks for every document that is given.
	From time.Time
	// To is the time after which documents are paid out by later payouts.
	//
	// Defaults to the time of the newest charge in Lines.
	To time.Time
	// Late is the time after which documents are there for rows that name them: of those
	// that no row names nothing is said.
	//
	// Defaults to saying it of all.
	Late time.Time
}

// Config says how to match. The zero value works.
type Config struct {
	// Fee says which fee a line should have; false = do not compare.
	Fee func(Line) (commerce.Money, bool)

	// Known are reporting categories that are no surprise beside those that this
	// package knows.
	Known []string

	// OnShipment: the ERP invoices a sale when its goods have left. What the ERP does not
	// have of one whose goods have not is [NotYetInvoiced].
	OnShipment bool

	// CutOver is when the books here begin: what has no partner and is older belongs
	// to the opening balance.
	CutOver time.Time

	// Confirmed are the proposals that a person has confirmed: balance transaction
	// (txn_…) to the id of the document.
	Confirmed map[string]string

	// Window is how many days a proposed document may be away from its line.
	//
	// Defaults to 3 days.
	Window time.Duration

	// Memory is what matching may take, in bytes; the rest is spilled to disk. At
	// least 8 MB.
	//
	// Defaults to 32 MB.
	Memory int64

	// Dir is where spill files go: about 200 bytes a row of either side. They are
	// gone when the report is closed, and when the run fails or the process dies.
	//
	// Defaults to the directory for temporary files.
	Dir string
}

func (c Config) withDefaults() (Config, error) {
	if c.Window == 0 {
		c.Window = 72 * time.Hour
	}
	if c.Memory == 0 {
		c.Memory = 32 << 20
	}
	switch {
	case c.Window < 0:
		return c, commerce.Errorf(commerce.KindInvalid, system, "configure", "Window is negative")
	case c.Memory < 8<<20:
		return c, commerce.Errorf(commerce.KindInvalid, system, "configure", "Memory is %d bytes; it must be at least %d", c.Memory, 8<<20)
	}
	return c, nil
}
