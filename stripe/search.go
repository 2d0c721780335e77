package stripe

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"

	stripego "github.com/stripe/stripe-go/v76"

	"github.com/commercesync/commerce"
)

// searched walks the results of a query. It is a tool for people and repairs, not
// for reading after writing: the index lags by up to a minute, in incidents by an
// hour, and accounts in India have none. Stripe allows 20 searches a second.
//
// Source: stripe-mock v0.183.0 (API 2023-10-16) and docs.stripe.com/rate-limits,
// read 2026-11.
func searched[T any](ctx context.Context, c *Client, what, path, query string, expand []string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		k := call{op: "search " + what, method: http.MethodGet, path: path + "/search"}
		if query == "" {
			yield(none, invalid(k.op, "the query is empty"))
			return
		}
		params := &searchParams{}
		params.Query, params.Limit = query, new(int64(100))
		for _, e := range expand {
			// Named as a member of the object; a search wants it below the list.
			params.Expand = append(params.Expand, new("data."+e))
		}
		k.params = params
		for n := 0; ; n++ {
			if n == c.config.MaxPages {
				yield(none, &commerce.Error{Kind: commerce.KindLimit, System: system, Op: k.op,
					Text: fmt.Sprintf("the search has more than Config.MaxPages = %d pages", n)})
				return
			}
			var got struct {
				page
				Next *string `json:"next_page"`
			}
			if err := c.do(ctx, k, &got); err != nil {
				yield(none, err)
				return
			}
			if got.Data == nil || got.HasMore == nil {
				yield(none, gap(k.op, &GapError{Object: "search_result", Field: "data or has_more", APIVersion: APIVersion}))
				return
			}
			for _, raw := range got.Data {
				var v T
				if err := json.Unmarshal(raw, &v); err != nil {
					yield(none, (&flight{status: http.StatusOK}).unreadable(k, err))
					return
				}
				if !yield(v, nil) {
					return
				}
			}
			if !*got.HasMore {
				return
			}
			if got.Next == nil || *got.Next == "" {
				yield(none, gap(k.op, &GapError{Object: "search_result", Field: "next_page", APIVersion: APIVersion}))
				return
			}
			params.Page = got.Next
		}
	}
}

type searchParams struct {
	stripego.SearchParams `form:"*"`
}
