package stripepay

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

// readCursor reads the text that a feed of one kind and version wrote; "" leaves into as
// it is. An error is of kind invalid and says what to do.
func readCursor(op, cursor, version string, into any) error {
	if cursor == "" {
		return nil
	}
	var v struct {
		V string `json:"v"`
	}
	if json.Unmarshal([]byte(cursor), &v) == nil && v.V == version && json.Unmarshal([]byte(cursor), into) == nil {
		return nil
	}
	kind, _, _ := strings.Cut(version, "/")
	if other, _, _ := strings.Cut(v.V, "/"); other != kind {
		return commerce.Errorf(commerce.KindInvalid, System, op, "the cursor is not this feed's; give every feed a FeedConfig.Name of its own")
	}
	return commerce.Errorf(commerce.KindInvalid, System, op,
		"the cursor is of version %.40q and this program knows %q; run the newer program, or give the feed another FeedConfig.Name and it begins again", v.V, version)
}

// text writes a cursor; its structs always have a JSON form.
func text(cursor any) string {
	b, _ := json.Marshal(cursor)
	return string(b)
}

// teller yields the changes of one poll, each with the cursor that stands behind it.
type teller struct {
	yield   func(inbox.Change, error) bool
	cursor  func() string
	stopped bool
}

// errStopped ends a poll whose reader has enough; it is never yielded.
var errStopped = errors.New("stopped")

func (t *teller) tell(c inbox.Change) error {
	c.Cursor = t.cursor()
	if !t.yield(c, nil) {
		t.stopped = true
		return errStopped
	}
	return nil
}

// move stores how far the poll came.
func (t *teller) move() error { return t.tell(inbox.Change{}) }

// end yields the error that ended a poll.
func (t *teller) end(err error) {
	if err != nil && !t.stopped {
		t.yield(inbox.Change{}, err)
	}
}
