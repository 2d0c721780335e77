package workflow

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
)

// The buyer pays by the link and follows it once more before the news of the payment
// was worked: the queue is long, or a far side is away.
func TestWhoHasPaidByALinkIsNotAskedAgainBeforeTheNewsArrives(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ref := o.order("1")
	c := o.collect()
	open, err := c.Open(t.Context(), ref)
	require.NoError(t, err)
	o.open(open.Ref).Status = mapping.OpenPaid
	o.payment("1", []string{"1"}, func(p *commerce.Payment) { p.Metadata["commerce_operation"] = keyCollect("request", ref, 1) })

	_, err = c.Open(t.Context(), ref)
	require.ErrorIs(t, err, commerce.ErrParked)
	require.Zero(t, o.payable(), "a second way to pay was opened for the same money")

	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	_, err = c.Open(t.Context(), ref)
	require.ErrorContains(t, err, "nothing_due")
}

// A bank debit that was made by a link and failed: its session stays complete, and
// the order is to be paid all the same.
func TestARequestWhosePaymentFailedGivesWayToTheNext(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ref := o.order("1")
	c := o.collect()
	open, err := c.Open(t.Context(), ref)
	require.NoError(t, err)
	o.open(open.Ref).Status = mapping.OpenPaid
	o.payment("1", []string{"1"}, status(commerce.PaymentFailed), func(p *commerce.Payment) {
		p.Metadata["commerce_operation"] = keyCollect("request", ref, 1)
	})
	o.news("evt_1", "charge.failed", "pi_1")
	o.work()
	second, err := c.Open(t.Context(), ref)
	require.NoError(t, err)
	require.NotEqual(t, open.Ref, second.Ref)
	require.Equal(t, 1, o.payable())
}

// A way to pay that the processor refused to open (too small an amount) is none, and
// the order that was paid by other means goes its way.
func TestARequestThatWasRefusedIsNotMadeToBeClosed(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(o *office) { o.o2c.Collect = o.collect() })
	ref := o.order("1")
	o.o2c.Collect.Steps = o.steps
	o.fault = func(string) fault { return refused }
	_, err := o.o2c.Collect.Open(t.Context(), ref)
	require.Error(t, err)
	o.fault = nil
	o.payment("1", []string{"1"})
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	require.Empty(t, o.dead(), o.reason())
	require.Equal(t, sorted(journey), o.inventory())
}

// dayLong is a processor that remembers keys for a day.
type dayLong struct{ Payments }

func (f dayLong) Request(r mapping.PaymentRequest) idempotency.Effect[mapping.Open] {
	e := f.Payments.Request(r)
	e.Retention = 24 * time.Hour
	e.Find = func(context.Context) (mapping.Open, error) { return mapping.Open{Status: mapping.OpenClosed}, nil }
	return e
}

// The answer to a request is lost, nobody looks for two days, and then the order is
// paid by other means: nobody ever had the address of what was opened.
func TestARequestThatNobodyEverHeardOfHoldsNoPaidOrderUp(t *testing.T) {
	t.Parallel()
	for _, how := range []fault{lost, nothing} {
		o := newOffice(t, func(o *office) { o.o2c.Collect = o.collect() })
		ref := o.order("1")
		c := o.o2c.Collect
		c.Steps, c.Payments = o.steps, dayLong{c.Payments}
		o.fault = func(string) fault { return how }
		_, err := c.Open(t.Context(), ref)
		require.ErrorIs(t, err, commerce.ErrUnknown)
		o.fault = nil
		o.clock = o.clock.Add(48 * time.Hour)
		open, err := c.Open(t.Context(), ref)
		require.NoError(t, err)
		require.Equal(t, mapping.OpenPayable, open.Status, "there is a way to pay all the same")
		o.payment("1", []string{"1"})
		o.news("evt_1", "charge.succeeded", "pi_1")
		o.work()
		require.Empty(t, o.dead(), o.reason())
		require.Equal(t, mapping.OpenClosed, o.open(open.Ref).Status)
	}
}

// 65.00 of 66.00 came, which a person decides about; another attempt had failed. The
// customer is not asked for the whole amount meanwhile.
func TestNobodyIsAskedToPayWhileMoneyWaitsForADecision(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(o *office) { o.failed.Collect = o.collect() })
	o.failed.Collect.Steps = o.steps
	ref := o.order("1")
	o.payment("1", []string{"1"}, amount(eur(6500)))
	o.payment("2", []string{"1"}, status(commerce.PaymentFailed))
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.news("evt_2", "payment_intent.payment_failed", "pi_2")
	o.work()
	require.Equal(t, []string{"amount_mismatch"}, o.dead())
	require.Zero(t, o.mails(), "the customer has paid")
	_, err := o.failed.Collect.Open(t.Context(), ref)
	require.ErrorIs(t, err, commerce.ErrConflict)
	require.ErrorContains(t, err, "undecided")
	require.Zero(t, o.payable())
}

// The processor can not end what was opened (Stripe keeps an answer of 500 under its
// key for a day); the order is paid by other means and is not to wait for that.
func TestAPaidOrderDoesNotWaitForARequestToBeClosed(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(o *office) { o.o2c.Collect = o.collect() })
	ref := o.order("1")
	o.o2c.Collect.Steps = o.steps
	_, err := o.o2c.Collect.Open(t.Context(), ref)
	require.NoError(t, err)
	o.fault = func(op string) fault {
		if strings.HasPrefix(op, "close ") {
			return refused
		}
		return well
	}
	o.payment("1", []string{"1"})
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.wait(time.Minute)
	require.Equal(t, sorted(journey), o.inventoryWithout("request order/1"))
	require.Equal(t, 1, o.payable())
	o.fault = nil
	o.work()
	require.Zero(t, o.payable(), "and it is closed in the end")
	require.Empty(t, o.dead(), o.reason())
}

