package reconcile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// Chart says which accounts movements are booked on. Every reporting category and type
// of fee that occurs needs one: there are no defaults among them.
type Chart struct {
	// Company is the currency of the books.
	Company commerce.Currency
	// Journal is the journal's code at the ERP.
	Journal string
	// Account goes into keys and tells several accounts at Stripe apart: "acct_…".
	Account string
	// Location is where a day begins and ends.
	//
	// Defaults to UTC.
	Location *time.Location
	// CutOver is when the books here begin. Older movements are in no entry: they are
	// in the balance that [Chart.Opening] takes over. The beginning of a day is best.
	CutOver time.Time

	// Clearing is the account that mirrors the balance at Stripe, one for each
	// settlement currency.
	Clearing map[commerce.Currency]string
	// Transit is the account of money on its way to the bank, one for each settlement
	// currency; the bank's own statement clears it.
	Transit map[commerce.Currency]string
	// Categories is the account of each reporting category, without payouts.
	Categories map[string]string
	// Fees is the account of each type of fee; "" is for fees whose parts are not
	// known, which is how reports tell them. A reporting category before the type tells
	// the fees of its movements apart: "dispute/stripe_fee", or "dispute/" of reports,
	// is tried before "stripe_fee".
	Fees map[string]string
	// DisputeLoss is the account of disputes that were lost: see [Chart.Lost].
	DisputeLoss string
	// Suspense takes what is in neither list. Empty stops the posting instead, with an
	// [*UnmappedError].
	Suspense string
	// Documents are the categories whose amounts other documents post: "charge" and
	// "refund" where each receipt and each refund payment is an entry of its own. Their
	// fees are booked here all the same.
	Documents []string
	// Split says which accounts the amounts of Documents are booked on, where nothing
	// else posts them: revenue and tax, by what the order says. It is asked once for
	// each movement, and has to answer the same whenever it is asked again, or the
	// entry of a day gets a supplement.
	//
	// Nil leaves the amounts to those other documents.
	Split func(Line) ([]Part, error)

	// Platform is how money that goes on to connected accounts is booked.
	//
	// Defaults to Gross.
	Platform Platform
	// Payable is the account of what connected accounts are owed; Net needs it. It is 0
	// when all has gone on to them.
	Payable string
	// Share says, for Net, what of a charge, a dispute or a refund is the connected
	// accounts': in settlement currency, signed like the amount, and nought of a refund
	// that the platform bears alone. It is owed from then on, and transfers settle it.
	// Like Split it has to answer the same whenever it is asked again.
	//
	// Nil owes what is transferred when it is transferred. That is right for destination
	// charges, whose transfer comes with the charge; of separate charges, what has not
	// gone on yet is missing from Payable.
	Share func(Line) (commerce.Money, error)

	// Rate is what one unit of a currency is worth in Company on a day. It is needed
	// for settlement in other currencies, and so is Exchange, the account of what rates
	// and rounding leave.
	//
	// All lines of an entry are worth what the day says, so that no entry gains or
	// loses. What clearing gains or loses between the days it is filled and emptied is
	// booked by [Chart.Revalue] and nowhere else; what a receipt gains on its invoice
	// is a line of the receipt's own entry, where receipts are documents.
	Rate     func(from commerce.Currency, on commerce.Date) (commerce.Decimal, error)
	Exchange string
}

// UnmappedError names what the chart has no account for.
type UnmappedError struct {
	Categories []string // reporting categories
	Fees       []string // types of fees; "" = of parts that are not known
	Currencies []commerce.Currency
}

func (e *UnmappedError) Error() string {
	var missing []string
	for _, c := range e.Categories {
		missing = append(missing, fmt.Sprintf("reporting category %q", c))
	}
	for _, f := range e.Fees {
		missing = append(missing, fmt.Sprintf("fee type %q", f))
	}
	for _, c := range e.Currencies {
		missing = append(missing, "clearing or transit in "+string(c))
	}
	return "reconcile: the chart has no account for " + strings.Join(missing, ", ")
}

// ErrorKind is KindMapping.
func (e *UnmappedError) ErrorKind() commerce.Kind { return commerce.KindMapping }

// Check reports a chart that nothing can be booked by, as an error that names the field.
func (c Chart) Check() error {
	if !c.Company.Valid() {
		return commerce.Errorf(commerce.KindInvalid, system, "check chart", "Company %q is no currency", string(c.Company))
	}
	if len(c.Clearing) == 0 {
		return commerce.Errorf(commerce.KindInvalid, system, "check chart", "Clearing is empty")
	}
	for currency := range c.Clearing {
		if currency != c.Company && (c.Rate == nil || c.Exchange == "") {
			return commerce.Errorf(commerce.KindInvalid, system, "check chart", "settlement in %s needs Rate and Exchange", currency)
		}
	}
	switch {
	case c.Platform != "" && c.Platform != Gross && c.Platform != Net:
		return commerce.Errorf(commerce.KindInvalid, system, "check chart", "Platform %q is neither gross nor net", string(c.Platform))
	case c.Platform == Net && c.Payable == "":
		return commerce.Errorf(commerce.KindInvalid, system, "check chart", "Platform net needs Payable")
	}
	return c.apart()
}

// apart reports what else is booked on an account of Clearing: that would not mirror the
// balance any more.
func (c Chart) apart() error {
	mirrors := slices.Collect(maps.Values(c.Clearing))
	on := func(what, account string) error {
		if account == "" || !slices.Contains(mirrors, account) {
			return nil
		}
		return commerce.Errorf(commerce.KindInvalid, system, "check chart", "%s is account %q, which is of Clearing: nothing but the balance stands there", what, account)
	}
	err := cmp.Or(on("Suspense", c.Suspense), on("Exchange", c.Exchange), on("DisputeLoss", c.DisputeLoss), on("Payable", c.Payable))
	for currency, account := range c.Transit {
		err = cmp.Or(err, on(fmt.Sprintf("Transit[%q]", string(currency)), account))
	}
	for name, accounts := range map[string]map[string]string{"Categories": c.Categories, "Fees": c.Fees} {
		for key, account := range accounts {
			err = cmp.Or(err, on(fmt.Sprintf("%s[%q]", name, key), account))
		}
	}
	return err
}

// Before reports whether t is before the cut-over.
func (c Chart) Before(t time.Time) bool { return t.Before(c.CutOver) }

func earlier(a, b commerce.Date) bool { return compareDates(a, b) < 0 }

func compareDates(a, b commerce.Date) int {
	return cmp.Or(cmp.Compare(a.Year, b.Year), cmp.Compare(a.Month, b.Month), cmp.Compare(a.Day, b.Day))
}

func (c Chart) day(t time.Time) commerce.Date {
	if c.Location == nil {
		return commerce.DateOf(t.UTC())
	}
	return commerce.DateOf(t.In(c.Location))
}

func (e *UnmappedError) orNil() error {
	if len(e.Categories)+len(e.Fees)+len(e.Currencies) == 0 {
		return nil
	}
	slices.Sort(e.Categories)
	slices.Sort(e.Fees)
	slices.Sort(e.Currencies)
	e.Categories, e.Fees, e.Currencies = slices.Compact(e.Categories), slices.Compact(e.Fees), slices.Compact(e.Currencies)
	return e
}
