package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

// hold locks the row of a lease that still holds, until the transaction ends.
func (s *session) hold(ctx context.Context, l inbox.Lease) error {
	var token, until int64
	err := s.row(ctx, "SELECT token, until FROM {leases} WHERE root = ?{lock}", l.Root).Scan(&token, &until)
	switch {
	case err == sql.ErrNoRows, err == nil && (token != l.Token || until <= s.now):
		return lostLease()
	}
	return err
}

func lostLease() error {
	return refusal(commerce.KindConflict, "lost_lease", "the lease was lost")
}

func isLost(err error) bool {
	e, ok := err.(*commerce.Error)
	return ok && e.Code == "lost_lease"
}

// free ends a lease whose row is locked.
func (s *session) free(ctx context.Context, root string) error {
	_, err := s.exec(ctx, "UPDATE {leases} SET until = 0 WHERE root = ?", root)
	return err
}

// Extend implements [inbox.Store].
func (in *Inbox) Extend(ctx context.Context, l inbox.Lease, d time.Duration) error {
	return in.db.write(ctx, "extend lease", func(ctx context.Context, s *session) error {
		n, err := s.exec(ctx, "UPDATE {leases} SET until = ? WHERE root = ? AND token = ? AND until > ?",
			s.now+d.Microseconds(), l.Root, l.Token, s.now)
		if err == nil && n == 0 {
			return lostLease()
		}
		return err
	})
}

// Release implements [inbox.Store]. It is not made durable where the database lets
// one choose: a release that a power cut takes back ends with the lease.
func (in *Inbox) Release(ctx context.Context, l inbox.Lease) error {
	_, err := in.db.single(ctx, "release lease", "UPDATE {leases} SET until = 0 WHERE root = ? AND token = ?{lazily}", l.Root, l.Token)
	return err
}

// Link implements [inbox.Store].
func (in *Inbox) Link(ctx context.Context, l inbox.Lease, subject, root string, d time.Duration) (inbox.Lease, error) {
	const op = "link"
	if d <= 0 {
		return inbox.Lease{}, fail(op, commerce.NotSent, refusal(commerce.KindInvalid, "", "the lease must be positive"))
	}
	if err := texts("the subject", subject, "the root", root); err != nil {
		return inbox.Lease{}, fail(op, commerce.NotSent, err)
	}
	var lease inbox.Lease
	err := in.db.write(ctx, op, func(ctx context.Context, s *session) (err error) {
		lease, err = s.link(ctx, l, subject, root, d)
		return err
	})
	if err != nil {
		return inbox.Lease{}, err
	}
	return lease, nil
}

func (s *session) link(ctx context.Context, l inbox.Lease, subject, root string, d time.Duration) (inbox.Lease, error) {
	if err := s.hold(ctx, l); err != nil {
		return inbox.Lease{}, err
	}
	at, err := s.rootOf(ctx, subject)
	if err != nil {
		return inbox.Lease{}, err
	}
	switch {
	case at != l.Root:
		return inbox.Lease{}, refusal(commerce.KindConflict, "lost_lease", "the lease is not the subject's")
	case l.Root == root:
		return l, nil
	case l.Root != subject:
		return inbox.Lease{}, ambiguous("the subject is linked to another root already")
	}
	var free struct{ token, until int64 }
	var linked, others int
	take := func() error {
		return s.row(ctx, "SELECT token, until FROM {leases} WHERE root = ?{skip}", root).Scan(&free.token, &free.until)
	}
	if err = take(); err == sql.ErrNoRows {
		// Held by another transaction, or not there yet.
		err = s.row(ctx, "SELECT COUNT(*) FROM {leases} WHERE root = ?", root).Scan(&others)
		if err == nil && others == 0 {
			err = s.addLeases(ctx, []string{root})
		}
		if err == nil {
			err = take()
		}
	}
	if err == sql.ErrNoRows {
		return inbox.Lease{}, held(0)
	}
	if err != nil {
		return inbox.Lease{}, err
	}
	// Under both rows, so that no other link can make a chain meanwhile.
	err = s.row(ctx, "SELECT (SELECT COUNT(*) FROM {links} WHERE subject = ?), (SELECT COUNT(*) FROM {links} WHERE root = ?)",
		root, subject).Scan(&linked, &others)
	switch {
	case err != nil:
		return inbox.Lease{}, err
	case linked > 0:
		return inbox.Lease{}, ambiguous("the root is itself linked to another")
	case others > 0:
		return inbox.Lease{}, ambiguous("others are linked to the subject")
	case free.until > s.now:
		return inbox.Lease{}, held(time.Duration(free.until-s.now) * time.Microsecond)
	}
	_, err = s.exec(ctx, `INSERT INTO {links} (subject, root, ordinal)
		SELECT ?, ?, COALESCE(MAX(ordinal), 0) + 1 FROM {links} WHERE root = ?`, subject, root, root)
	if err != nil {
		return inbox.Lease{}, err
	}
	if err = s.free(ctx, l.Root); err != nil {
		return inbox.Lease{}, err
	}
	_, err = s.exec(ctx, "UPDATE {leases} SET token = token + 1, owner = ?, until = ? WHERE root = ?",
		l.Owner, s.now+d.Microseconds(), root)
	return inbox.Lease{Root: root, Token: free.token + 1, Owner: l.Owner, For: d}, err
}

func ambiguous(why string) error {
	return refusal(commerce.KindNeedsDecision, "ambiguous_link", "%s", why)
}

func held(left time.Duration) error {
	e := refusal(commerce.KindParked, "held", "another worker holds the root")
	e.RetryAfter = left
	return e
}

// rootOf returns what a subject is linked to; the subject itself where it is not.
func (s *session) rootOf(ctx context.Context, subject string) (string, error) {
	var root string
	err := s.row(ctx, "SELECT root FROM {links} WHERE subject = ?", subject).Scan(&root)
	if err == sql.ErrNoRows {
		return subject, nil
	}
	return root, err
}

// Subjects implements [inbox.Store].
func (in *Inbox) Subjects(ctx context.Context, root string) ([]string, error) {
	var out []string
	err := in.db.read(ctx, "list subjects", func(ctx context.Context, s *session) error {
		return s.each(ctx, func(rows *sql.Rows) error {
			var subject string
			err := rows.Scan(&subject)
			out = append(out, subject)
			return err
		}, "SELECT subject FROM {links} WHERE root = ? ORDER BY ordinal", root)
	})
	return out, err
}
