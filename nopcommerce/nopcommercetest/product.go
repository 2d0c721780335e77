package nopcommercetest

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// combination is the one of a product that attributes choose, or nil.
func (s *Shop) combination(product int, attributes string) *Combination {
	for _, c := range s.combinations.of[product] {
		if text(c.AttributesXML) == attributes {
			return c
		}
	}
	return nil
}

// adjust changes stock where a product keeps it, with a line of history. With several
// warehouses it changes what is reserved.
func (s *Shop) adjust(p *Product, by int, attributes, message string) {
	switch {
	case by == 0 || p.ManageInventoryMethodID == stockNone:
	case p.ManageInventoryMethodID == stockByAttributes:
		if c := s.combination(p.ID, attributes); c != nil {
			c.StockQuantity += by
			s.stockLine(p.ID, by, c.StockQuantity, 0, message, c.ID)
		}
	case p.UseMultipleWarehouses:
		s.reserve(p, by)
	default:
		p.StockQuantity += by
		s.stockLine(p.ID, by, p.StockQuantity, p.WarehouseID, message, 0)
	}
}

// reserve reserves goods in the warehouses that have most of them, or lets them go.
func (s *Shop) reserve(p *Product, by int) {
	free := func(i *Inventory) int { return i.StockQuantity - i.ReservedQuantity }
	rows := slices.Clone(s.inventories.of[p.ID])
	slices.SortStableFunc(rows, func(a, b *Inventory) int { return cmp.Compare(free(b), free(a)) })
	need := -by
	for n, i := range rows {
		if need <= 0 {
			break
		}
		take := min(need, max(0, free(i)))
		if n == len(rows)-1 {
			take = need
		}
		i.ReservedQuantity += take
		need -= take
	}
	for _, i := range rows {
		if need >= 0 {
			break
		}
		back := min(-need, i.ReservedQuantity)
		i.ReservedQuantity -= back
		need += back
	}
}

// book takes reserved goods out of a warehouse when they leave it.
func (s *Shop) book(product, warehouse, by int, message string) {
	p := s.products.get(product)
	if p == nil || p.ManageInventoryMethodID != stockByProduct || !p.UseMultipleWarehouses {
		return
	}
	for _, i := range s.inventories.of[product] {
		if i.WarehouseID == warehouse {
			i.ReservedQuantity = max(0, i.ReservedQuantity+by)
			i.StockQuantity += by
			s.stockLine(product, by, i.StockQuantity, warehouse, message, 0)
		}
	}
}

func (s *Shop) stockLine(product, by, stock, warehouse int, message string, combination int) {
	c := StockChange{QuantityAdjustment: by, StockQuantity: stock, Message: orNull(message), CreatedOnUTC: s.now(), ProductID: product}
	if combination != 0 {
		c.CombinationID = &combination
	}
	if warehouse != 0 {
		c.WarehouseID = &warehouse
	}
	s.stockChanges.insert(c)
}

// serveProductBySKU finds the first product that is not deleted; combinations are not
// searched.
func (s *Shop) serveProductBySKU(r *request) (any, *failure) {
	p := s.productBySKU(r.text("sku"))
	if p == nil {
		return nil, notFound("Product SKU=%s not found", r.text("sku"))
	}
	return p, nil
}

func (s *Shop) productBySKU(sku string) *Product {
	return s.products.first(func(p *Product) bool { return !p.Deleted && strings.EqualFold(text(p.SKU), strings.TrimSpace(sku)) })
}

func (s *Shop) serveProductsBySKU(r *request) (any, *failure) {
	skus := strings.FieldsFunc(r.text("skuArray"), func(c rune) bool { return c == ';' || c == ',' })
	return append([]*Product{}, s.products.all(func(p *Product) bool {
		return !p.Deleted && (r.number("vendorId") == 0 || p.VendorID == r.number("vendorId")) &&
			slices.ContainsFunc(skus, func(sku string) bool { return strings.EqualFold(text(p.SKU), strings.TrimSpace(sku)) })
	})...), nil
}

// serveProducts lists products; hidden ones if asked for. Nothing filters on changes.
func (s *Shop) serveProducts(r *request) (any, *failure) {
	words := r.text("keywords")
	low, high := r.amount("priceMin"), r.amount("priceMax")
	kind, _ := enums["ProductType"].read(r.text("productType"))
	found := s.products.all(func(p *Product) bool {
		if p.Deleted || !p.Published && !r.yes("showHidden") || r.has("productType") && p.ProductTypeID != kind || r.number("vendorId") != 0 && p.VendorID != r.number("vendorId") ||
			r.yes("visibleIndividuallyOnly") && !p.VisibleIndividually || r.has("priceMin") && p.Price < low || r.has("priceMax") && p.Price > high {
			return false
		}
		if r.has("overridePublished") && p.Published != r.yes("overridePublished") {
			return false
		}
		if w := r.number("warehouseId"); w != 0 && p.WarehouseID != w && !slices.ContainsFunc(s.inventories.of[p.ID], func(i *Inventory) bool { return i.WarehouseID == w }) {
			return false
		}
		return contains(p.Name, words) || r.yes("searchSku") && contains(p.SKU, words) || r.yes("searchManufacturerPartNumber") && contains(p.ManufacturerPartNumber, words) ||
			r.yes("searchDescriptions") && (contains(p.ShortDescription, words) || contains(p.FullDescription, words))
	})
	order, _ := enums["ProductSortingEnum"].read(r.text("orderByType"))
	slices.SortStableFunc(found, func(a, b *Product) int {
		switch order {
		case 5:
			return strings.Compare(text(a.Name), text(b.Name))
		case 6:
			return strings.Compare(text(b.Name), text(a.Name))
		case 10:
			return cmp.Compare(a.Price, b.Price)
		case 11:
			return cmp.Compare(b.Price, a.Price)
		case 15:
			return b.CreatedOnUTC.Compare(a.CreatedOnUTC.Time)
		}
		return cmp.Compare(a.DisplayOrder, b.DisplayOrder)
	})
	return paged(r, found)
}

