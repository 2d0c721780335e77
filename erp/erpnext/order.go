package erpnext

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// order is what is read of a Sales Order.
type order struct {
	Name      string            `json:"name"`
	Key       string            `json:"po_no"`
	DocStatus int               `json:"docstatus"` // 0 draft, 1 submitted, 2 cancelled
	Status    string            `json:"status"`    // of a submitted one: To Deliver, Completed, Closed …
	Delivery  string            `json:"delivery_status"`
	Company   string            `json:"company"`
	Date      string            `json:"transaction_date"`
	Currency  string            `json:"currency"`
	Net       number            `json:"net_total"`
	Tax       number            `json:"total_taxes_and_charges"`
	Total     number            `json:"grand_total"`
	Modified  string            `json:"modified"`
	Created   string            `json:"creation"`
	Items     []json.RawMessage `json:"items"` // of a document, not of a list
}

var orderFields = []string{"name", "po_no", "docstatus", "status", "delivery_status", "company", "transaction_date", "currency",
	"net_total", "total_taxes_and_charges", "grand_total", "modified", "creation"}

// maxTwins bounds how many orders under one key are looked at.
const maxTwins = 50

func (s order) state() erp.OrderState {
	switch {
	case s.DocStatus == 0:
		return erp.Draft
	case s.DocStatus == 2:
		return erp.Cancelled
	case s.Status == "Completed" || s.Status == "Closed":
		return erp.Done
	}
	return erp.Confirmed
}

func (s order) delivery() erp.DeliveryState {
	switch {
	case s.DocStatus == 2 || s.Delivery == "Not Applicable":
		return erp.NothingToDeliver
	case s.Delivery == "Fully Delivered":
		return erp.DeliveryFull
	case s.Status == "Closed":
		return erp.DeliveryFailed
	case s.Delivery == "Partly Delivered":
		return erp.DeliveryPartial
	}
	return erp.DeliveryPending
}

// order says a Sales Order in the port's words.
func (o *Client) order(s order) (erp.Order, error) {
	out := erp.Order{Ref: o.c.Origin.With("order/" + s.Name), Number: s.Name, Key: s.Key, State: s.state(), Delivery: s.delivery()}
	var err error
	if out.Date, err = day(s.Date); err != nil {
		return out, err
	}
	if out.Changed, err = o.moment(s.Modified); err != nil {
		return out, err
	}
	if out.Currency, err = commerce.ParseCurrency(s.Currency); err != nil {
		return out, err
	}
	for _, f := range []struct {
		to   *commerce.Money
		from number
	}{{&out.Totals.Net, s.Net}, {&out.Totals.Tax, s.Tax}, {&out.Totals.Gross, s.Total}} {
		if *f.to, err = f.from.money(out.Currency); err != nil {
			return out, err
		}
	}
	return out, nil
}

// ordersUnder reads all orders under a key, the one that counts first.
func (o *Client) ordersUnder(ctx context.Context, op, key string) ([]order, error) {
	var rows []order
	if err := o.list(ctx, op, "Sales Order", []any{is("po_no", "=", key), is("company", "=", o.company.name)}, "creation asc", maxTwins+1, orderFields, &rows); err != nil {
		return nil, err
	}
	if len(rows) > maxTwins {
		return nil, commerce.Errorf(commerce.KindLimit, system, op, "more than %d orders under this key", maxTwins)
	}
	rank := map[erp.OrderState]int{erp.Confirmed: 0, erp.Done: 0, erp.Draft: 1, erp.Cancelled: 2}
	slices.SortStableFunc(rows, func(a, b order) int { return rank[a.state()] - rank[b.state()] })
	return rows, nil
}

