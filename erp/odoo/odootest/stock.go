package odootest

import (
	"math/big"
	"slices"
)

// procure adds a quantity of a line to the order's open delivery, or takes it away; it
// makes the delivery where there is none.
func (t *transaction) procure(l record, quantity *big.Rat) error {
	if t.db.get("product.product", ref(l["product_id"]))["type"] != "consu" || quantity.Sign() == 0 {
		return nil
	}
	order := t.db.get("sale.order", ref(l["order_id"]))
	var open record
	for _, p := range t.db.where("stock.picking", "sale_id", order.id()) {
		if p["state"] != "done" && p["state"] != "cancel" && p["picking_type_code"] == "outgoing" {
			open = p
		}
	}
	switch {
	case quantity.Sign() < 0:
		return t.reduce(l, neg(quantity))
	case open == nil:
		n := t.db.insert("stock.picking", record{"name": t.db.number("WH/OUT/%05d", "WH/OUT"), "state": "confirmed", "origin": order["name"],
			"sale_id": order.id(), "partner_id": order["partner_shipping_id"], "scheduled_date": t.moment(), "picking_type_code": "outgoing",
			"company_id": order["company_id"]})
		open = t.db.get("stock.picking", n)
	}
	// More of a line is added to what is to be sent of it already.
	for _, m := range t.movesOf(open.id()) {
		if m["sale_line_id"] == l.id() && m["state"] != "cancel" && m["picked"] != true {
			t.db.update("stock.move", m.id(), record{"product_uom_qty": add(rat(m["product_uom_qty"]), quantity), "state": "confirmed"})
			return t.reserveAtOnce(open.id())
		}
	}
	t.db.insert("stock.move", record{"name": text(l["name"]), "state": "confirmed", "picking_id": open.id(), "product_id": l["product_id"],
		"product_uom_qty": quantity, "quantity": new(big.Rat), "picked": false, "sale_line_id": l.id(), "origin": order["name"],
		"product_uom": int64(1), "company_id": order["company_id"], "sequence": int64(10), "date": t.moment()})
	return t.reserveAtOnce(open.id())
}

// reserveAtOnce reserves unless the warehouse leaves that to people.
func (t *transaction) reserveAtOnce(picking int64) error {
	if !t.server.c.ManualReservation {
		return t.reserve(picking)
	}
	t.pickingState(picking)
	return nil
}

// reduce takes a quantity of a line away from what is not delivered.
func (t *transaction) reduce(l record, quantity *big.Rat) error {
	for _, m := range t.db.where("stock.move", "sale_line_id", l.id()) {
		if m["state"] == "done" || m["state"] == "cancel" || quantity.Sign() <= 0 {
			continue
		}
		have := rat(m["product_uom_qty"])
		less := quantity
		if have.Cmp(less) < 0 {
			less = have
		}
		quantity = sub(quantity, less)
		t.release(m)
		next := record{"product_uom_qty": sub(have, less), "quantity": new(big.Rat), "state": "confirmed"}
		if have.Cmp(less) == 0 {
			next["state"] = "cancel"
		}
		t.db.update("stock.move", m.id(), next)
		if err := t.reserveAtOnce(ref(m["picking_id"])); err != nil {
			return err
		}
	}
	return nil
}

func (t *transaction) movesOf(picking int64) []record {
	return t.db.where("stock.move", "picking_id", picking)
}

// reserve takes what is in stock for the open moves of a picking.
func (t *transaction) reserve(picking int64) error {
	for _, m := range t.movesOf(picking) {
		if m["state"] != "confirmed" && m["state"] != "partially_available" {
			continue
		}
		need := sub(rat(m["product_uom_qty"]), rat(m["quantity"]))
		take, p := need, t.db.get("product.product", ref(m["product_id"]))
		if p["is_storable"] == true {
			if free := rat(p["stock"]); free.Cmp(take) < 0 {
				take = free
			}
			if take.Sign() < 0 {
				take = new(big.Rat)
			}
			t.db.update("product.product", p.id(), record{"stock": sub(rat(p["stock"]), take)})
		}
		have := add(rat(m["quantity"]), take)
		state := "partially_available"
		switch {
		case have.Cmp(rat(m["product_uom_qty"])) >= 0:
			state = "assigned"
		case have.Sign() == 0:
			state = "confirmed"
		}
		t.db.update("stock.move", m.id(), record{"quantity": have, "state": state})
	}
	t.pickingState(picking)
	return nil
}

// release gives back what a move had reserved.
func (t *transaction) release(m record) {
	if p := t.db.get("product.product", ref(m["product_id"])); p["is_storable"] == true && m["state"] != "done" && m["state"] != "cancel" {
		t.db.update("product.product", p.id(), record{"stock": add(rat(p["stock"]), rat(m["quantity"]))})
	}
}

// pickingState derives the state of a picking from its moves: "assigned" as soon as
// anything is reserved.
func (t *transaction) pickingState(picking int64) {
	state := "cancel"
	open, some := false, false
	for _, m := range t.movesOf(picking) {
		switch m["state"] {
		case "cancel":
		case "done":
			state = "done"
		default:
			open = true
			some = some || m["state"] == "assigned" || m["state"] == "partially_available"
		}
	}
	switch {
	case open && some:
		state = "assigned"
	case open:
		state = "confirmed"
	}
	if t.db.get("stock.picking", picking)["state"] != state {
		t.db.update("stock.picking", picking, record{"state": state})
	}
}

