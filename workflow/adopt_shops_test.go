package workflow_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erptest"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/mapping/magentoshop"
	"github.com/commercesync/commerce/mapping/nopshop"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
	"github.com/commercesync/commerce/workflow"
)

// lane is a shop with a clock, in which orders of two cups are placed.
type lane struct {
	clock time.Time
	shop  workflow.Shop
	feed  inbox.Feed
	place func() commerce.Ref
}

func magentoLane(t *testing.T, told *inbox.Memory) *lane {
	l := &lane{clock: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)}
	now := func() time.Time { return l.clock }
	far, err := magentotest.New(magentotest.Config{Now: now})
	require.NoError(t, err)
	client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Transport: far.Transport(), Credentials: commerce.Static(far.Keys()), Now: now})
	require.NoError(t, err)
	shop, err := magentoshop.New(client, magentoshop.Config{Account: "main", Now: now})
	require.NoError(t, err)
	l.shop = shop
	l.feed, err = shop.Sweep(magentoshop.SweepConfig{Told: told})
	require.NoError(t, err)
	l.place = func() commerce.Ref {
		id, err := far.Place(magentotest.NewOrder{PaymentMethod: "checkmo", Items: []magentotest.NewItem{{SKU: "CUP", Qty: "2", Price: "10"}}})
		require.NoError(t, err)
		return shop.Ref(magento.ID(id))
	}
	return l
}

func nopLane(t *testing.T, told *inbox.Memory) *lane {
	l := &lane{clock: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)}
	now := func() time.Time { return l.clock }
	far, err := nopcommercetest.New(nopcommercetest.Config{Now: now})
	require.NoError(t, err)
	client, err := nopcommerce.NewClient(nopcommerce.Config{BaseURL: "https://shop.example", Transport: far.Transport(), Credentials: commerce.Static(far.Login())})
	require.NoError(t, err)
	shop, err := nopshop.New(client, nopshop.Config{Account: "main", Currency: "USD", Now: now})
	require.NoError(t, err)
	l.shop = shop
	l.feed, err = shop.Sweep(nopshop.SweepConfig{Told: told})
	require.NoError(t, err)
	l.place = func() commerce.Ref {
		id, err := far.Place(nopcommercetest.NewOrder{Items: []nopcommercetest.NewItem{{SKU: "CUP", Qty: 2, Price: "10"}}})
		require.NoError(t, err)
		return shop.Ref(nopcommerce.ID(id))
	}
	return l
}

// nobody pays by a processor here.
type nobody struct{ workflow.Payments }

func (nobody) Ref(id string) commerce.Ref {
	return commerce.Ref{System: "stripe", Mode: commerce.Live, ID: id}
}

