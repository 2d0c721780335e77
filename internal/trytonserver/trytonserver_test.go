package trytonserver_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce/internal/trytonserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestServersStandBesideEachOtherAndEnd(t *testing.T) {
	one, two := trytonserver.For(t), trytonserver.For(t)
	require.NotEqual(t, one.URL, two.URL)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ask := func(url string) error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(`{"id":1,"method":"common.db.list","params":[]}`))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	require.NoError(t, ask(one.URL))
	require.NoError(t, one.Stop())
	require.Error(t, ask(one.URL))
	require.NoError(t, ask(two.URL))
}
