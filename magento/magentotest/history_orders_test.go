package magentotest

import "regexp"

// historyOfOrders is what was done with orders.
func historyOfOrders() []history {
	orders := regexp.MustCompile(`/V1/(orders?|invoices?|shipments?|creditmemos?|transactions|no-such-route)(/|$)`)
	simple := func(qty, price, shipping string) step {
		return place(NewOrder{ShippingPrice: shipping, Items: []NewItem{{SKU: "SIMPLE-1", Name: "Store view name", Qty: qty, Price: price}}})
	}
	tx := []Tax{{Code: "US-TX-8.25", Percent: "8.25"}}
	austin := Address{FirstName: "Guest", LastName: "Buyer", Street: []string{"1 High St"}, City: "Austin", Postcode: "78701", Region: "Texas", RegionCode: "TX", RegionID: 57, Country: "US", Telephone: "5125550100"}
	whole := `{"capture":true}`
	one := `{"items":[{"order_item_id":8,"qty":1}],"arguments":{"shipping_amount":0}}`
	return []history{
		{name: "orders of one store", of: orders, steps: calls(
			place(NewOrder{ShippingPrice: "20", Items: []NewItem{{SKU: "SIMPLE-1", Name: "Store view name", Qty: "3", Price: "25.99"}, {SKU: "SIMPLE-2", Price: "6"}}}),
			"105-121", missing("122", post("/orders/1/unhold", "")), "123-128",
			missing("129", post("/order/1/invoice", whole)), "130-135",
			missing("136", post("/order/1/ship", `{"items":[{"order_item_id":1,"qty":50}]}`)), "137-158",
			simple("1", "25.99", "5"), "159-163",
			simple("2", "25.99", "10"), "164-195 200-206",
			simple("1", "25.99", "5"), "207-212",
			simple("2", "25.99", "10"), missing("213", post("/order/5/invoice", whole)), "214-217",
			simple("1", "25.99", "5"), "218-219", missing("220", post("/orders/6/cancel", "")), "221",
			simple("3", "25.99", "15"), post("/order/7/invoice", whole), "222-223",
			post("/order/7/refund", one), post("/order/7/refund", one), post("/order/7/refund", one), "224-225",
			simple("2", "32.5", "10"), post("/order/8/invoice", whole), missing("248", post("/order/8/refund", `{"items":[{"order_item_id":9,"qty":1}]}`)), "249",
			simple("2", "32.5", "10"), post("/order/9/invoice", whole), "250-251",
			simple("2", "32.5", "10"), post("/order/10/invoice", whole), "252-254", missing("255", post("/order/10/refund", "{}")), "256-257",
			simple("3", "32.5", "15"), post("/order/11/invoice", `{"items":[{"order_item_id":12,"qty":1}]}`), "258-261",
			simple("3", "32.5", "15"), post("/order/12/invoice", whole), post("/order/12/ship", "{}"), "262-263", post("/order/12/refund", "{}"), "264",
			simple("1", "32.5", "5"), post("/orders/13/cancel", ""), "265-267",
			place(NewOrder{ShippingPrice: "25", DiscountPercent: "10", Coupon: "TEN", Customer: Customer{ID: 6, Group: 1, Email: "rita@example.com", FirstName: "Rita", LastName: "Rich"}, Billing: austin, Items: []NewItem{
				{SKU: "CONF-Red", Type: "configurable", Qty: "2", Price: "40", Taxes: tx, Children: []NewItem{{SKU: "CONF-Red"}}},
				{SKU: "VIRT", Type: "virtual", Price: "9.99", Taxes: tx}, {SKU: "SIMPLE-1", Qty: "3", Price: "32.5", Taxes: tx}}}),
			"269-275", missing("276", post("/order/14/refund", `{"items":[{"order_item_id":15,"qty":1}],"arguments":{"shipping_amount":0}}`)), "277-278",
		)},
	}
}
