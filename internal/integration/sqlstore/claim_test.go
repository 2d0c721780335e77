package sqlstore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/sqlstore"
)

func TestAClaimHasTheOldestOfEverySubjectHoweverManyThereAre(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		c := newClock()
		pool := d.pool(t)
		store := d.openStore(t, pool, sqlstore.Config{Now: c.Now}).Inbox()
		const subjects = 450 // more than one statement looks up
		var events []commerce.Event
		var links []string
		for i := range subjects {
			e := event(fmt.Sprintf("evt_%d", i), fmt.Sprintf("pi_%d", i))
			e.Created = e.Created.Add(-time.Duration(i) * time.Second) // the last is the oldest
			events = append(events, e)
			links = append(links, fmt.Sprintf("('%s', 't1/shop/main/test/order%%2F1', %d)", e.SubjectRef(), i+1))
		}
		_, err := pool.ExecContext(t.Context(), "INSERT INTO commerce_links (subject, root, ordinal) VALUES "+strings.Join(links, ", "))
		require.NoError(t, err)
		_, err = store.Append(t.Context(), batch("b", events...))
		require.NoError(t, err)
		for _, most := range []int{3, 1000} {
			claims, err := store.Claim(t.Context(), inbox.ClaimRequest{Owner: "w", Roots: 1, Events: most, Lease: time.Minute})
			require.NoError(t, err)
			require.Len(t, claims, 1)
			require.Len(t, claims[0].Events, min(most, subjects))
			for i, e := range claims[0].Events {
				require.Equal(t, fmt.Sprintf("evt_%d", subjects-1-i), e.Event.Ref.ID)
			}
			require.NoError(t, store.Release(t.Context(), claims[0].Lease))
		}
	})
}
