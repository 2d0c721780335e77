package vault

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/commercesync/commerce"
)

// Config configures a Vault. Store and Ring are required; every other field may
// be left out.
type Config struct {
	// Store keeps the sealed records: [NewMemory], or Vault() of a sqlstore.DB.
	Store Store
	// Ring loads the keys: RingFile.Load, or Fixed. It is called by New, by
	// [Vault.Reload], and when a record names a key that the ring at hand does not
	// have, so that a rotation needs no restart.
	Ring func(context.Context) (*Ring, error)
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
	// ReloadEvery bounds how often an unknown key makes the ring load again.
	// Defaults to 10 seconds.
	ReloadEvery time.Duration
	// MaxSecret bounds a secret, in bytes. Defaults to 64 KiB.
	MaxSecret int
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
	c Config
}

// New checks the configuration, loads the ring and returns a Vault.
func New(ctx context.Context, c Config) (*Vault, error) {
	return nil, fmt.Errorf("not yet")
}

// Open returns a secret and its version. Errors: kind not found where there is
// none, [commerce.KindInvalid] where the record was changed outside the vault,
// [commerce.KindForbidden] where its key is retired or too old; see the codes.
//
// The bytes are the caller's. Turn them into a [commerce.Secret], or into a struct
// of such, before anything else sees them.
func (v *Vault) Open(ctx context.Context, owner commerce.Ref, name string) (secret []byte, version int64, err error) {
	return nil, 0, nil
}

// Secret opens a credential that is one text.
func (v *Vault) Secret(ctx context.Context, owner commerce.Ref, name string) (commerce.Secret, int64, error) {
	secret, version, err := v.Open(ctx, owner, name)
	return commerce.NewSecret(string(secret)), version, err
}

// Seal writes a secret if version is the one that stands, 0 = there must be none,
// and returns the new version. Somebody else's write is an error of kind conflict:
// open, and decide anew.
func (v *Vault) Seal(ctx context.Context, owner commerce.Ref, name string, secret []byte, version int64) (int64, error) {
	return 0, nil
}

// Delete removes a secret if version is the one that stands. Its next version, if
// it is ever sealed again, goes on from there.
func (v *Vault) Delete(ctx context.Context, owner commerce.Ref, name string, version int64) error {
	return nil
}

// List returns what a tenant has, by owner and name, and opens none of it.
func (v *Vault) List(ctx context.Context, tenant string) iter.Seq2[Entry, error] {
	return nil
}
