package tryton

import (
	"context"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// entry is what is read of an account.move. Tryton 6.0 has no field for a reference
// of ours: the key is the description.
type entry struct {
	ID          int64   `json:"id"`
	Number      string  `json:"number"`
	PostNumber  string  `json:"post_number"`
	State       string  `json:"state"` // draft, posted
	Date        date    `json:"date"`
	Description string  `json:"description"`
	Origin      string  `json:"origin"`
	Lines       []int64 `json:"lines"`
	Journal     struct {
		Code string `json:"code"`
	} `json:"journal."`
}

var entryFields = []string{"id", "number", "post_number", "state", "date", "description", "origin", "lines", "journal.code"}

type entryLine struct {
	ID          int64  `json:"id"`
	Description string `json:"description"`
	Debit       number `json:"debit"`
	Credit      number `json:"credit"`
	Party       int64  `json:"party"`
	Account     struct {
		Code string `json:"code"`
	} `json:"account."`
	Second *struct {
		Code string `json:"code"`
	} `json:"second_currency."`
	SecondAmount number `json:"amount_second_currency"`
}

// entries reads the moves under a key: posted before draft, oldest first.
func (t *Client) entries(ctx context.Context, op, key string) ([]entry, error) {
	company, err := t.companyID(ctx)
	if err != nil {
		return nil, err
	}
	var rows []entry
	if err := t.searchRead(ctx, op, "account.move", []any{clause("description", "=", key), clause("company", "=", company)},
		maxTwins, byID, entryFields, &rows); err != nil {
		return nil, err
	}
	rank := map[string]int{"posted": 0, "draft": 1}
	slices.SortStableFunc(rows, func(a, b entry) int { return rank[a.State] - rank[b.State] })
	return rows, nil
}

// FindEntry returns the move whose description is the key.
func (t *Client) FindEntry(ctx context.Context, key string) (erp.Entry, error) {
	op := "find entry " + key
	rows, err := t.entries(ctx, op, key)
	if err != nil {
		return erp.Entry{}, err
	}
	if len(rows) == 0 {
		return erp.Entry{}, commerce.Errorf(commerce.KindNotFound, system, op, "no entry has this description")
	}
	return t.entry(ctx, op, rows[0])
}

// entry reads the lines of a move.
func (t *Client) entry(ctx context.Context, op string, r entry) (erp.Entry, error) {
	b, err := t.books(ctx)
	if err != nil {
		return erp.Entry{}, err
	}
	var lines []entryLine
	if err := t.readAll(ctx, op, "account.move.line", r.Lines, []string{"id", "description", "debit", "credit", "party",
		"account.code", "second_currency.code", "amount_second_currency"}, &lines); err != nil {
		return erp.Entry{}, err
	}
	slices.SortFunc(lines, func(a, b entryLine) int { return int(a.ID - b.ID) })
	e := erp.Entry{Ref: t.c.Origin.With("entry/" + formatID(r.ID)), Number: r.PostNumber, Posted: r.State == "posted",
		Entry: commerce.JournalEntry{Key: r.Description, Journal: r.Journal.Code, Date: r.Date.Date}}
	if e.Number == "" {
		e.Number = r.Number
	}
	if id, ok := strings.CutPrefix(r.Origin, "account.move,"); ok {
		e.ReversalOf = t.c.Origin.With("entry/" + id)
	}
	for _, l := range lines {
		line, err := l.line(b.currency)
		if err != nil {
			return e, err
		}
		e.Entry.Lines = append(e.Entry.Lines, line)
	}
	return e, nil
}

// line says a line in the root's words; a reversal's negative debit is a credit.
func (l entryLine) line(c commerce.Currency) (commerce.JournalLine, error) {
	out := commerce.JournalLine{Account: l.Account.Code, Text: l.Description}
	if l.Party != 0 {
		out.Party = formatID(l.Party)
	}
	debit, err := l.Debit.money(c)
	if err != nil {
		return out, err
	}
	credit, err := l.Credit.money(c)
	if err != nil {
		return out, err
	}
	out.Debit, out.Credit = debit, credit
	if debit.Sign() < 0 || credit.Sign() < 0 {
		out.Debit, out.Credit = credit.Neg(), debit.Neg()
	}
	if l.Second != nil && l.SecondAmount != "" {
		second, err := commerce.ParseCurrency(l.Second.Code)
		if err != nil {
			return out, err
		}
		if out.Transaction, err = l.SecondAmount.money(second); err != nil {
			return out, err
		}
	}
	return out, nil
}

// PostEntry makes a draft that carries the key, posts it and reads it back. The
// server lets an unbalanced draft in, so the balance is checked here first.
func (t *Client) PostEntry(ctx context.Context, e commerce.JournalEntry) (erp.Entry, error) {
	op := "post entry " + e.Key
	if e.Key == "" || e.Date.IsZero() {
		return erp.Entry{}, notSent(commerce.Errorf(commerce.KindInvalid, system, op, "Key or Date is missing"))
	}
	if err := e.Balance(); err != nil {
		return erp.Entry{}, notSent(err)
	}
	rows, err := t.entries(ctx, op, e.Key)
	if err != nil {
		return erp.Entry{}, notSent(err)
	}
	if len(rows) == 0 {
		move, err := t.moveValues(ctx, op, e)
		if err != nil {
			return erp.Entry{}, notSent(err)
		}
		if rows, err = t.createEntry(ctx, op, e.Key, move); err != nil {
			return erp.Entry{}, err
		}
	}
	got, err := t.postDraft(ctx, op, e.Key, rows[0])
	if err != nil {
		return got, err
	}
	return got, t.sameEntry(op, e, got)
}

// createEntry makes a draft and reads what is under its key; the newest draft goes
// again where a twin was made at the same moment.
func (t *Client) createEntry(ctx context.Context, op, key string, move values) ([]entry, error) {
	var ids []int64
	if err := t.do(ctx, call{op: op, method: "model.account.move.create", params: []any{[]values{move}}, write: true, out: &ids}); err != nil {
		return nil, err
	}
	rows, err := t.entries(ctx, op, key)
	if err != nil {
		return nil, outcome(err, commerce.Unknown)
	}
	if len(rows) == 0 || len(ids) != 1 {
		return nil, call{op: op, write: true}.fail(commerce.KindConflict, commerce.Unknown, 0, "the entry is not there right after it was made")
	}
	if rows[0].ID != ids[0] {
		if err := t.do(ctx, call{op: op, method: "model.account.move.delete", params: []any{ids}, write: true}); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// moveValues says an entry in Tryton's fields.
func (t *Client) moveValues(ctx context.Context, op string, e commerce.JournalEntry) (values, error) {
	company, err := t.companyID(ctx)
	if err != nil {
		return nil, err
	}
	accounts, err := t.accounts(ctx, op, company, e.Lines)
	if err != nil {
		return nil, err
	}
	lines := make([]values, len(e.Lines))
	for i, l := range e.Lines {
		if l.Text == "" {
			l.Text = e.Text
		}
		if lines[i], err = t.lineValues(ctx, op, accounts[l.Account], l); err != nil {
			return nil, err
		}
	}
	journal, err := t.oneID(ctx, op, "account.journal", []any{clause("code", "=", e.Journal)}, "journal with the code "+e.Journal)
	if err != nil {
		return nil, err
	}
	return t.header(ctx, op, e.Key, journal, e.Date, lines)
}

// header is an entry of these lines, in the open period of its day.
func (t *Client) header(ctx context.Context, op, key string, journal int64, day commerce.Date, lines []values) (values, error) {
	company, err := t.companyID(ctx)
	if err != nil {
		return nil, err
	}
	var periods []struct {
		ID    int64  `json:"id"`
		State string `json:"state"`
	}
	if err := t.searchRead(ctx, op, "account.period", []any{clause("company", "=", company), clause("type", "=", "standard"),
		clause("start_date", "<=", date{day}), clause("end_date", ">=", date{day})}, 1, byID, []string{"id", "state"}, &periods); err != nil {
		return nil, err
	}
	if len(periods) == 0 || periods[0].State != "open" {
		return nil, commerce.Errorf(commerce.KindPeriodClosed, system, op, "no open period holds %s", day)
	}
	return values{"company": company, "journal": journal, "period": periods[0].ID, "date": date{day},
		"description": key, "lines": create(lines...)}, nil
}

// lineValues says a line in Tryton's fields.
func (t *Client) lineValues(ctx context.Context, op string, account int64, l commerce.JournalLine) (values, error) {
	b, err := t.books(ctx)
	if err != nil {
		return nil, err
	}
	if l.Debit.Currency() != b.currency && l.Credit.Currency() != b.currency {
		return nil, commerce.Errorf(commerce.KindInvalid, system, op, "a line on %s is not in the company's currency %s", l.Account, b.currency)
	}
	v := values{"account": account, "debit": amountText(l.Debit), "credit": amountText(l.Credit), "description": l.Text}
	if l.Party != "" {
		if v["party"], err = parseID(l.Party); err != nil {
			return nil, err
		}
	}
	if c := l.Transaction.Currency(); c != "" && c != b.currency {
		id, err := t.currencyID(ctx, c)
		if err != nil {
			return nil, err
		}
		if id == 0 {
			return nil, commerce.Errorf(commerce.KindMapping, system, op, "the ERP has no currency %s", c)
		}
		v["second_currency"], v["amount_second_currency"] = id, number(l.Transaction.Text())
	}
	return v, nil
}

func amountText(m commerce.Money) number {
	if m.IsZero() {
		return "0"
	}
	return number(m.Text())
}

// accounts finds the accounts of lines by code.
func (t *Client) accounts(ctx context.Context, op string, company int64, lines []commerce.JournalLine) (map[string]int64, error) {
	var codes []string
	for _, l := range lines {
		codes = append(codes, l.Account)
	}
	slices.Sort(codes)
	codes = slices.Compact(codes)
	var rows []struct {
		ID   int64  `json:"id"`
		Code string `json:"code"`
	}
	if err := t.searchRead(ctx, op, "account.account", []any{clause("code", "in", codes), clause("company", "=", company)},
		2*len(codes), byID, []string{"id", "code"}, &rows); err != nil {
		return nil, err
	}
	found := map[string]int64{}
	for _, r := range rows {
		if found[r.Code] != 0 {
			return nil, commerce.Errorf(commerce.KindAmbiguous, system, op, "two accounts have the code %q", r.Code)
		}
		found[r.Code] = r.ID
	}
	for _, code := range codes {
		if found[code] == 0 {
			return nil, commerce.Errorf(commerce.KindMapping, system, op, "the company has no account with the code %q", code)
		}
	}
	return found, nil
}

// oneID finds the one record that matches a domain.
func (t *Client) oneID(ctx context.Context, op, model string, domain []any, what string) (int64, error) {
	var rows []struct {
		ID int64 `json:"id"`
	}
	if err := t.searchRead(ctx, op, model, domain, 2, byID, []string{"id"}, &rows); err != nil {
		return 0, err
	}
	switch len(rows) {
	case 0:
		return 0, commerce.Errorf(commerce.KindMapping, system, op, "there is no %s", what)
	case 1:
		return rows[0].ID, nil
	}
	return 0, commerce.Errorf(commerce.KindAmbiguous, system, op, "there is more than one %s", what)
}

// postDraft posts a move where it is a draft, and reads it. A second post is a
// UserError, so a posted one is left alone.
func (t *Client) postDraft(ctx context.Context, op, key string, r entry) (erp.Entry, error) {
	if r.State != "posted" {
		if err := t.do(ctx, call{op: op, method: "model.account.move.post", params: []any{[]int64{r.ID}}, write: true}); err != nil {
			return erp.Entry{}, err
		}
	}
	rows, err := t.entries(ctx, op, key)
	if err != nil {
		return erp.Entry{}, outcome(err, commerce.Done)
	}
	if len(rows) == 0 || rows[0].State != "posted" {
		return erp.Entry{}, call{op: op, write: true}.fail(commerce.KindConflict, commerce.Unknown, 0, "the entry is not posted after post")
	}
	e, err := t.entry(ctx, op, rows[0])
	if err != nil {
		return e, outcome(err, commerce.Done)
	}
	return e, nil
}

// sameEntry compares date and amounts by account with what was asked for.
func (t *Client) sameEntry(op string, want commerce.JournalEntry, got erp.Entry) error {
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

// ReverseEntry lets the server's own wizard make the reversal, marked with the key
// as its description, and posts it. The server dates it as the original; where that
// period is closed it asks a person (kind needs decision).
func (t *Client) ReverseEntry(ctx context.Context, ref commerce.Ref, key, reason string) (erp.Entry, error) {
	op := "reverse " + ref.ID
	id, err := t.idOf(ref, "entry")
	if err != nil {
		return erp.Entry{}, err
	}
	rows, err := t.entries(ctx, op, key)
	if err != nil {
		return erp.Entry{}, notSent(err)
	}
	if len(rows) == 0 {
		t.c.Log.InfoContext(ctx, "reverse entry", "entry", ref.ID, "key", key, "reason", reason)
		err := t.wizard(ctx, op, "account.move.cancel", "default", "cancel", values{"description": key}, "account.move", id)
		if err != nil {
			return erp.Entry{}, err
		}
		if rows, err = t.entries(ctx, op, key); err != nil {
			return erp.Entry{}, outcome(err, commerce.Unknown)
		}
	}
	if len(rows) == 0 || rows[0].Origin != "account.move,"+formatID(id) {
		return erp.Entry{}, call{op: op, write: true}.fail(commerce.KindConflict, commerce.Unknown, 0, "the entry under this key is no reversal of the original")
	}
	return t.postDraft(ctx, op, key, rows[0])
}

// wizard runs a server wizard of one step on one record.
func (t *Client) wizard(ctx context.Context, op, name, state, button string, form values, model string, id int64) error {
	var session []any
	if err := t.do(ctx, call{op: op, method: "wizard." + name + ".create", out: &session}); err != nil {
		return notSent(err)
	}
	if len(session) == 0 {
		return call{op: op, write: true}.fail(commerce.KindInternal, commerce.NotSent, 0, "the wizard answered without a session")
	}
	err := t.do(ctx, call{op: op, method: "wizard." + name + ".execute", write: true,
		params:  []any{session[0], values{state: form}, button},
		context: values{"active_model": model, "active_id": id, "active_ids": []int64{id}}})
	if err != nil {
		return err
	}
	return t.do(ctx, call{op: op, method: "wizard." + name + ".delete", params: []any{session[0]}, write: true})
}
