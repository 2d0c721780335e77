package inbox_test

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

// alarm keeps what it was told.
type alarm struct {
	mu   sync.Mutex
	told []inbox.Alert
}

func (a *alarm) Alert(_ context.Context, x inbox.Alert) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.told = append(a.told, x)
}

func (a *alarm) all() []inbox.Alert {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.told)
}

func (a *alarm) kinds() (out []inbox.AlertKind) {
	for _, x := range a.all() {
		out = append(out, x.Kind)
	}
	return out
}

func TestADeadEventAlertsOnceAndAPersonClearsIt(t *testing.T) {
	t.Parallel()
	bell := &alarm{}
	b := newBench(t, inbox.Config{Alerter: bell, Handlers: handle(func(_ context.Context, e commerce.Event) error {
		if len(e.Overlay) > 0 {
			return nil
		}
		return kind(commerce.KindMapping)
	})})
	seqs := appendAll(t, b.Inbox, event("evt_1", "pi_1"), event("evt_2", "pi_1"))
	workAll(t, b.Inbox)
	require.Equal(t, []inbox.AlertKind{inbox.AlertDead, inbox.AlertDead}, bell.kinds())
	require.Equal(t, inbox.Alert{Kind: inbox.AlertDead, Seq: seqs[0], Event: event("evt_1", "").Ref, Type: "charge.succeeded",
		Root: event("", "pi_1").SubjectRef().String(), Code: "mapping", Reason: "far: act: mapping", Handler: "h"}, bell.all()[0])

	require.NoError(t, b.Replay(t.Context(), seqs[0], "ann", "country mended", commerce.Overlay{"order.country": json.RawMessage(`"DE"`)}))
	require.NoError(t, b.Discard(t.Context(), seqs[1], "ann", "a test charge"))
	workAll(t, b.Inbox)
	require.Equal(t, []inbox.AlertKind{inbox.AlertDead, inbox.AlertDead, inbox.AlertCleared, inbox.AlertCleared}, bell.kinds())
	require.Equal(t, inbox.Alert{Kind: inbox.AlertCleared, Of: inbox.AlertDead, Seq: seqs[0]}, bell.all()[2])
	e := get(t, b.Inbox, seqs[0])
	require.Equal(t, inbox.Done, e.State)
	require.Equal(t, []inbox.Act{{At: b.clock.Now(), Actor: "ann", Verb: "replay", Reason: "country mended"}}, e.Acts)
	require.Equal(t, inbox.Discarded, get(t, b.Inbox, seqs[1]).State)
}

func TestAPersonMustSayWhoAndWhy(t *testing.T) {
	t.Parallel()
	b := newBench(t, inbox.Config{MaxBody: 20, Handlers: handle(func(context.Context, commerce.Event) error { return kind(commerce.KindMapping) })})
	e := event("evt_1", "pi_1")
	e.Raw = nil
	seq := appendAll(t, b.Inbox, e)[0]
	workAll(t, b.Inbox)
	for _, c := range [][2]string{{"", "why"}, {"ann", ""}, {" ", "why"}, {"ann", "\t"}} {
		require.ErrorIs(t, b.Replay(t.Context(), seq, c[0], c[1], nil), commerce.ErrInvalid)
		require.ErrorIs(t, b.Discard(t.Context(), seq, c[0], c[1]), commerce.ErrInvalid)
	}
	require.ErrorIs(t, b.Replay(t.Context(), seq, "ann", "why", commerce.Overlay{"a.very.long.path.of.a.field": nil}), commerce.ErrLimit)
	require.Equal(t, inbox.Dead, get(t, b.Inbox, seq).State)
	require.ErrorIs(t, b.Discard(t.Context(), 99, "ann", "why"), commerce.ErrNotFound)
	_, err := b.Get(t.Context(), 99)
	require.ErrorIs(t, err, commerce.ErrNotFound)
}

func TestAClashAlerts(t *testing.T) {
	t.Parallel()
	bell := &alarm{}
	b := newBench(t, inbox.Config{Alerter: bell})
	other := event("evt_1", "pi_1")
	other.Object = "ch_other"
	appendAll(t, b.Inbox, event("evt_1", "pi_1"))
	for range 2 {
		appendAll(t, b.Inbox, other)
	}
	require.Eventually(t, func() bool { return len(bell.kinds()) == 1 }, time.Minute, time.Millisecond)
	require.Equal(t, "clash", bell.all()[0].Code)
}

