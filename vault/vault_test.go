package vault_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/clock"
	"github.com/commercesync/commerce/vault"
	"github.com/commercesync/commerce/vault/keyring"
)

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

func newRing(t testing.TB, primary string, keys ...vault.Key) *vault.Ring {
	t.Helper()
	r, err := vault.NewRing(primary, keys...)
	require.NoError(t, err)
	return r
}

// newFile makes a ring in a file.
func newFile(t testing.TB) keyring.File {
	t.Helper()
	f := keyring.File{Path: filepath.Join(t.TempDir(), "ring.json")}
	require.NoError(t, f.Create(t.Context()))
	return f
}

func newVault(t testing.TB, c vault.Config) *vault.Vault {
	t.Helper()
	if c.Store == nil {
		c.Store = &vault.Memory{}
	}
	if c.Ring == nil {
		c.Ring = vault.Fixed(newRing(t, "k1", newKey(t, "k1")))
	}
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

func TestASecretComesBackAndVersionsGrow(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	var store vault.Memory
	ring := vault.Fixed(newRing(t, "k1", newKey(t, "k1")))
	v := newVault(t, vault.Config{Store: &store, Ring: ring})
	_, _, err := v.Open(ctx, owner, "api_key")
	require.ErrorIs(t, err, commerce.ErrNotFound)

	n, err := v.Seal(ctx, owner, "api_key", []byte("sk_live_1"), 0)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	n, err = v.Seal(ctx, owner, "api_key", []byte("sk_live_2"), n)
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
	// With the data key remembered, and without.
	for _, v := range []*vault.Vault{v, newVault(t, vault.Config{Store: &store, Ring: ring})} {
		secret, at, err := v.Open(ctx, owner, "api_key")
		require.NoError(t, err)
		require.EqualValues(t, 2, at)
		require.Equal(t, "sk_live_2", string(secret))
	}
	text, at, err := v.Secret(ctx, owner, "api_key")
	require.NoError(t, err)
	require.EqualValues(t, 2, at)
	require.Equal(t, "sk_live_2", text.Reveal())
}

func TestAWriteThatIsNotAboutTheVersionThatStandsIsRefused(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	v := newVault(t, vault.Config{})
	for _, version := range []int64{1, 7} {
		_, err := v.Seal(ctx, owner, "k", []byte("x"), version)
		require.ErrorIs(t, err, commerce.ErrConflict)
		require.True(t, commerce.SafeToRetry(err))
		require.ErrorIs(t, v.Delete(ctx, owner, "k", version), commerce.ErrNotFound)
	}
	_, err := v.Seal(ctx, owner, "k", []byte("x"), 0)
	require.NoError(t, err)
	for _, version := range []int64{0, 2} {
		_, err := v.Seal(ctx, owner, "k", []byte("x"), version)
		require.ErrorIs(t, err, commerce.ErrConflict)
		require.ErrorIs(t, v.Delete(ctx, owner, "k", version), commerce.ErrConflict)
	}
}

func TestADeletedCredentialIsGoneAndItsVersionsDoNotComeAgain(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	v := newVault(t, vault.Config{})
	n, err := v.Seal(ctx, owner, "k", []byte("first"), 0)
	require.NoError(t, err)
	require.NoError(t, v.Delete(ctx, owner, "k", n))
	_, _, err = v.Open(ctx, owner, "k")
	require.ErrorIs(t, err, commerce.ErrNotFound)
	require.ErrorIs(t, v.Delete(ctx, owner, "k", n), commerce.ErrNotFound)
	require.ErrorIs(t, v.Delete(ctx, owner, "k", n+1), commerce.ErrNotFound)
	for range v.List(ctx, "t1") {
		t.Fatal("a deleted credential is listed")
	}
	again, err := v.Seal(ctx, owner, "k", []byte("second"), 0)
	require.NoError(t, err)
	require.Greater(t, again, n+1)
	_, err = v.Seal(ctx, owner, "k", []byte("late"), n)
	require.ErrorIs(t, err, commerce.ErrConflict, "who knows the one before the deletion overwrites nothing")
}

func TestAListNamesATenantsCredentialsInOrder(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	now := clock.At(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC))
	v := newVault(t, vault.Config{Now: now.Now})
	var want []string
	for i := range 450 {
		o := owner
		o.Account = fmt.Sprintf("acct_%03d", i/2)
		name := []string{"api_key", "webhook_secret"}[i%2]
		want = append(want, o.String()+" "+name)
		_, err := v.Seal(ctx, o, name, []byte("x"), 0)
		require.NoError(t, err)
		o.Tenant = "t2"
		_, err = v.Seal(ctx, o, name, []byte("x"), 0)
		require.NoError(t, err)
	}
	var got []string
	for e, err := range v.List(ctx, "t1") {
		require.NoError(t, err)
		require.Equal(t, now.Now(), e.Changed)
		require.Equal(t, "k1", e.Key)
		require.EqualValues(t, 1, e.Version)
		got = append(got, e.Owner.String()+" "+e.Name)
	}
	require.Equal(t, want, got)
	for range v.List(ctx, "t1") {
		break
	}
}

