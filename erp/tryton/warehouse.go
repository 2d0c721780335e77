package tryton

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// shipment is what is read of a stock.shipment.out.
type shipment struct {
	ID        int64   `json:"id"`
	Number    string  `json:"number"`
	State     string  `json:"state"` // draft, waiting, assigned, picked, packed, done, cancelled
	Effective date    `json:"effective_date"`
	Written   moment  `json:"write_date"`
	Outgoing  []int64 `json:"outgoing_moves"`
	Inventory []int64 `json:"inventory_moves"`
	Packages  []int64 `json:"packages"`
}

var shipmentFields = []string{"id", "number", "state", "effective_date", "write_date", "outgoing_moves", "inventory_moves"}

// move is what is read of a stock.move.
type move struct {
	ID       int64    `json:"id"`
	State    string   `json:"state"` // staging, draft, assigned, done, cancelled
	Quantity quantity `json:"quantity"`
	Origin   string   `json:"origin"` // "sale.line,5" on outgoing moves
	Product  struct {
		Code string `json:"code"`
	} `json:"product."`
}

var moveFields = []string{"id", "state", "quantity", "origin", "product.code"}

// RequestFulfilment reserves stock for every shipment of a confirmed sale, as far
// as there is any. A server with a queue of its own may not have made the shipments
// yet: then it is told to.
func (t *Client) RequestFulfilment(ctx context.Context, ref commerce.Ref) (erp.Fulfilment, error) {
	op := "request fulfilment of " + ref.ID
	id, err := t.idOf(ref, "order")
	if err != nil {
		return erp.Fulfilment{}, err
	}
	s, err := t.saleByID(ctx, op, id)
	if err != nil {
		return erp.Fulfilment{}, notSent(err)
	}
	switch s.state() {
	case erp.Confirmed, erp.Done:
	default:
		return erp.Fulfilment{}, call{op: op, write: true}.fail(commerce.KindConflict, commerce.NotSent, 0, "the sale is "+s.State)
	}
	if s.State == "confirmed" {
		if err := t.step(ctx, op, "process", id); err != nil {
			return erp.Fulfilment{}, err
		}
	}
	shipments, err := t.shipmentsOf(ctx, op, id)
	if err != nil {
		return erp.Fulfilment{}, notSent(err)
	}
	changed := false
	for _, sh := range shipments {
		steps := map[string][]string{"draft": {"wait", "assign_try"}, "waiting": {"assign_try"}}[sh.State]
		for _, method := range steps {
			// assign_try answers whether everything could be reserved; the moves say more.
			if err := t.do(ctx, call{op: op, method: "model.stock.shipment.out." + method, params: []any{[]int64{sh.ID}}, write: true}); err != nil {
				return erp.Fulfilment{}, err
			}
			changed = true
		}
	}
	if changed {
		if shipments, err = t.shipmentsOf(ctx, op, id); err != nil {
			return erp.Fulfilment{}, outcome(err, commerce.Done)
		}
	}
	f, err := t.fulfilment(ctx, op, ref, shipments, true)
	if err != nil {
		return f, outcome(err, commerce.Done)
	}
	return f, nil
}

// Fulfilment reads how far the warehouse is. Tryton does not remember a request
// that found no stock at all: such an order is NotRequested.
func (t *Client) Fulfilment(ctx context.Context, ref commerce.Ref) (erp.Fulfilment, error) {
	op := "read fulfilment of " + ref.ID
	id, err := t.idOf(ref, "order")
	if err != nil {
		return erp.Fulfilment{}, err
	}
	s, err := t.saleByID(ctx, op, id)
	if err != nil {
		return erp.Fulfilment{}, err
	}
	if s.State == "confirmed" || s.state() == erp.Draft {
		// Its shipments are still to be made.
		return erp.Fulfilment{Order: ref, State: erp.NotRequested}, nil
	}
	shipments, err := t.shipmentsOf(ctx, op, id)
	if err != nil {
		return erp.Fulfilment{}, err
	}
	return t.fulfilment(ctx, op, ref, shipments, false)
}

