package odoo

import (
	"context"
	"math/big"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// A receipt is an entry of ours, not an account.payment: one load under one external id
// holds what the customer paid, what arrived at the clearing account and what that is
// worth, each in its currency, where a payment knows the server's own rate only, and a
// load that comes twice would change a payment that is posted. Its lines on receivable
// are settled with invoices by the server itself, which refuses to settle anything
// twice, and books the difference between the rates. A part of a line is split off, or
// taken from an account of advances, by an entry under the receipt's key with " > 1",
// " > 2", … behind it.

// receipt is an entry under a key, and those that moved parts of it.
type receipt struct {
	main     entry
	moves    []entry // the others, oldest first
	lines    []partyLine
	paid     map[int64]int64 // invoice: how much of the receipt pays it, in minor units
	payers   []int64         // lines that pay invoices
	currency commerce.Currency
	party    int64
}

// partyLine is a line of an entry that stands under a party. Its amounts are credit -
// debit, so that money in is above nought.
type partyLine struct {
	ID       int64  `json:"id"`
	Move     link   `json:"move_id"`
	Account  link   `json:"account_id"`
	Partner  link   `json:"partner_id"`
	Currency link   `json:"currency_id"`
	Balance  number `json:"balance"`
	Amount   number `json:"amount_currency"`
	Residual number `json:"amount_residual"`
	Open     number `json:"amount_residual_currency"`
	// Debits and Credits are matches with lines of the other side.
	Debits  []int64 `json:"matched_debit_ids"`
	Credits []int64 `json:"matched_credit_ids"`

	amount commerce.Money // in the currency of the transaction
	// open is what is not settled, openValue the same in the company's currency.
	open, openValue commerce.Money
}

var partyLineFields = []string{"id", "move_id", "account_id", "partner_id", "currency_id", "balance", "amount_currency", "amount_residual",
	"amount_residual_currency", "matched_debit_ids", "matched_credit_ids"}

// readPartyLines reads lines that match, by id.
func (o *Client) readPartyLines(ctx context.Context, op string, where ...any) ([]partyLine, error) {
	b, err := o.books(ctx)
	if err != nil {
		return nil, err
	}
	var lines []partyLine
	if err := o.searchRead(ctx, op, "account.move.line", domain(where...), o.c.CacheSize, "id", partyLineFields, &lines); err != nil {
		return nil, err
	}
	for i := range lines {
		l := &lines[i]
		c, err := commerce.ParseCurrency(l.Currency.Label)
		if err != nil {
			return nil, err
		}
		for _, f := range []struct {
			to   *commerce.Money
			from number
			in   commerce.Currency
		}{{&l.amount, l.Amount, c}, {&l.open, l.Open, c}, {&l.openValue, l.Residual, b.currency}} {
			m, err := f.from.money(f.in)
			if err != nil {
				return nil, err
			}
			*f.to = m.Neg()
		}
	}
	return lines, nil
}

// receipt reads what is under a key; nil = nothing is.
func (o *Client) receipt(ctx context.Context, op, key string) (*receipt, error) {
	rows, err := o.entries(ctx, op, "|", clause("ref", "=", key), clause("ref", "=like", key+" > %"))
	if err != nil {
		return nil, err
	}
	if len(rows) == maxTwins {
		return nil, commerce.Errorf(commerce.KindLimit, system, op, "%d entries or more under one key", maxTwins)
	}
	r := &receipt{paid: map[int64]int64{}}
	var ids []int64
	for _, x := range rows { // the pattern matches more: keys may hold % and _
		switch {
		case x.State == "cancel":
		case string(x.Ref) == key && r.main.ID == 0:
			r.main = x
		case strings.HasPrefix(string(x.Ref), key+" > "):
			r.moves = append(r.moves, x)
			ids = append(ids, x.ID)
		}
	}
	if r.main.ID == 0 {
		return nil, nil
	}
	slices.SortFunc(r.moves, func(a, b entry) int { return int(a.ID - b.ID) })
	if r.lines, err = o.readPartyLines(ctx, op, clause("move_id", "in", append(ids, r.main.ID)), clause("partner_id", "!=", false)); err != nil {
		return nil, err
	}
	if len(r.lines) == 0 {
		return nil, nil
	}
	r.currency, r.party = r.lines[0].amount.Currency(), r.lines[0].Partner.ID
	return r, o.payments(ctx, op, r)
}

// payments reads which invoices the lines of a receipt are settled with, whoever did so.
func (o *Client) payments(ctx context.Context, op string, r *receipt) error {
	var ids, matched []int64
	for _, l := range r.lines {
		ids = append(ids, l.ID)
		matched = append(append(matched, l.Debits...), l.Credits...)
	}
	slices.Sort(matched)
	var matches []struct {
		Debit        link   `json:"debit_move_id"`
		Credit       link   `json:"credit_move_id"`
		DebitAmount  number `json:"debit_amount_currency"`
		CreditAmount number `json:"credit_amount_currency"`
	}
	if err := o.readAll(ctx, op, "account.partial.reconcile", slices.Compact(matched),
		[]string{"debit_move_id", "credit_move_id", "debit_amount_currency", "credit_amount_currency"}, &matches); err != nil {
		return err
	}
	var others []int64
	for _, m := range matches {
		for _, id := range []int64{m.Debit.ID, m.Credit.ID} {
			if !slices.Contains(ids, id) {
				others = append(others, id)
			}
		}
	}
	invoices, err := o.invoicesOfLines(ctx, op, others)
	if err != nil {
		return err
	}
	for _, m := range matches {
		own, other, amount := m.Credit.ID, m.Debit.ID, m.CreditAmount
		if !slices.Contains(ids, own) {
			own, other, amount = m.Debit.ID, m.Credit.ID, "-"+m.DebitAmount
		}
		if invoices[other] == 0 {
			continue
		}
		paid, err := amount.money(r.currency)
		if err != nil {
			return err
		}
		r.paid[invoices[other]] += paid.Minor()
		r.payers = append(r.payers, own)
	}
	return nil
}

// invoicesOfLines finds those lines that are of invoices or credit notes, and of which.
func (o *Client) invoicesOfLines(ctx context.Context, op string, lines []int64) (map[int64]int64, error) {
	slices.Sort(lines)
	var rows []struct {
		ID   int64 `json:"id"`
		Move link  `json:"move_id"`
	}
	if err := o.readAll(ctx, op, "account.move.line", slices.Compact(lines), []string{"id", "move_id"}, &rows); err != nil {
		return nil, err
	}
	var ids []int64
	for _, l := range rows {
		ids = append(ids, l.Move.ID)
	}
	slices.Sort(ids)
	var moves []struct {
		ID   int64  `json:"id"`
		Type string `json:"move_type"`
	}
	if err := o.readAll(ctx, op, "account.move", slices.Compact(ids), []string{"id", "move_type"}, &moves); err != nil {
		return nil, err
	}
	out := map[int64]int64{}
	for _, l := range rows {
		for _, m := range moves {
			if m.ID == l.Move.ID && (m.Type == customerInvoice || m.Type == customerCreditNote) {
				out[l.ID] = m.ID
			}
		}
	}
	return out, nil
}

// amount is what the receipt was over.
func (r *receipt) amount() commerce.Money {
	sum := commerce.Zero(r.currency)
	for _, l := range r.lines {
		if l.Move.ID == r.main.ID {
			sum = plus(sum, l.amount)
		}
	}
	return sum
}

// unapplied is what of the receipt pays no invoice.
func (r *receipt) unapplied() commerce.Money {
	left := r.amount()
	for _, n := range r.paid {
		left = commerce.MustMoney(left.Minor()-n, r.currency)
	}
	return left
}

// holder is the account of what is not applied: that of the last line.
func (r *receipt) holder() (id int64) {
	for _, l := range r.lines {
		if l.Move.ID == r.main.ID {
			id = l.Account.ID
		}
	}
	return id
}

// openOn sums up what is open of a receipt on each account.
func (r *receipt) openOn() map[int64]openSum {
	sums := map[int64]openSum{}
	for _, l := range r.lines {
		if l.open.IsZero() {
			continue
		}
		s, ok := sums[l.Account.ID]
		if !ok {
			s = openSum{commerce.Zero(r.currency), commerce.Zero(l.openValue.Currency())}
		}
		sums[l.Account.ID] = openSum{plus(s.amount, l.open), plus(s.value, l.openValue)}
	}
	return sums
}

type openSum struct{ amount, value commerce.Money }

// told says a receipt in the port's words.
func (o *Client) told(r *receipt) erp.Receipt {
	out := erp.Receipt{Ref: o.c.Origin.With("receipt/" + formatID(r.main.ID)), Entry: o.c.Origin.With("entry/" + formatID(r.main.ID)),
		Number: string(r.main.Number), Key: string(r.main.Ref), Party: formatID(r.party), Date: r.main.Date.Date,
		Amount: r.amount(), Unapplied: r.unapplied()}
	var ids []int64
	for id := range r.paid {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		out.Applied = append(out.Applied, erp.Application{Invoice: o.c.Origin.With("invoice/" + formatID(id)), Amount: commerce.MustMoney(r.paid[id], r.currency)})
	}
	return out
}

// FindReceipt returns the receipt whose entry has the key as its reference.
func (o *Client) FindReceipt(ctx context.Context, key string) (erp.Receipt, error) {
	op := "find receipt " + key
	r, err := o.receipt(ctx, op, key)
	if err != nil {
		return erp.Receipt{}, err
	}
	if r == nil || r.main.State != "posted" {
		return erp.Receipt{}, commerce.Errorf(commerce.KindNotFound, system, op, "no posted entry of a party has this reference")
	}
	return o.told(r), nil
}

// PostReceipt posts the entry under the key, and has its lines settled with the invoices.
func (o *Client) PostReceipt(ctx context.Context, n erp.NewReceipt) (erp.Receipt, error) {
	if err := n.Validate(); err != nil {
		return erp.Receipt{}, err
	}
	op := "post receipt " + n.Key
	b, err := o.books(ctx)
	if err != nil {
		return erp.Receipt{}, notSent(err)
	}
	if n, err = n.InCompanyCurrency(b.currency); err != nil {
		return erp.Receipt{}, err
	}
	r, err := o.receipt(ctx, op, n.Key)
	if err != nil {
		return erp.Receipt{}, notSent(err)
	}
	if r == nil {
		e, err := o.receiptEntry(ctx, op, n)
		if err != nil {
			return erp.Receipt{}, notSent(err)
		}
		if _, err := o.postEntry(ctx, op, e); err != nil {
			return erp.Receipt{}, err
		}
	} else if got := o.told(r); got.Amount != n.Amount || got.Party != n.Party || r.main.State == "posted" && got.Date != n.Date {
		return got, call{op: op, write: true}.fail(commerce.KindConflict, commerce.Done, 0, "the receipt under this key is another")
	}
	return o.apply(ctx, op, n.Key, erp.Applications{To: n.Apply, Date: n.Date})
}

// receiptEntry is the entry of a receipt, after a look at what it is to pay: clearing
// against a line for each invoice, and one for the rest.
func (o *Client) receiptEntry(ctx context.Context, op string, n erp.NewReceipt) (commerce.JournalEntry, error) {
	e := commerce.JournalEntry{Key: n.Key, Journal: n.Journal, Date: n.Date, Text: n.Text}
	party, err := parseID(n.Party)
	if err != nil {
		return e, err
	}
	due, err := o.applicable(ctx, op, &receipt{currency: n.Amount.Currency(), party: party}, n.Amount, n.Apply)
	if err != nil {
		return e, err
	}
	e.Lines = append(e.Lines, lineOf(n.Account, "", n.Value, n.Settled))
	value, left := n.Value, n.Amount
	for _, d := range due {
		share := part(value, d.amount, left)
		e.Lines = append(e.Lines, lineOf(d.account, n.Party, share.Neg(), d.amount.Neg()))
		value, left = plus(value, share.Neg()), plus(left, d.amount.Neg())
	}
	if left.IsZero() {
		return e, nil
	}
	holder, err := o.holderOf(ctx, op, party, n.Advance)
	if err != nil {
		return e, err
	}
	e.Lines = append(e.Lines, lineOf(holder, n.Party, value.Neg(), left.Neg()))
	return e, nil
}

// lineOf is a line of an entry; a debit below nought is a credit.
func lineOf(account, party string, value, transaction commerce.Money) commerce.JournalLine {
	l := commerce.JournalLine{Account: account, Party: party, Debit: value, Transaction: transaction}
	if value.Sign() < 0 {
		l.Debit, l.Credit = commerce.Money{}, value.Neg()
	}
	return l
}

// part is of a value what an amount is of the whole.
func part(value, amount, whole commerce.Money) commerce.Money {
	r := new(big.Rat).SetFrac64(amount.Minor(), whole.Minor())
	r.Mul(r, new(big.Rat).SetInt64(value.Minor()))
	n, _ := new(big.Int).SetString(r.FloatString(0), 10)
	return commerce.MustMoney(n.Int64(), value.Currency())
}

// holderOf is the code of the account that holds what is not applied: the one of
// advances, on which the server must be able to settle lines, or the party's receivable.
func (o *Client) holderOf(ctx context.Context, op string, party int64, advance string) (string, error) {
	if advance != "" {
		found, err := o.byCode(ctx, op, "account.account", []string{advance})
		if err == nil && !found[advance].Reconcile {
			err = commerce.Errorf(commerce.KindMapping, system, op, "account %q does not allow reconciliation; advances on it could not be applied", advance)
		}
		return advance, err
	}
	var parties []struct {
		Account link `json:"property_account_receivable_id"`
	}
	if err := o.readAll(ctx, op, "res.partner", []int64{party}, []string{"property_account_receivable_id"}, &parties); err != nil {
		return "", err
	}
	if len(parties) == 0 || parties[0].Account.ID == 0 {
		return "", commerce.Errorf(commerce.KindMapping, system, op, "the party has no receivable account")
	}
	codes, err := o.codes(ctx, op, "account.account", []int64{parties[0].Account.ID})
	return codes[parties[0].Account.ID], err
}
