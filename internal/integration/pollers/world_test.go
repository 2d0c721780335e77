package pollers_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

// lag is the Lag of every feed: longer than every transaction but those that are meant
// to outlive it.
const lag = 30 * time.Second

// side is a shop with its adapter.
type side interface {
	// act does something in the shop, or tries to.
	act(w *world)
	// open makes the clients of a new process, which talk through rt.
	open(w *world, rt http.RoundTripper)
	changes(w *world) (inbox.Feed, error)
	sweep(w *world) (inbox.Feed, error)
	// orders are the orders that others than their transactions see.
	orders() []string
	// read reads an order as a workflow does, and tells its canonical form.
	read(ctx context.Context, w *world, object string) (string, error)
	// write does our part to an order, where it is not done yet.
	write(ctx context.Context, w *world, object string) error
}

// control is a fault that the pollers could have.
type control string

const (
	none         control = ""
	noLag        control = "no lag"
	cursorBefore control = "the cursor before the events"
	pageNumbers  control = "page numbers"
)

// world is one random history.
type world struct {
	t       *testing.T
	rng     *rand.Rand
	control control
	side    side
	store   *inbox.Memory
	p       *process
	pending []pending
	busy    bool              // things happen while somebody reads
	views   map[string]string // what a handler last read, by object
	excused map[string]string // what only a sweep has to find, and why
	wrote   int
	seen    report
}

// pending is a transaction that is to be committed.
type pending struct {
	at     time.Time
	commit func()
}

// report counts what happened, so that a test can say that it happened at all.
type report struct{ changes, crashes, polls, races, handled, excused, deleted, late int }

func (r *report) add(o report) {
	r.changes += o.changes
	r.crashes += o.crashes
	r.polls += o.polls
	r.races += o.races
	r.handled += o.handled
	r.excused += o.excused
	r.deleted += o.deleted
	r.late += o.late
}

const gone = "gone"

func newWorld(t *testing.T, seed uint64, c control, s side) *world {
	w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 5)), control: c, side: s, busy: true,
		views: map[string]string{}, excused: map[string]string{}}
	w.store = inbox.NewMemory(inbox.MemoryConfig{})
	return w
}

func (w *world) chance(of int) bool { return w.rng.IntN(of) == 0 }

// sleep passes time, and commits what is due in it.
func (w *world) sleep(d time.Duration) {
	end := time.Now().Add(d)
	for len(w.pending) > 0 {
		i := 0
		for j, p := range w.pending {
			if p.at.Before(w.pending[i].at) {
				i = j
			}
		}
		next := w.pending[i]
		if next.at.After(end) {
			break
		}
		time.Sleep(time.Until(next.at))
		next.commit()
		w.pending = slices.Delete(w.pending, i, i+1)
	}
	time.Sleep(time.Until(end))
}

// later commits a transaction: mostly in time, and else it is the sweep's.
func (w *world) later(object string, commit func()) {
	d := time.Duration(1+w.rng.IntN(20)) * time.Second
	if w.chance(5) {
		d = lag + time.Duration(10+w.rng.IntN(300))*time.Second
		w.excuse(object, "a transaction that outlived Lag")
		w.seen.late++
	}
	w.pending = append(w.pending, pending{time.Now().Add(d), commit})
}

func (w *world) excuse(object, why string) { w.excused[object] = why }

// process is a program that may die at any of its calls.
type process struct {
	w              *world
	left           int // calls until it dies; never reached where it began below 1
	dead           bool
	polls, sweeper *inbox.Inbox
	rival          *inbox.Inbox // polls the same feeds as another process does
	racing         bool
}

var errDead = &commerce.Error{Kind: commerce.KindUnavailable, System: "test", Op: "call", Outcome: commerce.Unknown, Text: "the process is dead"}

func (p *process) call(do func() error) error {
	if p.dead {
		return errDead
	}
	if p.left--; p.left == 0 {
		p.dead = true
		p.w.seen.crashes++
		if p.w.chance(2) {
			_ = do()
		}
		return errDead
	}
	return do()
}

