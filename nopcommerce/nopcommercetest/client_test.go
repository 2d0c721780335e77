package nopcommercetest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
	"github.com/commercesync/commerce/resilience"
)

// client is one that tries once.
func client(t *testing.T, s *nopcommercetest.Shop, api nopcommerce.API) *nopcommerce.Client {
	t.Helper()
	return clientAt(t, s, api, time.Now)
}

func clientAt(t *testing.T, s *nopcommercetest.Shop, api nopcommerce.API, now func() time.Time) *nopcommerce.Client {
	t.Helper()
	cl, err := nopcommerce.NewClient(nopcommerce.Config{BaseURL: "https://shop.example", API: api, Now: now, Credentials: commerce.Static(s.Login()), Transport: s.Transport(),
		Resilience: resilience.Config{Retry: resilience.Retry{Attempts: 1}}})
	require.NoError(t, err)
	return cl
}

// The client walks an order from its payment to the customer's door, and what the shop
// counts is what the client was told.
func TestTheClientTakesAnOrderThroughItsLife(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"1.06", "4.60", "4.70.1", "4.90.0"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			s := furnished(t, nopcommercetest.Config{Version: version})
			cl := client(t, s, nopcommerce.Official)
			n := 0
			for o, err := range cl.Orders.List(ctx, nopcommerce.OrderParams{Statuses: []nopcommerce.OrderStatus{nopcommercetest.OrderPending}}) {
				require.NoError(t, err)
				require.NotZero(t, o.ID)
				n++
			}
			require.Equal(t, 2, n)
			lines, err := cl.Items.Lines(ctx, 1)
			require.NoError(t, err)
			require.Equal(t, []string{"CUP", "SHIRT-L", "DESK", "PLAN"}, []string{lines[0].SKU, lines[1].SKU, lines[2].SKU, lines[3].SKU})

			o, err := cl.Processing.MarkPaid(ctx, 1)
			require.NoError(t, err)
			require.Equal(t, "Paid", o.PaymentStatus.String())
			_, err = cl.Notes.Add(ctx, nopcommerce.Note{OrderID: 1, Text: "paid by pi_1"})
			require.NoError(t, err)
			require.NoError(t, cl.Attributes.Save(ctx, nopcommerce.Attribute{EntityID: 1, KeyGroup: "Order", Key: "Intent", Value: "pi_1"}))
			require.Equal(t, "pi_1", *s.Attributes("Order", 1)[0].Value)

			var items []nopcommerce.ShipmentItem
			for _, l := range lines[:3] {
				items = append(items, nopcommerce.ShipmentItem{OrderItemID: l.ID, Quantity: l.Quantity})
			}
			items[2].WarehouseID = 1
			parcel := nopcommerce.NewShipment{OrderID: 1, Reference: "delivery 7", TrackingNumber: "1Z", Items: items}
			sh, err := cl.Shipments.Ship(ctx, parcel)
			require.NoError(t, err)
			_, err = cl.Shipments.Ship(ctx, parcel)
			require.NoError(t, err, "the same parcel again")
			require.Len(t, s.Shipments(1), 1)
			require.Len(t, s.Effects(1, nopcommercetest.EffectShipped), 1)
			_, err = cl.Processing.Deliver(ctx, sh.ID, false)
			require.NoError(t, err)
			done, _ := s.Order(1)
			require.Equal(t, [3]int{nopcommercetest.OrderComplete, nopcommercetest.PaymentPaid, nopcommercetest.Delivered}, statuses(done))

			require.NoError(t, s.Refund(1, "10"))
			back, err := cl.Processing.RefundTo(ctx, 1, "25.50")
			require.NoError(t, err)
			require.Equal(t, "25.5000", string(back.RefundedAmount))
			refunds := s.Effects(1, nopcommercetest.EffectRefunded)
			require.Equal(t, []string{"10.0000", "15.5000"}, texts(refunds[0].Amount, refunds[1].Amount))

			c, err := cl.Customers.ByEmail(ctx, "buyer@example.com")
			require.NoError(t, err)
			first, last, err := cl.Customers.Name(ctx, c)
			require.NoError(t, err)
			require.Equal(t, "Ann Buyer", first+" "+last)
			require.NoError(t, cl.Stock.Set(ctx, nopcommerce.Level{ProductID: 1, Quantity: 42, Message: "counted"}))
			cup, _ := s.Product(1)
			require.Equal(t, 42, cup.StockQuantity)
			_, err = cl.Processing.Cancel(ctx, 2, false)
			require.NoError(t, err)
			require.Len(t, s.Effects(2, nopcommercetest.EffectCancelled), 1)
		})
	}
}

