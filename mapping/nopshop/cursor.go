package nopshop

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/nopcommerce"
)

// walk is where a feed stands that walks by the date of creation and reads again what is
// open. A walk goes from To down to From; At is how far down it came.
type walk struct {
	Version  string    `json:"v"`
	From     time.Time `json:"from,omitzero"`     // all that was created before is told
	To       time.Time `json:"to,omitzero"`       // of the walk under way; zero = none is
	At       time.Time `json:"at,omitzero"`       // what is newer is told
	Log      time.Time `json:"log,omitzero"`      // lines of the activity log before are told
	Complete time.Time `json:"complete,omitzero"` // all that changed before is told
	Open     idSet     `json:"open,omitzero"`     // what was open when it was last told
}

// readCursor reads the text of a feed's own kind; "" is the beginning.
func readCursor(op, cursor, version string, into any) error {
	if cursor == "" {
		return nil
	}
	var v struct {
		V string `json:"v"`
	}
	err := json.Unmarshal([]byte(cursor), &v)
	switch {
	case err == nil && v.V == version:
		if err = json.Unmarshal([]byte(cursor), into); err == nil {
			return nil
		}
		fallthrough
	case err != nil || v.V == "":
		return commerce.Errorf(commerce.KindInvalid, System, op,
			"the cursor %.40q is broken; give the feed another FeedConfig.Name and it begins again: what was told is no news then", cursor)
	}
	kind, _, _ := strings.Cut(version, "/")
	if other, _, _ := strings.Cut(v.V, "/"); other != kind {
		return commerce.Errorf(commerce.KindInvalid, System, op,
			"the cursor is of a feed %q; give every feed a FeedConfig.Name of its own", other)
	}
	return commerce.Errorf(commerce.KindInvalid, System, op,
		"the cursor is of version %q and this program knows %q; run the newer program, or give the feed another FeedConfig.Name and it begins again", v.V, version)
}

// text writes a cursor; its structs always have a JSON form.
func text(cursor any) string {
	b, _ := json.Marshal(cursor)
	return string(b)
}

// idSet is a set of ids. Its text is short: the gaps between them, in base64.
type idSet map[nopcommerce.ID]bool

// IsZero leaves an empty set out of a cursor.
func (s idSet) IsZero() bool { return len(s) == 0 }

// set adds an id or takes it out.
func (s *idSet) set(id nopcommerce.ID, in bool) {
	if *s == nil {
		*s = idSet{}
	}
	if in {
		(*s)[id] = true
	} else {
		delete(*s, id)
	}
}

// MarshalText writes the set.
func (s idSet) MarshalText() ([]byte, error) {
	var b []byte
	last := nopcommerce.ID(0)
	for _, id := range slices.Sorted(maps.Keys(s)) {
		b = binary.AppendUvarint(b, uint64(id-last)) //nolint:gosec // ids ascend from 1
		last = id
	}
	return base64.RawURLEncoding.AppendEncode(nil, b), nil
}

// UnmarshalText reads what MarshalText wrote.
func (s *idSet) UnmarshalText(text []byte) error {
	b, err := base64.RawURLEncoding.AppendDecode(nil, text)
	if err != nil {
		return err
	}
	*s = idSet{}
	for last := uint64(0); len(b) > 0; {
		gap, n := binary.Uvarint(b)
		if last += gap; n <= 0 || gap == 0 || gap > maxID || last > maxID {
			return errors.New("no set of ids")
		}
		(*s)[nopcommerce.ID(last)] = true //nolint:gosec // at most maxID
		b = b[n:]
	}
	return nil
}

// maxID is the greatest id of the shop's tables, which are int32.
const maxID = 1<<31 - 1
