package world

import (
	"fmt"
	"math/rand/v2"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento/magentotest"
)

// Story is how the payment of an order goes.
type Story string

// The stories, and how many of a hundred orders go that way.
const (
	Card         Story = "card"                // paid at once
	CardRetried  Story = "card, second try"    // declined, then paid
	Declined     Story = "declined"            // declined, and never paid
	Debit        Story = "bank debit"          // paid after days
	DebitFailed  Story = "bank debit, failed"  // fails after days
	DebitBounced Story = "bank debit, bounced" // paid after days, taken back later
	Captured     Story = "captured later"      // authorised, captured the next day
	Expired      Story = "never captured"      // authorised, let go the next day
	Twice        Story = "paid twice"          // two payments, both succeed
	Shared       Story = "one payment for two" // together with the order after it
	ByLink       Story = "paid by retry link"  // declined, told by mail, paid by its link
	Stray        Story = "of another shop"     // a payment that names no order here
)

var shares = []struct {
	story Story
	of100 int
}{
	{Card, 54}, {CardRetried, 8}, {Declined, 6}, {ByLink, 5}, {Debit, 8}, {DebitFailed, 3}, {DebitBounced, 2},
	{Captured, 4}, {Expired, 2}, {Twice, 3}, {Shared, 5},
}

// Sale is one order of the world and what becomes of it.
type Sale struct {
	ID     int64 // entity id at the shop
	Number string
	Store  string // id of the store view
	Story  Story
	Due    commerce.Money // to be collected by Stripe
	Total  commerce.Money // what the ERP must show
	Goods  bool           // something is to be shipped
	With   *Sale          // the other order of a shared payment; nil = none

	rests bool
}

// Pays reports whether the order's money arrives, be it for a time.
func (s *Sale) Pays() bool {
	switch s.Story {
	case Declined, DebitFailed, Expired:
		return false
	}
	return true
}

// Offer is what the world's ERP can take: the rest of the catalogue is left out.
type Offer struct {
	SKUs       []string
	Rates      []string // percent
	Currencies []commerce.Currency
}

func (o Offer) has(list []string, word string) bool {
	for _, w := range list {
		if w == word {
			return true
		}
	}
	return false
}

// market is one store view and how it sells.
type market struct {
	store     magentotest.Store
	incl      bool     // prices include tax
	rates     []string // the first is the usual one
	country   string
	address   magentotest.Address
	scale     int64 // minor units in one unit of price
	debits    bool
	shipping  string
	giftCards bool
}

func markets() []market {
	store := func(id int64, code, website, currency, prefix string) magentotest.Store {
		return magentotest.Store{ID: id, Code: code, Name: code, WebsiteID: id, Website: website, WebsiteName: website,
			GroupName: website, BaseCurrency: currency, Currency: currency, Prefix: prefix}
	}
	return []market{
		{store: store(1, "de", "europe", "EUR", ""), incl: true, rates: []string{"19", "7", "20"}, country: "DE", scale: 100, debits: true, shipping: "4.90", giftCards: true,
			address: magentotest.Address{Street: []string{"Lange Straße 7"}, City: "Hamburg", Postcode: "20095", Country: "DE", Telephone: "040 123456"}},
		{store: store(2, "us", "america", "USD", "2"), rates: []string{"8.25", "20"}, country: "US", scale: 100, debits: true, shipping: "7.50", giftCards: true,
			address: magentotest.Address{Street: []string{"1 High St", "Apt 4"}, City: "Austin", Postcode: "78701", Region: "Texas", RegionCode: "TX", RegionID: 57, Country: "US", Telephone: "512-555-0100"}},
		// The numbers of this view are the first one's: increment ids are unique per store only.
		{store: store(3, "uk", "britain", "GBP", ""), incl: true, rates: []string{"20"}, country: "GB", scale: 100, debits: true, shipping: "3.95",
			address: magentotest.Address{Street: []string{"12 Mill Lane"}, City: "Leeds", Postcode: "LS1 4DY", Country: "GB", Telephone: "0113 496 0000"}},
		{store: store(4, "jp", "japan", "JPY", "4"), rates: []string{"10"}, country: "JP", scale: 1, shipping: "800",
			address: magentotest.Address{Street: []string{"1-2-3 Marunouchi"}, City: "Tokyo", Postcode: "100-0005", Country: "JP", Telephone: "03-1234-5678"}},
	}
}

