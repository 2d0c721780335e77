package kill_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/internal/journey"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// world is everything around the workers.
type world struct {
	t       *testing.T
	fakes   *journey.Fakes
	job     job
	workers [2]*worker
	sales   []*sale
	servers []*httptest.Server

	effect chan struct{} // something took effect just now, and is not answered yet

	mu     sync.Mutex
	chance *rand.Rand
	mail   map[string]int
	acked  map[string]bool // ids of events that a worker acknowledged
	sent   stripetest.Delivered
}

// sale is an order, and how its payment goes.
type sale struct {
	journey.Sale
	story string
	paid  bool   // its money comes
	sent  bool   // the warehouse has sent it
	pi    string // of the payment that says what becomes of it
}

func newWorld(t *testing.T, driver, dsn string, apart bool) *world {
	w := &world{t: t, chance: rand.New(rand.NewPCG(seed(t), 11)), mail: map[string]int{}, acked: map[string]bool{},
		effect: make(chan struct{}, 1)}
	var err error
	w.fakes, err = journey.NewFakes(journey.FakesConfig{Seed: seed(t), DebitTime: time.Second, LongestRequest: longestRequest})
	require.NoError(t, err)
	serve := func(h http.Handler) string {
		s := httptest.NewServer(h)
		w.servers = append(w.servers, s)
		return s.URL
	}
	keys, login := w.fakes.Shop.Keys(), w.fakes.ERP.Login()
	w.job = job{Driver: driver, DSN: dsn, Apart: apart,
		StripeURL: serve(w.slow(w.fakes.Stripe)), ShopURL: serve(w.slow(w.fakes.Shop)), ERPURL: serve(w.slow(w.fakes.ERP)) + "/",
		PostURL:     serve(w.slow(http.HandlerFunc(w.takeMail))),
		ConsumerKey: keys.ConsumerKey, ConsumerSecret: keys.ConsumerSecret.Reveal(), Token: keys.AccessToken.Reveal(),
		TokenSecret: keys.AccessTokenSecret.Reveal(), User: login.User, Password: login.Password.Reveal()}
	for i := range w.workers {
		w.workers[i] = w.start()
	}
	return w
}

// close ends the workers in order and the servers after them.
func (w *world) close() {
	for _, x := range w.workers {
		x.stop(w.t)
	}
	for _, s := range w.servers {
		s.Close()
	}
}

func (w *world) intN(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.chance.IntN(n)
}

func (w *world) pause(upTo time.Duration) { <-time.After(time.Duration(w.intN(int(upTo)))) }

// slow lets a far side take its time, before it acts and before it answers. It goes
// on when the caller is gone, as servers do.
func (w *world) slow(h http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the caller died while it sent
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		w.pause(2 * time.Millisecond)
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		// Remarks, shipments and mails are what nothing but a key keeps from a second time.
		if strings.HasSuffix(r.URL.Path, "/comments") || strings.HasSuffix(r.URL.Path, "/ship") || r.URL.Path == "/" {
			select {
			case w.effect <- struct{}{}:
			default:
			}
		}
		w.pause(3 * time.Millisecond)
		for name, values := range answer.Header() {
			out.Header()[name] = values
		}
		out.WriteHeader(answer.Code)
		_, _ = out.Write(answer.Body.Bytes())
	})
}

func (w *world) takeMail(_ http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mail[string(text)]++
}

// worker is one process.
type worker struct {
	cmd   *exec.Cmd
	stdin io.Closer
	ready chan struct{} // closed when it announced its address, or ended without
	gone  chan struct{} // closed when its output ended
	addr  string        // after ready; empty = it never came up
	say   strings.Builder
}

func (w *world) start() *worker {
	spec, err := json.Marshal(w.job)
	require.NoError(w.t, err)
	x := &worker{cmd: exec.Command(os.Args[0]), ready: make(chan struct{}), gone: make(chan struct{})}
	x.cmd.Env = append(os.Environ(), workerEnv+"="+string(spec))
	x.cmd.Stderr = &x.say
	x.stdin, err = x.cmd.StdinPipe()
	require.NoError(w.t, err)
	out, err := x.cmd.StdoutPipe()
	require.NoError(w.t, err)
	require.NoError(w.t, x.cmd.Start())
	go func() {
		defer close(x.gone)
		in := bufio.NewReader(out)
		line, err := in.ReadString('\n')
		if err == nil {
			x.addr = strings.TrimSpace(line)
		}
		close(x.ready)
		_, _ = io.Copy(io.Discard, in)
	}()
	return x
}

// kill ends the process as a power cut would end it.
func (x *worker) kill(t *testing.T) {
	require.NoError(t, x.cmd.Process.Kill())
	<-x.gone
	_ = x.cmd.Wait()
	if x.cmd.ProcessState.ExitCode() != -1 {
		t.Errorf("a worker ended by itself: %s", x.say.String())
	}
	_ = x.stdin.Close()
}

