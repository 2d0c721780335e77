package stripemock

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// judge checks what goes through it: every request that was accepted, every answer,
// and every event, against the document of its own API version. It is a transport for
// clients of the fake, and with webhook for the fake's deliveries.
type judge struct {
	next http.RoundTripper
	docs map[string]*document

	mu      sync.Mutex
	wrong   map[string][]string            // what is wrong, by version and route or event type
	good    map[string]map[string]int      // good answers by version and route
	answers map[string]int                 // all answers by version
	events  map[string]map[string]int      // events by version and type
	ids     map[string][]string            // ids by kind of object
	samples map[string]map[string][]string // parameters that were accepted, by route
}

func newJudge(next http.RoundTripper, docs map[string]*document) *judge {
	j := &judge{next: next, docs: docs, wrong: map[string][]string{}, good: map[string]map[string]int{}, answers: map[string]int{},
		events: map[string]map[string]int{}, ids: map[string][]string{}, samples: map[string]map[string][]string{}}
	for version := range docs {
		j.good[version], j.events[version] = map[string]int{}, map[string]int{}
	}
	return j
}

// note keeps each kind of wrong once.
func (j *judge) note(version, where string, wrong ...string) {
	key := version + " " + where
	for _, w := range wrong {
		if !slices.Contains(j.wrong[key], w) {
			j.wrong[key] = append(j.wrong[key], w)
		}
	}
}

func decode(b []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// RoundTrip sends a request and checks it and its answer.
func (j *judge) RoundTrip(r *http.Request) (*http.Response, error) {
	text := r.URL.RawQuery
	if r.Body != nil && r.Method == http.MethodPost {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		text, r.Body = string(b), io.NopCloser(bytes.NewReader(b))
	}
	form, err := url.ParseQuery(text)
	if err != nil {
		return nil, err
	}
	resp, err := j.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(b))

	j.mu.Lock()
	defer j.mu.Unlock()
	version := resp.Header.Get("Stripe-Version")
	doc := j.docs[version]
	if doc == nil {
		return resp, nil // there is no document of this version
	}
	j.answers[version]++
	path, op := doc.route(r.Method, r.URL.Path)
	where := r.Method + " " + path
	if op == nil {
		if resp.StatusCode == http.StatusOK {
			j.note(version, r.Method+" "+r.URL.Path, "the document has no such route")
		}
		return resp, nil
	}
	v, err := decode(b)
	if err != nil {
		j.note(version, where, err.Error())
		return resp, nil
	}
	params := tree(form)
	j.note(version, where, doc.check("", op.answer(resp.StatusCode), v, expands(params))...)
	if resp.StatusCode != http.StatusOK {
		return resp, nil
	}
	for _, w := range doc.accepts("", op.form(), params) {
		j.note(version, where, "accepted the parameter "+w)
	}
	j.good[version][where]++
	if j.samples[where] == nil {
		j.samples[where] = form
	}
	j.see(v)
	if m, ok := v.(map[string]any); ok {
		list, _ := m["data"].([]any)
		for _, one := range append(list, v) {
			if e, ok := one.(map[string]any); ok && e["object"] == "event" {
				j.event(e)
			}
		}
	}
	return resp, nil
}

// expands are the paths that a request asked to follow, as check names them.
func expands(params map[string]any) (out []string) {
	list, _ := params["expand"].(map[string]any)
	for _, path := range list {
		text, _ := path.(string)
		for i, c := range text {
			if c == '.' {
				out = append(out, text[:i])
			}
		}
		out = append(out, text)
	}
	return out
}

// see remembers the ids of all objects in an answer.
func (j *judge) see(v any) {
	switch v := v.(type) {
	case map[string]any:
		kind, _ := v["object"].(string)
		id, _ := v["id"].(string)
		if id != "" && !slices.Contains(j.ids[kind], id) {
			j.ids[kind] = append(j.ids[kind], id)
		}
		for _, m := range v {
			j.see(m)
		}
	case []any:
		for _, e := range v {
			j.see(e)
		}
	}
}

// event checks an event against the document of the version that it is written in.
func (j *judge) event(e map[string]any) {
	version, _ := e["api_version"].(string)
	doc := j.docs[version]
	if doc == nil {
		return
	}
	kind, _ := e["type"].(string)
	j.events[version][kind]++
	j.note(version, kind, doc.check("", doc.Components.Schemas["event"], e, nil)...)
	if !slices.Contains(doc.eventTypes(), any(kind)) {
		j.note(version, kind, "is no type of event")
	}
	data, _ := e["data"].(map[string]any)
	object, _ := data["object"].(map[string]any)
	name, _ := object["object"].(string)
	s := doc.Components.Schemas[name]
	if s == nil {
		j.note(version, kind, "an object of kind "+name+" is not in the document")
		return
	}
	j.note(version, kind, doc.check("", s, object, nil)...)
	before, _ := data["previous_attributes"].(map[string]any)
	for attribute := range before {
		if s.Properties[attribute] == nil {
			j.note(version, kind, "previous attribute "+attribute+" is not in the document")
		}
	}
}

// eventTypes are the types that a webhook endpoint may ask for.
func (d *document) eventTypes() []any {
	s := d.Paths["/v1/webhook_endpoints"]["post"].form().Properties["enabled_events"]
	return s.Items.Enum
}

// webhook is a transport that takes deliveries: it checks and acknowledges them.
type webhook struct{ *judge }

func (w webhook) RoundTrip(r *http.Request) (*http.Response, error) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	v, err := decode(b)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.event(v.(map[string]any))
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
}
