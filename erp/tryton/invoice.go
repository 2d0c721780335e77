package tryton

import (
	"cmp"
	"context"
	"errors"
	"math/big"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// numbersFollowDates is in the refusal to number an invoice of a day before the last
// one's (6.0.29, recorded 2026-11).
const numbersFollowDates = "you must set an accounting date after"

// invoice is what is read of an account.invoice. A credit note is one with negative
// quantities: there is no type of its own.
type invoice struct {
	ID         int64   `json:"id"`
	Number     string  `json:"number"`
	Reference  string  `json:"reference"`
	State      string  `json:"state"` // draft, validated, posted, paid, cancelled
	Party      int64   `json:"party"`
	Address    int64   `json:"invoice_address"`
	Account    int64   `json:"account"`
	Journal    int64   `json:"journal"`
	Term       int64   `json:"payment_term"`
	CurrencyID int64   `json:"currency"`
	Date       date    `json:"invoice_date"`
	Accounting date    `json:"accounting_date"`
	Net        number  `json:"untaxed_amount"`
	Tax        number  `json:"tax_amount"`
	Total      number  `json:"total_amount"`
	ToPay      number  `json:"amount_to_pay"` // nought until it is posted
	Sales      []int64 `json:"sales"`
	Due        []int64 `json:"lines_to_pay"`
	Payments   []int64 `json:"payment_lines"`
	Timestamp  string  `json:"_timestamp"`
	Currency   struct {
		Code string `json:"code"`
	} `json:"currency."`

	lines    []invoiceLine
	taxes    []invoiceTax
	creditOf int64
	order    sale // of an audit
}

var invoiceFields = []string{"id", "number", "reference", "state", "party", "invoice_address", "account", "journal", "payment_term", "currency",
	"invoice_date", "accounting_date", "untaxed_amount", "tax_amount", "total_amount", "amount_to_pay", "sales", "lines_to_pay",
	"payment_lines", "_timestamp", "currency.code"}

type invoiceLine struct {
	ID          int64    `json:"id"`
	Invoice     int64    `json:"invoice"`
	Type        string   `json:"type"` // line; others are for people
	Description string   `json:"description"`
	Quantity    quantity `json:"quantity"`
	Price       number   `json:"unit_price"`
	Amount      number   `json:"amount"`
	ProductID   int64    `json:"product"`
	Unit        int64    `json:"unit"`
	Account     int64    `json:"account"`
	Taxes       []int64  `json:"taxes"`
	Origin      string   `json:"origin"`
	Product     *struct {
		Code string `json:"code"`
	} `json:"product."`
}

// credits is the id of the invoice line that a credit note's line takes back; 0 = none.
func (l invoiceLine) credits() int64 {
	text, _ := strings.CutPrefix(l.Origin, "account.invoice.line,")
	id, _ := parseID(text)
	return id
}

type invoiceTax struct {
	ID      int64  `json:"id"`
	Invoice int64  `json:"invoice"`
	Tax     int64  `json:"tax"`
	Base    number `json:"base"`
	Amount  number `json:"amount"`
}

// lineOf is the first line of a product; 0 = none.
func (i invoice) lineOf(product int64) int64 {
	for _, l := range i.lines {
		if l.ProductID == product && product != 0 {
			return l.ID
		}
	}
	return 0
}

// isCredit reports whether it takes something back: by its quantities, since what is
// charged before the goods are sent may well be a discount and nothing else.
func (i invoice) isCredit() bool {
	return strings.HasPrefix(string(i.Total), "-") &&
		slices.ContainsFunc(i.lines, func(l invoiceLine) bool { return strings.HasPrefix(string(l.Quantity), "-") })
}

func (i invoice) isDraft() bool  { return i.State == "draft" || i.State == "validated" }
func (i invoice) isPosted() bool { return i.State == "posted" || i.State == "paid" }

// unchanged is the context under which the server refuses a write once somebody else
// has written the invoice.
func (i invoice) unchanged() values {
	return values{"_timestamp": map[string]string{"account.invoice," + formatID(i.ID): i.Timestamp}}
}

// invoices reads the customer invoices and credit notes of the company that match, with
// their lines and taxes, oldest first; cancelled ones are left out.
func (t *Client) invoices(ctx context.Context, op string, domain ...any) ([]invoice, error) {
	rows, err := t.invoicePage(ctx, op, maxTwins+1, domain...)
	if err == nil && len(rows) > maxTwins {
		err = commerce.Errorf(commerce.KindLimit, system, op, "more than %d invoices", maxTwins)
	}
	return rows, err
}

// invoicePage is invoices, but reads so many at most.
func (t *Client) invoicePage(ctx context.Context, op string, limit int, domain ...any) ([]invoice, error) {
	company, err := t.companyID(ctx)
	if err != nil {
		return nil, err
	}
	var rows []invoice
	domain = append(domain, clause("company", "=", company), clause("type", "=", "out"), clause("state", "!=", "cancelled"))
	if err := t.searchRead(ctx, op, "account.invoice", domain, limit, byID, invoiceFields, &rows); err != nil || len(rows) == 0 {
		return nil, err
	}
	var ids []int64
	at := map[int64]*invoice{}
	for i := range rows {
		ids = append(ids, rows[i].ID)
		at[rows[i].ID] = &rows[i]
	}
	var lines []invoiceLine
	if err := t.searchRead(ctx, op, "account.invoice.line", []any{clause("invoice", "in", ids)}, t.c.CacheSize, byID, []string{"id", "invoice", "type", "description",
		"quantity", "unit_price", "amount", "product", "unit", "account", "taxes", "origin", "product.code"}, &lines); err != nil {
		return nil, err
	}
	if len(lines) == t.c.CacheSize {
		return nil, commerce.Errorf(commerce.KindLimit, system, op, "%d invoices have more than CacheSize = %d lines", len(rows), t.c.CacheSize)
	}
	credited := map[int64][]int64{} // line that is credited: invoices that do
	for _, l := range lines {
		if i := at[l.Invoice]; i != nil && l.Type == "line" {
			i.lines = append(i.lines, l)
			if id := l.credits(); id != 0 {
				credited[id] = append(credited[id], i.ID)
			}
		}
	}
	var taxes []invoiceTax
	if err := t.searchRead(ctx, op, "account.invoice.tax", []any{clause("invoice", "in", ids)}, t.c.CacheSize, byID,
		[]string{"id", "invoice", "tax", "base", "amount"}, &taxes); err != nil {
		return nil, err
	}
	for _, x := range taxes {
		if i := at[x.Invoice]; i != nil {
			i.taxes = append(i.taxes, x)
		}
	}
	if err := t.creditsOf(ctx, op, at, credited); err != nil {
		return nil, err
	}
	return rows, t.returnsOf(ctx, op, rows)
}

// creditsOf finds the invoices that credit notes are for, and with them their sales.
func (t *Client) creditsOf(ctx context.Context, op string, at map[int64]*invoice, credited map[int64][]int64) error {
	if len(credited) == 0 {
		return nil
	}
	var ids []int64
	for id := range credited {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var origins []struct {
		ID      int64 `json:"id"`
		Invoice int64 `json:"invoice"`
		Of      *struct {
			Sales []int64 `json:"sales"`
		} `json:"invoice."`
	}
	if err := t.readAll(ctx, op, "account.invoice.line", ids, []string{"id", "invoice", "invoice.sales"}, &origins); err != nil {
		return err
	}
	for _, o := range origins {
		for _, id := range credited[o.ID] {
			at[id].creditOf = o.Invoice
			if o.Of != nil {
				at[id].Sales = o.Of.Sales
			}
		}
	}
	return nil
}

// returnsOf finds what the server's own credit notes are for: those of sales that send
// back what another sale has sent. They name no invoice, so that they are for the only
// one that the other sale has.
func (t *Client) returnsOf(ctx context.Context, op string, rows []invoice) error {
	for i := range rows {
		r := &rows[i]
		if !r.isCredit() || r.creditOf != 0 || len(r.Sales) == 0 {
			continue
		}
		var sales []struct {
			Origin string `json:"origin"`
		}
		if err := t.read(ctx, op, "sale.sale", r.Sales[:1], []string{"origin"}, &sales); err != nil {
			return err
		}
		text, ok := strings.CutPrefix(sales[0].Origin, saleOrigin)
		if !ok {
			continue
		}
		id, err := parseID(text)
		if err != nil {
			return err
		}
		r.Sales = []int64{id}
		var invoices []struct {
			ID    int64  `json:"id"`
			Total number `json:"total_amount"`
		}
		if err := t.searchRead(ctx, op, "account.invoice", []any{clause("sales", "=", id), clause("state", "in", []string{"posted", "paid"})},
			2, byID, []string{"id"}, &invoices); err != nil {
			return err
		}
		if len(invoices) == 1 {
			r.creditOf = invoices[0].ID
		}
	}
	return nil
}

// saleOrigin is before the id of the sale that a sale sends back.
const saleOrigin = "sale.sale,"

// returnNotes reads the credit notes that the server has made itself of what came back
// of a sale.
func (t *Client) returnNotes(ctx context.Context, op string, order int64) ([]invoice, error) {
	var returns []struct {
		ID int64 `json:"id"`
	}
	if err := t.searchRead(ctx, op, "sale.sale", []any{clause("origin", "=", saleOrigin+formatID(order))}, maxTwins, byID, []string{"id"}, &returns); err != nil || len(returns) == 0 {
		return nil, err
	}
	var ids []int64
	for _, r := range returns {
		ids = append(ids, r.ID)
	}
	rows, err := t.invoices(ctx, op, clause("sales", "in", ids))
	return slices.DeleteFunc(rows, func(r invoice) bool { return !r.isCredit() }), err
}

// invoiceByID reads one invoice.
func (t *Client) invoiceByID(ctx context.Context, op string, id int64) (invoice, error) {
	rows, err := t.invoices(ctx, op, clause("id", "=", id))
	if err != nil {
		return invoice{}, err
	}
	if len(rows) == 0 {
		return invoice{}, commerce.Errorf(commerce.KindNotFound, system, op, "the invoice does not exist in this company")
	}
	return rows[0], nil
}

var invoiceStates = map[string]erp.InvoiceState{"draft": erp.InvoiceDraft, "validated": erp.InvoiceDraft,
	"posted": erp.InvoicePosted, "paid": erp.InvoicePaid, "cancelled": erp.InvoiceCancelled}

// invoice says an invoice in the port's words.
func (t *Client) invoice(r invoice) (erp.Invoice, error) {
	i := erp.Invoice{Ref: t.c.Origin.With("invoice/" + formatID(r.ID)), Number: r.Number, Key: r.Reference, Party: formatID(r.Party),
		State: invoiceStates[r.State], Date: r.Date.Date, Accounting: r.Accounting.Date}
	if i.Accounting.IsZero() {
		i.Accounting = i.Date
	}
	if len(r.Sales) > 0 {
		i.Order = t.c.Origin.With("order/" + formatID(r.Sales[0]))
	}
	if r.creditOf != 0 {
		i.CreditOf = t.c.Origin.With("invoice/" + formatID(r.creditOf))
	}
	c, err := commerce.ParseCurrency(r.Currency.Code)
	if err != nil {
		return i, err
	}
	i.Currency = c
	var errs []error
	money := func(n number) commerce.Money {
		m, err := n.money(c)
		errs = append(errs, err)
		return m
	}
	i.Totals = erp.Totals{Net: money(r.Net), Tax: money(r.Tax), Gross: money(r.Total)}
	i.Open = money(r.ToPay)
	for _, x := range r.taxes { // of one tax there are two rows where some lines are below nought
		id, base, amount := formatID(x.Tax), money(x.Base), money(x.Amount)
		at := slices.IndexFunc(i.Taxes, func(have erp.TaxAmount) bool { return have.TaxID == id })
		if at < 0 {
			i.Taxes = append(i.Taxes, erp.TaxAmount{TaxID: id, Base: base, Amount: amount})
			continue
		}
		i.Taxes[at].Base, i.Taxes[at].Amount = minus(i.Taxes[at].Base, base.Neg()), minus(i.Taxes[at].Amount, amount.Neg())
	}
	for _, l := range r.lines {
		line := erp.InvoiceLine{ID: formatID(l.ID), Text: l.Description, Net: money(l.Amount)}
		if l.Product != nil {
			line.SKU, line.Kind = l.Product.Code, t.c.Products.Kind(l.Product.Code)
		}
		for _, id := range l.Taxes {
			line.TaxIDs = append(line.TaxIDs, formatID(id))
		}
		line.Quantity, err = l.Quantity.decimal()
		errs = append(errs, err)
		i.Lines = append(i.Lines, line)
	}
	return i, errors.Join(errs...)
}

// OrderInvoices returns the invoices of a sale, and the credit notes on them.
func (t *Client) OrderInvoices(ctx context.Context, order commerce.Ref) ([]erp.Invoice, error) {
	op := "read invoices of " + order.ID
	id, err := t.idOf(order, "order")
	if err != nil {
		return nil, err
	}
	if _, err := t.saleByID(ctx, op, id); err != nil {
		return nil, err
	}
	rows, err := t.invoices(ctx, op, clause("sales", "=", id))
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		notes, err := t.invoices(ctx, op, creditNotesOf(r.ID))
		if err != nil {
			return nil, err
		}
		rows = append(rows, notes...)
	}
	notes, err := t.returnNotes(ctx, op, id)
	if err != nil {
		return nil, err
	}
	rows = append(rows, notes...)
	slices.SortFunc(rows, func(a, b invoice) int { return cmp.Compare(a.ID, b.ID) })
	var out []erp.Invoice
	for _, r := range rows {
		i, err := t.invoice(r)
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, nil
}

// creditNotesOf matches what credits lines of an invoice.
func creditNotesOf(id int64) []any {
	return []any{"lines.origin.invoice.id", "=", id, "account.invoice.line"}
}

// FindInvoice returns the invoice whose reference is the key.
func (t *Client) FindInvoice(ctx context.Context, key string) (erp.Invoice, error) {
	return t.findInvoice(ctx, "find invoice "+key, key, false)
}

// FindCreditNote returns the credit note whose reference is the key.
func (t *Client) FindCreditNote(ctx context.Context, key string) (erp.Invoice, error) {
	return t.findInvoice(ctx, "find credit note "+key, key, true)
}

func (t *Client) findInvoice(ctx context.Context, op, key string, credit bool) (erp.Invoice, error) {
	r, err := t.keyedInvoice(ctx, op, key, credit)
	if err != nil {
		return erp.Invoice{}, err
	}
	if r == nil {
		return erp.Invoice{}, commerce.Errorf(commerce.KindNotFound, system, op, "nothing has this reference")
	}
	return t.invoice(*r)
}

// keyedInvoice returns what carries a key, posted before draft; nil = nothing does.
func (t *Client) keyedInvoice(ctx context.Context, op, key string, credit bool) (*invoice, error) {
	rows, err := t.invoices(ctx, op, clause("reference", "=", key))
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(r invoice) bool { return r.isCredit() != credit })
	slices.SortStableFunc(rows, func(a, b invoice) int {
		switch {
		case a.isPosted() == b.isPosted():
			return 0
		case a.isPosted():
			return -1
		}
		return 1
	})
	if len(rows) == 0 {
		return nil, nil
	}
	return &rows[0], nil
}

// PostInvoice adopts the draft that the server made when the sale was processed. A sale
// of which it made none, as with the invoice method manual, is an error of kind conflict.
func (t *Client) PostInvoice(ctx context.Context, n erp.NewInvoice) (erp.Invoice, error) {
	if err := n.Validate(); err != nil {
		return erp.Invoice{}, err
	}
	op := "post invoice " + n.Key
	r, err := t.keyedInvoice(ctx, op, n.Key, false)
	if err == nil && r == nil {
		r, err = t.draftOf(ctx, op, n)
	}
	if err != nil {
		return erp.Invoice{}, notSent(err)
	}
	return t.postInvoice(ctx, op, *r, posting{n.Key, n.Date, n.Accounting, n.Taxes, n.Expected, n.Rounding})
}

// draftOf finds the draft that the server made of a sale and nobody has taken yet.
func (t *Client) draftOf(ctx context.Context, op string, n erp.NewInvoice) (*invoice, error) {
	conflict := func(text string) (*invoice, error) {
		return nil, call{op: op, write: true}.fail(commerce.KindConflict, commerce.NotSent, 0, text)
	}
	id, err := t.idOf(n.Order, "order")
	if err != nil {
		return nil, err
	}
	s, err := t.saleByID(ctx, op, id)
	if err != nil {
		return nil, err
	}
	if state := s.state(); state != erp.Confirmed && state != erp.Done {
		return conflict("the sale is " + s.State)
	}
	if s.State == "confirmed" { // a server with a queue is still to process it
		if err := t.step(ctx, op, "process", id); err != nil {
			return nil, err
		}
	}
	rows, err := t.invoices(ctx, op, clause("sales", "=", id))
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(r invoice) bool {
		return !r.isDraft() || r.isCredit() || r.Reference != "" || (!n.Draft.IsZero() && n.Draft != t.c.Origin.With("invoice/"+formatID(r.ID)))
	})
	switch len(rows) {
	case 0:
		return conflict("the ERP has made no draft invoice, or it is posted already")
	case 1:
		return &rows[0], nil
	}
	return nil, commerce.Errorf(commerce.KindAmbiguous, system, op, "the sale has %d draft invoices; name one", len(rows))
}

