package stripe

import (
	"context"
	"encoding/json"
	"iter"

	stripego "github.com/stripe/stripe-go/v76"
)

// Product is something that is sold; what it costs are its prices.
type Product struct {
	ID       string    `json:"id"`
	Created  Timestamp `json:"created"`
	Updated  Timestamp `json:"updated"`
	Livemode bool      `json:"livemode"`

	Active       bool              `json:"active"`
	Name         string            `json:"name"`
	Description  string            `json:"description"`
	DefaultPrice Expandable[Price] `json:"default_price"`
	Images       []string          `json:"images"` // addresses
	Shippable    *bool             `json:"shippable"`
	TaxCode      ID                `json:"tax_code"`
	UnitLabel    string            `json:"unit_label"`
	URL          string            `json:"url"`
	Metadata     map[string]string `json:"metadata"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// UnmarshalJSON reads a product of any API version. A missing id, created, livemode,
// active or name is a [*GapError].
func (p *Product) UnmarshalJSON(b []byte) error {
	type plain Product
	p.Raw = keep(b)
	return read(b, (*plain)(p), "product", "id", "created", "livemode", "active", "name")
}

// ProductParams makes or changes a product. It is ours and not stripe-go's, which
// carries floats. With ID the id is ours too, a stock keeping unit perhaps.
type ProductParams struct {
	stripego.Params `form:"*"`

	ID                  *string           `form:"id"`
	Active              *bool             `form:"active"`
	Name                *string           `form:"name"`
	Description         *string           `form:"description"`
	DefaultPrice        *string           `form:"default_price"` // a price of this product; only to update
	Expand              []*string         `form:"expand"`
	Images              []*string         `form:"images"`
	Metadata            map[string]string `form:"metadata"`
	Shippable           *bool             `form:"shippable"`
	StatementDescriptor *string           `form:"statement_descriptor"`
	TaxCode             *string           `form:"tax_code"`
	UnitLabel           *string           `form:"unit_label"`
	URL                 *string           `form:"url"`
}

// ProductListParams filters products.
type ProductListParams = stripego.ProductListParams

// ProductService reads and writes products. Every write needs params with an
// idempotency key.
type ProductService struct{ c *Client }

const products = "/v1/products"

// Get reads a product; expand names links to read with it ("default_price").
func (s *ProductService) Get(ctx context.Context, id string, expand ...string) (*Product, error) {
	return get[Product](ctx, s.c, "product", products, id, expand)
}

// List reads products, newest first. A nil params lists all.
func (s *ProductService) List(ctx context.Context, params *ProductListParams) iter.Seq2[Product, error] {
	return pages[Product](ctx, s.c, "list products", products, params)
}

// Search finds products by Stripe's query language, with the caveats of
// [ChargeService.Search].
func (s *ProductService) Search(ctx context.Context, query string, expand ...string) iter.Seq2[Product, error] {
	return searched[Product](ctx, s.c, "products", products, query, expand)
}

// Create makes a product.
func (s *ProductService) Create(ctx context.Context, params *ProductParams) (*Product, error) {
	return post[Product](ctx, s.c, "create product", products, orEmpty(params))
}

// Update changes what is set in params.
func (s *ProductService) Update(ctx context.Context, id string, params *ProductParams) (*Product, error) {
	return act[Product](ctx, s.c, "update product", products+"/%s", id, orEmpty(params))
}

// Delete removes a product without prices; one that has some is set inactive instead.
func (s *ProductService) Delete(ctx context.Context, id string, params *DeleteParams) error {
	return remove(ctx, s.c, "delete product", products+"/%s", id, orEmpty(params))
}
