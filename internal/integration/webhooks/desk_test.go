package webhooks_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/internal/clock"
	"github.com/commercesync/commerce/sqlstore"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// place is where events are kept.
type place struct {
	name string
	// open makes an empty store and returns how a program opens it.
	open func(t testing.TB) func() inbox.Store
	// flood is open with so many due events of the tenant "loud"; nil for the memory.
	flood func(t testing.TB, n int) inbox.Store
}

// places are the memory and every database.
func places() []place {
	out := []place{{"memory", func(testing.TB) func() inbox.Store {
		m := inbox.NewMemory(inbox.MemoryConfig{})
		return func() inbox.Store { return m }
	}, nil}}
	for _, d := range databases {
		out = append(out, place{d.Name, func(t testing.TB) func() inbox.Store {
			dsn := d.DSN(t)
			return func() inbox.Store { return d.Store(t, d.Pool(t, dsn), sqlstore.Config{}).Inbox() }
		}, func(t testing.TB, n int) inbox.Store {
			pool := d.Pool(t, d.DSN(t))
			db := d.Store(t, pool, sqlstore.Config{})
			fill(t, d, pool, n)
			return db.Inbox()
		}})
	}
	return out
}

func eachPlace(t *testing.T, test func(t *testing.T, p place)) {
	for _, p := range places() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			test(t, p)
		})
	}
}

// size is the full one where FULL is set.
func size(small, full int) int {
	if os.Getenv("FULL") != "" {
		return full
	}
	return small
}

const maxBody = 8 << 10

var start = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// desk is an endpoint with its worker and the far side that it works for.
type desk struct {
	t       *testing.T
	tenant  string
	open    func() inbox.Store
	control control
	clock   *clock.Manual
	secrets *secrets

	store  inbox.Store
	in     *inbox.Inbox
	server *httptest.Server

	statuses []int
	far      far
}

// far is the far side: it counts what reaches it.
type far struct {
	mu      sync.Mutex
	effects map[string]int // by event id
	status  map[string]string
}

func (f *far) effect(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.effects == nil {
		f.effects = map[string]int{}
	}
	f.effects[id]++
}

// total is how many effects there are, and of how many events.
func (f *far) total() (effects, events int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.effects {
		effects += n
	}
	return effects, len(f.effects)
}

// secrets can be changed while the endpoint serves.
type secrets struct {
	mu  sync.Mutex
	now []string
}

func (s *secrets) set(texts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = texts
}

func (s *secrets) Current(context.Context) (out []commerce.Secret, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range s.now {
		out = append(out, commerce.NewSecret(text))
	}
	return out, nil
}

func (s *secrets) Rejected(context.Context, []commerce.Secret) error { return nil }

// control is what is left out, so that a test fails that can.
type control int

const (
	asItIs    control = iota
	trusting          // no signature is looked at
	mindless          // no id is remembered
	believing         // handlers believe the event's own snapshot
)

// newDesk makes a desk of a tenant of its own, so that several can follow each other on
// one store.
func newDesk(t *testing.T, tenant string, open func() inbox.Store, c control) *desk {
	d := &desk{t: t, tenant: tenant, open: open, control: c, clock: clock.At(start), secrets: &secrets{now: []string{"whsec_1"}}}
	d.restart()
	return d
}

// restart ends the program and starts it again on what it had stored.
func (d *desk) restart() {
	if d.server != nil {
		d.server.Close()
	}
	d.store = d.open()
	if d.control == mindless {
		d.store = forgetful{d.store}
	}
	verifier, err := stripe.Webhook(stripe.WebhookConfig{Secrets: d.secrets, Tenant: d.tenant, Account: "acct_1", Now: d.clock.Now})
	require.NoError(d.t, err)
	d.in, err = inbox.New(d.store, inbox.Config{MaxBody: maxBody, Handlers: inbox.Handlers{"stripe *": {{Name: "far", Handle: d.handle}}}})
	require.NoError(d.t, err)
	var v inbox.Verifier = verifier
	if d.control == trusting {
		v = trust{verifier, d.clock.Now}
	}
	d.server = httptest.NewServer(d.in.Receive(v))
	d.t.Cleanup(d.server.Close)
}

