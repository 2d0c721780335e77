package odoo

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

const (
	customerInvoice    = "out_invoice"
	customerCreditNote = "out_refund"
)

// invoice is what is read of an account.move that is an invoice or a credit note. All
// amounts of a credit note stand above nought at the server, those of the ledger below.
type invoice struct {
	ID         int64   `json:"id"`
	Number     text    `json:"name"`
	Ref        text    `json:"ref"`
	State      string  `json:"state"` // draft, posted, cancel
	Payment    string  `json:"payment_state"`
	Type       string  `json:"move_type"`
	Date       date    `json:"invoice_date"`
	Accounting date    `json:"date"`
	Address    link    `json:"partner_id"`
	Party      link    `json:"commercial_partner_id"`
	Journal    link    `json:"journal_id"`
	Currency   link    `json:"currency_id"`
	Net        number  `json:"amount_untaxed"`
	Tax        number  `json:"amount_tax"`
	Total      number  `json:"amount_total"`
	Residual   number  `json:"amount_residual"`
	Reversed   link    `json:"reversed_entry_id"`
	LineIDs    []int64 `json:"line_ids"`

	lines, taxes, terms []invoiceLine // of goods, of tax, and what the customer owes
	order               int64         // 0 = of none
	orderRef, orderName text          // what the order is found by, and what people call it
}

var invoiceFields = []string{"id", "name", "ref", "state", "payment_state", "move_type", "invoice_date", "date", "partner_id",
	"commercial_partner_id", "journal_id", "currency_id", "amount_untaxed", "amount_tax", "amount_total", "amount_residual",
	"reversed_entry_id", "line_ids"}

type invoiceLine struct {
	ID        int64   `json:"id"`
	Move      link    `json:"move_id"`
	Kind      text    `json:"display_type"` // product, tax, payment_term; others are for people
	Name      text    `json:"name"`
	Product   link    `json:"product_id"`
	Quantity  number  `json:"quantity"`
	Price     number  `json:"price_unit"`
	Discount  number  `json:"discount"`
	Account   link    `json:"account_id"`
	Amount    number  `json:"amount_currency"` // debit - credit
	Taxes     []int64 `json:"tax_ids"`
	Tax       link    `json:"tax_line_id"`
	SaleLines []int64 `json:"sale_line_ids"`
	Open      number  `json:"amount_residual_currency"`
	sku       string
}

var invoiceLineFields = []string{"id", "move_id", "display_type", "name", "product_id", "quantity", "price_unit", "discount", "account_id",
	"amount_currency", "tax_ids", "tax_line_id", "sale_line_ids", "amount_residual_currency"}

// key is our reference. On a draft that a person had the server make it is not ours: an
// invoice carries its order's, a credit note is linked to its invoice.
func (i invoice) key() string {
	if i.State == "draft" && (i.Ref == i.orderRef || i.Reversed.ID != 0) {
		return ""
	}
	return string(i.Ref)
}

func (i invoice) isCredit() bool { return i.Type == customerCreditNote }

// invoices reads all customer invoices and credit notes of the company that match.
func (o *Client) invoices(ctx context.Context, op string, where ...any) ([]invoice, error) {
	rows, err := o.invoicePage(ctx, op, maxTwins+1, where...)
	if len(rows) > maxTwins {
		return nil, commerce.Errorf(commerce.KindLimit, system, op, "more than %d invoices", maxTwins)
	}
	return rows, err
}

