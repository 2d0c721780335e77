package mapping

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"github.com/commercesync/commerce"
)

// RefundAsk says what of an order is to go back. Either Everything, or Lines and charges,
// or an Amount of which nobody says what it is for; an Amount beside Lines counts, and what
// makes the difference is the adjustment.
type RefundAsk struct {
	// Amount is what goes back in all. The zero Money: what Lines, Shipping and Adjustment
	// come to.
	Amount commerce.Money `json:"amount,omitzero"`
	// Lines are goods that go back.
	Lines []RefundQuantity `json:"lines,omitempty"`
	// Shipping goes back with the goods, tax included; AllShipping: what is left of it.
	Shipping    commerce.Money `json:"shipping,omitzero"`
	AllShipping bool           `json:"all_shipping,omitempty"`
	// Adjustment is given beside, or kept where it is below nought.
	Adjustment commerce.Money `json:"adjustment,omitzero"`
	// Everything that is left goes back.
	Everything bool `json:"everything,omitempty"`
}

// RefundQuantity is a quantity of one line that goes back.
type RefundQuantity struct {
	Line     string           `json:"line"` // OrderLine.ID
	Quantity commerce.Decimal `json:"quantity"`
}

// Codes of refunds that can not be allocated.
const (
	// CodeRefundTooLarge: more is to go back than is left of the order, or of a line.
	CodeRefundTooLarge = "refund_too_large"
	// CodeRefundCurrency: it is in another currency than the order.
	CodeRefundCurrency = "refund_currency"
	// CodeNothingLeft: all of the order has gone back.
	CodeNothingLeft = "nothing_left"
	// CodeRefundLine: a line that the order does not have, or no quantity of one.
	CodeRefundLine = "refund_line"
)

// RefundError says why a refund can not be allocated. It reaches a caller inside a
// *commerce.Error of kind needs_decision with one of the codes, outcome not sent.
type RefundError struct {
	Order       commerce.Ref
	Line        string // where a line is the matter
	Asked, Left string // amounts or quantities
	Reason      string
}

func (e *RefundError) Error() string {
	of := e.Order.ID
	if e.Line != "" {
		of += ", line " + e.Line
	}
	return fmt.Sprintf("%s: %s asked, %s left: %s", of, e.Asked, e.Left, e.Reason)
}

// ErrorKind is KindNeedsDecision.
func (e *RefundError) ErrorKind() commerce.Kind { return commerce.KindNeedsDecision }

func unrefundable(code string, e *RefundError) error {
	return &commerce.Error{Kind: commerce.KindNeedsDecision, System: "mapping", Op: "allocate refund", Outcome: commerce.NotSent, Code: code, Err: e}
}

// AllocateRefund says what a refund of an order is made of, to the minor unit: by line and
// quantity, with the order's own tax codes, shipping, fees and adjustment. Earlier are the
// allocations of all refunds before it; what they took is not there any more, so that the
// last one takes what rounding has left.
//
// An amount of which nobody says what it is for is Proposed: net amounts and taxes are
// shared out by rate over all that is left, by largest remainder, without goods. Where the
// amount is all that is left it is the Rest, with all goods.
//
// Errors: *RefundError with one of the codes above. Nothing is ever cut down to fit.
func AllocateRefund(o commerce.Order, earlier []Allocation, ask RefundAsk) (Allocation, error) {
	p, err := poolOf(o, earlier)
	if err != nil {
		return Allocation{}, err
	}
	for _, m := range []commerce.Money{ask.Amount, ask.Shipping, ask.Adjustment} {
		if m != (commerce.Money{}) && m.Currency() != o.Currency {
			return Allocation{}, p.refuse(CodeRefundCurrency, "", m.String(), commerce.MustMoney(p.left, o.Currency).String(), "the order is in "+string(o.Currency))
		}
	}
	amount := ask.Amount.Minor()
	switch {
	case ask.Everything && (ask.Amount == (commerce.Money{}) || amount == p.left):
		amount = p.left
	case ask.Everything, amount < 0:
		return Allocation{}, p.refuse(CodeRefundTooLarge, "", ask.Amount.String(), p.money(p.left).String(), "that is not what is left")
	}
	if p.left <= 0 {
		return Allocation{}, p.refuse(CodeNothingLeft, "", p.money(amount).String(), p.money(p.left).String(), "all of it has gone back")
	}
	named := len(ask.Lines) > 0 || ask.AllShipping || !ask.Shipping.IsZero() || !ask.Adjustment.IsZero()
	switch {
	case amount > p.left:
		return Allocation{}, p.refuse(CodeRefundTooLarge, "", p.money(amount).String(), p.money(p.left).String(), "more than the order has left")
	case !named && amount == 0:
		return Allocation{}, p.refuse(CodeRefundLine, "", "nothing", p.money(p.left).String(), "neither an amount nor a line is named")
	case ask.Everything, !named && amount == p.left:
		return p.rest(), nil
	case !named:
		a := p.spread(amount)
		a.Proposed = true
		return a, nil
	}
	return p.named(ask)
}

