package workflow

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/reconcile"
)

// busy is a life with a refund, a credit note by people, a debit that fails, a second
// payment, a payout and one that comes back. Times are of its own, whatever news does.
func busy(b *bank) {
	at := func(days int) time.Time { return time.Date(2026, 11, 21+days, 9, 0, 0, 0, time.UTC) }
	for _, id := range []string{"1", "2"} {
		b.office.order(id)
		b.payment(id, []string{id})
		b.moves("charge", id, id, 6600, 200, at(0))
	}
	b.news("evt_1", "charge.succeeded", "pi_1")
	b.news("evt_2", "charge.succeeded", "pi_2")
	b.feed()
	b.until(at(1))
	b.clock = at(1)
	if sale := slices.IndexFunc(b.sales, func(d commerce.Document) bool { return d.Number == order1.String() }); sale >= 0 {
		b.post(&sideInvoice{mapping.Invoice{Document: commerce.Document{Ref: erpRef.With("note"), Total: eur(-2000)}, Party: "party 1",
			Date: commerce.DateOf(at(1)), Open: eur(-2000)}, b.sales[sale].Ref})
	}
	b.moves("refund", "3", "1", -2000, 0, at(1))
	b.payments["pi_1"].Refunded = eur(2000)
	b.news("evt_3", "charge.refunded", "pi_1")
	po := b.payout("1")
	b.payoutNews("1", "payout.paid")
	b.feed()
	b.until(at(3))
	b.clock = at(3)
	b.moves("charge_failure", "4", "2", -6600, 0, at(3))
	status(commerce.PaymentReturned)(b.payments["pi_2"])
	b.payment("5", []string{"2"})
	b.moves("charge", "5", "5", 6600, 200, at(3))
	b.news("evt_4", "charge.failed", "pi_2")
	b.news("evt_5", "charge.succeeded", "pi_5")
	b.fails(po)
	b.payoutNews("1", "payout.failed")
	b.feed()
	b.work()
	b.again()
	b.work()
}

// brief is a short life with a receipt and its invoice, a fee, a part that is given back,
// and a payout.
func brief(b *bank) {
	b.office.order("1")
	b.payment("1", []string{"1"})
	b.moves("charge", "1", "1", 6600, 200, b.clock)
	b.news("evt_1", "charge.succeeded", "pi_1")
	b.feed()
	b.pass(anyDay)
	b.moves("refund", "2", "1", -2000, 0, b.clock)
	b.payments["pi_1"].Refunded = eur(2000)
	b.payout("1")
	b.payoutNews("1", "payout.paid")
	b.feed()
	b.work()
}

// TestAWorkerMayDieAtAnyCallOfABriefLife dies before and after each of them, and has each
// read fail.
func TestAWorkerMayDieAtAnyCallOfABriefLife(t *testing.T) {
	t.Parallel()
	count, reads := &brittle{}, 0
	calm := newBank(t, func(b *bank) {
		count.Store = b.steps
		b.steps, b.unread = count, func() error { reads++; return nil }
	})
	brief(calm)
	calm.closes()
	told := func(b *bank) []string { return slices.Compact(b.exceptions()) } // again where nobody knows whether it was told
	want, heard := calm.ledger(), told(calm)
	same := func(what string, change func(*bank)) {
		b := newBank(t, change)
		brief(b)
		b.closes()
		require.Equal(t, want, b.ledger(), what)
		require.Equal(t, heard, told(b), what)
	}
	for n := range count.calls {
		for _, after := range []bool{false, true} {
			same(fmt.Sprintf("died at call %d, after it: %t", n+1, after), func(b *bank) { b.steps = &brittle{Store: b.steps, dies: n + 1, after: after} })
		}
	}
	for n := range reads {
		same(fmt.Sprintf("read %d failed", n+1), func(b *bank) {
			at := 0
			b.unread = func() error {
				if at++; at == n+1 {
					return &commerce.Error{Kind: commerce.KindUnavailable, System: "world", Op: "read"}
				}
				return nil
			}
		})
	}
	t.Logf("%d calls, %d reads", count.calls, reads)
}

func lifeOf(t fataler, change ...func(*bank)) *bank {
	b := newBank(t, change...)
	busy(b)
	return b
}

func TestEveryWriteOfTheBooksMayFailInEveryWayAndTheEndIsTheSame(t *testing.T) {
	t.Parallel()
	calm := lifeOf(t)
	calm.closes()
	want, told := calm.ledger(), calm.exceptions()
	for _, what := range calm.inventory() {
		kind, _, _ := strings.Cut(what, " ")
		if !slices.Contains([]string{"erp", "receipt", "apply", "unapply", "entry"}, kind) {
			continue
		}
		for f, name := range everyFault {
			t.Run(what+" "+name, func(t *testing.T) {
				t.Parallel()
				b := newBank(t)
				times := 2
				b.fault = func(op string) fault {
					if op == what && times > 0 {
						times--
						return f
					}
					return well
				}
				busy(b)
				require.Less(t, times, 2, "the fault was never met")
				b.closes()
				require.Equal(t, want, b.ledger())
				require.Equal(t, told, b.exceptions(), "%v", b.alerts)
			})
		}
	}
}

