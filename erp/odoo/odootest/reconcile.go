package odootest

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
)

// partials are the matches of a line with others.
func (t *transaction) partials(line int64) []record {
	return append(t.db.where("account.partial.reconcile", "debit_move_id", line), t.db.where("account.partial.reconcile", "credit_move_id", line)...)
}

// other is the line on the far side of a match.
func (t *transaction) other(partial record, line int64) int64 {
	if partial["debit_move_id"] == line {
		return ref(partial["credit_move_id"])
	}
	return ref(partial["debit_move_id"])
}

func (t *transaction) reconcilable(l record) bool {
	return t.db.get("account.account", ref(l["account_id"]))["reconcile"] == true
}

// residual is what is open of a line, in the company's currency and in its own.
func (t *transaction) residual(l record) (home, foreign *big.Rat) {
	if !t.reconcilable(l) {
		return new(big.Rat), new(big.Rat)
	}
	home, foreign = rat(l["balance"]), rat(l["amount_currency"])
	for _, p := range t.db.where("account.partial.reconcile", "debit_move_id", l.id()) {
		home, foreign = sub(home, rat(p["amount"])), sub(foreign, rat(p["debit_amount_currency"]))
	}
	for _, p := range t.db.where("account.partial.reconcile", "credit_move_id", l.id()) {
		home, foreign = add(home, rat(p["amount"])), add(foreign, rat(p["credit_amount_currency"]))
	}
	return home, foreign
}

// matching is the number of the full match, or "P" and the first partial one.
func (t *transaction) matching(l record) any {
	if full := ref(l["full_reconcile_id"]); full != 0 {
		return fmt.Sprint(full)
	}
	first := int64(0)
	for _, id := range t.group(l.id()) {
		for _, p := range t.partials(id) {
			if first == 0 || p.id() < first {
				first = p.id()
			}
		}
	}
	if first == 0 {
		return nil
	}
	return fmt.Sprintf("P%d", first)
}

// group are all lines that matches tie to a line.
func (t *transaction) group(line int64) []int64 {
	seen := []int64{line}
	for i := 0; i < len(seen); i++ {
		for _, p := range t.partials(seen[i]) {
			if o := t.other(p, seen[i]); !slices.Contains(seen, o) {
				seen = append(seen, o)
			}
		}
	}
	slices.Sort(seen)
	return seen
}

func (t *transaction) reconcileLines(want []int64) (any, error) { return nil, t.reconcile(want) }

// reconcile matches open debits with open credits of one account.
func (t *transaction) reconcile(want []int64) error {
	var debits, credits []record
	for i, id := range want {
		l := t.db.get("account.move.line", id)
		home, foreign := t.residual(l)
		switch {
		case t.db.get("account.move", ref(l["move_id"]))["state"] != "posted":
			return userError("You can only reconcile posted entries.")
		case home.Sign() == 0 && foreign.Sign() == 0 && len(t.partials(id)) > 0:
			return userError("You are trying to reconcile some entries that are already reconciled.")
		case !t.reconcilable(l):
			return userError("Account %s does not allow reconciliation. First change the configuration of this account to allow it.",
				text(t.label("account.account", ref(l["account_id"]))))
		case i > 0 && l["account_id"] != t.db.get("account.move.line", want[0])["account_id"]:
			return userError("Entries are not from the same account.")
		}
		if rat(l["balance"]).Sign() > 0 || rat(l["balance"]).Sign() == 0 && rat(l["amount_currency"]).Sign() > 0 {
			debits = append(debits, l)
		} else {
			credits = append(credits, l)
		}
	}
	byAge := func(a, b record) int {
		return cmp.Or(cmp.Compare(text(a["date"]), text(b["date"])), cmp.Compare(a.id(), b.id()))
	}
	slices.SortFunc(debits, byAge)
	slices.SortFunc(credits, byAge)
	for _, d := range debits {
		for _, c := range credits {
			if err := t.pair(d, c); err != nil {
				return err
			}
		}
	}
	if len(want) > 0 {
		t.close(want[0])
	}
	return nil
}

// pair matches one debit with one credit as far as both are open.
func (t *transaction) pair(d, c record) error {
	dHome, dOwn := t.residual(d)
	cHome, cOwn := t.residual(c)
	cHome, cOwn = neg(cHome), neg(cOwn)
	if dOwn.Sign() <= 0 || cOwn.Sign() <= 0 {
		return nil
	}
	company := t.db.get("res.company", ref(d["company_id"]))
	home := company["currency_id"]
	// Both sides in one currency: that of the foreign line, at the rate of the other's day.
	dShown, cShown, currency := dOwn, cOwn, d["currency_id"]
	if d["currency_id"] != c["currency_id"] {
		if d["currency_id"] == home {
			currency = c["currency_id"]
			dShown = round(mul(dHome, t.rate(ref(currency), text(d["date"]))), t.digits(currency))
		} else {
			cShown = round(mul(cHome, t.rate(ref(currency), text(c["date"]))), t.digits(currency))
		}
	}
	common := dShown
	if cShown.Cmp(common) < 0 {
		common = cShown
	}
	part := func(shown, amount *big.Rat, digits int) *big.Rat {
		if common.Cmp(shown) == 0 {
			return amount
		}
		return round(new(big.Rat).Quo(mul(amount, common), shown), digits)
	}
	digits := t.digits(home)
	dTakes, cTakes := part(dShown, dHome, digits), part(cShown, cHome, digits)
	amount := dTakes
	if cTakes.Cmp(amount) < 0 {
		amount = cTakes
	}
	t.tie(d.id(), c.id(), amount, part(dShown, dOwn, t.digits(d["currency_id"])), part(cShown, cOwn, t.digits(c["currency_id"])))
	if currency == home {
		return nil
	}
	// What is left in the company's currency alone is the difference of the rates.
	if left := sub(dTakes, amount); left.Sign() != 0 {
		return t.exchange(d, c, neg(left))
	}
	if left := sub(cTakes, amount); left.Sign() != 0 {
		return t.exchange(c, d, left)
	}
	return nil
}

