package reconcile

import (
	"cmp"
	"slices"
	"time"

	"github.com/commercesync/commerce"
)

// group looks at the rows of one key.
func (w *worker) group(l, r []entry) error {
	switch {
	case w.proposing:
		return w.propose(l, r)
	case len(l) == 1 && len(r) == 1 && l[0].amount == r[0].amount && (l[0].meta^r[0].meta)&(1<<metaKind-1) == 0 &&
		l[0].kind() != kindRelated && (r[0].meta&metaSettled == 0 || !w.left.lines) && l[0].alike(&r[0]) && !w.numbers():
		w.match(&l[0], &r[0], 0)
		return nil
	case len(l) == 1 && len(r) == 0:
		if l[0].kind() == kindOther {
			w.out.alone = append(w.out.alone, l[0])
		} else {
			w.out.left = append(w.out.left, l[0])
		}
		return nil
	case len(l) == 0 && len(r) == 1:
		w.out.right = append(w.out.right, r[0])
		return nil
	}
	return w.settle(l, r)
}

// The parts of the key of a pair: which sides, and what is special.
const (
	pairSides   = 1<<8 - 1
	pairRelated = 1 << 8 // the line is of kindRelated
	pairLoose   = 1 << 9 // it is not said how much of the row is for this document of the shop
)

// match notes that an id leads from a row to another.
func (w *worker) match(left, right *entry, special uint64) {
	if special == pairRelated {
		w.out.counts.Related++
	} else {
		w.out.counts.ByID++
	}
	w.out.pairs = append(w.out.pairs, entry{key: uint64(w.pair) | special, place: left.place, amount: right.place, meta: right.meta & metaSettled})
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
	inOrder(all)
	return all, nil
}

func inOrder(rows []row) {
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(a.when().Compare(b.when()), cmp.Compare(a.name(), b.name()), cmp.Compare(a.at(), b.at()), cmp.Compare(a.place, b.place))
	})
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
	l = w.relate(l, r)
	switch {
	case len(l) > 0 && l[0].kind() == kindOther:
		w.leave(l)
		return nil
	case len(l) > 0 && len(r) > 0 && w.numbers():
		if l, r, err = w.shops(l, r); err != nil {
			return err
		}
	case len(l) > 0 && len(r) > 0:
		r, free := w.due(r)
		if l, r, err = w.both(l, r); err != nil {
			return err
		}
		w.wait(l, append(r, free...))
		return nil
	case len(l) > 1 && w.left.lines:
		if sum, one := total(l); one && sum == 0 {
			w.leave(l) // a payment that failed, and its charge
			return nil
		}
	}
	w.wait(l, r)
	return nil
}

// wait notes rows that have no partner yet.
func (w *worker) wait(l, r []row) {
	for i := range l {
		w.out.left = append(w.out.left, l[i].entry)
	}
	for i := range r {
		w.out.right = append(w.out.right, r[i].entry)
	}
}

// due puts documents aside that Stripe has no part in, where lines have others to go to.
func (w *worker) due(documents []row) (due, free []row) {
	for _, r := range documents {
		if w.left.lines && r.amount == 0 {
			free = append(free, r)
		} else {
			due = append(due, r)
		}
	}
	if len(due) == 0 {
		return free, nil
	}
	return due, free
}

// leave notes rows that need no document.
func (w *worker) leave(rows []row) {
	for i := range rows {
		w.out.alone = append(w.out.alone, rows[i].entry)
	}
}

// relate matches rows that belong to a sale beside its payment with its document, and
// returns the others.
func (w *worker) relate(l, r []row) []row {
	return slices.DeleteFunc(l, func(a row) bool {
		switch {
		case a.kind() != kindRelated:
			return false
		case len(r) > 0:
			w.match(&a.entry, &r[0].entry, pairRelated)
		default:
			w.out.left = append(w.out.left, a.entry)
		}
		return true
	})
}

