package magento

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// Products reads the catalogue as Config.Store shows it.
type Products struct{ cl *Client }

// Product is something on sale. Prices have up to 6 decimals ([Number.Price]), in the
// base currency of the website.
type Product struct {
	ID               ID               `json:"id"`
	SKU              string           `json:"sku"` // as stored; any letter case finds it
	Name             string           `json:"name"`
	AttributeSetID   ID               `json:"attribute_set_id"`
	Price            Number           `json:"price"`
	Status           int              `json:"status"`     // 1 enabled, 2 disabled
	Visibility       int              `json:"visibility"` // 1 nowhere, 2 catalogue, 3 search, 4 both
	TypeID           string           `json:"type_id"`    // "simple", "configurable", "bundle" …
	Weight           Number           `json:"weight"`
	CreatedAt        Time             `json:"created_at"`
	UpdatedAt        Time             `json:"updated_at"` // a change of price or stock by its own route does not move it
	Extension        ProductExtension `json:"extension_attributes"`
	CustomAttributes []Attribute      `json:"custom_attributes"`
}

// ProductExtension holds what modules add to a product.
type ProductExtension struct {
	WebsiteIDs []ID       `json:"website_ids"`
	StockItem  *StockItem `json:"stock_item"` // nil in lists
}

// UnmarshalJSON takes an object or PHP's empty list.
func (e *ProductExtension) UnmarshalJSON(b []byte) error { return decodeMember(b, e) }

// Attribute is a value of a product's attribute set: a text or a list.
type Attribute struct {
	Code  string          `json:"attribute_code"`
	Value json.RawMessage `json:"value"`
}

// Attribute returns the text of an attribute; empty where there is none or where it is
// a list.
func (p Product) Attribute(code string) string {
	for _, a := range p.CustomAttributes {
		if a.Code == code {
			r := reader{b: a.Value}
			if s, err := r.scalar(); err == nil {
				return s
			}
		}
	}
	return ""
}

var products = listing[Product]{
	op: "list products", path: "/products", id: "entity_id", name: "id", dated: true,
	key: func(p Product) (ID, time.Time) { return p.ID, p.UpdatedAt.Time },
}

// Get reads a product with its stock item. Some web servers in front of Magento refuse
// the %2F of a sku with a slash: filter sku in List then.
func (s *Products) Get(ctx context.Context, sku string, fields ...string) (Product, error) {
	var p Product
	path, err := skuPath("get product", "/products/", sku, "")
	if err != nil {
		return p, err
	}
	err = s.cl.read(ctx, "get product "+sku, path, only(fields...), &p)
	return p, err
}

// List yields products, oldest change first, without their stock items.
func (s *Products) List(ctx context.Context, p ListParams) iter.Seq2[Product, error] {
	return products.walk(ctx, s.cl, p)
}

// skuPath puts a sku into a path. A dot segment would be another path, and a bare plus may
// be read as a space.
func skuPath(op, head, sku, tail string) (string, error) {
	if sku == "" || sku == "." || sku == ".." {
		return "", refuse(op, "", "%q is no sku", sku)
	}
	return head + strings.ReplaceAll(url.PathEscape(sku), "+", "%2B") + tail, nil
}

// Stock reads quantities. A quantity at a source goes down at the shipment, a salable
// one at the order: open orders are taken off already, so never take them off again.
type Stock struct{ cl *Client }

// StockItem is the older model of stock, over the default source.
type StockItem struct {
	ItemID    ID     `json:"item_id"`
	ProductID ID     `json:"product_id"`
	StockID   ID     `json:"stock_id"`
	Qty       Number `json:"qty"` // may be negative
	IsInStock Flag   `json:"is_in_stock"`
}

// SourceItem is what lies at a source, such as a warehouse. It may be of a sku that
// has no product.
type SourceItem struct {
	SKU        string `json:"sku"`
	SourceCode string `json:"source_code"`
	Quantity   Number `json:"quantity"`
	Status     int    `json:"status"` // 1 in stock, 0 out of stock
}

// Source is a place where goods lie.
type Source struct {
	Code      string `json:"source_code"`
	Name      string `json:"name"`
	Enabled   Flag   `json:"enabled"`
	CountryID string `json:"country_id"`
	Postcode  string `json:"postcode"`
}

// StockOfSales is a stock: sources that serve the same websites.
type StockOfSales struct {
	ID        ID             `json:"stock_id"`
	Name      string         `json:"name"`
	Extension StockExtension `json:"extension_attributes"`
}

// StockExtension holds what modules add to a stock.
type StockExtension struct {
	SalesChannels []SalesChannel `json:"sales_channels"`
}