func (t *transaction) tie(d, c int64, amount, dOwn, cOwn *big.Rat) {
	t.db.insert("account.partial.reconcile", record{"debit_move_id": d, "credit_move_id": c, "amount": amount,
		"debit_amount_currency": dOwn, "credit_amount_currency": cOwn})
}

// exchange books the difference of the rates on a line, and matches it.
func (t *transaction) exchange(l, with record, amount *big.Rat) error {
	company := t.db.get("res.company", ref(l["company_id"]))
	account := company["expense_currency_exchange_account_id"]
	if amount.Sign() > 0 {
		account = company["income_currency_exchange_account_id"]
	}
	id := t.db.insert("account.move", record{"move_type": "entry", "state": "draft", "journal_id": company["currency_exchange_journal_id"],
		"date": max(text(l["date"]), text(with["date"])), "company_id": l["company_id"], "currency_id": company["currency_id"],
		"partner_id": l["partner_id"]})
	move := t.db.get("account.move", id)
	line := record{"account_id": l["account_id"], "partner_id": l["partner_id"], "currency_id": l["currency_id"], "balance": amount,
		"amount_currency": new(big.Rat), "name": "Currency exchange rate difference"}
	own := t.insertLine(move, line)
	t.insertLine(move, record{"account_id": account, "partner_id": l["partner_id"], "currency_id": l["currency_id"], "balance": neg(amount),
		"amount_currency": new(big.Rat), "name": "Currency exchange rate difference"})
	if err := t.post(id); err != nil {
		return err
	}
	if amount.Sign() < 0 {
		t.tie(l.id(), own, neg(amount), new(big.Rat), new(big.Rat))
	} else {
		t.tie(own, l.id(), amount, new(big.Rat), new(big.Rat))
	}
	return nil
}

// close gives a group of lines of which nothing is open its number.
func (t *transaction) close(line int64) {
	group := t.group(line)
	for _, id := range group {
		home, foreign := t.residual(t.db.get("account.move.line", id))
		if home.Sign() != 0 || foreign.Sign() != 0 {
			return
		}
	}
	if len(group) < 2 {
		return
	}
	full := t.db.insert("account.full.reconcile", record{})
	for _, id := range group {
		t.db.update("account.move.line", id, record{"full_reconcile_id": full})
	}
}

// unreconcile takes back all matches of lines.
func (t *transaction) unreconcile(want []int64) (any, error) {
	for _, id := range want {
		group := t.group(id)
		for _, p := range t.partials(id) {
			t.db.remove("account.partial.reconcile", p.id())
		}
		for _, g := range group {
			if !falsy(t.db.get("account.move.line", g)["full_reconcile_id"]) {
				t.db.update("account.move.line", g, record{"full_reconcile_id": nil})
			}
		}
	}
	return nil, nil
}

// outstanding are the open credits of an invoice's partner, the youngest last entry first.
func (t *transaction) outstanding(move record) []record {
	if !isInvoice(move) || move["state"] != "posted" {
		return nil
	}
	terms := t.terms(move.id())
	if len(terms) == 0 {
		return nil
	}
	want := rat(terms[0]["balance"]).Sign()
	var out []record
	for _, l := range t.db.all("account.move.line") {
		home, _ := t.residual(l)
		if l["account_id"] == terms[0]["account_id"] && l["partner_id"] == t.commercial(move["partner_id"]) && home.Sign() == -want &&
			t.db.get("account.move", ref(l["move_id"]))["state"] == "posted" {
			out = append(out, l)
		}
	}
	slices.SortStableFunc(out, func(a, b record) int {
		return cmp.Or(cmp.Compare(text(b["date"]), text(a["date"])), cmp.Compare(text(b["move_name"]), text(a["move_name"])))
	})
	return out
}

func (t *transaction) outstandingWidget(move record) any {
	lines := t.outstanding(move)
	if len(lines) == 0 {
		return nil
	}
	content := []any{}
	for _, l := range lines {
		m := t.db.get("account.move", ref(l["move_id"]))
		home, _ := t.residual(l)
		row := map[string]any{"journal_name": cmp.Or(text(m["ref"]), text(m["name"])), "amount": new(big.Rat).Abs(home),
			"currency_id": l["currency_id"], "id": l.id(), "move_id": m.id(), "date": m["date"], "account_payment_id": false, "move_ref": m["ref"]}
		if p := ref(m["origin_payment_id"]); p != 0 {
			row["account_payment_id"] = p
		}
		content = append(content, row)
	}
	return map[string]any{"outstanding": true, "content": content, "move_id": move.id(), "title": "Outstanding credits"}
}

// assignOutstanding applies an open line to an invoice.
func (t *transaction) assignOutstanding(model string, a arguments) (any, error) {
	for _, id := range a.ids {
		if t.db.get(model, id) == nil {
			return nil, missingError(model, id)
		}
		line := ref(a.values["line_id"])
		if t.db.get("account.move.line", line) == nil {
			return nil, missingError("account.move.line", line)
		}
		want := []int64{line}
		for _, l := range t.terms(id) {
			want = append(want, l.id())
		}
		if err := t.reconcile(want); err != nil {
			return nil, err
		}
	}
	return nil, nil
}
