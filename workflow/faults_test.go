package workflow

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
)

var everyFault = map[fault]string{refused: "is refused", lost: "loses its answer", tardy: "happens late",
	nothing: "is lost on the way", crash: "kills the worker after it", stillborn: "kills the worker before it"}

func TestEveryStepMayFailInEveryWayAndTheEndIsTheSame(t *testing.T) {
	t.Parallel()
	shipped := []string{"shipment order/1 shipment/1"}
	for f, name := range everyFault {
		for _, step := range append(journey, shipped...) {
			t.Run(fmt.Sprintf("%s %s", step, name), func(t *testing.T) {
				t.Parallel()
				o := newOffice(t)
				ref := o.order("1")
				o.payment("1", []string{"1"})
				times := 2
				o.fault = func(op string) fault {
					if op == step && times > 0 {
						times--
						return f
					}
					return well
				}
				o.news("evt_1", "charge.succeeded", "pi_1")
				o.news("evt_2", "payment_intent.succeeded", "pi_1")
				o.work()
				o.shipments["shipment/1"] = &commerce.Shipment{Ref: erpRef.With("shipment/1"), Key: ref.String(), Sent: o.clock,
					Lines: []commerce.ShipmentLine{{SKU: "LAMP", Quantity: commerce.MustDecimal("2")}}}
				o.deliver(commerce.Event{Ref: erpRef.With("shipment/1@1"), Type: "shipment.sent", Object: "shipment/1", Created: o.clock, Raw: []byte(`{}`)})
				o.work()
				require.Less(t, times, 2, "the fault was never met")
				require.Empty(t, o.dead(), o.reason())
				require.Equal(t, sorted(journey, shipped), o.inventory())
			})
		}
	}
}

func TestGoodsThatWentOutBeforeTheRequestForThemWasAnsweredWereAskedFor(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ref := o.order("1")
	o.payment("1", []string{"1"})
	step, lose := journey[len(journey)-1], true
	o.fault = func(op string) fault {
		if op != step || !lose {
			return well
		}
		lose = false
		o.orders[ref].Lines[0].Shipped = commerce.MustDecimal("1")
		return lost
	}
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	require.False(t, lose, "the fault was never met")
	require.Empty(t, o.dead(), o.reason())
	require.Empty(t, o.exceptions())
	require.Equal(t, sorted(journey), o.inventory())
}

func TestGoodsThatOurWarehouseSentBeforeItWasAskedAreNotShippedElsewhere(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ref := o.order("1")
	o.payment("1", []string{"1"})
	step, wait := journey[len(journey)-1], true
	o.fault = func(op string) fault {
		if op != step || !wait {
			return well
		}
		wait = false
		o.shipments["shipment/1"] = &commerce.Shipment{Ref: erpRef.With("shipment/1"), Key: ref.String(), Sent: o.clock,
			Lines: []commerce.ShipmentLine{{SKU: "LAMP", Quantity: commerce.MustDecimal("2")}}}
		o.deliver(commerce.Event{Ref: erpRef.With("shipment/1@1"), Type: "shipment.sent", Object: "shipment/1", Created: o.clock, Raw: []byte(`{}`)})
		return refused
	}
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	require.False(t, wait, "the fault was never met")
	require.Empty(t, o.dead(), o.reason())
	require.Empty(t, o.exceptions())
	require.Equal(t, sorted(journey, []string{"shipment order/1 shipment/1"}), o.inventory())
}

func TestAMailThatMayHaveGoneIsNeverSentAgain(t *testing.T) {
	t.Parallel()
	for _, f := range []fault{lost, nothing, crash, stillborn} {
		o := newOffice(t)
		o.order("1")
		o.payment("1", []string{"1"}, status(commerce.PaymentFailed))
		o.fault = func(op string) fault {
			if strings.HasPrefix(op, "mail ") {
				return f
			}
			return well
		}
		o.news("evt_1", "payment_intent.payment_failed", "pi_1")
		o.work()
		require.Equal(t, []string{"outcome_unknown"}, o.dead(), o.reason())
		require.LessOrEqual(t, o.made["mail order/1 payment_failed"], 1)
	}
}

