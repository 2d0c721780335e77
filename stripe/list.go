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
		for n := 0; ; n++ {
			if n == c.config.MaxPages {
				yield(none, &commerce.Error{Kind: commerce.KindLimit, System: system, Op: op,
					Text: fmt.Sprintf("the list has more than Config.MaxPages = %d pages", n)})
				return
			}
			k := call{op: op, method: http.MethodGet, path: path, params: PP(&p)}
			var got page
			if err := c.do(ctx, k, &got); err != nil {
				yield(none, err)
				return
			}
			if got.Data == nil || got.HasMore == nil {
				yield(none, gap(op, &GapError{Object: "list", Field: "data or has_more", APIVersion: APIVersion}))
				return
			}
			if forward {
				slices.Reverse(got.Data)
			}
			var last string
			for _, raw := range got.Data {
				var v T
				if err := json.Unmarshal(raw, &v); err != nil {
					yield(none, (&flight{status: http.StatusOK}).unreadable(k, err))
					return
				}
				last = idOf(raw)
				if !yield(v, nil) {
					return
				}
			}
			switch {
			case !*got.HasMore || list.Single:
				return
			case last == "":
				yield(none, &commerce.Error{Kind: commerce.KindInternal, System: system, Op: op,
					Text: "an empty page says that there is more"})
				return
			case forward:
				list.EndingBefore = &last
			default:
				list.StartingAfter = &last
			}
		}
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
