package workflow

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
)

func TestADeclinedPaymentWaitsAndThenTheOrderAndTheCustomerHearOfIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.order("1")
	o.payment("1", []string{"1"}, status(commerce.PaymentFailed))
	o.news("evt_1", "charge.failed", "pi_1")
	o.news("evt_2", "payment_intent.payment_failed", "pi_1")
	o.wait(9 * time.Minute)
	require.Empty(t, o.inventory())
	o.wait(2 * time.Minute)
	require.Equal(t, []string{"mail order/1 payment_failed", "note order/1 failed pi_1"}, o.inventory())
	o.news("evt_3", "payment_intent.payment_failed", "pi_1") // tried again, declined again
	o.work()
	require.Equal(t, []string{"mail order/1 payment_failed", "note order/1 failed pi_1"}, o.inventory())
	require.Empty(t, o.dead(), o.reason())
}

func TestAFailureIsDroppedWhereThingsAreBetterByThen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(o *office)
	}{
		{"paid by the same intent", func(o *office) { status(commerce.PaymentCaptured)(o.payments["pi_1"]) }},
		{"paid by another", func(o *office) {
			o.payment("2", []string{"1"})
			o.news("evt_2", "charge.succeeded", "pi_2")
		}},
		{"authorised by another", func(o *office) {
			o.payment("2", []string{"1"}, status(commerce.PaymentAuthorised))
			o.news("evt_2", "charge.succeeded", "pi_2")
		}},
		{"a bank debit is on its way", func(o *office) {
			o.payment("2", []string{"1"}, status(commerce.PaymentPending))
			o.news("evt_2", "charge.pending", "pi_2")
		}},
		{"a part is paid and the rest is on its way", func(o *office) {
			o.payment("2", []string{"1"}, amount(eur(4000)), gets(eur(4000)))
			o.payment("3", []string{"1"}, amount(eur(2600)), gets(eur(2600)), status(commerce.PaymentPending))
			o.news("evt_2", "charge.succeeded", "pi_2")
			o.news("evt_3", "charge.pending", "pi_3")
		}},
		{"the buyer is at it", func(o *office) { status(commerce.PaymentAction)(o.payments["pi_1"]) }},
		{"it was a way to pay of our own that nobody took", func(o *office) {
			status(commerce.PaymentCanceled)(o.payments["pi_1"])
			o.payments["pi_1"].Metadata["commerce_operation"] = keyCollect("request", shopRef.With("order/1"), 1)
		}},
		{"the order is canceled", func(o *office) { o.orders[shopRef.With("order/1")].State = commerce.OrderCanceled }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.order("1")
			o.payment("1", []string{"1"}, status(commerce.PaymentFailed))
			o.news("evt_1", "payment_intent.payment_failed", "pi_1")
			o.wait(time.Minute)
			c.change(o)
			o.work()
			require.Zero(t, o.made["mail order/1 payment_failed"])
			require.Zero(t, o.made["note order/1 failed pi_1"])
			require.Empty(t, o.dead(), o.reason())
		})
	}
}

func TestAFailedPaymentForTwoOrdersTellsBoth(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.order("1")
	o.order("2")
	o.payment("1", []string{"1", "2"}, amount(eur(13200)), gets(eur(6600), eur(6600)), status(commerce.PaymentFailed))
	o.news("evt_1", "payment_intent.payment_failed", "pi_1")
	o.work()
	require.Equal(t, []string{"mail order/1 payment_failed", "mail order/2 payment_failed",
		"note order/1 failed pi_1", "note order/2 failed pi_1"}, o.inventory())
}

// notifier is a function that notifies.
type notifier func(context.Context, Message) error

func (f notifier) Notify(ctx context.Context, m Message) error { return f(ctx, m) }

func TestAMailThatIsRefusedIsForPeopleAndOneThatMayHaveGoneNeedsADecision(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		err        *commerce.Error
		tries      int
		exceptions []string
		dead       []string
	}{
		{"refused for good", &commerce.Error{Kind: commerce.KindInvalid, Outcome: commerce.NotSent}, 1, []string{CustomerNotTold}, []string{}},
		{"the mail server is away", &commerce.Error{Kind: commerce.KindUnavailable, Outcome: commerce.NotSent}, 12, []string{}, []string{"too_many_attempts"}},
		{"nobody knows", &commerce.Error{Kind: commerce.KindUnavailable, Outcome: commerce.Unknown}, 1, []string{}, []string{"outcome_unknown"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tries := 0
			o := newOffice(t, func(o *office) {
				o.failed.Notifier = notifier(func(context.Context, Message) error { tries++; return c.err })
			})
			o.order("1")
			o.payment("1", []string{"1"}, status(commerce.PaymentFailed))
			o.news("evt_1", "payment_intent.payment_failed", "pi_1")
			o.work()
			require.Equal(t, c.tries, tries)
			require.Equal(t, c.exceptions, o.exceptions())
			require.Equal(t, c.dead, o.dead(), o.reason())
		})
	}
}

