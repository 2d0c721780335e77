package stripe

import (
	"context"
	"encoding/json"
	"iter"

	stripego "github.com/stripe/stripe-go/v76"

	"github.com/tidwall/gjson"

	"github.com/commercesync/commerce"
)

// PaymentIntent is one thing to be paid, over all the attempts at it.
type PaymentIntent struct {
	ID       string    `json:"id"`
	Created  Timestamp `json:"created"`
	Livemode bool      `json:"livemode"`

	Amount           int64        `json:"amount"` // in Stripe's unit of Currency
	AmountCapturable int64        `json:"amount_capturable"`
	AmountReceived   int64        `json:"amount_received"`
	Currency         string       `json:"currency"`            // lower case
	Presentment      *Presentment `json:"presentment_details"` // nil where the buyer saw Currency
	// Status is "requires_payment_method", "requires_confirmation",
	// "requires_action", "processing", "requires_capture", "canceled" or "succeeded".
	Status        string `json:"status"`
	CaptureMethod string `json:"capture_method"` // "automatic", "automatic_async", "manual"

	// LatestCharge is the newest attempt. Before API version 2022-11-15 it is taken
	// from the list of charges.
	LatestCharge     Expandable[Charge] `json:"latest_charge"`
	LastPaymentError *PaymentError      `json:"last_payment_error"`

	CanceledAt         Timestamp            `json:"canceled_at"`
	CancellationReason string               `json:"cancellation_reason"`
	Customer           Expandable[Customer] `json:"customer"`
	// CustomerAccount is who the customer is where that is an account; newer versions only.
	CustomerAccount    string            `json:"customer_account"`
	Invoice            ID                `json:"invoice"` // gone since 2025-03-31
	PaymentMethod      ID                `json:"payment_method"`
	PaymentMethodTypes []string          `json:"payment_method_types"`
	Review             ID                `json:"review"`
	Description        string            `json:"description"`
	ReceiptEmail       string            `json:"receipt_email"`
	Shipping           *Contact          `json:"shipping"`
	Metadata           map[string]string `json:"metadata"`

	ApplicationFeeAmount *int64 `json:"application_fee_amount"`
	OnBehalfOf           ID     `json:"on_behalf_of"`
	TransferGroup        string `json:"transfer_group"`

	// ClientSecret lets a browser pay this intent. Raw has "[sealed]" in its place.
	ClientSecret commerce.Secret `json:"-"`

	Raw json.RawMessage `json:"-"` // the object as received, client secret sealed
}

// PaymentError says why the last attempt failed.
type PaymentError struct {
	Type        string `json:"type"`
	Code        string `json:"code"`
	DeclineCode string `json:"decline_code"`
	Charge      string `json:"charge"`
	Message     string `json:"message"`
}

// UnmarshalJSON reads a payment intent of any API version. A missing id, amount,
// currency, status, created or livemode is a [*GapError], and so is the money of one that
// succeeded or can be captured.
func (p *PaymentIntent) UnmarshalJSON(b []byte) error {
	type plain PaymentIntent
	p.Raw, p.ClientSecret = keep(b), commerce.NewSecret(gjson.GetBytes(b, "client_secret").Str)
	if err := read(b, (*plain)(p), "payment_intent", "id", "created", "amount", "currency", "status", "livemode"); err != nil {
		return err
	}
	lacks := func(field string) bool { return gjson.GetBytes(b, field).Type == gjson.Null }
	switch {
	case p.Status == "succeeded" && lacks("amount_received"):
		return &GapError{Object: "payment_intent", ID: p.ID, Field: "amount_received"}
	case p.Status == "requires_capture" && lacks("amount_capturable"):
		return &GapError{Object: "payment_intent", ID: p.ID, Field: "amount_capturable"}
	}
	if first := gjson.GetBytes(b, "charges.data.0"); p.LatestCharge.ID == "" && first.Exists() {
		return json.Unmarshal([]byte(first.Raw), &p.LatestCharge)
	}
	return nil
}

// Parameters of payment intents.
type (
	PaymentIntentParams        = stripego.PaymentIntentParams
	TransferDataParams         = stripego.PaymentIntentTransferDataParams
	PaymentIntentListParams    = stripego.PaymentIntentListParams
	PaymentIntentConfirmParams = stripego.PaymentIntentConfirmParams
	PaymentIntentCaptureParams = stripego.PaymentIntentCaptureParams
	PaymentIntentCancelParams  = stripego.PaymentIntentCancelParams

	PaymentIntentIncrementParams           = stripego.PaymentIntentIncrementAuthorizationParams
	PaymentIntentApplyBalanceParams        = stripego.PaymentIntentApplyCustomerBalanceParams
	PaymentIntentVerifyMicrodepositsParams = stripego.PaymentIntentVerifyMicrodepositsParams
)

