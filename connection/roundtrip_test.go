package connection_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/connection"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erptest"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/mapping/magentoshop"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// journey is a shop, a Stripe account and an ERP with a program between them.
type journey struct {
	t     *testing.T
	far   *magentotest.Shop
	shop  *magentoshop.Shop
	pay   *stripepay.Pay
	books *erpbooks.Books
	trip  connection.RoundTrip
}

func newJourney(t *testing.T, mode commerce.Mode, stripes stripepay.Config) *journey {
	t.Helper()
	j := &journey{t: t}
	var err error
	j.far, err = magentotest.New(magentotest.Config{Stores: magentotest.DefaultStores()[1:2]})
	require.NoError(t, err)
	client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.test", Credentials: commerce.Static(j.far.Keys()), Transport: j.far.Transport()})
	require.NoError(t, err)
	j.shop, err = magentoshop.New(client, magentoshop.Config{Account: "main", Mode: mode})
	require.NoError(t, err)
	fake, err := stripetest.New(stripetest.Config{Account: "acct_1", Livemode: mode == commerce.Live})
	require.NoError(t, err)
	pays, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: fake.Transport()})
	require.NoError(t, err)
	stripes.Account, stripes.Mode = "acct_1", mode
	j.pay, err = stripepay.New(pays, stripes)
	require.NoError(t, err)
	memory, err := erptest.NewMemory(erptest.MemoryConfig{Products: []erp.Product{{SKU: "CUP", Stocked: true}}, Taxes: []erp.Tax{{ID: "3", Rate: commerce.MustDecimal("19")}}})
	require.NoError(t, err)
	j.books, err = erpbooks.New(memory, erpbooks.Config{System: "memory", Routes: mapping.Routes{{Name: "eu", Mode: mode, Company: "1"}},
		Taxes: map[string]mapping.TaxTable{"default": {{Rate: "0"}}}})
	require.NoError(t, err)
	j.trip = connection.RoundTrip{Of: j.shop.Origin(), Shop: j.shop, Payments: j.pay, Pay: j.pay.PayInTest,
		Order: func(context.Context) (commerce.Ref, error) {
			id, err := j.far.Place(magentotest.NewOrder{Store: "eu_de", Items: []magentotest.NewItem{{SKU: "CUP", Price: "1.50"}}, PaymentMethod: "stripe_payments"})
			return j.shop.Ref(magento.ID(id)), err
		},
		Documents: func(ctx context.Context, o commerce.Order) ([]commerce.Document, error) {
			return j.books.SalesOrders(ctx, mapping.Route{Company: "1", Mode: mode}, o.Ref)
		}}
	return j
}

// program does for one order what a program with all its workflows does.
func (j *journey) program(ctx context.Context, o commerce.Order, payment commerce.Ref) {
	steps := idempotency.NewMemory(nil)
	p, err := j.pay.Payment(ctx, payment)
	require.NoError(j.t, err)
	_, err = idempotency.Run(ctx, steps, "paid", j.shop.RecordPayment(o, p))
	require.NoError(j.t, err)
	route, err := j.books.Route(o, []commerce.Payment{p})
	require.NoError(j.t, err)
	sold, err := idempotency.Run(ctx, steps, "sold", j.books.SalesOrder(route, o, []commerce.Payment{p}))
	require.NoError(j.t, err)
	_, err = idempotency.Run(ctx, steps, "confirmed", j.books.Confirm(route, sold))
	require.NoError(j.t, err)
}

// works lets the program work, some time after each payment.
func (j *journey) works() {
	pay := j.trip.Pay
	j.trip.Pay = func(ctx context.Context, o commerce.Order) (commerce.Ref, error) {
		ref, err := pay(ctx, o)
		if err == nil {
			time.AfterFunc(30*time.Second, func() { j.program(context.WithoutCancel(ctx), o, ref) })
		}
		return ref, err
	}
}

func TestARoundTripEndsWithEveryFieldAlike(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := newJourney(t, commerce.Test, stripepay.Config{})
		j.works()
		start := time.Now()
		require.Empty(t, j.trip.Check(t.Context()))
		require.InDelta(t, 30, time.Since(start).Seconds(), 5)
	})
}

func TestARoundTripNamesTheFieldThatDiffers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mode    commerce.Mode
		stripes stripepay.Config
		edit    func(*journey)
		want    []string
	}{
		"nobody works": {want: []string{"roundtrip_differs order.paid", "roundtrip_differs erp.documents"}},
		"live":         {mode: commerce.Live, edit: (*journey).works, want: []string{"roundtrip_live"}},
		"metadata that nobody reads": {edit: func(j *journey) {
			j.works()
			j.trip.Payments = blindTo{j.pay}
		}, want: []string{"roundtrip_differs payment.order", "roundtrip_differs payment.number", "roundtrip_differs payment.store"}},
		"a shop that is not asked": {edit: func(j *journey) { j.trip.Shop = nil }, want: []string{"invalid"}},
		"an order that can not be placed": {edit: func(j *journey) {
			j.trip.Order = func(context.Context) (commerce.Ref, error) { return commerce.Ref{}, commerce.ErrUnavailable }
		}, want: []string{"unanswered"}},
		"an order in live mode": {edit: func(j *journey) {
			j.trip.Order = func(context.Context) (commerce.Ref, error) {
				return commerce.Ref{System: "magento", Mode: commerce.Live, ID: "order/1"}, nil
			}
		}, want: []string{"roundtrip_live"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				mode := c.mode
				if mode == "" {
					mode = commerce.Test
				}
				j := newJourney(t, mode, c.stripes)
				if c.edit != nil {
					c.edit(j)
				}
				found := j.trip.Check(t.Context())
				require.Equal(t, c.want, codes(found), "%v", found)
			})
		})
	}
}

// blindTo reads payments without seeing which orders they are for.
type blindTo struct{ *stripepay.Pay }

func (b blindTo) Payment(ctx context.Context, ref commerce.Ref) (commerce.Payment, error) {
	p, err := b.Pay.Payment(ctx, ref)
	p.Orders = nil
	return p, err
}

func TestNothingIsPaidInLiveMode(t *testing.T) {
	t.Parallel()
	j := newJourney(t, commerce.Live, stripepay.Config{})
	_, err := j.pay.PayInTest(t.Context(), commerce.Order{Ref: commerce.Ref{Mode: commerce.Test, ID: "order/1"}})
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.True(t, commerce.SafeToRetry(err))
}
