package vault

import (
	"context"

	"github.com/commercesync/commerce"
)

// loaded is a ring and the data keys that were unwrapped under it. A reader works with one
// to its end, whatever is loaded meanwhile.
type loaded struct {
	ring    *Ring
	min     int // the place of the oldest key that is believed
	openers *openers
}

// Reload loads the ring, and forgets all data keys. Where it can not be loaded the one at
// hand stays, and the error says why.
func (v *Vault) Reload(ctx context.Context) error {
	return v.reload(ctx, nil)
}

// reload loads the ring, unless somebody has done so since the caller looked at seen, or
// it was tried a moment ago.
func (v *Vault) reload(ctx context.Context, seen *loaded) error {
	const op = "load ring"
	select {
	case v.loading <- struct{}{}:
		defer func() { <-v.loading }()
	case <-ctx.Done():
		return during(op, "", ctx.Err())
	}
	if seen != nil && (v.current.Load() != seen || v.c.Now().Sub(v.tried) < v.c.ReloadEvery) {
		return nil
	}
	ring, err := v.c.Ring(ctx)
	v.tried = v.c.Now()
	if err != nil {
		return during(op, "", err)
	}
	if ring == nil {
		return invalid(op, "Config.Ring returned none")
	}
	s := &loaded{ring: ring, openers: newOpeners(v.c.CacheSize, v.c.CacheFor, v.clock)}
	if v.c.MinKey != "" {
		at, ok := ring.at[v.c.MinKey]
		if !ok {
			return invalid(op, "Config.MinKey is %q, which is none of the ring's keys: %v", v.c.MinKey, ring)
		}
		if s.min = at; ring.primary < at {
			return invalid(op, "the primary key stands before Config.MinKey in the ring: %v", ring)
		}
	}
	v.current.Store(s)
	return nil
}

// keyOf returns the key that a record is wrapped with, if it may still be used. A key that
// is not known may have come into the ring a moment ago.
func (v *Vault) keyOf(ctx context.Context, id string) (*loaded, Key, error) {
	s := v.current.Load()
	i, ok := s.ring.at[id]
	if !ok {
		err := v.reload(ctx, s)
		s = v.current.Load()
		if i, ok = s.ring.at[id]; !ok {
			e := refused(CodeKeyUnknown).(*commerce.Error)
			e.Err = err
			return s, Key{}, e
		}
	}
	k := s.ring.keys[i]
	switch {
	case k.Retired:
		return s, k, refused(CodeKeyRetired)
	case i < s.min:
		return s, k, refused(CodeKeyTooOld)
	}
	return s, k, nil
}
