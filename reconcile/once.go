package reconcile

import "hash/maphash"

// once notices rows that are given twice, which would be booked or counted twice. It
// remembers a hash of each id, about 16 bytes a row.
type once struct {
	seed maphash.Seed
	seen map[uint64]struct{}
}

func newOnce() *once { return &once{maphash.MakeSeed(), map[uint64]struct{}{}} }

// row returns a *RowError for a row whose id was there before.
func (o *once) row(l *Line) error {
	if l.ID == "" {
		return nil
	}
	h := maphash.String(o.seed, l.ID)
	if _, twice := o.seen[h]; twice {
		return &RowError{Input: "lines", Row: l.Row, Column: "balance_transaction_id", Reason: l.ID + " is there twice"}
	}
	o.seen[h] = struct{}{}
	return nil
}
