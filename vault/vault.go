package vault

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/commercesync/commerce"
)

// Config configures a Vault. Store and Ring are required; every other field may
// be left out.
type Config struct {
	// Store keeps the sealed records: a [Memory], or Vault() of a sqlstore.DB.
	Store Store
	// Ring loads the keys: Load of a keyring.File, or [Fixed]. It is called by New, every
	// RingFor, by [Vault.Reload], and when a record names a key that the ring at hand
	// does not have, so that a rotation needs no restart.
	Ring func(context.Context) (*Ring, error)
	// RingFor is how long a ring is used before whoever needs it next loads it again:
	// a key that was promoted or retired is so everywhere after that. Where it can not
	// be loaded the one at hand stays in use. Negative = not by itself. Defaults to 1
	// minute.
	RingFor time.Duration
	// RingTimeout bounds the loading of a ring. Defaults to 10 seconds.
	RingTimeout time.Duration
	// ReloadEvery bounds how often an unknown key, or a ring that did not load, makes
	// the ring load again. Defaults to 10 seconds.
	ReloadEvery time.Duration
	// MinKey is the id of the oldest key whose records are still opened: those under
	// a key that stands before it in the ring are refused with [CodeKeyTooOld]. Raise it
	// after a key leaked and everything was rewrapped: what somebody seals with the
	// leaked key is not believed then. Defaults to the ring's first.
	MinKey string
	// CacheSize is how many data keys are remembered, about 1 KiB each; negative =
	// none. Defaults to 10,000.
	CacheSize int
	// CacheFor is how long a data key is remembered, and so how long a key service
	// need not be asked again. Negative = not at all. Defaults to 5 minutes.
	CacheFor time.Duration
	// MaxSecret bounds a secret, in bytes. Defaults to 64 KiB.
	MaxSecret int
	// Logger hears of a ring that could not be loaded again. Defaults to silence; what
	// comes of it, a key that is not known, says so too.
	Logger *slog.Logger
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// Entry says that there is a credential, without its secret.
type Entry struct {
	Owner   commerce.Ref
	Name    string
	Version int64
	Key     string    // the ring's key that wraps it
	Changed time.Time // when this version was sealed
}

// Vault seals credentials. It is safe for concurrent use, by any number of
// processes over one store.
type Vault struct {
	c       Config
	clock   func() time.Duration // since the vault was made
	current atomic.Pointer[loaded]
	next    atomic.Int64  // when to load the ring again, by clock
	loading chan struct{} // held while it is loaded
	tried   time.Duration // when that was last tried,
	failed  error         // and what came of it
}

// New checks the configuration, loads the ring and returns a Vault. An error of kind
// invalid names the field.
func New(ctx context.Context, c Config) (*Vault, error) {
	const op = "new vault"
	switch {
	case c.Store == nil:
		return nil, invalid(op, "Config.Store is nil")
	case c.Ring == nil:
		return nil, invalid(op, "Config.Ring is nil")
	case c.RingTimeout < 0:
		return nil, invalid(op, "Config.RingTimeout must not be negative")
	case c.ReloadEvery < 0:
		return nil, invalid(op, "Config.ReloadEvery must not be negative")
	case c.MaxSecret < 0:
		return nil, invalid(op, "Config.MaxSecret must not be negative")
	}
	c.CacheSize = cmp.Or(c.CacheSize, 10_000)
	c.CacheFor = cmp.Or(c.CacheFor, 5*time.Minute)
	c.RingFor = cmp.Or(c.RingFor, time.Minute)
	c.RingTimeout = cmp.Or(c.RingTimeout, 10*time.Second)
	c.ReloadEvery = cmp.Or(c.ReloadEvery, 10*time.Second)
	c.MaxSecret = cmp.Or(c.MaxSecret, 64<<10)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	start := time.Now()
	clock := func() time.Duration { return time.Since(start) } // cheaper than the time of day
	if c.Now != nil {
		start = c.Now()
		clock = func() time.Duration { return c.Now().Sub(start) }
	} else {
		c.Now = time.Now
	}
	v := &Vault{c: c, clock: clock, loading: make(chan struct{}, 1)}
	if err := v.Reload(ctx); err != nil {
		return nil, err
	}
	return v, nil
}

// Open returns a secret and its version. Where there is none the error is of kind not
// found; what else may be the matter the codes of this package say.
//
// The bytes are the caller's. Turn them into a [commerce.Secret], or into a struct
// of such, before anything else sees them.
func (v *Vault) Open(ctx context.Context, owner commerce.Ref, name string) (secret []byte, version int64, err error) {
	op := func() string { return opOf("open", owner, name) }
	r, err := v.c.Store.Get(ctx, owner, name)
	switch {
	case errors.Is(err, commerce.ErrNotFound) || err == nil && r.Deleted():
		return nil, 0, commerce.Errorf(commerce.KindNotFound, system, op(), "there is no such credential")
	case err != nil:
		return nil, 0, during(op(), "", err)
	}
	r.Owner, r.Name = owner, name // whatever the store says
	if secret, err = v.open(ctx, &r); err != nil {
		return nil, 0, during(op(), "", err)
	}
	return secret, r.Version, nil
}

// open opens a record, with a remembered data key where there is one. A ring remembers
// its own: what a key unwrapped that was retired meanwhile opens nothing.
func (v *Vault) open(ctx context.Context, r *Record) ([]byte, error) {
	now := v.clock()
	if o := v.ring(ctx, now).openers.get(r, now); o != nil {
		return o.open(r.Sealed)
	}
	s, k, err := v.keyOf(ctx, r.Key)
	if err != nil {
		return nil, err
	}
	o, err := unwrap(ctx, k, *r)
	if err != nil {
		return nil, err
	}
	secret, err := o.open(r.Sealed)
	if err == nil {
		s.openers.put(o, now)
	}
	return secret, err
}

// Secret opens a credential that is one text.
func (v *Vault) Secret(ctx context.Context, owner commerce.Ref, name string) (commerce.Secret, int64, error) {
	secret, version, err := v.Open(ctx, owner, name)
	return commerce.NewSecret(string(secret)), version, err
}

// Seal writes a secret if version is the one that stands, 0 = there must be none,
// and returns the new version. Somebody else's write is an error of kind conflict:
// open, and decide anew. A secret that is too long is an error of kind limit.
func (v *Vault) Seal(ctx context.Context, owner commerce.Ref, name string, secret []byte, version int64) (int64, error) {
	op := opOf("seal", owner, name)
	if err := check(op, owner, name, version); err != nil {
		return 0, err
	}
	if len(secret) == 0 {
		return 0, invalid(op, "the secret is empty; delete the credential instead")
	}
	if len(secret) > v.c.MaxSecret {
		return 0, during(op, commerce.NotSent, commerce.Errorf(commerce.KindLimit, system, op, "the secret has %d bytes, more than Config.MaxSecret", len(secret)))
	}
	stands := version
	if version == 0 {
		r, err := v.c.Store.Get(ctx, owner, name)
		switch {
		case errors.Is(err, commerce.ErrNotFound):
		case err != nil:
			return 0, during(op, commerce.NotSent, err)
		case !r.Deleted():
			return 0, conflict(op)
		}
		stands = r.Version // a version is never given twice, also not after a deletion
	}
	now := v.clock()
	s := v.ring(ctx, now)
	r := Record{Owner: owner, Name: name, Version: stands + 1, Key: s.ring.Primary(), Changed: v.now()}
	var o opener
	var err error
	if r.Sealed, o, err = seal(ctx, s.ring.keys[s.ring.primary], owner, name, r.Version, secret); err != nil {
		return 0, during(op, commerce.NotSent, err)
	}
	if err := v.put(ctx, op, r, stands); err != nil {
		return 0, err
	}
	s.openers.put(o, now)
	return r.Version, nil
}

// Delete removes a secret if version is the one that stands. That there was one, and
// its last version, is remembered, so that no version comes twice; see [Vault.Prune].
func (v *Vault) Delete(ctx context.Context, owner commerce.Ref, name string, version int64) error {
	op := opOf("delete", owner, name)
	if err := check(op, owner, name, version); err != nil {
		return err
	}
	r, err := v.c.Store.Get(ctx, owner, name)
	switch {
	case errors.Is(err, commerce.ErrNotFound) || err == nil && r.Deleted():
		e := commerce.Errorf(commerce.KindNotFound, system, op, "there is no such credential")
		e.Outcome = commerce.NotSent
		return e
	case err != nil:
		return during(op, commerce.NotSent, err)
	case r.Version != version:
		return conflict(op)
	}
	err = v.put(ctx, op, Record{Owner: owner, Name: name, Version: version + 1, Changed: v.now()}, version)
	v.current.Load().openers.drop(place{owner, name})
	return err
}

// Prune forgets that there were credentials which were deleted before a time, and returns
// how many. A day suffices, so that nobody who opened one before it was deleted takes
// another's version for it.
func (v *Vault) Prune(ctx context.Context, before time.Time) (int64, error) {
	n, err := v.c.Store.Prune(ctx, before)
	if err != nil {
		return n, during("prune", commerce.Unknown, err)
	}
	return n, nil
}

// put writes a record. Where the store can not say what became of it, it is looked up.
func (v *Vault) put(ctx context.Context, op string, r Record, stands int64) error {
	err := v.c.Store.Put(ctx, r, stands)
	if err == nil {
		return nil
	}
	if errors.Is(err, commerce.ErrConflict) {
		return conflict(op)
	}
	if commerce.SafeToRetry(err) {
		return during(op, commerce.NotSent, err)
	}
	got, readErr := v.c.Store.Get(ctx, r.Owner, r.Name)
	if readErr == nil && got.Version == r.Version && bytes.Equal(got.Sealed, r.Sealed) {
		return nil
	}
	return during(op, commerce.Unknown, err)
}

// listPage is how many records a list reads at a time.
const listPage = 200

// List returns what a tenant has, by owner and name, and opens none of it.
func (v *Vault) List(ctx context.Context, tenant string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		f := Filter{Tenant: &tenant}
		for {
			page, err := v.c.Store.List(ctx, f, listPage)
			if err != nil {
				yield(Entry{}, during("list credentials", "", err))
				return
			}
			for _, r := range page {
				if !yield(Entry{r.Owner, r.Name, r.Version, r.Key, r.Changed}, nil) {
					return
				}
			}
			if len(page) < listPage {
				return
			}
			f.After = &page[len(page)-1]
		}
	}
}

// Format writes which keys the vault has, for every verb.
func (v *Vault) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "vault with keys %v", v.current.Load().ring)
}

func (v *Vault) now() time.Time { return v.c.Now().UTC().Truncate(time.Microsecond) }

// maxPlace bounds owner and name, so that any database can index them.
const maxPlace = 1000

// check refuses what no store could keep apart.
func check(op string, owner commerce.Ref, name string, version int64) error {
	switch {
	case owner.System == "":
		return invalid(op, "the owner names no system")
	case name == "" || !isText(name) || len(name) > maxPlace:
		return invalid(op, "the name must be a text of 1 to %d bytes", maxPlace)
	case !isText(owner.Tenant+owner.System+owner.Account+string(owner.Mode)+owner.ID) || len(owner.String()) > maxPlace:
		return invalid(op, "the owner must be made of texts, of at most %d bytes together", maxPlace)
	case version < 0:
		return invalid(op, "version %d is none", version)
	}
	return nil
}

func opOf(act string, owner commerce.Ref, name string) string {
	return act + " " + name + " of " + owner.String()
}

func conflict(op string) error {
	e := commerce.Errorf(commerce.KindConflict, system, op, "another version stands; open it and decide anew")
	e.Outcome = commerce.NotSent
	return e
}
