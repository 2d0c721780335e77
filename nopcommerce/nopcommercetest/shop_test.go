package nopcommercetest_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
)

// hands is a clock that is turned by hand.
type hands struct{ at time.Time }

func (h *hands) now() time.Time { return h.at }

func newHands() *hands { return &hands{time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)} }

func open(t *testing.T, c nopcommercetest.Config) (*nopcommercetest.Shop, *caller) {
	t.Helper()
	s, err := nopcommercetest.New(c)
	require.NoError(t, err)
	call := &caller{t: t, shop: s}
	if c.API == nopcommercetest.Official || c.API == nopcommercetest.Both {
		call.login()
	}
	return s, call
}

func place(t *testing.T, s *nopcommercetest.Shop, n nopcommercetest.NewOrder) int {
	t.Helper()
	if n.Items == nil {
		n.Items = []nopcommercetest.NewItem{{SKU: "CUP", Price: "10", Qty: 2}}
	}
	id, err := s.Place(n)
	require.NoError(t, err)
	return id
}

func (c *caller) order(id int) (o nopcommercetest.Order) {
	c.t.Helper()
	c.read(fmt.Sprintf("/Order/GetById/%d", id), &o)
	return o
}

// do calls an action on an order and expects a status.
func (c *caller) do(want int, action string, id int) string {
	c.t.Helper()
	name, query, _ := strings.Cut(action, "?")
	status, b := c.get(fmt.Sprintf("/OrderProcessing/%s/%d?%s", name, id, query))
	require.Equal(c.t, want, status, "%s: %s", action, b)
	return string(b)
}

func TestAConfigIsRefusedByTheNameOfItsField(t *testing.T) {
	t.Parallel()
	for field, c := range map[string]nopcommercetest.Config{
		"Config.Version":        {Version: "3.90"},
		"Config.API":            {API: 7},
		"Config.TokenLife":      {TokenLife: -1},
		"Config.Stores[0]":      {Stores: []nopcommercetest.Store{{}}},
		"Config.Currencies[0]":  {Currencies: []nopcommercetest.NewCurrency{{Code: "USD", Rate: "x"}}},
		"Config.StripePlugins":  {StripePlugins: []nopcommercetest.StripePlugin{{}}},
		"Config.CustomMembers[": {CustomMembers: map[string]map[string]json.RawMessage{"Country": {"x": []byte("1")}}},
	} {
		_, err := nopcommercetest.New(c)
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.ErrorContains(t, err, field)
	}
}

func TestANewOrderIsRefusedByTheNameOfItsField(t *testing.T) {
	t.Parallel()
	s, _ := open(t, nopcommercetest.Config{})
	cup := []nopcommercetest.NewItem{{SKU: "CUP", Price: "1"}}
	for field, n := range map[string]nopcommercetest.NewOrder{
		"NewOrder.Items":         {},
		"NewOrder.Items[0]":      {Items: []nopcommercetest.NewItem{{Price: "1"}}},
		"NewOrder.Items[0].Pric": {Items: []nopcommercetest.NewItem{{SKU: "CUP", Price: "-1"}}},
		"NewOrder.TaxPercent":    {Items: cup, TaxPercent: "much"},
		"NewOrder.Currency":      {Items: cup, Currency: "XTS"},
		"NewOrder.Customer":      {Items: cup, Customer: 99},
		"NewAddress.Country":     {Items: cup, Billing: nopcommercetest.NewAddress{Country: "ZZ"}},
		"NewAddress.State":       {Items: cup, Billing: nopcommercetest.NewAddress{Country: "US", State: "ZZ"}},
		"NewOrder.Discount":      {Items: cup, Discount: "2"},
	} {
		_, err := s.Place(n)
		require.ErrorIs(t, err, commerce.ErrInvalid, field)
		require.ErrorContains(t, err, field)
	}
	require.Empty(t, s.OrderIDs())
}

// The client has to see the right of a token in the token itself.
func TestATokenSaysWhenItEndsInItsPayloadOnly(t *testing.T) {
	t.Parallel()
	clock := newHands()
	for numeric, want := range map[bool]string{false: `"1793869200"`, true: `1793869200`} {
		s, c := open(t, nopcommercetest.Config{Now: clock.now, NumericExpiry: numeric, TokenLife: 24 * time.Hour})
		clock.at = time.Date(2026, 11, 4, 9, 0, 0, 0, time.UTC)
		c.login()
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(c.token, ".")[1])
		require.NoError(t, err)
		var claims map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(payload, &claims))
		require.Equal(t, want, string(claims["exp"]))
		require.Equal(t, `"1"`, string(claims["CustomerId"]))
		require.False(t, s.Locked())
		clock.at = newHands().at
	}
}

func TestATokenIsGoodUntilItEndsOrTheKeyChanges(t *testing.T) {
	t.Parallel()
	clock := newHands()
	s, c := open(t, nopcommercetest.Config{Now: clock.now, TokenLife: time.Hour})
	status, _ := c.get("/Store/GetAll")
	require.Equal(t, 200, status)
	clock.at = clock.at.Add(time.Hour)
	status, b := c.get("/Store/GetAll")
	require.Equal(t, 401, status)
	require.JSONEq(t, `{"message":"Unauthorized"}`, string(b))
	c.login()
	s.RotateKey()
	status, _ = c.get("/Store/GetAll")
	require.Equal(t, 401, status)
	c.login()
	s.SetAccess(false)
	status, b = c.get("/Store/GetAll")
	require.Equal(t, 403, status)
	require.JSONEq(t, `{"message":"Access denied."}`, string(b))
}

