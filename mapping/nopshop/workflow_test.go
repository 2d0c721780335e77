package nopshop_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erptest"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/mapping/nopshop"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
	"github.com/commercesync/commerce/workflow"
)

// program is order to cash and payment failed, wired as a user wires them, over the
// fakes of shop, Stripe and ERP. It runs in a bubble of synctest.
type program struct {
	world
	t      *testing.T
	stripe *stripetest.Fake
	erp    *erptest.Memory
	in     *inbox.Inbox
	hook   http.Handler
	bell
}

type bell struct{ rung []workflow.Exception }

func (b *bell) Exception(_ context.Context, x workflow.Exception) { b.rung = append(b.rung, x) }

// started is a program and an order of 2 cups and a pot that nobody has paid.
func started(t *testing.T, change ...func(*nopcommercetest.NewOrder)) *program {
	t.Helper()
	n := cups()
	n.TaxPercent, n.Currency = "19", "EUR"
	for _, c := range change {
		c(&n)
	}
	p := &program{t: t, world: placed(t, n, nopshop.Config{Account: "main", Mode: commerce.Test, Settle: time.Minute,
		Methods: map[string]nopshop.Method{nopcommercetest.StripeElement: {Charges: nopshop.Customer, Truncates: true}}})}
	var err error
	p.stripe, err = stripetest.New(stripetest.Config{Account: "acct_1", WebhookSecret: "whsec_1"})
	require.NoError(t, err)
	p.erp, err = erptest.NewMemory(erptest.MemoryConfig{Taxes: []erp.Tax{{ID: "t19", Rate: commerce.MustDecimal("19")}},
		Products: []erp.Product{{SKU: "CUP", Stocked: true}, {SKU: "POT", Stocked: true}}})
	require.NoError(t, err)
	pays, err := stripe.NewClient(stripe.Config{Transport: p.stripe.Transport(), Credentials: commerce.Static(commerce.NewSecret("sk_test_1"))})
	require.NoError(t, err)
	pay, err := stripepay.New(pays, stripepay.Config{Account: "acct_1", Mode: commerce.Test, Metadata: nopshop.Metadata()})
	require.NoError(t, err)
	books, err := erpbooks.New(p.erp, erpbooks.Config{System: "memory", Settle: time.Minute,
		Routes: mapping.Routes{{Name: "all", Shop: "main", Mode: commerce.Test, Company: "1"}},
		Taxes:  map[string]mapping.TaxTable{"default": {{Rate: "19", IDs: []string{"t19"}}, {Rate: "0"}}}})
	require.NoError(t, err)
	store, steps := inbox.NewMemory(inbox.MemoryConfig{}), idempotency.NewMemory(nil)
	links := inbox.Links{Store: store}
	orders := &workflow.OrderToCash{Shop: p.shop, Payments: pay, Books: books, Warehouse: books, Steps: steps, Links: links, Alerter: &p.bell}
	failed := &workflow.PaymentFailed{Shop: p.shop, Payments: pay, Steps: steps, Links: links, Alerter: &p.bell}
	require.NoError(t, errors.Join(orders.Check(), failed.Check()))
	p.in, err = inbox.New(store, inbox.Config{Handlers: inbox.Merge(orders.Handlers(), failed.Handlers()),
		Feeds: []inbox.FeedConfig{{Name: "warehouse", Feed: books, Every: time.Minute}}})
	require.NoError(t, err)
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: commerce.Static([]commerce.Secret{commerce.NewSecret("whsec_1")}),
		Account: "acct_1", Mode: commerce.Test})
	require.NoError(t, err)
	p.hook = p.in.Receive(hook)
	return p
}

// pay is the shop's plugin at Stripe. What it writes into the shop is up to the test.
func (p *program) pay(m stripetest.Method) stripe.PaymentIntent {
	p.t.Helper()
	asked, err := p.far.Charge(p.id)
	require.NoError(p.t, err)
	i, err := p.stripe.Pay(stripetest.Purchase{Amount: asked.Amount, Currency: asked.Currency, Method: m, Metadata: asked.Metadata})
	require.NoError(p.t, err)
	return i
}