func TestASweepFindsTwoSalesOrdersAndWithdrawsOnlyADraft(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, id := range []string{"1", "2", "3", "4"} {
		o.order(id)
		o.payment(id, []string{id})
		o.news("evt_"+id, "charge.succeeded", "pi_"+id)
	}
	o.work()
	twin := func(order, state string) {
		o.sales = append(o.sales, commerce.Document{Ref: erpRef.With("sale/twin" + order), Number: shopRef.With("order/" + order).String(), State: state})
	}
	twin("1", "draft")
	twin("2", "confirmed")
	twin("4", "cancelled")
	gone := o.sales[2].Ref
	o.sales = append(o.sales[:2], o.sales[3:]...)
	report, err := o.o2c.Sweep(t.Context(), time.Time{})
	require.NoError(t, err)
	require.Equal(t, 4, report.Checked)
	require.Len(t, report.Doubles, 2)
	require.Equal(t, "sale/twin1", report.Doubles[0].Withdrawn[0].Ref.ID)
	require.Empty(t, report.Doubles[0].Left)
	require.Equal(t, "sale/twin2", report.Doubles[1].Left[0].Ref.ID)
	require.Empty(t, report.Doubles[1].Withdrawn)
	require.Equal(t, []commerce.Ref{shopRef.With("order/3")}, report.Missing)
	require.Equal(t, []string{DoubleSalesOrder, DoubleSalesOrder, MissingSalesOrder}, o.exceptions())
	require.Nil(t, bookSide{o.world}.sale(gone))
	require.Nil(t, bookSide{o.world}.sale(erpRef.With("sale/twin1")))
	require.NotNil(t, bookSide{o.world}.sale(erpRef.With("sale/twin2")))

	again, err := o.o2c.Sweep(t.Context(), time.Time{})
	require.NoError(t, err)
	require.Len(t, again.Doubles, 1)
	require.Len(t, o.alerts, 3, "an exception is told once")

	none, err := o.o2c.Sweep(t.Context(), o.clock.Add(time.Hour))
	require.NoError(t, err)
	require.Zero(t, none.Checked)

	delete(o.orders, shopRef.With("order/1"))
	rest, err := o.o2c.Sweep(t.Context(), time.Time{})
	require.ErrorIs(t, err, commerce.ErrNotFound)
	require.ErrorContains(t, err, "order%2F1")
	require.Equal(t, 3, rest.Checked, "one order that is gone does not stop the sweep")
}

// scene is one thing that can happen to an order, and the news of it.
type scene struct {
	name string
	play func(o *office, id string) (news [][2]string)
}

