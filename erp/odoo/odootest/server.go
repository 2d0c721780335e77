package odootest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/internal/fault"
)

const (
	// URL is an address for a client that uses Transport.
	URL = "http://odoo.test/"
	// Database is the name of the one database.
	Database = "erp"
	// Version is what the server says it is.
	Version = "19.0"

	userID = 5
)

// Config says what a server holds at the start. The zero value is a company that keeps
// its books in EUR with the generic chart of accounts, and sells the products of
// DefaultProducts.
type Config struct {
	Currency    commerce.Currency   // the company's; defaults to EUR
	Company     string              // its name; defaults to "Synthetic Trading Ltd"
	Companies   []string            // names of further companies of the user: ids 2, 3, …
	Products    []Product           // ids 2, 3, …; defaults to DefaultProducts
	TaxRates    []string            // percentages of taxes on sales; ids 5, 6, …, after the chart's; defaults to DefaultTaxRates
	TaxRounding erp.TaxRounding     // defaults to erp.RoundPerDocument
	Accounts    []Account           // after the chart's 50; defaults to DefaultAccounts
	Journals    []Journal           // after the chart's seven; defaults to DefaultJournals
	PriceLists  []commerce.Currency // one each; defaults to GBP, JPY, KWD, USD: an order takes its currency from one
	Rates       []Rate              // of exchange; a currency without any is worth as much as the company's
	LockDate    commerce.Date       // no entry is dated on it or before; zero = none
	User        string              // defaults to "sync"
	Key         string              // API key; defaults to 40 digits
	// Lacks are rights that the user has not, by model and act: "sale.order create".
	Lacks []string
	// Administrator gives the user the rights of the settings as well.
	Administrator bool
	// ManualReservation leaves stock unreserved until a delivery is checked for
	// availability; else confirming an order reserves.
	ManualReservation bool
	// LongestRequest is declared to tests: no Late fault should be longer.
	// Defaults to 30 seconds.
	LongestRequest time.Duration
	Now            func() time.Time // defaults to time.Now
}

// Product is a product that the server sells.
type Product struct {
	SKU     string
	Name    string // defaults to the SKU
	Service bool
	Stock   int64  // of goods
	Price   string // defaults to 10; 15 % tax apply to it unless an order says otherwise
}

// Account is an account, Journal a journal.
type (
	Account struct {
		Code, Name, Type string
		Reconcile        bool              // lines can be settled with each other, as on receivable anyway
		Currency         commerce.Currency // its own; empty = none
	}
	Journal struct{ Code, Name, Type string }
)

// Rate is how many units of a currency the company's is worth from a day on.
type Rate struct {
	Currency commerce.Currency
	From     commerce.Date
	Units    string
}

// DefaultProducts are the products of a Config without any.
func DefaultProducts() []Product {
	return []Product{
		{SKU: "SKU-RED", Stock: 1_000_000}, {SKU: "SKU-BLUE", Stock: 1_000_000}, {SKU: "SKU-POT", Stock: 1_000_000},
		{SKU: "SKU-SCARCE", Stock: 1}, {SKU: "SKU-NONE"}, {SKU: "SKU-COURSE", Service: true},
		{SKU: "24-MB01", Stock: 1_000_000}, {SKU: "24-MB02", Stock: 1_000_000}, {SKU: "24-UG06", Stock: 1_000_000},
		{SKU: "24-WG080", Stock: 1_000_000},
		{SKU: "SHIPPING", Service: true}, {SKU: "DISCOUNT", Service: true}, {SKU: "FEE", Service: true}, {SKU: "ROUNDING", Service: true},
	}
}

// DefaultTaxRates are the percentages of a Config without any.
func DefaultTaxRates() []string {
	return []string{"0", "5.5", "7", "8.25", "10", "19", "20", "25"}
}

// DefaultAccounts are the accounts of a Config without any, beside the chart's.
func DefaultAccounts() []Account {
	return []Account{{Code: "101499", Name: "Stripe Clearing", Type: "asset_current"}, {Code: "400010", Name: "Online Sales", Type: "income"},
		{Code: "400090", Name: "Refunds", Type: "income"}, {Code: "620010", Name: "Payment Processing Fees", Type: "expense"},
		{Code: "620020", Name: "Dispute Losses", Type: "expense"},
		{Code: "201050", Name: "Customer Advances", Type: "liability_current", Reconcile: true},
		{Code: "101498", Name: "Stripe Clearing USD", Type: "asset_current", Currency: "USD"}}
}

// DefaultJournals are the journals of a Config without any, beside the chart's.
func DefaultJournals() []Journal { return []Journal{{"STRP", "Stripe", "general"}} }

// Fault and its kinds are the ways in which a server can fail.
type Fault = fault.Fault

