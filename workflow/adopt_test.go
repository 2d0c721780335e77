package workflow

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
)

// archive is the part of the ERP that people wrote before.
type archive struct {
	*world
	papers *[]paper
}

type paper struct {
	reference string
	doc       commerce.Document
}

func (a archive) find(is func(paper) bool) (docs []commerce.Document, err error) {
	return docs, a.read(func() error {
		for _, p := range *a.papers {
			if is(p) {
				docs = append(docs, p.doc)
			}
		}
		return nil
	})
}

func (a archive) ByReference(_ context.Context, _ mapping.Route, reference string) ([]commerce.Document, error) {
	return a.find(func(p paper) bool { return p.reference == reference })
}

func (a archive) ByNumber(_ context.Context, _ mapping.Route, number string) ([]commerce.Document, error) {
	return a.find(func(p paper) bool { return p.doc.Number == number })
}

func (a archive) ByID(_ context.Context, _ mapping.Route, id string) ([]commerce.Document, error) {
	return a.find(func(p paper) bool { return p.doc.Ref.ID == "sale/"+id })
}

// routed are books that need no payment to know where an order belongs.
type routed struct{ bookSide }

func (routed) Route(o commerce.Order, _ []commerce.Payment) (mapping.Route, error) {
	return mapping.Routes{{Mode: commerce.Live, Company: "1"}}.For(mapping.RouteKey{Mode: o.Ref.Mode})
}

// cutover is an office on the day: orders of yesterday, and documents of people.
type cutover struct {
	*office
	papers []paper
	refs   []commerce.Ref
	adopt  *Adopt
}

func newCutover(t fataler, change ...func(*office)) *cutover {
	c := &cutover{office: newOffice(t, change...)}
	c.o2c.StartAt, c.o2c.Books = c.clock, routed{bookSide{c.world}}
	c.adopt = &Adopt{OrderToCash: c.o2c, Documents: archive{c.world, &c.papers}, References: []string{"WEB-{number}"}, Inbox: c.inbox,
		Orders: func(context.Context) iter.Seq2[commerce.Ref, error] {
			return func(yield func(commerce.Ref, error) bool) {
				for _, ref := range c.refs {
					if !yield(ref, nil) {
						return
					}
				}
			}
		}}
	return c
}

// old adds an order of the day before, open and paid.
func (c *cutover) old(id string, change ...func(*commerce.Order)) commerce.Ref {
	before := func(o *commerce.Order) { o.Placed, o.State = c.clock.Add(-24*time.Hour), commerce.OrderProcessing }
	ref := c.order(id, append([]func(*commerce.Order){before}, change...)...)
	c.refs = append(c.refs, ref)
	return ref
}

// paper adds a document of people.
func (c *cutover) paper(reference, state string, change ...func(*commerce.Document)) commerce.Document {
	n := 90 + len(c.papers)
	doc := commerce.Document{Ref: erpRef.With(fmt.Sprintf("sale/%d", n)), Number: fmt.Sprintf("SO%d", n), State: state, Total: eur(6600)}
	for _, f := range change {
		f(&doc)
	}
	c.papers = append(c.papers, paper{reference, doc})
	c.sales = append(c.sales, doc) // where the other sides of the world look
	return doc
}

func (c *cutover) run() *AdoptReport {
	c.t.Helper()
	r, err := c.adopt.Run(context.Background())
	require.NoError(c.t, err)
	return r
}

// keys lists the steps that are done, with what they left.
func (c *cutover) keys() []string {
	c.t.Helper()
	out := []string{}
	for rec, err := range c.steps.List(context.Background(), "", time.Time{}) {
		require.NoError(c.t, err)
		out = append(out, fmt.Sprintf("%s %s %s %d", rec.Key, rec.State, rec.Result, rec.Attempts))
	}
	slices.Sort(out)
	return out
}

