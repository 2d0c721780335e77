package magentoshop_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/mapping"
)

// at Stripe is a refund that was made there.
func atStripe(n int, amount commerce.Money) commerce.Refund {
	return commerce.Refund{Ref: commerce.Ref{System: "stripe", Account: "acct_1", Mode: commerce.Live, ID: fmt.Sprintf("re_%d", n)},
		Status: commerce.RefundSucceeded, Amount: amount}
}

func (s *till) read(id magento.ID) commerce.Order {
	s.t.Helper()
	o, err := s.shop.Order(s.t.Context(), s.shop.Ref(id))
	require.NoError(s.t, err)
	return o
}

func code(err error) string {
	if e, ok := errors.AsType[*commerce.Error](err); ok {
		return e.Code
	}
	return ""
}

func TestARefundIsBookedWithItsRowsOnceAndFoundByItsMark(t *testing.T) {
	t.Parallel()
	s := newTill(t, magentotest.Config{}, 0)
	id := s.place(german("stripe_payments"))
	s.pay(id)
	o := s.read(id)
	content, err := mapping.AllocateRefund(o, nil, mapping.RefundAsk{Lines: []mapping.RefundQuantity{{Line: o.Lines[0].ID, Quantity: commerce.MustDecimal("1")},
		{Line: o.Lines[1].ID, Quantity: commerce.MustDecimal("2")}}, AllShipping: true, Adjustment: money("-1.00", "EUR")})
	require.NoError(t, err)
	require.Equal(t, money("26.83", "EUR"), content.Total)
	r := mapping.RefundRecord{Refund: atStripe(1, content.Total), Amount: content.Total, Content: content, Restock: []string{o.Lines[0].ID}, Text: "Refunded at Stripe"}
	e := s.shop.RecordRefund(o, r)
	require.Equal(t, idempotency.Marked, e.Class)
	_, err = e.Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound)
	doc, err := e.Act(t.Context())
	require.NoError(t, err)
	require.Equal(t, commerce.Document{Ref: o.Ref.With("creditmemo/1"), Number: doc.Number, State: "refunded", Total: content.Total}, doc)
	found, err := e.Find(t.Context())
	require.NoError(t, err)
	require.Equal(t, doc, found)

	memo := s.far.CreditMemos(int64(id))[0]
	require.Equal(t, "Refunded at Stripe: re_1, 26.83 EUR ["+r.Refund.Ref.String()+"]", memo.Comments[0].Comment)
	require.Equal(t, magento.Number("1"), memo.AdjustmentNegative)
	asked := ""
	for _, c := range s.far.Calls() {
		if strings.HasSuffix(c.Path, "/refund") {
			asked = c.Body
		}
	}
	require.Contains(t, asked, `"return_to_stock_items":[`+o.Lines[0].ID+`]`)
	require.Empty(t, memo.TransactionID, "no gateway was asked")

	docs, err := s.shop.RefundDocuments(t.Context(), s.read(id))
	require.NoError(t, err)
	require.Len(t, docs, 1)
	require.Equal(t, []any{doc, content.Total, "re_1", false}, []any{docs[0].Document, docs[0].Money, docs[0].Refund, docs[0].Online})
	require.Equal(t, content.Lines, docs[0].Content.Lines)
	require.Equal(t, content.Shipping, docs[0].Content.Shipping)
	require.Equal(t, content.Adjustment, docs[0].Content.Adjustment)
	require.Equal(t, content.Total, docs[0].Content.Total)
}