// run delivers webhooks, polls the warehouse and works: so many times, so long apart.
func (p *program) run(times int, apart time.Duration) {
	p.t.Helper()
	for range times {
		for d := range p.stripe.Deliveries(stripetest.DeliveryOptions{}) {
			r, err := d.Request(p.t.Context(), "https://us.example/hook")
			require.NoError(p.t, err)
			answer := httptest.NewRecorder()
			p.hook.ServeHTTP(answer, r)
			require.Equal(p.t, http.StatusOK, answer.Code)
			p.stripe.Acknowledge(d.Event)
		}
		_, err := p.in.Poll(p.t.Context())
		require.NoError(p.t, err)
		for n := 1; n > 0; {
			n, err = p.in.Work(p.t.Context())
			require.NoError(p.t, err)
		}
		p.ship()
		<-time.After(apart)
	}
	for e, err := range p.in.List(p.t.Context(), inbox.Filter{}) {
		require.NoError(p.t, err)
		require.Contains(p.t, []inbox.State{inbox.Done, inbox.Ignored}, e.State, "%s %s", e.Event.Type, e.Reason)
	}
}

// ship is the people in the warehouse.
func (p *program) ship() {
	for _, o := range p.erp.Orders() {
		if o.State == erp.Confirmed {
			_, _ = p.erp.Ship(o.Ref, []commerce.Parcel{{Carrier: "UPS", Tracking: "1Z9"}})
		}
	}
}

func (p *program) attribute(key string) string {
	for _, a := range p.far.Attributes("Order", p.id) {
		if *a.Key == key {
			return *a.Value
		}
	}
	return ""
}

func (p *program) notes(with string) (n int) {
	for _, x := range p.far.Notes(p.id) {
		if strings.Contains(*x.Note, with) {
			n++
		}
	}
	return n
}

// paid requires that the order went through, and each thing once.
func (p *program) paid(intent string) {
	p.t.Helper()
	o := p.read(p.t)
	require.Equal(p.t, intent, o.PaymentID)
	require.Equal(p.t, o.Totals.Gross, o.Paid)
	require.Equal(p.t, 1, p.notes("["+intent+"]"))
	require.Equal(p.t, intent, p.attribute("commerce_payment"))
	require.Len(p.t, p.far.Effects(p.id, nopcommercetest.EffectPaid), 1)
	require.Empty(p.t, p.far.Effects(p.id, nopcommercetest.EffectCaptured, nopcommercetest.EffectVoided, nopcommercetest.EffectRefunded))
	sales := p.erp.Orders()
	require.Len(p.t, sales, 1)
	require.Equal(p.t, o.Totals.Gross, sales[0].Totals.Gross)

	require.Len(p.t, p.far.Effects(p.id, nopcommercetest.EffectShipped), 1)
	shipments := p.far.Shipments(p.id)
	require.Len(p.t, shipments, 1)
	require.Equal(p.t, "1Z9", *shipments[0].TrackingNumber)
	quantities := 0
	for _, i := range p.far.ShipmentItems(shipments[0].ID) {
		quantities += i.Quantity
	}
	require.Equal(p.t, 3, quantities)
	row, _ := p.far.Order(p.id)
	require.Equal(p.t, int(nopcommerce.Shipped), row.ShippingStatusID)
	require.Equal(p.t, commerce.MustDecimal("2"), o.Lines[0].Shipped)
	require.Empty(p.t, p.rung)
}

func TestOrderToCashRunsOverThisShop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := started(t)
		i := p.pay(stripetest.Card)
		p.run(15, 4*time.Minute)
		p.paid(i.ID)
		o := p.read(t)
		require.Equal(t, commerce.Currency("EUR"), o.Currency)
		require.NotEqual(t, o.Totals, o.BaseTotals)
	})
}

// The payment and the buyer's goods end well whichever write fails once, and however.
func TestOrderToCashEndsWellWhicheverAnswerIsLost(t *testing.T) {
	t.Parallel()
	page := nopcommercetest.StackTrace()
	faults := map[string]nopcommercetest.Fault{
		"refused":               {Kind: nopcommercetest.Refused},
		"stalled before":        {Kind: nopcommercetest.Stalled},
		"answer lost":           {Kind: nopcommercetest.Lost},
		"answer cut":            {Kind: nopcommercetest.Half},
		"stack trace before":    page,
		"stack trace after":     {Kind: nopcommercetest.AfterEffect, Status: page.Status, Header: page.Header, Body: page.Body},
		"proxy's page before":   nopcommercetest.Restarting(),
		"late, after our while": {Kind: nopcommercetest.Late, Delay: 70 * time.Second},
	}
	for _, path := range []string{"/GenericAttribute/SaveAttribute/", "/OrderNote/Create", "/OrderProcessing/MarkOrderAsPaid/",
		"/Shipment/Create", "/ShipmentItem/Create", "/OrderProcessing/Ship/"} {
		for name, f := range faults {
			t.Run(strings.Trim(path, "/")+" "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					p := started(t)
					hit := 0
					f.Times = 1
					f.Match = func(r *http.Request) bool {
						if strings.Contains(r.URL.Path, path) {
							hit++
							return true
						}
						return false
					}
					p.far.Fail(f)
					i := p.pay(stripetest.Card)
					p.run(15, 4*time.Minute)
					require.Positive(t, hit)
					p.paid(i.ID)
				})
			})
		}
	}
}

