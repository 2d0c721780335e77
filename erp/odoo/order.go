package odoo

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// order is what is read of a sale.order.
type order struct {
	ID        int64   `json:"id"`
	Number    text    `json:"name"`
	Reference text    `json:"client_order_ref"`
	Origin    text    `json:"origin"`
	State     string  `json:"state"` // draft, sent, sale, done (locked, up to 16), cancel
	Net       number  `json:"amount_untaxed"`
	Tax       number  `json:"amount_tax"`
	Total     number  `json:"amount_total"`
	Currency  link    `json:"currency_id"`
	Date      moment  `json:"date_order"`
	Written   moment  `json:"write_date"`
	Lines     []int64 `json:"order_line"`
	Invoices  []int64 `json:"invoice_ids"`
	Delivery  text    `json:"delivery_status"`
	Invoicing text    `json:"invoice_status"`
}

// orderFields are the fields that every version has.
var orderFields = []string{"id", "name", "client_order_ref", "origin", "state", "amount_untaxed", "amount_tax", "amount_total", "currency_id",
	"date_order", "write_date", "order_line", "invoice_ids", "invoice_status"}

// maxTwins bounds how many orders under one key are looked at.
const maxTwins = 50

var orderStates = map[string]erp.OrderState{
	"draft": erp.Draft, "sent": erp.Draft, "sale": erp.Confirmed, "done": erp.Confirmed, "cancel": erp.Cancelled,
}

var deliveryStates = map[text]erp.DeliveryState{
	"": erp.NothingToDeliver, "pending": erp.DeliveryPending, "started": erp.DeliveryPending,
	"partial": erp.DeliveryPartial, "full": erp.DeliveryFull,
}

// order says an order in the port's words.
func (o *Client) order(s order) (erp.Order, error) {
	out := erp.Order{Ref: o.c.Origin.With("order/" + formatID(s.ID)), Number: string(s.Number), Key: string(s.Reference), Name: string(s.Origin),
		State: orderStates[s.State], Delivery: deliveryStates[s.Delivery], Date: commerce.DateOf(s.Date.Time), Changed: s.Written.Time}
	c, err := commerce.ParseCurrency(s.Currency.Label)
	if err != nil {
		return out, err
	}
	out.Currency = c
	switch {
	case out.State == "" || out.Delivery == "":
		return out, commerce.Errorf(commerce.KindInternal, system, "read "+out.Ref.ID, "unknown state %q or delivery %q", s.State, string(s.Delivery))
	case out.State == erp.Confirmed && out.Delivery != erp.DeliveryPending && out.Delivery != erp.DeliveryPartial && s.Invoicing == "invoiced":
		out.State = erp.Done
	}
	for _, f := range []struct {
		to   *commerce.Money
		from number
	}{{&out.Totals.Net, s.Net}, {&out.Totals.Tax, s.Tax}, {&out.Totals.Gross, s.Total}} {
		if *f.to, err = f.from.money(c); err != nil {
			return out, err
		}
	}
	return out, nil
}

// orders reads orders of the company, the oldest first.
func (o *Client) orders(ctx context.Context, op string, limit int, where ...any) ([]order, error) {
	id, err := o.companyID(ctx)
	if err != nil {
		return nil, err
	}
	b, err := o.books(ctx)
	if err != nil {
		return nil, err
	}
	fields := orderFields
	if b.has("sale.order", "delivery_status") {
		fields = append(slices.Clone(fields), "delivery_status")
	}
	var rows []order
	if err := o.searchRead(ctx, op, "sale.order", domain(append(where, clause("company_id", "=", id))...), limit, "id", fields, &rows); err != nil {
		return nil, err
	}
	if !b.has("sale.order", "delivery_status") {
		err = o.deliveries(ctx, op, b, rows)
	}
	return rows, err
}

