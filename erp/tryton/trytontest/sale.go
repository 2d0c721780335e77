package trytontest

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// seed fills the store.
func (s *Server) seed() error {
	db := s.db
	add := func(model string, r record) int64 { return db.insert(model, r) }
	codes := []commerce.Currency{s.c.Currency, "EUR", "USD", "GBP", "CHF", "SEK", "JPY", "KWD"}
	for i, code := range codes {
		if !slices.Contains(codes[:i], code) {
			step := decimal{new(big.Rat).SetFrac(big.NewInt(1), pow10(code.Exponent())).FloatString(code.Exponent()), true}
			add("currency.currency", record{"code": string(code), "name": string(code), "digits": int64(code.Exponent()), "rounding": step})
		}
	}
	party := add("party.party", record{"code": "COMPANY", "name": "Synthetic Trading Ltd", "active": true})
	add("party.address", record{"party": party})
	add("company.company", record{"party": party, "currency": int64(1)})
	rounding := "document"
	if s.c.TaxRounding == erp.RoundPerLine {
		rounding = "line"
	}
	add("sale.configuration", record{"sale_invoice_method": s.c.InvoiceMethod})
	add("account.configuration", record{"tax_rounding": rounding, "default_account_receivable": receivable})
	for _, code := range s.c.Countries {
		add("country.country", record{"code": code, "name": code})
	}
	for _, code := range s.c.Regions {
		country, _, _ := strings.Cut(code, "-")
		for _, c := range db.where("country.country", "code", country) {
			add("country.subdivision", record{"code": code, "name": code, "country": c.id()})
		}
	}
	for _, name := range []string{"sale", "stock", "account", "account_invoice", "account_invoice_stock", "stock_package_shipping"} {
		add("ir.module", record{"name": name, "state": "activated"})
	}
	for i, text := range s.c.TaxRates {
		rate, ok := new(big.Rat).SetString(text)
		if !ok {
			return commerce.Errorf(commerce.KindInvalid, "trytontest", "new", "TaxRates[%d]: %q is no number", i, text)
		}
		share := strings.TrimRight(rate.Quo(rate, big.NewRat(100, 1)).FloatString(8), "0")
		add("account.tax", record{"name": "VAT " + text + "%", "type": "percentage", "rate": decimal{strings.TrimSuffix(share, "."), true},
			"childs": []int64(nil), "company": int64(1), "update_unit_price": false})
	}
	unit := add("product.uom", record{"name": "Unit", "symbol": "u", "digits": int64(0)})
	for i, p := range s.c.Products {
		kind := "goods"
		if p.Service {
			kind = "service"
		}
		add("product.product", record{"code": p.SKU, "name": p.SKU, "type": kind, "salable": true, "active": true, "sale_uom": unit,
			"default_uom": unit, "stock": p.Stock, "template": int64(i + 1), "list_price": decimal{"10", true}})
	}
	// The packaged chart's seven accounts come first, without codes; then ours.
	for _, name := range []string{"Minimal Account Chart", "Main Cash", "Main Expense", "Main Payable", "Main Receivable", "Main Revenue", "Main Tax"} {
		party := name == "Main Payable" || name == "Main Receivable"
		add("account.account", record{"name": name, "code": nil, "company": int64(1), "party_required": party, "reconcile": party,
			"type": int64(1), "closed": false})
	}
	for _, code := range []string{"1010", "1090", "4010", "4090", "6050", "6060", "1091", "2090", "6070", "1095"} {
		party := code == "2090"
		a := record{"name": code, "code": code, "company": int64(1), "party_required": party, "reconcile": party, "type": int64(1), "closed": false}
		if usd := db.where("currency.currency", "code", "USD")[0].id(); code == "1091" && s.c.Currency != "USD" {
			a["second_currency"] = usd
		}
		add("account.account", a)
	}
	for _, code := range []string{"REV", "EXP", "CASH", "STO", "STRIPE"} {
		add("account.journal", record{"code": code, "name": code, "type": "general"})
	}
	year := s.c.Now().UTC().Year()
	for y := year - 2; y <= year+1; y++ {
		for m := 1; m <= 12; m++ {
			first := commerce.Date{Year: y, Month: time.Month(m), Day: 1}
			state := "open"
			if y == year-2 && m == 1 {
				state = "close" // as in the seed of the real one
			}
			add("account.period", record{"name": fmt.Sprintf("%04d-%02d", y, m), "start_date": first, "end_date": monthEnd(first), "state": state,
				"type": "standard", "company": int64(1), "fiscalyear": int64(y - year + 3)})
		}
	}
	add("account.invoice.payment_term", record{"name": "Immediate"})
	for _, l := range []struct{ name, code, kind string }{{"Supplier", "SUP", "supplier"}, {"Customer", "CUS", "customer"},
		{"Storage", "STO", "storage"}, {"Output", "OUT", "storage"}, {"Warehouse", "WH", "warehouse"}} {
		add("stock.location", record{"name": l.name, "code": l.code, "type": l.kind})
	}
	add("stock.package.type", record{"name": "Box"})
	db.commit()
	return nil
}

