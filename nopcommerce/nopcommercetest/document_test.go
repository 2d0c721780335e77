package nopcommercetest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// contracts is the directory of the contracts, or skips.
func contracts(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("COMMERCE_CONTRACTS")
	if dir == "" {
		t.Skip("COMMERCE_CONTRACTS is not set: it names the directory of the contracts")
	}
	return dir
}

// openapi is what is needed of an OpenAPI document.
type openapi struct {
	Paths      map[string]map[string]*action
	Components struct{ Schemas map[string]*schema }
}

type action struct {
	Parameters []struct {
		Name, In string
		Required bool
		Schema   *schema
	}
	RequestBody *struct{ Content content }
	Responses   map[string]struct{ Content content }
}

type content map[string]struct{ Schema *schema }

type schema struct {
	Ref                  string `json:"$ref"`
	Type, Format         string
	Nullable             bool
	Enum                 []string
	Items                *schema
	Properties           map[string]*schema
	Required             []string
	AdditionalProperties json.RawMessage
}

func load(t *testing.T, name string) *openapi {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(contracts(t), name))
	require.NoError(t, err)
	var d openapi
	require.NoError(t, json.Unmarshal(b, &d))
	return &d
}

// check holds a body to a schema. Every violation is named by its path.
func (d *openapi) check(s *schema, body []byte) []string {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return []string{"body: no JSON"}
	}
	return d.value(s, v, "body")
}

func (d *openapi) value(s *schema, v any, at string) (bad []string) {
	for s.Ref != "" {
		s = d.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
	}
	switch x := v.(type) {
	case nil:
		if !s.Nullable && s.Type != "" && s.Type != "object" { // a $ref can not say nullable in 3.0
			return []string{at + ": null"}
		}
	case bool:
		if s.Type != "boolean" {
			return []string{at + ": boolean"}
		}
	case json.Number:
		if _, err := strconv.ParseInt(x.String(), 10, 32); s.Type != "number" && (s.Type != "integer" || err != nil) {
			return []string{at + ": number"}
		}
	case string:
		if s.Type != "string" || !textFits(s, x) {
			return []string{at + ": text"}
		}
	case []any:
		if s.Type != "array" {
			return []string{at + ": array"}
		}
		for _, inner := range x {
			bad = append(bad, d.value(s.Items, inner, at+"[]")...)
		}
	case map[string]any:
		if s.Type != "object" {
			return []string{at + ": object"}
		}
		for name, inner := range x {
			p, more := s.Properties[name], string(s.AdditionalProperties)
			switch {
			case p != nil:
				bad = append(bad, d.value(p, inner, at+"."+name)...)
			case more == "false":
				bad = append(bad, at+"."+name+": unknown")
			case strings.HasPrefix(more, "{") && more != "{}" && more != "{ }":
				var inner2 schema
				if json.Unmarshal(s.AdditionalProperties, &inner2) == nil {
					bad = append(bad, d.value(&inner2, inner, at+"."+name)...)
				}
			}
		}
		for _, name := range s.Required {
			if _, ok := x[name]; !ok {
				bad = append(bad, at+"."+name+": missing")
			}
		}
	}
	slices.Sort(bad)
	return slices.Compact(bad)
}

var uuidPattern = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// textFits checks formats; a date-time is one without a zone here, as the contract says.
func textFits(s *schema, v string) bool {
	switch {
	case len(s.Enum) > 0:
		return slices.Contains(s.Enum, v)
	case s.Format == "date-time":
		_, err := time.Parse("2006-01-02T15:04:05", v)
		return err == nil
	case s.Format == "uuid":
		return uuidPattern.MatchString(v)
	}
	return true
}

func TestTheValidatorItself(t *testing.T) {
	t.Parallel()
	d := &openapi{}
	s := &schema{Type: "object", AdditionalProperties: json.RawMessage("false"), Required: []string{"id"}, Properties: map[string]*schema{
		"id": {Type: "integer"}, "at": {Type: "string", Format: "date-time", Nullable: true}, "list": {Type: "array", Items: &schema{Type: "boolean"}}}}
	for body, want := range map[string]string{
		`{"id":1,"at":"2018-04-04T09:33:39.303","list":[true]}`: "[]",
		`{"id":1,"at":null}`:                   "[]",
		`{"id":"1"}`:                           "[body.id: text]",
		`{"id":1.5}`:                           "[body.id: number]",
		`{"id":null}`:                          "[body.id: null]",
		`{"at":"2018-04-04T09:33:39Z","id":1}`: "[body.at: text]",
		`{"id":1,"more":1}`:                    "[body.more: unknown]",
		`{"list":[1]}`:                         "[body.id: missing body.list[]: number]",
		`[]`:                                   "[body: array]",
		`<html>`:                               "[body: no JSON]",
	} {
		require.Equal(t, want, fmt.Sprint(d.check(s, []byte(body))), body)
	}
}
