package inbox_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/inbox/inboxtest"
)

// broken is a store that breaks one promise.
type broken struct {
	inbox.Store
	how string

	mu     sync.Mutex
	leases map[string]inbox.Lease // the newest lease of each root
	n      int
}

var waysToBreak = []string{
	"tells no duplicates", "stores a batch again", "knows no clash", "ignores hashes", "loses cursors", "moves any cursor",
	"forgets what was told", "tells in order of text",
	"loses leases", "checks no token", "counts no starts", "has no time", "forgets due times",
	"gives nothing back", "burns always", "burns never", "emits nothing", "loses reasons",
	"steals roots", "links nothing", "links to a second root",
	"checks no generation", "loses overlays", "discards anything", "never waits",
}

func (b *broken) is(how string) bool { return b.how == how }

func (b *broken) note(l inbox.Lease) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.leases[l.Root] = l
}

func (b *broken) newest(l inbox.Lease) inbox.Lease {
	b.mu.Lock()
	defer b.mu.Unlock()
	if newer, ok := b.leases[l.Root]; ok && b.is("checks no token") {
		return newer
	}
	return l
}

func (b *broken) Append(ctx context.Context, x inbox.Batch) ([]inbox.Appended, error) {
	switch b.how {
	case "stores a batch again":
		b.n++
		x.ID = fmt.Sprint(x.ID, b.n)
	case "ignores hashes":
		x.Revise = nil
	case "loses cursors":
		x.Feed = ""
	case "moves any cursor":
		x.Since, _ = b.Cursor(ctx, x.Feed)
	}
	got, err := b.Store.Append(ctx, x)
	for i := range got {
		if b.is("tells no duplicates") {
			got[i].Duplicate = false
		}
		if b.is("knows no clash") {
			got[i].Clash = false
		}
	}
	return got, err
}

func (b *broken) Told(ctx context.Context, of commerce.Ref, after string, limit int) ([]string, error) {
	got, err := b.Store.Told(ctx, of, after, limit)
	switch b.how {
	case "forgets what was told":
		return nil, err
	case "tells in order of text":
		slices.Sort(got)
	}
	return got, err
}

func (b *broken) Claim(ctx context.Context, r inbox.ClaimRequest) ([]inbox.Claim, error) {
	if b.is("has no time") {
		r.Lease *= 1000
	}
	got, err := b.Store.Claim(ctx, r)
	for i, c := range got {
		b.note(c.Lease)
		if b.is("loses leases") {
			_ = b.Store.Release(ctx, c.Lease)
		}
		if b.is("has no time") {
			got[i].Lease.For /= 1000
		}
		for j := range c.Events {
			if b.is("counts no starts") {
				c.Events[j].Starts = 1
			}
		}
	}
	return got, err
}

func (b *broken) Extend(ctx context.Context, l inbox.Lease, d time.Duration) error {
	return b.Store.Extend(ctx, b.newest(l), d)
}

func (b *broken) Finish(ctx context.Context, l inbox.Lease, endings []inbox.Ending) error {
	out := append([]inbox.Ending(nil), endings...)
	for i, e := range out {
		switch b.how {
		case "gives nothing back":
			out[i].Release = false
		case "burns always":
			out[i].Burn = true
		case "burns never":
			out[i].Burn = false
		case "emits nothing":
			out[i].Emit = nil
		case "forgets due times":
			out[i].Wait = 0
		case "loses reasons":
			out[i].Reason = ""
		case "checks no generation":
			if now, err := b.Get(ctx, e.Seq); err == nil {
				out[i].Generation = now.Generation
			}
		}
	}
	return b.Store.Finish(ctx, b.newest(l), out)
}

func (b *broken) Link(ctx context.Context, l inbox.Lease, subject, root string, d time.Duration) (inbox.Lease, error) {
	if b.is("links nothing") {
		return l, nil
	}
	got, err := b.Store.Link(ctx, l, subject, root, d)
	if b.is("steals roots") && commerce.KindOf(err) == commerce.KindParked {
		b.mu.Lock()
		holder := b.leases[root]
		b.mu.Unlock()
		_ = b.Store.Release(ctx, holder)
		got, err = b.Store.Link(ctx, l, subject, root, d)
	}
	if b.is("links to a second root") && commerce.KindOf(err) == commerce.KindNeedsDecision {
		return l, nil
	}
	if err == nil {
		b.note(got)
	}
	return got, err
}

func (b *broken) Replay(ctx context.Context, seq int64, by inbox.Act, overlay commerce.Overlay) error {
	if b.is("loses overlays") {
		overlay = nil
	}
	return b.Store.Replay(ctx, seq, by, overlay)
}

func (b *broken) Discard(ctx context.Context, seq int64, by inbox.Act) error {
	err := b.Store.Discard(ctx, seq, by)
	if b.is("discards anything") && commerce.KindOf(err) == commerce.KindConflict {
		return nil
	}
	return err
}

func (b *broken) Wait(ctx context.Context) (time.Duration, error) {
	if b.is("never waits") {
		return 0, nil
	}
	return b.Store.Wait(ctx)
}

// brokenEnv says to the test below, run as a program of its own, what to break.
const brokenEnv = "INBOXTEST_BROKEN"

func TestBrokenStore(t *testing.T) {
	how := os.Getenv(brokenEnv)
	if how == "" {
		t.Skip("run by TestTheSuiteNoticesEveryBrokenPromise")
	}
	inboxtest.Run(t, func(*testing.T) inboxtest.Harness {
		c := newClock()
		return inboxtest.Harness{Advance: c.Advance, Store: &broken{
			Store: inbox.NewMemory(inbox.MemoryConfig{Now: c.Now}), how: how, leases: map[string]inbox.Lease{},
		}}
	}, inboxtest.Features{})
}

// A suite is worth what it notices.
func TestTheSuiteNoticesEveryBrokenPromise(t *testing.T) {
	t.Parallel()
	run := func(how string) ([]byte, error) {
		// Without the tests of many workers together: a broken store may keep them busy for ever.
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBrokenStore$/^(append|feed|claim|finish|link|people|wait)$", "-test.timeout=1m")
		cmd.Env = append(os.Environ(), brokenEnv+"="+how)
		return cmd.CombinedOutput()
	}
	out, err := run("nothing")
	require.NoError(t, err, "the control: a store that breaks nothing passes\n%s", out)
	for _, how := range waysToBreak {
		out, err := run(how)
		require.Error(t, err, "a store that %s passed\n%s", how, out)
		require.Contains(t, string(out), "--- FAIL", how)
	}
}