// defaults are what create fills in: no unit, no price, no taxes.
func (t *transaction) defaults(model string) record {
	switch model {
	case "sale.sale":
		return record{"state": "draft", "company": int64(1), "invoice_method": t.db.get("sale.configuration", 1)["sale_invoice_method"], "shipment_method": "order", "warehouse": int64(5)}
	case "sale.line":
		return record{"type": "line"}
	case "party.party":
		return record{"active": true}
	case "account.invoice":
		return record{"state": "draft", "company": int64(1), "type": "out"}
	case "account.invoice.line":
		return record{"type": "line"}
	case "account.move":
		return record{"state": "draft", "company": int64(1)}
	case "account.move.line":
		return record{"debit": decimal{"0", true}, "credit": decimal{"0", true}, "state": "valid"}
	case "stock.package":
		return record{"state": "open", "code": t.db.number("package")}
	}
	return record{}
}

// validate checks a record as the server does at create and write.
func (t *transaction) validate(model string, r record) error {
	for name, f := range schema[model] {
		if f.needed && r[name] == nil {
			return refuse(`A value is required for field "%s" in "%s".`, f.label, labels[model])
		}
		if id, ok := r[name].(int64); ok && f.kind == many2one && t.db.get(f.target, id) == nil {
			return refuse(`The value "%d" for field "%s" in "%s" does not exist.`, id, f.label, labels[model])
		}
	}
	switch model {
	case "party.party":
		for _, other := range t.db.where(model, "code", r["code"]) {
			if r["code"] != nil && other["id"] != r["id"] {
				return refuse("The code on party must be unique.")
			}
		}
	case "sale.sale":
		for _, name := range []string{"invoice_address", "shipment_address"} {
			if id, ok := r[name].(int64); ok && t.db.get("party.address", id)["party"] != r["party"] {
				return refuse(`The value for field "%s" in "Sale" is not valid according to its domain.`, schema[model][name].label)
			}
		}
	case "sale.line":
		if r["product"] != nil && r["unit"] == nil {
			return refuse(`A value is required for field "Unit" in "Sale Line".`)
		}
		if r["unit"] != nil && rat(r["quantity"]) != nil && !rat(r["quantity"]).IsInt() {
			return refuse(`The number of digits in the value "%v" for field "Quantity" in "Sale Line" exceeds the limit of "0".`, r["quantity"])
		}
	case "account.move.line":
		return t.validateMoveLine(r)
	}
	return nil
}

// validated checks what can only be seen with the lists filled.
func (t *transaction) validated(model string, id int64) error {
	switch model {
	case "account.move":
		return t.validateMove(id)
	case "account.move.reconciliation":
		return t.reconcile(id)
	}
	return nil
}

func saleName(r record) string {
	var parts []string
	if n, ok := r["number"].(string); ok {
		parts = append(parts, n)
	}
	if n, ok := r["reference"].(string); ok {
		parts = append(parts, "["+n+"]")
	}
	return strings.Join(parts, " ")
}

