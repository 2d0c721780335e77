package trytontest

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
)

// The accounts and the journal that invoices are posted to.
const (
	receivable int64 = 5
	revenue    int64 = 6
	taxAccount int64 = 7
	sold       int64 = 1
)

func invoiceName(r record) string {
	number, _ := r["number"].(string)
	reference, _ := r["reference"].(string)
	switch {
	case number == "" && reference == "":
		return fmt.Sprintf("(%d)", r.id())
	case reference == "":
		return number
	}
	return strings.TrimSpace(number + " [" + reference + "]")
}

// modifiable refuses a write on a posted invoice, but for the lines that pay it.
func modifiable(r record, v map[string]any) error {
	if state := r["state"]; state != "posted" && state != "paid" && state != "cancelled" {
		return nil
	}
	for name := range v {
		if name != "payment_lines" {
			return refuse("You cannot modify invoice \"%s\" because it is posted, paid or cancelled.", invoiceName(r))
		}
	}
	return nil
}

// invoiceSale makes the draft invoice of what there is to invoice of a sale by now; 0 = of
// nothing.
func (t *transaction) invoiceSale(sale record) int64 {
	if sale["invoice_method"] == "manual" {
		return 0
	}
	type open struct {
		record
		quantity *big.Rat
	}
	var lines []open
	for _, l := range t.db.where("sale.line", "sale", sale.id()) {
		if left := t.toInvoice(sale, l); left.Sign() != 0 {
			lines = append(lines, open{l, left})
		}
	}
	if len(lines) == 0 {
		return 0
	}
	id := t.db.insert("account.invoice", record{"state": "draft", "type": "out", "company": sale["company"], "sales": []int64{sale.id()},
		"party": sale["party"], "invoice_address": sale["invoice_address"], "currency": sale["currency"], "payment_term": sale["payment_term"],
		"account": receivable, "journal": sold})
	for _, l := range lines {
		t.db.insert("account.invoice.line", record{"type": "line", "invoice": id, "company": sale["company"], "currency": sale["currency"],
			"product": l.record["product"], "unit": l.record["unit"], "account": revenue, "quantity": float(l.quantity), "unit_price": l.record["unit_price"],
			"description": l.record["description"], "taxes": l.record["taxes"], "origin": fmt.Sprintf("sale.line,%d", l.id())})
	}
	t.updateTaxes(id)
	return id
}

// toInvoice is what of a line is to be invoiced and was not yet: of goods, with the
// method shipment, what is sent.
func (t *transaction) toInvoice(sale, line record) *big.Rat {
	origin := fmt.Sprintf("sale.line,%d", line.id())
	left := new(big.Rat).Set(rat(line["quantity"]))
	product, _ := line["product"].(int64)
	if sale["invoice_method"] == "shipment" && t.db.get("product.product", product)["type"] == "goods" {
		left.SetInt64(0)
		for _, m := range t.db.where("stock.move", "origin", origin) {
			if m["state"] == "done" {
				left.Add(left, rat(m["quantity"]))
			}
		}
	}
	invoices, _ := sale["invoices"].([]int64)
	for _, id := range invoices {
		for _, l := range t.db.where("account.invoice.line", "invoice", id) {
			if l["origin"] == origin {
				left.Sub(left, rat(l["quantity"]))
			}
		}
	}
	return left
}

func (t *transaction) invoiceLineAmount(l record) commerce.Money {
	id, _ := l["invoice"].(int64)
	return round(new(big.Rat).Mul(rat(l["unit_price"]), rat(l["quantity"])), t.currencyOf(t.db.get("account.invoice", id)))
}

