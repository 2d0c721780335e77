package commerce

import "time"

// PaymentStatus is what is known of a payment or of one attempt at it.
type PaymentStatus string

const (
	PaymentPending    PaymentStatus = "pending"    // started; bank debits stay here for days
	PaymentAction     PaymentStatus = "action"     // the buyer has to do something (3-D Secure)
	PaymentAuthorised PaymentStatus = "authorised" // reserved, not money yet
	PaymentCaptured   PaymentStatus = "captured"   // money
	PaymentFailed     PaymentStatus = "failed"     // declined, or a debit that did not go through
	PaymentReturned   PaymentStatus = "returned"   // was captured, and the bank took it back
	PaymentCanceled   PaymentStatus = "canceled"
)

// Rank orders the statuses for promise 4: what we wrote is never replaced by a
// status of lower rank.
func (s PaymentStatus) Rank() int {
	switch s {
	case PaymentPending, PaymentAction:
		return 1
	case PaymentFailed, PaymentCanceled:
		return 2
	case PaymentAuthorised:
		return 3
	case PaymentCaptured:
		return 4
	case PaymentReturned:
		return 5
	}
	return 0
}

// PaymentMethod says how a payment was made; no full numbers, ever.
type PaymentMethod struct {
	Type  string `json:"type"`  // Stripe's word: "card", "sepa_debit"
	Brand string `json:"brand"` // "visa"
	Last4 string `json:"last4"`
	// Country is the issuer's, "DE"; empty where the type has none, or it is not known.
	Country string `json:"country"`
	// Fingerprint is the same for the same number within an account at the processor, and
	// tells nothing of it; empty where there is none.
	Fingerprint string `json:"fingerprint"`
}

// Risk is the outcome of a fraud check.
type Risk struct {
	Level  string `json:"level"`  // "normal", "elevated", "highest"
	Score  int    `json:"score"`  // 0 where not given
	Review string `json:"review"` // id of its review, open or closed; empty = none
	// Outcome is the processor's word: "authorized", "manual_review", "issuer_declined", "blocked".
	Outcome string `json:"outcome"`
}

// Failure says why a payment failed.
type Failure struct {
	Code        string `json:"code"`         // "card_declined"
	DeclineCode string `json:"decline_code"` // "insufficient_funds"
	Message     string `json:"message"`      // safe to show to the merchant
}

// Fee is what the processor kept; a late fact: nil until the balance transaction
// is known.
type Fee struct {
	Amount             Money  `json:"amount"` // settlement currency
	BalanceTransaction string `json:"balance_transaction"`
	Settled            Money  `json:"settled"` // gross in settlement currency
}

// Payment is money collected for one or more orders: one payment intent, or one
// charge without one.
type Payment struct {
	Ref     Ref           `json:"ref"`    // pi_…, or ch_… where there is no intent
	Charge  string        `json:"charge"` // ch_… of the attempt that counts; empty = none yet
	Status  PaymentStatus `json:"status"`
	Created time.Time     `json:"created"`

	Amount     Money `json:"amount"`     // asked for
	Authorised Money `json:"authorised"` // reserved and not captured yet
	Captured   Money `json:"captured"`
	Refunded   Money `json:"refunded"`

	Method  PaymentMethod `json:"method"`
	Risk    Risk          `json:"risk"`
	Failure *Failure      `json:"failure"` // of the last attempt; nil = none
	Fee     *Fee          `json:"fee"`

	Customer    string            `json:"customer"` // cus_…
	Email       string            `json:"email"`
	Description string            `json:"description"`
	Metadata    map[string]string `json:"metadata"`
	Orders      []OrderHint       `json:"orders"` // the orders it says it is for
}

// OrderHint is what a payment, a shipment or a person says about which order is
// meant. Any field may be empty; Amount is set only where one payment names what
// each of several orders gets.
type OrderHint struct {
	ID     string `json:"id"`     // the shop's entity id: "17"
	Number string `json:"number"` // unique per store only
	Store  string `json:"store"`
	Amount Money  `json:"amount"`
}

