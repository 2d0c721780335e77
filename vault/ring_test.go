package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/clock"
	"github.com/commercesync/commerce/vault"
)

func TestARingThatCanNotBeIsRefused(t *testing.T) {
	t.Parallel()
	k1, k2 := newKey(t, "k1"), newKey(t, "k2")
	retired := vault.Key{ID: "k1", Retired: true}
	for name, c := range map[string]struct {
		primary string
		keys    []vault.Key
		text    string
	}{
		"no keys":                     {"k1", nil, "none of the keys"},
		"a primary that is not there": {"k3", []vault.Key{k1, k2}, "none of the keys"},
		"a retired primary":           {"k1", []vault.Key{retired, k2}, "retired"},
		"two of one name":             {"k1", []vault.Key{k1, k1}, "two keys"},
		"a key without a name":        {"", []vault.Key{{AEAD: k1.AEAD}}, "key 1: ID"},
		"a key without a key":         {"k1", []vault.Key{{ID: "k1"}}, "AEAD is nil"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := vault.NewRing(c.primary, c.keys...)
			require.ErrorIs(t, err, commerce.ErrInvalid)
			require.ErrorContains(t, err, c.text)
		})
	}
}

func TestAKeyThatCameIntoTheRingMeanwhileIsLoaded(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	k1, k2, k3 := newKey(t, "k1"), newKey(t, "k2"), newKey(t, "k3")
	var store vault.Memory
	now := clock.At(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC))
	ring, loads := newRing(t, "k1", k1), 0
	old := newVault(t, vault.Config{Store: &store, Now: now.Now, Ring: func(context.Context) (*vault.Ring, error) {
		loads++
		return ring, nil
	}})
	for i, ahead := range []*vault.Ring{newRing(t, "k2", k1, k2), newRing(t, "k3", k1, k2, k3)} {
		_, err := newVault(t, vault.Config{Store: &store, Ring: vault.Fixed(ahead)}).Seal(ctx, owner, fmt.Sprint(i), []byte("x"), 0)
		require.NoError(t, err)
	}
	require.Equal(t, 1, loads)
	ring = newRing(t, "k2", k1, k2)
	now.Advance(10 * time.Second)
	_, _, err := old.Open(ctx, owner, "0")
	require.NoError(t, err)
	require.Equal(t, 2, loads)

	ring = newRing(t, "k3", k1, k2, k3)
	_, _, err = old.Open(ctx, owner, "1")
	require.Equal(t, vault.CodeKeyUnknown, code(err), "not loaded again at once, whatever is in the table")
	require.Equal(t, 2, loads)
	now.Advance(10 * time.Second)
	_, _, err = old.Open(ctx, owner, "1")
	require.NoError(t, err)
	require.Equal(t, 3, loads)
}

func TestAPromotionIsHeardOfInTime(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	k1, k2 := newKey(t, "k1"), newKey(t, "k2")
	var store vault.Memory
	var logged bytes.Buffer
	now := clock.At(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC))
	ring, loads, fails := newRing(t, "k1", k1, k2), 0, error(nil)
	v := newVault(t, vault.Config{Store: &store, Now: now.Now, RingFor: time.Minute, ReloadEvery: 5 * time.Second,
		Logger: slog.New(slog.NewTextHandler(&logged, nil)),
		Ring: func(context.Context) (*vault.Ring, error) {
			loads++
			return ring, fails
		}})
	sealsUnder := func(want string) {
		t.Helper()
		r, err := store.Get(ctx, owner, "k")
		if err != nil {
			require.ErrorIs(t, err, commerce.ErrNotFound)
		}
		_, err = v.Seal(ctx, owner, "k", []byte("x"), r.Version)
		require.NoError(t, err)
		r, err = store.Get(ctx, owner, "k")
		require.NoError(t, err)
		require.Equal(t, want, r.Key)
	}
	sealsUnder("k1")
	ring = newRing(t, "k2", k1, k2)
	now.Advance(time.Minute - 1)
	sealsUnder("k1")
	now.Advance(1)
	fails = errors.New("the file is being written")
	sealsUnder("k1")
	sealsUnder("k1")
	require.Equal(t, 2, loads, "not tried again at once")
	require.Contains(t, logged.String(), "the file is being written")
	fails = nil
	now.Advance(5 * time.Second)
	sealsUnder("k2")
	sealsUnder("k2")
	require.Equal(t, 3, loads)

	k2.Retired = true
	ring = newRing(t, "k1", k1, k2)
	now.Advance(time.Minute)
	_, _, err := v.Open(ctx, owner, "k")
	require.Equal(t, vault.CodeKeyRetired, code(err), "though its data key was remembered")
}

