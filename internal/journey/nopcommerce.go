package journey

import (
	"context"
	"fmt"
	"math/big"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/nopshop"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
	"github.com/commercesync/commerce/resilience"
)

// nopFront is a nopCommerce that states everything in euros. Its plugin charges what the
// buyer sees, and cuts the last unit off.
type nopFront struct{ far *nopcommercetest.Shop }

func newNopCommerce(c FakesConfig, _ *Fakes) (Storefront, error) {
	far, err := nopcommercetest.New(nopcommercetest.Config{Now: c.Now, Seed: c.Seed, CompleteWhenShipped: true,
		Currencies: []nopcommercetest.NewCurrency{{Code: "EUR", Rate: "1"}, {Code: "USD", Rate: "1.0843"}}, StripePlugins: nopcommercetest.StripePlugins()})
	return nopFront{far}, err
}

func (n nopFront) Transport() http.RoundTripper { return n.far.Transport() }

func (n nopFront) Adapt(far Far, protect resilience.Config, now func() time.Time) (Adapter, error) {
	client, err := nopcommerce.NewClient(nopcommerce.Config{BaseURL: far.ShopURL, Credentials: commerce.Static(n.far.Login()),
		Transport: far.Shop, Resilience: protect, Now: now})
	if err != nil {
		return nil, err
	}
	shop, err := nopshop.New(client, nopshop.Config{Currency: "EUR", Account: ShopName, Mode: commerce.Test, Settle: far.LongestRequest, Now: now,
		Methods: map[string]nopshop.Method{nopcommercetest.StripeElement: {Charges: nopshop.Customer, Truncates: true}}})
	return nopAdapter{shop}, err
}

type nopAdapter struct{ *nopshop.Shop }

func (a nopAdapter) News() (inbox.Feed, error) { return a.Changes(nopshop.ChangesConfig{}) }

func (nopFront) Metadata() mapping.MetadataKeys { return nopshop.Metadata() }

func (n nopFront) Secrets() []string { return []string{n.far.Login().Password.Reveal()} }

func (n nopFront) Place(goods []Goods, currency commerce.Currency, paying Paying) (Sale, error) {
	if paying != ByStripe {
		currency = "EUR" // what nobody charges stays in the primary store currency
	}
	o := nopcommercetest.NewOrder{TaxPercent: "19", PricesIncludeTax: true, ShippingPrice: "4.90", Currency: string(currency),
		PaymentMethod: nopcommercetest.StripeElement, Email: "buyer@example.com",
		Billing: nopcommercetest.NewAddress{FirstName: "Robin", LastName: "Buyer", Address1: "Lange Straße 7", City: "Hamburg", PostalCode: "20095",
			Country: "DE", Phone: "040 123456"}}
	if currency == "USD" {
		o.TaxPercent, o.PricesIncludeTax = "8.25", false
		o.Billing = nopcommercetest.NewAddress{FirstName: "Robin", LastName: "Buyer", Address1: "1 High St", City: "Austin", PostalCode: "78701",
			State: "TX", Country: "US", Phone: "512-555-0100"}
	}
	sum := rat(o.ShippingPrice)
	for _, g := range goods {
		o.Items = append(o.Items, nopcommercetest.NewItem{SKU: g.SKU, Qty: g.Quantity, Price: g.Price})
		sum.Add(sum, new(big.Rat).Mul(rat(g.Price), big.NewRat(int64(g.Quantity), 1)))
	}
	switch paying {
	case ByGiftCard:
		o.GiftCard, o.PaymentMethod = sum.FloatString(2), ""
	case OnDelivery:
		o.PaymentMethod = "Payments.CashOnDelivery"
	}
	id, err := n.far.Place(o)
	if err != nil {
		return Sale{}, err
	}
	placed, ok := n.far.Order(id)
	if !ok {
		return Sale{}, fmt.Errorf("order %d was placed and is not there", id)
	}
	s := Sale{System: nopshop.System, ID: int64(id), Number: *placed.CustomOrderNumber, Store: strconv.Itoa(placed.StoreID)}
	if paying != ByStripe {
		s.Due, _, err = commerce.RoundMoney(placed.OrderTotal.String(), 4, currency)
		return s, err
	}
	asked, err := n.far.Charge(id)
	if err != nil {
		return Sale{}, err
	}
	s.Due, err = commerce.NewMoney(asked.Amount, currency)
	s.Metadata = asked.Metadata
	return s, err
}

// states are Magento's words for the status of an order.
var states = map[int]string{nopcommercetest.OrderPending: "new", nopcommercetest.OrderProcessing: "processing",
	nopcommercetest.OrderComplete: "complete", nopcommercetest.OrderCancelled: "canceled"}

