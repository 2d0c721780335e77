package erpnexttest

import (
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// doc is a document: texts, int64, *big.Rat for floats, and []any of docs for its rows.
// A stored one is never changed, but put in the place of the old.
type doc map[string]any

func (d doc) name() string { return text(d["name"]) }

func (d doc) status() int64 { n, _ := d["docstatus"].(int64); return n }

func (d doc) rows(field string) []doc {
	list, _ := d[field].([]any)
	out := make([]doc, len(list))
	for i := range list {
		out[i], _ = list[i].(doc)
	}
	return out
}

// failure is an exception of the server.
type failure struct {
	status int
	class  string
	text   string
}

func (f *failure) Error() string { return f.text }

func fail(status int, class, format string, args ...any) *failure {
	return &failure{status, class, fmt.Sprintf(format, args...)}
}

// invalid is everything that is derived from ValidationError.
func invalid(class, format string, args ...any) *failure {
	return fail(http.StatusExpectationFailed, class, format, args...)
}

// schema are the fields of the doctypes that the fake knows. Others are dropped without
// a word when a document is written, and refused in a list.
var schema = map[string][]string{
	"Company":           {"default_currency"},
	"Country":           {"code"},
	"UOM":               {"must_be_whole_number"},
	"Item":              {"item_code", "stock_uom", "is_stock_item", "is_sales_item", "disabled"},
	"Item Tax Template": {"title", "company", "disabled", "taxes"},
	"Accounts Settings": {"round_row_wise_tax"},
	"Account":           {"account_number", "company", "is_group", "account_currency", "account_type"},
	"Bin":               {"item_code", "warehouse", "actual_qty", "reserved_qty"},
	"Customer":          {"customer_name", "customer_type", "customer_group", "territory", "email_id", "mobile_no", "tax_id", KeyField},
	"Address":           {"address_title", "address_type", "address_line1", "address_line2", "city", "state", "pincode", "country", "links"},
	"Sales Order": {"customer", "company", "order_type", "transaction_date", "delivery_date", "currency", "po_no", "customer_address",
		"shipping_address_name", "ignore_pricing_rule", "disable_rounded_total", "set_warehouse", "payment_terms_template", "terms", "items", "taxes",
		"net_total", "total_taxes_and_charges", "grand_total", "status", "delivery_status", "per_delivered", KeyField},
	"Delivery Note": {"company", "customer", "posting_date", "posting_time", "is_return", "items"},
	"Sales Invoice": {"company", "customer", "items"},
	"Pick List":     {"company", "locations"},
	"Shipment":      {"awb_number", "carrier", "tracking_url", "shipment_delivery_note"},
	"Journal Entry": {"voucher_type", "company", "posting_date", "user_remark", "cheque_no", "cheque_date", "reversal_of", "accounts", "total_debit", KeyField},
}

// children are the doctypes of rows, by parent: the field that holds them.
var children = map[string]map[string]string{
	"Address":       {"Dynamic Link": "links"},
	"Delivery Note": {"Delivery Note Item": "items"},
	"Sales Invoice": {"Sales Invoice Item": "items"},
	"Pick List":     {"Pick List Item": "locations"},
	"Shipment":      {"Shipment Delivery Note": "shipment_delivery_note"},
}

func text(v any) string { s, _ := v.(string); return s }

// rat reads a number, or a text that is one.
func rat(v any) *big.Rat {
	switch v := v.(type) {
	case *big.Rat:
		return v
	case int64:
		return new(big.Rat).SetInt64(v)
	case string:
		if r, ok := new(big.Rat).SetString(v); ok {
			return r
		}
	}
	return new(big.Rat)
}

func decode(r io.Reader) (doc, error) {
	d := json.NewDecoder(r)
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return numbers(v).(doc), nil
}

func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		return rat(v.String())
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
		return v
	case map[string]any:
		out := doc{}
		for k := range v {
			out[k] = numbers(v[k])
		}
		return out
	}
	return v
}

// encode writes floats with a point.
func encode(v any) any {
	switch v := v.(type) {
	case *big.Rat:
		s := strings.TrimRight(v.FloatString(9), "0")
		if strings.HasSuffix(s, ".") {
			s += "0"
		}
		return json.Number(s)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = encode(v[i])
		}
		return out
	case doc:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = encode(v[k])
		}
		return out
	}
	return v
}

const timeLayout = "2006-01-02 15:04:05.000000"

// clock never gives the same microsecond twice.
func (s *Server) clock() string {
	t := s.c.Now().UTC().Truncate(time.Microsecond)
	if !t.After(s.last) {
		t = s.last.Add(time.Microsecond)
	}
	s.last = t
	return t.Format(timeLayout)
}

func (s *Server) rollback() {
	for _, f := range slices.Backward(s.undo) {
		f()
	}
	s.undo = nil
}