func (s *Shop) serveLowStock(r *request) (any, *failure) {
	return paged(r, s.products.all(func(p *Product) bool {
		return !p.Deleted && p.ManageInventoryMethodID == stockByProduct && p.MinStockQuantity >= s.stock(p, true, 0) && s.offered(p, r)
	}))
}

// offered applies the filters that both lists of low stock have.
func (s *Shop) offered(p *Product, r *request) bool {
	return (!r.has("loadPublishedOnly") || p.Published == r.yes("loadPublishedOnly")) && (r.number("vendorId") == 0 || p.VendorID == r.number("vendorId"))
}

func (s *Shop) serveLowCombinations(r *request) (any, *failure) {
	return paged(r, s.combinations.all(func(c *Combination) bool {
		p := s.products.get(c.ProductID)
		return p != nil && !p.Deleted && p.ManageInventoryMethodID == stockByAttributes && c.StockQuantity <= 0 && s.offered(p, r)
	}))
}

// stock is what a product has: in all warehouses or in one.
func (s *Shop) stock(p *Product, withoutReserved bool, warehouse int) (n int) {
	if p.ManageInventoryMethodID != stockByProduct {
		return 0
	}
	if !p.UseMultipleWarehouses {
		return p.StockQuantity
	}
	for _, i := range s.inventories.of[p.ID] {
		if warehouse != 0 && i.WarehouseID != warehouse {
			continue
		}
		n += i.StockQuantity
		if withoutReserved {
			n -= i.ReservedQuantity
		}
	}
	return n
}

func (s *Shop) serveTotalStock(r *request) (any, *failure) {
	p, f := find(&s.products, r.id)
	if f != nil {
		return nil, f
	}
	return s.stock(p, !r.has("useReservedQuantity") || r.yes("useReservedQuantity"), r.number("warehouseId")), nil
}

// serveAdjust changes stock by a number; its body is a JSON text of attributes. 4.60
// loses the message.
func (s *Shop) serveAdjust(r *request) (any, *failure) {
	p, f := find(&s.products, r.id)
	if f != nil {
		return nil, f
	}
	var attributes string
	if json.Unmarshal(r.body, &attributes) != nil {
		return nil, problem("One or more validation errors occurred.")
	}
	message := r.text("message")
	if s.version == 460 {
		message = ""
	}
	s.adjust(p, r.number("quantityToChange"), attributes, message)
	return nil, nil
}

func (s *Shop) serveBookReserved(r *request) (any, *failure) {
	p, f := find(&s.products, r.id)
	if f != nil {
		return nil, f
	}
	if r.number("quantity") >= 0 {
		return nil, refused("Value must be negative.")
	}
	s.book(p.ID, r.last, r.number("quantity"), r.text("message"))
	return nil, nil
}

func (s *Shop) serveStockEntry(r *request) (any, *failure) {
	p, f := find(&s.products, r.id)
	if f != nil {
		return nil, f
	}
	s.stockLine(p.ID, r.number("quantityAdjustment"), r.number("stockQuantity"), r.number("warehouseId"), r.text("message"), r.number("combinationId"))
	return nil, nil
}

func (s *Shop) serveStockHistory(r *request) (any, *failure) {
	if _, f := find(&s.products, r.id); f != nil {
		return nil, f
	}
	is := func(name string, has *int) bool { return r.number(name) == 0 || has != nil && *has == r.number(name) }
	var found []*StockChange
	for _, c := range slices.Backward(s.stockChanges.of[r.id]) {
		if is("warehouseId", c.WarehouseID) && is("combinationId", c.CombinationID) {
			found = append(found, c)
		}
	}
	return paged(r, found)
}

func (s *Shop) serveCombinationBySKU(r *request) (any, *failure) {
	c := s.combinationBySKU(r.text("sku"))
	if c == nil {
		return nil, notFound("ProductAttributeCombination SKU=%s not found", r.text("sku"))
	}
	return c, nil
}

func (s *Shop) combinationBySKU(sku string) *Combination {
	return s.combinations.first(func(c *Combination) bool { return strings.EqualFold(text(c.SKU), strings.TrimSpace(sku)) })
}

func (s *Shop) serveCombinations(r *request) (any, *failure) {
	if _, f := find(&s.products, r.id); f != nil {
		return nil, f
	}
	return append([]*Combination{}, s.combinations.of[r.id]...), nil
}

func (s *Shop) serveInventories(r *request) (any, *failure) {
	return append([]*Inventory{}, s.inventories.of[r.id]...), nil
}
