package erpbooks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/idempotency"
)

// Check compares the config with the server: that each route's company answers, that
// the ERP is the system it is taken for, that Settle is long enough, that each tax of
// the tables exists, and that Mode fits what the ERP does by itself. Where there are
// charts, the adapter has to have the abilities that they need; accounts and journals
// have to exist, the clearing account in the currency of settlement. It makes a few reads
// and is meant for the start of a program. Every finding is in the error, which is of
// kind invalid.
func (b *Books) Check(ctx context.Context) error {
	var found []error
	bad := func(format string, args ...any) {
		found = append(found, commerce.Errorf(commerce.KindInvalid, room, "check", format, args...))
	}
	for _, company := range b.companies() {
		e := b.erp.ForCompany(company)
		caps, err := e.Capabilities(ctx)
		if err != nil {
			return fmt.Errorf("company %q: %w", company, err)
		}
		if caps.System != b.c.System {
			bad("Config.System is %q, the ERP says %q", b.c.System, caps.System)
		}
		for _, r := range b.c.Routes {
			if r.Company == company && r.Mode != caps.Mode {
				bad("Config.Routes: %q is of mode %s, the ERP's books are of mode %s", r.Name, r.Mode, caps.Mode)
			}
		}
		if caps.Settle > b.c.Settle {
			bad("Config.Settle is %s, the ERP needs %s", b.c.Settle, caps.Settle)
		}
		if b.c.Mode == Summary && caps.InvoicesItself {
			bad("Config.Mode is summary, and company %q makes invoices of its orders by itself", company)
		}
		taxes, err := e.Taxes(ctx)
		if err != nil {
			return fmt.Errorf("company %q: %w", company, err)
		}
		for _, id := range b.taxesOf(company) {
			if !slices.ContainsFunc(taxes, func(t erp.Tax) bool { return t.ID == id }) {
				bad("Config.Taxes names tax %q, which company %q has not", id, company)
			}
		}
		if len(b.c.Charts) > 0 {
			if err := b.checkLedger(ctx, e, company, caps, bad); err != nil {
				return fmt.Errorf("company %q: %w", company, err)
			}
		}
	}
	return errors.Join(found...)
}

func (b *Books) taxesOf(company string) []string {
	var ids []string
	for _, r := range b.c.Routes {
		if r.Company != company {
			continue
		}
		for _, row := range b.c.Taxes[cmp.Or(r.TaxTable, defaultName)] {
			ids = append(ids, row.IDs...)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// checkLedger is Check for the charts of a company.
func (b *Books) checkLedger(ctx context.Context, e erp.ERP, company string, caps erp.Capabilities, bad func(string, ...any)) error {
	needs := func(has bool, class idempotency.Class, does string) {
		if !has {
			bad("the ERP adapter of %s %s", b.c.System, does)
		} else if class == "" || class == idempotency.Blind {
			bad("the ERP adapter of %s %s that could be found again under a key", b.c.System, does)
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
			bad("Config.Mode is invoiced, and company %q makes no invoices of its orders: see its invoice method", company)
		}
		if caps.TaxRounding != erp.RoundPerDocument && caps.TaxRounding != erp.RoundPerLine {
			bad("company %q does not say how it rounds tax", company)
		}
	}
	audit, ok := e.(erp.Auditor)
	needs(ok, idempotency.Guarded, noAuditor)
	if !ok {
		return nil
	}
	for _, name := range b.chartsOf(company) {
		if err := b.c.Charts[name].check(ctx, audit, caps.Currency, b.c.Mode, func(format string, args ...any) {
			bad("Config.Charts[%q]: %s", name, fmt.Sprintf(format, args...))
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
func (c Chart) check(ctx context.Context, audit erp.Auditor, currency commerce.Currency, mode Mode, bad func(string, ...any)) error {
	if c.Company != currency {
		bad("Company is %s, the ERP's is %s", c.Company, currency)
	}
	journals, err := audit.Journals(ctx)
	if err != nil {
		return err
	}
	for _, code := range slices.Compact([]string{c.Journal, c.Receipts}) {
		if !slices.Contains(journals, code) {
			bad("there is no journal %q", code)
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
			bad("there is no account %q to post to", code)
		} else if accounts[code].Party && used[code] != "" {
			bad("%s: account %q wants a party on each line", used[code], code)
		}
	}
	if a, ok := accounts[c.Advance]; ok && !a.Settles {
		bad("Advance: lines of account %q can not be settled against each other", c.Advance)
	}
	for _, settlement := range slices.Sorted(maps.Keys(c.Clearing)) {
		if a, ok := accounts[c.Clearing[settlement]]; ok && a.Currency != settlement {
			bad("Clearing: account %q is kept in %s, not in %s", a.Code, a.Currency, settlement)
		}
		if a, ok := accounts[c.Transit[settlement]]; ok && a.Currency != settlement && a.Currency != currency {
			bad("Transit: account %q is kept in %s, not in %s", a.Code, a.Currency, settlement)
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
