package nopcommerce

import "encoding/json"

// Order is a sale as the shop keeps it: one row. Items, notes, addresses and shipments are
// rows of their own, and the order says nothing of when it was changed. Every amount is in
// the primary store currency, which the order does not name; the buyer saw
// CustomerCurrencyCode, and CurrencyRate is what one primary unit was in it then.
//
// The community API embeds addresses and items, and leaves out OrderGUID,
// CustomOrderNumber, the ids of the addresses, the checkout's XML and the pick-up address.
type Order struct {
	ID                 ID     `json:"id"`
	OrderGUID          string `json:"order_guid,omitempty"`
	CustomOrderNumber  string `json:"custom_order_number"` // what people see; may be empty just after the order was placed
	StoreID            ID     `json:"store_id"`
	CustomerID         ID     `json:"customer_id"`
	BillingAddressID   ID     `json:"billing_address_id"` // order addresses are copies: the customer's have other ids
	ShippingAddressID  ID     `json:"shipping_address_id,omitempty" zero:"null"`
	PickupAddressID    ID     `json:"pickup_address_id,omitempty" zero:"null"`
	PickupInStore      bool   `json:"pickup_in_store"`
	PaymentMethod      string `json:"payment_method_system_name"`
	ShippingMethod     string `json:"shipping_method"`
	ShippingRateMethod string `json:"shipping_rate_computation_method_system_name"`
	CustomerLanguageID ID     `json:"customer_language_id"`
	CustomerTaxDisplay int    `json:"customer_tax_display_type_id"` // 0: with tax, 10: without
	AffiliateID        ID     `json:"affiliate_id"`
	CustomerIP         string `json:"customer_ip"`
	VATNumber          string `json:"vat_number"`
	CheckoutAttributes string `json:"checkout_attribute_description"` // HTML
	CheckoutXML        string `json:"checkout_attributes_xml"`
	CustomValuesXML    string `json:"custom_values_xml"` // what the payment plugin shows to people
	Deleted            bool   `json:"deleted"`           // Get also returns deleted orders
	CreatedOn          Time   `json:"created_on_utc"`
	PaidDate           Time   `json:"paid_date_utc"`
	RewardPointsID     ID     `json:"reward_points_history_entry_id,omitempty" zero:"null"`
	RedeemedPointsID   ID     `json:"redeemed_reward_points_entry_id,omitempty" zero:"null"`
	StoresCards        bool   `json:"allow_storing_credit_card_number"`

	Status         OrderStatus    `json:"order_status_id"`
	PaymentStatus  PaymentStatus  `json:"payment_status_id"`
	ShippingStatus ShippingStatus `json:"shipping_status_id"`

	CustomerCurrencyCode string `json:"customer_currency_code"`
	CurrencyRate         Number `json:"currency_rate,omitempty"`

	SubtotalInclTax         Number `json:"order_subtotal_incl_tax,omitempty"`
	SubtotalExclTax         Number `json:"order_subtotal_excl_tax,omitempty"`
	SubtotalDiscountInclTax Number `json:"order_sub_total_discount_incl_tax,omitempty"`
	SubtotalDiscountExclTax Number `json:"order_sub_total_discount_excl_tax,omitempty"`
	ShippingInclTax         Number `json:"order_shipping_incl_tax,omitempty"`
	ShippingExclTax         Number `json:"order_shipping_excl_tax,omitempty"`
	PaymentFeeInclTax       Number `json:"payment_method_additional_fee_incl_tax,omitempty"`
	PaymentFeeExclTax       Number `json:"payment_method_additional_fee_excl_tax,omitempty"`
	TaxRates                string `json:"tax_rates"` // "7.0000:5.60;   "; see ParseTaxRates
	Tax                     Number `json:"order_tax,omitempty"`
	Discount                Number `json:"order_discount,omitempty"`
	Total                   Number `json:"order_total,omitempty"` // net of reward points and gift cards
	RefundedAmount          Number `json:"refunded_amount,omitempty"`

	// The gateway's ids. Plugins write pi_ and ch_ into either of the first two.
	AuthorizationID     string `json:"authorization_transaction_id"`
	CaptureID           string `json:"capture_transaction_id"`
	AuthorizationCode   string `json:"authorization_transaction_code"`
	AuthorizationResult string `json:"authorization_transaction_result"`
	CaptureResult       string `json:"capture_transaction_result"`
	SubscriptionID      string `json:"subscription_transaction_id"`

	// What the community API embeds; nil in the official one.
	BillingAddress  *Address    `json:"billing_address,omitempty"`
	ShippingAddress *Address    `json:"shipping_address,omitempty"`
	Customer        *Customer   `json:"customer,omitempty"` // old plugins only
	Items           []OrderItem `json:"order_items,omitempty"`

	// Raw is the row as the shop sent it, without card data.
	Raw Raw `json:"-"`
}

