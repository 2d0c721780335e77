package journey_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/internal/journey"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/mapping/magentoshop"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
	"github.com/commercesync/commerce/vault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// door stands before a far side and lets in who has a credential that is not dead. It
// reads what Stripe's clients send, and what Magento's do.
type door struct {
	next    http.RoundTripper
	mu      sync.Mutex
	dead    map[string]bool
	taken   map[string]int
	refused map[string]int
}

func newDoor(next http.RoundTripper) *door {
	return &door{next: next, dead: map[string]bool{}, taken: map[string]int{}, refused: map[string]int{}}
}

func (d *door) RoundTrip(r *http.Request) (*http.Response, error) {
	credential, stripes := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !stripes {
		_, credential, _ = strings.Cut(credential, `oauth_consumer_key="`)
		credential, _, _ = strings.Cut(credential, `"`)
	}
	d.mu.Lock()
	dead := d.dead[credential]
	if dead {
		d.refused[credential]++
	} else {
		d.taken[credential]++
	}
	d.mu.Unlock()
	if dead {
		body := `{"error":{"type":"invalid_request_error","message":"Expired API Key provided"}}`
		if !stripes {
			body = `{"message":"Specified token does not exist"}`
		}
		return &http.Response{StatusCode: http.StatusUnauthorized, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
			Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
	if stripes { // the fake knows one key
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+journey.StripeKey)
	}
	return d.next.RoundTrip(r)
}

func (d *door) kill(credential string, dead bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead[credential] = dead
}

// count is how often a credential was refused, and taken.
func (d *door) count(credential string) (refused, taken int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.refused[credential], d.taken[credential]
}

// The drill's clock is the real one, and all is quick.
const (
	refresh = 10 * time.Millisecond
	watched = 150 * time.Millisecond
)

// process is a program with slots of its own.
type process struct {
	stripe  *vault.Slot[commerce.Secret]
	webhook *vault.Slot[commerce.Secret]
	shop    *vault.Slot[magento.Keys]
	program *journey.Program
}

// works is an order flow through two processes over one store.
type works struct {
	t            *testing.T
	fakes        *journey.Fakes
	stripe, shop *door
	store        *inbox.Memory
	processes    []*process
	buyers       *journey.Buyers
	signs        atomic.Pointer[string] // the secret that Stripe signs with
	refused      atomic.Int64           // deliveries
	sold         atomic.Int64
	mu           sync.Mutex
	notices      []vault.Notice
	end          func()
}

var (
	stripeOwner = commerce.Ref{System: "stripe", Account: journey.Account, Mode: commerce.Test}
	shopOwner   = commerce.Ref{System: "magento", Account: journey.ShopName, Mode: commerce.Test}
)

func open(t *testing.T) *works {
	t.Helper()
	ctx := t.Context()
	fakes, err := journey.NewFakes(journey.FakesConfig{Seed: 8})
	require.NoError(t, err)
	w := &works{t: t, fakes: fakes, stripe: newDoor(fakes.Stripe.Transport()), shop: newDoor(fakes.Front.Transport()), store: inbox.NewMemory(inbox.MemoryConfig{})}
	first := journey.WebhookSecret
	w.signs.Store(&first)
	ring, err := vault.FreshRing()
	require.NoError(t, err)
	keeper, err := vault.New(ctx, vault.Config{Store: &vault.Memory{}, Ring: vault.Fixed(ring)})
	require.NoError(t, err)
	steps := idempotency.NewMemory(nil)
	for range 2 {
		w.processes = append(w.processes, w.begin(keeper, steps))
	}
	working, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	for _, p := range w.processes {
		all.Go(func() {
			if err := p.program.Inbox.Run(working); err != nil {
				t.Error(err)
			}
		})
	}
	r := rand.New(rand.NewPCG(8, 8))
	w.buyers = &journey.Buyers{Fakes: fakes, In: func(_ time.Duration, do func()) { do() }, Fail: func(err error) { t.Error(err) }}
	selling, close_ := context.WithCancel(ctx)
	var seller sync.WaitGroup
	seller.Go(func() { w.sell(selling, r) })
	w.end = sync.OnceFunc(func() {
		close_()
		seller.Wait()
		w.settle()
		stop()
		all.Wait()
	})
	t.Cleanup(w.end)
	return w
}

// begin starts a process; the first puts the credentials in.
func (w *works) begin(keeper vault.Keeper, steps idempotency.Store) *process {
	w.t.Helper()
	ctx := w.t.Context()
	notify := func(_ context.Context, n vault.Notice) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.notices = append(w.notices, n)
	}
	far := w.fakes.Far()
	p := &process{}
	var err error
	p.stripe, err = vault.NewSlot(vault.SlotConfig[commerce.Secret]{Keeper: keeper, Owner: stripeOwner, Name: "api_key", Refresh: refresh, Watch: watched,
		Pause: refresh, Notify: notify, Verify: func(ctx context.Context, key commerce.Secret) error {
			c, err := stripe.NewClient(stripe.Config{BaseURL: far.StripeURL, Credentials: commerce.Static(key), Transport: w.stripe})
			if err == nil {
				err = c.Ping(ctx)
			}
			return err
		}, Retire: func(_ context.Context, key commerce.Secret) error { w.stripe.kill(key.Reveal(), true); return nil }})
	require.NoError(w.t, err)
	p.webhook, err = vault.NewSlot(vault.SlotConfig[commerce.Secret]{Keeper: keeper, Owner: stripeOwner, Name: "webhook_secret", Refresh: refresh, Watch: watched, Notify: notify})
	require.NoError(w.t, err)
	p.shop, err = vault.NewSlot(vault.SlotConfig[magento.Keys]{Keeper: keeper, Owner: shopOwner, Name: "login", Refresh: refresh, Watch: watched,
		Pause: refresh, Notify: notify, Verify: func(ctx context.Context, keys magento.Keys) error {
			c, err := magento.NewClient(magento.Config{BaseURL: far.ShopURL, Credentials: commerce.Static(keys), Transport: w.shop})
			if err == nil {
				err = c.Ping(ctx)
			}
			return err
		}, Retire: func(_ context.Context, keys magento.Keys) error { w.shop.kill(keys.ConsumerKey, true); return nil }})
	require.NoError(w.t, err)
	if len(w.processes) == 0 {
		require.NoError(w.t, p.stripe.Put(ctx, commerce.NewSecret(journey.StripeKey), time.Time{}))
		require.NoError(w.t, p.webhook.Put(ctx, commerce.NewSecret(journey.WebhookSecret), time.Time{}))
		require.NoError(w.t, p.shop.Put(ctx, w.fakes.Shop.Keys(), time.Time{}))
	}
	far.Stripe, far.Shop = w.stripe, w.shop
	far.Adapt = func(far journey.Far, protect resilience.Config, now func() time.Time) (journey.Adapter, error) {
		client, err := magento.NewClient(magento.Config{BaseURL: far.ShopURL, Credentials: p.shop, Transport: far.Shop, Resilience: protect, Now: now})
		if err != nil {
			return nil, err
		}
		shop, err := magentoshop.New(client, magentoshop.Config{Account: journey.ShopName, Mode: commerce.Test, Settle: far.LongestRequest})
		return adapter{shop}, err
	}
	p.program, err = journey.New(ctx, journey.Config{Far: far, Store: w.store, Steps: steps, StripeKey: p.stripe, WebhookSecrets: p.webhook.Accepted(),
		PollEvery: time.Hour, Inbox: inbox.Config{Workers: 2, MaxAttempts: 2, Poll: 5 * time.Millisecond, Park: 5 * time.Millisecond,
			Backoff: inbox.Backoff{Initial: time.Millisecond, Max: 2 * time.Millisecond}}})
	require.NoError(w.t, err)
	return p
}