const (
	Refused     = fault.Refused     // the connection is refused
	Stalled     = fault.Stalled     // no answer comes, nothing is done
	Lost        = fault.Lost        // done, and the connection breaks before the answer
	Half        = fault.Half        // done, and half of the answer arrives
	Answered    = fault.Answered    // not done, and something else answers
	AfterEffect = fault.AfterEffect // done, and something else answers
	Late        = fault.Late        // done after the caller has given up
)

// Server is an Odoo for tests. It is safe for concurrent use.
type Server struct {
	c      Config
	faults fault.Set

	mu    sync.Mutex
	db    *store
	races int // calls of load that are still to lose
	calls []Call
}

// Call is a call that arrived, in order.
type Call struct {
	Method string          // "sale.order.create"; "common.authenticate"
	Body   json.RawMessage // arguments; a key reads "[sealed]"
}

// New returns a server. An error names the field of the config.
func New(c Config) (*Server, error) {
	c.Currency, c.Company = cmp.Or(c.Currency, "EUR"), cmp.Or(c.Company, "Synthetic Trading Ltd")
	c.TaxRounding = cmp.Or(c.TaxRounding, erp.RoundPerDocument)
	c.User, c.Key = cmp.Or(c.User, "sync"), cmp.Or(c.Key, strings.Repeat("0123456789abcdef", 3)[:40])
	c.LongestRequest = cmp.Or(c.LongestRequest, 30*time.Second)
	if c.Products == nil {
		c.Products = DefaultProducts()
	}
	if c.TaxRates == nil {
		c.TaxRates = DefaultTaxRates()
	}
	if c.Accounts == nil {
		c.Accounts = DefaultAccounts()
	}
	if c.Journals == nil {
		c.Journals = DefaultJournals()
	}
	if c.PriceLists == nil {
		c.PriceLists = []commerce.Currency{"GBP", "JPY", "KWD", "USD"}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if !c.Currency.Valid() {
		return nil, commerce.Errorf(commerce.KindInvalid, "odootest", "new", "Currency %q is no ISO 4217 code", string(c.Currency))
	}
	s := &Server{c: c, db: newStore(c.Now)}
	if err := s.seed(); err != nil {
		return nil, err
	}
	return s, nil
}

// User and Key are what the server accepts.
func (s *Server) User() string { return s.c.User }

// Key is the API key of User.
func (s *Server) Key() commerce.Secret {
	s.mu.Lock()
	defer s.mu.Unlock()
	return commerce.NewSecret(s.c.Key)
}

// SetKey makes another key the only one that is accepted: the old one has expired.
func (s *Server) SetKey(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.c.Key = key
}

// LongestRequest is the longest time that a request can take effect after it was sent.
func (s *Server) LongestRequest() time.Duration { return s.c.LongestRequest }

type methodKey struct{}

// OnMethod matches the calls of a method, for Fault.Match: "sale.order.create".
func OnMethod(method string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Context().Value(methodKey{}) == method }
}

// peek puts the method of a call into its context, where OnMethod finds it.
func peek(r *http.Request) (*http.Request, error) {
	if r.Body == nil {
		return r, nil
	}
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		return nil, err
	}
	r = r.WithContext(context.WithValue(r.Context(), methodKey{}, methodOf(r.URL.Path, body)))
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r, nil
}

func methodOf(path string, body []byte) string {
	if rest, ok := strings.CutPrefix(path, "/json/2/"); ok {
		return strings.ReplaceAll(rest, "/", ".")
	}
	var call rpcCall
	if json.Unmarshal(body, &call) != nil {
		return ""
	}
	if call.Params.Service == "object" && len(call.Params.Args) > 4 {
		var model, name string
		_ = json.Unmarshal(call.Params.Args[3], &model)
		_ = json.Unmarshal(call.Params.Args[4], &name)
		return model + "." + name
	}
	return call.Params.Service + "." + call.Params.Method
}

// Transport answers requests in this process, without a socket.
func (s *Server) Transport() http.RoundTripper {
	inner := s.faults.Transport(s)
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		r, err := peek(r)
		if err != nil {
			return nil, err
		}
		return inner.RoundTrip(r)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// NewServer serves the same state on loopback; the caller closes it.
func (s *Server) NewServer() *httptest.Server {
	inner := s.faults.Handler(s)
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, err := peek(r)
		if err != nil {
			return
		}
		inner.ServeHTTP(w, r)
	}))
}

// Fail adds a fault and returns what removes it.
func (s *Server) Fail(f Fault) (remove func()) { return s.faults.Add(f) }

// LoseRaces makes the next n calls of "load" lose against another transaction: they are
// told "could not serialize access" in a successful answer.
func (s *Server) LoseRaces(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.races = n
}

// Calls returns the calls that arrived so far.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}
