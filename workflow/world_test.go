package workflow

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
)

// world is every far side at once: a shop, a payment processor, an ERP, a
// warehouse and a mail box, each as forgetful as the real ones. It counts what was
// made, so that a second effect shows.
type world struct {
	now func() time.Time

	mu        sync.Mutex
	orders    map[commerce.Ref]*commerce.Order
	payments  map[string]*commerce.Payment // by every id it answers to
	opens     map[string]*mapping.Open     // by key
	shipments map[string]*commerce.Shipment
	made      map[string]int // documents at the far sides, by what they are
	sales     []commerce.Document
	written   map[commerce.Ref]commerce.Order // what each sales order says
	asked     map[commerce.Ref]bool           // sales orders whose goods were asked for
	gone      map[commerce.Ref]bool           // orders whose goods are packed or have left
	late      []late
	alerts    []Exception

	// fault is asked before every write; nil = none.
	fault func(op string) fault
	// unread is asked before every read; nil = all are answered.
	unread func() error
	// route refuses; nil = takes all of mode live.
	route func(commerce.Order) error
}

type late struct {
	at    time.Time
	apply func()
}

// fault is what happens to one write.
type fault int

const (
	well      fault = iota
	refused         // nothing is done, and the answer says so
	lost            // it is done, and the answer is lost
	tardy           // the answer is lost, and it is done half a minute later
	nothing         // the answer is lost, and it is never done
	crash           // it is done, and the caller dies
	stillborn       // the caller dies before
)

func newWorld(now func() time.Time) *world {
	return &world{now: now, orders: map[commerce.Ref]*commerce.Order{}, payments: map[string]*commerce.Payment{},
		opens: map[string]*mapping.Open{}, shipments: map[string]*commerce.Shipment{}, made: map[string]int{},
		written: map[commerce.Ref]commerce.Order{}, asked: map[commerce.Ref]bool{}, gone: map[commerce.Ref]bool{}}
}

func eur(minor int64) commerce.Money { return commerce.MustMoney(minor, "EUR") }

var (
	shopRef   = commerce.Ref{System: "magento", Account: "shop", Mode: commerce.Live}
	stripeRef = commerce.Ref{System: "stripe", Account: "acct_1", Mode: commerce.Live}
	erpRef    = commerce.Ref{System: "tryton", Account: "erp", Mode: commerce.Live}
)

// order adds an order of 66.00 EUR for one lamp.
func (w *world) order(id string, change ...func(*commerce.Order)) commerce.Ref {
	o := commerce.Order{Ref: shopRef.With("order/" + id), Number: "10" + id, Store: "1", State: commerce.OrderPending,
		Currency: "EUR", PaymentMethod: "stripe_payments", Totals: commerce.Totals{Gross: eur(6600)},
		Tenders:  []commerce.Tender{{Kind: commerce.TenderStripe, Amount: eur(6600)}},
		Customer: commerce.Customer{Email: "ada@example.com", Name: "Ada"},
		Lines:    []commerce.OrderLine{{ID: "1", SKU: "LAMP", Quantity: commerce.MustDecimal("2"), Net: eur(5546), Tax: eur(1054)}},
		Paid:     eur(0)}
	for _, c := range change {
		c(&o)
	}
	w.orders[o.Ref] = &o
	return o.Ref
}

// payment adds a captured payment of 66.00 EUR for the orders.
func (w *world) payment(id string, orders []string, change ...func(*commerce.Payment)) commerce.Ref {
	p := commerce.Payment{Ref: stripeRef.With("pi_" + id), Charge: "ch_" + id, Status: commerce.PaymentCaptured,
		Created: time.Date(2026, 11, 21, 9, 0, len(w.payments), 0, time.UTC), Amount: eur(6600), Captured: eur(6600),
		Method: commerce.PaymentMethod{Type: "card", Brand: "visa", Last4: "4242"}, Metadata: map[string]string{}}
	for _, o := range orders {
		p.Orders = append(p.Orders, commerce.OrderHint{ID: o})
	}
	for _, c := range change {
		c(&p)
	}
	w.payments[p.Ref.ID], w.payments["ch_"+id] = &p, &p
	return p.Ref
}

