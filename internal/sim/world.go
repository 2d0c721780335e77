package sim

import (
	"bytes"
	"cmp"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/internal/journey"
	"github.com/commercesync/commerce/stripe/stripetest"
	"github.com/commercesync/commerce/workflow"
)

const (
	// longest is how long a request may take effect after its caller gave up, as the
	// program was told.
	longest = 20 * time.Second
	// maxSteps bounds a day.
	maxSteps = 150_000
	// maxDays bounds it in simulated time.
	maxDays = 60
)

// world is everything around the program, and the scheduler.
type world struct {
	t      *testing.T
	c      Config
	w      weather
	chance *rand.Rand
	start  time.Time
	report Report

	fakes  *journey.Fakes
	buyers *journey.Buyers
	inbox  inbox.Store       // the stores themselves: what they hold survives every process
	steps  idempotency.Store //
	hosts  []*host
	calm   bool
	log    bytes.Buffer
	logger *slog.Logger
	secret []string

	agenda  []planned
	flights []*flight
	ill     map[string]time.Time // until when a system is likelier to fail
	letters map[string]*letter
	seen    map[int64]seen  // orders, by the shop's plugin
	told    map[string]bool // the plugin's events that are stored
	ship    bool            // the warehouse is going to look
	backs   bool            // money goes back on this day
	running *process

	mu       sync.Mutex
	arrived  []*stand
	standing []*stand
	news     chan struct{}

	book book
}

type planned struct {
	at time.Time
	do func()
}

func newWorld(t *testing.T, seed uint64, c Config) *world {
	r := rand.New(rand.NewPCG(seed, 21))
	w := &world{t: t, c: c, w: draw(r), chance: r, start: time.Now(), report: Report{Seed: seed},
		letters: map[string]*letter{}, ill: map[string]time.Time{}, seen: map[int64]seen{}, told: map[string]bool{}, news: make(chan struct{}, 1), book: newBook()}
	if c.story != nil {
		w.w = weather{processes: 1, calm: 24 * time.Hour * maxDays / 2}
	}
	if c.Backs {
		w.w.calm = min(w.w.calm, 72*time.Hour) // an order takes hundreds of requests then
	}
	w.logger = slog.New(slog.NewTextHandler(&w.log, nil))
	var err error
	if w.fakes, err = journey.NewFakes(journey.FakesConfig{Seed: seed, Shop: c.Shop, LongestRequest: longest, Books: c.Backs}); err != nil {
		t.Fatal(err)
	}
	w.secret = append(w.fakes.Front.Secrets(), journey.StripeKey, journey.WebhookSecret, w.fakes.ERP.Login().Password.Reveal(),
		"buyer@example.com", "Robin", "Lange Stra", "1 High St", "040 123456", "512-555")
	if c.Open != nil {
		w.inbox, w.steps = c.Open(t, time.Now)
	} else {
		w.inbox, w.steps = inbox.NewMemory(inbox.MemoryConfig{}), idempotency.NewMemory(nil)
	}
	w.buyers = &journey.Buyers{Fakes: w.fakes, In: w.in, Fail: func(err error) { t.Fatal(err) }}
	for i := range w.w.processes {
		h := &host{w: w, id: i}
		w.hosts = append(w.hosts, h)
		h.boot()
	}
	w.at(w.start.Add(w.w.calm), w.heal)
	w.looks()
	if c.story != nil {
		w.in(0, func() { w.buyers.Begin(rand.New(rand.NewPCG(1, 1)), *c.story) })
		return w
	}
	for n := range 1 + r.IntN(2) {
		placing, story := rand.New(rand.NewPCG(r.Uint64(), 1)), journey.Stories[r.IntN(len(journey.Stories))]
		if c.Backs {
			w.sellAndTakeBack(placing)
			continue
		}
		w.in(time.Duration(n*r.IntN(1800))*time.Second, func() { w.buyers.Begin(placing, story) })
	}
	if c.Backs {
		return w
	}
	for _, how := range journey.Elsewhere {
		if placing := rand.New(rand.NewPCG(r.Uint64(), 1)); r.IntN(3) == 0 {
			w.in(w.within(time.Hour), func() { w.buyers.PayElsewhere(placing, how) })
		}
	}
	return w
}

// at plans something; what is planned for one moment happens in the order of planning.
func (w *world) at(at time.Time, do func()) {
	i, _ := slices.BinarySearchFunc(w.agenda, at, func(a planned, at time.Time) int {
		return cmp.Or(a.at.Compare(at), -1) // behind its equals
	})
	w.agenda = slices.Insert(w.agenda, i, planned{at, do})
}

