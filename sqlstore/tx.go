package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
)

// session is one open transaction, or the pool where nothing is written.
type session struct {
	*DB
	runner runner
	now    int64 // the store's clock when the transaction began, in microseconds
}

// write runs fn in a transaction of its own, bounded in time. An error of fn, and
// of anything before COMMIT, leaves nothing behind (NotSent); once COMMIT was sent
// only its answer tells (Unknown without one).
func (d *DB) write(ctx context.Context, op string, fn func(context.Context, *session) error) error {
	if d.oneTurn {
		return d.share(ctx, op, fn)
	}
	ctx, cancel := context.WithTimeout(ctx, d.txTimeout)
	defer cancel()
	return again(ctx, func() error {
		return d.bounded(ctx, op, d.begin, func(ctx context.Context, t transaction) error {
			s, err := d.enterTx(ctx, t.runner, true)
			if err != nil {
				return err
			}
			return fn(ctx, s)
		})
	})
}

// again runs a transaction until the database does not end it in favour of another: of
// two that wait for each other it ends one, whole, and says so. That one begins again,
// after a little that two of them do not share.
func again(ctx context.Context, run func() error) error {
	for try := time.Duration(1); ; try++ {
		err := run()
		if !isDeadlock(err) || !pause(ctx, rand.N(try*busyPause)) {
			return err
		}
	}
}

// bounded runs fn between begin and commit.
func (d *DB) bounded(ctx context.Context, op string, begin func(context.Context) (transaction, error), fn func(context.Context, transaction) error) error {
	if err := d.outside(ctx, op); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, d.txTimeout)
	defer cancel()
	if d.oneTurn {
		select {
		case d.turn <- struct{}{}:
			defer func() { <-d.turn }()
		case <-ctx.Done():
			return fail(op, commerce.NotSent, ctx.Err())
		}
	}
	t, err := begin(ctx)
	if err != nil {
		return fail(op, commerce.NotSent, err)
	}
	ended := false
	defer func() {
		if !ended { // also where fn panics
			_ = t.rollback()
		}
	}()
	if err := fn(ctx, t); err != nil {
		return fail(op, commerce.NotSent, err)
	}
	if err := ctx.Err(); err != nil {
		return fail(op, commerce.NotSent, err)
	}
	ended = true
	if err := t.commit(); err != nil {
		return fail(op, commitOutcome(err), err)
	}
	return nil
}

// enterTx checks a transaction and reads the clock; one of our own it also bounds.
func (d *DB) enterTx(ctx context.Context, r runner, own bool) (*session, error) {
	now, err := d.enter(ctx, d, r, own)
	if err != nil {
		return nil, err
	}
	if d.clockNow != nil {
		now = d.clockNow().UnixMicro()
	}
	return &session{DB: d, runner: r, now: now}, nil
}

// transaction is one that was begun in either way.
type transaction struct {
	runner           runner
	commit, rollback func() error
}

func (d *DB) begin(ctx context.Context) (transaction, error) {
	tx, err := d.pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return transaction{}, err
	}
	return transaction{runner: tx, commit: tx.Commit, rollback: tx.Rollback}, nil
}

// beginImmediate takes SQLite's write lock when it begins: a transaction that read
// first and wants to write later may be refused without any wait.
func (d *DB) beginImmediate(ctx context.Context) (transaction, error) {
	conn, err := d.pool.Conn(ctx)
	if err != nil {
		return transaction{}, err
	}
	// SQLite's own patience, the connection's busy_timeout, looks ever more seldom and
	// so can starve beside a busy program: begin to wait afresh until the time is up.
	for {
		_, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE")
		if err == nil {
			break
		}
		if !isBusy(err) || !pause(ctx, busyPause) {
			_ = conn.Close()
			return transaction{}, err
		}
	}
	// Not under ctx: an interrupted COMMIT could not be told from one that failed.
	bare := context.WithoutCancel(ctx)
	rollback := func() error {
		defer conn.Close()
		_, err := conn.ExecContext(bare, "ROLLBACK")
		if err != nil && !strings.Contains(err.Error(), "no transaction is active") {
			// The pool must not hand out a connection in an unknown state.
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
		return err
	}
	commit := func() error {
		_, err := conn.ExecContext(bare, "COMMIT")
		if err != nil {
			_ = rollback()
			return err
		}
		return conn.Close()
	}
	return transaction{runner: conn, commit: commit, rollback: rollback}, nil
}

type insideKey struct{}

// busyPause is how long a writer stays away that found the database busy.
const busyPause = 2 * time.Millisecond

// pause waits, and reports false where the context ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// InTx runs fn in a transaction of the database that holds the store, for work
// that joins the caller's own rows with [Inbox.AppendTx], [Inbox.CompleteTx] and
// [Steps.RecordTx]. It commits where fn returns nil. The transaction is bounded by
// Config.TxTimeout.
//
// Under fn's context a far effect is refused, since its key has to be committed
// before the first byte leaves, and so is every other write of this store.
func (d *DB) InTx(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	begin := func(ctx context.Context) (transaction, error) {
		tx, err := d.pool.BeginTx(ctx, nil)
		if err != nil {
			return transaction{}, err
		}
		return transaction{runner: tx, commit: tx.Commit, rollback: tx.Rollback}, nil
	}
	var own error // fn's, to be returned as it is
	err := d.bounded(ctx, "run in transaction", begin, func(ctx context.Context, t transaction) error {
		if _, err := d.enterTx(ctx, t.runner, true); err != nil {
			return err
		}
		own = fn(context.WithValue(idempotency.InTx(ctx), insideKey{}, true), t.runner.(*sql.Tx))
		return own
	})
	if own != nil {
		return own
	}
	return err
}

// single runs one statement that is a transaction by itself. Where writers take
// turns it takes one.
func (d *DB) single(ctx context.Context, op, text string, args ...any) (n int64, err error) {
	if d.oneTurn {
		err = d.write(ctx, op, func(ctx context.Context, s *session) (err error) {
			n, err = s.exec(ctx, text, args...)
			return err
		})
		return n, err
	}
	err = d.alone(ctx, op, func(ctx context.Context, s *session) (err error) {
		n, err = s.exec(ctx, text, args...)
		return err
	})
	return n, err
}

// alone bounds one statement that is a transaction by itself; it may be run again.
func (d *DB) alone(ctx context.Context, op string, statement func(context.Context, *session) error) error {
	if err := d.outside(ctx, op); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, d.txTimeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return fail(op, commerce.NotSent, err)
	}
	return again(ctx, func() error {
		if err := statement(ctx, &session{DB: d, runner: d.pool}); err != nil {
			return fail(op, statementOutcome(err), err)
		}
		return nil
	})
}

