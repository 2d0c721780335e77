package odootest

import (
	"math/big"
	"slices"
)

// taxable is one line of a document while its taxes are computed.
type taxable struct {
	raw   *big.Rat // price by quantity less discount, nothing rounded
	count *big.Rat // quantity, for taxes of a fixed amount
	taxes []record

	base    *big.Rat // without tax, rounded by itself: what the line shows
	rawBase *big.Rat
	share   *big.Rat // what of the document's rounding falls on the line's base
	tax     []*big.Rat
	rawTax  []*big.Rat
	total   *big.Rat // with tax, rounded by itself
}

// bill is a document's sums.
type bill struct {
	net, tax, gross *big.Rat
	taxes           []int64 // in the order in which they appear
	byTax           map[int64]*big.Rat
	baseOf          map[int64]*big.Rat
}

// charge fills the lines and sums them up. per line: price, base and tax of each line
// are rounded. Else the sums of the document are, and what the lines lack is given to
// the largest.
func charge(lines []*taxable, digits int, perLine bool) bill {
	for _, l := range lines {
		split(l, digits, perLine)
	}
	if !perLine {
		even(lines, digits)
	}
	b := bill{net: new(big.Rat), tax: new(big.Rat), byTax: map[int64]*big.Rat{}, baseOf: map[int64]*big.Rat{}}
	for _, l := range lines {
		base := add(l.base, l.share)
		b.net = add(b.net, base)
		for i, x := range l.taxes {
			if b.byTax[x.id()] == nil {
				b.byTax[x.id()], b.baseOf[x.id()] = new(big.Rat), new(big.Rat)
				b.taxes = append(b.taxes, x.id())
			}
			b.byTax[x.id()] = add(b.byTax[x.id()], l.tax[i])
			b.baseOf[x.id()] = add(b.baseOf[x.id()], base)
			b.tax = add(b.tax, l.tax[i])
		}
	}
	b.gross = add(b.net, b.tax)
	return b
}

// split finds the base and the taxes of one line.
func split(l *taxable, digits int, perLine bool) {
	maybe := func(r *big.Rat) *big.Rat {
		if perLine {
			return round(r, digits)
		}
		return r
	}
	total, rates := maybe(l.raw), new(big.Rat)
	for _, x := range l.taxes {
		if included(x) && x["amount_type"] == "percent" {
			rates = add(rates, share(x))
		}
	}
	base := new(big.Rat).Quo(total, add(big.NewRat(1, 1), rates))
	net := total
	l.tax, l.rawTax = nil, nil
	for _, x := range l.taxes {
		amount := mul(base, share(x))
		if x["amount_type"] == "fixed" {
			amount = mul(rat(x["amount"]), l.count)
		}
		amount = maybe(amount)
		l.rawTax, l.tax = append(l.rawTax, amount), append(l.tax, round(amount, digits))
		if included(x) {
			net = sub(net, amount)
		}
	}
	l.rawBase, l.base, l.share = net, round(net, digits), new(big.Rat)
	l.total = l.base
	for _, x := range l.tax {
		l.total = add(l.total, x)
	}
}

func included(tax record) bool { return tax["price_include_override"] == "tax_included" }

func share(tax record) *big.Rat { return mul(rat(tax["amount"]), big.NewRat(1, 100)) }

// even gives the lines what the rounded sums have more than the sum of what was
// rounded: tax by tax, then the bases of the whole document. Where all taxes are
// included it is the gross that is kept.
func even(lines []*taxable, digits int) {
	type slot struct{ line, tax int }
	slots := map[int64][]slot{}
	var order []int64
	allIncluded := true
	for i, l := range lines {
		for k, x := range l.taxes {
			if slots[x.id()] == nil {
				order = append(order, x.id())
			}
			slots[x.id()] = append(slots[x.id()], slot{i, k})
			allIncluded = allIncluded && included(x)
		}
	}
	for _, tax := range order {
		raw, have, parts := new(big.Rat), new(big.Rat), []*big.Rat{}
		for _, at := range slots[tax] {
			l := lines[at.line]
			raw, have, parts = add(raw, l.rawTax[at.tax]), add(have, l.tax[at.tax]), append(parts, l.tax[at.tax])
		}
		for i, extra := range spread(sub(round(raw, digits), have), parts, digits) {
			at := slots[tax][i]
			lines[at.line].tax[at.tax] = add(lines[at.line].tax[at.tax], extra)
		}
	}
	raw, have, parts := new(big.Rat), new(big.Rat), []*big.Rat{}
	for _, l := range lines {
		raw, have, parts = add(raw, l.rawBase), add(have, l.base), append(parts, l.base)
		for k := range l.taxes {
			if allIncluded {
				raw, have = add(raw, l.rawTax[k]), add(have, l.tax[k])
			}
		}
	}
	for i, extra := range spread(sub(round(raw, digits), have), parts, digits) {
		lines[i].share = extra
	}
}

// spread gives out a difference by single units of the currency, the largest amount first.
func spread(difference *big.Rat, amounts []*big.Rat, digits int) []*big.Rat {
	out := make([]*big.Rat, len(amounts))
	byAmount := make([]int, len(amounts))
	for i := range amounts {
		out[i], byAmount[i] = new(big.Rat), i
	}
	slices.SortStableFunc(byAmount, func(a, b int) int {
		return new(big.Rat).Abs(amounts[b]).Cmp(new(big.Rat).Abs(amounts[a]))
	})
	unit := new(big.Rat).SetFrac(big.NewInt(int64(difference.Sign())), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil))
	for i := 0; difference.Sign() != 0 && len(amounts) > 0; i++ {
		at := byAmount[i%len(byAmount)]
		out[at], difference = add(out[at], unit), sub(difference, unit)
	}
	return out
}

// perLine reports how the company of a document rounds.
func (t *transaction) perLine(company any) bool {
	c := t.db.get("res.company", ref(company))
	return c != nil && c["tax_calculation_rounding_method"] == "round_per_line"
}

// digits are the decimals of a currency.
func (t *transaction) digits(currency any) int {
	return int(ref(t.db.get("res.currency", ref(currency))["decimal_places"]))
}

func (t *transaction) taxesOf(list any) []record {
	var out []record
	for _, id := range ids(list) {
		out = append(out, t.db.get("account.tax", id))
	}
	slices.SortStableFunc(out, func(a, b record) int { return rat(a["sequence"]).Cmp(rat(b["sequence"])) })
	return out
}
