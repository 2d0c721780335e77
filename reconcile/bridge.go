package reconcile

import (
	"cmp"
	"context"
	"hash/maphash"
	"math/bits"
	"slices"
)

// Of Connect a sale has several lines: the charge, the transfer of the rest to the merchant's
// account or the fee of the platform, and all of it back when it is refunded. They name the
// charge, the transfer or the refund that they are for, seldom what the shop knows. Such a line
// belongs to the documents of the lines that it shares an id with.

// filter remembers which hashes were put in. It may take others for known, never the other
// way round.
type filter [1 << 14]uint64

func (f *filter) put(h uint64) { f[h>>50] |= 1 << (h >> 44 & 63) }

func (f *filter) has(h uint64) bool { return f[h>>50]&(1<<(h>>44&63)) != 0 }

// hops is how many lines may lie between one and its document: a reversal leads to its
// transfer and that to the charge.
const hops = 4

// bridge matches lines of kindRelated with documents by way of other lines.
func (m *matcher) bridge(ctx context.Context) error {
	for range hops {
		before := m.lost.count
		if before == 0 || m.pairs.count == 0 {
			break
		}
		if err := m.hop(ctx); err != nil {
			return err
		}
		if m.lost.count == before {
			break
		}
	}
	m.counts.Alone += m.lost.count
	return m.lost.each(m.alone.add)
}

func (m *matcher) hop(ctx context.Context) (err error) {
	want, have, found := newPartitions(m.scratch, 0), newPartitions(m.scratch, 0), newPartitions(m.scratch, 0)
	defer want.release()
	defer have.release()
	defer found.release()
	wanted := &filter{}
	hash := func(text string, rank int) uint64 { return maphash.String(m.seed, text) ^ uint64(rank)*asConfirmed }

	// What the lost lines could be found by.
	err = m.lost.each(func(e entry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := m.left.kept.get(e.place)
		if err != nil {
			return err
		}
		for rank, text := range keysOf(b) {
			if text == "" {
				continue
			}
			h := hash(text, rank)
			wanted.put(h)
			if err := want.add(entry{key: h, place: e.place, amount: int64(rank)}); err != nil {
				return err
			}
		}
		return found.add(entry{key: mix(e.place), place: e.place, amount: notFound, meta: e.meta})
	})
	if err != nil {
		return err
	}
	// Which documents lines of these ids belong to.
	err = m.matched(ctx, func(record []byte, document int64) error {
		for rank, text := range keysOf(record) {
			if text == "" {
				continue
			}
			if h := hash(text, rank); wanted.has(h) {
				if err := have.add(entry{key: h, place: document}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = joined(want, have, func(want, have []entry) error {
		if len(want) == 0 || len(have) == 0 {
			return ctx.Err()
		}
		slices.SortFunc(have, func(a, b entry) int { return cmp.Compare(a.place, b.place) })
		have = slices.CompactFunc(have, func(a, b entry) bool { return a.place == b.place })
		for _, w := range want {
			for _, h := range have {
				if err := found.add(entry{key: mix(w.place), place: w.place, amount: w.amount, meta: uint64(h.place)}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	still, nothing := newList(m.scratch), newPartitions(m.scratch, 0)
	err = joined(found, nothing, func(all, _ []entry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.amount, b.amount) })
		if all[0].amount == notFound {
			return still.add(entry{place: all[0].place, meta: all[0].meta})
		}
		best := all[:1]
		for len(best) < len(all) && all[len(best)].amount == all[0].amount {
			best = all[:len(best)+1]
		}
		document := int64(best[0].meta)
		if len(best) > 1 {
			if document, err = m.firstOf(best); err != nil {
				return err
			}
		}
		m.counts.Related++
		return m.pairs.add(entry{key: uint64(m.pair) | pairRelated, place: all[0].place, amount: document})
	})
	m.lost.release()
	m.lost = still
	return err
}

// notFound is a rank behind all others.
const notFound = 99

// firstOf chooses one of several documents: a sale before a refund, the oldest first.
func (m *matcher) firstOf(candidates []entry) (int64, error) {
	var rows []row
	for _, c := range candidates {
		r, err := m.right.row(entry{place: int64(c.meta)})
		if err != nil {
			return 0, err
		}
		rows = append(rows, r)
	}
	inOrder(rows)
	for _, r := range rows {
		if !r.doc.Refund {
			return r.place, nil
		}
	}
	return rows[0].place, nil
}

// matched calls f with the record of every line that has a document, and the document's
// place.
func (m *matcher) matched(ctx context.Context, f func(record []byte, document int64) error) error {
	// Both in the order of places: the lines are on disk so, the pairs are spread by
	// the upper bits.
	pairs := newPartitions(m.scratch, 0)
	defer pairs.release()
	shift := bits.LeadingZeros64(uint64(m.left.kept.size))
	err := m.pairs.each(func(e entry) error {
		if e.key&pairSides != uint64(m.pair) {
			return nil
		}
		return pairs.add(entry{key: uint64(e.place) << shift, amount: e.amount})
	})
	if err != nil {
		return err
	}
	var now, spare []entry
	part := -1
	return m.left.kept.each(func(at int64, record []byte) error {
		key := uint64(at) << shift
		for part < int(key>>(64-fanBits)) {
			if err := ctx.Err(); err != nil {
				return err
			}
			part++
			if err := pairs.load(part, &now, &spare); err != nil {
				return err
			}
		}
		for len(now) > 0 && now[0].key == key {
			if err := f(record, now[0].amount); err != nil {
				return err
			}
			now = now[1:]
		}
		return nil
	})
}