// compute reads the fields that Tryton computes.
func (t *transaction) compute(model string, r record, name string) (any, error) {
	if strings.HasPrefix(model, "account.invoice") {
		return t.computeInvoice(model, r, name)
	}
	if model == "account.account" {
		return t.accountSum(r, name)
	}
	switch model + "." + name {
	case "sale.sale.untaxed_amount":
		net, _, _ := t.totals(r)
		return money(net), nil
	case "sale.sale.tax_amount":
		_, tax, _ := t.totals(r)
		return money(tax), nil
	case "sale.sale.total_amount":
		_, _, total := t.totals(r)
		return money(total), nil
	case "sale.sale.shipment_state":
		return t.shipmentState(r), nil
	case "sale.sale.invoice_state":
		return t.invoiceState(r), nil
	case "sale.sale.shipments":
		return t.shipmentsOf(r), nil
	case "sale.sale.moves":
		var out []int64
		for _, l := range t.db.where("sale.line", "sale", r.id()) {
			for _, m := range t.db.where("stock.move", "origin", fmt.Sprintf("sale.line,%d", l.id())) {
				out = append(out, m.id())
			}
		}
		return out, nil
	case "sale.sale.shipment_returns":
		return []int64{}, nil
	case "sale.line.amount":
		return money(t.lineAmount(r)), nil
	case "sale.line.actual_quantity":
		return r["quantity"], nil
	case "sale.line.moves":
		var out []int64
		for _, m := range t.db.where("stock.move", "origin", fmt.Sprintf("sale.line,%d", r.id())) {
			out = append(out, m.id())
		}
		return out, nil
	case "sale.line.move_done":
		for _, m := range t.db.where("stock.move", "origin", fmt.Sprintf("sale.line,%d", r.id())) {
			if m["state"] != "done" {
				return false, nil
			}
		}
		return true, nil
	case "stock.shipment.out.packages":
		var out []int64
		for _, p := range t.db.where("stock.package", "shipment", fmt.Sprintf("stock.shipment.out,%d", r.id())) {
			out = append(out, p.id())
		}
		return out, nil
	case "stock.shipment.out.origins":
		for _, m := range t.moves(r, "outgoing_moves") {
			if id, ok := t.saleOf(m); ok {
				return saleName(t.db.get("sale.sale", id)), nil
			}
		}
		return "", nil
	case "party.party.email", "party.party.phone":
		for _, c := range t.db.where("party.contact_mechanism", "party", r.id()) {
			if c["type"] == name {
				return c["value"], nil
			}
		}
		return "", nil
	}
	return nil, pythonError("'" + name + "'")
}

func money(m commerce.Money) decimal { return decimal{m.Text(), true} }

func (t *transaction) currencyOf(sale record) commerce.Currency {
	id, _ := sale["currency"].(int64)
	code, _ := t.db.get("currency.currency", id)["code"].(string)
	return commerce.Currency(code)
}

func (t *transaction) lineAmount(line record) commerce.Money {
	sale, _ := line["sale"].(int64)
	c := t.currencyOf(t.db.get("sale.sale", sale))
	amount := new(big.Rat).Mul(rat(line["unit_price"]), rat(line["quantity"]))
	return round(amount, c)
}

func round(amount *big.Rat, c commerce.Currency) commerce.Money {
	return commerce.MustMoney(halfEven(new(big.Rat).Mul(amount, new(big.Rat).SetInt(pow10(c.Exponent())))).Int64(), c)
}

func pow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// totals computes a sale: tax by tax and sign, rounded once or after every line.
func (t *transaction) totals(sale record) (net, tax, total commerce.Money) {
	c := t.currencyOf(sale)
	net, tax = commerce.Zero(c), commerce.Zero(c)
	perLine := t.db.get("account.configuration", 1)["tax_rounding"] == "line"
	type group struct {
		tax      int64
		positive bool
	}
	sums := map[group]*big.Rat{}
	for _, l := range t.db.where("sale.line", "sale", sale.id()) {
		net = commerce.MustMoney(net.Minor()+t.lineAmount(l).Minor(), c)
		base := new(big.Rat).Mul(rat(l["unit_price"]), rat(l["quantity"]))
		taxes, _ := l["taxes"].([]int64)
		for _, id := range taxes {
			g := group{id, base.Sign() >= 0}
			if sums[g] == nil {
				sums[g] = new(big.Rat)
			}
			sums[g].Add(sums[g], new(big.Rat).Mul(base, rat(t.db.get("account.tax", id)["rate"])))
		}
		if perLine {
			for _, sum := range sums {
				sum.Set(rat(money(round(sum, c))))
			}
		}
	}
	for _, sum := range sums {
		tax = commerce.MustMoney(tax.Minor()+round(sum, c).Minor(), c)
	}
	return net, tax, commerce.MustMoney(net.Minor()+tax.Minor(), c)
}

