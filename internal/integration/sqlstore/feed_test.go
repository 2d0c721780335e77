package sqlstore_test

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/sqlstore"
)

// Two processes poll one feed of a shop whose orders change all the while: what one has
// read is not stored behind what the other has read later.
func TestTwoPollersOfOneFeedLoseNothingAndCountEachRevisionOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		const orders, rounds = 7, 60
		pool := d.pool(t)
		store := d.openStore(t, pool, sqlstore.Config{}).Inbox()
		shop := &toggling{versions: make([]int, orders)}
		var wg sync.WaitGroup
		for range 2 {
			in, err := inbox.New(store, inbox.Config{MaxBatch: 3, Feeds: []inbox.FeedConfig{{Name: "orders", Feed: shop}}})
			require.NoError(t, err)
			wg.Go(func() {
				for range rounds {
					_, err := in.Poll(t.Context())
					assert.NoError(t, err)
					shop.change()
				}
			})
		}
		wg.Wait()
		in, err := inbox.New(store, inbox.Config{Feeds: []inbox.FeedConfig{{Name: "orders", Feed: shop}}})
		require.NoError(t, err)
		_, err = in.Poll(t.Context())
		require.NoError(t, err)
		last, seen := map[string]int{}, map[string]int{}
		for e, err := range store.List(t.Context(), inbox.Filter{Limit: 1000}) {
			require.NoError(t, err)
			seen[e.Event.Object]++
			require.Equal(t, fmt.Sprintf("%s@%d", e.Event.Object, seen[e.Event.Object]), e.Event.Ref.ID, "revisions follow each other")
			version, err := strconv.Atoi(e.Event.Subject[len("order/0 "):])
			require.NoError(t, err)
			if seen[e.Event.Object] > 1 {
				require.Greater(t, version, last[e.Event.Object], "%s", e.Event.Ref.ID)
				require.NotEqual(t, last[e.Event.Object]%2, version%2, "%s tells what the last one told", e.Event.Ref.ID)
			}
			last[e.Event.Object] = version
		}
		require.Len(t, last, orders)
		for i, version := range shop.versions {
			require.Equal(t, version%2, last[fmt.Sprintf("order/%d", i)]%2, "order %d", i)
		}
	})
}

// toggling is a shop whose feed yields all of its orders, as they are when they are read.
// Each goes there and back: what matters of it is whether its version is odd. The
// subject tells the version; the cursor counts the orders read.
type toggling struct {
	mu       sync.Mutex
	n        int
	versions []int
}

func (s *toggling) change() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	s.versions[s.n*3%len(s.versions)]++
}

func (s *toggling) Changes(_ context.Context, cursor string) iter.Seq2[inbox.Change, error] {
	return func(yield func(inbox.Change, error) bool) {
		read, _ := strconv.Atoi(cursor)
		for i := range s.versions {
			s.mu.Lock()
			version := s.versions[i]
			s.mu.Unlock()
			e := event(fmt.Sprintf("order/%d", i), fmt.Sprintf("order/%d %d", i, version))
			e.Object = e.Ref.ID
			read++
			if !yield(inbox.Change{Event: e, Hash: strconv.Itoa(version % 2), Cursor: strconv.Itoa(read)}, nil) {
				return
			}
		}
	}
}
