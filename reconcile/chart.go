package reconcile

import (
	"context"
	"fmt"
	"iter"
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

	// Clearing is the account that mirrors the balance at Stripe, one for each
	// settlement currency.
	Clearing map[commerce.Currency]string
	// Transit is the account of money on its way to the bank, one for each settlement
	// currency; the bank's own statement clears it.
	Transit map[commerce.Currency]string
	// Categories is the account of each reporting category, without payouts.
	Categories map[string]string
	// Fees is the account of each type of fee; "" is for fees whose parts are not
	// known, which is how reports tell them.
	Fees map[string]string
	// Suspense takes what is in neither list. Empty stops the posting instead, with an
	// [*UnmappedError].
	Suspense string
	// Documents are the categories whose amounts other documents post: "charge" and
	// "refund" where each receipt and each refund payment is an entry of its own. Their
	// fees are booked here all the same.
	Documents []string

	// Rate is what one unit of a currency is worth in Company on a day. It is needed
	// for settlement in other currencies, and so is Exchange, the account of what
	// rounding leaves.
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
	return nil
}

func (c Chart) day(t time.Time) commerce.Date {
	if c.Location == nil {
		return commerce.DateOf(t.UTC())
	}
	return commerce.DateOf(t.In(c.Location))
}

// Entries books every movement of a balance: one activity entry a day and currency, by
// the time it was created and whether it was paid out or not, and one entry a payout, from
// clearing to transit. Together they change the clearing account by exactly the net of
// the lines, on every day. The lines come in any order; the entries by date and key.
//
// A key is that of a series: [Next] makes of an entry what is to be posted.
func (c Chart) Entries(ctx context.Context, lines iter.Seq2[Line, error]) ([]commerce.JournalEntry, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	type subject struct {
		key  string
		date commerce.Date
	}
	all := map[subject]*sums{}
	n := 0
	for l, err := range lines {
		if err != nil {
			return nil, err
		}
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		currency := l.Amount.Currency()
		s := subject{date: c.day(l.Created)}
		switch {
		case l.Category == "payout":
			s.key = "payout/" + c.name() + or(l.Source, l.ID)
		case l.Category == "payout_reversal":
			s.key = "payout-reversal/" + c.name() + or(l.Source, l.ID)
		default:
			s.key = "activity/" + c.name() + currency.Lower() + "/" + s.date.String()
		}
		if all[s] == nil {
			all[s] = newSums(currency)
		}
		if err := all[s].add(&l); err != nil {
			return nil, &RowError{Input: "lines", Row: l.Row, Reason: "can not be added up", Err: err}
		}
	}
	var entries []commerce.JournalEntry
	unmapped := &UnmappedError{}
	for s, sum := range all {
		e, err := c.entry(s.key, s.date, sum, unmapped)
		if err != nil {
			return nil, err
		}
		if len(e.Lines) > 0 {
			entries = append(entries, e)
		}
	}
	if err := unmapped.orNil(); err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b commerce.JournalEntry) int {
		if d := strings.Compare(a.Date.String(), b.Date.String()); d != 0 {
			return d
		}
		return strings.Compare(a.Key, b.Key)
	})
	return entries, nil
}

