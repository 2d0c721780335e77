package reconcile

import (
	"strings"

	"github.com/commercesync/commerce"
)

type saleKey struct {
	shop     string
	currency commerce.Currency
}

type rateKey struct {
	saleKey
	rate string
}

type taxKey struct {
	country, rate string
	currency      commerce.Currency
}

// sale counts a document of a shop.
func (m *monthly) sale(d *Document) error {
	if d.Date.Before(m.from) || !d.Date.Before(m.to) {
		return nil
	}
	currency := d.Amount.Currency()
	if !currency.Valid() {
		return &RowError{Input: "documents", Row: d.Row, Column: "amount", Reason: d.ID + " has none"}
	}
	k := saleKey{d.Shop, currency}
	s := m.sales[k]
	if s == nil {
		if err := m.room("the table of sales", len(m.sales)); err != nil {
			return err
		}
		s = &Sales{Shop: strings.Clone(d.Shop), Currency: currency, Sold: commerce.Zero(currency), Refunded: commerce.Zero(currency)}
		m.sales[saleKey{s.Shop, currency}] = s
	}
	c := m.collectedIn(currency)
	sum, all := &s.Sold, &c.Sold
	if d.Refund {
		s.Memos++
		sum, all = &s.Refunded, &c.Refunded
	} else {
		s.Orders++
	}
	if err := plus(sum, d.Amount); err != nil {
		return err
	}
	if err := plus(all, d.Amount); err != nil {
		return err
	}
	for _, x := range taxesOf(d) {
		r, err := m.rate(k, x.Rate, x.Base.Currency())
		if err != nil {
			return err
		}
		base, tax := &r.Base, &r.Tax
		if d.Refund {
			base, tax = &r.RefundBase, &r.RefundTax
		}
		if err := plus(base, x.Base); err != nil {
			return err
		}
		if err := plus(tax, x.Tax); err != nil {
			return err
		}
		t, err := m.tax(x)
		if err != nil {
			return err
		}
		if err := signed(d, x, &t.ShopBase, &t.ShopTax); err != nil {
			return err
		}
	}
	return nil
}

// document counts a document of the ERP. Its day is its own: books have no hours.
func (m *monthly) document(d *Document) error {
	if day, ok := m.dayOf(commerce.DateOf(d.Date)); !ok || day < m.first {
		return nil
	}
	if !d.Amount.Currency().Valid() {
		return &RowError{Input: "documents", Row: d.Row, Column: "amount", Reason: d.ID + " has none"}
	}
	for _, x := range taxesOf(d) {
		t, err := m.tax(x)
		if err != nil {
			return err
		}
		if err := signed(d, x, &t.PostedBase, &t.PostedTax); err != nil {
			return err
		}
	}
	return nil
}

// taxesOf is what a document says of tax; one that says nothing is all base.
func taxesOf(d *Document) []TaxSum {
	if len(d.Taxes) > 0 {
		return d.Taxes
	}
	return []TaxSum{{Base: d.total(), Tax: commerce.Zero(d.Amount.Currency())}}
}

// signed adds what a document sold, or takes off what it gave back.
func signed(d *Document, x TaxSum, base, tax *commerce.Money) error {
	if d.Refund {
		x.Base, x.Tax = x.Base.Neg(), x.Tax.Neg()
	}
	if err := plus(base, x.Base); err != nil {
		return err
	}
	return plus(tax, x.Tax)
}

func (m *monthly) rate(k saleKey, rate string, currency commerce.Currency) (*RateSum, error) {
	r := m.rates[rateKey{k, rate}]
	if r == nil {
		if err := m.room("the table of rates", len(m.rates)); err != nil {
			return nil, err
		}
		zero := commerce.Zero(currency)
		r = &RateSum{Rate: strings.Clone(rate), Base: zero, Tax: zero, RefundBase: zero, RefundTax: zero}
		m.rates[rateKey{saleKey{strings.Clone(k.shop), k.currency}, r.Rate}] = r
	}
	return r, nil
}

func (m *monthly) tax(x TaxSum) (*TaxTie, error) {
	currency := x.Base.Currency()
	k := taxKey{x.Country, x.Rate, currency}
	t := m.taxes[k]
	if t == nil {
		if err := m.room("the table of taxes", len(m.taxes)); err != nil {
			return nil, err
		}
		zero := commerce.Zero(currency)
		t = &TaxTie{Country: strings.Clone(x.Country), Rate: strings.Clone(x.Rate), Currency: currency,
			ShopBase: zero, ShopTax: zero, PostedBase: zero, PostedTax: zero}
		m.taxes[taxKey{t.Country, t.Rate, currency}] = t
	}
	return t, nil
}