// brittle dies before or after the n-th call of the store.
type brittle struct {
	idempotency.Store
	calls, dies int
	after       bool
}

func (f *brittle) call(do func()) {
	f.calls++
	if f.calls == f.dies && !f.after {
		panic(died{})
	}
	do()
	if f.calls == f.dies && f.after {
		panic(died{})
	}
}

func (f *brittle) Begin(ctx context.Context, r idempotency.BeginRequest) (g idempotency.Grant, err error) {
	f.call(func() { g, err = f.Store.Begin(ctx, r) })
	return g, err
}

func (f *brittle) End(ctx context.Context, key string, token int64, s idempotency.State, result []byte) (err error) {
	f.call(func() { err = f.Store.End(ctx, key, token, s, result) })
	return err
}

func (f *brittle) Get(ctx context.Context, key string) (r idempotency.Record, err error) {
	f.call(func() { r, err = f.Store.Get(ctx, key) })
	return r, err
}

func TestAWorkerMayDieAtEveryCallOfTheStore(t *testing.T) {
	t.Parallel()
	count := &brittle{}
	counted := newBank(t, func(b *bank) { count.Store = b.steps; b.steps = count })
	busy(counted)
	counted.closes()
	want := counted.ledger()
	const cases = 40 // evenly over all calls
	for i := range cases {
		dies, after := 1+i*count.calls/cases, i%2 == 0
		b := lifeOf(t, func(b *bank) { b.steps = &brittle{Store: b.steps, dies: dies, after: after} })
		b.closes()
		require.Equal(t, want, b.ledger(), "died at call %d", dies)
	}
}

func TestEveryReadMayFailAndTheEndIsTheSame(t *testing.T) {
	t.Parallel()
	calls := 0
	counted := lifeOf(t, func(b *bank) { b.unread = func() error { calls++; return nil } })
	counted.closes()
	want := counted.ledger()
	const cases = 40 // evenly over all calls
	for i := range cases {
		fails, n := 1+i*calls/cases, 0
		b := lifeOf(t, func(b *bank) {
			b.unread = func() error {
				if n++; n == fails || n == fails+1 {
					return &commerce.Error{Kind: commerce.KindUnavailable, System: "world", Op: "read"}
				}
				return nil
			}
		})
		b.closes()
		require.Equal(t, want, b.ledger(), "failed at read %d", fails)
	}
}

// Some orders over some days, whose news comes late, twice or not at all; the feeds bring
// what was lost.
func TestTheBooksCloseOnEveryDayWhateverBecomesOfTheNews(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := newBank(t, func(b *bank) {
			b.fault = draw(t)
			b.books.Suspense, b.chart.Suspense = true, "1590"
			b.books.Invoicing = rapid.SampledFrom([]Invoicing{OnOrder, ByERP}).Draw(t, "invoicing")
		})
		paid := map[string]int64{}
		txn := 0
		next := func() string { txn++; return fmt.Sprint(txn) }
		var lost []commerce.Event
		hear := func(kind, subject string) {
			e := b.event("evt_"+next(), kind, subject)
			switch rapid.IntRange(0, 3).Draw(t, "news") {
			case 0: // never
			case 1:
				lost = append(lost, e) // late
			case 2:
				b.deliver(e, e)
			default:
				b.deliver(e)
			}
		}
		fed := map[string]time.Time{} // when each movement was told
		for day := range rapid.IntRange(1, 4).Draw(t, "days") {
			for range rapid.IntRange(0, 2).Draw(t, "sales") {
				id := fmt.Sprint("s", next())
				b.office.order(id)
				b.payment(id, []string{id})
				b.moves("charge", next(), id, 6600, 200, b.clock)
				paid[id] = 6600
				hear("charge.succeeded", "pi_"+id)
			}
			for _, id := range slices.Sorted(maps.Keys(paid)) {
				switch rapid.IntRange(0, 5).Draw(t, "fate") {
				case 0:
					back := min(paid[id], 1500)
					if back == 0 {
						continue
					}
					paid[id] -= back
					b.moves("refund", next(), id, -back, 0, b.clock)
					b.payments["pi_"+id].Refunded = eur(6600 - paid[id])
					hear("charge.refunded", "pi_"+id)
				case 1:
					if paid[id] < 6600 {
						continue
					}
					paid[id] = 0
					b.moves("charge_failure", next(), id, -6600, 0, b.clock)
					status(commerce.PaymentReturned)(b.payments["pi_"+id])
					hear("charge.failed", "pi_"+id)
				case 2:
					b.moves("dispute", next(), "", -100, 1500, b.clock)
				}
			}
			if rapid.Bool().Draw(t, "payout") {
				po := b.payout(fmt.Sprint("p", day))
				if rapid.Bool().Draw(t, "paid news") {
					b.payoutNews(fmt.Sprint("p", day), "payout.paid")
				}
				if rapid.Bool().Draw(t, "fails") {
					b.fails(po)
				}
			}
			if rapid.Bool().Draw(t, "poll") {
				b.feed()
				for _, l := range b.lines {
					if fed[l.ID].IsZero() {
						fed[l.ID] = b.clock
					}
				}
			}
			b.pass(24 * time.Hour)
			// A day that was told of two days ago is closed: no movement waits for its order longer.
			closed := b.clock
			for _, l := range b.lines {
				if (fed[l.ID].IsZero() || b.clock.Sub(fed[l.ID]) < 2*anyDay) && l.Created.Before(closed) {
					closed = l.Created
				}
			}
			require.Empty(t, b.driftBefore(dayOf(b.chart, closed)), "on day %d: %v", day, b.ledger())
		}
		for id := range paid { // the feed of missed news brings what was lost
			lost = append(lost, b.event("evt_"+next(), "charge.updated", "pi_"+id))
		}
		b.deliver(lost...)
		b.feed()
		b.work()
		// What was refunded before its order was taken up is a case for a person.
		require.Empty(t, slices.DeleteFunc(b.dead(), func(code string) bool { return code == "refunded" }), b.reason())
		require.Empty(t, b.drift(), b.ledger())
		require.Empty(t, b.twice())
		moved := eur(0)
		for _, l := range b.lines {
			if slices.Contains(documents, l.Category) {
				moved, _ = moved.Add(l.Amount)
			}
		}
		for _, r := range b.receipts {
			moved, _ = moved.Sub(r.n.Amount)
		}
		require.Equal(t, moved.Neg(), b.stands("1590", "EUR", commerce.DateOf(b.clock)), "what is in no receipt is on suspense")
		made := b.ledger()
		b.again()
		b.work()
		require.Equal(t, made, b.ledger())
	})
}

