package erp

import "cmp"

// Products are the SKUs of the products that stand on lines which are no goods. Each
// must be one at the ERP that is not stocked: a service.
type Products struct {
	Shipping string // defaults to "SHIPPING"
	Discount string // defaults to "DISCOUNT"
	Fee      string // defaults to "FEE"
	Rounding string // defaults to "ROUNDING"
}

// WithDefaults names what is not named.
func (p Products) WithDefaults() Products {
	return Products{Shipping: cmp.Or(p.Shipping, "SHIPPING"), Discount: cmp.Or(p.Discount, "DISCOUNT"),
		Fee: cmp.Or(p.Fee, "FEE"), Rounding: cmp.Or(p.Rounding, "ROUNDING")}
}

// Kind is what a line with this product is for: goods, where it is none of these.
func (p Products) Kind(sku string) LineKind {
	switch sku {
	case p.Shipping:
		return Shipping
	case p.Discount:
		return Discount
	case p.Fee:
		return Fee
	case p.Rounding:
		return Rounding
	}
	return Goods
}

// SKU is the product of a line: its own where it names one.
func (p Products) SKU(l OrderLine) string {
	if l.SKU != "" {
		return l.SKU
	}
	switch l.Kind {
	case Shipping:
		return p.Shipping
	case Discount:
		return p.Discount
	case Fee:
		return p.Fee
	}
	return p.Rounding
}
