package erpnexttest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erpnext"
	"github.com/commercesync/commerce/internal/fault"
)

const (
	// URL is an address for a client that uses Transport.
	URL = "http://erpnext.test/"
	// Company is the company that owns everything, Sister one that owns nothing.
	Company = "Synthetic Trading Ltd"
	Sister  = "Sister Ltd"
	// Warehouse is where the goods lie.
	Warehouse = "Stores - ST"
	// KeyField is the unique custom field.
	KeyField = "custom_external_id"
	// Version is what the server says it is.
	Version = "15.40.0"
)

// Config says what a server holds at the start. The zero value is a company that keeps
// its books in EUR and sells the items of DefaultItems.
type Config struct {
	Currency    commerce.Currency // the company's; defaults to EUR
	Items       []Item            // defaults to DefaultItems
	TaxRates    []string          // an Item Tax Template each; defaults to 0, 7, 19 and 20
	TaxRounding erp.TaxRounding   // defaults to erp.RoundPerDocument
	// PlainKeys leaves the custom field without "unique".
	PlainKeys bool
	// ClosedUntil ends the closed accounting period; zero = none.
	ClosedUntil commerce.Date
	Now         func() time.Time // defaults to time.Now
}

// Item is an item that the server sells.
type Item struct {
	Code    string
	Service bool
	Stock   int64 // of goods
}

