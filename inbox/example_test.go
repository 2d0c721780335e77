package inbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/inbox/inboxtest"
)

// plain takes every request for an event of a system that sends {"id", "type", "order"}.
// Package stripe has the verifier for Stripe's webhooks.
type plain struct{}

func (plain) Verify(_ context.Context, _ http.Header, body []byte) (commerce.Event, error) {
	var m struct{ ID, Type, Order string }
	if err := json.Unmarshal(body, &m); err != nil {
		return commerce.Event{}, commerce.Errorf(commerce.KindInvalid, "plain", "verify", "not an event")
	}
	return commerce.Event{
		Ref:  commerce.Ref{System: "plain", Mode: commerce.Test, ID: m.ID},
		Type: m.Type, Object: m.Order, Subject: m.Order, Created: time.Unix(1_772_000_000, 0), Raw: body,
	}, nil
}

func send(to http.Handler, body string) int {
	w := httptest.NewRecorder()
	to.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/hooks", strings.NewReader(body)))
	return w.Code
}

func Example() {
	ctx := context.Background()
	in, err := inbox.New(inbox.NewMemory(inbox.MemoryConfig{}), inbox.Config{
		Handlers: inbox.Handlers{
			"plain order.paid": {{Name: "thanks", Handle: func(_ context.Context, e commerce.Event) error {
				fmt.Println("thank the customer of", e.Object)
				return nil
			}}},
		},
	})
	if err != nil {
		panic(err)
	}
	hook := in.Receive(plain{})
	fmt.Println(send(hook, `{"id":"1","type":"order.paid","order":"17"}`))
	fmt.Println(send(hook, `{"id":"1","type":"order.paid","order":"17"}`)) // delivered twice
	fmt.Println(send(hook, `{"id":"2","type":"order.seen","order":"17"}`)) // nobody handles it

	// A service calls in.Run(ctx). Work does the same, one step at a time.
	for n := 1; n > 0; {
		if n, err = in.Work(ctx); err != nil {
			panic(err)
		}
	}
	for e := range in.List(ctx, inbox.Filter{}) {
		fmt.Println(e.Event.Type, e.State)
	}
	// Output:
	// 200
	// 200
	// 200
	// thank the customer of 17
	// order.paid done
	// order.seen ignored
}

func ExampleInbox_Replay() {
	ctx := context.Background()
	in, err := inbox.New(inbox.NewMemory(inbox.MemoryConfig{}), inbox.Config{
		Handlers: inbox.Handlers{
			"plain order.paid": {{Name: "ship", Handle: func(_ context.Context, e commerce.Event) error {
				address := struct {
					Country string `json:"country"`
				}{"Deutschland"}
				if err := e.Overlay.Apply("address", &address); err != nil {
					return err
				}
				if len(address.Country) != 2 {
					return commerce.Errorf(commerce.KindMapping, "mapping", "ship order "+e.Object, "country %q is no ISO 3166 code", address.Country)
				}
				fmt.Println("shipped to", address.Country)
				return nil
			}}},
		},
	})
	if err != nil {
		panic(err)
	}
	send(in.Receive(plain{}), `{"id":"1","type":"order.paid","order":"17"}`)
	_, _ = in.Work(ctx)

	for e := range in.List(ctx, inbox.Filter{States: []inbox.State{inbox.Dead}}) {
		fmt.Printf("%s, %s: %s\n", e.Code, e.Handler, e.Reason)
		err := in.Replay(ctx, e.Seq, "ann", "country written out", commerce.Overlay{"address.country": json.RawMessage(`"DE"`)})
		fmt.Println(err)
	}
	_, _ = in.Work(ctx)
	// Output:
	// mapping, ship: mapping: ship order 17: country "Deutschland" is no ISO 3166 code
	// <nil>
	// shipped to DE
}

