package reconcile

import (
	"cmp"
	"context"
	"hash/maphash"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/commercesync/commerce"
)

// Rows are matched in rounds, one for each kind of id. A round spreads the rows that
// have no partner yet over partitions by the hash of that id, so that both sides of a
// match are in the same partition, and looks at one pair of partitions at a time. What
// is left after the last id is proposed by amount, currency and date.

const (
	kindOther = iota // no document is expected; looked at for repeated rows only
	kindSale
	kindRefund
)

// The parts of entry.meta.
const (
	metaKind    = 24
	metaSettled = 1 << 26
	metaDay     = 32
)

func metaOf(c commerce.Currency, kind int, settled bool) uint64 {
	m := currencyBits(c) | uint64(kind)<<metaKind
	if settled {
		m |= metaSettled
	}
	return m
}

func (e *entry) kind() int        { return int(e.meta >> metaKind & 3) }
func (e *entry) currency() uint64 { return e.meta & (1<<metaKind - 1) }

// kindOf says what kind of document a reporting category wants.
func kindOf(category string) int {
	switch category {
	case "charge", "charge_failure", "partial_capture_reversal":
		return kindSale
	case "refund", "refund_failure":
		return kindRefund
	}
	return kindOther
}

// row is a row in memory: a line or a document.
type row struct {
	entry
	line *Line
	doc  *Document
}

func (r *row) when() time.Time {
	if r.line != nil {
		return r.line.Created
	}
	return r.doc.Date
}

func (r *row) identity() uint64 {
	if r.line != nil {
		return identity(r.line.ID)
	}
	return identity(r.doc.System, r.doc.ID)
}

func (r *row) name() string {
	if r.line != nil {
		return r.line.ID
	}
	return r.doc.System + "\x00" + r.doc.ID
}

func (r *row) at() int {
	if r.line != nil {
		return r.line.Row
	}
	return r.doc.Row
}

// ids are what a row can be matched by, the best first.
type ids struct{ refund, intent, charge, number string }

func (r *row) ids() ids {
	if r.line != nil {
		return ids{r.line.Refund, r.line.Intent, r.line.Charge, r.line.Number}
	}
	return ids{r.doc.RefundID, r.doc.Intent, r.doc.Charge, r.doc.Number}
}

// rounds is the number of ids.
const rounds = 4

// key is the id of a round; "" where the row has none.
func (i ids) key(round, kind int, numberFirst bool) string {
	order := [rounds]string{i.refund, i.intent, i.charge, i.number}
	if kind == kindSale {
		order = [rounds]string{i.intent, i.charge, i.number}
	}
	if numberFirst { // shop and ERP name a sale by its number
		order = [rounds]string{i.number, i.refund, i.intent, i.charge}
		if kind == kindSale {
			order = [rounds]string{i.number, i.intent, i.charge}
		}
	}
	return order[round]
}

// hasher makes keys; ids of different sorts never make the same one.
type hasher struct{ seed maphash.Seed }

const (
	asRow       = 0x9e3779b97f4a7c15 // the row's own id
	asConfirmed = 0xc2b2ae3d27d4eb4f // the document that a person confirmed
)

func (h hasher) key(text string, kind int, as uint64) uint64 {
	return max(1, maphash.String(h.seed, text)^as^uint64(kind)*0xff51afd7ed558ccd)
}

// side is one of the two lists that are matched.
type side struct {
	kept    *kept
	lines   bool // else documents
	quiet   bool // repeated rows were told before
	parts   *partitions
	waiting *list // rows without the id of the round at hand
}

func newSide(s *scratch, k *kept, lines, quiet bool) (*side, error) {
	d := &side{kept: k, lines: lines, quiet: quiet}
	var err error
	if d.parts, err = newPartitions(s, 0); err != nil {
		return nil, err
	}
	d.waiting, err = newList(s)
	return d, err
}

func (d *side) row(e entry) (row, error) {
	b, err := d.kept.get(e.place)
	if err != nil {
		return row{}, err
	}
	if d.lines {
		return row{entry: e, line: lineOf(b)}, nil
	}
	return row{entry: e, doc: documentOf(b)}, nil
}

