package workflow

import (
	"context"
	"fmt"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
)

func ExampleOrderChanges() {
	ctx := context.Background()
	far := newWorld(time.Now)
	order := far.order("17")
	far.payment("1", []string{"17"})

	events := inbox.NewMemory(inbox.MemoryConfig{})
	o2c := &OrderToCash{
		Shop: shopSide{far}, Payments: paySide{far}, Books: bookSide{far}, Warehouse: depot{world: far},
		Steps: idempotency.NewMemory(nil), Links: inbox.Links{Store: events},
	}
	changes := &OrderChanges{OrderToCash: o2c}
	if err := changes.Check(); err != nil {
		fmt.Println(err)
		return
	}
	in, err := inbox.New(events, inbox.Config{Handlers: inbox.Merge(o2c.Handlers(), changes.Handlers())})
	if err != nil {
		fmt.Println(err)
		return
	}
	tell := func(e commerce.Event) {
		if _, err := in.Append(ctx, e); err != nil {
			fmt.Println(err)
		}
		for n := 1; n > 0; {
			if n, err = in.Work(ctx); err != nil {
				fmt.Println(err)
				return
			}
		}
		for _, d := range far.sales {
			fmt.Println(d.Ref.ID, d.State, far.written[d.Ref].Lines[0].SKU)
		}
	}
	tell(far.event("evt_1", "charge.succeeded", "pi_1"))

	far.orders[order].Lines[0].SKU = "CANDLE" // a person edits the order
	fmt.Println("edited")
	tell(commerce.Event{Ref: order.With("order/17@2"), Type: "order.changed", Object: "order/17", Subject: "order/17",
		Created: time.Now(), Raw: []byte(`{}`)})
	// Output:
	// sale/1 confirmed LAMP
	// edited
	// sale/1 cancelled LAMP
	// sale/2 confirmed CANDLE
}
