package inbox

import (
	"context"
	"iter"
	"time"

	"github.com/commercesync/commerce"
)

// State is where an event stands.
type State string

const (
	Ready     State = "ready"     // waits for a worker, or is with one
	Parked    State = "parked"    // waits for its due time
	Done      State = "done"      // worked
	Ignored   State = "ignored"   // ended without a handler; a later version can replay it
	Dead      State = "dead"      // buried with a reason; can be replayed or discarded
	Discarded State = "discarded" // dead, and a person said that nothing is to be done
)

// Entry is an event with everything the inbox knows about it.
type Entry struct {
	Seq        int64 // given by the store, grows, may have gaps
	Event      commerce.Event
	State      State
	Root       string // what the subject is linked to now; the subject itself where it is not
	Attempts   int    // ended attempts that reached a handler and failed
	Starts     int    // claims without an end, since the last end
	Generation int64  // grows with every replay; 1 at first
	Received   time.Time
	Due        time.Time // from when it may be worked; zero where ended
	Ended      time.Time // zero while ready or parked
	Reason     string    // why parked or dead; safe text
	Code       string    // one word for the reason; see Filter.Code
	Handler    string    // the handler that failed; empty = none
	Blank      bool      // raw bytes and overlay are gone: pruned or erased
	Acts       []Act     // what people did to it, oldest first
}

// Act is what a person did to an event.
type Act struct {
	At     time.Time
	Actor  string
	Verb   string // "replay", "discard"
	Reason string
}

// Batch is a set of events to append in one transaction.
type Batch struct {
	// ID is fresh for every batch and stays the same when a batch whose outcome is
	// unknown is sent again: rows that carry it are new, the others duplicates.
	ID     string
	Events []commerce.Event
	// Feed, Since, Cursor: where the events come from a poller its cursor is committed
	// with them. Since is the one after which they were read: where the store has another,
	// somebody else polls the feed too and was first. Empty Feed = none.
	Feed   string
	Since  string
	Cursor string
	// Repair: what other ways should have brought already. It is worked after what came
	// by them.
	Repair bool
	// Revise: events of a poller. Each event's Ref.ID is the object's id, and the
	// store appends "@n" where n is the object's revision, which grows when Hash
	// differs from the last one of that object. Equal hash = duplicate.
	Revise []string // content hashes, one for each event; nil = none
}

// Appended says what became of one event of a batch.
type Appended struct {
	Seq       int64
	Duplicate bool // the identity was there already, with the same object
	// Clash: the identity was there with another object; the event was kept as a
	// second, dead row with code "clash". The same clash again is that row, Duplicate.
	Clash bool
}

// Lease is the right of one worker to work one root. The root's token grows with
// every claim, and every write of the store checks it.
type Lease struct {
	Root  string
	Token int64
	Owner string
	// For is how long the store granted the lease from the moment of its own clock
	// at which it carried out the claim; a worker counts it from before it sent the claim.
	For time.Duration
}

// Claim is one root with its due events, in order of creation, then of arrival.
type Claim struct {
	Lease  Lease
	Events []Entry
}

// ClaimRequest asks for work.
type ClaimRequest struct {
	Owner  string
	Roots  int           // at most so many roots
	Events int           // at most so many events a root
	Lease  time.Duration // how long
	// PerTenant is how many roots of one tenant may be worked by this caller; Running is
	// how many are. 0 = any number.
	PerTenant int
	Running   map[string]int
}

// Room is how many more roots of a tenant the request may be given.
func (r ClaimRequest) Room(tenant string) int {
	if r.PerTenant <= 0 {
		return r.Roots
	}
	return max(0, min(r.Roots, r.PerTenant-r.Running[tenant]))
}

