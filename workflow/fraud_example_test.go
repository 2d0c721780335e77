package workflow

import (
	"context"
	"fmt"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
)

// A policy of two rules: large orders that the scorer has doubts
// about are held until a person lets them go.
func ExampleFraud() {
	ctx := context.Background()
	far := newWorld(time.Now)
	order := far.order("17")
	far.payment("1", []string{"17"}, func(p *commerce.Payment) { p.Risk = commerce.Risk{Level: "elevated", Score: 71} })

	// Package rules writes them as expressions: `score.points >= 20 && order.total > money("50.00", "EUR")`.
	doubts := func(_ context.Context, f commerce.Facts) (bool, error) {
		return f.Score.Points >= 20 && f.Order.Totals.Gross.Minor() > 50_00, nil
	}
	warned := func(_ context.Context, f commerce.Facts) (bool, error) { return len(f.Warnings) > 0, nil }
	events, steps := inbox.NewMemory(inbox.MemoryConfig{}), idempotency.NewMemory(nil)
	o2c := &OrderToCash{Shop: shopSide{far}, Payments: paySide{far}, Books: bookSide{far}, Warehouse: depot{world: far},
		Steps: steps, Links: inbox.Links{Store: events}, Alerter: bell{far}}
	fraud := &Fraud{OrderToCash: o2c, Risks: newRiskSide(far), Scorer: &Signs{Sightings: SightingsIn(steps)},
		Policy: []FraudRule{{"warned", warned, CancelFulfilment}, {"doubts", doubts, HoldOrder}}}
	o2c.Clear = fraud.Clear
	in, err := inbox.New(events, inbox.Config{Handlers: inbox.Merge(o2c.Handlers(), fraud.Handlers())})
	if err != nil {
		fmt.Println(err)
		return
	}
	work := func(es ...commerce.Event) {
		if _, err := in.Append(ctx, es...); err != nil {
			fmt.Println(err)
		}
		for n := 1; n > 0; {
			if n, err = in.Work(ctx); err != nil {
				fmt.Println(err)
			}
		}
	}
	work(far.event("evt_1", "charge.succeeded", "pi_1"))
	fmt.Println(far.alerts[0].Text)
	fmt.Println(far.orders[order].State)

	decision, err := fraud.Decided(order, FraudDecision{Do: LetGo, By: "user-7", Why: "known by phone"})
	if err != nil {
		fmt.Println(err)
		return
	}
	work(decision)
	fmt.Println(far.orders[order].State, far.made["goods order/17"])
	// Output:
	// order 1017 may be fraud: rule doubts; pi_1 has risk elevated, score 71; the processor takes the risk for elevated, 25 points; it is held: let it go, cancel it, or give the money back
	// on_hold
	// processing 1
}
