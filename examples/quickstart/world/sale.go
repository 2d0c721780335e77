package world

import (
	"fmt"

	"github.com/commercesync/commerce"
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

	// What only a poll of the shop finds. A Magento alone has none of these.
	Covered  Story = "nothing to pay"            // a gift card for all of it, or a free sample
	Canceled Story = "nothing to pay, canceled"  // the same, and canceled in the admin later
	Unheard  Story = "card, webhooks lost"       // paid by the shop's plugin; Stripe's news never arrives
	Moved    Story = "card, address edited"      // paid, and edited in the admin before it is sent
	ByHand   Story = "card, shipped in the shop" // staff sends it before the money comes
)

var shares = []struct {
	story Story
	of100 int
}{
	{Card, 54}, {CardRetried, 8}, {Declined, 6}, {ByLink, 5}, {Debit, 8}, {DebitFailed, 3}, {DebitBounced, 2},
	{Captured, 4}, {Expired, 2}, {Twice, 3}, {Shared, 5},
}

var onlyPolled = []Story{Covered, Canceled, Unheard, Moved, ByHand}

// Sale is one order of the world and what becomes of it.
type Sale struct {
	shop   seller
	ID     int64 // entity id at the shop
	Number string
	Store  string // id of the store view
	Story  Story
	Due    commerce.Money // to be collected by Stripe
	Total  commerce.Money // what the ERP must show
	Goods  bool           // something is to be shipped
	With   *Sale          // the other order of a shared payment; nil = none
	Back   Back           // how money of it goes back
	Asked  commerce.Money // what is to be back at the buyer in the end; zero value = nothing

	rests bool
}

// Pays reports whether the order is paid for, be it for a time or by a gift card.
func (s *Sale) Pays() bool {
	switch s.Story {
	case Declined, DebitFailed, Expired, Canceled:
		return false
	}
	return true
}

// ref is the order's name among those of all shops.
func (s *Sale) ref() string { return fmt.Sprintf("%s order/%d", s.shop.system(), s.ID) }

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

// rates are those of a market that the ERP has.
func (o Offer) rates(m market) []string {
	return keep(m.rates, func(rate string) bool { return o.has(o.Rates, rate) })
}

// good is something that is sold, with its price in cents.
type good struct {
	sku   string
	price int64
}

// shelf are the goods that the ERP has.
func (o Offer) shelf() []good {
	var out []good
	for _, g := range goods {
		if o.has(o.SKUs, g.sku) {
			out = append(out, g)
		}
	}
	return out
}

// market is one store of a shop, and how it sells.
type market struct {
	id       string // of the store
	currency commerce.Currency
	debits   bool
	rates    []string // percent; the first is the usual one
}

var goods = []good{{"SKU-RED", 1250}, {"SKU-BLUE", 1400}, {"SKU-POT", 2995}, {"24-UG06", 700}, {"24-MB01", 3400}, {"SKU-VAT", 3000}}

// SKUs are all that is sold.
func SKUs() []string {
	var out []string
	for _, g := range goods {
		out = append(out, g.sku)
	}
	return out
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
func (w *World) story(m market) Story {
	if len(w.sellers) > 1 || w.sellers[0].system() != Magento {
		if w.rand.IntN(6) == 0 {
			return onlyPolled[w.rand.IntN(len(onlyPolled))]
		}
	}
	n := w.rand.IntN(100)
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
