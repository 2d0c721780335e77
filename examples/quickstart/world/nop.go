package world

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
)

// nopSeller is a nopCommerce with one store, which sells in euros and charges by the
// Payment Element.
type nopSeller struct {
	*nopcommercetest.Shop
	accounts map[string]int
	cards    map[int64]commerce.Money // what a gift card paid, by order
}

func newNop(c nopcommercetest.Config) (nopSeller, error) {
	c.Currencies = []nopcommercetest.NewCurrency{{Code: "EUR", Rate: "1"}}
	c.StripePlugins = nopcommercetest.StripePlugins()
	c.CompleteWhenShipped = true
	shop, err := nopcommercetest.New(c)
	return nopSeller{shop, map[string]int{}, map[int64]commerce.Money{}}, err
}

func (s nopSeller) system() string { return NopCommerce }

func (s nopSeller) markets() []market {
	return []market{{id: "1", currency: "EUR", debits: true, rates: []string{"19", "7", "20"}}}
}

func (s nopSeller) draw(r *rand.Rand, m market, offer Offer, n int, story Story) func() (int64, error) {
	shelf := offer.shelf()
	o := nopcommercetest.NewOrder{PaymentMethod: nopcommercetest.StripeElement, ShippingPrice: "5", Email: fmt.Sprintf("buyer-%d@example.com", n),
		Billing: nopcommercetest.NewAddress{FirstName: "Robin", LastName: fmt.Sprintf("Buyer %d", n), Address1: "Lange Straße 7",
			City: "Hamburg", PostalCode: "20095", Country: "DE", Phone: "040123456"}}
	if rates := offer.rates(m); len(rates) > 0 {
		o.TaxPercent = rates[0]
		if r.IntN(4) == 0 {
			o.TaxPercent = rates[r.IntN(len(rates))]
		}
	}
	account := ""
	if r.IntN(2) == 0 {
		account = fmt.Sprintf("customer-%d@example.com", r.IntN(200))
		o.Email = ""
	}
	for range 1 + r.IntN(3) {
		// Whole euros without tax: the shop rounds the tax of one, and the ERP that of a line.
		o.Items = append(o.Items, nopcommercetest.NewItem{SKU: shelf[r.IntN(len(shelf))].sku, Qty: 1 + r.IntN(4), Price: strconv.Itoa(7 + r.IntN(30))})
	}
	card := "0"
	if r.IntN(8) == 0 {
		card = "5.00"
	}
	if story == Covered || story == Canceled {
		o.Items, o.ShippingPrice, card = []nopcommercetest.NewItem{{SKU: shelf[0].sku, Price: "0"}}, "0", "0"
		if o.TaxPercent == "19" {
			o.Items[0].Price, o.ShippingPrice, card = "30", "5", "41.65"
		}
	}
	o.GiftCard = card
	return func() (int64, error) {
		var err error
		if account != "" {
			if o.Customer, err = s.account(account); err != nil {
				return 0, err
			}
		}
		id, err := s.Place(o)
		if err != nil {
			return 0, err
		}
		s.cards[int64(id)], err = commerce.ParseMoney(card, "EUR")
		return int64(id), err
	}
}

// account returns the account of a registered customer.
func (s nopSeller) account(email string) (int, error) {
	if id := s.accounts[email]; id != 0 {
		return id, nil
	}
	id, err := s.AddCustomer(nopcommercetest.NewCustomer{Email: email, FirstName: "Robin", LastName: "Regular"})
	s.accounts[email] = id
	return id, err
}

func (s nopSeller) due(id int64) (number string, due, total commerce.Money, err error) {
	o, ok := s.Order(int(id))
	if !ok {
		return "", due, total, fmt.Errorf("order %d was placed and is not there", id)
	}
	if due, _, err = commerce.RoundMoney(o.OrderTotal.String(), 4, "EUR"); err != nil {
		return "", due, total, err
	}
	total, err = due.Add(s.cards[id])
	return *o.CustomOrderNumber, due, total, err
}

// metadata: half of the payments carry words of our own, half what the plugin writes. They are
// not those of the other shop, whose orders have the same ids.
func (s nopSeller) metadata(of *Sale) map[string]string {
	if of.ID%2 == 0 {
		if asked, err := s.Charge(int(of.ID)); err == nil {
			return asked.Metadata
		}
	}
	return map[string]string{"nop_order": strconv.FormatInt(of.ID, 10)}
}

func (s nopSeller) shared(list string) map[string]string {
	return map[string]string{"nop_orders": list}
}

func (s nopSeller) charged(id int64, intent, charge string) error {
	return s.Charged(nopcommercetest.StripeResult{Order: int(id), Intent: intent, Charge: charge})
}

func (s nopSeller) move(id int64) error {
	return s.EditAddress(int(id), true, func(a *nopcommercetest.Address) { a.Address1 = new("Neue Straße 99") })
}

func (s nopSeller) cancel(id int64) error { return s.Cancel(int(id)) }

func (s nopSeller) ship(id int64) error {
	_, err := s.Ship(nopcommercetest.NewShipment{Order: int(id), Tracking: "BY-HAND"})
	return err
}

// refund books it without a gateway.
func (s nopSeller) refund(id int64, all bool) error {
	o, _ := s.Order(int(id))
	amount := o.OrderTotal - o.RefundedAmount
	if !all {
		amount = min(amount, s.Items(int(id))[0].UnitPriceInclTax)
	}
	return s.Refund(int(id), amount.String())
}

func (s nopSeller) comesBack(id int64) (piece commerce.Money, ok bool, err error) {
	item := s.Items(int(id))[0]
	request, err := s.RequestReturn(item.ID, 1, "wrong colour")
	if err != nil {
		return piece, false, err
	}
	if piece, _, err = commerce.RoundMoney(item.UnitPriceInclTax.String(), 4, "EUR"); err != nil {
		return piece, false, err
	}
	return piece, true, s.EditReturn(request, func(r *nopcommercetest.ReturnRequest) { r.ReturnRequestStatusID = nopcommercetest.ReturnAuthorized })
}

func (s nopSeller) sent(id int64) bool { return len(s.Shipments(int(id))) > 0 }

func (s nopSeller) look(id int64) looked {
	o, _ := s.Order(int(id))
	out := looked{state: strconv.Itoa(o.OrderStatusID), total: o.OrderTotal.String(), recorded: len(s.Effects(int(id), nopcommercetest.EffectPaid))}
	switch o.PaymentStatusID {
	case nopcommercetest.PaymentPaid, nopcommercetest.PaymentPartiallyRefunded, nopcommercetest.PaymentRefunded:
		out.paid = out.total
	}
	if o.RefundedAmount != 0 {
		out.refunded = o.RefundedAmount.String()
	}
	for _, n := range s.Notes(int(id)) {
		if n.Note != nil {
			out.remarks = append(out.remarks, *n.Note)
		}
	}
	for _, sh := range s.Shipments(int(id)) {
		out.parcels = append(out.parcels, parcel{strconv.Itoa(sh.ID), sh.TrackingNumber != nil && *sh.TrackingNumber != ""})
	}
	return out
}

func (s nopSeller) fail(f magentotest.Fault) func() { return s.Fail(f) }
func (s nopSeller) heal()                           { s.Heal() }

// writes: the shop's processing acts are GETs.
func (s nopSeller) writes(r *http.Request) bool {
	return r.Method == http.MethodPost || r.Method == http.MethodPut || strings.Contains(r.URL.Path, "/OrderProcessing/")
}
