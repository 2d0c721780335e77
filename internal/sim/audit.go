package sim

import (
	"context"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/internal/journey"
	"github.com/commercesync/commerce/workflow"
)

// book is what the auditor noted while the day went on: from what went over the wires,
// never from what the program says of itself.
type book struct {
	types      []string // of events that are delivered
	stored     map[string]int64
	leases     map[string]lease  // by root
	working    map[int64]attempt // by order: who writes to it at the shop
	linked     map[string]time.Time
	paid       map[string]time.Time              // intent → when its money came
	read       map[*process]map[string]time.Time // intent → when it was read last
	mails      map[string]int                    // "order/1 payment_failed"
	shipped    map[string]bool
	exceptions []workflow.Exception
}

// lease is what a store granted.
type lease struct {
	p        *process
	token    int64
	from, to time.Time
}

// attempt is one handler at work.
type attempt struct {
	p      *process
	seq    int64
	tenure inbox.Lease
}

func newBook() book {
	return book{stored: map[string]int64{}, leases: map[string]lease{}, working: map[int64]attempt{}, linked: map[string]time.Time{},
		paid: map[string]time.Time{}, read: map[*process]map[string]time.Time{}, mails: map[string]int{}, shipped: map[string]bool{},
		types: []string{"payment_intent.created",
			"charge.pending", "charge.succeeded", "charge.captured", "charge.updated", "charge.failed", "charge.expired", "charge.refunded",
			"payment_intent.processing", "payment_intent.amount_capturable_updated", "payment_intent.succeeded",
			"payment_intent.payment_failed", "payment_intent.canceled",
			"checkout.session.completed", "checkout.session.expired",
			"checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed"}}
}

// happened notes news of Stripe.
func (b *book) happened(l *letter, object gjson.Result) {
	if l.kind == "payment_intent.succeeded" {
		b.paid[object.Get("id").Str] = time.Now()
	}
}

// Acknowledged means stored.

func (w *world) appended(b inbox.Batch, got []inbox.Appended) {
	for i, e := range b.Events {
		if got[i].Seq > 0 {
			w.book.stored[e.Ref.ID] = got[i].Seq
		}
	}
}

func (w *world) acknowledged(l *letter) {
	w.trace("%s %s is acknowledged", l.id, l.kind)
	l.acked = true
	e, err := w.inbox.Get(w.t.Context(), w.book.stored[l.id])
	if err != nil || e.Event.Ref.ID != l.id {
		w.wrong("event %s was acknowledged and is not stored", l.kind)
	}
}

// One worker at a time on an order.

func (w *world) granted(p *process, l inbox.Lease, d time.Duration) {
	now := time.Now()
	const tick = time.Microsecond // of a database's clock
	if held, ok := w.book.leases[l.Root]; ok && now.Before(held.to.Add(-tick)) {
		w.wrong("%s was given to %s while %s held it", kindOf(l.Root), p, held.p)
	}
	w.book.leases[l.Root] = lease{p, l.Token, now, now.Add(d)}
}

func (w *world) extended(l inbox.Lease, d time.Duration) {
	held := w.book.leases[l.Root]
	if held.token != l.Token {
		w.wrong("a lost lease was extended")
	}
	held.to = time.Now().Add(d)
	w.book.leases[l.Root] = held
}

func (w *world) released(l inbox.Lease) {
	if w.book.leases[l.Root].token == l.Token {
		delete(w.book.leases, l.Root)
	}
	maps.DeleteFunc(w.book.working, func(_ int64, a attempt) bool { return a.tenure == l })
}

func (w *world) finished(l inbox.Lease, endings []inbox.Ending) {
	for _, e := range endings {
		maps.DeleteFunc(w.book.working, func(_ int64, a attempt) bool { return a.seq == e.Seq && a.tenure.Token == l.Token })
		if e.Release {
			w.released(l)
		}
	}
}

