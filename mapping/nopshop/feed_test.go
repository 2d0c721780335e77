package nopshop_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping/nopshop"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
)

// desk is what an inbox makes of feeds: it keeps the last hash of every object and the
// cursor of every feed, both with every batch of changes and not in between.
type desk struct {
	t     *testing.T
	clock time.Time
	far   *nopcommercetest.Shop
	shop  *nopshop.Shop

	client  *nopcommerce.Client
	hashes  map[string]string // by object
	named   map[string]bool   // events with ids of their own
	cursors map[inbox.Feed]string
	news    []string // what was news, "type object"
	repair  int      // of it what could wait
	batch   int
}

var monday = time.Date(2026, 11, 16, 10, 0, 0, 0, time.UTC)

func newDesk(t *testing.T, far nopcommercetest.Config, with ...func(*nopcommerce.Config)) *desk {
	t.Helper()
	d := &desk{t: t, clock: monday, hashes: map[string]string{}, named: map[string]bool{}, cursors: map[inbox.Feed]string{}, batch: 10}
	far.Now = func() time.Time { return d.clock }
	var err error
	d.far, err = nopcommercetest.New(far)
	require.NoError(t, err)
	c := nopcommerce.Config{BaseURL: "https://shop.example", Transport: d.far.Transport(), Credentials: commerce.Static(d.far.Login()),
		Now: far.Now, PageSize: 5}
	c.Resilience.Retry.Attempts = 1
	for _, f := range with {
		f(&c)
	}
	d.client, err = nopcommerce.NewClient(c)
	require.NoError(t, err)
	d.shop, err = nopshop.New(d.client, nopshop.Config{Currency: "USD", Now: far.Now})
	require.NoError(t, err)
	return d
}

// after moves the clock.
func (d *desk) after(by time.Duration) { d.clock = d.clock.Add(by) }

func (d *desk) place(n nopcommercetest.NewOrder) int {
	d.t.Helper()
	if n.Items == nil {
		n.Items = []nopcommercetest.NewItem{{SKU: "CUP", Qty: 1, Price: "9.99"}}
	}
	id, err := d.far.Place(n)
	require.NoError(d.t, err)
	return id
}

func (d *desk) changes(c nopshop.ChangesConfig) inbox.Feed {
	d.t.Helper()
	f, err := d.shop.Changes(c)
	require.NoError(d.t, err)
	return f
}

func (d *desk) sweep(c nopshop.SweepConfig) inbox.Feed {
	d.t.Helper()
	c.Told = d
	f, err := d.shop.Sweep(c)
	require.NoError(d.t, err)
	return f
}

func (d *desk) returns(c nopshop.ReturnsConfig) inbox.Feed {
	d.t.Helper()
	f, err := d.shop.Returns(c)
	require.NoError(d.t, err)
	return f
}

// cut polls a feed until so many changes were read; what was read since the last batch is
// lost. 0 = to its end. It returns the news.
func (d *desk) cut(f inbox.Feed, after int) (news []string, err error) {
	d.t.Helper()
	var page []inbox.Change
	read := 0
	flush := func() {
		for _, c := range page {
			d.cursors[f] = c.Cursor
			e := c.Event
			switch {
			case e.Ref.IsZero():
				continue
			case c.Hash == "" && d.named[e.Ref.ID], c.Hash != "" && d.hashes[e.Ref.ID] == c.Hash:
				continue
			case c.Hash == "":
				d.named[e.Ref.ID] = true
			default:
				d.hashes[e.Ref.ID] = c.Hash
			}
			require.Contains(d.t, []string{e.Ref.ID, e.Subject}, e.Object)
			require.NotContains(d.t, string(e.Raw), "@", "nobody is named")
			news = append(news, e.Type+" "+e.Ref.ID+" of "+e.Subject)
			if c.Repair {
				d.repair++
			}
		}
		page = page[:0]
	}
	for c, failed := range f.Changes(d.t.Context(), d.cursors[f]) {
		if failed != nil {
			err = failed
			break
		}
		if read++; after > 0 && read > after {
			page = nil
			break
		}
		if page = append(page, c); len(page) >= d.batch {
			flush()
		}
	}
	flush()
	d.news = append(d.news, news...)
	return news, err
}

