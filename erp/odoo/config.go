package odoo

import (
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/internal/cache"
	"github.com/commercesync/commerce/internal/httpx"
	"github.com/commercesync/commerce/resilience"
)

// Login is an API key and its user. Keys that people make live for three months at
// most, so they rotate: a Credentials that renews needs no restart.
type Login struct {
	User string          // the login name; JSON-RPC needs it, JSON-2 knows the user by the key
	Key  commerce.Secret // the API key; over JSON-RPC a password does as well
}

// Protocol is how an Odoo is spoken to.
type Protocol string

const (
	// Detect asks the server for its version and chooses.
	Detect Protocol = ""
	// JSON2 is the API of Odoo 19 and later: POST /json/2/model/method with a bearer key.
	JSON2 Protocol = "json-2"
	// JSONRPC is the API of all versions up to 19: POST /jsonrpc. Odoo takes it away
	// after 19.
	JSONRPC Protocol = "json-rpc"
)

// Config says which Odoo to speak to, as whom, and for which company.
type Config struct {
	// URL is the server's root: "https://erp.example.com/". Required.
	URL string
	// Database is the name of the database. Required.
	Database string
	// Credentials hand out the login; commerce.Static serves where it never changes. Required.
	Credentials commerce.Credentials[Login]
	// Protocol defaults to Detect: JSON2 from version 19 on, JSONRPC before.
	Protocol Protocol

	// Origin holds the tenant, account and mode of the refs that are handed out and
	// accepted. System is always "odoo"; Account defaults to Database.
	// Mode defaults to commerce.Test: say commerce.Live to post live facts.
	Origin commerce.Ref
	// Company is the id of the company that the calls are made for; ForCompany gives
	// others. Defaults to the user's own company.
	Company string
	// Language is the code of an installed language, for names and messages. Defaults
	// to "en_US"; the kinds of some refusals are told by the English text only, of the
	// server and of its database.
	Language string
	// Module is the first half of the external ids that hold the keys. Never change it:
	// what was made under another one is not found. Defaults to "commerce_sync".
	Module string

	// Products name the SKUs of order lines that are no goods.
	Products erp.Products
	// PaymentTerm is the id of the payment term that is written on orders. Empty
	// leaves it to the server.
	PaymentTerm string

	// LongestRequest is the longest time that the server and the proxies before it
	// let a request run: what is unknown is looked up only after it.
	// Defaults to 2 minutes, as Odoo's limit_time_real does.
	LongestRequest time.Duration
	// LoginPause is how long a refused login is not tried again: the server makes an
	// address wait that fails often. Defaults to 1 minute.
	LoginPause time.Duration
	// Lag is how far behind the newest shipment the cursor stays, so that one whose
	// transaction ends late is not missed. Defaults to LongestRequest + 1 second.
	Lag time.Duration
	// CacheTTL is how long products, taxes, countries and currencies are remembered.
	// Defaults to 5 minutes; below nought nothing is.
	CacheTTL time.Duration
	// CacheSize bounds the remembered products. Defaults to 10 000.
	CacheSize int
	// MaxBody bounds the body of an answer, in bytes. Defaults to 8 MiB.
	MaxBody int64
	// PageSize is how many records a list asks for at once. Defaults to 100.
	PageSize int

	// Resilience protects the calls; its Timeout bounds each attempt.
	Resilience resilience.Config
	// Transport carries the requests. Defaults to a copy of http.DefaultTransport.
	Transport http.RoundTripper
	Now       func() time.Time // defaults to time.Now
	Log       *slog.Logger     // defaults to silence
}

// Client speaks to one Odoo for one company. It is an [erp.ERP], an [erp.Warehouse], an
// [erp.Ledger], an [erp.Lookup], an [erp.Invoicer], an [erp.Receipter], an
// [erp.CreditNoter] and an [erp.Auditor], and safe for concurrent use.
type Client struct {
	c       Config
	root    string // the server's address, ending in /
	http    *http.Client
	policy  *resilience.Policy
	session *session
	shared  *sharedCaches
	company *company
}

var (
	_ erp.ERP         = (*Client)(nil)
	_ erp.Warehouse   = (*Client)(nil)
	_ erp.Ledger      = (*Client)(nil)
	_ erp.Lookup      = (*Client)(nil)
	_ erp.Invoicer    = (*Client)(nil)
	_ erp.Receipter   = (*Client)(nil)
	_ erp.CreditNoter = (*Client)(nil)
	_ erp.Auditor     = (*Client)(nil)
)

// company is what is known of the company that a client speaks for.
type company struct {
	id     string // as configured; empty = the user's own
	caches companyCaches
}

const system = "odoo"

