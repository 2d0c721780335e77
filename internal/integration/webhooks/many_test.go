package webhooks_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/internal/integration/dbserver"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/sqlstore"
	"github.com/commercesync/commerce/stripe"
)

// TestSimultaneousCopiesOfOneEventAreHandledOnce sends one event many times at the same
// moment, to two programs on one store, each with a worker.
func TestSimultaneousCopiesOfOneEventAreHandledOnce(t *testing.T) {
	t.Parallel()
	n := size(200, 10_000)
	eachPlace(t, func(t *testing.T, p place) {
		open := p.open(t)
		effects, events := copies(t, open, n, asItIs)
		require.Equal(t, 1, effects)
		require.Equal(t, 1, events)
	})
	t.Run("control: where no id is remembered", func(t *testing.T) {
		t.Parallel()
		effects, _ := copies(t, places()[0].open(t), 500, mindless)
		require.Greater(t, effects, 1)
		t.Logf("500 copies: %d effects", effects)
	})
}

func copies(t *testing.T, open func() inbox.Store, n int, c control) (effects, events int) {
	d := newDesk(t, "t1", open, c)
	other := newDesk(t, "t1", open, c)
	ctx, stop := context.WithCancel(t.Context())
	var running, sending sync.WaitGroup
	for _, in := range []*inbox.Inbox{d.in, other.in} {
		running.Go(func() { _ = in.Run(ctx) })
	}
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 100, MaxIdleConnsPerHost: 100}}
	defer client.CloseIdleConnections()
	b := paid("evt_1")
	signature := d.sign(b)
	gate := make(chan struct{})
	var again atomic.Int64
	for i := range n {
		url := []string{d.server.URL, other.server.URL}[i%2]
		sending.Go(func() {
			<-gate
			for {
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(b))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set(stripe.SignatureHeader, signature)
				resp, err := client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if resp.StatusCode == http.StatusOK {
					return
				}
				if resp.StatusCode != http.StatusServiceUnavailable {
					t.Errorf("status %d", resp.StatusCode)
					return
				}
				again.Add(1)
			}
		})
	}
	close(gate)
	sending.Wait()
	stop()
	running.Wait()
	d.work() // what is left
	for _, x := range []*desk{d, other} {
		k, m := x.far.total()
		effects, events = effects+k, events+m
	}
	t.Logf("%d copies, %d times told to come again, %d effects", n, again.Load(), effects)
	return effects, events
}

// TestAPoisonEventKeepsNobody lets one event of a system fail again and again beside 50
// healthy ones of the same system, through one breaker.
func TestAPoisonEventKeepsNobody(t *testing.T) {
	t.Parallel()
	for name, poison := range map[string]func(w http.ResponseWriter){
		"by 503":      func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) },
		"by bad JSON": func(w http.ResponseWriter) { _, _ = io.WriteString(w, "{") },
		"by a panic":  nil,
		"by a cut":    func(w http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachPlace(t, func(t *testing.T, p place) {
				if p.name != "memory" && name != "by 503" && size(0, 1) == 0 {
					t.Skip("with FULL=1")
				}
				works, healthy := poisoned(t, p, poison, 3)
				require.Equal(t, 50, healthy)
				require.LessOrEqual(t, works, calmBound, "claims until the last healthy one had ended")
			})
		})
	}
	t.Run("control: a breaker that one event alone can open", func(t *testing.T) {
		t.Parallel()
		_, healthy := poisoned(t, places()[0], func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }, 1)
		require.Less(t, healthy, 50)
		t.Logf("%d of 50 healthy ones ended", healthy)
	})
}

// calmBound is how many claims 50 healthy events may take: one each, one for the poison,
// and one to find that nothing is left.
const calmBound = 52

