package magentotest_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
)

// paidByCard is a shop with Stripe's module, what its gateway was asked, and an order of
// 3 × 10 and 5 for shipping whose money is reserved.
func paidByCard(t *testing.T, says func(magentotest.GatewayCall) error) (shop *magentotest.Shop, c *magento.Client, id int64, asked *[]magentotest.GatewayCall) {
	t.Helper()
	asked = &[]magentotest.GatewayCall{}
	shop, err := magentotest.New(magentotest.Config{StripeModule: true, Gateway: func(c magentotest.GatewayCall) error {
		*asked = append(*asked, c)
		if says != nil {
			return says(c)
		}
		return nil
	}})
	require.NoError(t, err)
	id = placeCard(t, shop)
	require.NoError(t, shop.Charged(magentotest.StripeCharge{Order: id, Intent: "pi_1", Authorised: true, Customer: "cus_1"}))
	return shop, client(t, shop), id, asked
}

func placeCard(t *testing.T, shop *magentotest.Shop) int64 {
	t.Helper()
	id, err := shop.Place(magentotest.NewOrder{PaymentMethod: "stripe_payments", State: "pending_payment", Status: "pending_payment", ShippingPrice: "5",
		Items: []magentotest.NewItem{{SKU: "CUP", Qty: "3", Price: "10"}}})
	require.NoError(t, err)
	return id
}

func TestAnInvoiceWithCaptureAsksTheGateway(t *testing.T) {
	t.Parallel()
	shop, c, id, asked := paidByCard(t, nil)
	o, _ := shop.Order(id)
	made, err := c.Orders.Invoice(t.Context(), magento.ID(id), magento.InvoiceParams{Capture: true, Items: []magento.ItemQty{{OrderItemID: o.Items[0].ItemID, Qty: "1"}}})
	require.NoError(t, err)
	require.Equal(t, []magentotest.GatewayCall{{Action: magentotest.GatewayCapture, Order: id, Intent: "pi_1", Amount: "15", Currency: "USD"}}, *asked)
	invoice, err := c.Invoices.Get(t.Context(), made)
	require.NoError(t, err)
	require.Equal(t, "pi_1-capture", invoice.TransactionID)
	require.Equal(t, magento.InvoicePaid, invoice.State)

	_, err = c.Orders.Invoice(t.Context(), magento.ID(id), magento.InvoiceParams{})
	require.NoError(t, err)
	require.Len(t, *asked, 1, "without capture nobody is asked")
	o, _ = shop.Order(id)
	require.Equal(t, magento.Number("35"), o.TotalPaid)
	require.Equal(t, "pi_1-capture", o.Payment.LastTransID)
	all := shop.Transactions(id)
	require.Len(t, all, 2)
	require.Equal(t, "pi_1", all[1].ParentTxnID)
}

func TestARefusedCaptureLeavesTheOrderAsItWas(t *testing.T) {
	t.Parallel()
	shop, c, id, _ := paidByCard(t, func(magentotest.GatewayCall) error { return errors.New("expired") })
	before, _ := shop.Order(id)
	_, err := c.Orders.Invoice(t.Context(), magento.ID(id), magento.InvoiceParams{Capture: true})
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.ErrorIs(t, c.Orders.Cancel(t.Context(), magento.ID(id)), commerce.ErrInvalid)
	after, _ := shop.Order(id)
	require.Equal(t, before, after)
	require.Empty(t, shop.Invoices(id))
}

func TestAnOpenInvoiceIsCapturedOrVoided(t *testing.T) {
	t.Parallel()
	for _, capture := range []bool{true, false} {
		shop, c, id, asked := paidByCard(t, nil)
		open, err := shop.OpenInvoice(id)
		require.NoError(t, err)
		invoice, err := c.Invoices.Get(t.Context(), magento.ID(open))
		require.NoError(t, err)
		require.Equal(t, magento.InvoiceOpen, invoice.State)
		o, _ := shop.Order(id)
		require.Equal(t, magento.Number("35"), o.TotalInvoiced)
		require.Empty(t, o.TotalPaid)

		if capture {
			require.NoError(t, c.Invoices.Capture(t.Context(), magento.ID(open)))
			require.Equal(t, magentotest.GatewayCapture, (*asked)[0].Action)
			o, _ = shop.Order(id)
			require.Equal(t, magento.Number("35"), o.TotalPaid)
			require.Equal(t, magento.InvoicePaid, shop.Invoices(id)[0].State)
		} else {
			require.NoError(t, c.Invoices.Void(t.Context(), magento.ID(open)))
			require.Equal(t, magentotest.GatewayVoid, (*asked)[0].Action)
			require.Equal(t, magento.InvoiceCanceled, shop.Invoices(id)[0].State)
			_, err := c.Orders.Invoice(t.Context(), magento.ID(id), magento.InvoiceParams{})
			require.NoError(t, err, "what was voided can be invoiced anew")
			o, _ = shop.Order(id)
			require.Equal(t, magento.Number("35"), o.TotalPaid, "with its shipping")
		}
		require.ErrorIs(t, c.Invoices.Capture(t.Context(), magento.ID(open)), commerce.ErrInvalid)
		require.ErrorIs(t, c.Invoices.Void(t.Context(), magento.ID(open)), commerce.ErrInvalid)
	}
}