// start starts a program in the place of the last one.
func (w *world) start(left int) {
	p := &process{w: w, left: left}
	w.p = p
	w.side.open(w, &road{p: p})
	changes, err := w.side.changes(w)
	require.NoError(w.t, err)
	if w.control == cursorBefore {
		changes = hasty{changes, p}
	}
	sweep, err := w.side.sweep(w)
	require.NoError(w.t, err)
	c := inbox.Config{
		Handlers: inbox.Handlers{"magento *": {{Name: "look", Handle: w.look}}, "nopcommerce *": {{Name: "look", Handle: w.look}}},
		Feeds:    []inbox.FeedConfig{{Name: "changes", Feed: changes}},
		MaxBatch: 1 + w.rng.IntN(8), MaxAttempts: 1000, MaxStarts: 1000, MaxAge: 10000 * time.Hour,
		Backoff: inbox.Backoff{Initial: time.Second, Max: 10 * time.Second},
		Wait:    func(context.Context, time.Duration) error { return p.call(func() error { return nil }) },
	}
	store := &mortal{w.store, p}
	p.polls, err = inbox.New(store, c)
	require.NoError(w.t, err)
	c.Feeds = []inbox.FeedConfig{{Name: "sweep", Feed: sweep, Repair: true}}
	p.sweeper, err = inbox.New(store, c)
	require.NoError(w.t, err)
	c.Feeds = append(c.Feeds, inbox.FeedConfig{Name: "changes", Feed: changes})
	p.rival, err = inbox.New(store, c)
	require.NoError(w.t, err)
}

// look is the workflow: it reads what is true, and does its part.
func (w *world) look(ctx context.Context, e commerce.Event) error {
	if w.p.dead {
		return errDead
	}
	object := e.Subject
	view, err := w.side.read(ctx, w, object)
	if errors.Is(err, commerce.ErrNotFound) {
		view, err = gone, nil
	}
	if err != nil {
		return err
	}
	w.views[object] = view
	w.seen.handled++
	if view == gone {
		return nil
	}
	return w.side.write(ctx, w, object)
}

// play lets things happen.
func (w *world) play() {
	w.start(0)
	for range 10 + w.rng.IntN(20) {
		if w.p.dead || w.chance(8) {
			left := 0
			if w.chance(2) {
				left = 1 + w.rng.IntN(40)
			}
			w.start(left)
		}
		switch n := w.rng.IntN(10); {
		case n < 5:
			for range 1 + w.rng.IntN(5)*w.rng.IntN(3) { // in one second more than a page
				w.side.act(w)
				w.seen.changes++
			}
			w.sleep(time.Second)
		case n < 8:
			w.seen.polls++
			_, _ = w.p.polls.Poll(w.t.Context())
		case n < 9:
			_, _ = w.p.polls.Work(w.t.Context())
		default:
			_, _ = w.p.sweeper.Poll(w.t.Context())
		}
		w.sleep(time.Duration(1+w.rng.IntN(40)) * time.Second)
	}
}

// calm ends what is under way, and returns what is wrong.
func (w *world) calm() (wrong []string) {
	w.busy = false
	w.sleep(10 * time.Minute)
	w.start(0)
	if !w.rest() {
		wrong = append(wrong, "the changes feed does not come to rest")
	}
	for object, state := range w.missed() {
		if why := w.excused[object]; why == "" {
			wrong = append(wrong, "missed: "+object+" "+state)
		} else {
			w.seen.excused++
		}
	}
	for range 2 { // the round that was cut off, and a whole one
		w.sleep(8 * 24 * time.Hour)
		if _, err := w.p.sweeper.Poll(w.t.Context()); err != nil {
			wrong = append(wrong, "the sweep fails: "+err.Error())
		}
	}
	if !w.rest() {
		wrong = append(wrong, "nothing comes to rest after the sweep")
	}
	w.sleep(8 * 24 * time.Hour)
	if n, err := w.p.sweeper.Poll(w.t.Context()); n != 0 || err != nil {
		wrong = append(wrong, fmt.Sprintf("a sweep where nothing had changed found %d, %v", n, err))
	}
	for object, state := range w.missed() {
		wrong = append(wrong, "not even a sweep found: "+object+" "+state)
	}
	for e, err := range w.store.List(w.t.Context(), inbox.Filter{States: []inbox.State{inbox.Dead, inbox.Ready, inbox.Parked}}) {
		require.NoError(w.t, err)
		wrong = append(wrong, fmt.Sprintf("left in the inbox: %s as %s: %s", e.Event.Object, e.State, e.Reason))
	}
	for _, view := range w.views {
		if view == gone {
			w.seen.deleted++
		}
	}
	slices.Sort(wrong)
	return wrong
}

