package sim

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/internal/journey"
)

// Config says what a day is played with. The zero value works.
type Config struct {
	// Shop is the system of the shop: magento or nopcommerce. Defaults to magento.
	Shop string
	// Open opens the stores. Defaults to those in memory.
	Open func(t *testing.T, now func() time.Time) (inbox.Store, idempotency.Store)
	// Backs: money goes back, from both sides, and books are kept.
	Backs bool
	// Trace hears of every step.
	Trace func(line string)

	// story and crashes: one way of an order, disturbed by nothing but crashes at these
	// points, counted over the day. Nil = chance decides.
	story   *journey.Story
	crashes []int
}

// Report says how a day went.
type Report struct {
	Seed uint64
	// Wrong are the promises that were broken, in words.
	Wrong []string
	// Second counts documents that were made twice by requests which outlived Settle:
	// allowed, and reported by Sweep where it looks.
	Second int
	// Undecided counts mails of which only a person can say whether they went out.
	Undecided int

	Steps, Crashes, Freezes, Jumps, Faults int
	Requests, Deliveries, Events           int
	// Took is how much time passed in the simulated world.
	Took time.Duration

	// points were passed where a process may crash; end is what was left at the far sides.
	points int
	end    []string
}

func (r Report) String() string {
	return fmt.Sprintf("%d steps in %s: %d requests, %d deliveries of %d events; %d crashes, %d freezes, %d jumps, %d faults; %d second documents, %d mails undecided",
		r.Steps, r.Took.Round(time.Minute), r.Requests, r.Deliveries, r.Events, r.Crashes, r.Freezes, r.Jumps, r.Faults, r.Second, r.Undecided)
}

// weather is how disturbed a day is: drawn first, so that days differ from each other
// more than hours do.
type weather struct {
	processes int
	crashes   int           // at most
	freezes   int           // at most
	jumps     int           // at most, ±5 minutes
	often     int           // a crash, freeze or jump in so many steps
	failing   int           // so many requests in 1000 go wrong
	slow      int           // so many in 1000 are slow
	outlive   bool          // slow ones may live longer than Settle
	losing    int           // so many calls of the store in 1000 go wrong
	dropped   int           // so many deliveries in 100 are lost, before or after
	doubled   int           // so many in 100 come again
	delay     time.Duration // the longest that a delivery takes
	calm      time.Duration // after so long all is well
	reordered bool          // workers go on in any order; else one runs until it waits
}

func draw(r *rand.Rand) weather {
	pick := func(of ...int) int { return of[r.IntN(len(of))] }
	return weather{
		processes: pick(2, 2, 3), crashes: pick(0, 2, 4, 8), freezes: pick(0, 1, 2, 5), jumps: pick(0, 0, 2, 6),
		often: pick(15, 40, 120), failing: pick(0, 20, 60, 150), slow: pick(0, 20, 60, 150), outlive: r.IntN(10) == 0,
		losing: pick(0, 10, 40, 80), dropped: pick(0, 0, 10, 30), doubled: pick(0, 20, 50),
		delay:     time.Duration(pick(1, 10, 300, 7200)) * time.Second,
		calm:      time.Duration(pick(2, 60, 300)) * time.Hour,
		reordered: r.IntN(4) > 0,
	}
}

// Play plays the day of a seed.
func Play(t *testing.T, seed uint64, c Config) (r Report) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, seed, c)
		defer w.end()
		w.run()
		w.audit()
		r = w.report
		r.Took = time.Since(w.start)
	})
	return r
}
