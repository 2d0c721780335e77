package nopcommerce

import (
	"context"
	"errors"
	"iter"
	"strings"

	"github.com/commercesync/commerce"
)

// Products reads products and their attribute combinations and writes single members of
// them.
type Products struct{ cl *Client }

// Product is a row of the catalogue. Members that this type does not name are in Raw and
// stay as they are when the product is written.
type Product struct {
	ID                    ID              `json:"id"`
	TypeID                int             `json:"product_type_id"` // 5: simple, 10: grouped
	ParentGroupedID       ID              `json:"parent_grouped_product_id"`
	Name                  string          `json:"name"`
	ShortDescription      string          `json:"short_description"`
	FullDescription       string          `json:"full_description"`
	SKU                   string          `json:"sku"`
	ManufacturerPart      string          `json:"manufacturer_part_number"`
	GTIN                  string          `json:"gtin"`
	VendorID              ID              `json:"vendor_id"`
	TaxCategoryID         ID              `json:"tax_category_id"`
	IsTaxExempt           bool            `json:"is_tax_exempt"`
	IsGiftCard            bool            `json:"is_gift_card"`
	IsDownload            bool            `json:"is_download"`
	IsRecurring           bool            `json:"is_recurring"`
	IsShipEnabled         bool            `json:"is_ship_enabled"`
	InventoryMethod       InventoryMethod `json:"manage_inventory_method_id"`
	UseMultipleWarehouses bool            `json:"use_multiple_warehouses"`
	WarehouseID           ID              `json:"warehouse_id"`
	StockQuantity         int             `json:"stock_quantity"`
	MinStockQuantity      int             `json:"min_stock_quantity"`
	BackorderMode         int             `json:"backorder_mode_id"`
	OrderMinimum          int             `json:"order_minimum_quantity"`
	OrderMaximum          int             `json:"order_maximum_quantity"`
	Price                 Number          `json:"price,omitempty"` // in the primary store currency
	OldPrice              Number          `json:"old_price,omitempty"`
	ProductCost           Number          `json:"product_cost,omitempty"`
	Weight                Number          `json:"weight,omitempty"`
	Length                Number          `json:"length,omitempty"`
	Width                 Number          `json:"width,omitempty"`
	Height                Number          `json:"height,omitempty"`
	Published             bool            `json:"published"`
	Deleted               bool            `json:"deleted"` // Get also returns deleted products
	CreatedOn             Time            `json:"created_on_utc"`
	UpdatedOn             Time            `json:"updated_on_utc"`

	// Combinations are embedded by the community API; nil in the official one.
	Combinations []Combination `json:"product_attribute_combinations,omitempty"`

	// Raw is the row as the shop sent it.
	Raw Raw `json:"-"`
}

// UnmarshalJSON takes a product of either API and keeps its bytes.
func (p *Product) UnmarshalJSON(b []byte) error {
	type row Product
	*p = Product{}
	return p.Raw.keep(b, (*row)(p))
}

var products = table[Product]{
	what: "product", get: "/Product/GetById/", put: "/Product/Update", touch: "updated_on_utc",
	raw: func(p *Product) *Raw { return &p.Raw }, id: func(p *Product) ID { return p.ID },
}

// Combination is a choice of attributes that has a sku, a stock or a price of its own.
type Combination struct {
	ID              ID     `json:"id"`
	ProductID       ID     `json:"product_id"`
	AttributesXML   string `json:"attributes_xml"`
	SKU             string `json:"sku"`
	GTIN            string `json:"gtin"`
	StockQuantity   int    `json:"stock_quantity"`
	OverriddenPrice Number `json:"overridden_price,omitempty"` // empty: the product's

	// Raw is the row as the shop sent it.
	Raw Raw `json:"-"`
}

// UnmarshalJSON keeps the bytes of the row.
func (c *Combination) UnmarshalJSON(b []byte) error {
	type row Combination
	*c = Combination{}
	return c.Raw.keep(b, (*row)(c))
}

