package workflow

import (
	"context"
	"errors"
	"fmt"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/reconcile"
)

// maxSupplements bounds how many entries of a series one look posts.
const maxSupplements = 8

func keyEntry(of commerce.Ref, n int) string { return fmt.Sprintf("erp.entry/%s/%d", of, n) }

// entered is what a step leaves that moved the clearing account: what [Books.Month] asks
// of it.
type entered struct {
	commerce.Document
	// Series is the key of the series that an entry is of.
	Series string `json:"series,omitempty"`
	// Of is the movement that a receipt is of, and Portion what it moved.
	Of      commerce.Ref `json:"of,omitzero"`
	Portion portion      `json:"portion,omitzero"`
}

// series sees to it that the entries of a series together say what target says.
func (d desk) series(ctx context.Context, ledger Ledger, r mapping.Route, of commerce.Ref, target commerce.JournalEntry) error {
	return d.supplement(ctx, ledger, r, of, target.Key, func(posted []commerce.JournalEntry) (commerce.JournalEntry, bool, error) {
		return reconcile.Next(target, posted...)
	})
}

// supplement posts what next says is the next entry of a series, until there is none. Each
// is written by compare-and-set on its number: what is under it is read before and after.
// of names the series in Steps.
func (d desk) supplement(ctx context.Context, ledger Ledger, r mapping.Route, of commerce.Ref, series string,
	next func(posted []commerce.JournalEntry) (commerce.JournalEntry, bool, error)) error {
	op := "post " + series
	for range maxSupplements {
		posted, err := ledger.Series(ctx, r, series)
		if err != nil {
			return err
		}
		key := keyEntry(of, len(posted)+1)
		rec, err := d.steps.Get(ctx, key)
		if err != nil && !errors.Is(err, commerce.ErrNotFound) {
			return err
		}
		begun := err == nil && rec.State != idempotency.NotSent // it may be there, or on its way
		if begun && rec.State == idempotency.Done {
			return refuse(commerce.KindUnavailable, op, "stale_read", "entry %d was posted, and the ledger shows %d; it is read again later", len(posted)+1, len(posted))
		}
		entry, ok, err := next(posted)
		if err != nil || !ok && !begun {
			return err
		}
		eff := ledger.Entry(r, entry)
		if !ok {
			eff = findOnly(ledger.Entry(r, commerce.JournalEntry{Key: fmt.Sprintf("%s/%d", series, len(posted)+1)}))
		}
		_, err = stepOf(ctx, d, key, leaving(eff, func(doc commerce.Document) entered { return entered{Document: doc, Series: series} }))
		if err != nil && withCode(err, codeNothing) == nil {
			return err
		}
	}
	return refuse(commerce.KindLimit, op, "", "it did not agree after %d entries", maxSupplements)
}

// codeNothing is how findOnly ends where there is nothing to find.
const codeNothing = "nothing"

// findOnly is an effect that finds what an earlier attempt left and makes nothing.
func findOnly(eff idempotency.Effect[commerce.Document]) idempotency.Effect[commerce.Document] {
	eff.Act = func(context.Context) (commerce.Document, error) {
		return commerce.Document{}, refuse(commerce.KindConflict, "post entry", codeNothing, "nothing is to be posted any more")
	}
	return eff
}
