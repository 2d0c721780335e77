package nopcommerce_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/nopcommerce"
)

// TestEveryExampleIsReadWithoutLosingAMemberOrADigit decodes each example, compares every
// field of ours with what was sent, and the kept bytes with the bytes.
func TestEveryExampleIsReadWithoutLosingAMemberOrADigit(t *testing.T) {
	t.Parallel()
	for file, test := range map[string]struct {
		list string // the member that holds the rows; "" for a bare row
		row  any
	}{
		"official-order-search.json":   {"items", &nopcommerce.Order{}},
		"official-shipment.json":       {"", &nopcommerce.Shipment{}},
		"community-orders-get.json":    {"orders", &nopcommerce.Order{}},
		"community-customers-get.json": {"customers", &nopcommerce.Customer{}},
		"community-product-get.json":   {"products", &nopcommerce.Product{}},
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			b := example(t, file)
			rows := []json.RawMessage{b}
			if test.list != "" {
				var got map[string]json.RawMessage
				require.NoError(t, json.Unmarshal(b, &got))
				require.NoError(t, json.Unmarshal(got[test.list], &rows))
			}
			require.NotEmpty(t, rows)
			for _, sent := range rows {
				row := reflect.New(reflect.TypeOf(test.row).Elem())
				require.NoError(t, json.Unmarshal(sent, row.Interface()))
				require.Equal(t, strings.TrimSpace(string(sent)), string(row.Elem().FieldByName("Raw").Bytes()), "byte for byte")
				requireFields(t, file, row.Elem(), sent)
			}
		})
	}
}

// requireFields requires that every field of a row that was sent holds what was sent.
func requireFields(t *testing.T, at string, row reflect.Value, sent json.RawMessage) {
	t.Helper()
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(sent, &members), at)
	for i := range row.NumField() {
		name, _, _ := strings.Cut(row.Type().Field(i).Tag.Get("json"), ",")
		want, there := members[name]
		if !there {
			continue
		}
		f, at := row.Field(i), at+"."+name
		switch {
		case f.Kind() == reflect.Pointer && !f.IsNil():
			requireFields(t, at, f.Elem(), want)
		case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct:
			var list []json.RawMessage
			require.NoError(t, json.Unmarshal(want, &list), at)
			require.Equal(t, len(list), f.Len(), at)
			for i := range list {
				requireFields(t, at, f.Index(i), list[i])
			}
		default:
			got, err := json.Marshal(f.Interface())
			require.NoError(t, err)
			plain := func(b []byte) string {
				var v any
				d := json.NewDecoder(bytes.NewReader(b))
				d.UseNumber()
				require.NoError(t, d.Decode(&v))
				if v == nil {
					v = ""
				}
				text, err := json.Marshal(v)
				require.NoError(t, err)
				return strings.Trim(string(text), `"`)
			}
			g, w := plain(got), plain(want)
			if w == "" && (g == "0" || g == "[]" || g == "false") {
				g = ""
			}
			if _, ok := f.Interface().(nopcommerce.Time); ok {
				w = strings.TrimSuffix(w, ".000")
			}
			require.Equal(t, w, g, at)
		}
	}
}

func TestTheExampleOfATokenIsTaken(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.token = "<authentication token>"
	s.on["POST /Authenticate/GetToken"] = func(_ *http.Request, body []byte) reply {
		require.JSONEq(t, string(example(t, "official-token-request.json")), string(body))
		return reply{status: 200, body: string(example(t, "official-token-response.json"))}
	}
	example(t, "official-token-request.json")
	_, err := s.client(func(c *nopcommerce.Config) {
		c.Credentials = commerce.Static(nopcommerce.Login{Email: "admin@yourstore.com", Password: commerce.NewSecret("123456")})
	}).Orders.Get(t.Context(), 17)
	require.NoError(t, err)
}

