package magento_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/resilience"
)

// stub answers by method and path, and keeps what was sent.
type stub struct {
	answers map[string]string
	sent    []*http.Request
	bodies  []string
}

func (s *stub) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		b, _ := io.ReadAll(r.Body)
		body = string(b)
	}
	s.sent, s.bodies = append(s.sent, r), append(s.bodies, body)
	said, ok := s.answers[r.Method+" "+strings.TrimPrefix(r.URL.Path, "/rest/V1")]
	if !ok {
		return answer(404, `{"message":"Request does not match any route."}`)(r), nil
	}
	if status, rest, ok := strings.Cut(said, "|"); ok {
		n := 0
		_, _ = fmt.Sscan(status, &n)
		return answer(n, rest)(r), nil
	}
	return reply(r, said), nil
}

func stubbed(t *testing.T, answers map[string]string) (*stub, *magento.Client) {
	t.Helper()
	s := &stub{answers: answers}
	return s, newClient(t, magento.Config{Credentials: commerce.Static(magento.Keys{Bearer: commerce.NewSecret("x")})}, s)
}

func TestAConditionThatMagentoWouldTakeAsEqualIsNotSent(t *testing.T) {
	t.Parallel()
	s, c := stubbed(t, nil)
	for _, f := range []magento.Filter{{Field: "entity_id", Is: "like2", Value: "1"}, {Is: magento.Eq, Value: "1"}} {
		for _, err := range c.Orders.List(t.Context(), magento.ListParams{Filters: magento.Where(f)}) {
			require.ErrorIs(t, err, commerce.ErrInvalid)
		}
	}
	require.Empty(t, s.sent)
}

func TestAListAsksForWhatItGoesByBesideTheFields(t *testing.T) {
	t.Parallel()
	s, c := stubbed(t, map[string]string{"GET /orders": `{"items":null,"total_count":0}`, "GET /orders/7": `{"state":"new","items":[{"sku":"CUP"}]}`})
	for range c.Orders.List(t.Context(), magento.ListParams{Fields: []string{"state", "items[sku]"}, Filters: magento.Where(magento.Filter{Field: "ext_order_id", Is: magento.Null})}) {
		t.Error("there is none")
	}
	q := s.sent[0].URL.Query()
	require.Equal(t, "items[entity_id,updated_at,state,items[sku]],total_count", q.Get("fields"))
	require.Equal(t, "100", q.Get("searchCriteria[pageSize]"), "without a size all rows come")
	require.Equal(t, "updated_at", q.Get("searchCriteria[sortOrders][0][field]"))
	require.Equal(t, "1", q.Get("searchCriteria[filter_groups][0][filters][0][value]"), "a value has to be sent with null")

	o, err := c.Orders.Get(t.Context(), 7, "state", "items[sku]")
	require.NoError(t, err)
	require.Equal(t, "CUP", o.Items[0].SKU)
	require.Equal(t, "fields=state%2Citems%5Bsku%5D", s.sent[1].URL.RawQuery)
}

func TestAnAnswerAboutAnotherRowIsNoAnswer(t *testing.T) {
	t.Parallel()
	_, c := stubbed(t, map[string]string{"GET /orders/7": `{"entity_id":8}`, "GET /invoices/7": `{}`, "GET /orders": `{"items":[{"state":"new"}],"total_count":1}`, "GET /creditmemo/7": `[]`})
	_, another := c.Orders.Get(t.Context(), 7)
	_, none := c.Invoices.Get(t.Context(), 7)
	_, list := c.CreditMemos.Get(t.Context(), 7)
	var row error
	for _, err := range c.Orders.List(t.Context(), magento.ListParams{}) {
		row = err
	}
	for _, err := range []error{another, none, list, row} {
		require.Equal(t, commerce.KindInternal, commerce.KindOf(err), err)
	}
}

