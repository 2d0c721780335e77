package odoo

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// sentPickings reads deliveries of this company's orders that are done.
func (o *Client) sentPickings(ctx context.Context, op string, limit int, order string, where ...any) ([]picking, error) {
	b, err := o.books(ctx)
	if err != nil {
		return nil, err
	}
	company, err := o.companyID(ctx)
	if err != nil {
		return nil, err
	}
	return o.pickings(ctx, op, b, limit, order, append(where, clause("state", "=", "done"), clause("company_id", "=", company),
		clause("picking_type_code", "in", []string{"outgoing", "dropship"}), clause("sale_id", "!=", false))...)
}

// OrderShipments returns the deliveries of an order that are done.
func (o *Client) OrderShipments(ctx context.Context, ref commerce.Ref) ([]commerce.Shipment, error) {
	op := "read shipments of " + ref.ID
	id, err := o.idOf(ref, "order")
	if err != nil {
		return nil, err
	}
	if _, err := o.orderByID(ctx, op, id); err != nil {
		return nil, err
	}
	rows, err := o.sentPickings(ctx, op, o.c.CacheSize, "date_done, id", clause("sale_id", "=", id))
	if err != nil {
		return nil, err
	}
	return o.assemble(ctx, op, rows)
}

// Shipment reads one delivery that is done.
func (o *Client) Shipment(ctx context.Context, ref commerce.Ref) (commerce.Shipment, error) {
	op := "read " + ref.ID
	id, err := o.idOf(ref, "shipment")
	if err != nil {
		return commerce.Shipment{}, err
	}
	rows, err := o.sentPickings(ctx, op, 1, "id", clause("id", "=", id))
	if err != nil {
		return commerce.Shipment{}, err
	}
	out, err := o.assemble(ctx, op, rows)
	if err != nil {
		return commerce.Shipment{}, err
	}
	if len(out) == 0 {
		return commerce.Shipment{}, commerce.Errorf(commerce.KindNotFound, system, op, "no such shipment was sent for an order of this company")
	}
	return out[0], nil
}

// cursor is how far the list of deliveries was read. Odoo shows the time of the last
// write in seconds and keeps it finer, so a second is read as a whole: either with all
// its neighbours, or, where it fills a page alone, by id.
type cursor struct {
	At     time.Time `json:"at"`               // everything before this second was read
	Within bool      `json:"within,omitempty"` // inside the second of At,
	ID     int64     `json:"id,omitempty"`     // which was read up to this id
	Until  time.Time `json:"until,omitzero"`   // in the middle of a run: where the next one starts at the latest
}

// Shipments walks the deliveries that are done by the second of their last write. A
// transaction may end after a later one, so a run that reached the end goes back by Lag.
func (o *Client) Shipments(ctx context.Context, since erp.Cursor) (erp.ShipmentPage, error) {
	op := "read shipments"
	var at cursor
	if since != "" {
		if err := json.Unmarshal([]byte(since), &at); err != nil {
			return erp.ShipmentPage{}, commerce.Errorf(commerce.KindInvalid, system, op, "the cursor is not one of ours")
		}
	}
	start := o.c.Now()
	rows, next, more, err := o.page(ctx, op, at)
	if err != nil {
		return erp.ShipmentPage{}, err
	}
	if next.Until.IsZero() {
		next.Until = o.serverNow().Add(-o.c.Now().Sub(start) - o.c.Lag).UTC().Truncate(time.Second)
	}
	if !more {
		switch {
		case !next.At.Before(next.Until):
			next.At = next.Until
		case len(rows) > 0:
			next.At = next.At.Add(time.Second) // that second is over
		}
		next.Until = time.Time{}
	}
	text, err := json.Marshal(next)
	if err != nil {
		return erp.ShipmentPage{}, commerce.Errorf(commerce.KindInternal, system, op, "%w", err)
	}
	p := erp.ShipmentPage{Next: erp.Cursor(text), More: more}
	p.Shipments, err = o.assemble(ctx, op, rows)
	return p, err
}

