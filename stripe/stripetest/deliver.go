package stripetest

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/commercesync/commerce/internal/httpx"
	"github.com/commercesync/commerce/internal/signed"
	"github.com/commercesync/commerce/stripe"
)

// DeliveryOptions say how disorderly deliveries are. The zero value delivers each
// event once, in order, at once.
type DeliveryOptions struct {
	// Duplicates is the share of events that are delivered twice, 0 to 1.
	Duplicates float64

	// Reordered is the share of events that are held back until up to ten later ones
	// went out.
	Reordered float64

	// MaxDelay delays each delivery by a random time up to this.
	MaxDelay time.Duration

	// Endpoint is the id of the webhook endpoint to deliver to: the events that it was
	// set up for come in its API version, signed with its secret. Empty delivers all
	// events in the account's version, signed with Config.WebhookSecret, whatever
	// endpoints there are.
	Endpoint string

	// Types are the event types to deliver. Empty delivers all.
	Types []string

	// Retry returns how long to wait before the nth repetition of a delivery that
	// was not acknowledged; false gives the event up. Defaults to RetryLive; what
	// test mode does is RetrySandbox.
	Retry func(n int) (time.Duration, bool)

	// Wait waits for the moment of a delivery. Defaults to a timer, which fits a
	// real clock; a simulated one is advanced here.
	Wait func(ctx context.Context, until time.Time) error

	// Workers is how many deliveries may be on their way at once. Defaults to 1.
	Workers int

	// Transport carries Deliver's requests. Defaults to a pool of its own.
	Transport http.RoundTripper

	// Timeout bounds one delivery. Defaults to 10 seconds.
	Timeout time.Duration
}

// Delivery is one webhook request.
type Delivery struct {
	Event     string // evt_…
	Type      string
	At        time.Time // when it is due
	Attempt   int       // 1 is the first
	Duplicate bool      // the event is delivered on top of its ordinary delivery
	Reordered bool      // a later event goes out before it
	Header    http.Header
	Body      []byte
}

// Request makes the HTTP request of the delivery.
func (d Delivery) Request(ctx context.Context, url string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(d.Body))
	if err != nil {
		return nil, err
	}
	r.Header = d.Header.Clone()
	return r, nil
}

// Delivered counts what Deliver did.
type Delivered struct {
	Events     int // events acknowledged
	Deliveries int // requests sent
	Duplicates int // of them, for events sent already as planned
	Reordered  int // events sent after a later one, as planned
	Retries    int // of the requests, repetitions
	Abandoned  int // events given up
}

// Add adds another count.
func (d *Delivered) Add(o Delivered) {
	d.Events += o.Events
	d.Deliveries += o.Deliveries
	d.Duplicates += o.Duplicates
	d.Reordered += o.Reordered
	d.Retries += o.Retries
	d.Abandoned += o.Abandoned
}

// Deliveries yields the requests that bring every event not delivered yet, signed
// as they are yielded, for tests that send them themselves. It changes nothing:
// tell Acknowledge which ones arrived.
func (f *Fake) Deliveries(o DeliveryOptions) iter.Seq[Delivery] {
	return func(yield func(Delivery) bool) {
		for _, p := range f.plan(o, false) {
			if !yield(f.sign(p)) {
				return
			}
		}
	}
}

// Acknowledge marks an event as delivered.
func (f *Fake) Acknowledge(event string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e, ok := f.home.events.get(event); ok {
		e.take(nil)
	}
	for _, a := range f.home.connected {
		if e, ok := a.events.get(event); ok {
			e.take(nil)
		}
	}
}

// planned is a delivery before its signature.
type planned struct {
	e          *event
	to         *hook // nil = whoever the test delivers to
	at         time.Time
	place      float64
	attempt    int
	duplicate  bool
	reordered  bool
	event, typ string
}

func before(a, b *planned) int {
	if c := a.at.Compare(b.at); c != 0 {
		return c
	}
	return cmp.Compare(a.place, b.place)
}

