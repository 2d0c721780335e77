package stripe

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"slices"

	stripego "github.com/stripe/stripe-go/v76"

	"github.com/commercesync/commerce"
)

// List is one page of a list inside another object.
type List[T any] struct {
	Data    []T  `json:"data"`
	HasMore bool `json:"has_more"`
}

// CreatedRange filters a list by time of creation, in seconds since 1970; a bound of 0 is
// none.
type CreatedRange = stripego.RangeQueryParams

// page is one answer to a list request; its elements are read one by one, so that
// those before a bad one are not lost.
type page struct {
	Data    []json.RawMessage `json:"data"`
	HasMore *bool             `json:"has_more"`
}

// pages walks a list, newest first; with EndingBefore forward in time. An error is
// yielded once, as the last thing: a loop that saw none saw everything.
//
// While a page is read the next one is fetched, from its second element on: a loop that
// wants only the first costs nothing more. So two pages are in memory at most.
func pages[T any, P any, PP interface {
	*P
	stripego.ListParamsContainer
	stripego.ParamsContainer
}](ctx context.Context, c *Client, op, path string, params PP) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		var p P
		if params != nil {
			p = *params // ours: the caller's stay as they are
		}
		list := PP(&p).GetListParams()
		if list.Limit == nil {
			list.Limit = new(int64(100))
		}
		forward := list.EndingBefore != nil
		k := call{op: op, method: http.MethodGet, path: path, params: PP(&p)}
		fetch := func(ctx context.Context) (got page, err error) {
			if err := c.do(ctx, k, &got); err != nil {
				return got, err
			}
			if got.Data == nil || got.HasMore == nil {
				return got, gap(op, &GapError{Object: "list", Field: "data or has_more", APIVersion: APIVersion})
			}
			if forward {
				slices.Reverse(got.Data)
			}
			return got, nil
		}
		var next *ahead[page] // nil = not begun
		defer func() { next.stop() }()
		for n := 1; ; n++ {
			var got page
			var err error
			if next == nil {
				got, err = fetch(ctx)
			} else {
				got, err = next.wait()
				next = nil
			}
			if err != nil {
				yield(none, err)
				return
			}
			more, last := *got.HasMore && !list.Single, ""
			if more && len(got.Data) > 0 {
				last = idOf(got.Data[len(got.Data)-1])
			}
			if forward {
				list.EndingBefore = &last
			} else {
				list.StartingAfter = &last
			}
			for i, raw := range got.Data {
				if i == 1 && last != "" && n < c.config.MaxPages {
					next = fetchAhead(ctx, fetch)
				}
				var v T
				if err := json.Unmarshal(raw, &v); err != nil {
					yield(none, (&flight{status: http.StatusOK}).unreadable(k, err))
					return
				}
				if !yield(v, nil) {
					return
				}
			}
			switch {
			case !more:
				return
			case last == "":
				yield(none, &commerce.Error{Kind: commerce.KindInternal, System: system, Op: op,
					Text: "an empty page says that there is more"})
				return
			case n == c.config.MaxPages:
				yield(none, &commerce.Error{Kind: commerce.KindLimit, System: system, Op: op,
					Text: fmt.Sprintf("the list has more than Config.MaxPages = %d pages", n)})
				return
			}
		}
	}
}

// ahead is something that is being fetched while what came before it is read.
type ahead[T any] struct {
	cancel   context.CancelFunc
	done     chan struct{}
	got      T
	err      error
	panicked any
}

func fetchAhead[T any](ctx context.Context, fetch func(context.Context) (T, error)) *ahead[T] {
	a := &ahead[T]{done: make(chan struct{})}
	ctx, a.cancel = context.WithCancel(ctx)
	go func() {
		defer close(a.done)
		defer func() { a.panicked = recover() }()
		a.got, a.err = fetch(ctx)
	}()
	return a
}

// wait returns what was fetched. A panic goes on in who waits for it, where a caller may
// be that recovers.
func (a *ahead[T]) wait() (T, error) {
	<-a.done
	a.cancel()
	if a.panicked != nil {
		panic(a.panicked)
	}
	return a.got, a.err
}

// stop gives the fetching up and returns when it has ended.
func (a *ahead[T]) stop() {
	if a != nil {
		a.cancel()
		<-a.done
	}
}

// pagesOf walks a list that hangs below another object; path has one %s for its id.
func pagesOf[T any, P any, PP interface {
	*P
	stripego.ListParamsContainer
	stripego.ParamsContainer
}](ctx context.Context, c *Client, op, path, id string, params PP) iter.Seq2[T, error] {
	op, path, err := place(op, path, []string{id})
	if err != nil {
		return func(yield func(T, error) bool) {
			var none T
			yield(none, err)
		}
	}
	return pages[T](ctx, c, op, path, params)
}

func gap(op string, g *GapError) error {
	return &commerce.Error{Kind: commerce.KindInvalid, System: system, Op: op, Code: "gap", Err: g}
}
