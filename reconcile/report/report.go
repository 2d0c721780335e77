package report

import (
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

const system = "report"

// Config says what a report shows beside what was reconciled. The zero value works.
type Config struct {
	// Title heads the page.
	//
	// Defaults to the payout's id, or the month.
	Title string

	// Entries are the journal entries to show.
	Entries []commerce.JournalEntry

	// Most is how many discrepancies of each reason people are shown, the largest
	// differences first, and how many rows of each table of a month.
	//
	// Defaults to 20 on a page and to 3 in a terminal, of a month to 200 and 20.
	Most int

	// All is where a reader finds what is not shown, for instance the name of the file
	// that CSV wrote. Empty says nothing.
	All string

	// Location is the time zone of the times that people are shown.
	//
	// Defaults to UTC.
	Location *time.Location

	// Width is how many columns the terminal has, 60 at least.
	//
	// Defaults to 80.
	Width int

	// Color paints the terminal with the escape codes of ANSI.
	Color bool
}

func (c Config) withDefaults(most int) (Config, error) {
	if c.Most == 0 {
		c.Most = most
	}
	if c.Location == nil {
		c.Location = time.UTC
	}
	if c.Width == 0 {
		c.Width = 80
	}
	switch {
	case c.Most < 0:
		return c, commerce.Errorf(commerce.KindInvalid, system, "configure", "Most is negative")
	case c.Width < 60:
		return c, commerce.Errorf(commerce.KindInvalid, system, "configure", "Width is %d columns; it must be at least 60", c.Width)
	}
	return c, nil
}

// group is the discrepancies of one reason.
type group struct {
	Reason reconcile.Reason
	Count  int
	Shown  []reconcile.Discrepancy // the largest first, then the newest
}

// More is how many are not shown.
func (g group) More() int { return g.Count - len(g.Shown) }

// groups yields the discrepancies by reason. One group is in memory at a time.
func groups(r *reconcile.Report, most int) iter.Seq2[group, error] {
	return func(yield func(group, error) bool) {
		var g group
		for d, err := range r.Discrepancies() {
			if err != nil {
				yield(g, err)
				return
			}
			if d.Reason != g.Reason {
				if g.Count > 0 && !yield(g, nil) {
					return
				}
				g = group{Reason: d.Reason}
			}
			g.Count++
			at, _ := slices.BinarySearchFunc(g.Shown, d, func(shown, d reconcile.Discrepancy) int {
				if severer(d, shown) {
					return 1
				}
				return -1
			})
			if at < most {
				if len(g.Shown) == most {
					g.Shown = g.Shown[:most-1]
				}
				g.Shown = slices.Insert(g.Shown, at, d)
			}
		}
		if g.Count > 0 {
			yield(g, nil)
		}
	}
}

// severer orders discrepancies for a reader.
func severer(a, b reconcile.Discrepancy) bool {
	if c := a.Difference.Abs().Decimal().Cmp(b.Difference.Abs().Decimal()); c != 0 {
		return c > 0
	}
	return when(a).After(when(b))
}

func when(d reconcile.Discrepancy) time.Time {
	switch {
	case d.Line != nil:
		return d.Line.Created
	case d.Document != nil:
		return d.Document.Date
	case d.ERP != nil:
		return d.ERP.Date
	}
	return time.Time{}
}

// title is a reason as a heading.
func title(r reconcile.Reason) string {
	switch r {
	case reconcile.AmountDiffers:
		return "Amounts differ"
	case reconcile.BeforeCutOver:
		return "Before the cut-over"
	case reconcile.CurrencyDiffers:
		return "Currencies differ"
	case reconcile.Duplicate:
		return "There twice, or paid twice"
	case reconcile.FeeDiffers:
		return "Fee not as expected"
	case reconcile.FXDifference:
		return "Settled at another rate"
	case reconcile.MissingAtStripe:
		return "Missing at Stripe"
	case reconcile.MissingInERP:
		return "Missing in the ERP"
	case reconcile.MissingInShop:
		return "Missing in the shop"
	case reconcile.LinesDiffer:
		return "Other lines for the same amount"
	case reconcile.TaxDiffers:
		return "Other tax for the same amount"
	case reconcile.Unlinked:
		return "No id leads to a document"
	}
	return heading(string(r))
}

// heading makes "other_adjustment" "Other adjustment".
func heading(name string) string {
	name = strings.ReplaceAll(name, "_", " ")
	if name == "" {
		return name
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// quiet reports whether a reason asks for nothing to be done.
func quiet(r reconcile.Reason) bool {
	return r == reconcile.NotYetPaidOut || r == reconcile.NotYetInvoiced || r == reconcile.BeforeCutOver
}

// noun is "discrepancy" of one and "discrepancies" of more.
func noun(n int, word string) string {
	switch {
	case n == 1:
		return word
	case strings.HasSuffix(word, "cy"):
		return strings.TrimSuffix(word, "y") + "ies"
	}
	return word + "s"
}

// total is what a document comes to, whoever paid it.
func total(d *reconcile.Document) commerce.Money {
	switch {
	case d == nil:
		return commerce.Money{}
	case d.Total == commerce.Money{}:
		return d.Amount
	}
	return d.Total
}

// details say what shop and ERP do not agree on in documents that belong together:
// "SKU-1: shop 2 for 30.00, ERP 3 for 30.00".
func details(d reconcile.Discrepancy) []string {
	var all []string
	if a, b := total(d.Document), total(d.ERP); a != b && d.Document != nil && d.ERP != nil && (d.Document.Total != commerce.Money{} || d.ERP.Total != commerce.Money{}) {
		all = append(all, "total: shop "+a.String()+", ERP "+b.String())
	}
	line := func(l *reconcile.DocumentLine) string {
		if l == nil {
			return "none"
		}
		return l.Quantity.Trim(0).String() + " for " + l.Net.Text()
	}
	for _, l := range d.Lines {
		all = append(all, l.Key+": shop "+line(l.Shop)+", ERP "+line(l.ERP))
	}
	tax := func(t *reconcile.TaxSum) string {
		if t == nil {
			return "none"
		}
		return t.Tax.Text()
	}
	for _, t := range d.Taxes {
		all = append(all, strings.TrimSpace(t.Country+" tax "+t.Rate+" %")+": shop "+tax(t.Shop)+", ERP "+tax(t.ERP))
	}
	return all
}
