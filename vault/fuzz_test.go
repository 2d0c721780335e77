package vault_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/vault"
)

// FuzzOpen puts anything into a row: nothing opens but what was sealed for it.
func FuzzOpen(f *testing.F) {
	var store vault.Memory
	ring := newRing(f, "k1", newKey(f, "k0"), newKey(f, "k1"))
	_, err := newVault(f, vault.Config{Store: &store, Ring: vault.Fixed(ring)}).Seal(f.Context(), owner, "api_key", []byte("secret"), 0)
	require.NoError(f, err)
	good, err := store.Get(f.Context(), owner, "api_key")
	require.NoError(f, err)
	for _, sealed := range [][]byte{good.Sealed, good.Sealed[:19], good.Sealed[:84], bytes.Repeat([]byte{1}, 200), {1}, bytes.Repeat([]byte{255}, 19)} {
		f.Add(sealed, "k1", int64(1))
	}
	f.Fuzz(func(t *testing.T, sealed []byte, key string, version int64) {
		row := good
		row.Sealed, row.Key, row.Version = sealed, key, version
		v := newVault(t, vault.Config{Store: &oneRecord{Record: row}, Ring: vault.Fixed(ring)})
		for range 2 { // the second time what the first remembered
			secret, _, err := v.Open(t.Context(), owner, "api_key")
			if bytes.Equal(sealed, good.Sealed) && key == good.Key && version == good.Version {
				require.NoError(t, err)
				continue
			}
			require.Error(t, err)
			require.Empty(t, secret)
			require.True(t, len(sealed) == 0 || code(err) != "", "%v", err)
			require.NotEqual(t, commerce.KindInternal, commerce.KindOf(err))
		}
	})
}
