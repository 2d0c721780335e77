package magentoshop_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/mapping/magentoshop"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/workflow"
)

var _ workflow.Sales = (*magentoshop.Shop)(nil)

// till is a shop whose clock a test sets, and whose orders it pays and refunds.
type till struct {
	t    *testing.T
	now  time.Time
	far  *magentotest.Shop
	mage *magento.Client
	shop *magentoshop.Shop
}

func newTill(t *testing.T, c magentotest.Config, pageSize int) *till {
	t.Helper()
	s := &till{t: t, now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	c.Now = func() time.Time { return s.now }
	far, err := magentotest.New(c)
	require.NoError(t, err)
	client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Now: c.Now, PageSize: pageSize,
		Credentials: commerce.Static(far.Keys()), Transport: far.Transport()})
	require.NoError(t, err)
	shop, err := magentoshop.New(client, magentoshop.Config{Account: "main"})
	require.NoError(t, err)
	s.far, s.mage, s.shop = far, client, shop
	return s
}

func (s *till) place(n magentotest.NewOrder) magento.ID {
	s.t.Helper()
	id, err := s.far.Place(n)
	require.NoError(s.t, err)
	return magento.ID(id)
}

// pay makes an invoice without a call to a gateway.
func (s *till) pay(id magento.ID, rows ...magento.ItemQty) {
	s.t.Helper()
	_, err := s.mage.Orders.Invoice(s.t.Context(), id, magento.InvoiceParams{Items: rows})
	require.NoError(s.t, err)
}

func (s *till) refund(id magento.ID, p magento.RefundParams) magento.CreditMemo {
	s.t.Helper()
	m, err := s.mage.Orders.Refund(s.t.Context(), id, p)
	require.NoError(s.t, err)
	return m
}

// told is what the shop says of a time; every line and tax of a document of which no gift
// card paid a part adds up to its amount.
func (s *till) told(from, to time.Time) (docs []reconcile.Document) {
	s.t.Helper()
	for d, err := range s.shop.Documents(s.t.Context(), from, to) {
		require.NoError(s.t, err)
		docs = append(docs, d)
	}
	return docs
}

func names(docs []reconcile.Document) (out []string) {
	for _, d := range docs {
		out = append(out, fmt.Sprintf("%s %s %s", d.ID, d.Number, d.Amount))
	}
	return out
}

func without(names []string, prefix string) []string {
	return slices.DeleteFunc(names, func(s string) bool { return strings.HasPrefix(s, prefix) })
}

func addsUp(t *testing.T, d reconcile.Document) {
	t.Helper()
	sum := commerce.Zero(d.Amount.Currency())
	var err error
	for _, l := range d.Lines {
		sum, err = sum.Add(l.Net)
		require.NoError(t, err)
	}
	for _, x := range d.Taxes {
		sum, err = sum.Add(x.Tax)
		require.NoError(t, err)
	}
	require.Equal(t, d.Amount, sum, d.ID)
}

func german(method string) magentotest.NewOrder {
	return magentotest.NewOrder{Store: "eu_de", PaymentMethod: method, PricesIncludeTax: true, ShippingPrice: "5.95",
		Billing: magentotest.Address{FirstName: "Erika", LastName: "Muster", Street: []string{"Weg 1"}, City: "Köln", Postcode: "50667", Country: "DE", Telephone: "0221 1234"},
		Items: []magentotest.NewItem{
			{SKU: "CUP", Qty: "2", Price: "11.90", Taxes: []magentotest.Tax{{Code: "DE 19", Percent: "19"}}},
			{SKU: "TEA", Qty: "3", Price: "4.99", Taxes: []magentotest.Tax{{Code: "DE 7", Percent: "7"}}}},
		ShippingTax: []magentotest.Tax{{Code: "DE 19", Percent: "19"}}}
}

