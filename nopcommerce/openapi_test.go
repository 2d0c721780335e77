package nopcommerce_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// document is what is needed of an OpenAPI document: paths, parameters and schemas.
type document struct {
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]*schema }

	mu   sync.Mutex
	used map[string]int // operations that were seen
}

type operation struct {
	Parameters []struct {
		Name, In string
		Required bool
		Schema   schema
	}
	RequestBody *struct {
		Content map[string]struct{ Schema schema }
	}
	Responses map[string]struct {
		Content map[string]struct{ Schema schema }
	}
}

type schema struct {
	Ref        string `json:"$ref"`
	Type       string
	Format     string
	Nullable   bool
	Enum       []string
	Items      *schema
	Properties map[string]*schema
	Required   []string
	// Closed is false, a schema or absent.
	Closed any `json:"additionalProperties"`
}

var read sync.Map // file → *document

// contract reads one of the documents, or skips.
func contract(t testing.TB, file string) *document {
	t.Helper()
	dir := os.Getenv("COMMERCE_CONTRACTS")
	if dir == "" {
		t.Skip("COMMERCE_CONTRACTS is not set: it names the directory of the contracts")
	}
	if d, ok := read.Load(file); ok {
		return d.(*document)
	}
	b, err := os.ReadFile(filepath.Join(dir, file))
	require.NoError(t, err)
	d := &document{used: map[string]int{}}
	require.NoError(t, json.Unmarshal(b, d))
	got, _ := read.LoadOrStore(file, d)
	return got.(*document)
}

const (
	officialDoc  = "nopcommerce-openapi.json"
	communityDoc = "nopcommerce-openapi-community.json"
)

// find returns the operation of a request and the values in its path. A path without a
// value wins: /orders/count is no /orders/{id}.
func (d *document) find(method, path string) (name string, op operation, values map[string]string, err error) {
	parts := strings.Split(path, "/")
	for template, ops := range d.Paths {
		o, ok := ops[strings.ToLower(method)]
		names := strings.Split(template, "/")
		if !ok || len(names) != len(parts) {
			continue
		}
		found := map[string]string{}
		for i, n := range names {
			if strings.HasPrefix(n, "{") {
				found[strings.Trim(n, "{}")], _ = url.PathUnescape(parts[i])
			} else if n != parts[i] {
				ok = false
			}
		}
		if ok && (name == "" || len(found) < len(values)) {
			name, op, values = method+" "+template, o, found
		}
	}
	if name == "" {
		return "", op, nil, fmt.Errorf("%s %s is not in the document", method, path)
	}
	return name, op, values, nil
}

// request checks a request: path, parameters and body. community says that underscores and
// letter case in names of parameters do not matter, as the contract says of that API.
func (d *document) request(r *http.Request, body []byte, community bool) error {
	name, op, values, err := d.find(r.Method, r.URL.EscapedPath())
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.used[name]++
	d.mu.Unlock()
	plain := func(s string) string {
		if community {
			return strings.ToLower(strings.ReplaceAll(s, "_", ""))
		}
		return s
	}
	q := r.URL.Query()
	delete(q, "_") // keeps caches away; the shop ignores what it does not know
	for _, p := range op.Parameters {
		value, there := values[p.Name]
		if p.In == "query" {
			for n, v := range q {
				if plain(n) == plain(p.Name) {
					value, there = v[0], len(v) == 1
					delete(q, n)
				}
			}
		}
		switch {
		case !there && p.Required:
			return fmt.Errorf("%s: %s is required", name, p.Name)
		case there:
			if err := d.text(&p.Schema, value); err != nil {
				return fmt.Errorf("%s: %s: %w", name, p.Name, err)
			}
		}
	}
	if len(q) > 0 {
		return fmt.Errorf("%s has no parameters %v", name, q)
	}
	if op.RequestBody == nil {
		if len(body) > 0 {
			return fmt.Errorf("%s takes no body", name)
		}
		return nil
	}
	content, ok := op.RequestBody.Content[r.Header.Get("Content-Type")]
	if !ok {
		return fmt.Errorf("%s takes no %q", name, r.Header.Get("Content-Type"))
	}
	return d.json(&content.Schema, body, name)
}

