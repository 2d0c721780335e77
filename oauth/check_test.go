package oauth_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/oauth"
	"github.com/commercesync/commerce/stripe/stripetest"
)

func TestACheckNamesWhatIsWrongWithAGrantAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		app   bool
		spoil func(*world, commerce.Ref)
		code  string
	}{
		"nothing":                       {},
		"nothing at an app":             {app: true},
		"no grant":                      {spoil: func(w *world, c commerce.Ref) { require.NoError(w.t, w.flow.Disconnect(w.t.Context(), c, "")) }, code: oauth.FoundNotConnected},
		"a merchant who left unnoticed": {spoil: func(w *world, c commerce.Ref) { w.fake.Disconnect(c.Account) }, code: oauth.FoundGone},
		"a far side that is ill": {spoil: func(w *world, _ commerce.Ref) {
			w.fake.Faults().Add(stripetest.Fault{Kind: stripetest.Refused})
		}},
		"a vault that is shut": {spoil: func(w *world, _ commerce.Ref) {
			w.keeper.broken = func(string, commerce.Ref, string) error { return errStore }
		}, code: oauth.FoundUnread},
		"a refused renewal": {app: true, spoil: func(w *world, c commerce.Ref) {
			w.fake.Disconnect(c.Account)
			time.Sleep(2 * time.Hour)
			_, err := w.flow.Credentials(c).Current(w.t.Context())
			require.ErrorIs(w.t, err, commerce.ErrAuth)
		}, code: oauth.FoundEnded},
		"nobody who renews":      {app: true, spoil: func(*world, commerce.Ref) { time.Sleep(3 * time.Hour) }, code: oauth.FoundNotRenewed},
		"a year without any use": {app: true, spoil: func(*world, commerce.Ref) { time.Sleep(340 * 24 * time.Hour) }, code: oauth.FoundEnding},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := build(t, c.app, bubble)
				connection := w.connect("t1")
				if c.spoil != nil {
					c.spoil(w, connection)
				}
				found := w.flow.Check(t.Context(), connection)
				if c.code == "" {
					require.Empty(t, found)
					return
				}
				require.Len(t, found, 1)
				require.Equal(t, c.code, found[0].Code)
				require.NotEmpty(t, found[0].Mend)
				require.Equal(t, connection, found[0].Connection)
			})
		})
	}
}
