package nopshop_test

import (
	"context"
	"fmt"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping/nopshop"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
)

// A shop that sends no news is polled. Its orders' news only says "look".
func ExampleShop_Changes() {
	ctx := context.Background()
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	far, err := nopcommercetest.New(nopcommercetest.Config{Now: clock})
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := nopcommerce.NewClient(nopcommerce.Config{BaseURL: "https://shop.example", Transport: far.Transport(),
		Credentials: commerce.Static(far.Login()), Now: clock})
	if err != nil {
		fmt.Println(err)
		return
	}
	shop, err := nopshop.New(client, nopshop.Config{Currency: "USD", Now: clock})
	if err != nil {
		fmt.Println(err)
		return
	}
	store := inbox.NewMemory(inbox.MemoryConfig{Now: clock})
	changes, err := shop.Changes(nopshop.ChangesConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	sweep, err := shop.Sweep(nopshop.SweepConfig{Told: store})
	if err != nil {
		fmt.Println(err)
		return
	}
	in, err := inbox.New(store, inbox.Config{
		Feeds: []inbox.FeedConfig{{Name: "shop.changes", Feed: changes}, {Name: "shop.sweep", Feed: sweep}},
		Handlers: inbox.Handlers{"nopcommerce *": {{Name: "look", Handle: func(_ context.Context, e commerce.Event) error {
			fmt.Println(e.Type, e.Object)
			return nil
		}}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	poll := func() {
		now = now.Add(time.Minute)
		news, err := in.Poll(ctx)
		fmt.Println("news:", news, err)
		if _, err := in.Work(ctx); err != nil {
			fmt.Println(err)
		}
	}

	id, err := far.Place(nopcommercetest.NewOrder{Items: []nopcommercetest.NewItem{{SKU: "CUP", Price: "9.99"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	poll()
	poll() // nothing happened
	// An administrator cancels the order: its row is another one, and the log has a line.
	if err := far.Cancel(id); err != nil {
		fmt.Println(err)
		return
	}
	poll()
	// Output:
	// news: 1 <nil>
	// order.changed order/1
	// news: 0 <nil>
	// news: 2 <nil>
	// order.changed order/1
	// order.changed order/1
}
