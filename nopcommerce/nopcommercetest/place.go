package nopcommercetest

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
)

// NewOrder says what a buyer orders. Amounts are decimal texts in the primary store
// currency.
type NewOrder struct {
	Store    int    // defaults to the first
	Customer int    // id of an account; 0 is a guest, who has no e-mail
	Email    string // of the addresses; defaults to guest@example.com, and "-" is none
	Number   string // defaults to the id

	Billing  NewAddress  // defaults to an address in Austin
	Shipping *NewAddress // defaults to Billing; nobody asks for it where nothing is shipped
	Items    []NewItem

	// TaxPercent is the rate on goods, shipping and fee. Defaults to 0.
	TaxPercent string
	// PricesIncludeTax says that item prices, ShippingPrice and PaymentFee are gross.
	PricesIncludeTax bool

	ShippingMethod string // defaults to "Ground"
	ShippingPrice  string // defaults to 0
	PaymentFee     string // defaults to 0
	Discount       string // on the whole order, before tax, which it does not lower; defaults to 0
	GiftCard       string // lowers the total; defaults to 0
	RewardPoints   string // lower the total, in money; default to 0
	PickupInStore  bool

	// PaymentMethod defaults to "Payments.CheckMoneyOrder". With one of
	// Config.StripePlugins the order waits to be charged.
	PaymentMethod string

	// Currency is what the buyer saw; defaults to the primary store currency.
	Currency string

	// CreatedAt is the order's date where its request began before now, as in a long
	// transaction, or where an import dated it. Defaults to the shop's clock.
	CreatedAt time.Time
}

// NewItem is one thing ordered.
type NewItem struct {
	SKU   string // of a product or a combination; an unknown one makes a product
	Qty   int    // defaults to 1
	Price string // of one; defaults to the catalogue's
	// Discount is what Price was lowered by, for the whole row, before tax.
	Discount string
	Virtual  bool // of a product that SKU makes
}

// attributesXML is how a choice is written on rows and combinations.
func attributesXML(product, choice int) string {
	return fmt.Sprintf(`<Attributes><ProductAttribute ID="%d"><ProductAttributeValue><Value>%d</Value></ProductAttributeValue></ProductAttribute></Attributes>`, product, choice)
}

// Place places an order and returns its id. An error is of kind invalid and names the
// field.
func (s *Shop) Place(n NewOrder) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.place(n)
	if err != nil {
		return 0, err
	}
	return o.ID, nil
}

// Repeat makes n more orders as one is now, each by every older than the last, so that a shop
// of many years is there in a moment and in little memory: they have its lines, and share its
// customer and its addresses. No log, note, effect or movement of stock tells of them.
func (s *Shop) Repeat(order, n int, every time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	like := s.orders.get(order)
	if like == nil || n < 0 {
		return invalid("repeat order", "no order %d, or %d of it", order, n)
	}
	at := like.CreatedOnUTC.Add(-time.Duration(n) * every)
	for range n {
		o := *like
		o.CreatedOnUTC, o.OrderGUID = Date{at}, fmt.Sprintf("00000000-0000-4000-a000-%012d", s.orders.last+1)
		made := s.orders.insert(o)
		made.CustomOrderNumber = new(strconv.Itoa(made.ID))
		for _, i := range s.items.of[order] {
			row := *i
			row.OrderID = made.ID
			s.items.insert(row)
		}
		at = at.Add(every)
	}
	return nil
}

// order amounts as they are read from a NewOrder.
type sums struct {
	percent                              Amount
	shipping, fee, discount, gift, point Amount
}

func (n NewOrder) sums() (s sums, err error) {
	for _, v := range []struct {
		name, text string
		into       *Amount
	}{{"TaxPercent", n.TaxPercent, &s.percent}, {"ShippingPrice", n.ShippingPrice, &s.shipping}, {"PaymentFee", n.PaymentFee, &s.fee},
		{"Discount", n.Discount, &s.discount}, {"GiftCard", n.GiftCard, &s.gift}, {"RewardPoints", n.RewardPoints, &s.point}} {
		if *v.into, err = ParseAmount(cmp.Or(v.text, "0")); err != nil || *v.into < 0 {
			return s, invalid("place order", "NewOrder.%s %q is no amount", v.name, v.text)
		}
	}
	return s, nil
}

// taxed splits a price into what it is without and with tax, of which the shop rounds
// neither (TaxService.CalculatePrice since 4.40).
func (n NewOrder) taxed(price *big.Rat, percent Amount) (excl, incl *big.Rat) {
	factor := new(big.Rat).Add(big.NewRat(1, 1), new(big.Rat).Quo(percent.rat(), big.NewRat(100, 1)))
	if n.PricesIncludeTax {
		return new(big.Rat).Quo(price, factor), price
	}
	return price, new(big.Rat).Mul(price, factor)
}

// stored splits a price into the two amounts of a row.
func (n NewOrder) stored(price *big.Rat, percent Amount) (excl, incl Amount) {
	e, i := n.taxed(price, percent)
	return places(e), places(i)
}