// UnmarshalJSON takes an object or PHP's empty list.
func (e *StockExtension) UnmarshalJSON(b []byte) error { return decodeMember(b, e) }

// SalesChannel is who sells from a stock.
type SalesChannel struct {
	Type string `json:"type"` // "website"
	Code string `json:"code"`
}

// StockStatus is what the shop shows of a product in the older model of stock.
type StockStatus struct {
	ProductID ID        `json:"product_id"`
	StockID   ID        `json:"stock_id"`
	Qty       Number    `json:"qty"`
	Status    int       `json:"stock_status"` // 1 in stock, 0 out of stock
	Item      StockItem `json:"stock_item"`
}

// Item reads the stock item of a product.
func (s *Stock) Item(ctx context.Context, sku string) (StockItem, error) {
	var i StockItem
	path, err := skuPath("get stock item", "/stockItems/", sku, "")
	if err != nil {
		return i, err
	}
	err = s.cl.read(ctx, "get stock item of "+sku, path, nil, &i)
	return i, err
}

// Status reads whether the shop shows a product as in stock.
func (s *Stock) Status(ctx context.Context, sku string) (StockStatus, error) {
	var st StockStatus
	path, err := skuPath("get stock status", "/stockStatuses/", sku, "")
	if err != nil {
		return st, err
	}
	err = s.cl.read(ctx, "get stock status of "+sku, path, nil, &st)
	return st, err
}

// SourceItems returns what lies where of a sku; nothing for one that is not known.
func (s *Stock) SourceItems(ctx context.Context, sku string) ([]SourceItem, error) {
	return all(eachPage[SourceItem](ctx, s.cl, "list source items", "/inventory/source-items", Where(Filter{"sku", Eq, sku}), "source_code"))
}

// AllSourceItems yields what lies where of every sku, by sku and source. It goes by page
// number: what is added while one walks may be missed, so walk again before trusting
// that something is not there.
func (s *Stock) AllSourceItems(ctx context.Context) iter.Seq2[SourceItem, error] {
	return eachPage[SourceItem](ctx, s.cl, "list source items", "/inventory/source-items", nil, "sku", "source_code")
}

// Sources returns all sources.
func (s *Stock) Sources(ctx context.Context) ([]Source, error) {
	return all(eachPage[Source](ctx, s.cl, "list sources", "/inventory/sources", nil, "source_code"))
}

// Stocks returns all stocks with the websites that sell from them.
func (s *Stock) Stocks(ctx context.Context) ([]StockOfSales, error) {
	return all(eachPage[StockOfSales](ctx, s.cl, "list stocks", "/inventory/stocks", nil, "stock_id"))
}

// OfWebsite returns the stock that a website sells from.
func (s *Stock) OfWebsite(ctx context.Context, code string) (StockOfSales, error) {
	var st StockOfSales
	path, err := skuPath("get stock of website", "/inventory/stock-resolver/website/", code, "")
	if err != nil {
		return st, err
	}
	err = s.cl.read(ctx, "get stock of website "+code, path, nil, &st)
	return st, err
}

// Salable returns how much of a product can be sold from a stock: what lies at its
// sources less what is ordered and not shipped. Magento answers an unknown sku with a
// plain text and a 500 (2.4.6-p1, REC 097), which is looked into: where the product is
// not there the error is of kind not found.
func (s *Stock) Salable(ctx context.Context, sku string, stock ID) (Number, error) {
	op := "get salable quantity of " + sku
	path, err := skuPath(op, salablePath, sku, "/"+stock.String())
	if err != nil {
		return "", err
	}
	var n Number
	err = s.cl.read(ctx, op, path, nil, &n)
	var e *commerce.Error
	if errors.As(err, &e) && e.Status == http.StatusInternalServerError {
		if _, missing := s.cl.Products.Get(ctx, sku); errors.Is(missing, commerce.ErrNotFound) {
			return "", &commerce.Error{Kind: commerce.KindNotFound, System: system, Op: op, Text: "no product has this sku"}
		}
	}
	return n, err
}

// IsSalable reports whether any of a product can be sold from a stock, also where the
// shop allows backorders.
func (s *Stock) IsSalable(ctx context.Context, sku string, stock ID) (bool, error) {
	op := "ask whether there is any " + sku
	path, err := skuPath(op, "/inventory/is-product-salable/", sku, "/"+stock.String())
	if err != nil {
		return false, err
	}
	var yes Flag
	err = s.cl.read(ctx, op, path, nil, &yes)
	return bool(yes), err
}

const salablePath = "/inventory/get-product-salable-quantity/"
