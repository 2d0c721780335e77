package workflow

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
)

// disputeSide is the processor's word of disputes.
type disputeSide struct {
	*world
	disputes map[string]*commerce.Dispute
}

func (s *disputeSide) Dispute(_ context.Context, ref commerce.Ref) (x commerce.Dispute, err error) {
	return x, s.read(func() error {
		stored, ok := s.disputes[ref.ID]
		if !ok {
			return absent("read " + ref.ID)
		}
		x = *stored
		return nil
	})
}

func (s *disputeSide) DisputesOf(_ context.Context, payment commerce.Ref) (all []commerce.Dispute, err error) {
	return all, s.read(func() error {
		for _, x := range s.disputes {
			if x.Payment == payment {
				all = append(all, *x)
			}
		}
		slices.SortFunc(all, func(a, b commerce.Dispute) int { return a.Created.Compare(b.Created) })
		return nil
	})
}

func (s *disputeSide) Disputes(_ context.Context, since time.Time) iter.Seq2[commerce.Dispute, error] {
	return func(yield func(commerce.Dispute, error) bool) {
		for _, x := range s.disputes {
			if !x.Created.Before(since) && !yield(*x, nil) {
				return
			}
		}
	}
}

// disputeOffice is an office with Disputes behind fulfilment.
type disputeOffice struct {
	*office
	side     *disputeSide
	disputes *Disputes
	packed   []mapping.Evidence
}

func newDisputeOffice(t fataler, change ...func(*disputeOffice)) *disputeOffice {
	g := &disputeOffice{}
	g.office = newOffice(t, func(o *office) {
		g.office = o
		g.side = &disputeSide{world: o.world, disputes: map[string]*commerce.Dispute{}}
		g.disputes = &Disputes{OrderToCash: o.o2c, Disputes: g.side, Package: func(_ context.Context, e mapping.Evidence) error {
			g.packed = append(g.packed, e)
			return nil
		}}
		for _, c := range change {
			c(g)
		}
		o.more = func() inbox.Handlers { return g.disputes.Handlers() }
	})
	return g
}

// dispute opens a dispute of a payment.
func (g *disputeOffice) dispute(id string, payment commerce.Ref, change ...func(*commerce.Dispute)) *commerce.Dispute {
	x := &commerce.Dispute{Ref: stripeRef.With("dp_" + id), Payment: payment, Charge: "ch_" + id, Amount: eur(6600), Status: commerce.DisputeOpen,
		Reason: "fraudulent", Created: g.now(), Due: g.now().Add(10 * 24 * time.Hour)}
	for _, c := range change {
		c(x)
	}
	g.side.disputes[x.Ref.ID] = x
	return x
}

// heard delivers news of a dispute.
func (g *disputeOffice) heard(id, kind string, x *commerce.Dispute) {
	g.t.Helper()
	e := g.event(id, "charge.dispute."+kind, x.Payment.ID)
	e.Object = x.Ref.ID
	g.deliver(e)
}

func TestADisputeMarksTheOrderHoldsItAndLetsItGoOnceItIsWon(t *testing.T) {
	t.Parallel()
	g := newDisputeOffice(t)
	ref := g.order("1")
	pi := g.payment("1", []string{"1"})
	g.news("evt_1", "charge.succeeded", "pi_1")
	g.work()
	x := g.dispute("1", pi)
	g.heard("evt_2", "created", x)
	g.heard("evt_2b", "created", x)
	g.work()
	require.Equal(t, commerce.OrderOnHold, g.orders[ref].State)
	require.Equal(t, 1, g.made["note order/1 disputed dp_1"])
	require.Equal(t, []string{DisputeOpened}, g.exceptions())
	require.Contains(t, g.alerts[0].Text, "evidence is taken until 2026-12-01 10:00 UTC")
	require.Len(t, g.packed, 1)

	x.Withdrawn = eur(6600)
	g.heard("evt_3", "funds_withdrawn", x)
	g.work()
	x.Status, x.Answered = commerce.DisputeReview, true
	g.heard("evt_4", "updated", x)
	g.work()
	x.Status, x.Reinstated = commerce.DisputeWon, eur(6600)
	g.heard("evt_5", "funds_reinstated", x)
	g.heard("evt_6", "closed", x)
	g.work()
	require.Empty(t, g.dead(), g.reason())
	require.Equal(t, commerce.OrderProcessing, g.orders[ref].State)
	require.Len(t, g.packed, 1, "once for one content")
	for _, mark := range []string{"disputed", "dispute_withdrawn", "dispute_reinstated", "dispute_won"} {
		require.Equal(t, 1, g.made["note order/1 "+mark+" dp_1"], mark)
	}
}

