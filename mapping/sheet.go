package mapping

import (
	"math/big"

	"github.com/commercesync/commerce"
)

// Sheet is the money of an order as a shop states it: rows, the charge for delivery
// and the totals, all in one currency and without tax unless said otherwise.
type Sheet struct {
	Document string // for faults: "magento order 17"
	Currency commerce.Currency
	// Country and Region are those that tax was chosen for: ship-to, or bill-to where
	// nothing is shipped.
	Country, Region string
	// Included: the shop's prices include tax.
	Included bool
	Rows     []Row
	Shipping ShippingRow
	Stated   Stated
}

// Row is one row of an order. Amounts are of the whole row.
type Row struct {
	ID     string
	Parent string // ID of the row that this one is a part of; empty = none
	// Folded: the row only names the variant that its parent was sold as
	// (configurable products); the parent carries money and quantities.
	Folded bool

	SKU, Name                                       string
	Quantity, Canceled, Invoiced, Shipped, Refunded commerce.Decimal
	Virtual                                         bool

	Net      Amount // before discount
	Discount Amount // positive
	Tax      Amount
	Taxes    []RowTax
	Codes    []string // coupons and rules behind the discount; may be empty
}

// ShippingRow is the charge for delivery.
type ShippingRow struct {
	Method, Title string
	Net           Amount // before discount
	Discount      Amount // positive
	Tax           Amount
	Taxes         []RowTax
}

// RowTax is one tax of a row.
type RowTax struct {
	Code, Title string
	Rate        commerce.Decimal // percent
	Amount      Amount
}

// Stated are the totals of an order in one currency as the shop states them.
type Stated struct {
	Net              Amount // rows before discount
	Discount         Amount // of the rows, positive
	Shipping         Amount // before discount
	ShippingDiscount Amount // positive
	Fees             Amount
	Tax              Amount
	Gross            Amount // before any tender is counted
}

// Sale is what a Sheet says in canonical words.
type Sale struct {
	Lines    []commerce.OrderLine
	Shipping commerce.Shipping
	Totals   commerce.Totals
}

// slack is how far sums of a shop's figures may lie apart: less than half a
// hundredth, since shops keep 4 decimals and round each figure by itself.
const slack = Amount(49)

// Fold proves that the rows add up to the stated totals, drops the rows that only
// repeat money, and rounds to the currency so that every identity of
// [commerce.Totals] holds to the minor unit. What does not add up is a fault that
// names the field and both values.
func (s Sheet) Fold() (Sale, error) {
	if !s.Currency.Valid() {
		return Sale{}, Faultf(s.Document, "currency", string(s.Currency), "is no ISO 4217 currency")
	}
	rows, err := s.sold()
	if err != nil {
		return Sale{}, err
	}
	if err := s.prove(rows); err != nil {
		return Sale{}, err
	}
	return s.round(rows)
}

// parts says what hangs on a row: nothing, parts that are free, or parts that carry the
// money.
type parts uint8

const (
	noParts parts = iota
	freeParts
	pricedParts
)

// sold returns the rows that are lines: without folded children, and without the
// parents of parts that carry the money themselves.
func (s Sheet) sold() ([]Row, error) {
	on := make(map[string]parts, len(s.Rows))
	for _, r := range s.Rows {
		if _, double := on[r.ID]; double || r.ID == "" {
			return nil, Faultf(s.Document, "rows", r.ID, "a row has no id, or two have one")
		}
		on[r.ID] = noParts
	}
	for _, r := range s.Rows {
		if r.Parent == "" {
			continue
		}
		have, ok := on[r.Parent]
		switch {
		case !ok:
			return nil, Faultf(s.Document, "rows["+r.ID+"].parent", r.Parent, "there is no such row")
		case r.Folded:
		case r.Net != 0 || r.Discount != 0 || r.Tax != 0:
			on[r.Parent] = pricedParts
		default:
			on[r.Parent] = max(have, freeParts)
		}
	}
	kept := make([]Row, 0, len(s.Rows))
	for _, r := range s.Rows {
		if r.Folded {
			if r.Parent == "" {
				return nil, Faultf(s.Document, "rows["+r.ID+"]", "", "a folded row needs a parent")
			}
			if r.Net != 0 || r.Discount != 0 || r.Tax != 0 {
				return nil, Faultf(s.Document, "rows["+r.ID+"].net", r.Net.Text(), "parent %s carries the money, its variant must not", r.Parent)
			}
			continue
		}
		switch on[r.ID] {
		case pricedParts:
			continue // the parts carry the money; the parent repeats their sum
		case freeParts:
			r.Virtual = true // what is shipped are the parts
		}
		kept = append(kept, r)
	}
	return kept, nil
}

