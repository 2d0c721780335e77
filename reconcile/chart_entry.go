package reconcile

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
)

// Entries books every movement of a balance: one activity entry a day and currency, by
// the time it was created and whether it was paid out or not, and one entry a payout, from
// clearing to transit. Together they change the clearing account by exactly the net of
// the lines since the cut-over, on every day. The lines come in any order; the entries by
// date and key. A line that is there twice is a [*RowError]: nothing is posted from it.
//
// A key is that of a series: [Next] makes of an entry what is to be posted. One without
// lines says that nothing is, as on a day of charges that are Documents: what was posted of
// it before is to be taken back.
func (c Chart) Entries(ctx context.Context, lines iter.Seq2[Line, error]) ([]commerce.JournalEntry, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	all, ids := map[occasion]*tally{}, newOnce()
	err := each(ctx, lines, func(l *Line) error {
		if c.Before(l.Created) {
			return nil
		}
		if err := ids.row(l); err != nil {
			return err
		}
		o := occasion{currency: l.Amount.Currency(), date: c.day(l.Created)}
		if isPayout(l.Category) {
			o.category, o.payout = l.Category, or(l.Source, l.ID)
		}
		t := all[o]
		if t == nil {
			t = newTally(o.currency)
			o.category, o.payout = strings.Clone(o.category), strings.Clone(o.payout)
			all[o] = t
		}
		return t.add(&c, l)
	})
	if err != nil {
		return nil, err
	}
	var entries []commerce.JournalEntry
	unmapped := &UnmappedError{}
	for o, t := range all {
		e, err := c.entry(o.key(&c), o.date, t, unmapped)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	if err := unmapped.orNil(); err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b commerce.JournalEntry) int {
		return cmp.Or(compareDates(a.Date, b.Date), cmp.Compare(a.Key, b.Key))
	})
	return entries, nil
}

// occasion is what an entry is for: a day of a currency, or a payout or its return.
type occasion struct {
	currency         commerce.Currency
	date             commerce.Date
	category, payout string // of payouts only
}

