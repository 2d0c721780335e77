package erptest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/idempotency"
)

// MemoryConfig says what a Memory starts with. The zero value has no products, no
// taxes and keeps its books in EUR.
type MemoryConfig struct {
	// Origin holds tenant, account and mode of the refs that are handed out. System
	// defaults to "memory", Account to "erp", Mode to commerce.Test.
	Origin   commerce.Ref
	Company  string            // defaults to "1"
	Currency commerce.Currency // the company's; defaults to EUR
	Products []erp.Product     // IDs default to the SKU
	// Stock is what there is of each stocked SKU; one that is not named never runs out.
	Stock       map[string]int64
	Taxes       []erp.Tax
	TaxRounding erp.TaxRounding // defaults to erp.RoundPerDocument
	// Unique refuses a second document under a key, as a keyed ERP does.
	Unique bool
	// InvoicesItself makes a draft invoice when an order is confirmed, as some ERPs do.
	InvoicesItself bool
	// InvoicesShipments makes a draft of what is no goods when an order is confirmed, and
	// one of each shipment when it is sent. It comes before InvoicesItself.
	InvoicesShipments bool
	// Receivable, Revenue and Tax are codes of the accounts that invoices are posted to.
	// They default to "1200", "4000" and "2200".
	Receivable, Revenue, Tax string
	// Accounts are the chart of accounts. Empty = there is an account with every code,
	// in the company's currency.
	Accounts []erp.Account
	// Journals are the codes of the journals that are told; any code can be posted in.
	Journals []string
	// Rates are units of a currency for one of the company's: USD 1.1. Without one
	// nothing is invoiced in that currency.
	Rates map[commerce.Currency]commerce.Decimal
	// Closed is the last day of the periods that are closed. Zero = all are open.
	Closed commerce.Date
	// Settle is declared in the capabilities. Defaults to 1 minute.
	Settle time.Duration
	Now    func() time.Time // defaults to time.Now
}

// Memory is an ERP, a warehouse and a ledger in this process: the simplest one
// that passes [Run]. It belongs to the far side of a test: it outlives the
// program under test, counts what it holds, and fails on demand.
type Memory struct {
	state   *memory
	company string
}

var (
	_ erp.ERP         = (*Memory)(nil)
	_ erp.Warehouse   = (*Memory)(nil)
	_ erp.Ledger      = (*Memory)(nil)
	_ erp.Invoicer    = (*Memory)(nil)
	_ erp.Receipter   = (*Memory)(nil)
	_ erp.CreditNoter = (*Memory)(nil)
	_ erp.Auditor     = (*Memory)(nil)
)

type memory struct {
	mu        sync.Mutex
	c         MemoryConfig
	products  map[string]erp.Product
	stock     map[string]int64
	taxes     map[string]*big.Rat
	parties   map[string]*memoryParty
	orders    []*memoryOrder
	shipments []*memoryShipment
	entries   []*memoryEntry
	invoices  []*memoryInvoice
	receipts  []*memoryReceipt
	ids       int64
	changes   int64
	faults    []Fault
	calls     map[string]int
}

type memoryParty struct {
	id        string
	company   string
	customer  commerce.Customer
	addresses []memoryAddress
}

type memoryAddress struct {
	id string
	commerce.Address
}

type memoryOrder struct {
	erp.Order
	company  string
	new      erp.NewOrder
	gross    commerce.Money // without the rounding line
	tax, net commerce.Money
	settled  commerce.Money // the rounding line
	reserved map[int]bool
	refused  bool
	fixed    bool // packed or invoiced: it is not cancelled any more
}

type memoryShipment struct {
	commerce.Shipment
	company string
	change  int64
}

type memoryEntry struct {
	erp.Entry
	company string
}

