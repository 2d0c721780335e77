package stripetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// event is news of a change, written once and never again.
type event struct {
	id, kind  string
	created   time.Time
	raw       []byte
	delivered bool
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

// emit writes an event in the account's API version, whatever the request's.
func (f *Fake) emit(q *request, kind string, render func(version string) object, previous object) {
	e := &event{id: f.id("evt_"), kind: kind, created: q.now}
	data := object{"object": render(f.config.APIVersion)}
	if previous != nil {
		data["previous_attributes"] = previous
	}
	m := object{
		"id": e.id, "object": "event", "type": kind, "api_version": f.config.APIVersion, "created": q.now.Unix(),
		"livemode": f.config.Livemode, "pending_webhooks": 1, "data": data,
		"request": object{"id": orNull(q.id), "idempotency_key": orNull(q.key)},
	}
	if f.config.Connected {
		m["account"] = f.config.Account
	}
	raw, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("stripetest: event %s: %v", kind, err))
	}
	e.raw = raw
	f.events.add(e)
	f.open = append(f.open, e)
	if f.news != nil {
		close(f.news)
		f.news = nil
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
	d := json.NewDecoder(bytes.NewReader(e.raw))
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
