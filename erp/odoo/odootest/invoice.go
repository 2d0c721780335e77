package odootest

import (
	"math/big"
	"slices"
)

// invoiceLinesOf are the lines of invoices and credit notes that invoice a line of an
// order.
func (t *transaction) invoiceLinesOf(line int64) []record {
	return t.db.where("account.move.line", "sale_line_id", line)
}

func (t *transaction) invoicesOf(order int64) []record {
	var out []record
	for _, l := range t.linesOf(order) {
		for _, x := range t.invoiceLinesOf(l.id()) {
			m := t.db.get("account.move", ref(x["move_id"]))
			if !slices.ContainsFunc(out, func(r record) bool { return r.id() == m.id() }) {
				out = append(out, m)
			}
		}
	}
	return out
}

// invoiced is what of a line is on invoices, drafts too, less what is on credit notes.
func (t *transaction) invoiced(line int64) *big.Rat {
	sum := new(big.Rat)
	for _, x := range t.invoiceLinesOf(line) {
		m := t.db.get("account.move", ref(x["move_id"]))
		switch {
		case m["state"] == "cancel":
		case m["move_type"] == "out_refund":
			sum = sub(sum, rat(x["quantity"]))
		default:
			sum = add(sum, rat(x["quantity"]))
		}
	}
	return sum
}

// createInvoices makes one draft for each order of the wizard.
func (t *transaction) createInvoices(want []int64) (any, error) {
	var made int64
	for _, id := range want {
		orders := ids(t.db.get("sale.advance.payment.inv", id)["sale_order_ids"])
		for _, order := range orders {
			var err error
			if made, err = t.invoiceOrder(order); err != nil {
				return nil, err
			}
		}
	}
	if err := t.settle(); err != nil {
		return nil, err
	}
	partner := t.db.get("account.move", made)["partner_id"]
	return map[string]any{"name": "Invoices", "display_name": "Invoices", "type": "ir.actions.act_window", "res_model": "account.move",
		"res_id": made, "view_mode": "list,kanban,form,activity", "target": "current",
		"context": map[string]any{"default_move_type": "out_invoice", "default_partner_id": partner,
			"default_partner_shipping_id": partner, "default_invoice_payment_term_id": nil}}, nil
}

func (t *transaction) invoiceOrder(id int64) (int64, error) {
	o := t.db.get("sale.order", id)
	lines := []any{}
	for _, l := range t.linesOf(id) {
		if n := t.toInvoice(l); n.Sign() != 0 && o["state"] == "sale" {
			lines = append(lines, []any{int64(0), int64(0), map[string]any{"product_id": l["product_id"], "name": l["name"], "quantity": n,
				"price_unit": l["price_unit"], "discount": l["discount"], "tax_ids": []any{[]any{int64(6), int64(0), anyIDs(ids(l["tax_ids"]))}},
				"sale_line_ids": []any{[]any{int64(6), int64(0), []any{l.id()}}}}})
		}
	}
	if len(lines) == 0 {
		return 0, userError("Cannot create an invoice. No items are available to invoice.\n\nTo resolve this issue, please ensure that:\n" +
			"   • The products have been delivered before attempting to invoice them.\n   • The invoicing policy of the product is configured correctly.\n\n" +
			"If you want to invoice based on ordered quantities instead:\n" +
			"   • For consumable or storable products, open the product, go to the 'General Information' tab and change the 'Invoicing Policy' from 'Delivered Quantities' to 'Ordered Quantities'.\n" +
			"   • For services (and other products), change the 'Invoicing Policy' to 'Prepaid/Fixed Price'.\n")
	}
	return t.insert("account.move", map[string]any{"move_type": "out_invoice", "partner_id": o["partner_invoice_id"], "ref": o["client_order_ref"],
		"invoice_origin": o["name"], "currency_id": o["currency_id"], "company_id": o["company_id"], "invoice_line_ids": lines})
}

// reverse runs the wizard that takes entries back: an entry is posted at once, an
// invoice makes a draft credit note.
func (t *transaction) reverse(want []int64) (any, error) {
	var made int64
	for _, id := range want {
		w := t.db.get("account.move.reversal", id)
		for _, m := range ids(w["move_ids"]) {
			var err error
			if made, err = t.reverseOne(w, t.db.get("account.move", m)); err != nil {
				return nil, err
			}
		}
	}
	return reversed(made, t.db.get("account.move", made)["move_type"]), t.settle()
}

