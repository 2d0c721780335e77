package stripetest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	stripego "github.com/stripe/stripe-go/v76"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// till is a fake with a product, and a client that numbers its keys.
type till struct {
	t       *testing.T
	fake    *stripetest.Fake
	c       *stripe.Client
	now     interface{ Advance(time.Duration) }
	keys    int
	monthly string // price
	once    string // price
}

func open(t *testing.T, config stripetest.Config) *till {
	t.Helper()
	fake, c, now := start(t, config)
	s := &till{t: t, fake: fake, c: c, now: now}
	product := must(c.Products.Create(t.Context(), &stripe.ProductParams{Params: s.key(), Name: new("Tulips")}))(t)
	s.once = must(c.Prices.Create(t.Context(), &stripe.PriceParams{Params: s.key(), Product: &product.ID, Currency: new("eur"), UnitAmount: new(int64(500))}))(t).ID
	s.monthly = must(c.Prices.Create(t.Context(), &stripe.PriceParams{Params: s.key(), Product: &product.ID, Currency: new("eur"), UnitAmount: new(int64(3100)),
		Recurring: &stripego.PriceRecurringParams{Interval: new("month")}}))(t).ID
	return s
}

func (s *till) key() stripego.Params {
	s.keys++
	return stripego.Params{IdempotencyKey: new(fmt.Sprint("key-", s.keys))}
}

// must unwraps an answer.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		require.NoError(t, err)
		return v
	}
}

func everyOne[T any](t *testing.T, seq iter.Seq2[T, error]) (out []T) {
	t.Helper()
	for v, err := range seq {
		require.NoError(t, err)
		out = append(out, v)
	}
	return out
}

// buyer makes a customer who pays with a method; empty = none.
func (s *till) buyer(m stripetest.Method) string {
	s.t.Helper()
	ctx := s.t.Context()
	c := must(s.c.Customers.Create(ctx, &stripe.CustomerParams{Params: s.key(), Email: new("a@shop.example"), Name: new("Ada")}))(s.t)
	if m != "" {
		s.pays(c.ID, m)
	}
	return c.ID
}

// pays gives a customer a method to pay all with.
func (s *till) pays(customer string, m stripetest.Method) string {
	s.t.Helper()
	ctx := s.t.Context()
	pm := must(s.c.PaymentMethods.Attach(ctx, string(m), &stripe.PaymentMethodAttachParams{Params: s.key(), Customer: &customer}))(s.t)
	must(s.c.Customers.Update(ctx, customer, &stripe.CustomerParams{Params: s.key(),
		InvoiceSettings: &stripego.CustomerInvoiceSettingsParams{DefaultPaymentMethod: &pm.ID}}))(s.t)
	return pm.ID
}

// bill makes a draft with one line.
func (s *till) bill(customer string, amount int64) string {
	s.t.Helper()
	ctx := s.t.Context()
	in := must(s.c.Invoices.Create(ctx, &stripe.InvoiceParams{Params: s.key(), Customer: &customer, Currency: new("eur")}))(s.t)
	must(s.c.InvoiceItems.Create(ctx, &stripe.InvoiceItemParams{Params: s.key(), Customer: &customer, Invoice: &in.ID, Amount: &amount, Currency: new("eur")}))(s.t)
	return in.ID
}

func (s *till) invoice(id string, expand ...string) *stripe.Invoice {
	s.t.Helper()
	return must(s.c.Invoices.Get(s.t.Context(), id, expand...))(s.t)
}

func (s *till) subscription(id string) *stripe.Subscription {
	s.t.Helper()
	return must(s.c.Subscriptions.Get(s.t.Context(), id, "latest_invoice"))(s.t)
}

// count counts the events of a type.
func (s *till) count(kind string) (n int) {
	for _, e := range s.fake.Events() {
		if e.Type == kind {
			n++
		}
	}
	return n
}

