package magentoshop_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/mapping/magentoshop"
)

// street is a shop with a clock, and an inbox that its feeds tell.
type street struct {
	t     testing.TB
	now   time.Time
	far   *magentotest.Shop
	shop  *magentoshop.Shop
	store *inbox.Memory
	feeds map[string]*inbox.Inbox // each with one feed, over the same store
	heard int64                   // the last entry that news returned
}

type streetConfig struct {
	far     magentotest.Config
	client  magento.Config
	changes magentoshop.ChangesConfig
	sweep   magentoshop.SweepConfig
	deaf    bool // the sweep does not know what was told
	through func(*street, http.RoundTripper) http.RoundTripper
}

func newStreet(t testing.TB, c streetConfig) *street {
	t.Helper()
	s := &street{t: t, now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), feeds: map[string]*inbox.Inbox{}}
	clock := func() time.Time { return s.now }
	if c.far.Now == nil {
		c.far.Now = clock
	}
	var err error
	s.far, err = magentotest.New(c.far)
	require.NoError(t, err)
	c.client.BaseURL, c.client.Now, c.client.Transport = "https://shop.example", clock, s.far.Transport()
	if c.client.Credentials == nil {
		c.client.Credentials = commerce.Static(s.far.Keys())
	}
	if c.through != nil {
		c.client.Transport = c.through(s, c.client.Transport)
	}
	c.client.Resilience.Retry.Attempts = 1
	client, err := magento.NewClient(c.client)
	require.NoError(t, err)
	s.shop, err = magentoshop.New(client, magentoshop.Config{Account: "main", Now: clock})
	require.NoError(t, err)
	s.store = inbox.NewMemory(inbox.MemoryConfig{Now: clock})
	if !c.deaf {
		c.sweep.Told = s.store
	}
	changes, err := s.shop.Changes(c.changes)
	require.NoError(t, err)
	sweep, err := s.shop.Sweep(c.sweep)
	require.NoError(t, err)
	returns, err := s.shop.Returns(magentoshop.ReturnsConfig{})
	require.NoError(t, err)
	for name, feed := range map[string]inbox.Feed{"changes": changes, "sweep": sweep, "returns": returns} {
		s.feeds[name], err = inbox.New(s.store, inbox.Config{Feeds: []inbox.FeedConfig{{Name: name, Feed: feed}}})
		require.NoError(t, err)
	}
	return s
}

func (s *street) place(n magentotest.NewOrder) int64 {
	s.t.Helper()
	id, err := s.far.Place(n)
	require.NoError(s.t, err)
	return id
}

// done places an order that is paid, shipped and complete.
func (s *street) done() int64 {
	s.t.Helper()
	id := s.place(cups())
	_, err := s.far.Admin().Invoice(id, nil)
	require.NoError(s.t, err)
	_, err = s.far.Admin().Ship(id, nil)
	require.NoError(s.t, err)
	return id
}

func (s *street) poll(feed string) error {
	_, err := s.feeds[feed].Poll(s.t.Context())
	return err
}

// news polls a feed and returns what was news: "order.changed order/1@2".
func (s *street) news(feed string) []string {
	s.t.Helper()
	require.NoError(s.t, s.poll(feed))
	return s.stored()
}

func (s *street) stored() []string {
	s.t.Helper()
	out := []string{}
	for e, err := range s.store.List(s.t.Context(), inbox.Filter{After: s.heard, Limit: 1000}) {
		require.NoError(s.t, err)
		out = append(out, e.Event.Type+" "+e.Event.Ref.ID)
		s.heard = e.Seq
	}
	slices.Sort(out)
	return out
}

// later lets the clock go on and polls until all of that is told.
func (s *street) later(d time.Duration) []string {
	s.now = s.now.Add(d)
	return s.news("changes")
}

