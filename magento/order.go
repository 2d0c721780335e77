package magento

import "encoding/json"

// Order is a sale as the shop keeps it. Amounts come twice: Base in the website's
// currency, the others in the currency that the buyer saw. Never convert one into the
// other; Magento rounds unit prices before it multiplies.
//
// The sums hold in both currencies:
//
//	GrandTotal = Subtotal + DiscountAmount (negative) + ShippingAmount + TaxAmount
//	           + DiscountTaxCompensation + ShippingDiscountTaxCompensation
//
// less gift cards, store credit and points in Adobe Commerce, which stand in Extension.
type Order struct {
	EntityID    ID     `json:"entity_id"`
	IncrementID string `json:"increment_id"` // what the buyer sees; unique per store view only
	ExtOrderID  string `json:"ext_order_id"`
	State       string `json:"state"`  // the machine's; decide by this one
	Status      string `json:"status"` // a label that shops add to; empty = null
	StoreID     ID     `json:"store_id"`
	StoreName   string `json:"store_name"` // website, group and view, joined by \n
	CreatedAt   Time   `json:"created_at"`
	UpdatedAt   Time   `json:"updated_at"`
	IsVirtual   Flag   `json:"is_virtual"`

	HoldBeforeState  string `json:"hold_before_state"`
	HoldBeforeStatus string `json:"hold_before_status"`

	// An edited order is canceled and replaced by another one; the children name it.
	OriginalIncrementID   string `json:"original_increment_id"`
	RelationChildID       ID     `json:"relation_child_id"`
	RelationChildRealID   string `json:"relation_child_real_id"`
	RelationParentID      ID     `json:"relation_parent_id"`
	RelationParentRealID  string `json:"relation_parent_real_id"`
	CustomerID            ID     `json:"customer_id"` // 0: a guest
	CustomerIsGuest       Flag   `json:"customer_is_guest"`
	CustomerEmail         string `json:"customer_email"`
	CustomerFirstname     string `json:"customer_firstname"`
	CustomerLastname      string `json:"customer_lastname"`
	CustomerGroupID       ID     `json:"customer_group_id"`
	CustomerTaxvat        string `json:"customer_taxvat"`
	CouponCode            string `json:"coupon_code"`
	DiscountDescription   string `json:"discount_description"`
	ShippingDescription   string `json:"shipping_description"`
	OrderCurrencyCode     string `json:"order_currency_code"` // what the buyer saw
	BaseCurrencyCode      string `json:"base_currency_code"`  // the website's
	GlobalCurrencyCode    string `json:"global_currency_code"`
	BaseToOrderRate       Number `json:"base_to_order_rate"` // fixed when the order was placed
	BaseToGlobalRate      Number `json:"base_to_global_rate"`
	TotalQtyOrdered       Number `json:"total_qty_ordered"`
	GrandTotal            Number `json:"grand_total"`
	Subtotal              Number `json:"subtotal"` // net, also where prices include tax
	SubtotalInclTax       Number `json:"subtotal_incl_tax"`
	DiscountAmount        Number `json:"discount_amount"` // negative
	TaxAmount             Number `json:"tax_amount"`
	ShippingAmount        Number `json:"shipping_amount"` // net
	ShippingInclTax       Number `json:"shipping_incl_tax"`
	ShippingTaxAmount     Number `json:"shipping_tax_amount"`
	ShippingDiscount      Number `json:"shipping_discount_amount"` // positive
	TotalDue              Number `json:"total_due"`
	TotalPaid             Number `json:"total_paid"` // empty: nothing yet
	TotalInvoiced         Number `json:"total_invoiced"`
	TotalRefunded         Number `json:"total_refunded"`
	TotalCanceled         Number `json:"total_canceled"`
	ShippingInvoiced      Number `json:"shipping_invoiced"`
	ShippingRefunded      Number `json:"shipping_refunded"`
	ShippingTaxRefunded   Number `json:"shipping_tax_refunded"`
	AdjustmentPositive    Number `json:"adjustment_positive"`
	AdjustmentNegative    Number `json:"adjustment_negative"`
	BaseGrandTotal        Number `json:"base_grand_total"`
	BaseSubtotal          Number `json:"base_subtotal"`
	BaseSubtotalInclTax   Number `json:"base_subtotal_incl_tax"`
	BaseDiscountAmount    Number `json:"base_discount_amount"`
	BaseTaxAmount         Number `json:"base_tax_amount"`
	BaseShippingAmount    Number `json:"base_shipping_amount"`
	BaseShippingInclTax   Number `json:"base_shipping_incl_tax"`
	BaseShippingTaxAmount Number `json:"base_shipping_tax_amount"`
	BaseShippingDiscount  Number `json:"base_shipping_discount_amount"`
	BaseShippingRefunded  Number `json:"base_shipping_refunded"`
	BaseTotalDue          Number `json:"base_total_due"`
	BaseTotalPaid         Number `json:"base_total_paid"`
	BaseTotalRefunded     Number `json:"base_total_refunded"`

	BaseShippingTaxRefunded Number `json:"base_shipping_tax_refunded"`

	// The tax inside a discount, where prices include tax and tax is computed after
	// the discount.
	DiscountTaxCompensation             Number `json:"discount_tax_compensation_amount"`
	ShippingDiscountTaxCompensation     Number `json:"shipping_discount_tax_compensation_amount"`
	BaseDiscountTaxCompensation         Number `json:"base_discount_tax_compensation_amount"`
	BaseShippingDiscountTaxCompensation Number `json:"base_shipping_discount_tax_compensation_amnt"` // Magento cuts the name

	Items           []OrderItem     `json:"items"`
	BillingAddress  *OrderAddress   `json:"billing_address"`
	Payment         *OrderPayment   `json:"payment"`
	StatusHistories []StatusHistory `json:"status_histories"`
	Extension       OrderExtension  `json:"extension_attributes"`

	// Raw is the order as the shop sent it.
	Raw json.RawMessage `json:"-"`
}

