package erpbooks

import (
	"cmp"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/reconcile"
)

// Split says on which revenue and tax accounts an amount is booked that was paid for an
// order, or given back, where no invoice says it: in proportion to the order's lines and
// taxes, by the accounts that the chart has for the ERP's taxes. A tax without an account
// is a *mapping.Fault, or goes to Chart.Suspense where there is one.
func (b *Books) Split(r mapping.Route, o commerce.Order, amount commerce.Money) ([]reconcile.Part, error) {
	chart, err := b.chart(r)
	if err != nil {
		return nil, err
	}
	if err := mapping.Prove(o); err != nil {
		return nil, err
	}
	s := splitting{chart: chart, writer: b.writer(r, o), weights: map[sale]int64{}}
	for _, l := range o.Lines {
		if err := s.add("lines["+l.ID+"]", commerce.TaxOnLine, l.Net, l.Discount, l.Taxes); err != nil {
			return nil, err
		}
	}
	if err := s.add("shipping", commerce.TaxOnShipping, o.Shipping.Net, o.Shipping.Discount, o.Shipping.Taxes); err != nil {
		return nil, err
	}
	if err := s.book(chart.Revenue, "", "revenue", o.Totals.Fees); err != nil {
		return nil, err
	}
	return s.parts(amount)
}

// splitting adds up what an order says is revenue, and what tax.
type splitting struct {
	writer
	chart   Chart
	weights map[sale]int64 // minor units of the order's currency
}

// sale is what the parts of an order are added up by.
type sale struct{ account, text string }

func (s *splitting) add(field string, on commerce.TaxOn, net, discount commerce.Money, taxes []commerce.TaxLine) error {
	ids, _, err := s.taxIDs(field, on, net, discount, taxes)
	if err != nil {
		return err
	}
	if net, err = net.Sub(discount); err != nil {
		return err
	}
	revenue, rate := "", ""
	if len(ids) > 0 {
		revenue = ids[0]
	}
	for _, t := range taxes {
		rate = " " + t.Country + " " + t.Rate.Trim(0).String() + " %"
		chosen, err := s.choose(field, on, t)
		if err != nil {
			return err
		}
		tax := ""
		if len(chosen) > 0 {
			tax = chosen[0]
		}
		if err := s.book(s.chart.Tax, tax, "tax"+rate, t.Amount); err != nil {
			return err
		}
	}
	return s.book(s.chart.Revenue, revenue, "revenue"+rate, net)
}

// book adds to the account of a tax.
func (s *splitting) book(accounts map[string]string, tax, text string, amount commerce.Money) error {
	if amount.IsZero() {
		return nil
	}
	account := accounts[tax]
	if account == "" && s.chart.Suspense == "" {
		return mapping.Faultf(s.document, text, tax, "Config.Charts has no account for it: see Revenue and Tax")
	}
	s.weights[sale{account, text}] += amount.Minor()
	return nil
}

// parts shares an amount out. What is below nought, as a discount without tax can be,
// lessens the largest shares.
func (s *splitting) parts(amount commerce.Money) ([]reconcile.Part, error) {
	var to []sale
	for w := range s.weights {
		to = append(to, w)
	}
	slices.SortFunc(to, func(a, b sale) int {
		return cmp.Or(cmp.Compare(s.weights[b], s.weights[a]), cmp.Compare(a.account, b.account), cmp.Compare(a.text, b.text))
	})
	weights := make([]int64, len(to))
	var below, all int64
	for i, w := range to {
		n := s.weights[w]
		below += min(n, 0)
		weights[i] = max(n, 0)
		all += n
	}
	if all <= 0 { // an order of nought: nobody knows what was paid for
		return []reconcile.Part{{Amount: amount}}, nil
	}
	for i, n := range weights {
		less := min(n, -below)
		weights[i], below = n-less, below+less
	}
	amounts, err := amount.Allocate(weights...)
	if err != nil {
		return nil, err
	}
	var parts []reconcile.Part
	for i, w := range to {
		if !amounts[i].IsZero() {
			parts = append(parts, reconcile.Part{Account: w.account, Text: w.text, Amount: amounts[i]})
		}
	}
	return parts, nil
}