// An action whose answer is lost was carried out once, and the client does not carry it out
// again.
func TestTheClientMarksOnceWhenAnswersAreLost(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]nopcommercetest.FaultKind{"before": nopcommercetest.Refused, "after": nopcommercetest.Lost, "half": nopcommercetest.Half} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := furnished(t, nopcommercetest.Config{})
			s.Fail(nopcommercetest.Fault{Kind: kind, Times: 1, Match: func(r *http.Request) bool { return strings.Contains(r.URL.Path, "MarkOrderAsPaid") }})
			cl := client(t, s, nopcommerce.Official)
			_, first := cl.Processing.MarkPaid(t.Context(), 1)
			t.Log(first)
			o, err := cl.Processing.MarkPaid(t.Context(), 1)
			require.NoError(t, err)
			require.Equal(t, "Paid", o.PaymentStatus.String())
			require.Len(t, s.Effects(1, nopcommercetest.EffectPaid), 1)
		})
	}
}

func TestTheClientKeepsMembersOfACustomBuild(t *testing.T) {
	t.Parallel()
	s := furnished(t, nopcommercetest.Config{CustomMembers: map[string]map[string]json.RawMessage{"Customer": {"loyalty": []byte(`{"points":1.50,"since":"2018-04-04T09:33:39.303"}`)}}})
	cl := client(t, s, nopcommerce.Official)
	c, err := cl.Customers.Get(t.Context(), 2)
	require.NoError(t, err)
	c.AdminComment = "seen"
	_, err = cl.Customers.Update(t.Context(), c)
	require.NoError(t, err)
	kept, _ := s.Customer(2)
	require.Equal(t, "seen", *kept.AdminComment)
	require.Equal(t, "Ann", *kept.FirstName)
	require.Equal(t, `{"points":1.50,"since":"2018-04-04T09:33:39.303"}`, string(kept.Custom["loyalty"]))
}

func TestTheClientLogsInAgainAfterAKeyChangeAndNeverLoopsOnAWrongPassword(t *testing.T) {
	t.Parallel()
	clock := newHands()
	s := furnished(t, nopcommercetest.Config{Now: clock.now})
	cl := clientAt(t, s, nopcommerce.Official, clock.now)
	_, err := cl.Orders.Get(t.Context(), 1)
	require.NoError(t, err)
	s.RotateKey()
	clock.at = clock.at.Add(time.Hour)
	_, err = cl.Orders.Get(t.Context(), 1)
	require.NoError(t, err)

	wrong, err := nopcommerce.NewClient(nopcommerce.Config{BaseURL: "https://shop.example", Transport: s.Transport(),
		Credentials: commerce.Static(nopcommerce.Login{Email: s.Login().Email, Password: commerce.NewSecret("wrong")})})
	require.NoError(t, err)
	for range 10 {
		_, err = wrong.Orders.Get(t.Context(), 1)
		require.ErrorIs(t, err, commerce.ErrAuth)
	}
	require.False(t, s.Locked())
}

func TestACDNDoesNotFoolTheClient(t *testing.T) {
	t.Parallel()
	s := furnished(t, nopcommercetest.Config{CDN: time.Hour})
	cl := client(t, s, nopcommerce.Official)
	for _, want := range []int{nopcommercetest.PaymentPending, nopcommercetest.PaymentPaid} {
		o, err := cl.Orders.Get(t.Context(), 1)
		require.NoError(t, err)
		require.Equal(t, want, int(o.PaymentStatus))
		if want == nopcommercetest.PaymentPending {
			require.NoError(t, s.MarkPaid(1))
		}
	}
	require.Zero(t, s.Repeated())
}

func TestTheClientReadsTheCommunityAPI(t *testing.T) {
	t.Parallel()
	s := furnished(t, nopcommercetest.Config{API: nopcommercetest.Community})
	api, err := nopcommerce.Detect(t.Context(), nopcommerce.Config{BaseURL: "https://shop.example", Transport: s.Transport()})
	require.NoError(t, err)
	require.Equal(t, nopcommerce.Community, api)
	cl := client(t, s, api)
	n := 0
	for o, err := range cl.Orders.List(t.Context(), nopcommerce.OrderParams{}) {
		require.NoError(t, err)
		require.Len(t, o.Items, 4)
		require.Equal(t, nopcommercetest.OrderPending, int(o.Status))
		n++
	}
	require.Equal(t, 2, n)
	_, err = cl.Processing.MarkPaid(t.Context(), 1)
	require.Error(t, err, "not offered")
	require.Empty(t, s.Effects(1))
}
