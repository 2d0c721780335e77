package workflow

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/reconcile"
)

// treasury is the processor's balance and the ERP's accounts of a world, each with what
// a controller would read there.
type treasury struct {
	far      *world
	lines    []reconcile.Line
	payouts  map[string]*commerce.Payout
	returned map[string]string // payout to the movement that brought it back
	lost     map[string]bool   // disputes

	invoices []*sideInvoice
	receipts map[string]*sideReceipt // by order and movement
	entries  []commerce.JournalEntry
	chart    reconcile.Chart
	closed   commerce.Date // the last day of the last closed period
	company  string        // whose the balance is; empty = that of the orders
	split    func(o commerce.Order, amount commerce.Money) []reconcile.Part
}

type sideInvoice struct {
	mapping.Invoice
	sale commerce.Ref
}

type sideReceipt struct {
	mapping.Received
	order   commerce.Ref
	n       mapping.Receipt
	settled commerce.Money
}

func newTreasury(w *world) *treasury {
	return &treasury{far: w, payouts: map[string]*commerce.Payout{}, returned: map[string]string{}, lost: map[string]bool{}, receipts: map[string]*sideReceipt{},
		chart: reconcile.Chart{Company: "EUR", Journal: "STR", Clearing: map[commerce.Currency]string{"EUR": "1360"},
			Transit: map[commerce.Currency]string{"EUR": "1460"}, Fees: map[string]string{"": "4970"},
			Categories: map[string]string{"fee": "4970", "dispute": "1405"}}}
}

// The processor.

type balanceSide struct{ *treasury }

func (balanceSide) System() string { return processor }

func (t balanceSide) Payout(_ context.Context, ref commerce.Ref) (p commerce.Payout, err error) {
	return p, t.far.read(func() error {
		stored, ok := t.payouts[ref.ID]
		if !ok {
			return absent("read " + ref.ID)
		}
		p = *stored
		return nil
	})
}

func (t balanceSide) Payouts(context.Context, time.Time, time.Time) iter.Seq2[commerce.Payout, error] {
	return func(yield func(commerce.Payout, error) bool) {
		for _, p := range t.payouts {
			if !yield(*p, nil) {
				return
			}
		}
	}
}

func (t balanceSide) listed(want func(reconcile.Line) bool) iter.Seq2[reconcile.Line, error] {
	var lines []reconcile.Line
	err := t.far.read(func() error {
		lines = slices.Clone(t.lines)
		return nil
	})
	return only(func(yield func(reconcile.Line, error) bool) {
		if err != nil {
			yield(reconcile.Line{}, err)
			return
		}
		for _, l := range lines {
			if !yield(l, nil) {
				return
			}
		}
	}, want)
}

func (t balanceSide) Inside(_ context.Context, payout commerce.Ref) iter.Seq2[reconcile.Line, error] {
	return t.listed(func(l reconcile.Line) bool { return l.Payout == payout.ID })
}

// Activity does not say in which payout a movement is, as Stripe does not.
func (t balanceSide) Activity(_ context.Context, from, to time.Time) iter.Seq2[reconcile.Line, error] {
	return func(yield func(reconcile.Line, error) bool) {
		for l, err := range t.listed(func(l reconcile.Line) bool { return !l.Created.Before(from) && (to.IsZero() || l.Created.Before(to)) }) {
			if l.Payout = ""; !yield(l, err) {
				return
			}
		}
	}
}

func (t balanceSide) Movement(_ context.Context, ref commerce.Ref) (reconcile.Line, error) {
	for l, err := range t.listed(func(l reconcile.Line) bool { return l.ID == ref.ID }) {
		return l, err
	}
	return reconcile.Line{}, absent("read " + ref.ID)
}

func (t balanceSide) Returned(ctx context.Context, payout commerce.Ref) (reconcile.Line, error) {
	return t.Movement(ctx, payout.With(t.returned[payout.ID]))
}

