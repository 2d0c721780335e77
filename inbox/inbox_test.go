package inbox_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// verifier takes "id type subject" as a body and "signed" as a signature.
type verifier struct{}

func (verifier) Verify(_ context.Context, h http.Header, body []byte) (commerce.Event, error) {
	if h.Get("Signature") != "signed" {
		return commerce.Event{}, commerce.Errorf(commerce.KindAuth, "test", "verify", "the signature is wrong")
	}
	f := strings.Fields(string(body))
	if len(f) != 3 {
		return commerce.Event{}, commerce.Errorf(commerce.KindInvalid, "test", "verify", "not an event")
	}
	e := event(f[0], f[2])
	e.Type, e.Raw = f[1], body
	return e, nil
}

func event(id, subject string) commerce.Event {
	return commerce.Event{
		Ref:  commerce.Ref{System: "stripe", Account: "acct_1", Mode: commerce.Test, ID: id},
		Type: "charge.succeeded", Object: "obj_" + id, Subject: subject,
		Created: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Raw: []byte(`{"id":"` + id + `"}`),
	}
}

func TestHandlersSayWhichTypesAnEndpointHasToDeliver(t *testing.T) {
	t.Parallel()
	h := []inbox.Handler{{Name: "h", Handle: func(context.Context, commerce.Event) error { return nil }}}
	handlers := inbox.Merge(inbox.Handlers{"stripe refund.created": h, "commerce order.payment": h},
		inbox.Handlers{"stripe charge.succeeded": h, "stripe refund.created": h})
	require.Equal(t, []string{"charge.succeeded", "refund.created"}, handlers.Types("stripe"))
	require.Equal(t, []string{"order.payment"}, handlers.Types("commerce"))
	require.Empty(t, handlers.Types("magento"))
	require.Equal(t, []string{"*"}, inbox.Handlers{"stripe *": h}.Types("stripe"))
}

func order(id string) commerce.Ref {
	return commerce.Ref{System: "magento", Account: "shop", Mode: commerce.Test, ID: "order/" + id}
}

// handle makes handlers of one function for charge.succeeded.
func handle(f func(context.Context, commerce.Event) error) inbox.Handlers {
	return inbox.Handlers{"stripe charge.succeeded": {{Name: "h", Handle: f}}}
}

func newInbox(t testing.TB, s inbox.Store, c inbox.Config) *inbox.Inbox {
	t.Helper()
	in, err := inbox.New(s, c)
	require.NoError(t, err)
	return in
}

func post(h http.Handler, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/hooks", strings.NewReader(body))
	r.Header.Set("Signature", "signed")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func appendAll(t testing.TB, in *inbox.Inbox, events ...commerce.Event) []int64 {
	t.Helper()
	got, err := in.Append(t.Context(), events...)
	require.NoError(t, err)
	var seqs []int64
	for _, a := range got {
		seqs = append(seqs, a.Seq)
	}
	return seqs
}

func get(t testing.TB, in *inbox.Inbox, seq int64) inbox.Entry {
	t.Helper()
	e, err := in.Get(t.Context(), seq)
	require.NoError(t, err)
	return e
}

// workAll works until nothing is due.
func workAll(t testing.TB, in *inbox.Inbox) (n int) {
	t.Helper()
	for {
		k, err := in.Work(t.Context())
		require.NoError(t, err)
		if k == 0 {
			return n
		}
		n += k
	}
}

func TestAnEventTravelsFromTheWebhookToItsHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var handled []string
		in := newInbox(t, inbox.NewMemory(inbox.MemoryConfig{}), inbox.Config{Workers: 1, Handlers: handle(func(_ context.Context, e commerce.Event) error {
			handled = append(handled, e.Ref.ID)
			return nil
		})})
		hook := in.Receive(verifier{})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- in.Run(ctx) }()
		for range 2 {
			require.Equal(t, http.StatusOK, post(hook, "evt_1 charge.succeeded pi_1").Code)
		}
		require.Equal(t, http.StatusOK, post(hook, "evt_2 something.new pi_1").Code)
		synctest.Wait()
		require.Equal(t, []string{"evt_1"}, handled, "at once, and once")
		require.Equal(t, inbox.Done, get(t, in, 1).State)
		require.Equal(t, inbox.Ignored, get(t, in, 2).State)
		stop()
		require.NoError(t, <-ended)
	})
}

func TestAFailedEventWaitsLongerEachTimeAndDiesAtLast(t *testing.T) {
	t.Parallel()
	c := newClock()
	in := newInbox(t, inbox.NewMemory(inbox.MemoryConfig{Now: c.Now}), inbox.Config{
		Now: c.Now, MaxAttempts: 3, Rand: func() float64 { return 0.5 },
		Handlers: handle(func(context.Context, commerce.Event) error {
			return commerce.Errorf(commerce.KindUnavailable, "shop", "read order", "503")
		}),
	})
	seq := appendAll(t, in, event("evt_1", "pi_1"))[0]
	for i, wait := range []time.Duration{3750 * time.Millisecond, 11250 * time.Millisecond} {
		require.Equal(t, 1, workAll(t, in))
		e := get(t, in, seq)
		require.Equal(t, inbox.Parked, e.State)
		require.Equal(t, i+1, e.Attempts)
		require.Equal(t, wait, e.Due.Sub(c.Now()))
		require.Equal(t, "shop: read order: 503", e.Reason)
		c.Advance(wait)
	}
	require.Equal(t, 1, workAll(t, in))
	e := get(t, in, seq)
	require.Equal(t, inbox.Dead, e.State)
	require.Equal(t, "too_many_attempts", e.Code)
	require.Equal(t, "failed 3 times; the last time: shop: read order: 503", e.Reason)
	require.Equal(t, "h", e.Handler)
}

func TestAfterALinkTheEventsOfTheOrderAreWorkedAsOne(t *testing.T) {
	t.Parallel()
	store := inbox.NewMemory(inbox.MemoryConfig{})
	var roots []string
	in := newInbox(t, store, inbox.Config{Handlers: handle(func(ctx context.Context, e commerce.Event) error {
		if err := inbox.Link(ctx, order("1")); err != nil {
			return err
		}
		a, ok := inbox.AttemptOf(ctx)
		require.True(t, ok)
		roots = append(roots, a.Lease.Root)
		told := event("told_"+e.Ref.ID, "order/1")
		told.Ref.System, told.Ref.Account, told.Type = "magento", "shop", "told"
		return inbox.Emit(ctx, told)
	})})
	seqs := appendAll(t, in, event("evt_1", "pi_1"), event("evt_2", "pi_2"), event("evt_3", "pi_1"))
	require.Equal(t, 6, workAll(t, in))
	for _, seq := range seqs {
		require.Equal(t, inbox.Done, get(t, in, seq).State, fmt.Sprint(seq))
	}
	require.Equal(t, []string{order("1").String(), order("1").String(), order("1").String()}, roots)
	_, err := inbox.Links{}.Subjects(t.Context(), order("1"))
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.ErrorContains(t, err, "Links.Store")
	subjects, err := inbox.Links{Store: store}.Subjects(t.Context(), order("1"))
	require.NoError(t, err)
	require.Equal(t, []commerce.Ref{event("", "").Ref.With("pi_1"), event("", "").Ref.With("pi_2")}, subjects)
	var timeline []string
	for e, err := range in.Timeline(t.Context(), order("1")) {
		require.NoError(t, err)
		timeline = append(timeline, e.Event.Ref.ID)
	}
	require.Len(t, timeline, 6)
}