var combinations = table[Combination]{
	what: "attribute combination", get: "/ProductAttributeCombination/GetById/", put: "/ProductAttributeCombination/Update",
	raw: func(c *Combination) *Raw { return &c.Raw }, id: func(c *Combination) ID { return c.ID },
}

// Get reads a product by its id.
func (s *Products) Get(ctx context.Context, id ID) (Product, error) {
	if s.cl.c.API == Community {
		return single(ctx, s.cl, "get product "+id.String(), "/products/", "products", id, func(p Product) ID { return p.ID })
	}
	return products.one(ctx, s.cl, id)
}

// ProductParams says which products a list yields. Zero fields mean any.
type ProductParams struct {
	Keywords    string
	StoreID     ID
	WarehouseID ID
	Hidden      bool // those that are not published too
}

// List yields products. The official API has no filter on when one was changed; the
// community API takes none of these filters.
func (s *Products) List(ctx context.Context, p ProductParams) iter.Seq2[Product, error] {
	const op = "list products"
	if s.cl.c.API == Community {
		q := params{{"published_status", "true"}}
		if p.Hidden {
			q = nil
		}
		if p.Keywords != "" || p.StoreID != 0 || p.WarehouseID != 0 {
			return failing[Product](s.cl.offers(op, Official, false))
		}
		return ascending(ctx, s.cl, op, "/products", "products", q, func(p Product) ID { return p.ID })
	}
	q := params{{"storeId", number(p.StoreID)}, {"warehouseId", number(p.WarehouseID)}, {"keywords", p.Keywords}, {"showHidden", yes(p.Hidden)}}
	if p.Keywords != "" {
		q = append(q, param{"searchSku", "true"})
	}
	return byPage[Product](ctx, s.cl, op, "/Product/GetAll", q)
}

// BySKU finds what is sold under a sku: a product or, where none has it, an attribute
// combination, which the shop's own search leaves out. None is of kind not found.
func (s *Products) BySKU(ctx context.Context, sku string) (Product, *Combination, error) {
	const op = "find product by sku"
	if err := s.cl.offers(op, Official, false); err != nil {
		return Product{}, nil, err
	}
	if strings.TrimSpace(sku) == "" {
		return Product{}, nil, &commerce.Error{Kind: commerce.KindInvalid, System: system, Op: op, Text: "the sku is empty"}
	}
	var p Product
	err := s.cl.get(ctx, op, "/Product/GetProductBySku", params{{"sku", sku}}, &p)
	if err == nil && !strings.EqualFold(strings.TrimSpace(p.SKU), strings.TrimSpace(sku)) {
		err = wrongRow(op)
	}
	if err == nil || !errors.Is(err, commerce.ErrNotFound) {
		return p, nil, err
	}
	var c Combination
	if err := s.cl.get(ctx, op, "/ProductAttributeCombination/GetBySku", params{{"sku", sku}}, &c); err != nil {
		return Product{}, nil, err
	}
	if !strings.EqualFold(strings.TrimSpace(c.SKU), strings.TrimSpace(sku)) {
		return Product{}, nil, wrongRow(op)
	}
	p, err = s.Get(ctx, c.ProductID)
	return p, &c, err
}

// Combinations returns the attribute combinations of a product.
func (s *Products) Combinations(ctx context.Context, product ID) ([]Combination, error) {
	op := "list combinations of product " + product.String()
	if s.cl.c.API == Community {
		p, err := s.Get(ctx, product)
		return p.Combinations, err
	}
	var got []Combination
	err := s.cl.get(ctx, op, "/ProductAttributeCombination/GetAll/"+product.String(), nil, &got)
	return got, err
}

// Update writes what the caller changed in a product, a price say, as [Orders.Update] does.
// It also sets updated_on_utc, which the shop leaves alone. A sale in the instant of writing
// is lost from a stock that is in the row: sell little meanwhile, or leave the stock alone.
func (s *Products) Update(ctx context.Context, p Product) (Product, error) {
	return products.update(ctx, s.cl, p)
}

// UpdateCombination writes what the caller changed in a combination.
func (s *Products) UpdateCombination(ctx context.Context, c Combination) (Combination, error) {
	return combinations.update(ctx, s.cl, c)
}
