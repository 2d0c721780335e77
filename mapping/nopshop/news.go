package nopshop

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/nopcommerce"
)

// Types of the events that the feeds yield. Each only says: look.
const (
	// OrderChanged: an order is new, or not what it was.
	OrderChanged = "order.changed"
	// OrderDeleted: an order that was told is deleted, softly or out of the database.
	OrderDeleted = "order.deleted"
	// ReturnChanged: a return request is new, or not what it was. Its subject is the order.
	ReturnChanged = "return.changed"
)

// Kinds of ids in the feeds' refs, besides orders.
const (
	returnPrefix   = "return/"
	activityPrefix = "activity/" // a line of the shop's activity log
	detailPrefix   = "details/"  // what hangs on an order: lines, parcels, addresses
)

// gone is the hash of an order that is deleted.
const gone = "deleted"

// orderNews is what the raw bytes of an order's event say: no amounts and nobody.
type orderNews struct {
	ID       nopcommerce.ID   `json:"id"`
	Number   string           `json:"number,omitempty"`
	Store    nopcommerce.ID   `json:"store,omitempty"`
	Status   string           `json:"status,omitempty"`
	Payment  string           `json:"payment,omitempty"`
	Shipping string           `json:"shipping,omitempty"`
	Created  nopcommerce.Time `json:"created"`
	Paid     nopcommerce.Time `json:"paid"`
	Deleted  bool             `json:"deleted,omitempty"`
}

// news makes an event about an order, known by an id of its own. The shop keeps no date of a
// change: created is the newest date that the row itself has.
func (s *Shop) news(kind, id string, order, person nopcommerce.ID, created time.Time, say any) inbox.Change {
	raw, _ := json.Marshal(say) // structs of numbers, words and dates always have a JSON form
	object := orderPrefix + order.String()
	e := commerce.Event{Ref: s.origin.With(id), Type: kind, Object: object, Subject: object, Created: created, Raw: raw}
	if person != 0 {
		e.Person = "customer/" + person.String()
	}
	return inbox.Change{Event: e}
}

// orderChange is the news of an order's row.
func (s *Shop) orderChange(o nopcommerce.Order) inbox.Change {
	created := o.CreatedOn.Time
	if o.PaidDate.After(created) {
		created = o.PaidDate.Time
	}
	c := s.news(OrderChanged, orderPrefix+o.ID.String(), o.ID, o.CustomerID, created, orderNews{ID: o.ID, Number: o.CustomOrderNumber,
		Store: o.StoreID, Status: o.Status.String(), Payment: o.PaymentStatus.String(), Shipping: o.ShippingStatus.String(),
		Created: o.CreatedOn, Paid: o.PaidDate})
	c.Hash = orderHash(o)
	return c
}

// orderGone is the news of an order that is deleted. o is the row that says so; empty where
// there is none any more.
func (s *Shop) orderGone(id nopcommerce.ID, o nopcommerce.Order) inbox.Change {
	c := s.news(OrderDeleted, orderPrefix+id.String(), id, o.CustomerID, o.CreatedOn.Time, orderNews{ID: id, Number: o.CustomOrderNumber,
		Store: o.StoreID, Created: o.CreatedOn, Deleted: true})
	c.Hash = gone
	return c
}

// orderHash is of the row's members that an order's canonical form is made of, and of no
// others: a column that an update or a build adds is no change, nor is the buyer's IP
// address. It holds nothing that we write as notes or generic attributes, so that remarks
// of ours are no news; MarkOrderAsPaid, Ship and refunds of ours are, once. Amounts count by
// value: 5 and 5.0000 are the same.
func orderHash(o nopcommerce.Order) string {
	amounts := []nopcommerce.Number{o.CurrencyRate, o.SubtotalInclTax, o.SubtotalExclTax, o.SubtotalDiscountInclTax, o.SubtotalDiscountExclTax,
		o.ShippingInclTax, o.ShippingExclTax, o.PaymentFeeInclTax, o.PaymentFeeExclTax, o.Tax, o.Discount, o.Total, o.RefundedAmount}
	return digest([]any{o.ID, o.CustomOrderNumber, o.StoreID, o.CustomerID, o.BillingAddressID, o.ShippingAddressID, o.PickupAddressID, o.PickupInStore,
		o.Status, o.PaymentStatus, o.ShippingStatus, o.PaymentMethod, o.ShippingMethod, o.CustomerTaxDisplay, o.VATNumber, o.CheckoutAttributes, o.CheckoutXML,
		o.CreatedOn, o.PaidDate, o.CustomerCurrencyCode, values(amounts), o.TaxRates, o.AuthorizationID, o.CaptureID, o.SubscriptionID})
}

// values writes numbers without needless noughts.
func values(numbers []nopcommerce.Number) []string {
	out := make([]string, len(numbers))
	for i, n := range numbers {
		out[i] = string(n)
		if d, err := n.Decimal(); err == nil {
			out[i] = d.String()
		}
	}
	return out
}

func digest(content any) string {
	b, _ := json.Marshal(content)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// returnNews is what the raw bytes of a return request's event say.
type returnNews struct {
	ID       nopcommerce.ID   `json:"id"`
	Number   string           `json:"number,omitempty"`
	Item     nopcommerce.ID   `json:"item"`
	Status   string           `json:"status"`
	Quantity int              `json:"quantity"`
	Created  nopcommerce.Time `json:"created"`
	Updated  nopcommerce.Time `json:"updated"`
}

// returnChange is the news of a return request of an order's line. Staff notes, comments and
// the date of the last change are not in its hash: a note that we leave is no news.
func (s *Shop) returnChange(r nopcommerce.ReturnRequest, order nopcommerce.ID) inbox.Change {
	created := r.CreatedOn.Time
	if r.UpdatedOn.After(created) {
		created = r.UpdatedOn.Time
	}
	object := returnPrefix + r.ID.String()
	c := s.news(ReturnChanged, object, order, r.CustomerID, created, returnNews{ID: r.ID, Number: r.CustomNumber, Item: r.OrderItemID,
		Status: r.Status.String(), Quantity: r.Quantity, Created: r.CreatedOn, Updated: r.UpdatedOn})
	if c.Event.Object = object; order == 0 { // its line is gone
		c.Event.Subject = object
	}
	c.Hash = digest([]any{r.ID, r.CustomNumber, r.OrderItemID, r.CustomerID, r.Quantity, r.ReturnedQuantity, r.Reason, r.Action, r.Status})
	return c
}
