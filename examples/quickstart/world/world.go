// Package world is what surrounds the quickstart's program: a Stripe, a shop or two and
// a Tryton on loopback, customers who order and pay in every way that goes wrong, a
// warehouse, and an auditor who counts at the far sides. Its clock moves only when
// everything is quiet, so that twelve days pass in seconds.
package world

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp/tryton/trytontest"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// Config says what a world is like.
type Config struct {
	Orders int
	Seed   uint64
	// Refunds: of some orders money goes back.
	Refunds bool
	// Shops sell through one Stripe account and one ERP. Defaults to Magento alone.
	Shops []string
	// Tryton is the real server to use; the zero Tryton is a fake one.
	Tryton Tryton
	// Offer is what the ERP can take. Zero: all that the fake one can.
	Offer Offer
}

// Secrets that the fakes know. They open nothing else.
const (
	StripeKey     = "sk_test_quickstart"
	WebhookSecret = "whsec_quickstart"
	Account       = "acct_quickstart"
)

// Settlement is the currency of the balance at Stripe.
const Settlement commerce.Currency = "EUR"

// World is the outside. Make one with New, let it happen with Run, count with Audit.
type World struct {
	Clock       *Clock
	StripeURL   string
	MagentoURL  string
	MagentoKeys magento.Keys
	NopURL      string
	NopLogin    nopcommerce.Login
	Tryton      Tryton

	// LongestRequest is how long a request to any of the fakes may live.
	LongestRequest time.Duration

	c       Config
	rand    *rand.Rand
	start   time.Time
	stripe  *stripetest.Fake
	sellers []seller
	erp     *trytontest.Server // nil: a real one
	servers []*httptest.Server
	people  *people
	sales   []*Sale
	byRef   map[string]*Sale
	unheard []string // payment intents whose webhooks are lost
	agenda  agenda
	plans   int
	posts   int              // requests from Stripe's dashboard
	intents map[string]*Sale // by payment intent

	// backward draws what goes back, so that the rest of a world is the same without it.
	backward *rand.Rand
	http     *http.Client

	mu    sync.Mutex
	mail  map[string]int // messages by order and kind
	links []follow
	tally
}

// tally counts what the world did.
type tally struct {
	deliveries, duplicates, reordered, refused int
	newest                                     time.Time // creation of the newest event delivered
}

// New starts the fakes and invents the customers.
func New(c Config) (*World, error) {
	if c.Orders < 1 {
		return nil, fmt.Errorf("%d orders: at least one is needed", c.Orders)
	}
	// Orders of the last days, so that their accounting periods are open.
	start := time.Now().UTC().Truncate(time.Hour).AddDate(0, 0, -14)
	w := &World{Clock: NewClock(start), c: c, start: start, LongestRequest: 20 * time.Second,
		rand: rand.New(rand.NewPCG(c.Seed, 0xc0ffee)), backward: rand.New(rand.NewPCG(c.Seed, 0xbac)),
		byRef: map[string]*Sale{}, intents: map[string]*Sale{}, mail: map[string]int{},
		http: &http.Client{Timeout: 30 * time.Second}}
	if len(w.c.Offer.SKUs) == 0 {
		for _, p := range trytontest.DefaultProducts() {
			w.c.Offer.SKUs = append(w.c.Offer.SKUs, p.SKU)
		}
		w.c.Offer.Rates = trytontest.DefaultTaxRates()
		w.c.Offer.Currencies = []commerce.Currency{"EUR", "USD", "GBP", "JPY"}
	}
	if len(w.c.Shops) == 0 {
		w.c.Shops = []string{Magento}
	}
	var err error
	if w.stripe, err = stripetest.New(stripetest.Config{Now: w.Clock.Now, Seed: c.Seed, Account: Account,
		Key: StripeKey, WebhookSecret: WebhookSecret, LongestRequest: w.LongestRequest,
		Settlement: Settlement.Lower(), Rates: map[string]string{"usd": "0.91", "gbp": "1.16", "jpy": "0.0062"}}); err != nil {
		return nil, err
	}
	for _, name := range w.c.Shops {
		if err := w.open(name); err != nil {
			return nil, err
		}
	}
	w.StripeURL = w.serve(w.stripe.NewServer())
	if w.Tryton = c.Tryton; w.Tryton.URL == "" {
		if w.erp, err = trytontest.New(trytontest.Config{Now: w.Clock.Now, LongestRequest: w.LongestRequest}); err != nil {
			return nil, err
		}
		login := w.erp.Login()
		w.Tryton = Tryton{URL: w.serve(w.erp.NewServer()) + "/", Database: trytontest.Database, User: login.User, Password: login.Password}
	}
	w.people = newPeople(w.Tryton)
	return w, nil
}

