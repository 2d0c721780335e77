package report

import (
	"encoding/csv"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// CSV writes every discrepancy as a row. Columns keep their names and their order; new
// ones come behind the last:
//
//	payout                              po_…
//	reason                              a reconcile.Reason
//	difference, difference_currency     as reconcile.Discrepancy has it
//	confidence                          per cent, of proposals only
//	transaction, charge, intent, refund, dispute, transfer, account, order_number, shop_id, erp_id
//	                                    its names on every side, also where that side was not compared
//	category, source                    of the transaction: its reporting category, and the object it is for
//	gross, fee, net, currency
//	presented, presented_currency       what the buyer paid, where that is known
//	created, available                  2026-11-21T10:11:12Z
//	row                                 of the report it was read from
//	shop_system, shop, shop_kind, shop_amount, shop_currency, shop_date, shop_row
//	erp_system, erp_number, erp_kind, erp_amount, erp_currency, erp_date, erp_row
//	details                             lines and taxes that shop and ERP do not agree on
//	advice                              what to do
//
// Amounts are decimal text in major units with a point. A column of a side that says
// nothing is empty.
//
// A text that begins with = + - @ ' or a control character would be a formula to a
// spreadsheet, or could not be told from one that was made harmless: it gets a ' before
// it, which a program takes off again. Amounts are texts of this package's own making,
// digits with a point and a sign, and stay as they are.
func CSV(w io.Writer, r *reconcile.Report) error {
	return sheet(w, r, columns, r.Discrepancies())
}

// MatchesCSV writes what belongs together, a match a row and in no particular order: every
// line that has a document, with the shop's and the ERP's. The columns are those of CSV
// without reason, difference, difference_currency, confidence, details and advice.
func MatchesCSV(w io.Writer, r *reconcile.Report) error {
	of := slices.DeleteFunc(slices.Clone(columns), func(c column) bool {
		return slices.Contains([]string{"reason", "difference", "difference_currency", "confidence", "details", "advice"}, c.name)
	})
	return sheet(w, r, of, func(yield func(reconcile.Discrepancy, error) bool) {
		for m, err := range r.Matches() {
			if !yield(reconcile.Discrepancy{Line: m.Line, Document: m.Document, ERP: m.ERP, Keys: m.Keys()}, err) {
				return
			}
		}
	})
}

// sheet writes rows of some columns.
func sheet(w io.Writer, r *reconcile.Report, of []column, rows iter.Seq2[reconcile.Discrepancy, error]) error {
	out := csv.NewWriter(w)
	row := make([]string, len(of))
	for i, c := range of {
		row[i] = c.name
	}
	if err := out.Write(row); err != nil {
		return err
	}
	for d, err := range rows {
		if err != nil {
			return err
		}
		s := newSides(r, d)
		for i, c := range of {
			if row[i] = c.value(s); !c.amount {
				row[i] = harmless(row[i])
			}
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// harmless keeps a spreadsheet from reading a text as a formula.
func harmless(s string) string {
	if s != "" && (strings.ContainsRune("=+-@'", rune(s[0])) || s[0] < ' ') {
		return "'" + s
	}
	return s
}

// sides is a discrepancy without nils.
type sides struct {
	d         reconcile.Discrepancy
	line      reconcile.Line
	shop, erp reconcile.Document
}

func newSides(r *reconcile.Report, d reconcile.Discrepancy) *sides {
	s := &sides{d: d}
	s.d.Keys.Payout = r.Payout().Ref.ID
	if d.Line != nil {
		s.line = *d.Line
	}
	if d.Document != nil {
		s.shop = *d.Document
	}
	if d.ERP != nil {
		s.erp = *d.ERP
	}
	return s
}

// column is one column of the CSV.
type column struct {
	name   string
	value  func(*sides) string
	amount bool // digits, a point and a sign, never a formula
}

var columns = []column{
	{"payout", func(s *sides) string { return s.d.Keys.Payout }, false},
	{"reason", func(s *sides) string { return string(s.d.Reason) }, false},
	{"difference", func(s *sides) string { return decimal(s.d.Difference) }, true},
	{"difference_currency", func(s *sides) string { return string(s.d.Difference.Currency()) }, false},
	{"confidence", func(s *sides) string { return number(s.d.Confidence) }, true},
	{"transaction", func(s *sides) string { return s.d.Keys.Transaction }, false},
	{"charge", func(s *sides) string { return s.d.Keys.Charge }, false},
	{"intent", func(s *sides) string { return s.d.Keys.Intent }, false},
	{"refund", func(s *sides) string { return s.d.Keys.Refund }, false},
	{"dispute", func(s *sides) string { return s.d.Keys.Dispute }, false},
	{"transfer", func(s *sides) string { return s.d.Keys.Transfer }, false},
	{"account", func(s *sides) string { return s.d.Keys.Account }, false},
	{"order_number", func(s *sides) string { return s.d.Keys.Number }, false},
	{"shop_id", func(s *sides) string { return s.d.Keys.Document }, false},
	{"erp_id", func(s *sides) string { return s.d.Keys.ERP }, false},
	{"category", func(s *sides) string { return s.line.Category }, false},
	{"source", func(s *sides) string { return s.line.Source }, false},
	{"gross", func(s *sides) string { return decimal(s.line.Amount) }, true},
	{"fee", func(s *sides) string { return decimal(s.line.Fee) }, true},
	{"net", func(s *sides) string { return decimal(s.line.Net) }, true},
	{"currency", func(s *sides) string { return string(s.line.Amount.Currency()) }, false},
	{"presented", func(s *sides) string { return decimal(s.line.Presented) }, true},
	{"presented_currency", func(s *sides) string { return string(s.line.Presented.Currency()) }, false},
	{"created", func(s *sides) string { return moment(s.line.Created) }, false},
	{"available", func(s *sides) string { return moment(s.line.Available) }, false},
	{"row", func(s *sides) string { return number(s.line.Row) }, true},
	{"shop_system", func(s *sides) string { return s.shop.System }, false},
	{"shop", func(s *sides) string { return s.shop.Shop }, false},
	{"shop_kind", func(s *sides) string { return kind(s.d.Document) }, false},
	{"shop_amount", func(s *sides) string { return decimal(s.shop.Amount) }, true},
	{"shop_currency", func(s *sides) string { return string(s.shop.Amount.Currency()) }, false},
	{"shop_date", func(s *sides) string { return moment(s.shop.Date) }, false},
	{"shop_row", func(s *sides) string { return number(s.shop.Row) }, true},
	{"erp_system", func(s *sides) string { return s.erp.System }, false},
	{"erp_number", func(s *sides) string { return s.erp.Number }, false},
	{"erp_kind", func(s *sides) string { return kind(s.d.ERP) }, false},
	{"erp_amount", func(s *sides) string { return decimal(s.erp.Amount) }, true},
	{"erp_currency", func(s *sides) string { return string(s.erp.Amount.Currency()) }, false},
	{"erp_date", func(s *sides) string { return moment(s.erp.Date) }, false},
	{"erp_row", func(s *sides) string { return number(s.erp.Row) }, true},
	{"details", func(s *sides) string { return strings.Join(details(s.d), "; ") }, false},
	{"advice", func(s *sides) string { return s.d.Reason.Advice() }, false},
}

func decimal(m commerce.Money) string {
	if m == (commerce.Money{}) {
		return ""
	}
	return m.Text()
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func kind(d *reconcile.Document) string {
	switch {
	case d == nil:
		return ""
	case d.Refund:
		return "refund"
	}
	return "sale"
}
