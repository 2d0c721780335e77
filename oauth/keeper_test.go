package oauth_test

import (
	"context"
	"errors"
	"maps"
	"sync"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/oauth"
)

// keeper is a vault without locks and keys.
type keeper struct {
	mu      sync.Mutex
	records map[place]record
	blind   bool // writes whatever version stands: the control
	gate    *sync.WaitGroup
	crowd   int
	broken  func(verb string, owner commerce.Ref, name string) error
	opened  int
	sealed  int
}

type place struct {
	owner commerce.Ref
	name  string
}

type record struct {
	secret  string
	version int64
}

var _ oauth.Keeper = (*keeper)(nil)

func newKeeper() *keeper { return &keeper{records: map[place]record{}} }

func (k *keeper) Open(_ context.Context, owner commerce.Ref, name string) ([]byte, int64, error) {
	wait := func() {}
	defer func() { wait() }()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.crowd > 0 {
		k.crowd--
		k.gate.Done()
		wait = k.gate.Wait
	}
	k.opened++
	if err := k.fails("open", owner, name); err != nil {
		return nil, 0, err
	}
	r, ok := k.records[place{owner, name}]
	if !ok || r.secret == "" {
		return nil, 0, commerce.Errorf(commerce.KindNotFound, "vault", "open", "none")
	}
	return []byte(r.secret), r.version, nil
}

func (k *keeper) Seal(_ context.Context, owner commerce.Ref, name string, secret []byte, version int64) (int64, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sealed++
	if err := k.fails("seal", owner, name); err != nil {
		return 0, err
	}
	at := place{owner, name}
	r := k.records[at]
	stands := r.version
	if r.secret == "" {
		stands = 0
	}
	if stands != version && !k.blind {
		return 0, commerce.Errorf(commerce.KindConflict, "vault", "seal", "another version stands")
	}
	k.records[at] = record{string(secret), r.version + 1}
	return r.version + 1, nil
}

func (k *keeper) Delete(_ context.Context, owner commerce.Ref, name string, version int64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.fails("delete", owner, name); err != nil {
		return err
	}
	at := place{owner, name}
	if r := k.records[at]; r.version != version || r.secret == "" {
		return commerce.Errorf(commerce.KindConflict, "vault", "delete", "another version stands")
	}
	k.records[at] = record{"", version}
	return nil
}

func (k *keeper) fails(verb string, owner commerce.Ref, name string) error {
	if k.broken == nil {
		return nil
	}
	return k.broken(verb, owner, name)
}

// together lets so many read before any goes on.
func (k *keeper) together(n int) {
	k.gate, k.crowd = &sync.WaitGroup{}, n
	k.gate.Add(n)
}

// grants are the owners of what is kept under the grant's name.
func (k *keeper) grants() []commerce.Ref {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []commerce.Ref
	for at, r := range maps.All(k.records) {
		if at.name == oauth.GrantName && r.secret != "" {
			out = append(out, at.owner)
		}
	}
	return out
}

var errStore = &commerce.Error{Kind: commerce.KindUnavailable, System: "vault", Op: "seal", Err: errors.New("no disk")}
