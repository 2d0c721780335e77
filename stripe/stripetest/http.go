package stripetest

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// object is a JSON object on its way out.
type object = map[string]any

// request is one call while it is worked on.
type request struct {
	id      string
	version string
	key     string
	method  string
	path    string
	form    form
	host    string // where the files of reports are
	now     time.Time
}

// problem is an error answer.
type problem struct {
	status  int
	kind    string
	code    string
	message string
	param   string
	more    object
	early   bool // found before the endpoint began: not stored under the key
}

func badParam(param, code, message string) *problem {
	return &problem{status: 400, kind: "invalid_request_error", code: code, message: message, param: param, early: true}
}

func missing(kind, id string) *problem {
	return &problem{status: 404, kind: "invalid_request_error", code: "resource_missing",
		message: "No such " + kind + ": '" + id + "'", param: "id", early: true}
}

func (p *problem) body() object {
	e := object{"type": p.kind, "message": p.message}
	if p.code != "" {
		e["code"] = p.code
		e["doc_url"] = "https://stripe.com/docs/error-codes/" + strings.ReplaceAll(p.code, "_", "-")
	}
	if p.param != "" {
		e["param"] = p.param
	}
	for k, v := range p.more {
		e[k] = v
	}
	return object{"error": e}
}

// keyed is what an idempotency key remembers.
type keyed struct {
	key, print string
	created    time.Time
	request    string
	running    bool
	status     int
	body       []byte
}

const maxRequest = 1 << 20

// ServeHTTP answers as api.stripe.com does.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.serveOAuth(w, r) || f.serveFile(w, r) {
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil || len(body) > maxRequest {
		http.Error(w, "request too large", http.StatusRequestEntityTooLarge)
		return
	}
	text := string(body)
	if r.Method != http.MethodPost {
		text = r.URL.RawQuery
	}
	values, err := url.ParseQuery(text)

	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	f.home.requests++
	q := &request{id: "req_" + strconv.Itoa(f.home.requests), version: r.Header.Get("Stripe-Version"),
		key: r.Header.Get("Idempotency-Key"), method: r.Method, path: r.URL.Path, host: filesHost(r), form: form{values}, now: f.config.Now()}
	if q.version == "" {
		q.version = f.config.APIVersion
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Date", q.now.UTC().Format(http.TimeFormat))
	w.Header().Set("Request-Id", q.id)
	w.Header().Set("Stripe-Version", q.version)
	status, out, replayed := 0, []byte(nil), false
	if err != nil {
		status, out = answer(nil, badParam("", "", "The request body could not be parsed"))
	} else if at, p := f.door(r); p != nil {
		status, out = answer(nil, p)
	} else if r.Method == http.MethodPost && q.key != "" {
		w.Header().Set("Idempotency-Key", q.key)
		status, out, replayed = at.once(w, r, q)
	} else {
		status, out = answer(q.followed(at.route(q)))
	}
	f.home.remember(Call{Method: r.Method, Path: r.URL.Path, Account: r.Header.Get("Stripe-Account"), Params: values, IdempotencyKey: q.key,
		APIVersion: q.version, Status: status, Replayed: replayed})
	w.WriteHeader(status)
	_, _ = w.Write(out)
}

func (f *Fake) remember(c Call) {
	if len(f.calls) >= 2*f.config.MaxCalls {
		f.calls = slices.Clone(f.calls[f.config.MaxCalls:])
	}
	f.calls = append(f.calls, c)
}

// door checks the key, and finds the account that a request is for.
func (f *Fake) door(r *http.Request) (*Fake, *problem) {
	// Stripe takes a key as a bearer and as the user of basic authentication.
	// Source: docs.stripe.com/api/authentication, read 2026-11.
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		key, _, ok = r.BasicAuth()
	}
	at, p, own := f.bearer(key)
	if p != nil {
		return nil, p
	}
	if !own {
		at = f
	}
	if !ok || key == "" || !own && f.config.Key != "" && key != f.config.Key {
		return nil, &problem{status: 401, kind: "invalid_request_error", message: "Invalid API Key provided", early: true}
	}
	if v := r.Header.Get("Stripe-Version"); v != "" && !known(v) {
		return nil, badParam("", "", "Invalid Stripe API version: "+v)
	}
	return at.forAccount(r.Header.Get("Stripe-Account"))
}

