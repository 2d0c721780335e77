package pollers_test

import (
	"context"
	"iter"

	"github.com/commercesync/commerce/inbox"
)

// hasty is a feed that stores where a poll ended before what the poll read. Often its
// process dies in between.
type hasty struct {
	inbox.Feed
	p *process
}

func (h hasty) Changes(ctx context.Context, cursor string) iter.Seq2[inbox.Change, error] {
	return func(yield func(inbox.Change, error) bool) {
		var read []inbox.Change
		for c, err := range h.Feed.Changes(ctx, cursor) {
			if err != nil {
				yield(c, err)
				return
			}
			read, cursor = append(read, c), c.Cursor
		}
		if len(read) == 0 || !yield(inbox.Change{Cursor: cursor}, nil) {
			return
		}
		if len(read) > 1 && h.p.w.busy && h.p.w.chance(2) {
			first := read[0]
			first.Cursor = cursor
			if yield(first, nil) {
				h.p.dead = true
				yield(inbox.Change{}, errDead)
			}
			return
		}
		for _, c := range read {
			if c.Cursor = cursor; !yield(c, nil) {
				return
			}
		}
	}
}