func status(s commerce.PaymentStatus) func(*commerce.Payment) {
	return func(p *commerce.Payment) {
		p.Status, p.Authorised, p.Captured = s, eur(0), eur(0)
		switch s {
		case commerce.PaymentAuthorised:
			p.Authorised = p.Amount
		case commerce.PaymentCaptured, commerce.PaymentReturned:
			p.Captured = p.Amount
		case commerce.PaymentFailed:
			p.Failure = &commerce.Failure{Code: "card_declined", DeclineCode: "insufficient_funds"}
		}
	}
}

func amount(m commerce.Money) func(*commerce.Payment) {
	return func(p *commerce.Payment) { p.Amount, p.Captured = m, m }
}

// gets names what each order gets.
func gets(amounts ...commerce.Money) func(*commerce.Payment) {
	return func(p *commerce.Payment) {
		for i, m := range amounts {
			p.Orders[i].Amount = m
		}
	}
}

// write carries out a write under the fault that is due.
func (w *world) write(op string, apply func()) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := well
	if w.fault != nil {
		f = w.fault(op)
	}
	unknown := &commerce.Error{Kind: commerce.KindUnavailable, System: "world", Op: op, Outcome: commerce.Unknown}
	switch f {
	case refused:
		return &commerce.Error{Kind: commerce.KindUnavailable, System: "world", Op: op, Outcome: commerce.NotSent}
	case lost:
		apply()
		return unknown
	case tardy:
		w.late = append(w.late, late{w.now().Add(30 * time.Second), apply})
		return unknown
	case nothing:
		return unknown
	case crash:
		apply()
		panic(died{})
	case stillborn:
		panic(died{})
	}
	apply()
	return nil
}

// died is the panic of a process that ends.
type died struct{}

// read lets late writes happen that are due.
func (w *world) read(f func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.unread != nil {
		if err := w.unread(); err != nil {
			return err
		}
	}
	w.late = slices.DeleteFunc(w.late, func(l late) bool {
		due := !l.at.After(w.now())
		if due {
			l.apply()
		}
		return due
	})
	return f()
}

func absent(op string) error {
	return &commerce.Error{Kind: commerce.KindNotFound, System: "world", Op: op}
}

// marked is an effect that the far side takes as often as it is sent.
func (w *world) marked(class idempotency.Class, what string, doc commerce.Document, after func()) idempotency.Effect[commerce.Document] {
	return idempotency.Effect[commerce.Document]{
		Class: class, Settle: time.Minute,
		Find: func(context.Context) (commerce.Document, error) {
			return doc, w.read(func() error {
				if w.made[what] == 0 {
					return absent("find " + what)
				}
				return nil
			})
		},
		Act: func(context.Context) (commerce.Document, error) {
			return doc, w.write(what, func() {
				w.made[what]++
				if after != nil {
					after()
				}
			})
		},
	}
}

// guarded is an effect that the far side's own state forbids twice.
func (w *world) guarded(what string, doc commerce.Document, is func() bool, do func()) idempotency.Effect[commerce.Document] {
	return idempotency.Effect[commerce.Document]{
		Class: idempotency.Guarded, Settle: time.Minute,
		Find: func(context.Context) (commerce.Document, error) {
			return doc, w.read(func() error {
				if !is() {
					return absent("find " + what)
				}
				return nil
			})
		},
		Act: func(context.Context) (commerce.Document, error) {
			return doc, w.write(what, func() {
				if !is() {
					w.made[what]++
					do()
				}
			})
		},
	}
}

// The shop.

type shopSide struct{ *world }

func (shopSide) System() string       { return shopRef.System }
func (shopSide) Origin() commerce.Ref { return shopRef }

func (w shopSide) Find(_ context.Context, h commerce.OrderHint) (commerce.Ref, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []commerce.Ref
	for ref, o := range w.orders {
		if means(h, *o) {
			found = append(found, ref)
		}
	}
	switch len(found) {
	case 0:
		return commerce.Ref{}, absent("find order " + h.ID)
	case 1:
		return found[0], nil
	}
	return commerce.Ref{}, &commerce.Error{Kind: commerce.KindAmbiguous, System: "world", Op: "find order " + h.Number}
}

func (w shopSide) Order(_ context.Context, ref commerce.Ref) (o commerce.Order, err error) {
	return o, w.read(func() error {
		p, ok := w.orders[ref]
		if !ok {
			return absent("read " + ref.ID)
		}
		o = *p
		o.Lines = slices.Clone(p.Lines)
		o.Tenders = slices.Clone(p.Tenders)
		return nil
	})
}