func outcomes(r *AdoptReport) []string {
	out := []string{}
	for _, l := range r.Lines {
		out = append(out, fmt.Sprintf("%s %d %s %s", l.Outcome, l.Row, shopID(l.Order), l.Document.Number))
	}
	return out
}

func TestADocumentOfPeopleIsAdoptedAndNeverWrittenAgain(t *testing.T) {
	t.Parallel()
	c := newCutover(t)
	ref := c.old("1")
	doc := c.paper("WEB-101", "confirmed")
	c.payment("1", []string{"1"})
	c.news("evt_1", "charge.succeeded", "pi_1")
	c.work()
	require.Empty(t, c.inventory(), "an order of the time before is only linked")

	r := c.run()
	require.Equal(t, 1, r.Adopted)
	require.Len(t, r.Open, 1)
	require.Equal(t, OpenOrder{Order: ref, Number: "101", Placed: c.clock.Add(-24 * time.Hour), State: commerce.OrderProcessing,
		Payment: commerce.Paid, Total: eur(6600), Paid: eur(0), Document: doc}, r.Open[0])
	for _, key := range []string{keySalesOrder(ref), keyConfirm(ref)} {
		got, err := recall[commerce.Document](t.Context(), c.steps, key)
		require.NoError(t, err)
		require.Equal(t, doc, got)
	}

	require.NoError(t, c.adopt.TakeUp(t.Context(), ref))
	c.work()
	require.Empty(t, c.dead(), c.reason())
	require.Equal(t, []string{"goods order/1", "invoice order/1"}, c.inventory(), "no second sales order, no second confirmation")
	require.Empty(t, c.exceptions())
}

// TestWithoutAdoptionAnOrderIsWrittenTwice is the control.
func TestWithoutAdoptionAnOrderIsWrittenTwice(t *testing.T) {
	t.Parallel()
	c := newCutover(t)
	ref := c.old("1")
	c.paper("WEB-101", "confirmed")
	c.payment("1", []string{"1"})
	c.news("evt_1", "charge.succeeded", "pi_1")
	c.adopt.References = nil
	require.Equal(t, 1, c.run().NotFound)
	require.NoError(t, c.adopt.TakeUp(t.Context(), ref))
	c.work()
	require.Contains(t, c.inventory(), "sales order order/1")
	require.Len(t, c.sales, 2)
}

func TestADraftIsConfirmedWhereItsOrderIsTakenUp(t *testing.T) {
	t.Parallel()
	c := newCutover(t)
	ref := c.old("1")
	c.paper("WEB-101", "draft")
	c.payment("1", []string{"1"})
	c.news("evt_1", "charge.succeeded", "pi_1")
	c.adopt.Take = func(context.Context, commerce.Facts) (bool, error) { return true, nil }
	r := c.run()
	require.Equal(t, []int{1, 1, 1}, []int{r.Adopted, r.OpenOrders, r.Taken})
	_, err := recall[commerce.Document](t.Context(), c.steps, keyConfirm(ref))
	require.ErrorIs(t, err, commerce.ErrNotFound)
	c.work()
	require.Equal(t, []string{"confirm sale/90", "goods order/1", "invoice order/1"}, c.inventory())
}

// crowded has every case that the report knows.
func crowded(t fataler, change ...func(*office)) *cutover {
	c := newCutover(t, change...)
	c.old("1")
	c.paper("WEB-101", "confirmed")
	c.old("2") // nobody wrote it
	c.old("3")
	c.paper("WEB-103", "confirmed")
	c.paper("WEB-103", "draft") // written twice
	c.old("4")
	c.paper("WEB-104", "cancelled")
	c.old("5", in(commerce.OrderCanceled)) // nobody had to write it
	c.old("6")
	c.paper("WEB-106", "done", func(d *commerce.Document) { d.Total = eur(6500) })
	c.old("7")
	c.old("8", func(o *commerce.Order) { o.Number, o.Store = "107", "2" }) // two stores, one number
	c.paper("WEB-107", "confirmed")
	c.old("9", func(o *commerce.Order) { o.Placed = c.clock.Add(time.Minute) })
	c.old("10", in(commerce.OrderComplete))
	c.paper("WEB-1010", "done")
	c.old("11", in(commerce.OrderComplete))
	c.paper("WEB-1011", "cancelled")
	c.paper("WEB-1011", "confirmed")
	return c
}

