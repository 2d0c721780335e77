package magentotest

import (
	"net/http"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// NewProduct is a product of the catalogue, simple and enabled.
type NewProduct struct {
	SKU   string
	Name  string // defaults to SKU
	Price string // in the base currency; defaults to 0
	Qty   string // at the source default; defaults to 0
}

type product struct {
	id               int64
	sku, name        string
	price, qty       dec
	created, updated time.Time
}

// AddProduct puts a product into the catalogue and returns its id. Orders that are
// placed for its sku reserve it, and shipments take it away. Orders of other skus may
// be placed as well: nothing is reserved for them. An error is of kind invalid and
// names the field.
func (s *Shop) AddProduct(n NewProduct) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	price, err1 := parseDec(or(n.Price, "0"))
	qty, err2 := parseDec(or(n.Qty, "0"))
	if n.SKU == "" || err1 != nil || err2 != nil || s.product(n.SKU) != nil {
		return 0, commerce.Errorf(commerce.KindInvalid, "magentotest", "add product", "NewProduct.SKU is empty or taken, or Price or Qty is no number")
	}
	p := &product{id: s.next("product"), sku: n.SKU, name: or(n.Name, n.SKU), price: price, qty: qty, created: s.now(), updated: s.now()}
	s.products = append(s.products, p)
	return p.id, nil
}

// product finds a sku without regard to letter case.
func (s *Shop) product(sku string) *product {
	for _, p := range s.products {
		if strings.EqualFold(p.sku, sku) {
			return p
		}
	}
	return nil
}

// salable is what lies at the source less what is ordered and neither shipped,
// cancelled nor given back to stock.
func (s *Shop) salable(p *product) dec {
	left := p.qty
	for _, o := range s.orders {
		for _, i := range o.items {
			if len(i.children) == 0 && strings.EqualFold(text(i.plain["sku"]), p.sku) {
				left -= max(0, i.ordered-i.canceled-i.taken-i.returned)
			}
		}
	}
	return left
}

// take takes a shipped quantity of a row, or of its children, from the source.
func (s *Shop) take(i *item, qty dec) {
	for _, c := range i.children {
		s.take(c, dec(int64(qty)*int64(c.ordered)/int64(i.ordered)))
	}
	if len(i.children) == 0 {
		i.taken += qty
		if p := s.product(text(i.plain["sku"])); p != nil {
			p.qty -= qty
		}
	}
}

// giveBack returns a refunded quantity to stock: what was not shipped is free again,
// and the rest lies at the source again.
func (s *Shop) giveBack(i *item, qty dec) {
	for _, c := range i.children {
		s.giveBack(c, dec(int64(qty)*int64(c.ordered)/int64(i.ordered)))
	}
	if len(i.children) == 0 {
		free := min(qty, max(0, i.ordered-i.canceled-i.taken-i.returned))
		i.returned += free
		if p := s.product(text(i.plain["sku"])); p != nil {
			p.qty += qty - free
		}
	}
}

func (s *Shop) stockItem(p *product) obj {
	return obj{"item_id": p.id, "product_id": p.id, "stock_id": 1, "qty": p.qty, "is_in_stock": p.qty > 0, "is_qty_decimal": false}
}

func (p *product) render() obj {
	return obj{"id": p.id, "sku": p.sku, "name": p.name, "attribute_set_id": 4, "price": p.price, "status": 1, "visibility": 4,
		"type_id": "simple", "created_at": stamp(p.created), "updated_at": stamp(p.updated), "extension_attributes": obj{"website_ids": []any{1}},
		"product_links": []any{}, "options": []any{}, "media_gallery_entries": []any{}, "tier_prices": []any{}, "custom_attributes": []any{}}
}

func productColumn(p *product, name string) (any, bool) {
	if p == nil {
		p = &product{}
	}
	switch name {
	case "entity_id":
		return number(p.id), true
	case "sku":
		return p.sku, true
	case "name":
		return p.name, true
	case "price":
		return p.price, true
	case "type_id":
		return "simple", true
	case "created_at":
		return stamp(p.created), true
	case "updated_at":
		return stamp(p.updated), true
	}
	return nil, false
}

func (s *Shop) serveProducts(r *request) (any, *failure) {
	return list(s, r, s.products, productColumn, func(p *product) any { return p.render() })
}

var errNoProduct = &failure{status: http.StatusNotFound, message: "The product that was requested doesn't exist. Verify the product and try again."}

func (s *Shop) serveProduct(r *request) (any, *failure) {
	p := s.product(r.key)
	if p == nil {
		return nil, errNoProduct
	}
	out := p.render()
	out["extension_attributes"] = obj{"website_ids": []any{1}, "stock_item": s.stockItem(p)}
	return out, nil
}

func (s *Shop) serveStockItem(r *request) (any, *failure) {
	p := s.product(r.key)
	if p == nil {
		return nil, errNoProduct
	}
	return s.stockItem(p), nil
}

// serveSalable answers an unknown sku as PHP does when it falls over (REC 097).
func (s *Shop) serveSalable(r *request) (any, *failure) {
	p := s.product(r.key)
	if p == nil {
		return nil, &failure{status: http.StatusInternalServerError, message: "An error has happened during application run. See exception log for details.\n", plain: true}
	}
	return s.salable(p), nil
}

func (s *Shop) serveIsSalable(r *request) (any, *failure) {
	p := s.product(r.key)
	return p != nil && s.salable(p) > 0, nil
}

func (s *Shop) serveSourceItems(r *request) (any, *failure) {
	return list(s, r, s.products, func(p *product, name string) (any, bool) {
		switch name {
		case "source_code":
			return "default", true
		case "quantity":
			if p == nil {
				return dec(0), true
			}
			return p.qty, true
		}
		return productColumn(p, name)
	}, func(p *product) any {
		return obj{"sku": p.sku, "source_code": "default", "quantity": p.qty, "status": 1}
	})
}

func (s *Shop) serveSources(*request) (any, *failure) {
	return obj{"items": []any{obj{"source_code": "default", "name": "Default Source", "enabled": true, "description": "Default Source",
		"latitude": 0, "longitude": 0, "country_id": "US", "postcode": "00000", "use_default_carrier_config": true, "carrier_links": []any{},
		"extension_attributes": obj{"is_pickup_location_active": false, "frontend_name": ""}}},
		"search_criteria": obj{"filter_groups": []any{}}, "total_count": 1}, nil
}

func (s *Shop) serveStockOfWebsite(r *request) (any, *failure) {
	for _, st := range s.stores {
		if st.Website == r.key {
			return obj{"stock_id": 1, "name": "Default Stock", "extension_attributes": obj{"sales_channels": []any{obj{"type": "website", "code": "base"}}}}, nil
		}
	}
	return nil, errNotFound
}

func (s *Shop) serveModules(*request) (any, *failure) {
	modules := []any{"Magento_Store", "Magento_Directory", "Magento_Customer", "Magento_Catalog", "Magento_Sales", "Magento_Inventory"}
	if s.c.StripeModule {
		modules = append(modules, "StripeIntegration_Payments")
	}
	return modules, nil
}