// Split shares an allocation out over several refunds that together are its Total: money
// alone, but for the last, which has what is left with all goods. Parts that do not add up
// to it are a *RefundError.
func (a Allocation) Split(amounts ...commerce.Money) ([]Allocation, error) {
	p := a.pool()
	sum := int64(0)
	for _, m := range amounts {
		if m.Currency() != a.Total.Currency() || m.Sign() < 0 {
			return nil, p.refuse(CodeRefundCurrency, "", m.String(), a.Total.String(), "it can not be a part of that")
		}
		sum += m.Minor()
	}
	if sum != a.Total.Minor() || len(amounts) == 0 {
		return nil, p.refuse(CodeRefundTooLarge, "", p.money(sum).String(), a.Total.String(), "the parts do not add up")
	}
	out := make([]Allocation, 0, len(amounts))
	for _, m := range amounts[:len(amounts)-1] {
		part := p.spread(m.Minor())
		part.Proposed = a.Proposed
		p.take(part)
		out = append(out, part)
	}
	last := p.rest()
	last.Rest, last.Proposed = a.Rest, a.Proposed
	return append(out, last), nil
}

// pool is what is left of an order, in minor units.
type pool struct {
	order    commerce.Ref
	currency commerce.Currency
	parts    []poolPart // the lines, then shipping, then fees
	index    map[string]int
	left     int64 // of all: what parts have, and what adjustments made of it
}

// poolPart is what is left of a line or of a charge.
type poolPart struct {
	id       string
	quantity commerce.Decimal
	taxes    []commerce.TaxLine // as the order has them
	// atoms are net, each tax, and tax that no row of taxes names; bases are what each
	// tax is levied on.
	atoms, bases []int64
}

func (p *pool) money(minor int64) commerce.Money { return commerce.MustMoney(minor, p.currency) }

func (p *pool) refuse(code, line, asked, left, reason string) error {
	return unrefundable(code, &RefundError{Order: p.order, Line: line, Asked: asked, Left: left, Reason: reason})
}

func newPool(currency commerce.Currency, lines int) *pool {
	return &pool{currency: currency, parts: make([]poolPart, 0, lines+2), index: make(map[string]int, lines)}
}

// add adds a part whose tax is more than its taxes where not all are named.
func (p *pool) add(id string, quantity commerce.Decimal, net, tax int64, taxes []commerce.TaxLine) {
	n := len(taxes)
	numbers := make([]int64, 2*n+2)
	part := poolPart{id: id, quantity: quantity, taxes: taxes, atoms: numbers[: n+2 : n+2], bases: numbers[n+2:]}
	part.atoms[0] = net
	for i, t := range taxes {
		part.atoms[i+1], part.bases[i] = t.Amount.Minor(), t.Base.Minor()
		tax -= t.Amount.Minor()
	}
	part.atoms[n+1] = tax
	p.parts = append(p.parts, part)
}

func (p *poolPart) sum() (n int64) {
	for _, a := range p.atoms {
		n += a
	}
	return n
}

