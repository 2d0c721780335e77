package inbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/internal/clock"
)

func kind(k commerce.Kind) error {
	return &commerce.Error{Kind: k, System: "far", Op: "act", Text: string(k)}
}

func parkedFor(d time.Duration) error {
	return &commerce.Error{Kind: commerce.KindParked, System: "far", Op: "act", RetryAfter: d, Text: "the breaker is open"}
}

// bench is an inbox on a memory store with a clock moved by hand.
type bench struct {
	*inbox.Inbox
	store *faulty
	clock *clock.Manual
}

func newBench(t testing.TB, c inbox.Config) bench {
	t.Helper()
	b := bench{clock: newClock()}
	b.store = &faulty{Store: inbox.NewMemory(inbox.MemoryConfig{Now: b.clock.Now})}
	c.Now = b.clock.Now
	if c.Rand == nil {
		c.Rand = func() float64 { return 0 }
	}
	if c.Wait == nil {
		c.Wait = func(ctx context.Context, d time.Duration) error { b.clock.Advance(d); return ctx.Err() }
	}
	b.Inbox = newInbox(t, b.store, c)
	return b
}

// one works one event that fails with the errors of its handlers and returns it after.
func one(t *testing.T, c inbox.Config, errs ...error) (inbox.Entry, bench) {
	t.Helper()
	c.Handlers = inbox.Handlers{}
	for i, err := range errs {
		c.Handlers["stripe charge.succeeded"] = append(c.Handlers["stripe charge.succeeded"], inbox.Handler{
			Name: fmt.Sprintf("h%d", i), Handle: func(context.Context, commerce.Event) error { return err },
		})
	}
	b := newBench(t, c)
	seq := appendAll(t, b.Inbox, event("evt_1", "pi_1"))[0]
	require.Equal(t, 1, workAll(t, b.Inbox))
	return get(t, b.Inbox, seq), b
}

func coded(code string) error {
	return &commerce.Error{Kind: commerce.KindInvalid, System: "far", Op: "act", Code: code}
}

func TestTheKindsOfTheErrorsDecideWhatBecomesOfAnEvent(t *testing.T) {
	t.Parallel()
	unavailable, mapping, auth := kind(commerce.KindUnavailable), kind(commerce.KindMapping), kind(commerce.KindAuth)
	parked := parkedFor(0)
	for name, c := range map[string]struct {
		errs    []error
		state   inbox.State
		burnt   int
		wait    time.Duration
		code    string
		handler string
	}{
		"all handlers succeed":                         {errs: []error{nil, nil}, state: inbox.Done},
		"a transient error waits and burns":            {errs: []error{unavailable}, state: inbox.Parked, burnt: 1, wait: 2500 * time.Millisecond, code: "unavailable", handler: "h0"},
		"credentials may be mended":                    {errs: []error{auth}, state: inbox.Parked, burnt: 1, wait: 2500 * time.Millisecond, code: "auth", handler: "h0"},
		"an error of unknown kind may pass":            {errs: []error{errors.New("secret")}, state: inbox.Parked, burnt: 1, wait: 2500 * time.Millisecond, code: "internal", handler: "h0"},
		"Retry-After is respected":                     {errs: []error{&commerce.Error{Kind: commerce.KindRateLimited, RetryAfter: time.Hour}}, state: inbox.Parked, burnt: 1, wait: time.Hour, code: "rate_limited", handler: "h0"},
		"a parked error does not burn":                 {errs: []error{parked}, state: inbox.Parked, wait: 15 * time.Second, code: "parked", handler: "h0"},
		"no wait is longer than MaxAge":                {errs: []error{parkedFor(50 * 365 * 24 * time.Hour)}, state: inbox.Parked, wait: 72 * time.Hour, code: "parked", handler: "h0"},
		"a parked error says when to come back":        {errs: []error{parkedFor(time.Minute), parkedFor(time.Hour)}, state: inbox.Parked, wait: time.Hour, code: "parked", handler: "h0"},
		"a permanent error buries":                     {errs: []error{mapping}, state: inbox.Dead, code: "mapping", handler: "h0"},
		"the dead name the handler that failed":        {errs: []error{nil, mapping, nil}, state: inbox.Dead, code: "mapping", handler: "h1"},
		"several permanent errors bury":                {errs: []error{kind(commerce.KindDeclined), mapping}, state: inbox.Dead, code: "declined", handler: "h0"},
		"permanent and transient try again":            {errs: []error{mapping, unavailable}, state: inbox.Parked, burnt: 1, wait: 2500 * time.Millisecond, code: "mapping", handler: "h1"},
		"parked and transient burn":                    {errs: []error{parked, unavailable}, state: inbox.Parked, burnt: 1, wait: 2500 * time.Millisecond, code: "parked", handler: "h1"},
		"permanent and parked are parked":              {errs: []error{mapping, parked}, state: inbox.Parked, wait: 15 * time.Second, code: "mapping", handler: "h1"},
		"every branch of a joined error counts":        {errs: []error{errors.Join(mapping, fmt.Errorf("x: %w", unavailable))}, state: inbox.Parked, burnt: 1, wait: 2500 * time.Millisecond, code: "mapping", handler: "h0"},
		"a join of permanent errors buries":            {errs: []error{errors.Join(mapping, kind(commerce.KindInvalid))}, state: inbox.Dead, code: "mapping", handler: "h0"},
		"a wrapped permanent error buries":             {errs: []error{fmt.Errorf("x: %w", mapping)}, state: inbox.Dead, code: "mapping", handler: "h0"},
		"the dead have the error's own code":           {errs: []error{fmt.Errorf("x: %w", coded("no_order"))}, state: inbox.Dead, code: "no_order", handler: "h0"},
		"a code may be deeper than the kind":           {errs: []error{&commerce.Error{Kind: commerce.KindInvalid, Err: coded("amount_mismatch")}}, state: inbox.Dead, code: "amount_mismatch", handler: "h0"},
		"of several codes the first counts":            {errs: []error{errors.Join(nil, coded("no_order"), coded("late")), coded("amount_mismatch")}, state: inbox.Dead, code: "no_order", handler: "h0"},
		"a later code does not stand for the first":    {errs: []error{errors.Join(mapping, coded("late"))}, state: inbox.Dead, code: "mapping", handler: "h0"},
		"a parked event has the kind":                  {errs: []error{&commerce.Error{Kind: commerce.KindUnavailable, Code: "odd"}}, state: inbox.Parked, burnt: 1, wait: 2500 * time.Millisecond, code: "unavailable", handler: "h0"},
		"a bare sentinel counts as its kind":           {errs: []error{commerce.ErrPeriodClosed}, state: inbox.Dead, code: "period_closed", handler: "h0"},
		"an unknown outcome is looked up by trying on": {errs: []error{&commerce.Error{Kind: commerce.KindUnavailable, Outcome: commerce.Unknown}}, state: inbox.Parked, burnt: 1, wait: 2500 * time.Millisecond, code: "unavailable", handler: "h0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, b := one(t, inbox.Config{}, c.errs...)
			require.Equal(t, c.state, e.State)
			require.Equal(t, c.burnt, e.Attempts)
			require.Equal(t, c.handler, e.Handler)
			require.Equal(t, c.code, e.Code)
			require.NotContains(t, e.Reason, "secret")
			if c.state == inbox.Parked {
				require.Equal(t, c.wait, e.Due.Sub(b.clock.Now()))
			}
			if c.state != inbox.Done {
				require.NotEmpty(t, e.Reason)
			}
		})
	}
}

