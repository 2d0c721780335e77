package odoo

import (
	"context"
	"slices"
	"strconv"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// payment is a part of an invoice that a receipt is to pay.
type payment struct {
	invoice   invoice
	amount    commerce.Money
	whole     bool    // it is all that is open
	terms     []int64 // open lines of the invoice
	accountID int64   // of these
	account   string  // its code
}

// applicable returns those applications that are still to be made of a receipt that has
// so much left.
func (o *Client) applicable(ctx context.Context, op string, r *receipt, left commerce.Money, to []erp.Application) ([]payment, error) {
	var due []payment
	whole := left
	for _, a := range to {
		id, err := o.idOf(a.Invoice, "invoice")
		if err != nil {
			return nil, err
		}
		raw, err := o.invoiceByID(ctx, op, id)
		if err != nil {
			return nil, err
		}
		i, err := o.invoice(raw)
		if err != nil {
			return nil, err
		}
		if i.Currency != r.currency || a.Amount.Currency() != r.currency {
			return nil, commerce.Errorf(commerce.KindInvalid, system, op, "%s is in %s, the receipt in %s", a.Invoice.ID, i.Currency, r.currency)
		}
		if n := r.paid[id]; n != 0 {
			if n != a.Amount.Minor() {
				return nil, conflict(op, "another part of it is applied to "+a.Invoice.ID+" already")
			}
			continue
		}
		left = plus(left, a.Amount.Neg())
		switch {
		case raw.Party.ID != r.party:
			return nil, conflict(op, a.Invoice.ID+" is of another party")
		case i.State == erp.InvoiceDraft:
			return nil, conflict(op, a.Invoice.ID+" is a draft")
		case a.Amount.Sign() != i.Open.Sign() || a.Amount.Abs().Minor() > i.Open.Abs().Minor():
			return nil, conflict(op, i.Open.String()+" is open of "+a.Invoice.ID)
		case whole.IsZero() || left.Sign() == -whole.Sign():
			return nil, conflict(op, whole.String()+" of the receipt is left")
		}
		d := payment{invoice: raw, amount: a.Amount, whole: a.Amount == i.Open}
		for _, l := range raw.terms {
			open, err := l.Open.money(i.Currency)
			if err != nil {
				return nil, err
			}
			if !open.IsZero() {
				d.terms, d.accountID = append(d.terms, l.ID), l.Account.ID
			}
		}
		codes, err := o.codes(ctx, op, "account.account", []int64{d.accountID})
		if err != nil {
			return nil, err
		}
		d.account = codes[d.accountID]
		due = append(due, d)
	}
	return due, nil
}

// ApplyReceipt has lines of a receipt settled with invoices.
func (o *Client) ApplyReceipt(ctx context.Context, a erp.Applications) (erp.Receipt, error) {
	if err := a.Validate(); err != nil {
		return erp.Receipt{}, err
	}
	op := "apply " + a.Receipt.ID
	key, err := o.receiptKey(ctx, op, a.Receipt)
	if err != nil {
		return erp.Receipt{}, notSent(err)
	}
	return o.apply(ctx, op, key, a)
}

// receiptKey finds the key of a posted receipt.
func (o *Client) receiptKey(ctx context.Context, op string, ref commerce.Ref) (string, error) {
	id, err := o.idOf(ref, "receipt")
	if err != nil {
		return "", err
	}
	rows, err := o.entries(ctx, op, clause("id", "=", id))
	if err != nil {
		return "", err
	}
	if len(rows) == 0 || rows[0].State != "posted" || rows[0].Ref == "" {
		return "", commerce.Errorf(commerce.KindNotFound, system, op, "there is no such posted entry")
	}
	return string(rows[0].Ref), nil
}

// apply makes what is missing of applications.
func (o *Client) apply(ctx context.Context, op, key string, a erp.Applications) (erp.Receipt, error) {
	r, err := o.begun(ctx, op, key, a.Date)
	if err != nil {
		return erp.Receipt{}, err
	}
	due, err := o.applicable(ctx, op, r, r.unapplied(), a.To)
	if err != nil {
		return o.told(r), notSent(err)
	}
	for _, d := range due {
		line := d.line(r)
		if line == 0 {
			if r, err = o.split(ctx, op, r, d, a.Date); err != nil {
				return erp.Receipt{}, err
			}
			line = d.line(r)
		}
		if r.paid[d.invoice.ID] == d.amount.Minor() {
			continue // a twin has used the part that was split off
		}
		if line == 0 {
			return o.told(r), conflict(op, "no part of the receipt is open to pay the invoice")
		}
		settled := o.reconcile(ctx, op, append(slices.Clone(d.terms), line))
		if settled != nil && commerce.KindOf(settled) != commerce.KindInvalid {
			return o.told(r), settled
		}
		if r, err = o.reread(ctx, op, key); err != nil {
			return erp.Receipt{}, err
		}
		// A twin may have settled the same lines at the same moment, or somebody else others.
		if r.paid[d.invoice.ID] != d.amount.Minor() {
			done := commerce.Done
			if settled != nil {
				done = commerce.NotSent
			}
			return o.told(r), call{op: op, write: true}.fail(commerce.KindConflict, done, 0, "the invoice or the receipt was settled otherwise meanwhile")
		}
	}
	return o.told(r), nil
}

// begun reads a receipt after it has ended what an earlier call has left half done:
// drafts, which are posted on a day, and parts that were split off and not taken from the
// line that they are of.
func (o *Client) begun(ctx context.Context, op, key string, day commerce.Date) (*receipt, error) {
	r, err := o.receipt(ctx, op, key)
	if err != nil {
		return nil, notSent(err)
	}
	if r == nil {
		return nil, notSent(commerce.Errorf(commerce.KindNotFound, system, op, "no entry of a party has this reference"))
	}
	posted := false
	for _, m := range append([]entry{r.main}, r.moves...) {
		if m.State == "draft" {
			if _, err := o.finishDraft(ctx, op, m, day); err != nil {
				return nil, err
			}
			posted = true
		}
	}
	if posted {
		if r, err = o.reread(ctx, op, key); err != nil {
			return nil, err
		}
	}
	return o.netted(ctx, op, r)
}

func (o *Client) reread(ctx context.Context, op, key string) (*receipt, error) {
	r, err := o.receipt(ctx, op, key)
	if err == nil && r == nil {
		err = commerce.Errorf(commerce.KindConflict, system, op, "the receipt is gone")
	}
	if err != nil {
		return nil, outcome(err, commerce.Unknown)
	}
	return r, nil
}

// netted settles the lines that take something from a receipt with those that they take
// it from. A line that was split off stays open beside its own entry's.
func (o *Client) netted(ctx context.Context, op string, r *receipt) (*receipt, error) {
	sign := r.amount().Sign()
	for _, taker := range r.lines {
		if taker.open.Sign() != -sign {
			continue
		}
		lines := []int64{taker.ID}
		for _, l := range r.lines {
			if l.open.Sign() == sign && l.Account.ID == taker.Account.ID && l.Move.ID != taker.Move.ID {
				lines = append(lines, l.ID)
			}
		}
		if len(lines) == 1 {
			continue
		}
		if err := o.reconcile(ctx, op, lines); err != nil && commerce.KindOf(err) != commerce.KindInvalid {
			return nil, err
		}
		next, err := o.reread(ctx, op, string(r.main.Ref))
		if err != nil {
			return nil, err
		}
		return o.netted(ctx, op, next)
	}
	return r, nil
}

// reconcile has the server settle open lines of one account with each other, as far as
// they go. It refuses a line that is settled already.
func (o *Client) reconcile(ctx context.Context, op string, lines []int64) error {
	return o.step(ctx, op, "account.move.line", "reconcile", nil, lines...)
}

// line finds an open line of a receipt that pays just what has to be paid: its own
// amount, or all that is open of the invoice.
func (d payment) line(r *receipt) (id int64) {
	for _, l := range r.lines {
		if l.Account.ID != d.accountID || l.open.Sign() != d.amount.Sign() {
			continue
		}
		if l.open == d.amount {
			return l.ID
		}
		if d.whole && l.open.Abs().Minor() > d.amount.Abs().Minor() {
			id = l.ID
		}
	}
	return id
}

// split moves a part of a receipt to a line of its own on the invoice's account.
func (o *Client) split(ctx context.Context, op string, r *receipt, d payment, day commerce.Date) (*receipt, error) {
	var from int64
	sums := r.openOn()
	for account, s := range sums {
		if s.amount.Sign() == d.amount.Sign() && s.amount.Abs().Minor() >= d.amount.Abs().Minor() && (from == 0 || account < from) {
			from = account
		}
	}
	if from == 0 {
		return r, nil
	}
	codes, err := o.codes(ctx, op, "account.account", []int64{from})
	if err != nil {
		return nil, notSent(err)
	}
	share := part(sums[from].value, d.amount, sums[from].amount)
	party := formatID(r.party)
	return o.move(ctx, op, r, day, lineOf(codes[from], party, share, d.amount), lineOf(d.account, party, share.Neg(), d.amount.Neg()))
}

// move posts a further entry of a receipt, and reads all of it again.
func (o *Client) move(ctx context.Context, op string, r *receipt, day commerce.Date, lines ...commerce.JournalLine) (*receipt, error) {
	journals, err := o.codes(ctx, op, "account.journal", []int64{r.main.Journal.ID})
	if err != nil {
		return nil, notSent(err)
	}
	key := string(r.main.Ref)
	e := commerce.JournalEntry{Key: key + " > " + strconv.Itoa(len(r.moves)+1), Journal: journals[r.main.Journal.ID], Date: day, Lines: lines}
	if _, err := o.postEntry(ctx, op, e); err != nil {
		return nil, err
	}
	next, err := o.reread(ctx, op, key)
	if err != nil {
		return nil, err
	}
	return o.netted(ctx, op, next)
}

// UnapplyReceipt takes back what the server settled, and moves what came from an account
// of advances back to it.
func (o *Client) UnapplyReceipt(ctx context.Context, ref commerce.Ref, on commerce.Date) (erp.Receipt, error) {
	op := "take back " + ref.ID
	key, err := o.receiptKey(ctx, op, ref)
	if err != nil {
		return erp.Receipt{}, notSent(err)
	}
	r, err := o.begun(ctx, op, key, on)
	if err != nil {
		return erp.Receipt{}, err
	}
	if len(r.payers) > 0 {
		slices.Sort(r.payers)
		if err := o.step(ctx, op, "account.move.line", "remove_move_reconcile", nil, slices.Compact(r.payers)...); err != nil {
			return o.told(r), err
		}
		if r, err = o.reread(ctx, op, key); err != nil {
			return erp.Receipt{}, err
		}
		if r, err = o.netted(ctx, op, r); err != nil {
			return erp.Receipt{}, err
		}
	}
	holder, party := r.holder(), formatID(r.party)
	for account, s := range r.openOn() {
		if account == holder || s.amount.IsZero() {
			continue
		}
		codes, err := o.codes(ctx, op, "account.account", []int64{account, holder})
		if err != nil {
			return o.told(r), outcome(err, commerce.Unknown)
		}
		if r, err = o.move(ctx, op, r, on, lineOf(codes[account], party, s.value, s.amount), lineOf(codes[holder], party, s.value.Neg(), s.amount.Neg())); err != nil {
			return erp.Receipt{}, err
		}
	}
	return o.told(r), nil
}