// posting is what an invoice and a credit note have in common; amounts have the sign
// that they have in the ledger.
type posting struct {
	key              string
	date, accounting commerce.Date
	taxes            []erp.TaxAmount
	expected         erp.Totals
	rounding         int
}

// postInvoice writes key, days and cents on a draft, posts it and reads it back; a
// posted one is compared.
func (t *Client) postInvoice(ctx context.Context, op string, r invoice, p posting) (erp.Invoice, error) {
	i, err := t.invoice(r)
	if err != nil {
		return i, notSent(err)
	}
	if r.isPosted() {
		return i, sameInvoice(op, i, p)
	}
	v, err := t.settle(ctx, op, r, i, p)
	if err != nil {
		return i, err
	}
	v["reference"], v["invoice_date"], v["accounting_date"] = p.key, date{p.date}, date{p.accounting}
	if err := t.do(ctx, call{op: op, method: "model.account.invoice.write", params: []any{[]int64{r.ID}, v}, write: true, context: r.unchanged()}); err != nil {
		return i, meanwhile(err)
	}
	if err := t.postDated(ctx, op, r.ID); err != nil {
		return i, err
	}
	if r, err = t.invoiceByID(ctx, op, r.ID); err != nil {
		return i, outcome(err, commerce.Unknown)
	}
	if i, err = t.invoice(r); err != nil {
		return i, outcome(err, commerce.Unknown)
	}
	if !r.isPosted() {
		return i, call{op: op, write: true}.fail(commerce.KindConflict, commerce.Unknown, 0, "the invoice is "+r.State+" after post")
	}
	return i, sameInvoice(op, i, p)
}

