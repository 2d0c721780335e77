package stripe

import (
	"context"
	"encoding/json"
	"iter"

	stripego "github.com/stripe/stripe-go/v76"
)

// TopUp is money brought to the balance from a bank; a balance transaction may name
// one as its source.
type TopUp struct {
	ID                 string                         `json:"id"`
	Created            Timestamp                      `json:"created"`
	Livemode           bool                           `json:"livemode"`
	Amount             int64                          `json:"amount"`   // in Stripe's unit of Currency
	Currency           string                         `json:"currency"` // lower case
	Status             string                         `json:"status"`   // "pending", "succeeded", "failed", "canceled", "reversed"
	BalanceTransaction Expandable[BalanceTransaction] `json:"balance_transaction"`
	ExpectedOn         Timestamp                      `json:"expected_availability_date"` // 0 where not known
	FailureCode        string                         `json:"failure_code"`
	TransferGroup      string                         `json:"transfer_group"`
	Description        string                         `json:"description"`
	Metadata           map[string]string              `json:"metadata"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// UnmarshalJSON reads a top-up of any API version. A missing id, created, livemode,
// amount, currency or status is a [*GapError].
func (t *TopUp) UnmarshalJSON(b []byte) error {
	type plain TopUp
	t.Raw = keep(b)
	return read(b, (*plain)(t), "topup", "id", "created", "livemode", "amount", "currency", "status")
}

// Parameters of top-ups.
type (
	TopUpParams     = stripego.TopupParams
	TopUpListParams = stripego.TopupListParams
)

// TopUpService reads and makes top-ups. Every write needs params with an idempotency
// key.
type TopUpService struct{ c *Client }

const topUps = "/v1/topups"

// Get reads a top-up; expand names links to read with it ("balance_transaction").
func (s *TopUpService) Get(ctx context.Context, id string, expand ...string) (*TopUp, error) {
	return get[TopUp](ctx, s.c, "top-up", topUps, id, expand)
}

// List reads top-ups, newest first. A nil params lists all.
func (s *TopUpService) List(ctx context.Context, params *TopUpListParams) iter.Seq2[TopUp, error] {
	return pages[TopUp](ctx, s.c, "list top-ups", topUps, params)
}

// Create brings money to the balance; it takes days to come.
func (s *TopUpService) Create(ctx context.Context, params *TopUpParams) (*TopUp, error) {
	return post[TopUp](ctx, s.c, "create top-up", topUps, orEmpty(params))
}

// Update changes description and metadata.
func (s *TopUpService) Update(ctx context.Context, id string, params *TopUpParams) (*TopUp, error) {
	return act[TopUp](ctx, s.c, "update top-up", topUps+"/%s", id, orEmpty(params))
}

// Cancel ends a pending top-up.
func (s *TopUpService) Cancel(ctx context.Context, id string, params *TopUpParams) (*TopUp, error) {
	return act[TopUp](ctx, s.c, "cancel top-up", topUps+"/%s/cancel", id, orEmpty(params))
}
