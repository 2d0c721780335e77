package reconcile

import (
	"context"
	"encoding/binary"
	"hash/maphash"
	"runtime"
	"sync"
	"time"

	"github.com/commercesync/commerce"
)

// Rows are matched in rounds, one for each kind of id. A round spreads the rows that
// have no partner yet over partitions by the hash of that id, so that both sides of a
// match are in the same partition, and looks at one pair of partitions at a time. What
// is left after the last id is proposed by amount, currency and date.

const (
	kindOther = iota // no id could lead to a document; looked at for repeated rows only
	kindSale
	kindRefund
	kindRelated // belongs to a sale and has no document of its own: a transfer, an application fee, a dispute
)

// The parts of entry.meta.
const (
	metaKind    = 24
	metaSettled = 1 << 26
	metaDigest  = 27 // the rest: what a document's lines and taxes make
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

// alike reports whether nothing says that lines or taxes of two documents differ.
func (e *entry) alike(f *entry) bool {
	a, b := e.meta>>metaDigest, f.meta>>metaDigest
	return a == b || a == 0 || b == 0
}

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
type ids struct{ refund, intent, charge, number, shop string }

func (r *row) ids() ids {
	if r.line != nil {
		return ids{r.line.Refund, r.line.Intent, r.line.Charge, r.line.Number, ""}
	}
	return ids{r.doc.RefundID, r.doc.Intent, r.doc.Charge, r.doc.Number, r.doc.Shop}
}

// rounds is the number of ids, the number within a shop and the number alone being two.
const rounds = 5

// key is the id of a round; "" where the row has none.
func (i ids) key(round, kind int, numberFirst bool) string {
	if kind != kindRefund {
		i.refund = ""
	}
	order := [rounds]string{i.refund, i.intent, i.charge, i.number}
	if kind != kindRefund {
		order = [rounds]string{i.intent, i.charge, i.number}
	}
	if numberFirst { // shop and ERP name a sale by its number; two shops may count alike
		order = [rounds]string{i.number, i.number, i.refund, i.intent, i.charge}
		if i.shop != "" && i.number != "" {
			order[0] = i.shop + "\x00" + i.number
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
	if kind == kindRelated {
		kind = kindSale // whose document it looks for
	}
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

func newSide(s *scratch, k *kept, lines, quiet bool) *side {
	return &side{kept: k, lines: lines, quiet: quiet, parts: newPartitions(s, 0), waiting: newList(s)}
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
	late     time.Time // zero = never
	found    *findings
	pairs    *list
	alone    *list // lines that need no document
	workers  int

	left, right *side
	round       int
	proposing   bool
	lost        *list // rows of kindRelated that no id of their own leads to a document

	mu     sync.Mutex
	counts Matched
}

// Matched counts the lines by what became of them: those of ByID and Related are in
// [Report.Matches], those of Proposed in the discrepancies, and the rest in
// [Report.Alone]. A line that it does not count has a discrepancy of its own: none is left
// out.
type Matched struct {
	ByID     int // an id leads to the document, or a person confirmed it
	Proposed int // amount, currency and date do; see Discrepancy.Confidence
	Related  int // belong to a document beside its payment: transfers, application fees, disputes
	Alone    int // need no document and belong to none: fees billed apart, reserves, a debit and its failure
}

func (m *matcher) run(ctx context.Context) error {
	m.lost = newList(m.scratch)
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
	return m.bridge(ctx)
}

// spread puts what waits into fresh partitions, by a key; rows of key 0 wait on.
func (m *matcher) spread(ctx context.Context, d *side, key func(*side, *entry) (uint64, error)) (err error) {
	waiting := d.waiting
	d.parts.release()
	d.parts, d.waiting = newPartitions(m.scratch, 0), newList(m.scratch)
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
	waiting.release()
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
	if e.kind() == kindRelated || e.amount == 0 {
		return 0, nil
	}
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], uint64(e.amount))
	binary.LittleEndian.PutUint64(b[8:], e.currency()|uint64(e.kind())<<metaKind)
	return max(1, maphash.Bytes(m.seed, b[:])), nil
}

// outcome is what one pair of partitions gave.
type outcome struct {
	left, right []entry // no partner yet
	alone       []entry // need none
	pairs       []entry
	found       []finding
	counts      Matched
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
	l, r, spare []entry
	out         outcome
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
	if err := left.load(i, &w.l, &w.spare); err != nil {
		return err
	}
	if err := right.load(i, &w.r, &w.spare); err != nil {
		return err
	}
	l, r := w.l, w.r
	w.out = outcome{w.out.left[:0], w.out.right[:0], w.out.alone[:0], w.out.pairs[:0], w.out.found[:0], Matched{}}
	for len(l) > 0 || len(r) > 0 {
		a, b := sameKey(l, r)
		if err := w.group(l[:a], r[:b]); err != nil {
			return err
		}
		l, r = l[a:], r[b:]
	}
	return w.hand(&w.out)
}

// split spreads a pair of partitions that is too large for the memory.
func (w *worker) split(ctx context.Context, left, right *partitions, i, depth int) error {
	var parts [2]*partitions
	for n, from := range []*partitions{left, right} {
		p := newPartitions(w.scratch, depth+1)
		defer p.release()
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
	m.counts.ByID += o.counts.ByID
	m.counts.Proposed += o.counts.Proposed
	m.counts.Related += o.counts.Related
	m.counts.Alone += len(o.alone)
	for to, from := range map[*list][]entry{m.left.waiting: o.left, m.right.waiting: o.right, m.alone: o.alone, m.pairs: o.pairs} {
		for _, e := range from {
			if err := to.add(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// lonely names a reason for every row of a side that found no partner.
func (m *matcher) lonely(ctx context.Context, d *side) error {
	w := &worker{matcher: m}
	err := d.waiting.each(func(e entry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if e.kind() == kindRelated {
			return m.lost.add(e)
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
	case r.doc != nil && r.doc.Amount.IsZero() && (d == m.left || m.left.lines):
		return "" // Stripe has no part in it: it is here for the ERP's documents
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
	case r.when().Before(m.from), m.pair == shopERP && r.when().After(m.to), !m.late.IsZero() && r.when().After(m.late):
		return "" // another payout looks at it, with all that is of its time
	case d == m.left && m.config.OnShipment && r.doc.Unsent:
		return NotYetInvoiced
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