func (s Sheet) prove(rows []Row) error {
	var net, discount, tax Amount
	for _, r := range rows {
		net, discount, tax = net+r.Net, discount+r.Discount, tax+r.Tax
		field := "rows[" + r.ID + "]"
		if r.Quantity.Sign() <= 0 {
			return Faultf(s.Document, field+".quantity", r.Quantity.String(), "must be above nought")
		}
		if err := s.proveTaxes(field, r.Tax, r.Taxes); err != nil {
			return err
		}
	}
	if err := s.proveTaxes("shipping", s.Shipping.Tax, s.Shipping.Taxes); err != nil {
		return err
	}
	for _, sum := range []struct {
		field        string
		stated, rows Amount
	}{
		{"net", s.Stated.Net, net},
		{"discount", s.Stated.Discount, discount},
		{"shipping", s.Stated.Shipping, s.Shipping.Net},
		{"shipping_discount", s.Stated.ShippingDiscount, s.Shipping.Discount},
		{"tax", s.Stated.Tax, tax + s.Shipping.Tax},
	} {
		if apart(sum.stated, sum.rows) {
			return Faultf(s.Document, sum.field, sum.stated.Text(), "the rows add up to %s", sum.rows.Text())
		}
	}
	return s.Stated.prove(s.Document)
}

func (s Sheet) proveTaxes(field string, tax Amount, taxes []RowTax) error {
	var sum Amount
	for _, t := range taxes {
		sum += t.Amount
	}
	if apart(tax, sum) {
		return Faultf(s.Document, field+".tax", tax.Text(), "its taxes add up to %s", sum.Text())
	}
	return nil
}

func apart(a, b Amount) bool { return a-b > slack || b-a > slack }

// parts are the signed components of Gross.
func (t Stated) parts() []Amount {
	return []Amount{t.Net, -t.Discount, t.Shipping, -t.ShippingDiscount, t.Fees, t.Tax}
}

func (t Stated) prove(document string) error {
	var sum Amount
	for _, p := range t.parts() {
		sum += p
	}
	if apart(sum, t.Gross) {
		return Faultf(document, "gross", t.Gross.Text(), "the totals add up to %s", sum.Text())
	}
	return nil
}

// Totals rounds stated totals to a currency so that their identity holds to the
// minor unit. Totals that do not add up are a fault with both values.
func (t Stated) Totals(document string, c commerce.Currency) (commerce.Totals, error) {
	if !c.Valid() {
		return commerce.Totals{}, Faultf(document, "currency", string(c), "is no ISO 4217 currency")
	}
	if err := t.prove(document); err != nil {
		return commerce.Totals{}, err
	}
	gross, _, err := t.Gross.Money(c)
	if err != nil {
		return commerce.Totals{}, Faultf(document, "gross", t.Gross.Text(), "%v", err)
	}
	minor, err := spread(document, gross, t.parts())
	if err != nil {
		return commerce.Totals{}, err
	}
	m := func(n int64) commerce.Money { return commerce.MustMoney(n, c) }
	return commerce.Totals{Net: m(minor[0]), Discount: m(-minor[1]), Shipping: m(minor[2]),
		ShippingDiscount: m(-minor[3]), Fees: m(minor[4]), Tax: m(minor[5]), Gross: gross}, nil
}

// spread rounds the parts of a gross total so that they add up to it.
func spread(document string, gross commerce.Money, parts []Amount) ([]int64, error) {
	minor, ok := apportion(gross.Currency(), gross.Minor(), parts)
	if !ok {
		return nil, Faultf(document, "gross", gross.String(), "its parts can not be rounded to add up to it")
	}
	return minor, nil
}

// leaf is one figure of a sheet. Those of one kind are kept together when they are
// rounded: all nets under the same rates, all of one tax.
type leaf struct {
	kind   int
	amount Amount
}

