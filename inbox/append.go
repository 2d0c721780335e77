package inbox

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/commercesync/commerce"
)

// post is what one caller waits for.
type post struct {
	events []commerce.Event
	got    []Appended
	errs   []error
	line   *line         // the tenant's
	left   int           // events without an answer
	done   chan struct{} // closed when left is 0
}

// item is one event of a post.
type item struct {
	post *post
	i    int
}

func (it item) event() commerce.Event { return it.post.events[it.i] }

// posts are the queues to the committers, one for each tenant. A committer runs only
// while something waits, so an idle inbox has no goroutine.
type posts struct {
	mu         sync.Mutex
	tenants    map[string]*line
	turns      []*line // those with something waiting, in the order of their turns
	waiting    int     // events in all lines
	bytes      int     // raw bytes of everything without an answer
	committers int
}

// line is what one tenant has waiting.
type line struct {
	tenant string
	queue  []item
	bytes  int // raw bytes of everything of this tenant without an answer
}

// line returns a tenant's line.
func (q *posts) line(tenant string) *line {
	l := q.tenants[tenant]
	if l == nil {
		if q.tenants == nil {
			q.tenants = map[string]*line{}
		}
		l = &line{tenant: tenant}
		q.tenants[tenant] = l
	}
	return l
}

// take takes up to n events, from every tenant's line as many as from the others'.
func (q *posts) take(n int) []item {
	n = min(n, q.waiting)
	batch := make([]item, 0, n)
	for len(batch) < n {
		each := max(1, (n-len(batch))/len(q.turns))
		for range len(q.turns) {
			if len(batch) == n {
				break
			}
			l := q.turns[0]
			k := min(each, n-len(batch), len(l.queue))
			batch = append(batch, l.queue[:k]...)
			l.queue = slices.Delete(l.queue, 0, k)
			q.turns = q.turns[1:]
			if len(l.queue) > 0 {
				q.turns = append(q.turns, l)
			}
		}
	}
	q.waiting -= n
	return batch
}

// Append stores events and returns when their commit is known. It shares commits
// with everything else that is being appended; the events of one call are not one
// transaction, and where only some were stored the others' Seq is 0. It may be called
// without Run.
//
// An error of kind limit says that QueueLen or QueueBytes is reached; a tenant whose own
// events do not fill them is let in all the same. After the context ends, and
// where the store does not answer, the outcome is unknown: send the same events again,
// and those that were stored come back as duplicates.
func (in *Inbox) Append(ctx context.Context, events ...commerce.Event) ([]Appended, error) {
	if len(events) == 0 {
		return nil, nil
	}
	p := &post{
		events: make([]commerce.Event, len(events)), got: make([]Appended, len(events)),
		left: len(events), done: make(chan struct{}),
	}
	for i, e := range events {
		var err error
		if p.events[i], err = in.accept(e); err != nil {
			return nil, err
		}
	}
	if err := in.enqueue(p); err != nil {
		return nil, err
	}
	select {
	case <-p.done:
		return p.got, errors.Join(p.errs...)
	case <-ctx.Done():
		e := commerce.Errorf(commerce.KindUnavailable, system, "append", "gave up waiting for the commit: %w", ctx.Err())
		e.Outcome = commerce.Unknown
		return nil, e
	}
}

// accept checks an event and fills in its subject.
func (in *Inbox) accept(e commerce.Event) (commerce.Event, error) {
	switch {
	case e.Ref.System == "" || e.Ref.ID == "":
		return e, invalid("append", "an event needs Ref.System and Ref.ID")
	case e.Ref.Mode != commerce.Live && e.Ref.Mode != commerce.Test:
		return e, invalid("append", "event %s: Ref.Mode %q is neither live nor test", e.Ref.ID, e.Ref.Mode)
	case e.Type == "":
		return e, invalid("append", "event %s has no Type", e.Ref.ID)
	case int64(len(e.Raw)) > in.c.MaxBody:
		return e, notSent(commerce.KindLimit, "append", "event %s has %d bytes, above MaxBody (%d)", e.Ref.ID, len(e.Raw), in.c.MaxBody)
	}
	e.Subject = cmp.Or(e.Subject, e.Object, e.Ref.ID)
	return e, nil
}

func (in *Inbox) enqueue(p *post) error {
	q := &in.posts
	q.mu.Lock()
	defer q.mu.Unlock()
	bytes := 0
	for _, e := range p.events {
		bytes += len(e.Raw)
	}
	// The events of one call are of one tenant, or of the program itself.
	l := q.line(p.events[0].Ref.Tenant)
	if q.waiting+len(p.events) > in.c.QueueLen || q.bytes+bytes > in.c.QueueBytes {
		share := 4 * max(1, len(q.turns)) // of a quarter that is for those who brought little
		if len(l.queue) > 0 || len(p.events) > in.c.QueueLen/share || l.bytes+bytes > in.c.QueueBytes/share {
			q.leave(l)
			e := notSent(commerce.KindLimit, "append", "%d events of %d bytes wait for a commit; QueueLen is %d, QueueBytes %d",
				q.waiting, q.bytes, in.c.QueueLen, in.c.QueueBytes)
			e.RetryAfter = time.Second
			return e
		}
	}
	if len(l.queue) == 0 {
		q.turns = append(q.turns, l)
	}
	q.bytes += bytes
	l.bytes += bytes
	q.waiting += len(p.events)
	for i := range p.events {
		l.queue = append(l.queue, item{p, i})
	}
	p.line = l
	if q.committers < in.c.Commits {
		q.committers++
		go in.commitWaiting()
	}
	return nil
}

