package tryton

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// account is what is read of an account.account.
type account struct {
	ID     int64  `json:"id"`
	Code   string `json:"code"`
	Type   int64  `json:"type"` // 0 = a heading
	Closed flag   `json:"closed"`
	Party  flag   `json:"party_required"`
	Settle flag   `json:"reconcile"`
	Second *struct {
		Code string `json:"code"`
	} `json:"second_currency."`
	Debit  number `json:"debit"`
	Credit number `json:"credit"`
	Other  number `json:"amount_second_currency"`
}

var accountFields = []string{"id", "code", "type", "closed", "party_required", "reconcile", "second_currency.code"}

// currency is the account's own: the server wants an amount in it on each line.
func (a account) currency(company commerce.Currency) (commerce.Currency, error) {
	if a.Second == nil {
		return company, nil
	}
	return commerce.ParseCurrency(a.Second.Code)
}

// Accounts returns the accounts with these codes that are neither headings nor closed.
func (t *Client) Accounts(ctx context.Context, codes []string) (map[string]erp.Account, error) {
	const op = "read accounts"
	b, err := t.books(ctx)
	if err != nil {
		return nil, err
	}
	company, err := t.companyID(ctx)
	if err != nil {
		return nil, err
	}
	found := map[string]erp.Account{}
	codes = slices.Compact(slices.Sorted(slices.Values(codes)))
	for batch := range slices.Chunk(codes, t.c.PageSize) {
		var rows []account
		if err := t.searchRead(ctx, op, "account.account", []any{clause("code", "in", batch), clause("company", "=", company)},
			2*len(batch), byID, accountFields, &rows); err != nil {
			return nil, err
		}
		for _, r := range rows {
			if r.Type == 0 || bool(r.Closed) {
				continue
			}
			if _, twice := found[r.Code]; twice {
				return nil, commerce.Errorf(commerce.KindAmbiguous, system, op, "two accounts have the code %q", r.Code)
			}
			own, err := r.currency(b.currency)
			if err != nil {
				return nil, err
			}
			found[r.Code] = erp.Account{Code: r.Code, Currency: own, Party: bool(r.Party), Settles: bool(r.Settle)}
		}
	}
	return found, nil
}

// Journals returns the codes of the journals. Tryton 6.0 has them for all companies.
func (t *Client) Journals(ctx context.Context) ([]string, error) {
	var rows []struct {
		Code string `json:"code"`
	}
	if err := t.searchRead(ctx, "read journals", "account.journal", []any{clause("code", "!=", nil)}, t.c.CacheSize, byID, []string{"code"}, &rows); err != nil {
		return nil, err
	}
	var codes []string
	for _, r := range rows {
		codes = append(codes, r.Code)
	}
	slices.Sort(codes)
	return slices.Compact(codes), nil
}

// AccountBalance lets the server add up. With to_date in the context, and nothing else
// that names a year, it takes the entries of all years (6.0.29, account/move.py).
func (t *Client) AccountBalance(ctx context.Context, code string, on commerce.Date) (erp.AccountBalance, error) {
	op := "read balance of account " + code
	b, err := t.books(ctx)
	if err != nil {
		return erp.AccountBalance{}, err
	}
	company, err := t.companyID(ctx)
	if err != nil {
		return erp.AccountBalance{}, err
	}
	ids, err := t.accounts(ctx, op, company, []commerce.JournalLine{{Account: code}})
	if err != nil {
		return erp.AccountBalance{}, err
	}
	var rows []account
	fields := append(slices.Clone(accountFields), "debit", "credit", "amount_second_currency")
	if err := t.do(ctx, call{op: op, method: "model.account.account.read", params: []any{[]int64{ids[code]}, fields}, out: &rows,
		context: values{"to_date": date{on}, "posted": true}}); err != nil {
		return erp.AccountBalance{}, err
	}
	if len(rows) != 1 {
		return erp.AccountBalance{}, commerce.Errorf(commerce.KindNotFound, system, op, "the account is gone")
	}
	r := rows[0]
	debit, err := r.Debit.money(b.currency)
	if err != nil {
		return erp.AccountBalance{}, err
	}
	credit, err := r.Credit.money(b.currency)
	if err != nil {
		return erp.AccountBalance{}, err
	}
	own, err := r.currency(b.currency)
	if err != nil {
		return erp.AccountBalance{}, err
	}
	balance := erp.AccountBalance{Company: minus(debit, credit)}
	if balance.Own = balance.Company; own != b.currency {
		balance.Own, err = r.Other.money(own)
	}
	return balance, err
}

// FirstOpen returns the first day of an open period from a day on.
func (t *Client) FirstOpen(ctx context.Context, day commerce.Date) (commerce.Date, error) {
	op := "find an open period from " + day.String()
	company, err := t.companyID(ctx)
	if err != nil {
		return commerce.Date{}, err
	}
	var periods []struct {
		Start date `json:"start_date"`
	}
	if err := t.searchRead(ctx, op, "account.period", []any{clause("company", "=", company), clause("type", "=", "standard"), clause("state", "=", "open"),
		clause("end_date", ">=", date{day})}, 1, []any{[]any{"start_date", "ASC"}}, []string{"start_date"}, &periods); err != nil {
		return commerce.Date{}, err
	}
	if len(periods) == 0 {
		return commerce.Date{}, commerce.Errorf(commerce.KindPeriodClosed, system, op, "there is none")
	}
	if start := periods[0].Start.Date; day.String() < start.String() {
		return start, nil
	}
	return day, nil
}

// Invoices yields what is posted with a day in the ledger in [from, to], by id and page
// by page.
func (t *Client) Invoices(ctx context.Context, from, to commerce.Date) iter.Seq2[erp.Invoice, error] {
	op := "read invoices from " + from.String() + " to " + to.String()
	dated := func(field string) []any {
		return []any{clause(field, ">=", date{from}), clause(field, "<=", date{to})}
	}
	domain := []any{clause("state", "in", []string{"posted", "paid"}),
		[]any{"OR", dated("accounting_date"), append(dated("invoice_date"), clause("accounting_date", "=", nil))}}
	return func(yield func(erp.Invoice, error) bool) {
		for last := int64(0); ; {
			rows, err := t.invoicePage(ctx, op, t.c.PageSize, append(slices.Clone(domain), clause("id", ">", last))...)
			if err == nil {
				err = t.ordersOf(ctx, op, rows)
			}
			if err != nil {
				yield(erp.Invoice{}, err)
				return
			}
			for _, r := range rows {
				i, err := t.invoice(r)
				i.OrderKey, i.OrderName = strings.TrimSuffix(r.order.Reference, voided), r.order.Description
				if !yield(i, err) || err != nil {
					return
				}
				last = r.ID
			}
			if len(rows) < t.c.PageSize {
				return
			}
		}
	}
}

// ordersOf reads the sales of invoices.
func (t *Client) ordersOf(ctx context.Context, op string, rows []invoice) error {
	var ids []int64
	for _, r := range rows {
		if len(r.Sales) > 0 {
			ids = append(ids, r.Sales[0])
		}
	}
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	var sales []sale
	if err := t.read(ctx, op, "sale.sale", slices.Compact(ids), []string{"id", "reference", "description"}, &sales); err != nil {
		return err
	}
	for i, r := range rows {
		for _, s := range sales {
			if len(r.Sales) > 0 && s.ID == r.Sales[0] {
				rows[i].order = s
			}
		}
	}
	return nil
}
