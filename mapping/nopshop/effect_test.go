package nopshop_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/nopshop"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
)

func TestAHintFindsTheOrderItMeans(t *testing.T) {
	t.Parallel()
	n := cups()
	n.Number = "2026-17"
	w := known(t, n, nopshop.Config{Account: "main", Mode: commerce.Test})
	row, _ := w.far.Order(w.id)
	id := hint(w.id)
	for _, h := range []commerce.OrderHint{id, {ID: w.o.Ref.ID}, {ID: row.OrderGUID}, {ID: strings.ToUpper(row.OrderGUID)},
		{Number: "2026-17"}, {Number: "2026-17", Store: w.o.Store}, {ID: id.ID, Number: "2026-17", Store: w.o.Store}} {
		ref, err := w.shop.Find(t.Context(), h)
		require.NoError(t, err, "%v", h)
		require.Equal(t, w.o.Ref, ref)
	}
	for h, want := range map[commerce.OrderHint]error{
		{ID: "999"}: commerce.ErrNotFound,
		{ID: "0a7d1c8a-6a0b-4f53-8f1e-0c3e6f0a2b22"}: commerce.ErrNotFound,
		{Number: "999"}:          commerce.ErrNotFound,
		{ID: id.ID, Number: "x"}: commerce.ErrNeedsDecision, // for good, so that it is dead at once
		{ID: id.ID, Store: "7"}:  commerce.ErrNeedsDecision,
		{}:                       commerce.ErrInvalid,
		{ID: "../1"}:             commerce.ErrInvalid,
	} {
		_, err := w.shop.Find(t.Context(), h)
		require.ErrorIs(t, err, want, "%v", h)
	}
}

func TestTheMetadataOfThePluginsNamesTheOrder(t *testing.T) {
	t.Parallel()
	w := known(t, cups(), nopshop.Config{})
	asked, err := w.far.Charge(w.id)
	require.NoError(t, err)
	for _, without := range []string{"", "OrderId"} {
		delete(asked.Metadata, without)
		hints, err := nopshop.Metadata().Read("stripe pi_1", asked.Metadata, "USD")
		require.NoError(t, err)
		require.Len(t, hints, 1)
		ref, err := w.shop.Find(t.Context(), hints[0])
		require.NoError(t, err)
		require.Equal(t, w.o.Ref, ref)
	}
}

func TestARefOfAnotherShopOrModeIsRefusedBeforeAnythingIsAsked(t *testing.T) {
	t.Parallel()
	w := known(t, cups(), nopshop.Config{})
	calls := len(w.far.Calls())
	o := w.o
	o.Ref.Mode = commerce.Test
	_, err := w.shop.Order(t.Context(), o.Ref)
	require.ErrorIs(t, err, commerce.ErrInvalid)
	for _, e := range []idempotency.Effect[commerce.Document]{w.shop.RecordPayment(o, payment(o)), w.shop.Hold(o),
		w.shop.Note(o, mapping.Note{Key: "k", Text: "x"}), w.shop.Ship(o, sent(line("CUP", "1")))} {
		_, err = e.Act(t.Context())
		require.True(t, commerce.SafeToRetry(err))
	}
	require.Len(t, w.far.Calls(), calls)
}

func TestAPaymentIsRecordedOnceAndAsksNoGateway(t *testing.T) {
	t.Parallel()
	w := known(t, cups(), nopshop.Config{})
	steps := idempotency.NewMemory(nil)
	doc, err := run(t.Context(), steps, "pay", w.shop.RecordPayment(w.o, payment(w.o)))
	require.NoError(t, err)
	require.Equal(t, "paid", doc.State)
	require.Equal(t, w.o.Totals.Gross, doc.Total)
	// Another key, as after a loss of the memory of steps: it is found.
	_, err = run(t.Context(), steps, "pay anew", w.shop.RecordPayment(w.o, payment(w.o)))
	require.NoError(t, err)
	require.Len(t, w.far.Effects(w.id, nopcommercetest.EffectPaid), 1)
	require.Empty(t, w.far.Effects(w.id, nopcommercetest.EffectCaptured))
	o := w.read(t)
	require.Equal(t, commerce.OrderProcessing, o.State)
	require.Equal(t, "pi_1", o.PaymentID)
	for _, c := range w.far.Calls() {
		require.NotEqual(t, http.MethodPut, c.Method, "no row of an order is ever written over")
	}
}

