package magentotest

import (
	"slices"
	"strconv"
	"strings"

	"github.com/commercesync/commerce"
)

// NewOrder says what a buyer orders. Prices are decimal texts in the base currency of
// the store, as in the catalogue.
type NewOrder struct {
	Store    string // code; defaults to the first store
	Number   string // defaults to the next one of the store
	Customer Customer
	Billing  Address  // defaults to an address in Austin
	Shipping *Address // defaults to Billing; never used for an order of virtual goods
	Items    []NewItem

	// PricesIncludeTax says that item prices and the shipping price are gross.
	PricesIncludeTax bool
	// TaxBeforeDiscount computes tax on prices before discount.
	TaxBeforeDiscount bool
	// TaxRounding is where tax is rounded. Defaults to TaxPerTotal.
	TaxRounding TaxRounding

	ShippingMethod string // defaults to "flatrate_flatrate"
	ShippingTitle  string // defaults to "Flat Rate - Fixed"
	ShippingPrice  string // defaults to 0
	ShippingTax    []Tax

	Coupon           string // shown with the discount
	CouponRule       int64  // id of the coupon's rule, shown as applied_rule_ids; defaults to 1
	DiscountPercent  string // on all items; defaults to 0
	DiscountShipping bool   // the discount is on shipping as well

	PaymentMethod string // defaults to "checkmo"; "free" when nothing is due
	State, Status string // default to new and pending

	// Means of payment of Adobe Commerce, in base currency; they lower the grand total.
	GiftCard    string
	StoreCredit string
	Points      string
}

// TaxRounding is where a shop rounds tax: its setting tax/calculation/algorithm.
type TaxRounding string

const (
	// TaxPerTotal carries what rounding takes from one row to the next of the same rate.
	TaxPerTotal TaxRounding = ""
	// TaxPerRow rounds the tax of each row.
	TaxPerRow TaxRounding = "row"
	// TaxPerUnit rounds the tax of one unit, and multiplies (REC 464).
	TaxPerUnit TaxRounding = "unit"
)

// Customer is who buys. ID 0 is a guest.
type Customer struct {
	ID        int64
	Group     int64
	Email     string // defaults to guest@example.com
	FirstName string // defaults to Guest
	LastName  string // defaults to Buyer
	TaxVAT    string
}

// Address is an address of an order.
type Address struct {
	FirstName, LastName, Company string
	Street                       []string
	City, Postcode               string
	Region, RegionCode           string
	RegionID                     int64
	Country                      string // ISO 3166-1 alpha-2
	Telephone                    string
	VATID                        string
}

// Tax is one rate.
type Tax struct {
	Code    string // "DE 19"
	Percent string // "19"
}

// NewItem is one thing ordered.
type NewItem struct {
	SKU  string
	Name string // defaults to SKU
	// Product is the sku of the product in the catalogue, where the row has another: that
	// of a configurable product has its child's. Defaults to SKU.
	Product string
	// Type is simple by default; virtual; configurable with one child; bundle with
	// several.
	Type  string
	Qty   string // defaults to 1; of a child: in one parent
	Price string // of one; ignored for what carries no money
	Taxes []Tax
	// Children of a configurable product carry no money. Those of a bundle do, unless
	// FixedPrice is set.
	Children []NewItem
	// Options are the options of the catalogue that the buyer chose, shown as the
	// extension attributes of product_option:
	// {"configurable_item_options": [{"option_id": "137", "option_value": 4}]}.
	Options map[string]any
	// OriginalPrice is shown beside Price, as where there is a special price. Defaults to
	// Price.
	OriginalPrice string
	// Weight is that of one. Defaults to 1, to the child's of a configurable product, to
	// the children's of a bundle, and to none of a bundle of fixed price and of what is
	// virtual.
	Weight         string
	FixedPrice     bool
	ShipSeparately bool // a bundle's children are shipped by themselves
}

// Place places an order and returns its entity id. An error is of kind invalid and
// names the field.
func (s *Shop) Place(n NewOrder) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.place(n)
	if err != nil {
		return 0, err
	}
	s.add(o)
	return o.id, nil
}

func (n NewOrder) rule() string { return strconv.FormatInt(max(n.CouponRule, 1), 10) }

func placeError(format string, args ...any) error {
	return commerce.Errorf(commerce.KindInvalid, "magentotest", "place order", format, args...)
}

