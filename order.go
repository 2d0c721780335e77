package commerce

import "time"

// Address is a postal address, cleaned: country is ISO 3166-1 alpha-2, region the
// second part of ISO 3166-2 ("TX") where known, phone E.164.
type Address struct {
	Name       string `json:"name"`
	Company    string `json:"company"`
	Street     string `json:"street"` // lines joined by \n
	City       string `json:"city"`
	PostalCode string `json:"postal_code"`
	Region     string `json:"region"`  // code where known, else the text as given
	Country    string `json:"country"` // "DE"
	Phone      string `json:"phone"`   // "+491701234567"; empty where unknown
	VATID      string `json:"vat_id"`
}

// Customer is who bought. A guest has no Ref.ID.
type Customer struct {
	Ref         Ref      `json:"ref"`
	Guest       bool     `json:"guest"`
	Name        string   `json:"name"`
	Email       string   `json:"email"` // in small letters, spaces trimmed
	Phone       string   `json:"phone"`
	Company     string   `json:"company"`
	VATIDs      []string `json:"vat_ids"`
	TaxExempt   bool     `json:"tax_exempt"`
	Group       string   `json:"group"` // the shop's customer group
	Website     string   `json:"website"`
	VerifiedFor string   `json:"verified_for"` // website the e-mail was verified for; empty = not verified
}

// OrderState is the canonical state of an order.
type OrderState string

const (
	OrderPending    OrderState = "pending"    // placed, waits for payment
	OrderReview     OrderState = "review"     // a gateway or a person reviews it
	OrderProcessing OrderState = "processing" // paid or being shipped
	OrderComplete   OrderState = "complete"   // all invoiced and all shipped
	OrderClosed     OrderState = "closed"     // all refunded
	OrderCanceled   OrderState = "canceled"
	OrderOnHold     OrderState = "on_hold"
	OrderUnknown    OrderState = "unknown" // a state of a plugin: hands off
)

// TaxOn says what a tax line is levied on.
type TaxOn string

const (
	TaxOnLine     TaxOn = "line"
	TaxOnShipping TaxOn = "shipping"
	TaxOnFee      TaxOn = "fee"
)

// TaxLine is one tax of one line, of shipping or of a fee. The shop's tax is the
// truth: the customer paid it.
type TaxLine struct {
	Code     string  `json:"code"` // the shop's code of the rate
	Title    string  `json:"title"`
	Country  string  `json:"country"` // ship-to country the rate was chosen for
	Region   string  `json:"region"`
	Rate     Decimal `json:"rate"` // percent: 19
	Base     Money   `json:"base"` // net amount taxed, after discount
	Amount   Money   `json:"amount"`
	Included bool    `json:"included"` // the shop's price includes it
	On       TaxOn   `json:"on"`
	Line     string  `json:"line"` // OrderLine.ID for TaxOnLine
}

// Discount is one reduction of a line, of shipping or of the order, positive.
type Discount struct {
	Code   string `json:"code"` // coupon or rule, as the shop names it
	Amount Money  `json:"amount"`
}

// OrderLine is one thing sold. Children of configurable and bundle products are
// folded into what can be invoiced and shipped; Parent names the row they hang on.
// Amounts are of the whole line, in order currency.
type OrderLine struct {
	ID        string     `json:"id"`     // the shop's id of the row
	Parent    string     `json:"parent"` // ID of the bundle row that this line is a part of; empty = none
	SKU       string     `json:"sku"`
	Name      string     `json:"name"`
	Quantity  Decimal    `json:"quantity"` // ordered
	Canceled  Decimal    `json:"canceled"`
	Invoiced  Decimal    `json:"invoiced"`
	Shipped   Decimal    `json:"shipped"`
	Refunded  Decimal    `json:"refunded"`
	Virtual   bool       `json:"virtual"`
	Net       Money      `json:"net"`      // without tax, before discount
	Discount  Money      `json:"discount"` // without tax, positive
	Tax       Money      `json:"tax"`      // on Net - Discount
	Taxes     []TaxLine  `json:"taxes"`
	Discounts []Discount `json:"discounts"`
}

// Shipping is the charge for delivery, in order currency.
type Shipping struct {
	Method   string    `json:"method"` // "flatrate_flatrate"
	Title    string    `json:"title"`
	Net      Money     `json:"net"`      // before discount
	Discount Money     `json:"discount"` // positive
	Tax      Money     `json:"tax"`
	Taxes    []TaxLine `json:"taxes"`
}

