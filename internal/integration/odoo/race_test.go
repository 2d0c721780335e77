package odoo_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/odoo"
)

func eur(minor int64) commerce.Money { return commerce.MustMoney(minor, "EUR") }

// atOnce runs two writers at the same moment, each as a program of its own.
func atOnce(t *testing.T, p odoo.Protocol, write func(*odoo.Client) error) {
	t.Helper()
	var clients [2]*odoo.Client
	for i := range clients {
		clients[i] = client(t, p, nil)
		// What is looked up is remembered, so that the writes themselves meet.
		_, err := clients[i].Capabilities(t.Context())
		require.NoError(t, err)
	}
	var errs [2]error
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() { errs[i] = write(c) })
	}
	wg.Wait()
	require.NoError(t, errs[0])
	require.NoError(t, errs[1])
}

const races = 3

func TestTwoWritersOfOneKeyMakeOneOfEach(t *testing.T) {
	protocols(t, func(t *testing.T, p odoo.Protocol) {
		first := client(t, p, nil)
		tax19 := tax(t, first, "VAT 19%")
		for i := range races {
			key := fmt.Sprintf("race/%s/%d", p, i)
			party := erp.Customer{Key: key, Party: commerce.Customer{Name: "Ada Example"}, Billing: commerce.Address{Name: "Ada Example", City: "Berlin", Country: "DE"}}
			atOnce(t, p, func(c *odoo.Client) error {
				_, err := c.UpsertCustomer(t.Context(), party)
				return err
			})
			require.Len(t, ids(t, "res.partner", is("ref", key)), 1)
			who, err := first.UpsertCustomer(t.Context(), party)
			require.NoError(t, err)

			// The cent between 5.67 and 5.68 is settled by a rounding line: of that there is one, too.
			line := erp.OrderLine{SKU: "SKU-RED", Quantity: commerce.MustDecimal("1"), Net: eur(997), TaxIDs: []string{tax19}}
			order := erp.NewOrder{Key: key, Customer: who, Date: commerce.DateOf(time.Now().UTC()), Currency: "EUR", Lines: []erp.OrderLine{line, line, line},
				Expected: erp.Totals{Net: eur(2991), Tax: eur(567), Gross: eur(3558)}}
			atOnce(t, p, func(c *odoo.Client) error {
				o, err := c.CreateOrder(t.Context(), order)
				if err == nil {
					_, err = c.ConfirmOrder(t.Context(), o.Ref)
				}
				return err
			})
			require.Len(t, ids(t, "sale.order", is("client_order_ref", key)), 1)
			require.Len(t, ids(t, "sale.order.line", is("order_id.client_order_ref", key)), 4)
			o, err := first.FindOrder(t.Context(), key)
			require.NoError(t, err)
			require.Equal(t, eur(3558), o.Totals.Gross)
			require.Equal(t, erp.Confirmed, o.State)
			require.Len(t, open(t, key), 1)

			// The invoice is the server's own, with the shop's cent of tax; what pays it and
			// what takes it back are ours.
			asked := erp.NewInvoice{Key: key + "/invoice", Order: o.Ref, Date: order.Date, Expected: order.Expected,
				Taxes: []erp.TaxAmount{{TaxID: tax19, Base: eur(2991), Amount: eur(567)}}}
			var invoiced erp.Invoice
			atOnce(t, p, func(c *odoo.Client) error {
				_, err := c.PostInvoice(t.Context(), asked)
				return err
			})
			invoiced, err = first.FindInvoice(t.Context(), asked.Key)
			require.NoError(t, err)
			require.Equal(t, order.Expected, invoiced.Totals)
			all, err := first.OrderInvoices(t.Context(), o.Ref)
			require.NoError(t, err)
			require.Equal(t, []erp.Invoice{invoiced}, all)
			paid := erp.NewReceipt{Key: key + "/receipt", Party: who.Party, Journal: "STRP", Date: order.Date, Account: "101090", Advance: advances(t), Amount: eur(5000)}
			atOnce(t, p, func(c *odoo.Client) error {
				made, err := c.PostReceipt(t.Context(), paid)
				if err == nil { // a part of an advance: one entry moves it
					_, err = c.ApplyReceipt(t.Context(), erp.Applications{Receipt: made.Ref, Date: order.Date,
						To: []erp.Application{{Invoice: invoiced.Ref, Amount: eur(3558)}}})
				}
				return err
			})
			receipt, err := first.FindReceipt(t.Context(), paid.Key)
			require.NoError(t, err)
			require.Equal(t, eur(1442), receipt.Unapplied)
			credit := erp.NewCreditNote{Key: key + "/credit", Invoice: invoiced.Ref, Date: order.Date, Expected: invoiced.Totals}
			atOnce(t, p, func(c *odoo.Client) error {
				_, err := c.PostCreditNote(t.Context(), credit)
				return err
			})
			note, err := first.FindCreditNote(t.Context(), credit.Key)
			require.NoError(t, err)
			require.Equal(t, eur(-3558), note.Totals.Gross)
			require.Equal(t, eur(-567), note.Totals.Tax)
			require.Equal(t, invoiced.Ref, note.CreditOf)
			require.Len(t, note.Lines, 4)
			for _, ref := range []string{asked.Key, paid.Key, paid.Key + " > 1", credit.Key} {
				require.Len(t, ids(t, "account.move", is("ref", ref)), 1, ref)
			}

			entry := commerce.JournalEntry{Key: key, Journal: "STRP", Date: order.Date, Lines: []commerce.JournalLine{
				{Account: "101001", Debit: eur(96340)}, {Account: "605000", Debit: eur(160)}, {Account: "401000", Credit: eur(96500)}}}
			atOnce(t, p, func(c *odoo.Client) error {
				e, err := c.PostEntry(t.Context(), entry)
				if err == nil {
					_, err = c.ReverseEntry(t.Context(), e.Ref, key+"/back", "the payout failed")
				}
				return err
			})
			for _, ref := range []string{key, key + "/back"} {
				require.Len(t, ids(t, "account.move", is("ref", ref)), 1)
				require.Len(t, ids(t, "account.move.line", is("move_id.ref", ref)), 3)
			}
		}
	})
}

