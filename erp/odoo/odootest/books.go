package odootest

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

func init() {
	schema["account.move"] = of(chars("name", "ref", "state", "date", "move_type", "invoice_date", "invoice_date_due", "payment_reference",
		"invoice_origin"), map[string]field{
		"narration": {kind: html}, "journal_id": m2o("account.journal"), "partner_id": m2o("res.partner"), "currency_id": m2o("res.currency"),
		"company_id": m2o("res.company"), "reversed_entry_id": m2o("account.move"), "origin_payment_id": m2o("account.payment"),
		"fiscal_position_id": m2o("account.fiscal.position"), "invoice_payment_term_id": m2o("account.payment.term"),
		"line_ids": o2m("account.move.line", "move_id"), "invoice_line_ids": o2m("account.move.line", "move_id"),
		"reversal_move_ids": o2m("account.move", "reversed_entry_id"), "matched_payment_ids": m2m("account.payment"),
		"payment_state": computes(char), "amount_untaxed": computes(decimal), "amount_tax": computes(decimal), "amount_total": computes(decimal),
		"amount_residual": computes(decimal), "amount_total_signed": computes(decimal), "commercial_partner_id": computesOne("res.partner"), "invoice_has_outstanding": computes(boolean),
		"invoice_outstanding_credits_debits_widget": computes(structure), "display_name": computes(char)})
	schema["account.move.line"] = of(chars("name", "display_type", "date", "move_name"), map[string]field{
		"move_id": m2o("account.move"), "account_id": m2o("account.account"), "partner_id": m2o("res.partner"), "currency_id": m2o("res.currency"),
		"company_id": m2o("res.company"), "product_id": m2o("product.product"), "quantity": {kind: decimal}, "price_unit": {kind: decimal},
		"discount": {kind: decimal}, "tax_ids": m2m("account.tax"), "tax_line_id": m2o("account.tax"), "sale_line_ids": m2m("sale.order.line"),
		"balance": {kind: decimal}, "amount_currency": {kind: decimal}, "debit": computes(decimal), "credit": computes(decimal),
		"tax_base_amount": {kind: decimal}, "price_subtotal": {kind: decimal}, "price_total": {kind: decimal}, "sequence": {kind: integer},
		"full_reconcile_id": m2o("account.full.reconcile"), "parent_state": computes(char), "reconciled": computes(boolean),
		"matching_number": computes(char), "amount_residual": computes(decimal), "amount_residual_currency": computes(decimal),
		"matched_debit_ids":  o2m("account.partial.reconcile", "credit_move_id"),
		"matched_credit_ids": o2m("account.partial.reconcile", "debit_move_id")})
	schema["account.partial.reconcile"] = map[string]field{"debit_move_id": m2o("account.move.line"), "credit_move_id": m2o("account.move.line"),
		"amount": {kind: decimal}, "debit_amount_currency": {kind: decimal}, "credit_amount_currency": {kind: decimal},
		"full_reconcile_id": m2o("account.full.reconcile"), "exchange_move_id": m2o("account.move")}
	schema["account.full.reconcile"] = map[string]field{"reconciled_line_ids": o2m("account.move.line", "full_reconcile_id")}
	schema["account.move.reversal"] = of(chars("date", "reason"), map[string]field{
		"move_ids": m2m("account.move"), "journal_id": m2o("account.journal")})
	schema["sale.advance.payment.inv"] = of(chars("advance_payment_method"), map[string]field{"sale_order_ids": m2m("sale.order")})
	schema["account.payment"] = of(chars("name", "date", "memo", "payment_type", "partner_type", "payment_reference"), map[string]field{
		"state": computes(char), "amount": {kind: decimal}, "partner_id": m2o("res.partner"), "journal_id": m2o("account.journal"),
		"currency_id": m2o("res.currency"), "company_id": m2o("res.company"), "payment_method_line_id": m2o("account.payment.method.line"),
		"move_id": m2o("account.move"), "destination_account_id": m2o("account.account"), "outstanding_account_id": m2o("account.account"),
		"is_reconciled": computes(boolean), "is_matched": computes(boolean), "reconciled_invoice_ids": computesList("account.move"),
		"display_name": computes(char)})
	schema["account.payment.register"] = of(chars("payment_date", "communication", "payment_difference_handling", "writeoff_label"), map[string]field{
		"journal_id": m2o("account.journal"), "amount": {kind: decimal}, "currency_id": m2o("res.currency"), "group_payment": {kind: boolean},
		"payment_method_line_id": m2o("account.payment.method.line"), "writeoff_account_id": m2o("account.account"),
		"move_ids": m2m("account.move")})
}