// leave forgets a line that nothing is in and nothing is on its way from.
func (q *posts) leave(l *line) {
	if len(l.queue) == 0 && l.bytes == 0 && q.tenants[l.tenant] == l {
		delete(q.tenants, l.tenant)
	}
}

// commitWaiting commits whatever waits, as much as fits into a batch, until nothing
// waits: a lone event goes out at once, and those that come meanwhile share the next
// commit. There is no timer.
func (in *Inbox) commitWaiting() {
	q := &in.posts
	for {
		q.mu.Lock()
		if q.waiting == 0 {
			q.committers--
			q.mu.Unlock()
			return
		}
		batch := q.take(in.c.MaxBatch)
		q.mu.Unlock()
		in.commitItems(batch)
	}
}

// commitItems commits one batch and answers everybody in it. Where the store refuses
// the batch for good, its events go one by one, so that each is judged alone.
func (in *Inbox) commitItems(items []item) {
	slices.SortStableFunc(items, func(a, b item) int { return byIdentity(a.event(), b.event()) })
	b := Batch{ID: in.fresh(), Events: make([]commerce.Event, len(items))}
	for i, it := range items {
		b.Events[i] = it.event()
	}
	got, err := in.commit(context.Background(), b)
	if refused(err) && len(items) > 1 {
		for i := range items {
			in.commitItems(items[i : i+1])
		}
		return
	}
	in.answer(items, got, err)
	in.tellClashes(context.Background(), b, got)
}

func (in *Inbox) answer(items []item, got []Appended, err error) {
	in.posts.mu.Lock()
	defer in.posts.mu.Unlock()
	for i, it := range items {
		p := it.post
		if err != nil {
			p.errs = append(p.errs, err)
		} else {
			p.got[it.i] = got[i]
		}
		in.posts.bytes -= len(it.event().Raw)
		p.line.bytes -= len(it.event().Raw)
		in.posts.leave(p.line)
		if p.left--; p.left == 0 {
			close(p.done)
		}
	}
}

// byIdentity orders events as all processes do, so that two batches never wait for
// each other in a circle.
func byIdentity(a, b commerce.Event) int {
	x, y := a.Ref, b.Ref
	return cmp.Or(cmp.Compare(x.Tenant, y.Tenant), cmp.Compare(x.System, y.System),
		cmp.Compare(x.Account, y.Account), cmp.Compare(x.Mode, y.Mode), cmp.Compare(x.ID, y.ID))
}

// refused reports that a store said no and would say it again.
func refused(err error) bool {
	return err != nil && commerce.KindOf(err).Permanent() && commerce.SafeToRetry(err)
}

// commit stores a batch under its own time, so that no caller's end undoes its
// neighbours. An outcome that is not known is settled by sending the same batch under
// the same ID: the store then answers as it did, or would have done. Where that fails
// too the error says Unknown, if any attempt may have taken effect.
func (in *Inbox) commit(ctx context.Context, b Batch) ([]Appended, error) {
	unknown := false
	for try := 1; ; try++ {
		call, cancel := in.call(ctx)
		got, err := in.store.Append(call, b)
		cancel()
		if err == nil && len(got) != len(b.Events) {
			err = commerce.Errorf(commerce.KindInternal, system, "append", "the store answered %d of %d events", len(got), len(b.Events))
		}
		if err == nil {
			in.signal()
			return got, nil
		}
		in.c.Logger.Warn("inbox: append failed", "batch", b.ID, "events", len(b.Events), "try", try, "error", safeText(err))
		if refused(err) || cursorMoved(err) {
			return nil, err
		}
		unknown = unknown || !commerce.SafeToRetry(err)
		if try < in.c.CommitAttempts && in.c.Wait(context.WithoutCancel(ctx), in.spread(20*time.Millisecond<<min(try, 6))) == nil {
			continue
		}
		e := commerce.Errorf(commerce.KindUnavailable, system, "append", "not stored in %d attempts: %w", try, err)
		e.Outcome = commerce.NotSent
		if unknown {
			e.Outcome = commerce.Unknown
		}
		return nil, e
	}
}

// tellClashes reports the events that were kept as dead rows because their id came
// with another object.
func (in *Inbox) tellClashes(ctx context.Context, b Batch, got []Appended) {
	for i, a := range got {
		if a.Clash && !a.Duplicate {
			e := b.Events[i]
			in.c.Logger.Error("inbox: event id came with another object", "seq", a.Seq, "event", e.Ref.ID, "type", e.Type)
			in.alert(ctx, Alert{Kind: AlertDead, Seq: a.Seq, Event: e.Ref, Type: e.Type, Code: "clash",
				Reason: "the same event id came before with another object"})
		}
	}
}
