package stripetest

import (
	"cmp"
	"container/heap"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/fault"
	"github.com/commercesync/commerce/stripe"
)

// Newest is the newest API version whose shapes the fake knows.
const Newest = "2026-08-26.dahlia"

// Config configures a Fake. The zero value works.
type Config struct {
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time

	// Seed makes ids and the disorder of deliveries repeatable.
	Seed uint64

	// APIVersion is the account's default: events are written in it, and answers to
	// requests that name none. From 2024-04-10 on cards are captured asynchronously.
	// Defaults to stripe.APIVersion.
	APIVersion string

	// Livemode is the mode of every object.
	Livemode bool

	// Account is the account's own id. Defaults to "acct_fake". A request for
	// another account is refused.
	Account string

	// Connected puts the account into every event, as a Connect endpoint gets it.
	Connected bool

	// Key is the secret key that is accepted. Empty accepts every key.
	Key string

	// WebhookSecret signs deliveries. Defaults to "whsec_fake".
	WebhookSecret string

	// DebitTime is how long a bank debit takes. Defaults to 3 days.
	DebitTime time.Duration

	// ReturnTime is how long after its success a returned debit is taken back.
	// Defaults to 5 days.
	ReturnTime time.Duration

	// SettleTime is how long a balance transaction of an asynchronous capture takes
	// to appear. Defaults to 1 second.
	SettleTime time.Duration

	// RefundTime is how long a pending refund takes, and how long after its success a
	// failing one fails. Defaults to 5 days.
	RefundTime time.Duration

	// RefundsFromBalance makes refunds wait, pending, until the available balance covers
	// them, as Stripe's do. False pays every refund, however little there is.
	RefundsFromBalance bool

	// PayoutTime is how long a payout takes to the bank; an instant one takes half an
	// hour. Defaults to 2 days.
	PayoutTime time.Duration

	// ReconcileTime is how long after an automatic payout was made it is known what is in
	// it. Defaults to PayoutTime.
	ReconcileTime time.Duration

	// DisputeFee is what a dispute costs, in units of the charge's currency. It is not
	// given back. Defaults to 2000.
	DisputeFee int64

	// LongestRequest is the longest that the far side works on one request. Defaults
	// to 30 seconds.
	LongestRequest time.Duration

	// Fee computes what Stripe keeps, in units of the charge's currency. Defaults to
	// 1.5 % rounded half up and 25 units.
	Fee func(amount int64, currency string) int64

	// InstantFee computes what an instant payout costs, in units of its currency; it is
	// a row of its own. Defaults to 1 % rounded half up.
	InstantFee func(amount int64, currency string) int64

	// Settlement is the lower-case currency of the balance, and Rates are the
	// decimal factors from a charge's units to it. Empty Settlement keeps every
	// currency as it is.
	Settlement string
	Rates      map[string]string

	// RetryAfter is how long after each failed payment of a subscription's invoice it is
	// tried again; after the last the subscription ends. Defaults to 3, 5 and 7 days.
	RetryAfter []time.Duration

	// TaxRates are the percentages of tax by country, as decimal text; elsewhere no tax
	// is collected. Defaults to {"DE": "19.0"}.
	TaxRates map[string]string

	// IndexLag is how long searches do not find what was made. Defaults to 0.
	IndexLag time.Duration

	// ListLag is up to how long lists of balance transactions do not show one that was made;
	// how long is each one's own. Defaults to 0.
	ListLag time.Duration

	// Working is called while a write with an idempotency key is carried out, before
	// it takes effect. It may block: then the key is in use.
	Working func(*http.Request)

	// MaxCalls bounds the calls that Calls remembers; the oldest are forgotten.
	// Defaults to 100,000.
	MaxCalls int
}

// Fault is a way to fail, see the constants of its Kind.
type Fault = fault.Fault

// Faults is a set of faults.
type Faults = fault.Set

// Kinds of faults.
const (
	Refused     = fault.Refused     // connection refused; nothing arrives
	Stalled     = fault.Stalled     // arrives, is not carried out, never answered
	Lost        = fault.Lost        // carried out; the connection breaks before the answer
	Half        = fault.Half        // carried out; half of the answer arrives
	Answered    = fault.Answered    // not carried out; another answer is given
	AfterEffect = fault.AfterEffect // carried out; another answer is given
	Late        = fault.Late        // carried out after a delay, even if the caller gave up
)

// Call is one request as it arrived.
type Call struct {
	Method, Path   string
	Account        string // of Stripe-Account; empty = the key's own
	Params         map[string][]string
	IdempotencyKey string
	APIVersion     string
	Status         int
	Replayed       bool // answered from the idempotency key
}