// numbers reports whether documents are matched by their numbers alone.
func (w *worker) numbers() bool { return w.pair == shopERP && w.round == 1 }

// shops matches documents of one number, those of each shop among themselves, and those of
// no shop with any.
func (w *worker) shops(l, r []row) (left, right []row, err error) {
	of := func(rows []row, shop string) (same, others []row) {
		for _, a := range rows {
			if a.doc.Shop == shop {
				same = append(same, a)
			} else {
				others = append(others, a)
			}
		}
		return same, others
	}
	nobody := func(a row) bool { return a.doc.Shop == "" }
	if slices.ContainsFunc(l, nobody) || slices.ContainsFunc(r, nobody) {
		return w.both(l, r)
	}
	for len(l) > 0 {
		shop := l[0].doc.Shop
		var a, b []row
		a, l = of(l, shop)
		b, r = of(r, shop)
		if len(b) > 0 {
			if a, b, err = w.both(a, b); err != nil {
				return nil, nil, err
			}
		}
		left, right = append(left, a...), append(right, b...)
	}
	return left, append(right, r...), nil
}

// both matches rows of both sides that have an id in common: those of equal amounts, then all that
// are left where they come to the same, then one by one though they differ. It returns
// what is more on one side.
func (w *worker) both(l, r []row) ([]row, []row, error) {
	documents := r[0]
	l, r, err := w.equal(l, r)
	if err != nil || len(l)+len(r) == 0 {
		return l, r, err
	}
	leftSum, one := total(l)
	rightSum, two := total(r)
	switch {
	case len(r) == 0 && one && leftSum == 0 && w.left.lines:
		for i := range l { // another attempt to pay, which failed
			w.match(&l[i].entry, &documents.entry, pairLoose)
		}
		return nil, nil, nil
	case len(l) > 0 && len(r) > 0 && one && two && leftSum == rightSum && l[0].currency() == r[0].currency():
		return nil, nil, w.together(l, r)
	case w.inPart(l) && len(r) > 0 && two && leftSum > rightSum && l[0].currency() == r[0].currency():
		w.connect(l, r)
		w.report(NotYetInvoiced, &l[0], &r[0], leftSum-rightSum, l[0].currency())
		return nil, nil, nil
	}
	return w.differing(l, r, &documents)
}

// inPart reports whether a sale of the shop may be invoiced in part, since the rest of its
// goods has not left.
func (w *worker) inPart(sale []row) bool {
	return !w.left.lines && w.config.OnShipment && len(sale) == 1 && sale[0].kind() == kindSale && sale[0].doc.Unsent
}

// together matches rows that come to the same amount.
func (w *worker) together(l, r []row) error {
	w.connect(l, r)
	w.exchange(l, r)
	return w.compare(l, r)
}

// connect notes that rows belong together.
func (w *worker) connect(l, r []row) {
	var special uint64
	if w.left.lines && len(r) > 1 || !w.left.lines && len(l) > 1 {
		special = pairLoose
	}
	for i := range max(len(l), len(r)) {
		w.match(&l[min(i, len(l)-1)].entry, &r[min(i, len(r)-1)].entry, special)
	}
	w.out.counts.ByID += len(l) - max(len(l), len(r))
}

// total adds up rows; not ok where they are of several currencies.
func total(rows []row) (sum int64, ok bool) {
	for i := range rows {
		sum += rows[i].amount
		ok = rows[i].currency() == rows[0].currency() && (i == 0 || ok)
	}
	return sum, ok
}

