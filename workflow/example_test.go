package workflow

import (
	"context"
	"fmt"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
)

// The far sides of the examples are kept in memory; mapping/magentoshop,
// mapping/stripepay and mapping/erpbooks lend real ones.

func ExampleOrderToCash() {
	ctx := context.Background()
	far := newWorld(time.Now)
	far.order("17")
	far.payment("1", []string{"17"}) // its metadata names order 17

	events := inbox.NewMemory(inbox.MemoryConfig{})
	o2c := &OrderToCash{
		Shop: shopSide{far}, Payments: paySide{far}, Books: bookSide{far}, Warehouse: depot{world: far},
		Steps: idempotency.NewMemory(nil), Links: inbox.Links{Store: events},
	}
	if err := o2c.Check(); err != nil {
		fmt.Println(err)
		return
	}
	in, err := inbox.New(events, inbox.Config{Handlers: o2c.Handlers()})
	if err != nil {
		fmt.Println(err)
		return
	}
	// The same news twice, as webhooks do.
	for _, id := range []string{"evt_1", "evt_2"} {
		if _, err := in.Append(ctx, far.event(id, "charge.succeeded", "pi_1")); err != nil {
			fmt.Println(err)
			return
		}
	}
	for n := 1; n > 0; {
		if n, err = in.Work(ctx); err != nil {
			fmt.Println(err)
			return
		}
	}
	for _, document := range far.inventory() {
		fmt.Println(document)
	}
	fmt.Println(far.orders[shopRef.With("order/17")].State)
	// Output:
	// confirm sale/1
	// goods order/17
	// invoice order/17
	// sales order order/17
	// processing
}

// The shop's own news takes up an order that no payment tells of.
func ExampleOrderToCash_take() {
	ctx := context.Background()
	far := newWorld(time.Now)
	order := far.order("17", func(o *commerce.Order) {
		o.PaymentMethod = "cashondelivery"
		o.Tenders = []commerce.Tender{{Kind: commerce.TenderOffline, Amount: o.Totals.Gross}}
	})
	events := inbox.NewMemory(inbox.MemoryConfig{})
	o2c := &OrderToCash{
		Shop: shopSide{far}, Payments: paySide{far}, Books: bookSide{far}, Warehouse: depot{world: far},
		Steps: idempotency.NewMemory(nil), Links: inbox.Links{Store: events},
		Take: func(_ context.Context, f commerce.Facts) (bool, error) {
			return f.Order.PaymentMethod == "cashondelivery" && f.Order.Totals.Gross.Minor() <= 100_00, nil
		},
	}
	in, err := inbox.New(events, inbox.Config{Handlers: o2c.Handlers()})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := in.Append(ctx, commerce.Event{Ref: order.With("order/17@1"), Type: "order.changed",
		Object: order.ID, Subject: order.ID, Created: time.Now(), Raw: []byte(`{}`)}); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := in.Work(ctx); err != nil {
		fmt.Println(err)
		return
	}
	for _, document := range far.inventory() {
		fmt.Println(document)
	}
	fmt.Println("paid:", far.orders[order].Paid)
	// Output:
	// confirm sale/1
	// goods order/17
	// sales order order/17
	// paid: 0.00 EUR
}

func ExampleCollect() {
	ctx := context.Background()
	far := newWorld(time.Now)
	order := far.order("17")
	events := inbox.NewMemory(inbox.MemoryConfig{})
	collect := &Collect{
		Shop: shopSide{far}, Payments: paySide{far}, Steps: idempotency.NewMemory(nil), Links: inbox.Links{Store: events},
		ReturnURL: "https://lamps.example/thanks", CancelURL: "https://lamps.example/cart",
		PageURL: "https://lamps.example/pay", LinkKey: commerce.NewSecret("32 random bytes of your own"),
	}
	for range 2 { // as often as the buyer asks
		open, err := collect.Open(ctx, order)
		fmt.Println(open.URL, open.Amount, err)
	}
	link := collect.Link(order) // for a mail; mount collect at /pay
	fmt.Println(link[:len("https://lamps.example/pay?order=")])
	// Output:
	// https://pay.example/cs_1 66.00 EUR <nil>
	// https://pay.example/cs_1 66.00 EUR <nil>
	// https://lamps.example/pay?order=
}

func ExamplePaymentFailed() {
	failed := &PaymentFailed{Grace: -time.Minute}
	fmt.Println(failed.Check())
	// Output:
	// workflow: check PaymentFailed: Shop is missing
}