func TestASaleIsToldWhenStripeWasToPayAndTheShopSaysItDid(t *testing.T) {
	t.Parallel()
	s := newTill(t, magentotest.Config{}, 2)
	place := func(pay bool, change func(*magentotest.NewOrder)) magento.ID {
		n := german("stripe_payments")
		change(&n)
		id := s.place(n)
		if pay {
			s.pay(id)
		}
		return id
	}
	none := func(*magentotest.NewOrder) {}
	place(true, none)                                                          // 1
	place(false, none)                                                         // 2: nobody paid
	place(true, func(n *magentotest.NewOrder) { n.PaymentMethod = "checkmo" }) // 3
	place(true, func(n *magentotest.NewOrder) { n.GiftCard = "44.72" })        // 4: nothing is left
	place(true, func(n *magentotest.NewOrder) { n.GiftCard = "10" })           // 5
	place(true, func(n *magentotest.NewOrder) { n.PaymentMethod = "stripe_payments_express" })
	canceled := place(false, none) // 7
	require.NoError(t, s.mage.Orders.Cancel(t.Context(), canceled))
	part := place(false, none) // 8
	o, ok := s.far.Order(int64(part))
	require.True(t, ok)
	s.pay(part, magento.ItemQty{OrderItemID: o.Items[0].ItemID, Qty: "1"})
	_, err := s.mage.Orders.Ship(t.Context(), 6, magento.ShipParams{})
	require.NoError(t, err)

	docs := s.told(time.Time{}, time.Time{})
	require.Equal(t, []bool{true, true, false, true}, []bool{docs[0].Unsent, docs[1].Unsent, docs[2].Unsent, docs[3].Unsent}, "the goods of one have left")
	require.Equal(t, []string{"invoice/1 2000000001 44.72 EUR", "invoice/4 2000000005 34.72 EUR", "invoice/5 2000000006 44.72 EUR", "invoice/6 2000000008 17.85 EUR",
		"order/3 2000000003 0.00 EUR", "order/4 2000000004 0.00 EUR"}, names(docs))
	addsUp(t, docs[0])
	addsUp(t, docs[3])
	require.Equal(t, docs[0].Lines, docs[1].Lines, "they are of the whole order")
	require.Equal(t, money("44.72", "EUR"), docs[1].Total, "the gift card's part included")
	for _, without := range docs[4:] {
		require.Equal(t, money("44.72", "EUR"), without.Total, "Stripe has no part in it")
		require.Equal(t, []any{docs[0].Lines, docs[0].Taxes, ""}, []any{without.Lines, without.Taxes, without.Payment})
	}
	require.Equal(t, reconcile.Document{System: "magento", Shop: "main", ID: "invoice/1", Number: "2000000001", Amount: money("44.72", "EUR"), Date: s.now, Unsent: true,
		Lines: []reconcile.DocumentLine{
			{Key: "CUP", Quantity: commerce.MustDecimal("2"), Net: money("20.00", "EUR")},
			{Key: "TEA", Quantity: commerce.MustDecimal("3"), Net: money("13.99", "EUR")},
			{Key: "shipping", Quantity: commerce.MustDecimal("1"), Net: money("5.00", "EUR")}},
		Taxes: []reconcile.TaxSum{{Country: "DE", Rate: "19", Base: money("25.00", "EUR"), Tax: money("4.75", "EUR")},
			{Country: "DE", Rate: "7", Base: money("13.99", "EUR"), Tax: money("0.98", "EUR")}},
	}, docs[0])
}

