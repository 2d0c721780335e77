package magentoshop_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/magentoshop"
)

type world struct {
	far  *magentotest.Shop
	shop *magentoshop.Shop
	id   int64
	o    commerce.Order
}

// placed is a shop with one order, read.
func placed(t *testing.T, n magentotest.NewOrder, c magentoshop.Config) world {
	t.Helper()
	far, err := magentotest.New(magentotest.Config{StripeModule: true})
	require.NoError(t, err)
	id, err := far.Place(n)
	require.NoError(t, err)
	w := world{far: far, shop: shopOver(t, far, c), id: id}
	w.o, err = w.shop.Order(t.Context(), w.shop.Ref(magento.ID(id)))
	require.NoError(t, err)
	return w
}

func cups() magentotest.NewOrder {
	return magentotest.NewOrder{PaymentMethod: "stripe_payments", ShippingPrice: "5",
		Items: []magentotest.NewItem{{SKU: "CUP", Qty: "2", Price: "9.99"}, {SKU: "POT", Qty: "1", Price: "20"}}}
}

func payment(o commerce.Order) commerce.Payment {
	return commerce.Payment{Ref: commerce.Ref{System: "stripe", Account: "acct_1", Mode: commerce.Live, ID: "pi_1"},
		Status: commerce.PaymentCaptured, Amount: o.Totals.Gross, Captured: o.Totals.Gross}
}

func TestAHintFindsTheOrderItMeans(t *testing.T) {
	t.Parallel()
	w := placed(t, cups(), magentoshop.Config{Account: "main", Mode: commerce.Test})
	for _, hint := range []commerce.OrderHint{{ID: fmt.Sprint(w.id)}, {Number: w.o.Number, Store: w.o.Store},
		{ID: fmt.Sprint(w.id), Number: w.o.Number, Store: w.o.Store}} {
		ref, err := w.shop.Find(t.Context(), hint)
		require.NoError(t, err)
		require.Equal(t, w.o.Ref, ref)
	}
	for hint, want := range map[commerce.OrderHint]error{
		{ID: "999"}:                         commerce.ErrNotFound,
		{Number: "999"}:                     commerce.ErrNotFound,
		{ID: fmt.Sprint(w.id), Number: "x"}: commerce.ErrNeedsDecision, // for good, so that it is dead at once
		{}:                                  commerce.ErrInvalid,
		{ID: "../1"}:                        commerce.ErrInvalid,
	} {
		_, err := w.shop.Find(t.Context(), hint)
		require.ErrorIs(t, err, want, "%v", hint)
	}
}

func TestANumberOfTwoStoresIsAmbiguousUntilTheStoreIsNamed(t *testing.T) {
	t.Parallel()
	w := placed(t, cups(), magentoshop.Config{})
	other := cups()
	other.Store, other.Number = "eu_nl", w.o.Number
	id, err := w.far.Place(other)
	require.NoError(t, err)
	_, err = w.shop.Find(t.Context(), commerce.OrderHint{Number: w.o.Number})
	require.ErrorIs(t, err, commerce.ErrAmbiguous)
	there, _ := w.far.Order(id)
	ref, err := w.shop.Find(t.Context(), commerce.OrderHint{Number: w.o.Number, Store: there.StoreID.String()})
	require.NoError(t, err)
	require.Equal(t, w.shop.Ref(magento.ID(id)), ref)
}

func TestARefOfAnotherShopOrModeIsRefusedBeforeAnythingIsAsked(t *testing.T) {
	t.Parallel()
	w := placed(t, cups(), magentoshop.Config{})
	calls := len(w.far.Calls())
	foreign := w.o.Ref
	foreign.Mode = commerce.Test
	_, err := w.shop.Order(t.Context(), foreign)
	require.ErrorIs(t, err, commerce.ErrInvalid)
	o := w.o
	o.Ref = foreign
	_, err = w.shop.RecordPayment(o, payment(o)).Act(t.Context())
	require.True(t, commerce.SafeToRetry(err))
	require.Len(t, w.far.Calls(), calls)
}

