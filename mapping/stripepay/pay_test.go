package stripepay_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
	"github.com/commercesync/commerce/workflow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	_ workflow.Payments = (*stripepay.Pay)(nil)
	_ workflow.Balance  = (*stripepay.Pay)(nil)

	_ workflow.RefundPayments  = (*stripepay.Pay)(nil)
	_ workflow.DisputePayments = (*stripepay.Pay)(nil)
	_ workflow.RiskPayments    = (*stripepay.Pay)(nil)
	_ workflow.CapturePayments = (*stripepay.Pay)(nil)
)

type world struct {
	far *stripetest.Fake
	pay *stripepay.Pay
	now time.Time
}

func newWorld(t testing.TB, c stripetest.Config) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
	c.Now = func() time.Time { return w.now }
	var err error
	w.far, err = stripetest.New(c)
	require.NoError(t, err)
	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")),
		Transport: w.far.Transport(), Now: c.Now})
	require.NoError(t, err)
	w.pay, err = stripepay.New(client, stripepay.Config{Account: "acct_fake", Mode: commerce.ModeOf(c.Livemode)})
	require.NoError(t, err)
	return w
}

func (w *world) ref(id string) commerce.Ref {
	return commerce.Ref{System: "stripe", Account: "acct_fake", Mode: commerce.Test, ID: id}
}

func (w *world) read(t *testing.T, id string) commerce.Payment {
	t.Helper()
	p, err := w.pay.Payment(t.Context(), w.ref(id))
	require.NoError(t, err)
	return p
}

func eur(minor int64) commerce.Money { return commerce.MustMoney(minor, "EUR") }

func TestAPaymentIsReadByIntentAndByCharge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	pi, err := w.far.Pay(stripetest.Purchase{Amount: 8984, Currency: "eur", Email: "Jo@Example.com",
		Metadata: map[string]string{"Order #": "2000000003", "Module": "Magento2"}})
	require.NoError(t, err)
	p := w.read(t, pi.ID)
	require.Equal(t, commerce.PaymentCaptured, p.Status)
	require.Equal(t, eur(8984), p.Amount)
	require.Equal(t, eur(8984), p.Captured)
	require.Equal(t, eur(0), p.Authorised)
	require.Equal(t, eur(0), p.Refunded)
	require.Equal(t, "visa", p.Method.Brand)
	require.Equal(t, "4242", p.Method.Last4)
	require.Nil(t, p.Failure)
	require.NotNil(t, p.Fee)
	require.Equal(t, eur(8984), p.Fee.Settled)
	require.Equal(t, "jo@example.com", p.Email)
	require.Equal(t, []commerce.OrderHint{{Number: "2000000003"}}, p.Orders)
	require.Equal(t, p, w.read(t, p.Charge))
}

func TestAnAuthorisationIsNotMoney(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	pi, err := w.far.Pay(stripetest.Purchase{Amount: 5000, Currency: "eur", Authorise: true})
	require.NoError(t, err)
	p := w.read(t, pi.ID)
	require.Equal(t, commerce.PaymentAuthorised, p.Status)
	require.Equal(t, eur(5000), p.Authorised)
	require.Equal(t, eur(0), p.Captured)
}

func TestADeclineIsAFailureWithItsCodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	pi, err := w.far.Pay(stripetest.Purchase{Amount: 5000, Currency: "eur", Method: stripetest.CardInsufficientFunds})
	require.NoError(t, err)
	p := w.read(t, pi.ID)
	require.Equal(t, commerce.PaymentFailed, p.Status)
	require.Equal(t, "card_declined", p.Failure.Code)
	require.Equal(t, "insufficient_funds", p.Failure.DeclineCode)
	require.Equal(t, eur(0), p.Captured)

	_, err = w.far.PayIntent(pi.ID, stripetest.Card)
	require.NoError(t, err)
	p = w.read(t, pi.ID)
	require.Equal(t, commerce.PaymentCaptured, p.Status, "failure of another attempt demotes nothing")
}

func TestADebitIsPendingForDaysThenMoneyThenPerhapsReturned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	pay := func(m stripetest.Method) string {
		pi, err := w.far.Pay(stripetest.Purchase{Amount: 5000, Currency: "eur", Method: m})
		require.NoError(t, err)
		return pi.ID
	}
	good, bad, back := pay(stripetest.Debit), pay(stripetest.DebitFails), pay(stripetest.DebitReturned)
	for _, id := range []string{good, bad, back} {
		require.Equal(t, commerce.PaymentPending, w.read(t, id).Status)
	}
	w.now = w.now.Add(4 * 24 * time.Hour)
	w.far.Tick()
	require.Equal(t, commerce.PaymentCaptured, w.read(t, good).Status)
	require.Equal(t, commerce.PaymentFailed, w.read(t, bad).Status)
	require.Equal(t, commerce.PaymentCaptured, w.read(t, back).Status)
	w.now = w.now.Add(6 * 24 * time.Hour)
	w.far.Tick()
	p := w.read(t, back)
	require.Equal(t, commerce.PaymentReturned, p.Status)
	require.Equal(t, eur(5000), p.Captured, "what was taken back")
	require.NotNil(t, p.Failure)
	require.Equal(t, commerce.PaymentCaptured, w.read(t, good).Status)
}

