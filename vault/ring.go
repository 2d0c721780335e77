package vault

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"github.com/tink-crypto/tink-go/v2/tink"
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
// data key that is not remembered costs a call to the service. The file of package
// keyring has the service unwrap the ring once instead.
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

// FreshRing makes a ring of one new key that nobody keeps: for tests and for trying
// things out. What is sealed under it ends with the program.
func FreshRing() (*Ring, error) {
	key := make([]byte, keyBytes)
	if _, err := rand.Read(key); err != nil {
		return nil, during("make ring", "", err)
	}
	gcm, err := newGCM(key)
	if err != nil {
		return nil, during("make ring", "", err)
	}
	return NewRing("fresh", Key{ID: "fresh", AEAD: Local(fresh{gcm})})
}

// fresh is a key of this process.
type fresh struct{ gcm cipher.AEAD }

func (f fresh) Encrypt(plain, associated []byte) ([]byte, error) {
	return f.gcm.Seal(nil, nil, plain, associated), nil
}

func (f fresh) Decrypt(sealed, associated []byte) ([]byte, error) {
	return f.gcm.Open(nil, nil, sealed, associated)
}

// Fixed is a [Config.Ring] that is always the same.
func Fixed(r *Ring) func(context.Context) (*Ring, error) {
	return func(context.Context) (*Ring, error) { return r, nil }
}

// Local makes a [Key.AEAD] of a key that is at hand, such as one of Tink's own.
func Local(a tink.AEAD) tink.AEADWithContext { return local{a} }

type local struct{ tink.AEAD }

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
