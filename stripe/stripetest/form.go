package stripetest

import (
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// form is a request's parameters: name, name[key], name[0][key].
type form struct{ url.Values }

func (f form) get(name string) string { return f.Get(name) }

func (f form) has(name string) bool { return f.Has(name) }

// amount reads a positive integer.
func (f form) amount(name string) (int64, *problem) {
	s := f.get(name)
	if s == "" {
		return 0, badParam(name, "parameter_missing", "Missing required param: "+name+".")
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0, badParam(name, "parameter_invalid_integer", "Invalid positive integer")
	}
	if n > 99_999_999_9999 {
		return 0, badParam(name, "amount_too_large", "Amount must be no more than 12 digits")
	}
	return n, nil
}

// array reads name[] or name[0], name[1] …
func (f form) array(name string) []string {
	out := slices.Clone(f.Values[name+"[]"])
	for i := 0; ; i++ {
		k := name + "[" + strconv.Itoa(i) + "]"
		if !f.Has(k) {
			return out
		}
		out = append(out, f.Get(k))
	}
}

// said reads some parameters as an answer repeats them.
func (f form) said(names ...string) object {
	out := f.tree()
	maps.DeleteFunc(out, func(name string, _ any) bool { return !slices.Contains(names, name) })
	return out
}

// sub reads name[key] for every key.
func (f form) sub(name string) map[string]string {
	out := map[string]string{}
	for k, v := range f.Values {
		rest, ok := strings.CutPrefix(k, name+"[")
		if key, ok2 := strings.CutSuffix(rest, "]"); ok && ok2 && len(v) > 0 {
			out[key] = v[len(v)-1]
		}
	}
	return out
}

// metadata merges name[key] into m; an empty value deletes.
// Source of the bounds: docs.stripe.com/api/metadata, read 2026-11.
func (f form) metadata(name string, m map[string]string) (map[string]string, *problem) {
	out := map[string]string{}
	for k, v := range m {
		out[k] = v
	}
	for k, v := range f.sub(name) {
		switch {
		case len(k) > 40:
			return nil, badParam(name, "", "Metadata keys can have up to 40 characters")
		case len(v) > 500:
			return nil, badParam(name+"["+k+"]", "", "Metadata values can have up to 500 characters")
		case v == "":
			delete(out, k)
		default:
			out[k] = v
		}
	}
	if len(out) > 50 {
		return nil, badParam(name, "", "Metadata can have up to 50 keys")
	}
	return out, nil
}

// span is a filter on created.
type span struct{ from, to int64 }

func (s span) holds(t int64) bool { return t >= s.from && t <= s.to }

func (f form) window() (span, *problem) {
	s := span{math.MinInt64, math.MaxInt64}
	read := func(name string, set func(int64)) *problem {
		if v := f.get(name); v != "" {
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return badParam(name, "parameter_invalid_integer", "Invalid timestamp")
			}
			set(n)
		}
		return nil
	}
	for name, set := range map[string]func(int64){
		"created":      func(n int64) { s.from, s.to = n, n },
		"created[gte]": func(n int64) { s.from = n },
		"created[gt]":  func(n int64) { s.from = n + 1 },
		"created[lte]": func(n int64) { s.to = n },
		"created[lt]":  func(n int64) { s.to = n - 1 },
	} {
		if p := read(name, set); p != nil {
			return s, p
		}
	}
	return s, nil
}

// expansion is a tree of the links to follow.
type expansion map[string]expansion

// expand reads expand[]; for lists what is below "data".
func (q *request) expand(below string) expansion {
	root := expansion{}
	for _, path := range q.form.array("expand") {
		at := root
		for part := range strings.SplitSeq(path, ".") {
			if at[part] == nil {
				at[part] = expansion{}
			}
			at = at[part]
		}
	}
	if below != "" {
		return root[below]
	}
	return root
}
