package magento

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
	"github.com/commercesync/commerce/resilience"
)

// Config says which shop a client talks to and how. BaseURL and Credentials are
// required.
type Config struct {
	// BaseURL is the shop's address without /rest: "https://shop.example". It must be
	// the address that the shop believes to be served on, as it is part of what is
	// signed: behind a proxy that ends TLS without saying so that is http.
	BaseURL string

	// CloudService says that the shop is Adobe Commerce as a Cloud Service. BaseURL is
	// the tenant's address then, and paths begin with /V1; Store is sent as a header;
	// Credentials are an [IMS]; and a route that the service lacks is an error of kind
	// invalid with code [CodeNotOffered]. Adobe Commerce in the cloud (PaaS) and on one's
	// own machines is no such service.
	CloudService bool

	// Store is the code of the store view in the path. Orders, invoices and shipments
	// of all stores are seen through any of them. Empty leaves it out, which means
	// the shop's default view.
	Store string

	// Credentials hands out the keys, once for each attempt.
	Credentials commerce.Credentials[Keys]

	// Transport carries the requests. Defaults to http.DefaultTransport.
	Transport http.RoundTripper

	// Resilience is the one retry layer. Writes are repeated only where nothing left
	// this machine. Its Breaker.Ping defaults to a cheap read.
	Resilience resilience.Config

	// MaxBody bounds an answer in bytes. Defaults to 32 MiB: a page of 100 orders of
	// 30 lines has about 7 MB.
	MaxBody int64

	// PageSize is how many rows a list asks for at once. Defaults to 100; shops that
	// limit input take at most 300.
	PageSize int

	// MaxPages bounds the requests of one walk over a list; reaching it is an error
	// of kind limit. Defaults to 10,000.
	MaxPages int

	// Fresh gives every read a query parameter that was never sent before, for a shop
	// behind a cache that keeps the API's answers although they say no-store. Magento
	// hands a service the parameters that it declares and no other (M2:lib/internal/Magento/
	// Framework/Webapi/ServiceInputProcessor.php, 2.4.6). Without it an answer that shows
	// its age is an error of kind unavailable with code [CodeStale].
	Fresh bool

	// Statuses names the statuses that the shop added to a state, so that a comment
	// may set them: {"processing": {"packed"}}. The shop's own ones are known.
	Statuses map[string][]string

	// Now is the clock for signing and tokens. Defaults to time.Now.
	Now func() time.Time

	// Nonce returns a text that was never returned before, for signing. Defaults to
	// 32 hex digits from crypto/rand.
	Nonce func() string
}

// Client talks to one shop. It is safe for concurrent use.
type Client struct {
	Orders       *Orders
	Invoices     *Invoices
	Shipments    *Shipments
	CreditMemos  *CreditMemos
	Transactions *Transactions
	Stores       *Stores
	Customers    *Customers
	Products     *Products
	Stock        *Stock
	Directory    *Directory
	Returns      *Returns // Adobe Commerce only

	c       Config
	base    *url.URL          // BaseURL with /rest/{store}/V1, or /V1 of a cloud service
	guarded http.RoundTripper // with retries and breaker
	date    dates
	bare    http.RoundTripper // signed only, for the breaker's ping
}

