package nopcommerce_test

import (
	"context"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/nopcommerce"
)

// orderWith is an order in other states.
func orderWith(t testing.TB, members ...string) string {
	o := paidOrder
	for i := 0; i < len(members); i += 2 {
		o = setMember(t, o, members[i], members[i+1])
	}
	return o
}

// does makes an act set members of order 17.
func (s *shop) does(act string, members ...string) *int {
	n := 0
	s.on["GET /OrderProcessing/"+act] = func(*http.Request, []byte) reply {
		n++
		for i := 0; i < len(members); i += 2 {
			s.rows["Order"][17] = setMember(s.t, s.rows["Order"][17], members[i], members[i+1])
		}
		return reply{status: 200}
	}
	return &n
}

type onOrder func(context.Context, *nopcommerce.Processing) (nopcommerce.Order, error)

func markPaid(ctx context.Context, p *nopcommerce.Processing) (nopcommerce.Order, error) {
	return p.MarkPaid(ctx, 17)
}

func refundTo(amount nopcommerce.Number) onOrder {
	return func(ctx context.Context, p *nopcommerce.Processing) (nopcommerce.Order, error) {
		return p.RefundTo(ctx, 17, amount)
	}
}

func TestAnActReadsComparesActsAndReadsAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		order   string
		do      onOrder
		act     string
		becomes []string
		request string
	}{
		"a pending order is marked as paid": {orderWith(t, "payment_status_id", "10"), markPaid, "MarkOrderAsPaid",
			[]string{"payment_status_id", "30"}, "GET /OrderProcessing/MarkOrderAsPaid/17"},
		"a pending payment is marked as authorised": {orderWith(t, "payment_status_id", "10"),
			func(ctx context.Context, p *nopcommerce.Processing) (nopcommerce.Order, error) {
				return p.MarkAuthorized(ctx, 17)
			},
			"MarkAsAuthorized", []string{"payment_status_id", "20"}, "GET /OrderProcessing/MarkAsAuthorized/17"},
		"an order is cancelled with a mail": {paidOrder,
			func(ctx context.Context, p *nopcommerce.Processing) (nopcommerce.Order, error) {
				return p.Cancel(ctx, 17, true)
			},
			"CancelOrder", []string{"order_status_id", "40"}, "GET /OrderProcessing/CancelOrder/17?notifyCustomer=true"},
		"an authorisation is voided in the books": {orderWith(t, "payment_status_id", "20"),
			func(ctx context.Context, p *nopcommerce.Processing) (nopcommerce.Order, error) {
				return p.VoidOffline(ctx, 17)
			},
			"VoidOffline", []string{"payment_status_id", "50"}, "GET /OrderProcessing/VoidOffline/17"},
		"all of an order is refunded": {paidOrder, refundTo("85.6"), "RefundOffline",
			[]string{"refunded_amount", "85.6000", "payment_status_id", "40"}, "GET /OrderProcessing/RefundOffline/17"},
		"a part of an order is refunded": {paidOrder, refundTo("10.25"), "PartiallyRefundOffline",
			[]string{"refunded_amount", "10.2500", "payment_status_id", "35"}, "GET /OrderProcessing/PartiallyRefundOffline/17?amountToRefund=10.25"},
		"the rest of an order is refunded as a part": {orderWith(t, "refunded_amount", "80.1000", "payment_status_id", "35"), refundTo("85.60"),
			"PartiallyRefundOffline", []string{"refunded_amount", "85.6000", "payment_status_id", "40"},
			"GET /OrderProcessing/PartiallyRefundOffline/17?amountToRefund=5.5"},
		"the shop moves the order on": {paidOrder,
			func(ctx context.Context, p *nopcommerce.Processing) (nopcommerce.Order, error) {
				return p.CheckStatus(ctx, 17)
			},
			"CheckOrderStatus", []string{"order_status_id", "30"}, "GET /OrderProcessing/CheckOrderStatus/17"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.put("Order", 17, test.order)
			acts := s.does(test.act, test.becomes...)
			c := s.client()
			after, err := test.do(t.Context(), c.Processing)
			require.NoError(t, err)
			require.Contains(t, s.sent(), test.request)
			require.Contains(t, string(after.Raw), `"`+test.becomes[0]+`":`+test.becomes[1])
			if test.act == "CheckOrderStatus" {
				return
			}
			_, err = test.do(t.Context(), c.Processing)
			require.NoError(t, err)
			require.Equal(t, 1, *acts, "what is as wanted is left")
		})
	}
}