var scenes = []scene{
	{"paid", func(o *office, id string) [][2]string {
		o.payment(id, []string{id})
		return paidNews(id)
	}},
	{"declined", func(o *office, id string) [][2]string {
		o.payment(id, []string{id}, status(commerce.PaymentFailed))
		return failedNews(id)
	}},
	{"declined, then paid by the same intent", func(o *office, id string) [][2]string {
		o.payment(id, []string{id})
		return append(failedNews(id), paidNews(id)...)
	}},
	{"declined, then paid by another intent", func(o *office, id string) [][2]string {
		o.payment(id, []string{id}, status(commerce.PaymentFailed))
		o.payment(id+"b", []string{id})
		return append(failedNews(id), paidNews(id+"b")...)
	}},
	{"a bank debit on its way", func(o *office, id string) [][2]string {
		o.payment(id, []string{id}, status(commerce.PaymentPending))
		return pendingNews(id)
	}},
	{"a bank debit that came in", func(o *office, id string) [][2]string {
		o.payment(id, []string{id})
		return append(pendingNews(id), paidNews(id)...)
	}},
	{"a bank debit that was returned", func(o *office, id string) [][2]string {
		o.payment(id, []string{id}, status(commerce.PaymentReturned))
		return append(pendingNews(id), append(paidNews(id), failedNews(id)...)...)
	}},
	{"a bank debit that was returned, then paid by card", func(o *office, id string) [][2]string {
		o.payment(id, []string{id}, status(commerce.PaymentReturned))
		o.payment(id+"b", []string{id})
		return append(append(paidNews(id), failedNews(id)...), paidNews(id+"b")...)
	}},
	{"paid twice", func(o *office, id string) [][2]string {
		o.payment(id, []string{id})
		o.payment(id+"b", []string{id})
		return append(paidNews(id), paidNews(id+"b")...)
	}},
	{"paid in two parts", func(o *office, id string) [][2]string {
		o.payment(id, []string{id}, amount(eur(4000)), gets(eur(4000)))
		o.payment(id+"b", []string{id}, amount(eur(2600)), gets(eur(2600)))
		return append(paidNews(id), paidNews(id+"b")...)
	}},
	{"paid in part", func(o *office, id string) [][2]string {
		o.payment(id, []string{id}, amount(eur(4000)), gets(eur(4000)))
		return paidNews(id)
	}},
	{"authorised", func(o *office, id string) [][2]string {
		o.payment(id, []string{id}, status(commerce.PaymentAuthorised))
		return [][2]string{{"charge.succeeded", "pi_" + id}, {"payment_intent.amount_capturable_updated", "pi_" + id}}
	}},
	{"the wrong amount", func(o *office, id string) [][2]string {
		o.payment(id, []string{id}, amount(eur(6500)))
		return [][2]string{{"charge.succeeded", "pi_" + id}}
	}},
	{"canceled before", func(o *office, id string) [][2]string {
		o.orders[shopRef.With("order/"+id)].State = commerce.OrderCanceled
		o.payment(id, []string{id})
		return paidNews(id)
	}},
	{"one payment for two orders", func(o *office, id string) [][2]string {
		o.order(id + "x")
		o.payment(id, []string{id, id + "x"}, amount(eur(13200)), gets(eur(6600), eur(6600)))
		return paidNews(id)
	}},
	{"one payment for two orders, returned", func(o *office, id string) [][2]string {
		o.order(id + "x")
		o.payment(id, []string{id, id + "x"}, amount(eur(13200)), gets(eur(6600), eur(6600)), status(commerce.PaymentReturned))
		return append(paidNews(id), failedNews(id)...)
	}},
}

func paidNews(id string) [][2]string {
	return [][2]string{{"charge.succeeded", "pi_" + id}, {"payment_intent.succeeded", "pi_" + id}, {"charge.updated", "pi_" + id}}
}

func failedNews(id string) [][2]string {
	return [][2]string{{"charge.failed", "pi_" + id}, {"payment_intent.payment_failed", "pi_" + id}}
}

func pendingNews(id string) [][2]string {
	return [][2]string{{"charge.pending", "pi_" + id}, {"payment_intent.processing", "pi_" + id}}
}

// books is what the far sides show in the end, without what may differ: which of
// two equal payments is the one too many, the ERP's numbers, and the traces of a
// hold that was lifted because news of another payment came later.
func (o *office) books() []string {
	out := []string{}
	for _, line := range o.inventory() {
		if i := strings.Index(line, " pi_"); i >= 0 {
			line = line[:i]
		}
		what, ref, _ := strings.Cut(line, " ")
		ref, rest, _ := strings.Cut(ref, " ")
		free := o.orders[shopRef.With(ref)] != nil && o.orders[shopRef.With(ref)].State != commerce.OrderOnHold
		lifted := free && (what == "hold" || what == "unhold" || rest == "returned")
		if what != "confirm" && !lifted {
			out = append(out, line)
		}
	}
	for ref, x := range o.orders {
		out = append(out, fmt.Sprintf("%s is %s, paid %s", ref.ID, x.State, x.Paid))
	}
	for _, s := range o.sales {
		out = append(out, fmt.Sprintf("sales order of %s is %s over %s", s.Number, s.State, s.Total))
	}
	for _, x := range o.alerts {
		if x.Name != PaymentReturned || o.orders[x.Order].State == commerce.OrderOnHold {
			out = append(out, x.Order.ID+": "+x.Name)
		}
	}
	return sorted(out, o.dead())
}

