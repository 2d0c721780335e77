package magentoshop_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
)

func TestAReturnIsNewsAtEachStep(t *testing.T) {
	t.Parallel()
	s := newStreet(t, streetConfig{far: magentotest.Config{AdobeCommerce: true}})
	id := s.done()
	o, _ := s.far.Order(id)
	client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Now: func() time.Time { return s.now },
		Credentials: commerce.Static(s.far.Keys()), Transport: s.far.Transport()})
	require.NoError(t, err)
	require.Empty(t, s.news("returns"))
	r, err := client.Returns.Create(t.Context(), magento.Return{OrderID: o.EntityID, Items: []magento.ReturnItem{{OrderItemID: o.Items[0].ItemID,
		QtyRequested: "1", Reason: "1", Condition: "1", Resolution: "1", Status: "pending"}}, Status: "pending"})
	require.NoError(t, err)
	require.Equal(t, []string{"return.changed return/1@1"}, s.news("returns"))
	e, err := s.store.Get(t.Context(), s.heard)
	require.NoError(t, err)
	require.Equal(t, []string{"return/1", "order/1"}, []string{e.Event.Object, e.Event.Subject})
	require.NoError(t, client.Returns.Comment(t.Context(), r.EntityID, magento.Remark{Text: "we look at it"}))
	s.now = s.now.Add(time.Minute)
	require.Empty(t, s.news("returns"), "a remark is no step")

	r, err = client.Returns.Get(t.Context(), r.EntityID)
	require.NoError(t, err)
	r.Status, r.Items[0].Status, r.Items[0].QtyAuthorized = "authorized", "authorized", "1"
	_, err = client.Returns.Save(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, []string{"return.changed return/1@2"}, s.news("returns"))
}

func TestAShopWithoutReturnsSaysSoOnce(t *testing.T) {
	t.Parallel()
	s := newStreet(t, streetConfig{})
	err := s.poll("returns")
	var e *commerce.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, magento.CodeNotOffered, e.Code)
	calls := len(s.far.Calls())
	for range 3 {
		require.NoError(t, s.poll("returns"))
	}
	require.Len(t, s.far.Calls(), calls)
	s.now = s.now.Add(25 * time.Hour)
	require.NoError(t, s.poll("returns"))
	require.Greater(t, len(s.far.Calls()), calls, "it may have been installed since")
	require.Empty(t, s.stored())
}

// TestACacheBeforeTheShopHidesNothing polls through one that keeps every GET for ever and
// does not say so.
func TestACacheBeforeTheShopHidesNothing(t *testing.T) {
	t.Parallel()
	type answer struct {
		resp *http.Response
		body []byte
	}
	kept, hits := map[string]answer{}, 0
	s := newStreet(t, streetConfig{through: func(_ *street, next http.RoundTripper) http.RoundTripper {
		return transport(func(r *http.Request) (*http.Response, error) {
			a, hit := kept[r.URL.String()]
			if hit {
				hits++
			} else {
				resp, err := next.RoundTrip(r)
				if err != nil {
					return nil, err
				}
				body, err := io.ReadAll(resp.Body)
				if err != nil {
					return nil, err
				}
				a = answer{resp, body}
				kept[r.URL.String()] = a
			}
			resp := *a.resp
			resp.Body = io.NopCloser(bytes.NewReader(a.body))
			return &resp, nil
		})
	}})
	open, done := s.place(cups()), s.done()
	require.Len(t, s.later(5*time.Minute), 2)
	require.NoError(t, s.far.Admin().Hold(open))
	_, err := s.far.Admin().Refund(done, nil)
	require.NoError(t, err)
	require.Len(t, s.later(5*time.Minute), 2)
	require.Empty(t, s.news("sweep"))
	require.NoError(t, s.far.Admin().Address(done, "billing", magentotest.Address{Street: []string{"2 Low St"}, City: "Austin", Country: "US"}))
	s.now = s.now.AddDate(0, 0, 8)
	require.Len(t, s.news("sweep"), 1)
	require.Zero(t, hits, "no question is asked twice")

	ref := s.shop.Ref(magento.ID(open))
	_, err = s.shop.Order(t.Context(), ref)
	require.NoError(t, err)
	s.now = s.now.Add(time.Hour)
	require.NoError(t, s.poll("changes"))
	_, err = s.shop.Order(t.Context(), ref)
	var e *commerce.Error
	require.ErrorAs(t, err, &e, "control: the same question is answered by the cache, and that is an error")
	require.Equal(t, magento.CodeStale, e.Code)
	require.Equal(t, 1, hits)
}
