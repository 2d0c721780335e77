package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/internal/journey"
	"github.com/commercesync/commerce/workflow"
)

// host is a machine with a clock, on which one process runs after the other.
type host struct {
	w    *world
	id   int
	n    int          // processes that ran
	skew atomic.Int64 // how far its clock is off
	p    *process     // nil while it is down
}

func (h *host) now() time.Time { return time.Now().Add(time.Duration(h.skew.Load())) }

// process is one run of the program.
type process struct {
	w       *world
	host    *host
	n       int
	ctx     context.Context
	cancel  context.CancelFunc
	program *journey.Program
	booting bool // nothing stands still or goes wrong
	dead    atomic.Bool
	actors  atomic.Int64 // goroutines of ours that have not ended
	until   time.Time    // frozen until
}

func (p *process) String() string { return fmt.Sprintf("process %d.%d", p.host.id, p.n) }

func (p *process) frozen(now time.Time) bool { return now.Before(p.until) }

// boot starts a process with nothing in memory.
func (h *host) boot() {
	w := h.w
	h.n++
	p := &process{w: w, host: h, n: h.n, booting: true}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	far := w.fakes.Far()
	far.Stripe, far.Shop, far.ERP = p.wire("stripe", far.Stripe), p.wire("shop", far.Shop), p.wire("erp", far.ERP)
	var mu sync.Mutex
	chance := rand.New(rand.NewPCG(w.report.Seed, uint64(h.id*1000+h.n)))
	var err error
	p.program, err = journey.New(p.ctx, journey.Config{Far: far, Store: &store{p}, Steps: &steps{p},
		Inbox: inbox.Config{MaxAge: maxDays * 24 * time.Hour, MaxAttempts: 400, MaxStarts: 20, Logger: w.logger, Rand: func() float64 {
			mu.Lock()
			defer mu.Unlock()
			return chance.Float64()
		}},
		Notifier: p, Alerter: p, Now: h.now, PayURL: "https://shop.test/thanks", News: w.c.story == nil, Books: w.c.Backs})
	if err != nil {
		w.t.Fatal(err)
	}
	p.booting = false
	h.p = p
	w.trace("%s is up", p)
	p.spawn(func() {
		for {
			p.idle()
			if _, err := p.program.Inbox.Work(p.ctx); err != nil && p.ctx.Err() == nil {
				w.trace("%s: work: %s", p, err)
			}
		}
	})
}

// spawn starts a goroutine of the process.
func (p *process) spawn(do func()) {
	p.actors.Add(1)
	go func() {
		defer p.actors.Add(-1)
		do()
	}()
}

// kill ends a process: whoever stands still ends there, and whoever does not at his
// next step. What was sent is on its way.
func (p *process) kill() {
	p.dead.Store(true)
	p.cancel()
	w := p.w
	w.mu.Lock()
	defer w.mu.Unlock()
	keep := func(all []*stand) (left []*stand) {
		for _, s := range all {
			if s.p == p {
				close(s.resume)
			} else {
				left = append(left, s)
			}
		}
		return left
	}
	w.standing, w.arrived = keep(w.standing), keep(w.arrived)
	for _, f := range w.flights {
		if f.p == p {
			f.hangUp()
		}
	}
}

// stand is where somebody stands still until the scheduler lets him go on.
type stand struct {
	p      *process
	label  string
	idle   bool // for work
	resume chan struct{}
}

// stop is a point between two steps. A dead process gets no further.
func (p *process) stop(label string) { p.stand(&stand{p: p, label: label}) }

func (p *process) idle() { p.stand(&stand{p: p, label: "idle", idle: true}) }

func (p *process) stand(s *stand) {
	if p.booting {
		return
	}
	if p.dead.Load() {
		runtime.Goexit()
	}
	s.resume = make(chan struct{})
	w := p.w
	w.mu.Lock()
	w.arrived = append(w.arrived, s)
	w.mu.Unlock()
	select {
	case w.news <- struct{}{}:
	default:
	}
	<-s.resume
	if p.dead.Load() {
		runtime.Goexit()
	}
}

// Notify takes the place of the customers, and of the mail server between.
func (p *process) Notify(ctx context.Context, m workflow.Message) error {
	w := p.w
	name := string(m.Kind) + " for " + m.Order.Ref.ID
	p.stop("mail " + name)
	fail := func(o commerce.Outcome) error {
		w.report.Faults++
		return &commerce.Error{Kind: commerce.KindUnavailable, System: "mail", Op: "send", Outcome: o}
	}
	if err := ctx.Err(); err != nil {
		return &commerce.Error{Kind: commerce.KindUnavailable, System: "mail", Op: "send", Outcome: commerce.NotSent, Err: err}
	}
	if w.perMille(w.w.failing) {
		return fail(commerce.NotSent)
	}
	w.mailed(ctx, p, m)
	p.stop("mailed " + name)
	if w.perMille(3 * w.w.failing) {
		return fail(commerce.Unknown)
	}
	return nil
}

// Exception takes the place of the merchant.
func (p *process) Exception(_ context.Context, x workflow.Exception) {
	p.stop("exception " + x.Name)
	p.w.exception(x)
}