func TestARefundHasTheIdsTheRatesAndTheDateOfItsCreditMemo(t *testing.T) {
	t.Parallel()
	s := newTill(t, magentotest.Config{StripeModule: true}, 1)
	paid := s.place(german("stripe_payments"))
	require.NoError(t, s.far.Charged(magentotest.StripeCharge{Order: int64(paid), Intent: "pi_1"}))
	other := s.place(german("checkmo"))
	s.pay(other)
	o, _ := s.far.Order(int64(paid))
	s.now = s.now.AddDate(0, 0, 3)
	s.refund(paid, magento.RefundParams{Items: []magento.ItemQty{{OrderItemID: o.Items[0].ItemID, Qty: "1"}, {OrderItemID: o.Items[1].ItemID, Qty: "1"}},
		BaseShipping: "2", BaseAdjustmentPositive: "0.50", Comment: "refunded at Stripe: re_3ABC."})
	s.now = s.now.AddDate(0, 0, 1)
	s.refund(paid, magento.RefundParams{Items: []magento.ItemQty{{OrderItemID: o.Items[0].ItemID, Qty: "0"}}, BaseShipping: "0", BaseAdjustmentPositive: "1"})
	s.refund(other, magento.RefundParams{Everything: true, AllShipping: true})

	docs := s.told(time.Time{}, time.Time{})
	require.Equal(t, []string{"invoice/1 2000000001 44.72 EUR", "creditmemo/1 2000000001 19.77 EUR", "creditmemo/2 2000000001 1.00 EUR", "creditmemo/3 2000000002 0.00 EUR"}, without(names(docs), "order/"))
	require.Equal(t, []any{money("44.72", "EUR"), ""}, []any{docs[4].Total, docs[4].Payment}, "Stripe had no part in it")
	docs = slices.Delete(docs, 1, 2)
	require.Equal(t, "pi_1", docs[0].Payment)
	memo := docs[1]
	addsUp(t, memo)
	require.True(t, memo.Refund)
	require.Equal(t, []string{"re_3ABC", "pi_1", "main"}, []string{memo.RefundID, memo.Payment, memo.Shop})
	require.Equal(t, time.Date(2026, 11, 4, 12, 0, 0, 0, time.UTC), memo.Date)
	one := commerce.MustDecimal("1")
	require.Equal(t, []reconcile.DocumentLine{{Key: "CUP", Quantity: one, Net: money("10.00", "EUR")}, {Key: "TEA", Quantity: one, Net: money("4.66", "EUR")},
		{Key: "shipping", Quantity: one, Net: money("2.00", "EUR")}, {Key: "adjustment", Quantity: one, Net: money("0.50", "EUR")}}, memo.Lines)
	require.Equal(t, []reconcile.TaxSum{{Country: "DE", Rate: "19", Base: money("12.00", "EUR"), Tax: money("2.28", "EUR")},
		{Country: "DE", Rate: "7", Base: money("4.66", "EUR"), Tax: money("0.33", "EUR")}}, memo.Taxes)
	addsUp(t, docs[2])
	require.Empty(t, docs[2].RefundID)
	require.Equal(t, "pi_1", docs[2].Payment)
}

func TestDocumentsAreThoseOfAHalfOpenTime(t *testing.T) {
	t.Parallel()
	s := newTill(t, magentotest.Config{}, 2)
	midnight := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{midnight.Add(-time.Second), midnight, midnight.Add(24*time.Hour - time.Second), midnight.Add(24 * time.Hour)} {
		s.now = at
		s.pay(s.place(german("stripe_payments")))
	}
	day := midnight.Add(24 * time.Hour)
	require.Equal(t, []string{"invoice/2 2000000002 44.72 EUR", "invoice/3 2000000003 44.72 EUR"}, names(s.told(midnight, day)))
	require.Len(t, s.told(time.Time{}, midnight), 1)
	require.Len(t, s.told(day, time.Time{}), 1)
	require.Len(t, s.told(midnight.Add(-time.Millisecond), day.Add(time.Millisecond)), 3, "what is within a second counts by the shop's whole seconds")

	seen := 0
	for _, err := range s.shop.Documents(t.Context(), midnight, day) {
		require.NoError(t, err)
		if seen++; seen == 1 {
			break
		}
	}
	require.Equal(t, 1, seen, "a reader may have enough")
	s.far.Fail(magentotest.Maintenance())
	for _, err := range s.shop.Documents(t.Context(), midnight, day) {
		require.ErrorIs(t, err, commerce.ErrUnavailable)
	}
}