func TestWrongPasswordsLockTheAccountAndARightOneIsRefusedThen(t *testing.T) {
	t.Parallel()
	clock := newHands()
	s, c := open(t, nopcommercetest.Config{Now: clock.now, LockAfter: 3})
	who := s.Login()
	login := func(word string) int {
		b, err := json.Marshal(map[string]string{"email": who.Email, "password": word})
		require.NoError(t, err)
		status, _ := c.send("POST", "/api-backend/Authenticate/GetToken", string(b))
		return status
	}
	require.Equal(t, 400, login("wrong"))
	require.Equal(t, 400, login("wrong"))
	require.Equal(t, 200, login(who.Password.Reveal()), "a right one starts the count again")
	for range 3 {
		require.False(t, s.Locked())
		require.Equal(t, 400, login("wrong"))
	}
	require.True(t, s.Locked())
	require.Equal(t, 400, login(who.Password.Reveal()))
	clock.at = clock.at.Add(31 * time.Minute)
	require.Equal(t, 200, login(who.Password.Reveal()))
	for _, call := range s.Calls() {
		require.Empty(t, call.Body, "a login's body is not kept")
	}
}

func TestAShopWithUsernamesReadsTheOtherMember(t *testing.T) {
	t.Parallel()
	s, err := nopcommercetest.New(nopcommercetest.Config{Usernames: true, Password: commerce.NewSecret("word")})
	require.NoError(t, err)
	c := &caller{t: t, shop: s}
	status, _ := c.send("POST", "/api-backend/Authenticate/GetToken", `{"email":"admin@yourStore.com","password":"word"}`)
	require.Equal(t, 400, status)
	status, _ = c.send("POST", "/api-backend/Authenticate/GetToken", `{"username":"ADMIN@yourstore.com","password":"word"}`)
	require.Equal(t, 200, status)
}

func TestInDeveloperModeEveryTokenIsGood(t *testing.T) {
	t.Parallel()
	s, c := open(t, nopcommercetest.Config{DeveloperMode: true})
	id := place(t, s, nopcommercetest.NewOrder{})
	c.token = "made up"
	require.Equal(t, id, c.order(id).ID)
	c.do(200, "MarkOrderAsPaid", id)
	require.Contains(t, c.do(400, "MarkOrderAsPaid", id), "at Nop.Services")
}

func TestAnOrderAddsUp(t *testing.T) {
	t.Parallel()
	clock := newHands()
	s, c := open(t, nopcommercetest.Config{Now: clock.now})
	id := place(t, s, nopcommercetest.NewOrder{Currency: "EUR", TaxPercent: "7", ShippingPrice: "5", PaymentFee: "1.5", Discount: "3", RewardPoints: "2",
		Items: []nopcommercetest.NewItem{{SKU: "CUP", Price: "9.99", Qty: 3}, {SKU: "MUG", Price: "4.95"}}})
	o := c.order(id)
	require.Equal(t, []string{"34.9200", "37.3600", "5.0000", "5.3500", "1.5000", "1.6100", "2.9000", "3.0000", "39.3200"}, texts(o.OrderSubtotalExclTax, o.OrderSubtotalInclTax,
		o.OrderShippingExclTax, o.OrderShippingInclTax, o.PaymentMethodAdditionalFeeExclTax, o.PaymentMethodAdditionalFeeInclTax, o.OrderTax, o.OrderDiscount, o.OrderTotal))
	require.Equal(t, "7:2.9044;   ", *o.TaxRates)
	require.Equal(t, "EUR", *o.CustomerCurrencyCode)
	require.Equal(t, "0.90000000", o.CurrencyRate.String())
	require.Equal(t, "1", *o.CustomOrderNumber)
	require.Equal(t, clock.at, o.CreatedOnUTC.Time)
	require.Equal(t, [3]int{nopcommercetest.OrderPending, nopcommercetest.PaymentPending, nopcommercetest.NotYetShipped}, statuses(o))
	status, b := c.get("/Order/GetById/1")
	require.Equal(t, 200, status)
	require.Contains(t, string(b), `"created_on_utc":"2026-11-02T09:00:00"`)
	require.Contains(t, string(b), `"order_total":39.3200`)

	gross := c.order(place(t, s, nopcommercetest.NewOrder{PricesIncludeTax: true, TaxPercent: "19", Items: []nopcommercetest.NewItem{{SKU: "VASE", Price: "11.90"}}}))
	require.Equal(t, []string{"10.0000", "11.9000", "1.9000", "11.9000"}, texts(gross.OrderSubtotalExclTax, gross.OrderSubtotalInclTax, gross.OrderTax, gross.OrderTotal))

	free := c.order(place(t, s, nopcommercetest.NewOrder{GiftCard: "20"}))
	require.Equal(t, nopcommercetest.PaymentPaid, free.PaymentStatusID, "nothing to pay is paid at once")
	require.NotNil(t, free.PaidDateUTC)
	c.do(400, "RefundOffline", free.ID)
}

func texts[T fmt.Stringer](all ...T) (out []string) {
	for _, a := range all {
		out = append(out, a.String())
	}
	return out
}

func statuses(o nopcommercetest.Order) [3]int {
	return [3]int{o.OrderStatusID, o.PaymentStatusID, o.ShippingStatusID}
}

