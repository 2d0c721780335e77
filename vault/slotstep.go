package vault

import (
	"context"
	"errors"
	"time"

	"github.com/commercesync/commerce"
)

// Put brings a credential in. The first one is proved by Verify and is in use at once. A
// later one waits as the next, in place of any that waited, until [Slot.Switch] is called,
// or until [Slot.Step] is called after at; the zero time waits for Switch alone. A later one
// is sealed before the far side is asked about it, so that a token that can not be had
// twice is not lost. The one in use is refused, with kind duplicate; the one that waits already is only
// given its time anew.
func (s *Slot[T]) Put(ctx context.Context, credential T, at time.Time) error {
	if err := s.allow(ctx, VerbRotate); err != nil {
		return err
	}
	known, err := s.known(ctx)
	if err != nil {
		return err
	}
	if known == nil {
		if err := s.verify(ctx, credential); err != nil {
			return err
		}
	}
	return s.change(ctx, "put "+s.c.Name, known, func(st *state[T]) (*Notice, error) {
		h := held[T]{Serial: st.Serial + 1, Value: credential, Put: s.now(), At: at.UTC()}
		if st.Next != nil && st.Next.Value == credential {
			h.Serial, h.Put = st.Next.Serial, st.Next.Put
			st.Next = &h
			return nil, nil
		}
		st.Serial++
		if st.Current == nil {
			if known != nil {
				return nil, s.error(commerce.KindConflict, "the connection ended meanwhile")
			}
			h.At = time.Time{}
			st.Current = &h
			return nil, nil
		}
		if st.Current.Value == credential {
			return nil, s.error(commerce.KindDuplicate, "this credential is in use already")
		}
		if st.Previous != nil && st.Previous.Value == credential { // which ends with it
			return nil, s.error(commerce.KindDuplicate, "this credential is the one before; RollBack takes it again")
		}
		st.Next = &h
		return s.notice(NoticePlanned, st, &h, ""), nil
	})
}

// Discard forgets the next credential.
func (s *Slot[T]) Discard(ctx context.Context) error {
	if err := s.allow(ctx, VerbRotate); err != nil {
		return err
	}
	return s.change(ctx, "discard "+s.c.Name, nil, func(st *state[T]) (*Notice, error) {
		st.Next = nil
		return nil, nil
	})
}

// Switch proves the next credential with Verify and hands it to clients from now on. Where
// it is refused nothing changes, and the error is Verify's. Without a next one the error is
// of kind not found.
func (s *Slot[T]) Switch(ctx context.Context) error {
	if err := s.allow(ctx, VerbRotate); err != nil {
		return err
	}
	return s.doSwitch(ctx, "")
}

func (s *Slot[T]) doSwitch(ctx context.Context, why string) error {
	v, err := s.fresh(ctx)
	if err != nil {
		return err
	}
	next := v.state.Next
	if next == nil {
		return s.error(commerce.KindNotFound, "there is no next credential; Put brings one in")
	}
	if err := s.verify(ctx, next.Value); err != nil {
		return err
	}
	if v.state.Previous != nil {
		if err := s.doRetire(ctx); err != nil {
			return err
		}
		v = nil
	}
	return s.change(ctx, "switch "+s.c.Name, v, s.switched(next.Serial, why))
}

// switched makes the next credential the one in use, if it is the one that was proved. Who
// was second finds it done.
func (s *Slot[T]) switched(serial int64, why string) func(*state[T]) (*Notice, error) {
	return func(st *state[T]) (*Notice, error) {
		switch {
		case st.Current != nil && st.Current.Serial == serial:
			return nil, errUnchanged
		case st.Next == nil || st.Next.Serial != serial:
			return nil, s.error(commerce.KindConflict, "somebody put in another credential meanwhile")
		}
		next := *st.Next
		next.At, next.Waits = time.Time{}, false
		if st.Previous == nil { // else the one in use is dead, see fallBack
			st.Previous, st.Switched = st.Current, s.now()
		}
		st.Current, st.Next = &next, nil
		return s.notice(NoticeSwitched, st, st.Current, why), nil
	}
}

// RollBack takes the credential before again. The one that it replaces becomes the next
// and waits for a person. Where the one before is not kept any more, the error is of kind
// not found. why is for [Notice].
func (s *Slot[T]) RollBack(ctx context.Context, why string) error {
	if err := s.allow(ctx, VerbRollBack); err != nil {
		return err
	}
	v, err := s.fresh(ctx)
	if err != nil {
		return err
	}
	if v.state.Previous == nil {
		return s.error(commerce.KindNotFound, "the credential before is not kept any more")
	}
	return s.change(ctx, "roll back "+s.c.Name, v, s.rolledBack(v.state.Previous.Serial, why))
}

