package nopcommerce

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
	"github.com/commercesync/commerce/resilience"
)

// Config says which shop a client talks to and how. BaseURL and Credentials are
// required.
type Config struct {
	// BaseURL is the shop's address without /api-backend: "https://shop.example".
	BaseURL string

	// API is which of the two APIs the shop has; [Detect] finds out. Defaults to
	// Official.
	API API

	// Credentials hands out the login, once for each attempt.
	Credentials commerce.Credentials[Login]

	// Transport carries the requests. Defaults to http.DefaultTransport.
	Transport http.RoundTripper

	// Resilience is the one retry layer. Writes, also those that are GETs, are repeated
	// only where nothing left this machine or the shop asked to come later. Its
	// Breaker.Ping defaults to a cheap read.
	Resilience resilience.Config

	// MaxBody bounds an answer in bytes. Defaults to 32 MiB.
	MaxBody int64

	// PageSize is how many rows a list asks for at once. Defaults to 100; the community
	// API gives at most 250.
	PageSize int

	// MaxPages bounds the requests of one walk over a list; reaching it is an error of
	// kind limit. Defaults to 10,000.
	MaxPages int

	// KeepDirectory is how long countries, states, currencies and stores are remembered.
	// Defaults to 1 hour.
	KeepDirectory time.Duration

	// LoginPause is how long a login that the shop refused is not tried again: every
	// failure counts towards the lock of the account. Other credentials are tried at
	// once. Defaults to 30 minutes.
	LoginPause time.Duration

	// Now is the clock for tokens and for dates that the shop leaves to its callers.
	// Defaults to time.Now.
	Now func() time.Time

	// Nonce returns a text that was never returned before. Every GET carries one, so that
	// no cache on the way can answer it. Defaults to 16 hex digits from crypto/rand.
	Nonce func() string
}

// Client talks to one shop. It is safe for concurrent use.
type Client struct {
	Orders     *Orders
	Items      *Items
	Notes      *Notes
	Processing *Processing
	Customers  *Customers
	Addresses  *Addresses
	Directory  *Directory
	Products   *Products
	Stock      *Stock
	Shipments  *Shipments
	Returns    *Returns
	Recurring  *Recurring
	Attributes *Attributes
	Stores     *Stores
	Activities *Activities

	c       Config
	base    *url.URL
	tokens  *tokens
	guarded http.RoundTripper // with retries and breaker
}

// NewClient checks the config. An error is of kind invalid and names the field.
func NewClient(c Config) (*Client, error) {
	invalid := func(format string, args ...any) error { return refuse("new client", "", format, args...) }
	base, err := address(c.BaseURL)
	switch {
	case err != nil:
		return nil, invalid("Config.BaseURL %w", err)
	case c.API != Official && c.API != Community:
		return nil, invalid("Config.API is neither Official nor Community")
	case c.Credentials == nil:
		return nil, invalid("Config.Credentials is missing")
	case c.MaxBody < 0:
		return nil, invalid("Config.MaxBody is negative")
	case c.PageSize < 0 || c.PageSize > 1000:
		return nil, invalid("Config.PageSize is not between 1 and 1000")
	case c.API == Community && c.PageSize > 250:
		return nil, invalid("Config.PageSize is above 250, the community API's most")
	case c.MaxPages < 0:
		return nil, invalid("Config.MaxPages is negative")
	case c.KeepDirectory < 0:
		return nil, invalid("Config.KeepDirectory is negative")
	case c.LoginPause < 0:
		return nil, invalid("Config.LoginPause is negative")
	}
	c = c.withDefaults()
	cl := &Client{c: c, base: base}
	cl.tokens = &tokens{
		next: httpx.Traced(c.Transport), creds: c.Credentials, now: c.Now, nonce: c.Nonce, pause: c.LoginPause,
		api: c.API, base: base, turn: make(chan struct{}, 1),
	}
	if c.Resilience.Breaker.Ping == nil {
		c.Resilience.Breaker.Ping = cl.alive
	}
	if c.Resilience.Now == nil {
		c.Resilience.Now = c.Now
	}
	c.Resilience.Retry.Classify = knowing(c.Resilience.Retry.Classify)
	policy, err := resilience.New(system, c.Resilience)
	if err != nil {
		return nil, invalid("Config.Resilience: %w", err)
	}
	cl.guarded = policy.Transport(cl.tokens)

	cl.Orders = &Orders{cl}
	cl.Items = &Items{cl}
	cl.Notes = &Notes{cl}
	cl.Processing = &Processing{cl}
	cl.Customers = &Customers{cl}
	cl.Addresses = &Addresses{cl}
	cl.Directory = newDirectory(cl)
	cl.Products = &Products{cl}
	cl.Stock = &Stock{cl}
	cl.Shipments = &Shipments{cl}
	cl.Returns = &Returns{cl}
	cl.Recurring = &Recurring{cl}
	cl.Attributes = &Attributes{cl}
	cl.Stores = &Stores{cl}
	cl.Activities = &Activities{cl}
	return cl, nil
}

