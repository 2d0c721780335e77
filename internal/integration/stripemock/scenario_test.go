package stripemock

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// world is a fake in one API version, and a judge of all that goes in and out.
type world struct {
	t       *testing.T
	version string
	now     time.Time
	fake    *stripetest.Fake
	judge   *judge
	as      string // connected account that requests are for; empty = the platform

	before func(route string) // each request of the scenario; nil = nothing
	seen   func(sample, int)  // after it, with the status; nil = nothing
}

func newWorld(t *testing.T, version string, docs map[string]*document) *world {
	t.Helper()
	w := &world{t: t, version: version, now: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)}
	fake, err := stripetest.New(stripetest.Config{APIVersion: version, Now: func() time.Time { return w.now }})
	require.NoError(t, err)
	w.fake, w.judge = fake, newJudge(fake.Transport(), docs)
	return w
}

// doc is the document of the world's version, else that of the pinned one, which has
// the same routes.
func (w *world) doc() *document {
	if d := w.judge.docs[w.version]; d != nil {
		return d
	}
	return w.judge.docs[stripe.APIVersion]
}

// send makes a request, such as "POST /v1/refunds" with "amount=1&charge=ch_1".
func (w *world) send(route, form string) (status int, answer map[string]any) {
	w.t.Helper()
	method, path, _ := strings.Cut(route, " ")
	found, _ := w.doc().route(method, path)
	found = method + " " + found
	if w.before != nil {
		w.before(found)
	}
	status, answer = w.raw(route, form)
	if w.seen != nil {
		values, err := url.ParseQuery(form)
		require.NoError(w.t, err)
		w.seen(sample{route: found, path: route, form: values, answer: answer}, status)
	}
	return status, answer
}

func (w *world) raw(route, form string) (status int, answer map[string]any) {
	w.t.Helper()
	method, path, _ := strings.Cut(route, " ")
	values, err := url.ParseQuery(form)
	require.NoError(w.t, err)
	body := ""
	if form = values.Encode(); method == http.MethodPost {
		body, form = form, ""
	} else if form != "" {
		form = "?" + form
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, "https://api.stripe.com"+path+form, strings.NewReader(body))
	require.NoError(w.t, err)
	r.Header.Set("Authorization", "Bearer sk_test_1")
	if w.as != "" {
		r.Header.Set("Stripe-Account", w.as)
	}
	resp, err := w.judge.RoundTrip(r)
	require.NoError(w.t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	require.NoError(w.t, json.Unmarshal(b, &answer), "%s", b)
	return resp.StatusCode, answer
}

// do makes a request that must succeed, and returns the answer.
func (w *world) do(route, form string) map[string]any {
	w.t.Helper()
	status, answer := w.send(route, form)
	require.Equal(w.t, http.StatusOK, status, "%s?%s: %v", route, form, answer)
	return answer
}

// make makes a request that must succeed, and returns the object's id.
func (w *world) make(route, form string) string {
	w.t.Helper()
	id, _ := w.do(route, form)["id"].(string)
	return id
}

// pass lets time go by and delivers what comes of it.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.now = w.now.Add(d)
	_, err := w.fake.Deliver(w.t.Context(), "https://shop.example/hooks", stripetest.DeliveryOptions{Transport: webhook{w.judge},
		Wait: func(_ context.Context, until time.Time) error { w.now = until; return nil }})
	require.NoError(w.t, err)
}

// modelled are the routes of the document that the fake has, those with fewer holes
// first. What it does not have is an unrecognized URL, or the last word of the path is
// taken for an id.
func modelled(t *testing.T, version string, docs map[string]*document) (routes []string) {
	t.Helper()
	w := newWorld(t, version, docs)
	for path, verbs := range docs[version].Paths {
		for verb := range verbs {
			route := strings.ToUpper(verb) + " " + path
			status, answer := w.send(fill(route, "none"), "")
			e, _ := answer["error"].(map[string]any)
			text, _ := e["message"].(string)
			last := path[strings.LastIndex(path, "/")+1:]
			if status != http.StatusNotFound || !strings.HasPrefix(text, "Unrecognized request URL") && !strings.HasSuffix(text, "'"+last+"'") {
				routes = append(routes, route)
			}
		}
	}
	slices.SortFunc(routes, byHoles)
	return routes
}

