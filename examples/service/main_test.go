package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp/odoo/odootest"
	"github.com/commercesync/commerce/erp/tryton/trytontest"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// far are the far sides of one service, and the environment that leads to them.
type far struct {
	t      *testing.T
	stripe *stripetest.Fake
	behind atomic.Int64 // how far the clocks of Stripe and Magento are, a time.Duration
	env    map[string]string

	place func(method string) (id int64)
	paid  func(id int64) bool
	sold  func() int // confirmed sales orders
	// posted counts the journal entries, by reference.
	posted func() map[string]int
}

func (f *far) get(name string) string { return f.env[name] }

func (f *far) now() time.Time { return time.Now().Add(-time.Duration(f.behind.Load())) }

func (f *far) serve(s *httptest.Server) string {
	f.t.Cleanup(s.Close)
	return s.URL
}

func newFar(t *testing.T) *far {
	t.Helper()
	f := &far{t: t}
	var err error
	f.stripe, err = stripetest.New(stripetest.Config{Key: "sk_test_1", Account: "acct_fake", WebhookSecret: "whsec_fake",
		Settlement: "eur", Rates: map[string]string{"usd": "0.8"},
		PayoutTime: time.Millisecond, Now: f.now})
	require.NoError(t, err)
	taxes, err := json.Marshal(mapping.TaxTable{{Rate: "0"}})
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "taxes.json"), taxes, 0o600))
	f.env = map[string]string{"DATABASE": filepath.Join(dir, "commerce.db"), "MODE": "test", "TAXES": filepath.Join(dir, "taxes.json"),
		"STRIPE_URL": f.serve(f.stripe.NewServer()), "STRIPE_KEY": "sk_test_1", "STRIPE_WEBHOOK_SECRETS": "whsec_fake", "STRIPE_ACCOUNT": "acct_fake"}
	return f
}

func (f *far) magento() {
	shop, err := magentotest.New(magentotest.Config{Now: f.now})
	require.NoError(f.t, err)
	keys := shop.Keys()
	maps.Copy(f.env, map[string]string{"MAGENTO_URL": f.serve(shop.NewServer()),
		"MAGENTO_CONSUMER_KEY": keys.ConsumerKey, "MAGENTO_CONSUMER_SECRET": keys.ConsumerSecret.Reveal(),
		"MAGENTO_ACCESS_TOKEN": keys.AccessToken.Reveal(), "MAGENTO_ACCESS_TOKEN_SECRET": keys.AccessTokenSecret.Reveal()})
	f.place = func(method string) int64 {
		id, err := shop.Place(magentotest.NewOrder{PaymentMethod: method, Items: []magentotest.NewItem{{SKU: "SKU-RED", Qty: "2", Price: "12.50"}}})
		require.NoError(f.t, err)
		return id
	}
	f.paid = func(id int64) bool { return len(shop.Invoices(id)) == 1 }
}

func (f *far) nop() {
	shop, err := nopcommercetest.New(nopcommercetest.Config{})
	require.NoError(f.t, err)
	login := shop.Login()
	maps.Copy(f.env, map[string]string{"SHOP": "nopcommerce", "NOP_URL": f.serve(shop.NewServer()), "NOP_CURRENCY": "USD",
		"NOP_EMAIL": login.Email, "NOP_PASSWORD": login.Password.Reveal()})
	f.place = func(method string) int64 {
		id, err := shop.Place(nopcommercetest.NewOrder{PaymentMethod: method, CreatedAt: time.Now().Add(-time.Hour), Items: []nopcommercetest.NewItem{{SKU: "SKU-RED", Qty: 2, Price: "12.50"}}})
		require.NoError(f.t, err)
		return int64(id)
	}
	f.paid = func(id int64) bool { return len(shop.Effects(int(id), nopcommercetest.EffectPaid)) == 1 }
}

func (f *far) tryton() {
	erp, err := trytontest.New(trytontest.Config{})
	require.NoError(f.t, err)
	login := erp.Login()
	maps.Copy(f.env, map[string]string{"ERP_URL": f.serve(erp.NewServer()) + "/", "ERP_DATABASE": trytontest.Database,
		"ERP_USER": login.User, "ERP_PASSWORD": login.Password.Reveal()})
	f.posted = erp.Entries
	f.sold = func() (n int) {
		for _, s := range erp.AllSales() {
			if s.State == "processing" && s.Total == commerce.MustMoney(2500, "USD") {
				n++
			}
		}
		return n
	}
}

func (f *far) odoo() {
	erp, err := odootest.New(odootest.Config{})
	require.NoError(f.t, err)
	maps.Copy(f.env, map[string]string{"ERP": "odoo", "ERP_URL": f.serve(erp.NewServer()) + "/", "ERP_DATABASE": odootest.Database,
		"ERP_USER": erp.User(), "ERP_PASSWORD": erp.Key().Reveal()})
	f.sold = func() (n int) {
		for _, of := range erp.Orders() {
			n += of
		}
		return n
	}
}

// pay takes the money of an order.
func (f *far) pay(id int64) {
	f.t.Helper()
	_, err := f.stripe.Pay(stripetest.Purchase{Amount: 2500, Currency: "usd", Metadata: map[string]string{"commerce_order": strconv.FormatInt(id, 10)}})
	require.NoError(f.t, err)
}

