package magentotest

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
)

// TestRecordedLoginsAreAnsweredAsRecorded sends every recorded request with the header
// it had, signature included, to a shop with the same keys at the same time.
func TestRecordedLoginsAreAnsweredAsRecorded(t *testing.T) {
	t.Parallel()
	var creds struct {
		Integrations map[string]struct {
			ConsumerKey       string `json:"consumer_key"`
			ConsumerSecret    string `json:"consumer_secret"`
			AccessToken       string `json:"access_token"`
			AccessTokenSecret string `json:"access_token_secret"`
		}
	}
	b, err := os.ReadFile(filepath.Join("..", "testdata", "recorded", "oauth-credentials.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &creds))
	integration := func(name string, rights []string) Integration {
		i := creds.Integrations[name]
		return Integration{Rights: rights, Keys: magento.Keys{ConsumerKey: i.ConsumerKey, ConsumerSecret: commerce.NewSecret(i.ConsumerSecret),
			AccessToken: commerce.NewSecret(i.AccessToken), AccessTokenSecret: commerce.NewSecret(i.AccessTokenSecret)}}
	}
	config := Config{
		Now:          func() time.Time { return time.Unix(1795245073, 0) },
		Integrations: []Integration{integration("sync", nil), integration("narrow", []string{"Magento_Catalog::products"})},
		Admins:       map[string]string{"admin": "Passw0rd123"},
		Stores:       DefaultStores()[:1],
	}
	bearer, twoFactor := config, config
	bearer.IntegrationAsBearer, twoFactor.TwoFactor = true, true
	plain, err := New(config)
	require.NoError(t, err)

	for _, number := range strings.Fields("001 002 004 005 006 007 008 009 011 012 013 014 015 016 018 019 020 237 238 239 279 280 309") {
		shop := plain
		switch number {
		case "280":
			shop, err = New(bearer)
			require.NoError(t, err)
		case "309":
			shop, err = New(twoFactor)
			require.NoError(t, err)
		case "237", "238", "239":
			later := config
			later.Now = func() time.Time { return time.Unix(1795246172, 0) }
			shop, err = New(later)
			require.NoError(t, err)
		}
		rec := readRecording(t, number)
		req, err := http.NewRequestWithContext(t.Context(), rec.Request.Method, "http://127.0.0.1:38080"+rec.Request.Path, strings.NewReader(string(rec.Request.Body)))
		require.NoError(t, err)
		req.URL.RawQuery = rec.Request.Query
		for k, v := range rec.Request.Headers {
			req.Header.Set(k, v)
		}
		resp, err := shop.Transport().RoundTrip(req)
		require.NoError(t, err)
		got, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		resp.Body.Close()
		require.Equal(t, rec.Response.Status, resp.StatusCode, "%s: %s", number, got)
		if rec.Response.Status >= 400 {
			require.JSONEq(t, string(rec.Response.Body), string(got), number)
		}
	}
}

func TestAnAdminsTokenEndsAndIsRevoked(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	shop, err := New(Config{Now: func() time.Time { return now }, Admins: map[string]string{"ann": "secret"}})
	require.NoError(t, err)
	send := func(method, path, body, token string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://shop.example/rest/V1"+path, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := shop.Transport().RoundTrip(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(b)
	}
	login := func() string {
		status, body := send("POST", "/integration/admin/token", `{"username":"ann","password":"secret"}`, "")
		require.Equal(t, 200, status)
		return strings.Trim(body, `"`)
	}
	token := login()
	status, _ := send("GET", "/store/websites", "", token)
	require.Equal(t, 200, status)
	now = now.Add(time.Hour)
	status, _ = send("GET", "/store/websites", "", token)
	require.Equal(t, 401, status, "an hour later it is over")
	token = login()
	shop.RevokeTokens()
	status, _ = send("GET", "/store/websites", "", token)
	require.Equal(t, 401, status)
}