// address reads the address of a shop.
func address(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	switch {
	case err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http":
		return nil, errors.New("is no address like https://shop.example")
	case base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, errors.New("holds a user, a query or a fragment")
	}
	return &url.URL{Scheme: base.Scheme, Host: base.Host, Path: strings.TrimRight(base.Path, "/")}, nil
}

func (c Config) withDefaults() Config {
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	if c.MaxBody == 0 {
		c.MaxBody = 32 << 20
	}
	if c.PageSize == 0 {
		c.PageSize = 100
	}
	if c.MaxPages == 0 {
		c.MaxPages = 10_000
	}
	if c.KeepDirectory == 0 {
		c.KeepDirectory = time.Hour
	}
	if c.LoginPause == 0 {
		c.LoginPause = 30 * time.Minute
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Nonce == nil {
		c.Nonce = randomNonce
	}
	return c
}

// knowing keeps a GET that writes from being taken for a read.
func knowing(next func(*http.Request, *http.Response, error) resilience.Verdict) func(*http.Request, *http.Response, error) resilience.Verdict {
	if next == nil {
		next = resilience.Default
	}
	return func(req *http.Request, resp *http.Response, err error) resilience.Verdict {
		if writes(req.Context()) && req.Method == http.MethodGet {
			as := *req
			as.Method = http.MethodPost
			req = &as
		}
		return next(req, resp, err)
	}
}

// Ping is a cheap read that proves that the shop answers and takes the credentials, unless
// [Client.CheckAccess] says that it takes any.
func (cl *Client) Ping(ctx context.Context) error {
	_, err := cl.send(ctx, cl.guarded, cl.ping())
	return err
}

func (cl *Client) ping() call {
	c := call{op: "ping", method: http.MethodGet, path: "/Store/GetAll", into: new([]Store)}
	if cl.c.API == Community {
		c.path, c.query, c.into = "/stores/current", params{{"fields", "id"}}, new(anything)
	}
	return c
}

// anything is an answer of which only its being JSON matters.
type anything struct{}

func (*anything) UnmarshalJSON([]byte) error { return nil }

// alive is the breaker's ping: below its own policy, and content with any answer that
// shows the shop at work, as bad credentials are not the shop's illness.
func (cl *Client) alive(ctx context.Context) error {
	_, err := cl.send(ctx, cl.tokens, cl.ping())
	var e *commerce.Error
	if errors.As(err, &e) && (e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests || e.Code == CodeLogin) {
		return nil
	}
	return err
}

// CheckAccess proves that the API is closed to strangers: a token that is none has to be
// refused. Where it is not, the plugin's developer mode is on, everybody may read and write
// everything, and no answer proves that our own token is good: an error of kind forbidden
// with code [CodeOpen]. A program calls it once when it starts.
func (cl *Client) CheckAccess(ctx context.Context) error {
	c := cl.ping()
	c.op = "check access"
	_, err := cl.send(context.WithValue(ctx, strangerKey{}, true), cl.guarded, c)
	var e *commerce.Error
	switch {
	case err == nil:
		return &commerce.Error{Kind: commerce.KindForbidden, System: system, Op: c.op, Code: CodeOpen,
			Text: "the API takes a token that is none; switch off its developer mode"}
	case errors.As(err, &e) && e.Status == http.StatusUnauthorized:
		return cl.Ping(ctx)
	}
	return err
}

type dateKey struct{}

// WithDates returns a context in which see is told the Date of every answer of the shop,
// before the answer is returned: its own clock, in whole seconds. What a cache repeats
// shows by a Date of long ago.
func WithDates(ctx context.Context, see func(time.Time)) context.Context {
	return context.WithValue(ctx, dateKey{}, see)
}

// ServerTime returns the shop's clock, from the Date of a cheap read. Polls take their
// bounds from it, so that a clock of ours that is wrong loses nothing; [WithDates] has it
// without a read of its own.
func (cl *Client) ServerTime(ctx context.Context) (time.Time, error) {
	c := cl.ping()
	c.op = "read server time"
	h, err := cl.send(ctx, cl.guarded, c)
	if err != nil {
		return time.Time{}, err
	}
	t, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return time.Time{}, &commerce.Error{Kind: commerce.KindInternal, System: system, Op: c.op,
			Text: "the shop's answer has no readable Date"}
	}
	return t.UTC(), nil
}
