package connection_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erptest"
	"github.com/commercesync/commerce/erp/odoo"
	"github.com/commercesync/commerce/erp/odoo/odootest"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/erp/tryton/trytontest"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/reconcile"
)

// books are an ERP and a program's connection to it.
type books struct {
	tryton trytontest.Config
	login  tryton.Login
	client tryton.Config
	odoo   odootest.Config
	key    odoo.Login
	memory erptest.MemoryConfig
	config erpbooks.Config
}

func (b *books) begin(edit func(*books), system string) {
	b.login = tryton.Login{User: "sync", Password: commerce.NewSecret(secretPart)}
	b.tryton.Password = secretPart
	b.client = tryton.Config{URL: trytontest.URL, Database: trytontest.Database}
	b.client.Resilience.Retry.Attempts = 1
	b.odoo.Key = "0123456789012345678901234567" + secretPart + "012345"
	b.key = odoo.Login{User: "sync", Key: commerce.NewSecret(b.odoo.Key)}
	b.config = erpbooks.Config{System: system, Routes: mapping.Routes{{Name: "de", Mode: commerce.Test, Company: "1"}},
		Taxes: map[string]mapping.TaxTable{"default": {{Rate: "0"}}}}
	if edit != nil {
		edit(b)
	}
}

func (b *books) found(t *testing.T, adapter erp.ERP) commerce.Findings {
	t.Helper()
	in, err := erpbooks.New(adapter, b.config)
	require.NoError(t, err)
	return in.Check(t.Context())
}

func trytonAt(edit func(*books)) func(t *testing.T) commerce.Findings {
	return func(t *testing.T) commerce.Findings {
		b := &books{}
		b.begin(edit, "tryton")
		far, err := trytontest.New(b.tryton)
		require.NoError(t, err)
		if b.client.Transport == nil {
			b.client.Transport = far.Transport()
		}
		b.client.Credentials = commerce.Static(b.login)
		client, err := tryton.NewClient(b.client)
		require.NoError(t, err)
		return b.found(t, client)
	}
}

func odooAt(edit func(*books)) func(t *testing.T) commerce.Findings {
	return func(t *testing.T) commerce.Findings {
		b := &books{}
		b.begin(edit, "odoo")
		far, err := odootest.New(b.odoo)
		require.NoError(t, err)
		client, err := odoo.NewClient(odoo.Config{URL: "http://odoo.test/", Database: odootest.Database, Transport: far.Transport(), Credentials: commerce.Static(b.key)})
		require.NoError(t, err)
		return b.found(t, client)
	}
}

// ledgerAt is an ERP with books.
func ledgerAt(edit func(*books)) func(t *testing.T) commerce.Findings {
	return func(t *testing.T) commerce.Findings {
		b := &books{}
		b.begin(func(b *books) {
			b.memory = erptest.MemoryConfig{InvoicesItself: true, Journals: []string{"STRIPE"}, Taxes: []erp.Tax{{ID: "t19", Rate: commerce.MustDecimal("19")}, {ID: "t7", Rate: commerce.MustDecimal("7")}},
				Accounts: []erp.Account{{Code: "1090", Currency: "EUR"}, {Code: "2090", Currency: "EUR", Settles: true, Party: true}, {Code: "6800", Currency: "EUR"}}}
			b.config.Taxes["default"] = mapping.TaxTable{{Rate: "19", IDs: []string{"t19"}}, {Rate: "0"}}
			b.config.Charts = map[string]erpbooks.Chart{"default": {Advance: "2090", Chart: reconcile.Chart{Company: "EUR", Journal: "STRIPE", Clearing: map[commerce.Currency]string{"EUR": "1090"}}}}
			if edit != nil {
				edit(b)
			}
		}, "memory")
		m, err := erptest.NewMemory(b.memory)
		require.NoError(t, err)
		return b.found(t, m)
	}
}