func (w *world) in(d time.Duration, do func()) { w.at(time.Now().Add(d), do) }

// within draws a time up to d.
func (w *world) within(d time.Duration) time.Duration {
	return time.Duration(w.chance.Int64N(int64(d) + 1))
}

// perMille is true that often.
func (w *world) perMille(n int) bool { return !w.calm && n > 0 && w.chance.IntN(1000) < n }

func (w *world) trace(format string, args ...any) {
	if w.c.Trace != nil {
		w.c.Trace(fmt.Sprintf("%s %s", time.Since(w.start).Round(time.Millisecond), fmt.Sprintf(format, args...)))
	}
}

func (w *world) wrong(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.trace("WRONG: %s", text)
	if !slices.Contains(w.report.Wrong, text) {
		w.report.Wrong = append(w.report.Wrong, text)
	}
}

// run lets one thing happen after the other until nothing is left to happen.
func (w *world) run() {
	for w.report.Steps = 1; ; w.report.Steps++ {
		if w.report.Steps > maxSteps || time.Since(w.start) > maxDays*24*time.Hour {
			w.wrong("no end after %d steps and %s", w.report.Steps, time.Since(w.start))
			return
		}
		synctest.Wait()
		options := w.options()
		if len(options) > 0 {
			options[w.chance.IntN(len(options))]()
			continue
		}
		until, waits := w.next()
		if !waits {
			return
		}
		timer := time.NewTimer(time.Until(until))
		select {
		case <-timer.C:
		case <-w.news:
			timer.Stop()
		}
	}
}

// options are what can happen now.
func (w *world) options() []func() {
	w.mu.Lock()
	slices.SortStableFunc(w.arrived, func(a, b *stand) int {
		return cmp.Or(cmp.Compare(a.p.host.id, b.p.host.id), cmp.Compare(a.label, b.label))
	})
	w.standing = append(w.standing, w.arrived...)
	w.arrived = nil
	w.mu.Unlock()

	now := time.Now()
	var out []func()
	if len(w.agenda) > 0 && !w.agenda[0].at.After(now) {
		out = append(out, w.turnPage)
	}
	for _, f := range w.flights {
		if !f.due.After(now) {
			out = append(out, func() { w.move(f) })
		}
	}
	work := w.due() == 0
	for _, s := range w.standing {
		if s.p.frozen(now) || s.idle && !work {
			continue
		}
		if !w.w.reordered && s.p == w.running && !s.idle {
			return []func(){func() { w.release(s) }}
		}
		out = append(out, func() { w.release(s) })
	}
	return out
}