func (t balanceSide) MovementsOf(_ context.Context, payment commerce.Ref) (out []reconcile.Line, _ error) {
	for l, err := range t.listed(func(l reconcile.Line) bool { return l.Intent == payment.ID && slices.Contains(documents, l.Category) }) {
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	slices.SortStableFunc(out, func(a, b reconcile.Line) int { return a.Created.Compare(b.Created) })
	return out, nil
}

func (t balanceSide) EndedDispute(_ context.Context, dispute commerce.Ref) (out []reconcile.Line, lost bool, _ error) {
	for l := range t.listed(func(l reconcile.Line) bool { return l.Dispute == dispute.ID }) {
		out = append(out, l)
	}
	return out, t.lost[dispute.ID], nil
}

func (t balanceSide) Standing(context.Context) ([]commerce.Money, error) {
	sums := map[commerce.Currency]commerce.Money{"EUR": eur(0)}
	for l := range t.listed(func(reconcile.Line) bool { return true }) {
		c := l.Net.Currency()
		if _, ok := sums[c]; !ok {
			sums[c] = commerce.Zero(c)
		}
		sums[c], _ = sums[c].Add(l.Net)
	}
	maps.DeleteFunc(sums, func(c commerce.Currency, m commerce.Money) bool { return c != "EUR" && m.IsZero() })
	out := slices.Collect(maps.Values(sums))
	slices.SortFunc(out, func(a, b commerce.Money) int { return cmp.Compare(a.Currency(), b.Currency()) })
	return out, nil
}

// The ledger.

type ledgerSide struct{ *treasury }

func (t ledgerSide) Route(o commerce.Order, payments []commerce.Payment) (mapping.Route, error) {
	return bookSide{t.far}.Route(o, payments)
}

func (t ledgerSide) BalanceRoute(of commerce.Ref, _ commerce.Currency) (mapping.Route, error) {
	return mapping.Routes{{Mode: commerce.Live, Company: cmp.Or(t.company, "1")}}.For(mapping.RouteKey{Mode: of.Mode})
}

func (t ledgerSide) Chart(mapping.Route) (reconcile.Chart, error) { return t.chart, nil }

func (t ledgerSide) Split(_ mapping.Route, o commerce.Order, amount commerce.Money) ([]reconcile.Part, error) {
	return t.split(o, amount), nil
}

func (t ledgerSide) Invoices(_ context.Context, _ mapping.Route, sale commerce.Document) (out []mapping.Invoice, err error) {
	return out, t.far.read(func() error {
		for _, i := range t.invoices {
			if i.sale == sale.Ref {
				out = append(out, i.Invoice)
			}
		}
		return nil
	})
}

func (t ledgerSide) open(on commerce.Date) error {
	if on.String() <= t.closed.String() {
		return &commerce.Error{Kind: commerce.KindPeriodClosed, System: "world", Op: "post on " + on.String(), Outcome: commerce.NotSent}
	}
	return nil
}

// dated is the effect where the day is open.
func (t ledgerSide) dated(eff idempotency.Effect[commerce.Document], on commerce.Date) idempotency.Effect[commerce.Document] {
	act := eff.Act
	eff.Act = func(ctx context.Context) (commerce.Document, error) {
		if err := t.open(on); err != nil {
			return commerce.Document{}, err
		}
		return act(ctx)
	}
	return eff
}

func (t ledgerSide) Invoice(_ mapping.Route, o commerce.Order, sale commerce.Document, on commerce.Date) idempotency.Effect[commerce.Document] {
	doc := commerce.Document{Ref: erpRef.With("invoice of " + sale.Ref.ID), State: "posted", Total: o.Totals.Gross}
	return t.dated(t.far.marked(idempotency.Marked, "erp invoice "+sale.Ref.ID, doc, func() {
		t.post(&sideInvoice{mapping.Invoice{Document: doc, Party: "party 1", Date: on, Open: doc.Total}, sale.Ref})
	}), on)
}

// post adds an invoice or a credit note.
func (t *treasury) post(i *sideInvoice) *sideInvoice {
	t.invoices = append(t.invoices, i)
	return i
}

func refusal(op string) error {
	return &commerce.Error{Kind: commerce.KindConflict, System: "world", Op: op, Outcome: commerce.NotSent}
}

func (t ledgerSide) Receipt(_ mapping.Route, o commerce.Order, n mapping.Receipt) idempotency.Effect[commerce.Document] {
	name := o.Ref.ID + " " + n.Movement
	doc := commerce.Document{Ref: erpRef.With("receipt of " + name), Total: n.Amount}
	return t.dated(t.far.marked(idempotency.Marked, "receipt "+name, doc, func() {
		r := &sideReceipt{mapping.Received{Document: doc, Party: n.Party, Amount: n.Amount, Left: n.Amount}, o.Ref, n, n.Settled}
		for _, a := range n.Apply {
			t.pay(r, a)
		}
		t.receipts[name] = r
	}), n.Date)
}

func (t *treasury) invoice(ref commerce.Ref) *sideInvoice {
	for _, i := range t.invoices {
		if i.Document.Ref == ref {
			return i
		}
	}
	return nil
}

func (t *treasury) pay(r *sideReceipt, a mapping.Application) {
	i := t.invoice(a.Invoice)
	i.Open, _ = i.Open.Sub(a.Amount)
	r.Left, _ = r.Left.Sub(a.Amount)
	r.Applied = append(r.Applied, a)
}

func (t ledgerSide) Received(_ context.Context, _ mapping.Route, order commerce.Ref, movement string) (got mapping.Received, err error) {
	return got, t.far.read(func() error {
		r, ok := t.receipts[order.ID+" "+movement]
		if !ok {
			return absent("read receipt " + movement)
		}
		got = r.Received
		got.Applied = slices.Clone(r.Applied)
		return nil
	})
}

func (t *treasury) receipt(doc commerce.Document) *sideReceipt {
	for _, r := range t.receipts {
		if r.Document.Ref == doc.Ref {
			return r
		}
	}
	return nil
}

func (t ledgerSide) Apply(_ mapping.Route, receipt commerce.Document, to []mapping.Application, on commerce.Date) idempotency.Effect[commerce.Document] {
	r := t.receipt(receipt)
	eff := t.far.guarded(fmt.Sprintf("apply %s to %s", receipt.Ref.ID, to[0].Invoice.ID), receipt,
		func() bool { return slices.Contains(r.Applied, to[0]) }, func() { t.pay(r, to[0]) })
	act := eff.Act
	eff.Act = func(ctx context.Context) (commerce.Document, error) {
		if !slices.Contains(r.Applied, to[0]) && (t.invoice(to[0].Invoice).Open.Abs().Minor() < to[0].Amount.Abs().Minor() || r.Left.Abs().Minor() < to[0].Amount.Abs().Minor()) {
			return receipt, refusal("apply")
		}
		return act(ctx)
	}
	return t.dated(eff, on)
}

func (t ledgerSide) Unapply(_ mapping.Route, receipt commerce.Document, on commerce.Date) idempotency.Effect[commerce.Document] {
	r := t.receipt(receipt)
	return t.dated(t.far.guarded("unapply "+receipt.Ref.ID, receipt, func() bool { return len(r.Applied) == 0 }, func() {
		for _, a := range slices.Clone(r.Applied) {
			a.Amount = a.Amount.Neg()
			t.pay(r, a)
		}
		r.Applied = nil
	}), on)
}

func (t ledgerSide) Entry(_ mapping.Route, e commerce.JournalEntry) idempotency.Effect[commerce.Document] {
	return t.dated(t.far.marked(idempotency.Marked, "entry "+e.Key, commerce.Document{Ref: erpRef.With("entry " + e.Key)}, func() {
		t.entries = append(t.entries, e)
	}), e.Date)
}

func (t ledgerSide) Series(_ context.Context, _ mapping.Route, key string) (out []commerce.JournalEntry, err error) {
	return out, t.far.read(func() error {
		for n := 1; ; n++ {
			at := slices.IndexFunc(t.entries, func(e commerce.JournalEntry) bool { return e.Key == fmt.Sprintf("%s/%d", key, n) })
			if at < 0 {
				return nil
			}
			out = append(out, t.entries[at])
		}
	})
}

func (t ledgerSide) AccountBalance(_ context.Context, _ mapping.Route, account string, currency commerce.Currency, on commerce.Date) (m commerce.Money, err error) {
	return m, t.far.read(func() error {
		m = t.stands(account, currency, on)
		return nil
	})
}

// stands is debit less credit of an account at the end of a day, in its own currency or
// in the company's.
func (t *treasury) stands(account string, currency commerce.Currency, on commerce.Date) commerce.Money {
	sum := commerce.Zero(currency)
	for _, r := range t.receipts {
		if account == t.chart.Clearing[r.settled.Currency()] && r.n.Date.String() <= on.String() {
			sum, _ = sum.Add(t.worth(r.settled, currency, r.n.Date))
		}
	}
	for _, e := range t.entries {
		for _, l := range e.Lines {
			if l.Account != account || e.Date.String() > on.String() {
				continue
			}
			amount := l.Transaction
			if amount.Currency() != currency {
				amount, _ = l.Debit.Sub(l.Credit)
			}
			sum, _ = sum.Add(amount)
		}
	}
	return sum
}

// worth is an amount in its own currency or the company's.
func (t *treasury) worth(m commerce.Money, currency commerce.Currency, on commerce.Date) commerce.Money {
	if m.Currency() == currency {
		return m
	}
	rate, _ := t.chart.Rate(m.Currency(), on)
	product, _ := m.Decimal().Mul(rate)
	w, _, _ := commerce.RoundMoney(product.String(), -1, currency)
	return w
}

func (t ledgerSide) Documents(_ context.Context, _ mapping.Route, from, to commerce.Date) iter.Seq2[reconcile.Document, error] {
	return func(yield func(reconcile.Document, error) bool) {
		t.far.mu.Lock()
		invoices := slices.Clone(t.invoices)
		t.far.mu.Unlock()
		for _, i := range invoices {
			if i.Draft || i.Date.String() < from.String() || i.Date.String() > to.String() {
				continue
			}
			at := slices.IndexFunc(t.far.sales, func(d commerce.Document) bool { return d.Ref == i.sale })
			order, _ := commerce.ParseRef(t.far.sales[at].Number)
			if !yield(reconcile.Document{System: "tryton", ID: i.Document.Ref.ID, Number: "10" + strings.TrimPrefix(order.ID, "order/"), Refund: i.Document.Total.Sign() < 0,
				Amount: i.Document.Total.Abs(), Date: time.Date(i.Date.Year, i.Date.Month, i.Date.Day, 0, 0, 0, 0, time.UTC)}, nil) {
				return
			}
		}
	}
}

// moves adds a movement of the balance.
func (t *treasury) moves(category, id, payment string, amount, fee int64, at time.Time, change ...func(*reconcile.Line)) reconcile.Line {
	l := reconcile.Line{ID: "txn_" + id, Category: category, Amount: eur(amount), Fee: eur(fee), Net: eur(amount - fee), Created: at, Available: at.AddDate(0, 0, 2)}
	if payment != "" {
		l.Intent, l.Charge = "pi_"+payment, "ch_"+payment
		l.Source = l.Charge
	}
	if category == "refund" || category == "refund_failure" {
		l.Source, l.Refund = "re_"+strings.TrimSuffix(id, "x"), "re_"+strings.TrimSuffix(id, "x")
	}
	for _, c := range change {
		c(&l)
	}
	t.far.mu.Lock()
	defer t.far.mu.Unlock()
	t.lines = append(t.lines, l)
	return l
}

// bank is an office with books.
type bank struct {
	*office
	*treasury
	books *Books
	out   *Payouts
	hears []reconcile.Proof // of reports
	finds []map[reconcile.Reason]int
	told  map[string]int // how often news of a thing was told
	also  func() inbox.Handlers
}

func newBank(t fataler, change ...func(*bank)) *bank {
	t.Helper()
	b := &bank{told: map[string]int{}}
	b.office = newOffice(t, func(o *office) {
		o.follow = true
		b.treasury = newTreasury(o.world)
		b.books = &Books{Shops: []*OrderToCash{o.o2c}, Ledger: ledgerSide{b.treasury}, Balance: balanceSide{b.treasury}}
		b.out = &Payouts{Ledger: ledgerSide{b.treasury}, Balance: balanceSide{b.treasury}, Steps: o.steps, Links: o.o2c.Links,
			Sales: []Sales{shopSales{o.world}}, Alerter: bell{o.world}, Now: o.o2c.Now, Report: func(_ context.Context, r *reconcile.Report) error {
				b.hears, b.finds = append(b.hears, r.Proof), append(b.finds, maps.Clone(r.Counts))
				return nil
			}}
		b.office = o
		for _, c := range change {
			c(b)
		}
		o.more = func() inbox.Handlers {
			b.out.Steps = o.steps
			hs := inbox.Merge(b.books.Handlers(), b.out.Handlers())
			if b.also != nil {
				hs = inbox.Merge(hs, b.also())
			}
			return hs
		}
	})
	return b
}

// feed tells of all movements and days as the processor's feeds do, once for each content.
func (b *bank) feed() {
	b.t.Helper()
	days := map[string]string{}
	for _, l := range b.lines {
		if slices.Contains(documents, l.Category) {
			b.tell(balanceMovement, l.ID, cmp.Or(l.Intent, l.Charge, l.ID), l.ID)
		}
		if l.Category != "payout" && l.Category != "payout_reversal" {
			day := "day/" + l.Net.Currency().Lower() + "/" + dayOf(b.chart, l.Created).String()
			days[day] += l.ID + l.Net.Text() + " "
		}
	}
	for day, content := range days {
		b.tell(balanceDay, day, day, content)
	}
	for id, p := range b.payouts {
		b.tell("payout.changed", id, id, fmt.Sprint(p.Status, p.Reconciled))
	}
}

// tell delivers news of an object, unless its content was told before.
func (b *bank) tell(kind, object, subject, content string) {
	b.t.Helper()
	if key := kind + object + content; b.told[key] == 0 {
		b.told[key] = len(b.told) + 1
		b.deliver(commerce.Event{Ref: stripeRef.With(fmt.Sprintf("%s@%d", object, b.told[key])), Type: kind, Object: object, Subject: subject, Created: b.clock, Raw: []byte(`{}`)})
	}
}

// again delivers all balance news once more, as if the feeds had forgotten.
func (b *bank) again() {
	b.told = map[string]int{"": len(b.told) + 100*len(b.told)}
	b.feed()
}

// dates are all days on which something moved or was posted.
func (b *bank) dates() []commerce.Date {
	var out []commerce.Date
	for _, l := range b.lines {
		out = append(out, dayOf(b.chart, l.Created))
	}
	for _, e := range b.entries {
		out = append(out, e.Date)
	}
	for _, r := range b.receipts {
		out = append(out, r.n.Date)
	}
	slices.SortFunc(out, func(x, y commerce.Date) int { return strings.Compare(x.String(), y.String()) })
	return slices.Compact(out)
}

// drift returns the first day on which clearing is not the balance, with both.
func (b *bank) drift() string { return b.driftBefore(commerce.Date{Year: 9999, Month: 1, Day: 1}) }

// driftBefore looks at the days before one.
func (b *bank) driftBefore(end commerce.Date) string {
	for _, on := range b.dates() {
		if on.String() >= end.String() {
			break
		}
		sum := eur(0)
		for _, l := range b.lines {
			if dayOf(b.chart, l.Created).String() <= on.String() {
				sum, _ = sum.Add(l.Net)
			}
		}
		if have := b.stands("1360", "EUR", on); have != sum {
			return fmt.Sprintf("%s: clearing %s, balance %s", on, have, sum)
		}
	}
	return ""
}

// closes asserts that the books are what the balance is, on every day, and that nothing
// was posted twice.
func (b *bank) closes() {
	b.t.Helper()
	require.Empty(b.t, b.office.dead(), b.reason())
	require.Empty(b.t, b.drift(), b.inventory())
	require.Empty(b.t, b.twice(), b.inventory())
}

// twice lists what was posted in the ledger more than once.
func (b *bank) twice() (out []string) {
	for what, n := range b.made {
		kind, _, _ := strings.Cut(what, " ")
		if n > 1 && slices.Contains([]string{"erp", "receipt", "apply", "unapply", "entry"}, kind) {
			out = append(out, what)
		}
	}
	return out
}

// ledger says what stands in the ledger, one line each, sorted.
func (b *bank) ledger() []string {
	out := []string{}
	for _, i := range b.invoices {
		out = append(out, fmt.Sprintf("invoice %s open %s", i.Document.Total, i.Open))
	}
	for name, r := range b.receipts {
		out = append(out, fmt.Sprintf("receipt %s of %s, %s left, on %s", name, r.Amount, r.Left, r.n.Date))
	}
	for _, e := range b.entries {
		net := eur(0)
		for _, l := range e.Lines {
			if l.Account == "1360" {
				net, _ = l.Debit.Sub(l.Credit)
			}
		}
		out = append(out, fmt.Sprintf("entry %s of %s on %s", e.Key, net, e.Date))
	}
	return sorted(out)
}

// payout pays out all that is in no payout yet, by schedule, and lists it at once.
func (b *bank) payout(id string, change ...func(*commerce.Payout)) *commerce.Payout {
	sum := eur(0)
	for i := range b.lines {
		if l := &b.lines[i]; l.Payout == "" && l.Category != "payout" && l.Category != "payout_reversal" {
			l.Payout = "po_" + id
			sum, _ = sum.Add(l.Net)
		}
	}
	p := &commerce.Payout{Ref: stripeRef.With("po_" + id), Amount: sum, Status: commerce.PayoutPaid, Automatic: true, Method: "standard",
		Created: b.clock, Transaction: "txn_po_" + id, Reconciled: true}
	for _, c := range change {
		c(p)
	}
	b.payouts[p.Ref.ID] = p
	b.moves("payout", "po_"+id, "", -p.Amount.Minor(), 0, b.clock, func(l *reconcile.Line) {
		l.Source, l.Charge, l.Intent = p.Ref.ID, "", ""
		if p.Automatic {
			l.Payout = p.Ref.ID
		}
	})
	return p
}

// fails brings a payout back.
func (b *bank) fails(p *commerce.Payout) {
	p.Status = commerce.PayoutFailed
	back := b.moves("payout_reversal", "back_"+p.Ref.ID, "", p.Amount.Minor(), 0, b.clock, func(l *reconcile.Line) { l.Source = p.Ref.ID })
	b.returned[p.Ref.ID] = back.ID
}

// shopSales are the sales of the world's shop as documents.
type shopSales struct{ *world }

func (w shopSales) Documents(_ context.Context, from, to time.Time) iter.Seq2[reconcile.Document, error] {
	return func(yield func(reconcile.Document, error) bool) {
		w.mu.Lock()
		var docs []reconcile.Document
		for _, o := range w.orders {
			if at := cmp.Or(o.Placed, w.now()); !at.Before(from) && at.Before(to) {
				docs = append(docs, reconcile.Document{System: "magento", ID: o.Ref.ID, Number: o.Number, Amount: o.Totals.Gross, Date: at, Payment: o.PaymentID})
			}
		}
		w.mu.Unlock()
		for _, d := range docs {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// pass lets time pass whether or not something is due.
func (b *bank) pass(d time.Duration) {
	b.t.Helper()
	end := b.clock.Add(d)
	b.until(end)
	b.clock = end
}
