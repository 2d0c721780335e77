package stripetest

import (
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// record is an object of which requests say the most: a customer, a price, an invoice.
// It is kept as it is shown in API version 2023-10-16.
type record struct {
	kind    string // the object's word for itself
	id      string
	created time.Time
	gone    bool
	m       object

	below  []*record // lines of a document, items of a subscription
	of     *record   // the document of a line, the subscription of an invoice
	intent *intent   // that pays an invoice
	anchor time.Time // of a subscription's periods
	turns  int       // periods that have begun since
}

func (r *record) key() string     { return r.id }
func (r *record) when() time.Time { return r.created }

// fact reads a member as a filter writes it: "customer", "recurring[interval]".
func (r *record) fact(name string) string {
	at := any(r.m)
	for part := range strings.SplitSeq(strings.ReplaceAll(name, "]", ""), "[") {
		m, _ := at.(object)
		at = m[part]
	}
	if at == nil {
		return ""
	}
	return fmt.Sprint(at)
}

func (r *record) text(name string) string { s, _ := r.m[name].(string); return s }
func (r *record) int(name string) int64   { n, _ := r.m[name].(int64); return n }
func (r *record) is(name string) bool     { b, _ := r.m[name].(bool); return b }

// sub is a member that is an object; changes of it show.
func (r *record) sub(name string) object {
	m, _ := r.m[name].(object)
	m = maps.Clone(m)
	if m == nil {
		m = object{}
	}
	r.m[name] = m
	return m
}

// of returns the records of one kind.
func (f *Fake) of(kind string) *table[*record] {
	t := f.records[kind]
	if t == nil {
		t = &table[*record]{}
		if f.records == nil {
			f.records = map[string]*table[*record]{}
		}
		f.records[kind] = t
	}
	return t
}

// note makes a record. An id of its maker's choice goes before one of the fake's.
func (f *Fake) note(q *request, kind, prefix string, m object) *record {
	r := &record{kind: kind, created: q.now, m: m}
	if r.id = q.form.get("id"); r.id == "" || kind != "product" {
		r.id = f.id(prefix)
	}
	if m["metadata"] == nil {
		m["metadata"] = map[string]string{}
	}
	f.of(kind).add(r)
	return r
}

// find returns a record that a path names.
func (f *Fake) find(kind, id string) (*record, *problem) {
	return f.named(kind, id, "id")
}

// words is how messages write a kind of object.
func words(kind string) string {
	switch kind {
	case "payment_method":
		return "PaymentMethod"
	case "setup_intent":
		return "setupintent"
	}
	return kind
}

// named returns a record that a parameter names.
func (f *Fake) named(kind, id, param string) (*record, *problem) {
	r, ok := f.of(kind).get(id)
	if !ok || r.gone {
		p := missing(words(kind), id)
		if p.param = param; param != "id" {
			p.status = 400
		}
		return nil, p
	}
	return r, nil
}

// nulls are members that nobody has said.
func nulls(names string, m object) object {
	for name := range strings.FieldsSeq(names) {
		if _, ok := m[name]; !ok {
			m[name] = nil
		}
	}
	return m
}

// defaults are what members are that nobody has said.
func defaults(m, std object) {
	for name, v := range std {
		if m[name] == nil {
			m[name] = v
		}
	}
}

// tree reads the parameters as an answer repeats them: an empty text is null.
func (f form) tree() object {
	root := object{}
	for key, values := range f.Values {
		parts := strings.Split(strings.ReplaceAll(key, "]", ""), "[")
		for i, v := range values {
			path := slices.Clone(parts)
			if last := len(path) - 1; last > 0 && path[last] == "" {
				path[last] = strconv.Itoa(i)
			}
			at := root
			for _, p := range path[:len(path)-1] {
				below, ok := at[p].(object)
				if !ok {
					below = object{}
					at[p] = below
				}
				at = below
			}
			at[path[len(path)-1]] = typed(leaf(parts), slices.Contains(parts, "metadata"), v)
		}
	}
	for name, v := range root {
		root[name] = arrays(v)
	}
	return root
}

func typed(name string, verbatim bool, v string) any {
	switch {
	case verbatim:
		return v
	case v == "":
		return nil
	case booleans[name]:
		return v == "true"
	case integers[name]:
		n, _ := strconv.ParseInt(v, 10, 64) // form.only has looked at it
		return n
	}
	return v
}

// arrays makes lists of the objects whose names are 0, 1, 2 …
func arrays(v any) any {
	m, ok := v.(object)
	if !ok {
		return v
	}
	for name, below := range m {
		m[name] = arrays(below)
	}
	list := make([]any, 0, len(m))
	for i := range len(m) {
		one, ok := m[strconv.Itoa(i)]
		if !ok {
			return m
		}
		list = append(list, one)
	}
	return list
}

// apply puts what a request says over m, and returns what it was before.
func (q *request) apply(m object, except ...string) (object, *problem) {
	before := maps.Clone(m)
	data, _ := m["metadata"].(map[string]string)
	if q.form.has("metadata") && q.form.get("metadata") == "" {
		data = nil // an empty text clears all
	}
	data, p := q.form.metadata("metadata", data)
	if p != nil {
		return nil, p
	}
	m["metadata"] = data
	for name, v := range q.form.tree() {
		if name != "metadata" && name != "expand" && name != "id" && !slices.Contains(except, name) {
			m[name] = merge(m[name], v)
		}
	}
	previous := object{}
	for name, v := range m {
		if !reflect.DeepEqual(v, before[name]) {
			previous[name] = before[name]
		}
	}
	return previous, nil
}

// merge puts the members of an object over another's.
func merge(old, v any) any {
	to, ok := old.(object)
	from, ok2 := v.(object)
	if !ok || !ok2 {
		return v
	}
	to = maps.Clone(to)
	for name, v := range from {
		to[name] = merge(to[name], v)
	}
	return to
}

// required refuses a request that lacks a parameter.
func (q *request) required(names ...string) *problem {
	for _, name := range names {
		there := q.form.get(name) != ""
		for key := range q.form.Values {
			there = there || strings.HasPrefix(key, name+"[")
		}
		if !there {
			return badParam(name, "parameter_missing", "Missing required param: "+name+".")
		}
	}
	return nil
}

// change is an update that only says: it shows, and an event tells what it was before.
func (f *Fake) change(q *request, r *record, event string, params ...string) (object, *problem) {
	if p := q.form.only(append(params, "metadata", "expand")...); p != nil {
		return nil, p
	}
	previous, p := q.apply(r.m)
	if p != nil {
		return nil, p
	}
	if len(previous) > 0 && event != "" {
		f.emitRecord(q, event, r, previous)
	}
	return f.shown(q, r), nil
}

func (f *Fake) shown(q *request, r *record) object { return f.renderRecord(r, q.version, q.expand("")) }

func (f *Fake) emitRecord(q *request, kind string, r *record, previous object) {
	f.emit(q, kind, func(version string) object { return f.renderRecord(r, version, nil) }, previous)
}

// renderRecord shows a record in an API version.
func (f *Fake) renderRecord(r *record, version string, x expansion) object {
	if r.gone {
		return object{"id": r.id, "object": r.kind, "deleted": true}
	}
	m := maps.Clone(r.m)
	m["id"], m["object"] = r.id, r.kind
	if r.kind != "subscription_item" {
		m["livemode"] = f.config.Livemode
	}
	switch r.kind {
	case "payment_link", "invoiceitem", "line_item", "item", "tax.calculation", "tax.calculation_line_item",
		"tax.transaction_line_item", "credit_note_line_item":
	default:
		m["created"] = r.created.Unix()
	}
	switch r.kind {
	case "customer":
		f.renderCustomer(r, m, version, x)
	case "product":
		if moved(version) {
			delete(m, "features")
			m["marketing_features"] = []object{}
		}
	case "invoiceitem":
		f.renderItem(r, m, version)
	case "line_item":
		f.renderLine(r, m, version)
	case "invoice":
		f.renderInvoice(r, m, version, x)
	case "subscription":
		f.renderSubscription(r, m, version)
	case "subscription_item":
		f.renderSubscriptionItem(r, m, version)
	case "credit_note", "credit_note_line_item":
		f.renderNote(r, m, version)
	case "tax.calculation", "tax.transaction":
		f.renderTax(r, m, version, x)
	case "tax.calculation_line_item", "tax.transaction_line_item":
		delete(m, "metadata")
		if r.kind == "tax.transaction_line_item" {
			m["metadata"] = r.m["metadata"]
		}
	case "item":
		delete(m, "livemode")
		delete(m, "metadata")
		m["price"] = f.priceOf(r, version)
	case "payment_link":
		if moved(version) {
			m["tax_id_collection"] = object{"enabled": false, "required": "never"}
		}
		if _, ok := x["line_items"]; ok {
			m["line_items"] = f.nested(r, version, "/v1/payment_links/"+r.id+"/line_items")
		}
	}
	return m
}

// nested shows what is below a record as a list inside it.
func (f *Fake) nested(r *record, version, url string) object {
	data := []object{}
	for _, b := range r.below[:min(10, len(r.below))] {
		data = append(data, f.renderRecord(b, version, nil))
	}
	return object{"object": "list", "data": data, "has_more": len(r.below) > 10, "url": url}
}

// paged takes what says which page of a list is wanted out of a request.
func (q *request) paged() *request {
	page := &request{version: q.version, path: q.path, now: q.now, form: form{url.Values{}}}
	for _, name := range []string{"limit", "starting_after", "ending_before", "expand", "expand[]", "expand[0]"} {
		if v, ok := q.form.Values[name]; ok {
			page.form.Values[name] = v
			q.form.Del(name)
		}
	}
	return page
}

// listBelow answers with what is below a record, oldest first.
func (f *Fake) listBelow(q *request, r *record) (object, *problem) {
	t := &table[*record]{}
	for _, b := range slices.Backward(r.below) {
		t.add(b)
	}
	return list(f, q, t, f.renderRecord)
}

// follow puts the objects that are to be read along in the places of their ids.
func (f *Fake) follow(v any, x expansion, version string) any {
	switch v := v.(type) {
	case object:
		v = maps.Clone(v)
		for name, below := range x {
			if to, ok := v[name]; ok && name != "id" {
				v[name] = f.follow(to, below, version)
			}
		}
		return v
	case []object:
		out := make([]object, len(v))
		for i, one := range v {
			out[i], _ = f.follow(one, x, version).(object)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, one := range v {
			out[i] = f.follow(one, x, version)
		}
		return out
	case string:
		if m := f.byID(v, version, x); m != nil {
			return f.follow(m, x, version)
		}
	}
	return v
}

// byID shows whatever has an id; nil where nothing has it.
func (f *Fake) byID(id, version string, x expansion) object {
	for _, t := range f.records {
		if r, ok := t.get(id); ok {
			return f.renderRecord(r, version, x)
		}
	}
	if i, ok := f.intents.get(id); ok {
		return f.renderIntent(i, version, x)
	}
	if c, ok := f.charges.get(id); ok {
		return f.renderCharge(c, version, x)
	}
	if r, ok := f.refunds.get(id); ok {
		return f.renderRefund(r, version, x)
	}
	if t, ok := f.txns.get(id); ok {
		return f.renderTxn(t, version, x)
	}
	return nil
}
