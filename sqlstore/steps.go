package sqlstore

import (
	"context"
	"database/sql"
	"iter"
	"slices"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
)

// Steps keeps operations: it is an [idempotency.Store]. Beginning a far effect
// never joins a transaction of the caller's; see [Steps.RecordTx] for local ones.
type Steps struct{ db *DB }

var _ idempotency.Store = (*Steps)(nil)

// Steps returns the store of operations.
func (d *DB) Steps() *Steps { return &Steps{d} }

const recordColumns = `name, state, class, fingerprint, generation, token, attempts, created, started, until, settle,
	finished, result`

// record is an operation with the time of its last change.
type record struct {
	idempotency.Record
	changed int64
}

func scanRecord(scan func(...any) error, more ...any) (idempotency.Record, error) {
	var r idempotency.Record
	var created, started, until, settle, finished int64
	err := scan(append([]any{&r.Key, &r.State, &r.Class, &r.Fingerprint, &r.Generation, &r.Token, &r.Attempts,
		&created, &started, &until, &settle, &finished, &r.Result}, more...)...)
	r.Created, r.Started, r.Until, r.Finished = moment(created), moment(started), moment(until), moment(finished)
	r.Settle = time.Duration(settle) * time.Microsecond
	return r, err
}

// Begin implements [idempotency.Store].
func (st *Steps) Begin(ctx context.Context, r idempotency.BeginRequest) (idempotency.Grant, error) {
	op := "begin " + r.Key
	if err := texts("the key", r.Key, "the fingerprint", r.Fingerprint); err != nil {
		return idempotency.Grant{}, fail("begin", commerce.NotSent, err)
	}
	// Who is told to stay away, or what is done, needs no lock: however many want a key,
	// its holder does not wait behind them.
	rec, now, err := st.look(ctx, op, r.Key)
	var g idempotency.Grant
	if err == nil {
		g, err := idempotency.Decide(rec, r, now)
		if rec.State == idempotency.Done || err == nil && !g.Acquired {
			return g, err
		}
	}
	for known := err == nil; ; {
		found := false
		err = st.db.write(ctx, op, func(ctx context.Context, s *session) (err error) {
			// Mostly the key is new: then one statement begins it.
			if !known {
				rec := idempotency.Record{Key: r.Key, State: idempotency.NotSent, Created: moment(s.now)}
				if g, err = idempotency.Decide(rec, r, moment(s.now)); err != nil {
					return err
				}
				fresh, err := s.add(ctx, g.Record)
				if found = err == nil && !fresh; err != nil || fresh {
					return err
				}
				if s.keys {
					// MySQL has locked the row that is there, for reading: of two who go on to
					// write it each would wait for the other.
					return idempotency.LostRight(r.Key)
				}
			}
			if rec, err = s.operation(ctx, r.Key); err != nil {
				return err
			}
			if g, err = idempotency.Decide(rec, r, moment(s.now)); err != nil || !g.Acquired {
				return err
			}
			return s.update(ctx, g.Record)
		})
		if known || !found || !st.db.keys {
			break
		}
		known = true
	}
	if _, ok := err.(*idempotency.FingerprintError); ok {
		return g, err
	}
	if err != nil {
		return idempotency.Grant{}, err
	}
	return g, nil
}

// operation locks and returns a record.
func (s *session) operation(ctx context.Context, key string) (idempotency.Record, error) {
	row := s.row(ctx, "SELECT "+recordColumns+" FROM {operations} WHERE name = ?{lock}", key)
	rec, err := scanRecord(row.Scan)
	if err == sql.ErrNoRows {
		return rec, idempotency.NeverBegun(key)
	}
	return rec, err
}

