package trytontest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/internal/fault"
)

const (
	// URL is an address for a client that uses Transport.
	URL = "http://tryton.test/"
	// Database is the name of the one database.
	Database = "erp"
	// Version is what the server says it is.
	Version = "6.0.29"
)

// Config says what a server holds at the start. The zero value is a company that
// keeps its books in EUR and sells the products of DefaultProducts.
type Config struct {
	Currency    commerce.Currency // the company's; defaults to EUR
	Products    []Product         // defaults to DefaultProducts
	TaxRates    []string          // percentages; the ids are 1, 2, …; defaults to DefaultTaxRates
	TaxRounding erp.TaxRounding   // defaults to erp.RoundPerDocument
	Countries   []string          // ISO codes; default: what DefaultCountries lists
	Regions     []string          // ISO 3166-2 codes; default US-TX, US-CA, US-MI, US-NY
	User        string            // defaults to "sync"
	Password    string            // defaults to "secret"
	// Lacks are rights that the user has not, by model and act: "sale.sale create".
	Lacks []string
	// Administrator gives the user the rights of the administration as well.
	Administrator bool
	// InvoiceMethod is the server's setting for sales: "order", "shipment" or "manual".
	// Defaults to order.
	InvoiceMethod string
	// Queue leaves the processing of confirmed sales to a worker that never comes, as
	// a server with a queue does for a while.
	Queue bool
	// LongestRequest is declared to tests: no Late fault should be longer.
	// Defaults to 30 seconds.
	LongestRequest time.Duration
	Now            func() time.Time // defaults to time.Now
}

// Product is a product that the server sells.
type Product struct {
	SKU     string
	Service bool
	Stock   int64 // of goods
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

// DefaultCountries are the countries of a Config without any.
func DefaultCountries() []string {
	return []string{"DE", "FR", "GB", "US", "AT", "CH", "NL", "IT", "ES", "SE", "JP", "KW"}
}

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

// Server is a Tryton for tests. It is safe for concurrent use.
type Server struct {
	c      Config
	faults fault.Set

	mu       sync.Mutex
	db       *store
	sessions map[string]bool
	failures int // refused logins in a row
	logins   int
	calls    []Call
}

// Call is a call that arrived, in order.
type Call struct {
	Method string
	Params json.RawMessage // a password reads "[sealed]"
}

// New returns a server. An error names the field of the config.
func New(c Config) (*Server, error) {
	c.Currency = cmp.Or(c.Currency, "EUR")
	c.TaxRounding = cmp.Or(c.TaxRounding, erp.RoundPerDocument)
	c.InvoiceMethod = cmp.Or(c.InvoiceMethod, "order")
	c.User, c.Password = cmp.Or(c.User, "sync"), cmp.Or(c.Password, "secret")
	c.LongestRequest = cmp.Or(c.LongestRequest, 30*time.Second)
	if c.Products == nil {
		c.Products = DefaultProducts()
	}
	if c.TaxRates == nil {
		c.TaxRates = DefaultTaxRates()
	}
	if c.Countries == nil {
		c.Countries = DefaultCountries()
	}
	if c.Regions == nil {
		c.Regions = []string{"US-TX", "US-CA", "US-MI", "US-NY"}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if !c.Currency.Valid() {
		return nil, commerce.Errorf(commerce.KindInvalid, "trytontest", "new", "Currency %q is no ISO 4217 code", string(c.Currency))
	}
	s := &Server{c: c, sessions: map[string]bool{}}
	s.db = newStore(c.Now)
	if err := s.seed(); err != nil {
		return nil, err
	}
	return s, nil
}

// Login is the user that the server knows.
func (s *Server) Login() tryton.Login {
	return tryton.Login{User: s.c.User, Password: commerce.NewSecret(s.c.Password)}
}

// LongestRequest is the longest time that a request can take effect after it was sent.
func (s *Server) LongestRequest() time.Duration { return s.c.LongestRequest }

type methodKey struct{}

// OnMethod matches the calls of a method, for Fault.Match: "model.sale.sale.create".
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
	var call struct {
		Method string `json:"method"`
	}
	_ = json.Unmarshal(body, &call)
	r = r.WithContext(context.WithValue(r.Context(), methodKey{}, call.Method))
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r, nil
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

// Calls returns the calls that arrived so far.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Logins returns how many logins were asked for.
func (s *Server) Logins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// ExpireSessions makes the server forget all sessions.
func (s *Server) ExpireSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}

// SetPassword changes the user's password; sessions stay.
func (s *Server) SetPassword(password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.c.Password = password
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Date", s.c.Now().UTC().Format(http.TimeFormat))
	if r.Method != http.MethodPost {
		page(w, http.StatusMethodNotAllowed)
		return
	}
	var call struct {
		ID     *int64            `json:"id"`
		Method string            `json:"method"`
		Params []json.RawMessage `json:"params"`
	}
	if err := json.NewDecoder(r.Body).Decode(&call); err != nil || call.ID == nil {
		page(w, http.StatusInternalServerError)
		return
	}
	s.record(call.Method, call.Params)
	var result any
	var err error
	switch {
	case r.URL.Path == "/":
		result, err = s.root(call.Method)
	case r.URL.Path != "/"+Database+"/":
		page(w, http.StatusNotFound)
		return
	case call.Method == "common.db.login":
		var status int
		if result, status, err = s.login(call.Params); status != http.StatusOK {
			page(w, status)
			return
		}
	case !s.authorised(r.Header.Get("Authorization")):
		w.Header().Set("WWW-Authenticate", `Basic realm="Tryton"`)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusUnauthorized)
		return
	case strings.HasPrefix(call.Method, "common.") && call.Method != "common.db.logout":
		err = pythonError("'common'")
	default:
		result, err = s.dispatch(call.Method, call.Params)
	}
	if err == errNoMethod {
		page(w, http.StatusForbidden)
		return
	}
	answer := map[string]any{"id": *call.ID}
	if err != nil {
		answer["error"] = errorArray(err)
	} else {
		answer["result"] = encode(result)
	}
	b, err := json.Marshal(answer)
	if err != nil {
		page(w, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b)
}

func (s *Server) record(method string, params []json.RawMessage) {
	c := Call{Method: method}
	if method == "common.db.login" && len(params) > 1 {
		params = slices.Clone(params)
		params[1] = json.RawMessage(`{"password":"[sealed]"}`)
	}
	c.Params, _ = json.Marshal(params)
	s.calls = append(s.calls, c)
}

// page is an HTML page, as Werkzeug writes them.
func page(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!doctype html>\n<html lang=en>\n<title>%d %s</title>\n", status, http.StatusText(status))
}

func (s *Server) root(method string) (any, error) {
	switch method {
	case "common.server.version":
		return Version, nil
	case "common.db.list":
		return []any{Database}, nil
	}
	return nil, errNoMethod
}

// attempts is how many refused logins in a row the server bears.
const attempts = 6

func (s *Server) login(params []json.RawMessage) (any, int, error) {
	s.logins++
	var user string
	var with struct {
		Password *string `json:"password"`
	}
	if len(params) < 2 || json.Unmarshal(params[0], &user) != nil || json.Unmarshal(params[1], &with) != nil {
		return nil, http.StatusInternalServerError, nil //nolint:nilerr // the status is the answer
	}
	if with.Password == nil {
		return nil, http.StatusOK, loginError{"password", "Password for " + user, "password"}
	}
	if s.failures >= attempts {
		return nil, http.StatusTooManyRequests, nil
	}
	if user != s.c.User || *with.Password != s.c.Password {
		s.failures++
		return nil, http.StatusUnauthorized, nil
	}
	s.failures = 0
	token := fmt.Sprintf("token-%d", s.logins)
	s.sessions[token] = true
	return []any{userID, token}, http.StatusOK, nil
}

// userID is the id of the one user.
const userID int64 = 2

func (s *Server) authorised(header string) bool {
	if text, ok := strings.CutPrefix(header, "Session "); ok {
		b, err := base64.StdEncoding.DecodeString(text)
		parts := strings.Split(string(b), ":")
		return err == nil && len(parts) == 3 && parts[0] == s.c.User && parts[1] == fmt.Sprint(userID) && s.sessions[parts[2]]
	}
	if text, ok := strings.CutPrefix(header, "Basic "); ok {
		b, err := base64.StdEncoding.DecodeString(text)
		return err == nil && string(b) == s.c.User+":"+s.c.Password
	}
	return false
}

// dispatch carries a call out, as one transaction.
func (s *Server) dispatch(method string, raw []json.RawMessage) (any, error) {
	if method == "common.db.logout" {
		clear(s.sessions)
		return nil, nil
	}
	params := make([]any, len(raw))
	for i, p := range raw {
		v, err := decode(p)
		if err != nil {
			return nil, pythonError(err.Error())
		}
		params[i] = v
	}
	if len(params) == 0 {
		return nil, pythonError("Missing context argument")
	}
	context, ok := params[len(params)-1].(map[string]any)
	if !ok {
		return nil, pythonError("Missing context argument")
	}
	t := &transaction{server: s, db: s.db, context: context}
	result, err := t.call(method, params[:len(params)-1])
	if err != nil {
		s.db.rollback()
		return nil, err
	}
	s.db.commit()
	return result, nil
}

// Sales counts the sales under each reference, returns left out: the view of an auditor.
func (s *Server) Sales() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for _, r := range s.db.all("sale.sale") {
		if ref, ok := r["reference"].(string); ok && r["origin"] == nil {
			out[ref]++
		}
	}
	return out
}

