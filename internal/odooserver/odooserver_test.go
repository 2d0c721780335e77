package odooserver_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/internal/odooserver"
)

func TestNothingIsStartedUnasked(t *testing.T) {
	t.Setenv("ODOO", "")
	_, err := odooserver.Start(t.Context())
	require.ErrorIs(t, err, odooserver.ErrNotAsked)
}
