package sqlstore_test

import (
	"testing"

	"github.com/commercesync/commerce/sqlstore"
	"github.com/commercesync/commerce/vault"
	"github.com/commercesync/commerce/vault/vaulttest"
)

func TestVault(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		vaulttest.Run(t, func(t *testing.T) vault.Store { return d.store(t, sqlstore.Config{}).Vault() })
	})
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		vaulttest.RunAccessLog(t, func(t *testing.T) vault.AccessStore { return d.store(t, sqlstore.Config{}).AccessLog() })
	})
}