// spreadLeaves rounds leaves so that they add up to the gross total: first the sum of
// each kind, then the figures of a kind to its sum. Books compute a tax from the sum
// of the nets under it, so neither may drift with the number of lines.
func spreadLeaves(document string, gross commerce.Money, leaves []leaf, kinds int) ([]int64, error) {
	sums, counts := make([]Amount, kinds), make([]int, kinds)
	for _, l := range leaves {
		sums[l.kind] += l.amount
		counts[l.kind]++
	}
	totals, err := spread(document, gross, sums)
	if err != nil {
		return nil, err
	}
	members := make([][]Amount, kinds)
	all := make([]Amount, len(leaves))
	for k, n := range counts {
		members[k], all = all[:0:n], all[n:]
	}
	for _, l := range leaves {
		members[l.kind] = append(members[l.kind], l.amount)
	}
	rounded := make([][]int64, kinds)
	for k, parts := range members {
		total := commerce.MustMoney(totals[k], gross.Currency())
		if rounded[k], err = spread(document, total, parts); err != nil {
			return nil, err
		}
	}
	out := make([]int64, len(leaves))
	for i, l := range leaves {
		out[i], rounded[l.kind] = rounded[l.kind][0], rounded[l.kind][1:]
	}
	return out, nil
}

// round turns the figures into money. All leaves (net, discount and each tax of each
// row) are rounded together, so that they add up to the rounded gross total; sums
// are then taken from the leaves. In a currency with all the shop's digits nothing
// changes.
func (s Sheet) round(rows []Row) (Sale, error) {
	leaves := make([]leaf, 0, 4*len(rows)+4)
	kinds := map[string]int{}
	kind := func(name string) int {
		k, known := kinds[name]
		if !known {
			k = len(kinds)
			kinds[name] = k
		}
		return k
	}
	add := func(of string, net, discount Amount, taxes []RowTax) {
		for _, t := range taxes {
			of += " " + t.Code
		}
		leaves = append(leaves, leaf{kind("net" + of), net}, leaf{kind("discount" + of), -discount})
		for _, t := range taxes {
			leaves = append(leaves, leaf{kind("tax " + t.Code), t.Amount})
		}
	}
	for _, r := range rows {
		add("", r.Net, r.Discount, r.Taxes)
	}
	add(" of shipping", s.Shipping.Net, s.Shipping.Discount, s.Shipping.Taxes)
	leaves = append(leaves, leaf{kind("fees"), s.Stated.Fees})
	gross, _, err := s.Stated.Gross.Money(s.Currency)
	if err != nil {
		return Sale{}, Faultf(s.Document, "gross", s.Stated.Gross.Text(), "%v", err)
	}
	minor, err := spreadLeaves(s.Document, gross, leaves, len(kinds))
	if err != nil {
		return Sale{}, err
	}

	next := func() commerce.Money {
		m := commerce.MustMoney(minor[0], s.Currency)
		minor = minor[1:]
		return m
	}
	sale := Sale{Lines: make([]commerce.OrderLine, 0, len(rows))}
	nought := commerce.Zero(s.Currency)
	totals := commerce.Totals{Net: nought, Discount: nought, Shipping: nought, ShippingDiscount: nought,
		Tax: nought, Gross: gross}
	take := func(on commerce.TaxOn, line string, rawNet, rawDiscount Amount, taxes []RowTax) (net, discount, tax commerce.Money, lines []commerce.TaxLine) {
		net, discount, tax = next(), next().Neg(), nought
		base := net
		if onDiscounted(rawNet, rawDiscount, taxes) {
			base = plus(net, discount.Neg())
		}
		for _, t := range taxes {
			amount := next()
			tax = plus(tax, amount)
			lines = append(lines, commerce.TaxLine{Code: t.Code, Title: t.Title, Country: s.Country, Region: s.Region,
				Rate: t.Rate, Base: base, Amount: amount, Included: s.Included, On: on, Line: line})
		}
		return net, discount, tax, lines
	}
	for _, r := range rows {
		l := commerce.OrderLine{ID: r.ID, Parent: r.Parent, SKU: r.SKU, Name: r.Name, Quantity: r.Quantity,
			Canceled: r.Canceled, Invoiced: r.Invoiced, Shipped: r.Shipped, Refunded: r.Refunded, Virtual: r.Virtual}
		l.Net, l.Discount, l.Tax, l.Taxes = take(commerce.TaxOnLine, r.ID, r.Net, r.Discount, r.Taxes)
		if !l.Discount.IsZero() {
			code := ""
			if len(r.Codes) > 0 {
				code = r.Codes[0]
			}
			l.Discounts = []commerce.Discount{{Code: code, Amount: l.Discount}}
		}
		totals.Net, totals.Discount, totals.Tax = plus(totals.Net, l.Net), plus(totals.Discount, l.Discount), plus(totals.Tax, l.Tax)
		sale.Lines = append(sale.Lines, l)
	}
	sh := commerce.Shipping{Method: s.Shipping.Method, Title: s.Shipping.Title}
	sh.Net, sh.Discount, sh.Tax, sh.Taxes = take(commerce.TaxOnShipping, "", s.Shipping.Net, s.Shipping.Discount, s.Shipping.Taxes)
	totals.Shipping, totals.ShippingDiscount, totals.Tax = sh.Net, sh.Discount, plus(totals.Tax, sh.Tax)
	totals.Fees = next()
	sale.Shipping, sale.Totals = sh, totals
	return sale, nil
}

