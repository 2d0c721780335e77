package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/vault"
)

// hundred seals a hundred records of as many owners and returns what the store keeps.
func hundred(t *testing.T, store *vault.Memory, v *vault.Vault) (all []vault.Record, secrets []string) {
	t.Helper()
	for i := range 100 {
		o := commerce.Ref{Tenant: fmt.Sprint("t", i/10), System: []string{"stripe", "magento"}[i%2],
			Account: fmt.Sprint("acct_", i%10), Mode: []commerce.Mode{commerce.Live, commerce.Test}[i/2%2]}
		name := []string{"api_key", "webhook_secret", "refresh_token"}[i%3]
		secret := fmt.Sprintf("secret-%03d-%s", i, strings.Repeat("x", i/4))
		_, err := v.Seal(t.Context(), o, name, []byte(secret), 0)
		require.NoError(t, err)
		r, err := store.Get(t.Context(), o, name)
		require.NoError(t, err)
		all, secrets = append(all, r), append(secrets, secret)
	}
	return all, secrets
}

// oneRecord is a store that always answers with one record.
type oneRecord struct {
	vault.Memory
	vault.Record
}

func (s *oneRecord) Get(context.Context, commerce.Ref, string) (vault.Record, error) {
	return s.Record, nil
}

func TestOfAHundredRecordsNothingOpensThatWasTamperedWith(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	var store vault.Memory
	ring := newRing(t, "k2", newKey(t, "k1"), newKey(t, "k2"))
	all, secrets := hundred(t, &store, newVault(t, vault.Config{Store: &store, Ring: vault.Fixed(ring)}))
	for _, size := range []int{-1, 1000} { // without remembered data keys and with
		var bad oneRecord
		v := newVault(t, vault.Config{Store: &bad, Ring: vault.Fixed(ring), CacheSize: size, ReloadEvery: 1 << 50})
		opened, tried, codes, texts := 0, 0, map[string]int{}, map[string]string{}
		try := func(r, as vault.Record) {
			tried++
			bad.Record = r
			secret, _, err := v.Open(ctx, as.Owner, as.Name)
			if err == nil || len(secret) > 0 {
				opened++
				return
			}
			c := code(err)
			if codes[c]++; codes[c] == 1 {
				texts[c] = err.Error()
			}
		}
		for i, r := range all {
			bad.Record = r
			secret, _, err := v.Open(ctx, r.Owner, r.Name)
			require.NoError(t, err)
			require.Equal(t, secrets[i], string(secret))

			for bit := range 8 * len(r.Sealed) {
				flipped := r
				flipped.Sealed = bytes.Clone(r.Sealed)
				flipped.Sealed[bit/8] ^= 1 << (bit % 8)
				try(flipped, r)
			}
			for n := 1; n < len(r.Sealed); n++ { // of no bytes the record is a deleted one
				cut := r
				cut.Sealed = r.Sealed[:n]
				try(cut, r)
				cut.Sealed = r.Sealed[n:]
				try(cut, r)
			}
			longer := r
			longer.Sealed = append(bytes.Clone(r.Sealed), 0)
			try(longer, r)
			for _, version := range []int64{0, 2, -1, 1 << 32} {
				other := r
				other.Version = version
				try(other, r)
			}
			for _, key := range []string{"", "k1", "K2", "k2 "} {
				other := r
				other.Key = key
				try(other, r)
			}
			for j, other := range all {
				if i == j {
					continue
				}
				try(other, r) // as a whole
				swapped := r
				swapped.Sealed = other.Sealed
				try(swapped, r)
				// The data key of one before the body of another.
				swapped.Sealed = slices.Concat(r.Sealed[:19+65], other.Sealed[19+65:])
				try(swapped, r)
			}
			for _, as := range []func(*vault.Record){
				func(r *vault.Record) { r.Owner.Tenant += "x" },
				func(r *vault.Record) { r.Owner.System = "erp" },
				func(r *vault.Record) { r.Owner.Account = "" },
				func(r *vault.Record) { r.Owner.Mode += "x" },
				func(r *vault.Record) { r.Owner.ID = "x" },
				func(r *vault.Record) { r.Name += "x" },
				// The same letters, cut at another place.
				func(r *vault.Record) {
					r.Owner.Tenant, r.Owner.System = r.Owner.Tenant+r.Owner.System[:1], r.Owner.System[1:]
				},
			} {
				other := r
				as(&other)
				try(other, other)
			}
		}
		require.Zero(t, opened)
		require.Greater(t, tried, 100_000)
		for _, c := range []string{vault.CodeRecordCut, vault.CodeRecordAltered, vault.CodeRecordMoved, vault.CodeRecordReplayed, vault.CodeRecordFormat, vault.CodeKeyUnknown} {
			require.Positive(t, codes[c], c)
		}
		require.Zero(t, codes[""])
		for _, text := range texts {
			require.NotContains(t, text, "secret-")
		}
		t.Logf("%d altered records, %d opened: %v", tried, opened, codes)
	}
}