func (s *Shop) place(n NewOrder) (*order, error) {
	st := s.stores[0]
	if n.Store != "" {
		var ok bool
		if st, ok = s.store(n.Store); !ok {
			return nil, placeError("NewOrder.Store %q is no store", n.Store)
		}
	}
	if len(n.Items) == 0 {
		return nil, placeError("NewOrder.Items is empty")
	}
	if n.TaxRounding != TaxPerTotal && n.TaxRounding != TaxPerRow && n.TaxRounding != TaxPerUnit {
		return nil, placeError("NewOrder.TaxRounding %q is not row or unit", n.TaxRounding)
	}
	rate, err := parseDec(st.Rate)
	if err != nil {
		return nil, placeError("rate of store %s: %w", st.Code, err)
	}
	global, err := parseDec(or(st.GlobalRate, "1"))
	if err != nil {
		return nil, placeError("global rate of store %s: %w", st.Code, err)
	}
	now := s.now()
	o := &order{store: st, created: now, updated: now, state: "new", status: "pending", sums: sums{}, extension: obj{}, paid: sums{}, addressID: map[string]int64{}}
	if n.State != "" {
		o.state, o.status = n.State, n.Status
	}
	o.id = s.next("order")
	if o.number = n.Number; o.number == "" {
		o.number = s.nextNumber("order", st)
	}
	if err := s.placeItems(o, nil, n.Items, one); err != nil {
		return nil, err
	}
	o.virtual = !slices.ContainsFunc(o.items, func(i *item) bool { return i.parent == nil && !i.virtual })
	if err := compute(o, n, rate); err != nil {
		return nil, err
	}

	c := n.Customer
	email, first, last := or(c.Email, "guest@example.com"), or(c.FirstName, "Guest"), or(c.LastName, "Buyer")
	o.plain = obj{
		"order_currency_code": st.Currency, "base_to_order_rate": rate, "base_to_global_rate": global,
		"customer_email": email, "customer_firstname": first, "customer_lastname": last,
		"customer_group_id": c.Group, "customer_is_guest": digit(c.ID == 0), "customer_note_notify": 1,
		"protect_code": s.text(32), "quote_id": s.next("quote"), "remote_ip": "127.0.0.1",
	}
	if c.ID != 0 {
		o.plain["customer_id"] = c.ID
	}
	if c.TaxVAT != "" {
		o.plain["customer_taxvat"] = c.TaxVAT
	}
	if n.Coupon != "" {
		o.plain["coupon_code"], o.plain["discount_description"], o.plain["applied_rule_ids"] = n.Coupon, n.Coupon, n.rule()
	}
	if n.Billing.Country == "" {
		n.Billing = Address{Street: []string{"1 High St"}, City: "Austin", Postcode: "78701", Region: "Texas", RegionCode: "TX", RegionID: 57, Country: "US", Telephone: "5125550100"}
	}
	if !o.virtual {
		to := n.Billing
		if n.Shipping != nil {
			to = *n.Shipping
		}
		s.address(o, to, "shipping", email, first, last)
		o.method = or(n.ShippingMethod, "flatrate_flatrate")
		o.plain["shipping_description"] = or(n.ShippingTitle, "Flat Rate - Fixed")
	}
	s.address(o, n.Billing, "billing", email, first, last)
	o.weigh()
	s.addPayment(o, n.PaymentMethod)
	return o, nil
}

func (s *Shop) address(o *order, a Address, kind, email, first, last string) {
	id := s.next("address")
	out := obj{"entity_id": id, "parent_id": o.id, "address_type": kind, "email": email,
		"firstname": or(a.FirstName, first), "lastname": or(a.LastName, last), "street": a.Street, "city": a.City,
		"postcode": a.Postcode, "country_id": a.Country, "telephone": a.Telephone}
	for name, v := range map[string]string{"company": a.Company, "vat_id": a.VATID, "region": a.Region, "region_code": a.RegionCode} {
		if v != "" {
			out[name] = v
		}
	}
	if a.RegionID != 0 {
		out["region_id"] = a.RegionID
	}
	resolveRegion(out)
	o.addresses = append(o.addresses, out)
	o.addressID[kind+"_address_id"] = id
}