// Fake is a Stripe of one account. It is safe for concurrent use.
type Fake struct {
	config Config
	faults fault.Set

	home        *Fake            // the platform; the fake itself where it is none's account
	connected   map[string]*Fake // accounts that the platform may act for
	gone        bool             // no longer connected
	application string           // the client id that it let in; empty = without OAuth

	mu         *sync.Mutex // of all accounts
	rand       *rand.Rand
	requests   int
	written    int // events of all accounts
	due        agenda
	keys       map[string]*keyed
	keyOrder   []*keyed // by age, for pruning
	breaks     int      // writes that shall end in a stored 500
	badPayouts int      // payouts that shall fail
	schedules  int      // of payouts that there have been; the last one counts
	badTopUps  int      // top-ups that shall fail
	badReports int      // report runs that shall fail

	intents  table[*intent]
	charges  table[*charge]
	sessions table[*session]
	refunds  table[*refund]
	waiting  []*refund // for the balance, oldest first
	disputes table[*dispute]
	payouts  table[*payout]
	hooks    table[*hook]
	txns     table[*txn]
	events   table[*event]

	accounts  table[*account]
	transfers table[*transfer]
	fees      table[*applicationFee]
	topups    table[*topup]
	reviews   table[*review]
	warnings  table[*warning]
	reports   table[*report]
	files     map[string][]byte // reports by the id of their file
	oauth     authorization
	records   map[string]*table[*record] // customers, invoices and all else of billing, by kind

	open    []*event // to be delivered, and in no Deliver's hands
	archive archive
	news    chan struct{} // closed when open grows; nil where nobody waits
	secrets []signing
	calls   []Call
}

// New returns an account without any objects. An error is of kind invalid and names
// the field.
func New(c Config) (*Fake, error) {
	bad := func(format string, args ...any) (*Fake, error) {
		return nil, commerce.Errorf(commerce.KindInvalid, "stripetest", "new fake", format, args...)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.APIVersion == "" {
		c.APIVersion = stripe.APIVersion
	}
	if !known(c.APIVersion) {
		return bad("Config.APIVersion %q is no version up to %s", c.APIVersion, Newest)
	}
	if c.Account == "" {
		c.Account = "acct_fake"
	}
	if c.WebhookSecret == "" {
		c.WebhookSecret = "whsec_fake"
	}
	for _, d := range []struct {
		name  string
		field *time.Duration
		std   time.Duration
	}{
		{"DebitTime", &c.DebitTime, 3 * 24 * time.Hour},
		{"ReturnTime", &c.ReturnTime, 5 * 24 * time.Hour},
		{"SettleTime", &c.SettleTime, time.Second},
		{"RefundTime", &c.RefundTime, 5 * 24 * time.Hour},
		{"PayoutTime", &c.PayoutTime, 2 * 24 * time.Hour},
		{"LongestRequest", &c.LongestRequest, 30 * time.Second},
		{"IndexLag", &c.IndexLag, 0},
		{"ListLag", &c.ListLag, 0},
		{"ReconcileTime", &c.ReconcileTime, cmp.Or(c.PayoutTime, 2*24*time.Hour)},
	} {
		if *d.field < 0 {
			return bad("Config.%s must not be negative", d.name)
		}
		if *d.field == 0 {
			*d.field = d.std
		}
	}
	if c.Fee == nil {
		c.Fee = func(amount int64, _ string) int64 { return (amount*15+500)/1000 + 25 }
	}
	if c.InstantFee == nil {
		c.InstantFee = func(amount int64, _ string) int64 { return (amount + 50) / 100 }
	}
	if c.DisputeFee < 0 {
		return bad("Config.DisputeFee must not be negative")
	}
	if c.DisputeFee == 0 {
		c.DisputeFee = 2000
	}
	if c.RetryAfter == nil {
		c.RetryAfter = []time.Duration{3 * 24 * time.Hour, 5 * 24 * time.Hour, 7 * 24 * time.Hour}
	}
	if c.TaxRates == nil {
		c.TaxRates = map[string]string{"DE": "19.0"}
	}
	if c.MaxCalls == 0 {
		c.MaxCalls = 100_000
	}
	if c.Settlement != strings.ToLower(c.Settlement) {
		return bad("Config.Settlement must be lower case")
	}
	f := &Fake{
		config: c, rand: rand.New(rand.NewPCG(c.Seed, 0x57121fe)), mu: &sync.Mutex{},
		keys: map[string]*keyed{}, connected: map[string]*Fake{}, files: map[string][]byte{},
		secrets: []signing{{secret: c.WebhookSecret}},
	}
	f.home = f
	f.oauth = authorization{clients: map[string]OAuthClient{}, codes: map[string]*code{}, access: map[string]*token{}, refresh: map[string]*token{}}
	return f, nil
}

// Transport reaches the fake inside this process, without a socket, with its faults.
func (f *Fake) Transport() http.RoundTripper { return f.faults.Transport(f) }

// NewServer serves the fake on loopback, with its faults; close it when done.
func (f *Fake) NewServer() *httptest.Server { return httptest.NewServer(f.faults.Handler(f)) }

// Faults holds the ways in which requests go wrong.
func (f *Fake) Faults() *Faults { return &f.faults }

// FailWrites lets the next n writes begin and end in a 500 without an effect, which
// is stored under their idempotency keys as Stripe does.
func (f *Fake) FailWrites(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.home.breaks = n
}

// LongestRequest is the longest that the fake works on one request: how long a write
// whose answer was lost may still take effect.
func (f *Fake) LongestRequest() time.Duration { return f.config.LongestRequest }

// Calls returns the requests that arrived, oldest first.
func (f *Fake) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.home.calls)
}

