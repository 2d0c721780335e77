package magento_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
)

// rma is a shop of Adobe Commerce with one return, in the shapes of the schema of 2.4.8.
type rma struct {
	t    *testing.T
	sent []string // method, path and body of each write
	no   bool     // writes are answered with false
}

const oneReturn = `{"entity_id":"3","increment_id":"000000003","order_id":7,"order_increment_id":"000000007","store_id":1,"customer_id":null,
"date_requested":"2026-11-20 10:00:00","customer_custom_email":"","status":"pending","extension_attributes":[],"custom_attributes":[],
"items":[{"entity_id":5,"rma_entity_id":3,"order_item_id":11,"qty_requested":"2.0000","qty_authorized":null,"qty_approved":null,"qty_returned":null,"reason":"8","condition":"9","resolution":"4","status":"pending"}],
"comments":[{"comment":"broken","rma_entity_id":3,"created_at":"2026-11-20 10:00:00","entity_id":1,"customer_notified":false,"visible_on_front":true,"status":"pending","admin":false}],
"tracks":[{"entity_id":2,"rma_entity_id":3,"track_number":"1Z","carrier_title":"UPS","carrier_code":"ups"}]}`

func (s *rma) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet {
		b, err := io.ReadAll(r.Body)
		require.NoError(s.t, err)
		s.sent = append(s.sent, r.Method+" "+r.URL.Path+" "+string(b))
		if s.no {
			return reply(r, `false`), nil
		}
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /rest/V1/returns":
		return reply(r, `{"items":[`+oneReturn+`],"search_criteria":{},"total_count":1}`), nil
	case "GET /rest/V1/returns/3", "POST /rest/V1/returns", "PUT /rest/V1/returns/3":
		return reply(r, oneReturn), nil
	case "GET /rest/V1/returns/3/comments":
		return reply(r, `{"items":[{"comment":"broken","visible_on_front":true}],"total_count":1}`), nil
	case "GET /rest/V1/returns/3/tracking-numbers":
		return reply(r, `{"items":[{"entity_id":2,"track_number":"1Z"}],"total_count":1}`), nil
	case "GET /rest/V1/returnsAttributeMetadata":
		return reply(r, `[{"attribute_code":"reason","frontend_label":"Reason","options":[{"label":"Wrong size","value":"8"}]}]`), nil
	case "GET /rest/V1/modules":
		return reply(r, `["Magento_Store","Magento_Rma"]`), nil
	}
	return reply(r, `true`), nil
}