// poll is a whole poll without an error.
func (d *desk) poll(f inbox.Feed) []string {
	d.t.Helper()
	news, err := d.cut(f, 0)
	require.NoError(d.t, err)
	return news
}

// Told implements inbox.Told.
func (d *desk) Told(_ context.Context, of commerce.Ref, after string, limit int) ([]string, error) {
	numeric := func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }
	var ids []string
	for id := range d.hashes {
		if strings.HasPrefix(id, of.ID) && (after == "" || numeric(id, after) > 0) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, numeric)
	return ids[:min(limit, len(ids))], nil
}

func changed(id int) string { return fmt.Sprintf("order.changed order/%d of order/%d", id, id) }
func deleted(id int) string { return fmt.Sprintf("order.deleted order/%d of order/%d", id, id) }

// about counts the news of one order, whatever it is called.
func about(news []string, id int) (n int) {
	for _, s := range news {
		if strings.HasSuffix(s, fmt.Sprintf(" of order/%d", id)) {
			n++
		}
	}
	return n
}

func TestEachChangeIsToldByTheNextPollAndOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do  func(d *desk, id int) error
		far nopcommercetest.Config
	}{
		"paid by hand":           {do: func(d *desk, id int) error { return d.far.MarkPaid(id) }},
		"canceled by hand":       {do: func(d *desk, id int) error { return d.far.Cancel(id) }},
		"deleted by hand":        {do: func(d *desk, id int) error { return d.far.Delete(id) }},
		"gone from the database": {do: func(d *desk, id int) error { return d.far.Remove(id) }},
		"shipped": {do: func(d *desk, id int) error {
			_, err := d.far.Ship(nopcommercetest.NewShipment{Order: id})
			return err
		}},
		"completed by a plugin, so that it is not open any more": {do: func(d *desk, id int) error {
			return d.far.Quietly(id, func(o *nopcommercetest.Order) {
				o.OrderStatusID, o.PaymentStatusID, o.ShippingStatusID = 30, 30, 40
			})
		}},
		"another total": {do: func(d *desk, id int) error {
			return d.far.Quietly(id, func(o *nopcommercetest.Order) { o.OrderTotal++ })
		}},
		"a line edited by hand, the row as was": {do: func(d *desk, id int) error {
			return d.far.EditItem(d.far.Items(id)[0].ID, func(i *nopcommercetest.OrderItem) { i.Quantity = 7 })
		}},
		"an address edited by hand": {do: func(d *desk, id int) error {
			return d.far.EditAddress(id, true, func(a *nopcommercetest.Address) { a.City = new("Bonn") })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, c.far)
			f := d.changes(nopshop.ChangesConfig{})
			id := d.place(nopcommercetest.NewOrder{})
			d.after(time.Minute)
			require.Equal(t, []string{changed(id)}, d.poll(f))
			d.after(time.Minute)
			require.Empty(t, d.poll(f), "a control: nothing happened")
			require.NoError(t, c.do(d, id))
			d.after(time.Minute)
			require.NotZero(t, about(d.poll(f), id))
			for range 3 {
				d.after(time.Minute)
				require.Empty(t, d.poll(f), "it is told once")
			}
		})
	}
}