func (w shopSide) RecordPayment(o commerce.Order, p commerce.Payment) idempotency.Effect[commerce.Document] {
	stored := w.orders[o.Ref]
	return w.guarded("invoice "+o.Ref.ID, commerce.Document{Ref: o.Ref.With("invoice/" + o.Number), Total: o.Totals.Gross},
		func() bool { return stored.Paid.Sign() > 0 },
		func() {
			due, _ := stored.Due()
			stored.Paid, stored.PaymentID = due, p.Ref.ID
			if stored.State == commerce.OrderPending {
				stored.State = commerce.OrderProcessing
			}
		})
}

func (w shopSide) Note(o commerce.Order, n mapping.Note) idempotency.Effect[commerce.Document] {
	return w.marked(idempotency.Marked, "note "+o.Ref.ID+" "+n.Key, commerce.Document{Ref: o.Ref.With("comment/" + n.Key)}, nil)
}

func (w shopSide) Hold(o commerce.Order) idempotency.Effect[commerce.Document] {
	stored := w.orders[o.Ref]
	return w.guarded("hold "+o.Ref.ID, commerce.Document{Ref: o.Ref, State: "holded"},
		func() bool { return stored.State == commerce.OrderOnHold }, func() {
			if !ended(*stored) { // a shop holds no order that has ended
				stored.State = commerce.OrderOnHold
			}
		})
}

func (w shopSide) Unhold(o commerce.Order) idempotency.Effect[commerce.Document] {
	stored := w.orders[o.Ref]
	return w.guarded("unhold "+o.Ref.ID, commerce.Document{Ref: o.Ref},
		func() bool { return stored.State != commerce.OrderOnHold }, func() { stored.State = commerce.OrderProcessing })
}

func (w shopSide) Ship(o commerce.Order, s commerce.Shipment) idempotency.Effect[commerce.Document] {
	stored := w.orders[o.Ref]
	return w.marked(idempotency.Marked, "shipment "+o.Ref.ID+" "+s.Ref.ID, commerce.Document{Ref: o.Ref.With("shipment/" + s.Number)}, func() {
		for _, l := range s.Lines {
			for i := range stored.Lines {
				if stored.Lines[i].SKU == l.SKU {
					stored.Lines[i].Shipped, _ = stored.Lines[i].Shipped.Add(l.Quantity)
				}
			}
		}
	})
}

// The processor.

type paySide struct{ *world }

func (paySide) Ref(id string) commerce.Ref { return stripeRef.With(id) }

func (w paySide) Payment(_ context.Context, ref commerce.Ref) (p commerce.Payment, err error) {
	return p, w.read(func() error {
		stored, ok := w.payments[ref.ID]
		if !ok || stored.Ref.Mode != ref.Mode {
			return absent("read " + ref.ID)
		}
		p = *stored
		p.Orders = slices.Clone(stored.Orders)
		return nil
	})
}

func (w paySide) Request(r mapping.PaymentRequest) idempotency.Effect[mapping.Open] {
	return idempotency.Effect[mapping.Open]{Class: idempotency.Keyed, Act: func(context.Context) (open mapping.Open, err error) {
		err = w.write("request "+r.Key, func() {
			if stored := w.opens[r.Key]; stored != nil {
				open = *stored
				return
			}
			w.made["request "+r.Order.Ref.ID]++
			open = mapping.Open{Ref: stripeRef.With(fmt.Sprintf("cs_%d", len(w.opens)+1)), Amount: r.Amount,
				Status: mapping.OpenPayable, URL: fmt.Sprintf("https://pay.example/cs_%d", len(w.opens)+1)}
			stored := open
			w.opens[r.Key] = &stored
		})
		return open, err
	}}
}

func (w *world) open(ref commerce.Ref) *mapping.Open {
	for _, o := range w.opens {
		if o.Ref == ref {
			return o
		}
	}
	return nil
}

func (w paySide) Opened(_ context.Context, ref commerce.Ref) (open mapping.Open, err error) {
	return open, w.read(func() error {
		o := w.open(ref)
		if o == nil {
			return absent("read " + ref.ID)
		}
		open = *o
		return nil
	})
}