// once carries a write out at most once for each idempotency key within 24 hours.
// Source: docs.stripe.com/api/idempotent_requests, read 2026-11.
func (f *Fake) once(w http.ResponseWriter, r *http.Request, q *request) (int, []byte, bool) {
	for len(f.keyOrder) > 0 && q.now.Sub(f.keyOrder[0].created) >= 24*time.Hour {
		if old := f.keyOrder[0]; f.keys[old.key] == old {
			delete(f.keys, old.key)
		}
		f.keyOrder = f.keyOrder[1:]
	}
	print := q.path + "?" + q.form.Encode()
	if k := f.keys[q.key]; k != nil {
		switch {
		case k.print != print:
			status, out := answer(nil, &problem{status: 400, kind: "idempotency_error",
				message: "Keys for idempotent requests can only be used with the same parameters they were first used with."})
			return status, out, false
		case k.running:
			status, out := answer(nil, &problem{status: 409, kind: "idempotency_error", code: "idempotency_key_in_use",
				message: "There is currently another in-progress request using this Idempotent Key."})
			return status, out, false
		}
		w.Header().Set("Idempotent-Replayed", "true")
		w.Header().Set("Original-Request", k.request)
		return k.status, k.body, true
	}
	k := &keyed{key: q.key, print: print, created: q.now, request: q.id, running: true}
	f.keys[q.key] = k
	if f.config.Working != nil {
		f.mu.Unlock()
		f.config.Working(r)
		f.mu.Lock()
	}
	var out object
	var p *problem
	if f.home.breaks > 0 {
		f.home.breaks--
		p = &problem{status: 500, kind: "api_error", message: "Something went wrong on Stripe's end."}
	} else {
		out, p = f.route(q)
	}
	k.running = false
	k.status, k.body = answer(out, p)
	if p != nil && p.early {
		delete(f.keys, q.key)
	} else {
		f.keyOrder = append(f.keyOrder, k)
	}
	return k.status, k.body, false
}

func answer(out object, p *problem) (int, []byte) {
	status := http.StatusOK
	if p != nil {
		status, out = p.status, p.body()
	}
	b, err := encode(out)
	if err != nil {
		return http.StatusInternalServerError, []byte(`{"error":{"type":"api_error","message":"not marshalled"}}`)
	}
	return status, b
}

// followed refuses a read that asked to expand what can not be.
func (q *request) followed(out object, p *problem) (object, *problem) {
	if p != nil || q.method != http.MethodGet {
		return out, p
	}
	for _, path := range q.form.array("expand") {
		if !follows(out, strings.Split(path, ".")) {
			return nil, badParam("expand", "", "This property cannot be expanded ("+path+").")
		}
	}
	return out, nil
}

// follows reports whether an answer has an object at the end of a path, or nothing:
// some links are there only where they lead somewhere.
func follows(v any, path []string) bool {
	switch v := v.(type) {
	case nil:
		return true
	case object:
		if len(path) == 0 {
			return true
		}
		below, ok := v[path[0]]
		return !ok && len(path) == 1 || ok && follows(below, path[1:])
	case []object:
		for _, o := range v {
			if !follows(o, path) {
				return false
			}
		}
		return len(path) > 0
	}
	return false
}

// maxDepth is how many links one after the other an answer follows.
// Source: docs.stripe.com/api/expanding_objects, read 2026-11.
const maxDepth = 4

