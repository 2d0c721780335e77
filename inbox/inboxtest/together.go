package inboxtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

// concurrent lets appenders and workers loose on a few roots. Workers link, park,
// finish and die; a table outside the store notices two live owners of one root.
func (s *suite) concurrent() {
	const appenders, workers, each = 4, 6, 25
	ctx, cancel := context.WithTimeout(s.ctx(), 2*time.Minute)
	defer cancel()

	var mu sync.Mutex
	owner := map[string]string{} // root → who believes to hold it
	works := map[string]int{}    // event id → how often its end was accepted
	ended := 0

	hold := func(root, who string) {
		mu.Lock()
		defer mu.Unlock()
		if other, ok := owner[root]; ok {
			s.Errorf("%s and %s hold %s at once", other, who, root)
		}
		owner[root] = who
	}
	free := func(root string) {
		mu.Lock()
		defer mu.Unlock()
		delete(owner, root)
	}

	var wg sync.WaitGroup
	for a := range appenders {
		wg.Go(func() {
			for i := range each {
				// Every event is sent twice, by two appenders at once where it happens so.
				e := event(fmt.Sprintf("evt_%d_%d", a/2, i), fmt.Sprintf("pi_%d", i%5))
				if _, err := s.Store.Append(ctx, inbox.Batch{ID: batchID(), Events: []commerce.Event{e}}); err != nil {
					s.Errorf("append: %v", err)
				}
			}
		})
	}
	const total = appenders / 2 * each
	for w := range workers {
		wg.Go(func() {
			who, chance := fmt.Sprintf("w%d", w), rand.New(rand.NewPCG(1, uint64(w)))
			for ctx.Err() == nil {
				mu.Lock()
				over := ended == total
				mu.Unlock()
				if over {
					return
				}
				claims, err := s.Store.Claim(ctx, inbox.ClaimRequest{Owner: who, Roots: 1 + chance.IntN(2), Events: 1 + chance.IntN(3), Lease: time.Hour})
				if err != nil {
					s.Errorf("claim: %v", err)
					return
				}
				for _, c := range claims {
					hold(c.Lease.Root, who)
				}
				for _, c := range claims {
					lease := c.Lease
					released := false
					for i, e := range c.Events {
						if chance.IntN(3) == 0 {
							// pi_0 and pi_1 are of one order; the others stay alone.
							if subject := e.Event.SubjectRef().String(); subject == subjectKey("pi_0") || subject == subjectKey("pi_1") {
								before := lease.Root
								got, err := s.Store.Link(ctx, lease, subject, orderKey("1"), time.Hour)
								switch {
								case err == nil && got.Root != before:
									free(before)
									hold(got.Root, who)
									lease = got
								case err != nil && commerce.KindOf(err) != commerce.KindParked:
									s.Errorf("link: %v", err)
								}
							}
						}
						end := ending(e, inbox.Done)
						if chance.IntN(4) == 0 {
							end.State = inbox.Parked
						}
						if released = i+1 == len(c.Events) && chance.IntN(2) == 0; released {
							free(lease.Root) // before another may have it
							end.Release = true
						}
						if err := s.Store.Finish(ctx, lease, []inbox.Ending{end}); err != nil {
							s.Errorf("finish: %v", err)
							return
						}
						if end.State == inbox.Done {
							mu.Lock()
							works[e.Event.Ref.ID]++
							ended++
							mu.Unlock()
						}
					}
					if released {
						continue
					}
					free(lease.Root)
					if err := s.Store.Release(ctx, lease); err != nil {
						s.Errorf("release: %v", err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	require.NoError(s, ctx.Err(), "the work did not end")
	require.Len(s, works, total, "nothing is lost")
	for id, n := range works {
		require.Equal(s, 1, n, "%s ended once", id)
	}
	c, err := s.Store.Count(s.ctx(), "")
	require.NoError(s, err)
	require.Equal(s, inbox.Counts{}, c)
}

func (s *suite) concurrentAppend() {
	const writers, ids = 8, 20
	var mu sync.Mutex
	fresh, at := map[string]int{}, map[string]int64{}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			chance := rand.New(rand.NewPCG(2, uint64(w)))
			for range 5 {
				var events []commerce.Event
				for _, i := range chance.Perm(ids) {
					events = append(events, event(fmt.Sprintf("evt_%02d", i), fmt.Sprintf("pi_%d", i)))
				}
				// The caller sorts, as the interface's users do against deadlocks.
				sortByIdentity(events)
				got, err := s.Store.Append(s.ctx(), inbox.Batch{ID: batchID(), Events: events})
				if err != nil {
					s.Errorf("append: %v", err)
					return
				}
				mu.Lock()
				for i, a := range got {
					id := events[i].Ref.ID
					if !a.Duplicate {
						fresh[id]++
					}
					if seq, ok := at[id]; ok && seq != a.Seq {
						s.Errorf("%s is at %d and at %d", id, seq, a.Seq)
					}
					at[id] = a.Seq
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	require.Len(s, fresh, ids)
	for id, n := range fresh {
		require.Equal(s, 1, n, "%s is new to one caller", id)
	}
	require.Len(s, claimed(s.claim("w")), ids)
}

func sortByIdentity(events []commerce.Event) {
	for i := 1; i < len(events); i++ {
		for j := i; j > 0 && events[j].Ref.ID < events[j-1].Ref.ID; j-- {
			events[j], events[j-1] = events[j-1], events[j]
		}
	}
}

// histories compares a store with a small model over random calls by several
// workers: who holds what, what is stored, what was accepted.
func (s *suite) histories() {
	n := 0
	rapid.Check(s.T, func(t *rapid.T) {
		n++
		defer s.drain() // one store serves all histories; each has its own ids
		history(t, s.T, s.Harness, fmt.Sprintf("h%d", n))
	})
}

// drain ends everything that waits, whoever holds it.
func (s *suite) drain() {
	s.Advance(24 * time.Hour)
	for {
		claims := s.claim("drain")
		if len(claims) == 0 {
			return
		}
		for _, c := range claims {
			s.done(c)
		}
	}
}

type modelEvent struct {
	seq     int64
	subject string
	state   inbox.State
	due     time.Duration
	starts  int
}

func history(t *rapid.T, tt *testing.T, h Harness, name string) {
	ctx := tt.Context()
	pi := func(i int) string { return fmt.Sprintf("pi_%s_%d", name, i) }
	order := func(i int) string { return orderKey(fmt.Sprintf("%s-%d", name, i)) }
	var (
		now    time.Duration
		events = map[string]*modelEvent{}
		links  = map[string]string{}
		leases = map[string]inbox.Claim{} // root → the live lease
		ends   = map[string]time.Duration{}
		old    []inbox.Claim
	)
	rootOf := func(subject string) string {
		if r, ok := links[subject]; ok {
			return r
		}
		return subject
	}
	alive := func(root string) bool { _, ok := leases[root]; return ok && now < ends[root] }
	retire := func(root string) {
		if c, ok := leases[root]; ok {
			old = append(old, c)
			delete(leases, root)
		}
	}
	pick := func() (inbox.Claim, bool) {
		var roots []string
		for _, r := range []string{subjectKey(pi(0)), subjectKey(pi(1)), subjectKey(pi(2)), order(0), order(1)} {
			if alive(r) {
				roots = append(roots, r)
			}
		}
		if len(roots) == 0 {
			return inbox.Claim{}, false
		}
		return leases[rapid.SampledFrom(roots).Draw(t, "root")], true
	}
	for range rapid.IntRange(1, 40).Draw(t, "steps") {
		switch rapid.SampledFrom([]string{"append", "append", "claim", "claim", "finish", "finish", "park", "link", "release", "stale", "time"}).Draw(t, "step") {
		case "append":
			i := rapid.IntRange(0, 8).Draw(t, "event")
			id, subject := fmt.Sprintf("evt_%s_%d", name, i), pi(i%3)
			got, err := h.Store.Append(ctx, inbox.Batch{ID: batchID(), Events: []commerce.Event{event(id, subject)}})
			require.NoError(t, err)
			known := events[id]
			require.Equal(t, known != nil, got[0].Duplicate)
			if known == nil {
				events[id] = &modelEvent{seq: got[0].Seq, subject: subjectKey(subject), state: inbox.Ready, due: now}
			}
		case "claim":
			want := map[string]map[int64]bool{}
			for _, e := range events {
				root := rootOf(e.subject)
				if (e.state == inbox.Ready || e.state == inbox.Parked) && e.due <= now && !alive(root) {
					if want[root] == nil {
						want[root] = map[int64]bool{}
					}
					want[root][e.seq] = true
				}
			}
			got, err := h.Store.Claim(ctx, inbox.ClaimRequest{Owner: "w", Roots: 100, Events: 100, Lease: minute})
			require.NoError(t, err)
			require.Len(t, got, len(want), "claimed roots")
			for _, c := range got {
				seqs := map[int64]bool{}
				for _, e := range c.Events {
					seqs[e.Seq] = true
					m := events[e.Event.Ref.ID]
					m.starts++
					require.Equal(t, m.starts, e.Starts)
				}
				require.Equal(t, want[c.Lease.Root], seqs)
				if prev, ok := leases[c.Lease.Root]; ok {
					require.Greater(t, c.Lease.Token, prev.Lease.Token)
				}
				retire(c.Lease.Root)
				leases[c.Lease.Root], ends[c.Lease.Root] = c, now+minute
			}
		case "finish", "park":
			c, ok := pick()
			if !ok {
				continue
			}
			e := rapid.SampledFrom(c.Events).Draw(t, "in hand")
			end, m := ending(e, inbox.Done), events[e.Event.Ref.ID]
			if rapid.Bool().Draw(t, "parks") {
				end.State, end.Wait = inbox.Parked, 10*minute
			}
			end.Release = rapid.Bool().Draw(t, "releases")
			require.NoError(t, h.Store.Finish(ctx, c.Lease, []inbox.Ending{end}))
			if m.starts > 0 { // else it ended already, and this is dropped
				m.state, m.due, m.starts = end.State, now+end.Wait, 0
			}
			if end.Release {
				retire(c.Lease.Root)
			}
		case "link":
			c, ok := pick()
			if !ok {
				continue
			}
			subject, root := c.Events[0].Event.SubjectRef().String(), order(rapid.IntRange(0, 1).Draw(t, "order"))
			got, err := h.Store.Link(ctx, c.Lease, subject, root, minute)
			switch {
			case rootOf(subject) == root:
				require.NoError(t, err)
				require.Equal(t, c.Lease, got)
			case rootOf(subject) != subject:
				require.Equal(t, commerce.KindNeedsDecision, commerce.KindOf(err))
			case alive(root):
				require.Equal(t, commerce.KindParked, commerce.KindOf(err))
			default:
				require.NoError(t, err)
				links[subject] = root
				retire(subject)
				if prev, ok := leases[root]; ok {
					require.Greater(t, got.Token, prev.Lease.Token)
				}
				retire(root)
				leases[root], ends[root] = inbox.Claim{Lease: got, Events: c.Events}, now+minute
			}
		case "release":
			if c, ok := pick(); ok {
				require.NoError(t, h.Store.Release(ctx, c.Lease))
				retire(c.Lease.Root)
			}
		case "stale":
			if len(old) > 0 {
				c := rapid.SampledFrom(old).Draw(t, "old lease")
				err := h.Store.Finish(ctx, c.Lease, endings(c, inbox.Done))
				require.Equal(t, commerce.KindConflict, commerce.KindOf(err), "%v", err)
				require.NoError(t, h.Store.Release(ctx, c.Lease))
			}
		case "time":
			d := rapid.SampledFrom([]time.Duration{time.Second, minute, 10 * minute}).Draw(t, "passes")
			h.Advance(d)
			now += d
		}
		for id, m := range events {
			e, err := h.Store.Get(ctx, m.seq)
			require.NoError(t, err)
			require.Equal(t, rootOf(m.subject), e.Root, id)
			if m.state == inbox.Done {
				require.Equal(t, inbox.Done, e.State, id)
			} else {
				require.Contains(t, []inbox.State{inbox.Ready, inbox.Parked}, e.State, id)
			}
		}
	}
}
