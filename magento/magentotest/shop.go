package magentotest

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/fault"
	"github.com/commercesync/commerce/magento"
)

// Config says what a shop is like. The zero Config is a Magento Open Source 2.4.6-p1
// with two websites and five store views.
type Config struct {
	// Now is the shop's clock. Defaults to time.Now.
	Now func() time.Time

	// DatabaseAhead is how far the clock of the database, which dates the rows, is ahead
	// of the web server's, which dates the answers. Negative = behind it.
	DatabaseAhead time.Duration

	// Seed makes keys and codes repeatable.
	Seed uint64

	// Version of Magento; "2.4.6-p1" by default. Before 2.4.0 a page past the end repeats
	// the last one; from 2.4.7 on a comment's status is checked and a cancel takes a lock.
	Version string

	// Stores are the store views. The default is [DefaultStores].
	Stores []Store

	// Integrations log in with OAuth. The default is one with every right, whose keys
	// [Shop.Keys] returns.
	Integrations []Integration

	// IntegrationAsBearer takes an integration's access token as Bearer, which shops
	// refuse by default since 2.4.4.
	IntegrationAsBearer bool

	// Admins are names and passwords of admins.
	Admins map[string]string

	// TwoFactor refuses a token to every admin.
	TwoFactor bool

	// TokenLife is how long an admin's token lives. Defaults to 60 minutes.
	TokenLife time.Duration

	// MaxPageSize refuses larger pages, DefaultPageSize is for lists that ask for none,
	// and MaxArray refuses longer lists of objects in a body: the input limits, which are
	// off by default and 300, 20 and 20 where they are on. 0 = no limit.
	MaxPageSize, DefaultPageSize, MaxArray int

	// WebsitePrices keeps a price for each website (catalog/price/scope = 1); by default
	// there is one for all.
	WebsitePrices bool

	// AdobeCommerce offers returns. The default is Magento Open Source, where their routes
	// do not exist.
	AdobeCommerce bool

	// Statuses are added to states: {"processing": {"packed"}}.
	Statuses map[string][]string

	// StripeModule installs Stripe's own module, 4.6.1: [Shop.Charged] then does what
	// it does when a charge succeeds.
	StripeModule bool

	// Gateway is asked where Stripe's module would call Stripe: by an invoice with capture,
	// an online refund, a cancel. It must not call the shop. nil says yes to all; an
	// error leaves everything as it was.
	Gateway func(GatewayCall) error

	// ShippingShownGross shows shipping with tax on orders (tax/sales_display/shipping =
	// 2): the shipping argument of a refund is gross then (REC 552).
	ShippingShownGross bool

	// LongestRequest is how long a request may take effect after it was sent.
	// Defaults to one minute.
	LongestRequest time.Duration
}

// Store is a store view.
type Store struct {
	ID           int64
	Code         string
	Name         string
	WebsiteID    int64
	Website      string // code
	WebsiteName  string
	GroupName    string
	BaseCurrency string // the website's
	Currency     string // what buyers see
	Rate         string // base → currency; defaults to 1
	GlobalRate   string // base → the currency of the whole installation; defaults to 1
	Prefix       string // of order numbers
	GroupCode    string // defaults to the website's code and "_group"
	Locale       string // defaults to en_US
	Timezone     string // defaults to UTC; dates of answers are UTC all the same
	// Rates are further currencies of the website, with their rates: {"USD": "1.0902"}.
	Rates map[string]string
}

