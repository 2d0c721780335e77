package magentotest

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// watch is a clock that a test sets.
type watch struct{ at time.Time }

func (w *watch) now() time.Time { return w.at }

func newWatched(t testing.TB) (*Shop, *watch) {
	t.Helper()
	w := &watch{time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)}
	s, err := New(Config{Now: w.now, Seed: 1})
	require.NoError(t, err)
	return s, w
}

var cups = NewOrder{Items: []NewItem{{SKU: "CUP", Qty: "3", Price: "10", Taxes: []Tax{{Code: "T", Percent: "10"}}}}, ShippingPrice: "5"}

// TestAPersonInTheAdminMovesTheDateAsMeasured follows updated-at-moves.json.
func TestAPersonInTheAdminMovesTheDateAsMeasured(t *testing.T) {
	t.Parallel()
	s, w := newWatched(t)
	id, err := s.Place(cups)
	require.NoError(t, err)
	o, _ := s.Order(id)
	row := int64(o.Items[0].ItemID)
	a := s.Admin()
	var shipment int64
	for _, step := range []struct {
		name  string
		do    func() error
		moves bool
	}{
		{"comment", func() error { return a.Comment(id, "seen") }, false},
		{"hold", func() error { return a.Hold(id) }, true},
		{"unhold", func() error { return a.Unhold(id) }, true},
		{"invoice of a part", func() error { _, err := a.Invoice(id, map[int64]string{row: "1"}); return err }, true},
		{"invoice of the rest", func() error { _, err := a.Invoice(id, nil); return err }, true},
		{"shipment of a part", func() (err error) { shipment, err = a.Ship(id, map[int64]string{row: "1"}); return err }, false},
		{"track", func() error { return a.Track(shipment, "JD1") }, false},
		{"address", func() error {
			return a.Address(id, "shipping", Address{Street: []string{"2 Low St"}, City: "Austin", Country: "US"})
		}, false},
		{"shipment of the rest", func() error { _, err := a.Ship(id, nil); return err }, true},
		{"refund of a part", func() error { _, err := a.Refund(id, map[int64]string{row: "1"}); return err }, true},
	} {
		before, _ := s.Order(id)
		w.at = w.at.Add(2 * time.Second)
		require.NoError(t, step.do(), step.name)
		after, _ := s.Order(id)
		require.Equal(t, step.moves, !after.UpdatedAt.Equal(before.UpdatedAt.Time), step.name)
	}
	o, _ = s.Order(id)
	require.Equal(t, "2 Low St", o.Shipping().Address.Street[0])
	require.Equal(t, "1", string(o.Items[0].QtyRefunded))
	require.ErrorContains(t, a.Hold(id), "hold action")
}

func TestAnEditedOrderIsReplacedAndADeletedOneIsGone(t *testing.T) {
	t.Parallel()
	s, _ := newWatched(t)
	id, err := s.Place(cups)
	require.NoError(t, err)
	second, err := s.Admin().Edit(id, cups)
	require.NoError(t, err)
	third, err := s.Admin().Edit(second, cups)
	require.NoError(t, err)
	one, _ := s.Order(id)
	two, _ := s.Order(second)
	three, _ := s.Order(third)
	require.Equal(t, []string{"canceled", one.IncrementID + "-1", one.IncrementID + "-2"}, []string{one.State, two.IncrementID, three.IncrementID})
	require.Equal(t, two.EntityID, one.RelationChildID)
	require.Equal(t, one.IncrementID, three.OriginalIncrementID)
	require.Equal(t, two.EntityID, three.RelationParentID)
	require.NoError(t, s.Admin().Delete(second))
	_, there := s.Order(second)
	require.False(t, there)
	require.Equal(t, []int64{id, third}, s.OrderIDs())
	require.Error(t, s.Admin().Delete(second))
}

func TestWhatATransactionDidIsSeenAfterItsCommitWithItsOldDate(t *testing.T) {
	t.Parallel()
	s, w := newWatched(t)
	id, err := s.Place(cups)
	require.NoError(t, err)
	began := w.at.Add(time.Minute)
	w.at = began
	commit := s.Begin(id)
	require.NoError(t, s.Admin().Hold(id))
	placed, commitPlaced, err := s.BeginPlace(cups)
	require.NoError(t, err)
	w.at = w.at.Add(time.Hour)
	shown := func() (states []string) {
		for _, o := range s.indexed().hits(criteria{sorts: []sortBy{{field: "updated_at"}}}) {
			states = append(states, o.state+" "+stamp(o.updated))
		}
		return states
	}
	require.Equal(t, []string{"new 2026-11-01 09:00:00"}, shown())
	commit()
	commitPlaced()
	require.Equal(t, []string{"holded " + stamp(began), "new " + stamp(began)}, shown())
	require.Equal(t, placed, s.OrderIDs()[1])
}