func isInvoice(move record) bool {
	return move["move_type"] == "out_invoice" || move["move_type"] == "out_refund"
}

// sign is that of an invoice's lines of products: what is sold is a credit.
func sign(move record) *big.Rat {
	if move["move_type"] == "out_refund" {
		return big.NewRat(1, 1)
	}
	return big.NewRat(-1, 1)
}

func (t *transaction) moveDefaults(r record, set func(string, any)) {
	set("move_type", "entry")
	kind := "general"
	if isInvoice(r) {
		kind = "sale"
	}
	company := t.companies()[0]
	for _, j := range t.db.all("account.journal") {
		if j["type"] == kind && j["company_id"] == company {
			set("journal_id", j.id())
			break
		}
	}
	r["state"] = "draft"
	if isInvoice(r) && !falsy(r["invoice_date"]) {
		set("date", r["invoice_date"])
	}
	if falsy(r["date"]) {
		r["date"] = t.today()
	}
	set("company_id", company)
	set("currency_id", t.db.get("res.company", ref(r["company_id"]))["currency_id"])
}

// moveLineDefaults fills a line; amounts are rounded silently, and a debit below nought
// becomes a credit.
func (t *transaction) moveLineDefaults(r record, sent map[string]any, set func(string, any)) error {
	move := t.db.get("account.move", ref(r["move_id"]))
	if move == nil {
		return constrained(missingValue("account.move.line", "move_id"))
	}
	set("display_type", "product")
	set("company_id", move["company_id"])
	r["date"], r["move_name"] = move["date"], move["name"]
	set("partner_id", t.commercial(move["partner_id"]))
	if isInvoice(move) {
		p := t.db.get("product.product", ref(r["product_id"]))
		set("quantity", big.NewRat(1, 1))
		set("price_unit", rat(p["list_price"]))
		set("name", bracketed(p))
		set("account_id", t.db.get("account.journal", ref(move["journal_id"]))["default_account_id"])
		r["currency_id"] = move["currency_id"]
		if _, given := sent["tax_ids"]; !given && p != nil && r["display_type"] == "product" {
			r["tax_ids"] = ids(p["taxes_id"])
		}
	}
	if falsy(r["account_id"]) {
		t.db.burn("account.move.line")
		return constrained(validationError("Missing required account on accountable line."))
	}
	if !isInvoice(move) {
		t.amounts(r, sent, move)
	}
	return nil
}

// amounts settles the amounts of a line of an entry from those that were sent.
func (t *transaction) amounts(r record, sent map[string]any, move record) {
	home := t.db.get("res.company", ref(move["company_id"]))["currency_id"]
	if falsy(r["currency_id"]) {
		r["currency_id"] = home
	}
	_, debit := sent["debit"]
	_, credit := sent["credit"]
	_, balance := sent["balance"]
	_, foreign := sent["amount_currency"]
	switch {
	case debit || credit:
		r["balance"] = sub(rat(r["debit"]), rat(r["credit"]))
	case !balance && foreign:
		r["balance"] = new(big.Rat).Quo(rat(r["amount_currency"]), t.rate(ref(r["currency_id"]), text(move["date"])))
	}
	r["balance"] = round(rat(r["balance"]), t.digits(home))
	if r["currency_id"] == home || !foreign {
		r["amount_currency"] = r["balance"]
		if r["currency_id"] != home {
			r["amount_currency"] = round(mul(rat(r["balance"]), t.rate(ref(r["currency_id"]), text(move["date"]))), t.digits(r["currency_id"]))
		}
	} else {
		r["amount_currency"] = round(rat(r["amount_currency"]), t.digits(r["currency_id"]))
	}
	delete(r, "debit")
	delete(r, "credit")
}

// insertLine adds a line that the server makes itself.
func (t *transaction) insertLine(move record, v record) int64 {
	v["move_id"], v["company_id"], v["date"], v["move_name"] = move.id(), move["company_id"], move["date"], move["name"]
	if v["display_type"] == nil {
		v["display_type"] = "product"
	}
	return t.db.insert("account.move.line", v)
}