func TestAnOrderThatAPersonMarkedAsPaidGetsThePaymentsID(t *testing.T) {
	t.Parallel()
	w := known(t, cups(), nopshop.Config{})
	require.NoError(t, w.far.MarkPaid(w.id))
	_, err := run(t.Context(), idempotency.NewMemory(nil), "pay", w.shop.RecordPayment(w.o, payment(w.o)))
	require.NoError(t, err)
	require.Len(t, w.far.Effects(w.id, nopcommercetest.EffectPaid), 1)
	require.Equal(t, "pi_1", w.read(t).PaymentID)
}

// MarkOrderAsPaid passes from a part that was refunded, and would make it a paid one.
func TestAPartlyRefundedOrderStaysSo(t *testing.T) {
	t.Parallel()
	w := known(t, cups(), nopshop.Config{})
	require.NoError(t, w.far.Charged(nopcommercetest.StripeResult{Order: w.id, Intent: "pi_1", Charge: "ch_1"}))
	require.NoError(t, w.far.Refund(w.id, "4.98"))
	_, err := run(t.Context(), idempotency.NewMemory(nil), "pay", w.shop.RecordPayment(w.o, payment(w.o)))
	require.NoError(t, err)
	row, _ := w.far.Order(w.id)
	require.Equal(t, 35, row.PaymentStatusID)
	o := w.read(t)
	require.Equal(t, money("44.98", "USD"), o.Paid)
	require.Equal(t, money("4.98", "USD"), o.Refunded)
}

func TestAnOrderThatCanNotBePaidNeedsAPerson(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]func(w world) error{
		"cancelled": func(w world) error { return w.far.Cancel(w.id) },
		"voided": func(w world) error {
			return errors.Join(w.far.Charged(nopcommercetest.StripeResult{Order: w.id, Intent: "pi_1", Authorised: true}), w.far.Void(w.id))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := known(t, cups(), nopshop.Config{})
			require.NoError(t, c(w))
			_, err := run(t.Context(), idempotency.NewMemory(nil), "pay", w.shop.RecordPayment(w.o, payment(w.o)))
			require.ErrorIs(t, err, commerce.ErrNeedsDecision)
			require.True(t, commerce.SafeToRetry(err))
			e, _ := errors.AsType[*commerce.Error](err)
			require.Equal(t, "not_payable", e.Code)
			require.Empty(t, w.far.Attributes("Order", w.id))
		})
	}
}

func TestAPaymentThatThePluginRecordedMeanwhileIsFound(t *testing.T) {
	t.Parallel()
	w := known(t, cups(), nopshop.Config{})
	w.far.Fail(nopcommercetest.Fault{Kind: nopcommercetest.Refused, Times: 1, Match: func(r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/MarkOrderAsPaid/") {
			return false
		}
		return w.far.Charged(nopcommercetest.StripeResult{Order: w.id, Intent: "pi_1", Charge: "ch_1"}) != nil
	}})
	_, err := run(t.Context(), idempotency.NewMemory(nil), "pay", w.shop.RecordPayment(w.o, payment(w.o)))
	require.NoError(t, err)
	effects := w.far.Effects(w.id, nopcommercetest.EffectPaid)
	require.Len(t, effects, 1)
	require.Equal(t, nopcommercetest.ByPlugin, effects[0].By)
}

func TestANoteIsLeftOnceByItsMarkAndNoBuyerSeesIt(t *testing.T) {
	t.Parallel()
	w := known(t, cups(), nopshop.Config{})
	e := w.shop.Note(w.o, mapping.Note{Key: "underpaid pi_1", Text: "Partly paid."})
	_, err := e.Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound)
	_, err = e.Act(t.Context())
	require.NoError(t, err)
	_, err = e.Find(t.Context())
	require.NoError(t, err)
	notes := w.far.Notes(w.id)
	last := notes[len(notes)-1]
	require.Equal(t, "Partly paid. [underpaid pi_1]", *last.Note)
	require.False(t, last.DisplayToCustomer)
	require.NotEqual(t, 1, last.CreatedOnUTC.Year(), "the shop's default would be the year 1")
	_, err = w.shop.Note(w.o, mapping.Note{Key: "underpaid pi", Text: "x"}).Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound, "a mark is no part of another")
	_, err = w.shop.Note(w.o, mapping.Note{Text: "x"}).Act(t.Context())
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.Equal(t, "commerce_note_underpaid", *w.far.Attributes("Order", w.id)[0].Key)
}