// invoicePage reads some of the customer invoices and credit notes of the company that
// match, with their lines and orders, oldest first; cancelled ones are left out.
func (o *Client) invoicePage(ctx context.Context, op string, limit int, where ...any) ([]invoice, error) {
	company, err := o.companyID(ctx)
	if err != nil {
		return nil, err
	}
	var rows []invoice
	where = append(where, clause("company_id", "=", company), clause("state", "!=", "cancel"),
		clause("move_type", "in", []string{customerInvoice, customerCreditNote}))
	if err := o.searchRead(ctx, op, "account.move", domain(where...), limit, "id", invoiceFields, &rows); err != nil {
		return nil, err
	}
	var ids []int64
	at := map[int64]*invoice{}
	for i := range rows {
		ids = append(ids, rows[i].LineIDs...)
		at[rows[i].ID] = &rows[i]
	}
	slices.Sort(ids)
	var lines []invoiceLine
	if err := o.readAll(ctx, op, "account.move.line", ids, invoiceLineFields, &lines); err != nil {
		return nil, err
	}
	products := map[int64]bool{}
	for _, l := range lines {
		if l.Product.ID != 0 {
			products[l.Product.ID] = true
		}
	}
	skus, err := o.skus(ctx, op, slices.Sorted(maps.Keys(products)))
	if err != nil {
		return nil, err
	}
	sold := map[int64][]*invoice{}
	for _, l := range lines {
		i := at[l.Move.ID]
		l.sku = skus[l.Product.ID]
		switch l.Kind {
		case "product":
			i.lines = append(i.lines, l)
		case "tax":
			i.taxes = append(i.taxes, l)
		case "payment_term":
			i.terms = append(i.terms, l)
		}
		for _, id := range l.SaleLines {
			sold[id] = append(sold[id], i)
		}
	}
	return rows, o.soldBy(ctx, op, sold)
}