// route answers, with the objects that the request wants to read along.
func (f *Fake) route(q *request) (object, *problem) {
	for _, path := range q.form.array("expand") {
		if strings.Count(path, ".") >= maxDepth {
			return nil, badParam("expand", "", "You cannot expand more than 4 levels of a property. Property: "+path)
		}
	}
	out, p := f.endpoint(q)
	if x := q.expand(""); p == nil && len(x) > 0 {
		out, _ = f.follow(out, x, q.version).(object)
	}
	return out, p
}

// endpoint finds what a request is for.
func (f *Fake) endpoint(q *request) (object, *problem) {
	path, ok := strings.CutPrefix(q.path, "/v1/")
	if !ok {
		return nil, unknownURL(q)
	}
	if rest, ok := strings.CutPrefix(path, "checkout/sessions"); ok {
		path = "checkout.sessions" + rest
	}
	resource, rest, _ := strings.Cut(path, "/")
	id, action, _ := strings.Cut(rest, "/")
	if q.method == http.MethodGet && rest == "search" {
		return f.search(q, resource)
	}
	switch q.method + " " + resource + shape(id, action) {
	case "GET balance":
		if p := q.form.only("expand"); p != nil {
			return nil, p
		}
		return f.balance(q), nil
	case "GET payment_intents":
		return list(f, q, &f.intents, f.renderIntent, "customer", "created")
	case "POST payment_intents":
		return f.createIntent(q)
	case "GET payment_intents/id":
		return show(q, &f.intents, "payment_intent", id, f.renderIntent)
	case "POST payment_intents/id":
		return f.updateIntent(q, id)
	case "POST payment_intents/id/confirm":
		return f.confirmIntent(q, id)
	case "POST payment_intents/id/capture":
		return f.captureIntent(q, id)
	case "POST payment_intents/id/increment_authorization":
		return f.incrementIntent(q, id)
	case "POST payment_intents/id/cancel":
		return f.cancelIntent(q, id)
	case "GET charges":
		return list(f, q, &f.charges, f.renderCharge, "customer", "payment_intent", "created")
	case "POST charges/id":
		return f.updateCharge(q, id)
	case "POST charges/id/capture":
		return f.captureCharge(q, id)
	case "GET charges/id":
		return show(q, &f.charges, "charge", id, f.renderCharge)
	case "GET checkout.sessions":
		return list(f, q, &f.sessions, f.renderSession, "customer", "payment_intent", "payment_link", "status=complete|expired|open", "created")
	case "POST checkout.sessions":
		return f.createSession(q)
	case "GET checkout.sessions/id":
		return show(q, &f.sessions, "checkout.session", id, f.renderSession)
	case "GET checkout.sessions/id/line_items":
		return f.listSessionLines(q, id)
	case "POST checkout.sessions/id/expire":
		return f.expireSession(q, id)
	case "GET refunds":
		return list(f, q, &f.refunds, f.renderRefund, "charge", "payment_intent", "created")
	case "POST refunds":
		return f.createRefund(q)
	case "GET refunds/id":
		return show(q, &f.refunds, "refund", id, f.renderRefund)
	case "POST refunds/id":
		return f.updateRefund(q, id)
	case "POST refunds/id/cancel":
		return f.cancelRefund(q, id)
	case "GET disputes":
		return list(f, q, &f.disputes, f.renderDispute, "charge", "payment_intent", "created")
	case "GET disputes/id":
		return show(q, &f.disputes, "dispute", id, f.renderDispute)
	case "POST disputes/id":
		return f.updateDispute(q, id)
	case "POST disputes/id/close":
		return f.closeDispute(q, id)
	case "GET payouts":
		return list(f, q, &f.payouts, f.renderPayout, "status", "created")
	case "POST payouts":
		return f.createPayout(q)
	case "GET payouts/id":
		return show(q, &f.payouts, "payout", id, f.renderPayout)
	case "POST payouts/id/cancel":
		return f.cancelPayout(q, id)
	case "POST payouts/id/reverse":
		return f.reversePayout(q, id)
	case "GET balance_transactions":
		return list(f, q, &f.txns, f.renderTxn, "source", "type", "currency", "payout", "created")
	case "GET balance_transactions/id":
		return show(q, &f.txns, "balance_transaction", id, f.renderTxn)
	case "GET webhook_endpoints":
		return list(f, q, &f.hooks, f.renderHook)
	case "POST webhook_endpoints":
		return f.createHook(q)
	case "GET webhook_endpoints/id":
		return show(q, &f.hooks, "webhook_endpoint", id, f.renderHook)
	case "POST webhook_endpoints/id":
		return f.updateHook(q, id)
	case "DELETE webhook_endpoints/id":
		return f.deleteHook(q, id)
	case "GET events":
		return list(f, q, &f.events, f.renderEvent, "type", "types", "delivery_success", "created")
	case "GET events/id":
		return show(q, &f.events, "event", id, f.renderEvent)
	}
	if out, p, ok := f.money(q, resource, id, action); ok {
		return out, p
	}
	return f.billing(q, path)
}

