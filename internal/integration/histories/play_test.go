package histories_test

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/internal/journey"
	"github.com/commercesync/commerce/sqlstore"
	"github.com/commercesync/commerce/stripe/stripetest"
	"github.com/commercesync/commerce/workflow"
)

// delivery says when the news of a history arrives.
type delivery struct {
	name string
	// delay is the longest that a delivery takes.
	delay time.Duration
	// after holds everything back until nothing more happens.
	after bool
	// passing: remarks and messages about what passes are compared too.
	passing bool
}

var deliveries = []delivery{
	// With the longest gap between two attempts it is less than Grace.
	{name: "within minutes", delay: 7 * time.Minute, passing: true},
	{name: "within hours", delay: 2 * time.Hour},
	// As after an outage: all at once, in the order in which it comes.
	{name: "in one burst after everything", delay: 7 * time.Minute, after: true, passing: true},
	{name: "after everything", delay: 3 * time.Hour, after: true},
}

// setting is what one play of a history runs with.
type setting struct {
	delivery
	shuffled bool // permuted, doubled and delayed
	sqlite   bool
	grace    time.Duration // 0 = the default
	believes bool          // a payment is read once and never again
}

// play is one run of a history: far sides, a program, and a clock that moves when all
// is quiet.
type play struct {
	t       *testing.T
	c       setting
	clock   clock
	fakes   *journey.Fakes
	program *journey.Program
	store   inbox.Store
	chance  *rand.Rand // of the deliveries
	agenda  []planned
	buyers  *journey.Buyers
	end     time.Time // nothing happens after it

	mu         sync.Mutex
	mail       []string
	exceptions []workflow.Exception
}

type planned struct {
	at time.Time
	do func()
}

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) moveTo(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.at) {
		c.at = t
	}
}

// start is when every history begins.
var start = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

// days is how long things happen: a bank debit takes three, and five more to bounce.
const days = 10

// playOut plays the history of a seed and returns what is left of it.
func playOut(t *testing.T, seed uint64, c setting) *play {
	p := &play{t: t, c: c, clock: clock{at: start}, end: start.AddDate(0, 0, days),
		chance: rand.New(rand.NewPCG(seed, 99))}
	var err error
	p.fakes, err = journey.NewFakes(journey.FakesConfig{Now: p.clock.Now, Seed: seed})
	require.NoError(t, err)
	steps := p.open()
	far := p.fakes.Far()
	if c.believes {
		far.Stripe = &believer{to: far.Stripe, read: map[string][]byte{}}
	}
	p.program, err = journey.New(t.Context(), journey.Config{Far: far, Store: p.store, Steps: steps,
		Inbox: inbox.Config{MaxAge: 60 * 24 * time.Hour, MaxAttempts: 50, Rand: func() float64 { return 0.5 }},
		Grace: c.grace, Notifier: p, Alerter: p, Now: p.clock.Now})
	require.NoError(t, err)
	p.buyers = &journey.Buyers{Fakes: p.fakes, In: p.in, Fail: func(err error) { require.NoError(t, err) }}
	p.invent(rand.New(rand.NewPCG(seed, 7)))
	for day := range days + 4 {
		p.at(start.AddDate(0, 0, day).Add(12*time.Hour), p.ship)
		// Shipments are read some time after they were sent: see tryton.Config.Lag.
		p.at(start.AddDate(0, 0, day).Add(13*time.Hour), func() {
			_, err := p.program.Inbox.Poll(t.Context())
			require.NoError(t, err)
		})
	}
	for p.next() {
		for len(p.agenda) > 0 && !p.agenda[0].at.After(p.clock.Now()) {
			do := p.agenda[0].do
			p.agenda = p.agenda[1:]
			do()
		}
		p.collect()
		p.work()
	}
	return p
}

// work works what is due.
func (p *play) work() {
	for range 1000 {
		n, err := p.program.Inbox.Work(p.t.Context())
		require.NoError(p.t, err)
		if n == 0 {
			return
		}
	}
	p.t.Fatalf("at %s there is always something to do", p.clock.Now())
}

