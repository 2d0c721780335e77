package vault

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Pattern is something in the access log that a host wants to hear of:
//
//	vault.Pattern{Name: "somebody reads many", Count: 5, Within: 10 * time.Minute,
//		Match: func(a vault.Access) bool { return a.Verb == vault.VerbDisplay },
//		By:    func(a vault.Access) string { return a.Actor }}
//
// Each process counts what it writes itself.
type Pattern struct {
	// Name is what the alarm is called.
	Name string
	// Match says which lines count. Nil = all.
	Match func(Access) bool
	// By says what is counted apart. Nil = everything together.
	By func(Access) string
	// Count is how many lines make the pattern, at most 1,000. Defaults to 1.
	Count int
	// Within is the time in which they come. Defaults to 1 hour.
	Within time.Duration
}

// Alarm is a pattern that was seen.
type Alarm struct {
	Pattern  string
	Accesses []Access // that make it, oldest first
}

func (p Pattern) checked(i int) (Pattern, error) {
	switch {
	case p.Name == "":
		return p, invalid("new access log", "AccessConfig.Patterns[%d].Name is empty", i)
	case p.Count < 0 || p.Count > 1000:
		return p, invalid("new access log", "AccessConfig.Patterns[%d].Count must be 1 to 1000", i)
	case p.Within < 0:
		return p, invalid("new access log", "AccessConfig.Patterns[%d].Within must not be negative", i)
	}
	if p.Match == nil {
		p.Match = func(Access) bool { return true }
	}
	if p.By == nil {
		p.By = func(Access) string { return "" }
	}
	p.Count = max(p.Count, 1)
	if p.Within == 0 {
		p.Within = time.Hour
	}
	return p, nil
}

// maxGroups bounds what is counted apart for one pattern. Beyond it the groups that were
// quiet for Within are forgotten, and then all.
const maxGroups = 10_000

// watch counts lines.
type watch struct {
	mu       sync.Mutex
	patterns []*watched
}

type watched struct {
	Pattern
	recent map[string][]Access // by group
}

// see counts a line and tells of the patterns that it completes, which begin anew.
func (w *watch) see(ctx context.Context, a Access, alert func(context.Context, Alarm)) {
	var seen []Alarm
	w.mu.Lock()
	for _, p := range w.patterns {
		if !p.Match(a) {
			continue
		}
		group := p.By(a)
		old := func(b Access) bool { return a.At.Sub(b.At) > p.Within }
		if len(p.recent) >= maxGroups {
			maps.DeleteFunc(p.recent, func(_ string, lines []Access) bool { return old(lines[len(lines)-1]) })
			if len(p.recent) >= maxGroups {
				clear(p.recent)
			}
		}
		lines := append(slices.DeleteFunc(p.recent[group], old), a)
		if len(lines) < p.Count {
			p.recent[group] = lines
			continue
		}
		delete(p.recent, group)
		seen = append(seen, Alarm{p.Name, lines})
	}
	w.mu.Unlock()
	for _, alarm := range seen {
		alert(ctx, alarm)
	}
}
