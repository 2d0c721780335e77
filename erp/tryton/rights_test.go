package tryton_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/internal/trytonserver"
)

func TestARealTrytonTellsTheRightsOfItsUsers(t *testing.T) {
	t.Parallel()
	if os.Getenv("FULL") == "" {
		t.Skip("FULL=1 starts another real Tryton: make test-tryton")
	}
	server := trytonserver.For(t)
	rights := func(user, password string) map[string]bool {
		client, err := tryton.NewClient(tryton.Config{URL: server.URL, Database: server.Database,
			Credentials: commerce.Static(tryton.Login{User: user, Password: commerce.NewSecret(password)})})
		require.NoError(t, err)
		all, err := client.Rights(t.Context())
		require.NoError(t, err)
		out := map[string]bool{}
		for _, r := range all {
			out[r.Name] = r.Has
			if r.For != erp.ForNothing {
				require.True(t, r.Has, "%s, of %s", r.Name, user)
			}
		}
		return out
	}
	require.False(t, rights(server.User, server.Password)["res.user write"])
	require.True(t, rights(server.Admin, server.AdminPassword)["res.user write"])
}