// open opens a shop.
func (w *World) open(name string) error {
	switch name {
	case Magento:
		shop, err := newMagento(magentotest.Config{Now: w.Clock.Now, Seed: w.c.Seed, LongestRequest: w.LongestRequest,
			StripeModule: len(w.c.Shops) > 1})
		if err != nil {
			return err
		}
		w.sellers = append(w.sellers, shop)
		w.MagentoURL, w.MagentoKeys = w.serve(shop.NewServer()), shop.Keys()
	case NopCommerce:
		shop, err := newNop(nopcommercetest.Config{Now: w.Clock.Now, Seed: w.c.Seed})
		if err != nil {
			return err
		}
		w.sellers = append(w.sellers, shop)
		w.NopURL, w.NopLogin = w.serve(shop.NewServer()), shop.Login()
	default:
		return fmt.Errorf("%q is neither %s nor %s", name, Magento, NopCommerce)
	}
	return nil
}

func (w *World) serve(s *httptest.Server) string {
	w.servers = append(w.servers, s)
	return s.URL
}

// Close stops the servers.
func (w *World) Close() {
	w.http.CloseIdleConnections()
	w.people.close()
	for _, s := range w.servers {
		s.Close()
	}
}

// Program is what the world acts upon.
type Program interface {
	// URL is where Stripe posts its webhooks.
	URL() string
	// Work works what is due and returns how many events that were.
	Work(ctx context.Context) (int, error)
	// Poll asks the systems that do not tell by themselves.
	Poll(ctx context.Context) error
	// Wait returns how long until something is due; negative = nothing waits.
	Wait(ctx context.Context) (time.Duration, error)
	// Reference is what the ERP's sales order of a shop's order is found by.
	Reference(shop string, order int64) string
	// Dead lists why events were buried.
	Dead(ctx context.Context) ([]string, error)
	// Clearing is the code of the account that mirrors the balance at Stripe; empty = the
	// program keeps no books.
	Clearing() string
	// Exceptions lists the named exceptions that were told.
	Exceptions() []string
	// Sweep looks for doubles that only a late request can leave.
	Sweep(ctx context.Context) error
}

// days is how long the world lasts after the last order.
const days = 11

// end is when the last order is placed.
func (w *World) end() time.Time { return w.start.Add(time.Duration(w.c.Orders) * pace) }

// Run lets everything happen: orders, payments, deliveries, an outage, shipments. It
// returns when nothing waits any more. settled is called with the orders that have
// come to rest.
func (w *World) Run(ctx context.Context, p Program, settled func(int)) error {
	w.invent()
	w.breakDown()
	last := w.end()
	poll := func(ctx context.Context) error {
		_ = p.Poll(ctx) // a feed that is down is asked again next time
		return ctx.Err()
	}
	for at := w.start.Add(10 * time.Minute); at.Before(last.Add(time.Hour)); at = at.Add(10 * time.Minute) {
		w.at(at, poll)
	}
	// Every few hours the warehouse sends what it was asked for, and the program looks.
	for at := last.Add(time.Hour); at.Before(last.AddDate(0, 0, days)); at = at.Add(6 * time.Hour) {
		w.at(at, func(ctx context.Context) error {
			if err := w.people.ship(ctx); err != nil {
				return err
			}
			return poll(ctx)
		})
	}
	// Every night Stripe pays out what is available.
	for at := w.start.Truncate(24*time.Hour).AddDate(0, 0, 1); at.Before(last.AddDate(0, 0, days-3)); at = at.AddDate(0, 0, 1) {
		w.at(at, func(context.Context) error { w.stripe.PayOut(); return nil })
	}
	for {
		if err := w.happen(ctx); err != nil {
			return err
		}
		if err := w.collect(p); err != nil {
			return err
		}
		if err := w.happen(ctx); err != nil { // deliveries that are due at once
			return err
		}
		if err := drain(ctx, p); err != nil {
			return err
		}
		w.followLinks()
		settled(w.atRest())
		next, err := w.next(ctx, p)
		if err != nil || next.IsZero() {
			return err
		}
		w.Clock.MoveTo(next)
	}
}

// drain works with four hands until nothing is due.
func drain(ctx context.Context, p Program) error {
	if wait, err := p.Wait(ctx); wait != 0 || err != nil {
		return err
	}
	errs := make(chan error, 4)
	for range cap(errs) {
		go func() {
			for {
				n, err := p.Work(ctx)
				if err != nil || n == 0 {
					errs <- err
					return
				}
			}
		}()
	}
	var first error
	for range cap(errs) {
		first = cmp.Or(first, <-errs)
	}
	return first
}

// next returns the next moment at which anything happens, to the next full minute;
// zero when nothing ever will.
func (w *World) next(ctx context.Context, p Program) (time.Time, error) {
	now := w.Clock.Now()
	var next time.Time
	wait, err := p.Wait(ctx)
	if err != nil {
		return time.Time{}, err
	}
	if wait >= 0 {
		next = now.Add(max(wait, time.Second))
	}
	if len(w.agenda) > 0 && (next.IsZero() || w.agenda[0].at.Before(next)) {
		next = w.agenda[0].at
	}
	if next.IsZero() {
		return next, nil
	}
	return next.Add(time.Minute - 1).Truncate(time.Minute), nil
}

