package oauth

import (
	"context"
	"errors"
	"time"

	"golang.org/x/oauth2"

	"github.com/commercesync/commerce"
)

// grant is the record of a connection. Whoever renews its tokens writes Lease first, so
// that of all processes one does it; the version of the record guards both.
type grant struct {
	Account     string    `json:"account"`
	Scope       string    `json:"scope,omitempty"`
	Connected   time.Time `json:"connected"`
	Actor       string    `json:"actor,omitempty"`
	Publishable string    `json:"publishable,omitempty"`

	Access  string    `json:"access,omitempty"`
	Refresh string    `json:"refresh,omitempty"`
	Issued  time.Time `json:"issued,omitzero"`
	Expires time.Time `json:"expires,omitzero"` // of the access token; zero = never
	Lease   string    `json:"lease,omitempty"`
	Ended   string    `json:"ended,omitempty"` // the far side's code, once it renews no more
	expiry
}

// take puts the tokens of an answer into the grant. A provider that answers without a
// refresh token means that the old one stays; the library fills it in.
func (g *grant) take(p *Provider, t *oauth2.Token, asked time.Time) {
	g.Access, g.Refresh, g.Issued, g.Expires = t.AccessToken, t.RefreshToken, asked, p.ends(t, asked)
	switch g.expiry = (expiry{}); {
	case g.Refresh == "":
		g.Ends = g.Expires
	case p.RefreshLife > 0:
		g.Ends = asked.Add(p.RefreshLife)
	}
}

// Grant is what is known of a connection, without its secrets.
type Grant struct {
	Connection  commerce.Ref
	Scope       string
	Actor       string // who connected it
	Publishable string // the publishable key for the account, where the provider has one
	Connected   time.Time
	Issued      time.Time // when its tokens were last renewed; zero where it has none
	Expires     time.Time // when its access token ends and is renewed; zero = never
	Ends        time.Time // when the connection ends if nobody uses it; zero = never
	Ended       string    // the far side's code, where it renews the connection no more
}

// Grant reads what is known of a connection. Where there is none the error is of kind not
// found.
func (f *Flow) Grant(ctx context.Context, connection commerce.Ref) (Grant, error) {
	connection = connection.With("")
	g, version, err := open[grant](ctx, f.c.Keeper, connection, GrantName)
	if err != nil {
		return Grant{}, err
	}
	if version == 0 {
		return Grant{}, notConnected(connection)
	}
	return Grant{Connection: connection, Scope: g.Scope, Actor: g.Actor, Publishable: g.Publishable, Connected: g.Connected,
		Issued: g.Issued, Expires: g.Expires, Ends: g.Ends, Ended: g.Ended}, nil
}

func notConnected(connection commerce.Ref) *commerce.Error {
	e := commerce.Errorf(commerce.KindNotFound, system, "open grant", "%s is not connected", connection)
	e.Outcome, e.Code = commerce.NotSent, CodeNotConnected
	return e
}

// binding is the record that an account is one tenant's. It has no tenant of its own, so
// that two tenants find the same one.
type binding struct {
	Tenant string    `json:"tenant"`
	At     time.Time `json:"at"`
}

// abandoned is how old a binding is that no grant followed.
const abandoned = time.Hour

func bindingOf(owner commerce.Ref) commerce.Ref {
	owner.Tenant = ""
	return owner.With("binding")
}

// bind makes an account the tenant's, unless it is another's. That one's connection is
// left alone: to end it at the far side would end it for both. It writes also where the
// account is the tenant's already, so that nobody who has read it before lets it go.
func bind(ctx context.Context, k Keeper, owner commerce.Ref, name string, now time.Time) error {
	return change(ctx, k, bindingOf(owner), bindingName, func(b *binding, there bool) (bool, error) {
		if there && b.Tenant != owner.Tenant {
			other := owner
			other.Tenant = b.Tenant
			secret, _, err := k.Open(ctx, other, name)
			clear(secret)
			if err != nil && !errors.Is(err, commerce.ErrNotFound) {
				return false, err
			}
			if err == nil || now.Sub(b.At) < abandoned {
				return false, refused(CodeBound, "the account is connected to another tenant")
			}
		}
		*b = binding{owner.Tenant, now}
		return true, nil
	})
}

// unbind lets an account go whose grant is gone. One that is connected again meanwhile
// stays: keep binds once more after its grant is there, so one of the two sees the other.
func unbind(ctx context.Context, k Keeper, owner commerce.Ref) error {
	for range maxTurns {
		at := bindingOf(owner)
		b, version, err := open[binding](ctx, k, at, bindingName)
		if err != nil || version == 0 || b.Tenant != owner.Tenant {
			return err
		}
		secret, _, err := k.Open(ctx, owner, GrantName)
		clear(secret)
		if !errors.Is(err, commerce.ErrNotFound) {
			return err
		}
		if err = k.Delete(ctx, at, bindingName, version); !errors.Is(err, commerce.ErrConflict) && !errors.Is(err, commerce.ErrNotFound) {
			return err
		}
	}
	return commerce.Errorf(commerce.KindConflict, system, "disconnect", "others were first %d times", maxTurns)
}

// keep binds the account and writes its grant, over an older one of the same tenant.
func (f *Flow) keep(ctx context.Context, owner commerce.Ref, g grant) error {
	err := bind(ctx, f.c.Keeper, owner, GrantName, f.c.Now())
	if err == nil {
		err = change(ctx, f.c.Keeper, owner, GrantName, func(at *grant, _ bool) (bool, error) {
			*at = g
			return true, nil
		})
	}
	if err == nil {
		err = bind(ctx, f.c.Keeper, owner, GrantName, f.c.Now())
		if errors.Is(err, commerce.ErrForbidden) { // an older disconnect had let it go, and another tenant was first
			at, version, read := open[grant](ctx, f.c.Keeper, owner, GrantName)
			if read == nil && version != 0 && at.Connected.Equal(g.Connected) {
				err = errors.Join(err, f.c.Keeper.Delete(ctx, owner, GrantName, version))
			}
		}
	}
	if err == nil || errors.Is(err, commerce.ErrForbidden) {
		return err
	}
	return &commerce.Error{Kind: commerce.KindOf(err), System: system, Op: "keep grant", Outcome: commerce.Unknown, Code: CodeNotStored, Err: err}
}
