package faults_test

import (
	"context"
	"database/sql"
	"iter"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/sqlstore"
)

// method is one method of a store, with a state in which it has something to do.
type method struct {
	name    string
	prepare func(c *cell)
	call    func(ctx context.Context, c *cell, db *sqlstore.DB) error
	// gone is the code that repeating it ends with where it had taken effect; empty = it
	// may be repeated.
	gone string
	// later: the right to act was given to nobody, and passes on when its time is over.
	later func(c *cell)
}

const lease = time.Hour // longer than any clock here jumps

func (c *cell) ref(id string) commerce.Ref {
	return commerce.Ref{Tenant: c.tenant, System: "stripe", Account: "acct", Mode: commerce.Test, ID: id}
}

func (c *cell) event(id, subject string) commerce.Event {
	return commerce.Event{Ref: c.ref(id), Type: "charge.succeeded", Object: "ch_" + id, Subject: subject,
		Person: "cus_1", Created: start, Raw: []byte(`{}`)}
}

// batch has new events, one that is there, one twice, and a clash.
func (c *cell) batch() inbox.Batch {
	clash := c.event("old", "pi_1")
	clash.Object = "other"
	return inbox.Batch{ID: c.tenant + "b", Events: []commerce.Event{c.event("new", "pi_2"), c.event("old", "pi_1"), c.event("new", "pi_2"), clash}}
}

// stored prepares one event that is due.
func stored(c *cell) {
	got, err := c.db.Inbox().Append(c.ctx, inbox.Batch{ID: c.tenant + "a", Events: []commerce.Event{c.event("old", "pi_1")}})
	require.NoError(c.t, err)
	c.seq = got[0].Seq
}

// claimed prepares one event in hand.
func claimed(c *cell) {
	stored(c)
	claims, err := c.db.Inbox().Claim(c.ctx, c.request())
	require.NoError(c.t, err)
	require.Len(c.t, claims, 1)
	c.lease = claims[0].Lease
}

func (c *cell) request() inbox.ClaimRequest {
	return inbox.ClaimRequest{Owner: "w", Roots: 2, Events: 8, Lease: lease}
}

// ended prepares one event that has ended so.
func ended(state inbox.State) func(c *cell) {
	return func(c *cell) {
		claimed(c)
		require.NoError(c.t, c.db.Inbox().Finish(c.ctx, c.lease, []inbox.Ending{{Seq: c.seq, Generation: 1, State: state, Reason: "r", Release: true}}))
	}
}

// begun prepares a key that is held.
func begun(c *cell) {
	g, err := c.db.Steps().Begin(c.ctx, c.begin())
	require.NoError(c.t, err)
	require.True(c.t, g.Acquired)
	c.token = g.Record.Token
}

func (c *cell) begin() idempotency.BeginRequest {
	return idempotency.BeginRequest{Key: c.tenant + "/key", Class: idempotency.Marked, Fingerprint: "f", Lease: lease, Settle: 2 * lease}
}

func (c *cell) endings() []inbox.Ending {
	return []inbox.Ending{{Seq: c.seq, Generation: 1, State: inbox.Done, Emit: []commerce.Event{c.event("told", "pi_3")}, Release: true}}
}

// inTx is the caller's transaction with a row of its own.
func inTx(c *cell, ctx context.Context, db *sqlstore.DB, join func(ctx context.Context, tx *sql.Tx) error) error {
	return db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO host (name) VALUES ('"+c.tenant+"/row')"); err != nil {
			return err
		}
		return join(ctx, tx)
	})
}

// collect walks a list.
func collect[T any](list iter.Seq2[T, error]) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}

func nothing(*cell) {}

