package erpnext

import (
	"sync"
	"time"
)

// cache remembers values for a time. It is bounded: where it is full, something
// goes, whatever it is.
type cache[K comparable, V any] struct {
	mu   sync.Mutex
	ttl  time.Duration
	size int
	now  func() time.Time
	m    map[K]cached[V]
}

type cached[V any] struct {
	value V
	until time.Time
}

func newCache[K comparable, V any](c Config, size int) *cache[K, V] {
	return &cache[K, V]{ttl: c.CacheTTL, size: size, now: c.Now, m: map[K]cached[V]{}}
}

func (c *cache[K, V]) get(k K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.m[k]
	if !ok || !c.now().Before(e.until) {
		delete(c.m, k)
		var zero V
		return zero, false
	}
	return e.value, true
}

func (c *cache[K, V]) put(k K, v V) {
	if c.ttl < 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, have := c.m[k]; !have && len(c.m) >= c.size {
		for victim := range c.m {
			delete(c.m, victim)
			break
		}
	}
	c.m[k] = cached[V]{v, c.now().Add(c.ttl)}
}