func TestACancelVoidsReservedMoney(t *testing.T) {
	t.Parallel()
	shop, c, id, asked := paidByCard(t, nil)
	require.NoError(t, c.Orders.Cancel(t.Context(), magento.ID(id)))
	require.Equal(t, []magentotest.GatewayCall{{Action: magentotest.GatewayVoid, Order: id, Intent: "pi_1", Currency: "USD"}}, *asked)
	all := shop.Transactions(id)
	require.Equal(t, "pi_1-void", all[len(all)-1].TxnID)
	require.Error(t, c.Orders.Cancel(t.Context(), magento.ID(id)))
	require.Len(t, *asked, 1)
}

func TestAnOnlineRefundAsksTheGateway(t *testing.T) {
	t.Parallel()
	says := error(nil)
	shop, c, id, asked := paidByCard(t, func(magentotest.GatewayCall) error { return says })
	made, err := c.Orders.Invoice(t.Context(), magento.ID(id), magento.InvoiceParams{Capture: true})
	require.NoError(t, err)
	o, _ := shop.Order(id)
	part := magento.InvoiceRefundParams{Online: true, RefundParams: magento.RefundParams{BaseShipping: "0",
		Items: []magento.ItemQty{{OrderItemID: o.Items[0].ItemID, Qty: "1"}}}}
	says = errors.New("no")
	_, err = c.Invoices.Refund(t.Context(), made, part)
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.Empty(t, shop.CreditMemos(id))
	says = nil
	memo, err := c.Invoices.Refund(t.Context(), made, part)
	require.NoError(t, err)
	require.Equal(t, "pi_1-refund", memo.TransactionID)
	require.Equal(t, magentotest.GatewayCall{Action: magentotest.GatewayRefund, Order: id, Intent: "pi_1", Amount: "10", Currency: "USD"}, (*asked)[len(*asked)-1])
	asks := len(*asked)
	part.Online = false
	_, err = c.Invoices.Refund(t.Context(), made, part)
	require.NoError(t, err)
	require.Len(t, *asked, asks, "offline nobody is asked")
	require.Len(t, shop.CreditMemos(id), 2)
}

