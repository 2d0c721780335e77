package inbox

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/commercesync/commerce"
)

// MemoryConfig configures a Memory store. The zero value works.
type MemoryConfig struct {
	// Now is the store's clock. Defaults to time.Now.
	Now func() time.Time
}

// Memory is a [Store] that forgets everything when the program ends: for tests,
// for trying things out, and as the plainest statement of what a Store promises.
// It is safe for concurrent use.
type Memory struct {
	now func() time.Time

	mu        sync.Mutex
	rows      []*row                    // by Seq, which is the index plus one
	ids       map[commerce.Ref]*row     // first row of an identity
	clashes   map[clashKey]*row         // the other objects that came under an identity
	batches   map[string][]Appended     // what was answered to a batch
	revisions map[commerce.Ref]revision // last content of a polled object
	told      map[commerce.Ref][]string // ids of polled objects in order, by what Told asks for
	cursors   map[string]string         // by feed
	links     map[string]string         // subject → root
	subjects  map[string][]string       // root → subjects, in order of linking
	bySubject map[string][]*row         // every row of a subject
	roots     map[string]*root          // lease and open rows of a root
	waiting   map[string]*lanes         // roots with open rows, by tenant
	claims    int                       // so many roots were claimed
	last      string                    // the tenant whose root was claimed last
}

// lanes are a tenant's roots with open rows, soonest first: those with something live,
// and those with nothing but repair.
type lanes struct{ live, repair waiting }

// maxPatience is how many roots in a row may be live ones while repair is due.
const maxPatience = 8

type clashKey struct {
	ref    commerce.Ref
	object string
}

type revision struct {
	hash string
	n    int64
	row  *row
}

// row is an entry; its Root is filled in when it is read.
type row struct {
	Entry
	subject string
	repair  bool // see Batch.Repair
	gone    bool // pruned; its place is kept
}

// root is what one worker at a time may hold: a lease and the rows not ended yet.
type root struct {
	name  string
	lane  *waiting // where it waits
	token int64
	owner string
	until time.Time // end of the lease; zero = free
	open  []*row    // in order of creation, then of arrival
	at    time.Time // when it can be claimed next
	first int64     // Seq of its first open row
	index int       // place in waiting; -1 = not there
}

// NewMemory returns an empty store.
func NewMemory(c MemoryConfig) *Memory {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Memory{
		now:       c.Now,
		ids:       map[commerce.Ref]*row{},
		clashes:   map[clashKey]*row{},
		batches:   map[string][]Appended{},
		revisions: map[commerce.Ref]revision{},
		told:      map[commerce.Ref][]string{},
		cursors:   map[string]string{},
		links:     map[string]string{},
		subjects:  map[string][]string{},
		bySubject: map[string][]*row{},
		roots:     map[string]*root{},
		waiting:   map[string]*lanes{},
	}
}

// Append implements [Store].
func (m *Memory) Append(ctx context.Context, b Batch) ([]Appended, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return nil, gone(ctx, "append")
	case b.ID == "":
		return nil, notSent(commerce.KindInvalid, "append", "the batch has no ID")
	case b.Revise != nil && len(b.Revise) != len(b.Events):
		return nil, notSent(commerce.KindInvalid, "append", "%d hashes for %d events", len(b.Revise), len(b.Events))
	}
	if before, ok := m.batches[b.ID]; ok {
		return slices.Clone(before), nil
	}
	if b.Feed != "" && m.cursors[b.Feed] != b.Since {
		e := notSent(commerce.KindConflict, "append", "the cursor of feed %q has moved", b.Feed)
		e.Code = codeCursorMoved
		return nil, e
	}
	now := m.now()
	out := make([]Appended, len(b.Events))
	for i, e := range b.Events {
		if b.Revise == nil {
			out[i] = m.insert(e, now, b.Repair)
			continue
		}
		object, hash := e.Ref, b.Revise[i]
		last := m.revisions[object]
		if last.n > 0 && last.hash == hash {
			out[i] = Appended{Duplicate: true}
			if !last.row.gone {
				out[i].Seq = last.row.Seq
			}
			continue
		}
		if last.n++; last.n == 1 {
			m.tell(object)
		}
		e.Ref.ID += "@" + strconv.FormatInt(last.n, 10)
		out[i] = m.insert(e, now, b.Repair)
		last.hash, last.row = hash, m.rows[out[i].Seq-1]
		m.revisions[object] = last
	}
	if b.Feed != "" {
		m.cursors[b.Feed] = b.Cursor
	}
	m.batches[b.ID] = slices.Clone(out)
	return out, nil
}

