package erpnexttest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/erp/erpnext/erpnexttest"
)

type far struct {
	*erpnexttest.Server
	t *testing.T
}

// call makes a request and returns status, "data" and "exc_type".
func (f far) call(verb, path, body string) (int, string, string) {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), verb, erpnexttest.URL+"api/"+path, strings.NewReader(body))
	require.NoError(f.t, err)
	login := f.Login()
	r.Header.Set("Authorization", "token "+login.Key+":"+login.Secret.Reveal())
	resp, err := f.Transport().RoundTrip(r)
	require.NoError(f.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(f.t, err)
	var answer struct {
		Data  json.RawMessage
		Class string `json:"exc_type"`
	}
	require.NoError(f.t, json.Unmarshal(b, &answer), "%s", b)
	return resp.StatusCode, string(answer.Data), answer.Class
}

func TestListsHaveTwentyNamesUnlessTheyAreAskedForMore(t *testing.T) {
	t.Parallel()
	items := make([]erpnexttest.Item, 30)
	for i := range items {
		items[i].Code = "I" + string(rune('A'+i))
	}
	s, err := erpnexttest.New(erpnexttest.Config{Items: items})
	require.NoError(t, err)
	f := far{s, t}
	count := func(query string) int {
		status, data, _ := f.call(http.MethodGet, "resource/Item?"+query, "")
		require.Equal(t, 200, status)
		var rows []map[string]any
		require.NoError(t, json.Unmarshal([]byte(data), &rows))
		require.Len(t, rows[0], 1)
		return len(rows)
	}
	require.Equal(t, 20, count(""))
	require.Equal(t, 30, count("limit_page_length=0"))
	require.Equal(t, 10, count("limit_start=20"))
	status, _, class := f.call(http.MethodGet, "resource/Item?fields="+url.QueryEscape(`["nofield"]`), "")
	require.Equal(t, 417, status)
	require.Equal(t, "DataError", class)
}

func TestADocumentGoesFromDraftToSubmittedToCancelledAndNeverBack(t *testing.T) {
	t.Parallel()
	s, err := erpnexttest.New(erpnexttest.Config{})
	require.NoError(t, err)
	f := far{s, t}
	status, _, _ := f.call(http.MethodPost, "resource/Customer", `{"customer_name": "Ada Example"}`)
	require.Equal(t, 200, status)
	order := `{"customer": "Ada Example", "company": "` + erpnexttest.Company + `", "transaction_date": "2026-11-21", "po_no": "k", "custom_external_id": "k", "no_such": 1,
		"set_warehouse": "` + erpnexttest.Warehouse + `", "items": [{"item_code": "SKU-RED", "qty": 3, "rate": 9.974}]}`
	status, data, _ := f.call(http.MethodPost, "resource/Sales%20Order", order)
	require.Equal(t, 200, status)
	require.Contains(t, data, `"grand_total":29.91`, "rates are rounded")
	require.NotContains(t, data, "no_such", "what is not known is dropped without a word")
	var made struct{ Name, Modified string }
	require.NoError(t, json.Unmarshal([]byte(data), &made))
	path := "resource/Sales%20Order/" + made.Name
	for _, step := range []struct {
		verb, path, body string
		status           int
		class            string
	}{
		{http.MethodPost, "resource/Sales%20Order", order, 417, "UniqueValidationError"},
		{http.MethodPost, "resource/Sales%20Order", `{"customer": "Nobody", "company": "x", "transaction_date": "2026-11-21", "items": [{}]}`, 417, "LinkValidationError"},
		{http.MethodPost, "resource/Sales%20Order", `{"customer": "Ada Example"}`, 417, "MandatoryError"},
		{http.MethodPut, path, `{"terms": "x", "modified": "2020-01-01 00:00:00.000000"}`, 417, "TimestampMismatchError"},
		{http.MethodPut, path, `{"docstatus": 2}`, 417, "DocstatusTransitionError"},
		{http.MethodPut, path, `{"docstatus": 1}`, 200, ""},
		{http.MethodPut, path, `{"docstatus": 1}`, 200, ""},
		{http.MethodPut, path, `{"customer": "x"}`, 417, "UpdateAfterSubmitError"},
		{http.MethodDelete, path, "", 417, "ValidationError"},
		{http.MethodPut, path, `{"docstatus": 2}`, 200, ""},
		{http.MethodPut, path, `{"docstatus": 1}`, 417, "ValidationError"},
		{http.MethodDelete, path, "", 202, ""},
		{http.MethodGet, path, "", 404, "DoesNotExistError"},
	} {
		status, _, class := f.call(step.verb, step.path, step.body)
		require.Equal(t, step.status, status, "%+v: %s", step, class)
		require.Equal(t, step.class, class, "%+v", step)
	}
}

func TestAnEntryThatDoesNotBalanceIsRefusedAsADraftToo(t *testing.T) {
	t.Parallel()
	s, err := erpnexttest.New(erpnexttest.Config{})
	require.NoError(t, err)
	status, _, class := far{s, t}.call(http.MethodPost, "resource/Journal%20Entry", `{"company": "`+erpnexttest.Company+`", "posting_date": "2026-11-21",
		"accounts": [{"account": "1010 - Bank - ST", "debit_in_account_currency": 5}]}`)
	require.Equal(t, 417, status)
	require.Equal(t, "ValidationError", class)
}