// shipmentsOf reads the shipments of a sale.
func (t *Client) shipmentsOf(ctx context.Context, op string, saleID int64) ([]shipment, error) {
	var sales []struct {
		Shipments []int64 `json:"shipments"`
	}
	if err := t.read(ctx, op, "sale.sale", []int64{saleID}, []string{"shipments"}, &sales); err != nil {
		return nil, err
	}
	if len(sales) == 0 || len(sales[0].Shipments) == 0 {
		return nil, nil
	}
	fields, err := t.shipmentFields(ctx)
	if err != nil {
		return nil, err
	}
	var out []shipment
	if err := t.read(ctx, op, "stock.shipment.out", sales[0].Shipments, fields, &out); err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b shipment) int { return int(a.ID - b.ID) })
	return out, nil
}

// shipmentFields adds the packages where the server has the module for them.
func (t *Client) shipmentFields(ctx context.Context) ([]string, error) {
	b, err := t.books(ctx)
	if err != nil || !b.modules["stock_package_shipping"] {
		return shipmentFields, err
	}
	return append(slices.Clone(shipmentFields), "packages"), nil
}

// fulfilment sums the shipments of an order up.
func (t *Client) fulfilment(ctx context.Context, op string, ref commerce.Ref, shipments []shipment, requested bool) (erp.Fulfilment, error) {
	f := erp.Fulfilment{Order: ref, State: erp.NothingToSend}
	var open, cancelled []int64 // moves
	waiting, sent, refused := false, false, false
	for _, sh := range shipments {
		switch sh.State {
		case "draft", "waiting":
			waiting = true
			open = append(open, sh.Inventory...)
		case "assigned", "picked", "packed":
			f.State = erp.Reserved
		case "done":
			sent = true
		case "cancelled":
			refused = true
			cancelled = append(cancelled, sh.Outgoing...)
		}
	}
	var err error
	switch {
	case refused:
		f.State = erp.Refused
		f.Missing, _, err = t.shortages(ctx, op, cancelled, "cancelled")
	case waiting:
		var reserved bool
		f.Missing, reserved, err = t.shortages(ctx, op, open, "draft")
		f.State = erp.Backordered
		if !requested && !reserved {
			f.State, f.Missing = erp.NotRequested, nil
		}
	case f.State == erp.Reserved:
	case sent:
		f.State = erp.Sent
	}
	return f, err
}

// shortages sums the moves in a state by SKU, and reports whether any is assigned.
func (t *Client) shortages(ctx context.Context, op string, moves []int64, state string) (out []erp.Shortage, reserved bool, err error) {
	var rows []move
	if err := t.readAll(ctx, op, "stock.move", moves, moveFields, &rows); err != nil {
		return nil, false, err
	}
	sums := map[string]commerce.Decimal{}
	for _, m := range rows {
		reserved = reserved || m.State == "assigned"
		if m.State != state {
			continue
		}
		q, err := m.Quantity.decimal()
		if err != nil {
			return nil, false, err
		}
		if sums[m.Product.Code], err = sums[m.Product.Code].Add(q); err != nil {
			return nil, false, err
		}
	}
	for _, sku := range slices.Sorted(maps.Keys(sums)) {
		out = append(out, erp.Shortage{SKU: sku, Quantity: sums[sku]})
	}
	return out, reserved, nil
}

// readAll reads records by id; no ids make no call.
func (t *Client) readAll(ctx context.Context, op, model string, ids []int64, fields []string, out any) error {
	if len(ids) == 0 {
		return nil
	}
	return t.read(ctx, op, model, ids, fields, out)
}