// tell notes an object that was never told before.
func (m *Memory) tell(object commerce.Ref) {
	kind := object.With(object.ID[:strings.LastIndexByte(object.ID, '/')+1])
	i, _ := slices.BinarySearchFunc(m.told[kind], object.ID, byLength)
	m.told[kind] = slices.Insert(m.told[kind], i, object.ID)
}

// byLength orders ids as Told does.
func byLength(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }

// Told implements [Store].
func (m *Memory) Told(ctx context.Context, of commerce.Ref, after string, limit int) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return nil, gone(ctx, "list told")
	case of.ID != "" && !strings.HasSuffix(of.ID, "/"):
		return nil, notSent(commerce.KindInvalid, "list told", "of.ID %q is no kind: it does not end in /", of.ID)
	case limit < 1:
		return nil, notSent(commerce.KindInvalid, "list told", "limit must be positive")
	}
	told := m.told[of]
	i, found := slices.BinarySearchFunc(told, after, byLength)
	if found {
		i++
	}
	return slices.Clone(told[i:min(len(told), i+limit)]), nil
}

// insert adds one event, or finds it.
func (m *Memory) insert(e commerce.Event, now time.Time, repair bool) Appended {
	first, clash := m.ids[e.Ref], false
	if first != nil {
		if first.Event.Object == e.Object {
			return Appended{Seq: first.Seq, Duplicate: true}
		}
		if again := m.clashes[clashKey{e.Ref, e.Object}]; again != nil {
			return Appended{Seq: again.Seq, Duplicate: true, Clash: true}
		}
		clash = true
	}
	e.Raw, e.Overlay = bytes.Clone(e.Raw), maps.Clone(e.Overlay)
	r := &row{subject: e.SubjectRef().String(), repair: repair, Entry: Entry{
		Seq: int64(len(m.rows) + 1), Event: e, State: Ready, Generation: 1, Received: now, Due: now,
	}}
	m.rows = append(m.rows, r)
	m.bySubject[r.subject] = append(m.bySubject[r.subject], r)
	if clash {
		r.State, r.Ended, r.Due, r.Code = Dead, now, time.Time{}, "clash"
		r.Reason = "the same event id came before with another object"
		m.clashes[clashKey{e.Ref, e.Object}] = r
	} else {
		m.ids[e.Ref] = r
		m.open(r)
	}
	return Appended{Seq: r.Seq, Clash: clash}
}

// rootOf returns what a subject is linked to; the subject itself where it is not.
func (m *Memory) rootOf(subject string) string {
	if r, ok := m.links[subject]; ok {
		return r
	}
	return subject
}

func (m *Memory) root(name string) *root {
	r := m.roots[name]
	if r == nil {
		r = &root{name: name, index: -1}
		m.roots[name] = r
	}
	return r
}

// open puts a row among those that wait.
func (m *Memory) open(r *row) {
	at := m.root(m.rootOf(r.subject))
	i, _ := slices.BinarySearchFunc(at.open, r, byCreation)
	at.open = slices.Insert(at.open, i, r)
	m.place(at)
}

func byCreation(a, b *row) int {
	return cmp.Or(a.Event.Created.Compare(b.Event.Created), cmp.Compare(a.Seq, b.Seq))
}

