package stripetest

import (
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
)

// calculatedFor is how long a tax calculation can be booked.
// Source: docs.stripe.com/tax/custom, read 2026-11.
const calculatedFor = 90 * 24 * time.Hour

func (f *Fake) createCalculation(q *request) (object, *problem) {
	if p := q.form.only("currency", "customer", "customer_details[address]", "customer_details[address_source]=billing|shipping",
		"customer_details[taxability_override]=customer_exempt|none|reverse_charge", "line_items[][amount]", "line_items[][quantity]", "line_items[][reference]",
		"line_items[][tax_behavior]=exclusive|inclusive", "line_items[][tax_code]", "shipping_cost[amount]", "shipping_cost[tax_behavior]=exclusive|inclusive",
		"shipping_cost[tax_code]", "tax_date", "expand"); p != nil {
		return nil, p
	}
	if p := q.required("currency", "line_items"); p != nil {
		return nil, p
	}
	currency, p := currencyOf(q.form.get("currency"))
	if p != nil {
		return nil, p
	}
	c, p := f.customer(q)
	if p != nil {
		return nil, p
	}
	t := q.form.tree()
	details, _ := t["customer_details"].(object)
	if details == nil {
		details = object{}
	}
	if c != nil && details["address"] == nil {
		details["address"] = c.m["address"]
	}
	address, _ := details["address"].(object)
	if country, _ := address["country"].(string); country == "" {
		return nil, &problem{status: 400, kind: "invalid_request_error", code: "customer_tax_location_invalid", param: "customer_details[address]",
			message: "We could not determine the customer's tax location.", early: true}
	}
	address = nulls("city line1 line2 postal_code state", maps.Clone(address))
	details["address"] = address
	defaults(details, object{"taxability_override": "none", "address_source": "billing"})
	nulls("ip_address", details)
	details["tax_ids"] = []any{}
	percent := f.config.TaxRates[address["country"].(string)]
	reason, effective := "standard_rated", percent
	switch {
	case details["taxability_override"] == "customer_exempt":
		reason, effective = "customer_exempt", ""
	case details["taxability_override"] == "reverse_charge":
		reason, effective = "reverse_charge", ""
	case percent == "":
		reason = "not_collecting"
	}
	m := object{"currency": currency, "customer": orNull(q.form.get("customer")), "customer_details": details, "tax_date": q.now.Unix(),
		"expires_at": q.now.Add(calculatedFor).Unix(), "shipping_cost": nil}
	if at, ok := t["tax_date"].(int64); ok {
		m["tax_date"] = at
	}
	calc := &record{kind: "tax.calculation", id: f.id("taxcalc_"), created: q.now, m: m}
	total, inside, onTop := int64(0), int64(0), int64(0)
	taxable := map[bool]int64{}
	taxed := map[bool]int64{}
	book := func(amount int64, behavior any) int64 {
		inclusive := behavior == "inclusive"
		tax := taxOf(amount, effective, inclusive)
		if inclusive {
			inside += tax
			taxable[true] += amount - tax
		} else {
			onTop += tax
			total += tax
			taxable[false] += amount
		}
		taxed[inclusive] += tax
		total += amount
		return tax
	}
	lines, _ := t["line_items"].([]any)
	for i, one := range lines {
		line, _ := one.(object)
		at := "line_items[" + strconv.Itoa(i) + "]"
		amount, ok := line["amount"].(int64)
		if !ok {
			return nil, badParam(at+"[amount]", "parameter_missing", "Missing required param: "+at+"[amount].")
		}
		defaults(line, object{"quantity": int64(1), "reference": "L" + strconv.Itoa(i+1), "tax_behavior": "exclusive", "tax_code": "txcd_10000000"})
		line["amount_tax"], line["product"] = book(amount, line["tax_behavior"]), nil
		calc.below = append(calc.below, &record{kind: "tax.calculation_line_item", id: f.id("tax_li_"), created: q.now, m: line})
	}
	if cost, ok := t["shipping_cost"].(object); ok {
		amount, ok := cost["amount"].(int64)
		if !ok {
			return nil, badParam("shipping_cost[amount]", "parameter_missing", "Missing required param: shipping_cost[amount].")
		}
		defaults(cost, object{"tax_behavior": "exclusive", "tax_code": "txcd_92010001"})
		cost["amount_tax"] = book(amount, cost["tax_behavior"])
		m["shipping_cost"] = cost
	}
	m["amount_total"], m["tax_amount_inclusive"], m["tax_amount_exclusive"] = total, inside, onTop
	breakdown := []any{}
	for _, inclusive := range []bool{true, false} {
		if _, ok := taxable[inclusive]; ok {
			shown := effective
			if shown == "" {
				shown = "0.0"
			}
			breakdown = append(breakdown, object{"amount": taxed[inclusive], "inclusive": inclusive, "taxable_amount": taxable[inclusive], "taxability_reason": reason,
				"tax_rate_details": object{"country": address["country"], "state": address["state"], "percentage_decimal": shown, "tax_type": "vat"}})
		}
	}
	m["tax_breakdown"] = breakdown
	f.of("tax.calculation").add(calc)
	return f.shown(q, calc), nil
}