func TestANewOrderIsToldAtOnceAndOnce(t *testing.T) {
	t.Parallel()
	s := newStreet(t, streetConfig{})
	n := cups()
	n.Customer = magentotest.Customer{ID: 12, Email: "ann@example.com", FirstName: "Ann", LastName: "Smith"}
	id := s.place(n)
	require.Equal(t, []string{"order.changed order/1@1"}, s.news("changes"))
	require.Empty(t, s.later(time.Second))
	require.Empty(t, s.later(5*time.Minute), "the walk comes to it, and it is what it was")

	e, err := s.store.Get(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, s.shop.Ref(magento.ID(id)).With("order/1@1"), e.Event.Ref)
	require.Equal(t, s.shop.Ref(magento.ID(id)), e.Event.SubjectRef(), "its root is the order itself")
	require.Equal(t, []string{"order/1", "customer/12"}, []string{e.Event.Object, e.Event.Person})
	require.Equal(t, time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), e.Event.Created)
	require.JSONEq(t, `{"entity_id":1,"increment_id":"000000001","store_id":1,"state":"new","status":"pending",
		"created_at":"2026-11-21 09:00:00","updated_at":"2026-11-21 09:00:00"}`, string(e.Event.Raw))
}

// TestWhatAPersonDoesInTheAdminIsNews follows the measured table of what moves the date
// (updated-at-moves.json): the open orders are read again because of what does not.
func TestWhatAPersonDoesInTheAdminIsNews(t *testing.T) {
	t.Parallel()
	s := newStreet(t, streetConfig{})
	a := s.far.Admin()
	id := s.place(cups())
	o, _ := s.far.Order(id)
	cup, shipment := int64(o.Items[0].ItemID), int64(0)
	require.Len(t, s.news("changes"), 1)
	to := magentotest.Address{Street: []string{"2 Low St"}, City: "Austin", Country: "US"}
	for _, step := range []struct {
		name string
		do   func() error
		news bool
	}{
		{"nothing", func() error { return nil }, false},
		{"a comment", func() error { return a.Comment(id, "seen") }, false},
		{"hold", func() error { return a.Hold(id) }, true},
		{"unhold", func() error { return a.Unhold(id) }, true},
		{"hold and unhold between two polls", func() error { return errors.Join(a.Hold(id), a.Unhold(id)) }, true},
		{"an address", func() error { return a.Address(id, "shipping", to) }, true},
		{"the same address", func() error { return a.Address(id, "shipping", to) }, false},
		{"an invoice", func() error { _, err := a.Invoice(id, nil); return err }, true},
		{"a shipment of a part", func() (err error) { shipment, err = a.Ship(id, map[int64]string{cup: "1"}); return err }, true},
		{"a track", func() error { return a.Track(shipment, "JD1") }, false},
		{"a refund of a part", func() error { _, err := a.Refund(id, map[int64]string{cup: "1"}); return err }, true},
		{"the rest of the shipment", func() error { _, err := a.Ship(id, nil); return err }, true},
		{"a refund of the rest", func() error { _, err := a.Refund(id, nil); return err }, true},
	} {
		s.now = s.now.Add(10 * time.Minute)
		require.NoError(t, step.do(), step.name)
		s.now = s.now.Add(10 * time.Minute)
		require.Equal(t, step.news, len(s.news("changes")) == 1, step.name)
	}
	second := s.place(cups())
	s.now = s.now.Add(time.Minute)
	require.Len(t, s.news("changes"), 1)
	third, err := a.Edit(second, cups())
	require.NoError(t, err)
	require.Equal(t, []string{"order.changed order/" + magento.ID(third).String() + "@1"}, s.news("changes"), "the cancelled one waits for Lag")
	require.Equal(t, []string{"order.changed order/" + magento.ID(second).String() + "@2"}, s.later(2*time.Minute))
}