func TestWithoutAssociatedDataSwappedRecordsOpen(t *testing.T) {
	t.Parallel()
	// The control: the same library and kind of key, a data key for each record, and
	// nothing that binds them to their owners.
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	require.NoError(t, err)
	kek, err := aead.New(h)
	require.NoError(t, err)
	envelope := aead.NewKMSEnvelopeAEAD2(aead.AES256GCMKeyTemplate(), kek)
	var records [][]byte
	for i := range 100 {
		sealed, err := envelope.Encrypt(fmt.Append(nil, "secret ", i), nil)
		require.NoError(t, err)
		records = append(records, sealed)
	}
	opened := 0
	for i := range records {
		for j := range records {
			if i != j {
				if secret, err := envelope.Decrypt(records[j], nil); err == nil && string(secret) == fmt.Sprint("secret ", j) {
					opened++
				}
			}
		}
	}
	require.Equal(t, 100*99, opened, "whoever swaps rows reads another's secret")
}

func TestEachRefusalSaysWhatIsTheMatterAndWhatToDo(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	k1, k2, k3 := newKey(t, "k1"), newKey(t, "k2"), newKey(t, "k3")
	retired := k1
	retired.Retired = true
	var store vault.Memory
	_, err := newVault(t, vault.Config{Store: &store, Ring: vault.Fixed(newRing(t, "k1", k1))}).Seal(ctx, owner, "api_key", []byte("secret"), 0)
	require.NoError(t, err)
	good, err := store.Get(ctx, owner, "api_key")
	require.NoError(t, err)

	away := k1
	away.AEAD = service{err: errors.New("AccessDeniedException: no")}
	timeout := k1
	timeout.AEAD = service{err: fmt.Errorf("post: %w", context.DeadlineExceeded)}
	for name, c := range map[string]struct {
		ring *vault.Ring
		min  string
		kind commerce.Kind
		code string
		text string
	}{
		"a retired key":             {ring: newRing(t, "k2", retired, k2), kind: commerce.KindForbidden, code: vault.CodeKeyRetired, text: "retired"},
		"a key below the minimum":   {ring: newRing(t, "k3", k1, k2, k3), min: "k2", kind: commerce.KindForbidden, code: vault.CodeKeyTooOld, text: "Config.MinKey"},
		"an unknown key":            {ring: newRing(t, "k2", k2), kind: commerce.KindUnavailable, code: vault.CodeKeyUnknown, text: "the ring has no key"},
		"another key of that name":  {ring: newRing(t, "k1", vault.Key{ID: "k1", AEAD: k2.AEAD}), kind: commerce.KindInvalid, code: vault.CodeRecordAltered, text: "backup"},
		"a key service that denies": {ring: newRing(t, "k1", away), kind: commerce.KindUnavailable, code: vault.CodeKeyService, text: "denies access"},
		"a key service that hangs":  {ring: newRing(t, "k1", timeout), kind: commerce.KindUnavailable, code: vault.CodeKeyService, text: "can not be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVault(t, vault.Config{Store: &oneRecord{Record: good}, Ring: vault.Fixed(c.ring), MinKey: c.min})
			_, _, err := v.Open(t.Context(), owner, "api_key")
			require.Equal(t, c.kind, commerce.KindOf(err))
			require.Equal(t, c.code, code(err))
			require.ErrorContains(t, err, c.text)
			require.ErrorContains(t, err, "vault: open api_key of t1/stripe/acct_1/live/: ")
		})
	}
}

