package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/commercesync/commerce"
)

// Disconnect ends a connection: first at the far side, where there is a way to, then here.
// An error of the far side leaves everything as it is, so it can be done again; access that
// is gone there already is none. It reports by [ReasonHere].
//
// A Stripe App has no such way: the merchant uninstalls it on their own dashboard.
func (f *Flow) Disconnect(ctx context.Context, connection commerce.Ref, actor string) error {
	connection = connection.With("")
	g, err := f.Grant(ctx, connection)
	if err != nil {
		return err
	}
	p := f.c.Provider
	if p.revoke != nil {
		secret, err := p.Secret.Current(ctx)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, f.c.Timeout)
		defer cancel()
		if err := p.revoke(ctx, f.client, secret, connection.Account); err != nil {
			there, asked := p.alive(ctx, f.client, secret, connection.Account)
			if asked != nil || there {
				return err
			}
		}
	}
	return f.drop(ctx, connection, g.Connected, Notice{Reason: ReasonHere, Actor: actor})
}

// Deauthorized handles the event account.application.deauthorized: a merchant took the
// access away. It asks the far side whether that is still so, since an old event may come
// after a new consent, and drops the grant if it is. An event of an account that is not
// connected is done. Give it to an inbox:
//
//	inbox.Handlers{"stripe account.application.deauthorized": {{Name: "oauth", Handle: flow.Deauthorized}}}
func (f *Flow) Deauthorized(ctx context.Context, e commerce.Event) error {
	p := f.c.Provider
	var body struct {
		Account string `json:"account"`
		Data    struct {
			Object struct {
				ID string `json:"id"`
			} `json:"object"`
		} `json:"data"`
	}
	if err := json.Unmarshal(e.Raw, &body); err != nil {
		return invalid("deauthorized", "the event can not be read")
	}
	account := e.Ref.Account
	if body.Account != "" {
		account = body.Account
	}
	if e.Ref.Mode != f.c.Mode || account == "" || body.Data.Object.ID != "" && body.Data.Object.ID != p.ClientID {
		return nil // of another mode or another program
	}
	owner := f.owner("", account)
	b, version, err := open[binding](ctx, f.c.Keeper, bindingOf(owner), bindingName)
	if err != nil || version == 0 {
		return err
	}
	owner.Tenant = b.Tenant
	g, _, err := open[grant](ctx, f.c.Keeper, owner, GrantName)
	if err != nil {
		return err
	}
	there, err := f.alive(ctx, owner)
	if err != nil || there {
		return err
	}
	return f.drop(ctx, owner, g.Connected, Notice{Reason: ReasonThere})
}

// alive asks the far side whether there is access.
func (f *Flow) alive(ctx context.Context, owner commerce.Ref) (bool, error) {
	p := f.c.Provider
	if p.alive == nil {
		before, version, err := open[grant](ctx, f.c.Keeper, owner, GrantName)
		if err == nil && version != 0 {
			err = f.source(owner).wait(ctx, func(g grant) bool { return g.Refresh != "" && g.Refresh != before.Refresh })
		}
		switch {
		case err == nil:
			return version != 0, nil
		case ended(err) || errors.Is(err, commerce.ErrNotFound):
			return false, nil
		}
		return false, err
	}
	secret, err := p.Secret.Current(ctx)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.c.Timeout)
	defer cancel()
	return p.alive(ctx, f.client, secret, owner.Account)
}

// drop forgets a connection, unless it was made anew since it was found to have ended. Of
// several who drop it one tells of it.
func (f *Flow) drop(ctx context.Context, owner commerce.Ref, connected time.Time, n Notice) error {
	for range maxTurns {
		g, version, err := open[grant](ctx, f.c.Keeper, owner, GrantName)
		if err != nil {
			return err
		}
		if version != 0 && !g.Connected.Equal(connected) {
			return nil
		}
		if version != 0 {
			err = f.c.Keeper.Delete(ctx, owner, GrantName, version)
		}
		if errors.Is(err, commerce.ErrConflict) {
			continue
		}
		if err != nil && !errors.Is(err, commerce.ErrNotFound) {
			return err
		}
		tell := version != 0 && err == nil && g.Ended == "" // else that was told
		if err := unbind(ctx, f.c.Keeper, owner); err != nil {
			return err
		}
		f.forget(owner)
		if tell {
			n.Kind, n.Connection, n.At = Disconnected, owner, f.c.Now()
			f.notify(ctx, n)
		}
		return nil
	}
	return commerce.Errorf(commerce.KindConflict, system, "disconnect", "others were first %d times", maxTurns)
}
