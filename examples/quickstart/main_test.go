package main

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/examples/quickstart/world"
	"github.com/commercesync/commerce/internal/trytonserver"
)

func TestEveryPaidOrderIsPaidInTheShopAndSoldInTheERPOnce(t *testing.T) {
	t.Parallel()
	report, err := run(t.Context(), options{orders: 60, seed: 3, books: true, json: true})
	require.NoError(t, err)
	require.NoError(t, report.Verdict())
	require.Positive(t, report.OrdersPaid)
	require.Positive(t, report.Duplicates)
	require.Positive(t, report.Reordered)
	require.Positive(t, report.PaymentsFailed)
	require.Equal(t, report.OrdersPaid, report.Invoiced)
	require.Zero(t, *report.ClearingOff)

	text, err := json.Marshal(report)
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(text, &fields))
	require.ElementsMatch(t, []string{"orders", "payments_succeeded", "payments_failed", "orders_paid", "deliveries", "duplicates",
		"reordered", "shop_paid", "sales_orders", "shipments", "exceptions", "dead", "lost", "second_effects", "invoiced", "clearing_off", "seconds"},
		slices.Collect(maps.Keys(fields)))
}

// TestWhatGoesBackIsTheSameAtStripeShopAndERP: whoever gives it, at whichever side.
func TestWhatGoesBackIsTheSameAtStripeShopAndERP(t *testing.T) {
	t.Parallel()
	report, err := run(t.Context(), options{shop: "both", orders: 30, seed: 5, refunds: true, json: true})
	require.NoError(t, err)
	require.NoError(t, report.Verdict())
	require.Zero(t, *report.RefundsOff)
	require.Zero(t, *report.ClearingOff)
	require.Greater(t, report.Refunds, 3)
	require.NotEmpty(t, report.Refunded)
	for currency, sides := range report.Refunded {
		require.Equal(t, sides.Stripe, sides.Shop, currency)
		require.Equal(t, sides.Stripe, sides.ERP, currency)
	}
}

// TestControlWithoutRefundsTheSidesDiffer shows that the auditor finds money that went back
// at one side alone.
func TestControlWithoutRefundsTheSidesDiffer(t *testing.T) {
	t.Parallel()
	w, err := world.New(world.Config{Orders: 20, Seed: 5, Refunds: true})
	require.NoError(t, err)
	defer w.Close()
	a, err := newApp(t.Context(), options{books: true}, w)
	require.NoError(t, err)
	defer a.Close()
	require.NoError(t, w.Run(t.Context(), a, func(int) {}))
	report, err := w.Audit(t.Context(), a)
	require.NoError(t, err)
	require.Positive(t, *report.RefundsOff)
	require.ErrorContains(t, report.Verdict(), "what went back")
}

// idle acknowledges everything and does nothing.
type idle struct{ *app }

func (idle) Work(context.Context) (int, error)           { return 0, nil }
func (idle) Wait(context.Context) (time.Duration, error) { return -1, nil }

// TestControlAProgramThatDoesNothingLosesEveryPaidOrder shows that the auditor can
// find fault: with the program asleep every paid order is lost.
func TestControlAProgramThatDoesNothingLosesEveryPaidOrder(t *testing.T) {
	t.Parallel()
	w, err := world.New(world.Config{Orders: 20, Seed: 3})
	require.NoError(t, err)
	defer w.Close()
	a, err := newApp(t.Context(), options{}, w)
	require.NoError(t, err)
	defer a.Close()
	require.NoError(t, w.Run(t.Context(), idle{a}, func(int) {}))
	report, err := w.Audit(t.Context(), a)
	require.NoError(t, err)
	require.Positive(t, report.OrdersPaid)
	require.GreaterOrEqual(t, report.Lost, report.OrdersPaid)
	require.Zero(t, report.ShopPaid)
	require.Error(t, report.Verdict())
}

