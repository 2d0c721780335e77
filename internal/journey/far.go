package journey

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/erp/tryton/trytontest"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// Secrets and names that the fakes know.
const (
	StripeKey     = "sk_test_journey"
	WebhookSecret = "whsec_journey"
	Account       = "acct_journey"
	ShopName      = "demo"
)

// Fakes are the three far sides.
type Fakes struct {
	Stripe *stripetest.Fake
	Shop   *magentotest.Shop
	ERP    *trytontest.Server
}

// FakesConfig says what far sides are like. The zero value works.
type FakesConfig struct {
	Now  func() time.Time // defaults to time.Now
	Seed uint64
	// DebitTime is how long a bank debit takes. Defaults to Stripe's three days.
	DebitTime time.Duration
	// LongestRequest is how long a request may live. Defaults to 20 seconds.
	LongestRequest time.Duration
}

// NewFakes returns far sides without any order.
func NewFakes(c FakesConfig) (*Fakes, error) {
	if c.LongestRequest == 0 {
		c.LongestRequest = 20 * time.Second
	}
	var f Fakes
	var err error
	if f.Stripe, err = stripetest.New(stripetest.Config{Now: c.Now, Seed: c.Seed, Account: Account, Key: StripeKey,
		WebhookSecret: WebhookSecret, DebitTime: c.DebitTime, LongestRequest: c.LongestRequest}); err != nil {
		return nil, err
	}
	if f.Shop, err = magentotest.New(magentotest.Config{Now: c.Now, Seed: c.Seed, Stores: stores(), LongestRequest: c.LongestRequest}); err != nil {
		return nil, err
	}
	if f.ERP, err = trytontest.New(trytontest.Config{Now: c.Now, LongestRequest: c.LongestRequest}); err != nil {
		return nil, err
	}
	return &f, nil
}

// Far is how a program reaches the far sides. Nil transports are sockets.
type Far struct {
	StripeURL, ShopURL, ERPURL string
	Stripe, Shop, ERP          http.RoundTripper
	ShopKeys                   magento.Keys
	Login                      tryton.Login
	LongestRequest             time.Duration
}

// Far reaches the fakes in this process.
func (f *Fakes) Far() Far {
	return Far{StripeURL: "https://stripe.test", ShopURL: "https://shop.test", ERPURL: trytontest.URL,
		Stripe: f.Stripe.Transport(), Shop: f.Shop.Transport(), ERP: f.ERP.Transport(),
		ShopKeys: f.Shop.Keys(), Login: f.ERP.Login(), LongestRequest: f.ERP.LongestRequest()}
}

// stores are two views whose order numbers are alike, since increment ids are unique
// per store only.
func stores() []magentotest.Store {
	store := func(id int64, code, currency string) magentotest.Store {
		return magentotest.Store{ID: id, Code: code, Name: code, WebsiteID: id, Website: code, WebsiteName: code,
			GroupName: code, BaseCurrency: currency, Currency: currency}
	}
	return []magentotest.Store{store(1, "de", "EUR"), store(2, "us", "USD")}
}

// Currency draws one of the shop's two.
func Currency(r *rand.Rand) commerce.Currency {
	if r.IntN(3) == 0 {
		return "USD"
	}
	return "EUR"
}

// Sale is one order that a customer has placed.
type Sale struct {
	ID     int64 // entity id at the shop
	Number string
	Store  string // id of the store view
	Due    commerce.Money
}

// Ref is the order's ref in the program.
func (s Sale) Ref() commerce.Ref {
	return commerce.Ref{System: "magento", Account: ShopName, Mode: commerce.Test, ID: fmt.Sprintf("order/%d", s.ID)}
}

// Reference is what the ERP's sales order is found by.
func (s Sale) Reference() string { return s.Ref().String() }

// Place lets a customer order goods that the ERP has, in the view of that currency:
// EUR or USD. Chance decides what, and change how it is paid.
func (f *Fakes) Place(r *rand.Rand, currency commerce.Currency, change ...func(*magentotest.NewOrder)) (Sale, error) {
	o := magentotest.NewOrder{Store: "de", PricesIncludeTax: true, PaymentMethod: "stripe_payments", ShippingPrice: "4.90",
		Billing:  magentotest.Address{Street: []string{"Lange Straße 7"}, City: "Hamburg", Postcode: "20095", Country: "DE", Telephone: "040 123456"},
		Customer: magentotest.Customer{Email: "buyer@example.com", FirstName: "Robin", LastName: "Buyer"}}
	rate := "19"
	if currency == "USD" {
		o.Store, o.PricesIncludeTax, rate = "us", false, "8.25"
		o.Billing = magentotest.Address{Street: []string{"1 High St"}, City: "Austin", Postcode: "78701", Region: "Texas",
			RegionCode: "TX", RegionID: 57, Country: "US", Telephone: "512-555-0100"}
	}
	tax := []magentotest.Tax{{Code: rate, Percent: rate}}
	o.ShippingTax = tax
	for _, sku := range []string{"SKU-RED", "SKU-BLUE", "SKU-POT"}[:1+r.IntN(3)] {
		o.Items = append(o.Items, magentotest.NewItem{SKU: sku, Qty: strconv.Itoa(1 + r.IntN(3)),
			Price: fmt.Sprintf("%d.%02d", 5+r.IntN(40), r.IntN(100)), Taxes: tax})
	}
	for _, c := range change {
		c(&o)
	}
	id, err := f.Shop.Place(o)
	if err != nil {
		return Sale{}, err
	}
	placed, ok := f.Shop.Order(id)
	if !ok {
		return Sale{}, fmt.Errorf("order %d was placed and is not there", id)
	}
	due, _, err := commerce.RoundMoney(string(placed.GrandTotal), 4, commerce.Currency(placed.OrderCurrencyCode))
	return Sale{ID: id, Number: placed.IncrementID, Store: placed.StoreID.String(), Due: due}, err
}

// Purchase is what a checkout asks Stripe for, for this order alone. Every second
// order carries what Stripe's own module for Magento writes.
func (s Sale) Purchase(m stripetest.Method) stripetest.Purchase {
	metadata := map[string]string{"commerce_order": strconv.FormatInt(s.ID, 10)}
	if s.ID%2 == 0 {
		metadata = map[string]string{"Order #": s.Number, "Module": "Magento2", "commerce_store": s.Store}
	}
	return stripetest.Purchase{Amount: s.Due.Minor(), Currency: s.Due.Currency().Lower(), Method: m, Metadata: metadata}
}

// For is the metadata of a payment that says what each order gets.
func For(parts ...Part) map[string]string {
	text := ""
	for i, p := range parts {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf("%d:%s", p.Sale.ID, p.Amount.Text())
	}
	return map[string]string{"commerce_orders": text}
}

// Part is what an order gets of a payment.
type Part struct {
	Sale   Sale
	Amount commerce.Money
}