func TestASettledOrderThatAPluginChangesIsTheSweeps(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nopcommercetest.Config{})
	f, sweep := d.changes(nopshop.ChangesConfig{}), d.sweep(nopshop.SweepConfig{Newest: 30 * 24 * time.Hour})
	refunded, canceled, byHand := d.place(nopcommercetest.NewOrder{}), d.place(nopcommercetest.NewOrder{}), d.place(nopcommercetest.NewOrder{})
	for _, id := range []int{refunded, canceled, byHand} {
		require.NoError(t, d.far.Quietly(id, func(o *nopcommercetest.Order) { o.OrderStatusID, o.PaymentStatusID, o.ShippingStatusID = 30, 30, 40 }))
	}
	d.after(time.Minute)
	require.Len(t, d.poll(f), 3)
	require.Empty(t, d.poll(sweep))
	d.after(time.Hour)
	require.Empty(t, d.poll(f))
	require.NoError(t, d.far.Quietly(refunded, func(o *nopcommercetest.Order) { o.PaymentStatusID, o.RefundedAmount = 40, o.OrderTotal }))
	require.NoError(t, d.far.Quietly(canceled, func(o *nopcommercetest.Order) { o.OrderStatusID = 40 }))
	require.NoError(t, d.far.Refund(byHand, "1"))
	d.after(time.Minute)
	require.Len(t, d.poll(f), 2, "the log names the one that a person refunded; its row is another one, too")
	before := d.far.Requests()
	require.Empty(t, d.poll(sweep), "not due")
	require.Equal(t, before, d.far.Requests(), "and nothing is asked")
	d.after(23 * time.Hour)
	require.Equal(t, []string{changed(canceled), changed(refunded)}, d.poll(sweep))
	require.Empty(t, d.poll(f), "both feeds have the same hash of an order")
}

func TestDeletionsOfSettledOrdersAreFoundByTheSweepAndToldOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nopcommercetest.Config{})
	f, sweep := d.changes(nopshop.ChangesConfig{Overlap: 1}), d.sweep(nopshop.SweepConfig{Newest: 24 * time.Hour})
	var ids []int
	for range 12 {
		ids = append(ids, d.place(nopcommercetest.NewOrder{}))
		require.NoError(t, d.far.Quietly(ids[len(ids)-1], func(o *nopcommercetest.Order) { o.OrderStatusID, o.PaymentStatusID = 30, 30 }))
	}
	d.after(time.Minute)
	require.Len(t, d.poll(f), 12)
	require.Empty(t, d.poll(sweep))
	d.after(time.Hour)
	require.NoError(t, d.far.Remove(ids[3]))
	require.NoError(t, d.far.Quietly(ids[0], func(o *nopcommercetest.Order) { o.Deleted = true }))
	require.NoError(t, d.far.Quietly(ids[11], func(o *nopcommercetest.Order) { o.Deleted = true }))
	require.Empty(t, d.poll(f))
	d.after(23 * time.Hour)
	want := []string{deleted(ids[0]), deleted(ids[3]), deleted(ids[11])}
	require.Equal(t, want, d.poll(sweep), "a short round looks down to the lowest order that the one before it saw")
	d.after(7 * 24 * time.Hour)
	require.Empty(t, d.poll(sweep))
	require.NoError(t, d.far.Quietly(ids[0], func(o *nopcommercetest.Order) { o.Deleted = false }))
	require.Equal(t, []string{changed(ids[0])}, d.poll(d.sweep(nopshop.SweepConfig{})), "an order that was restored is there again")
}

func TestAnotherShopIsNotTakenForAClearance(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nopcommercetest.Config{})
	for range 7 {
		d.place(nopcommercetest.NewOrder{})
	}
	d.after(time.Minute)
	d.poll(d.changes(nopshop.ChangesConfig{}))
	for id := range 4 {
		require.NoError(t, d.far.Remove(id+1))
	}
	news, err := d.cut(d.sweep(nopshop.SweepConfig{MaxDeleted: 3}), 0)
	require.ErrorIs(t, err, commerce.ErrLimit)
	require.ErrorContains(t, err, "MaxDeleted")
	require.Len(t, news, 3)
	require.Equal(t, []string{deleted(4)}, d.poll(d.sweep(nopshop.SweepConfig{MaxDeleted: 4})))
	require.Empty(t, d.poll(d.sweep(nopshop.SweepConfig{Told: nil})), "without Told no deletion is looked for")
}

func TestAPollCutOffAnywhereLosesNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 7))
		d := newDesk(t, nopcommercetest.Config{}, func(c *nopcommerce.Config) { c.PageSize = 3 })
		d.batch = 1 + rng.IntN(6)
		f, sweep := d.changes(nopshop.ChangesConfig{}), d.sweep(nopshop.SweepConfig{})
		want := map[int]bool{}
		for range 14 { // many in one second, and some an hour apart
			id := d.place(nopcommercetest.NewOrder{CreatedAt: monday.Add(-time.Duration(rng.IntN(3)) * time.Hour)})
			want[id] = true
			if rng.IntN(2) == 0 {
				require.NoError(t, d.far.Quietly(id, func(o *nopcommercetest.Order) { o.OrderStatusID, o.PaymentStatusID = 30, 30 }))
			}
		}
		d.after(time.Minute)
		var open int
		for i := range 24 {
			_, err := d.cut(f, 1+rng.IntN(12))
			require.NoError(t, err)
			d.after(time.Minute)
			if i == 12 { // in the middle of it an open order ends, and one is placed
				for id := range want {
					if o, _ := d.far.Order(id); o.OrderStatusID == 10 {
						open = id
						break
					}
				}
				require.NoError(t, d.far.Quietly(open, func(o *nopcommercetest.Order) { o.OrderStatusID, o.PaymentStatusID = 30, 30 }))
				want[d.place(nopcommercetest.NewOrder{})] = true
				d.after(time.Minute)
			}
		}
		d.poll(f)
		for id := range want {
			require.NotZero(t, about(d.news, id), "seed %d: order %d was never told", seed, id)
		}
		require.GreaterOrEqual(t, about(d.news, open), 1, "seed %d", seed)
		told := len(d.news)
		for range 8 {
			_, err := d.cut(sweep, 1+rng.IntN(8))
			require.NoError(t, err)
		}
		d.poll(sweep)
		require.Len(t, d.news, told, "seed %d: the sweep finds nothing that the polls did not tell", seed)
	}
}

func TestOrdersOfOneSecondAndMoreThanAPageAreAllTold(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nopcommercetest.Config{})
	f := d.changes(nopshop.ChangesConfig{})
	for range 37 {
		d.place(nopcommercetest.NewOrder{})
	}
	d.after(time.Minute)
	require.Len(t, d.poll(f), 37)
}

func TestALateOrderIsToldWithinLagAndElseByTheSweep(t *testing.T) {
	t.Parallel()
	settled := func(d *desk, id int) {
		require.NoError(d.t, d.far.Quietly(id, func(o *nopcommercetest.Order) { o.OrderStatusID, o.PaymentStatusID = 30, 30 }))
	}
	for name, c := range map[string]struct {
		lag, late time.Duration
		byPoll    bool
	}{
		"it comes into sight within Lag":                         {time.Minute, 50 * time.Second, true},
		"a control: it comes later, and its date is walked past": {time.Minute, 3 * time.Minute, false},
		"a control: no Lag":                                      {time.Nanosecond, 50 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nopcommercetest.Config{})
			f, sweep := d.changes(nopshop.ChangesConfig{Lag: c.lag, Overlap: 1}), d.sweep(nopshop.SweepConfig{})
			begun := d.clock
			d.after(c.late - time.Second)
			d.poll(f)
			d.after(time.Second)
			id := d.place(nopcommercetest.NewOrder{CreatedAt: begun})
			settled(d, id)
			// The line of its placement in the log would name it: that is another net.
			for i := range 4 {
				d.after(time.Minute)
				d.far.ClearLog()
				news := d.poll(f)
				if i == 3 && !c.byPoll {
					require.Empty(t, news)
				}
			}
			require.Equal(t, c.byPoll, about(d.news, id) == 1, "%v", d.news)
			d.poll(sweep)
			require.Equal(t, 1, about(d.news, id))
		})
	}
}

func TestTheShopsClockMayBeWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ before, later time.Duration }{
		"an hour ahead":           {time.Hour, time.Hour},
		"an hour behind":          {-time.Hour, -time.Hour},
		"ahead, and then set":     {time.Hour, 0},
		"behind, and then set":    {-time.Hour, 0},
		"set back and far behind": {0, -3 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nopcommercetest.Config{ClockOff: c.before})
			f := d.changes(nopshop.ChangesConfig{})
			for i := range 6 {
				if i == 3 {
					d.far.SetClock(c.later)
				}
				id := d.place(nopcommercetest.NewOrder{})
				require.NoError(t, d.far.Quietly(id, func(o *nopcommercetest.Order) { o.OrderStatusID, o.PaymentStatusID = 30, 30 }))
				d.after(time.Minute)
				require.Equal(t, []string{changed(id)}, d.poll(f), "order %d", i)
				require.WithinDuration(t, d.clock.Add(cmp.Or(map[bool]time.Duration{true: c.later}[i >= 3], map[bool]time.Duration{true: c.before}[i < 3])),
					f.(inbox.Completer).CompleteTo(d.cursors[f]), 20*time.Second, "by the shop's clock")
			}
		})
	}
}

func TestOurOwnRemarksMakeNoLoop(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nopcommercetest.Config{})
	f, sweep := d.changes(nopshop.ChangesConfig{}), d.sweep(nopshop.SweepConfig{Details: true})
	id := d.place(nopcommercetest.NewOrder{})
	d.after(time.Minute)
	d.poll(f)
	d.poll(sweep)
	client := d.client
	_, err := client.Notes.Add(t.Context(), nopcommerce.Note{OrderID: nopcommerce.ID(id), Text: "[commerce] seen"})
	require.NoError(t, err)
	require.NoError(t, client.Attributes.Save(t.Context(), nopcommerce.Attribute{EntityID: nopcommerce.ID(id), KeyGroup: "Order", Key: "k", Value: "v"}))
	d.after(8 * 24 * time.Hour)
	require.Empty(t, d.poll(f))
	require.Empty(t, d.poll(sweep))
	_, err = client.Processing.MarkPaid(t.Context(), nopcommerce.ID(id)) // a control: this is an order's row
	require.NoError(t, err)
	require.Equal(t, []string{changed(id)}, d.poll(f), "once, as evidence")
	require.Empty(t, d.poll(f))
}

func TestDetailsTellWhatNoRowAndNoLogTells(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nopcommercetest.Config{})
	plain, deep := d.sweep(nopshop.SweepConfig{}), d.sweep(nopshop.SweepConfig{Details: true, Parallel: 3})
	var ids []int
	for range 9 {
		ids = append(ids, d.place(nopcommercetest.NewOrder{}))
	}
	d.after(time.Minute)
	require.Len(t, d.poll(plain), 9)
	require.Len(t, d.poll(deep), 9, "of each what hangs on it")
	client := d.client
	line, err := client.Items.Get(t.Context(), nopcommerce.ID(d.far.Items(ids[4])[0].ID))
	require.NoError(t, err)
	line.Quantity = 3
	_, err = client.Items.Update(t.Context(), line) // as another program does
	require.NoError(t, err)
	d.after(7 * 24 * time.Hour)
	require.Empty(t, d.poll(plain), "a control: no row of an order moved")
	require.Equal(t, []string{fmt.Sprintf("order.changed details/%d of order/%d", ids[4], ids[4])}, d.poll(deep))
}

func TestACursorThatIsNoneSaysWhatToDo(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nopcommercetest.Config{})
	feeds := map[string]inbox.Feed{"changes": d.changes(nopshop.ChangesConfig{}), "sweep": d.sweep(nopshop.SweepConfig{}), "returns": d.returns(nopshop.ReturnsConfig{})}
	for name, f := range feeds {
		for cursor, want := range map[string]string{
			"x":                              "FeedConfig.Name",
			"{}":                             "FeedConfig.Name",
			`{"v":"magentoshop.changes/1"}`:  "of its own",
			`{"v":"nopshop.` + name + `/9"}`: "newer program",
			`{"v":"nopshop.` + name + `/1","to":"x","began":"x"}`: "broken",
			`{"v":"nopshop.` + name + `/1","low":"x","open":"!"}`: "broken",
		} {
			read := 0
			for _, err := range f.Changes(t.Context(), cursor) {
				require.ErrorIs(t, err, commerce.ErrInvalid)
				require.ErrorContains(t, err, want, "%s: %s", name, cursor)
				read++
			}
			require.Equal(t, 1, read)
			require.Zero(t, f.(inbox.Completer).CompleteTo(cursor))
		}
	}
	require.Zero(t, d.far.Requests())
}

