package vault_test

import (
	"testing"

	"github.com/commercesync/commerce/vault"
	"github.com/commercesync/commerce/vault/vaulttest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	vaulttest.Run(t, func(*testing.T) vault.Store { return &vault.Memory{} })
}

func TestAccessMemory(t *testing.T) {
	t.Parallel()
	vaulttest.RunAccessLog(t, func(*testing.T) vault.AccessStore { return &vault.AccessMemory{} })
}
