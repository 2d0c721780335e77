package stripe_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// place is one member of a document, however deep.
type place struct {
	path   []any // names and indexes
	parent map[string]any
	name   string
}

func (p place) String() string {
	parts := make([]string, len(p.path))
	for i, s := range p.path {
		parts[i] = fmt.Sprint(s)
	}
	return strings.Join(parts, ".")
}

// places finds every member of a document. Of a list the first element counts.
func places(at []any, v any) (out []place) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			path := append(slices.Clone(at), name)
			out = append(append(out, place{path, v, name}), places(path, v[name])...)
		}
	case []any:
		for i := range min(len(v), 1) {
			out = append(out, places(append(slices.Clone(at), i), v[i])...)
		}
	}
	return out
}

// tree reads a document so that it can be changed.
func tree(t testing.TB, raw []byte) map[string]any {
	t.Helper()
	var v map[string]any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	require.NoError(t, d.Decode(&v))
	return v
}

func text(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}

// set changes a member for the length of one call.
func (p place) set(value any, absent bool, use func()) {
	old := p.parent[p.name]
	if p.parent[p.name] = value; absent {
		delete(p.parent, p.name)
	}
	use()
	p.parent[p.name] = old
}

// everyObject calls use with the objects that no fixture has, and with all of both
// fixture files.
func everyObject(t *testing.T, use func(t *testing.T, version, kind string, raw []byte)) {
	t.Helper()
	for _, kind := range slices.Sorted(maps.Keys(inline)) {
		t.Run("ours "+kind, func(t *testing.T) { use(t, stripetest.Newest, kind, []byte(inline[kind])) })
	}
	for _, version := range versions {
		all := fixtures(t, version)
		delete(all, "event") // the envelope of the others
		for _, kind := range slices.Sorted(maps.Keys(all)) {
			t.Run(version+" "+kind, func(t *testing.T) { use(t, version, kind, all[kind]) })
		}
	}
}

// differences names the fields, by their JSON names, in which two values differ. What is
// derived from elsewhere (its name is "-") is left out, and so are the bytes.
func differences(at string, a, b reflect.Value) (out []string) {
	below := func(name string) string { return strings.TrimPrefix(at+"."+name, ".") }
	switch {
	case reflect.DeepEqual(a.Interface(), b.Interface()):
		return nil
	case a.Kind() == reflect.Pointer && !a.IsNil() && !b.IsNil():
		return differences(at, a.Elem(), b.Elem())
	case a.Kind() == reflect.Struct && a.Type() == b.Type():
		if strings.HasPrefix(a.Type().Name(), "Expandable[") {
			return []string{at}
		}
		for i := range a.NumField() {
			f := a.Type().Field(i)
			switch name := f.Tag.Get("json"); {
			case name == "-":
			case f.Anonymous:
				out = append(out, differences(at, a.Field(i), b.Field(i))...)
			default:
				out = append(out, differences(below(name), a.Field(i), b.Field(i))...)
			}
		}
		return out
	case a.Kind() == reflect.Slice && a.Len() == b.Len():
		for i := range a.Len() {
			out = append(out, differences(below(strconv.Itoa(i)), a.Index(i), b.Index(i))...)
		}
		return out
	}
	return []string{at}
}

// find returns the field that a path of JSON names leads to.
func find(v reflect.Value, path []any) (reflect.Value, bool) {
	for len(path) > 0 {
		for v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		i, isIndex := path[0].(int)
		switch {
		case v.Kind() == reflect.Slice && isIndex && i < v.Len():
			v = v.Index(i)
		case v.Kind() == reflect.Map && !isIndex:
			v = v.MapIndex(reflect.ValueOf(path[0]))
		case v.Kind() == reflect.Struct:
			at := slices.IndexFunc(reflect.VisibleFields(v.Type()), func(f reflect.StructField) bool { return f.Tag.Get("json") == path[0] })
			if at < 0 {
				return v, false
			}
			v = v.FieldByIndex(reflect.VisibleFields(v.Type())[at].Index)
		default:
			return v, false
		}
		if !v.IsValid() {
			return v, false
		}
		path = path[1:]
	}
	return v, true
}

