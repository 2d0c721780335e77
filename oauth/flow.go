package oauth

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// Session is who the host program says a request is from.
type Session struct {
	// Tenant is the host's customer; "" where there is only one.
	Tenant string
	// ID is the host's own id of the session; a consent must come back to the session that
	// began it. Only its hash is kept. The cookie behind it must not be SameSite=Strict: a
	// browser that comes back from the far side would not send it. Required.
	ID string
	// Actor is an opaque id of the person, for notices. Never a name or an e-mail address.
	Actor string
}

// Config configures a [Flow]. Provider, Mode, RedirectURL, Keeper and Session are required.
type Config struct {
	// Provider is who is asked for consent.
	Provider Provider

	// Mode is that of what is connected. What turns out to be of the other is refused.
	Mode commerce.Mode

	// RedirectURL is where Callback is, as it is registered with the provider, each
	// provider with one of its own. It must be https, unless it is on this machine and Mode
	// is test.
	RedirectURL string

	// Keeper keeps the grants: a vault.
	Keeper Keeper

	// States keeps what is needed while a consent is under way. Defaults to Keeper; where
	// that writes an access log, the vault behind it leaves the log to credentials.
	States Keeper

	// Session says who a request is from. An error, or no ID, refuses the request.
	Session func(*http.Request) (Session, error)

	// Page answers a person. Its headers are set already. Defaults to [WritePage].
	Page func(w http.ResponseWriter, r *http.Request, p Page)

	// Home is where pages lead back to, a path of the host. Defaults to "/".
	Home string

	// Notify hears of connections made and ended, and of those that will end. Nil =
	// nobody.
	Notify Notify

	// Connections yields every connection of this provider and mode, for [Flow.Run].
	// A vault lists what a tenant has.
	Connections func(ctx context.Context) iter.Seq2[commerce.Ref, error]

	// StateLife is how long a consent may take. Defaults to 10 minutes.
	StateLife time.Duration

	// Timeout bounds one request to the provider. Defaults to 30 seconds.
	Timeout time.Duration

	// Lease is how long another process that renews a token is waited for, after which it
	// is taken for dead. Defaults to twice Timeout.
	Lease time.Duration

	// Spread is the time over which Run spreads its first look at all connections.
	// Defaults to 10 minutes.
	Spread time.Duration

	// Rate is how many tokens Run renews in a second, at most. Defaults to 20.
	Rate int

	// Relist is how often Run looks for new connections. Defaults to 10 minutes.
	Relist time.Duration

	// Transport carries the requests. Defaults to http.DefaultTransport.
	Transport http.RoundTripper

	// Logger hears of what goes wrong. It never gets a secret. Defaults to none.
	Logger *slog.Logger

	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// Flow connects accounts of one provider in one mode. It is safe for concurrent use, by any
// number of processes over one Keeper.
type Flow struct {
	c      Config
	states States
	client *http.Client
	spread func(time.Duration) time.Duration // up to a duration, by chance

	mu      sync.Mutex
	sources map[commerce.Ref]*source
}

// New checks the config. An error is of kind invalid and names the field.
func New(c Config) (*Flow, error) {
	const op = "new flow"
	if err := c.Provider.check(); err != nil {
		return nil, err
	}
	if c.Home == "" {
		c.Home = "/"
	}
	if c.States == nil {
		c.States = c.Keeper
	}
	for _, f := range []struct {
		name string
		bad  bool
	}{
		{"Mode", c.Mode != commerce.Live && c.Mode != commerce.Test}, {"RedirectURL", !secure(c.RedirectURL) || c.Mode == commerce.Live && !strings.HasPrefix(c.RedirectURL, "https:")}, {"Keeper", c.Keeper == nil},
		{"Session", c.Session == nil}, {"Home", !local(c.Home)}, {"Rate", c.Rate < 0},
		{"StateLife", c.StateLife < 0}, {"Timeout", c.Timeout < 0}, {"Lease", c.Lease < 0}, {"Spread", c.Spread < 0}, {"Relist", c.Relist < 0},
	} {
		if f.bad {
			return nil, invalid(op, "Config.%s is missing or can not be used", f.name)
		}
	}
	for _, d := range []struct {
		field *time.Duration
		std   time.Duration
	}{{&c.StateLife, defaultLife}, {&c.Timeout, 30 * time.Second}, {&c.Spread, 10 * time.Minute}, {&c.Relist, 10 * time.Minute}} {
		if *d.field == 0 {
			*d.field = d.std
		}
	}
	if c.Lease == 0 {
		c.Lease = 2 * c.Timeout
	}
	if c.Rate == 0 {
		c.Rate = 20
	}
	if c.Page == nil {
		c.Page = func(w http.ResponseWriter, _ *http.Request, p Page) { WritePage(w, p) }
	}
	if c.Notify == nil {
		c.Notify = func(context.Context, Notice) error { return nil }
	}
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Flow{
		c:       c,
		states:  States{Keeper: c.States, For: commerce.Ref{System: system, Account: c.Provider.Name, Mode: c.Mode}, Life: c.StateLife, Now: c.Now},
		client:  &http.Client{Transport: once{httpx.Traced(c.Transport)}, CheckRedirect: httpx.NoRedirect},
		spread:  chance,
		sources: map[commerce.Ref]*source{},
	}, nil
}

// Format writes what the flow connects, for every verb: it knows tokens.
func (f *Flow) Format(w fmt.State, _ rune) {
	_, _ = fmt.Fprintf(w, "flow to %s in %s mode", f.c.Provider.Name, f.c.Mode)
}

// Begin sends a person to the provider. The parameter "return", a path of the host, is
// where the last page leads back to. Another site can not begin in a person's name.
//
// A link to it is simplest. Browsers hold the redirect of a form against the page's own
// Content-Security-Policy, whose form-action would have to name the provider.
func (f *Flow) Begin() http.Handler { return http.HandlerFunc(f.begin) }

func (f *Flow) begin(w http.ResponseWriter, r *http.Request) {
	private(w)
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	back := r.FormValue("return")
	s, err := f.c.Session(r)
	switch {
	case r.Header.Get("Sec-Fetch-Site") == "cross-site":
		f.answer(w, r, failure(CodeCrossSite))
		return
	case err != nil || s.ID == "":
		f.answer(w, r, failure(CodeNoSession))
		return
	case back != "" && !local(back):
		f.answer(w, r, failure(CodeOpenRedirect))
		return
	}
	p, verifier := f.c.Provider, ""
	var options []oauth2.AuthCodeOption
	if p.Params != nil {
		for name, texts := range p.Params(r) {
			if len(texts) > 0 && !reserved[name] {
				options = append(options, oauth2.SetAuthURLParam(name, texts[0]))
			}
		}
	}
	if p.PKCE {
		verifier = oauth2.GenerateVerifier()
		options = append(options, oauth2.S256ChallengeOption(verifier))
	}
	state, err := f.states.Issue(r.Context(), s.Tenant, s.ID, Ticket{Verifier: commerce.NewSecret(verifier), Return: back, Actor: s.Actor})
	if err != nil {
		f.c.Logger.ErrorContext(r.Context(), "oauth: a consent can not be begun", "provider", p.Name, "tenant", s.Tenant, "error", err)
		f.answer(w, r, failure(CodeFault))
		return
	}
	c := &oauth2.Config{ClientID: p.ClientID, RedirectURL: f.c.RedirectURL, Scopes: p.Scopes, Endpoint: oauth2.Endpoint{AuthURL: p.AuthURL}}
	w.Header().Set("Location", c.AuthCodeURL(state, options...))
	w.WriteHeader(http.StatusSeeOther)
}

// reserved are the parameters that are not Provider.Params' to set.
var reserved = map[string]bool{"client_id": true, "redirect_uri": true, "response_type": true, "response_mode": true, "scope": true,
	"state": true, "code_challenge": true, "code_challenge_method": true}

// local reports whether an address is a path of the host itself: browsers read "//x" and
// "/\x" as another host, and drop tabs and line ends on the way.
func local(address string) bool {
	if !strings.HasPrefix(address, "/") || strings.HasPrefix(address, "//") || len(address) > 2000 {
		return false
	}
	for _, c := range address {
		if c == '\\' || c < ' ' || c == 0x7f {
			return false
		}
	}
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "" && u.Host == "" && u.User == nil
}