func TestADeletedCustomerIsReadAsDeletedAndTakesNothingNew(t *testing.T) {
	t.Parallel()
	s := open(t, stripetest.Config{})
	ctx := t.Context()
	id := s.buyer(stripetest.Card)
	sub := must(s.c.Subscriptions.Create(ctx, &stripe.SubscriptionParams{Params: s.key(), Customer: &id, Items: []*stripe.SubscriptionItemParams{{Price: &s.monthly}}}))(t)
	p := s.key()
	require.NoError(t, s.c.Customers.Delete(ctx, id, &p))
	c := must(s.c.Customers.Get(ctx, id))(t)
	require.True(t, c.Deleted)
	require.Empty(t, c.Email)
	require.Equal(t, "canceled", s.subscription(sub.ID).Status)
	require.Empty(t, everyOne(t, s.c.Customers.List(ctx, nil)))
	_, err := s.c.Invoices.Create(ctx, &stripe.InvoiceParams{Params: s.key(), Customer: &id})
	require.ErrorIs(t, err, commerce.ErrInvalid, "a parameter names it")
	_, err = s.c.Customers.Update(ctx, id, &stripe.CustomerParams{Params: s.key(), Name: new("Eve")})
	require.ErrorIs(t, err, commerce.ErrNotFound)
	require.Equal(t, 1, s.count("customer.deleted"))
}

func TestAPaymentMethodBelongsToOneCustomerUntilItIsDetached(t *testing.T) {
	t.Parallel()
	s := open(t, stripetest.Config{})
	ctx := t.Context()
	ada, bob := s.buyer(""), s.buyer("")
	pm := s.pays(ada, stripetest.Card)
	require.Len(t, everyOne(t, s.c.Customers.PaymentMethods(ctx, ada, nil)), 1)
	require.Empty(t, everyOne(t, s.c.Customers.PaymentMethods(ctx, bob, nil)))
	_, err := s.c.PaymentMethods.Attach(ctx, pm, &stripe.PaymentMethodAttachParams{Params: s.key(), Customer: &bob})
	require.ErrorIs(t, err, commerce.ErrInvalid)
	_, err = s.c.PaymentIntents.Create(ctx, &stripe.PaymentIntentParams{Params: s.key(), Amount: new(int64(900)), Currency: new("eur"), Customer: &bob,
		PaymentMethod: &pm, Confirm: new(true)})
	require.ErrorIs(t, err, commerce.ErrInvalid, "it is Ada's")
	i := must(s.c.PaymentIntents.Create(ctx, &stripe.PaymentIntentParams{Params: s.key(), Amount: new(int64(900)), Currency: new("eur"), Customer: &ada,
		PaymentMethod: &pm, Confirm: new(true)}))(t)
	require.Equal(t, "succeeded", i.Status)
	deep := must(s.c.PaymentIntents.Get(ctx, i.ID, "latest_charge.customer.invoice_settings.default_payment_method"))(t)
	require.Equal(t, "Ada", deep.LatestCharge.Object.Customer.Object.Name)
	require.Contains(t, string(deep.Raw), `"object":"payment_method"`, "four levels down")
	must(s.c.PaymentMethods.Detach(ctx, pm, &stripe.PaymentMethodDetachParams{Params: s.key()}))(t)
	require.Empty(t, everyOne(t, s.c.Customers.PaymentMethods(ctx, ada, nil)))
}

func TestASetupIntentSucceedsFailsOrWaitsForTheShopper(t *testing.T) {
	t.Parallel()
	s := open(t, stripetest.Config{})
	ctx := t.Context()
	ada := s.buyer("")
	set := func(m stripetest.Method) (*stripe.SetupIntent, error) {
		i := must(s.c.SetupIntents.Create(ctx, &stripe.SetupIntentParams{Params: s.key(), Customer: &ada}))(t)
		_, err := s.c.SetupIntents.Confirm(ctx, i.ID, &stripe.SetupIntentConfirmParams{Params: s.key(), PaymentMethod: new(string(m))})
		return must(s.c.SetupIntents.Get(ctx, i.ID))(t), err
	}
	done, err := set(stripetest.Card)
	require.NoError(t, err)
	require.Equal(t, "succeeded", done.Status)
	require.Len(t, everyOne(t, s.c.Customers.PaymentMethods(ctx, ada, nil)), 1)

	failed, err := set(stripetest.CardLost)
	require.ErrorIs(t, err, commerce.ErrDeclined)
	require.Equal(t, "requires_payment_method", failed.Status)
	require.NotNil(t, failed.LastSetupError)

	for passed, want := range map[bool]string{true: "succeeded", false: "requires_payment_method"} {
		waits, err := set(stripetest.CardAuthentication)
		require.NoError(t, err)
		require.Equal(t, "requires_action", waits.Status)
		after := must(s.fake.AuthenticateSetup(waits.ID, passed))(t)
		require.Equal(t, want, after.Status)
	}
	_, err = s.c.SetupIntents.Cancel(ctx, done.ID, &stripe.SetupIntentCancelParams{Params: s.key()})
	require.ErrorIs(t, err, commerce.ErrInvalid)
}

