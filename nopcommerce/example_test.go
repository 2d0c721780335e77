package nopcommerce_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
)

// exampleShop is a shop with one order: two cups and a shirt in L.
func exampleShop() (*nopcommercetest.Shop, *nopcommerce.Client, nopcommerce.ID) {
	shop, err := nopcommercetest.New(nopcommercetest.Config{Now: func() time.Time { return now }})
	if err != nil {
		panic(err)
	}
	buyer, err := shop.AddCustomer(nopcommercetest.NewCustomer{Email: "ann@example.com", FirstName: "Ann", LastName: "Buyer",
		Address: &nopcommercetest.NewAddress{FirstName: "Ann", LastName: "Buyer", Address1: "1 High St", City: "Austin", State: "TX", Country: "US"}})
	if err != nil {
		panic(err)
	}
	stock := 100
	for _, p := range []nopcommercetest.NewProduct{
		{SKU: "CUP", Price: "10", Stock: &stock},
		{SKU: "SHIRT", Price: "20", Combinations: []nopcommercetest.NewCombination{{SKU: "SHIRT-L", Stock: 10, Choice: "Size: L"}}},
	} {
		if _, err := shop.AddProduct(p); err != nil {
			panic(err)
		}
	}
	id, err := shop.Place(nopcommercetest.NewOrder{Customer: buyer, ShippingPrice: "6", Items: []nopcommercetest.NewItem{{SKU: "CUP", Qty: 2}, {SKU: "SHIRT-L"}}})
	if err != nil {
		panic(err)
	}
	client, err := nopcommerce.NewClient(nopcommerce.Config{BaseURL: "https://shop.example", Transport: shop.Transport(),
		Credentials: commerce.Static(shop.Login()), Now: func() time.Time { return now }})
	if err != nil {
		panic(err)
	}
	return shop, client, nopcommerce.ID(id)
}

func Example() {
	_, shop, id := exampleShop()
	ctx := context.Background()
	order, err := shop.Orders.Get(ctx, id)
	if err != nil {
		fmt.Println(err)
		return
	}
	total, _, err := order.Total.Money("USD")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(order.Status, order.PaymentStatus, order.ShippingStatus, total)
	// Output: Pending Pending NotYetShipped 46.00 USD
}

func ExampleOrders_List() {
	_, shop, _ := exampleShop()
	open := nopcommerce.OrderParams{Statuses: []nopcommerce.OrderStatus{nopcommerce.OrderPending, nopcommerce.OrderProcessing}}
	for order, err := range shop.Orders.List(context.Background(), open) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(order.CustomOrderNumber, order.Total)
	}
	// Output: 1 46.0000
}

func ExampleItems_Lines() {
	_, shop, id := exampleShop()
	lines, err := shop.Items.Lines(context.Background(), id)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range lines {
		fmt.Println(l.Quantity, l.SKU, l.UnitPriceExclTax)
	}
	// Output:
	// 2 CUP 10.0000
	// 1 SHIRT-L 20.0000
}

func ExampleProcessing_MarkPaid() {
	shop, client, id := exampleShop()
	ctx := context.Background()
	order, err := client.Processing.MarkPaid(ctx, id)
	fmt.Println(order.Status, order.PaymentStatus, err)
	order, err = client.Processing.MarkPaid(ctx, id) // nothing is sent
	fmt.Println(order.PaymentStatus, err)
	fmt.Println(len(shop.Effects(int(id), nopcommercetest.EffectPaid)), "effect,", nopcommerce.MarkOrderAsPaid.Class())
	// Output:
	// Processing Paid <nil>
	// Paid <nil>
	// 1 effect, guarded
}

func ExampleProcessing_RefundTo() {
	_, shop, id := exampleShop()
	ctx := context.Background()
	if _, err := shop.Processing.MarkPaid(ctx, id); err != nil {
		fmt.Println(err)
		return
	}
	for _, total := range []nopcommerce.Number{"10", "10", "46"} { // in all, so that the second adds nothing
		order, err := shop.Processing.RefundTo(ctx, id, total)
		fmt.Println(order.RefundedAmount, order.PaymentStatus, err)
	}
	// Output:
	// 10.0000 PartiallyRefunded <nil>
	// 10.0000 PartiallyRefunded <nil>
	// 46.0000 Refunded <nil>
}

