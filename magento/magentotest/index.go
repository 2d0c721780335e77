package magentotest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// index finds orders as a database does: by number, by date of change and by state. It
// holds them as others see them.
type index struct {
	byID     []entry
	byState  map[string][]entry
	byChange []entry
}

// entry is an order with what it is found by.
type entry struct {
	id, at int64  // at is updated_at in seconds
	row    *order // as it is kept
	seen   *order // as others see it
}

func (e entry) compare(f entry) int { return cmp.Or(cmp.Compare(e.at, f.at), cmp.Compare(e.id, f.id)) }

// indexed returns the index of what stands in the shop now. What did not change since
// the last time stays in its place.
func (s *Shop) indexed() *index {
	last := s.index
	if last != nil && !s.stale {
		return last
	}
	x := &index{byState: map[string][]entry{}, byID: make([]entry, 0, len(s.orders))}
	if last == nil {
		last = &index{}
		for _, o := range s.orders {
			o.indexed = false
		}
	}
	kept := make([]entry, 0, len(last.byChange))
	for _, e := range last.byChange {
		e.seen = e.row.seen()
		if e.row.indexed = e.seen != nil && e.seen.updated.Unix() == e.at; e.row.indexed {
			kept = append(kept, e)
		}
	}
	var moved []entry
	for _, row := range s.orders {
		o := row.seen()
		if o == nil {
			continue
		}
		e := entry{o.id, o.updated.Unix(), row, o}
		x.byID = append(x.byID, e)
		x.byState[o.state] = append(x.byState[o.state], e)
		if !row.indexed {
			row.indexed = true
			moved = append(moved, e)
		}
	}
	slices.SortFunc(moved, entry.compare)
	x.byChange = make([]entry, 0, len(kept)+len(moved))
	for len(kept) > 0 && len(moved) > 0 {
		from := &kept
		if moved[0].compare(kept[0]) < 0 {
			from = &moved
		}
		x.byChange = append(x.byChange, (*from)[0])
		*from = (*from)[1:]
	}
	x.byChange = append(append(x.byChange, kept...), moved...)
	s.index, s.stale = x, false
	return x
}

// hits returns the orders that fit, in the order that is asked for.
func (x *index) hits(c criteria) []*order {
	var tests []func(entry) bool
	ids, dates := bounds{0, 1 << 62}, bounds{0, 1 << 62}
	var states []string
	for _, g := range c.groups {
		if len(g) == 1 {
			switch f := g[0]; {
			case f.field == "entity_id" && f.integral() && f.bounds():
				ids.narrow(f.condition, int64(f.number/one))
			case f.field == "updated_at" && f.dated() && f.bounds():
				dates.narrow(f.condition, second(f.value))
			case f.field == "state" && f.condition == "in":
				states = strings.Split(f.value, ",")
			case f.field == "state" && f.condition == "eq":
				states = []string{f.value}
			}
		}
		tests = append(tests, anyOf(g))
	}
	byDate := len(c.sorts) > 0 && c.sorts[0] == sortBy{field: "updated_at"} && (len(c.sorts) == 1 || len(c.sorts) == 2 && c.sorts[1] == sortBy{field: "entity_id"})
	among := x.byID
	var from, to int
	if byDate {
		among = x.byChange
		from, _ = slices.BinarySearchFunc(among, dates.low, func(e entry, at int64) int { return cmp.Compare(e.at, at) })
		to, _ = slices.BinarySearchFunc(among, dates.high+1, func(e entry, at int64) int { return cmp.Compare(e.at, at) })
	} else {
		if states != nil {
			among = nil
			for _, state := range states {
				among = append(among, x.byState[state]...)
			}
			slices.SortFunc(among, func(a, b entry) int { return cmp.Compare(a.id, b.id) })
			among = slices.Compact(among)
		}
		from, _ = slices.BinarySearchFunc(among, ids.low, func(e entry, id int64) int { return cmp.Compare(e.id, id) })
		to, _ = slices.BinarySearchFunc(among, ids.high+1, func(e entry, id int64) int { return cmp.Compare(e.id, id) })
	}
	var found []*order
	for _, e := range among[min(from, to):to] {
		if !slices.ContainsFunc(tests, func(test func(entry) bool) bool { return !test(e) }) {
			found = append(found, e.seen)
		}
	}
	if byDate || len(c.sorts) == 1 && c.sorts[0] == (sortBy{field: "entity_id"}) {
		return found
	}
	return inOrder(found, c.sorts, orderColumn)
}

// bounds are the least and the greatest value, both included.
type bounds struct{ low, high int64 }

func (b *bounds) narrow(condition string, to int64) {
	switch condition {
	case "eq":
		b.low, b.high = max(b.low, to), min(b.high, to)
	case "gteq", "from":
		b.low = max(b.low, to)
	case "gt":
		b.low = max(b.low, to+1)
	case "lteq", "to":
		b.high = min(b.high, to)
	case "lt":
		b.high = min(b.high, to-1)
	}
}

// bounds reports whether a filter sets a bound, which an index compares.
func (f filter) bounds() bool {
	return slices.Contains([]string{"eq", "gteq", "from", "gt", "lteq", "to", "lt"}, f.condition)
}

func (f filter) integral() bool {
	_, err := strconv.ParseInt(f.value, 10, 40)
	return err == nil
}

func (f filter) dated() bool {
	_, err := time.Parse(timeLayout, f.value)
	return err == nil
}

func second(value string) int64 {
	t, _ := time.Parse(timeLayout, value)
	return t.Unix()
}

// anyOf tests one group of filters: one of them has to hold. Bounds are compared as
// numbers.
func anyOf(group []filter) func(entry) bool {
	tests := make([]func(entry) bool, len(group))
	for n, f := range group {
		in := bounds{-1 << 62, 1 << 62}
		switch {
		case f.field == "entity_id" && f.integral() && f.bounds():
			in.narrow(f.condition, int64(f.number/one))
			tests[n] = func(e entry) bool { return e.id >= in.low && e.id <= in.high }
		case f.field == "updated_at" && f.dated() && f.bounds():
			in.narrow(f.condition, second(f.value))
			tests[n] = func(e entry) bool { return e.at >= in.low && e.at <= in.high }
		default:
			tests[n] = func(e entry) bool { v, _ := orderColumn(e.seen, f.field); return f.match(v) }
		}
	}
	if len(tests) == 1 {
		return tests[0]
	}
	return func(e entry) bool {
		return slices.ContainsFunc(tests, func(test func(entry) bool) bool { return test(e) })
	}
}