func sameInvoice(op string, i erp.Invoice, p posting) error {
	if i.Totals.Gross != p.expected.Gross || i.Date != p.date {
		return call{op: op, write: true}.fail(commerce.KindConflict, commerce.Done, 0, "the document under this key has another total or day")
	}
	return nil
}

// postDated posts, in the order of numbers: a day before the last number's moves in the
// ledger to that one's, and a payment term in the past, which is what late means, is
// acknowledged.
func (t *Client) postDated(ctx context.Context, op string, id int64) error {
	post := call{op: op, method: "model.account.invoice.post", params: []any{[]int64{id}}, write: true}
	warning := "invoice_payment_term_" + formatID(id)
	for tries := 0; ; tries++ {
		err := t.do(ctx, post)
		e, ok := errors.AsType[*commerce.Error](err)
		switch {
		case !ok || tries == 3:
			return err
		case e.Code == "UserWarning "+warning:
			err = t.do(ctx, call{op: op, method: "model.res.user.warning.create", write: true,
				params: []any{[]values{{"user": t.session.user.Load(), "name": warning, "always": false}}}})
		case e.Kind == commerce.KindConflict && strings.Contains(e.Text, numbersFollowDates):
			var last commerce.Date
			if last, err = t.lastNumbered(ctx, op); err == nil {
				err = t.do(ctx, call{op: op, method: "model.account.invoice.write", write: true,
					params: []any{[]int64{id}, values{"accounting_date": date{last}}}})
			}
		}
		if err != nil {
			return notSent(err)
		}
	}
}