// place puts a root where it belongs among those that wait.
func (m *Memory) place(r *root) {
	if len(r.open) == 0 {
		r.leave()
		return
	}
	tenant := r.open[0].Event.Ref.Tenant
	if m.waiting[tenant] == nil {
		m.waiting[tenant] = &lanes{}
	}
	lane := &m.waiting[tenant].repair
	if slices.ContainsFunc(r.open, func(e *row) bool { return !e.repair }) {
		lane = &m.waiting[tenant].live
	}
	if r.lane != lane {
		r.leave()
		r.lane = lane
	}
	r.at, r.first = r.open[0].Due, r.open[0].Seq
	for _, e := range r.open[1:] {
		if e.Due.Before(r.at) {
			r.at = e.Due
		}
	}
	if r.at.Before(r.until) {
		r.at = r.until
	}
	if r.index < 0 {
		heap.Push(r.lane, r)
	} else {
		heap.Fix(r.lane, r.index)
	}
}

// leave takes a root out of where it waits.
func (r *root) leave() {
	if r.index >= 0 {
		heap.Remove(r.lane, r.index)
	}
}

// due reports that a root can be claimed.
func (w waiting) due(now time.Time) bool { return len(w) > 0 && !w[0].at.After(now) }

// first returns the root of a tenant that is to be claimed next; nil = none is due.
func (l *lanes) first(now time.Time, repair bool) *root {
	switch {
	case l.repair.due(now) && (repair || !l.live.due(now)):
		return l.repair[0]
	case l.live.due(now):
		return l.live[0]
	}
	return nil
}

// Claim implements [Store].
func (m *Memory) Claim(ctx context.Context, c ClaimRequest) ([]Claim, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return nil, gone(ctx, "claim")
	}
	if c.Roots < 1 || c.Events < 1 || c.Lease <= 0 {
		return nil, notSent(commerce.KindInvalid, "claim", "Roots, Events and Lease must be positive")
	}
	now := m.now()
	var out []Claim
	given := map[string]int{}
	for len(out) < c.Roots {
		r := m.turn(c, given, now)
		if r == nil {
			break
		}
		claim := Claim{Lease: r.take(c.Owner, now, c.Lease)}
		for _, e := range r.open {
			if len(claim.Events) == c.Events {
				break
			}
			if e.Due.After(now) {
				continue
			}
			e.Starts++
			e.State = Ready
			claim.Events = append(claim.Events, m.entry(e, true))
		}
		m.place(r)
		out = append(out, claim)
	}
	return out, nil
}

// turn returns the root that is to be claimed next; nil = none is due.
func (m *Memory) turn(c ClaimRequest, given map[string]int, now time.Time) *root {
	tenants := slices.Sorted(maps.Keys(m.waiting))
	next, _ := slices.BinarySearch(tenants, m.last+"\x00") // behind the last one
	for i := range tenants {
		t := tenants[(next+i)%len(tenants)]
		if given[t] >= c.Room(t) {
			continue
		}
		if r := m.waiting[t].first(now, m.claims%(maxPatience+1) == maxPatience); r != nil {
			m.claims++
			given[t]++
			m.last = t
			return r
		}
	}
	return nil
}

// take gives the lease to owner; the caller places the root.
func (r *root) take(owner string, now time.Time, d time.Duration) Lease {
	r.token++
	r.owner, r.until = owner, now.Add(d)
	return Lease{Root: r.name, Token: r.token, Owner: owner, For: d}
}

// held returns the root of a lease that still holds.
func (m *Memory) held(ctx context.Context, op string, l Lease) (*root, error) {
	if ctx.Err() != nil {
		return nil, gone(ctx, op)
	}
	r := m.roots[l.Root]
	if r == nil || r.token != l.Token || !m.now().Before(r.until) {
		return nil, lostLease(op, "the lease was lost")
	}
	return r, nil
}

// Extend implements [Store].
func (m *Memory) Extend(ctx context.Context, l Lease, d time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.held(ctx, "extend lease", l)
	if err != nil {
		return err
	}
	r.until = m.now().Add(d)
	m.place(r)
	return nil
}

