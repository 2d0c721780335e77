package erpnext

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/internal/cache"
	"github.com/commercesync/commerce/internal/httpx"
	"github.com/commercesync/commerce/resilience"
)

// Login is a pair of API key and secret of a user; it does not expire.
type Login struct {
	Key    string
	Secret commerce.Secret
}

// Config says which ERPNext to speak to, as whom, and for which company.
type Config struct {
	// URL is the site's root: "https://erp.example.com/". Required.
	URL string
	// Credentials hand out the login; commerce.Static serves where it never changes. Required.
	Credentials commerce.Credentials[Login]
	// Company is the name of the company that the calls are made for; ForCompany gives
	// others. Required.
	Company string

	// Origin holds the tenant, account and mode of the refs that are handed out and
	// accepted. System is always "erpnext"; Account defaults to the host of URL.
	// Mode defaults to commerce.Test: say commerce.Live to post live facts.
	Origin commerce.Ref
	// KeyField is the custom field for our key on Customer, Sales Order and Journal
	// Entry. Defaults to "custom_external_id".
	KeyField string
	// Products name the items of order lines that are no goods.
	Products erp.Products
	// NoTax is the Item Tax Template of lines without tax, for sites whose items have
	// templates of their own, which would fill the gap. Empty = none.
	NoTax string
	// Warehouse ships where an order names none. Empty leaves it to the items.
	Warehouse string
	// PaymentTerms is the name of the template that is written on orders. Empty
	// leaves it to the server.
	PaymentTerms string
	// CustomerGroup and Territory of new customers. Empty leaves them to the server.
	CustomerGroup, Territory string
	// Location is the site's time zone. Defaults to UTC.
	Location *time.Location

	// LongestRequest is the longest time that the server and the proxies before it
	// let a request run: what is unknown is looked up only after it.
	// Defaults to 2 minutes.
	LongestRequest time.Duration
	// Lag is how far behind the newest delivery the cursor stays, so that one whose
	// transaction ends late is not missed, nor one of the hour that the clocks repeat in
	// autumn. Defaults to LongestRequest + 1 hour.
	Lag time.Duration
	// CacheTTL is how long items, taxes, accounts and countries are remembered.
	// Defaults to 5 minutes; below nought nothing is.
	CacheTTL time.Duration
	// CacheSize bounds the remembered items. Defaults to 10 000.
	CacheSize int
	// MaxBody bounds the body of an answer, in bytes. Defaults to 8 MiB.
	MaxBody int64
	// PageSize is how many documents a list asks for at once. Defaults to 100.
	PageSize int

	// Resilience protects the calls; its Timeout bounds each attempt.
	Resilience resilience.Config
	// Transport carries the requests. Defaults to a copy of http.DefaultTransport.
	Transport http.RoundTripper
	Now       func() time.Time // defaults to time.Now
	Log       *slog.Logger     // defaults to silence
}

// Client speaks to one ERPNext for one company. It is an [erp.ERP], an
// [erp.Warehouse] and an [erp.Ledger], and safe for concurrent use.
type Client struct {
	c       Config
	root    string // the site's address, ending in /
	http    *http.Client
	policy  *resilience.Policy
	shared  *shared
	company *company
}

var (
	_ erp.ERP       = (*Client)(nil)
	_ erp.Warehouse = (*Client)(nil)
	_ erp.Ledger    = (*Client)(nil)
)

// shared is what does not depend on the company.
type shared struct {
	mu        sync.Mutex
	companies map[string]*company
	products  *cache.Cache[string, erp.Product]
	countries *cache.Cache[string, string]
}

// company is what is remembered of a company.
type company struct {
	name     string
	books    *cache.Cache[string, books]
	accounts *cache.Cache[string, string]
}

func newCompany(c Config, name string) *company {
	return &company{name: name, books: cache.New[string, books](c.CacheTTL, 1, c.Now), accounts: cache.New[string, string](c.CacheTTL, c.CacheSize, c.Now)}
}

const system = "erpnext"

// NewClient checks the config and returns a client; nothing is sent yet. An error
// is of kind invalid and names the field.
func NewClient(c Config) (*Client, error) {
	bad := func(format string, args ...any) (*Client, error) {
		return nil, commerce.Errorf(commerce.KindInvalid, system, "new client", format, args...)
	}
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil || strings.ContainsAny(c.URL, "?#"):
		return bad("URL is not http(s)://host/ without user, query or fragment")
	case c.Credentials == nil:
		return bad("Credentials is nil")
	case c.Company == "":
		return bad("Company is empty")
	case c.PageSize < 0 || c.CacheSize < 0 || c.MaxBody < 0:
		return bad("PageSize, CacheSize or MaxBody is negative")
	}
	c.Origin.System, c.Origin.ID = system, ""
	def(&c.Origin.Account, u.Host)
	def(&c.Origin.Mode, commerce.Test)
	def(&c.KeyField, "custom_external_id")
	c.Products = c.Products.WithDefaults()
	def(&c.Location, time.UTC)
	def(&c.LongestRequest, 2*time.Minute)
	def(&c.Lag, c.LongestRequest+time.Hour)
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
		shared:  &shared{companies: map[string]*company{}, products: cache.New[string, erp.Product](c.CacheTTL, c.CacheSize, c.Now), countries: cache.New[string, string](c.CacheTTL, c.CacheSize, c.Now)},
		company: newCompany(c, c.Company),
	}
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

// ForCompany returns a client for another company, by its name. The user must be
// allowed to act for it.
func (o *Client) ForCompany(name string) erp.ERP {
	if name == "" || name == o.company.name {
		return o
	}
	o.shared.mu.Lock()
	defer o.shared.mu.Unlock()
	co := o.shared.companies[name]
	if co == nil {
		co = newCompany(o.c, name)
		o.shared.companies[name] = co
	}
	other := *o
	other.company = co
	return &other
}
