package nopcommercetest

import (
	"slices"
	"strconv"
	"strings"
)

// Statuses of an order, its payment and its shipping. The same numbers mean different
// things in each.
const (
	OrderPending    = 10
	OrderProcessing = 20
	OrderComplete   = 30
	OrderCancelled  = 40

	PaymentPending           = 10
	PaymentAuthorized        = 20
	PaymentPaid              = 30
	PaymentPartiallyRefunded = 35
	PaymentRefunded          = 40
	PaymentVoided            = 50

	ShippingNotRequired = 10
	NotYetShipped       = 20
	PartiallyShipped    = 25
	Shipped             = 30
	Delivered           = 40
)

// Statuses of a return request; zero is one of them.
const (
	ReturnPending    = 0
	ReturnReceived   = 10
	ReturnAuthorized = 20
	ItemsRepaired    = 30
	ItemsRefunded    = 40
	ReturnRejected   = 50
	ReturnCancelled  = 60
)

// How stock is kept.
const (
	stockNone         = 0
	stockByProduct    = 1
	stockByAttributes = 2
)

// enum is names and numbers.
type enum []struct {
	name string
	id   int
}

// read takes a name or a number.
func (e enum) read(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	i := slices.IndexFunc(e, func(v struct {
		name string
		id   int
	}) bool {
		return strings.EqualFold(v.name, s) || err == nil && v.id == n
	})
	if i < 0 {
		return 0, false
	}
	return e[i].id, true
}

// of returns the name of a number.
func (e enum) of(id int) string {
	for _, v := range e {
		if v.id == id {
			return v.name
		}
	}
	return strconv.Itoa(id)
}

var enums = map[string]enum{
	"OrderStatus":    {{"Pending", OrderPending}, {"Processing", OrderProcessing}, {"Complete", OrderComplete}, {"Cancelled", OrderCancelled}},
	"PaymentStatus":  {{"Pending", PaymentPending}, {"Authorized", PaymentAuthorized}, {"Paid", PaymentPaid}, {"PartiallyRefunded", PaymentPartiallyRefunded}, {"Refunded", PaymentRefunded}, {"Voided", PaymentVoided}},
	"ShippingStatus": {{"ShippingNotRequired", ShippingNotRequired}, {"NotYetShipped", NotYetShipped}, {"PartiallyShipped", PartiallyShipped}, {"Shipped", Shipped}, {"Delivered", Delivered}},
	"ReturnRequestStatus": {{"Pending", ReturnPending}, {"Received", ReturnReceived}, {"ReturnAuthorized", ReturnAuthorized}, {"ItemsRepaired", ItemsRepaired},
		{"ItemsRefunded", ItemsRefunded}, {"RequestRejected", ReturnRejected}, {"Cancelled", ReturnCancelled}},
	"ProductType":        {{"SimpleProduct", 5}, {"GroupedProduct", 10}},
	"ProductSortingEnum": {{"Position", 0}, {"NameAsc", 5}, {"NameDesc", 6}, {"PriceAsc", 10}, {"PriceDesc", 11}, {"CreatedOn", 15}},
}
