package vault

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/commercesync/commerce"
)

// FallBack is what happens when the far side refuses the credential in use and the slot
// holds another one.
type FallBack string

const (
	// FallBackProven takes the other one, once Verify has shown that the far side refuses
	// the one and accepts the other. It is the default.
	FallBackProven FallBack = "proven"
	// FallBackNever leaves it to a person.
	FallBackNever FallBack = "never"
)

// SlotConfig configures a [Slot]. Keeper, Owner and Name must be set.
type SlotConfig[T comparable] struct {
	// Keeper holds the state: a [Vault], or a [Guard] before one, which is asked before
	// Put, Switch, Discard, RollBack, Retire, Display and Disconnect, and not before what
	// happens by itself.
	Keeper Keeper
	// Owner and Name say whose credential it is and what for. Owner.ID may be empty.
	Owner commerce.Ref
	Name  string

	// Verify asks the far side whether it takes a credential: one cheap read with a client
	// of its own. An error of kind auth or forbidden says that it does not; others say
	// that nobody knows. Nil takes every credential on trust, as nobody can be asked about
	// the secret of a webhook; then nothing falls back.
	Verify func(ctx context.Context, credential T) error
	// Retire ends a credential at the far side when nobody needs it any more. It may be
	// called again for one that it ended. Nil leaves that to a person.
	Retire func(ctx context.Context, credential T) error
	// Notify hears of each step, once: of the process that made it. It must not wait for
	// anybody.
	Notify func(ctx context.Context, n Notice)

	// FallBack defaults to FallBackProven.
	FallBack FallBack
	// Watch is how long the credential before is kept after a switch, to go back to. It is
	// at least twice Refresh, since that long another process may still use it. Defaults
	// to 24 hours.
	Watch time.Duration
	// Refresh is how old a copy of the state may be before the vault is looked at again.
	// A refused credential is looked up at once. Defaults to 1 minute.
	Refresh time.Duration
	// Pause is how long a refusal stands, or that the vault has none, before it and the far
	// side are asked again, whoever comes. Defaults to 10 seconds.
	Pause time.Duration
	// Timeout bounds each call of Verify and Retire. Defaults to 10 seconds.
	Timeout time.Duration
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// Slot is a place for one credential that can be replaced while clients use it:
//
//	Put      the new one is sealed beside the one in use
//	Switch   Verify proves it, and clients have it from now on
//	         both are kept for Watch: where the new one is refused, the old one comes back
//	Retire   the old one is ended at the far side and forgotten
//
// All of its state is one sealed record, changed by compare and set, so that any number of
// processes agree and a crash at any point leaves a whole step. It is a
// [commerce.Credentials], safe for concurrent use; give it to the clients.
//
// T is what clients take: a [commerce.Secret], or a struct with exported fields of text and
// secrets, such as magento.Keys.
type Slot[T comparable] struct {
	c    SlotConfig[T]
	view atomic.Pointer[view[T]]
	turn chan struct{} // holds one while the vault or the far side is asked: single flight

	refusal refusal[T] // guarded by turn
	failed  time.Time  // guarded by turn: when the vault was last asked in vain, and
	failure error      // guarded by turn: what came of it
}

// view is a copy of the state, as clients see it.
type view[T comparable] struct {
	state   state[T]
	version int64
	looked  time.Time
}

// refusal is an answer that stands for a while.
type refusal[T comparable] struct {
	of    T
	err   error
	until time.Time
}

// NewSlot checks the config. It does not look into the vault. An error is of kind invalid
// and names the field.
func NewSlot[T comparable](c SlotConfig[T]) (*Slot[T], error) {
	const op = "new slot"
	if c.FallBack == "" {
		c.FallBack = FallBackProven
	}
	for _, d := range []struct {
		name  string
		value *time.Duration
		std   time.Duration
	}{{"Watch", &c.Watch, 24 * time.Hour}, {"Refresh", &c.Refresh, time.Minute}, {"Pause", &c.Pause, 10 * time.Second}, {"Timeout", &c.Timeout, 10 * time.Second}} {
		if *d.value < 0 {
			return nil, invalid(op, "SlotConfig.%s must not be negative", d.name)
		}
		if *d.value == 0 {
			*d.value = d.std
		}
	}
	switch {
	case c.Keeper == nil:
		return nil, invalid(op, "SlotConfig.Keeper is not set")
	case c.Owner.System == "":
		return nil, invalid(op, "SlotConfig.Owner has no System")
	case c.Name == "":
		return nil, invalid(op, "SlotConfig.Name is not set")
	case c.FallBack != FallBackProven && c.FallBack != FallBackNever:
		return nil, invalid(op, "SlotConfig.FallBack %q is not known", c.FallBack)
	case c.Watch < 2*c.Refresh:
		return nil, invalid(op, "SlotConfig.Watch must be at least twice Refresh")
	}
	if err := sealable[T](); err != nil {
		return nil, err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Slot[T]{c: c, turn: make(chan struct{}, 1)}, nil
}

var _ commerce.Credentials[commerce.Secret] = (*Slot[commerce.Secret])(nil)

// Current returns the credential in use. While the vault can not be reached it goes on with
// what it knows.
func (s *Slot[T]) Current(ctx context.Context) (T, error) {
	v, err := s.recent(ctx)
	if err != nil {
		var none T
		return none, err
	}
	return v.state.Current.Value, nil
}

// Rejected implements [commerce.Credentials]: the vault is looked at once for all who come,
// and if it has nothing new the far side is asked, see [FallBack]. The answer stands for
// Pause.
func (s *Slot[T]) Rejected(ctx context.Context, refused T) error {
	if s.replaced(refused) {
		return nil
	}
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.release()
	if s.replaced(refused) {
		return nil // whoever was first has looked
	}
	if s.refusal.err != nil && s.refusal.of == refused && s.c.Now().Before(s.refusal.until) {
		return s.refusal.err
	}
	v, err := s.look(ctx)
	if err == nil && v.state.Current.Value == refused {
		err = s.fallBack(ctx, v)
	}
	if err != nil && ctx.Err() == nil {
		s.refusal = refusal[T]{refused, err, s.c.Now().Add(s.c.Pause)}
	}
	return err
}

// replaced reports that clients have another credential than this one.
func (s *Slot[T]) replaced(refused T) bool {
	v := s.view.Load()
	return v != nil && v.state.Current.Value != refused
}

// Accepted are all credentials that the slot holds: the one in use, the next as soon as it
// is put, and the one before while it is kept. It is for whoever checks what others sign,
// since a webhook's sender goes over to a new secret at a moment of its own.
func (s *Slot[T]) Accepted() commerce.Credentials[[]T] { return accepted[T]{s} }

type accepted[T comparable] struct{ *Slot[T] }

func (a accepted[T]) Current(ctx context.Context) ([]T, error) {
	v, err := a.recent(ctx)
	if err != nil {
		return nil, err
	}
	return v.state.all(), nil
}

func (a accepted[T]) Rejected(ctx context.Context, refused []T) error {
	err := errors.New("there are no credentials")
	for _, r := range refused {
		if err = a.Slot.Rejected(ctx, r); err == nil {
			return nil
		}
	}
	return err
}

// recent is a view that is younger than Refresh, or the last one where there is no younger.
func (s *Slot[T]) recent(ctx context.Context) (*view[T], error) {
	v := s.view.Load()
	if v != nil {
		if s.c.Now().Sub(v.looked) < s.c.Refresh {
			return v, nil
		}
	}
	old := v == nil || s.c.Now().Sub(v.looked) >= 2*s.c.Refresh // then the one in it may be retired
	select {
	case s.turn <- struct{}{}:
	default:
		if !old {
			return v, nil // somebody looks already
		}
		if err := s.take(ctx); err != nil {
			return nil, err
		}
	}
	defer s.release()
	if now := s.view.Load(); now != nil && now != v {
		return now, nil
	}
	if s.failure != nil && s.c.Now().Sub(s.failed) < s.c.Pause {
		if v == nil {
			return nil, s.failure
		}
		return v, nil
	}
	next, err := s.look(ctx)
	switch {
	case err == nil:
		return next, nil
	case v != nil && s.view.Load() != nil:
		return v, nil //nolint:nilerr // the vault is away, and the credential is still good
	}
	return nil, err
}

func (s *Slot[T]) take(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return &commerce.Error{Kind: commerce.KindUnavailable, System: system, Op: "open " + s.c.Name, Outcome: commerce.NotSent, Err: ctx.Err()}
	}
}

func (s *Slot[T]) release() { <-s.turn }

// look reads the state. Who calls it holds the turn.
func (s *Slot[T]) look(ctx context.Context) (*view[T], error) {
	if actor, purpose := actorOf(ctx); purpose == "" {
		ctx = As(ctx, actor, "use")
	}
	text, version, err := s.c.Keeper.Open(ctx, s.c.Owner, s.c.Name)
	defer clear(text)
	var st state[T]
	if err == nil {
		st, err = readState[T](text)
	}
	if err == nil {
		return s.show(st, version), nil
	}
	if errors.Is(err, commerce.ErrNotFound) {
		s.view.Store(nil) // disconnected: nobody goes on with it
	}
	if ctx.Err() == nil {
		s.failed, s.failure = s.c.Now(), err
	}
	return nil, err
}

func (s *Slot[T]) show(st state[T], version int64) *view[T] {
	v := &view[T]{st, version, s.c.Now()}
	s.view.Store(v)
	s.failure = nil
	return v
}