// service is a key service that fails.
type service struct{ err error }

func (s service) EncryptWithContext(context.Context, []byte, []byte) ([]byte, error) {
	return nil, s.err
}

func (s service) DecryptWithContext(context.Context, []byte, []byte) ([]byte, error) {
	return nil, s.err
}

func TestWhatCanNotBeWrappedIsNotWritten(t *testing.T) {
	t.Parallel()
	var store vault.Memory
	for name, key := range map[string]vault.Key{
		"the service is away":           {ID: "k1", AEAD: service{context.DeadlineExceeded}},
		"the service says nothing":      {ID: "k1", AEAD: service{}},
		"the service says no such key":  {ID: "k1", AEAD: service{commerce.ErrNotFound}},
		"the service refuses this user": {ID: "k1", AEAD: service{&commerce.Error{Kind: commerce.KindForbidden, System: "kms"}}},
	} {
		v := newVault(t, vault.Config{Store: &store, Ring: vault.Fixed(newRing(t, "k1", key))})
		_, err := v.Seal(t.Context(), owner, "k", []byte("secret"), 0)
		require.Equal(t, vault.CodeKeyService, code(err), name)
		require.True(t, commerce.SafeToRetry(err), name)
		require.NotErrorIs(t, err, commerce.ErrNotFound, name)
		_, err = store.Get(t.Context(), owner, "k")
		require.ErrorIs(t, err, commerce.ErrNotFound, name)
	}
}

// failing is a store that is away, or whose answers get lost.
type failing struct {
	vault.Memory
	before, after error // of Put
	get           error
}

func (s *failing) Get(ctx context.Context, o commerce.Ref, name string) (vault.Record, error) {
	if s.get != nil {
		return vault.Record{}, s.get
	}
	return s.Memory.Get(ctx, o, name)
}

func (s *failing) Put(ctx context.Context, r vault.Record, stands int64) error {
	if s.before != nil {
		return s.before
	}
	if err := s.Memory.Put(ctx, r, stands); err != nil {
		return err
	}
	return s.after
}

func TestAStoreThatIsAwaySaysSoAndAnAnswerThatGotLostIsLookedUp(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	away := &commerce.Error{Kind: commerce.KindUnavailable, System: "sqlstore", Op: "get credential", Outcome: commerce.NotSent, Text: "refused"}
	lost := &commerce.Error{Kind: commerce.KindUnavailable, System: "sqlstore", Op: "put credential", Outcome: commerce.Unknown}
	var store failing
	v := newVault(t, vault.Config{Store: &store})

	store.get = away
	_, _, err := v.Open(ctx, owner, "k")
	require.ErrorIs(t, err, commerce.ErrUnavailable)
	require.ErrorContains(t, err, "vault: open k of t1/stripe/acct_1/live/: sqlstore: get credential: refused")
	_, err = v.Seal(ctx, owner, "k", []byte("x"), 0)
	require.True(t, commerce.SafeToRetry(err))
	err = v.Delete(ctx, owner, "k", 1)
	require.ErrorIs(t, err, commerce.ErrUnavailable)
	require.True(t, commerce.SafeToRetry(err))

	store.get, store.before = nil, away
	_, err = v.Seal(ctx, owner, "k", []byte("x"), 0)
	require.ErrorIs(t, err, commerce.ErrUnavailable)
	require.True(t, commerce.SafeToRetry(err))

	store.before, store.after = nil, lost
	n, err := v.Seal(ctx, owner, "k", []byte("x"), 0)
	require.NoError(t, err, "it was written, as a look shows")
	require.EqualValues(t, 1, n)
	require.NoError(t, v.Delete(ctx, owner, "k", n))

	store.before = lost
	_, err = v.Seal(ctx, owner, "k", []byte("x"), 0)
	require.ErrorIs(t, err, commerce.ErrUnknown, "it is not there, and may still come")
}