// NewMemory returns an ERP that holds what the config says. An error names the field.
func NewMemory(c MemoryConfig) (*Memory, error) {
	if c.Origin.System == "" {
		c.Origin.System = "memory"
	}
	if c.Origin.Account == "" {
		c.Origin.Account = "erp"
	}
	if c.Origin.Mode == "" {
		c.Origin.Mode = commerce.Test
	}
	c.Company = cmp.Or(c.Company, "1")
	c.Currency = cmp.Or(c.Currency, "EUR")
	c.TaxRounding = cmp.Or(c.TaxRounding, erp.RoundPerDocument)
	c.Settle = cmp.Or(c.Settle, time.Minute)
	c.Receivable, c.Revenue, c.Tax = cmp.Or(c.Receivable, "1200"), cmp.Or(c.Revenue, "4000"), cmp.Or(c.Tax, "2200")
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &memory{c: c, products: map[string]erp.Product{}, stock: map[string]int64{},
		taxes: map[string]*big.Rat{}, parties: map[string]*memoryParty{}, calls: map[string]int{}}
	if !c.Currency.Valid() {
		return nil, commerce.Errorf(commerce.KindInvalid, "erptest", "new memory", "Currency %q is no ISO 4217 code", string(c.Currency))
	}
	for _, p := range c.Products {
		p.ID = cmp.Or(p.ID, p.SKU)
		p.Unit = cmp.Or(p.Unit, "1")
		s.products[p.SKU] = p
	}
	for sku, n := range c.Stock {
		s.stock[sku] = n
	}
	for i, t := range c.Taxes {
		rate, ok := new(big.Rat).SetString(t.Rate.String())
		if !ok || t.ID == "" {
			return nil, commerce.Errorf(commerce.KindInvalid, "erptest", "new memory", "Taxes[%d] lacks ID or Rate", i)
		}
		s.taxes[t.ID] = rate.Quo(rate, big.NewRat(100, 1))
	}
	return &Memory{state: s, company: c.Company}, nil
}

// ForCompany returns the same ERP speaking for another company.
func (m *Memory) ForCompany(id string) erp.ERP {
	return &Memory{state: m.state, company: cmp.Or(id, m.state.c.Company)}
}

// begin takes the lock, counts the call, and applies a fault that keeps it from
// taking effect. after is what the caller sees once the effect is there.
func (m *Memory) begin(ctx context.Context, op string, write bool) (done func(), after error, err error) {
	s := m.state
	outcome := commerce.Outcome("")
	if write {
		outcome = commerce.NotSent
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, &commerce.Error{Kind: commerce.KindUnavailable, System: s.c.Origin.System, Op: op, Outcome: outcome, Err: err}
	}
	s.mu.Lock()
	s.calls[op]++
	if f, ok := s.fault(op); ok {
		e := &commerce.Error{Kind: commerce.KindUnavailable, System: s.c.Origin.System, Op: op, Outcome: outcome, Text: "a fault was asked for"}
		if !f.AfterEffect {
			s.mu.Unlock()
			return nil, nil, e
		}
		if write {
			e.Outcome = commerce.Unknown
		}
		return s.mu.Unlock, e, nil
	}
	return s.mu.Unlock, nil, nil
}

// Ping succeeds unless a fault says otherwise.
func (m *Memory) Ping(ctx context.Context) error {
	done, after, err := m.begin(ctx, "Ping", false)
	if err != nil {
		return err
	}
	defer done()
	return after
}

// Capabilities says what the config says.
func (m *Memory) Capabilities(ctx context.Context) (erp.Capabilities, error) {
	done, after, err := m.begin(ctx, "Capabilities", false)
	if err != nil {
		return erp.Capabilities{}, err
	}
	defer done()
	c := m.state.c
	class := idempotency.Marked
	if c.Unique {
		class = idempotency.Keyed
	}
	return erp.Capabilities{
		System: c.Origin.System, Mode: c.Origin.Mode, Version: "1", Company: m.company, Currency: c.Currency,
		UniqueOrders: c.Unique, UniqueEntries: c.Unique, UniqueInvoices: c.Unique, UniqueReceipts: c.Unique,
		InvoicesItself: c.InvoicesItself || c.InvoicesShipments, InvoicesOnRequest: !c.InvoicesShipments, DatedNumbers: true, Tracking: true, Stock: true,
		TaxRounding: c.TaxRounding, Settle: c.Settle,
		Classes: erp.Classes{
			Customer: idempotency.Keyed, Order: class, Confirm: idempotency.Guarded, Cancel: idempotency.Guarded,
			Withdraw: idempotency.Guarded, Fulfilment: idempotency.Guarded, Entry: class, Reversal: class,
			Invoice: class, Receipt: class, Apply: idempotency.Guarded, CreditNote: class,
		},
	}, after
}