func TestACreditMemoWhoseAnswerIsLostIsFoundAndNotMadeAgain(t *testing.T) {
	t.Parallel()
	for _, kind := range []magentotest.Fault{{Kind: magentotest.Lost}, {Kind: magentotest.Half}, {Kind: magentotest.AfterEffect, Status: 502, Body: "bad gateway"}} {
		s := newTill(t, magentotest.Config{}, 0)
		id := s.place(german("stripe_payments"))
		s.pay(id)
		o := s.read(id)
		content, err := mapping.AllocateRefund(o, nil, mapping.RefundAsk{Amount: money("3.33", "EUR")})
		require.NoError(t, err)
		kind.Times, kind.Match = 1, func(r *http.Request) bool { return r.Method == http.MethodPost }
		s.far.Fail(kind)
		e := s.shop.RecordRefund(o, mapping.RefundRecord{Refund: atStripe(1, content.Total), Amount: content.Total, Content: content})
		_, err = e.Act(t.Context())
		require.ErrorIs(t, err, commerce.ErrUnknown)
		doc, err := e.Find(t.Context())
		require.NoError(t, err)
		require.Equal(t, content.Total, doc.Total)
		require.Len(t, s.far.CreditMemos(int64(id)), 1)
	}
}

func TestMoneyWithoutGoodsIsAnAdjustmentAndTheRestFollows(t *testing.T) {
	t.Parallel()
	s := newTill(t, magentotest.Config{}, 0)
	id := s.place(german("stripe_payments"))
	s.pay(id)
	whole := s.read(id).Totals.Gross
	doc, content, err := s.record(id, 1, mapping.RefundAsk{Amount: money("7.77", "EUR")})
	require.NoError(t, err)
	require.True(t, content.Proposed)
	require.Equal(t, money("7.77", "EUR"), doc.Total)
	require.Equal(t, magento.Number("7.77"), s.far.CreditMemos(int64(id))[0].AdjustmentPositive)
	doc, _, err = s.record(id, 2, mapping.RefundAsk{Everything: true})
	require.NoError(t, err)
	rest, err := whole.Sub(money("7.77", "EUR"))
	require.NoError(t, err)
	require.Equal(t, rest, doc.Total)
	require.Equal(t, commerce.OrderClosed, s.read(id).State)
	require.Equal(t, whole, s.read(id).Refunded)
}

func TestWhatTheShopRefusesIsSaidBeforeItIsAsked(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		before func(s *till, id magento.ID)
		code   string
	}{
		"an order on hold": {func(s *till, id magento.ID) { s.pay(id); require.NoError(s.t, s.mage.Orders.Hold(s.t.Context(), id)) }, "order_held"},
		"an order in review": {func(s *till, id magento.ID) {
			s.pay(id)
			require.NoError(s.t, s.far.SetState(int64(id), "payment_review", "fraud"))
		}, "order_held"},
		"one that nobody recorded": {func(*till, magento.ID) {}, "nothing_invoiced"},
		"one that was refunded": {func(s *till, id magento.ID) {
			s.pay(id)
			s.refund(id, magento.RefundParams{Everything: true, AllShipping: true})
		}, "nothing_left"},
		"one that was closed": {func(s *till, id magento.ID) {
			s.pay(id)
			require.NoError(s.t, s.far.SetState(int64(id), "closed", "closed"))
		}, "nothing_left"},
		"one with less left of it": {func(s *till, id magento.ID) {
			s.pay(id)
			s.refund(id, magento.RefundParams{Everything: true, BaseShipping: "0"})
		}, "nothing_left"},
		"one that was canceled": {func(s *till, id magento.ID) { require.NoError(s.t, s.mage.Orders.Cancel(s.t.Context(), id)) }, "nothing_invoiced"},
		"one that was canceled paid": {func(s *till, id magento.ID) {
			s.pay(id)
			require.NoError(s.t, s.far.SetState(int64(id), "canceled", "canceled"))
		}, "nothing_left"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTill(t, magentotest.Config{}, 0)
			id := s.place(german("stripe_payments"))
			o := s.read(id)
			content, err := mapping.AllocateRefund(o, nil, mapping.RefundAsk{Everything: true})
			require.NoError(t, err)
			tc.before(s, id)
			memos := len(s.far.CreditMemos(int64(id)))
			_, err = s.shop.RecordRefund(o, mapping.RefundRecord{Refund: atStripe(1, content.Total), Amount: content.Total, Content: content}).Act(t.Context())
			require.ErrorIs(t, err, commerce.ErrNeedsDecision)
			require.True(t, commerce.SafeToRetry(err))
			require.Equal(t, tc.code, code(err))
			require.Len(t, s.far.CreditMemos(int64(id)), memos)
		})
	}
}