func TestAShopThatLimitsInputSaysSoByCode(t *testing.T) {
	t.Parallel()
	_, c := stubbed(t, map[string]string{
		"GET /orders":           `400|{"message":"Maximale Seitengröße: %max","parameters":{"max":300}}`,
		"POST /order/7/invoice": `400|{"message":"Maximum items of type \"%type\" is %max","parameters":{"type":"\\Magento\\Sales\\Api\\Data\\InvoiceItemCreationInterface","max":20}}`,
		"POST /orders/7/cancel": `400|{"message":"%fieldName is required","parameters":{"fieldName":"id"}}`,
	})
	var listed error
	for _, err := range c.Orders.List(t.Context(), magento.ListParams{}) {
		listed = err
	}
	_, made := c.Orders.Invoice(t.Context(), 7, magento.InvoiceParams{Items: make([]magento.ItemQty, 21)})
	for err, code := range map[error]string{listed: magento.CodeInputLimit, made: magento.CodeInputLimit, c.Orders.Cancel(t.Context(), 7): ""} {
		var e *commerce.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, code, e.Code)
		require.Equal(t, commerce.KindInvalid, e.Kind)
	}
	require.True(t, commerce.SafeToRetry(made))
}

func TestAnActAnsweredWithFalseIsAnError(t *testing.T) {
	t.Parallel()
	_, c := stubbed(t, map[string]string{"POST /orders/7/hold": `false`, "POST /orders/7/unhold": `false`, "POST /orders/7/cancel": `false`,
		"POST /invoices/7/capture": `false`, "POST /invoices/7/void": `false`, "DELETE /customers/7": `false`, "DELETE /shipment/track/7": `false`})
	ctx := t.Context()
	for name, do := range map[string]func() error{
		"hold":     func() error { return c.Orders.Hold(ctx, 7) },
		"unhold":   func() error { return c.Orders.Unhold(ctx, 7) },
		"cancel":   func() error { return c.Orders.Cancel(ctx, 7) },
		"capture":  func() error { return c.Invoices.Capture(ctx, 7) },
		"void":     func() error { return c.Invoices.Void(ctx, 7) },
		"customer": func() error { return c.Customers.Delete(ctx, 7) },
		"track":    func() error { return c.Shipments.RemoveTrack(ctx, 7) },
	} {
		err := do()
		require.ErrorIs(t, err, commerce.ErrInvalid, name)
		var e *commerce.Error
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, commerce.NotSent, e.Outcome, name)
	}
}

func TestAWriteWithoutAnIDMakesNothingNew(t *testing.T) {
	t.Parallel()
	s, c := stubbed(t, nil)
	_, err := c.Customers.Update(t.Context(), 0, magento.CustomerParams{Email: "ann@example.com"})
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.ErrorIs(t, c.Orders.SetExtOrderID(t.Context(), 0, "ERP-1"), commerce.ErrInvalid)
	require.Empty(t, s.sent)
}

func TestTheIDStandsInTheBodyTooAndAWriteHasNoQuery(t *testing.T) {
	t.Parallel()
	s, c := stubbed(t, map[string]string{"PUT /customers/7": `{"id":7}`})
	_, err := c.Customers.Update(t.Context(), 7, magento.CustomerParams{Email: "ann@example.com"})
	require.NoError(t, err)
	require.JSONEq(t, `{"customer":{"id":7,"email":"ann@example.com"}}`, s.bodies[0])
	require.Empty(t, s.sent[0].URL.RawQuery)
	require.Equal(t, "application/json", s.sent[0].Header.Get("Content-Type"))
}