func TestTheReportTellsWhatAPersonHasToLookAt(t *testing.T) {
	t.Parallel()
	c := crowded(t)
	r := c.run()
	require.Equal(t, []string{"not_found 0 2 ", "ambiguous 0 3 ", "not_found 0 4 ", "ambiguous 0 6 SO94",
		"ambiguous 0 7 SO95", "ambiguous 0 8 SO95"}, outcomes(r))
	require.Equal(t, []int{3, 0, 2, 4, 0, 1, 1}, []int{r.Adopted, r.Already, r.NotFound, r.Ambiguous, r.Refused, r.Ended, r.Newer})
	require.Equal(t, "2 sales orders with reference WEB-103: sale/91, sale/92", r.Lines[1].Text)
	require.Contains(t, r.Lines[3].Text, "the totals differ: 66.00 EUR at the shop, 65.00 EUR in the ERP")
	require.Contains(t, r.Lines[4].Text, "several stores have an order of this number")
	require.Equal(t, 7, r.OpenOrders)
	require.Empty(t, c.inventory(), "nothing is written at the far sides")

	// The store in the reference tells them apart.
	c.adopt.References = []string{"WEB-{number}", "{store}/{number}"}
	c.paper("2/107", "confirmed")
	r = c.run()
	require.Equal(t, 3, r.Already)
	require.Equal(t, "ambiguous 0 8 ", outcomes(r)[5], "two references, two documents")
	c.adopt.References = []string{"{store}/{number}"}
	r = c.run()
	require.Equal(t, []int{1, 3}, []int{r.Adopted, r.Already})
}

func TestASecondRunAddsNone(t *testing.T) {
	t.Parallel()
	c := crowded(t)
	c.adopt.Take = func(_ context.Context, f commerce.Facts) (bool, error) { return f.Order.Number == "101", nil }
	first := c.run()
	require.Equal(t, []int{3, 1}, []int{first.Adopted, first.Taken})
	keys, told := c.keys(), c.told()
	require.Equal(t, 1, told)
	second := c.run()
	require.Equal(t, []int{0, 3, 0}, []int{second.Adopted, second.Already, second.Taken})
	require.Equal(t, outcomes(first), outcomes(second))
	require.Equal(t, keys, c.keys())
	require.Equal(t, told, c.told())
}

// told counts the events in the inbox.
func (c *cutover) told() (n int) {
	c.t.Helper()
	for _, err := range c.inbox.List(context.Background(), inbox.Filter{}) {
		require.NoError(c.t, err)
		n++
	}
	return n
}

// readOnly is a store that nobody may write to.
type readOnly struct{ idempotency.Store }

func (readOnly) Begin(context.Context, idempotency.BeginRequest) (idempotency.Grant, error) {
	panic("a dry run writes")
}