func (o occasion) key(c *Chart) string {
	switch o.category {
	case "payout":
		return "payout/" + c.name() + o.payout
	case "payout_reversal":
		return "payout-reversal/" + c.name() + o.payout
	}
	return "activity/" + c.name() + o.currency.Lower() + "/" + o.date.String()
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
// took it off the balance, as its own row says; where there is none, on the day it was
// created. Nothing is posted from a payout that its rows do not explain: that
// is an [*OpenError]. A payout that failed since has a second entry, which [Chart.Entries]
// makes of the row that brought the money back.
func (r *Report) Entry(c Chart) (commerce.JournalEntry, error) {
	return r.entry(c, func(*tally) error { return nil })
}

// Whole is one entry for the payout and all that is in it, for books without daily
// activity. It has the errors of Entry and of [Chart.Entries].
func (r *Report) Whole(c Chart) (commerce.JournalEntry, error) {
	return r.entry(c, func(t *tally) error {
		if c.CutOver.IsZero() && c.Split == nil && c.Platform != Net {
			t.sums.take(r.sums) // they were added up once
			return nil
		}
		return r.lines(func(l *Line) error {
			if c.Before(l.Created) {
				return nil // the opening has it
			}
			return t.add(&c, l)
		})
	})
}

// lines calls f with every row of the payout, without its own.
func (r *Report) lines(f func(*Line) error) error {
	for _, sides := range r.stores {
		if sides[0] == nil || !sides[0].lines {
			continue
		}
		// With an ERP the same rows stand in two pairs.
		return sides[0].kept.each(func(_ int64, record []byte) error {
			l := lineOf(record)
			l.Payout = r.payout.Ref.ID
			return f(l)
		})
	}
	return nil
}

func (r *Report) entry(c Chart, with func(*tally) error) (commerce.JournalEntry, error) {
	if err := c.Check(); err != nil {
		return commerce.JournalEntry{}, err
	}
	if c.Before(r.left) {
		return commerce.JournalEntry{}, commerce.Errorf(commerce.KindInvalid, system, "book payout "+r.payout.Ref.ID,
			"it is from before the cut-over: the opening balance was made without it")
	}
	if !r.Proof.Closed() {
		return commerce.JournalEntry{}, &OpenError{r.Proof}
	}
	t := newTally(r.sums.currency)
	if err := with(t); err != nil {
		return commerce.JournalEntry{}, err
	}
	out := r.payout.Amount.Neg()
	if err := t.sums.add(&Line{ID: r.payout.Transaction, Category: "payout", Amount: out, Fee: commerce.Zero(t.currency), Net: out}); err != nil {
		return commerce.JournalEntry{}, err
	}
	unmapped := &UnmappedError{}
	e, err := c.entry("payout/"+c.name()+r.payout.Ref.ID, c.day(r.left), t, unmapped)
	if err != nil {
		return commerce.JournalEntry{}, err
	}
	return e, unmapped.orNil()
}

// posting is a line before it has sides: what it adds to the clearing account.
type posting struct {
	account, text string
	amount        commerce.Money // credit of the account, in settlement currency
}

// entry books sums. It balances, because every line is booked against clearing.
func (c Chart) entry(key string, date commerce.Date, t *tally, unmapped *UnmappedError) (commerce.JournalEntry, error) {
	e := commerce.JournalEntry{Key: key, Journal: c.Journal, Date: date, Text: "Stripe " + key}
	var postings []posting
	for _, sum := range t.sorted() {
		account := c.Categories[sum.Category]
		if isPayout(sum.Category) {
			if account = c.Transit[t.currency]; account == "" {
				unmapped.Currencies = append(unmapped.Currencies, t.currency)
			}
		} else if slices.Contains(c.Documents, sum.Category) {
			continue
		} else if c.Platform == Net && isTransfer(sum.Category) {
			account = c.Payable
		} else if account = or(account, c.Suspense); account == "" {
			unmapped.Categories = append(unmapped.Categories, sum.Category)
		}
		postings = append(postings, posting{account, sum.Category, sum.Amount})
	}
	for _, p := range t.split() {
		if p.account = or(p.account, c.Suspense); p.account == "" {
			unmapped.Categories = append(unmapped.Categories, p.text)
		}
		postings = append(postings, p)
	}
	taken, err := c.taken(t, unmapped)
	if err != nil {
		return e, err
	}
	postings = append(postings, taken...)
	clearing := c.Clearing[t.currency]
	if clearing == "" {
		unmapped.Currencies = append(unmapped.Currencies, t.currency)
	}
	if len(unmapped.Categories)+len(unmapped.Fees)+len(unmapped.Currencies) > 0 {
		return e, nil
	}
	net := commerce.Zero(t.currency)
	for _, p := range postings {
		if net, err = net.Add(p.amount); err != nil {
			return e, err
		}
	}
	// What the other accounts are credited, clearing is debited.
	postings = append(postings, posting{clearing, "balance at Stripe", net.Neg()})
	var rate commerce.Decimal
	if t.currency != c.Company {
		if c.Rate == nil || c.Exchange == "" {
			return e, commerce.Errorf(commerce.KindInvalid, system, "check chart", "settlement in %s needs Rate and Exchange", t.currency)
		}
		if rate, err = c.Rate(t.currency, date); err != nil {
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
		if t.currency != c.Company {
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

// taken returns the fees of transactions as postings: of each category with an account of
// its own for them, and of all others together.
func (c Chart) taken(t *tally, unmapped *UnmappedError) (all []posting, err error) {
	keys := slices.SortedFunc(maps.Keys(t.fees), func(a, b feeKey) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.category, b.category))
	})
	for _, key := range keys {
		account, of := c.Fees[key.category+"/"+key.kind], key.category
		if account == "" {
			account, of = or(c.Fees[key.kind], c.Suspense), "transactions"
		}
		if account == "" {
			unmapped.Fees = append(unmapped.Fees, key.kind)
		}
		p := posting{account, strings.TrimSpace("fee of " + of + " " + key.kind), t.fees[key].Neg()}
		at := slices.IndexFunc(all, func(x posting) bool { return x.account == p.account && x.text == p.text })
		if at < 0 {
			all = append(all, p)
		} else if all[at].amount, err = all[at].amount.Add(p.amount); err != nil {
			return nil, err
		}
	}
	return all, nil
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

// Worth is an amount in company currency at the rate of a day, by half up and never nought,
// as the lines of entries are. It is of kind invalid where the chart has no rate above
// nought; else the error of [Chart].Rate.
func (c Chart) Worth(m commerce.Money, on commerce.Date) (commerce.Money, error) {
	if m.Currency() == c.Company {
		return m, nil
	}
	if c.Rate == nil {
		return commerce.Money{}, commerce.Errorf(commerce.KindInvalid, system, "convert "+m.String(), "the chart has no Rate")
	}
	rate, err := c.Rate(m.Currency(), on)
	if err != nil {
		return commerce.Money{}, err
	}
	return c.worth(m, rate)
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
