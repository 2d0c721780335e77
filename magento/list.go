package magento

import (
	"cmp"
	"context"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// Condition compares a field with a value. Magento takes an unknown one as Eq without a
// word (2.4.6-p1, REC 180), so that another than these is refused before it is sent.
type Condition string

// The conditions that Magento knows. In and NotIn take a comma list, Like and
// NotLike % as wildcard, FinSet and NotFinSet one of a stored comma list; From and To
// belong together, in two groups; Null and NotNull take no value.
const (
	Eq        Condition = "eq"
	NotEq     Condition = "neq"
	Gt        Condition = "gt"
	GtEq      Condition = "gteq"
	MoreEq    Condition = "moreq"
	Lt        Condition = "lt"
	LtEq      Condition = "lteq"
	From      Condition = "from"
	To        Condition = "to"
	In        Condition = "in"
	NotIn     Condition = "nin"
	Like      Condition = "like"
	NotLike   Condition = "nlike"
	FinSet    Condition = "finset"
	NotFinSet Condition = "nfinset"
	Null      Condition = "null"
	NotNull   Condition = "notnull"
)

func (c Condition) known() bool {
	switch c {
	case "", Eq, NotEq, Gt, GtEq, MoreEq, Lt, LtEq, From, To, In, NotIn, Like, NotLike, FinSet, NotFinSet, Null, NotNull:
		return true
	}
	return false
}

// Filter is one comparison. An unknown field is answered with a 500, which is an error
// of kind internal and never tried again.
type Filter struct {
	Field string
	Is    Condition // defaults to Eq
	Value string    // times in UTC as "2006-01-02 15:04:05"
}

// ListParams says which rows a list yields.
type ListParams struct {
	// UpdatedFrom and UpdatedTo bound updated_at, both included, in whole seconds of
	// the shop's clock; zero = no bound. A comment, a partial shipment, a track and a
	// changed address do not move an order's (2.4.6-p1, measured 2026-11), so that a
	// walk by updated_at does not see them.
	UpdatedFrom, UpdatedTo time.Time

	// Filters are groups: one filter of a group has to hold, and every group has to.
	// A nil list yields all rows.
	Filters [][]Filter

	// Fields of a row that the shop sends, as in "sku" and "items[sku,qty_ordered]"; the
	// others are empty. What a walk goes by is asked for besides. A nil list asks for
	// all: an order of 30 rows has about 69 kB.
	Fields []string
}

// Where returns the groups for filters that all have to hold.
func Where(filters ...Filter) [][]Filter {
	groups := make([][]Filter, len(filters))
	for i, f := range filters {
		groups[i] = []Filter{f}
	}
	return groups
}

// criteria is a searchCriteria in full.
type criteria struct {
	groups   [][]Filter
	sort     []string // fields, ascending
	pageSize int
	page     int
	fields   []string // of a row; nil = all
}

// params writes the criteria. Page size and order are always said: without a size
// Magento sends all rows, and without an order any.
func (c criteria) params() params {
	var ps params
	for g, group := range c.groups {
		for f, filter := range group {
			at := "searchCriteria[filter_groups][" + strconv.Itoa(g) + "][filters][" + strconv.Itoa(f) + "]"
			is, value := cmp.Or(filter.Is, Eq), filter.Value
			if is == Null || is == NotNull {
				value = "1" // one has to be sent, and it does not matter which
			}
			ps = append(ps, param{at + "[field]", filter.Field}, param{at + "[value]", value}, param{at + "[condition_type]", string(is)})
		}
	}
	for i, field := range c.sort {
		at := "searchCriteria[sortOrders][" + strconv.Itoa(i) + "]"
		ps = append(ps, param{at + "[field]", field}, param{at + "[direction]", "ASC"})
	}
	ps = append(ps, param{"searchCriteria[pageSize]", strconv.Itoa(c.pageSize)})
	if c.page > 0 {
		ps = append(ps, param{"searchCriteria[currentPage]", strconv.Itoa(c.page)})
	}
	if c.fields != nil {
		ps = append(ps, only("items["+strings.Join(c.fields, ",")+"]", "total_count")...)
	}
	return ps
}

// only limits what an answer holds.
func only(fields ...string) params {
	if len(fields) == 0 {
		return nil
	}
	return params{{"fields", strings.Join(fields, ",")}}
}

// page is the answer of a list.
type page[T any] struct {
	Items []T `json:"items"` // null when empty and fields were asked for
	Total int `json:"total_count"`
}

// listing knows how to walk a list of rows.
type listing[T any] struct {
	op   string
	path string
	id   string                  // name of the row's number in filters
	name string                  // and in answers, where that is another one
	key  func(T) (ID, time.Time) // the row's number and updated_at
	// dated: the rows have an updated_at.
	dated bool
}

// walk yields the rows in ascending order of (updated_at, id) or of id alone. It asks
// for what lies above the last row instead of for the next page, so that rows which
// move while one walks are neither lost nor, at one revision, seen twice. It ends by
// total_count and by the rows seen, for up to 2.3 a page past the end repeated the
// last one.
func (l listing[T]) walk(ctx context.Context, cl *Client, p ListParams) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if !l.dated && (!p.UpdatedFrom.IsZero() || !p.UpdatedTo.IsZero()) {
			yield(none, refuse(l.op, "", "these rows have no updated_at; leave ListParams.UpdatedFrom and UpdatedTo empty"))
			return
		}
		for _, group := range p.Filters {
			for _, f := range group {
				if f.Field == "" || !f.Is.known() {
					yield(none, refuse(l.op, "", "filter %.40q %.40q has no field or a condition that Magento does not know", f.Field, f.Is))
					return
				}
			}
		}
		at := cursor{last: p.UpdatedFrom.UTC().Truncate(time.Second), seen: map[ID]bool{}}
		for n := 0; ; n++ {
			if n == cl.c.MaxPages {
				yield(none, &commerce.Error{Kind: commerce.KindLimit, System: system, Op: l.op,
					Text: "Config.MaxPages (" + strconv.Itoa(n) + ") is reached; go on from the last row"})
				return
			}
			var got page[T]
			if err := cl.read(ctx, l.op, l.path, l.criteria(at, p, cl.c.PageSize).params(), &got); err != nil {
				yield(none, err)
				return
			}
			fresh := false
			for _, row := range got.Items {
				id, updated := l.key(row)
				if id == 0 {
					yield(none, &commerce.Error{Kind: commerce.KindInternal, System: system, Op: l.op, Text: "a row has no id"})
					return
				}
				if !at.take(id, updated, l.dated) {
					continue
				}
				fresh = true
				if !yield(row, nil) {
					return
				}
			}
			whole := len(got.Items) == 0 || len(got.Items) >= got.Total
			switch {
			case !whole && !fresh && !at.inside && !at.past && l.dated:
				// A whole page of one second, all seen: go on inside that second, by id.
				at.inside = true
			case at.inside && (whole || !fresh):
				at.inside, at.past = false, true
			case whole || !fresh:
				return
			}
		}
	}
}

