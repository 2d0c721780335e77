package reconcile

import (
	"encoding/binary"
	"hash/maphash"
	"maps"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
)

// LineDifference is a key under which shop and ERP do not have the same. Lines of one key
// are added up on each side.
type LineDifference struct {
	Key       string
	Shop, ERP *DocumentLine // nil = has none
}

// TaxDifference is a country and a rate at which shop and ERP do not have the same tax.
type TaxDifference struct {
	Country   string // empty where one side does not say countries
	Rate      string
	Shop, ERP *TaxSum // nil = has none
}

// sound reports a total, lines and taxes that are in another currency than their document.
func (d *Document) sound() error {
	bad := func(column, name string) error {
		return &RowError{Input: "documents", Row: d.Row, Column: column, Reason: d.ID + " has " + name + " in another currency than its amount"}
	}
	c := d.Amount.Currency()
	if d.total().Currency() != c {
		return bad("total", "a total")
	}
	for i := range d.Lines {
		if d.Lines[i].Net.Currency() != c {
			return bad("lines", d.Lines[i].Key)
		}
	}
	for i := range d.Taxes {
		if d.Taxes[i].Tax.Currency() != c {
			return bad("taxes", "tax at "+d.Taxes[i].Rate)
		}
	}
	return nil
}

// digest is the same number where two documents have the same lines and taxes, in any
// order; nought where they have none. Of those whose numbers differ the lines are read.
func (h hasher) digest(d *Document) uint64 {
	if len(d.Lines)+len(d.Taxes) == 0 {
		return 0
	}
	var sum uint64 // of hashes, so that the order does not matter
	var b []byte
	for i := range d.Lines {
		l := &d.Lines[i]
		q := l.Quantity.Trim(0)
		b = append(b[:0], 'l')
		b = putText(b, l.Key)
		b = binary.AppendUvarint(b, q.Coef())
		b = binary.AppendVarint(b, int64(q.Scale()*2+q.Sign()))
		b = binary.AppendVarint(b, l.Net.Minor())
		sum += maphash.Bytes(h.seed, b)
	}
	for i := range d.Taxes {
		x := &d.Taxes[i]
		b = append(b[:0], 't')
		b = putText(b, x.Country)
		b = putText(b, x.Rate)
		b = binary.AppendVarint(b, x.Tax.Minor())
		sum += maphash.Bytes(h.seed, b)
	}
	return max(1, sum>>metaDigest) << metaDigest
}

// differences are what shop and ERP do not agree on in documents of one sale.
type differences struct {
	lines []LineDifference
	taxes []TaxDifference
}

// between compares two sets of documents that are of one currency. What one side does
// not know is not compared.
func between(shop, erp []row) (d differences, err error) {
	if known(shop, func(d *Document) bool { return len(d.Lines) > 0 }) && known(erp, func(d *Document) bool { return len(d.Lines) > 0 }) {
		if d.lines, err = differingLines(shop, erp); err != nil {
			return d, err
		}
	}
	if known(shop, func(d *Document) bool { return len(d.Taxes) > 0 }) && known(erp, func(d *Document) bool { return len(d.Taxes) > 0 }) {
		d.taxes, err = differingTaxes(shop, erp)
	}
	return d, err
}

func known(rows []row, has func(*Document) bool) bool {
	return !slices.ContainsFunc(rows, func(r row) bool { return !has(r.doc) })
}

// difference is Σ shop - Σ ERP of what differs.
func (d differences) difference(c commerce.Currency) (commerce.Money, error) {
	sum := commerce.Zero(c)
	var err error
	count := func(m commerce.Money, negative bool) {
		if negative {
			m = m.Neg()
		}
		if err == nil {
			sum, err = sum.Add(m)
		}
	}
	for _, l := range d.lines {
		if l.Shop != nil {
			count(l.Shop.Net, false)
		}
		if l.ERP != nil {
			count(l.ERP.Net, true)
		}
	}
	if len(d.lines) == 0 {
		for _, t := range d.taxes {
			if t.Shop != nil {
				count(t.Shop.Tax, false)
			}
			if t.ERP != nil {
				count(t.ERP.Tax, true)
			}
		}
	}
	return sum, err
}