var methods = []method{
	{name: "Inbox.Append", prepare: stored, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		_, err := db.Inbox().Append(ctx, c.batch())
		return err
	}},
	{name: "Inbox.Append of new events", prepare: nothing, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		_, err := db.Inbox().Append(ctx, inbox.Batch{ID: c.tenant + "b", Events: []commerce.Event{c.event("new", "pi_1"), c.event("newer", "pi_1")}})
		return err
	}},
	{name: "Inbox.Append of a feed", prepare: stored, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		_, err := db.Inbox().Append(ctx, inbox.Batch{ID: c.tenant + "b", Feed: c.tenant + "/feed", Cursor: "9", Repair: true,
			Revise: []string{"h1", "h2"}, Events: []commerce.Event{c.event("order", "o1"), c.event("order", "o1")}})
		return err
	}},
	{name: "Inbox.AppendTx", prepare: stored, gone: "host", call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		return inTx(c, ctx, db, func(ctx context.Context, tx *sql.Tx) error {
			_, err := db.Inbox().AppendTx(ctx, tx, c.batch())
			return err
		})
	}},
	{name: "Inbox.Claim", prepare: stored, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		_, err := db.Inbox().Claim(ctx, c.request())
		return err
	}, later: func(c *cell) {
		c.clock.Advance(lease)
		claims, err := c.db.Inbox().Claim(c.ctx, c.request())
		require.NoError(c.t, err)
		require.Len(c.t, claims, 1, "what nobody heard of is due again")
	}},
	{name: "Inbox.Extend", prepare: claimed, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		return db.Inbox().Extend(ctx, c.lease, lease)
	}},
	{name: "Inbox.Finish", prepare: claimed, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		return db.Inbox().Finish(ctx, c.lease, c.endings())
	}},
	{name: "Inbox.Finish of one that waits", prepare: claimed, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		return db.Inbox().Finish(ctx, c.lease, []inbox.Ending{{Seq: c.seq, Generation: 1, State: inbox.Parked, Burn: true, Reason: "r", Release: true}})
	}},
	{name: "Inbox.CompleteTx", prepare: claimed, gone: "host", call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		a := inbox.Attempt{Lease: c.lease, Seq: c.seq, Generation: 1, Emit: []commerce.Event{c.event("told", "pi_3")}}
		return inTx(c, ctx, db, func(ctx context.Context, tx *sql.Tx) error {
			return db.Inbox().CompleteTx(inbox.WithAttempt(ctx, a), tx)
		})
	}},
	{name: "Inbox.Release", prepare: claimed, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		return db.Inbox().Release(ctx, c.lease)
	}},
	{name: "Inbox.Link", prepare: claimed, gone: "lost_lease", call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		_, err := db.Inbox().Link(ctx, c.lease, c.lease.Root, c.ref("order").String(), lease)
		return err
	}},
	{name: "Inbox.Replay", prepare: ended(inbox.Dead), gone: "state", call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		return db.Inbox().Replay(ctx, c.seq, inbox.Act{Actor: "ada", Reason: "r"}, nil)
	}},
	{name: "Inbox.Replay of an ignored one", prepare: ended(inbox.Ignored), gone: "state", call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		return db.Inbox().Replay(ctx, c.seq, inbox.Act{Actor: "ada", Reason: "r"}, nil)
	}},
	{name: "Inbox.Discard", prepare: ended(inbox.Dead), gone: "state", call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		return db.Inbox().Discard(ctx, c.seq, inbox.Act{Actor: "ada", Reason: "r"})
	}},
	{name: "Inbox.Prune", prepare: ended(inbox.Done), call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		_, err := db.Inbox().Prune(ctx, inbox.PruneRequest{After: c.seq - 1, Limit: 1, Payloads: start.Add(day), Events: start.Add(day)})
		return err
	}},
	{name: "Inbox.Prune of payloads", prepare: ended(inbox.Done), call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		_, err := db.Inbox().Prune(ctx, inbox.PruneRequest{After: c.seq - 1, Limit: 1, Payloads: start.Add(day)})
		return err
	}},
	{name: "Inbox.Erase", prepare: ended(inbox.Dead), call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		_, err := db.Inbox().Erase(ctx, inbox.EraseRequest{After: c.seq - 1, Limit: 1, Tenant: c.tenant, Person: "cus_1"})
		return err
	}},
	{name: "Inbox.Subjects", prepare: stored, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		_, err := db.Inbox().Subjects(ctx, "r")
		return err
	}},
	{name: "Inbox.Cursor", prepare: nothing, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		_, err := db.Inbox().Cursor(ctx, "f")
		return err
	}},
	{name: "Inbox.Told", prepare: nothing, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		_, err := db.Inbox().Told(ctx, c.event("", "").Ref.With("order/"), "", 10)
		return err
	}},
	{name: "Inbox.Wait", prepare: claimed, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		_, err := db.Inbox().Wait(ctx)
		return err
	}},
	{name: "Inbox.Get", prepare: stored, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		_, err := db.Inbox().Get(ctx, c.seq)
		return err
	}},
	{name: "Inbox.List", prepare: stored, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		return collect(db.Inbox().List(ctx, inbox.Filter{Tenant: c.tenant}))
	}},
	{name: "Inbox.Timeline", prepare: stored, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		return collect(db.Inbox().Timeline(ctx, c.ref("pi_1").String()))
	}},
	{name: "Inbox.Count", prepare: stored, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		_, err := db.Inbox().Count(ctx, c.tenant)
		return err
	}},
	{name: "Inbox.Now", prepare: nothing, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		_, err := db.Inbox().Now(ctx) // the clock is handed in: no call of the database
		return err
	}},
	{name: "Steps.Begin", prepare: nothing, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		_, err := db.Steps().Begin(ctx, c.begin())
		return err
	}, later: func(c *cell) {
		c.clock.Advance(2 * lease)
		g, err := c.db.Steps().Begin(c.ctx, c.begin())
		require.NoError(c.t, err)
		require.True(c.t, g.Acquired, "a right that nobody heard of passes on")
	}},
	{name: "Steps.Restart", prepare: begun, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		_, err := db.Steps().Restart(ctx, c.begin().Key, c.token, c.begin())
		return err
	}},
	{name: "Steps.End", prepare: begun, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		return db.Steps().End(ctx, c.begin().Key, c.token, idempotency.Done, []byte(`1`))
	}},
	{name: "Steps.Settle", prepare: begun, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		_, err := db.Steps().Settle(ctx, c.begin().Key, []byte(`1`))
		return err
	}},
	{name: "Steps.RecordTx", prepare: nothing, gone: "host", call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		return inTx(c, ctx, db, func(ctx context.Context, tx *sql.Tx) error {
			_, _, err := db.Steps().RecordTx(ctx, tx, c.begin().Key, "f", []byte(`1`))
			return err
		})
	}},
	{name: "Steps.Get", prepare: begun, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		_, err := db.Steps().Get(ctx, c.begin().Key)
		return err
	}},
	{name: "Steps.List", prepare: begun, call: func(ctx context.Context, c *cell, db *sqlstore.DB) error {
		return collect(db.Steps().List(ctx, c.tenant, time.Time{}))
	}},
}
