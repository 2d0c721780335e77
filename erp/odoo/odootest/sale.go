package odootest

import (
	"math/big"
	"slices"
)

// taxables are the lines of an order as its totals are computed, in the order of lines.
func (t *transaction) taxables(lines []record) []*taxable {
	out := make([]*taxable, len(lines))
	for i, l := range lines {
		discount := sub(big.NewRat(1, 1), mul(rat(l["discount"]), big.NewRat(1, 100)))
		quantity := rat(l["product_uom_qty"])
		out[i] = &taxable{raw: mul(mul(rat(l["price_unit"]), quantity), discount), count: quantity, taxes: t.taxesOf(l["tax_ids"])}
	}
	return out
}

func (t *transaction) linesOf(order int64) []record {
	return slices.DeleteFunc(t.db.where("sale.order.line", "order_id", order), func(l record) bool { return !falsy(l["display_type"]) })
}

func (t *transaction) orderBill(order record) (bill, []*taxable) {
	lines := t.taxables(t.linesOf(order.id()))
	return charge(lines, t.digits(order["currency_id"]), t.perLine(order["company_id"])), lines
}

// confirm sets the date to now and makes the delivery; an order without lines passes.
func (t *transaction) confirm(want []int64) (any, error) {
	for _, id := range want {
		o := t.db.get("sale.order", id)
		if o["state"] != "draft" && o["state"] != "sent" {
			return nil, userError("Some orders are not in a state requiring confirmation.")
		}
		t.db.update("sale.order", id, record{"state": "sale", "date_order": t.moment()})
		for _, l := range t.linesOf(id) {
			t.db.update("sale.order.line", l.id(), record{"state": "sale"})
			if err := t.procure(l, rat(l["product_uom_qty"])); err != nil {
				return nil, err
			}
		}
	}
	return true, nil
}

// cancelOrder cancels the order and what was not delivered of it; what was stays.
func (t *transaction) cancelOrder(want []int64) (any, error) {
	for _, id := range want {
		if t.db.get("sale.order", id)["locked"] == true {
			return nil, userError("You cannot cancel a locked order. Please unlock it first.")
		}
	}
	for _, id := range want {
		t.db.update("sale.order", id, record{"state": "cancel"})
		for _, p := range t.db.where("stock.picking", "sale_id", id) {
			if p["state"] != "done" {
				if _, err := t.cancelPicking([]int64{p.id()}); err != nil {
					return nil, err
				}
			}
		}
		for _, m := range t.invoicesOf(id) {
			if m["state"] == "draft" {
				t.db.update("account.move", m.id(), record{"state": "cancel"})
			}
		}
	}
	return true, nil
}

func (t *transaction) draftOrder(want []int64) (any, error) {
	for _, id := range want {
		if s := t.db.get("sale.order", id)["state"]; s == "cancel" || s == "sent" {
			t.db.update("sale.order", id, record{"state": "draft"})
		}
	}
	return true, nil
}

func (t *transaction) lockOrder(want []int64) (any, error) { return t.setLocked(want, true) }

func (t *transaction) unlockOrder(want []int64) (any, error) { return t.setLocked(want, false) }

func (t *transaction) setLocked(want []int64, locked bool) (any, error) {
	for _, id := range want {
		t.db.update("sale.order", id, record{"locked": locked})
	}
	return nil, nil
}

// changedLine puts the open delivery right after a quantity of a confirmed order was
// changed.
func (t *transaction) changedLine(l record, before *big.Rat) error {
	if o := t.db.get("sale.order", ref(l["order_id"])); o["state"] != "sale" {
		return nil
	}
	return t.procure(l, sub(rat(l["product_uom_qty"]), before))
}

// delivered is what went out of a line, less what came back.
func (t *transaction) delivered(line int64) *big.Rat {
	sum := new(big.Rat)
	for _, m := range t.db.where("stock.move", "sale_line_id", line) {
		if m["state"] != "done" {
			continue
		}
		if t.db.get("stock.picking", ref(m["picking_id"]))["picking_type_code"] == "incoming" {
			sum = sub(sum, rat(m["quantity"]))
		} else {
			sum = add(sum, rat(m["quantity"]))
		}
	}
	return sum
}

func (t *transaction) deliveryStatus(order record) any {
	open, done, gone := 0, 0, 0
	for _, p := range t.db.where("stock.picking", "sale_id", order.id()) {
		switch p["state"] {
		case "cancel":
			gone++
		case "done":
			done++
		default:
			open++
		}
	}
	some := slices.ContainsFunc(t.linesOf(order.id()), func(l record) bool { return t.delivered(l.id()).Sign() != 0 })
	switch {
	case open == 0 && done == 0:
		return nil
	case open == 0:
		return "full"
	case done > 0 && some:
		return "partial"
	case done > 0:
		return "started"
	}
	return "pending"
}

// toInvoice is what of a line may be invoiced now.
func (t *transaction) toInvoice(l record) *big.Rat {
	quantity := rat(l["product_uom_qty"])
	if t.db.get("product.product", ref(l["product_id"]))["invoice_policy"] == "delivery" {
		quantity = t.delivered(l.id())
	}
	return sub(quantity, t.invoiced(l.id()))
}

func (t *transaction) invoiceStatus(order record) any {
	if order["state"] != "sale" {
		return "no"
	}
	lines := t.linesOf(order.id())
	if slices.ContainsFunc(lines, func(l record) bool { return t.toInvoice(l).Sign() != 0 }) {
		return "to invoice"
	}
	if len(lines) > 0 && !slices.ContainsFunc(lines, func(l record) bool { return t.invoiced(l.id()).Cmp(rat(l["product_uom_qty"])) < 0 }) {
		return "invoiced"
	}
	return "no"
}