// fill puts ids into the holes of a route, from the left.
func fill(route string, ids ...string) string {
	for i := 0; ; i++ {
		before, rest, hole := strings.Cut(route, "{")
		if !hole {
			return route
		}
		_, after, _ := strings.Cut(rest, "}")
		route = before + url.PathEscape(ids[min(i, len(ids)-1)]) + after
	}
}

// readAll reads everything there is, through every route that reads, with every link
// followed that can be.
func (w *world) readAll(routes []string) {
	w.t.Helper()
	doc := w.doc()
	for _, route := range routes {
		path, read := strings.CutPrefix(route, "GET ")
		if !read {
			continue
		}
		op := doc.Paths[path]["get"]
		if len(op.form().Required) > 0 {
			continue // a search, which a scenario makes
		}
		s := doc.resolve(op.answer(http.StatusOK))
		below := ""
		if data := s.Properties["data"]; data != nil && data.Items != nil {
			s, below = data.Items, "data."
		}
		links := doc.links(s)
		for _, ids := range w.paths(path) {
			status, answer := w.send(fill(route, ids...), "")
			if status != http.StatusOK || answer["deleted"] == true {
				continue
			}
			for _, link := range links {
				w.send(fill(route, ids...), "expand[]="+below+link)
			}
			for _, list := range doc.lists(s) {
				status, answer := w.send(fill(route, ids...), "expand[]="+below+list)
				if data, ok := answer["data"].([]any); ok && below != "" {
					if len(data) == 0 {
						continue
					}
					answer, _ = data[0].(map[string]any)
				}
				if _, ok := answer[list]; !ok || status != http.StatusOK {
					w.judge.note(w.version, route, list+" is not there, though the request asked for it")
				}
			}
		}
	}
}

// links are the members of an object that can be expanded.
func (d *document) links(s *schema) (out []string) {
	s = d.resolve(s)
	for _, one := range s.AnyOf {
		out = append(out, d.links(one)...)
	}
	for name, p := range s.Properties {
		if p.Expandable != nil {
			out = append(out, name)
		}
	}
	return out
}

// lists are the members of an object that are there only where a request asks for them.
func (d *document) lists(s *schema) (out []string) {
	s = d.resolve(s)
	for _, one := range s.AnyOf {
		out = append(out, d.lists(one)...)
	}
	for name, p := range s.Properties {
		if slices.Contains(d.kinds(p), "list") && !slices.Contains(s.Required, name) {
			out = append(out, name)
		}
	}
	return out
}

// paths are the ids to put into the holes of a path: of the kinds of object that the
// path so far is read as.
func (w *world) paths(path string) (out [][]string) {
	doc := w.doc()
	out = [][]string{{"none"}}
	if !strings.Contains(path, "{") {
		return out
	}
	out = [][]string{nil}
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if !strings.HasPrefix(part, "{") {
			continue
		}
		var ids []string
		if _, op := doc.route(http.MethodGet, fill(strings.Join(parts[:i+1], "/"), "x")); op != nil {
			for _, kind := range doc.kinds(op.answer(http.StatusOK)) {
				ids = append(ids, w.judge.ids[kind]...)
			}
		}
		var longer [][]string
		for _, start := range out {
			for _, id := range ids {
				longer = append(longer, append(append([]string(nil), start...), id))
			}
		}
		out = longer
	}
	return out
}

// reads are the routes that read some kinds of objects.
func (w *world) reads(kinds ...string) (routes []string) {
	doc := w.doc()
	for path, verbs := range doc.Paths {
		op := verbs[strings.ToLower(http.MethodGet)]
		if op == nil || op.answer(http.StatusOK) == nil {
			continue // it answers with a file
		}
		s := doc.resolve(op.answer(http.StatusOK))
		if data := s.Properties["data"]; data != nil && data.Items != nil {
			s = data.Items
		}
		for _, kind := range doc.kinds(s) {
			if slices.Contains(kinds, kind) {
				routes = append(routes, "GET "+path)
			}
		}
	}
	slices.SortFunc(routes, byHoles)
	return routes
}

// byHoles puts what is read without an id first.
func byHoles(a, b string) int {
	return cmp.Or(cmp.Compare(strings.Count(a, "{"), strings.Count(b, "{")), cmp.Compare(a, b))
}