// Ending says how the work on one event ended.
type Ending struct {
	Seq        int64
	Generation int64         // of the entry worked; another one in the store = the ending is dropped
	State      State         // Done, Ignored, Dead, or Parked with a Due time
	Burn       bool          // for Parked: an attempt was used up
	Wait       time.Duration // for Parked: due that long after the store's now
	Reason     string
	Code       string
	Handler    string
	Emit       []commerce.Event // appended in the same transaction
	// Release gives the lease back in the same transaction: the last ending of a
	// claim says so and saves a commit.
	Release bool
}

// Filter narrows a list. Empty fields match everything.
type Filter struct {
	Tenant string
	States []State
	Type   string
	Root   string
	// Code is one word for why an event is dead: the code that the error states, the far
	// side's or our own ("amount_mismatch", "no_order"), else its kind ("mapping"); of
	// several errors the first. What no handler said is "clash", "too_many_attempts",
	// "too_old" or "worker_died". A parked event's is the kind.
	Code  string
	After int64 // Seq greater than
	Limit int   // defaults to 100, at most 1000; a greater one counts as 1000
}

// PruneRequest says what is old, and in which stretch of events to look for it.
type PruneRequest struct {
	After int64 // Seq greater than
	Limit int   // at most so many events are looked at
	// Payloads: events that ended before lose their raw bytes and overlays.
	Payloads time.Time
	// Events: those that ended and were created before go altogether, and with them
	// the memory that their id came.
	Events time.Time
}

// EraseRequest names a person, and in which stretch of events to look for him.
type EraseRequest struct {
	After          int64 // Seq greater than
	Limit          int   // at most so many numbers are looked at
	Tenant, Person string
}

// Stretch says what became of one stretch of events.
type Stretch struct {
	Last   int64 // where to go on; 0 = it was the last stretch
	Blank  int   // events that lost their raw bytes and overlays
	Gone   int   // events that went altogether
	InWork int   // events of the person that are ready or parked, and were left as they are
}

// Counts are figures for alerts and for people.
type Counts struct {
	Ready, Parked, Dead int
	OldestReady         time.Time // due time of the oldest ready event; zero = none
}