// stop lets the process end in order.
func (x *worker) stop(t *testing.T) {
	_ = x.stdin.Close()
	late := time.AfterFunc(20*time.Second, func() { _ = x.cmd.Process.Kill() })
	defer late.Stop()
	<-x.gone
	if err := x.cmd.Wait(); err != nil {
		t.Errorf("a worker did not end in order: %v: %s", err, x.say.String())
	}
}

// buy lets a customer order and pay.
func (w *world) buy() {
	w.mu.Lock()
	placed, err := w.fakes.Place(w.chance, journey.Currency(w.chance))
	n := w.chance.IntN(100)
	w.mu.Unlock()
	require.NoError(w.t, err)
	s := &sale{Sale: placed, paid: true}
	w.sales = append(w.sales, s)
	pay := func(p stripetest.Purchase) string {
		i, err := w.fakes.Stripe.Pay(p)
		require.NoError(w.t, err)
		return i.ID
	}
	switch {
	case n < 60:
		s.story, s.pi = "card", pay(s.Purchase(stripetest.Card))
	case n < 70:
		s.story, s.paid, s.pi = "declined", false, pay(s.Purchase(stripetest.CardDeclined))
	case n < 80:
		s.story, s.pi = "bank debit", pay(s.Purchase(stripetest.Debit))
	case n < 88:
		s.story, s.pi = "paid twice", pay(s.Purchase(stripetest.Card))
		pay(s.Purchase(stripetest.Mastercard))
	default:
		w.mu.Lock()
		other, err := w.fakes.Place(w.chance, s.Due.Currency())
		w.mu.Unlock()
		require.NoError(w.t, err)
		sum, err := s.Due.Add(other.Due)
		require.NoError(w.t, err)
		s.story = "one payment for two"
		s.pi = pay(stripetest.Purchase{Amount: sum.Minor(), Currency: sum.Currency().Lower(),
			Metadata: journey.For(journey.Part{Sale: s.Sale, Amount: s.Due}, journey.Part{Sale: other, Amount: other.Due})})
		w.sales = append(w.sales, &sale{Sale: other, story: s.story, paid: true, pi: s.pi})
	}
}

// deliver brings every event to one worker or the other until it is acknowledged.
func (w *world) deliver(ctx context.Context) {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	carrier := &carrier{w: w, to: &http.Transport{DisableKeepAlives: true}}
	for {
		got, err := w.fakes.Stripe.Deliver(ctx, "http://worker/", stripetest.DeliveryOptions{
			Duplicates: 0.15, Reordered: 0.15, MaxDelay: 100 * time.Millisecond, Workers: 4, Timeout: 5 * time.Second,
			Retry: func(int) (time.Duration, bool) { return 50 * time.Millisecond, true }, Transport: carrier})
		w.sent.Add(got)
		if err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// carrier takes each delivery to a worker of its choice, and remembers what was
// acknowledged.
type carrier struct {
	w  *world
	to *http.Transport
}

var errNobody = errors.New("no worker is up")

func (c *carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var event struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return nil, err
	}
	addr := c.w.address()
	if addr == "" {
		return nil, errNobody
	}
	out := r.Clone(r.Context())
	out.URL.Host, out.Host = addr, addr
	out.Body, out.ContentLength = io.NopCloser(strings.NewReader(string(body))), int64(len(body))
	resp, err := c.to.RoundTrip(out)
	if err == nil && resp.StatusCode/100 == 2 {
		c.w.mu.Lock()
		c.w.acked[event.ID] = true
		c.w.mu.Unlock()
	}
	return resp, err
}

// address is that of a worker that is up; empty = none.
func (w *world) address() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	first := w.chance.IntN(len(w.workers))
	for i := range w.workers {
		x := w.workers[(first+i)%len(w.workers)]
		select {
		case <-x.ready:
			if x.addr != "" {
				return x.addr
			}
		default:
		}
	}
	return ""
}

// killOne kills a worker and starts another in its place: at a random instant of its
// life, or half of the time in the moment between an effect and its answer, if it
// was this worker's.
func (w *world) killOne() {
	i := w.intN(len(w.workers))
	x := w.workers[i]
	<-x.ready
	const life = 350 * time.Millisecond // most of what was bought just now is worked in that time
	if w.intN(2) == 0 {
		w.pause(life)
	} else {
		w.pause(life / 4)
		select { // what happened before is no news
		case <-w.effect:
		default:
		}
		late := time.NewTimer(life)
		select {
		case <-w.effect:
		case <-late.C:
		}
		late.Stop()
	}
	x.kill(w.t)
	next := w.start()
	w.mu.Lock()
	w.workers[i] = next
	w.mu.Unlock()
}
