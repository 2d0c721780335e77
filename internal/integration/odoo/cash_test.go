package odoo_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/odoo"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/erpbooks"
)

func dec(s string) commerce.Decimal { return commerce.MustDecimal(s) }

// sold is an order of two mugs at 19 % and a pot at 7 %, with a coupon and delivery,
// whose tax the shop rounded line by line.
func sold(t *testing.T, id string) commerce.Order {
	t.Helper()
	de := func(rate string, amount mapping.Amount) []mapping.RowTax {
		return []mapping.RowTax{{Code: "DE " + rate, Rate: dec(rate), Amount: amount}}
	}
	sale, err := mapping.Sheet{Document: "order", Currency: "EUR", Country: "DE", Rows: []mapping.Row{
		{ID: "1", SKU: "SKU-RED", Name: "Mug <red>", Quantity: dec("2"), Net: 199_400, Discount: 20_000, Tax: 34_100, Taxes: de("19", 34_100), Codes: []string{"TEN"}},
		{ID: "2", SKU: "SKU-POT", Name: "Pot", Quantity: dec("1"), Net: 99_700, Tax: 7_000, Taxes: de("7", 7_000)},
	}, Shipping: mapping.ShippingRow{Title: "DHL", Net: 49_900, Tax: 9_500, Taxes: de("19", 9_500)},
		Stated: mapping.Stated{Net: 299_100, Discount: 20_000, Shipping: 49_900, Tax: 50_600, Gross: 379_600}}.Fold()
	require.NoError(t, err)
	a := commerce.Address{Name: "Ada Example", Street: "1 Sample Street", City: "Köln", PostalCode: "50667", Country: "DE"}
	return commerce.Order{Ref: commerce.Ref{System: "magento", Account: "main", Mode: commerce.Test, ID: "order/" + id}, Number: "0000000" + id,
		Currency: "EUR", Placed: time.Now().UTC(), Customer: commerce.Customer{Guest: true, Name: "Ada Example"}, BillingAddress: a, ShippingAddress: &a,
		Lines: sale.Lines, Shipping: sale.Shipping, Totals: sale.Totals, Tenders: []commerce.Tender{{Kind: commerce.TenderStripe, Amount: sale.Totals.Gross}}}
}

func TestAnOrderGoesFromTheShopToTheBooksAndTheWarehouse(t *testing.T) {
	protocols(t, func(t *testing.T, p odoo.Protocol) {
		ctx := t.Context()
		adapter := client(t, p, nil)
		books, err := erpbooks.New(adapter, erpbooks.Config{System: "odoo",
			Routes: mapping.Routes{{Name: "eu", Shop: "main", Mode: commerce.Test}},
			Taxes: map[string]mapping.TaxTable{"default": {{Rate: "19", IDs: []string{tax(t, adapter, "VAT 19%")}},
				{Rate: "7", IDs: []string{tax(t, adapter, "VAT 7%")}}, {Rate: "0"}}}})
		require.NoError(t, err)
		require.NoError(t, books.Check(ctx).Err())
		steps := idempotency.NewMemory(nil)
		var docs []commerce.Document
		for i := range 3 {
			o := sold(t, fmt.Sprintf("%d%d", 1+len(p), i))
			payment := commerce.Payment{Ref: commerce.Ref{System: "stripe", Account: "acct_1", Mode: commerce.Test, ID: "pi_1"}, Charge: "ch_1",
				Status: commerce.PaymentCaptured, Amount: o.Totals.Gross, Captured: o.Totals.Gross, Created: o.Placed,
				Method: commerce.PaymentMethod{Type: "card", Brand: "visa", Last4: "4242"}}
			route, err := books.Route(o, []commerce.Payment{payment})
			require.NoError(t, err)
			do := func(step string, e idempotency.Effect[commerce.Document]) commerce.Document {
				doc, err := idempotency.Run(ctx, steps, step+o.Ref.String(), e, idempotency.For(o.Totals.Gross))
				require.NoError(t, err, step)
				return doc
			}
			doc := do("order", books.SalesOrder(route, o, []commerce.Payment{payment}))
			require.Equal(t, o.Totals.Gross, doc.Total)
			doc = do("confirm", books.Confirm(route, doc))
			require.Equal(t, o.Totals.Gross, doc.Total)
			require.Equal(t, string(erp.Reserved), do("request", books.Request(route, o, doc)).State)
			ship(t, books.Reference(o.Ref), "1Z999AA10123456784")
			docs = append(docs, doc)
		}
		sent := map[commerce.Ref]bool{}
		for change, err := range books.Changes(ctx, "") {
			require.NoError(t, err)
			if change.Event.Type == "" {
				continue // it moves the cursor only
			}
			shipment, err := books.Shipment(ctx, change.Event.Ref)
			require.NoError(t, err)
			sent[shipment.Order] = true
		}
		for _, doc := range docs {
			require.True(t, sent[doc.Ref], "%s was sent", doc.Ref)
		}

		// What Stripe paid out is posted once, whoever asks how often.
		entry := commerce.JournalEntry{Key: "stripe/po_" + string(p), Journal: "STRP", Date: commerce.DateOf(time.Now().UTC()), Text: "payout", Lines: []commerce.JournalLine{
			{Account: "101001", Debit: eur(11228)}, {Account: "605000", Debit: eur(160)}, {Account: "101090", Credit: eur(11388)}}}
		for range 2 {
			posted, err := adapter.PostEntry(ctx, entry)
			require.NoError(t, err)
			require.True(t, posted.Posted)
		}
		require.Len(t, ids(t, "account.move", is("ref", entry.Key)), 1)
	})
}

// A tax that is in the price makes the order's total what the shop's net and tax are.
func TestATaxThatIsIncludedInPricesGivesTheShopsTotal(t *testing.T) {
	protocols(t, func(t *testing.T, p odoo.Protocol) {
		adapter := client(t, p, nil)
		who, err := adapter.UpsertCustomer(t.Context(), erp.Customer{Key: "included/" + string(p), Party: commerce.Customer{Name: "Ada Example"},
			Billing: commerce.Address{Name: "Ada Example", City: "Berlin", Country: "DE"}})
		require.NoError(t, err)
		included := []string{tax(t, adapter, "VAT 19% included")}
		o, err := adapter.CreateOrder(t.Context(), erp.NewOrder{Key: "included/" + string(p), Customer: who, Date: commerce.DateOf(time.Now().UTC()), Currency: "EUR",
			Lines:    []erp.OrderLine{{SKU: "SKU-RED", Quantity: dec("3"), Net: eur(2518), TaxIDs: included}, {Kind: erp.Discount, Quantity: dec("1"), Net: eur(-252), TaxIDs: included}},
			Expected: erp.Totals{Net: eur(2266), Tax: eur(431), Gross: eur(2697)}})
		require.NoError(t, err)
		require.Equal(t, eur(2697), o.Totals.Gross)
	})
}
