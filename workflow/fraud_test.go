package workflow

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
)

// riskSide is what the processor's own check says.
type riskSide struct {
	*world
	reviews  map[string]*commerce.Review
	warnings map[commerce.Ref][]commerce.FraudWarning
	refunds  map[string]commerce.Refund // by key
	reserved map[commerce.Ref]*mapping.Authorisation
	suspects map[commerce.Ref]bool
}

func newRiskSide(w *world) *riskSide {
	return &riskSide{world: w, reviews: map[string]*commerce.Review{}, warnings: map[commerce.Ref][]commerce.FraudWarning{},
		refunds: map[string]commerce.Refund{}, reserved: map[commerce.Ref]*mapping.Authorisation{}, suspects: map[commerce.Ref]bool{}}
}

func (s *riskSide) Review(_ context.Context, ref commerce.Ref) (r commerce.Review, err error) {
	return r, s.read(func() error {
		stored, ok := s.reviews[ref.ID]
		if !ok {
			return absent("read " + ref.ID)
		}
		r = *stored
		return nil
	})
}

func (s *riskSide) Warnings(_ context.Context, payment commerce.Ref) (all []commerce.FraudWarning, err error) {
	return all, s.read(func() error {
		all = append(all, s.warnings[payment]...)
		return nil
	})
}

func (s *riskSide) Approve(review commerce.Ref) idempotency.Effect[commerce.Document] {
	return s.guarded("approve "+review.ID, commerce.Document{Ref: review},
		func() bool { return !s.reviews[review.ID].Open },
		func() { s.reviews[review.ID].Open, s.reviews[review.ID].Closed = false, "approved" })
}

// review opens a review of a payment.
func (s *riskSide) review(id string, payment commerce.Ref) {
	s.reviews["prv_"+id] = &commerce.Review{Ref: stripeRef.With("prv_" + id), Payment: payment, Open: true, Reason: "rule"}
	s.payments[payment.ID].Risk.Review = "prv_" + id
}

// warn adds an early fraud warning of a payment.
func (s *riskSide) warn(id string, payment commerce.Ref) {
	s.warnings[payment] = append(s.warnings[payment], commerce.FraudWarning{Ref: stripeRef.With("issfr_" + id),
		Payment: payment, Type: "made_with_stolen_card", Actionable: true})
}

func (s *riskSide) Refunds(_ context.Context, payment commerce.Ref) (all []commerce.Refund, err error) {
	return all, s.read(func() error {
		for _, r := range s.refunds {
			if r.Payment == payment {
				all = append(all, r)
			}
		}
		return nil
	})
}

func (s *riskSide) GiveBack(r mapping.RefundRequest) idempotency.Effect[commerce.Refund] {
	find := func() (made commerce.Refund, err error) {
		return made, s.read(func() error {
			var ok bool
			if made, ok = s.refunds[r.Key]; !ok {
				return absent("find refund")
			}
			return nil
		})
	}
	return idempotency.Effect[commerce.Refund]{Class: idempotency.Keyed, Settle: time.Minute,
		Find: func(context.Context) (commerce.Refund, error) { return find() },
		Act: func(context.Context) (made commerce.Refund, err error) {
			p := s.payments[r.Payment.ID]
			if back := p.Captured.Minor() - p.Refunded.Minor(); r.Amount.Minor() > back && s.refunds[r.Key].Ref.IsZero() {
				return made, &commerce.Error{Kind: commerce.KindConflict, System: "world", Op: "refund", Code: "charge_already_refunded", Outcome: commerce.NotSent}
			}
			err = s.write("refund "+r.Payment.ID, func() {
				if _, ok := s.refunds[r.Key]; ok {
					return
				}
				s.made["refund "+r.Payment.ID+" "+r.Amount.String()]++
				s.refunds[r.Key] = commerce.Refund{Ref: stripeRef.With(fmt.Sprintf("re_%d", len(s.refunds)+1)), Payment: r.Payment,
					Charge: r.Charge, Amount: r.Amount, Status: commerce.RefundSucceeded, Reason: r.Reason, Operation: r.Key, Created: s.now()}
				p.Refunded, _ = commerce.Zero(r.Amount.Currency()).Add(r.Amount)
			})
			return s.refunds[r.Key], err
		}}
}

// shownShop is a shop that can show an order as suspected.
type shownShop struct {
	shopSide
	risk *riskSide
}

func (s shownShop) Suspect(o commerce.Order) idempotency.Effect[commerce.Document] {
	return s.guarded("suspect "+o.Ref.ID, commerce.Document{Ref: o.Ref, State: "processing"},
		func() bool { return s.risk.suspects[o.Ref] }, func() { s.risk.suspects[o.Ref] = true })
}