func TestAPaymentThatFailedIsANoteAndAnAttributeAndNeverVoided(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := started(t)
		i := p.pay(stripetest.CardInsufficientFunds)
		p.run(15, 4*time.Minute)
		row, _ := p.far.Order(p.id)
		require.Equal(t, int(nopcommerce.OrderPending), row.OrderStatusID)
		require.Equal(t, int(nopcommerce.PaymentPending), row.PaymentStatusID)
		require.Empty(t, p.far.Effects(p.id))
		require.Equal(t, 1, p.notes("[failed "+i.ID+"]"))
		require.Contains(t, p.attribute("commerce_note_failed"), "insufficient_funds")
		found, err := clientOf(t, p.far).Orders.Count(t.Context(), nopcommerce.OrderParams{Note: "[failed " + i.ID + "]"})
		require.NoError(t, err)
		require.Equal(t, 1, found)
		require.Empty(t, p.erp.Orders())
	})
}

func TestAFailureAfterAPaymentDemotesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := started(t)
		p.pay(stripetest.CardDeclined)
		i := p.pay(stripetest.Card)
		p.run(15, 4*time.Minute)
		p.paid(i.ID)
		require.Zero(t, p.notes("[failed "))
	})
}

func TestWhatTheShopsOwnPluginRecordedIsFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := started(t)
		i := p.pay(stripetest.Card)
		require.NoError(t, p.far.Charged(nopcommercetest.StripeResult{Order: p.id, Intent: i.ID, Charge: "ch_9"}))
		p.run(15, 4*time.Minute)
		effects := p.far.Effects(p.id, nopcommercetest.EffectPaid)
		require.Len(t, effects, 1)
		require.Equal(t, nopcommercetest.ByPlugin, effects[0].By)
		require.Empty(t, p.attribute("commerce_payment"), "the plugin's own fields say it")
		require.Equal(t, i.ID, p.read(t).PaymentID)
		require.Len(t, p.erp.Orders(), 1)
	})
}

func TestADebitThatIsTakenBackHoldsTheOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := started(t)
		p.erp.SetStock("CUP", 0)
		p.pay(stripetest.DebitReturned)
		p.run(10*24, time.Hour)
		require.Equal(t, commerce.OrderOnHold, p.read(t).State)
		require.Equal(t, "held", p.attribute("commerce_hold"))
		require.Equal(t, 1, p.notes("[held]"))
		require.True(t, slices.ContainsFunc(p.rung, func(x workflow.Exception) bool { return x.Name == workflow.PaymentReturned }))
	})
}

func TestAChargeInAnotherCurrencyIsReportedAndNothingIsPosted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := started(t)
		asked, err := p.far.Charge(p.id)
		require.NoError(t, err)
		for _, wrong := range []stripetest.Purchase{
			{Amount: asked.Amount + 1, Currency: asked.Currency, Metadata: asked.Metadata},
			{Amount: asked.Amount, Currency: "usd", Metadata: asked.Metadata},
		} {
			_, err := p.stripe.Pay(wrong)
			require.NoError(t, err)
		}
		for d := range p.stripe.Deliveries(stripetest.DeliveryOptions{}) {
			r, err := d.Request(t.Context(), "https://us.example/hook")
			require.NoError(t, err)
			p.hook.ServeHTTP(httptest.NewRecorder(), r)
		}
		for n := 1; n > 0; {
			n, err = p.in.Work(t.Context())
			require.NoError(t, err)
		}
		reasons := ""
		for e, err := range p.in.List(t.Context(), inbox.Filter{States: []inbox.State{inbox.Dead}}) {
			require.NoError(t, err)
			reasons += fmt.Sprintln(e.Reason)
		}
		require.Contains(t, reasons, "amount_mismatch")
		require.Contains(t, reasons, "currency_mismatch")
		require.Empty(t, p.far.Effects(p.id))
		require.Empty(t, p.erp.Orders())
	})
}
