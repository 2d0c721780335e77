package reconcile

import (
	"cmp"
	"maps"
	"slices"

	"github.com/commercesync/commerce"
)

// close makes the view of what was counted.
func (m *monthly) close() error {
	for _, k := range sortedBy(m.sales, func(a, b saleKey) int {
		return cmp.Or(cmp.Compare(a.shop, b.shop), cmp.Compare(a.currency, b.currency))
	}) {
		m.view.Sales = append(m.view.Sales, *m.sales[k])
	}
	for _, k := range sortedBy(m.rates, func(a, b rateKey) int { return compareRates(a.rate, b.rate) }) {
		for i := range m.view.Sales {
			if s := &m.view.Sales[i]; s.Shop == k.shop && s.Currency == k.currency {
				s.Rates = append(s.Rates, *m.rates[k])
			}
		}
	}
	for _, c := range slices.Sorted(maps.Keys(m.collected)) {
		one := m.collected[c]
		var err error
		if one.Difference, err = commerce.Sum(c, one.Charged, one.Returned.Neg(), one.Sold.Neg(), one.Refunded); err != nil {
			return err
		}
		m.view.Collected = append(m.view.Collected, *one)
	}
	for _, k := range sortedBy(m.taxes, func(a, b taxKey) int {
		return cmp.Or(cmp.Compare(a.country, b.country), compareRates(a.rate, b.rate), cmp.Compare(a.currency, b.currency))
	}) {
		t := m.taxes[k]
		var err error
		if t.Base, err = t.PostedBase.Sub(t.ShopBase); err != nil {
			return err
		}
		if t.Tax, err = t.PostedTax.Sub(t.ShopTax); err != nil {
			return err
		}
		m.view.Taxes = append(m.view.Taxes, *t)
	}
	for _, k := range sortedBy(m.suspense, func(a, b suspenseKey) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.text, b.text)) }) {
		if s := m.suspense[k]; !s.Amount.IsZero() {
			m.view.Suspense = append(m.view.Suspense, *s)
		}
	}
	for _, c := range slices.Sorted(maps.Keys(m.balances)) {
		b, err := m.closeBalance(m.balances[c])
		if err != nil {
			return err
		}
		m.view.Balances = append(m.view.Balances, b)
	}
	slices.SortFunc(m.view.Prior, func(a, b PriorItem) int {
		return cmp.Or(compareDates(a.On, b.On), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Amount.Currency(), b.Amount.Currency()))
	})
	return nil
}

func sortedBy[K comparable, V any](all map[K]V, compare func(a, b K) int) []K {
	return slices.SortedFunc(maps.Keys(all), compare)
}

// compareRates puts 7 before 19, and texts that are no numbers in front.
func compareRates(a, b string) int {
	x, errX := commerce.ParseDecimal(a)
	y, errY := commerce.ParseDecimal(b)
	if errX != nil || errY != nil {
		return cmp.Compare(a, b)
	}
	return x.Cmp(y)
}

func (m *monthly) closeBalance(b *monthBalance) (out MonthBalance, err error) {
	zero := commerce.Zero(b.currency)
	if out.Totals, err = b.totals(); err != nil {
		return out, err
	}
	out.Opening = zero
	if stated := b.stated[m.first-1]; stated != (commerce.Money{}) {
		out.Opening = stated
	}
	if out.Closing, err = out.Opening.Add(out.Net); err != nil {
		return out, err
	}
	if err := m.prove(b, &out); err != nil {
		return out, err
	}
	if err := m.unpaid(b, &out); err != nil {
		return out, err
	}
	out.InTransit = zero
	for _, p := range m.in.Payouts {
		if p.Amount.Currency() != b.currency || !m.onItsWay(b, &p) {
			continue
		}
		out.Transit = append(out.Transit, p)
		if out.InTransit, err = out.InTransit.Add(p.Amount); err != nil {
			return out, err
		}
	}
	slices.SortFunc(out.Transit, func(a, b commerce.Payout) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Ref.ID, b.Ref.ID))
	})
	out.Reserved = out.Reserves.Neg()
	for _, r := range m.in.Reserved {
		if r.Currency() == b.currency {
			if out.Reserved, err = out.Reserved.Add(r); err != nil {
				return out, err
			}
		}
	}
	for id, p := range b.back {
		if b.paid[id] {
			continue
		}
		if known := m.payouts[id]; known != nil {
			if p.Of = commerce.DateOf(known.Created.In(m.location)); !earlier(p.Of, m.view.From) {
				continue
			}
		}
		if err := m.prior(p); err != nil {
			return out, err
		}
	}
	return out, nil
}