// Controls: books that are kept otherwise do not close, and these tests see it.

// byAmount takes a receipt for one that is there with the same amount.
type byAmount struct{ ledgerSide }

func (l byAmount) Receipt(r mapping.Route, o commerce.Order, n mapping.Receipt) idempotency.Effect[commerce.Document] {
	eff := l.ledgerSide.Receipt(r, o, n)
	act := eff.Act
	eff.Act = func(ctx context.Context) (commerce.Document, error) {
		for _, have := range l.receipts {
			if have.Amount == n.Amount {
				return have.Document, nil
			}
		}
		return act(ctx)
	}
	return eff
}

// attempts forgets which receipts were posted.
type attempts struct{ idempotency.Store }

func (attempts) receipt(key string) bool { return strings.HasPrefix(key, "erp.receipt/") }

func (a attempts) Begin(ctx context.Context, r idempotency.BeginRequest) (idempotency.Grant, error) {
	if a.receipt(r.Key) {
		return idempotency.Grant{Acquired: true}, nil
	}
	return a.Store.Begin(ctx, r)
}

func (a attempts) End(ctx context.Context, key string, token int64, s idempotency.State, result []byte) error {
	if a.receipt(key) {
		return nil
	}
	return a.Store.End(ctx, key, token, s, result)
}

// heard knows of the movements that events told of, and of no others.
type heard struct {
	balanceSide
	b *bank
}

func (h heard) Activity(ctx context.Context, from, to time.Time) iter.Seq2[reconcile.Line, error] {
	return only(h.balanceSide.Activity(ctx, from, to), func(l reconcile.Line) bool { return h.b.told[balanceMovement+l.ID+l.ID] > 0 })
}

func TestBooksThatAreKeptOtherwiseDoNotClose(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		change  func(*bank)
		doubles bool
	}{
		{"as they are", func(*bank) {}, false},
		{"a key for each attempt", func(b *bank) { b.steps = attempts{b.steps} }, true},
		{"receipts found by their amount", func(b *bank) { b.books.Ledger = byAmount{ledgerSide{b.treasury}} }, false},
		{"days counted from events", func(b *bank) { b.books.Balance = heard{balanceSide{b.treasury}, b} }, false},
	} {
		b := newBank(t, c.change)
		for _, id := range []string{"1", "2"} {
			b.office.order(id)
			b.payment(id, []string{id})
			b.moves("charge", id, id, 6600, 200, b.clock)
			b.news("evt_"+id, "charge.succeeded", "pi_"+id)
		}
		b.moves("dispute", "3", "", -1500, 1500, b.clock)
		b.feed()
		b.work()
		b.again()
		b.news("evt_9", "charge.updated", "pi_1")
		b.work()
		require.Equal(t, c.doubles, len(b.twice()) > 0, c.name)
		require.Equal(t, c.name != "as they are", c.doubles || b.drift() != "", "%s: %s", c.name, b.drift())
	}
}