// run plays scenes, one an order, and delivers their news as arranged.
func run(t fataler, chosen []int, arrange func([][2]string) [][2]string, change ...func(*office)) *office {
	o := newOffice(t, change...)
	var news [][2]string
	for i, s := range chosen {
		id := fmt.Sprint(i + 1)
		o.order(id)
		news = append(news, scenes[s].play(o, id)...)
	}
	for _, n := range arrange(news) {
		o.news(strings.Join(n[:], " "), n[0], n[1])
		o.wait(3 * time.Second)
	}
	o.work()
	return o
}

func asIs(news [][2]string) [][2]string { return news }

func TestEveryOrderOfTheNewsEndsInTheSameBooks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		chosen := rapid.SliceOfN(rapid.IntRange(0, len(scenes)-1), 1, 4).Draw(t, "scenes")
		want := run(t, chosen, asIs).books()
		got := run(t, chosen, func(news [][2]string) [][2]string {
			twice := rapid.SliceOfN(rapid.SampledFrom(news), 0, len(news)).Draw(t, "again")
			return rapid.Permutation(append(twice, news...)).Draw(t, "order")
		})
		require.Equal(t, want, got.books(), got.reason())
		require.Zero(t, got.doubles())
		require.Equal(t, told(got), got.mails())
	})
}

// life is a history that unfolds: each step changes the payments of order 1, and
// its news comes when it comes.
type life struct {
	name  string
	steps []func(o *office) [][2]string
	state commerce.OrderState
	made  []string // in the end, notes, mails and holds apart
}

func becomes(s commerce.PaymentStatus, news func(string) [][2]string, id string) func(o *office) [][2]string {
	return func(o *office) [][2]string {
		if o.payments["pi_"+id] == nil {
			o.payment(id, []string{"1"})
		}
		status(s)(o.payments["pi_"+id])
		return news(id)
	}
}

var lives = []life{
	{"a debit comes in", []func(*office) [][2]string{
		becomes(commerce.PaymentPending, pendingNews, "1"), becomes(commerce.PaymentCaptured, paidNews, "1")},
		commerce.OrderProcessing, journey},
	{"two declines, then a card that works", []func(*office) [][2]string{
		becomes(commerce.PaymentFailed, failedNews, "1"), becomes(commerce.PaymentFailed, failedNews, "2"),
		becomes(commerce.PaymentCaptured, paidNews, "3")}, commerce.OrderProcessing, journey},
	{"a debit comes in and is returned", []func(*office) [][2]string{
		becomes(commerce.PaymentPending, pendingNews, "1"), becomes(commerce.PaymentCaptured, paidNews, "1"),
		becomes(commerce.PaymentReturned, failedNews, "1")}, commerce.OrderOnHold, nil},
	{"a returned debit is paid by card", []func(*office) [][2]string{
		becomes(commerce.PaymentCaptured, paidNews, "1"), becomes(commerce.PaymentReturned, failedNews, "1"),
		becomes(commerce.PaymentCaptured, paidNews, "2")}, commerce.OrderProcessing, journey},
	{"paid twice", []func(*office) [][2]string{
		becomes(commerce.PaymentCaptured, paidNews, "1"), becomes(commerce.PaymentCaptured, paidNews, "2")},
		commerce.OrderProcessing, journey},
}

func TestNewsMayComeLateWhileThingsGoOn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := rapid.SampledFrom(lives).Draw(t, "life")
		o := newOffice(t, func(o *office) { o.fault = draw(t) })
		ref := o.order("1")
		start := o.clock
		type delivery struct {
			at   time.Duration
			news commerce.Event
		}
		var due []delivery
		minutes := rapid.IntRange(0, 40)
		for i, step := range l.steps {
			o.until(start.Add(time.Duration(i) * 20 * time.Minute))
			for _, n := range step(o) {
				e := o.event(fmt.Sprint(i, n), n[0], n[1])
				for range rapid.IntRange(1, 2).Draw(t, "copies") {
					due = append(due, delivery{o.clock.Sub(start) + time.Duration(minutes.Draw(t, "delay"))*time.Minute, e})
				}
			}
			slices.SortStableFunc(due, func(a, b delivery) int { return cmp.Compare(a.at, b.at) })
			horizon := time.Duration(i+1) * 20 * time.Minute
			for len(due) > 0 && (due[0].at < horizon || i == len(l.steps)-1) {
				o.until(start.Add(due[0].at))
				o.deliver(due[0].news)
				due = due[1:]
			}
		}
		o.work()
		require.Empty(t, o.dead(), o.reason())
		require.Zero(t, o.doubles(), o.inventory())
		require.Equal(t, l.state, o.orders[ref].State)
		if l.made != nil {
			require.Subset(t, o.inventory(), l.made)
		}
		require.LessOrEqual(t, len(o.sales), 1)
		require.Equal(t, told(o), o.mails())
	})
}

