package odoo

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/resilience"
)

// recorded is an answer of Odoo 19.0 (2026-11).
type recorded struct {
	Name        string
	Path        string
	Status      int
	ContentType string `json:"content_type"`
	Body        json.RawMessage
}

// RoundTrip answers a login with the id of a user, and everything else as recorded.
func (r recorded) RoundTrip(req *http.Request) (*http.Response, error) {
	sent, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	body, status := []byte(r.Body), r.Status
	var html string
	if json.Unmarshal(body, &html) == nil {
		body = []byte(html)
	}
	if strings.HasPrefix(r.Path, "/jsonrpc") && html == "" {
		if bytes.Contains(sent, []byte(`"authenticate"`)) && !strings.HasPrefix(r.Name, "authenticate") {
			body, status = []byte(`{"jsonrpc":"2.0","id":1,"result":5}`), http.StatusOK
		}
		var asked struct{ ID json.RawMessage }
		var answer map[string]json.RawMessage
		if err := json.Unmarshal(sent, &asked); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(body, &answer); err != nil {
			return nil, err
		}
		answer["id"] = asked.ID
		if body, err = json.Marshal(answer); err != nil {
			return nil, err
		}
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {r.ContentType}},
		Body: io.NopCloser(bytes.NewReader(body)), Request: req}, nil
}

func TestRecordedRefusalsAreToldApart(t *testing.T) {
	text, err := os.ReadFile("testdata/answers.json")
	require.NoError(t, err)
	var list []recorded
	require.NoError(t, json.Unmarshal(text, &list))
	kinds := map[string]commerce.Kind{
		"authenticate-wrong-password": commerce.KindAuth, "execute-kw-bad-key": commerce.KindAuth,
		"json2-bad-key": commerce.KindAuth, "json2-no-key": commerce.KindAuth,
		"authenticate-unknown-database": commerce.KindUnavailable,
		"private-method":                commerce.KindForbidden, "no-access-write": commerce.KindForbidden,
		"json2-bad-argument": commerce.KindForbidden, "json2-private-method": commerce.KindForbidden,
		"json2-no-access": commerce.KindForbidden, "company-foreign": commerce.KindForbidden,
		"sale-create-unknown-partner": commerce.KindNotFound, "sale-confirm-missing-record": commerce.KindNotFound,
		"json2-confirm-missing-record": commerce.KindNotFound,
		"no-such-method":               commerce.KindInternal, "bad-read-field": commerce.KindInternal,
		"sale-create-unknown-field": commerce.KindInternal, "json2-bad-field": commerce.KindInternal,
		"lock-reset-draft":           commerce.KindPeriodClosed,
		"sale-load-with-external-id": "",
		"json2-load":                 "",
	}
	for _, r := range list {
		t.Run(r.Name, func(t *testing.T) {
			p := JSON2
			if strings.HasPrefix(r.Path, "/jsonrpc") {
				p = JSONRPC
			}
			o, err := NewClient(Config{URL: "https://erp.test", Database: "erp", Protocol: p, Company: "1", Transport: r,
				Credentials: commerce.Static(Login{User: "sync", Key: commerce.NewSecret("hidden-key")}),
				Resilience:  resilience.Config{Retry: resilience.Retry{Attempts: 1}}})
			require.NoError(t, err)
			c := call{op: "act", model: "sale.order", method: "act", write: true}
			if strings.Contains(r.Name, "load") || strings.HasPrefix(r.Name, "lookup") {
				c.out = &loaded{call: c}
			}
			err = o.do(t.Context(), c)
			kind, special := kinds[r.Name]
			if special && kind == "" {
				require.NoError(t, err)
				return
			}
			if !special {
				kind = commerce.KindInvalid
			}
			require.Equal(t, kind, commerce.KindOf(err), "%v", err)
			require.True(t, commerce.SafeToRetry(err), "the server has rolled back: %v", err)
			require.NotContains(t, err.Error(), "hidden-key")
			require.NotContains(t, err.Error(), "127.0.0.1")
		})
	}
}

func TestADatabaseThatBreaksOffLeavesAWriteUnknown(t *testing.T) {
	for name, unknown := range map[string]bool{"psycopg2.OperationalError": true, "psycopg2.InterfaceError": true,
		"psycopg2.errors.SerializationFailure": false, "psycopg2.errors.LockNotAvailable": false} {
		err := call{op: "act", write: true}.refused(problem{Name: name, Message: "server closed the connection"}, answer{status: 500}, time.Time{})
		require.ErrorIs(t, err, commerce.ErrUnavailable)
		require.Equal(t, !unknown, commerce.SafeToRetry(err), name)
	}
}

func TestMessagesAboutPartnersStayIn(t *testing.T) {
	for _, model := range []string{"res.partner", "sale.order"} {
		err := call{op: "act", model: model, write: true}.refused(problem{Name: "odoo.exceptions.ValidationError",
			Message: "The VAT number [DE1] of [Ada Example] is not valid.\nDETAIL: Failing row contains (Ada Example)"}, answer{status: 422}, time.Time{})
		require.Equal(t, model != "res.partner", strings.Contains(err.Error(), "Ada"))
		require.NotContains(t, err.Error(), "Failing row")
	}
}

func TestNumbersStayTheDecimalTextThatWasSent(t *testing.T) {
	for _, c := range []struct {
		raw      string
		currency commerce.Currency
		want     string
	}{{"963.4", "EUR", "963.40"}, {"44.0", "EUR", "44.00"}, {"2999.0", "JPY", "2999"}, {"29.995", "KWD", "29.995"}, {"1e-05", "EUR", ""},
		{"0.30000000000000004", "EUR", "0.30"}, {"-5.679999999999999", "EUR", "-5.68"}, {"false", "EUR", "0.00"}, {"5.001", "EUR", ""},
		{"90071992547409.93", "EUR", "90071992547409.93"}, {"1e+16", "JPY", "10000000000000000"}} {
		var n number
		require.NoError(t, json.Unmarshal([]byte(c.raw), &n), c.raw)
		m, err := n.money(c.currency)
		if c.want == "" {
			require.Error(t, err, c.raw)
			continue
		}
		require.NoError(t, err, c.raw)
		require.Equal(t, c.want, m.Text(), c.raw)
	}
	var n number
	require.Error(t, json.Unmarshal([]byte(`"12"`), &n), "a text is no number")
}

func TestFalseIsNothing(t *testing.T) {
	var v struct {
		Text   text
		Link   link
		Number number
		Moment moment
		Date   date
	}
	require.NoError(t, json.Unmarshal([]byte(`{"Text":false,"Link":false,"Number":false,"Moment":false,"Date":false}`), &v))
	require.Zero(t, v)
	require.NoError(t, json.Unmarshal([]byte(`{"Text":"a","Link":[1,"EUR"],"Number":12.50,"Moment":"2026-11-21 07:20:11","Date":"2026-11-21"}`), &v))
	require.Equal(t, link{1, "EUR"}, v.Link)
	require.Equal(t, number("12.50"), v.Number)
	require.Equal(t, "2026-11-21 07:20:11", v.Moment.String())
	require.NoError(t, json.Unmarshal([]byte(`"1-01-01"`), &v.Date))
	require.True(t, v.Date.IsZero())
}
