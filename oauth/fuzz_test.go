package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/oauth"
)

// FuzzReturn looks for an address that is taken for the host's own and leads elsewhere, as
// browsers read it: they drop tabs and line ends, trim, and take a backslash for a slash.
func FuzzReturn(f *testing.F) {
	for _, seed := range []string{"/", "/a?b=c#d", "//evil", "/\\evil", "/\t/evil", "\\/evil", "https:evil", "/..//evil", "/%2f/evil", "/a:b@c", "", " //evil", "/\x00/evil"} {
		f.Add(seed)
	}
	base, err := url.Parse("https://host.example/oauth/callback")
	require.NoError(f, err)
	browser := strings.NewReplacer("\t", "", "\n", "", "\r", "", "\\", "/")
	f.Fuzz(func(t *testing.T, address string) {
		if !oauth.Local(address) {
			return
		}
		read := browser.Replace(strings.Trim(address, " \x00\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f"))
		to, err := base.Parse(read)
		require.NoError(t, err)
		require.Equal(t, "https://host.example", to.Scheme+"://"+to.Host, "%q", address)
		require.False(t, strings.HasPrefix(read, "//"), "%q", address)
	})
}

// FuzzCallback lets anything come back: without the state nobody is connected, and nothing
// of it is shown as markup.
func FuzzCallback(f *testing.F) {
	for _, seed := range []string{"code=x&state=1.y", "state=0.&code=", "error=access_denied&state=3.x", "code=%3Cscript%3E&state=%3Cscript%3E", "state=1.a;code=b", "state[]=1"} {
		f.Add(seed)
	}
	w := build(f, false)
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, callbackURL, nil)
		r.URL.RawQuery = query
		r.Header.Set("X-Session", "t1 s")
		rec := httptest.NewRecorder()
		w.flow.Callback().ServeHTTP(rec, r)
		require.Empty(t, w.keeper.grants())
		require.NotContains(t, rec.Body.String(), "<script")
		require.GreaterOrEqual(t, rec.Code, 400)
	})
}
