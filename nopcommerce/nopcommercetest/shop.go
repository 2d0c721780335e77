package nopcommercetest

import (
	"cmp"
	"encoding/json"
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
	"github.com/commercesync/commerce/nopcommerce"
)

// Config says what a shop is like. The zero Config is a nopCommerce 4.70.1 in dollars
// with the official Web API and no Stripe plugin.
type Config struct {
	// Now is the clock of the world. Defaults to time.Now.
	Now func() time.Time

	// ClockOff is added to Now by the shop: its web server's clock is wrong.
	ClockOff time.Duration

	// Seed makes keys repeatable, and gives each shop its own ids of countries.
	Seed uint64

	// Version is that of nopCommerce: "4.70.1" by default. "1.06" is the generation of 4.40
	// and that of the published document; from 4.60 on customers have names and shipments
	// a date of readiness, from 4.90 on returns a quantity.
	Version string

	// API is the plugin that is installed. Defaults to Official.
	API API

	// Email and Password are those of the account that may use the API. They default to
	// admin@yourStore.com and to one of the seed; see [Shop.Login].
	Email    string
	Password commerce.Secret

	// Usernames makes the shop read username in a login, where it reads email by default.
	Usernames bool

	// TokenLife is how long a token lives. Defaults to 7 days.
	TokenLife time.Duration

	// NumericExpiry writes exp in a token as a number. By default it is a JSON text.
	NumericExpiry bool

	// LockAfter is how many wrong passwords lock the account, and LockFor for how long.
	// They default to 5 and 30 minutes.
	LockAfter int
	LockFor   time.Duration

	// DeveloperMode switches the check of tokens off, so that every token and none is as
	// good as a right one, and shows stack traces.
	DeveloperMode bool

	// CDN is how long something in front of the shop repeats the answer of a GET to whoever
	// asks for the same path and query, token or not. Defaults to none.
	CDN time.Duration

	// CDNIgnoresQuery makes the CDN look at the path only, and CDNHidesAge makes it leave
	// out the headers by which its answers are known; the Date is still the answer's own.
	CDNIgnoresQuery bool
	CDNHidesAge     bool

	// Stores are the stores of the shop. The default is one.
	Stores []Store

	// Currencies are the currencies with their rates; the first is the primary store
	// currency. The default is USD, EUR at 0.9 and JPY at 149.53.
	Currencies []NewCurrency

	// CompleteWhenShipped completes a paid order when it is shipped. By default it is
	// completed when it is delivered, as at installation.
	CompleteWhenShipped bool

	// CustomMembers are members that a custom build has beside the columns, by table
	// (Order, Customer, Product) and name, with the value of new rows.
	CustomMembers map[string]map[string]json.RawMessage

	// StripePlugins are installed: orders with their payment methods are charged at
	// Stripe. The default is none; [StripePlugins] are the common ones.
	StripePlugins []StripePlugin

	// KeepCalls is how many of the last requests [Shop.Calls] returns. Defaults to 100,000.
	KeepCalls int

	// Gateway is asked where a plugin would call Stripe: by Capture, Refund,
	// PartiallyRefund and Void. It must not call the shop. nil says yes to all; an error
	// is shown to the caller with status 200.
	Gateway func(GatewayCall) error
}

// API says which plugin a shop has.
type API int

// The plugins.
const (
	Official  API = iota // /api-backend
	Community            // /api and /token, read-only here
	Both
)

