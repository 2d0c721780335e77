package orderchanges

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erptest"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/mapping/nopshop"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
	"github.com/commercesync/commerce/workflow"
)

// nop is a floor with a nopCommerce, an ERP in memory and one order for two cups of
// 10.00 that the buyer has paid. There people edit orders in place.
type nop struct {
	*floor
	far *nopcommercetest.Shop
	erp *erptest.Memory
	id  int
}

func openNop(t *testing.T) *nop {
	t.Helper()
	n := &nop{floor: newFloor(t)}
	n.shop = commerce.Ref{System: "nopcommerce", Account: "main", Mode: commerce.Test}
	var err error
	n.far, err = nopcommercetest.New(nopcommercetest.Config{StripePlugins: nopcommercetest.StripePlugins(), Now: n.now})
	require.NoError(t, err)
	n.stripe, err = stripetest.New(stripetest.Config{Account: "acct_1", WebhookSecret: "whsec_1", Now: n.now})
	require.NoError(t, err)
	n.erp, err = erptest.NewMemory(erptest.MemoryConfig{Now: n.now, Currency: "USD", Products: []erp.Product{{SKU: "CUP", Stocked: true}}})
	require.NoError(t, err)
	client, err := nopcommerce.NewClient(nopcommerce.Config{BaseURL: "https://shop.example", Transport: n.far.Transport(),
		Credentials: commerce.Static(n.far.Login()), Now: n.now})
	require.NoError(t, err)
	shop, err := nopshop.New(client, nopshop.Config{Account: "main", Mode: commerce.Test, Currency: "USD", Settle: time.Minute})
	require.NoError(t, err)
	pays, err := stripe.NewClient(stripe.Config{Transport: n.stripe.Transport(), Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Now: n.now})
	require.NoError(t, err)
	pay, err := stripepay.New(pays, stripepay.Config{Account: "acct_1", Mode: commerce.Test, Metadata: nopshop.Metadata()})
	require.NoError(t, err)
	books, err := erpbooks.New(n.erp, erpbooks.Config{System: "memory", Settle: time.Minute,
		Routes: mapping.Routes{{Name: "all", Shop: "main", Mode: commerce.Test, Company: "1"}},
		Taxes:  map[string]mapping.TaxTable{"default": {{Rate: "0"}}}})
	require.NoError(t, err)
	orders := &workflow.OrderToCash{Shop: shop, Payments: pay, Books: books, Warehouse: books, Steps: n.steps,
		Links: inbox.Links{Store: n.store}, Alerter: n, Now: n.now}
	require.NoError(t, orders.Check())
	n.begin(orders)
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: commerce.Static([]commerce.Secret{commerce.NewSecret("whsec_1")}),
		Account: "acct_1", Mode: commerce.Test, Now: n.now})
	require.NoError(t, err)
	n.hook = n.in.Receive(hook)

	n.id, err = n.far.Place(nopcommercetest.NewOrder{PaymentMethod: nopcommercetest.StripeElement,
		Items: []nopcommercetest.NewItem{{SKU: "CUP", Qty: 2, Price: "10"}}})
	require.NoError(t, err)
	asked, err := n.far.Charge(n.id)
	require.NoError(t, err)
	n.buy(stripetest.Purchase{Amount: asked.Amount, Currency: asked.Currency, Method: stripetest.Card, Metadata: asked.Metadata})
	n.look()
	n.stands(erp.Confirmed, 2000, 2)
	require.Empty(t, n.exceptions())
	return n
}

func (n *nop) look() {
	n.t.Helper()
	n.changed(int64(n.id))
}

// edit makes it an order for so many cups, as a person does in the admin.
func (n *nop) edit(quantity int) {
	n.t.Helper()
	sum, err := nopcommercetest.ParseAmount(fmt.Sprint(10 * quantity))
	require.NoError(n.t, err)
	require.NoError(n.t, n.far.EditItem(n.far.Items(n.id)[0].ID, func(i *nopcommercetest.OrderItem) {
		i.Quantity, i.PriceInclTax, i.PriceExclTax = quantity, sum, sum
	}))
	require.NoError(n.t, n.far.EditOrder(n.id, func(o *nopcommercetest.Order) {
		o.OrderSubtotalInclTax, o.OrderSubtotalExclTax, o.OrderTotal = sum, sum, sum
	}))
}

// stands requires one order at the ERP that counts.
func (n *nop) stands(state erp.OrderState, cents int64, cups int) {
	n.t.Helper()
	counting := 0
	for _, o := range n.erp.Orders() {
		if o.State == erp.Cancelled {
			continue
		}
		counting++
		require.Equal(n.t, state, o.State)
		require.Equal(n.t, commerce.MustMoney(cents, "USD"), o.Totals.Gross)
		written, _ := n.erp.Written(o.Key)
		require.Equal(n.t, fmt.Sprint(cups), written.Lines[0].Quantity.Trim(0).String())
	}
	require.Equal(n.t, 1, counting)
}

func TestAnEditInPlaceIsFollowed(t *testing.T) {
	t.Parallel()
	n := openNop(t)
	n.look() // what we wrote ourselves
	require.Len(t, n.erp.Orders(), 1)

	n.edit(1)
	n.look()
	n.stands(erp.Confirmed, 1000, 1)
	require.Equal(t, []string{workflow.Overpaid}, n.exceptions())

	n.edit(2)
	n.look()
	n.stands(erp.Confirmed, 2000, 2)

	require.NoError(t, n.far.EditAddress(n.id, true, func(a *nopcommercetest.Address) { city := "Dallas"; a.City = &city }))
	n.look()
	n.stands(erp.Confirmed, 2000, 2)
	require.Len(t, n.erp.Orders(), 4)
	require.Len(t, n.far.Effects(n.id, nopcommercetest.EffectPaid), 1)
}

func TestALargerOrderWaitsForTheRest(t *testing.T) {
	t.Parallel()
	n := openNop(t)
	n.edit(3)
	n.look()
	n.stands(erp.Draft, 3000, 3)
	n.edit(2)
	n.look()
	n.stands(erp.Confirmed, 2000, 2)
}

func TestACanceledOrderIsCancelledAtTheERPAndItsMoneyProposedForRefund(t *testing.T) {
	t.Parallel()
	n := openNop(t)
	require.NoError(t, n.far.Cancel(n.id))
	n.look()
	require.Equal(t, []string{workflow.CanceledPaid}, n.exceptions())
	for _, o := range n.erp.Orders() {
		require.Equal(t, erp.Cancelled, o.State)
	}
}