// Totals are the sums of an order in one currency:
// Gross = Net - Discount + Shipping - ShippingDiscount + Fees + Tax.
// Gross is what the buyer owes before any tender (gift card, points …) is counted.
type Totals struct {
	Net              Money `json:"net"`      // lines before discount, without tax
	Discount         Money `json:"discount"` // positive, without tax
	Shipping         Money `json:"shipping"` // without tax, before discount
	ShippingDiscount Money `json:"shipping_discount"`
	Fees             Money `json:"fees"`
	Tax              Money `json:"tax"`
	Gross            Money `json:"gross"`
}

// TenderKind says by what means a part of an order is paid.
type TenderKind string

const (
	TenderStripe      TenderKind = "stripe"
	TenderGiftCard    TenderKind = "gift_card"
	TenderStoreCredit TenderKind = "store_credit"
	TenderPoints      TenderKind = "points"
	TenderOffline     TenderKind = "offline"
)

// Tender is one means of payment of an order; all tenders add up to Totals.Gross.
type Tender struct {
	Kind      TenderKind `json:"kind"`
	Amount    Money      `json:"amount"`
	Reference string     `json:"reference"` // pi_…, gift card code's id; never the code itself
}

// Order is a sale as the shop keeps it.
type Order struct {
	Ref       Ref        `json:"ref"`    // ID "order/<entity id>"
	Number    string     `json:"number"` // what the buyer sees; unique per store only
	Store     string     `json:"store"`  // id of the store (view)
	Website   string     `json:"website"`
	Placed    time.Time  `json:"placed"`
	Updated   time.Time  `json:"updated"`
	State     OrderState `json:"state"`
	RawState  string     `json:"raw_state"` // the shop's own words
	RawStatus string     `json:"raw_status"`
	// Replaced is the ref id of the order that an edit put in this one's place; empty = none.
	Replaced string `json:"replaced"`

	Currency         Currency `json:"currency"`      // what the buyer saw and pays
	BaseCurrency     Currency `json:"base_currency"` // the website's
	PricesIncludeTax bool     `json:"prices_include_tax"`

	Customer        Customer `json:"customer"`
	BillingAddress  Address  `json:"billing_address"`
	ShippingAddress *Address `json:"shipping_address"` // nil: nothing is shipped

	Lines      []OrderLine `json:"lines"`
	Shipping   Shipping    `json:"shipping"`
	Totals     Totals      `json:"totals"`
	BaseTotals Totals      `json:"base_totals"`
	Tenders    []Tender    `json:"tenders"`

	PaymentMethod string `json:"payment_method"` // the shop's word: "stripe_payments"
	PaymentID     string `json:"payment_id"`     // pi_… or ch_… as the shop knows it; may be empty
	Paid          Money  `json:"paid"`           // what the shop has recorded as paid, in order currency
	Refunded      Money  `json:"refunded"`
}

// Due returns what is to be collected by Stripe: the sum of the Stripe tenders.
func (o Order) Due() (Money, error) {
	due := Zero(o.Currency)
	var err error
	for _, t := range o.Tenders {
		if t.Kind == TenderStripe {
			if due, err = due.Add(t.Amount); err != nil {
				return Money{}, err
			}
		}
	}
	return due, nil
}

// Shipment is goods on their way, as a warehouse or a shop records it.
type Shipment struct {
	Ref     Ref            `json:"ref"`
	Number  string         `json:"number"`
	Order   Ref            `json:"order"` // the order in the same system
	Key     string         `json:"key"`   // our reference of that order, where the system keeps one
	Sent    time.Time      `json:"sent"`
	Lines   []ShipmentLine `json:"lines"`
	Parcels []Parcel       `json:"parcels"`
}

// ShipmentLine is a quantity of one SKU in a shipment.
type ShipmentLine struct {
	OrderLine string  `json:"order_line"` // id of the order's row, in the system of Shipment.Order
	SKU       string  `json:"sku"`
	Quantity  Decimal `json:"quantity"`
}

// Parcel is one tracked package.
type Parcel struct {
	Carrier  string `json:"carrier"`
	Tracking string `json:"tracking"`
	URL      string `json:"url"`
}

// Unsent reports whether goods of the order are still to be sent.
func (o Order) Unsent() (bool, error) {
	for _, l := range o.Lines {
		if l.Virtual {
			continue
		}
		open, err := l.Quantity.Sub(l.Canceled)
		if err == nil {
			open, err = open.Sub(l.Shipped)
		}
		if err != nil {
			return false, Errorf(KindInvalid, "commerce", "look for goods to send", "line %s: %w", l.ID, err)
		}
		if open.Sign() > 0 {
			return true, nil
		}
	}
	return false, nil
}

// Document is what a write left at a far side: the permanent cross reference
// between systems.
type Document struct {
	Ref    Ref    `json:"ref"`
	Number string `json:"number,omitempty"`
	State  string `json:"state,omitempty"`
	Total  Money  `json:"total,omitzero"`
}
