package nopcommerce

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// OrderStatus is how far an order is. 10, 20, 30 and 40 mean other things in the three
// status columns, so that each has a type of its own.
type OrderStatus int

// The statuses of an order.
const (
	OrderPending    OrderStatus = 10
	OrderProcessing OrderStatus = 20
	OrderComplete   OrderStatus = 30
	OrderCancelled  OrderStatus = 40
)

// PaymentStatus is what the shop knows of an order's money. There is no failed one.
type PaymentStatus int

// The statuses of a payment. Voided means a released authorisation, never a decline.
const (
	PaymentPending           PaymentStatus = 10
	PaymentAuthorized        PaymentStatus = 20
	PaymentPaid              PaymentStatus = 30
	PaymentPartiallyRefunded PaymentStatus = 35
	PaymentRefunded          PaymentStatus = 40
	PaymentVoided            PaymentStatus = 50
)

// ShippingStatus is how much of an order was shipped.
type ShippingStatus int

// The statuses of shipping.
const (
	ShippingNotRequired ShippingStatus = 10
	NotYetShipped       ShippingStatus = 20
	PartiallyShipped    ShippingStatus = 25
	Shipped             ShippingStatus = 30
	Delivered           ShippingStatus = 40
)

// ReturnStatus is how far a return request is. Zero is a status of its own.
type ReturnStatus int

// The statuses of a return request. It is a ticket: none of them moves money or stock.
const (
	ReturnPending       ReturnStatus = 0
	ReturnReceived      ReturnStatus = 10
	ReturnAuthorized    ReturnStatus = 20
	ReturnItemsRepaired ReturnStatus = 30
	ReturnItemsRefunded ReturnStatus = 40
	ReturnRejected      ReturnStatus = 50
	ReturnCancelled     ReturnStatus = 60
)

// CyclePeriod is the unit of a recurring payment's cycle. Zero is days.
type CyclePeriod int

// The units of a cycle.
const (
	Days   CyclePeriod = 0
	Weeks  CyclePeriod = 10
	Months CyclePeriod = 20
	Years  CyclePeriod = 30
)

// InventoryMethod says where the stock of a product is counted.
type InventoryMethod int

// The ways to count stock.
const (
	StockNotManaged   InventoryMethod = 0
	StockByProduct    InventoryMethod = 1
	StockByAttributes InventoryMethod = 2 // by attribute combination
)

var (
	orderStatuses = map[OrderStatus]string{OrderPending: "Pending", OrderProcessing: "Processing",
		OrderComplete: "Complete", OrderCancelled: "Cancelled"}
	paymentStatuses = map[PaymentStatus]string{PaymentPending: "Pending", PaymentAuthorized: "Authorized", PaymentPaid: "Paid",
		PaymentPartiallyRefunded: "PartiallyRefunded", PaymentRefunded: "Refunded", PaymentVoided: "Voided"}
	shippingStatuses = map[ShippingStatus]string{ShippingNotRequired: "ShippingNotRequired", NotYetShipped: "NotYetShipped",
		PartiallyShipped: "PartiallyShipped", Shipped: "Shipped", Delivered: "Delivered"}
	returnStatuses = map[ReturnStatus]string{ReturnPending: "Pending", ReturnReceived: "Received", ReturnAuthorized: "ReturnAuthorized",
		ReturnItemsRepaired: "ItemsRepaired", ReturnItemsRefunded: "ItemsRefunded", ReturnRejected: "RequestRejected", ReturnCancelled: "Cancelled"}
	cyclePeriods     = map[CyclePeriod]string{Days: "Days", Weeks: "Weeks", Months: "Months", Years: "Years"}
	inventoryMethods = map[InventoryMethod]string{StockNotManaged: "DontManageStock", StockByProduct: "ManageStock",
		StockByAttributes: "ManageStockByAttributes"}
)

// String returns the shop's word, or the number of one that is not known.
func (s OrderStatus) String() string { return word(orderStatuses, s) }

// String returns the shop's word, or the number of one that is not known.
func (s PaymentStatus) String() string { return word(paymentStatuses, s) }

// String returns the shop's word, or the number of one that is not known.
func (s ShippingStatus) String() string { return word(shippingStatuses, s) }

// String returns the shop's word, or the number of one that is not known.
func (s ReturnStatus) String() string { return word(returnStatuses, s) }

// String returns the shop's word, or the number of one that is not known.
func (p CyclePeriod) String() string { return word(cyclePeriods, p) }

// String returns the shop's word, or the number of one that is not known.
func (m InventoryMethod) String() string { return word(inventoryMethods, m) }

// UnmarshalJSON takes the official API's number or the community API's word.
func (s *OrderStatus) UnmarshalJSON(b []byte) error { return readWord(orderStatuses, s, b) }

// UnmarshalJSON takes the official API's number or the community API's word.
func (s *PaymentStatus) UnmarshalJSON(b []byte) error { return readWord(paymentStatuses, s, b) }

// UnmarshalJSON takes the official API's number or the community API's word.
func (s *ShippingStatus) UnmarshalJSON(b []byte) error { return readWord(shippingStatuses, s, b) }

func word[T ~int](words map[T]string, v T) string {
	if w, ok := words[v]; ok {
		return w
	}
	return strconv.Itoa(int(v))
}

// readWord keeps numbers that it does not know; a word it does not know is an error.
func readWord[T ~int](words map[T]string, into *T, b []byte) error {
	var n int
	if json.Unmarshal(b, &n) == nil {
		*into = T(n)
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("neither a number nor a word")
	}
	for v, w := range words {
		if w == s {
			*into = v
			return nil
		}
	}
	return fmt.Errorf("%.40q is no status that is known", s)
}
