package magento

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/oauth"
)

// IntegrationConfig configures an [Integration]. CallbackURL, States and Put are required.
type IntegrationConfig struct {
	// CallbackURL is where Callback is. It must be https, unless it is on this machine.
	CallbackURL string

	// States keeps what is needed while a shop's admin sets the integration up: a vault.
	States oauth.Keeper

	// Put keeps the keys of a connection: the Put of its vault.Slot, whose Verify also
	// proves them.
	Put func(ctx context.Context, connection commerce.Ref, keys Keys) error

	// Life is how long an admin has from [Integration.Address] to the activation. Defaults
	// to 1 hour.
	Life time.Duration

	// Handshake exchanges the keys; its BaseURL is the shop's of each connection.
	Handshake Handshake

	// Notify hears of connections made, and of activations that came to nothing: the shop
	// shows its admin neither. Nil = nobody.
	Notify oauth.Notify

	// Logger hears of what goes wrong. Defaults to none.
	Logger *slog.Logger

	// Now is the clock. Defaults to that of Handshake, else to time.Now.
	Now func() time.Time
}

// Integration connects shops. The host asks for an address, a shop's admin puts it into the
// field "Callback URL" of a new integration and activates that, and the shop posts keys
// there. The address is good for one activation, of one shop, for a short time; nobody
// else's post has any effect.
type Integration struct {
	c IntegrationConfig
}

// NewIntegration checks the config. An error is of kind invalid and names the field.
func NewIntegration(c IntegrationConfig) (*Integration, error) {
	if c.Life == 0 {
		c.Life = time.Hour
	}
	if c.Now == nil {
		c.Now = c.Handshake.Now
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Notify == nil {
		c.Notify = func(context.Context, oauth.Notice) error { return nil }
	}
	for _, f := range []struct {
		name string
		bad  bool
	}{{"CallbackURL", !httpsOrHere(c.CallbackURL)}, {"States", c.States == nil}, {"Put", c.Put == nil}, {"Life", c.Life < 0},
		{"Handshake.BaseURL", c.Handshake.BaseURL != ""}} {
		if f.bad {
			return nil, refuse("new integration", "", "IntegrationConfig.%s is missing or can not be used", f.name)
		}
	}
	return &Integration{c}, nil
}

// httpsOrHere reports whether an address is https, or leads to this machine.
func httpsOrHere(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	host := u.Hostname()
	return u.Scheme == "https" || u.Scheme == "http" && (host == "localhost" || host == "127.0.0.1" || host == "::1")
}

// states are those of one connection.
func (i *Integration) states(connection commerce.Ref) oauth.States {
	return oauth.States{Keeper: i.c.States, For: connection.With(""), Life: i.c.Life, Now: i.c.Now}
}

// Address returns the callback of one activation. shopURL is the shop's base address, as
// its own settings have it; an activation that names another is refused. actor is for
// notices. Treat the address as a secret: it is put into the shop's admin and nowhere else.
func (i *Integration) Address(ctx context.Context, connection commerce.Ref, shopURL, actor string) (string, error) {
	if connection.System != system || !httpsOrHere(shopURL) {
		return "", refuse("begin activation", "", "the connection is none of Magento, or the shop's address is no https address")
	}
	state, err := i.states(connection).Issue(ctx, connection.Tenant, shopOf(shopURL), oauth.Ticket{Actor: actor})
	if err != nil {
		return "", err
	}
	return i.c.CallbackURL + "?" + url.Values{"connection": {connection.With("").String()}, "state": {state}}.Encode(), nil
}

// shopOf is a base address in the one form that two of them are compared in.
func shopOf(address string) string { return strings.ToLower(strings.TrimRight(address, "/")) }

// Callback is where shops post. It answers first and exchanges the keys then, before the
// handler returns, since the shop waits for the answer before it hands out tokens; so a
// server that shuts down in order waits for it.
func (i *Integration) Callback() http.Handler { return http.HandlerFunc(i.callback) }

func (i *Integration) callback(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	received := i.c.Now()
	connection, err := commerce.ParseRef(r.URL.Query().Get("connection"))
	a, bad := ParseActivation(r)
	if err != nil || bad != nil || connection.System != system || connection.ID != "" {
		i.c.Logger.WarnContext(r.Context(), "magento: a post to the callback is no activation")
		http.Error(w, "this is no activation", http.StatusBadRequest)
		return
	}
	// The shop hangs up once it has its answer.
	ctx := context.WithoutCancel(r.Context())
	state := r.URL.Query().Get("state")
	ticket, err := i.states(connection).Take(ctx, connection.Tenant, shopOf(a.StoreBaseURL), state, a.ConsumerKey+" "+a.Verifier.Reveal())
	if err != nil {
		i.c.Logger.WarnContext(ctx, "magento: an activation was refused", "connection", connection.String(), "error", err)
		status := http.StatusForbidden
		if e, ok := errors.AsType[*commerce.Error](err); !ok || e.System != "oauth" {
			status = http.StatusServiceUnavailable
		}
		http.Error(w, "this address is not for this activation, or was used before", status)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", "2")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write([]byte("OK"))
	_ = http.NewResponseController(w).Flush()
	if ticket.Result == "" { // else the shop posted twice
		i.exchange(ctx, connection, a, received, ticket, state)
	}
}

// exchange takes the keys and keeps them, once.
func (i *Integration) exchange(ctx context.Context, connection commerce.Ref, a Activation, received time.Time, ticket oauth.Ticket, state string) {
	h := i.c.Handshake
	h.BaseURL = strings.TrimRight(a.StoreBaseURL, "/")
	h.Now = i.c.Now
	keys, err := h.Keys(ctx, a, received)
	if err == nil {
		err = i.c.Put(ctx, connection, keys)
	}
	n := oauth.Notice{Kind: oauth.Connected, Connection: connection, At: i.c.Now(), Actor: ticket.Actor}
	if err != nil {
		n.Kind, n.Reason = oauth.Failed, codeOf(err)
		i.c.Logger.WarnContext(ctx, "magento: an activation came to nothing", "connection", connection.String(), "error", err)
	}
	if err := i.states(connection).Finish(ctx, connection.Tenant, state, string(n.Kind)); err != nil {
		i.c.Logger.WarnContext(ctx, "magento: a state is not finished", "connection", connection.String(), "error", err)
	}
	if err := i.c.Notify(ctx, n); err != nil {
		i.c.Logger.ErrorContext(ctx, "magento: nobody was told", "connection", connection.String(), "error", err)
	}
}

// codeOf names an error in one word.
func codeOf(err error) string {
	e, ok := errors.AsType[*commerce.Error](err)
	if !ok {
		return string(commerce.KindInternal)
	}
	return cmp.Or(e.Code, string(e.Kind))
}
