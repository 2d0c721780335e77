package stripe

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"

	stripego "github.com/stripe/stripe-go/v76"
)

// CreditNote lowers an invoice that was finalized.
type CreditNote struct {
	ID       string    `json:"id"`
	Created  Timestamp `json:"created"`
	Livemode bool      `json:"livemode"`

	Number   string `json:"number"`
	Status   string `json:"status"` // "issued", "void"
	Type     string `json:"type"`   // "pre_payment", "post_payment", since 2025 also "mixed"
	Reason   string `json:"reason"` // "duplicate", "fraudulent", "order_change", "product_unsatisfactory"
	Currency string `json:"currency"`

	Amount            int64  `json:"amount"` // with tax, in Stripe's unit of Currency
	Subtotal          int64  `json:"subtotal"`
	Total             int64  `json:"total"`
	TotalExcludingTax *int64 `json:"total_excluding_tax"` // nil where not said
	OutOfBandAmount   *int64 `json:"out_of_band_amount"`

	// Taxes are tax_amounts, since 2025-03-31 total_taxes; Tax is their sum, nil where
	// the note does not say.
	Taxes []Tax  `json:"-"`
	Tax   *int64 `json:"-"`

	// Refunds are the refunds of this note: at most one before 2025-03-31.
	Refunds []ID `json:"-"`

	Invoice  Expandable[Invoice]  `json:"invoice"`
	Customer Expandable[Customer] `json:"customer"`
	// CustomerAccount is who the customer is where that is an account; newer versions only.
	CustomerAccount string               `json:"customer_account"`
	Lines           List[CreditNoteLine] `json:"lines"` // the first ten; Lines of the service reads all
	Memo            string               `json:"memo"`
	PDF             string               `json:"pdf"`
	VoidedAt        Timestamp            `json:"voided_at"`
	Metadata        map[string]string    `json:"metadata"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// UnmarshalJSON reads a credit note of any API version. A missing id, created,
// livemode, status, type, currency, amount, subtotal, total, invoice or lines is a
// [*GapError].
func (n *CreditNote) UnmarshalJSON(b []byte) error {
	type plain CreditNote
	n.Raw = keep(b)
	var places struct {
		Refund   ID    `json:"refund"`
		OldTaxes []Tax `json:"tax_amounts"`
		Taxes    []Tax `json:"total_taxes"`
		Refunds  []struct {
			Refund ID `json:"refund"`
		} `json:"refunds"`
	}
	if err := json.Unmarshal(b, &places); err != nil {
		return err
	}
	if n.Taxes = places.Taxes; n.Taxes == nil {
		n.Taxes = places.OldTaxes
	}
	n.Tax, n.Refunds = sum(n.Taxes), nil
	if places.Refund != "" {
		n.Refunds = []ID{places.Refund}
	}
	for _, r := range places.Refunds {
		if r.Refund != "" {
			n.Refunds = append(n.Refunds, r.Refund)
		}
	}
	return read(b, (*plain)(n), "credit_note", "id", "created", "livemode", "status", "type", "currency", "amount", "subtotal", "total",
		"invoice", "lines")
}

// CreditNoteLine is one line of a credit note.
type CreditNoteLine struct {
	ID              string `json:"id"`
	Amount          int64  `json:"amount"` // without exclusive tax, in Stripe's unit of the note's currency
	Quantity        *int64 `json:"quantity"`
	Description     string `json:"description"`
	Type            string `json:"type"` // "invoice_line_item", "custom_line_item"
	InvoiceLineItem ID     `json:"invoice_line_item"`
	Taxes           []Tax  `json:"-"` // tax_amounts, since 2025-03-31 taxes
}

// UnmarshalJSON reads a line of any API version. A missing id or amount is a
// [*GapError].
func (l *CreditNoteLine) UnmarshalJSON(b []byte) error {
	type plain CreditNoteLine
	var places struct {
		OldTaxes []Tax `json:"tax_amounts"`
		Taxes    []Tax `json:"taxes"`
	}
	if err := json.Unmarshal(b, &places); err != nil {
		return err
	}
	if l.Taxes = places.Taxes; l.Taxes == nil {
		l.Taxes = places.OldTaxes
	}
	return read(b, (*plain)(l), "credit_note_line_item", "id", "amount")
}

// CreditNoteParams makes a credit note. It is ours and not stripe-go's, whose lines
// carry a float.
type CreditNoteParams struct {
	stripego.Params `form:"*"`

	Invoice         *string                 `form:"invoice"`
	Amount          *int64                  `form:"amount"`        // or Lines
	CreditAmount    *int64                  `form:"credit_amount"` // to the customer's balance
	RefundAmount    *int64                  `form:"refund_amount"`
	OutOfBandAmount *int64                  `form:"out_of_band_amount"`
	Refund          *string                 `form:"refund"` // one that exists
	EffectiveAt     *int64                  `form:"effective_at"`
	Expand          []*string               `form:"expand"`
	Lines           []*CreditNoteLineParams `form:"lines"`
	Memo            *string                 `form:"memo"`
	Metadata        map[string]string       `form:"metadata"`
	Reason          *string                 `form:"reason"`
}

// CreditNoteLineParams is one line of a note to be made.
type CreditNoteLineParams struct {
	Type            *string   `form:"type"`
	InvoiceLineItem *string   `form:"invoice_line_item"`
	Amount          *int64    `form:"amount"`
	Quantity        *int64    `form:"quantity"`
	Description     *string   `form:"description"`
	UnitAmount      *int64    `form:"unit_amount"`
	TaxRates        []*string `form:"tax_rates"`
}

// More parameters of credit notes.
type (
	CreditNoteListParams      = stripego.CreditNoteListParams
	CreditNoteListLinesParams = stripego.CreditNoteListLinesParams
	CreditNoteVoidParams      = stripego.CreditNoteVoidCreditNoteParams
)

// CreditNoteService reads and writes credit notes. Every write needs params with an
// idempotency key.
type CreditNoteService struct{ c *Client }

const creditNotes = "/v1/credit_notes"

// Get reads a credit note; expand names links to read with it ("invoice").
func (s *CreditNoteService) Get(ctx context.Context, id string, expand ...string) (*CreditNote, error) {
	return get[CreditNote](ctx, s.c, "credit note", creditNotes, id, expand)
}

// List reads credit notes, newest first, for instance those of one invoice. A nil
// params lists all.
func (s *CreditNoteService) List(ctx context.Context, params *CreditNoteListParams) iter.Seq2[CreditNote, error] {
	return pages[CreditNote](ctx, s.c, "list credit notes", creditNotes, params)
}

// Lines reads all lines of a credit note.
func (s *CreditNoteService) Lines(ctx context.Context, id string, params *CreditNoteListLinesParams) iter.Seq2[CreditNoteLine, error] {
	return pagesOf[CreditNoteLine](ctx, s.c, "list lines of credit note", creditNotes+"/%s/lines", id, params)
}

// Preview computes a credit note and issues none. Params need no key.
func (s *CreditNoteService) Preview(ctx context.Context, params *CreditNoteParams) (*CreditNote, error) {
	n := &CreditNote{}
	k := call{op: "preview credit note", method: http.MethodGet, path: creditNotes + "/preview", params: orEmpty(params)}
	if err := s.c.do(ctx, k, n); err != nil {
		return nil, err
	}
	return n, nil
}

// Create issues a credit note. RefundAmount makes a refund too.
func (s *CreditNoteService) Create(ctx context.Context, params *CreditNoteParams) (*CreditNote, error) {
	return post[CreditNote](ctx, s.c, "create credit note", creditNotes, orEmpty(params))
}

// Update changes memo and metadata.
func (s *CreditNoteService) Update(ctx context.Context, id string, params *CreditNoteParams) (*CreditNote, error) {
	return act[CreditNote](ctx, s.c, "update credit note", creditNotes+"/%s", id, orEmpty(params))
}

// Void takes a note back whose invoice is still open.
func (s *CreditNoteService) Void(ctx context.Context, id string, params *CreditNoteVoidParams) (*CreditNote, error) {
	return act[CreditNote](ctx, s.c, "void credit note", creditNotes+"/%s/void", id, orEmpty(params))
}