func TestTheIndexFindsWhatAScanFinds(t *testing.T) {
	t.Parallel()
	s, w := newWatched(t)
	_, err := s.Fill(60, cups, w.at, time.Second/2)
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(7, 7))
	a := s.Admin()
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	for n := range 2_000 {
		if n%20 == 0 {
			w.at = w.at.Add(time.Second)
			id := s.OrderIDs()[r.IntN(len(s.orders))]
			_ = []func(int64) error{a.Hold, a.Unhold, a.Cancel, func(id int64) error { _, err := s.Place(cups); return err }, a.Delete}[r.IntN(5)](id)
		}
		q := url.Values{"searchCriteria[pageSize]": {"0"}}
		for g := range r.IntN(4) {
			for f := range 1 + r.IntN(2) {
				at := fmt.Sprintf("searchCriteria[filter_groups][%d][filters][%d]", g, f)
				switch r.IntN(4) {
				case 0:
					q.Set(at+"[field]", "entity_id")
					q.Set(at+"[value]", pick("0", "1", "20", "41", "x", ""))
				case 1:
					q.Set(at+"[field]", pick("updated_at", "created_at"))
					q.Set(at+"[value]", pick("2026-11-01 09:00:10", "2026-11-01 09:00:30", "2026-11-01", ""))
				default:
					q.Set(at+"[field]", "state")
					q.Set(at+"[value]", pick("new", "new,holded", "canceled"))
				}
				q.Set(at+"[condition_type]", pick("eq", "gt", "gteq", "lt", "lteq", "in", "neq", "nin", "odd"))
			}
		}
		for n, field := range []string{pick("updated_at", "entity_id", "state"), "entity_id"}[:1+r.IntN(2)] {
			q.Set("searchCriteria[sortOrders]["+strconv.Itoa(n)+"][field]", field)
		}
		ids := func(find func(criteria) []*order) (ids []int64) {
			c, f := s.parseCriteria(q)
			require.Nil(t, f)
			for _, o := range find(c) {
				ids = append(ids, o.id)
			}
			return ids
		}
		scan := func(c criteria) []*order {
			var hits []*order
			for _, o := range s.orders {
				if c.match(func(name string) any { v, _ := orderColumn(o, name); return v }) {
					hits = append(hits, o)
				}
			}
			return inOrder(hits, c.sorts, orderColumn)
		}
		require.Equal(t, ids(scan), ids(s.indexed().hits), q)
	}
}

func TestAHundredThousandOrdersFitAndAreFoundAtOnce(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	s, w := newWatched(t)
	before := heap()
	done := cups
	done.State, done.Status = "complete", "complete"
	first, err := s.Fill(100_000, done, w.at.AddDate(-1, 0, 0), time.Minute)
	require.NoError(t, err)
	require.Len(t, s.indexed().byID, 100_000)
	require.Less(t, heap()-before, uint64(96<<20))
	last, ok := s.Order(first + 99_999)
	require.True(t, ok)
	other, ok := s.Order(first + 500)
	require.True(t, ok)
	require.NotEqual(t, last.Items[0].ItemID, other.Items[0].ItemID)
	require.NotEqual(t, last.IncrementID, other.IncrementID)
	require.NoError(t, s.Admin().Comment(first+500, "one of many"))
	again, _ := s.Order(first + 500)
	require.Equal(t, other.Items[0].ItemID, again.Items[0].ItemID, "an order that is touched stays the same")
}

// BenchmarkAPageOfAHundredThousand measures what the shop needs to find a page in the
// middle of a walk after a change.
func BenchmarkAPageOfAHundredThousand(b *testing.B) {
	s, w := newWatched(b)
	first, err := s.Fill(100_000, cups, w.at.AddDate(-1, 0, 0), time.Minute)
	require.NoError(b, err)
	middle := s.row(first + 50_000).updated
	c := criteria{sorts: []sortBy{{field: "updated_at"}, {field: "entity_id"}}, groups: [][]filter{
		{{field: "updated_at", value: stamp(middle), condition: "gteq"}}}}
	b.Run("changed", func(b *testing.B) {
		for b.Loop() {
			s.touch(s.row(first + 70_000))
			s.indexed().hits(c)
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		for b.Loop() {
			s.indexed().hits(c)
		}
	})
}