// put stores a document, new or in the place of another.
func (s *Server) put(doctype string, d doc) {
	name := d.name()
	if s.docs[doctype] == nil {
		s.docs[doctype] = map[string]doc{}
	}
	old := s.docs[doctype][name]
	d["modified"] = s.clock()
	if old == nil {
		d["creation"] = d["modified"]
		s.list[doctype] = append(s.list[doctype], name)
	}
	s.docs[doctype][name] = d
	s.undo = append(s.undo, func() {
		if old != nil {
			s.docs[doctype][name] = old
			return
		}
		delete(s.docs[doctype], name)
		s.list[doctype] = slices.DeleteFunc(s.list[doctype], func(x string) bool { return x == name })
	})
}

func (s *Server) drop(doctype string, d doc) {
	list := slices.Clone(s.list[doctype])
	delete(s.docs[doctype], d.name())
	s.list[doctype] = slices.DeleteFunc(s.list[doctype], func(x string) bool { return x == d.name() })
	s.undo = append(s.undo, func() { s.docs[doctype][d.name()], s.list[doctype] = d, list })
}

// all are the documents of a doctype in order of creation.
func (s *Server) all(doctype string) []doc {
	out := make([]doc, len(s.list[doctype]))
	for i, name := range s.list[doctype] {
		out[i] = s.docs[doctype][name]
	}
	return out
}

// number draws the next number of a series.
func (s *Server) number(format string) string {
	s.seq[format]++
	return fmt.Sprintf(format, s.seq[format])
}

// find lists documents: 20 names unless the query says otherwise.
func (s *Server) find(doctype string, q url.Values) ([]any, error) {
	fields := []string{"name"}
	if f := q.Get("fields"); f != "" {
		if err := json.Unmarshal([]byte(f), &fields); err != nil {
			return nil, invalid("ValidationError", "fields is no list")
		}
	}
	var filters []any
	if f := q.Get("filters"); f != "" {
		d := json.NewDecoder(strings.NewReader(f))
		d.UseNumber()
		if err := d.Decode(&filters); err != nil {
			return nil, invalid("ValidationError", "filters is no list")
		}
		numbers(filters)
	}
	for _, f := range fields {
		if !known(doctype, f) {
			return nil, invalid("DataError", "Field not permitted in query: %s", f)
		}
	}
	rows := []doc{}
	for _, d := range s.all(doctype) {
		ok, err := s.matches(doctype, d, filters)
		if err != nil {
			return nil, err
		}
		if ok {
			rows = append(rows, d)
		}
	}
	s.sort(rows, q.Get("order_by"))
	limit := 20
	if n, err := strconv.Atoi(q.Get("limit_page_length")); err == nil {
		limit = n
	}
	if start, err := strconv.Atoi(q.Get("limit_start")); err == nil {
		rows = rows[min(start, len(rows)):]
	}
	if limit > 0 && len(rows) > limit {
		rows = rows[:limit]
	}
	out := make([]any, len(rows))
	for i, d := range rows {
		row := map[string]any{}
		for _, f := range fields {
			row[f] = encode(d[f])
		}
		out[i] = row
	}
	return out, nil
}

func known(doctype, field string) bool {
	switch field {
	case "name", "docstatus", "modified", "creation", "owner":
		return true
	}
	return slices.Contains(schema[doctype], field)
}

func (s *Server) matches(doctype string, d doc, filters []any) (bool, error) {
	for _, f := range filters {
		c, _ := f.([]any)
		rows := []doc{d}
		if len(c) == 4 {
			field, ok := children[doctype][text(c[0])]
			if !ok && text(c[0]) != doctype {
				return false, invalid("DataError", "%s is no part of %s", text(c[0]), doctype)
			}
			if ok {
				rows = d.rows(field)
			}
			c = c[1:]
		} else if len(c) == 3 && !known(doctype, text(c[0])) {
			return false, invalid("DataError", "Field not permitted in query: %s", text(c[0]))
		}
		if len(c) != 3 {
			return false, invalid("ValidationError", "a filter has three or four parts")
		}
		if !slices.ContainsFunc(rows, func(r doc) bool { return holds(r[text(c[0])], text(c[1]), c[2]) }) {
			return false, nil
		}
	}
	return true, nil
}

// holds compares a value; what is empty counts as an empty text or nought.
func holds(v any, operator string, want any) bool {
	switch operator {
	case "in":
		list, _ := want.([]any)
		return slices.ContainsFunc(list, func(w any) bool { return compare(v, w) == 0 })
	case "=":
		return compare(v, want) == 0
	case "!=":
		return compare(v, want) != 0
	case "<":
		return compare(v, want) < 0
	case "<=":
		return compare(v, want) <= 0
	case ">":
		return compare(v, want) > 0
	case ">=":
		return compare(v, want) >= 0
	}
	return false
}

func compare(a, b any) int {
	_, aText := a.(string)
	_, bText := b.(string)
	if aText || bText {
		return strings.Compare(text(a), text(b))
	}
	return rat(a).Cmp(rat(b))
}

func (s *Server) sort(rows []doc, by string) {
	slices.SortStableFunc(rows, func(a, b doc) int {
		for _, clause := range strings.Split(by, ",") {
			field, direction, _ := strings.Cut(strings.TrimSpace(clause), " ")
			n := compare(a[field], b[field])
			if strings.EqualFold(strings.TrimSpace(direction), "desc") {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return 0
	})
}
