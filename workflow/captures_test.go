package workflow

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
)

// captureSide is a processor that reserves money.
type captureSide struct {
	*world
	auths map[commerce.Ref]*mapping.Authorisation
	keys  map[string]commerce.Money
}

// reserve adds an authorised payment of 66.00 EUR.
func (s *captureSide) reserve(id string, orders []string, change ...func(*mapping.Authorisation)) commerce.Ref {
	ref := s.payment(id, orders, status(commerce.PaymentAuthorised))
	a := &mapping.Authorisation{Payment: ref, Charge: "ch_" + id, Amount: eur(6600), Capturable: eur(6600), Captured: eur(0),
		Expires: s.now().Add(7 * 24 * time.Hour), Manual: true}
	for _, c := range change {
		c(a)
	}
	s.auths[ref] = a
	return ref
}

// taken is what a capture does to the payment, by whomever.
func (s *captureSide) taken(ref commerce.Ref, amount commerce.Money, final bool) {
	a, p := s.auths[ref], s.payments[ref.ID]
	a.Captured, _ = a.Captured.Add(amount)
	a.Capturable, _ = a.Capturable.Sub(amount)
	if final {
		a.Capturable = eur(0)
	}
	p.Captured, p.Authorised = a.Captured, a.Capturable
	if a.Capturable.IsZero() {
		p.Status = commerce.PaymentCaptured
	}
}

func (s *captureSide) Authorisation(_ context.Context, ref commerce.Ref) (a mapping.Authorisation, err error) {
	return a, s.read(func() error {
		stored, ok := s.auths[ref]
		if !ok {
			return absent("read " + ref.ID)
		}
		a = *stored
		return nil
	})
}

func (s *captureSide) Capture(r mapping.CaptureRequest) idempotency.Effect[commerce.Document] {
	doc := commerce.Document{Ref: r.Payment, Total: r.Amount}
	return idempotency.Effect[commerce.Document]{Class: idempotency.Keyed, Settle: time.Minute,
		Act: func(context.Context) (commerce.Document, error) {
			a := s.auths[r.Payment]
			if _, again := s.keys[r.Key]; !again && r.Amount.Minor() > a.Capturable.Minor() {
				return doc, &commerce.Error{Kind: commerce.KindConflict, System: "world", Op: "capture", Code: "not_capturable", Outcome: commerce.NotSent}
			}
			return doc, s.write("capture "+r.Payment.ID, func() {
				if _, again := s.keys[r.Key]; again || r.Amount.Minor() > a.Capturable.Minor() {
					return
				}
				s.keys[r.Key] = r.Amount
				s.made["capture "+r.Payment.ID+" "+r.Amount.String()]++
				s.taken(r.Payment, r.Amount, r.Final || !a.Several)
			})
		}}
}

func (s *captureSide) Void(ref commerce.Ref) idempotency.Effect[commerce.Document] {
	return s.guarded("void "+ref.ID, commerce.Document{Ref: ref}, func() bool { return s.auths[ref].Capturable.IsZero() },
		func() {
			s.auths[ref].Capturable = eur(0)
			p := s.payments[ref.ID]
			p.Status, p.Authorised = commerce.PaymentCanceled, eur(0)
		})
}

func (s *captureSide) Authorised(_ context.Context, _ time.Time) iter.Seq2[mapping.Authorisation, error] {
	return func(yield func(mapping.Authorisation, error) bool) {
		for _, a := range s.auths {
			if !yield(*a, nil) {
				return
			}
		}
	}
}

// captured is all that was taken of a payment.
func (s *captureSide) captured(ref commerce.Ref) string { return s.auths[ref].Captured.String() }

type captureOffice struct {
	*office
	side     *captureSide
	captures *Captures
}

func newCaptureOffice(t fataler, change ...func(*captureOffice)) *captureOffice {
	g := &captureOffice{}
	g.office = newOffice(t, func(o *office) {
		g.office = o
		g.side = &captureSide{world: o.world, auths: map[commerce.Ref]*mapping.Authorisation{}, keys: map[string]commerce.Money{}}
		g.captures = &Captures{OrderToCash: o.o2c, Payments: g.side}
		for _, c := range change {
			c(g)
		}
		o.more = func() inbox.Handlers { return g.captures.Handlers() }
	})
	return g
}

func atShipment(g *captureOffice) { g.captures.When, g.o2c.ShipAuthorised = WhenShipped, true }