func TestADryRunSaysWhatARunDoesAndWritesNothing(t *testing.T) {
	t.Parallel()
	dry := crowded(t, func(o *office) { o.steps = readOnly{o.steps} })
	take := func(_ context.Context, f commerce.Facts) (bool, error) { return f.Order.Number == "102", nil }
	dry.adopt.DryRun, dry.adopt.Take = true, take
	dry.adopt.Pairs = strings.NewReader("order_number,erp_number\n106,SO94\n")
	said := dry.run()
	require.Empty(t, dry.inventory())
	require.Zero(t, dry.told())

	wet := crowded(t)
	wet.adopt.Take = take
	wet.adopt.Pairs = strings.NewReader("order_number,erp_number\n106,SO94\n")
	done := wet.run()
	require.Equal(t, done.Adopted, said.Found)
	require.Equal(t, []int{done.Already, done.NotFound, done.Ambiguous, done.Refused, done.OpenOrders, done.Taken},
		[]int{said.Already, said.NotFound, said.Ambiguous, said.Refused, said.OpenOrders, said.Taken})
	require.Equal(t, done.Open, said.Open)

	text := said.String()
	require.Contains(t, text, "Dry run, nothing was written: 4 would be adopted, 1 already, 2 not found, 3 ambiguous, 0 refused, 1 ended without one, 1 newer.\n")
	require.Contains(t, text, "7 open orders of the time before, 1 of them would be taken up now.\n")
	require.NotContains(t, text, "ada@")
	require.Contains(t, done.String(), "4 adopted, 1 already, 2 not found")
}

func TestARowOfPairsNamesOrderAndDocument(t *testing.T) {
	t.Parallel()
	c := newCutover(t)
	c.adopt.Orders, c.adopt.References = nil, nil
	c.old("1")
	c.old("2")
	c.old("3", func(o *commerce.Order) { o.Number = "102" }) // the same number, in the same store by mistake
	c.old("4")
	c.old("5", func(o *commerce.Order) { o.Placed = c.clock })
	c.paper("by hand", "confirmed")                                                   // SO90
	c.paper("by hand", "confirmed", func(d *commerce.Document) { d.Total = eur(1) })  // SO91
	c.paper("by hand", "cancelled")                                                   // SO92
	c.paper("by hand", "confirmed", func(d *commerce.Document) { d.Number = "SO90" }) // another company's habit
	c.adopt.Pairs = strings.NewReader("order_number;erp_number\n101;SO91\n102;SO92\n999;SO7\n104;SO90\n105;SO93\n")
	r := c.run()
	require.Equal(t, []string{"adopted 2 1 SO91", "ambiguous 3  ", "refused 4  ", "ambiguous 5 4 ", "refused 6 5 "}, outcomes(r))
	require.Equal(t, "the totals differ: 66.00 EUR at the shop, 0.01 EUR in the ERP", r.Lines[0].Text)
	require.Equal(t, "the shop does not have this order", r.Lines[2].Text)
	require.Equal(t, "the order was placed after StartAt", r.Lines[4].Text)

	c.adopt.Pairs = strings.NewReader("order_id;erp_id\n2;92\n3;90\n1;90\n4;404\n")
	_, err := c.adopt.Run(t.Context())
	require.ErrorContains(t, err, "row 4: row 3 has the same document")
	c.adopt.Pairs = strings.NewReader("order_id;erp_id\n2;92\n3;90\n1;93\n4;404\n")
	r = c.run()
	require.Equal(t, []string{"not_found 2 2 ", "ambiguous 4 1 SO91", "not_found 5 4 "}, outcomes(r))
	require.Equal(t, "it has this sales order already, and the row names another one", r.Lines[1].Text)
	require.Equal(t, 1, r.Adopted)

	c.adopt.Pairs = strings.NewReader("order_id;erp_id\n4;90\n")
	r = c.run()
	require.Equal(t, []string{"ambiguous 2 4 SO90"}, outcomes(r))
	require.Equal(t, "sales order sale/90 is adopted as that of order/3", r.Lines[0].Text)
}

func TestAFileWithAFaultAdoptsNothing(t *testing.T) {
	t.Parallel()
	c := crowded(t, func(o *office) { o.steps = readOnly{o.steps} })
	c.adopt.Pairs = strings.NewReader("order_number,erp_number\n101,SO90\n102,\n103\n")
	_, err := c.adopt.Run(t.Context())
	bad, ok := errors.AsType[*PairError](err)
	require.True(t, ok)
	require.Equal(t, 3, bad.Row)
	require.ErrorContains(t, err, "row 4: it has 1 columns")
	require.ErrorIs(t, err, commerce.ErrInvalid)
}

