package reconcile

import (
	"cmp"
	"context"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// Month shows the books of a month beside the money: what the shops sold, what became of
// it at Stripe, whether the clearing account is proved, what is not paid out, and
// whether the tax is the posted documents'. It holds sums, and of each line a hash of its id.
//
// A difference is no error: the view says it. An amount that can not be added up is a
// [*RowError], and so is a line that is there twice; a table that grows beyond
// MonthInput.Most is an error of kind limit.
func Month(ctx context.Context, in MonthInput) (*MonthView, error) {
	m, err := newMonthly(in)
	if err != nil {
		return nil, err
	}
	if err := each(ctx, in.Lines, m.line); err != nil {
		return nil, err
	}
	if err := each(ctx, in.Ending, m.ending); err != nil {
		return nil, err
	}
	if err := each(ctx, in.Posted, m.posted); err != nil {
		return nil, err
	}
	if err := each(ctx, in.Shop, m.sale); err != nil {
		return nil, err
	}
	if err := each(ctx, in.ERP, m.document); err != nil {
		return nil, err
	}
	if err := m.close(); err != nil {
		return nil, err
	}
	return m.view, nil
}

// each calls f with every row of a sequence; nil has none.
func each[T any](ctx context.Context, rows iter.Seq2[T, error], f func(*T) error) error {
	if rows == nil {
		return nil
	}
	n := 0
	var now T // one place for all rows: a pointer to each would be an allocation each
	for row, err := range rows {
		if err != nil {
			return err
		}
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		now = row
		if err := f(&now); err != nil {
			return err
		}
	}
	return nil
}

// monthly is a view in the making.
type monthly struct {
	in       MonthInput
	view     *MonthView
	location *time.Location
	from, to time.Time // [from, to)
	first    int       // day of the month
	named    bool      // lines name the payout that they are in
	ids      *once     // of lines

	balances  map[commerce.Currency]*monthBalance
	payouts   map[string]*commerce.Payout // by their id and their transaction
	collected map[commerce.Currency]*Collected
	sales     map[saleKey]*Sales
	rates     map[rateKey]*RateSum
	taxes     map[taxKey]*TaxTie
	suspense  map[suspenseKey]*Suspended
}

type suspenseKey struct{ key, text string }

// monthDays is by the day of the month; what stands before the first day is what the
// month begins with.
type monthDays [32]commerce.Money

// monthBalance is a MonthBalance in the making.
type monthBalance struct {
	*sums
	net, entries   monthDays
	ledger, stated monthDays // the zero Money where nothing is said
	open           map[string]*openDays
	paid           map[string]bool      // payouts of which there are rows
	back           map[string]PriorItem // payouts that came back
	ending         commerce.Money
	ages           []Age // of the ending-balance report
}

// openDays is what the lines that name one payout make, by day.
type openDays struct {
	rows [32]int
	net  monthDays
}

func newMonthly(in MonthInput) (*monthly, error) {
	if in.Ages == nil {
		in.Ages = []int{2, 7, 14, 30}
	}
	if in.Most == 0 {
		in.Most = 10_000
	}
	bad := func(format string, args ...any) (*monthly, error) {
		return nil, commerce.Errorf(commerce.KindInvalid, system, "show month", format, args...)
	}
	switch {
	case in.Month.IsZero():
		return bad("MonthInput.Month is missing")
	case in.Lines == nil:
		return bad("MonthInput.Lines is missing")
	case in.Most < 0:
		return bad("MonthInput.Most is negative")
	}
	for i, a := range in.Ages {
		if a < 0 || i > 0 && a <= in.Ages[i-1] {
			return bad("MonthInput.Ages are not rising: %d", in.Ages)
		}
	}
	if err := in.Chart.Check(); err != nil {
		return nil, err
	}
	m := &monthly{in: in, ids: newOnce(), location: cmp.Or(in.Chart.Location, time.UTC), view: &MonthView{},
		balances: map[commerce.Currency]*monthBalance{}, payouts: map[string]*commerce.Payout{}, collected: map[commerce.Currency]*Collected{},
		sales: map[saleKey]*Sales{}, rates: map[rateKey]*RateSum{}, taxes: map[taxKey]*TaxTie{}, suspense: map[suspenseKey]*Suspended{}}
	m.from = commerce.Date{Year: in.Month.Year, Month: in.Month.Month, Day: 1}.In(m.location)
	last := commerce.DateOf(time.Date(in.Month.Year, in.Month.Month+1, 0, 0, 0, 0, 0, time.UTC))
	if !in.Last.IsZero() {
		last = in.Last
	}
	m.to = commerce.Date{Year: last.Year, Month: last.Month, Day: last.Day + 1}.In(m.location)
	if cut := in.Chart.CutOver; cut.After(m.from) && cut.Before(m.to) {
		m.from = cut
	}
	m.view.From = commerce.DateOf(m.from.In(m.location))
	m.first, m.view.To = m.view.From.Day, last
	if last.Year != in.Month.Year || last.Month != in.Month.Month || earlier(last, m.view.From) {
		return bad("MonthInput.Last is no day of the month: %s", last)
	}
	for i := range in.Payouts {
		p := &in.Payouts[i]
		m.payouts[p.Ref.ID] = p
		if p.Transaction != "" {
			m.payouts[p.Transaction] = p
		}
	}
	for _, p := range in.Payouts {
		if p.Created.Before(m.to) {
			m.balance(p.Amount.Currency())
		}
	}
	for _, c := range in.Stated {
		if d, ok := m.dayOf(c.On); ok {
			m.balance(c.Balance.Currency()).stated[d] = c.Balance
		}
	}
	for _, c := range in.Ledger {
		if d, ok := m.dayOf(c.On); ok {
			m.balance(c.Balance.Currency()).ledger[d] = c.Balance
		}
	}
	for _, r := range in.Reserved {
		m.balance(r.Currency())
	}
	return m, nil
}

func (m *monthly) balance(c commerce.Currency) *monthBalance {
	b := m.balances[c]
	if b == nil {
		b = &monthBalance{sums: newSums(c), open: map[string]*openDays{}, paid: map[string]bool{}, back: map[string]PriorItem{}, ending: commerce.Zero(c)}
		for _, bounds := range m.ages() {
			b.ages = append(b.ages, Age{bounds[0], bounds[1], 0, commerce.Zero(c)})
		}
		m.balances[c] = b
	}
	return b
}

// ages returns the first and last day of every bucket.
func (m *monthly) ages() (all [][2]int) {
	from := 0
	for _, to := range m.in.Ages {
		all = append(all, [2]int{from, to})
		from = to + 1
	}
	return append(all, [2]int{from, -1})
}

// dayOf returns the place of a day in monthDays.
func (m *monthly) dayOf(on commerce.Date) (int, bool) {
	if on == m.date(m.first-1) {
		return m.first - 1, true
	}
	return on.Day, on.Year == m.view.From.Year && on.Month == m.view.From.Month && on.Day >= m.first && on.Day <= m.view.To.Day
}

// date is the day of the month; 0 is the last one of the month before.
func (m *monthly) date(day int) commerce.Date {
	return commerce.DateOf(time.Date(m.view.From.Year, m.view.From.Month, day, 0, 0, 0, 0, time.UTC))
}

// room reports a table that is full.
func (m *monthly) room(table string, rows int) error {
	if rows < m.in.Most {
		return nil
	}
	return commerce.Errorf(commerce.KindLimit, system, "show month", "%s has more than %d rows; see MonthInput.Most", table, m.in.Most)
}

// plus adds to a sum that may still be the zero Money.
func plus(to *commerce.Money, amount commerce.Money) (err error) {
	if *to == (commerce.Money{}) {
		*to = commerce.Zero(amount.Currency())
	}
	*to, err = to.Add(amount)
	return err
}

func (m *monthly) line(l *Line) error {
	switch {
	case l.Created.Before(m.from):
		m.view.Before++
		return nil
	case !l.Created.Before(m.to):
		m.view.After++
		return nil
	}
	if err := m.ids.row(l); err != nil {
		return err
	}
	b := m.balance(l.Amount.Currency())
	if err := b.add(l); err != nil {
		return &RowError{Input: "lines", Row: l.Row, Reason: "can not be added up", Err: err}
	}
	day := l.Created.In(m.location).Day()
	if err := plus(&b.net[day], l.Net); err != nil {
		return err
	}
	if err := m.collect(l); err != nil {
		return err
	}
	if l.Category == "payout" {
		b.paid[strings.Clone(or(l.Source, l.ID))] = true
		return m.room("the table of payouts", len(b.paid)-1)
	}
	if l.Category == "payout_reversal" {
		b.back[strings.Clone(or(l.Source, l.ID))] = PriorItem{Key: strings.Clone(l.ID), On: m.date(day), Amount: l.Net}
		if err := m.room("the table of payouts that came back", len(b.back)-1); err != nil {
			return err
		}
	}
	m.named = m.named || l.Payout != ""
	o := b.open[l.Payout]
	if o == nil {
		o = &openDays{}
		b.open[strings.Clone(l.Payout)] = o
		if err := m.room("the table of payouts", len(b.open)-1); err != nil {
			return err
		}
	}
	o.rows[day]++
	return plus(&o.net[day], l.Net)
}

// collect counts what a buyer paid or got back, in the buyer's currency.
func (m *monthly) collect(l *Line) error {
	amount := l.compared()
	switch l.Category {
	case "charge", "charge_failure", "partial_capture_reversal":
		return plus(&m.collectedIn(amount.Currency()).Charged, amount)
	case "refund", "refund_failure":
		return plus(&m.collectedIn(amount.Currency()).Returned, amount.Neg())
	}
	return nil
}

func (m *monthly) collectedIn(c commerce.Currency) *Collected {
	if m.collected[c] == nil {
		zero := commerce.Zero(c)
		m.collected[c] = &Collected{Currency: c, Sold: zero, Charged: zero, Refunded: zero, Returned: zero}
	}
	return m.collected[c]
}

// ending counts a row of the ending-balance report. Stripe describes it as the movements
// that had not been settled at its end, with the columns of the payout reconciliation
// (docs.stripe.com/reports/report-types/payout-reconciliation, read 2026-11), for
// accounts that are paid out by schedule. Not known, for no such report is recorded:
// whether a payout that is made and has not arrived counts as settled. Should it not,
// the side is off by exactly what is in transit.
func (m *monthly) ending(l *Line) error {
	if !l.Created.Before(m.to) {
		return &RowError{Input: "ending balance", Row: l.Row, Reason: l.ID + " is younger than the month: the report ends at another time"}
	}
	if p := m.payouts[l.Payout]; p != nil && p.Created.Before(m.to) {
		// It is in transit in the books: they take a payout off when it is made, the report
		// when it is to arrive (docs.stripe.com/reports/payout-reconciliation, read 2026-11).
		return nil
	}
	b := m.balance(l.Amount.Currency())
	if err := plus(&b.ending, l.Net); err != nil {
		return err
	}
	return age(b.ages, m.daysOld(l.Created), 1, l.Net)
}

func (m *monthly) daysOld(t time.Time) int {
	on := commerce.DateOf(t.In(m.location))
	last := time.Date(m.view.To.Year, m.view.To.Month, m.view.To.Day, 0, 0, 0, 0, time.UTC)
	return int(last.Sub(time.Date(on.Year, on.Month, on.Day, 0, 0, 0, 0, time.UTC)) / (24 * time.Hour))
}

// age counts rows into the bucket of their age.
func age(ages []Age, days, rows int, amount commerce.Money) error {
	for i := range ages {
		if a := &ages[i]; a.To < 0 || days <= a.To {
			a.Rows += rows
			return plus(&a.Amount, amount)
		}
	}
	return nil
}

// posted counts one of our entries.
func (m *monthly) posted(e *commerce.JournalEntry) error {
	day, ok := m.dayOf(e.Date)
	if !ok || day < m.first {
		return nil
	}
	chart := &m.in.Chart
	moved := map[commerce.Currency]commerce.Money{}
	for _, l := range e.Lines {
		debit := l.Debit
		if debit.IsZero() {
			debit = l.Credit.Neg()
		}
		if l.Account == chart.Suspense && l.Account != "" {
			if err := m.suspend(e.Key, l.Text, debit); err != nil {
				return err
			}
		}
		own := debit
		if l.Transaction != (commerce.Money{}) {
			own = l.Transaction
		}
		currency := own.Currency()
		if l.Account != chart.Clearing[currency] || l.Account == "" {
			continue
		}
		sum := moved[currency]
		if err := plus(&sum, own); err != nil {
			return err
		}
		moved[currency] = sum
		if err := plus(&m.balance(currency).entries[day], own); err != nil {
			return err
		}
	}
	of := m.belongs(e)
	if of.IsZero() || !earlier(of, m.view.From) {
		return nil
	}
	for _, amount := range moved {
		if err := m.prior(PriorItem{Key: strings.Clone(e.Key), Of: of, On: e.Date, Amount: amount}); err != nil {
			return err
		}
	}
	return nil
}

// suspend adds to what is suspended of a series.
func (m *monthly) suspend(key, text string, debit commerce.Money) error {
	if n := strings.LastIndexByte(key, '/'); n >= 0 {
		if _, err := strconv.Atoi(key[n+1:]); err == nil {
			key = key[:n] // its number in the series
		}
	}
	k := suspenseKey{key, text}
	s := m.suspense[k]
	if s == nil {
		if err := m.room("the table of what is suspended", len(m.suspense)); err != nil {
			return err
		}
		s = &Suspended{Key: strings.Clone(key), Text: strings.Clone(text)}
		m.suspense[suspenseKey{s.Key, s.Text}] = s
	}
	return plus(&s.Amount, debit)
}

func (m *monthly) prior(p PriorItem) error {
	m.view.Prior = append(m.view.Prior, p)
	return m.room("the table of earlier periods", len(m.view.Prior)-1)
}

// belongs is the day that an entry is for: the one that its key names, or that of the
// payout that its key names.
func (m *monthly) belongs(e *commerce.JournalEntry) commerce.Date {
	for part := range strings.SplitSeq(e.Key, "/") {
		if d, err := commerce.ParseDate(part); err == nil {
			return d
		}
		if p := m.payouts[part]; p != nil && strings.HasPrefix(e.Key, "payout/") {
			return commerce.DateOf(p.Created.In(m.location))
		}
	}
	return commerce.Date{}
}
