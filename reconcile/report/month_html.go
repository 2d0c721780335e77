package report

import (
	"bufio"
	"cmp"
	_ "embed"
	"html/template"
	"io"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

//go:embed month.html
var monthHTML string

// MonthHTML writes a page that a controller closes a month with: what needs somebody, each
// balance from opening to closing with the clearing account proved, what is not paid out
// and what is on its way, sales beside the money, tax beside posted documents, suspense and
// earlier periods. It is a page like [HTML]'s. Of each table it shows Config.Most rows, 200 by
// default; [MonthCSV] has all.
func MonthHTML(w io.Writer, m *reconcile.MonthView, c Config) error {
	c, err := c.withDefaults(200)
	if err != nil {
		return err
	}
	t, err := pages(monthHTML)
	if err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	p := newMonthPage(m, c)
	if err := t.ExecuteTemplate(b, "month", p); err != nil {
		return err
	}
	return b.Flush()
}

type monthPage struct {
	CSS       template.CSS
	Title     string
	From, To  commerce.Date
	Attention []string
	Balances  []balancePage
	Grids     []grid
	Entries   []entry
	Before    int
	All       string
}

// balancePage is one balance on the page.
type balancePage struct {
	reconcile.MonthBalance
	Chart chart
	Days  daysChart
	Grids []grid
}

func newMonthPage(m *reconcile.MonthView, c Config) *monthPage {
	p := &monthPage{CSS: template.CSS(css), Title: cmp.Or(c.Title, monthTitle(m)), From: m.From, To: m.To, Attention: attention(m), Before: m.Before, All: c.All}
	var rest []record
	for r := range records(m) {
		rest = append(rest, r)
	}
	for _, b := range m.Balances {
		grids := balanceGrids(balanceRecords(b), c.Most)
		for i := range grids {
			grids[i].ID += "-" + b.Currency.Lower() // once on a page
		}
		p.Balances = append(p.Balances, balancePage{b, chart{ID: "chart-" + b.Currency.Lower(),
			Caption: "From opening to closing, in " + string(b.Currency), Steps: monthSteps(b)}, newDaysChart(b), grids})
	}
	p.Grids = monthGrids(rest, c.Most)
	for _, e := range c.Entries {
		p.Entries = append(p.Entries, newEntry(e))
	}
	return p
}

// daysChart is clearing day by day, as bars in a field of 1000 by 100.
type daysChart struct {
	Zero int // where nought is, from above
	Bars []dayBar
	Off  int // days on which somebody says another balance
}

type dayBar struct {
	X, Y, Width, Height int
	Bad                 bool
}

func newDaysChart(b reconcile.MonthBalance) (c daysChart) {
	days := b.Clearing.Days
	if len(days) == 0 {
		return c
	}
	// A bar from nought to each balance: totals of a waterfall, set upright.
	steps := make([]step, len(days))
	for i, d := range days {
		steps[i] = step{Amount: d.Lines, Total: true}
	}
	steps = place(steps)
	c.Zero = 100
	for i, s := range steps {
		if s.Amount.Sign() > 0 {
			c.Zero = 100 - s.From/10
		} else if s.Amount.Sign() < 0 {
			c.Zero = 100 - s.To/10
		}
		width := 1000 / len(days)
		bar := dayBar{X: i * width, Y: 100 - s.To/10, Width: max(1, width*4/5), Height: s.To/10 - s.From/10, Bad: off(days[i])}
		if bar.Bad {
			c.Off++
		}
		c.Bars = append(c.Bars, bar)
	}
	return c
}
