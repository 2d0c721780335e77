package nopshop_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/nopshop"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
	"github.com/commercesync/commerce/workflow"
)

var (
	_ workflow.RefundShop = (*nopshop.Shop)(nil)
	_ workflow.ReturnShop = (*nopshop.Shop)(nil)
	_ workflow.Restocker  = (*nopshop.Shop)(nil)
	_ workflow.Suspects   = (*nopshop.Shop)(nil)
	_ workflow.Shipments  = (*nopshop.Shop)(nil)
)

func code(err error) string {
	if e, ok := errors.AsType[*commerce.Error](err); ok {
		return e.Code
	}
	return ""
}

func refundOf(o commerce.Order, n int, amount commerce.Money) mapping.RefundRecord {
	return mapping.RefundRecord{Amount: amount, Before: o.Refunded, Refund: commerce.Refund{Amount: amount, Status: commerce.RefundSucceeded,
		Ref: commerce.Ref{System: "stripe", Account: "acct_1", Mode: commerce.Live, ID: fmt.Sprintf("re_%d", n)}}}
}

// paid is a shop with one order that is paid.
func paid(t *testing.T, n nopcommercetest.NewOrder, c nopshop.Config) world {
	t.Helper()
	w := placed(t, n, c)
	require.NoError(t, w.far.Charged(nopcommercetest.StripeResult{Order: w.id, Intent: "pi_1", Charge: "ch_1"}))
	w.o = w.read(t)
	return w
}

func (w world) papers(t *testing.T) []mapping.RefundDocument {
	t.Helper()
	docs, err := w.shop.RefundDocuments(t.Context(), w.read(t))
	require.NoError(t, err)
	return docs
}

func TestARefundMovesTheSumOnceAndNamesItself(t *testing.T) {
	t.Parallel()
	w := paid(t, cups(), nopshop.Config{})
	require.Empty(t, w.papers(t))
	first := w.shop.RecordRefund(w.o, refundOf(w.o, 1, money("10.00", "USD")))
	require.Equal(t, idempotency.Guarded, first.Class)
	_, err := first.Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound)
	doc, err := first.Act(t.Context())
	require.NoError(t, err)
	require.Equal(t, commerce.Document{Ref: w.o.Ref.With(fmt.Sprintf("refund/%d/re_1", w.id)), State: "refunded", Total: money("10.00", "USD")}, doc)
	found, err := first.Find(t.Context())
	require.NoError(t, err)
	require.Equal(t, doc, found)
	again, err := first.Act(t.Context())
	require.NoError(t, err)
	require.Equal(t, mapping.ShortRefund, again.State, "nothing is left to book")
	row, _ := w.far.Order(w.id)
	require.Equal(t, amount(t, "10"), row.RefundedAmount)

	// An equal one is another one, and the last makes it whole.
	o := w.read(t)
	require.Equal(t, money("10.00", "USD"), o.Refunded)
	_, err = w.shop.RecordRefund(o, refundOf(o, 2, money("10.00", "USD"))).Act(t.Context())
	require.NoError(t, err)
	o = w.read(t)
	left, err := o.Totals.Gross.Sub(o.Refunded)
	require.NoError(t, err)
	_, err = w.shop.RecordRefund(o, refundOf(o, 3, left)).Act(t.Context())
	require.NoError(t, err)
	require.Equal(t, commerce.OrderClosed, w.read(t).State)
	docs := w.papers(t)
	require.Len(t, docs, 3)
	for n, d := range docs {
		require.Equal(t, fmt.Sprintf("re_%d", n+1), d.Refund)
		require.Equal(t, d.Money, d.Document.Total)
	}
	require.Equal(t, left, docs[2].Money)
}

// TestWhicheverAnswerIsLostTheSumMovesOnce loses the answer to each call of a refund.
func TestWhicheverAnswerIsLostTheSumMovesOnce(t *testing.T) {
	t.Parallel()
	for at := 1; ; at++ {
		w := paid(t, cups(), nopshop.Config{})
		record := refundOf(w.o, 1, money("10.00", "USD"))
		call, lost := 0, false
		w.far.Fail(nopcommercetest.Fault{Kind: nopcommercetest.Lost, Match: func(*http.Request) bool {
			call++
			lost = lost || call == at
			return call == at
		}})
		e := w.shop.RecordRefund(w.o, record)
		_, err := e.Act(t.Context())
		for range 3 { // as the workflow goes on
			if err == nil {
				break
			}
			if _, err = e.Find(t.Context()); errors.Is(err, commerce.ErrNotFound) {
				_, err = e.Act(t.Context())
			}
		}
		require.NoError(t, err, "call %d", at)
		if !lost {
			require.Greater(t, at, 4, "there were calls")
			return
		}
		row, _ := w.far.Order(w.id)
		require.Equal(t, amount(t, "10"), row.RefundedAmount, "call %d", at)
		docs := w.papers(t)
		require.Len(t, docs, 1, "call %d", at)
		require.Equal(t, "re_1", docs[0].Refund)
	}
}

func TestRefundsOfOthersArePapersOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := paid(t, cups(), nopshop.Config{})
	client := clientOf(t, w.far)
	_, err := client.Processing.RefundOnlineTo(t.Context(), nopcommerce.ID(w.id), "5")
	require.NoError(t, err)
	o := w.read(t)
	_, err = w.shop.RecordRefund(o, refundOf(o, 1, money("7.00", "USD"))).Act(t.Context())
	require.NoError(t, err)
	_, err = client.Processing.RefundTo(t.Context(), nopcommerce.ID(w.id), "15.5")
	require.NoError(t, err)
	docs := w.papers(t)
	require.Len(t, docs, 3)
	require.Equal(t, []string{"re_1", "", ""}, []string{docs[0].Refund, docs[1].Refund, docs[2].Refund})
	require.Equal(t, []string{"7.00", "5.00", "3.50"}, []string{docs[0].Money.Text(), docs[1].Money.Text(), docs[2].Money.Text()})
	require.Equal(t, []bool{false, true, false}, []bool{docs[0].Online, docs[1].Online, docs[2].Online})

	// A program writes the sum itself: nothing tells of the rest but the sum.
	require.NoError(t, w.far.Quietly(w.id, func(o *nopcommercetest.Order) { o.RefundedAmount = amount(t, "20") }))
	docs = w.papers(t)
	require.Len(t, docs, 2)
	require.Equal(t, "13.00", docs[1].Money.Text())
	require.Equal(t, fmt.Sprintf("refund/%d", w.id), docs[1].Document.Ref.ID)
}

func TestWhatTheShopDoesNotBookNeedsADecision(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		before func(o *nopcommercetest.Order)
		code   string
	}{
		"pending":           {func(o *nopcommercetest.Order) { o.PaymentStatusID = nopcommercetest.PaymentPending }, "nothing_invoiced"},
		"authorised":        {func(o *nopcommercetest.Order) { o.PaymentStatusID = nopcommercetest.PaymentAuthorized }, "nothing_invoiced"},
		"voided":            {func(o *nopcommercetest.Order) { o.PaymentStatusID = nopcommercetest.PaymentVoided }, "nothing_left"},
		"deleted":           {func(o *nopcommercetest.Order) { o.Deleted = true }, "nothing_left"},
		"refunded by hand":  {func(o *nopcommercetest.Order) { o.PaymentStatusID = nopcommercetest.PaymentRefunded }, "nothing_left"},
		"less than is left": {func(o *nopcommercetest.Order) { o.OrderTotal = amount(t, "9.99") }, "nothing_left"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := paid(t, cups(), nopshop.Config{})
			require.NoError(t, w.far.Quietly(w.id, tc.before))
			_, err := w.shop.RecordRefund(w.o, refundOf(w.o, 1, money("10.00", "USD"))).Act(t.Context())
			require.ErrorIs(t, err, commerce.ErrNeedsDecision)
			require.True(t, commerce.SafeToRetry(err))
			require.Equal(t, tc.code, code(err))
		})
	}
}

// TestRefundsInTheBuyersCurrencyAddUpToTheMinorUnit books random refunds until all is back.
func TestRefundsInTheBuyersCurrencyAddUpToTheMinorUnit(t *testing.T) {
	t.Parallel()
	for seed := range uint64(24) {
		r := rand.New(rand.NewPCG(3, seed))
		n := cups()
		n.Currency = []string{"EUR", "JPY", "USD"}[seed%3]
		n.Items[0].Price = fmt.Sprintf("%d.%02d", r.IntN(50), 1+r.IntN(99))
		w := paid(t, n, nopshop.Config{Methods: map[string]nopshop.Method{nopcommercetest.StripeElement: {Charges: nopshop.Customer, Truncates: seed%2 == 0}}})
		due, err := w.o.Due()
		require.NoError(t, err)
		left := due
		for k := 1; left.Sign() > 0; k++ {
			part := left
			if k < 5 {
				part = commerce.MustMoney(1+r.Int64N(left.Minor()), left.Currency())
			}
			o := w.read(t)
			if gone, err := due.Sub(left); err == nil && k > 1 {
				require.Equal(t, gone, o.Refunded, "seed %d, refund %d", seed, k)
			}
			doc, err := w.shop.RecordRefund(o, refundOf(o, k, part)).Act(t.Context())
			require.NoError(t, err, "seed %d, refund %d", seed, k)
			require.Equal(t, part, doc.Total)
			left, err = left.Sub(part)
			require.NoError(t, err)
		}
		require.Equal(t, commerce.OrderClosed, w.read(t).State)
		row, _ := w.far.Order(w.id)
		require.Equal(t, row.OrderTotal, row.RefundedAmount)
		sum := commerce.Zero(due.Currency())
		for _, d := range w.papers(t) {
			sum, err = sum.Add(d.Money)
			require.NoError(t, err)
			require.NotEmpty(t, d.Refund, "nothing is left over")
		}
		require.Equal(t, due, sum, "seed %d", seed)
	}
}