// UnmarshalJSON takes an order of either API and keeps its bytes.
func (o *Order) UnmarshalJSON(b []byte) error {
	type row Order
	*o = Order{}
	if err := o.Raw.keep(b, (*row)(o)); err != nil {
		return err
	}
	var c struct { // the community API's names
		Status   OrderStatus    `json:"order_status"`
		Payment  PaymentStatus  `json:"payment_status"`
		Shipping ShippingStatus `json:"shipping_status"`
		Pickup   bool           `json:"pick_up_in_store"`
	}
	if o.Status != 0 {
		return nil
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return within(b, &c, err)
	}
	o.Status, o.PaymentStatus, o.ShippingStatus, o.PickupInStore = c.Status, c.Payment, c.Shipping, c.Pickup
	return nil
}

// OrderItem is one line of an order. It names a product and no sku: [Items.Lines] finds it.
type OrderItem struct {
	ID                   ID     `json:"id"`
	OrderItemGUID        string `json:"order_item_guid,omitempty"`
	OrderID              ID     `json:"order_id"`
	ProductID            ID     `json:"product_id"`
	Quantity             int    `json:"quantity"`
	UnitPriceInclTax     Number `json:"unit_price_incl_tax,omitempty"`
	UnitPriceExclTax     Number `json:"unit_price_excl_tax,omitempty"`
	PriceInclTax         Number `json:"price_incl_tax,omitempty"` // of the line
	PriceExclTax         Number `json:"price_excl_tax,omitempty"`
	DiscountInclTax      Number `json:"discount_amount_incl_tax,omitempty"`
	DiscountExclTax      Number `json:"discount_amount_excl_tax,omitempty"`
	OriginalProductCost  Number `json:"original_product_cost,omitempty"`
	AttributeDescription string `json:"attribute_description"` // HTML
	AttributesXML        string `json:"attributes_xml"`
	DownloadCount        int    `json:"download_count"`
	DownloadActivated    bool   `json:"is_download_activated"`
	LicenseDownloadID    ID     `json:"license_download_id,omitempty" zero:"null"`
	ItemWeight           Number `json:"item_weight,omitempty"`
	RentalStart          Time   `json:"rental_start_date_utc"`
	RentalEnd            Time   `json:"rental_end_date_utc"`

	// What the community API sends in place of AttributesXML.
	Product    *Product        `json:"product,omitempty"`
	Attributes []ItemAttribute `json:"product_attributes,omitempty"`

	// Raw is the row as the shop sent it.
	Raw Raw `json:"-"`
}

// ItemAttribute is a choice of the buyer, as the community API tells it.
type ItemAttribute struct {
	ID    ID     `json:"id"` // of the attribute's mapping to the product
	Value string `json:"value"`
}

// UnmarshalJSON takes a row of either API and keeps its bytes.
func (i *OrderItem) UnmarshalJSON(b []byte) error {
	type row OrderItem
	*i = OrderItem{}
	return i.Raw.keep(b, (*row)(i))
}
