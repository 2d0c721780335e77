package pollers_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/mapping/magentoshop"
	"github.com/commercesync/commerce/sqlstore"
)

var oldOrders = flag.Int("orders", 500, "how many old orders the shop of the first walk has")

// counted is a road on which requests are counted.
type counted struct {
	http.RoundTripper
	n      atomic.Int64
	before func() // is called before each; may be nil
}

func (c *counted) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	if c.before != nil {
		c.before()
	}
	return c.RoundTripper.RoundTrip(r)
}

// The first walk goes through years of orders, in memory that does not grow with them and
// with webhooks stored meanwhile; from then on a poll costs what changed and what is open.
func TestAFirstWalkStreamsAndAPollCostsWhatChangedAndWhatIsOpen(t *testing.T) {
	const page, unfinished, changed = 100, 500, 50
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	far, err := magentotest.New(magentotest.Config{Now: clock})
	require.NoError(t, err)
	cups := magentotest.NewOrder{Items: []magentotest.NewItem{{SKU: "CUP", Qty: "3", Price: "9.99"}}, State: "complete", Status: "complete"}
	first, err := far.Fill(*oldOrders, cups, now.Add(-time.Duration(*oldOrders)*time.Minute-24*time.Hour), time.Minute)
	require.NoError(t, err)
	cups.State, cups.Status = "processing", "processing"
	_, err = far.Fill(unfinished, cups, now.Add(-12*time.Hour), time.Minute)
	require.NoError(t, err)

	road := &counted{RoundTripper: far.Transport()}
	client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(far.Keys()), Transport: road, Now: clock, PageSize: page})
	require.NoError(t, err)
	shop, err := magentoshop.New(client, magentoshop.Config{Account: "main", Now: clock})
	require.NoError(t, err)
	feed, err := shop.Changes(magentoshop.ChangesConfig{Lag: lag})
	require.NoError(t, err)
	pool, err := sql.Open("sqlite", sqlstore.SQLiteDSN(filepath.Join(t.TempDir(), "store.db")))
	require.NoError(t, err)
	defer pool.Close()
	db, err := sqlstore.Open(t.Context(), pool, sqlstore.SQLite, sqlstore.Config{})
	require.NoError(t, err)
	store := db.Inbox()
	in, err := inbox.New(store, inbox.Config{Feeds: []inbox.FeedConfig{{Name: "changes", Feed: feed, Timeout: time.Hour}}})
	require.NoError(t, err)
	poll := func() (news int, requests int64) {
		t.Helper()
		before := road.n.Load()
		news, err := in.Poll(t.Context())
		require.NoError(t, err)
		return news, road.n.Load() - before
	}

	// The walk, and a webhook for each of its pages.
	base, most := heap(), uint64(0)
	var live []time.Duration
	webhook := func() {
		n := len(live)
		began := time.Now()
		_, err := in.Append(context.WithoutCancel(t.Context()), commerce.Event{Ref: commerce.Ref{System: "stripe", Mode: commerce.Test, ID: fmt.Sprintf("evt_%d", n)},
			Type: "charge.succeeded", Object: fmt.Sprintf("ch_%d", n), Subject: fmt.Sprintf("pi_%d", n), Created: now})
		live = append(live, time.Since(began))
		if n%50 == 0 {
			most = max(most, heap())
		}
		if err != nil {
			t.Error(err)
		}
	}
	road.before = webhook
	news, requests := poll()
	road.before = nil
	require.Equal(t, *oldOrders+unfinished, news)
	slices.Sort(live)
	t.Logf("%d orders in %d requests; %d MB more memory; webhooks stored within %s, 99 of 100 within %s",
		news, requests, (most-min(base, most))>>20, live[len(live)-1], live[len(live)*99/100])
	require.Less(t, most, base+64<<20, "memory grows with the shop")
	walk, pages := int64(*oldOrders+unfinished+page-1)/page, int64(unfinished/page)
	require.LessOrEqual(t, requests, walk+pages+2)

	claims, err := store.Claim(t.Context(), inbox.ClaimRequest{Owner: "w", Roots: 3, Events: 1, Lease: time.Minute})
	require.NoError(t, err)
	for _, c := range claims {
		require.Equal(t, "stripe", c.Events[0].Event.Ref.System, "what is told is worked before history")
	}

	// A poll like all others.
	now = now.Add(time.Hour)
	for n := range int64(changed) {
		require.NoError(t, far.SetState(first+n*int64(*oldOrders/changed), "closed", "closed"))
	}
	now = now.Add(time.Hour)
	news, requests = poll()
	require.Equal(t, changed, news)
	bound := 1.1 * float64(changed/page+1+unfinished/page+2)
	require.LessOrEqual(t, float64(requests), bound)
	news, again := poll()
	require.Zero(t, news)
	t.Logf("%d requests for %d changes and %d open orders, %d for none", requests, changed, unfinished, again)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