// DefaultItems are the items of a Config without any.
func DefaultItems() []Item {
	return []Item{
		{Code: "SKU-RED", Stock: 1_000_000}, {Code: "SKU-BLUE", Stock: 1_000_000}, {Code: "SKU-SCARCE", Stock: 1}, {Code: "SKU-COURSE", Service: true},
		{Code: "SHIPPING", Service: true}, {Code: "DISCOUNT", Service: true}, {Code: "FEE", Service: true}, {Code: "ROUNDING", Service: true},
	}
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

// Server is an ERPNext for tests. It is safe for concurrent use.
type Server struct {
	c      Config
	faults fault.Set

	mu   sync.Mutex
	docs map[string]map[string]doc
	list map[string][]string // names by doctype, in order of creation
	seq  map[string]int
	last time.Time
	undo []func()
}

// New returns a server. An error names the field of the config.
func New(c Config) (*Server, error) {
	c.Currency, c.TaxRounding = cmp.Or(c.Currency, "EUR"), cmp.Or(c.TaxRounding, erp.RoundPerDocument)
	if c.Items == nil {
		c.Items = DefaultItems()
	}
	if c.TaxRates == nil {
		c.TaxRates = []string{"0", "7", "19", "20"}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if !c.Currency.Valid() {
		return nil, commerce.Errorf(commerce.KindInvalid, "erpnexttest", "new", "Currency %q is no ISO 4217 code", string(c.Currency))
	}
	s := &Server{c: c, docs: map[string]map[string]doc{}, list: map[string][]string{}, seq: map[string]int{}}
	if err := s.seed(); err != nil {
		return nil, err
	}
	return s, nil
}

const key, secret = "0a1b2c3d4e5f607", "f0e1d2c3b4a5968"

// Login is what the server accepts.
func (s *Server) Login() erpnext.Login {
	return erpnext.Login{Key: key, Secret: commerce.NewSecret(secret)}
}

// On matches the requests of a verb on a doctype, for Fault.Match: "POST", "Sales Order".
func On(verb, doctype string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		rest, ok := strings.CutPrefix(r.URL.Path, "/api/resource/")
		first, _, _ := strings.Cut(rest, "/")
		return ok && r.Method == verb && first == doctype
	}
}

// Transport answers requests in this process, without a socket.
func (s *Server) Transport() http.RoundTripper { return s.faults.Transport(s) }

// NewServer serves the same state on loopback; the caller closes it.
func (s *Server) NewServer() *httptest.Server { return httptest.NewServer(s.faults.Handler(s)) }

// Fail adds a fault and returns what removes it.
func (s *Server) Fail(f Fault) (remove func()) { return s.faults.Add(f) }

// ServeHTTP answers one request as one transaction.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Date", s.c.Now().UTC().Format(http.TimeFormat))
	status, body, err := s.answer(r)
	if err != nil {
		s.rollback()
		f, ok := err.(*failure)
		if !ok {
			f = fail(http.StatusInternalServerError, "Exception", "%v", err)
		}
		message, _ := json.Marshal(map[string]any{"message": f.text, "title": "Message", "indicator": "red"})
		messages, _ := json.Marshal([]string{string(message)})
		status, body = f.status, map[string]any{"exc_type": f.class, "exception": "frappe.exceptions." + f.class + ": " + f.text,
			"exc": "[\"Traceback (most recent call last): secret\"]", "_server_messages": string(messages)}
	} else {
		s.undo = nil
	}
	b, err := json.Marshal(body)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

func (s *Server) answer(r *http.Request) (int, map[string]any, error) {
	if r.Header.Get("Authorization") != "token "+key+":"+secret {
		return 0, nil, fail(http.StatusUnauthorized, "AuthenticationError", "Authentication failed")
	}
	if method, ok := strings.CutPrefix(r.URL.Path, "/api/method/"); ok {
		return s.method(method, r.URL.Query())
	}
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), "/api/resource/")
	if !ok {
		return 0, nil, fail(http.StatusNotFound, "DoesNotExistError", "Not Found")
	}
	first, second, hasName := strings.Cut(rest, "/")
	doctype, _ := url.PathUnescape(first)
	name, _ := url.PathUnescape(second)
	if schema[doctype] == nil {
		return 0, nil, fail(http.StatusNotFound, "DoesNotExistError", "DocType %s not found", doctype)
	}
	var sent doc
	if r.Body != nil && r.Method != http.MethodGet && r.Method != http.MethodDelete {
		var err error
		if sent, err = decode(r.Body); err != nil {
			return 0, nil, fail(http.StatusBadRequest, "ValidationError", "Invalid JSON")
		}
	}
	switch {
	case r.Method == http.MethodGet && !hasName:
		rows, err := s.find(doctype, r.URL.Query())
		return http.StatusOK, map[string]any{"data": rows}, err
	case r.Method == http.MethodPost && !hasName:
		d, err := s.insert(doctype, sent)
		return http.StatusOK, map[string]any{"data": encode(d)}, err
	case !hasName:
		return 0, nil, fail(http.StatusMethodNotAllowed, "ValidationError", "Not permitted")
	}
	have := s.docs[doctype][name]
	if have == nil {
		return 0, nil, fail(http.StatusNotFound, "DoesNotExistError", "%s %s not found", doctype, name)
	}
	switch r.Method {
	case http.MethodGet:
		return http.StatusOK, map[string]any{"data": encode(have)}, nil
	case http.MethodPut:
		d, err := s.update(doctype, have, sent)
		return http.StatusOK, map[string]any{"data": encode(d)}, err
	case http.MethodDelete:
		return http.StatusAccepted, map[string]any{"data": "ok"}, s.remove(doctype, have)
	}
	return 0, nil, fail(http.StatusMethodNotAllowed, "ValidationError", "Not permitted")
}

func (s *Server) method(name string, q url.Values) (int, map[string]any, error) {
	switch name {
	case "frappe.auth.get_logged_user":
		return http.StatusOK, map[string]any{"message": "sync@example.invalid"}, nil
	case "frappe.utils.change_log.get_versions":
		return http.StatusOK, map[string]any{"message": map[string]any{"frappe": map[string]any{"version": "15.40.1"},
			"erpnext": map[string]any{"title": "ERPNext", "version": Version}}}, nil
	case "frappe.desk.form.load.getdoctype":
		fields := []any{}
		for _, f := range schema[q.Get("doctype")] {
			unique := 0
			if f == KeyField && !s.c.PlainKeys {
				unique = 1
			}
			fields = append(fields, map[string]any{"fieldname": f, "unique": unique})
		}
		return http.StatusOK, map[string]any{"docs": []any{map[string]any{"doctype": "DocType", "name": q.Get("doctype"), "fields": fields}}}, nil
	}
	return 0, nil, fail(http.StatusNotFound, "DoesNotExistError", "Method %s not found", name)
}