// taxOf is the tax of an amount, rounded half away from nought.
func taxOf(amount int64, percent string, inclusive bool) int64 {
	r, ok := new(big.Rat).SetString(percent)
	if !ok || r.Sign() == 0 {
		return 0
	}
	r.Quo(r, big.NewRat(100, 1))
	if inclusive {
		r.Quo(r, new(big.Rat).Add(r, big.NewRat(1, 1)))
	}
	return exchange(amount, r.RatString())
}

// bookTax makes a transaction of a calculation.
func (f *Fake) bookTax(q *request) (object, *problem) {
	if p := q.form.only("calculation", "reference", "metadata", "expand"); p != nil {
		return nil, p
	}
	if p := q.required("calculation", "reference"); p != nil {
		return nil, p
	}
	calc, p := f.named("tax.calculation", q.form.get("calculation"), "calculation")
	if p != nil {
		return nil, p
	}
	if expires := calc.int("expires_at"); q.now.Unix() >= expires {
		return nil, badParam("calculation", "tax_calculation_expired", "The calculation has expired.")
	}
	for _, t := range f.of("tax.transaction").rows {
		if t.text("reference") == q.form.get("reference") {
			return nil, badParam("reference", "resource_already_exists", "A transaction with this reference already exists.")
		}
	}
	m := object{"type": "transaction", "reversal": nil}
	for _, name := range []string{"currency", "customer", "customer_details", "tax_date", "shipping_cost"} {
		m[name] = calc.m[name]
	}
	return f.noteTax(q, m, calc.below, 1)
}

// noteTax makes a transaction with lines like others', times a sign.
func (f *Fake) noteTax(q *request, m object, lines []*record, sign int64) (object, *problem) {
	if _, p := q.apply(m, "calculation", "original_transaction", "mode", "flat_amount", "line_items", "shipping_cost"); p != nil {
		return nil, p
	}
	t := f.note(&request{now: q.now}, "tax.transaction", "tax_", m)
	for _, line := range lines {
		copied := maps.Clone(line.m)
		copied["amount"], copied["amount_tax"] = sign*line.int("amount"), sign*line.int("amount_tax")
		copied["type"], copied["metadata"], copied["reversal"] = m["type"], map[string]string{}, nil
		if m["type"] == "reversal" {
			copied["reversal"] = object{"original_line_item": line.id}
		}
		t.below = append(t.below, &record{kind: "tax.transaction_line_item", id: f.id("tax_li_"), created: q.now, m: copied})
	}
	return f.shown(q, t), nil
}

