package sim

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	seeds = flag.Int("seeds", 25, "how many days are played")
	backs = flag.Int("backs", 3, "how many days are played on which money goes back")
	shop  = flag.String("shop", "", "the shop's system: magento, nopcommerce; both without")
	seed  = flag.Uint64("seed", 0, "plays this day alone; with -v step by step")
)

func TestDisturbedDaysLoseNothingAndDoNothingTwice(t *testing.T) {
	for _, system := range shops() {
		t.Run(system, func(t *testing.T) { disturbed(t, "DisturbedDays", *seeds, Config{Shop: system}) })
	}
}

func TestMoneyGoesBackOnceAndEverywhereTheSame(t *testing.T) {
	for _, system := range shops() {
		t.Run(system, func(t *testing.T) { disturbed(t, "MoneyGoesBack", *backs, Config{Shop: system, Backs: true}) })
	}
}

// shops are the systems that are played.
func shops() []string {
	if *shop != "" {
		return []string{*shop}
	}
	return []string{"magento", "nopcommerce"}
}

// disturbed plays the days of a test, which is told from others by a part of its name.
func disturbed(t *testing.T, test string, n int, c Config) {
	days := test + " " + c.Shop
	if *seed != 0 {
		if testing.Verbose() {
			c.Trace = func(line string) { t.Log(line) }
		}
		r := Play(t, *seed, c)
		t.Log(r)
		require.Empty(t, r.Wrong)
		return
	}
	for _, s := range kept(t, days) {
		if r := Play(t, s, c); len(r.Wrong) > 0 {
			t.Error(failure(test, c.Shop, r))
		}
	}
	began := time.Now()
	var sum Report
	var wrong []Report
	each(t, 1, n, c, func(r Report) bool {
		sum.Steps += r.Steps
		sum.Requests += r.Requests
		sum.Deliveries += r.Deliveries
		sum.Events += r.Events
		sum.Crashes += r.Crashes
		sum.Freezes += r.Freezes
		sum.Jumps += r.Jumps
		sum.Faults += r.Faults
		sum.Second += r.Second
		sum.Undecided += r.Undecided
		sum.Took += r.Took
		if len(r.Wrong) > 0 {
			wrong = append(wrong, r)
		}
		return true
	})
	t.Logf("%d days in %s: %d wrong; %s", n, time.Since(began).Round(time.Second), len(wrong), sum)
	slices.SortFunc(wrong, func(a, b Report) int { return int(a.Seed) - int(b.Seed) })
	for _, r := range wrong[:min(len(wrong), 10)] {
		t.Error(failure(test, c.Shop, r))
		keep(t, days, r)
	}
}

// seedFile holds the days that found something once, a line each: the test, the shop, the
// seed, and what it found. They are played before all others.
const seedFile = "testdata/seeds"

func kept(t *testing.T, days string) (all []uint64) {
	text, err := os.ReadFile(seedFile)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(line, days+" ")
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(rest, " ")
		s, err := strconv.ParseUint(number, 10, 64)
		require.NoError(t, err, line)
		all = append(all, s)
	}
	return all
}

// keep writes a day down that found something.
func keep(t *testing.T, days string, r Report) {
	f, err := os.OpenFile(seedFile, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	defer f.Close()
	what, _, _ := strings.Cut(r.Wrong[0], "\n")
	_, err = fmt.Fprintf(f, "%s %d %s\n", days, r.Seed, what)
	require.NoError(t, err)
}

// failure says what was wrong and how it is seen again.
func failure(test, system string, r Report) string {
	text := ""
	for _, x := range r.Wrong {
		text += "\n  " + x
	}
	return fmt.Sprintf("seed %d:%s\nreplay: go test ./internal/sim -run %s -shop %s -seed %d -v", r.Seed, text, test, system, r.Seed)
}

// each plays n days on all processors and hands out their reports, until told to stop.
func each(t *testing.T, first uint64, n int, c Config, took func(Report) bool) {
	var mu sync.Mutex
	next, stop := first, false
	t.Run("days", func(t *testing.T) {
		for i := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				for {
					mu.Lock()
					s := next
					next++
					over := stop || s >= first+uint64(n)
					mu.Unlock()
					if over {
						return
					}
					r := Play(t, s, c)
					mu.Lock()
					stop = stop || !took(r)
					mu.Unlock()
				}
			})
		}
	})
}