func poisoned(t *testing.T, p place, poison func(w http.ResponseWriter), roots int) (works, healthy int) {
	side := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/pi_poison" && poison != nil {
			poison(w)
			return
		}
		_, _ = io.WriteString(w, "{}")
	}))
	defer side.Close()
	policy, err := resilience.New("far", resilience.Config{
		Retry:   resilience.Retry{Attempts: 1},
		Breaker: resilience.Breaker{Failures: 1, Roots: roots},
	})
	require.NoError(t, err)
	client := &http.Client{Transport: policy.Transport(&http.Transport{DisableKeepAlives: true})}
	handle := func(ctx context.Context, e commerce.Event) error {
		if e.Subject == "pi_poison" && poison == nil {
			panic("poison")
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, side.URL+"/"+e.Subject, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || string(text) != "{}" || resp.StatusCode != http.StatusOK {
			return commerce.Errorf(commerce.KindUnavailable, "far", "get", "no answer")
		}
		return nil
	}
	store := p.open(t)()
	in, err := inbox.New(store, inbox.Config{
		Handlers: inbox.Handlers{"stripe *": {{Name: "far", Handle: handle}}},
		Backoff:  inbox.Backoff{Initial: time.Hour}, // so that what is counted does not depend on the machine
	})
	require.NoError(t, err)
	bad := event("t1", "poison")
	bad.Ref.ID = "evt_" // the first to be worked
	events := []commerce.Event{bad}
	for i := range 50 {
		events = append(events, event("t1", fmt.Sprintf("%02d", i)))
	}
	_, err = in.Append(t.Context(), events...)
	require.NoError(t, err)
	for n := 1; n > 0; works++ {
		n, err = in.Work(t.Context())
		require.NoError(t, err)
	}
	for e, err := range store.List(t.Context(), inbox.Filter{States: []inbox.State{inbox.Done}, Limit: 100}) {
		require.NoError(t, err)
		if e.Event.Subject != "pi_poison" {
			healthy++
		}
	}
	return works, healthy
}

func event(tenant, id string) commerce.Event {
	return commerce.Event{Ref: commerce.Ref{Tenant: tenant, System: "stripe", Account: "acct_1", Mode: commerce.Test, ID: "evt_" + id},
		Type: "charge.succeeded", Object: "ch_" + id, Subject: "pi_" + id, Created: start, Raw: []byte(`{}`)}
}

// TestAQuietTenantIsHeardBesideAFlood counts the claims until a quiet tenant's one event
// is in hand that came after another tenant's flood.
func TestAQuietTenantIsHeardBesideAFlood(t *testing.T) {
	t.Parallel()
	n := size(1_000, 100_000)
	flooded := func(t *testing.T, p place, quiet string) int {
		store := flood(t, p, n)
		request := inbox.ClaimRequest{Owner: "w", Roots: 1, Events: 32, Lease: time.Hour}
		for range 3 { // the flood is at work already
			_, err := store.Claim(t.Context(), request)
			require.NoError(t, err)
		}
		_, err := store.Append(t.Context(), inbox.Batch{ID: "quiet", Events: []commerce.Event{event(quiet, "quiet")}})
		require.NoError(t, err)
		for claims := 1; claims <= 100; claims++ {
			got, err := store.Claim(t.Context(), request)
			require.NoError(t, err)
			require.Len(t, got, 1)
			if got[0].Events[0].Event.Ref.ID == "evt_quiet" {
				return claims
			}
		}
		return -1
	}
	eachPlace(t, func(t *testing.T, p place) {
		claims := flooded(t, p, "quiet")
		t.Logf("%d events of another tenant: in hand after %d claims", n, claims)
		require.Positive(t, claims)
		require.LessOrEqual(t, claims, quietBound)
	})
	t.Run("control: an event of the loud tenant's own", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, -1, flooded(t, places()[0], "loud"), "in hand within 100 claims")
	})
}

// quietBound is how many claims a tenant may wait: who has work is asked every eighth
// claim, and then the two take turns.
const quietBound = 8 + 2

// flood stores many events of one tenant, each of a root of its own, that are due long
// since. Databases are filled by themselves, which is quicker.
func flood(t *testing.T, p place, n int) inbox.Store {
	if p.flood != nil {
		return p.flood(t, n)
	}
	store := p.open(t)()
	var events []commerce.Event
	for i := range n {
		events = append(events, event("loud", fmt.Sprint(i)))
	}
	_, err := store.Append(t.Context(), inbox.Batch{ID: "flood", Events: events})
	require.NoError(t, err)
	return store
}