// TestDocumentsAskForTheirDaysByKeyAndForNobody holds the search criteria: ascending by id
// in pages, dates as filters, and no name, street or e-mail address.
func TestDocumentsAskForTheirDaysByKeyAndForNobody(t *testing.T) {
	t.Parallel()
	s := newTill(t, magentotest.Config{}, 2)
	for range 5 {
		id := s.place(german("stripe_payments"))
		s.pay(id)
		s.refund(id, magento.RefundParams{Everything: true, AllShipping: true})
	}
	before := len(s.far.Calls())
	require.Len(t, s.told(s.now, s.now.Add(time.Hour)), 10)
	lists := map[string]int{}
	for _, c := range s.far.Calls()[before:] {
		q, err := url.QueryUnescape(c.Query)
		require.NoError(t, err)
		lists[c.Path]++
		require.Contains(t, q, "[sortOrders][0][field]=entity_id&searchCriteria[sortOrders][0][direction]=ASC&searchCriteria[pageSize]=2")
		require.NotContains(t, q, "[currentPage]")
		if !strings.Contains(q, "[condition_type]=in") {
			require.Contains(t, q, "[field]=created_at&searchCriteria[filter_groups][0][filters][0][value]=2026-11-01 12:00:00&searchCriteria[filter_groups][0][filters][0][condition_type]=gteq")
			require.Contains(t, q, "[value]=2026-11-01 13:00:00&searchCriteria[filter_groups][1][filters][0][condition_type]=lt")
		}
		for _, person := range []string{"firstname", "lastname", "street", "email", "telephone", "customer_id"} {
			require.NotContains(t, q, person)
		}
	}
	require.Equal(t, map[string]int{"/rest/V1/orders": 9, "/rest/V1/invoices": 3, "/rest/V1/creditmemos": 3}, lists, "three pages each, and the orders of invoices and memos")
}

// TestTheFieldsThatAreAskedForSayTheSameMoney compares with whole orders.
func TestTheFieldsThatAreAskedForSayTheSameMoney(t *testing.T) {
	t.Parallel()
	s := newTill(t, magentotest.Config{}, 0)
	many := []func(*magentotest.NewOrder){
		func(*magentotest.NewOrder) {},
		func(n *magentotest.NewOrder) { n.DiscountPercent, n.DiscountShipping, n.Coupon = "15", true, "X" },
		func(n *magentotest.NewOrder) {
			n.PricesIncludeTax, n.TaxBeforeDiscount, n.DiscountPercent = false, true, "10"
		},
		func(n *magentotest.NewOrder) { n.Store = "jpy" },
		func(n *magentotest.NewOrder) { n.Store, n.DiscountPercent, n.DiscountShipping = "eur", "15", true },
		func(n *magentotest.NewOrder) {
			n.Items = []magentotest.NewItem{{SKU: "SHIRT-M", Product: "SHIRT", Type: "configurable", Qty: "2", Price: "30", Taxes: n.Items[0].Taxes, Children: []magentotest.NewItem{{SKU: "SHIRT-M"}}}}
		},
		func(n *magentotest.NewOrder) {
			n.Items = []magentotest.NewItem{{SKU: "SET", Type: "bundle", Qty: "2", Children: []magentotest.NewItem{
				{SKU: "CUP", Price: "10", Taxes: n.Items[0].Taxes}, {SKU: "TEA", Price: "5", Qty: "3", Taxes: n.Items[1].Taxes}}}}
		},
	}
	for _, change := range many {
		n := german("stripe_payments")
		change(&n)
		s.pay(s.place(n))
	}
	docs := s.told(time.Time{}, time.Time{})
	require.Len(t, docs, len(many))
	for i, d := range docs {
		whole, err := s.shop.Order(t.Context(), s.shop.Ref(magento.ID(i+1)))
		require.NoError(t, err)
		want, err := reconcile.Sale(whole)
		require.NoError(t, err)
		require.Equal(t, []any{want.Amount, want.Total, want.Lines, want.Taxes}, []any{d.Amount, d.Total, d.Lines, d.Taxes}, "an invoice of all says what the order says")
		addsUp(t, d)
		s.refund(magento.ID(i+1), magento.RefundParams{Everything: true, AllShipping: true})
	}
	for i, d := range s.told(time.Time{}, time.Time{})[len(many):] {
		addsUp(t, d)
		require.NotEmpty(t, d.Lines)
		require.Len(t, d.Taxes, len(docs[i].Taxes))
	}
}