// DefaultStores returns the views of the recorded shop: default in dollars, eu_de and
// eu_nl on a website in euros, eur and jpy on the first website with another display
// currency. The numbers of default and eu_nl are alike, as they are where a shop took
// the prefix away.
func DefaultStores() []Store {
	return []Store{
		{ID: 1, Code: "default", Name: "Default Store View", WebsiteID: 1, Website: "base", WebsiteName: "Main Website", GroupName: "Main Website Store", GroupCode: "main_website_store", BaseCurrency: "USD", Currency: "USD"},
		{ID: 2, Code: "eu_de", Name: "Germany", Locale: "de_DE", Timezone: "Europe/Berlin", Rates: map[string]string{"USD": "1.0902"}, WebsiteID: 2, Website: "eu", WebsiteName: "Europe", GroupName: "Europe group", BaseCurrency: "EUR", Currency: "EUR", GlobalRate: "1.0902", Prefix: "2"},
		{ID: 3, Code: "eu_nl", Name: "Netherlands", Timezone: "Europe/Berlin", Rates: map[string]string{"USD": "1.0902"}, WebsiteID: 2, Website: "eu", WebsiteName: "Europe", GroupName: "Europe group", BaseCurrency: "EUR", Currency: "EUR", GlobalRate: "1.0902"},
		{ID: 4, Code: "eur", Name: "Default in EUR", WebsiteID: 1, Website: "base", WebsiteName: "Main Website", GroupName: "Main Website Store", GroupCode: "main_website_store", BaseCurrency: "USD", Currency: "EUR", Rate: "0.9173", Prefix: "4"},
		{ID: 5, Code: "jpy", Name: "Default in JPY", WebsiteID: 1, Website: "base", WebsiteName: "Main Website", GroupName: "Main Website Store", GroupCode: "main_website_store", BaseCurrency: "USD", Currency: "JPY", Rate: "149.53", Prefix: "5"},
	}
}

// Integration is a program that may log in with OAuth.
type Integration struct {
	Keys   magento.Keys
	Rights []string // ACL ids, such as Magento_Sales::actions_view; nil = all
}

// Fault and FaultKind make requests fail; see [Shop.Fail].
type (
	// Fault is one way to fail.
	Fault = fault.Fault
	// FaultKind says how.
	FaultKind = fault.Kind
)

// The kinds of faults.
const (
	Refused     = fault.Refused     // nothing arrives
	Stalled     = fault.Stalled     // no answer, nothing done
	Lost        = fault.Lost        // done, and the answer is lost
	Half        = fault.Half        // done, and half of the answer arrives
	Answered    = fault.Answered    // not done; Status, Header and Body are the answer
	AfterEffect = fault.AfterEffect // done; Status, Header and Body are the answer
	Late        = fault.Late        // done after Delay, also if nobody waits
)

// Maintenance is the fault of a shop in maintenance mode: nothing is carried out, and
// every request is answered with a page (REC 286).
func Maintenance() Fault {
	return Fault{Kind: Answered, Status: http.StatusServiceUnavailable, Header: http.Header{"Content-Type": {"text/html; charset=UTF-8"}},
		Body: "<!doctype html>\n<html><head><title>Error 503: Service Unavailable</title></head></html>"}
}

// ReportID is the fault of a shop that fell over inside, which nobody may look into: a
// 500 with the number of a report. Nothing is carried out; [AfterEffect] as the kind
// falls over at the end.
func ReportID() Fault {
	return Fault{Kind: Answered, Status: http.StatusInternalServerError, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
		Body: `{"message":"Internal Error. Details are available in Magento log file. Report ID: webapi-6b0144177b31f"}`}
}

// Busy is the fault of a proxy in front of the shop that lets no more requests pass
// before some time is over; Magento itself has no such limit. Nothing is carried out.
func Busy(after time.Duration) Fault {
	return Fault{Kind: Answered, Status: http.StatusTooManyRequests, Header: http.Header{"Content-Type": {"text/html"},
		"Retry-After": {strconv.Itoa(int(after / time.Second))}}, Body: "<html><body>Too Many Requests</body></html>"}
}

// Call is a request that the shop worked on, in the order of arrival.
type Call struct {
	Method string
	Path   string // "/rest/V1/orders/1"
	Query  string // as sent
	Body   string
	Status int // of the answer that was made, whether or not it arrived
}