func (t *transaction) assign(want []int64) (any, error) {
	for _, id := range want {
		moves := slices.DeleteFunc(t.movesOf(id), func(m record) bool { return m["state"] == "done" || m["state"] == "cancel" })
		if len(moves) == 0 {
			return nil, userError("Nothing to check the availability for.")
		}
		if err := t.reserve(id); err != nil {
			return nil, err
		}
	}
	return true, nil
}

func (t *transaction) unreserve(want []int64) (any, error) {
	for _, id := range want {
		for _, m := range t.movesOf(id) {
			if m["state"] == "assigned" || m["state"] == "partially_available" {
				t.release(m)
				t.db.update("stock.move", m.id(), record{"quantity": new(big.Rat), "state": "confirmed", "picked": false})
			}
		}
		t.pickingState(id)
	}
	return nil, nil
}

func (t *transaction) cancelPicking(want []int64) (any, error) {
	for _, id := range want {
		for _, m := range t.movesOf(id) {
			if m["state"] == "done" {
				return nil, userError("You cannot cancel a stock move that has been set to 'Done'. Create a return in order to reverse the moves which took place.")
			}
			if m["state"] != "cancel" {
				t.release(m)
				t.db.update("stock.move", m.id(), record{"state": "cancel", "quantity": new(big.Rat)})
			}
		}
		t.db.update("stock.picking", id, record{"state": "cancel"})
	}
	return true, nil
}

// validate sends what is picked, or, where nobody picked, all that is reserved. If that
// is not everything it asks what to do with the rest, and has done nothing.
func (t *transaction) validate(want []int64) (any, error) {
	for _, id := range want {
		moves := slices.DeleteFunc(t.movesOf(id), func(m record) bool { return m["state"] == "done" || m["state"] == "cancel" })
		picked := slices.ContainsFunc(moves, func(m record) bool { return m["picked"] == true && rat(m["quantity"]).Sign() > 0 })
		rest := false
		for _, m := range moves {
			goes := rat(m["quantity"])
			if picked && m["picked"] != true {
				goes = new(big.Rat)
			}
			rest = rest || goes.Cmp(rat(m["product_uom_qty"])) < 0
		}
		if !picked && !slices.ContainsFunc(moves, func(m record) bool { return rat(m["quantity"]).Sign() > 0 }) {
			return nil, userError("You cannot validate a transfer if no quantities are reserved. To force the transfer, encode quantities.")
		}
		if rest && t.context["skip_backorder"] != true {
			return map[string]any{"name": "Create Backorder?", "type": "ir.actions.act_window", "view_mode": "form",
				"res_model": "stock.backorder.confirmation", "views": []any{[]any{int64(938), "form"}}, "view_id": int64(938), "target": "new",
				"context": map[string]any{"button_validate_picking_ids": anyIDs(want), "default_show_transfers": false,
					"default_pick_ids": []any{[]any{int64(4), id}}}}, nil
		}
		t.send(id, moves, picked, slices.Contains(ids(t.context["picking_ids_not_to_backorder"]), id))
	}
	return true, nil
}

// send carries out a delivery; what does not go waits in one of its own, or is
// cancelled.
func (t *transaction) send(id int64, moves []record, picked, noBackorder bool) {
	p := t.db.get("stock.picking", id)
	var waiting []int64
	for _, m := range moves {
		goes, need := rat(m["quantity"]), rat(m["product_uom_qty"])
		if picked && m["picked"] != true {
			goes = new(big.Rat)
		}
		if goes.Sign() == 0 {
			waiting = append(waiting, m.id())
			continue
		}
		if goes.Cmp(need) < 0 {
			twin := record{}
			for name := range schema["stock.move"] {
				if f := schema["stock.move"][name]; !f.computed && f.kind != one2many {
					twin[name] = m[name]
				}
			}
			twin["product_uom_qty"], twin["quantity"], twin["state"], twin["picked"] = sub(need, goes), new(big.Rat), "confirmed", false
			waiting = append(waiting, t.db.insert("stock.move", twin))
		}
		t.db.update("stock.move", m.id(), record{"state": "done", "picked": true, "product_uom_qty": goes, "date": t.moment()})
	}
	if len(waiting) > 0 {
		next := id
		if !noBackorder {
			twin := record{}
			for name := range schema["stock.picking"] {
				if f := schema["stock.picking"][name]; !f.computed && f.kind != one2many {
					twin[name] = p[name]
				}
			}
			twin["name"], twin["backorder_id"], twin["carrier_tracking_ref"] = t.db.number("WH/OUT/%05d", "WH/OUT"), id, nil
			next = t.db.insert("stock.picking", twin)
		}
		for _, m := range waiting {
			if noBackorder {
				t.release(t.db.get("stock.move", m))
				t.db.update("stock.move", m, record{"state": "cancel", "quantity": new(big.Rat)})
			} else {
				t.db.update("stock.move", m, record{"picking_id": next})
			}
		}
		if !noBackorder {
			_ = t.reserveAtOnce(next)
		}
	}
	t.db.update("stock.picking", id, record{"state": "done", "date_done": t.moment()})
	if order := ref(p["sale_id"]); order != 0 {
		t.db.update("sale.order", order, record{})
	}
}
