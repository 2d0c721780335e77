package vault_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/vault"
)

// TestTheCredentialInUseIsNeverRetired: a process retires the one before while another
// goes back to it; whoever is first wins, and the other hears of it.
func TestTheCredentialInUseIsNeverRetired(t *testing.T) {
	t.Parallel()
	rotated := func(t *testing.T) (*rig, *vault.Slot[commerce.Secret], context.Context) {
		r, ctx := newRig(t, nil), t.Context()
		require.NoError(t, r.Put(ctx, key("one"), time.Time{}))
		require.NoError(t, r.Put(ctx, key("two"), time.Time{}))
		require.NoError(t, r.Switch(ctx))
		return r, r.another(t), ctx
	}
	t.Run("the far side is being asked", func(t *testing.T) {
		t.Parallel()
		r, other, ctx := rotated(t)
		c := r.config
		c.Retire = func(ctx context.Context, k commerce.Secret) error {
			require.ErrorIs(t, other.RollBack(ctx, ""), commerce.ErrConflict)
			return r.far.retire(ctx, k)
		}
		retiring, err := vault.NewSlot(c)
		require.NoError(t, err)
		require.NoError(t, retiring.Retire(ctx))
		has(t, other, "two")
		require.NoError(t, r.far.verify(ctx, key("two")))
		require.Error(t, r.far.verify(ctx, key("one")))
	})
	t.Run("it was rolled back a moment before", func(t *testing.T) {
		t.Parallel()
		r, other, ctx := rotated(t)
		r.drawer.before = func() { require.NoError(t, other.RollBack(ctx, "")) }
		require.NoError(t, r.Retire(ctx))
		has(t, r, "one")
		require.NoError(t, r.far.verify(ctx, key("one")))
	})
	t.Run("the far side did not answer", func(t *testing.T) {
		t.Parallel()
		r, _, ctx := rotated(t)
		c := r.config
		c.Retire = func(context.Context, commerce.Secret) error { return commerce.ErrUnavailable }
		failing, err := vault.NewSlot(c)
		require.NoError(t, err)
		require.ErrorIs(t, failing.Retire(ctx), commerce.ErrUnavailable)
		require.ErrorIs(t, r.RollBack(ctx, ""), commerce.ErrConflict)
		r.far.set("two", false)
		require.ErrorIs(t, r.Rejected(ctx, key("two")), commerce.ErrAuth, "it may end at any moment")
		r.far.set("two", true)
		require.NoError(t, r.Retire(ctx))
		require.Error(t, r.far.verify(ctx, key("one")))
	})
	t.Run("it is put in once more", func(t *testing.T) {
		t.Parallel()
		r, _, ctx := rotated(t)
		require.ErrorIs(t, r.Put(ctx, key("one"), time.Time{}), commerce.ErrDuplicate)
	})
}

// TestNoCredentialIsForgottenThatTheFarSideStillTakes: not by a second rotation within
// Watch, nor where the next one steps in for one that is dead.
func TestNoCredentialIsForgottenThatTheFarSideStillTakes(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]func(*testing.T, *rig){
		"a switch": func(t *testing.T, r *rig) { require.NoError(t, r.Switch(t.Context())) },
		"a planned switch": func(t *testing.T, r *rig) {
			require.NoError(t, r.Put(t.Context(), key("three"), noon))
			_, err := r.Step(t.Context())
			require.NoError(t, err)
		},
		"a refusal": func(t *testing.T, r *rig) {
			r.far.set("two", false)
			require.NoError(t, r.Rejected(t.Context(), key("two")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, ctx := newRig(t, nil), t.Context()
			r.far.set("three", true)
			require.NoError(t, r.Put(ctx, key("one"), time.Time{}))
			require.NoError(t, r.Put(ctx, key("two"), time.Time{}))
			require.NoError(t, r.Switch(ctx))
			require.NoError(t, r.Put(ctx, key("three"), time.Time{}))
			second(t, r)
			has(t, r, "three")
			r.clock.Advance(24 * time.Hour)
			_, err := r.Step(ctx)
			require.NoError(t, err)
			require.NoError(t, r.far.verify(ctx, key("three")))
			for _, old := range []string{"one", "two"} {
				require.Error(t, r.far.verify(ctx, key(old)), old)
			}
		})
	}
}
