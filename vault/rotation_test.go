package vault_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/vault"
)

func TestKeysAreRotatedUnderReadersAndWritersOfTwoPrograms(t *testing.T) {
	t.Parallel()
	const records = 20
	ctx := t.Context()
	f := newFile(t)
	var store vault.Memory
	programs := []*vault.Vault{
		newVault(t, vault.Config{Store: &store, Ring: f.Load, ReloadEvery: 1}),
		newVault(t, vault.Config{Store: &store, Ring: f.Load, ReloadEvery: 1, CacheSize: 5}),
	}
	name := func(i int64) string { return fmt.Sprint("secret ", i%records) }
	for i := range int64(records) {
		_, err := programs[0].Seal(ctx, owner, name(i), fmt.Append(nil, name(i), " of version ", 1), 0)
		require.NoError(t, err)
	}
	stop := make(chan struct{})
	var running sync.WaitGroup
	var reads, writes [2]atomic.Int64
	for p, v := range programs {
		running.Go(func() {
			for i := reads[p].Load(); ; i = reads[p].Add(1) {
				select {
				case <-stop:
					return
				default:
				}
				secret, version, err := v.Open(ctx, owner, name(i))
				if err != nil || string(secret) != fmt.Sprint(name(i), " of version ", version) {
					t.Errorf("%s of version %d reads %q: %v", name(i), version, secret, err)
					return
				}
			}
		})
		running.Go(func() {
			for i := writes[p].Load(); ; i = writes[p].Add(1) {
				select {
				case <-stop:
					return
				default:
				}
				_, version, err := v.Open(ctx, owner, name(i))
				if err == nil {
					_, err = v.Seal(ctx, owner, name(i), fmt.Append(nil, name(i), " of version ", version+1), version)
				}
				if err != nil && !errors.Is(err, commerce.ErrConflict) {
					t.Errorf("write of %s: %v", name(i), err)
					return
				}
			}
		})
	}
	// heard waits until each program has begun a write since now.
	heard := func() {
		for p, v := range programs {
			require.NoError(t, v.Reload(ctx))
			for from := writes[p].Load(); writes[p].Load() < from+2 && !t.Failed(); {
				runtime.Gosched()
			}
		}
	}
	for range 2 {
		ring, err := f.Load(ctx)
		require.NoError(t, err)
		old := ring.Primary()
		fresh, err := f.Add(ctx)
		require.NoError(t, err)
		heard()
		require.NoError(t, f.Promote(ctx, fresh))
		heard()
		_, err = programs[0].Rewrap(ctx, vault.RewrapConfig{Batch: 3})
		require.NoError(t, err)
		require.NoError(t, f.Retire(ctx, programs[0], old))
		heard()
		require.NoError(t, f.Remove(ctx, programs[1], old))
		heard()
		usage, err := programs[1].Usage(ctx)
		require.NoError(t, err)
		require.Equal(t, map[string]int64{fresh: records}, usage)
	}
	close(stop)
	running.Wait()
}

func TestManyWhoMeetAnUnknownKeyLoadTheRingOnce(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	k1, k2 := newKey(t, "k1"), newKey(t, "k2")
	var store vault.Memory
	_, err := newVault(t, vault.Config{Store: &store, Ring: vault.Fixed(newRing(t, "k2", k1, k2))}).Seal(ctx, owner, "k", []byte("x"), 0)
	require.NoError(t, err)
	var loads atomic.Int64
	v := newVault(t, vault.Config{Store: &store, ReloadEvery: 1, Ring: func(ctx context.Context) (*vault.Ring, error) {
		if loads.Add(1) == 1 {
			return newRing(t, "k1", k1), nil
		}
		select { // as a file or a service does, it takes a while
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
		}
		return newRing(t, "k2", k1, k2), ctx.Err()
	}})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, _, err := v.Open(ctx, owner, "k"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 2, loads.Load())

	gone, cancel := context.WithCancel(ctx)
	cancel()
	require.ErrorIs(t, v.Reload(gone), context.Canceled)
	_, _, err = v.Open(ctx, owner, "k")
	require.NoError(t, err)
}
