package reconcile

import (
	"iter"
	"time"

	"github.com/commercesync/commerce"
)

// MonthInput is what the view of a month is made from. The sequences are walked once,
// one after the other, and never held in memory; what lies outside the month is left
// out. All but Month, Chart and Lines may be missing.
type MonthInput struct {
	// Month is any day of it. The month in which the books begin begins with the chart's
	// cut-over.
	Month commerce.Date
	// Last is the last day to show of a month that is not over; what is younger counts as
	// after the month.
	//
	// Defaults to the last day of the month.
	Last commerce.Date
	// Chart is how the balance is booked: its accounts, time zone and cut-over count.
	Chart Chart

	// Lines are the movements of one account's balance, in any order. Where none names its
	// payout, payouts are taken to have paid out what was oldest.
	Lines iter.Seq2[Line, error]
	// Payouts are those that were created in the month, and earlier ones that were on
	// their way when it began.
	Payouts []commerce.Payout
	// Stated is the balance as Stripe states it. The one on the day before the month is
	// what the month begins with; none = nought.
	Stated []Check
	// Ending are the rows of Stripe's report ending_balance_reconciliation.itemized at
	// the end of the month: [Itemized] reads it.
	Ending iter.Seq2[Line, error]
	// Reserved is what Stripe had set aside when the month began, above nought; none =
	// nought.
	Reserved []commerce.Money

	// Posted are our entries dated in the month. Where receipts are documents of their
	// own, each is an entry here too: a line on clearing is enough.
	Posted iter.Seq2[commerce.JournalEntry, error]
	// Ledger is the clearing account as the ERP has it, in its own currency, at the end
	// of days; the one on the day before the month too.
	Ledger []Check

	// Shop are the sales and refunds that the shops made, ERP the invoices and credit
	// notes that are posted: each by its Date.
	Shop, ERP iter.Seq2[Document, error]

	// Ages are the last days of the buckets of what is not paid out, in days before the
	// end of the month, rising.
	//
	// Defaults to 2, 7, 14, 30.
	Ages []int
	// Most is how many rows each table of the view may have; more is an error of kind
	// limit.
	//
	// Defaults to 10,000.
	Most int
}

// MonthView is what a controller closes a month with. Every list is in a fixed order,
// whatever the order of the input.
type MonthView struct {
	From, To commerce.Date // the first and the last day

	Sales     []Sales        // by shop and currency
	Collected []Collected    // by the buyers' currency: beside Sales
	Balances  []MonthBalance // by settlement currency
	Taxes     []TaxTie       // by country, rate and currency
	Suspense  []Suspended    // by key and text
	Prior     []PriorItem    // by day

	// Before is how many lines are older than the chart's cut-over, or than the month:
	// they belong to the opening balance and are in no sum.
	Before int
	// After is how many lines are younger than the month.
	After int
}

// Over reports whether the view is of the whole month, to its end: else it is not one to
// close the books with.
func (v *MonthView) Over() bool {
	next := time.Date(v.To.Year, v.To.Month, v.To.Day+1, 0, 0, 0, 0, time.UTC)
	return next.Month() != v.To.Month
}

// Sales is what one shop sold in one currency.
type Sales struct {
	Shop     string
	Currency commerce.Currency
	Orders   int // sales
	Memos    int // refunds
	Sold     commerce.Money
	Refunded commerce.Money // above nought
	Rates    []RateSum      // by rate
}

// RateSum is what was sold and given back at one rate of tax. The refunds are above
// nought.
type RateSum struct {
	Rate                  string // in per cent; empty = the documents do not say it, and Base is with tax
	Base, Tax             commerce.Money
	RefundBase, RefundTax commerce.Money
}

// Collected is what buyers paid and got back at Stripe, in their own currency.
type Collected struct {
	Currency commerce.Currency
	Sold     commerce.Money // what the shops have Sold, of all of them
	Charged  commerce.Money
	Refunded commerce.Money // what the shops have Refunded
	Returned commerce.Money // above nought
	// Difference is Charged - Returned - (Sold - Refunded): payments that wait for
	// their order, orders that were paid in another month or without Stripe.
	Difference commerce.Money
}

