package keyring_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/core/registry"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"
	"github.com/tink-crypto/tink-go/v2/testing/fakekms"
	"github.com/tink-crypto/tink-go/v2/tink"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/vault"
	"github.com/commercesync/commerce/vault/keyring"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var owner = commerce.Ref{Tenant: "t1", System: "stripe", Account: "acct_1", Mode: commerce.Live}

// newKey returns a key at hand with a name.
func newKey(t testing.TB, id string) vault.Key {
	t.Helper()
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	require.NoError(t, err)
	a, err := aead.New(h)
	require.NoError(t, err)
	return vault.Key{ID: id, AEAD: vault.Local(a)}
}

func newVault(t testing.TB, c vault.Config) *vault.Vault {
	t.Helper()
	v, err := vault.New(t.Context(), c)
	require.NoError(t, err)
	return v
}

func code(err error) string {
	if e, ok := errors.AsType[*commerce.Error](err); ok {
		return e.Code
	}
	return ""
}

// service is a key service that fails.
type service struct{ err error }

func (s service) EncryptWithContext(context.Context, []byte, []byte) ([]byte, error) {
	return nil, s.err
}

func (s service) DecryptWithContext(context.Context, []byte, []byte) ([]byte, error) {
	return nil, s.err
}

func TestAKeysetIsARing(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	m := keyset.NewManager()
	var ids []uint32
	// Of every kind of AEAD that a keyset may hold.
	add := func(id uint32, err error) {
		require.NoError(t, err)
		ids = append(ids, id)
	}
	add(m.Add(aead.AES256GCMKeyTemplate()))
	add(m.Add(aead.AES256GCMNoPrefixKeyTemplate()))
	add(m.Add(aead.XChaCha20Poly1305KeyTemplate()))
	add(m.Add(aead.AES256CTRHMACSHA256KeyTemplate()))
	var store vault.Memory
	for i, id := range ids {
		require.NoError(t, m.SetPrimary(id))
		h, err := m.Handle()
		require.NoError(t, err)
		ring, err := keyring.Of(h)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(id), ring.Primary())
		v := newVault(t, vault.Config{Store: &store, Ring: vault.Fixed(ring), CacheSize: -1})
		_, err = v.Seal(ctx, owner, fmt.Sprint("under ", i), []byte("secret"), 0)
		require.NoError(t, err)
		for j := range i + 1 {
			secret, _, err := v.Open(ctx, owner, fmt.Sprint("under ", j))
			require.NoError(t, err)
			require.Equal(t, "secret", string(secret))
		}
	}
	require.NoError(t, m.Disable(ids[0]))
	h, err := m.Handle()
	require.NoError(t, err)
	ring, err := keyring.Of(h)
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("%d (retired), %d, %d, %d (primary)", ids[0], ids[1], ids[2], ids[3]), ring.String())
	_, _, err = newVault(t, vault.Config{Store: &store, Ring: vault.Fixed(ring)}).Open(ctx, owner, "under 0")
	require.Equal(t, vault.CodeKeyRetired, code(err))

	_, err = keyring.Of(nil)
	require.ErrorIs(t, err, commerce.ErrInvalid)
	other, err := keyset.NewHandle(mac.HMACSHA256Tag256KeyTemplate())
	require.NoError(t, err)
	_, err = keyring.Of(other)
	require.ErrorIs(t, err, commerce.ErrInvalid, "keys that sign do not seal")
}

func TestAKeysetWhoseKeysAKeyServiceHoldsIsARing(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	uri, err := fakekms.NewKeyURI()
	require.NoError(t, err)
	client, err := fakekms.NewClient(uri)
	require.NoError(t, err)
	registry.RegisterKMSClient(client)
	template, err := aead.CreateKMSEnvelopeAEADKeyTemplate(uri, aead.AES256GCMKeyTemplate())
	require.NoError(t, err)
	h, err := keyset.NewHandle(template)
	require.NoError(t, err)
	ring, err := keyring.Of(h)
	require.NoError(t, err)
	var store vault.Memory
	_, err = newVault(t, vault.Config{Store: &store, Ring: vault.Fixed(ring)}).Seal(ctx, owner, "k", []byte("secret"), 0)
	require.NoError(t, err)
	secret, _, err := newVault(t, vault.Config{Store: &store, Ring: vault.Fixed(ring)}).Open(ctx, owner, "k")
	require.NoError(t, err)
	require.Equal(t, "secret", string(secret))
	row, err := store.Get(ctx, owner, "k")
	require.NoError(t, err)
	row.Sealed = bytes.Clone(row.Sealed)
	row.Sealed[30] ^= 1
	require.NoError(t, store.Reseal(ctx, row, row.Key))
	_, _, err = newVault(t, vault.Config{Store: &store, CacheSize: -1, Ring: vault.Fixed(ring)}).Open(ctx, owner, "k")
	require.Equal(t, vault.CodeKeyService, code(err), "Tink does not tell a service that is away from a record that was altered")

	// The same service under the ring's file, asked once a load.
	direct, err := client.GetAEAD(uri)
	require.NoError(t, err)
	f := newFile(t, vault.Key{AEAD: vault.Local(direct)})
	_, err = f.Load(ctx)
	require.NoError(t, err)
}

func TestADataKeyIsOneOfTinks(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	// What the vault seals under a data key, Tink's AES-256-GCM opens with it, and the
	// other way round.
	var dataKey, wrapAD []byte
	inner := newKey(t, "k1")
	ring, err := vault.NewRing("k1", vault.Key{ID: "k1", AEAD: tap{inner.AEAD, func(plain, associated []byte) {
		dataKey, wrapAD = bytes.Clone(plain), bytes.Clone(associated)
	}}})
	require.NoError(t, err)
	var store vault.Memory
	v := newVault(t, vault.Config{Store: &store, Ring: vault.Fixed(ring), CacheSize: -1})
	_, err = v.Seal(ctx, owner, "k", []byte("secret"), 0)
	require.NoError(t, err)
	r, err := store.Get(ctx, owner, "k")
	require.NoError(t, err)
	tinks, err := subtle.NewAESGCM(dataKey)
	require.NoError(t, err)
	bodyAD := bytes.Replace(wrapAD, []byte("commerce vault key 1"), []byte("commerce vault secret 1"), 1)
	body := r.Sealed[len(r.Sealed)-12-len("secret")-16:]
	secret, err := tinks.Decrypt(body, bodyAD)
	require.NoError(t, err)
	require.Equal(t, "secret", string(secret))
	other, err := tinks.Encrypt([]byte("SECRET"), bodyAD)
	require.NoError(t, err)
	r.Sealed = append(r.Sealed[:len(r.Sealed)-len(body):len(r.Sealed)-len(body)], other...)
	require.NoError(t, store.Reseal(ctx, r, "k1"))
	secret, _, err = v.Open(ctx, owner, "k")
	require.NoError(t, err)
	require.Equal(t, "SECRET", string(secret))
}

// tap hears what is wrapped.
type tap struct {
	tink.AEADWithContext
	hear func(plain, associated []byte)
}

func (p tap) EncryptWithContext(ctx context.Context, plain, associated []byte) ([]byte, error) {
	p.hear(plain, associated)
	return p.AEADWithContext.EncryptWithContext(ctx, plain, associated)
}
