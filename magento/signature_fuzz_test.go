package magento

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
)

// FuzzSignature takes a signed request apart as a shop does: what is signed are the
// parameters that are sent, their address, and nothing else.
func FuzzSignature(f *testing.F) {
	f.Add("https://shop.example:443/x", "status", "a b+c=%&\u00fc", "~", "")
	f.Add("http://SHOP.example:8080/x%2Fy/", "searchCriteria[filter_groups][0][filters][0][value]", "%_", "a", "a")
	f.Add("https://shop.example/", "a", "2", "a ", "1")
	f.Fuzz(func(t *testing.T, address, name, value, name2, value2 string) {
		u, err := url.Parse(address)
		if err != nil || u.Hostname() == "" || u.RawQuery != "" || u.Scheme != "https" && u.Scheme != "http" { // refused by NewClient
			return
		}
		query := params{{name, value}, {name2, value2}}
		u.RawQuery = query.encode()
		sent, err := url.ParseQuery(u.RawQuery)
		require.NoError(t, err)
		require.ElementsMatch(t, []string{value, value2}, append(slices.Clone(sent[name]), sent[name2]...)[:2])

		oauth := params{{"oauth_token", "t"}}
		base := baseString(http.MethodGet, u, oauth)
		parts := strings.Split(base, "&")
		require.Len(t, parts, 3)
		require.Equal(t, http.MethodGet, parts[0])
		signedAt, err := url.PathUnescape(parts[1])
		require.NoError(t, err)
		at, err := url.Parse(signedAt)
		require.NoError(t, err, signedAt)
		require.Equal(t, u.EscapedPath(), at.EscapedPath())
		require.Equal(t, strings.ToLower(u.Hostname()), at.Hostname())
		list, err := url.PathUnescape(parts[2])
		require.NoError(t, err)
		signed, err := url.ParseQuery(list)
		require.NoError(t, err)
		sent.Add("oauth_token", "t")
		for name := range sent {
			slices.Sort(sent[name])
			slices.Sort(signed[name])
		}
		require.Equal(t, sent, signed)

		header, err := oauth.sign(&http.Request{Method: http.MethodGet, URL: u}, commerce.NewSecret("cs"), commerce.NewSecret("ts"))
		require.NoError(t, err)
		mac := hmac.New(sha256.New, []byte("cs&ts"))
		mac.Write([]byte(base))
		require.Equal(t, base64.StdEncoding.EncodeToString(mac.Sum(nil)), headerFields(header)["oauth_signature"])
	})
}
