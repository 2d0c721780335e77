package inbox

import (
	"context"
	"sync"
	"time"

	"github.com/commercesync/commerce"
)

// AlertKind is what an alert is about.
type AlertKind string

const (
	// AlertDead: an event was buried; a person has to replay or discard it.
	AlertDead AlertKind = "dead"
	// AlertParkedTooMany: more events are parked than Config.MaxParked.
	AlertParkedTooMany AlertKind = "parked_too_many"
	// AlertFarSideDown: a circuit breaker opened; see [FarSide].
	AlertFarSideDown AlertKind = "far_side_down"
	// AlertFeedDown: a feed can not be polled.
	AlertFeedDown AlertKind = "feed_down"
	// AlertCleared: what an earlier alert told is over; Alert.Of says which.
	AlertCleared AlertKind = "cleared"
)

// Alert tells a person about one change. It carries ids and safe texts only.
type Alert struct {
	Kind    AlertKind
	Of      AlertKind    // for AlertCleared: the kind that ended
	Name    string       // the far side or the feed; empty for events
	Seq     int64        // the event's number; 0 where it is not about one
	Event   commerce.Ref // its identity
	Type    string
	Root    string
	Code    string
	Reason  string
	Handler string    // the handler it died of
	Count   int       // how many are parked
	Until   time.Time // when a far side is tried again
}

// Alerter brings an alert to a person. Each change is told once; where it failed to
// be told, nobody tells it again: the dead stay in the list.
type Alerter interface {
	Alert(ctx context.Context, a Alert)
}

// FarSide returns a function for resilience.Breaker.OnChange that tells when a far
// side goes down and when it is back.
func FarSide(to Alerter) func(name string, open bool, until time.Time) {
	var down states
	return func(name string, open bool, until time.Time) {
		if !down.change(name, open) {
			return
		}
		a := Alert{Kind: AlertFarSideDown, Name: name, Until: until}
		if !open {
			a = Alert{Kind: AlertCleared, Of: AlertFarSideDown, Name: name}
		}
		to.Alert(context.Background(), a)
	}
}

// alerts remembers what was told and not cleared.
type alerts struct{ parked, feeds states }

// states remembers which names are in a bad state.
type states struct {
	mu  sync.Mutex
	bad map[string]bool
}

// change notes a state and reports whether it is another one than before.
func (s *states) change(name string, bad bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bad[name] == bad {
		return false
	}
	if s.bad == nil {
		s.bad = map[string]bool{}
	}
	s.bad[name] = bad
	return true
}

func (in *Inbox) alert(ctx context.Context, a Alert) {
	if in.c.Alerter == nil {
		return
	}
	ctx, cancel := in.call(ctx)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			_ = in.panicked(p, "alert", string(a.Kind))
		}
	}()
	in.c.Alerter.Alert(ctx, a)
}

// watch counts what is parked, now and then.
func (in *Inbox) watch(ctx context.Context) {
	for {
		in.countParked(ctx)
		if in.sleep(ctx, in.c.Watch, nil); ctx.Err() != nil {
			return
		}
	}
}

func (in *Inbox) countParked(ctx context.Context) {
	call, cancel := in.call(ctx)
	defer cancel()
	n, err := in.store.Count(call, "")
	if err != nil {
		in.c.Logger.Warn("inbox: count failed", "error", safeText(err))
		return
	}
	// It is over only when half of them are gone, so that a count near the bound
	// does not alert every minute.
	switch {
	case n.Parked > in.c.MaxParked:
		if in.alerts.parked.change("", true) {
			in.alert(ctx, Alert{Kind: AlertParkedTooMany, Count: n.Parked})
		}
	case n.Parked <= in.c.MaxParked/2:
		if in.alerts.parked.change("", false) {
			in.alert(ctx, Alert{Kind: AlertCleared, Of: AlertParkedTooMany, Count: n.Parked})
		}
	}
}
