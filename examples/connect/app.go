package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/connection"
	"github.com/commercesync/commerce/oauth"
	"github.com/commercesync/commerce/sqlstore"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/vault"
	"github.com/commercesync/commerce/vault/keyring"
)

// tenant is whose the connections are. This program has one; yours takes it from the login.
const tenant = "demo"

// app is the parts, composed.
type app struct {
	public  string // where people reach it
	mode    commerce.Mode
	log     *slog.Logger
	people  *people
	guard   *vault.Guard
	access  *vault.AccessLog
	key     *vault.Slot[commerce.Secret] // the platform's
	flow    *oauth.Flow
	results connection.Memory
	checker *connection.Checker
	demo    *demo // nil where Stripe is Stripe
	apiURL  string
	close   func()
}

// platform owns the key that acts for all connected accounts.
func (a *app) platform() commerce.Ref {
	return commerce.Ref{Tenant: tenant, System: "stripe", Account: "platform", Mode: a.mode}
}

const keyName = "api_key"

func compose(ctx context.Context, log *slog.Logger, env func(string) string, local string) (*app, error) {
	a := &app{public: or(strings.TrimRight(env("PUBLIC_URL"), "/"), local), log: log, close: func() {}}
	client, key := env("STRIPE_CLIENT_ID"), env("STRIPE_KEY")
	callback := a.public + "/connect/stripe/callback"
	w := wiring{client: client, key: key, callback: callback, store: &vault.Memory{}, lines: &vault.AccessMemory{}}
	switch given := [3]bool{client != "", key != "", env("PUBLIC_URL") != ""}; given {
	case [3]bool{}:
		fresh, err := vault.FreshRing()
		if err != nil {
			return nil, err
		}
		if a.demo, err = newDemo(callback); err != nil {
			return nil, err
		}
		w.ring = vault.Fixed(fresh)
		w.client, w.key, w.authorizeURL, a.apiURL, a.close = a.demo.client, a.demo.keys[0], a.demo.url, a.demo.url, a.demo.close
	case [3]bool{true, true, true}:
		db, end, err := open(ctx, filepath.Join(env("DATA"), "connect.db"))
		if err != nil {
			return nil, err
		}
		file := keyring.File{Path: filepath.Join(env("DATA"), "connect.keys")}
		if err := file.Create(ctx); err != nil && !errors.Is(err, commerce.ErrConflict) {
			end()
			return nil, err
		}
		w.store, w.lines, w.ring, a.close = db.Vault(), db.AccessLog(), file.Load, end
		w.authorizeURL, a.apiURL = env("STRIPE_URL"), env("STRIPE_URL")
	default:
		return nil, errors.New("STRIPE_CLIENT_ID, STRIPE_KEY and PUBLIC_URL are set together, or none of them")
	}
	a.mode = commerce.ModeOf(strings.Contains(w.key, "_live_"))
	if err := a.wire(ctx, env, w); err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

// wiring is what differs between the demonstration and Stripe.
type wiring struct {
	client, key, callback, authorizeURL string
	store                               vault.Store
	lines                               vault.AccessStore
	ring                                func(context.Context) (*vault.Ring, error)
}

// wire puts the parts together, as your program would.
func (a *app) wire(ctx context.Context, env func(string) string, w wiring) error {
	var err error
	if a.people, err = newPeople(env("TOTP_SECRET"), strings.HasPrefix(a.public, "https:")); err != nil {
		return err
	}
	safe, err := vault.New(ctx, vault.Config{Store: w.store, Ring: w.ring})
	if err != nil {
		return err
	}
	a.access, err = vault.NewAccessLog(ctx, safe, w.lines, vault.AccessConfig{
		Patterns: []vault.Pattern{{Name: "refused again and again", Count: 5, Within: 10 * time.Minute,
			Match: func(l vault.Access) bool { return l.Outcome == string(commerce.KindForbidden) },
			By:    func(l vault.Access) string { return l.Actor }}},
		Alert: func(ctx context.Context, alarm vault.Alarm) {
			a.log.WarnContext(ctx, "access log: "+alarm.Pattern, "actor", alarm.Accesses[0].Actor)
		}})
	if err != nil {
		return err
	}
	if a.guard, err = vault.NewGuard(safe, vault.GuardConfig{Log: a.access, Authorize: a.people.authorize}); err != nil {
		return err
	}
	c := vault.SlotConfig[commerce.Secret]{Keeper: a.guard, Owner: a.platform(), Name: keyName, Verify: a.verify,
		Notify: func(ctx context.Context, n vault.Notice) {
			a.log.InfoContext(ctx, "key", "what", string(n.Kind), "fingerprint", n.Fingerprint, "why", n.Why)
		}}
	if a.demo != nil { // Stripe's API has no call that ends a key: there a person does it
		c.Retire = a.demo.retire
	}
	if a.key, err = vault.NewSlot(c); err != nil {
		return err
	}
	setup := withProof(vault.As(ctx, "program", "first start"))
	if _, err := a.key.Current(setup); errors.Is(err, commerce.ErrNotFound) {
		if err := a.key.Put(setup, commerce.NewSecret(w.key), time.Time{}); err != nil {
			return fmt.Errorf("STRIPE_KEY: %w", err)
		}
	} else if err != nil {
		return err
	}
	provider, err := oauth.StripeConnect(oauth.Connect{ClientID: w.client, Key: a.key, Scope: "read_write", URL: w.authorizeURL, APIURL: a.apiURL})
	if err != nil {
		return err
	}
	a.flow, err = oauth.New(oauth.Config{Provider: provider, Mode: a.mode, RedirectURL: w.callback, Keeper: a.guard, States: safe,
		Session: a.people.session, Page: a.outcome, Logger: a.log,
		Notify: func(ctx context.Context, n oauth.Notice) error {
			a.log.InfoContext(ctx, "connection", "what", string(n.Kind), "account", n.Connection.Account, "actor", n.Actor)
			return nil
		}})
	if err != nil {
		return err
	}
	a.checker, err = connection.New(connection.Config{Connections: a.connections, Timeout: 15 * time.Second, Store: &a.results})
	return err
}

// open opens the database file.
func open(ctx context.Context, path string) (*sqlstore.DB, func(), error) {
	pool, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, nil, err
	}
	end := func() { _ = pool.Close() }
	db, err := sqlstore.Open(ctx, pool, sqlstore.SQLite, sqlstore.Config{})
	if err != nil {
		end()
	}
	return db, end, err
}

