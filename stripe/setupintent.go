package stripe

import (
	"context"
	"encoding/json"
	"iter"

	stripego "github.com/stripe/stripe-go/v76"

	"github.com/commercesync/commerce"
)

// SetupIntent prepares a payment method for later payments without taking money.
type SetupIntent struct {
	ID       string    `json:"id"`
	Created  Timestamp `json:"created"`
	Livemode bool      `json:"livemode"`

	// Status is "requires_payment_method", "requires_confirmation",
	// "requires_action", "processing", "canceled" or "succeeded".
	Status             string               `json:"status"`
	Usage              string               `json:"usage"` // "on_session", "off_session"
	Customer           Expandable[Customer] `json:"customer"`
	PaymentMethod      ID                   `json:"payment_method"`
	PaymentMethodTypes []string             `json:"payment_method_types"`
	LastSetupError     *PaymentError        `json:"last_setup_error"`
	CancellationReason string               `json:"cancellation_reason"`
	Mandate            ID                   `json:"mandate"`
	Description        string               `json:"description"`
	Metadata           map[string]string    `json:"metadata"`

	// ClientSecret lets a browser confirm this intent. Raw has "[sealed]" in its place.
	ClientSecret commerce.Secret `json:"-"`

	Raw json.RawMessage `json:"-"` // the object as received, client secret sealed
}

// UnmarshalJSON reads a setup intent of any API version. A missing id, created,
// livemode or status is a [*GapError].
func (i *SetupIntent) UnmarshalJSON(b []byte) error {
	type plain SetupIntent
	var more struct {
		ClientSecret string `json:"client_secret"`
	}
	if err := json.Unmarshal(b, &more); err != nil {
		return err
	}
	i.Raw, i.ClientSecret = keep(b), commerce.NewSecret(more.ClientSecret)
	return read(b, (*plain)(i), "setup_intent", "id", "created", "livemode", "status")
}

// Parameters of setup intents.
type (
	SetupIntentParams        = stripego.SetupIntentParams
	SetupIntentListParams    = stripego.SetupIntentListParams
	SetupIntentConfirmParams = stripego.SetupIntentConfirmParams
	SetupIntentCancelParams  = stripego.SetupIntentCancelParams

	SetupIntentVerifyMicrodepositsParams = stripego.SetupIntentVerifyMicrodepositsParams
)

// SetupIntentService reads and writes setup intents. Every write needs params with
// an idempotency key.
type SetupIntentService struct{ c *Client }

const setupIntents = "/v1/setup_intents"

// Get reads a setup intent; expand names links to read with it ("customer").
func (s *SetupIntentService) Get(ctx context.Context, id string, expand ...string) (*SetupIntent, error) {
	return get[SetupIntent](ctx, s.c, "setup intent", setupIntents, id, expand)
}

// List reads setup intents, newest first. A nil params lists all.
func (s *SetupIntentService) List(ctx context.Context, params *SetupIntentListParams) iter.Seq2[SetupIntent, error] {
	return pages[SetupIntent](ctx, s.c, "list setup intents", setupIntents, params)
}

// Create makes a setup intent.
func (s *SetupIntentService) Create(ctx context.Context, params *SetupIntentParams) (*SetupIntent, error) {
	return post[SetupIntent](ctx, s.c, "create setup intent", setupIntents, orEmpty(params))
}

// Update changes what is set in params.
func (s *SetupIntentService) Update(ctx context.Context, id string, params *SetupIntentParams) (*SetupIntent, error) {
	return act[SetupIntent](ctx, s.c, "update setup intent", setupIntents+"/%s", id, orEmpty(params))
}

// Confirm tries to set the payment method up. A refusal is an error of kind declined.
func (s *SetupIntentService) Confirm(ctx context.Context, id string, params *SetupIntentConfirmParams) (*SetupIntent, error) {
	return act[SetupIntent](ctx, s.c, "confirm setup intent", setupIntents+"/%s/confirm", id, orEmpty(params))
}

// Cancel ends the intent.
func (s *SetupIntentService) Cancel(ctx context.Context, id string, params *SetupIntentCancelParams) (*SetupIntent, error) {
	return act[SetupIntent](ctx, s.c, "cancel setup intent", setupIntents+"/%s/cancel", id, orEmpty(params))
}

// VerifyMicrodeposits proves that the customer can read the bank account.
func (s *SetupIntentService) VerifyMicrodeposits(ctx context.Context, id string, params *SetupIntentVerifyMicrodepositsParams) (*SetupIntent, error) {
	return act[SetupIntent](ctx, s.c, "verify microdeposits of setup intent", setupIntents+"/%s/verify_microdeposits", id, orEmpty(params))
}