func (s *Slot[T]) rolledBack(serial int64, why string) func(*state[T]) (*Notice, error) {
	return func(st *state[T]) (*Notice, error) {
		switch {
		case st.Current != nil && st.Current.Serial == serial:
			return nil, errUnchanged
		case st.Previous == nil || st.Previous.Serial != serial:
			return nil, s.error(commerce.KindConflict, "somebody ended the watch meanwhile")
		case st.Previous.Ending:
			return nil, s.error(commerce.KindConflict, "the credential before is being retired")
		}
		next := *st.Current
		next.Waits = true
		st.Next, st.Current, st.Previous, st.Switched = &next, st.Previous, nil, time.Time{}
		return s.notice(NoticeRolledBack, st, st.Current, why), nil
	}
}

// Retire ends the credential before at the far side, and forgets it. There is no going
// back from the moment that the far side is asked, also where its answer is an error: do it
// again. Where none is kept nothing happens.
func (s *Slot[T]) Retire(ctx context.Context) error {
	if err := s.allow(ctx, VerbRotate); err != nil {
		return err
	}
	return s.doRetire(ctx)
}

func (s *Slot[T]) doRetire(ctx context.Context) error {
	v, err := s.fresh(ctx)
	if err != nil || v.state.Previous == nil {
		return err
	}
	old := v.state.Previous
	if s.c.Retire != nil {
		ours := false
		err := s.change(ctx, "retire "+s.c.Name, v, func(st *state[T]) (*Notice, error) {
			if ours = st.Previous != nil && st.Previous.Serial == old.Serial; !ours || st.Previous.Ending {
				return nil, errUnchanged
			}
			ending := *st.Previous
			ending.Ending = true
			st.Previous = &ending
			return nil, nil
		})
		if err != nil || !ours {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, s.c.Timeout)
		defer cancel()
		if err := s.c.Retire(ctx, old.Value); err != nil {
			return err
		}
		v = nil
	}
	return s.change(ctx, "retire "+s.c.Name, v, func(st *state[T]) (*Notice, error) {
		if st.Previous == nil || st.Previous.Serial != old.Serial {
			return nil, errUnchanged
		}
		n := s.notice(NoticeRetired, st, st.Previous, "")
		st.Previous, st.Switched = nil, time.Time{}
		return n, nil
	})
}

// Step does what is due: it switches to a next credential whose time has come, and retires
// the one before when it was watched for long enough. Call it at every start and every few
// minutes; several processes may. The status says when there is more to do.
func (s *Slot[T]) Step(ctx context.Context) (Status, error) {
	v, err := s.fresh(ctx)
	if err != nil {
		return Status{}, err
	}
	if p := v.state.Previous; p != nil && !s.c.Now().Before(v.state.Switched.Add(s.c.Watch)) {
		err = s.doRetire(ctx)
	}
	if n := v.state.Next; err == nil && n != nil && !n.At.IsZero() && !s.c.Now().Before(n.At) {
		err = s.doSwitch(ctx, "it was planned for now")
	}
	status, told := s.Status(ctx)
	return status, errors.Join(err, told)
}

// Display opens the credential in use to be shown to a person, if the guard allows it.
func (s *Slot[T]) Display(ctx context.Context) (T, error) {
	var none T
	if err := s.allow(ctx, VerbDisplay); err != nil {
		return none, err
	}
	v, err := s.fresh(ctx)
	if err != nil {
		return none, err
	}
	return v.state.Current.Value, nil
}

// Disconnect forgets all that the slot holds. Clients of this process have nothing from now
// on, others after Refresh at the latest. That the far side ends the credentials is the
// caller's, before this.
func (s *Slot[T]) Disconnect(ctx context.Context) error {
	if err := s.allow(ctx, VerbDisconnect); err != nil {
		return err
	}
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.release()
	for range maxTurns {
		v, err := s.look(ctx)
		if err != nil {
			return err
		}
		if err = s.c.Keeper.Delete(ctx, s.c.Owner, s.c.Name, v.version); !errors.Is(err, commerce.ErrConflict) {
			if err == nil {
				s.view.Store(nil)
			}
			return err
		}
	}
	return s.error(commerce.KindConflict, "other processes were first too often")
}