// TestTheCutOverOfBothShops goes the whole way over the fakes of shop and ERP: what was
// written by hand is adopted, and of what is taken up only the rest is written.
func TestTheCutOverOfBothShops(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T, *inbox.Memory) *lane{"magento": magentoLane, "nopcommerce": nopLane} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := inbox.NewMemory(inbox.MemoryConfig{})
			l := open(t, store)
			byHand, byNumber, nobodys := l.place(), l.place(), l.place()
			l.clock = l.clock.Add(24 * time.Hour)

			far, err := erptest.NewMemory(erptest.MemoryConfig{Products: []erp.Product{{SKU: "CUP", Stocked: true}}, Origin: commerce.Ref{Mode: commerce.Live}})
			require.NoError(t, err)
			books, err := erpbooks.New(far, erpbooks.Config{System: "memory", Routes: mapping.Routes{{Name: "all", Mode: commerce.Live, Company: "1"}},
				Taxes: map[string]mapping.TaxTable{"default": {{Rate: "0"}}}})
			require.NoError(t, err)
			written := func(ref commerce.Ref, reference string) erp.Order {
				o, err := l.shop.Order(t.Context(), ref)
				require.NoError(t, err)
				doc, err := writeByHand(t.Context(), far.ForCompany("1"), strings.ReplaceAll(reference, "{number}", o.Number), o.Totals.Gross)
				require.NoError(t, err)
				return doc
			}
			written(byHand, "WEB-{number}")
			other := written(byNumber, "by phone")

			o2c := &workflow.OrderToCash{Shop: l.shop, Payments: nobody{}, Books: books, Steps: idempotency.NewMemory(nil),
				Links: inbox.Links{Store: store}, StartAt: l.clock,
				Take: func(context.Context, commerce.Facts) (bool, error) { return true, nil }}
			in, err := inbox.New(store, inbox.Config{Handlers: o2c.Handlers()})
			require.NoError(t, err)
			adopt := &workflow.Adopt{OrderToCash: o2c, Orders: workflow.OrdersOf(l.feed), Documents: books, References: []string{"WEB-{number}"},
				Take: o2c.Take, Inbox: in, DryRun: true,
				Pairs: strings.NewReader(fmt.Sprintf("order_id,erp_id\n%s,%s\n", strings.TrimPrefix(byNumber.ID, "order/"), strings.TrimPrefix(other.Ref.ID, "order/")))}
			dry, err := adopt.Run(t.Context())
			require.NoError(t, err)
			require.Equal(t, []int{2, 1, 1, 3, 3}, []int{dry.Found, dry.Already, dry.NotFound, dry.OpenOrders, dry.Taken}, dry.String())

			adopt.DryRun = false
			adopt.Pairs = strings.NewReader(fmt.Sprintf("order_id,erp_id\n%s,%s\n", strings.TrimPrefix(byNumber.ID, "order/"), strings.TrimPrefix(other.Ref.ID, "order/")))
			report, err := adopt.Run(t.Context())
			require.NoError(t, err)
			require.Equal(t, []int{2, 1, 1, 3, 3}, []int{report.Adopted, report.Already, report.NotFound, report.OpenOrders, report.Taken}, report.String())
			require.Len(t, far.Orders(), 2)

			work(t, in)
			require.Len(t, far.Orders(), 3, "only %s had none", nobodys.ID)
			adopt.Pairs = nil
			again, err := adopt.Run(t.Context())
			require.NoError(t, err)
			require.Equal(t, []int{0, 3, 0, 0}, []int{again.Adopted, again.Already, again.NotFound, again.Taken}, again.String())
			work(t, in)
			require.Len(t, far.Orders(), 3)
			for e, err := range in.List(t.Context(), inbox.Filter{States: []inbox.State{inbox.Dead}}) {
				require.NoError(t, err)
				t.Errorf("%s is dead: %s", e.Event.Ref.ID, e.Reason)
			}
		})
	}
}

func work(t *testing.T, in *inbox.Inbox) {
	t.Helper()
	for n := 1; n > 0; {
		var err error
		n, err = in.Work(t.Context())
		require.NoError(t, err)
	}
}

// writeByHand makes and confirms a sales order, as people or another program did.
func writeByHand(ctx context.Context, books erp.ERP, reference string, total commerce.Money) (erp.Order, error) {
	who, err := books.UpsertCustomer(ctx, erp.Customer{Key: "by hand", Party: commerce.Customer{Name: "Jo Ro"}})
	if err != nil {
		return erp.Order{}, err
	}
	made, err := books.CreateOrder(ctx, erp.NewOrder{Key: reference, Customer: who, Date: commerce.Date{Year: 2026, Month: 11, Day: 20}, Currency: total.Currency(),
		Lines:    []erp.OrderLine{{SKU: "CUP", Quantity: commerce.MustDecimal("1"), Net: total}},
		Expected: erp.Totals{Net: total, Tax: commerce.Zero(total.Currency()), Gross: total}})
	if err != nil {
		return made, err
	}
	return books.ConfirmOrder(ctx, made.Ref)
}
