package vault

import (
	"context"
	"time"

	"github.com/commercesync/commerce"
)

// loaded is a ring and the data keys that were unwrapped under it. A reader works with one
// to its end, whatever is loaded meanwhile.
type loaded struct {
	ring    *Ring
	min     int // the place of the oldest key that is believed
	openers *openers
}

// key returns a key that may still be used. ok is false where the ring has none of that
// id; the error says why one is not to be used.
func (l *loaded) key(id string) (k Key, ok bool, err error) {
	i, ok := l.ring.at[id]
	if !ok {
		return Key{}, false, nil
	}
	k = l.ring.keys[i]
	switch {
	case k.Retired:
		err = refused(CodeKeyRetired)
	case i < l.min:
		err = refused(CodeKeyTooOld)
	}
	return k, true, err
}

// covers reports that every key which may be used in old may be used in l.
func (l *loaded) covers(old *loaded) bool {
	for _, k := range old.ring.keys {
		if _, ok, err := old.key(k.ID); !ok || err != nil {
			continue
		}
		if _, ok, err := l.key(k.ID); !ok || err != nil {
			return false
		}
	}
	return true
}

// Reload loads the ring now, and forgets the data keys if a key is not to be used any
// more. Where it can not be loaded the one at hand stays, and the error says why.
func (v *Vault) Reload(ctx context.Context) error {
	select {
	case v.loading <- struct{}{}:
		defer func() { <-v.loading }()
	case <-ctx.Done():
		return during("load ring", "", ctx.Err())
	}
	return v.load(ctx)
}

// ring returns the ring at hand. Whoever comes first after its time loads it again, the
// others do not wait for that.
func (v *Vault) ring(ctx context.Context, now time.Duration) *loaded {
	if next := v.next.Load(); next != 0 && int64(now) >= next {
		select {
		case v.loading <- struct{}{}:
			if v.next.Load() == next { // nobody was quicker
				if err := v.load(ctx); err != nil && ctx.Err() == nil {
					v.c.Logger.WarnContext(ctx, "vault: the ring could not be loaded again; the one at hand stays in use", "error", err)
				}
			}
			<-v.loading
		default:
		}
	}
	return v.current.Load()
}

// met loads the ring because of a key that seen does not have, unless somebody has done so
// meanwhile, or it was tried a moment ago.
func (v *Vault) met(ctx context.Context, seen *loaded) error {
	select {
	case v.loading <- struct{}{}:
		defer func() { <-v.loading }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if v.current.Load() != seen || v.clock()-v.tried < v.c.ReloadEvery {
		return v.failed
	}
	return v.load(ctx)
}

// load loads the ring; the caller holds v.loading.
func (v *Vault) load(ctx context.Context) (err error) {
	const op = "load ring"
	defer func() { v.failed = err }()
	ctx, cancel := context.WithTimeout(ctx, v.c.RingTimeout)
	defer cancel()
	l := &loaded{}
	l.ring, err = v.c.Ring(ctx)
	v.tried = v.clock()
	if v.c.RingFor > 0 {
		v.next.Store(int64(v.tried + v.c.ReloadEvery))
	}
	if err != nil {
		return during(op, "", err)
	}
	if l.ring == nil {
		return invalid(op, "Config.Ring returned none")
	}
	if v.c.MinKey != "" {
		at, ok := l.ring.at[v.c.MinKey]
		if !ok {
			return invalid(op, "Config.MinKey is %q, which is none of the ring's keys: %v", v.c.MinKey, l.ring)
		}
		if l.min = at; l.ring.primary < at {
			return invalid(op, "the primary key stands before Config.MinKey in the ring: %v", l.ring)
		}
	}
	if old := v.current.Load(); old != nil && l.covers(old) {
		l.openers = old.openers
	} else {
		l.openers = newOpeners(v.c.CacheSize, v.c.CacheFor)
	}
	v.current.Store(l)
	if v.c.RingFor > 0 {
		v.next.Store(int64(v.tried + v.c.RingFor))
	}
	return nil
}

// keyOf returns the key that a record is wrapped with, if it may still be used. A key that
// is not known may have come into the ring a moment ago.
func (v *Vault) keyOf(ctx context.Context, id string) (*loaded, Key, error) {
	l := v.current.Load()
	k, ok, err := l.key(id)
	if !ok {
		why := v.met(ctx, l)
		l = v.current.Load()
		if k, ok, err = l.key(id); !ok {
			e := refused(CodeKeyUnknown).(*commerce.Error)
			if why != nil {
				e.Err = cause(why)
			}
			return l, k, e
		}
	}
	return l, k, err
}
