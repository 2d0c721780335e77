package totals_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/commercesync/commerce/magento/magentotest"
)

// stores are views with two, no and three decimals, some of which show another
// currency than the website's.
func stores() []magentotest.Store {
	view := func(id int64, code string, website int64, base, currency, rate string) magentotest.Store {
		return magentotest.Store{ID: id, Code: code, Name: code, WebsiteID: website, Website: strconv.FormatInt(website, 10),
			WebsiteName: "Website " + strconv.FormatInt(website, 10), GroupName: "Group", BaseCurrency: base, Currency: currency, Rate: rate}
	}
	return []magentotest.Store{
		view(1, "us", 1, "USD", "USD", ""),
		view(2, "de", 2, "EUR", "EUR", ""),
		view(3, "nl", 2, "EUR", "EUR", ""),
		view(4, "us_eur", 1, "USD", "EUR", "0.9173"),
		view(5, "us_jpy", 1, "USD", "JPY", "149.53"),
		view(6, "uk", 2, "EUR", "GBP", "0.8437"),
		view(7, "se", 3, "SEK", "SEK", ""),
		view(8, "kw", 1, "USD", "KWD", "0.3071"),
	}
}

// goods are stocked at the ERP; the course is a service.
var goods = []string{"SKU-RED", "SKU-BLUE", "SKU-POT", "24-MB01", "24-MB02", "24-UG06", "24-WG080"}

var addresses = []magentotest.Address{
	{Street: []string{"Lange Straße 7"}, City: "Hamburg", Postcode: "20095", Country: "DE", Telephone: "040 123456"},
	{Street: []string{"1 rue du Port"}, City: "Nantes", Postcode: "44000", Country: "FR", Telephone: "+33 2 40 12 34 56"},
	{Street: []string{"1 High St"}, City: "Austin", Postcode: "78701", Region: "Texas", RegionCode: "TX", RegionID: 57, Country: "US", Telephone: "512-555-0100"},
	{Street: []string{"2 Mill Lane", "Flat 3"}, City: "York", Postcode: "YO1 7HH", Country: "GB", Telephone: "01904 123456"},
	{Street: []string{"1-1 Chiyoda"}, City: "Tokyo", Postcode: "100-0001", Country: "JP", Telephone: "03-1234-5678"},
	{Street: []string{"Storgatan 1"}, City: "Uppsala", Postcode: "753 31", Country: "SE", Telephone: "018-12 34 56"},
}

// taxRates are rates that the ERP has; two of them may lie on one line.
var taxRates = []string{"5.5", "7", "8.25", "10", "19", "20", "25"}

// buyer chooses all that chance decides of an order.
type buyer struct {
	*rand.Rand
	o magentotest.NewOrder
	// rates are those of the country; none: nothing is taxed.
	rates [][]magentotest.Tax
}

// randomOrder is what the number-th buyer orders.
func randomOrder(seed uint64, number int) magentotest.NewOrder {
	b := &buyer{Rand: rand.New(rand.NewPCG(seed, uint64(number)))}
	views := stores()
	b.o = magentotest.NewOrder{Store: views[b.IntN(len(views))].Code, PricesIncludeTax: b.half(), TaxBeforeDiscount: b.one(4),
		TaxRounding: []magentotest.TaxRounding{magentotest.TaxPerTotal, magentotest.TaxPerRow, magentotest.TaxPerUnit}[b.IntN(3)], PaymentMethod: "stripe_payments"}
	b.people()
	b.chooseRates()
	for range 1 + b.IntN(5) {
		b.o.Items = append(b.o.Items, b.item())
	}
	b.o.ShippingPrice = []string{"0", "4.90", "5", "7.77", "0.01", "12.95"}[b.IntN(6)]
	if b.o.ShippingPrice != "0" && !b.one(5) {
		b.o.ShippingTax = b.tax()
	}
	if b.one(3) {
		b.o.Coupon, b.o.DiscountPercent, b.o.DiscountShipping = "SPRING", b.percent(), b.half()
	}
	switch b.IntN(10) {
	case 0:
		b.o.GiftCard = b.amount(100, 5000)
	case 1:
		b.o.StoreCredit = b.amount(1, 1000)
	case 2:
		b.o.GiftCard, b.o.Points = b.amount(100, 900), b.amount(1, 200)
	case 3:
		b.o.GiftCard = "1000000" // covers everything
	}
	return b.o
}

