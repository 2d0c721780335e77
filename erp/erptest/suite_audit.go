package erptest

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

func audit(t *testing.T, b Bench) {
	a, ok := b.ERP.(erp.Auditor)
	l, ledger := b.ERP.(erp.Ledger)
	if !ok || !ledger || b.Bank == "" {
		t.Skip("the ERP does not let itself be audited")
	}
	before := func(d commerce.Date) commerce.Date {
		return commerce.DateOf(time.Date(d.Year, d.Month, d.Day-1, 0, 0, 0, 0, time.UTC))
	}
	balance := func(t *testing.T, account string, on commerce.Date) erp.AccountBalance {
		t.Helper()
		got, err := a.AccountBalance(t.Context(), account, on)
		require.NoError(t, err)
		return got
	}
	t.Run("finds accounts and journals", func(t *testing.T) {
		codes := []string{b.Bank, b.Revenue, "no such account"}
		if b.ForeignClearing != "" {
			codes = append(codes, b.ForeignClearing)
		}
		got, err := a.Accounts(t.Context(), codes)
		require.NoError(t, err)
		require.Equal(t, erp.Account{Code: b.Bank, Currency: "EUR", Settles: got[b.Bank].Settles}, got[b.Bank])
		require.Contains(t, got, b.Revenue)
		if b.ForeignClearing != "" {
			require.Equal(t, commerce.Currency("USD"), got[b.ForeignClearing].Currency)
		}
		if b.Advance != "" {
			advances, err := a.Accounts(t.Context(), []string{b.Advance})
			require.NoError(t, err)
			require.True(t, advances[b.Advance].Settles)
		}
		none, err := a.Accounts(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, none)
		journals, err := a.Journals(t.Context())
		require.NoError(t, err)
		require.Contains(t, journals, b.Journal)
		require.True(t, slices.IsSorted(journals))
	})
	t.Run("tells the balance of an account at the end of a day", func(t *testing.T) {
		yesterday, now := balance(t, b.Bank, before(b.Today)), balance(t, b.Bank, b.Today)
		e := commerce.JournalEntry{Key: key(t), Journal: b.Journal, Date: b.Today, Text: "payout", Lines: []commerce.JournalLine{
			{Account: b.Bank, Text: "to bank", Debit: eur(96340)}, {Account: b.Revenue, Text: "sales", Credit: eur(96340)}}}
		_, err := l.PostEntry(t.Context(), e)
		require.NoError(t, err)
		after := balance(t, b.Bank, b.Today)
		require.Equal(t, eur(now.Company.Minor()+96340), after.Company)
		require.Equal(t, after.Company, after.Own)
		require.Equal(t, yesterday, balance(t, b.Bank, before(b.Today)))
		_, err = a.AccountBalance(t.Context(), "no such account", b.Today)
		requireKind(t, commerce.KindMapping, err)
	})
	t.Run("tells a balance in the account's own currency", func(t *testing.T) {
		if b.ForeignClearing == "" {
			t.Skip("the bench has no such account")
		}
		now := balance(t, b.ForeignClearing, b.Today)
		e := commerce.JournalEntry{Key: key(t), Journal: b.Journal, Date: b.Today, Text: "settled", Lines: []commerce.JournalLine{
			{Account: b.ForeignClearing, Text: "in", Debit: eur(1000), Transaction: commerce.MustMoney(1123, "USD")}, {Account: b.Bank, Text: "out", Credit: eur(1000)}}}
		_, err := l.PostEntry(t.Context(), e)
		require.NoError(t, err)
		after := balance(t, b.ForeignClearing, b.Today)
		require.Equal(t, eur(now.Company.Minor()+1000), after.Company)
		require.Equal(t, commerce.MustMoney(now.Own.Minor()+1123, "USD"), after.Own)
	})
	t.Run("tells the first open day", func(t *testing.T) {
		day, err := a.FirstOpen(t.Context(), b.Today)
		require.NoError(t, err)
		require.Equal(t, b.Today, day)
		if b.ClosedDate.IsZero() {
			t.Skip("the bench closes no period")
		}
		day, err = a.FirstOpen(t.Context(), b.ClosedDate)
		require.NoError(t, err)
		require.Greater(t, day.String(), b.ClosedDate.String())
		_, err = l.PostEntry(t.Context(), commerce.JournalEntry{Key: key(t), Journal: b.Journal, Date: day, Text: "late", Lines: []commerce.JournalLine{
			{Account: b.Bank, Text: "to bank", Debit: eur(1)}, {Account: b.Revenue, Text: "sales", Credit: eur(1)}}})
		require.NoError(t, err)
		_, err = l.PostEntry(t.Context(), commerce.JournalEntry{Key: key(t) + "/before", Journal: b.Journal, Date: before(day), Text: "late", Lines: []commerce.JournalLine{
			{Account: b.Bank, Text: "to bank", Debit: eur(1)}, {Account: b.Revenue, Text: "sales", Credit: eur(1)}}})
		requireKind(t, commerce.KindPeriodClosed, err)
	})
	t.Run("lists what is invoiced and credited", func(t *testing.T) {
		_, invoicer := b.ERP.(erp.Invoicer)
		c, credits := b.ERP.(erp.CreditNoter)
		if !invoicer || !credits {
			t.Skip("the ERP posts no invoices")
		}
		i := b.invoiced(t, key(t))
		note, err := c.PostCreditNote(t.Context(), erp.NewCreditNote{Key: i.Key + "/credit", Invoice: i.Ref, Date: b.Today, Expected: i.Totals})
		require.NoError(t, err)
		draft := b.confirmed(t, key(t)+"/draft", nil)
		listed := func(from, to commerce.Date) map[commerce.Ref]erp.Invoice {
			out := map[commerce.Ref]erp.Invoice{}
			for x, err := range a.Invoices(t.Context(), from, to) {
				require.NoError(t, err)
				require.NotContains(t, out, x.Ref)
				require.NotEqual(t, draft.Ref, x.Order)
				out[x.Ref] = x
			}
			return out
		}
		got := listed(b.Today, b.Today)
		for _, want := range []erp.Invoice{b.read(t, i), b.read(t, note)} {
			want.OrderKey, want.OrderName = key(t), "100000017"
			require.Equal(t, want, got[want.Ref])
		}
		require.Equal(t, erp.Shipping, got[i.Ref].Lines[2].Kind)
		require.Equal(t, erp.Goods, got[i.Ref].Lines[0].Kind)
		require.NotContains(t, listed(before(before(b.Today)), before(b.Today)), i.Ref)
		for range a.Invoices(t.Context(), b.Today, b.Today) {
			break // early
		}
	})
}
