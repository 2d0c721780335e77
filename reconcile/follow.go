package reconcile

import (
	"errors"
	"iter"
	"slices"

	"github.com/commercesync/commerce"
)

// Match is what belongs together: a line, the shop's document that it was matched with by ids, and
// the ERP's document of that. One of them may be missing, and one may be part of
// several matches. Of lines of any category those are here that belong to a document.
type Match struct {
	Line          *Line
	Document, ERP *Document
}

// threeSided reports whether lines were matched with the shop's documents and these with
// the ERP's.
func (r *Report) threeSided() bool { return r.stores[shopERP][0] != nil }

// Matches returns what belongs together, in no particular order: each line with its
// documents, and each document of the shop that has none of the ERP's but a line, or the other
// way round.
func (r *Report) Matches() iter.Seq2[Match, error] {
	return func(yield func(Match, error) bool) {
		stop := errors.New("stop")
		give := func(line, document, erp int64) error {
			m, err := r.match(line, document, erp)
			if err == nil && !yield(m, nil) {
				err = stop
			}
			return err
		}
		var err error
		if r.threeSided() {
			err = r.chains(func(document int64, lines, erps []entry) error {
				for i := range max(1, len(lines)) {
					for j := range max(1, len(erps)) {
						line, erp := int64(-1), int64(-1)
						if len(lines) > 0 {
							line = lines[i].amount
						}
						if len(erps) > 0 {
							erp = erps[j].amount
						}
						if err := give(line, document, erp); err != nil {
							return err
						}
					}
				}
				return nil
			})
		} else {
			err = r.pairs.each(func(e entry) error {
				if e.key&pairSides == linesERP {
					return give(e.place, -1, e.amount)
				}
				return give(e.place, e.amount, -1)
			})
		}
		if err != nil && !errors.Is(err, stop) {
			yield(Match{}, err)
		}
	}
}

// Alone returns the lines that need no document and belong to none: fees billed apart,
// reserves, adjustments, a debit and its failure. Without shop and ERP that is every line. In no
// particular order.
func (r *Report) Alone() iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		stop := errors.New("stop")
		err := r.alone.each(func(e entry) error {
			m, err := r.match(e.place, -1, -1)
			if err == nil && !yield(*m.Line, nil) {
				err = stop
			}
			return err
		})
		if err != nil && !errors.Is(err, stop) {
			yield(Line{}, err)
		}
	}
}

// match reads rows by their places; -1 = none.
func (r *Report) match(line, document, erp int64) (m Match, err error) {
	if line >= 0 {
		pair := linesShop
		if r.stores[pair][0] == nil {
			pair = linesERP
		}
		got, err := r.stores[pair][0].row(entry{place: line})
		if err != nil {
			return m, err
		}
		m.Line = got.line
		m.Line.Payout = r.payout.Ref.ID
	}
	if document >= 0 {
		got, err := r.stores[linesShop][1].row(entry{place: document})
		if err != nil {
			return m, err
		}
		m.Document = got.doc
	}
	if erp >= 0 {
		got, err := r.stores[linesERP][1].row(entry{place: erp})
		if err != nil {
			return m, err
		}
		m.ERP = got.doc
	}
	return m, nil
}

// mix spreads places over all bits.
func mix(place int64) uint64 { return max(1, (uint64(place)+1)*0x9e3779b97f4a7c15) }

// chains calls f with every document of the shop that has a partner: the pairs with lines, and
// those with the ERP's documents. Of each the place of the partner is its amount.
func (r *Report) chains(f func(document int64, lines, erps []entry) error) error {
	lines, erps := newPartitions(r.scratch, 0), newPartitions(r.scratch, 0)
	defer lines.release()
	defer erps.release()
	err := r.pairs.each(func(e entry) error {
		if e.key&pairSides == shopERP {
			return erps.add(entry{key: mix(e.place), place: e.place, amount: e.amount, meta: e.key | e.meta})
		}
		return lines.add(entry{key: mix(e.amount), place: e.amount, amount: e.place, meta: e.key | e.meta})
	})
	if err != nil {
		return err
	}
	return joined(lines, erps, func(a, b []entry) error {
		if len(a) > 0 {
			return f(a[0].place, a, b)
		}
		return f(b[0].place, a, b)
	})
}

// exchange compares what the ERP settled documents at with what Stripe did, where the shop
// stands between them.
func (r *Report) exchange() error {
	if !r.settled || !r.threeSided() {
		return nil
	}
	sides := r.stores[linesERP]
	return r.chains(func(_ int64, lines, erps []entry) error {
		settled := len(erps) > 0
		for _, e := range erps {
			settled = settled && e.meta&metaSettled != 0 && e.meta&pairLoose == 0
		}
		lines = slices.DeleteFunc(slices.Clone(lines), func(e entry) bool { return e.meta&pairRelated != 0 })
		if !settled || len(lines) == 0 || slices.ContainsFunc(lines, func(e entry) bool { return e.meta&pairLoose != 0 }) {
			return nil
		}
		l, err := sides[0].read(lines)
		if err != nil {
			return err
		}
		e, err := sides[1].read(erps)
		if err != nil {
			return err
		}
		if diff, c, ok := exchanged(l, e); ok && diff != 0 {
			return r.found.add(findingFor(linesERP, FXDifference, &l[0], &e[0], diff, c))
		}
		return nil
	})
}