// UnmarshalJSON decodes an order and keeps its bytes.
func (o *Order) UnmarshalJSON(b []byte) error { return decode(b, o) }

// Shipping returns how and where the order is sent; nil for a virtual one.
func (o Order) Shipping() *Shipping {
	for _, a := range o.Extension.ShippingAssignments {
		if a.Shipping.Address != nil || a.Shipping.Method != "" {
			return &a.Shipping
		}
	}
	return nil
}

// PaymentInfo returns what is stored beside the payment under a key, such as
// payment_intent_id; empty where there is nothing.
func (o Order) PaymentInfo(key string) string {
	for _, i := range o.Extension.PaymentAdditionalInfo {
		if i.Key == key {
			return i.Value
		}
	}
	return ""
}

// OrderExtension holds what modules add to an order. Adobe Commerce fills the means
// of payment: GrandTotal is what is left after them.
type OrderExtension struct {
	ShippingAssignments   []ShippingAssignment `json:"shipping_assignments"`
	PaymentAdditionalInfo []KeyValue           `json:"payment_additional_info"`
	// ConvertingFromQuote is set where tax was computed, which tells an order without
	// tax from one whose taxes are not known.
	ConvertingFromQuote Flag             `json:"converting_from_quote"`
	AppliedTaxes        []AppliedTax     `json:"applied_taxes"`      // by rate, shipping included
	ItemAppliedTaxes    []ItemAppliedTax `json:"item_applied_taxes"` // by row and rate

	GiftCards                 []GiftCard `json:"gift_cards"`
	GiftCardsAmount           Number     `json:"gift_cards_amount"`
	BaseGiftCardsAmount       Number     `json:"base_gift_cards_amount"`
	CustomerBalanceAmount     Number     `json:"customer_balance_amount"` // store credit
	BaseCustomerBalanceAmount Number     `json:"base_customer_balance_amount"`
	RewardCurrencyAmount      Number     `json:"reward_currency_amount"` // points, as money
	BaseRewardCurrencyAmount  Number     `json:"base_reward_currency_amount"`
}

