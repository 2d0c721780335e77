package magentotest

import (
	"strings"
	"time"
	"unicode"
)

// obj is a JSON object of an answer.
type obj = map[string]any

const timeLayout = "2006-01-02 15:04:05"

func stamp(t time.Time) string { return t.UTC().Format(timeLayout) }

// mask is what a fields parameter asks for: names, each with a mask of its own.
type mask map[string]mask

// parseFields reads "items[entity_id,state],total_count".
func parseFields(s string) mask {
	m, _ := parseMask(s)
	return m
}

func parseMask(s string) (mask, string) {
	m := mask{}
	for s != "" && s[0] != ']' {
		end := strings.IndexAny(s, ",[]")
		if end < 0 {
			end = len(s)
		}
		name := strings.TrimSpace(s[:end])
		s = s[end:]
		var inner mask
		if strings.HasPrefix(s, "[") {
			inner, s = parseMask(s[1:])
			s = strings.TrimPrefix(s, "]")
		}
		if name != "" {
			m[name] = inner
		}
		s = strings.TrimPrefix(s, ",")
	}
	return m, s
}

// apply keeps of v what the mask names. An empty list becomes null (REC 174).
func (m mask) apply(v any) any {
	if len(m) == 0 {
		return v
	}
	switch v := v.(type) {
	case obj:
		out := obj{}
		for name, inner := range m {
			if got, ok := v[name]; ok {
				out[name] = inner.apply(got)
			}
		}
		return out
	case []any:
		if len(v) == 0 {
			return nil
		}
		out := make([]any, len(v))
		for i := range v {
			out[i] = m.apply(v[i])
		}
		return out
	}
	return v
}

// snake turns the keys of a request into snake_case: Magento takes camelCase too.
func snake(v any) any {
	switch v := v.(type) {
	case obj:
		out := make(obj, len(v))
		for k, inner := range v {
			out[snakeName(k)] = snake(inner)
		}
		return out
	case []any:
		for i := range v {
			v[i] = snake(v[i])
		}
	}
	return v
}

func snakeName(s string) string {
	var b strings.Builder
	for i, r := range s {
		if unicode.IsUpper(r) {
			if i > 0 {
				b.WriteByte('_')
			}
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}
