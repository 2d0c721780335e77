package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"

	"github.com/commercesync/commerce"
)

// toldKey is under which revisions keeps a polled object: the ref with its id in two,
// the kind and the length of what follows it, so that byte order is the order of
// [inbox.Told] and one stretch of the primary key is one page of it:
//
//	tenant/system/account/mode/order%2F/000217
//
// A slash inside of a part is escaped, so no two refs have one key.
func toldKey(r commerce.Ref) string {
	kind := r.ID[:strings.LastIndexByte(r.ID, '/')+1]
	last := r.ID[len(kind):]
	return fmt.Sprintf("%s/%04d%s", r.With(kind), len(last), url.PathEscape(last))
}

// toldID reads the id back.
func toldID(kind, key string) (string, error) {
	last, err := url.PathUnescape(key[strings.LastIndexByte(key, '/')+len("/0002"):])
	return kind + last, err
}

// Told implements [inbox.Told].
func (in *Inbox) Told(ctx context.Context, of commerce.Ref, after string, limit int) ([]string, error) {
	const op = "list told"
	switch {
	case of.ID != "" && !strings.HasSuffix(of.ID, "/"):
		return nil, fail(op, commerce.NotSent, refusal(commerce.KindInvalid, "", "of.ID %q is no kind: it does not end in /", of.ID))
	case limit < 1:
		return nil, fail(op, commerce.NotSent, refusal(commerce.KindInvalid, "", "limit must be positive"))
	}
	from, to := of.String()+"/", of.String()+"/:" // a colon stands behind every digit
	if after != "" {
		from = toldKey(of.With(after))
	}
	var out []string
	err := in.db.read(ctx, op, func(ctx context.Context, s *session) error {
		out = nil
		return s.each(ctx, func(rows *sql.Rows) error {
			var key string
			if err := rows.Scan(&key); err != nil {
				return err
			}
			id, err := toldID(of.ID, key)
			out = append(out, id)
			return err
		}, "SELECT ref FROM {revisions} WHERE ref > ? AND ref < ? ORDER BY ref LIMIT ?", from, to, limit)
	})
	return out, err
}