// told counts the messages that the steps say were sent.
func told(o *office) int {
	n := 0
	for rec := range o.steps.List(context.Background(), "customer.told/", time.Time{}) {
		if rec.State == idempotency.Done {
			n++
		}
	}
	return n
}

func TestFaultsChangeNothingAboutTheBooks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		chosen := rapid.SliceOfN(rapid.IntRange(0, len(scenes)-1), 1, 3).Draw(t, "scenes")
		want := run(t, chosen, asIs).books()
		got := run(t, chosen, asIs, func(o *office) { o.fault = draw(t) })
		require.Equal(t, want, got.books(), got.reason())
		require.Zero(t, got.doubles())
		require.Equal(t, told(got), got.mails())
	})
}

// draw plans a fault for some of the first forty writes, at most eight: an event has
// twelve attempts. A mail is spared: one that may have gone ends dead, as it should.
func draw(t *rapid.T) func(string) fault {
	plan := rapid.MapOfN(rapid.IntRange(0, 39),
		rapid.SampledFrom([]fault{refused, lost, tardy, nothing, crash, stillborn}), 0, 8).Draw(t, "faults")
	n := -1
	return func(op string) fault {
		if strings.HasPrefix(op, "mail ") {
			return well
		}
		n++
		return plan[n]
	}
}

func TestManyWorkersAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(time.Now)
		events := inbox.NewMemory(inbox.MemoryConfig{})
		o2c := w.orderToCash(idempotency.NewMemory(nil), inbox.Links{Store: events})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		in, err := inbox.New(events, inbox.Config{Handlers: o2c.Handlers(), Workers: 8})
		require.NoError(t, err)
		const orders = 30
		for i := range orders {
			id := fmt.Sprint(i)
			w.order(id)
			w.payment(id, []string{id})
			w.payments["cs_"+id] = w.payments["pi_"+id]
		}
		go func() { ended <- in.Run(ctx) }()
		for i := range orders {
			for j, n := range append(paidNews(fmt.Sprint(i)), [2]string{"checkout.session.completed", "cs_" + fmt.Sprint(i)}) {
				_, err := in.Append(ctx, w.event(fmt.Sprint(i, "-", j), n[0], n[1]))
				require.NoError(t, err)
			}
		}
		for {
			time.Sleep(time.Second) // of the bubble's clock
			n, err := in.Count(ctx, "")
			require.NoError(t, err)
			require.Zero(t, n.Dead)
			if n.Ready+n.Parked == 0 {
				break
			}
		}
		cancel()
		require.NoError(t, <-ended)
		require.Zero(t, w.doubles())
		require.Len(t, w.made, orders*len(journey))
	})
}

// forgetful is the control: a store that grants every attempt and asks nobody to look.
type forgetful struct{ *idempotency.Memory }

func (f forgetful) Begin(context.Context, idempotency.BeginRequest) (idempotency.Grant, error) {
	return idempotency.Grant{Acquired: true}, nil
}

func (forgetful) End(context.Context, string, int64, idempotency.State, []byte) error { return nil }

func TestWithoutTheKeysThereAreSecondEffects(t *testing.T) {
	t.Parallel()
	doubles := 0
	for s := range scenes {
		o := run(t, []int{s}, func(news [][2]string) [][2]string { return append(news, news...) }, func(o *office) {
			o.steps = forgetful{idempotency.NewMemory(nil)}
		})
		doubles += o.doubles()
	}
	require.Positive(t, doubles)
	t.Logf("%d second effects without keys", doubles)
}
