package odoo

import (
	"context"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// ReverseEntry posts the entry with its sides swapped, linked to the original and
// keyed like any other: the server's own wizard keeps no key. It is dated as the
// original, or today where that day is locked.
func (o *Client) ReverseEntry(ctx context.Context, ref commerce.Ref, key, reason string) (erp.Entry, error) {
	op := "reverse " + ref.ID
	id, err := o.idOf(ref, "entry")
	if err != nil {
		return erp.Entry{}, err
	}
	if key == "" {
		return erp.Entry{}, notSent(commerce.Errorf(commerce.KindInvalid, system, op, "the key is empty"))
	}
	rows, err := o.entries(ctx, op, clause("ref", "=", key))
	if err != nil {
		return erp.Entry{}, notSent(err)
	}
	if len(rows) == 0 {
		back, err := o.swapped(ctx, op, id, key, reason)
		if err != nil {
			return erp.Entry{}, notSent(err)
		}
		if rows, err = o.loadEntry(ctx, op, back, id); err != nil {
			return erp.Entry{}, err
		}
	}
	if rows[0].Reversed.ID != id {
		return erp.Entry{}, conflict(op, "the entry under this key is no reversal of the original")
	}
	return o.postDraft(ctx, op, rows[0])
}

// swapped is the entry that takes a posted one back.
func (o *Client) swapped(ctx context.Context, op string, id int64, key, reason string) (commerce.JournalEntry, error) {
	originals, err := o.entries(ctx, op, clause("id", "=", id))
	if err != nil {
		return commerce.JournalEntry{}, err
	}
	if len(originals) == 0 {
		return commerce.JournalEntry{}, commerce.Errorf(commerce.KindNotFound, system, op, "the entry does not exist in this company")
	}
	original, err := o.entry(ctx, op, originals[0])
	if err != nil {
		return commerce.JournalEntry{}, err
	}
	if !original.Posted {
		return commerce.JournalEntry{}, conflict(op, "the entry is not posted")
	}
	back := original.Entry
	back.Key, back.Text = key, reason
	for i, l := range back.Lines {
		l.Debit, l.Credit, l.Text = l.Credit, l.Debit, reason
		if l.Transaction.Currency() != "" {
			l.Transaction = l.Transaction.Neg()
		}
		back.Lines[i] = l
	}
	b, err := o.books(ctx)
	if err != nil {
		return back, err
	}
	company, err := o.companyID(ctx)
	if err != nil {
		return back, err
	}
	journals, err := o.byCode(ctx, op, "account.journal", []string{back.Journal}, clause("company_id", "=", company))
	if err != nil {
		return back, err
	}
	lock, err := o.lockDate(ctx, op, b, company, journals[back.Journal].Type)
	if err == nil && !after(back.Date, lock) {
		back.Date = commerce.DateOf(o.c.Now().UTC())
	}
	return back, err
}