// plus adds amounts of one currency below the limit of Amount: it can not fail.
func plus(a, b commerce.Money) commerce.Money {
	sum, _ := a.Add(b)
	return sum
}

// onDiscounted says what the shop took tax on: the price after discount, or before
// it (a setting of the shop that no document states). Whichever gives the tax that
// was charged counts.
func onDiscounted(net, discount Amount, taxes []RowTax) bool {
	if discount == 0 {
		return true
	}
	// Whole numbers in units of 10^-19 percent: no rate has more decimals.
	var rate, charged big.Int
	for _, t := range taxes {
		unit := uint64(1)
		for range 19 - t.Rate.Scale() {
			unit *= 10
		}
		r := new(big.Int).SetUint64(t.Rate.Coef())
		if t.Rate.IsNeg() {
			r.Neg(r)
		}
		rate.Add(&rate, r.Mul(r, new(big.Int).SetUint64(unit)))
		charged.Add(&charged, big.NewInt(int64(t.Amount)))
	}
	charged.Mul(&charged, new(big.Int).SetUint64(1e19)).Mul(&charged, big.NewInt(100))
	off := func(base Amount) *big.Int {
		x := big.NewInt(int64(base))
		return x.Mul(x, &rate).Sub(x, &charged)
	}
	return off(net-discount).CmpAbs(off(net)) <= 0
}

// Prove checks the identities of a canonical order: lines, taxes, shipping and
// tenders add up to its totals, in one currency. A person's overlay may have broken
// them. The fault names the field and both values.
func Prove(o commerce.Order) error {
	document := o.Ref.System + " " + o.Ref.ID
	var broken error
	sum := func(field string, want commerce.Money, parts ...commerce.Money) {
		if broken != nil {
			return
		}
		got, err := commerce.Sum(o.Currency, parts...)
		switch {
		case err != nil:
			broken = Faultf(document, field, want.String(), "%v", err)
		case got != want:
			broken = Faultf(document, field, want.String(), "its parts add up to %s", got)
		}
	}
	n := len(o.Lines)
	nets, discounts, taxes := make([]commerce.Money, 0, n), make([]commerce.Money, 0, n), make([]commerce.Money, 0, n+1)
	var tenders []commerce.Money
	for _, l := range o.Lines {
		nets, discounts, taxes = append(nets, l.Net), append(discounts, l.Discount), append(taxes, l.Tax)
		sum("lines["+l.ID+"].tax", l.Tax, amounts(l.Taxes)...)
	}
	t := o.Totals
	sum("shipping.tax", o.Shipping.Tax, amounts(o.Shipping.Taxes)...)
	sum("totals.net", t.Net, nets...)
	sum("totals.discount", t.Discount, discounts...)
	sum("totals.shipping", t.Shipping, o.Shipping.Net)
	sum("totals.shipping_discount", t.ShippingDiscount, o.Shipping.Discount)
	sum("totals.tax", t.Tax, append(taxes, o.Shipping.Tax)...)
	sum("totals.gross", t.Gross, t.Net, t.Discount.Neg(), t.Shipping, t.ShippingDiscount.Neg(), t.Fees, t.Tax)
	for _, x := range o.Tenders {
		tenders = append(tenders, x.Amount)
	}
	sum("tenders", t.Gross, tenders...)
	return broken
}

func amounts(taxes []commerce.TaxLine) []commerce.Money {
	out := make([]commerce.Money, len(taxes))
	for i, t := range taxes {
		out[i] = t.Amount
	}
	return out
}
