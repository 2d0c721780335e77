package stripetest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

const day = 24 * time.Hour

func client(t *testing.T, fake *stripetest.Fake) *stripe.Client {
	t.Helper()
	c, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk")), Transport: fake.Transport(),
		Resilience: resilience.Config{Retry: resilience.Retry{Attempts: 1}}})
	require.NoError(t, err)
	return c
}

func keyed[P interface{ SetIdempotencyKey(string) }](key string, p P) P {
	p.SetIdempotencyKey(key)
	return p
}

func pay(t *testing.T, fake *stripetest.Fake, amount int64, m stripetest.Method) stripe.Charge {
	t.Helper()
	intent, err := fake.Pay(stripetest.Purchase{Amount: amount, Currency: "eur", Method: m})
	require.NoError(t, err)
	require.NotNil(t, intent.LatestCharge.Object)
	return *intent.LatestCharge.Object
}

func kinds(fake *stripetest.Fake, after int) (out []string) {
	for _, e := range fake.Events()[after:] {
		out = append(out, e.Type)
	}
	return out
}

// sum is the balance of one currency, available and pending.
func sum(t *testing.T, c *stripe.Client) (available, pending int64) {
	t.Helper()
	b, err := c.Balance.Get(t.Context())
	require.NoError(t, err)
	for _, a := range b.Available {
		available += a.Amount
	}
	for _, a := range b.Pending {
		pending += a.Amount
	}
	return available, pending
}

func TestARefundEndsAsItsMethodSays(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		method stripetest.Method
		first  string
		then   string
		events []string // of API version Newest
	}{
		{stripetest.Card, "succeeded", "succeeded", nil},
		{stripetest.CardRefundPending, "pending", "succeeded", []string{"refund.updated", "charge.refund.updated"}},
		{stripetest.CardRefundFails, "succeeded", "failed", []string{"refund.updated", "charge.refund.updated", "refund.failed"}},
		{stripetest.DebitRefundFails, "pending", "failed", []string{"refund.updated", "charge.refund.updated", "refund.failed"}},
	} {
		t.Run(string(tc.method), func(t *testing.T) {
			t.Parallel()
			fake, _, now := start(t, stripetest.Config{APIVersion: stripetest.Newest})
			c := client(t, fake)
			charge := pay(t, fake, 1000, tc.method)
			now.Advance(10 * day)
			fake.Tick()
			r, err := c.Refunds.Create(t.Context(), keyed("r", &stripe.RefundParams{Charge: &charge.ID, Amount: new(int64(400))}))
			require.NoError(t, err)
			require.Equal(t, tc.first, r.Status)
			seen := len(fake.Events())
			available, pending := sum(t, c)
			now.Advance(5 * day)
			r, err = c.Refunds.Get(t.Context(), r.ID, "failure_balance_transaction")
			require.NoError(t, err)
			require.Equal(t, tc.then, r.Status)
			require.Equal(t, tc.events, kinds(fake, seen))
			got := fake.Charges()[0]
			after, _ := sum(t, c)
			if tc.then == "failed" {
				require.Equal(t, int64(400), r.FailureBalanceTransaction.Object.Net)
				require.NotEmpty(t, r.FailureReason)
				require.Zero(t, got.AmountRefunded)
				require.Equal(t, available+pending+400, after)
			} else {
				require.Equal(t, int64(400), got.AmountRefunded)
				require.Equal(t, available+pending, after)
			}
		})
	}
}