// open makes the store of the play.
func (p *play) open() idempotency.Store {
	if !p.c.sqlite {
		p.store = inbox.NewMemory(inbox.MemoryConfig{Now: p.clock.Now})
		return idempotency.NewMemory(p.clock.Now)
	}
	pool, err := sql.Open("sqlite", sqlstore.SQLiteDSN(filepath.Join(p.t.TempDir(), "histories.db")))
	require.NoError(p.t, err)
	p.t.Cleanup(func() { _ = pool.Close() })
	db, err := sqlstore.Open(p.t.Context(), pool, sqlstore.SQLite, sqlstore.Config{Now: p.clock.Now})
	require.NoError(p.t, err)
	p.store = db.Inbox()
	return db.Steps()
}

// at plans something; what is planned for one moment happens in the order of planning.
func (p *play) at(at time.Time, do func()) {
	i, _ := slices.BinarySearchFunc(p.agenda, at, func(a planned, at time.Time) int {
		return cmp.Or(a.at.Compare(at), -1) // behind its equals
	})
	p.agenda = slices.Insert(p.agenda, i, planned{at, do})
}

// in plans something for later.
func (p *play) in(d time.Duration, do func()) { p.at(p.clock.Now().Add(d), do) }

// next moves the clock to where something is due; false when nothing ever will be.
func (p *play) next() bool {
	wait, err := p.store.Wait(p.t.Context())
	require.NoError(p.t, err)
	var to time.Time
	if len(p.agenda) > 0 {
		to = p.agenda[0].at
	}
	if due := p.clock.Now().Add(max(wait, time.Second)); wait >= 0 && (to.IsZero() || due.Before(to)) {
		to = due
	}
	require.False(p.t, to.After(start.AddDate(0, 0, 60)), "a play without an end")
	p.clock.moveTo(to)
	return !to.IsZero()
}

// collect plans the deliveries of what happened since.
func (p *play) collect() {
	p.fakes.Stripe.Tick()
	for d := range p.fakes.Stripe.Deliveries(stripetest.DeliveryOptions{}) {
		p.fakes.Stripe.Acknowledge(d.Event)
		times := 1
		if p.c.shuffled {
			times += p.chance.IntN(3) / 2
			times += p.chance.IntN(3) / 2
		}
		for range times {
			at := p.clock.Now()
			if p.c.after {
				at = p.end
			}
			if p.c.shuffled {
				at = at.Add(time.Duration(p.chance.Int64N(int64(p.c.delay))))
			}
			p.at(at, func() { p.deliver(d.Body) })
		}
	}
}

func (p *play) deliver(body []byte) {
	req := httptest.NewRequestWithContext(p.t.Context(), http.MethodPost, "/", strings.NewReader(string(body)))
	req.Header.Set("Stripe-Signature", stripetest.Sign(p.clock.Now(), body, journey.WebhookSecret))
	answer := httptest.NewRecorder()
	p.program.Hook.ServeHTTP(answer, req)
	require.Equal(p.t, http.StatusOK, answer.Code, answer.Body)
}

// ship is the warehouse: it sends what is reserved.
func (p *play) ship() {
	for _, s := range p.fakes.ERP.AllSales() {
		if s.State == "processing" {
			require.NoError(p.t, p.fakes.ERP.Ship(s.Reference, "TRACK "+s.Reference))
		}
	}
}

// invent lets customers order and plans how they pay: one to three orders, half an
// hour apart.
func (p *play) invent(r *rand.Rand) {
	for n := range 1 + r.IntN(3) {
		placing, story := rand.New(rand.NewPCG(r.Uint64(), 1)), journey.Stories[r.IntN(len(journey.Stories))]
		p.at(start.Add(time.Duration(n)*30*time.Minute), func() { p.buyers.Begin(placing, story) })
	}
}

// Notify takes the place of the customers.
func (p *play) Notify(_ context.Context, m workflow.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mail = append(p.mail, fmt.Sprintf("%s %s %s", m.Order.Ref.ID, m.Kind, m.Due))
	return nil
}

// Exception takes the place of the merchant.
func (p *play) Exception(_ context.Context, x workflow.Exception) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.exceptions = append(p.exceptions, x)
}
