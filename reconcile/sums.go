package reconcile

import (
	"slices"
	"strings"

	"github.com/commercesync/commerce"
)

// CategorySum is what the rows of one reporting category add up to.
type CategorySum struct {
	Category string
	Rows     int
	Amount   commerce.Money
	Fee      commerce.Money
	Net      commerce.Money
}

// Totals are closed sums of one currency, signed as they change the balance:
// Sales + Refunds + Disputes + Fees + Reserves + Transfers + Adjustments + Payouts +
// Other = Net, always.
type Totals struct {
	Currency commerce.Currency
	Rows     int

	Sales       commerce.Money // gross, less captures of less than was authorised and debits that failed
	Refunds     commerce.Money // less refunds that came back
	Disputes    commerce.Money // less disputes won
	Fees        commerce.Money // taken from transactions, and billed apart
	Reserves    commerce.Money // held and released
	Transfers   commerce.Money // to and from connected accounts, application fees
	Adjustments commerce.Money // top-ups, advances, issuing and the like
	Payouts     commerce.Money // and payouts that came back
	Other       commerce.Money // categories that this package does not know
	Net         commerce.Money

	Categories []CategorySum // by name
}

// bucket says which of the Totals a reporting category counts for. Source:
// docs.stripe.com/reports/reporting-categories, read 2026-11; the list is open-ended.
func bucket(category string) func(*Totals) *commerce.Money {
	switch category {
	case "charge", "charge_failure", "partial_capture_reversal":
		return func(t *Totals) *commerce.Money { return &t.Sales }
	case "refund", "refund_failure":
		return func(t *Totals) *commerce.Money { return &t.Refunds }
	case "dispute", "dispute_reversal":
		return func(t *Totals) *commerce.Money { return &t.Disputes }
	case "fee", "tax", "network_cost":
		return func(t *Totals) *commerce.Money { return &t.Fees }
	case "connect_reserved_funds", "risk_reserved_funds", "payment_network_reserve_hold", "payment_network_reserve_release",
		"payout_minimum_balance_hold", "payout_minimum_balance_release":
		return func(t *Totals) *commerce.Money { return &t.Reserves }
	case "transfer", "transfer_reversal", "platform_earning", "platform_earning_refund", "connect_collection_transfer":
		return func(t *Totals) *commerce.Money { return &t.Transfers }
	case "payout", "payout_reversal":
		return func(t *Totals) *commerce.Money { return &t.Payouts }
	case "topup", "topup_reversal", "advance", "advance_funding", "anticipation_repayment", "contribution",
		"climate_order_purchase", "climate_order_refund", "financing_paydown", "financing_paydown_reversal",
		"financing_payout", "financing_payout_reversal", "other_adjustment", "unreconciled_customer_funds":
		return func(t *Totals) *commerce.Money { return &t.Adjustments }
	}
	if strings.HasPrefix(category, "issuing_") {
		return func(t *Totals) *commerce.Money { return &t.Adjustments }
	}
	return nil
}

// sums adds up rows of one currency.
type sums struct {
	currency   commerce.Currency
	categories map[string]*CategorySum
	last       *CategorySum // most rows are of the category of the row before
	fees       map[feeKey]*commerce.Money

	lastKey feeKey // and most fees of the kind of the one before
	lastFee *commerce.Money
}

// feeKey is what fees are added up by.
type feeKey struct {
	category string // of the movements that they were taken from
	kind     string // "" = its parts are not known
}

func newSums(currency commerce.Currency) *sums {
	return &sums{currency: currency, categories: map[string]*CategorySum{}, fees: map[feeKey]*commerce.Money{}}
}

func (s *sums) category(name string) *CategorySum {
	if s.last != nil && s.last.Category == name {
		return s.last
	}
	c := s.categories[name]
	if c == nil {
		zero := commerce.Zero(s.currency)
		name = strings.Clone(name)
		c = &CategorySum{Category: name, Amount: zero, Fee: zero, Net: zero}
		s.categories[name] = c
	}
	s.last = c
	return c
}

// add counts a row; amounts that do not add up are an error.
func (s *sums) add(l *Line) error {
	net, err := l.Amount.Sub(l.Fee)
	if err != nil {
		return err
	}
	if net != l.Net {
		return commerce.Errorf(commerce.KindInvalid, system, "add up "+l.ID, "net %s is not amount %s - fee %s", l.Net, l.Amount, l.Fee)
	}
	c := s.category(l.Category)
	c.Rows++
	if c.Amount, err = c.Amount.Add(l.Amount); err != nil {
		return err
	}
	if c.Fee, err = c.Fee.Add(l.Fee); err != nil {
		return err
	}
	if c.Net, err = c.Net.Add(l.Net); err != nil {
		return err
	}
	if l.Fee.IsZero() && len(l.Fees) == 0 {
		return nil
	}
	if len(l.Fees) == 0 {
		return s.fee(feeKey{c.Category, ""}, l.Fee)
	}
	parts := commerce.Zero(s.currency)
	for _, f := range l.Fees {
		if parts, err = parts.Add(f.Amount); err != nil {
			return err
		}
		if err := s.fee(feeKey{c.Category, f.Type}, f.Amount); err != nil {
			return err
		}
	}
	if parts != l.Fee {
		return commerce.Errorf(commerce.KindInvalid, system, "add up "+l.ID, "the parts of the fee make %s, the fee is %s", parts, l.Fee)
	}
	return nil
}

func (s *sums) fee(key feeKey, amount commerce.Money) (err error) {
	if s.lastFee == nil || s.lastKey != key {
		if s.lastFee = s.fees[key]; s.lastFee == nil {
			key.kind, s.lastFee = strings.Clone(key.kind), new(commerce.Zero(s.currency))
			s.fees[key] = s.lastFee
		}
		s.lastKey = key
	}
	*s.lastFee, err = s.lastFee.Add(amount)
	return err
}

// take copies what other sums are, into ones that are empty.
func (s *sums) take(other *sums) {
	for name, c := range other.categories {
		one := *c
		s.categories[name] = &one
	}
	for key, sum := range other.fees {
		s.fees[key] = new(*sum)
	}
}

// sorted returns the categories by name.
func (s *sums) sorted() []CategorySum {
	all := make([]CategorySum, 0, len(s.categories))
	for _, c := range s.categories {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b CategorySum) int { return strings.Compare(a.Category, b.Category) })
	return all
}

// totals closes the sums.
func (s *sums) totals() (Totals, error) {
	z := commerce.Zero(s.currency)
	t := Totals{Currency: s.currency, Sales: z, Refunds: z, Disputes: z, Fees: z, Reserves: z, Transfers: z,
		Adjustments: z, Payouts: z, Other: z, Net: z, Categories: s.sorted()}
	for _, c := range t.Categories {
		t.Rows += c.Rows
		to := &t.Other
		if b := bucket(c.Category); b != nil {
			to = b(&t)
		}
		var err error
		if *to, err = to.Add(c.Amount); err != nil {
			return Totals{}, err
		}
		if t.Fees, err = t.Fees.Sub(c.Fee); err != nil {
			return Totals{}, err
		}
		if t.Net, err = t.Net.Add(c.Net); err != nil {
			return Totals{}, err
		}
	}
	return t, nil
}