func TestADisputeMovesMoneyOnlyWhenItIsOne(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		method stripetest.Method
		won    bool
		txns   []int64 // nets
		status string
		events []string
	}{
		{"lost", stripetest.CardDisputed, false, []int64{-3000}, "lost",
			[]string{"charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed"}},
		{"won", stripetest.CardNotReceived, true, []int64{-3000, 1000}, "won",
			[]string{"charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated", "charge.dispute.closed"}},
		{"an inquiry", stripetest.CardInquiry, true, nil, "warning_closed", []string{"charge.dispute.created", "charge.dispute.closed"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			fake, _, _ := start(t, stripetest.Config{})
			c := client(t, fake)
			charge := pay(t, fake, 1000, tc.method)
			d := fake.Disputes()[0]
			require.Equal(t, charge.ID, d.Charge.ID)
			require.True(t, fake.Charges()[0].Disputed)
			_, err := c.Refunds.Create(t.Context(), keyed("r", &stripe.RefundParams{Charge: &charge.ID, Amount: new(int64(1))}))
			if d.Refundable {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, commerce.ErrInvalid)
				require.Equal(t, "refund_disputed_payment", err.(*commerce.Error).Code)
			}
			_, err = fake.ResolveDispute(d.ID, tc.won)
			require.NoError(t, err)
			got, err := c.Disputes.Get(t.Context(), d.ID)
			require.NoError(t, err)
			require.Equal(t, tc.status, got.Status)
			var nets []int64
			for _, txn := range got.BalanceTransactions {
				nets = append(nets, txn.Net)
				source, err := c.BalanceTransactions.Get(t.Context(), txn.ID, "source")
				require.NoError(t, err)
				origin, err := source.Origin()
				require.NoError(t, err)
				require.Equal(t, d.ID, origin.(*stripe.Dispute).ID)
			}
			require.Equal(t, tc.txns, nets)
			var events []string
			for _, e := range kinds(fake, 0) {
				if len(e) > 14 && e[:14] == "charge.dispute" {
					events = append(events, e)
				}
			}
			require.Equal(t, tc.events, events)
			_, err = fake.ResolveDispute(d.ID, tc.won)
			require.ErrorIs(t, err, commerce.ErrConflict)
		})
	}
}

func TestADisputeIsAnsweredOnceOrGivenUp(t *testing.T) {
	t.Parallel()
	fake, _, _ := start(t, stripetest.Config{})
	c := client(t, fake)
	pay(t, fake, 1000, stripetest.CardDisputed)
	pay(t, fake, 1000, stripetest.CardDisputed)
	first, second := fake.Disputes()[0].ID, fake.Disputes()[1].ID
	evidence := &stripe.DisputeParams{}
	evidence.AddExtra("evidence[shipping_tracking_number]", "1Z")
	d, err := c.Disputes.Update(t.Context(), first, keyed("e", evidence))
	require.NoError(t, err)
	require.Equal(t, "under_review", d.Status)
	require.Equal(t, int64(1), d.EvidenceDetails.SubmissionCount)
	_, err = c.Disputes.Update(t.Context(), first, keyed("e2", evidence))
	require.ErrorIs(t, err, commerce.ErrInvalid)

	d, err = c.Disputes.Close(t.Context(), second, keyed("c", &stripe.DisputeParams{}))
	require.NoError(t, err)
	require.Equal(t, "lost", d.Status)
	_, err = c.Disputes.Close(t.Context(), second, keyed("c2", &stripe.DisputeParams{}))
	require.ErrorIs(t, err, commerce.ErrInvalid)
}

// rows are the balance transactions of a payout, and what they add up to.
func rows(t *testing.T, c *stripe.Client, payout string) (n int, nets, others int64) {
	t.Helper()
	for txn, err := range c.BalanceTransactions.List(t.Context(), &stripe.BalanceTransactionListParams{Payout: &payout}) {
		require.NoError(t, err)
		n++
		nets += txn.Net
		if string(txn.Source) != payout {
			others += txn.Net
		}
	}
	return n, nets, others
}

func TestAnAutomaticPayoutIsExactlyItsTransactions(t *testing.T) {
	t.Parallel()
	fake, _, now := start(t, stripetest.Config{})
	c := client(t, fake)
	one := pay(t, fake, 10_000, stripetest.Card)
	pay(t, fake, 20_000, stripetest.Card)
	require.Empty(t, fake.PayOut(), "nothing is available yet")
	now.Advance(2 * day)
	pay(t, fake, 5_000, stripetest.Card) // still pending when the others are paid out
	available, pending := sum(t, c)

	made := fake.PayOut()
	require.Len(t, made, 1)
	require.True(t, made[0].Automatic)
	require.Equal(t, available, made[0].Amount)
	n, nets, others := rows(t, c, made[0].ID)
	require.Equal(t, 3, n)
	require.Zero(t, nets)
	require.Equal(t, made[0].Amount, others)
	left, same := sum(t, c)
	require.Zero(t, left)
	require.Equal(t, pending, same)
	require.Empty(t, fake.PayOut(), "nothing is paid out twice")

	now.Advance(2 * day)
	p, err := c.Payouts.Get(t.Context(), made[0].ID)
	require.NoError(t, err)
	require.Equal(t, "paid", p.Status)
	require.Equal(t, "completed", p.ReconciliationStatus)

	// The money is at the bank when refunds and disputes come: the next payout is negative.
	_, err = c.Refunds.Create(t.Context(), keyed("r", &stripe.RefundParams{Charge: &one.ID}))
	require.NoError(t, err)
	now.Advance(2 * day)
	next := fake.PayOut()
	require.Len(t, next, 1)
	require.Negative(t, next[0].Amount)
	_, nets, others = rows(t, c, next[0].ID)
	require.Zero(t, nets)
	require.Equal(t, next[0].Amount, others)
}

