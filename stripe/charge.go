package stripe

import (
	"context"
	"encoding/json"
	"iter"

	stripego "github.com/stripe/stripe-go/v76"
)

// Charge is one attempt at moving money. A charge that is not Captured is an
// authorisation, not money.
type Charge struct {
	ID       string    `json:"id"`
	Created  Timestamp `json:"created"`
	Livemode bool      `json:"livemode"`

	Amount         int64        `json:"amount"` // in Stripe's unit of Currency
	AmountCaptured int64        `json:"amount_captured"`
	AmountRefunded int64        `json:"amount_refunded"`
	Currency       string       `json:"currency"`            // lower case
	Status         string       `json:"status"`              // "succeeded", "pending", "failed"
	Presentment    *Presentment `json:"presentment_details"` // nil where the buyer saw Currency
	Paid           bool         `json:"paid"`
	Captured       bool         `json:"captured"`
	Refunded       bool         `json:"refunded"` // wholly
	Disputed       bool         `json:"disputed"`

	PaymentIntent ID                   `json:"payment_intent"`
	Customer      Expandable[Customer] `json:"customer"`
	Invoice       ID                   `json:"invoice"` // gone since 2025-03-31
	PaymentMethod ID                   `json:"payment_method"`

	// BalanceTransaction is null at first where the capture is asynchronous (the
	// default since 2024-04-10) and comes with charge.updated.
	BalanceTransaction        Expandable[BalanceTransaction] `json:"balance_transaction"`
	FailureBalanceTransaction Expandable[BalanceTransaction] `json:"failure_balance_transaction"` // money taken back after success
	FailureCode               string                         `json:"failure_code"`
	FailureMessage            string                         `json:"failure_message"`

	Outcome              *ChargeOutcome       `json:"outcome"`
	PaymentMethodDetails PaymentMethodDetails `json:"payment_method_details"`
	BillingDetails       Contact              `json:"billing_details"`
	Review               ID                   `json:"review"`
	Description          string               `json:"description"`
	ReceiptEmail         string               `json:"receipt_email"`
	Metadata             map[string]string    `json:"metadata"`

	ApplicationFeeAmount *int64 `json:"application_fee_amount"`
	// ApplicationFee and Transfer come late where the capture is asynchronous, like
	// BalanceTransaction.
	ApplicationFee ID     `json:"application_fee"`
	Transfer       ID     `json:"transfer"`
	OnBehalfOf     ID     `json:"on_behalf_of"`
	TransferGroup  string `json:"transfer_group"`

	// Refunds is there before API version 2022-11-15, or where it was expanded.
	Refunds *List[Refund] `json:"refunds"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// ChargeOutcome is what the network and the risk rules said.
type ChargeOutcome struct {
	NetworkStatus string `json:"network_status"` // "approved_by_network", "declined_by_network"
	Reason        string `json:"reason"`
	RiskLevel     string `json:"risk_level"` // "normal", "elevated", "highest"
	RiskScore     int64  `json:"risk_score"` // 0 where not given
	SellerMessage string `json:"seller_message"`
	Type          string `json:"type"` // "authorized", "manual_review", "issuer_declined", "blocked"
}

// PaymentMethodDetails says how the charge was paid. Every type has its own object
// in Raw; the card's is read.
type PaymentMethodDetails struct {
	Type string       `json:"type"` // "card", "sepa_debit"
	Card *CardDetails `json:"card"`
	// Last4 are the last digits of the card or bank account; empty where the type has none.
	Last4 string `json:"-"`
}

// CardDetails describes a card; no full number, ever.
type CardDetails struct {
	Brand   string `json:"brand"`
	Last4   string `json:"last4"`
	Country string `json:"country"`
	Funding string `json:"funding"`
	Network string `json:"network"`
	// Fingerprint is the same for one number within an account, and tells nothing of it.
	Fingerprint string `json:"fingerprint"`
	// CaptureBefore is when the authorisation ends; 0 where it is captured or not said.
	CaptureBefore Timestamp `json:"capture_before"`
	// Multicapture says whether it may be captured more than once; nil where it is not said.
	Multicapture *Availability `json:"multicapture"`
}

// Availability says whether something may be done with a payment.
type Availability struct {
	Status string `json:"status"` // "available", "unavailable"
}

// UnmarshalJSON reads the details and the last digits of whatever type it is.
func (d *PaymentMethodDetails) UnmarshalJSON(b []byte) error {
	type plain PaymentMethodDetails
	if err := json.Unmarshal(b, (*plain)(d)); err != nil {
		return err
	}
	var byType map[string]json.RawMessage
	if err := json.Unmarshal(b, &byType); err != nil {
		return err
	}
	var account struct {
		Last4 any `json:"last4"`
	}
	if raw := byType[d.Type]; len(raw) > 0 && raw[0] == '{' {
		if err := json.Unmarshal(raw, &account); err != nil {
			return err
		}
	}
	d.Last4, _ = account.Last4.(string)
	return nil
}

// UnmarshalJSON reads a charge of any API version. A missing id, amount, currency,
// status, created, livemode, paid, captured, refunded, disputed, amount captured or
// amount refunded is a [*GapError].
func (c *Charge) UnmarshalJSON(b []byte) error {
	type plain Charge
	c.Raw = keep(b)
	return read(b, (*plain)(c), "charge", "id", "created", "amount", "amount_captured", "amount_refunded",
		"currency", "status", "paid", "captured", "refunded", "disputed", "livemode")
}

// ChargeListParams filters charges.
type ChargeListParams = stripego.ChargeListParams

// ChargeParams changes a charge.
type ChargeParams struct {
	stripego.Params `form:"*"`

	Customer      *string                            `form:"customer"`
	Description   *string                            `form:"description"`
	Expand        []*string                          `form:"expand"`
	FraudDetails  *stripego.ChargeFraudDetailsParams `form:"fraud_details"`
	Metadata      map[string]string                  `form:"metadata"`
	ReceiptEmail  *string                            `form:"receipt_email"`
	TransferGroup *string                            `form:"transfer_group"`
}

// ChargeCaptureParams captures a charge. It is ours and not stripe-go's, which carries
// a float.
type ChargeCaptureParams struct {
	stripego.Params `form:"*"`

	Amount                    *int64    `form:"amount"` // in Stripe's unit; nil = all of it
	ApplicationFeeAmount      *int64    `form:"application_fee_amount"`
	Expand                    []*string `form:"expand"`
	ReceiptEmail              *string   `form:"receipt_email"`
	StatementDescriptor       *string   `form:"statement_descriptor"`
	StatementDescriptorSuffix *string   `form:"statement_descriptor_suffix"`
	TransferGroup             *string   `form:"transfer_group"`
}

// ChargeService reads charges and changes them; they are made by payment intents.
// Every write needs params with an idempotency key.
type ChargeService struct{ c *Client }

const charges = "/v1/charges"

// Get reads a charge; expand names links to read with it ("balance_transaction").
func (s *ChargeService) Get(ctx context.Context, id string, expand ...string) (*Charge, error) {
	return get[Charge](ctx, s.c, "charge", charges, id, expand)
}

// List reads charges, newest first, for instance those of one payment intent. A
// nil params lists all.
func (s *ChargeService) List(ctx context.Context, params *ChargeListParams) iter.Seq2[Charge, error] {
	return pages[Charge](ctx, s.c, "list charges", charges, params)
}

// Search finds charges by Stripe's query language ("metadata['order']:'17'"). expand names
// links to read with them. It is a tool for people and repairs: the index lags by a
// minute, at times by an hour, and accounts in India have none. A thing that it does
// not find may exist.
func (s *ChargeService) Search(ctx context.Context, query string, expand ...string) iter.Seq2[Charge, error] {
	return searched[Charge](ctx, s.c, "charges", charges, query, expand)
}

// Update changes description, metadata, and what we know of a fraud.
func (s *ChargeService) Update(ctx context.Context, id string, params *ChargeParams) (*Charge, error) {
	return act[Charge](ctx, s.c, "update charge", charges+"/%s", id, orEmpty(params))
}

// Capture takes money that was authorised without a payment intent; of one with an
// intent, capture the intent.
func (s *ChargeService) Capture(ctx context.Context, id string, params *ChargeCaptureParams) (*Charge, error) {
	return act[Charge](ctx, s.c, "capture charge", charges+"/%s/capture", id, orEmpty(params))
}