func TestAnInvoiceGoesFromDraftToItsEnd(t *testing.T) {
	t.Parallel()
	s := open(t, stripetest.Config{})
	ctx := t.Context()
	ada := s.buyer(stripetest.Card)
	final := func() string {
		id := s.bill(ada, 1000)
		in := must(s.c.Invoices.Finalize(ctx, id, &stripe.InvoiceFinalizeParams{Params: s.key()}))(t)
		require.Equal(t, "open", in.Status)
		require.NotEmpty(t, in.Number)
		require.Equal(t, int64(1000), in.AmountRemaining)
		return id
	}
	paid := must(s.c.Invoices.Pay(ctx, final(), &stripe.InvoicePayParams{Params: s.key()}))(t)
	require.True(t, paid.Paid)
	i := must(s.c.PaymentIntents.Get(ctx, string(paid.PaymentIntent)))(t)
	require.Equal(t, "succeeded", i.Status)
	require.Equal(t, int64(1000), i.AmountReceived)
	_, err := s.c.Invoices.Pay(ctx, paid.ID, &stripe.InvoicePayParams{Params: s.key()})
	require.ErrorIs(t, err, commerce.ErrInvalid)

	cash := must(s.c.Invoices.Pay(ctx, final(), &stripe.InvoicePayParams{Params: s.key(), PaidOutOfBand: new(true)}))(t)
	require.Equal(t, "paid", cash.Status)
	require.Len(t, s.fake.Charges(), 1, "no money moves")

	void := must(s.c.Invoices.Void(ctx, final(), &stripe.InvoiceVoidParams{Params: s.key()}))(t)
	require.Equal(t, "void", void.Status)
	lost := must(s.c.Invoices.MarkUncollectible(ctx, final(), &stripe.InvoiceMarkUncollectibleParams{Params: s.key()}))(t)
	require.Equal(t, "uncollectible", lost.Status)
	late := must(s.c.Invoices.Pay(ctx, lost.ID, &stripe.InvoicePayParams{Params: s.key()}))(t)
	require.Equal(t, "paid", late.Status, "what was given up can still be paid")
	for kind, n := range map[string]int{"invoice.created": 4, "invoice.finalized": 4, "invoice.paid": 3, "invoice.voided": 1, "invoice.marked_uncollectible": 1} {
		require.Equal(t, n, s.count(kind), kind)
	}
}

func TestAnInvoiceThatIsDeclinedStaysOpenAndCanBePaidAnotherWay(t *testing.T) {
	t.Parallel()
	s := open(t, stripetest.Config{})
	ctx := t.Context()
	id := s.bill(s.buyer(""), 1000)
	_, err := s.c.Invoices.Pay(ctx, id, &stripe.InvoicePayParams{Params: s.key(), PaymentMethod: new(string(stripetest.CardDeclined))})
	require.ErrorIs(t, err, commerce.ErrDeclined)
	in := s.invoice(id)
	require.Equal(t, "open", in.Status)
	require.Equal(t, 1, s.count("invoice.payment_failed"))
	_, err = s.c.Invoices.Pay(ctx, id, &stripe.InvoicePayParams{Params: s.key(), PaymentMethod: new(string(stripetest.CardAuthentication))})
	require.Error(t, err)
	require.Equal(t, 1, s.count("invoice.payment_action_required"))
	must(s.fake.Authenticate(string(in.PaymentIntent), true))(t)
	require.Equal(t, "paid", s.invoice(id).Status)
}