func TestAnOrderIsHeldByAnAttributeAndANoteAsOftenAsIsAsked(t *testing.T) {
	t.Parallel()
	w := known(t, cups(), nopshop.Config{})
	steps := idempotency.NewMemory(nil)
	for _, key := range []string{"1", "2"} {
		doc, err := run(t.Context(), steps, "hold"+key, w.shop.Hold(w.o))
		require.NoError(t, err)
		require.Equal(t, "on_hold", doc.State)
		_, err = run(t.Context(), steps, "hold again"+key, w.shop.Hold(w.o))
		require.NoError(t, err)
		require.Equal(t, commerce.OrderOnHold, w.read(t).State)
		doc, err = run(t.Context(), steps, "unhold"+key, w.shop.Unhold(w.o))
		require.NoError(t, err)
		require.Equal(t, "pending", doc.State)
		_, err = run(t.Context(), steps, "unhold again"+key, w.shop.Unhold(w.o))
		require.NoError(t, err)
		require.Equal(t, commerce.OrderPending, w.read(t).State)
	}
	notes := 0
	for _, n := range w.far.Notes(w.id) {
		if strings.Contains(*n.Note, "[held]") || strings.Contains(*n.Note, "[released]") {
			notes++
		}
	}
	require.Equal(t, 4, notes)
	row, _ := w.far.Order(w.id)
	require.Equal(t, 10, row.OrderStatusID, "the shop's own status stays")
}

func TestAHoldThatEndedBetweenNoteAndAttributeLeavesOneNote(t *testing.T) {
	t.Parallel()
	w := known(t, cups(), nopshop.Config{})
	w.far.Fail(nopcommercetest.Fault{Kind: nopcommercetest.Lost, Times: 1,
		Match: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/OrderNote/Create") }})
	e := w.shop.Hold(w.o)
	_, err := e.Act(t.Context())
	require.ErrorIs(t, err, commerce.ErrUnknown)
	_, err = e.Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound)
	before := len(w.far.Notes(w.id))
	_, err = e.Act(t.Context())
	require.NoError(t, err)
	require.Len(t, w.far.Notes(w.id), before)
	require.Equal(t, commerce.OrderOnHold, w.read(t).State)
}

func TestWhatIsPastHoldingIsNotHeld(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"complete": 30, "cancelled": 40, "of a plugin": 25} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := known(t, cups(), nopshop.Config{})
			require.NoError(t, w.far.EditOrder(w.id, func(o *nopcommercetest.Order) { o.OrderStatusID = status }))
			_, err := run(t.Context(), idempotency.NewMemory(nil), "hold", w.shop.Hold(w.o))
			require.ErrorIs(t, err, commerce.ErrConflict)
			require.True(t, commerce.SafeToRetry(err))
			require.Empty(t, w.far.Attributes("Order", w.id))
		})
	}
}

func sent(lines ...commerce.ShipmentLine) commerce.Shipment {
	return commerce.Shipment{Ref: commerce.Ref{System: "tryton", Mode: commerce.Live, ID: "shipment/7"}, Number: "OUT7", Lines: lines,
		Parcels: []commerce.Parcel{{Carrier: "UPS", Tracking: "1Z999"}, {Carrier: "Local"}, {Carrier: "UPS", Tracking: "1Z998"}}}
}

func line(sku, qty string) commerce.ShipmentLine {
	return commerce.ShipmentLine{SKU: sku, Quantity: commerce.MustDecimal(qty)}
}

func TestAShipmentIsRecordedUnderItsMarkWithTheTrackingOfAllParcels(t *testing.T) {
	t.Parallel()
	w := known(t, cups(), nopshop.Config{})
	e := w.shop.Ship(w.o, sent(line("CUP", "1"), line("cup", "1")))
	_, err := e.Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound)
	doc, err := e.Act(t.Context())
	require.NoError(t, err)
	require.Equal(t, "shipped", doc.State)
	found, err := e.Find(t.Context())
	require.NoError(t, err)
	require.Equal(t, doc, found)
	made := w.far.Shipments(w.id)
	require.Len(t, made, 1)
	require.Equal(t, "1Z999, 1Z998", *made[0].TrackingNumber)
	require.Equal(t, "/tryton//live/shipment%2F7", *made[0].AdminComment)
	require.Len(t, w.far.ShipmentItems(made[0].ID), 1)
	o := w.read(t)
	require.Equal(t, "Pending/PartiallyShipped", strings.Replace(o.RawStatus, "Paid", "Pending", 1))
	require.Equal(t, commerce.MustDecimal("2"), o.Lines[0].Shipped)
	require.True(t, o.Lines[1].Shipped.IsZero())
	require.Empty(t, w.far.Effects(w.id, nopcommercetest.EffectMail))
}

