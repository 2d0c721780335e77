package oauth

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"github.com/commercesync/commerce"
)

// Provider is an authorization server as it knows the program. [StripeConnect] and
// [StripeApp] make one for Stripe; for others fill one in.
type Provider struct {
	// Name tells this provider from the others of the program: "stripe", "erpnext". A
	// state that was made for one is no good at the callback of another. Required.
	Name string

	// System is that of the connections' refs. An account has one connection a system and
	// mode: connect it by one provider only. Required.
	System string

	// AuthURL is where the browser is sent, and TokenURL where codes and refresh tokens
	// are exchanged. Both must be https, unless they are on this machine. Required.
	AuthURL, TokenURL string

	// ClientID is the program's id there. Required.
	ClientID string

	// Secret hands out the client secret; asked for each request. Required.
	Secret commerce.Credentials[commerce.Secret]

	// InHeader sends id and secret by basic authentication. Else they are in the form.
	// They are never tried in both ways.
	InHeader bool

	// Scopes are asked for. What is granted must be exactly that, where the answer says it.
	Scopes []string

	// Params adds parameters to an authorisation request. It can not replace those of
	// OAuth itself. Nil adds none.
	Params func(*http.Request) url.Values

	// PKCE: the provider knows RFC 7636; then a stolen code is no good without a text
	// that never leaves the program.
	PKCE bool

	// Issuer is what the provider says of itself in the parameter iss of RFC 9207. Any
	// other is refused. IssuerSaid: it always says it, so that its absence is refused too.
	Issuer     string
	IssuerSaid bool

	// Life is how long an access token lives where the answer does not say. 0 = until it
	// is revoked.
	Life time.Duration

	// RefreshLife is how long a refresh token lives if it is not used. 0 = until it is
	// revoked.
	RefreshLife time.Duration

	// Identify reads from the answer to a code, or to a refresh token, whose it is.
	// Required.
	Identify func(*oauth2.Token) (Identity, error)

	tokenless bool   // what is granted is used with the program's own secret, so no tokens are kept
	bare      bool   // token requests name neither client id nor redirect address
	granted   string // the scope that an answer says though none was asked for

	// keyMode reads from the program's secret of which mode it is; "" = it does not say.
	keyMode func(commerce.Secret) commerce.Mode
	// revoke ends the access at the far side. Nil where there is no way to.
	revoke func(ctx context.Context, c *http.Client, secret commerce.Secret, account string) error
	// alive asks the far side whether there is access. Nil = renewing the tokens tells.
	alive func(ctx context.Context, c *http.Client, secret commerce.Secret, account string) (bool, error)
}

// Identity is whose an answer is.
type Identity struct {
	Account string // the far side's id: "acct_1"
	Mode    commerce.Mode
}

// check names the first field that is no good.
func (p *Provider) check() error {
	for _, f := range []struct {
		name string
		bad  bool
	}{
		{"Name", p.Name == ""}, {"System", p.System == ""}, {"AuthURL", !secure(p.AuthURL)}, {"TokenURL", !secure(p.TokenURL)},
		{"ClientID", p.ClientID == ""}, {"Secret", p.Secret == nil}, {"Identify", p.Identify == nil},
		{"Life", p.Life < 0}, {"RefreshLife", p.RefreshLife < 0}, {"IssuerSaid", p.IssuerSaid && p.Issuer == ""},
	} {
		if f.bad {
			return invalid("new flow", "Provider.%s is missing or can not be used", f.name)
		}
	}
	return nil
}

// secure reports whether an address is https, or leads to this machine.
func secure(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && u.User == nil && u.Fragment == "" && (u.Scheme == "https" || u.Scheme == "http" && loopback(u))
}

func loopback(u *url.URL) bool {
	switch u.Hostname() {
	case "localhost", "127.0.0.1", "::1":
		return true
	}
	return false
}

func invalid(op, format string, args ...any) *commerce.Error {
	e := commerce.Errorf(commerce.KindInvalid, system, op, format, args...)
	e.Outcome = commerce.NotSent
	return e
}