func TestEveryHandlerRunsAlsoAfterOneFails(t *testing.T) {
	t.Parallel()
	var ran []string
	note := func(name string, err error) inbox.Handler {
		return inbox.Handler{Name: name, Handle: func(context.Context, commerce.Event) error {
			ran = append(ran, name)
			return err
		}}
	}
	b := newBench(t, inbox.Config{Handlers: inbox.Merge(
		inbox.Handlers{"stripe *": {note("all", nil)}},
		inbox.Handlers{"stripe charge.succeeded": {note("first", kind(commerce.KindInvalid)), note("second", nil)}},
		inbox.Handlers{"stripe charge.succeeded": {note("third", nil)}, "magento charge.succeeded": {note("other", nil)}, "stripe charge.failed": {note("other", nil)}},
	)})
	appendAll(t, b.Inbox, event("evt_1", "pi_1"))
	workAll(t, b.Inbox)
	require.Equal(t, []string{"first", "second", "third", "all"}, ran)
}

func TestAnEventWithoutAHandlerIsIgnoredAndCanBeReplayedLater(t *testing.T) {
	t.Parallel()
	b := newBench(t, inbox.Config{})
	seq := appendAll(t, b.Inbox, event("evt_1", "pi_1"))[0]
	workAll(t, b.Inbox)
	require.Equal(t, inbox.Ignored, get(t, b.Inbox, seq).State)
	worked := false
	later := newInbox(t, b.store, inbox.Config{Handlers: handle(func(context.Context, commerce.Event) error { worked = true; return nil })})
	require.NoError(t, later.Replay(t.Context(), seq, "ann", "we handle these now", nil))
	require.Equal(t, 1, workAll(t, later))
	require.True(t, worked)
}

func TestAPanicIsAFailedAttemptAndItsStackIsLoggedWithoutWhatItSays(t *testing.T) {
	t.Parallel()
	for name, panics := range map[string]func(){
		"a value":         func() { panic("alice@example.com") },
		"a nil map":       func() { var m map[string]int; m["x"] = 1 },
		"an error inside": func() { panic(errors.New("alice@example.com")) },
	} {
		var log strings.Builder
		b := newBench(t, inbox.Config{
			Logger:   slog.New(slog.NewTextHandler(&log, nil)),
			Handlers: handle(func(context.Context, commerce.Event) error { panics(); return nil }),
		})
		seq := appendAll(t, b.Inbox, event("evt_1", "pi_1"))[0]
		workAll(t, b.Inbox)
		e := get(t, b.Inbox, seq)
		require.Equal(t, inbox.Parked, e.State, name)
		require.Equal(t, 1, e.Attempts)
		require.Contains(t, e.Reason, "panic")
		require.NotContains(t, e.Reason+log.String(), "alice")
		require.Contains(t, log.String(), "work_test.go", "the stack says where")
	}
}