func TestGoodsThatTheOrderHasNotAreAFaultAndNothingIsShipped(t *testing.T) {
	t.Parallel()
	w := known(t, cups(), nopshop.Config{})
	for field, s := range map[string]commerce.Shipment{
		"lines.sku":           sent(line("SPOON", "1")),
		"lines[CUP].quantity": sent(line("CUP", "3")),
		"lines[POT].quantity": sent(line("POT", "0.5")),
	} {
		_, err := w.shop.Ship(w.o, s).Act(t.Context())
		f, ok := errors.AsType[*mapping.Fault](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, field, f.Field)
		require.True(t, commerce.SafeToRetry(err))
	}
	require.Empty(t, w.far.Shipments(w.id))
	_, err := w.shop.Ship(w.o, commerce.Shipment{}).Act(t.Context())
	require.ErrorIs(t, err, commerce.ErrInvalid)
}

func TestWhatSomebodyElseShippedIsNotOpenAnyMore(t *testing.T) {
	t.Parallel()
	w := known(t, cups(), nopshop.Config{})
	_, err := w.far.Ship(nopcommercetest.NewShipment{Order: w.id, Items: map[int]int{w.far.Items(w.id)[0].ID: 1}})
	require.NoError(t, err)
	_, err = w.shop.Ship(w.o, sent(line("CUP", "2"))).Act(t.Context())
	require.ErrorIs(t, err, commerce.ErrMapping)
	_, err = w.shop.Ship(w.o, sent(line("CUP", "1"))).Act(t.Context())
	require.NoError(t, err)
}

func TestAPickUpOrderGetsANoteAndIsToldAsShort(t *testing.T) {
	t.Parallel()
	n := cups()
	n.PickupInStore = true
	w := known(t, n, nopshop.Config{})
	e := w.shop.Ship(w.o, sent(line("CUP", "2")))
	doc, err := run(t.Context(), idempotency.NewMemory(nil), "ship", e)
	require.NoError(t, err)
	require.Equal(t, mapping.ShortShipment, doc.State)
	found, err := e.Find(context.WithoutCancel(t.Context()))
	require.NoError(t, err)
	require.Equal(t, mapping.ShortShipment, found.State)
	require.Empty(t, w.far.Shipments(w.id))
	notes := w.far.Notes(w.id)
	require.Contains(t, *notes[len(notes)-1].Note, "UPS 1Z999")
}

func TestAShipmentThatHoldsLessThanWasSentSaysSo(t *testing.T) {
	t.Parallel()
	w := known(t, cups(), nopshop.Config{})
	_, err := w.shop.Ship(w.o, sent(line("CUP", "1"))).Act(t.Context())
	require.NoError(t, err)
	doc, err := w.shop.Ship(w.o, sent(line("CUP", "2"))).Find(t.Context())
	require.NoError(t, err)
	require.Equal(t, mapping.ShortShipment, doc.State)
}

func TestAPaymentThatNamesNoOrderIsFoundByItsIDsAmongThoseOfItsCustomer(t *testing.T) {
	t.Parallel()
	w := known(t, cups(), nopshop.Config{})
	_, err := w.far.Place(cups()) // another one, of somebody else
	require.NoError(t, err)
	require.NoError(t, w.far.Charged(nopcommercetest.StripeResult{Order: w.id, Intent: "pi_1", Charge: "ch_1"}))
	asked, err := w.far.Charge(w.id)
	require.NoError(t, err)
	p := payment(w.o)
	p.Created = w.o.Placed
	for name, md := range map[string]map[string]string{
		"customer": {"CustomerId": asked.Metadata["CustomerId"]},
		"product":  {"ProductId": asked.Metadata["ProductId"]},
		"both":     {"CustomerId": asked.Metadata["CustomerId"], "ProductId": asked.Metadata["ProductId"]},
	} {
		p.Metadata = md
		got, err := w.shop.Hints(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, []commerce.OrderHint{hint(w.id)}, got, name)
	}
	for _, md := range []map[string]string{nil, {"CustomerId": "cus_9"}, {"CustomerId": "999"}} {
		p.Metadata = md
		got, err := w.shop.Hints(t.Context(), p)
		require.NoError(t, err)
		require.Empty(t, got)
	}
}