func TestOnlyTheMoneyOfStripeIsToGoBackByStripe(t *testing.T) {
	t.Parallel()
	s := newTill(t, magentotest.Config{StripeModule: true}, 0)
	offline := s.place(german("checkmo"))
	s.pay(offline)
	s.refund(offline, magento.RefundParams{Everything: true, AllShipping: true})
	docs, err := s.shop.RefundDocuments(t.Context(), s.read(offline))
	require.NoError(t, err)
	require.True(t, docs[0].Money.IsZero())
	require.Equal(t, money("44.72", "EUR"), docs[0].Document.Total)

	card := german("stripe_payments")
	card.GiftCard = "10"
	gift := s.place(card)
	require.NoError(t, s.far.Charged(magentotest.StripeCharge{Order: int64(gift), Intent: "pi_1"}))
	docs, err = s.shop.RefundDocuments(t.Context(), s.read(gift))
	require.NoError(t, err)
	require.Empty(t, docs)

	online := s.place(german("stripe_payments"))
	require.NoError(t, s.far.Charged(magentotest.StripeCharge{Order: int64(online), Intent: "pi_2"}))
	_, err = s.mage.Invoices.Refund(t.Context(), s.far.Invoices(int64(online))[0].EntityID, magento.InvoiceRefundParams{
		RefundParams: magento.RefundParams{Everything: true, AllShipping: true}, Online: true})
	require.NoError(t, err)
	docs, err = s.shop.RefundDocuments(t.Context(), s.read(online))
	require.NoError(t, err)
	require.True(t, docs[0].Online, "the shop has asked its gateway itself")
}

// anyOrder places an order of the things that shops sell.
func anyOrder(r *rand.Rand) magentotest.NewOrder {
	tax := [][]magentotest.Tax{nil, {{Code: "DE 19", Percent: "19"}}, {{Code: "DE 7", Percent: "7"}}}
	price := func() string { return fmt.Sprintf("%d.%02d", r.IntN(60), 1+r.IntN(99)) }
	o := magentotest.NewOrder{Store: []string{"default", "eu_de", "eur", "jpy"}[r.IntN(4)], PaymentMethod: "stripe_payments", PricesIncludeTax: r.IntN(2) == 0,
		TaxRounding: []magentotest.TaxRounding{magentotest.TaxPerTotal, magentotest.TaxPerRow, magentotest.TaxPerUnit}[r.IntN(3)]}
	if r.IntN(3) > 0 {
		o.ShippingPrice, o.ShippingTax = price(), tax[r.IntN(3)]
	}
	if r.IntN(3) == 0 {
		o.Coupon, o.DiscountPercent = "SALE", []string{"10", "15", "33"}[r.IntN(3)]
	}
	for n := range 1 + r.IntN(4) {
		i := magentotest.NewItem{SKU: fmt.Sprintf("SKU%d", n), Qty: fmt.Sprint(1 + r.IntN(5)), Price: price(), Taxes: tax[r.IntN(3)]}
		switch r.IntN(6) {
		case 0:
			i.Type, i.Children = "configurable", []magentotest.NewItem{{SKU: i.SKU + "-RED"}}
		case 1:
			i.Type, i.Price = "bundle", ""
			i.Children = []magentotest.NewItem{{SKU: i.SKU + "-A", Price: price(), Taxes: i.Taxes}, {SKU: i.SKU + "-B", Qty: "2", Price: price(), Taxes: i.Taxes}}
		}
		o.Items = append(o.Items, i)
	}
	return o
}