// NewCurrency is a currency of a shop.
type NewCurrency struct {
	Code string
	Rate string // how much of it one unit of the primary currency buys
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

func html(status int, body string) Fault {
	return Fault{Kind: Answered, Status: status, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, Body: body}
}

// StackTrace is the fault of a shop that fell over outside of the API: a 500 with the
// text of a stack trace instead of JSON. Nothing is carried out; [AfterEffect] as the
// kind falls over at the end.
func StackTrace() Fault {
	f := html(http.StatusInternalServerError, "System.InvalidOperationException: Timeout expired.\r\n   at Nop.Data.EntityRepository`1.GetByIdAsync(Nullable`1 id)\r\n   at lambda_method42(Closure, Object)\r\n")
	f.Header.Set("Content-Type", "text/plain; charset=utf-8")
	return f
}

// HTMLPage is the fault of something in front of the shop that answers everything with
// a page and 200.
func HTMLPage() Fault {
	return html(http.StatusOK, "<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head><body></body></html>")
}

// Restarting is the fault of a shop whose application is being started: IIS's page with
// 503. Nothing is carried out.
func Restarting() Fault {
	return html(http.StatusServiceUnavailable, "<!DOCTYPE HTML><html><head><title>Service Unavailable</title></head></html>")
}

// Busy is the fault of a proxy that lets no more requests pass before some time is over;
// the shop itself has no such limit. Nothing is carried out.
func Busy(after time.Duration) Fault {
	f := html(http.StatusTooManyRequests, "<html><body>Too Many Requests</body></html>")
	f.Header.Set("Retry-After", strconv.Itoa(int(after/time.Second)))
	return f
}

// Call is a request that the shop worked on, in the order of arrival.
type Call struct {
	Method string
	Path   string // "/api-backend/Order/GetById/1"
	Query  string // as sent
	Body   string // empty for a login
	Status int    // of the answer that was made, whether or not it arrived
}

// Shop is a nopCommerce for tests. It is an http.Handler and safe for concurrent use.
type Shop struct {
	c       Config
	version int // 440, 460, 470, 490
	faults  fault.Set

	mu      sync.Mutex
	rand    *rand.Rand
	by      Actor
	key     []byte // signs tokens
	calls   []Call
	count   int // requests ever
	hidden  int // answers that the CDN gave
	cache   map[string]cached
	effects map[int][]Effect  // by order
	roles   map[int][]int     // by customer
	books   map[int][]int     // addresses by customer
	choices map[string]string // what attributes say

	tables
	byDate []*Order // oldest first
}

// tables are those of the database.
type tables struct {
	activities   table[Activity, *Activity]
	addresses    table[Address, *Address]
	countries    table[Country, *Country]
	states       table[State, *State]
	currencies   table[Currency, *Currency]
	customers    table[Customer, *Customer]
	attributes   table[Attribute, *Attribute]
	orders       table[Order, *Order]
	items        table[OrderItem, *OrderItem]
	notes        table[Note, *Note]
	products     table[Product, *Product]
	combinations table[Combination, *Combination]
	inventories  table[Inventory, *Inventory]
	stockChanges table[StockChange, *StockChange]
	recurring    table[RecurringPayment, *RecurringPayment]
	cycles       table[RecurringOrder, *RecurringOrder]
	returns      table[ReturnRequest, *ReturnRequest]
	actions      table[ReturnAction, *ReturnAction]
	reasons      table[ReturnReason, *ReturnReason]
	shipments    table[Shipment, *Shipment]
	parcels      table[ShipmentItem, *ShipmentItem]
	methods      table[ShippingMethod, *ShippingMethod]
	stores       table[Store, *Store]
	warehouses   table[Warehouse, *Warehouse]
}

func invalid(op, format string, args ...any) error {
	return commerce.Errorf(commerce.KindInvalid, "nopcommercetest", op, format, args...)
}

// New makes a shop. An error names the field.
func New(c Config) (*Shop, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Version = cmp.Or(c.Version, "4.70.1")
	c.Email = cmp.Or(c.Email, "admin@yourStore.com")
	c.TokenLife = cmp.Or(c.TokenLife, 7*24*time.Hour)
	c.LockAfter = cmp.Or(c.LockAfter, 5)
	c.LockFor = cmp.Or(c.LockFor, 30*time.Minute)
	c.KeepCalls = cmp.Or(c.KeepCalls, 100_000)
	s := &Shop{c: c, rand: rand.New(rand.NewPCG(c.Seed, 1)), by: ByShop, effects: map[int][]Effect{}, roles: map[int][]int{}, books: map[int][]int{}, choices: map[string]string{}, cache: map[string]cached{}}
	var ok bool
	if s.version, ok = parseVersion(c.Version); !ok {
		return nil, invalid("new shop", "Config.Version %q is none of 1.06, 4.60 to 4.90", c.Version)
	}
	if c.API < Official || c.API > Both {
		return nil, invalid("new shop", "Config.API %d is no API", c.API)
	}
	if c.TokenLife < 0 || c.LockAfter < 0 || c.LockFor < 0 || c.CDN < 0 || c.KeepCalls < 0 {
		return nil, invalid("new shop", "Config.TokenLife, LockAfter, LockFor, CDN or KeepCalls is negative")
	}
	for i, p := range c.StripePlugins {
		if p.Method == "" {
			return nil, invalid("new shop", "Config.StripePlugins[%d].Method is empty", i)
		}
	}
	for name, members := range c.CustomMembers {
		for member, v := range members {
			if !slices.Contains([]string{"Order", "Customer", "Product"}, name) || !json.Valid(v) {
				return nil, invalid("new shop", "Config.CustomMembers[%q][%q] is of no table that can have it, or no JSON", name, member)
			}
		}
	}
	if c.Password.Empty() {
		s.c.Password = commerce.NewSecret(s.hex(16))
	}
	s.key = []byte(s.hex(32))
	s.schema()
	if err := s.install(); err != nil {
		return nil, err
	}
	return s, nil
}

// parseVersion reads "4.70.1" as 470.
func parseVersion(v string) (int, bool) {
	v = strings.TrimPrefix(v, "v")
	if v == "1.06" {
		return 440, true
	}
	parts := strings.Split(v, ".")
	if len(parts) < 2 || parts[0] != "4" {
		return 0, false
	}
	n, err := strconv.Atoi(parts[1])
	return 400 + n, err == nil && n >= 60 && n <= 90
}

// schema says how the tables hang together.
func (s *Shop) schema() {
	s.tables = tables{}
	for name, t := range map[string]*string{"ActivityLog": &s.activities.name, "Address": &s.addresses.name, "Country": &s.countries.name, "StateProvince": &s.states.name,
		"Currency": &s.currencies.name, "Customer": &s.customers.name, "GenericAttribute": &s.attributes.name, "Order": &s.orders.name, "OrderItem": &s.items.name,
		"OrderNote": &s.notes.name, "Product": &s.products.name, "ProductAttributeCombination": &s.combinations.name, "ProductWarehouseInventory": &s.inventories.name,
		"StockQuantityHistory": &s.stockChanges.name, "RecurringPayment": &s.recurring.name, "RecurringPaymentHistory": &s.cycles.name, "ReturnRequest": &s.returns.name,
		"ReturnRequestAction": &s.actions.name, "ReturnRequestReason": &s.reasons.name, "Shipment": &s.shipments.name, "ShipmentItem": &s.parcels.name,
		"ShippingMethod": &s.methods.name, "Store": &s.stores.name, "Warehouse": &s.warehouses.name} {
		*t = name
	}
	s.states.parent = func(r *State) int { return r.CountryID }
	s.items.parent = func(r *OrderItem) int { return r.OrderID }
	s.notes.parent = func(r *Note) int { return r.OrderID }
	s.shipments.parent = func(r *Shipment) int { return r.OrderID }
	s.parcels.parent = func(r *ShipmentItem) int { return r.ShipmentID }
	s.combinations.parent = func(r *Combination) int { return r.ProductID }
	s.inventories.parent = func(r *Inventory) int { return r.ProductID }
	s.stockChanges.parent = func(r *StockChange) int { return r.ProductID }
	s.cycles.parent = func(r *RecurringOrder) int { return r.RecurringPaymentID }
	s.attributes.parent = func(r *Attribute) int { return r.EntityID }

	s.orders.drop = func(o *Order) { o.Deleted = true }
	s.customers.drop = func(c *Customer) { c.Deleted = true }
	s.products.drop = func(p *Product) { p.Deleted = true }
	s.recurring.drop = func(p *RecurringPayment) { p.Deleted = true }

	s.orders.moved = s.index
	s.orders.fit = func(o *Order) { s.build("Order", &o.Custom, s.orders.get(o.ID) == nil) }
	s.products.fit = func(p *Product) { s.build("Product", &p.Custom, s.products.get(p.ID) == nil) }
	s.customers.fit = func(c *Customer) {
		s.build("Customer", &c.Custom, s.customers.get(c.ID) == nil)
		c.CustomerNames = since(s.version >= 460, c.CustomerNames)
	}
	s.shipments.fit = func(p *Shipment) { p.ShipmentPickup = since(s.version >= 460, p.ShipmentPickup) }
	s.returns.fit = func(r *ReturnRequest) { r.ReturnCount = since(s.version >= 490, r.ReturnCount) }
}

// since keeps columns of a version that has them.
func since[T any](has bool, columns *T) *T {
	switch {
	case !has:
		return nil
	case columns == nil:
		return new(T)
	}
	return columns
}

// hex returns n random hexadecimal digits.
func (s *Shop) hex(n int) string {
	const digits = "0123456789abcdef"
	b := make([]byte, n)
	for i := range b {
		b[i] = digits[s.rand.IntN(len(digits))]
	}
	return string(b)
}

func (s *Shop) guid() string {
	h := s.hex(32)
	return fmt.Sprintf("%s-%s-4%s-a%s-%s", h[:8], h[8:12], h[13:16], h[17:20], h[20:])
}

// SetClock sets the shop's clock wrong, or right again: off takes the place of
// [Config].ClockOff.
func (s *Shop) SetClock(off time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.c.ClockOff = off
}

// clock is the shop's time.
func (s *Shop) clock() time.Time { return s.c.Now().UTC().Add(s.c.ClockOff) }

// now is the shop's time as the database keeps it.
func (s *Shop) now() Date { return Date{s.clock().Truncate(time.Microsecond)} }

// Login returns the name and the password of the account that may use the API.
func (s *Shop) Login() nopcommerce.Login {
	return nopcommerce.Login{Email: s.c.Email, Username: s.c.Email, Password: s.c.Password}
}

// Transport carries requests to the shop in this process, whatever their host, with
// the shop's faults.
func (s *Shop) Transport() http.RoundTripper { return s.faults.Transport(s) }

// NewServer serves the shop on a loopback address, with its faults, until it is
// closed.
func (s *Shop) NewServer() *httptest.Server { return httptest.NewServer(s.faults.Handler(s)) }

// Fail adds a fault and returns what removes it. A fault's Match may change the shop by
// its methods, which makes a race between a read and a write certain.
func (s *Shop) Fail(f Fault) (remove func()) { return s.faults.Add(f) }

// Heal removes all faults.
func (s *Shop) Heal() { s.faults.Clear() }

// Calls returns the last requests that the shop worked on; those that [Config].CDN
// answered are not among them.
func (s *Shop) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls[max(0, len(s.calls)-s.c.KeepCalls):])
}