// add adds a record, and reports false where its key is there already. MySQL can not
// count what it added, but ends a transaction for nothing less than a deadlock.
func (s *session) add(ctx context.Context, r idempotency.Record) (bool, error) {
	conflict := ""
	if !s.keys {
		conflict = s.keeping("name")
	}
	n, err := s.exec(ctx, "INSERT INTO {operations} ("+recordColumns+`, changed)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`+conflict,
		r.Key, string(r.State), string(r.Class), r.Fingerprint, r.Generation, r.Token, r.Attempts, micros(r.Created),
		micros(r.Started), micros(r.Until), r.Settle.Microseconds(), micros(r.Finished), r.Result, s.now)
	if s.keys && isThere(err) {
		return false, nil
	}
	return n == 1, err
}

func (s *session) update(ctx context.Context, r idempotency.Record) error {
	_, err := s.exec(ctx, `UPDATE {operations} SET state = ?, class = ?, fingerprint = ?, generation = ?, token = ?,
		attempts = ?, started = ?, until = ?, settle = ?, finished = ?, result = ?, changed = ? WHERE name = ?`,
		string(r.State), string(r.Class), r.Fingerprint, r.Generation, r.Token, r.Attempts, micros(r.Started), micros(r.Until),
		r.Settle.Microseconds(), micros(r.Finished), r.Result, s.now, r.Key)
	return err
}

// held locks and returns the open record of a key under its token.
func (s *session) held(ctx context.Context, key string, token int64) (idempotency.Record, error) {
	rec, err := s.operation(ctx, key)
	if commerce.KindOf(err) == commerce.KindNotFound || err == nil && (rec.Token != token || rec.State != idempotency.Open) {
		return rec, idempotency.LostRight(key)
	}
	return rec, err
}

// Restart implements [idempotency.Store].
func (st *Steps) Restart(ctx context.Context, key string, token int64, r idempotency.BeginRequest) (idempotency.Record, error) {
	var rec idempotency.Record
	if err := texts("the fingerprint", r.Fingerprint); err != nil {
		return rec, fail("restart", commerce.NotSent, err)
	}
	err := st.db.write(ctx, "restart "+key, func(ctx context.Context, s *session) (err error) {
		if rec, err = s.held(ctx, key, token); err != nil {
			return err
		}
		rec.Started, rec.Settle, rec.Class = moment(s.now), r.Settle, r.Class
		if r.Fingerprint != "" {
			rec.Fingerprint = r.Fingerprint
		}
		return s.update(ctx, rec)
	})
	return rec, err
}

// End implements [idempotency.Store].
func (st *Steps) End(ctx context.Context, key string, token int64, state idempotency.State, result []byte) error {
	op := "end " + key
	now, args := st.db.at(1)
	set, args := "changed = "+now+", state = ?", append(args, string(state))
	if state == idempotency.Done {
		at, more := st.db.at(1)
		set, args = set+", result = ?, finished = "+at, slices.Concat(args, []any{result}, more)
	}
	n, err := st.db.single(ctx, op, "UPDATE {operations} SET "+set+" WHERE name = ? AND token = ? AND state = 'open'{safely}",
		append(args, key, token)...)
	if err != nil || n == 1 {
		return err
	}
	// Said before, or lost, or refused for the database's settings: look closely.
	return st.db.write(ctx, op, func(ctx context.Context, s *session) error {
		rec, err := s.held(ctx, key, token)
		if rec.State == idempotency.Done && rec.Token == token && state == idempotency.Done {
			return nil
		}
		if err != nil {
			return err
		}
		rec.State = state
		if state == idempotency.Done {
			rec.Result, rec.Finished = result, moment(s.now)
		}
		return s.update(ctx, rec)
	})
}

// Settle implements [idempotency.Store].
func (st *Steps) Settle(ctx context.Context, key string, result []byte) (idempotency.Record, error) {
	var rec idempotency.Record
	err := st.db.write(ctx, "settle "+key, func(ctx context.Context, s *session) (err error) {
		if rec, err = s.operation(ctx, key); err != nil || rec.State == idempotency.Done {
			return err
		}
		rec.State, rec.Result, rec.Finished = idempotency.Done, result, moment(s.now)
		rec.Token++
		return s.update(ctx, rec)
	})
	return rec, err
}

