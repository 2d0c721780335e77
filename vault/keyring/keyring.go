package keyring

import (
	"strconv"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/vault"
)

// system is the vault, whose keys these are.
const system = "vault"

// Of makes a ring of a Tink keyset of AEAD keys. A key's ID is Tink's, in
// decimals; its place is that in the keyset, to whose end keys are added; disabled
// keys are retired. Keys that a key service holds (KMS keys of a keyset) work where
// its client is registered with Tink.
func Of(h *keyset.Handle) (*vault.Ring, error) {
	const op = "make ring of keyset"
	if h == nil {
		return nil, invalid(op, "the keyset is nil")
	}
	var keys []vault.Key
	primary := ""
	for i := range h.Len() {
		e, err := h.Entry(i)
		if err != nil {
			return nil, invalid(op, "%w", err)
		}
		k := vault.Key{ID: keyID(e.KeyID()), Retired: e.KeyStatus() != keyset.Enabled}
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
	return vault.NewRing(primary, keys...)
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
	return vault.Local(a), err
}

func keyID(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

// distant is a key that fails for more reasons than one: it is not at hand.
type distant struct{ tink.AEADWithContext }

// Parse reads a ring from the text of a Tink keyset in JSON, as a file that
// [File.Create] wrote without a KEK holds it, for programs that are given
// their keys in an environment variable.
func Parse(text commerce.Secret) (*vault.Ring, error) {
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(strings.NewReader(text.Reveal())))
	if err != nil {
		return nil, invalid("parse ring", "the text is no Tink keyset in JSON") // the cause may quote it
	}
	return Of(h)
}

// invalid refuses an argument; the text names it.
func invalid(op, format string, args ...any) error {
	e := commerce.Errorf(commerce.KindInvalid, system, op, format, args...)
	e.Outcome = commerce.NotSent
	return e
}