func (s shownShop) Trust(o commerce.Order, was string) idempotency.Effect[commerce.Document] {
	return s.guarded("trust "+o.Ref.ID+" "+was, commerce.Document{Ref: o.Ref, State: was},
		func() bool { return !s.risk.suspects[o.Ref] }, func() { s.risk.suspects[o.Ref] = false })
}

// guardedOffice is an office with Fraud in front of fulfilment.
type guardedOffice struct {
	*office
	risk  *riskSide
	fraud *Fraud
}

func newGuardedOffice(t fataler, change ...func(*guardedOffice)) *guardedOffice {
	g := &guardedOffice{fraud: &Fraud{}}
	g.office = newOffice(t, func(o *office) {
		g.office, g.risk = o, newRiskSide(o.world)
		o.o2c.Shop = shownShop{shopSide{o.world}, g.risk}
		g.fraud.OrderToCash, g.fraud.Risks, g.fraud.Refunds = o.o2c, g.risk, g.risk
		o.o2c.Clear = g.fraud.Clear
		o.follow = true
		for _, c := range change {
			c(g)
		}
		o.more = func() inbox.Handlers { return g.fraud.Handlers() }
	})
	return g
}

// decide appends a person's decision.
func (g *guardedOffice) decide(order commerce.Ref, do FraudAction) {
	g.t.Helper()
	e, err := g.fraud.Decided(order, FraudDecision{Do: do, By: "user-7", Why: "called the customer"})
	require.NoError(g.t, err)
	g.deliver(e)
}

// shopChange is the shop's own news of an order.
func (o *office) shopChange(id string, order commerce.Ref) commerce.Event {
	return commerce.Event{Ref: order.With(id), Type: orderChanged, Object: order.ID, Subject: order.ID, Created: o.now(), Raw: []byte(`{}`)}
}

func TestAPaymentInReviewHoldsTheOrderUntilItIsApproved(t *testing.T) {
	t.Parallel()
	g := newGuardedOffice(t)
	ref := g.order("1")
	pi := g.payment("1", []string{"1"})
	g.risk.review("1", pi)
	g.news("evt_1", "charge.succeeded", "pi_1")
	g.news("evt_2", "review.opened", "pi_1")
	g.wait(time.Hour)
	require.Equal(t, commerce.OrderOnHold, g.orders[ref].State)
	require.Equal(t, []string{FraudSuspected}, g.exceptions(), "once for one cause")
	require.Zero(t, g.made["sales order order/1"])
	require.Equal(t, 1, g.made["hold order/1"])

	g.risk.reviews["prv_1"].Open, g.risk.reviews["prv_1"].Closed = false, "approved"
	g.news("evt_3", "review.closed", "pi_1")
	g.news("evt_3b", "review.closed", "pi_1")
	g.work()
	require.Empty(t, g.dead(), g.reason())
	require.Equal(t, commerce.OrderProcessing, g.orders[ref].State)
	for _, what := range journey {
		require.Equal(t, 1, g.made[what], what)
	}
	require.Equal(t, 1, g.made["unhold order/1"])
	require.Equal(t, 1, g.made["hold order/1"], "and never again for the same evidence")
}

func TestAReleaseUndoesExactlyTheHoldThatWasSet(t *testing.T) {
	t.Parallel()
	g := newGuardedOffice(t)
	ref := g.order("1", func(o *commerce.Order) { o.State = commerce.OrderOnHold }) // by the merchant
	pi := g.payment("1", []string{"1"})
	g.risk.review("1", pi)
	g.news("evt_1", "charge.succeeded", "pi_1")
	g.wait(time.Hour)
	g.risk.reviews["prv_1"].Open, g.risk.reviews["prv_1"].Closed = false, "approved"
	g.news("evt_2", "review.closed", "pi_1")
	g.wait(time.Hour)
	require.Equal(t, commerce.OrderOnHold, g.orders[ref].State, "the merchant's hold is theirs")
	require.Zero(t, g.made["hold order/1"]+g.made["unhold order/1"])
	require.Contains(t, g.exceptions(), OrderOnHold)

	g.orders[ref].State = commerce.OrderProcessing
	g.deliver(g.shopChange("r2", ref))
	g.work()
	require.Empty(t, g.dead(), g.reason())
	require.Equal(t, 1, g.made["goods order/1"])
}

