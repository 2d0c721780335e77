package stripemock

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"
	"github.com/stripe/stripe-mock/spec"

	"github.com/commercesync/commerce/stripe"
)

// The document says which members of an object Stripe may leave out, which may be null
// and which are words of a list. None of that is a gap or an error, at any depth, of any
// object that the package reads: what is required is what Stripe always says.
func TestNothingThatStripeMayLeaveOutOrRenameIsAGap(t *testing.T) {
	loaded, err := server.LoadSpec(embedded.OpenAPISpec, "")
	require.NoError(t, err)
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	require.NoError(t, err)
	gaps := map[string]bool{ // required in the state that the fixture is in
		"invoice.id absent":                  true, // of every one but an upcoming one
		"reporting.report_run.result absent": true, // of one that succeeded
		"reporting.report_run.result null":   true,
	}
	var left, null, renamed, read int
	for _, kind := range slices.Sorted(maps.Keys(fixtures.Resources)) {
		object, ok := copied(t, fixtures.Resources[kind]).(map[string]any)
		if !ok || object["object"] != string(kind) {
			continue
		}
		decode := func() (*stripe.Event, error) {
			raw, err := json.Marshal(object)
			require.NoError(t, err)
			return stripe.DecodeEvent(fmt.Appendf(nil, `{"id":"evt_1","type":"x","created":1,"livemode":true,"data":{"object":%s}}`, raw))
		}
		e, err := decode()
		require.NoError(t, err, kind)
		if e.Object == nil {
			continue // not read
		}
		read++
		each := func(path string, count *int, change func(), back func()) {
			change()
			_, err := decode()
			require.Equal(t, gaps[path], err != nil, "%s: %v", path, err)
			back()
			*count++
		}
		walk(loaded, string(kind), loaded.Components.Schemas[string(kind)], object, func(path string, of *spec.Schema, m map[string]any, name string) {
			old, member := m[name], resolved(loaded, of.Properties[name])
			back := func() { m[name] = old }
			if !slices.Contains(of.Required, name) {
				each(path+" absent", &left, func() { delete(m, name) }, back)
			}
			if member.Nullable || of.Properties[name].Nullable {
				each(path+" null", &null, func() { m[name] = nil }, back)
			}
			if _, isWord := old.(string); isWord && len(member.Enum) > 0 && name != "object" {
				each(path+" renamed", &renamed, func() { m[name] = "levitating" }, back)
			}
		})
	}
	t.Logf("%d kinds of object: %d members left out, %d null, %d words renamed", read, left, null, renamed)
	require.Greater(t, read, 25)
	require.Greater(t, renamed, 50)
}

// walk calls use with every member that the document knows of.
func walk(s *spec.Spec, path string, of *spec.Schema, v any, use func(path string, of *spec.Schema, m map[string]any, name string)) {
	of = resolved(s, of)
	switch v := v.(type) {
	case map[string]any:
		for _, one := range of.AnyOf { // the one whose members these are
			if one = resolved(s, one); len(one.Properties) > 0 && (one.Properties["object"] == nil) == (v["object"] == nil) {
				of = one
				break
			}
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if of.Properties[name] != nil {
				use(path+"."+name, of, v, name)
				walk(s, path+"."+name, of.Properties[name], v[name], use)
			}
		}
	case []any:
		for _, element := range v {
			if of.Items != nil {
				walk(s, path, of.Items, element, use)
			}
		}
	}
}

func resolved(s *spec.Spec, of *spec.Schema) *spec.Schema {
	const components = "#/components/schemas/"
	for of.Ref != "" {
		of = s.Components.Schemas[of.Ref[len(components):]]
	}
	return of
}

// copied is a document that may be changed.
func copied(t *testing.T, v any) (out any) {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &out))
	return out
}