func TestTheExamplesOfErrorsAreTyped(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.put("Order", 17, orderWith(t, "payment_status_id", "10"))
	s.on["GET /OrderProcessing/MarkOrderAsPaid"] = func(*http.Request, []byte) reply {
		return reply{status: 400, body: string(example(t, "official-error-400.json"))}
	}
	example(t, "official-error-400.json")
	_, err := s.client().Processing.MarkPaid(t.Context(), 17)
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.ErrorContains(t, err, "You can't mark this order as paid")
	s.on["GET /OrderProcessing/MarkOrderAsPaid"] = func(*http.Request, []byte) reply {
		return reply{status: 401, body: string(example(t, "official-error-401.json"))}
	}
	_, err = s.client().Processing.MarkPaid(t.Context(), 17)
	require.ErrorIs(t, err, commerce.ErrAuth)
	require.True(t, commerce.SafeToRetry(err))
}

// TestEveryRequestIsInTheDocument makes every call that the client has, with every
// parameter, of a shop that checks each request against the document.
func TestEveryRequestIsInTheDocument(t *testing.T) {
	t.Parallel()
	doc := contract(t, officialDoc)
	s := ships(t)
	s.put("Customer", 5, oldCustomer)
	s.put("Product", 8, product)
	s.put("Address", 31, `{"first_name":"Jane","last_name":null,"email":null,"company":null,"country_id":1,"state_province_id":null,"county":null,"city":null,"address1":null,"address2":null,"zip_postal_code":null,"phone_number":null,"fax_number":null,"custom_attributes":null,"created_on_utc":"2018-01-01T12:45:00","id":31}`)
	s.put("ProductAttributeCombination", 1, combination(1, "ST970-L", chosen("1", "11")))
	s.put("ProductWarehouse", 3, `{"product_id":8,"warehouse_id":2,"stock_quantity":1,"reserved_quantity":1,"id":3}`)
	s.put("OrderItem", 41, line)
	s.put("Shipment", 77, parcel)
	s.put("ReturnRequest", 6, `{"custom_number":"6","store_id":1,"order_item_id":41,"customer_id":5,"quantity":1,"reason_for_return":"x","requested_action":"y","customer_comments":null,"uploaded_file_id":0,"staff_notes":null,"return_request_status_id":0,"created_on_utc":"2018-01-01T12:45:00","updated_on_utc":"2018-01-01T12:45:00","id":6}`)
	s.put("RecurringPayment", 7, `{"cycle_length":1,"cycle_period_id":0,"total_cycles":12,"start_date_utc":"2018-01-01T12:45:00","is_active":true,"last_payment_failed":false,"deleted":false,"initial_order_id":17,"created_on_utc":"2018-01-01T12:45:00","id":7}`)
	for _, path := range []string{"/Order/Search", "/Customer/GetAll", "/Product/GetAll", "/Shipment/GetAll", "/ReturnRequest/Search", "/RecurringPayment/Search", "/Currency/GetAll", "/ActivityLog/GetAll"} {
		s.on["GET "+path] = says(envelope(0, 100, 0))
	}
	for _, path := range []string{"/Order/GetByIds", "/OrderNote/GetOrderNotesByOrderId", "/GenericAttribute/GetAttributesForEntity", "/Customer/GetCustomersByIds",
		"/Customer/GetAddressesByCustomerId", "/Country/GetAllCountries", "/StateProvince/GetStateProvincesByCountryId", "/Product/GetProductsByIds",
		"/ProductAttributeCombination/GetAll", "/ReturnRequestReason/GetAll", "/ReturnRequestAction/GetAll", "/RecurringPaymentHistory/GetByRecurringPaymentId"} {
		s.on["GET "+path] = says(`[]`)
	}
	for _, path := range []string{"/Order/GetByCustomOrderNumber", "/Order/GetByGuid", "/Order/GetByOrderItem"} {
		s.on["GET "+path] = says(paidOrder)
	}
	for _, path := range []string{"/Customer/GetCustomerByEmail", "/Customer/GetCustomerByGuid", "/Customer/GetCustomerByUsername"} {
		s.on["GET "+path] = says(setMember(t, oldCustomer, "username", `"jane"`))
	}
	s.on["GET /Product/GetProductBySku"] = func(*http.Request, []byte) reply { return reply{status: 404, body: `"none"`} }
	s.on["GET /ProductAttributeCombination/GetBySku"] = says(combination(1, "ST970-L", chosen("1", "11")))
	s.on["GET /ProductWarehouse/GetAllProductWarehouseInventoryRecords"] = func(*http.Request, []byte) reply {
		return reply{status: 200, body: s.list("ProductWarehouse", "")}
	}
	s.on["GET /Product/GetTotalStockQuantity"] = says(`3`)
	s.on["GET /Currency/ConvertFromPrimaryStoreCurrency"] = says(`10000`)
	s.on["GET /Currency/GetAll"] = says(envelope(0, 100, 1, `{"name":"US Dollar","currency_code":"USD","rate":1.00000000,"display_locale":null,"custom_formatting":null,"limited_to_stores":false,"published":true,"display_order":1,"created_on_utc":"2018-01-01T12:45:00","updated_on_utc":"2018-01-01T12:45:00","rounding_type_id":0,"id":1}`))
	for _, a := range []string{"CheckOrderStatus", "MarkOrderAsPaid", "MarkAsAuthorized", "CancelOrder", "RefundOffline", "PartiallyRefundOffline", "VoidOffline", "Deliver"} {
		s.on["GET /OrderProcessing/"+a] = func(*http.Request, []byte) reply { return reply{status: 200} }
	}
	for _, a := range []string{"Capture", "Refund", "PartiallyRefund", "Void"} {
		s.on["GET /OrderProcessing/"+a] = says(`[]`)
	}
	for _, a := range []string{"CanCancelOrder", "CanMarkOrderAsAuthorized", "CanMarkOrderAsPaid", "CanRefund", "CanRefundOffline", "CanPartiallyRefund", "CanPartiallyRefundOffline", "CanVoid", "CanVoidOffline"} {
		s.on["GET /OrderProcessing/"+a] = says(`true`)
	}
	for _, path := range []string{"GET /Customer/InsertCustomerAddress", "GET /Customer/RemoveCustomerAddress", "POST /Product/AdjustInventory",
		"GET /Product/AddStockQuantityHistoryEntry", "POST /GenericAttribute/SaveAttribute"} {
		s.on[path] = func(*http.Request, []byte) reply { return reply{status: 200} }
	}

	c, ctx := s.client(), t.Context()
	ok := func(err error) { t.Helper(); require.NoError(t, err) }
	tell := func(_ any, err error) { t.Helper(); require.NoError(t, err) }
	any1 := func(any, error) {} // an act that the double does not do ends in an error of ours
	state := func(status string) { s.put("Order", 17, orderWith(t, "payment_status_id", status)) }

	o, err := c.Orders.Get(ctx, 17)
	ok(err)
	tell(c.Orders.GetMany(ctx, 17, 18))
	tell(c.Orders.ByNumber(ctx, "1017"))
	tell(c.Orders.ByGUID(ctx, o.OrderGUID))
	tell(c.Orders.ByItem(ctx, 41))
	for _, err := range c.Orders.List(ctx, nopcommerce.OrderParams{CreatedFrom: now, CreatedTo: now, Statuses: []nopcommerce.OrderStatus{10}, PaymentStatuses: []nopcommerce.PaymentStatus{10},
		ShippingStatuses: []nopcommerce.ShippingStatus{10}, StoreID: 1, CustomerID: 1, ProductID: 1, PaymentMethod: "x", Note: "x", BillingEmail: "x"}) {
		ok(err)
	}
	tell(c.Orders.Count(ctx, nopcommerce.OrderParams{CreatedTo: now}))
	o.VATNumber = "DE1"
	tell(c.Orders.Update(ctx, o))
	item, err := c.Items.Get(ctx, 41)
	ok(err)
	item.Quantity = 3
	tell(c.Items.Update(ctx, item))
	tell(c.Items.Lines(ctx, 17))
	tell(c.Notes.List(ctx, 17))
	tell(c.Notes.Add(ctx, nopcommerce.Note{OrderID: 17, Text: "x"}))
	tell(c.Attributes.List(ctx, "Order", 17))
	ok(c.Attributes.Save(ctx, nopcommerce.Attribute{EntityID: 17, KeyGroup: "Order", Key: "k", Value: "v"}))

	state("10")
	any1(c.Processing.CheckStatus(ctx, 17))
	any1(c.Processing.MarkPaid(ctx, 17))
	any1(c.Processing.MarkAuthorized(ctx, 17))
	any1(c.Processing.Cancel(ctx, 17, false))
	state("20")
	any1(c.Processing.Capture(ctx, 17))
	any1(c.Processing.Void(ctx, 17))
	any1(c.Processing.VoidOffline(ctx, 17))
	state("30")
	any1(c.Processing.RefundTo(ctx, 17, "85.6"))
	any1(c.Processing.RefundTo(ctx, 17, "1.5"))
	any1(c.Processing.RefundOnlineTo(ctx, 17, "85.6"))
	any1(c.Processing.RefundOnlineTo(ctx, 17, "1.5"))
	for _, a := range []nopcommerce.Action{nopcommerce.CancelOrder, nopcommerce.MarkAsAuthorized, nopcommerce.MarkOrderAsPaid, nopcommerce.Refund, nopcommerce.RefundOffline,
		nopcommerce.PartiallyRefund, nopcommerce.PartiallyRefundOffline, nopcommerce.Void, nopcommerce.VoidOffline} {
		amount := nopcommerce.Number("")
		if strings.HasPrefix(string(a), "Partially") {
			amount = "1.5"
		}
		tell(c.Processing.Can(ctx, a, 17, amount))
	}

	customer, err := c.Customers.Get(ctx, 5)
	ok(err)
	customer.Email = "j@example.com"
	tell(c.Customers.Update(ctx, customer))
	tell(c.Customers.GetMany(ctx, 5))
	tell(c.Customers.ByEmail(ctx, "jane@example.com"))
	tell(c.Customers.ByGUID(ctx, customer.CustomerGUID))
	tell(c.Customers.ByUsername(ctx, "jane"))
	for _, err := range c.Customers.List(ctx, nopcommerce.CustomerParams{CreatedFrom: now, CreatedTo: now, RoleIDs: []nopcommerce.ID{1, 2}, Email: "x", Company: "x"}) {
		ok(err)
	}
	tell(c.Customers.Count(ctx, nopcommerce.CustomerParams{}))
	tell(c.Customers.Create(ctx, nopcommerce.Customer{CustomerGUID: customer.CustomerGUID, Email: "x@example.com", Active: true}))
	_, _, err = c.Customers.Name(ctx, customer)
	ok(err)
	tell(c.Customers.Addresses(ctx, 5))
	ok(c.Customers.AddAddress(ctx, 5, 31))
	s.on["GET /Customer/GetAddressesByCustomerId"] = says("[" + s.row("Address", 31) + "]")
	ok(c.Customers.RemoveAddress(ctx, 5, 31))
	address, err := c.Addresses.Get(ctx, 31)
	ok(err)
	address.City = "Bonn"
	tell(c.Addresses.Update(ctx, address))
	tell(c.Addresses.Create(ctx, nopcommerce.Address{FirstName: "J"}))
	tell(c.Directory.Countries(ctx))
	tell(c.Directory.States(ctx, 1))
	tell(c.Directory.Currency(ctx, "USD"))
	tell(c.Directory.PrimaryCurrency(ctx))
	tell(c.Stores.List(ctx))
	ok(c.Ping(ctx))
	tell(c.ServerTime(ctx))
	for _, err := range c.Activities.List(ctx, nopcommerce.ActivityParams{EntityName: "Order", EntityID: 17, CreatedFrom: now, CreatedTo: now}) {
		ok(err)
	}

	for _, err := range c.Products.List(ctx, nopcommerce.ProductParams{Keywords: "x", StoreID: 1, WarehouseID: 1, Hidden: true}) {
		ok(err)
	}
	_, _, err = c.Products.BySKU(ctx, "ST970-L")
	ok(err)
	p, err := c.Products.Get(ctx, 8)
	ok(err)
	p.Price = "50"
	tell(c.Products.Update(ctx, p))
	combined, err := c.Products.Combinations(ctx, 8)
	ok(err)
	require.Empty(t, combined)
	tell(c.Stock.Total(ctx, 8))
	tell(c.Stock.Warehouses(ctx, 8))
	ok(c.Stock.Set(ctx, nopcommerce.Level{ProductID: 8, Quantity: 4, Message: "m"}))
	ok(c.Stock.Adjust(ctx, 8, -1, "", "m"))
	s.set("Product", 8, "use_multiple_warehouses", "true")
	ok(c.Stock.Set(ctx, nopcommerce.Level{ProductID: 8, WarehouseID: 2, Quantity: 4}))
	s.set("Product", 8, "manage_inventory_method_id", "2")
	ok(c.Stock.Set(ctx, nopcommerce.Level{ProductID: 8, CombinationID: 1, Quantity: 4, Message: "m"}))

	sh, err := c.Shipments.Ship(ctx, left)
	ok(err)
	any1(c.Processing.Deliver(ctx, sh.ID, true))
	for _, err := range c.Shipments.List(ctx, nopcommerce.ShipmentParams{CreatedFrom: now, CreatedTo: now, NotShipped: true, NotDelivered: true, TrackingNumber: "x", WarehouseID: 1}) {
		ok(err)
	}
	other, err := c.Shipments.Get(ctx, 77)
	ok(err)
	other.TrackingNumber = "1Z9"
	tell(c.Shipments.Update(ctx, other))
	ok(c.Shipments.Delete(ctx, 77))

	one := nopcommerce.ReturnAuthorized
	for _, err := range c.Returns.List(ctx, nopcommerce.ReturnParams{CreatedFrom: now, CreatedTo: now, StoreID: 1, CustomerID: 1, OrderItemID: 1, CustomNumber: "x", Status: &one}) {
		ok(err)
	}
	request, err := c.Returns.Get(ctx, 6)
	ok(err)
	request.Status = nopcommerce.ReturnReceived
	tell(c.Returns.Update(ctx, request))
	tell(c.Returns.Create(ctx, nopcommerce.ReturnRequest{OrderItemID: 41, CustomerID: 5, Quantity: 1, StoreID: 1}))
	tell(c.Returns.Reasons(ctx))
	tell(c.Returns.Actions(ctx))
	for _, err := range c.Recurring.List(ctx, nopcommerce.RecurringParams{StoreID: 1, CustomerID: 1, InitialOrderID: 1, InitialStatus: nopcommerce.OrderPending, Inactive: true}) {
		ok(err)
	}
	cycle, err := c.Recurring.Get(ctx, 7)
	ok(err)
	cycle.LastPaymentFailed = true
	tell(c.Recurring.Update(ctx, cycle))
	tell(c.Recurring.Cycles(ctx, 7))
	ok(c.Recurring.AddCycle(ctx, 7, 18))

	var used []string
	for _, r := range s.sent() {
		method, path, _ := strings.Cut(r, " ")
		path, _, _ = strings.Cut(path, "?")
		name, _, _, err := doc.find(method, "/api-backend"+path)
		require.NoError(t, err)
		if !slices.Contains(used, name) {
			used = append(used, name)
		}
	}
	t.Logf("%d of the document's operations are used", len(used))
	require.Len(t, used, 92)
}
