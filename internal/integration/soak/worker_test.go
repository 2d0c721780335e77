package soak_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/internal/journey"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/sqlstore"
	"github.com/commercesync/commerce/workflow"
)

// workerEnv holds what the program is told, as JSON of a job.
const workerEnv = "COMMERCE_SOAK_WORKER"

// job is what the program is told.
type job struct {
	Driver, DSN                string
	Dialect                    sqlstore.Dialect
	StripeURL, ShopURL, ERPURL string
	PostURL                    string // takes messages to customers
	ConsumerKey                string
	ConsumerSecret             string
	Token, TokenSecret         string
	User, Password             string
}

const (
	lease          = 2 * time.Second
	longestRequest = time.Second
	grace          = time.Second
)

// work is the program's whole life. It prints the address of its endpoint when it is
// ready, and ends in order when its standard input does.
func work(spec string) int {
	var j job
	err := json.Unmarshal([]byte(spec), &j)
	if err == nil {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
		err = j.run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		return 1
	}
	return 0
}

func (j job) run(ctx context.Context) error {
	pool, err := sql.Open(j.Driver, j.DSN)
	if err != nil {
		return err
	}
	defer pool.Close()
	pool.SetMaxOpenConns(8)
	pool.SetMaxIdleConns(8)
	db, err := sqlstore.Open(ctx, pool, j.Dialect, sqlstore.Config{})
	if err != nil {
		return err
	}
	far := &http.Transport{MaxIdleConnsPerHost: 16}
	p, err := journey.New(ctx, journey.Config{
		Far: journey.Far{StripeURL: j.StripeURL, ShopURL: j.ShopURL, ERPURL: j.ERPURL, LongestRequest: longestRequest,
			Stripe: far, Shop: far, ERP: far,
			ShopKeys: magento.Keys{ConsumerKey: j.ConsumerKey, ConsumerSecret: commerce.NewSecret(j.ConsumerSecret),
				AccessToken: commerce.NewSecret(j.Token), AccessTokenSecret: commerce.NewSecret(j.TokenSecret)},
			Login: tryton.Login{User: j.User, Password: commerce.NewSecret(j.Password)}},
		Store: db.Inbox(), Steps: db.Steps(), Grace: grace, PollEvery: 300 * time.Millisecond, Notifier: post{j.PostURL},
		// Of every hundred requests some seven fail here: the breaker opens again and again.
		Breaker: resilience.Breaker{Open: 200 * time.Millisecond},
		Inbox: inbox.Config{
			Lease: lease, Poll: 100 * time.Millisecond, Park: 100 * time.Millisecond,
			Backoff:     inbox.Backoff{Initial: 50 * time.Millisecond, Max: time.Second},
			MaxAttempts: 1000, Workers: 8,
		},
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", p.Hook)
	mux.HandleFunc("/held", func(w http.ResponseWriter, _ *http.Request) {
		far.CloseIdleConnections()
		_ = json.NewEncoder(w).Encode(holds(pool))
	})
	web := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- web.Serve(listener) }()
	fmt.Println(listener.Addr())
	err = p.Inbox.Run(ctx)
	closing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = web.Shutdown(closing)
	<-served
	return err
}

// held is what the program holds.
type held struct {
	HeapBytes    uint64 `json:"heap_bytes"` // after a collection
	Goroutines   int    `json:"goroutines"`
	Descriptors  int    `json:"descriptors"`
	Transactions int    `json:"transactions"` // connections in use
}

func holds(pool *sql.DB) held {
	runtime.GC()
	runtime.GC() // what a pool kept goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	open, _ := os.ReadDir("/proc/self/fd")
	return held{m.HeapAlloc, runtime.NumGoroutine(), len(open), pool.Stats().InUse}
}

// post brings messages to the post office of the test.
type post struct{ url string }

func (p post) Notify(ctx context.Context, m workflow.Message) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader([]byte(m.Order.Ref.ID+" "+string(m.Kind))))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