// The pairs of sides.
const (
	linesShop = iota
	shopERP
	linesERP
)

// matcher matches two sides.
type matcher struct {
	hasher
	scratch  *scratch
	config   *Config
	pair     uint8
	from, to time.Time
	found    *findings
	pairs    *list
	workers  int

	left, right *side
	round       int
	proposing   bool

	mu     sync.Mutex
	counts Matched
}

// Matched counts the rows of the left side that found a partner.
type Matched struct {
	ByID     int // an id leads to the document, or a person confirmed it
	Proposed int // amount, currency and date do; see Discrepancy.Confidence
}

func (m *matcher) run(ctx context.Context) error {
	for m.round = 0; m.round < rounds; m.round++ {
		if m.round > 0 {
			if m.left.waiting.count == 0 || m.right.waiting.count == 0 {
				break
			}
			for _, d := range []*side{m.left, m.right} {
				if err := m.spread(ctx, d, m.nextID); err != nil {
					return err
				}
			}
		}
		if err := m.join(ctx, m.left.parts, m.right.parts, 0); err != nil {
			return err
		}
	}
	if m.left.waiting.count > 0 && m.right.waiting.count > 0 && m.left.lines {
		m.proposing = true
		for _, d := range []*side{m.left, m.right} {
			if err := m.spread(ctx, d, m.byAmount); err != nil {
				return err
			}
		}
		if err := m.join(ctx, m.left.parts, m.right.parts, 0); err != nil {
			return err
		}
	}
	for _, d := range []*side{m.left, m.right} {
		if err := m.lonely(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// spread puts what waits into fresh partitions, by a key; rows of key 0 wait on.
func (m *matcher) spread(ctx context.Context, d *side, key func(*side, *entry) (uint64, error)) (err error) {
	waiting := d.waiting
	m.scratch.release(d.parts.file)
	if d.parts, err = newPartitions(m.scratch, 0); err != nil {
		return err
	}
	if d.waiting, err = newList(m.scratch); err != nil {
		return err
	}
	err = waiting.each(func(e entry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		k, err := key(d, &e)
		if err != nil {
			return err
		}
		if e.key = k; k == 0 {
			return d.waiting.add(e)
		}
		return d.parts.add(e)
	})
	m.scratch.release(waiting.file)
	return err
}

func (m *matcher) nextID(d *side, e *entry) (uint64, error) {
	r, err := d.row(*e)
	if err != nil {
		return 0, err
	}
	text := r.ids().key(m.round, e.kind(), m.pair == shopERP)
	if text == "" {
		return 0, nil
	}
	return m.key(text, e.kind(), 0), nil
}

func (m *matcher) byAmount(_ *side, e *entry) (uint64, error) {
	b := e.put(nil)[8:] // amount, place, meta
	copy(b[8:], b[16:]) // amount, meta
	return max(1, maphash.Bytes(m.seed, b[:16])), nil
}

// outcome is what one pair of partitions gave.
type outcome struct {
	left, right []entry // no partner yet
	pairs       []entry
	found       []finding
	byID        int
	proposed    int
}

// join looks at all pairs of partitions, several at a time.
func (m *matcher) join(ctx context.Context, left, right *partitions, depth int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	workers := m.workers
	if depth > 0 {
		workers = 1 // inside one of the workers
	}
	next := make(chan int)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			w := &worker{matcher: m}
			for i := range next {
				if err := w.join(ctx, left, right, i, depth); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := range fan {
		if ctx.Err() != nil {
			break
		}
		if left.parts[i].count+right.parts[i].count > 0 {
			next <- i
		}
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}

// worker keeps its slices from one pair of partitions to the next.
type worker struct {
	*matcher
	l, r []entry
	out  outcome
}

const deepest = 3

func (w *worker) join(ctx context.Context, left, right *partitions, i, depth int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	size := int64(left.parts[i].count+right.parts[i].count) * entrySize
	if size > w.config.Memory/int64(4*w.workers) && depth < deepest {
		return w.split(ctx, left, right, i, depth)
	}
	var err error
	load := func(to *[]entry, from *partitions) error {
		*to = (*to)[:0]
		err := from.each(i, func(e entry) error { *to = append(*to, e); return nil })
		slices.SortFunc(*to, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
		return err
	}
	if err = load(&w.l, left); err != nil {
		return err
	}
	if err = load(&w.r, right); err != nil {
		return err
	}
	l, r := w.l, w.r
	w.out = outcome{w.out.left[:0], w.out.right[:0], w.out.pairs[:0], w.out.found[:0], 0, 0}
	for len(l) > 0 || len(r) > 0 {
		key := uint64(math.MaxUint64)
		if len(l) > 0 {
			key = l[0].key
		}
		if len(r) > 0 {
			key = min(key, r[0].key)
		}
		a, b := same(l, key), same(r, key)
		if err := w.group(l[:a], r[:b]); err != nil {
			return err
		}
		l, r = l[a:], r[b:]
	}
	return w.hand(&w.out)
}

func same(e []entry, key uint64) int {
	n := 0
	for n < len(e) && e[n].key == key {
		n++
	}
	return n
}

// split spreads a pair of partitions that is too large for the memory.
func (w *worker) split(ctx context.Context, left, right *partitions, i, depth int) error {
	var parts [2]*partitions
	for n, from := range []*partitions{left, right} {
		p, err := newPartitions(w.scratch, depth+1)
		if err != nil {
			return err
		}
		defer w.scratch.release(p.file)
		if err := from.each(i, p.add); err != nil {
			return err
		}
		parts[n] = p
	}
	return w.matcher.join(ctx, parts[0], parts[1], depth+1)
}

// hand gives what a pair of partitions gave to the run.
func (m *matcher) hand(o *outcome) error {
	if err := m.found.add(o.found...); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts.ByID += o.byID
	m.counts.Proposed += o.proposed
	for to, from := range map[*list][]entry{m.left.waiting: o.left, m.right.waiting: o.right, m.pairs: o.pairs} {
		for _, e := range from {
			if err := to.add(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// group looks at the rows of one key.
func (w *worker) group(l, r []entry) error {
	switch {
	case w.proposing:
		return w.propose(l, r)
	case len(l) == 1 && len(r) == 1 && l[0].amount == r[0].amount && (l[0].meta^r[0].meta)&(1<<metaKind-1) == 0 && r[0].meta&metaSettled == 0:
		w.match(l[0].place, r[0].place)
		return nil
	case len(l) == 1 && len(r) == 0:
		if l[0].kind() != kindOther {
			w.out.left = append(w.out.left, l[0])
		}
		return nil
	case len(l) == 0 && len(r) == 1:
		w.out.right = append(w.out.right, r[0])
		return nil
	}
	return w.settle(l, r)
}

// match notes that an id leads from a row to another.
func (w *worker) match(left, right int64) {
	w.out.byID++
	w.out.pairs = append(w.out.pairs, entry{key: uint64(w.pair), place: left, amount: right})
}

// maxGroup bounds the rows of one key, which have to be compared in memory.
const maxGroup = 1 << 16

// rows reads entries and puts them into an order that does not depend on the input's.
func (m *matcher) rows(d *side, entries []entry) ([]row, error) {
	if len(entries) > maxGroup {
		return nil, commerce.Errorf(commerce.KindLimit, system, "match", "%d rows have one and the same id; at most %d can be compared", len(entries), maxGroup)
	}
	all := make([]row, 0, len(entries))
	for _, e := range entries {
		r, err := d.row(e)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b row) int {
		return cmp.Or(a.when().Compare(b.when()), cmp.Compare(a.name(), b.name()), cmp.Compare(a.at(), b.at()), cmp.Compare(a.place, b.place))
	})
	return all, nil
}

// distinct takes repeated rows out and reports them.
func (w *worker) distinct(d *side, all []row) []row {
	seen := make(map[string]bool, len(all))
	return slices.DeleteFunc(all, func(r row) bool {
		if !seen[r.name()] {
			seen[r.name()] = true
			return false
		}
		if !d.quiet {
			if d == w.left {
				w.report(Duplicate, &r, nil, r.amount, r.currency())
			} else {
				w.report(Duplicate, nil, &r, r.amount, r.currency())
			}
		}
		return true
	})
}

// settle matches the rows of one id, where there are several or they differ.
func (w *worker) settle(le, re []entry) error {
	l, err := w.rows(w.left, le)
	if err != nil {
		return err
	}
	r, err := w.rows(w.right, re)
	if err != nil {
		return err
	}
	l, r = w.distinct(w.left, l), w.distinct(w.right, r)
	if len(l) > 0 && l[0].kind() == kindOther {
		return nil
	}
	leftSum, one := total(l)
	rightSum, two := total(r)
	switch {
	case len(l) > 1 && len(r) == 0 && one && leftSum == 0 && w.left.lines:
		return nil // a payment that failed, and its charge
	case len(l) == 0 || len(r) == 0:
	case one && two && leftSum == rightSum && l[0].currency() == r[0].currency():
		for i := range max(len(l), len(r)) {
			w.match(l[min(i, len(l)-1)].place, r[min(i, len(r)-1)].place)
		}
		w.out.byID += len(l) - max(len(l), len(r))
		if len(l) == 1 && len(r) == 1 {
			w.exchange(&l[0], &r[0])
		}
		return nil
	default:
		l, r = w.equal(l, r)
		l, r = w.differing(l, r, re)
	}
	for i := range l {
		w.out.left = append(w.out.left, l[i].entry)
	}
	for i := range r {
		w.out.right = append(w.out.right, r[i].entry)
	}
	return nil
}

// total adds up rows; not ok where they are of several currencies.
func total(rows []row) (sum int64, ok bool) {
	for i := range rows {
		sum += rows[i].amount
		ok = rows[i].currency() == rows[0].currency() && (i == 0 || ok)
	}
	return sum, ok
}

// equal matches rows of equal amounts and returns the others.
func (w *worker) equal(l, r []row) ([]row, []row) {
	l = slices.DeleteFunc(l, func(a row) bool {
		i := slices.IndexFunc(r, func(b row) bool { return a.amount == b.amount && a.currency() == b.currency() })
		if i < 0 {
			return false
		}
		w.match(a.place, r[i].place)
		w.exchange(&a, &r[i])
		r = slices.Delete(r, i, i+1)
		return true
	})
	return l, r
}

// differing matches what an id joins though the amounts differ, and returns what is
// more on one side. group are all documents of the id.
func (w *worker) differing(l, r []row, group []entry) ([]row, []row) {
	n := min(len(l), len(r))
	for i := range n {
		w.match(l[i].place, r[i].place)
		if l[i].currency() != r[i].currency() {
			w.report(CurrencyDiffers, &l[i], &r[i], 0, 0)
		} else {
			w.report(AmountDiffers, &l[i], &r[i], l[i].amount-r[i].amount, l[i].currency())
		}
	}
	l, r = l[n:], r[n:]
	if len(l) == 0 || !w.left.lines || l[0].kind() != kindSale {
		return l, r
	}
	first, err := w.rows(w.right, group)
	if err != nil {
		return l, r
	}
	for i := range l {
		reason := Duplicate // the sale was paid again
		if l[i].amount < 0 {
			reason = AmountDiffers // its payment failed or was captured in part
		}
		w.match(l[i].place, first[0].place)
		w.report(reason, &l[i], &first[0], l[i].amount, l[i].currency())
	}
	return nil, r
}

// exchange compares what the books settled a row at with what Stripe did.
func (w *worker) exchange(l, r *row) {
	if l.line == nil || r.doc.Settled == (commerce.Money{}) || r.doc.Settled.Currency() != l.line.Amount.Currency() {
		return
	}
	amount := l.line.Amount.Minor()
	if l.kind() == kindRefund {
		amount = -amount
	}
	if diff := amount - r.doc.Settled.Minor(); diff != 0 {
		w.report(FXDifference, l, r, diff, currencyBits(r.doc.Settled.Currency()))
	}
}

// contradict reports whether two rows can not be of one sale.
func contradict(a, b ids) bool {
	differ := func(x, y string) bool { return x != "" && y != "" && x != y }
	return differ(a.refund, b.refund) || differ(a.intent, b.intent) || differ(a.charge, b.charge) || differ(a.number, b.number)
}

// proposals bounds the rows of one amount that are compared: beyond, none is likelier
// than another.
const proposals = 256

// propose joins rows of one amount and currency by their dates.
func (w *worker) propose(le, re []entry) error {
	if len(le) == 0 || len(re) == 0 || len(le) > proposals || len(re) > proposals {
		w.out.left = append(w.out.left, le...)
		w.out.right = append(w.out.right, re...)
		return nil
	}
	l, err := w.rows(w.left, le)
	if err != nil {
		return err
	}
	r, err := w.rows(w.right, re)
	if err != nil {
		return err
	}
	for i := range l {
		best, choices := -1, 0
		for j := range r {
			if r[j].doc == nil || contradict(l[i].ids(), r[j].ids()) || apart(&l[i], &r[j]) > w.config.Window {
				continue
			}
			if choices++; best < 0 || apart(&l[i], &r[j]) < apart(&l[i], &r[best]) {
				best = j
			}
		}
		if best < 0 {
			w.out.left = append(w.out.left, l[i].entry)
			continue
		}
		confidence := 50
		if choices == 1 && len(l) == 1 {
			confidence = 80
		}
		if apart(&l[i], &r[best]) <= 24*time.Hour {
			confidence += 15
		}
		w.out.proposed++
		w.report(Unlinked, &l[i], &r[best], 0, l[i].currency())
		w.out.found[len(w.out.found)-1].confidence = uint8(confidence)
		r = slices.Delete(r, best, best+1)
	}
	for i := range r {
		w.out.right = append(w.out.right, r[i].entry)
	}
	return nil
}

func apart(a, b *row) time.Duration { return a.when().Sub(b.when()).Abs() }

// report notes a finding.
func (w *worker) report(reason Reason, left, right *row, diff int64, currency uint64) {
	w.out.found = append(w.out.found, findingFor(w.pair, reason, left, right, diff, currency))
}

func findingFor(pair uint8, reason Reason, left, right *row, diff int64, currency uint64) finding {
	f := finding{reason: uint8(slices.Index(reasons, reason)), pair: pair, left: -1, right: -1, diff: diff, currency: currency}
	if right != nil {
		f.right, f.second, f.when = right.place, right.identity(), right.when().Unix()
	}
	if left != nil {
		f.left, f.first, f.when = left.place, left.identity(), left.when().Unix()
	}
	return f
}

// lonely names a reason for every row of a side that found no partner.
func (m *matcher) lonely(ctx context.Context, d *side) error {
	w := &worker{matcher: m}
	err := d.waiting.each(func(e entry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		r, err := d.row(e)
		if err != nil {
			return err
		}
		reason := m.reason(d, &r)
		if reason == "" {
			return nil
		}
		if d == m.left {
			w.report(reason, &r, nil, r.amount, r.currency())
		} else {
			w.report(reason, nil, &r, -r.amount, r.currency())
		}
		if len(w.out.found) < 1024 {
			return nil
		}
		err = m.found.add(w.out.found...)
		w.out.found = w.out.found[:0]
		return err
	})
	if err != nil {
		return err
	}
	return m.found.add(w.out.found...)
}

// reason says why a row has no partner; empty where that is as it should be.
func (m *matcher) reason(d *side, r *row) Reason {
	switch {
	case r.when().Before(m.config.CutOver):
		return BeforeCutOver
	case r.line != nil:
		switch {
		case r.ids() == ids{}, r.line.Category != "charge" && r.line.Category != "refund":
			return Unlinked
		case r.line.Category == "refund":
			return RefundWithoutCreditMemo
		case m.pair == linesERP:
			return MissingInERP
		}
		return MissingInShop
	case r.when().Before(m.from):
		return ""
	case d == m.left:
		return MissingInERP
	case m.pair == shopERP:
		return MissingInShop
	case m.later(r.when()):
		return NotYetPaidOut
	}
	return MissingAtStripe
}

// later reports whether a document is too young for the payout. A day without a time
// counts as its end.
func (m *matcher) later(t time.Time) bool {
	if t.Equal(t.Truncate(24 * time.Hour)) {
		t = t.Add(24*time.Hour - time.Second)
	}
	return t.After(m.to)
}

func workers() int { return min(runtime.GOMAXPROCS(0), 4) }
