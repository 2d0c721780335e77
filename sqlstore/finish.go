package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

// Finish implements [inbox.Store].
func (in *Inbox) Finish(ctx context.Context, l inbox.Lease, endings []inbox.Ending) error {
	const op = "finish"
	for _, e := range endings {
		if err := checkEnding(e); err != nil {
			return fail(op, commerce.NotSent, err)
		}
	}
	if done, err := in.db.finishAtOnce(ctx, op, l, endings); done || err != nil {
		return err
	}
	return in.db.write(ctx, op, func(ctx context.Context, s *session) error {
		return s.finish(ctx, l, endings)
	})
}

func checkEnding(e inbox.Ending) error {
	switch e.State {
	case inbox.Done, inbox.Ignored, inbox.Dead, inbox.Parked:
	default:
		return refusal(commerce.KindInvalid, "", "an event can not end as %q", e.State)
	}
	for _, ev := range e.Emit {
		if err := checkEvent(ev); err != nil {
			return err
		}
	}
	return nil
}

// open is a row of the queue that an ending is about.
type open struct {
	generation, starts, attempts int64
	root                         string
}

// inHand reports that an ending's event is of its generation and at work.
func inHand(rows map[int64]*open, e inbox.Ending) bool {
	row, ok := rows[e.Seq]
	return ok && row.generation == e.Generation && row.starts > 0
}

// releases reports that endings give the lease back.
func releases(endings []inbox.Ending) bool {
	return slices.ContainsFunc(endings, func(e inbox.Ending) bool { return e.Release })
}

func (s *session) finish(ctx context.Context, l inbox.Lease, endings []inbox.Ending) error {
	lost := s.hold(ctx, l)
	release := releases(endings)
	if lost != nil && !(release && isLost(lost)) || len(endings) == 0 {
		return lost
	}
	seqs := make([]int64, len(endings))
	for i, e := range endings {
		seqs[i] = e.Seq
	}
	slices.Sort(seqs)
	seqs = slices.Compact(seqs)
	rows, err := s.openRows(ctx, seqs)
	if err != nil {
		return err
	}
	if lost != nil {
		if slices.ContainsFunc(endings, func(e inbox.Ending) bool { return inHand(rows, e) }) {
			return lost
		}
		return nil // said before, and the lease given back with it
	}
	if err := s.belong(ctx, l, seqs, rows); err != nil {
		return err
	}
	if release {
		if err := s.free(ctx, l.Root); err != nil {
			return err
		}
	}
	var over []inbox.Ending
	var emit []commerce.Event
	for _, e := range endings {
		if !inHand(rows, e) {
			continue // ended already, or opened again since it was claimed
		}
		row := rows[e.Seq]
		row.starts = 0 // a second ending of the same event is dropped
		emit = append(emit, e.Emit...)
		switch e.State {
		case inbox.Done, inbox.Ignored:
			over = append(over, e)
			continue
		case inbox.Parked:
			if e.Burn {
				row.attempts++
			}
			_, err = s.exec(ctx, `UPDATE {queue} SET state = 'parked', due = ?, attempts = ?, starts = 0,
				reason = ?, code = ?, handler = ? WHERE seq = ?`,
				s.now+atLeast(e.Wait), row.attempts, clean(e.Reason), clean(e.Code), clean(e.Handler), e.Seq)
		case inbox.Dead:
			_, err = s.exec(ctx, `UPDATE {queue} SET state = 'dead', due = NULL, ended = ?, starts = 0,
				reason = ?, code = ?, handler = ? WHERE seq = ?`,
				s.now, clean(e.Reason), clean(e.Code), clean(e.Handler), e.Seq)
		}
		if err != nil {
			return err
		}
	}
	return s.settle(ctx, over, emit, rows)
}

// openRows locks and returns the rows that are not ended.
func (s *session) openRows(ctx context.Context, seqs []int64) (map[int64]*open, error) {
	out := make(map[int64]*open, len(seqs))
	return out, s.each(ctx, func(rows *sql.Rows) error {
		var seq int64
		o := &open{}
		if err := rows.Scan(&seq, &o.generation, &o.starts, &o.attempts, &o.root); err != nil {
			return err
		}
		out[seq] = o
		return nil
	}, `SELECT q.seq, q.generation, q.starts, q.attempts,
		COALESCE((SELECT l.root FROM {links} l WHERE l.subject = q.subject), q.subject)
		FROM {queue} q WHERE q.seq = ANY ? ORDER BY q.seq{lock}`, seqs)
}

