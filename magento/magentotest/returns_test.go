package magentotest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
)

func TestAReturnGoesItsWay(t *testing.T) {
	t.Parallel()
	shop, err := magentotest.New(magentotest.Config{AdobeCommerce: true})
	require.NoError(t, err)
	c, ctx := client(t, shop), t.Context()
	offered, err := c.Returns.Offered(ctx)
	require.NoError(t, err)
	require.True(t, offered)
	attributes, err := c.Returns.Attributes(ctx)
	require.NoError(t, err)
	require.Len(t, attributes, 3)

	id, err := shop.Place(magentotest.NewOrder{Customer: magentotest.Customer{ID: 7, Email: "ann@example.com"},
		Items: []magentotest.NewItem{{SKU: "CUP", Qty: "3", Price: "10"}, {SKU: "POT", Price: "20"}}})
	require.NoError(t, err)
	o, _ := shop.Order(id)
	ask := func(qty magento.Number) (magento.Return, error) {
		return c.Returns.Create(ctx, magento.Return{OrderID: magento.ID(id), Items: []magento.ReturnItem{
			{OrderItemID: o.Items[0].ItemID, QtyRequested: qty, Reason: attributes[2].Options[1].ID, Condition: "4", Resolution: "2"}}})
	}
	_, err = ask("1")
	require.ErrorIs(t, err, commerce.ErrInvalid, "nothing was shipped yet")
	_, err = c.Orders.Ship(ctx, magento.ID(id), magento.ShipParams{})
	require.NoError(t, err)
	_, err = ask("4")
	require.ErrorIs(t, err, commerce.ErrInvalid, "three were shipped")
	r, err := ask("2")
	require.NoError(t, err)
	require.Equal(t, "pending", r.Status)
	require.Equal(t, magento.ID(7), r.CustomerID)
	require.Equal(t, "ann@example.com", r.CustomerCustomEmail)
	_, err = ask("2")
	require.ErrorIs(t, err, commerce.ErrInvalid, "one is left to ask for")

	step := func(change func(*magento.ReturnItem)) (magento.Return, error) {
		now, err := c.Returns.Get(ctx, r.EntityID)
		require.NoError(t, err)
		change(&now.Items[0])
		return c.Returns.Save(ctx, now)
	}
	_, err = step(func(i *magento.ReturnItem) { i.QtyAuthorized, i.Status = "3", "authorized" })
	require.ErrorIs(t, err, commerce.ErrInvalid, "more than was asked for")
	_, err = step(func(i *magento.ReturnItem) { i.Status = "received" })
	require.ErrorIs(t, err, commerce.ErrInvalid, "a step without its quantity")
	for _, s := range []struct {
		change func(*magento.ReturnItem)
		status string
	}{
		{func(i *magento.ReturnItem) { i.QtyAuthorized, i.Status = "2", "authorized" }, "authorized"},
		{func(i *magento.ReturnItem) { i.QtyReturned, i.Status = "2", "received" }, "received"},
		{func(i *magento.ReturnItem) { i.QtyApproved, i.Status = "1", "approved" }, "processed_closed"},
	} {
		got, err := step(s.change)
		require.NoError(t, err, s.status)
		require.Equal(t, s.status, got.Status)
	}
	_, err = step(func(i *magento.ReturnItem) { i.QtyApproved = "2" })
	require.ErrorIs(t, err, commerce.ErrInvalid, "it is closed")

	require.NoError(t, c.Returns.Comment(ctx, r.EntityID, magento.Remark{Text: "one was chipped"}))
	said, err := c.Returns.Comments(ctx, r.EntityID)
	require.NoError(t, err)
	require.Equal(t, "one was chipped", said[0].Comment)
	require.NoError(t, c.Returns.AddTrack(ctx, r.EntityID, magento.NewTrack{TrackNumber: "1Z", Title: "UPS", CarrierCode: "ups"}))
	tracks, err := c.Returns.Tracks(ctx, r.EntityID)
	require.NoError(t, err)
	require.Equal(t, "1Z", tracks[0].TrackNumber)
	found := 0
	for x, err := range c.Returns.List(ctx, magento.ListParams{Filters: magento.Where(magento.Filter{Field: "order_id", Is: magento.Eq, Value: magento.ID(id).String()})}) {
		require.NoError(t, err)
		require.Len(t, x.Comments, 1)
		require.Len(t, x.Tracks, 1)
		found++
	}
	require.Equal(t, 1, found)
	_, err = c.Returns.Get(ctx, 99)
	require.ErrorIs(t, err, commerce.ErrNotFound)
}

func TestReturnsAreRefusedByTheirRowsAndByMagentoOpenSource(t *testing.T) {
	t.Parallel()
	open, err := magentotest.New(magentotest.Config{})
	require.NoError(t, err)
	_, err = client(t, open).Returns.Get(t.Context(), 1)
	var e *commerce.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, magento.CodeNotOffered, e.Code)

	shop, err := magentotest.New(magentotest.Config{AdobeCommerce: true, Admins: map[string]string{"ann": "secret"}})
	require.NoError(t, err)
	id, err := shop.Place(magentotest.NewOrder{Items: []magentotest.NewItem{{SKU: "CUP", Qty: "3", Price: "10"}}})
	require.NoError(t, err)
	_, err = client(t, shop).Orders.Ship(t.Context(), magento.ID(id), magento.ShipParams{})
	require.NoError(t, err)
	send := admin(t, shop)
	for _, x := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/returns", `{}`, 400},
		{"POST", "/returns", `{"rmaDataObject":{"order_id":99,"items":[]}}`, 404},
		{"POST", "/returns", `{"rmaDataObject":{"order_id":1,"items":[]}}`, 400},
		{"POST", "/returns", `{"rmaDataObject":{"order_id":1,"items":[{"order_item_id":9,"qty_requested":1}]}}`, 400},
		{"POST", "/returns", `{"rmaDataObject":{"order_id":1,"nonsense":1}}`, 500},
		{"POST", "/returns", `{"rmaDataObject":{"order_id":1,"items":[{"order_item_id":1,"qty_requested":2}]}}`, 200},
		{"PUT", "/returns/1", `{"rmaDataObject":{"items":[{"entity_id":9}]}}`, 404},
		{"PUT", "/returns/1", `{"rmaDataObject":{"items":[{"order_item_id":1,"status":"lost"}]}}`, 400},
		{"PUT", "/returns/1", `{"rmaDataObject":{"items":[{"order_item_id":1,"status":"denied"}]}}`, 200},
		{"PUT", "/returns/1", `{"rmaDataObject":{"items":[]}}`, 400},
		{"POST", "/returns/1/comments", `{"data":{"comment":" "}}`, 400},
		{"POST", "/returns/1/tracking-numbers", `{"track":{"track_number":"1Z"}}`, 200},
		{"DELETE", "/returns/1/tracking-numbers/9", ``, 404},
		{"DELETE", "/returns/1/tracking-numbers/1", ``, 200},
		{"GET", "/returns/1/labels", ``, 200},
		{"DELETE", "/returns/1", ``, 200},
		{"DELETE", "/returns/1", ``, 404},
	} {
		status, answer := send(x.method, x.path, x.body)
		require.Equal(t, x.status, status, "%s %s %s: %s", x.method, x.path, x.body, answer)
	}
}
