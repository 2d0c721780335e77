package stripetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// event is news of a change, written once and never again.
type event struct {
	id, kind  string
	n         int // how many were written before it, of all accounts
	created   time.Time
	account   string           // of a Connect platform's merchant; empty = the fake's own
	raw       *body            // in the account's API version
	versions  map[string]*body // in those of webhook endpoints, if they are others
	endpoints []*hook          // that it is for and that have not taken it
	delivered bool
}

// in returns the event in the API version of an endpoint; nil stands for the account.
func (e *event) in(h *hook) []byte {
	if h != nil && e.versions[h.version] != nil {
		return e.versions[h.version].text()
	}
	return e.raw.text()
}

// taken reports whether a receiver has acknowledged the event; nil stands for the one
// of a test that set up no endpoint.
func (e *event) taken(h *hook) bool {
	return e.delivered || h != nil && !slices.Contains(e.endpoints, h)
}

// take notes that a receiver has acknowledged the event. It is delivered when all have.
func (e *event) take(h *hook) {
	e.endpoints = slices.DeleteFunc(e.endpoints, func(o *hook) bool { return o == h || h == nil })
	e.delivered = len(e.endpoints) == 0
}

func (e *event) key() string     { return e.id }
func (e *event) when() time.Time { return e.created }
func (e *event) fact(name string) string {
	switch name {
	case "type":
		return e.kind
	case "delivery_success":
		return strconv.FormatBool(e.delivered)
	}
	return ""
}

// emit writes an event in the account's API version and in those of the webhook
// endpoints that it is for, whatever the request's.
func (f *Fake) emit(q *request, kind string, render func(version string) object, previous object) {
	e := &event{id: f.id("evt_"), kind: kind, created: q.now, n: f.home.written}
	f.home.written++
	if f.config.Connected {
		e.account = f.config.Account
	}
	write := func(version string) *body {
		data := object{"object": render(version)}
		if previous != nil {
			data["previous_attributes"] = previous
		}
		m := object{
			"id": e.id, "object": "event", "type": kind, "api_version": version, "created": q.now.Unix(),
			"livemode": f.config.Livemode, "pending_webhooks": 1, "data": data,
			"request": object{"id": orNull(q.id), "idempotency_key": orNull(q.key)},
		}
		if e.account != "" {
			m["account"] = e.account
		}
		raw, err := encode(m)
		if err != nil {
			panic(fmt.Sprintf("stripetest: event %s: %v", kind, err))
		}
		return f.home.archive.add(raw)
	}
	e.raw = write(f.config.APIVersion)
	for _, h := range f.home.hooks.rows {
		if !h.wants(e) {
			continue
		}
		e.endpoints = append(e.endpoints, h)
		h.open = append(h.open, e)
		if h.version != "" && h.version != f.config.APIVersion && e.versions[h.version] == nil {
			if e.versions == nil {
				e.versions = map[string]*body{}
			}
			e.versions[h.version] = write(h.version)
		}
	}
	f.events.add(e)
	f.home.open = append(f.home.open, e)
	if f.home.news != nil {
		close(f.home.news)
		f.home.news = nil
	}
}

func (f *Fake) emitIntent(q *request, what string, i *intent) {
	f.emit(q, "payment_intent."+what, func(v string) object { return f.renderIntent(i, v, nil) }, nil)
}

func (f *Fake) emitCharge(q *request, kind string, c *charge, previous object) {
	f.emit(q, kind, func(v string) object { return f.renderCharge(c, v, nil) }, previous)
}

func (f *Fake) emitSession(q *request, what string, s *session) {
	f.emit(q, "checkout.session."+what, func(v string) object { return f.renderSession(s, v, nil) }, nil)
}

// renderEvent answers with the event as it was written, in its own version.
func (f *Fake) renderEvent(e *event, _ string, _ expansion) object {
	var m object
	d := json.NewDecoder(bytes.NewReader(e.raw.text()))
	d.UseNumber()
	if err := d.Decode(&m); err != nil {
		panic(fmt.Sprintf("stripetest: event %s: %v", e.id, err))
	}
	m["pending_webhooks"] = 1
	if e.delivered {
		m["pending_webhooks"] = 0
	}
	return m
}