func TestTheChildOfAConfigurableProductIsShippedByItsParent(t *testing.T) {
	t.Parallel()
	s, c := stubbed(t, map[string]string{"GET /orders/7": `{"entity_id":7,"items":[
		{"item_id":1,"product_type":"configurable","qty_ordered":2},{"item_id":2,"parent_item_id":1,"product_type":"simple","qty_ordered":2},
		{"item_id":3,"product_type":"bundle","qty_ordered":1},{"item_id":4,"parent_item_id":3,"product_type":"simple","qty_ordered":1}]}`,
		"POST /order/7/ship": `"9"`, "GET /shipment/9": `{"entity_id":9,"items":[{"order_item_id":4,"qty":1}]}`})
	_, err := c.Orders.Ship(t.Context(), 7, magento.ShipParams{Items: []magento.ItemQty{{OrderItemID: 2, Qty: "1"}}})
	var e *commerce.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, magento.CodeChildRow, e.Code)
	require.Len(t, s.sent, 1, "nothing was written")
	_, err = c.Orders.Ship(t.Context(), 7, magento.ShipParams{Items: []magento.ItemQty{{OrderItemID: 4, Qty: "1"}}})
	require.NoError(t, err, "a bundle may be shipped row by row")
}

func TestARetryIsSignedAfresh(t *testing.T) {
	t.Parallel()
	nonces, times := map[string]bool{}, 0
	c := newClient(t, magento.Config{Resilience: resilience.Config{Retry: resilience.Retry{Attempts: 3}},
		Credentials: commerce.Static(magento.Keys{ConsumerKey: "a", ConsumerSecret: commerce.NewSecret("b"), AccessToken: commerce.NewSecret("c"), AccessTokenSecret: commerce.NewSecret("d")})},
		roundTrip(func(r *http.Request) (*http.Response, error) {
			_, rest, _ := strings.Cut(r.Header.Get("Authorization"), `oauth_nonce="`)
			nonce, _, _ := strings.Cut(rest, `"`)
			nonces[nonce] = true
			times++
			return nil, errors.New("connection reset")
		}))
	require.ErrorIs(t, c.Ping(t.Context()), commerce.ErrUnavailable)
	require.Equal(t, 3, times)
	require.Len(t, nonces, 3)
}

func TestEveryRouteIsSpokenAsTheSchemaSays(t *testing.T) {
	t.Parallel()
	one := `{"entity_id":1,"parent_id":7,"comment":"x","created_at":"2026-11-21 09:00:00","is_customer_notified":1,"is_visible_on_front":0}`
	list := `{"items":[` + one + `],"total_count":1}`
	s, c := stubbed(t, map[string]string{
		"POST /invoices/comments": one, "GET /invoices/7/comments": list, "POST /shipment/7/comments": one, "GET /shipment/7/comments": list,
		"POST /creditmemo/7/comments": one, "GET /creditmemo/7/comments": list, "POST /invoices/7/capture": `null`, "POST /invoices/7/void": `true`,
		"POST /orders/7/emails": `true`, "GET /customers/addresses/5": `{"id":5,"region":[],"city":"Austin"}`, "DELETE /addresses/5": `true`,
		"POST /customers/isEmailAvailable": `true`, "GET /stockStatuses/A B": `{"product_id":1,"stock_id":1,"qty":3,"stock_status":1,"stock_item":{"item_id":1,"qty":3}}`,
		"GET /inventory/stocks":    `{"items":[{"stock_id":1,"name":"Default","extension_attributes":{"sales_channels":[{"type":"website","code":"base"}]}}],"total_count":1}`,
		"DELETE /shipment/track/5": `true`, "DELETE /customers/5": `true`, "GET /orders/7/statuses": `"pending"`, "GET /inventory/is-product-salable/A B/1": `true`,
	})
	ctx, x := t.Context(), magento.Remark{Text: "x", Notify: true}
	for _, do := range []func() (magento.DocumentComment, error){
		func() (magento.DocumentComment, error) { return c.Invoices.Comment(ctx, 7, x) },
		func() (magento.DocumentComment, error) { return c.Shipments.Comment(ctx, 7, x) },
		func() (magento.DocumentComment, error) { return c.CreditMemos.Comment(ctx, 7, x) },
	} {
		got, err := do()
		require.NoError(t, err)
		require.Equal(t, "x", got.Comment)
		require.JSONEq(t, `{"entity":{"parent_id":7,"comment":"x","is_customer_notified":1,"is_visible_on_front":0}}`, s.bodies[len(s.bodies)-1])
	}
	for _, do := range []func() ([]magento.DocumentComment, error){
		func() ([]magento.DocumentComment, error) { return c.Invoices.Comments(ctx, 7) },
		func() ([]magento.DocumentComment, error) { return c.Shipments.Comments(ctx, 7) },
		func() ([]magento.DocumentComment, error) { return c.CreditMemos.Comments(ctx, 7) },
	} {
		got, err := do()
		require.NoError(t, err)
		require.Equal(t, magento.ID(7), got[0].ParentID)
	}
	require.NoError(t, c.Invoices.Capture(ctx, 7))
	require.NoError(t, c.Invoices.Void(ctx, 7))
	require.NoError(t, c.Shipments.RemoveTrack(ctx, 5))
	require.NoError(t, c.Customers.Delete(ctx, 5))
	require.NoError(t, c.Orders.Mail(ctx, 7))
	require.NoError(t, c.Customers.DeleteAddress(ctx, 5))
	address, err := c.Customers.Address(ctx, 5)
	require.NoError(t, err)
	require.Equal(t, "Austin", address.City)
	free, err := c.Customers.EmailAvailable(ctx, "ann@example.com", 1)
	require.NoError(t, err)
	require.True(t, free)
	shown, err := c.Stock.Status(ctx, "A B")
	require.NoError(t, err)
	require.Equal(t, magento.Number("3"), shown.Item.Qty)
	stocks, err := c.Stock.Stocks(ctx)
	require.NoError(t, err)
	require.Equal(t, "base", stocks[0].Extension.SalesChannels[0].Code)
	status, err := c.Orders.Status(ctx, 7)
	require.NoError(t, err)
	require.Equal(t, "pending", status)
	yes, err := c.Stock.IsSalable(ctx, "A B", 1)
	require.NoError(t, err)
	require.True(t, yes)
}

