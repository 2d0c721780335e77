package sqlstore_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/commercesync/commerce/idempotency/idempotencytest"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/inbox/inboxtest"
	"github.com/commercesync/commerce/sqlstore"
)

func TestOperations(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		idempotencytest.Run(t, func(t *testing.T) idempotencytest.Harness {
			c := newClock()
			return idempotencytest.Harness{Store: d.store(t, sqlstore.Config{Now: c.Now}).Steps(), Advance: c.Advance}
		})
	})
}

func TestInbox(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		inboxtest.Run(t, func(t *testing.T) inboxtest.Harness {
			c := newClock()
			pool := d.pool(t)
			open := func() inbox.Store { return d.openStore(t, pool, sqlstore.Config{Now: c.Now}).Inbox() }
			return inboxtest.Harness{Store: open(), Advance: c.Advance, Reopen: open}
		}, inboxtest.Features{Durable: true})
	})
}

func TestCompleteTx(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		inboxtest.RunTx(t, func(t *testing.T) inboxtest.TxHarness[*sql.Tx] {
			c := newClock()
			pool := d.pool(t)
			store := d.openStore(t, pool, sqlstore.Config{Now: c.Now}).Inbox()
			return inboxtest.TxHarness[*sql.Tx]{
				Harness:   inboxtest.Harness{Store: store, Advance: c.Advance},
				Completer: store,
				Begin: func(ctx context.Context) (*sql.Tx, func() error, func() error, error) {
					tx, err := pool.BeginTx(ctx, nil)
					if err != nil {
						return nil, nil, nil, err
					}
					return tx, tx.Commit, tx.Rollback, nil
				},
			}
		})
	})
}