func (c Chart) name() string {
	if c.Account == "" {
		return ""
	}
	return c.Account + "/"
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// Entry is the payout's own entry: clearing to bank in transit, on the day that Stripe
// took it off the balance. Nothing is posted from a payout that its rows do not explain: that
// is an [*OpenError]. A payout that failed since has a second entry, which [Chart.Entries]
// makes of the row that brought the money back.
func (r *Report) Entry(c Chart) (commerce.JournalEntry, error) {
	return r.entry(c, func(s *sums) {})
}

// Whole is one entry for the payout and all that is in it, for books without daily
// activity. It has the errors of Entry.
func (r *Report) Whole(c Chart) (commerce.JournalEntry, error) {
	return r.entry(c, func(s *sums) {
		for name, have := range r.sums.categories {
			one := *have
			s.categories[name] = &one
		}
		maps.Copy(s.fees, r.sums.fees)
	})
}

func (r *Report) entry(c Chart, with func(*sums)) (commerce.JournalEntry, error) {
	if err := c.Check(); err != nil {
		return commerce.JournalEntry{}, err
	}
	if !r.Proof.Closed() {
		return commerce.JournalEntry{}, &OpenError{r.Proof}
	}
	s := newSums(r.sums.currency)
	with(s)
	out := r.payout.Amount.Neg()
	if err := s.add(&Line{ID: r.payout.Transaction, Category: "payout", Amount: out, Fee: commerce.Zero(s.currency), Net: out}); err != nil {
		return commerce.JournalEntry{}, err
	}
	unmapped := &UnmappedError{}
	e, err := c.entry("payout/"+c.name()+r.payout.Ref.ID, c.day(r.payout.Created), s, unmapped)
	if err != nil {
		return commerce.JournalEntry{}, err
	}
	return e, unmapped.orNil()
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

// posting is a line before it has sides: what it adds to the clearing account.
type posting struct {
	account, text string
	amount        commerce.Money // credit of the account, in settlement currency
}

// entry books sums. It balances, because every line is booked against clearing.
func (c Chart) entry(key string, date commerce.Date, s *sums, unmapped *UnmappedError) (commerce.JournalEntry, error) {
	e := commerce.JournalEntry{Key: key, Journal: c.Journal, Date: date, Text: "Stripe " + key}
	var postings []posting
	for _, sum := range s.sorted() {
		account := c.Categories[sum.Category]
		if isPayout(sum.Category) {
			if account = c.Transit[s.currency]; account == "" {
				unmapped.Currencies = append(unmapped.Currencies, s.currency)
			}
		} else if slices.Contains(c.Documents, sum.Category) {
			continue
		} else if account = or(account, c.Suspense); account == "" {
			unmapped.Categories = append(unmapped.Categories, sum.Category)
		}
		postings = append(postings, posting{account, sum.Category, sum.Amount})
	}
	for _, kind := range slices.Sorted(maps.Keys(s.fees)) {
		account := or(c.Fees[kind], c.Suspense)
		if account == "" {
			unmapped.Fees = append(unmapped.Fees, kind)
		}
		postings = append(postings, posting{account, strings.TrimSpace("fee of transactions " + kind), s.fees[kind].Neg()})
	}
	clearing := c.Clearing[s.currency]
	if clearing == "" {
		unmapped.Currencies = append(unmapped.Currencies, s.currency)
	}
	if len(unmapped.Categories)+len(unmapped.Fees)+len(unmapped.Currencies) > 0 {
		return e, nil
	}
	net := commerce.Zero(s.currency)
	for _, p := range postings {
		var err error
		if net, err = net.Add(p.amount); err != nil {
			return e, err
		}
	}
	// What the other accounts are credited, clearing is debited.
	postings = append(postings, posting{clearing, "balance at Stripe", net.Neg()})
	var rate commerce.Decimal
	if s.currency != c.Company {
		if c.Rate == nil || c.Exchange == "" {
			return e, commerce.Errorf(commerce.KindInvalid, system, "check chart", "settlement in %s needs Rate and Exchange", s.currency)
		}
		var err error
		if rate, err = c.Rate(s.currency, date); err != nil {
			return e, err
		}
	}
	left := commerce.Zero(c.Company)
	for _, p := range postings {
		if p.amount.IsZero() {
			continue
		}
		worth, err := c.worth(p.amount, rate)
		if err != nil {
			return e, err
		}
		if left, err = left.Add(worth); err != nil {
			return e, err
		}
		l := onSide(p.account, p.text, worth)
		if s.currency != c.Company {
			l.Transaction = p.amount.Neg()
		}
		e.Lines = append(e.Lines, l)
	}
	if !left.IsZero() {
		e.Lines = append(e.Lines, onSide(c.Exchange, "rounding of the exchange", left.Neg()))
	}
	if len(e.Lines) == 0 {
		return e, nil
	}
	return e, e.Balance()
}

// onSide puts an amount on its side: above nought is credit.
func onSide(account, text string, credit commerce.Money) commerce.JournalLine {
	l := commerce.JournalLine{Account: account, Text: text, Debit: commerce.Zero(credit.Currency()), Credit: commerce.Zero(credit.Currency())}
	if credit.Sign() > 0 {
		l.Credit = credit
	} else {
		l.Debit = credit.Neg()
	}
	return l
}

// worth converts an amount to company currency, by half up and never to nought: a line
// of an entry has an amount.
func (c Chart) worth(m commerce.Money, rate commerce.Decimal) (commerce.Money, error) {
	if m.Currency() == c.Company {
		return m, nil
	}
	product, err := m.Decimal().Mul(rate)
	if err != nil {
		return commerce.Money{}, commerce.Errorf(commerce.KindInvalid, system, "convert "+m.String(), "rate %s: %w", rate, err)
	}
	if rate.Sign() <= 0 {
		return commerce.Money{}, commerce.Errorf(commerce.KindInvalid, system, "convert "+m.String(), "the rate %s is not above nought", rate)
	}
	w, _, err := commerce.RoundMoney(product.String(), -1, c.Company)
	if err == nil && w.IsZero() {
		w, err = commerce.NewMoney(int64(m.Sign()), c.Company)
	}
	return w, err
}