// lastNumbered is the day in the ledger of the last invoice that has a number.
func (t *Client) lastNumbered(ctx context.Context, op string) (last commerce.Date, err error) {
	company, err := t.companyID(ctx)
	if err != nil {
		return last, err
	}
	for _, field := range []string{"accounting_date", "invoice_date"} {
		domain := []any{clause("company", "=", company), clause("type", "=", "out"), clause("number", "!=", nil), clause(field, "!=", nil)}
		if field == "invoice_date" {
			domain = append(domain, clause("accounting_date", "=", nil))
		}
		var rows []struct {
			Accounting date `json:"accounting_date"`
			Date       date `json:"invoice_date"`
		}
		if err := t.searchRead(ctx, op, "account.invoice", domain, 1, []any{[]any{field, "DESC"}}, []string{"accounting_date", "invoice_date"}, &rows); err != nil {
			return last, err
		}
		for _, r := range rows {
			day := r.Accounting.Date
			if day.IsZero() {
				day = r.Date.Date
			}
			if last.String() < day.String() {
				last = day
			}
		}
	}
	return last, nil
}

// settle returns what has to be written on a draft so that it ends with the shop's
// figures: amounts of tax, and what is left on the rounding line, where there is one.
func (t *Client) settle(ctx context.Context, op string, r invoice, i erp.Invoice, p posting) (values, error) {
	if p.expected.Gross.Currency() != i.Currency {
		return nil, notSent(commerce.Errorf(commerce.KindInvalid, system, op, "Expected is in %s, the invoice in %s", p.expected.Gross.Currency(), i.Currency))
	}
	taxed := 0
	for _, l := range i.Lines {
		taxed += min(len(l.TaxIDs), 1)
	}
	bound := erp.RoundingBound(p.rounding, taxed, i.Currency)
	wrong := &commerce.Error{Kind: commerce.KindInvalid, System: system, Op: op, Outcome: commerce.NotSent,
		Err: &erp.TotalsError{Key: p.key, Expected: p.expected, Got: i.Totals, Bound: bound, ExpectedTaxes: p.taxes, GotTaxes: i.Taxes}}
	gross := i.Totals.Gross.Minor()
	v := values{}
	if p.taxes != nil {
		want := map[string]int64{}
		for _, x := range p.taxes {
			want[x.TaxID] = x.Amount.Minor()
		}
		var writes []any
		for _, x := range i.Taxes {
			diff := want[x.TaxID] - x.Amount.Minor()
			if max(diff, -diff) > bound.Minor() {
				return nil, wrong
			}
			if diff != 0 {
				row, err := r.largestTax(x.TaxID, i.Currency)
				if err != nil {
					return nil, notSent(err)
				}
				writes = append(writes, []any{"write", []int64{row.ID}, values{"amount": amountText(commerce.MustMoney(row.minor+diff, i.Currency))}})
			}
			gross += diff
			delete(want, x.TaxID)
		}
		for _, left := range want {
			if left != 0 {
				return nil, wrong
			}
		}
		if writes != nil {
			v["taxes"] = writes
		}
	}
	net := p.expected.Gross.Minor() - gross
	if net == 0 {
		return v, nil
	}
	most := bound.Minor() + lostAtMost(i)
	at := slices.IndexFunc(i.Lines, func(l erp.InvoiceLine) bool { // an allowance is on the same product
		return l.SKU == t.c.Products.Rounding && len(l.TaxIDs) == 0 && l.Net.Abs().Minor() <= most
	})
	if at >= 0 {
		net += i.Lines[at].Net.Minor()
	}
	if max(net, -net) > most {
		return nil, wrong
	}
	if at < 0 {
		// What the unit prices could not hold made up for the tax that was computed.
		line, err := t.roundingLine(ctx, op, r, commerce.MustMoney(net, i.Currency))
		if err != nil {
			return nil, notSent(err)
		}
		v["lines"] = create(line)
		return v, nil
	}
	line := i.Lines[at]
	l := priced{OrderLine: erp.OrderLine{Quantity: line.Quantity, Net: commerce.MustMoney(net, i.Currency)}}
	price(&l)
	v["lines"] = []any{[]any{"write", []int64{r.lines[at].ID}, values{"unit_price": l.unitText()}}}
	return v, nil
}

