package erptest

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// Accounts returns the config's accounts, or, where it names none, whatever is asked for.
func (m *Memory) Accounts(ctx context.Context, codes []string) (map[string]erp.Account, error) {
	done, after, err := m.begin(ctx, "Accounts", false)
	if err != nil {
		return nil, err
	}
	defer done()
	found := map[string]erp.Account{}
	for _, code := range codes {
		if a, ok := m.account(code); ok {
			found[code] = a
		}
	}
	return found, after
}

// account finds an account; the lock is held.
func (m *Memory) account(code string) (erp.Account, bool) {
	c := m.state.c
	if len(c.Accounts) == 0 {
		return erp.Account{Code: code, Currency: c.Currency, Settles: true}, true
	}
	for _, a := range c.Accounts {
		if a.Code == code {
			if a.Currency == "" {
				a.Currency = c.Currency
			}
			return a, true
		}
	}
	return erp.Account{}, false
}

// Journals returns the config's journals.
func (m *Memory) Journals(ctx context.Context) ([]string, error) {
	done, after, err := m.begin(ctx, "Journals", false)
	if err != nil {
		return nil, err
	}
	defer done()
	return slices.Sorted(slices.Values(m.state.c.Journals)), after
}

// AccountBalance adds up the lines of an account.
func (m *Memory) AccountBalance(ctx context.Context, code string, on commerce.Date) (erp.AccountBalance, error) {
	done, after, err := m.begin(ctx, "AccountBalance", false)
	if err != nil {
		return erp.AccountBalance{}, err
	}
	defer done()
	a, ok := m.account(code)
	if !ok {
		return erp.AccountBalance{}, m.fail(commerce.KindMapping, "", "read balance of "+code, "there is no such account")
	}
	b := erp.AccountBalance{Company: commerce.Zero(m.state.c.Currency), Own: commerce.Zero(a.Currency)}
	for _, e := range m.state.entries {
		if e.company != m.company || e.Entry.Entry.Date.String() > on.String() {
			continue
		}
		for _, l := range e.Entry.Entry.Lines {
			if l.Account != code {
				continue
			}
			b.Company = commerce.MustMoney(b.Company.Minor()+l.Debit.Minor()-l.Credit.Minor(), b.Company.Currency())
			if l.Transaction.Currency() == a.Currency {
				b.Own = plus(b.Own, l.Transaction)
			}
		}
	}
	if a.Currency == m.state.c.Currency {
		b.Own = b.Company
	}
	return b, after
}

// FirstOpen is the day itself, or the first one after what the config has closed.
func (m *Memory) FirstOpen(ctx context.Context, day commerce.Date) (commerce.Date, error) {
	done, after, err := m.begin(ctx, "FirstOpen", false)
	if err != nil {
		return commerce.Date{}, err
	}
	defer done()
	if closed := m.state.c.Closed; day.String() <= closed.String() {
		day = commerce.DateOf(time.Date(closed.Year, closed.Month, closed.Day+1, 0, 0, 0, 0, time.UTC))
	}
	return day, after
}

// Invoices yields what is posted in [from, to].
func (m *Memory) Invoices(ctx context.Context, from, to commerce.Date) iter.Seq2[erp.Invoice, error] {
	return func(yield func(erp.Invoice, error) bool) {
		found, err := m.posted(ctx, from, to)
		if err != nil {
			yield(erp.Invoice{}, err)
			return
		}
		for _, i := range found {
			if !yield(i, nil) {
				return
			}
		}
	}
}

func (m *Memory) posted(ctx context.Context, from, to commerce.Date) ([]erp.Invoice, error) {
	done, after, err := m.begin(ctx, "Invoices", false)
	if err != nil {
		return nil, err
	}
	defer done()
	var found []erp.Invoice
	for _, i := range m.state.invoices {
		if i.company != m.company || i.State != erp.InvoicePosted && i.State != erp.InvoicePaid ||
			i.Accounting.String() < from.String() || to.String() < i.Accounting.String() {
			continue
		}
		out := i.Invoice
		if o, err := m.order("Invoices", i.Order); err == nil {
			out.OrderKey, out.OrderName = o.Key, o.Name
		}
		found = append(found, out)
	}
	return found, after
}