func TestCreditOfTheCustomerPaysFirst(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name               string
		balance, due, left int64
	}{
		{"less than the invoice", -300, 700, 0},
		{"more than the invoice", -1500, 0, -500},
		{"a debt is collected with it", 200, 1200, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, stripetest.Config{})
			ctx := t.Context()
			ada := s.buyer(stripetest.Card)
			must(s.c.Customers.Update(ctx, ada, &stripe.CustomerParams{Params: s.key(), Balance: &tc.balance}))(t)
			id := s.bill(ada, 1000)
			in := must(s.c.Invoices.Pay(ctx, id, &stripe.InvoicePayParams{Params: s.key()}))(t)
			require.Equal(t, "paid", in.Status)
			require.Equal(t, tc.due, in.AmountDue)
			require.Equal(t, tc.balance, in.StartingBalance)
			require.Equal(t, tc.left, *must(s.c.Customers.Get(ctx, ada))(t).Balance)
			charged := int64(0)
			for _, c := range s.fake.Charges() {
				charged += c.Amount
			}
			require.Equal(t, tc.due, charged)
		})
	}
}

func TestASubscriptionRenewsFailsIsRetriedAndEnds(t *testing.T) {
	t.Parallel()
	s := open(t, stripetest.Config{})
	ctx := t.Context()
	ada := s.buyer(stripetest.Card)
	sub := must(s.c.Subscriptions.Create(ctx, &stripe.SubscriptionParams{Params: s.key(), Customer: &ada,
		Items: []*stripe.SubscriptionItemParams{{Price: &s.monthly, Quantity: new(int64(2))}}}))(t)
	require.Equal(t, "active", sub.Status)
	for range 2 {
		s.now.Advance(31*day + 2*time.Hour)
	}
	got := s.subscription(sub.ID)
	require.Equal(t, "active", got.Status)
	require.Greater(t, got.CurrentPeriodEnd.Time(), sub.CurrentPeriodEnd.Time())
	invoices := everyOne(t, s.c.Invoices.List(ctx, &stripe.InvoiceListParams{Subscription: &sub.ID}))
	require.Len(t, invoices, 3)
	for _, in := range invoices {
		require.Equal(t, "paid", in.Status)
		require.Equal(t, int64(6200), in.AmountPaid)
	}
	s.pays(ada, stripetest.CardInsufficientFunds)
	s.now.Advance(31 * day)
	require.Equal(t, "past_due", s.subscription(sub.ID).Status)
	s.pays(ada, stripetest.Mastercard)
	s.now.Advance(4 * day)
	require.Equal(t, "active", s.subscription(sub.ID).Status, "a retry recovers it")
	s.pays(ada, stripetest.CardInsufficientFunds)
	s.now.Advance(60 * day)
	end := s.subscription(sub.ID)
	require.Equal(t, "canceled", end.Status)
	require.NotZero(t, end.EndedAt)
	require.Equal(t, "open", end.LatestInvoice.Object.Status)
	require.Equal(t, 5, s.count("invoice.payment_failed"))
	require.Equal(t, 1, s.count("customer.subscription.deleted"))
}

func TestASubscriptionBeginsAsItsFirstPaymentDoes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		method   stripetest.Method
		behavior string
		wait     time.Duration
		status   string
	}{
		{"a card that pays", stripetest.Card, "", 0, "active"},
		{"a card that is declined", stripetest.CardDeclined, "", 0, "incomplete"},
		{"and not mended within a day", stripetest.CardDeclined, "", day, "incomplete_expired"},
		{"a card that asks", stripetest.CardAuthentication, "", 0, "incomplete"},
		{"a payment that the page makes", stripetest.Card, "default_incomplete", 0, "incomplete"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, stripetest.Config{})
			ada := s.buyer(tc.method)
			p := &stripe.SubscriptionParams{Params: s.key(), Customer: &ada, Items: []*stripe.SubscriptionItemParams{{Price: &s.monthly}}}
			if tc.behavior != "" {
				p.PaymentBehavior = &tc.behavior
			}
			sub := must(s.c.Subscriptions.Create(t.Context(), p))(t)
			s.now.Advance(tc.wait)
			got := s.subscription(sub.ID)
			require.Equal(t, tc.status, got.Status)
			if tc.status != "incomplete" {
				return
			}
			_, err := s.fake.PayIntent(string(got.LatestInvoice.Object.PaymentIntent), stripetest.Mastercard)
			if tc.method == stripetest.CardAuthentication {
				_, err = s.fake.PayIntent(string(got.LatestInvoice.Object.PaymentIntent), stripetest.Mastercard)
				require.Error(t, err)
				err = nil
			}
			require.NoError(t, err)
			require.Equal(t, "active", s.subscription(sub.ID).Status)
		})
	}
}