// RecordTx records a local effect as done inside the caller's transaction, so that
// effect and record are committed together or not at all. A key that is done
// already keeps its result and makes first false: the caller's effect is a second
// one, and the transaction should be rolled back. The effect must be in the
// database of tx alone; a far effect goes through idempotency.Ensure.
func (st *Steps) RecordTx(ctx context.Context, tx *sql.Tx, key, fingerprint string, result []byte) (rec idempotency.Record, first bool, err error) {
	op := "record " + key
	if err := texts("the key", key, "the fingerprint", fingerprint); err != nil {
		return rec, false, fail("record", commerce.NotSent, err)
	}
	s, err := st.db.enterTx(ctx, tx, false)
	if err != nil {
		return rec, false, fail(op, commerce.NotSent, err)
	}
	now := moment(s.now)
	rec = idempotency.Record{Key: key, State: idempotency.Done, Class: idempotency.Keyed, Fingerprint: fingerprint,
		Token: 1, Attempts: 1, Created: now, Started: now, Finished: now, Result: result}
	first, err = s.add(ctx, rec)
	if err != nil {
		return rec, false, fail(op, commerce.NotSent, err)
	}
	if first {
		return rec, true, nil
	}
	if rec, err = s.operation(ctx, key); err != nil {
		return rec, false, fail(op, commerce.NotSent, err)
	}
	switch {
	case rec.Fingerprint != "" && fingerprint != "" && rec.Fingerprint != fingerprint:
		return rec, false, &idempotency.FingerprintError{Key: key, State: rec.State}
	case rec.State != idempotency.Done:
		return rec, false, fail(op, commerce.NotSent, idempotency.LostRight(key)) // begun as a far effect
	}
	return rec, false, nil
}

// Get implements [idempotency.Store].
func (st *Steps) Get(ctx context.Context, key string) (idempotency.Record, error) {
	rec, _, err := st.look(ctx, "get "+key, key)
	return rec, err
}

// look reads a record and the clock.
func (st *Steps) look(ctx context.Context, op, key string) (rec idempotency.Record, now time.Time, err error) {
	err = st.db.read(ctx, op, func(ctx context.Context, s *session) (err error) {
		var at int64
		clock, args := s.at(1)
		row := s.row(ctx, "SELECT "+recordColumns+", "+clock+" FROM {operations} WHERE name = ?", append(args, key)...)
		rec, err = scanRecord(row.Scan, &at)
		now = moment(at)
		if err == sql.ErrNoRows {
			return idempotency.NeverBegun(key)
		}
		return err
	})
	return rec, now, err
}

// List implements [idempotency.Store].
func (st *Steps) List(ctx context.Context, prefix string, since time.Time) iter.Seq2[idempotency.Record, error] {
	found := pages("list operations", st.db, ctx, func(ctx context.Context, s *session, last *record) ([]record, error) {
		where, args := "changed >= ?", []any{micros(since)}
		if last != nil {
			where, args = "(changed > ? OR changed = ? AND name > ?)", []any{last.changed, last.changed, last.Key}
		}
		if prefix != "" {
			// The last code point ends every key that begins so: text is in byte order.
			where, args = where+" AND name >= ? AND name < ?", append(args, prefix, prefix+"\U0010FFFF")
		}
		var page []record
		err := s.each(ctx, func(rows *sql.Rows) (err error) {
			var r record
			r.Record, err = scanRecord(rows.Scan, &r.changed)
			page = append(page, r)
			return err
		}, "SELECT "+recordColumns+", changed FROM {operations} WHERE "+where+" ORDER BY changed, name LIMIT ?",
			append(args, pageRows)...)
		return page, err
	})
	return func(yield func(idempotency.Record, error) bool) {
		for r, err := range found {
			if !yield(r.Record, err) {
				return
			}
		}
	}
}
