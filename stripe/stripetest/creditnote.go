package stripetest

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
)

// makeNote reads a credit note, and changes nothing.
func (f *Fake) makeNote(q *request) (*record, *problem) {
	if p := q.form.only("invoice", "amount", "credit_amount", "refund_amount", "out_of_band_amount", "refund", "lines[][type]=custom_line_item|invoice_line_item",
		"lines[][invoice_line_item]", "lines[][amount]", "lines[][quantity]", "lines[][description]", "lines[][unit_amount]", "memo", "metadata", "effective_at",
		"reason=duplicate|fraudulent|order_change|product_unsatisfactory", "expand"); p != nil {
		return nil, p
	}
	if p := q.required("invoice"); p != nil {
		return nil, p
	}
	in, p := f.named("invoice", q.form.get("invoice"), "invoice")
	if p != nil {
		return nil, p
	}
	if !slices.Contains([]string{"open", "paid"}, in.text("status")) {
		return nil, badParam("invoice", "", "You can only create a credit note for an open or paid invoice.")
	}
	m := nulls("customer_balance_transaction memo out_of_band_amount reason refund shipping_cost voided_at", object{"amount_shipping": int64(0), "currency": in.m["currency"],
		"customer": in.m["customer"], "discount_amount": int64(0), "discount_amounts": []any{}, "tax_amounts": []any{}, "status": "issued", "effective_at": q.now.Unix()})
	if _, p := q.apply(m, "amount", "credit_amount", "refund_amount", "lines", "refund"); p != nil {
		return nil, p
	}
	n := &record{kind: "credit_note", id: f.id("cn_"), created: q.now, m: m, of: in}
	t := q.form.tree()
	if p := f.noteLines(n, in, t); p != nil {
		return nil, p
	}
	sum := int64(0)
	for _, line := range n.below {
		sum += line.int("amount")
	}
	if sum < 1 {
		return nil, badParam("amount", "parameter_missing", "Missing required param: amount.")
	}
	m["amount"], m["subtotal"], m["total"] = sum, sum, sum
	m["subtotal_excluding_tax"], m["total_excluding_tax"] = sum, sum
	m["number"] = fmt.Sprintf("%s-CN-%02d", in.text("number"), 1+f.countNotes(in))
	m["pdf"] = "https://pay.stripe.com/credit_notes/" + f.config.Account + "/" + n.id + "/pdf"
	m["type"] = "pre_payment"
	if in.text("status") == "open" {
		if sum > in.int("amount_remaining") {
			return nil, badParam("amount", "", "The amount is greater than what remains to be paid of the invoice.")
		}
		for _, name := range []string{"credit_amount", "refund_amount", "out_of_band_amount", "refund"} {
			if q.form.has(name) {
				return nil, badParam(name, "", "This can only be given for a paid invoice.")
			}
		}
		return n, nil
	}
	m["type"] = "post_payment"
	if sum > in.int("total")-in.int("pre_payment_credit_notes_amount")-in.int("post_payment_credit_notes_amount") {
		return nil, badParam("amount", "", "The sum of credit notes is greater than the invoice.")
	}
	parts := int64(0)
	for _, name := range []string{"credit_amount", "refund_amount", "out_of_band_amount"} {
		part, _ := t[name].(int64)
		if part < 0 {
			return nil, badParam(name, "parameter_invalid_integer", "Invalid non-negative integer")
		}
		parts += part
	}
	if id := q.form.get("refund"); id != "" {
		r, ok := f.refunds.get(id)
		if !ok || in.intent == nil || r.charge.intent != in.intent {
			p := missing("refund", id)
			p.status, p.param = 400, "refund"
			return nil, p
		}
		parts += r.amount
	}
	if parts != sum {
		return nil, badParam("amount", "", "The sum of credit_amount, refund_amount and out_of_band_amount must equal the credit note amount ("+strconv.FormatInt(sum, 10)+").")
	}
	return n, nil
}

func (f *Fake) countNotes(in *record) (n int) {
	for _, one := range f.of("credit_note").rows {
		if one.of == in {
			n++
		}
	}
	return n
}

// noteLines reads the lines of a note; an amount alone is one line.
func (f *Fake) noteLines(n, in *record, t object) *problem {
	add := func(m object) {
		nulls("unit_amount unit_amount_decimal description", m)
		m["discount_amount"], m["discount_amounts"], m["tax_amounts"], m["tax_rates"] = int64(0), []any{}, []any{}, []any{}
		m["amount_excluding_tax"] = m["amount"]
		n.below = append(n.below, &record{kind: "credit_note_line_item", id: f.id("cnli_"), created: n.created, m: m, of: n})
	}
	if amount, ok := t["amount"].(int64); ok {
		add(object{"type": "custom_line_item", "amount": amount, "quantity": int64(1), "unit_amount": amount, "unit_amount_decimal": strconv.FormatInt(amount, 10)})
	}
	lines, _ := t["lines"].([]any)
	for i, one := range lines {
		at := "lines[" + strconv.Itoa(i) + "]"
		m, _ := one.(object)
		quantity, given := m["quantity"].(int64)
		if !given {
			quantity = 1
		}
		if m["type"] == "custom_line_item" {
			each, ok := m["unit_amount"].(int64)
			if !ok {
				return badParam(at+"[unit_amount]", "parameter_missing", "Missing required param: "+at+"[unit_amount].")
			}
			m["amount"], m["quantity"], m["unit_amount_decimal"] = each*quantity, quantity, strconv.FormatInt(each, 10)
			add(m)
			continue
		}
		id, _ := m["invoice_line_item"].(string)
		j := slices.IndexFunc(in.below, func(line *record) bool { return line.id == id })
		if j < 0 {
			p := missing("invoice line item", id)
			p.status, p.param = 400, at+"[invoice_line_item]"
			return p
		}
		line := in.below[j]
		m["description"] = line.m["description"]
		if m["amount"] == nil {
			m["amount"], m["quantity"] = line.m["amount"], line.m["quantity"]
			if of := line.int("quantity"); given && of > 0 {
				m["amount"], m["quantity"] = line.int("amount")*quantity/of, quantity
			}
		} else {
			m["quantity"] = nil
		}
		if amount, _ := m["amount"].(int64); amount > line.int("amount") || amount < 0 {
			return badParam(at+"[amount]", "", "The amount is greater than that of the line.")
		}
		add(m)
	}
	return nil
}

