package stripe

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/tidwall/gjson"

	stripego "github.com/stripe/stripe-go/v76"
)

// Customer is a buyer the account knows.
type Customer struct {
	ID       string    `json:"id"`
	Created  Timestamp `json:"created"`
	Livemode bool      `json:"livemode"`
	// Deleted says that nothing but the id is left, as reading by id answers.
	Deleted bool `json:"deleted"`

	Name     string            `json:"name"`
	Email    string            `json:"email"`
	Phone    string            `json:"phone"`
	Address  Address           `json:"address"`
	Shipping *Contact          `json:"shipping"`
	Metadata map[string]string `json:"metadata"`

	// Balance is credit (negative) or debt for the next invoice, in Stripe's unit of
	// Currency; nil where not said.
	Balance   *int64 `json:"balance"`
	Currency  string `json:"currency"`   // lower case; empty until there was an invoice
	TaxExempt string `json:"tax_exempt"` // "none", "exempt", "reverse"

	Raw json.RawMessage `json:"-"` // the object as received
}

// UnmarshalJSON reads a customer of any API version. A missing id is a [*GapError], and
// of one that was not deleted a missing created or livemode.
func (c *Customer) UnmarshalJSON(b []byte) error {
	type plain Customer
	c.Raw = keep(b)
	if gjson.GetBytes(b, "deleted").Bool() {
		return read(b, (*plain)(c), "customer", "id")
	}
	return read(b, (*plain)(c), "customer", "id", "created", "livemode")
}

// Parameters of customers.
type (
	CustomerParams                   = stripego.CustomerParams
	CustomerListParams               = stripego.CustomerListParams
	CustomerListPaymentMethodsParams = stripego.CustomerListPaymentMethodsParams
)

// DeleteParams carry the idempotency key of a deletion.
type DeleteParams = stripego.Params

// CustomerService reads and writes customers. Every write needs params with an
// idempotency key.
type CustomerService struct{ c *Client }

const customers = "/v1/customers"

// Get reads a customer, also one that was deleted; expand names links to read with it.
func (s *CustomerService) Get(ctx context.Context, id string, expand ...string) (*Customer, error) {
	return get[Customer](ctx, s.c, "customer", customers, id, expand)
}

// List reads customers, newest first, for instance those with one e-mail address,
// which may be several. A nil params lists all.
func (s *CustomerService) List(ctx context.Context, params *CustomerListParams) iter.Seq2[Customer, error] {
	return pages[Customer](ctx, s.c, "list customers", customers, params)
}

// Search finds customers by Stripe's query language, with the caveats of
// [ChargeService.Search].
func (s *CustomerService) Search(ctx context.Context, query string, expand ...string) iter.Seq2[Customer, error] {
	return searched[Customer](ctx, s.c, "customers", customers, query, expand)
}

// Create makes a customer. Stripe makes a second one of the same e-mail address too.
func (s *CustomerService) Create(ctx context.Context, params *CustomerParams) (*Customer, error) {
	return post[Customer](ctx, s.c, "create customer", customers, orEmpty(params))
}

// Update changes what is set in params.
func (s *CustomerService) Update(ctx context.Context, id string, params *CustomerParams) (*Customer, error) {
	return act[Customer](ctx, s.c, "update customer", customers+"/%s", id, orEmpty(params))
}

// Delete removes a customer for good and ends the subscriptions.
func (s *CustomerService) Delete(ctx context.Context, id string, params *DeleteParams) error {
	return remove(ctx, s.c, "delete customer", customers+"/%s", id, orEmpty(params))
}

// PaymentMethods reads the payment methods that the customer has, newest first.
func (s *CustomerService) PaymentMethods(ctx context.Context, id string, params *CustomerListPaymentMethodsParams) iter.Seq2[PaymentMethod, error] {
	return pagesOf[PaymentMethod](ctx, s.c, "list payment methods of customer", customers+"/%s/payment_methods", id, params)
}
