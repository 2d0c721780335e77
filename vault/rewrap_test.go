package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/vault"
)

// rotating is a vault whose ring a test changes.
func rotating(t *testing.T, store vault.Store, ring **vault.Ring) *vault.Vault {
	t.Helper()
	return newVault(t, vault.Config{Store: store, Ring: func(context.Context) (*vault.Ring, error) { return *ring, nil }})
}

func sealMany(t *testing.T, v *vault.Vault, n int) {
	t.Helper()
	for i := range n {
		_, err := v.Seal(t.Context(), owner, fmt.Sprintf("%03d", i), fmt.Append(nil, "secret ", i), 0)
		require.NoError(t, err)
	}
}

func TestARewrapGoesOnWhereItWasCutOff(t *testing.T) {
	t.Parallel()
	k1, k2 := newKey(t, "k1"), newKey(t, "k2")
	var store vault.Memory
	ring := newRing(t, "k1", k1, k2)
	v := rotating(t, &store, &ring)
	sealMany(t, v, 50)
	ring = newRing(t, "k2", k1, k2)
	ctx, cancel := context.WithCancel(t.Context())
	first, err := v.Rewrap(ctx, vault.RewrapConfig{Batch: 10, Parallel: 2, Progress: func(at vault.Rewrap) {
		if at.Done == 20 {
			cancel()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, vault.Rewrap{Key: "k2", Done: 20}, first)
	var told []int
	rest, err := v.Rewrap(t.Context(), vault.RewrapConfig{Batch: 10, Progress: func(at vault.Rewrap) { told = append(told, at.Done) }})
	require.NoError(t, err)
	require.Equal(t, vault.Rewrap{Key: "k2", Done: 30}, rest)
	require.Equal(t, []int{10, 20, 30}, told)
	none, err := v.Rewrap(t.Context(), vault.RewrapConfig{})
	require.NoError(t, err)
	require.Equal(t, vault.Rewrap{Key: "k2"}, none)
}

func TestARewrapSealsUnderADataKeyOfItsOwn(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	k1, k2 := newKey(t, "k1"), newKey(t, "k2")
	var store vault.Memory
	ring := newRing(t, "k1", k1, k2)
	v := rotating(t, &store, &ring)
	sealMany(t, v, 1)
	before, err := store.Get(ctx, owner, "000")
	require.NoError(t, err)
	ring = newRing(t, "k2", k1, k2)
	_, err = v.Rewrap(ctx, vault.RewrapConfig{})
	require.NoError(t, err)
	after, err := store.Get(ctx, owner, "000")
	require.NoError(t, err)
	require.Equal(t, before.Version, after.Version)
	require.Equal(t, before.Changed, after.Changed)
	const body = 30 // the secret's 8 bytes, its tag and more
	require.False(t, bytes.Equal(before.Sealed[len(before.Sealed)-body:], after.Sealed[len(after.Sealed)-body:]),
		"who knew the old data key gains nothing")
	// The old row put back is one under an old key, which may be refused.
	require.NoError(t, store.Reseal(ctx, before, "k2"))
	believes := newVault(t, vault.Config{Store: &store, Ring: vault.Fixed(ring), MinKey: "k2"})
	_, _, err = believes.Open(ctx, owner, "000")
	require.Equal(t, vault.CodeKeyTooOld, code(err))
}

func TestARewrapLeavesAloneWhatDoesNotOpenAndNamesIt(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	k0, k1, k2 := newKey(t, "k0"), newKey(t, "k1"), newKey(t, "k2")
	var store vault.Memory
	ring := newRing(t, "k1", k0, k1, k2)
	v := rotating(t, &store, &ring)
	sealMany(t, v, 30)
	for i := 0; i < 30; i += 2 {
		r, err := store.Get(ctx, owner, fmt.Sprintf("%03d", i))
		require.NoError(t, err)
		r.Sealed = bytes.Clone(r.Sealed)
		r.Sealed[len(r.Sealed)-1] ^= 1
		require.NoError(t, store.Reseal(ctx, r, "k1"))
	}
	ring = newRing(t, "k2", k0, k1, k2)
	got, err := v.Rewrap(ctx, vault.RewrapConfig{Batch: 7})
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.ErrorContains(t, err, "vault: rewrap: 15 records do not open")
	require.ErrorContains(t, err, "open 000 of t1/stripe/acct_1/live/: record_altered")
	require.ErrorContains(t, err, "open 018 of")
	require.NotContains(t, err.Error(), "open 020 of", "ten are named")
	require.Equal(t, vault.Rewrap{Key: "k2", Done: 15, Refused: 15}, got)
	n, err := v.Usage(ctx)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"k1": 15, "k2": 15}, n)
}

// contested is a store in which somebody else is always a little quicker.
type contested struct {
	vault.Memory
	quicker func(vault.Record)
}

func (s *contested) Reseal(ctx context.Context, r vault.Record, key string) error {
	s.quicker(r)
	return s.Memory.Reseal(ctx, r, key)
}

func TestARewrapThatIsOvertakenLosesNoWrite(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	k1, k2 := newKey(t, "k1"), newKey(t, "k2")
	var store contested
	ring := newRing(t, "k1", k1, k2)
	v := rotating(t, &store, &ring)
	old := newVault(t, vault.Config{Store: &store, Ring: vault.Fixed(ring)}) // another program, with the ring from before
	sealMany(t, v, 3)
	overtaken := 0
	store.quicker = func(r vault.Record) {
		if r.Name == "001" && overtaken == 0 {
			overtaken++
			_, err := old.Seal(ctx, r.Owner, r.Name, []byte("newer"), r.Version)
			require.NoError(t, err)
		}
	}
	ring = newRing(t, "k2", k1, k2)
	got, err := v.Rewrap(ctx, vault.RewrapConfig{})
	require.NoError(t, err)
	require.Equal(t, vault.Rewrap{Key: "k2", Done: 3, Overtaken: 1}, got, "the next pass takes what came meanwhile")
	secret, version, err := v.Open(ctx, owner, "001")
	require.NoError(t, err)
	require.Equal(t, "newer", string(secret))
	require.EqualValues(t, 2, version)

	// A program that never learns of the new key.
	store.quicker = func(r vault.Record) {
		if _, err := old.Seal(ctx, r.Owner, r.Name, []byte("again"), r.Version); err != nil {
			require.ErrorIs(t, err, commerce.ErrConflict)
		}
	}
	_, version, err = old.Open(ctx, owner, "000")
	require.NoError(t, err)
	_, err = old.Seal(ctx, owner, "000", []byte("again"), version)
	require.NoError(t, err)
	_, err = v.Rewrap(ctx, vault.RewrapConfig{Passes: 3})
	require.ErrorIs(t, err, commerce.ErrConflict)
	require.ErrorContains(t, err, "have all programs load the ring")
}

func TestARewrapEndsWithTheStore(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	k1, k2 := newKey(t, "k1"), newKey(t, "k2")
	var store broken
	ring := newRing(t, "k1", k1, k2)
	v := rotating(t, &store, &ring)
	sealMany(t, v, 3)
	ring = newRing(t, "k2", k1, k2)
	store.err = &commerce.Error{Kind: commerce.KindUnavailable, System: "sqlstore", Text: "away"}
	_, err := v.Rewrap(ctx, vault.RewrapConfig{})
	require.ErrorIs(t, err, commerce.ErrUnavailable)
	for name, c := range map[string]vault.RewrapConfig{"Batch": {Batch: -1}, "Parallel": {Parallel: -1}, "Passes": {Passes: -1}} {
		_, err := v.Rewrap(ctx, c)
		require.ErrorContains(t, err, "RewrapConfig."+name)
	}
	ring = nil
	_, err = v.Rewrap(ctx, vault.RewrapConfig{})
	require.ErrorContains(t, err, "Config.Ring")
}

// broken is a store that can not be written.
type broken struct {
	vault.Memory
	err error
}

func (s *broken) Reseal(ctx context.Context, r vault.Record, key string) error {
	return errors.Join(s.err)
}