func TestAHoldThatSomebodyLiftsAtTheShopIsADecision(t *testing.T) {
	t.Parallel()
	g := newGuardedOffice(t)
	ref := g.order("1")
	pi := g.payment("1", []string{"1"})
	g.risk.warn("1", pi)
	g.news("evt_1", "charge.succeeded", "pi_1")
	g.work()
	require.Equal(t, commerce.OrderOnHold, g.orders[ref].State)
	g.orders[ref].State = commerce.OrderProcessing // by the merchant
	g.deliver(g.shopChange("r2", ref))
	g.work()
	require.Empty(t, g.dead(), g.reason())
	require.Equal(t, 1, g.made["goods order/1"])
	require.Equal(t, commerce.OrderProcessing, g.orders[ref].State)

	g.risk.warn("2", pi) // other evidence is another matter
	g.news("evt_2", "radar.early_fraud_warning.created", "pi_1")
	g.work()
	require.Equal(t, commerce.OrderOnHold, g.orders[ref].State)
	require.Equal(t, 2, g.made["hold order/1"])
}

func TestAPersonLetsGoWhatARuleHolds(t *testing.T) {
	t.Parallel()
	g := newGuardedOffice(t, func(g *guardedOffice) { g.fraud.ApproveReviews = true })
	ref := g.order("1")
	pi := g.payment("1", []string{"1"})
	g.risk.review("1", pi)
	g.news("evt_1", "charge.succeeded", "pi_1")
	g.work()
	require.Equal(t, commerce.OrderOnHold, g.orders[ref].State)
	g.decide(ref, LetGo)
	g.work()
	require.Empty(t, g.dead(), g.reason())
	require.Equal(t, 1, g.made["goods order/1"])
	require.Equal(t, 1, g.made["approve prv_1"])
	require.Equal(t, commerce.OrderProcessing, g.orders[ref].State)
}

func TestASuspectedOrderGoesOnAndShowsIt(t *testing.T) {
	t.Parallel()
	g := newGuardedOffice(t)
	ref := g.order("1")
	pi := g.payment("1", []string{"1"}, func(p *commerce.Payment) { p.Risk.Level = "elevated" })
	g.news("evt_1", "charge.succeeded", "pi_1")
	g.work()
	require.Equal(t, 1, g.made["goods order/1"])
	require.True(t, g.risk.suspects[ref])
	require.Equal(t, []string{FraudSuspected}, g.exceptions())

	g.payments[pi.ID].Risk.Level = "normal"
	g.risk.review("1", pi)
	g.risk.reviews["prv_1"].Open, g.risk.reviews["prv_1"].Closed = false, "approved"
	g.news("evt_2", "review.closed", "pi_1")
	g.work()
	require.False(t, g.risk.suspects[ref])
	require.Equal(t, 1, g.made["trust order/1 processing"], "it shows what it showed before")
}

func TestAWarningAfterFulfilmentTakesBackTheGoodsAndTheMoney(t *testing.T) {
	t.Parallel()
	g := newGuardedOffice(t, func(g *guardedOffice) {
		g.fraud.Policy = append([]FraudRule{{"stolen", func(_ context.Context, f commerce.Facts) (bool, error) {
			return len(f.Warnings) > 0, nil
		}, ReturnMoney}}, DefaultPolicy()...)
	})
	ref := g.order("1")
	pi := g.payment("1", []string{"1"})
	g.news("evt_1", "charge.succeeded", "pi_1")
	g.work()
	require.Equal(t, 1, g.made["goods order/1"])
	g.risk.warn("1", pi)
	g.news("evt_2", "radar.early_fraud_warning.created", "pi_1")
	g.news("evt_3", "radar.early_fraud_warning.updated", "pi_1")
	g.deliver(g.shopChange("r2", ref))
	g.work()
	require.Empty(t, g.dead(), g.reason())
	require.Equal(t, commerce.OrderOnHold, g.orders[ref].State)
	require.Equal(t, 1, g.made["cancel order/1"])
	require.Equal(t, 1, g.made["refund pi_1 66.00 EUR"])
	require.Equal(t, 1, g.made["sales order order/1"], "none is written in its place while it is held")
	for _, r := range g.risk.refunds {
		require.Equal(t, "fraudulent", r.Reason)
	}
}

func TestGoodsThatHaveLeftAreAnException(t *testing.T) {
	t.Parallel()
	g := newGuardedOffice(t, func(g *guardedOffice) {
		g.fraud.Policy = []FraudRule{{"stolen", func(_ context.Context, f commerce.Facts) (bool, error) {
			return len(f.Warnings) > 0, nil
		}, CancelFulfilment}}
	})
	ref := g.order("1")
	pi := g.payment("1", []string{"1"})
	g.news("evt_1", "charge.succeeded", "pi_1")
	g.work()
	g.gone[ref] = true
	g.risk.warn("1", pi)
	g.news("evt_2", "radar.early_fraud_warning.created", "pi_1")
	g.work()
	require.Empty(t, g.dead(), g.reason())
	require.Equal(t, []string{FraudLate, FraudSuspected}, g.exceptions())
}

