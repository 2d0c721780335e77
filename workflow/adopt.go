package workflow

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
)

// Adopt is the cut-over: the day on which [OrderToCash] takes over from people or from
// another integration. It finds the sales orders that these wrote for orders placed
// before OrderToCash.StartAt, and remembers them as the steps that they are, so that
// nothing is written twice. What is still open at the shop it lists, and takes up what
// a rule or a person chooses.
//
//	report, err := (&workflow.Adopt{OrderToCash: o2c, Orders: workflow.OrdersOf(sweep),
//		Documents: books, References: []string{"WEB-{number}"}, DryRun: true}).Run(ctx)
//	fmt.Print(report)
//
// Nothing is written at the shop and at the ERP. A run may be interrupted anywhere and
// run again: what was adopted stays, and a second run adds none. A step that was done
// is never written over.
type Adopt struct {
	// OrderToCash is the workflow that takes over: its ports and settings serve here as
	// well, StartAt above all. Required.
	OrderToCash *OrderToCash
	// Orders lists the orders of the shop; see [OrdersOf]. One that is listed twice is
	// counted twice, and adopted once. Nil: only Pairs are looked at.
	Orders func(ctx context.Context) iter.Seq2[commerce.Ref, error]
	// Documents finds what others wrote. Required.
	Documents Documents
	// References are how others wrote an order's name on the ERP's document, each with
	// {number}, {id} or {store} in the place of the order's: "WEB-{number}". A document is
	// taken for the order's where its reference is exactly that, and its total the order's.
	References []string
	// Pairs is a file that says which document is which order's; see [ReadPairs]. Where
	// anything is wrong in it, nothing is adopted at all. It is read to its end before
	// anything else, and a total that differs is no obstacle: a person has confirmed it.
	Pairs io.Reader
	// Take says which of the open orders are taken up, as OrderToCash.Take does; with all
	// payments that the shop names or that were linked. An order with an ambiguous or a
	// refused document is not asked for. Nil: none; see [Adopt.TakeUp].
	Take func(context.Context, commerce.Facts) (bool, error)
	// Inbox hears of each order that is taken up, so that it goes on at once. Required
	// with Take and for TakeUp; an *inbox.Inbox.
	Inbox Appender
	// DryRun writes nothing and reports what would be done.
	DryRun bool
	// Parallel is how many orders are looked up at once. Defaults to 4.
	Parallel int
	// MaxLines bounds the lines of the report; beyond it they are only counted.
	//
	// Defaults to 10,000 for each list.
	MaxLines int
}

// Documents finds the sales orders that others wrote. mapping/erpbooks lends any erp
// adapter these methods. None is an empty slice; cancelled ones are among them.
type Documents interface {
	// ByReference returns those whose reference at the ERP is exactly the text.
	ByReference(ctx context.Context, r mapping.Route, reference string) ([]commerce.Document, error)
	// ByNumber returns those that people know by the number.
	ByNumber(ctx context.Context, r mapping.Route, number string) ([]commerce.Document, error)
	// ByID returns the one with the ERP's own id of the record.
	ByID(ctx context.Context, r mapping.Route, id string) ([]commerce.Document, error)
}

// Appender stores events. An *inbox.Inbox is one.
type Appender interface {
	Append(ctx context.Context, events ...commerce.Event) ([]inbox.Appended, error)
}

// OrdersOf lists the orders that one poll of a feed tells of from its first day on: of
// a shop adapter's sweep of all orders.
func OrdersOf(f inbox.Feed) func(context.Context) iter.Seq2[commerce.Ref, error] {
	return func(ctx context.Context) iter.Seq2[commerce.Ref, error] {
		return func(yield func(commerce.Ref, error) bool) {
			var last commerce.Ref
			for c, err := range f.Changes(ctx, "") {
				ref := c.Event.SubjectRef()
				if err == nil && (c.Event.Type != orderChanged || ref == last) {
					continue
				}
				if last = ref; !yield(ref, err) || err != nil {
					return
				}
			}
		}
	}
}

