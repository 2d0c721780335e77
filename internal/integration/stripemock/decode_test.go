package stripemock

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-mock/embedded"

	"github.com/commercesync/commerce/stripe"
)

// fixturesOf are the objects that the mock of a version answers with.
func fixturesOf(t *testing.T, version string) map[string]map[string]any {
	t.Helper()
	raw := embedded.OpenAPIFixtures
	if version != stripe.APIVersion {
		var err error
		raw, err = fromNewest("fixtures3.json")
		require.NoError(t, err)
	}
	var all struct {
		Resources map[string]map[string]any `json:"resources"`
	}
	require.NoError(t, json.Unmarshal(raw, &all))
	return all.Resources
}

// gaps are members that Stripe may leave out or set to null and that are required
// nevertheless, in the state that the fixture is in.
var gaps = map[string]string{
	"2023-10-16 invoice.id absent":                         "only an upcoming one has none",
	"2023-10-16 reporting.report_run.result absent":        "the run succeeded",
	"2023-10-16 reporting.report_run.result null":          "the run succeeded",
	"2026-08-26.dahlia reporting.report_run.result absent": "the run succeeded",
	"2026-08-26.dahlia reporting.report_run.result null":   "the run succeeded",
	// These are read again in the pinned version, which always says them.
	"2026-08-26.dahlia invoice.status absent":          "nothing else says whether it is paid",
	"2026-08-26.dahlia invoice.status null":            "nothing else says whether it is paid",
	"2026-08-26.dahlia payment_intent.amount absent":   "it is what everything is about",
	"2026-08-26.dahlia payment_intent.currency absent": "it is what everything is about",
}

// The documents say which members of an object Stripe may leave out, which may be null
// and which are words of a list. None of that is a gap or an error, at any depth, of any
// object that the package reads: what is required is what Stripe always says.
func TestNothingThatStripeMayLeaveOutOrRenameIsAGap(t *testing.T) {
	for version, doc := range documents(t) {
		t.Run(version, func(t *testing.T) {
			var left, null, renamed, read int
			for kind, object := range fixturesOf(t, version) {
				if object["object"] != kind {
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
				doc.members(kind, doc.Components.Schemas[kind], object, func(path string, of *schema, m map[string]any, name string) {
					try := func(path string, count *int) {
						_, err := decode()
						require.Equal(t, gaps[version+" "+path] != "", err != nil, "%s: %v", path, err)
						*count++
					}
					old, member := m[name], doc.resolve(of.Properties[name])
					if !slices.Contains(of.Required, name) {
						delete(m, name)
						try(path+" absent", &left)
					}
					if member.Nullable || of.Properties[name].Nullable {
						m[name] = nil
						try(path+" null", &null)
					}
					if _, word := old.(string); word && len(member.Enum) > 0 && name != "object" {
						m[name] = "levitating"
						try(path+" renamed", &renamed)
					}
					m[name] = old
				})
			}
			t.Logf("%d kinds of object: %d members left out, %d null, %d words renamed", read, left, null, renamed)
			require.Greater(t, read, 30)
			require.Greater(t, renamed, 50)
		})
	}
}

// members calls use with every member of a value that the document knows of, and with
// the schema that it is a member of.
func (d *document) members(path string, of *schema, v any, use func(path string, of *schema, m map[string]any, name string)) {
	of = d.resolve(of)
	switch v := v.(type) {
	case map[string]any:
		for _, one := range of.AnyOf { // the one whose members these are
			if one = d.resolve(one); len(one.Properties) > 0 && (one.Properties["object"] == nil) == (v["object"] == nil) {
				of = one
				break
			}
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if of.Properties[name] != nil {
				use(path+"."+name, of, v, name)
				d.members(path+"."+name, of.Properties[name], v[name], use)
			}
		}
	case []any:
		for _, element := range v {
			if of.Items != nil {
				d.members(path, of.Items, element, use)
			}
		}
	}
}