// The three columns after each step, and what the shop answers to it.
func TestTheStatusColumnsMoveTogether(t *testing.T) {
	t.Parallel()
	type step struct {
		action string
		status int
		want   [3]int
	}
	virtual := []nopcommercetest.NewItem{{SKU: "FILE", Price: "20", Virtual: true}}
	for name, x := range map[string]struct {
		config nopcommercetest.Config
		items  []nopcommercetest.NewItem
		steps  []step
	}{
		"paid, then sent, then delivered": {nopcommercetest.Config{}, nil, []step{
			{"MarkOrderAsPaid", 200, [3]int{20, 30, 20}}, {"MarkOrderAsPaid", 400, [3]int{20, 30, 20}}, {"ship", 200, [3]int{20, 30, 30}}, {"deliver", 200, [3]int{30, 30, 40}}}},
		"complete when shipped, by setting": {nopcommercetest.Config{CompleteWhenShipped: true}, nil, []step{
			{"MarkOrderAsPaid", 200, [3]int{20, 30, 20}}, {"ship", 200, [3]int{30, 30, 30}}}},
		"sent before it is paid": {nopcommercetest.Config{}, nil, []step{
			{"ship", 200, [3]int{20, 10, 30}}, {"deliver", 200, [3]int{20, 10, 40}}, {"MarkOrderAsPaid", 200, [3]int{30, 30, 40}}}},
		"nothing to send": {nopcommercetest.Config{}, virtual, []step{{"CheckOrderStatus", 200, [3]int{10, 10, 10}}, {"MarkOrderAsPaid", 200, [3]int{30, 30, 10}}}},
		"authorised and paid": {nopcommercetest.Config{}, nil, []step{
			{"MarkAsAuthorized", 200, [3]int{20, 20, 20}}, {"RefundOffline", 400, [3]int{20, 20, 20}}, {"MarkOrderAsPaid", 200, [3]int{20, 30, 20}}, {"VoidOffline", 400, [3]int{20, 30, 20}}}},
		"authorised and voided": {nopcommercetest.Config{}, nil, []step{
			{"VoidOffline", 400, [3]int{10, 10, 20}}, {"MarkAsAuthorized", 200, [3]int{20, 20, 20}}, {"VoidOffline", 200, [3]int{20, 50, 20}}, {"MarkOrderAsPaid", 400, [3]int{20, 50, 20}}}},
		"an authorisation has no guard": {nopcommercetest.Config{}, nil, []step{
			{"MarkOrderAsPaid", 200, [3]int{20, 30, 20}}, {"MarkAsAuthorized", 200, [3]int{20, 20, 20}}}},
		"refunded whole": {nopcommercetest.Config{}, nil, []step{
			{"RefundOffline", 400, [3]int{10, 10, 20}}, {"MarkOrderAsPaid", 200, [3]int{20, 30, 20}}, {"RefundOffline", 200, [3]int{20, 40, 20}},
			{"RefundOffline", 400, [3]int{20, 40, 20}}, {"PartiallyRefundOffline?amountToRefund=1", 400, [3]int{20, 40, 20}}}},
		"refunded in parts": {nopcommercetest.Config{}, nil, []step{
			{"MarkOrderAsPaid", 200, [3]int{20, 30, 20}}, {"PartiallyRefundOffline?amountToRefund=5.5", 200, [3]int{20, 35, 20}}, {"RefundOffline", 400, [3]int{20, 35, 20}},
			{"PartiallyRefundOffline?amountToRefund=14.51", 400, [3]int{20, 35, 20}}, {"PartiallyRefundOffline?amountToRefund=0", 400, [3]int{20, 35, 20}},
			{"PartiallyRefundOffline?amountToRefund=14.5", 200, [3]int{20, 40, 20}}}},
		"a part refunded can be paid again": {nopcommercetest.Config{}, nil, []step{
			{"MarkOrderAsPaid", 200, [3]int{20, 30, 20}}, {"PartiallyRefundOffline?amountToRefund=1", 200, [3]int{20, 35, 20}}, {"MarkOrderAsPaid", 200, [3]int{20, 30, 20}}}},
		"cancelled keeps its money": {nopcommercetest.Config{}, nil, []step{
			{"MarkOrderAsPaid", 200, [3]int{20, 30, 20}}, {"CancelOrder?notifyCustomer=true", 200, [3]int{40, 30, 20}}, {"CancelOrder?notifyCustomer=true", 400, [3]int{40, 30, 20}},
			{"CheckOrderStatus", 200, [3]int{40, 30, 20}}, {"RefundOffline", 200, [3]int{40, 40, 20}}}},
		"no plugin can do anything": {nopcommercetest.Config{}, nil, []step{
			{"MarkOrderAsPaid", 200, [3]int{20, 30, 20}}, {"Refund", 400, [3]int{20, 30, 20}}, {"PartiallyRefund?amountToRefund=1", 400, [3]int{20, 30, 20}},
			{"Capture", 400, [3]int{20, 30, 20}}, {"Void", 400, [3]int{20, 30, 20}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := open(t, x.config)
			id := place(t, s, nopcommercetest.NewOrder{Items: x.items})
			shipment := 0
			for _, st := range x.steps {
				switch st.action {
				case "ship":
					var err error
					shipment, err = s.Ship(nopcommercetest.NewShipment{Order: id})
					require.NoError(t, err)
				case "deliver":
					c.do(st.status, "Deliver?notifyCustomer=false", shipment)
				default:
					c.do(st.status, st.action, id)
				}
				require.Equal(t, st.want, statuses(c.order(id)), st.action)
			}
		})
	}
}

func TestCanAsksWhatTheActionWouldDoExceptForCapture(t *testing.T) {
	t.Parallel()
	s, c := open(t, nopcommercetest.Config{StripePlugins: nopcommercetest.StripePlugins()})
	id := place(t, s, nopcommercetest.NewOrder{PaymentMethod: nopcommercetest.StripeElement})
	ask := func(action string) bool { return c.do(200, action, id) == "true" }
	require.True(t, ask("CanMarkOrderAsPaid"))
	require.True(t, ask("CanCapture"), "the shop asks the wrong question")
	c.do(400, "Capture", id)
	c.do(200, "MarkAsAuthorized", id)
	require.False(t, ask("CanCapture"))
	require.True(t, ask("CanVoid"))
	require.JSONEq(t, "[]", c.do(200, "Capture", id))
	require.True(t, ask("CanRefund"))
	require.False(t, ask("CanMarkOrderAsAuthorized"))
	require.True(t, ask("CanPartiallyRefundOffline?amountToRefund=20"))
	require.False(t, ask("CanPartiallyRefundOffline?amountToRefund=20.01"))
}

func TestAGatewayThatRefusesIsA200WithTexts(t *testing.T) {
	t.Parallel()
	var asked []nopcommercetest.GatewayCall
	refuse := false
	s, c := open(t, nopcommercetest.Config{StripePlugins: nopcommercetest.StripePlugins(), Gateway: func(g nopcommercetest.GatewayCall) error {
		asked = append(asked, g)
		if refuse {
			return errors.New("Capture request failed")
		}
		return nil
	}})
	id := place(t, s, nopcommercetest.NewOrder{PaymentMethod: nopcommercetest.StripeElement, Currency: "EUR"})
	require.NoError(t, s.Charged(nopcommercetest.StripeResult{Order: id, Intent: "pi_1", Charge: "ch_1", Authorised: true}))
	refuse = true
	require.JSONEq(t, `["Capture request failed"]`, c.do(200, "Capture", id))
	require.Equal(t, nopcommercetest.PaymentAuthorized, c.order(id).PaymentStatusID)
	refuse = false
	require.JSONEq(t, "[]", c.do(200, "Capture", id))
	require.JSONEq(t, "[]", c.do(200, "PartiallyRefund?amountToRefund=5", id))
	require.Equal(t, []nopcommercetest.GatewayCall{
		{Action: "capture", Order: id, Intent: "pi_1", Amount: 1800, Currency: "eur"}, {Action: "capture", Order: id, Intent: "pi_1", Amount: 1800, Currency: "eur"},
		{Action: "refund", Order: id, Intent: "pi_1", Amount: 450, Currency: "eur"}}, asked)
	require.Equal(t, []nopcommercetest.EffectKind{"authorized", "captured", "paid", "mail", "refunded", "mail"}, kindsOf(s.Effects(id)))
}

func kindsOf(effects []nopcommercetest.Effect) (out []nopcommercetest.EffectKind) {
	for _, e := range effects {
		out = append(out, e.Kind)
	}
	return out
}

// What each plugin charges for 33.33 dollars that a buyer saw in euros at 0.9, and where
// its ids lie.
func TestStripePluginsDisagree(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]string{
		nopcommercetest.StripeClassic: "3333 usd auth=ch_1 capture=",
		nopcommercetest.StripeCard:    "3333 eur auth= capture=ch_1",
		nopcommercetest.StripeElement: "2999 eur auth=pi_1 capture=ch_1",
		nopcommercetest.StripeWallet:  "2999 eur auth=pi_1 capture=",
		nopcommercetest.StripeKlarna:  "3000 eur auth=pi_1 capture=",
	} {
		s, c := open(t, nopcommercetest.Config{StripePlugins: nopcommercetest.StripePlugins()})
		id := place(t, s, nopcommercetest.NewOrder{PaymentMethod: method, Currency: "EUR", Items: []nopcommercetest.NewItem{{SKU: "CUP", Price: "33.33"}}})
		charge, err := s.Charge(id)
		require.NoError(t, err)
		require.Equal(t, [3]int{10, 10, 20}, statuses(c.order(id)))
		result := nopcommercetest.StripeResult{Order: id, Intent: "pi_1", Charge: "ch_1"}
		require.NoError(t, s.Charged(result))
		require.NoError(t, s.Charged(result), "heard twice")
		o := c.order(id)
		require.Equal(t, want, fmt.Sprintf("%d %s auth=%s capture=%s", charge.Amount, charge.Currency, str(o.AuthorizationTransactionID), str(o.CaptureTransactionID)), method)
		require.Equal(t, map[string]string{"OrderId": "1", "OrderGuid": o.OrderGUID, "CustomerId": fmt.Sprint(o.CustomerID), "ProductId": "1"}, charge.Metadata)
		require.Equal(t, [3]int{20, 30, 20}, statuses(o))
		require.Len(t, s.Effects(id, nopcommercetest.EffectPaid), 1)
		require.Equal(t, nopcommercetest.ByPlugin, s.Effects(id, nopcommercetest.EffectPaid)[0].By)

		require.NoError(t, s.Refunded(id, "5"))
		require.Equal(t, nopcommercetest.PaymentPaid, c.order(id).PaymentStatusID, "a refund at Stripe is only a note")
		require.Contains(t, *s.Notes(id)[len(s.Notes(id))-1].Note, "Refunded at Stripe")
	}
}