// plan puts the deliveries of all events not delivered yet into their order. take
// takes the events away, so that no other Deliver sends them too.
func (f *Fake) plan(o DeliveryOptions, take bool) []*planned {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	to, open := f.receiver(o)
	if open == nil || to != nil && to.disabled {
		return nil // what it has not taken waits until it is enabled again
	}
	*open = slices.DeleteFunc(*open, func(e *event) bool { return e.taken(to) })
	var events, rest []*event
	for _, e := range *open {
		if len(o.Types) == 0 || slices.Contains(o.Types, e.kind) {
			events = append(events, e)
		} else {
			rest = append(rest, e)
		}
	}
	if take {
		*open = rest
	}
	// Chance depends on the seed and the place of the event, not on who asks first.
	chance := rand.New(rand.NewPCG(f.config.Seed, uint64(f.before(events))))
	delay := func() time.Duration {
		if o.MaxDelay <= 0 {
			return 0
		}
		return time.Duration(chance.Int64N(int64(o.MaxDelay)))
	}
	var out []*planned
	for n, e := range events {
		p := &planned{e: e, to: to, at: e.created.Add(delay()), place: float64(n), attempt: 1, event: e.id, typ: e.kind}
		if chance.Float64() < o.Reordered && n+1 < len(events) {
			hold := min(n+1+chance.IntN(10), len(events)-1)
			p.place = float64(hold) + 0.5
			if at := events[hold].created; at.After(p.at) {
				p.at = at
			}
			p.reordered = true
		}
		out = append(out, p)
		if chance.Float64() < o.Duplicates {
			d := *p
			d.duplicate, d.at, d.place = true, p.at.Add(delay()), p.place+0.25+float64(chance.IntN(10))
			out = append(out, &d)
		}
	}
	slices.SortStableFunc(out, before)
	return out
}

// receiver is who deliveries are for, and what is to be delivered there: nil where
// there is no such endpoint.
func (f *Fake) receiver(o DeliveryOptions) (*hook, *[]*event) {
	if o.Endpoint == "" {
		return nil, &f.open
	}
	h, ok := f.hooks.get(o.Endpoint)
	if !ok {
		return nil, nil
	}
	return h, &h.open
}

// halted reports whether the endpoint was disabled.
func (f *Fake) halted(o DeliveryOptions) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	to, _ := f.receiver(o)
	return to != nil && to.disabled
}

func (f *Fake) receives(o DeliveryOptions) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, open := f.receiver(o)
	return open != nil
}

// before returns how many events there were before the first of some.
func (f *Fake) before(some []*event) int {
	if len(some) == 0 {
		return f.home.written
	}
	return some[0].n
}

// sign makes a delivery with a fresh signature.
func (f *Fake) sign(p *planned) Delivery {
	f.mu.Lock()
	secrets := f.activeSecrets()
	if p.to != nil {
		secrets = []string{p.to.secret}
	}
	now, text := f.config.Now(), p.e.in(p.to)
	f.mu.Unlock()
	return Delivery{Event: p.event, Type: p.typ, At: p.at, Attempt: p.attempt, Duplicate: p.duplicate, Reordered: p.reordered,
		Body: bytes.Clone(text), Header: http.Header{
			"Content-Type":         {"application/json; charset=utf-8"},
			"User-Agent":           {"Stripe/1.0 (+https://stripe.com/docs/webhooks)"},
			stripe.SignatureHeader: {Sign(now, text, secrets...)},
		}}
}

// Sign makes the header of a delivery: one v1 signature for each secret.
func Sign(at time.Time, body []byte, secrets ...string) string {
	return signed.Sign(at, body, secrets...)
}

// signing is a webhook secret and when it ends; zero = not yet.
type signing struct {
	secret string
	until  time.Time
}

// RollWebhookSecret makes a new signing secret. Deliveries are signed with the old
// one too for up to 24 hours.
// Source: docs.stripe.com/webhooks, read 2026-11.
func (f *Fake) RollWebhookSecret(secret string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.secrets {
		if f.secrets[i].until.IsZero() {
			f.secrets[i].until = f.config.Now().Add(24 * time.Hour)
		}
	}
	f.secrets = append(f.secrets, signing{secret: secret})
}

func (f *Fake) activeSecrets() []string {
	now := f.config.Now()
	f.secrets = slices.DeleteFunc(f.secrets, func(s signing) bool { return !s.until.IsZero() && !now.Before(s.until) })
	out := make([]string, len(f.secrets))
	for i, s := range f.secrets {
		out[len(out)-1-i] = s.secret
	}
	return out
}

// RetryLive repeats a delivery as Stripe does in live mode: the waits grow to half a
// day and end after about three.
// Source: docs.stripe.com/webhooks ("up to three days with exponential back off");
// the steps are not published.
func RetryLive(n int) (time.Duration, bool) {
	steps := []time.Duration{5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour}
	if n <= len(steps) {
		return steps[n-1], true
	}
	return 12 * time.Hour, n <= 9
}

// RetrySandbox repeats a delivery as Stripe does in test mode: three tries in all, over
// a few hours. Source: docs.stripe.com/webhooks, read 2026-11; the steps are not published.
func RetrySandbox(n int) (time.Duration, bool) { return time.Duration(n) * time.Hour, n <= 2 }

