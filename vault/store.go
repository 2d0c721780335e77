package vault

import (
	"context"
	"time"

	"github.com/commercesync/commerce"
)

// Record is one sealed credential as a store keeps it. Nothing in it is secret.
type Record struct {
	Owner commerce.Ref // whose it is: tenant, system, account, mode; ID may name the shop
	Name  string       // what it is for: "api_key", "webhook_secret", "refresh_token"
	// Version is 1 at first and grows by one with every change, also by a deletion:
	// no version is given twice, until Prune forgets that there was one.
	Version int64
	// Key is the id of the ring's key that wraps the data key; "" where deleted.
	Key string
	// Sealed is the envelope; empty where the credential was deleted. It is not
	// changed by who gets or puts a record.
	Sealed  []byte
	Changed time.Time // when this version was sealed, or deleted; to the microsecond
}

// Deleted reports that the record only remembers its last version.
func (r Record) Deleted() bool { return len(r.Sealed) == 0 }

// Store keeps sealed records under owner and name. Every method is atomic and
// durable when it returns. Implementations pass vaulttest.Run.
//
// Errors: [commerce.ErrNotFound] from Get, [commerce.ErrConflict] from Put and
// Reseal. Any other error of Put and Reseal may come after the change took effect,
// unless its outcome says that it did not.
type Store interface {
	// Get returns a record, also one that was deleted. It reads what was last
	// written, from no replica that may lag.
	Get(ctx context.Context, owner commerce.Ref, name string) (Record, error)

	// Put writes a record if the version that stands is the given one; 0 = there
	// must never have been one.
	Put(ctx context.Context, r Record, stands int64) error

	// Reseal gives a record another Key and Sealed and leaves the rest as it is, if
	// its version is still r's and its key the given one.
	Reseal(ctx context.Context, r Record, key string) error

	// List returns up to limit records that are not deleted, in the order of their
	// owners' Ref.String, byte by byte, and then of their names; a shorter page is
	// the last.
	List(ctx context.Context, f Filter, limit int) ([]Record, error)

	// Prune forgets records that were deleted before a time, and returns how many.
	Prune(ctx context.Context, before time.Time) (int64, error)

	// Count says how many records that are not deleted each key wraps.
	Count(ctx context.Context) (map[string]int64, error)
}

// Filter restricts a list.
type Filter struct {
	// Tenant is whose records are listed; nil = everybody's.
	Tenant *string
	// NotKey leaves out the records that this key wraps; "" = none.
	NotKey string
	// After is the last record of the page before; its owner and name count. Nil =
	// from the start.
	After *Record
}