// belong checks that every event is there and is of the leased root.
func (s *session) belong(ctx context.Context, l inbox.Lease, seqs []int64, rows map[int64]*open) error {
	roots := map[int64]string{}
	var closed []int64
	for _, seq := range seqs {
		if o, ok := rows[seq]; ok {
			roots[seq] = o.root
		} else {
			closed = append(closed, seq)
		}
	}
	if len(closed) > 0 {
		err := s.each(ctx, func(rows *sql.Rows) error {
			var seq int64
			var root string
			err := rows.Scan(&seq, &root)
			roots[seq] = root
			return err
		}, `SELECT e.seq, COALESCE(l.root, e.subject) FROM {events} e LEFT JOIN {links} l ON l.subject = e.subject
			WHERE e.seq = ANY ?`, closed)
		if err != nil {
			return err
		}
	}
	for _, seq := range seqs {
		root, ok := roots[seq]
		if !ok {
			return noEvent(seq)
		}
		if root != l.Root {
			return refusal(commerce.KindConflict, "lost_lease", "event %d is not of the leased root", seq)
		}
	}
	return nil
}

func noEvent(seq int64) error {
	return refusal(commerce.KindNotFound, "", "no event %d", seq)
}

// end moves rows from what is open to what is over.
func (s *session) end(ctx context.Context, over []inbox.Ending, rows map[int64]*open) error {
	n := len(over)
	if n == 0 {
		return nil
	}
	seq, attempts, generation, ended := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	state, reason, code, handler := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, e := range over {
		row := rows[e.Seq]
		seq[i], attempts[i], generation[i], ended[i] = e.Seq, row.attempts, row.generation, s.now
		state[i], reason[i], code[i], handler[i] = string(e.State), clean(e.Reason), clean(e.Code), clean(e.Handler)
	}
	if _, err := s.exec(ctx, "DELETE FROM {queue} WHERE seq = ANY ?", seq); err != nil {
		return err
	}
	for i := 0; i < n; i += statementRows {
		j := min(n, i+statementRows)
		_, err := s.insert(ctx, "{ended}", "", column{"seq", seq[i:j]}, column{"state", state[i:j]},
			column{"attempts", attempts[i:j]}, column{"generation", generation[i:j]}, column{"ended", ended[i:j]},
			column{"reason", reason[i:j]}, column{"code", code[i:j]}, column{"handler", handler[i:j]})
		if err != nil {
			return err
		}
	}
	return nil
}

var _ inbox.TxCompleter[*sql.Tx] = (*Inbox)(nil)

// CompleteTx implements [inbox.TxCompleter]: the event at hand is done when the
// caller commits tx, and not before.
func (in *Inbox) CompleteTx(ctx context.Context, tx *sql.Tx) error {
	const op = "complete in transaction"
	a, ok := inbox.AttemptOf(ctx)
	if !ok {
		return fail(op, commerce.NotSent, refusal(commerce.KindInvalid, "", "the context carries no event"))
	}
	ending := inbox.Ending{Seq: a.Seq, Generation: a.Generation, State: inbox.Done, Emit: a.Emit}
	if err := checkEnding(ending); err != nil {
		return fail(op, commerce.NotSent, err)
	}
	s, err := in.db.enterTx(ctx, tx, false)
	if err == nil {
		err = s.complete(ctx, a.Lease, ending)
	}
	if err != nil {
		return fail(op, commerce.NotSent, err)
	}
	return nil
}

func (s *session) complete(ctx context.Context, l inbox.Lease, e inbox.Ending) error {
	if err := s.hold(ctx, l); err != nil {
		return err
	}
	rows, err := s.openRows(ctx, []int64{e.Seq})
	if err != nil {
		return err
	}
	if err := s.belong(ctx, l, []int64{e.Seq}, rows); err != nil {
		return err
	}
	row, ok := rows[e.Seq]
	switch {
	case !ok, row.generation == e.Generation && row.starts == 0:
		return refusal(commerce.KindConflict, "ended", "event %d has ended already", e.Seq)
	case row.generation != e.Generation:
		return refusal(commerce.KindConflict, "generation", "event %d is at generation %d, not %d", e.Seq, row.generation, e.Generation)
	}
	return s.settle(ctx, []inbox.Ending{e}, e.Emit, rows)
}

// settle ends events that are over and appends what was emitted.
func (s *session) settle(ctx context.Context, over []inbox.Ending, emit []commerce.Event, rows map[int64]*open) error {
	if err := s.end(ctx, over, rows); err != nil || len(emit) == 0 {
		return err
	}
	_, err := s.append(ctx, inbox.Batch{ID: rand.Text(), Events: emit})
	return err
}
