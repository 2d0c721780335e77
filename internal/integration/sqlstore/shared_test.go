package sqlstore_test

import (
	"context"
	"database/sql"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/sqlstore"
)

// TestWritersShareCommitsAndStandForThemselves lets many callers write at once, every
// third of them something that is refused.
func TestWritersShareCommitsAndStandForThemselves(t *testing.T) {
	t.Parallel()
	d := databases[0] // PostgreSQL shares by itself
	pool, l := d.lossyPool(t)
	db := d.openStore(t, pool, sqlstore.Config{})
	before := l.commits.Load()
	const writers, each = 16, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if w%3 == 0 {
					stranger := inbox.Lease{Root: sprintf("root %d %d", w, i), Token: 1, Owner: "w", For: time.Minute}
					_, err := db.Inbox().Link(t.Context(), stranger, stranger.Root, "order", time.Minute)
					if commerce.KindOf(err) != commerce.KindConflict {
						t.Errorf("a link without a lease: %v", err)
					}
					continue
				}
				if _, err := db.Steps().Begin(t.Context(), begin(sprintf("%d/%d", w, i))); err != nil {
					t.Errorf("begin: %v", err)
				}
			}
		})
	}
	wg.Wait()
	kept := 0
	for w := range writers {
		for i := range each {
			rec, err := db.Steps().Get(t.Context(), sprintf("%d/%d", w, i))
			if w%3 == 0 {
				require.ErrorIs(t, err, commerce.ErrNotFound)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, idempotency.Open, rec.State)
			require.EqualValues(t, 1, rec.Token)
			kept++
		}
	}
	require.Less(t, l.commits.Load()-before, int64(kept), "of those that waited at the same moment one commit carried several")
}

// TestALostSharedCommitIsUnknownToAllInIt breaks COMMITs now and then: whoever was
// told that nothing is known may ask again, and whoever was told "done" is right.
func TestALostSharedCommitIsUnknownToAllInIt(t *testing.T) {
	t.Parallel()
	d := databases[0]
	for name, what := range map[string]loss{"carried out": lostAnswer, "not carried out": lostRequest} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool, l := d.lossyPool(t)
			db := d.openStore(t, pool, sqlstore.Config{})
			var wg sync.WaitGroup
			var mu sync.Mutex
			unknown := 0
			for w := range 8 {
				wg.Go(func() {
					for i := range 20 {
						if w == 0 && i%4 == 0 {
							l.lose(what)
						}
						key := sprintf("%d/%d", w, i)
						_, err := db.Steps().Begin(t.Context(), begin(key))
						rec, read := db.Steps().Get(t.Context(), key)
						switch {
						case err == nil:
							if read != nil || rec.State != idempotency.Open {
								t.Errorf("%s was acknowledged and is not there: %v", key, read)
							}
						case commerce.SafeToRetry(err):
							t.Errorf("%s: %v", key, err)
						default:
							mu.Lock()
							unknown++
							mu.Unlock()
							if (read == nil) != (what == lostAnswer) {
								t.Errorf("%s: %v", key, read)
							}
						}
					}
				})
			}
			wg.Wait()
			require.Positive(t, unknown)
		})
	}
}

func TestAWriterWhoGivesUpInTheQueueWroteNothing(t *testing.T) {
	t.Parallel()
	db := databases[0].store(t, sqlstore.Config{})
	err := db.InTx(t.Context(), func(context.Context, *sql.Tx) error { // has the turn
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := db.Steps().Begin(ctx, begin("k"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.True(t, commerce.SafeToRetry(err))
		return nil
	})
	require.NoError(t, err)
	_, err = db.Steps().Begin(t.Context(), begin("other"))
	require.NoError(t, err)
	_, err = db.Steps().Get(t.Context(), "k")
	require.ErrorIs(t, err, commerce.ErrNotFound)
}

func begin(key string) idempotency.BeginRequest {
	return idempotency.BeginRequest{Key: key, Class: idempotency.Marked, Lease: time.Minute, Settle: time.Minute}
}