// Tick lets everything happen that is due by the clock.
func (f *Fake) Tick() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
}

// tick runs what is due, in order of time; each thing sees its own moment as now.
func (f *Fake) tick() {
	now := f.config.Now()
	due := &f.home.due
	for len(*due) > 0 && !(*due)[0].at.After(now) {
		d := heap.Pop(due).(appointment)
		d.run(d.at)
	}
	f.payWaiting(now)
}

// later puts something on the agenda.
func (f *Fake) later(at time.Time, run func(now time.Time)) {
	f.home.requests++
	heap.Push(&f.home.due, appointment{at, f.home.requests, run})
}

// appointment is something that will happen by itself.
type appointment struct {
	at  time.Time
	seq int
	run func(now time.Time)
}

type agenda []appointment

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at.Before(a[j].at) || a[i].at.Equal(a[j].at) && a[i].seq < a[j].seq
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(appointment)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// id makes a new id. All are equally long, as Stripe's are.
func (f *Fake) id(prefix string) string {
	var b [24]byte
	for i := range b {
		b[i] = alphabet[f.home.rand.IntN(len(alphabet))]
	}
	return prefix + string(b[:])
}

// table keeps objects of one kind in the order of their making.
type table[T interface{ key() string }] struct {
	rows []T
	at   map[string]int
}

func (t *table[T]) add(v T) {
	if t.at == nil {
		t.at = map[string]int{}
	}
	t.at[v.key()] = len(t.rows)
	t.rows = append(t.rows, v)
}

func (t *table[T]) get(id string) (v T, ok bool) {
	i, ok := t.at[id]
	if !ok {
		return v, false
	}
	return t.rows[i], true
}

// view decodes what the fake would answer, so that audits read the client's types.
func view[T any](m object) T {
	b, err := encode(m)
	var v T
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil {
		panic(fmt.Sprintf("stripetest: the fake made an object that the client can not read: %v", err))
	}
	return v
}

// PaymentIntents returns all payment intents, oldest first.
func (f *Fake) PaymentIntents() []stripe.PaymentIntent {
	return all(f, &f.intents, func(i *intent) stripe.PaymentIntent {
		return view[stripe.PaymentIntent](f.renderIntent(i, stripe.APIVersion, expansion{"latest_charge": {}}))
	})
}

// Charges returns all charges, oldest first, with their balance transactions.
func (f *Fake) Charges() []stripe.Charge {
	return all(f, &f.charges, func(c *charge) stripe.Charge {
		return view[stripe.Charge](f.renderCharge(c, stripe.APIVersion, expansion{"balance_transaction": {}, "failure_balance_transaction": {}}))
	})
}

// CheckoutSessions returns all Checkout sessions, oldest first.
func (f *Fake) CheckoutSessions() []stripe.CheckoutSession {
	return all(f, &f.sessions, func(s *session) stripe.CheckoutSession {
		return view[stripe.CheckoutSession](f.renderSession(s, stripe.APIVersion, nil))
	})
}

// Refunds returns all refunds, oldest first.
func (f *Fake) Refunds() []stripe.Refund {
	return all(f, &f.refunds, func(r *refund) stripe.Refund {
		return view[stripe.Refund](f.renderRefund(r, stripe.APIVersion, nil))
	})
}

// BalanceTransactions returns all balance transactions, oldest first.
func (f *Fake) BalanceTransactions() []stripe.BalanceTransaction {
	return all(f, &f.txns, func(t *txn) stripe.BalanceTransaction {
		return view[stripe.BalanceTransaction](f.renderTxn(t, stripe.APIVersion, nil))
	})
}

// Events returns all events, oldest first, as they were written.
func (f *Fake) Events() []*stripe.Event {
	return all(f, &f.events, func(e *event) *stripe.Event {
		d, err := stripe.DecodeEvent(e.raw.text())
		if err != nil {
			panic(fmt.Sprintf("stripetest: the fake wrote an event that the decoder refuses: %v", err))
		}
		return d
	})
}

func all[T interface{ key() string }, V any](f *Fake, t *table[T], show func(T) V) []V {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	out := make([]V, len(t.rows))
	for i, r := range t.rows {
		out[i] = show(r)
	}
	return out
}