func TestAReturnRequestGoesItsWayAndItsGoodsBackOnTheShelf(t *testing.T) {
	t.Parallel()
	w := paid(t, cups(), nopshop.Config{})
	items := w.far.Items(w.id)
	shipped, err := w.far.Ship(nopcommercetest.NewShipment{Order: w.id, Tracking: "1Z9"})
	require.NoError(t, err)
	sent, err := w.shop.Shipments(t.Context(), w.o.Ref)
	require.NoError(t, err)
	require.Len(t, sent, 1)
	require.Equal(t, []any{fmt.Sprint(shipped), "1Z9", "CUP"}, []any{sent[0].Number, sent[0].Parcels[0].Tracking, sent[0].Lines[0].SKU})

	_, err = w.far.RequestReturn(items[0].ID, 2, "broken")
	require.NoError(t, err)
	all, err := w.shop.ReturnsOf(t.Context(), w.o)
	require.NoError(t, err)
	require.Len(t, all, 1)
	r := all[0]
	require.Equal(t, []any{commerce.ReturnRequested, w.o.Lines[0].ID, "2", "broken"}, []any{r.Status, r.Lines[0].OrderLine, r.Lines[0].Requested.String(), r.Lines[0].Reason})
	require.True(t, r.Lines[0].Accepted.IsZero())
	for _, to := range []commerce.ReturnStatus{commerce.ReturnAuthorised, commerce.ReturnReceived, commerce.ReturnRefunded} {
		e := w.shop.Advance(r, to)
		_, err := e.Find(t.Context())
		require.ErrorIs(t, err, commerce.ErrNotFound)
		_, err = e.Act(t.Context())
		require.NoError(t, err)
		_, err = e.Find(t.Context())
		require.NoError(t, err)
		got, err := w.shop.Return(t.Context(), r.Ref)
		require.NoError(t, err)
		require.Equal(t, []any{to, w.o.Ref, "2"}, []any{got.Status, got.Order, got.Lines[0].Accepted.String()})
	}
	got, err := w.shop.Return(t.Context(), r.Ref)
	require.NoError(t, err)
	require.NoError(t, w.far.EditProduct(items[0].ProductID, func(p *nopcommercetest.Product) { p.ManageInventoryMethodID = 1 }))
	product, _ := w.far.Product(items[0].ProductID)
	restock := w.shop.Restock(w.o, got)
	require.Equal(t, idempotency.Blind, restock.Class)
	for range 2 {
		_, err = restock.Act(t.Context())
		require.NoError(t, err)
	}
	after, _ := w.far.Product(items[0].ProductID)
	require.Equal(t, product.StockQuantity+2, after.StockQuantity, "once")

	require.NoError(t, w.far.EditReturn(1, func(r *nopcommercetest.ReturnRequest) { r.ReturnRequestStatusID = 50 }))
	_, err = w.shop.Advance(r, commerce.ReturnReceived).Act(t.Context())
	require.Equal(t, "return_ended", code(err))
	_, err = w.shop.Return(t.Context(), r.Ref.With("return/9"))
	require.ErrorIs(t, err, commerce.ErrNotFound)
}

func TestASuspicionIsAnAttributeAndANote(t *testing.T) {
	t.Parallel()
	w := paid(t, cups(), nopshop.Config{})
	steps := idempotency.NewMemory(nil)
	doc, err := run(t.Context(), steps, "suspect", w.shop.Suspect(w.o))
	require.NoError(t, err)
	_, err = run(t.Context(), steps, "suspect again", w.shop.Suspect(w.o))
	require.NoError(t, err)
	_, err = w.shop.Trust(w.o, doc.State).Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound)
	_, err = run(t.Context(), steps, "trust", w.shop.Trust(w.o, doc.State))
	require.NoError(t, err)
	_, err = w.shop.Suspect(w.o).Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound)
	require.NoError(t, w.far.Cancel(w.id))
	_, err = w.shop.Suspect(w.o).Act(t.Context())
	require.Equal(t, "not_suspectable", code(err))
}