func (w paySide) Close(ref commerce.Ref) idempotency.Effect[commerce.Document] {
	return w.guarded("close "+ref.ID, commerce.Document{Ref: ref},
		func() bool { return w.open(ref).Status == mapping.OpenClosed },
		func() { w.open(ref).Status = mapping.OpenClosed })
}

// payable counts the requests that can be paid now.
func (w *world) payable() int {
	n := 0
	for _, o := range w.opens {
		if o.Status == mapping.OpenPayable {
			n++
		}
	}
	return n
}

// The ERP and its warehouse.

type bookSide struct{ *world }

func (w bookSide) Route(o commerce.Order, payments []commerce.Payment) (mapping.Route, error) {
	if due, err := o.Due(); err != nil || len(payments) == 0 && due.Sign() > 0 {
		return mapping.Route{}, &commerce.Error{Kind: commerce.KindMapping, System: "world", Op: "route", Text: "by no account"}
	}
	if w.route != nil {
		if err := w.route(o); err != nil {
			return mapping.Route{}, err
		}
	}
	return mapping.Routes{{Mode: commerce.Live, Company: "1"}}.For(mapping.RouteKey{Mode: o.Ref.Mode})
}

func (w bookSide) SalesOrder(_ mapping.Route, o commerce.Order, _ []commerce.Payment) idempotency.Effect[commerce.Document] {
	find := func() (commerce.Document, bool) {
		for _, d := range w.sales {
			if d.Number == o.Ref.String() && d.State != canceledDocument {
				return d, true
			}
		}
		return commerce.Document{}, false
	}
	return idempotency.Effect[commerce.Document]{
		Class: idempotency.Marked, Settle: time.Minute,
		Find: func(context.Context) (doc commerce.Document, err error) {
			return doc, w.read(func() error {
				d, ok := find()
				if doc = d; !ok {
					return absent("find sales order")
				}
				return nil
			})
		},
		Act: func(context.Context) (doc commerce.Document, err error) {
			err = w.write("sales order "+o.Ref.ID, func() {
				w.made["sales order "+o.Ref.ID]++
				doc = commerce.Document{Ref: erpRef.With(fmt.Sprintf("sale/%d", len(w.sales)+1)), Number: o.Ref.String(), State: "draft", Total: o.Totals.Gross}
				w.sales = append(w.sales, doc)
				w.written[doc.Ref] = o
			})
			return doc, err
		},
	}
}

func (w bookSide) sale(ref commerce.Ref) *commerce.Document {
	for i := range w.sales {
		if w.sales[i].Ref == ref {
			return &w.sales[i]
		}
	}
	return nil
}

func (w bookSide) Confirm(_ mapping.Route, doc commerce.Document) idempotency.Effect[commerce.Document] {
	return w.guarded("confirm "+doc.Ref.ID, doc,
		func() bool { return w.sale(doc.Ref).State == "confirmed" }, func() { w.sale(doc.Ref).State = "confirmed" })
}

func (w bookSide) SalesOrders(_ context.Context, _ mapping.Route, o commerce.Ref) (docs []commerce.Document, err error) {
	return docs, w.read(func() error {
		for _, d := range w.sales {
			if d.Number == o.String() {
				docs = append(docs, d)
			}
		}
		return nil
	})
}

func (w bookSide) Cancel(_ mapping.Route, o commerce.Ref) idempotency.Effect[commerce.Document] {
	counting := func(f func(*commerce.Document)) (n int) {
		for i := range w.sales {
			if d := &w.sales[i]; d.Number == o.String() && d.State != canceledDocument {
				f(d)
				n++
			}
		}
		return n
	}
	e := w.guarded("cancel "+o.ID, commerce.Document{Ref: o, State: canceledDocument},
		func() bool { return counting(func(*commerce.Document) {}) == 0 },
		func() { counting(func(d *commerce.Document) { d.State = canceledDocument }) })
	act := e.Act
	e.Act = func(ctx context.Context) (commerce.Document, error) {
		if w.gone[o] {
			return commerce.Document{}, &commerce.Error{Kind: commerce.KindConflict, System: "world", Op: "cancel", Outcome: commerce.NotSent}
		}
		return act(ctx)
	}
	return e
}

