package odootest

import (
	"cmp"
	"math/big"
	"slices"
	"strings"
)

// before is what a model does to the values of a new record: numbers are drawn here,
// and not given back when the record is refused.
func (t *transaction) before(model string, v map[string]any) error {
	switch model {
	case "sale.order":
		if falsy(v["name"]) {
			v["name"] = t.db.number("S%05d", "sale.order")
		}
	case "product.product":
		if _, given := v["taxes_id"]; !given {
			v["taxes_id"] = []any{[]any{int64(6), int64(0), t.defaultTaxes()}}
		}
	case "sale.order.line":
		if _, given := v["tax_ids"]; !given {
			p := t.db.get("product.product", ref(v["product_id"]))
			v["tax_ids"] = []any{[]any{int64(6), int64(0), anyIDs(ids(p["taxes_id"]))}}
		}
	}
	return nil
}

// defaultTaxes are the company's on sales: the first of its chart.
func (t *transaction) defaultTaxes() []any { return []any{int64(1)} }

// defaults adds what was not sent.
func (t *transaction) defaults(model string, r record, sent map[string]any) error {
	set := func(name string, v any) {
		if _, given := sent[name]; !given {
			r[name] = v
		}
	}
	if f, ok := schema[model]["active"]; ok && f.kind == boolean {
		set("active", true)
	}
	company := t.companies()[0]
	switch model {
	case "res.partner":
		set("type", "contact")
		set("is_company", sent["company_type"] == "company")
		set("company_type", "person")
		set("property_account_receivable_id", t.accountOfType("asset_receivable"))
	case "product.product":
		set("type", "consu")
		set("is_storable", false)
		set("sale_ok", true)
		set("invoice_policy", "order")
		set("uom_id", int64(1))
		set("list_price", big.NewRat(1, 1))
		set("stock", new(big.Rat))
		set("product_tmpl_id", t.db.insert("product.template", record{"name": r["name"], "default_code": r["default_code"], "active": true}))
	case "sale.order":
		set("state", "draft")
		set("date_order", t.moment())
		set("locked", false)
		set("picking_policy", "direct")
		set("company_id", company)
		partner := ref(r["partner_id"])
		set("partner_invoice_id", t.addressOf(partner, "invoice"))
		set("partner_shipping_id", t.addressOf(partner, "delivery"))
		set("currency_id", cmp.Or(ref(t.db.get("product.pricelist", ref(r["pricelist_id"]))["currency_id"]),
			ref(t.db.get("res.company", ref(r["company_id"]))["currency_id"])))
		for _, w := range t.db.where("stock.warehouse", "company_id", ref(r["company_id"])) {
			set("warehouse_id", w.id())
			break
		}
	case "sale.order.line":
		return t.lineDefaults(r, set)
	case "stock.picking":
		set("state", "draft")
		set("company_id", company)
		set("picking_type_code", "outgoing")
		set("name", t.db.number("WH/OUT/%05d", "WH/OUT"))
	case "account.tax":
		set("amount_type", "percent")
		set("type_tax_use", "sale")
		set("sequence", int64(1))
		set("company_id", company)
	case "account.journal":
		set("sequence", int64(10))
		set("company_id", company)
		if r["type"] == "bank" && falsy(r["default_account_id"]) {
			r["default_account_id"] = t.db.insert("account.account", record{"code": t.db.number("10141%d", "bank"), "name": r["name"],
				"account_type": "asset_cash", "reconcile": false, "active": true, "company_ids": []int64{company}})
		}
	case "account.move":
		t.moveDefaults(r, set)
	case "account.move.line":
		return t.moveLineDefaults(r, sent, set)
	case "account.payment":
		t.paymentDefaults(r, set)
	case "account.payment.register":
		return t.registerDefaults(r, set)
	case "sale.advance.payment.inv":
		set("sale_order_ids", ids(t.context["active_ids"]))
	case "account.move.reversal":
		set("move_ids", ids(t.context["active_ids"]))
		set("date", t.today())
	case "account.account":
		set("reconcile", r["account_type"] == "asset_receivable" || r["account_type"] == "liability_payable")
		set("company_ids", []int64{company})
	}
	return nil
}