func TestAWriteOfOursIsNewsOnceAndARemarkIsNone(t *testing.T) {
	t.Parallel()
	s := newStreet(t, streetConfig{})
	id := s.place(cups())
	require.Len(t, s.news("changes"), 1)
	o, err := s.shop.Order(t.Context(), s.shop.Ref(magento.ID(id)))
	require.NoError(t, err)
	s.now = s.now.Add(time.Minute)
	_, err = s.shop.RecordPayment(o, payment(o)).Act(t.Context())
	require.NoError(t, err)
	require.Len(t, s.news("changes"), 1, "evidence, not noise")
	for range 3 {
		require.Empty(t, s.later(time.Minute), "and no loop")
	}
}

func TestRowsWithinTheLagAreLeftForTheNextPoll(t *testing.T) {
	t.Parallel()
	s := newStreet(t, streetConfig{changes: magentoshop.ChangesConfig{Lag: time.Minute}})
	s.done()
	s.now = s.now.Add(time.Minute)
	require.Empty(t, s.news("changes"), "its second is not over by Lag")
	require.Equal(t, []string{"order.changed order/1@1"}, s.later(time.Second))
}

func TestATransactionWithinLagIsSeenAndOneThatOutlivesItIsTheSweeps(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		lag, open    time.Duration
		walk, sweeps int
	}{
		"within lag":                {time.Minute, 30 * time.Second, 1, 0},
		"longer than lag":           {time.Minute, 5 * time.Minute, 0, 1},
		"control: there is no lag":  {time.Nanosecond, 30 * time.Second, 0, 1},
		"the database's clock lags": {time.Minute, 30 * time.Second, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := streetConfig{changes: magentoshop.ChangesConfig{Lag: tc.lag}}
			if strings.HasPrefix(name, "the database") {
				c.far.DatabaseAhead = -20 * time.Second
			}
			s := newStreet(t, c)
			id := s.done()
			require.Len(t, s.later(10*time.Minute), 1)
			commit := s.far.Begin(id)
			_, err := s.far.Admin().Refund(id, nil)
			require.NoError(t, err)
			for at := time.Duration(0); at < tc.open; at += 10 * time.Second {
				require.Empty(t, s.later(10*time.Second), "nobody sees it")
			}
			other := s.done() // the walk goes on
			commit()
			s.now = s.now.Add(10 * time.Minute)
			got := s.news("changes")
			require.Contains(t, got, "order.changed order/"+magento.ID(other).String()+"@1")
			require.Len(t, got, 1+tc.walk)
			require.Len(t, s.news("sweep"), tc.sweeps)
		})
	}
}

func TestTheSweepFindsWhatMovesNoDate(t *testing.T) {
	t.Parallel()
	s := newStreet(t, streetConfig{})
	id := s.done()
	require.Len(t, s.later(10*time.Minute), 1)
	require.NoError(t, s.far.Admin().Address(id, "billing", magentotest.Address{Street: []string{"2 Low St"}, City: "Austin", Country: "US"}))
	require.Empty(t, s.later(10*time.Minute), "control: the order is complete and its date stands")
	require.Equal(t, []string{"order.changed order/1@2"}, s.news("sweep"))
	require.Empty(t, s.later(time.Minute), "both feeds agree about the hash")
}

// TestAWalkGoesOnWhereItWasCut stops every poll after so many changes, and also lets its
// last page be lost.
func TestAWalkGoesOnWhereItWasCut(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"changes", "sweep"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStreet(t, streetConfig{client: magento.Config{PageSize: 3}})
			want := map[string]bool{}
			for n := range 20 {
				var id int64
				if id = s.place(cups()); n%2 == 0 {
					require.NoError(t, s.far.Admin().Cancel(id))
				}
				want["order/"+magento.ID(id).String()] = true
				if n == 15 {
					s.now = s.now.Add(time.Second) // all others in one second, more than a page
				}
			}
			s.now = s.now.Add(time.Hour)
			feed := func() inbox.Feed {
				if name == "sweep" {
					f, err := s.shop.Sweep(magentoshop.SweepConfig{Told: s.store})
					require.NoError(t, err)
					return f
				}
				f, err := s.shop.Changes(magentoshop.ChangesConfig{})
				require.NoError(t, err)
				return f
			}()
			for cut := 2; cut <= 8; cut++ {
				got, cursor := map[string]bool{}, ""
				for polls := 0; ; polls++ {
					require.Less(t, polls, 100)
					n := 0
					for c, err := range feed.Changes(t.Context(), cursor) {
						require.NoError(t, err)
						if n++; n > cut {
							break
						}
						cursor = c.Cursor
						if c.Event.Ref.ID != "" {
							got[c.Event.Ref.ID] = true
						}
					}
					require.Less(t, len(cursor), 300, "a cursor is small")
					if n <= cut {
						break
					}
				}
				require.Equal(t, want, got, "cut after %d", cut)
				require.False(t, feed.(inbox.Completer).CompleteTo(cursor).IsZero())
			}
		})
	}
}