func chart(edit func(*erpbooks.Chart)) func(t *testing.T) commerce.Findings {
	return ledgerAt(func(b *books) {
		c := b.config.Charts["default"]
		edit(&c)
		b.config.Charts["default"] = c
	})
}

func TestAMisconfiguredERPIsNamed(t *testing.T) {
	t.Parallel()
	proves(t, []planted{
		{"nothing, at Tryton", nil, trytonAt(nil)},
		{"nothing, at Odoo", nil, odooAt(nil)},
		{"nothing, with books", nil, ledgerAt(nil)},
		{"a password that is refused", []string{"tryton_login_refused"}, trytonAt(func(b *books) { b.login.Password = commerce.NewSecret("old" + secretPart) })},
		{"a database that is none", []string{"no_database"}, trytonAt(func(b *books) { b.client.Database = "other" })},
		{"no right to sell", []string{"right_missing sale.sale create"}, trytonAt(func(b *books) { b.tryton.Lacks = []string{"sale.sale create"} })},
		{"an administrator", []string{"rights_surplus"}, trytonAt(func(b *books) { b.tryton.Administrator = true })},
		{"plain http", []string{"https_missing"}, trytonAt(func(b *books) { b.client.URL = "http://erp.example/" })},
		{"a redirect", []string{"redirected"}, trytonAt(func(b *books) { b.client.Transport = inside{http.RedirectHandler("https://erp.test/", 302)} })},
		{"a proxy that is ill", []string{"unavailable"}, trytonAt(func(b *books) { b.client.Transport = inside{status(502)} })},
		{"books of the other mode", []string{"mode_mismatch de"}, trytonAt(func(b *books) { b.client.Origin.Mode = commerce.Live })},
		{"another ERP than the config says", []string{"other_erp"}, trytonAt(func(b *books) { b.config.System = "odoo" })},
		{"a key that is refused", []string{"odoo_key_refused"}, odooAt(func(b *books) { b.key.Key = commerce.NewSecret("old" + secretPart) })},
		{"no right to ship", []string{"right_missing stock.picking write"}, odooAt(func(b *books) { b.odoo.Lacks = []string{"stock.picking write"} })},
		{"an administrator of Odoo", []string{"rights_surplus"}, odooAt(func(b *books) { b.odoo.Administrator = true })},
		{"a tax that does not exist", []string{"tax_missing t25"}, ledgerAt(func(b *books) {
			b.config.Taxes["default"] = append(b.config.Taxes["default"], mapping.TaxRow{Rate: "25", IDs: []string{"t25"}})
		})},
		{"a tax of another rate", []string{"tax_rate t7"}, ledgerAt(func(b *books) { b.config.Taxes["default"][0] = mapping.TaxRow{Rate: "19", IDs: []string{"t7"}} })},
		{"orders that are never invoiced", []string{"invoices_itself 1"}, ledgerAt(func(b *books) {
			b.config.Mode = erpbooks.Summary
			c := b.config.Charts["default"]
			c.Revenue, c.Tax = map[string]string{"default": "6800"}, map[string]string{"default": "6800"}
			b.config.Charts["default"] = c
		})},
		{"an account that does not exist", []string{"account_missing default 9999"}, chart(func(c *erpbooks.Chart) { c.Suspense = "9999" })},
		{"a journal that does not exist", []string{"journal_missing default NONE"}, chart(func(c *erpbooks.Chart) { c.Journal = "NONE" })},
		{"an advance that never settles", []string{"account_never_settles default 6800"}, chart(func(c *erpbooks.Chart) { c.Advance = "6800" })},
		{"a clearing account of another currency", []string{"account_currency default 1090"}, ledgerAt(func(b *books) { b.memory.Accounts[0].Currency = "USD" })},
		{"another currency of the company", []string{"chart_currency default"}, ledgerAt(func(b *books) {
			b.memory.Currency = "CHF"
			b.memory.Accounts = append(b.memory.Accounts[1:], erp.Account{Code: "1090", Currency: "EUR"})
		})},
	})
}