func TestAnActThatTheStateForbidsIsNotSent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		order string
		do    onOrder
	}{
		"a partly refunded order is not made a paid one": {orderWith(t, "payment_status_id", "35"), markPaid},
		"a voided order is not paid":                     {orderWith(t, "payment_status_id", "50"), markPaid},
		"a cancelled order is not paid":                  {orderWith(t, "order_status_id", "40", "payment_status_id", "10"), markPaid},
		"a deleted order is not paid":                    {orderWith(t, "deleted", "true", "payment_status_id", "10"), markPaid},
		"a paid order is not made an authorised one": {paidOrder,
			func(ctx context.Context, p *nopcommerce.Processing) (nopcommerce.Order, error) {
				return p.MarkAuthorized(ctx, 17)
			}},
		"a pending payment is not voided": {orderWith(t, "payment_status_id", "10"),
			func(ctx context.Context, p *nopcommerce.Processing) (nopcommerce.Order, error) {
				return p.VoidOffline(ctx, 17)
			}},
		"an order of nought has nothing to void": {orderWith(t, "payment_status_id", "20", "order_total", "0.0000"),
			func(ctx context.Context, p *nopcommerce.Processing) (nopcommerce.Order, error) {
				return p.Void(ctx, 17)
			}},
		"a pending order is not captured": {orderWith(t, "payment_status_id", "10"),
			func(ctx context.Context, p *nopcommerce.Processing) (nopcommerce.Order, error) {
				return p.Capture(ctx, 17)
			}},
		"more than the total is not refunded":     {paidOrder, refundTo("85.61")},
		"less than was refunded is not refunded":  {orderWith(t, "refunded_amount", "20.0000"), refundTo("10")},
		"nought is not refunded":                  {paidOrder, refundTo("0")},
		"an amount with five decimals is refused": {paidOrder, refundTo("1.00001")},
		"an unpaid order is not refunded":         {orderWith(t, "payment_status_id", "10"), refundTo("10")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.put("Order", 17, test.order)
			_, err := test.do(t.Context(), s.client().Processing)
			require.ErrorIs(t, err, commerce.ErrInvalid)
			require.True(t, commerce.SafeToRetry(err))
			for _, r := range s.sent() {
				require.NotContains(t, r, "OrderProcessing")
			}
		})
	}
}

func TestTheRowDecidesWhatBecameOfAnAct(t *testing.T) {
	t.Parallel()
	const trace = "System.InvalidOperationException: Sequence contains no elements for jane@example.com\r\n   at Nop.Services.Orders.OrderProcessingService.MarkOrderAsPaidAsync()"
	lost := reply{lost: true}
	for name, test := range map[string]struct {
		answer  reply
		arrives bool
		kind    commerce.Kind
		code    string
		outcome commerce.Outcome
	}{
		"the answer is lost and the order is paid": {answer: lost, arrives: true},
		"the answer is lost and the order is not":  {answer: lost, kind: commerce.KindUnavailable, outcome: commerce.Unknown},
		"a gateway gave up and the order is not":   {answer: reply{status: 504, kind: "text/html", body: "<html>"}, kind: commerce.KindUnavailable, outcome: commerce.Unknown},
		"the shop fails after it was marked":       {answer: reply{status: 500, body: `{"message":"no mail account","inner_exception_message":null,"stack_trace":""}`}, arrives: true},
		"the shop fails before it was marked":      {answer: reply{status: 500, body: `{"message":"Deadlock of jane@example.com","inner_exception_message":null,"stack_trace":"at x"}`}, kind: commerce.KindInternal, outcome: commerce.NotSent},
		"the shop refuses with a 500":              {answer: reply{status: 500, body: `{"message":"You can't mark this order as paid","inner_exception_message":null,"stack_trace":""}`}, kind: commerce.KindInvalid, code: nopcommerce.CodeRefused, outcome: commerce.NotSent},
		"the shop refuses with a 400":              {answer: reply{status: 400, body: `{"message":"You can't mark this order as paid","inner_exception_message":null,"stack_trace":""}`}, kind: commerce.KindInvalid, code: nopcommerce.CodeRefused, outcome: commerce.NotSent},
		"a stack trace in place of JSON":           {answer: reply{status: 500, kind: "text/plain", body: trace}, kind: commerce.KindInternal, code: nopcommerce.CodeNotJSON, outcome: commerce.NotSent},
		"200 and a page":                           {answer: reply{status: 200, kind: "text/html", body: "<html>"}, kind: commerce.KindInternal, code: nopcommerce.CodeNotJSON, outcome: commerce.Unknown},
		"200 from a cache":                         {answer: reply{status: 200, header: map[string]string{"Age": "17"}}, kind: commerce.KindInternal, code: nopcommerce.CodeCached, outcome: commerce.Unknown},
		"200 and the order is not paid":            {answer: reply{status: 200}, kind: commerce.KindConflict, code: nopcommerce.CodeConcurrent, outcome: commerce.Unknown},
		"403, a right is missing":                  {answer: reply{status: 403, body: `{"message":"Access denied."}`}, kind: commerce.KindForbidden, outcome: commerce.NotSent},
		"an order that is gone meanwhile":          {answer: reply{status: 404, body: `"Order Id=17 not found"`}, kind: commerce.KindNotFound, outcome: commerce.NotSent},
		"a redirect":                               {answer: reply{status: 301, header: map[string]string{"Location": "https://elsewhere.example/"}}, kind: commerce.KindInvalid, outcome: commerce.NotSent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.put("Order", 17, orderWith(t, "payment_status_id", "10"))
			n := 0
			s.on["GET /OrderProcessing/MarkOrderAsPaid"] = func(*http.Request, []byte) reply {
				n++
				if test.arrives {
					s.rows["Order"][17] = setMember(t, s.rows["Order"][17], "payment_status_id", "30")
				}
				return test.answer
			}
			_, err := s.client().Processing.MarkPaid(t.Context(), 17)
			require.Equal(t, 1, n, "an act is sent once")
			if test.kind == "" {
				require.NoError(t, err)
				return
			}
			e := fault(t, err)
			require.Equal(t, test.kind, e.Kind, err)
			require.Equal(t, test.code, e.Code, err)
			require.Equal(t, test.outcome, e.Outcome, err)
			for _, private := range []string{"jane", "Nop.Services", "<html"} {
				require.NotContains(t, err.Error(), private)
			}
		})
	}
}

