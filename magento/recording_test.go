package magento_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
)

// recording is one exchange with a real shop.
type recording struct {
	file    string
	Name    string
	Request struct {
		Method, Path, Query string
		Headers             map[string]string
		Body                json.RawMessage
		BodyText            *string `json:"body_text"`
	}
	Response struct {
		Status   int
		Headers  map[string]string
		Body     json.RawMessage
		BodyText *string `json:"body_text"`
	}
}

// folders returns where recordings are: the ones beside the code, and all of them and
// held-out ones where the environment names a folder.
func folders() []string {
	out := []string{filepath.Join("testdata", "recorded")}
	if dir := os.Getenv("COMMERCE_CONTRACTS"); dir != "" {
		out = append(out, filepath.Join(dir, "magento-recorded"))
	}
	if dir := os.Getenv("COMMERCE_HELDOUT"); dir != "" {
		out = append(out, dir)
	}
	return out
}

func recordings(t *testing.T, dir string) []recording {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "[0-9]*.json"))
	require.NoError(t, err)
	sort.Strings(files)
	out := make([]recording, 0, len(files))
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		rec := recording{file: strings.TrimSuffix(filepath.Base(f), ".json")}
		require.NoError(t, json.Unmarshal(b, &rec), f)
		for text, body := range map[*string]*json.RawMessage{rec.Request.BodyText: &rec.Request.Body, rec.Response.BodyText: &rec.Response.Body} {
			if text != nil && len(*body) == 0 && json.Valid([]byte(*text)) {
				*body = json.RawMessage(*text)
			}
		}
		out = append(out, rec)
	}
	return out
}

var restPath = regexp.MustCompile(`^/rest/(?:([A-Za-z]\w*)/)?V1(/.*)$`)

// split returns the store code and the path below /V1.
func (r recording) split() (store, path string) {
	m := restPath.FindStringSubmatch(r.Request.Path)
	if m == nil {
		return "", r.Request.Path
	}
	return m[1], m[2]
}

func (r recording) answer(req *http.Request) *http.Response {
	h := http.Header{}
	for k, v := range r.Response.Headers {
		h.Set(k, v)
	}
	body := []byte(r.Response.Body)
	if r.Response.BodyText != nil {
		body = []byte(*r.Response.BodyText)
	}
	return &http.Response{StatusCode: r.Response.Status, Header: h, Request: req, Body: io.NopCloser(bytes.NewReader(body))}
}

func reply(req *http.Request, body string) *http.Response {
	return &http.Response{StatusCode: 200, Request: req, Body: io.NopCloser(strings.NewReader(body)),
		Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// meaning is a body of JSON without what says nothing: flags that are off.
func meaning(t *testing.T, b []byte) any {
	t.Helper()
	if len(bytes.TrimSpace(b)) == 0 {
		return nil
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	require.NoError(t, d.Decode(&v), string(b))
	dropNulls(v)
	if m, ok := v.(map[string]any); ok {
		if c, ok := m["customer"].(map[string]any); ok {
			delete(c, "id") // the path's wins
		}
		for _, flag := range []string{"notify", "appendComment", "isOnline", "capture"} {
			if m[flag] == false {
				delete(m, flag)
			}
		}
		for _, empty := range []string{"items", "arguments"} { // PHP takes them as absent
			switch v := m[empty].(type) {
			case []any:
				if len(v) == 0 {
					delete(m, empty)
				}
			case map[string]any:
				if len(v) == 0 {
					delete(m, empty)
				}
			}
		}
	}
	return v
}

// dropNulls takes out what says nothing: nulls, flags of noughts and empty attributes. A
// number counts as it is, however it is written.
func dropNulls(v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			dropNulls(inner)
			empty := false
			switch inner := inner.(type) {
			case nil:
				empty = true
			case []any:
				empty = len(inner) == 0 && k == "custom_attributes"
			case map[string]any:
				empty = len(inner) == 0 && strings.HasSuffix(k, "_attributes")
			case bool:
				if strings.HasPrefix(k, "is_") && inner {
					v[k] = "1"
				}
				empty = !inner && (strings.HasPrefix(k, "is_") || strings.HasPrefix(k, "default_"))
			case string: // Magento takes texts for numbers
				if d, err := commerce.ParseDecimal(inner); err == nil && (k == "qty" || k == "weight" || strings.HasSuffix(k, "_amount") || strings.HasPrefix(k, "adjustment_")) {
					v[k] = d.Trim(0).String()
				}
			case json.Number:
				if d, err := commerce.ParseDecimal(inner.String()); err == nil {
					v[k] = d.Trim(0).String()
					empty = d.Sign() == 0 && strings.HasPrefix(k, "is_")
				}
			}
			if empty {
				delete(v, k)
			}
		}
	case []any:
		for _, inner := range v {
			dropNulls(inner)
		}
	}
}

// requireDecoded walks a decoded value beside the JSON it came from: every field of
// ours that the shop sent holds what it sent, and the others are empty.
func requireDecoded(t *testing.T, at string, got reflect.Value, sent any) {
	t.Helper()
	if s, ok := got.Interface().(interface{ MarshalJSON() ([]byte, error) }); ok && got.Kind() != reflect.Slice {
		b, err := s.MarshalJSON()
		require.NoError(t, err, at)
		require.Equal(t, plainText(sent), strings.Trim(strings.ReplaceAll(string(b), "null", ""), `"`), at)
		return
	}
	if raw, ok := got.Interface().(json.RawMessage); ok {
		want, err := json.Marshal(sent)
		require.NoError(t, err, at)
		require.JSONEq(t, string(want), string(raw), at)
		return
	}
	switch got.Kind() {
	case reflect.Pointer:
		if sent == nil {
			require.True(t, got.IsNil(), at)
			return
		}
		require.False(t, got.IsNil(), at)
		requireDecoded(t, at, got.Elem(), sent)
	case reflect.Struct:
		object, _ := sent.(map[string]any)
		for i := range got.NumField() {
			f := got.Type().Field(i)
			name := strings.Split(f.Tag.Get("json"), ",")[0]
			switch {
			case f.Anonymous:
				requireDecoded(t, at, got.Field(i), sent)
			case name == "-":
			default:
				requireDecoded(t, at+"."+name, got.Field(i), object[name])
			}
		}
	case reflect.Slice:
		list, _ := sent.([]any)
		require.Equal(t, len(list), got.Len(), at)
		for i := range list {
			requireDecoded(t, at+"[]", got.Index(i), list[i])
		}
	case reflect.Bool:
		require.Equal(t, plainText(sent) == "1" || plainText(sent) == "true", got.Bool(), at)
	case reflect.Int, reflect.Int64:
		want := plainText(sent)
		if want == "" {
			want = "0"
		}
		b, err := json.Marshal(got.Int())
		require.NoError(t, err)
		require.Equal(t, want, string(b), at)
	case reflect.String:
		require.Equal(t, plainText(sent), got.String(), at)
	default:
		t.Fatalf("%s: no way to compare a %s", at, got.Kind())
	}
}

func plainText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
		return ""
	}
	b, _ := json.Marshal(v)
	return string(b)
}

// answered decodes the recorded answer with its numbers as text.
func (r recording) answered(t *testing.T) any {
	t.Helper()
	var v any
	d := json.NewDecoder(bytes.NewReader(r.Response.Body))
	d.UseNumber()
	require.NoError(t, d.Decode(&v), r.file)
	return v
}