// stripeClient acts for an account; "" is the platform's own.
func (a *app) stripeClient(key commerce.Credentials[commerce.Secret], account string) (*stripe.Client, error) {
	return stripe.NewClient(stripe.Config{Credentials: key, Account: account, Tenant: tenant, BaseURL: a.apiURL})
}

// verify asks Stripe whether it takes a key.
func (a *app) verify(ctx context.Context, key commerce.Secret) error {
	if mode := commerce.ModeOf(strings.Contains(key.Reveal(), "_live_")); mode != a.mode {
		return commerce.Errorf(commerce.KindAuth, "stripe", "verify key", "the key is of %s mode, and the connections are of %s mode", mode, a.mode)
	}
	c, err := a.stripeClient(commerce.Static(key), "")
	if err != nil {
		return err
	}
	return c.Ping(ctx)
}

// tend does in the background what has a time: the rotation's next step, and the checks.
func (a *app) tend(ctx context.Context) {
	minute, hour := time.NewTicker(time.Minute), time.NewTicker(time.Hour)
	defer minute.Stop()
	defer hour.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-minute.C:
			if _, err := a.key.Step(vault.As(ctx, "program", "rotation")); err != nil {
				a.log.WarnContext(ctx, "rotation", "error", err)
			}
		case <-hour.C:
			if _, err := a.checker.Check(vault.As(ctx, "program", "check")); err != nil {
				a.log.WarnContext(ctx, "check", "error", err)
			}
		}
	}
}