// goods are what is sold, with prices in cents.
var goods = []struct {
	sku   string
	price int64
}{{"SKU-RED", 1250}, {"SKU-BLUE", 1400}, {"SKU-POT", 2995}, {"24-UG06", 700}, {"24-MB01", 3400}, {"SKU-VAT", 3000}}

// SKUs are all that is sold.
func SKUs() []string {
	var out []string
	for _, g := range goods {
		out = append(out, g.sku)
	}
	return out
}

// draw invents the order of a customer.
func draw(r *rand.Rand, m market, offer Offer, n int) magentotest.NewOrder {
	rates := keep(m.rates, func(rate string) bool { return offer.has(offer.Rates, rate) })
	tax := func() []magentotest.Tax {
		if len(rates) == 0 {
			return nil
		}
		rate := rates[0]
		if r.IntN(4) == 0 {
			rate = rates[r.IntN(len(rates))]
		}
		return []magentotest.Tax{{Code: m.country + " " + rate, Percent: rate}}
	}
	price := func(cents int64) string {
		cents += int64(r.IntN(200))
		if m.scale == 1 {
			return fmt.Sprint(cents)
		}
		return fmt.Sprintf("%d.%02d", cents/100, cents%100)
	}
	shelf := goods[:0:0]
	for _, g := range goods {
		if offer.has(offer.SKUs, g.sku) {
			shelf = append(shelf, g)
		}
	}
	o := magentotest.NewOrder{
		Store: m.store.Code, Billing: m.address, PricesIncludeTax: m.incl, PaymentMethod: "stripe_payments",
		ShippingPrice: m.shipping, ShippingTax: tax(),
		Customer: magentotest.Customer{Email: fmt.Sprintf("buyer-%d@example.com", n), FirstName: "Robin", LastName: fmt.Sprintf("Buyer %d", n)},
	}
	if r.IntN(2) == 0 {
		o.Customer.ID = int64(1000 + r.IntN(200))
		o.Customer.Email = fmt.Sprintf("customer-%d@example.com", o.Customer.ID)
	}
	for range 1 + r.IntN(3) {
		g := shelf[r.IntN(len(shelf))]
		item := magentotest.NewItem{SKU: g.sku, Qty: fmt.Sprint(1 + r.IntN(4)), Price: price(g.price), Taxes: tax()}
		switch r.IntN(8) {
		case 0: // a size of a shirt: parent and child of one SKU
			item.Type = "configurable"
			item.Children = []magentotest.NewItem{{SKU: g.sku}}
		case 1: // a set: the money is on the parts
			a, b := shelf[r.IntN(len(shelf))], shelf[r.IntN(len(shelf))]
			item = magentotest.NewItem{SKU: "SET", Type: "bundle", Qty: fmt.Sprint(1 + r.IntN(2)), ShipSeparately: true, Children: []magentotest.NewItem{
				{SKU: a.sku, Qty: "2", Price: price(a.price), Taxes: item.Taxes}, {SKU: b.sku, Price: price(b.price), Taxes: item.Taxes}}}
		}
		o.Items = append(o.Items, item)
	}
	if r.IntN(4) == 0 {
		o.Coupon, o.DiscountPercent, o.DiscountShipping = "SPRING", fmt.Sprint(5*(1+r.IntN(4))), r.IntN(2) == 0
	}
	if m.giftCards && r.IntN(8) == 0 {
		o.GiftCard = "5.00"
	}
	return o
}

func keep(list []string, ok func(string) bool) []string {
	var out []string
	for _, s := range list {
		if ok(s) {
			out = append(out, s)
		}
	}
	return out
}

// story draws how a payment goes.
func story(r *rand.Rand, m market) Story {
	n := r.IntN(100)
	for _, s := range shares {
		if n -= s.of100; n < 0 {
			if !m.debits && (s.story == Debit || s.story == DebitFailed || s.story == DebitBounced) {
				return Card
			}
			return s.story
		}
	}
	return Card
}