func TestTheFeeIsALateFact(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{APIVersion: stripetest.Newest})
	pi, err := w.far.Pay(stripetest.Purchase{Amount: 5000, Currency: "eur"})
	require.NoError(t, err)
	p := w.read(t, pi.ID)
	require.Equal(t, commerce.PaymentCaptured, p.Status)
	require.Nil(t, p.Fee)
	w.now = w.now.Add(time.Minute)
	w.far.Tick()
	require.NotNil(t, w.read(t, pi.ID).Fee)
}

func TestYenAndDinarAreReadInTheirOwnUnits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{Fee: func(int64, string) int64 { return 0 }})
	for currency, c := range map[string]struct{ stripe, minor int64 }{"jpy": {18361, 18361}, "kwd": {5010, 5010}, "isk": {500, 5}} {
		pi, err := w.far.Pay(stripetest.Purchase{Amount: c.stripe, Currency: currency})
		require.NoError(t, err)
		require.Equal(t, commerce.MustMoney(c.minor, commerce.Currency(strings.ToUpper(currency))), w.read(t, pi.ID).Captured)
	}
}

func TestTheOtherModeAndForeignRefsAreRefusedBeforeACall(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	for code, ref := range map[string]commerce.Ref{
		"mode_mismatch": {System: "stripe", Account: "acct_fake", Mode: commerce.Live, ID: "pi_1"},
		"foreign_ref":   {System: "stripe", Account: "acct_other", Mode: commerce.Test, ID: "pi_1"},
	} {
		_, err := w.pay.Payment(t.Context(), ref)
		e, ok := errors.AsType[*commerce.Error](err)
		require.True(t, ok)
		require.Equal(t, code, e.Code)
	}
	require.Empty(t, w.far.Calls())
	_, err := w.pay.Payment(t.Context(), w.ref("pi_none"))
	require.ErrorIs(t, err, commerce.ErrNotFound)
	_, err = w.pay.Payment(t.Context(), w.ref("in_1"))
	require.ErrorIs(t, err, commerce.ErrInvalid)
}

func TestALiveObjectUnderATestKeyIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{Livemode: true})
	pi, err := w.far.Pay(stripetest.Purchase{Amount: 5000, Currency: "eur"})
	require.NoError(t, err)
	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: w.far.Transport()})
	require.NoError(t, err)
	pay, err := stripepay.New(client, stripepay.Config{Account: "acct_fake", Mode: commerce.Test})
	require.NoError(t, err)
	_, err = pay.Payment(t.Context(), w.ref(pi.ID))
	e, ok := errors.AsType[*commerce.Error](err)
	require.True(t, ok)
	require.Equal(t, "mode_mismatch", e.Code)
}

func request(session bool) mapping.PaymentRequest {
	r := mapping.PaymentRequest{Key: "collect/1", Amount: eur(2990), Order: commerce.Order{
		Ref: commerce.Ref{System: "magento", Account: "main", Mode: commerce.Test, ID: "order/17"}, Number: "000000017", Store: "1"}}
	if session {
		r.ReturnURL, r.CancelURL = "https://shop.example/thanks", "https://shop.example/cart"
	}
	return r
}

func TestARequestIsOneWayToPayUnderItsKey(t *testing.T) {
	t.Parallel()
	for _, session := range []bool{false, true} {
		w := newWorld(t, stripetest.Config{})
		e := w.pay.Request(request(session))
		require.Equal(t, idempotency.Keyed, e.Class)
		open, err := e.Act(t.Context())
		require.NoError(t, err)
		again, err := e.Act(t.Context())
		require.NoError(t, err)
		require.Equal(t, open.Ref, again.Ref)
		require.Equal(t, mapping.OpenPayable, open.Status)
		require.Equal(t, eur(2990), open.Amount)
		if session {
			require.Len(t, w.far.CheckoutSessions(), 1)
			require.NotEmpty(t, open.URL)
			_, err = w.far.PaySession(open.Ref.ID, stripetest.Card)
		} else {
			require.Len(t, w.far.PaymentIntents(), 1)
			require.False(t, open.ClientSecret.Empty())
			_, err = w.far.PayIntent(open.Ref.ID, stripetest.Card)
		}
		require.NoError(t, err)
		p := w.read(t, open.Ref.ID)
		require.Equal(t, commerce.PaymentCaptured, p.Status)
		require.Equal(t, []commerce.OrderHint{{ID: "17", Number: "000000017", Store: "1"}}, p.Orders)
		require.Equal(t, "collect/1", mapping.MetadataKeys{}.OperationID(p.Metadata))

		now, err := w.pay.Opened(t.Context(), open.Ref)
		require.NoError(t, err)
		require.Equal(t, mapping.OpenPaid, now.Status)
		_, err = idempotency.Run(t.Context(), idempotency.NewMemory(nil), "close", w.pay.Close(open.Ref))
		require.ErrorIs(t, err, commerce.ErrConflict, "what is paid is not closed")
	}
}

