package erptest

import (
	"context"
	"fmt"
	"math/big"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// memoryReceipt is a receipt and what it is applied to.
type memoryReceipt struct {
	erp.Receipt
	company string
	new     erp.NewReceipt
	value   commerce.Money // of what is not applied, in the company's currency
	booked  map[commerce.Ref]commerce.Money
	moves   int // entries that moved parts of it
}

// FindReceipt returns the receipt under a key.
func (m *Memory) FindReceipt(ctx context.Context, key string) (erp.Receipt, error) {
	done, after, err := m.begin(ctx, "FindReceipt", false)
	if err != nil {
		return erp.Receipt{}, err
	}
	defer done()
	if after != nil {
		return erp.Receipt{}, after
	}
	if r := m.receipt(key); r != nil {
		return r.told(), nil
	}
	return erp.Receipt{}, m.fail(commerce.KindNotFound, "", "find receipt "+key, "no receipt under this key")
}

func (m *Memory) receipt(key string) *memoryReceipt {
	for _, r := range m.state.receipts {
		if r.Key == key && r.company == m.company {
			return r
		}
	}
	return nil
}

// told is the receipt as it is handed out.
func (r *memoryReceipt) told() erp.Receipt {
	out := r.Receipt
	out.Applied = slices.Clone(r.Applied)
	slices.SortFunc(out.Applied, func(a, b erp.Application) int { return number(a.Invoice) - number(b.Invoice) })
	return out
}

// PostReceipt finds the receipt under its key, or posts and applies it.
func (m *Memory) PostReceipt(ctx context.Context, n erp.NewReceipt) (erp.Receipt, error) {
	if err := n.Validate(); err != nil {
		return erp.Receipt{}, err
	}
	n, err := n.InCompanyCurrency(m.state.c.Currency)
	if err != nil {
		return erp.Receipt{}, err
	}
	done, after, err := m.begin(ctx, "PostReceipt", true)
	if err != nil {
		return erp.Receipt{}, err
	}
	defer done()
	op, s := "post receipt "+n.Key, m.state
	if r := m.receipt(n.Key); r != nil {
		if r.Amount != n.Amount || r.Date != n.Date || r.Party != n.Party {
			return r.told(), m.fail(commerce.KindConflict, commerce.Done, op, "the receipt under this key is another")
		}
		if err := m.apply(op, r, erp.Applications{To: n.Apply, Date: n.Date, FXAccount: n.FXAccount}); err != nil {
			return r.told(), err
		}
		return r.told(), after
	}
	if err := m.open(op, n.Date); err != nil {
		return erp.Receipt{}, err
	}
	r := &memoryReceipt{company: m.company, new: n, value: n.Value, booked: map[commerce.Ref]commerce.Money{},
		Receipt: erp.Receipt{Key: n.Key, Party: n.Party, Date: n.Date, Amount: n.Amount, Unapplied: n.Amount}}
	if _, err := m.applicable(op, r, n.Apply, n.FXAccount); err != nil {
		return erp.Receipt{}, err
	}
	id := s.id()
	r.Ref, r.Number = s.c.Origin.With("receipt/"+id), "RC"+id
	lines := []commerce.JournalLine{lineOf(n.Account, "", n.Value, n.Settled)}
	fx := commerce.Zero(s.c.Currency)
	for _, a := range n.Apply {
		share, booked := m.take(r, a)
		lines = append(lines, lineOf(s.c.Receivable, n.Party, booked.Neg(), a.Amount.Neg()))
		fx = minus(fx, minus(share, booked))
	}
	lines = append(lines, lineOf(r.holds(s), n.Party, r.value.Neg(), r.Unapplied.Neg()), lineOf(n.FXAccount, "", fx, fx))
	r.Entry = m.post(entryOf(n.Key, n.Journal, n.Date, n.Text, lines...), commerce.Ref{}).Ref
	s.receipts = append(s.receipts, r)
	return r.told(), after
}

// holds is the account of what is not applied.
func (r *memoryReceipt) holds(s *memory) string {
	if r.new.Advance != "" {
		return r.new.Advance
	}
	return s.c.Receivable
}

// applicable returns those applications that are still to be made.
func (m *Memory) applicable(op string, r *memoryReceipt, to []erp.Application, fxAccount string) ([]erp.Application, error) {
	refuse := func(format string, args ...any) ([]erp.Application, error) {
		return nil, m.fail(commerce.KindConflict, commerce.NotSent, op, format, args...)
	}
	var missing []erp.Application
	left := r.Unapplied
	for _, a := range to {
		i, err := m.invoice(op, a.Invoice)
		if err != nil {
			return nil, err
		}
		if i.Currency != r.Amount.Currency() || a.Amount.Currency() != i.Currency {
			return nil, m.fail(commerce.KindInvalid, commerce.NotSent, op, "%s is in %s, the receipt in %s", a.Invoice.ID, i.Currency, r.Amount.Currency())
		}
		if at := slices.IndexFunc(r.Applied, func(have erp.Application) bool { return have.Invoice == a.Invoice }); at >= 0 {
			if r.Applied[at].Amount != a.Amount {
				return refuse("%s of it is applied to %s already", r.Applied[at].Amount, a.Invoice.ID)
			}
			continue
		}
		left = minus(left, a.Amount)
		switch {
		case i.Party != r.Party:
			return refuse("%s is of another party", a.Invoice.ID)
		case i.State == erp.InvoiceDraft:
			return refuse("%s is a draft", a.Invoice.ID)
		case a.Amount.Sign() != i.Open.Sign() || a.Amount.Abs().Minor() > i.Open.Abs().Minor():
			return refuse("%s is open of %s", i.Open, a.Invoice.ID)
		case left.Sign() == -r.Amount.Sign():
			return refuse("%s of the receipt is left", r.Unapplied)
		case i.Currency != m.state.c.Currency && fxAccount == "":
			return nil, m.fail(commerce.KindInvalid, commerce.NotSent, op, "FXAccount is empty")
		}
		missing = append(missing, a)
	}
	return missing, nil
}

// take applies a part of a receipt, and returns what it and the invoice's part are
// worth in the books.
func (m *Memory) take(r *memoryReceipt, a erp.Application) (share, booked commerce.Money) {
	i, _ := m.invoice("", a.Invoice)
	share, booked = part(r.value, a.Amount, r.Unapplied), part(i.booked, a.Amount, i.Open)
	r.value, r.Unapplied = minus(r.value, share), minus(r.Unapplied, a.Amount)
	i.booked, i.Open = minus(i.booked, booked), minus(i.Open, a.Amount)
	if i.Open.IsZero() {
		i.State = erp.InvoicePaid
	}
	r.booked[a.Invoice] = booked
	r.Applied = append(r.Applied, a)
	return share, booked
}

// part is of a value what an amount is of the whole.
func part(value, amount, whole commerce.Money) commerce.Money {
	r := new(big.Rat).SetFrac64(amount.Minor(), whole.Minor())
	return commerce.MustMoney(halfEven(r.Mul(r, new(big.Rat).SetInt64(value.Minor()))), value.Currency())
}

func (m *Memory) apply(op string, r *memoryReceipt, a erp.Applications) error {
	missing, err := m.applicable(op, r, a.To, a.FXAccount)
	if err != nil {
		return err
	}
	if err := m.open(op, a.Date); err != nil && len(missing) > 0 {
		return err
	}
	for _, to := range missing {
		share, booked := m.take(r, to)
		if r.new.Advance != "" || share != booked {
			fx := minus(booked, share)
			m.move(r, a.Date, lineOf(r.holds(m.state), r.Party, share, to.Amount),
				lineOf(m.state.c.Receivable, r.Party, booked.Neg(), to.Amount.Neg()), lineOf(a.FXAccount, "", fx, fx))
		}
	}
	return nil
}

// move posts an entry between the accounts of customers.
func (m *Memory) move(r *memoryReceipt, day commerce.Date, lines ...commerce.JournalLine) {
	r.moves++
	m.post(entryOf(fmt.Sprintf("%s/%d", r.Key, r.moves), r.new.Journal, day, r.new.Text, lines...), commerce.Ref{})
}

// ApplyReceipt applies a receipt to invoices.
func (m *Memory) ApplyReceipt(ctx context.Context, a erp.Applications) (erp.Receipt, error) {
	if err := a.Validate(); err != nil {
		return erp.Receipt{}, err
	}
	return m.withReceipt(ctx, "ApplyReceipt", a.Receipt, func(op string, r *memoryReceipt) error { return m.apply(op, r, a) })
}

// UnapplyReceipt takes the applications of a receipt back.
func (m *Memory) UnapplyReceipt(ctx context.Context, ref commerce.Ref, on commerce.Date) (erp.Receipt, error) {
	return m.withReceipt(ctx, "UnapplyReceipt", ref, func(op string, r *memoryReceipt) error {
		if r.new.Advance != "" && len(r.Applied) > 0 {
			if err := m.open(op, on); err != nil {
				return err
			}
		}
		for _, a := range r.Applied {
			i, err := m.invoice(op, a.Invoice)
			if err != nil {
				return err
			}
			booked := r.booked[a.Invoice]
			i.State, i.Open, i.booked = erp.InvoicePosted, plus(i.Open, a.Amount), plus(i.booked, booked)
			r.Unapplied, r.value = plus(r.Unapplied, a.Amount), plus(r.value, booked)
			if r.new.Advance != "" {
				m.move(r, on, lineOf(m.state.c.Receivable, r.Party, booked, a.Amount), lineOf(r.new.Advance, r.Party, booked.Neg(), a.Amount.Neg()))
			}
		}
		r.Applied = nil
		clear(r.booked)
		return nil
	})
}

func (m *Memory) withReceipt(ctx context.Context, name string, ref commerce.Ref, f func(string, *memoryReceipt) error) (erp.Receipt, error) {
	done, after, err := m.begin(ctx, name, true)
	if err != nil {
		return erp.Receipt{}, err
	}
	defer done()
	op := name + " " + ref.ID
	if ref.With("") != m.state.c.Origin.With("") {
		return erp.Receipt{}, m.fail(commerce.KindInvalid, commerce.NotSent, op, "%s is not of this ERP", ref)
	}
	for _, r := range m.state.receipts {
		if r.Ref == ref && r.company == m.company {
			if err := f(op, r); err != nil {
				return r.told(), err
			}
			return r.told(), after
		}
	}
	return erp.Receipt{}, m.fail(commerce.KindNotFound, commerce.NotSent, op, "%s does not exist", ref.ID)
}
