package report

import (
	"math/big"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// step is one bar of a waterfall.
type step struct {
	Name   string
	Amount commerce.Money
	Total  bool // begins at nought again
	// From and To are the ends of the bar, in thousandths of the chart's width; From is
	// the lesser.
	From, To int
}

// Width is how wide the bar is; one that is there can be seen.
func (s step) Width() int { return s.To - s.From }

// waterfall says where the gross went: from sales down to what the bank gets.
func waterfall(p reconcile.Proof) []step {
	steps := []step{{Name: "Sales", Amount: p.Sales}}
	for _, s := range []step{
		{Name: "Refunds", Amount: p.Refunds}, {Name: "Disputes", Amount: p.Disputes}, {Name: "Fees", Amount: p.Fees},
		{Name: "Reserves", Amount: p.Reserves}, {Name: "Transfers", Amount: p.Transfers}, {Name: "Adjustments", Amount: p.Adjustments},
		{Name: "Payouts", Amount: p.Payouts}, {Name: "Not known", Amount: p.Other},
	} {
		if !s.Amount.IsZero() {
			steps = append(steps, s)
		}
	}
	if !p.Rest.IsZero() {
		steps = append(steps, step{Name: "Net of the rows", Amount: p.Net, Total: true}, step{Name: "Unexplained", Amount: p.Rest})
	}
	return place(append(steps, step{Name: "To the bank", Amount: p.Bank, Total: true}))
}

// least is how many thousandths a bar is wide at least.
const least = 3

// place gives the bars their ends, without floats and without overflow.
func place(steps []step) []step {
	ends := make([][2]*big.Int, len(steps))
	at, low, high := new(big.Int), new(big.Int), new(big.Int)
	for i, s := range steps {
		if s.Total {
			at = new(big.Int)
		}
		from := at
		at = new(big.Int).Add(at, big.NewInt(s.Amount.Minor()))
		ends[i] = [2]*big.Int{from, at}
		if from.Cmp(at) > 0 {
			ends[i] = [2]*big.Int{at, from}
		}
		if at.Cmp(low) < 0 {
			low = at
		}
		if at.Cmp(high) > 0 {
			high = at
		}
	}
	span := new(big.Int).Sub(high, low)
	if span.Sign() == 0 {
		return steps
	}
	mille := func(n *big.Int) int {
		d := new(big.Int).Sub(n, low)
		d.Mul(d, big.NewInt(1000))
		return int(d.Quo(d, span).Int64())
	}
	for i := range steps {
		s := &steps[i]
		s.From, s.To = mille(ends[i][0]), mille(ends[i][1])
		if s.Width() < least && !s.Amount.IsZero() {
			s.From = min(s.From, 1000-least)
			s.To = s.From + least
		}
	}
	return steps
}

// share says how much of the gross an amount is, to a tenth of a per cent: "-2.9 %".
// Empty where there was no gross.
func share(m, gross commerce.Money) string {
	if gross.Sign() <= 0 {
		return ""
	}
	n := new(big.Int).Mul(big.NewInt(m.Abs().Minor()), big.NewInt(2000))
	g := big.NewInt(gross.Minor())
	n.Add(n, g).Quo(n, g.Mul(g, big.NewInt(2)))
	if n.Sign() == 0 && !m.IsZero() {
		return "< 0.1 %"
	}
	whole, tenth := n.QuoRem(n, big.NewInt(10), new(big.Int))
	text := whole.String() + "." + tenth.String() + " %"
	if m.Sign() < 0 {
		text = "-" + text
	}
	return text
}
