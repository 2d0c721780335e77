package erptest

import (
	"context"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// memoryInvoice is an invoice or a credit note.
type memoryInvoice struct {
	erp.Invoice
	company string
	origins []string       // of a credit note: the line that each line credits
	booked  commerce.Money // what is open of it, as it stands in the ledger
}

// OrderInvoices returns the invoices and credit notes of an order.
func (m *Memory) OrderInvoices(ctx context.Context, order commerce.Ref) ([]erp.Invoice, error) {
	done, after, err := m.begin(ctx, "OrderInvoices", false)
	if err != nil {
		return nil, err
	}
	defer done()
	if _, err := m.order("read invoices of "+order.ID, order); err != nil {
		return nil, err
	}
	var out []erp.Invoice
	for _, i := range m.invoicesOf(order) {
		out = append(out, i.Invoice)
	}
	return out, after
}

// invoicesOf returns what counts of an order's invoices and credit notes.
func (m *Memory) invoicesOf(order commerce.Ref) []*memoryInvoice {
	var out []*memoryInvoice
	for _, i := range m.state.invoices {
		if i.Order == order && i.company == m.company && i.State != erp.InvoiceCancelled {
			out = append(out, i)
		}
	}
	return out
}

// FindInvoice returns the invoice under a key.
func (m *Memory) FindInvoice(ctx context.Context, key string) (erp.Invoice, error) {
	return m.findInvoice(ctx, "FindInvoice", key, false)
}

// FindCreditNote returns the credit note under a key.
func (m *Memory) FindCreditNote(ctx context.Context, key string) (erp.Invoice, error) {
	return m.findInvoice(ctx, "FindCreditNote", key, true)
}

func (m *Memory) findInvoice(ctx context.Context, op, key string, credit bool) (erp.Invoice, error) {
	done, after, err := m.begin(ctx, op, false)
	if err != nil {
		return erp.Invoice{}, err
	}
	defer done()
	if after != nil {
		return erp.Invoice{}, after
	}
	if i := m.keyed(key, credit); i != nil {
		return i.Invoice, nil
	}
	return erp.Invoice{}, m.fail(commerce.KindNotFound, "", op+" "+key, "nothing is under this key")
}

func (m *Memory) keyed(key string, credit bool) *memoryInvoice {
	for _, i := range m.state.invoices {
		if i.Key == key && key != "" && i.company == m.company && !i.CreditOf.IsZero() == credit && i.State != erp.InvoiceCancelled {
			return i
		}
	}
	return nil
}

// PostInvoice finds, adopts or makes the invoice, and posts it.
func (m *Memory) PostInvoice(ctx context.Context, n erp.NewInvoice) (erp.Invoice, error) {
	if err := n.Validate(); err != nil {
		return erp.Invoice{}, err
	}
	done, after, err := m.begin(ctx, "PostInvoice", true)
	if err != nil {
		return erp.Invoice{}, err
	}
	defer done()
	op := "post invoice " + n.Key
	i := m.keyed(n.Key, false)
	if i == nil {
		if i, err = m.toInvoice(op, n); err != nil {
			return erp.Invoice{}, err
		}
	}
	if err := m.postInvoice(op, i, posting{n.Key, n.Date, n.Accounting, n.Taxes, n.Expected, n.Rounding}); err != nil {
		return i.Invoice, err
	}
	if o, err := m.order(op, n.Order); err == nil {
		o.fixed = true
	}
	return i.Invoice, after
}

// toInvoice finds the draft of an order, or makes one.
func (m *Memory) toInvoice(op string, n erp.NewInvoice) (*memoryInvoice, error) {
	o, err := m.order(op, n.Order)
	if err != nil {
		return nil, err
	}
	if o.State != erp.Confirmed && o.State != erp.Done {
		return nil, m.fail(commerce.KindConflict, commerce.NotSent, op, "the order is %s", o.State)
	}
	var drafts []*memoryInvoice
	all := m.invoicesOf(n.Order)
	for _, i := range all {
		if i.State == erp.InvoiceDraft && i.Key == "" && i.CreditOf.IsZero() && (n.Draft.IsZero() || n.Draft == i.Ref) {
			drafts = append(drafts, i)
		}
	}
	switch {
	case len(drafts) == 1:
		return drafts[0], nil
	case len(drafts) > 1:
		return nil, m.fail(commerce.KindAmbiguous, commerce.NotSent, op, "the order has %d drafts; name one", len(drafts))
	case len(all) > 0 || !n.Draft.IsZero() || m.state.c.InvoicesShipments:
		return nil, m.fail(commerce.KindConflict, commerce.NotSent, op, "nothing is left to invoice")
	}
	return m.draft(o, true, func(erp.OrderLine) bool { return true }), nil
}

// draft makes a draft invoice of those lines of an order that are to be on it, with the
// rounding line or without; of none there is none.
func (m *Memory) draft(o *memoryOrder, rounding bool, on func(erp.OrderLine) bool) *memoryInvoice {
	i := &memoryInvoice{company: o.company, Invoice: erp.Invoice{Ref: m.state.c.Origin.With("invoice/" + m.state.id()), Order: o.Ref,
		Party: o.new.Customer.Party, State: erp.InvoiceDraft, Currency: o.Currency}}
	for _, l := range o.new.Lines {
		if !on(l) {
			continue
		}
		i.Lines = append(i.Lines, erp.InvoiceLine{ID: m.state.id(), Kind: l.Kind, SKU: l.SKU, Text: l.Text, Quantity: l.Quantity, Net: l.Net, TaxIDs: slices.Clone(l.TaxIDs)})
	}
	i.Taxes = m.state.taxesOn(o.Currency, i.Lines)
	if rounding && !o.settled.IsZero() {
		i.Lines = append(i.Lines, erp.InvoiceLine{ID: m.state.id(), Kind: erp.Rounding, SKU: roundingSKU, Quantity: commerce.MustDecimal("1"), Net: o.settled})
	}
	if len(i.Lines) == 0 {
		return nil
	}
	i.add()
	m.state.invoices = append(m.state.invoices, i)
	return i
}

// roundingSKU is the product on the line that settles a difference.
const roundingSKU = "ROUNDING"

// taxesOn computes the taxes on lines, in the order in which they name them.
func (s *memory) taxesOn(c commerce.Currency, lines []erp.InvoiceLine) []erp.TaxAmount {
	taxed := map[string][]erp.InvoiceLine{}
	var ids []string
	for _, l := range lines {
		for _, id := range l.TaxIDs {
			if taxed[id] == nil {
				ids = append(ids, id)
			}
			taxed[id] = append(taxed[id], l)
		}
	}
	var out []erp.TaxAmount
	for _, id := range ids {
		out = append(out, s.taxOn(id, c, taxed[id]))
	}
	return out
}

// taxOn computes one tax on lines.
func (s *memory) taxOn(id string, c commerce.Currency, lines []erp.InvoiceLine) erp.TaxAmount {
	var base, tax int64
	whole := new(big.Rat)
	for _, l := range lines {
		base += l.Net.Minor()
		amount := new(big.Rat).Mul(big.NewRat(l.Net.Minor(), 1), s.taxes[id])
		tax += halfEven(amount)
		whole.Add(whole, amount)
	}
	if s.c.TaxRounding == erp.RoundPerDocument {
		tax = halfEven(whole)
	}
	return erp.TaxAmount{TaxID: id, Base: commerce.MustMoney(base, c), Amount: commerce.MustMoney(tax, c)}
}

// add sums lines and taxes up.
func (i *memoryInvoice) add() {
	var net, tax int64
	for _, l := range i.Lines {
		net += l.Net.Minor()
	}
	for _, t := range i.Taxes {
		tax += t.Amount.Minor()
	}
	c := i.Currency
	i.Totals = erp.Totals{Net: commerce.MustMoney(net, c), Tax: commerce.MustMoney(tax, c), Gross: commerce.MustMoney(net+tax, c)}
	i.Open = commerce.Zero(c)
}

// posting is what an invoice and a credit note have in common.
type posting struct {
	key              string
	date, accounting commerce.Date
	taxes            []erp.TaxAmount
	expected         erp.Totals
	rounding         int
}

// postInvoice settles the cents of a draft and posts it; a posted one is compared.
func (m *Memory) postInvoice(op string, i *memoryInvoice, p posting) error {
	if i.State != erp.InvoiceDraft {
		if i.Totals.Gross != p.expected.Gross || i.Date != p.date {
			return m.fail(commerce.KindConflict, commerce.Done, op, "the document under this key is another")
		}
		return nil
	}
	accounting := p.accounting
	if accounting.IsZero() {
		accounting = p.date
	}
	if err := m.open(op, accounting); err != nil {
		return err
	}
	if last := m.lastNumbered(); accounting.String() < last.String() {
		accounting = last
	}
	if _, err := m.value(op, i.Totals.Gross); err != nil {
		return err
	}
	if err := m.settle(op, i, p); err != nil {
		return err
	}
	number := m.state.id()
	i.Key, i.Number, i.Date, i.Accounting, i.State = p.key, "INV"+number, p.date, accounting, erp.InvoicePosted
	i.Open = i.Totals.Gross
	if i.Open.IsZero() {
		i.State = erp.InvoicePaid
		return nil
	}
	i.booked, _ = m.value(op, i.Totals.Gross)
	net, _ := m.value(op, i.Totals.Net)
	c := m.state.c
	m.post(entryOf(i.Ref.ID, "", accounting, op,
		lineOf(c.Receivable, i.Party, i.booked, i.Totals.Gross),
		lineOf(c.Revenue, "", net.Neg(), i.Totals.Net.Neg()),
		lineOf(c.Tax, "", minus(net, i.booked), i.Totals.Tax.Neg())), commerce.Ref{})
	return nil
}

// lastNumbered is the day of the last invoice that has a number.
func (m *Memory) lastNumbered() (last commerce.Date) {
	for _, i := range m.state.invoices {
		if i.company == m.company && i.Number != "" && last.String() < i.Accounting.String() {
			last = i.Accounting
		}
	}
	return last
}

// settle writes the shop's taxes over the computed ones and what is left on the
// rounding line, where there is one.
func (m *Memory) settle(op string, i *memoryInvoice, p posting) error {
	taxed := 0
	for _, l := range i.Lines {
		if len(l.TaxIDs) > 0 {
			taxed++
		}
	}
	bound := erp.RoundingBound(p.rounding, taxed, i.Currency)
	wrong := func() error {
		return &commerce.Error{Kind: commerce.KindInvalid, System: m.state.c.Origin.System, Op: op, Outcome: commerce.NotSent,
			Err: &erp.TotalsError{Key: p.key, Expected: p.expected, Got: i.Totals, Bound: bound, ExpectedTaxes: p.taxes, GotTaxes: i.Taxes}}
	}
	if p.expected.Gross.Currency() != i.Currency {
		return m.fail(commerce.KindInvalid, commerce.NotSent, op, "Expected is in %s, the order in %s", p.expected.Gross.Currency(), i.Currency)
	}
	taxes := i.Taxes
	if p.taxes != nil {
		taxes = slices.Clone(i.Taxes)
		want := map[string]commerce.Money{}
		for _, t := range p.taxes {
			want[t.TaxID] = t.Amount
		}
		for at, t := range taxes {
			to := commerce.MustMoney(want[t.TaxID].Minor(), i.Currency)
			if minus(to, t.Amount).Abs().Minor() > bound.Minor() {
				return wrong()
			}
			taxes[at].Amount = to
			delete(want, t.TaxID)
		}
		for _, left := range want {
			if !left.IsZero() {
				return wrong()
			}
		}
	}
	next := &memoryInvoice{Invoice: i.Invoice}
	next.Lines, next.Taxes = slices.Clone(i.Lines), taxes
	next.add()
	if rest := minus(p.expected.Gross, next.Totals.Gross); !rest.IsZero() {
		at := slices.IndexFunc(next.Lines, func(l erp.InvoiceLine) bool {
			return l.SKU == roundingSKU && len(l.TaxIDs) == 0 && l.Net.Abs().Minor() <= bound.Minor()
		})
		if at < 0 {
			at = len(next.Lines)
			next.Lines = append(next.Lines, erp.InvoiceLine{ID: m.state.id(), Kind: erp.Rounding, SKU: roundingSKU,
				Quantity: commerce.MustDecimal("1"), Net: commerce.Zero(i.Currency)})
		}
		next.Lines[at].Net = commerce.MustMoney(next.Lines[at].Net.Minor()+rest.Minor(), i.Currency)
		if next.Lines[at].Net.Abs().Minor() > bound.Minor() {
			return wrong()
		}
		next.add()
	}
	i.Lines, i.Taxes, i.Totals = next.Lines, next.Taxes, next.Totals
	return nil
}

func plus(a, b commerce.Money) commerce.Money { return minus(a, b.Neg()) }

func minus(a, b commerce.Money) commerce.Money {
	return commerce.MustMoney(a.Minor()-b.Minor(), a.Currency())
}

// value says an amount in the company's currency.
func (m *Memory) value(op string, amount commerce.Money) (commerce.Money, error) {
	c := m.state.c
	if amount.Currency() == c.Currency {
		return amount, nil
	}
	rate, ok := new(big.Rat).SetString(c.Rates[amount.Currency()].String())
	if !ok || rate.Sign() <= 0 {
		return commerce.Money{}, m.fail(commerce.KindMapping, commerce.NotSent, op, "there is no rate for %s", amount.Currency())
	}
	scale := func(n int) *big.Rat {
		return new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil))
	}
	worth := new(big.Rat).Quo(big.NewRat(amount.Minor(), 1), rate)
	worth.Mul(worth, scale(c.Currency.Exponent())).Quo(worth, scale(amount.Currency().Exponent()))
	return commerce.MustMoney(halfEven(worth), c.Currency), nil
}

