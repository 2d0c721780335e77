package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp/tryton/trytontest"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// TestAPaymentBecomesAPaidOrderAndASalesOrder runs the whole program against the
// fakes, as it would be deployed.
func TestAPaymentBecomesAPaidOrderAndASalesOrder(t *testing.T) {
	far, err := stripetest.New(stripetest.Config{Key: "sk_test_1"})
	require.NoError(t, err)
	shop, err := magentotest.New(magentotest.Config{})
	require.NoError(t, err)
	erp, err := trytontest.New(trytontest.Config{})
	require.NoError(t, err)
	stripeServer, shopServer, erpServer := far.NewServer(), shop.NewServer(), erp.NewServer()
	defer stripeServer.Close()
	defer shopServer.Close()
	defer erpServer.Close()

	taxes, err := json.Marshal(mapping.TaxTable{{Rate: "0"}})
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "taxes.json"), taxes, 0o600))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	keys, login := shop.Keys(), erp.Login()
	env := map[string]string{
		"LISTEN": address, "DATABASE": filepath.Join(dir, "commerce.db"), "MODE": "test", "TAXES": filepath.Join(dir, "taxes.json"),
		"STRIPE_URL": stripeServer.URL, "STRIPE_KEY": "sk_test_1", "STRIPE_WEBHOOK_SECRETS": "whsec_fake", "STRIPE_ACCOUNT": "acct_fake",
		"MAGENTO_URL": shopServer.URL, "MAGENTO_CONSUMER_KEY": keys.ConsumerKey, "MAGENTO_CONSUMER_SECRET": keys.ConsumerSecret.Reveal(),
		"MAGENTO_ACCESS_TOKEN": keys.AccessToken.Reveal(), "MAGENTO_ACCESS_TOKEN_SECRET": keys.AccessTokenSecret.Reveal(),
		"TRYTON_URL": erpServer.URL + "/", "TRYTON_DATABASE": trytontest.Database, "TRYTON_USER": login.User, "TRYTON_PASSWORD": login.Password.Reveal(),
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, slog.New(slog.DiscardHandler), func(name string) string { return env[name] })
	}()

	id, err := shop.Place(magentotest.NewOrder{PaymentMethod: "stripe_payments",
		Items: []magentotest.NewItem{{SKU: "SKU-RED", Qty: "2", Price: "12.50"}}})
	require.NoError(t, err)
	_, err = far.Pay(stripetest.Purchase{Amount: 2500, Currency: "usd", Metadata: map[string]string{"commerce_order": strconv.FormatInt(id, 10)}})
	require.NoError(t, err)
	// The program may not listen yet: a refused delivery is repeated.
	_, err = far.Deliver(ctx, "http://"+address+"/hooks/stripe", stripetest.DeliveryOptions{
		Retry: func(int) (time.Duration, bool) { return 20 * time.Millisecond, true }})
	require.NoError(t, err)

	require.Eventually(t, func() bool {
		sales := erp.AllSales()
		return len(sales) == 1 && sales[0].State == "processing" && len(shop.Invoices(id)) == 1
	}, 30*time.Second, 20*time.Millisecond)
	o, _ := shop.Order(id)
	require.Equal(t, "processing", o.State)
	require.Equal(t, commerce.MustMoney(2500, "USD"), erp.AllSales()[0].Total)

	stop()
	require.NoError(t, <-ended)
}

func TestAMissingSettingIsNamed(t *testing.T) {
	t.Parallel()
	err := run(t.Context(), slog.New(slog.DiscardHandler), func(string) string { return "" })
	require.ErrorContains(t, err, "MODE")
}