// collect puts the deliveries of new events on the agenda: most once, some twice,
// some late, some before what happened earlier.
func (w *World) collect(p Program) error {
	w.stripe.Tick()
	for d := range w.stripe.Deliveries(stripetest.DeliveryOptions{Duplicates: 0.12, Reordered: 0.12, MaxDelay: 90 * time.Second}) {
		w.stripe.Acknowledge(d.Event)
		created := w.Clock.Now()
		at := d.At
		if w.rand.IntN(20) == 0 {
			at = at.Add(time.Duration(w.rand.IntN(180)) * time.Minute)
		}
		if slices.ContainsFunc(w.unheard, func(intent string) bool { return bytes.Contains(d.Body, []byte(intent)) }) {
			continue
		}
		w.at(at, w.delivery(p, d, created, 0))
	}
	return nil
}

// delivery posts a webhook, again and again until it is acknowledged.
func (w *World) delivery(p Program, d stripetest.Delivery, created time.Time, failures int) func(context.Context) error {
	return func(ctx context.Context) error {
		req, err := d.Request(ctx, p.URL())
		if err != nil {
			return err
		}
		req.Header.Set("Stripe-Signature", stripetest.Sign(w.Clock.Now(), d.Body, WebhookSecret))
		w.deliveries++
		if d.Duplicate {
			w.duplicates++
		}
		if created.Before(w.newest) || d.Reordered {
			w.reordered++
		} else {
			w.newest = created
		}
		resp, err := w.http.Do(req)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode/100 == 2 {
				return nil
			}
			err = fmt.Errorf("%s", resp.Status)
		}
		if failures++; failures > 20 {
			return fmt.Errorf("webhook %s was refused %d times, last with: %w", d.Event, failures, err)
		}
		w.refused++
		w.at(w.Clock.Now().Add(5*time.Minute), w.delivery(p, d, created, failures))
		return nil
	}
}

// breakDown plans the outage and the small losses.
func (w *World) breakDown() {
	length := time.Duration(w.c.Orders) * pace
	from := w.start.Add(length / 3)
	for _, shop := range w.sellers {
		w.at(from, func(context.Context) error {
			remove := shop.fail(magentotest.Fault{Kind: magentotest.Answered, Status: http.StatusServiceUnavailable,
				Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html><h1>Service Temporarily Unavailable</h1></html>"})
			w.at(from.Add(max(length/6, 10*time.Minute)), func(context.Context) error { remove(); return nil })
			return nil
		})
	}
	// Now and then an answer is lost after the effect, or a connection is refused.
	for at := w.start.Add(5 * time.Minute); at.Before(w.start.Add(length)); at = at.Add(time.Duration(10+w.rand.IntN(20)) * time.Minute) {
		kind := []magentotest.FaultKind{magentotest.Lost, magentotest.Half, magentotest.Refused}[w.rand.IntN(3)]
		f := magentotest.Fault{Kind: kind, Times: 1, Match: func(r *http.Request) bool { return r.Method == http.MethodPost }}
		w.at(at, func(context.Context) error {
			for _, shop := range w.sellers {
				shop.fail(magentotest.Fault{Kind: kind, Times: 1, Match: shop.writes})
			}
			if w.erp != nil {
				w.erp.Fail(f)
			}
			w.stripe.Faults().Add(magentotest.Fault{Kind: kind, Times: 1})
			return nil
		})
	}
}

// agenda holds what is to happen, by time, then by the order of planning.
type agenda []planned

type planned struct {
	at time.Time
	n  int
	do func(context.Context) error
}

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return cmp.Or(a[i].at.Compare(a[j].at), cmp.Compare(a[i].n, a[j].n)) < 0
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(planned)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

func (w *World) at(t time.Time, do func(context.Context) error) {
	w.plans++
	heap.Push(&w.agenda, planned{t, w.plans, do})
}

// happen does what is due.
func (w *World) happen(ctx context.Context) error {
	for len(w.agenda) > 0 && !w.agenda[0].at.After(w.Clock.Now()) {
		if err := heap.Pop(&w.agenda).(planned).do(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Told is called by the program's notifier: the customer gets a message, perhaps
// with a link to pay by, and some of them use it.
func (w *World) Told(order commerce.Ref, kind, link string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := order.System + " " + order.ID
	w.mail[name+" "+kind]++
	if s := w.byRef[name]; s != nil && s.Story == ByLink && link != "" {
		w.links = append(w.links, follow{s, link})
	}
}

// follow is a customer who is about to follow a link.
type follow struct {
	sale *Sale
	link string
}

// stores returns the markets of a shop that the ERP's currencies allow.
func (w *World) stores(shop seller) []market {
	return slices.DeleteFunc(shop.markets(), func(m market) bool { return !slices.Contains(w.c.Offer.Currencies, m.currency) })
}
