package erptest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// exchange is about an invoice in GBP that is settled in USD, in books in EUR: what the
// ERP has booked the invoice at, and what the money was worth, are two amounts.
func exchange(t *testing.T, b Bench) {
	books, ok := b.ERP.(erp.Receipter)
	_, invoicer := b.ERP.(erp.Invoicer)
	l, ledger := b.ERP.(erp.Ledger)
	if !ok || !invoicer || !ledger || b.ForeignClearing == "" {
		t.Skip("nothing is settled in another currency")
	}
	caps, err := b.ERP.Capabilities(t.Context())
	require.NoError(t, err)
	require.Equal(t, commerce.Currency("EUR"), caps.Currency)
	gbp := func(minor int64) commerce.Money { return commerce.MustMoney(minor, "GBP") }
	usd := func(minor int64) commerce.Money { return commerce.MustMoney(minor, "USD") }
	invoice := func(t *testing.T) erp.Invoice {
		t.Helper()
		o := b.confirmed(t, key(t), func(n *erp.NewOrder) {
			n.Currency, n.Payments = "GBP", nil
			for i := range n.Lines {
				n.Lines[i].Net = gbp(n.Lines[i].Net.Minor())
			}
			n.Expected = erp.Totals{Net: gbp(4891), Tax: gbp(929), Gross: gbp(5820)}
		})
		i, err := b.ERP.(erp.Invoicer).PostInvoice(t.Context(), b.invoiceOf(o))
		require.NoError(t, err)
		require.Equal(t, gbp(5820), i.Open)
		return i
	}
	receipt := func(i erp.Invoice, advance string) erp.NewReceipt {
		return erp.NewReceipt{Key: i.Key + "/receipt", Party: i.Party, Journal: b.Journal, Date: b.Today, Account: b.ForeignClearing,
			Amount: gbp(5820), Settled: usd(7391), Value: eur(6611), FXAccount: b.FX, Advance: advance}
	}
	pay := func(i erp.Invoice) []erp.Application {
		return []erp.Application{{Invoice: i.Ref, Amount: gbp(5820)}}
	}
	requirePaid := func(t *testing.T, i erp.Invoice) {
		t.Helper()
		now := b.read(t, i)
		require.Equal(t, gbp(0), now.Open)
		require.Equal(t, erp.InvoicePaid, now.State)
	}
	requireCleared := func(t *testing.T, n erp.NewReceipt) {
		t.Helper()
		e, err := l.FindEntry(t.Context(), n.Key)
		require.NoError(t, err)
		require.NoError(t, e.Entry.Balance())
		for _, x := range e.Entry.Lines {
			if x.Account == b.ForeignClearing {
				require.Equal(t, n.Settled, x.Transaction)
				require.Equal(t, n.Value.Minor(), x.Debit.Minor()-x.Credit.Minor())
				return
			}
		}
		t.Fatal("nothing is booked on the clearing account")
	}
	t.Run("money that pays an invoice at once", func(t *testing.T) {
		i := invoice(t)
		n := receipt(i, "")
		n.Apply = pay(i)
		made, err := books.PostReceipt(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, gbp(0), made.Unapplied)
		require.Equal(t, n.Apply, made.Applied)
		requireCleared(t, n)
		requirePaid(t, i)
		again, err := books.PostReceipt(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, made, again)
		back, err := books.UnapplyReceipt(t.Context(), made.Ref, b.Today)
		require.NoError(t, err)
		require.Equal(t, gbp(5820), back.Unapplied)
		require.Equal(t, gbp(5820), b.read(t, i).Open)
	})
	holders := map[string]string{"receivable": ""}
	if b.Advance != "" {
		holders["an account of advances"] = b.Advance
	}
	for name, holder := range holders {
		t.Run("an advance on "+name+" that pays it later", func(t *testing.T) {
			i := invoice(t)
			n := receipt(i, holder)
			made, err := books.PostReceipt(t.Context(), n)
			require.NoError(t, err)
			require.Equal(t, gbp(5820), made.Unapplied)
			requireCleared(t, n)
			for range 2 {
				made, err = books.ApplyReceipt(t.Context(), erp.Applications{Receipt: made.Ref, To: pay(i), Date: b.Today, FXAccount: b.FX})
				require.NoError(t, err)
				require.Equal(t, gbp(0), made.Unapplied)
				requirePaid(t, i)
			}
		})
	}
	t.Run("a refund at another rate pays the credit note", func(t *testing.T) {
		c, ok := b.ERP.(erp.CreditNoter)
		if !ok {
			t.Skip("the ERP posts no credit notes")
		}
		i := invoice(t)
		note, err := c.PostCreditNote(t.Context(), erp.NewCreditNote{Key: i.Key + "/credit", Invoice: i.Ref, Date: b.Today, Expected: i.Totals})
		require.NoError(t, err)
		n := receipt(i, "")
		n.Key, n.Amount, n.Settled, n.Value = i.Key+"/refund", gbp(-5820), usd(-7450), eur(-6702)
		n.Apply = []erp.Application{{Invoice: note.Ref, Amount: gbp(-5820)}}
		for range 2 {
			made, err := books.PostReceipt(t.Context(), n)
			require.NoError(t, err)
			require.Equal(t, gbp(0), made.Unapplied)
			requireCleared(t, n)
			requirePaid(t, note)
		}
	})
}