// Finish implements [Store].
func (m *Memory) Finish(ctx context.Context, l Lease, endings []Ending) error {
	const op = "finish"
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.held(ctx, op, l)
	if lost(err) && releases(endings) && !slices.ContainsFunc(endings, m.inHand) {
		return nil // said before
	}
	if err != nil {
		return err
	}
	for _, end := range endings {
		e, err := m.row(op, end.Seq)
		if err != nil {
			return err
		}
		if m.rootOf(e.subject) != l.Root {
			return lostLease(op, "event %d is not of the leased root", end.Seq)
		}
		switch end.State {
		case Done, Ignored, Dead, Parked:
		default:
			return notSent(commerce.KindInvalid, op, "an event can not end as %q", end.State)
		}
	}
	now := m.now()
	for _, end := range endings {
		if !m.inHand(end) {
			continue
		}
		e := m.rows[end.Seq-1]
		e.Starts, e.State = 0, end.State
		e.Reason, e.Code, e.Handler = end.Reason, end.Code, end.Handler
		if end.State == Parked {
			e.Due = now.Add(end.Wait)
			if end.Burn {
				e.Attempts++
			}
		} else {
			e.Ended, e.Due = now, time.Time{}
			r.open = slices.DeleteFunc(r.open, func(o *row) bool { return o == e })
			m.place(r)
		}
		for _, ev := range end.Emit {
			m.insert(ev, now, false)
		}
	}
	if releases(endings) {
		r.until = time.Time{}
	}
	m.place(r)
	return nil
}

// releases reports that endings give the lease back.
func releases(endings []Ending) bool {
	return slices.ContainsFunc(endings, func(e Ending) bool { return e.Release })
}

// inHand reports that an ending's event is there, of its generation and at work.
func (m *Memory) inHand(end Ending) bool {
	e, err := m.row("", end.Seq)
	return err == nil && e.Generation == end.Generation && e.Starts > 0
}

// Release implements [Store].
func (m *Memory) Release(ctx context.Context, l Lease) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.held(ctx, "release lease", l)
	if lost(err) {
		return nil
	}
	if err != nil {
		return err
	}
	r.until = time.Time{}
	m.place(r)
	return nil
}

// Link implements [Store].
func (m *Memory) Link(ctx context.Context, l Lease, subject, to string, d time.Duration) (Lease, error) {
	const op = "link"
	m.mu.Lock()
	defer m.mu.Unlock()
	from, err := m.held(ctx, op, l)
	if err != nil {
		return Lease{}, err
	}
	if d <= 0 {
		return Lease{}, notSent(commerce.KindInvalid, op, "the lease must be positive")
	}
	if m.rootOf(subject) != l.Root {
		return Lease{}, lostLease(op, "the lease is not the subject's")
	}
	switch {
	case l.Root == to:
		return l, nil
	case l.Root != subject:
		return Lease{}, ambiguous("the subject is linked to another root already")
	case m.rootOf(to) != to:
		return Lease{}, ambiguous("the root is itself linked to another")
	case len(m.subjects[subject]) > 0:
		return Lease{}, ambiguous("others are linked to the subject")
	}
	now := m.now()
	target := m.root(to)
	if now.Before(target.until) {
		e := notSent(commerce.KindParked, op, "another worker holds the root")
		e.RetryAfter = target.until.Sub(now)
		return Lease{}, e
	}
	m.links[subject] = to
	m.subjects[to] = append(m.subjects[to], subject)
	target.open = append(target.open, from.open...)
	slices.SortFunc(target.open, byCreation)
	from.open, from.until = nil, time.Time{}
	lease := target.take(l.Owner, now, d)
	m.place(from)
	m.place(target)
	return lease, nil
}

func ambiguous(why string) error {
	e := notSent(commerce.KindNeedsDecision, "link", "%s", why)
	e.Code = "ambiguous_link"
	return e
}

// Subjects implements [Store].
func (m *Memory) Subjects(_ context.Context, root string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.subjects[root]), nil
}

// Cursor implements [Store].
func (m *Memory) Cursor(_ context.Context, feed string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cursors[feed], nil
}

// Wait implements [Store].
func (m *Memory) Wait(context.Context) (time.Duration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	wait := time.Duration(-1)
	for _, l := range m.waiting {
		for _, w := range []waiting{l.live, l.repair} {
			if len(w) == 0 {
				continue
			}
			if d := max(0, w[0].at.Sub(m.now())); wait < 0 || d < wait {
				wait = d
			}
		}
	}
	return wait, nil
}

