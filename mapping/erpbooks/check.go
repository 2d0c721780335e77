package erpbooks

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/connection"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/idempotency"
)

// Check compares the config with the server: that the ERP is reached safely and takes the
// credentials, that its user has the rights that are needed and no more, that each route's
// company answers and is of the route's mode, that the ERP is the system it is taken for,
// that Settle is long enough, that each tax of the tables exists with its rate, and that
// Mode fits what the ERP does by itself. Where there are charts, the adapter has to have
// the abilities that they need; accounts and journals have to exist, the clearing account
// in the currency of settlement. It makes a few reads.
func (b *Books) Check(ctx context.Context) commerce.Findings {
	k := &check{Report: connection.Report{Of: commerce.Ref{System: b.c.System, Mode: b.c.Routes[0].Mode}}, b: b}
	if door, ok := b.erp.(interface {
		Door() (address string, bare http.RoundTripper)
	}); ok {
		address, bare := door.Door()
		if !k.Knock(ctx, connection.Door{URL: address, Transport: bare, Now: b.c.Now}) {
			return k.Findings
		}
	}
	if err := b.erp.Ping(ctx); err != nil {
		k.Fail(err)
		return k.Findings
	}
	k.rights(ctx)
	for _, company := range b.companies() {
		if err := k.company(ctx, company); err != nil {
			k.Fail(fmt.Errorf("company %q: %w", company, err))
		}
	}
	return k.Findings
}

// check is one look at the connection.
type check struct {
	connection.Report
	b *Books
}

func (k *check) company(ctx context.Context, company string) error {
	b := k.b
	e := b.erp.ForCompany(company)
	caps, err := e.Capabilities(ctx)
	if err != nil {
		return err
	}
	if caps.System != b.c.System {
		k.Tell(commerce.Broken, "other_erp", "", fmt.Sprintf("Config.System is %q, the ERP says %q", b.c.System, caps.System), "the name of the adapter",
			"set Config.System to what the ERP says; documents that stand under the other name are not found again")
	}
	for _, r := range b.c.Routes {
		if r.Company == company && r.Mode != caps.Mode {
			k.Tell(commerce.Broken, "mode_mismatch", r.Name, fmt.Sprintf("Config.Routes: %q is of mode %s, the ERP's books are of mode %s", r.Name, r.Mode, caps.Mode),
				"routes of the mode of the books", "say in the ERP client's Origin.Mode whether its books are for real, or lead the route elsewhere")
		}
	}
	if caps.Settle > b.c.Settle {
		k.Tell(commerce.Broken, "settle_short", company, fmt.Sprintf("Config.Settle is %s, the ERP needs %s", b.c.Settle, caps.Settle), "no less than the ERP needs",
			"raise Config.Settle: a request that still runs would be taken for lost and sent twice")
	}
	if b.c.Mode == Summary && caps.InvoicesItself {
		k.Tell(commerce.Broken, "invoices_itself", company, fmt.Sprintf("Config.Mode is summary, and company %q makes invoices of its orders by itself", company), "no invoices of orders",
			"set the invoice method of sales to manual, or Config.Mode to invoiced: revenue would be posted twice")
	}
	taxes, err := e.Taxes(ctx)
	if err != nil {
		return err
	}
	have := map[string]erp.Tax{}
	for _, t := range taxes {
		have[t.ID] = t
	}
	for _, id := range b.taxesOf(company) {
		if _, ok := have[id]; !ok {
			k.Tell(commerce.Broken, "tax_missing", id, fmt.Sprintf("Config.Taxes names tax %q, which company %q has not", id, company), "each tax of the table exists",
				"correct the id in the tax table; the ERP lists its taxes with their ids")
		}
	}
	k.rates(company, have)
	if len(b.c.Charts) > 0 {
		return k.ledger(ctx, e, company, caps)
	}
	return nil
}