func (t *transaction) linesOfMove(move int64) []record {
	return t.db.where("account.move.line", "move_id", move)
}

// toHome turns an amount of a document into the company's currency.
func (t *transaction) toHome(move record, amount *big.Rat) *big.Rat {
	home := t.db.get("res.company", ref(move["company_id"]))["currency_id"]
	if move["currency_id"] == home {
		return amount
	}
	day := cmp.Or(text(move["invoice_date"]), text(move["date"]))
	return round(new(big.Rat).Quo(amount, t.rate(ref(move["currency_id"]), day)), t.digits(home))
}

// retax computes the amounts of an invoice's lines and its lines of tax anew.
func (t *transaction) retax(move record) {
	var products []record
	old := map[int64]int64{}
	for _, l := range t.linesOfMove(move.id()) {
		switch l["display_type"] {
		case "product":
			products = append(products, l)
		case "tax":
			old[ref(l["tax_line_id"])] = l.id()
		}
	}
	lines := make([]*taxable, len(products))
	for i, l := range products {
		discount := sub(big.NewRat(1, 1), mul(rat(l["discount"]), big.NewRat(1, 100)))
		lines[i] = &taxable{raw: mul(mul(rat(l["price_unit"]), rat(l["quantity"])), discount), count: rat(l["quantity"]), taxes: t.taxesOf(l["tax_ids"])}
	}
	b := charge(lines, t.digits(move["currency_id"]), t.perLine(move["company_id"]))
	s := sign(move)
	for i, l := range products {
		amount := mul(s, add(lines[i].base, lines[i].share))
		t.db.update("account.move.line", l.id(), record{"amount_currency": amount, "balance": t.toHome(move, amount),
			"price_subtotal": lines[i].base, "price_total": lines[i].total})
	}
	for _, tax := range b.taxes {
		amount := mul(s, b.byTax[tax])
		v := record{"amount_currency": amount, "balance": t.toHome(move, amount), "tax_base_amount": mul(s, b.baseOf[tax])}
		if id := old[tax]; id != 0 {
			t.db.update("account.move.line", id, v)
			delete(old, tax)
			continue
		}
		v["display_type"], v["tax_line_id"], v["name"] = "tax", tax, t.db.get("account.tax", tax)["name"]
		v["account_id"], v["partner_id"], v["currency_id"] = products[0]["account_id"], t.commercial(move["partner_id"]), move["currency_id"]
		t.insertLine(move, v)
	}
	for _, id := range old {
		t.db.remove("account.move.line", id)
	}
}

// balance makes the line on the customer's account what the others leave.
func (t *transaction) balanceInvoice(move record) {
	sum, home := new(big.Rat), new(big.Rat)
	var term record
	for _, l := range t.linesOfMove(move.id()) {
		if l["display_type"] == "payment_term" {
			term = l
			continue
		}
		sum, home = sub(sum, rat(l["amount_currency"])), sub(home, rat(l["balance"]))
	}
	v := record{"amount_currency": sum, "balance": home, "name": t.termName(move)}
	if term != nil {
		t.db.update("account.move.line", term.id(), v)
		return
	}
	v["display_type"], v["account_id"] = "payment_term", t.receivable(ref(move["partner_id"]))
	v["partner_id"], v["currency_id"] = t.commercial(move["partner_id"]), move["currency_id"]
	t.insertLine(move, v)
}

func (t *transaction) termName(move record) any {
	reference, payment := text(move["ref"]), text(move["payment_reference"])
	switch {
	case payment == "":
		return nil
	case reference == "" || reference == payment || move["move_type"] == "out_refund":
		return payment
	}
	return reference + " - " + payment
}

// commercial is the party that a contact is of: what is owed stands under it.
func (t *transaction) commercial(partner any) any {
	for {
		parent := ref(t.db.get("res.partner", ref(partner))["parent_id"])
		if parent == 0 {
			return partner
		}
		partner = parent
	}
}

func (t *transaction) receivable(partner int64) any {
	return t.db.get("res.partner", partner)["property_account_receivable_id"]
}