// queue holds deliveries by their time.
type queue []*planned

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return before(q[i], q[j]) < 0 }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(*planned)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// Deliver posts every event to url until it is acknowledged with a 2xx or given up,
// also those that come up meanwhile. It returns when nothing is left to deliver; call
// it again for later events. The error is the context's, or the URL's; an endpoint that
// there is not is of kind invalid.
func (f *Fake) Deliver(ctx context.Context, url string, o DeliveryOptions) (Delivered, error) {
	if !f.receives(o) {
		return Delivered{}, refusal("deliver", "no such webhook endpoint")
	}
	if o.Retry == nil {
		o.Retry = RetryLive
	}
	if o.Wait == nil {
		o.Wait = func(ctx context.Context, until time.Time) error { return httpx.Wait(ctx, until.Sub(f.config.Now())) }
	}
	if o.Workers <= 0 {
		o.Workers = 1
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Transport == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.MaxIdleConnsPerHost = o.Workers
		defer own.CloseIdleConnections()
		o.Transport = own
	}
	// Redirects count as failures, as they do at Stripe.
	client := &http.Client{Transport: o.Transport, CheckRedirect: httpx.NoRedirect, Timeout: o.Timeout}

	var done Delivered
	var open queue
	results := make(chan result, o.Workers)
	flying := 0
	land := func(r result) {
		flying--
		f.landed(r, o, &open, &done)
	}
	defer func() {
		for flying > 0 {
			land(<-results)
		}
		f.giveBack(o, open)
	}()
	for {
		for _, p := range f.plan(o, true) {
			heap.Push(&open, p)
		}
		if flying == 0 && (len(open) == 0 || f.halted(o)) {
			return done, nil
		}
		if len(open) == 0 || flying == o.Workers || f.halted(o) {
			land(<-results)
			continue
		}
		if err := ctx.Err(); err != nil {
			return done, err
		}
		if at := open[0].at; at.After(f.config.Now()) {
			if flying > 0 {
				land(<-results)
			} else if err := f.wait(ctx, o, at); err != nil {
				return done, err
			}
			continue
		}
		p := heap.Pop(&open).(*planned)
		d := f.sign(p)
		req, err := d.Request(ctx, url)
		if err != nil {
			heap.Push(&open, p)
			return done, err
		}
		done.count(p)
		flying++
		go func() { results <- result{p, post(client, req)} }()
	}
}

func (d *Delivered) count(p *planned) {
	d.Deliveries++
	switch {
	case p.attempt > 1:
		d.Retries++
	case p.duplicate:
		d.Duplicates++
	case p.reordered:
		d.Reordered++
	}
}

type result struct {
	p  *planned
	ok bool
}

func post(client *http.Client, req *http.Request) bool {
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	_ = resp.Body.Close()
	return resp.StatusCode/100 == 2
}

// landed notes the end of a delivery and plans its repetition.
func (f *Fake) landed(r result, o DeliveryOptions, open *queue, done *Delivered) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := r.p.e
	switch {
	case r.ok:
		if !e.taken(r.p.to) {
			e.take(r.p.to)
			done.Events++
		}
	case r.p.duplicate: // the ordinary delivery goes on
	case !e.taken(r.p.to):
		wait, again := o.Retry(r.p.attempt)
		if !again {
			done.Abandoned++
			return
		}
		next := *r.p
		next.attempt++
		next.at = f.config.Now().Add(wait)
		heap.Push(open, &next)
	}
}

// giveBack lets another Deliver have what this one did not get to.
func (f *Fake) giveBack(o DeliveryOptions, open queue) {
	f.mu.Lock()
	defer f.mu.Unlock()
	to, rest := f.receiver(o)
	if rest == nil {
		return
	}
	back := map[*event]bool{}
	for _, p := range open {
		if !back[p.e] && !p.e.taken(to) {
			back[p.e] = true
			*rest = append(*rest, p.e)
		}
	}
	slices.SortFunc(*rest, func(a, b *event) int { return cmp.Compare(a.n, b.n) })
}

// wait waits for the moment of a delivery, or until there is news to deliver.
func (f *Fake) wait(ctx context.Context, o DeliveryOptions, at time.Time) error {
	f.mu.Lock()
	if f.news == nil {
		f.news = make(chan struct{})
	}
	news := f.news
	f.mu.Unlock()
	waiting, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-news:
			cancel()
		case <-waiting.Done():
		}
	}()
	err := o.Wait(waiting, at)
	woken := waiting.Err() != nil && ctx.Err() == nil
	cancel()
	<-ended
	if woken {
		return nil // there is news: look what is first now
	}
	return err
}