// Allocation says how much of a payment is for an order. Payments and orders are n : m.
type Allocation struct {
	Payment Ref           `json:"payment"`
	Charge  string        `json:"charge"`
	Order   Ref           `json:"order"`
	Amount  Money         `json:"amount"`
	Status  PaymentStatus `json:"status"` // of the payment, as last read
}

// PaymentState is how far an order is paid, computed from its allocations.
type PaymentState string

const (
	Unpaid          PaymentState = "unpaid"
	AwaitingFunds   PaymentState = "pending"
	Authorised      PaymentState = "authorised"
	PartlyPaid      PaymentState = "partly_paid"
	Paid            PaymentState = "paid"
	Overpaid        PaymentState = "overpaid"
	ReturnedPayment PaymentState = "returned"
)

// PaymentStateOf computes the payment state of an amount due from its allocations:
// paid only when the captured sum covers it; authorised when captured and
// authorised together do; returned when a captured charge was taken back and what
// is left does not cover it. All amounts must be in due's currency.
func PaymentStateOf(due Money, allocations []Allocation) (PaymentState, error) {
	sums := map[PaymentStatus]Money{}
	for _, a := range allocations {
		s, ok := sums[a.Status]
		if !ok {
			s = Zero(due.Currency())
		}
		s, err := s.Add(a.Amount)
		if err != nil {
			return "", err
		}
		sums[a.Status] = s
	}
	captured, authorised := sums[PaymentCaptured].minor, sums[PaymentAuthorised].minor
	switch {
	case captured > due.minor:
		return Overpaid, nil
	case captured == due.minor && (captured > 0 || due.minor == 0):
		return Paid, nil
	case sums[PaymentReturned].minor > 0:
		return ReturnedPayment, nil
	case authorised > 0 && authorised >= due.minor-captured:
		return Authorised, nil
	case captured > 0:
		return PartlyPaid, nil
	case sums[PaymentPending].minor > 0:
		return AwaitingFunds, nil
	}
	return Unpaid, nil
}

// RefundStatus is the state of a refund.
type RefundStatus string

const (
	RefundPending   RefundStatus = "pending"
	RefundSucceeded RefundStatus = "succeeded"
	RefundFailed    RefundStatus = "failed"
	RefundCanceled  RefundStatus = "canceled"
)

// Refund is money that goes back to the buyer.
type Refund struct {
	Ref       Ref               `json:"ref"` // re_…
	Payment   Ref               `json:"payment"`
	Charge    string            `json:"charge"`
	Amount    Money             `json:"amount"`
	Status    RefundStatus      `json:"status"`
	Reason    string            `json:"reason"`
	Created   time.Time         `json:"created"`
	Operation string            `json:"operation"` // our operation id on the object; empty = made by others
	Metadata  map[string]string `json:"metadata"`
	Orders    []OrderHint       `json:"orders"` // the orders it says it is for, where its payment is for several
}

// PayoutStatus is the state of a payout.
type PayoutStatus string

const (
	PayoutPending   PayoutStatus = "pending"
	PayoutInTransit PayoutStatus = "in_transit"
	PayoutPaid      PayoutStatus = "paid"
	PayoutFailed    PayoutStatus = "failed"
	PayoutCanceled  PayoutStatus = "canceled"
)

// Payout is a transfer between the processor's balance and the bank; a negative
// amount is taken from the bank.
type Payout struct {
	Ref         Ref          `json:"ref"` // po_…
	Amount      Money        `json:"amount"`
	Status      PayoutStatus `json:"status"`
	Automatic   bool         `json:"automatic"`
	Method      string       `json:"method"` // "standard", "instant"
	Arrival     Date         `json:"arrival"`
	Created     time.Time    `json:"created"`
	Transaction string       `json:"transaction"` // txn_… of the payout itself
	Reconciled  bool         `json:"reconciled"`  // the list of its transactions is complete
}