// settle ends every call that may have changed entries: lines of tax and of the customer
// are computed, and what does not balance is refused.
func (t *transaction) settle() error {
	for len(t.touched) > 0 {
		touched := t.touched
		t.touched = nil
		for id, how := range touched {
			move := t.db.get("account.move", id)
			if move == nil {
				continue
			}
			if isInvoice(move) && move["state"] == "draft" && len(t.linesOfMove(id)) > 0 {
				if how == allLines {
					t.retax(move)
				}
				t.balanceInvoice(move)
			}
			sum := new(big.Rat)
			for _, l := range t.linesOfMove(id) {
				sum = add(sum, rat(l["balance"]))
			}
			if sum.Sign() != 0 {
				return userError("The entry is not balanced.")
			}
		}
	}
	return nil
}

// How much of an entry is to be computed anew.
const (
	balanceOnly = iota + 1
	allLines
)

func (t *transaction) touch(move int64, how int) {
	if t.touched == nil {
		t.touched = map[int64]int{}
	}
	t.touched[move] = max(t.touched[move], how)
}

// posted are the fields of a posted entry that nobody changes any more.
var fixed = []string{"currency_id", "date", "invoice_date", "invoice_line_ids", "line_ids", "partner_id"}

func (t *transaction) changingMove(r record, v map[string]any) error {
	if r["state"] != "posted" {
		return nil
	}
	var no []string
	for _, name := range fixed {
		if _, ok := v[name]; ok {
			no = append(no, name)
		}
	}
	if len(no) > 0 {
		return userError("You cannot modify the following readonly fields on a posted move: %s", strings.Join(no, ", "))
	}
	return nil
}

func (t *transaction) changedMove(id int64, v map[string]any) {
	move := t.db.get("account.move", id)
	_, dated := v["date"]
	if _, ok := v["invoice_date"]; ok && !dated && isInvoice(move) && move["state"] == "draft" && !falsy(move["invoice_date"]) {
		t.db.update("account.move", id, record{"date": move["invoice_date"]})
	}
	if dated {
		for _, l := range t.linesOfMove(id) {
			t.db.update("account.move.line", l.id(), record{"date": t.db.get("account.move", id)["date"]})
		}
	}
	if isInvoice(move) && move["state"] == "draft" {
		t.touch(id, balanceOnly)
	}
}

func (t *transaction) changedMoveLine(id int64, v map[string]any, made bool) {
	l := t.db.get("account.move.line", id)
	move := t.db.get("account.move", ref(l["move_id"]))
	if list := ids(l["sale_line_ids"]); len(list) > 0 && l["sale_line_id"] != list[0] {
		t.db.update("account.move.line", id, record{"sale_line_id": list[0]})
	}
	how := balanceOnly
	switch {
	case isInvoice(move) && l["display_type"] == "tax":
		if a, ok := v["amount_currency"]; ok {
			t.db.update("account.move.line", id, record{"balance": t.toHome(move, rat(a))})
		}
	case isInvoice(move):
		how = allLines
	case !made:
		next := record{}
		for _, name := range []string{"debit", "credit", "currency_id", "balance", "amount_currency"} {
			next[name] = l[name]
		}
		_, debit := v["debit"]
		_, credit := v["credit"]
		if debit != credit { // the side that was not sent stays
			d, c := sides(l)
			if debit {
				next["credit"] = c
			} else {
				next["debit"] = d
			}
		}
		t.amounts(next, v, move)
		next["debit"], next["credit"] = nil, nil
		t.db.update("account.move.line", id, next)
	}
	t.touch(move.id(), how)
}

// sides are debit and credit of a line.
func sides(l record) (*big.Rat, *big.Rat) {
	b := rat(l["balance"])
	if b.Sign() < 0 {
		return new(big.Rat), neg(b)
	}
	return b, new(big.Rat)
}

func (t *transaction) lockDate(company any) string {
	c := t.db.get("res.company", ref(company))
	day := ""
	for _, name := range []string{"fiscalyear_lock_date", "hard_lock_date"} {
		day = max(day, text(c[name]))
	}
	return day
}

// openDate is the date that the server gives an entry in a locked period. An invoice
// goes to today; an entry of a journal that numbers by month to the end of the first
// open month.
func (t *transaction) openDate(move record) string {
	day := text(move["date"])
	lock := t.lockDate(move["company_id"])
	if lock == "" || day > lock {
		return day
	}
	first := nextDay(lock)
	today := t.today()
	if isInvoice(move) || !byMonth(t.db.get("account.journal", ref(move["journal_id"]))) {
		return max(first, today)
	}
	if first[:7] < today[:7] {
		at, _ := time.Parse(dateLayout, first[:7]+"-01")
		return at.AddDate(0, 1, -1).Format(dateLayout)
	}
	return max(first, today)
}