func TestATrialCostsNothingAndEndsAsItWasToldTo(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, method, missing, status string }{
		{"with a card", string(stripetest.Card), "", "active"},
		{"without, and paused", "", "pause", "paused"},
		{"without, and canceled", "", "cancel", "canceled"},
		{"without, and billed", "", "create_invoice", "past_due"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, stripetest.Config{})
			ada := s.buyer(stripetest.Method(tc.method))
			p := &stripe.SubscriptionParams{Params: s.key(), Customer: &ada, Items: []*stripe.SubscriptionItemParams{{Price: &s.monthly}}, TrialPeriodDays: new(int64(14))}
			if tc.missing != "" {
				p.TrialSettings = &stripego.SubscriptionTrialSettingsParams{EndBehavior: &stripego.SubscriptionTrialSettingsEndBehaviorParams{MissingPaymentMethod: &tc.missing}}
			}
			sub := must(s.c.Subscriptions.Create(t.Context(), p))(t)
			require.Equal(t, "trialing", sub.Status)
			require.Empty(t, s.fake.PaymentIntents())
			s.now.Advance(14*day + 2*time.Hour)
			require.Equal(t, tc.status, s.subscription(sub.ID).Status)
			require.Equal(t, 1, s.count("customer.subscription.trial_will_end"))
			if tc.status == "paused" {
				s.pays(ada, stripetest.Card)
				got := must(s.c.Subscriptions.Resume(t.Context(), sub.ID, &stripe.SubscriptionResumeParams{Params: s.key()}))(t)
				require.Equal(t, "active", got.Status)
				require.Len(t, s.fake.Charges(), 1)
			}
		})
	}
}

func TestASubscriptionIsChangedPausedAndEndedByItsPeriod(t *testing.T) {
	t.Parallel()
	s := open(t, stripetest.Config{})
	ctx := t.Context()
	ada := s.buyer(stripetest.Card)
	sub := must(s.c.Subscriptions.Create(ctx, &stripe.SubscriptionParams{Params: s.key(), Customer: &ada, Items: []*stripe.SubscriptionItemParams{{Price: &s.monthly}}}))(t)
	s.now.Advance(15 * day) // of 30
	must(s.c.Subscriptions.Update(ctx, sub.ID, &stripe.SubscriptionParams{Params: s.key(),
		Items: []*stripe.SubscriptionItemParams{{ID: &sub.Items.Data[0].ID, Quantity: new(int64(3))}}}))(t)
	pending := everyOne(t, s.c.InvoiceItems.List(ctx, &stripe.InvoiceItemListParams{Customer: &ada, Pending: new(true)}))
	require.Len(t, pending, 2)
	require.Equal(t, int64(4650-1550), pending[0].Amount+pending[1].Amount, "half a month of three, less half a month of one")
	next := must(s.c.Invoices.Upcoming(ctx, &stripe.InvoiceUpcomingParams{Subscription: &sub.ID}))(t)
	require.Equal(t, int64(3*3100+3100), next.Total)

	must(s.c.Subscriptions.Update(ctx, sub.ID, &stripe.SubscriptionParams{Params: s.key(), PauseCollection: &stripego.SubscriptionPauseCollectionParams{Behavior: new("void")}}))(t)
	s.now.Advance(16 * day)
	paused := s.subscription(sub.ID)
	require.Equal(t, "active", paused.Status)
	require.Equal(t, "void", paused.LatestInvoice.Object.Status)
	require.Len(t, s.fake.Charges(), 1)

	must(s.c.Subscriptions.Update(ctx, sub.ID, &stripe.SubscriptionParams{Params: s.key(), CancelAtPeriodEnd: new(true)}))(t)
	require.Equal(t, "active", s.subscription(sub.ID).Status)
	s.now.Advance(31 * day)
	require.Equal(t, "canceled", s.subscription(sub.ID).Status)
	require.Empty(t, everyOne(t, s.c.Subscriptions.List(ctx, nil)))
	require.Len(t, everyOne(t, s.c.Subscriptions.List(ctx, &stripe.SubscriptionListParams{Status: new("all")})), 1)
}

