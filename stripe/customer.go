package stripe

import (
	"encoding/json"
)

// Customer is a buyer the account knows.
type Customer struct {
	ID       string            `json:"id"`
	Created  Timestamp         `json:"created"`
	Livemode bool              `json:"livemode"`
	Name     string            `json:"name"`
	Email    string            `json:"email"`
	Phone    string            `json:"phone"`
	Address  Address           `json:"address"`
	Metadata map[string]string `json:"metadata"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// UnmarshalJSON reads a customer of any API version. A missing id is a [*GapError].
func (c *Customer) UnmarshalJSON(b []byte) error {
	type plain Customer
	c.Raw = keep(b)
	return read(b, (*plain)(c), "customer", "id")
}