// answer checks the body of a 200.
func (d *document) answer(method, path string, body []byte) error {
	name, op, _, err := d.find(method, path)
	if err != nil {
		return err
	}
	content := op.Responses["200"].Content["application/json"]
	switch {
	case strings.HasSuffix(name, "PartiallyRefundOffline/{orderId}"): // declared as boolean, and empty
		return nil
	case strings.HasSuffix(name, "ShipmentItem/Create"): // declared as a shipment, and an item
		content.Schema.Ref = "#/components/schemas/ShipmentItemDto"
	case strings.HasSuffix(name, "RecurringPaymentHistory/Create"):
		content.Schema.Ref = "#/components/schemas/RecurringPaymentHistoryDto"
	}
	if content.Schema.Ref == "" && content.Schema.Type == "" {
		if len(body) > 0 {
			return fmt.Errorf("%s answers nothing", name)
		}
		return nil
	}
	return d.json(&content.Schema, body, name)
}

func (d *document) json(s *schema, body []byte, at string) error {
	var v any
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	return d.value(s, v, at)
}

func (d *document) resolve(s *schema) *schema {
	for s.Ref != "" {
		s = d.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
	}
	return s
}

// later are the members and their types that came after the document's version.
var later = map[string]string{"first_name": "string", "last_name": "string", "company": "string", "phone": "string",
	"country_id": "integer", "ready_for_pickup_date_utc": "string", "returned_quantity": "integer", "our_column": "string"}

func (d *document) value(s *schema, v any, at string) error {
	s = d.resolve(s)
	bad := func(what string) error { return fmt.Errorf("%s is no %s: %v", at, what, v) }
	switch x := v.(type) {
	case nil:
		if !s.Nullable && s.Type != "" {
			return bad("value, which has to be there")
		}
	case map[string]any:
		if s.Type != "object" {
			return bad(s.Type)
		}
		for name, inner := range x {
			p := s.Properties[name]
			if extra, ok := s.Closed.(map[string]any); p == nil && ok && extra != nil {
				continue
			}
			if p == nil && later[name] == "" {
				return fmt.Errorf("%s.%s is not in the document", at, name)
			}
			if p != nil {
				if err := d.value(p, inner, at+"."+name); err != nil {
					return err
				}
			}
		}
		for _, name := range s.Required {
			if _, ok := x[name]; !ok {
				return fmt.Errorf("%s.%s is required", at, name)
			}
		}
	case []any:
		if s.Type != "array" {
			return bad(s.Type)
		}
		for _, inner := range x {
			if err := d.value(s.Items, inner, at+"[]"); err != nil {
				return err
			}
		}
	case string:
		if s.Type != "string" {
			return bad(s.Type)
		}
		return d.text(s, x)
	case json.Number:
		if s.Type != "number" && s.Type != "integer" {
			return bad(s.Type)
		}
		return d.text(s, x.String())
	case bool:
		if s.Type != "boolean" {
			return bad(s.Type)
		}
	}
	return nil
}

var (
	uuid  = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	count = regexp.MustCompile(`^-?\d+(\.\d+)?$`)
)

// text checks a value that is written as a text. Moments have no zone, and may have a Z.
func (d *document) text(s *schema, v string) error {
	s = d.resolve(s)
	ok := true
	switch s.Type + ":" + s.Format {
	case "integer:int32":
		_, err := strconv.ParseInt(v, 10, 32)
		ok = err == nil
	case "number:double", "number:decimal":
		ok = count.MatchString(v)
	case "boolean:":
		ok = v == "true" || v == "false"
	case "string:date-time":
		_, err := time.Parse("2006-01-02T15:04:05.9999999", strings.TrimSuffix(v, "Z"))
		ok = err == nil
	case "string:uuid":
		ok = uuid.MatchString(v)
	}
	if len(s.Enum) > 0 {
		ok = slices.Contains(s.Enum, v)
	}
	if !ok {
		return fmt.Errorf("%.60q is no %s %s %v", v, s.Type, s.Format, s.Enum)
	}
	return nil
}