// fallBack looks for a credential that works where the one in use was refused. Who calls it
// holds the turn. Nil says that there is another one now.
func (s *Slot[T]) fallBack(ctx context.Context, v *view[T]) error {
	st := v.state
	refused := s.error(commerce.KindAuth, "the credential was refused, and there is no other one; put in a new one")
	refused.RetryAfter = s.c.Pause
	if s.c.FallBack == FallBackNever || s.c.Verify == nil || st.Previous == nil && (st.Next == nil || st.Next.Waits) {
		return refused
	}
	if err := s.verify(ctx, st.Current.Value); err == nil || !isRefused(err) {
		if err == nil {
			refused.Text = "the credential was refused, though the far side takes it when asked about it alone"
			return refused
		}
		return err
	}
	for _, other := range []struct {
		h    *held[T]
		take func(int64, string) func(*state[T]) (*Notice, error)
	}{{st.Next, s.switched}, {st.Previous, s.rolledBack}} {
		if other.h == nil || other.h.Waits || other.h.Ending {
			continue
		}
		err := s.verify(ctx, other.h.Value)
		if err == nil {
			return s.changeHere(ctx, "replace "+s.c.Name, v, other.take(other.h.Serial, "the far side refused the one in use"))
		}
		if !isRefused(err) {
			return err
		}
	}
	refused.Text = "the credential was refused, and so are the others in its slot; put in a new one"
	return refused
}

func isRefused(err error) bool {
	kind := commerce.KindOf(err)
	return kind == commerce.KindAuth || kind == commerce.KindForbidden
}

func (s *Slot[T]) verify(ctx context.Context, credential T) error {
	if s.c.Verify == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.c.Timeout)
	defer cancel()
	return s.c.Verify(ctx, credential)
}

func (s *Slot[T]) allow(ctx context.Context, verb Verb) error {
	guard, ok := s.c.Keeper.(interface {
		Allow(context.Context, Action) error
	})
	if !ok {
		return nil
	}
	return guard.Allow(ctx, Action{verb, s.c.Owner, s.c.Name})
}

func (s *Slot[T]) now() time.Time { return s.c.Now().UTC().Truncate(time.Microsecond) }

func (s *Slot[T]) error(kind commerce.Kind, text string) *commerce.Error {
	return &commerce.Error{Kind: kind, System: system, Op: "slot " + s.c.Name, Outcome: commerce.NotSent, Text: text}
}

// fresh is the state as the vault has it now.
func (s *Slot[T]) fresh(ctx context.Context) (*view[T], error) {
	if err := s.take(ctx); err != nil {
		return nil, err
	}
	defer s.release()
	return s.look(ctx)
}

// known is fresh, and nil where the slot is empty.
func (s *Slot[T]) known(ctx context.Context) (*view[T], error) {
	v, err := s.fresh(ctx)
	if errors.Is(err, commerce.ErrNotFound) {
		return nil, nil
	}
	return v, err
}

// errUnchanged says that what was to be done is done.
var errUnchanged = errors.New("unchanged")

// change changes the state by compare and set, and tells of it. v is how it was a moment
// ago; nil = look.
func (s *Slot[T]) change(ctx context.Context, op string, v *view[T], step func(*state[T]) (*Notice, error)) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.release()
	return s.changeHere(ctx, op, v, step)
}

// changeHere is change by who holds the turn.
func (s *Slot[T]) changeHere(ctx context.Context, op string, v *view[T], step func(*state[T]) (*Notice, error)) (err error) {
	for range maxTurns {
		if v == nil {
			if v, err = s.look(ctx); errors.Is(err, commerce.ErrNotFound) {
				v = &view[T]{state: newState[T]()}
			} else if err != nil {
				return err
			}
		}
		st, version := v.state, v.version
		notice, err := step(&st)
		if errors.Is(err, errUnchanged) {
			return nil
		}
		if err != nil {
			return err
		}
		if st.Current == nil {
			return s.error(commerce.KindNotFound, "the slot is empty; Put brings a credential in")
		}
		text, err := writeState(st)
		if err != nil {
			return err
		}
		version, err = s.c.Keeper.Seal(ctx, s.c.Owner, s.c.Name, text, version)
		clear(text)
		if errors.Is(err, commerce.ErrConflict) {
			v = nil
			continue
		}
		if err != nil {
			return err
		}
		s.show(st, version)
		s.refusal = refusal[T]{}
		if notice != nil && s.c.Notify != nil {
			s.c.Notify(ctx, *notice)
		}
		return nil
	}
	return &commerce.Error{Kind: commerce.KindConflict, System: system, Op: op, Outcome: commerce.NotSent, Text: "other processes were first too often"}
}
