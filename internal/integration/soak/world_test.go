package soak_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/internal/fault"
	"github.com/commercesync/commerce/internal/integration/dbserver"
	"github.com/commercesync/commerce/internal/journey"
	"github.com/commercesync/commerce/sqlstore"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// world is everything around the program.
type world struct {
	t       *testing.T
	db      *sqlstore.DB
	dsn     string
	fakes   *journey.Fakes
	buyers  *journey.Buyers
	servers []*httptest.Server
	faults  fault.Set

	program *exec.Cmd
	stdin   io.Closer
	address string // of the program
	say     strings.Builder

	agenda []planned

	mu     sync.Mutex
	chance *rand.Rand
	happy  bool // no faults now
	mail   map[string]int
	acked  map[string]bool // ids of events that the program acknowledged
	ship   map[string]bool // references that were sent
	fates  map[string]int  // requests, those while faults are on, and faults so far, by name
	sent   stripetest.Delivered
}

// fates are the ways to fail. Each befalls 1 % of all requests.
var fates = map[string]fault.Fault{
	"refused":        {Kind: fault.Refused},
	"stalled":        {Kind: fault.Stalled},
	"lost":           {Kind: fault.Lost},
	"half":           {Kind: fault.Half},
	"502":            {Kind: fault.Answered, Status: http.StatusBadGateway},
	"502 afterwards": {Kind: fault.AfterEffect, Status: http.StatusBadGateway},
	"late":           {Kind: fault.Late, Delay: longestRequest / 4},
}

func newWorld(t *testing.T, d dbserver.Database) *world {
	w := &world{t: t, chance: rand.New(rand.NewPCG(1, 11)), mail: map[string]int{}, acked: map[string]bool{}, ship: map[string]bool{}, fates: map[string]int{}}
	var err error
	w.fakes, err = journey.NewFakes(journey.FakesConfig{LongestRequest: longestRequest})
	require.NoError(t, err)
	w.buyers = &journey.Buyers{Fakes: w.fakes, Fail: func(err error) { require.NoError(t, err) }, In: w.in}
	for name, f := range fates {
		f.Match = func(*http.Request) bool { return w.befalls(name) }
		w.faults.Add(f)
	}
	serve := func(h http.Handler) string {
		s := httptest.NewServer(h)
		w.servers = append(w.servers, s)
		return s.URL
	}
	faulty := func(h http.Handler) string { return serve(w.counted(w.faults.Handler(h))) }
	w.dsn = d.DSN(t)
	w.db = d.Store(t, d.Pool(t, w.dsn), sqlstore.Config{})
	keys, login := w.fakes.Shop.Keys(), w.fakes.ERP.Login()
	w.happy = true // it reads the ERP's taxes first
	w.start(job{Driver: d.Driver, DSN: w.dsn, Dialect: d.Dialect,
		StripeURL: faulty(w.fakes.Stripe), ShopURL: faulty(w.fakes.Shop), ERPURL: faulty(w.fakes.ERP) + "/",
		PostURL:     serve(http.HandlerFunc(w.takeMail)),
		ConsumerKey: keys.ConsumerKey, ConsumerSecret: keys.ConsumerSecret.Reveal(), Token: keys.AccessToken.Reveal(),
		TokenSecret: keys.AccessTokenSecret.Reveal(), User: login.User, Password: login.Password.Reveal()})
	return w
}

// befalls draws whether a fault befalls a request.
func (w *world) befalls(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.happy || w.chance.IntN(100) != 0 {
		return false
	}
	w.fates[name]++
	return true
}

func (w *world) calm(yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.happy = yes
}

func (w *world) counted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.fates["requests"]++
		if !w.happy {
			w.fates["exposed"]++
		}
		w.mu.Unlock()
		h.ServeHTTP(out, r)
	})
}

func (w *world) takeMail(_ http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mail[string(text)]++
}