// TestControlASecondSalesOrderIsFound shows that a double at the far side is counted.
func TestControlASecondSalesOrderIsFound(t *testing.T) {
	t.Parallel()
	w, err := world.New(world.Config{Orders: 10, Seed: 5})
	require.NoError(t, err)
	defer w.Close()
	a, err := newApp(t.Context(), options{}, w)
	require.NoError(t, err)
	defer a.Close()
	require.NoError(t, w.Run(t.Context(), a, func(int) {}))
	require.NoError(t, w.Tamper(a))
	report, err := w.Audit(t.Context(), noSweep{a})
	require.NoError(t, err)
	require.Equal(t, 1, report.SecondEffects)
	require.Error(t, report.Verdict())

	report, err = w.Audit(t.Context(), a)
	require.NoError(t, err)
	require.Zero(t, report.SecondEffects, "the sweep withdraws a surplus draft")
}

// TestControlBooksThatNobodyTellsOfTheBalanceAreOff shows that the auditor reads the ledger:
// without polls no fee and no payout is told.
func TestControlBooksThatNobodyTellsOfTheBalanceAreOff(t *testing.T) {
	t.Parallel()
	w, err := world.New(world.Config{Orders: 10, Seed: 5})
	require.NoError(t, err)
	defer w.Close()
	a, err := newApp(t.Context(), options{books: true}, w)
	require.NoError(t, err)
	defer a.Close()
	require.NoError(t, w.Run(t.Context(), deaf{a}, func(int) {}))
	report, err := w.Audit(t.Context(), a)
	require.NoError(t, err)
	require.Positive(t, *report.ClearingOff)
	require.ErrorContains(t, report.Verdict(), "clearing account")
}

type noSweep struct{ *app }

func (noSweep) Sweep(context.Context) error { return nil }

// TestTwoShopsSellThroughOneStripeAccountAndOneERP: their orders have the same ids, and
// polls find what no webhook tells of.
func TestTwoShopsSellThroughOneStripeAccountAndOneERP(t *testing.T) {
	t.Parallel()
	report, err := run(t.Context(), options{shop: "both", orders: 40, seed: 6, books: true, json: true})
	require.NoError(t, err)
	require.NoError(t, report.Verdict())
	require.Zero(t, *report.ClearingOff, "one keeps the books of the balance that they share")
	require.Positive(t, report.Covered)
	require.Positive(t, report.Revised())
	for _, s := range []world.Story{world.Covered, world.Canceled, world.Unheard, world.Moved, world.ByHand} {
		require.Positive(t, report.Of(s), s)
	}
}

func TestNopCommerceSellsAlone(t *testing.T) {
	t.Parallel()
	report, err := run(t.Context(), options{shop: world.NopCommerce, orders: 20, seed: 5, json: true})
	require.NoError(t, err)
	require.NoError(t, report.Verdict())
	require.Positive(t, report.OrdersPaid)
}

// deaf is a program that polls nothing.
type deaf struct{ *app }

func (deaf) Poll(context.Context) error { return nil }

// TestControlAProgramThatDoesNotPollLosesWhatNoWebhookTells shows that the polls matter.
func TestControlAProgramThatDoesNotPollLosesWhatNoWebhookTells(t *testing.T) {
	t.Parallel()
	w, err := world.New(world.Config{Orders: 20, Seed: 11, Shops: []string{world.NopCommerce}})
	require.NoError(t, err)
	defer w.Close()
	a, err := newApp(t.Context(), options{shop: world.NopCommerce}, w)
	require.NoError(t, err)
	defer a.Close()
	require.NoError(t, w.Run(t.Context(), deaf{a}, func(int) {}))
	report, err := w.Audit(t.Context(), a)
	require.NoError(t, err)
	require.Less(t, report.SalesOrders, report.OrdersPaid+report.Covered)
	require.Error(t, report.Verdict())
}

// TestTheBooksAgreeInARealTryton is the whole journey with a real ERP: ORDERS=200 for more.
func TestTheBooksAgreeInARealTryton(t *testing.T) {
	orders, err := strconv.Atoi(os.Getenv("ORDERS"))
	if err != nil {
		t.Skip("ORDERS is not set: it says how many orders are placed, and starts a real Tryton")
	}
	server := trytonserver.For(t)
	report, err := run(t.Context(), options{orders: orders, seed: 3, books: true, tryton: server.URL, trytonDB: server.Database, trytonUser: server.User,
		trytonPassword: commerce.NewSecret(server.Password)})
	require.NoError(t, err)
	require.NoError(t, report.Verdict())
	require.Equal(t, report.OrdersPaid, report.Invoiced)
	require.Zero(t, *report.ClearingOff)
}