// onItsWay reports whether a payout had left Stripe and not arrived when the month ended.
func (m *monthly) onItsWay(b *monthBalance, p *commerce.Payout) bool {
	_, back := b.back[p.Ref.ID]
	if !back && p.Transaction != "" {
		_, back = b.back[p.Transaction]
	}
	// One of an earlier month that failed and is not back here was back before.
	gone := p.Status == commerce.PayoutCanceled || p.Status == commerce.PayoutFailed && p.Created.Before(m.from)
	if back || gone || !p.Created.Before(m.to) {
		return false
	}
	if p.Arrival.IsZero() {
		return p.Status != commerce.PayoutPaid
	}
	return earlier(m.view.To, p.Arrival)
}

// prove compares every side with the movements, day by day.
func (m *monthly) prove(b *monthBalance, out *MonthBalance) error {
	last := m.view.To.Day
	lines, entries := out.Opening, out.Opening
	out.Lowest, out.LowestOn = out.Opening, commerce.Date{}
	c := &out.Clearing
	sides := []*Side{&c.Entries, &c.Ledger, &c.Stated, &c.Ending}
	for day := m.first - 1; day <= last; day++ {
		on := m.date(day)
		for _, sum := range []struct{ to, of *commerce.Money }{{&lines, &b.net[day]}, {&entries, &b.entries[day]}} {
			if *sum.of != (commerce.Money{}) {
				if err := plus(sum.to, *sum.of); err != nil {
					return err
				}
			}
		}
		said := [4]commerce.Money{{}, b.ledger[day], b.stated[day], {}}
		if m.in.Posted != nil && day >= m.first {
			said[0] = entries
		}
		if m.in.Ending != nil && day == last {
			said[3] = b.ending
		}
		for i, s := range sides {
			if err := s.compare(on, said[i], lines, day == last); err != nil {
				return err
			}
		}
		if day < m.first {
			continue
		}
		c.Days = append(c.Days, ClearingDay{on, lines, said[0], said[1], said[2]})
		if lower, err := lines.Cmp(out.Lowest); err != nil {
			return err
		} else if lower < 0 || day == m.first {
			out.Lowest, out.LowestOn = lines, on
		}
	}
	return nil
}

// compare takes a side's word on the end of one day.
func (s *Side) compare(on commerce.Date, said, lines commerce.Money, last bool) error {
	if said == (commerce.Money{}) {
		return nil
	}
	s.Known = true
	diff, err := said.Sub(lines)
	if err != nil {
		return err
	}
	if s.First.IsZero() && !diff.IsZero() {
		s.First, s.Off = on, diff
	}
	if last {
		s.Closing, s.Difference = said, diff
	}
	return nil
}

// unpaid says how old the balance is. Lines that name payouts say what the automatic ones
// paid out; one by hand takes what is oldest, for nobody can say what it took, and so does
// every payout where no line names any.
func (m *monthly) unpaid(b *monthBalance, out *MonthBalance) error {
	if m.in.Ending != nil {
		out.Unpaid = Unpaid{Ages: b.ages, Older: commerce.Zero(b.currency)}
		return nil
	}
	var open openDays
	hand := false
	for id := range b.paid {
		if _, named := b.open[id]; !named && (!m.named || m.payouts[id] == nil || !m.payouts[id].Automatic) {
			hand = true
		}
	}
	for id, of := range b.open {
		if b.paid[id] || m.payouts[id] != nil && m.payouts[id].Created.Before(m.to) {
			continue
		}
		for day := range of.net {
			if of.rows[day] == 0 {
				continue
			}
			open.rows[day] += of.rows[day]
			if err := plus(&open.net[day], of.net[day]); err != nil {
				return err
			}
		}
	}
	older := out.Closing
	for _, net := range open.net {
		if net != (commerce.Money{}) {
			var err error
			if older, err = older.Sub(net); err != nil {
				return err
			}
		}
	}
	for day := range open.net {
		net := &open.net[day]
		if !hand || older.Sign() >= 0 {
			break
		}
		if net.Sign() <= 0 {
			continue
		}
		took := *net
		if more, err := took.Cmp(older.Neg()); err != nil {
			return err
		} else if more > 0 {
			took = older.Neg()
		}
		var err error
		if older, err = older.Add(took); err != nil {
			return err
		}
		if *net, err = net.Sub(took); err != nil {
			return err
		}
		if net.IsZero() {
			open.rows[day] = 0
		}
	}
	out.Unpaid.Older = older
	for _, bounds := range m.ages() {
		out.Unpaid.Ages = append(out.Unpaid.Ages, Age{bounds[0], bounds[1], 0, commerce.Zero(b.currency)})
	}
	for day, net := range open.net {
		if net == (commerce.Money{}) {
			continue
		}
		if err := age(out.Unpaid.Ages, m.view.To.Day-day, open.rows[day], net); err != nil {
			return err
		}
	}
	return nil
}
