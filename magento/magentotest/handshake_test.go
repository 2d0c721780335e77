package magentotest

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
)

// TestAHandshakeIsRefusedForWhatIsWrong signs as Magento's own words demand, and then
// gets one thing wrong after the other.
func TestAHandshakeIsRefusedForWhatIsWrong(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	shop, err := New(Config{Now: func() time.Time { return now }})
	require.NoError(t, err)
	nonces := 0
	keys := magento.Keys{}
	send := func(path string, change func(oauth map[string]string)) (int, url.Values) {
		t.Helper()
		nonces++
		oauth := map[string]string{"oauth_consumer_key": keys.ConsumerKey, "oauth_nonce": strconv.Itoa(nonces), "oauth_signature_method": "HMAC-SHA256",
			"oauth_timestamp": strconv.FormatInt(now.Unix(), 10), "oauth_version": "1.0"}
		if change != nil {
			change(oauth)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://shop.example"+path, nil)
		require.NoError(t, err)
		if oauth["oauth_signature"] == "" {
			oauth["oauth_signature"] = signature(req, oauth, Integration{Keys: keys})
		}
		var fields []string
		for name, v := range oauth {
			if v != "" {
				fields = append(fields, name+`="`+url.PathEscape(v)+`"`)
			}
		}
		req.Header.Set("Authorization", "OAuth "+strings.Join(fields, ", "))
		resp, err := shop.Transport().RoundTrip(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		form, err := url.ParseQuery(string(b))
		require.NoError(t, err)
		return resp.StatusCode, form
	}
	set := func(name, value string) func(map[string]string) {
		return func(oauth map[string]string) { oauth[name] = value }
	}
	refused := func(path string, want int, problem string, change func(map[string]string)) {
		t.Helper()
		status, form := send(path, change)
		require.Equal(t, want, status, form)
		require.Equal(t, problem, form.Get("oauth_problem"))
	}
	activate := func() (verifier string) {
		form := shop.Activate("https://shop.example")
		keys = magento.Keys{ConsumerKey: form.Get("oauth_consumer_key"), ConsumerSecret: commerce.NewSecret(form.Get("oauth_consumer_secret"))}
		return form.Get("oauth_verifier")
	}

	activate()
	request, access := "/oauth/token/request", "/oauth/token/access"
	refused(request, 400, `The "2.0" Oauth version isn't supported.`, set("oauth_version", "2.0"))
	refused(request, 400, `"oauth_nonce" is required. Enter and try again.`, set("oauth_nonce", ""))
	refused(request, 400, "Signature method HMAC-SHA1 is not supported", set("oauth_signature_method", "HMAC-SHA1"))
	refused(request, 401, "Consumer key is not the correct length", set("oauth_consumer_key", "x"))
	refused(request, 401, "A consumer having the specified key does not exist", set("oauth_consumer_key", strings.Repeat("x", 32)))
	refused(request, 401, "An error occurred validating the nonce", set("oauth_timestamp", strconv.FormatInt(now.Unix()+601, 10)))
	refused(request, 401, "The signature is invalid. Verify and try again.", set("oauth_signature", "x"))
	refused(request, 401, "The nonce is already being used by the consumer with ID 1", set("oauth_nonce", strconv.Itoa(nonces)))
	now = now.Add(301 * time.Second)
	refused(request, 401, "Consumer key has expired", nil)

	verifier := activate()
	status, form := send(request, nil)
	require.Equal(t, 200, status)
	keys.AccessToken, keys.AccessTokenSecret = commerce.NewSecret(form.Get("oauth_token")), commerce.NewSecret(form.Get("oauth_token_secret"))
	with := func(token, verifier string) func(map[string]string) {
		return func(oauth map[string]string) { oauth["oauth_token"], oauth["oauth_verifier"] = token, verifier }
	}
	token := keys.AccessToken.Reveal()
	refused(access, 400, `"oauth_verifier" is required. Enter and try again.`, with(token, ""))
	refused(access, 400, "The token length is invalid. Check the length and try again.", with("x", verifier))
	refused(access, 401, "Specified token does not exist", with(strings.Repeat("x", 32), verifier))
	refused(access, 401, "Token verifier and verifier token do not match", with(token, strings.Repeat("x", 32)))
	status, form = send(access, with(token, verifier))
	require.Equal(t, 200, status)
	require.NotEqual(t, token, form.Get("oauth_token"))
	status, _ = send(access, with(token, verifier))
	require.Equal(t, 401, status, "it works once")
	require.Len(t, shop.c.Integrations, 2)
}