// roundingLine is a line of so much on the rounding product, without tax.
func (t *Client) roundingLine(ctx context.Context, op string, r invoice, net commerce.Money) (values, error) {
	found, err := t.products(ctx, []string{t.c.Products.Rounding})
	if err != nil {
		return nil, err
	}
	product, ok := found[t.c.Products.Rounding]
	if !ok {
		return nil, commerce.Errorf(commerce.KindMapping, system, op, "no product has the SKU %q", t.c.Products.Rounding)
	}
	company, err := t.companyID(ctx)
	if err != nil {
		return nil, err
	}
	return values{"type": "line", "company": company, "currency": r.CurrencyID, "account": r.lines[0].Account, "quantity": quantity("1.0"),
		"unit_price": amountText(net), "product": product.id, "unit": product.unit, "description": "Rounding"}, nil
}

// lostAtMost is how much of the net amounts the unit prices of an invoice may have lost,
// in minor units: half of a price's last digit for each piece.
func lostAtMost(i erp.Invoice) (lost int64) {
	for _, l := range i.Lines {
		off := new(big.Rat).Mul(ratOf(l.Quantity.Abs()), big.NewRat(5, 100_000))
		for range i.Currency.Exponent() {
			off.Mul(off, big.NewRat(10, 1))
		}
		off.Add(off, big.NewRat(1, 2))
		lost += new(big.Int).Quo(off.Num(), off.Denom()).Int64()
	}
	return lost
}

