package journey

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/workflow"
)

// Storefront is a shop as buyers, the merchant and an auditor have it, whichever system it
// is of: none of them asks the program.
type Storefront interface {
	// Transport reaches it in this process.
	Transport() http.RoundTripper
	// Adapt makes the program's client and adapter of it.
	Adapt(Far, resilience.Config, func() time.Time) (Adapter, error)
	// Metadata are the names that its checkout writes on payments.
	Metadata() mapping.MetadataKeys
	// Place lets a customer order these goods, to be paid so.
	Place([]Goods, commerce.Currency, Paying) (Sale, error)
	// Standing is how an order stands in the shop's own books.
	Standing(Sale) Standing
	// Unhold is the merchant, who lets a held order go on.
	Unhold(Sale) error
	// GiveBack is the merchant, who writes down that goods go back: one of the first line,
	// or all that is left. No money moves. It fails where the order is not so far, or no more.
	GiveBack(s Sale, all bool) error
	// Writes reports whether a request changes something, and of which order: 0 = of none.
	Writes(r *http.Request, body []byte) (order int64, writes bool)
	// Secrets must not be written down.
	Secrets() []string
}

// Adapter is what the program has of a shop.
type Adapter interface {
	workflow.Shop
	workflow.RefundShop
	// News is the feed of what changed there.
	News() (inbox.Feed, error)
}

// Goods are some of one product.
type Goods struct {
	SKU      string
	Quantity int
	Price    string // of one
}

// Paying is what an order is paid with.
type Paying string

// The ways of paying. Of all but the first only the shop tells.
const (
	ByStripe   Paying = "stripe"
	ByGiftCard Paying = "gift card" // the whole of it
	OnDelivery Paying = "on delivery"
)

// Elsewhere are the ways that have nothing of Stripe's.
var Elsewhere = []Paying{ByGiftCard, OnDelivery}

// Standing is how an order stands at the shop. The words are Magento's.
type Standing struct {
	State string // new, processing, complete, holded
	// Total is what is due for the order beside gift cards, and Gross is with them. Paid is
	// what of Total was recorded; empty = nothing.
	Total, Gross, Paid string
	// Notes are all that was written down about it, and Remarks those of them that tell
	// people something which the books do not.
	Notes, Remarks []string
	// Refunded is what the books say went back of Paid; empty = nothing.
	Refunded string
	// Payments and Shipments are documents, of which one is enough. Refunds are papers, of
	// which some may be right.
	Payments, Shipments, Refunds int
	// Reversals are captures, voids and cancellations, which nobody asked for.
	Reversals int
	Shipped   bool // all of it
	Changed   time.Time
}

// fronts makes the shops by the name of their system.
var fronts = map[string]func(FakesConfig, *Fakes) (Storefront, error){
	"magento":     newMagento,
	"nopcommerce": newNopCommerce,
}

// basket draws what a customer orders.
func basket(r *rand.Rand) (all []Goods) {
	for _, sku := range []string{"SKU-RED", "SKU-BLUE", "SKU-POT"}[:1+r.IntN(3)] {
		all = append(all, Goods{SKU: sku, Quantity: 1 + r.IntN(3), Price: fmt.Sprintf("%d.%02d", 5+r.IntN(40), r.IntN(100))})
	}
	return all
}

// rat reads decimal text; what is none is nought.
func rat(text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return new(big.Rat)
	}
	return r
}
