package stripe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Timestamp is a time as Stripe writes it: seconds since 1970, UTC.
type Timestamp int64

// Time returns the time in UTC; the zero Timestamp is the zero time.
func (t Timestamp) Time() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.Unix(int64(t), 0).UTC()
}

// ID is the id of another object, also where the answer holds the object itself.
// It is empty for null.
type ID string

// UnmarshalJSON reads an id, an object with an id, or null.
func (id *ID) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	switch {
	case len(b) == 0 || string(b) == "null":
		*id = ""
	case b[0] == '{':
		*id = ID(idOf(b))
	default:
		return json.Unmarshal(b, (*string)(id))
	}
	return nil
}

// Expandable is a link to another object: its id always, the object itself where
// the request expanded it.
type Expandable[T any] struct {
	ID     string
	Object *T // nil where only the id is known
}

// UnmarshalJSON reads an id, an object or null. A deleted object is its id alone.
func (e *Expandable[T]) UnmarshalJSON(b []byte) error {
	*e = Expandable[T]{}
	var id ID
	if err := id.UnmarshalJSON(b); err != nil {
		return err
	}
	e.ID = string(id)
	b = bytes.TrimSpace(b)
	if len(b) == 0 || b[0] != '{' {
		return nil
	}
	var gone struct {
		Deleted bool `json:"deleted"`
	}
	if err := json.Unmarshal(b, &gone); err != nil || gone.Deleted {
		return err
	}
	e.Object = new(T)
	return json.Unmarshal(b, e.Object)
}

// MarshalJSON writes the id, or null.
func (e Expandable[T]) MarshalJSON() ([]byte, error) {
	if e.ID == "" {
		return []byte("null"), nil
	}
	return json.Marshal(e.ID)
}

// Address is a postal address; any part may be empty.
type Address struct {
	City       string `json:"city"`
	Country    string `json:"country"` // ISO 3166 alpha-2
	Line1      string `json:"line1"`
	Line2      string `json:"line2"`
	PostalCode string `json:"postal_code"`
	State      string `json:"state"`
}

// Contact is a person or company with an address, as in billing details. Its String
// leaves everything personal out.
type Contact struct {
	Name    string  `json:"name"`
	Email   string  `json:"email"`
	Phone   string  `json:"phone"`
	Address Address `json:"address"`
}

// String says only whether something is there.
func (c Contact) String() string {
	if c == (Contact{}) {
		return "contact (empty)"
	}
	return fmt.Sprintf("contact (in %q)", c.Address.Country)
}

var clientSecret = []byte(`"client_secret"`)

// keep copies an object as received, with "[sealed]" in place of client secrets:
// who has one can pay, or see, what it belongs to.
func keep(b []byte) json.RawMessage { return seal(b, clientSecret) }

// seal copies JSON with "[sealed]" in place of the texts of one name.
func seal(b, name []byte) json.RawMessage {
	out := make([]byte, 0, len(b))
	for {
		i := bytes.Index(b, name)
		if i < 0 {
			return append(out, b...)
		}
		i += len(name)
		out, b = append(out, b[:i]...), b[i:]
		s := scanner{b: b}
		if !s.eat(':') {
			continue // the text is a value here
		}
		s.space()
		from := s.i
		if from < len(b) && b[from] == '"' && s.skip() {
			out, b = append(append(out, b[:from]...), `"[sealed]"`...), b[s.i:]
		}
	}
}