// deliveries finds out for versions that have no delivery status (before 16).
func (o *Client) deliveries(ctx context.Context, op string, b books, orders []order) error {
	if !b.has("sale.order", "picking_ids") || len(orders) == 0 {
		return nil
	}
	var ids []int64
	for _, s := range orders {
		ids = append(ids, s.ID)
	}
	pickings, err := o.pickings(ctx, op, b, len(ids)*maxTwins, "id", clause("sale_id", "in", ids), clause("state", "!=", "cancel"))
	if err != nil {
		return err
	}
	for i, s := range orders {
		done, open := false, false
		for _, p := range pickings {
			if p.Order.ID == s.ID && p.outgoing() {
				done = done || p.State == "done"
				open = open || p.State != "done"
			}
		}
		switch {
		case done && open:
			orders[i].Delivery = "partial"
		case done:
			orders[i].Delivery = "full"
		case open:
			orders[i].Delivery = "pending"
		}
	}
	return nil
}

// FindOrders returns every order under the reference.
func (o *Client) FindOrders(ctx context.Context, key string) ([]erp.Order, error) {
	return o.found(o.ordersUnder(ctx, "find orders "+key, key))
}

// OrdersByNumber returns every order with this number: "S00017".
func (o *Client) OrdersByNumber(ctx context.Context, number string) ([]erp.Order, error) {
	return o.found(o.ranked(ctx, "find orders by number", clause("name", "=", number)))
}

// OrderByID reads the order with the server's own id: "17".
func (o *Client) OrderByID(ctx context.Context, id string) (erp.Order, error) {
	n, err := parseID(id)
	if err != nil {
		return erp.Order{}, err
	}
	s, err := o.orderByID(ctx, "read order "+id, n)
	if err != nil {
		return erp.Order{}, err
	}
	return o.order(s)
}

