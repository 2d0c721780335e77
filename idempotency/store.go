package idempotency

import (
	"context"
	"iter"
	"time"
)

// Class says how strongly the far side itself guards a write against a second
// one. The adapter that makes the write declares it.
type Class string

const (
	// Keyed: the far side refuses a second write under our key (Stripe within 24 h,
	// Odoo's external id): at most one, always. It may be repeated at once.
	Keyed Class = "keyed"
	// Marked: our reference travels in the same far-side write and can be searched
	// for on the primary: at most one unless a request outlives Settle.
	Marked Class = "marked"
	// Guarded: the far side's own state is the proof (a whole invoice, absolute
	// stock): read, compare, act, read back.
	Guarded Class = "guarded"
	// Blind: neither. It is sent at most once; an unknown outcome needs a decision.
	Blind Class = "blind"
)

// State is the state of an operation.
type State string

const (
	// Open: somebody holds the key until Record.Until and may be writing.
	Open State = "open"
	// NotSent: the last attempt took no effect; the next may write.
	NotSent State = "not_sent"
	// Unknown: an attempt may have taken effect. An Open record whose lease has
	// ended counts as Unknown.
	Unknown State = "unknown"
	// Done: the effect is there, Result says what it left. Done is for ever.
	Done State = "done"
)

// Record is the durable memory of one operation. It is kept for ever: the result
// is the cross reference between systems.
type Record struct {
	Key         string
	State       State
	Class       Class
	Fingerprint string // of what makes the effect another one; empty = not compared
	Generation  int64  // of the event's replay that last began it
	Token       int64  // grows with every Begin; the fence
	Attempts    int    // how often it was begun
	Created     time.Time
	Started     time.Time     // when the attempt that may have taken effect began
	Until       time.Time     // end of the lease while Open
	Settle      time.Duration // nobody acts before Started+Settle while unknown
	Finished    time.Time     // when it became Done
	Result      []byte        // JSON of what the effect left, once Done
}

// BeginRequest asks for the right to act on a key.
type BeginRequest struct {
	Key         string
	Class       Class
	Fingerprint string
	Generation  int64
	Lease       time.Duration // how long the right lasts
	Settle      time.Duration // Lease plus the longest request the far side allows
}

// Grant is the answer to Begin.
type Grant struct {
	// Record is the operation as it stands: after the grant where Acquired, else as found.
	Record Record
	// Acquired says that the caller may go on, under Record.Token until Record.Until.
	Acquired bool
	// Probe says that an earlier attempt may have taken effect: look first.
	Probe bool
	// Age is how long ago, by the store's clock, the attempt began that Probe is about.
	Age time.Duration
	// Wait is how long to stay away where not Acquired: until the holder's lease and
	// the settling time end. 0 where the record is Done.
	Wait time.Duration
}

// Store keeps operations. Every method is atomic, durable when it returns, and
// reckons with the store's own clock, never with the caller's. Implementations
// pass idempotencytest.Run.
//
// Errors: ErrConflict (kind conflict) from Restart and End where the token is not
// the record's any more; ErrNotFound from Get; *FingerprintError from Begin. Any
// other error may come after the change took effect, and is safe to repeat.
type Store interface {
	// Begin commits the intent to act, before the first byte leaves:
	//
	//   no record            → Open, Acquired
	//   NotSent              → Open, Acquired
	//   Done                 → as found
	//   Open, lease running  → as found; Wait until the lease ends
	//   Unknown (or Open and past its lease):
	//     Class Keyed           → Open, Acquired, Probe at once (the far side refuses a second)
	//     before Started+Settle → as found; Wait until then
	//     after                 → Open, Acquired, Probe
	//
	// With Probe, Started stays that of the attempt that may have taken effect.
	// Decide is this rule as code.
	//
	// Where it acquires, Token, Attempts and Generation grow, Until = now+Lease, and,
	// unless Probe, Started = now and Settle is the request's.
	//
	// Another fingerprint under the key (both not empty) is a *FingerprintError,
	// unless the request's Generation is newer than the record's and the record is
	// NotSent, or Unknown and acquired with Probe: then Restart adopts it.
	Begin(ctx context.Context, r BeginRequest) (Grant, error)

	// Restart is called after a probe said "absent" and before acting again: it sets
	// Started to now and takes over fingerprint and settle of r, under the token.
	Restart(ctx context.Context, key string, token int64, r BeginRequest) (Record, error)

	// End records how the attempt under the token ended: NotSent, Unknown or Done
	// with its result. Ending Done again with the same token is no error.
	End(ctx context.Context, key string, token int64, state State, result []byte) error

	// Settle records evidence from outside (the far side's object names this key):
	// whatever is not Done becomes Done with this result, token or not, and a holder
	// at work is fenced out. It returns the record as it stands after. A key never
	// begun is ErrNotFound.
	Settle(ctx context.Context, key string, result []byte) (Record, error)

	// Get returns a record, or ErrNotFound.
	Get(ctx context.Context, key string) (Record, error)

	// List yields records whose key starts with prefix and that changed at or after
	// since, oldest change first.
	List(ctx context.Context, prefix string, since time.Time) iter.Seq2[Record, error]
}