func TestAFailedPayoutsMoneyRidesInALaterOne(t *testing.T) {
	t.Parallel()
	fake, _, now := start(t, stripetest.Config{})
	c := client(t, fake)
	pay(t, fake, 10_000, stripetest.Card)
	now.Advance(2 * day)
	fake.FailPayouts(1)
	first := fake.PayOut()[0]
	now.Advance(2 * day)
	p, err := c.Payouts.Get(t.Context(), first.ID)
	require.NoError(t, err)
	require.Equal(t, "paid", p.Status)
	now.Advance(day)
	p, err = c.Payouts.Get(t.Context(), first.ID, "failure_balance_transaction")
	require.NoError(t, err)
	require.Equal(t, "failed", p.Status)
	require.Equal(t, "account_closed", p.FailureCode)
	require.Equal(t, first.Amount, p.FailureBalanceTransaction.Object.Net)
	n, nets, _ := rows(t, c, first.ID)
	require.Equal(t, 2, n, "its rows stay its own")
	require.Zero(t, nets)
	second := fake.PayOut()[0]
	require.Equal(t, first.Amount, second.Amount)
	_, nets, others := rows(t, c, second.ID)
	require.Zero(t, nets)
	require.Equal(t, second.Amount, others)
	require.Subset(t, kinds(fake, 0), []string{"payout.created", "payout.paid", "payout.reconciliation_completed", "payout.failed"})
}

func TestAManualPayoutTakesWhatIsAvailableAndNobodyKnowsWhatIsInside(t *testing.T) {
	t.Parallel()
	fake, _, now := start(t, stripetest.Config{})
	c := client(t, fake)
	pay(t, fake, 10_000, stripetest.Card)
	create := func(key, method string, amount int64) (*stripe.Payout, error) {
		return c.Payouts.Create(t.Context(), keyed(key, &stripe.PayoutParams{Amount: &amount, Currency: new("eur"), Method: &method}))
	}
	_, err := create("early", "standard", 100)
	require.Equal(t, "balance_insufficient", err.(*commerce.Error).Code)
	now.Advance(2 * day)
	before, _ := sum(t, c)

	p, err := create("a", "standard", 4000)
	require.NoError(t, err)
	require.Equal(t, "pending", p.Status)
	require.False(t, p.Automatic)
	n, _, _ := rows(t, c, p.ID)
	require.Zero(t, n)
	p, err = c.Payouts.Cancel(t.Context(), p.ID, keyed("b", &stripe.PayoutParams{}))
	require.NoError(t, err)
	require.Equal(t, "canceled", p.Status)
	after, _ := sum(t, c)
	require.Equal(t, before, after)

	p, err = create("c", "instant", 4000)
	require.NoError(t, err)
	now.Advance(time.Hour)
	p, err = c.Payouts.Get(t.Context(), p.ID)
	require.NoError(t, err)
	require.Equal(t, "paid", p.Status)
	_, err = c.Payouts.Cancel(t.Context(), p.ID, keyed("d", &stripe.PayoutParams{}))
	require.ErrorIs(t, err, commerce.ErrInvalid)
	back, err := c.Payouts.Reverse(t.Context(), p.ID, keyed("e", &stripe.PayoutReverseParams{}))
	require.NoError(t, err)
	require.Equal(t, int64(-4000), back.Amount)
	require.Equal(t, p.ID, string(back.OriginalPayout))
	after, _ = sum(t, c)
	require.Equal(t, before-40, after, "what an instant payout costs is a row of its own")
}