func poolOf(o commerce.Order, earlier []Allocation) (*pool, error) {
	p := newPool(o.Currency, len(o.Lines))
	p.order, p.left = o.Ref, o.Totals.Gross.Minor()
	for _, l := range o.Lines {
		quantity, err := l.Quantity.Sub(l.Canceled)
		if err != nil {
			return nil, p.refuse(CodeRefundLine, l.ID, l.Quantity.String(), l.Canceled.String(), "its quantity is out of range")
		}
		p.index[l.ID] = len(p.parts)
		p.add(l.ID, quantity, l.Net.Minor()-l.Discount.Minor(), l.Tax.Minor(), l.Taxes)
		if part := &p.parts[len(p.parts)-1]; l.Canceled.Sign() > 0 { // was never paid
			whole := part.sum()
			for _, numbers := range [...][]int64{part.atoms, part.bases} {
				for i, n := range numbers {
					if numbers[i], err = share(n, quantity, l.Quantity); err != nil {
						return nil, err
					}
				}
			}
			p.left -= whole - part.sum()
		}
	}
	p.add("", commerce.Decimal{}, o.Shipping.Net.Minor()-o.Shipping.Discount.Minor(), o.Shipping.Tax.Minor(), o.Shipping.Taxes)
	feeTax := int64(0)
	if !o.Totals.Fees.IsZero() { // what is levied on nothing else
		feeTax = o.Totals.Tax.Minor() - o.Shipping.Tax.Minor()
		for _, l := range o.Lines {
			feeTax -= l.Tax.Minor()
		}
	}
	p.add("", commerce.Decimal{}, o.Totals.Fees.Minor(), feeTax, nil)
	for _, a := range earlier {
		if a.Total.Currency() != o.Currency {
			return nil, p.refuse(CodeRefundCurrency, "", a.Total.String(), p.money(p.left).String(), "an earlier refund is in another currency")
		}
		p.take(a)
	}
	return p, nil
}

func (p *pool) shipping() *poolPart { return &p.parts[len(p.parts)-2] }
func (p *pool) fees() *poolPart     { return &p.parts[len(p.parts)-1] }

// pool makes what an allocation has of it a pool of its own.
func (a Allocation) pool() *pool {
	p := newPool(a.Total.Currency(), len(a.Lines))
	p.left = a.Total.Minor()
	for _, l := range a.Lines {
		p.index[l.Line] = len(p.parts)
		p.add(l.Line, l.Quantity, l.Net.Minor(), l.Tax.Minor(), l.Taxes)
	}
	p.add("", commerce.Decimal{}, a.Shipping.Net.Minor(), a.Shipping.Tax.Minor(), a.Shipping.Taxes)
	p.add("", commerce.Decimal{}, a.Fees.Net.Minor(), a.Fees.Tax.Minor(), a.Fees.Taxes)
	return p
}

// take takes what went back out of the pool.
func (p *pool) take(a Allocation) {
	p.left -= a.Total.Minor()
	for _, l := range a.Lines {
		i, ok := p.index[l.Line]
		if !ok {
			continue // a row that the order no longer has: its money is gone all the same
		}
		part := &p.parts[i]
		part.take(l.RefundPart)
		if left, err := part.quantity.Sub(l.Quantity); err == nil {
			part.quantity = left
		}
		if part.quantity.Sign() < 0 {
			part.quantity = commerce.Decimal{}
		}
	}
	p.shipping().take(a.Shipping)
	p.fees().take(a.Fees)
}

// take subtracts, and nothing falls below nought: a shop may round otherwise.
func (p *poolPart) take(r RefundPart) {
	sub := func(i int, minor int64) {
		if p.atoms[i] >= 0 {
			p.atoms[i] = max(0, p.atoms[i]-minor)
		} else {
			p.atoms[i] = min(0, p.atoms[i]-minor)
		}
	}
	sub(0, r.Net.Minor())
	unnamed := r.Tax.Minor()
	for at, t := range r.Taxes {
		i := at
		if at >= len(p.taxes) || !sameTax(p.taxes[at], t) {
			i = slices.IndexFunc(p.taxes, func(o commerce.TaxLine) bool { return sameTax(o, t) })
		}
		if i < 0 {
			continue
		}
		unnamed -= t.Amount.Minor()
		sub(i+1, t.Amount.Minor())
		p.bases[i] = max(0, p.bases[i]-t.Base.Minor())
	}
	// Tax that the refund does not say by rate is taken where there is some.
	for i := len(p.atoms) - 1; i > 0 && unnamed > 0; i-- {
		n := min(unnamed, max(0, p.atoms[i]))
		p.atoms[i], unnamed = p.atoms[i]-n, unnamed-n
	}
}

func sameTax(a, b commerce.TaxLine) bool {
	return a.Code == b.Code && a.Country == b.Country && a.Region == b.Region && a.Rate.Cmp(b.Rate) == 0
}

// give makes a part of a refund of atoms.
func (p *pool) give(from *poolPart, atoms []int64) RefundPart {
	r := RefundPart{Net: p.money(atoms[0])}
	tax := int64(0)
	for _, a := range atoms[1:] {
		tax += a
	}
	r.Tax = p.money(tax)
	if len(from.taxes) == 0 {
		return r
	}
	r.Taxes = make([]commerce.TaxLine, len(from.taxes))
	for i, t := range from.taxes {
		base := from.bases[i]
		if atoms[0] != from.atoms[0] {
			base = ratio(base, atoms[0], from.atoms[0])
		}
		t.Amount, t.Base = p.money(atoms[i+1]), p.money(base)
		r.Taxes[i] = t
	}
	return r
}