// updateTaxes computes the taxes of a draft; where the base is what it was, an amount
// that somebody wrote stays.
func (t *transaction) updateTaxes(id int64) {
	r := t.db.get("account.invoice", id)
	if r["state"] != "draft" && r["state"] != "validated" {
		return
	}
	c := t.currencyOf(r)
	type group struct {
		tax      int64
		positive bool
	}
	perLine := t.db.get("account.configuration", 1)["tax_rounding"] == "line"
	bases, sums := map[group]int64{}, map[group]*big.Rat{}
	var order []group
	for _, l := range t.db.where("account.invoice.line", "invoice", id) {
		base := new(big.Rat).Mul(rat(l["unit_price"]), rat(l["quantity"]))
		taxes, _ := l["taxes"].([]int64)
		for _, x := range taxes {
			g := group{x, base.Sign() >= 0}
			if sums[g] == nil {
				sums[g] = new(big.Rat)
				order = append(order, g)
			}
			bases[g] += t.invoiceLineAmount(l).Minor()
			sums[g].Add(sums[g], new(big.Rat).Mul(base, rat(t.db.get("account.tax", x)["rate"])))
		}
		if perLine {
			for _, sum := range sums {
				sum.Set(rat(money(round(sum, c))))
			}
		}
	}
	have := t.db.where("account.invoice.tax", "invoice", id)
	for _, g := range order {
		base := money(commerce.MustMoney(bases[g], c))
		at := slices.IndexFunc(have, func(x record) bool { return x["tax"] == g.tax && (rat(x["base"]).Sign() >= 0) == g.positive })
		v := record{"invoice": id, "tax": g.tax, "base": base, "amount": money(round(sums[g], c)), "manual": false,
			"description": t.db.get("account.tax", g.tax)["description"]}
		switch {
		case at < 0:
			t.db.insert("account.invoice.tax", v)
			continue
		case rat(have[at]["base"]).Cmp(rat(base)) != 0:
			t.db.update("account.invoice.tax", have[at].id(), v)
		}
		have = slices.Delete(have, at, at+1)
	}
	for _, x := range have {
		t.db.remove("account.invoice.tax", x.id())
	}
}

// invoiceTotals sums an invoice up.
func (t *transaction) invoiceTotals(r record) (net, tax, total commerce.Money) {
	c := t.currencyOf(r)
	var n, x int64
	for _, l := range t.db.where("account.invoice.line", "invoice", r.id()) {
		n += t.invoiceLineAmount(l).Minor()
	}
	for _, l := range t.db.where("account.invoice.tax", "invoice", r.id()) {
		x += round(rat(l["amount"]), c).Minor()
	}
	return commerce.MustMoney(n, c), commerce.MustMoney(x, c), commerce.MustMoney(n+x, c)
}

// linesToPay are the lines of the invoice's entry on its own account.
func (t *transaction) linesToPay(r record) (out []record) {
	move, ok := r["move"].(int64)
	if !ok {
		return nil
	}
	for _, l := range t.db.where("account.move.line", "move", move) {
		if l["account"] == r["account"] {
			out = append(out, l)
		}
	}
	return out
}

func (t *transaction) computeInvoice(model string, r record, name string) (any, error) {
	if model == "account.invoice.line" && name == "amount" {
		return money(t.invoiceLineAmount(r)), nil
	}
	net, tax, total := t.invoiceTotals(r)
	switch name {
	case "untaxed_amount":
		return money(net), nil
	case "tax_amount":
		return money(tax), nil
	case "total_amount":
		return money(total), nil
	case "lines_to_pay":
		out := []int64{}
		for _, l := range t.linesToPay(r) {
			out = append(out, l.id())
		}
		return out, nil
	case "amount_to_pay", "amount_to_pay_today":
		if r["state"] != "posted" {
			return decimal{"0", true}, nil
		}
		lines := t.linesToPay(r)
		payments, _ := r["payment_lines"].([]int64)
		for _, id := range payments {
			lines = append(lines, t.db.get("account.move.line", id))
		}
		left := new(big.Rat)
		for _, l := range lines {
			if l["reconciliation"] != nil {
				continue
			}
			if l["second_currency"] == r["currency"] && l["second_currency"] != nil {
				left.Add(left, rat(l["amount_second_currency"]))
			} else {
				left.Add(left, rat(l["debit"])).Sub(left, rat(l["credit"]))
			}
		}
		return money(round(left, t.currencyOf(r))), nil
	case "reconciled", "reconciliation_lines":
		return nil, nil
	case "origins":
		var names []string
		sales, _ := r["sales"].([]int64)
		for _, id := range sales {
			names = append(names, saleName(t.db.get("sale.sale", id)))
		}
		return strings.Join(names, ", "), nil
	}
	return nil, pythonError("'" + name + "'")
}