func TestALostDisputeIsToldAndGoesOnToHold(t *testing.T) {
	t.Parallel()
	g := newDisputeOffice(t)
	ref := g.order("1")
	pi := g.payment("1", []string{"1"})
	g.news("evt_1", "charge.succeeded", "pi_1")
	x := g.dispute("1", pi)
	g.heard("evt_2", "created", x)
	g.work()
	x.Status, x.Withdrawn = commerce.DisputeLost, eur(6600)
	g.heard("evt_3", "closed", x)
	g.work()
	require.Empty(t, g.dead(), g.reason())
	require.Equal(t, commerce.OrderOnHold, g.orders[ref].State)
	require.Equal(t, []string{DisputeLost, DisputeOpened}, g.exceptions())
}

func TestAnOrderThatIsDisputedBeforeItIsFulfilledWaits(t *testing.T) {
	t.Parallel()
	g := newDisputeOffice(t, func(g *disputeOffice) { g.o2c.Clear = g.disputes.Clear })
	ref := g.order("1")
	pi := g.payment("1", []string{"1"})
	x := g.dispute("1", pi)
	g.heard("evt_1", "created", x)
	g.work()
	g.news("evt_2", "charge.succeeded", "pi_1")
	g.wait(10 * 24 * time.Hour)
	require.Empty(t, g.dead(), g.reason())
	require.Zero(t, g.made["goods order/1"])
	x.Status = commerce.DisputeWon
	g.heard("evt_3", "closed", x)
	g.work()
	require.Empty(t, g.dead(), g.reason())
	require.Equal(t, 1, g.made["goods order/1"])
	require.Equal(t, commerce.OrderProcessing, g.orders[ref].State)
}

func TestAnInquiryHoldsNothing(t *testing.T) {
	t.Parallel()
	g := newDisputeOffice(t)
	ref := g.order("1")
	pi := g.payment("1", []string{"1"})
	g.news("evt_1", "charge.succeeded", "pi_1")
	x := g.dispute("1", pi, func(x *commerce.Dispute) { x.Inquiry = true })
	g.heard("evt_2", "created", x)
	g.work()
	require.Equal(t, commerce.OrderProcessing, g.orders[ref].State)
	x.Status = commerce.DisputeClosed
	g.heard("evt_3", "closed", x)
	g.work()
	require.Equal(t, 1, g.made["note order/1 dispute_closed dp_1"])
	require.Zero(t, g.made["hold order/1"])
}

func TestADisputeOnARefundedChargeSaysSo(t *testing.T) {
	t.Parallel()
	g := newDisputeOffice(t)
	g.order("1", func(o *commerce.Order) { o.State = commerce.OrderClosed })
	pi := g.payment("1", []string{"1"}, func(p *commerce.Payment) { p.Refunded = eur(6600) })
	x := g.dispute("1", pi)
	g.heard("evt_1", "created", x)
	g.work()
	require.Empty(t, g.dead(), g.reason())
	require.Equal(t, []string{DisputeOpened, DisputedRefund}, g.exceptions())
	require.Contains(t, g.alerts[1].Text, "dispute dp_1 asks 66.00 EUR back of pi_1, of which 66.00 EUR were refunded")
}

func TestADisputeOfMoneyOfNoOrderIsDeadAndItsLastDayIsTold(t *testing.T) {
	t.Parallel()
	g := newDisputeOffice(t)
	pi := g.payment("1", nil)
	x := g.dispute("1", pi)
	g.heard("evt_1", "created", x)
	g.work()
	require.Equal(t, []string{"no_order"}, g.dead())
	require.Equal(t, []string{DisputeUnplaced}, g.exceptions())
	require.Contains(t, g.alerts[0].Text, "until 2026-12-01")

	// The cause is mended, and the event replayed.
	g.order("1")
	g.payments["pi_1"].Orders = []commerce.OrderHint{{ID: "1"}}
	replayAll(t, g.office)
	g.work()
	require.Empty(t, g.dead(), g.reason())
	require.Equal(t, 1, g.made["note order/1 disputed dp_1"])
	_ = x
}

// replayAll replays what is dead.
func replayAll(t *testing.T, o *office) {
	t.Helper()
	for e, err := range o.inbox.List(t.Context(), inbox.Filter{States: []inbox.State{inbox.Dead}, Limit: 100}) {
		require.NoError(t, err)
		require.NoError(t, o.inbox.Replay(t.Context(), e.Seq, "test", "the cause is mended", nil))
	}
}

