package stripetest

// Method is a payment method that says what comes of paying with it. The card
// tokens are those of Stripe's test mode; the debits' are the fake's own.
type Method string

const (
	Card                  Method = "pm_card_visa"
	Mastercard            Method = "pm_card_mastercard"
	CardDeclined          Method = "pm_card_visa_chargeDeclined"
	CardInsufficientFunds Method = "pm_card_visa_chargeDeclinedInsufficientFunds"
	CardLost              Method = "pm_card_visa_chargeDeclinedLostCard"
	CardStolen            Method = "pm_card_visa_chargeDeclinedStolenCard"
	CardExpired           Method = "pm_card_chargeDeclinedExpiredCard"
	CardIncorrectCVC      Method = "pm_card_chargeDeclinedIncorrectCvc"
	CardProcessingError   Method = "pm_card_chargeDeclinedProcessingError"
	// CardAuthentication waits for Fake.Authenticate.
	CardAuthentication Method = "pm_card_authenticationRequired"

	// CardRefundPending pays; its refunds are pending for Config.RefundTime.
	CardRefundPending Method = "pm_card_pendingRefund"
	// CardRefundFails pays; its refunds succeed, and fail Config.RefundTime later.
	CardRefundFails Method = "pm_card_refundFail"
	// CardDisputed pays, and is disputed as fraud at once.
	CardDisputed Method = "pm_card_createDispute"
	// CardNotReceived pays, and is disputed as not received at once.
	CardNotReceived Method = "pm_card_createDisputeProductNotReceived"
	// CardInquiry pays, and is asked about at once.
	CardInquiry Method = "pm_card_createDisputeInquiry"

	// CardReviewed pays, and is held for a person's review.
	CardReviewed Method = "pm_card_riskLevelElevated"
	// CardWarned pays, and its issuer warns of fraud.
	CardWarned Method = "pm_card_createIssuerFraudRecord"

	// Debit is a bank debit that succeeds after Config.DebitTime.
	Debit Method = "pm_debit_succeeds"
	// DebitFails fails after Config.DebitTime.
	DebitFails Method = "pm_debit_fails"
	// DebitReturned succeeds, and is taken back Config.ReturnTime later.
	DebitReturned Method = "pm_debit_returned"
	// DebitRefundFails is a bank debit whose refunds are pending, and fail after
	// Config.RefundTime.
	DebitRefundFails Method = "pm_debit_refund_fails"
	// DebitRefundAsks is a bank debit whose refunds wait for the buyer's bank account,
	// until they are cancelled.
	DebitRefundAsks Method = "pm_debit_refund_asks"
)

// nature is how a method behaves.
type nature struct {
	kind, brand, last4 string
	decline            string // error code; empty = none
	reason             string // decline code
	message            string
	action             bool
	fails, returned    bool
	refundPends        bool
	refundFails        bool
	refundAsks         bool
	reviewed, warned   bool
	claim              *Claim // made as soon as it is paid
}

func (n nature) debit() bool { return n.kind == "sepa_debit" }

// Source of the codes: docs.stripe.com/testing and /declines/codes, read 2026-11.
var natures = map[Method]nature{
	Card:                  {kind: "card", brand: "visa", last4: "4242"},
	Mastercard:            {kind: "card", brand: "mastercard", last4: "4444"},
	CardDeclined:          {kind: "card", brand: "visa", last4: "0002", decline: "card_declined", reason: "generic_decline", message: "Your card was declined."},
	CardInsufficientFunds: {kind: "card", brand: "visa", last4: "9995", decline: "card_declined", reason: "insufficient_funds", message: "Your card has insufficient funds."},
	CardLost:              {kind: "card", brand: "visa", last4: "9987", decline: "card_declined", reason: "lost_card", message: "Your card was declined."},
	CardStolen:            {kind: "card", brand: "visa", last4: "9979", decline: "card_declined", reason: "stolen_card", message: "Your card was declined."},
	CardExpired:           {kind: "card", brand: "visa", last4: "0069", decline: "expired_card", reason: "expired_card", message: "Your card has expired."},
	CardIncorrectCVC:      {kind: "card", brand: "visa", last4: "0127", decline: "incorrect_cvc", reason: "incorrect_cvc", message: "Your card's security code is incorrect."},
	CardProcessingError:   {kind: "card", brand: "visa", last4: "0119", decline: "processing_error", reason: "processing_error", message: "An error occurred while processing your card. Try again in a little bit."},
	CardAuthentication:    {kind: "card", brand: "visa", last4: "3155", action: true},
	CardRefundPending:     {kind: "card", brand: "visa", last4: "7726", refundPends: true},
	CardRefundFails:       {kind: "card", brand: "visa", last4: "5126", refundFails: true},
	CardDisputed:          {kind: "card", brand: "visa", last4: "0259", claim: &Claim{Reason: "fraudulent"}},
	CardNotReceived:       {kind: "card", brand: "visa", last4: "2685", claim: &Claim{Reason: "product_not_received"}},
	CardInquiry:           {kind: "card", brand: "visa", last4: "1976", claim: &Claim{Reason: "fraudulent", Inquiry: true}},
	CardReviewed:          {kind: "card", brand: "visa", last4: "9235", reviewed: true},
	CardWarned:            {kind: "card", brand: "visa", last4: "5423", warned: true},
	DebitRefundFails:      {kind: "sepa_debit", last4: "3003", refundPends: true, refundFails: true},
	DebitRefundAsks:       {kind: "sepa_debit", last4: "3004", refundAsks: true},
	Debit:                 {kind: "sepa_debit", last4: "3000"},
	DebitFails:            {kind: "sepa_debit", last4: "3001", fails: true},
	DebitReturned:         {kind: "sepa_debit", last4: "3002", returned: true},
}
