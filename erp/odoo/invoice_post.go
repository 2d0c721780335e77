package odoo

import (
	"context"
	"maps"
	"math/big"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// PostInvoice adopts the draft of an order, or has the server make one: its own wizard
// takes everything that is to be invoiced, and refuses when nothing is.
func (o *Client) PostInvoice(ctx context.Context, n erp.NewInvoice) (erp.Invoice, error) {
	if err := n.Validate(); err != nil {
		return erp.Invoice{}, err
	}
	op := "post invoice " + n.Key
	p := posting{n.Key, n.Date, n.Accounting, n.Taxes, n.Expected, n.Rounding, nil}
	r, err := o.keyedInvoice(ctx, op, n.Key, customerInvoice)
	if err != nil {
		return erp.Invoice{}, notSent(err)
	}
	if r != nil && o.c.Origin.With("order/"+formatID(r.order)) != n.Order {
		return erp.Invoice{}, conflict(op, "the invoice under this key is of another order")
	}
	if r == nil {
		if err := o.unlocked(ctx, op, p.ledger()); err != nil {
			return erp.Invoice{}, notSent(err)
		}
		if r, err = o.draftOf(ctx, op, n); err != nil {
			return erp.Invoice{}, err
		}
	}
	return o.postInvoice(ctx, op, *r, p)
}

// unlocked refuses a day in a closed period: the server itself would post, and move the
// day in the ledger without a word.
func (o *Client) unlocked(ctx context.Context, op string, day commerce.Date) error {
	b, err := o.books(ctx)
	if err != nil {
		return err
	}
	company, err := o.companyID(ctx)
	if err != nil {
		return err
	}
	lock, err := o.lockDate(ctx, op, b, company, "sale")
	if err == nil && !after(day, lock) {
		err = commerce.Errorf(commerce.KindPeriodClosed, system, op, "the books are locked up to %s; the document is dated %s", lock, day)
	}
	return err
}

// draftOf finds the draft of an order that nobody has taken yet, or has the wizard make
// it. A wizard that refuses may have a twin that was quicker.
func (o *Client) draftOf(ctx context.Context, op string, n erp.NewInvoice) (*invoice, error) {
	id, err := o.idOf(n.Order, "order")
	if err != nil {
		return nil, err
	}
	var asked error
	for try := 0; ; try++ {
		s, err := o.orderByID(ctx, op, id)
		if err != nil {
			return nil, notSent(err)
		}
		if orderStates[s.State] != erp.Confirmed {
			return nil, conflict(op, "the order is "+s.State)
		}
		var drafts []invoice
		if len(s.Invoices) > 0 {
			if drafts, err = o.invoices(ctx, op, clause("id", "in", s.Invoices), clause("state", "=", "draft"), clause("move_type", "=", customerInvoice)); err != nil {
				return nil, notSent(err)
			}
		}
		drafts = slices.DeleteFunc(drafts, func(r invoice) bool {
			return r.key() != "" && r.key() != n.Key || !n.Draft.IsZero() && n.Draft != o.c.Origin.With("invoice/"+formatID(r.ID))
		})
		switch {
		case len(drafts) == 1:
			return &drafts[0], nil
		case len(drafts) > 1:
			return nil, notSent(commerce.Errorf(commerce.KindAmbiguous, system, op, "the order has %d draft invoices; name one", len(drafts)))
		case try == 1:
			twin, err := o.keyedInvoice(ctx, op, n.Key, customerInvoice)
			if err != nil || twin != nil {
				return twin, notSent(err)
			}
		}
		if try == 1 || !n.Draft.IsZero() || s.Invoicing != "to invoice" {
			if asked != nil {
				return nil, asked
			}
			return nil, conflict(op, "nothing of the order is left to invoice")
		}
		if asked = o.askForInvoice(ctx, op, id); asked != nil && commerce.KindOf(asked) != commerce.KindInvalid {
			return nil, asked
		}
	}
}

// askForInvoice runs the server's wizard.
func (o *Client) askForInvoice(ctx context.Context, op string, order int64) error {
	with := values{"active_model": "sale.order", "active_ids": []int64{order}}
	var made []int64
	if err := o.do(ctx, call{op: op, model: "sale.advance.payment.inv", method: "create", context: with, write: true, out: &made,
		args: []arg{{"vals_list", []values{{"advance_payment_method": "delivered", "sale_order_ids": []any{[]any{6, 0, []int64{order}}}}}}}}); err != nil {
		return err
	}
	return o.step(ctx, op, "sale.advance.payment.inv", "create_invoices", with, made...)
}

// posting is what an invoice and a credit note have in common; amounts have the sign
// that they have in the ledger.
type posting struct {
	key              string
	date, accounting commerce.Date
	taxes            []erp.TaxAmount
	expected         erp.Totals
	rounding         int
	more             values // to be written on the draft
}

// header is what is written on a draft, corrections aside.
func (p posting) header() values {
	v := values{"ref": p.key, "invoice_date": p.date.String(), "date": p.ledger().String()}
	maps.Copy(v, p.more)
	return v
}

// ledger is the day in the ledger.
func (p posting) ledger() commerce.Date {
	if p.accounting.IsZero() {
		return p.date
	}
	return p.accounting
}

// maxCorrections is how often a draft is corrected that somebody else writes, too.
const maxCorrections = 4

// postInvoice writes key, days and cents on a draft, posts it once nothing is left to be
// corrected, and reads it back; a posted one is compared.
func (o *Client) postInvoice(ctx context.Context, op string, r invoice, p posting) (erp.Invoice, error) {
	i, err := o.invoice(r)
	if err != nil {
		return i, notSent(err)
	}
	if r.State == "posted" {
		return i, sameInvoice(op, i, p)
	}
	if err := o.unlocked(ctx, op, p.ledger()); err != nil {
		return i, notSent(err)
	}
	for try := range maxCorrections {
		w, err := o.corrections(ctx, op, r, i, p)
		if err != nil {
			return i, err
		}
		if try > 0 && w.none() {
			return o.postDraftInvoice(ctx, op, r, p)
		}
		var failed error
		if try == 0 {
			failed = o.writeMove(ctx, op, r.ID, p.header())
		}
		if failed == nil {
			failed = w.write(ctx)
		}
		if failed != nil && commerce.KindOf(failed) != commerce.KindInvalid {
			return i, failed
		}
		if r, err = o.invoiceByID(ctx, op, r.ID); err != nil {
			return i, outcome(err, commerce.Unknown)
		}
		if i, err = o.invoice(r); err != nil {
			return i, outcome(err, commerce.Unknown)
		}
		switch {
		case r.State == "posted": // by a twin
			return i, sameInvoice(op, i, p)
		case failed != nil:
			return i, failed
		}
	}
	return i, conflict(op, "somebody else writes the draft")
}

func (o *Client) postDraftInvoice(ctx context.Context, op string, r invoice, p posting) (erp.Invoice, error) {
	step := o.step(ctx, op, "account.move", "action_post", nil, r.ID)
	if step != nil && commerce.KindOf(step) != commerce.KindInvalid {
		return erp.Invoice{}, step
	}
	r, err := o.invoiceByID(ctx, op, r.ID)
	if err != nil {
		return erp.Invoice{}, outcome(err, commerce.Unknown)
	}
	i, err := o.invoice(r)
	switch {
	case err != nil:
		return i, outcome(err, commerce.Unknown)
	case r.State == "posted":
		return i, sameInvoice(op, i, p)
	case step != nil:
		return i, step
	}
	return i, call{op: op, write: true}.fail(commerce.KindConflict, commerce.Unknown, 0, "the invoice is "+r.State+" after post")
}

func sameInvoice(op string, i erp.Invoice, p posting) error {
	differs := func(text string) error {
		return call{op: op, write: true}.fail(commerce.KindConflict, commerce.Done, 0, text)
	}
	switch {
	case i.Totals.Gross != p.expected.Gross || i.Date != p.date:
		return differs("the document under this key has another total or day")
	case i.Accounting != p.ledger():
		return differs("the document under this key stands in the ledger on " + i.Accounting.String() + ", not " + p.ledger().String())
	case i.Key != p.key:
		return differs("the document was posted under another key")
	}
	return nil
}

func (o *Client) writeMove(ctx context.Context, op string, id int64, v values) error {
	return o.do(ctx, call{op: op, model: "account.move", method: "write", ids: []int64{id}, args: []arg{{"vals", v}}, write: true})
}

// corrections are what has to be written on a draft so that it ends with the shop's
// figures: amounts of tax, and what is left on a line of the rounding product.
type corrections struct {
	o     *Client
	op    string
	draft invoice
	taxes []any // commands
	// settle says that the rounding line is to have this price; line is the one that is
	// there, 0 = none.
	settle bool
	line   int64
	price  commerce.Money
}

func (o *Client) corrections(ctx context.Context, op string, r invoice, i erp.Invoice, p posting) (corrections, error) {
	w := corrections{o: o, op: op, draft: r}
	if p.expected.Gross.Currency() != i.Currency {
		return w, notSent(commerce.Errorf(commerce.KindInvalid, system, op, "Expected is in %s, the invoice in %s", p.expected.Gross.Currency(), i.Currency))
	}
	taxed := 0
	for _, l := range i.Lines {
		taxed += min(len(l.TaxIDs), 1)
	}
	bound := erp.RoundingBound(p.rounding, taxed, i.Currency)
	wrong := &commerce.Error{Kind: commerce.KindInvalid, System: system, Op: op, Outcome: commerce.NotSent,
		Err: &erp.TotalsError{Key: p.key, Expected: p.expected, Got: i.Totals, Bound: bound, ExpectedTaxes: p.taxes, GotTaxes: i.Taxes}}
	within := func(n int64) bool { return max(n, -n) <= bound.Minor() }
	// The lines were read at one moment, the totals at another: a twin may have written
	// between them.
	gross := int64(0)
	for _, l := range r.terms {
		due, err := l.Amount.money(i.Currency)
		if err != nil {
			return w, notSent(err)
		}
		gross += due.Minor()
	}
	if p.taxes != nil {
		want := map[string]int64{}
		for _, x := range p.taxes {
			want[x.TaxID] += x.Amount.Minor()
		}
		for _, x := range i.Taxes {
			diff := want[x.TaxID] - x.Amount.Minor()
			delete(want, x.TaxID)
			if diff == 0 {
				continue
			}
			at := slices.IndexFunc(r.taxes, func(l invoiceLine) bool { return formatID(l.Tax.ID) == x.TaxID })
			if !within(diff) {
				return w, wrong
			}
			if at < 0 {
				continue // the server has no line of a tax that comes to nought: it is settled below
			}
			have, err := r.taxes[at].Amount.money(i.Currency)
			if err != nil {
				return w, notSent(err)
			}
			amount := commerce.MustMoney(have.Minor()-diff, i.Currency)
			w.taxes = append(w.taxes, []any{1, r.taxes[at].ID, values{"amount_currency": number(amountText(amount))}})
			gross += diff
		}
		for _, left := range want {
			if left != 0 {
				return w, wrong
			}
		}
	}
	rest := p.expected.Gross.Minor() - gross
	if rest == 0 {
		return w, nil
	}
	b, err := o.books(ctx)
	if err != nil {
		return w, notSent(err)
	}
	most := bound.Minor() + lostAtMost(i, b.digits("account.move.line", "price_unit", priceDigits))
	at := slices.IndexFunc(i.Lines, func(l erp.InvoiceLine) bool { // an allowance is on the same product
		return l.SKU == o.c.Products.Rounding && len(l.TaxIDs) == 0 && l.Net.Abs().Minor() <= most
	})
	if at >= 0 {
		w.line = r.lines[at].ID
		rest += i.Lines[at].Net.Minor()
	}
	if max(rest, -rest) > most {
		return w, wrong
	}
	if r.isCredit() {
		rest = -rest
	}
	w.settle, w.price = true, commerce.MustMoney(rest, i.Currency)
	return w, nil
}

// lostAtMost is how much of the net amounts the unit prices of an invoice may have lost,
// in minor units: half of a price's last digit for each piece.
func lostAtMost(i erp.Invoice, digits int) (lost int64) {
	for _, l := range i.Lines {
		off := new(big.Rat).Mul(ratOf(l.Quantity.Abs()), new(big.Rat).SetFrac(pow10(i.Currency.Exponent()), pow10(digits)))
		off.Add(off, big.NewRat(1, 1)).Quo(off, big.NewRat(2, 1))
		lost += new(big.Int).Quo(off.Num(), off.Denom()).Int64()
	}
	return lost
}

func (w corrections) none() bool { return !w.settle && w.taxes == nil }

// write writes the rounding line before the taxes: the server computes these anew when
// a line of goods changes.
func (w corrections) write(ctx context.Context) error {
	if w.settle {
		if err := w.writeRounding(ctx); err != nil {
			return err
		}
	}
	if w.taxes == nil {
		return nil
	}
	return w.o.writeMove(ctx, w.op, w.draft.ID, values{"line_ids": w.taxes})
}

// writeRounding changes the rounding line or adds one, under an external id of its own,
// so that there is no second one.
func (w corrections) writeRounding(ctx context.Context) error {
	price := amountText(w.price)
	if w.line != 0 {
		return w.o.writeMove(ctx, w.op, w.draft.ID, values{"invoice_line_ids": []any{[]any{1, w.line, values{"price_unit": number(price)}}}})
	}
	sku := w.o.c.Products.Rounding
	found, err := w.o.products(ctx, []string{sku})
	if err != nil {
		return notSent(err)
	}
	product, ok := found[sku]
	if !ok {
		return notSent(commerce.Errorf(commerce.KindMapping, system, w.op, "no salable product has the SKU %q of Products.Rounding", sku))
	}
	var l sheet
	for _, c := range []struct{ column, text string }{
		{"id", w.o.c.Module + ".rounding_move_" + formatID(w.draft.ID)}, {"move_id/.id", formatID(w.draft.ID)}, {"product_id/.id", formatID(product.id)},
		{"name", "Rounding"}, {"quantity", "1"}, {"price_unit", price}, {"tax_ids/.id", ""},
	} {
		l.set(0, c.column, c.text)
	}
	_, err = w.o.load(ctx, w.op, "account.move.line", l, nil)
	return err
}
