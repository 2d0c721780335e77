package resilience

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/commercesync/commerce"
	"golang.org/x/time/rate"
)

// Limit is one rate that a far side allows, or that one wants to keep below. In
// any time of length Per no more than Requests attempts start.
type Limit struct {
	Requests int           // must be set
	Per      time.Duration // defaults to 1 second
	// Burst is how many of Requests may start at one moment, after a rest, at most half
	// of them; the others are spread over Per, which is the steady rate. Defaults to a
	// fifth of Requests, at least 1.
	Burst int
	// Backfill is how many of Requests may be work marked by [WithBackfill]. Defaults
	// to three fifths of Requests, at least 1.
	Backfill int
	// Of returns what a request counts for, such as its account: requests with the
	// same text share the rate. counts is false for a request that this limit does not
	// concern. nil lets all requests, and what runs under [Policy.Do], share one rate.
	Of func(*http.Request) (shares string, counts bool)
}

// Quota is what may be asked of a far side, by all policies that are configured
// with it: live work and backfill, several workers, several clients. An attempt
// starts when all of its limits let it.
//
// Live work takes its turn in the order of asking. Work marked by [WithBackfill]
// never takes a turn ahead: it waits until one is free and half of the burst is left
// over, so that live work finds room whatever backfill is about, and is not faster
// than Limit.Backfill.
//
// An answer with [Verdict.Slow] (429) halves the rates that its request counts for,
// down to a sixteenth, at most once within Limit.Per. They grow back to the full within
// 30 times Per.
//
// A Quota forgets who has not asked for a while. It is safe for concurrent use.
type Quota struct {
	limits []Limit

	mu      sync.Mutex
	buckets map[share]*bucket
	sweep   int // number of buckets at which unused ones are forgotten
}

const (
	maxLimits = 8
	fewest    = 1024 // buckets that are kept without a look
	recovery  = 30   // times Per until a slowed limit is whole again
	slowest   = 16   // a limit is never slowed below this part of itself
)

// NewQuota checks the limits; an error names the field.
func NewQuota(limits ...Limit) (*Quota, error) {
	q := &Quota{limits: make([]Limit, len(limits)), buckets: map[share]*bucket{}, sweep: fewest}
	bad := func(i int, field, why string) error {
		return commerce.Errorf(commerce.KindInvalid, "resilience", "new quota", "limit %d: %s %s", i, field, why)
	}
	if len(limits) == 0 || len(limits) > maxLimits {
		return nil, commerce.Errorf(commerce.KindInvalid, "resilience", "new quota", "limits are not between 1 and %d", maxLimits)
	}
	for i, l := range limits {
		or(&l.Per, time.Second)
		or(&l.Burst, max(1, l.Requests/5))
		or(&l.Backfill, max(1, l.Requests*3/5))
		switch {
		case l.Requests < 1:
			return nil, bad(i, "Requests", "is not positive")
		case l.Per < 0:
			return nil, bad(i, "Per", "is negative")
		case l.Burst < 1 || l.Burst > (l.Requests+1)/2:
			return nil, bad(i, "Burst", "is not between 1 and half of Requests")
		case l.Backfill < 1 || l.Backfill > l.Requests:
			return nil, bad(i, "Backfill", "is not between 1 and Requests")
		}
		q.limits[i] = l
	}
	return q, nil
}

type backfillKey struct{}

// WithBackfill marks a context whose calls can wait: reading history, repairing,
// reconciling. A [Quota] lets live work go before them.
func WithBackfill(ctx context.Context) context.Context {
	return context.WithValue(ctx, backfillKey{}, true)
}

func backfills(ctx context.Context) bool { return ctx.Value(backfillKey{}) != nil }

// share names those who share the rate of a limit.
type share struct {
	limit int
	of    string
}

