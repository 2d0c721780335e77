package magentoshop

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/mapping"
)

// Types of the events that the feeds yield. Each only says: look.
const (
	// OrderChanged: an order is new, or not what it was.
	OrderChanged = "order.changed"
	// OrderDeleted: an order that was told is in the shop no more.
	OrderDeleted = "order.deleted"
	// ReturnChanged: a return is new, or not what it was. Its subject is the order.
	ReturnChanged = "return.changed"
)

// Kinds of objects in the feeds' refs, besides orders.
const (
	returnPrefix   = "return/"
	pushPrefix     = "push/"
	customerPrefix = "customer/"
)

// gone is the hash of an order that is deleted.
const gone = "deleted"

// seen are the fields of an order that the feeds ask for: what the hash is of. Without the
// list a page has 40 times as much, since the shop writes all rows twice, the second time
// below shipping_assignments.
var seen = func() []string {
	const address = "[prefix,firstname,middlename,lastname,suffix,company,street,city,postcode,region,region_code,country_id,telephone,vat_id,email]"
	return strings.Split("increment_id state status store_id created_at "+
		"relation_child_id customer_id customer_email customer_firstname customer_lastname customer_group_id customer_taxvat "+
		"order_currency_code base_currency_code shipping_description coupon_code "+
		"grand_total subtotal discount_amount tax_amount shipping_amount "+
		"total_paid total_refunded total_canceled total_invoiced base_grand_total base_total_paid base_total_refunded "+
		"items[item_id,parent_item_id,product_type,sku,name,qty_ordered,qty_invoiced,qty_shipped,qty_refunded,qty_canceled,price,row_total_incl_tax,tax_amount,discount_amount] "+
		"billing_address"+address+" payment[method,last_trans_id] "+
		"extension_attributes[shipping_assignments[shipping[method,address"+address+"]],payment_additional_info[key,value],"+
		"gift_cards_amount,customer_balance_amount,reward_currency_amount]", " ")
}()

// orderNews is what the raw bytes of an order's event say: no amounts and nobody.
type orderNews struct {
	ID      magento.ID   `json:"entity_id"`
	Number  string       `json:"increment_id,omitempty"`
	Store   magento.ID   `json:"store_id,omitempty"`
	State   string       `json:"state,omitempty"`
	Status  string       `json:"status,omitempty"`
	Created magento.Time `json:"created_at,omitzero"`
	Updated magento.Time `json:"updated_at,omitzero"`
	Deleted bool         `json:"deleted,omitempty"`
}

// news makes an event about something of an order.
func (s *Shop) news(kind, object string, order, person magento.ID, created time.Time, say any) commerce.Event {
	raw, _ := json.Marshal(say) // structs of numbers, words and dates always have a JSON form
	e := commerce.Event{Ref: s.origin.With(object), Type: kind, Object: object, Subject: orderPrefix + order.String(), Created: created, Raw: raw}
	if person != 0 {
		e.Person = customerPrefix + person.String()
	}
	return e
}

// orderChange is the news of an order as it stands.
func (s *Shop) orderChange(o magento.Order) inbox.Change {
	return inbox.Change{Hash: orderHash(o), Event: s.news(OrderChanged, s.Ref(o.EntityID).ID, o.EntityID, o.CustomerID, o.UpdatedAt.Time,
		orderNews{ID: o.EntityID, Number: o.IncrementID, Store: o.StoreID, State: o.State, Status: o.Status, Created: o.CreatedAt, Updated: o.UpdatedAt})}
}

// orderGone is the news of an order that was told and is not there.
func (s *Shop) orderGone(id magento.ID, noticed time.Time) inbox.Change {
	return inbox.Change{Hash: gone, Event: s.news(OrderDeleted, s.Ref(id).ID, id, 0, noticed, orderNews{ID: id, Deleted: true})}
}

