package report

import (
	"fmt"
	"iter"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// record is a row of a month: what it is of, and the figures that are told of it. Every
// form of a month is made of records, so that machines and people read the same.
type record struct {
	table    string
	currency commerce.Currency
	shop     string
	country  string
	rate     string
	key      string
	text     string
	of, on   commerce.Date
	figures  []figure
	bad      bool // somebody has to look at it
}

// figure is an amount or a count.
type figure struct {
	name   string
	amount commerce.Money // the zero Money is not known
	count  int
	counts bool
}

func money(name string, m commerce.Money) figure { return figure{name: name, amount: m} }
func count(name string, n int) figure            { return figure{name: name, count: n, counts: true} }

// The tables of a month, by the names that machines read.
const (
	tableBalance     = "balance"
	tableClearing    = "clearing"
	tableClearingDay = "clearing_day"
	tableUnpaid      = "unpaid"
	tableTransit     = "in_transit"
	tableSales       = "sales"
	tableSalesRate   = "sales_rate"
	tableCollected   = "collected"
	tableTax         = "tax"
	tableSuspense    = "suspense"
	tablePrior       = "prior"
)

// records yields all that a month says, table by table, those of a balance by currency.
func records(m *reconcile.MonthView) iter.Seq[record] {
	return func(yield func(record) bool) {
		for _, b := range m.Balances {
			for _, r := range balanceRecords(b) {
				if !yield(r) {
					return
				}
			}
		}
		for _, table := range []func(*reconcile.MonthView) []record{salesRecords, collectedRecords, taxRecords, suspenseRecords, priorRecords} {
			for _, r := range table(m) {
				if !yield(r) {
					return
				}
			}
		}
	}
}

func balanceRecords(b reconcile.MonthBalance) (all []record) {
	all = append(all, record{table: tableBalance, currency: b.Currency, bad: b.Negative(), figures: []figure{
		money("opening", b.Opening), money("sales", b.Sales), money("refunds", b.Refunds), money("disputes", b.Disputes), money("fees", b.Fees),
		money("reserves", b.Reserves), money("transfers", b.Transfers), money("adjustments", b.Adjustments), money("payouts", b.Payouts),
		money("other", b.Other), money("closing", b.Closing), money("in_transit", b.InTransit), money("reserved", b.Reserved), money("lowest", b.Lowest)},
		on: b.LowestOn})
	for _, s := range sidesOf(b.Clearing) {
		if s.Known {
			all = append(all, record{table: tableClearing, currency: b.Currency, key: s.key, text: s.name, on: s.First, bad: !s.First.IsZero(),
				figures: []figure{money("closing", s.Closing), money("difference", s.Difference), money("off", s.Off)}})
		}
	}
	for _, d := range b.Clearing.Days {
		all = append(all, record{table: tableClearingDay, currency: b.Currency, on: d.On, bad: off(d),
			figures: []figure{money("lines", d.Lines), money("entries", d.Entries), money("ledger", d.Ledger), money("stripe", d.Stripe)}})
	}
	for _, a := range b.Unpaid.Ages {
		key, text := fmt.Sprintf("%d-%d", a.From, a.To), fmt.Sprintf("%d to %d days", a.From, a.To)
		if a.To < 0 {
			key, text = fmt.Sprintf("%d-", a.From), fmt.Sprintf("%d days and more", a.From)
		}
		all = append(all, record{table: tableUnpaid, currency: b.Currency, key: key, text: text, figures: []figure{count("rows", a.Rows), money("amount", a.Amount)}})
	}
	if !b.Unpaid.Older.IsZero() {
		all = append(all, record{table: tableUnpaid, currency: b.Currency, key: "before", text: "from before the month", figures: []figure{money("amount", b.Unpaid.Older)}})
	}
	for _, p := range b.Transit {
		all = append(all, record{table: tableTransit, currency: b.Currency, key: p.Ref.ID, text: string(p.Status), on: p.Arrival, figures: []figure{money("amount", p.Amount)}})
	}
	return all
}

// namedSide is one side's word on clearing, with its name.
type namedSide struct {
	key, name string
	reconcile.Side
}

func sidesOf(c reconcile.Clearing) []namedSide {
	return []namedSide{{"entries", "our entries", c.Entries}, {"ledger", "the ERP's ledger", c.Ledger},
		{"stated", "Stripe's balance", c.Stated}, {"ending", "Stripe's ending-balance report", c.Ending}}
}

// off reports whether somebody says another balance than the movements.
func off(d reconcile.ClearingDay) bool {
	return slices.ContainsFunc([]commerce.Money{d.Entries, d.Ledger, d.Stripe}, func(m commerce.Money) bool {
		return m != commerce.Money{} && m != d.Lines
	})
}

func salesRecords(m *reconcile.MonthView) (all []record) {
	for _, s := range m.Sales {
		all = append(all, record{table: tableSales, shop: s.Shop, currency: s.Currency, figures: []figure{
			count("orders", s.Orders), money("sold", s.Sold), count("memos", s.Memos), money("refunded", s.Refunded)}})
	}
	for _, s := range m.Sales {
		for _, r := range s.Rates {
			rate := r.Rate
			if rate == "" {
				rate = "not said"
			}
			all = append(all, record{table: tableSalesRate, shop: s.Shop, currency: s.Currency, rate: rate, figures: []figure{
				money("base", r.Base), money("tax", r.Tax), money("refund_base", r.RefundBase), money("refund_tax", r.RefundTax)}})
		}
	}
	return all
}

func collectedRecords(m *reconcile.MonthView) (all []record) {
	for _, c := range m.Collected {
		all = append(all, record{table: tableCollected, currency: c.Currency, figures: []figure{money("sold", c.Sold), money("charged", c.Charged),
			money("refunded", c.Refunded), money("returned", c.Returned), money("difference", c.Difference)}})
	}
	return all
}

func taxRecords(m *reconcile.MonthView) (all []record) {
	for _, t := range m.Taxes {
		rate := t.Rate
		if rate == "" {
			rate = "not said"
		}
		all = append(all, record{table: tableTax, country: t.Country, rate: rate, currency: t.Currency, bad: !t.Tied(), figures: []figure{
			money("shop_base", t.ShopBase), money("shop_tax", t.ShopTax), money("posted_base", t.PostedBase), money("posted_tax", t.PostedTax),
			money("base_difference", t.Base), money("tax_difference", t.Tax)}})
	}
	return all
}

func suspenseRecords(m *reconcile.MonthView) (all []record) {
	for _, s := range m.Suspense {
		all = append(all, record{table: tableSuspense, key: s.Key, text: s.Text, currency: s.Amount.Currency(), bad: true, figures: []figure{money("amount", s.Amount)}})
	}
	return all
}

func priorRecords(m *reconcile.MonthView) (all []record) {
	for _, p := range m.Prior {
		all = append(all, record{table: tablePrior, key: p.Key, of: p.Of, on: p.On, currency: p.Amount.Currency(), figures: []figure{money("amount", p.Amount)}})
	}
	return all
}

// attention says what somebody has to look at before a month is closed, in sentences.
func attention(m *reconcile.MonthView) (all []string) {
	if !m.Over() {
		all = append(all, fmt.Sprintf("The month is not over: this is how it stood at the end of %s.", m.To))
	}
	for _, b := range m.Balances {
		known := false
		for _, s := range sidesOf(b.Clearing) {
			if known = known || s.Known; s.Known && !s.First.IsZero() {
				text := fmt.Sprintf("Clearing in %s: %s differs by %s on %s", b.Currency, s.name, s.Off, s.First)
				if s.Difference != (commerce.Money{}) {
					text += fmt.Sprintf(", and by %s at the end", s.Difference)
				}
				all = append(all, text+".")
			}
		}
		if !known {
			all = append(all, fmt.Sprintf("Clearing in %s: nobody says what it is beside the movements themselves.", b.Currency))
		}
		if b.Negative() {
			all = append(all, fmt.Sprintf("The balance at Stripe is %s: money is owed to Stripe.", b.Closing))
		}
	}
	untied := 0
	for _, t := range m.Taxes {
		if !t.Tied() {
			untied++
		}
	}
	if untied > 0 {
		all = append(all, fmt.Sprintf("%d of %d %s not what is posted.", untied, len(m.Taxes), are(untied, "tax sum")))
	}
	if n := len(m.Suspense); n > 0 {
		all = append(all, fmt.Sprintf("%d %s waiting on suspense.", n, are(n, "item")))
	}
	return all
}

// are is "tax sums are" or "tax sum is".
func are(n int, word string) string {
	if n == 1 {
		return word + " is"
	}
	return noun(n, word) + " are"
}

// monthSteps says how a balance came from what it was to what it is.
func monthSteps(b reconcile.MonthBalance) []step {
	steps := []step{{Name: "Opening", Amount: b.Opening, Total: true}}
	for _, s := range []step{{Name: "Sales", Amount: b.Sales}, {Name: "Refunds", Amount: b.Refunds}, {Name: "Disputes", Amount: b.Disputes},
		{Name: "Fees", Amount: b.Fees}, {Name: "Reserves", Amount: b.Reserves}, {Name: "Transfers", Amount: b.Transfers},
		{Name: "Adjustments", Amount: b.Adjustments}, {Name: "Not known", Amount: b.Other}, {Name: "Payouts", Amount: b.Payouts}} {
		if !s.Amount.IsZero() {
			steps = append(steps, s)
		}
	}
	return place(append(steps, step{Name: "Closing", Amount: b.Closing, Total: true}))
}

// monthTitle is "November 2026".
func monthTitle(m *reconcile.MonthView) string { return fmt.Sprint(m.To.Month, " ", m.To.Year) }

// monthName is "2026-11".
func monthName(m *reconcile.MonthView) string { return m.To.String()[:7] }
