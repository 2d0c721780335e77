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

// openers remembers data keys for a while. Whoever asks has read the record and compares,
// so a wrong one is never used; what is forgotten is unwrapped again.
type openers struct {
	size int
	life time.Duration

	mu    sync.RWMutex
	m     map[place]remembered
	swept time.Time
}

type remembered struct {
	*opener
	until time.Time
}

func newOpeners(size int, life time.Duration) *openers {
	return &openers{size: size, life: life, m: map[place]remembered{}}
}

func (c *openers) get(p place, now time.Time) *opener {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if r, ok := c.m[p]; ok && now.Before(r.until) {
		return r.opener
	}
	return nil
}

// put remembers an opener. What is too old it forgets now and then, and anything where
// there is no room.
func (c *openers) put(p place, o opener, now time.Time) {
	if c.size <= 0 || c.life <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.swept) >= c.life {
		maps.DeleteFunc(c.m, func(_ place, r remembered) bool { return !now.Before(r.until) })
		c.swept = now
	}
	if _, have := c.m[p]; !have && len(c.m) >= c.size {
		for victim := range c.m {
			delete(c.m, victim)
			break
		}
	}
	c.m[p] = remembered{&o, now.Add(c.life)}
}

func (c *openers) drop(p place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.m, p)
}
