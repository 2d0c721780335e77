package reconcile

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/commercesync/commerce"
)

// Report explains one payout. Close it: it holds files.
type Report struct {
	Proof   Proof
	Matched Matched // lines that found a document
	Counts  map[Reason]int

	payout  commerce.Payout
	left    time.Time // the balance: as its own row says, or else the payout
	sums    *sums
	scratch *scratch
	found   *findings
	pairs   *list
	alone   *list       // lines that need no document
	stores  [3][2]*side // by pair
	settled bool        // some of the ERP's documents say at what they were settled
}

// Payout explains a payout line by line: what it adds up to, which document each line
// belongs to, and by what the two sides differ. The result does not depend on the order
// of the rows.
//
// A payout that Stripe has not finished to attribute is an error of kind parked, one that was
// not made by schedule of kind invalid. A row that can not belong to the payout, because of
// its currency or because it names another (see [Only]), is a [*RowError]. A discrepancy is no error, and neither is a
// rest: Proof says it, and nothing can be posted from it.
func Payout(ctx context.Context, in Input, config Config) (*Report, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	return explain(ctx, in, config)
}

func explain(ctx context.Context, in Input, config Config) (_ *Report, err error) {
	p := in.Payout
	op := "explain payout " + p.Ref.ID
	switch {
	case in.Lines == nil:
		return nil, commerce.Errorf(commerce.KindInvalid, system, op, "Input.Lines is missing")
	case p.Ref.ID == "" || !p.Amount.Currency().Valid():
		return nil, commerce.Errorf(commerce.KindInvalid, system, op, "Input.Payout lacks id or amount")
	case !p.Automatic:
		return nil, commerce.Errorf(commerce.KindInvalid, system, op, "it was made by hand, so that nobody can say what is in it; see Balances")
	case !p.Reconciled:
		return nil, commerce.Errorf(commerce.KindParked, system, op, "Stripe has not yet listed all that is in it")
	}
	r := &Report{payout: p, left: p.Created, sums: newSums(p.Amount.Currency()), scratch: &scratch{dir: config.Dir}}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	r.found = &findings{scratch: r.scratch, most: max(1, int(config.Memory/8/findingSize)), counts: map[Reason]int{}}
	r.Counts = r.found.counts
	r.pairs, r.alone = newList(r.scratch), newList(r.scratch)
	t := &intake{Report: r, hasher: hasher{maphash.MakeSeed()}, config: &config, known: config.Known, own: commerce.Zero(p.Amount.Currency())}
	if err := t.run(ctx, in); err != nil {
		return nil, err
	}
	to := in.To
	if to.IsZero() {
		to = t.newest
	}
	for pair, sides := range r.stores {
		if sides[0] == nil || sides[1] == nil || pair == linesERP && r.threeSided() {
			continue
		}
		m := &matcher{hasher: t.hasher, scratch: r.scratch, config: &config, found: r.found, pairs: r.pairs, alone: r.alone,
			from: in.From, to: to, late: in.Late, workers: workers(), pair: uint8(pair), left: sides[0], right: sides[1]}
		if err := m.run(ctx); err != nil {
			return nil, err
		}
		if m.left.lines {
			r.Matched = m.counts
		}
	}
	if err := r.exchange(); err != nil {
		return nil, err
	}
	if err := r.found.finish(); err != nil {
		return nil, err
	}
	if err := r.prove(t.own); err != nil {
		return nil, err
	}
	return r, nil
}

// Payout returns the payout that is explained, as Stripe has it.
func (r *Report) Payout() commerce.Payout { return r.payout }

// prove closes the sums.
func (r *Report) prove(own commerce.Money) error {
	totals, err := r.sums.totals()
	if err != nil {
		return err
	}
	rest, err := r.payout.Amount.Sub(totals.Net)
	if err != nil {
		return err
	}
	r.Proof = Proof{Totals: totals, Payout: r.payout.Ref.ID, Own: own, Bank: r.payout.Amount, Rest: rest}
	for d, err := range r.found.all() {
		if err != nil {
			return err
		}
		if reasons[d.reason] != Duplicate {
			break // they come first
		}
		if d.left >= 0 && d.right < 0 && d.pair != shopERP {
			r.Proof.Repeated++
		}
	}
	return nil
}