// credits says whether a line of an invoice takes one of another invoice back.
func (t *transaction) credits(r record, invoice int64) bool {
	for _, l := range t.db.where("account.invoice.line", "invoice", r.id()) {
		var id int64
		origin, _ := l["origin"].(string)
		if _, err := fmt.Sscanf(origin, "account.invoice.line,%d", &id); err != nil {
			continue
		}
		if of := t.db.get("account.invoice.line", id); of != nil && of["invoice"] == invoice {
			return true
		}
	}
	return false
}

func (t *transaction) validateInvoice(want []int64) (any, error) {
	return t.each("account.invoice", want, "draft", func(r record) error {
		t.db.update("account.invoice", r.id(), record{"state": "validated"})
		return nil
	})
}

// bookedOn is the day of an invoice in the ledger.
func bookedOn(r record) commerce.Date {
	for _, name := range []string{"accounting_date", "invoice_date"} {
		if d, ok := r[name].(commerce.Date); ok {
			return d
		}
	}
	return commerce.Date{}
}

// american is how the server's messages write a date in English.
func american(d commerce.Date) string {
	return fmt.Sprintf("%02d/%02d/%d", int(d.Month), d.Day, d.Year)
}

// postInvoice numbers a draft and posts its entry. Numbers follow the days in the ledger.
func (t *transaction) postInvoice(want []int64) (any, error) {
	return t.each("account.invoice", want, "draft validated", func(r record) error {
		today := commerce.DateOf(t.db.now())
		if r["invoice_date"] == nil {
			t.db.update("account.invoice", r.id(), record{"invoice_date": today})
			r = t.db.get("account.invoice", r.id())
		}
		t.updateTaxes(r.id())
		day := bookedOn(r)
		var period record
		for _, p := range t.db.all("account.period") {
			if holds(p, day) && p["state"] == "open" {
				period = p
			}
		}
		if period == nil {
			return refuse("To continue, you must create a period for the date \"%s\".", american(day))
		}
		for _, other := range t.db.all("account.invoice") {
			if other["number"] != nil && bookedOn(other).Year == day.Year && bookedOn(other).String() > day.String() {
				return refuse("To number the invoice \"%s\", you must set an accounting date after \"%s\" because the sequence \"Invoice %d\" has already been used for invoice \"%s\".",
					invoiceName(r), american(day), day.Year, invoiceName(other))
			}
		}
		number := t.db.number(fmt.Sprintf("invoice %d", day.Year))
		paper, _ := r["invoice_date"].(commerce.Date)
		warning := fmt.Sprintf("invoice_payment_term_%d", r.id())
		if r["payment_term"] != nil && paper.String() < today.String() {
			known := t.db.where("res.user.warning", "name", warning)
			if len(known) == 0 {
				return userWarning{warning, fmt.Sprintf("The invoice \"%s\" generates a payment date \"%s\" in the past.", number, american(paper))}
			}
			for _, w := range known {
				t.db.remove("res.user.warning", w.id())
			}
		}
		move := t.entryOfInvoice(r, period, day)
		t.db.update("account.invoice", r.id(), record{"state": "posted", "number": number, "move": move})
		t.payments(r.id())
		return nil
	})
}