// largestTax is the row of a tax that has the largest amount, in minor units.
func (i invoice) largestTax(id string, c commerce.Currency) (row struct{ ID, minor int64 }, err error) {
	for _, x := range i.taxes {
		if formatID(x.Tax) != id {
			continue
		}
		amount, err := x.Amount.money(c)
		if err != nil {
			return row, err
		}
		if row.ID == 0 || amount.Abs().Minor() > max(row.minor, -row.minor) {
			row.ID, row.minor = x.ID, amount.Minor()
		}
	}
	return row, nil
}

// PostCreditNote makes an invoice of negative quantities that carries the key from the
// first moment: the server's wizard could not be found again after a lost answer.
func (t *Client) PostCreditNote(ctx context.Context, n erp.NewCreditNote) (erp.Invoice, error) {
	if err := n.Validate(); err != nil {
		return erp.Invoice{}, err
	}
	op := "post credit note " + n.Key
	p := posting{n.Key, n.Date, n.Accounting, nil, erp.Totals{Net: n.Expected.Net.Neg(), Tax: n.Expected.Tax.Neg(), Gross: n.Expected.Gross.Neg()}, n.Rounding}
	for _, x := range n.Taxes {
		x.Base, x.Amount = x.Base.Neg(), x.Amount.Neg()
		p.taxes = append(p.taxes, x)
	}
	r, err := t.keyedInvoice(ctx, op, n.Key, true)
	if err != nil {
		return erp.Invoice{}, notSent(err)
	}
	if r != nil && r.isPosted() {
		return t.postInvoice(ctx, op, *r, p)
	}
	id, err := t.idOf(n.Invoice, "invoice")
	if err != nil {
		return erp.Invoice{}, err
	}
	of, err := t.invoiceByID(ctx, op, id)
	if err != nil {
		return erp.Invoice{}, notSent(err)
	}
	if len(n.Lines) == 0 && n.Taxes == nil { // the whole, with the taxes as they were written
		i, err := t.invoice(of)
		if err != nil {
			return erp.Invoice{}, notSent(err)
		}
		for _, x := range i.Taxes {
			p.taxes = append(p.taxes, erp.TaxAmount{TaxID: x.TaxID, Base: x.Base.Neg(), Amount: x.Amount.Neg()})
		}
	}
	if r == nil {
		if r, err = t.ownNote(ctx, op, n, of); err != nil {
			return erp.Invoice{}, notSent(err)
		}
	}
	if r == nil {
		if r, err = t.createCreditNote(ctx, op, n, of); err != nil {
			return erp.Invoice{}, err
		}
	}
	// The server computes the taxes of a draft when it is written.
	if err := t.do(ctx, call{op: op, method: "model.account.invoice.write", write: true,
		params: []any{[]int64{r.ID}, values{"invoice_date": date{n.Date}}}}); err != nil {
		return erp.Invoice{}, err
	}
	draft, err := t.invoiceByID(ctx, op, r.ID)
	if err != nil {
		return erp.Invoice{}, notSent(err)
	}
	return t.postInvoice(ctx, op, draft, p)
}