func (o *office) collect(change ...func(*Collect)) *Collect {
	c := &Collect{Shop: shopSide{o.world}, Payments: paySide{o.world}, Steps: o.steps, Links: o.o2c.Links,
		ReturnURL: "https://shop.example/thanks", CancelURL: "https://shop.example/cart", Now: o.now}
	for _, f := range change {
		f(c)
	}
	return c
}

func TestOneWayToPayIsOpenAtATime(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ref := o.order("1")
	c := o.collect()
	first, err := c.Open(t.Context(), ref)
	require.NoError(t, err)
	require.Equal(t, eur(6600), first.Amount)
	again, err := c.Open(t.Context(), ref)
	require.NoError(t, err)
	require.Equal(t, first, again)

	o.open(first.Ref).Status = mapping.OpenClosed // it expired
	second, err := c.Open(t.Context(), ref)
	require.NoError(t, err)
	require.NotEqual(t, first.Ref, second.Ref)
	require.Equal(t, 1, o.payable())

	o.payment("1", []string{"1"}, amount(eur(4000)), gets(eur(4000)))
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	third, err := c.Open(t.Context(), ref)
	require.NoError(t, err)
	require.Equal(t, eur(2600), third.Amount, "what is still due is asked for, and the older request is closed")
	require.Equal(t, 1, o.payable())
	require.NoError(t, c.Close(t.Context(), ref))
	require.NoError(t, c.Close(t.Context(), ref))
	require.Zero(t, o.payable())
}

func TestNothingIsAskedForWhereNothingIsToBeHad(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		arrange func(o *office)
		code    string
		kind    error
	}{
		{"canceled", func(o *office) { o.orders[shopRef.With("order/1")].State = commerce.OrderCanceled }, "not_payable", commerce.ErrConflict},
		{"in a state of a plugin", func(o *office) { o.orders[shopRef.With("order/1")].State = commerce.OrderUnknown }, "not_payable", commerce.ErrConflict},
		{"paid", func(o *office) { o.payment("1", []string{"1"}); o.news("e", "charge.succeeded", "pi_1"); o.work() }, "nothing_due", commerce.ErrConflict},
		{"a debit is on its way", func(o *office) {
			o.payment("1", []string{"1"}, status(commerce.PaymentPending))
			o.news("e", "charge.pending", "pi_1")
			o.work()
		}, "nothing_due", commerce.ErrConflict},
		{"no such order", func(o *office) { clear(o.orders) }, "", commerce.ErrNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			ref := o.order("1")
			c.arrange(o)
			_, err := o.collect().Open(t.Context(), ref)
			require.ErrorIs(t, err, c.kind)
			require.ErrorContains(t, err, c.code)
			require.Zero(t, o.payable())
		})
	}
	t.Run("and not without end", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		ref := o.order("1")
		c := o.collect(func(c *Collect) { c.MaxRequests = 2 })
		for range 2 {
			open, err := c.Open(t.Context(), ref)
			require.NoError(t, err)
			o.open(open.Ref).Status = mapping.OpenClosed
		}
		_, err := c.Open(t.Context(), ref)
		require.ErrorIs(t, err, commerce.ErrLimit)
		require.ErrorContains(t, err, "MaxRequests")
	})
}

func TestALostAnswerOpensNoSecondWayToPay(t *testing.T) {
	t.Parallel()
	for _, f := range []fault{refused, lost, nothing} {
		o := newOffice(t)
		ref := o.order("1")
		faults := 1
		o.fault = func(string) fault {
			if faults--; faults >= 0 {
				return f
			}
			return well
		}
		c := o.collect()
		_, err := c.Open(t.Context(), ref)
		require.Error(t, err)
		_, err = c.Open(t.Context(), ref)
		require.NoError(t, err)
		require.Equal(t, 1, o.payable())
		require.Equal(t, 1, o.made["request order/1"])
	}
}

func TestManyCallersGetOneWayToPay(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ref := o.order("1")
	c := o.collect()
	errs := make(chan error)
	for range 8 {
		go func() { _, err := c.Open(t.Context(), ref); errs <- err }()
	}
	for range 8 {
		if err := <-errs; err != nil {
			require.ErrorIs(t, err, commerce.ErrParked)
		}
	}
	require.Equal(t, 1, o.made["request order/1"])
}

func TestAnOrderPaidByOtherMeansClosesTheRequest(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(o *office) { o.o2c.Collect = o.collect() })
	ref := o.order("1")
	o.o2c.Collect.Steps = o.steps
	_, err := o.o2c.Collect.Open(t.Context(), ref)
	require.NoError(t, err)
	o.payment("1", []string{"1"})
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	require.Zero(t, o.payable())
	require.Empty(t, o.dead(), o.reason())
}

