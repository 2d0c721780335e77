package magentotest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
)

func client(t *testing.T, shop *magentotest.Shop) *magento.Client {
	t.Helper()
	c, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(shop.Keys()), Transport: shop.Transport()})
	require.NoError(t, err)
	return c
}

func TestAnOrderIsPaidAndShipped(t *testing.T) {
	t.Parallel()
	shop, err := magentotest.New(magentotest.Config{Seed: 1})
	require.NoError(t, err)
	id, err := shop.Place(magentotest.NewOrder{ShippingPrice: "20", Items: []magentotest.NewItem{
		{SKU: "SIMPLE-1", Qty: "3", Price: "25.99"}, {SKU: "SIMPLE-2", Price: "6"}}})
	require.NoError(t, err)
	c, ctx := client(t, shop), t.Context()

	o, err := c.Orders.Get(ctx, magento.ID(id))
	require.NoError(t, err)
	require.Equal(t, "new", o.State)
	require.Equal(t, magento.Number("103.97"), o.GrandTotal)
	require.Empty(t, o.TotalPaid)

	found, err := c.Orders.FindByIncrementID(ctx, "000000001", 1)
	require.NoError(t, err)
	require.Equal(t, o.EntityID, found.EntityID)

	require.NoError(t, c.Orders.Comment(ctx, o.EntityID, magento.Comment{Text: "seen"}))
	invoice, err := c.Orders.Invoice(ctx, o.EntityID, magento.InvoiceParams{Comment: "pi_1"})
	require.NoError(t, err)
	inv, err := c.Invoices.Get(ctx, invoice)
	require.NoError(t, err)
	require.Equal(t, magento.InvoicePaid, inv.State)
	require.Equal(t, "pi_1", inv.Comments[0].Comment)

	require.NoError(t, c.Orders.Hold(ctx, o.EntityID))
	require.NoError(t, c.Orders.Unhold(ctx, o.EntityID))

	sh, err := c.Orders.Ship(ctx, o.EntityID, magento.ShipParams{Items: []magento.ItemQty{{OrderItemID: o.Items[0].ItemID, Qty: "3"}},
		Tracks: []magento.NewTrack{{TrackNumber: "1Z999", Title: "UPS", CarrierCode: "ups"}}})
	require.NoError(t, err)
	require.Equal(t, "1Z999", sh.Tracks[0].TrackNumber)
	o, err = c.Orders.Get(ctx, o.EntityID)
	require.NoError(t, err)
	require.Equal(t, "processing", o.State)
	_, err = c.Orders.Ship(ctx, o.EntityID, magento.ShipParams{})
	require.NoError(t, err)
	o, err = c.Orders.Get(ctx, o.EntityID)
	require.NoError(t, err)
	require.Equal(t, "complete", o.State)
	require.Equal(t, magento.Number("103.97"), o.TotalPaid)
}
