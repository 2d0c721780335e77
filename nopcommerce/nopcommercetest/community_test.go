package nopcommercetest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
)

// communal is a caller with a token of the community API.
func communal(t *testing.T, c nopcommercetest.Config) (*nopcommercetest.Shop, *caller) {
	t.Helper()
	c.API = nopcommercetest.Community
	s, call := open(t, c)
	who := s.Login()
	status, b := call.send("POST", "/token", fmt.Sprintf(`{"username":%q,"password":%q}`, who.Email, who.Password.Reveal()))
	require.Equal(t, 200, status)
	var out struct {
		Token string `json:"access_token"`
	}
	require.NoError(t, json.Unmarshal(b, &out))
	call.token = out.Token
	return s, call
}

func (c *caller) communityIDs(query string) (ids []int) {
	c.t.Helper()
	status, b := c.send("GET", "/api/orders?"+query, "")
	require.Equal(c.t, 200, status, "%s", b)
	var out struct{ Orders []struct{ ID int } }
	require.NoError(c.t, json.Unmarshal(b, &out))
	for _, o := range out.Orders {
		ids = append(ids, o.ID)
	}
	return ids
}

func TestTheCommunityListIsByIdAndItsPeriodHasNoEnds(t *testing.T) {
	t.Parallel()
	clock := newHands()
	s, c := communal(t, nopcommercetest.Config{Now: clock.now})
	for range 4 {
		place(t, s, nopcommercetest.NewOrder{})
		clock.at = clock.at.Add(time.Minute)
	}
	require.NoError(t, s.MarkPaid(2))
	require.NoError(t, s.Delete(4))
	require.Equal(t, []int{1, 2, 3}, c.communityIDs(""))
	require.Equal(t, []int{2}, c.communityIDs("created_at_min=2026-11-02T09:00:00&created_at_max=2026-11-02T09:02:00"))
	require.Equal(t, []int{1, 2, 3}, c.communityIDs("created_at_min=soon&status=Unknown"), "what can not be read is no filter")
	require.Equal(t, []int{2}, c.communityIDs("payment_status=Paid"))
	require.Equal(t, []int{3}, c.communityIDs("SinceId=2"))
	require.Equal(t, []int{2}, c.communityIDs("limit=1&page=2"))
	require.Equal(t, []int{1, 3}, c.communityIDs("ids=1,3"))
	status, b := c.send("GET", "/api/orders?limit=251", "")
	require.Equal(t, 400, status)
	require.JSONEq(t, `{"errors":{"limit":["Invalid limit parameter"]}}`, string(b))
	_, b = c.send("GET", "/api/orders/1?fields=id,order_total,vat_number", "")
	require.JSONEq(t, `{"orders":[{"id":1,"order_total":20.0}]}`, string(b))
	_, b = c.send("GET", "/api/orders/1", "")
	require.Contains(t, string(b), `"order_status":"Pending"`)
	require.NotContains(t, string(b), "order_guid")
	status, _ = c.send("PUT", "/api/orders/1", `{"order":{}}`)
	require.Equal(t, 404, status, "only reads are there")
}

func TestTheCommunityAPIAnswersForTheStoreOfItsHost(t *testing.T) {
	t.Parallel()
	s, c := communal(t, nopcommercetest.Config{Stores: []nopcommercetest.Store{{Name: new("One"), Hosts: new("one.example")}, {Name: new("Two"), Hosts: new("two.example,shop.example")}}})
	place(t, s, nopcommercetest.NewOrder{Store: 1})
	place(t, s, nopcommercetest.NewOrder{Store: 2})
	require.Equal(t, []int{2}, c.communityIDs(""))
	_, b := c.send("GET", "/api/stores/current", "")
	require.True(t, strings.Contains(string(b), "Two"))
}

func TestTheCommunityAPIAsksForItsRole(t *testing.T) {
	t.Parallel()
	s, c := communal(t, nopcommercetest.Config{})
	s.SetAccess(false)
	status, b := c.send("GET", "/api/orders", "")
	require.Equal(t, http.StatusForbidden, status)
	require.Empty(t, b)
	status, b = c.send("POST", "/token", `{"username":"nobody@example.com","password":"x"}`)
	require.Equal(t, http.StatusForbidden, status)
	require.JSONEq(t, `"Wrong username or password"`, string(b))
}