// UnmarshalJSON takes an object or PHP's empty list.
func (e *OrderExtension) UnmarshalJSON(b []byte) error { return decodeMember(b, e) }

// ShippingAssignment is the delivery of an order.
type ShippingAssignment struct {
	Shipping Shipping `json:"shipping"`
}

// Shipping is where and how an order is sent.
type Shipping struct {
	Address *OrderAddress `json:"address"`
	Method  string        `json:"method"` // carrier_method: "flatrate_flatrate"
}

// KeyValue is one entry of an associative PHP array. A boolean true is "1" or
// "true", a false is "".
type KeyValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// UnmarshalJSON takes any plain value as text.
func (kv *KeyValue) UnmarshalJSON(b []byte) error { return decode(b, kv) }

// AppliedTax is one rate and what it came to.
type AppliedTax struct {
	Code       string `json:"code"`
	Title      string `json:"title"`
	Percent    Number `json:"percent"`
	Amount     Number `json:"amount"`
	BaseAmount Number `json:"base_amount"`
}

// ItemAppliedTax is the tax of one row or of shipping, by rate.
type ItemAppliedTax struct {
	Type         string       `json:"type"`    // "product" or "shipping"
	ItemID       ID           `json:"item_id"` // for product
	AppliedTaxes []AppliedTax `json:"applied_taxes"`
}

// GiftCard is a gift card that paid a part. Its code is not decoded: whoever knows a
// code can spend it.
type GiftCard struct {
	ID         ID     `json:"id"`
	Amount     Number `json:"amount"`
	BaseAmount Number `json:"base_amount"`
}

// OrderItem is one row of an order. A configurable product has a row with the money
// and a child without; a bundle has its money on the children (dynamic price; the
// parent repeats the sum) or on the parent (fixed price).
//
// RowTotal and RowTotalInclTax are after the discount on orders (and before it on
// invoices and credit memos). Price times QtyOrdered is not RowTotal: take the row.
type OrderItem struct {
	ItemID       ID     `json:"item_id"`
	OrderID      ID     `json:"order_id"`
	ParentItemID ID     `json:"parent_item_id"` // 0: no child
	ProductID    ID     `json:"product_id"`
	ProductType  string `json:"product_type"` // "simple", "configurable", "bundle", "virtual" …
	SKU          string `json:"sku"`
	Name         string `json:"name"`
	IsVirtual    Flag   `json:"is_virtual"`

	QtyOrdered  Number `json:"qty_ordered"` // of a child: already times the parent's
	QtyInvoiced Number `json:"qty_invoiced"`
	QtyShipped  Number `json:"qty_shipped"`
	QtyRefunded Number `json:"qty_refunded"`
	QtyCanceled Number `json:"qty_canceled"`

	Price                       Number `json:"price"` // net
	PriceInclTax                Number `json:"price_incl_tax"`
	OriginalPrice               Number `json:"original_price"`
	RowTotal                    Number `json:"row_total"`
	RowTotalInclTax             Number `json:"row_total_incl_tax"`
	TaxAmount                   Number `json:"tax_amount"`
	TaxPercent                  Number `json:"tax_percent"`     // several rates on a row: their sum
	DiscountAmount              Number `json:"discount_amount"` // positive
	DiscountPercent             Number `json:"discount_percent"`
	DiscountTaxCompensation     Number `json:"discount_tax_compensation_amount"`
	BasePrice                   Number `json:"base_price"`
	BaseRowTotal                Number `json:"base_row_total"`
	BaseRowTotalInclTax         Number `json:"base_row_total_incl_tax"`
	BaseTaxAmount               Number `json:"base_tax_amount"`
	BaseDiscountAmount          Number `json:"base_discount_amount"`
	BaseDiscountTaxCompensation Number `json:"base_discount_tax_compensation_amount"`

	// What was invoiced of the row, and what of that was refunded: before the discount,
	// other than RowTotal.
	RowInvoiced                         Number `json:"row_invoiced"`
	DiscountInvoiced                    Number `json:"discount_invoiced"`
	TaxInvoiced                         Number `json:"tax_invoiced"`
	DiscountTaxCompensationInvoiced     Number `json:"discount_tax_compensation_invoiced"`
	AmountRefunded                      Number `json:"amount_refunded"`
	DiscountRefunded                    Number `json:"discount_refunded"`
	TaxRefunded                         Number `json:"tax_refunded"`
	DiscountTaxCompensationRefunded     Number `json:"discount_tax_compensation_refunded"`
	BaseRowInvoiced                     Number `json:"base_row_invoiced"`
	BaseDiscountInvoiced                Number `json:"base_discount_invoiced"`
	BaseTaxInvoiced                     Number `json:"base_tax_invoiced"`
	BaseDiscountTaxCompensationInvoiced Number `json:"base_discount_tax_compensation_invoiced"`
	BaseAmountRefunded                  Number `json:"base_amount_refunded"`
	BaseDiscountRefunded                Number `json:"base_discount_refunded"`
	BaseTaxRefunded                     Number `json:"base_tax_refunded"`
	BaseDiscountTaxCompensationRefunded Number `json:"base_discount_tax_compensation_refunded"`
}