func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func TestAPluginMayMirrorRefundsAndChargesInAWayOfItsOwn(t *testing.T) {
	t.Parallel()
	s, c := open(t, nopcommercetest.Config{StripePlugins: []nopcommercetest.StripePlugin{{Method: "Own", Currency: "primary", Charge: nopcommercetest.ByState, RefundsMirrored: true}}})
	id := place(t, s, nopcommercetest.NewOrder{PaymentMethod: "Own", Currency: "JPY"})
	charge, err := s.Charge(id)
	require.NoError(t, err)
	require.Equal(t, int64(2000), charge.Amount)
	require.Equal(t, "usd", charge.Currency)
	require.NoError(t, s.Charged(nopcommercetest.StripeResult{Order: id, Charge: "ch_1", Authorised: true}))
	require.Equal(t, "ch_1", str(c.order(id).AuthorizationTransactionID))
	require.NoError(t, s.Charged(nopcommercetest.StripeResult{Order: id, Charge: "ch_1"}))
	require.NoError(t, s.Refunded(id, "5"))
	require.Equal(t, nopcommercetest.PaymentPartiallyRefunded, c.order(id).PaymentStatusID)
	require.ErrorIs(t, s.Refunded(id, "500"), commerce.ErrConflict)

	other := place(t, s, nopcommercetest.NewOrder{})
	_, err = s.Charge(other)
	require.ErrorIs(t, err, commerce.ErrInvalid)
	_, err = s.Charge(99)
	require.ErrorIs(t, err, commerce.ErrNotFound)
}