// entryOfInvoice posts the entry of an invoice. Currencies are at par.
func (t *transaction) entryOfInvoice(r, period record, day commerce.Date) int64 {
	move := t.db.insert("account.move", record{"state": "posted", "company": r["company"], "journal": r["journal"], "period": period.id(), "date": day,
		"number": "REV/" + t.db.number("move"), "post_number": t.db.number("post"), "post_date": commerce.DateOf(t.db.now()),
		"origin": fmt.Sprintf("account.invoice,%d", r.id())})
	line := func(account int64, party any, amount commerce.Money, origin any) {
		v := record{"move": move, "account": account, "party": party, "state": "valid", "origin": origin,
			"debit": decimal{"0", true}, "credit": decimal{"0", true}}
		if amount.Sign() < 0 {
			v["credit"] = money(amount.Neg())
		} else {
			v["debit"] = money(amount)
		}
		if r["currency"] != t.db.get("company.company", 1)["currency"] {
			v["second_currency"], v["amount_second_currency"] = r["currency"], money(amount)
		}
		t.db.insert("account.move.line", v)
	}
	for _, l := range t.db.where("account.invoice.line", "invoice", r.id()) {
		account, _ := l["account"].(int64)
		line(account, nil, t.invoiceLineAmount(l).Neg(), fmt.Sprintf("account.invoice.line,%d", l.id()))
	}
	c := t.currencyOf(r)
	for _, l := range t.db.where("account.invoice.tax", "invoice", r.id()) {
		line(taxAccount, nil, round(rat(l["amount"]), c).Neg(), fmt.Sprintf("account.invoice.tax,%d", l.id()))
	}
	_, _, total := t.invoiceTotals(r)
	account, _ := r["account"].(int64)
	line(account, r["party"], total, nil)
	return move
}

// reconcile checks the lines of a new reconciliation and takes them, from an earlier
// one too: the server does not look.
func (t *transaction) reconcile(id int64) error {
	lines, _ := t.db.get("account.move.reconciliation", id)["lines"].([]int64)
	debit, credit := new(big.Rat), new(big.Rat)
	for _, x := range lines {
		l := t.db.get("account.move.line", x)
		account, _ := l["account"].(int64)
		if a := t.db.get("account.account", account); a["reconcile"] != true {
			name := strings.TrimPrefix(fmt.Sprintf("%v - %v", a["code"], a["name"]), "<nil> - ")
			return refuse("To reconcile line \"%s\", you must set its account \"%s\" as reconcilable.", name, name)
		}
		debit.Add(debit, rat(l["debit"]))
		credit.Add(credit, rat(l["credit"]))
	}
	if debit.Cmp(credit) != 0 {
		return refuse("To reconcile lines, they must have the same debit \"%s%s\" and credit \"%s%s\".",
			t.server.c.Currency, debit.FloatString(2), t.server.c.Currency, credit.FloatString(2))
	}
	for _, x := range lines {
		t.db.update("account.move.line", x, record{"reconciliation": id})
	}
	t.invoicesOfLines(lines)
	return nil
}

// unreconcile opens the lines of a reconciliation.
func (t *transaction) unreconcile(r record) {
	lines, _ := r["lines"].([]int64)
	for _, x := range lines {
		if t.db.get("account.move.line", x)["reconciliation"] == r.id() {
			t.db.update("account.move.line", x, record{"reconciliation": nil})
		}
	}
	t.invoicesOfLines(lines)
}

// invoicesOfLines brings the states of invoices up to date.
func (t *transaction) invoicesOfLines(lines []int64) {
	for _, r := range t.db.all("account.invoice") {
		if r["state"] != "posted" && r["state"] != "paid" {
			continue
		}
		if slices.ContainsFunc(t.linesToPay(r), func(l record) bool { return slices.Contains(lines, l.id()) }) {
			t.payments(r.id())
		}
	}
}

// payments says whether an invoice is paid. A line that pays it and is settled with
// something else is taken off.
func (t *transaction) payments(id int64) {
	r := t.db.get("account.invoice", id)
	state := "paid"
	var by []any
	for _, l := range t.linesToPay(r) {
		if l["reconciliation"] == nil && (rat(l["debit"]).Sign() != 0 || rat(l["credit"]).Sign() != 0) {
			state = "posted"
		}
		by = append(by, l["reconciliation"])
	}
	v := record{"state": state}
	if lines, _ := r["payment_lines"].([]int64); state == "paid" {
		v["payment_lines"] = slices.DeleteFunc(slices.Clone(lines), func(x int64) bool {
			return !slices.Contains(by, t.db.get("account.move.line", x)["reconciliation"])
		})
	}
	t.db.update("account.invoice", id, v)
}
