package sqlstore

import (
	"context"
	"database/sql"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

// Cursor implements [inbox.Store].
func (in *Inbox) Cursor(ctx context.Context, feed string) (string, error) {
	var at string
	err := in.db.read(ctx, "read cursor", func(ctx context.Context, s *session) error {
		err := s.row(ctx, "SELECT position FROM {cursors} WHERE feed = ?", feed).Scan(&at)
		if err == sql.ErrNoRows {
			return nil
		}
		return err
	})
	return at, err
}

// moveCursor moves the cursor of a batch's feed, unless another poller did. A batch that
// is sent again, because its answer got lost, finds the cursor where it moved it.
func (s *session) moveCursor(ctx context.Context, b inbox.Batch) error {
	n, err := s.exec(ctx, "UPDATE {cursors} SET position = ?, batch = ? WHERE feed = ? AND (position = ? OR batch = ?)",
		b.Cursor, b.ID, b.Feed, b.Since, b.ID)
	if err != nil || n == 1 {
		return err
	}
	if b.Since == "" {
		conflict := ""
		if !s.keys {
			conflict = s.keeping("feed")
		}
		n, err = s.exec(ctx, "INSERT INTO {cursors} (feed, position, batch) VALUES (?, ?, ?)"+conflict, b.Feed, b.Cursor, b.ID)
	}
	if n == 1 || err != nil && !isThere(err) {
		return err
	}
	return refusal(commerce.KindConflict, "cursor_moved", "the cursor of feed %q has moved", b.Feed)
}