func TestADoneStepIsNeverWrittenOver(t *testing.T) {
	t.Parallel()
	c := newCutover(t)
	c.o2c.StartAt = time.Time{}
	ref := c.old("1")
	c.payment("1", []string{"1"})
	c.news("evt_1", "charge.succeeded", "pi_1")
	c.work()
	ours, err := recall[commerce.Document](t.Context(), c.steps, keySalesOrder(ref))
	require.NoError(t, err)
	c.paper("WEB-101", "confirmed")
	c.o2c.StartAt = c.clock
	keys := c.keys()
	r := c.run()
	require.Equal(t, 1, r.Already)
	require.Equal(t, keys, c.keys())
	again, err := recall[commerce.Document](t.Context(), c.steps, keySalesOrder(ref))
	require.NoError(t, err)
	require.Equal(t, ours, again)

	// One that is being written at this moment is left alone.
	other := c.old("2")
	c.paper("WEB-102", "confirmed")
	_, err = c.steps.Begin(t.Context(), idempotency.BeginRequest{Key: keySalesOrder(other), Class: idempotency.Marked, Fingerprint: "content", Lease: time.Minute, Settle: time.Hour})
	require.NoError(t, err)
	r = c.run()
	require.Equal(t, []string{"refused 0 2 "}, outcomes(r))
	require.Contains(t, r.Lines[0].Text, "run again later")
	rec, err := c.steps.Get(t.Context(), keySalesOrder(other))
	require.NoError(t, err)
	require.Equal(t, idempotency.Open, rec.State)
}

// fragile ends the process at one of its writes, before or after it.
type fragile struct {
	idempotency.Store
	left  *int
	after bool
}

func (f fragile) cut(write func() error) error {
	*f.left--
	if *f.left == 0 && !f.after {
		panic(died{})
	}
	err := write()
	if *f.left == 0 {
		panic(died{})
	}
	return err
}

func (f fragile) Begin(ctx context.Context, r idempotency.BeginRequest) (g idempotency.Grant, err error) {
	return g, f.cut(func() error { g, err = f.Store.Begin(ctx, r); return err })
}

func (f fragile) End(ctx context.Context, key string, token int64, s idempotency.State, result []byte) error {
	return f.cut(func() error { return f.Store.End(ctx, key, token, s, result) })
}

func TestARunThatIsCutOffAnywhereIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	take := func(_ context.Context, f commerce.Facts) (bool, error) { return f.Order.Number != "102", nil }
	want := crowded(t)
	want.adopt.Take = take
	want.run()
	results := func(c *cutover) (out []string) {
		for _, k := range c.keys() {
			out = append(out, k[:strings.LastIndex(k, " ")]) // without the number of attempts
		}
		return out
	}
	cuts := 0
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			left := n
			c := crowded(t, func(o *office) { o.steps = fragile{o.steps, &left, after} })
			c.adopt.Take = take
			if died := func() (died bool) {
				defer func() { died = recover() != nil }()
				c.run()
				return false
			}(); !died {
				break
			}
			cuts++
			c.clock = c.clock.Add(time.Hour) // the dead run's leases end
			c.o2c.StartAt = c.clock.Add(-time.Hour)
			r := c.run()
			require.Zero(t, r.Refused, "cut %d: %v", n, outcomes(r))
			require.Equal(t, results(want), results(c), "cut %d", n)
			require.Equal(t, want.told(), c.told(), "cut %d", n)
		}
	}
	require.Greater(t, cuts, 20)
}

