package odoo

import (
	"context"
	"maps"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// picking is what is read of a stock.picking: a delivery, or a step on the way to one.
type picking struct {
	ID       int64  `json:"id"`
	Number   text   `json:"name"`
	State    string `json:"state"` // draft, waiting (for another step), confirmed (for stock), assigned, done, cancel
	Kind     string `json:"picking_type_code"`
	Order    link   `json:"sale_id"`
	Done     moment `json:"date_done"`
	Written  moment `json:"write_date"`
	Tracking text   `json:"carrier_tracking_ref"`
	URL      text   `json:"carrier_tracking_url"`
	Carrier  link   `json:"carrier_id"`
}

// outgoing reports whether the goods leave the company by it.
func (p picking) outgoing() bool { return p.Kind == "outgoing" || p.Kind == "dropship" }

// inside reports whether it is a step of an order's way out: no return.
func (p picking) inside() bool { return p.Kind != "incoming" }

// move is what is read of a stock.move: one product of a picking.
type move struct {
	Picking  link   `json:"picking_id"`
	State    string `json:"state"`
	Product  link   `json:"product_id"`
	Wanted   number `json:"product_uom_qty"`
	Quantity number `json:"quantity"`              // reserved, and once done what was sent; from 17 on
	Reserved number `json:"reserved_availability"` // up to 16
	Sent     number `json:"quantity_done"`         // up to 16
	Picked   bool   `json:"picked"`                // from 17 on
	Line     link   `json:"sale_line_id"`
}

// pickings reads pickings that match.
func (o *Client) pickings(ctx context.Context, op string, b books, limit int, order string, where ...any) ([]picking, error) {
	if !b.has("sale.order", "picking_ids") {
		return nil, nil
	}
	fields := []string{"id", "name", "state", "picking_type_code", "sale_id", "date_done", "write_date"}
	for _, f := range []string{"carrier_tracking_ref", "carrier_tracking_url", "carrier_id"} {
		if b.has("stock.picking", f) {
			fields = append(fields, f)
		}
	}
	var rows []picking
	err := o.searchRead(ctx, op, "stock.picking", domain(where...), limit, order, fields, &rows)
	return rows, err
}

// moves reads the moves of pickings.
func (o *Client) moves(ctx context.Context, op string, b books, pickings []picking) ([]move, error) {
	if len(pickings) == 0 {
		return nil, nil
	}
	ids := make([]int64, len(pickings))
	for i, p := range pickings {
		ids[i] = p.ID
	}
	fields := []string{"picking_id", "state", "product_id", "product_uom_qty", "sale_line_id"}
	for _, f := range []string{"quantity", "picked", "reserved_availability", "quantity_done"} {
		if b.has("stock.move", f) {
			fields = append(fields, f)
		}
	}
	var rows []move
	err := o.searchRead(ctx, op, "stock.move", domain(clause("picking_id", "in", ids)), o.c.CacheSize, "id", fields, &rows)
	return rows, err
}

// RequestFulfilment reserves stock for every delivery of a confirmed order, as far as
// there is any. A warehouse whose operations reserve by themselves has done so.
func (o *Client) RequestFulfilment(ctx context.Context, ref commerce.Ref) (erp.Fulfilment, error) {
	op := "request fulfilment of " + ref.ID
	id, err := o.idOf(ref, "order")
	if err != nil {
		return erp.Fulfilment{}, err
	}
	s, err := o.orderByID(ctx, op, id)
	if err != nil {
		return erp.Fulfilment{}, notSent(err)
	}
	if orderStates[s.State] != erp.Confirmed {
		return erp.Fulfilment{}, conflict(op, "the order is "+s.State)
	}
	w, err := o.way(ctx, op, id)
	if err != nil {
		return erp.Fulfilment{}, notSent(err)
	}
	if open := w.unreserved(); len(open) > 0 {
		step := o.step(ctx, op, "stock.picking", "action_assign", nil, open...)
		if step != nil && commerce.KindOf(step) != commerce.KindInvalid {
			return erp.Fulfilment{}, step
		}
		// It is refused where nothing is left to reserve: what is there says it.
		if w, err = o.way(ctx, op, id); err != nil {
			return erp.Fulfilment{}, outcome(err, commerce.Done)
		}
	}
	f, err := o.fulfilment(ctx, op, ref, w, true)
	if err != nil {
		return f, outcome(err, commerce.Done)
	}
	return f, nil
}

// Fulfilment reads how far the warehouse is. Odoo does not remember a request that
// found no stock at all: such an order is NotRequested.
func (o *Client) Fulfilment(ctx context.Context, ref commerce.Ref) (erp.Fulfilment, error) {
	op := "read fulfilment of " + ref.ID
	id, err := o.idOf(ref, "order")
	if err != nil {
		return erp.Fulfilment{}, err
	}
	s, err := o.orderByID(ctx, op, id)
	if err != nil {
		return erp.Fulfilment{}, err
	}
	if orderStates[s.State] == erp.Draft {
		return erp.Fulfilment{Order: ref, State: erp.NotRequested}, nil
	}
	w, err := o.way(ctx, op, id)
	if err != nil {
		return erp.Fulfilment{}, err
	}
	return o.fulfilment(ctx, op, ref, w, false)
}

// way is the goods' way out of the warehouse.
type way struct {
	pickings []picking
	moves    map[int64][]move // by picking
}

func (o *Client) way(ctx context.Context, op string, order int64) (w way, err error) {
	b, err := o.books(ctx)
	if err != nil {
		return w, err
	}
	all, err := o.pickings(ctx, op, b, o.c.CacheSize, "id", clause("sale_id", "=", order))
	if err != nil {
		return w, err
	}
	w.pickings = slices.DeleteFunc(all, func(p picking) bool { return !p.inside() })
	moves, err := o.moves(ctx, op, b, w.pickings)
	w.moves = map[int64][]move{}
	for _, m := range moves {
		w.moves[m.Picking.ID] = append(w.moves[m.Picking.ID], m)
	}
	return w, err
}

// taken reports whether anything was taken from the shelf.
func (w way) taken() (bool, error) {
	for _, p := range w.pickings {
		if p.State == "done" {
			return true, nil
		}
		for _, m := range w.moves[p.ID] {
			sent, err := m.Sent.decimal()
			if err != nil || m.Picked || sent.Sign() > 0 {
				return true, err
			}
		}
	}
	return false, nil
}

// open reports whether goods of a picking wait for stock. Those of one that waits for
// another step are counted there.
func (p picking) open() bool {
	return p.State == "draft" || p.State == "confirmed" || p.State == "assigned"
}

// missing is what of a move is not reserved.
func (m move) missing() (commerce.Decimal, bool, error) {
	wanted, err := m.Wanted.decimal()
	if err != nil {
		return wanted, false, err
	}
	held := m.Quantity
	if held == "" {
		held = m.Reserved
	}
	reserved, err := held.decimal()
	if err != nil {
		return wanted, false, err
	}
	left, err := wanted.Sub(reserved)
	return left, reserved.Sign() > 0, err
}

func (m move) over() bool { return m.State == "done" || m.State == "cancel" }

// unreserved are the pickings of which something is not reserved.
func (w way) unreserved() (ids []int64) {
	for _, p := range w.pickings {
		short := slices.ContainsFunc(w.moves[p.ID], func(m move) bool {
			left, _, err := m.missing()
			return !m.over() && (err != nil || left.Sign() > 0)
		})
		if p.open() && short {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// fulfilment sums the pickings of an order up.
func (o *Client) fulfilment(ctx context.Context, op string, ref commerce.Ref, w way, requested bool) (erp.Fulfilment, error) {
	f := erp.Fulfilment{Order: ref, State: erp.NothingToSend}
	short, gone := map[int64]commerce.Decimal{}, map[int64]commerce.Decimal{} // by product
	open, reserved, sent, refused := false, false, false, false
	for _, p := range w.pickings {
		open = open || p.open() || p.State == "waiting"
		sent = sent || p.outgoing() && p.State == "done"
		refused = refused || p.outgoing() && p.State == "cancel"
		for _, m := range w.moves[p.ID] {
			left, held, err := m.missing()
			if err != nil {
				return f, err
			}
			to := short
			switch {
			case p.outgoing() && p.State == "cancel":
				to = gone
			case !p.open() || m.over():
				continue
			}
			reserved = reserved || held
			if left.Sign() > 0 {
				if to[m.Product.ID], err = to[m.Product.ID].Add(left); err != nil {
					return f, err
				}
			}
		}
	}
	var err error
	switch {
	case refused:
		f.State = erp.Refused
		f.Missing, err = o.shortages(ctx, op, gone)
	case len(short) > 0 && !requested && !reserved:
		f.State = erp.NotRequested
	case len(short) > 0:
		f.State = erp.Backordered
		f.Missing, err = o.shortages(ctx, op, short)
	case open:
		f.State = erp.Reserved
	case sent:
		f.State = erp.Sent
	}
	return f, err
}

// shortages says what is missing by SKU.
func (o *Client) shortages(ctx context.Context, op string, products map[int64]commerce.Decimal) ([]erp.Shortage, error) {
	skus, err := o.skus(ctx, op, slices.Sorted(maps.Keys(products)))
	if err != nil {
		return nil, err
	}
	var out []erp.Shortage
	for id, q := range products {
		out = append(out, erp.Shortage{SKU: skus[id], Quantity: q.Trim(0)})
	}
	slices.SortFunc(out, func(a, b erp.Shortage) int {
		if a.SKU < b.SKU {
			return -1
		}
		return 1
	})
	return out, nil
}

// skus reads the SKUs of products, archived ones too.
func (o *Client) skus(ctx context.Context, op string, ids []int64) (map[int64]string, error) {
	var rows []struct {
		ID   int64 `json:"id"`
		Code text  `json:"default_code"`
	}
	if err := o.readAll(ctx, op, "product.product", ids, []string{"id", "default_code"}, &rows); err != nil {
		return nil, err
	}
	out := map[int64]string{}
	for _, r := range rows {
		out[r.ID] = string(r.Code)
	}
	return out, nil
}