// tablesOf are the names of the tax tables that a company's routes give.
func (b *Books) tablesOf(company string) []string {
	var names []string
	for _, r := range b.c.Routes {
		if r.Company == company {
			names = append(names, cmp.Or(r.TaxTable, defaultName))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (b *Books) taxesOf(company string) []string {
	var ids []string
	for _, name := range b.tablesOf(company) {
		for _, row := range b.c.Taxes[name] {
			ids = append(ids, row.IDs...)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// rates compares the rates of the tax table with those of the taxes that stand for them:
// totals would disagree.
func (k *check) rates(company string, have map[string]erp.Tax) {
	for _, name := range k.b.tablesOf(company) {
		for i, row := range k.b.c.Taxes[name] {
			want, err := commerce.ParseDecimal(row.Rate)
			if err != nil || len(row.IDs) == 0 {
				continue
			}
			var sum commerce.Decimal
			known := true
			for _, id := range row.IDs {
				t, ok := have[id]
				known = known && ok && !t.Rate.IsZero() // nought: no percentage
				if sum, err = sum.Add(t.Rate); err != nil {
					known = false
				}
			}
			if known && sum.Cmp(want) != 0 {
				k.Tell(commerce.Broken, "tax_rate", strings.Join(row.IDs, "+"), fmt.Sprintf("Config.Taxes[%q][%d] is for %s %%, the taxes %s of company %q come to %s %%", name, i, want.Trim(0), strings.Join(row.IDs, " and "), company, sum.Trim(0)),
					"one rate", "name the tax that has the rate, or correct the row")
			}
		}
	}
}

// ledger looks at what the charts of a company need.
func (k *check) ledger(ctx context.Context, e erp.ERP, company string, caps erp.Capabilities) error {
	b := k.b
	needs := func(has bool, class idempotency.Class, does string) {
		const expected, mend = "an adapter that posts what the books need", "take another adapter, or leave Config.Charts empty: only sales orders are written then"
		if !has {
			k.Tell(commerce.Broken, "ability_missing", does, fmt.Sprintf("the ERP adapter of %s %s", b.c.System, does), expected, mend)
		} else if class == "" || class == idempotency.Blind {
			k.Tell(commerce.Broken, "ability_missing", does, fmt.Sprintf("the ERP adapter of %s %s that could be found again under a key", b.c.System, does), expected, mend)
		}
	}
	_, ledger := e.(erp.Ledger)
	needs(ledger, caps.Classes.Entry, noLedger)
	if b.c.Mode == Invoiced {
		_, invoicer := e.(erp.Invoicer)
		needs(invoicer, caps.Classes.Invoice, noInvoicer)
		_, receipter := e.(erp.Receipter)
		needs(receipter, caps.Classes.Receipt, noReceipter)
		if invoicer && !caps.InvoicesItself && !caps.InvoicesOnRequest {
			k.Tell(commerce.Broken, "invoices_never", company, fmt.Sprintf("Config.Mode is invoiced, and company %q makes no invoices of its orders: see its invoice method", company),
				"invoices of orders", "set the invoice method of sales to on order or on shipment, or Config.Mode to summary")
		}
		if caps.TaxRounding != erp.RoundPerDocument && caps.TaxRounding != erp.RoundPerLine {
			k.Tell(commerce.Broken, "tax_rounding", company, fmt.Sprintf("company %q does not say how it rounds tax", company), "per document or per line",
				"set the rounding of tax in the company's accounting configuration, the same as the shop's")
		}
	}
	audit, ok := e.(erp.Auditor)
	needs(ok, idempotency.Guarded, noAuditor)
	if !ok {
		return nil
	}
	for _, name := range b.chartsOf(company) {
		if err := b.c.Charts[name].check(ctx, audit, caps.Currency, b.c.Mode, func(code, about, mend, format string, args ...any) {
			k.Tell(commerce.Broken, code, name+" "+about, fmt.Sprintf("Config.Charts[%q]: ", name)+fmt.Sprintf(format, args...), "what the chart of accounts says is there", mend)
		}); err != nil {
			return err
		}
	}
	return nil
}

// chartsOf are the names of the charts that a company's routes give.
func (b *Books) chartsOf(company string) []string {
	var names []string
	for _, r := range b.c.Routes {
		if r.Company == company {
			names = append(names, cmp.Or(r.Chart, defaultName))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// check compares a chart with the accounts and journals that there are.
func (c Chart) check(ctx context.Context, audit erp.Auditor, currency commerce.Currency, mode Mode, bad func(code, about, mend, format string, args ...any)) error {
	if c.Company != currency {
		bad("chart_currency", "", "correct the chart's Company, or lead the route to another company", "Company is %s, the ERP's is %s", c.Company, currency)
	}
	journals, err := audit.Journals(ctx)
	if err != nil {
		return err
	}
	for _, code := range slices.Compact([]string{c.Journal, c.Receipts}) {
		if !slices.Contains(journals, code) {
			bad("journal_missing", code, "correct the code, or make the journal", "there is no journal %q", code)
		}
	}
	used := map[string]string{} // code: what for
	use := func(what, code string) {
		if code != "" {
			used[code] = what
		}
	}
	several := func(what string, accounts map[string]string) {
		for key, code := range accounts {
			use(fmt.Sprintf("%s[%q]", what, key), code)
		}
	}
	several("Categories", c.Categories)
	several("Fees", c.Fees)
	if mode == Summary {
		several("Revenue", c.Revenue)
		several("Tax", c.Tax)
	}
	use("Suspense", c.Suspense)
	use("Payable", c.Payable)
	use("DisputeLoss", c.DisputeLoss)
	use("Exchange", c.Exchange)
	use("FX", c.FX)
	for _, code := range c.Transit {
		use("Transit", code)
	}
	for _, code := range c.Clearing {
		use("Clearing", code)
	}
	codes := slices.Sorted(maps.Keys(used))
	if c.Advance != "" {
		codes = append(codes, c.Advance)
	}
	accounts, err := audit.Accounts(ctx, codes)
	if err != nil {
		return err
	}
	for _, code := range codes {
		if _, ok := accounts[code]; !ok {
			bad("account_missing", code, "correct the code, or make the account; closed accounts and headings do not count", "there is no account %q to post to", code)
		} else if accounts[code].Party && used[code] != "" {
			bad("account_wants_party", code, "name another account, or take the obligation to name a party off this one", "%s: account %q wants a party on each line", used[code], code)
		}
	}
	if a, ok := accounts[c.Advance]; ok && !a.Settles {
		bad("account_never_settles", c.Advance, "let the account be reconciled in the ERP", "Advance: lines of account %q can not be settled against each other", c.Advance)
	}
	for _, settlement := range slices.Sorted(maps.Keys(c.Clearing)) {
		if a, ok := accounts[c.Clearing[settlement]]; ok && a.Currency != settlement {
			bad("account_currency", a.Code, "give the account the currency of settlement as its second currency, or name another", "Clearing: account %q is kept in %s, not in %s", a.Code, a.Currency, settlement)
		}
		if a, ok := accounts[c.Transit[settlement]]; ok && a.Currency != settlement && a.Currency != currency {
			bad("account_currency", a.Code, "give the account the currency of settlement as its second currency, or name another", "Transit: account %q is kept in %s, not in %s", a.Code, a.Currency, settlement)
		}
	}
	return nil
}

// companies are those of the routes, in order.
func (b *Books) companies() []string {
	var out []string
	for _, r := range b.c.Routes {
		if !slices.Contains(out, r.Company) {
			out = append(out, r.Company)
		}
	}
	return out
}
