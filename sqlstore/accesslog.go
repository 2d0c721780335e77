package sqlstore

import (
	"context"
	"database/sql"
	"iter"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/vault"
)

// AccessLog keeps who used which credential: it is a [vault.AccessStore]. Its table is
// only added to.
type AccessLog struct{ db *DB }

var _ vault.AccessStore = (*AccessLog)(nil)

// AccessLog returns the store of the access log.
func (d *DB) AccessLog() *AccessLog { return &AccessLog{d} }

const accessColumns = "seq, at, actor, purpose, verb, owner, name, version, outcome, chain"

func scanAccess(scan func(...any) error) (vault.Access, error) {
	var a vault.Access
	var at int64
	var owner string
	err := scan(&a.Seq, &at, &a.Actor, &a.Purpose, &a.Verb, &owner, &a.Name, &a.Version, &a.Outcome, &a.Sum)
	if err != nil {
		return a, err
	}
	a.At = moment(at)
	a.Owner, err = commerce.ParseRef(owner)
	return a, err
}

// Append implements [vault.AccessStore].
func (l *AccessLog) Append(ctx context.Context, a vault.Access) error {
	const op = "append to access log"
	owner := a.Owner.String()
	if err := texts("the actor", a.Actor, "the purpose", a.Purpose, "the owner", owner, "the name", a.Name); err != nil {
		return fail(op, commerce.NotSent, err)
	}
	return decided(l.db.write(ctx, op, func(ctx context.Context, s *session) error {
		conflict := ""
		if !s.keys {
			conflict = s.keeping("seq")
		}
		n, err := s.exec(ctx, "INSERT INTO {accesses} ("+accessColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"+conflict,
			a.Seq, micros(a.At), a.Actor, a.Purpose, string(a.Verb), owner, a.Name, a.Version, a.Outcome, a.Sum)
		if s.keys && isThere(err) || err == nil && n == 0 {
			return refusal(commerce.KindConflict, lineTaken, "there is a line %d already", a.Seq)
		}
		return err
	}))
}

// Last implements [vault.AccessStore].
func (l *AccessLog) Last(ctx context.Context) (vault.Access, error) {
	var a vault.Access
	err := l.db.read(ctx, "read access log", func(ctx context.Context, s *session) (err error) {
		a, err = scanAccess(s.row(ctx, "SELECT "+accessColumns+" FROM {accesses} ORDER BY seq DESC LIMIT 1").Scan)
		if err == sql.ErrNoRows {
			return nil
		}
		return err
	})
	return a, err
}

// Lines implements [vault.AccessStore].
func (l *AccessLog) Lines(ctx context.Context, after int64) iter.Seq2[vault.Access, error] {
	return pages("read access log", l.db, ctx, func(ctx context.Context, s *session, last *vault.Access) ([]vault.Access, error) {
		from := after
		if last != nil {
			from = last.Seq
		}
		var page []vault.Access
		err := s.each(ctx, func(rows *sql.Rows) error {
			a, err := scanAccess(rows.Scan)
			page = append(page, a)
			return err
		}, "SELECT "+accessColumns+" FROM {accesses} WHERE seq > ? ORDER BY seq LIMIT ?", from, pageRows)
		return page, err
	})
}
