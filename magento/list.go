package magento

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/commercesync/commerce"
)

// page is the answer of a list.
type page[T any] struct {
	Items []T  `json:"items"` // null when empty and fields were asked for
	Total *int `json:"total_count"`
}

// rows reads a page of a list and how many rows fit in all. Every list says so
// (2.4.6-p1, recorded 2026-11): what does not is none, and what is empty beside a count
// is not all. Neither may pass for the end, or for a row that is not there.
func rows[T any](ctx context.Context, cl *Client, op, path string, q params) (items []T, total int, err error) {
	var got page[T]
	if err := cl.read(ctx, op, path, q, &got); err != nil {
		return nil, 0, err
	}
	switch {
	case got.Total == nil:
		return nil, 0, &commerce.Error{Kind: commerce.KindInternal, System: system, Op: op, Text: "the answer has no total_count: it is no list"}
	case len(got.Items) == 0 && *got.Total > 0:
		return nil, 0, &commerce.Error{Kind: commerce.KindUnavailable, System: system, Op: op,
			Text: "the answer has no rows, and its total_count is " + strconv.Itoa(*got.Total)}
	}
	return got.Items, *got.Total, nil
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
// move while one walks are neither lost nor, at one revision, seen twice, however many
// of them one second has. A page without a row of those is an error: the shop, or a
// cache before it, does not answer to what was asked.
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
		p.UpdatedFrom = p.UpdatedFrom.UTC().Truncate(time.Second)
		p.ByID = p.ByID || !l.dated
		for n := 0; ; n++ {
			if n == cl.c.MaxPages {
				yield(none, &commerce.Error{Kind: commerce.KindLimit, System: system, Op: l.op, Code: CodeMaxPages,
					Text: "Config.MaxPages (" + strconv.Itoa(n) + ") is reached; go on from the last row"})
				return
			}
			items, total, err := rows[T](ctx, cl, l.op, l.path, l.criteria(p, cl.c.PageSize).params())
			if err != nil {
				yield(none, err)
				return
			}
			fresh := false
			for _, row := range items {
				id, updated := l.key(row)
				if id == 0 {
					yield(none, &commerce.Error{Kind: commerce.KindInternal, System: system, Op: l.op, Text: "a row has no id"})
					return
				}
				if !p.pass(id, updated) {
					continue // not asked for
				}
				fresh = true
				if !yield(row, nil) {
					return
				}
			}
			switch {
			case len(items) == 0:
				return
			case !fresh:
				yield(none, &commerce.Error{Kind: commerce.KindInternal, System: system, Op: l.op, Code: CodeForeignRows,
					Text: "the answer has only rows that were not asked for"})
				return
			case len(items) >= total:
				return
			}
		}
	}
}

// pass steps to a row and reports whether it lies behind the last one.
func (p *ListParams) pass(id ID, updated time.Time) bool {
	if p.ByID {
		if id <= p.After {
			return false
		}
	} else {
		if c := updated.Compare(p.UpdatedFrom); c < 0 || c == 0 && id <= p.After {
			return false
		}
		p.UpdatedFrom = updated
	}
	p.After = id
	return true
}

// criteria says what lies behind the last row. Groups know no "or" of "and", so that
// "later, or in the same second with a greater id" is said as "not earlier, and later or
// with a greater id".
func (l listing[T]) criteria(p ListParams, size int) criteria {
	c := criteria{groups: append([][]Filter(nil), p.Filters...), sort: []string{l.id}, pageSize: size}
	if p.Fields != nil {
		c.fields = append(l.keys(), p.Fields...)
	}
	second := p.UpdatedFrom.Format(timeLayout)
	behind := []Filter{{l.id, Gt, p.After.String()}}
	if !p.ByID {
		c.sort = []string{"updated_at", l.id}
		behind = append([]Filter{{"updated_at", Gt, second}}, behind...)
	}
	if !p.UpdatedFrom.IsZero() {
		c.groups = append(c.groups, []Filter{{"updated_at", GtEq, second}})
	}
	if p.After > 0 {
		c.groups = append(c.groups, behind)
	}
	if !p.UpdatedTo.IsZero() {
		c.groups = append(c.groups, []Filter{{"updated_at", LtEq, p.UpdatedTo.UTC().Format(timeLayout)}})
	}
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
	if got, _ := l.key(row); got != id && (len(fields) == 0 || slices.Contains(fields, l.keys()[0])) {
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
			q := criteria{groups: groups, sort: sort, pageSize: cl.c.PageSize, page: n}
			items, total, err := rows[T](ctx, cl, op, path, q.params())
			if err != nil {
				yield(none, err)
				return
			}
			for _, row := range items {
				if !yield(row, nil) {
					return
				}
			}
			if seen += len(items); seen >= total {
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
	return &commerce.Error{Kind: commerce.KindLimit, System: system, Op: op, Code: CodeMaxPages, Text: "Config.MaxPages (" + strconv.Itoa(pages) + ") is reached"}
}