func TestAnEventThatIsTooOldIsNotParkedAgain(t *testing.T) {
	t.Parallel()
	e, b := one(t, inbox.Config{MaxAge: time.Hour}, parkedFor(50*time.Minute))
	require.Equal(t, inbox.Parked, e.State)
	b.clock.Advance(50 * time.Minute)
	workAll(t, b.Inbox)
	require.Equal(t, inbox.Parked, get(t, b.Inbox, e.Seq).State, "not yet")
	b.clock.Advance(50 * time.Minute)
	workAll(t, b.Inbox)
	e = get(t, b.Inbox, e.Seq)
	require.Equal(t, inbox.Dead, e.State)
	require.Equal(t, "too_old", e.Code)
	require.Equal(t, "not done within 1h0m0s; the last time: far: act: the breaker is open", e.Reason)
	require.NoError(t, b.Replay(t.Context(), e.Seq, "ann", "the shop is back", nil))
	workAll(t, b.Inbox)
	require.Equal(t, inbox.Parked, get(t, b.Inbox, e.Seq).State, "a replay starts a new age")
}

func TestAnEventThatKillsItsWorkerIsBuriedAndItsNeighboursAreNot(t *testing.T) {
	t.Parallel()
	c := newClock()
	store := inbox.NewMemory(inbox.MemoryConfig{Now: c.Now})
	// Each process dies at the poison: what it holds is never finished nor released.
	died := errors.New("died")
	deaths := 0
	process := func() (err error) {
		dying := &faulty{Store: store}
		in := newInbox(t, dying, inbox.Config{Now: c.Now, Handlers: handle(func(_ context.Context, e commerce.Event) error {
			if e.Ref.ID == "poison" {
				deaths++
				dying.set(always(errLost, "finish", "release"), nil)
				return died
			}
			return nil
		})})
		for {
			if n, err := in.Work(t.Context()); n == 0 || err != nil {
				return err
			}
		}
	}
	in := newInbox(t, store, inbox.Config{})
	before := appendAll(t, in, event("evt_1", "pi_1"), event("evt_2", "pi_1"))
	poison := appendAll(t, in, event("poison", "pi_1"))[0]
	after := appendAll(t, in, event("evt_3", "pi_1"), event("evt_4", "pi_1"))
	for range 20 {
		_ = process()
		c.Advance(2 * time.Minute)
	}
	e := get(t, in, poison)
	require.Equal(t, inbox.Dead, e.State)
	require.Equal(t, "worker_died", e.Code)
	require.Equal(t, 5, deaths)
	for _, seq := range append(before, after...) {
		require.Equal(t, inbox.Done, get(t, in, seq).State)
	}
}

func TestLinkWaitsForNobody(t *testing.T) {
	t.Parallel()
	var linked error
	b := newBench(t, inbox.Config{Handlers: handle(func(ctx context.Context, _ commerce.Event) error {
		linked = inbox.Link(ctx, order("1"))
		return linked
	})})
	// Another process holds the order.
	_, err := b.store.Append(t.Context(), inbox.Batch{ID: "b", Events: []commerce.Event{orderEvent("order_1", "1")}})
	require.NoError(t, err)
	held, err := b.store.Claim(t.Context(), inbox.ClaimRequest{Owner: "other", Roots: 1, Events: 1, Lease: time.Minute})
	require.NoError(t, err)
	seqs := appendAll(t, b.Inbox, event("evt_1", "pi_1"), event("evt_2", "pi_1"))
	n, err := b.Work(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.ErrorIs(t, linked, commerce.ErrParked)
	for i, seq := range seqs {
		e := get(t, b.Inbox, seq)
		require.Equal(t, inbox.Parked, e.State, "everything is given back")
		require.Zero(t, e.Attempts)
		require.Zero(t, e.Starts)
		require.Equal(t, 250*time.Millisecond, e.Due.Sub(b.clock.Now()), "and comes back soon: %d", i)
	}
	b.clock.Advance(250 * time.Millisecond)
	subject, err := b.store.Claim(t.Context(), inbox.ClaimRequest{Owner: "third", Roots: 1, Events: 1, Lease: time.Second})
	require.NoError(t, err)
	require.Len(t, subject, 1, "the subject's lease was released")
	require.NoError(t, b.store.Release(t.Context(), subject[0].Lease))
	require.NoError(t, b.store.Release(t.Context(), held[0].Lease))
	workAll(t, b.Inbox)
	for _, seq := range seqs {
		require.Equal(t, inbox.Done, get(t, b.Inbox, seq).State)
		require.Equal(t, order("1").String(), get(t, b.Inbox, seq).Root)
	}
}

func orderEvent(id, number string) commerce.Event {
	e := event(id, "order/"+number)
	e.Ref.System, e.Ref.Account, e.Type = "magento", "shop", "order.changed"
	return e
}

func TestALinkThatStandsCostsNoCall(t *testing.T) {
	t.Parallel()
	b := newBench(t, inbox.Config{Handlers: handle(func(ctx context.Context, _ commerce.Event) error {
		if err := inbox.Link(ctx, order("1")); err != nil {
			return err
		}
		return inbox.Link(ctx, order("1"))
	})})
	for i := range 3 {
		appendAll(t, b.Inbox, event(fmt.Sprintf("evt_%d", i), "pi_1"))
		workAll(t, b.Inbox)
	}
	require.Equal(t, 1, b.store.count("link"))
}

func TestASecondRootIsADecisionForAPerson(t *testing.T) {
	t.Parallel()
	next := "1"
	b := newBench(t, inbox.Config{Handlers: handle(func(ctx context.Context, _ commerce.Event) error {
		return inbox.Link(ctx, order(next))
	})})
	appendAll(t, b.Inbox, event("evt_1", "pi_1"))
	workAll(t, b.Inbox)
	next = "2"
	seq := appendAll(t, b.Inbox, event("evt_2", "pi_1"))[0]
	workAll(t, b.Inbox)
	e := get(t, b.Inbox, seq)
	require.Equal(t, inbox.Dead, e.State)
	require.Equal(t, "ambiguous_link", e.Code)
	require.Contains(t, e.Reason, "ambiguous_link")
}

func TestTheWorkersWordsNeedAWorkersContext(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, inbox.Link(t.Context(), order("1")), commerce.ErrInvalid)
	require.ErrorIs(t, inbox.Emit(t.Context(), event("x", "y")), commerce.ErrInvalid)
	require.NoError(t, inbox.Progress(t.Context()))
	_, ok := inbox.AttemptOf(t.Context())
	require.False(t, ok)
}

