package trytontest

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/commercesync/commerce"
)

const out = "stock.shipment.out"

// shipmentsOf finds the shipments with moves from a sale's lines.
func (t *transaction) shipmentsOf(sale record) []int64 {
	var found []int64
	for _, l := range t.db.where("sale.line", "sale", sale.id()) {
		for _, m := range t.db.where("stock.move", "origin", fmt.Sprintf("sale.line,%d", l.id())) {
			if id, ok := m["shipment"].(int64); ok && !slices.Contains(found, id) {
				found = append(found, id)
			}
		}
	}
	slices.Sort(found)
	return found
}

func (t *transaction) shipmentState(sale record) string {
	state := "none"
	for _, id := range t.shipmentsOf(sale) {
		switch t.db.get(out, id)["state"] {
		case "cancelled":
			if !t.ignored(id) {
				return "exception"
			}
			if state == "none" {
				state = "sent" // 6.0.29 says so of what is not to be sent again
			}
		case "done":
			if state == "none" {
				state = "sent"
			}
		default:
			state = "waiting"
		}
	}
	return state
}

// ignored reports whether no goods of a cancelled shipment are to be sent again.
func (t *transaction) ignored(shipment int64) bool {
	moves, _ := t.db.get(out, shipment)["outgoing_moves"].([]int64)
	for _, id := range moves {
		var line int64
		origin, _ := t.db.get("stock.move", id)["origin"].(string)
		if n, _ := fmt.Sscanf(origin, "sale.line,%d", &line); n != 1 {
			return false
		}
		if skipped, _ := t.db.get("sale.line", line)["moves_ignored"].([]int64); !slices.Contains(skipped, id) {
			return false
		}
	}
	return true
}

func (t *transaction) moves(shipment record, name string) []record {
	list, _ := shipment[name].([]int64)
	rows := make([]record, len(list))
	for i, id := range list {
		rows[i] = t.db.get("stock.move", id)
	}
	return rows
}

// setMoves writes a state on all moves of a shipment, and touches the sales that
// they come from.
func (t *transaction) setMoves(shipment record, state string) {
	sales := map[int64]bool{}
	for _, name := range []string{"outgoing_moves", "inventory_moves"} {
		for _, m := range t.moves(shipment, name) {
			t.db.update("stock.move", m.id(), record{"state": state})
			if id, ok := t.saleOf(m); ok {
				sales[id] = true
			}
		}
	}
	for id := range sales {
		t.db.update("sale.sale", id, record{})
	}
}

// saleOf finds the sale that a move comes from.
func (t *transaction) saleOf(m record) (int64, bool) {
	origin, _ := m["origin"].(string)
	var line int64
	if n, _ := fmt.Sscanf(origin, "sale.line,%d", &line); n != 1 || t.db.get("sale.line", line) == nil {
		return 0, false
	}
	return t.db.get("sale.line", line)["sale"].(int64), true
}

func (t *transaction) wait(want []int64) (any, error) {
	return t.each(out, want, "draft", func(r record) error {
		t.db.update(out, r.id(), record{"state": "waiting"})
		return nil
	})
}

// assign reserves what is in stock, and splits a move of which there is a part. It
// answers whether everything was there.
func (t *transaction) assign(want []int64) (any, error) {
	complete := true
	_, err := t.each(out, want, "waiting", func(r record) error {
		moves, _ := r["inventory_moves"].([]int64)
		moves = slices.Clone(moves)
		all := true
		for _, m := range t.moves(r, "inventory_moves") {
			if m["state"] != "draft" {
				continue
			}
			id := m["product"].(int64)
			product := t.db.get("product.product", id)
			have, need := new(big.Rat).SetInt64(product["stock"].(int64)), rat(m["quantity"])
			take := need
			if have.Cmp(need) < 0 {
				all, take = false, have
			}
			if take.Sign() <= 0 {
				continue
			}
			left := new(big.Rat).Sub(have, take)
			t.db.update("product.product", id, record{"stock": left.Num().Int64()})
			t.db.update("stock.move", m.id(), record{"state": "assigned", "quantity": float(take)})
			if rest := new(big.Rat).Sub(need, take); rest.Sign() > 0 {
				moves = append(moves, t.db.insert("stock.move", record{"state": "draft", "quantity": float(rest), "product": id}))
			}
		}
		v := record{"inventory_moves": moves}
		if all {
			v["state"] = "assigned"
		}
		complete = complete && all
		t.db.update(out, r.id(), v)
		return nil
	})
	return complete, err
}

func (t *transaction) pick(want []int64) (any, error) {
	return t.each(out, want, "assigned", func(r record) error {
		for _, m := range t.moves(r, "inventory_moves") {
			t.db.update("stock.move", m.id(), record{"state": "done"})
		}
		t.db.update(out, r.id(), record{"state": "picked"})
		return nil
	})
}

// pack warns that there is no carrier, until the user has said to go on.
func (t *transaction) pack(want []int64) (any, error) {
	return t.each(out, want, "picked", func(r record) error {
		name := fmt.Sprintf("shipment_out_no_carrier_%s.%s,%d", "stock", "shipment.out", r.id())
		skip := t.db.where("res.user.warning", "name", name)
		if len(skip) == 0 {
			return userWarning{name, fmt.Sprintf("The shipment \"%s\" does not have a carrier set.", r["number"])}
		}
		t.db.remove("res.user.warning", skip[0].id())
		t.db.update(out, r.id(), record{"state": "packed"})
		for _, p := range t.db.where("stock.package", "shipment", fmt.Sprintf("%s,%d", out, r.id())) {
			t.db.update("stock.package", p.id(), record{"state": "closed"})
		}
		return nil
	})
}

func (t *transaction) done(want []int64) (any, error) {
	return t.each(out, want, "packed", func(r record) error {
		t.setMoves(r, "done")
		t.db.update(out, r.id(), record{"state": "done", "effective_date": commerce.DateOf(t.db.now())})
		return nil
	})
}

func (t *transaction) cancelShipment(want []int64) (any, error) {
	return t.each(out, want, "draft waiting assigned picked", func(r record) error {
		for _, m := range t.moves(r, "inventory_moves") {
			if m["state"] == "assigned" { // what was reserved is free again
				id := m["product"].(int64)
				free := new(big.Rat).Add(new(big.Rat).SetInt64(t.db.get("product.product", id)["stock"].(int64)), rat(m["quantity"]))
				t.db.update("product.product", id, record{"stock": free.Num().Int64()})
			}
		}
		t.setMoves(r, "cancelled")
		t.db.update(out, r.id(), record{"state": "cancelled"})
		return nil
	})
}
