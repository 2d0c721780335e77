package vault

import (
	"context"
	"time"

	"github.com/commercesync/commerce"
)

// Act is what was done with a credential.
type Act string

const (
	// Opened: the secret was handed out.
	Opened Act = "open"
	// Sealed: a version was written, the first or another.
	Sealed Act = "seal"
	// Deleted: the credential was deleted.
	Deleted Act = "delete"
	// Rewrapped: one run of [Vault.Rewrap] ended; it names no owner.
	Rewrapped Act = "rewrap"
)

// Access is one use of a credential, also one that was refused. It holds no secret.
type Access struct {
	At      time.Time
	Actor   string // who, as [As] said; "" = nobody said
	Purpose string // what for, as [As] said
	Act     Act
	Owner   commerce.Ref
	Name    string
	Version int64 // that was opened, written or deleted; 0 where none was
	// Kind and Code say why it failed, as the error does; both empty = it was done.
	Kind commerce.Kind
	Code string
}

// Recorder hears of every use of a credential: it is where an access log is
// written. It is called on the caller's goroutine, before a secret is handed out
// and after a write took effect; it is safe for concurrent use.
//
// An opening whose recording fails is withheld, with [CodeNotRecorded]. A write
// stands, since the credential in hand may be the only copy; the failure is logged.
type Recorder interface {
	Record(ctx context.Context, a Access) error
}

type whoKey struct{}

type who struct{ actor, purpose string }

// As says on whose behalf, and what for, credentials are used under the context:
// As(ctx, "worker", "refund re_1"), As(ctx, "user 17", "show to a person"). Neither
// text may hold a secret or personal data, since both are kept.
func As(ctx context.Context, actor, purpose string) context.Context {
	return context.WithValue(ctx, whoKey{}, who{actor, purpose})
}

// Who returns what [As] said; both are empty where it did not.
func Who(ctx context.Context) (actor, purpose string) {
	w, _ := ctx.Value(whoKey{}).(who)
	return w.actor, w.purpose
}
