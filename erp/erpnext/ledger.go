package erpnext

import (
	"context"
	"errors"
	"regexp"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// entry is what is read of a Journal Entry.
type entry struct {
	Name       string `json:"name"`
	DocStatus  int    `json:"docstatus"`
	Type       string `json:"voucher_type"`
	Date       string `json:"posting_date"`
	Remark     string `json:"user_remark"`
	ReversalOf string `json:"reversal_of"`
	Company    string `json:"company"`
	Accounts   []struct {
		Account string `json:"account"`
		Debit   number `json:"debit_in_account_currency"`
		Credit  number `json:"credit_in_account_currency"`
		Type    string `json:"party_type"`
		Party   string `json:"party"`
		Remark  string `json:"user_remark"`
	} `json:"accounts"`
}

// foreign is what an account of one currency can not hold: it stands at the end of the
// row's remark.
var foreign = regexp.MustCompile(`^(.*) \[(-?[0-9.]+) ([A-Z]{3})\]$`)

// entryUnder reads the entry under a key; an entry without a name = there is none. A
// cancelled one counts: its key is taken.
func (o *Client) entryUnder(ctx context.Context, op, key string) (entry, error) {
	var rows []named
	if err := o.list(ctx, op, "Journal Entry", []any{is(o.c.KeyField, "=", key), is("company", "=", o.company.name)}, "creation asc", 1, []string{"name"}, &rows); err != nil || len(rows) == 0 {
		return entry{}, err
	}
	var e entry
	err := o.get(ctx, op, "Journal Entry", rows[0].Name, &e)
	return e, err
}

// FindEntry returns the Journal Entry under a key.
func (o *Client) FindEntry(ctx context.Context, key string) (erp.Entry, error) {
	op := "find entry " + key
	e, err := o.entryUnder(ctx, op, key)
	if err == nil && e.Name == "" {
		err = commerce.Errorf(commerce.KindNotFound, system, op, "no entry has this key")
	}
	if err != nil {
		return erp.Entry{}, err
	}
	return o.entry(ctx, key, e)
}

// entry says a Journal Entry in the port's words.
func (o *Client) entry(ctx context.Context, key string, e entry) (erp.Entry, error) {
	b, err := o.books(ctx)
	if err != nil {
		return erp.Entry{}, err
	}
	out := erp.Entry{Ref: o.c.Origin.With("entry/" + e.Name), Number: e.Name, Posted: e.DocStatus == 1,
		Entry: commerce.JournalEntry{Key: key, Journal: e.Type, Text: e.Remark}}
	if e.ReversalOf != "" {
		out.ReversalOf = o.c.Origin.With("entry/" + e.ReversalOf)
	}
	if out.Entry.Date, err = day(e.Date); err != nil {
		return out, err
	}
	for _, r := range e.Accounts {
		code, err := o.accountNumber(ctx, r.Account)
		if err != nil {
			return out, err
		}
		l := commerce.JournalLine{Account: code, Text: r.Remark}
		if r.Type == "Customer" {
			l.Party = r.Party
		}
		if l.Debit, err = r.Debit.money(b.currency); err != nil {
			return out, err
		}
		if l.Credit, err = r.Credit.money(b.currency); err != nil {
			return out, err
		}
		if m := foreign.FindStringSubmatch(r.Remark); m != nil {
			c, err := commerce.ParseCurrency(m[3])
			if err != nil {
				return out, err
			}
			if l.Transaction, err = commerce.ParseMoney(m[2], c); err != nil {
				return out, err
			}
			l.Text = m[1]
		}
		out.Entry.Lines = append(out.Entry.Lines, l)
	}
	return out, nil
}

// PostEntry inserts a draft under the key, submits it and reads it back. Account is an
// account's number, Journal a voucher type: "Journal Entry", "Bank Entry".
func (o *Client) PostEntry(ctx context.Context, e commerce.JournalEntry) (erp.Entry, error) {
	op := "post entry " + e.Key
	if err := checkKey(op, e.Key); err != nil {
		return erp.Entry{}, err
	}
	if e.Date.IsZero() {
		return erp.Entry{}, notSent(commerce.Errorf(commerce.KindInvalid, system, op, "Date is missing"))
	}
	if err := e.Balance(); err != nil {
		return erp.Entry{}, notSent(err)
	}
	got, err := o.post(ctx, op, e, "")
	if err != nil {
		return got, err
	}
	return got, sameEntry(op, e, got)
}

// post finds the entry under the key or inserts it, and submits it where it is a draft.
func (o *Client) post(ctx context.Context, op string, e commerce.JournalEntry, reversalOf string) (erp.Entry, error) {
	found, err := o.entryUnder(ctx, op, e.Key)
	if err != nil {
		return erp.Entry{}, notSent(err)
	}
	if found.Name == "" {
		v, err := o.document(ctx, op, e, reversalOf)
		if err != nil {
			return erp.Entry{}, notSent(err)
		}
		err = o.insert(ctx, op, "Journal Entry", v, &found)
		if errors.Is(err, commerce.ErrDuplicate) { // somebody else was quicker
			other, findErr := o.entryUnder(ctx, op, e.Key)
			if findErr != nil || other.Name == "" {
				return erp.Entry{}, err
			}
			found, err = other, nil
		}
		if err != nil {
			return erp.Entry{}, err
		}
	}
	switch found.DocStatus {
	case 0:
		if err := o.setStatus(ctx, op, "Journal Entry", found.Name, 1); err != nil {
			return erp.Entry{}, err
		}
		if err := o.get(ctx, op, "Journal Entry", found.Name, &found); err != nil {
			return erp.Entry{}, outcome(err, commerce.Done)
		}
	case 2:
		return erp.Entry{}, refused(op, commerce.KindConflict, commerce.NotSent, "the entry under this key was cancelled")
	}
	if found.DocStatus != 1 {
		return erp.Entry{}, refused(op, commerce.KindConflict, commerce.Unknown, "the entry is not submitted after submit")
	}
	got, err := o.entry(ctx, e.Key, found)
	return got, outcome(err, commerce.Done)
}

// document is the entry as it is inserted.
func (o *Client) document(ctx context.Context, op string, e commerce.JournalEntry, reversalOf string) (values, error) {
	b, err := o.books(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([]values, len(e.Lines))
	for i, l := range e.Lines {
		if l.Debit.Currency() != b.currency && l.Credit.Currency() != b.currency {
			return nil, commerce.Errorf(commerce.KindInvalid, system, op, "Lines[%d] is not in the company's currency %s", i, b.currency)
		}
		account, err := o.account(ctx, op, l.Account, b.currency)
		if err != nil {
			return nil, err
		}
		text := first(l.Text, e.Text)
		if c := l.Transaction.Currency(); c != "" && c != b.currency {
			text += " [" + l.Transaction.Text() + " " + string(c) + "]"
		}
		rows[i] = values{"account": account, "debit_in_account_currency": amount(l.Debit), "credit_in_account_currency": amount(l.Credit), "user_remark": text}
		if l.Party != "" {
			rows[i]["party_type"], rows[i]["party"] = "Customer", l.Party
		}
	}
	v := values{o.c.KeyField: e.Key, "company": o.company.name, "voucher_type": first(e.Journal, "Journal Entry"), "posting_date": e.Date.String(),
		"user_remark": e.Text, "cheque_no": e.Key, "cheque_date": e.Date.String(), "accounts": rows}
	if reversalOf != "" {
		v["reversal_of"] = reversalOf
	}
	return v, nil
}

// account finds an account of the company by its number.
func (o *Client) account(ctx context.Context, op, code string, currency commerce.Currency) (string, error) {
	if name, ok := o.company.accounts.Get(code); ok {
		return name, nil
	}
	var rows []struct {
		Name     string `json:"name"`
		Currency string `json:"account_currency"`
	}
	if err := o.list(ctx, op, "Account", []any{is("account_number", "=", code), is("company", "=", o.company.name), is("is_group", "=", 0)}, "name asc", 2,
		[]string{"name", "account_currency"}, &rows); err != nil {
		return "", err
	}
	switch {
	case len(rows) == 0 || code == "":
		return "", commerce.Errorf(commerce.KindMapping, system, op, "the company has no account with the number %q", code)
	case len(rows) > 1:
		return "", commerce.Errorf(commerce.KindAmbiguous, system, op, "two accounts have the number %q", code)
	case rows[0].Currency != "" && rows[0].Currency != string(currency):
		return "", commerce.Errorf(commerce.KindMapping, system, op, "account %s is kept in %s, not in %s", code, rows[0].Currency, currency)
	}
	o.company.accounts.Put(code, rows[0].Name)
	return rows[0].Name, nil
}

// accountNumber is the number of an account; its name where it has none.
func (o *Client) accountNumber(ctx context.Context, name string) (string, error) {
	if code, ok := o.company.accounts.Get("name:" + name); ok {
		return code, nil
	}
	var doc struct {
		Number string `json:"account_number"`
	}
	if err := o.get(ctx, "read account", "Account", name, &doc); err != nil {
		return "", err
	}
	code := first(doc.Number, name)
	o.company.accounts.Put("name:"+name, code)
	return code, nil
}

// sameEntry compares date and amounts by account with what was asked for.
func sameEntry(op string, want commerce.JournalEntry, got erp.Entry) error {
	differs := func(text string) error { return refused(op, commerce.KindConflict, commerce.Done, text) }
	if got.Entry.Date != want.Date {
		return differs("the entry under this key is dated " + got.Entry.Date.String() + ", not " + want.Date.String())
	}
	sums := map[string]int64{}
	for _, l := range want.Lines {
		sums[l.Account] += l.Debit.Minor() - l.Credit.Minor()
	}
	for _, l := range got.Entry.Lines {
		sums[l.Account] -= l.Debit.Minor() - l.Credit.Minor()
	}
	for account, n := range sums {
		if n != 0 {
			return differs("the entry under this key has another amount on account " + account)
		}
	}
	return nil
}

// ReverseEntry posts an entry of its own with the sides swapped, dated as the original.
// The server's own reversal is not used: its path differs between versions.
func (o *Client) ReverseEntry(ctx context.Context, ref commerce.Ref, key, reason string) (erp.Entry, error) {
	op := "reverse " + ref.ID
	name, err := o.idOf(ref, "entry")
	if err != nil {
		return erp.Entry{}, err
	}
	if err := checkKey(op, key); err != nil {
		return erp.Entry{}, err
	}
	var original entry
	if err := o.get(ctx, op, "Journal Entry", name, &original); err != nil {
		return erp.Entry{}, notSent(err)
	}
	if original.DocStatus != 1 || original.Company != o.company.name {
		return erp.Entry{}, refused(op, commerce.KindConflict, commerce.NotSent, "the entry is not submitted, or another company's")
	}
	was, err := o.entry(ctx, key, original)
	if err != nil {
		return erp.Entry{}, notSent(err)
	}
	back := was.Entry
	back.Text = reason
	for i := range back.Lines {
		l := &back.Lines[i]
		l.Debit, l.Credit, l.Transaction = l.Credit, l.Debit, l.Transaction.Neg()
	}
	got, err := o.post(ctx, op, back, name)
	if err == nil && got.ReversalOf != ref {
		err = refused(op, commerce.KindConflict, commerce.Done, "the entry under this key is no reversal of the original")
	}
	return got, err
}
