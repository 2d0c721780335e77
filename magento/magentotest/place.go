package magentotest

import (
	"math/big"
	"slices"
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
	// Type is simple by default; virtual; configurable with one child; bundle with
	// several.
	Type  string
	Qty   string // defaults to 1; of a child: in one parent
	Price string // of one; ignored for what carries no money
	Taxes []Tax
	// Children of a configurable product carry no money. Those of a bundle do, unless
	// FixedPrice is set.
	Children []NewItem
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
	s.orders = append(s.orders, o)
	return o.id, nil
}

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
		o.plain["coupon_code"], o.plain["discount_description"], o.plain["applied_rule_ids"] = n.Coupon, n.Coupon, "1"
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
			plain:   obj{"sku": n.SKU, "name": or(n.Name, n.SKU), "product_id": s.productID(n.SKU), "quote_item_id": s.next("quote_item")}}
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

// side computes the amounts of an order in one currency, as Magento does it.
type side struct {
	incl, taxFirst bool
	rounding       TaxRounding
	discount       *big.Rat // share: 0.15
	carry          map[string]*big.Rat
}

// amounts are what a row comes to.
type amounts struct {
	row, rowIncl, tax, discount, compensation, price, priceIncl dec
}

func (c *side) rounded(key string, r *big.Rat) dec {
	sum, ok := c.carry[key]
	if !ok {
		sum = big.NewRat(1, 1_000_000) // so that a half is rounded up in spite of floats
	}
	sum = new(big.Rat).Add(sum, r)
	d := cents(sum)
	c.carry[key] = sum.Sub(sum, d.rat())
	return d
}

// line computes one row of a unit price, a quantity and a rate in percent.
func (c *side) line(unit, qty, percent dec, discounted bool, key string) amounts {
	var a amounts
	share := new(big.Rat).Quo(percent.rat(), big.NewRat(100, 1))
	inside := new(big.Rat).Quo(share, new(big.Rat).Add(big.NewRat(1, 1), share))
	listed := new(big.Rat).Mul(unit.rat(), qty.rat())
	full := cents(listed)
	if discounted {
		a.discount = c.rounded("discount", new(big.Rat).Mul(full.rat(), c.discount))
	}
	before := c.tax("before/"+key+percent.String(), full, qty, pick(c.incl, inside, share))
	if c.incl {
		a.rowIncl, a.row = full, full-before
	} else {
		a.row, a.rowIncl = full, full+before
	}
	if c.taxFirst {
		a.tax = before
	} else {
		a.tax = c.tax("after/"+key+percent.String(), full-a.discount, qty, pick(c.incl, inside, share))
		if c.incl {
			a.compensation = before - a.tax
		}
	}
	a.price, a.priceIncl = a.row.times(one, qty), a.rowIncl.times(one, qty)
	return a
}

// tax is a share of a row, rounded where the shop rounds.
func (c *side) tax(key string, row, qty dec, share *big.Rat) dec {
	whole := new(big.Rat).Mul(row.rat(), share)
	switch c.rounding {
	case TaxPerRow:
		return cents(whole)
	case TaxPerUnit:
		return cents(new(big.Rat).Mul(cents(whole.Quo(whole, qty.rat())).rat(), qty.rat()))
	}
	return c.rounded(key, whole)
}

func pick(b bool, yes, no *big.Rat) *big.Rat {
	if b {
		return yes
	}
	return no
}

