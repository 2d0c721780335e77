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

// keyOf is what the CDN knows of a request.
func (s *Shop) keyOf(r *http.Request) string {
	if s.c.CDNIgnoresQuery {
		return r.URL.EscapedPath()
	}
	return r.URL.RequestURI()
}

// recall returns what the CDN has for a request.
func (s *Shop) recall(r *http.Request) (answer, bool) {
	if s.c.CDN == 0 || r.Method != http.MethodGet {
		return answer{}, false
	}
	c, ok := s.cache[s.keyOf(r)]
	age := s.c.Now().Sub(c.at)
	if !ok || age >= s.c.CDN {
		return answer{}, false
	}
	s.hidden++
	c.answer.header = http.Header{"Date": {c.at.Add(s.c.ClockOff).UTC().Format(http.TimeFormat)}}
	if !s.c.CDNHidesAge {
		c.answer.header["Age"], c.answer.header["X-Cache"] = []string{strconv.Itoa(int(age / time.Second))}, []string{"HIT"}
	}
	return c.answer, true
}

// remember lets the CDN keep an answer.
func (s *Shop) remember(r *http.Request, a answer) {
	if s.c.CDN > 0 && r.Method == http.MethodGet && a.status == http.StatusOK {
		if len(s.cache) >= cacheSize {
			clear(s.cache)
		}
		s.cache[s.keyOf(r)] = cached{a, s.c.Now()}
	}
}