func (b *buyer) half() bool     { return b.IntN(2) == 0 }
func (b *buyer) one(n int) bool { return b.IntN(n) == 0 }

// amount is a decimal text between two numbers of cents.
func (b *buyer) amount(from, to int) string {
	cents := from + b.IntN(to-from)
	return fmt.Sprintf("%d.%02d", cents/100, cents%100)
}

func (b *buyer) percent() string {
	return []string{"5", "10", "12.5", "15", "33", "33.3333", "50", "100"}[b.IntN(8)]
}

// people chooses a guest, a registered buyer or a company.
func (b *buyer) people() {
	n := 1 + b.IntN(40)
	b.o.Billing = addresses[b.IntN(len(addresses))]
	b.o.Customer = magentotest.Customer{Email: fmt.Sprintf("buyer%d@example.com", n), FirstName: "Robin", LastName: "Buyer" + strconv.Itoa(n)}
	if b.half() {
		b.o.Customer.ID, b.o.Customer.Group = int64(n), 1
	}
	if b.one(6) {
		b.o.Billing.Company, b.o.Billing.VATID = "Synthetic Tea Ltd", "DE123456789"
		b.o.Customer.TaxVAT = "DE123456789"
	}
	if b.one(4) {
		to := addresses[b.IntN(len(addresses))]
		b.o.Shipping = &to
	}
}

// chooseRates gives the country of the order one to three sets of rates.
func (b *buyer) chooseRates() {
	if b.one(8) {
		return
	}
	code := func(rate string) magentotest.Tax { return magentotest.Tax{Code: "VAT " + rate, Percent: rate} }
	for range 1 + b.IntN(3) {
		i := b.IntN(len(taxRates))
		set := []magentotest.Tax{code(taxRates[i])}
		if b.one(6) { // a state and a town, each with a rate of its own
			set = append(set, code(taxRates[(i+1)%len(taxRates)]))
		}
		b.rates = append(b.rates, set)
	}
}

// tax is one of the country's sets of rates, or none.
func (b *buyer) tax() []magentotest.Tax {
	if len(b.rates) == 0 || b.one(10) {
		return nil
	}
	return b.rates[b.IntN(len(b.rates))]
}

// price is what one costs: a few cents, something usual, or much.
func (b *buyer) price() string {
	switch b.IntN(5) {
	case 0:
		return b.amount(1, 8)
	case 1:
		return b.amount(10_000, 250_000)
	}
	return b.amount(99, 9_999)
}

func (b *buyer) quantity() string {
	if b.one(4) {
		return strconv.Itoa(1 + b.IntN(50))
	}
	return strconv.Itoa(1 + b.IntN(4))
}

func (b *buyer) sku() string { return goods[b.IntN(len(goods))] }

func (b *buyer) item() magentotest.NewItem {
	i := magentotest.NewItem{SKU: b.sku(), Qty: b.quantity(), Price: b.price(), Taxes: b.tax()}
	switch b.IntN(8) {
	case 0:
		i.SKU, i.Type = "SKU-COURSE", "virtual"
	case 1:
		i.Type, i.Children = "configurable", []magentotest.NewItem{{SKU: i.SKU}}
	case 2: // its price is the sum of the parts
		i.Type, i.ShipSeparately = "bundle", b.half()
		i.Children = b.parts()
		for k := range i.Children {
			i.Children[k].Price, i.Children[k].Taxes = b.price(), i.Taxes
		}
	case 3:
		i.Type, i.FixedPrice, i.Children = "bundle", true, b.parts()
	}
	return i
}

func (b *buyer) parts() []magentotest.NewItem {
	parts := make([]magentotest.NewItem, 1+b.IntN(3))
	for k := range parts {
		parts[k] = magentotest.NewItem{SKU: b.sku(), Qty: strconv.Itoa(1 + b.IntN(3))}
	}
	return parts
}
