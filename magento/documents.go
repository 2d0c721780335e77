package magento

// Invoice is a bill of an order or of a part of it. The first one carries all the
// shipping, and row totals are before discount.
type Invoice struct {
	EntityID      ID           `json:"entity_id"`
	IncrementID   string       `json:"increment_id"`
	OrderID       ID           `json:"order_id"`
	StoreID       ID           `json:"store_id"`
	State         InvoiceState `json:"state"`
	TransactionID string       `json:"transaction_id"` // pi_… with Stripe's module
	CreatedAt     Time         `json:"created_at"`
	UpdatedAt     Time         `json:"updated_at"`

	OrderCurrencyCode string `json:"order_currency_code"`
	BaseCurrencyCode  string `json:"base_currency_code"`
	Totals

	Items    []DocumentItem    `json:"items"`
	Comments []DocumentComment `json:"comments"`
}

// InvoiceState says whether an invoice is paid.
type InvoiceState int

// The states of an invoice.
const (
	InvoiceOpen     InvoiceState = 1
	InvoicePaid     InvoiceState = 2
	InvoiceCanceled InvoiceState = 3
)

// CreditMemo is a refund in the shop's books. It says nothing about whether money
// moved.
type CreditMemo struct {
	EntityID      ID              `json:"entity_id"`
	IncrementID   string          `json:"increment_id"`
	OrderID       ID              `json:"order_id"`
	InvoiceID     ID              `json:"invoice_id"` // 0: made from the order
	StoreID       ID              `json:"store_id"`
	State         CreditMemoState `json:"state"`
	TransactionID string          `json:"transaction_id"`
	CreatedAt     Time            `json:"created_at"`
	UpdatedAt     Time            `json:"updated_at"`

	OrderCurrencyCode  string `json:"order_currency_code"`
	BaseCurrencyCode   string `json:"base_currency_code"`
	Adjustment         Number `json:"adjustment"`
	AdjustmentPositive Number `json:"adjustment_positive"`
	AdjustmentNegative Number `json:"adjustment_negative"`
	BaseAdjustment     Number `json:"base_adjustment"`
	Totals

	Items    []DocumentItem    `json:"items"`
	Comments []DocumentComment `json:"comments"`
}

// CreditMemoState says whether a credit memo is refunded.
type CreditMemoState int

// The states of a credit memo.
const (
	CreditMemoOpen     CreditMemoState = 1
	CreditMemoRefunded CreditMemoState = 2
	CreditMemoCanceled CreditMemoState = 3
)

// Totals are the sums of an invoice or a credit memo, built like those of [Order].
type Totals struct {
	GrandTotal              Number `json:"grand_total"`
	Subtotal                Number `json:"subtotal"`
	SubtotalInclTax         Number `json:"subtotal_incl_tax"`
	DiscountAmount          Number `json:"discount_amount"` // negative
	TaxAmount               Number `json:"tax_amount"`
	ShippingAmount          Number `json:"shipping_amount"`
	ShippingInclTax         Number `json:"shipping_incl_tax"`
	ShippingTaxAmount       Number `json:"shipping_tax_amount"`
	DiscountTaxCompensation Number `json:"discount_tax_compensation_amount"`
	BaseGrandTotal          Number `json:"base_grand_total"`
	BaseSubtotal            Number `json:"base_subtotal"`
	BaseDiscountAmount      Number `json:"base_discount_amount"`
	BaseTaxAmount           Number `json:"base_tax_amount"`
	BaseShippingAmount      Number `json:"base_shipping_amount"`
	BaseShippingTaxAmount   Number `json:"base_shipping_tax_amount"`

	BaseDiscountTaxCompensation Number `json:"base_discount_tax_compensation_amount"`
}

// DocumentItem is a row of an invoice, a credit memo or a shipment (which has no
// amounts but Price).
type DocumentItem struct {
	EntityID                ID     `json:"entity_id"`
	OrderItemID             ID     `json:"order_item_id"`
	SKU                     string `json:"sku"`
	Name                    string `json:"name"`
	Qty                     Number `json:"qty"`
	Price                   Number `json:"price"`
	RowTotal                Number `json:"row_total"`
	RowTotalInclTax         Number `json:"row_total_incl_tax"`
	TaxAmount               Number `json:"tax_amount"`
	DiscountAmount          Number `json:"discount_amount"`
	DiscountTaxCompensation Number `json:"discount_tax_compensation_amount"`
	BaseRowTotal            Number `json:"base_row_total"`
	BaseTaxAmount           Number `json:"base_tax_amount"`
}

// DocumentComment is a remark on an invoice, a shipment or a credit memo.
type DocumentComment struct {
	EntityID           ID     `json:"entity_id"`
	ParentID           ID     `json:"parent_id"`
	Comment            string `json:"comment"`
	CreatedAt          Time   `json:"created_at"`
	IsCustomerNotified Flag   `json:"is_customer_notified"`
	IsVisibleOnFront   Flag   `json:"is_visible_on_front"`
}

// Shipment is goods that left.
type Shipment struct {
	EntityID    ID                `json:"entity_id"`
	IncrementID string            `json:"increment_id"`
	OrderID     ID                `json:"order_id"`
	StoreID     ID                `json:"store_id"`
	TotalQty    Number            `json:"total_qty"`
	CreatedAt   Time              `json:"created_at"`
	UpdatedAt   Time              `json:"updated_at"`
	Items       []DocumentItem    `json:"items"`
	Tracks      []Track           `json:"tracks"`
	Comments    []DocumentComment `json:"comments"`
	Extension   ShipmentExtension `json:"extension_attributes"`
}

// ShipmentExtension holds what modules add to a shipment.
type ShipmentExtension struct {
	SourceCode string `json:"source_code"` // the source whose stock went down
}

// UnmarshalJSON takes an object or PHP's empty list.
func (e *ShipmentExtension) UnmarshalJSON(b []byte) error { return decodeMember(b, e) }

// Track is one tracked parcel of a shipment.
type Track struct {
	EntityID    ID     `json:"entity_id"`
	ParentID    ID     `json:"parent_id"` // the shipment
	OrderID     ID     `json:"order_id"`
	TrackNumber string `json:"track_number"`
	Title       string `json:"title"`
	CarrierCode string `json:"carrier_code"` // "ups", "custom"
	CreatedAt   Time   `json:"created_at"`
}

// Transaction is what a payment gateway did. Offline methods have none.
type Transaction struct {
	TransactionID ID              `json:"transaction_id"` // the row
	OrderID       ID              `json:"order_id"`
	PaymentID     ID              `json:"payment_id"`
	TxnID         string          `json:"txn_id"` // the gateway's: "pi_…", "pi_…-refund"
	ParentTxnID   string          `json:"parent_txn_id"`
	TxnType       TransactionType `json:"txn_type"`
	IsClosed      Flag            `json:"is_closed"`
	CreatedAt     Time            `json:"created_at"`
	Children      []Transaction   `json:"child_transactions"`
}

// TransactionType says what a gateway did.
type TransactionType string

// The types of a transaction.
const (
	TransactionPayment       TransactionType = "payment"
	TransactionOrder         TransactionType = "order"
	TransactionAuthorization TransactionType = "authorization"
	TransactionCapture       TransactionType = "capture"
	TransactionVoid          TransactionType = "void"
	TransactionRefund        TransactionType = "refund"
)
