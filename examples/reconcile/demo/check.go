package demo

import (
	"fmt"

	"github.com/commercesync/commerce/reconcile"
)

// Check says whether a report has every planted discrepancy once and no other. The error
// names the first that is wrong.
func (d *Demo) Check(r *reconcile.Report) error {
	left := make(map[Planted]int, len(d.Planted))
	for _, p := range d.Planted {
		left[p]++
	}
	for got, err := range r.Discrepancies() {
		if err != nil {
			return err
		}
		p := Planted{Reason: got.Reason}
		if got.Line != nil {
			p.Line = got.Line.ID
		}
		if got.Document != nil {
			p.Document = got.Document.ID
		}
		if got.ERP != nil {
			p.ERP = got.ERP.ID
		}
		n, planted := left[p]
		switch {
		case !planted:
			return fmt.Errorf("%s was reported and not planted", p)
		case n == 0:
			return fmt.Errorf("%s was reported twice", p)
		}
		left[p]--
	}
	for _, p := range d.Planted {
		if left[p] > 0 {
			return fmt.Errorf("%s was planted and not reported", p)
		}
	}
	return nil
}

func (p Planted) String() string {
	return fmt.Sprintf("%s (line %q, document %q, ERP %q)", p.Reason, p.Line, p.Document, p.ERP)
}
