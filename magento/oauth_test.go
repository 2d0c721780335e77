package magento

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dghubble/oauth1"
	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
)

// TestEveryRecordedSignatureIsComputedAgain signs the recorded requests with their
// nonce and time and compares the whole header, field by field. A real shop took
// those of the good ones.
func TestEveryRecordedSignatureIsComputedAgain(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("testdata", "recorded")
	var creds struct {
		BaseURL      string `json:"base_url"`
		Integrations map[string]struct {
			ConsumerKey       string `json:"consumer_key"`
			ConsumerSecret    string `json:"consumer_secret"`
			AccessToken       string `json:"access_token"`
			AccessTokenSecret string `json:"access_token_secret"`
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "oauth-credentials.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &creds))

	// What makes these wrong on purpose is in the request, so that a right signature
	// differs.
	wrong := map[string]string{
		"011": "signed with another secret", "237": "signed without the port",
		"238": "says HMAC-SHA1", "239": "no nonce",
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	require.NoError(t, err)
	compared := 0
	for _, file := range files {
		var rec struct {
			Request struct {
				Method, Path, Query string
				Headers             map[string]string
				BaseString          string `json:"oauth_signature_base_string"`
			}
		}
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		if json.Unmarshal(b, &rec) != nil || !strings.HasPrefix(rec.Request.Headers["Authorization"], "OAuth ") ||
			strings.HasPrefix(rec.Request.Path, "/oauth/") {
			continue
		}
		number := filepath.Base(file)[:3]
		want := headerFields(rec.Request.Headers["Authorization"])
		var keys Keys
		for _, i := range creds.Integrations {
			if i.AccessTokenSecret != "" && (i.AccessToken == want["oauth_token"] || i.ConsumerKey == want["oauth_consumer_key"]) {
				keys = Keys{ConsumerKey: want["oauth_consumer_key"], ConsumerSecret: commerce.NewSecret(i.ConsumerSecret),
					AccessToken: commerce.NewSecret(want["oauth_token"]), AccessTokenSecret: commerce.NewSecret(i.AccessTokenSecret)}
			}
		}
		if keys.ConsumerKey == "" {
			continue // unknown keys, and a token whose secret was not kept (025)
		}
		u, err := url.Parse(creds.BaseURL + rec.Request.Path)
		require.NoError(t, err)
		u.RawQuery = rec.Request.Query
		sec, err := strconv.ParseInt(want["oauth_timestamp"], 10, 64)
		require.NoError(t, err)
		s := &signer{now: func() time.Time { return time.Unix(sec, 0) }, nonce: func() string { return want["oauth_nonce"] }}
		got, err := s.oauthHeader(&http.Request{Method: rec.Request.Method, URL: u}, keys)
		require.NoError(t, err)
		if reason, bad := wrong[number]; bad {
			require.NotEqual(t, want, headerFields(got), "%s: %s", file, reason)
			continue
		}
		require.Equal(t, want, headerFields(got), file)
		if rec.Request.BaseString != "" {
			oauth := params{}
			for k, v := range want {
				if k != "oauth_signature" {
					oauth = append(oauth, param{k, v})
				}
			}
			require.Equal(t, rec.Request.BaseString, baseString(rec.Request.Method, u, oauth), file)
		}
		compared++
	}
	t.Logf("%d signatures computed again, %d wrong on purpose", compared, len(wrong))
	require.GreaterOrEqual(t, compared, 12)
}

// TestTheHandshakesSignatureNeedsNoToken computes the recorded signature of the first
// step of an integration's handshake with the same base string.
func TestTheHandshakesSignatureNeedsNoToken(t *testing.T) {
	t.Parallel()
	var creds struct {
		BaseURL      string `json:"base_url"`
		Integrations map[string]struct {
			ConsumerSecret string `json:"consumer_secret"`
		}
	}
	b, err := os.ReadFile(filepath.Join("testdata", "recorded", "oauth-credentials.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &creds))
	var rec struct {
		Request struct {
			Method, Path string
			Headers      map[string]string
		}
	}
	b, err = os.ReadFile(filepath.Join("testdata", "recorded", "022-oauth-handshake-request-token.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &rec))
	want := headerFields(rec.Request.Headers["Authorization"])
	oauth := params{}
	for k, v := range want {
		if k != "oauth_signature" {
			oauth = append(oauth, param{k, v})
		}
	}
	u, err := url.Parse(creds.BaseURL + rec.Request.Path)
	require.NoError(t, err)
	got, err := (&oauth1.HMAC256Signer{ConsumerSecret: creds.Integrations["handshake"].ConsumerSecret}).Sign("", baseString(rec.Request.Method, u, oauth))
	require.NoError(t, err)
	require.Equal(t, want["oauth_signature"], got)
}

func headerFields(h string) map[string]string {
	out := map[string]string{}
	for f := range strings.SplitSeq(strings.TrimPrefix(h, "OAuth "), ", ") {
		k, v, _ := strings.Cut(f, "=")
		out[k], _ = url.PathUnescape(strings.Trim(v, `"`))
	}
	return out
}

func TestTheBaseStringOfAnAddress(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ address, want string }{
		"the scheme's own port is left out":              {"https://Shop.example:443/rest/V1/x", "GET&https%3A%2F%2Fshop.example%2Frest%2FV1%2Fx&"},
		"another scheme's port is part of it":            {"https://shop.example:80/x", "GET&https%3A%2F%2Fshop.example%3A80%2Fx&"},
		"a plus is a plus":                               {"http://shop.example/x?a=1+2", "GET&http%3A%2F%2Fshop.example%2Fx&a%3D1%252B2"},
		"parameters of one name are all there, by value": {"http://shop.example/x?c[]=b&c[]=a", "GET&http%3A%2F%2Fshop.example%2Fx&c%255B%255D%3Da%26c%255B%255D%3Db"},
		"brackets may be bare or encoded":                {"http://shop.example/x?c%5B%5D=a", "GET&http%3A%2F%2Fshop.example%2Fx&c%255B%255D%3Da"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u, err := url.Parse(tc.address)
			require.NoError(t, err)
			require.Equal(t, tc.want, baseString("get", u, nil))
		})
	}
}
