package magento_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/resilience"
)

// paidBundle is a shop with a paid order of a cup (row 1), a shirt with its child (2,
// 3) and a bundle of dynamic price with two children (4, 5, 6).
func paidBundle(t *testing.T) (*magentotest.Shop, *magento.Client, magento.ID) {
	t.Helper()
	shop := newShop(t, magentotest.Config{StripeModule: true})
	id, err := shop.Place(magentotest.NewOrder{ShippingPrice: "5", PaymentMethod: "stripe_payments", Items: []magentotest.NewItem{
		{SKU: "CUP", Qty: "3", Price: "10"},
		{SKU: "SHIRT", Type: "configurable", Price: "20", Children: []magentotest.NewItem{{SKU: "SHIRT-RED"}}},
		{SKU: "SET", Type: "bundle", Children: []magentotest.NewItem{{SKU: "A", Price: "4"}, {SKU: "B", Price: "6"}}}}})
	require.NoError(t, err)
	require.NoError(t, shop.Charged(magentotest.StripeCharge{Order: id, Intent: "pi_1"}))
	c := newClient(t, magento.Config{Credentials: commerce.Static(shop.Keys()), Resilience: resilience.Config{Retry: resilience.Retry{Attempts: 1}}}, shop.Transport())
	return shop, c, magento.ID(id)
}

func TestARefundThatIsNotSaidInFullIsNotSent(t *testing.T) {
	t.Parallel()
	cup := []magento.ItemQty{{OrderItemID: 1, Qty: "1"}}
	for name, tc := range map[string]struct {
		p    magento.RefundParams
		code string
	}{
		"no rows are all rows for Magento":       {magento.RefundParams{BaseShipping: "0"}, magento.CodeNothingNamed},
		"rows and everything":                    {magento.RefundParams{Items: cup, Everything: true, BaseShipping: "0"}, magento.CodeNothingNamed},
		"no shipping is all shipping for it":     {magento.RefundParams{Items: cup}, magento.CodeShippingUnsaid},
		"shipping and all shipping":              {magento.RefundParams{Items: cup, BaseShipping: "1", AllShipping: true}, magento.CodeShippingUnsaid},
		"a negative amount":                      {magento.RefundParams{Items: cup, BaseShipping: "-1"}, ""},
		"an amount that is none":                 {magento.RefundParams{Items: cup, BaseShipping: "0", BaseAdjustmentPositive: "1,5"}, ""},
		"a row of another order":                 {magento.RefundParams{Items: []magento.ItemQty{{OrderItemID: 99, Qty: "1"}}, BaseShipping: "0"}, ""},
		"a negative quantity":                    {magento.RefundParams{Items: []magento.ItemQty{{OrderItemID: 1, Qty: "-1"}}, BaseShipping: "0"}, ""},
		"the child of a configurable product":    {magento.RefundParams{Items: []magento.ItemQty{{OrderItemID: 3, Qty: "1"}}, BaseShipping: "0", BundleChildren: true}, magento.CodeChildRow},
		"the child of a bundle, without a word":  {magento.RefundParams{Items: []magento.ItemQty{{OrderItemID: 5, Qty: "1"}}, BaseShipping: "0"}, magento.CodeChildRow},
		"more than was invoiced":                 {magento.RefundParams{Items: []magento.ItemQty{{OrderItemID: 1, Qty: "2"}, {OrderItemID: 1, Qty: "2"}}, BaseShipping: "0"}, magento.CodeQuantityRefund},
		"stock of a row that does not come back": {magento.RefundParams{Items: cup, BaseShipping: "0", ReturnToStock: []magento.ID{2}}, ""},
		"stock of a row that is not there":       {magento.RefundParams{Everything: true, AllShipping: true, ReturnToStock: []magento.ID{99}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shop, c, order := paidBundle(t)
			for route, refund := range map[string]func() error{
				"order": func() error { _, err := c.Orders.Refund(t.Context(), order, tc.p); return err },
				"invoice": func() error {
					_, err := c.Invoices.Refund(t.Context(), 1, magento.InvoiceRefundParams{RefundParams: tc.p})
					return err
				},
			} {
				err := refund()
				require.ErrorIs(t, err, commerce.ErrInvalid, route)
				require.True(t, commerce.SafeToRetry(err), route)
				var e *commerce.Error
				require.ErrorAs(t, err, &e, route)
				require.Equal(t, tc.code, e.Code, route)
			}
			for _, call := range shop.Calls() {
				require.Equal(t, "GET", call.Method, "nothing is written")
			}
			require.Empty(t, shop.CreditMemos(int64(order)))
		})
	}
}