func TestAConfigIsChecked(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nopcommercetest.Config{})
	for field, make := range map[string]func() error{
		"ChangesConfig.Lag":       func() error { _, err := d.shop.Changes(nopshop.ChangesConfig{Lag: -1}); return err },
		"ChangesConfig.Overlap":   func() error { _, err := d.shop.Changes(nopshop.ChangesConfig{Overlap: -1}); return err },
		"ChangesConfig.Retention": func() error { _, err := d.shop.Changes(nopshop.ChangesConfig{Retention: -1}); return err },
		"ChangesConfig.OpenFor":   func() error { _, err := d.shop.Changes(nopshop.ChangesConfig{OpenFor: -1}); return err },
		"ChangesConfig.MaxOpen":   func() error { _, err := d.shop.Changes(nopshop.ChangesConfig{MaxOpen: -1}); return err },
		"SweepConfig.Newest":      func() error { _, err := d.shop.Sweep(nopshop.SweepConfig{Newest: -1}); return err },
		"SweepConfig.Every":       func() error { _, err := d.shop.Sweep(nopshop.SweepConfig{Every: -1}); return err },
		"SweepConfig.MaxDeleted":  func() error { _, err := d.shop.Sweep(nopshop.SweepConfig{MaxDeleted: -1}); return err },
		"SweepConfig.Parallel":    func() error { _, err := d.shop.Sweep(nopshop.SweepConfig{Parallel: -1}); return err },
		"ReturnsConfig.Lag":       func() error { _, err := d.shop.Returns(nopshop.ReturnsConfig{Lag: -1}); return err },
		"ReturnsConfig.MaxOpen":   func() error { _, err := d.shop.Returns(nopshop.ReturnsConfig{MaxOpen: -1}); return err },
	} {
		err := make()
		require.ErrorIs(t, err, commerce.ErrInvalid, field)
		require.ErrorContains(t, err, field)
	}
}

func TestReturnRequestsAreToldWithTheirOrder(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nopcommercetest.Config{})
	f := d.returns(nopshop.ReturnsConfig{})
	order := d.place(nopcommercetest.NewOrder{Items: []nopcommercetest.NewItem{{SKU: "CUP", Qty: 3, Price: "9.99"}}})
	line := d.far.Items(order)[0].ID
	var ids []int
	for range 7 {
		id, err := d.far.RequestReturn(line, 1, "broken")
		require.NoError(t, err)
		ids = append(ids, id)
	}
	told := func(id int) string { return fmt.Sprintf("return.changed return/%d of order/%d", id, order) }
	status := func(id, to int) {
		require.NoError(t, d.far.EditReturn(id, func(r *nopcommercetest.ReturnRequest) { r.ReturnRequestStatusID = to }))
	}
	d.after(time.Minute)
	require.Len(t, d.poll(f), 7)
	require.Equal(t, 1, paths(d.far, "/Order/GetByOrderItem/"), "a line's order is looked up once")
	d.after(time.Hour)
	require.Empty(t, d.poll(f))
	status(ids[2], 20)
	require.Equal(t, []string{told(ids[2])}, d.poll(f), "authorised")
	status(ids[2], 40)
	require.Equal(t, []string{told(ids[2])}, d.poll(f), "and ended, which no list of the open ones shows")
	require.NoError(t, d.far.EditReturn(ids[3], func(r *nopcommercetest.ReturnRequest) { r.StaffNotes = new("[commerce] seen") }))
	require.NoError(t, d.far.RemoveReturn(ids[4]))
	require.Empty(t, d.poll(f))
	before := d.far.Requests()
	require.Empty(t, d.poll(f))
	require.Equal(t, 5, d.far.Requests()-before, "the clock, the new ones, and a page of each of the open statuses; nothing by id")
	require.NoError(t, d.far.Remove(order))
	f, d.hashes = d.returns(nopshop.ReturnsConfig{}), map[string]string{}
	require.Contains(t, d.poll(f), fmt.Sprintf("return.changed return/%d of return/%d", ids[0], ids[0]))
}