func ExampleLink() {
	ctx := context.Background()
	order := commerce.Ref{System: "shop", Account: "main", Mode: commerce.Test, ID: "order/17"}
	in, err := inbox.New(inbox.NewMemory(inbox.MemoryConfig{}), inbox.Config{
		Handlers: inbox.Handlers{
			"plain *": {{Name: "book", Handle: func(ctx context.Context, _ commerce.Event) error {
				return inbox.Link(ctx, order) // a payment says which order it is for
			}}},
		},
	})
	if err != nil {
		panic(err)
	}
	send(in.Receive(plain{}), `{"id":"1","type":"payment.made","order":"pay_1"}`)
	send(in.Receive(plain{}), `{"id":"2","type":"payment.made","order":"pay_2"}`)
	for n := 1; n > 0; {
		n, _ = in.Work(ctx)
	}
	for e := range in.Timeline(ctx, order) {
		fmt.Println(e.Event.Subject, "belongs to", e.Root)
	}
	// Output:
	// pay_1 belongs to /shop/main/test/order%2F17
	// pay_2 belongs to /shop/main/test/order%2F17
}

func ExampleEmit() {
	ctx := context.Background()
	in, err := inbox.New(inbox.NewMemory(inbox.MemoryConfig{}), inbox.Config{
		Handlers: inbox.Handlers{
			"plain payout.paid": {{Name: "tell", Handle: func(ctx context.Context, e commerce.Event) error {
				for _, order := range []string{"17", "18"} {
					// The id follows from what is told, so that telling again is no news.
					told := commerce.Event{Ref: e.Ref.With(e.Ref.ID + "/" + order), Type: "order.settled", Object: order}
					if err := inbox.Emit(ctx, told); err != nil {
						return err
					}
				}
				return nil
			}}},
			"plain order.settled": {{Name: "note", Handle: func(_ context.Context, e commerce.Event) error {
				fmt.Println("order", e.Object, "is settled")
				return nil
			}}},
		},
	})
	if err != nil {
		panic(err)
	}
	send(in.Receive(plain{}), `{"id":"1","type":"payout.paid","order":"po_1"}`)
	for n := 1; n > 0; {
		n, _ = in.Work(ctx)
	}
	// Output:
	// order 17 is settled
	// order 18 is settled
}

// versions is a feed of one order's states; a cursor counts them.
type versions []string

func (v versions) Changes(_ context.Context, cursor string) iter.Seq2[inbox.Change, error] {
	return func(yield func(inbox.Change, error) bool) {
		for i := len(cursor); i < len(v); i++ {
			e := commerce.Event{Ref: commerce.Ref{System: "shop", Mode: commerce.Test, ID: "order/17"}, Type: "order.changed", Object: "order/17"}
			if !yield(inbox.Change{Event: e, Hash: v[i], Cursor: strings.Repeat("|", i+1)}, nil) {
				return
			}
		}
	}
}

func ExampleInbox_Poll() {
	ctx := context.Background()
	in, err := inbox.New(inbox.NewMemory(inbox.MemoryConfig{}), inbox.Config{
		Feeds: []inbox.FeedConfig{{Name: "orders", Feed: versions{"new", "new", "paid", "new"}}},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(in.Poll(ctx)) // in.Run(ctx) polls by itself
	fmt.Println(in.Poll(ctx))
	for e := range in.List(ctx, inbox.Filter{}) {
		fmt.Println(e.Event.Ref.ID)
	}
	// Output:
	// 3 <nil>
	// 0 <nil>
	// order/17@1
	// order/17@2
	// order/17@3
}

// A plugin of the shop signs what it sends; inboxtest.SignPush does the same.
func ExampleNewPush() {
	clock := func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }
	push, err := inbox.NewPush(inbox.PushConfig{
		Secrets: commerce.Static([]commerce.Secret{commerce.NewSecret("a long random text")}),
		Origin:  commerce.Ref{System: "magento", Account: "main", Mode: commerce.Live},
		Now:     clock,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	body := []byte(`{"object":"order/17","id":"5f6c"}`)
	header := http.Header{inbox.PushHeader: {inboxtest.SignPush(clock(), body, "a long random text")}}
	e, err := push.Verify(context.Background(), header, body) // Inbox.Receive(push) does this for each request
	fmt.Println(e.Type, e.Object, e.Ref, err)
	_, err = push.Verify(context.Background(), header, []byte(`{"object":"order/18"}`))
	fmt.Println(err)
	// Output:
	// order.changed order/17 /magento/main/live/push%2F5f6c <nil>
	// inbox: verify push: bad_signature no signature was made with a secret of this endpoint
}