// Check reports the first setting that can not work, as an error of kind invalid that
// names the field.
func (a *Adopt) Check() error {
	const op = "check Adopt"
	bad := func(format string, args ...any) error { return refuse(commerce.KindInvalid, op, "", format, args...) }
	switch {
	case a.OrderToCash == nil:
		return bad("OrderToCash is missing")
	case a.Documents == nil:
		return bad("Documents is missing")
	case a.OrderToCash.StartAt.IsZero():
		return bad("OrderToCash.StartAt is missing: it says which orders are of the time before")
	case a.Orders == nil && a.Pairs == nil:
		return bad("Orders and Pairs are missing; there is nothing to adopt")
	case a.Take != nil && a.Inbox == nil:
		return bad("Inbox is missing, which Take needs")
	case a.Parallel < 0:
		return bad("Parallel is %d, below nought", a.Parallel)
	case a.MaxLines < 0:
		return bad("MaxLines is %d, below nought", a.MaxLines)
	}
	for i, r := range a.References {
		if err := checkReference(r); err != nil {
			return bad("References[%d] %q: %w", i, r, err)
		}
	}
	return a.OrderToCash.Check()
}

// checkReference refuses a pattern that is the same for all orders, or has a word in
// braces that is none.
func checkReference(pattern string) error {
	rest := strings.NewReplacer("{number}", "", "{id}", "", "{store}", "").Replace(pattern)
	switch {
	case strings.ContainsAny(rest, "{}"):
		return errors.New("in braces are number, id and store, and nothing else")
	case !strings.Contains(pattern, "{number}") && !strings.Contains(pattern, "{id}"):
		return errors.New("it has neither {number} nor {id}")
	}
	return nil
}

func render(pattern string, o commerce.Order) string {
	return strings.NewReplacer("{number}", o.Number, "{id}", shopID(o.Ref), "{store}", o.Store).Replace(pattern)
}

func shopID(order commerce.Ref) string { return strings.TrimPrefix(order.ID, "order/") }

// keyAdopted is the key of the decision whose a document at the ERP is.
func keyAdopted(doc commerce.Ref) string { return "erp.adopted/" + doc.String() }

// Run adopts what is found, lists what is open and takes up what Take says. The report
// stands beside an error as well: it says how far the run came.
//
// Errors: *[PairError], joined, for a file with faults, and then nothing was written;
// kind invalid for the settings; what a far side or the store answers, after which the
// next run goes on.
func (a *Adopt) Run(ctx context.Context) (*AdoptReport, error) {
	if err := a.Check(); err != nil {
		return nil, err
	}
	r := a.run()
	pairs, err := a.pairs()
	if err != nil {
		return r.report, err
	}
	err = r.all(ctx, func(yield func(candidate, error) bool) {
		for _, p := range pairs {
			if !yield(candidate{pair: &p}, nil) {
				return
			}
		}
	})
	if err != nil || a.Orders == nil {
		return r.report, err
	}
	return r.report, r.all(ctx, func(yield func(candidate, error) bool) {
		for ref, err := range a.Orders(ctx) {
			if !yield(candidate{ref: ref}, err) || err != nil {
				return
			}
		}
	})
}