var storeCode = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// NewClient checks the config. An error is of kind invalid and names the field.
func NewClient(c Config) (*Client, error) {
	invalid := func(format string, args ...any) error { return refuse("new client", "", format, args...) }
	base, err := url.Parse(c.BaseURL)
	switch {
	case c.BaseURL == "" || err != nil || base.Hostname() == "" || base.Scheme != "https" && base.Scheme != "http":
		return nil, invalid("Config.BaseURL is no address like https://shop.example")
	case base.User != nil || strings.ContainsAny(c.BaseURL, "?#"):
		return nil, invalid("Config.BaseURL holds a user, a query or a fragment")
	case c.Store != "" && !storeCode.MatchString(c.Store):
		return nil, invalid("Config.Store %.40q is no code of a store view", c.Store)
	case c.Credentials == nil:
		return nil, invalid("Config.Credentials is missing")
	case c.MaxBody < 0:
		return nil, invalid("Config.MaxBody is negative")
	case c.PageSize < 0 || c.PageSize > 1000:
		return nil, invalid("Config.PageSize is not between 1 and 1000")
	case c.MaxPages < 0:
		return nil, invalid("Config.MaxPages is negative")
	}
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
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Nonce == nil {
		c.Nonce = randomNonce
	}

	cl := &Client{c: c}
	prefix := strings.TrimRight(base.Path, "/")
	if !c.CloudService {
		prefix += "/rest"
		if c.Store != "" {
			prefix += "/" + c.Store
		}
	}
	cl.base = &url.URL{Scheme: base.Scheme, Host: base.Host, Path: prefix + "/V1"}

	cl.bare = &signer{
		next: httpx.Traced(c.Transport), creds: c.Credentials, now: c.Now, nonce: c.Nonce,
		login: strings.TrimRight(base.String(), "/") + "/rest/all/V1/integration/admin/token",
		turn:  make(chan struct{}, 1),
		cloud: c.CloudService,
	}
	if c.Resilience.Breaker.Ping == nil {
		c.Resilience.Breaker.Ping = cl.alive
	}
	if c.Resilience.Now == nil {
		c.Resilience.Now = c.Now
	}
	c.Resilience.Retry.Classify = thoughtAbout(c.Resilience.Retry.Classify)
	policy, err := resilience.New(system, c.Resilience)
	if err != nil {
		return nil, invalid("Config.Resilience: %w", err)
	}
	cl.guarded = policy.Transport(cl.bare)

	cl.Orders = &Orders{cl}
	cl.Invoices = &Invoices{cl}
	cl.Shipments = &Shipments{cl}
	cl.CreditMemos = &CreditMemos{cl}
	cl.Transactions = &Transactions{cl}
	cl.Stores = &Stores{cl}
	cl.Customers = &Customers{cl}
	cl.Products = &Products{cl}
	cl.Stock = &Stock{cl}
	cl.Directory = &Directory{cl}
	cl.Returns = &Returns{cl}
	return cl, nil
}

// thoughtAbout keeps the answer to an unknown sku, a plain text with a 500, from being
// taken for an illness of the shop (2.4.6-p1, REC 097).
func thoughtAbout(next func(*http.Request, *http.Response, error) resilience.Verdict) func(*http.Request, *http.Response, error) resilience.Verdict {
	if next == nil {
		next = resilience.Default
	}
	return func(req *http.Request, resp *http.Response, err error) resilience.Verdict {
		if err == nil && resp.StatusCode == http.StatusInternalServerError && contentType(resp.Header) == "text/plain" &&
			strings.Contains(req.URL.Path, salablePath) {
			return resilience.Verdict{}
		}
		return next(req, resp, err)
	}
}

// pingPath answers to anyone, without a right, and from the shop's configuration.
const pingPath = "/directory/currency"

// Ping is a cheap read that proves that the shop answers and takes the credentials.
func (cl *Client) Ping(ctx context.Context) error {
	return cl.read(ctx, "ping", pingPath, nil, nil)
}

// alive is the breaker's ping: below its own policy, and content with any answer
// that shows the shop at work, as bad credentials are not the shop's illness.
func (cl *Client) alive(ctx context.Context) error {
	_, err := cl.send(ctx, cl.bare, call{op: "ping", method: http.MethodGet, path: pingPath})
	var e *commerce.Error
	if errors.As(err, &e) && e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests {
		return nil
	}
	return err
}

// ServerTime returns the shop's clock, from the Date of a cheap read that no cache can
// answer. Polls take their bounds from it, so that a clock of ours that is wrong loses
// nothing.
func (cl *Client) ServerTime(ctx context.Context) (time.Time, error) {
	const op = "read server time"
	h, err := cl.send(ctx, cl.guarded, call{op: op, method: http.MethodGet, path: pingPath, time: true})
	if err != nil {
		return time.Time{}, err
	}
	t, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return time.Time{}, &commerce.Error{Kind: commerce.KindInternal, System: system, Op: op,
			Text: "the shop's answer has no readable Date"}
	}
	cl.date.set(t)
	return t.UTC(), nil
}

// call is one request in the shop's words.
type call struct {
	op     string // for errors
	method string
	path   string // below /V1, escaped
	query  params
	body   any // sent as JSON; nil sends none
	into   any // the answer is decoded into it; nil reads and forgets it
	write  bool
	time   bool // only the answer's Date matters
}

func (cl *Client) read(ctx context.Context, op, path string, q params, into any) error {
	_, err := cl.send(ctx, cl.guarded, call{op: op, method: http.MethodGet, path: path, query: q, into: into})
	return err
}

