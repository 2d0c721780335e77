package magentotest

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzSearchCriteria asks for a list with any query: the shop answers with a page of what
// is there, or says what is wrong with the query.
func FuzzSearchCriteria(f *testing.F) {
	shop, err := New(Config{Seed: 1})
	require.NoError(f, err)
	for range 5 {
		_, err := shop.Place(NewOrder{Items: []NewItem{{SKU: "SIMPLE-1", Qty: "1", Price: "6"}}})
		require.NoError(f, err)
	}
	for _, query := range []string{
		"searchCriteria",
		"searchCriteria[pageSize]=2&searchCriteria[currentPage]=2",
		"searchCriteria[page_size]=9223372036854775807&searchCriteria[current_page]=9223372036854775807",
		"searchCriteria[pageSize]=-1&searchCriteria[currentPage]=-9",
		"searchCriteria[filter_groups][0][filters][0][field]=entity_id&searchCriteria[filter_groups][0][filters][0][value]=1,2&searchCriteria[filter_groups][0][filters][0][condition_type]=in",
		"searchCriteria[filterGroups][7][filters][3][field]=grand_total&searchCriteria[filterGroups][7][filters][3][value]=1e99&searchCriteria[filterGroups][7][filters][3][conditionType]=gteq",
		"searchCriteria[filter_groups][0][filters][0][field]=status&searchCriteria[filter_groups][0][filters][0][value]=%25(%25&searchCriteria[filter_groups][0][filters][0][condition_type]=like",
		"searchCriteria[sortOrders][0][field]=updated_at&searchCriteria[sortOrders][0][direction]=desc&searchCriteria[sortOrders][99999999999999999999][field]=x",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		got, failed := list(shop, &request{query: values}, shop.orders, orderColumn, func(o *order) any { return obj{"entity_id": o.id} })
		if failed != nil {
			require.GreaterOrEqual(t, failed.status, 400)
			return
		}
		_, err = json.Marshal(got)
		require.NoError(t, err)
		answer := got.(obj)
		items, total := answer["items"].([]any), answer["total_count"].(int)
		require.LessOrEqual(t, len(items), total)
		require.LessOrEqual(t, total, 5)
	})
}