func TestAPollThatFailsAtAnyRequestLosesNothing(t *testing.T) {
	t.Parallel()
	for failing := 1; failing <= 12; failing++ {
		s := newStreet(t, streetConfig{client: magento.Config{PageSize: 3}})
		for n := range 20 {
			if id := s.place(cups()); n%2 == 0 {
				require.NoError(t, s.far.Admin().Cancel(id))
			}
		}
		s.now = s.now.Add(time.Hour)
		asked := 0
		remove := s.far.Fail(magentotest.Fault{Kind: magentotest.Half, Match: func(*http.Request) bool { asked++; return asked == failing }})
		require.ErrorIs(t, s.poll("changes"), commerce.ErrUnavailable, "request %d", failing)
		remove()
		s.now = s.now.Add(time.Minute)
		require.NoError(t, s.poll("changes"))
		require.Len(t, s.stored(), 20, "request %d", failing)
	}
}

func TestADeletedOrderIsToldWhenTheShopSaysSo(t *testing.T) {
	t.Parallel()
	s := newStreet(t, streetConfig{sweep: magentoshop.SweepConfig{Every: 24 * time.Hour}})
	for range 12 { // beyond 9, so that order of number and of text differ
		s.place(cups())
	}
	require.Len(t, s.news("changes"), 12)
	require.Empty(t, s.news("sweep"))
	for _, id := range []int64{1, 9, 12} {
		require.NoError(t, s.far.Admin().Delete(id))
	}
	require.Empty(t, s.later(time.Hour), "control: a list does not show what is gone")
	calls := len(s.far.Calls())
	require.Empty(t, s.news("sweep"))
	require.Len(t, s.far.Calls(), calls, "no round is due, and nothing is asked")
	s.now = s.now.Add(24 * time.Hour)
	require.Equal(t, []string{"order.deleted order/12@2", "order.deleted order/1@2", "order.deleted order/9@2"}, s.news("sweep"))
	s.now = s.now.Add(24 * time.Hour)
	require.Empty(t, s.news("sweep"), "once")
}

