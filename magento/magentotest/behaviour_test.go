package magentotest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/resilience"
)

// TestUpdatedAtMovesAsMeasured does what was done to the real order, in the same
// sequence, a second apart, and compares whether its updated_at moved.
func TestUpdatedAtMovesAsMeasured(t *testing.T) {
	t.Parallel()
	var measured struct {
		Order []struct {
			Action string
			Moved  bool
		}
	}
	b, err := os.ReadFile(filepath.Join("..", "testdata", "recorded", "updated-at-moves.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &measured))

	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	shop, err := magentotest.New(magentotest.Config{Now: func() time.Time { return now }, Admins: map[string]string{"ann": "secret"}})
	require.NoError(t, err)
	id, err := shop.Place(magentotest.NewOrder{ShippingPrice: "5", Items: []magentotest.NewItem{{SKU: "CUP", Qty: "4", Price: "9.99"}}})
	require.NoError(t, err)
	c, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(shop.Keys()),
		Transport: shop.Transport(), Now: func() time.Time { return now }})
	require.NoError(t, err)
	ctx, order := t.Context(), magento.ID(id)
	o, _ := shop.Order(id)
	one := []magento.ItemQty{{OrderItemID: o.Items[0].ItemID, Qty: "1"}}
	send := admin(t, shop)
	refund := func() error {
		_, err := c.Orders.Refund(ctx, order, magento.RefundParams{Items: one, BaseShipping: "0"})
		return err
	}
	ship := func(p magento.ShipParams) error { _, err := c.Orders.Ship(ctx, order, p); return err }
	invoice := func(p magento.InvoiceParams) error { _, err := c.Orders.Invoice(ctx, order, p); return err }
	actions := map[string]func() error{
		"comment, same status":                  func() error { return c.Orders.Comment(ctx, order, magento.Comment{Text: "x"}) },
		"hold":                                  func() error { return c.Orders.Hold(ctx, order) },
		"unhold":                                func() error { return c.Orders.Unhold(ctx, order) },
		"partial invoice":                       func() error { return invoice(magento.InvoiceParams{Items: one}) },
		"rest invoice":                          func() error { return invoice(magento.InvoiceParams{}) },
		"partial ship":                          func() error { return ship(magento.ShipParams{Items: one}) },
		"second partial ship (state unchanged)": func() error { return ship(magento.ShipParams{Items: one}) },
		"rest ship":                             func() error { return ship(magento.ShipParams{}) },
		"partial refund":                        refund,
		"ext_order_id via POST /orders":         func() error { return c.Orders.SetExtOrderID(ctx, order, "E1") },
		"same ext_order_id again":               func() error { return c.Orders.SetExtOrderID(ctx, order, "E1") },
		"invoice comment": func() error {
			_, err := c.Invoices.Comment(ctx, 1, magento.Remark{Text: "x"})
			return err
		},
		"billing address PUT": func() error {
			o, _ := shop.Order(id)
			body, err := json.Marshal(map[string]any{"entity": map[string]any{"entity_id": o.BillingAddress.EntityID, "parent_id": id, "address_type": "billing",
				"email": "guest@example.com", "firstname": "G", "lastname": "B", "street": []string{"2 Low Rd"}, "city": "Austin", "postcode": "78701",
				"country_id": "US", "region": "Texas", "region_id": 57, "region_code": "TX", "telephone": "1"}})
			require.NoError(t, err)
			if status, answer := send("PUT", "/orders/"+order.String(), string(body)); status != http.StatusOK {
				return fmt.Errorf("%d %s", status, answer)
			}
			return nil
		},
		"add track": func() error {
			_, err := c.Shipments.AddTrack(ctx, magento.TrackParams{OrderID: order, ShipmentID: 1, NewTrack: magento.NewTrack{TrackNumber: "1Z", Title: "UPS", CarrierCode: "ups"}})
			return err
		},
	}
	for _, m := range measured.Order {
		act, ok := actions[m.Action]
		require.True(t, ok, m.Action)
		before, _ := shop.Order(id)
		now = now.Add(2 * time.Second)
		require.NoError(t, act(), m.Action)
		after, _ := shop.Order(id)
		require.Equal(t, m.Moved, !after.UpdatedAt.Equal(before.UpdatedAt.Time), m.Action)
	}
}