func (m *Memory) row(op string, seq int64) (*row, error) {
	if seq < 1 || seq > int64(len(m.rows)) || m.rows[seq-1].gone {
		return nil, notSent(commerce.KindNotFound, op, "no event %d", seq)
	}
	return m.rows[seq-1], nil
}

// entry copies a row, so that nobody outside can change it.
func (m *Memory) entry(r *row, raw bool) Entry {
	e := r.Entry
	e.Root = m.rootOf(r.subject)
	e.Acts = slices.Clone(e.Acts)
	e.Event.Overlay = maps.Clone(e.Event.Overlay)
	if raw {
		e.Event.Raw = bytes.Clone(e.Event.Raw)
	} else {
		e.Event.Raw = nil
	}
	return e
}

// Get implements [Store].
func (m *Memory) Get(_ context.Context, seq int64) (Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.row("get", seq)
	if err != nil {
		return Entry{}, err
	}
	return m.entry(r, true), nil
}

// List implements [Store].
func (m *Memory) List(_ context.Context, f Filter) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		limit := f.Limit
		if limit <= 0 {
			limit = 100
		}
		limit = min(limit, 1000)
		m.mu.Lock()
		var out []Entry
		for _, r := range m.rows[min(max(f.After, 0), int64(len(m.rows))):] {
			if len(out) == limit {
				break
			}
			if !r.gone && (f.Tenant == "" || f.Tenant == r.Event.Ref.Tenant) &&
				(len(f.States) == 0 || slices.Contains(f.States, r.State)) &&
				(f.Type == "" || f.Type == r.Event.Type) &&
				(f.Root == "" || f.Root == m.rootOf(r.subject)) &&
				(f.Code == "" || f.Code == r.Code) {
				out = append(out, m.entry(r, false))
			}
		}
		m.mu.Unlock()
		yieldAll(out, yield)
	}
}

// Timeline implements [Store].
func (m *Memory) Timeline(_ context.Context, root string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		m.mu.Lock()
		rows := slices.Clone(m.bySubject[root])
		if m.rootOf(root) != root {
			rows = nil // its events are told under what it is linked to
		}
		for _, s := range m.subjects[root] {
			rows = append(rows, m.bySubject[s]...)
		}
		slices.SortFunc(rows, byCreation)
		out := make([]Entry, len(rows))
		for i, r := range rows {
			out[i] = m.entry(r, false)
		}
		m.mu.Unlock()
		yieldAll(out, yield)
	}
}

// yieldAll yields without the lock, so that the loop's body may use the store.
func yieldAll(entries []Entry, yield func(Entry, error) bool) {
	for _, e := range entries {
		if !yield(e, nil) {
			return
		}
	}
}

// Count implements [Store].
func (m *Memory) Count(_ context.Context, tenant string) (Counts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var c Counts
	for _, r := range m.rows {
		if r.gone || tenant != "" && tenant != r.Event.Ref.Tenant {
			continue
		}
		switch r.State {
		case Ready:
			c.Ready++
			if c.OldestReady.IsZero() || r.Due.Before(c.OldestReady) {
				c.OldestReady = r.Due
			}
		case Parked:
			c.Parked++
		case Dead:
			c.Dead++
		}
	}
	return c, nil
}

// Replay implements [Store].
func (m *Memory) Replay(ctx context.Context, seq int64, by Act, overlay commerce.Overlay) error {
	const op = "replay"
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return gone(ctx, op)
	}
	r, err := m.row(op, seq)
	if err != nil {
		return err
	}
	if r.State != Dead && r.State != Ignored {
		return notSent(commerce.KindConflict, op, "event %d is %s, neither dead nor ignored", seq, r.State)
	}
	if r.Blank {
		return blank(op, seq)
	}
	by.At, by.Verb = m.now(), "replay"
	r.State, r.Due, r.Ended = Ready, by.At, time.Time{}
	r.Attempts, r.Starts, r.repair = 0, 0, false
	r.Generation++
	r.Reason, r.Code, r.Handler = "", "", ""
	r.Event.Overlay = maps.Clone(overlay)
	r.Acts = append(r.Acts, by)
	m.open(r)
	return nil
}

