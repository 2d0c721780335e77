package magentotest

import (
	"slices"
)

// taxTable collects what each rate came to.
type taxTable struct {
	codes  []string
	totals map[string]pair
	rates  map[string]dec
	rows   []taxedRow
}

// taxedRow is a row of an order, or its shipping, with its rates.
type taxedRow struct {
	codes []string
	shown obj
}

// add notes the tax of a row, split over its rates; the last one takes the rest. Item 0
// is the shipping.
func (t *taxTable) add(item int64, taxes []Tax, sum dec, amount pair) {
	if len(taxes) == 0 {
		return
	}
	if t.totals == nil {
		t.totals, t.rates = map[string]pair{}, map[string]dec{}
	}
	left := amount
	row := taxedRow{shown: obj{"type": "shipping"}}
	var applied []any
	for n, tax := range taxes {
		percent, _ := parseDec(tax.Percent)
		p := amount.part(percent, sum)
		if n == len(taxes)-1 {
			p = left
		}
		left = left.sub(p)
		if !slices.Contains(t.codes, tax.Code) {
			t.codes = append(t.codes, tax.Code)
		}
		t.totals[tax.Code] = t.totals[tax.Code].add(p)
		t.rates[tax.Code] = percent
		row.codes = append(row.codes, tax.Code)
		applied = append(applied, rendered(tax.Code, percent, p))
	}
	row.shown["applied_taxes"] = applied
	if item == 0 {
		t.rows = append([]taxedRow{row}, t.rows...)
		return
	}
	row.shown["type"], row.shown["item_id"] = "product", item
	t.rows = append(t.rows, row)
}

func rendered(code string, percent dec, p pair) obj {
	return obj{"code": code, "title": code, "percent": percent, "amount": p.order, "base_amount": p.base}
}

// render lists the rates that came to something, and the rows by their first one:
// shipping before goods (REC 481, 485).
func (t *taxTable) render() (applied, byItem []any) {
	seen := map[int]bool{}
	for _, code := range t.codes {
		if t.totals[code] == (pair{}) {
			continue
		}
		applied = append(applied, rendered(code, t.rates[code], t.totals[code]))
		for n, row := range t.rows {
			if !seen[n] && slices.Contains(row.codes, code) {
				seen[n] = true
				byItem = append(byItem, row.shown)
			}
		}
	}
	return applied, byItem
}