// found says a list of orders in the port's words.
func (o *Client) found(orders []order, err error) ([]erp.Order, error) {
	if err != nil {
		return nil, err
	}
	out := make([]erp.Order, len(orders))
	for i, s := range orders {
		if out[i], err = o.order(s); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ordersUnder reads all orders under a key, the one that counts first.
func (o *Client) ordersUnder(ctx context.Context, op, key string) ([]order, error) {
	return o.ranked(ctx, op, clause("client_order_ref", "=", key))
}

// ranked reads all orders that match, the one that counts first.
func (o *Client) ranked(ctx context.Context, op string, where any) ([]order, error) {
	orders, err := o.orders(ctx, op, maxTwins+1, where)
	if err != nil {
		return nil, err
	}
	if len(orders) > maxTwins {
		return nil, commerce.Errorf(commerce.KindLimit, system, op, "more than %d orders under one key or number", maxTwins)
	}
	rank := map[erp.OrderState]int{erp.Confirmed: 0, erp.Draft: 1, erp.Cancelled: 2}
	slices.SortStableFunc(orders, func(a, b order) int { return rank[orderStates[a.State]] - rank[orderStates[b.State]] })
	return orders, nil
}

// FindOrder returns the order under the reference that counts.
func (o *Client) FindOrder(ctx context.Context, key string) (erp.Order, error) {
	op := "find order " + key
	orders, err := o.ordersUnder(ctx, op, key)
	if err != nil {
		return erp.Order{}, err
	}
	if len(orders) == 0 || orders[0].State == "cancel" {
		return erp.Order{}, commerce.Errorf(commerce.KindNotFound, system, op, "no order has this reference")
	}
	return o.order(orders[0])
}

// orderByID reads one order of the company.
func (o *Client) orderByID(ctx context.Context, op string, id int64) (order, error) {
	orders, err := o.orders(ctx, op, 1, clause("id", "=", id))
	if err != nil {
		return order{}, err
	}
	if len(orders) == 0 {
		return order{}, commerce.Errorf(commerce.KindNotFound, system, op, "the order does not exist in this company")
	}
	return orders[0], nil
}

// idOf returns the record id of a ref of this ERP: "order/17" is 17.
func (o *Client) idOf(ref commerce.Ref, what string) (int64, error) {
	text, ok := strings.CutPrefix(ref.ID, what+"/")
	id, err := parseID(text)
	if !ok || err != nil || ref.With("") != o.c.Origin {
		return 0, notSent(commerce.Errorf(commerce.KindInvalid, system, "read "+what, "%s is no %s of %s", ref, what, o.c.Origin.With(what)))
	}
	return id, nil
}

// ConfirmOrder confirms a draft; the server makes its deliveries in the same
// transaction, and writes the moment over the order's date. It would confirm an order
// without lines without complaint, and complains of one that is confirmed: both are
// found out before.
func (o *Client) ConfirmOrder(ctx context.Context, ref commerce.Ref) (erp.Order, error) {
	op := "confirm " + ref.ID
	id, err := o.idOf(ref, "order")
	if err != nil {
		return erp.Order{}, err
	}
	s, err := o.orderByID(ctx, op, id)
	if err != nil {
		return erp.Order{}, notSent(err)
	}
	if orderStates[s.State] == erp.Draft {
		if len(s.Lines) == 0 {
			return erp.Order{}, conflict(op, "the order has no lines")
		}
		err = o.step(ctx, op, "sale.order", "action_confirm", nil, id)
	}
	return o.after(ctx, op, s, err, erp.Confirmed, erp.Done)
}

// CancelOrder cancels an order, its deliveries and its draft invoices, all in one
// transaction. Odoo itself would also cancel an order whose goods are gone, or whose
// invoice is posted.
func (o *Client) CancelOrder(ctx context.Context, ref commerce.Ref) (erp.Order, error) {
	op := "cancel " + ref.ID
	id, err := o.idOf(ref, "order")
	if err != nil {
		return erp.Order{}, err
	}
	s, err := o.orderByID(ctx, op, id)
	if err != nil {
		return erp.Order{}, notSent(err)
	}
	if s.State == "cancel" {
		return o.order(s)
	}
	fixed, err := o.fixed(ctx, op, s)
	if err != nil {
		return erp.Order{}, notSent(err)
	}
	if fixed != "" {
		return erp.Order{}, conflict(op, fixed)
	}
	// Up to 18 the server asks a person first, unless told not to.
	err = o.step(ctx, op, "sale.order", "action_cancel", values{"disable_cancel_warning": true}, id)
	return o.after(ctx, op, s, err, erp.Cancelled)
}

// fixed says why an order is not cancelled any more; empty = it may be.
func (o *Client) fixed(ctx context.Context, op string, s order) (string, error) {
	if orderStates[s.State] == erp.Draft {
		return "", nil
	}
	w, err := o.way(ctx, op, s.ID)
	if err != nil {
		return "", err
	}
	if taken, err := w.taken(); taken || err != nil {
		return "goods of the order are picked, packed or sent", err
	}
	var posted []struct {
		ID int64 `json:"id"`
	}
	if err := o.searchRead(ctx, op, "account.move", domain(clause("id", "in", s.Invoices), clause("state", "=", "posted")),
		1, "id", []string{"id"}, &posted); err != nil {
		return "", err
	}
	if len(posted) > 0 {
		return "an invoice of the order is posted", nil
	}
	return "", nil
}

// after reads the order again after a step and checks that it took. A step that was
// refused may have been made by somebody else at the same moment.
func (o *Client) after(ctx context.Context, op string, before order, step error, want ...erp.OrderState) (erp.Order, error) {
	if step != nil && commerce.KindOf(step) != commerce.KindInvalid {
		return erp.Order{}, step
	}
	s, err := o.orderByID(ctx, op, before.ID)
	if err != nil {
		return erp.Order{}, outcome(err, commerce.Unknown)
	}
	out, err := o.order(s)
	if err != nil {
		return out, outcome(err, commerce.Unknown)
	}
	switch {
	case slices.Contains(want, out.State):
		return out, nil
	case step != nil:
		return out, step
	}
	return out, conflict(op, "the order is "+s.State+" and does not take this step")
}

// WithdrawOrder deletes a draft. The server would delete a cancelled order too, so the
// state is read first; a confirmed one it refuses itself.
func (o *Client) WithdrawOrder(ctx context.Context, ref commerce.Ref) error {
	op := "withdraw " + ref.ID
	id, err := o.idOf(ref, "order")
	if err != nil {
		return err
	}
	s, err := o.orderByID(ctx, op, id)
	switch {
	case errors.Is(err, commerce.ErrNotFound):
		return nil
	case err != nil:
		return notSent(err)
	case s.State != "draft":
		return conflict(op, "the order is "+s.State+", no draft")
	}
	err = o.step(ctx, op, "sale.order", "unlink", nil, id)
	if errors.Is(err, commerce.ErrNotFound) {
		return nil
	}
	return err
}

// conflict is found out before the write.
func conflict(op, text string) error {
	return call{op: op, write: true}.fail(commerce.KindConflict, commerce.NotSent, 0, text)
}