// PostCreditNote credits an invoice, or lines of it.
func (m *Memory) PostCreditNote(ctx context.Context, n erp.NewCreditNote) (erp.Invoice, error) {
	if err := n.Validate(); err != nil {
		return erp.Invoice{}, err
	}
	done, after, err := m.begin(ctx, "PostCreditNote", true)
	if err != nil {
		return erp.Invoice{}, err
	}
	defer done()
	op := "post credit note " + n.Key
	i := m.keyed(n.Key, true)
	if i == nil {
		if i, err = m.ownNote(op, n); err != nil {
			return erp.Invoice{}, err
		}
	}
	if i == nil {
		if i, err = m.toCredit(op, n); err != nil {
			return erp.Invoice{}, err
		}
		m.state.invoices = append(m.state.invoices, i)
	}
	p := posting{n.Key, n.Date, n.Accounting, nil, erp.Totals{Net: n.Expected.Net.Neg(), Tax: n.Expected.Tax.Neg(), Gross: n.Expected.Gross.Neg()}, n.Rounding}
	for _, t := range n.Taxes {
		t.Base, t.Amount = t.Base.Neg(), t.Amount.Neg()
		p.taxes = append(p.taxes, t)
	}
	if err := m.postInvoice(op, i, p); err != nil {
		return i.Invoice, err
	}
	return i.Invoice, after
}