func paths(far *nopcommercetest.Shop, part string) (n int) {
	for _, c := range far.Calls() {
		if strings.Contains(c.Path, part) {
			n++
		}
	}
	return n
}

func TestAnAPIThatAnswersOddlyEndsThePollWithAWord(t *testing.T) {
	t.Parallel()
	says := func(status int, kind, body string) nopcommercetest.Fault {
		return nopcommercetest.Fault{Kind: nopcommercetest.Answered, Status: status, Header: http.Header{"Content-Type": {kind}}, Body: body}
	}
	for name, c := range map[string]struct {
		fault nopcommercetest.Fault
		kind  error
		code  string
	}{
		"a stack trace":                    {nopcommercetest.StackTrace(), commerce.ErrInternal, nopcommerce.CodeNotJSON},
		"a page with 200":                  {nopcommercetest.HTMLPage(), commerce.ErrInternal, nopcommerce.CodeNotJSON},
		"200 and an empty object, always":  {says(200, "application/json", "{}"), commerce.ErrInternal, nopcommerce.CodeWrongRow},
		"200 and an empty list, always":    {says(200, "application/json", "[]"), commerce.ErrInternal, ""},
		"200 and nothing":                  {says(200, "application/json", ""), commerce.ErrInternal, nopcommerce.CodeNotJSON},
		"the shop restarts":                {nopcommercetest.Restarting(), commerce.ErrUnavailable, ""},
		"no such route":                    {says(404, "text/html", "<html>"), commerce.ErrInvalid, nopcommerce.CodeNoRoute},
		"the right to the API was revoked": {says(403, "application/json", `{"message":"Access denied."}`), commerce.ErrForbidden, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nopcommercetest.Config{})
			f, sweep, returns := d.changes(nopshop.ChangesConfig{}), d.sweep(nopshop.SweepConfig{Every: 1}), d.returns(nopshop.ReturnsConfig{})
			id := d.place(nopcommercetest.NewOrder{})
			_, err := d.far.RequestReturn(d.far.Items(id)[0].ID, 1, "broken")
			require.NoError(t, err)
			d.after(time.Minute)
			for _, feed := range []inbox.Feed{f, sweep, returns} {
				d.poll(feed)
			}
			cursor := d.cursors[f]
			d.far.Fail(c.fault)
			d.after(time.Minute)
			for _, feed := range []inbox.Feed{f, sweep, returns} {
				news, err := d.cut(feed, 0)
				require.Empty(t, news)
				require.ErrorIs(t, err, c.kind)
				var e *commerce.Error
				if c.code != "" && feed == f {
					require.ErrorAs(t, err, &e)
					require.Equal(t, c.code, e.Code)
				}
			}
			require.Equal(t, cursor, d.cursors[f], "it stands where it stood")
			d.far.Heal()
			require.NoError(t, d.far.Cancel(id))
			d.after(time.Minute)
			require.NotZero(t, about(d.poll(f), id), "and goes on")
		})
	}
}

func TestARefusedLoginIsTriedOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nopcommercetest.Config{}, func(c *nopcommerce.Config) {
		c.Credentials = commerce.Static(nopcommerce.Login{Email: "admin@yourStore.com", Password: commerce.NewSecret("wrong")})
	})
	f := d.changes(nopshop.ChangesConfig{})
	for range 10 {
		_, err := d.cut(f, 0)
		require.ErrorIs(t, err, commerce.ErrAuth)
		d.after(time.Minute)
	}
	require.Equal(t, 1, d.far.Requests(), "the shop locks accounts")
}

