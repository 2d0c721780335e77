package sqlstore

import (
	"context"
	"database/sql"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

// Replay implements [inbox.Store].
func (in *Inbox) Replay(ctx context.Context, seq int64, by inbox.Act, overlay commerce.Overlay) error {
	const op = "replay"
	text, err := overlayText(overlay)
	if err != nil {
		return fail(op, commerce.NotSent, err)
	}
	return in.db.write(ctx, op, func(ctx context.Context, s *session) error {
		n, err := s.exec(ctx, `UPDATE {queue} SET state = 'ready', repair = 0, due = ?, ended = 0, attempts = 0, starts = 0,
			generation = generation + 1, reason = '', code = '', handler = '' WHERE seq = ? AND state = 'dead'`, s.now, seq)
		if err != nil {
			return err
		}
		if n == 0 {
			// An ignored event is over: it goes back to what is open. Its row is taken
			// first, so that nobody prunes it meanwhile.
			err := s.row(ctx, "SELECT seq FROM {ended} WHERE seq = ? AND state = 'ignored'{lock}", seq).Scan(new(int64))
			if err == sql.ErrNoRows {
				return s.wrongState(ctx, seq, "neither dead nor ignored")
			}
			if err != nil {
				return err
			}
			_, err = s.exec(ctx, `INSERT INTO {queue}
				(seq, tenant, subject, created, repair, state, due, attempts, starts, generation, ended, reason, code, handler)
				SELECT e.seq, e.tenant, e.subject, e.created, 0, 'ready', ?, 0, 0, d.generation + 1, 0, '', '', ''
				FROM {ended} d JOIN {events} e ON e.seq = d.seq WHERE d.seq = ?`, s.now, seq)
			if err != nil {
				return err
			}
			if _, err = s.exec(ctx, "DELETE FROM {ended} WHERE seq = ?", seq); err != nil {
				return err
			}
		}
		var blank bool
		if err := s.row(ctx, "SELECT blank FROM {events} WHERE seq = ?", seq).Scan(&blank); err != nil {
			return err
		}
		if blank {
			return refusal(commerce.KindConflict, "blank", "the raw bytes of event %d are gone: pruned or erased", seq)
		}
		_, err = s.exec(ctx, `INSERT INTO {acts} (seq, generation, at, actor, verb, reason, overlay)
			SELECT seq, generation, ?, ?, 'replay', ?, ? FROM {queue} WHERE seq = ?`,
			s.now, clean(by.Actor), clean(by.Reason), text, seq)
		return err
	})
}

// Discard implements [inbox.Store].
func (in *Inbox) Discard(ctx context.Context, seq int64, by inbox.Act) error {
	return in.db.write(ctx, "discard", func(ctx context.Context, s *session) error {
		// The update locks the row, so that of two people one comes first.
		n, err := s.exec(ctx, "UPDATE {queue} SET starts = 0 WHERE seq = ? AND state = 'dead'", seq)
		if err != nil {
			return err
		}
		if n == 0 {
			return s.wrongState(ctx, seq, "not dead")
		}
		_, err = s.exec(ctx, `INSERT INTO {ended} (seq, state, attempts, generation, ended, reason, code, handler)
			SELECT seq, 'discarded', attempts, generation, ?, reason, code, handler FROM {queue} WHERE seq = ?`, s.now, seq)
		if err != nil {
			return err
		}
		_, err = s.exec(ctx, `INSERT INTO {acts} (seq, generation, at, actor, verb, reason, overlay)
			SELECT seq, generation + 1, ?, ?, 'discard', ?, '' FROM {queue} WHERE seq = ?`,
			s.now, clean(by.Actor), clean(by.Reason), seq)
		if err != nil {
			return err
		}
		_, err = s.exec(ctx, "DELETE FROM {queue} WHERE seq = ?", seq)
		return err
	})
}

func (s *session) wrongState(ctx context.Context, seq int64, wanted string) error {
	var state string
	err := s.row(ctx, `SELECT COALESCE(q.state, d.state, '') FROM {events} e LEFT JOIN {queue} q ON q.seq = e.seq
		LEFT JOIN {ended} d ON d.seq = e.seq WHERE e.seq = ?`, seq).Scan(&state)
	if err == sql.ErrNoRows {
		return noEvent(seq)
	}
	if err != nil {
		return err
	}
	return refusal(commerce.KindConflict, "state", "event %d is %s, %s", seq, state, wanted)
}