// ownNote finds the draft that the ERP has made itself, where it fits.
func (m *Memory) ownNote(op string, n erp.NewCreditNote) (*memoryInvoice, error) {
	var fits []*memoryInvoice
	for _, i := range m.state.invoices {
		if i.CreditOf != n.Invoice || i.company != m.company || i.State != erp.InvoiceDraft || i.Key != "" {
			continue
		}
		off := i.Totals.Gross.Minor() + n.Expected.Gross.Minor()
		if n.Draft == i.Ref || n.Draft.IsZero() && max(off, -off) <= erp.RoundingBound(n.Rounding, len(i.Lines), i.Currency).Minor() {
			fits = append(fits, i)
		}
	}
	switch {
	case len(fits) == 1:
		return fits[0], nil
	case len(fits) > 1:
		return nil, m.fail(commerce.KindAmbiguous, commerce.NotSent, op, "the order has %d drafts of this total; name one", len(fits))
	case !n.Draft.IsZero():
		return nil, m.fail(commerce.KindConflict, commerce.NotSent, op, "%s is no draft of the ERP's own that nobody has taken", n.Draft.ID)
	}
	return nil, nil
}

// toCredit makes the draft of a credit note.
func (m *Memory) toCredit(op string, n erp.NewCreditNote) (*memoryInvoice, error) {
	of, err := m.invoice(op, n.Invoice)
	if err != nil {
		return nil, err
	}
	if of.State == erp.InvoiceDraft || !of.CreditOf.IsZero() {
		return nil, m.fail(commerce.KindConflict, commerce.NotSent, op, "%s is no posted invoice", of.Ref.ID)
	}
	left := map[string]*big.Rat{}
	for _, l := range of.Lines {
		left[l.ID] = ratOf(l.Quantity)
	}
	for _, i := range m.state.invoices {
		for at, origin := range i.origins {
			if i.CreditOf == of.Ref && i.State != erp.InvoiceCancelled && origin != "" {
				left[origin].Add(left[origin], ratOf(i.Lines[at].Quantity))
			}
		}
	}
	note := &memoryInvoice{company: m.company, Invoice: erp.Invoice{Ref: m.state.c.Origin.With("invoice/" + m.state.id()), Key: n.Key,
		Order: of.Order, CreditOf: of.Ref, Party: of.Party, State: erp.InvoiceDraft, Currency: of.Currency}}
	lines := n.Lines
	if len(lines) == 0 {
		for _, l := range of.Lines {
			lines = append(lines, erp.CreditLine{Line: l.ID, Quantity: l.Quantity, Net: l.Net})
		}
	}
	for _, l := range lines {
		at := slices.IndexFunc(of.Lines, func(have erp.InvoiceLine) bool { return have.ID == l.Line })
		if at < 0 && l.Line != "" {
			return nil, m.fail(commerce.KindInvalid, commerce.NotSent, op, "the invoice has no line %q", l.Line)
		}
		if l.Quantity.IsZero() { // money alone
			line := erp.InvoiceLine{Kind: erp.Rounding, SKU: roundingSKU, Text: "Allowance"}
			if at >= 0 {
				line.TaxIDs = of.Lines[at].TaxIDs
				if of.Lines[at].Kind != erp.Goods {
					line.Kind, line.SKU = of.Lines[at].Kind, of.Lines[at].SKU
				}
			}
			line.ID, line.Quantity, line.Net = m.state.id(), commerce.MustDecimal("-1"), l.Net.Neg()
			note.Lines, note.origins = append(note.Lines, line), append(note.origins, "")
			continue
		}
		if left[l.Line].Cmp(ratOf(l.Quantity)) < 0 {
			return nil, m.fail(commerce.KindConflict, commerce.NotSent, op, "line %s: less is left to credit", l.Line)
		}
		line := of.Lines[at]
		line.ID, line.Quantity, line.Net = m.state.id(), l.Quantity.Neg(), l.Net.Neg()
		note.Lines, note.origins = append(note.Lines, line), append(note.origins, l.Line)
	}
	for _, t := range of.Taxes {
		if taxed := slices.DeleteFunc(slices.Clone(note.Lines), func(l erp.InvoiceLine) bool { return !slices.Contains(l.TaxIDs, t.TaxID) }); len(taxed) > 0 {
			note.Taxes = append(note.Taxes, m.state.taxOn(t.TaxID, note.Currency, taxed))
		}
	}
	if len(n.Lines) == 0 { // the whole: with the invoice's own taxes, as they were written
		for at, t := range of.Taxes {
			note.Taxes[at].Amount = t.Amount.Neg()
		}
	}
	note.add()
	return note, nil
}

