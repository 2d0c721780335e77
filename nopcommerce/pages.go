package nopcommerce

import (
	"context"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/commercesync/commerce"
)

// page is the envelope of the official lists. Pages count from 0.
type page[T any] struct {
	Items     []T  `json:"items"`
	Total     int  `json:"total_count"`
	PageIndex *int `json:"page_index"`
	HasNext   bool `json:"has_next_page"`
}

// turn asks for one page and requires that it is that one.
func turn[T any](ctx context.Context, cl *Client, op, path string, q params, index, size int) (page[T], error) {
	var got page[T]
	q = append(append(params(nil), q...), param{"pageIndex", strconv.Itoa(index)}, param{"pageSize", strconv.Itoa(size)})
	if err := cl.find(ctx, op, path, q, &got); err != nil {
		return got, err
	}
	if got.PageIndex == nil || *got.PageIndex != index {
		return got, &commerce.Error{Kind: commerce.KindInternal, System: system, Op: op, Status: http.StatusOK, Code: CodeWrongRow,
			Text: "the answer is not the page that was asked for"}
	}
	return got, nil
}

// count asks how many rows a list has.
func count(ctx context.Context, cl *Client, op, path string, q params) (int, error) {
	var got page[anything]
	q = append(append(params(nil), q...), param{"pageIndex", "0"}, param{"pageSize", "1"}, param{"getOnlyTotalCount", "true"})
	err := cl.find(ctx, op, path, q, &got)
	return got.Total, err
}

// byPage yields a list that has no key to walk by. If its length changes meanwhile, rows
// may have moved over the edge of a page, and the walk ends with an error of kind conflict.
func byPage[T any](ctx context.Context, cl *Client, op, path string, q params) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if err := cl.offers(op, Official, false); err != nil {
			yield(none, err)
			return
		}
		total := 0
		for n := range cl.c.MaxPages {
			got, err := turn[T](ctx, cl, op, path, q, n, cl.c.PageSize)
			if err == nil && n > 0 && got.Total != total {
				err = conflict(op, "the list changed while it was walked; begin again")
			}
			if err != nil {
				yield(none, err)
				return
			}
			total = got.Total
			for _, row := range got.Items {
				if !yield(row, nil) {
					return
				}
			}
			if !got.HasNext || len(got.Items) == 0 {
				return
			}
		}
		yield(none, tooLong(op, cl.c.MaxPages))
	}
}

// newestFirst yields a list that the shop sorts by its created_on_utc, downwards. It asks
// for what is not newer than the last row instead of for the next page, so that rows which
// come or leave while one walks move no other one. Bounds are rounded up to whole seconds,
// since a database may keep fewer digits than it shows, and rows seen are dropped. A page
// that ends in the second where it begins is asked for again in twice the size. upTo is the
// name of the bound; without one the walk begins at what is newest in its first answer.
func newestFirst[T any](ctx context.Context, cl *Client, op, path string, q params, upTo string, to time.Time, key func(T) (ID, time.Time)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if err := cl.offers(op, Official, false); err != nil {
			yield(none, err)
			return
		}
		seen := map[ID]time.Time{} // the rows at or after the second of the bound
		size := cl.c.PageSize
		for range cl.c.MaxPages {
			got, err := turn[T](ctx, cl, op, path, append(append(params(nil), q...), param{upTo, moment(to)}), 0, size)
			if err != nil {
				yield(none, err)
				return
			}
			var last time.Time
			for _, row := range got.Items {
				id, created := key(row)
				if id <= 0 {
					yield(none, wrongRow(op))
					return
				}
				if last = created; !to.IsZero() && created.After(to.Add(time.Second)) {
					yield(none, unasked(op))
					return
				}
				if _, again := seen[id]; again {
					continue
				}
				seen[id] = created
				if !yield(row, nil) {
					return
				}
			}
			if !got.HasNext || len(got.Items) == 0 {
				return
			}
			next := last.Truncate(time.Second)
			if next.Before(last) {
				next = next.Add(time.Second)
			}
			if !to.IsZero() && !next.Before(to) {
				size *= 2 // Config.MaxBody bounds it
				continue
			}
			to = next
			for id, created := range seen {
				if created.After(to) {
					delete(seen, id)
				}
			}
			size = cl.c.PageSize + len(seen) // those come again
		}
		yield(none, tooLong(op, cl.c.MaxPages))
	}
}

// ascending yields a list of the community API, which is sorted by id.
func ascending[T any](ctx context.Context, cl *Client, op, path, name string, q params, id func(T) ID) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		since := ID(0)
		for range cl.c.MaxPages {
			var got map[string][]T
			asked := append(append(params(nil), q...), param{"limit", strconv.Itoa(cl.c.PageSize)}, param{"since_id", since.String()})
			if err := cl.find(ctx, op, path, asked, &got); err != nil {
				yield(none, err)
				return
			}
			rows, ok := got[name]
			if !ok {
				yield(none, wrongRow(op))
				return
			}
			for _, row := range rows {
				if id(row) <= since {
					yield(none, wrongRow(op)) // since_id was ignored: the walk would not end
					return
				}
				since = id(row)
				if !yield(row, nil) {
					return
				}
			}
			if len(rows) < cl.c.PageSize {
				return
			}
		}
		yield(none, tooLong(op, cl.c.MaxPages))
	}
}

// single reads a row of the community API, which comes in a list.
func single[T any](ctx context.Context, cl *Client, op, path, name string, id ID, of func(T) ID) (T, error) {
	var none T
	var got map[string][]T
	if err := cl.get(ctx, op, path+id.String(), nil, &got); err != nil {
		return none, err
	}
	if len(got[name]) != 1 || of(got[name][0]) != id {
		return none, wrongRow(op)
	}
	return got[name][0], nil
}

// unasked is about a list with a row that its query leaves out: an answer to another query,
// which a cache gives that looks at the path alone.
func unasked(op string) error {
	return &commerce.Error{Kind: commerce.KindInternal, System: system, Op: op, Status: http.StatusOK, Code: CodeWrongRow,
		Text: "the answer has a row that was not asked for; keep caches from " + Official.prefix()}
}

func tooLong(op string, pages int) error {
	return &commerce.Error{Kind: commerce.KindLimit, System: system, Op: op,
		Text: "Config.MaxPages (" + strconv.Itoa(pages) + ") is reached"}
}