// Without one member at a time, at any depth, absent or null: a required fact is a gap
// with its name; any other changes nothing but itself, and is no number or truth that
// then reads as nought or false, unless that is what its absence means.
func TestEveryMemberAtAnyDepthMayBeAbsentOrIsAGap(t *testing.T) {
	t.Parallel()
	var removed, gaps, quiet atomic.Int64
	t.Cleanup(func() {
		t.Logf("members left out: %d, of them gaps: %d, of them read: %d", removed.Load(), gaps.Load(), quiet.Load())
	})
	everyObject(t, func(t *testing.T, version, kind string, raw []byte) {
		t.Parallel()
		document := tree(t, raw)
		whole, err := stripe.DecodeEvent(event(version, text(t, document)))
		require.NoError(t, err)
		for _, p := range places(nil, document) {
			if p.name == "object" {
				continue
			}
			for _, absent := range []bool{true, false} {
				removed.Add(1)
				p.set(nil, absent, func() {
					e, err := stripe.DecodeEvent(event(version, text(t, document)))
					if gap, ok := errors.AsType[*stripe.GapError](err); ok {
						gaps.Add(1)
						require.Equal(t, p.name, gap.Field, "%s: %v", p, err)
						require.Equal(t, version, gap.APIVersion)
						require.Nil(t, e.Object)
						return
					}
					require.NoError(t, err, "%s", p)
					for _, other := range differences("", reflect.ValueOf(whole.Object).Elem(), reflect.ValueOf(e.Object).Elem()) {
						inside := strings.HasPrefix(p.String(), other+".")          // of a value that is compared as one
						moved := p.path[0] == "charges" && other == "latest_charge" // before 2022-11-15
						require.True(t, inside || moved || other == p.String() || strings.HasPrefix(other, p.String()+"."), "%s changed without %s", other, p)
					}
					quiet.Add(1)
				})
			}
			// The same with a value that is not nought, so that nothing hides behind one.
			value := any(json.Number("7"))
			switch p.parent[p.name].(type) {
			case bool:
				value = true
			case json.Number:
			default:
				continue
			}
			p.set(value, false, func() {
				e, err := stripe.DecodeEvent(event(version, text(t, document)))
				require.NoError(t, err, "%s", p)
				field, ok := find(reflect.ValueOf(e.Object), p.path)
				around, _ := find(reflect.ValueOf(e.Object), p.path[:len(p.path)-1])
				if !ok || around.Kind() == reflect.Map || !slices.Contains([]reflect.Kind{reflect.Bool, reflect.Int64}, field.Kind()) ||
					field.Type() == reflect.TypeFor[stripe.Timestamp]() {
					return // absent can be told from nought
				}
				require.False(t, field.IsZero(), "%s is not read", p)
				if optional[strings.Fields(kind)[0]+" "+p.String()] != "" {
					return
				}
				p.set(nil, true, func() {
					_, err := stripe.DecodeEvent(event(version, text(t, document)))
					require.Error(t, err, "without %s it reads as nought", p)
				})
			})
		}
		for _, fact := range required[strings.Fields(kind)[0]] {
			require.Contains(t, document, fact, "a required fact that no sample has")
		}
	})
}

// The same of the envelope: what identifies an event is required, everything else may
// be absent.
func TestEveryMemberOfAnEnvelopeMayBeAbsentOrIsAGap(t *testing.T) {
	t.Parallel()
	for _, version := range versions {
		document := tree(t, fixtures(t, version)["event"])
		document["api_version"] = version // which the fixture does not say, and nobody has to
		document["data"] = map[string]any{"object": tree(t, fixtures(t, version)["charge"])}
		whole, err := stripe.DecodeEvent(text(t, document))
		require.NoError(t, err)
		require.Equal(t, version, whole.APIVersion)
		require.IsType(t, &stripe.Charge{}, whole.Object)
		for _, name := range slices.Sorted(maps.Keys(document)) {
			for _, absent := range []bool{true, false} {
				place{parent: document, name: name}.set(nil, absent, func() {
					e, err := stripe.DecodeEvent(text(t, document))
					gap, isGap := errors.AsType[*stripe.GapError](err)
					field := map[string]string{"id": "id", "type": "type", "created": "created", "livemode": "livemode", "data": "data.object"}[name]
					require.Equal(t, field != "", isGap, "%s: %v", name, err)
					if isGap {
						require.Equal(t, field, gap.Field)
						return
					}
					require.Equal(t, whole.ID, e.ID)
					require.Equal(t, whole.Object, e.Object)
				})
			}
		}
	}
}

// A word that nobody knows yet, in whatever place: kept where that place is read, and
// never an error.
func TestEveryUnknownWordAtAnyDepthIsKept(t *testing.T) {
	t.Parallel()
	var renamed, kept atomic.Int64
	t.Cleanup(func() { t.Logf("words renamed: %d, of them read: %d", renamed.Load(), kept.Load()) })
	everyObject(t, func(t *testing.T, version, _ string, raw []byte) {
		t.Parallel()
		document := tree(t, raw)
		for _, p := range places(nil, document) {
			if _, ok := p.parent[p.name].(string); !ok || len(p.path) == 1 && p.name == "object" {
				continue
			}
			renamed.Add(1)
			p.set("levitating", false, func() {
				e, err := stripe.DecodeEvent(event(version, text(t, document)))
				require.NoError(t, err, "%s", p)
				if field, ok := find(reflect.ValueOf(e.Object), p.path); ok && field.Kind() == reflect.String {
					require.Equal(t, "levitating", field.String(), "%s", p)
					kept.Add(1)
				}
			})
		}
	})
}

// Whatever is put in place of any part, at any depth: an error or an object, no panic.
func TestNoPartOfAnyObjectCanMakeTheDecoderPanic(t *testing.T) {
	t.Parallel()
	everyObject(t, func(t *testing.T, version, _ string, raw []byte) {
		t.Parallel()
		document := tree(t, raw)
		for _, p := range places(nil, document) {
			word, more := any("x"), any([]any{map[string]any{}})
			switch p.parent[p.name].(type) {
			case string:
				word = 7
			case map[string]any: // a list, if anything
				more = map[string]any{"data": []any{map[string]any{}}}
			}
			for _, value := range []any{word, more} {
				p.set(value, false, func() {
					if _, err := stripe.DecodeEvent(event(version, text(t, document))); err != nil && commerce.KindOf(err) != commerce.KindInvalid {
						t.Errorf("%s: %v", p, err)
					}
				})
			}
		}
	})
}
