package mapping

import (
	"fmt"

	"github.com/commercesync/commerce"
)

// Fault says that a document can not be said in another system's words, and why.
// It reaches a caller inside a *commerce.Error of kind mapping with outcome not
// sent; errors.AsType[*Fault] finds it.
type Fault struct {
	Document string // "magento order 17"
	Field    string // "items[36].row_total"
	Value    string // as found; never personal data
	Reason   string // one sentence, with the other value where two should be equal
}

func (f *Fault) Error() string {
	return fmt.Sprintf("%s: %s = %q: %s", f.Document, f.Field, f.Value, f.Reason)
}

// ErrorKind is KindMapping.
func (f *Fault) ErrorKind() commerce.Kind { return commerce.KindMapping }

// Faultf returns a *commerce.Error around a *Fault whose reason is formatted.
func Faultf(document, field, value, reason string, args ...any) error {
	return &commerce.Error{Kind: commerce.KindMapping, System: "mapping", Op: "map", Outcome: commerce.NotSent,
		Code: "fault", Err: &Fault{Document: document, Field: field, Value: value, Reason: fmt.Sprintf(reason, args...)}}
}

// DifferenceError says that an order and a payment do not agree to the minor unit. It
// is never mended by a program: a person looks at both figures. A shop that keeps more
// digits than the currency has (18360.79 JPY) was rounded when its order was read, as
// Stripe's module does when it charges: there both are 18361.
type DifferenceError struct {
	Order, Payment commerce.Ref
	Due            commerce.Money // what the order asks for
	Paid           commerce.Money // what the payment brings
}

func (e *DifferenceError) Error() string {
	return fmt.Sprintf("order %s asks for %s, payment %s brings %s", e.Order.ID, e.Due, e.Payment.ID, e.Paid)
}

// ErrorKind is KindMapping.
func (e *DifferenceError) ErrorKind() commerce.Kind { return commerce.KindMapping }
