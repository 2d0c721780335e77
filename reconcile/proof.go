package reconcile

import (
	"fmt"

	"github.com/commercesync/commerce"
)

// Proof says what a payout is made of.
type Proof struct {
	Totals // of all rows but the payout's own

	Payout string
	// Own is the net of the payout's own row, which lists from the API hold and reports
	// do not; then it is nought.
	Own commerce.Money
	// Bank is what the bank gets; negative where Stripe takes it from there.
	Bank commerce.Money
	// Rest is Bank - Net: what no row explains.
	Rest commerce.Money
	// Repeated counts rows that were there more than once. They are in the sums.
	Repeated int
}

// Closed reports whether the rows explain the payout to the last minor unit.
func (p Proof) Closed() bool {
	return p.Rest.IsZero() && p.Repeated == 0 && (p.Own.IsZero() || p.Own == p.Bank.Neg())
}

// OpenError says that the rows of a payout do not explain it, and by how much:
// nothing is posted from it.
type OpenError struct{ Proof Proof }

func (e *OpenError) Error() string {
	p := e.Proof
	s := fmt.Sprintf("reconcile: payout %s: the bank gets %s, %d rows make %s, %s is unexplained", p.Payout, p.Bank, p.Rows, p.Net, p.Rest)
	if p.Repeated > 0 {
		s += fmt.Sprintf("; %d rows are there twice", p.Repeated)
	}
	if !p.Own.IsZero() && p.Own != p.Bank.Neg() {
		s += fmt.Sprintf("; the payout's own row says %s", p.Own)
	}
	return s
}

// ErrorKind is KindInvalid.
func (e *OpenError) ErrorKind() commerce.Kind { return commerce.KindInvalid }

// Is makes errors.Is(err, commerce.ErrInvalid) true.
func (e *OpenError) Is(target error) bool { return target == commerce.ErrInvalid }