func (t *transaction) lineDefaults(r record, set func(string, any)) error {
	order := t.db.get("sale.order", ref(r["order_id"]))
	p := t.db.get("product.product", ref(r["product_id"]))
	if falsy(r["display_type"]) && p == nil {
		return constrained(validationError("Missing required fields on accountable sale order line."))
	}
	set("sequence", int64(10))
	set("product_uom_qty", big.NewRat(1, 1))
	set("price_unit", rat(p["list_price"]))
	set("name", bracketed(p))
	set("product_uom_id", p["uom_id"])
	set("discount", new(big.Rat))
	set("company_id", order["company_id"])
	r["state"] = order["state"]
	return nil
}

// addressOf is the partner's address of a kind: a child of that type, or the partner.
func (t *transaction) addressOf(partner int64, kind string) int64 {
	for _, c := range t.db.where("res.partner", "parent_id", partner) {
		if c["type"] == kind && c["active"] != false {
			return c.id()
		}
	}
	return partner
}

func (t *transaction) accountOfType(kind string) any {
	for _, a := range t.db.all("account.account") {
		if a["account_type"] == kind && a["active"] != false {
			return a.id()
		}
	}
	return nil
}

// changing refuses changes before anything of them is done.
func (t *transaction) changing(model string, r record, v map[string]any) error {
	switch model {
	case "sale.order":
		if _, ok := v["pricelist_id"]; ok && r["state"] == "sale" {
			return userError("You cannot change the pricelist of a confirmed order !")
		}
		if _, ok := v["order_line"]; ok && r["locked"] == true {
			return userError("It is forbidden to modify the following fields in a locked order:\nOrder Lines")
		}
	case "stock.move":
		if q, ok := v["quantity"]; ok && r["state"] != "done" && r["state"] != "cancel" {
			p := t.db.get("product.product", ref(r["product_id"]))
			if p["is_storable"] == true {
				t.db.update("product.product", p.id(), record{"stock": sub(rat(p["stock"]), sub(rat(q), rat(r["quantity"])))})
			}
		}
	case "account.move":
		return t.changingMove(r, v)
	case "sale.order.line":
		if q, ok := v["product_uom_qty"]; ok {
			if n := rat(q); n.Cmp(t.delivered(r.id())) < 0 {
				return userError("The ordered quantity of a sale order line cannot be decreased below the amount already delivered. Instead, create a return in your inventory.")
			}
		}
	}
	return nil
}

// after is what follows from a record that was made or changed.
func (t *transaction) after(model string, id int64, v map[string]any, made bool) error {
	switch model {
	case "account.journal":
		if r := t.db.get(model, id); made && r["type"] == "bank" {
			for _, direction := range []string{"inbound", "outbound"} {
				t.db.insert("account.payment.method.line", record{"name": "Manual Payment", "payment_type": direction, "journal_id": id, "code": "manual"})
			}
		}
	case "account.move":
		t.changedMove(id, v)
	case "account.move.line":
		t.changedMoveLine(id, v, made)
	case "sale.order.line":
		l := t.db.get(model, id)
		t.db.update("sale.order", ref(l["order_id"]), record{})
		if !falsy(l["display_type"]) {
			return nil
		}
		if made {
			return t.changedLine(l, new(big.Rat))
		}
		if _, ok := v["product_uom_qty"]; ok {
			asked := new(big.Rat)
			for _, m := range t.db.where("stock.move", "sale_line_id", id) {
				if m["state"] != "cancel" {
					asked = add(asked, rat(m["product_uom_qty"]))
				}
			}
			return t.changedLine(l, asked)
		}
	}
	return nil
}