func TestOpenOrdersAreTakenUpByRule(t *testing.T) {
	t.Parallel()
	c := newCutover(t)
	c.old("1") // paid, by an id that only the shop names
	c.orders[c.refs[0]].PaymentID = "pi_1"
	c.payment("1", nil)
	c.old("2", in(commerce.OrderPending)) // authorised
	c.payment("2", []string{"2"}, status(commerce.PaymentAuthorised))
	c.news("evt_2", "charge.succeeded", "pi_2")
	c.old("3", in(commerce.OrderPending)) // nobody paid
	c.old("4", in(commerce.OrderClosed))
	c.work()
	var asked []string
	var fails error
	c.adopt.Take = func(_ context.Context, f commerce.Facts) (bool, error) {
		asked = append(asked, fmt.Sprint(f.Order.Number, " ", len(f.Payments)))
		return f.Order.Number == "101", fails
	}
	fails = &commerce.Error{Kind: commerce.KindUnavailable, System: "credit"}
	_, err := c.adopt.Run(t.Context())
	require.ErrorIs(t, err, commerce.ErrUnavailable)
	fails, asked = commerce.Errorf(commerce.KindInvalid, "rules", "evaluate", "two currencies"), nil
	r := c.run()
	require.Equal(t, []string{"101 1", "102 1", "103 0"}, asked)
	require.Equal(t, "not taken up: rules: evaluate: two currencies", r.Open[0].Text)
	require.Zero(t, r.Taken)
	fails = nil
	r = c.run()
	require.Equal(t, 1, r.Taken)
	var states []commerce.PaymentState
	for _, x := range r.Open {
		states = append(states, x.Payment)
	}
	require.Equal(t, []commerce.PaymentState{commerce.Paid, commerce.Authorised, commerce.Unpaid}, states)
	c.work()
	require.Equal(t, sorted(journey), c.inventory(), "it had no document, so that it gets one")
}

func TestWhereAccountsDecideARouteThePaymentIsAskedFor(t *testing.T) {
	t.Parallel()
	c := newCutover(t)
	c.o2c.Books = bookSide{c.world}
	c.old("1", func(o *commerce.Order) { o.PaymentID = "ch_1" })
	c.payment("1", nil)
	c.paper("WEB-101", "done")
	c.old("2", func(o *commerce.Order) { o.PaymentID = "P-1234" }) // of another processor
	c.paper("WEB-102", "done")
	r := c.run()
	require.Equal(t, []string{"refused 0 2 "}, outcomes(r))
	require.Contains(t, r.Lines[0].Text, "route")
	require.Equal(t, 1, r.Adopted)
}

func TestAnAdoptedOrderIsNotCancelledAndNotMissed(t *testing.T) {
	t.Parallel()
	c := newCutover(t)
	ref := c.old("1")
	c.paper("WEB-101", "confirmed")
	c.payment("1", []string{"1"})
	c.news("evt_1", "charge.succeeded", "pi_1")
	c.work()
	c.run()
	require.NoError(t, c.adopt.TakeUp(t.Context(), ref))
	c.work()
	report, err := c.o2c.Sweep(t.Context(), time.Time{})
	require.NoError(t, err)
	require.Equal(t, SweepReport{Checked: 1}, report)

	d := c.o2c.desk()
	g, err := d.generation(t.Context(), ref)
	require.NoError(t, err)
	err = c.o2c.end(t.Context(), d, ref, mapping.Route{}, g)
	require.ErrorIs(t, err, commerce.ErrConflict)
	a, err := d.account(t.Context(), commerce.Event{}, commerce.Ref{}, ref)
	require.NoError(t, err)
	a.content.Gross = eur(7000)
	doc, _, err := c.o2c.post(t.Context(), d, a, mapping.Route{})
	require.NoError(t, err)
	require.Equal(t, "SO90", doc.Number)
	require.Equal(t, []string{OrderChanged}, c.exceptions())
	require.Contains(t, c.alerts[0].Text, "total 66.00 EUR → 70.00 EUR")
	require.Len(t, c.sales, 1)
}

// unsaid is a shop with an order that can not be said in canonical words.
type unsaid struct {
	shopSide
	ref commerce.Ref
}