func TestAnOnlineActAnswers200WithTheErrorsOfThePlugin(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body, paid string
		kind       commerce.Kind
		code       string
	}{
		"an empty array is success":        {body: `[]`, paid: "30"},
		"errors are a decline":             {body: `["Capture request failed"]`, paid: "20", kind: commerce.KindDeclined, code: nopcommerce.CodeGateway},
		"errors beside a captured order":   {body: `["time-out"]`, paid: "30", kind: commerce.KindDeclined, code: nopcommerce.CodeGateway},
		"an object where an array belongs": {body: `{}`, paid: "20", kind: commerce.KindInternal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			if test.kind == commerce.KindInternal {
				s.doc = nil
			}
			s.put("Order", 17, orderWith(t, "payment_status_id", "20"))
			s.on["GET /OrderProcessing/Capture"] = func(*http.Request, []byte) reply {
				s.rows["Order"][17] = setMember(t, s.rows["Order"][17], "payment_status_id", test.paid)
				return reply{status: 200, body: test.body}
			}
			_, err := s.client().Processing.Capture(t.Context(), 17)
			if test.kind == "" {
				require.NoError(t, err)
				return
			}
			e := fault(t, err)
			require.Equal(t, test.kind, e.Kind)
			require.Equal(t, test.code, e.Code)
			require.Equal(t, commerce.Unknown, e.Outcome, "the plugin's own call may have got through")
		})
	}
	t.Run("as in the example", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		contract(t, officialDoc)
		b, err := os.ReadFile(os.Getenv("COMMERCE_CONTRACTS") + "/nopcommerce-examples/official-capture-failed-200.json")
		require.NoError(t, err)
		s.put("Order", 17, orderWith(t, "payment_status_id", "20"))
		s.on["GET /OrderProcessing/Capture"] = says(string(b))
		_, err = s.client().Processing.Capture(t.Context(), 17)
		require.ErrorIs(t, err, commerce.ErrDeclined)
		require.ErrorContains(t, err, "Capture request failed")
	})
}

func TestTwoRefundsAtOnceAreNoticed(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.does("PartiallyRefundOffline", "refunded_amount", "20.0000", "payment_status_id", "35") // ours and another one's
	_, err := s.client().Processing.RefundTo(t.Context(), 17, "10")
	require.ErrorIs(t, err, commerce.ErrConflict)
	require.Equal(t, commerce.Done, fault(t, err).Outcome)
}