// compute fills in the amounts of an order and its rows, in both currencies: the unit
// price is converted and rounded, and only then multiplied (REC 421).
func compute(o *order, n NewOrder, rate dec) error {
	percent, err := parseDec(or(n.DiscountPercent, "0"))
	if err != nil {
		return placeError("NewOrder.DiscountPercent: %w", err)
	}
	share := new(big.Rat).Quo(percent.rat(), big.NewRat(100, 1))
	sides := [2]*side{}
	for k := range sides {
		sides[k] = &side{incl: n.PricesIncludeTax, taxFirst: n.TaxBeforeDiscount, rounding: n.TaxRounding, discount: share, carry: map[string]*big.Rat{}}
	}
	both := func(price string, qty dec, taxes []Tax, discounted bool, key string) (map[string]pair, dec, error) {
		base, err := parseDec(or(price, "0"))
		if err != nil {
			return nil, 0, err
		}
		var sum dec
		for _, t := range taxes {
			p, err := parseDec(t.Percent)
			if err != nil {
				return nil, 0, err
			}
			sum += p
		}
		b := sides[0].line(base, qty, sum, discounted, key)
		f := sides[1].line(base.times(rate, one), qty, sum, discounted, key)
		return map[string]pair{
			"price": {b.price, f.price}, "price_incl_tax": {b.priceIncl, f.priceIncl}, "original_price": {base, dec(round(new(big.Rat).Mul(base.rat(), rate.rat()), 4).Int64())},
			"row_total": {b.row, f.row}, "row_total_incl_tax": {b.rowIncl, f.rowIncl}, "tax_amount": {b.tax, f.tax},
			"discount_amount": {b.discount, f.discount}, "discount_tax_compensation_amount": {b.compensation, f.compensation},
		}, sum, nil
	}
	taxes := &taxTable{}
	specs := flatten(n.Items)
	for at, i := range o.items {
		spec := specs[at]
		i.sums = sums{"row_invoiced": {}, "tax_invoiced": {}, "discount_invoiced": {}, "amount_refunded": {}}
		if !i.priced() {
			for _, name := range []string{"price", "original_price", "row_total", "tax_amount", "discount_amount"} {
				i.sums[name] = pair{}
			}
			if i.parent != nil {
				i.percent = new(dec)
			}
			continue
		}
		got, sum, err := both(spec.Price, i.ordered, spec.Taxes, percent > 0, "")
		if err != nil {
			return placeError("NewItem %q: %w", spec.SKU, err)
		}
		for name, p := range got {
			i.sums[name] = p
		}
		if spec.OriginalPrice != "" {
			original, err := parseDec(spec.OriginalPrice)
			if err != nil {
				return placeError("NewItem.OriginalPrice of %q: %w", spec.SKU, err)
			}
			i.sums["original_price"] = pair{original, dec(round(new(big.Rat).Mul(original.rat(), rate.rat()), 4).Int64())}
		}
		i.percent = &sum
		i.plain["discount_percent"] = percent
		if n.Coupon != "" {
			i.plain["applied_rule_ids"] = "1"
		}
		taxes.add(i.id, spec.Taxes, sum, i.sums["tax_amount"])
	}
	// A bundle of dynamic price repeats the sum of its children.
	for _, i := range o.items {
		if len(i.children) == 0 || i.priced() {
			continue
		}
		for _, name := range []string{"row_total", "row_total_incl_tax", "tax_amount"} {
			i.sums[name] = pair{}
			for _, c := range i.children {
				i.sums.add(name, c.sums[name])
			}
		}
		i.sums["original_price"] = pair{}
		for _, c := range i.children {
			i.sums.add("original_price", c.sums["original_price"].part(c.ordered, i.ordered))
		}
		for name, row := range map[string]string{"price": "row_total", "price_incl_tax": "row_total_incl_tax"} {
			i.sums[name] = i.sums[row].part(one, i.ordered)
		}
	}
	for _, name := range []string{"subtotal", "subtotal_incl_tax", "discount_amount", "tax_amount", "discount_tax_compensation_amount",
		"shipping_amount", "shipping_incl_tax", "shipping_tax_amount", "shipping_discount_amount", "shipping_discount_tax_compensation_amount"} {
		o.sums[name] = pair{}
	}
	for _, i := range o.items {
		if i.priced() {
			o.sums.add("subtotal", i.sums["row_total"])
			o.sums.add("subtotal_incl_tax", i.sums["row_total_incl_tax"])
			o.sums.add("discount_amount", i.sums["discount_amount"].neg())
			o.sums.add("tax_amount", i.sums["tax_amount"])
			o.sums.add("discount_tax_compensation_amount", i.sums["discount_tax_compensation_amount"])
		}
	}
	if !o.virtual {
		got, sum, err := both(n.ShippingPrice, one, n.ShippingTax, percent > 0 && n.DiscountShipping, "")
		if err != nil {
			return placeError("NewOrder.ShippingPrice or ShippingTax: %w", err)
		}
		o.sums["shipping_amount"], o.sums["shipping_incl_tax"] = got["row_total"], got["row_total_incl_tax"]
		o.sums["shipping_tax_amount"], o.sums["shipping_discount_amount"] = got["tax_amount"], got["discount_amount"]
		o.sums["shipping_discount_tax_compensation_amount"] = got["discount_tax_compensation_amount"]
		o.sums.add("tax_amount", got["tax_amount"])
		o.sums.add("discount_amount", got["discount_amount"].neg())
		taxes.add(0, n.ShippingTax, sum, got["tax_amount"])
	} else {
		taxes.add(0, n.ShippingTax, one, pair{})
	}
	o.sums["grand_total"] = grandTotal(o.sums)
	o.applied, o.byItem = taxes.render()
	if len(o.byItem) > 0 {
		o.extension["converting_from_quote"] = true
	}
	return payBy(o, n, rate)
}