// cursor is where a walk stands.
type cursor struct {
	last   time.Time   // the second of the last row
	maxID  ID          // the greatest id seen, in that second if rows are dated
	seen   map[ID]bool // rows of that second
	inside bool        // walking by id inside the second last
	past   bool        // that second is finished
}

// take notes a row and reports whether it is new.
func (c *cursor) take(id ID, updated time.Time, dated bool) bool {
	if dated && updated.Before(c.last) {
		return false // not asked for: a shop that repeats a page
	}
	if dated && !updated.Equal(c.last) {
		c.last, c.maxID, c.past = updated, 0, false
		clear(c.seen)
	}
	if c.seen[id] {
		return false
	}
	if dated {
		c.seen[id] = true
	} else if id <= c.maxID {
		return false
	}
	c.maxID = max(c.maxID, id)
	return true
}

func (l listing[T]) criteria(at cursor, p ListParams, size int) criteria {
	c := criteria{groups: append([][]Filter(nil), p.Filters...), sort: []string{l.id}, pageSize: size}
	if p.Fields != nil {
		c.fields = append(l.keys(), p.Fields...)
	}
	and := func(field string, is Condition, value string) {
		c.groups = append(c.groups, []Filter{{field, is, value}})
	}
	if !l.dated {
		if at.maxID > 0 {
			and(l.id, Gt, at.maxID.String())
		}
		return c
	}
	second := at.last.Format(timeLayout)
	switch {
	case at.inside:
		and("updated_at", Eq, second)
		and(l.id, Gt, at.maxID.String())
		return c
	case at.past:
		and("updated_at", Gt, second)
	case !at.last.IsZero():
		and("updated_at", GtEq, second)
	}
	if !p.UpdatedTo.IsZero() {
		and("updated_at", LtEq, p.UpdatedTo.UTC().Format(timeLayout))
	}
	c.sort = []string{"updated_at", l.id}
	return c
}

// keys are the fields that a walk goes by.
func (l listing[T]) keys() []string {
	keys := []string{cmp.Or(l.name, l.id)}
	if l.dated {
		keys = append(keys, "updated_at")
	}
	return keys
}

// one reads a row by its number, which the answer has to hold.
func (l listing[T]) one(ctx context.Context, cl *Client, what, path string, id ID, fields []string) (T, error) {
	var row, none T
	op := "get " + what + " " + id.String()
	if err := cl.read(ctx, op, path+id.String(), only(fields...), &row); err != nil {
		return none, err
	}
	if got, _ := l.key(row); got != id && len(fields) == 0 {
		return none, &commerce.Error{Kind: commerce.KindInternal, System: system, Op: op, Text: "the answer is about another row"}
	}
	return row, nil
}

// eachPage yields a list that has no number to walk by, by page number.
func eachPage[T any](ctx context.Context, cl *Client, op, path string, groups [][]Filter, sort ...string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		seen := 0
		for n := 1; n <= cl.c.MaxPages; n++ {
			var got page[T]
			q := criteria{groups: groups, sort: sort, pageSize: cl.c.PageSize, page: n}
			if err := cl.read(ctx, op, path, q.params(), &got); err != nil {
				yield(none, err)
				return
			}
			for _, row := range got.Items {
				if !yield(row, nil) {
					return
				}
			}
			if seen += len(got.Items); len(got.Items) == 0 || seen >= got.Total {
				return
			}
		}
		yield(none, tooLong(op, cl.c.MaxPages))
	}
}

// all collects a short list.
func all[T any](list iter.Seq2[T, error]) ([]T, error) {
	var rows []T
	for row, err := range list {
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func tooLong(op string, pages int) error {
	return &commerce.Error{Kind: commerce.KindLimit, System: system, Op: op, Text: "Config.MaxPages (" + strconv.Itoa(pages) + ") is reached"}
}
