package vault

import (
	"maps"
	"sync"
	"time"

	"github.com/commercesync/commerce"
)

// place is where a record is.
type place struct {
	owner commerce.Ref
	name  string
}

// tag is the end of a wrapped data key, under which it is remembered: no two are alike,
// and it is quicker to look up than a place.
type tag [16]byte

func tagOf(wrapped []byte) (t tag) {
	copy(t[:], wrapped[max(0, len(wrapped)-len(t)):])
	return t
}

// openers remembers data keys for a while. Whoever asks compares owner, name, version, key
// and wrapped key, so a wrong one is never used; what is forgotten is unwrapped again.
type openers struct {
	size int
	life time.Duration

	mu    sync.RWMutex
	m     map[tag]remembered
	at    map[place]tag
	swept time.Duration
}

type remembered struct {
	*opener
	until time.Duration
}

func newOpeners(size int, life time.Duration) *openers {
	return &openers{size: size, life: life, m: map[tag]remembered{}, at: map[place]tag{}}
}

// get returns what opens a record; nil where nothing does that is remembered.
func (c *openers) get(r *Record, now time.Duration) *opener {
	wrapped := wrappedOf(r.Sealed)
	if wrapped == nil {
		return nil
	}
	c.mu.RLock()
	o, ok := c.m[tagOf(wrapped)]
	c.mu.RUnlock()
	if !ok || now >= o.until || !o.fits(r) {
		return nil
	}
	return o.opener
}

// put remembers an opener, one for each place. What is too old it forgets now and then,
// and anything where there is no room.
func (c *openers) put(o opener, now time.Duration) {
	if c.size <= 0 || c.life <= 0 {
		return
	}
	t := tagOf(o.head)
	c.mu.Lock()
	defer c.mu.Unlock()
	if now-c.swept >= c.life {
		maps.DeleteFunc(c.m, func(_ tag, r remembered) bool { return now >= r.until })
		maps.DeleteFunc(c.at, func(_ place, t tag) bool { _, have := c.m[t]; return !have })
		c.swept = now
	}
	c.forget(o.place)
	if len(c.m) >= c.size {
		for victim := range c.at {
			c.forget(victim)
			break
		}
	}
	c.m[t], c.at[o.place] = remembered{&o, now + c.life}, t
}

func (c *openers) drop(p place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(p)
}

func (c *openers) forget(p place) {
	if t, ok := c.at[p]; ok {
		delete(c.m, t)
		delete(c.at, p)
	}
}