type adapter struct{ *magentoshop.Shop }

func (a adapter) News() (inbox.Feed, error) { return a.Changes(magentoshop.ChangesConfig{}) }

// sell lets buyers come until the context ends. Each delivery is tried once.
func (w *works) sell(ctx context.Context, r *rand.Rand) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		w.buyers.Begin(r, journey.Stories[0])
		w.sold.Add(1)
		for d := range w.fakes.Stripe.Deliveries(stripetest.DeliveryOptions{}) {
			req, err := d.Request(context.WithoutCancel(ctx), "https://us.example/hook")
			if err != nil {
				w.t.Error(err)
				return
			}
			req.Header.Set("Stripe-Signature", stripetest.Sign(time.Now(), d.Body, *w.signs.Load()))
			answer := httptest.NewRecorder()
			w.processes[n%2].program.Hook.ServeHTTP(answer, req)
			if answer.Code != http.StatusOK {
				w.refused.Add(1)
			}
			w.fakes.Stripe.Acknowledge(d.Event)
		}
	}
}

// sees waits until n more orders came and were told.
func (w *works) sees(n int64) {
	w.t.Helper()
	until := w.sold.Load() + n
	require.Eventually(w.t, func() bool { return w.sold.Load() >= until }, time.Minute, time.Millisecond)
}

