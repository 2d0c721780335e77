package sqlstore

import (
	"context"
	"database/sql"
	"net/url"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/vault"
)

// Vault keeps sealed credentials: it is a [vault.Store]. Nothing in its table is secret
// without the keys of the vault.
type Vault struct{ db *DB }

var _ vault.Store = (*Vault)(nil)

// Vault returns the store of sealed credentials.
func (d *DB) Vault() *Vault { return &Vault{d} }

const credentialColumns = "owner, name, version, ring_key, sealed, changed"

func scanCredential(scan func(...any) error) (vault.Record, error) {
	var r vault.Record
	var owner string
	var changed int64
	if err := scan(&owner, &r.Name, &r.Version, &r.Key, &r.Sealed, &changed); err != nil {
		return r, err
	}
	r.Changed = moment(changed)
	var err error
	r.Owner, err = commerce.ParseRef(owner)
	return r, err
}

// Get implements [vault.Store].
func (v *Vault) Get(ctx context.Context, owner commerce.Ref, name string) (vault.Record, error) {
	if err := texts("the owner", owner.String(), "the name", name); err != nil {
		return vault.Record{}, fail("get credential", "", err)
	}
	var r vault.Record
	err := v.db.read(ctx, "get credential", func(ctx context.Context, s *session) (err error) {
		r, err = scanCredential(s.row(ctx, "SELECT "+credentialColumns+" FROM {credentials} WHERE owner = ? AND name = ?", owner.String(), name).Scan)
		if err == sql.ErrNoRows {
			return commerce.Errorf(commerce.KindNotFound, "sqlstore", "get credential", "there is none")
		}
		return err
	})
	return r, err
}

// Put implements [vault.Store].
func (v *Vault) Put(ctx context.Context, r vault.Record, stands int64) error {
	const op = "put credential"
	owner := r.Owner.String()
	if err := texts("the owner", owner, "the name", r.Name, "the key", r.Key); err != nil {
		return fail(op, commerce.NotSent, err)
	}
	return decided(v.db.write(ctx, op, func(ctx context.Context, s *session) error {
		var n int64
		var err error
		if stands == 0 {
			conflict := ""
			if !s.keys {
				conflict = s.keeping("name")
			}
			n, err = s.exec(ctx, "INSERT INTO {credentials} ("+credentialColumns+") VALUES (?, ?, ?, ?, ?, ?)"+conflict,
				owner, r.Name, r.Version, r.Key, r.Sealed, micros(r.Changed))
			if s.keys && isThere(err) {
				n, err = 0, nil
			}
		} else {
			n, err = s.exec(ctx, "UPDATE {credentials} SET version = ?, ring_key = ?, sealed = ?, changed = ? WHERE owner = ? AND name = ? AND version = ?",
				r.Version, r.Key, r.Sealed, micros(r.Changed), owner, r.Name, stands)
		}
		return written(n, err)
	}))
}

// Reseal implements [vault.Store].
func (v *Vault) Reseal(ctx context.Context, r vault.Record, key string) error {
	const op = "reseal credential"
	owner := r.Owner.String()
	if err := texts("the owner", owner, "the name", r.Name, "the key", r.Key+key); err != nil {
		return fail(op, commerce.NotSent, err)
	}
	return decided(v.db.write(ctx, op, func(ctx context.Context, s *session) error {
		return written(s.exec(ctx, "UPDATE {credentials} SET ring_key = ?, sealed = ? WHERE owner = ? AND name = ? AND version = ? AND ring_key = ? AND sealed IS NOT NULL",
			r.Key, r.Sealed, owner, r.Name, r.Version, key))
	}))
}

// written says what it means that no row was there to be written.
func written(n int64, err error) error {
	if err == nil && n == 0 {
		return refusal(commerce.KindConflict, staleVersion, "another version of the credential stands")
	}
	return err
}

// Codes of conflicts that are about what stands.
const (
	staleVersion = "stale_version"
	lineTaken    = "line_taken"
)

// decided tells a conflict about what stands from one about a row's lock, after which the
// same thing may be tried again.
func decided(err error) error {
	e, ok := err.(*commerce.Error)
	if !ok || e.Kind != commerce.KindConflict || e.Code == staleVersion || e.Code == lineTaken {
		return err
	}
	c := *e
	c.Kind = commerce.KindUnavailable
	return &c
}

// List implements [vault.Store].
func (v *Vault) List(ctx context.Context, f vault.Filter, limit int) ([]vault.Record, error) {
	where, args := []string{"sealed IS NOT NULL"}, []any{}
	and := func(condition string, values ...any) {
		where, args = append(where, condition), append(args, values...)
	}
	if f.Tenant != nil {
		// An owner begins with its tenant and "/", after which comes "0".
		tenant := url.PathEscape(*f.Tenant)
		and("owner >= ? AND owner < ?", tenant+"/", tenant+"0")
	}
	if f.NotKey != "" {
		and("ring_key <> ?", f.NotKey)
	}
	if f.After != nil {
		owner := f.After.Owner.String()
		and("(owner > ? OR owner = ? AND name > ?)", owner, owner, f.After.Name)
	}
	var page []vault.Record
	err := v.db.read(ctx, "list credentials", func(ctx context.Context, s *session) error {
		return s.each(ctx, func(rows *sql.Rows) error {
			r, err := scanCredential(rows.Scan)
			page = append(page, r)
			return err
		}, "SELECT "+credentialColumns+" FROM {credentials} WHERE "+strings.Join(where, " AND ")+" ORDER BY owner, name LIMIT ?", append(args, limit)...)
	})
	return page, err
}

// Prune implements [vault.Store].
func (v *Vault) Prune(ctx context.Context, before time.Time) (int64, error) {
	return v.db.single(ctx, "prune credentials", "DELETE FROM {credentials} WHERE sealed IS NULL AND changed < ?", before.UnixMicro())
}

// Count implements [vault.Store].
func (v *Vault) Count(ctx context.Context) (map[string]int64, error) {
	counts := map[string]int64{}
	err := v.db.read(ctx, "count credentials", func(ctx context.Context, s *session) error {
		return s.each(ctx, func(rows *sql.Rows) error {
			var key string
			var n int64
			err := rows.Scan(&key, &n)
			counts[key] = n
			return err
		}, "SELECT ring_key, COUNT(*) FROM {credentials} WHERE sealed IS NOT NULL GROUP BY ring_key")
	})
	return counts, err
}