func run(ctx context.Context, s idempotency.Store, key string, e idempotency.Effect[commerce.Document]) (commerce.Document, error) {
	return idempotency.Run(ctx, s, key, e)
}

func TestAPaymentIsRecordedOnceAndMovesNoMoney(t *testing.T) {
	t.Parallel()
	w := placed(t, cups(), magentoshop.Config{})
	steps := idempotency.NewMemory(nil)
	doc, err := run(t.Context(), steps, "pay", w.shop.RecordPayment(w.o, payment(w.o)))
	require.NoError(t, err)
	require.Equal(t, w.o.Totals.Gross, doc.Total)
	require.True(t, strings.HasPrefix(doc.Ref.ID, "invoice/"), doc.Ref.ID)

	// Another key, as after a loss of the memory of steps: it is found.
	again, err := run(t.Context(), steps, "pay anew", w.shop.RecordPayment(w.o, payment(w.o)))
	require.NoError(t, err)
	require.Equal(t, doc.Ref, again.Ref)
	invoices := w.far.Invoices(w.id)
	require.Len(t, invoices, 1)
	require.Contains(t, invoices[0].Comments[0].Comment, "pi_1")
	for _, c := range w.far.Calls() {
		require.NotContains(t, c.Body, `"capture":true`)
	}
	o, err := w.shop.Order(t.Context(), w.o.Ref)
	require.NoError(t, err)
	require.Equal(t, commerce.OrderProcessing, o.State)
	require.Equal(t, o.Totals.Gross, o.Paid)
}

func TestWhatTheShopsOwnModuleInvoicedIsFound(t *testing.T) {
	t.Parallel()
	w := placed(t, cups(), magentoshop.Config{})
	require.NoError(t, w.far.Charged(magentotest.StripeCharge{Order: w.id, Intent: "pi_1"}))
	_, err := run(t.Context(), idempotency.NewMemory(nil), "pay", w.shop.RecordPayment(w.o, payment(w.o)))
	require.NoError(t, err)
	require.Len(t, w.far.Invoices(w.id), 1)
	o, err := w.shop.Order(t.Context(), w.o.Ref)
	require.NoError(t, err)
	require.Equal(t, "pi_1", o.PaymentID)
}

func TestAnInvoiceWhoseAnswerIsLostIsFoundAndNotMadeAgain(t *testing.T) {
	t.Parallel()
	w := placed(t, cups(), magentoshop.Config{})
	w.far.Fail(magentotest.Fault{Kind: magentotest.Lost, Times: 1,
		Match: func(r *http.Request) bool { return r.Method == http.MethodPost }})
	e := w.shop.RecordPayment(w.o, payment(w.o))
	_, err := e.Act(t.Context())
	require.ErrorIs(t, err, commerce.ErrUnknown)
	_, err = e.Find(t.Context())
	require.NoError(t, err)
	require.Len(t, w.far.Invoices(w.id), 1)
}

func TestANoteIsLeftOnceByItsMarkAndKeepsTheStatus(t *testing.T) {
	t.Parallel()
	w := placed(t, cups(), magentoshop.Config{})
	e := w.shop.Note(w.o, mapping.Note{Key: "underpaid/pi_1", Text: "Partly paid."})
	_, err := e.Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound)
	_, err = e.Act(t.Context())
	require.NoError(t, err)
	_, err = e.Find(t.Context())
	require.NoError(t, err)
	require.Equal(t, "Partly paid. [underpaid/pi_1]", w.far.Comments(w.id)[0].Comment)
	_, err = w.shop.Note(w.o, mapping.Note{Key: "underpaid/pi", Text: "x"}).Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound, "a mark is no part of another")
	o, _ := w.far.Order(w.id)
	require.Equal(t, "pending", o.Status)
	_, err = w.shop.Note(w.o, mapping.Note{Text: "x"}).Act(t.Context())
	require.ErrorIs(t, err, commerce.ErrInvalid)
}

