package odoo

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// Accounts returns the company's accounts with these codes. Odoo insists on a party on
// no account; deprecated accounts and archived ones count as not known.
func (o *Client) Accounts(ctx context.Context, codes []string) (map[string]erp.Account, error) {
	const op = "read accounts"
	b, err := o.books(ctx)
	if err != nil {
		return nil, err
	}
	where := []any{clause("code", "in", append([]string{}, codes...))}
	if b.has("account.account", "deprecated") { // up to 18
		where = append(where, clause("deprecated", "=", false))
	}
	var rows []struct {
		Code      string `json:"code"`
		Currency  link   `json:"currency_id"`
		Reconcile bool   `json:"reconcile"`
	}
	if err := o.searchRead(ctx, op, "account.account", domain(where...), 2*len(codes)+1, "id", []string{"code", "currency_id", "reconcile"}, &rows); err != nil {
		return nil, err
	}
	found := map[string]erp.Account{}
	for _, r := range rows {
		if _, twice := found[r.Code]; twice {
			return nil, commerce.Errorf(commerce.KindAmbiguous, system, op, "two accounts have the code %q", r.Code)
		}
		a := erp.Account{Code: r.Code, Currency: b.currency, Settles: r.Reconcile}
		if r.Currency.ID != 0 {
			if a.Currency, err = commerce.ParseCurrency(r.Currency.Label); err != nil {
				return nil, err
			}
		}
		found[r.Code] = a
	}
	return found, nil
}

// Journals returns the codes of the company's journals, in order.
func (o *Client) Journals(ctx context.Context) ([]string, error) {
	company, err := o.companyID(ctx)
	if err != nil {
		return nil, err
	}
	var rows []account
	if err := o.searchRead(ctx, "read journals", "account.journal", domain(clause("company_id", "=", company)), o.c.CacheSize, "code",
		[]string{"id", "code"}, &rows); err != nil {
		return nil, err
	}
	var codes []string
	for _, r := range rows {
		codes = append(codes, string(r.Code))
	}
	slices.SortFunc(codes, strings.Compare)
	return codes, nil
}

// AccountBalance has the server add the posted lines up.
func (o *Client) AccountBalance(ctx context.Context, code string, on commerce.Date) (erp.AccountBalance, error) {
	op := "read balance of " + code
	var none erp.AccountBalance
	b, err := o.books(ctx)
	if err != nil {
		return none, err
	}
	company, err := o.companyID(ctx)
	if err != nil {
		return none, err
	}
	accounts, err := o.Accounts(ctx, []string{code})
	if err != nil {
		return none, err
	}
	a, ok := accounts[code]
	if !ok {
		return none, commerce.Errorf(commerce.KindMapping, system, op, "the company has no account with the code %q", code)
	}
	found, err := o.byCode(ctx, op, "account.account", []string{code})
	if err != nil {
		return none, err
	}
	where := domain(clause("account_id", "=", found[code].ID), clause("company_id", "=", company), clause("parent_state", "=", "posted"),
		clause("date", "<=", on.String()))
	var sum erp.AccountBalance
	if sum.Company, err = o.sum(ctx, op, where, "balance", b.currency); err != nil || a.Currency == b.currency {
		sum.Own = sum.Company
		return sum, err
	}
	sum.Own, err = o.sum(ctx, op, append(where, clause("currency_id.name", "=", string(a.Currency))), "amount_currency", a.Currency)
	return sum, err
}

// sum adds a field of lines of entries up. The method of 19 is called otherwise in
// earlier versions, and so is its result (source of 19.0).
func (o *Client) sum(ctx context.Context, op string, where []any, name string, c commerce.Currency) (commerce.Money, error) {
	v, err := o.version(ctx)
	if err != nil {
		return commerce.Money{}, err
	}
	aggregate := name + ":sum"
	ask := call{op: op, model: "account.move.line", method: "formatted_read_group", args: []arg{{"domain", where}, {"groupby", []string{}},
		{"aggregates", []string{aggregate}}}}
	key := aggregate
	if v.major < 19 {
		ask.method, key = "read_group", name
		ask.args = []arg{{"domain", where}, {"fields", []string{aggregate}}, {"groupby", []string{}}}
	}
	var rows []map[string]json.RawMessage
	ask.out = &rows
	if err := o.do(ctx, ask); err != nil {
		return commerce.Money{}, err
	}
	var n number
	if len(rows) > 0 {
		if err := json.Unmarshal(rows[0][key], &n); err != nil {
			return commerce.Money{}, commerce.Errorf(commerce.KindInternal, system, op, "%s: %w", key, err)
		}
	}
	return n.money(c)
}

// FirstOpen returns the day, or the first one after all lock dates: of a document, of
// its taxes and of both directions of trade.
func (o *Client) FirstOpen(ctx context.Context, day commerce.Date) (commerce.Date, error) {
	const op = "read lock dates"
	b, err := o.books(ctx)
	if err != nil {
		return day, err
	}
	company, err := o.companyID(ctx)
	if err != nil {
		return day, err
	}
	lock, err := o.lockDate(ctx, op, b, company, "sale")
	if err == nil && !after(day, lock) {
		day = commerce.DateOf(time.Date(lock.Year, lock.Month, lock.Day+1, 0, 0, 0, 0, time.UTC))
	}
	return day, err
}

// Invoices yields the posted invoices and credit notes of some days, by id.
func (o *Client) Invoices(ctx context.Context, from, to commerce.Date) iter.Seq2[erp.Invoice, error] {
	return func(yield func(erp.Invoice, error) bool) {
		last := int64(0)
		for {
			rows, err := o.invoicePage(ctx, "read invoices", o.c.PageSize, clause("id", ">", last), clause("state", "=", "posted"),
				clause("date", ">=", from.String()), clause("date", "<=", to.String()))
			if err != nil {
				yield(erp.Invoice{}, err)
				return
			}
			for _, r := range rows {
				i, err := o.invoice(r)
				i.OrderKey, i.OrderName = string(r.orderRef), string(r.orderName)
				if !yield(i, err) || err != nil {
					return
				}
				last = r.ID
			}
			if len(rows) < o.c.PageSize {
				return
			}
		}
	}
}