// Shop is a Magento for tests. It is an http.Handler and safe for concurrent use.
type Shop struct {
	c      Config
	faults fault.Set

	mu     sync.Mutex
	rand   *rand.Rand
	stores []Store
	calls  []Call
	nonces map[string]bool
	tokens map[string]adminSession

	orders       []*order // by entity id
	index        *index   // of the orders
	stale        bool     // an order may have changed since the index was made
	invoices     []*document
	shipments    []*document
	memos        []*document
	transactions []*transaction
	comments     []*comment
	customers    []*customer
	products     []*product
	sources      []*sourceItem
	attributes   map[string]bool // codes of custom attributes
	returns      []*rma
	activations  []*activation
	skus         map[string]int64 // ids of products that are only known from orders
	numbers      map[string]int64 // last number by kind and store
	ids          map[string]int64 // last id by table
}

// New makes a shop. An error names the field.
func New(c Config) (*Shop, error) {
	invalid := func(format string, args ...any) error {
		return commerce.Errorf(commerce.KindInvalid, "magentotest", "new shop", format, args...)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Version == "" {
		c.Version = "2.4.6-p1"
	}
	if c.TokenLife == 0 {
		c.TokenLife = time.Hour
	}
	if c.LongestRequest == 0 {
		c.LongestRequest = time.Minute
	}
	if c.TokenLife < 0 || c.LongestRequest < 0 {
		return nil, invalid("Config.TokenLife or Config.LongestRequest is negative")
	}
	if c.MaxPageSize < 0 || c.DefaultPageSize < 0 || c.MaxArray < 0 {
		return nil, invalid("Config.MaxPageSize, Config.DefaultPageSize or Config.MaxArray is negative")
	}
	s := &Shop{c: c, rand: rand.New(rand.NewPCG(c.Seed, 1)), nonces: map[string]bool{}, tokens: map[string]adminSession{},
		skus: map[string]int64{}, numbers: map[string]int64{}, ids: map[string]int64{}, attributes: map[string]bool{}}
	for _, code := range knownAttributes {
		s.attributes[code] = true
	}
	if s.stores = slices.Clone(c.Stores); len(s.stores) == 0 {
		s.stores = DefaultStores()
	}
	for i, st := range s.stores {
		if st.Code == "" || st.ID <= 0 || st.BaseCurrency == "" || st.Currency == "" {
			return nil, invalid("Config.Stores[%d] lacks an ID, Code, BaseCurrency or Currency", i)
		}
		if st.Rate == "" {
			s.stores[i].Rate = "1"
		}
		if r, err := parseDec(s.stores[i].Rate); err != nil || r <= 0 {
			return nil, invalid("Config.Stores[%d].Rate %q is no rate", i, st.Rate)
		}
		if r, err := parseDec(or(st.GlobalRate, "1")); err != nil || r <= 0 {
			return nil, invalid("Config.Stores[%d].GlobalRate %q is no rate", i, st.GlobalRate)
		}
	}
	if len(s.c.Integrations) == 0 {
		s.c.Integrations = []Integration{{Keys: magento.Keys{
			ConsumerKey:       s.text(32),
			ConsumerSecret:    commerce.NewSecret(s.text(32)),
			AccessToken:       commerce.NewSecret(s.text(32)),
			AccessTokenSecret: commerce.NewSecret(s.text(32)),
		}}}
	}
	return s, nil
}

// text returns n random letters and digits.
func (s *Shop) text(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[s.rand.IntN(len(letters))]
	}
	return string(b)
}

// Keys returns the OAuth keys of the first integration.
func (s *Shop) Keys() magento.Keys { return s.c.Integrations[0].Keys }

// LongestRequest returns how long after being sent a request may still take effect,
// from which the Settle of an unknown write is chosen.
func (s *Shop) LongestRequest() time.Duration { return s.c.LongestRequest }

// Transport carries requests to the shop in this process, whatever their host, with
// the shop's faults.
func (s *Shop) Transport() http.RoundTripper { return s.faults.Transport(s) }