// equal matches rows of equal amounts and returns the others. Where several have one
// amount, those of the same lines go together.
func (w *worker) equal(l, r []row) ([]row, []row, error) {
	var failed error
	for _, same := range []func(a, b *row) bool{
		func(a, b *row) bool { return a.meta>>metaDigest == b.meta>>metaDigest },
		func(a, b *row) bool { return true },
	} {
		l = slices.DeleteFunc(l, func(a row) bool {
			i := slices.IndexFunc(r, func(b row) bool { return a.amount == b.amount && a.currency() == b.currency() && same(&a, &b) })
			if i < 0 || failed != nil {
				return false
			}
			w.match(&a.entry, &r[i].entry, 0)
			w.exchange([]row{a}, r[i:i+1])
			if !a.alike(&r[i].entry) {
				failed = w.compare([]row{a}, r[i:i+1])
			}
			r = slices.Delete(r, i, i+1)
			return true
		})
	}
	return l, r, failed
}

// compare looks into documents of one amount.
func (w *worker) compare(l, r []row) error {
	if w.left.lines {
		return nil
	}
	d, err := between(l, r)
	if err != nil || len(d.lines)+len(d.taxes) == 0 {
		return err
	}
	diff, err := d.difference(currencyOf(l[0].currency()))
	if err != nil {
		return err
	}
	reason := LinesDiffer
	if len(d.lines) == 0 {
		reason = TaxDiffers
	}
	w.report(reason, &l[0], &r[0], diff.Minor(), l[0].currency())
	return w.note(d)
}

// note keeps the differences that belong to the finding reported last.
func (w *worker) note(d differences) (err error) {
	if len(d.lines)+len(d.taxes) > 0 {
		w.out.found[len(w.out.found)-1].note, err = w.found.note(d)
	}
	return err
}

// differing matches what an id joins though the amounts differ, and returns what is
// more on one side. document is the first of the id.
func (w *worker) differing(l, r []row, document *row) ([]row, []row, error) {
	n := min(len(l), len(r))
	for i := range n {
		w.match(&l[i].entry, &r[i].entry, pairLoose)
		if l[i].currency() != r[i].currency() {
			w.report(CurrencyDiffers, &l[i], &r[i], 0, 0)
			continue
		}
		w.report(AmountDiffers, &l[i], &r[i], l[i].amount-r[i].amount, l[i].currency())
		if w.left.lines {
			continue
		}
		d, err := between(l[i:i+1], r[i:i+1])
		if err == nil {
			err = w.note(d)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	l, r = l[n:], r[n:]
	if len(l) == 0 || !w.left.lines || l[0].kind() != kindSale {
		return l, r, nil
	}
	for i := range l {
		reason := Duplicate // the sale was paid again
		if l[i].amount < 0 {
			reason = AmountDiffers // its payment failed or was captured in part
		}
		w.match(&l[i].entry, &document.entry, pairLoose)
		w.report(reason, &l[i], document, l[i].amount, l[i].currency())
	}
	return nil, r, nil
}

// exchange compares what the books settled rows at with what Stripe did.
func (w *worker) exchange(l, r []row) {
	if !w.left.lines {
		return
	}
	if diff, c, ok := exchanged(l, r); ok && diff != 0 {
		w.report(FXDifference, &l[0], &r[0], diff, c)
	}
}

// exchanged returns by how much Stripe settled lines at more than the books have it for
// their documents; not ok where these do not say, or in another currency.
func exchanged(lines, documents []row) (diff int64, currency uint64, ok bool) {
	for i := range lines {
		amount := lines[i].line.Amount.Minor()
		if lines[i].kind() == kindRefund {
			amount = -amount
		}
		diff += amount
	}
	c := lines[0].line.Amount.Currency()
	for i := range documents {
		settled := documents[i].doc.Settled
		if settled.Currency() != c {
			return 0, 0, false
		}
		diff -= settled.Minor()
	}
	return diff, currencyBits(c), true
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
		w.out.counts.Proposed++
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
	f := finding{reason: uint8(slices.Index(reasons, reason)), pair: pair, left: -1, right: -1, diff: diff, currency: currency, note: -1}
	if right != nil {
		f.right, f.second, f.when = right.place, right.identity(), right.when().Unix()
	}
	if left != nil {
		f.left, f.first, f.when = left.place, left.identity(), left.when().Unix()
	}
	return f
}