// sends lets the warehouse send goods of an order.
func (o *office) sends(id string, order commerce.Ref, quantity string) {
	o.t.Helper()
	o.shipments["shipment/"+id] = &commerce.Shipment{Ref: erpRef.With("shipment/" + id), Number: id, Key: order.String(), Sent: o.now(),
		Lines: []commerce.ShipmentLine{{SKU: "LAMP", Quantity: commerce.MustDecimal(quantity)}}}
	o.deliver(commerce.Event{Ref: erpRef.With("evt_ship_" + id), Type: "shipment.sent", Object: "shipment/" + id, Subject: "shipment/" + id,
		Created: o.now(), Raw: []byte(`{}`)})
}

func TestReservedMoneyIsTakenAsThePolicySays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		set  func(*captureOffice)
		auth func(*mapping.Authorisation)
		do   func(g *captureOffice, order, pi commerce.Ref)
		made []string
		got  string
	}{{
		name: "by others nothing is taken",
		set:  func(*captureOffice) {},
		made: []string{"note order/1 authorised pi_1"}, got: "0.00 EUR",
	}, {
		name: "when cleared it is taken at once",
		set:  func(g *captureOffice) { g.captures.When = WhenCleared },
		made: append([]string{"capture pi_1 66.00 EUR", "note order/1 authorised pi_1"}, journey...), got: "66.00 EUR",
	}, {
		name: "when shipped the goods are asked for first, and nothing is taken before they leave",
		set:  atShipment,
		made: []string{"confirm sale/1", "goods order/1", "sales order order/1"}, got: "0.00 EUR",
	}, {
		name: "the first parcel takes all where there is one capture",
		set:  atShipment,
		do:   func(g *captureOffice, order, _ commerce.Ref) { g.sends("1", order, "1") },
		made: []string{"capture pi_1 66.00 EUR", "confirm sale/1", "goods order/1", "sales order order/1", "shipment order/1 shipment/1"}, got: "66.00 EUR",
	}, {
		name: "parts are taken as parcels leave",
		set:  func(g *captureOffice) { atShipment(g); g.captures.Parts = true },
		auth: func(a *mapping.Authorisation) { a.Several = true },
		do: func(g *captureOffice, order, _ commerce.Ref) {
			g.sends("1", order, "1")
			g.work()
			g.sends("2", order, "1")
		},
		made: []string{"capture pi_1 33.00 EUR ×2", "confirm sale/1", "goods order/1", "sales order order/1", "shipment order/1 shipment/1", "shipment order/1 shipment/2"}, got: "66.00 EUR",
	}, {
		name: "parts without several captures are not lost",
		set:  func(g *captureOffice) { atShipment(g); g.captures.Parts = true },
		do:   func(g *captureOffice, order, _ commerce.Ref) { g.sends("1", order, "1") },
		made: []string{"capture pi_1 66.00 EUR", "confirm sale/1", "goods order/1", "sales order order/1", "shipment order/1 shipment/1"}, got: "66.00 EUR",
	}, {
		name: "what the shop's plugin takes meanwhile is not taken again",
		set: func(g *captureOffice) {
			g.captures.When, g.o2c.Acts = WhenCleared, func(string) Actor { return Plugin }
		},
		do: func(g *captureOffice, _, pi commerce.Ref) {
			g.wait(time.Minute)
			g.side.taken(pi, eur(6600), true)
			g.news("evt_3", "charge.captured", "pi_1")
		},
		made: append([]string{"note order/1 authorised pi_1"}, journey...), got: "66.00 EUR",
	}, {
		name: "what the plugin leaves undone is taken",
		set: func(g *captureOffice) {
			g.captures.When, g.o2c.Acts = WhenCleared, func(string) Actor { return Plugin }
		},
		made: append([]string{"capture pi_1 66.00 EUR", "note order/1 authorised pi_1"}, journey...), got: "66.00 EUR",
	}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := newCaptureOffice(t, c.set)
			order := g.order("1")
			change := []func(*mapping.Authorisation){}
			if c.auth != nil {
				change = append(change, c.auth)
			}
			pi := g.side.reserve("1", []string{"1"}, change...)
			g.news("evt_1", "charge.succeeded", "pi_1")
			g.news("evt_2", "payment_intent.amount_capturable_updated", "pi_1")
			g.wait(time.Second)
			if c.do != nil {
				c.do(g, order, pi)
			}
			g.work()
			require.Empty(t, g.dead(), g.reason())
			require.Equal(t, sorted(c.made), g.inventory())
			require.Equal(t, c.got, g.side.captured(pi))
			require.Empty(t, g.alerts)
		})
	}
}

