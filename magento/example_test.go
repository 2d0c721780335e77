package magento_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
)

// A shop for the examples: one order of two cups.
func exampleShop() (*magentotest.Shop, *magento.Client, magento.ID) {
	now := func() time.Time { return time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC) }
	shop, err := magentotest.New(magentotest.Config{Now: now})
	if err != nil {
		panic(err)
	}
	id, err := shop.Place(magentotest.NewOrder{
		Items:         []magentotest.NewItem{{SKU: "CUP", Qty: "2", Price: "9.99"}},
		ShippingPrice: "5",
	})
	if err != nil {
		panic(err)
	}
	client, err := magento.NewClient(magento.Config{
		BaseURL:     "https://shop.example",
		Credentials: commerce.Static(shop.Keys()),
		Transport:   shop.Transport(),
		Now:         now,
	})
	if err != nil {
		panic(err)
	}
	return shop, client, magento.ID(id)
}

// An order is found by the number that the buyer knows, marked as paid by money that
// came in elsewhere, and shipped.
func Example() {
	_, client, _ := exampleShop()
	ctx := context.Background()

	order, err := client.Orders.FindByIncrementID(ctx, "000000001", 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(order.IncrementID, order.State, order.GrandTotal, order.OrderCurrencyCode)

	if _, err := client.Orders.Invoice(ctx, order.EntityID, magento.InvoiceParams{Comment: "paid by pi_1"}); err != nil {
		fmt.Println(err)
		return
	}
	shipment, err := client.Orders.Ship(ctx, order.EntityID, magento.ShipParams{
		Tracks: []magento.NewTrack{{TrackNumber: "1Z999", Title: "UPS", CarrierCode: "ups"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("shipped", shipment.Items[0].Qty, shipment.Items[0].SKU)

	order, err = client.Orders.Get(ctx, order.EntityID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(order.State, "paid", order.TotalPaid)
	// Output:
	// 000000001 new 24.98 USD
	// shipped 2 CUP
	// complete paid 24.98
}

// Lists walk by key and end by themselves.
func ExampleOrders_List() {
	_, client, _ := exampleShop()
	since := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	for order, err := range client.Orders.List(context.Background(), magento.ListParams{
		UpdatedFrom: since,
		Filters:     magento.Where(magento.Filter{Field: "state", Value: "new"}),
	}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(order.IncrementID, order.UpdatedAt.Format(time.DateTime))
	}
	// Output:
	// 000000001 2026-11-21 09:00:00
}

// A write whose answer was lost has an unknown outcome: nothing is repeated, and the
// shop is asked what became of it.
func ExampleOrders_Invoice_unknown() {
	shop, client, id := exampleShop()
	ctx := context.Background()
	shop.Fail(magentotest.Fault{Kind: magentotest.Lost, Times: 1})

	_, err := client.Orders.Invoice(ctx, id, magento.InvoiceParams{Comment: "paid by pi_1"})
	fmt.Println(errors.Is(err, commerce.ErrUnknown), commerce.SafeToRetry(err))

	for invoice, err := range client.Invoices.List(ctx, magento.ListParams{
		Filters: magento.Where(magento.Filter{Field: "order_id", Value: id.String()}),
	}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(invoice.Comments[0].Comment, invoice.GrandTotal)
	}
	// Output:
	// true false
	// paid by pi_1 24.98
}

// A refund that Stripe made is mirrored: no gateway is called, what Magento would
// guess is said, and the comment finds it again.
func ExampleOrders_Refund() {
	_, client, id := exampleShop()
	ctx := context.Background()
	if _, err := client.Orders.Invoice(ctx, id, magento.InvoiceParams{Comment: "paid by pi_1"}); err != nil {
		fmt.Println(err)
		return
	}
	order, err := client.Orders.Get(ctx, id)
	if err != nil {
		fmt.Println(err)
		return
	}

	_, err = client.Orders.Refund(ctx, id, magento.RefundParams{BaseShipping: "0"})
	fmt.Println(err)

	memo, err := client.Orders.Refund(ctx, id, magento.RefundParams{
		Items:        []magento.ItemQty{{OrderItemID: order.Items[0].ItemID, Qty: "1"}},
		BaseShipping: "0",
		Comment:      "refund re_1",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(memo.GrandTotal, memo.OrderCurrencyCode)

	found, err := client.CreditMemos.Find(ctx, id, "re_1")
	fmt.Println(found.EntityID == memo.EntityID, err)
	// Output:
	// magento: refund order 1: nothing_named no rows are named, which Magento takes as all of them; set RefundParams.Everything, or name rows with a quantity of 0
	// 9.99 USD
	// true <nil>
}

// An address is added to a customer without losing the others. Magento would drop a
// region that is named by its code; the client looks up its id.
func ExampleCustomers_SaveAddress() {
	_, client, _ := exampleShop()
	ctx := context.Background()
	home := magento.CustomerAddress{
		Firstname: "Ann", Lastname: "Smith", Street: []string{"1 High St"}, City: "Austin", Postcode: "78701",
		CountryID: "US", Region: magento.Region{Code: "TX"}, Telephone: "5125550100",
	}
	ann, err := client.Customers.Create(ctx, magento.CustomerParams{
		Email: "ann@example.com", Firstname: "Ann", Lastname: "Smith", Addresses: []magento.CustomerAddress{home},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	work := home
	work.City, work.Region.Code = "New York", "NY"
	ann, err = client.Customers.SaveAddress(ctx, ann.ID, work)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range ann.Addresses {
		fmt.Println(a.City, a.Region.Name)
	}
	// Output:
	// Austin Texas
	// New York New York
}

// What can be sold goes down with the order, what lies at the source with the shipment.
func ExampleStock_Salable() {
	shop, client, _ := exampleShop()
	ctx := context.Background()
	if _, err := shop.AddProduct(magentotest.NewProduct{SKU: "CUP", Price: "9.99", Qty: "10"}); err != nil {
		fmt.Println(err)
		return
	}
	salable, err := client.Stock.Salable(ctx, "CUP", 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	there, err := client.Stock.SourceItems(ctx, "CUP")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(salable, "of", there[0].Quantity)
	// Output:
	// 8 of 10
}

// An admin activates an integration; what the shop posts to the callback is exchanged
// for keys.
func ExampleHandshake_Keys() {
	shop, _, _ := exampleShop()
	now := func() time.Time { return time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC) }
	callback := httptest.NewRequest(http.MethodPost, "/callback", strings.NewReader(shop.Activate("https://shop.example").Encode()))

	activation, err := magento.ParseActivation(callback)
	if err != nil {
		fmt.Println(err)
		return
	}
	handshake := magento.Handshake{BaseURL: "https://shop.example", Transport: shop.Transport(), Now: now}
	keys, err := handshake.Keys(context.Background(), activation, now())
	fmt.Println(len(keys.AccessToken.Reveal()), keys.AccessToken, err)
	// Output:
	// 32 [sealed] <nil>
}