func TestLiveAndTestAndTenantsDoNotMix(t *testing.T) {
	t.Parallel()
	var errs []error
	b := newBench(t, inbox.Config{Handlers: handle(func(ctx context.Context, e commerce.Event) error {
		live, tenant := order("1"), order("1")
		live.Mode, tenant.Tenant = commerce.Live, "other"
		news := e
		news.Ref.ID, news.Ref.Mode = "told", commerce.Live
		errs = append(errs, inbox.Link(ctx, live), inbox.Link(ctx, tenant), inbox.Emit(ctx, news), inbox.Link(ctx, commerce.Ref{}))
		return nil
	})})
	appendAll(t, b.Inbox, event("evt_1", "pi_1"))
	workAll(t, b.Inbox)
	require.Len(t, errs, 4)
	for _, err := range errs {
		require.ErrorIs(t, err, commerce.ErrInvalid)
	}
}

func TestOnlyASuccessfulHandlerIsHeard(t *testing.T) {
	t.Parallel()
	tell := func(name string, err error) inbox.Handler {
		return inbox.Handler{Name: name, Handle: func(ctx context.Context, e commerce.Event) error {
			if tell := inbox.Emit(ctx, orderEvent(e.Ref.ID+"/"+name, "1")); tell != nil {
				return tell
			}
			return err
		}}
	}
	b := newBench(t, inbox.Config{Handlers: inbox.Handlers{"stripe charge.succeeded": {tell("good", nil), tell("bad", kind(commerce.KindMapping)), tell("late", nil)}}})
	appendAll(t, b.Inbox, event("evt_1", "pi_1"))
	workAll(t, b.Inbox)
	var ids []string
	for e, err := range b.List(t.Context(), inbox.Filter{Type: "order.changed"}) {
		require.NoError(t, err)
		ids = append(ids, e.Event.Ref.ID)
		require.True(t, e.Event.Created.Equal(event("", "").Created))
	}
	require.Equal(t, []string{"evt_1/good", "evt_1/late"}, ids, "also where the event itself is dead")
}

func TestAHandlerKnowsItsAttempt(t *testing.T) {
	t.Parallel()
	var got []inbox.Attempt
	b := newBench(t, inbox.Config{Handlers: handle(func(ctx context.Context, e commerce.Event) error {
		a, ok := inbox.AttemptOf(ctx)
		require.True(t, ok)
		got = append(got, a)
		if len(got) == 2 {
			return kind(commerce.KindInvalid)
		}
		if len(got) == 3 {
			require.JSONEq(t, `"DE"`, string(e.Overlay["customer.country"]))
			return nil
		}
		return kind(commerce.KindUnavailable)
	})})
	seq := appendAll(t, b.Inbox, event("evt_1", "pi_1"))[0]
	workAll(t, b.Inbox)
	b.clock.Advance(time.Hour)
	workAll(t, b.Inbox)
	require.NoError(t, b.Replay(t.Context(), seq, "ann", "mended", commerce.Overlay{"customer.country": json.RawMessage(`"DE"`)}))
	workAll(t, b.Inbox)
	require.Len(t, got, 3)
	require.Equal(t, []int{1, 2, 1}, []int{got[0].Number, got[1].Number, got[2].Number})
	require.Equal(t, []int64{1, 1, 2}, []int64{got[0].Generation, got[1].Generation, got[2].Generation})
	require.Equal(t, seq, got[0].Seq)
	require.Greater(t, got[1].Lease.Token, got[0].Lease.Token)
}