// weigh writes the weights of the rows and of the order. The children of a bundle that
// are shipped by themselves leave the weight of the last one on their parent.
func (o *order) weigh() {
	var all dec
	for _, i := range o.items {
		i.plain["row_weight"] = dec(0)
	}
	for _, i := range o.items {
		if !i.shippable() || i.weight == nil {
			continue
		}
		w := i.weight.scale(i.ordered, one)
		all += w
		if i.parent != nil {
			i.parent.plain["row_weight"] = w
		} else {
			i.plain["row_weight"] = w
		}
	}
	o.plain["weight"] = all
}

func (s *Shop) addPayment(o *order, method string) {
	title := map[string]string{"checkmo": "Check / Money order", "stripe_payments": "Pay by Card (Stripe)", "free": "No Payment Information Required"}
	if method == "" {
		method = "checkmo"
		if o.sums["grand_total"].base == 0 {
			method = "free"
		}
	}
	total, shipping := o.sums["grand_total"], o.sums["shipping_amount"]
	o.payment = obj{"entity_id": s.next("payment"), "parent_id": o.id, "method": method, "account_status": nil, "cc_last4": nil,
		"amount_ordered": total.order, "base_amount_ordered": total.base,
		"shipping_amount": shipping.order, "base_shipping_amount": shipping.base}
	o.info = []any{obj{"key": "method_title", "value": or(title[method], method)}}
	o.payment["additional_information"] = values(o.info)
}

// values are the values of payment_additional_info: the payment's own list has lost
// its keys.
func values(info []any) []any {
	out := make([]any, len(info))
	for i, kv := range info {
		if kv, ok := kv.(obj); ok {
			switch v := kv["value"].(type) {
			case bool: // as PHP writes it
				out[i] = map[bool]string{true: "1"}[v]
			default:
				out[i] = v
			}
		}
	}
	return out
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// placeItems adds rows without their amounts.
func (s *Shop) placeItems(o *order, parent *item, items []NewItem, times dec) error {
	for _, n := range items {
		qty, err := parseDec(or(n.Qty, "1"))
		if err != nil || qty <= 0 {
			return placeError("NewItem.Qty %q of %q is no quantity", n.Qty, n.SKU)
		}
		if n.SKU == "" {
			return placeError("NewItem.SKU is empty")
		}
		kind := or(n.Type, "simple")
		if (kind == "configurable" || kind == "bundle") != (len(n.Children) > 0) {
			return placeError("NewItem %q of type %q has %d children", n.SKU, kind, len(n.Children))
		}
		i := &item{id: s.next("item"), parent: parent, kind: kind, virtual: kind == "virtual",
			fixed: n.FixedPrice, separate: n.ShipSeparately, sums: sums{},
			ordered: qty.scale(times, one),
			plain:   obj{"sku": n.SKU, "name": or(n.Name, n.SKU), "product_id": s.productID(or(n.Product, n.SKU)), "quote_item_id": s.next("quote_item")}}
		if n.Options != nil {
			i.plain["product_option"] = obj{"extension_attributes": n.Options}
		}
		o.items = append(o.items, i)
		if parent != nil {
			parent.children = append(parent.children, i)
		}
		if err := s.placeItems(o, i, n.Children, i.ordered); err != nil {
			return err
		}
		if i.weight, err = weightOf(n, i); err != nil {
			return err
		}
	}
	return nil
}

// productID is the id of a sku's product, whether or not it is in the catalogue.
func (s *Shop) productID(sku string) int64 {
	if p := s.product(sku); p != nil {
		return p.id
	}
	key := strings.ToLower(sku)
	if s.skus[key] == 0 {
		s.skus[key] = s.next("product")
	}
	return s.skus[key]
}

// weightOf is the weight of one; nil for none.
func weightOf(n NewItem, i *item) (*dec, error) {
	var w dec
	switch {
	case i.virtual, n.Weight == "" && i.kind == "bundle" && i.fixed:
		return nil, nil
	case n.Weight != "":
		var err error
		if w, err = parseDec(n.Weight); err != nil {
			return nil, placeError("NewItem.Weight %q of %q is no weight", n.Weight, n.SKU)
		}
	case len(i.children) == 0:
		w = one
	}
	for _, c := range i.children {
		if c.weight != nil && n.Weight == "" {
			w += c.weight.scale(c.ordered, i.ordered)
		}
	}
	return &w, nil
}
