package vault

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/commercesync/commerce"
)

// Key wraps data keys, and stands in a [Ring].
type Key struct {
	// ID names the key in every record that it wraps, for ever: at most 128 bytes.
	ID string
	// AEAD wraps and unwraps: a key service's, or [Local] of a key at hand. It is
	// given the record's owner, name and version as associated data.
	AEAD tink.AEADWithContext
	// Retired: nothing is wrapped with it and no record under it is opened.
	Retired bool
}

// Ring is the keys of a vault, oldest first. It does not change: [Config.Ring] loads
// another. A ring prints as the ids of its keys.
type Ring struct {
	keys    []Key
	at      map[string]int // by id
	primary int
}

// NewRing makes a ring of keys, oldest first; new records are wrapped with the key
// that primary names. It is for keys that a key service holds: with those, every
// data key that is not remembered costs a call to the service. [RingFile] has the
// service unwrap the ring once instead.
func NewRing(primary string, keys ...Key) (*Ring, error) {
	const op = "make ring"
	r := &Ring{keys: slices.Clone(keys), at: map[string]int{}, primary: -1}
	for i, k := range keys {
		switch _, twice := r.at[k.ID]; {
		case k.ID == "" || len(k.ID) > 128 || !isText(k.ID):
			return nil, invalid(op, "key %d: ID must be a text of 1 to 128 bytes", i+1)
		case twice:
			return nil, invalid(op, "two keys have the ID %q", k.ID)
		case k.AEAD == nil && !k.Retired:
			return nil, invalid(op, "key %q: AEAD is nil", k.ID)
		case k.ID == primary && k.Retired:
			return nil, invalid(op, "the primary key %q is retired", k.ID)
		case k.ID == primary:
			r.primary = i
		}
		r.at[k.ID] = i
	}
	if r.primary < 0 {
		return nil, invalid(op, "primary names %q, which is none of the keys", primary)
	}
	return r, nil
}

// RingOf makes a ring of a Tink keyset of AEAD keys. A key's ID is Tink's, in
// decimals; its place is that in the keyset, to whose end keys are added; disabled
// keys are retired. Keys that a key service holds (KMS keys of a keyset) work where
// its client is registered with Tink.
func RingOf(h *keyset.Handle) (*Ring, error) {
	const op = "make ring of keyset"
	if h == nil {
		return nil, invalid(op, "the keyset is nil")
	}
	var keys []Key
	primary := ""
	for i := range h.Len() {
		e, err := h.Entry(i)
		if err != nil {
			return nil, invalid(op, "%w", err)
		}
		k := Key{ID: keyID(e.KeyID()), Retired: e.KeyStatus() != keyset.Enabled}
		if e.IsPrimary() {
			primary = k.ID
		}
		if !k.Retired {
			one := keyset.NewManager()
			var id uint32 // its own where a record begins with it, else any
			if id, err = one.AddKey(e.Key()); err == nil {
				k.AEAD, err = only(one, id)
			}
			if strings.HasPrefix(h.KeysetInfo().GetKeyInfo()[i].GetTypeUrl(), kmsKeys) {
				k.AEAD = distant{k.AEAD}
			}
			if err != nil {
				return nil, invalid(op, "key %s: %w", k.ID, err)
			}
		}
		keys = append(keys, k)
	}
	return NewRing(primary, keys...)
}

// kmsKeys begins the types of Tink's keys that a key service holds.
const kmsKeys = "type.googleapis.com/google.crypto.tink.Kms"

// only returns the primitive of a keyset of one key.
func only(m *keyset.Manager, id uint32) (tink.AEADWithContext, error) {
	if err := m.SetPrimary(id); err != nil {
		return nil, err
	}
	h, err := m.Handle()
	if err != nil {
		return nil, err
	}
	a, err := aead.New(h)
	return Local(a), err
}

func keyID(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

// ParseRing reads a ring from the text of a Tink keyset in JSON, as a file that
// [RingFile].Create wrote without a KEK holds it, for programs that are given
// their keys in an environment variable.
func ParseRing(text commerce.Secret) (*Ring, error) {
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(strings.NewReader(text.Reveal())))
	if err != nil {
		return nil, invalid("parse ring", "the text is no Tink keyset in JSON") // the cause may quote it
	}
	return RingOf(h)
}

// FreshRing makes a ring of one new key that nobody keeps: for tests and for trying
// things out. What is sealed under it ends with the program.
func FreshRing() (*Ring, error) {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, during("make ring", "", err)
	}
	return RingOf(h)
}

// Fixed is a [Config.Ring] that is always the same.
func Fixed(r *Ring) func(context.Context) (*Ring, error) {
	return func(context.Context) (*Ring, error) { return r, nil }
}

// Local makes a [Key.AEAD] of a key that is at hand, such as one of Tink's own.
func Local(a tink.AEAD) tink.AEADWithContext { return local{a} }

type local struct{ tink.AEAD }

// distant is a key that fails for more reasons than one: it is not at hand.
type distant struct{ tink.AEADWithContext }

func (l local) EncryptWithContext(_ context.Context, plain, associated []byte) ([]byte, error) {
	return l.Encrypt(plain, associated)
}

func (l local) DecryptWithContext(_ context.Context, sealed, associated []byte) ([]byte, error) {
	return l.Decrypt(sealed, associated)
}

// Primary returns the id of the key that wraps new records.
func (r *Ring) Primary() string { return r.keys[r.primary].ID }

// Keys returns the keys, oldest first.
func (r *Ring) Keys() []Key { return slices.Clone(r.keys) }

// String says which keys there are: "17 (retired), 18 (primary), 19".
func (r *Ring) String() string {
	var b strings.Builder
	for i, k := range r.keys {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(k.ID)
		switch {
		case k.Retired:
			b.WriteString(" (retired)")
		case i == r.primary:
			b.WriteString(" (primary)")
		}
	}
	return b.String()
}

// Format writes what String says, for every verb.
func (r *Ring) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(r.String())) }

// Format writes the key's id, for every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("key " + k.ID)) }