// TakeUp takes up open orders one by one, whatever a rule would say: a person decided.
// One without a document at the ERP gets a new sales order.
func (a *Adopt) TakeUp(ctx context.Context, orders ...commerce.Ref) error {
	if a.OrderToCash == nil || a.Inbox == nil {
		return refuse(commerce.KindInvalid, "take up orders", "", "OrderToCash or Inbox is missing")
	}
	if err := a.OrderToCash.Check(); err != nil {
		return err
	}
	r := a.run()
	for _, ref := range orders {
		o, err := r.desk.shop.Order(ctx, ref)
		if err != nil {
			return err
		}
		if err := r.takeUp(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

func (a *Adopt) pairs() ([]Pair, error) {
	if a.Pairs == nil {
		return nil, nil
	}
	const mostErrors = 100
	var all []Pair
	var bad []error
	for p, err := range ReadPairs(a.Pairs) {
		switch {
		case err == nil:
			all = append(all, p)
		case len(bad) < mostErrors:
			bad = append(bad, err)
		}
	}
	return all, errors.Join(bad...)
}

// adoption is one run.
type adoption struct {
	*Adopt
	desk   desk
	report *AdoptReport
	// claimed and adopted are what a dry run would have written.
	claimed map[commerce.Ref]commerce.Ref // document → order
	adopted map[commerce.Ref]commerce.Document
}

func (a *Adopt) run() *adoption {
	d := a.OrderToCash.desk()
	d.startAt = time.Time{} // these are the orders that the run is about
	most := a.MaxLines
	if most == 0 {
		most = 10_000
	}
	return &adoption{Adopt: a, desk: d, report: &AdoptReport{DryRun: a.DryRun, most: most},
		claimed: map[commerce.Ref]commerce.Ref{}, adopted: map[commerce.Ref]commerce.Document{}}
}

// candidate is an order, or a pair that names one, and what was found for it.
type candidate struct {
	ref  commerce.Ref
	pair *Pair

	line  AdoptLine
	order commerce.Order
	skip  bool // of the time after
}

// all looks some candidates up at a time, and decides about them one after the other.
func (r *adoption) all(ctx context.Context, list iter.Seq2[candidate, error]) error {
	size := r.Parallel
	if size == 0 {
		size = 4
	}
	page := make([]candidate, 0, size)
	flush := func() error {
		errs := make([]error, len(page))
		var wg sync.WaitGroup
		for i := range page {
			wg.Go(func() { errs[i] = r.look(ctx, &page[i]) })
		}
		wg.Wait()
		for i := range page {
			if errs[i] == nil {
				errs[i] = r.decide(ctx, &page[i])
			}
			if errs[i] != nil {
				return errs[i]
			}
		}
		page = page[:0]
		return nil
	}
	for c, err := range list {
		if err != nil {
			return errors.Join(flush(), err)
		}
		again := c.pair == nil && slices.ContainsFunc(page, func(p candidate) bool { return p.ref == c.ref })
		if len(page) == size || again {
			if err := flush(); err != nil {
				return err
			}
		}
		page = append(page, c)
	}
	return flush()
}

// look finds the order and its document. What no repetition mends becomes the line of
// this candidate alone.
func (r *adoption) look(ctx context.Context, c *candidate) error {
	err := r.find(ctx, c)
	if err != nil && commerce.KindOf(err).Permanent() && ctx.Err() == nil {
		c.line.Outcome, c.line.Text = AdoptRefused, err.Error()
		return nil
	}
	return err
}

func (r *adoption) find(ctx context.Context, c *candidate) (err error) {
	if p := c.pair; p != nil {
		c.line.Row = p.Row
		c.line.Number = p.OrderNumber
		c.ref, err = r.desk.shop.Find(ctx, commerce.OrderHint{ID: p.OrderID, Number: p.OrderNumber, Store: p.Store})
		if errors.Is(err, commerce.ErrNotFound) {
			c.line.Outcome, c.line.Text = AdoptRefused, "the shop does not have this order"
			return nil
		}
		if errors.Is(err, commerce.ErrAmbiguous) {
			c.line.Outcome, c.line.Text = AdoptAmbiguous, "the shop has this number in several stores; add the column store"
			return nil
		}
		if err != nil {
			return err
		}
	}
	c.line.Order = c.ref
	o, err := r.desk.shop.Order(ctx, c.ref)
	c.line.Number = cmp.Or(o.Number, c.line.Number)
	if err != nil {
		return err
	}
	c.order = o
	if o.Placed.IsZero() || !o.Placed.Before(r.OrderToCash.StartAt) {
		if c.skip = c.pair == nil; !c.skip {
			c.line.Outcome, c.line.Text = AdoptRefused, "the order was placed after StartAt"
		}
		return nil
	}
	rec, err := r.desk.steps.Get(ctx, keySalesOrder(o.Ref))
	// Only a run that was cut off leaves a record without a fingerprint open.
	switch {
	case errors.Is(err, commerce.ErrNotFound) || err == nil && rec.State == idempotency.NotSent:
	case err != nil:
		return err
	case rec.State != idempotency.Done && rec.Fingerprint == "":
	case rec.State != idempotency.Done:
		c.line.Outcome, c.line.Text = AdoptRefused, "its sales order is being written at this moment; run again later"
		return nil
	default:
		return r.already(ctx, c)
	}
	route, err := r.route(ctx, o)
	if err != nil {
		return err
	}
	return r.document(ctx, c, route)
}

// already is for an order with a sales order under its key.
func (r *adoption) already(ctx context.Context, c *candidate) error {
	doc, err := recall[posted](ctx, r.desk.steps, keySalesOrder(c.ref))
	if err != nil {
		return err
	}
	c.line.Outcome, c.line.Document = AdoptAlready, doc.Document
	if p := c.pair; p != nil && (p.DocumentID != "" && p.DocumentID != shopID(doc.Ref) || p.DocumentNumber != "" && doc.Number != "" && p.DocumentNumber != doc.Number) {
		c.line.Outcome = AdoptAmbiguous
		c.line.Text = "it has this sales order already, and the row names another one"
	}
	return nil
}

// route says into whose books the order went. By whose account it was paid matters
// only where the routes tell accounts apart.
func (r *adoption) route(ctx context.Context, o commerce.Order) (mapping.Route, error) {
	route, err := r.OrderToCash.Books.Route(o, nil)
	if err == nil || commerce.KindOf(err) != commerce.KindMapping {
		return route, err
	}
	payments, readErr := r.payments(ctx, o)
	if readErr != nil || len(payments) == 0 {
		return route, errors.Join(readErr, err)
	}
	return r.OrderToCash.Books.Route(o, payments)
}

// payments are those that the shop names, or that were linked.
func (r *adoption) payments(ctx context.Context, o commerce.Order) ([]commerce.Payment, error) {
	all, err := r.desk.linked(ctx, commerce.Event{}, commerce.Ref{}, o.Ref)
	if err != nil || o.PaymentID == "" {
		return all, err
	}
	if slices.ContainsFunc(all, func(p commerce.Payment) bool { return p.Ref.ID == o.PaymentID || p.Charge == o.PaymentID }) {
		return all, nil
	}
	p, err := r.desk.payments.Payment(ctx, r.desk.payments.Ref(o.PaymentID))
	switch {
	case err == nil:
		return append(all, p), nil
	case commerce.KindOf(err).Permanent():
		return all, nil // the shop's text is no payment of this processor
	}
	return all, err
}

// document finds the one document at the ERP that counts.
func (r *adoption) document(ctx context.Context, c *candidate, route mapping.Route) error {
	var docs []commerce.Document
	add := func(found []commerce.Document, err error) error {
		for _, d := range found {
			if d.State != canceledDocument && !slices.ContainsFunc(docs, func(e commerce.Document) bool { return e.Ref == d.Ref }) {
				docs = append(docs, d)
			}
		}
		return err
	}
	var err error
	asked := ""
	switch p := c.pair; {
	case p != nil && p.DocumentID != "":
		asked = "id " + p.DocumentID
		err = add(r.Documents.ByID(ctx, route, p.DocumentID))
	case p != nil:
		asked = "number " + p.DocumentNumber
		err = add(r.Documents.ByNumber(ctx, route, p.DocumentNumber))
	default:
		var texts []string
		for _, pattern := range r.References {
			if pattern = render(pattern, c.order); err == nil && !slices.Contains(texts, pattern) {
				texts = append(texts, pattern)
				err = add(r.Documents.ByReference(ctx, route, pattern))
			}
		}
		asked = "reference " + strings.Join(texts, " or ")
	}
	switch {
	case err != nil:
		return err
	case len(docs) == 0:
		c.line.Outcome, c.line.Text = AdoptNotFound, "no sales order that counts with "+asked
		if len(r.References) == 0 && c.pair == nil {
			c.line.Text = "no row names it"
		}
		return nil
	case len(docs) > 1:
		c.line.Outcome = AdoptAmbiguous
		c.line.Text = fmt.Sprintf("%d sales orders with %s: %s", len(docs), asked, refIDs(docs))
		return nil
	}
	c.line.Outcome, c.line.Document = AdoptFound, docs[0]
	total := docs[0].Total
	differs := total != (commerce.Money{}) && total != c.order.Totals.Gross
	switch {
	case differs && c.pair != nil:
		c.line.Text = fmt.Sprintf("the totals differ: %s at the shop, %s in the ERP", c.order.Totals.Gross, total)
	case differs:
		c.line.Outcome = AdoptAmbiguous
		c.line.Text = fmt.Sprintf("the totals differ: %s at the shop, %s in the ERP; if it is the order's, name the two in a file of pairs", c.order.Totals.Gross, total)
	case c.pair == nil:
		return r.unique(ctx, c)
	}
	return nil
}

func refIDs(docs []commerce.Document) string {
	var ids []string
	for _, d := range docs {
		ids = append(ids, d.Ref.ID)
	}
	return strings.Join(ids, ", ")
}

// unique makes sure that no other store's order has the same number, where numbers are
// all that the references are made of.
func (r *adoption) unique(ctx context.Context, c *candidate) error {
	for _, pattern := range r.References {
		if strings.Contains(pattern, "{id}") || strings.Contains(pattern, "{store}") {
			continue
		}
		ref, err := r.desk.shop.Find(ctx, commerce.OrderHint{Number: c.order.Number})
		if err != nil && !errors.Is(err, commerce.ErrAmbiguous) {
			return err
		}
		if err != nil || ref != c.ref {
			c.line.Outcome, c.line.Text = AdoptAmbiguous, "several stores have an order of this number, and the reference names no store"
		}
		return nil
	}
	return nil
}

// decide writes what was found, and looks at what is open.
func (r *adoption) decide(ctx context.Context, c *candidate) error {
	if c.skip {
		r.report.Newer++
		return nil
	}
	if doc, ok := r.adopted[c.ref]; ok && c.pair == nil { // by its row, in this dry run
		c.line = AdoptLine{Order: c.ref, Number: c.line.Number, Outcome: AdoptAlready, Document: doc}
	}
	switch c.line.Outcome {
	case AdoptFound:
		if err := r.adopt(ctx, c); err != nil {
			return err
		}
	case AdoptAlready:
		if err := r.finish(ctx, c); err != nil {
			return err
		}
	}
	if c.line.Outcome == AdoptNotFound && ended(c.order) {
		r.report.Ended++ // others had no reason to write it
	} else {
		r.report.add(c.line)
	}
	if c.pair != nil && r.Orders != nil || c.order.Ref.IsZero() {
		return nil // the list has it as well
	}
	return r.open(ctx, c)
}

// adopt remembers the document: first whose it is, then the steps of its order.
func (r *adoption) adopt(ctx context.Context, c *candidate) error {
	doc := c.line.Document
	owner, err := r.claim(ctx, doc.Ref, c.ref)
	if err != nil {
		return err
	}
	if owner != c.ref {
		c.line.Outcome = AdoptAmbiguous
		c.line.Text = fmt.Sprintf("sales order %s is adopted as that of %s", doc.Ref.ID, owner.ID)
		return nil
	}
	if r.DryRun {
		r.adopted[c.ref] = doc
		return nil
	}
	content := contentOf(c.order)
	got, err := remember(ctx, r.desk, keySalesOrder(c.ref), posted{Document: doc, Content: &content, Adopted: true})
	if parked(err) || err == nil && got.Ref != doc.Ref {
		c.line.Outcome, c.line.Text = AdoptRefused, "somebody else is at work on it at this moment; run again later"
		return nil
	}
	if err != nil {
		return err
	}
	c.line.Outcome = AdoptAdopted
	return r.finish(ctx, c)
}

func parked(err error) bool { return errors.Is(err, commerce.ErrParked) }

// finish remembers that an adopted document is confirmed. One that is a draft is
// confirmed by OrderToCash, where its order is taken up.
func (r *adoption) finish(ctx context.Context, c *candidate) error {
	doc, confirmed := c.line.Document, c.line.Document.State == "confirmed" || c.line.Document.State == "done"
	if r.DryRun || !confirmed {
		return nil
	}
	if c.line.Outcome == AdoptAlready {
		was, err := recall[posted](ctx, r.desk.steps, keySalesOrder(c.ref))
		if err != nil || !was.Adopted {
			return err
		}
	}
	_, err := remember(ctx, r.desk, keyConfirm(c.ref), doc)
	return err
}

// claim says whose a document is: of the first order that claimed it.
func (r *adoption) claim(ctx context.Context, doc, order commerce.Ref) (commerce.Ref, error) {
	if !r.DryRun {
		return remember(ctx, r.desk, keyAdopted(doc), order)
	}
	if owner, ok := r.claimed[doc]; ok {
		return owner, nil
	}
	owner, err := recall[commerce.Ref](ctx, r.desk.steps, keyAdopted(doc))
	if errors.Is(err, commerce.ErrNotFound) {
		r.claimed[doc] = order
		return order, nil
	}
	return owner, err
}

// remember records a step as done, and returns what is recorded: the first counts. No
// far side is asked, so that an unfinished record of ours may be carried through.
func remember[T any](ctx context.Context, d desk, key string, v T) (T, error) {
	return stepOf(ctx, d, key, idempotency.Effect[T]{Class: idempotency.Keyed, Act: func(context.Context) (T, error) { return v, nil }})
}

// open lists an order that the shop has not ended, and takes it up.
func (r *adoption) open(ctx context.Context, c *candidate) error {
	o := c.order
	if ended(o) || o.State == commerce.OrderComplete {
		return nil
	}
	payments, err := r.payments(ctx, o)
	if err != nil {
		return err
	}
	x := OpenOrder{Order: o.Ref, Number: o.Number, Placed: o.Placed, State: o.State, Total: o.Totals.Gross, Paid: o.Paid, Shipped: shippedAlready(o), Document: c.line.Document}
	if x.Payment, err = r.state(ctx, o, payments); err != nil {
		x.Text = err.Error()
	}
	if x.Taken, err = r.desk.done(ctx, keyTaken(o.Ref)); err != nil {
		return err
	}
	switch {
	case x.Taken && r.Inbox != nil && !r.DryRun:
		if err := r.takeUp(ctx, o); err != nil { // an earlier run may have ended before it told the inbox
			return err
		}
	case x.Taken || r.Take == nil || x.Text != "":
	case c.line.Outcome == AdoptAmbiguous || c.line.Outcome == AdoptRefused:
		x.Text = "not taken up: " + c.line.Text
	default:
		yes, err := r.Take(ctx, commerce.Facts{Order: o, Payments: payments})
		switch {
		case err != nil && !commerce.KindOf(err).Permanent():
			return err
		case err != nil:
			x.Text = "not taken up: " + err.Error()
		case yes && !r.DryRun:
			if err := r.takeUp(ctx, o); err != nil {
				return err
			}
		}
		if x.Taken = yes && err == nil; x.Taken {
			r.report.Taken++
		}
	}
	r.report.open(x)
	return nil
}

// state is the payment state of an order, of payments that are for it.
func (r *adoption) state(ctx context.Context, o commerce.Order, payments []commerce.Payment) (commerce.PaymentState, error) {
	due, err := o.Due()
	if err != nil {
		return "", err
	}
	a := account{order: o, due: due}
	for _, p := range payments {
		s, err := r.desk.shareOf(ctx, p, o, due)
		if err != nil {
			return "", err
		}
		a.shares = append(a.shares, s)
	}
	return commerce.PaymentStateOf(due, a.allocations())
}

// takeUp remembers the decision and tells the inbox, in this order: whoever is
// interrupted in between tells it in the next run.
func (r *adoption) takeUp(ctx context.Context, o commerce.Order) error {
	_, err := remember(ctx, r.desk, keyTaken(o.Ref), commerce.Document{Ref: o.Ref, Number: o.Number})
	if err != nil {
		return err
	}
	raw, err := json.Marshal(map[string]string{"order": o.Ref.ID, "because": "taken up at the cut-over"})
	if err != nil {
		return commerce.Errorf(commerce.KindInternal, system, "take up "+o.Ref.ID, "%w", err)
	}
	_, err = r.Inbox.Append(ctx, commerce.Event{Ref: o.Ref.With(o.Ref.ID + " taken"), Type: orderChanged, Object: o.Ref.ID, Subject: o.Ref.ID,
		Person: o.Customer.Ref.ID, Created: r.desk.now(), Raw: raw})
	return err
}