// Sale is a sale as an auditor sees it.
type Sale struct {
	ID        int64
	Reference string
	State     string
	Total     commerce.Money
	Comment   string
}

// AllSales returns all sales, oldest first.
func (s *Server) AllSales() []Sale {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &transaction{server: s, db: s.db}
	var out []Sale
	for _, r := range s.db.all("sale.sale") {
		reference, _ := r["reference"].(string)
		comment, _ := r["comment"].(string)
		_, _, total := t.totals(r)
		out = append(out, Sale{ID: r.id(), Reference: reference, State: r["state"].(string), Total: total, Comment: comment})
	}
	return out
}

// Invoice is a customer's invoice as an auditor sees it; a credit note's Total is below
// nought.
type Invoice struct {
	ID        int64
	Reference string
	State     string
	Total     commerce.Money
}

// AllInvoices returns all invoices and credit notes, oldest first.
func (s *Server) AllInvoices() []Invoice {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &transaction{server: s, db: s.db}
	var out []Invoice
	for _, r := range s.db.all("account.invoice") {
		reference, _ := r["reference"].(string)
		_, _, total := t.invoiceTotals(r)
		out = append(out, Invoice{ID: r.id(), Reference: reference, State: r["state"].(string), Total: total})
	}
	return out
}

// Entries counts the journal entries under each description.
func (s *Server) Entries() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for _, r := range s.db.all("account.move") {
		if key, ok := r["description"].(string); ok {
			out[key]++
		}
	}
	return out
}

// Parties returns the codes of all parties, in order.
func (s *Server) Parties() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	codes := map[string]bool{}
	for _, r := range s.db.all("party.party") {
		if code, ok := r["code"].(string); ok {
			codes[code] = true
		}
	}
	return slices.Sorted(maps.Keys(codes))
}