// soldBy finds the orders of invoices by the order lines that they invoice.
func (o *Client) soldBy(ctx context.Context, op string, sold map[int64][]*invoice) error {
	var ids []int64
	for id := range sold {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var lines []struct {
		ID    int64 `json:"id"`
		Order link  `json:"order_id"`
	}
	if err := o.readAll(ctx, op, "sale.order.line", ids, []string{"id", "order_id"}, &lines); err != nil {
		return err
	}
	ids = nil
	invoiced := map[int64][]*invoice{}
	for _, l := range lines {
		for _, i := range sold[l.ID] {
			i.order = l.Order.ID
			invoiced[l.Order.ID] = append(invoiced[l.Order.ID], i)
		}
		ids = append(ids, l.Order.ID)
	}
	slices.Sort(ids)
	var orders []struct {
		ID        int64 `json:"id"`
		Reference text  `json:"client_order_ref"`
		Origin    text  `json:"origin"`
	}
	if err := o.readAll(ctx, op, "sale.order", slices.Compact(ids), []string{"id", "client_order_ref", "origin"}, &orders); err != nil {
		return err
	}
	for _, s := range orders {
		for _, i := range invoiced[s.ID] {
			i.orderRef, i.orderName = s.Reference, s.Origin
		}
	}
	return nil
}

// invoiceByID reads one invoice of the company.
func (o *Client) invoiceByID(ctx context.Context, op string, id int64) (invoice, error) {
	rows, err := o.invoices(ctx, op, clause("id", "=", id))
	if err != nil {
		return invoice{}, err
	}
	if len(rows) == 0 {
		return invoice{}, commerce.Errorf(commerce.KindNotFound, system, op, "the invoice does not exist in this company")
	}
	return rows[0], nil
}

// invoice says an invoice in the port's words.
func (o *Client) invoice(r invoice) (erp.Invoice, error) {
	i := erp.Invoice{Ref: o.c.Origin.With("invoice/" + formatID(r.ID)), Number: string(r.Number), Key: r.key(), Party: formatID(r.Party.ID),
		State: erp.InvoiceDraft, Date: r.Date.Date, Accounting: r.Accounting.Date}
	switch {
	case r.State == "posted" && slices.Contains([]string{"paid", "in_payment", "reversed"}, r.Payment):
		i.State = erp.InvoicePaid
	case r.State == "posted":
		i.State = erp.InvoicePosted
	default:
		i.Number = "" // up to 18 a draft is called "/"
	}
	if r.order != 0 {
		i.Order = o.c.Origin.With("order/" + formatID(r.order))
	}
	if r.Reversed.ID != 0 {
		i.CreditOf = o.c.Origin.With("invoice/" + formatID(r.Reversed.ID))
	}
	c, err := commerce.ParseCurrency(r.Currency.Label)
	if err != nil {
		return i, err
	}
	i.Currency = c
	var errs []error
	money := func(n number, turn bool) commerce.Money {
		m, err := n.money(c)
		errs = append(errs, err)
		if turn {
			m = m.Neg()
		}
		return m
	}
	i.Totals = erp.Totals{Net: money(r.Net, r.isCredit()), Tax: money(r.Tax, r.isCredit()), Gross: money(r.Total, r.isCredit())}
	i.Open = money(r.Residual, r.isCredit())
	at := map[int64]int{}
	tax := func(id int64) *erp.TaxAmount {
		if _, ok := at[id]; !ok {
			at[id] = len(i.Taxes)
			i.Taxes = append(i.Taxes, erp.TaxAmount{TaxID: formatID(id), Base: commerce.Zero(c), Amount: commerce.Zero(c)})
		}
		return &i.Taxes[at[id]]
	}
	for _, l := range r.lines {
		line := erp.InvoiceLine{ID: formatID(l.ID), Kind: o.c.Products.Kind(l.sku), SKU: l.sku, Text: string(l.Name), Net: money(l.Amount, true)}
		line.Quantity, err = l.Quantity.decimal()
		errs = append(errs, err)
		if r.isCredit() {
			line.Quantity = line.Quantity.Neg()
		}
		for _, id := range l.Taxes {
			line.TaxIDs = append(line.TaxIDs, formatID(id))
			x := tax(id)
			x.Base = plus(x.Base, line.Net)
		}
		i.Lines = append(i.Lines, line)
	}
	for _, l := range r.taxes {
		x := tax(l.Tax.ID)
		x.Amount = plus(x.Amount, money(l.Amount, true))
	}
	return i, errors.Join(errs...)
}

func plus(a, b commerce.Money) commerce.Money {
	return commerce.MustMoney(a.Minor()+b.Minor(), a.Currency())
}

// OrderInvoices returns the invoices of an order, and the credit notes on them.
func (o *Client) OrderInvoices(ctx context.Context, order commerce.Ref) ([]erp.Invoice, error) {
	op := "read invoices of " + order.ID
	id, err := o.idOf(order, "order")
	if err != nil {
		return nil, err
	}
	s, err := o.orderByID(ctx, op, id)
	if err != nil || len(s.Invoices) == 0 {
		return nil, err
	}
	rows, err := o.invoices(ctx, op, "|", clause("id", "in", s.Invoices), clause("reversed_entry_id", "in", s.Invoices))
	if err != nil {
		return nil, err
	}
	out := make([]erp.Invoice, len(rows))
	for i, r := range rows {
		if out[i], err = o.invoice(r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// FindInvoice returns the invoice whose reference is the key.
func (o *Client) FindInvoice(ctx context.Context, key string) (erp.Invoice, error) {
	return o.findInvoice(ctx, "find invoice "+key, key, customerInvoice)
}

// FindCreditNote returns the credit note whose reference is the key.
func (o *Client) FindCreditNote(ctx context.Context, key string) (erp.Invoice, error) {
	return o.findInvoice(ctx, "find credit note "+key, key, customerCreditNote)
}

func (o *Client) findInvoice(ctx context.Context, op, key, kind string) (erp.Invoice, error) {
	r, err := o.keyedInvoice(ctx, op, key, kind)
	if err != nil {
		return erp.Invoice{}, err
	}
	if r == nil {
		return erp.Invoice{}, commerce.Errorf(commerce.KindNotFound, system, op, "nothing has this reference")
	}
	return o.invoice(*r)
}

// keyedInvoice returns what carries a key, posted before draft; nil = nothing does.
func (o *Client) keyedInvoice(ctx context.Context, op, key, kind string) (*invoice, error) {
	rows, err := o.invoices(ctx, op, clause("ref", "=", key), clause("move_type", "=", kind))
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	if at := slices.IndexFunc(rows, func(r invoice) bool { return r.State == "posted" }); at > 0 {
		return &rows[at], nil
	}
	return &rows[0], nil
}
