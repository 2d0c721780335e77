package totals_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp/tryton/trytontest"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/mapping"
)

// What can not be said is a typed error that names document, field and value, and
// nothing is written.
func TestBadInputIsAFaultThatSaysWhatAndWhere(t *testing.T) {
	t.Parallel()
	vat := []magentotest.Tax{{Code: "VAT 19", Percent: "19"}}
	for name, c := range map[string]struct {
		place func(*magentotest.NewOrder)
		spoil func(*magento.Order) // what the wire says instead
		field string
		value string
	}{
		"a currency that nobody knows": {
			spoil: func(o *magento.Order) { o.OrderCurrencyCode = "BTC" }, field: "order_currency_code", value: "BTC"},
		"a base currency that nobody knows": {
			spoil: func(o *magento.Order) { o.BaseCurrencyCode = "EURO" }, field: "base_currency_code", value: "EURO"},
		"a tax without a row": {
			place: func(o *magentotest.NewOrder) { o.Items[0].Taxes = []magentotest.Tax{{Code: "VAT 13", Percent: "13"}} }, field: "tax", value: "rate 13"},
		"a tax without a row on shipping": {
			place: func(o *magentotest.NewOrder) { o.ShippingTax = []magentotest.Tax{{Code: "VAT 13", Percent: "13"}} }, field: "tax", value: "on shipping"},
		"a SKU that the ERP does not have": {
			place: func(o *magentotest.NewOrder) { o.Items[1].SKU = "SPOON" }, field: "lines[2].sku", value: "SPOON"},
		"a part of a unit of what is sold whole": {
			place: func(o *magentotest.NewOrder) { o.Items[1].Qty = "1.5" }, field: "lines[2].quantity", value: "1.5"},
		"a total that its parts do not make": {
			spoil: func(o *magento.Order) { o.GrandTotal = "30.01" }, field: "gross", value: "30.01"},
		"an amount that is no number": {
			spoil: func(o *magento.Order) { o.Items[0].TaxAmount = "1,95" }, field: "items[1].tax_amount", value: "1,95"},
		"tax that was charged under no rate": {
			spoil: func(o *magento.Order) { o.Extension.AppliedTaxes, o.Extension.ItemAppliedTaxes = nil, nil }, field: "items[1].taxes"},
		"tax whose rates do not make it": {
			spoil: func(o *magento.Order) { o.Extension.ItemAppliedTaxes[1].AppliedTaxes[0].Amount = "1.91" }, field: "rows[1].tax", value: "1.90"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, err := trytontest.New(trytontest.Config{})
			require.NoError(t, err)
			far := far{trytontest.URL, trytontest.Database, fake.Login(), fake.Transport()}
			p := newProgram(t, far)
			n := magentotest.NewOrder{Store: "de", ShippingPrice: "4.90", ShippingTax: vat, PaymentMethod: "stripe_payments",
				Items: []magentotest.NewItem{{SKU: "SKU-RED", Price: "10", Taxes: vat}, {SKU: "SKU-POT", Price: "10.276", Taxes: vat}}}
			if c.place != nil {
				c.place(&n)
			}
			id, err := p.world.Place(n)
			require.NoError(t, err)
			err = p.write(t.Context(), id, c.spoil)
			fault, ok := errors.AsType[*mapping.Fault](err)
			require.True(t, ok, "%v", err)
			require.ErrorIs(t, err, commerce.ErrMapping)
			require.True(t, commerce.SafeToRetry(err), "nothing was sent")
			require.Contains(t, fault.Document, "magento order")
			require.Equal(t, c.field, fault.Field)
			require.Contains(t, fault.Value, c.value)
			require.NotEmpty(t, fault.Reason)

			auditor, err := newAuditor(t.Context(), far)
			require.NoError(t, err)
			sales, err := auditor.sales(t.Context())
			require.NoError(t, err)
			require.Empty(t, sales)
		})
	}
}

// write takes an order into the ERP as it stands on the wire, or otherwise.
func (p program) write(ctx context.Context, id int64, otherwise func(*magento.Order)) error {
	raw, _ := p.world.Order(id)
	if otherwise != nil {
		otherwise(&raw)
	}
	o, err := p.shop.Canonical(ctx, raw)
	if err != nil {
		return err
	}
	route, err := p.books.Route(o, nil)
	if err != nil {
		return err
	}
	_, err = p.books.SalesOrder(route, o, nil).Act(ctx)
	return err
}

// PHP prints what it stores as 29.95 with all digits of a float, and nought as
// 7.1e-15: that is the amount, and no fault.
func TestAFloatsDigitsAreReadAsTheAmountThatIsStored(t *testing.T) {
	t.Parallel()
	fake, err := trytontest.New(trytontest.Config{})
	require.NoError(t, err)
	p := newProgram(t, far{trytontest.URL, trytontest.Database, fake.Login(), fake.Transport()})
	id, err := p.world.Place(magentotest.NewOrder{Store: "de", PaymentMethod: "stripe_payments",
		Items: []magentotest.NewItem{{SKU: "SKU-RED", Price: "29.95"}}})
	require.NoError(t, err)
	raw, _ := p.world.Order(id)
	raw.GrandTotal, raw.Subtotal, raw.Items[0].RowTotalInclTax = "29.949999999999999", "29.949999999999999", "29.949999999999999"
	raw.TaxAmount, raw.Items[0].TaxAmount = "7.105427357601e-15", "7.105427357601e-15"
	o, err := p.shop.Canonical(t.Context(), raw)
	require.NoError(t, err)
	require.Equal(t, commerce.MustMoney(2995, "EUR"), o.Totals.Gross)
	due, err := o.Due()
	require.NoError(t, err)
	require.Equal(t, commerce.MustMoney(2995, "EUR"), due)
}
