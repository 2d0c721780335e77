package magentotest

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// historyOfOrders is what was done with orders.
func historyOfOrders() []history {
	others := regexp.MustCompile(`/async/|/V1/(products|customer|store/|directory|modules|returns|integration|guest-carts|carts|bulk)`)
	simple := func(qty, price, shipping string) step {
		return place(NewOrder{ShippingPrice: shipping, Items: []NewItem{{SKU: "SIMPLE-1", Name: "Store view name", Weight: "1.5", Qty: qty, Price: price}}})
	}
	tx := []Tax{{Code: "US-TX-8.25", Percent: "8.25"}}
	austin := Address{FirstName: "Guest", LastName: "Buyer", Street: []string{"1 High St"}, City: "Austin", Postcode: "78701", Region: "Texas", RegionCode: "TX", RegionID: 57, Country: "US", Telephone: "5125550100"}
	simpleTaxed := func(qty, shipping string) step {
		return place(NewOrder{ShippingPrice: shipping, Items: []NewItem{{SKU: "SIMPLE-1", Name: "Store view name", Weight: "1.5", Qty: qty, Price: "32.5", Taxes: tx}}})
	}
	de19, de7 := []Tax{{Code: "DE 19", Percent: "19"}}, []Tax{{Code: "DE 7", Percent: "7"}}
	nl21, nl9 := []Tax{{Code: "NL 21", Percent: "21"}}, []Tax{{Code: "NL 9", Percent: "9"}}
	quebec := []Tax{{Code: "CA GST", Percent: "5"}, {Code: "CA-QC QST", Percent: "10.4737"}}
	odd := []NewItem{{SKU: "ODD-1", Qty: "3", Price: "19.99"}, {SKU: "ODD-2", Price: "7.33"}, {SKU: "ODD-3", Qty: "7", Price: "0.07"}}
	eu := func(high, low []Tax) []NewItem {
		return []NewItem{{SKU: "EU-19A", Qty: "3", Price: "19.99", Taxes: high}, {SKU: "EU-19B", Price: "7.33", Taxes: high},
			{SKU: "EU-7A", Qty: "7", Price: "4.37", Taxes: low}, {SKU: "EU-7B", Qty: "2", Price: "0.99", Taxes: low}}
	}
	chosen := func(first int) obj { // two options with one selection each
		var options []any
		for _, n := range []int{first, first + 1} {
			options = append(options, obj{"option_id": n, "option_qty": 1, "option_selections": []int{n}})
		}
		return obj{"bundle_options": options}
	}
	bundle := func(qty string) NewItem {
		return NewItem{SKU: "BUN-DYN", Type: "bundle", Options: chosen(1), Qty: qty, ShipSeparately: true, Children: []NewItem{
			{SKU: "BP-1", Qty: "2", Price: "3.21", Taxes: de19}, {SKU: "BP-2", Price: "5.55", Taxes: de7}}}
	}
	many := func(high, low []Tax) (out []NewItem) {
		for n := range 30 {
			tax := high
			if n%2 == 1 {
				tax = low
			}
			out = append(out, NewItem{SKU: fmt.Sprintf("MANY-%02d", n+1), Qty: strconv.Itoa((n+1)%3 + 1), Price: fmt.Sprintf("%d.%02d", (100+37*(n+1))/100, (100+37*(n+1))%100), Taxes: tax})
		}
		return out
	}
	joerg, anna := Customer{Email: "joerg@example.com", FirstName: "Jörg", LastName: "Müller"}, Customer{Email: "anna@example.com", FirstName: "Anna", LastName: "de Vries"}
	koeln := Address{Company: "Müller & Söhne GmbH", VATID: "DE123456789", Street: []string{"Hauptstraße 12", "c/o Lager 3"}, City: "Köln", Country: "DE", Region: "Nordrhein-Westfalen", RegionID: 88, RegionCode: "NRW", Postcode: "50667", Telephone: "+49 221 123"}
	newYork := Address{Street: []string{"1 High St"}, City: "New York", Postcode: "10001", Region: "New York", RegionCode: "NY", RegionID: 43, Country: "US", Telephone: "5125550100"}
	amsterdam := Address{Street: []string{"Damrak 1"}, City: "Amsterdam", Country: "NL", Postcode: "1012 LG", Telephone: "+31 20 1"}
	whole := `{"capture":true}`
	unit := `{"items":[{"order_item_id":8,"qty":1}],"arguments":{"shipping_amount":0}}`
	return []history{
		{name: "orders", of: regexp.MustCompile(`/V1/`), but: others, steps: calls(
			byHand(func(r *replayed) {
				for id, sku := range map[int64]string{5: "conf-red", 7: "conf", 8: "virt", 11: "odd-1", 12: "odd-2", 13: "odd-3", 14: "eu-19a", 15: "eu-19b", 16: "eu-7a", 17: "eu-7b",
					18: "ca-1", 19: "ca-2", 50: "virt-2", 51: "bp-1", 52: "bp-2", 53: "bun-dyn", 54: "bun-fix"} {
					r.shop.skus[sku] = id
				}
				for n := range int64(30) {
					r.shop.skus[fmt.Sprintf("many-%02d", n+1)] = 20 + n
				}
			}),
			stocked("SIMPLE-1", "50"), stocked("SKU/with slash", "5"), stocked("SIMPLE-2", "3"), byHand(func(r *replayed) { r.shop.setSource("NOPE", 50*one, true) }),
			place(NewOrder{ShippingPrice: "20", Items: []NewItem{{SKU: "SIMPLE-1", Name: "Store view name", Weight: "1.5", Qty: "3", Price: "25.99"}, {SKU: "SIMPLE-2", Name: "Simple two", Weight: "1.5", Price: "6"}}}),
			"105-121", missing("122", post("/orders/1/unhold", "")), "123-128",
			missing("129", post("/order/1/invoice", whole)), "130-135",
			missing("136", post("/order/1/ship", `{"items":[{"order_item_id":1,"qty":50}]}`)), "137-158",
			simple("1", "25.99", "5"), "159-163",
			simple("2", "25.99", "10"), "164-195",
			byHand(func(r *replayed) { // with the platform's own model
				o := r.shop.order(3)
				for _, kv := range []struct {
					key   string
					value any
				}{{"customer_stripe_id", "cus_example1"}, {"payment_action", "order"}, {"is_transaction_pending", false}, {"token", "pm_example1"}, {"payment_intent_id", "pi_3Qexample0000001"}} {
					o.note(kv.key, kv.value)
				}
				o.payment["last_trans_id"] = "pi_3Qexample0000001"
				r.shop.transact(o, "capture", "pi_3Qexample0000001", "")
				r.shop.transactions[0].informations = []any{"$61.98", "usd"}
			}), "196-206",
			simple("1", "25.99", "5"), "207-212",
			simple("2", "25.99", "10"), missing("213", post("/order/5/invoice", whole)), "214-217",
			simple("1", "25.99", "5"), "218-219", missing("220", post("/orders/6/cancel", "")), "221",
			simple("3", "25.99", "15"), post("/order/7/invoice", whole), "222-223",
			post("/order/7/refund", unit), post("/order/7/refund", unit), post("/order/7/refund", unit), "224-225 241-243 244 245 246",
			simple("2", "32.5", "10"), post("/order/8/invoice", whole), missing("248", post("/order/8/refund", `{"items":[{"order_item_id":9,"qty":1}]}`)), "249",
			simple("2", "32.5", "10"), post("/order/9/invoice", whole), "250-251",
			simple("2", "32.5", "10"), post("/order/10/invoice", whole), "252-254", missing("255", post("/order/10/refund", "{}")), "256-257",
			simple("3", "32.5", "15"), post("/order/11/invoice", `{"items":[{"order_item_id":12,"qty":1}]}`), "258-261",
			simple("3", "32.5", "15"), post("/order/12/invoice", whole), post("/order/12/ship", "{}"), "262-263", post("/order/12/refund", "{}"), "264",
			simple("1", "32.5", "5"), post("/orders/13/cancel", ""), "265-267",
			place(NewOrder{ShippingPrice: "25", DiscountPercent: "10", Coupon: "TEN", Customer: Customer{ID: 6, Group: 1, Email: "rita@example.com", FirstName: "Rita", LastName: "Rich", TaxVAT: "US-1"}, Billing: austin, Items: []NewItem{
				{SKU: "CONF-Red", Product: "CONF", Name: "Conf parent", Type: "configurable", Options: obj{"configurable_item_options": []any{obj{"option_id": "137", "option_value": 4}}}, Qty: "2", Price: "40", Taxes: tx, Children: []NewItem{{SKU: "CONF-Red", Name: "Conf Red"}}},
				{SKU: "VIRT", Name: "Warranty", Type: "virtual", Price: "9.99", Taxes: tx}, {SKU: "SIMPLE-1", Name: "Store view name", Weight: "1.5", Qty: "3", Price: "32.5", Taxes: tx}}}),
			"269-275", missing("276", post("/order/14/refund", `{"items":[{"order_item_id":15,"qty":1}],"arguments":{"shipping_amount":0,"adjustment_positive":0,"adjustment_negative":0}}`)), "277-278",
			byHand(limits(300, 20)), "281-283", byHand(limits(0, 0)),
			byHand(func(r *replayed) { r.shop.Fail(Maintenance()) }), "286", byHand(func(r *replayed) { r.shop.Heal() }),
			"300-309",
			stocked("CONC", "10"), place(NewOrder{ShippingPrice: "5", Items: []NewItem{{SKU: "CONC", Price: "10"}}}), "328", byHand(func(r *replayed) { assert.Equal(r.t, map[string]int{"true": 2}, r.cancelAtOnce(16, 2)) }), "329",
			simpleTaxed("3", "15"),
			post("/orders/17/comments", `{"statusHistory":{"comment":"c","status":"pending","is_customer_notified":0,"is_visible_on_front":0}}`),
			post("/orders/17/hold", ""), post("/orders/17/unhold", ""),
			post("/order/17/invoice", `{"items":[{"order_item_id":21,"qty":1}]}`), post("/order/17/invoice", "{}"),
			post("/order/17/ship", `{"items":[{"order_item_id":21,"qty":1}]}`), post("/order/17/ship", `{"items":[{"order_item_id":21,"qty":1}]}`),
			"330", post("/order/17/ship", "{}"),
			post("/order/17/refund", `{"items":[{"order_item_id":21,"qty":1}],"arguments":{"shipping_amount":0}}`),
			"331", post("/orders", `{"entity":{"entity_id":17,"ext_order_id":"E1"}}`), "332",
			simpleTaxed("2", "10"),
			post("/orders/18/comments", `{"statusHistory":{"comment":"no status","is_customer_notified":0,"is_visible_on_front":0}}`), "333",
			post("/order/18/invoice", "{}"), "334-357",

			// Stores and currencies from here on.
			place(NewOrder{ShippingPrice: "5", Items: []NewItem{{SKU: "ODD-1", Price: "19.99"}}}),
			place(NewOrder{Store: "eu_de", PricesIncludeTax: true, ShippingPrice: "4.95", ShippingTax: de19, Customer: joerg, Billing: koeln, Items: []NewItem{{SKU: "EU-19A", Price: "19.99", Taxes: de19}}}),
			"409-412",
			place(NewOrder{Store: "eu_nl", PricesIncludeTax: true, ShippingPrice: "4.95", ShippingTax: nl21, Items: []NewItem{{SKU: "EU-19A", Price: "20.41", Taxes: nl21}}}),
			"413-414",
			place(NewOrder{Store: "eur", ShippingPrice: "55", Items: odd, Billing: newYork}),
			"416-433",
			place(NewOrder{Store: "jpy", ShippingPrice: "55", Items: odd, Billing: newYork}),
			"434-436", missing("437", post("/order/23/refund", `{"items":[{"order_item_id":29,"qty":1}],"arguments":{"shipping_amount":0}}`)), "438-444",
			place(NewOrder{Store: "eu_de", PricesIncludeTax: true, ShippingPrice: "4.95", ShippingTax: de19, Customer: joerg, Billing: koeln, Items: eu(de19, de7)}), "446",
			place(NewOrder{Store: "eu_de", PricesIncludeTax: true, ShippingPrice: "4.95", ShippingTax: de19, DiscountPercent: "15", Coupon: "EU15", CouponRule: 2, Customer: joerg, Billing: koeln, Items: eu(de19, de7)}), "447-459",
			place(NewOrder{Store: "eu_de", PricesIncludeTax: true, TaxBeforeDiscount: true, ShippingPrice: "4.95", ShippingTax: de19, DiscountPercent: "15", Coupon: "EU15", CouponRule: 2, Customer: joerg, Billing: koeln, Items: eu(de19, de7)}), "460",
			place(NewOrder{Store: "eu_de", ShippingPrice: "4.95", ShippingTax: de19, DiscountPercent: "15", DiscountShipping: true, Coupon: "SHIP15", CouponRule: 4, Customer: joerg, Billing: koeln, Items: eu(de19, de7)}), "461",
			place(NewOrder{Store: "eu_nl", ShippingPrice: "4.95", ShippingTax: nl21, Customer: anna, Billing: amsterdam, Items: eu(nl21, nl9)}), "462",
			place(NewOrder{Store: "eu_nl", ShippingPrice: "4.95", Customer: Customer{Email: "x@example.com"}, Billing: newYork, Items: []NewItem{{SKU: "EU-19A", Price: "19.99"}}}), "463",
			place(NewOrder{Store: "eu_nl", TaxRounding: TaxPerUnit, ShippingPrice: "4.95", ShippingTax: nl21, Customer: anna, Billing: amsterdam, Items: eu(nl21, nl9)}), "464",
			place(NewOrder{Store: "eu_nl", TaxRounding: TaxPerRow, ShippingPrice: "4.95", ShippingTax: nl21, Customer: anna, Billing: amsterdam, Items: eu(nl21, nl9)}), "465",
			place(NewOrder{ShippingPrice: "20", Customer: Customer{Email: "luc@example.com", FirstName: "Luc", LastName: "Roy"},
				Billing: Address{Street: []string{"1 Rue A"}, City: "Québec", Country: "CA", Region: "Quebec", RegionCode: "QC", RegionID: 76, Postcode: "G1R 4P5", Telephone: "1"}, Items: []NewItem{{SKU: "CA-1", Qty: "3", Price: "10.05", Taxes: quebec}, {SKU: "CA-2", Price: "3.33", Taxes: quebec}}}), "466",
			place(NewOrder{Store: "eu_de", PricesIncludeTax: true, ShippingPrice: "4.95", ShippingTax: de19, DiscountPercent: "100", DiscountShipping: true, Coupon: "FREE100", CouponRule: 3, Customer: joerg, Billing: koeln,
				Items: []NewItem{{SKU: "EU-19A", Qty: "2", Price: "19.99", Taxes: de19}, {SKU: "EU-7A", Price: "4.37", Taxes: de7}}}),
			"467-471", missing("472", post("/order/33/refund", "{}")), "473-474",
			place(NewOrder{Store: "eu_de", PricesIncludeTax: true, ShippingPrice: "4.95", ShippingTax: de19, DiscountPercent: "100", DiscountShipping: true, Coupon: "FREE100", CouponRule: 3, Customer: joerg, Billing: koeln,
				Items: []NewItem{{SKU: "EU-19A", Price: "19.99", Taxes: de19}}}), "475",
			place(NewOrder{Store: "eu_de", PricesIncludeTax: true, ShippingPrice: "4.95", ShippingTax: de19, DiscountPercent: "15", Coupon: "EU15", CouponRule: 2, Customer: joerg, Billing: koeln,
				Items: []NewItem{{SKU: "EU-19A", Qty: "2", Price: "19.99", Taxes: de19}, {SKU: "EU-7A", Price: "4.37", Taxes: de7}}}),
			edited(35, 477), "476-477", edited(36, 478), "478-480",
			place(NewOrder{Store: "eu_de", PricesIncludeTax: true, ShippingTax: de19, Customer: joerg, Billing: koeln, Items: []NewItem{{SKU: "VIRT-2", Type: "virtual", Qty: "2", Price: "4.99", Taxes: de19}}}), "481-484",
			place(NewOrder{Store: "eu_de", PricesIncludeTax: true, ShippingPrice: "4.95", ShippingTax: de19, Customer: joerg, Billing: koeln,
				Items: []NewItem{bundle("2"),
					{SKU: "BUN-FIX", Type: "bundle", Options: chosen(3), Price: "24.44", OriginalPrice: "20", Taxes: de19, FixedPrice: true, Children: []NewItem{{SKU: "BP-1", Qty: "2"}, {SKU: "BP-2"}}},
					{SKU: "VIRT-2", Type: "virtual", Price: "4.99", Taxes: de19}, {SKU: "EU-7A", Price: "4.37", Taxes: de7}}}),
			"485", missing("486", post("/order/39/invoice", `{"items":[{"order_item_id":73,"qty":1}]}`)), "487-492",
			missing("493", post("/order/39/ship", `{"items":[{"order_item_id":76,"qty":1}]}`)), "494-498",
			place(NewOrder{Store: "eu_de", PricesIncludeTax: true, ShippingPrice: "4.95", ShippingTax: de19, Customer: joerg, Billing: koeln, Items: []NewItem{{SKU: "EU-19A", Price: "19.99", Taxes: de19}}}),
			"499-509",
			place(NewOrder{Store: "eu_de", PricesIncludeTax: true, ShippingPrice: "4.95", ShippingTax: de19, DiscountPercent: "15", Coupon: "EU15", CouponRule: 2, Customer: joerg, Billing: koeln, Items: many(de19, de7)}),
			"510-513", missing("514", post("/order/41/invoice", "{}")), "515",
			place(NewOrder{Store: "eur", ShippingPrice: "55", DiscountPercent: "15", DiscountShipping: true, Coupon: "SHIP15", CouponRule: 4, Items: odd, Billing: newYork}), "516-539",
			place(NewOrder{Store: "eu_de", PricesIncludeTax: true, ShippingPrice: "4.95", ShippingTax: de19, Customer: joerg, Billing: koeln, Items: []NewItem{{SKU: "EU-19A", Qty: "3", Price: "19.99", Taxes: de19}, {SKU: "EU-19B", Qty: "2", Price: "7.33", Taxes: de19}}}),
			post("/order/43/invoice", "{}"), post("/order/43/ship", `{"items":[{"order_item_id":115,"qty":1}]}`), "541",
			refundOf(43, 115, 1), "542", refundOf(43, 115, 1), "543", refundOf(43, 116, 1), "544",
			post("/order/43/refund", `{"items":[{"order_item_id":115,"qty":0}],"arguments":{"shipping_amount":1}}`), "545", post("/order/43/ship", "{}"), "546-547",
			place(NewOrder{Store: "eu_de", PricesIncludeTax: true, ShippingPrice: "4.95", ShippingTax: de19, Customer: joerg, Billing: koeln, Items: []NewItem{bundle("2"), {SKU: "EU-7A", Price: "4.37", Taxes: de7}}}),
			post("/order/44/invoice", "{}"), post("/order/44/ship", `{"items":[{"order_item_id":118,"qty":4}]}`), "548",
			refundOf(44, 118, 4), "549", refundOf(44, 119, 1), "550-551",
			place(NewOrder{Store: "eu_de", PricesIncludeTax: true, ShippingPrice: "4.95", ShippingTax: de19, Customer: joerg, Billing: koeln, Items: []NewItem{{SKU: "EU-19A", Price: "19.99", Taxes: de19}}}),
			post("/order/45/invoice", "{}"), byHand(func(r *replayed) { r.shop.c.ShippingShownGross = true }), "552-553",
		)},
	}
}

