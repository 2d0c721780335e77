package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"

	stripego "github.com/stripe/stripe-go/v76"
)

// Invoice is a demand for money, of a subscription or by hand.
type Invoice struct {
	ID       string    `json:"id"` // empty for an upcoming one, which does not exist yet
	Created  Timestamp `json:"created"`
	Livemode bool      `json:"livemode"`

	Number        string `json:"number"` // empty while a draft
	Status        string `json:"status"` // "draft", "open", "paid", "uncollectible", "void"; empty for an upcoming one
	BillingReason string `json:"billing_reason"`
	Currency      string `json:"currency"` // lower case; all amounts are in its Stripe unit

	Subtotal          int64  `json:"subtotal"`
	Total             int64  `json:"total"`
	TotalExcludingTax *int64 `json:"total_excluding_tax"` // nil where not said
	AmountDue         int64  `json:"amount_due"`
	AmountPaid        int64  `json:"amount_paid"`
	AmountRemaining   int64  `json:"amount_remaining"`
	AmountOverpaid    *int64 `json:"amount_overpaid"`  // newer versions only; nil where not said
	StartingBalance   int64  `json:"starting_balance"` // the customer's, negative = credit

	// Taxes are total_tax_amounts, since 2025-03-31 total_taxes; Tax is their sum, nil
	// where the invoice does not say.
	Taxes []Tax  `json:"-"`
	Tax   *int64 `json:"-"`

	// Paid is gone since 2025-03-31; there the status says it.
	Paid bool `json:"-"`
	// Subscription, PaymentIntent and Charge moved on 2025-03-31: the subscription to
	// parent, the others to payments, which is there only where it was expanded.
	Subscription  ID `json:"-"`
	PaymentIntent ID `json:"-"`
	Charge        ID `json:"-"`

	Customer Expandable[Customer] `json:"customer"`
	// CustomerAccount is who the customer is where that is an account; newer versions only.
	CustomerAccount  string            `json:"customer_account"`
	CollectionMethod string            `json:"collection_method"`
	PeriodStart      Timestamp         `json:"period_start"`
	PeriodEnd        Timestamp         `json:"period_end"`
	DueDate          Timestamp         `json:"due_date"`
	Lines            List[InvoiceLine] `json:"lines"` // the first ten; Lines of the service reads all
	Discounts        []Discount        `json:"discounts"`
	HostedInvoiceURL string            `json:"hosted_invoice_url"`
	InvoicePDF       string            `json:"invoice_pdf"`
	Description      string            `json:"description"`
	Metadata         map[string]string `json:"metadata"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// UnmarshalJSON reads an invoice of any API version. A missing id, created, livemode,
// currency, subtotal, total, starting balance, lines or amount due, paid or remaining is
// a [*GapError], and so is one that does not say whether it is paid.
func (i *Invoice) UnmarshalJSON(b []byte) error {
	type plain Invoice
	i.Raw = keep(b)
	var places struct {
		Paid          *bool          `json:"paid"`
		Tax           *int64         `json:"tax"`
		OldTaxes      []Tax          `json:"total_tax_amounts"`
		Taxes         []Tax          `json:"total_taxes"`
		Subscription  ID             `json:"subscription"`
		PaymentIntent ID             `json:"payment_intent"`
		Charge        ID             `json:"charge"`
		Discount      *Discount      `json:"discount"`
		Parent        *invoiceParent `json:"parent"`
		Payments      *List[struct {
			Payment struct {
				PaymentIntent ID `json:"payment_intent"`
				Charge        ID `json:"charge"`
			} `json:"payment"`
		}] `json:"payments"`
	}
	if err := json.Unmarshal(b, &places); err != nil {
		return err
	}
	// The id comes last, so that its absence says that nothing else is missing.
	err := read(b, (*plain)(i), "invoice", "created", "livemode", "currency", "subtotal", "total", "amount_due", "amount_paid",
		"amount_remaining", "starting_balance", "lines", "id")
	if gap, ok := errors.AsType[*GapError](err); err != nil && (!ok || gap.Field != "id") {
		return err
	}
	i.Subscription, i.PaymentIntent, i.Charge = places.Subscription, places.PaymentIntent, places.Charge
	if i.Subscription == "" && places.Parent != nil {
		i.Subscription = places.Parent.Subscription.Subscription
	}
	if places.Payments != nil {
		for _, p := range places.Payments.Data {
			if i.PaymentIntent == "" {
				i.PaymentIntent = p.Payment.PaymentIntent
			}
			if i.Charge == "" {
				i.Charge = p.Payment.Charge
			}
		}
	}
	switch i.Paid = i.Status == "paid"; {
	case places.Paid != nil:
		i.Paid = *places.Paid
	case i.Status == "" && err == nil:
		return &GapError{Object: "invoice", ID: i.ID, Field: "status"}
	}
	if i.Taxes = places.Taxes; i.Taxes == nil {
		i.Taxes = places.OldTaxes
	}
	if i.Tax = places.Tax; i.Tax == nil {
		i.Tax = sum(i.Taxes)
	}
	if len(i.Discounts) == 0 && places.Discount != nil {
		i.Discounts = []Discount{*places.Discount}
	}
	return err
}

type invoiceParent struct {
	Subscription struct {
		Subscription ID `json:"subscription"`
	} `json:"subscription_details"`
}

// InvoiceLine is one line of an invoice.
type InvoiceLine struct {
	ID          string            `json:"id"`
	Amount      int64             `json:"amount"`   // in Stripe's unit of Currency
	Currency    string            `json:"currency"` // lower case
	Quantity    *int64            `json:"quantity"`
	Description string            `json:"description"`
	Period      Period            `json:"period"`
	Metadata    map[string]string `json:"metadata"`

	// These moved on 2025-03-31: to pricing, parent and taxes.
	Price            ID    `json:"-"`
	InvoiceItem      ID    `json:"-"`
	Subscription     ID    `json:"-"`
	SubscriptionItem ID    `json:"-"`
	Proration        bool  `json:"-"`
	Taxes            []Tax `json:"-"`
}

// Period is a span of time.
type Period struct {
	Start Timestamp `json:"start"`
	End   Timestamp `json:"end"`
}

// UnmarshalJSON reads a span of time. A missing start or end is a [*GapError].
func (p *Period) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil // for the object around it to judge
	}
	type plain Period
	return read(b, (*plain)(p), "period", "start", "end")
}

// UnmarshalJSON reads a line of any API version. A missing id, amount, currency or
// period is a [*GapError].
func (l *InvoiceLine) UnmarshalJSON(b []byte) error {
	type plain InvoiceLine
	type origin struct {
		InvoiceItem      ID   `json:"invoice_item"`
		Subscription     ID   `json:"subscription"`
		SubscriptionItem ID   `json:"subscription_item"`
		Proration        bool `json:"proration"`
	}
	var places struct {
		origin
		Price   ID      `json:"price"`
		Pricing pricing `json:"pricing"`
		Parent  *struct {
			Type         string `json:"type"`
			Item         origin `json:"invoice_item_details"`
			Subscription origin `json:"subscription_item_details"`
		} `json:"parent"`
		OldTaxes []Tax `json:"tax_amounts"`
		Taxes    []Tax `json:"taxes"`
	}
	if err := json.Unmarshal(b, &places); err != nil {
		return err
	}
	from := places.origin
	if p := places.Parent; p != nil {
		from = p.Item
		if p.Type == "subscription_item_details" {
			from = p.Subscription
		}
		if from.Subscription == "" {
			from.Subscription = places.Subscription
		}
	}
	l.InvoiceItem, l.Subscription, l.SubscriptionItem, l.Proration = from.InvoiceItem, from.Subscription, from.SubscriptionItem, from.Proration
	if l.Price = places.Price; l.Price == "" {
		l.Price = places.Pricing.Details.Price
	}
	if l.Taxes = places.Taxes; l.Taxes == nil {
		l.Taxes = places.OldTaxes
	}
	return read(b, (*plain)(l), "line_item", "id", "amount", "currency", "period")
}

// InvoicePayment is one payment towards an invoice; newer versions only.
type InvoicePayment struct {
	ID              string    `json:"id"`
	Created         Timestamp `json:"created"`
	Livemode        bool      `json:"livemode"`
	Invoice         ID        `json:"invoice"`
	AmountPaid      *int64    `json:"amount_paid"` // nil until paid
	AmountRequested int64     `json:"amount_requested"`
	Currency        string    `json:"currency"` // lower case
	Status          string    `json:"status"`   // "open", "paid", "canceled"
	Payment         struct {
		Type          string `json:"type"` // "payment_intent", "charge", "payment_record"
		PaymentIntent ID     `json:"payment_intent"`
		Charge        ID     `json:"charge"`
	} `json:"payment"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// UnmarshalJSON reads an invoice payment. A missing id, created, livemode, invoice,
// amount requested, currency, status or payment is a [*GapError].
func (p *InvoicePayment) UnmarshalJSON(b []byte) error {
	type plain InvoicePayment
	p.Raw = keep(b)
	return read(b, (*plain)(p), "invoice_payment", "id", "created", "livemode", "invoice", "amount_requested", "currency", "status", "payment")
}

// Parameters of invoices.
type (
	InvoiceParams                  = stripego.InvoiceParams
	InvoiceListParams              = stripego.InvoiceListParams
	InvoiceListLinesParams         = stripego.InvoiceListLinesParams
	InvoiceFinalizeParams          = stripego.InvoiceFinalizeInvoiceParams
	InvoicePayParams               = stripego.InvoicePayParams
	InvoiceSendParams              = stripego.InvoiceSendInvoiceParams
	InvoiceVoidParams              = stripego.InvoiceVoidInvoiceParams
	InvoiceMarkUncollectibleParams = stripego.InvoiceMarkUncollectibleParams
)

// InvoiceUpcomingParams says whose next invoice is meant: Customer or Subscription. It
// is ours and not stripe-go's, which carries floats.
type InvoiceUpcomingParams struct {
	stripego.Params `form:"*"`

	Customer     *string   `form:"customer"`
	Subscription *string   `form:"subscription"`
	Currency     *string   `form:"currency"`
	Coupon       *string   `form:"coupon"`
	Expand       []*string `form:"expand"`

	// What the invoice would be if the subscription were changed so.
	SubscriptionItems             []*SubscriptionItemParams `form:"subscription_items"`
	SubscriptionCancelAtPeriodEnd *bool                     `form:"subscription_cancel_at_period_end"`
	SubscriptionProrationBehavior *string                   `form:"subscription_proration_behavior"`
	SubscriptionProrationDate     *int64                    `form:"subscription_proration_date"`
}

// InvoiceLineParams changes a line of a draft. It is ours and not stripe-go's, which
// carries floats.
type InvoiceLineParams struct {
	stripego.Params `form:"*"`

	Amount       *int64            `form:"amount"` // in Stripe's unit of the invoice's currency
	Description  *string           `form:"description"`
	Discountable *bool             `form:"discountable"`
	Expand       []*string         `form:"expand"`
	Metadata     map[string]string `form:"metadata"`
	Price        *string           `form:"price"`
	Quantity     *int64            `form:"quantity"`
	TaxRates     []*string         `form:"tax_rates"`
}

// InvoiceService reads and writes invoices. Every write needs params with an
// idempotency key.
type InvoiceService struct{ c *Client }

const invoices = "/v1/invoices"

// Get reads an invoice; expand names links to read with it ("customer").
func (s *InvoiceService) Get(ctx context.Context, id string, expand ...string) (*Invoice, error) {
	return get[Invoice](ctx, s.c, "invoice", invoices, id, expand)
}

// List reads invoices, newest first, for instance those of one subscription. A nil
// params lists all.
func (s *InvoiceService) List(ctx context.Context, params *InvoiceListParams) iter.Seq2[Invoice, error] {
	return pages[Invoice](ctx, s.c, "list invoices", invoices, params)
}

// Search finds invoices by Stripe's query language, with the caveats of
// [ChargeService.Search].
func (s *InvoiceService) Search(ctx context.Context, query string, expand ...string) iter.Seq2[Invoice, error] {
	return searched[Invoice](ctx, s.c, "invoices", invoices, query, expand)
}

// Lines reads all lines of an invoice.
func (s *InvoiceService) Lines(ctx context.Context, id string, params *InvoiceListLinesParams) iter.Seq2[InvoiceLine, error] {
	return pagesOf[InvoiceLine](ctx, s.c, "list lines of invoice", invoices+"/%s/lines", id, params)
}

// Upcoming computes the next invoice of a customer or a subscription; it has no ID. An
// error of kind not found says that there is none to come.
func (s *InvoiceService) Upcoming(ctx context.Context, params *InvoiceUpcomingParams) (*Invoice, error) {
	var next upcoming
	k := call{op: "get upcoming invoice", method: http.MethodGet, path: invoices + "/upcoming", params: orEmpty(params)}
	if err := s.c.do(ctx, k, &next); err != nil {
		return nil, err
	}
	return &next.Invoice, nil
}

// upcoming is an invoice that may lack an id.
type upcoming struct{ Invoice }

// UnmarshalJSON forgives the id alone.
func (u *upcoming) UnmarshalJSON(b []byte) error {
	err := u.Invoice.UnmarshalJSON(b)
	if gap, ok := errors.AsType[*GapError](err); ok && gap.Object == "invoice" && gap.Field == "id" {
		return nil
	}
	return err
}

// UpdateLine changes a line of a draft.
func (s *InvoiceService) UpdateLine(ctx context.Context, id, line string, params *InvoiceLineParams) (*InvoiceLine, error) {
	return act[InvoiceLine](ctx, s.c, "update line of invoice", invoices+"/%s/lines/%s", id, orEmpty(params), line)
}

// Create makes a draft.
func (s *InvoiceService) Create(ctx context.Context, params *InvoiceParams) (*Invoice, error) {
	return post[Invoice](ctx, s.c, "create invoice", invoices, orEmpty(params))
}

// Update changes what is set in params; of a finalized invoice little can be changed.
func (s *InvoiceService) Update(ctx context.Context, id string, params *InvoiceParams) (*Invoice, error) {
	return act[Invoice](ctx, s.c, "update invoice", invoices+"/%s", id, orEmpty(params))
}

// Delete removes a draft; an invoice with a number is voided instead.
func (s *InvoiceService) Delete(ctx context.Context, id string, params *DeleteParams) error {
	return remove(ctx, s.c, "delete invoice", invoices+"/%s", id, orEmpty(params))
}

// Finalize gives a draft its number; from then on it is due.
func (s *InvoiceService) Finalize(ctx context.Context, id string, params *InvoiceFinalizeParams) (*Invoice, error) {
	return act[Invoice](ctx, s.c, "finalize invoice", invoices+"/%s/finalize", id, orEmpty(params))
}

// Pay tries to collect an invoice now. A refusal is an error of kind declined. With
// PaidOutOfBand it only notes that the money came another way.
func (s *InvoiceService) Pay(ctx context.Context, id string, params *InvoicePayParams) (*Invoice, error) {
	return act[Invoice](ctx, s.c, "pay invoice", invoices+"/%s/pay", id, orEmpty(params))
}

// Send mails an invoice to its customer.
func (s *InvoiceService) Send(ctx context.Context, id string, params *InvoiceSendParams) (*Invoice, error) {
	return act[Invoice](ctx, s.c, "send invoice", invoices+"/%s/send", id, orEmpty(params))
}

// Void ends an open invoice for good; it keeps its number.
func (s *InvoiceService) Void(ctx context.Context, id string, params *InvoiceVoidParams) (*Invoice, error) {
	return act[Invoice](ctx, s.c, "void invoice", invoices+"/%s/void", id, orEmpty(params))
}

// MarkUncollectible gives up an open invoice; it can still be paid.
func (s *InvoiceService) MarkUncollectible(ctx context.Context, id string, params *InvoiceMarkUncollectibleParams) (*Invoice, error) {
	return act[Invoice](ctx, s.c, "mark invoice uncollectible", invoices+"/%s/mark_uncollectible", id, orEmpty(params))
}