func TestARefundIsReadBackAndFoundByItsComment(t *testing.T) {
	t.Parallel()
	shop, c, order := paidBundle(t)
	ctx := t.Context()
	memo, err := c.Orders.Refund(ctx, order, magento.RefundParams{Items: []magento.ItemQty{{OrderItemID: 1, Qty: "1"}}, BaseShipping: "0",
		BaseAdjustmentNegative: "2.5", ReturnToStock: []magento.ID{1}, Comment: "refund re_1"})
	require.NoError(t, err)
	require.Equal(t, magento.Number("7.5"), memo.GrandTotal)
	require.Equal(t, magento.CreditMemoRefunded, memo.State)
	require.Empty(t, memo.TransactionID)
	require.Zero(t, memo.InvoiceID)

	money, err := c.Orders.Refund(ctx, order, magento.RefundParams{Items: []magento.ItemQty{{OrderItemID: 1, Qty: "0"}}, BaseShipping: "0",
		BaseAdjustmentPositive: "1.25", Comment: "refund re_2"})
	require.NoError(t, err)
	require.Equal(t, magento.Number("1.25"), money.GrandTotal, "money without goods")

	found, err := c.CreditMemos.Find(ctx, order, "re_1")
	require.NoError(t, err)
	require.Equal(t, memo.EntityID, found.EntityID)
	_, err = c.CreditMemos.Find(ctx, order, "re_9")
	require.ErrorIs(t, err, commerce.ErrNotFound)
	_, err = c.CreditMemos.Find(ctx, order, "refund")
	require.ErrorIs(t, err, commerce.ErrAmbiguous)
	_, err = c.CreditMemos.Find(ctx, order, "")
	require.ErrorIs(t, err, commerce.ErrInvalid)

	_, err = c.Orders.Refund(ctx, order, magento.RefundParams{Items: []magento.ItemQty{{OrderItemID: 5, Qty: "1"}}, BaseShipping: "0", BundleChildren: true})
	require.NoError(t, err, "a bundle's child, said in words")
	o, _ := shop.Order(int64(order))
	require.Equal(t, magento.Number("12.75"), o.TotalRefunded)
}

func TestARefundAtTheGatewayGoesByTheInvoice(t *testing.T) {
	t.Parallel()
	shop, c, order := paidBundle(t)
	memo, err := c.Invoices.Refund(t.Context(), 1, magento.InvoiceRefundParams{Online: true,
		RefundParams: magento.RefundParams{Items: []magento.ItemQty{{OrderItemID: 2, Qty: "1"}}, BaseShipping: "5"}})
	require.NoError(t, err)
	require.Equal(t, magento.Number("25"), memo.GrandTotal)
	require.Equal(t, magento.ID(1), memo.InvoiceID)
	require.Equal(t, "pi_1-refund", memo.TransactionID)
	moved := shop.Transactions(int64(order))
	require.Equal(t, magento.TransactionRefund, moved[len(moved)-1].TxnType)

	// A method of payment without a gateway takes no refund of an invoice at all.
	other := placeOne(t, shop)
	made, err := c.Orders.Invoice(t.Context(), other, magento.InvoiceParams{})
	require.NoError(t, err)
	_, err = c.Invoices.Refund(t.Context(), made, magento.InvoiceRefundParams{RefundParams: magento.RefundParams{Everything: true, AllShipping: true}})
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.True(t, commerce.SafeToRetry(err))
}

func TestAnOrderOfNothingIsNotRefunded(t *testing.T) {
	t.Parallel()
	shop := newShop(t, magentotest.Config{})
	id, err := shop.Place(magentotest.NewOrder{DiscountPercent: "100", Coupon: "FREE", Items: []magentotest.NewItem{{SKU: "CUP", Price: "10"}}})
	require.NoError(t, err)
	c := newClient(t, magento.Config{Credentials: commerce.Static(shop.Keys())}, shop.Transport())
	_, err = c.Orders.Invoice(t.Context(), magento.ID(id), magento.InvoiceParams{})
	require.NoError(t, err)
	_, err = c.Orders.Refund(t.Context(), magento.ID(id), magento.RefundParams{Everything: true, AllShipping: true})
	var e *commerce.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, magento.CodeNothingPaid, e.Code)
	require.Empty(t, shop.CreditMemos(id))
}

func TestARefundThatCanNotBeReadBackIsDone(t *testing.T) {
	t.Parallel()
	shop, c, order := paidBundle(t)
	all := magento.RefundParams{Everything: true, AllShipping: true}
	_, err := c.Orders.Refund(t.Context(), 99, all)
	require.ErrorIs(t, err, commerce.ErrNotFound)
	require.True(t, commerce.SafeToRetry(err), "the read before it failed")

	shop.Fail(magentotest.Fault{Kind: magentotest.Refused, Match: func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/creditmemo/") }})
	memo, err := c.Orders.Refund(t.Context(), order, all)
	var e *commerce.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, commerce.Done, e.Outcome)
	require.Equal(t, magento.ID(1), memo.EntityID)
	require.Len(t, shop.CreditMemos(int64(order)), 1)
}

func TestAnAmountIsTurnedIntoTheBaseCurrency(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		currency, rate string
		amount         commerce.Money
		want           magento.Number
		ok             bool
	}{
		"euros of a shop in dollars": {"EUR", "0.9173", commerce.MustMoney(183, "EUR"), "1.99", true},
		"yen":                        {"JPY", "149.53", commerce.MustMoney(150, "JPY"), "1", true},
		"the same currency":          {"USD", "1", commerce.MustMoney(1234, "USD"), "12.34", true},
		"another currency":           {"EUR", "0.9173", commerce.MustMoney(1, "USD"), "", false},
		"no rate":                    {"EUR", "", commerce.MustMoney(1, "EUR"), "", false},
	} {
		got, err := magento.Order{OrderCurrencyCode: tc.currency, BaseToOrderRate: magento.Number(tc.rate)}.InBase(tc.amount)
		require.Equal(t, tc.ok, err == nil, name)
		require.Equal(t, tc.want, got, name)
	}
}
