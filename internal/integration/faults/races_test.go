package faults_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/sqlstore"
)

// TestWhatIsReplayedMeanwhileIsNotPrunedOrErased lets a person replay an event, and a
// worker end it anew, between any two calls of the database that Prune and Erase make.
func TestWhatIsReplayedMeanwhileIsNotPrunedOrErased(t *testing.T) {
	t.Parallel()
	for _, d := range databases[1:] { // SQLite has one writer at a time
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, d)
			for name, remove := range map[string]func(c *cell, db *sqlstore.DB) (inbox.Stretch, error){
				"prune": func(c *cell, db *sqlstore.DB) (inbox.Stretch, error) {
					return db.Inbox().Prune(c.ctx, inbox.PruneRequest{After: c.seq - 1, Limit: 1, Payloads: start.Add(day), Events: start.Add(day)})
				},
				"blank": func(c *cell, db *sqlstore.DB) (inbox.Stretch, error) {
					return db.Inbox().Prune(c.ctx, inbox.PruneRequest{After: c.seq - 1, Limit: 1, Payloads: start.Add(day)})
				},
				"erase": func(c *cell, db *sqlstore.DB) (inbox.Stretch, error) {
					return db.Inbox().Erase(c.ctx, inbox.EraseRequest{After: c.seq - 1, Limit: 1, Tenant: c.tenant, Person: "cus_1"})
				},
			} {
				met, locked := 0, 0
				for at := 1; ; at++ {
					c := b.cell(t)
					ended(inbox.Ignored)(c)
					c.clock.Advance(365 * day)
					db := b.d.Store(t, b.bad, sqlstore.Config{Now: c.clock.Now})
					other := b.d.Store(t, b.pool, sqlstore.Config{Now: c.clock.Now, LockTimeout: 50 * time.Millisecond}).Inbox()
					replayed, blankAtWork := false, false
					b.connector.arm(fault{how: skewed}, at, func(int) {
						if other.Replay(c.ctx, c.seq, inbox.Act{Actor: "ada", Reason: "r"}, nil) != nil {
							return
						}
						replayed = true
						claims, err := other.Claim(c.ctx, c.request())
						require.NoError(t, err)
						require.Len(t, claims, 1)
						blankAtWork = claims[0].Events[0].Blank
						require.NoError(t, other.Finish(c.ctx, claims[0].Lease,
							[]inbox.Ending{{Seq: c.seq, Generation: 2, State: inbox.Done, Release: true}}))
					})
					s, err := remove(c, db)
					require.NoError(t, err)
					if b.connector.disarm() == "" {
						break
					}
					require.False(t, blankAtWork, "%s: a worker had it without its raw bytes", name)
					e, err := c.db.Inbox().Get(c.ctx, c.seq)
					switch {
					case !replayed:
						locked++
						require.Equal(t, 1, s.Gone+s.Blank)
					case name == "erase": // it has ended again, before or after it was looked at
						met++
						require.NoError(t, err)
					default:
						met++
						require.NoError(t, err, "%s at call %d: it ended just now", name, at)
						require.False(t, e.Blank)
						require.Zero(t, s.Gone+s.Blank)
					}
					c.close()
				}
				require.NotZero(t, met)
				require.NotZero(t, locked)
			}
		})
	}
}
