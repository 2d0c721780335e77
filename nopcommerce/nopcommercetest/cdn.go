package nopcommercetest

import (
	"net/http"
	"strconv"
	"time"
)

// cacheSize is how many answers a CDN keeps.
const cacheSize = 10_000

// cached is an answer that a CDN keeps.
type cached struct {
	answer answer
	at     time.Time
}

// recall returns what the CDN has for a request. It knows path and query only.
func (s *Shop) recall(r *http.Request) (answer, bool) {
	if s.c.CDN == 0 || r.Method != http.MethodGet {
		return answer{}, false
	}
	c, ok := s.cache[r.URL.RequestURI()]
	age := s.c.Now().Sub(c.at)
	if !ok || age >= s.c.CDN {
		return answer{}, false
	}
	s.hidden++
	c.answer.header = http.Header{"Age": {strconv.Itoa(int(age / time.Second))}, "X-Cache": {"HIT"}}
	return c.answer, true
}

// remember lets the CDN keep an answer.
func (s *Shop) remember(r *http.Request, a answer) {
	if s.c.CDN > 0 && r.Method == http.MethodGet && a.status == http.StatusOK {
		if len(s.cache) >= cacheSize {
			clear(s.cache)
		}
		s.cache[r.URL.RequestURI()] = cached{a, s.c.Now()}
	}
}
