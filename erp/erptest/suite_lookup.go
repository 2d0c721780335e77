package erptest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// lookups are for orders that others wrote: what finds ours finds theirs.
func lookups(t *testing.T, b Bench) {
	look, ok := b.ERP.(erp.Lookup)
	if !ok {
		t.Skip("the adapter finds orders by their key only")
	}
	made, err := b.ERP.CreateOrder(t.Context(), b.order(t))
	require.NoError(t, err)
	made, err = b.ERP.ConfirmOrder(t.Context(), made.Ref)
	require.NoError(t, err)
	id := strings.TrimPrefix(made.Ref.ID, "order/")

	found, err := look.OrderByID(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, made.Ref, found.Ref)
	require.Equal(t, made.Totals, found.Totals)
	require.Equal(t, made.State, found.State)
	if made.Number != "" {
		all, err := look.OrdersByNumber(t.Context(), made.Number)
		require.NoError(t, err)
		require.Len(t, all, 1)
		require.Equal(t, made.Ref, all[0].Ref)
	}
	none, err := look.OrdersByNumber(t.Context(), "NO-SUCH-NUMBER")
	require.NoError(t, err)
	require.Empty(t, none)
	_, err = look.OrderByID(t.Context(), "999999999")
	requireKind(t, commerce.KindNotFound, err)
	if b.OtherCompany == "" {
		return
	}
	other := b.ERP.ForCompany(b.OtherCompany).(erp.Lookup)
	_, err = other.OrderByID(t.Context(), id)
	requireKind(t, commerce.KindNotFound, err)
	all, err := other.OrdersByNumber(t.Context(), made.Number)
	require.NoError(t, err)
	require.Empty(t, all, "another company's order is not found")
}
