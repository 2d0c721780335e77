package report

import (
	"bufio"
	"cmp"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// MonthTerminal writes a month for a person at a terminal, as [Terminal] does a payout: what
// needs somebody first, then each balance, sales, tax, suspense and earlier periods. Of each
// table it shows Config.Most rows, 20 by default.
func MonthTerminal(w io.Writer, m *reconcile.MonthView, c Config) error {
	c, err := c.withDefaults(20)
	if err != nil {
		return err
	}
	t := &terminal{Writer: bufio.NewWriter(w), config: c}
	t.heading(plain(cmp.Or(c.Title, monthTitle(m))), m.From.String()+" to "+m.To.String())
	needs := attention(m)
	for _, a := range needs {
		for _, l := range wrap(a, c.Width-4) {
			t.say("  ", t.paint(red, l))
		}
	}
	if len(needs) == 0 {
		t.say("  ", t.paint(green, "ready to close"), ": clearing is proved, tax is tied, nothing is on suspense")
	}
	t.say()
	var rest []record
	for r := range records(m) {
		rest = append(rest, r)
	}
	for _, b := range m.Balances {
		t.heading("Balance in " + string(b.Currency))
		t.chart(monthSteps(b), commerce.Money{})
		for _, g := range balanceGrids(balanceRecords(b), c.Most) {
			if g.ID != tableClearingDay {
				t.grid(g)
			}
		}
	}
	for _, g := range monthGrids(rest, c.Most) {
		t.grid(g)
	}
	for _, e := range c.Entries {
		t.entry(newEntry(e))
	}
	return t.Flush()
}

func (t *terminal) grid(g grid) {
	t.heading(g.Title)
	head := make([]string, len(g.Head))
	var right []int
	for i, h := range g.Head {
		if head[i] = h.Name; h.Right {
			right = append(right, i)
		}
	}
	rows := [][]string{head}
	for _, r := range g.Rows {
		row := make([]string, len(r.Cells))
		for i, c := range r.Cells {
			switch {
			case c.Amount == commerce.Money{}:
				row[i] = c.Text
			case c.Unit != "":
				row[i] = c.Amount.String()
			default:
				row[i] = c.Amount.Text()
			}
		}
		rows = append(rows, row)
	}
	lines := t.lines(rows, right...)
	switch {
	case utf8.RuneCountInString(lines[0]) > t.config.Width:
		t.stack(rows)
	default:
		for i, l := range lines {
			switch {
			case i == 0:
				l = t.paint(dim, l)
			case g.Rows[i-1].Bad:
				l = t.paint(red, l)
			}
			t.say(l)
		}
	}
	if g.More > 0 {
		t.say("    ", t.paint(dim, "and "+number(g.More)+" more"))
	}
	t.say()
}

// stack writes rows that are too wide below each other, a cell a line.
func (t *terminal) stack(rows [][]string) {
	width := 0
	for _, name := range rows[0] {
		width = max(width, utf8.RuneCountInString(name))
	}
	for i, row := range rows[1:] {
		if i > 0 {
			t.say()
		}
		for n, cell := range row {
			if cell != "" {
				t.say("    ", t.paint(dim, pad(rows[0][n], width)), "  ", fit(cell, t.config.Width-width-6))
			}
		}
	}
}

// wrap breaks a text between words.
func wrap(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(plain(text)) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), "  "+word
		}
	}
	return append(lines, line)
}