// OrderShipments returns the shipments of an order that are done.
func (t *Client) OrderShipments(ctx context.Context, ref commerce.Ref) ([]commerce.Shipment, error) {
	op := "read shipments of " + ref.ID
	id, err := t.idOf(ref, "order")
	if err != nil {
		return nil, err
	}
	if _, err := t.saleByID(ctx, op, id); err != nil {
		return nil, err
	}
	all, err := t.shipmentsOf(ctx, op, id)
	if err != nil {
		return nil, err
	}
	done := slices.DeleteFunc(all, func(s shipment) bool { return s.State != "done" })
	out, err := t.assemble(ctx, op, done)
	return slices.DeleteFunc(out, func(s commerce.Shipment) bool { return s.Order != ref }), err
}

// Shipment reads one shipment that is done.
func (t *Client) Shipment(ctx context.Context, ref commerce.Ref) (commerce.Shipment, error) {
	op := "read " + ref.ID
	id, err := t.idOf(ref, "shipment")
	if err != nil {
		return commerce.Shipment{}, err
	}
	rows, err := t.doneShipments(ctx, op, []any{clause("id", "=", id)}, 1)
	if err != nil {
		return commerce.Shipment{}, err
	}
	out, err := t.assemble(ctx, op, rows)
	if err != nil {
		return commerce.Shipment{}, err
	}
	if len(out) == 0 {
		return commerce.Shipment{}, commerce.Errorf(commerce.KindNotFound, system, op, "no such shipment was sent for an order of this company")
	}
	return out[0], nil
}

func (t *Client) doneShipments(ctx context.Context, op string, domain []any, limit int) ([]shipment, error) {
	company, err := t.companyID(ctx)
	if err != nil {
		return nil, err
	}
	fields, err := t.shipmentFields(ctx)
	if err != nil {
		return nil, err
	}
	var rows []shipment
	err = t.searchRead(ctx, op, "stock.shipment.out", append(domain, clause("state", "=", "done"), clause("company", "=", company)),
		limit, []any{[]any{"write_date", "ASC"}, []any{"id", "ASC"}}, fields, &rows)
	return rows, err
}

// cursor is how far the list of shipments was read: by the server's own time of the
// last write and the id. Until, in the middle of a run, is where the next run
// starts at the latest.
type cursor struct {
	At    time.Time `json:"at"`
	ID    int64     `json:"id"`
	Until time.Time `json:"until,omitzero"`
}

// Shipments walks the shipments that are done by write date and id. A transaction
// may end after a later one, so a run that reached the end goes back by Lag.
func (t *Client) Shipments(ctx context.Context, since erp.Cursor) (erp.ShipmentPage, error) {
	op := "read shipments"
	var at cursor
	if since != "" {
		if err := json.Unmarshal([]byte(since), &at); err != nil {
			return erp.ShipmentPage{}, commerce.Errorf(commerce.KindInvalid, system, op, "the cursor is not one of ours")
		}
	}
	var domain []any
	if !at.At.IsZero() {
		w := moment{at.At}
		domain = []any{[]any{"OR", clause("write_date", ">", w), []any{clause("write_date", "=", w), clause("id", ">", at.ID)}}}
	}
	start := t.c.Now()
	rows, err := t.doneShipments(ctx, op, domain, t.c.PageSize)
	if err != nil {
		return erp.ShipmentPage{}, err
	}
	if at.Until.IsZero() {
		at.Until = t.serverNow().Add(-t.c.Now().Sub(start) - t.c.Lag).UTC().Truncate(time.Microsecond)
	}
	p := erp.ShipmentPage{More: len(rows) == t.c.PageSize}
	next := at
	if len(rows) > 0 {
		last := rows[len(rows)-1]
		next.At, next.ID = last.Written.Time, last.ID
	}
	if !p.More {
		if next.At.After(next.Until) {
			next.At, next.ID = next.Until, 0
		}
		next.Until = time.Time{}
	}
	text, err := json.Marshal(next)
	if err != nil {
		return erp.ShipmentPage{}, commerce.Errorf(commerce.KindInternal, system, op, "%w", err)
	}
	p.Next = erp.Cursor(text)
	p.Shipments, err = t.assemble(ctx, op, rows)
	return p, err
}