func (f *Fake) previewNote(q *request) (object, *problem) {
	n, p := f.makeNote(q)
	if p != nil {
		return nil, p
	}
	return f.shown(q, n), nil
}

func (f *Fake) previewLines(q *request) (object, *problem) {
	page := q.paged()
	n, p := f.makeNote(q)
	if p != nil {
		return nil, p
	}
	return f.listBelow(page, n)
}

func (f *Fake) createNote(q *request) (object, *problem) {
	n, p := f.makeNote(q)
	if p != nil {
		return nil, p
	}
	in, amount := n.of, n.int("amount")
	t := q.form.tree()
	if back, _ := t["refund_amount"].(int64); back > 0 {
		if in.intent == nil || in.intent.latest() == nil {
			return nil, badParam("refund_amount", "", "The invoice was not paid by a charge that can be refunded.")
		}
		out, p := f.createRefund(&request{id: q.id, key: q.key, version: q.version, now: q.now,
			form: form{url.Values{"charge": {in.intent.latest().id}, "amount": {strconv.FormatInt(back, 10)}}}})
		if p != nil {
			return nil, p
		}
		n.m["refund"] = out["id"]
	}
	if id := q.form.get("refund"); id != "" {
		n.m["refund"] = id
	}
	if credit, _ := t["credit_amount"].(int64); credit > 0 {
		c, _ := f.of("customer").get(in.text("customer"))
		n.m["customer_balance_transaction"] = f.adjust(q, c, -credit, "credit_note", "", n.id).id
	}
	f.of("credit_note").add(n)
	for _, line := range n.below {
		f.of("credit_note_line_item").add(line)
	}
	f.emitRecord(q, "credit_note.created", n, nil)
	if n.text("type") == "post_payment" {
		in.m["post_payment_credit_notes_amount"] = in.int("post_payment_credit_notes_amount") + amount
	} else {
		f.reduce(in, amount)
	}
	f.emitRecord(q, "invoice.updated", in, nil)
	if in.text("status") == "open" && in.int("amount_remaining") == 0 {
		if in.intent != nil {
			f.cancel(q, in.intent, "void_invoice")
		}
		f.paid(q, in)
	}
	return f.shown(q, n), nil
}

// reduce lowers what is due of an open invoice, and its payment intent with it.
func (f *Fake) reduce(in *record, amount int64) {
	in.m["pre_payment_credit_notes_amount"] = in.int("pre_payment_credit_notes_amount") + amount
	in.m["amount_due"] = in.int("amount_due") - amount
	in.m["amount_remaining"] = in.int("amount_remaining") - amount
	if in.intent != nil && in.int("amount_remaining") > 0 {
		in.intent.amount = in.int("amount_remaining")
	}
}

func (f *Fake) updateNote(q *request, id string) (object, *problem) {
	n, p := f.find("credit_note", id)
	if p != nil {
		return nil, p
	}
	return f.change(q, n, "credit_note.updated", "memo")
}

func (f *Fake) voidNote(q *request, id string) (object, *problem) {
	n, p := f.find("credit_note", id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only("expand"); p != nil {
		return nil, p
	}
	if n.text("status") == "void" || n.of.text("status") != "open" {
		return nil, badParam("", "", "You can only void a credit note whose invoice is open.")
	}
	n.m["status"], n.m["voided_at"] = "void", q.now.Unix()
	f.reduce(n.of, -n.int("amount"))
	f.emitRecord(q, "credit_note.voided", n, nil)
	return f.shown(q, n), nil
}

func (f *Fake) renderNote(r *record, m object, version string) {
	if r.kind == "credit_note_line_item" {
		delete(m, "metadata")
		if moved(version) {
			delete(m, "amount_excluding_tax")
			delete(m, "tax_amounts")
			m["taxes"], m["pretax_credit_amounts"] = []any{}, []any{}
		}
		return
	}
	m["lines"], m["invoice"] = f.nested(r, version, "/v1/credit_notes/"+r.id+"/lines"), r.of.id
	if !moved(version) {
		return
	}
	pre, post, refunds := r.int("amount"), int64(0), []object{}
	if r.text("type") == "post_payment" {
		pre, post = 0, pre
	}
	if back, ok := f.refunds.get(r.text("refund")); ok {
		refunds = append(refunds, object{"amount_refunded": back.amount, "refund": back.id, "type": "refund", "payment_record_refund": nil})
	}
	m["refunds"], m["pre_payment_amount"], m["post_payment_amount"] = refunds, pre, post
	m["pretax_credit_amounts"], m["total_taxes"] = []any{}, []any{}
	delete(m, "refund")
	delete(m, "tax_amounts")
}