// orderHash is a digest of what an order's canonical form is made of, and of its date.
//
// In it: state, status, store, number, the dates of creation and of the last change; who
// buys (id, name, e-mail, group, tax number) and both addresses; currencies and totals;
// what was paid, refunded, cancelled and invoiced; the payment's method and ids; for each
// row its SKU, name, price, amounts and quantities; the means of payment of Adobe
// Commerce; the order that took its place.
//
// Not in it: comments, tracks, the taxes by rate, weights, options of products, and what
// an ERP wrote (ext_order_id, which moves the date and is seen by that). The date is in it,
// so that what was changed and changed back between two polls is news. A write of ours that
// moves no date and is not in it, such as a comment, is none.
func orderHash(o magento.Order) string {
	d := digest{b: make([]byte, 0, 2048)}
	d.words(o.IncrementID, o.State, o.Status, o.CustomerEmail, o.CustomerFirstname, o.CustomerLastname, o.CustomerTaxvat,
		o.OrderCurrencyCode, o.BaseCurrencyCode, o.ShippingDescription, o.CouponCode, paymentID(o))
	d.ids(o.EntityID, o.StoreID, o.RelationChildID, o.CustomerID, o.CustomerGroupID)
	d.words(o.CreatedAt.Format(time.DateTime), o.UpdatedAt.Format(time.DateTime))
	d.numbers(o.GrandTotal, o.Subtotal, o.DiscountAmount, o.TaxAmount, o.ShippingAmount,
		o.TotalPaid, o.TotalRefunded, o.TotalCanceled, o.TotalInvoiced, o.BaseGrandTotal, o.BaseTotalPaid, o.BaseTotalRefunded,
		o.Extension.GiftCardsAmount, o.Extension.CustomerBalanceAmount, o.Extension.RewardCurrencyAmount)
	for _, i := range o.Items {
		d.ids(i.ItemID, i.ParentItemID)
		d.words(i.ProductType, i.SKU, i.Name)
		d.numbers(i.QtyOrdered, i.QtyInvoiced, i.QtyShipped, i.QtyRefunded, i.QtyCanceled, i.Price, i.RowTotalInclTax, i.TaxAmount, i.DiscountAmount)
	}
	if o.Payment != nil {
		d.words(o.Payment.Method, o.Payment.LastTransID)
	}
	d.address(o.BillingAddress)
	if ship := o.Shipping(); ship != nil {
		d.words(ship.Method)
		d.address(ship.Address)
	}
	return d.sum()
}

// digest collects what a hash is of. Every part ends in a byte that no text of a shop has,
// so that no two contents run into the same bytes.
type digest struct{ b []byte }

const end = 0

func (d *digest) words(words ...string) {
	for _, w := range words {
		d.b = append(append(d.b, w...), end)
	}
}

func (d *digest) ids(ids ...magento.ID) {
	for _, id := range ids {
		d.words(id.String())
	}
}

// numbers counts by value: 5, 5.0000 and 4.9999999 as PHP may print it are the same, and
// so are null and nought.
func (d *digest) numbers(numbers ...magento.Number) {
	for _, n := range numbers {
		d.words(plain(string(n)))
	}
}

// plain writes a number without needless noughts and in at most 4 decimals.
func plain(n string) string {
	whole, fraction, _ := strings.Cut(n, ".")
	if len(fraction) > 4 || strings.ContainsAny(n, "eE") {
		a, err := mapping.ParseAmount(n)
		if err != nil {
			return n
		}
		whole, fraction, _ = strings.Cut(a.Text(), ".")
	}
	if fraction = strings.TrimRight(fraction, "0"); fraction != "" {
		return whole + "." + fraction
	}
	if whole == "0" || whole == "-0" {
		return ""
	}
	return whole
}

func (d *digest) address(a *magento.OrderAddress) {
	if a == nil {
		d.words("")
		return
	}
	d.words(a.Prefix, a.Firstname, a.Middlename, a.Lastname, a.Suffix, a.Company, a.City, a.Postcode, a.Region, a.RegionCode,
		a.CountryID, a.Telephone, a.VATID, a.Email)
	d.words(a.Street...)
}

func (d *digest) sum() string {
	sum := sha256.Sum256(d.b)
	return hex.EncodeToString(sum[:])
}

// returnNews is what the raw bytes of a return's event say.
type returnNews struct {
	ID        magento.ID   `json:"entity_id"`
	Number    string       `json:"increment_id,omitempty"`
	Order     magento.ID   `json:"order_id"`
	Store     magento.ID   `json:"store_id,omitempty"`
	Status    string       `json:"status"`
	Requested magento.Time `json:"date_requested,omitzero"`
}

// returnChange is the news of a return. Comments and parcels are not in its hash.
func (s *Shop) returnChange(r magento.Return) inbox.Change {
	d := digest{}
	d.ids(r.EntityID, r.OrderID, r.StoreID, r.CustomerID)
	d.words(r.IncrementID, r.Status, r.DateRequested.Format(time.DateTime))
	rows := slices.SortedFunc(slices.Values(r.Items), func(a, b magento.ReturnItem) int { return int(a.EntityID - b.EntityID) })
	for _, i := range rows {
		d.ids(i.EntityID, i.OrderItemID)
		d.words(i.Reason, i.Condition, i.Resolution, i.Status)
		d.numbers(i.QtyRequested, i.QtyAuthorized, i.QtyApproved, i.QtyReturned)
	}
	object := returnPrefix + r.EntityID.String()
	return inbox.Change{Hash: d.sum(), Event: s.news(ReturnChanged, object, r.OrderID, r.CustomerID, r.DateRequested.Time,
		returnNews{ID: r.EntityID, Number: r.IncrementID, Order: r.OrderID, Store: r.StoreID, Status: r.Status, Requested: r.DateRequested})}
}
