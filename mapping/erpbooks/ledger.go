package erpbooks

import (
	"context"
	"errors"
	"fmt"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
)

// able finds an optional ability of the ERP adapter: T is an interface of package erp.
// One without it is an error of kind invalid, code "no_ability", that names it.
func able[T any](b *Books, r mapping.Route, op, does string) (T, error) {
	a, ok := b.erp.ForCompany(r.Company).(T)
	if ok {
		return a, nil
	}
	e := commerce.Errorf(commerce.KindInvalid, room, op, "the ERP adapter of %s %s", b.c.System, does)
	e.Code, e.Outcome = "no_ability", commerce.NotSent
	return a, e
}

const (
	noInvoicer  = "posts no invoices (erp.Invoicer)"
	noReceipter = "posts no receipts (erp.Receipter)"

	noLedger  = "posts no journal entries (erp.Ledger)"
	noAuditor = "does not look into the books (erp.Auditor)"
	noLookup  = "finds orders by their reference only (erp.Lookup)"
)

// sameBooks refuses a document that is not of the route's system and mode.
func (b *Books) sameBooks(op string, r mapping.Route, ref commerce.Ref) error {
	if ref.Mode == r.Mode && ref.System == b.c.System {
		return nil
	}
	e := commerce.Errorf(commerce.KindInvalid, room, op, "route %q is of system %s in mode %s, %s of %s in mode %s; see the adapter's config",
		r.Name, b.c.System, r.Mode, ref.ID, ref.System, ref.Mode)
	e.Code, e.Outcome = "mode_mismatch", commerce.NotSent
	return e
}

// onOpenDay posts on a day, or, where its period is closed and the config says so, on
// the first one that is open.
func onOpenDay[T any](ctx context.Context, b *Books, r mapping.Route, op string, day commerce.Date, post func(on commerce.Date) (T, error)) (T, error) {
	got, err := post(day)
	if b.c.Closed != NextOpen || !errors.Is(err, commerce.ErrPeriodClosed) || !commerce.SafeToRetry(err) {
		return got, err
	}
	audit, err := able[erp.Auditor](b, r, op, noAuditor)
	if err != nil {
		return got, err
	}
	open, err := audit.FirstOpen(ctx, day)
	if err != nil {
		return got, notSent(op, err)
	}
	return post(open)
}

// dated says in a text of which day a document is that is posted on another.
func dated(text string, day, on commerce.Date) string {
	if day == on {
		return text
	}
	return fmt.Sprintf("%s (of %s)", text, day)
}

// Entry posts a journal entry. Marked by its key.
func (b *Books) Entry(r mapping.Route, e commerce.JournalEntry) document {
	op := "post entry " + e.Key
	return document{Class: idempotency.Marked, Settle: b.c.Settle,
		Find: func(ctx context.Context) (commerce.Document, error) {
			ledger, err := able[erp.Ledger](b, r, op, noLedger)
			if err != nil {
				return commerce.Document{}, err
			}
			found, err := ledger.FindEntry(ctx, e.Key)
			if err == nil && !found.Posted {
				err = commerce.Errorf(commerce.KindNotFound, room, op, "%s is a draft", found.Ref.ID)
			}
			return found.Document(), err
		},
		Act: func(ctx context.Context) (commerce.Document, error) {
			ledger, err := able[erp.Ledger](b, r, op, noLedger)
			if err != nil {
				return commerce.Document{}, err
			}
			if err := b.sameMode(ctx, op, b.erp.ForCompany(r.Company), r); err != nil {
				return commerce.Document{}, err
			}
			day := e.Date
			if b.c.Closed == NextOpen { // an earlier attempt has chosen the day
				have, err := ledger.FindEntry(ctx, e.Key)
				switch {
				case err == nil:
					day = have.Entry.Date
				case !errors.Is(err, commerce.ErrNotFound):
					return commerce.Document{}, notSent(op, err)
				}
			}
			made, err := onOpenDay(ctx, b, r, op, day, func(on commerce.Date) (erp.Entry, error) {
				next := e
				next.Date, next.Text = on, dated(e.Text, e.Date, on)
				return ledger.PostEntry(ctx, next)
			})
			return made.Document(), err
		}}
}

// Series returns the posted entries of a series, see [reconcile.Next]: those under
// key/1, key/2 and so on. More than Config.Supplements are an error of kind limit.
func (b *Books) Series(ctx context.Context, r mapping.Route, key string) ([]commerce.JournalEntry, error) {
	op := "read series " + key
	ledger, err := able[erp.Ledger](b, r, op, noLedger)
	if err != nil {
		return nil, err
	}
	var posted []commerce.JournalEntry
	for n := 1; ; n++ {
		e, err := ledger.FindEntry(ctx, fmt.Sprintf("%s/%d", key, n))
		if errors.Is(err, commerce.ErrNotFound) || err == nil && !e.Posted {
			return posted, nil
		}
		if err != nil {
			return nil, err
		}
		if n > b.c.Supplements {
			return nil, commerce.Errorf(commerce.KindLimit, room, op, "it has more than Config.Supplements = %d entries", b.c.Supplements)
		}
		posted = append(posted, e.Entry)
	}
}

// AccountBalance returns debit less credit of an account at the end of a day, in the
// company's currency or in the account's own. Another is an error of kind invalid.
func (b *Books) AccountBalance(ctx context.Context, r mapping.Route, account string, currency commerce.Currency, on commerce.Date) (commerce.Money, error) {
	op := "read balance of account " + account
	audit, err := able[erp.Auditor](b, r, op, noAuditor)
	if err != nil {
		return commerce.Money{}, err
	}
	balance, err := audit.AccountBalance(ctx, account, on)
	switch {
	case err != nil:
		return commerce.Money{}, err
	case balance.Own.Currency() == currency:
		return balance.Own, nil
	case balance.Company.Currency() == currency:
		return balance.Company, nil
	}
	return commerce.Money{}, commerce.Errorf(commerce.KindInvalid, room, op, "it is kept in %s and %s, not in %s",
		balance.Own.Currency(), balance.Company.Currency(), currency)
}
