// Package inboxtest holds the tests that every [inbox.Store] passes: each promise
// of the interface, one named test each. A store runs them from its own tests:
//
//	func TestStore(t *testing.T) {
//		inboxtest.Run(t, func(t *testing.T) inboxtest.Harness {
//			clock := newClock()
//			return inboxtest.Harness{Store: newStore(t, clock.Now), Advance: clock.Advance}
//		}, inboxtest.Features{})
//	}
//
// No test waits for real time: where time has to pass the suite calls Advance.
// A store that can complete an event in the caller's transaction also runs [RunTx].
package inboxtest

import (
	"testing"
	"time"

	"github.com/commercesync/commerce/inbox"
)

// Harness is one empty store and what the suite needs around it.
type Harness struct {
	Store inbox.Store
	// Advance moves the store's clock forward.
	Advance func(time.Duration)
	// Reopen opens the same data as a new process would. Needed with
	// Features.Durable only.
	Reopen func() inbox.Store
}

// Features says what a store promises beyond the core.
type Features struct {
	// Durable: what was acknowledged is there when the store is opened again.
	Durable bool
}

// Run tests a store. open returns a new, empty one for every test and closes it
// with t.Cleanup.
func Run(t *testing.T, open func(*testing.T) Harness, f Features) {
	type test struct {
		name string
		run  func(*suite)
	}
	groups := []struct {
		name  string
		tests []test
	}{
		{"append", []test{
			{"an identity is stored once", (*suite).identityOnce},
			{"every part of the identity counts, and nothing else", (*suite).identityParts},
			{"the same id with another object is a second, dead row", (*suite).clash},
			{"a batch may hold the same identity twice", (*suite).twiceInBatch},
			{"a batch sent again answers as the first time", (*suite).batchAgain},
			{"a batch is stored as a whole or not at all", (*suite).batchWhole},
			{"what was stored is read back byte for byte", (*suite).readBack},
		}},
		{"feed", []test{
			{"A then B then A are three revisions", (*suite).revisions},
			{"revisions inside one page count in order", (*suite).revisionsInPage},
			{"a page sent again answers as the first time", (*suite).pageAgain},
			{"the cursor is committed with its page", (*suite).cursor},
			{"of two pages read after one cursor the second is refused", (*suite).cursorMoved},
			{"what was told is listed by kind, page by page, in order of number", (*suite).told},
		}},
		{"claim", []test{
			{"a root is leased to one worker, all its due events with it", (*suite).oneLease},
			{"two workers never get one root", (*suite).twoWorkers},
			{"what is due first is claimed first", (*suite).dueOrder},
			{"the events of a root come in order of creation, then of arrival", (*suite).creationOrder},
			{"bounds on roots and events hold", (*suite).claimBounds},
			{"every claim counts a start until an end", (*suite).starts},
			{"an expired lease is claimed again with a greater token", (*suite).expired},
			{"an extended lease holds longer", (*suite).extend},
			{"a stale token is refused", (*suite).stale},
			{"a released root can be claimed at once, with a greater token", (*suite).release},
			{"an event that arrives while its root is leased waits for the next claim", (*suite).arrivesLeased},
			{"tenants take turns, however much one of them has waiting", (*suite).turns},
			{"of one tenant's roots no more are given than may be worked", (*suite).room},
			{"repair comes after what is live, and before long", (*suite).repair},
		}},
		{"finish", []test{
			{"ended events are not claimed again", (*suite).ended},
			{"a parked event waits for its time, its neighbours do not", (*suite).parked},
			{"an attempt is counted where the ending burns one", (*suite).burn},
			{"the ending's reason, code and handler are kept", (*suite).reason},
			{"what an ending emits is stored with it", (*suite).emit},
			{"finishing twice changes nothing", (*suite).finishTwice},
			{"the last ending gives the lease back", (*suite).finishReleases},
			{"what gave the lease back may be said again, and nothing else", (*suite).finishReleasedTwice},
			{"what is due says when, what has ended does not", (*suite).dueTimes},
			{"an unknown event refuses the whole ending", (*suite).finishMissing},
		}},
		{"link", []test{
			{"a free root is linked and leased, the old lease given back", (*suite).linkFree},
			{"a root held by another parks and writes nothing", (*suite).linkTaken},
			{"the lease of a root that expired is taken over", (*suite).linkExpired},
			{"the same link again answers with the lease in hand", (*suite).linkAgain},
			{"a subject that is its own root needs no link", (*suite).linkSelf},
			{"a second root is ambiguous", (*suite).linkSecond},
			{"links have one step", (*suite).linkChain},
			{"the events of all linked subjects are claimed together", (*suite).linkTogether},
			{"a link needs the lease of its subject", (*suite).linkStale},
			{"subjects are listed in order of linking", (*suite).subjects},
		}},
		{"people", []test{
			{"a dead event is replayed as a new generation with an overlay", (*suite).replay},
			{"an ignored event can be replayed", (*suite).replayIgnored},
			{"only dead and ignored events are replayed", (*suite).replayOther},
			{"a late ending of an earlier generation is dropped", (*suite).replayLate},
			{"a dead event is discarded, others are not", (*suite).discard},
			{"a list is filtered, bounded and ascending", (*suite).list},
			{"a timeline holds every event of every subject, oldest first", (*suite).timeline},
			{"counts are those of the tenant", (*suite).count},
			{"an unknown number is not found", (*suite).missing},
		}},
		{"retention", []test{
			{"what ended long ago loses its payload, then everything; dead and open events never", (*suite).prune},
			{"an event that was created late is remembered longer", (*suite).pruneCreated},
			{"a pruned event's id is new again, its object's last hash is not", (*suite).pruneAgain},
			{"a person's events lose their payloads and can not be replayed", (*suite).erase},
			{"a stretch ends where it was told to", (*suite).stretches},
		}},
		{"wait", []test{
			{"it says when the next event can be claimed", (*suite).wait},
		}},
		{"together", []test{
			{"many workers lose nothing and never share a root", (*suite).concurrent},
			{"concurrent appends store an identity once", (*suite).concurrentAppend},
			{"random histories agree with a model", (*suite).histories},
		}},
	}
	if f.Durable {
		groups = append(groups, struct {
			name  string
			tests []test
		}{"durable", []test{
			{"what was acknowledged is there after opening again", (*suite).reopen},
		}})
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			for _, c := range g.tests {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.run(&suite{T: t, Harness: open(t)})
				})
			}
		})
	}
}
