package workflow_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erptest"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
	"github.com/commercesync/commerce/workflow"
)

// vault is the money of an account at Stripe and the books of a company over the real
// adapters, from the 1st of November on.
type vault struct {
	t      *testing.T
	clock  time.Time
	stripe *stripetest.Fake
	erp    *erptest.Memory
	books  *workflow.Books
	inbox  *inbox.Inbox
	hook   http.Handler
}

func newVault(t *testing.T) *vault {
	v := &vault{t: t, clock: time.Date(2026, 10, 26, 9, 0, 0, 0, time.UTC)}
	now := func() time.Time { return v.clock }
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	var err error
	v.stripe, err = stripetest.New(stripetest.Config{Now: now})
	require.NoError(t, err)
	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: v.stripe.Transport(), Now: now})
	require.NoError(t, err)
	pay, err := stripepay.New(client, stripepay.Config{Account: "acct_fake", Mode: commerce.Test})
	require.NoError(t, err)

	var accounts []erp.Account
	for _, code := range []string{"1090", "1095", "1405", "1999", "6800", "6960", "9000"} {
		accounts = append(accounts, erp.Account{Code: code})
	}
	v.erp, err = erptest.NewMemory(erptest.MemoryConfig{Now: now, Accounts: accounts, Journals: []string{"STRIPE"}, Taxes: []erp.Tax{{ID: "t19", Rate: commerce.MustDecimal("19")}}})
	require.NoError(t, err)
	ledger, err := erpbooks.New(v.erp, erpbooks.Config{System: "memory", Mode: erpbooks.Summary, Routes: mapping.Routes{{Name: "all", Mode: commerce.Test}},
		Taxes: map[string]mapping.TaxTable{"default": {{Rate: "19", IDs: []string{"t19"}}}},
		Charts: map[string]erpbooks.Chart{"default": {Chart: reconcile.Chart{Company: "EUR", Journal: "STRIPE", Account: "acct_fake", Suspense: "1999", DisputeLoss: "6960",
			Clearing: map[commerce.Currency]string{"EUR": "1090"}, Transit: map[commerce.Currency]string{"EUR": "1095"},
			Categories: map[string]string{"fee": "6800", "dispute": "1405"}, Fees: map[string]string{"stripe_fee": "6800"}}}}})
	require.NoError(t, err)
	require.NoError(t, ledger.Check(t.Context()).Err())

	store, steps := inbox.NewMemory(inbox.MemoryConfig{Now: now}), idempotency.NewMemory(now)
	orders := &workflow.OrderToCash{Shop: magentoLane(t, store).shop, Payments: pay, Books: ledger, Steps: steps,
		Links: inbox.Links{Store: store}, IgnoreUnlinked: true, StartAt: start, Now: now}
	v.books = &workflow.Books{Shops: []*workflow.OrderToCash{orders}, Ledger: ledger, Balance: pay, Account: "acct_fake", Mode: workflow.Summary, Suspense: true, Wait: time.Hour}
	payouts := &workflow.Payouts{Ledger: ledger, Balance: pay, Steps: steps, Links: orders.Links, Account: "acct_fake", Mode: workflow.Summary, StartAt: start, Now: now}
	activity, err := stripepay.NewActivity(pay, stripepay.ActivityConfig{From: start})
	require.NoError(t, err)
	paid, err := stripepay.NewPayouts(pay, stripepay.PayoutsConfig{})
	require.NoError(t, err)
	v.inbox, err = inbox.New(store, inbox.Config{Now: now, MaxAge: 60 * 24 * time.Hour, Handlers: inbox.Merge(orders.Handlers(), v.books.Handlers(), payouts.Handlers()),
		Feeds: []inbox.FeedConfig{{Name: "activity", Feed: activity}, {Name: "payouts", Feed: paid}}})
	require.NoError(t, err)
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: commerce.Static([]commerce.Secret{commerce.NewSecret("whsec_fake")}), Account: "acct_fake", Mode: commerce.Test, Now: now})
	require.NoError(t, err)
	v.hook = v.inbox.Receive(hook)
	return v
}

// day lets a day pass with what happens on it, and works what is told of it.
func (v *vault) day(happens ...func()) {
	v.t.Helper()
	for _, f := range happens {
		f()
	}
	for range 4 {
		v.clock = v.clock.Add(6 * time.Hour)
		v.stripe.Tick()
		if v.clock.Before(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)) {
			continue
		}
		v.work()
	}
}

func (v *vault) work() {
	v.t.Helper()
	for d := range v.stripe.Deliveries(stripetest.DeliveryOptions{}) {
		if d.Type != "charge.dispute.closed" {
			continue // the feeds tell all else
		}
		req, err := d.Request(v.t.Context(), "https://program.test/hook")
		require.NoError(v.t, err)
		answer := httptest.NewRecorder()
		v.hook.ServeHTTP(answer, req)
		require.Equal(v.t, http.StatusOK, answer.Code, "%s: %s", d.Type, answer.Body)
		v.stripe.Acknowledge(d.Event)
	}
	_, err := v.inbox.Poll(v.t.Context())
	require.NoError(v.t, err)
	for n := 1; n > 0; {
		n, err = v.inbox.Work(v.t.Context())
		require.NoError(v.t, err)
	}
}

