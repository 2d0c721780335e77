package vault

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/commercesync/commerce"
)

// NoticeKind says what happened in a slot.
type NoticeKind string

const (
	NoticePlanned    NoticeKind = "rotation_planned"     // a next credential is in
	NoticeSwitched   NoticeKind = "rotation_switched"    // clients have it
	NoticeRolledBack NoticeKind = "rotation_rolled_back" // clients have the one before again
	NoticeRetired    NoticeKind = "rotation_retired"     // the one before is gone
)

// Notice tells people of a rotation.
type Notice struct {
	Kind        NoticeKind   `json:"kind"`
	Owner       commerce.Ref `json:"owner"`
	Name        string       `json:"name"`
	Serial      int64        `json:"serial"` // of the credential it is about
	Fingerprint string       `json:"fingerprint"`
	// At is when a planned credential is switched to; zero where it waits for a person.
	At  time.Time `json:"at,omitzero"`
	Why string    `json:"why,omitempty"`
}

// Status says where a rotation stands, without a secret.
type Status struct {
	Current Held `json:"current"`
	// Next waits for the switch; nil where there is none.
	Next *Held `json:"next,omitempty"`
	// Previous is kept to go back to; nil while nothing is watched.
	Previous *Held `json:"previous,omitempty"`
	// Due is when [Slot.Step] has something to do; zero while it has not.
	Due time.Time `json:"due,omitzero"`
}

// Held is a credential in a slot.
type Held struct {
	Serial int64 `json:"serial"` // 1 is the first that the slot had
	// Fingerprint tells credentials of a slot apart: eight hex digits of an HMAC whose key
	// is sealed with them, so that it helps nobody to guess a password.
	Fingerprint string    `json:"fingerprint"`
	Put         time.Time `json:"put"`
}

// Status reads where the slot stands from the vault. An empty slot is an error of kind
// not found.
func (s *Slot[T]) Status(ctx context.Context) (Status, error) {
	v, err := s.fresh(ctx)
	if err != nil {
		return Status{}, err
	}
	st := v.state
	out := Status{Current: *st.told(st.Current), Next: st.told(st.Next), Previous: st.told(st.Previous)}
	if st.Next != nil {
		out.Due = st.Next.At
	}
	if st.Previous != nil {
		if end := st.Switched.Add(s.c.Watch); out.Due.IsZero() || end.Before(out.Due) {
			out.Due = end
		}
	}
	return out, nil
}

func (s *Slot[T]) notice(kind NoticeKind, st *state[T], h *held[T], why string) *Notice {
	return &Notice{kind, s.c.Owner, s.c.Name, h.Serial, st.fingerprint(h), h.At, why}
}

// state is what is sealed.
type state[T comparable] struct {
	Salt     []byte
	Serial   int64 // of the newest that was ever put in
	Current  *held[T]
	Next     *held[T]
	Previous *held[T]
	Switched time.Time // when Current took the place of Previous
}

type held[T comparable] struct {
	Serial int64
	Value  T
	Put    time.Time
	At     time.Time // when to switch to it; zero = not by itself
	Waits  bool      // it was rolled back: only a person takes it again
	Ending bool      // it is being retired: nobody goes back to it
}

func newState[T comparable]() state[T] {
	salt := make([]byte, sha256.Size)
	_, _ = rand.Read(salt) // which never fails
	return state[T]{Salt: salt}
}

func (st *state[T]) all() []T {
	var all []T
	for _, h := range []*held[T]{st.Current, st.Next, st.Previous} {
		if h != nil {
			all = append(all, h.Value)
		}
	}
	return all
}

func (st *state[T]) told(h *held[T]) *Held {
	if h == nil {
		return nil
	}
	return &Held{h.Serial, st.fingerprint(h), h.Put}
}

func (st *state[T]) fingerprint(h *held[T]) string {
	text, err := encode(h.Value)
	if err != nil {
		return "" // NewSlot has proved that it can be written
	}
	mac := hmac.New(sha256.New, st.Salt)
	_, _ = mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil)[:4])
}

// slotFormat is the version of the record.
const slotFormat = 1

// record is the state as it is written.
type record struct {
	Slot     int           `json:"slot"`
	Salt     []byte        `json:"salt"`
	Serial   int64         `json:"serial"`
	Switched time.Time     `json:"switched,omitzero"`
	Current  *recordedHeld `json:"current"`
	Next     *recordedHeld `json:"next,omitempty"`
	Previous *recordedHeld `json:"previous,omitempty"`
}

type recordedHeld struct {
	Serial int64           `json:"serial"`
	Value  json.RawMessage `json:"value"`
	Put    time.Time       `json:"put"`
	At     time.Time       `json:"at,omitzero"`
	Waits  bool            `json:"waits,omitempty"`
	Ending bool            `json:"ending,omitempty"`
}

func writeState[T comparable](st state[T]) ([]byte, error) {
	r := record{Slot: slotFormat, Salt: st.Salt, Serial: st.Serial, Switched: st.Switched}
	for _, of := range []struct {
		h    *held[T]
		into **recordedHeld
	}{{st.Current, &r.Current}, {st.Next, &r.Next}, {st.Previous, &r.Previous}} {
		if of.h == nil {
			continue
		}
		value, err := encode(of.h.Value)
		if err != nil {
			return nil, err
		}
		*of.into = &recordedHeld{of.h.Serial, value, of.h.Put, of.h.At, of.h.Waits, of.h.Ending}
	}
	return json.Marshal(r)
}

func readState[T comparable](text []byte) (state[T], error) {
	var r record
	if json.Unmarshal(text, &r) != nil || r.Slot != slotFormat || r.Current == nil {
		return state[T]{}, invalid("open slot", "the record was sealed by something else than a slot of this version")
	}
	st := state[T]{Salt: r.Salt, Serial: r.Serial, Switched: r.Switched}
	for _, of := range []struct {
		h    *recordedHeld
		into **held[T]
	}{{r.Current, &st.Current}, {r.Next, &st.Next}, {r.Previous, &st.Previous}} {
		if of.h == nil {
			continue
		}
		value, err := decode[T](of.h.Value)
		if err != nil {
			return state[T]{}, invalid("open slot", "the record holds another kind of credential")
		}
		*of.into = &held[T]{of.h.Serial, value, of.h.Put, of.h.At, of.h.Waits, of.h.Ending}
	}
	return st, nil
}
