package sqlstore

import (
	"context"
	"database/sql"
	"math"

	"github.com/commercesync/commerce/inbox"
)

// Prune implements [inbox.Store].
func (in *Inbox) Prune(ctx context.Context, p inbox.PruneRequest) (inbox.Stretch, error) {
	var out inbox.Stretch
	err := in.db.write(ctx, "prune", func(ctx context.Context, s *session) (err error) {
		out, err = s.prune(ctx, p)
		return err
	})
	return out, err
}

func (s *session) prune(ctx context.Context, p inbox.PruneRequest) (inbox.Stretch, error) {
	var out inbox.Stretch
	payloads, events := micros(p.Payloads), micros(p.Events)
	var old, blank []int64
	rows, young := 0, false
	err := s.each(ctx, func(r *sql.Rows) error {
		var seq, created, received, ended int64
		var isBlank bool
		if err := r.Scan(&seq, &created, &received, &ended, &isBlank); err != nil {
			return err
		}
		rows, out.Last = rows+1, seq
		young = received >= max(payloads, events) // numbers follow the time of arrival
		switch {
		case ended == 0:
		case ended < events && created < events:
			old = append(old, seq)
		case ended < payloads && !isBlank:
			blank = append(blank, seq)
		}
		return nil
	}, `SELECT e.seq, e.created, e.received, COALESCE(d.ended, 0), e.blank FROM {events} e
		LEFT JOIN {ended} d ON d.seq = e.seq WHERE e.seq > ? ORDER BY e.seq LIMIT ?`, p.After, max(p.Limit, 1))
	if err != nil {
		return out, err
	}
	if young || rows < max(p.Limit, 1) {
		out.Last = 0
	}
	if blank, err = s.stillEnded(ctx, blank, payloads); err != nil {
		return out, err
	}
	if old, err = s.stillEnded(ctx, old, events); err != nil {
		return out, err
	}
	out.Blank, out.Gone = len(blank), len(old)
	if err := s.blank(ctx, blank); err != nil || len(old) == 0 {
		return out, err
	}
	for _, table := range []string{"{acts}", "{ended}", "{events}"} {
		if _, err := s.exec(ctx, "DELETE FROM "+table+" WHERE seq = ANY ?", old); err != nil {
			return out, err
		}
	}
	return out, nil
}

// stillEnded locks the rows of what ended before, and leaves out what was replayed
// meanwhile, also where it has ended anew.
func (s *session) stillEnded(ctx context.Context, seqs []int64, before int64) ([]int64, error) {
	if len(seqs) == 0 {
		return nil, nil
	}
	var out []int64
	return out, s.each(ctx, func(r *sql.Rows) error {
		var seq int64
		err := r.Scan(&seq)
		out = append(out, seq)
		return err
	}, "SELECT seq FROM {ended} WHERE seq = ANY ? AND ended < ? ORDER BY seq{lock}", seqs, before)
}

// blank removes raw bytes and overlays.
func (s *session) blank(ctx context.Context, seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	_, err := s.exec(ctx, "UPDATE {events} SET raw = ?, overlay = '', blank = 1 WHERE seq = ANY ?", []byte{}, seqs)
	if err == nil {
		_, err = s.exec(ctx, "UPDATE {acts} SET overlay = '' WHERE seq = ANY ?", seqs)
	}
	return err
}

// Erase implements [inbox.Store].
func (in *Inbox) Erase(ctx context.Context, q inbox.EraseRequest) (inbox.Stretch, error) {
	var out inbox.Stretch
	err := in.db.write(ctx, "erase", func(ctx context.Context, s *session) (err error) {
		out, err = s.erase(ctx, q)
		return err
	})
	return out, err
}

func (s *session) erase(ctx context.Context, q inbox.EraseRequest) (inbox.Stretch, error) {
	var out inbox.Stretch
	to := q.After + int64(max(q.Limit, 1))
	var seqs, over, closed []int64
	open := map[int64]inbox.State{}
	err := s.each(ctx, func(r *sql.Rows) error {
		var seq int64
		err := r.Scan(&seq)
		seqs = append(seqs, seq)
		return err
	}, "SELECT seq FROM {events} WHERE seq > ? AND seq <= ? AND tenant = ? AND person = ? AND blank = 0 ORDER BY seq",
		q.After, to, q.Tenant, q.Person)
	if err != nil {
		return out, err
	}
	var last int64
	if err := s.row(ctx, "SELECT COALESCE(MAX(seq), 0) FROM {events}").Scan(&last); err != nil {
		return out, err
	}
	if to < last {
		out.Last = to
	}
	if len(seqs) == 0 {
		return out, nil
	}
	// Under the rows of both, so that nobody replays one meanwhile.
	err = s.each(ctx, func(r *sql.Rows) error {
		var seq int64
		var state inbox.State
		err := r.Scan(&seq, &state)
		open[seq] = state
		return err
	}, "SELECT seq, state FROM {queue} WHERE seq = ANY ? ORDER BY seq{lock}", seqs)
	if err != nil {
		return out, err
	}
	for _, seq := range seqs {
		switch state, isOpen := open[seq]; {
		case !isOpen:
			closed = append(closed, seq)
		case state == inbox.Dead:
			over = append(over, seq)
		}
	}
	if closed, err = s.stillEnded(ctx, closed, math.MaxInt64); err != nil {
		return out, err
	}
	over = append(over, closed...)
	out.Blank, out.InWork = len(over), len(seqs)-len(over)
	return out, s.blank(ctx, over)
}
