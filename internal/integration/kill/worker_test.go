package kill_test

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
	"time"

	_ "modernc.org/sqlite"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/internal/journey"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/sqlstore"
	"github.com/commercesync/commerce/workflow"
)

// workerEnv holds what a worker is told, as JSON of a job.
const workerEnv = "COMMERCE_KILL_WORKER"

// job is what a worker is told.
type job struct {
	Driver, DSN                string
	StripeURL, ShopURL, ERPURL string
	PostURL                    string // takes messages to customers
	ConsumerKey                string
	ConsumerSecret             string
	Token, TokenSecret         string
	User, Password             string
	// Apart: keys are written after their effects.
	Apart bool
}

const (
	lease          = 2 * time.Second
	longestRequest = 300 * time.Millisecond
	grace          = 300 * time.Millisecond
)

func (j job) dialect() sqlstore.Dialect {
	return map[string]sqlstore.Dialect{"sqlite": sqlstore.SQLite, "pgx": sqlstore.PostgreSQL, "mysql": sqlstore.MySQL}[j.Driver]
}

// work is a worker's whole life. It prints the address of its endpoint when it is
// ready, and ends in order when its standard input does.
func work(spec string) int {
	if err := (func() error {
		var j job
		if err := json.Unmarshal([]byte(spec), &j); err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
		return j.run(ctx)
	})(); err != nil {
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
	pool.SetMaxOpenConns(10)
	db, err := sqlstore.Open(ctx, pool, j.dialect(), sqlstore.Config{})
	if err != nil {
		return err
	}
	var steps idempotency.Store = db.Steps()
	if j.Apart {
		steps = apart{Store: steps}
	}
	p, err := journey.New(ctx, journey.Config{
		Far: journey.Far{StripeURL: j.StripeURL, ShopURL: j.ShopURL, ERPURL: j.ERPURL, LongestRequest: longestRequest,
			ShopKeys: magento.Keys{ConsumerKey: j.ConsumerKey, ConsumerSecret: commerce.NewSecret(j.ConsumerSecret),
				AccessToken: commerce.NewSecret(j.Token), AccessTokenSecret: commerce.NewSecret(j.TokenSecret)},
			Login: tryton.Login{User: j.User, Password: commerce.NewSecret(j.Password)}},
		Store: db.Inbox(), Steps: steps, Grace: grace, PollEvery: 300 * time.Millisecond, Notifier: post{j.PostURL},
		Inbox: inbox.Config{
			Lease: lease, Poll: 100 * time.Millisecond, Park: 100 * time.Millisecond,
			Backoff: inbox.Backoff{Initial: 50 * time.Millisecond, Max: 500 * time.Millisecond},
			// Far more workers die here than an event's work could be blamed for.
			MaxStarts: 1000, MaxAttempts: 1000,
		},
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	web := &http.Server{Handler: p.Hook, ReadHeaderTimeout: 5 * time.Second}
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

// post brings messages to the post office of the parent.
type post struct{ url string }

func (p post) Notify(ctx context.Context, m workflow.Message) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader([]byte(m.Order.Ref.ID+" "+string(m.Kind))))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return &commerce.Error{Kind: commerce.KindUnavailable, System: "post", Op: "send", Outcome: commerce.Unknown, Err: err}
	}
	return resp.Body.Close()
}

// apart is the control: a key that is apart from its effect. Nothing is written
// before the effect; the record comes after it, as in a program that keeps a table of
// what it has done. It takes a kill between the two for a step to be done again
// without a look.
type apart struct{ idempotency.Store }

func (a apart) Begin(ctx context.Context, r idempotency.BeginRequest) (idempotency.Grant, error) {
	rec, err := a.Get(ctx, r.Key)
	if err == nil && rec.State == idempotency.Done {
		return idempotency.Grant{Record: rec}, nil
	}
	if err != nil && commerce.KindOf(err) != commerce.KindNotFound {
		return idempotency.Grant{}, err
	}
	return idempotency.Grant{Record: idempotency.Record{Key: r.Key, State: idempotency.Open}, Acquired: true}, nil
}

func (a apart) End(ctx context.Context, key string, _ int64, state idempotency.State, result []byte) error {
	if state != idempotency.Done {
		return nil
	}
	g, err := a.Store.Begin(ctx, idempotency.BeginRequest{Key: key, Class: idempotency.Keyed, Lease: time.Second, Settle: time.Second})
	if err != nil || !g.Acquired {
		return err
	}
	return a.Store.End(ctx, key, g.Record.Token, state, result)
}
