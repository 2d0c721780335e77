package magentoshop

import (
	"encoding/json"
	"strings"

	"github.com/commercesync/commerce"
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
	bad := func(format string, args ...any) error {
		return commerce.Errorf(commerce.KindInvalid, System, op, format, args...)
	}
	kind, _, _ := strings.Cut(version, "/")
	other, _, _ := strings.Cut(v.V, "/")
	switch {
	case v.V == "" || v.V == version:
		return bad("the cursor can not be read; give the feed another FeedConfig.Name and it begins again: what was told is no news then")
	case other != kind:
		return bad("the cursor is of a feed %.40q; give every feed a FeedConfig.Name of its own", v.V)
	}
	return bad("the cursor is of version %.40q and this program knows %q; run the newer program, or give the feed another FeedConfig.Name and it begins again", v.V, version)
}

// text writes a cursor; its structs always have a JSON form.
func text(cursor any) string {
	b, _ := json.Marshal(cursor)
	return string(b)
}