func (cl *Client) post(ctx context.Context, op, path string, body, into any) error {
	_, err := cl.send(ctx, cl.guarded, call{op: op, method: http.MethodPost, path: path, body: body, into: into, write: true})
	return err
}

func (cl *Client) put(ctx context.Context, op, path string, body, into any) error {
	_, err := cl.send(ctx, cl.guarded, call{op: op, method: http.MethodPut, path: path, body: body, into: into, write: true})
	return err
}

// yes sends a write that answers true; code is what an answer of false means.
func (cl *Client) yes(ctx context.Context, op, path, code string, body any) error {
	var done Flag
	if err := cl.post(ctx, op, path, body, &done); err != nil {
		return err
	}
	if !done {
		return refuse(op, code, "the shop says that it was not done")
	}
	return nil
}

// make sends a write that answers with the id of what it made.
func (cl *Client) make(ctx context.Context, op, path string, body any) (made ID, err error) {
	if err := cl.post(ctx, op, path, body, &made); err != nil {
		return 0, err
	}
	if made <= 0 {
		return 0, bodyError(op, true, http.StatusOK, errors.New("it holds no id"))
	}
	return made, nil
}

// delete expects true.
func (cl *Client) delete(ctx context.Context, op, path string) error {
	var done Flag
	if _, err := cl.send(ctx, cl.guarded, call{op: op, method: http.MethodDelete, path: path, into: &done, write: true}); err != nil {
		return err
	}
	if !done {
		return refuse(op, "", "the shop says that it was not done")
	}
	return nil
}

// send makes the request, reads the whole answer and decodes it. Every error is a
// *commerce.Error.
func (cl *Client) send(ctx context.Context, rt http.RoundTripper, c call) (http.Header, error) {
	outcome := &verdict{}
	ctx = context.WithValue(ctx, verdictKey{}, outcome)
	u := *cl.base
	path, err := url.PathUnescape(c.path)
	if err != nil {
		return nil, refuse(c.op, "", "the path can not be read")
	}
	u.RawPath = u.EscapedPath() + c.path
	u.Path += path
	if c.time || cl.c.Fresh && !c.write {
		c.query = append(slices.Clone(c.query), param{"_", cl.c.Nonce()})
	}
	u.RawQuery = c.query.encode()
	var body io.Reader
	if c.body != nil {
		b, err := json.Marshal(c.body)
		if err != nil {
			return nil, refuse(c.op, "", "the request can not be written as JSON: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, c.method, u.String(), body)
	if err != nil {
		return nil, refuse(c.op, "", "no request can be made: %w", err)
	}
	// An Accept other than JSON is answered with a 500 and a page (2.4.6-p1, REC 075).
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if cl.c.CloudService && cl.c.Store != "" {
		req.Header.Set("Store", cl.c.Store)
	}

	if err := ctx.Err(); err != nil {
		e := roundTripError(c.op, c.write, err)
		if c.write {
			e.Outcome = commerce.NotSent
		}
		return nil, e
	}
	if !c.write {
		req.Header.Set("Cache-Control", "no-cache")
	}
	sent, known := cl.c.Now(), cl.date.newest()
	// The transport is used without an http.Client: redirects are answers here, and no
	// error carries an address with its query.
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return nil, roundTripError(c.op, c.write, err)
	}
	defer resp.Body.Close()
	b, err := httpx.ReadAll(resp.Body, cl.c.MaxBody)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		e := answerError(c.op, c.write, outcome.lacksRight, resp, b, cl.c.Now())
		if cl.c.CloudService && e.Code == CodeNoRoute {
			e.Code, e.Text = CodeNotOffered, "Adobe Commerce as a Cloud Service has no such route"
		}
		if e.Kind == commerce.KindNotFound && !c.write { // caches keep these as well
			if stale := cl.stale(ctx, c, resp.Header, sent, known); stale != nil {
				return nil, stale
			}
		}
		return nil, e
	}
	if err == nil && !c.write {
		if stale := cl.stale(ctx, c, resp.Header, sent, known); stale != nil {
			return nil, stale
		}
	}
	if err == nil && c.into != nil {
		err = decode(b, c.into)
	}
	if err != nil {
		return nil, bodyError(c.op, c.write, resp.StatusCode, err)
	}
	return resp.Header, nil
}