func TestAHandlersContextEndsAMarginBeforeItsLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var took time.Duration
		store := &faulty{Store: inbox.NewMemory(inbox.MemoryConfig{})}
		in := newInbox(t, store, inbox.Config{Lease: time.Minute, Margin: 15 * time.Second, Handlers: handle(func(ctx context.Context, _ commerce.Event) error {
			deadline, ok := ctx.Deadline()
			require.True(t, ok)
			require.Equal(t, began.Add(45*time.Second), deadline)
			<-ctx.Done()
			took = time.Since(began)
			return ctx.Err()
		})})
		seqs := appendAll(t, in, event("evt_1", "pi_1"), event("evt_2", "pi_1"))
		n, err := in.Work(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, 45*time.Second, took)
		e := get(t, in, seqs[0])
		require.Equal(t, inbox.Parked, e.State, "what is left of the lease is enough to write it down")
		require.Equal(t, 1, e.Attempts)
		require.Contains(t, e.Reason, "time is over")
		e = get(t, in, seqs[1])
		require.Zero(t, e.Attempts, "the next one is given back, not begun")
		require.Zero(t, e.Starts)
	})
}

func TestALeaseIsExtendedAsHandlersAndStepsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Store: inbox.NewMemory(inbox.MemoryConfig{})}
		in := newInbox(t, store, inbox.Config{Lease: time.Minute, MaxRun: 4 * time.Minute, Handlers: handle(func(ctx context.Context, e commerce.Event) error {
			for range 3 { // 90 s: longer than a lease
				time.Sleep(30 * time.Second) // time of the bubble
				require.NoError(t, ctx.Err())
				require.NoError(t, inbox.Progress(ctx))
			}
			return nil
		})})
		seqs := appendAll(t, in, event("evt_1", "pi_1"), event("evt_2", "pi_1"), event("evt_3", "pi_1"))
		n, err := in.Work(t.Context())
		require.NoError(t, err)
		require.Equal(t, 2, n, "after MaxRun the rest is given back")
		require.Zero(t, get(t, in, seqs[2]).Starts)
		require.Equal(t, 1, workAll(t, in))
		for _, seq := range seqs {
			e := get(t, in, seq)
			require.Equal(t, inbox.Done, e.State)
			require.Zero(t, e.Attempts)
		}
	})
}

func TestMaxRunEndsAHandlerThatAlwaysMakesProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		in := newInbox(t, inbox.NewMemory(inbox.MemoryConfig{}), inbox.Config{MaxRun: 5 * time.Minute, Handlers: handle(func(ctx context.Context, e commerce.Event) error {
			for ctx.Err() == nil {
				select {
				case <-ctx.Done():
				case <-time.After(10 * time.Second):
				}
				if err := inbox.Progress(ctx); err != nil {
					return err
				}
			}
			return ctx.Err()
		})})
		seq := appendAll(t, in, event("evt_1", "pi_1"))[0]
		_, err := in.Work(t.Context())
		require.NoError(t, err)
		require.Equal(t, 5*time.Minute, time.Since(began))
		require.Equal(t, 1, get(t, in, seq).Attempts)
	})
}

func TestAfterMaxRunNoFurtherHandlerBegins(t *testing.T) {
	t.Parallel()
	var b bench
	late := false
	b = newBench(t, inbox.Config{MaxRun: 2 * time.Minute, Handlers: inbox.Handlers{"stripe charge.succeeded": {
		{Name: "long", Handle: func(ctx context.Context, _ commerce.Event) error {
			for range 13 {
				b.clock.Advance(10 * time.Second)
				require.NoError(t, inbox.Progress(ctx))
			}
			return nil
		}},
		{Name: "late", Handle: func(context.Context, commerce.Event) error { late = true; return nil }},
	}}})
	seq := appendAll(t, b.Inbox, event("evt_1", "pi_1"))[0]
	_, err := b.Work(t.Context())
	require.NoError(t, err)
	require.False(t, late)
	e := get(t, b.Inbox, seq)
	require.Equal(t, inbox.Parked, e.State)
	require.Equal(t, 1, e.Attempts)
	require.Equal(t, "late", e.Handler)
}

func TestAClockThatJumpsOverTheLeaseEndsTheWork(t *testing.T) {
	t.Parallel()
	var b bench
	var progress error
	b = newBench(t, inbox.Config{Handlers: handle(func(ctx context.Context, e commerce.Event) error {
		if e.Ref.ID == "evt_1" {
			b.clock.Advance(2 * time.Minute)
			progress = inbox.Progress(ctx)
		}
		return nil
	})})
	seqs := appendAll(t, b.Inbox, event("evt_1", "pi_1"), event("evt_2", "pi_1"))
	_, err := b.Work(t.Context())
	require.ErrorIs(t, err, commerce.ErrConflict)
	require.ErrorIs(t, progress, commerce.ErrConflict)
	require.Equal(t, inbox.Ready, get(t, b.Inbox, seqs[0]).State, "nothing is written under a lost lease")
	b.store.set(nil, nil)
	require.Equal(t, 2, get(t, b.Inbox, seqs[0]).Starts+get(t, b.Inbox, seqs[1]).Starts)
}