func TestTheStripeModuleActsOnlyWhereItIsInstalled(t *testing.T) {
	t.Parallel()
	off, err := magentotest.New(magentotest.Config{})
	require.NoError(t, err)
	require.ErrorIs(t, off.Charged(magentotest.StripeCharge{Order: 1, Intent: "pi_1"}), commerce.ErrInvalid)

	shop, err := magentotest.New(magentotest.Config{StripeModule: true})
	require.NoError(t, err)
	place := func() int64 {
		id, err := shop.Place(magentotest.NewOrder{PaymentMethod: "stripe_payments", State: "pending_payment", Status: "pending_payment",
			Items: []magentotest.NewItem{{SKU: "CUP", Price: "10"}}})
		require.NoError(t, err)
		return id
	}
	paid := place()
	for range 2 { // news of one charge may come twice
		require.NoError(t, shop.Charged(magentotest.StripeCharge{Order: paid, Intent: "pi_1", Customer: "cus_1", PaymentMethod: "pm_1"}))
	}
	o, ok := shop.Order(paid)
	require.True(t, ok)
	require.Equal(t, "processing", o.State)
	require.Equal(t, magento.Number("10"), o.TotalPaid)
	require.Equal(t, "pi_1", o.Payment.LastTransID)
	require.Equal(t, "pi_1", o.PaymentInfo("payment_intent_id"))
	require.Equal(t, "cus_1", o.PaymentInfo("customer_stripe_id"))
	require.Len(t, shop.Invoices(paid), 1)
	require.Equal(t, "pi_1", shop.Invoices(paid)[0].TransactionID)
	require.Len(t, shop.Transactions(paid), 1)

	reserved := place()
	require.NoError(t, shop.Charged(magentotest.StripeCharge{Order: reserved, Intent: "pi_2", Authorised: true}))
	o, _ = shop.Order(reserved)
	require.Equal(t, "processing", o.State)
	require.Empty(t, o.TotalPaid)
	require.Empty(t, shop.Invoices(reserved))
	require.Equal(t, magento.TransactionAuthorization, shop.Transactions(reserved)[0].TxnType)

	require.ErrorIs(t, shop.Charged(magentotest.StripeCharge{Order: 99, Intent: "pi_3"}), commerce.ErrNotFound)
	require.ErrorIs(t, shop.Charged(magentotest.StripeCharge{Order: paid, Intent: "ch_3"}), commerce.ErrInvalid)
}

func TestMeansOfPaymentLowerTheGrandTotal(t *testing.T) {
	t.Parallel()
	shop, err := magentotest.New(magentotest.Config{})
	require.NoError(t, err)
	id, err := shop.Place(magentotest.NewOrder{Store: "eur", GiftCard: "10", StoreCredit: "2.5", Points: "1",
		Items: []magentotest.NewItem{{SKU: "CUP", Qty: "2", Price: "20"}}})
	require.NoError(t, err)
	o, _ := shop.Order(id)
	require.Equal(t, magento.Number("36.7"), o.Subtotal)
	require.Equal(t, magento.Number("9.17"), o.Extension.GiftCardsAmount)
	require.Equal(t, magento.Number("10"), o.Extension.BaseGiftCardsAmount)
	require.Equal(t, magento.Number("2.29"), o.Extension.CustomerBalanceAmount)
	require.Equal(t, magento.Number("0.92"), o.Extension.RewardCurrencyAmount)
	require.Equal(t, magento.Number("24.32"), o.GrandTotal)
	require.Equal(t, magento.Number("26.5"), o.BaseGrandTotal)
	require.Len(t, o.Extension.GiftCards, 1)

	all, err := shop.Place(magentotest.NewOrder{GiftCard: "100", Items: []magentotest.NewItem{{SKU: "CUP", Price: "20"}}})
	require.NoError(t, err)
	o, _ = shop.Order(all)
	require.Equal(t, magento.Number("0"), o.GrandTotal)
	require.Equal(t, "free", o.Payment.Method)
}