func reversed(id int64, kind any) map[string]any {
	return map[string]any{"name": "Reverse Moves", "type": "ir.actions.act_window", "res_model": "account.move", "view_mode": "form",
		"res_id": id, "context": map[string]any{"default_move_type": kind}}
}

func (t *transaction) reverseOne(w, m record) (int64, error) {
	if m["state"] != "posted" {
		return 0, userError("To reverse a journal entry, it has to be posted first.")
	}
	reference := "Reversal of: " + text(m["name"])
	if reason := text(w["reason"]); reason != "" {
		reference += ", " + reason
	}
	v := map[string]any{"journal_id": w["journal_id"], "date": w["date"], "ref": reference, "reversed_entry_id": m.id(), "partner_id": m["partner_id"],
		"currency_id": m["currency_id"], "company_id": m["company_id"]}
	if isInvoice(m) {
		v["move_type"], v["invoice_date"], v["invoice_line_ids"] = "out_refund", w["date"], t.copied(m)
		if lock := t.lockDate(m["company_id"]); text(w["date"]) <= lock {
			v["date"] = nextDay(lock)
		}
		made, err := t.insert("account.move", v)
		if err != nil {
			return 0, err
		}
		for _, l := range t.linesOfMove(m.id()) {
			if l["display_type"] == "tax" {
				t.db.burn("account.move.line") // lines of tax are copied, then made anew
			}
		}
		return made, t.settle()
	}
	lines := t.linesOfMove(m.id())
	list := make([]any, len(lines))
	for i, l := range lines {
		debit, credit := sides(l)
		list[i] = []any{int64(0), int64(0), map[string]any{"account_id": l["account_id"], "partner_id": l["partner_id"], "name": l["name"],
			"debit": credit, "credit": debit, "currency_id": l["currency_id"], "amount_currency": neg(rat(l["amount_currency"]))}}
	}
	v["move_type"], v["line_ids"] = "entry", list
	made, err := t.insert("account.move", v)
	if err != nil {
		return 0, err
	}
	if err := t.post(made); err != nil {
		return 0, err
	}
	for i, l := range t.linesOfMove(made) {
		if home, _ := t.residual(lines[i]); home.Sign() != 0 && t.reconcilable(l) {
			if err := t.reconcile([]int64{lines[i].id(), l.id()}); err != nil {
				return 0, err
			}
		}
	}
	return made, nil
}

// copied are the lines of products of an invoice, as commands.
func (t *transaction) copied(m record) []any {
	list := []any{}
	for _, l := range t.linesOfMove(m.id()) {
		if l["display_type"] == "product" {
			list = append(list, []any{int64(0), int64(0), map[string]any{"product_id": l["product_id"], "name": l["name"], "quantity": l["quantity"],
				"price_unit": l["price_unit"], "discount": l["discount"], "account_id": l["account_id"],
				"tax_ids":       []any{[]any{int64(6), int64(0), anyIDs(ids(l["tax_ids"]))}},
				"sale_line_ids": []any{[]any{int64(6), int64(0), anyIDs(ids(l["sale_line_ids"]))}}}})
		}
	}
	return list
}

// modify takes an invoice back at once and opens a new draft.
func (t *transaction) modify(want []int64) (any, error) {
	var draft int64
	for _, id := range want {
		w := t.db.get("account.move.reversal", id)
		for _, m := range ids(w["move_ids"]) {
			original := t.db.get("account.move", m)
			note, err := t.reverseOne(w, original)
			if err != nil {
				return nil, err
			}
			if isInvoice(original) {
				if err := t.post(note); err != nil {
					return nil, err
				}
			}
			if draft, err = t.insert("account.move", map[string]any{"move_type": original["move_type"], "partner_id": original["partner_id"],
				"currency_id": original["currency_id"], "company_id": original["company_id"], "invoice_line_ids": t.copied(original)}); err != nil {
				return nil, err
			}
		}
	}
	return reversed(draft, "out_invoice"), t.settle()
}