func TestACreditNoteLowersWhatIsDueOrGivesMoneyBack(t *testing.T) {
	t.Parallel()
	s := open(t, stripetest.Config{})
	ctx := t.Context()
	ada := s.buyer(stripetest.Card)
	id := s.bill(ada, 1000)
	must(s.c.Invoices.Finalize(ctx, id, &stripe.InvoiceFinalizeParams{Params: s.key()}))(t)
	before := must(s.c.CreditNotes.Create(ctx, &stripe.CreditNoteParams{Params: s.key(), Invoice: &id, Amount: new(int64(400))}))(t)
	require.Equal(t, "pre_payment", before.Type)
	require.Equal(t, int64(600), s.invoice(id).AmountRemaining)
	must(s.c.CreditNotes.Void(ctx, before.ID, &stripe.CreditNoteVoidParams{Params: s.key()}))(t)
	require.Equal(t, int64(1000), s.invoice(id).AmountRemaining)
	must(s.c.CreditNotes.Create(ctx, &stripe.CreditNoteParams{Params: s.key(), Invoice: &id, Amount: new(int64(100))}))(t)
	must(s.c.Invoices.Pay(ctx, id, &stripe.InvoicePayParams{Params: s.key()}))(t)
	require.Equal(t, int64(900), s.fake.Charges()[0].Amount)

	_, err := s.c.CreditNotes.Create(ctx, &stripe.CreditNoteParams{Params: s.key(), Invoice: &id, Amount: new(int64(500)), RefundAmount: new(int64(100))})
	require.ErrorIs(t, err, commerce.ErrInvalid, "the parts must be the whole")
	after := must(s.c.CreditNotes.Create(ctx, &stripe.CreditNoteParams{Params: s.key(), Invoice: &id, Amount: new(int64(500)),
		RefundAmount: new(int64(300)), CreditAmount: new(int64(200))}))(t)
	require.Equal(t, "post_payment", after.Type)
	require.Len(t, after.Refunds, 1)
	require.Equal(t, int64(300), s.fake.Refunds()[0].Amount)
	require.Equal(t, int64(-200), *must(s.c.Customers.Get(ctx, ada))(t).Balance)
	_, err = s.c.CreditNotes.Create(ctx, &stripe.CreditNoteParams{Params: s.key(), Invoice: &id, Amount: new(int64(401)), OutOfBandAmount: new(int64(401))})
	require.ErrorIs(t, err, commerce.ErrInvalid, "no more than the invoice")
	require.Len(t, everyOne(t, s.c.CreditNotes.List(ctx, &stripe.CreditNoteListParams{Invoice: &id})), 3)
	require.Len(t, everyOne(t, s.c.CreditNotes.Lines(ctx, after.ID, nil)), 1)
}

