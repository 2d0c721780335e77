// Package cache remembers what a client has read for a while.
package cache

import (
	"sync"
	"time"
)

// Cache remembers values for a time. It is bounded: where it is full, something
// goes, whatever it is. It is safe for concurrent use.
type Cache[K comparable, V any] struct {
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

// New remembers at most size values, each for ttl; below nought none.
func New[K comparable, V any](ttl time.Duration, size int, now func() time.Time) *Cache[K, V] {
	return &Cache[K, V]{ttl: ttl, size: size, now: now, m: map[K]cached[V]{}}
}

// Get returns a value that is not too old.
func (c *Cache[K, V]) Get(k K) (V, bool) {
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

// Put remembers a value.
func (c *Cache[K, V]) Put(k K, v V) {
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