func TestAnOnlineRefundAsksTheGateway(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.on["GET /OrderProcessing/PartiallyRefund"] = func(*http.Request, []byte) reply {
		s.rows["Order"][17] = setMember(t, s.rows["Order"][17], "refunded_amount", "5.0000")
		return reply{status: 200, body: `[]`}
	}
	_, err := s.client().Processing.RefundOnlineTo(t.Context(), 17, "5")
	require.NoError(t, err)
	require.Contains(t, s.sent(), "GET /OrderProcessing/PartiallyRefund/17?amountToRefund=5")
}

func TestEveryActSaysHowItIsGuarded(t *testing.T) {
	t.Parallel()
	classes := map[nopcommerce.Action]idempotency.Class{
		nopcommerce.CheckOrderStatus: idempotency.Guarded, nopcommerce.MarkAsAuthorized: idempotency.Guarded,
		nopcommerce.MarkOrderAsPaid: idempotency.Guarded, nopcommerce.RefundOffline: idempotency.Guarded,
		nopcommerce.VoidOffline: idempotency.Guarded, nopcommerce.CancelOrder: idempotency.Guarded,
		nopcommerce.Ship: idempotency.Guarded, nopcommerce.Deliver: idempotency.Guarded,
		nopcommerce.PartiallyRefundOffline: idempotency.Blind, nopcommerce.PartiallyRefund: idempotency.Blind,
		nopcommerce.Refund: idempotency.Blind, nopcommerce.Capture: idempotency.Blind, nopcommerce.Void: idempotency.Blind,
	}
	for a, class := range classes {
		require.Equal(t, class, a.Class(), a)
		require.Equal(t, class == idempotency.Blind && a != nopcommerce.PartiallyRefundOffline, a.Online(), a)
	}
}

func TestTheShopIsAskedWhatItAllows(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.on["GET /OrderProcessing/CanPartiallyRefundOffline"] = says(`true`)
	c := s.client()
	can, err := c.Processing.Can(t.Context(), nopcommerce.PartiallyRefundOffline, 17, "10.5")
	require.NoError(t, err)
	require.True(t, can)
	_, err = c.Processing.Can(t.Context(), nopcommerce.Capture, 17, "")
	require.Equal(t, nopcommerce.CodeNotOffered, fault(t, err).Code, "CanCapture is wrong in 4.60 and 4.70.1")
}

const parcel = `{"order_id":17,"tracking_number":null,"total_weight":1.1,"shipped_date_utc":null,"delivery_date_utc":null,"admin_comment":null,"created_on_utc":"2018-01-03T08:59:58.4","id":77}`

// ships makes a shop that can make shipments of order 17, which has line 41 of two pieces.
func ships(t testing.TB) *shop {
	s := newShop(t)
	s.on["GET /Shipment/GetByOrderId"] = func(*http.Request, []byte) reply {
		return reply{status: 200, body: s.list("Shipment", `"order_id":17`)}
	}
	s.on["GET /ShipmentItem/GetByShipmentId"] = func(r *http.Request, _ []byte) reply {
		return reply{status: 200, body: s.list("ShipmentItem", `"shipment_id":`+r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])}
	}
	s.on["GET /OrderItem/GetOrderItems"] = says(`[` + line + `]`)
	s.on["GET /OrderItem/GetTotalNumberOfItemsCanBeAddedToShipment"] = says(`2`)
	s.on["GET /OrderProcessing/Ship"] = func(r *http.Request, _ []byte) reply {
		for id, row := range s.rows["Shipment"] {
			if strings.HasSuffix(r.URL.Path, "/"+nopcommerce.ID(id).String()) {
				s.rows["Shipment"][id] = setMember(t, row, "shipped_date_utc", `"2026-11-21T12:00:00"`)
			}
		}
		return reply{status: 200}
	}
	return s
}

const line = `{"order_item_guid":"5b1c3c4e-6d0e-4f0c-9a53-2f2f6a1c0b13","order_id":17,"product_id":8,"quantity":2,"unit_price_incl_tax":42.8000,"unit_price_excl_tax":40.0000,"price_incl_tax":85.6000,"price_excl_tax":80.0000,"discount_amount_incl_tax":0.0000,"discount_amount_excl_tax":0.0000,"original_product_cost":0.0000,"attribute_description":"","attributes_xml":"","download_count":0,"is_download_activated":false,"license_download_id":0,"item_weight":1.1000,"rental_start_date_utc":null,"rental_end_date_utc":null,"id":41}`