func TestAnOrderThatTheWalkMissesIsNotDeletedUnlessTheShopSaysSo(t *testing.T) {
	t.Parallel()
	s := newStreet(t, streetConfig{})
	s.place(cups())
	require.Len(t, s.news("changes"), 1)
	// A list that lost a row, as a search index or a filter by website does.
	hide := s.far.Fail(magentotest.Fault{Kind: magentotest.Answered, Status: 200, Header: http.Header{"Content-Type": {"application/json"}},
		Body: `{"items":[],"total_count":0}`, Match: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/orders") }})
	require.Empty(t, s.news("sweep"))
	hide()

	deaf := newStreet(t, streetConfig{deaf: true})
	deaf.place(cups())
	require.Len(t, deaf.news("changes"), 1)
	require.NoError(t, deaf.far.Admin().Delete(1))
	require.Empty(t, deaf.news("sweep"), "control: who does not know what was told finds no deletion")
}

func TestAShopThatLostManyOrdersIsAnErrorBeforeTheyAreTold(t *testing.T) {
	t.Parallel()
	s := newStreet(t, streetConfig{sweep: magentoshop.SweepConfig{MaxDeleted: 3}})
	for range 5 {
		s.place(cups())
	}
	require.Len(t, s.news("changes"), 5)
	for id := range int64(5) {
		require.NoError(t, s.far.Admin().Delete(id+1))
	}
	err := s.poll("sweep")
	require.ErrorIs(t, err, commerce.ErrLimit)
	require.ErrorContains(t, err, "SweepConfig.MaxDeleted")
	require.Len(t, s.stored(), 3)
}

func TestASweepOfTheNewestLeavesOlderOrdersAlone(t *testing.T) {
	t.Parallel()
	s := newStreet(t, streetConfig{sweep: magentoshop.SweepConfig{Newest: 30 * 24 * time.Hour}})
	old := s.done()
	s.now = s.now.AddDate(0, 0, 60)
	young, last := s.done(), s.done()
	require.Len(t, s.later(time.Hour), 3)
	for _, id := range []int64{old, young} {
		require.NoError(t, s.far.Admin().Address(id, "billing", magentotest.Address{Street: []string{"2 Low St"}, City: "Austin", Country: "US"}))
	}
	require.NoError(t, s.far.Admin().Delete(last))
	require.Equal(t, []string{"order.changed order/2@2", "order.deleted order/3@2"}, s.news("sweep"))
}

func TestACursorThatIsNotTheFeedsOwnSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := newStreet(t, streetConfig{})
	changes, err := s.shop.Changes(magentoshop.ChangesConfig{})
	require.NoError(t, err)
	for cursor, words := range map[string]string{
		"17":                                   "FeedConfig.Name",
		"{":                                    "FeedConfig.Name",
		`{"v":"magentoshop.changes/1","at":3}`: "can not be read",
		`{"v":"magentoshop.sweep/1"}`:          "a FeedConfig.Name of its own",
		`{"v":"magentoshop.changes/9"}`:        "run the newer program",
		`{"shipments":{"after":1}}`:            "begins again",
	} {
		var last error
		for c, err := range changes.Changes(t.Context(), cursor) {
			require.Zero(t, c.Event)
			last = err
		}
		require.ErrorIs(t, last, commerce.ErrInvalid, cursor)
		require.ErrorContains(t, last, words, cursor)
		require.Zero(t, changes.CompleteTo(cursor), cursor)
	}
	require.Empty(t, s.far.Calls())
}

func TestTheBoundsAreTheShopsOwnTime(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"an hour ahead": time.Hour, "an hour behind": -time.Hour, "a year ahead": 365 * 24 * time.Hour} {
		var s *street
		s = newStreet(t, streetConfig{far: magentotest.Config{Now: func() time.Time {
			if s == nil {
				return time.Time{}
			}
			return s.now.Add(off)
		}}})
		changes, err := s.shop.Changes(magentoshop.ChangesConfig{})
		require.NoError(t, err)
		s.done()
		require.Empty(t, s.news("changes"), name)
		require.Len(t, s.later(91*time.Second), 1, name)
		s.done()
		require.Empty(t, s.later(89*time.Second), name)
		require.Len(t, s.later(2*time.Second), 1, name)
		cursor, err := s.store.Cursor(t.Context(), "changes")
		require.NoError(t, err)
		require.Equal(t, s.now.Add(off-90*time.Second), changes.CompleteTo(cursor), name)
	}
}

func TestAClockThatIsSetBackLosesNothing(t *testing.T) {
	t.Parallel()
	ahead := time.Hour
	var s *street
	s = newStreet(t, streetConfig{far: magentotest.Config{Now: func() time.Time { return s.now.Add(ahead) }}})
	s.done()
	require.Len(t, s.later(5*time.Minute), 1)
	ahead = 0
	s.done()
	require.Len(t, s.later(5*time.Minute), 1, "its date lies before what was walked")
	s.done()
	require.Len(t, s.later(5*time.Minute), 1)
}