func TestAKeyThatIsNotFoundIsNoCredentialThatIsNotFound(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	k1, k2 := newKey(t, "k1"), newKey(t, "k2")
	var store vault.Memory
	_, err := newVault(t, vault.Config{Store: &store, Ring: vault.Fixed(newRing(t, "k1", k1))}).Seal(ctx, owner, "k", []byte("x"), 0)
	require.NoError(t, err)
	now := clock.At(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC))
	for _, kind := range []commerce.Kind{commerce.KindNotFound, commerce.KindConflict} {
		gone := &commerce.Error{Kind: kind, System: "kms", Text: "alias/k1"}
		away := k1
		away.AEAD = service{gone}
		loaded := false
		for name, v := range map[string]*vault.Vault{
			"the service has no such key": newVault(t, vault.Config{Store: &store, Ring: vault.Fixed(newRing(t, "k1", away))}),
			"the ring's file is away": newVault(t, vault.Config{Store: &store, Now: now.Now, Ring: func(context.Context) (*vault.Ring, error) {
				if loaded {
					return nil, gone
				}
				loaded = true
				return newRing(t, "k2", k2), nil
			}}),
		} {
			now.Advance(time.Hour)
			_, _, err := v.Open(ctx, owner, "k")
			require.ErrorIs(t, err, commerce.ErrUnavailable, name)
			require.NotErrorIs(t, err, commerce.ErrNotFound, name)
			require.NotErrorIs(t, err, commerce.ErrConflict, name)
			require.ErrorContains(t, err, "alias/k1", name)
		}
	}
}

func TestARingThatDoesNotLoadLeavesTheOneAtHand(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	k1, k2 := newKey(t, "k1"), newKey(t, "k2")
	ring := newRing(t, "k1", k1)
	v := newVault(t, vault.Config{MinKey: "k1", Ring: func(context.Context) (*vault.Ring, error) { return ring, nil }})
	_, err := v.Seal(ctx, owner, "k", []byte("x"), 0)
	require.NoError(t, err)
	for _, bad := range []*vault.Ring{nil, newRing(t, "k2", k2), newRing(t, "k2", k2, k1)} {
		ring = bad
		require.ErrorIs(t, v.Reload(ctx), commerce.ErrInvalid)
		_, _, err = v.Open(ctx, owner, "k")
		require.NoError(t, err)
	}
}

func TestAKeyThatIsRetiredOpensNothingThatItUnwrappedBefore(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	k1, k2 := newKey(t, "k1"), newKey(t, "k2")
	ring := newRing(t, "k1", k1, k2)
	v := newVault(t, vault.Config{Ring: func(context.Context) (*vault.Ring, error) { return ring, nil }})
	_, err := v.Seal(ctx, owner, "k", []byte("x"), 0)
	require.NoError(t, err)
	_, _, err = v.Open(ctx, owner, "k")
	require.NoError(t, err)
	k1.Retired = true
	ring = newRing(t, "k2", k1, k2)
	require.NoError(t, v.Reload(ctx))
	_, _, err = v.Open(ctx, owner, "k")
	require.Equal(t, vault.CodeKeyRetired, code(err))
}

// counted counts what a key unwraps.
type counted struct {
	vault.Key
	n *int
}

func (c counted) EncryptWithContext(ctx context.Context, plain, associated []byte) ([]byte, error) {
	return c.AEAD.EncryptWithContext(ctx, plain, associated)
}

func (c counted) DecryptWithContext(ctx context.Context, sealed, associated []byte) ([]byte, error) {
	*c.n++
	return c.AEAD.DecryptWithContext(ctx, sealed, associated)
}

func TestADataKeyIsUnwrappedOnceInItsLifeAndNoMoreThanSomeAreKept(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	unwraps := 0
	now := clock.At(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC))
	ring := newRing(t, "k1", vault.Key{ID: "k1", AEAD: counted{newKey(t, "k1"), &unwraps}})
	v := newVault(t, vault.Config{Now: now.Now, CacheSize: 3, CacheFor: time.Minute, Ring: vault.Fixed(ring)})
	open := func(name string) {
		t.Helper()
		_, _, err := v.Open(ctx, owner, name)
		require.NoError(t, err)
	}
	n, err := v.Seal(ctx, owner, "a", []byte("x"), 0)
	require.NoError(t, err)
	open("a")
	require.Zero(t, unwraps, "who sealed it knows it")
	now.Advance(time.Minute - 1)
	open("a")
	require.Zero(t, unwraps)
	now.Advance(1)
	open("a")
	open("a")
	require.Equal(t, 1, unwraps, "its life is over")
	_, err = v.Seal(ctx, owner, "a", []byte("y"), n)
	require.NoError(t, err)
	open("a")
	require.Equal(t, 1, unwraps)

	for i := range 10 {
		_, err := v.Seal(ctx, owner, fmt.Sprint(i), []byte("x"), 0)
		require.NoError(t, err)
	}
	unwraps = 0
	for i := range 10 {
		open(fmt.Sprint(i))
	}
	require.GreaterOrEqual(t, unwraps, 7)

	off := newVault(t, vault.Config{CacheFor: -1, Ring: vault.Fixed(ring)})
	_, err = off.Seal(ctx, owner, "a", []byte("x"), 0)
	require.NoError(t, err)
	unwraps = 0
	for range 3 {
		_, _, err := off.Open(ctx, owner, "a")
		require.NoError(t, err)
	}
	require.Equal(t, 3, unwraps)
}