// assemble reads moves, sale lines and packages of shipments, each in one call. A
// shipment for several sales becomes one for each; what no sale asked for is left out.
func (t *Client) assemble(ctx context.Context, op string, rows []shipment) ([]commerce.Shipment, error) {
	var moveIDs, packageIDs, lineIDs []int64
	for _, s := range rows {
		moveIDs = append(moveIDs, s.Outgoing...)
		packageIDs = append(packageIDs, s.Packages...)
	}
	var moves []move
	if err := t.readAll(ctx, op, "stock.move", moveIDs, moveFields, &moves); err != nil {
		return nil, err
	}
	moveByID := map[int64]move{}
	for _, m := range moves {
		moveByID[m.ID] = m
		if id, ok := saleLineOf(m); ok {
			lineIDs = append(lineIDs, id)
		}
	}
	slices.Sort(lineIDs)
	var lines []struct {
		ID   int64 `json:"id"`
		Sale struct {
			ID        int64  `json:"id"`
			Reference string `json:"reference"`
		} `json:"sale."`
	}
	if err := t.readAll(ctx, op, "sale.line", slices.Compact(lineIDs), []string{"id", "sale.reference"}, &lines); err != nil {
		return nil, err
	}
	saleOf := map[int64]int64{}
	keyOf := map[int64]string{}
	for _, l := range lines {
		saleOf[l.ID], keyOf[l.Sale.ID] = l.Sale.ID, l.Sale.Reference
	}
	var packages []struct {
		ID       int64  `json:"id"`
		Tracking string `json:"shipping_reference"`
		URL      string `json:"shipping_tracking_url"`
	}
	if err := t.readAll(ctx, op, "stock.package", packageIDs, []string{"id", "shipping_reference", "shipping_tracking_url"}, &packages); err != nil {
		return nil, err
	}
	parcelOf := map[int64]commerce.Parcel{}
	for _, p := range packages {
		if p.Tracking != "" {
			parcelOf[p.ID] = commerce.Parcel{Tracking: p.Tracking, URL: p.URL}
		}
	}

	var out []commerce.Shipment
	for _, s := range rows {
		bySale := map[int64]*commerce.Shipment{}
		for _, id := range s.Outgoing {
			m := moveByID[id]
			lineID, ok := saleLineOf(m)
			if !ok || m.State != "done" || saleOf[lineID] == 0 {
				continue
			}
			q, err := m.Quantity.decimal()
			if err != nil {
				return nil, err
			}
			sh := bySale[saleOf[lineID]]
			if sh == nil {
				sh = t.newShipment(s, saleOf[lineID], keyOf[saleOf[lineID]])
				for _, p := range s.Packages {
					if parcel, ok := parcelOf[p]; ok {
						sh.Parcels = append(sh.Parcels, parcel)
					}
				}
				bySale[saleOf[lineID]] = sh
			}
			sh.Lines = append(sh.Lines, commerce.ShipmentLine{OrderLine: "line/" + formatID(lineID), SKU: m.Product.Code, Quantity: q})
		}
		for _, id := range slices.Sorted(maps.Keys(bySale)) {
			out = append(out, *bySale[id])
		}
	}
	return out, nil
}

// newShipment says a shipment in the root's words. Tryton keeps the day on which
// goods left and not the hour: Sent is that midnight in UTC, which stays the same when
// a shipment is written again; no later than the last write, where the company's day
// has begun before UTC's.
func (t *Client) newShipment(s shipment, saleID int64, key string) *commerce.Shipment {
	d := s.Effective
	sent := time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC)
	if d.IsZero() || sent.After(s.Written.Time) {
		sent = s.Written.Time
	}
	return &commerce.Shipment{Ref: t.c.Origin.With("shipment/" + formatID(s.ID)), Number: s.Number,
		Order: t.c.Origin.With("order/" + formatID(saleID)), Key: key, Sent: sent}
}

// saleLineOf returns the sale line that a move is for.
func saleLineOf(m move) (int64, bool) {
	text, ok := strings.CutPrefix(m.Origin, "sale.line,")
	id, err := parseID(text)
	return id, ok && err == nil
}