// OrderAddress is an address of an order. It is flat, other than a customer's.
type OrderAddress struct {
	EntityID   ID       `json:"entity_id"`
	Type       string   `json:"address_type"` // "billing" or "shipping"
	Email      string   `json:"email"`
	Prefix     string   `json:"prefix"`
	Firstname  string   `json:"firstname"`
	Middlename string   `json:"middlename"`
	Lastname   string   `json:"lastname"`
	Suffix     string   `json:"suffix"`
	Company    string   `json:"company"`
	Street     []string `json:"street"`
	City       string   `json:"city"`
	Postcode   string   `json:"postcode"`
	Region     string   `json:"region"` // text as shown
	RegionCode string   `json:"region_code"`
	RegionID   ID       `json:"region_id"`
	CountryID  string   `json:"country_id"` // ISO 3166-1 alpha-2
	Telephone  string   `json:"telephone"`
	VATID      string   `json:"vat_id"` // free text, not checked
}

// OrderPayment is how an order is paid. Keys and values stand in
// [OrderExtension.PaymentAdditionalInfo]: the payment's own list has lost its keys.
type OrderPayment struct {
	EntityID          ID     `json:"entity_id"`
	Method            string `json:"method"`        // "stripe_payments", "checkmo", "free"
	LastTransID       string `json:"last_trans_id"` // pi_… with Stripe's module, perhaps with a suffix
	AmountOrdered     Number `json:"amount_ordered"`
	AmountPaid        Number `json:"amount_paid"`
	AmountAuthorized  Number `json:"amount_authorized"`
	AmountRefunded    Number `json:"amount_refunded"`
	BaseAmountOrdered Number `json:"base_amount_ordered"`
	CCLast4           string `json:"cc_last4"`
	CCType            string `json:"cc_type"`
}

// StatusHistory is a comment on an order and the status it had.
type StatusHistory struct {
	EntityID           ID     `json:"entity_id"`
	ParentID           ID     `json:"parent_id"`
	EntityName         string `json:"entity_name"` // "order", "invoice", "shipment", "creditmemo"
	Comment            string `json:"comment"`
	Status             string `json:"status"`
	CreatedAt          Time   `json:"created_at"`
	IsCustomerNotified Flag   `json:"is_customer_notified"`
	IsVisibleOnFront   Flag   `json:"is_visible_on_front"`
}