func TestARequestWhoseAnswerWasLostIsClosedToo(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(o *office) { o.o2c.Collect = o.collect() })
	ref := o.order("1")
	o.o2c.Collect.Steps = o.steps
	o.fault = func(string) fault { return lost }
	_, err := o.o2c.Collect.Open(t.Context(), ref)
	require.ErrorIs(t, err, commerce.ErrUnknown)
	require.Equal(t, 1, o.payable())
	o.fault = nil
	o.payment("1", []string{"1"})
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	require.Zero(t, o.payable())
	require.Equal(t, 1, o.made["request order/1"])
}

func TestARequestThatIsBeingPaidIsLeftOpen(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ref := o.order("1")
	c := o.collect()
	open, err := c.Open(t.Context(), ref)
	require.NoError(t, err)
	o.open(open.Ref).Status = mapping.OpenPaid
	require.NoError(t, c.Close(t.Context(), ref))
	require.Equal(t, mapping.OpenPaid, o.open(open.Ref).Status)
}

func TestAPaymentOfARequestMayBeLessThanTheDue(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ref := o.order("1")
	c := o.collect()
	o.payment("1", []string{"1"}, amount(eur(4000)), gets(eur(4000)))
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.wait(time.Minute)
	o.fault = func(string) fault { return lost } // made, and we do not know
	_, err := c.Open(t.Context(), ref)
	require.ErrorIs(t, err, commerce.ErrUnknown)
	o.fault = nil

	key := keyCollect("request", ref, 1)
	o.payment("2", []string{"1"}, amount(eur(2600)), func(p *commerce.Payment) { p.Metadata["commerce_operation"] = key })
	o.news("evt_2", "charge.succeeded", "pi_2")
	o.work()
	require.Empty(t, o.dead(), o.reason())
	require.Equal(t, sorted(journey), o.inventoryWithout("request order/1"))
	rec, err := o.steps.Get(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, idempotency.Done, rec.State, "the payment is evidence that the request was made")
}

func (o *office) inventoryWithout(what string) []string {
	delete(o.made, what)
	return o.inventory()
}

func TestARetryLinkIsSealed(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(o *office) {
		o.failed.Collect = o.collect(func(c *Collect) {
			c.PageURL, c.LinkKey = "https://pay.example/again", commerce.NewSecret("a key of our own")
		})
	})
	var sent Message
	o.failed.Notifier = notifier(func(_ context.Context, m Message) error { sent = m; return nil })
	ref := o.order("1")
	c := o.failed.Collect
	o.payment("1", []string{"1"}, status(commerce.PaymentFailed))
	o.news("evt_1", "payment_intent.payment_failed", "pi_1")
	o.work()
	require.Equal(t, c.Link(ref), sent.URL)
	require.Equal(t, eur(6600), sent.Due)
	require.Zero(t, o.payable(), "nothing is opened before the buyer wants it")

	get := func(url string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		c.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, url, nil))
		return rec
	}
	rec := get(sent.URL)
	require.Equal(t, http.StatusSeeOther, rec.Code)
	require.Equal(t, "https://pay.example/cs_1", rec.Header().Get("Location"))
	require.Equal(t, "https://pay.example/cs_1", get(sent.URL).Header().Get("Location"))

	o.order("2")
	forged := c.Link(ref)[:len("https://pay.example/again?order=")] + "bWFnZW50bw.AAAA"
	for _, url := range []string{forged, "https://pay.example/again", "https://pay.example/again?order=%21.%21"} {
		require.Equal(t, http.StatusNotFound, get(url).Code, url)
	}
	other := *c
	other.LinkKey = commerce.NewSecret("another key")
	require.Equal(t, http.StatusNotFound, get(other.Link(ref)).Code)

	o.orders[ref].State = commerce.OrderCanceled
	require.Equal(t, http.StatusGone, get(sent.URL).Code)
	gone := o.orders[ref]
	delete(o.orders, ref)
	require.Equal(t, http.StatusNotFound, get(sent.URL).Code)
	o.orders[ref] = gone
	o.orders[ref].State = commerce.OrderPending
	o.open(stripeRef.With("cs_1")).Status = mapping.OpenClosed
	o.fault = func(string) fault { return refused }
	require.Equal(t, http.StatusServiceUnavailable, get(sent.URL).Code)
	c.PageURL = ""
	require.Equal(t, http.StatusNotFound, get(sent.URL).Code)
}

func TestTheMessageLeadsToTheOpenSessionWhereThereIsNoPage(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(o *office) { o.failed.Collect = o.collect() })
	var sent Message
	o.failed.Notifier = notifier(func(_ context.Context, m Message) error { sent = m; return nil })
	o.order("1")
	o.payment("1", []string{"1"}, status(commerce.PaymentFailed))
	o.news("evt_1", "payment_intent.payment_failed", "pi_1")
	o.work()
	require.Equal(t, "https://pay.example/cs_1", sent.URL)
	require.Equal(t, 1, o.payable())
}