func nextDay(day string) string {
	at, _ := time.Parse(dateLayout, day)
	return at.AddDate(0, 0, 1).Format(dateLayout)
}

func byMonth(journal record) bool { return journal["type"] == "general" }

// sequence is the next name in a journal; one that a refused posting drew is given back.
func (t *transaction) sequence(move record) string {
	j := t.db.get("account.journal", ref(move["journal_id"]))
	prefix, digits := text(j["code"]), 5
	switch {
	case move["move_type"] == "out_refund":
		prefix = "R" + prefix
	case falsy(move["origin_payment_id"]):
	default:
		prefix = "P" + prefix
	}
	day := text(move["date"])
	prefix += "/" + day[:4] + "/"
	if byMonth(j) {
		prefix, digits = prefix+day[5:7]+"/", 4
	}
	t.db.numbers[prefix]++
	t.db.undo = append(t.db.undo, func() { t.db.numbers[prefix]-- })
	return fmt.Sprintf("%s%0*d", prefix, digits, t.db.numbers[prefix])
}

// postMoves posts entries and invoices; it answers false.
func (t *transaction) postMoves(want []int64) (any, error) {
	for _, id := range want {
		if err := t.post(id); err != nil {
			return nil, err
		}
	}
	return false, t.settle()
}

func (t *transaction) post(id int64) error {
	move := t.db.get("account.move", id)
	if move["state"] != "draft" {
		name := text(move["name"])
		return userError("The entry %s (id %d) must be in draft.", name, id)
	}
	if len(t.linesOfMove(id)) == 0 {
		return userError("Even magicians can't post nothing!")
	}
	next := record{"state": "posted"}
	if isInvoice(move) {
		if falsy(move["partner_id"]) {
			return userError("The 'Customer' field is required to validate the invoice. You probably don't want to explain to your auditor that you invoiced an invisible man :)")
		}
		if falsy(move["invoice_date"]) {
			next["invoice_date"], next["date"] = t.today(), t.today()
		}
	}
	t.db.update("account.move", id, next)
	move = t.db.get("account.move", id)
	t.db.update("account.move", id, record{"date": t.openDate(move)})
	move = t.db.get("account.move", id)
	if falsy(move["name"]) {
		t.db.update("account.move", id, record{"name": t.sequence(move)})
	}
	move = t.db.get("account.move", id)
	for _, x := range t.db.where("account.move", "name", move["name"]) {
		if x.id() != id && x["state"] == "posted" && x["journal_id"] == move["journal_id"] {
			return constrained(validationError("Another entry with the same name already exists."))
		}
	}
	if move["move_type"] == "out_invoice" && falsy(move["payment_reference"]) {
		t.db.update("account.move", id, record{"payment_reference": move["name"]})
		move = t.db.get("account.move", id)
	}
	for _, l := range t.linesOfMove(id) {
		v := record{"date": move["date"], "move_name": move["name"]}
		if l["display_type"] == "payment_term" {
			v["name"] = t.termName(move)
		}
		t.db.update("account.move.line", l.id(), v)
	}
	if original := t.db.get("account.move", ref(move["reversed_entry_id"])); original != nil && isInvoice(move) {
		return t.reconcileOpen(original, move)
	}
	return nil
}

// reconcileOpen applies a credit note to what is open of its invoice.
func (t *transaction) reconcileOpen(a, b record) error {
	var open []int64
	for _, m := range []record{a, b} {
		for _, l := range t.linesOfMove(m.id()) {
			if l["display_type"] == "payment_term" {
				if home, _ := t.residual(l); home.Sign() == 0 {
					return nil
				}
				open = append(open, l.id())
			}
		}
	}
	return t.reconcile(open)
}

// draftMoves takes posted entries back to draft, unless their period is locked.
func (t *transaction) draftMoves(want []int64) (any, error) {
	for _, id := range want {
		move := t.db.get("account.move", id)
		if move["state"] == "draft" {
			return nil, userError("Only posted/cancelled journal entries can be reset to draft.")
		}
		if lock := t.lockDate(move["company_id"]); lock != "" && text(move["date"]) <= lock {
			at, _ := time.Parse(dateLayout, lock)
			return nil, userError("You cannot add/modify entries prior to and inclusive of: Global Lock Date (%s).", at.Format("01/02/2006"))
		}
		if _, err := t.unreconcile(idsOf(t.linesOfMove(id))); err != nil {
			return nil, err
		}
		t.db.update("account.move", id, record{"state": "draft"})
	}
	return nil, nil
}

