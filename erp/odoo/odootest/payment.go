package odootest

import (
	"cmp"
	"math/big"
	"slices"
)

func (t *transaction) paymentDefaults(r record, set func(string, any)) {
	set("payment_type", "inbound")
	set("partner_type", "customer")
	set("date", t.today())
	set("company_id", t.companies()[0])
	for _, j := range t.db.all("account.journal") {
		if j["type"] == "bank" {
			set("journal_id", j.id())
			break
		}
	}
	set("currency_id", t.db.get("res.company", ref(r["company_id"]))["currency_id"])
	for _, id := range t.methodLines(ref(r["journal_id"]), text(r["payment_type"])) {
		set("payment_method_line_id", id)
		break
	}
	set("destination_account_id", t.receivable(ref(r["partner_id"])))
	r["outstanding_account_id"] = t.db.get("account.payment.method.line", ref(r["payment_method_line_id"]))["payment_account_id"]
}

// writeOff is what a payment lacks, and where it is booked.
type writeOff struct {
	account any
	label   string
	amount  *big.Rat // of the payment's currency; nil = none
}

// postPayments makes the entries of payments. A payment without an outstanding account
// has none.
func (t *transaction) postPayments(want []int64) (any, error) {
	for _, id := range want {
		if _, err := t.postPayment(id, writeOff{}); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// postPayment returns the line on the partner's account; 0 = there is no entry.
func (t *transaction) postPayment(id int64, rest writeOff) (int64, error) {
	p := t.db.get("account.payment", id)
	if p["posted"] == true {
		return 0, userError("You can only post draft payments.")
	}
	t.db.update("account.payment", id, record{"posted": true})
	if falsy(p["outstanding_account_id"]) {
		return 0, nil
	}
	move := t.db.insert("account.move", record{"move_type": "entry", "state": "draft", "journal_id": p["journal_id"], "date": p["date"],
		"ref": p["memo"], "partner_id": p["partner_id"], "company_id": p["company_id"], "currency_id": p["currency_id"], "origin_payment_id": id})
	m := t.db.get("account.move", move)
	amount := rat(p["amount"])
	if p["payment_type"] == "outbound" {
		amount = neg(amount)
	}
	name := text(t.db.get("account.payment.method.line", ref(p["payment_method_line_id"]))["name"])
	if memo := text(p["memo"]); memo != "" {
		name += ": " + memo
	}
	line := func(account any, amount *big.Rat, name string) int64 {
		v := record{"account_id": account, "partner_id": p["partner_id"], "currency_id": p["currency_id"], "amount_currency": amount,
			"balance": t.toHome(m, amount), "name": name}
		return t.insertLine(m, v)
	}
	line(p["outstanding_account_id"], amount, name)
	other := amount
	if rest.amount != nil {
		other = add(amount, rest.amount)
	}
	receivable := line(p["destination_account_id"], neg(other), name)
	if rest.amount != nil {
		line(rest.account, rest.amount, rest.label)
	}
	if err := t.post(move); err != nil {
		return 0, err
	}
	t.db.update("account.payment", id, record{"move_id": move, "name": t.db.get("account.move", move)["name"]})
	return receivable, nil
}

func (t *transaction) draftPayments(want []int64) (any, error) {
	for _, id := range want {
		p := t.db.get("account.payment", id)
		if move := ref(p["move_id"]); move != 0 {
			if _, err := t.draftMoves([]int64{move}); err != nil {
				return nil, err
			}
			t.db.remove("account.move", move)
			for _, l := range t.linesOfMove(move) {
				t.db.remove("account.move.line", l.id())
			}
		}
		t.db.update("account.payment", id, record{"posted": false, "canceled": false, "move_id": nil})
	}
	return nil, nil
}

func (t *transaction) cancelPayments(want []int64) (any, error) {
	if _, err := t.draftPayments(want); err != nil {
		return nil, err
	}
	for _, id := range want {
		t.db.update("account.payment", id, record{"canceled": true})
	}
	return nil, nil
}

func (t *transaction) computePayment(p record, name string) any {
	var invoices []int64
	reconciled := false
	for _, l := range t.linesOfMove(ref(p["move_id"])) {
		if l["account_id"] != p["destination_account_id"] {
			continue
		}
		home, foreign := t.residual(l)
		reconciled = len(t.partials(l.id())) > 0 && home.Sign() == 0 && foreign.Sign() == 0
		for _, x := range t.partials(l.id()) {
			m := t.db.get("account.move", ref(t.db.get("account.move.line", t.other(x, l.id()))["move_id"]))
			if isInvoice(m) && !slices.Contains(invoices, m.id()) {
				invoices = append(invoices, m.id())
			}
		}
	}
	switch name {
	case "is_reconciled":
		return reconciled
	case "reconciled_invoice_ids":
		return invoices
	case "state":
		open := slices.ContainsFunc(invoices, func(id int64) bool {
			s := t.paymentState(t.db.get("account.move", id))
			return s != "paid" && s != "reversed"
		})
		switch {
		case p["canceled"] == true:
			return "canceled"
		case p["posted"] != true:
			return "draft"
		case len(invoices) > 0 && !open:
			return "paid"
		}
		return "in_process"
	}
	return false // is_matched: no bank statements here
}

// registerDefaults ties the wizard to the invoices of its context.
func (t *transaction) registerDefaults(r record, set func(string, any)) error {
	moves := ids(t.context["active_ids"])
	r["move_ids"] = moves
	open, currency := new(big.Rat), any(nil)
	for _, id := range moves {
		m := t.db.get("account.move", id)
		if m == nil {
			return missingError("account.move", id)
		}
		if m["state"] != "posted" {
			return userError("You can only register payment for posted journal entries.")
		}
		for _, l := range t.terms(id) {
			_, own := t.residual(l)
			open = add(open, new(big.Rat).Abs(own))
		}
		currency = m["currency_id"]
	}
	if open.Sign() == 0 {
		return userError("There's nothing left to pay for the selected journal items, so no payment registration is necessary. You've got your finances under control like a boss!")
	}
	set("payment_date", t.today())
	set("currency_id", currency)
	set("amount", open)
	set("payment_difference_handling", "open")
	set("communication", t.db.get("account.move", moves[0])["name"])
	return nil
}

// createPayments pays the invoices of the wizard.
func (t *transaction) createPayments(want []int64) (any, error) {
	var made int64
	for _, id := range want {
		w := t.db.get("account.payment.register", id)
		for _, invoice := range ids(w["move_ids"]) {
			m := t.db.get("account.move", invoice)
			var err error
			if made, err = t.payInvoice(w, m); err != nil {
				return nil, err
			}
			t.link("account.move", invoice, "matched_payment_ids", made)
		}
	}
	return map[string]any{"name": "Payments", "type": "ir.actions.act_window", "res_model": "account.payment",
		"context": map[string]any{"create": false}, "view_mode": "form", "res_id": made}, nil
}

func (t *transaction) payInvoice(w, m record) (int64, error) {
	direction := "inbound"
	if m["move_type"] == "out_refund" {
		direction = "outbound"
	}
	v := map[string]any{"payment_type": direction, "partner_type": "customer", "partner_id": t.commercial(m["partner_id"]), "amount": w["amount"],
		"date": w["payment_date"], "journal_id": w["journal_id"], "currency_id": w["currency_id"], "memo": w["communication"]}
	if l := ref(w["payment_method_line_id"]); l != 0 {
		v["payment_method_line_id"] = l
	}
	made, err := t.insert("account.payment", v)
	if err != nil {
		return 0, err
	}
	rest := writeOff{}
	terms := t.terms(m.id())
	if w["payment_difference_handling"] == "reconcile" {
		rest = t.difference(w, m, terms)
	}
	line, err := t.postPayment(made, rest)
	if err != nil || line == 0 {
		return made, err
	}
	return made, t.reconcile(append(idsOf(terms), line))
}

// difference is what the payment lacks of the open amount, at the rate of its day.
func (t *transaction) difference(w, m record, terms []record) writeOff {
	open := new(big.Rat)
	for _, l := range terms {
		_, own := t.residual(l)
		open = add(open, own)
	}
	day := text(w["payment_date"])
	if w["currency_id"] != m["currency_id"] {
		home := new(big.Rat).Quo(open, t.rate(ref(m["currency_id"]), day))
		open = round(mul(home, t.rate(ref(w["currency_id"]), day)), t.digits(w["currency_id"]))
	}
	left := sub(open, rat(w["amount"]))
	if left.Sign() == 0 {
		return writeOff{}
	}
	return writeOff{account: w["writeoff_account_id"], label: cmp.Or(text(w["writeoff_label"]), "Write-Off"), amount: left}
}
