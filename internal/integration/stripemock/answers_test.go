package stripemock

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/stripe"
)

// scenarios take the fake through all that it can do. Everything that can be read is
// read afterwards by itself; a scenario only has to make it.
var scenarios = map[string]func(*world){
	"billing":       billing,
	"direct":        direct,
	"payments":      payments,
	"tax and links": taxAndLinks,
}

// refused are routes that never have a good answer, and why.
var refused = map[string]string{
	"POST /v1/setup_intents/{intent}/verify_microdeposits": "nothing that the fake sets up waits for deposits",
}

// To see one route or event type:
//
//	go test ./stripemock -run 'TestEveryAnswer/2023-10-16/POST_/v1/refunds'
func TestEveryAnswerOfTheFakeValidates(t *testing.T) {
	t.Parallel()
	docs := documents(t)
	for version := range docs {
		t.Run(version, func(t *testing.T) {
			routes := modelled(t, version, docs)
			require.NotEmpty(t, routes)
			all := newJudge(nil, docs)
			for _, name := range slices.Sorted(maps.Keys(scenarios)) {
				w := newWorld(t, version, docs)
				scenarios[name](w)
				w.readAll(routes)
				all.add(w.judge)
			}
			for _, route := range routes {
				if all.good[version][route] == 0 && refused[route] == "" {
					all.note(version, route, "no scenario had a good answer of it")
				}
			}
			emitted := eventsInSource(t)
			for _, kind := range emitted {
				if all.events[version][kind] == 0 && slices.Contains(docs[version].eventTypes(), any(kind)) {
					all.note(version, kind, "no scenario had an event of it")
				}
			}
			for _, where := range slices.Sorted(maps.Keys(all.wrong)) {
				t.Run(strings.TrimPrefix(where, version+" "), func(t *testing.T) {
					slices.Sort(all.wrong[where])
					t.Error("\n" + strings.Join(all.wrong[where], "\n"))
				})
			}
			t.Logf("%d routes, %d answers, %d event types", len(all.good[version]), all.answers[version], len(all.events[version]))
		})
	}
}

// There is no document of other versions to validate against. All that the fake does
// happens there too, and the client reads every event.
func TestTheFakeWorksInOtherVersions(t *testing.T) {
	t.Parallel()
	doc, err := pinned()
	require.NoError(t, err)
	docs := map[string]*document{stripe.APIVersion: doc}
	for _, version := range []string{"2022-08-01", "2024-04-10", "2025-03-31.basil"} {
		for name, scenario := range scenarios {
			t.Run(version+"/"+name, func(t *testing.T) {
				w := newWorld(t, version, docs)
				scenario(w)
				for _, e := range w.fake.Events() {
					require.Equal(t, version, e.APIVersion)
					if e.Type != "invoice.upcoming" && e.Type != "balance.available" { // one does not exist yet, the other has no id
						require.NotEmpty(t, e.ObjectID, e.Type)
					}
				}
			})
		}
	}
}

// add takes over what another judge found.
func (j *judge) add(o *judge) {
	for where, wrong := range o.wrong {
		version, rest, _ := strings.Cut(where, " ")
		j.note(version, rest, wrong...)
	}
	for version := range o.docs {
		j.answers[version] += o.answers[version]
		for route, n := range o.good[version] {
			j.good[version][route] += n
		}
		for kind, n := range o.events[version] {
			j.events[version][kind] += n
		}
	}
}

// A check that finds nothing proves something only where it finds what is wrong.
func TestWhatIsWrongInAnAnswerIsFound(t *testing.T) {
	doc, err := pinned()
	require.NoError(t, err)
	good := func() map[string]any {
		return map[string]any{"object": "fee_refund", "id": "fr_1", "amount": json.Number("1"), "created": json.Number("1"),
			"currency": "eur", "fee": "fee_1", "balance_transaction": nil, "metadata": map[string]any{}}
	}
	s := doc.Components.Schemas["fee_refund"]
	require.Empty(t, doc.check("", s, good(), nil))
	for name, change := range map[string]func(map[string]any){
		"an absent member":         func(m map[string]any) { delete(m, "fee") },
		"an unknown member":        func(m map[string]any) { m["tulips"] = "many" },
		"a wrong type":             func(m map[string]any) { m["amount"] = "1" },
		"a fraction":               func(m map[string]any) { m["amount"] = json.Number("1.5") },
		"a null that is not":       func(m map[string]any) { m["currency"] = nil },
		"an unknown word":          func(m map[string]any) { m["object"] = "tulip" },
		"a text that is too long":  func(m map[string]any) { m["id"] = strings.Repeat("x", 5001) },
		"a number in the metadata": func(m map[string]any) { m["metadata"] = map[string]any{"a": json.Number("1")} },
		"a link followed unasked":  func(m map[string]any) { m["fee"] = map[string]any{"id": "fee_1", "object": "application_fee"} },
	} {
		m := good()
		change(m)
		require.NotEmpty(t, doc.check("", s, m, nil), name)
	}
	require.NotEmpty(t, doc.check("", s, good(), []string{"fee"}), "a link that is not followed though asked")
}

func TestWhatIsWrongInARequestIsFound(t *testing.T) {
	doc, err := pinned()
	require.NoError(t, err)
	_, op := doc.route("POST", "/v1/refunds")
	for form, wrong := range map[string]int{
		"amount=1&charge=ch_1&expand[]=charge&metadata[a]=b": 0, "metadata=": 0,
		"tulips=many": 1, "amount=one": 1, "reason=tulips": 1, "amount[a]=1": 1, "expand=charge": 1,
	} {
		values, err := url.ParseQuery(form)
		require.NoError(t, err)
		require.Len(t, doc.accepts("", op.form(), tree(values)), wrong, form)
	}
}