func TestMoneyThatIsTakenAtShipmentIsRecordedAtTheShop(t *testing.T) {
	t.Parallel()
	g := newCaptureOffice(t, atShipment)
	order := g.order("1")
	g.side.reserve("1", []string{"1"})
	g.news("evt_1", "charge.succeeded", "pi_1")
	g.work()
	g.sends("1", order, "2")
	g.work()
	g.news("evt_2", "charge.captured", "pi_1")
	g.news("evt_3", "payment_intent.succeeded", "pi_1")
	g.work()
	require.Empty(t, g.dead(), g.reason())
	require.Equal(t, sorted(journey, []string{"capture pi_1 66.00 EUR", "shipment order/1 shipment/1"}), g.inventory())
	require.Equal(t, "pi_1", g.orders[order].PaymentID)
}

func TestACanceledOrderReleasesWhatIsReserved(t *testing.T) {
	t.Parallel()
	g := newCaptureOffice(t)
	order := g.order("1")
	pi := g.side.reserve("1", []string{"1"})
	g.news("evt_1", "charge.succeeded", "pi_1")
	g.work()
	g.orders[order].State = commerce.OrderCanceled
	g.deliver(g.shopChange("r2", order), g.shopChange("r3", order))
	g.wait(time.Minute)
	require.Zero(t, g.made["void pi_1"], "bad news waits")
	g.work()
	require.Empty(t, g.dead(), g.reason())
	require.Equal(t, 1, g.made["void pi_1"])
	require.Equal(t, commerce.PaymentCanceled, g.payments[pi.ID].Status)
}

func TestMoneyThatIsNotReservedAnyMoreIsAnException(t *testing.T) {
	t.Parallel()
	g := newCaptureOffice(t, atShipment)
	order := g.order("1")
	pi := g.side.reserve("1", []string{"1"})
	g.news("evt_1", "charge.succeeded", "pi_1")
	g.work()
	g.side.auths[pi].Capturable = eur(6000) // a part was released
	g.sends("1", order, "2")
	g.work()
	require.Empty(t, g.dead(), g.reason())
	require.Equal(t, []string{NotCaptured}, g.exceptions())
	require.Contains(t, g.alerts[0].Text, "6.00 EUR more than is reserved")
	require.Equal(t, "60.00 EUR", g.side.captured(pi))
}

func TestAnAuthorisationThatExpiresIsToldBefore(t *testing.T) {
	t.Parallel()
	g := newCaptureOffice(t)
	g.order("1")
	g.side.reserve("1", []string{"1"})
	g.side.reserve("2", nil, func(a *mapping.Authorisation) { a.Manual = false })
	for range 14 {
		report, err := g.captures.Sweep(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, report.Reserved)
		g.clock = g.clock.Add(12 * time.Hour)
	}
	var marks []string
	for _, x := range g.alerts {
		require.Equal(t, AuthorisationExpiring, x.Name)
		require.Equal(t, shopRef.With("order/1"), x.Order)
		marks = append(marks, x.Mark)
	}
	require.Equal(t, []string{"48h0m0s", "12h0m0s"}, marks)
}

// Cut off anywhere, in any order, with a plugin that is quicker at times: what is due is
// taken once.
func TestNothingIsTakenTwice(t *testing.T) {
	t.Parallel()
	kinds := map[string]bool{}
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 11))
		g := newCaptureOffice(t, func(g *captureOffice) { atShipment(g); g.captures.Parts = r.IntN(2) == 0 })
		order := g.order("1")
		pi := g.side.reserve("1", []string{"1"}, func(a *mapping.Authorisation) { a.Several = r.IntN(2) == 0 })
		faults := []fault{well, well, well, refused, lost, tardy, nothing}
		g.world.fault = func(op string) fault {
			f := faults[r.IntN(len(faults))]
			kinds[fmt.Sprint(op[:4], f)] = true
			return f
		}
		g.news("evt_1", "charge.succeeded", "pi_1")
		g.news("evt_2", "payment_intent.amount_capturable_updated", "pi_1")
		g.wait(time.Duration(r.IntN(600)) * time.Second)
		g.sends("1", order, "1")
		if r.IntN(2) == 0 {
			g.wait(time.Duration(r.IntN(600)) * time.Second)
		}
		if r.IntN(3) == 0 && g.side.auths[pi].Captured.IsZero() { // somebody is quicker
			g.side.taken(pi, eur(6600), true)
		}
		g.sends("2", order, "1")
		g.deliver(g.shopChange("r2", order))
		g.work()
		g.world.fault = nil
		g.deliver(g.shopChange("r3", order))
		g.work()
		require.Empty(t, g.dead(), "seed %d: %s", seed, g.reason())
		require.Equal(t, "66.00 EUR", g.side.captured(pi), "seed %d: %v", seed, g.inventory())
		require.Empty(t, g.alerts, "seed %d", seed)
	}
	require.Greater(t, len(kinds), 20)
}
