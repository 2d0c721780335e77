// Package demo makes a payout on disk: Stripe's report, the shop's orders and the ERP's
// documents as CSV in random order, with discrepancies of every reason planted, so that
// one can see whether each is found.
package demo

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// Config says what to make. Rows and Dir are needed.
type Config struct {
	// Rows is how many balance transactions the payout has, from 200 to 5,000,000.
	Rows int
	// Each is how many discrepancies of each reason are planted.
	//
	// Defaults to one for every 12,500 rows, at least one.
	Each int
	// Seed draws the same payout again.
	Seed uint64
	// Dir is where the files go: report.csv, orders.csv and erp.csv.
	Dir string
	// Progress is told of rows written, about three times Rows; nil = nobody.
	Progress func(rows int)
}

// Demo is a payout with what was planted in it.
type Demo struct {
	Files   Files
	Payout  commerce.Payout
	CutOver time.Time
	Planted []Planted
	Each    int // planted of each reason
}

// Files are where the two sides are, and Stripe.
type Files struct{ Report, Orders, ERP string }

// Planted is a discrepancy that has to be found, by what each side calls it.
type Planted struct {
	Reason              reconcile.Reason
	Line, Document, ERP string
}

// start is when the books begin, and days is for how long the payout collected.
var start = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

const days = 10

// Fee is what Stripe charges for a payment here: 1.4 % and 0.25.
func Fee(l reconcile.Line) (commerce.Money, bool) {
	if l.Category != "charge" {
		return commerce.Money{}, false
	}
	m, err := commerce.NewMoney(fee(l.Amount.Minor()), l.Amount.Currency())
	return m, err == nil
}

func fee(gross int64) int64 { return (gross*14+500)/1000 + 25 }

// New makes a payout and writes its files.
func New(c Config) (*Demo, error) {
	if c.Rows < 200 || c.Rows > 5_000_000 {
		return nil, fmt.Errorf("a demo has from 200 to 5000000 rows, not %d", c.Rows)
	}
	if c.Each == 0 {
		c.Each = max(1, c.Rows/12_500)
	}
	if most := c.Rows / 10 / len(reconcile.Reasons()); c.Each < 0 || c.Each > most {
		return nil, fmt.Errorf("of %d rows from 1 to %d of each reason can be planted, not %d", c.Rows, most, c.Each)
	}
	id := fmt.Sprintf("po_demo%d", c.Seed)
	d := &Demo{Files: Files{filepath.Join(c.Dir, "report.csv"), filepath.Join(c.Dir, "orders.csv"), filepath.Join(c.Dir, "erp.csv")}, CutOver: start}
	all, err := newStories(c)
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(c.Seed, 1))
	for _, f := range []struct {
		name, header string
		refs         []ref
		row          func(ref) string
	}{
		{d.Files.Report, movementHeader, all.lines, func(r ref) string { return all.tell(r.story).lines[r.part].row(id) }},
		{d.Files.Orders, documentHeader, all.shop, func(r ref) string { return all.tell(r.story).shop[r.part].row() }},
		{d.Files.ERP, documentHeader, all.erp, func(r ref) string { return all.tell(r.story).erp[r.part].row() }},
	} {
		random.Shuffle(len(f.refs), func(i, j int) { f.refs[i], f.refs[j] = f.refs[j], f.refs[i] })
		if err := write(f.name, f.header, f.refs, f.row, c.Progress); err != nil {
			return nil, err
		}
	}
	net, err := commerce.NewMoney(all.net, "EUR")
	if err != nil {
		return nil, err
	}
	d.Planted, d.Each = all.planted, c.Each
	d.Payout = commerce.Payout{Ref: commerce.Ref{System: "stripe", Mode: commerce.Test, ID: id}, Amount: net, Status: commerce.PayoutPaid,
		Automatic: true, Method: "standard", Reconciled: true, Transaction: "txn_demo_payout",
		Created: start.AddDate(0, 0, days+1), Arrival: commerce.DateOf(start.AddDate(0, 0, days+3))}
	return d, nil
}