func TestAnOrderThatCanNotBePlacedNamesItsField(t *testing.T) {
	t.Parallel()
	shop, err := magentotest.New(magentotest.Config{})
	require.NoError(t, err)
	cup := []magentotest.NewItem{{SKU: "CUP", Price: "1"}}
	for field, n := range map[string]magentotest.NewOrder{
		"Store":           {Store: "nowhere", Items: cup},
		"Items":           {},
		"SKU":             {Items: []magentotest.NewItem{{Price: "1"}}},
		"Qty":             {Items: []magentotest.NewItem{{SKU: "CUP", Qty: "-1"}}},
		"children":        {Items: []magentotest.NewItem{{SKU: "CUP", Type: "bundle"}}},
		"CUP":             {Items: []magentotest.NewItem{{SKU: "CUP", Price: "1,50"}}},
		"DiscountPercent": {DiscountPercent: "x", Items: cup},
		"ShippingPrice":   {ShippingPrice: "x", Items: cup},
		"gift_cards":      {GiftCard: "x", Items: cup},
	} {
		_, err := shop.Place(n)
		require.ErrorIs(t, err, commerce.ErrInvalid, field)
		require.ErrorContains(t, err, field)
	}
	require.Empty(t, shop.OrderIDs())
	_, err = magentotest.New(magentotest.Config{Stores: []magentotest.Store{{Code: "x"}}})
	require.ErrorIs(t, err, commerce.ErrInvalid)
	_, err = magentotest.New(magentotest.Config{TokenLife: -1})
	require.ErrorIs(t, err, commerce.ErrInvalid)
}

func TestEqualWritesAtOnceStayWithinWhatIsLeft(t *testing.T) {
	t.Parallel()
	shop, err := magentotest.New(magentotest.Config{})
	require.NoError(t, err)
	id, err := shop.Place(magentotest.NewOrder{Items: []magentotest.NewItem{{SKU: "CUP", Qty: "3", Price: "10"}}})
	require.NoError(t, err)
	c := client(t, shop)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, _ = c.Orders.Invoice(t.Context(), magento.ID(id), magento.InvoiceParams{})
			_, _ = c.Orders.Get(t.Context(), magento.ID(id))
		})
	}
	all.Wait()
	require.Len(t, shop.Invoices(id), 1)
	o, _ := shop.Order(id)
	require.Equal(t, magento.Number("30"), o.TotalPaid)
}

// TestFaultsOverASocket proves that a lost answer is one on a real connection as well.
func TestFaultsOverASocket(t *testing.T) {
	t.Parallel()
	shop, err := magentotest.New(magentotest.Config{})
	require.NoError(t, err)
	server := shop.NewServer()
	defer server.Close()
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	c, err := magento.NewClient(magento.Config{BaseURL: server.URL, Credentials: commerce.Static(shop.Keys()), Transport: tr,
		Resilience: resilience.Config{Retry: resilience.Retry{Attempts: 1}}})
	require.NoError(t, err)
	id, err := shop.Place(magentotest.NewOrder{Items: []magentotest.NewItem{{SKU: "CUP", Qty: "3", Price: "10"}}})
	require.NoError(t, err)
	for kind, invoices := range map[magentotest.FaultKind]int{magentotest.Refused: 0, magentotest.Half: 1} {
		shop.Fail(magentotest.Fault{Kind: kind, Times: 1})
		_, err = c.Orders.Invoice(t.Context(), magento.ID(id), magento.InvoiceParams{})
		require.ErrorIs(t, err, commerce.ErrUnknown, "a connection that breaks says nothing of what was done")
		if invoices > 0 {
			require.Len(t, shop.Invoices(id), invoices)
		}
	}
	require.Positive(t, shop.LongestRequest())
}

func TestOneSeedMakesOneShop(t *testing.T) {
	t.Parallel()
	a, err := magentotest.New(magentotest.Config{Seed: 7})
	require.NoError(t, err)
	b, err := magentotest.New(magentotest.Config{Seed: 7})
	require.NoError(t, err)
	other, err := magentotest.New(magentotest.Config{Seed: 8})
	require.NoError(t, err)
	require.Equal(t, a.Keys(), b.Keys())
	require.NotEqual(t, a.Keys(), other.Keys())
}

