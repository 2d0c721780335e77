package tryton

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// sale is what is read of a sale.
type sale struct {
	ID            int64  `json:"id"`
	Number        string `json:"number"`
	Reference     string `json:"reference"`
	State         string `json:"state"`
	ShipmentState string `json:"shipment_state"`
	Net           number `json:"untaxed_amount"`
	Tax           number `json:"tax_amount"`
	Total         number `json:"total_amount"`
	Date          date   `json:"sale_date"`
	Created       moment `json:"create_date"`
	Written       moment `json:"write_date"`
	Timestamp     string `json:"_timestamp"`
	Company       int64  `json:"company"`
	Currency      struct {
		Code string `json:"code"`
	} `json:"currency."`
}

var saleFields = []string{"id", "number", "reference", "state", "shipment_state", "untaxed_amount", "tax_amount",
	"total_amount", "sale_date", "create_date", "write_date", "_timestamp", "company", "currency.code"}

// maxTwins bounds how many sales under one key are looked at.
const maxTwins = 50

var orderStates = map[string]erp.OrderState{
	"draft": erp.Draft, "quotation": erp.Draft, "confirmed": erp.Confirmed, "processing": erp.Confirmed,
	"done": erp.Done, "cancelled": erp.Cancelled,
}

var deliveryStates = map[string]erp.DeliveryState{
	"none": erp.NothingToDeliver, "waiting": erp.DeliveryPending, "sent": erp.DeliveryFull, "exception": erp.DeliveryFailed,
}

// order says a sale in the port's words.
func (t *Client) order(s sale) (erp.Order, error) {
	o := erp.Order{Ref: t.c.Origin.With("order/" + formatID(s.ID)), Number: s.Number, Key: s.Reference,
		State: orderStates[s.State], Delivery: deliveryStates[s.ShipmentState], Date: s.Date.Date, Changed: s.Written.Time}
	if o.Changed.IsZero() {
		o.Changed = s.Created.Time
	}
	c, err := commerce.ParseCurrency(s.Currency.Code)
	if err != nil {
		return o, err
	}
	o.Currency = c
	if o.State == "" {
		return o, commerce.Errorf(commerce.KindInternal, system, "read "+o.Ref.ID, "unknown state %q", s.State)
	}
	for _, f := range []struct {
		to   *commerce.Money
		from number
	}{{&o.Totals.Net, s.Net}, {&o.Totals.Tax, s.Tax}, {&o.Totals.Gross, s.Total}} {
		if *f.to, err = f.from.money(c); err != nil {
			return o, err
		}
	}
	return o, nil
}