// A discount on shipping has parts of a cent (REC 519), by which a memo over all would be more
// than is left.
func TestAWholeRefundOfDiscountedShippingIsTakenToTheMinorUnit(t *testing.T) {
	t.Parallel()
	s := newTill(t, magentotest.Config{}, 0)
	for _, percent := range []string{"5", "10", "15", "20"} {
		for _, shipping := range []string{"3.95", "4.90", "7.51"} {
			n := german("stripe_payments")
			n.Coupon, n.DiscountPercent, n.DiscountShipping, n.ShippingPrice = "SPRING", percent, true, shipping
			id := s.place(n)
			s.pay(id)
			doc, content, err := s.record(id, int(id), mapping.RefundAsk{Everything: true})
			require.NoError(t, err, "%s%% off %s", percent, shipping)
			require.Equal(t, content.Total, doc.Total, "%s%% off %s", percent, shipping)
		}
	}
}

// TestAnyRefundOfAnyOrderComesToItsAmount books random refunds until nothing is left: in a
// shop without a display currency each to the minor unit; else as near as one cent of the
// base currency says.
func TestAnyRefundOfAnyOrderComesToItsAmount(t *testing.T) {
	t.Parallel()
	s := newTill(t, magentotest.Config{}, 0)
	made, exact := 0, 0
	for seed := range uint64(25) {
		r := rand.New(rand.NewPCG(7, seed))
		id := s.place(anyOrder(r))
		s.pay(id)
		o := s.read(id)
		left := o.Totals.Gross
		for n := 1; left.Sign() > 0; n++ {
			ask := mapping.RefundAsk{Everything: n > 4}
			if !ask.Everything {
				switch l := o.Lines[r.IntN(len(o.Lines))]; r.IntN(3) {
				case 0:
					ask.Amount = commerce.MustMoney(1+r.Int64N(left.Minor()), o.Currency)
				case 1:
					ask.Everything = true
				default:
					ask.Lines = []mapping.RefundQuantity{{Line: l.ID, Quantity: commerce.MustDecimal("1")}}
					ask.AllShipping = r.IntN(2) == 0 && o.Shipping.Net.Sign() > 0
				}
			}
			doc, content, err := s.record(id, n, ask)
			var cannot *mapping.RefundError
			if errors.As(err, &cannot) {
				continue // no such goods are left
			}
			require.NoError(t, err, "seed %d, order %d, refund %d: %+v", seed, id, n, ask)
			off, err := doc.Total.Sub(content.Total)
			require.NoError(t, err)
			if made++; off.IsZero() {
				exact++
			}
			most := int64(0)
			if o.BaseCurrency != o.Currency {
				most = 2
			}
			require.LessOrEqual(t, max(off.Minor(), -off.Minor()), most, "seed %d, order %d (%s), refund %d: %s for %s", seed, id, o.Currency, n, doc.Total, content.Total)
			left, err = o.Totals.Gross.Sub(s.read(id).Refunded)
			require.NoError(t, err)
			if content.Rest {
				break
			}
		}
	}
	t.Logf("%d of %d refunds to the minor unit", exact, made)
}

// record books a refund as a workflow does, and returns the document.
func (s *till) record(id magento.ID, n int, ask mapping.RefundAsk) (commerce.Document, mapping.Allocation, error) {
	s.t.Helper()
	o := s.read(id)
	before, err := s.shop.RefundDocuments(s.t.Context(), o)
	require.NoError(s.t, err)
	var earlier []mapping.Allocation
	for _, d := range before {
		require.NotNil(s.t, d.Content, d.Document.Ref.ID)
		earlier = append(earlier, *d.Content)
	}
	content, err := mapping.AllocateRefund(o, earlier, ask)
	if err != nil {
		return commerce.Document{}, content, err
	}
	doc, err := s.shop.RecordRefund(o, mapping.RefundRecord{Refund: atStripe(n, content.Total), Amount: content.Total, Content: content}).Act(s.t.Context())
	return doc, content, err
}