// bucket is the rate of one share.
type bucket struct {
	*Limit
	all      *rate.Limiter
	backfill *rate.Limiter
	line     chan struct{} // held by the backfill whose turn is next
	freed    []time.Time   // turns to come whose callers gave up, soonest first
	users    int           // calls at hand

	slow   rate.Limit // the rate at slowed
	slowed time.Time  // zero = at its full rate
}

func (l *Limit) rate(n int) rate.Limit { return rate.Limit(n) * rate.Every(l.Per) }

// full is the rate that, after a burst, brings the rest of Requests within Per.
func (l *Limit) full() rate.Limit { return l.rate(max(1, l.Requests-l.Burst)) }

func newBucket(l *Limit) *bucket {
	return &bucket{Limit: l, line: make(chan struct{}, 1),
		all: rate.NewLimiter(l.full(), l.Burst), backfill: rate.NewLimiter(l.rate(l.Backfill), 1)}
}

// grow gives a slowed rate back what it has earned since.
func (b *bucket) grow(now time.Time) {
	if b.slowed.IsZero() {
		return
	}
	limit := b.slow + b.full()*rate.Limit(now.Sub(b.slowed))/rate.Limit(recovery*b.Per)
	if limit >= b.full() {
		limit, b.slowed = b.full(), time.Time{}
	}
	b.all.SetLimitAt(now, limit)
}

// until is how long the limiter needs to hold so many tokens.
func until(l *rate.Limiter, now time.Time, tokens int) time.Duration {
	lacking := rate.Limit(tokens) - rate.Limit(l.TokensAt(now))
	if lacking <= 0 {
		return 0
	}
	wait := time.Duration(lacking / l.Limit() * rate.Limit(time.Second))
	return max(time.Millisecond, (wait + time.Microsecond - 1).Truncate(time.Microsecond))
}

// set are the buckets of one call.
type set struct {
	n int
	b [maxLimits]*bucket
}

func (s *set) all() []*bucket { return s.b[:s.n] }

// enter finds the buckets of a request, nil for a call without one.
func (q *Quota) enter(now time.Time, req *http.Request) (in set) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.limits {
		l, of := &q.limits[i], ""
		if l.Of != nil {
			var counts bool
			if req != nil {
				of, counts = l.Of(req)
			}
			if !counts {
				continue
			}
		}
		b := q.buckets[share{i, of}]
		if b == nil {
			q.forget(now)
			b = newBucket(l)
			q.buckets[share{i, of}] = b
		}
		b.users++
		b.grow(now)
		in.b[in.n] = b
		in.n++
	}
	return in
}

func (q *Quota) leave(in *set) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, b := range in.all() {
		b.users--
	}
}

// forget drops buckets that are as good as new. The caller holds mu.
func (q *Quota) forget(now time.Time) {
	if len(q.buckets) < q.sweep {
		return
	}
	for k, b := range q.buckets {
		b.grow(now)
		if b.users == 0 && b.slowed.IsZero() && until(b.all, now, b.Burst) == 0 && until(b.backfill, now, 1) == 0 {
			delete(q.buckets, k)
		}
	}
	q.sweep = max(fewest, 2*len(q.buckets))
}

// turn waits until the quota lets one attempt start. A wait that would outlive the
// context is not begun.
func (p *Policy) turn(ctx context.Context, req *http.Request) error {
	q := p.c.Quota
	if q == nil {
		return nil
	}
	now := p.c.Now()
	in := q.enter(now, req)
	defer q.leave(&in)
	switch {
	case in.n == 0:
		return nil
	case backfills(ctx):
		return p.yield(ctx, now, &in)
	}
	turns, wait := q.take(ctx, now, &in)
	if wait == 0 {
		return nil
	}
	if turns == nil {
		return p.rateError(wait, nil)
	}
	err := p.c.Wait(ctx, wait)
	if err == nil {
		return nil
	}
	q.giveBack(p.c.Now(), &in, turns)
	return p.rateError(wait, err)
}

