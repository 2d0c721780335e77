package magento_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
)

// Rows of orders are read by themselves, without the orders around them.
func ExampleOrders_Items() {
	_, client, id := exampleShop()
	for row, err := range client.Orders.Items(context.Background(), magento.ListParams{
		Filters: magento.Where(magento.Filter{Field: "order_id", Value: id.String()}),
	}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		open, err := row.Open()
		fmt.Println(row.SKU, row.QtyOrdered, row.RowTotal, "to ship:", open, err)
	}
	// Output:
	// CUP 2 19.98 to ship: 2 <nil>
}

// Only what is asked for is sent: an order of many rows is large.
func ExampleOrders_Get_fields() {
	_, client, id := exampleShop()
	order, err := client.Orders.Get(context.Background(), id, "state", "items[sku,qty_ordered]")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s %s %q\n", order.State, order.Items[0].SKU, order.GrandTotal)
	// Output:
	// new CUP ""
}

// A comment never moves an order: a status of another state is refused before it is
// sent, as shops before 2.4.7 would store it.
func ExampleOrders_Comment() {
	_, client, id := exampleShop()
	ctx := context.Background()
	fmt.Println(client.Orders.Comment(ctx, id, magento.Comment{Text: "seen by the ERP", Visible: true}))

	err := client.Orders.Comment(ctx, id, magento.Comment{Text: "done", Status: "complete"})
	fmt.Println(errors.Is(err, commerce.ErrInvalid), commerce.SafeToRetry(err))

	comments, err := client.Orders.Comments(ctx, id)
	fmt.Println(len(comments), comments[0].Comment, comments[0].Status, err)
	// Output:
	// <nil>
	// true true
	// 1 seen by the ERP pending <nil>
}

// Invoices are listed by the order that they are of.
func ExampleInvoices_List() {
	_, client, id := exampleShop()
	ctx := context.Background()
	if _, err := client.Orders.Invoice(ctx, id, magento.InvoiceParams{}); err != nil {
		fmt.Println(err)
		return
	}
	for invoice, err := range client.Invoices.List(ctx, magento.ListParams{
		Filters: magento.Where(magento.Filter{Field: "order_id", Value: id.String()}),
	}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(invoice.State == magento.InvoicePaid, invoice.GrandTotal, invoice.OrderCurrencyCode)
	}
	// Output:
	// true 24.98 USD
}