func TestASearchIsNewestFirstAndHoldsBothEndsOfItsPeriod(t *testing.T) {
	t.Parallel()
	clock := newHands()
	s, c := open(t, nopcommercetest.Config{Now: clock.now})
	start := clock.at
	for i := range 5 {
		clock.at = start.Add(time.Duration(i) * time.Minute)
		place(t, s, nopcommercetest.NewOrder{})
	}
	late := place(t, s, nopcommercetest.NewOrder{CreatedAt: start.Add(-time.Hour)}) // a long transaction
	search := func(query string) (ids []int, total int, next bool) {
		var p struct {
			Items []nopcommercetest.Order
			Total int  `json:"total_count"`
			Next  bool `json:"has_next_page"`
		}
		c.read("/Order/Search?"+query, &p)
		for _, o := range p.Items {
			ids = append(ids, o.ID)
		}
		return ids, p.Total, p.Next
	}
	ids, total, next := search("pageSize=2&pageIndex=1")
	require.Equal(t, []int{3, 2}, ids)
	require.Equal(t, 6, total)
	require.True(t, next)
	ids, _, _ = search("")
	require.Equal(t, []int{5, 4, 3, 2, 1, late}, ids)
	ids, _, _ = search("createdFromUtc=2026-11-02T09:01:00Z&createdToUtc=2026-11-02T09:02:00Z")
	require.Equal(t, []int{3, 2}, ids, "inclusive on both ends")
	_, total, _ = search("getOnlyTotalCount=true")
	require.Equal(t, 6, total)

	require.NoError(t, s.MarkPaid(2))
	require.NoError(t, s.Delete(3))
	require.NoError(t, s.AddNote(1, "PAYMENT-FAILED pi_9 card_declined"))
	ids, _, _ = search("osIds=20;x;40")
	require.Equal(t, []int{2}, ids, "what is no number is dropped")
	ids, _, _ = search("psIds=10&pageSize=9")
	require.Equal(t, []int{5, 4, 1, late}, ids)
	ids, _, _ = search("orderNotes=" + url.QueryEscape("payment-failed PI_9"))
	require.Equal(t, []int{1}, ids)
	require.True(t, c.order(3).Deleted, "a deleted order can still be read")
	for _, query := range []string{"pageIndex=x", "pageSize=-1", "createdFromUtc=yesterday", "getOnlyTotalCount=maybe"} {
		status, _ := c.get("/Order/Search?" + query)
		require.Equal(t, 400, status, query)
	}
}

// A PUT replaces the row: what it does not bring is lost.
func TestAPutReplacesTheWholeRow(t *testing.T) {
	t.Parallel()
	s, c := open(t, nopcommercetest.Config{CustomMembers: map[string]map[string]json.RawMessage{"Order": {"our_column": []byte(`{"deep":[1.50]}`)}, "Customer": {"tier": []byte(`"gold"`)}}})
	id := place(t, s, nopcommercetest.NewOrder{Currency: "EUR"})
	_, raw := c.get("/Order/GetById/1")
	require.Contains(t, string(raw), `"our_column":{"deep":[1.50]}`)
	status, b := c.send("PUT", "/api-backend/Order/Update", string(raw))
	require.Equal(t, 200, status)
	require.Empty(t, b)
	_, again := c.get("/Order/GetById/1")
	require.Equal(t, string(raw), string(again), "a whole row changes nothing")

	status, _ = c.send("PUT", "/api-backend/Order/Update", `{"id":1,"order_total":1.005,"created_on_utc":"2026-11-02T09:00:00.1234567","unknown":1}`)
	require.Equal(t, 200, status)
	o := c.order(id)
	require.Equal(t, "1.0050", o.OrderTotal.String())
	require.Nil(t, o.CustomerCurrencyCode)
	require.Zero(t, o.StoreID)
	_, raw = c.get("/Order/GetById/1")
	require.Contains(t, string(raw), `"our_column":null`)
	require.NotContains(t, string(raw), "unknown")

	status, b = c.send("PUT", "/api-backend/Order/Update", `{"id":77}`)
	require.Equal(t, 404, status)
	require.Equal(t, `"Order Id=77 not found"`, string(b))
	status, _ = c.send("PUT", "/api-backend/Order/Update", `{"id":1,"order_total":"much"}`)
	require.Equal(t, 400, status)
}

func TestACustomerPutOfAnOldShapeErasesNames(t *testing.T) {
	t.Parallel()
	s, c := open(t, nopcommercetest.Config{})
	id, err := s.AddCustomer(nopcommercetest.NewCustomer{Email: "a@example.com", FirstName: "Ann", LastName: "Lee", VATNumber: "DE1"})
	require.NoError(t, err)
	name := func() string { _, b := c.get(fmt.Sprintf("/Customer/GetCustomerFullName/%d", id)); return string(b) }
	require.Equal(t, `"Ann Lee"`, name())
	status, _ := c.send("PUT", "/api-backend/Customer/Update", fmt.Sprintf(`{"id":%d,"email":"a@example.com","active":true}`, id))
	require.Equal(t, 200, status)
	require.Equal(t, `""`, name())

	old, call := open(t, nopcommercetest.Config{Version: "1.06"})
	id, err = old.AddCustomer(nopcommercetest.NewCustomer{Email: "a@example.com", FirstName: "Ann", LastName: "Lee"})
	require.NoError(t, err)
	_, b := call.get(fmt.Sprintf("/Customer/GetById/%d", id))
	require.NotContains(t, string(b), "first_name")
	require.Len(t, old.Attributes("Customer", id), 2, "names were generic attributes")
	_, b = call.get(fmt.Sprintf("/Customer/GetCustomerFullName/%d", id))
	require.Equal(t, `"Ann Lee"`, string(b))
}