func (w bookSide) Withdraw(_ mapping.Route, doc commerce.Document) idempotency.Effect[commerce.Document] {
	e := w.guarded("withdraw "+doc.Ref.ID, doc, func() bool { return w.sale(doc.Ref) == nil }, func() {
		w.sales = slices.DeleteFunc(w.sales, func(d commerce.Document) bool { return d.Ref == doc.Ref })
	})
	act := e.Act
	e.Act = func(ctx context.Context) (commerce.Document, error) {
		if w.sale(doc.Ref).State != "draft" {
			return doc, &commerce.Error{Kind: commerce.KindConflict, System: "world", Op: "withdraw", Outcome: commerce.NotSent}
		}
		return act(ctx)
	}
	return e
}

type depot struct {
	*world
	refuses string // "refused", "backorder"
}

func (depot) System() string { return "tryton" }

func (w depot) Request(_ mapping.Route, o commerce.Order, doc commerce.Document) idempotency.Effect[commerce.Document] {
	e := w.marked(idempotency.Marked, "goods "+o.Ref.ID, doc, func() { w.asked[doc.Ref] = true })
	e.Find = func(context.Context) (commerce.Document, error) {
		return doc, w.read(func() error {
			if !w.asked[doc.Ref] {
				return absent("find request")
			}
			return nil
		})
	}
	if w.refuses != "" {
		e.Act = func(context.Context) (commerce.Document, error) {
			return doc, &commerce.Error{Kind: commerce.KindNeedsDecision, System: "world", Op: "request", Code: w.refuses, Outcome: commerce.Done, Text: "2 of LAMP"}
		}
	}
	return e
}

func (w depot) Shipment(_ context.Context, ref commerce.Ref) (s commerce.Shipment, err error) {
	return s, w.read(func() error {
		stored, ok := w.shipments[ref.ID]
		if !ok {
			return absent("read " + ref.ID)
		}
		s = *stored
		return nil
	})
}

// People.

type mailbox struct{ *world }

func (w mailbox) Notify(_ context.Context, m Message) error {
	return w.write("mail "+m.Order.Ref.ID+" "+string(m.Kind), func() { w.made["mail "+m.Order.Ref.ID+" "+string(m.Kind)]++ })
}

type bell struct{ *world }

func (w bell) Exception(_ context.Context, x Exception) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alerts = append(w.alerts, x)
}

// exceptions returns the names that were raised, sorted.
func (w *world) exceptions() []string {
	names := []string{}
	for _, x := range w.alerts {
		names = append(names, x.Name)
	}
	slices.Sort(names)
	return names
}

// inventory lists what was made, with how often where that is not once.
func (w *world) inventory() []string {
	out := []string{}
	for _, what := range slices.SortedFunc(maps.Keys(w.made), cmp.Compare) {
		if n := w.made[what]; n != 1 {
			what = fmt.Sprintf("%s ×%d", what, n)
		}
		out = append(out, what)
	}
	return out
}

// doubles counts effects beyond the first that must not be. Holds come and go, a
// request follows a closed one, and mails are counted apart.
func (w *world) doubles() int {
	n := 0
	for what, times := range w.made {
		kind, _, _ := strings.Cut(what, " ")
		if kind != "hold" && kind != "unhold" && kind != "request" && kind != "mail" {
			n += times - 1
		}
	}
	return n
}

// mails counts all that was sent.
func (w *world) mails() int {
	n := 0
	for what, times := range w.made {
		if strings.HasPrefix(what, "mail ") {
			n += times
		}
	}
	return n
}

func (w *world) orderToCash(steps idempotency.Store, links Links) *OrderToCash {
	return &OrderToCash{Shop: shopSide{w}, Payments: paySide{w}, Books: bookSide{w}, Warehouse: depot{world: w},
		Steps: steps, Links: links, Notifier: mailbox{w}, Alerter: bell{w}, Now: w.now}
}

func (w *world) paymentFailed(steps idempotency.Store, links Links) *PaymentFailed {
	return &PaymentFailed{Shop: shopSide{w}, Payments: paySide{w}, Steps: steps, Links: links,
		Notifier: mailbox{w}, Alerter: bell{w}, Now: w.now}
}

// event is news of a payment.
func (w *world) event(id, kind, subject string) commerce.Event {
	return commerce.Event{Ref: stripeRef.With(id), Type: kind, Object: subject, Subject: subject, Created: w.now(), Raw: []byte(`{}`)}
}