func TestAnOpenRequestIsClosedOnce(t *testing.T) {
	t.Parallel()
	for _, session := range []bool{false, true} {
		w := newWorld(t, stripetest.Config{})
		open, err := w.pay.Request(request(session)).Act(t.Context())
		require.NoError(t, err)
		if session {
			p := w.read(t, open.Ref.ID)
			require.Equal(t, commerce.PaymentPending, p.Status)
			require.Equal(t, eur(2990), p.Amount)
		}
		steps := idempotency.NewMemory(nil)
		for _, key := range []string{"close", "close anew"} {
			doc, err := idempotency.Run(t.Context(), steps, key, w.pay.Close(open.Ref))
			require.NoError(t, err)
			require.Equal(t, string(mapping.OpenClosed), doc.State)
		}
		now, err := w.pay.Opened(t.Context(), open.Ref)
		require.NoError(t, err)
		require.Equal(t, mapping.OpenClosed, now.Status)
	}
}

func TestAPaymentBetweenLookAndCloseIsAConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	open, err := w.pay.Request(request(true)).Act(t.Context())
	require.NoError(t, err)
	e := w.pay.Close(open.Ref)
	_, err = e.Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound)
	_, err = w.far.PaySession(open.Ref.ID, stripetest.Card)
	require.NoError(t, err)
	_, err = e.Act(t.Context())
	require.ErrorIs(t, err, commerce.ErrConflict)
	require.True(t, commerce.SafeToRetry(err))
}

func TestARequestThatStripeWouldNotTakeIsNotSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	for name, spoil := range map[string]func(*mapping.PaymentRequest){
		"three decimals not ending in 0": func(r *mapping.PaymentRequest) { r.Amount = commerce.MustMoney(5005, "KWD") },
		"nothing":                        func(r *mapping.PaymentRequest) { r.Amount = eur(0) },
		"long metadata":                  func(r *mapping.PaymentRequest) { r.Order.Number = strings.Repeat("9", 501) },
		"the other mode":                 func(r *mapping.PaymentRequest) { r.Order.Ref.Mode = commerce.Live },
	} {
		r := request(false)
		spoil(&r)
		_, err := w.pay.Request(r).Act(t.Context())
		require.Error(t, err, name)
		require.True(t, commerce.SafeToRetry(err), name)
	}
	require.Empty(t, w.far.Calls())
}