// ProductsBySKU looks in the config's products.
func (m *Memory) ProductsBySKU(ctx context.Context, skus []string) (map[string]erp.Product, error) {
	done, after, err := m.begin(ctx, "ProductsBySKU", false)
	if err != nil {
		return nil, err
	}
	defer done()
	found := map[string]erp.Product{}
	for _, sku := range skus {
		if p, ok := m.state.products[sku]; ok {
			found[sku] = p
		}
	}
	return found, after
}

// Taxes returns the config's taxes.
func (m *Memory) Taxes(ctx context.Context) ([]erp.Tax, error) {
	done, after, err := m.begin(ctx, "Taxes", false)
	if err != nil {
		return nil, err
	}
	defer done()
	return slices.Clone(m.state.c.Taxes), after
}

// UpsertCustomer finds or makes the party and its addresses.
func (m *Memory) UpsertCustomer(ctx context.Context, c erp.Customer) (erp.CustomerRef, error) {
	if err := c.Validate(); err != nil {
		return erp.CustomerRef{}, err
	}
	done, after, err := m.begin(ctx, "UpsertCustomer", true)
	if err != nil {
		return erp.CustomerRef{}, err
	}
	defer done()
	s := m.state
	p := s.parties[c.Key]
	if p == nil {
		p = &memoryParty{id: s.id(), company: m.company, customer: c.Party}
		s.parties[c.Key] = p
	} else if c.Update {
		p.customer = c.Party
	}
	ref := erp.CustomerRef{Party: p.id, Billing: p.address(s, c.Billing)}
	ref.Shipping = ref.Billing
	if c.Shipping != nil {
		ref.Shipping = p.address(s, *c.Shipping)
	}
	return ref, after
}

func (p *memoryParty) address(s *memory, a commerce.Address) string {
	for _, have := range p.addresses {
		if have.Address == a {
			return have.id
		}
	}
	p.addresses = append(p.addresses, memoryAddress{s.id(), a})
	return p.addresses[len(p.addresses)-1].id
}

func (s *memory) id() string {
	s.ids++
	return strconv.FormatInt(s.ids, 10)
}

// FindOrders returns all orders under the key.
func (m *Memory) FindOrders(ctx context.Context, key string) ([]erp.Order, error) {
	done, after, err := m.begin(ctx, "FindOrders", false)
	if err != nil {
		return nil, err
	}
	defer done()
	return m.find(key), after
}

func (m *Memory) find(key string) []erp.Order {
	var found []erp.Order
	for _, o := range m.state.orders {
		if o.Key == key && o.company == m.company {
			found = append(found, o.Order)
		}
	}
	rank := map[erp.OrderState]int{erp.Done: 0, erp.Confirmed: 0, erp.Draft: 1, erp.Cancelled: 2}
	slices.SortStableFunc(found, func(a, b erp.Order) int { return rank[a.State] - rank[b.State] })
	return found
}

// FindOrder returns the order under the key that is not cancelled.
func (m *Memory) FindOrder(ctx context.Context, key string) (erp.Order, error) {
	done, after, err := m.begin(ctx, "FindOrder", false)
	if err != nil {
		return erp.Order{}, err
	}
	defer done()
	if after != nil {
		return erp.Order{}, after
	}
	for _, o := range m.find(key) {
		if o.State != erp.Cancelled {
			return o, nil
		}
	}
	return erp.Order{}, m.fail(commerce.KindNotFound, "", "find order "+key, "no order under this key")
}

func (m *Memory) fail(kind commerce.Kind, outcome commerce.Outcome, op, format string, args ...any) error {
	e := commerce.Errorf(kind, m.state.c.Origin.System, op, format, args...)
	e.Outcome = outcome
	return e
}

