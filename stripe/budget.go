package stripe

import (
	"net/http"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/resilience"
)

// Limits are Stripe's rate limits for the calls made with one key, by account and by
// endpoint: 100 requests a second (25 in test mode) for each account, of which backfill
// gets 15 (8), and 25 for each endpoint, 20 for searches and files. All clients of
// the key share them if they are given one quota:
//
//	quota, err := resilience.NewQuota(stripe.Limits(commerce.Live)...)
//	config.Resilience.Quota = quota
//
// Live work goes before what is marked by [resilience.WithBackfill].
//
// Source: docs.stripe.com/rate-limits, read 2026-11. That calls for a connected account
// count for that account is not documented.
func Limits(mode commerce.Mode) []resilience.Limit {
	account := resilience.Limit{Requests: 100, Backfill: 15, Of: perAccount}
	if mode != commerce.Live {
		account.Requests, account.Backfill = 25, 8
	}
	return []resilience.Limit{
		account,
		{Requests: 20, Of: under(searches)},
		{Requests: 20, Of: under(files)},
		{Requests: 25, Of: func(r *http.Request) (string, bool) {
			return r.Header.Get("Stripe-Account") + " " + endpointOf(r), true
		}},
	}
}

func perAccount(r *http.Request) (string, bool) { return r.Header.Get("Stripe-Account"), true }

// under limits the requests of each account that are of a kind. Files are limited
// apart for reading and writing.
func under(kind func(*http.Request) bool) func(*http.Request) (string, bool) {
	return func(r *http.Request) (string, bool) {
		return r.Header.Get("Stripe-Account") + " " + r.Method, kind(r)
	}
}

func searches(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/search") }
func files(r *http.Request) bool    { return strings.HasPrefix(r.URL.Path, "/v1/files") }

// endpointOf names what a request is for without its ids: "POST /v1/refunds/*/cancel".
// Names are of small letters and low lines; every id has another character.
func endpointOf(r *http.Request) string {
	parts := strings.Split(r.URL.Path, "/")
	for i, p := range parts {
		if i > 1 && strings.Trim(p, "abcdefghijklmnopqrstuvwxyz_") != "" {
			parts[i] = "*"
		}
	}
	return r.Method + " " + strings.Join(parts, "/")
}