func TestConditionsCompareAsTheDatabaseDoes(t *testing.T) {
	t.Parallel()
	shop, err := magentotest.New(magentotest.Config{StripeModule: true, Now: func() time.Time { return time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC) }})
	require.NoError(t, err)
	for n, email := range []string{"ann@example.com", "Bob@example.com", "cy@example.org"} {
		_, err := shop.Place(magentotest.NewOrder{Customer: magentotest.Customer{ID: int64(n), Email: email}, Items: []magentotest.NewItem{{SKU: "CUP", Price: fmt.Sprint(10 * (n + 1))}}})
		require.NoError(t, err)
	}
	c, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(shop.Keys()), Transport: shop.Transport(),
		Now: func() time.Time { return time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC) }})
	require.NoError(t, err)
	f := func(field string, is magento.Condition, value string) magento.Filter {
		return magento.Filter{Field: field, Is: is, Value: value}
	}
	for name, tc := range map[string]struct {
		groups [][]magento.Filter
		want   []magento.ID
	}{
		"eq without regard to case":     {magento.Where(f("customer_email", magento.Eq, "bob@EXAMPLE.com")), []magento.ID{2}},
		"neq":                           {magento.Where(f("entity_id", magento.NotEq, "2")), []magento.ID{1, 3}},
		"numbers are numbers":           {magento.Where(f("grand_total", magento.Lt, "20.0000")), []magento.ID{1}},
		"gt and lteq":                   {magento.Where(f("entity_id", magento.Gt, "1"), f("entity_id", magento.LtEq, "2")), []magento.ID{2}},
		"one of a group":                {[][]magento.Filter{{f("entity_id", magento.Eq, "1"), f("entity_id", magento.Eq, "3")}}, []magento.ID{1, 3}},
		"in":                            {magento.Where(f("entity_id", magento.In, "1,3")), []magento.ID{1, 3}},
		"nin":                           {magento.Where(f("entity_id", magento.NotIn, "1,3")), []magento.ID{2}},
		"like":                          {magento.Where(f("customer_email", magento.Like, "%example.com")), []magento.ID{1, 2}},
		"nlike":                         {magento.Where(f("customer_email", magento.NotLike, "%example.com")), []magento.ID{3}},
		"null: a guest":                 {magento.Where(f("customer_id", magento.Null, "1")), []magento.ID{1}},
		"notnull":                       {magento.Where(f("customer_id", magento.NotNull, "1")), []magento.ID{2, 3}},
		"null takes part in no compare": {magento.Where(f("customer_id", magento.NotEq, "7")), []magento.ID{2, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []magento.ID
			for o, err := range c.Orders.List(t.Context(), magento.ListParams{Filters: tc.groups}) {
				require.NoError(t, err)
				got = append(got, o.EntityID)
			}
			require.Equal(t, tc.want, got)
		})
	}
	for _, err := range c.Orders.List(t.Context(), magento.ListParams{Filters: magento.Where(f("nonsense", magento.Eq, "1"))}) {
		require.ErrorIs(t, err, commerce.ErrInternal, "an SQL error, masked")
	}
}

func TestALoadedOrderLivesOn(t *testing.T) {
	t.Parallel()
	shop, err := magentotest.New(magentotest.Config{})
	require.NoError(t, err)
	want := recordedOrder(t, "128") // a part invoiced, five comments
	for range 2 {                   // the second takes the place of the first
		require.NoError(t, shop.Load(want.Raw))
	}
	require.Equal(t, []int64{1}, shop.OrderIDs())
	require.Len(t, shop.Comments(1), len(want.StatusHistories))
	got, _ := shop.Order(1)
	require.Equal(t, want.TotalPaid, got.TotalPaid)
	_, err = client(t, shop).Orders.Invoice(t.Context(), 1, magento.InvoiceParams{})
	require.NoError(t, err)
	got, _ = shop.Order(1)
	require.Equal(t, got.GrandTotal, got.TotalPaid)
	require.Equal(t, magento.Number("31.99"), shop.Invoices(1)[0].GrandTotal)
	require.Empty(t, shop.CreditMemos(1))
	next, err := shop.Place(magentotest.NewOrder{Items: []magentotest.NewItem{{SKU: "CUP", Price: "1"}}})
	require.NoError(t, err)
	require.Equal(t, int64(2), next)
	got, _ = shop.Order(next)
	require.Equal(t, "000000002", got.IncrementID)
	for _, bad := range []string{"", "[]", "{}", "null"} {
		require.ErrorIs(t, shop.Load([]byte(bad)), commerce.ErrInvalid, bad)
	}
}