// limits sets the input limits of lists.
func limits(largest, usual int) func(*replayed) {
	return func(r *replayed) { r.shop.c.MaxPageSize, r.shop.c.DefaultPageSize = largest, usual }
}

// stocked puts a product into the catalogue.
func stocked(sku, qty string) step {
	return byHand(func(r *replayed) {
		_, err := r.shop.AddProduct(NewProduct{SKU: sku, Qty: qty})
		require.NoError(r.t, err)
	})
}

// edited replaces an order by a recorded one, as an edit in the admin does: the old one
// is cancelled. The recorded one was made by a model that did not compute it right.
func edited(order int64, by int) step {
	return byHand(func(r *replayed) {
		require.NoError(r.t, r.shop.Load(r.all[by].Response.Body))
		old, next := r.shop.order(order), r.shop.order(order+1)
		next.created, next.updated = r.now, r.now
		old.plain["relation_child_id"], old.plain["relation_child_real_id"] = strconv.FormatInt(next.id, 10), next.number
		post(fmt.Sprintf("/orders/%d/cancel", order), "").do(r)
	})
}

// refundOf refunds units of a row without shipping.
func refundOf(order, row, qty int) step {
	return post(fmt.Sprintf("/order/%d/refund", order), fmt.Sprintf(`{"items":[{"order_item_id":%d,"qty":%d}],"arguments":{"shipping_amount":0}}`, row, qty))
}