func (s *Shop) place(n NewOrder) (*Order, error) {
	in, err := n.sums()
	if err != nil {
		return nil, err
	}
	if len(n.Items) == 0 {
		return nil, invalid("place order", "NewOrder.Items is empty")
	}
	store := s.stores.get(cmp.Or(n.Store, s.stores.rows[0].ID))
	currency := s.currency(cmp.Or(n.Currency, text(s.primary().CurrencyCode)))
	if store == nil || currency == nil {
		return nil, invalid("place order", "NewOrder.Store %d or NewOrder.Currency %q is none of the shop", n.Store, n.Currency)
	}
	rows, shipped, err := s.rows(n, in.percent)
	if err != nil {
		return nil, err
	}
	buyer := s.customers.get(n.Customer)
	if n.Customer != 0 && buyer == nil {
		return nil, invalid("place order", "NewOrder.Customer %d is no account", n.Customer)
	}
	billing, shipping, err := s.addressesOf(n, buyer, shipped)
	if err != nil {
		return nil, err
	}
	if buyer == nil {
		buyer = s.guest()
	}

	o := Order{OrderGUID: s.guid(), StoreID: store.ID, CustomerID: buyer.ID, BillingAddressID: billing.ID, OrderStatusID: OrderPending, PaymentStatusID: PaymentPending,
		ShippingStatusID: ShippingNotRequired, PaymentMethodSystemName: new(cmp.Or(n.PaymentMethod, "Payments.CheckMoneyOrder")), CustomerCurrencyCode: currency.CurrencyCode,
		CurrencyRate: Rate(round(new(big.Rat).Quo(currency.Rate.rat(), s.primary().Rate.rat()), ratePlaces)), CustomerTaxDisplayTypeID: 10, CustomerLanguageID: 1,
		CustomerIP: new("127.0.0.1"), CheckoutAttributeDescription: new(""), CreatedOnUTC: s.now()}
	if !n.CreatedAt.IsZero() {
		o.CreatedOnUTC = Date{n.CreatedAt.UTC().Truncate(time.Microsecond)}
	}
	if shipped {
		o.ShippingStatusID = NotYetShipped
		o.ShippingMethod, o.ShippingRateComputationMethodSystemName = new(cmp.Or(n.ShippingMethod, "Ground")), new("Shipping.FixedByWeightByTotal")
		if o.PickupInStore = n.PickupInStore; n.PickupInStore {
			o.PickupAddressID = &shipping.ID
			o.ShippingMethod, o.ShippingRateComputationMethodSystemName = new("Pickup at Store"), new("Pickup.PickupInStore")
		} else {
			o.ShippingAddressID = &shipping.ID
		}
	}
	n.total(&o, rows, in)
	if o.OrderTotal < 0 {
		return nil, invalid("place order", "NewOrder.Discount, GiftCard and RewardPoints exceed the order")
	}
	if o.OrderTotal == 0 {
		o.PaymentStatusID, o.PaidDateUTC = PaymentPaid, new(o.CreatedOnUTC)
	}
	placed := s.orders.insert(o)
	placed.CustomOrderNumber = new(cmp.Or(n.Number, strconv.Itoa(placed.ID)))
	s.fill(placed, rows)
	s.activity(buyer.ID, "PublicStore.PlaceOrder", placed.ID, "Placed a new order (ID = %d)")
	s.note(placed, "Order placed")
	s.checkStatus(placed, nil)
	return placed, nil
}

// fill writes the rows of a new order, takes their goods and starts subscriptions.
func (s *Shop) fill(o *Order, rows []OrderItem) {
	for _, row := range rows {
		row.OrderID = o.ID
		i := s.items.insert(row)
		p := s.products.get(i.ProductID)
		s.adjust(p, -i.Quantity, text(i.AttributesXML), fmt.Sprintf("The stock quantity has been reduced by placing the order #%d", o.ID))
		if p.IsRecurring {
			s.recurring.insert(RecurringPayment{CycleLength: p.RecurringCycleLength, CyclePeriodID: p.RecurringCyclePeriodID, TotalCycles: p.RecurringTotalCycles,
				StartDateUTC: o.CreatedOnUTC, IsActive: true, InitialOrderID: o.ID, CreatedOnUTC: o.CreatedOnUTC})
		}
	}
}