// TestAnOrderWithoutWordsComesWithItsAmount is of rows that do not add up, as a module's
// fee leaves them.
func TestAnOrderWithoutWordsComesWithItsAmount(t *testing.T) {
	t.Parallel()
	s := newTill(t, magentotest.Config{}, 0)
	id := s.place(german("stripe_payments"))
	s.pay(id)
	s.refund(id, magento.RefundParams{Everything: true, AllShipping: true})
	var log bytes.Buffer
	client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(s.far.Keys()),
		Transport: transport(func(r *http.Request) (*http.Response, error) {
			resp, err := s.far.Transport().RoundTrip(r)
			if err != nil {
				return nil, err
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body = io.NopCloser(bytes.NewReader(bytes.ReplaceAll(body, []byte(`"subtotal":33.99`), []byte(`"subtotal":30`))))
			return resp, err
		})})
	require.NoError(t, err)
	s.shop, err = magentoshop.New(client, magentoshop.Config{Account: "main", Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	docs := s.told(time.Time{}, time.Time{})
	require.Equal(t, []string{"invoice/1 2000000001 44.72 EUR", "creditmemo/1 2000000001 44.72 EUR"}, names(docs))
	for _, d := range docs {
		require.Empty(t, d.Lines)
		require.Empty(t, d.Taxes)
		require.Contains(t, log.String(), "document="+d.ID)
	}
	require.Contains(t, log.String(), "the rows add up to 33.99")
}

func money(text string, c commerce.Currency) commerce.Money {
	m, err := commerce.ParseMoney(text, c)
	if err != nil {
		panic(err)
	}
	return m
}

// TestASaleHasTheDayAndThePaymentThatWereRecorded is of a bank debit in a shop that keeps no
// transactions: what we recorded names the payment.
func TestASaleHasTheDayAndThePaymentThatWereRecorded(t *testing.T) {
	t.Parallel()
	s := newTill(t, magentotest.Config{}, 0)
	id := s.place(german("stripe_payments"))
	placed := s.now
	s.now = placed.AddDate(0, 0, 4)
	o, err := s.shop.Order(t.Context(), s.shop.Ref(id))
	require.NoError(t, err)
	p := commerce.Payment{Ref: commerce.Ref{System: "stripe", Mode: commerce.Live, ID: "pi_9"}, Captured: o.Totals.Gross}
	_, err = idempotency.Run(t.Context(), idempotency.NewMemory(nil), "k", s.shop.RecordPayment(o, p))
	require.NoError(t, err)
	require.Empty(t, s.told(placed, placed.AddDate(0, 0, 1)))
	docs := s.told(s.now, time.Time{})
	require.Len(t, docs, 1)
	require.Equal(t, []any{"pi_9", s.now}, []any{docs[0].Payment, docs[0].Date})
}

// TestRecordedInvoicesAndCreditMemosAreSaid serves each beside its recorded order: lines and
// taxes add up to what the shop was paid or gave back.
func TestRecordedInvoicesAndCreditMemosAreSaid(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("COMMERCE_CONTRACTS")
	if dir == "" {
		t.Skip("COMMERCE_CONTRACTS is not set: it names the directory with the recordings")
	}
	files, err := filepath.Glob(filepath.Join(dir, "magento-recorded", "*.json"))
	require.NoError(t, err)
	orders, papers := map[int64]json.RawMessage{}, map[string]json.RawMessage{} // by the path of their lists
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		var rec struct {
			Request  struct{ Path string }          `json:"request"`
			Response struct{ Body json.RawMessage } `json:"response"`
		}
		var head struct {
			EntityID int64 `json:"entity_id"`
			OrderID  int64 `json:"order_id"`
			Total    any   `json:"grand_total"`
		}
		if json.Unmarshal(raw, &rec) != nil {
			continue
		}
		for _, body := range orderDocuments(rec.Response.Body) {
			require.NoError(t, json.Unmarshal(body, &head))
			orders[head.EntityID] = body
		}
		for of, list := range map[string]string{"/creditmemo/": "creditmemos", "/invoices/": "invoices"} {
			if strings.Contains(rec.Request.Path, of) && json.Unmarshal(rec.Response.Body, &head) == nil && head.OrderID != 0 && bytes.Contains(rec.Response.Body, []byte(`"base_subtotal"`)) {
				papers[fmt.Sprintf("/rest/V1/%s?%d", list, head.EntityID)] = rec.Response.Body
			}
		}
	}
	said := 0
	for name, paper := range papers {
		list, _, _ := strings.Cut(name, "?")
		var m magento.Invoice
		require.NoError(t, json.Unmarshal(paper, &m))
		order, ok := orders[int64(m.OrderID)]
		if !ok || strings.HasPrefix(string(m.GrandTotal), "-") || m.GrandTotal == "0" || m.State != magento.InvoicePaid {
			continue
		}
		client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(magento.Keys{ConsumerKey: "k", ConsumerSecret: commerce.NewSecret("s"), AccessToken: commerce.NewSecret("t"), AccessTokenSecret: commerce.NewSecret("u")}),
			Transport: transport(func(r *http.Request) (*http.Response, error) {
				rows := map[string]json.RawMessage{"/rest/V1/orders": order, list: paper}[r.URL.Path]
				body := `{"items":[],"total_count":0}`
				if rows != nil {
					body = `{"items":[` + string(rows) + `],"total_count":1}`
				}
				return &http.Response{StatusCode: http.StatusOK, Request: r, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
			})})
		require.NoError(t, err)
		shop, err := magentoshop.New(client, magentoshop.Config{Tenders: map[string]commerce.TenderKind{"checkmo": commerce.TenderStripe}})
		require.NoError(t, err)
		for d, err := range shop.Documents(t.Context(), time.Time{}, time.Time{}) {
			require.NoError(t, err)
			require.NotEmpty(t, d.Lines, name)
			addsUp(t, d)
			said++
		}
	}
	require.GreaterOrEqual(t, said, 8)
	t.Logf("%d of %d said", said, len(papers))
}