func (t *transaction) cancelMoves(want []int64) (any, error) {
	for _, id := range want {
		if t.db.get("account.move", id)["state"] != "draft" {
			return nil, userError("Only draft journal entries can be cancelled.")
		}
		t.db.update("account.move", id, record{"state": "cancel"})
	}
	return nil, nil
}

func (t *transaction) droppingMove(r record) error {
	if r["state"] == "posted" {
		return userError("You can't delete a posted journal item. Don’t play games with your accounting records; reset the journal entry to draft before deleting it.")
	}
	return nil
}

func (t *transaction) terms(move int64) []record {
	return slices.DeleteFunc(t.linesOfMove(move), func(l record) bool { return l["display_type"] != "payment_term" })
}

// computeBooks reads the fields of the books that are not stored.
func (t *transaction) computeBooks(model string, r record, name string) (any, error) {
	switch model {
	case "account.move":
		return t.computeMove(r, name)
	case "account.payment":
		return t.computePayment(r, name), nil
	case "account.move.line":
		move := t.db.get("account.move", ref(r["move_id"]))
		switch name {
		case "debit", "credit":
			debit, credit := sides(r)
			return map[string]*big.Rat{"debit": debit, "credit": credit}[name], nil
		case "parent_state":
			return move["state"], nil
		case "reconciled":
			home, foreign := t.residual(r)
			return t.reconcilable(r) && len(t.partials(r.id())) > 0 && home.Sign() == 0 && foreign.Sign() == 0, nil
		case "matching_number":
			return t.matching(r), nil
		case "amount_residual":
			home, _ := t.residual(r)
			return home, nil
		case "amount_residual_currency":
			_, foreign := t.residual(r)
			return foreign, nil
		}
	}
	return nil, errNoField
}

func (t *transaction) computeMove(r record, name string) (any, error) {
	switch name {
	case "commercial_partner_id":
		return t.commercial(r["partner_id"]), nil
	case "payment_state":
		return t.paymentState(r), nil
	case "invoice_has_outstanding":
		return len(t.outstanding(r)) > 0, nil
	case "invoice_outstanding_credits_debits_widget":
		return t.outstandingWidget(r), nil
	}
	net, tax, total, open, home := new(big.Rat), new(big.Rat), new(big.Rat), new(big.Rat), new(big.Rat)
	for _, l := range t.linesOfMove(r.id()) {
		if !isInvoice(r) {
			debit, _ := sides(l)
			total, home = add(total, debit), add(home, debit)
			continue
		}
		s := sign(r)
		switch l["display_type"] {
		case "tax":
			tax = add(tax, mul(s, rat(l["amount_currency"])))
		case "payment_term":
			total, home = sub(total, mul(s, rat(l["amount_currency"]))), add(home, rat(l["balance"]))
			_, foreign := t.residual(l)
			open = sub(open, mul(s, foreign))
		default:
			net = add(net, mul(s, rat(l["amount_currency"])))
		}
	}
	return map[string]*big.Rat{"amount_untaxed": net, "amount_tax": tax, "amount_total": total, "amount_residual": open,
		"amount_total_signed": home}[name], nil
}

// paymentState: an invoice whose open amount is nought is paid; taken back by credit
// notes alone, it is reversed.
func (t *transaction) paymentState(move record) any {
	if !isInvoice(move) || move["state"] != "posted" {
		return "not_paid"
	}
	open, some, notes := false, false, true
	for _, l := range t.terms(move.id()) {
		home, foreign := t.residual(l)
		open = open || home.Sign() != 0 || foreign.Sign() != 0
		for _, p := range t.partials(l.id()) {
			some = true
			other := t.db.get("account.move", ref(t.db.get("account.move.line", t.other(p, l.id()))["move_id"]))
			notes = notes && other["reversed_entry_id"] == move.id()
		}
	}
	switch {
	case open && some:
		return "partial"
	case open:
		return "not_paid"
	case some && notes:
		return "reversed"
	}
	return "paid"
}
