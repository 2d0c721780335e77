// Package pollers_test plays random histories of shops: clocks that are wrong, changes while
// a feed walks, transactions that are seen long after their date, more rows in one second
// than on a page, states that go there and back, deletions, programs that die at any call of
// a feed or of the store, and others that poll at the same moment. An inbox polls, and its
// handler, which writes to the shop too, keeps the canonical order as it last read it. In
// the end that is what is in the shop.
//
// Not played is a change that moves no date and is taken back before the order is read
// again: nobody sees that.
//
//	go test ./pollers -seeds 2000           # plays more than 4 of each
//	go test ./pollers -seed 17 -v           # replays one
package pollers_test

import (
	"flag"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

var (
	seeds = flag.Int("seeds", 4, "how many histories of each shop are played")
	from  = flag.Int("from", 0, "the first history that is played")
	seed  = flag.Int("seed", -1, "the one history that is played")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var sides = map[string]func(*world) side{
	"magento":     func(w *world) side { return newMagento(w) },
	"nopcommerce": func(w *world) side { return newNop(w) },
}

// history plays one history and returns what is wrong.
func history(t *testing.T, seed int, c control, shop func(*world) side) (wrong []string, seen report) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, uint64(seed), c, nil)
		w.side = shop(w)
		w.play()
		wrong = w.calm()
		seen = w.seen
	})
	return wrong, seen
}

func TestNoChangeIsMissed(t *testing.T) {
	t.Parallel()
	for name, shop := range sides {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var all report
			first, last := *from, *from+*seeds
			if *seed >= 0 {
				first, last = *seed, *seed+1
			}
			for n := first; n < last; n++ {
				wrong, seen := history(t, n, none, shop)
				require.Empty(t, wrong, "replay it with go test ./pollers -run 'NoChangeIsMissed/%s' -seed %d", name, n)
				all.add(seen)
			}
			t.Logf("%d histories: %+v", last-first, all)
			if last-first >= 100 {
				for what, n := range map[string]int{"changes": all.changes, "crashes": all.crashes, "polls": all.polls, "races": all.races, "handled": all.handled,
					"excused": all.excused, "deleted": all.deleted, "late": all.late} {
					require.Positive(t, n, "no history had any: %s", what)
				}
			}
		})
	}
}

// A test is worth what it notices.
func TestPollersThatAreMadeWrongMissChanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		shop    string
		control control
		first   int // a seed that is known to miss something
	}{{"magento", noLag, 6}, {"magento", cursorBefore, 1}, {"magento", pageNumbers, 5}, {"nopcommerce", noLag, 2}, {"nopcommerce", cursorBefore, 89}} {
		t.Run(c.shop+" "+string(c.control), func(t *testing.T) {
			t.Parallel()
			const most = 200
			for n := c.first; n < c.first+most; n++ {
				wrong, _ := history(t, n, c.control, sides[c.shop])
				for _, w := range wrong {
					if strings.HasPrefix(w, "missed: ") {
						t.Logf("seed %d: %.60s", n, w)
						return
					}
				}
			}
			require.Fail(t, "nothing was missed", "in %d histories", most)
		})
	}
}