func ExampleNotes_Add() {
	_, shop, id := exampleShop()
	ctx := context.Background()
	_, err := shop.Notes.Add(ctx, nopcommerce.Note{OrderID: id, Text: "[sync] payment failed: pi_1 card_declined"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for order, err := range shop.Orders.List(ctx, nopcommerce.OrderParams{Note: "[sync] payment failed: pi_1"}) {
		fmt.Println(order.ID == id, err)
	}
	// Output: true <nil>
}

func ExampleAttributes_Save() {
	_, shop, id := exampleShop()
	ctx := context.Background()
	err := shop.Attributes.Save(ctx, nopcommerce.Attribute{EntityID: id, KeyGroup: "Order", Key: "StripePaymentIntent", Value: "pi_1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	all, err := shop.Attributes.List(ctx, "Order", id)
	fmt.Println(all[0].Key, all[0].Value, err)
	// Output: StripePaymentIntent pi_1 <nil>
}

func ExampleShipments_Ship() {
	shop, client, id := exampleShop()
	ctx := context.Background()
	lines, err := client.Items.List(ctx, id)
	if err != nil {
		fmt.Println(err)
		return
	}
	parcel := nopcommerce.NewShipment{OrderID: id, Reference: "wms-17", TrackingNumber: "1Z999AA1",
		Items: []nopcommerce.ShipmentItem{{OrderItemID: lines[0].ID, Quantity: 1}}}
	for range 2 { // the reference finds the first one
		shipment, err := client.Shipments.Ship(ctx, parcel)
		fmt.Println(shipment.ID, !shipment.ShippedDate.IsZero(), err)
	}
	order, err := client.Orders.Get(ctx, id)
	fmt.Println(len(shop.Shipments(int(id))), order.ShippingStatus, err)
	// Output:
	// 1 true <nil>
	// 1 true <nil>
	// 1 PartiallyShipped <nil>
}

func ExampleCustomers_Update() {
	_, shop, _ := exampleShop()
	ctx := context.Background()
	customer, err := shop.Customers.ByEmail(ctx, "ann@example.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	customer.AdminComment = "pays by invoice" // the other members stay as they are
	customer, err = shop.Customers.Update(ctx, customer)
	fmt.Println(customer.FirstName, customer.AdminComment, err)
	// Output: Ann pays by invoice <nil>
}

func ExampleDirectory_CountryByCode() {
	_, shop, id := exampleShop()
	ctx := context.Background()
	order, err := shop.Orders.Get(ctx, id)
	if err != nil {
		fmt.Println(err)
		return
	}
	address, err := shop.Addresses.Get(ctx, order.ShippingAddressID)
	if err != nil {
		fmt.Println(err)
		return
	}
	country, err := shop.Directory.Country(ctx, address.CountryID)
	if err != nil {
		fmt.Println(err)
		return
	}
	state, err := shop.Directory.State(ctx, address.CountryID, address.StateProvinceID)
	fmt.Println(address.City, state.Abbreviation, country.Alpha2, err)
	// Output: Austin TX US <nil>
}

func ExampleProducts_BySKU() {
	_, shop, _ := exampleShop()
	ctx := context.Background()
	product, combination, err := shop.Products.BySKU(ctx, "SHIRT-L")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(product.SKU, combination.SKU, combination.StockQuantity)
	product.Price = "21.5"
	product, err = shop.Products.Update(ctx, product)
	fmt.Println(product.Price, err)
	// Output:
	// SHIRT SHIRT-L 9
	// 21.5000 <nil>
}

func ExampleStock_Set() {
	_, shop, _ := exampleShop()
	ctx := context.Background()
	product, _, err := shop.Products.BySKU(ctx, "CUP")
	if err != nil {
		fmt.Println(err)
		return
	}
	err = shop.Stock.Set(ctx, nopcommerce.Level{ProductID: product.ID, Quantity: 70, Message: "count"})
	if err != nil {
		fmt.Println(err)
		return
	}
	total, err := shop.Stock.Total(ctx, product.ID)
	fmt.Println(product.StockQuantity, total, err)
	// Output: 98 70 <nil>
}

func ExampleReturns_List() {
	fake, shop, id := exampleShop()
	ctx := context.Background()
	items, err := shop.Items.List(ctx, id)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := fake.RequestReturn(int(items[0].ID), 1, "broken"); err != nil {
		fmt.Println(err)
		return
	}
	pending := nopcommerce.ReturnPending // zero is a status of its own
	for request, err := range shop.Returns.List(ctx, nopcommerce.ReturnParams{Status: &pending}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		order, err := shop.Orders.ByItem(ctx, request.OrderItemID)
		fmt.Println(request.Reason, request.Quantity, order.ID == id, err)
	}
	// Output: broken 1 true <nil>
}

func ExampleRecurring_List() {
	_, shop, id := exampleShop()
	n := 0
	for _, err := range shop.Recurring.List(context.Background(), nopcommerce.RecurringParams{InitialOrderID: id}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		n++
	}
	fmt.Println(n)
	// Output: 0
}

func ExampleStores_List() {
	_, shop, _ := exampleShop()
	stores, err := shop.Stores.List(context.Background())
	fmt.Println(len(stores), err)
	// Output: 1 <nil>
}

func ExampleDetect() {
	fake, err := nopcommercetest.New(nopcommercetest.Config{API: nopcommercetest.Community})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	config := nopcommerce.Config{BaseURL: "https://shop.example", Transport: fake.Transport(), Credentials: commerce.Static(fake.Login())}
	if config.API, err = nopcommerce.Detect(ctx, config); err != nil {
		fmt.Println(err)
		return
	}
	shop, err := nopcommerce.NewClient(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = shop.Processing.MarkPaid(ctx, 1)
	e, _ := errors.AsType[*commerce.Error](err)
	fmt.Println(shop.API(), e.Code, e.Outcome)
	// Output: community not_offered not sent
}

func ExampleClient_CheckAccess() {
	fake, err := nopcommercetest.New(nopcommercetest.Config{DeveloperMode: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	shop, err := nopcommerce.NewClient(nopcommerce.Config{BaseURL: "https://shop.example", Transport: fake.Transport(), Credentials: commerce.Static(fake.Login())})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(shop.CheckAccess(context.Background()))
	// Output: nopcommerce: check access: open the API takes a token that is none; switch off its developer mode
}