// MonthBalance is the money of one settlement currency: Opening + Net = Closing.
type MonthBalance struct {
	Totals
	Opening, Closing commerce.Money
	Clearing         Clearing

	// Unpaid is what is captured and not paid out; it makes Closing, whatever is
	// negative or set aside in it.
	Unpaid Unpaid
	// InTransit is what was paid out and had not arrived at the end of the month.
	InTransit commerce.Money
	Transit   []commerce.Payout // by the time it was created
	// Reserved is what Stripe holds apart at the end, above nought.
	Reserved commerce.Money
	// Lowest is the lowest balance at the end of a day, on the first day that had it.
	Lowest   commerce.Money
	LowestOn commerce.Date
}

// Negative reports whether Stripe was owed money at the end of the month.
func (b MonthBalance) Negative() bool { return b.Closing.Sign() < 0 }

// Clearing proves the clearing account: everybody who has a word on it is compared with
// the movements, day by day.
type Clearing struct {
	Days []ClearingDay

	Entries Side // what we posted
	Ledger  Side // what the ERP has
	Stated  Side // what Stripe states
	Ending  Side // what Stripe's ending-balance report makes: at the end of the month only
}

// Proved reports whether all sides that spoke agree on every day.
func (c Clearing) Proved() bool {
	for _, s := range []Side{c.Entries, c.Ledger, c.Stated, c.Ending} {
		if s.Known && !s.First.IsZero() {
			return false
		}
	}
	return true
}

// ClearingDay is what each side says at the end of one day; the zero Money where it
// says nothing.
type ClearingDay struct {
	On                      commerce.Date
	Lines                   commerce.Money // Opening and all movements since
	Entries, Ledger, Stripe commerce.Money
}

// Side is one side's word on clearing.
type Side struct {
	Known      bool
	Closing    commerce.Money // at the end of the month; zero Money where it says nothing of that day
	Difference commerce.Money // Closing less what the lines make
	// First is the first day on which the side differs, and Off by how much; the day
	// before the month is what it was brought forward with. Zero = never.
	First commerce.Date
	Off   commerce.Money
}

// Unpaid is money on the balance by its age.
type Unpaid struct {
	Ages []Age
	// Older is what came before the month and is still there. Its age is told by the
	// ending-balance report alone, and then it is among Ages.
	Older commerce.Money
}

// Age is a bucket: what is From to To days old at the end of the month.
type Age struct {
	From, To int // To < 0 = no end
	Rows     int
	Amount   commerce.Money
}

// TaxTie ties the tax that the shops sold with to the documents that are posted: sales
// less refunds. A difference may be of the days: an order of one month that is invoiced
// in the next stands on one side of each.
type TaxTie struct {
	Country, Rate         string // empty = the documents do not say it
	Currency              commerce.Currency
	ShopBase, ShopTax     commerce.Money
	PostedBase, PostedTax commerce.Money
	// Base and Tax are posted less shop.
	Base, Tax commerce.Money
}

// Tied reports whether shop and books agree.
func (t TaxTie) Tied() bool { return t.Base.IsZero() && t.Tax.IsZero() }

// Suspended is what the month put on the suspense account and did not take off again: it
// waits for somebody who knows where it belongs.
type Suspended struct {
	Key    string         // of the series of entries: "activity/eur/2026-11-03", "suspense/txn_…"
	Text   string         // of the lines: a category, a type of fee
	Amount commerce.Money // debit less credit, company currency
}

// PriorItem is what is booked in this month and belongs to an earlier one.
type PriorItem struct {
	Key    string         // of our entry, or "txn_…" of the movement
	Of, On commerce.Date  // where it belongs, where it is booked
	Amount commerce.Money // on the clearing account, in its currency
}
