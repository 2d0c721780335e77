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

// A shop that reserves money at the order and takes it when the goods leave.
func ExampleCaptures() {
	ctx := context.Background()
	far := newWorld(time.Now)
	order := far.order("17")
	bank := &captureSide{world: far, auths: map[commerce.Ref]*mapping.Authorisation{}, keys: map[string]commerce.Money{}}
	payment := bank.reserve("1", []string{"17"})

	events := inbox.NewMemory(inbox.MemoryConfig{})
	o2c := &OrderToCash{Shop: shopSide{far}, Payments: paySide{far}, Books: bookSide{far}, Warehouse: depot{world: far},
		Steps: idempotency.NewMemory(nil), Links: inbox.Links{Store: events}, ShipAuthorised: true}
	captures := &Captures{OrderToCash: o2c, Payments: bank, When: WhenShipped}
	in, err := inbox.New(events, inbox.Config{Handlers: inbox.Merge(o2c.Handlers(), captures.Handlers())})
	if err != nil {
		fmt.Println(err)
		return
	}
	work := func(e commerce.Event) {
		if _, err := in.Append(ctx, e); err != nil {
			fmt.Println(err)
		}
		for n := 1; n > 0; {
			if n, err = in.Work(ctx); err != nil {
				fmt.Println(err)
			}
		}
	}
	work(far.event("evt_1", "charge.succeeded", "pi_1"))
	fmt.Println(far.made["goods order/17"], bank.captured(payment))

	far.shipments["shipment/9"] = &commerce.Shipment{Ref: erpRef.With("shipment/9"), Number: "9", Key: order.String(), Sent: time.Now(),
		Lines: []commerce.ShipmentLine{{SKU: "LAMP", Quantity: commerce.MustDecimal("2")}}}
	work(commerce.Event{Ref: erpRef.With("evt_2"), Type: "shipment.sent", Object: "shipment/9", Subject: "shipment/9", Created: time.Now(), Raw: []byte(`{}`)})
	fmt.Println(far.payments["pi_1"].Status, bank.captured(payment))
	// Output:
	// 1 0.00 EUR
	// captured 66.00 EUR
}