// read reads the rows that pairs name, in an order that does not depend on the input's.
func (d *side) read(pairs []entry) ([]row, error) {
	rows := make([]row, 0, len(pairs))
	for _, p := range pairs {
		r, err := d.row(entry{place: p.amount})
		if err != nil {
			return nil, err
		}
		if r.line != nil {
			r.meta = metaOf(r.line.Amount.Currency(), kindOf(r.line.Category), false)
		}
		rows = append(rows, r)
	}
	inOrder(rows)
	return rows, nil
}

// batch is how many discrepancies are followed to the third side at once.
const batch = 1 << 14

// Discrepancies returns all that does not agree, by reason and then by time. The order
// is the same whatever the order of the rows was.
func (r *Report) Discrepancies() iter.Seq2[Discrepancy, error] {
	return func(yield func(Discrepancy, error) bool) {
		found := make([]finding, 0, min(batch, len(r.found.memory)))
		give := func() bool {
			third, err := r.third(found)
			if err != nil {
				yield(Discrepancy{}, err)
				return false
			}
			for _, f := range found {
				d, err := r.discrepancy(f, third)
				if !yield(d, err) || err != nil {
					return false
				}
			}
			found = found[:0]
			return true
		}
		for f, err := range r.found.all() {
			if err != nil {
				yield(Discrepancy{}, err)
				return
			}
			if found = append(found, f); len(found) == batch && !give() {
				return
			}
		}
		give()
	}
}

// document is the place of the shop's document that a finding is about; -1 = none.
func (f *finding) document() int64 {
	switch f.pair {
	case linesShop:
		return f.right
	case shopERP:
		return f.left
	}
	return -1
}

// thirds are the places of rows on the side that a finding does not compare.
type thirds struct {
	partners  map[int64]*[2][]entry // by the shop's document: lines, and documents of the ERP
	documents map[int64]int64       // by line: the shop's document
}

func (r *Report) third(found []finding) (t thirds, err error) {
	if !r.threeSided() {
		return t, nil
	}
	t = thirds{map[int64]*[2][]entry{}, map[int64]int64{}}
	for i := range found {
		switch at := found[i].document(); {
		case at >= 0:
			t.partners[at] = &[2][]entry{}
		case found[i].pair == linesERP:
			t.documents[found[i].left] = -1
		}
	}
	if len(t.partners)+len(t.documents) == 0 {
		return t, nil
	}
	return t, r.pairs.each(func(e entry) error {
		document, partner, n := e.amount, e.place, 0
		if e.key&pairSides == shopERP {
			document, partner, n = e.place, e.amount, 1
		} else if _, ok := t.documents[partner]; ok {
			t.documents[partner] = document
		}
		if have := t.partners[document]; have != nil && e.key&pairRelated == 0 {
			have[n] = append(have[n], entry{amount: partner})
		}
		return nil
	})
}

func (r *Report) discrepancy(f finding, third thirds) (Discrepancy, error) {
	d := Discrepancy{Reason: reasons[f.reason], Confidence: int(f.confidence)}
	if f.currency != 0 {
		var err error
		if d.Difference, err = commerce.NewMoney(f.diff, currencyOf(f.currency)); err != nil {
			return d, err
		}
	}
	line, document, erp := f.left, f.right, int64(-1)
	switch f.pair {
	case shopERP:
		line, document, erp = -1, f.left, f.right
	case linesERP:
		document, erp = -1, f.right
	}
	m, err := r.match(line, document, erp)
	if err != nil {
		return d, err
	}
	d.Line, d.Document, d.ERP = m.Line, m.Document, m.ERP
	if f.note >= 0 {
		b, err := r.found.notes.get(f.note)
		if err != nil {
			return d, err
		}
		n := differencesOf(b)
		d.Lines, d.Taxes = n.lines, n.taxes
	}
	if err := r.complete(&m, f, third); err != nil {
		return d, err
	}
	d.Keys = m.Keys()
	return d, nil
}

// complete adds what a finding does not compare.
func (r *Report) complete(m *Match, f finding, third thirds) error {
	if at, ok := third.documents[f.left]; ok && f.pair == linesERP && at >= 0 {
		more, err := r.match(-1, at, -1)
		m.Document = more.Document
		return err
	}
	partners := third.partners[f.document()]
	if partners == nil {
		return nil
	}
	if m.Line == nil && len(partners[0]) > 0 {
		rows, err := r.stores[linesERP][0].read(partners[0])
		if err != nil {
			return err
		}
		m.Line = rows[0].line
		m.Line.Payout = r.payout.Ref.ID
	}
	if m.ERP == nil && len(partners[1]) > 0 {
		rows, err := r.stores[linesERP][1].read(partners[1])
		if err != nil {
			return err
		}
		m.ERP = rows[0].doc
	}
	return nil
}