func TestStockFollowsOrdersCancelsAndParcels(t *testing.T) {
	t.Parallel()
	s := furnished(t, nopcommercetest.Config{})
	c := &caller{t: t, shop: s}
	c.login()
	state := func() string {
		cup, _ := s.Product(1)
		inv := s.Inventory(3)
		return fmt.Sprintf("cup %d, shirt %d, desk %d-%d %d-%d", cup.StockQuantity, s.Combinations(2)[0].StockQuantity, inv[0].StockQuantity, inv[0].ReservedQuantity, inv[1].StockQuantity, inv[1].ReservedQuantity)
	}
	require.Equal(t, "cup 96, shirt 8, desk 5-2 3-0", state())
	c.do(200, "CancelOrder?notifyCustomer=false", 1)
	require.Equal(t, "cup 98, shirt 9, desk 5-1 3-0", state())
	c.do(200, "Ship?notifyCustomer=false", 1)
	require.Equal(t, "cup 98, shirt 9, desk 4-0 3-0", state(), "goods that are sent leave their warehouse")
	status, _ := c.send("POST", "/api-backend/Product/AdjustInventory/1?quantityToChange=-3&message=count", `""`)
	require.Equal(t, 200, status)
	status, _ = c.send("POST", "/api-backend/Product/AdjustInventory/2?quantityToChange=5", string(must(json.Marshal(*s.Combinations(2)[0].AttributesXML))))
	require.Equal(t, 200, status)
	status, _ = c.send("POST", "/api-backend/Product/AdjustInventory/3?quantityToChange=-2", `""`)
	require.Equal(t, 200, status)
	require.Equal(t, "cup 95, shirt 14, desk 4-2 3-0", state(), "with warehouses it is a reservation")
	last := s.StockChanges(1)[len(s.StockChanges(1))-1]
	require.Equal(t, "count", *last.Message)
	require.Equal(t, 95, last.StockQuantity)
	status, _ = c.send("DELETE", "/api-backend/OrderProcessing/DeleteOrder/2", "")
	require.Equal(t, 200, status)
	require.Equal(t, "cup 97, shirt 15, desk 4-1 3-0", state())
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestAnItemHasNoSKUAndItsCombinationHas(t *testing.T) {
	t.Parallel()
	s := furnished(t, nopcommercetest.Config{})
	c := &caller{t: t, shop: s}
	c.login()
	var items []nopcommercetest.OrderItem
	c.read("/OrderItem/GetOrderItems/1", &items)
	require.Equal(t, "22.5000", items[1].UnitPriceExclTax.String())
	require.Equal(t, "Size: L", *items[1].AttributeDescription)
	var combinations []nopcommercetest.Combination
	c.read(fmt.Sprintf("/ProductAttributeCombination/GetAll/%d", items[1].ProductID), &combinations)
	require.Equal(t, *items[1].AttributesXML, *combinations[0].AttributesXML)
	require.Equal(t, "SHIRT-L", *combinations[0].SKU)
	status, _ := c.get("/Product/GetProductBySku?sku=SHIRT-L")
	require.Equal(t, 404, status, "combinations are not searched")
	require.NoError(t, s.RemoveProduct(1))
	status, _ = c.get("/OrderItem/GetProductByOrderItemId/1")
	require.Equal(t, 404, status, "a product that is gone")
}

// A shipment is made without a date, filled, and shipped; a date of its own keeps it from
// ever being shipped.
func TestAShipmentIsShippedOnlyByTheSequence(t *testing.T) {
	t.Parallel()
	s, c := open(t, nopcommercetest.Config{})
	id := place(t, s, nopcommercetest.NewOrder{Items: []nopcommercetest.NewItem{{SKU: "A", Price: "1", Qty: 2}, {SKU: "B", Price: "1"}}})
	items := s.Items(id)
	create := func(date string) (sh nopcommercetest.Shipment) {
		status, b := c.send("POST", "/api-backend/Shipment/Create", fmt.Sprintf(`{"order_id":%d,"tracking_number":"1Z","shipped_date_utc":%s,"created_on_utc":"2026-11-02T10:00:00"}`, id, date))
		require.Equal(t, 200, status)
		require.NoError(t, json.Unmarshal(b, &sh))
		return sh
	}
	add := func(shipment, item, qty int) {
		status, b := c.send("POST", "/api-backend/ShipmentItem/Create", fmt.Sprintf(`{"shipment_id":%d,"order_item_id":%d,"quantity":%d}`, shipment, item, qty))
		require.Equal(t, 200, status)
		require.Contains(t, string(b), `"order_item_id"`)
	}
	dated := create(`"2026-11-02T10:00:00"`)
	require.Contains(t, c.do(500, "Ship?notifyCustomer=true", dated.ID), "This shipment is already shipped")
	require.Equal(t, nopcommercetest.NotYetShipped, c.order(id).ShippingStatusID)
	status, _ := c.send("DELETE", fmt.Sprintf("/api-backend/Shipment/Delete/%d", dated.ID), "")
	require.Equal(t, 200, status)

	first := create("null")
	add(first.ID, items[0].ID, 1)
	require.Contains(t, c.do(500, "Deliver?notifyCustomer=true", first.ID), "not shipped yet")
	c.do(200, "Ship?notifyCustomer=true", first.ID)
	require.Equal(t, nopcommercetest.PartiallyShipped, c.order(id).ShippingStatusID)
	second := create("null")
	add(second.ID, items[0].ID, 1)
	add(second.ID, items[1].ID, 1)
	c.do(200, "Ship?notifyCustomer=false", second.ID)
	require.Equal(t, nopcommercetest.Shipped, c.order(id).ShippingStatusID)
	c.do(200, "Deliver?notifyCustomer=false", first.ID)
	require.Equal(t, nopcommercetest.Shipped, c.order(id).ShippingStatusID)
	c.do(200, "Deliver?notifyCustomer=false", second.ID)
	require.Equal(t, nopcommercetest.Delivered, c.order(id).ShippingStatusID)
	require.Len(t, s.Effects(id, nopcommercetest.EffectShipped), 2)
	require.Len(t, s.Effects(id, nopcommercetest.EffectMail), 1, "the first was announced")

	pickup := place(t, s, nopcommercetest.NewOrder{PickupInStore: true})
	require.Nil(t, c.order(pickup).ShippingAddressID)
	_, err := s.Ship(nopcommercetest.NewShipment{Order: pickup})
	require.ErrorIs(t, err, commerce.ErrConflict)
}

func TestStaffLeaveTracesAndTheAPIDoesNot(t *testing.T) {
	t.Parallel()
	s, c := open(t, nopcommercetest.Config{})
	id := place(t, s, nopcommercetest.NewOrder{})
	lines := func() int {
		var p struct {
			Total int `json:"total_count"`
		}
		c.read("/ActivityLog/GetAll?entityName=Order", &p)
		return p.Total
	}
	require.Equal(t, 1, lines())
	c.do(200, "MarkOrderAsPaid", id)
	require.Equal(t, 1, lines())
	require.NoError(t, s.Refund(id, "3"))
	require.NoError(t, s.EditOrder(id, func(o *nopcommercetest.Order) { o.VATNumber = new("DE1") }))
	require.NoError(t, s.EditItem(s.Items(id)[0].ID, func(i *nopcommercetest.OrderItem) { i.Quantity = 5 }))
	require.NoError(t, s.EditAddress(id, true, func(a *nopcommercetest.Address) { a.City = new("Dallas") }))
	require.Equal(t, 5, lines())
	require.ErrorIs(t, s.MarkPaid(99), commerce.ErrNotFound)
	require.NoError(t, s.Cancel(id))
	require.ErrorIs(t, s.Cancel(id), commerce.ErrConflict)
	require.ErrorIs(t, s.Void(id), commerce.ErrConflict)
	require.Equal(t, []nopcommercetest.EffectKind{"paid", "mail", "refunded", "mail", "cancelled"}, kindsOf(s.Effects(id)))
	require.Equal(t, nopcommercetest.ByAPI, s.Effects(id)[0].By)
	require.Equal(t, nopcommercetest.ByStaff, s.Effects(id)[2].By)
	require.Equal(t, "3.0000", s.Effects(id)[2].Amount.String())
	a, _ := s.Address(*c.order(id).ShippingAddressID)
	require.Equal(t, "Dallas", *a.City)
}

func TestReturnsAreTicketsAndSubscriptionsEndWithTheirOrder(t *testing.T) {
	t.Parallel()
	clock := newHands()
	s := furnished(t, nopcommercetest.Config{Now: clock.now})
	c := &caller{t: t, shop: s}
	c.login()
	find := func(query string) (ids []int) {
		var p struct{ Items []struct{ ID int } }
		c.read(query, &p)
		for _, x := range p.Items {
			ids = append(ids, x.ID)
		}
		return ids
	}
	require.Equal(t, []int{1}, find("/ReturnRequest/Search?rs=Pending"))
	require.Equal(t, []int{1}, find("/ReturnRequest/Search?rs=0"), "zero is a status")
	clock.at = clock.at.Add(time.Hour)
	require.NoError(t, s.EditReturn(1, func(r *nopcommercetest.ReturnRequest) { r.ReturnRequestStatusID = nopcommercetest.ReturnAuthorized }))
	require.Empty(t, find("/ReturnRequest/Search?rs=Pending"))
	require.Equal(t, []int{1}, find("/ReturnRequest/Search?rs=20"))
	r, _ := s.Return(1)
	require.Equal(t, clock.at, r.UpdatedOnUTC.Time)
	require.Empty(t, find("/ReturnRequest/Search?createdFromUtc="+clock.at.Format(time.RFC3339)), "a search knows the creation only")

	require.Equal(t, []int{1}, find("/RecurringPayment/Search?initialOrderId=1"))
	require.Len(t, s.RecurringPayments(1), 1)
	require.NoError(t, s.Cancel(1))
	require.Empty(t, find("/RecurringPayment/Search?initialOrderId=1"))
	require.Equal(t, []int{1}, find("/RecurringPayment/Search?initialOrderId=1&showHidden=true"))
}

func TestAnAttributeIsThereOnceForEachKeyAndStore(t *testing.T) {
	t.Parallel()
	s, c := open(t, nopcommercetest.Config{})
	id := place(t, s, nopcommercetest.NewOrder{})
	save := func(store int, value string) {
		status, _ := c.send("POST", fmt.Sprintf("/api-backend/GenericAttribute/SaveAttribute/%d/%d?entityTypeName=Order&key=Intent&value=%s", store, id, value), "")
		require.Equal(t, 200, status)
	}
	save(0, "pi_1")
	save(0, "pi_2")
	save(1, "pi_3")
	require.Len(t, s.Attributes("Order", id), 2)
	require.Empty(t, s.Attributes("Customer", id))
	_, b := c.get(fmt.Sprintf("/GenericAttribute/GetAttribute/%d?entityTypeName=Order&key=Intent", id))
	require.Equal(t, `"pi_2"`, string(b))
}

func TestACDNRepeatsAnswersAndHidesActions(t *testing.T) {
	t.Parallel()
	clock := newHands()
	s, c := open(t, nopcommercetest.Config{Now: clock.now, CDN: time.Minute})
	id := place(t, s, nopcommercetest.NewOrder{})
	require.Equal(t, nopcommercetest.PaymentPending, c.order(id).PaymentStatusID)
	c.do(200, "MarkAsAuthorized", id)
	require.NoError(t, s.EditOrder(id, func(o *nopcommercetest.Order) { o.PaymentStatusID = nopcommercetest.PaymentPending }))
	c.do(200, "MarkAsAuthorized", id)
	require.Len(t, s.Effects(id, nopcommercetest.EffectAuthorized), 1, "the second never arrived")
	require.NoError(t, s.MarkPaid(id))
	require.Equal(t, nopcommercetest.PaymentPending, c.order(id).PaymentStatusID, "what the CDN remembers")
	var o nopcommercetest.Order
	c.read(fmt.Sprintf("/Order/GetById/%d?fresh=1", id), &o)
	require.Equal(t, nopcommercetest.PaymentPaid, o.PaymentStatusID)
	require.Equal(t, 2, s.Repeated())
	clock.at = clock.at.Add(time.Minute)
	require.Equal(t, nopcommercetest.PaymentPaid, c.order(id).PaymentStatusID)
}

func TestAClockThatIsOffDatesOrdersAndTokens(t *testing.T) {
	t.Parallel()
	clock := newHands()
	s, c := open(t, nopcommercetest.Config{Now: clock.now, ClockOff: -time.Hour})
	o := c.order(place(t, s, nopcommercetest.NewOrder{}))
	require.Equal(t, clock.at.Add(-time.Hour), o.CreatedOnUTC.Time)
}

func TestFaultsLoseAnswersBeforeAndAfterTheEffect(t *testing.T) {
	t.Parallel()
	pay := func(r *http.Request) bool { return strings.Contains(r.URL.Path, "MarkOrderAsPaid") }
	for name, x := range map[string]struct {
		fault   nopcommercetest.Fault
		status  int // 0 = none
		effects int
	}{
		"refused":       {nopcommercetest.Fault{Kind: nopcommercetest.Refused}, 0, 0},
		"lost":          {nopcommercetest.Fault{Kind: nopcommercetest.Lost}, 0, 1},
		"slow":          {nopcommercetest.Fault{Kind: nopcommercetest.Late, Delay: time.Millisecond}, 200, 1},
		"a stack trace": {nopcommercetest.StackTrace(), 500, 0},
		"a page":        {nopcommercetest.HTMLPage(), 200, 0},
		"restarting":    {nopcommercetest.Restarting(), 503, 0},
		"busy":          {nopcommercetest.Busy(time.Second), 429, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := open(t, nopcommercetest.Config{})
			id := place(t, s, nopcommercetest.NewOrder{})
			x.fault.Match, x.fault.Times = pay, 1
			s.Fail(x.fault)
			r, err := http.NewRequestWithContext(t.Context(), "GET", fmt.Sprintf("https://shop.example/api-backend/OrderProcessing/MarkOrderAsPaid/%d", id), nil)
			require.NoError(t, err)
			r.Header.Set("Authorization", c.token) // the bare token is as good
			resp, err := s.Transport().RoundTrip(r)
			if x.status == 0 {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
				require.Equal(t, x.status, resp.StatusCode)
				resp.Body.Close()
			}
			require.Len(t, s.Effects(id, nopcommercetest.EffectPaid), x.effects)
		})
	}
}

