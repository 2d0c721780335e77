package idempotency

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/commercesync/commerce"
)

// MaxKey is the longest key in bytes.
const MaxKey = 512

const (
	defaultLease  = time.Minute
	defaultSettle = time.Minute
	recordTimeout = 10 * time.Second
)

// Option is one choice of a single call.
type Option func(*options)

type options struct {
	lease       time.Duration
	fingerprint string
	err         error
}

// For sets the fingerprint: what makes the effect another one (kind, object,
// amount, currency). The same key with other values is a [FingerprintError]. Dates
// and texts do not belong in it. The values are compared by their JSON.
func For(values ...any) Option {
	return func(o *options) {
		b, err := json.Marshal(values)
		if err != nil {
			o.err = commerce.Errorf(commerce.KindInvalid, "idempotency", "fingerprint", "the values have no JSON form: %w", err)
			return
		}
		sum := sha256.Sum256(b)
		o.fingerprint = hex.EncodeToString(sum[:16])
	}
}

// Lease sets how long the caller may act at most. The context of Act ends a tenth
// before. Where the caller's context ends sooner (a worker's does, with its lease),
// the lease is only as long as that asks for, so that a dead worker's key is not
// waited for longer than the worker. Defaults to 1 minute.
func Lease(d time.Duration) Option { return func(o *options) { o.lease = d } }

// FingerprintError says that a key was used for other content before.
type FingerprintError struct {
	Key   string
	State State
}

func (e *FingerprintError) Error() string {
	return fmt.Sprintf("idempotency: key %q stands for other content (%s); use another key, or replay the event with a decision", e.Key, e.State)
}

// ErrorKind is KindInvalid.
func (e *FingerprintError) ErrorKind() commerce.Kind { return commerce.KindInvalid }

// Is makes errors.Is(err, commerce.ErrInvalid) true.
func (e *FingerprintError) Is(target error) bool { return target == commerce.ErrInvalid }

// Do runs fn once per key and remembers its answer. Nothing is known of the far
// side, so the class is Blind: fn runs again only after an error that states
// NotSent (commerce.SafeToRetry); after any other one, and after a crash inside fn,
// the key needs a decision. Where the far side can be asked use [Ensure] or [Run].
//
// Errors: those of [Run].
func Do[T any](ctx context.Context, s Store, key string, fn func(context.Context) (T, error), opts ...Option) (T, error) {
	return Run(ctx, s, key, Effect[T]{Class: Blind, Act: fn}, opts...)
}

// Ensure makes something that can be found by our mark, once per key. find runs
// when an earlier attempt's outcome is unknown and says "absent" with
// commerce.ErrNotFound.
//
// Errors: those of [Run].
func Ensure[T any](ctx context.Context, s Store, key string, find, create func(context.Context) (T, error), opts ...Option) (T, error) {
	return Run(ctx, s, key, Effect[T]{Class: Marked, Find: find, Act: create}, opts...)
}

// Run carries out an effect once per key and returns what it left, from memory
// where it is done.
//
// Errors:
//   - kind parked, with RetryAfter: somebody else holds the key, or an unknown
//     outcome has not settled yet. Nothing was sent.
//   - kind needs_decision, code "outcome_unknown": an attempt may have taken effect
//     and nothing can tell. Nothing was sent now.
//   - *FingerprintError: other content under the key. Nothing was sent.
//   - the error of Act or Find, with the outcome it states.
//   - kind internal where the answer can not be stored; the effect is then Unknown
//     and will be looked up.
func Run[T any](ctx context.Context, s Store, key string, e Effect[T], opts ...Option) (T, error) {
	var zero T
	o := options{lease: defaultLease}
	for _, opt := range opts {
		opt(&o)
	}
	if err := check(ctx, key, e.Class, e.Find != nil, e.Act != nil, o); err != nil {
		return zero, err
	}
	if e.Settle <= 0 {
		e.Settle = defaultSettle
	}
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		if left <= 0 {
			return zero, &commerce.Error{Kind: commerce.KindUnavailable, System: "idempotency", Op: "run " + key,
				Outcome: commerce.NotSent, Text: "the caller's time was over before anything was begun", Err: context.DeadlineExceeded}
		}
		o.lease = min(o.lease, left+left/9+time.Microsecond)
	}
	req := BeginRequest{Key: key, Class: e.Class, Fingerprint: o.fingerprint, Generation: generation(ctx),
		Lease: o.lease, Settle: o.lease + e.Settle}

	// The right to act is believed for the lease less a tenth, counted by the
	// monotonic clock from before the claim was sent.
	begun := time.Now()
	g, err := s.Begin(ctx, req)
	if err != nil {
		return zero, err
	}
	if g.Record.State == Done {
		return decode[T](g.Record)
	}
	if !g.Acquired {
		return zero, &commerce.Error{Kind: commerce.KindParked, System: "idempotency", Op: "begin " + key,
			Outcome: commerce.NotSent, RetryAfter: g.Wait, Text: waiting(g.Record.State)}
	}
	actx, cancel := context.WithDeadline(ctx, begun.Add(o.lease-o.lease/10))
	defer cancel()
	r := &run[T]{s: s, key: key, e: e, req: req, token: g.Record.Token}
	switch {
	case g.Probe && e.Class == Keyed && (e.Retention == 0 || g.Age < e.Retention):
		r.unsettled = true
		return r.act(actx)
	case g.Probe:
		return r.probe(actx)
	case e.Class == Guarded:
		return r.guard(actx)
	default:
		return r.act(actx)
	}
}

