package erpbooks_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erptest"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/workflow"
)

var _ workflow.Documents = (*erpbooks.Books)(nil)

// theirs writes a sales order as another integration would.
func theirs(t *testing.T, m *erptest.Memory, reference string) erp.Order {
	t.Helper()
	far := m.ForCompany("1")
	who, err := far.UpsertCustomer(t.Context(), erp.Customer{Key: "their customer", Party: commerce.Customer{Name: "Jo Ro"}})
	require.NoError(t, err)
	net := commerce.MustMoney(1000, "EUR")
	o, err := far.CreateOrder(t.Context(), erp.NewOrder{Key: reference, Customer: who, Date: commerce.DateOf(now), Currency: "EUR",
		Lines:    []erp.OrderLine{{SKU: "CUP", Quantity: dec("1"), Net: net}},
		Expected: erp.Totals{Net: net, Tax: commerce.Zero("EUR"), Gross: net}})
	require.NoError(t, err)
	return o
}

func TestWhatOthersWroteIsFoundByItsReferenceAndItsID(t *testing.T) {
	t.Parallel()
	m := memory(t, erptest.MemoryConfig{})
	b := books(t, m, config())
	o := order(t, "17")
	r := route(t, b, o)
	made := theirs(t, m, "WEB-17")

	docs, err := b.ByReference(t.Context(), r, "WEB-17")
	require.NoError(t, err)
	require.Equal(t, []commerce.Document{made.Document()}, docs)
	docs, err = b.ByReference(t.Context(), r, "WEB-1")
	require.NoError(t, err)
	require.Empty(t, docs, "a part of a reference is another one")
	docs, err = b.ByID(t.Context(), r, strings.TrimPrefix(made.Ref.ID, "order/"))
	require.NoError(t, err)
	require.Equal(t, []commerce.Document{made.Document()}, docs)
	docs, err = b.ByID(t.Context(), r, "999999")
	require.NoError(t, err)
	require.Empty(t, docs)
	docs, err = b.ByNumber(t.Context(), r, "SO-NONE")
	require.NoError(t, err)
	require.Empty(t, docs)

	r.Mode = commerce.Live
	_, err = b.ByReference(t.Context(), r, "WEB-17")
	require.ErrorIs(t, err, commerce.ErrInvalid, "test books serve no live order")
}

// keysOnly is an adapter without erp.Lookup.
type keysOnly struct{ erp.ERP }

func (k keysOnly) ForCompany(id string) erp.ERP { return keysOnly{k.ERP.ForCompany(id)} }

func TestAnERPThatFindsNoNumbersSaysSo(t *testing.T) {
	t.Parallel()
	b := books(t, keysOnly{memory(t, erptest.MemoryConfig{})}, config())
	r := route(t, b, order(t, "17"))
	_, err := b.ByNumber(t.Context(), r, "SO17")
	require.ErrorIs(t, err, commerce.ErrInvalid)
	_, err = b.ByID(t.Context(), r, "17")
	require.ErrorContains(t, err, "by their reference only")
	_, err = b.ByReference(t.Context(), r, "WEB-17")
	require.NoError(t, err)
}