// Store keeps events. It promises durable append with identity, claims with a
// token, and endings checked by it; at least once. Times are the store's own.
// Implementations pass inboxtest.Run.
//
// Errors: kind conflict with code "lost_lease" where a lease's token is not the root's
// any more or its time has run out (kind conflict without it says that the call lost
// against another transaction, and may be repeated); not_found for a Seq that is not there;
// needs_decision with code "ambiguous_link" from Link. After any other error of a
// write its outcome is in the error: NotSent or Unknown.
type Store interface {
	// Append stores a batch: all of it or nothing. Identity is (tenant, system,
	// account, mode, event id) and nothing else. The answer has one element for each
	// event, in order. A batch may hold the same identity twice. A batch whose Since is
	// not the feed's cursor: kind conflict, code "cursor_moved", and nothing is stored.
	Append(ctx context.Context, b Batch) ([]Appended, error)

	// Claim takes the leases of roots that have due events, without waiting for any,
	// and returns those events; each event's Starts grows by one. Tenants take turns,
	// root by root. Of one tenant's roots those come first that were due first; those with
	// nothing but repair come after the others, but never for ever.
	Claim(ctx context.Context, r ClaimRequest) ([]Claim, error)

	// Extend prolongs a lease from the store's now.
	Extend(ctx context.Context, l Lease, d time.Duration) error

	// Finish ends the work on events of the leased root, in one transaction, and sets
	// Starts of each to 0. An ending is dropped, with what it emits, where its event is
	// of another generation or not in hand any more (ended already, Starts 0): so
	// Finish may be repeated after an unknown outcome. One that gives the lease back
	// finds it gone then, which is no error where all its endings would be dropped.
	Finish(ctx context.Context, l Lease, endings []Ending) error

	// Release gives a lease back before its time. Releasing a lost lease is no error.
	Release(ctx context.Context, l Lease) error

	// Link joins a subject to a root for ever and takes the root's lease for owner,
	// in one transaction that checks l (the lease of the subject as it stood) and
	// waits for nobody. A free lease: linked, and the new lease is returned. The
	// same link there already (or subject and root are one) and l is the root's own
	// lease: l. Lease of the root not free: kind parked, nothing written. Another root
	// there: kind needs_decision, code "ambiguous_link"; so is a root that is itself
	// linked to another, and a subject that others are linked to: links have one step.
	// Where it linked, l has been given back.
	Link(ctx context.Context, l Lease, subject, root string, d time.Duration) (Lease, error)

	// Subjects returns every subject linked to a root, in order of linking; the root
	// itself needs no link and is not among them.
	Subjects(ctx context.Context, root string) ([]string, error)

	// Cursor returns a poller's cursor; "" where it never ran.
	Cursor(ctx context.Context, feed string) (string, error)

	Told

	// Wait returns how long until the next event can be claimed; 0 = now, negative =
	// nothing waits. An event whose root is leased waits for the end of that lease.
	Wait(ctx context.Context) (time.Duration, error)

	// Get returns one entry with its raw bytes.
	Get(ctx context.Context, seq int64) (Entry, error)
	// List yields entries without their raw bytes, ascending by Seq.
	List(ctx context.Context, f Filter) iter.Seq2[Entry, error]
	// Timeline yields every event of every subject of a root, oldest first.
	Timeline(ctx context.Context, root string) iter.Seq2[Entry, error]
	// Count returns figures of one tenant; "" = of all.
	Count(ctx context.Context, tenant string) (Counts, error)

	// Replay opens a dead (or ignored) row again: compare-and-set on its state,
	// generation + 1, attempts and starts 0, due now. The overlay replaces the earlier
	// one; by.At is the store's now. Any other state: kind conflict; so is a blank one.
	Replay(ctx context.Context, seq int64, by Act, overlay commerce.Overlay) error
	// Discard ends a dead row for good, from now on. Any other state: kind conflict.
	Discard(ctx context.Context, seq int64, by Act) error

	// Prune removes, in one transaction, what is old of what has ended (done, ignored or
	// discarded) in one stretch of events. Dead events are never touched, nor are links,
	// cursors and the last hashes of polled objects.
	Prune(ctx context.Context, r PruneRequest) (Stretch, error)
	// Erase blanks, in one transaction, the raw bytes and overlays of a person's events
	// that have ended or are dead. A blank event can not be replayed: kind conflict, code
	// "blank".
	Erase(ctx context.Context, r EraseRequest) (Stretch, error)

	// Now returns the store's clock.
	Now(ctx context.Context) (time.Time, error)
}

// Told remembers which objects a poller told of: those of [Batch.Revise], for ever. A
// feed that reads all objects of a shop asks it for those that are not there any more.
// Every [Store] is one.
type Told interface {
	// Told returns ids of objects that were told, without their revisions: those of of's
	// tenant, system, account and mode whose id is of.ID and a last part behind it.
	// of.ID is a kind with its slash, such as "order/"; or "", for ids without a slash.
	// They come in order of length, then of text, so that order/9 stands before order/10;
	// at most limit of them, which must be positive, and only those behind after, an id
	// of the kind that need not be there any more. "" is the beginning.
	Told(ctx context.Context, of commerce.Ref, after string, limit int) ([]string, error)
}

// TxCompleter is a store that can complete the event at hand in the caller's own
// database transaction. Tx is the store's own kind of transaction (*sql.Tx). A
// workflow may use it and never needs it.
type TxCompleter[Tx any] interface {
	// CompleteTx marks the event that ctx carries (see AttemptOf) as done inside tx and
	// appends what it emitted, checking the lease's token and the generation: kind
	// conflict where either is another. A context without an event: kind invalid. The
	// ending counts when the caller commits; the worker's own ending is then dropped. It
	// is meant for events with one handler, as its last act.
	CompleteTx(ctx context.Context, tx Tx) error
}