func (w *works) open() (n int) {
	for _, err := range w.store.List(context.Background(), inbox.Filter{States: []inbox.State{inbox.Ready, inbox.Parked}, Limit: 10_000}) {
		require.NoError(w.t, err)
		n++
	}
	return n
}

func (w *works) settle() {
	require.Eventually(w.t, func() bool { return w.open() == 0 }, time.Minute, 5*time.Millisecond)
}

// lost ends the flow and says what went wrong: orders that were paid and are not in the
// books once, and events that failed or died.
func (w *works) lost() (lost []string, failed int) {
	w.t.Helper()
	w.end()
	for e, err := range w.store.List(context.Background(), inbox.Filter{Limit: 10_000}) {
		require.NoError(w.t, err)
		if e.State == inbox.Dead {
			lost = append(lost, e.Event.Type+" is dead: "+e.Reason)
		}
		failed += e.Attempts
	}
	drafts := map[string]int{}
	for _, s := range w.fakes.ERP.AllSales() {
		drafts[s.Reference]++
	}
	for _, s := range w.buyers.Sales {
		if n := w.fakes.Front.Standing(s.Sale).Payments; n != 1 {
			lost = append(lost, fmt.Sprintf("order %d was paid and has %d invoices", s.ID, n))
		}
		if n := drafts[s.Reference()]; n != 1 {
			lost = append(lost, fmt.Sprintf("order %d was paid and has %d sales orders", s.ID, n))
		}
	}
	return lost, failed
}