func (u unsaid) Order(ctx context.Context, ref commerce.Ref) (commerce.Order, error) {
	o, err := u.shopSide.Order(ctx, ref)
	if ref == u.ref && err == nil {
		return commerce.Order{Ref: o.Ref, Number: o.Number, Placed: o.Placed}, mapping.Faultf("magento order/2", "tax", "x", "is not known")
	}
	return o, err
}

func TestAnOrderThatCanNotBeSaidStopsNoOther(t *testing.T) {
	t.Parallel()
	c := newCutover(t)
	c.old("1")
	c.paper("WEB-101", "confirmed")
	c.o2c.Shop = unsaid{shopSide{c.world}, c.old("2")}
	c.old("3")
	c.paper("WEB-103", "confirmed")
	r := c.run()
	require.Equal(t, []string{"refused 0 2 "}, outcomes(r))
	require.Equal(t, "102", r.Lines[0].Number)
	require.Equal(t, []int{2, 2}, []int{r.Adopted, r.OpenOrders})
}

func TestAShopThatIsDownEndsTheRunAndTheNextGoesOn(t *testing.T) {
	t.Parallel()
	c := newCutover(t)
	c.adopt.Parallel = 1
	for i := range 3 {
		c.old(fmt.Sprint(i + 1))
		c.paper(fmt.Sprintf("WEB-10%d", i+1), "confirmed")
	}
	up := c.adopt.Orders
	down := &commerce.Error{Kind: commerce.KindUnavailable, System: "magento"}
	c.adopt.Orders = func(ctx context.Context) iter.Seq2[commerce.Ref, error] {
		return func(yield func(commerce.Ref, error) bool) {
			_ = yield(c.refs[0], nil) && yield(c.refs[1], nil) && yield(commerce.Ref{}, down)
		}
	}
	r, err := c.adopt.Run(t.Context())
	require.ErrorIs(t, err, down)
	require.Equal(t, 2, r.Adopted, "what came before stands")
	c.adopt.Orders = up
	r = c.run()
	require.Equal(t, []int{1, 2}, []int{r.Adopted, r.Already})
}

func TestAReportIsBounded(t *testing.T) {
	t.Parallel()
	c := newCutover(t)
	for i := range 9 {
		c.old(fmt.Sprint(i + 1))
	}
	c.adopt.MaxLines = 2
	r := c.run()
	require.Equal(t, []int{9, 2, 9, 2}, []int{r.NotFound, len(r.Lines), r.OpenOrders, len(r.Open)})
	require.Equal(t, 2, strings.Count(r.String(), "and 7 more\n"))
}

func TestWhatCanNotAdoptIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Adopt){
		"OrderToCash is missing":         func(a *Adopt) { a.OrderToCash = nil },
		"Documents is missing":           func(a *Adopt) { a.Documents = nil },
		"OrderToCash.StartAt is missing": func(a *Adopt) { a.OrderToCash.StartAt = time.Time{} },
		"nothing to adopt":               func(a *Adopt) { a.Orders = nil },
		"Inbox is missing":               func(a *Adopt) { a.Inbox, a.Take = nil, takeCovered },
		"Parallel is -1":                 func(a *Adopt) { a.Parallel = -1 },
		"MaxLines is -1":                 func(a *Adopt) { a.MaxLines = -1 },
		`References[0] "WEB"`:            func(a *Adopt) { a.References = []string{"WEB"} },
		`References[1] "{nr}"`:           func(a *Adopt) { a.References = []string{"{id}", "{nr}"} },
		"Shop is missing":                func(a *Adopt) { a.OrderToCash.Shop = nil },
	} {
		c := newCutover(t)
		change(c.adopt)
		_, err := c.adopt.Run(t.Context())
		require.ErrorIs(t, err, commerce.ErrInvalid, want)
		require.ErrorContains(t, err, want)
	}
}