// stale reports that endings come from a worker whose lease is over, and are about
// events that are still somebody's.
func (w *world) stale(l inbox.Lease, endings []inbox.Ending) bool {
	held, ok := w.book.leases[l.Root]
	if ok && held.token == l.Token && time.Now().Before(held.to) {
		return false
	}
	return slices.ContainsFunc(endings, func(end inbox.Ending) bool {
		e, err := w.inbox.Get(w.t.Context(), end.Seq)
		return err == nil && e.Starts > 0 && e.Generation == end.Generation
	})
}

// sent looks at every request as it leaves, and says whether it is a write.
func (w *world) sent(t *wire, r *http.Request, body []byte) (writes bool) {
	order, writes := int64(0), r.Method != http.MethodGet
	if t.system == "shop" {
		order, writes = w.fakes.Front.Writes(r, body)
	}
	w.leaks("a request to "+t.system, r.URL.String())
	a, ok := inbox.AttemptOf(r.Context())
	if !ok {
		return writes
	}
	held := w.book.leases[a.Lease.Root]
	if held.token != a.Lease.Token || time.Now().After(held.to) {
		w.wrong("%s %s left under a lease that was over", t.system, r.Method)
	}
	if d, ok := r.Context().Deadline(); !ok || d.After(held.to) {
		w.wrong("%s %s may outlive its lease", t.system, r.Method)
	}
	if writes && order != 0 {
		me := attempt{t.p, a.Seq, a.Lease}
		if other, ok := w.book.working[order]; ok && other != me && !other.p.dead.Load() && w.live(other) {
			w.wrong("two handlers write to one order at the same time")
		}
		w.book.working[order] = me
	}
	if id, ok := strings.CutPrefix(r.URL.Path, "/v1/payment_intents/"); ok && r.Method == http.MethodGet {
		if w.book.read[t.p] == nil {
			w.book.read[t.p] = map[string]time.Time{}
		}
		w.book.read[t.p][id] = time.Now()
	}
	return writes
}

// live reports that the lease of an attempt holds.
func (w *world) live(a attempt) bool {
	held := w.book.leases[a.tenure.Root]
	return held.token == a.tenure.Token && time.Now().Before(held.to)
}

// mailed looks at every message to a customer as it goes out.
func (w *world) mailed(ctx context.Context, p *process, m workflow.Message) {
	w.trace("mail %s for %s", m.Kind, m.Order.Ref.ID)
	name := m.Order.Ref.ID + " " + string(m.Kind)
	if w.book.mails[name]++; w.book.mails[name] > 1 {
		w.wrong("the customer got a second mail %s", m.Kind)
	}
	a, _ := inbox.AttemptOf(ctx)
	if m.Kind != workflow.MessagePaymentFailed || a.Lease.Root == "" {
		return
	}
	since := w.book.leases[a.Lease.Root].from
	for _, s := range w.buyers.Sales {
		if s.Ref() != m.Order.Ref {
			continue
		}
		for _, id := range s.Intents {
			paid, ok := w.book.paid[id]
			if read := w.book.read[p][id]; ok && !read.Before(since) && paid.Before(read) {
				w.wrong("a failure was mailed after its payment was seen to succeed")
			}
			if linked := w.book.linked[intentRef(id)]; ok && paid.Before(since) && !linked.IsZero() && linked.Before(since) {
				w.wrong("a failure was mailed after the payment's success")
			}
		}
	}
}

func intentRef(id string) string {
	return commerce.Ref{System: "stripe", Account: journey.Account, Mode: commerce.Test, ID: id}.String()
}

func kindOf(root string) string {
	if strings.Contains(root, "order/") {
		return "an order"
	}
	return "a payment"
}

