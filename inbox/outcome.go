package inbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/commercesync/commerce"
)

// failure is a handler that returned an error.
type failure struct {
	handler string
	err     error
}

// verdict is what the handlers' errors mean for an event.
type verdict struct {
	state   State // Done, Dead or Parked
	burn    bool
	handler string // of the branch that decided
	err     error
}

// judge looks at every branch of every handler's error. One that may pass makes the
// event try again, whatever the others say; then one that asks to be parked; only where
// all are permanent the event is dead.
func judge(failed []failure) verdict {
	if len(failed) == 0 {
		return verdict{state: Done}
	}
	var dead, parked, again *failure
	var errs []error
	for i, f := range failed {
		errs = append(errs, f.err)
		for _, k := range commerce.Kinds(f.err) {
			which := &again
			switch {
			case k.Permanent():
				which = &dead
			case k == commerce.KindParked:
				which = &parked
			}
			if *which == nil {
				*which = &failed[i]
			}
		}
	}
	err := errors.Join(errs...)
	switch {
	case again != nil:
		return verdict{Parked, true, again.handler, err}
	case parked != nil:
		return verdict{Parked, false, parked.handler, err}
	default:
		return verdict{Dead, false, dead.handler, dead.err}
	}
}

// conclude turns a verdict into an ending, within the bounds on attempts and age.
func (in *Inbox) conclude(ctx context.Context, end *Ending, e Entry, v verdict) {
	end.State, end.Burn, end.Handler = v.state, v.burn, v.handler
	if v.state == Done {
		return
	}
	end.Code, end.Reason = string(commerce.KindOf(v.err)), in.reason(v.err)
	if v.state == Dead {
		end.Code = in.cut(cmp.Or(codeOf(v.err), end.Code))
		return
	}
	end.Wait = commerce.RetryAfter(v.err)
	if v.burn {
		end.Wait = max(end.Wait, in.spread(in.c.Backoff.grown(e.Attempts)))
	} else if end.Wait == 0 {
		end.Wait = in.spread(in.c.Park)
	}
	// However long a handler asks for: the event is looked at again and found too old.
	end.Wait = min(end.Wait, in.c.MaxAge)
	switch {
	case v.burn && e.Attempts+1 >= in.c.MaxAttempts:
		end.bury("too_many_attempts", in.cut(fmt.Sprintf("failed %d times; the last time: %s", e.Attempts+1, end.Reason)))
	case in.tooOld(ctx, e):
		end.bury("too_old", in.cut(fmt.Sprintf("not done within %s; the last time: %s", in.c.MaxAge, end.Reason)))
	}
}

// codeOf returns the code that the first branch of an error states: the far side's own
// (card_declined) or that of whoever refused (no_order). Empty = it states none.
func codeOf(err error) string {
	for err != nil {
		switch e := err.(type) {
		case *commerce.Error:
			if e.Code != "" {
				return e.Code
			}
		case interface{ Unwrap() []error }:
			err = cmp.Or(e.Unwrap()...)
			continue
		}
		err = errors.Unwrap(err)
	}
	return ""
}

func (end *Ending) bury(code, reason string) {
	end.State, end.Code, end.Reason = Dead, code, reason
	end.Burn, end.Wait = false, 0
}

// tooOld compares an event's age, since it arrived or was last replayed, with MaxAge,
// by the store's clock. Where the store does not answer nothing is too old.
func (in *Inbox) tooOld(ctx context.Context, e Entry) bool {
	call, cancel := in.call(ctx)
	defer cancel()
	now, err := in.store.Now(call)
	if err != nil {
		return false
	}
	since := e.Received
	for _, a := range e.Acts {
		if a.Verb == "replay" && a.At.After(since) {
			since = a.At
		}
	}
	return now.Sub(since) >= in.c.MaxAge
}

func (in *Inbox) reason(err error) string { return in.cut(safeText(err)) }

// cut shortens a text to MaxReason, between two letters.
func (in *Inbox) cut(s string) string {
	if len(s) <= in.c.MaxReason {
		return s
	}
	n := in.c.MaxReason
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// safeText returns what an error says where that is known to be free of credentials
// and personal data: the text of a *commerce.Error and of the sentinels. Of any other
// error only its type is told.
func safeText(err error) string {
	switch e := err.(type) {
	case nil:
		return ""
	case *commerce.Error:
		return e.Error()
	case interface{ ErrorKind() commerce.Kind }:
		return err.Error()
	case interface{ Unwrap() []error }:
		var parts []string
		for _, branch := range e.Unwrap() {
			parts = append(parts, safeText(branch))
		}
		return strings.Join(parts, "; ")
	}
	if err == context.Canceled || err == context.DeadlineExceeded {
		return err.Error()
	}
	if next := errors.Unwrap(err); next != nil {
		return safeText(next)
	}
	return fmt.Sprintf("%T (its text may name people; return a *commerce.Error to have it shown)", err)
}