// Requests returns how many requests the shop has worked on since it was made.
func (s *Shop) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// log keeps a request, and lets old ones go.
func (s *Shop) log(c Call) {
	s.count++
	if len(s.calls) >= 2*s.c.KeepCalls {
		s.calls = slices.Clone(s.calls[s.c.KeepCalls:])
	}
	s.calls = append(s.calls, c)
}

// Repeated returns how many answers came from [Config].CDN and never reached the shop.
func (s *Shop) Repeated() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hidden
}

// ServeHTTP answers as nopCommerce does.
func (s *Shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller broke off
	}
	s.mu.Lock()
	a, hit := s.recall(r)
	if !hit {
		a = s.answer(r, body)
		if strings.EqualFold(r.URL.Path, "/token") || strings.HasSuffix(strings.ToLower(r.URL.Path), "/gettoken") {
			body = nil
		}
		s.log(Call{Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Body: string(body), Status: a.status})
		s.remember(r, a)
	}
	now := s.clock()
	s.by = ByShop
	s.mu.Unlock()

	h := w.Header()
	h.Set("Date", now.Format(http.TimeFormat)) // a CDN's answer has its own
	if len(a.body) > 0 {
		h.Set("Content-Type", cmp.Or(a.contentType, "application/json; charset=utf-8"))
	}
	for k, v := range a.header {
		h[k] = v
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body)
	}
}