// A parcel is added to a shipment that left already.
func ExampleShipments_AddTrack() {
	_, client, id := exampleShop()
	ctx := context.Background()
	shipment, err := client.Orders.Ship(ctx, id, magento.ShipParams{})
	if err != nil {
		fmt.Println(err)
		return
	}
	track, err := client.Shipments.AddTrack(ctx, magento.TrackParams{OrderID: id, ShipmentID: shipment.EntityID,
		NewTrack: magento.NewTrack{TrackNumber: "1Z999", Title: "UPS", CarrierCode: "ups"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	shipment, err = client.Shipments.Get(ctx, shipment.EntityID)
	fmt.Println(track.CarrierCode, shipment.Tracks[0].TrackNumber, err)
	// Output:
	// ups 1Z999 <nil>
}

// Memos of an order, and what each gave back.
func ExampleCreditMemos_List() {
	_, client, id := exampleShop()
	ctx := context.Background()
	if _, err := client.Orders.Invoice(ctx, id, magento.InvoiceParams{}); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := client.Orders.Refund(ctx, id, magento.RefundParams{Everything: true, AllShipping: true}); err != nil {
		fmt.Println(err)
		return
	}
	for memo, err := range client.CreditMemos.List(ctx, magento.ListParams{
		Filters: magento.Where(magento.Filter{Field: "order_id", Value: id.String()}),
	}) {
		fmt.Println(memo.GrandTotal, memo.ShippingAmount, memo.Items[0].Qty, err)
	}
	// Output:
	// 24.98 5 2 <nil>
}

// With Stripe's module a transaction's id is the payment intent's, perhaps with a suffix.
func ExampleTransactions_List() {
	shop, err := magentotest.New(magentotest.Config{StripeModule: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	id, err := shop.Place(magentotest.NewOrder{PaymentMethod: "stripe_payments", Items: []magentotest.NewItem{{SKU: "CUP", Price: "9.99"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := shop.Charged(magentotest.StripeCharge{Order: id, Intent: "pi_1"}); err != nil {
		fmt.Println(err)
		return
	}
	client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(shop.Keys()), Transport: shop.Transport()})
	if err != nil {
		fmt.Println(err)
		return
	}
	for txn, err := range client.Transactions.List(context.Background(), magento.ListParams{
		Filters: magento.Where(magento.Filter{Field: "order_id", Value: magento.ID(id).String()}),
	}) {
		intent, _, _ := strings.Cut(txn.TxnID, "-")
		fmt.Println(txn.TxnType, intent, err)
	}
	// Output:
	// capture pi_1 <nil>
}

// A customer is found by e-mail address; one may stand for one in each website.
func ExampleCustomers_List() {
	_, client, _ := exampleShop()
	ctx := context.Background()
	if _, err := client.Customers.Create(ctx, magento.CustomerParams{Email: "ann@example.com", Firstname: "Ann", Lastname: "Smith"}); err != nil {
		fmt.Println(err)
		return
	}
	for customer, err := range client.Customers.List(ctx, magento.ListParams{
		Filters: magento.Where(magento.Filter{Field: "email", Value: "ann@example.com"}),
	}) {
		fmt.Println(customer.WebsiteID, customer.Lastname, err)
	}
	// Output:
	// 1 Smith <nil>
}

// A sku may hold anything; a price has more decimals than money.
func ExampleProducts_Get() {
	shop, client, _ := exampleShop()
	if _, err := shop.AddProduct(magentotest.NewProduct{SKU: "CUP/RED", Price: "9.994", Qty: "10"}); err != nil {
		fmt.Println(err)
		return
	}
	product, err := client.Products.Get(context.Background(), "CUP/RED")
	if err != nil {
		fmt.Println(err)
		return
	}
	price, exact, err := product.Price.Price("USD")
	fmt.Println(product.SKU, product.Price, price, exact, err)
	// Output:
	// CUP/RED 9.994 9.99 USD false <nil>
}

// Returns are Adobe Commerce's. A shop of Magento Open Source says so by a code.
func ExampleReturns_Offered() {
	_, client, _ := exampleShop()
	ctx := context.Background()
	fmt.Println(client.Returns.Offered(ctx))

	_, err := client.Returns.Get(ctx, 1)
	var e *commerce.Error
	fmt.Println(errors.As(err, &e) && e.Code == magento.CodeNotOffered)
	// Output:
	// false <nil>
	// true
}

// In Adobe Commerce a buyer asks to send goods back; the shop authorises it step by step.
func ExampleReturns_Save() {
	shop, err := magentotest.New(magentotest.Config{AdobeCommerce: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	id, err := shop.Place(magentotest.NewOrder{Items: []magentotest.NewItem{{SKU: "CUP", Qty: "2", Price: "9.99"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(shop.Keys()), Transport: shop.Transport()})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	shipment, err := client.Orders.Ship(ctx, magento.ID(id), magento.ShipParams{})
	if err != nil {
		fmt.Println(err)
		return
	}
	asked, err := client.Returns.Create(ctx, magento.Return{OrderID: magento.ID(id), Items: []magento.ReturnItem{
		{OrderItemID: shipment.Items[0].OrderItemID, QtyRequested: "1", Reason: "1", Condition: "2", Resolution: "3"},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	asked.Items[0].Status, asked.Items[0].QtyAuthorized = "authorized", "1"
	authorized, err := client.Returns.Save(ctx, asked)
	fmt.Println(asked.Status, authorized.Status, err)
	fmt.Println(client.Returns.AddTrack(ctx, asked.EntityID, magento.NewTrack{TrackNumber: "1Z999", Title: "UPS", CarrierCode: "ups"}))
	fmt.Println(client.Returns.Comment(ctx, asked.EntityID, magento.Remark{Text: "send it to Austin", Visible: true}))
	// Output:
	// pending authorized <nil>
	// <nil>
	// <nil>
}

// The currency of a website's books and that of its buyers are read by store view.
func ExampleStores_Configs() {
	_, client, _ := exampleShop()
	views, err := client.Stores.Configs(context.Background(), "default", "jpy")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, v := range views {
		fmt.Println(v.Code, v.BaseCurrencyCode, v.DefaultDisplayCurrencyCode)
	}
	// Output:
	// default USD USD
	// jpy USD JPY
}

// Addresses name a region by its id, which the country's list tells.
func ExampleDirectory_Country() {
	_, client, _ := exampleShop()
	country, err := client.Directory.Country(context.Background(), "US")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, region := range country.Regions {
		if region.Code == "TX" {
			fmt.Println(region.ID, region.Name)
		}
	}
	// Output:
	// 57 Texas
}

// adobe stands for Adobe's login and for a tenant of Adobe Commerce as a Cloud Service.
type adobe struct{}

func (adobe) RoundTrip(r *http.Request) (*http.Response, error) {
	body := `{"entity_id":7,"increment_id":"000000007","state":"new"}`
	if r.URL.Path == "/ims/token/v3" {
		body = `{"access_token":"token","expires_in":86399}`
	}
	fmt.Println(strings.TrimSpace(r.Method + " " + r.URL.String() + " " + r.Header.Get("Store")))
	return &http.Response{StatusCode: 200, Request: r, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// Adobe Commerce as a Cloud Service has other paths, and takes tokens of Adobe's login.
func ExampleIMS() {
	tokens, err := magento.NewIMS(magento.IMSConfig{
		ClientID: "client", ClientSecret: commerce.NewSecret("secret"), Organization: "org@AdobeOrg", Transport: adobe{},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := magento.NewClient(magento.Config{
		BaseURL: "https://na1.api.commerce.adobe.com/tenant", CloudService: true, Store: "default", Credentials: tokens, Transport: adobe{},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	order, err := client.Orders.Get(context.Background(), 7)
	fmt.Println(order.IncrementID, err)
	// Output:
	// POST https://ims-na1.adobelogin.com/ims/token/v3
	// GET https://na1.api.commerce.adobe.com/tenant/V1/orders/7 default
	// 000000007 <nil>
}