// PaymentIntentService reads and writes payment intents. Every write needs params
// with an idempotency key.
type PaymentIntentService struct{ c *Client }

const paymentIntents = "/v1/payment_intents"

// Get reads a payment intent; expand names links to read with it
// ("latest_charge.balance_transaction").
func (s *PaymentIntentService) Get(ctx context.Context, id string, expand ...string) (*PaymentIntent, error) {
	return get[PaymentIntent](ctx, s.c, "payment intent", paymentIntents, id, expand)
}

// List reads payment intents, newest first. A nil params lists all.
func (s *PaymentIntentService) List(ctx context.Context, params *PaymentIntentListParams) iter.Seq2[PaymentIntent, error] {
	return pages[PaymentIntent](ctx, s.c, "list payment intents", paymentIntents, params)
}

// Search finds payment intents by Stripe's query language ("metadata['order']:'17'"). expand names
// links to read with them. It is a tool for people and repairs: the index lags by a
// minute, at times by an hour, and accounts in India have none. A thing that it does
// not find may exist.
func (s *PaymentIntentService) Search(ctx context.Context, query string, expand ...string) iter.Seq2[PaymentIntent, error] {
	return searched[PaymentIntent](ctx, s.c, "payment intents", paymentIntents, query, expand)
}

// Create makes a payment intent.
func (s *PaymentIntentService) Create(ctx context.Context, params *PaymentIntentParams) (*PaymentIntent, error) {
	return post[PaymentIntent](ctx, s.c, "create payment intent", paymentIntents, orEmpty(params))
}

// Update changes what is set in params; metadata keys that are not named stay, and
// an empty value deletes one.
func (s *PaymentIntentService) Update(ctx context.Context, id string, params *PaymentIntentParams) (*PaymentIntent, error) {
	return act[PaymentIntent](ctx, s.c, "update payment intent", paymentIntents+"/%s", id, orEmpty(params))
}

// Confirm tries to pay the intent. A refusal is an error of kind declined.
func (s *PaymentIntentService) Confirm(ctx context.Context, id string, params *PaymentIntentConfirmParams) (*PaymentIntent, error) {
	return act[PaymentIntent](ctx, s.c, "confirm payment intent", paymentIntents+"/%s/confirm", id, orEmpty(params))
}

// Capture takes money that was authorised. An intent in another state is an error
// of kind conflict.
func (s *PaymentIntentService) Capture(ctx context.Context, id string, params *PaymentIntentCaptureParams) (*PaymentIntent, error) {
	return act[PaymentIntent](ctx, s.c, "capture payment intent", paymentIntents+"/%s/capture", id, orEmpty(params))
}

// Cancel ends the intent, so that nobody can pay it any more. One that was paid
// meanwhile is an error of kind conflict.
func (s *PaymentIntentService) Cancel(ctx context.Context, id string, params *PaymentIntentCancelParams) (*PaymentIntent, error) {
	return act[PaymentIntent](ctx, s.c, "cancel payment intent", paymentIntents+"/%s/cancel", id, orEmpty(params))
}

// IncrementAuthorization asks the bank for more than was authorised. Amount is the new
// total; a refusal is an error of kind declined and leaves the old authorisation.
func (s *PaymentIntentService) IncrementAuthorization(ctx context.Context, id string, params *PaymentIntentIncrementParams) (*PaymentIntent, error) {
	return act[PaymentIntent](ctx, s.c, "increment authorization of payment intent", paymentIntents+"/%s/increment_authorization", id, orEmpty(params))
}

// ApplyCustomerBalance pays an intent from money that the customer sent by bank
// transfer before.
func (s *PaymentIntentService) ApplyCustomerBalance(ctx context.Context, id string, params *PaymentIntentApplyBalanceParams) (*PaymentIntent, error) {
	return act[PaymentIntent](ctx, s.c, "apply customer balance to payment intent", paymentIntents+"/%s/apply_customer_balance", id, orEmpty(params))
}

// VerifyMicrodeposits proves that the buyer can read the bank account.
func (s *PaymentIntentService) VerifyMicrodeposits(ctx context.Context, id string, params *PaymentIntentVerifyMicrodepositsParams) (*PaymentIntent, error) {
	return act[PaymentIntent](ctx, s.c, "verify microdeposits of payment intent", paymentIntents+"/%s/verify_microdeposits", id, orEmpty(params))
}

// orEmpty keeps a nil pointer from hiding in an interface.
func orEmpty[P any](params *P) *P {
	if params == nil {
		return new(P)
	}
	return params
}