// grandTotal adds up a document (it held for all 57 recorded ones).
func grandTotal(s sums) pair {
	var t pair
	for _, name := range []string{"subtotal", "discount_amount", "shipping_amount", "tax_amount",
		"discount_tax_compensation_amount", "shipping_discount_tax_compensation_amount"} {
		t = t.add(s[name])
	}
	return t
}

// payBy takes gift cards, store credit and points off the grand total, as Adobe
// Commerce does; the sums stand in the extension attributes.
func payBy(o *order, n NewOrder, rate dec) error {
	for _, m := range []struct{ name, text string }{{"gift_cards", n.GiftCard}, {"customer_balance", n.StoreCredit}, {"reward_currency", n.Points}} {
		if m.text == "" {
			continue
		}
		base, err := parseDec(m.text)
		if err != nil || base < 0 {
			return placeError("NewOrder: %q is no amount of %s", m.text, m.name)
		}
		total := o.sums["grand_total"]
		p := pair{min(base, total.base), min(base.times(rate, one), total.order)}
		if p.base == total.base {
			p.order = total.order
		}
		o.sums["grand_total"] = total.sub(p)
		o.covered = o.covered.add(p)
		o.extension[m.name+"_amount"], o.extension["base_"+m.name+"_amount"] = p.order, p.base
		switch m.name {
		case "gift_cards":
			o.extension["gift_cards"] = []any{obj{"id": 1, "code": "GC-" + strings.Repeat("0", 9), "amount": p.order, "base_amount": p.base}}
		case "reward_currency":
			o.extension["reward_points_balance"] = int64(p.base / one)
		}
	}
	return nil
}

// flatten lists items and their children in the order of the rows.
func flatten(items []NewItem) []NewItem {
	var out []NewItem
	for _, i := range items {
		out = append(append(out, i), flatten(i.Children)...)
	}
	return out
}

// taxTable collects what each rate came to.
type taxTable struct {
	codes  []string
	totals map[string]pair
	rates  map[string]dec
	rows   []taxedRow
}

// taxedRow is a row of an order, or its shipping, with its rates.
type taxedRow struct {
	codes []string
	shown obj
}

// add notes the tax of a row, split over its rates; the last one takes the rest. Item 0
// is the shipping.
func (t *taxTable) add(item int64, taxes []Tax, sum dec, amount pair) {
	if len(taxes) == 0 {
		return
	}
	if t.totals == nil {
		t.totals, t.rates = map[string]pair{}, map[string]dec{}
	}
	left := amount
	row := taxedRow{shown: obj{"type": "shipping"}}
	var applied []any
	for n, tax := range taxes {
		percent, _ := parseDec(tax.Percent)
		p := amount.part(percent, sum)
		if n == len(taxes)-1 {
			p = left
		}
		left = left.sub(p)
		if !slices.Contains(t.codes, tax.Code) {
			t.codes = append(t.codes, tax.Code)
		}
		t.totals[tax.Code] = t.totals[tax.Code].add(p)
		t.rates[tax.Code] = percent
		row.codes = append(row.codes, tax.Code)
		applied = append(applied, rendered(tax.Code, percent, p))
	}
	row.shown["applied_taxes"] = applied
	if item == 0 {
		t.rows = append([]taxedRow{row}, t.rows...)
		return
	}
	row.shown["type"], row.shown["item_id"] = "product", item
	t.rows = append(t.rows, row)
}

func rendered(code string, percent dec, p pair) obj {
	return obj{"code": code, "title": code, "percent": percent, "amount": p.order, "base_amount": p.base}
}

// render lists the rates that came to something, and the rows by their first one:
// shipping before goods (REC 481, 485).
func (t *taxTable) render() (applied, byItem []any) {
	seen := map[int]bool{}
	for _, code := range t.codes {
		if t.totals[code] == (pair{}) {
			continue
		}
		applied = append(applied, rendered(code, t.rates[code], t.totals[code]))
		for n, row := range t.rows {
			if !seen[n] && slices.Contains(row.codes, code) {
				seen[n] = true
				byItem = append(byItem, row.shown)
			}
		}
	}
	return applied, byItem
}