// Close removes the spill files. The report's sequences end with it.
func (r *Report) Close() error {
	if err := r.scratch.close(); err != nil {
		return spillError(err)
	}
	return nil
}

// intake takes all rows in.
type intake struct {
	*Report
	hasher
	config *Config
	known  []string
	own    commerce.Money
	newest time.Time // charge
}

// run walks all inputs at once. Lines are matched with the shop's documents, and these
// with the ERP's; without a shop, lines with the ERP's.
func (t *intake) run(ctx context.Context, in Input) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var failed error
	store := func() *kept {
		k, err := newKept(t.scratch)
		failed = cmp.Or(failed, err)
		return k
	}
	toMatch := func(k *kept, lines, quiet bool) *side {
		return newSide(t.scratch, k, lines, quiet)
	}
	pair, first, second := uint8(linesShop), in.Shop, in.ERP
	if first == nil && second != nil {
		pair, first, second = linesERP, second, nil
	}
	lines, documents := store(), store()
	left, right := toMatch(lines, true, false), toMatch(documents, false, false)
	t.stores[pair] = [2]*side{left, right}
	var others *kept
	var shop, erp *side
	if second != nil {
		others = store()
		shop, erp = toMatch(documents, false, true), toMatch(others, false, false)
		t.stores[shopERP] = [2]*side{shop, erp}
		t.stores[linesERP] = [2]*side{left, erp} // to read what differs between them
	}
	if failed != nil {
		return failed
	}
	confirmed := map[string]bool{}
	for _, id := range t.config.Confirmed {
		confirmed[id] = true
	}

	var wg sync.WaitGroup
	start := func(f func() error) {
		wg.Go(func() {
			if err := f(); err != nil {
				cancel(err)
			}
		})
	}
	start(func() error {
		return walk(ctx, in.Lines, func(l *Line) error { return t.line(left, pair, first != nil, l) }, lines)
	})
	if first != nil {
		start(func() error {
			return walk(ctx, first, func(d *Document) error { return t.document(confirmed, d, documents, right, shop) }, documents)
		})
	}
	if second != nil {
		start(func() error {
			return walk(ctx, second, func(d *Document) error { return t.document(nil, d, others, nil, erp) }, others)
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// ahead is how many rows are read before they are needed, thrice.
const ahead = 128

// walk gives every row of a sequence to f, and writes out what was kept. Rows are read
// ahead, so that reading and keeping are done by two cores.
func walk[T any](ctx context.Context, seq iter.Seq2[T, error], f func(*T) error, k *kept) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ready, free := make(chan []T, 2), make(chan []T, 3)
	for range cap(free) {
		free <- nil
	}
	var failed error // is read when ready is closed
	go func() {
		defer close(ready)
		rows := <-free
		give := func() bool {
			select {
			case ready <- rows:
			case <-ctx.Done():
				return false
			}
			select {
			case rows = <-free:
				return true
			case <-ctx.Done():
				return false
			}
		}
		for row, err := range seq {
			if err != nil {
				failed = err
				break
			}
			if rows = append(rows, row); len(rows) == ahead && !give() {
				return
			}
		}
		if len(rows) > 0 {
			give()
		}
	}()
	var bad error
	for rows := range ready {
		for i := range rows {
			if bad == nil {
				bad = f(&rows[i])
			}
		}
		if bad != nil {
			stop()
		}
		free <- rows[:0]
	}
	switch {
	case bad != nil:
		return bad
	case failed != nil:
		return failed
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return k.flush()
}

// line takes one line in.
func (t *intake) line(d *side, pair uint8, documents bool, l *Line) error {
	bad := func(column, reason string) error {
		return &RowError{Input: "lines", Row: l.Row, Column: column, Reason: strings.TrimSpace(l.ID + " " + reason)}
	}
	switch {
	case l.ID == "":
		return bad("balance_transaction_id", "is empty")
	case l.Amount.Currency() != t.sums.currency:
		return bad("currency", "is in "+string(l.Amount.Currency())+", the payout in "+string(t.sums.currency))
	case l.Payout != "" && l.Payout != t.payout.Ref.ID:
		return bad("automatic_payout_id", "is in payout "+l.Payout)
	}
	if l.ID == t.payout.Transaction && l.ID != "" || l.Category == "payout" && l.Source == t.payout.Ref.ID {
		own, err := t.own.Add(l.Net)
		t.own = own
		if !l.Created.IsZero() {
			t.left = l.Created
		}
		return err
	}
	if err := t.sums.add(l); err != nil {
		return &RowError{Input: "lines", Row: l.Row, Reason: "can not be added up", Err: err}
	}
	kind := kindOther
	if documents {
		if kind = kindOf(l.Category); kind == kindOther && l.keys() != [5]string{} {
			kind = kindRelated
		}
	}
	l.Payout = "" // it is known, and need not be kept with each
	if l.Category == "charge" && l.Created.After(t.newest) {
		t.newest = l.Created
	}
	place, b := d.kept.begin()
	if err := d.kept.end(l.put(b)); err != nil {
		return err
	}
	amount := l.compared()
	e := entry{amount: amount.Minor(), place: place, meta: metaOf(amount.Currency(), kind, false)}
	if kind == kindRefund {
		e.amount = -e.amount
	}
	r := row{entry: e, line: l}
	if bucket(l.Category) == nil && !slices.Contains(t.known, l.Category) {
		if err := t.found.add(findingFor(pair, UnknownCategory, &r, nil, l.Net.Minor(), currencyBits(l.Net.Currency()))); err != nil {
			return err
		}
	}
	if t.config.Fee != nil {
		if want, ok := t.config.Fee(*l); ok && want != l.Fee {
			diff, err := l.Fee.Sub(want)
			if err != nil {
				return bad("fee", "should be "+want.String()+" according to Config.Fee")
			}
			if err := t.found.add(findingFor(pair, FeeDiffers, &r, nil, diff.Minor(), currencyBits(diff.Currency()))); err != nil {
				return err
			}
		}
	}
	id := ""
	if kind != kindOther {
		if document := t.config.Confirmed[l.ID]; document != "" {
			e.key = t.key(document, kind, asConfirmed)
			return d.parts.add(e)
		}
		id = r.ids().key(0, kind, false)
	}
	if id != "" {
		e.key = t.key(id, kind, 0)
	} else {
		e.key = t.key(l.ID, kind, asRow)
	}
	return d.parts.add(e)
}

// document takes one document in: to be matched with lines by ids and by what Stripe was
// due, and with the other documents by number and by what the sale comes to.
func (t *intake) document(confirmed map[string]bool, doc *Document, k *kept, lines, documents *side) error {
	switch {
	case doc.ID == "":
		return &RowError{Input: "documents", Row: doc.Row, Column: "id", Reason: "is empty"}
	case !doc.Amount.Currency().Valid():
		return &RowError{Input: "documents", Row: doc.Row, Column: "amount", Reason: doc.ID + " has none"}
	}
	if err := doc.sound(); err != nil {
		return err
	}
	doc.named()
	place, b := k.begin()
	if err := k.end(doc.put(b)); err != nil {
		return err
	}
	if lines == nil && doc.Settled != (commerce.Money{}) {
		t.settled = true
	}
	kind := kindSale
	if doc.Refund {
		kind = kindRefund
	}
	r := row{entry: entry{amount: doc.Amount.Minor(), place: place,
		meta: metaOf(doc.Amount.Currency(), kind, doc.Settled != commerce.Money{}) | t.digest(doc)}, doc: doc}
	for n, d := range []*side{lines, documents} {
		if d == nil {
			continue
		}
		e := r.entry
		if n == 1 {
			e.amount = doc.total().Minor()
		}
		switch id := r.ids().key(0, kind, n == 1); {
		case n == 0 && confirmed[doc.ID]:
			e.key = t.key(doc.ID, kind, asConfirmed)
		case id != "":
			e.key = t.key(id, kind, 0)
		default:
			e.key = t.key(doc.ID, kind, asRow)
		}
		if err := d.parts.add(e); err != nil {
			return err
		}
	}
	return nil
}