// ownNote finds the draft that the server has made itself of what came back, and that
// nobody has taken yet; nil = there is none that comes to the total.
func (t *Client) ownNote(ctx context.Context, op string, n erp.NewCreditNote, of invoice) (*invoice, error) {
	if len(of.Sales) == 0 {
		return nil, nil
	}
	rows, err := t.returnNotes(ctx, op, of.Sales[0])
	if err != nil {
		return nil, err
	}
	var fits []invoice
	for _, r := range rows {
		i, err := t.invoice(r)
		if err != nil {
			return nil, err
		}
		off := i.Totals.Gross.Minor() + n.Expected.Gross.Minor()
		bound := erp.RoundingBound(n.Rounding, len(i.Lines), i.Currency).Minor()
		if r.isDraft() && r.Reference == "" && (n.Draft == i.Ref || n.Draft.IsZero() && max(off, -off) <= bound) {
			fits = append(fits, r)
		}
	}
	switch {
	case len(fits) == 1:
		return &fits[0], nil
	case len(fits) > 1:
		return nil, commerce.Errorf(commerce.KindAmbiguous, system, op, "the sale has %d draft credit notes of this total; name one", len(fits))
	case !n.Draft.IsZero():
		return nil, commerce.Errorf(commerce.KindConflict, system, op, "%s is no draft credit note of the sale that nobody has taken", n.Draft.ID)
	}
	return nil, nil
}

