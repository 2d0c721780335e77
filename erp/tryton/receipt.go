package tryton

import (
	"cmp"
	"context"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// A receipt is an entry of ours, since the server's wizard can not be found again after
// a lost answer, and knows its own rates only: clearing against lines of the party, one
// for each invoice that it pays and one for the rest. Such a line pays an invoice by
// standing in its payment_lines; once these and the invoice's own lines sum up to
// nought, they are reconciled. A part of a line is split off, or taken from an account
// of advances, by an entry under the receipt's key with " > 1", " > 2", … behind it.

// receipt is an entry under a key, and those that moved parts of it.
type receipt struct {
	main     entry
	moves    []entry // the others, oldest first
	lines    []partyLine
	invoices map[int64]int64 // line: the invoice that it pays
	currency commerce.Currency
	party    int64
}

// partyLine is a line of an account.move that stands under a party.
type partyLine struct {
	ID             int64  `json:"id"`
	Move           int64  `json:"move"`
	Account        int64  `json:"account"`
	Party          int64  `json:"party"`
	Debit          number `json:"debit"`
	Credit         number `json:"credit"`
	Reconciliation int64  `json:"reconciliation"`
	Second         *struct {
		Code string `json:"code"`
	} `json:"second_currency."`
	SecondAmount number `json:"amount_second_currency"`

	value, amount commerce.Money // credit - debit: in the company's currency, and in that of the transaction
}

var partyLineFields = []string{"id", "move", "account", "party", "debit", "credit", "reconciliation", "second_currency.code", "amount_second_currency"}

// partyLines reads lines that match, by id.
func (t *Client) partyLines(ctx context.Context, op string, domain ...any) ([]partyLine, error) {
	b, err := t.books(ctx)
	if err != nil {
		return nil, err
	}
	var lines []partyLine
	if err := t.searchRead(ctx, op, "account.move.line", domain, t.c.CacheSize, byID, partyLineFields, &lines); err != nil {
		return nil, err
	}
	for i := range lines {
		l := &lines[i]
		debit, err := l.Debit.money(b.currency)
		if err != nil {
			return nil, err
		}
		credit, err := l.Credit.money(b.currency)
		if err != nil {
			return nil, err
		}
		l.value = commerce.MustMoney(credit.Minor()-debit.Minor(), b.currency)
		l.amount = l.value
		if l.Second != nil && l.SecondAmount != "" {
			c, err := commerce.ParseCurrency(l.Second.Code)
			if err != nil {
				return nil, err
			}
			if l.amount, err = l.SecondAmount.money(c); err != nil {
				return nil, err
			}
			l.amount = l.amount.Neg()
		}
	}
	return lines, nil
}

// receipt reads what is under a key; nil = nothing is.
func (t *Client) receipt(ctx context.Context, op, key string) (*receipt, error) {
	company, err := t.companyID(ctx)
	if err != nil {
		return nil, err
	}
	var rows []entry
	if err := t.searchRead(ctx, op, "account.move", []any{clause("company", "=", company), []any{"OR", clause("description", "=", key),
		clause("description", "like", key+" > %")}}, t.c.CacheSize, byID, entryFields, &rows); err != nil {
		return nil, err
	}
	r := &receipt{invoices: map[int64]int64{}}
	var ids []int64
	for _, x := range rows { // the pattern matches more: keys may hold % and _
		switch {
		case x.Description == key && (r.main.ID == 0 || r.main.State != "posted"):
			r.main = x
		case strings.HasPrefix(x.Description, key+" > "):
			r.moves = append(r.moves, x)
			ids = append(ids, x.ID)
		}
	}
	if r.main.ID == 0 {
		return nil, nil
	}
	ids = append(ids, r.main.ID)
	if r.lines, err = t.partyLines(ctx, op, clause("move", "in", ids), clause("party", "!=", nil)); err != nil {
		return nil, err
	}
	if len(r.lines) == 0 {
		return nil, nil
	}
	r.currency, r.party = r.lines[0].amount.Currency(), r.lines[0].Party
	ids = nil
	for _, l := range r.lines {
		ids = append(ids, l.ID)
	}
	var paid []struct {
		ID       int64   `json:"id"`
		Payments []int64 `json:"payment_lines"`
	}
	if err := t.searchRead(ctx, op, "account.invoice", []any{clause("payment_lines", "in", ids)}, t.c.CacheSize, byID, []string{"id", "payment_lines"}, &paid); err != nil {
		return nil, err
	}
	for _, i := range paid {
		for _, id := range i.Payments {
			r.invoices[id] = i.ID
		}
	}
	return r, nil
}

// amount is what the receipt was over.
func (r *receipt) amount() commerce.Money {
	var n int64
	for _, l := range r.lines {
		if l.Move == r.main.ID {
			n += l.amount.Minor()
		}
	}
	return commerce.MustMoney(n, r.currency)
}

// appliedTo is how much of the receipt pays an invoice.
func (r *receipt) appliedTo(invoice int64) int64 {
	var n int64
	for _, l := range r.lines {
		if r.invoices[l.ID] == invoice {
			n += l.amount.Minor()
		}
	}
	return n
}

// open are the lines that pay nothing and are settled with nothing.
func (r *receipt) open() []partyLine {
	return slices.DeleteFunc(slices.Clone(r.lines), func(l partyLine) bool { return r.invoices[l.ID] != 0 || l.Reconciliation != 0 })
}

// told says a receipt in the port's words.
func (t *Client) told(r *receipt) erp.Receipt {
	out := erp.Receipt{Ref: t.c.Origin.With("receipt/" + formatID(r.main.ID)), Entry: t.c.Origin.With("entry/" + formatID(r.main.ID)),
		Number: cmp.Or(r.main.PostNumber, r.main.Number), Key: r.main.Description, Party: formatID(r.party), Date: r.main.Date.Date, Amount: r.amount()}
	left := out.Amount.Minor()
	var ids []int64
	for _, id := range r.invoices {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		n := r.appliedTo(id)
		left -= n
		out.Applied = append(out.Applied, erp.Application{Invoice: t.c.Origin.With("invoice/" + formatID(id)), Amount: commerce.MustMoney(n, r.currency)})
	}
	out.Unapplied = commerce.MustMoney(left, r.currency)
	return out
}

// FindReceipt returns the receipt whose entry is under the key.
func (t *Client) FindReceipt(ctx context.Context, key string) (erp.Receipt, error) {
	op := "find receipt " + key
	r, err := t.receipt(ctx, op, key)
	if err != nil {
		return erp.Receipt{}, err
	}
	if r == nil || r.main.State != "posted" {
		return erp.Receipt{}, commerce.Errorf(commerce.KindNotFound, system, op, "no posted entry of a party has this description")
	}
	return t.told(r), nil
}

// PostReceipt posts the entry under the key and attaches its lines to the invoices.
func (t *Client) PostReceipt(ctx context.Context, n erp.NewReceipt) (erp.Receipt, error) {
	if err := n.Validate(); err != nil {
		return erp.Receipt{}, err
	}
	op := "post receipt " + n.Key
	b, err := t.books(ctx)
	if err != nil {
		return erp.Receipt{}, notSent(err)
	}
	if n, err = n.InCompanyCurrency(b.currency); err != nil {
		return erp.Receipt{}, err
	}
	a := erp.Applications{To: n.Apply, Date: n.Date, FXAccount: n.FXAccount}
	r, err := t.receipt(ctx, op, n.Key)
	if err != nil {
		return erp.Receipt{}, notSent(err)
	}
	if r != nil && r.main.State != "posted" && r.main.Date.Date != n.Date {
		// A draft on a day that was asked for once stands in no ledger yet: it is made anew.
		if err := t.do(ctx, call{op: op, method: "model.account.move.delete", params: []any{[]int64{r.main.ID}}, write: true}); err != nil {
			return erp.Receipt{}, err
		}
		r = nil
	}
	if r == nil {
		move, err := t.receiptValues(ctx, op, n)
		if err != nil {
			return erp.Receipt{}, notSent(err)
		}
		rows, err := t.createEntry(ctx, op, n.Key, move)
		if err != nil {
			return erp.Receipt{}, err
		}
		r = &receipt{main: rows[0]}
	} else if got := t.told(r); got.Amount != n.Amount || got.Date != n.Date || got.Party != n.Party {
		return got, call{op: op, write: true}.fail(commerce.KindConflict, commerce.Done, 0, "the receipt under this key is another")
	}
	if _, err := t.postDraft(ctx, op, n.Key, r.main); err != nil {
		return erp.Receipt{}, err
	}
	return t.apply(ctx, op, n.Key, a)
}

// receiptValues says a receipt in Tryton's fields, after a look at what it is to pay.
func (t *Client) receiptValues(ctx context.Context, op string, n erp.NewReceipt) (values, error) {
	party, err := parseID(n.Party)
	if err != nil {
		return nil, err
	}
	company, err := t.companyID(ctx)
	if err != nil {
		return nil, err
	}
	due, err := t.applicable(ctx, op, &receipt{currency: n.Amount.Currency(), party: party}, n.Amount, n.Apply, n.FXAccount)
	if err != nil {
		return nil, err
	}
	codes := []commerce.JournalLine{{Account: n.Account}}
	for _, code := range []string{n.Advance, n.FXAccount} {
		if code != "" {
			codes = append(codes, commerce.JournalLine{Account: code})
		}
	}
	accounts, err := t.accounts(ctx, op, company, codes)
	if err != nil {
		return nil, err
	}
	lines := entryLines{t: t, op: op, text: n.Text}
	lines.add(ctx, accounts[n.Account], "", n.Value, n.Settled)
	value, left, fx := n.Value, n.Amount, int64(0)
	for _, x := range due {
		share := part(value, x.amount, left)
		lines.add(ctx, x.invoice.Account, n.Party, x.booked.Neg(), x.amount.Neg())
		value, left = minus(value, share), minus(left, x.amount)
		fx += x.booked.Minor() - share.Minor()
	}
	if !left.IsZero() {
		holds := accounts[n.Advance]
		if n.Advance == "" {
			if holds, err = t.receivable(ctx, op, party); err != nil {
				return nil, err
			}
		}
		lines.add(ctx, holds, n.Party, value.Neg(), left.Neg())
	}
	if fx != 0 {
		diff := commerce.MustMoney(fx, n.Value.Currency())
		lines.add(ctx, accounts[n.FXAccount], "", diff, diff)
	}
	if lines.err != nil {
		return nil, lines.err
	}
	journal, err := t.oneID(ctx, op, "account.journal", []any{clause("code", "=", n.Journal)}, "journal with the code "+n.Journal)
	if err != nil {
		return nil, err
	}
	return t.header(ctx, op, n.Key, journal, n.Date, lines.list)
}

// entryLines collects lines of an entry; a debit below nought is a credit.
type entryLines struct {
	t        *Client
	op, text string
	list     []values
	err      error
}

func (e *entryLines) add(ctx context.Context, account int64, party string, value, transaction commerce.Money) {
	l := commerce.JournalLine{Party: party, Text: e.text, Debit: value, Transaction: transaction}
	if value.Sign() < 0 {
		l.Debit, l.Credit = commerce.Money{}, value.Neg()
	}
	v, err := e.t.lineValues(ctx, e.op, account, l)
	if err != nil {
		e.err = cmp.Or(e.err, err)
	}
	e.list = append(e.list, v)
}

// receivable is the account that a party owes on: its own, or the company's default.
func (t *Client) receivable(ctx context.Context, op string, party int64) (int64, error) {
	var parties []struct {
		Account int64 `json:"account_receivable"`
	}
	if err := t.read(ctx, op, "party.party", []int64{party}, []string{"account_receivable"}, &parties); err != nil {
		return 0, err
	}
	if len(parties) == 1 && parties[0].Account != 0 {
		return parties[0].Account, nil
	}
	var settings []struct {
		Account int64 `json:"default_account_receivable"`
	}
	if err := t.read(ctx, op, "account.configuration", []int64{1}, []string{"default_account_receivable"}, &settings); err != nil {
		return 0, err
	}
	if len(settings) == 0 || settings[0].Account == 0 {
		return 0, commerce.Errorf(commerce.KindMapping, system, op, "neither the party nor the company has a receivable account")
	}
	return settings[0].Account, nil
}

// payment is a part of an invoice that a receipt is to pay, and what that part is
// booked at.
type payment struct {
	invoice invoice
	amount  commerce.Money
	booked  commerce.Money
}

// applicable returns those applications that are still to be made of a receipt that has
// so much left.
func (t *Client) applicable(ctx context.Context, op string, r *receipt, left commerce.Money, to []erp.Application, fxAccount string) ([]payment, error) {
	refuse := func(text string) ([]payment, error) {
		return nil, call{op: op, write: true}.fail(commerce.KindConflict, commerce.NotSent, 0, text)
	}
	b, err := t.books(ctx)
	if err != nil {
		return nil, err
	}
	var due []payment
	whole := left
	for _, a := range to {
		id, err := t.idOf(a.Invoice, "invoice")
		if err != nil {
			return nil, err
		}
		i, err := t.invoiceByID(ctx, op, id)
		if err != nil {
			return nil, err
		}
		if i.Currency.Code != string(r.currency) || a.Amount.Currency() != r.currency {
			return nil, commerce.Errorf(commerce.KindInvalid, system, op, "%s is in %s, the receipt in %s", a.Invoice.ID, i.Currency.Code, r.currency)
		}
		if n := r.appliedTo(id); n != 0 {
			if n != a.Amount.Minor() {
				return refuse("another part of it is applied to " + a.Invoice.ID + " already")
			}
			continue
		}
		open, err := i.ToPay.money(r.currency)
		if err != nil {
			return nil, err
		}
		left = minus(left, a.Amount)
		switch {
		case i.Party != r.party:
			return refuse(a.Invoice.ID + " is of another party")
		case !i.isPosted():
			return refuse(a.Invoice.ID + " is a draft")
		case a.Amount.Sign() != open.Sign() || a.Amount.Abs().Minor() > open.Abs().Minor():
			return refuse(open.String() + " is open of " + a.Invoice.ID)
		case left.Sign() == -whole.Sign() && !whole.IsZero() || whole.IsZero():
			return refuse(whole.String() + " of the receipt is left")
		case r.currency != b.currency && fxAccount == "":
			return nil, commerce.Errorf(commerce.KindInvalid, system, op, "FXAccount is empty")
		}
		lines, err := t.openLines(ctx, op, i)
		if err != nil {
			return nil, err
		}
		booked := commerce.Zero(b.currency)
		for _, l := range lines {
			booked = minus(booked, l.value)
		}
		due = append(due, payment{i, a.Amount, part(booked, a.Amount, open)})
	}
	return due, nil
}

// openLines are the lines of an invoice, and those that pay it, that are not settled.
func (t *Client) openLines(ctx context.Context, op string, i invoice) ([]partyLine, error) {
	lines, err := t.partyLines(ctx, op, clause("id", "in", append(slices.Clone(i.Due), i.Payments...)))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(lines, func(l partyLine) bool { return l.Reconciliation != 0 }), nil
}

// part is of a value what an amount is of the whole.
func part(value, amount, whole commerce.Money) commerce.Money {
	r := new(big.Rat).SetFrac64(amount.Minor(), whole.Minor())
	return commerce.MustMoney(halfEven(r.Mul(r, new(big.Rat).SetInt64(value.Minor()))).Int64(), value.Currency())
}

func minus(a, b commerce.Money) commerce.Money {
	return commerce.MustMoney(a.Minor()-b.Minor(), a.Currency())
}

// ApplyReceipt attaches lines of a receipt to invoices.
func (t *Client) ApplyReceipt(ctx context.Context, a erp.Applications) (erp.Receipt, error) {
	if err := a.Validate(); err != nil {
		return erp.Receipt{}, err
	}
	op := "apply " + a.Receipt.ID
	key, err := t.receiptKey(ctx, op, a.Receipt)
	if err != nil {
		return erp.Receipt{}, notSent(err)
	}
	return t.apply(ctx, op, key, a)
}

// receiptKey finds the key of a posted receipt.
func (t *Client) receiptKey(ctx context.Context, op string, ref commerce.Ref) (string, error) {
	id, err := t.idOf(ref, "receipt")
	if err != nil {
		return "", err
	}
	company, err := t.companyID(ctx)
	if err != nil {
		return "", err
	}
	var rows []entry
	if err := t.searchRead(ctx, op, "account.move", []any{clause("id", "=", id), clause("company", "=", company)}, 1, byID, entryFields, &rows); err != nil {
		return "", err
	}
	if len(rows) == 0 || rows[0].State != "posted" || rows[0].Description == "" {
		return "", commerce.Errorf(commerce.KindNotFound, system, op, "there is no such posted entry")
	}
	return rows[0].Description, nil
}

// apply makes what is missing of applications, and settles what sums up to nought.
func (t *Client) apply(ctx context.Context, op, key string, a erp.Applications) (erp.Receipt, error) {
	r, err := t.begun(ctx, op, key)
	if err != nil {
		return erp.Receipt{}, err
	}
	due, err := t.applicable(ctx, op, r, t.told(r).Unapplied, a.To, a.FXAccount)
	if err != nil {
		return t.told(r), notSent(err)
	}
	for _, p := range due {
		line := p.line(r)
		if line == 0 {
			if r, err = t.split(ctx, op, r, p, a); err != nil {
				return erp.Receipt{}, err
			}
			line = p.line(r)
		}
		if line == 0 {
			return t.told(r), call{op: op, write: true}.fail(commerce.KindConflict, commerce.NotSent, 0, "no part of the receipt is open to pay the invoice")
		}
		// The server would let the line be taken from what it settles; it was read as open.
		if err := t.do(ctx, call{op: op, method: "model.account.invoice.write", write: true,
			params: []any{[]int64{p.invoice.ID}, values{"payment_lines": add(line)}}, context: p.invoice.unchanged()}); err != nil {
			return t.told(r), meanwhile(err)
		}
		r.invoices[line] = p.invoice.ID
	}
	for _, to := range a.To {
		id, err := t.idOf(to.Invoice, "invoice")
		if err != nil {
			return t.told(r), err
		}
		i, err := t.invoiceByID(ctx, op, id)
		if err != nil {
			return t.told(r), outcome(err, commerce.Unknown)
		}
		lines, err := t.openLines(ctx, op, i)
		if err != nil {
			return t.told(r), outcome(err, commerce.Unknown)
		}
		if err := t.reconcile(ctx, op, a.Date, lines); err != nil {
			return t.told(r), err
		}
	}
	return t.settled(ctx, op, key, a.Date)
}

// begun reads a receipt and posts what an earlier call has left as a draft.
func (t *Client) begun(ctx context.Context, op, key string) (*receipt, error) {
	r, err := t.receipt(ctx, op, key)
	if err != nil {
		return nil, notSent(err)
	}
	if r == nil {
		return nil, notSent(commerce.Errorf(commerce.KindNotFound, system, op, "no entry of a party has this description"))
	}
	for _, m := range r.moves {
		if m.State != "posted" {
			if _, err := t.postDraft(ctx, op, m.Description, m); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// line finds an open line of a receipt that is just what has to be paid.
func (p payment) line(r *receipt) int64 {
	for _, l := range r.open() {
		if l.Account == p.invoice.Account && l.amount == p.amount && l.value == p.booked {
			return l.ID
		}
	}
	return 0
}

// split moves a part of a receipt to a line of its own, at what the invoice is booked at.
func (t *Client) split(ctx context.Context, op string, r *receipt, p payment, a erp.Applications) (*receipt, error) {
	type sum struct{ amount, value commerce.Money }
	sums := map[int64]sum{}
	for _, l := range r.open() {
		s, ok := sums[l.Account]
		if !ok {
			s = sum{l.amount, l.value}
		} else {
			s = sum{minus(s.amount, l.amount.Neg()), minus(s.value, l.value.Neg())}
		}
		sums[l.Account] = s
	}
	var from int64
	for account, s := range sums {
		if s.amount.Sign() == p.amount.Sign() && s.amount.Abs().Minor() >= p.amount.Abs().Minor() && (from == 0 || account < from) {
			from = account
		}
	}
	if from == 0 {
		return r, nil
	}
	share := part(sums[from].value, p.amount, sums[from].amount)
	lines := entryLines{t: t, op: op}
	party := formatID(r.party)
	lines.add(ctx, from, party, share, p.amount)
	lines.add(ctx, p.invoice.Account, party, p.booked.Neg(), p.amount.Neg())
	if fx := minus(p.booked, share); !fx.IsZero() {
		company, err := t.companyID(ctx)
		if err != nil {
			return nil, notSent(err)
		}
		accounts, err := t.accounts(ctx, op, company, []commerce.JournalLine{{Account: a.FXAccount}})
		if err != nil {
			return nil, notSent(err)
		}
		lines.add(ctx, accounts[a.FXAccount], "", fx, fx)
	}
	return t.move(ctx, op, r, a.Date, lines)
}

// move posts a further entry of a receipt, and reads all of it again.
func (t *Client) move(ctx context.Context, op string, r *receipt, day commerce.Date, lines entryLines) (*receipt, error) {
	if lines.err != nil {
		return nil, notSent(lines.err)
	}
	journal, err := t.oneID(ctx, op, "account.journal", []any{clause("code", "=", r.main.Journal.Code)}, "journal with the code "+r.main.Journal.Code)
	if err != nil {
		return nil, notSent(err)
	}
	key := r.main.Description + " > " + strconv.Itoa(len(r.moves)+1)
	v, err := t.header(ctx, op, key, journal, day, lines.list)
	if err != nil {
		return nil, notSent(err)
	}
	rows, err := t.createEntry(ctx, op, key, v)
	if err != nil {
		return nil, err
	}
	if _, err := t.postDraft(ctx, op, key, rows[0]); err != nil {
		return nil, err
	}
	next, err := t.receipt(ctx, op, r.main.Description)
	if err != nil {
		return nil, outcome(err, commerce.Unknown)
	}
	return next, nil
}

// reconcile settles open lines against each other where they sum up to nought. The
// server itself does not mind lines that are settled already, and would leave what
// settled them unbalanced (6.0.29, recorded 2026-11): the caller has just read them.
func (t *Client) reconcile(ctx context.Context, op string, day commerce.Date, lines []partyLine) error {
	company, err := t.companyID(ctx)
	if err != nil {
		return notSent(err)
	}
	var ids []int64
	var sum int64
	for _, l := range lines {
		ids = append(ids, l.ID)
		sum += l.value.Minor()
	}
	if sum != 0 || len(ids) < 2 {
		return nil
	}
	return t.do(ctx, call{op: op, method: "model.account.move.reconciliation.create", write: true,
		params: []any{[]values{{"company": company, "date": date{day}, "lines": add(ids...)}}}})
}

// settled reconciles what is left of a receipt where it sums up to nought, account by
// account, and reads the receipt.
func (t *Client) settled(ctx context.Context, op, key string, day commerce.Date) (erp.Receipt, error) {
	r, err := t.receipt(ctx, op, key)
	if err != nil {
		return erp.Receipt{}, outcome(err, commerce.Unknown)
	}
	byAccount := map[int64][]partyLine{}
	for _, l := range r.open() {
		byAccount[l.Account] = append(byAccount[l.Account], l)
	}
	for _, lines := range byAccount {
		if err := t.reconcile(ctx, op, day, lines); err != nil {
			return t.told(r), err
		}
	}
	return t.told(r), nil
}

// UnapplyReceipt deletes the reconciliations that the receipt pays invoices by, takes
// its lines off the invoices, and moves what came from an account of advances back to it.
func (t *Client) UnapplyReceipt(ctx context.Context, ref commerce.Ref, on commerce.Date) (erp.Receipt, error) {
	op := "take back " + ref.ID
	key, err := t.receiptKey(ctx, op, ref)
	if err != nil {
		return erp.Receipt{}, notSent(err)
	}
	r, err := t.begun(ctx, op, key)
	if err != nil {
		return erp.Receipt{}, err
	}
	var settled []int64
	lines := map[int64][]int64{}
	for _, l := range r.lines {
		if id := r.invoices[l.ID]; id != 0 {
			lines[id] = append(lines[id], l.ID)
			if l.Reconciliation != 0 {
				settled = append(settled, l.Reconciliation)
			}
		}
	}
	slices.Sort(settled)
	if settled = slices.Compact(settled); len(settled) > 0 {
		if err := t.do(ctx, call{op: op, method: "model.account.move.reconciliation.delete", params: []any{settled}, write: true}); err != nil {
			return erp.Receipt{}, err
		}
	}
	for id, ids := range lines {
		if err := t.do(ctx, call{op: op, method: "model.account.invoice.write", write: true,
			params: []any{[]int64{id}, values{"payment_lines": []any{[]any{"remove", ids}}}}}); err != nil {
			return erp.Receipt{}, err
		}
	}
	if r, err = t.receipt(ctx, op, key); err != nil {
		return erp.Receipt{}, outcome(err, commerce.Unknown)
	}
	if err := t.giveBack(ctx, op, r, on); err != nil {
		return erp.Receipt{}, err
	}
	return t.settled(ctx, op, key, on)
}

// giveBack moves what is open on receivable to the account of advances that the receipt
// was posted to, where there is one.
func (t *Client) giveBack(ctx context.Context, op string, r *receipt, on commerce.Date) error {
	var advance int64
	for _, l := range r.lines {
		if l.Move == r.main.ID {
			advance = l.Account // the last line is what was not applied
		}
	}
	lines := entryLines{t: t, op: op}
	party := formatID(r.party)
	open := map[int64][2]int64{}
	for _, l := range r.open() {
		s := open[l.Account]
		open[l.Account] = [2]int64{s[0] + l.value.Minor(), s[1] + l.amount.Minor()}
	}
	for account, s := range open {
		if account == advance || s[0] == 0 {
			continue
		}
		value, amount := commerce.MustMoney(s[0], r.lines[0].value.Currency()), commerce.MustMoney(s[1], r.currency)
		lines.add(ctx, account, party, value, amount)
		lines.add(ctx, advance, party, value.Neg(), amount.Neg())
	}
	if lines.list == nil {
		return nil
	}
	_, err := t.move(ctx, op, r, on, lines)
	return err
}