// due is how long until the store has work for somebody; negative = it has none.
func (w *world) due() time.Duration {
	d, err := w.inbox.Wait(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// next is when something happens again; false = never.
func (w *world) next() (at time.Time, waits bool) {
	soon := func(t time.Time) {
		if !waits || t.Before(at) {
			at, waits = t, true
		}
	}
	if len(w.agenda) > 0 {
		soon(w.agenda[0].at)
	}
	for _, f := range w.flights {
		soon(f.due)
	}
	now := time.Now()
	free := slices.ContainsFunc(w.standing, func(s *stand) bool { return s.idle && !s.p.frozen(now) })
	if d := w.due(); d >= 0 && free {
		soon(time.Now().Add(max(d, time.Millisecond)))
	}
	for _, h := range w.hosts {
		if p := h.p; p != nil && p.frozen(time.Now()) {
			soon(p.until)
		}
	}
	if w.busy() { // with a timer of its own
		soon(time.Now().Add(24 * time.Hour))
	}
	return at, waits
}

// busy reports that somebody is neither idle nor standing still.
func (w *world) busy() bool {
	n := 0
	for _, h := range w.hosts {
		if h.p != nil {
			n += int(h.p.actors.Load())
		}
	}
	return n > len(w.standing)
}

func (w *world) turnPage() {
	do := w.agenda[0].do
	w.agenda = w.agenda[1:]
	do()
	w.collect()
}

// release lets somebody go on, or disturbs him.
func (w *world) release(s *stand) {
	p := s.p
	often := w.w.often
	switch what, _, _ := strings.Cut(s.label, " "); {
	case what == "wrote" || what == "mailed":
		often /= 8 // between an effect and its answer it hurts most
	case what == "answer" || strings.HasPrefix(s.label, "store did"):
		often /= 2
	}
	if !s.idle && !w.calm && often > 0 && w.chance.IntN(often) == 0 {
		switch kind := w.chance.IntN(3); {
		case kind == 0 && w.w.crashes > 0:
			w.w.crashes--
			w.trace("crash of %s at %q", p, s.label)
			w.crash(p, w.within(2*time.Minute))
			return
		case kind == 1 && w.w.freezes > 0:
			w.w.freezes--
			w.report.Freezes++
			p.until = time.Now().Add(w.within(3 * time.Minute))
			w.trace("freeze of %s at %q until %s", p, s.label, p.until.Sub(w.start))
			return
		case kind == 2 && w.w.jumps > 0:
			w.w.jumps--
			w.report.Jumps++
			p.host.skew.Store(int64(w.within(10*time.Minute) - 5*time.Minute))
			w.trace("clock of %s is %s off", p, time.Duration(p.host.skew.Load()))
		}
	}
	if !s.idle && w.point(p, s.label) {
		return
	}
	w.trace("%s goes on at %q", p, s.label)
	w.running = p
	w.leave(s)
	close(s.resume)
}

// point is where a process may be crashed on purpose, and says whether it was.
func (w *world) point(p *process, label string) (crashed bool) {
	n := w.report.points
	w.report.points++
	if len(w.c.crashes) == 0 || w.c.crashes[0] != n {
		return false
	}
	w.c.crashes = w.c.crashes[1:]
	w.trace("crash at point %d, %q", n, label)
	w.crash(p, time.Second)
	return true
}

// leave takes somebody from those who stand still.
func (w *world) leave(s *stand) {
	w.standing = slices.DeleteFunc(w.standing, func(o *stand) bool { return o == s })
}

// crash ends a process between two steps, and starts another one in its place.
func (w *world) crash(p *process, down time.Duration) {
	w.report.Crashes++
	p.kill()
	p.host.p = nil
	w.in(down, p.host.boot)
}

// heal begins the calm: nothing goes wrong any more.
func (w *world) heal() {
	w.calm = true
	w.trace("calm")
	for _, h := range w.hosts {
		h.skew.Store(0)
		if h.p != nil {
			h.p.until = time.Time{}
		}
	}
}

// end takes the world down.
func (w *world) end() {
	for _, h := range w.hosts {
		if h.p != nil {
			h.p.kill()
		}
	}
}

// collect puts into the post what Stripe has to tell.
func (w *world) collect() {
	w.fakes.Stripe.Tick()
	for d := range w.fakes.Stripe.Deliveries(stripetest.DeliveryOptions{Types: w.book.types}) {
		w.fakes.Stripe.Acknowledge(d.Event)
		w.write(d)
	}
}

// touched is told of every write that reached a far side.
func (w *world) touched(system string) {
	switch system {
	case "stripe":
		w.collect()
		w.in(24*time.Hour+time.Second, func() {}) // open sessions end
	case "erp":
		w.warehouse()
	}
}

// warehouse lets the warehouse look within the hour, which it does until nothing is left.
func (w *world) warehouse() {
	if !w.ship {
		w.ship = true
		w.in(w.within(time.Hour), w.shipAll)
	}
}

// shipAll is the warehouse: it sends what is reserved, once it may have been asked to.
func (w *world) shipAll() {
	w.ship = false
	for _, s := range w.fakes.ERP.AllSales() {
		rec, err := w.steps.Get(w.t.Context(), "warehouse.request/"+s.Reference)
		if s.State != "processing" || w.book.shipped[s.Reference] || err != nil || rec.State == idempotency.NotSent {
			continue
		}
		w.book.shipped[s.Reference] = true
		w.trace("the warehouse ships %s", s.Reference)
		if err := w.fakes.ERP.Ship(s.Reference, "TRACK "+s.Reference); err != nil {
			w.t.Fatal(err)
		}
		w.in(longest+2*time.Second, w.poll)
	}
}

// poll lets somebody ask warehouse and shop, until one was answered, and again while there
// is news.
func (w *world) poll() {
	h := w.hosts[w.chance.IntN(len(w.hosts))]
	done := false
	if p := h.p; p != nil {
		p.spawn(func() {
			p.stop("poll")
			news, err := p.program.Inbox.Poll(p.ctx)
			p.stop("polled")
			if done = err == nil; news > 0 {
				w.in(time.Minute+w.delay(), w.poll)
			}
		})
	}
	w.in(3*time.Minute, func() {
		if !done {
			w.poll()
		}
	})
}

// exception takes the place of the merchant, who lets an order go on of which the goods
// are on their way.
func (w *world) exception(x workflow.Exception) {
	w.book.exceptions = append(w.book.exceptions, x)
	for _, s := range w.buyers.Sales {
		if s.Ref() == x.Order && x.Name == workflow.OrderOnHold && !x.Shipment.IsZero() {
			w.in(w.within(4*time.Hour), func() { _ = w.fakes.Front.Unhold(s.Sale) }) // unless it goes on already
		}
	}
}