func check(ctx context.Context, key string, class Class, find, act bool, o options) error {
	bad := func(format string, args ...any) error {
		e := commerce.Errorf(commerce.KindInvalid, "idempotency", "run", format, args...)
		e.Outcome = commerce.NotSent
		return e
	}
	switch {
	case o.err != nil:
		return o.err
	case key == "" || len(key) > MaxKey:
		return bad("a key has 1 to %d bytes, this one %d", MaxKey, len(key))
	case !act:
		return bad("key %q: Effect.Act is nil", key)
	case class != Keyed && class != Marked && class != Guarded && class != Blind:
		return bad("key %q: Effect.Class is %q, not keyed, marked, guarded or blind", key, class)
	case (class == Marked || class == Guarded) && !find:
		return bad("key %q: class %s needs Effect.Find", key, class)
	case o.lease <= 0:
		return bad("key %q: Lease must be above nought", key)
	case inTx(ctx):
		return bad("key %q: a far effect can not begin inside a database transaction of the caller's; its key must be committed first", key)
	}
	return nil
}

func waiting(s State) string {
	if s == Open {
		return "somebody else is at work on it"
	}
	return "the outcome of an earlier attempt has not settled"
}

// run is one acquired attempt.
type run[T any] struct {
	s     Store
	key   string
	e     Effect[T]
	req   BeginRequest
	token int64
	// unsettled: an earlier attempt may have taken effect and was not looked for, as
	// the far side refuses a second. That this one is not sent says nothing about it.
	unsettled bool
}

// probe looks for what an earlier attempt may have left and acts only where it is
// certainly absent.
func (r *run[T]) probe(ctx context.Context) (T, error) {
	var zero T
	if r.e.Find == nil {
		return zero, r.fail(ctx, Unknown, &commerce.Error{Kind: commerce.KindNeedsDecision, System: "idempotency",
			Op: "run " + r.key, Code: "outcome_unknown", Outcome: commerce.Unknown,
			Text: "an earlier attempt may have taken effect and the far side can not be asked; look, then settle the key"})
	}
	found, err := r.e.Find(ctx)
	switch {
	case err == nil:
		return r.done(ctx, found)
	case !errors.Is(err, commerce.ErrNotFound):
		return zero, r.fail(ctx, Unknown, stillUnknown(r.key, err))
	}
	if _, err := r.s.Restart(ctx, r.key, r.token, r.req); err != nil {
		return zero, err
	}
	return r.act(ctx)
}

// guard reads and compares first: the far side's own state is the proof.
func (r *run[T]) guard(ctx context.Context) (T, error) {
	var zero T
	found, err := r.e.Find(ctx)
	switch {
	case err == nil:
		return r.done(ctx, found)
	case !errors.Is(err, commerce.ErrNotFound):
		return zero, r.fail(ctx, NotSent, err)
	}
	return r.act(ctx)
}

func (r *run[T]) act(ctx context.Context) (T, error) {
	var zero T
	if err := over(ctx); err != nil {
		return zero, r.notSent(ctx, &commerce.Error{Kind: commerce.KindUnavailable, System: "idempotency",
			Op: "run " + r.key, Outcome: commerce.NotSent, Text: "the time to act was over before anything was sent", Err: err})
	}
	left, err := r.e.Act(ctx)
	if err != nil {
		if !commerce.SafeToRetry(err) {
			return zero, r.fail(ctx, Unknown, stillUnknown(r.key, err))
		}
		if r.e.Class == Guarded && refusal(err) {
			// The far side may refuse because somebody else was quicker.
			if found, findErr := r.e.Find(ctx); findErr == nil {
				return r.done(ctx, found)
			}
		}
		return zero, r.notSent(ctx, err)
	}
	if r.e.Class == Guarded { // read back: a late twin may have undone it
		if left, err = r.e.Find(ctx); err != nil {
			return zero, r.fail(ctx, Unknown, stillUnknown(r.key, err))
		}
	}
	return r.done(ctx, left)
}