func TestWhatStripeHasNoPartInIsTheOrderItselfWhoeverHasPaidYet(t *testing.T) {
	t.Parallel()
	s := newTill(t, magentotest.Config{}, 2)
	open := s.place(german("banktransfer")) // 1: the ERP may have invoiced it
	gone := s.place(german("banktransfer"))
	require.NoError(t, s.mage.Orders.Cancel(t.Context(), gone))
	card := german("free")
	card.GiftCard = "44.72"
	s.pay(s.place(card))               // 3
	parts := german("stripe_payments") // 4: Stripe pays what the card leaves of the last invoice
	parts.GiftCard = "10"
	s.pay(s.place(parts))
	s.now = s.now.AddDate(0, 0, 2)
	s.pay(open)

	docs := s.told(time.Time{}, time.Time{})
	require.Equal(t, []string{"invoice/2 2000000004 34.72 EUR", "order/1 2000000001 0.00 EUR", "order/3 2000000003 0.00 EUR"}, names(docs))
	for _, d := range docs[1:] {
		require.Equal(t, money("44.72", "EUR"), d.Total, d.ID)
		whole := d
		whole.Amount = d.Total
		addsUp(t, whole)
	}
	require.Equal(t, s.now.AddDate(0, 0, -2), docs[1].Date, "the day on which it was placed")
	require.Equal(t, []bool{true, true, false}, []bool{docs[1].Unsent, docs[2].Unsent, docs[1].Refund})
}
