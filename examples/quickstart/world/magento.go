package world

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento/magentotest"
)

// magentoSeller is a Magento with four store views.
type magentoSeller struct{ *magentotest.Shop }

func newMagento(c magentotest.Config) (magentoSeller, error) {
	for _, v := range views() {
		c.Stores = append(c.Stores, v.store)
	}
	shop, err := magentotest.New(c)
	return magentoSeller{shop}, err
}

// view is one store view and what is special about it.
type view struct {
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

func views() []view {
	store := func(id int64, code, website, currency, prefix string) magentotest.Store {
		return magentotest.Store{ID: id, Code: code, Name: code, WebsiteID: id, Website: website, WebsiteName: website,
			GroupName: website, BaseCurrency: currency, Currency: currency, Prefix: prefix}
	}
	return []view{
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

func (s magentoSeller) system() string { return Magento }

func (s magentoSeller) markets() []market {
	var out []market
	for _, v := range views() {
		out = append(out, market{id: strconv.FormatInt(v.store.ID, 10), currency: commerce.Currency(v.store.Currency), debits: v.debits, rates: v.rates})
	}
	return out
}

func (s magentoSeller) draw(r *rand.Rand, at market, offer Offer, n int, story Story) func() (int64, error) {
	all := views()
	m := all[slices.IndexFunc(all, func(v view) bool { return strconv.FormatInt(v.store.ID, 10) == at.id })]
	rates := offer.rates(at)
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
	shelf := offer.shelf()
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
	if story == Covered || story == Canceled {
		o.Items = []magentotest.NewItem{{SKU: shelf[0].sku, Qty: "1", Price: "0"}}
		o.ShippingPrice, o.DiscountPercent, o.Coupon, o.GiftCard, o.PaymentMethod = "0", "", "", "", "free"
		if m.incl && m.giftCards { // so that tax makes the total no other than the prices
			o.Items[0].Price, o.Items[0].Taxes, o.ShippingPrice, o.GiftCard = "30.00", tax(), m.shipping, "34.90"
		}
	}
	return func() (int64, error) { return s.Place(o) }
}

func (s magentoSeller) due(id int64) (number string, due, total commerce.Money, err error) {
	o, ok := s.Order(id)
	if !ok {
		return "", due, total, fmt.Errorf("order %d was placed and is not there", id)
	}
	currency := commerce.Currency(o.OrderCurrencyCode)
	if due, _, err = commerce.RoundMoney(string(o.GrandTotal), 4, currency); err != nil {
		return "", due, total, err
	}
	total = due
	if card := string(o.Extension.GiftCardsAmount); card != "" {
		m, _, err := commerce.RoundMoney(card, 4, currency)
		if err != nil {
			return "", due, total, err
		}
		if total, err = due.Add(m); err != nil {
			return "", due, total, err
		}
	}
	return o.IncrementID, due, total, nil
}

// metadata: half of the payments carry ours, half what Stripe's own module writes.
func (s magentoSeller) metadata(of *Sale) map[string]string {
	if of.ID%2 == 0 {
		return map[string]string{"Order #": of.Number, "Module": "Magento2", "commerce_store": of.Store}
	}
	return map[string]string{"commerce_order": strconv.FormatInt(of.ID, 10)}
}

func (s magentoSeller) shared(list string) map[string]string {
	return map[string]string{"commerce_orders": list}
}

func (s magentoSeller) charged(id int64, intent, _ string) error {
	return s.Charged(magentotest.StripeCharge{Order: id, Intent: intent})
}

func (s magentoSeller) move(id int64) error {
	o, _ := s.Order(id)
	b := o.BillingAddress
	return s.Admin().Address(id, "shipping", magentotest.Address{Street: []string{"99 New Street"}, City: b.City, Postcode: b.Postcode,
		Region: b.Region, RegionCode: b.RegionCode, RegionID: 57, Country: b.CountryID, Telephone: b.Telephone})
}

func (s magentoSeller) cancel(id int64) error { return s.Admin().Cancel(id) }

func (s magentoSeller) ship(id int64) error {
	shipment, err := s.Admin().Ship(id, nil)
	if err != nil {
		return err
	}
	return s.Admin().Track(shipment, "BY-HAND")
}

// refund makes an offline credit memo.
func (s magentoSeller) refund(id int64, all bool) error {
	o, _ := s.Order(id)
	var rows map[int64]string
	for _, i := range o.Items {
		if !all && rows == nil && i.ProductType == "simple" && i.ParentItemID == 0 {
			rows = map[int64]string{int64(i.ItemID): "1"}
		}
	}
	_, err := s.Admin().Refund(id, rows)
	return err
}

// comesBack: Open Source has no returns.
func (s magentoSeller) comesBack(int64) (piece commerce.Money, ok bool, err error) {
	return piece, false, nil
}

func (s magentoSeller) sent(id int64) bool { return len(s.Shipments(id)) > 0 }

func (s magentoSeller) look(id int64) looked {
	o, _ := s.Order(id)
	out := looked{state: o.State, paid: string(o.TotalPaid), total: string(o.GrandTotal), recorded: len(s.Invoices(id)), refunded: string(o.TotalRefunded)}
	for _, c := range s.Comments(id) {
		out.remarks = append(out.remarks, c.Comment)
	}
	for _, sh := range s.Shipments(id) {
		out.parcels = append(out.parcels, parcel{sh.IncrementID, len(sh.Tracks) > 0})
	}
	return out
}

func (s magentoSeller) fail(f magentotest.Fault) func() { return s.Fail(f) }
func (s magentoSeller) heal()                           { s.Heal() }
func (s magentoSeller) writes(r *http.Request) bool     { return r.Method == http.MethodPost }