func TestAReturnIsReadWrittenAsAWholeAndCommented(t *testing.T) {
	t.Parallel()
	shop := &rma{t: t}
	c := newClient(t, magento.Config{Credentials: commerce.Static(magento.Keys{Bearer: commerce.NewSecret("x")})}, shop)
	ctx := t.Context()
	offered, err := c.Returns.Offered(ctx)
	require.NoError(t, err)
	require.True(t, offered)

	r, err := c.Returns.Get(ctx, 3)
	require.NoError(t, err)
	require.Equal(t, magento.Number("2.0000"), r.Items[0].QtyRequested)
	require.Equal(t, "1Z", r.Tracks[0].TrackNumber)
	require.True(t, bool(r.Comments[0].VisibleOnFront))
	var ids []magento.ID
	for r, err := range c.Returns.List(ctx, magento.ListParams{Filters: magento.Where(magento.Filter{Field: "order_id", Value: "7"})}) {
		require.NoError(t, err)
		ids = append(ids, r.EntityID)
	}
	require.Equal(t, []magento.ID{3}, ids)
	comments, err := c.Returns.Comments(ctx, 3)
	require.NoError(t, err)
	require.Equal(t, "broken", comments[0].Comment)
	tracks, err := c.Returns.Tracks(ctx, 3)
	require.NoError(t, err)
	require.Equal(t, magento.ID(2), tracks[0].EntityID)
	options, err := c.Returns.Attributes(ctx)
	require.NoError(t, err)
	require.Equal(t, "Wrong size", options[0].Options[0].Label)

	r.Status, r.Items[0].Status, r.Items[0].QtyAuthorized = "authorized", "authorized", "2"
	_, err = c.Returns.Save(ctx, r)
	require.NoError(t, err)
	require.JSONEq(t, `{"rmaDataObject":{"entity_id":3,"increment_id":"000000003","order_id":7,"order_increment_id":"000000007","store_id":1,
		"date_requested":"2026-11-20 10:00:00","status":"authorized",
		"items":[{"entity_id":5,"rma_entity_id":3,"order_item_id":11,"qty_requested":2,"qty_authorized":2,"qty_approved":0,"qty_returned":0,"reason":"8","condition":"9","resolution":"4","status":"authorized"}],
		"comments":[{"comment":"broken","rma_entity_id":3,"created_at":"2026-11-20 10:00:00","entity_id":1,"customer_notified":false,"visible_on_front":true,"status":"pending","admin":false}],
		"tracks":[{"entity_id":2,"rma_entity_id":3,"track_number":"1Z","carrier_title":"UPS","carrier_code":"ups"}]}}`, shop.sent[0][len("PUT /rest/V1/returns/3 "):])

	require.NoError(t, c.Returns.Comment(ctx, 3, magento.Remark{Text: "on its way", Visible: true}))
	require.JSONEq(t, `{"data":{"rma_entity_id":3,"comment":"on its way","customer_notified":false,"visible_on_front":true,"status":"pending","admin":true}}`,
		shop.sent[1][len("POST /rest/V1/returns/3/comments "):])
	require.NoError(t, c.Returns.AddTrack(ctx, 3, magento.NewTrack{TrackNumber: "2Z", Title: "UPS", CarrierCode: "ups"}))
	require.JSONEq(t, `{"track":{"rma_entity_id":3,"track_number":"2Z","carrier_title":"UPS","carrier_code":"ups"}}`,
		shop.sent[2][len("POST /rest/V1/returns/3/tracking-numbers "):])
	_, err = c.Returns.Create(ctx, magento.Return{OrderID: 7, Items: []magento.ReturnItem{{OrderItemID: 11, QtyRequested: "1", Reason: "8", Condition: "9", Resolution: "4"}}})
	require.NoError(t, err)
	require.Len(t, shop.sent, 4)

	shop.no = true
	require.ErrorIs(t, c.Returns.AddTrack(ctx, 3, magento.NewTrack{}), commerce.ErrInvalid, "an answer of false is no success")
}

func TestAReturnThatIsNotWholeIsNotSent(t *testing.T) {
	t.Parallel()
	shop := &rma{t: t}
	c := newClient(t, magento.Config{Credentials: commerce.Static(magento.Keys{Bearer: commerce.NewSecret("x")})}, shop)
	row := []magento.ReturnItem{{OrderItemID: 11, QtyRequested: "x"}}
	for name, write := range map[string]func() error{
		"a new one with an id": func() error {
			_, err := c.Returns.Create(t.Context(), magento.Return{EntityID: 3, OrderID: 7, Items: row})
			return err
		},
		"one of no order": func() error { _, err := c.Returns.Create(t.Context(), magento.Return{Items: row}); return err },
		"one of no rows":  func() error { _, err := c.Returns.Create(t.Context(), magento.Return{OrderID: 7}); return err },
		"a quantity that is none": func() error {
			_, err := c.Returns.Create(t.Context(), magento.Return{OrderID: 7, Items: row})
			return err
		},
		"a stored one without its id": func() error {
			_, err := c.Returns.Save(t.Context(), magento.Return{OrderID: 7, Items: row})
			return err
		},
	} {
		err := write()
		require.ErrorIs(t, err, commerce.ErrInvalid, name)
		require.True(t, commerce.SafeToRetry(err), name)
	}
	require.Empty(t, shop.sent)
}
