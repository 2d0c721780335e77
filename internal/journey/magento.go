package journey

import (
	"fmt"
	"math/big"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/magentoshop"
	"github.com/commercesync/commerce/resilience"
)

// magentoFront is a Magento of two views whose order numbers are alike, since increment
// ids are unique per store only.
type magentoFront struct{ far *magentotest.Shop }

func newMagento(c FakesConfig, f *Fakes) (Storefront, error) {
	store := func(id int64, code, currency string) magentotest.Store {
		return magentotest.Store{ID: id, Code: code, Name: code, WebsiteID: id, Website: code, WebsiteName: code,
			GroupName: code, BaseCurrency: currency, Currency: currency}
	}
	far, err := magentotest.New(magentotest.Config{Now: c.Now, Seed: c.Seed, LongestRequest: c.LongestRequest,
		Stores: []magentotest.Store{store(1, "de", "EUR"), store(2, "us", "USD")}})
	f.Shop = far
	return magentoFront{far}, err
}

func (m magentoFront) Transport() http.RoundTripper { return m.far.Transport() }

func (m magentoFront) Adapt(far Far, protect resilience.Config, now func() time.Time) (Adapter, error) {
	far.ShopKeys = m.far.Keys()
	return adaptMagento(far, protect, now)
}

// adaptMagento makes client and adapter of a shop that may be in another process.
func adaptMagento(far Far, protect resilience.Config, now func() time.Time) (Adapter, error) {
	client, err := magento.NewClient(magento.Config{BaseURL: far.ShopURL, Credentials: commerce.Static(far.ShopKeys),
		Transport: far.Shop, Resilience: protect, Now: now})
	if err != nil {
		return nil, err
	}
	shop, err := magentoshop.New(client, magentoshop.Config{Account: ShopName, Mode: commerce.Test, Settle: far.LongestRequest})
	return magentoAdapter{shop}, err
}

type magentoAdapter struct{ *magentoshop.Shop }

func (a magentoAdapter) News() (inbox.Feed, error) { return a.Changes(magentoshop.ChangesConfig{}) }

func (magentoFront) Metadata() mapping.MetadataKeys { return mapping.MetadataKeys{} }

func (m magentoFront) Secrets() []string {
	keys := m.far.Keys()
	return []string{keys.ConsumerSecret.Reveal(), keys.AccessTokenSecret.Reveal(), keys.AccessToken.Reveal()}
}

// Place orders in the view of the currency. Every second order carries what Stripe's own
// module for Magento writes.
func (m magentoFront) Place(goods []Goods, currency commerce.Currency, paying Paying) (Sale, error) {
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
	for _, g := range goods {
		o.Items = append(o.Items, magentotest.NewItem{SKU: g.SKU, Qty: strconv.Itoa(g.Quantity), Price: g.Price, Taxes: tax})
	}
	switch paying {
	case ByGiftCard:
		o.GiftCard, o.PaymentMethod = "100000", ""
	case OnDelivery:
		o.PaymentMethod = "cashondelivery"
	}
	id, err := m.far.Place(o)
	if err != nil {
		return Sale{}, err
	}
	placed, ok := m.far.Order(id)
	if !ok {
		return Sale{}, fmt.Errorf("order %d was placed and is not there", id)
	}
	s := Sale{System: magentoshop.System, ID: id, Number: placed.IncrementID, Store: placed.StoreID.String(),
		Metadata: map[string]string{"commerce_order": strconv.FormatInt(id, 10)}}
	if id%2 == 0 {
		s.Metadata = map[string]string{"Order #": s.Number, "Module": "Magento2", "commerce_store": s.Store}
	}
	s.Due, _, err = commerce.RoundMoney(string(placed.GrandTotal), 4, commerce.Currency(placed.OrderCurrencyCode))
	return s, err
}

func (m magentoFront) Standing(s Sale) Standing {
	o, _ := m.far.Order(s.ID)
	st := Standing{State: o.State, Total: string(o.GrandTotal), Paid: string(o.TotalPaid), Refunded: string(o.TotalRefunded), Payments: len(m.far.Invoices(s.ID)),
		Refunds: len(m.far.CreditMemos(s.ID)), Changed: o.UpdatedAt.Time}
	st.Gross = new(big.Rat).Add(rat(string(o.GrandTotal)), rat(string(o.Extension.GiftCardsAmount))).FloatString(4)
	for _, c := range m.far.Comments(s.ID) {
		st.Notes = append(st.Notes, c.Comment)
	}
	st.Remarks = st.Notes
	left := new(big.Rat)
	for _, i := range o.Items {
		left.Add(left, rat(string(i.QtyOrdered)))
	}
	for _, sh := range m.far.Shipments(s.ID) {
		st.Shipments++
		for _, i := range sh.Items {
			left.Sub(left, rat(string(i.Qty)))
		}
	}
	st.Shipped = left.Sign() == 0
	return st
}

func (m magentoFront) Unhold(s Sale) error { return m.far.Admin().Unhold(s.ID) }

// GiveBack makes an offline credit memo.
func (m magentoFront) GiveBack(s Sale, all bool) error {
	var rows map[int64]string
	if !all {
		o, _ := m.far.Order(s.ID)
		rows = map[int64]string{int64(o.Items[0].ItemID): "1"}
	}
	_, err := m.far.Admin().Refund(s.ID, rows)
	return err
}

var magentoOrder = regexp.MustCompile(`/orders?/(\d+)(/|$)`)

func (magentoFront) Writes(r *http.Request, _ []byte) (order int64, writes bool) {
	if id := magentoOrder.FindStringSubmatch(r.URL.Path); id != nil {
		order, _ = strconv.ParseInt(id[1], 10, 64)
	}
	return order, r.Method != http.MethodGet
}
