package report

import (
	"slices"
	"strconv"

	"github.com/commercesync/commerce"
)

// grid is a table for people.
type grid struct {
	ID, Title, Text string
	Head            []gridHead
	Rows            []gridRow
	More            int // rows that are not shown
}

type gridHead struct {
	Name  string
	Right bool
}

type gridRow struct {
	Cells []gridCell
	Bad   bool
}

// gridCell is one of a text, a count and an amount.
type gridCell struct {
	Name   string
	Text   string
	Amount commerce.Money
	Unit   commerce.Currency // of an amount, where the row does not say it
	Count  bool              // Text is a number
}

// dimensions are what a record can be of, in the order in which a table has them.
var dimensions = []struct {
	name  string
	value func(record) string
}{
	{"shop", func(r record) string { return r.shop }},
	{"country", func(r record) string { return r.country }},
	{"rate", func(r record) string { return r.rate }},
	{"currency", func(r record) string { return string(r.currency) }},
	{"key", func(r record) string { return r.key }},
	{"text", func(r record) string { return r.text }},
	{"of", func(r record) string { return r.of.String() }},
	{"on", func(r record) string { return r.on.String() }},
}

// newGrid makes a table of the records of one name. It has a column for whatever one of
// them says. Names tells what people read over a column, where that is not its name;
// "" leaves it out.
func newGrid(table, title, text string, all []record, most int, names map[string]string) grid {
	g := grid{ID: table, Title: title, Text: text}
	all = slices.DeleteFunc(slices.Clone(all), func(r record) bool { return r.table != table })
	head := func(name string) (string, bool) {
		if n, ok := names[name]; ok {
			return n, n != ""
		}
		return heading(name), true
	}
	var of []int
	for i, d := range dimensions {
		name, shown := head(d.name)
		if shown && slices.ContainsFunc(all, func(r record) bool { return d.value(r) != "" }) {
			of = append(of, i)
			g.Head = append(g.Head, gridHead{name, false})
		}
	}
	var figures []string
	for _, r := range all {
		for _, f := range r.figures {
			if name, shown := head(f.name); shown && !slices.Contains(figures, f.name) && (f.counts || f.amount != commerce.Money{}) {
				figures = append(figures, f.name)
				g.Head = append(g.Head, gridHead{name, true})
			}
		}
	}
	if len(all) > most {
		g.More, all = len(all)-most, all[:most]
	}
	for _, r := range all {
		row := gridRow{Bad: r.bad}
		for n, i := range of {
			row.Cells = append(row.Cells, gridCell{Name: g.Head[n].Name, Text: dimensions[i].value(r)})
		}
		for n, name := range figures {
			row.Cells = append(row.Cells, cellOf(g.Head[len(of)+n].Name, r, name))
		}
		g.Rows = append(g.Rows, row)
	}
	return g
}

func cellOf(head string, r record, figure string) gridCell {
	c := gridCell{Name: head}
	for _, f := range r.figures {
		switch {
		case f.name != figure:
		case f.counts:
			c.Text, c.Count = strconv.Itoa(f.count), true
		default:
			c.Amount = f.amount
			if f.amount.Currency() != r.currency {
				c.Unit = f.amount.Currency()
			}
		}
	}
	return c
}

// moving leaves out days on which nothing moved and nobody but our entries spoke.
func moving(all []record) []record {
	var before commerce.Money
	return slices.DeleteFunc(slices.Clone(all), func(r record) bool {
		if r.table != tableClearingDay {
			return false
		}
		now := r.figures[0].amount
		same := now == before
		before = now
		return same && !r.bad && r.figures[2].amount == commerce.Money{} && r.figures[3].amount == commerce.Money{}
	})
}

// balanceGrids are the tables of one balance.
func balanceGrids(all []record, most int) []grid {
	return tables([]grid{
		newGrid(tableClearing, "The clearing account, proved", "Who says what it is at the end of the month, beside the movements.", all, most,
			map[string]string{"currency": "", "key": "", "text": "Says", "on": "First off", "closing": "At the end", "off": "Off then by"}),
		newGrid(tableUnpaid, "Captured and not paid out", "By age at the end of the month.", all, most, map[string]string{"currency": "", "key": "", "text": "Age"}),
		newGrid(tableTransit, "On its way to the bank", "Paid out and not arrived at the end of the month.", all, most,
			map[string]string{"currency": "", "key": "Payout", "text": "Status", "on": "Arrives"}),
		newGrid(tableClearingDay, "Day by day", "Clearing at the end of each day on which it moved, or somebody says what it was.", moving(all), most,
			map[string]string{"currency": "", "on": "Day", "lines": "Movements", "entries": "Our entries", "ledger": "The ERP's ledger"}),
	})
}

// monthGrids are the tables that are of no one balance.
func monthGrids(all []record, most int) []grid {
	return tables([]grid{
		newGrid(tableSales, "Sales by shop", "What the shops say they sold and gave back.", all, most, map[string]string{"memos": "Credit memos"}),
		newGrid(tableSalesRate, "Sales by tax rate", "Without tax where the documents say it.", all, most, map[string]string{"rate": "Rate, %"}),
		newGrid(tableCollected, "Sold and collected", "What the shops sold beside what buyers paid at Stripe, in the buyers' currency. The difference is what waits for its order, or was paid in another month or without Stripe.",
			all, most, nil),
		newGrid(tableTax, "Tax, tied to posted documents", "Sales less refunds. Differences are posted less shop.", all, most, map[string]string{"rate": "Rate, %"}),
		newGrid(tableSuspense, "On suspense", "Waits for somebody who knows where it belongs.", all, most, map[string]string{"key": "Entry"}),
		newGrid(tablePrior, "From earlier periods", "Booked in this month, and belongs to another.", all, most, map[string]string{"key": "What", "of": "Belongs to", "on": "Booked on"}),
	})
}

// tables leaves out those without rows.
func tables(grids []grid) []grid {
	return slices.DeleteFunc(grids, func(g grid) bool { return len(g.Rows) == 0 })
}