// FindOrders returns every Sales Order whose po_no is the key.
func (o *Client) FindOrders(ctx context.Context, key string) ([]erp.Order, error) {
	rows, err := o.ordersUnder(ctx, "find orders "+key, key)
	if err != nil {
		return nil, err
	}
	out := make([]erp.Order, len(rows))
	for i, r := range rows {
		if out[i], err = o.order(r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// FindOrder returns the order under the key that counts.
func (o *Client) FindOrder(ctx context.Context, key string) (erp.Order, error) {
	op := "find order " + key
	rows, err := o.ordersUnder(ctx, op, key)
	if err != nil {
		return erp.Order{}, err
	}
	if len(rows) == 0 || rows[0].state() == erp.Cancelled {
		return erp.Order{}, commerce.Errorf(commerce.KindNotFound, system, op, "no order has this key")
	}
	return o.order(rows[0])
}

// orderByName reads one order of the company.
func (o *Client) orderByName(ctx context.Context, op, name string) (order, error) {
	var s order
	if err := o.get(ctx, op, "Sales Order", name, &s); err != nil {
		return s, err
	}
	if s.Company != o.company.name {
		return order{}, commerce.Errorf(commerce.KindNotFound, system, op, "the order does not exist in this company")
	}
	return s, nil
}

// setStatus submits (1) or cancels (2) a document.
func (o *Client) setStatus(ctx context.Context, op, doctype, name string, status int) error {
	return o.update(ctx, op, doctype, name, values{"docstatus": status}, nil)
}

// ConfirmOrder submits a draft. Submitting a submitted one changes nothing.
func (o *Client) ConfirmOrder(ctx context.Context, ref commerce.Ref) (erp.Order, error) {
	op := "confirm " + ref.ID
	name, err := o.idOf(ref, "order")
	if err != nil {
		return erp.Order{}, err
	}
	s, err := o.orderByName(ctx, op, name)
	if err != nil {
		return erp.Order{}, notSent(err)
	}
	if s.DocStatus == 0 {
		if err := o.setStatus(ctx, op, "Sales Order", name, 1); err != nil {
			return erp.Order{}, err
		}
	}
	return o.after(ctx, op, name, 1)
}

// after reads an order again after a step and checks that it took.
func (o *Client) after(ctx context.Context, op, name string, want int) (erp.Order, error) {
	s, err := o.orderByName(ctx, op, name)
	if err != nil {
		return erp.Order{}, outcome(err, commerce.Unknown)
	}
	got, err := o.order(s)
	if err != nil {
		return got, outcome(err, commerce.Unknown)
	}
	if s.DocStatus != want {
		return got, refused(op, commerce.KindConflict, commerce.NotSent, "the order is "+string(got.State)+" and does not take this step")
	}
	return got, nil
}

// CancelOrder cancels an order with the drafts that were made from it. The server
// refuses what is delivered or invoiced; a pick list it would let through.
func (o *Client) CancelOrder(ctx context.Context, ref commerce.Ref) (erp.Order, error) {
	op := "cancel " + ref.ID
	name, err := o.idOf(ref, "order")
	if err != nil {
		return erp.Order{}, err
	}
	s, err := o.orderByName(ctx, op, name)
	if err != nil {
		return erp.Order{}, notSent(err)
	}
	if s.DocStatus == 2 {
		got, err := o.order(s)
		return got, notSent(err)
	}
	drafts, err := o.followers(ctx, op, name)
	if err != nil {
		return erp.Order{}, notSent(err)
	}
	written := false
	for _, d := range drafts {
		if err := o.do(ctx, call{op: op, verb: http.MethodDelete, doctype: d.doctype, name: d.name}); err != nil && !errors.Is(err, commerce.ErrNotFound) {
			return erp.Order{}, halfDone(err, written)
		}
		written = true
	}
	for status := s.DocStatus + 1; status <= 2; status++ {
		if err := o.setStatus(ctx, op, "Sales Order", name, status); err != nil {
			return erp.Order{}, halfDone(err, written)
		}
		written = true
	}
	return o.after(ctx, op, name, 2)
}

// halfDone makes the outcome of a write of several steps unknown after the first.
func halfDone(err error, written bool) error {
	if e, ok := errors.AsType[*commerce.Error](err); ok && written && e.Outcome == commerce.NotSent {
		e.Outcome = commerce.Unknown
	}
	return err
}

// follower is a document that was made from an order.
type follower struct{ doctype, name string }

// followers are the drafts that go with an order. Anything that is more than a draft is
// of kind conflict.
func (o *Client) followers(ctx context.Context, op, name string) ([]follower, error) {
	var out []follower
	for _, from := range []struct{ doctype, row, field string }{
		{"Delivery Note", "Delivery Note Item", "against_sales_order"},
		{"Sales Invoice", "Sales Invoice Item", "sales_order"},
		{"Pick List", "Pick List Item", "sales_order"},
	} {
		var rows []struct {
			Name      string `json:"name"`
			DocStatus int    `json:"docstatus"`
		}
		if err := o.list(ctx, op, from.doctype, []any{[]any{from.row, from.field, "=", name}, is("docstatus", "<", 2)}, "creation asc", o.c.PageSize,
			[]string{"name", "docstatus"}, &rows); err != nil {
			return nil, err
		}
		for _, r := range rows {
			if r.DocStatus == 1 {
				return nil, refused(op, commerce.KindConflict, commerce.NotSent, "a "+from.doctype+" was submitted for the order")
			}
			out = append(out, follower{from.doctype, r.Name})
		}
	}
	return out, nil
}

// WithdrawOrder deletes a draft; the server itself refuses to delete a submitted one.
func (o *Client) WithdrawOrder(ctx context.Context, ref commerce.Ref) error {
	op := "withdraw " + ref.ID
	name, err := o.idOf(ref, "order")
	if err != nil {
		return err
	}
	s, err := o.orderByName(ctx, op, name)
	switch {
	case errors.Is(err, commerce.ErrNotFound):
		return nil
	case err != nil:
		return notSent(err)
	case s.DocStatus != 0:
		return refused(op, commerce.KindConflict, commerce.NotSent, "the order is "+string(s.state())+", no draft")
	}
	return o.do(ctx, call{op: op, verb: http.MethodDelete, doctype: "Sales Order", name: name})
}