func TestACacheInFrontOfTheShopIsPassedOrFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		far  nopcommercetest.Config
		code string // of the error; empty = none
	}{
		"one that knows the query is passed by a fresh one": {nopcommercetest.Config{CDN: time.Hour}, ""},
		"one that ignores it and says its age":              {nopcommercetest.Config{CDN: time.Hour, CDNIgnoresQuery: true}, nopcommerce.CodeCached},
		"one that ignores it and hides its age":             {nopcommercetest.Config{CDN: time.Hour, CDNIgnoresQuery: true, CDNHidesAge: true}, "either"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, c.far)
			f := d.changes(nopshop.ChangesConfig{})
			id := d.place(nopcommercetest.NewOrder{})
			require.NoError(t, d.far.Quietly(id, func(o *nopcommercetest.Order) { o.OrderStatusID, o.PaymentStatusID = 30, 30 }))
			d.after(time.Minute)
			_, err := d.cut(f, 0)
			for range 3 {
				d.after(10 * time.Minute)
				d.place(nopcommercetest.NewOrder{})
				d.after(time.Minute)
				var again error
				_, again = d.cut(f, 0)
				err = cmp.Or(again, err)
			}
			if c.code == "" {
				require.NoError(t, err)
				require.Zero(t, d.far.Repeated())
				require.Len(t, d.news, 4)
				return
			}
			var e *commerce.Error
			require.ErrorAs(t, err, &e)
			if c.code == "either" {
				require.Contains(t, []string{nopcommerce.CodeCached, nopcommerce.CodeWrongRow}, e.Code)
			} else {
				require.Equal(t, c.code, e.Code)
			}
		})
	}
}

func TestGuestsAndProductsThatAreGoneAreNewsLikeAnyOther(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nopcommercetest.Config{})
	f := d.changes(nopshop.ChangesConfig{})
	guest := d.place(nopcommercetest.NewOrder{Email: "-"})
	gone := d.place(nopcommercetest.NewOrder{Items: []nopcommercetest.NewItem{{SKU: "POT", Price: "20"}}})
	require.NoError(t, d.far.RemoveProduct(d.far.Items(gone)[0].ProductID))
	d.after(time.Minute)
	require.ElementsMatch(t, []string{changed(guest), changed(gone)}, d.poll(f))
	o, err := d.shop.Order(t.Context(), d.shop.Ref(nopcommerce.ID(gone)))
	require.NoError(t, err)
	require.Empty(t, o.Lines[0].SKU, "no ERP takes it: a person has to look")
}

func TestTooManyOpenOrdersAreSaidAloudAfterTheNewOnesAreTold(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nopcommercetest.Config{})
	for range 12 {
		d.place(nopcommercetest.NewOrder{CreatedAt: monday.AddDate(0, 0, -30)})
	}
	fresh := d.place(nopcommercetest.NewOrder{})
	d.after(time.Minute)
	since := monday.AddDate(0, 0, -1)
	tight := d.changes(nopshop.ChangesConfig{MaxOpen: 10, From: since})
	news, err := d.cut(tight, 0)
	require.ErrorIs(t, err, commerce.ErrLimit)
	require.ErrorContains(t, err, "OpenFor")
	require.Contains(t, news, changed(fresh))
	d.poll(d.changes(nopshop.ChangesConfig{MaxOpen: 10, From: since, OpenFor: 7 * 24 * time.Hour}))
}

func TestTheCommunityAPIIsNotOffered(t *testing.T) {
	t.Parallel()
	far, err := nopcommercetest.New(nopcommercetest.Config{API: nopcommercetest.Community})
	require.NoError(t, err)
	client, err := nopcommerce.NewClient(nopcommerce.Config{BaseURL: "https://shop.example", API: nopcommerce.Community, Transport: far.Transport(),
		Credentials: commerce.Static(far.Login())})
	require.NoError(t, err)
	_, err = nopshop.New(client, nopshop.Config{Currency: "USD"})
	var e *commerce.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, nopcommerce.CodeNotOffered, e.Code)
}
