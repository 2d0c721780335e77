// Package histories_test plays histories of payments, each twice: once with its
// webhooks in order, once with them permuted, doubled and delayed. What is left in the
// shop, in the ERP, with the customers and with the merchant must be the same.
//
// The program is the real one, with its clients, adapters, workflows and inbox; the
// far sides are fakes in this process, and time is a clock that moves when all is
// quiet.
//
//	go test ./histories -histories 5000            # plays more than 200
//	go test ./histories -run 'Histories.*/^17$' -v # replays one
package histories_test

import (
	"bufio"
	"bytes"
	"flag"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

var histories = flag.Int("histories", 200, "how many histories are played")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestHistoriesEndInTheSameDocumentsInWhateverOrderTheirNewsComes(t *testing.T) {
	began := time.Now()
	var differ int
	var mu sync.Mutex
	seen := map[string]int{}
	t.Run("history", func(t *testing.T) {
		for n := range *histories {
			seed := uint64(n + 1)
			t.Run(strconv.Itoa(n+1), func(t *testing.T) {
				t.Parallel()
				d := deliveries[seed%uint64(len(deliveries))]
				reference := playOut(t, seed, setting{delivery: d})
				other := playOut(t, seed, setting{delivery: d, shuffled: true, sqlite: seed%20 == 0})
				wrong := difference(reference.snapshot(), other.snapshot())
				if wrong != "" {
					t.Errorf("delivered %s:\n%sreplay: go test ./histories -run '%s' -v", d.name, wrong, replay(t))
				}
				require.Empty(t, reference.money(), "Stripe's money that is neither recorded nor explained, in order")
				require.Empty(t, other.money(), "Stripe's money that is neither recorded nor explained, shuffled")
				if testing.Verbose() && *histories != 200 || t.Failed() {
					t.Logf("delivered %s:\n%s", d.name, strings.Join(reference.snapshot(), "\n"))
				}
				mu.Lock()
				defer mu.Unlock()
				if wrong != "" {
					differ++
				}
				for _, s := range reference.buyers.Sales {
					seen[s.Story]++
				}
			})
		}
	})
	t.Logf("%d histories, %d that differ, %.0f s; orders by story: %v", *histories, differ, time.Since(began).Seconds(), seen)
}

// replay is the pattern that runs this subtest alone.
func replay(t *testing.T) string { return "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$" }

const controls = 20

// Controls: with a safeguard taken out the test must see a difference.
func TestTheTestSeesWhenASafeguardIsMissing(t *testing.T) {
	for name, change := range map[string]func(*setting){
		"bad news does not wait": func(c *setting) { c.grace = time.Nanosecond },
		"truth is read once":     func(c *setting) { c.believes = true },
	} {
		t.Run(name, func(t *testing.T) {
			var differ atomic.Int64
			t.Run("history", func(t *testing.T) {
				for n := range controls {
					t.Run(strconv.Itoa(n+1), func(t *testing.T) {
						t.Parallel()
						reference, other := setting{delivery: deliveries[0]}, setting{delivery: deliveries[0], shuffled: true}
						change(&reference)
						change(&other)
						if difference(playOut(t, uint64(n+1), reference).snapshot(), playOut(t, uint64(n+1), other).snapshot()) != "" {
							differ.Add(1)
						}
					})
				}
			})
			t.Logf("%d of %d histories differ", differ.Load(), controls)
			require.NotZero(t, differ.Load())
		})
	}
}

// believer remembers what Stripe answered to a read, and never asks again.
type believer struct {
	to   http.RoundTripper
	mu   sync.Mutex
	read map[string][]byte
}

func (b *believer) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	answer, ok := b.read[r.URL.String()]
	if !ok {
		resp, err := b.to.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		if answer, err = httputil.DumpResponse(resp, true); err != nil {
			return nil, err
		}
		b.read[r.URL.String()] = answer
	}
	return http.ReadResponse(bufio.NewReader(bytes.NewReader(answer)), r)
}