func TestAllSourceItemsComeByPage(t *testing.T) {
	t.Parallel()
	pages := map[string]string{"1": `{"sku":"A","source_code":"x","quantity":1,"status":1}`, "2": `{"sku":"B","source_code":"x","quantity":2,"status":1}`}
	c := newClient(t, magento.Config{PageSize: 1, MaxPages: 3, Credentials: commerce.Static(magento.Keys{Bearer: commerce.NewSecret("x")})},
		roundTrip(func(r *http.Request) (*http.Response, error) {
			return reply(r, `{"items":[`+pages[r.URL.Query().Get("searchCriteria[currentPage]")]+`],"total_count":2}`), nil
		}))
	var skus []string
	for i, err := range c.Stock.AllSourceItems(t.Context()) {
		require.NoError(t, err)
		skus = append(skus, i.SKU)
	}
	require.Equal(t, []string{"A", "B"}, skus)
}

func TestAListWithoutNumbersEndsAtItsBoundAndAtItsCaller(t *testing.T) {
	t.Parallel()
	asked := 0
	c := newClient(t, magento.Config{PageSize: 1, MaxPages: 3, Credentials: commerce.Static(magento.Keys{Bearer: commerce.NewSecret("x")})},
		roundTrip(func(r *http.Request) (*http.Response, error) {
			if asked++; asked == 6 {
				return answer(400, `{"message":"no"}`)(r), nil
			}
			return reply(r, `{"items":[{"sku":"A","source_code":"x","id":"1","code":"y"}],"total_count":99}`), nil
		}))
	_, err := c.Customers.Groups(t.Context())
	require.Equal(t, commerce.KindLimit, commerce.KindOf(err))
	require.ErrorContains(t, err, "Config.MaxPages")
	for range c.Stock.AllSourceItems(t.Context()) {
		break
	}
	require.Equal(t, 4, asked, "who stops asks for no more")
	_, err = c.Stock.SourceItems(t.Context(), "A")
	require.ErrorIs(t, err, commerce.ErrInvalid)
}