func TestAnOrderIsHeldOnlyWhereItCanBe(t *testing.T) {
	t.Parallel()
	w := placed(t, cups(), magentoshop.Config{})
	steps := idempotency.NewMemory(nil)
	doc, err := run(t.Context(), steps, "hold", w.shop.Hold(w.o))
	require.NoError(t, err)
	require.Equal(t, "holded", doc.State)
	_, err = run(t.Context(), steps, "hold again", w.shop.Hold(w.o))
	require.NoError(t, err)
	doc, err = run(t.Context(), steps, "unhold", w.shop.Unhold(w.o))
	require.NoError(t, err)
	require.Equal(t, "new", doc.State)
	_, err = run(t.Context(), steps, "unhold again", w.shop.Unhold(w.o))
	require.NoError(t, err)
	for _, state := range []string{"stripe_disputed", "payment_review", "complete", "closed", "canceled"} {
		require.NoError(t, w.far.SetState(w.id, state, state))
		_, err = run(t.Context(), steps, "hold in "+state, w.shop.Hold(w.o))
		require.ErrorIs(t, err, commerce.ErrConflict, state)
		require.True(t, commerce.SafeToRetry(err))
	}
}

func sent(lines ...commerce.ShipmentLine) commerce.Shipment {
	return commerce.Shipment{Ref: commerce.Ref{System: "tryton", Mode: commerce.Live, ID: "shipment/7"}, Number: "OUT7", Lines: lines,
		Parcels: []commerce.Parcel{{Carrier: "UPS", Tracking: "1Z999"}, {Carrier: "Local"}}}
}

func line(sku, qty string) commerce.ShipmentLine {
	return commerce.ShipmentLine{SKU: sku, Quantity: commerce.MustDecimal(qty)}
}

func TestAShipmentIsRecordedWithItsTracksUnderItsMark(t *testing.T) {
	t.Parallel()
	w := placed(t, cups(), magentoshop.Config{Carriers: map[string]string{"UPS": "ups"}})
	e := w.shop.Ship(w.o, sent(line("CUP", "1"), line("cup", "1")))
	_, err := e.Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound)
	doc, err := e.Act(t.Context())
	require.NoError(t, err)
	found, err := e.Find(t.Context())
	require.NoError(t, err)
	require.Equal(t, doc, found)
	made := w.far.Shipments(w.id)
	require.Len(t, made, 1)
	require.Len(t, made[0].Items, 1)
	require.Equal(t, "2", trim(made[0].Items[0].Qty))
	require.Len(t, made[0].Tracks, 1, "a parcel without tracking has no track")
	require.Equal(t, "1Z999", made[0].Tracks[0].TrackNumber)
	require.Equal(t, "ups", made[0].Tracks[0].CarrierCode)
	require.Contains(t, made[0].Comments[0].Comment, "[/tryton//live/shipment%2F7]")
}

func trim(n magento.Number) string {
	d, _ := n.Decimal()
	return d.String()
}