func TestAPaymentLinkMakesASessionForEachVisit(t *testing.T) {
	t.Parallel()
	s := open(t, stripetest.Config{})
	ctx := t.Context()
	link := must(s.c.PaymentLinks.Create(ctx, &stripe.PaymentLinkParams{Params: s.key(), Metadata: map[string]string{"shop": "1"},
		LineItems: []*stripego.PaymentLinkLineItemParams{{Price: &s.once, Quantity: new(int64(3))}}}))(t)
	for range 2 {
		visit := must(s.fake.VisitLink(link.ID))(t)
		require.Equal(t, int64(1500), *visit.AmountTotal)
		require.Equal(t, "1", visit.Metadata["shop"])
		must(s.fake.PaySession(visit.ID, stripetest.Card))(t)
	}
	require.Len(t, s.fake.Charges(), 2)
	require.Len(t, everyOne(t, s.c.CheckoutSessions.List(ctx, &stripe.CheckoutSessionListParams{PaymentLink: &link.ID})), 2)
	require.Len(t, everyOne(t, s.c.PaymentLinks.Lines(ctx, link.ID, nil)), 1)
	must(s.c.PaymentLinks.Update(ctx, link.ID, &stripe.PaymentLinkParams{Params: s.key(), Active: new(false)}))(t)
	_, err := s.fake.VisitLink(link.ID)
	require.ErrorIs(t, err, commerce.ErrConflict)
}

func TestTaxIsComputedBookedAndReversedToTheCent(t *testing.T) {
	t.Parallel()
	s := open(t, stripetest.Config{})
	ctx := t.Context()
	calc := must(s.c.TaxCalculations.Create(ctx, &stripe.TaxCalculationParams{Params: s.key(), Currency: new("eur"),
		CustomerDetails: &stripego.TaxCalculationCustomerDetailsParams{AddressSource: new("billing"), Address: &stripego.AddressParams{Country: new("DE")}},
		LineItems: []*stripego.TaxCalculationLineItemParams{
			{Amount: new(int64(1000)), Reference: new("a")}, {Amount: new(int64(1190)), Reference: new("b"), TaxBehavior: new("inclusive")}}}))(t)
	require.Equal(t, int64(190), calc.TaxExclusive)
	require.Equal(t, int64(190), calc.TaxInclusive)
	require.Equal(t, int64(2380), calc.AmountTotal)
	book := func(ref string) (*stripe.TaxTransaction, error) {
		return s.c.TaxTransactions.Create(ctx, &stripe.TaxTransactionCreateParams{Params: s.key(), Calculation: &calc.ID, Reference: &ref})
	}
	sale := must(book("order-1"))(t)
	_, err := book("order-1")
	require.ErrorIs(t, err, commerce.ErrInvalid)
	back := must(s.c.TaxTransactions.Reverse(ctx, &stripe.TaxTransactionReverseParams{Params: s.key(), Mode: new("partial"), OriginalTransaction: &sale.ID,
		Reference: new("back-1"), FlatAmount: new(int64(-1190))}))(t)
	tax, amount := int64(0), int64(0)
	for _, l := range everyOne(t, s.c.TaxTransactions.Lines(ctx, back.ID, nil)) {
		tax += l.AmountTax
		amount += l.Amount
	}
	require.Equal(t, int64(-190), tax)
	require.Equal(t, int64(-1190+95), amount)
	s.now.Advance(91 * day)
	_, err = book("order-2")
	require.ErrorIs(t, err, commerce.ErrInvalid, "a calculation expires")
}

func TestSearchUnderstandsTheQueryLanguageAndLags(t *testing.T) {
	t.Parallel()
	s := open(t, stripetest.Config{IndexLag: time.Minute})
	ctx := t.Context()
	for i := range 25 {
		must(s.c.Customers.Create(ctx, &stripe.CustomerParams{Params: s.key(), Email: new(fmt.Sprintf("b%d@shop.example", i)), Name: new("Bob Builder"),
			Metadata: map[string]string{"shop": fmt.Sprint(i % 5), "order \"17\"": "x"}}))(t)
	}
	found := func(query string) int { return len(everyOne(t, s.c.Customers.Search(ctx, query))) }
	require.Zero(t, found(`metadata["shop"]:"1"`), "the index lags")
	s.now.Advance(2 * time.Minute)
	for query, want := range map[string]int{
		`metadata["shop"]:"1"`: 5, `-metadata["shop"]:"1"`: 20, `email:"B7@shop.example"`: 1, `metadata["shop"]:"1" OR metadata["shop"]:"2"`: 10,
		`metadata["shop"]:"1" AND email:"b1@shop.example"`: 1, `name~"build"`: 25, `created>0`: 25, `created<0`: 0, `metadata["none"]:null`: 25,
		`metadata["order \"17\""]:"x"`: 25, `phone:null`: 25,
	} {
		require.Equal(t, want, found(query), query)
	}
	for _, query := range []string{`tulips:"1"`, `email`, `email:"a" AND name:"b" OR name:"c"`, `email:"a`, `metadata:"a"`, `name~"bo"`} {
		for _, err := range s.c.Customers.Search(ctx, query) {
			require.ErrorIs(t, err, commerce.ErrInvalid, query)
		}
	}
}