// A race between a read and a write can be made certain: a fault whose Match changes the
// shop, and which then lets the request pass.
func TestAMatchMayChangeTheShop(t *testing.T) {
	t.Parallel()
	s, c := open(t, nopcommercetest.Config{})
	id := place(t, s, nopcommercetest.NewOrder{})
	s.Fail(nopcommercetest.Fault{Match: func(r *http.Request) bool {
		if r.Method == http.MethodPut {
			require.NoError(t, s.AddNote(id, "in between"))
		}
		return false
	}})
	_, raw := c.get("/Order/GetById/1")
	status, _ := c.send("PUT", "/api-backend/Order/Update", string(raw))
	require.Equal(t, 200, status)
	require.Equal(t, "in between", *s.Notes(id)[len(s.Notes(id))-1].Note)
	s.Heal()
}

func TestAShopTellsWhichPluginItHas(t *testing.T) {
	t.Parallel()
	for api, want := range map[nopcommercetest.API]string{nopcommercetest.Official: "200 200 404", nopcommercetest.Community: "404 404 200", nopcommercetest.Both: "200 200 200"} {
		s, err := nopcommercetest.New(nopcommercetest.Config{API: api})
		require.NoError(t, err)
		c := &caller{t: t, shop: s}
		got := []string{}
		for _, path := range []string{"/api/index.html", "/api/backend_v4.70.1/swagger.json", "/api/swagger/v1/swagger.json"} {
			status, _ := c.send("GET", path, "")
			got = append(got, fmt.Sprint(status))
		}
		require.Equal(t, want, strings.Join(got, " "))
		status, _ := c.send("GET", "/api-backend/Store/GetAll", "")
		require.Equal(t, api == nopcommercetest.Community, status == 404)
		status, _ = c.send("GET", "/api/orders", "")
		require.Equal(t, api == nopcommercetest.Official, status == 404)
	}
}