func TestNewsOfStripeReachesTheShopAsItsModuleTakesIt(t *testing.T) {
	t.Parallel()
	shop, err := magentotest.New(magentotest.Config{StripeModule: true})
	require.NoError(t, err)
	charged := func(intent string) int64 {
		id := placeCard(t, shop)
		require.NoError(t, shop.Charged(magentotest.StripeCharge{Order: id, Intent: intent}))
		return id
	}

	whole := charged("pi_1")
	require.NoError(t, shop.Refunded(magentotest.StripeAmount{Order: whole, Intent: "pi_1", Amount: "35"}))
	o, _ := shop.Order(whole)
	require.Equal(t, "closed", o.State)
	require.Len(t, shop.CreditMemos(whole), 1)

	part := charged("pi_2")
	require.NoError(t, shop.Refunded(magentotest.StripeAmount{Order: part, Intent: "pi_2", Amount: "5"}))
	require.NoError(t, shop.Refunded(magentotest.StripeAmount{Order: part, Intent: "pi_2", Amount: "35", Currency: "EUR"}))
	o, _ = shop.Order(part)
	require.Equal(t, "processing", o.State)
	require.Empty(t, shop.CreditMemos(part), "that gap is what a synchroniser fills")
	require.Len(t, shop.Comments(part), 2)
	all := shop.Transactions(part)
	require.Equal(t, magento.TransactionRefund, all[len(all)-1].TxnType)
	require.Equal(t, "pi_2-refund", all[len(all)-1].TxnID)

	reserved := placeCard(t, shop)
	require.NoError(t, shop.Charged(magentotest.StripeCharge{Order: reserved, Intent: "pi_3", Authorised: true}))
	require.NoError(t, shop.Captured(magentotest.StripeAmount{Order: reserved, Intent: "pi_3", Amount: "20"}))
	require.Empty(t, shop.Invoices(reserved), "a part leaves a comment only")
	require.Len(t, shop.Comments(reserved), 1)
	for range 2 { // news may come twice
		require.NoError(t, shop.Captured(magentotest.StripeAmount{Order: reserved, Intent: "pi_3", Amount: "35"}))
	}
	require.Len(t, shop.Invoices(reserved), 1)

	require.NoError(t, shop.Disputed(reserved, "pi_3"))
	o, _ = shop.Order(reserved)
	require.Equal(t, []string{"stripe_disputed", "stripe_disputed"}, []string{o.State, o.Status})
	looked := placeCard(t, shop)
	require.NoError(t, shop.Charged(magentotest.StripeCharge{Order: looked, Intent: "pi_4", Review: true}))
	o, _ = shop.Order(looked)
	require.Equal(t, "stripe_manual_review", o.State)

	off, err := magentotest.New(magentotest.Config{})
	require.NoError(t, err)
	for _, err := range []error{
		off.Refunded(magentotest.StripeAmount{Order: 1, Intent: "pi_1", Amount: "1"}), off.Captured(magentotest.StripeAmount{Order: 1, Intent: "pi_1", Amount: "1"}),
		off.Disputed(1, "pi_1"), shop.Refunded(magentotest.StripeAmount{Order: part, Intent: "pi_2", Amount: "x"}),
		shop.Captured(magentotest.StripeAmount{Order: part, Intent: "ch_2", Amount: "1"}),
	} {
		require.ErrorIs(t, err, commerce.ErrInvalid)
	}
	require.ErrorIs(t, shop.Disputed(99, "pi_9"), commerce.ErrNotFound)
	_, err = shop.OpenInvoice(99)
	require.ErrorIs(t, err, commerce.ErrNotFound)
	_, err = shop.OpenInvoice(whole)
	require.ErrorIs(t, err, commerce.ErrInvalid)
}

func TestDocumentsAreCommentedOn(t *testing.T) {
	t.Parallel()
	shop, c, id, _ := paidByCard(t, nil)
	ctx, order := t.Context(), magento.ID(id)
	invoice, err := c.Orders.Invoice(ctx, order, magento.InvoiceParams{Capture: true, Comment: "with it"})
	require.NoError(t, err)
	shipment, err := c.Orders.Ship(ctx, order, magento.ShipParams{Tracks: []magento.NewTrack{{TrackNumber: "1Z", Title: "UPS", CarrierCode: "ups"}}})
	require.NoError(t, err)
	require.NoError(t, c.Shipments.RemoveTrack(ctx, shipment.Tracks[0].EntityID))
	require.Empty(t, shop.Shipments(id)[0].Tracks)
	require.ErrorIs(t, c.Shipments.RemoveTrack(ctx, shipment.Tracks[0].EntityID), commerce.ErrNotFound)
	memo, err := c.Orders.Refund(ctx, order, magento.RefundParams{Everything: true, AllShipping: true})
	require.NoError(t, err)
	before, _ := shop.Order(id)
	for what, do := range map[string]func(magento.Remark) (magento.DocumentComment, error){
		"invoice": func(r magento.Remark) (magento.DocumentComment, error) { return c.Invoices.Comment(ctx, invoice, r) },
		"shipment": func(r magento.Remark) (magento.DocumentComment, error) {
			return c.Shipments.Comment(ctx, shipment.EntityID, r)
		},
		"memo": func(r magento.Remark) (magento.DocumentComment, error) {
			return c.CreditMemos.Comment(ctx, memo.EntityID, r)
		},
	} {
		made, err := do(magento.Remark{Text: what})
		require.NoError(t, err, what)
		require.Equal(t, what, made.Comment)
	}
	after, _ := shop.Order(id)
	require.Equal(t, before, after, "an order does not notice")
	l, err := c.Invoices.Comments(ctx, invoice)
	require.NoError(t, err)
	require.Equal(t, "with it", l[0].Comment)
	require.Equal(t, "invoice", l[1].Comment)
	l, err = c.Shipments.Comments(ctx, shipment.EntityID)
	require.NoError(t, err)
	require.Len(t, l, 1)
	l, err = c.CreditMemos.Comments(ctx, memo.EntityID)
	require.NoError(t, err)
	require.Len(t, l, 1)
	_, err = c.Invoices.Comment(ctx, 99, magento.Remark{Text: "x"})
	require.ErrorIs(t, err, commerce.ErrNotFound)
}
