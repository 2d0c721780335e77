package connection

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/commercesync/commerce"
)

const room = "connection"

// Connection is one account at one system, and how it is looked at.
type Connection struct {
	// Ref is whose it is: tenant, system, account and mode, without an id.
	Ref commerce.Ref

	// Check looks and says what it found. It should end with its context; one that does
	// not is given up, and not started again before it came back.
	Check func(ctx context.Context) commerce.Findings

	// Key returns the credential in use, of which a fingerprint is kept: the Current of
	// a Stripe client's credentials fits. Nil keeps none.
	Key func(ctx context.Context) (commerce.Secret, error)

	// Group names the connections that work together; those of one group have to be of
	// one mode. Empty is compared with nothing.
	Group string
}

// These is a fixed list for [Config].Connections.
func These(all ...Connection) func(context.Context) ([]Connection, error) {
	return func(context.Context) ([]Connection, error) { return all, nil }
}

// Config says what is checked and who hears of it. Connections must be set.
type Config struct {
	// Connections returns what there is to check; asked for each check, as merchants
	// come and go.
	Connections func(ctx context.Context) ([]Connection, error)

	// Timeout bounds the check of one connection. Defaults to 30 seconds.
	Timeout time.Duration

	// Within bounds a check of all connections, what is kept and told included. Those
	// whose turn did not come by then are told with code [CodeNotRun]. Defaults to twice
	// Timeout.
	Within time.Duration

	// Parallel is how many connections are looked at at once. Defaults to 64.
	Parallel int

	// Store keeps the last results. Defaults to a [Memory].
	Store Store

	// Notify is told what is new and what is mended at a connection; nothing where
	// nothing changed. A change that could not be told is told again after the next check.
	Notify func(ctx context.Context, c Change) error

	// Every is how often Run checks. Defaults to 1 hour.
	Every time.Duration

	// Now is the clock of the results. Defaults to time.Now.
	Now func() time.Time
}

// Checker checks connections. It is safe for concurrent use.
type Checker struct {
	c Config

	mu   sync.Mutex
	busy map[commerce.Ref]chan struct{} // closed when the check of a connection has come back
}

// New checks the config. An error is of kind invalid and names the field.
func New(c Config) (*Checker, error) {
	bad := func(text string) (*Checker, error) {
		return nil, commerce.Errorf(commerce.KindInvalid, room, "new checker", "%s", text)
	}
	switch {
	case c.Connections == nil:
		return bad("Config.Connections is not set")
	case c.Timeout < 0 || c.Within < 0 || c.Every < 0:
		return bad("Config.Timeout, Config.Within and Config.Every must not be negative")
	case c.Parallel < 0:
		return bad("Config.Parallel is negative")
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.Within == 0 {
		c.Within = 2 * c.Timeout
	}
	if c.Every == 0 {
		c.Every = time.Hour
	}
	if c.Parallel == 0 {
		c.Parallel = 64
	}
	if c.Store == nil {
		c.Store = &Memory{}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Checker{c: c, busy: map[commerce.Ref]chan struct{}{}}, nil
}

// Check looks at every connection, or at those that are named, and returns one result each,
// in the order of Config.Connections. It ends within Config.Within whatever hangs. The
// error says what could not be kept or told; the results stand beside it.
func (c *Checker) Check(ctx context.Context, only ...commerce.Ref) ([]Result, error) {
	ctx, cancel := context.WithTimeout(ctx, c.c.Within)
	defer cancel()
	all, err := within(ctx, c.c.Connections)
	if err != nil {
		return nil, fmt.Errorf("connection: list connections: %w", err)
	}
	if len(only) > 0 {
		all = slices.DeleteFunc(slices.Clone(all), func(x Connection) bool { return !slices.Contains(only, x.Ref) })
	}
	disagree := modes(all)
	results, errs := make([]Result, len(all)), make([]error, len(all))
	places := make(chan struct{}, c.c.Parallel)
	var wait sync.WaitGroup
	for i, conn := range all {
		wait.Go(func() {
			select {
			case places <- struct{}{}:
				defer func() { <-places }()
				results[i], errs[i] = c.one(ctx, conn, disagree[conn.Ref])
			case <-ctx.Done():
				results[i] = Result{Connection: conn.Ref, At: c.c.Now(), Findings: commerce.Findings{notRun(conn.Ref, c.c.Within)}}
			}
		})
	}
	wait.Wait()
	return results, errors.Join(errs...)
}

// Run checks now and then every Config.Every, until the context ends, which is no error.
// What fails to be kept or told is left to the next check.
func (c *Checker) Run(ctx context.Context) error {
	for {
		_, _ = c.Check(ctx)
		t := time.NewTimer(c.c.Every)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
	}
}

// one checks a connection, keeps the result and tells what changed.
func (c *Checker) one(ctx context.Context, conn Connection, more commerce.Findings) (Result, error) {
	begun := c.c.Now()
	seen, err := within(ctx, func(ctx context.Context) (Result, error) { return c.look(ctx, conn) })
	if err != nil || ctx.Err() != nil { // of a check that was broken off nothing is kept
		return Result{Connection: conn.Ref, At: c.c.Now(), Findings: commerce.Findings{notRun(conn.Ref, c.c.Within)}}, nil //nolint:nilerr // the finding says it
	}
	seen.Findings = append(seen.Findings, more...)
	seen.At = c.c.Now()
	seen.Took = seen.At.Sub(begun)
	return within(ctx, func(ctx context.Context) (Result, error) { return c.keep(ctx, seen) }, seen)
}

// look runs the check of a connection to its end or to its time-out.
func (c *Checker) look(ctx context.Context, conn Connection) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, c.c.Timeout)
	defer cancel()
	r := Result{Connection: conn.Ref}
	done, err := c.begin(ctx, conn.Ref)
	if err != nil {
		r.Findings = commerce.Findings{hangs(conn.Ref, c.c.Timeout)}
		return r, nil //nolint:nilerr // the finding says it
	}
	got, err := within(ctx, func(ctx context.Context) (r Result, err error) {
		defer done()
		r = Result{Connection: conn.Ref}
		defer func() {
			if x := recover(); x != nil {
				r.Findings = append(r.Findings, panicked(conn.Ref))
			}
		}()
		if conn.Key != nil {
			key, err := conn.Key(ctx)
			if err != nil {
				r.Findings = append(r.Findings, Found(conn.Ref, err))
				return r, nil
			}
			r.Fingerprint = Fingerprint(conn.Ref, key)
		}
		r.Findings = append(r.Findings, conn.Check(ctx)...)
		return r, nil
	})
	if err != nil {
		r.Findings = commerce.Findings{hangs(conn.Ref, c.c.Timeout)}
		return r, nil //nolint:nilerr // the finding says it
	}
	for i := range got.Findings {
		got.Findings[i].Connection = conn.Ref
	}
	return got, nil
}

