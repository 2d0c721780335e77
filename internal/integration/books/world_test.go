package books_test

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

const (
	account       = "acct_books"
	stripeKey     = "sk_test_books"
	webhookSecret = "whsec_books"
	shopName      = "main"
	shopURL       = "https://shop.test"
	stripeURL     = "https://stripe.test"
)

// money says which currencies a world trades in.
type money struct {
	order, settlement, company commerce.Currency
	// rates are what Stripe makes of one unit of the order's currency, from a day on, in the
	// order of days; empty where it settles in that currency.
	rates []rated
	// worth is what one unit of settlement is worth in the books.
	worth string
}

type rated struct {
	from commerce.Date
	rate string
}

// euros is a world of one currency.
var euros = money{order: "EUR", settlement: "EUR", company: "EUR", worth: "1"}

// world is a shop, its account at Stripe, and its customers. Its clock moves only when it is
// told.
type world struct {
	t      *testing.T
	money  money
	rand   *rand.Rand
	stripe *stripetest.Fake
	shop   *magentotest.Shop
	rates  map[string]string // Stripe's, which change from day to day
	sales  []*sale

	mu  sync.Mutex
	now time.Time
}

// sale is an order, and what becomes of it.
type sale struct {
	id        int64
	number    string
	due, tax  commerce.Money
	intent    string
	charge    string
	shipped   bool
	credited  commerce.Money // by credit notes
	refunded  commerce.Money // by Stripe
	reference string         // of the sales order
}

// start is four days before the end of an October, for which the ERP has open periods.
func start() time.Time {
	return time.Date(time.Now().UTC().Year()-1, 10, 27, 0, 0, 0, 0, time.UTC)
}

func newWorld(t *testing.T, m money) *world {
	t.Helper()
	w := &world{t: t, money: m, now: start(), rates: map[string]string{}, rand: rand.New(rand.NewPCG(uint64(number(t, "SEED", 1)), 0xb00c5))}
	c := stripetest.Config{Now: w.clock, Seed: 1, Account: account, Key: stripeKey, WebhookSecret: webhookSecret, LongestRequest: longestRequest}
	if m.settlement != m.order {
		c.Settlement, c.Rates = m.settlement.Lower(), w.rates
	}
	var err error
	w.stripe, err = stripetest.New(c)
	require.NoError(t, err)
	w.shop, err = magentotest.New(magentotest.Config{Now: w.clock, LongestRequest: longestRequest, Stores: []magentotest.Store{{ID: 1, Code: "store", Name: "store",
		WebsiteID: 1, Website: "web", WebsiteName: "web", GroupName: "web", BaseCurrency: string(m.order), Currency: string(m.order)}}})
	require.NoError(t, err)
	w.at(0)
	return w
}

// longestRequest is how long a request to any of the fakes may live.
const longestRequest = time.Second

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// at moves the clock to a time of the present day; hours from 24 on are of the next.
func (w *world) at(hours time.Duration) {
	w.mu.Lock()
	w.now = w.now.Truncate(24 * time.Hour).Add(hours)
	today := commerce.DateOf(w.now)
	w.mu.Unlock()
	for _, r := range w.money.rates {
		if r.from.String() <= today.String() {
			w.rates[w.money.order.Lower()] = r.rate
		}
	}
}

// today is the day that the clock shows.
func (w *world) today() commerce.Date { return commerce.DateOf(w.clock()) }

// buy places an order like those of the quickstart, and pays it.
func (w *world) buy(method stripetest.Method) *sale {
	w.t.Helper()
	rates := []string{"19", "7", "20"}
	tax := func() []magentotest.Tax {
		rate := rates[0]
		if w.rand.IntN(4) == 0 {
			rate = rates[w.rand.IntN(len(rates))]
		}
		return []magentotest.Tax{{Code: "DE " + rate, Percent: rate}}
	}
	n := magentotest.NewOrder{PaymentMethod: "stripe_payments", PricesIncludeTax: true, ShippingPrice: "4.90", ShippingTax: tax(),
		Customer: magentotest.Customer{Email: fmt.Sprintf("buyer-%d@example.com", len(w.sales)), FirstName: "Robin", LastName: fmt.Sprintf("Buyer %d", len(w.sales))},
		Billing:  magentotest.Address{Street: []string{"Lange Straße 7"}, City: "Hamburg", Postcode: "20095", Country: "DE", Telephone: "040 123456"}}
	goods := []string{"SKU-RED", "SKU-BLUE", "SKU-POT"}
	for range 1 + w.rand.IntN(3) {
		n.Items = append(n.Items, magentotest.NewItem{SKU: goods[w.rand.IntN(len(goods))], Qty: strconv.Itoa(1 + w.rand.IntN(4)),
			Price: fmt.Sprintf("%d.%02d", 7+w.rand.IntN(30), w.rand.IntN(100)), Taxes: tax()})
	}
	if w.rand.IntN(4) == 0 {
		n.Coupon, n.DiscountPercent, n.DiscountShipping = "SPRING", strconv.Itoa(5*(1+w.rand.IntN(4))), w.rand.IntN(2) == 0
	}
	id, err := w.shop.Place(n)
	require.NoError(w.t, err)
	o, _ := w.shop.Order(id)
	s := &sale{id: id, number: o.IncrementID, due: w.amount(o.GrandTotal), tax: w.amount(o.TaxAmount),
		credited: commerce.Zero(w.money.order), refunded: commerce.Zero(w.money.order), reference: orderRef(id).String()}
	i, err := w.stripe.Pay(stripetest.Purchase{Amount: s.due.Minor(), Currency: w.money.order.Lower(), Method: method,
		Metadata: map[string]string{"commerce_order": strconv.FormatInt(id, 10)}})
	require.NoError(w.t, err)
	s.intent, s.charge = i.ID, i.LatestCharge.ID
	w.sales = append(w.sales, s)
	return s
}