var left = nopcommerce.NewShipment{OrderID: 17, Reference: "wms-1", TrackingNumber: "1Z", Items: []nopcommerce.ShipmentItem{{OrderItemID: 41, Quantity: 2}}, NotifyCustomer: true}

func TestAShipmentIsMadeInTheOrderThatTheShopNeeds(t *testing.T) {
	t.Parallel()
	s := ships(t)
	c := s.client()
	sh, err := c.Shipments.Ship(t.Context(), left)
	require.NoError(t, err)
	require.False(t, sh.ShippedDate.IsZero())
	var steps []string
	for _, r := range s.sent() {
		if strings.HasPrefix(r, "POST /Ship") || strings.Contains(r, "/OrderProcessing/") {
			steps = append(steps, r)
		}
	}
	require.Equal(t, []string{"POST /Shipment/Create", "POST /ShipmentItem/Create", "GET /OrderProcessing/Ship/1001?notifyCustomer=true"}, steps)
	require.Contains(t, strings.Join(s.bodies, " "), `"shipped_date_utc":null`, "with a date the status of the order would stay")

	again, err := c.Shipments.Ship(t.Context(), left)
	require.NoError(t, err)
	require.Equal(t, sh.ID, again.ID, "the reference finds the first one")
	require.Len(t, s.rows["Shipment"], 1)
	require.Len(t, s.rows["ShipmentItem"], 1)
}

func TestAShipmentGoesOnWhereItEnded(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]string{"after it was made": "POST /ShipmentItem/Create", "after its items": "GET /OrderProcessing/Ship"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := ships(t)
			c := s.client()
			normal := s.on[cut]
			s.on[cut] = func(*http.Request, []byte) reply { return reply{lost: true} }
			_, err := c.Shipments.Ship(t.Context(), left)
			require.ErrorIs(t, err, commerce.ErrUnknown)
			s.mu.Lock()
			if s.on[cut] = normal; normal == nil {
				delete(s.on, cut)
			}
			s.mu.Unlock()
			sh, err := c.Shipments.Ship(t.Context(), left)
			require.NoError(t, err)
			require.False(t, sh.ShippedDate.IsZero())
			require.Len(t, s.rows["Shipment"], 1)
			require.Len(t, s.rows["ShipmentItem"], 1)
		})
	}
}

func TestWhatCanNotBeShippedIsRefusedBeforeAnythingIsMade(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*shop, *nopcommerce.NewShipment){
		"a pick-up order":   func(s *shop, _ *nopcommerce.NewShipment) { s.put("Order", 17, orderWith(t, "pickup_in_store", "true")) },
		"a cancelled order": func(s *shop, _ *nopcommerce.NewShipment) { s.put("Order", 17, orderWith(t, "order_status_id", "40")) },
		"more than is left": func(_ *shop, n *nopcommerce.NewShipment) {
			n.Items = []nopcommerce.ShipmentItem{{OrderItemID: 41, Quantity: 3}}
		},
		"another order's line": func(_ *shop, n *nopcommerce.NewShipment) {
			n.Items = []nopcommerce.ShipmentItem{{OrderItemID: 42, Quantity: 1}}
		},
		"nothing":                 func(_ *shop, n *nopcommerce.NewShipment) { n.Items = nil },
		"a line twice":            func(_ *shop, n *nopcommerce.NewShipment) { n.Items = append(n.Items, n.Items[0]) },
		"a parcel without a name": func(_ *shop, n *nopcommerce.NewShipment) { n.Reference = "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, n := ships(t), left
			n.Items = append([]nopcommerce.ShipmentItem(nil), left.Items...)
			change(s, &n)
			_, err := s.client().Shipments.Ship(t.Context(), n)
			require.ErrorIs(t, err, commerce.ErrInvalid)
			require.True(t, commerce.SafeToRetry(err))
			require.Empty(t, s.rows["Shipment"])
		})
	}
}

func TestAShipmentWithoutItemsIsNotShipped(t *testing.T) {
	t.Parallel()
	s := ships(t)
	s.put("Shipment", 77, parcel)
	c := s.client()
	_, err := c.Processing.Ship(t.Context(), 77, false)
	require.Equal(t, nopcommerce.CodeState, fault(t, err).Code)
	_, err = c.Processing.Deliver(t.Context(), 77, false)
	require.Equal(t, nopcommerce.CodeState, fault(t, err).Code, "it is not shipped yet")
}