// start starts the program and waits until it is ready.
func (w *world) start(j job) {
	spec, err := json.Marshal(j)
	require.NoError(w.t, err)
	w.program = exec.Command(os.Args[0])
	w.program.Env = append(os.Environ(), workerEnv+"="+string(spec))
	w.program.Stderr = &w.say
	w.stdin, err = w.program.StdinPipe()
	require.NoError(w.t, err)
	out, err := w.program.StdoutPipe()
	require.NoError(w.t, err)
	require.NoError(w.t, w.program.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(w.t, err, "the program did not come up")
	w.address = strings.TrimSpace(line)
}

// close ends the program in order, and the servers after it.
func (w *world) close() {
	_ = w.stdin.Close()
	late := time.AfterFunc(20*time.Second, func() { _ = w.program.Process.Kill() })
	err := w.program.Wait()
	late.Stop()
	require.NoError(w.t, err, w.say.String())
	for _, s := range w.servers {
		s.Close()
	}
}

// planned is what a story does later.
type planned struct {
	at time.Time
	do func()
}

// in plans how a story goes on: a minute of it takes a tenth of a second.
func (w *world) in(d time.Duration, do func()) {
	p := planned{time.Now().Add(d / 600), do}
	i, _ := slices.BinarySearchFunc(w.agenda, p.at, func(a planned, at time.Time) int { return cmp.Or(a.at.Compare(at), -1) })
	w.agenda = slices.Insert(w.agenda, i, p)
}

// tell lets happen what is due, in order.
func (w *world) tell() {
	for len(w.agenda) > 0 && !w.agenda[0].at.After(time.Now()) {
		next := w.agenda[0]
		w.agenda = w.agenda[1:]
		next.do()
	}
}

// paid says of each story that is told whether its orders are paid in the end.
var paid = map[string]bool{"card": true, "card, tried again": true, "declined, then another payment": true, "declined": false,
	"paid twice": true, "deposit and the rest": true, "one payment for two": true}

// ordersASecond is what the program carries on a small machine while seven requests in a
// hundred fail or stall: each order takes some fifty. With more the run measures a queue.
const ordersASecond = 4

// load lets customers buy at a steady rate.
func (w *world) load(for_ time.Duration) {
	var stories []journey.Story
	for _, y := range journey.Stories {
		if _, told := paid[y.Name]; told {
			stories = append(stories, y)
		}
	}
	end := time.NewTimer(for_)
	defer end.Stop()
	next := time.NewTicker(time.Second / ordersASecond)
	defer next.Stop()
	chance := rand.New(rand.NewPCG(2, 11))
	for n := 0; ; n++ {
		select {
		case <-end.C:
			return
		case <-next.C:
			w.buyers.Begin(chance, stories[n%len(stories)])
			w.tell()
			w.send()
		}
	}
}

// send is the warehouse: it sends what it was asked to send.
func (w *world) send() {
	for _, s := range w.buyers.Sales {
		if !paid[s.Story] || w.ship[s.Reference()] {
			continue
		}
		if rec, err := w.db.Steps().Get(w.t.Context(), "warehouse.request/"+s.Reference()); err != nil || rec.State != idempotency.Done {
			continue
		}
		require.NoError(w.t, w.fakes.ERP.Ship(s.Reference(), "TRACK-"+s.Number))
		w.ship[s.Reference()] = true
	}
}

// deliver brings every event to the program until it is acknowledged.
func (w *world) deliver(ctx context.Context) {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	carrier := &carrier{w, &http.Transport{DisableKeepAlives: true}}
	for {
		got, err := w.fakes.Stripe.Deliver(ctx, "http://"+w.address+"/", stripetest.DeliveryOptions{
			Duplicates: 0.01, Reordered: 0.15, MaxDelay: 50 * time.Millisecond, Workers: 4, Timeout: 5 * time.Second,
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

// carrier takes deliveries to the program, loses some answers, and remembers what was
// acknowledged.
type carrier struct {
	w  *world
	to *http.Transport
}

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
	out := r.Clone(r.Context())
	out.Body, out.ContentLength = io.NopCloser(strings.NewReader(string(body))), int64(len(body))
	resp, err := c.to.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 == 2 {
		c.w.mu.Lock()
		c.w.acked[event.ID] = true
		c.w.mu.Unlock()
	}
	if c.w.befalls("acknowledgement lost") {
		resp.Body.Close()
		return nil, io.ErrUnexpectedEOF
	}
	return resp, nil
}

// held asks the program what it holds.
func (w *world) held() held {
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + w.address + "/held")
	require.NoError(w.t, err)
	defer resp.Body.Close()
	var h held
	require.NoError(w.t, json.NewDecoder(resp.Body).Decode(&h))
	return h
}