func TestMoneyThatDoesNotGoBackIsAnException(t *testing.T) {
	t.Parallel()
	g := newGuardedOffice(t)
	ref := g.order("1")
	pi := g.payment("1", []string{"1"})
	g.news("evt_1", "charge.succeeded", "pi_1")
	g.work()
	g.decide(ref, ReturnMoney)
	g.world.fault = func(op string) fault {
		if op == "refund pi_1" {
			g.payments[pi.ID].Refunded = eur(6600) // by the shop's plugin, meanwhile
			return refused
		}
		return well
	}
	g.wait(time.Minute)
	g.world.fault = nil
	g.work()
	require.Empty(t, g.dead(), g.reason())
	require.Empty(t, g.risk.refunds, "no money moves twice")
}

// Every step of a hold may be cut off, and the order waits all the same.
func TestNoOrderSlipsByWhileItIsHeld(t *testing.T) {
	t.Parallel()
	for _, kind := range []fault{refused, lost, tardy, nothing} {
		for n := range 12 {
			g := newGuardedOffice(t)
			ref := g.order("1")
			pi := g.payment("1", []string{"1"})
			g.risk.review("1", pi)
			writes := 0
			g.world.fault = func(op string) fault {
				if writes++; writes == n+1 {
					return kind
				}
				return well
			}
			g.news("evt_1", "charge.succeeded", "pi_1")
			g.news("evt_2", "review.opened", "pi_1")
			g.wait(2 * time.Hour)
			require.Zero(t, g.made["sales order order/1"], "fault %d at write %d", kind, n)
			require.Zero(t, g.made["goods order/1"])
			g.risk.reviews["prv_1"].Open, g.risk.reviews["prv_1"].Closed = false, "approved"
			g.news("evt_3", "review.closed", "pi_1")
			g.work()
			require.Empty(t, g.dead(), "fault %d at write %d: %s", kind, n, g.reason())
			require.Equal(t, commerce.OrderProcessing, g.orders[ref].State, "fault %d at write %d", kind, n)
			for _, what := range journey {
				require.Equal(t, 1, g.made[what], "%s: fault %d at write %d", what, kind, n)
			}
			require.Zero(t, g.doubles())
		}
	}
}

// A look-up that fails holds nothing, and lets nothing go.
func TestALookUpThatFailsKeepsTheOrderWaiting(t *testing.T) {
	t.Parallel()
	g := newGuardedOffice(t)
	down := true
	g.fraud.Scorer = scorer(func(context.Context, commerce.Facts) (commerce.Score, error) {
		if down {
			return commerce.Score{}, &commerce.Error{Kind: commerce.KindUnavailable, System: "scores", Op: "score"}
		}
		return commerce.Score{Points: 10}, nil
	})
	g.order("1")
	g.payment("1", []string{"1"})
	g.news("evt_1", "charge.succeeded", "pi_1")
	g.wait(time.Minute)
	require.Empty(t, g.inventory())
	down = false
	g.work()
	require.Equal(t, sorted(journey), g.inventory())
}

type scorer func(context.Context, commerce.Facts) (commerce.Score, error)

func (s scorer) Score(ctx context.Context, f commerce.Facts) (commerce.Score, error) {
	return s(ctx, f)
}

func TestFraudSaysWhichSettingCanNotWork(t *testing.T) {
	t.Parallel()
	g := newGuardedOffice(t)
	yes := func(context.Context, commerce.Facts) (bool, error) { return true, nil }
	for want, change := range map[string]func(*Fraud){
		"Risks is missing":             func(f *Fraud) { f.Risks = nil },
		"OrderToCash is missing":       func(f *Fraud) { f.OrderToCash = nil },
		"OrderToCash.Clear is missing": func(f *Fraud) { o := *f.OrderToCash; o.Clear = nil; f.OrderToCash = &o },
		"Policy[0].Name":               func(f *Fraud) { f.Policy = []FraudRule{{"a b", yes, Queue}} },
		"Policy[1].Name":               func(f *Fraud) { f.Policy = []FraudRule{{"a", yes, Queue}, {"a", yes, Queue}} },
		"Policy[0].When is nil":        func(f *Fraud) { f.Policy = []FraudRule{{"a", nil, Queue}} },
		"Policy[0].Do":                 func(f *Fraud) { f.Policy = []FraudRule{{"a", yes, "burn"}} },
		"Refunds is missing":           func(f *Fraud) { f.Refunds, f.Policy = nil, []FraudRule{{"a", yes, ReturnMoney}} },
	} {
		f := *g.fraud
		change(&f)
		require.ErrorContains(t, f.Check(), want)
	}
	require.NoError(t, g.fraud.Check())
}