// Discard implements [Store].
func (m *Memory) Discard(ctx context.Context, seq int64, by Act) error {
	const op = "discard"
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return gone(ctx, op)
	}
	r, err := m.row(op, seq)
	if err != nil {
		return err
	}
	if r.State != Dead {
		return notSent(commerce.KindConflict, op, "event %d is %s, not dead", seq, r.State)
	}
	by.At, by.Verb = m.now(), "discard"
	r.State, r.Ended = Discarded, by.At
	r.Acts = append(r.Acts, by)
	return nil
}

func blank(op string, seq int64) error {
	e := notSent(commerce.KindConflict, op, "the raw bytes of event %d are gone: pruned or erased", seq)
	e.Code = "blank"
	return e
}

// Prune implements [Store].
func (m *Memory) Prune(ctx context.Context, p PruneRequest) (Stretch, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return Stretch{}, gone(ctx, "prune")
	}
	var s Stretch
	for _, r := range m.stretch(p.After, p.Limit, &s) {
		switch {
		case r.gone || r.State != Done && r.State != Ignored && r.State != Discarded:
		case r.Ended.Before(p.Events) && r.Event.Created.Before(p.Events):
			m.forget(r)
			s.Gone++
		case r.Ended.Before(p.Payloads) && !r.Blank:
			r.blank()
			s.Blank++
		}
	}
	return s, nil
}

// Erase implements [Store].
func (m *Memory) Erase(ctx context.Context, q EraseRequest) (Stretch, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return Stretch{}, gone(ctx, "erase")
	}
	var s Stretch
	for _, r := range m.stretch(q.After, q.Limit, &s) {
		switch {
		case r.gone || r.Blank || r.Event.Ref.Tenant != q.Tenant || r.Event.Person != q.Person:
		case r.State == Ready || r.State == Parked:
			s.InWork++
		default:
			r.blank()
			s.Blank++
		}
	}
	return s, nil
}

// stretch returns the next rows and says where they end.
func (m *Memory) stretch(after int64, limit int, s *Stretch) []*row {
	from := min(max(after, 0), int64(len(m.rows)))
	to := min(from+int64(max(limit, 1)), int64(len(m.rows)))
	if to < int64(len(m.rows)) {
		s.Last = to
	}
	return m.rows[from:to]
}

func (r *row) blank() { r.Event.Raw, r.Event.Overlay, r.Blank = nil, nil, true }

// forget removes an ended row; its number stays taken.
func (m *Memory) forget(r *row) {
	if m.ids[r.Event.Ref] == r {
		delete(m.ids, r.Event.Ref)
	}
	delete(m.clashes, clashKey{r.Event.Ref, r.Event.Object})
	m.bySubject[r.subject] = slices.DeleteFunc(m.bySubject[r.subject], func(o *row) bool { return o == r })
	*r = row{Entry: Entry{Seq: r.Seq}, subject: r.subject, gone: true}
}

// Now implements [Store].
func (m *Memory) Now(context.Context) (time.Time, error) { return m.now(), nil }

func notSent(kind commerce.Kind, op, format string, args ...any) *commerce.Error {
	e := commerce.Errorf(kind, "inbox", op, format, args...)
	e.Outcome = commerce.NotSent
	return e
}

func lostLease(op, format string, args ...any) error {
	e := notSent(commerce.KindConflict, op, format, args...)
	e.Code = codeLost
	return e
}

func gone(ctx context.Context, op string) error {
	return notSent(commerce.KindUnavailable, op, "%w", ctx.Err())
}

// waiting is a heap of roots, the soonest to be claimed first.
type waiting []*root

func (w waiting) Len() int { return len(w) }
func (w waiting) Less(i, j int) bool {
	if c := w[i].at.Compare(w[j].at); c != 0 {
		return c < 0
	}
	return w[i].first < w[j].first
}
func (w waiting) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].index, w[j].index = i, j
}
func (w *waiting) Push(x any) {
	r := x.(*root)
	r.index = len(*w)
	*w = append(*w, r)
}
func (w *waiting) Pop() any {
	old := *w
	r := old[len(old)-1]
	old[len(old)-1] = nil
	*w = old[:len(old)-1]
	r.index = -1
	return r
}