func TestTheFirstWalkBeginsWhereItIsTold(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	s := newStreet(t, streetConfig{changes: magentoshop.ChangesConfig{From: start}})
	s.done()
	s.place(cups())
	s.now = start
	s.done()
	s.now = s.now.Add(time.Hour)
	require.Equal(t, []string{"order.changed order/2@1", "order.changed order/3@1"}, s.news("changes"), "the second is old and open")
}

func TestAnAPIThatAnswersAnythingTellsNothing(t *testing.T) {
	t.Parallel()
	page := http.Header{"Content-Type": {"text/html; charset=UTF-8"}}
	said := http.Header{"Content-Type": {"application/json"}}
	trace := "<b>Fatal error</b>: Uncaught Exception in /var/www/html/app/code/Model.php:17 Stack trace: #0 ann@example.com {main}"
	lists := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/orders") }
	for name, f := range map[string]magentotest.Fault{
		"a page with 200":          {Status: 200, Header: page, Body: "<html>Welcome</html>"},
		"a stack trace with 200":   {Status: 200, Header: page, Body: trace},
		"a stack trace with 500":   {Status: 500, Header: page, Body: trace},
		"an empty object":          {Status: 200, Header: said, Body: `{}`},
		"an empty list":            {Status: 200, Header: said, Body: `[]`},
		"a list without a count":   {Status: 200, Header: said, Body: `{"items":[]}`},
		"true":                     {Status: 200, Header: said, Body: `true`},
		"rows without an id":       {Status: 200, Header: said, Body: `{"items":[{}],"total_count":1}`},
		"the same page for ever":   {Status: 200, Header: said, Body: `{"items":[{"entity_id":1,"updated_at":"2020-01-01 00:00:00"}],"total_count":9}`},
		"a developer's trace, 500": {Status: 500, Header: said, Body: `{"message":"Internal Error","trace":"` + "#0 ann@example.com" + `"}`},
	} {
		s := newStreet(t, streetConfig{})
		s.done()
		s.now = s.now.Add(time.Hour)
		f.Kind, f.Match = magentotest.Answered, lists
		s.far.Fail(f)
		err := s.poll("changes")
		var e *commerce.Error
		require.ErrorAs(t, err, &e, name)
		require.Contains(t, []commerce.Kind{commerce.KindInternal, commerce.KindUnavailable}, e.Kind, name)
		require.NotContains(t, err.Error(), "ann@", name)
		require.NotContains(t, err.Error(), "/var/www", name)
		s.far.Heal()
		require.NoError(t, s.poll("changes"), name)
		require.Contains(t, strings.Join(s.stored(), " "), "order.changed order/1@", name)
	}
}

func TestTodaysOrdersDoNotWaitForTheFirstWalk(t *testing.T) {
	t.Parallel()
	placed := false
	s := newStreet(t, streetConfig{client: magento.Config{PageSize: 10}, through: func(s *street, next http.RoundTripper) http.RoundTripper {
		return transport(func(r *http.Request) (*http.Response, error) {
			s.now = s.now.Add(10 * time.Second) // a slow shop
			if r.URL.Query().Get("searchCriteria[filter_groups][1][filters][1][value]") == "100" && !placed {
				placed = true
				s.place(cups())
			}
			return next.RoundTrip(r)
		})
	}})
	done := cups()
	done.State, done.Status = "complete", "complete"
	_, err := s.far.Fill(300, done, s.now.AddDate(0, -1, 0), time.Minute)
	require.NoError(t, err)
	require.NoError(t, s.poll("changes"))
	require.True(t, placed)
	at := map[string]int64{}
	for e, err := range s.store.List(t.Context(), inbox.Filter{Limit: 1000}) {
		require.NoError(t, err)
		at[e.Event.Ref.ID] = e.Seq
	}
	require.Len(t, at, 301)
	require.Less(t, at["order/301@1"], at["order/200@1"])
}
