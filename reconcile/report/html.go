package report

import (
	"bufio"
	"cmp"
	_ "embed"
	"html/template"
	"io"
	"strconv"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

//go:embed page.css
var css string

//go:embed parts.html
var partsHTML string

//go:embed payout.html
var payoutHTML string

// words are what the templates can say.
var words = template.FuncMap{
	"amount":  amount,
	"title":   title,
	"heading": heading,
	"quiet":   quiet,
	"share":   share,
	"details": details,
	"digits":  func(n int) template.HTML { return spaced(strconv.Itoa(n)) },
	"noun":    noun,
	"known":   func(m commerce.Money) bool { return m != commerce.Money{} },
	"sign":    func(m commerce.Money) int { return m.Sign() },
}

// pages are templates with the parts that all pages have.
func pages(text string) (*template.Template, error) {
	return template.New("").Funcs(words).Parse(partsHTML + text)
}

// HTML writes a page for a person: what the bank gets and what it is made of, where the
// gross went, the largest discrepancies of each reason with what to do, the reporting
// categories, and the journal entries. It is complete in itself: no script, no
// network, no fonts but the system's. It follows the reader's light or dark
// scheme, fits a telephone and prints on paper.
func HTML(w io.Writer, r *reconcile.Report, c Config) error {
	c, err := c.withDefaults(20)
	if err != nil {
		return err
	}
	t, err := pages(payoutHTML)
	if err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	p := newPage(r, c)
	if err := t.ExecuteTemplate(b, "head", p); err != nil {
		return err
	}
	for g, err := range groups(r, c.Most) {
		if err != nil {
			return err
		}
		if err := t.ExecuteTemplate(b, "reason", newSection(g, c)); err != nil {
			return err
		}
	}
	if err := t.ExecuteTemplate(b, "tail", p); err != nil {
		return err
	}
	return b.Flush()
}

// page is what the template is given.
type page struct {
	CSS      template.CSS
	Title    string
	Payout   commerce.Payout
	Made     string // the day, empty where it is not known
	Currency commerce.Currency
	Proof    reconcile.Proof
	Matched  reconcile.Matched
	Chart    chart
	Reasons  []reasonCount
	Count    int
	All      string
	Entries  []entry
}

// chart is a waterfall beside its figures.
type chart struct {
	ID, Caption string
	Steps       []step
	Gross       commerce.Money // what shares are of; the zero Money shows none
}

// reasonCount is how many discrepancies of a reason there are.
type reasonCount struct {
	Reason reconcile.Reason
	Count  int
}

func newPage(r *reconcile.Report, c Config) *page {
	p := &page{CSS: template.CSS(css), Title: cmp.Or(c.Title, r.Payout().Ref.ID), Payout: r.Payout(), Currency: r.Proof.Currency, Proof: r.Proof, Matched: r.Matched,
		Chart: chart{ID: "chart", Steps: waterfall(r.Proof), Gross: r.Proof.Sales,
			Caption: "From sales to the bank, in " + string(r.Proof.Currency) + ". Fees are those taken from transactions and those billed apart."}, All: c.All}
	if at := p.Payout.Created; !at.IsZero() {
		p.Made = commerce.DateOf(at.In(c.Location)).String()
	}
	p.Reasons, p.Count = counts(r)
	for _, e := range c.Entries {
		p.Entries = append(p.Entries, newEntry(e))
	}
	return p
}

// counts are the reasons that there are discrepancies of, in their order.
func counts(r *reconcile.Report) (all []reasonCount, sum int) {
	for _, reason := range reconcile.Reasons() {
		if n := r.Counts[reason]; n > 0 {
			all = append(all, reasonCount{reason, n})
			sum += n
		}
	}
	return all, sum
}

// section is a reason with its discrepancies.
type section struct {
	group
	Advice          string
	Rows            []sectionRow
	Line, Shop, ERP bool // whether any row has a name there
}

type sectionRow struct {
	reconcile.Discrepancy
	When string
}

func newSection(g group, c Config) section {
	s := section{group: g, Advice: g.Reason.Advice()}
	for _, d := range g.Shown {
		s.Rows = append(s.Rows, sectionRow{d, when(d).In(c.Location).Format("2006-01-02 15:04")})
		s.Line = s.Line || d.Keys.Transaction != ""
		s.Shop = s.Shop || d.Keys.Document != ""
		s.ERP = s.ERP || d.Keys.ERP != ""
	}
	return s
}

// entry is a journal entry with its sums.
type entry struct {
	commerce.JournalEntry
	Debit, Credit commerce.Money
	Balanced      bool
	Foreign       bool // some line has an amount in another currency
}

func newEntry(e commerce.JournalEntry) entry {
	out := entry{JournalEntry: e, Balanced: e.Balance() == nil}
	for _, l := range e.Lines {
		out.Debit, out.Credit = plus(out.Debit, l.Debit), plus(out.Credit, l.Credit)
		out.Foreign = out.Foreign || l.Transaction != commerce.Money{}
	}
	return out
}

// plus adds up what a page shows; what can not be added is left out, and the entry does
// not balance.
func plus(a, b commerce.Money) commerce.Money {
	if a == (commerce.Money{}) {
		return b
	}
	if sum, err := a.Add(b); err == nil {
		return sum
	}
	return a
}

// amount groups the digits of an amount.
func amount(m commerce.Money) template.HTML {
	if m == (commerce.Money{}) {
		return ""
	}
	return spaced(m.Text())
}

// spaced groups digits by space between them and not by a character: what is copied from
// the page is a number.
func spaced(number string) template.HTML {
	whole, rest, point := strings.Cut(number, ".")
	var b strings.Builder
	b.WriteString(`<span class="n">`)
	if strings.HasPrefix(whole, "-") {
		b.WriteString("-")
		whole = whole[1:]
	}
	first := (len(whole)-1)%3 + 1
	b.WriteString(whole[:first])
	for at := first; at < len(whole); at += 3 {
		b.WriteString("<i>" + whole[at:at+3] + "</i>")
	}
	if point {
		b.WriteString("." + rest)
	}
	b.WriteString("</span>")
	return template.HTML(b.String()) // digits, a sign and a point
}