// rest polls and works until nothing is news and nothing is written.
func (w *world) rest() bool {
	for range 8 {
		wrote := w.wrote
		news, err := w.p.polls.Poll(w.t.Context())
		for range 200 {
			n, failed := w.p.polls.Work(w.t.Context())
			err = errors.Join(err, failed)
			wait, failed := w.store.Wait(w.t.Context())
			err = errors.Join(err, failed)
			if n == 0 && wait < 0 {
				break
			}
			w.sleep(max(wait, 0))
		}
		w.sleep(2 * time.Minute)
		if err == nil && news == 0 && w.wrote == wrote {
			return true
		}
	}
	return false
}

// missed compares what the handler saw with what is there.
func (w *world) missed() map[string]string {
	out, there := map[string]string{}, map[string]bool{}
	for _, object := range w.side.orders() {
		there[object] = true
		truth, err := w.side.read(w.t.Context(), w, object)
		require.NoError(w.t, err, object)
		switch view, told := w.views[object]; {
		case !told:
			out[object] = "was never told"
		case view != truth:
			out[object] = "is " + truth + "\n and was told as " + view
		}
	}
	for object, view := range maps.All(w.views) {
		if !there[object] && view != gone {
			out[object] = "was deleted"
		}
	}
	return out
}

// road carries the requests of a process; while one is under way, others work in the shop,
// and another process polls it.
type road struct {
	p    *process
	next http.RoundTripper
}

func (r *road) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	if w := r.p.w; w.busy && !r.p.dead && w.chance(3) {
		w.sleep(time.Second) // what was read before was read in another second
		w.side.act(w)
		w.seen.changes++
	}
	if w := r.p.w; w.busy && !r.p.racing && w.chance(30) {
		w.seen.races++
		r.p.racing = true
		_, _ = r.p.rival.Poll(req.Context())
		r.p.racing = false
	}
	err = r.p.call(func() (err error) { resp, err = r.next.RoundTrip(req); return err })
	if err != nil && resp != nil {
		_ = resp.Body.Close()
		resp = nil
	}
	return resp, err
}

// mortal is the store as a process sees it.
type mortal struct {
	inbox.Store
	p *process
}

func ask[T any](p *process, do func() (T, error)) (got T, err error) {
	err = p.call(func() (err error) { got, err = do(); return err })
	if err != nil {
		var none T
		return none, err
	}
	return got, nil
}

func (m *mortal) Append(ctx context.Context, b inbox.Batch) ([]inbox.Appended, error) {
	return ask(m.p, func() ([]inbox.Appended, error) { return m.Store.Append(ctx, b) })
}

func (m *mortal) Claim(ctx context.Context, r inbox.ClaimRequest) ([]inbox.Claim, error) {
	return ask(m.p, func() ([]inbox.Claim, error) { return m.Store.Claim(ctx, r) })
}

func (m *mortal) Finish(ctx context.Context, l inbox.Lease, e []inbox.Ending) error {
	return m.p.call(func() error { return m.Store.Finish(ctx, l, e) })
}

func (m *mortal) Release(ctx context.Context, l inbox.Lease) error {
	return m.p.call(func() error { return m.Store.Release(ctx, l) })
}

func (m *mortal) Cursor(ctx context.Context, feed string) (string, error) {
	return ask(m.p, func() (string, error) { return m.Store.Cursor(ctx, feed) })
}

func (m *mortal) Told(ctx context.Context, of commerce.Ref, after string, limit int) ([]string, error) {
	return ask(m.p, func() ([]string, error) { return m.Store.Told(ctx, of, after, limit) })
}

// digits reads the number of an object.
func number(w *world, object string) int64 {
	var n int64
	_, err := fmt.Sscanf(strings.TrimPrefix(object, "order/"), "%d", &n)
	require.NoError(w.t, err, object)
	return n
}
