package oauth_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/oauth"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// between is a keeper in which something happens before one write.
type between struct {
	oauth.Keeper
	verb, name string
	do         func()
}

func (b *between) happen(verb, name string) {
	if do := b.do; do != nil && b.verb == verb && b.name == name {
		b.do = nil
		do()
	}
}

func (b *between) Seal(ctx context.Context, owner commerce.Ref, name string, secret []byte, version int64) (int64, error) {
	b.happen("seal", name)
	return b.Keeper.Seal(ctx, owner, name, secret, version)
}

func (b *between) Delete(ctx context.Context, owner commerce.Ref, name string, version int64) error {
	b.happen("delete", name)
	return b.Keeper.Delete(ctx, owner, name, version)
}

func TestAnAccountIsOneTenantsWhateverComesBetween(t *testing.T) {
	t.Parallel()
	start := func() (*world, *between) {
		var b *between
		w := build(t, false, func(c *oauth.Config, _ *stripetest.Config) {
			b = &between{Keeper: c.Keeper}
			c.Keeper, c.States = b, c.Keeper
		})
		return w, b
	}
	again := func(w *world, tenant, account string) {
		w.clock.Advance(time.Second)
		require.Equal(t, "connected", w.callback(w.consent(tenant+" s", account)).code)
	}
	for _, name := range []string{oauth.GrantName, oauth.BindingName} {
		t.Run("it is connected again before a disconnect deletes "+name, func(t *testing.T) {
			t.Parallel()
			w, b := start()
			owner := w.connect("t1")
			b.verb, b.name, b.do = "delete", name, func() { again(w, "t1", owner.Account) }
			require.NoError(t, w.flow.Disconnect(t.Context(), owner, "person"))
			require.Equal(t, []commerce.Ref{owner}, w.keeper.grants(), "the newer consent stands")
			require.Equal(t, oauth.CodeBound, w.callback(w.consent("t2 s", owner.Account)).code)
		})
	}
	t.Run("another tenant is first while the grant is written", func(t *testing.T) {
		t.Parallel()
		w, b := start()
		owner := w.connect("t1")
		require.NoError(t, w.flow.Disconnect(t.Context(), owner, "person"))
		b.verb, b.name, b.do = "seal", oauth.GrantName, func() {
			for at := range w.keeper.records { // as an older disconnect would
				if at.name == oauth.BindingName {
					delete(w.keeper.records, at)
				}
			}
			again(w, "t2", owner.Account)
		}
		require.Equal(t, oauth.CodeBound, w.callback(w.consent("t1 s", owner.Account)).code)
		require.Len(t, w.keeper.grants(), 1)
		require.Equal(t, "t2", w.keeper.grants()[0].Tenant)
	})
	t.Run("an account whose grant was lost is connected again after long", func(t *testing.T) {
		t.Parallel()
		w, b := start()
		owner := w.connect("t1")
		delete(w.keeper.records, place{owner, oauth.GrantName}) // a disconnect that was cut off
		w.clock.Advance(2 * time.Hour)
		var second string
		b.verb, b.name, b.do = "seal", oauth.GrantName, func() { second = w.callback(w.consent("t2 s", owner.Account)).code }
		require.Equal(t, "connected", w.callback(w.consent("t1 s", owner.Account)).code)
		require.Equal(t, oauth.CodeBound, second)
		require.Equal(t, []commerce.Ref{owner}, w.keeper.grants())
	})
}
