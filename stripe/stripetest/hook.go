package stripetest

import (
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce/stripe"
)

// hook is a webhook endpoint that a program has set up. Deliveries to it are the test's
// to make, see DeliveryOptions.Endpoint.
type hook struct {
	id          string
	created     time.Time
	url         string
	events      []string
	version     string
	disabled    bool
	description string
	metadata    map[string]string
	secret      string
	connect     bool
	open        []*event // to be delivered to it, and in no Deliver's hands
}

// wants reports whether an event is for the endpoint.
func (h *hook) wants(e *event) bool {
	return !h.disabled && h.connect == (e.account != "") && (slices.Contains(h.events, "*") || slices.Contains(h.events, e.kind))
}

func (h *hook) key() string        { return h.id }
func (h *hook) when() time.Time    { return h.created }
func (h *hook) fact(string) string { return "" }

// tellable reports whether Stripe has events of a type, as far as the fake knows: of
// balances and payouts it knows all. Source: stripe-mock's document of 2023-10-16.
func tellable(kind string) bool {
	switch resource, what, _ := strings.Cut(kind, "."); resource {
	case "balance":
		return what == "available"
	case "payout":
		return slices.Contains([]string{"canceled", "created", "failed", "paid", "reconciliation_completed", "updated"}, what)
	}
	return kind == "*" || strings.Contains(kind, ".")
}

func (f *Fake) createHook(q *request) (object, *problem) {
	if p := q.form.only("url", "enabled_events", "api_version", "connect", "description", "metadata", "expand"); p != nil {
		return nil, p
	}
	h := &hook{created: q.now, url: q.form.get("url"), events: q.form.array("enabled_events"),
		version: q.form.get("api_version"), connect: q.form.get("connect") == "true", description: q.form.get("description")}
	if len(h.events) == 0 {
		return nil, badParam("enabled_events", "parameter_missing", "Missing required param: enabled_events.")
	}
	if !strings.HasPrefix(h.url, "https://") {
		return nil, badParam("url", "url_invalid", "Invalid URL: An explicit scheme (such as https) must be provided.")
	}
	for _, kind := range h.events {
		if !tellable(kind) {
			return nil, badParam("enabled_events", "", "Invalid enabled_events: "+kind)
		}
	}
	if h.version != "" && !known(h.version) {
		return nil, badParam("api_version", "", "Invalid API version: "+h.version)
	}
	var p *problem
	if h.metadata, p = q.form.metadata("metadata", nil); p != nil {
		return nil, p
	}
	h.id, h.secret = f.id("we_"), f.id("whsec_")
	f.hooks.add(h)
	m := f.renderHook(h, q.version, nil)
	m["secret"] = h.secret // said once
	return m, nil
}

func (f *Fake) updateHook(q *request, id string) (object, *problem) {
	h, ok := f.hooks.get(id)
	if !ok {
		return nil, missing("webhook_endpoint", id)
	}
	if p := q.form.only("url", "enabled_events", "disabled", "description", "metadata", "expand"); p != nil {
		return nil, p
	}
	metadata, p := q.form.metadata("metadata", h.metadata)
	if p != nil {
		return nil, p
	}
	for _, kind := range q.form.array("enabled_events") {
		if !tellable(kind) {
			return nil, badParam("enabled_events", "", "Invalid enabled_events: "+kind)
		}
	}
	h.metadata = metadata
	if events := q.form.array("enabled_events"); len(events) > 0 {
		h.events = events
	}
	if q.form.has("disabled") {
		h.disabled = q.form.get("disabled") == "true"
	}
	for name, field := range map[string]*string{"url": &h.url, "description": &h.description} {
		if q.form.has(name) {
			*field = q.form.get(name)
		}
	}
	return f.renderHook(h, q.version, nil), nil
}

func (f *Fake) deleteHook(q *request, id string) (object, *problem) {
	if p := q.form.only(); p != nil {
		return nil, p
	}
	if _, ok := f.hooks.get(id); !ok {
		return nil, missing("webhook_endpoint", id)
	}
	f.hooks.remove(id)
	return object{"id": id, "object": "webhook_endpoint", "deleted": true}, nil
}

// remove takes an object out of its table.
func (t *table[T]) remove(id string) {
	i := t.at[id]
	t.rows = slices.Delete(t.rows, i, i+1)
	delete(t.at, id)
	for n, v := range t.rows[i:] {
		t.at[v.key()] = i + n
	}
}

func (f *Fake) renderHook(h *hook, _ string, _ expansion) object {
	m := object{
		"id": h.id, "object": "webhook_endpoint", "livemode": f.config.Livemode, "created": h.created.Unix(), "url": h.url,
		"enabled_events": h.events, "api_version": orNull(h.version), "status": "enabled", "application": nil,
		"description": orNull(h.description), "metadata": h.metadata,
	}
	if h.disabled {
		m["status"] = "disabled"
	}
	return m
}

// WebhookEndpoints returns the webhook endpoints that were set up, oldest first.
func (f *Fake) WebhookEndpoints() []stripe.WebhookEndpoint {
	return all(f, &f.hooks, func(h *hook) stripe.WebhookEndpoint {
		return view[stripe.WebhookEndpoint](f.renderHook(h, stripe.APIVersion, nil))
	})
}

// DisableWebhook turns an endpoint off, as Stripe does after days of failures. It
// reports whether there is one.
func (f *Fake) DisableWebhook(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, ok := f.hooks.get(id)
	if ok {
		h.disabled = true
	}
	return ok
}