var plainWord = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// NewClient checks the config and returns a client; nothing is sent yet. An error
// is of kind invalid and names the field.
func NewClient(c Config) (*Client, error) {
	bad := func(format string, args ...any) (*Client, error) {
		return nil, commerce.Errorf(commerce.KindInvalid, system, "new client", format, args...)
	}
	def(&c.Module, "commerce_sync")
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil || strings.ContainsAny(c.URL, "?#"):
		return bad("URL is not http(s)://host/ without user, query or fragment")
	case c.Database == "" || strings.ContainsAny(c.Database, "/?#%\r\n"):
		return bad("Database is empty or no plain name")
	case c.Credentials == nil:
		return bad("Credentials is nil")
	case c.Protocol != Detect && c.Protocol != JSON2 && c.Protocol != JSONRPC:
		return bad("Protocol %q is none of this package's", c.Protocol)
	case !plainWord.MatchString(c.Module):
		return bad("Module %q is no lower-case word", c.Module)
	case c.PageSize < 0 || c.CacheSize < 0 || c.MaxBody < 0:
		return bad("PageSize, CacheSize or MaxBody is negative")
	}
	for _, field := range []struct{ name, id string }{{"Company", c.Company}, {"PaymentTerm", c.PaymentTerm}} {
		if _, err := parseID(field.id); field.id != "" && err != nil {
			return bad("%s: %q is no id", field.name, field.id)
		}
	}
	c.Origin.System, c.Origin.ID = system, ""
	def(&c.Origin.Account, c.Database)
	def(&c.Origin.Mode, commerce.Test)
	def(&c.Language, "en_US")
	c.Products = c.Products.WithDefaults()
	def(&c.LongestRequest, 2*time.Minute)
	def(&c.LoginPause, time.Minute)
	def(&c.Lag, c.LongestRequest+time.Second)
	def(&c.CacheTTL, 5*time.Minute)
	def(&c.CacheSize, 10_000)
	def(&c.MaxBody, 8<<20)
	def(&c.PageSize, 100)
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
		if own, ok := http.DefaultTransport.(*http.Transport); ok {
			c.Transport = own.Clone()
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	o := &Client{
		c:       c,
		root:    strings.TrimSuffix(c.URL, "/") + "/",
		http:    &http.Client{Transport: c.Transport, CheckRedirect: httpx.NoRedirect},
		shared:  newSharedCaches(c),
		company: &company{id: c.Company, caches: newCompanyCaches(c)},
	}
	o.session = newSession(o)
	r := c.Resilience
	if r.Now == nil {
		r.Now = c.Now
	}
	if r.Breaker.Ping == nil {
		r.Breaker.Ping = o.Ping
	}
	if o.policy, err = resilience.New(system+" "+u.Host, r); err != nil {
		return nil, err
	}
	return o, nil
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// ForCompany returns a client with the same login that speaks for another company.
// The user must be allowed to act for it.
func (o *Client) ForCompany(id string) erp.ERP {
	if id == "" || id == o.company.id {
		return o
	}
	o.shared.mu.Lock()
	defer o.shared.mu.Unlock()
	co := o.shared.companies[id]
	if co == nil {
		co = &company{id: id, caches: newCompanyCaches(o.c)}
		o.shared.companies[id] = co
	}
	other := *o
	other.company = co
	return &other
}

// sharedCaches hold what does not depend on the company.
type sharedCaches struct {
	mu         sync.Mutex
	companies  map[string]*company
	own        *cache.Cache[string, int64] // the user's own company
	versions   *cache.Cache[string, version]
	currencies *cache.Cache[commerce.Currency, int64]
	countries  *cache.Cache[string, int64]
	regions    *cache.Cache[string, int64]
}

func newSharedCaches(c Config) *sharedCaches {
	return &sharedCaches{
		companies:  map[string]*company{},
		own:        cache.New[string, int64](c.CacheTTL, 1, c.Now),
		versions:   cache.New[string, version](c.CacheTTL, 1, c.Now),
		currencies: cache.New[commerce.Currency, int64](c.CacheTTL, c.CacheSize, c.Now),
		countries:  cache.New[string, int64](c.CacheTTL, c.CacheSize, c.Now),
		regions:    cache.New[string, int64](c.CacheTTL, c.CacheSize, c.Now),
	}
}

// companyCaches hold what may differ between companies.
type companyCaches struct {
	products   *cache.Cache[string, product]
	books      *cache.Cache[string, books]
	accounts   *cache.Cache[string, account]
	pricelists *cache.Cache[commerce.Currency, int64]
}

func newCompanyCaches(c Config) companyCaches {
	return companyCaches{
		products:   cache.New[string, product](c.CacheTTL, c.CacheSize, c.Now),
		books:      cache.New[string, books](c.CacheTTL, 1, c.Now),
		accounts:   cache.New[string, account](c.CacheTTL, c.CacheSize, c.Now),
		pricelists: cache.New[commerce.Currency, int64](c.CacheTTL, c.CacheSize, c.Now),
	}
}
