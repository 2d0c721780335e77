package nopshop_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping/nopshop"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
	"github.com/commercesync/commerce/workflow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ workflow.Shop = (*nopshop.Shop)(nil)

type world struct {
	far  *nopcommercetest.Shop
	shop *nopshop.Shop
	id   int
	o    commerce.Order
}

func (w world) ref() commerce.Ref { return w.shop.Ref(nopcommerce.ID(w.id)) }

func (w world) read(t *testing.T) commerce.Order {
	t.Helper()
	o, err := w.shop.Order(t.Context(), w.ref())
	require.NoError(t, err)
	return o
}

func clientOf(t *testing.T, far *nopcommercetest.Shop) *nopcommerce.Client {
	t.Helper()
	client, err := nopcommerce.NewClient(nopcommerce.Config{BaseURL: "https://shop.example", Transport: far.Transport(),
		Credentials: commerce.Static(far.Login())})
	require.NoError(t, err)
	return client
}

// placed is a shop with one order. It was not read yet.
func placed(t *testing.T, n nopcommercetest.NewOrder, c nopshop.Config) world {
	t.Helper()
	far, err := nopcommercetest.New(nopcommercetest.Config{StripePlugins: nopcommercetest.StripePlugins()})
	require.NoError(t, err)
	id, err := far.Place(n)
	require.NoError(t, err)
	if c.Currency == "" {
		c.Currency = "USD"
	}
	shop, err := nopshop.New(clientOf(t, far), c)
	require.NoError(t, err)
	return world{far: far, shop: shop, id: id}
}

// known is a shop with one order that was read.
func known(t *testing.T, n nopcommercetest.NewOrder, c nopshop.Config) world {
	t.Helper()
	w := placed(t, n, c)
	w.o = w.read(t)
	return w
}

func cups() nopcommercetest.NewOrder {
	return nopcommercetest.NewOrder{PaymentMethod: nopcommercetest.StripeElement, ShippingPrice: "5",
		Items: []nopcommercetest.NewItem{{SKU: "CUP", Qty: 2, Price: "9.99"}, {SKU: "POT", Qty: 1, Price: "20"}}}
}

func amount(t *testing.T, text string) nopcommercetest.Amount {
	t.Helper()
	a, err := nopcommercetest.ParseAmount(text)
	require.NoError(t, err)
	return a
}

func money(text string, c commerce.Currency) commerce.Money {
	m, err := commerce.ParseMoney(text, c)
	if err != nil {
		panic(err)
	}
	return m
}

func payment(o commerce.Order) commerce.Payment {
	due, _ := o.Due()
	return commerce.Payment{Ref: commerce.Ref{System: "stripe", Account: "acct_1", Mode: commerce.Live, ID: "pi_1"}, Charge: "ch_1",
		Status: commerce.PaymentCaptured, Amount: due, Captured: due}
}

func run(ctx context.Context, s idempotency.Store, key string, e idempotency.Effect[commerce.Document]) (commerce.Document, error) {
	return idempotency.Run(ctx, s, key, e)
}

func hint(id int) commerce.OrderHint { return commerce.OrderHint{ID: fmt.Sprint(id)} }