// Whatever fact a fixture of either API version holds has to reach the canonical
// payment: nothing that is there is nought, empty or gone here.
func TestStripesFixturesLoseNoFact(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("COMMERCE_CONTRACTS")
	if dir == "" {
		t.Skip("COMMERCE_CONTRACTS is not set: it names the directory with the recordings")
	}
	w := newWorld(t, stripetest.Config{})
	for _, version := range []string{"2023-10-16", "2026-08-26.dahlia"} {
		raw, err := os.ReadFile(filepath.Join(dir, "stripe-data", "fixtures-"+version+".json"))
		require.NoError(t, err)
		resource := func(kind string) string {
			found := gjson.GetBytes(raw, "resources."+kind)
			require.True(t, found.IsObject(), "%s of %s", kind, version)
			return found.Raw
		}
		set := func(object, field, value string) string {
			out := map[string]json.RawMessage{}
			require.NoError(t, json.Unmarshal([]byte(object), &out))
			out[field] = json.RawMessage(value)
			b, err := json.Marshal(out)
			require.NoError(t, err)
			return string(b)
		}
		settled := set(resource("charge"), "balance_transaction", resource("balance_transaction"))
		captured := set(set(settled, "captured", "true"), "amount_captured", "100")
		for name, raw := range map[string]string{
			"charge": resource("charge"), "charge with its balance transaction": settled, "captured charge": captured,
			"charge partly refunded": set(captured, "amount_refunded", "40"),
		} {
			var c stripe.Charge
			require.NoError(t, json.Unmarshal([]byte(raw), &c))
			p, err := w.pay.OfCharge(&c)
			require.NoError(t, err, "%s of %s", name, version)
			chargeReaches(t, p, gjson.Parse(raw))
			require.Equal(t, gjson.Get(raw, "id").Str, p.Ref.ID)
			require.Equal(t, gjson.Get(raw, "created").Int(), p.Created.Unix())
			require.Equal(t, gjson.Get(raw, "description").Str, p.Description)
		}
		intent := resource("payment_intent")
		for name, raw := range map[string]string{
			"payment intent": intent, "payment intent with its charge": set(intent, "latest_charge", captured),
			"payment intent that succeeded":       set(set(intent, "status", `"succeeded"`), "latest_charge", captured),
			"payment intent with its charge's id": set(set(set(intent, "status", `"succeeded"`), "amount_received", "1099"), "latest_charge", `"ch_1"`),
		} {
			var pi stripe.PaymentIntent
			require.NoError(t, json.Unmarshal([]byte(raw), &pi))
			p, err := w.pay.OfIntent(&pi)
			require.NoError(t, err, "%s of %s", name, version)
			require.Equal(t, gjson.Get(raw, "id").Str, p.Ref.ID)
			require.NotEmpty(t, p.Status)
			require.Equal(t, gjson.Get(raw, "created").Int(), p.Created.Unix())
			require.Equal(t, gjson.Get(raw, "amount").Int(), p.Amount.Minor())
			require.Equal(t, gjson.Get(raw, "currency").Str, p.Amount.Currency().Lower())
			require.Equal(t, gjson.Get(raw, "last_payment_error").IsObject(), p.Failure != nil)
			if charge := gjson.Get(raw, "latest_charge"); !charge.IsObject() {
				require.Equal(t, charge.Str, p.Charge)
				require.Equal(t, gjson.Get(raw, "amount_received").Int(), p.Captured.Minor())
			} else {
				p.Amount = commerce.MustMoney(charge.Get("amount").Int(), p.Amount.Currency()) // the fixtures are not of one payment
				chargeReaches(t, p, charge)
			}
		}
	}
}

// chargeReaches compares every fact of a charge that a canonical payment has room for.
func chargeReaches(t *testing.T, p commerce.Payment, charge gjson.Result) {
	t.Helper()
	money := func(m commerce.Money) string { return m.Currency().Lower() + " " + strconv.FormatInt(m.Minor(), 10) }
	want := func(field string) string { return charge.Get("currency").Str + " " + charge.Get(field).Raw }
	require.NotEmpty(t, p.Status)
	require.Equal(t, charge.Get("id").Str, p.Charge)
	require.Equal(t, want("amount"), money(p.Amount))
	require.Equal(t, want("amount_captured"), money(p.Captured))
	require.Equal(t, want("amount_refunded"), money(p.Refunded))
	if !charge.Get("captured").Bool() {
		require.Equal(t, want("amount"), money(p.Authorised))
	}
	require.Equal(t, charge.Get("payment_method_details.type").Str, p.Method.Type)
	require.Equal(t, charge.Get("payment_method_details.card.brand").Str, p.Method.Brand)
	require.Equal(t, charge.Get("payment_method_details.card.last4").Str, p.Method.Last4)
	require.Equal(t, charge.Get("outcome.risk_level").Str, p.Risk.Level)
	require.EqualValues(t, charge.Get("outcome.risk_score").Int(), p.Risk.Score)
	require.Equal(t, charge.Get("customer").Str, p.Customer)
	if email := charge.Get("receipt_email").Str + charge.Get("billing_details.email").Str; email != "" {
		require.NotEmpty(t, p.Email)
	}
	bt := charge.Get("balance_transaction")
	require.Equal(t, bt.IsObject(), p.Fee != nil, "a fee that is not known is nil, not nought")
	if p.Fee != nil {
		require.Equal(t, bt.Get("id").Str, p.Fee.BalanceTransaction)
		require.Equal(t, bt.Get("amount").Int(), p.Fee.Settled.Minor())
		require.Equal(t, bt.Get("fee").Int(), p.Fee.Amount.Minor())
		require.Equal(t, bt.Get("currency").Str, p.Fee.Amount.Currency().Lower())
	}
}

func TestTheConfigIsChecked(t *testing.T) {
	t.Parallel()
	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Account: "acct_1"})
	require.NoError(t, err)
	_, err = stripepay.New(nil, stripepay.Config{})
	require.ErrorIs(t, err, commerce.ErrInvalid)
	for field, c := range map[string]stripepay.Config{
		"Config.Mode":     {Mode: "prod"},
		"Config.Account":  {Account: "acct_2"},
		"Config.Settle":   {Settle: -1},
		"Config.Metadata": {Metadata: mapping.MetadataKeys{ID: []string{"[x]"}}},
	} {
		_, err := stripepay.New(client, c)
		require.ErrorContains(t, err, field)
	}
}