// page reads a page of deliveries and says where the next one starts.
func (o *Client) page(ctx context.Context, op string, at cursor) (rows []picking, next cursor, more bool, err error) {
	if at.Within {
		return o.second(ctx, op, at)
	}
	var where []any
	if !at.At.IsZero() {
		where = []any{clause("write_date", ">=", moment{at.At}.String())}
	}
	rows, err = o.sentPickings(ctx, op, o.c.PageSize, "write_date, id", where...)
	if err != nil || len(rows) == 0 {
		return nil, at, false, err
	}
	next = at
	next.At = rows[len(rows)-1].Written.Time
	if len(rows) < o.c.PageSize {
		return rows, next, false, nil
	}
	if rows[0].Written.Equal(next.At) {
		next.Within = true
		return o.second(ctx, op, next)
	}
	// The last second may go on: it is left to the next page.
	rows = slices.DeleteFunc(rows, func(p picking) bool { return !p.Written.Before(next.At) })
	return rows, next, true, nil
}

// second reads a page of one second, by id.
func (o *Client) second(ctx context.Context, op string, at cursor) (rows []picking, next cursor, more bool, err error) {
	end := at.At.Add(time.Second)
	rows, err = o.sentPickings(ctx, op, o.c.PageSize, "id", clause("write_date", ">=", moment{at.At}.String()),
		clause("write_date", "<", moment{end}.String()), clause("id", ">", at.ID))
	if len(rows) < o.c.PageSize {
		return rows, cursor{At: end, Until: at.Until}, true, err
	}
	next = at
	next.ID = rows[len(rows)-1].ID
	return rows, next, true, err
}

// assemble reads moves, orders and products of deliveries, each in one call.
func (o *Client) assemble(ctx context.Context, op string, rows []picking) ([]commerce.Shipment, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	b, err := o.books(ctx)
	if err != nil {
		return nil, err
	}
	moves, err := o.moves(ctx, op, b, rows)
	if err != nil {
		return nil, err
	}
	var productIDs, orderIDs []int64
	for _, m := range moves {
		productIDs = append(productIDs, m.Product.ID)
	}
	for _, p := range rows {
		orderIDs = append(orderIDs, p.Order.ID)
	}
	slices.Sort(productIDs)
	slices.Sort(orderIDs)
	skus, err := o.skus(ctx, op, slices.Compact(productIDs))
	if err != nil {
		return nil, err
	}
	var orders []struct {
		ID  int64 `json:"id"`
		Key text  `json:"client_order_ref"`
	}
	if err := o.readAll(ctx, op, "sale.order", slices.Compact(orderIDs), []string{"id", "client_order_ref"}, &orders); err != nil {
		return nil, err
	}
	keys := map[int64]string{}
	for _, s := range orders {
		keys[s.ID] = string(s.Key)
	}
	out := make([]commerce.Shipment, 0, len(rows))
	for _, p := range rows {
		s := commerce.Shipment{Ref: o.c.Origin.With("shipment/" + formatID(p.ID)), Number: string(p.Number),
			Order: o.c.Origin.With("order/" + formatID(p.Order.ID)), Key: keys[p.Order.ID], Sent: p.Done.Time}
		if s.Sent.IsZero() {
			s.Sent = p.Written.Time
		}
		if p.Tracking != "" {
			s.Parcels = []commerce.Parcel{{Carrier: p.Carrier.Label, Tracking: string(p.Tracking), URL: string(p.URL)}}
		}
		for _, m := range moves {
			if m.Picking.ID != p.ID || m.State != "done" || m.Line.ID == 0 {
				continue
			}
			sent := m.Quantity
			if sent == "" {
				sent = m.Sent
			}
			q, err := sent.decimal()
			if err != nil {
				return nil, err
			}
			s.Lines = append(s.Lines, commerce.ShipmentLine{OrderLine: "line/" + formatID(m.Line.ID), SKU: skus[m.Product.ID], Quantity: q})
		}
		out = append(out, s)
	}
	return out, nil
}
