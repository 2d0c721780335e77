package stripe

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Balance is what the account has at Stripe at this moment, by currency.
type Balance struct {
	Livemode bool `json:"livemode"`

	Available       []BalanceAmount `json:"available"` // can be paid out or refunded from
	Pending         []BalanceAmount `json:"pending"`
	ConnectReserved []BalanceAmount `json:"connect_reserved"` // held for negative connected accounts

	// At is the time of the answer by Stripe's own clock, to the second; zero where it does
	// not say it.
	At time.Time `json:"-"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// BalanceAmount is one currency of a balance.
type BalanceAmount struct {
	Amount      int64            `json:"amount"`   // in Stripe's unit of Currency; may be negative
	Currency    string           `json:"currency"` // lower case
	SourceTypes map[string]int64 `json:"source_types"`
}

// UnmarshalJSON reads a balance of any API version. A missing livemode, available or
// pending is a [*GapError].
func (x *Balance) UnmarshalJSON(b []byte) error {
	type plain Balance
	x.Raw = keep(b)
	return read(b, (*plain)(x), "balance", "livemode", "available", "pending")
}

// UnmarshalJSON reads an amount; one without amount or currency is a [*GapError].
func (x *BalanceAmount) UnmarshalJSON(b []byte) error {
	type plain BalanceAmount
	return read(b, (*plain)(x), "balance", "amount", "currency")
}

// BalanceService reads the balance.
type BalanceService struct{ c *Client }

// Get reads the balance as it is now.
func (s *BalanceService) Get(ctx context.Context) (*Balance, error) {
	b := &Balance{}
	if err := s.c.do(ctx, call{op: "get balance", method: http.MethodGet, path: "/v1/balance", date: &b.At}, b); err != nil {
		return nil, err
	}
	return b, nil
}
