package workflow

import (
	"context"
	"fmt"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
)

// A dispute holds what is still to be sent, and the host is given what there is to answer
// it with.
func ExampleDisputes() {
	ctx := context.Background()
	now := func() time.Time { return time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC) }
	far := newWorld(now)
	order := far.order("17")
	payment := far.payment("1", []string{"17"})
	far.payments["pi_1"].Status = commerce.PaymentCaptured
	bank := &disputeSide{world: far, disputes: map[string]*commerce.Dispute{"dp_1": {Ref: stripeRef.With("dp_1"), Payment: payment,
		Amount: eur(6600), Status: commerce.DisputeOpen, Reason: "product_not_received", Due: now().AddDate(0, 0, 9)}}}

	events := inbox.NewMemory(inbox.MemoryConfig{Now: now})
	o2c := &OrderToCash{Shop: shopSide{far}, Payments: paySide{far}, Books: bookSide{far}, Warehouse: depot{world: far},
		Steps: idempotency.NewMemory(now), Links: inbox.Links{Store: events}, Alerter: bell{far}, Now: now}
	disputes := &Disputes{OrderToCash: o2c, Disputes: bank, Package: func(_ context.Context, e mapping.Evidence) error {
		fmt.Println("evidence of", e.Order.Number, "lacks", e.Missing)
		return nil
	}}
	in, err := inbox.New(events, inbox.Config{Handlers: inbox.Merge(o2c.Handlers(), disputes.Handlers()), Now: now})
	if err != nil {
		fmt.Println(err)
		return
	}
	news := far.event("evt_1", "charge.dispute.created", "pi_1")
	news.Object = "dp_1"
	if _, err := in.Append(ctx, news); err != nil {
		fmt.Println(err)
		return
	}
	for n := 1; n > 0; {
		if n, err = in.Work(ctx); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(far.alerts[0].Text)
	fmt.Println(far.orders[order].State)
	// Output:
	// evidence of 1017 lacks [shipping_address shipment letters]
	// order 1017: dispute dp_1 asks 66.00 EUR back (product_not_received), of pi_1; evidence is taken until 2026-11-30 10:00 UTC
	// on_hold
}
