package stripepay_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// told is an event about one refund.
type told struct {
	id      string
	second  int
	status  string
	request string
}

func (e told) event() commerce.Event {
	at := time.Date(2026, 11, 21, 9, 0, e.second, 0, time.UTC)
	return commerce.Event{
		Ref:  commerce.Ref{System: "stripe", Account: "acct_fake", Mode: commerce.Test, ID: e.id},
		Type: "refund.updated", Object: "re_1", Subject: "pi_1", Created: at,
		Raw: fmt.Appendf(nil, `{"id":%q,"object":"event","type":"refund.updated","created":%d,"livemode":false,"request":{"id":%q},
			"data":{"object":{"object":"refund","id":"re_1","created":1,"amount":1,"currency":"eur","status":%q}}}`, e.id, at.Unix(), e.request, e.status),
	}
}

func TestTwoEventsForOneChangeAreWorkedOnceAndASecondChangeIsNotLost(t *testing.T) {
	t.Parallel()
	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")),
		Transport: forbidden{}})
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		events []told
		worked string
	}{
		"one change, two ids":                   {[]told{{"evt_1", 0, "pending", ""}, {"evt_2", 1, "pending", ""}}, "evt_1"},
		"and a third":                           {[]told{{"evt_1", 0, "pending", ""}, {"evt_2", 0, "pending", ""}, {"evt_3", 1, "pending", ""}}, "evt_1"},
		"two changes":                           {[]told{{"evt_1", 0, "pending", ""}, {"evt_2", 0, "succeeded", ""}}, "evt_1 evt_2"},
		"the state came back":                   {[]told{{"evt_1", 0, "pending", ""}, {"evt_2", 1, "failed", ""}, {"evt_3", 2, "pending", ""}}, "evt_1 evt_2 evt_3"},
		"the state came back within one second": {[]told{{"evt_1", 0, "pending", ""}, {"evt_2", 0, "failed", ""}, {"evt_3", 0, "pending", ""}}, "evt_1 evt_2 evt_3"},
		"by one API request":                    {[]told{{"evt_1", 0, "pending", "req_1"}, {"evt_2", 0, "pending", "req_1"}}, "evt_1"},
		"by two API requests":                   {[]told{{"evt_1", 0, "pending", "req_1"}, {"evt_2", 0, "pending", "req_2"}}, "evt_1 evt_2"},
		"the state came back by itself, and what was between is late": {[]told{{"evt_1", 0, "pending", "req_1"}, {"evt_3", 2, "pending", ""}, {"evt_2", 1, "failed", "req_2"}}, "evt_1 evt_3 evt_2"},
		"of another minute": {[]told{{"evt_1", 0, "pending", ""}, {"evt_2", 61, "pending", ""}}, "evt_1 evt_2"},
		"the first one failed, and is worked by the second": {[]told{{"fail", 0, "pending", ""}, {"evt_2", 0, "pending", ""}}, "evt_2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Date(2026, 11, 21, 9, 2, 0, 0, time.UTC)
			store := inbox.NewMemory(inbox.MemoryConfig{Now: func() time.Time { return now }})
			var worked []string
			fails := true
			handler := stripepay.Handler("refunds", client, store, func(_ context.Context, e *stripe.Event) error {
				if e.ID == "fail" && fails {
					fails = false
					return commerce.Errorf(commerce.KindUnavailable, "test", "work", "not now")
				}
				worked = append(worked, e.ID)
				return nil
			})
			in, err := inbox.New(store, inbox.Config{Now: func() time.Time { return now }, Handlers: inbox.Handlers{"stripe refund.updated": {handler}}})
			require.NoError(t, err)
			for i, e := range tc.events {
				_, err := in.Append(t.Context(), e.event())
				require.NoError(t, err)
				if i+1 < len(tc.events) && tc.events[i+1].second < e.second {
					_, err = in.Work(t.Context()) // the next one is late
					require.NoError(t, err)
				}
			}
			for range 3 {
				for n := 1; n > 0; {
					n, err = in.Work(t.Context())
					require.NoError(t, err)
				}
				now = now.Add(time.Hour)
			}
			require.Equal(t, tc.worked, strings.Join(worked, " "))
			for e, err := range store.List(t.Context(), inbox.Filter{}) {
				require.NoError(t, err)
				require.Equal(t, inbox.Done, e.State)
			}
		})
	}
}

// forbidden fails whoever calls.
type forbidden struct{}

func (forbidden) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("nobody should ask for %s", r.URL.Path)
}

func TestAHandlerGetsAWholeEventOrTheEventIsBuriedWithWhatIsMissing(t *testing.T) {
	t.Parallel()
	now := func() time.Time { return time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC) }
	far, err := stripetest.New(stripetest.Config{Now: now})
	require.NoError(t, err)
	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: far.Transport(), Now: now})
	require.NoError(t, err)
	_, err = far.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur"})
	require.NoError(t, err)
	charge := far.Charges()[0].ID

	for name, tc := range map[string]struct {
		raw   string
		state inbox.State
	}{
		"a gap":              {`{"id":"evt_1","type":"charge.succeeded","created":1,"livemode":false,"data":{"object":{"object":"charge","id":"` + charge + `"}}}`, inbox.Done},
		"a thin event":       {`{"id":"evt_1","object":"v2.core.event","type":"v1.charge.succeeded","created":"2026-11-21T09:00:00Z","livemode":false,"related_object":{"id":"` + charge + `","type":"charge"}}`, inbox.Done},
		"what nobody knows":  {`{"id":"evt_1","type":"charge.succeeded","created":1,"livemode":false,"data":{"object":{"object":"line_item","id":"il_1"}}}`, inbox.Dead},
		"an object now gone": {`{"id":"evt_1","type":"charge.succeeded","created":1,"livemode":false,"data":{"object":{"object":"charge","id":"ch_gone"}}}`, inbox.Dead},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := inbox.NewMemory(inbox.MemoryConfig{Now: now})
			var got *stripe.Event
			in, err := inbox.New(store, inbox.Config{Now: now, Handlers: inbox.Handlers{"stripe *": {
				stripepay.Handler("charges", client, store, func(_ context.Context, e *stripe.Event) error { got = e; return nil })}}})
			require.NoError(t, err)
			at, err := in.Append(t.Context(), commerce.Event{Ref: commerce.Ref{System: "stripe", Mode: commerce.Test, ID: "evt_1"},
				Type: "charge.succeeded", Object: charge, Created: now(), Raw: []byte(tc.raw)})
			require.NoError(t, err)
			_, err = in.Work(t.Context())
			require.NoError(t, err)
			entry, err := store.Get(t.Context(), at[0].Seq)
			require.NoError(t, err)
			require.Equal(t, tc.state, entry.State, entry.Reason)
			if tc.state == inbox.Done {
				require.Equal(t, int64(1000), got.Object.(*stripe.Charge).Amount)
				return
			}
			require.Nil(t, got)
			require.NotEmpty(t, entry.Reason)
		})
	}
}