// handle has an effect, and writes what the payment's state is by the far side's own word.
func (d *desk) handle(_ context.Context, e commerce.Event) error {
	d.far.effect(e.Ref.ID)
	var body struct {
		Data struct {
			Object struct{ ID, Status string }
		}
	}
	if err := json.Unmarshal(e.Raw, &body); err != nil {
		return commerce.Errorf(commerce.KindInvalid, "test", "decode", "no event")
	}
	truth := "succeeded"
	if d.control == believing {
		truth = body.Data.Object.Status
	}
	d.far.mu.Lock()
	defer d.far.mu.Unlock()
	if d.far.status == nil {
		d.far.status = map[string]string{}
	}
	d.far.status[body.Data.Object.ID] = truth
	return nil
}

// work works until nothing is due.
func (d *desk) work() {
	for n := 1; n > 0; {
		var err error
		n, err = d.in.Work(d.t.Context())
		require.NoError(d.t, err)
	}
}

// trust looks at no signature: it makes one of its own.
type trust struct {
	v   *stripe.WebhookVerifier
	now func() time.Time
}

func (tr trust) Verify(ctx context.Context, _ http.Header, body []byte) (commerce.Event, error) {
	h := http.Header{stripe.SignatureHeader: {stripetest.Sign(tr.now(), body, "whsec_1")}}
	return tr.v.Verify(ctx, h, body)
}

// forgetful gives every event an id of its own.
type forgetful struct{ inbox.Store }

func (f forgetful) Append(ctx context.Context, b inbox.Batch) ([]inbox.Appended, error) {
	for i := range b.Events {
		b.Events[i].Ref.ID += "#" + rand.Text()
	}
	return f.Store.Append(ctx, b)
}

// body is an event as Stripe writes it.
func body(id, kind, object string) []byte {
	status := strings.TrimPrefix(kind, "payment_intent.")
	return fmt.Appendf(nil, `{"id":%q,"object":"event","api_version":"2023-10-16","created":%d,"livemode":false,`+
		`"data":{"object":{"id":%q,"object":"payment_intent","status":%q}},"type":%q}`, id, start.Unix(), object, status, kind)
}

func paid(id string) []byte { return body(id, "payment_intent.succeeded", "pi_"+id) }

// sign is the header's value, as of now.
func (d *desk) sign(b []byte, secrets ...string) string {
	if len(secrets) == 0 {
		secrets = []string{"whsec_1"}
	}
	return stripetest.Sign(d.clock.Now(), b, secrets...)
}

// post brings a body and remembers the status.
func (d *desk) post(b io.Reader, signatures ...string) int {
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.server.URL, b)
	require.NoError(d.t, err)
	if signatures != nil {
		req.Header[stripe.SignatureHeader] = signatures
	}
	resp, err := d.server.Client().Do(req)
	require.NoError(d.t, err)
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	d.statuses = append(d.statuses, resp.StatusCode)
	return resp.StatusCode
}

// send brings a body that is signed as it should be.
func (d *desk) send(b []byte) int { return d.post(bytes.NewReader(b), d.sign(b)) }

// result is what became of a case.
type result struct {
	statuses string
	stored   int // events in the store, the dead too
	dead     int
	effects  int
	truth    string // the far side's state of the payment, where it is asked for
}

func (d *desk) result(of string) result {
	d.work()
	r := result{statuses: strings.Trim(fmt.Sprint(d.statuses), "[]")}
	for e, err := range d.store.List(d.t.Context(), inbox.Filter{Tenant: d.tenant, Limit: 1000}) {
		require.NoError(d.t, err)
		r.stored++
		if e.State == inbox.Dead {
			r.dead++
		}
	}
	r.effects, _ = d.far.total()
	if of != "" {
		r.truth = d.far.status[of]
	}
	return r
}
