package vault_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/clock"
	"github.com/commercesync/commerce/vault"
)

func TestNoNonceAndNoDataKeyComesTwice(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	var store vault.Memory
	v := newVault(t, vault.Config{Store: &store})
	seen := map[string]bool{}
	for version := range int64(3000) {
		_, err := v.Seal(ctx, owner, "k", []byte("the same secret"), version)
		require.NoError(t, err)
		r, err := store.Get(ctx, owner, "k")
		require.NoError(t, err)
		const wrapped = 19 // form, mark, version and length stand before it
		for _, part := range [][]byte{
			r.Sealed[wrapped+5 : wrapped+17],                                // the wrapping key's nonce
			r.Sealed[wrapped+17 : wrapped+49],                               // the data key, encrypted
			r.Sealed[wrapped+65+4 : wrapped+65+4+12],                        // the data key's nonce
			r.Sealed[wrapped+65+4+12 : wrapped+65+4+12+len("the same sec")], // the secret, encrypted
		} {
			require.False(t, seen[string(part)])
			seen[string(part)] = true
		}
	}
}

func TestWhatWasDeletedDoesNotOpenFromMemory(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	var store vault.Memory
	ring := vault.Fixed(newRing(t, "k1", newKey(t, "k1")))
	here, there := newVault(t, vault.Config{Store: &store, Ring: ring}), newVault(t, vault.Config{Store: &store, Ring: ring})
	n, err := here.Seal(ctx, owner, "k", []byte("x"), 0)
	require.NoError(t, err)
	old, err := store.Get(ctx, owner, "k")
	require.NoError(t, err)
	for _, v := range []*vault.Vault{here, there} {
		_, _, err := v.Open(ctx, owner, "k")
		require.NoError(t, err)
	}
	require.NoError(t, here.Delete(ctx, owner, "k", n))
	for _, v := range []*vault.Vault{here, there} {
		_, _, err := v.Open(ctx, owner, "k")
		require.ErrorIs(t, err, commerce.ErrNotFound)
	}
	// The old envelope under the version that stands: in the place of a deletion, and of
	// the next credential.
	for _, version := range []int64{n + 1, n + 2} {
		bad := old
		bad.Version = version
		_, _, err := newVault(t, vault.Config{Store: &oneRecord{Record: bad}, Ring: ring}).Open(ctx, owner, "k")
		require.Equal(t, vault.CodeRecordReplayed, code(err))
	}
}

// switching is a store whose answer a test changes.
type switching struct {
	vault.Memory
	answer *vault.Record
}

func (s *switching) Get(ctx context.Context, o commerce.Ref, name string) (vault.Record, error) {
	if s.answer != nil {
		return *s.answer, nil
	}
	return s.Memory.Get(ctx, o, name)
}

func TestARememberedDataKeyOpensNothingElse(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	var store switching
	v := newVault(t, vault.Config{Store: &store})
	other := owner
	other.Tenant = "t2"
	for _, o := range []commerce.Ref{owner, other} {
		_, err := v.Seal(ctx, o, "k", []byte("of "+o.Tenant), 0)
		require.NoError(t, err)
	}
	mine, err := store.Get(ctx, owner, "k")
	require.NoError(t, err)
	theirs, err := store.Get(ctx, other, "k")
	require.NoError(t, err)
	for name, change := range map[string]func(*vault.Record){
		"another's row":      func(r *vault.Record) { *r = theirs },
		"another's envelope": func(r *vault.Record) { r.Sealed = theirs.Sealed },
		"another version":    func(r *vault.Record) { r.Version = 2 },
		"another key":        func(r *vault.Record) { r.Key = "k2" },
		"a body that was altered": func(r *vault.Record) {
			r.Sealed = bytes.Clone(r.Sealed)
			r.Sealed[len(r.Sealed)-1] ^= 1
		},
		"a body that was cut": func(r *vault.Record) { r.Sealed = r.Sealed[:len(r.Sealed)-1] },
	} {
		r := mine
		change(&r)
		store.answer = &r
		secret, _, err := v.Open(ctx, owner, "k")
		require.Error(t, err, name)
		require.Empty(t, secret, name)
		store.answer = &mine
		secret, _, err = v.Open(ctx, owner, "k")
		require.NoError(t, err)
		require.Equal(t, "of t1", string(secret))
	}
}

func TestAWriterFromBeforeADeletionOverwritesNothing(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	now := clock.At(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC))
	v := newVault(t, vault.Config{Now: now.Now})
	_, err := v.Seal(ctx, owner, "k", []byte("of the connection before"), 0)
	require.NoError(t, err)
	_, seen, err := v.Open(ctx, owner, "k") // by somebody slow
	require.NoError(t, err)
	require.NoError(t, v.Delete(ctx, owner, "k", seen))
	now.Advance(time.Hour)
	n, err := v.Prune(ctx, now.Now().Add(-24*time.Hour))
	require.NoError(t, err)
	require.Zero(t, n)
	_, err = v.Seal(ctx, owner, "k", []byte("of the connection after"), 0)
	require.NoError(t, err)
	_, err = v.Seal(ctx, owner, "k", []byte("late"), seen)
	require.ErrorIs(t, err, commerce.ErrConflict)
	require.ErrorIs(t, v.Delete(ctx, owner, "k", seen), commerce.ErrConflict)
}
