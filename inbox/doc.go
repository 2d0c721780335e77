// Package inbox receives, verifies, stores, works, polls and buries events.
//
// It stands between the systems that tell what happened (Stripe's webhooks, a shop's
// changed orders) and the workflows that act on it, and makes five promises:
//
//   - What was acknowledged is stored: a sender hears 200 after its event's commit is
//     known, and the same event sent again is stored once.
//   - Every event ends: done, ignored because nothing handles it, or dead with a reason
//     that a person can act on. None is dropped, none is tried for ever.
//   - One worker at a time works on an order, whichever of its events came in.
//   - An attempt that fails does not hold up its neighbours: waiting belongs to the event.
//   - Whatever dies in the middle, the event is worked again: at least once. That its
//     effect happens once is the part of package idempotency.
//
// # Receiving and working
//
//	in, err := inbox.New(store, inbox.Config{Handlers: inbox.Handlers{
//		"stripe charge.succeeded": {{Name: "receipts", Handle: post}},
//	}})
//	…
//	http.Handle("POST /hooks/stripe", in.Receive(hook)) // hook verifies: package stripe
//	return in.Run(ctx)                                  // ends with ctx, after work in hand
//
// Receive and Run need not be in one process; several processes may do each on one
// store. Requests that arrive together share a commit.
//
// # Handlers
//
// A handler is a function that may be called again for the same event. What it returns
// decides what becomes of the event:
//
//	nil                          done
//	a permanent kind of error    dead: mapping, invalid, not_found, needs_decision …
//	commerce.KindParked          waits as long as the error says; no attempt is used up
//	any other error              waits longer each time; dead after MaxAttempts
//
// What they handle says what a sender has to deliver: [Handlers.Types] is what a
// webhook endpoint is set up with.
//
// Several handlers may take one event; each runs, and the event is done when all have
// succeeded. Return errors of type *commerce.Error: their text is kept with the event
// and shown to people. Of other errors only the type is, because their text may hold
// what must not be written down.
//
// # Orders
//
// An event has a subject, the widest id found in its bytes: a payment intent, say.
// Events of one subject are never worked at the same moment. As soon as a handler knows
// the order it calls [Link], and from then on, for ever, the order's and the payment's
// events have one root and wait for each other:
//
//	func post(ctx context.Context, e commerce.Event) error {
//		order, err := orderOf(ctx, e)
//		if err != nil {
//			return err
//		}
//		if err := inbox.Link(ctx, order); err != nil {
//			return err // parked where another worker has the order: it comes back in a moment
//		}
//		… // fetch what is true now, and act on it
//	}
//
// A worker holds its root by a lease. The context of a handler ends a margin before the
// lease does; a long handler calls [Progress] after each of its steps. Other roots are
// told with [Emit], in the transaction that ends the event.
//
// # Events that nobody sends
//
// A [Feed] reads changes from a system that does not tell, or whose telling may be
// lost. Run polls it and stores every page together with the feed's cursor; of several
// processes that poll one feed, one a page is first and the others stop. [Inbox.Feeds]
// says how far each feed came. A shop's own plugin may send a [Push], so that nobody waits
// for the next poll.
//
// # Many tenants
//
// Tenants take turns: one that brings a hundred thousand events delays those of another
// by a few, not by a hundred thousand. Config.TenantWorkers leaves workers to the others
// where one tenant's systems hang, and a tenant that fills the queue to the commits does
// not shut the others out. What a feed with Repair brings is worked behind what is told.
//
// # What is kept
//
// [Inbox.Prune], once a day, removes payloads after 90 days and ended events after 400;
// [Inbox.Erase] removes what is held of a person. Dead events, links and cursors stay.
//
// # People
//
// A dead event says why. A person lists them, looks at one or at the whole timeline of
// an order, and either replays it, with a correction if need be, or discards it, each
// with name and reason. An [Alerter] tells what should be known at once.
//
// # Stores
//
// [Memory] is for tests; package sqlstore keeps events in the user's own database.
// Another store implements [Store] and passes inboxtest.Run.
//
// Tests and simulations that bring their own clock call [Inbox.Work] and [Inbox.Poll]
// instead of Run: the same code, one step at a time, in the calling goroutine.
package inbox