// Standing reads what stands for Magento's words: a hold is an attribute of an order that is
// not past it, a document about a payment is that the order became paid, and the notes about
// both are bookkeeping. What was charged is what is due.
func (n nopFront) Standing(s Sale) Standing {
	id := int(s.ID)
	o, _ := n.far.Order(id)
	gross := new(big.Rat).Mul(rat((o.OrderSubtotalExclTax + o.OrderShippingExclTax + o.OrderTax).String()), rat(o.CurrencyRate.String()))
	st := Standing{State: states[o.OrderStatusID], Total: s.Due.Text(), Gross: gross.FloatString(2), Changed: o.CreatedOnUTC.Time,
		Payments: len(n.far.Effects(id, nopcommercetest.EffectPaid)),
		Refunds:  len(n.far.Effects(id, nopcommercetest.EffectRefunded)),
		Reversals: len(n.far.Effects(id, nopcommercetest.EffectCaptured, nopcommercetest.EffectVoided,
			nopcommercetest.EffectCancelled, nopcommercetest.EffectDeleted))}
	switch o.PaymentStatusID {
	case nopcommercetest.PaymentPaid, nopcommercetest.PaymentPartiallyRefunded, nopcommercetest.PaymentRefunded:
		if !s.Due.IsZero() {
			st.Paid = s.Due.Text()
		}
	}
	if o.RefundedAmount > 0 { // in the primary store currency; the plugin cuts what it charges off
		units := new(big.Rat).Mul(rat(o.RefundedAmount.String()), rat(o.CurrencyRate.String()))
		units.Mul(units, big.NewRat(100, 1))
		cents := new(big.Int).Quo(units.Num(), units.Denom())
		st.Refunded = new(big.Rat).SetFrac(cents, big.NewInt(100)).FloatString(2)
	}
	for _, a := range n.far.Attributes("Order", id) {
		if *a.Key == "commerce_hold" && *a.Value == "held" && (st.State == "new" || st.State == "processing") {
			st.State = "holded"
		}
	}
	for _, note := range n.far.Notes(id) {
		st.Notes = append(st.Notes, *note.Note)
		if !bookkeeping.MatchString(*note.Note) {
			st.Remarks = append(st.Remarks, *note.Note)
		}
	}
	left := 0
	for _, i := range n.far.Items(id) {
		left += i.Quantity
	}
	for _, sh := range n.far.Shipments(id) {
		st.Shipments++
		for _, i := range n.far.ShipmentItems(sh.ID) {
			if sh.ShippedDateUTC != nil {
				left -= i.Quantity
			}
		}
	}
	st.Shipped = left == 0
	return st
}

// bookkeeping are the notes that go with a payment and a hold.
var bookkeeping = regexp.MustCompile(`\[(pi_\w+|held|released)\]$`)

// Unhold lets the order go on by the library's own call: the shop has no such button.
func (n nopFront) Unhold(s Sale) error {
	if n.Standing(s).State != "holded" {
		return fmt.Errorf("order %d is not on hold", s.ID)
	}
	shop, err := n.Adapt(Far{ShopURL: "https://shop.test", Shop: n.Transport()}, resilience.Config{}, nil)
	if err != nil {
		return err
	}
	_, err = shop.Unhold(commerce.Order{Ref: s.Ref()}).Act(context.Background())
	return err
}

// GiveBack writes a part of the order off, as an offline refund does.
func (n nopFront) GiveBack(s Sale, all bool) error {
	id := int(s.ID)
	o, _ := n.far.Order(id)
	amount := o.OrderTotal - o.RefundedAmount
	if !all {
		amount = n.far.Items(id)[0].UnitPriceInclTax
	}
	return n.far.Refund(id, amount.String())
}

// Writes finds writes in GETs too: the actions on orders are such.
func (n nopFront) Writes(r *http.Request, body []byte) (order int64, writes bool) {
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/api-backend/"), "/")
	last, _ := strconv.ParseInt(path[len(path)-1], 10, 64)
	switch what := strings.Join(path[:min(2, len(path))], "/"); what {
	case "Authenticate/GetToken":
		return 0, false
	case "OrderNote/Create", "Shipment/Create":
		return gjson.GetBytes(body, "order_id").Int(), true
	case "ShipmentItem/Create":
		return n.orderOf(gjson.GetBytes(body, "shipment_id").Int()), true
	case "OrderProcessing/Ship", "OrderProcessing/Deliver":
		return n.orderOf(last), true
	case "GenericAttribute/SaveAttribute":
		return last, true
	default:
		act := path[0] == "OrderProcessing" && !strings.HasPrefix(what, "OrderProcessing/Can")
		return last, act || r.Method != http.MethodGet
	}
}

// orderOf is the order of a shipment.
func (n nopFront) orderOf(shipment int64) int64 {
	for _, id := range n.far.OrderIDs() {
		for _, sh := range n.far.Shipments(id) {
			if int64(sh.ID) == shipment {
				return int64(id)
			}
		}
	}
	return 0
}
