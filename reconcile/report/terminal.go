package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// Terminal writes a table for a person at a terminal: where the gross went, the largest
// discrepancies of each reason, and the journal entries, in Config.Width columns. What is
// too long is shortened in its middle, amounts never.
func Terminal(w io.Writer, r *reconcile.Report, c Config) error {
	c, err := c.withDefaults(3)
	if err != nil {
		return err
	}
	t := &terminal{Writer: bufio.NewWriter(w), config: c}
	p := r.Payout()
	t.heading("Payout "+plain(cmp.Or(c.Title, p.Ref.ID)), string(p.Ref.Mode), string(p.Status), day("arrives ", p.Arrival))
	t.chart(waterfall(r.Proof), r.Proof.Sales)
	t.verdict(r)
	if err := t.discrepancies(r); err != nil {
		return err
	}
	for _, e := range c.Entries {
		t.entry(newEntry(e))
	}
	return t.Flush()
}

// terminal writes lines of a width. Errors wait for Flush.
type terminal struct {
	*bufio.Writer
	config Config
}

const (
	bold  = "1"
	dim   = "2"
	red   = "31"
	green = "32"
)

// paint colours a text, where that is wanted.
func (t *terminal) paint(code, s string) string {
	if !t.config.Color || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (t *terminal) say(s ...string) { fmt.Fprintln(t, strings.TrimRight(strings.Join(s, ""), " ")) }

// heading writes a title and what is said of it.
func (t *terminal) heading(title string, details ...string) {
	details = slices.DeleteFunc(details, func(s string) bool { return s == "" })
	rest := ""
	if len(details) > 0 {
		rest = " · " + strings.Join(details, " · ")
	}
	title = fit(title, t.config.Width)
	t.say(t.paint(bold, title), t.paint(dim, fit(rest, t.config.Width-utf8.RuneCountInString(title))))
	t.say()
}

// chart draws a waterfall.
func (t *terminal) chart(steps []step, gross commerce.Money) {
	name, money := 0, 0
	for _, s := range steps {
		name, money = max(name, len(s.Name)), max(money, len(s.Amount.String()))
	}
	bars := t.config.Width - name - money - 15
	for _, s := range steps {
		code := green
		if s.Amount.Sign() < 0 {
			code = red
		}
		line := "  " + pad(s.Name, name) + "  " + padLeft(s.Amount.String(), money) + padLeft(share(s.Amount, gross), 9)
		if bars >= 10 && s.Width() > 0 {
			from := s.From * bars / 1000
			line += "  " + strings.Repeat(" ", min(from, bars-1)) + t.paint(code, strings.Repeat("█", max(1, s.To*bars/1000-from)))
		}
		t.say(line)
	}
	t.say()
}

func (t *terminal) verdict(r *reconcile.Report) {
	p := r.Proof
	if p.Closed() {
		t.say("  ", t.paint(green, "closed"), ": "+fmt.Sprint(p.Rows, " ", noun(p.Rows, "row"))+" explain it to the last minor unit")
	} else {
		t.say("  ", t.paint(red, "open"), ": nothing may be posted from it")
		if !p.Rest.IsZero() {
			t.say("  ", p.Rest.String(), " of what the bank gets is in no row")
		}
		if p.Repeated > 0 {
			t.say("  ", fmt.Sprint(p.Repeated, " ", noun(p.Repeated, "row")), " there more than once")
		}
		if !p.Own.IsZero() && p.Own != p.Bank.Neg() {
			t.say("  the payout's own row says ", p.Own.String())
		}
	}
	t.say(fmt.Sprintf("  %d matched by id, %d related, %d proposed, %d need no document", r.Matched.ByID, r.Matched.Related, r.Matched.Proposed, r.Matched.Alone))
	t.say()
}

// discrepancies are one table, so that columns stand below each other. It holds Most of
// each reason.
func (t *terminal) discrepancies(r *reconcile.Report) error {
	reasons, sum := counts(r)
	t.heading(fmt.Sprint(sum, " ", noun(sum, "discrepancy")), plain(t.config.All))
	rows := [][]string{{"day", "Stripe", "shop", "ERP", "difference"}}
	shown := make([]int, 0, len(reasons))
	for g, err := range groups(r, t.config.Most) {
		if err != nil {
			return err
		}
		for _, d := range g.Shown {
			rows = append(rows, t.discrepancy(d))
		}
		shown = append(shown, len(g.Shown))
	}
	if sum == 0 {
		return nil
	}
	lines := t.lines(rows, 4)
	t.say(t.paint(dim, lines[0]))
	lines = lines[1:]
	for i, reason := range reasons {
		t.say("  ", t.paint(bold, title(reason.Reason)), fmt.Sprintf(" · %d", reason.Count))
		t.say("  ", t.paint(dim, fit(reason.Reason.Advice(), t.config.Width-2)))
		for _, l := range lines[:shown[i]] {
			t.say(l)
		}
		lines = lines[shown[i]:]
		if more := reason.Count - shown[i]; more > 0 {
			t.say("    ", t.paint(dim, fmt.Sprintf("and %d more", more)))
		}
		t.say()
	}
	return nil
}

func (t *terminal) discrepancy(d reconcile.Discrepancy) []string {
	side := func(compared bool, id string) string {
		switch {
		case id == "":
			return "-"
		case compared:
			return id
		}
		return "(" + id + ")" // it belongs to them, and is not what differs
	}
	row := []string{when(d).In(t.config.Location).Format(time.DateOnly),
		side(d.Line != nil, d.Keys.Transaction), side(d.Document != nil, d.Keys.Document), side(d.ERP != nil, d.Keys.ERP), ""}
	switch {
	case d.Confidence > 0:
		row[4] = fmt.Sprintf("%d %% sure", d.Confidence)
	case d.Difference != commerce.Money{}:
		row[4] = d.Difference.String()
	}
	return row
}

func (t *terminal) entry(e entry) {
	balances := "balances"
	if !e.Balanced {
		balances = t.paint(red, "does not balance")
	}
	t.heading("Journal entry "+plain(e.Key), e.Date.String(), balances)
	rows := [][]string{{"account", "text", "debit", "credit"}}
	for _, l := range e.Lines {
		row := []string{l.Account, l.Text, "", ""}
		if l.Debit.Sign() != 0 {
			row[2] = l.Debit.Text()
		}
		if l.Credit.Sign() != 0 {
			row[3] = l.Credit.Text()
		}
		rows = append(rows, row)
	}
	rows = append(rows, []string{"sum in " + string(e.Debit.Currency()), "", e.Debit.Text(), e.Credit.Text()})
	for i, l := range t.lines(rows, 2, 3) {
		if i == 0 {
			l = t.paint(dim, l)
		}
		t.say(l)
	}
	t.say()
}

// lines makes rows of a table, with some columns aligned to the right, which are amounts:
// where the table is too wide, the others are shortened.
func (t *terminal) lines(rows [][]string, right ...int) []string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i := range row {
			row[i] = plain(row[i])
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	for {
		sum, widest := 2, -1
		for i, w := range widths {
			sum += w + 2
			if !slices.Contains(right, i) && w > 8 && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if sum <= t.config.Width || widest < 0 {
			break
		}
		widths[widest]--
	}
	lines := make([]string, 0, len(rows))
	for _, row := range rows {
		line := "  "
		for i, cell := range row {
			line += "  "
			if slices.Contains(right, i) {
				line += padLeft(cell, widths[i])
			} else {
				line += pad(fit(cell, widths[i]), widths[i])
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// plain replaces what is no letter to be seen: escape codes, line feeds, marks that turn
// the direction of writing.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// fit shortens a text in its middle: the ends of an id tell most.
func fit(s string, width int) string {
	n := utf8.RuneCountInString(s)
	if n <= width {
		return s
	}
	if width < 3 {
		return ""
	}
	runes := []rune(s)
	head := (width - 1) / 2
	return string(runes[:head]) + "…" + string(runes[n-(width-1-head):])
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

func padLeft(s string, width int) string {
	return strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s))) + s
}

func day(prefix string, d commerce.Date) string {
	if d.IsZero() {
		return ""
	}
	return prefix + d.String()
}