func TestANewOwnerShutsTheOldOneOut(t *testing.T) {
	t.Parallel()
	var b bench
	var second inbox.Claim
	b = newBench(t, inbox.Config{Handlers: handle(func(ctx context.Context, e commerce.Event) error {
		// This worker stalls, and another one takes the root.
		b.clock.Advance(time.Minute)
		got, err := b.store.Claim(context.Background(), inbox.ClaimRequest{Owner: "other", Roots: 1, Events: 10, Lease: time.Hour})
		require.NoError(t, err)
		second = got[0]
		require.Error(t, inbox.Link(ctx, order("1")))
		return nil
	})})
	seq := appendAll(t, b.Inbox, event("evt_1", "pi_1"))[0]
	_, err := b.Work(t.Context())
	require.ErrorIs(t, err, commerce.ErrConflict)
	require.Equal(t, inbox.Ready, get(t, b.Inbox, seq).State)
	require.NoError(t, b.store.Finish(t.Context(), second.Lease, []inbox.Ending{{Seq: seq, Generation: 1, State: inbox.Done}}))
}

func TestALostAnswerToFinishIsAskedAgain(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string][2]func(string) error{
		"written, answer lost":    {nil, times(3, errGone, "finish")},
		"not written":             {times(3, errGone, "finish"), nil},
		"connection refused":      {times(3, errAway, "finish"), nil},
		"lost against another":    {times(3, &commerce.Error{Kind: commerce.KindConflict, Code: "40P01", Outcome: commerce.NotSent}, "finish"), nil},
		"an error without a word": {times(1, errors.New("?"), "finish"), nil},
	} {
		runs := 0
		b := newBench(t, inbox.Config{Handlers: handle(func(ctx context.Context, e commerce.Event) error {
			runs++
			if err := inbox.Emit(ctx, orderEvent("told", "1")); err != nil {
				return err
			}
			return kind(commerce.KindUnavailable)
		})})
		b.store.set(faults[0], faults[1])
		seq := appendAll(t, b.Inbox, event("evt_1", "pi_1"))[0]
		n, err := b.Work(t.Context())
		require.NoError(t, err, name)
		require.Equal(t, 1, n)
		require.Equal(t, 1, get(t, b.Inbox, seq).Attempts, name+": burnt once")
		require.Equal(t, 1, runs)
	}
}

func TestAFinishThatStaysAwayIsDoneAgainByAnother(t *testing.T) {
	t.Parallel()
	runs := 0
	b := newBench(t, inbox.Config{Handlers: handle(func(context.Context, commerce.Event) error { runs++; return nil })})
	b.store.set(always(errAway, "finish", "release"), nil)
	seq := appendAll(t, b.Inbox, event("evt_1", "pi_1"))[0]
	_, err := b.Work(t.Context())
	require.ErrorIs(t, err, commerce.ErrUnavailable)
	b.store.set(nil, nil)
	b.clock.Advance(time.Minute)
	require.Equal(t, 1, workAll(t, b.Inbox))
	require.Equal(t, inbox.Done, get(t, b.Inbox, seq).State)
	require.Equal(t, 2, runs, "at least once")
}

func TestALinkWhoseAnswerIsLostIsWorkedAgain(t *testing.T) {
	t.Parallel()
	var neighbour int
	b := newBench(t, inbox.Config{Handlers: inbox.Handlers{"stripe charge.succeeded": {
		{Name: "links", Handle: func(ctx context.Context, _ commerce.Event) error { return inbox.Link(ctx, order("1")) }},
		{Name: "neighbour", Handle: func(context.Context, commerce.Event) error { neighbour++; return nil }},
	}}})
	b.store.set(nil, times(1, errGone, "link"))
	seq := appendAll(t, b.Inbox, event("evt_1", "pi_1"))[0]
	_, err := b.Work(t.Context())
	require.ErrorIs(t, err, commerce.ErrConflict, "the subject's lease went with the link")
	require.Zero(t, neighbour, "nobody works on under a lease that may be over")
	b.clock.Advance(time.Minute)
	require.Equal(t, 1, workAll(t, b.Inbox))
	e := get(t, b.Inbox, seq)
	require.Equal(t, inbox.Done, e.State)
	require.Equal(t, order("1").String(), e.Root)
	require.Equal(t, 1, neighbour)
}

func TestWhatAHandlerLeftRunningCanNotSpeakForTheNextEvent(t *testing.T) {
	t.Parallel()
	var left context.Context
	b := newBench(t, inbox.Config{Handlers: handle(func(ctx context.Context, e commerce.Event) error {
		if left == nil {
			left = ctx
			return nil
		}
		require.Error(t, left.Err())
		require.ErrorIs(t, inbox.Emit(left, orderEvent("late", "1")), commerce.ErrInvalid)
		require.Error(t, inbox.Link(left, order("1")))
		require.Error(t, inbox.Progress(left))
		return nil
	})})
	appendAll(t, b.Inbox, event("evt_1", "pi_1"), event("evt_2", "pi_1"))
	require.Equal(t, 2, workAll(t, b.Inbox))
	require.Equal(t, inbox.Done, get(t, b.Inbox, 2).State)
}