// each runs f on the records that are in one of the states.
func (t *transaction) each(model string, want []int64, states string, f func(record) error) (any, error) {
	if err := t.checkTimestamps(model, want); err != nil {
		return nil, err
	}
	for _, id := range want {
		r := t.db.get(model, id)
		if r == nil {
			return nil, refuse("You are trying to read records \"%d@%s\" that don't exist anymore.", id, model)
		}
		state, _ := r["state"].(string)
		if strings.Contains(" "+states+" ", " "+state+" ") {
			if err := f(r); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

func (t *transaction) quote(want []int64) (any, error) {
	return t.each("sale.sale", want, "draft", func(r record) error {
		if r["invoice_address"] == nil {
			return refuse("To get a quote for sale \"%s\" you must enter an invoice address.", saleName(r))
		}
		v := record{"state": "quotation"}
		if r["number"] == nil {
			v["number"] = t.db.number("sale")
		}
		t.db.update("sale.sale", r.id(), v)
		return nil
	})
}

func (t *transaction) confirm(want []int64) (any, error) {
	return t.each("sale.sale", want, "quotation", func(r record) error {
		t.db.update("sale.sale", r.id(), record{"state": "confirmed"})
		if t.server.c.Queue {
			return nil
		}
		_, err := t.process([]int64{r.id()})
		return err
	})
}

func (t *transaction) cancelSale(want []int64) (any, error) {
	return t.each("sale.sale", want, "draft quotation", func(r record) error {
		t.db.update("sale.sale", r.id(), record{"state": "cancelled"})
		return nil
	})
}

// process makes the shipment, once.
func (t *transaction) process(want []int64) (any, error) {
	return t.each("sale.sale", want, "confirmed processing", func(r record) error {
		invoices, _ := r["invoices"].([]int64)
		if made := t.invoiceSale(r); made != 0 {
			t.db.update("sale.sale", r.id(), record{"invoices": append(slices.Clone(invoices), made)})
			r = t.db.get("sale.sale", r.id())
		}
		if r["state"] == "processing" {
			// It is done once nothing more is to be sent or invoiced.
			if state := t.shipmentState(r); (state == "none" || state == "sent") && t.invoiceState(r) != "waiting" && t.invoiceState(r) != "exception" {
				t.db.update("sale.sale", r.id(), record{"state": "done"})
			}
			return nil
		}
		t.db.update("sale.sale", r.id(), record{"state": "processing"})
		var outgoing, inventory []int64
		var goods []record
		for _, l := range t.db.where("sale.line", "sale", r.id()) {
			if product, _ := l["product"].(int64); t.db.get("product.product", product)["type"] == "goods" && rat(l["quantity"]).Sign() > 0 {
				goods = append(goods, l)
			}
		}
		for _, l := range goods {
			outgoing = append(outgoing, t.db.insert("stock.move", record{"state": "draft", "quantity": float(rat(l["quantity"])),
				"product": l["product"], "origin": fmt.Sprintf("sale.line,%d", l.id())}))
		}
		for _, l := range goods {
			inventory = append(inventory, t.db.insert("stock.move", record{"state": "draft", "quantity": float(rat(l["quantity"])), "product": l["product"]}))
		}
		if len(outgoing) > 0 {
			shipment := t.db.insert("stock.shipment.out", record{"state": "waiting", "number": t.db.number("shipment"), "company": r["company"],
				"customer": r["party"], "delivery_address": r["shipment_address"], "warehouse": r["warehouse"],
				"planned_date": commerce.DateOf(t.db.now()), "outgoing_moves": outgoing, "inventory_moves": inventory})
			for _, id := range outgoing {
				t.db.update("stock.move", id, record{"shipment": shipment})
			}
		}
		return nil
	})
}

// invoiceState leaves out what is not to be made again.
func (t *transaction) invoiceState(sale record) string {
	invoices, _ := sale["invoices"].([]int64)
	ignored, _ := sale["invoices_ignored"].([]int64)
	state := "none"
	for _, id := range invoices {
		switch {
		case slices.Contains(ignored, id):
		case t.db.get("account.invoice", id)["state"] == "cancelled":
			return "exception"
		case t.db.get("account.invoice", id)["state"] == "paid" && state == "none":
			state = "paid"
		default:
			state = "waiting"
		}
	}
	return state
}

func (t *transaction) cancelInvoice(want []int64) (any, error) {
	return t.each("account.invoice", want, "draft validated", func(r record) error {
		t.db.update("account.invoice", r.id(), record{"state": "cancelled"})
		sales, _ := r["sales"].([]int64)
		for _, id := range sales {
			t.db.update("sale.sale", id, record{})
		}
		return nil
	})
}

// leaveOut takes the answer that nothing of what was cancelled is made again.
func (t *transaction) leaveOut(params []any, field string) (any, error) {
	id, _ := t.context["active_id"].(int64)
	sale := t.db.get("sale.sale", id)
	if sale == nil || len(params) < 2 {
		return nil, pythonError("'active_id'")
	}
	data, _ := params[1].(map[string]any)
	form, _ := data["ask"].(map[string]any)
	all := ids(form[field])
	if field == "domain_invoices" {
		for _, x := range all {
			t.link("sale.sale", id, "invoices_ignored", x)
		}
	}
	for _, l := range t.db.where("sale.line", "sale", id) {
		for _, m := range t.db.where("stock.move", "origin", fmt.Sprintf("sale.line,%d", l.id())) {
			if field == "domain_moves" && slices.Contains(all, m.id()) {
				t.link("sale.line", l.id(), "moves_ignored", m.id())
			}
		}
	}
	t.db.update("sale.sale", id, record{})
	if _, err := t.process([]int64{id}); err != nil {
		return nil, err
	}
	return map[string]any{}, nil
}

func (t *transaction) wizard(name string, params []any) (any, error) {
	switch name {
	case "account.move.cancel.create":
		return []any{json.Number(t.db.number("wizard")), "default", "end"}, nil
	case "account.move.cancel.delete":
		return nil, nil
	case "account.move.cancel.execute":
		return t.reverse(params)
	case "sale.handle.shipment.exception.create", "sale.handle.invoice.exception.create":
		return []any{json.Number(t.db.number("wizard")), "ask", "end"}, nil
	case "sale.handle.shipment.exception.delete", "sale.handle.invoice.exception.delete":
		return nil, nil
	case "sale.handle.shipment.exception.execute":
		return t.leaveOut(params, "domain_moves")
	case "sale.handle.invoice.exception.execute":
		return t.leaveOut(params, "domain_invoices")
	case "sale.return_sale.create":
		return []any{json.Number(t.db.number("wizard")), "start", "end"}, nil
	case "sale.return_sale.delete":
		return nil, nil
	case "sale.return_sale.execute":
		return t.returnSale()
	}
	return nil, errNoMethod
}

// returnSale copies a sale with negative quantities, its reference included.
func (t *transaction) returnSale() (any, error) {
	id, _ := t.context["active_id"].(int64)
	sale := t.db.get("sale.sale", id)
	if sale == nil {
		return nil, pythonError("'active_id'")
	}
	v := record{}
	for _, name := range []string{"reference", "description", "party", "currency", "company", "invoice_address", "shipment_address", "sale_date", "warehouse", "invoice_method", "payment_term"} {
		v[name] = sale[name]
	}
	v["state"], v["origin"] = "draft", fmt.Sprintf("sale.sale,%d", id)
	made := t.db.insert("sale.sale", v)
	for _, l := range t.db.where("sale.line", "sale", id) {
		back := record{}
		for name := range schema["sale.line"] {
			back[name] = l[name]
		}
		back["sale"], back["quantity"] = made, float(new(big.Rat).Neg(rat(l["quantity"])))
		t.db.insert("sale.line", back)
	}
	return map[string]any{"actions": []any{[]any{map[string]any{"res_model": "sale.sale"}, map[string]any{"res_id": []any{made}}}}}, nil
}
