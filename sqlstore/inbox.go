package sqlstore

import "github.com/commercesync/commerce/inbox"

// Inbox keeps events: it is an [inbox.Store].
type Inbox struct{ db *DB }

var _ inbox.Store = (*Inbox)(nil)

// Inbox returns the store of events.
func (d *DB) Inbox() *Inbox { return &Inbox{d} }
