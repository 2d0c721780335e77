package world

import (
	"math/rand/v2"
	"net/http"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento/magentotest"
)

// The shops of a world, as Ref.System names them.
const (
	Magento     = "magento"
	NopCommerce = "nopcommerce"
)

// seller is a shop as its customers, its staff, its payment plugin and the auditor see it.
type seller interface {
	system() string
	markets() []market
	// draw invents the order of a customer; place then places it.
	draw(r *rand.Rand, m market, offer Offer, n int, story Story) (place func() (id int64, err error))
	// due reads what an order came to: its number, what Stripe is to collect and what the
	// ERP must show.
	due(id int64) (number string, due, total commerce.Money, err error)
	// metadata is what the checkout writes on a payment, shared what it writes on one for
	// two orders.
	metadata(s *Sale) map[string]string
	shared(list string) map[string]string
	// charged is the shop's own plugin that has heard of a payment.
	charged(id int64, intent, charge string) error

	// What staff does in the admin.
	move(id int64) error
	cancel(id int64) error
	ship(id int64) error
	// refund writes down that one piece goes back, or all that is left. No money moves.
	refund(id int64, all bool) error
	// comesBack is a return request for one piece that staff authorises, and what the piece
	// cost; not ok where the shop has none.
	comesBack(id int64) (piece commerce.Money, ok bool, err error)

	// sent reports whether anything of an order has left, look is what the auditor sees of an order.
	sent(id int64) bool
	look(id int64) looked

	// fail makes the shop fail; heal mends it.
	fail(f magentotest.Fault) (remove func())
	heal()
	writes(r *http.Request) bool
}

// looked is an order at the shop.
type looked struct {
	state       string
	paid, total string // in major units; paid is empty where nothing is
	recorded    int    // how often a payment was recorded
	refunded    string // empty = nothing
	remarks     []string
	parcels     []parcel
}

type parcel struct {
	number  string
	tracked bool
}
