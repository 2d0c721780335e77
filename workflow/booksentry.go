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

// series sees to it that the entries of a series together say what target says. Each is
// written by compare-and-set on its number: what is under it is read before and after.
// of names the series in Steps.
func (d desk) series(ctx context.Context, ledger Ledger, r mapping.Route, of commerce.Ref, target commerce.JournalEntry) error {
	op := "post " + target.Key
	for range maxSupplements {
		posted, err := ledger.Series(ctx, r, target.Key)
		if err != nil {
			return err
		}
		key := keyEntry(of, len(posted)+1)
		rec, err := d.steps.Get(ctx, key)
		switch {
		case err == nil && rec.State == idempotency.Done:
			return refuse(commerce.KindUnavailable, op, "stale_read", "entry %d was posted, and the ledger shows %d; it is read again later", len(posted)+1, len(posted))
		case err != nil && !errors.Is(err, commerce.ErrNotFound):
			return err
		}
		next, ok, failed := reconcile.Next(target, posted...)
		if failed != nil {
			return failed
		}
		if !ok && (err != nil || rec.State == idempotency.NotSent) {
			return nil
		}
		eff := ledger.Entry(r, next)
		if !ok {
			eff = findOnly(ledger.Entry(r, numbered(target, len(posted)+1)))
		}
		if _, err := d.step(ctx, key, eff); err != nil {
			if !ok && errors.Is(err, errNothing) {
				return nil
			}
			return err
		}
	}
	return refuse(commerce.KindLimit, op, "", "it did not agree after %d entries", maxSupplements)
}

func numbered(e commerce.JournalEntry, n int) commerce.JournalEntry {
	e.Key = fmt.Sprintf("%s/%d", e.Key, n)
	return e
}

// errNothing is how findOnly ends where there is nothing to find.
var errNothing = refuse(commerce.KindConflict, "post nothing", "", "nothing is to be posted any more")

// findOnly is an effect that finds what an earlier attempt left and makes nothing.
func findOnly(eff idempotency.Effect[commerce.Document]) idempotency.Effect[commerce.Document] {
	eff.Act = func(context.Context) (commerce.Document, error) { return commerce.Document{}, errNothing }
	return eff
}