// NewServer serves the shop on a loopback address, with its faults, until it is
// closed.
func (s *Shop) NewServer() *httptest.Server { return httptest.NewServer(s.faults.Handler(s)) }

// Fail adds a fault and returns what removes it.
func (s *Shop) Fail(f Fault) (remove func()) { return s.faults.Add(f) }

// Heal removes all faults.
func (s *Shop) Heal() { s.faults.Clear() }

// Calls returns the requests that the shop worked on.
func (s *Shop) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// ServeHTTP answers as Magento does.
func (s *Shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = s.arrive(r)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller broke off
	}
	s.mu.Lock()
	a := s.answer(r, body)
	s.calls = append(s.calls, Call{Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Body: string(body), Status: a.status})
	now := s.c.Now()
	s.mu.Unlock()

	h := w.Header()
	h.Set("Date", now.UTC().Format(http.TimeFormat))
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", cmp.Or(a.contentType, "application/json; charset=utf-8"))
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body)
	}
}

// cancelsKey is where a request keeps whether it may cancel.
type cancelsKey struct{}

// arrive notes on a cancel what PHP reads at its start, and not again: whether the order
// can be cancelled. From 2.4.7 on there is a lock, and it reads with that.
func (s *Shop) arrive(r *http.Request) *http.Request {
	_, path, _ := strings.Cut(r.URL.Path, "/V1/orders/")
	id, rest, _ := strings.Cut(path, "/")
	if r.Method != http.MethodPost || rest != "cancel" || s.since(4, 7) {
		return r
	}
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return r
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.order(n)
	return r.WithContext(context.WithValue(r.Context(), cancelsKey{}, o != nil && o.canCancel()))
}

// now is the time of the shop's database in whole seconds.
func (s *Shop) now() time.Time { return s.c.Now().Add(s.c.DatabaseAhead).UTC().Truncate(time.Second) }

// next returns the next id of a table.
func (s *Shop) next(table string) int64 {
	s.ids[table]++
	return s.ids[table]
}

// nextNumber returns the next number of a kind of document in a store; each has a
// sequence of its own.
func (s *Shop) nextNumber(kind string, st Store) string {
	key := kind + "/" + st.Code
	s.numbers[key]++
	width := 9
	if st.Prefix != "" {
		return st.Prefix + fmt.Sprintf("%0*d", width, s.numbers[key])
	}
	return fmt.Sprintf("%0*d", width, s.numbers[key])
}

func (s *Shop) store(code string) (Store, bool) {
	for _, st := range s.stores {
		if st.Code == code {
			return st, true
		}
	}
	return Store{}, false
}

func (s *Shop) storeByID(id int64) Store {
	for _, st := range s.stores {
		if st.ID == id {
			return st
		}
	}
	return s.stores[0]
}

// order returns an order to do something to, or nil.
func (s *Shop) order(id int64) *order {
	o := s.row(id)
	if o != nil && o.like != nil {
		whole := o.whole()
		whole.indexed = o.indexed
		*o = *whole
	}
	s.stale = true
	return o
}

// row returns an order to look at, or nil. Ids grow along the list.
func (s *Shop) row(id int64) *order {
	i, ok := slices.BinarySearchFunc(s.orders, id, func(o *order, id int64) int { return cmp.Compare(o.id, id) })
	if !ok {
		return nil
	}
	return s.orders[i]
}

// add puts in an order whose id is greater than all others.
func (s *Shop) add(o *order) {
	s.orders = append(s.orders, o)
	s.stale = true
}

// since reports whether the version is 2.minor.patch or later. From 2.4.0 on a page past
// the end is empty; from 2.4.7 on a comment's status has to belong to the state, and an
// order is cancelled under a lock.
func (s *Shop) since(minor, patch int) bool {
	var has [3]int
	number, _, _ := strings.Cut(s.c.Version, "-")
	for n, part := range strings.SplitN(number, ".", 3) {
		has[n], _ = strconv.Atoi(part)
	}
	return slices.Compare(has[:], []int{2, minor, patch}) >= 0
}