// over says that the time to act has ended, also where the process was stopped for a
// while and the timer that ends the context has not run yet.
func over(ctx context.Context) error {
	if d, ok := ctx.Deadline(); ok && !time.Now().Before(d) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

// refusal reports whether a far side said no for a reason of its own.
func refusal(err error) bool {
	kind := commerce.KindOf(err)
	return kind.Permanent() || kind == commerce.KindConflict
}

// notSent ends an attempt that took no effect.
func (r *run[T]) notSent(ctx context.Context, err error) error {
	if !r.unsettled {
		return r.fail(ctx, NotSent, err)
	}
	return r.fail(ctx, Unknown, &commerce.Error{Kind: commerce.KindOf(err), System: "idempotency", Op: "run " + r.key,
		Outcome: commerce.Unknown, RetryAfter: commerce.RetryAfter(err), Text: "an earlier attempt may have taken effect", Err: told(err)})
}

// stillUnknown says Unknown for an error of a read or of a write that states
// something else or nothing, so that nobody takes "not found" or "not sent" of a
// probe for the outcome of the operation.
func stillUnknown(key string, err error) error {
	if errors.Is(err, commerce.ErrUnknown) {
		return err
	}
	kind := commerce.KindOf(err)
	if kind.Permanent() {
		// It may have taken effect, so the operation is not settled by a refusal of
		// the probe: look again later.
		kind = commerce.KindUnavailable
	}
	return &commerce.Error{Kind: kind, System: "idempotency", Op: "run " + key, Outcome: commerce.Unknown,
		RetryAfter: commerce.RetryAfter(err), Err: told(err)}
}

// told keeps an error's text where it is known to be safe. Of anybody else's error
// only the type is said: its text may name people, and this one goes into logs and
// dead letters.
func told(err error) error {
	var stated interface{ ErrorKind() commerce.Kind }
	if _, ok := errors.AsType[*commerce.Error](err); ok || errors.As(err, &stated) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return err
	}
	return &untold{err}
}

type untold struct{ err error }

func (u *untold) Error() string {
	return fmt.Sprintf("%T (its text may name people; return a *commerce.Error to have it shown)", u.err)
}
func (u *untold) Unwrap() error { return u.err }

func (r *run[T]) done(ctx context.Context, left T) (T, error) {
	var zero T
	b, err := json.Marshal(left)
	if err != nil {
		return zero, r.fail(ctx, Unknown, commerce.Errorf(commerce.KindInternal, "idempotency", "run "+r.key,
			"what the effect left has no JSON form: %w", err))
	}
	if err := r.end(ctx, Done, b); err != nil {
		return zero, stillUnknown(r.key, err)
	}
	return left, nil
}

// fail records the state and returns the cause; where even that fails the open
// record says the same: unknown once its lease has passed.
func (r *run[T]) fail(ctx context.Context, state State, cause error) error {
	if err := r.end(ctx, state, nil); err != nil {
		return errors.Join(cause, err)
	}
	return cause
}

// end records also when the caller has given up: the outcome is known now and may
// be lost later.
func (r *run[T]) end(ctx context.Context, state State, result []byte) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	return r.s.End(ctx, r.key, r.token, state, result)
}

func decode[T any](rec Record) (T, error) {
	var v T
	if err := json.Unmarshal(rec.Result, &v); err != nil {
		return v, commerce.Errorf(commerce.KindInternal, "idempotency", "recall "+rec.Key,
			"the stored result does not fit the type asked for: %w", err)
	}
	return v, nil
}

// Settled records evidence from outside that the effect of a key is there: an
// object of the far side names it. Unknown becomes Done with what it left; a key
// that is Done stays as it is and its result is returned; a key never begun is
// commerce.ErrNotFound.
func Settled[T any](ctx context.Context, s Store, key string, left T) (T, error) {
	var zero T
	b, err := json.Marshal(left)
	if err != nil {
		return zero, commerce.Errorf(commerce.KindInvalid, "idempotency", "settle "+key, "the result has no JSON form: %w", err)
	}
	rec, err := s.Settle(ctx, key, b)
	if err != nil {
		return zero, err
	}
	return decode[T](rec)
}

type generationKey struct{}

// WithGeneration marks a context with the generation of the event at work, which
// grows with every replay by a person: only a newer one may bring other content
// under a key. The inbox sets it.
func WithGeneration(ctx context.Context, n int64) context.Context {
	return context.WithValue(ctx, generationKey{}, n)
}

func generation(ctx context.Context) int64 {
	n, _ := ctx.Value(generationKey{}).(int64)
	return n
}

type txKey struct{}

// InTx marks a context as inside a database transaction of the caller's. Run
// refuses it: a far effect's key must be committed before the first byte leaves.
func InTx(ctx context.Context) context.Context { return context.WithValue(ctx, txKey{}, true) }

func inTx(ctx context.Context) bool { v, _ := ctx.Value(txKey{}).(bool); return v }
