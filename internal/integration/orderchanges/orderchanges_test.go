package orderchanges

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/workflow"
)

func TestOwnWritesAreNoEdits(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.pay()
	o.changed(o.sale.ID)
	o.stands(o.sale.ID)
	require.Equal(t, "processing", o.order(o.sale.ID).State)
	before := o.writes()
	require.NoError(t, o.far.Shop.Admin().Comment(o.sale.ID, "packed with care"))
	_, err := o.far.Shop.Admin().Ship(o.sale.ID, nil)
	require.NoError(t, err)
	for range 3 {
		o.changed(o.sale.ID)
	}
	require.Equal(t, before, o.writes())
	require.Empty(t, o.exceptions())
}

func TestAnotherAddressReachesTheERP(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.pay()
	o.changed(o.sale.ID)
	to := magentotest.Address{Street: []string{"Neue Straße 8"}, City: "Bremen", Postcode: "28195", Country: "DE"}
	require.NoError(t, o.far.Shop.Admin().Address(o.sale.ID, "shipping", to))
	o.changed(o.sale.ID)
	o.stands(o.sale.ID)
	require.Len(t, o.far.ERP.AllSales(), 2)
	require.Empty(t, o.exceptions())

	require.NoError(t, o.far.ERP.Pick(o.sale.Reference()))
	to.City = "Oldenburg"
	require.NoError(t, o.far.Shop.Admin().Address(o.sale.ID, "shipping", to))
	o.changed(o.sale.ID)
	o.changed(o.sale.ID)
	o.stands(o.sale.ID)
	require.Len(t, o.far.ERP.AllSales(), 2)
	require.Equal(t, []string{workflow.AddressChanged}, o.exceptions())
}

func TestAReplacementOrderIsPaidByTheMoneyOfTheFirst(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		price  string
		alerts []string
		sales  int
	}{
		{"of the same total", "", []string{}, 1},
		{"of less", "1.00", []string{workflow.Overpaid}, 1},
		{"of more", "900.00", []string{}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			price := c.price
			if price == "" {
				price = o.sale.Due.Text()
			}
			next, err := o.far.Shop.Admin().Edit(o.sale.ID, magentotest.NewOrder{PricesIncludeTax: true, PaymentMethod: "stripe_payments",
				Billing:  magentotest.Address{Street: []string{"Lange Straße 7"}, City: "Hamburg", Postcode: "20095", Country: "DE"},
				Customer: magentotest.Customer{Email: "buyer@example.com", FirstName: "Robin", LastName: "Buyer"},
				Items:    []magentotest.NewItem{{SKU: "SKU-RED", Qty: "1", Price: price, Taxes: []magentotest.Tax{{Code: "19", Percent: "19"}}}}})
			require.NoError(t, err)
			o.pay() // by the metadata of the first
			o.changed(o.sale.ID, next)
			require.Empty(t, o.counting(o.sale.ID))
			require.Equal(t, c.alerts, o.exceptions())
			require.Len(t, o.counting(next), c.sales)
			if c.sales > 0 {
				o.stands(next)
				require.Equal(t, "processing", o.order(next).State)
				require.Len(t, o.far.Shop.Invoices(next), 1)
			}
			require.Empty(t, o.far.Shop.Invoices(o.sale.ID))
		})
	}
}

func TestAnOrderThatIsGivenBackBeforeItWasSentIsCancelledAtTheERP(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.pay()
	o.changed(o.sale.ID)
	o.stands(o.sale.ID)
	_, err := o.far.Shop.Admin().Refund(o.sale.ID, nil)
	require.NoError(t, err)
	require.Equal(t, "closed", o.order(o.sale.ID).State)
	o.changed(o.sale.ID)
	require.Empty(t, o.exceptions())
	for _, s := range o.far.ERP.AllSales() {
		require.Contains(t, s.Reference, "(cancelled)")
	}
}