func TestTheSweepRemindsOfEvidence(t *testing.T) {
	t.Parallel()
	g := newDisputeOffice(t)
	g.order("1")
	pi := g.payment("1", []string{"1"})
	lost := g.payment("2", nil)
	x := g.dispute("1", pi)
	g.dispute("2", lost, func(x *commerce.Dispute) { x.Due = x.Due.Add(24 * time.Hour) })
	g.dispute("3", pi, func(x *commerce.Dispute) { x.Answered = true })
	for day := range 12 {
		report, err := g.disputes.Sweep(t.Context())
		require.NoError(t, err)
		require.Len(t, report.Open, 2, "day %d", day)
		require.Equal(t, x.Ref, report.Open[0].Ref)
		require.Equal(t, []commerce.Ref{stripeRef.With("dp_2")}, report.Unplaced)
		g.clock = g.clock.Add(24 * time.Hour)
	}
	var marks []string
	for _, a := range g.alerts {
		require.Equal(t, DisputeDue, a.Name)
		marks = append(marks, a.Mark)
	}
	slices.Sort(marks)
	require.Equal(t, []string{"dp_1 168h0m0s", "dp_1 24h0m0s", "dp_1 72h0m0s", "dp_1 over",
		"dp_2 168h0m0s", "dp_2 24h0m0s", "dp_2 72h0m0s", "dp_2 over"}, marks)
}

func TestEvidenceHasWhatWasSentAndWhatIsMissing(t *testing.T) {
	t.Parallel()
	g := newDisputeOffice(t)
	ref := g.order("1")
	pi := g.payment("1", []string{"1"})
	g.news("evt_1", "charge.succeeded", "pi_1")
	g.work()
	g.shipments["shipment/9"] = &commerce.Shipment{Ref: erpRef.With("shipment/9"), Number: "9", Key: ref.String(), Sent: g.now(),
		Lines:   []commerce.ShipmentLine{{SKU: "LAMP", Quantity: commerce.MustDecimal("2")}},
		Parcels: []commerce.Parcel{{Carrier: "dhl", Tracking: "JD1"}}}
	g.deliver(commerce.Event{Ref: erpRef.With("evt_ship"), Type: "shipment.sent", Object: "shipment/9", Subject: "shipment/9", Created: g.now(), Raw: []byte(`{}`)})
	g.work()
	x := g.dispute("1", pi)
	e, err := g.disputes.Evidence(t.Context(), x.Ref)
	require.NoError(t, err)
	require.Equal(t, ref, e.Order.Ref)
	require.Equal(t, pi, e.Payments[0].Ref)
	require.Equal(t, "JD1", e.Shipments[0].Parcels[0].Tracking)
	require.Equal(t, []string{"shipping_address", "letters"}, e.Missing)
}

// Whatever the order, however often, and wherever it is cut off: the same is left.
func TestDisputesEndTheSameWhateverTheOrderOfTheirNews(t *testing.T) {
	t.Parallel()
	var want []string
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		g := newDisputeOffice(t)
		ref := g.order("1")
		pi := g.payment("1", []string{"1"})
		x := g.dispute("1", pi, func(x *commerce.Dispute) {
			x.Withdrawn, x.Reinstated, x.Status, x.Answered = eur(6600), eur(6600), commerce.DisputeWon, true
		})
		kinds := []string{"created", "updated", "funds_withdrawn", "funds_reinstated", "closed", "closed", "created"}
		r.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
		faults := []fault{well, well, well, well, refused, lost, tardy}
		g.world.fault = func(string) fault { return faults[r.IntN(len(faults))] }
		paid := r.IntN(len(kinds))
		for i, kind := range kinds {
			if i == paid {
				g.news("evt_paid", "charge.succeeded", "pi_1")
			}
			g.heard(fmt.Sprintf("evt_%d", i), kind, x)
			if r.IntN(2) == 0 {
				g.wait(time.Duration(r.IntN(300)) * time.Second)
			}
		}
		g.work()
		require.Empty(t, g.dead(), "seed %d: %s", seed, g.reason())
		require.Equal(t, commerce.OrderProcessing, g.orders[ref].State, "seed %d", seed)
		require.Zero(t, g.doubles(), "seed %d: %v", seed, g.inventory())
		require.Equal(t, []string{DisputeOpened}, g.exceptions(), "seed %d", seed)
		if want == nil {
			want = g.inventory()
		}
		require.Equal(t, want, g.inventory(), "seed %d", seed)
	}
}