func TestAScheduleTellsWhatIsAvailableAndPaysItOutByCurrency(t *testing.T) {
	t.Parallel()
	fake, c, now := start(t, stripetest.Config{PayoutTime: day, ReconcileTime: 2 * day})
	fake.PayOutEvery(day)
	for _, currency := range []string{"eur", "usd", "eur"} {
		_, err := fake.Pay(stripetest.Purchase{Amount: 1000, Currency: currency})
		require.NoError(t, err)
	}
	seen := len(fake.Events())
	now.Advance(2*day - time.Second)
	fake.Tick()
	require.Empty(t, kinds(fake, seen))
	now.Advance(time.Second)
	require.Equal(t, []string{"balance.available", "payout.created", "payout.created"}, kinds(fake, seen))
	made := fake.Payouts()
	require.Equal(t, []string{"eur", "usd"}, []string{made[0].Currency, made[1].Currency})
	require.Equal(t, int64(2*(1000-40)), made[0].Amount)
	now.Advance(day)
	p, err := c.Payouts.Get(t.Context(), made[0].ID)
	require.NoError(t, err)
	require.Equal(t, []string{"paid", "in_progress"}, []string{p.Status, p.ReconciliationStatus}, "paid, and not yet known what is in it")
	now.Advance(day)
	p, err = c.Payouts.Get(t.Context(), made[0].ID)
	require.NoError(t, err)
	require.Equal(t, "completed", p.ReconciliationStatus)
	require.Equal(t, []string{"payout.paid", "payout.paid", "payout.reconciliation_completed", "payout.reconciliation_completed"}, kinds(fake, seen+3))

	fake.PayOutEvery(0)
	_, err = fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur"})
	require.NoError(t, err)
	now.Advance(5 * day)
	require.Len(t, fake.Payouts(), 2, "from now on by hand")
}

func TestARefundIsExchangedAtTheRateOfItsDay(t *testing.T) {
	t.Parallel()
	fake, c, now := start(t, stripetest.Config{Settlement: "usd", Rates: map[string]string{"eur": "1.10"}})
	charge := pay(t, fake, 10_000, stripetest.Card)
	before := now.Now().Add(time.Second)
	now.Advance(day)
	fake.Exchange("eur", "1.20")
	_, err := c.Refunds.Create(t.Context(), keyed("r", &stripe.RefundParams{Charge: &charge.ID}))
	require.NoError(t, err)
	rows := fake.BalanceTransactions()
	require.Equal(t, int64(11_000), rows[0].Amount)
	require.Equal(t, "1.20", rows[1].ExchangeRate.String())
	require.Equal(t, int64(-12_000), rows[1].Amount)
	require.Equal(t, map[string]int64{"usd": rows[0].Net}, fake.Net(before))
	require.Equal(t, map[string]int64{"usd": rows[0].Net - 12_000}, fake.Net(now.Now().Add(time.Second)))
	fake.Exchange("eur", "")
	pay(t, fake, 100, stripetest.Card)
	require.Equal(t, "eur", fake.BalanceTransactions()[2].Currency)
}

func TestAListMayShowARowLate(t *testing.T) {
	t.Parallel()
	fake, c, now := start(t, stripetest.Config{ListLag: time.Hour})
	for range 20 {
		pay(t, fake, 1000, stripetest.Card)
	}
	shown := func() (n int) {
		for _, err := range c.BalanceTransactions.List(t.Context(), nil) {
			require.NoError(t, err)
			n++
		}
		return n
	}
	require.Zero(t, shown())
	now.Advance(30 * time.Minute)
	n := shown()
	require.Greater(t, n, 0)
	require.Less(t, n, 20)
	now.Advance(30 * time.Minute)
	require.Equal(t, 20, shown())
}

// Whatever happens, the balance is the sum of its transactions, and each is net of its fee.
func TestTheBalanceIsTheSumOfItsTransactions(t *testing.T) {
	t.Parallel()
	fake, _, now := start(t, stripetest.Config{APIVersion: stripetest.Newest})
	c := client(t, fake)
	for i, m := range []stripetest.Method{stripetest.Card, stripetest.CardDisputed, stripetest.CardRefundFails, stripetest.Debit, stripetest.DebitReturned, stripetest.CardDeclined} {
		_, err := fake.Pay(stripetest.Purchase{Amount: int64(1000 * (i + 1)), Currency: "eur", Method: m})
		require.NoError(t, err)
		now.Advance(3 * day)
		fake.FailPayouts(i % 2)
		fake.PayOut()
		for _, charge := range fake.Charges() {
			if charge.Captured && !charge.Disputed && charge.Status == "succeeded" && charge.AmountRefunded == 0 {
				_, err := c.Refunds.Create(t.Context(), keyed("r"+charge.ID, &stripe.RefundParams{Charge: &charge.ID, Amount: new(int64(100))}))
				require.NoError(t, err)
			}
		}
		total := int64(0)
		for _, txn := range fake.BalanceTransactions() {
			require.Equal(t, txn.Amount-txn.Fee, txn.Net)
			total += txn.Net
		}
		available, pending := sum(t, c)
		require.Equal(t, total, available+pending)
	}
}
