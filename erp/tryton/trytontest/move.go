package trytontest

import (
	"fmt"
	"math/big"
	"time"

	"github.com/commercesync/commerce"
)

func monthEnd(first commerce.Date) commerce.Date {
	return commerce.DateOf(time.Date(first.Year, first.Month+1, 0, 0, 0, 0, 0, time.UTC))
}

func (t *transaction) validateMoveLine(r record) error {
	debit, credit := rat(r["debit"]), rat(r["credit"])
	if debit.Sign() != 0 && credit.Sign() != 0 {
		return refuse("You cannot set both debit and credit on the line.")
	}
	if account, ok := r["account"].(int64); ok && r["party"] == nil && t.db.get("account.account", account)["party_required"] == true {
		return refuse(`A value is required for field "Party" in "Account Move Line".`)
	}
	if second := rat(r["amount_second_currency"]); second.Sign() != 0 && second.Sign() != new(big.Rat).Sub(debit, credit).Sign() {
		return refuse("You must set the sign for second currency to match the sign of debit - credit.")
	}
	return nil
}

// validateMove draws the number and checks date and period of a new entry.
func (t *transaction) validateMove(id int64) error {
	r := t.db.get("account.move", id)
	v := record{}
	if r["number"] == nil {
		v["number"] = "STRIPE/" + t.db.number("move")
	}
	if r["date"] == nil {
		v["date"] = commerce.DateOf(t.db.now())
	}
	created := r["create_date"]
	t.db.update("account.move", id, v)
	r = t.db.get("account.move", id)
	r["create_date"], r["write_date"] = created, nil
	date, _ := r["date"].(commerce.Date)
	if r["period"] == nil {
		for _, p := range t.db.all("account.period") {
			if holds(p, commerce.DateOf(t.db.now())) {
				r["period"] = p.id()
			}
		}
	}
	period, _ := r["period"].(int64)
	p := t.db.get("account.period", period)
	if p == nil || !holds(p, date) {
		return refuse("The date of move \"%s\" is outside the period, you must change the date or the period.", r["number"])
	}
	if p["state"] != "open" {
		return refuse("You cannot add/modify/delete lines on closed journal-period \"Stripe - %s\".", p["name"])
	}
	return nil
}

func holds(period record, d commerce.Date) bool {
	start, _ := period["start_date"].(commerce.Date)
	end, _ := period["end_date"].(commerce.Date)
	return start.String() <= d.String() && d.String() <= end.String()
}

func (t *transaction) post(want []int64) (any, error) {
	for _, id := range want {
		r := t.db.get("account.move", id)
		if r == nil {
			return nil, refuse("You are trying to read records \"%d@account.move\" that don't exist anymore.", id)
		}
		if r["state"] == "posted" {
			return nil, refuse("You cannot modify posted move \"%s\".", r["number"])
		}
		lines := t.db.where("account.move.line", "move", id)
		if len(lines) == 0 {
			return nil, refuse("To post move \"%s\", you must fill in its lines.", r["number"])
		}
		sum := new(big.Rat)
		for _, l := range lines {
			sum.Add(sum, rat(l["debit"])).Sub(sum, rat(l["credit"]))
		}
		if sum.Sign() != 0 {
			return nil, refuse("To post move \"%s\", you must balance all its lines debits and credits.", r["number"])
		}
		t.db.update("account.move", id, record{"state": "posted", "post_number": t.db.number("post"), "post_date": commerce.DateOf(t.db.now())})
	}
	return nil, nil
}

func (t *transaction) closePeriod(want []int64) (any, error) {
	for _, id := range want {
		t.db.update("account.period", id, record{"state": "close"})
	}
	return nil, nil
}

// reverse makes a draft with negated amounts and the original's date; in a closed
// period it asks first.
func (t *transaction) reverse(params []any) (any, error) {
	id, _ := t.context["active_id"].(int64)
	original := t.db.get("account.move", id)
	if original == nil {
		return nil, pythonError("'active_id'")
	}
	period, _ := original["period"].(int64)
	if t.db.get("account.period", period)["state"] != "open" {
		return nil, userWarning{fmt.Sprintf("account.move,%d.cancel", id),
			fmt.Sprintf("The period of move \"%s\" is closed.\nUse the current period to cancel the move?", original["number"])}
	}
	var form map[string]any
	if len(params) > 1 {
		data, _ := params[1].(map[string]any)
		form, _ = data["default"].(map[string]any)
	}
	made := t.db.insert("account.move", record{"state": "draft", "company": original["company"], "journal": original["journal"],
		"period": original["period"], "date": original["date"], "description": form["description"],
		"number": "STRIPE/" + t.db.number("move"), "origin": fmt.Sprintf("account.move,%d", id)})
	for _, l := range t.db.where("account.move.line", "move", id) {
		back := record{}
		for name := range schema["account.move.line"] {
			back[name] = l[name]
		}
		back["move"], back["origin"] = made, fmt.Sprintf("account.move.line,%d", l.id())
		for _, name := range []string{"debit", "credit", "amount_second_currency"} {
			if d, ok := l[name].(decimal); ok && d.rat().Sign() != 0 {
				back[name] = decimal{"-" + d.text, true}
			}
		}
		t.db.insert("account.move.line", back)
	}
	return map[string]any{}, nil
}

// accountSum adds a field of the lines of an account up, to the end of the context's day.
func (t *transaction) accountSum(r record, name string) (any, error) {
	sum := new(big.Rat)
	for _, l := range t.db.all("account.move.line") {
		id, _ := l["move"].(int64)
		move := t.db.get("account.move", id)
		day, _ := move["date"].(commerce.Date)
		to, bounded := t.context["to_date"].(commerce.Date)
		if l["account"] == r.id() && (t.context["posted"] != true || move["state"] == "posted") && (!bounded || day.String() <= to.String()) && l[name] != nil {
			sum.Add(sum, rat(l[name]))
		}
	}
	return decimal{sum.FloatString(4), true}, nil
}