func TestWhatNoStoreCouldKeepApartIsRefused(t *testing.T) {
	t.Parallel()
	v := newVault(t, vault.Config{MaxSecret: 100})
	for name, c := range map[string]struct {
		owner  commerce.Ref
		name   string
		secret []byte
		kind   commerce.Kind
	}{
		"no system":                {commerce.Ref{Tenant: "t"}, "k", []byte("x"), commerce.KindInvalid},
		"no name":                  {owner, "", []byte("x"), commerce.KindInvalid},
		"a zero byte in the name":  {owner, "a\x00", []byte("x"), commerce.KindInvalid},
		"a name that is no text":   {owner, "\xff", []byte("x"), commerce.KindInvalid},
		"a tenant that is no text": {commerce.Ref{Tenant: "\xff", System: "s"}, "k", []byte("x"), commerce.KindInvalid},
		"an endless account":       {commerce.Ref{System: "s", Account: string(make([]rune, 1000))}, "k", []byte("x"), commerce.KindInvalid},
		"no secret":                {owner, "k", nil, commerce.KindInvalid},
		"a secret that is too big": {owner, "k", make([]byte, 101), commerce.KindLimit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := v.Seal(t.Context(), c.owner, c.name, c.secret, 0)
			require.Equal(t, c.kind, commerce.KindOf(err))
			require.True(t, commerce.SafeToRetry(err))
		})
	}
	_, err := v.Seal(t.Context(), owner, "k", []byte("x"), -1)
	require.ErrorIs(t, err, commerce.ErrInvalid)
}

func TestASettingThatCanNotBeIsNamed(t *testing.T) {
	t.Parallel()
	ring := vault.Fixed(newRing(t, "k1", newKey(t, "k1")))
	for field, c := range map[string]vault.Config{
		"Config.Store":       {Ring: ring},
		"Config.Ring":        {Store: &vault.Memory{}},
		"Config.RingTimeout": {Store: &vault.Memory{}, Ring: ring, RingTimeout: -1},
		"Config.ReloadEvery": {Store: &vault.Memory{}, Ring: ring, ReloadEvery: -1},
		"Config.MaxSecret":   {Store: &vault.Memory{}, Ring: ring, MaxSecret: -1},
		"Config.MinKey":      {Store: &vault.Memory{}, Ring: ring, MinKey: "k0"},
		"returned none":      {Store: &vault.Memory{}, Ring: vault.Fixed(nil)},
	} {
		_, err := vault.New(t.Context(), c)
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.ErrorContains(t, err, field)
	}
	_, err := vault.New(t.Context(), vault.Config{Store: &vault.Memory{}, Ring: func(context.Context) (*vault.Ring, error) {
		return nil, errors.New("the file is on fire")
	}})
	require.ErrorContains(t, err, "vault: load ring: the file is on fire")
}
