package vault_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/vault"
)

// uncounted is a store that is away.
type uncounted struct{ vault.Memory }

func (*uncounted) Count(context.Context) (map[string]int64, error) {
	return nil, &commerce.Error{Kind: commerce.KindUnavailable, System: "sqlstore", Op: "count credentials", Text: "connection refused"}
}

func TestACheckNamesWhatIsTheMatterWithTheVault(t *testing.T) {
	t.Parallel()
	k1, k2, k3 := newKey(t, "k1"), newKey(t, "k2"), newKey(t, "k3")
	retired, denied := k1, k2
	retired.Retired = true
	denied.AEAD = service{errors.New("AccessDenied")}
	under := func(ids ...string) *vault.Memory {
		var store vault.Memory
		for i, id := range ids {
			r := vault.Record{Owner: owner, Name: string(rune('a' + i)), Version: 1, Key: id, Sealed: []byte("x")}
			require.NoError(t, store.Put(t.Context(), r, 0))
		}
		return &store
	}
	for name, c := range map[string]struct {
		config vault.Config
		want   []string // severity, code and what about
		seen   string
	}{
		"nothing":                  {vault.Config{Store: under("k2"), Ring: vault.Fixed(newRing(t, "k2", k1, k2))}, nil, ""},
		"records of an older key":  {vault.Config{Store: under("k1", "k1", "k2"), Ring: vault.Fixed(newRing(t, "k2", k1, k2))}, []string{"notice rewrap_due k1"}, "2 records are under key k1"},
		"records of a retired key": {vault.Config{Store: under("k1"), Ring: vault.Fixed(newRing(t, "k2", retired, k2))}, []string{"broken key_retired k1"}, "not to be used any more"},
		"records below the minimum": {vault.Config{Store: under("k1", "k2"), MinKey: "k2", Ring: vault.Fixed(newRing(t, "k3", k1, k2, k3))},
			[]string{"broken key_too_old k1", "notice rewrap_due k2"}, "not to be used any more"},
		"records of an unknown key": {vault.Config{Store: under("k9"), Ring: vault.Fixed(newRing(t, "k2", k2))}, []string{"broken key_unknown k9"}, "1 records are under key k9, which the ring does not have"},
		"a key service that denies": {vault.Config{Ring: vault.Fixed(newRing(t, "k2", denied))}, []string{"broken key_service k2"}, "AccessDenied"},
		"a store that is away":      {vault.Config{Store: &uncounted{}}, []string{"broken vault_away "}, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			found := newVault(t, c.config).Check(t.Context())
			for _, f := range found {
				got = append(got, string(f.Severity)+" "+f.Code+" "+f.About)
				require.NotEmpty(t, f.Expected)
				require.NotEmpty(t, f.Mend)
			}
			require.Equal(t, c.want, got)
			if c.seen != "" {
				require.Contains(t, found[0].Seen, c.seen)
			}
		})
	}
	ring := newRing(t, "k1", k1)
	v := newVault(t, vault.Config{Ring: func(context.Context) (*vault.Ring, error) { return ring, nil }})
	ring = nil
	found := v.Check(t.Context())
	require.Len(t, found, 1)
	require.Equal(t, "ring_not_loaded", found[0].Code)
}