// People write sales into the ERP as well, under the buyer's purchase number.
func TestShipmentsOfOtherPeoplesSalesAreLeftAloneWhereThatIsSaid(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "PO 4711", "2026/11/4711"} {
		o := newOffice(t, func(o *office) { o.o2c.IgnoreUnlinked = true })
		o.shipments["shipment/1"] = &commerce.Shipment{Ref: erpRef.With("shipment/1"), Key: key, Sent: o.clock,
			Lines: []commerce.ShipmentLine{{SKU: "LAMP", Quantity: commerce.MustDecimal("2")}}}
		o.deliver(commerce.Event{Ref: erpRef.With("shipment/1@1"), Type: "shipment.sent", Object: "shipment/1", Created: o.clock, Raw: []byte(`{}`)})
		o.work()
		require.Empty(t, o.dead(), o.reason())
	}
}

// The buyer pays twice, and the order can not go on: somebody holds it, or the ERP does
// not have its goods. The second payment is told at once.
func TestASecondPaymentIsToldAlsoWhereTheOrderWaits(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func(*office){
		"on hold": func(o *office) { o.orders[shopRef.With("order/1")].State = commerce.OrderOnHold },
		"can not be written": func(o *office) {
			o.fault = func(op string) fault {
				if strings.HasPrefix(op, "sales order") {
					return refused
				}
				return well
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.order("1")
			arrange(o)
			o.payment("1", []string{"1"})
			o.payment("2", []string{"1"})
			o.news("evt_1", "charge.succeeded", "pi_1")
			o.news("evt_2", "charge.succeeded", "pi_2")
			o.wait(time.Minute)
			require.Contains(t, o.exceptions(), Overpaid)
		})
	}
}

// Two parcels leave for an order that was canceled: each is a case of its own.
func TestEveryShipmentOfACanceledOrderIsTold(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ref := o.order("1", in(commerce.OrderCanceled))
	for _, id := range []string{"shipment/1", "shipment/2"} {
		o.shipments[id] = &commerce.Shipment{Ref: erpRef.With(id), Number: id, Key: ref.String(), Sent: o.clock,
			Lines: []commerce.ShipmentLine{{SKU: "LAMP", Quantity: commerce.MustDecimal("1")}}}
		for _, revision := range []string{"@1", "@2"} {
			o.deliver(commerce.Event{Ref: erpRef.With(id + revision), Type: "shipment.sent", Object: id, Subject: id, Created: o.clock, Raw: []byte(`{}`)})
		}
	}
	o.work()
	require.Equal(t, []string{ShippedCanceled, ShippedCanceled}, o.exceptions())
}

// cutting records less of each shipment than was sent, as Magento does where somebody
// ships in the same moment.
type cutting struct{ Shop }

func (c cutting) Ship(o commerce.Order, s commerce.Shipment) idempotency.Effect[commerce.Document] {
	e := c.Shop.Ship(o, s)
	act := e.Act
	e.Act = func(ctx context.Context) (commerce.Document, error) {
		doc, err := act(ctx)
		doc.State = mapping.ShortShipment
		return doc, err
	}
	return e
}

func TestAShipmentThatTheShopCutShortIsTold(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ref := o.order("1")
	o.o2c.Shop = cutting{o.o2c.Shop}
	o.shipments["shipment/1"] = &commerce.Shipment{Ref: erpRef.With("shipment/1"), Number: "1", Key: ref.String(), Sent: o.clock,
		Lines: []commerce.ShipmentLine{{SKU: "LAMP", Quantity: commerce.MustDecimal("1")}}}
	for _, revision := range []string{"@1", "@2"} {
		o.deliver(commerce.Event{Ref: erpRef.With("shipment/1" + revision), Type: "shipment.sent", Object: "shipment/1", Subject: "shipment/1", Created: o.clock, Raw: []byte(`{}`)})
	}
	o.work()
	require.Equal(t, []string{ShortShipment}, o.exceptions())
}

// choosy refuses amounts below half a euro for good, as Stripe does.
type choosy struct{ Payments }

func (c choosy) Request(r mapping.PaymentRequest) idempotency.Effect[mapping.Open] {
	e := c.Payments.Request(r)
	act := e.Act
	e.Act = func(ctx context.Context) (mapping.Open, error) {
		if r.Amount.Minor() < 50 {
			return mapping.Open{}, &commerce.Error{Kind: commerce.KindInvalid, Outcome: commerce.NotSent, Code: "amount_too_small"}
		}
		return act(ctx)
	}
	return e
}

// 0.20 were left, for which nothing could be opened; then the bank takes the rest back.
func TestAnAmountThatWasRefusedDoesNotStandInTheWayOfAnother(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ref := o.order("1")
	o.payment("1", []string{"1"}, amount(eur(6580)), gets(eur(6580)))
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	c := o.collect()
	c.Payments = choosy{c.Payments}
	for range 2 {
		_, err := c.Open(t.Context(), ref)
		require.ErrorContains(t, err, "amount_too_small")
	}
	status(commerce.PaymentReturned)(o.payments["pi_1"])
	open, err := c.Open(t.Context(), ref)
	require.NoError(t, err)
	require.Equal(t, eur(6600), open.Amount)
	again, err := c.Open(t.Context(), ref)
	require.NoError(t, err)
	require.Equal(t, open.Ref, again.Ref)
}