// begin waits until no check of the connection runs and marks it as being checked.
func (c *Checker) begin(ctx context.Context, ref commerce.Ref) (done func(), err error) {
	for {
		c.mu.Lock()
		before, busy := c.busy[ref]
		if !busy {
			mine := make(chan struct{})
			c.busy[ref] = mine
			c.mu.Unlock()
			return func() {
				c.mu.Lock()
				defer c.mu.Unlock()
				delete(c.busy, ref)
				close(mine)
			}, nil
		}
		c.mu.Unlock()
		select {
		case <-before:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// keep compares a result with the last one, tells what changed and keeps it.
func (c *Checker) keep(ctx context.Context, r Result) (Result, error) {
	last, err := c.c.Store.Load(ctx, r.Connection)
	if err != nil && !errors.Is(err, commerce.ErrNotFound) {
		return r, fmt.Errorf("connection: load the last result of %s: %w", r.Connection, err)
	}
	r, change := compare(last, r)
	if c.c.Notify != nil && change.Any() {
		if err := c.c.Notify(ctx, change); err != nil {
			return r, fmt.Errorf("connection: tell what changed at %s: %w", r.Connection, err)
		}
	}
	if err := c.c.Store.Save(ctx, r); err != nil {
		return r, fmt.Errorf("connection: keep the result of %s: %w", r.Connection, err)
	}
	return r, nil
}

// within runs f until the context ends; a f that goes on is left alone then, and what it
// returns is lost. In its place stands the fallback, if any.
func within[T any](ctx context.Context, f func(context.Context) (T, error), fallback ...T) (T, error) {
	type answer struct {
		v   T
		err error
	}
	got := make(chan answer, 1)
	go func() {
		v, err := f(ctx)
		got <- answer{v, err}
	}()
	select {
	case a := <-got:
		return a.v, a.err
	case <-ctx.Done():
		select {
		case a := <-got: // both were ready
			return a.v, a.err
		default:
		}
		var v T
		if len(fallback) > 0 {
			v = fallback[0]
		}
		return v, &commerce.Error{Kind: commerce.KindUnavailable, System: room, Op: "check", Text: "it did not come back in time", Err: ctx.Err()}
	}
}
