package sim

import "github.com/commercesync/commerce/internal/journey"

// fates are what becomes of an order, by its story: the same whatever happens between.
var fates = map[string]string{
	"card":                           fulfilled,
	"card, tried again":              fulfilled,
	"declined, then another payment": fulfilled,
	"bank debit":                     fulfilled,
	"captured later":                 fulfilled,
	"deposit and the rest":           fulfilled,
	"one payment for two":            fulfilled,
	"paid twice":                     "complete, paid; books: processing; shipped; remarks: overpaid; told: overpaid; dead: ",
	"declined":                       nothing,
	"bank debit that fails":          nothing,
	"captured in part":               nothing,
	"never captured":                 nothing,
	"deposit":                        nothing,
	"another amount":                 nothing + "amount_mismatch",
	"gift card":                      "processing, not paid; books: processing; shipped; remarks: ; told: ; dead: ",
	"on delivery":                    nothing,
	"bank debit that is returned":    "complete, paid; books: processing; shipped; remarks: returned; told: payment_returned; dead: ",
}

// otherwise are the fates that are other ones at a shop, by its system: nopCommerce takes an
// order that nothing is due for as paid, and so as complete when it is shipped.
var otherwise = map[string]map[string]string{
	"nopcommerce": {"gift card": "complete, not paid; books: processing; shipped; remarks: ; told: ; dead: "},
}

func fateOf(s *journey.Told) string {
	if fate, ok := otherwise[s.System][s.Story]; ok {
		return fate
	}
	return fates[s.Story]
}

const (
	fulfilled = "complete, paid; books: processing; shipped; remarks: ; told: ; dead: "
	nothing   = "new, not paid; books: ; not shipped; remarks: ; told: ; dead: "
)

// early are the fates where the bank took the money back before the order was worked to
// its end, which takes days of bad weather: no goods leave then, or the merchant hears
// that they did.
var early = map[string][]string{
	"bank debit that is returned": {
		"holded, paid; books: processing; not shipped; remarks: returned; told: payment_returned; dead: ",
		"complete, paid; books: processing; shipped; remarks: returned; told: order_on_hold payment_returned; dead: ",
		"holded, paid; books: draft; not shipped; remarks: returned; told: payment_returned; dead: ",
		"holded, paid; books: ; not shipped; remarks: returned; told: payment_returned; dead: ",
	},
}

// mails are what a customer is told, once, unless nobody knows whether it was sent.
var mails = map[string][]string{
	"declined":                    {"payment_failed"},
	"bank debit that fails":       {"payment_failed"},
	"never captured":              {"payment_failed"},
	"bank debit that is returned": {"payment_returned"},
}