// dropping refuses deletions.
func (t *transaction) dropping(model string, r record) error {
	switch model {
	case "sale.order":
		if r["state"] != "draft" && r["state"] != "cancel" {
			return userError("You can not delete a sent quotation or a confirmed sales order. You must first cancel it.")
		}
	case "sale.order.line":
		if o := t.db.get("sale.order", ref(r["order_id"])); o["state"] == "sale" {
			return userError("Once a sales order is confirmed, you can't remove one of its lines (we need to track if something gets invoiced or delivered).\nSet the quantity to 0 instead.")
		}
	case "account.move":
		return t.droppingMove(r)
	case "account.move.line":
		t.touch(ref(r["move_id"]), allLines)
		return t.droppingMove(t.db.get("account.move", ref(r["move_id"])))
	case "res.partner":
		for _, name := range []string{"partner_id", "partner_invoice_id", "partner_shipping_id"} {
			if len(t.db.where("sale.order", name, r.id())) > 0 {
				return userError("The operation cannot be completed: another model requires the record being deleted. If possible, archive it instead.")
			}
		}
	}
	return nil
}

// compute reads a field that is not stored.
func (t *transaction) compute(model string, r record, name string) (any, error) {
	switch model + "." + name {
	case "res.partner.complete_name":
		return t.completeName(r), nil
	case "res.partner.commercial_partner_id":
		if p := ref(r["parent_id"]); p != 0 {
			return p, nil
		}
		return r.id(), nil
	case "res.company.user_fiscalyear_lock_date", "res.company.user_sale_lock_date", "res.company.user_purchase_lock_date",
		"res.company.user_tax_lock_date", "res.company.user_hard_lock_date":
		return r[strings.TrimPrefix(name, "user_")], nil
	case "res.currency.rate":
		return t.rate(r.id(), t.today()), nil
	case "product.product.qty_available", "product.product.free_qty":
		return rat(r["stock"]), nil
	case "account.tax.price_include":
		return included(r), nil
	case "account.journal.inbound_payment_method_line_ids":
		return t.methodLines(r.id(), "inbound"), nil
	case "account.journal.outbound_payment_method_line_ids":
		return t.methodLines(r.id(), "outbound"), nil

	case "sale.order.amount_untaxed", "sale.order.amount_tax", "sale.order.amount_total":
		b, _ := t.orderBill(r)
		return map[string]*big.Rat{"amount_untaxed": b.net, "amount_tax": b.tax, "amount_total": b.gross}[name], nil
	case "sale.order.delivery_status":
		return t.deliveryStatus(r), nil
	case "sale.order.invoice_status":
		return t.invoiceStatus(r), nil
	case "sale.order.invoice_ids":
		return idsOf(t.invoicesOf(r.id())), nil

	case "sale.order.line.price_subtotal", "sale.order.line.price_tax", "sale.order.line.price_total":
		order := t.db.get("sale.order", ref(r["order_id"]))
		line := t.taxables([]record{r})[0]
		split(line, t.digits(order["currency_id"]), t.perLine(order["company_id"]))
		return map[string]*big.Rat{"price_subtotal": line.base, "price_tax": sub(line.total, line.base), "price_total": line.total}[name], nil
	case "sale.order.line.qty_delivered":
		return t.delivered(r.id()), nil
	case "sale.order.line.qty_invoiced":
		return t.invoiced(r.id()), nil
	case "sale.order.line.qty_to_invoice":
		return t.toInvoice(r), nil
	case "sale.order.line.currency_id":
		return t.db.get("sale.order", ref(r["order_id"]))["currency_id"], nil
	case "sale.order.line.invoice_lines":
		return idsOf(t.invoiceLinesOf(r.id())), nil
	}
	return t.computeBooks(model, r, name)
}

func (t *transaction) methodLines(journal int64, direction string) []int64 {
	rows := t.db.where("account.payment.method.line", "journal_id", journal)
	return idsOf(slices.DeleteFunc(rows, func(l record) bool { return l["payment_type"] != direction }))
}

// rate is how many units of a currency the company's is worth on a day.
func (t *transaction) rate(currency int64, day string) *big.Rat {
	best, at := big.NewRat(1, 1), ""
	for _, x := range t.db.all("res.currency.rate") {
		if d := text(x["name"]); ref(x["currency_id"]) == currency && d <= day && d >= at {
			best, at = rat(x["rate"]), d
		}
	}
	return best
}