// integration is what an admin does: a second integration is activated, and its keys come
// by the handshake.
func (w *works) integration() magento.Keys {
	w.t.Helper()
	far := w.fakes.Far()
	form := w.fakes.Shop.Activate(far.ShopURL)
	r := httptest.NewRequest(http.MethodPost, "https://us.example/magento", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a, err := magento.ParseActivation(r)
	require.NoError(w.t, err)
	keys, err := magento.Handshake{BaseURL: far.ShopURL, Transport: far.Shop}.Keys(w.t.Context(), a, time.Now())
	require.NoError(w.t, err)
	return keys
}

const newKey, newSecret = "sk_test_rotated", "whsec_rotated"

// rotate puts the three in and switches to them, in the order in which no delivery and no
// call can meet somebody who does not know: a secret is sealed, and every process has seen
// it, before Stripe signs with it.
func (w *works) rotate(keys magento.Keys) {
	w.t.Helper()
	ctx, p := w.t.Context(), w.processes[0]
	require.NoError(w.t, p.stripe.Put(ctx, commerce.NewSecret(newKey), time.Time{}))
	require.NoError(w.t, p.webhook.Put(ctx, commerce.NewSecret(newSecret), time.Time{}))
	require.NoError(w.t, p.shop.Put(ctx, keys, time.Time{}))
	<-time.After(2 * refresh)
	w.sees(3)
	signs := newSecret
	w.signs.Store(&signs)
	require.NoError(w.t, p.webhook.Switch(ctx))
	require.NoError(w.t, p.stripe.Switch(ctx))
	require.NoError(w.t, p.shop.Switch(ctx))
}

func TestAWebhookSecretAStripeKeyAndMagentoTokensAreRotatedWhileOrdersCome(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.sees(5)
	w.rotate(w.integration())
	w.sees(5)
	<-time.After(watched)
	for i := range 2 { // whoever comes first
		p := w.processes[i]
		_, err := p.stripe.Step(t.Context())
		require.NoError(t, err)
		_, err = p.webhook.Step(t.Context())
		require.NoError(t, err)
		st, err := p.shop.Step(t.Context())
		require.NoError(t, err)
		require.Nil(t, st.Previous)
	}
	old := w.fakes.Shop.Keys().ConsumerKey
	_, before := w.stripe.count(newKey)
	w.sees(8)

	lost, failed := w.lost()
	require.Empty(t, lost)
	require.Zero(t, failed, "events that were tried twice")
	require.Zero(t, w.refused.Load(), "deliveries")
	for _, c := range []struct {
		door *door
		old  string
	}{{w.stripe, journey.StripeKey}, {w.shop, old}} {
		c.door.mu.Lock()
		require.True(t, c.door.dead[c.old], "the old one is retired at the far side")
		require.Empty(t, c.door.refused, "calls, before the switch and after it")
		c.door.mu.Unlock()
	}
	_, after := w.stripe.count(newKey)
	require.Greater(t, after, before, "and the flow went on with the new ones")
	require.Len(t, w.notices, 9, "three planned, three switched, three retired: each told once")
	t.Logf("%d orders, %d calls of Stripe and none refused", w.sold.Load(), after)
}

func TestNewCredentialsThatEndWhileTheyAreWatchedAreRolledBackWhileOrdersCome(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.sees(5)
	keys := w.integration()
	w.rotate(keys)
	w.sees(5)
	w.stripe.kill(newKey, true)
	w.shop.kill(keys.ConsumerKey, true)
	require.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		n := 0
		for _, notice := range w.notices {
			if notice.Kind == vault.NoticeRolledBack {
				n++
			}
		}
		return n == 2
	}, time.Minute, time.Millisecond)
	// By hand, as nobody can be asked about a webhook's secret: Stripe signs as before.
	signs := journey.WebhookSecret
	w.signs.Store(&signs)
	require.NoError(t, w.processes[1].webhook.RollBack(t.Context(), "drill"))
	<-time.After(2 * refresh)
	refusedThen := func() int {
		a, _ := w.stripe.count(newKey)
		b, _ := w.shop.count(keys.ConsumerKey)
		return a + b
	}
	rolledBack := refusedThen()
	w.sees(8)

	lost, failed := w.lost()
	require.Empty(t, lost)
	require.Zero(t, failed, "a refused call was sent again with the old credential")
	require.Zero(t, w.refused.Load(), "deliveries")
	require.Equal(t, rolledBack, refusedThen(), "calls refused after the roll back")
	require.Less(t, rolledBack, 40, "and few before it")
	t.Logf("%d orders, %d calls refused before both were rolled back", w.sold.Load(), rolledBack)
}

// TestLeakedCredentialsAreEndedAtOnceAndNothingIsLost: nobody waits for the watch to end. The
// process that did not hear of it learns by a refusal, and sends the call again.
func TestLeakedCredentialsAreEndedAtOnceAndNothingIsLost(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.sees(5)
	w.rotate(w.integration())
	p := w.processes[0]
	require.NoError(t, p.stripe.Retire(t.Context()))
	require.NoError(t, p.shop.Retire(t.Context()))
	<-time.After(2 * refresh) // what Stripe signed with the old secret is on its way
	require.NoError(t, p.webhook.Retire(t.Context()))
	w.sees(8)
	lost, failed := w.lost()
	require.Empty(t, lost)
	require.Zero(t, failed, "events that were tried twice")
	require.Zero(t, w.refused.Load(), "deliveries")
	n, _ := w.stripe.count(journey.StripeKey)
	t.Logf("%d orders, %d calls with the leaked key refused and sent again", w.sold.Load(), n)
}

// TestTheControlWithoutAnOverlapLoses does what one does without slots: the far side changes
// first, the program learns of it later.
func TestTheControlWithoutAnOverlapLoses(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.sees(5)
	signs := newSecret
	w.signs.Store(&signs)
	w.stripe.kill(journey.StripeKey, true)
	w.shop.kill(w.fakes.Shop.Keys().ConsumerKey, true)
	w.sees(5)
	lost, failed := w.lost()
	require.NotEmpty(t, lost)
	require.NotZero(t, w.refused.Load())
	t.Logf("%d orders: %d things lost, %d events tried again, %d deliveries refused", w.sold.Load(), len(lost), failed, w.refused.Load())
}