// outside refuses a context that is inside a transaction of the caller's.
func (d *DB) outside(ctx context.Context, op string) error {
	if ctx.Value(insideKey{}) == nil {
		return nil
	}
	return fail(op, commerce.NotSent, refusal(commerce.KindInvalid, "in_transaction",
		"the context is inside a transaction of the caller's, which this would wait for; use the form that ends in Tx"))
}

// read bounds a read and gives it a session on the pool.
func (d *DB) read(ctx context.Context, op string, fn func(context.Context, *session) error) error {
	ctx, cancel := context.WithTimeout(ctx, d.txTimeout)
	defer cancel()
	if err := fn(ctx, &session{DB: d, runner: d.pool}); err != nil {
		return fail(op, "", err)
	}
	return nil
}

func (s *session) exec(ctx context.Context, text string, args ...any) (int64, error) {
	text, args = s.say(text, args)
	res, err := s.runner.ExecContext(ctx, text, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (s *session) row(ctx context.Context, text string, args ...any) *sql.Row {
	text, args = s.say(text, args)
	return s.runner.QueryRowContext(ctx, text, args...)
}

// each calls scan for every row of a query.
func (s *session) each(ctx context.Context, scan func(*sql.Rows) error, text string, args ...any) error {
	text, args = s.say(text, args)
	rows, err := s.runner.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// column is one column of many rows.
type column struct {
	name   string
	values any // []string, []int64 or [][]byte, of one length; or an expression
}

// keeping ends an INSERT that leaves rows as they are which are there already; key is
// one of their columns. MySQL's INSERT IGNORE would also cut texts that are too long.
func (p *pieces) keeping(key string) string {
	if p.keys {
		return " ON DUPLICATE KEY UPDATE " + key + " = " + key
	}
	return " ON CONFLICT DO NOTHING"
}

// replacing ends an INSERT that gives rows with the same key these columns' new values.
func (p *pieces) replacing(key string, columns ...string) string {
	head, form := " ON CONFLICT ("+key+") DO UPDATE SET ", "%[1]s = excluded.%[1]s"
	if p.keys {
		head, form = " ON DUPLICATE KEY UPDATE ", "%[1]s = VALUES(%[1]s)"
	}
	set := make([]string, len(columns))
	for i, c := range columns {
		set[i] = fmt.Sprintf(form, c)
	}
	return head + strings.Join(set, ", ")
}

// expression is SQL for a column of insertArrays.
type expression string

// insert adds many rows with one statement and returns how many were added or
// changed; conflict says what becomes of rows that are there already.
func (s *session) insert(ctx context.Context, table, conflict string, columns ...column) (int64, error) {
	if s.arrays {
		text, args := insertArrays(table, "", columns)
		return s.exec(ctx, text+conflict, args...)
	}
	lists := make([][]any, len(columns))
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i], lists[i] = c.name, anys(c.values)
	}
	one := "(?" + strings.Repeat(",?", len(columns)-1) + ")"
	rows := len(lists[0])
	args := make([]any, 0, rows*len(lists))
	for r := range rows {
		for _, l := range lists {
			args = append(args, l[r])
		}
	}
	return s.exec(ctx, "INSERT INTO "+table+" ("+strings.Join(names, ", ")+") VALUES "+
		one+strings.Repeat(","+one, rows-1)+conflict, args...)
}

// insertArrays adds rows that travel as one array a column. The events of a batch
// are numbered in its order and written in the order of their identity, in which
// two writers can not lock each other out. where restricts the rows.
func insertArrays(table, where string, columns []column) (string, []any) {
	var names, arrays, values, from []string
	var args []any
	for _, c := range columns {
		names = append(names, c.name)
		if e, ok := c.values.(expression); ok {
			values = append(values, string(e)+" AS "+c.name)
			continue
		}
		values, arrays = append(values, "u."+c.name), append(arrays, c.name)
		from, args = append(from, "?"+arrayType(c.values)), append(args, c.values)
	}
	list := strings.Join(names, ", ")
	rows := strings.Join(values, ", ") + " FROM unnest(" + strings.Join(from, ", ") + ") AS u(" + strings.Join(arrays, ", ") + ")" + where
	if table != "{events}" {
		return "INSERT INTO " + table + " (" + list + ") SELECT " + rows, args
	}
	return "INSERT INTO {events} (seq, " + list + ") SELECT n.* FROM (SELECT nextval('{events}_seq_seq'), " +
		rows + ") n ORDER BY n.ref", args
}

// arrayType is PostgreSQL's type of a list.
func arrayType(values any) string {
	switch values.(type) {
	case []int64:
		return "::bigint[]"
	case [][]byte:
		return "::bytea[]"
	}
	return "::text[]"
}