func TestGoodsThatTheOrderHasNotAreAFaultAndNothingIsShipped(t *testing.T) {
	t.Parallel()
	w := placed(t, cups(), magentoshop.Config{})
	for field, s := range map[string]commerce.Shipment{
		"lines.sku":           sent(line("SPOON", "1")),
		"lines[CUP].quantity": sent(line("CUP", "3")),
		"lines[POT].quantity": sent(line("POT", "0")),
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

func TestConfigurableProductsAndBundlesShipByTheRowThatTheShopCounts(t *testing.T) {
	t.Parallel()
	n := magentotest.NewOrder{Items: []magentotest.NewItem{
		{SKU: "CONF-Red", Type: "configurable", Qty: "2", Price: "40", Children: []magentotest.NewItem{{SKU: "CONF-Red"}}},
		{SKU: "BUN-DYN", Type: "bundle", Qty: "2", ShipSeparately: true, Children: []magentotest.NewItem{
			{SKU: "D-1", Qty: "2", Price: "3"}, {SKU: "D-2", Qty: "1", Price: "5"}}},
		{SKU: "BUN-FIX", Type: "bundle", Qty: "2", Price: "20", FixedPrice: true, Children: []magentotest.NewItem{
			{SKU: "F-1", Qty: "2"}, {SKU: "F-2", Qty: "1"}}},
		{SKU: "CARD", Type: "virtual", Price: "5"},
	}}
	w := placed(t, n, magentoshop.Config{})
	row := map[string]magento.ID{}
	o, _ := w.far.Order(w.id)
	for _, i := range o.Items {
		if _, there := row[i.SKU]; !there {
			row[i.SKU] = i.ItemID
		}
	}
	ship := func(id string, lines ...commerce.ShipmentLine) map[magento.ID]string {
		t.Helper()
		s := sent(lines...)
		s.Ref.ID = id
		before := len(w.far.Shipments(w.id))
		_, err := w.shop.Ship(w.o, s).Act(t.Context())
		require.NoError(t, err)
		_, err = w.shop.Ship(w.o, s).Find(t.Context())
		require.NoError(t, err)
		got := map[magento.ID]string{}
		if all := w.far.Shipments(w.id); len(all) > before {
			for _, i := range all[len(all)-1].Items {
				got[i.OrderItemID] = trim(i.Qty)
			}
		}
		return got
	}
	got := ship("shipment/1", line("CONF-Red", "2"), line("D-1", "3"))
	require.Equal(t, "2", got[row["CONF-Red"]])
	require.Equal(t, "3", got[row["D-1"]])

	got = ship("shipment/2", line("F-1", "1"))
	require.Equal(t, "1", got[row["BUN-FIX"]], "the first part to leave counts for its bundle")
	comments := len(w.far.Comments(w.id))
	got = ship("shipment/3", line("F-1", "3"), line("F-2", "2"))
	require.Equal(t, "1", got[row["BUN-FIX"]], "what is left of it")
	require.Len(t, w.far.Comments(w.id), comments)
	got = ship("shipment/4", line("F-2", "1"))
	require.Empty(t, got, "all bundles are recorded: only a remark is left")
	require.Len(t, w.far.Comments(w.id), comments+1)
	require.Contains(t, w.far.Comments(w.id)[0].Comment, "UPS 1Z999")
}

func TestAnOrderOfTheFakeReadsAsOneOfARealShop(t *testing.T) {
	t.Parallel()
	de19 := []magentotest.Tax{{Code: "DE 19", Percent: "19"}}
	w := placed(t, magentotest.NewOrder{Store: "eu_de", PaymentMethod: "stripe_payments", PricesIncludeTax: true, ShippingPrice: "4.95", ShippingTax: de19,
		DiscountPercent: "15", Coupon: "EU15", GiftCard: "10", Items: []magentotest.NewItem{{SKU: "EU-19A", Qty: "3", Price: "19.99", Taxes: de19}}},
		magentoshop.Config{})
	due, err := w.o.Due()
	require.NoError(t, err)
	rest, err := w.o.Totals.Gross.Sub(commerce.MustMoney(1000, "EUR"))
	require.NoError(t, err)
	require.Equal(t, rest, due)
	require.True(t, w.o.PricesIncludeTax)
}

func TestAnInvoiceThatWaitsForItsCaptureNeedsAPerson(t *testing.T) {
	t.Parallel()
	w := placed(t, cups(), magentoshop.Config{})
	w.far.Fail(magentotest.Fault{Kind: magentotest.Answered, Status: http.StatusOK,
		Match: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/V1/invoices") },
		Body:  `{"items":[{"entity_id":1,"increment_id":"000000001","order_id":1,"state":1}],"total_count":1}`})
	_, err := w.shop.RecordPayment(w.o, payment(w.o)).Act(t.Context())
	require.ErrorIs(t, err, commerce.ErrNeedsDecision)
	require.True(t, commerce.SafeToRetry(err))
	e, _ := errors.AsType[*commerce.Error](err)
	require.Equal(t, "open_invoice", e.Code)
	require.Empty(t, w.far.Invoices(w.id))
}