func TestRunFinishesWhatIsInHandAndBeginsNothingNew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		started := make(chan context.Context)
		in := newInbox(t, inbox.NewMemory(inbox.MemoryConfig{}), inbox.Config{Workers: 2, Handlers: handle(func(ctx context.Context, _ commerce.Event) error {
			started <- ctx
			time.Sleep(20 * time.Second) // time of the bubble
			return ctx.Err()
		})})
		seqs := appendAll(t, in, event("evt_1", "pi_1"), event("evt_2", "pi_1"), event("evt_3", "pi_2"), event("evt_4", "pi_3"))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- in.Run(ctx) }()
		<-started
		<-started
		began := time.Now()
		stop()
		require.NoError(t, <-ended)
		require.Equal(t, 20*time.Second, time.Since(began))
		var states []inbox.State
		for _, seq := range seqs {
			e := get(t, in, seq)
			states = append(states, e.State)
			require.Zero(t, e.Starts)
			require.Zero(t, e.Attempts)
		}
		require.Equal(t, []inbox.State{inbox.Done, inbox.Parked, inbox.Done, inbox.Ready}, states)
		go func() {
			for range 2 {
				<-started
			}
		}()
		require.Equal(t, 2, workAll(t, in), "what was given back is due at once")
	})
}

func TestRunWakesAtOnceForItsOwnEventsAndPollsForThoseOfOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Store: inbox.NewMemory(inbox.MemoryConfig{})}
		var handled []time.Duration
		began := time.Now()
		fails := true
		in := newInbox(t, store, inbox.Config{Poll: time.Second, Rand: func() float64 { return 0 }, Handlers: handle(func(context.Context, commerce.Event) error {
			handled = append(handled, time.Since(began))
			if fails {
				fails = false
				return parkedFor(300 * time.Millisecond)
			}
			return nil
		})})
		other := newInbox(t, store, inbox.Config{})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- in.Run(ctx) }()
		synctest.Wait()
		appendAll(t, in, event("evt_1", "pi_1"))
		time.Sleep(1200 * time.Millisecond) // time of the bubble
		appendAll(t, other, event("evt_2", "pi_2"))
		time.Sleep(time.Second)
		synctest.Wait()
		require.Len(t, handled, 3)
		require.Zero(t, handled[0])
		require.Equal(t, 300*time.Millisecond, handled[1], "it knows when a parked event is due")
		require.Equal(t, 1300*time.Millisecond, handled[2])

		calls := store.count("claim")
		time.Sleep(time.Hour)
		require.InDelta(t, 3600, store.count("claim")-calls, 5, "an idle inbox asks once in Poll")
		stop()
		require.NoError(t, <-ended)
	})
}

func TestRunOutlivesADatabaseThatGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Store: inbox.NewMemory(inbox.MemoryConfig{})}
		in := newInbox(t, store, inbox.Config{Handlers: handle(func(context.Context, commerce.Event) error { return nil })})
		hook := in.Receive(verifier{})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- in.Run(ctx) }()
		require.Equal(t, 200, post(hook, "evt_1 charge.succeeded pi_1").Code)
		synctest.Wait()
		store.set(always(errAway, "append", "claim", "finish", "release", "extend", "wait"), nil)
		require.Equal(t, 503, post(hook, "evt_2 charge.succeeded pi_1").Code)
		calls := store.count("claim")
		time.Sleep(time.Hour) // time of the bubble
		require.Less(t, store.count("claim")-calls, 400, "it is asked seldom while it is away")
		store.set(nil, nil)
		require.Equal(t, 200, post(hook, "evt_2 charge.succeeded pi_1").Code)
		time.Sleep(time.Minute)
		for e, err := range in.List(t.Context(), inbox.Filter{}) {
			require.NoError(t, err)
			require.Equal(t, inbox.Done, e.State)
		}
		stop()
		require.NoError(t, <-ended)
	})
}

func TestNoTwoWorkersAreEverInOneRootAndNothingIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		require.Zero(t, crowd(t, true), "two workers were in one root")
	})
}

// The test above can fail: where handlers do not link, two are in one order.
func TestControlWithoutLinksTwoWorkersMeet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		require.NotZero(t, crowd(t, false))
	})
}

// crowd lets three processes work the events of three orders on a store that loses
// calls and answers, until nothing is left, and returns how often two workers met in
// one order.
func crowd(t *testing.T, link bool) (met int) {
	store := &faulty{Store: inbox.NewMemory(inbox.MemoryConfig{})}
	var mu sync.Mutex
	chance := 0
	unlucky := func(err error) func(string) error {
		return func(op string) error {
			if chance++; chance%23 == 0 {
				return err
			}
			return nil
		}
	}
	inside := map[string]int{}
	effects, seen := map[string]int{}, map[string]bool{}
	handlers := handle(func(ctx context.Context, e commerce.Event) error {
		mu.Lock()
		first := !seen[e.Ref.ID]
		seen[e.Ref.ID] = true
		mu.Unlock()
		if first && strings.HasSuffix(e.Ref.ID, "3") {
			return &commerce.Error{Kind: commerce.KindParked, RetryAfter: time.Millisecond}
		}
		root := order(e.Subject[len(e.Subject)-1:])
		if link {
			if err := inbox.Link(ctx, root); err != nil {
				return err
			}
		}
		mu.Lock()
		if inside[root.ID]++; inside[root.ID] > 1 {
			met++
		}
		mu.Unlock()
		time.Sleep(time.Duration(len(e.Ref.ID)) * time.Millisecond) // time of the bubble
		defer func() {
			mu.Lock()
			inside[root.ID]--
			effects[e.Ref.ID]++
			mu.Unlock()
		}()
		return nil
	})
	c := inbox.Config{Handlers: handlers, MaxStarts: 100, MaxAttempts: 1000, Backoff: inbox.Backoff{Initial: time.Millisecond, Max: 5 * time.Millisecond}}
	ctx, stop := context.WithCancel(t.Context())
	var processes sync.WaitGroup
	var first *inbox.Inbox
	for range 3 {
		in := newInbox(t, store, c)
		first = in
		processes.Go(func() { _ = in.Run(ctx) })
	}
	store.set(unlucky(errAway), unlucky(errGone))
	var senders sync.WaitGroup
	for s := range 4 {
		senders.Go(func() {
			for i := range 30 {
				for { // the sender sends again until it is told 200
					if _, err := first.Append(t.Context(), event(fmt.Sprintf("evt_%d_%d", s/2, i), fmt.Sprintf("pi_%d%d", i%4, i%3))); err == nil {
						break
					}
				}
			}
		})
	}
	senders.Wait()
	deadline := time.Now().Add(time.Hour)
	for {
		time.Sleep(10 * time.Millisecond) // time of the bubble
		n, err := first.Count(t.Context(), "")
		require.NoError(t, err)
		require.Zero(t, n.Dead)
		if n.Ready+n.Parked == 0 {
			break
		}
		require.True(t, time.Now().Before(deadline), "the work does not end: %+v", n)
	}
	stop()
	processes.Wait()
	require.Len(t, effects, 60, "nothing is lost")
	return met
}