// allocation makes one of what each part gives; nil gives nothing.
func (p *pool) allocation(total int64, atoms func(i int) []int64, quantity func(i int) commerce.Decimal) Allocation {
	a := Allocation{Total: p.money(total), Shipping: p.none(), Fees: p.none()}
	rest := total
	a.Lines = make([]RefundLine, 0, len(p.index))
	for i := range p.parts {
		given := atoms(i)
		var q commerce.Decimal
		if i < len(p.parts)-2 {
			q = quantity(i)
		}
		if given == nil || !slices.ContainsFunc(given, func(n int64) bool { return n != 0 }) && q.IsZero() {
			continue
		}
		for _, n := range given {
			rest -= n
		}
		part := p.give(&p.parts[i], given)
		switch i {
		case len(p.parts) - 1:
			a.Fees = part
		case len(p.parts) - 2:
			a.Shipping = part
		default:
			a.Lines = append(a.Lines, RefundLine{Line: p.parts[i].id, Quantity: q, RefundPart: part})
		}
	}
	if len(a.Lines) == 0 {
		a.Lines = nil
	}
	a.Adjustment = p.money(rest)
	return a
}

func (p *pool) none() RefundPart { return RefundPart{Net: p.money(0), Tax: p.money(0)} }

// rest gives all that is left.
func (p *pool) rest() Allocation {
	a := p.allocation(p.left, func(i int) []int64 { return p.parts[i].atoms },
		func(i int) commerce.Decimal { return p.parts[i].quantity })
	a.Rest = true
	return a
}

// bucket is all that is left of one kind of money: what is net under a set of taxes, or one
// of these taxes.
type bucket struct {
	atom   int // of its parts
	parts  []int
	weight int64
}

// spread shares an amount out over all that is left: over kinds of money first, so that
// each rate gets its due whatever the number of lines, then over lines.
func (p *pool) spread(amount int64) Allocation {
	var buckets []bucket
	numbers := 0
	index := map[string][]int{} // of the buckets of a set of taxes
	var key []byte
	var of []int
	for i := range p.parts {
		part := &p.parts[i]
		numbers += len(part.atoms)
		if i == 0 || !slices.EqualFunc(part.taxes, p.parts[i-1].taxes, sameTax) {
			key = part.signature(key[:0])
			of = index[string(key)]
		}
		if of == nil {
			for atom := range part.atoms {
				of = append(of, len(buckets))
				buckets = append(buckets, bucket{atom: atom})
			}
			index[string(key)] = of
		}
		for atom, n := range part.atoms {
			if n > 0 {
				b := &buckets[of[atom]]
				b.parts, b.weight = append(b.parts, i), b.weight+n
			}
		}
	}
	weights := make([]int64, len(buckets))
	whole := int64(0)
	for i, b := range buckets {
		weights[i], whole = b.weight, whole+b.weight
	}
	// More than parts have left was taken by nobody: it stays an adjustment.
	shares := apportionBy(min(amount, whole), weights)

	given := make([]int64, numbers)
	at := make([][]int64, len(p.parts))
	for i := range p.parts {
		n := len(p.parts[i].atoms)
		at[i], given = given[:n:n], given[n:]
	}
	for i, b := range buckets {
		if shares[i] == 0 {
			continue
		}
		weights = weights[:0]
		for _, part := range b.parts {
			weights = append(weights, p.parts[part].atoms[b.atom])
		}
		for k, n := range apportionBy(shares[i], weights) {
			at[b.parts[k]][b.atom] = n
		}
	}
	return p.allocation(amount, func(i int) []int64 { return at[i] }, func(int) commerce.Decimal { return commerce.Decimal{} })
}

// signature says which taxes a part has.
func (p *poolPart) signature(key []byte) []byte {
	for _, t := range p.taxes {
		for _, s := range [...]string{t.Code, t.Country, t.Region} {
			key = append(append(key, s...), 0)
		}
		rate := t.Rate.Trim(0)
		key = append(binary.AppendUvarint(key, rate.Coef()), byte(rate.Scale()), 0)
	}
	return key
}