func TestWhatIsKeptByKeyIsFoundByKey(t *testing.T) {
	t.Parallel()
	_, c := stubbed(t, map[string]string{
		"GET /orders/7":            `{"entity_id":7,"extension_attributes":{"payment_additional_info":[{"key":"payment_intent_id","value":"pi_1"},{"key":"is_transaction_pending","value":false}]}}`,
		"GET /products/A B/C":      `{"sku":"A B/C","custom_attributes":[{"attribute_code":"url_key","value":"a-b-c"},{"attribute_code":"category_ids","value":["2"]}]}`,
		"GET /directory/countries": `[{"id":"DE","full_name_locale":"Deutschland","available_regions":[{"id":"79","code":"NDS","name":"Niedersachsen"}]}]`,
	})
	ctx := t.Context()
	o, err := c.Orders.Get(ctx, 7)
	require.NoError(t, err)
	require.Equal(t, []string{"pi_1", "false", ""}, []string{o.PaymentInfo("payment_intent_id"), o.PaymentInfo("is_transaction_pending"), o.PaymentInfo("token")})
	p, err := c.Products.Get(ctx, "A B/C")
	require.NoError(t, err)
	require.Equal(t, []string{"a-b-c", "", ""}, []string{p.Attribute("url_key"), p.Attribute("category_ids"), p.Attribute("none")})
	countries, err := c.Directory.Countries(ctx)
	require.NoError(t, err)
	require.Equal(t, magento.ID(79), countries[0].Regions[0].ID)
}

func TestNumbersThatAreNoneStopAShipment(t *testing.T) {
	t.Parallel()
	s, c := stubbed(t, map[string]string{"GET /orders/7": `{"entity_id":7,"items":[{"item_id":1,"qty_ordered":2,"qty_shipped":3},{"item_id":2,"qty_ordered":1e99999999999}]}`})
	for name, item := range map[string]magento.ItemQty{
		"a quantity of words":             {OrderItemID: 1, Qty: "two"},
		"more than there is":              {OrderItemID: 1, Qty: "1"},
		"an order with a huge quantity":   {OrderItemID: 2, Qty: "1"},
		"a row that the order has not":    {OrderItemID: 3, Qty: "1"},
		"a quantity of too many decimals": {OrderItemID: 1, Qty: magento.Number("0." + strings.Repeat("3", 60))},
	} {
		_, err := c.Orders.Ship(t.Context(), 7, magento.ShipParams{Items: []magento.ItemQty{item}})
		require.ErrorIs(t, err, commerce.ErrInvalid, name)
		require.True(t, commerce.SafeToRetry(err), name)
	}
	for _, r := range s.sent {
		require.Equal(t, http.MethodGet, r.Method)
	}
}

func TestASkuTravelsAsOneSegmentWhateverItHolds(t *testing.T) {
	t.Parallel()
	for sku, path := range map[string]string{
		"SKU/with space": "SKU%2Fwith%20space", "A+B": "A%2BB", "50%": "50%25", "Tasse größer?": "Tasse%20gr%C3%B6%C3%9Fer%3F",
		"a;b,c=d&e@f:g": "a%3Bb%2Cc=d&e@f:g", "..hidden": "..hidden", "#1": "%231",
	} {
		s, c := stubbed(t, nil)
		_, err := c.Products.Get(t.Context(), sku)
		require.Error(t, err)
		require.Equal(t, "/rest/V1/products/"+path, s.sent[0].URL.EscapedPath(), sku)
		require.Equal(t, "/rest/V1/products/"+sku, s.sent[0].URL.Path, sku)
		_, err = c.Stock.Salable(t.Context(), sku, 1)
		require.Error(t, err)
		require.Equal(t, "/rest/V1/inventory/get-product-salable-quantity/"+path+"/1", s.sent[1].URL.EscapedPath(), sku)
	}
}
