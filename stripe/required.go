package stripe

import (
	"encoding/json"
	"fmt"

	"github.com/tidwall/gjson"

	"github.com/commercesync/commerce"
)

// GapError says that a fact which everything later needs is absent from an object.
// An event's snapshot with a gap is mended by reading the object again.
type GapError struct {
	Object     string // "charge", "payment_intent", "event"
	ID         string // the object's id; may be empty
	Field      string // "amount"
	APIVersion string // of the event; empty where not known
}

func (e *GapError) Error() string {
	s := fmt.Sprintf("stripe: %s %s has no %s", e.Object, e.ID, e.Field)
	if e.ID == "" {
		s = fmt.Sprintf("stripe: %s has no %s", e.Object, e.Field)
	}
	if e.APIVersion != "" {
		s += " (API version " + clip(e.APIVersion) + ")"
	}
	return s
}

// ErrorKind is KindInvalid.
func (e *GapError) ErrorKind() commerce.Kind { return commerce.KindInvalid }

// read decodes b into the plain form of an object and checks that every required
// field is there and not null.
func read(b []byte, plain any, object string, required ...string) error {
	if err := json.Unmarshal(b, plain); err != nil {
		return err
	}
	var seen uint32
	gjson.ParseBytes(b).ForEach(func(k, v gjson.Result) bool {
		if v.Type == gjson.Null {
			return true
		}
		for i, name := range required {
			if k.Str == name {
				seen |= 1 << i
			}
		}
		return true
	})
	for i, name := range required {
		if seen&(1<<i) == 0 {
			return &GapError{Object: object, ID: idOf(b), Field: name}
		}
	}
	return nil
}

func idOf(b []byte) string {
	id := gjson.GetBytes(b, "id")
	if id.Type != gjson.String {
		return ""
	}
	return id.Str
}
