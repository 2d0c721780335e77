package reconcile

import (
	"fmt"

	"github.com/commercesync/commerce"
)

const system = "reconcile"

// RowError says which row of an input can not be taken, and why. Iterators that read
// files end with one, and so does [Payout].
type RowError struct {
	Input  string // what the input is called
	Row    int    // line of the file, the header being 1; 0 = of the input as a whole
	Column string // empty = the row as a whole
	Reason string // one sentence
	Err    error  // the cause; may be nil
}

func (e *RowError) Error() string {
	s := "reconcile: " + e.Input
	if e.Row > 0 {
		s += fmt.Sprintf(" row %d", e.Row)
	}
	if e.Column != "" {
		s += " column " + e.Column
	}
	s += ": " + e.Reason
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *RowError) Unwrap() error { return e.Err }

// ErrorKind is KindInvalid.
func (e *RowError) ErrorKind() commerce.Kind { return commerce.KindInvalid }

// Is makes errors.Is(err, commerce.ErrInvalid) true.
func (e *RowError) Is(target error) bool { return target == commerce.ErrInvalid }