// createCreditNote makes the draft, and takes it away again where a twin was made at
// the same moment.
func (t *Client) createCreditNote(ctx context.Context, op string, n erp.NewCreditNote, of invoice) (*invoice, error) {
	v, err := t.creditValues(ctx, op, n, of)
	if err != nil {
		return nil, notSent(err)
	}
	var ids []int64
	if err := t.do(ctx, call{op: op, method: "model.account.invoice.create", params: []any{[]values{v}}, write: true, out: &ids}); err != nil {
		return nil, err
	}
	r, err := t.keyedInvoice(ctx, op, n.Key, true)
	if err != nil {
		return nil, outcome(err, commerce.Unknown)
	}
	if r == nil || len(ids) != 1 {
		return nil, call{op: op, write: true}.fail(commerce.KindConflict, commerce.Unknown, 0, "the credit note is not there right after it was made")
	}
	if r.ID != ids[0] {
		if err := t.do(ctx, call{op: op, method: "model.account.invoice.delete", params: []any{ids}, write: true}); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// creditValues says a credit note in Tryton's fields, after a look at what is left to credit.
func (t *Client) creditValues(ctx context.Context, op string, n erp.NewCreditNote, of invoice) (values, error) {
	conflict := func(text string) (values, error) {
		return nil, call{op: op, write: true}.fail(commerce.KindConflict, commerce.NotSent, 0, text)
	}
	if !of.isPosted() || of.isCredit() {
		return conflict("it is no posted invoice")
	}
	i, err := t.invoice(of)
	if err != nil {
		return nil, err
	}
	notes, err := t.invoices(ctx, op, creditNotesOf(of.ID))
	if err != nil {
		return nil, err
	}
	if len(of.Sales) > 0 {
		returned, err := t.returnNotes(ctx, op, of.Sales[0])
		if err != nil {
			return nil, err
		}
		notes = append(notes, slices.DeleteFunc(returned, func(r invoice) bool { return r.creditOf != of.ID })...)
	}
	left := map[int64]*big.Rat{}
	for at, l := range of.lines {
		left[l.ID] = ratOf(i.Lines[at].Quantity)
	}
	for _, note := range notes {
		for _, l := range note.lines {
			q, err := l.Quantity.decimal()
			if err != nil {
				return nil, err
			}
			credits := l.credits()
			if credits == 0 { // of a return: it names no line, but a product
				credits = of.lineOf(l.ProductID)
			}
			at := slices.IndexFunc(of.lines, func(x invoiceLine) bool { return x.ID == credits })
			if at >= 0 && of.lines[at].ProductID != l.ProductID {
				continue // money alone
			}
			if have := left[credits]; have != nil {
				have.Add(have, ratOf(q))
			}
		}
	}
	company, err := t.companyID(ctx)
	if err != nil {
		return nil, err
	}
	credits := n.Lines
	if len(credits) == 0 {
		for _, l := range i.Lines {
			credits = append(credits, erp.CreditLine{Line: l.ID, Quantity: l.Quantity, Net: l.Net})
		}
	}
	lost := int64(0)
	var lines []values
	for _, credit := range credits {
		at := slices.IndexFunc(i.Lines, func(l erp.InvoiceLine) bool { return l.ID == credit.Line })
		if at < 0 && credit.Line != "" {
			return nil, commerce.Errorf(commerce.KindInvalid, system, op, "the invoice has no line %q", credit.Line)
		}
		if credit.Quantity.IsZero() {
			v, err := t.allowance(ctx, op, of, i, at, credit.Net)
			if err != nil {
				return nil, err
			}
			lines = append(lines, v)
			continue
		}
		l := of.lines[at]
		if left[l.ID].Cmp(ratOf(credit.Quantity)) < 0 {
			return conflict("of line " + credit.Line + " less is left to credit")
		}
		p := priced{OrderLine: erp.OrderLine{Quantity: credit.Quantity.Neg(), Net: credit.Net.Neg()}}
		price(&p)
		unit := p.unitText()
		if credit.Quantity == i.Lines[at].Quantity && credit.Net == i.Lines[at].Net {
			unit, p.amount = l.Price, -credit.Net.Minor()
		}
		lost += p.Net.Minor() - p.amount
		v := values{"type": "line", "company": company, "currency": of.CurrencyID, "account": l.Account, "quantity": quantityOf(p.Quantity),
			"unit_price": unit, "description": l.Description, "origin": "account.invoice.line," + formatID(l.ID)}
		if l.ProductID != 0 {
			v["product"], v["unit"] = l.ProductID, l.Unit
		}
		if len(l.Taxes) > 0 {
			v["taxes"] = add(l.Taxes...)
		}
		lines = append(lines, v)
	}
	if lost != 0 {
		line, err := t.roundingLine(ctx, op, of, commerce.MustMoney(lost, i.Currency))
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return values{"type": "out", "company": company, "party": of.Party, "invoice_address": of.Address, "currency": of.CurrencyID,
		"journal": of.Journal, "account": of.Account, "payment_term": orNull(of.Term), "invoice_date": date{n.Date},
		"reference": n.Key, "description": cmp.Or(n.Text, n.Key), "lines": create(lines...)}, nil
}

// allowance is a line of a credit note for money alone: with the taxes and the account of a
// line of the invoice (at), or of none (-1) without taxes. Of goods it stands on the product
// for rounding, so that as much of the line is left to come back as before. It names a line
// of the invoice all the same: by that the note is found. Posted by a real Tryton 6.0 in
// the suite of package erptest (2026-11).
func (t *Client) allowance(ctx context.Context, op string, of invoice, i erp.Invoice, at int, net commerce.Money) (values, error) {
	v, err := t.roundingLine(ctx, op, of, net)
	if err != nil {
		return nil, err
	}
	v["quantity"], v["description"], v["origin"] = quantity("-1.0"), "Allowance", "account.invoice.line,"+formatID(of.lines[0].ID)
	if at < 0 {
		return v, nil
	}
	l := of.lines[at]
	v["account"], v["origin"], v["description"] = l.Account, "account.invoice.line,"+formatID(l.ID), "Allowance: "+l.Description
	if len(l.Taxes) > 0 {
		v["taxes"] = add(l.Taxes...)
	}
	if i.Lines[at].Kind != erp.Goods && l.ProductID != 0 {
		v["product"], v["unit"] = l.ProductID, l.Unit
	}
	return v, nil
}

func orNull(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}