func differingLines(shop, erp []row) (out []LineDifference, err error) {
	var sides [2]map[string]*DocumentLine
	for n, rows := range [][]row{shop, erp} {
		sides[n] = map[string]*DocumentLine{}
		for i := range rows {
			for _, l := range rows[i].doc.Lines {
				have := sides[n][l.Key]
				if have == nil {
					sides[n][l.Key] = &l
					continue
				}
				if have.Quantity, err = have.Quantity.Add(l.Quantity); err != nil {
					return nil, commerce.Errorf(commerce.KindInvalid, system, "compare "+rows[i].doc.ID, "line %s: %w", l.Key, err)
				}
				if have.Net, err = have.Net.Add(l.Net); err != nil {
					return nil, err
				}
			}
		}
	}
	for _, key := range bothKeys(sides[0], sides[1], strings.Compare) {
		if a, b := sides[0][key], sides[1][key]; !sameLine(key, a, b) {
			out = append(out, LineDifference{key, a, b})
		}
	}
	return out, nil
}

// sameLine reports whether two sides have the same under a key. Of what is no goods only the
// money counts: free shipping need not be a line, and two invoices have two of one.
func sameLine(key string, a, b *DocumentLine) bool {
	switch key {
	case LineShipping, LineDiscount, LineFee, LineAdjustment:
		net := func(l *DocumentLine) int64 {
			if l == nil {
				return 0
			}
			return l.Net.Minor()
		}
		return net(a) == net(b)
	}
	return a != nil && b != nil && a.Quantity.Cmp(b.Quantity) == 0 && a.Net == b.Net
}

func differingTaxes(shop, erp []row) (out []TaxDifference, err error) {
	type key struct{ country, rate string }
	silent := false // one side says no countries
	for _, rows := range [][]row{shop, erp} {
		for i := range rows {
			silent = silent || slices.ContainsFunc(rows[i].doc.Taxes, func(t TaxSum) bool { return t.Country == "" })
		}
	}
	var sides [2]map[key]*TaxSum
	for n, rows := range [][]row{shop, erp} {
		sides[n] = map[key]*TaxSum{}
		for i := range rows {
			for _, t := range rows[i].doc.Taxes {
				k := key{t.Country, t.Rate}
				if silent {
					k.country = ""
				}
				have := sides[n][k]
				if have == nil {
					sides[n][k] = &t
					continue
				}
				if have.Tax, err = have.Tax.Add(t.Tax); err != nil {
					return nil, err
				}
				if t.Base != (commerce.Money{}) && have.Base != (commerce.Money{}) {
					if have.Base, err = have.Base.Add(t.Base); err != nil {
						return nil, err
					}
				}
			}
		}
	}
	tax := func(t *TaxSum) int64 {
		if t == nil {
			return 0
		}
		return t.Tax.Minor()
	}
	for _, k := range bothKeys(sides[0], sides[1], func(a, b key) int { return strings.Compare(a.country+"\x00"+a.rate, b.country+"\x00"+b.rate) }) {
		if a, b := sides[0][k], sides[1][k]; tax(a) != tax(b) {
			out = append(out, TaxDifference{k.country, k.rate, a, b})
		}
	}
	return out, nil
}

// bothKeys returns the keys of two maps, each once, in order.
func bothKeys[K comparable, V any](a, b map[K]V, compare func(K, K) int) []K {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.SortFunc(keys, compare)
	return slices.Compact(keys)
}

// put writes differences as rows are kept.
func (d differences) put(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(d.lines)))
	for _, l := range d.lines {
		b = putText(b, l.Key)
		b = putLines(b, given(l.Shop))
		b = putLines(b, given(l.ERP))
	}
	b = binary.AppendUvarint(b, uint64(len(d.taxes)))
	for _, t := range d.taxes {
		b = putText(b, t.Country)
		b = putText(b, t.Rate)
		b = putTaxes(b, given(t.Shop))
		b = putTaxes(b, given(t.ERP))
	}
	return b
}

func differencesOf(record []byte) (d differences) {
	t := &taker{string(record)}
	for range t.uvarint() {
		d.lines = append(d.lines, LineDifference{t.string(), head(t.lines()), head(t.lines())})
	}
	for range t.uvarint() {
		d.taxes = append(d.taxes, TaxDifference{t.string(), t.string(), head(t.taxes()), head(t.taxes())})
	}
	return d
}

// given is a list of what is there: of one or none.
func given[T any](v *T) []T {
	if v == nil {
		return nil
	}
	return []T{*v}
}

func head[T any](list []T) *T {
	if len(list) == 0 {
		return nil
	}
	return &list[0]
}