func TestTooManyParkedEventsAlertOnceUntilHalfOfThemAreGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bell := &alarm{}
		var parking atomic.Int64 // how many subjects park
		parking.Store(5)
		in := newInbox(t, inbox.NewMemory(inbox.MemoryConfig{}), inbox.Config{Alerter: bell, MaxParked: 4, Handlers: handle(func(_ context.Context, e commerce.Event) error {
			if int64(e.Subject[0]-'a') < parking.Load() {
				return parkedFor(10*time.Minute + 500*time.Millisecond) // never at the moment they are counted
			}
			return nil
		})})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- in.Run(ctx) }()
		for i := range 5 {
			appendAll(t, in, event(string(rune('a'+i)), string(rune('a'+i))))
		}
		time.Sleep(5 * time.Minute) // time of the bubble
		synctest.Wait()
		require.Equal(t, []inbox.AlertKind{inbox.AlertParkedTooMany}, bell.kinds())
		require.Equal(t, 5, bell.all()[0].Count)
		parking.Store(3)
		time.Sleep(15 * time.Minute)
		synctest.Wait()
		require.Len(t, bell.kinds(), 1, "three are still many")
		parking.Store(2)
		time.Sleep(15 * time.Minute)
		synctest.Wait()
		require.Equal(t, []inbox.AlertKind{inbox.AlertParkedTooMany, inbox.AlertCleared}, bell.kinds())
		require.Equal(t, inbox.AlertParkedTooMany, bell.all()[1].Of)
		stop()
		require.NoError(t, <-ended)
	})
}

func TestAFarSideThatGoesDownAlertsOnce(t *testing.T) {
	t.Parallel()
	bell := &alarm{}
	changed := inbox.FarSide(bell)
	until := time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC)
	changed("magento", false, time.Time{}) // never was down
	changed("magento", true, until)
	changed("magento", true, until.Add(time.Minute))
	changed("stripe", true, until)
	changed("magento", false, time.Time{})
	require.Equal(t, []inbox.Alert{
		{Kind: inbox.AlertFarSideDown, Name: "magento", Until: until},
		{Kind: inbox.AlertFarSideDown, Name: "stripe", Until: until},
		{Kind: inbox.AlertCleared, Of: inbox.AlertFarSideDown, Name: "magento"},
	}, bell.all())
}

func TestNewNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	store := inbox.NewMemory(inbox.MemoryConfig{})
	ok := func(context.Context, commerce.Event) error { return nil }
	for field, c := range map[string]inbox.Config{
		"Workers":           {Workers: -1},
		"Margin":            {Lease: time.Minute, Margin: time.Minute},
		"MaxRun":            {MaxRun: time.Second},
		"MaxAge":            {MaxAge: -1},
		"Backoff.Factor":    {Backoff: inbox.Backoff{Factor: 0.5}},
		"Backoff.Max":       {Backoff: inbox.Backoff{Initial: time.Hour, Max: time.Second}},
		"QueueBytes":        {QueueBytes: 10},
		"QueueLen":          {QueueLen: -1},
		`"stripe"`:          {Handlers: inbox.Handlers{"stripe": {{Name: "h", Handle: ok}}}},
		`"stripe a b"`:      {Handlers: inbox.Handlers{"stripe a b": {{Name: "h", Handle: ok}}}},
		"no Name":           {Handlers: inbox.Handlers{"stripe *": {{Handle: ok}}}},
		"no Handle":         {Handlers: inbox.Handlers{"stripe *": {{Name: "h"}}}},
		`named "h"`:         {Handlers: inbox.Handlers{"stripe *": {{Name: "h", Handle: ok}, {Name: "h", Handle: ok}}}},
		"Feeds[0].Name":     {Feeds: []inbox.FeedConfig{{Feed: &feed{}}}},
		"has no Feed":       {Feeds: []inbox.FeedConfig{{Name: "f"}}},
		`feeds are named`:   {Feeds: []inbox.FeedConfig{{Name: "f", Feed: &feed{}}, {Name: "f", Feed: &feed{}}}},
		"Every":             {Feeds: []inbox.FeedConfig{{Name: "f", Feed: &feed{}, Every: -1}}},
		"CommitTimeout":     {CommitTimeout: -1},
		"MaxParked":         {MaxParked: -1},
		"Lease must be pos": {Lease: -1},
	} {
		_, err := inbox.New(store, c)
		require.ErrorIs(t, err, commerce.ErrInvalid, field)
		require.ErrorContains(t, err, field)
	}
	_, err := inbox.New(nil, inbox.Config{})
	require.ErrorContains(t, err, "store")
}
