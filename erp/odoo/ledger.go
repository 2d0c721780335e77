package odoo

import (
	"context"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// entry is what is read of an account.move.
type entry struct {
	ID       int64   `json:"id"`
	Number   text    `json:"name"`
	Ref      text    `json:"ref"`
	State    string  `json:"state"` // draft, posted, cancel
	Date     date    `json:"date"`
	Company  link    `json:"company_id"`
	Journal  link    `json:"journal_id"`
	Lines    []int64 `json:"line_ids"`
	Reversed link    `json:"reversed_entry_id"`
}

var entryFields = []string{"id", "name", "ref", "state", "date", "company_id", "journal_id", "line_ids", "reversed_entry_id"}

type entryLine struct {
	ID          int64  `json:"id"`
	Name        text   `json:"name"`
	Account     link   `json:"account_id"`
	Partner     link   `json:"partner_id"`
	Debit       number `json:"debit"`
	Credit      number `json:"credit"`
	Currency    link   `json:"currency_id"`
	Transaction number `json:"amount_currency"`
}

// entries reads the entries of the company that match: posted before draft before
// cancelled, oldest first.
func (o *Client) entries(ctx context.Context, op string, where ...any) ([]entry, error) {
	company, err := o.companyID(ctx)
	if err != nil {
		return nil, err
	}
	var rows []entry
	where = append(where, clause("company_id", "=", company), clause("move_type", "=", "entry"))
	if err := o.searchRead(ctx, op, "account.move", domain(where...), maxTwins, "id", entryFields, &rows); err != nil {
		return nil, err
	}
	rank := map[string]int{"posted": 0, "draft": 1, "cancel": 2}
	slices.SortStableFunc(rows, func(a, b entry) int { return rank[a.State] - rank[b.State] })
	return rows, nil
}

// FindEntry returns the entry whose reference is the key.
func (o *Client) FindEntry(ctx context.Context, key string) (erp.Entry, error) {
	op := "find entry " + key
	rows, err := o.entries(ctx, op, clause("ref", "=", key))
	if err != nil {
		return erp.Entry{}, err
	}
	if len(rows) == 0 || rows[0].State == "cancel" {
		return erp.Entry{}, commerce.Errorf(commerce.KindNotFound, system, op, "no entry has this reference")
	}
	return o.entry(ctx, op, rows[0])
}

// entry reads the lines of an entry.
func (o *Client) entry(ctx context.Context, op string, r entry) (erp.Entry, error) {
	b, err := o.books(ctx)
	if err != nil {
		return erp.Entry{}, err
	}
	var lines []entryLine
	if err := o.readAll(ctx, op, "account.move.line", r.Lines, []string{"id", "name", "account_id", "partner_id", "debit", "credit",
		"currency_id", "amount_currency"}, &lines); err != nil {
		return erp.Entry{}, err
	}
	slices.SortFunc(lines, func(a, b entryLine) int { return int(a.ID - b.ID) })
	journals, err := o.codes(ctx, op, "account.journal", []int64{r.Journal.ID})
	if err != nil {
		return erp.Entry{}, err
	}
	var ids []int64
	for _, l := range lines {
		ids = append(ids, l.Account.ID)
	}
	accounts, err := o.codes(ctx, op, "account.account", ids)
	if err != nil {
		return erp.Entry{}, err
	}
	e := erp.Entry{Ref: o.c.Origin.With("entry/" + formatID(r.ID)), Number: string(r.Number), Posted: r.State == "posted",
		Entry: commerce.JournalEntry{Key: string(r.Ref), Journal: journals[r.Journal.ID], Date: r.Date.Date}}
	if r.Reversed.ID != 0 {
		e.ReversalOf = o.c.Origin.With("entry/" + formatID(r.Reversed.ID))
	}
	for _, l := range lines {
		line, err := l.line(b.currency, accounts[l.Account.ID])
		if err != nil {
			return e, err
		}
		e.Entry.Lines = append(e.Entry.Lines, line)
	}
	return e, nil
}

// line says a line in the root's words.
func (l entryLine) line(c commerce.Currency, code string) (out commerce.JournalLine, err error) {
	out = commerce.JournalLine{Account: code, Text: string(l.Name)}
	if l.Partner.ID != 0 {
		out.Party = formatID(l.Partner.ID)
	}
	if out.Debit, err = l.Debit.money(c); err != nil {
		return out, err
	}
	if out.Credit, err = l.Credit.money(c); err != nil {
		return out, err
	}
	if second := commerce.Currency(l.Currency.Label); l.Currency.ID != 0 && second != c {
		if second, err = commerce.ParseCurrency(l.Currency.Label); err != nil {
			return out, err
		}
		out.Transaction, err = l.Transaction.money(second)
	}
	return out, err
}

// PostEntry loads a draft under an external id made of the key, posts it and reads it
// back. Odoo moves an entry that is dated before a lock date without a word, so the
// lock dates are read first.
func (o *Client) PostEntry(ctx context.Context, e commerce.JournalEntry) (erp.Entry, error) {
	return o.postEntry(ctx, "post entry "+e.Key, e)
}

func (o *Client) postEntry(ctx context.Context, op string, e commerce.JournalEntry) (erp.Entry, error) {
	if e.Key == "" || e.Date.IsZero() {
		return erp.Entry{}, notSent(commerce.Errorf(commerce.KindInvalid, system, op, "Key or Date is missing"))
	}
	if err := e.Balance(); err != nil {
		return erp.Entry{}, notSent(err)
	}
	rows, err := o.entries(ctx, op, clause("ref", "=", e.Key))
	if err != nil {
		return erp.Entry{}, notSent(err)
	}
	var got erp.Entry
	if len(rows) > 0 {
		got, err = o.finishDraft(ctx, op, rows[0], e.Date)
	} else if rows, err = o.loadEntry(ctx, op, e, 0); err == nil {
		got, err = o.postDraft(ctx, op, rows[0])
	}
	if err != nil {
		return got, err
	}
	return got, sameEntry(op, e, got)
}

// finishDraft posts what an earlier call has left as a draft, on a day that may be
// another by now; what is posted is read only.
func (o *Client) finishDraft(ctx context.Context, op string, r entry, on commerce.Date) (erp.Entry, error) {
	if r.State != "draft" {
		return o.postDraft(ctx, op, r)
	}
	b, err := o.books(ctx)
	if err != nil {
		return erp.Entry{}, notSent(err)
	}
	lock, err := o.lockDate(ctx, op, b, r.Company.ID, "general")
	if err != nil {
		return erp.Entry{}, notSent(err)
	}
	if !after(on, lock) {
		return erp.Entry{}, notSent(commerce.Errorf(commerce.KindPeriodClosed, system, op, "the books are locked up to %s; the entry is dated %s", lock, on))
	}
	if r.Date.Date != on {
		if err := o.writeMove(ctx, op, r.ID, values{"date": on.String()}); err != nil {
			return erp.Entry{}, err
		}
	}
	e, err := o.postDraft(ctx, op, r)
	if err == nil && e.Entry.Date != on {
		err = call{op: op, write: true}.fail(commerce.KindConflict, commerce.Done, 0, "the server has moved the entry to "+e.Entry.Date.String())
	}
	return e, err
}

// loadEntry makes a draft and reads it; reversed is the entry that it takes back. One
// whose load was refused may have been made, and posted, by a twin.
func (o *Client) loadEntry(ctx context.Context, op string, e commerce.JournalEntry, reversed int64) ([]entry, error) {
	s, err := o.entrySheet(ctx, op, e, reversed)
	if err != nil {
		return nil, notSent(err)
	}
	id, failed := o.load(ctx, op, "account.move", s, nil)
	if failed != nil && commerce.KindOf(failed) != commerce.KindInvalid {
		return nil, failed
	}
	where := clause("id", "=", id)
	if failed != nil {
		where = clause("ref", "=", e.Key)
	}
	rows, err := o.entries(ctx, op, where)
	switch {
	case failed != nil && (err != nil || len(rows) == 0):
		return nil, failed
	case err != nil:
		return nil, outcome(err, commerce.Unknown)
	case len(rows) == 0:
		return nil, call{op: op, write: true}.fail(commerce.KindConflict, commerce.Unknown, 0, "the entry is not there right after it was made")
	}
	return rows, nil
}

// entrySheet is the entry as it is loaded.
func (o *Client) entrySheet(ctx context.Context, op string, e commerce.JournalEntry, reversed int64) (s sheet, err error) {
	company, err := o.companyID(ctx)
	if err != nil {
		return s, err
	}
	b, err := o.books(ctx)
	if err != nil {
		return s, err
	}
	journals, err := o.byCode(ctx, op, "account.journal", []string{e.Journal}, clause("company_id", "=", company))
	if err != nil {
		return s, err
	}
	journal := journals[e.Journal]
	lock, err := o.lockDate(ctx, op, b, company, journal.Type)
	if err != nil {
		return s, err
	}
	if !after(e.Date, lock) {
		return s, commerce.Errorf(commerce.KindPeriodClosed, system, op, "the books are locked up to %s; the entry is dated %s", lock, e.Date)
	}
	var wanted []string
	for _, l := range e.Lines {
		wanted = append(wanted, l.Account)
	}
	accounts, err := o.byCode(ctx, op, "account.account", wanted)
	if err != nil {
		return s, err
	}
	id := o.externalID("entry", formatID(company), e.Key)
	s.set(0, "id", id)
	s.set(0, "move_type", "entry")
	s.set(0, "journal_id/.id", formatID(journal.ID))
	s.set(0, "date", e.Date.String())
	s.set(0, "ref", e.Key)
	if reversed != 0 {
		s.set(0, "reversed_entry_id/.id", formatID(reversed))
	}
	foreign := slices.ContainsFunc(e.Lines, func(l commerce.JournalLine) bool {
		c := l.Transaction.Currency()
		return c != "" && c != b.currency
	})
	for i, l := range e.Lines {
		if l.Debit.Currency() != b.currency && l.Credit.Currency() != b.currency {
			return s, commerce.Errorf(commerce.KindInvalid, system, op, "Lines[%d] is not in the company's currency %s", i, b.currency)
		}
		s.set(i, "line_ids/id", id+"_line_"+formatID(int64(i+1)))
		s.set(i, "line_ids/account_id/.id", formatID(accounts[l.Account].ID))
		s.set(i, "line_ids/name", first(l.Text, e.Text))
		s.set(i, "line_ids/debit", amountText(l.Debit))
		s.set(i, "line_ids/credit", amountText(l.Credit))
		if l.Party != "" {
			if _, err := parseID(l.Party); err != nil {
				return s, err
			}
			s.set(i, "line_ids/partner_id/.id", l.Party)
		}
		if !foreign {
			continue
		}
		// Where one line names a currency the import wants it on all.
		second := l.Transaction
		if second.Currency() == "" {
			if second, err = balance(l, b.currency); err != nil {
				return s, err
			}
		}
		currency, err := o.currencyID(ctx, second.Currency())
		if err != nil {
			return s, err
		}
		if currency == 0 {
			return s, commerce.Errorf(commerce.KindMapping, system, op, "the ERP has no currency %s", second.Currency())
		}
		s.set(i, "line_ids/currency_id/.id", formatID(currency))
		s.set(i, "line_ids/amount_currency", second.Text())
	}
	return s, nil
}

// balance is debit - credit.
func balance(l commerce.JournalLine, c commerce.Currency) (commerce.Money, error) {
	if l.Credit.IsZero() {
		return l.Debit, nil
	}
	return commerce.Sum(c, l.Credit.Neg())
}

func amountText(m commerce.Money) string {
	if m.IsZero() {
		return "0"
	}
	return m.Text()
}

// postDraft posts an entry where it is a draft, and reads it. A second post is a
// UserError, so a posted one is left alone.
func (o *Client) postDraft(ctx context.Context, op string, r entry) (erp.Entry, error) {
	var step error
	if r.State == "draft" {
		step = o.step(ctx, op, "account.move", "action_post", nil, r.ID)
		if step != nil && commerce.KindOf(step) != commerce.KindInvalid {
			return erp.Entry{}, step
		}
	}
	rows, err := o.entries(ctx, op, clause("id", "=", r.ID))
	if err != nil {
		return erp.Entry{}, outcome(err, commerce.Done)
	}
	if len(rows) == 0 || rows[0].State != "posted" {
		if step != nil {
			return erp.Entry{}, step
		}
		return erp.Entry{}, call{op: op, write: true}.fail(commerce.KindConflict, commerce.Unknown, 0, "the entry is not posted after post")
	}
	e, err := o.entry(ctx, op, rows[0])
	if err != nil {
		return e, outcome(err, commerce.Done)
	}
	return e, nil
}

// sameEntry compares date and amounts by account with what was asked for.
func sameEntry(op string, want commerce.JournalEntry, got erp.Entry) error {
	sums := func(e commerce.JournalEntry) map[string]int64 {
		m := map[string]int64{}
		for _, l := range e.Lines {
			m[l.Account] += l.Debit.Minor() - l.Credit.Minor()
		}
		return m
	}
	differs := func(text string) error {
		return call{op: op, write: true}.fail(commerce.KindConflict, commerce.Done, 0, text)
	}
	if got.Entry.Date != want.Date {
		return differs("the entry under this key is dated " + got.Entry.Date.String() + ", not " + want.Date.String())
	}
	a, b := sums(want), sums(got.Entry)
	for account, n := range a {
		if b[account] != n {
			return differs("the entry under this key has another amount on account " + account)
		}
		delete(b, account)
	}
	for account, n := range b {
		if n != 0 {
			return differs("the entry under this key has an amount on account " + account + " that was not asked for")
		}
	}
	return nil
}
