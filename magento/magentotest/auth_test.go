package magentotest

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

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
