package stripemock

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/stripe"
)

// TestNoParameterIsIgnored sends every parameter that the document lists for a route
// of the fake, alone on top of a request that is good. The fake may refuse it; where it
// takes it, the answer shows it, a list is filtered by it, or unseen says where it
// shows. A value of a wrong type is refused, and so are what the document does not list
// and a request that lacks what the document requires.
//
// To see one route:
//
//	go test ./stripemock -run 'TestNoParameter/POST_/v1/refunds'
func TestNoParameterIsIgnored(t *testing.T) {
	t.Parallel()
	doc, err := pinned()
	require.NoError(t, err)
	docs := map[string]*document{stripe.APIVersion: doc}
	taken, refused := 0, 0
	good := samples(t, docs, modelled(t, stripe.APIVersion, docs))
	for _, route := range slices.Sorted(maps.Keys(good)) {
		method, path, _ := strings.Cut(route, " ")
		form := doc.Paths[path][strings.ToLower(method)].form()
		p := good[route]
		t.Run(route, func(t *testing.T) {
			p.t = t
			defer p.end()
			for _, one := range doc.parameters("", form, nil) {
				if slices.Contains(everywhere, one.name()) || one.kind == "string" && len(one.words) == 0 && p.form.Has(one.path) {
					continue
				}
				if p.try(one) {
					taken++
				} else {
					refused++
				}
			}
			for _, bad := range [][2]string{{"tulips", "many"}, {"metadata[a][b]", "c"}, {"expand[]", "tulips"},
				{"limit", "0"}, {"limit", "101"}, {"limit", "tulips"}, {"starting_after", "tul_1"}, {"ending_before", "tul_1"}} {
				if status, _ := p.send(map[string]string{bad[0]: bad[1]}); status == http.StatusOK {
					t.Errorf("%s=%s: is taken", bad[0], bad[1])
				}
			}
			for _, name := range form.Required {
				if status, _ := p.send(map[string]string{name: ""}); status == http.StatusOK {
					t.Errorf("%s: is not missed", name)
				}
			}
		})
	}
	t.Logf("%d parameters taken, %d refused", taken, refused)
}

// everywhere are parameters that no object has.
var everywhere = []string{"expand", "limit", "starting_after", "ending_before", "page"}

// parameter is one leaf of a request's form.
type parameter struct {
	path  string // a[b][0][c]
	kind  string
	words []any
	with  map[string]string // what must be there with it
}

func (p parameter) name() string {
	top, _, _ := strings.Cut(p.path, "[")
	return top
}

// sample is a good value other than that of an answer.
func (p parameter) sample(now any) string {
	switch {
	case len(p.words) > 0:
		for _, w := range p.words {
			if w != "" && w != now {
				return fmt.Sprint(w)
			}
		}
		return fmt.Sprint(p.words[0])
	case p.kind == "boolean":
		return fmt.Sprint(now != true)
	case p.kind == "integer":
		return "71717"
	case p.kind == "number":
		return "7.17"
	}
	return "s17x"
}