// reverseTax books tax back: all of a transaction, a sum of it, or parts of its lines.
func (f *Fake) reverseTax(q *request) (object, *problem) {
	if p := q.form.only("mode=full|partial", "original_transaction", "reference", "flat_amount", "metadata", "line_items[][amount]", "line_items[][amount_tax]",
		"line_items[][original_line_item]", "line_items[][quantity]", "line_items[][reference]", "expand"); p != nil {
		return nil, p
	}
	if p := q.required("mode", "original_transaction", "reference"); p != nil {
		return nil, p
	}
	original, p := f.named("tax.transaction", q.form.get("original_transaction"), "original_transaction")
	if p != nil {
		return nil, p
	}
	for _, t := range f.of("tax.transaction").rows {
		switch {
		case t.text("reference") == q.form.get("reference"):
			return nil, badParam("reference", "resource_already_exists", "A transaction with this reference already exists.")
		case t.sub("reversal")["original_transaction"] == original.id && (q.form.get("mode") == "full" || t.is("full")):
			return nil, badParam("original_transaction", "", "The transaction has already been reversed.")
		}
	}
	m := object{"type": "reversal", "reversal": object{"original_transaction": original.id}, "shipping_cost": nil}
	for _, name := range []string{"currency", "customer", "customer_details", "tax_date"} {
		m[name] = original.m[name]
	}
	if q.form.get("mode") == "full" {
		if cost, ok := original.m["shipping_cost"].(object); ok {
			cost = maps.Clone(cost)
			cost["amount"], cost["amount_tax"] = -cost["amount"].(int64), -cost["amount_tax"].(int64)
			m["shipping_cost"] = cost
		}
		return f.noteTax(q, m, original.below, -1)
	}
	t := q.form.tree()
	var lines []*record
	said, _ := t["line_items"].([]any)
	for i, one := range said {
		line, _ := one.(object)
		at := "line_items[" + strconv.Itoa(i) + "]"
		j := slices.IndexFunc(original.below, func(l *record) bool { return l.id == line["original_line_item"] })
		if j < 0 {
			return nil, badParam(at+"[original_line_item]", "", "There is no such line in the original transaction.")
		}
		amount, ok := line["amount"].(int64)
		tax, ok2 := line["amount_tax"].(int64)
		if !ok || !ok2 || amount > 0 || tax > 0 {
			return nil, badParam(at+"[amount]", "", "The amounts of a reversal are given, and are negative.")
		}
		copied := *original.below[j]
		copied.m = maps.Clone(copied.m)
		copied.m["amount"], copied.m["amount_tax"] = amount, tax
		for _, name := range []string{"quantity", "reference"} {
			if line[name] != nil {
				copied.m[name] = line[name]
			}
		}
		lines = append(lines, &copied)
	}
	if flat, ok := t["flat_amount"].(int64); ok {
		if flat >= 0 || len(lines) > 0 {
			return nil, badParam("flat_amount", "", "The flat amount of a reversal is negative, and comes without lines.")
		}
		lines = f.spread(original, flat)
	}
	if len(lines) == 0 {
		return nil, badParam("line_items", "parameter_missing", "Missing required param: line_items.")
	}
	return f.noteTax(q, m, lines, 1)
}

// spread spreads a sum with tax over a transaction's lines.
func (f *Fake) spread(original *record, flat int64) (lines []*record) {
	gross := func(l *record) int64 {
		if strings.HasPrefix(l.text("tax_behavior"), "inclusive") {
			return l.int("amount")
		}
		return l.int("amount") + l.int("amount_tax")
	}
	all, given, spread := int64(0), int64(0), int64(0)
	for _, l := range original.below {
		all += gross(l)
	}
	for _, l := range original.below {
		if all == 0 {
			break
		}
		given += gross(l)
		part := exchange(flat, big.NewRat(given, all).RatString()) - spread
		spread += part
		copied := *l
		copied.m = maps.Clone(l.m)
		tax := int64(0)
		if g := gross(l); g != 0 {
			tax = exchange(part, big.NewRat(l.int("amount_tax"), g).RatString())
		}
		copied.m["amount_tax"], copied.m["amount"] = tax, part
		if l.text("tax_behavior") != "inclusive" {
			copied.m["amount"] = part - tax
		}
		lines = append(lines, &copied)
	}
	return lines
}

func (f *Fake) renderTax(r *record, m object, version string, x expansion) {
	if r.kind == "tax.calculation" {
		delete(m, "metadata")
	} else if moved(version) {
		m["posted_at"] = r.created.Unix()
	}
	if moved(version) {
		m["ship_from_details"] = nil
	}
	if _, ok := x["line_items"]; ok {
		path := strings.Replace(r.kind, ".", "/", 1) + "s/"
		m["line_items"] = f.nested(r, version, "/v1/"+path+r.id+"/line_items")
	} else {
		m["line_items"] = nil
	}
}
