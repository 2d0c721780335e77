// Package vaulttest holds the promises of vault.Store and vault.AccessStore as tests:
// every store runs them.
package vaulttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/vault"
)

// Run runs the suite, its tests beside each other; open makes an empty store for each.
func Run(t *testing.T, open func(t *testing.T) vault.Store) {
	for name, test := range map[string]func(*testing.T, vault.Store){
		"what was put is got, byte for byte":                               getsWhatWasPut,
		"a put is about the version that stands":                           comparesAndSets,
		"of many who put the same version exactly one does":                onePuts,
		"a deleted record is remembered and not listed":                    remembersDeleted,
		"what was deleted long ago is forgotten":                           prunes,
		"a reseal changes key and envelope and nothing else":               reseals,
		"a reseal that somebody overtook changes nothing":                  resealOvertaken,
		"a list is one tenant's, in order, page by page":                   lists,
		"a list leaves out what a key wraps":                               listsOtherKeys,
		"records are counted by key":                                       counts,
		"owners and names keep case, spaces, slashes and percent signs":    oddPlaces,
		"a vault on it opens nothing that was moved, replayed or altered":  tampered,
		"a vault on it is rewrapped under the eyes of readers and writers": rewrapped,
		"of many who seal the same version of a vault's record one does":   oneSeals,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

var (
	owner = commerce.Ref{Tenant: "t1", System: "stripe", Account: "acct_1", Mode: commerce.Live}
	noon  = time.Date(2026, 11, 21, 12, 0, 0, 123456000, time.UTC)
)

func record(version int64) vault.Record {
	return vault.Record{Owner: owner, Name: "api_key", Version: version, Key: "k1",
		Sealed: fmt.Appendf(nil, "\x00\xff sealed %d", version), Changed: noon.Add(time.Duration(version) * time.Microsecond)}
}

func put(t *testing.T, s vault.Store, r vault.Record, stands int64) {
	t.Helper()
	require.NoError(t, s.Put(t.Context(), r, stands))
}

func stands(t *testing.T, s vault.Store, want vault.Record) {
	t.Helper()
	got, err := s.Get(t.Context(), want.Owner, want.Name)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func getsWhatWasPut(t *testing.T, s vault.Store) {
	_, err := s.Get(t.Context(), owner, "api_key")
	require.ErrorIs(t, err, commerce.ErrNotFound)
	all := make([]byte, 70_000)
	for i := range all {
		all[i] = byte(i)
	}
	r := record(1)
	r.Sealed = all
	put(t, s, r, 0)
	stands(t, s, r)
	_, err = s.Get(t.Context(), owner, "other")
	require.ErrorIs(t, err, commerce.ErrNotFound)
	_, err = s.Get(t.Context(), owner.With("x"), "api_key")
	require.ErrorIs(t, err, commerce.ErrNotFound)
}

func comparesAndSets(t *testing.T, s vault.Store) {
	require.ErrorIs(t, s.Put(t.Context(), record(2), 1), commerce.ErrConflict, "there is none")
	put(t, s, record(1), 0)
	require.ErrorIs(t, s.Put(t.Context(), record(1), 0), commerce.ErrConflict)
	require.ErrorIs(t, s.Put(t.Context(), record(3), 2), commerce.ErrConflict)
	stands(t, s, record(1))
	put(t, s, record(2), 1)
	require.ErrorIs(t, s.Put(t.Context(), record(2), 1), commerce.ErrConflict)
	stands(t, s, record(2))
}

func onePuts(t *testing.T, s vault.Store) {
	for version := range int64(3) {
		var wg sync.WaitGroup
		var wins atomic.Int64
		for i := range 8 {
			wg.Go(func() {
				r := record(version + 1)
				r.Sealed = fmt.Appendf(nil, "by %d", i)
				switch err := s.Put(t.Context(), r, version); {
				case err == nil:
					wins.Add(1)
				case !errors.Is(err, commerce.ErrConflict):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, wins.Load())
	}
}

func remembersDeleted(t *testing.T, s vault.Store) {
	put(t, s, record(1), 0)
	gone := vault.Record{Owner: owner, Name: "api_key", Version: 2, Changed: noon}
	put(t, s, gone, 1)
	got, err := s.Get(t.Context(), owner, "api_key")
	require.NoError(t, err)
	require.True(t, got.Deleted())
	require.EqualValues(t, 2, got.Version)
	page, err := s.List(t.Context(), vault.Filter{}, 10)
	require.NoError(t, err)
	require.Empty(t, page)
	n, err := s.Count(t.Context())
	require.NoError(t, err)
	require.Empty(t, n)
	require.ErrorIs(t, s.Put(t.Context(), record(1), 0), commerce.ErrConflict)
	require.ErrorIs(t, s.Reseal(t.Context(), record(2), ""), commerce.ErrConflict)
	put(t, s, record(3), 2)
	stands(t, s, record(3))
}

func prunes(t *testing.T, s vault.Store) {
	for i := range 4 {
		r := record(1)
		r.Name = fmt.Sprint(i)
		put(t, s, r, 0)
		if i < 3 {
			put(t, s, vault.Record{Owner: owner, Name: r.Name, Version: 2, Changed: noon.Add(time.Duration(i) * time.Hour)}, 1)
		}
	}
	for _, want := range []int64{2, 0} {
		n, err := s.Prune(t.Context(), noon.Add(2*time.Hour))
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
	_, err := s.Get(t.Context(), owner, "0")
	require.ErrorIs(t, err, commerce.ErrNotFound)
	for _, name := range []string{"2", "3"} {
		_, err := s.Get(t.Context(), owner, name)
		require.NoError(t, err)
	}
	again := record(1)
	again.Name = "0"
	put(t, s, again, 0)
}

func reseals(t *testing.T, s vault.Store) {
	put(t, s, record(1), 0)
	r := record(1)
	r.Key, r.Sealed = "k2", []byte("other")
	with := r
	with.Changed = noon.Add(time.Hour)
	require.NoError(t, s.Reseal(t.Context(), with, "k1"))
	stands(t, s, r)
}

func resealOvertaken(t *testing.T, s vault.Store) {
	require.ErrorIs(t, s.Reseal(t.Context(), record(1), "k1"), commerce.ErrConflict)
	put(t, s, record(1), 0)
	put(t, s, record(2), 1)
	require.ErrorIs(t, s.Reseal(t.Context(), record(1), "k1"), commerce.ErrConflict, "another version")
	require.ErrorIs(t, s.Reseal(t.Context(), record(2), "k0"), commerce.ErrConflict, "another key")
	stands(t, s, record(2))
}

// names are the owners and names of a page.
func names(page []vault.Record) (out []string) {
	for _, r := range page {
		out = append(out, r.Owner.String()+" "+r.Name)
	}
	return out
}

func lists(t *testing.T, s vault.Store) {
	for _, tenant := range []string{"t1", "t", "t10", "T1", "", "t1/x", "t1 ", "t1%2Fx", "ü"} {
		for _, name := range []string{"b", "a", "A"} {
			for _, account := range []string{"y", "x"} {
				r := record(1)
				r.Owner.Tenant, r.Owner.Account, r.Name = tenant, account, name
				put(t, s, r, 0)
			}
		}
	}
	for _, tenant := range []string{"t1", "", "t1/x", "t1 ", "ü"} {
		o := owner
		o.Tenant = tenant
		var want, got []string
		for _, account := range []string{"x", "y"} {
			o.Account = account
			for _, name := range []string{"A", "a", "b"} {
				want = append(want, o.String()+" "+name)
			}
		}
		f := vault.Filter{Tenant: &tenant}
		for {
			page, err := s.List(t.Context(), f, 2)
			require.NoError(t, err)
			require.LessOrEqual(t, len(page), 2)
			got = append(got, names(page)...)
			if len(page) < 2 {
				break
			}
			f.After = &page[1]
		}
		require.Equal(t, want, got)
	}
	all, err := s.List(t.Context(), vault.Filter{}, 1000)
	require.NoError(t, err)
	require.Len(t, all, 9*6)
	require.IsIncreasing(t, names(all))
	require.Equal(t, record(1).Sealed, all[0].Sealed)
}

func listsOtherKeys(t *testing.T, s vault.Store) {
	for i, key := range []string{"k1", "k2", "k3", "k1"} {
		r := record(1)
		r.Name, r.Key = fmt.Sprint(i), key
		put(t, s, r, 0)
	}
	page, err := s.List(t.Context(), vault.Filter{NotKey: "k1"}, 10)
	require.NoError(t, err)
	require.Len(t, page, 2)
	require.Equal(t, []string{"k2", "k3"}, []string{page[0].Key, page[1].Key})
	page, err = s.List(t.Context(), vault.Filter{NotKey: "k1", After: &page[0]}, 10)
	require.NoError(t, err)
	require.Len(t, page, 1)
}

func counts(t *testing.T, s vault.Store) {
	for i, key := range []string{"k1", "k2", "k1"} {
		r := record(1)
		r.Name, r.Key = fmt.Sprint(i), key
		put(t, s, r, 0)
	}
	n, err := s.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"k1": 2, "k2": 1}, n)
}

func oddPlaces(t *testing.T, s vault.Store) {
	odd := []string{"a", "A", "a ", " a", "a/b", "a%2Fb", "a%b", "ä", "a'b", "a\\b", "a_", "a\n"}
	at := func(i int) vault.Record {
		r := record(1)
		r.Owner.Tenant, r.Owner.Account, r.Owner.ID, r.Name = odd[i], odd[(i+3)%len(odd)], odd[(i+5)%len(odd)], odd[(i+7)%len(odd)]
		r.Sealed = []byte(odd[i])
		return r
	}
	for i := range odd {
		put(t, s, at(i), 0)
	}
	for i := range odd {
		stands(t, s, at(i))
	}
}

// ring makes a ring of fresh keys, of which each is the primary of one.
func rings(t *testing.T, ids ...string) []*vault.Ring {
	t.Helper()
	var keys []vault.Key
	for _, id := range ids {
		h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
		require.NoError(t, err)
		a, err := aead.New(h)
		require.NoError(t, err)
		keys = append(keys, vault.Key{ID: id, AEAD: vault.Local(a)})
	}
	var out []*vault.Ring
	for _, id := range ids {
		r, err := vault.NewRing(id, keys...)
		require.NoError(t, err)
		out = append(out, r)
	}
	return out
}

func tampered(t *testing.T, s vault.Store) {
	ctx := t.Context()
	v, err := vault.New(ctx, vault.Config{Store: s, Ring: vault.Fixed(rings(t, "k1")[0]), CacheSize: -1})
	require.NoError(t, err)
	other := owner
	other.Tenant = "t2"
	_, err = v.Seal(ctx, other, "api_key", []byte("theirs"), 0)
	require.NoError(t, err)
	theirs, err := s.Get(ctx, other, "api_key")
	require.NoError(t, err)
	_, err = v.Seal(ctx, owner, "api_key", []byte("first"), 0)
	require.NoError(t, err)
	first, err := s.Get(ctx, owner, "api_key")
	require.NoError(t, err)
	_, err = v.Seal(ctx, owner, "api_key", []byte("second"), 1)
	require.NoError(t, err)
	second, err := s.Get(ctx, owner, "api_key")
	require.NoError(t, err)

	for code, sealed := range map[string][]byte{
		vault.CodeRecordMoved:    theirs.Sealed,
		vault.CodeRecordReplayed: first.Sealed,
		vault.CodeRecordCut:      second.Sealed[:len(second.Sealed)-1],
		vault.CodeRecordAltered:  append(bytes.Clone(second.Sealed[:len(second.Sealed)-1]), second.Sealed[len(second.Sealed)-1]^1),
	} {
		bad := second
		bad.Sealed = sealed
		require.NoError(t, s.Reseal(ctx, bad, "k1"))
		secret, _, err := v.Open(ctx, owner, "api_key")
		require.ErrorIs(t, err, commerce.ErrInvalid)
		e, _ := errors.AsType[*commerce.Error](err)
		require.Equal(t, code, e.Code)
		require.Empty(t, secret)
	}
	require.NoError(t, s.Reseal(ctx, second, "k1"))
	secret, _, err := v.Open(ctx, owner, "api_key")
	require.NoError(t, err)
	require.Equal(t, "second", string(secret))
}

func rewrapped(t *testing.T, s vault.Store) {
	const records = 60
	ctx := t.Context()
	ring := rings(t, "k1", "k2")
	var primary atomic.Pointer[vault.Ring]
	primary.Store(ring[0])
	v, err := vault.New(ctx, vault.Config{Store: s, Ring: func(context.Context) (*vault.Ring, error) { return primary.Load(), nil }})
	require.NoError(t, err)
	name := func(i int) string { return fmt.Sprintf("secret %02d", i) }
	for i := range records {
		_, err := v.Seal(ctx, owner, name(i), []byte(name(i)+" 1"), 0)
		require.NoError(t, err)
	}
	stop := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() { // reads all the time
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			secret, version, err := v.Open(ctx, owner, name(i%records))
			if err != nil || string(secret) != fmt.Sprint(name(i%records), " ", version) {
				t.Errorf("%s of version %d reads %q: %v", name(i%records), version, secret, err)
				return
			}
		}
	})
	others.Go(func() { // writes each third
		for i := 0; i < records; i += 3 {
			if _, err := v.Seal(ctx, owner, name(i), []byte(name(i)+" 2"), 1); err != nil {
				t.Error(err)
			}
		}
	})
	primary.Store(ring[1])
	got, err := v.Rewrap(ctx, vault.RewrapConfig{Batch: 7, Parallel: 3})
	close(stop)
	others.Wait()
	require.NoError(t, err)
	require.Equal(t, "k2", got.Key)
	require.Zero(t, got.Refused)
	// A writer that held the ring from before may have come after the run.
	_, err = v.Rewrap(ctx, vault.RewrapConfig{})
	require.NoError(t, err)
	n, err := v.Usage(ctx)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"k2": records}, n)
	for i := range records {
		secret, version, err := v.Open(ctx, owner, name(i))
		require.NoError(t, err)
		want := int64(1)
		if i%3 == 0 {
			want = 2
		}
		require.Equal(t, want, version, "a rewrap takes no version, and loses no write")
		require.Equal(t, fmt.Sprint(name(i), " ", want), string(secret))
	}
}

func oneSeals(t *testing.T, s vault.Store) {
	ctx := t.Context()
	v, err := vault.New(ctx, vault.Config{Store: s, Ring: vault.Fixed(rings(t, "k1")[0])})
	require.NoError(t, err)
	for version := range int64(3) {
		var wg sync.WaitGroup
		var winner atomic.Int64
		for i := range int64(6) {
			wg.Go(func() {
				n, err := v.Seal(ctx, owner, "token", fmt.Append(nil, i), version)
				switch {
				case err == nil && (n != version+1 || !winner.CompareAndSwap(0, i+1)):
					t.Errorf("a second one sealed version %d", n)
				case err != nil && !errors.Is(err, commerce.ErrConflict):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		secret, at, err := v.Open(ctx, owner, "token")
		require.NoError(t, err)
		require.Equal(t, version+1, at)
		require.Equal(t, fmt.Sprint(winner.Load()-1), string(secret))
	}
}