// CreateOrder finds the order under its key, or makes it.
func (m *Memory) CreateOrder(ctx context.Context, n erp.NewOrder) (erp.Order, error) {
	if err := n.Validate(); err != nil {
		return erp.Order{}, err
	}
	done, after, err := m.begin(ctx, "CreateOrder", true)
	if err != nil {
		return erp.Order{}, err
	}
	defer done()
	s, op := m.state, "create order "+n.Key
	var o *memoryOrder
	for _, have := range s.orders {
		if have.Key == n.Key && have.company == m.company && have.State != erp.Cancelled {
			o = have
			break
		}
	}
	if o == nil {
		for i, l := range n.Lines {
			if _, ok := s.products[l.SKU]; !ok && l.SKU != "" {
				return erp.Order{}, m.fail(commerce.KindMapping, commerce.NotSent, op, "Lines[%d]: no product has the SKU %q", i, l.SKU)
			}
			for _, id := range l.TaxIDs {
				if s.taxes[id] == nil {
					return erp.Order{}, m.fail(commerce.KindMapping, commerce.NotSent, op, "Lines[%d]: there is no tax %q", i, id)
				}
			}
		}
		n.Lines = slices.Clone(n.Lines)
		o = &memoryOrder{company: m.company, new: n, reserved: map[int]bool{}}
		o.compute(s)
		id := s.id()
		o.Order = erp.Order{Ref: s.c.Origin.With("order/" + id), Key: n.Key, Name: n.Name, State: erp.Draft,
			Delivery: erp.NothingToDeliver, Date: n.Date, Currency: n.Currency}
		s.touch(o)
		s.orders = append(s.orders, o)
	}
	diff, err := n.Expected.Gross.Sub(o.gross)
	if err != nil {
		return o.Order, err
	}
	got := erp.Totals{Net: o.net, Tax: o.tax, Gross: o.gross}
	if bound := n.RoundingBound(); diff.Abs().Minor() > bound.Minor() {
		o.Totals = got
		return o.Order, &commerce.Error{Kind: commerce.KindInvalid, System: s.c.Origin.System, Op: op, Outcome: commerce.Done,
			Err: &erp.TotalsError{Key: n.Key, Expected: n.Expected, Got: got, Bound: bound, ExpectedTaxes: n.Taxes}}
	}
	net, _ := o.net.Add(diff)
	o.settled = diff
	o.Totals = erp.Totals{Net: net, Tax: o.tax, Gross: n.Expected.Gross}
	return o.Order, after
}

// compute fills net, tax and gross as an ERP would: tax by tax, rounded half to even.
func (o *memoryOrder) compute(s *memory) {
	c := o.new.Currency
	var net, tax int64
	byTax := map[string]*big.Rat{}
	for _, l := range o.new.Lines {
		net += l.Net.Minor()
		for _, id := range l.TaxIDs {
			amount := new(big.Rat).Mul(big.NewRat(l.Net.Minor(), 1), s.taxes[id])
			if s.c.TaxRounding == erp.RoundPerLine {
				tax += halfEven(amount)
				continue
			}
			if byTax[id] == nil {
				byTax[id] = new(big.Rat)
			}
			byTax[id].Add(byTax[id], amount)
		}
	}
	for _, amount := range byTax {
		tax += halfEven(amount)
	}
	o.net, o.tax, o.gross = commerce.MustMoney(net, c), commerce.MustMoney(tax, c), commerce.MustMoney(net+tax, c)
}

func halfEven(r *big.Rat) int64 {
	q, rest := new(big.Int).DivMod(r.Num(), r.Denom(), new(big.Int))
	switch c := rest.Lsh(rest, 1).Cmp(r.Denom()); {
	case c > 0, c == 0 && q.Bit(0) == 1:
		q.Add(q, big.NewInt(1))
	}
	return q.Int64()
}

func (s *memory) touch(o *memoryOrder) { o.Changed = s.c.Now() }

