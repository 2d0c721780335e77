package oauth

import (
	"container/heap"
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/commercesync/commerce"
)

// Run renews the tokens of all connections before they are due, and tells of those that
// will end, until the context does. Several processes may run it.
//
// Renewals are spread: each token is renewed after half to four fifths of its life, by
// chance, the first look at all connections takes Config.Spread, and no more than
// Config.Rate are renewed in a second. So neither 10,000 merchants who connected in one
// hour nor the start after a long stop become a burst.
//
// It returns when the renewals that are under way, also those that clients asked for, have
// ended: end the program after it, since a new token that is not stored yet would be lost,
// and the connection with it.
func (f *Flow) Run(ctx context.Context) error {
	if f.c.Connections == nil {
		return invalid("run", "Config.Connections is not set")
	}
	r := &rounds{f: f, known: map[commerce.Ref]bool{}, changed: make(chan struct{}, 1),
		pace: rate.NewLimiter(rate.Every(time.Second/time.Duration(f.c.Rate)), 1), workers: make(chan struct{}, maxWorkers)}
	defer f.land()
	defer r.working.Wait()
	list := f.c.Now()
	for {
		if now := f.c.Now(); !now.Before(list) {
			if err := r.list(ctx); err != nil {
				f.c.Logger.WarnContext(ctx, "oauth: connections can not be listed", "error", err)
			}
			list = now.Add(f.c.Relist)
		}
		next, ok := r.pop(f.c.Now())
		if !ok {
			until := list
			if at, some := r.next(); some && at.Before(until) {
				until = at
			}
			if err := r.idle(ctx, until.Sub(f.c.Now())); err != nil {
				return nil //nolint:nilerr // the end of the context is the way to stop
			}
			continue
		}
		select {
		case r.workers <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		r.working.Go(func() {
			defer func() { <-r.workers }()
			r.visit(ctx, next.owner)
		})
	}
}

// land waits for the renewals that are under way.
func (f *Flow) land() {
	var all []*flight
	f.mu.Lock()
	for _, s := range f.sources {
		if s.flight != nil {
			all = append(all, s.flight)
		}
	}
	f.mu.Unlock()
	for _, fl := range all {
		<-fl.done
	}
}

// maxWorkers bounds how many connections are looked at together.
const maxWorkers = 16

// rounds is Run at work.
type rounds struct {
	f       *Flow
	pace    *rate.Limiter
	workers chan struct{}
	working sync.WaitGroup
	changed chan struct{}

	mu    sync.Mutex
	queue visits
	known map[commerce.Ref]bool
}

// visit is a connection to be looked at.
type visit struct {
	at    time.Time
	owner commerce.Ref
}

type visits []visit

func (v visits) Len() int           { return len(v) }
func (v visits) Less(i, j int) bool { return v[i].at.Before(v[j].at) }
func (v visits) Swap(i, j int)      { v[i], v[j] = v[j], v[i] }
func (v *visits) Push(x any)        { *v = append(*v, x.(visit)) }
func (v *visits) Pop() any {
	last := (*v)[len(*v)-1]
	*v = (*v)[:len(*v)-1]
	return last
}

func (r *rounds) push(owner commerce.Ref, at time.Time) {
	r.mu.Lock()
	heap.Push(&r.queue, visit{at, owner})
	r.mu.Unlock()
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

func (r *rounds) pop(now time.Time) (visit, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 || r.queue[0].at.After(now) {
		return visit{}, false
	}
	return heap.Pop(&r.queue).(visit), true
}

func (r *rounds) next() (time.Time, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		return time.Time{}, false
	}
	return r.queue[0].at, true
}

// idle waits until something is due, or the queue changes.
func (r *rounds) idle(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(max(d, time.Millisecond))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-r.changed:
	case <-t.C:
	}
	return nil
}

// list learns of new connections.
func (r *rounds) list(ctx context.Context) error {
	now := r.f.c.Now()
	for owner, err := range r.f.c.Connections(ctx) {
		if err != nil {
			return err
		}
		owner = owner.With("")
		if owner.System != r.f.c.Provider.System || owner.Mode != r.f.c.Mode {
			continue
		}
		r.mu.Lock()
		known := r.known[owner]
		r.known[owner] = true
		r.mu.Unlock()
		if !known {
			r.push(owner, now.Add(r.f.spread(r.f.c.Spread)))
		}
	}
	return nil
}

// rarely is how often a connection is looked at whose tokens are not renewed.
const rarely = 12 * time.Hour

// visit does what is due at a connection, and says when to come again.
func (r *rounds) visit(ctx context.Context, owner commerce.Ref) {
	f := r.f
	next, err := r.care(ctx, owner)
	switch {
	case errors.Is(err, commerce.ErrNotFound):
		r.mu.Lock()
		delete(r.known, owner)
		r.mu.Unlock()
		f.forget(owner)
		return
	case ctx.Err() != nil:
		return
	case err != nil:
		pause := max(longestPause, commerce.RetryAfter(err))
		next = f.c.Now().Add(pause + f.spread(pause))
	}
	r.push(owner, next)
}

func (r *rounds) care(ctx context.Context, owner commerce.Ref) (time.Time, error) {
	f := r.f
	if err := remind(ctx, f.c.Keeper, owner, GrantName, f.c.Now(), func(g *grant) *expiry { return &g.expiry }, f.c.Notify); err != nil {
		return time.Time{}, err
	}
	g, version, err := open[grant](ctx, f.c.Keeper, owner, GrantName)
	switch {
	case err != nil:
		return time.Time{}, err
	case version == 0:
		return time.Time{}, notConnected(owner)
	case g.Ended != "" || g.Refresh == "" || g.Expires.IsZero():
		return f.c.Now().Add(rarely/2 + f.spread(rarely/2)), nil
	}
	s := f.source(owner)
	planned := s.plan(g)
	if planned.After(f.c.Now()) {
		return planned, nil
	}
	if err := r.pace.Wait(ctx); err != nil {
		return time.Time{}, err
	}
	if err := s.wait(ctx, func(at grant) bool { return at.Issued.After(g.Issued) }); err != nil {
		if ended(err) {
			return f.c.Now().Add(rarely), nil
		}
		return time.Time{}, err
	}
	return s.plan(s.known()), nil
}

// plan is when a token is renewed; it stays the same for one token.
func (s *source) plan(g grant) time.Time {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	if !s.plannedFor.Equal(g.Issued) {
		life := g.Expires.Sub(g.Issued)
		s.plannedFor, s.planned = g.Issued, g.Issued.Add(life/2+s.f.spread(life*3/10))
	}
	return s.planned
}