// rows makes the rows of an order; shipped says whether anything has to be sent.
func (s *Shop) rows(n NewOrder, percent Amount) (rows []OrderItem, shipped bool, err error) {
	for i, item := range n.Items {
		if item.SKU == "" || item.Qty < 0 {
			return nil, false, invalid("place order", "NewOrder.Items[%d] has no SKU or a negative quantity", i)
		}
		qty := cmp.Or(item.Qty, 1)
		c := s.combinationBySKU(item.SKU)
		p := s.productBySKU(item.SKU)
		if c != nil {
			p = s.products.get(c.ProductID)
		}
		if p == nil {
			if p, err = s.addProduct(NewProduct{SKU: item.SKU, Price: item.Price, Virtual: item.Virtual}); err != nil {
				return nil, false, err
			}
		}
		price := p.Price
		if c != nil && c.OverriddenPrice != nil {
			price = *c.OverriddenPrice
		}
		if item.Price != "" {
			if price, err = ParseAmount(item.Price); err != nil || price < 0 {
				return nil, false, invalid("place order", "NewOrder.Items[%d].Price %q is no price", i, item.Price)
			}
		}
		off, err := ParseAmount(cmp.Or(item.Discount, "0"))
		if err != nil || off < 0 {
			return nil, false, invalid("place order", "NewOrder.Items[%d].Discount %q is no amount", i, item.Discount)
		}
		unit := cents(price.rat()).rat() // what is multiplied is rounded
		whole := new(big.Rat).Mul(unit, big.NewRat(int64(qty), 1))
		net := n
		net.PricesIncludeTax = false
		weight := p.Weight
		row := OrderItem{OrderItemGUID: s.guid(), ProductID: p.ID, Quantity: qty, OriginalProductCost: p.ProductCost, AttributeDescription: new(""), ItemWeight: &weight}
		row.UnitPriceExclTax, row.UnitPriceInclTax = n.stored(unit, percent)
		row.PriceExclTax, row.PriceInclTax = n.stored(whole, percent)
		row.DiscountAmountExclTax, row.DiscountAmountInclTax = net.stored(off.rat(), percent)
		if c != nil {
			row.AttributesXML, row.AttributeDescription = c.AttributesXML, new(s.choices[text(c.AttributesXML)])
		}
		rows, shipped = append(rows, row), shipped || p.IsShipEnabled
	}
	return rows, shipped, nil
}

// addressesOf makes the order's own copies of its addresses.
func (s *Shop) addressesOf(n NewOrder, buyer *Customer, shipped bool) (billing, shipping *Address, err error) {
	b := n.Billing
	if b == (NewAddress{}) {
		b = NewAddress{FirstName: "Guest", LastName: "Buyer", Address1: "1 High St", City: "Austin", PostalCode: "78701", State: "TX", Country: "US", Phone: "5125550100"}
	}
	email := n.Email
	if email == "" && buyer != nil {
		email = text(buyer.Email)
	}
	if email = cmp.Or(email, "guest@example.com"); email == "-" {
		email = ""
	}
	to := b
	if n.Shipping != nil {
		to = *n.Shipping
	}
	b.Email, to.Email = cmp.Or(b.Email, email), cmp.Or(to.Email, email)
	if billing, err = s.address("place order", b); err != nil || !shipped {
		return billing, nil, err
	}
	shipping, err = s.address("place order", to)
	return billing, shipping, err
}

// total adds an order up: subtotal, shipping and tax are rounded each by itself, the rows and
// the tax at a rate are not (OrderTotalCalculationService since 4.40, with
// RoundPricesDuringCalculation as installed).
func (n NewOrder) total(o *Order, rows []OrderItem, in sums) {
	subExcl, subIncl := new(big.Rat), new(big.Rat)
	for _, i := range rows {
		unit := i.UnitPriceExclTax
		if n.PricesIncludeTax {
			unit = i.UnitPriceInclTax
		}
		excl, incl := n.taxed(new(big.Rat).Mul(unit.rat(), big.NewRat(int64(i.Quantity), 1)), in.percent)
		subExcl.Add(subExcl, excl)
		subIncl.Add(subIncl, incl)
	}
	tax := new(big.Rat).Sub(subIncl, subExcl)
	o.OrderSubtotalExclTax, o.OrderSubtotalInclTax = cents(subExcl), cents(subIncl)
	excl, incl := n.taxed(in.shipping.rat(), in.percent)
	o.OrderShippingExclTax, o.OrderShippingInclTax = cents(excl), cents(incl)
	tax.Add(tax, (o.OrderShippingInclTax - o.OrderShippingExclTax).rat())
	excl, incl = n.taxed(in.fee.rat(), in.percent)
	o.PaymentMethodAdditionalFeeExclTax, o.PaymentMethodAdditionalFeeInclTax = cents(excl), cents(incl)
	tax.Add(tax, (o.PaymentMethodAdditionalFeeInclTax - o.PaymentMethodAdditionalFeeExclTax).rat())
	o.OrderDiscount, o.OrderTax = in.discount, cents(tax)
	o.TaxRates = new(in.percent.short() + ":" + trimmed(tax.FloatString(24)) + ";   ")
	o.OrderTotal = o.OrderSubtotalExclTax + o.OrderShippingExclTax + o.PaymentMethodAdditionalFeeExclTax + o.OrderTax - in.discount - in.gift - in.point
}

// The kinds of activities, by their keywords.
var activityTypes = []string{"PublicStore.PlaceOrder", "EditOrder", "DeleteOrder"}

func (s *Shop) activity(customer int, keyword string, entity int, format string) {
	s.activities.insert(Activity{ActivityLogTypeID: slices.Index(activityTypes, keyword) + 1, EntityID: &entity, EntityName: new("Order"), CustomerID: customer,
		Comment: new(strings.Replace(format, "%d", strconv.Itoa(entity), 1)), CreatedOnUTC: s.now(), IPAddress: new("127.0.0.1")})
}
