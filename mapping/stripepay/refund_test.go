package stripepay_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// bought is an order at a shop, and what was paid for it.
func (w *world) bought(t *testing.T, p stripetest.Purchase) (commerce.Order, stripe.PaymentIntent) {
	t.Helper()
	p.Currency = "eur"
	pi, err := w.far.Pay(p)
	require.NoError(t, err)
	return commerce.Order{Ref: commerce.Ref{System: "magento", Account: "main", Mode: commerce.Test, ID: "order/17"}, Number: "2000000003", Store: "2",
		Currency: "EUR"}, pi
}

func code(err error) string {
	e, _ := errors.AsType[*commerce.Error](err)
	if e == nil {
		return ""
	}
	return e.Code
}

func TestARefundIsMadeOnceAndFoundByItsOperation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	o, pi := w.bought(t, stripetest.Purchase{Amount: 5000})
	ask := mapping.RefundRequest{Key: "refund 1", Order: o, Payment: w.ref(pi.ID), Charge: pi.LatestCharge.ID, Amount: eur(1200), Reason: "requested_by_customer"}
	back := w.pay.GiveBack(ask)
	_, err := back.Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound)
	made, err := back.Act(t.Context())
	require.NoError(t, err)
	again, err := back.Act(t.Context())
	require.NoError(t, err)
	require.Equal(t, made, again)
	require.Len(t, w.far.Refunds(), 1)
	w.now = w.now.Add(48 * time.Hour)
	found, err := back.Find(t.Context())
	require.NoError(t, err)
	require.Equal(t, made, found)

	require.Equal(t, commerce.RefundSucceeded, made.Status)
	require.Equal(t, eur(1200), made.Amount)
	require.Equal(t, w.ref(pi.ID), made.Payment)
	require.Equal(t, pi.LatestCharge.ID, made.Charge)
	require.Equal(t, "refund 1", made.Operation)
	require.Equal(t, []commerce.OrderHint{{ID: "17", Number: "2000000003", Store: "2"}}, made.Orders)

	other := ask
	other.Key = "refund 2"
	_, err = w.pay.GiveBack(other).Act(t.Context())
	require.NoError(t, err, "two of one amount are two")
	require.Len(t, w.far.Refunds(), 2)
	all, err := w.pay.Refunds(t.Context(), w.ref(pi.ID))
	require.NoError(t, err)
	byCharge, err := w.pay.Refunds(t.Context(), w.ref(pi.LatestCharge.ID))
	require.NoError(t, err)
	require.Equal(t, all, byCharge)
	require.Equal(t, []string{"refund 1", "refund 2"}, []string{all[0].Operation, all[1].Operation})
}

func TestARefundThatThePaymentDoesNotAllowIsAConflictAndNothingWasSent(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		method stripetest.Method
		amount commerce.Money
		before func(t *testing.T, w *world, ask mapping.RefundRequest)
		code   string
		is     error
	}{
		"more than was captured": {amount: eur(5001), code: "amount_too_large", is: commerce.ErrConflict},
		"all went back": {amount: eur(5000), code: "charge_already_refunded", is: commerce.ErrConflict,
			before: func(t *testing.T, w *world, ask mapping.RefundRequest) {
				ask.Key = "earlier"
				_, err := w.pay.GiveBack(ask).Act(t.Context())
				require.NoError(t, err)
			}},
		"the bank has it":      {method: stripetest.CardDisputed, amount: eur(1), code: "refund_disputed_payment", is: commerce.ErrConflict},
		"nothing":              {amount: eur(0), is: commerce.ErrInvalid},
		"in another currency":  {amount: commerce.MustMoney(500, "USD"), is: commerce.ErrConflict, code: "refund_currency"},
		"a payment of nobody":  {amount: eur(1), is: commerce.ErrInvalid},
		"without its own name": {amount: eur(1), is: commerce.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, stripetest.Config{})
			o, pi := w.bought(t, stripetest.Purchase{Amount: 5000, Method: tc.method})
			ask := mapping.RefundRequest{Key: "k", Order: o, Payment: w.ref(pi.ID), Amount: tc.amount}
			switch name {
			case "a payment of nobody":
				ask.Payment = w.ref("cs_1")
			case "without its own name":
				ask.Key = ""
			}
			if tc.before != nil {
				tc.before(t, w, ask)
			}
			_, err := w.pay.GiveBack(ask).Act(t.Context())
			require.ErrorIs(t, err, tc.is)
			require.True(t, commerce.SafeToRetry(err))
			require.Equal(t, tc.code, code(err))
		})
	}
}

