package vault_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/integration/dbserver"
	"github.com/commercesync/commerce/sqlstore"
	"github.com/commercesync/commerce/vault"
	"github.com/commercesync/commerce/vault/keyring"
)

// report is what a run counted.
type report struct {
	kills, reads, writes int64
	failedReads          int64 // that found nothing, or something else than was written
	lostWrites           int64
	left                 int64 // records under the old key
	took                 time.Duration
}

func TestARewrapThatIsKilledLosesNothing(t *testing.T) {
	t.Parallel()
	for _, d := range databases {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			records := size(t, "RECORDS", 300)
			r := rewrap(t, d, records, size(t, "KILLS", 4), false)
			t.Logf("%d records, %d kills, %d reads, %d writes in %v", records, r.kills, r.reads, r.writes, r.took.Round(time.Millisecond))
			require.Zero(t, r.failedReads, "reads that failed")
			require.Zero(t, r.lostWrites, "writes that were lost")
			require.Zero(t, r.left, "records under the old key")
			require.Positive(t, r.reads)
			require.Positive(t, r.writes)
		})
	}
}

func TestARewrapThatDoesNotCompareIsSeen(t *testing.T) {
	t.Parallel()
	r := rewrap(t, databases[0], 100, 3, true)
	t.Logf("the control: %d of %d reads failed, %d of %d writes were lost", r.failedReads, r.reads, r.lostWrites, r.writes)
	require.Positive(t, r.failedReads+r.lostWrites)
}

func owner(i int) commerce.Ref {
	return commerce.Ref{Tenant: fmt.Sprint("t", i%50), System: "stripe", Account: fmt.Sprint("acct_", i), Mode: commerce.Test}
}

// text is the secret of a version, so that a reader can tell.
func text(i int, version int64) string { return fmt.Sprintf("sk_test_%d_%d", i, version) }

func rewrap(t *testing.T, d dbserver.Database, records, kills int, control bool) report {
	ctx := t.Context()
	job := task{Driver: d.Driver, DSN: d.DSN(t), Dialect: d.Dialect, Ring: filepath.Join(t.TempDir(), "ring.json"),
		Batch: max(1, records/(8*kills)), Naive: control}
	ring := keyring.File{Path: job.Ring}
	require.NoError(t, ring.Create(ctx))
	store := d.Store(t, d.Pool(t, job.DSN), sqlstore.Config{}).Vault()
	open := func() *vault.Vault {
		v, err := vault.New(ctx, vault.Config{Store: store, Ring: ring.Load, RingFor: 20 * time.Millisecond, ReloadEvery: time.Millisecond})
		require.NoError(t, err)
		return v
	}
	writing, reading := open(), open()
	// What stands, as far as writers were told; a write that is under way may stand already.
	stands := make([]atomic.Int64, records)
	var seed sync.WaitGroup
	for w := range 16 {
		seed.Go(func() {
			for i := w; i < records; i += 16 {
				if _, err := writing.Seal(ctx, owner(i), "api_key", []byte(text(i, 1)), 0); err != nil {
					t.Error(err)
				}
				stands[i].Store(1)
			}
		})
	}
	seed.Wait()
	before, err := ring.Load(ctx)
	require.NoError(t, err)
	fresh, err := ring.Add(ctx)
	require.NoError(t, err)
	require.NoError(t, ring.Promote(ctx, fresh)) // of which the vaults at hand hear in a moment

	start := time.Now()
	var r report
	var reads, failedReads, writes, lost atomic.Int64
	rest, stop := context.WithCancel(ctx)
	defer stop()
	var others sync.WaitGroup
	for n := range 2 {
		others.Go(func() {
			chance := rand.New(rand.NewPCG(1, uint64(n)))
			pace := time.NewTicker(time.Millisecond)
			defer pace.Stop()
			for {
				select {
				case <-rest.Done():
					return
				case <-pace.C:
				}
				i := chance.IntN(records)
				least := stands[i].Load()
				secret, version, err := reading.Open(ctx, owner(i), "api_key")
				reads.Add(1)
				if err != nil || version < least || string(secret) != text(i, version) {
					if failedReads.Add(1) <= 3 && !control {
						t.Errorf("record %d, of version %d at least, reads version %d: %v", i, least, version, err)
					}
				}
			}
		})
	}
	others.Go(func() {
		chance := rand.New(rand.NewPCG(2, 2))
		pace := time.NewTicker(3 * time.Millisecond)
		defer pace.Stop()
		for {
			select {
			case <-rest.Done():
				return
			case <-pace.C:
			}
			i := chance.IntN(records)
			at := stands[i].Load()
			next, err := writing.Seal(ctx, owner(i), "api_key", []byte(text(i, at+1)), at)
			switch {
			case err == nil:
				stands[i].Store(next)
				writes.Add(1)
			case errors.Is(err, commerce.ErrConflict): // nobody else writes
				lost.Add(1)
				if _, now, err := writing.Open(ctx, owner(i), "api_key"); err == nil {
					stands[i].Store(now)
				}
			default:
				t.Errorf("write of record %d: %v", i, err)
			}
		}
	})

	chance := rand.New(rand.NewPCG(3, 3))
	for ended := false; !ended; {
		after := 1 + chance.IntN(6)
		if r.kills == int64(kills) {
			after = 0 // the last one goes on to the end
		}
		var killed bool
		killed, ended = life(t, job, after, time.Duration(chance.IntN(5000))*time.Microsecond)
		if killed {
			r.kills++
		}
	}
	stop()
	others.Wait()
	// A writer that had not met the new key yet may have come after the last run.
	_, err = writing.Rewrap(ctx, vault.RewrapConfig{})
	require.NoError(t, err)
	usage, err := reading.Usage(ctx)
	require.NoError(t, err)
	r.left = usage[before.Primary()]
	if !control {
		require.EqualValues(t, records, usage[fresh], "%v", usage)
	}
	for i := range records {
		secret, version, err := reading.Open(ctx, owner(i), "api_key")
		if err != nil || version != stands[i].Load() || string(secret) != text(i, version) {
			lost.Add(1)
		}
	}
	r.reads, r.failedReads, r.writes, r.lostWrites = reads.Load(), failedReads.Load(), writes.Load(), lost.Load()
	r.took = time.Since(start)
	return r
}

// life runs a child and kills it some while after it said so many times how far it is; 0 =
// never. ended says that it came to its end.
func life(t *testing.T, job task, after int, more time.Duration) (killed, ended bool) {
	t.Helper()
	spec, err := json.Marshal(job)
	require.NoError(t, err)
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childEnv+"="+string(spec))
	var complaints strings.Builder
	c.Stderr = &complaints
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	lines := bufio.NewScanner(out)
	for n := 1; lines.Scan(); n++ {
		ended = ended || lines.Text() == "done"
		if n == after {
			kill := time.AfterFunc(more, func() { _ = c.Process.Kill() })
			defer kill.Stop()
		}
	}
	err = c.Wait()
	killed = c.ProcessState.ExitCode() == -1
	if err != nil && !killed && !job.Naive {
		t.Fatalf("a child ended by itself: %v: %s", err, complaints.String())
	}
	return killed, ended && !killed || job.Naive && err != nil && !killed
}