// deliver delivers the webhooks, again and again where the program does not listen yet.
func (f *far) deliver(ctx context.Context) {
	f.t.Helper()
	_, err := f.stripe.Deliver(ctx, "http://"+f.env["LISTEN"]+"/hooks/stripe", stripetest.DeliveryOptions{
		Retry: func(int) (time.Duration, bool) { return 20 * time.Millisecond, true }})
	require.NoError(f.t, err)
}

// run runs the program for a task and returns what it prints.
func (f *far) run(what task) (string, error) {
	var out bytes.Buffer
	err := run(f.t.Context(), what, slog.New(slog.DiscardHandler), &out, f.get)
	return out.String(), err
}

// during runs the whole program, as it would be deployed, while do runs.
func (f *far) during(do func(ctx context.Context)) {
	f.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(f.t, err)
	f.env["LISTEN"] = listener.Addr().String()
	require.NoError(f.t, listener.Close())
	ctx, stop := context.WithTimeout(f.t.Context(), time.Minute)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, task{}, slog.New(slog.DiscardHandler), io.Discard, f.get) }()
	do(ctx)
	stop()
	require.NoError(f.t, <-ended)
}

var kinds = map[string]func(*far){
	"magento and tryton":   func(f *far) { f.magento(); f.tryton() },
	"nopcommerce and odoo": func(f *far) { f.nop(); f.odoo() },
}

func TestAPaymentBecomesAPaidOrderAndASalesOrder(t *testing.T) {
	t.Parallel()
	for name, open := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFar(t)
			open(f)
			id := f.place(f.stripeMethod())
			f.during(func(ctx context.Context) {
				f.pay(id)
				f.deliver(ctx)
				require.Eventually(t, func() bool { return f.sold() == 1 && f.paid(id) }, 40*time.Second, 20*time.Millisecond)
			})
			said, err := f.run(task{check: true})
			require.NoError(t, err, said)
			require.Contains(t, said, "orders: complete up to 20")
		})
	}
}

func (f *far) stripeMethod() string {
	if f.env["SHOP"] == "nopcommerce" {
		return nopcommercetest.StripeElement
	}
	return "stripe_payments"
}

// TestTheRuleTakesUpWhatIsPaidOffline: nobody but the poller tells of these orders.
func TestTheRuleTakesUpWhatIsPaidOffline(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	f.magento()
	f.tryton()
	f.env["TAKE"] = `order.payment_method == "cashondelivery" && order.total == money("25.00", "USD")`
	f.env["PUSH_SECRETS"] = "a secret of the shop's"
	f.place("banktransfer")
	f.place("cashondelivery")
	f.during(func(context.Context) {
		require.Eventually(t, func() bool { return f.sold() == 1 }, 40*time.Second, 20*time.Millisecond)
		answer, err := http.Post("http://"+f.env["LISTEN"]+"/hooks/shop", "application/json", strings.NewReader(`{"object":"order/1"}`))
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, http.StatusUnauthorized, answer.StatusCode, "nobody signed it")
	})
	require.Equal(t, 1, f.sold())
}

func TestADryRunListsWhatIsOpenAndWritesNothing(t *testing.T) {
	t.Parallel()
	for name, open := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFar(t)
			open(f)
			f.place("checkmo")
			f.env["START_AT"] = time.Now().Add(time.Hour).Format(time.RFC3339)
			f.env["ADOPT_REFERENCES"], f.env["TAKE"] = "WEB-{number}", "true"
			for range 2 {
				said, err := f.run(task{adopt: true, dryRun: true})
				require.NoError(t, err, said)
				require.Contains(t, said, "not_found")
			}
			require.Zero(t, f.sold())
		})
	}
}

func TestACheckNamesTheSystemThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	f.magento()
	f.tryton()
	f.env["MAGENTO_ACCESS_TOKEN"] = "another"
	said, err := f.run(task{check: true})
	require.ErrorContains(t, err, "magento: check: magento_token_unknown")
	require.Contains(t, said, "copy access token and access token secret again")
	require.Contains(t, said, "orders: not read yet")
	require.Contains(t, said, "stripe/acct_fake/test: answers")
}

func TestASettingThatCanNotWorkIsNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change map[string]string
		what   task
		want   string
	}{
		"no mode":                        {change: map[string]string{"MODE": ""}, want: "MODE"},
		"another shop":                   {change: map[string]string{"SHOP": "corner"}, want: "SHOP"},
		"another ERP":                    {change: map[string]string{"ERP": "paper"}, want: "ERP"},
		"a rule with a typing error":     {change: map[string]string{"TAKE": `order.totl == 1`}, want: "TAKE"},
		"a rule about what is not there": {change: map[string]string{"TAKE": `size(earlier) > 2`}, want: "earlier"},
		"no date":                        {change: map[string]string{"START_AT": "yesterday"}, want: "START_AT"},
		"a cut-over without a day":       {what: task{adopt: true}, want: "START_AT"},
		"a dry run of nothing":           {what: task{dryRun: true}, want: "-adopt"},
		"a month without books":          {what: task{month: "2026-11"}, want: "CHART"},
		"an opening without books":       {what: task{open: true}, want: "CHART"},
		"books of another kind":          {change: map[string]string{"BOOKS": "paper"}, want: "Mode"},
		"books without a day":            {change: map[string]string{"CHART": "chart.json"}, want: "START_AT"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFar(t)
			f.magento()
			f.tryton()
			maps.Copy(f.env, c.change)
			_, err := f.run(c.what)
			require.ErrorContains(t, err, c.want)
		})
	}
}