// invoice finds an invoice by ref; the lock is held.
func (m *Memory) invoice(op string, ref commerce.Ref) (*memoryInvoice, error) {
	if ref.With("") != m.state.c.Origin.With("") || !strings.HasPrefix(ref.ID, "invoice/") {
		return nil, m.fail(commerce.KindInvalid, commerce.NotSent, op, "%s is no invoice of this ERP", ref)
	}
	for _, i := range m.state.invoices {
		if i.Ref == ref && i.company == m.company && i.State != erp.InvoiceCancelled {
			return i, nil
		}
	}
	return nil, m.fail(commerce.KindNotFound, commerce.NotSent, op, "%s does not exist", ref.ID)
}

func ratOf(d commerce.Decimal) *big.Rat {
	r, _ := new(big.Rat).SetString(d.String())
	return r
}

// number is the number at the end of a ref's id.
func number(ref commerce.Ref) int {
	_, text, _ := strings.Cut(ref.ID, "/")
	n, _ := strconv.Atoi(text)
	return n
}

// entryOf makes an entry of the lines that are not nought.
func entryOf(key, journal string, day commerce.Date, text string, lines ...commerce.JournalLine) commerce.JournalEntry {
	return commerce.JournalEntry{Key: key, Journal: journal, Date: day, Text: text,
		Lines: slices.DeleteFunc(lines, func(l commerce.JournalLine) bool { return l.Debit.IsZero() && l.Credit.IsZero() })}
}

// lineOf is a debit, or below nought a credit.
func lineOf(account, party string, value, transaction commerce.Money) commerce.JournalLine {
	l := commerce.JournalLine{Account: account, Party: party}
	if transaction.Currency() != value.Currency() {
		l.Transaction = transaction
	}
	if value.Sign() < 0 {
		l.Credit = value.Neg()
	} else {
		l.Debit = value
	}
	return l
}
