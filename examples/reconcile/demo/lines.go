package demo

import (
	"fmt"
	"iter"
	"strconv"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// Orders gives the orders that were read from CSV, which has no columns for them, the
// lines and the taxes that a shop would say, and whether the goods have left.
func (d *Demo) Orders(read iter.Seq2[reconcile.Document, error]) iter.Seq2[reconcile.Document, error] {
	return d.detailed(read, func(s story) []document { return s.shop })
}

// Documents does the same for the ERP's documents.
func (d *Demo) Documents(read iter.Seq2[reconcile.Document, error]) iter.Seq2[reconcile.Document, error] {
	return d.detailed(read, func(s story) []document { return s.erp })
}

func (d *Demo) detailed(read iter.Seq2[reconcile.Document, error], side func(story) []document) iter.Seq2[reconcile.Document, error] {
	return func(yield func(reconcile.Document, error) bool) {
		for doc, err := range read {
			if err == nil {
				err = d.detail(&doc, side)
			}
			if !yield(doc, err) || err != nil {
				return
			}
		}
	}
}

func (d *Demo) detail(doc *reconcile.Document, side func(story) []document) error {
	n, err := strconv.Atoi(doc.Number[1:])
	if err != nil {
		return fmt.Errorf("order %s is none of the demo's", doc.Number)
	}
	for _, told := range side(d.teller.tell(int32(n))) {
		if told.id == doc.ID {
			doc.Unsent = told.unsent
			doc.Lines, doc.Taxes, err = told.detail(int64(n))
			return err
		}
	}
	return fmt.Errorf("document %s is none of the demo's", doc.ID)
}

// detail splits an amount into two articles and the tax on them.
func (d document) detail(n int64) ([]reconcile.DocumentLine, []reconcile.TaxSum, error) {
	gross, err := commerce.NewMoney(d.amount+d.card, commerce.Currency(d.currency))
	if err != nil {
		return nil, nil, err
	}
	parts, err := gross.Allocate(60+n%20, 40-n%20, 19)
	if err != nil {
		return nil, nil, err
	}
	net, err := parts[0].Add(parts[1])
	if err != nil {
		return nil, nil, err
	}
	quantity, rate := 1+n%3, d.rate
	if d.more {
		quantity++
	}
	if rate == "" {
		rate = "19"
	}
	return []reconcile.DocumentLine{
		{Key: fmt.Sprintf("SKU-%d", 100+n%40), Quantity: commerce.MustDecimal(strconv.FormatInt(quantity, 10)), Net: parts[0]},
		{Key: fmt.Sprintf("SKU-%d", 200+n%70), Quantity: commerce.MustDecimal("1"), Net: parts[1]},
	}, []reconcile.TaxSum{{Country: "DE", Rate: rate, Base: net, Tax: parts[2]}}, nil
}
