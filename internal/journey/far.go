package journey

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/erp/tryton/trytontest"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/resilience"
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
	Front  Storefront
	Shop   *magentotest.Shop // what Front is of; nil where it is no Magento
	ERP    *trytontest.Server
}

// FakesConfig says what far sides are like. The zero value works.
type FakesConfig struct {
	Now  func() time.Time // defaults to time.Now
	Seed uint64
	// Shop is the system of the shop: magento or nopcommerce. Defaults to magento.
	Shop string
	// DebitTime is how long a bank debit takes. Defaults to Stripe's three days.
	DebitTime time.Duration
	// LongestRequest is how long a request may live. Defaults to 20 seconds.
	LongestRequest time.Duration
	// Books: Stripe settles all in the currency of the ERP's books.
	Books bool
}

// NewFakes returns far sides without any order.
func NewFakes(c FakesConfig) (*Fakes, error) {
	if c.LongestRequest == 0 {
		c.LongestRequest = 20 * time.Second
	}
	var f Fakes
	var err error
	stripe := stripetest.Config{Now: c.Now, Seed: c.Seed, Account: Account, Key: StripeKey,
		WebhookSecret: WebhookSecret, DebitTime: c.DebitTime, LongestRequest: c.LongestRequest}
	if c.Books {
		stripe.Settlement, stripe.Rates = "eur", map[string]string{"usd": "0.9213"}
	}
	if f.Stripe, err = stripetest.New(stripe); err != nil {
		return nil, err
	}
	open, ok := fronts[cmp.Or(c.Shop, "magento")]
	if !ok {
		return nil, fmt.Errorf("no shop is a %q", c.Shop)
	}
	if f.Front, err = open(c, &f); err != nil {
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
	ShopKeys                   magento.Keys // where Adapt is nil
	Login                      tryton.Login
	LongestRequest             time.Duration
	// Adapt makes the client and the adapter of the shop. Defaults to those of Magento.
	Adapt func(Far, resilience.Config, func() time.Time) (Adapter, error)
	// Metadata are the names that payments carry.
	Metadata mapping.MetadataKeys
}

// Far reaches the fakes in this process.
func (f *Fakes) Far() Far {
	return Far{StripeURL: "https://stripe.test", ShopURL: "https://shop.test", ERPURL: trytontest.URL,
		Stripe: f.Stripe.Transport(), Shop: f.Front.Transport(), ERP: f.ERP.Transport(),
		Adapt: f.Front.Adapt, Metadata: f.Front.Metadata(), Login: f.ERP.Login(), LongestRequest: f.ERP.LongestRequest()}
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
	System string // of the shop
	ID     int64  // of the order there
	Number string
	Store  string         // id of the store or view
	Due    commerce.Money // to be paid at Stripe
	// Metadata are what the checkout writes on a payment for this order alone.
	Metadata map[string]string
}

// Ref is the order's ref in the program.
func (s Sale) Ref() commerce.Ref {
	return commerce.Ref{System: s.System, Account: ShopName, Mode: commerce.Test, ID: fmt.Sprintf("order/%d", s.ID)}
}

// Reference is what the ERP's sales order is found by.
func (s Sale) Reference() string { return s.Ref().String() }

// Place lets a customer order goods that the ERP has, in EUR or USD, to be paid at Stripe.
// Chance decides what.
func (f *Fakes) Place(r *rand.Rand, currency commerce.Currency) (Sale, error) {
	return f.Front.Place(basket(r), currency, ByStripe)
}

// Purchase is what a checkout asks Stripe for, for this order alone.
func (s Sale) Purchase(m stripetest.Method) stripetest.Purchase {
	return stripetest.Purchase{Amount: s.Due.Minor(), Currency: s.Due.Currency().Lower(), Method: m, Metadata: s.Metadata}
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
