package vault

import (
	"context"
	"iter"

	"github.com/commercesync/commerce"
)

// Keeper keeps secrets, each under its owner and its name: a [Vault], or a [Guard] before
// one.
type Keeper interface {
	Open(ctx context.Context, owner commerce.Ref, name string) (secret []byte, version int64, err error)
	Seal(ctx context.Context, owner commerce.Ref, name string, secret []byte, version int64) (int64, error)
	Delete(ctx context.Context, owner commerce.Ref, name string, version int64) error
	List(ctx context.Context, tenant string) iter.Seq2[Entry, error]
}

// Action is what somebody asks to do with a credential.
type Action struct {
	Verb  Verb // display, rotate, roll_back or disconnect
	Owner commerce.Ref
	Name  string
}

// Authorize is the host's word on an action. Nil lets it happen. An error refuses it:
// [NeedSecondFactor] is one that a page answers with the question for a second factor,
// whose proof is the host's to put into ctx. actor is what [As] put there.
type Authorize func(ctx context.Context, actor string, action Action) error

// CodeSecondFactor is the code of [NeedSecondFactor]'s error.
const CodeSecondFactor = "second_factor"

// NeedSecondFactor is what an [Authorize] returns to somebody who may do it, once they
// have proved again who they are. It is of kind forbidden.
func NeedSecondFactor() error {
	return &commerce.Error{Kind: commerce.KindForbidden, System: system, Op: "authorize", Outcome: commerce.NotSent,
		Code: CodeSecondFactor, Text: "this needs a second factor"}
}

// GuardConfig says what a [Guard] asks and where it writes. The zero value lets everything
// happen and writes nothing down; [Guard.Check] says so.
type GuardConfig struct {
	// Log is where it is written who opened what. Where it can not be written, nothing is
	// opened.
	Log *AccessLog
	// Authorize is asked before a credential is shown to a person, rotated or rolled back,
	// and before a connection ends.
	Authorize Authorize
}

// Guard stands before a vault: it writes down who opens what, and asks the host before
// somebody does what can not be taken back. It is a [Keeper] itself, so whatever works
// with a vault works with a guard.
type Guard struct {
	keeper Keeper
	c      GuardConfig
}

var _ Keeper = (*Guard)(nil)

// NewGuard puts a guard before keeper. An error is of kind invalid.
func NewGuard(keeper Keeper, c GuardConfig) (*Guard, error) {
	if keeper == nil {
		return nil, invalid("new guard", "keeper is nil")
	}
	return &Guard{keeper, c}, nil
}

// Open implements [Keeper].
func (g *Guard) Open(ctx context.Context, owner commerce.Ref, name string) ([]byte, int64, error) {
	return g.open(ctx, VerbOpen, owner, name)
}

func (g *Guard) open(ctx context.Context, verb Verb, owner commerce.Ref, name string) ([]byte, int64, error) {
	secret, version, err := g.keeper.Open(ctx, owner, name)
	if told := g.write(ctx, verb, owner, name, version, err); told != nil {
		clear(secret)
		return nil, 0, told
	}
	return secret, version, err
}

// Seal implements [Keeper].
func (g *Guard) Seal(ctx context.Context, owner commerce.Ref, name string, secret []byte, version int64) (int64, error) {
	next, err := g.keeper.Seal(ctx, owner, name, secret, version)
	if err == nil {
		version = next
	}
	// It is sealed: that it could not be written down is no reason to say it is not.
	_ = g.write(ctx, VerbSeal, owner, name, version, err)
	return next, err
}

// Delete implements [Keeper]. It does not ask: whoever ends a connection asks with
// [Guard.Allow] before the far side is told.
func (g *Guard) Delete(ctx context.Context, owner commerce.Ref, name string, version int64) error {
	err := g.keeper.Delete(ctx, owner, name, version)
	_ = g.write(ctx, VerbDelete, owner, name, version, err)
	return err
}

// List implements [Keeper]. It shows no secrets, so it is not written down.
func (g *Guard) List(ctx context.Context, tenant string) iter.Seq2[Entry, error] {
	return g.keeper.List(ctx, tenant)
}

// Allow asks the host whether an action may happen, and writes the answer down. The error
// is the host's.
func (g *Guard) Allow(ctx context.Context, a Action) error {
	actor, _ := actorOf(ctx)
	var err error
	if g.c.Authorize != nil {
		err = g.c.Authorize(ctx, actor, a)
	}
	if told := g.write(ctx, a.Verb, a.Owner, a.Name, 0, err); told != nil && err == nil {
		return told
	}
	return err
}

// Display opens a credential to be shown to a person, if the host allows it.
func (g *Guard) Display(ctx context.Context, owner commerce.Ref, name string) (commerce.Secret, error) {
	if err := g.Allow(ctx, Action{VerbDisplay, owner, name}); err != nil {
		return commerce.Secret{}, err
	}
	secret, _, err := g.Open(ctx, owner, name)
	defer clear(secret)
	return commerce.NewSecret(string(secret)), err
}

func (g *Guard) write(ctx context.Context, verb Verb, owner commerce.Ref, name string, version int64, err error) error {
	if g.c.Log == nil {
		return nil
	}
	outcome := "ok"
	if err != nil {
		outcome = string(commerce.KindOf(err))
	}
	return g.c.Log.Write(ctx, Access{Verb: verb, Owner: owner, Name: name, Version: version, Outcome: outcome})
}

// Codes of [Guard.Check].
const (
	CodeNoAuthorize = "no_authorize"
	CodeNoLog       = "no_access_log"
)

// Check warns of what a guard does not do.
func (g *Guard) Check(context.Context) commerce.Findings {
	var all commerce.Findings
	if g.c.Authorize == nil {
		all = append(all, commerce.Finding{Connection: commerce.Ref{System: system}, Code: CodeNoAuthorize, Severity: commerce.Warning,
			Seen:     "whoever reaches the program may show, rotate, roll back and disconnect every credential",
			Expected: "the host is asked who may",
			Mend:     "set GuardConfig.Authorize to a function that looks at the person's rights, and asks for a second factor"})
	}
	if g.c.Log == nil {
		all = append(all, commerce.Finding{Connection: commerce.Ref{System: system}, Code: CodeNoLog, Severity: commerce.Warning,
			Seen:     "nobody can say later who opened which credential",
			Expected: "every opening is written down",
			Mend:     "set GuardConfig.Log to an AccessLog"})
	}
	return all
}
