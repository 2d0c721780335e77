package stripemock

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-mock/embedded"
)

// document is an OpenAPI document of Stripe's API, as far as answers and requests are
// checked against it.
type document struct {
	Info struct {
		Version string `json:"version"`
	} `json:"info"`
	Paths      map[string]map[string]*operation `json:"paths"`
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`

	split map[int][][]string // the paths by how many parts they have
}

type operation struct {
	Parameters []struct {
		In, Name string
		Required bool
		Schema   *schema
	}
	RequestBody content            `json:"requestBody"`
	Responses   map[string]content `json:"responses"`
}

type content struct {
	Content map[string]struct{ Schema *schema } `json:"content"`
}

type schema struct {
	Ref        string             `json:"$ref"`
	Type       string             `json:"type"`
	Enum       []any              `json:"enum"`
	Nullable   bool               `json:"nullable"`
	MaxLength  int                `json:"maxLength"`
	AnyOf      []*schema          `json:"anyOf"`
	Items      *schema            `json:"items"`
	Properties map[string]*schema `json:"properties"`
	Required   []string           `json:"required"`
	More       more               `json:"additionalProperties"`
	Expandable *struct{}          `json:"x-expansionResources"`
	Loose      bool               `json:"x-stripeBypassValidation"` // words may be missing in the enum
}

// more is additionalProperties: a schema, or whether anything goes.
type more struct{ *schema }

func (m *more) UnmarshalJSON(b []byte) error {
	if b[0] != '{' {
		return nil
	}
	return json.Unmarshal(b, &m.schema)
}

// pinned is the document of the API version that the client pins.
var pinned = sync.OnceValues(func() (*document, error) { return read(embedded.OpenAPISpec) })

// A go.mod holds one version of a module. The newest document is read from the module
// cache; its sum is the one of the public checksum database.
const (
	newestModule = "github.com/stripe/stripe-mock@v0.203.0"
	newestSum    = "h1:EzW7nb/fphqcAkgVRHAaC88OaAZo6SBWSl54cflDTio="
)

var newest = sync.OnceValues(func() (*document, error) {
	b, err := fromNewest("spec3.json")
	if err != nil {
		return nil, err
	}
	return read(b)
})

// fromNewest reads a file of the newest version's module.
func fromNewest(name string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	cmd := exec.Command("go", "mod", "download", "-json", newestModule)
	cmd.Dir = dir // apart from every go.mod and go.work
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	var module struct{ Dir, Sum, Error string }
	if e := json.Unmarshal(out, &module); e != nil || err != nil || module.Error != "" {
		return nil, fmt.Errorf("go mod download %s: %w %s", newestModule, err, module.Error)
	}
	if module.Sum != newestSum {
		return nil, fmt.Errorf("%s has the sum %s", newestModule, module.Sum)
	}
	return os.ReadFile(filepath.Join(module.Dir, "embedded", "openapi", name))
}

func read(b []byte) (*document, error) {
	d := &document{split: map[int][][]string{}}
	err := json.Unmarshal(b, d)
	for p := range d.Paths {
		parts := strings.Split(p, "/")
		d.split[len(parts)] = append(d.split[len(parts)], parts)
	}
	return d, err
}

// documents are those of both versions, by version.
func documents(t *testing.T) map[string]*document {
	t.Helper()
	out := map[string]*document{}
	for _, load := range []func() (*document, error){pinned, newest} {
		d, err := load()
		require.NoError(t, err)
		out[d.Info.Version] = d
	}
	return out
}

// route finds the path of the document that a request's path is of: of several that
// fit, the one with the fewest holes to fill in.
func (d *document) route(method, path string) (string, *operation) {
	want := strings.Split(path, "/")
	var found string
	var best *operation
	for _, parts := range d.split[len(want)] {
		if !slices.EqualFunc(parts, want, func(a, b string) bool { return a == b || strings.HasPrefix(a, "{") && b != "" }) {
			continue
		}
		p := strings.Join(parts, "/")
		op := d.Paths[p][strings.ToLower(method)]
		if op != nil && (best == nil || strings.Count(p, "{") < strings.Count(found, "{")) {
			found, best = p, op
		}
	}
	return found, best
}

// answer is the schema of an answer.
func (o *operation) answer(status int) *schema {
	r, ok := o.Responses[strconv.Itoa(status)]
	if !ok {
		r = o.Responses["default"]
	}
	return r.Content["application/json"].Schema
}

// form is the schema of a request's parameters.
func (o *operation) form() *schema {
	if s := o.RequestBody.Content["application/x-www-form-urlencoded"].Schema; s != nil && len(s.Properties) > 0 {
		return s
	}
	s := &schema{Type: "object", Properties: map[string]*schema{}}
	for _, p := range o.Parameters {
		if p.In == "query" {
			s.Properties[p.Name] = p.Schema
			if p.Required {
				s.Required = append(s.Required, p.Name)
			}
		}
	}
	return s
}

func (d *document) resolve(s *schema) *schema {
	for s.Ref != "" {
		s = d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
	}
	return s
}

// check returns everything that is wrong with a value of an answer: a wrong type, a
// word that is no enum's, an absent required member, a member that the document does
// not have, a link that is followed without being asked or not followed though asked.
func (d *document) check(path string, s *schema, v any, expanded []string) (wrong []string) {
	add := func(format string, args ...any) { wrong = append(wrong, path+": "+fmt.Sprintf(format, args...)) }
	if s.Expandable != nil && v != nil {
		_, object := v.(map[string]any)
		_, link := v.(string)
		asked := slices.Contains(expanded, path)
		switch {
		case object && !asked:
			add("is an object, though nobody asked to expand it")
		case link && asked:
			add("is a link, though the request asked to expand it")
		}
	}
	s = d.resolve(s)
	if v == nil {
		if !s.Nullable {
			add("is null")
		}
		return wrong
	}
	if len(s.AnyOf) > 0 {
		var best []string
		for i, one := range d.alike(s.AnyOf, v) {
			w := d.check(path, one, v, expanded)
			if i == 0 || len(w) < len(best) {
				best = w
			}
		}
		return append(wrong, best...)
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) && !s.Loose {
		add("%q is none of the words", v)
	}
	got := ""
	switch v := v.(type) {
	case map[string]any:
		got = "object"
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				add("%s is absent", name)
			}
		}
		for name, member := range v {
			below := s.Properties[name]
			if below == nil {
				below = s.More.schema
			}
			switch {
			case below != nil:
				wrong = append(wrong, d.check(join(path, name), below, member, expanded)...)
			case s.Properties != nil:
				add("%s is not in the document", name)
			}
		}
	case []any:
		got = "array"
		for _, element := range v {
			if s.Items != nil {
				wrong = append(wrong, d.check(path, s.Items, element, expanded)...)
			}
		}
	case string:
		got = "string"
		if s.MaxLength > 0 && len([]rune(v)) > s.MaxLength {
			add("is longer than %d", s.MaxLength)
		}
	case bool:
		got = "boolean"
	case json.Number:
		if got = "integer"; strings.ContainsAny(v.String(), ".eE") || s.Type == "number" {
			got = "number"
		}
	}
	if s.Type != got && s.Type != "" {
		add("is of type %s, wanted %s", got, s.Type)
	}
	return wrong
}

// alike leaves of some schemas those of a value's own kind of object, if there are any.
func (d *document) alike(some []*schema, v any) (out []*schema) {
	object, _ := v.(map[string]any)
	name, ok := object["object"].(string)
	for _, s := range some {
		if ok && slices.Contains(d.kinds(s), name) {
			out = append(out, s)
		}
	}
	if out == nil {
		return some
	}
	return out
}

// kinds are the words that the member "object" of a schema may be.
func (d *document) kinds(s *schema) (out []string) {
	s = d.resolve(s)
	for _, one := range s.AnyOf {
		out = append(out, d.kinds(one)...)
	}
	if p := s.Properties["object"]; p != nil {
		for _, word := range p.Enum {
			out = append(out, word.(string))
		}
	}
	return out
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// accepts returns what is wrong with a request's parameters, a tree of texts.
func (d *document) accepts(path string, s *schema, v any) (wrong []string) {
	add := func(format string, args ...any) { wrong = append(wrong, path+": "+fmt.Sprintf(format, args...)) }
	s = d.resolve(s)
	if len(s.AnyOf) > 0 {
		var best []string
		for i, one := range s.AnyOf {
			w := d.accepts(path, one, v)
			if i == 0 || len(w) < len(best) {
				best = w
			}
		}
		return best
	}
	switch v := v.(type) {
	case map[string]any:
		switch {
		case s.Type == "array":
			for _, element := range v {
				wrong = append(wrong, d.accepts(path, s.Items, element)...)
			}
		case s.Type != "object":
			add("has members, wanted %s", s.Type)
		}
		if s.Type != "object" {
			return wrong
		}
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				add("%s is absent", name)
			}
		}
		for name, member := range v {
			below := s.Properties[name]
			if below == nil {
				below = s.More.schema
			}
			if below == nil {
				add("%s is not in the document", name)
				continue
			}
			wrong = append(wrong, d.accepts(join(path, name), below, member)...)
		}
	case string:
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, any(v)) && !s.Loose {
			add("%q is none of the words", v)
		}
		var err error
		switch s.Type {
		case "integer":
			_, err = strconv.ParseInt(v, 10, 64)
		case "number":
			_, err = strconv.ParseFloat(v, 64)
		case "boolean":
			_, err = strconv.ParseBool(v)
		case "array":
			add("%q is no list", v)
		case "object":
			if v != "" { // an empty text clears it
				add("%q has no members", v)
			}
		}
		if err != nil {
			add("%q is no %s", v, s.Type)
		}
		if s.MaxLength > 0 && len([]rune(v)) > s.MaxLength {
			add("is longer than %d", s.MaxLength)
		}
	}
	return wrong
}

// tree is what parameters like a[b][0][c]=d say.
func tree(form map[string][]string) map[string]any {
	root := map[string]any{}
	for key, values := range form {
		at := root
		parts := strings.Split(strings.ReplaceAll(key, "]", ""), "[")
		for _, p := range parts[:len(parts)-1] {
			below, ok := at[p].(map[string]any)
			if !ok {
				below = map[string]any{}
				at[p] = below
			}
			at = below
		}
		last := parts[len(parts)-1]
		if last != "" {
			at[last] = values[len(values)-1]
			continue
		}
		for i, v := range values { // a[]=x&a[]=y
			at[strconv.Itoa(i)] = v
		}
	}
	return root
}