func orderRef(id int64) commerce.Ref {
	return commerce.Ref{System: "magento", Account: shopName, Mode: commerce.Test, ID: fmt.Sprintf("order/%d", id)}
}

func (w *world) amount(n magento.Number) commerce.Money {
	w.t.Helper()
	m, _, err := commerce.RoundMoney(string(n), 4, w.money.order)
	require.NoError(w.t, err)
	return m
}

// give gives a part of a payment back, at Stripe.
func (w *world) give(s *sale, minor int64) {
	w.t.Helper()
	w.post("/v1/refunds", url.Values{"charge": {s.charge}, "amount": {strconv.FormatInt(minor, 10)}})
	s.refunded = plus(w.t, s.refunded, commerce.MustMoney(minor, w.money.order))
}

// payManually takes money out of the balance by hand.
func (w *world) payManually(minor int64) {
	w.t.Helper()
	w.post("/v1/payouts", url.Values{"amount": {strconv.FormatInt(minor, 10)}, "currency": {w.money.settlement.Lower()}})
}

// post is the merchant at the Stripe dashboard.
func (w *world) post(path string, form url.Values) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, stripeURL+path, strings.NewReader(form.Encode()))
	require.NoError(w.t, err)
	req.Header.Set("Authorization", "Bearer "+stripeKey)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := w.stripe.Transport().RoundTrip(req)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	require.Equal(w.t, http.StatusOK, resp.StatusCode, "%s: %s", path, answer)
}

// paid are the payments that Stripe has the money of.
func (w *world) paid() map[string]bool {
	out := map[string]bool{}
	for _, c := range w.stripe.Charges() {
		if c.Status == "succeeded" && c.Captured {
			out[string(c.PaymentIntent)] = true
		}
	}
	return out
}

// over is the last day that the books can know all of: what is in an automatic payout Stripe
// tells only when it has arrived.
func (w *world) over() commerce.Date {
	over := w.clock().AddDate(0, 0, -1)
	for _, po := range w.stripe.Payouts() {
		if before := po.Created.Time().AddDate(0, 0, -1); po.Automatic && po.ReconciliationStatus != "completed" && before.Before(over) {
			over = before
		}
	}
	return commerce.DateOf(over.UTC())
}

// standing is the balance at Stripe at the end of a day, counted there: the nets of all
// movements.
func (w *world) standing(on commerce.Date) int64 {
	return w.moved(on, func(stripe.BalanceTransaction) bool { return true })
}

// moved sums the nets of some movements up to the end of a day.
func (w *world) moved(on commerce.Date, of func(stripe.BalanceTransaction) bool) int64 {
	sum := int64(0)
	for _, b := range w.stripe.BalanceTransactions() {
		if day(b).String() <= on.String() && of(b) {
			sum += b.Net
		}
	}
	return sum
}

// available is what can be paid out now.
func (w *world) available() int64 {
	sum := int64(0)
	for _, b := range w.stripe.BalanceTransactions() {
		if !b.AvailableOn.Time().After(w.clock()) {
			sum += b.Net
		}
	}
	return sum
}

func day(b stripe.BalanceTransaction) commerce.Date { return commerce.DateOf(b.Created.Time().UTC()) }

func category(names ...string) func(stripe.BalanceTransaction) bool {
	all := maps.Collect(func(yield func(string, bool) bool) {
		for _, n := range names {
			yield(n, true)
		}
	})
	return func(b stripe.BalanceTransaction) bool { return all[b.ReportingCategory] }
}

func plus(t *testing.T, a, b commerce.Money) commerce.Money {
	t.Helper()
	sum, err := a.Add(b)
	require.NoError(t, err)
	return sum
}