func TestIdsOfCountriesDifferByShop(t *testing.T) {
	t.Parallel()
	id := func(seed uint64) int {
		_, c := open(t, nopcommercetest.Config{Seed: seed})
		var country nopcommercetest.Country
		c.read("/Country/GetCountryByTwoLetterIsoCode?twoLetterIsoCode=us", &country)
		return country.ID
	}
	require.Equal(t, 1, id(0))
	require.NotEqual(t, id(0), id(5))
}

func TestTheSameSeedMakesTheSameShop(t *testing.T) {
	t.Parallel()
	clock := newHands()
	raw := func() string {
		_, c := open(t, nopcommercetest.Config{Seed: 7, Now: clock.now})
		place(t, c.shop, nopcommercetest.NewOrder{})
		_, b := c.get("/Order/GetById/1")
		return string(b)
	}
	require.Equal(t, raw(), raw())
}

func TestOnlyTheLastCallsAreKept(t *testing.T) {
	t.Parallel()
	s, c := open(t, nopcommercetest.Config{KeepCalls: 2})
	for i := range 6 {
		place(t, s, nopcommercetest.NewOrder{})
		c.order(i + 1)
	}
	require.Len(t, s.Calls(), 2)
	require.Equal(t, "/api-backend/Order/GetById/6", s.Calls()[1].Path)
	require.Equal(t, 7, s.Requests(), "with the login")
}

func TestAShopOfManyYearsIsMadeInAMoment(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	s, err := nopcommercetest.New(nopcommercetest.Config{Now: func() time.Time { return clock }})
	require.NoError(t, err)
	id, err := s.Place(nopcommercetest.NewOrder{Items: []nopcommercetest.NewItem{{SKU: "CUP", Qty: 2, Price: "9.99"}}})
	require.NoError(t, err)
	require.NoError(t, s.Repeat(id, 1000, time.Hour))
	require.Len(t, s.OrderIDs(), 1001)
	o, _ := s.Order(id + 1000)
	require.Equal(t, clock.Add(-time.Hour), o.CreatedOnUTC.Time, "the newest of them is just older")
	require.Equal(t, 2, s.Items(o.ID)[0].Quantity)
	require.NoError(t, s.Cancel(o.ID))
	like, _ := s.Order(id)
	require.NotEqual(t, like.OrderStatusID, nopcommercetest.OrderCancelled, "each is its own row")
	require.Error(t, s.Repeat(99_999, 1, time.Hour))
}

func TestWhatIsTakenOutOfTheDatabaseIsNowhere(t *testing.T) {
	t.Parallel()
	s, err := nopcommercetest.New(nopcommercetest.Config{})
	require.NoError(t, err)
	id, err := s.Place(nopcommercetest.NewOrder{Items: []nopcommercetest.NewItem{{SKU: "CUP", Price: "9.99"}}})
	require.NoError(t, err)
	ret, err := s.RequestReturn(s.Items(id)[0].ID, 1, "broken")
	require.NoError(t, err)
	require.NoError(t, s.RemoveReturn(ret))
	require.NoError(t, s.Remove(id))
	_, there := s.Order(id)
	require.False(t, there)
	require.Empty(t, s.Items(id))
	require.Error(t, s.Remove(id))
	require.Error(t, s.RemoveReturn(ret))
}
