package odoo_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/odoo"
)

// shopOrder is an order as a shop computes it, which rounds tax line by line: several
// rates, quantities and currencies, a discount, delivery.
func shopOrder(r *rand.Rand, key string, who erp.CustomerRef, taxes map[int64]string) erp.NewOrder {
	currency := []commerce.Currency{"EUR", "EUR", "EUR", "USD", "GBP", "JPY", "KWD", "CHF"}[r.IntN(8)]
	m := func(minor int64) commerce.Money { return commerce.MustMoney(minor, currency) }
	n := erp.NewOrder{Key: key, Customer: who, Date: commerce.DateOf(time.Now().UTC()), Currency: currency}
	var net, tax int64
	sell := func(kind erp.LineKind, sku string, quantity, amount int64) {
		rate := []int64{0, 55, 70, 190, 200, 250}[r.IntN(6)] // of a thousand
		if currency == "KWD" {
			amount *= 10 // shops compute with two decimals
		}
		line := erp.OrderLine{Kind: kind, SKU: sku, Quantity: dec(fmt.Sprint(quantity)), Net: m(amount)}
		unit := int64(1)
		if currency == "KWD" {
			unit = 10
		}
		part := max(amount, -amount) * rate
		rounded := (2*part + 1000*unit) / (2000 * unit) * unit
		if amount < 0 {
			rounded = -rounded
		}
		if rate != 0 {
			line.TaxIDs = []string{taxes[rate]}
			at := slices.IndexFunc(n.Taxes, func(x erp.TaxAmount) bool { return x.TaxID == taxes[rate] })
			if at < 0 {
				at = len(n.Taxes)
				n.Taxes = append(n.Taxes, erp.TaxAmount{TaxID: taxes[rate], Base: m(0), Amount: m(0)})
			}
			x := &n.Taxes[at]
			x.Base, x.Amount = m(x.Base.Minor()+amount), m(x.Amount.Minor()+rounded)
		}
		net, tax = net+amount, tax+rounded
		n.Lines = append(n.Lines, line)
	}
	for range 1 + r.IntN(6) {
		quantity := 1 + r.Int64N(12)
		sell(erp.Goods, []string{"SKU-RED", "SKU-BLUE", "SKU-POT", "SKU-COURSE"}[r.IntN(4)], quantity, quantity*(1+r.Int64N(20_000)))
	}
	if r.IntN(3) == 0 {
		sell(erp.Discount, "", 1, -1-r.Int64N(500))
	}
	if r.IntN(2) == 0 {
		sell(erp.Shipping, "", 1, 1+r.Int64N(2_000))
	}
	n.Expected = erp.Totals{Net: m(net), Tax: m(tax), Gross: m(net + tax)}
	return n
}

// ORDERS says how many orders there are of each protocol.
func TestRandomOrdersHaveTheShopsTotal(t *testing.T) {
	orders := 20
	if text := os.Getenv("ORDERS"); text != "" {
		var err error
		orders, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	protocols(t, func(t *testing.T, p odoo.Protocol) {
		client := client(t, p, nil)
		taxes := map[int64]string{}
		for rate, name := range map[int64]string{55: "VAT 5.5%", 70: "VAT 7%", 190: "VAT 19%", 200: "VAT 20%", 250: "VAT 25%"} {
			taxes[rate] = tax(t, client, name)
		}
		who, err := client.UpsertCustomer(t.Context(), erp.Customer{Key: "random/" + string(p), Party: commerce.Customer{Name: "Ada Example"},
			Billing: commerce.Address{Name: "Ada Example", City: "Berlin", Country: "DE"}})
		require.NoError(t, err)
		r := rand.New(rand.NewPCG(7, uint64(len(p))))
		settled := 0
		for i := range orders {
			n := shopOrder(r, fmt.Sprintf("random/%s/%d", p, i), who, taxes)
			o, err := client.CreateOrder(t.Context(), n)
			require.NoError(t, err, "%+v", n.Lines)
			require.Equal(t, n.Expected.Gross, o.Totals.Gross)
			if o.Totals.Tax != n.Expected.Tax {
				settled++
			}
			if i%5 == 0 {
				o, err = client.ConfirmOrder(t.Context(), o.Ref)
				require.NoError(t, err)
				require.Equal(t, n.Expected.Gross, o.Totals.Gross)
				invoice, err := client.PostInvoice(t.Context(), erp.NewInvoice{Key: n.Key + "/invoice", Order: o.Ref, Date: n.Date, Taxes: n.Taxes, Expected: n.Expected})
				require.NoError(t, err, "%+v", n.Lines)
				require.Equal(t, n.Expected, invoice.Totals)
			}
		}
		t.Logf("%d orders, %d with another tax than the shop's and a rounding line", orders, settled)
	})
}
