package sim

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/internal/journey"
)

var (
	everywhere = flag.Bool("crashpoints", false, "crashes at every point, and at every pair of points")
	points     = flag.Int("points", 9, "without -crashpoints: crashes at one point in so many")
)

// ways are those of order to cash and of a failed payment.
var ways = []string{"card", "declined"}

// TestACrashAtAnyPointChangesNothingAboutTheEnd kills the program before and after every
// call of a store and every HTTP request, and while a write is on its way, and lets
// another one go on.
func TestACrashAtAnyPointChangesNothingAboutTheEnd(t *testing.T) {
	for _, system := range shops() {
		for _, name := range ways {
			t.Run(system+", "+name, func(t *testing.T) { crashed(t, system, name) })
		}
	}
}

func crashed(t *testing.T, system, name string) {
	story := &journey.Stories[slices.IndexFunc(journey.Stories, func(s journey.Story) bool { return s.Name == name })]
	whole := Play(t, 1, Config{Shop: system, story: story})
	require.Empty(t, whole.Wrong)
	step := *points
	if *everywhere {
		step = 1
	}
	v := visits{shop: system, whole: whole.end}
	var singles [][]int
	for at := 0; at < whole.points; at += step {
		singles = append(singles, []int{at})
	}
	after := v.all(t, story, singles) // points of each day with one crash
	t.Logf("%s, %s: %d of %d points visited (%d%%), %d of them where nobody knows whether a mail went out",
		system, name, v.visited, whole.points, 100*v.visited/whole.points, v.undecided)
	if *everywhere {
		require.Equal(t, whole.points, v.visited)
		var pairs [][]int
		for i, single := range singles {
			for at := single[0] + 1; at < after[i]; at++ {
				pairs = append(pairs, []int{single[0], at})
			}
		}
		v.visited, v.undecided = 0, 0
		v.all(t, story, pairs)
		t.Logf("%s, %s: %d of %d pairs visited, %d undecided", system, name, v.visited, len(pairs), v.undecided)
		require.Equal(t, len(pairs), v.visited)
	}
	for _, text := range v.wrong[:min(len(v.wrong), 10)] {
		t.Error(text)
	}
}

// visits are days with crashes.
type visits struct {
	shop  string
	whole []string // what is left without a crash

	mu                 sync.Mutex
	visited, undecided int
	wrong              []string
}

// all plays a day for each set of points and returns how many points it had.
func (v *visits) all(t *testing.T, story *journey.Story, sets [][]int) []int {
	after := make([]int, len(sets))
	turn := make(chan int, len(sets))
	for i := range sets {
		turn <- i
	}
	close(turn)
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for i := range turn {
				r := Play(t, 1, Config{Shop: v.shop, story: story, crashes: sets[i]})
				after[i] = r.points
				v.look(sets[i], r)
			}
		})
	}
	all.Wait()
	return after
}

func (v *visits) look(at []int, r Report) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if r.Crashes == len(at) {
		v.visited++
	}
	end, whole := r.end, v.whole
	if r.Undecided > 0 {
		// Sending is blind: the event is dead until a person says whether the mail went
		// out, which is all that differs.
		v.undecided++
		mail := func(line string) bool { return strings.HasPrefix(line, "mail ") }
		end, whole = slices.DeleteFunc(slices.Clone(end), mail), slices.DeleteFunc(slices.Clone(whole), mail)
	}
	if !slices.Equal(end, whole) || len(r.Wrong) > 0 {
		v.wrong = append(v.wrong, fmt.Sprintf("crashes at %v: %v\n  ends as  %q\n  and not as %q", at, r.Wrong, end, whole))
	}
}