// parameters are the leaves of a form. What the same object requires comes with each.
func (d *document) parameters(path string, s *schema, with map[string]string) (out []parameter) {
	s = d.resolve(s)
	for _, one := range s.AnyOf {
		if len(one.Enum) == 1 && one.Enum[0] == "" {
			continue
		}
		out = append(out, d.parameters(path, one, with)...)
	}
	if len(s.AnyOf) > 0 || strings.Count(path, "[") > 4 {
		return out
	}
	switch {
	case s.Type == "array":
		return d.parameters(path+"[0]", s.Items, with)
	case s.Type == "object":
		if s.More.schema != nil && len(s.Properties) == 0 {
			return []parameter{{path: path + "[k17]", kind: "string", with: with}}
		}
		if path != "" && len(s.Required) > 0 {
			with = maps.Clone(with)
			if with == nil {
				with = map[string]string{}
			}
			for _, name := range s.Required {
				if below := d.resolve(s.Properties[name]); below.Type != "object" && below.Type != "array" {
					one := parameter{path: path + "[" + name + "]", kind: below.Type, words: below.Enum}
					with[one.path] = one.sample(nil)
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			below := name
			if path != "" {
				below = path + "[" + name + "]"
			}
			out = append(out, d.parameters(below, s.Properties[name], with)...)
		}
		return out
	}
	return []parameter{{path: path, kind: s.Type, words: s.Enum, with: with}}
}

// prober repeats a good request of one route with changes.
type prober struct {
	t        *testing.T
	docs     map[string]*document
	scenario func(*world)
	sample
	after *world // the scenario's world when it is over, if the request is good there too
	w     *world // one that waits for the request; nil = not yet
	stop  func()
}

// sample is a request that was good in a scenario.
type sample struct {
	route, path string
	form        url.Values
	answer      map[string]any
	calls       int // to the route before it
}

// samples runs the scenarios and returns the first good request of each route.
func samples(t *testing.T, docs map[string]*document, routes []string) map[string]*prober {
	t.Helper()
	out := map[string]*prober{}
	for _, name := range slices.Sorted(maps.Keys(scenarios)) {
		w := newWorld(t, stripe.APIVersion, docs)
		calls := map[string]int{}
		w.seen = func(s sample, status int) {
			if status == http.StatusOK && out[s.route] == nil {
				s.calls = calls[s.route]
				out[s.route] = &prober{t: t, docs: docs, scenario: scenarios[name], sample: s, after: w}
			}
			calls[s.route]++
		}
		scenarios[name](w)
		w.readAll(routes)
		w.seen = nil
	}
	for _, p := range out {
		if status, _ := p.after.raw(p.path, p.form.Encode()); status != http.StatusOK {
			p.after = nil
		}
	}
	return out
}

// stopped ends a scenario at the request that was looked for.
type stopped struct{}

// wait runs the scenario up to the request, and no further.
func (p *prober) wait() {
	next, stop := iter.Pull(func(yield func(*world) bool) {
		defer func() {
			if r := recover(); r != nil && r != any(stopped{}) {
				panic(r)
			}
		}()
		w, calls := newWorld(p.t, stripe.APIVersion, p.docs), p.calls
		w.before = func(route string) {
			if route != p.route {
				return
			}
			if calls == 0 {
				yield(w)
				panic(stopped{})
			}
			calls--
		}
		p.scenario(w)
	})
	w, ok := next()
	require.True(p.t, ok)
	p.w, p.stop = w, stop
}

// send makes the good request with more parameters.
func (p *prober) send(more map[string]string) (int, map[string]any) {
	form := maps.Clone(p.form)
	for k, v := range more {
		if v == "" { // left out, with all below it
			maps.DeleteFunc(form, func(name string, _ []string) bool { return name == k || strings.HasPrefix(name, k+"[") })
		} else {
			form[k] = []string{v}
		}
	}
	if p.after != nil {
		return p.after.raw(p.path, form.Encode())
	}
	if p.w == nil {
		p.wait()
	}
	status, answer := p.w.raw(p.path, form.Encode())
	if status != http.StatusBadRequest {
		p.end()
	}
	return status, answer
}

func (p *prober) end() {
	if p.w != nil {
		p.stop()
		p.w = nil
	}
}

// try reports whether a parameter is taken.
func (p *prober) try(one parameter) bool {
	p.t.Helper()
	now := at(p.answer, one.path)
	value := one.sample(now)
	more := maps.Clone(one.with)
	if more == nil {
		more = map[string]string{}
	}
	for k := range more {
		if p.form.Has(k) {
			delete(more, k)
		}
	}
	more[one.path] = value
	status, answer := p.send(more)
	if status != http.StatusOK {
		return false
	}
	list, isList := answer["data"].([]any)
	switch {
	case hidden(p.route, one.path):
	case isList && strings.HasPrefix(p.route, "GET "):
		if one.kind == "boolean" || strings.HasSuffix(one.path, "[lt]") || strings.HasSuffix(one.path, "[lte]") || len(one.words) > 0 {
			break
		}
		if len(list) > 0 && (one.kind != "integer" || !strings.Contains(one.path, "[gt")) {
			p.t.Errorf("%s=%s: filters nothing", one.path, value)
		}
	case shows(answer, one, value):
	default:
		p.t.Errorf("%s=%s: is taken and shows nowhere", one.path, value)
	}
	if one.kind != "string" || len(one.words) > 0 {
		more[one.path] = "tulips"
		if status, _ := p.send(more); status == http.StatusOK {
			p.t.Errorf("%s=tulips: is taken", one.path)
		}
	}
	return true
}

// at is the member of an answer that a parameter's path names.
func at(v any, path string) any {
	for _, part := range strings.Split(strings.ReplaceAll(path, "]", ""), "[") {
		switch here := v.(type) {
		case map[string]any:
			v = here[part]
		case []any:
			if len(here) == 0 {
				return nil
			}
			v = here[0]
		default:
			return nil
		}
	}
	return v
}

// shows reports whether an answer has what a parameter said.
func shows(answer map[string]any, one parameter, value string) bool {
	got := at(answer, one.path)
	if fmt.Sprint(got) == value {
		return true
	}
	if len(one.words) > 0 || one.kind == "boolean" {
		return false
	}
	b, err := json.Marshal(answer[one.name()])
	return err == nil && strings.Contains(string(b), value)
}

// unseen are parameters that are taken and do not show in the answer under their own
// name, and where they do.
var unseen = map[string]map[string]string{
	"POST /v1/payment_intents": {
		"confirm": "as the status", "off_session": "nowhere at Stripe", "return_url": "nowhere at Stripe before a redirect",
	},
	"POST /v1/payment_intents/{intent}/confirm": {
		"off_session": "nowhere at Stripe", "return_url": "nowhere at Stripe before a redirect",
	},
	"POST /v1/payment_intents/{intent}/capture": {
		"final_capture": "as the status",
	},
	"POST /v1/checkout/sessions": {
		"line_items": "in the amount", "payment_intent_data": "on the intent",
	},
	"GET /v1/credit_notes/preview/lines": {"effective_at": "on the note", "memo": "on the note", "metadata": "on the note"},
	"POST /v1/invoices": {
		"days_until_due": "as due_date", "pending_invoice_items_behavior": "in the lines",
	},
	"POST /v1/invoices/{invoice}/pay": {"off_session": "nowhere at Stripe"},
	"POST /v1/payment_links":          {"line_items": "in a list"},
	"POST /v1/payment_methods":        {"sepa_debit[iban]": "as last4"},
	"POST /v1/prices": {
		"product_data": "on the product", "transfer_lookup_key": "on the price that had the key",
	},
	"POST /v1/setup_intents": {"return_url": "nowhere at Stripe before a redirect"},
	"POST /v1/subscriptions": {
		"off_session": "nowhere at Stripe", "payment_behavior": "as the status", "proration_behavior": "on the invoice",
		"trial_end": "as the status", "trial_period_days": "as trial_end",
	},
	"POST /v1/subscriptions/{subscription_exposed_id}": {
		"off_session": "nowhere at Stripe", "payment_behavior": "as the status", "proration_behavior": "on the invoice", "trial_end": "as the status",
	},
	"POST /v1/subscriptions/{subscription}/resume":  {"billing_cycle_anchor": "the only word taken is what happens anyhow"},
	"POST /v1/tax/calculations":                     {"line_items": "in a list, and in the tax"},
	"POST /v1/tax/transactions/create_reversal":     {"mode": "in the amounts"},
	"POST /v1/account_links":                        {"collect": "behind the link", "collection_options": "behind the link", "type": "behind the link"},
	"POST /v1/accounts":                             {"capabilities": "as active or inactive"},
	"POST /v1/accounts/{account}":                   {"capabilities": "as active or inactive"},
	"POST /v1/refunds":                              {"refund_application_fee": "on the application fee", "reverse_transfer": "on the transfer"},
	"POST /v1/transfers/{id}/reversals":             {"description": "nowhere at Stripe", "refund_application_fee": "on the application fee"},
	"POST /v1/payouts":                              {"source_type": "the only word taken is what the balance has"},
	"POST /v1/disputes/{dispute}":                   {"submit": "as the status"},
	"POST /v1/webhook_endpoints":                    {"connect": "in what is delivered", "enabled_events": "in a list"},
	"POST /v1/webhook_endpoints/{webhook_endpoint}": {"disabled": "as the status", "enabled_events": "in a list"},
}

func hidden(route, path string) bool {
	for name := range unseen[route] {
		if path == name || strings.HasPrefix(path, name+"[") {
			return true
		}
	}
	return false
}