func (v *vault) sell(amount int64) (charge string) {
	v.t.Helper()
	pi, err := v.stripe.Pay(stripetest.Purchase{Amount: amount, Currency: "eur"})
	require.NoError(v.t, err)
	return pi.LatestCharge.ID
}

func (v *vault) balance(account string, on commerce.Date) commerce.Money {
	v.t.Helper()
	b, err := v.erp.AccountBalance(v.t.Context(), account, on)
	require.NoError(v.t, err)
	return b.Own
}

func TestBooksBeginAndAMonthIsClosedOverTheRealAdapters(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	day := func(n int) commerce.Date { return commerce.Date{Year: 2026, Month: 11, Day: n} }
	october := commerce.Date{Year: 2026, Month: 10, Day: 31}
	eur := func(minor int64) commerce.Money { return commerce.MustMoney(minor, "EUR") }

	// October, of which people have booked what they pleased.
	v.day(func() { v.sell(10_000) })
	v.day(func() { v.sell(5_000) })
	v.day()
	v.day()
	v.stripe.FailPayouts(1)
	v.day(func() { require.Len(t, v.stripe.PayOut(), 1) }) // on the 30th; at the bank on the 1st, and then it fails
	v.day(func() { v.sell(2_000) })
	_, err := v.erp.PostEntry(t.Context(), commerce.JournalEntry{Key: "by hand", Journal: "STRIPE", Date: october, Text: "what people booked", Lines: []commerce.JournalLine{
		{Account: "1090", Debit: eur(777), Credit: eur(0)}, {Account: "9000", Debit: eur(0), Credit: eur(777)}}})
	require.NoError(t, err)

	opened, err := v.books.Open(t.Context(), workflow.Opening{Account: "9000"})
	require.NoError(t, err)
	require.Equal(t, eur(777), opened[0].Booked)
	require.Equal(t, opened[0].Balance, v.balance("1090", october))
	require.Equal(t, opened[0].Sent, v.balance("1095", october))
	require.Equal(t, eur(15_000-2*25-150-75), opened[0].Sent)

	// November.
	var disputed string
	v.day(func() { disputed = v.sell(3_000) })
	var dispute stripe.Dispute
	v.day(func() { dispute, err = v.stripe.Dispute(disputed, stripetest.Claim{}); require.NoError(t, err) })
	v.day(func() { require.Len(t, v.stripe.PayOut(), 1) })
	v.day(func() { _, err := v.stripe.Bill(450, "eur", "Radar"); require.NoError(t, err) })
	v.day(func() { _, err := v.stripe.ResolveDispute(dispute.ID, false); require.NoError(t, err) })
	for range 20 {
		v.day(func() { v.sell(1_234) })
	}
	v.day(func() { require.Len(t, v.stripe.PayOut(), 1) })
	for range 6 {
		v.day()
	}
	for e, err := range v.inbox.List(t.Context(), inbox.Filter{States: []inbox.State{inbox.Dead}}) {
		require.NoError(t, err)
		require.Fail(t, "dead", "%s %s: %s", e.Event.Type, e.Event.Object, e.Reason)
	}
	again, err := v.books.Open(t.Context(), workflow.Opening{Account: "9000"})
	require.NoError(t, err)
	require.Equal(t, opened, again)
	require.NoError(t, v.books.Revalue(t.Context(), day(30)))

	view, err := v.books.Month(t.Context(), reconcile.MonthInput{Month: day(1)})
	require.NoError(t, err)
	require.Len(t, view.Balances, 1)
	got := view.Balances[0]
	require.Equal(t, opened[0].Balance, got.Opening)
	require.True(t, got.Clearing.Proved(), "%+v", got.Clearing)
	require.True(t, got.Clearing.Entries.Known && got.Clearing.Ledger.Known && got.Clearing.Stated.Known)
	end := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	require.Equal(t, v.stripe.Net(end)["eur"], got.Closing.Minor())
	require.Equal(t, eur(0), v.balance("1405", day(30)), "the claim")
	require.Equal(t, eur(3_000), v.balance("6960", day(30)), "is a loss")
	require.Len(t, view.Suspense, 21)

	// The control: an entry by hand.
	_, err = v.erp.PostEntry(t.Context(), commerce.JournalEntry{Key: "by hand too", Journal: "STRIPE", Date: day(12), Text: "oops", Lines: []commerce.JournalLine{
		{Account: "1090", Debit: eur(0), Credit: eur(5)}, {Account: "9000", Debit: eur(5), Credit: eur(0)}}})
	require.NoError(t, err)
	view, err = v.books.Month(t.Context(), reconcile.MonthInput{Month: day(1)})
	require.NoError(t, err)
	ledger := view.Balances[0].Clearing.Ledger
	require.Equal(t, []any{day(12), eur(-5)}, []any{ledger.First, ledger.Off})
	require.True(t, view.Balances[0].Clearing.Entries.First.IsZero())
}