// audit counts when all is over.
func (w *world) audit() {
	ctx := w.t.Context()
	undecided := map[string]bool{} // orders
	identity := map[commerce.Ref]bool{}
	dead := map[string]map[string]bool{}
	for after, page := int64(0), 1; page > 0; {
		page = 0
		for e, err := range w.inbox.List(ctx, inbox.Filter{After: after, Limit: 1000}) {
			if err != nil {
				w.t.Fatal(err)
			}
			after = e.Seq
			page++
			w.leaks("a reason", e.Reason)
			if identity[e.Event.Ref] {
				w.wrong("%s is stored twice", e.Event.Type)
			}
			identity[e.Event.Ref] = true
			switch {
			case e.State == inbox.Done || e.State == inbox.Ignored:
			case e.State != inbox.Dead:
				w.wrong("%s is %s for ever", e.Event.Type, e.State)
			case e.Code == "" || e.Reason == "":
				w.wrong("%s is dead and does not say why", e.Event.Type)
			case e.Code == "outcome_unknown" && strings.Contains(e.Reason, "customer.told/"):
				undecided[e.Root] = true
				w.report.Undecided++
			default:
				if dead[e.Event.Subject] == nil {
					dead[e.Event.Subject] = map[string]bool{}
				}
				dead[e.Event.Subject][e.Code] = true
			}
		}
	}
	for _, l := range w.letters {
		switch {
		case !l.acked:
			w.wrong("%s was never acknowledged", l.kind)
		case w.book.stored[l.id] == 0:
			w.wrong("%s is not stored", l.kind)
		}
	}
	doubles := w.sweep()
	for _, s := range w.buyers.Sales {
		w.auditSale(s, dead, undecided[s.Reference()], doubles[s.Ref()])
	}
	if !w.w.outlive {
		for _, text := range w.fakes.Money(w.buyers.Sales, func(id string) bool { return dead[id] != nil }, w.book.exceptions) {
			w.wrong("money that is neither recorded nor explained: %s", text)
		}
	}
	for name := range w.book.mails {
		w.report.end = append(w.report.end, "mail "+name)
	}
	slices.Sort(w.report.end)
	for _, x := range w.book.exceptions {
		w.leaks("an exception", x.Text)
	}
	w.leaks("the log", w.log.String())
	for rec, err := range w.steps.List(ctx, "", time.Time{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		if rec.State == idempotency.Open {
			w.trace("step %s is open", rec.Key)
		}
	}
}

// sweep lets the program look for second sales orders, which requests can leave behind
// that outlive Settle, and returns how many it withdrew, by order.
func (w *world) sweep() map[commerce.Ref]int {
	p := w.hosts[0].p
	if !w.w.outlive || p == nil {
		return nil
	}
	p.booting = true
	r, err := p.program.Orders.Sweep(w.t.Context(), w.start)
	if err != nil {
		w.wrong("sweep: %s", err)
	}
	withdrawn := map[commerce.Ref]int{}
	for _, d := range r.Doubles {
		w.trace("sweep: %v was withdrawn, %v left", d.Withdrawn, d.Left)
		withdrawn[d.Order] += len(d.Withdrawn)
	}
	return withdrawn
}

// leaks looks for what must not be written down.
func (w *world) leaks(where, text string) {
	for _, s := range w.secret {
		if s != "" && strings.Contains(text, s) {
			w.wrong("%s tells a secret or of a person", where)
		}
	}
}

func (w *world) auditSale(s *journey.Told, dead map[string]map[string]bool, undecided bool, swept int) {
	second := func(n int, what string) {
		if n < 2 {
			return
		}
		w.report.Second += n - 1
		if !w.w.outlive {
			w.wrong("%s: %d %s", s.Story, n, what)
		}
	}
	o := w.fakes.Front.Standing(s.Sale)
	notes := map[string]int{}
	for _, text := range o.Notes {
		notes[text]++
	}
	for text, n := range notes {
		if strings.Contains(text, "[") {
			second(n, "equal remarks")
		}
	}
	var books []string
	for _, row := range w.fakes.ERP.AllSales() {
		if row.Reference != s.Reference() {
			continue
		}
		books = append(books, row.State)
		if !same(o.Gross, row.Total.Text()) {
			w.wrong("%s: the ERP has another total than the shop", s.Story)
		}
	}
	second(o.Payments, "invoices")
	second(o.Shipments, "shipments")
	if s.Back != nil {
		w.auditBack(s, o)
	} else if o.Refunds > 0 {
		w.wrong("%s: the shop says that money went back", s.Story)
	}
	if o.Reversals > 0 {
		w.wrong("%s: money was taken, or the order given up, in the shop", s.Story)
	}
	second(len(books)+swept, "sales orders")
	if len(books) > 1 && !slices.ContainsFunc(w.book.exceptions, func(x workflow.Exception) bool {
		return x.Order == s.Ref() && x.Name == workflow.DoubleSalesOrder
	}) {
		w.wrong("%s: %d sales orders, and the sweep does not say so", s.Story, len(books))
	}
	sessions := map[string]int{}
	for _, c := range w.fakes.Stripe.CheckoutSessions() {
		for _, v := range c.Metadata {
			if strings.HasPrefix(v, "collect.request/"+s.Reference()+"/") {
				sessions[v]++
			}
		}
	}
	for _, n := range sessions {
		if n > 1 { // keyed: whatever a request lives
			w.wrong("%s: %d Checkout sessions under one key", s.Story, n)
		}
	}
	fate := w.fate(s, o, books, dead)
	w.report.end = append(w.report.end, s.Story+": "+fate)
	for text, n := range notes {
		w.report.end = append(w.report.end, fmt.Sprintf("%d × %s", n, intents.ReplaceAllString(text, "pi")))
	}
	if want := fateOf(s); s.Back == nil && fate != want && !slices.Contains(early[s.Story], fate) && !w.w.outlive {
		w.wrong("%s ends as\n    %s\nnot as\n    %s", s.Story, fate, want)
	}
	if w.book.mails[s.Ref().ID+" payment_failed"] > 0 && s.Story == "card, tried again" {
		w.wrong("%s: the customer was told within Grace", s.Story) // it was paid two minutes later
	}
	for _, kind := range mails[s.Story] {
		if w.book.mails[s.Ref().ID+" "+kind] == 0 && !undecided {
			w.wrong("%s: nobody told the customer: %s", s.Story, kind)
		}
	}
}

// fate says in one line what became of an order, in words that know no chance.
func (w *world) fate(s *journey.Told, o journey.Standing, books []string, dead map[string]map[string]bool) string {
	how := "not paid"
	switch {
	case o.Paid != "" && same(o.Paid, o.Total):
		how = "paid"
	case o.Paid != "" && !same(o.Paid, "0"):
		how = "partly paid"
	}
	slices.Sort(books)
	shipped := "not shipped"
	if o.Shipped {
		shipped = "shipped"
	}
	told := map[string]bool{}
	for _, x := range w.book.exceptions {
		if x.Order == s.Ref() {
			told[x.Name] = true
		}
	}
	marks := map[string]bool{}
	for _, text := range o.Remarks {
		if m := mark.FindStringSubmatch(text); m != nil && !passing[m[1]] {
			marks[m[1]] = true
		}
	}
	codes := map[string]bool{}
	for _, id := range append([]string{s.Ref().ID}, s.Intents...) {
		maps.Copy(codes, dead[id])
	}
	list := func(m map[string]bool) string { return strings.Join(slices.Sorted(maps.Keys(m)), " ") }
	return fmt.Sprintf("%s, %s; books: %s; %s; remarks: %s; told: %s; dead: %s",
		o.State, how, strings.Join(books, " "), shipped, list(marks), list(told), list(codes))
}

var intents = regexp.MustCompile(`pi_\w+`)

var mark = regexp.MustCompile(`\[([a-z_]+)[^\]]*\]`)

// passing are the marks of remarks about what passes: who hears of it only when it is
// past leaves none.
var passing = map[string]bool{"pending": true, "authorised": true, "failed": true, "partly_paid": true}

// same compares decimal texts by value.
func same(a, b string) bool {
	x, ok := new(big.Rat).SetString(a)
	y, fine := new(big.Rat).SetString(b)
	return ok && fine && x.Cmp(y) == 0
}

// erpMethod is the remote call in a request to the ERP.
func erpMethod(body []byte) string { return gjson.GetBytes(body, "method").Str }