// order finds an order by ref; the lock is held.
func (m *Memory) order(op string, ref commerce.Ref) (*memoryOrder, error) {
	if want := m.state.c.Origin; ref.With("") != want.With("") {
		return nil, m.fail(commerce.KindInvalid, commerce.NotSent, op, "%s is not of this ERP", ref)
	}
	for _, o := range m.state.orders {
		if o.Ref == ref && o.company == m.company {
			return o, nil
		}
	}
	return nil, m.fail(commerce.KindNotFound, commerce.NotSent, op, "%s does not exist", ref.ID)
}

// ConfirmOrder confirms a draft.
func (m *Memory) ConfirmOrder(ctx context.Context, ref commerce.Ref) (erp.Order, error) {
	done, after, err := m.begin(ctx, "ConfirmOrder", true)
	if err != nil {
		return erp.Order{}, err
	}
	defer done()
	o, err := m.order("confirm "+ref.ID, ref)
	if err != nil {
		return erp.Order{}, err
	}
	switch o.State {
	case erp.Cancelled:
		return o.Order, m.fail(commerce.KindConflict, commerce.NotSent, "confirm "+ref.ID, "the order is cancelled")
	case erp.Draft:
		o.State, o.Number = erp.Confirmed, "SO"+strings.TrimPrefix(ref.ID, "order/")
		for _, l := range o.new.Lines {
			if m.state.products[l.SKU].Stocked {
				o.Delivery = erp.DeliveryPending
			}
		}
		switch {
		case m.state.c.InvoicesShipments:
			m.draft(o, true, func(l erp.OrderLine) bool { return !m.state.products[l.SKU].Stocked })
		case m.state.c.InvoicesItself:
			m.draft(o, true, func(erp.OrderLine) bool { return true })
		}
		m.state.touch(o)
	}
	return o.Order, after
}

// CancelOrder cancels an order of which nothing was packed, sent or invoiced.
func (m *Memory) CancelOrder(ctx context.Context, ref commerce.Ref) (erp.Order, error) {
	done, after, err := m.begin(ctx, "CancelOrder", true)
	if err != nil {
		return erp.Order{}, err
	}
	defer done()
	o, err := m.order("cancel "+ref.ID, ref)
	if err != nil {
		return erp.Order{}, err
	}
	if o.fixed || o.Delivery == erp.DeliveryPartial || o.Delivery == erp.DeliveryFull {
		return o.Order, m.fail(commerce.KindConflict, commerce.NotSent, "cancel "+ref.ID, "goods are packed or on their way, or it is invoiced")
	}
	if o.State != erp.Cancelled {
		for i, l := range o.new.Lines {
			if left, limited := m.state.stock[l.SKU]; limited && o.reserved[i] {
				m.state.stock[l.SKU] = left + wholeUnits(l.Quantity)
			}
		}
		for _, i := range m.state.invoices {
			if i.Order == ref {
				i.State = erp.InvoiceCancelled
			}
		}
		o.State, o.Delivery, o.reserved = erp.Cancelled, erp.NothingToDeliver, map[int]bool{}
		m.state.touch(o)
	}
	return o.Order, after
}

// WithdrawOrder deletes a draft.
func (m *Memory) WithdrawOrder(ctx context.Context, ref commerce.Ref) error {
	done, after, err := m.begin(ctx, "WithdrawOrder", true)
	if err != nil {
		return err
	}
	defer done()
	o, err := m.order("withdraw "+ref.ID, ref)
	if errors.Is(err, commerce.ErrNotFound) {
		return after
	}
	if err != nil {
		return err
	}
	if o.State != erp.Draft {
		return m.fail(commerce.KindConflict, commerce.NotSent, "withdraw "+ref.ID, "the order is %s, no draft", o.State)
	}
	m.state.orders = slices.DeleteFunc(m.state.orders, func(x *memoryOrder) bool { return x == o })
	return after
}

// String names the ERP for logs.
func (m *Memory) String() string {
	return fmt.Sprintf("%s, company %s", m.state.c.Origin.System, m.company)
}