// stubborn refuses every ending that emits.
type stubborn struct{ inbox.Store }

func (s stubborn) Finish(ctx context.Context, l inbox.Lease, endings []inbox.Ending) error {
	for _, e := range endings {
		if len(e.Emit) > 0 {
			return &commerce.Error{Kind: commerce.KindInvalid, System: "db", Op: "finish", Outcome: commerce.NotSent, Text: "a text with a zero byte"}
		}
	}
	return s.Store.Finish(ctx, l, endings)
}

func TestAnEndingThatTheStoreRefusesBuriesTheEvent(t *testing.T) {
	t.Parallel()
	bell := &alarm{}
	in := newInbox(t, stubborn{inbox.NewMemory(inbox.MemoryConfig{})}, inbox.Config{Alerter: bell, Handlers: handle(func(ctx context.Context, _ commerce.Event) error {
		return inbox.Emit(ctx, orderEvent("told", "1"))
	})})
	seq := appendAll(t, in, event("evt_1", "pi_1"))[0]
	require.Equal(t, 1, workAll(t, in))
	e := get(t, in, seq)
	require.Equal(t, inbox.Dead, e.State)
	require.Equal(t, "invalid", e.Code)
	require.Contains(t, e.Reason, "zero byte")
	require.Equal(t, []inbox.AlertKind{inbox.AlertDead}, bell.kinds())
}

// fragile is an alerter that panics.
type fragile struct{}

func (fragile) Alert(context.Context, inbox.Alert) { panic("no network") }

func TestAnAlerterThatPanicsStopsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, inbox.Config{Alerter: fragile{}, Handlers: handle(func(context.Context, commerce.Event) error { return kind(commerce.KindInvalid) })})
	appendAll(t, b.Inbox, event("evt_1", "pi_1"), event("evt_2", "pi_1"))
	require.Equal(t, 2, workAll(t, b.Inbox))
}

// spans is a tracer that keeps what spans were begun with.
type spans struct {
	noop.Tracer
	names []string
	attrs map[string]string
}

func (s *spans) Start(ctx context.Context, name string, opts ...trace.SpanStartOption) (context.Context, trace.Span) {
	s.names = append(s.names, name)
	c := trace.NewSpanStartConfig(opts...)
	for _, a := range c.Attributes() {
		s.attrs[string(a.Key)] = a.Value.Emit()
	}
	return s.Tracer.Start(ctx, name, opts...)
}

func TestSpansAndLogsCarryIdsAndNothingOfPeople(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	tr := &spans{attrs: map[string]string{}}
	b := newBench(t, inbox.Config{Tracer: tr, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Handlers: handle(func(context.Context, commerce.Event) error { return errors.New("no customer alice@example.com") })})
	e := event("evt_1", "pi_1")
	e.Raw = []byte(`{"email":"alice@example.com"}`)
	seq := appendAll(t, b.Inbox, e)[0]
	workAll(t, b.Inbox)
	require.Equal(t, []string{"inbox stripe charge.succeeded"}, tr.names)
	require.Equal(t, map[string]string{"commerce.event.seq": "1", "commerce.event.id": "evt_1", "commerce.root": "/stripe/acct_1/test/pi_1",
		"commerce.event.attempt": "1", "commerce.event.generation": "1"}, tr.attrs)
	require.Contains(t, log.String(), "event=evt_1")
	require.NotContains(t, log.String()+get(t, b.Inbox, seq).Reason, "alice")
}

func BenchmarkWork(b *testing.B) {
	in := newInbox(b, inbox.NewMemory(inbox.MemoryConfig{}), inbox.Config{Handlers: handle(func(context.Context, commerce.Event) error { return nil })})
	for i := range b.N {
		_, err := in.Append(b.Context(), event(fmt.Sprint(i), fmt.Sprint(i)))
		require.NoError(b, err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	require.Equal(b, b.N, workAll(b, in))
}