// take takes a turn in all buckets, ahead of time where there is none now; none where
// the wait would outlive the context.
func (q *Quota) take(ctx context.Context, now time.Time, in *set) (turns []time.Time, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.allow(now, in, func(*bucket) int { return 1 }) == 0 {
		return nil, 0
	}
	for _, b := range in.all() {
		wait = max(wait, b.soonest(now))
	}
	if outlives(ctx, wait) {
		return nil, wait
	}
	for _, b := range in.all() {
		turns = append(turns, b.take(now))
	}
	return turns, wait
}

// giveBack leaves the turns to come of a caller who gave up to those who ask next: the
// limiter itself would let them pass unused.
func (q *Quota) giveBack(now time.Time, in *set, turns []time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, b := range in.all() {
		if at := turns[i]; at.After(now) {
			n, _ := slices.BinarySearchFunc(b.freed, at, time.Time.Compare)
			b.freed = slices.Insert(b.freed, n, at)
		}
	}
}

// soonest is how long it is until a turn can be had.
func (b *bucket) soonest(now time.Time) time.Duration {
	for len(b.freed) > 0 && !b.freed[0].After(now) {
		b.freed = b.freed[1:]
	}
	wait := until(b.all, now, 1)
	if wait > 0 && len(b.freed) > 0 {
		wait = min(wait, b.freed[0].Sub(now))
	}
	return wait
}

// take takes the soonest turn.
func (b *bucket) take(now time.Time) (at time.Time) {
	if b.soonest(now) > 0 && len(b.freed) > 0 {
		at, b.freed = b.freed[0], b.freed[1:]
		return at
	}
	return now.Add(b.all.ReserveN(now, 1).DelayFrom(now))
}

// allow takes a turn in all buckets if each holds as many as it needs, and else says
// how long that takes at least. The caller holds mu.
func (q *Quota) allow(now time.Time, in *set, need func(*bucket) int) (wait time.Duration) {
	for _, b := range in.all() {
		wait = max(wait, until(b.all, now, need(b)))
	}
	if wait == 0 {
		for _, b := range in.all() {
			b.all.AllowN(now, 1)
		}
	}
	return wait
}

// yield waits for a turn that live work does not need. Those who want the same thing
// stand in line, so that a crowd of them costs no more than one.
func (p *Policy) yield(ctx context.Context, now time.Time, in *set) error {
	line := in.b[in.n-1].line
	select {
	case line <- struct{}{}:
	case <-ctx.Done():
		return p.rateError(0, ctx.Err())
	}
	defer func() { <-line }()
	for now = latest(now, p.c.Now()); ; {
		wait := p.c.Quota.spare(now, in)
		switch {
		case wait == 0:
			return nil
		case outlives(ctx, wait):
			return p.rateError(wait, nil)
		}
		if err := p.c.Wait(ctx, wait); err != nil {
			return p.rateError(wait, err)
		}
		now = latest(now.Add(wait), p.c.Now())
	}
}

// spare takes a turn in all buckets if live work does not need it, and else says how
// long that takes at least.
func (q *Quota) spare(now time.Time, in *set) (wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, b := range in.all() {
		b.grow(now)
		wait = max(wait, until(b.backfill, now, 1))
	}
	if wait > 0 {
		return wait
	}
	wait = q.allow(now, in, func(b *bucket) int { return 1 + b.Burst/2 })
	if wait == 0 {
		for _, b := range in.all() {
			b.backfill.AllowN(now, 1)
		}
	}
	return wait
}

// slow halves the rates of those that a request counts for.
func (p *Policy) slow(req *http.Request) {
	q := p.c.Quota
	if q == nil {
		return
	}
	now := p.c.Now()
	in := q.enter(now, req)
	defer q.leave(&in)
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, b := range in.all() {
		if !b.slowed.IsZero() && now.Sub(b.slowed) < b.Per {
			continue // the answers to one burst are one complaint
		}
		b.slow, b.slowed = max(b.all.Limit()/2, b.full()/slowest), now
		b.all.SetLimitAt(now, b.slow)
		b.all.AllowN(now, int(max(0, b.all.TokensAt(now))))
	}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