func TestWhatWasReservedAndNotTakenIsNoRefund(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	o, pi := w.bought(t, stripetest.Purchase{Amount: 5000, Authorise: true})
	_, err := w.pay.Capture(mapping.CaptureRequest{Key: "c", Payment: w.ref(pi.ID), Amount: eur(4000), Final: true}).Act(t.Context())
	require.NoError(t, err)
	_, open := w.bought(t, stripetest.Purchase{Amount: 700, Authorise: true})
	_, err = w.pay.Void(w.ref(open.ID)).Act(t.Context())
	require.NoError(t, err)
	require.Len(t, w.far.Refunds(), 2, "Stripe lists both")
	for _, id := range []string{pi.ID, open.ID} {
		all, err := w.pay.Refunds(t.Context(), w.ref(id))
		require.NoError(t, err)
		require.Empty(t, all)
		require.True(t, w.read(t, id).Refunded.IsZero())
	}
	_, err = w.pay.GiveBack(mapping.RefundRequest{Key: "r", Order: o, Payment: w.ref(pi.ID), Amount: eur(4000)}).Act(t.Context())
	require.NoError(t, err)
	all, err := w.pay.Refunds(t.Context(), w.ref(pi.ID))
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, eur(4000), w.read(t, pi.ID).Refunded)
}

func TestWhatBecomesOfARefundIsRead(t *testing.T) {
	t.Parallel()
	for method, want := range map[stripetest.Method][]commerce.RefundStatus{
		stripetest.Card:              {commerce.RefundSucceeded, commerce.RefundSucceeded},
		stripetest.CardRefundPending: {commerce.RefundPending, commerce.RefundSucceeded},
		stripetest.CardRefundFails:   {commerce.RefundSucceeded, commerce.RefundFailed},
		stripetest.DebitRefundAsks:   {commerce.RefundPending, commerce.RefundPending},
	} {
		w := newWorld(t, stripetest.Config{})
		o, pi := w.bought(t, stripetest.Purchase{Amount: 5000, Method: method})
		w.now = w.now.Add(4 * 24 * time.Hour) // a debit takes days
		made, err := w.pay.GiveBack(mapping.RefundRequest{Key: "k", Order: o, Payment: w.ref(pi.ID), Amount: eur(100)}).Act(t.Context())
		require.NoError(t, err)
		require.Equal(t, want[0], made.Status, method)
		w.now = w.now.Add(30 * 24 * time.Hour)
		all, err := w.pay.Refunds(t.Context(), w.ref(pi.ID))
		require.NoError(t, err)
		require.Equal(t, want[1], all[0].Status, method)
	}
	w := newWorld(t, stripetest.Config{})
	_, err := w.pay.OfRefund(&stripe.Refund{ID: "re_1", Currency: "eur", Amount: 1, Status: "moonlit"})
	require.ErrorIs(t, err, commerce.ErrMapping)
	old, err := w.pay.OfRefund(&stripe.Refund{ID: "re_1", Currency: "eur", Amount: 1, Charge: "ch_1"})
	require.NoError(t, err)
	require.Equal(t, commerce.RefundSucceeded, old.Status)
	require.Equal(t, "ch_1", old.Payment.ID)
}

func TestAnAuthorisationIsReadCapturedInPartsAndReleased(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	_, pi := w.bought(t, stripetest.Purchase{Amount: 5000, Authorise: true, Multicapture: true})
	payment := w.ref(pi.ID)
	a, err := w.pay.Authorisation(t.Context(), payment)
	require.NoError(t, err)
	require.Equal(t, mapping.Authorisation{Payment: payment, Charge: pi.LatestCharge.ID, Amount: eur(5000), Capturable: eur(5000), Captured: eur(0),
		Expires: time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC), Several: true, Manual: true}, a)

	first := w.pay.Capture(mapping.CaptureRequest{Key: "order/17/capture/1", Payment: payment, Amount: eur(1000)})
	_, err = first.Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound)
	for range 2 {
		doc, err := first.Act(t.Context())
		require.NoError(t, err)
		require.Equal(t, commerce.Document{Ref: payment, State: "captured", Total: eur(1000)}, doc)
	}
	_, err = first.Find(t.Context())
	require.NoError(t, err)
	second := w.pay.Capture(mapping.CaptureRequest{Key: "order/17/capture/2", Payment: payment, Amount: eur(1000)})
	_, err = second.Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound, "the same amount is another capture")
	_, err = second.Act(t.Context())
	require.NoError(t, err)
	_, err = first.Find(t.Context())
	require.NoError(t, err, "the second leaves the first's mark")

	p := w.read(t, pi.ID)
	require.Equal(t, commerce.PaymentAuthorised, p.Status)
	require.Equal(t, []commerce.Money{eur(3000), eur(2000)}, []commerce.Money{p.Authorised, p.Captured})
	_, err = w.pay.Capture(mapping.CaptureRequest{Key: "3", Payment: payment, Amount: eur(3001)}).Act(t.Context())
	require.Equal(t, "amount_too_large", code(err))
	require.ErrorIs(t, err, commerce.ErrConflict)

	open := 0
	for a, err := range w.pay.Authorised(t.Context(), w.now.Add(-time.Hour)) {
		require.NoError(t, err)
		require.Equal(t, payment, a.Payment)
		open++
	}
	require.Equal(t, 1, open)

	void := w.pay.Void(payment)
	_, err = void.Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound)
	doc, err := void.Act(t.Context())
	require.NoError(t, err)
	found, err := void.Find(t.Context())
	require.NoError(t, err)
	require.Equal(t, doc, found)
	require.Equal(t, eur(2000), found.Total, "what was taken stays")
	_, err = w.pay.Capture(mapping.CaptureRequest{Key: "4", Payment: payment, Amount: eur(1)}).Act(t.Context())
	require.Equal(t, "not_capturable", code(err))
	for range w.pay.Authorised(t.Context(), time.Time{}) {
		t.Error("nothing is reserved any more")
	}
}

func TestAnAuthorisationEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	_, pi := w.bought(t, stripetest.Purchase{Amount: 5000, Authorise: true})
	w.now = w.now.Add(8 * 24 * time.Hour)
	a, err := w.pay.Authorisation(t.Context(), w.ref(pi.ID))
	require.NoError(t, err)
	require.True(t, a.Capturable.IsZero())
	require.True(t, a.Expires.IsZero())
	_, err = w.pay.Void(w.ref(pi.ID)).Find(t.Context())
	require.NoError(t, err)
	_, err = w.pay.Capture(mapping.CaptureRequest{Key: "4", Payment: w.ref(pi.ID), Amount: eur(1), Final: true}).Act(t.Context())
	require.Equal(t, "not_capturable", code(err))
	require.Equal(t, commerce.PaymentCanceled, w.read(t, pi.ID).Status)
}

func TestADisputeIsReadThroughItsLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	_, pi := w.bought(t, stripetest.Purchase{Amount: 5000, Method: stripetest.CardInquiry})
	all, err := w.pay.DisputesOf(t.Context(), w.ref(pi.ID))
	require.NoError(t, err)
	require.Len(t, all, 1)
	asked := all[0]
	require.Equal(t, commerce.Dispute{Ref: asked.Ref, Payment: w.ref(pi.ID), Charge: pi.LatestCharge.ID, Amount: eur(5000), Status: commerce.DisputeOpen,
		Inquiry: true, Reason: "fraudulent", Created: w.now, Due: w.now.Add(10 * 24 * time.Hour)}, asked)
	_, err = w.far.EscalateDispute(asked.Ref.ID)
	require.NoError(t, err)
	d, err := w.pay.Dispute(t.Context(), asked.Ref)
	require.NoError(t, err)
	require.False(t, d.Inquiry)
	require.Equal(t, eur(5000), d.Withdrawn)
	_, err = w.far.ResolveDispute(asked.Ref.ID, true)
	require.NoError(t, err)
	for d, err := range w.pay.Disputes(t.Context(), w.now.Add(-time.Minute)) {
		require.NoError(t, err)
		require.Equal(t, commerce.DisputeWon, d.Status)
		require.Equal(t, eur(5000), d.Reinstated)
	}
	_, err = w.pay.Dispute(t.Context(), w.ref("dp_none"))
	require.ErrorIs(t, err, commerce.ErrNotFound)
}

func TestReviewsAndWarningsAreReadAndAReviewIsApprovedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	_, pi := w.bought(t, stripetest.Purchase{Amount: 5000, Method: stripetest.CardReviewed})
	p := w.read(t, pi.ID)
	require.True(t, strings.HasPrefix(p.Risk.Review, "prv_"))
	require.Equal(t, []string{"DE", "fp_9235"}, []string{p.Method.Country, p.Method.Fingerprint})
	require.Equal(t, "authorized", p.Risk.Outcome)
	review := w.ref(p.Risk.Review)
	r, err := w.pay.Review(t.Context(), review)
	require.NoError(t, err)
	require.Equal(t, commerce.Review{Ref: review, Payment: w.ref(pi.ID), Open: true, Reason: "rule", Created: w.now}, r)
	approve := w.pay.Approve(review)
	_, err = approve.Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound)
	doc, err := approve.Act(t.Context())
	require.NoError(t, err)
	found, err := approve.Find(t.Context())
	require.NoError(t, err)
	require.Equal(t, doc, found)
	require.Equal(t, "approved", found.State)

	_, err = w.far.Warn(p.Charge)
	require.NoError(t, err)
	warnings, err := w.pay.Warnings(t.Context(), w.ref(pi.ID))
	require.NoError(t, err)
	require.Equal(t, []commerce.FraudWarning{{Ref: warnings[0].Ref, Payment: w.ref(pi.ID), Charge: p.Charge, Type: "made_with_stolen_card", Actionable: true, Created: w.now}}, warnings)

	_, other := w.bought(t, stripetest.Purchase{Amount: 5000, Method: stripetest.CardReviewed})
	lost := w.pay.Approve(w.ref(w.read(t, other.ID).Risk.Review))
	_, err = w.far.Dispute(other.LatestCharge.ID, stripetest.Claim{})
	require.NoError(t, err)
	doc, err = lost.Act(t.Context())
	require.NoError(t, err, "it is closed, though not by us")
	require.Equal(t, "disputed", doc.State)
}