// A request that was delayed lands after its twin was confirmed: it changes nothing.
func TestALateLoadChangesNothing(t *testing.T) {
	protocols(t, func(t *testing.T, p odoo.Protocol) {
		late := &holdLoad{release: make(chan struct{}), held: make(chan struct{})}
		slow, quick := client(t, p, func(c *odoo.Config) { c.Transport = late }), client(t, p, nil)
		to := commerce.Address{Name: "Ada Example", City: "Hamburg", Country: "DE"}
		who, err := quick.UpsertCustomer(t.Context(), erp.Customer{Key: "late/" + string(p), Party: commerce.Customer{Name: "Ada Example"},
			Billing: commerce.Address{Name: "Ada Example", City: "Berlin", Country: "DE"}, Shipping: &to})
		require.NoError(t, err)
		order := erp.NewOrder{Key: "late/" + string(p), Customer: who, Date: commerce.DateOf(time.Now().UTC()), Currency: "EUR",
			Lines:    []erp.OrderLine{{SKU: "SKU-RED", Quantity: commerce.MustDecimal("2"), Net: eur(2000), TaxIDs: []string{tax(t, quick, "VAT 19%")}}},
			Expected: erp.Totals{Net: eur(2000), Tax: eur(380), Gross: eur(2380)}}
		done := make(chan error, 1)
		go func() {
			_, err := slow.CreateOrder(t.Context(), order)
			done <- err
		}()
		<-late.held
		o, err := quick.CreateOrder(t.Context(), order)
		require.NoError(t, err)
		_, err = quick.ConfirmOrder(t.Context(), o.Ref)
		require.NoError(t, err)
		fields := []string{"partner_invoice_id", "partner_shipping_id", "date_order", "amount_total", "state", "order_line", "picking_ids", "pricelist_id"}
		var before, after []dict
		call(t, &before, "sale.order", "search_read", where(is("client_order_ref", order.Key)), dict{"fields": fields})
		close(late.release)
		require.NoError(t, <-done)
		call(t, &after, "sale.order", "search_read", where(is("client_order_ref", order.Key)), dict{"fields": fields})
		require.Equal(t, before, after)
		require.Len(t, after, 1)
	})
}