// FindOrders returns every sale under the reference; returns, which copy it, are left out.
func (t *Client) FindOrders(ctx context.Context, key string) ([]erp.Order, error) {
	sales, err := t.sales(ctx, "find orders "+key, key)
	if err != nil {
		return nil, err
	}
	out := make([]erp.Order, len(sales))
	for i, s := range sales {
		if out[i], err = t.order(s); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// sales reads all sales under a key, the one that counts first.
func (t *Client) sales(ctx context.Context, op, key string) ([]sale, error) {
	id, err := t.companyID(ctx)
	if err != nil {
		return nil, err
	}
	var sales []sale
	err = t.searchRead(ctx, op, "sale.sale", []any{clause("reference", "=", key), clause("company", "=", id), clause("origin", "=", nil)},
		maxTwins+1, byID, saleFields, &sales)
	if err != nil {
		return nil, err
	}
	if len(sales) > maxTwins {
		return nil, commerce.Errorf(commerce.KindLimit, system, op, "more than %d sales under this key", maxTwins)
	}
	rank := map[erp.OrderState]int{erp.Confirmed: 0, erp.Done: 0, erp.Draft: 1, erp.Cancelled: 2}
	slices.SortStableFunc(sales, func(a, b sale) int { return rank[orderStates[a.State]] - rank[orderStates[b.State]] })
	return sales, nil
}

// FindOrder returns the sale under the reference that counts.
func (t *Client) FindOrder(ctx context.Context, key string) (erp.Order, error) {
	s, err := t.counting(ctx, "find order "+key, key)
	if err != nil {
		return erp.Order{}, err
	}
	if s == nil {
		return erp.Order{}, commerce.Errorf(commerce.KindNotFound, system, "find order "+key, "no sale has this reference")
	}
	return t.order(*s)
}

// counting returns the first sale under the key that is not cancelled, or nil.
func (t *Client) counting(ctx context.Context, op, key string) (*sale, error) {
	sales, err := t.sales(ctx, op, key)
	if err != nil || len(sales) == 0 || sales[0].State == "cancelled" {
		return nil, err
	}
	return &sales[0], nil
}

// CreateOrder makes the sale, lines and rounding line in one call, marked with the
// key as its reference. The call is one transaction: there is no half sale. What
// the server computed is read back; where it differs from what was foreseen, the
// rounding line of the draft is corrected.
func (t *Client) CreateOrder(ctx context.Context, n erp.NewOrder) (erp.Order, error) {
	if err := n.Validate(); err != nil {
		return erp.Order{}, err
	}
	op := "create order " + n.Key
	lines, b, err := t.price(ctx, op, n)
	if err != nil {
		return erp.Order{}, err
	}
	s, err := t.counting(ctx, op, n.Key)
	if err != nil {
		return erp.Order{}, notSent(err)
	}
	if s == nil {
		if s, err = t.createSale(ctx, op, n, lines, b); err != nil {
			return erp.Order{}, err
		}
	}
	return t.settle(ctx, op, n, lines, b, *s)
}

// price says the lines in Tryton's terms. Nothing is written yet.
func (t *Client) price(ctx context.Context, op string, n erp.NewOrder) ([]priced, books, error) {
	skus := []string{t.c.Products.Rounding}
	for _, l := range n.Lines {
		skus = append(skus, t.c.Products.sku(l))
	}
	found, err := t.products(ctx, skus)
	if err != nil {
		return nil, books{}, notSent(err)
	}
	b, err := t.books(ctx)
	if err != nil {
		return nil, books{}, notSent(err)
	}
	unmapped := func(format string, args ...any) error {
		return notSent(commerce.Errorf(commerce.KindMapping, system, op, format, args...))
	}
	lines := make([]priced, len(n.Lines))
	for i, l := range n.Lines {
		sku := t.c.Products.sku(l)
		p, ok := found[sku]
		if !ok {
			return nil, b, unmapped("Lines[%d]: no salable product has the SKU %q", i, sku)
		}
		lines[i] = priced{OrderLine: l, product: p, taxes: make([]int64, len(l.TaxIDs))}
		for k, text := range l.TaxIDs {
			id, err := parseID(text)
			if _, ok := b.taxes[id]; err != nil || !ok {
				return nil, b, unmapped("Lines[%d]: the company has no tax %q", i, text)
			}
			lines[i].taxes[k] = id
		}
		price(&lines[i])
	}
	return lines, b, nil
}

// createSale makes the sale and reads back what counts under its key: where a twin
// was made at the same moment, everybody agrees on one, and this call takes its own
// draft away again.
func (t *Client) createSale(ctx context.Context, op string, n erp.NewOrder, lines []priced, b books) (*sale, error) {
	header, err := t.header(ctx, op, n)
	if err != nil {
		return nil, notSent(err)
	}
	records := make([]values, 0, len(lines)+1)
	for _, l := range lines {
		v := values{"type": "line", "product": l.product.id, "unit": l.product.unit,
			"quantity": quantityOf(l.Quantity), "unit_price": l.unitText(), "description": l.Text}
		if len(l.taxes) > 0 {
			v["taxes"] = []any{add(l.taxes...)[0]}
		}
		records = append(records, v)
	}
	if got, _, ok := foresee(n.Currency, lines, b); ok {
		diff := n.Expected.Gross.Minor() - got.Gross.Minor()
		if diff != 0 && within(diff, n, lines) {
			rounding, err := t.roundingLine(ctx, op, commerce.MustMoney(diff, n.Currency))
			if err != nil {
				return nil, notSent(err)
			}
			records = append(records, rounding)
		}
	}
	header["lines"] = create(records...)
	var ids []int64
	if err := t.do(ctx, call{op: op, method: "model.sale.sale.create", params: []any{[]values{header}}, write: true, out: &ids}); err != nil {
		return nil, err
	}
	made := call{op: op, write: true}
	if len(ids) != 1 {
		return nil, made.fail(commerce.KindInternal, commerce.Done, 0, "create answered without an id")
	}
	s, err := t.counting(ctx, op, n.Key)
	if err != nil {
		return nil, outcome(err, commerce.Done)
	}
	if s == nil {
		return nil, made.fail(commerce.KindConflict, commerce.Done, 0, "the sale was taken away or cancelled right after it was made")
	}
	if s.ID != ids[0] {
		if err := t.WithdrawOrder(ctx, t.c.Origin.With("order/"+formatID(ids[0]))); err != nil {
			return nil, outcome(err, commerce.Done)
		}
	}
	return s, nil
}

// header says everything of the order but its lines.
func (t *Client) header(ctx context.Context, op string, n erp.NewOrder) (values, error) {
	company, err := t.companyID(ctx)
	if err != nil {
		return nil, err
	}
	currency, err := t.currencyID(ctx, n.Currency)
	if err != nil {
		return nil, err
	}
	if currency == 0 {
		return nil, commerce.Errorf(commerce.KindMapping, system, op, "the ERP has no currency %s", n.Currency)
	}
	v := values{"reference": n.Key, "company": company, "currency": currency, "sale_date": date{n.Date}}
	shipTo := n.Customer.Shipping
	if shipTo == "" {
		shipTo = n.Customer.Billing
	}
	for _, f := range []struct{ field, id string }{{"party", n.Customer.Party}, {"invoice_address", n.Customer.Billing},
		{"shipment_address", shipTo}, {"warehouse", n.Warehouse}, {"payment_term", t.c.PaymentTerm}} {
		if f.id == "" {
			continue
		}
		if v[f.field], err = parseID(f.id); err != nil {
			return nil, commerce.Errorf(commerce.KindInvalid, system, op, "%s: %w", f.field, err)
		}
	}
	var comment []string
	if n.Text != "" {
		comment = append(comment, n.Text)
	}
	for _, p := range n.Payments {
		comment = append(comment, p.String())
	}
	if len(comment) > 0 {
		v["comment"] = strings.Join(comment, "\n")
	}
	return v, nil
}

// within reports whether a difference may be settled: the order's bound, and what
// the unit prices could not hold on top.
func within(diff int64, n erp.NewOrder, lines []priced) bool {
	return max(diff, -diff) <= n.RoundingBound().Minor()+lost(lines)
}

// roundingLine is the one explicit line that settles a difference, without tax.
func (t *Client) roundingLine(ctx context.Context, op string, diff commerce.Money) (values, error) {
	sku := t.c.Products.Rounding
	found, err := t.products(ctx, []string{sku})
	if err != nil {
		return nil, err
	}
	p, ok := found[sku]
	if !ok {
		return nil, commerce.Errorf(commerce.KindMapping, system, op, "no salable product has the SKU %q of Products.Rounding", sku)
	}
	return values{"type": "line", "product": p.id, "unit": p.unit, "quantity": quantity("1.0"),
		"unit_price": number(diff.Text()), "description": "Rounding"}, nil
}

// settle compares the sale with the expected total and corrects the rounding line
// of a draft. The write is guarded by the sale's timestamp: one that comes late finds
// another and is refused.
func (t *Client) settle(ctx context.Context, op string, n erp.NewOrder, lines []priced, b books, s sale) (erp.Order, error) {
	o, err := t.order(s)
	if err != nil {
		return o, outcome(err, commerce.Done)
	}
	if o.Currency != n.Currency {
		return o, call{op: op, write: true}.fail(commerce.KindConflict, commerce.Done, 0, "the sale under this key is in "+string(o.Currency)+", not "+string(n.Currency))
	}
	for try := 0; o.Totals.Gross != n.Expected.Gross; try++ {
		there, settled, err := t.roundingLines(ctx, op, s, n.Currency)
		if err != nil {
			return o, outcome(err, commerce.Done)
		}
		diff := n.Expected.Gross.Minor() - o.Totals.Gross.Minor() + settled.Minor()
		if s.State != "draft" || try == 1 || len(there) > 1 || !within(diff, n, lines) {
			return o, totalsError(op, n, lines, b, o, settled)
		}
		if err := t.writeRounding(ctx, op, s, there, commerce.MustMoney(diff, n.Currency)); err != nil {
			return o, err
		}
		if s, err = t.saleByID(ctx, op, s.ID); err != nil {
			return o, outcome(err, commerce.Done)
		}
		if o, err = t.order(s); err != nil {
			return o, outcome(err, commerce.Done)
		}
	}
	return o, nil
}

// roundingLines reads the lines on the rounding product and their sum.
func (t *Client) roundingLines(ctx context.Context, op string, s sale, c commerce.Currency) ([]saleLine, commerce.Money, error) {
	var lines []saleLine
	sum := commerce.Zero(c)
	err := t.searchRead(ctx, op, "sale.line", []any{clause("sale", "=", s.ID), clause("product.code", "=", t.c.Products.Rounding)},
		2, byID, []string{"id", "amount"}, &lines)
	for _, l := range lines {
		var amount commerce.Money
		if err == nil {
			amount, err = l.Amount.money(c)
		}
		if err == nil {
			sum, err = sum.Add(amount)
		}
	}
	return lines, sum, err
}

type saleLine struct {
	ID     int64  `json:"id"`
	Amount number `json:"amount"`
}

// writeRounding makes, changes or removes the rounding line of a draft.
func (t *Client) writeRounding(ctx context.Context, op string, s sale, there []saleLine, diff commerce.Money) error {
	var command []any
	switch {
	case len(there) == 1 && diff.IsZero():
		command = []any{"delete", []int64{there[0].ID}}
	case len(there) == 1:
		command = []any{"write", []int64{there[0].ID}, values{"unit_price": number(diff.Text())}}
	default:
		line, err := t.roundingLine(ctx, op, diff)
		if err != nil {
			return outcome(err, commerce.Done)
		}
		command = []any{"create", []values{line}}
	}
	return t.do(ctx, call{op: op, method: "model.sale.sale.write", write: true,
		params:  []any{[]int64{s.ID}, values{"lines": []any{command}}},
		context: values{"_timestamp": map[string]string{"sale.sale," + formatID(s.ID): s.Timestamp}}})
}

func totalsError(op string, n erp.NewOrder, lines []priced, b books, o erp.Order, settled commerce.Money) error {
	got := o.Totals
	got.Gross = commerce.MustMoney(got.Gross.Minor()-settled.Minor(), n.Currency)
	got.Net = commerce.MustMoney(got.Net.Minor()-settled.Minor(), n.Currency)
	_, taxes, _ := foresee(n.Currency, lines, b)
	bound := commerce.MustMoney(n.RoundingBound().Minor()+lost(lines), n.Currency)
	return &commerce.Error{Kind: commerce.KindInvalid, System: system, Op: op, Outcome: commerce.Done,
		Err: &erp.TotalsError{Key: n.Key, Expected: n.Expected, Got: got, Bound: bound, ExpectedTaxes: n.Taxes, GotTaxes: taxes}}
}

// saleByID reads one sale of the company.
func (t *Client) saleByID(ctx context.Context, op string, id int64) (sale, error) {
	company, err := t.companyID(ctx)
	if err != nil {
		return sale{}, err
	}
	var sales []sale
	if err := t.searchRead(ctx, op, "sale.sale", []any{clause("id", "=", id), clause("company", "=", company)}, 1, byID, saleFields, &sales); err != nil {
		return sale{}, err
	}
	if len(sales) == 0 {
		return sale{}, commerce.Errorf(commerce.KindNotFound, system, op, "the sale does not exist in this company")
	}
	return sales[0], nil
}

// idOf returns the record id of a ref of this ERP: "order/17" is 17.
func (t *Client) idOf(ref commerce.Ref, what string) (int64, error) {
	text, ok := strings.CutPrefix(ref.ID, what+"/")
	id, err := parseID(text)
	if !ok || err != nil || ref.With("") != t.c.Origin {
		return 0, notSent(commerce.Errorf(commerce.KindInvalid, system, "read "+what, "%s is no %s of %s", ref, what, t.c.Origin.With(what)))
	}
	return id, nil
}

// step calls a transition of a sale. Called in a state that does not allow it,
// Tryton does nothing and says nothing; the caller reads the state afterwards.
func (t *Client) step(ctx context.Context, op, method string, id int64) error {
	return t.do(ctx, call{op: op, method: "model.sale.sale." + method, params: []any{[]int64{id}}, write: true})
}

// ConfirmOrder quotes and confirms; the server goes on to process by itself, unless
// it has a queue of its own. Each step does nothing where it is done already.
func (t *Client) ConfirmOrder(ctx context.Context, ref commerce.Ref) (erp.Order, error) {
	op := "confirm " + ref.ID
	id, err := t.idOf(ref, "order")
	if err != nil {
		return erp.Order{}, err
	}
	s, err := t.saleByID(ctx, op, id)
	if err != nil {
		return erp.Order{}, notSent(err)
	}
	for _, method := range map[string][]string{"draft": {"quote", "confirm"}, "quotation": {"confirm"}, "confirmed": {"process"}}[s.State] {
		if err := t.step(ctx, op, method, id); err != nil {
			return erp.Order{}, err
		}
	}
	return t.after(ctx, op, s, erp.Confirmed, erp.Done)
}

// CancelOrder cancels a draft. Once it is processed Tryton cancels no sale: its
// shipments and invoice come first, which is for a person to decide.
func (t *Client) CancelOrder(ctx context.Context, ref commerce.Ref) (erp.Order, error) {
	op := "cancel " + ref.ID
	id, err := t.idOf(ref, "order")
	if err != nil {
		return erp.Order{}, err
	}
	s, err := t.saleByID(ctx, op, id)
	if err != nil {
		return erp.Order{}, notSent(err)
	}
	if orderStates[s.State] == erp.Draft {
		if err := t.step(ctx, op, "cancel", id); err != nil {
			return erp.Order{}, err
		}
	}
	return t.after(ctx, op, s, erp.Cancelled)
}

// after reads the sale again after a step and checks that it took.
func (t *Client) after(ctx context.Context, op string, before sale, want ...erp.OrderState) (erp.Order, error) {
	s, err := t.saleByID(ctx, op, before.ID)
	if err != nil {
		return erp.Order{}, outcome(err, commerce.Unknown)
	}
	o, err := t.order(s)
	if err != nil {
		return o, outcome(err, commerce.Unknown)
	}
	if !slices.Contains(want, o.State) {
		return o, call{op: op, write: true}.fail(commerce.KindConflict, commerce.NotSent, 0, "the sale is "+s.State+" and does not take this step")
	}
	return o, nil
}

// WithdrawOrder deletes a draft. The server would cancel and delete a quotation
// too, so the state is read first, and the timestamp guards the moment between.
func (t *Client) WithdrawOrder(ctx context.Context, ref commerce.Ref) error {
	op := "withdraw " + ref.ID
	id, err := t.idOf(ref, "order")
	if err != nil {
		return err
	}
	s, err := t.saleByID(ctx, op, id)
	switch {
	case errors.Is(err, commerce.ErrNotFound):
		return nil
	case err != nil:
		return notSent(err)
	case s.State != "draft":
		return call{op: op, write: true}.fail(commerce.KindConflict, commerce.NotSent, 0, "the sale is "+s.State+", no draft")
	}
	return t.do(ctx, call{op: op, method: "model.sale.sale.delete", params: []any{[]int64{id}}, write: true,
		context: values{"_timestamp": map[string]string{"sale.sale," + formatID(id): s.Timestamp}}})
}

// outcome states what the write as a whole did where one of its reads failed.
func outcome(err error, o commerce.Outcome) error {
	if e, ok := errors.AsType[*commerce.Error](err); ok && e.Outcome == "" {
		e.Outcome = o
		return err
	}
	if _, ok := errors.AsType[*commerce.Error](err); ok {
		return err
	}
	return &commerce.Error{Kind: commerce.KindOf(err), System: system, Outcome: o, Err: err}
}

func notSent(err error) error { return outcome(err, commerce.NotSent) }