// fill writes due events of one tenant; n is a power of ten.
func fill(t testing.TB, d dbserver.Database, pool *sql.DB, n int) {
	number := "n.i"
	if d.Dialect != sqlstore.MySQL {
		number = "CAST(n.i AS TEXT)"
	}
	text := func(head, tail string) string {
		if d.Dialect == sqlstore.MySQL {
			return "CONCAT('" + head + "', " + number + ", '" + tail + "')"
		}
		return "'" + head + "' || " + number + " || '" + tail + "'"
	}
	// As many digits as n has noughts: MariaDB bounds recursion at a thousand.
	const digits = "(SELECT 0 AS i UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4" +
		" UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9) "
	sum, from := "1", ""
	for place, ten := 0, 1; ten < n; place, ten = place+1, 10*ten {
		sum += fmt.Sprintf(" + %d * d%d.i", ten, place)
		from += fmt.Sprintf(", %s d%d", digits, place)
	}
	numbers := "(SELECT " + sum + " AS i FROM " + from[2:] + ") n"
	due := start.UnixMicro()
	for _, q := range []string{
		fmt.Sprintf(`INSERT INTO commerce_events (seq, ref, clash, tenant, type, object, subject, person, api_version, created, received, batch, overlay, raw)
			SELECT n.i, %s, '', 'loud', 'charge.succeeded', 'ch', %s, '', '', %d, %[3]d + n.i, 'flood', '', '' FROM %s WHERE n.i <= %d`,
			text("loud/stripe/acct_1/test/evt_", ""), text("loud/stripe/acct_1/test/pi_", ""), due, numbers, n),
		`INSERT INTO commerce_queue (seq, tenant, subject, created, repair, state, due, attempts, starts, generation, ended, reason, code, handler)
			SELECT seq, tenant, subject, created, 0, 'ready', received, 0, 0, 1, 0, '', '', '' FROM commerce_events`,
	} {
		_, err := pool.ExecContext(t.Context(), q)
		require.NoError(t, err)
	}
	if d.Dialect == sqlstore.PostgreSQL {
		_, err := pool.ExecContext(t.Context(), fmt.Sprintf("SELECT setval('commerce_events_seq_seq', %d)", n))
		require.NoError(t, err)
	}
}

// TestASlowTenantLeavesWorkersToOthers lets every handler of one tenant hang.
func TestASlowTenantLeavesWorkersToOthers(t *testing.T) {
	t.Parallel()
	slow := func(t *testing.T, p place, tenantWorkers int) (heard bool) {
		hang := make(chan struct{})
		begun := make(chan struct{}, 10)
		quiet := make(chan struct{})
		handle := func(_ context.Context, e commerce.Event) error {
			if e.Ref.Tenant == "quiet" {
				close(quiet)
				return nil
			}
			begun <- struct{}{}
			<-hang
			return nil
		}
		in, err := inbox.New(p.open(t)(), inbox.Config{Workers: 4, TenantWorkers: tenantWorkers, Poll: 20 * time.Millisecond,
			Handlers: inbox.Handlers{"stripe *": {{Name: "far", Handle: handle}}}})
		require.NoError(t, err)
		var events []commerce.Event
		for i := range 10 {
			events = append(events, event("loud", fmt.Sprint(i)))
		}
		_, err = in.Append(t.Context(), events...)
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- in.Run(ctx) }()
		for range tenantWorkers {
			<-begun
		}
		_, err = in.Append(t.Context(), event("quiet", "q"))
		require.NoError(t, err)
		patience := 10 * time.Second
		if tenantWorkers == 4 {
			patience = 200 * time.Millisecond // in vain
		}
		select {
		case <-quiet:
			heard = true
		case <-time.After(patience):
		}
		stop()
		close(hang)
		require.NoError(t, <-done)
		return heard
	}
	eachPlace(t, func(t *testing.T, p place) { require.True(t, slow(t, p, 3)) })
	t.Run("control: a tenant that may have every worker", func(t *testing.T) {
		t.Parallel()
		require.False(t, slow(t, places()[0], 4))
	})
}