// named gives what was asked for by name.
func (p *pool) named(ask RefundAsk) (Allocation, error) {
	atoms := make([][]int64, len(p.parts))
	quantities := make([]commerce.Decimal, len(p.parts))
	sum := int64(0)
	for _, l := range ask.Lines {
		i, ok := p.index[l.Line]
		if !ok || l.Quantity.Sign() <= 0 || atoms[i] != nil {
			return Allocation{}, p.refuse(CodeRefundLine, l.Line, l.Quantity.String(), "none", "the order has no such line, it is named twice, or by no quantity")
		}
		part := &p.parts[i]
		if l.Quantity.Cmp(part.quantity) > 0 {
			return Allocation{}, p.refuse(CodeRefundTooLarge, l.Line, l.Quantity.String(), part.quantity.String(), "more than the line has left")
		}
		whole := part.sum()
		gross, err := share(whole, l.Quantity, part.quantity)
		if err != nil {
			return Allocation{}, err
		}
		quantities[i], atoms[i] = l.Quantity, part.cut(gross, whole)
		sum += gross
	}
	shipping, left := ask.Shipping.Minor(), p.shipping().sum()
	if ask.AllShipping {
		shipping = left
	}
	if shipping < 0 || shipping > left {
		return Allocation{}, p.refuse(CodeRefundTooLarge, "", ask.Shipping.String(), p.money(left).String(), "more than is left of shipping")
	}
	atoms[len(atoms)-2] = p.shipping().cut(shipping, left)
	sum += shipping
	total := sum + ask.Adjustment.Minor()
	if ask.Amount != (commerce.Money{}) {
		total = ask.Amount.Minor()
	}
	if total <= 0 || total > p.left {
		return Allocation{}, p.refuse(CodeRefundTooLarge, "", p.money(total).String(), p.money(p.left).String(), "more than the order has left, or nothing")
	}
	a := p.allocation(total, func(i int) []int64 { return atoms[i] }, func(i int) commerce.Decimal { return quantities[i] })
	a.Rest = total == p.left
	return a, nil
}

// cut takes gross out of what a part has, each kind of money in proportion.
func (p *poolPart) cut(gross, whole int64) []int64 {
	if gross == whole {
		return p.atoms
	}
	weights := slices.Clone(p.atoms)
	for i := range weights {
		weights[i] = max(0, weights[i])
	}
	return apportionBy(gross, weights)
}

// apportionBy splits n, not below nought, in proportion to the weights by largest
// remainder. Nobody gets more than the weight where n is no more than all of them; equal
// remainders go to the earlier.
func apportionBy(n int64, weights []int64) []int64 {
	out := make([]int64, len(weights))
	var total uint64
	for _, w := range weights {
		total += uint64(w)
	}
	if n <= 0 || total == 0 {
		return out
	}
	type remainder struct {
		i int
		r uint64
	}
	rests := make([]remainder, 0, len(weights))
	left := n
	for i, w := range weights {
		hi, lo := bits.Mul64(uint64(n), uint64(w))
		q, r := bits.Div64(hi%total, lo, total)
		out[i] = int64(q)
		if left -= int64(q); r > 0 {
			rests = append(rests, remainder{i, r})
		}
	}
	slices.SortFunc(rests, func(a, b remainder) int { return cmp.Or(cmp.Compare(b.r, a.r), a.i-b.i) })
	for k := range left {
		out[rests[k].i]++
	}
	return out
}

// ratio is n × part / whole, half away from nought; 0 where whole is.
func ratio(n, part, whole int64) int64 {
	sign := int64(1)
	abs := func(v int64) uint64 {
		if v < 0 {
			sign, v = -sign, -v
		}
		return uint64(v)
	}
	a, b, c := abs(n), abs(part), abs(whole)
	if c == 0 {
		return 0
	}
	hi, lo := bits.Mul64(a, b)
	if hi >= c {
		return n // out of range: it can only be all of it
	}
	q, r := bits.Div64(hi, lo, c)
	if r >= c-r {
		q++
	}
	return sign * int64(q)
}

// share is n × quantity / of, half away from nought.
func share(n int64, quantity, of commerce.Decimal) (int64, error) {
	if quantity.Cmp(of) == 0 {
		return n, nil
	}
	scale := max(quantity.MinScale(), of.MinScale())
	q, w := quantity.Rescale(scale), of.Rescale(scale)
	if q.Scale() != scale || w.Scale() != scale || q.Coef() > 1<<62 || w.Coef() > 1<<62 {
		return 0, commerce.Errorf(commerce.KindInvalid, "mapping", "allocate refund", "quantities %s and %s have too many digits", quantity, of)
	}
	return ratio(n, int64(q.Coef()), int64(w.Coef())), nil
}