func TestListsPageFilterAndRefuseInBothDirections(t *testing.T) {
	t.Parallel()
	s := open(t, stripetest.Config{})
	ctx := t.Context()
	var ids []string
	for range 12 {
		ids = append(ids, s.buyer(""))
		s.now.Advance(time.Second)
	}
	list := func(p stripego.ListParams, created *stripego.RangeQueryParams) (out []string) {
		for _, c := range everyOne(t, s.c.Customers.List(ctx, &stripe.CustomerListParams{ListParams: p, CreatedRange: created})) {
			out = append(out, c.ID)
		}
		return out
	}
	require.Len(t, list(stripego.ListParams{Limit: new(int64(5))}, nil), 12)
	require.Equal(t, ids[9:], list(stripego.ListParams{EndingBefore: &ids[8]}, nil))
	require.Equal(t, []string{ids[1], ids[0]}, list(stripego.ListParams{StartingAfter: &ids[2]}, nil))
	at := must(s.c.Customers.Get(ctx, ids[6]))(t).Created
	require.Len(t, list(stripego.ListParams{}, &stripego.RangeQueryParams{GreaterThan: int64(at)}), 5)
}

func TestWhatIsRefusedIsRefusedInStripesWords(t *testing.T) {
	t.Parallel()
	s := open(t, stripetest.Config{})
	ada := s.buyer("")
	for form, want := range map[string]struct {
		path  string
		code  int
		error string
		param string
	}{
		"customer=cus_none":                      {"/v1/invoices", 400, "resource_missing", "customer"},
		"":                                       {"/v1/invoices", 400, "parameter_missing", "customer"},
		"tulips=many":                            {"/v1/customers", 400, "parameter_unknown", "tulips"},
		"customer=" + ada:                        {"/v1/subscriptions", 400, "parameter_missing", "items"},
		"customer=" + ada + "&items[0][price]=p": {"/v1/subscriptions", 400, "resource_missing", "items[0][price]"},
		"name=x":                                 {"/v1/products/none", 404, "resource_missing", "id"},
		"currency=eur":                           {"/v1/prices", 400, "parameter_missing", "unit_amount"},
		"metadata[a]=" + string(make([]byte, 501)): {"/v1/customers", 400, "", "metadata[a]"},
		"expand[]=a.b.c.d.e":                       {"/v1/customers", 400, "", "expand"},
	} {
		status, e := refused(t, s.fake, want.path, form)
		require.Equal(t, want.code, status, form)
		require.Equal(t, want.param, e["param"], form)
		if want.error != "" {
			require.Equal(t, want.error, e["code"], form)
		}
	}
}

func refused(t *testing.T, fake *stripetest.Fake, path, form string) (int, map[string]any) {
	t.Helper()
	status, body := send(t, fake, http.MethodPost, path, form)
	e, _ := body["error"].(map[string]any)
	return status, e
}

func TestAKeyRepeatedMakesOneInvoice(t *testing.T) {
	t.Parallel()
	s := open(t, stripetest.Config{})
	ada := s.buyer("")
	p := s.key()
	make := func(ctx context.Context) string {
		return must(s.c.Invoices.Create(ctx, &stripe.InvoiceParams{Params: p, Customer: &ada}))(t).ID
	}
	require.Equal(t, make(t.Context()), make(t.Context()))
	require.Len(t, everyOne(t, s.c.Invoices.List(t.Context(), nil)), 1)
}

func send(t *testing.T, fake *stripetest.Fake, method, path, form string) (status int, out map[string]any) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(form))
	r.Header.Set("Authorization", "Bearer sk")
	w := httptest.NewRecorder()
	fake.ServeHTTP(w, r)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &out))
	return w.Code, out
}