func unknownURL(q *request) *problem {
	return &problem{status: 404, kind: "invalid_request_error", early: true,
		message: "Unrecognized request URL (" + q.method + ": " + q.path + ")."}
}

func shape(id, action string) string {
	switch {
	case id == "":
		return ""
	case action == "":
		return "/id"
	}
	return "/id/" + action
}

// show answers a read of one object.
func show[T interface{ key() string }](q *request, t *table[T], kind, id string,
	render func(T, string, expansion) object) (object, *problem) {
	if p := q.form.only("expand"); p != nil {
		return nil, p
	}
	v, ok := t.get(id)
	if !ok {
		return nil, missing(kind, id)
	}
	return render(v, q.version, q.expand("")), nil
}

// listed is what a list filters by.
type listed interface {
	key() string
	// fact returns what a filter of that name compares with.
	fact(name string) string
	when() time.Time
}

// list answers a read of many objects, newest first.
func list[T listed](f *Fake, q *request, t *table[T], render func(T, string, expansion) object, filters ...string) (object, *problem) {
	if p := q.form.only(append(filters, "expand", "limit", "starting_after", "ending_before")...); p != nil {
		return nil, p
	}
	limit := 10
	if s := q.form.get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 100 {
			return nil, badParam("limit", "parameter_invalid_integer", "Invalid integer: limit must be between 1 and 100")
		}
		limit = n
	}
	window, p := q.form.window()
	if p != nil {
		return nil, p
	}
	fits := func(v T) bool {
		if r, ok := any(v).(*record); ok && r.gone {
			return false
		}
		if t, ok := any(v).(*txn); ok && f.unseen(t, q.now) {
			return false
		}
		for _, name := range filters {
			name, _, _ := strings.Cut(name, "=")
			switch name {
			case "created":
				if !window.holds(v.when().Unix()) {
					return false
				}
			case "types":
				if want := q.form.array("types"); len(want) > 0 && !slices.Contains(want, v.fact("type")) {
					return false
				}
			default:
				if want := q.form.get(name); want != "" && want != v.fact(name) {
					return false
				}
			}
		}
		return true
	}
	from, step := len(t.rows)-1, -1
	for name, first := range map[string]int{"starting_after": -1, "ending_before": 1} {
		if id := q.form.get(name); id != "" {
			i, ok := t.at[id]
			if !ok {
				return nil, missing("object", id)
			}
			from, step = i+first, first
		}
	}
	var found []T
	for i := from; i >= 0 && i < len(t.rows) && len(found) <= limit; i += step {
		if fits(t.rows[i]) {
			found = append(found, t.rows[i])
		}
	}
	more := len(found) > limit
	found = found[:min(limit, len(found))]
	if step > 0 {
		slices.Reverse(found)
	}
	data := make([]object, len(found))
	x := q.expand("data")
	for i, v := range found {
		data[i] = render(v, q.version, x)
	}
	return object{"object": "list", "url": q.path, "has_more": more, "data": data}, nil
}
