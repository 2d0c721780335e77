package keyring_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/vault"
	"github.com/commercesync/commerce/vault/keyring"
)

func newFile(t *testing.T, kek vault.Key) keyring.File {
	t.Helper()
	f := keyring.File{Path: filepath.Join(t.TempDir(), "ring.json"), KEK: kek.AEAD}
	require.NoError(t, f.Create(t.Context()))
	return f
}

func TestARingIsRotatedInItsFileWhileTheVaultGoesOn(t *testing.T) {
	t.Parallel()
	for name, kek := range map[string]vault.Key{"as it is": {}, "sealed by a key service": newKey(t, "kek")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			f := newFile(t, kek)
			require.ErrorIs(t, f.Create(ctx), commerce.ErrConflict, "no ring is written over another")
			var store vault.Memory
			v := newVault(t, vault.Config{Store: &store, Ring: f.Load})
			other := newVault(t, vault.Config{Store: &store, Ring: f.Load}) // another program
			ring, err := f.Load(ctx)
			require.NoError(t, err)
			old := ring.Primary()
			_, err = v.Seal(ctx, owner, "k", []byte("secret"), 0)
			require.NoError(t, err)
			opens := func() {
				t.Helper()
				for _, v := range []*vault.Vault{v, other} {
					secret, _, err := v.Open(ctx, owner, "k")
					require.NoError(t, err)
					require.Equal(t, "secret", string(secret))
				}
			}

			require.ErrorIs(t, f.Retire(ctx, v, old), commerce.ErrConflict, "the primary is in use")
			id, err := f.Add(ctx)
			require.NoError(t, err)
			require.NotEqual(t, old, id)
			for _, v := range []*vault.Vault{v, other} {
				require.NoError(t, v.Reload(ctx))
			}
			opens()
			require.NoError(t, f.Promote(ctx, id))
			err = f.Retire(ctx, v, old)
			require.ErrorIs(t, err, commerce.ErrConflict)
			require.ErrorContains(t, err, "1 records are under key "+old+"; rewrap first")
			done, err := v.Rewrap(ctx, vault.RewrapConfig{})
			require.NoError(t, err)
			require.Equal(t, vault.Rewrap{Key: id, Done: 1}, done)
			opens()
			require.ErrorIs(t, f.Remove(ctx, v, old), commerce.ErrConflict, "it has to be retired first")
			require.NoError(t, f.Retire(ctx, v, old))
			require.ErrorIs(t, f.Promote(ctx, old), commerce.ErrInvalid)
			require.NoError(t, f.Enable(ctx, old))
			require.NoError(t, f.Retire(ctx, v, old))
			require.NoError(t, f.Remove(ctx, v, old))
			for _, v := range []*vault.Vault{v, other} {
				require.NoError(t, v.Reload(ctx))
			}
			opens()
			require.ErrorIs(t, f.Promote(ctx, old), commerce.ErrNotFound)
			require.ErrorIs(t, f.Promote(ctx, "x"), commerce.ErrNotFound)
			ring, err = f.Load(ctx)
			require.NoError(t, err)
			require.Len(t, ring.Keys(), 1)
			require.Equal(t, id, ring.Keys()[0].ID)
			require.False(t, ring.Keys()[0].Retired)

			// Two who change it at once: one is told.
			require.NoError(t, os.WriteFile(f.Path+".new", nil, 0o600))
			_, err = f.Add(ctx)
			require.ErrorIs(t, err, commerce.ErrConflict)
			require.ErrorContains(t, err, ".new is there")
			require.NoError(t, os.Remove(f.Path+".new"))
			left, err := os.ReadDir(filepath.Dir(f.Path))
			require.NoError(t, err)
			require.Len(t, left, 1)
		})
	}
}

func TestARingFileThatCanNotBeReadSaysWhyAndNothingOfItsContent(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	kek := newKey(t, "kek")
	clear, sealed := newFile(t, vault.Key{}), newFile(t, kek)
	write := func(text string, mode os.FileMode) keyring.File {
		f := keyring.File{Path: filepath.Join(t.TempDir(), "ring.json")}
		require.NoError(t, os.WriteFile(f.Path, []byte(text), mode))
		return f
	}
	text, err := os.ReadFile(clear.Path)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		file keyring.File
		kind commerce.Kind
		text string
	}{
		"none":                                {keyring.File{Path: filepath.Join(t.TempDir(), "no.json")}, commerce.KindNotFound, "no such file"},
		"no JSON":                             {write("AKIA-not-a-ring", 0o600), commerce.KindInvalid, "no Tink keyset in JSON"},
		"half":                                {write(string(text[:len(text)/2]), 0o600), commerce.KindInvalid, "no Tink keyset in JSON"},
		"empty":                               {write("", 0o600), commerce.KindInvalid, "no Tink keyset in JSON"},
		"sealed, and no KEK is given":         {keyring.File{Path: sealed.Path}, commerce.KindInvalid, "or a sealed one"},
		"not sealed, and a KEK is given":      {keyring.File{Path: clear.Path, KEK: kek.AEAD}, commerce.KindInvalid, "no sealed Tink keyset"},
		"sealed by another key":               {keyring.File{Path: sealed.Path, KEK: newKey(t, "other").AEAD}, commerce.KindUnavailable, "File.KEK"},
		"sealed, and the key service is away": {keyring.File{Path: sealed.Path, KEK: service{context.DeadlineExceeded}}, commerce.KindUnavailable, "deadline exceeded"},
		"endless":                             {write(string(make([]byte, 1<<20+1)), 0o600), commerce.KindLimit, "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := c.file.Load(ctx)
			require.Equal(t, c.kind, commerce.KindOf(err), "%v", err)
			require.ErrorContains(t, err, c.text)
			require.NotContains(t, err.Error(), "AKIA")
			require.NotContains(t, err.Error(), "keyData")
			_, err = c.file.Add(ctx)
			require.Equal(t, c.kind, commerce.KindOf(err), "%v", err)
			require.True(t, commerce.SafeToRetry(err))
			require.NoFileExists(t, c.file.Path+".new")
		})
	}
	if runtime.GOOS != "windows" {
		open := write(string(text), 0o600)
		require.NoError(t, os.Chmod(open.Path, 0o644))
		_, err := open.Load(ctx)
		require.ErrorContains(t, err, "everybody may read the keys")
		info, err := os.Stat(clear.Path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	require.ErrorIs(t, keyring.File{}.Create(ctx), commerce.ErrInvalid)
}

func TestARingComesFromAText(t *testing.T) {
	t.Parallel()
	f := newFile(t, vault.Key{})
	text, err := os.ReadFile(f.Path)
	require.NoError(t, err)
	fromText, err := keyring.Parse(commerce.NewSecret(string(text)))
	require.NoError(t, err)
	fromFile, err := f.Load(t.Context())
	require.NoError(t, err)
	require.Equal(t, fromFile.Primary(), fromText.Primary())
	for _, bad := range []string{"", "{}", "AKIA-not-a-ring", `{"primaryKeyId":1,"key":[]}`} {
		_, err = keyring.Parse(commerce.NewSecret(bad))
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.NotContains(t, err.Error(), "AKIA")
	}
}
