package oauth

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/commercesync/commerce"
)

// Keeper keeps what this package must not lose and must not show. A vault has these
// methods.
type Keeper interface {
	// Open returns a secret and its version. Where there is none the error is of kind
	// not found.
	Open(ctx context.Context, owner commerce.Ref, name string) (secret []byte, version int64, err error)
	// Seal writes a secret if version is the one that stands, 0 = there must be none, and
	// returns the new version. Where another one stands the error is of kind conflict.
	Seal(ctx context.Context, owner commerce.Ref, name string, secret []byte, version int64) (int64, error)
	// Delete removes a secret if version is the one that stands.
	Delete(ctx context.Context, owner commerce.Ref, name string, version int64) error
}

// GrantName is the name under which a connection keeps what a consent gave. Its owner is
// tenant, system, account and mode, without an id.
const GrantName = "oauth"

// Names of what is kept beside it.
const (
	bindingName = "tenant"         // of an account: whose it is
	stateName   = "state"          // of a consent that is under way
	expiryName  = "expiry"         // of credentials: when they end
	hostedName  = "hosted_account" // of a tenant: the account that was made for it
)

const system = "oauth"

// open reads a record; version 0 and no error where there is none.
func open[T any](ctx context.Context, k Keeper, owner commerce.Ref, name string) (v T, version int64, err error) {
	secret, version, err := k.Open(ctx, owner, name)
	defer clear(secret)
	switch {
	case errors.Is(err, commerce.ErrNotFound):
		return v, 0, nil
	case err != nil:
		return v, 0, err
	}
	if json.Unmarshal(secret, &v) != nil { // its error may quote the secret
		return v, 0, commerce.Errorf(commerce.KindInternal, system, "read record", "%s of %s is no record of this package", name, owner)
	}
	return v, version, nil
}

// seal writes a record over the version that was opened.
func seal[T any](ctx context.Context, k Keeper, owner commerce.Ref, name string, v T, version int64) (int64, error) {
	secret, err := json.Marshal(v)
	if err != nil {
		return 0, commerce.Errorf(commerce.KindInternal, system, "write record", "%s of %s can not be written", name, owner)
	}
	defer clear(secret)
	return k.Seal(ctx, owner, name, secret, version)
}

// maxTurns bounds how often a record is read and written again because somebody else was
// first.
const maxTurns = 20

// change reads a record, changes it and writes it, again if somebody else was first. f
// returns false where nothing is to be written.
func change[T any](ctx context.Context, k Keeper, owner commerce.Ref, name string, f func(v *T, there bool) (bool, error)) error {
	for range maxTurns {
		v, version, err := open[T](ctx, k, owner, name)
		if err != nil {
			return err
		}
		write, err := f(&v, version != 0)
		if err != nil || !write {
			return err
		}
		if _, err = seal(ctx, k, owner, name, v, version); !errors.Is(err, commerce.ErrConflict) {
			return err
		}
	}
	return commerce.Errorf(commerce.KindConflict, system, "write record", "others were first %d times", maxTurns)
}
