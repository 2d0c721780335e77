package mapping_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
)

func eurs(minor int64) commerce.Money { return commerce.MustMoney(minor, "EUR") }

func vat(on commerce.TaxOn, line, rate string, base, amount int64) commerce.TaxLine {
	return commerce.TaxLine{Code: "VAT " + rate, Country: "DE", Rate: commerce.MustDecimal(rate), Base: eurs(base), Amount: eurs(amount), On: on, Line: line}
}

// lamps is an order of 100.00 EUR: 3 lamps at 19 %, a book at 7 %, and shipping.
func lamps() commerce.Order {
	o := commerce.Order{Ref: commerce.Ref{System: "magento", Mode: commerce.Test, ID: "order/1"}, Currency: "EUR", Lines: []commerce.OrderLine{
		{ID: "1", SKU: "LAMP", Quantity: commerce.MustDecimal("3"), Net: eurs(6000), Discount: eurs(1000), Tax: eurs(950),
			Taxes: []commerce.TaxLine{vat(commerce.TaxOnLine, "1", "19", 5000, 950)}},
		{ID: "2", SKU: "BOOK", Quantity: commerce.MustDecimal("1"), Net: eurs(3000), Discount: eurs(0), Tax: eurs(210),
			Taxes: []commerce.TaxLine{vat(commerce.TaxOnLine, "2", "7", 3000, 210)}},
	}}
	o.Shipping = commerce.Shipping{Net: eurs(706), Discount: eurs(0), Tax: eurs(134), Taxes: []commerce.TaxLine{vat(commerce.TaxOnShipping, "", "19", 706, 134)}}
	o.Totals = commerce.Totals{Net: eurs(9000), Discount: eurs(1000), Shipping: eurs(706), ShippingDiscount: eurs(0), Fees: eurs(0), Tax: eurs(1294), Gross: eurs(10000)}
	return o
}

func TestWhatARefundIsMadeOf(t *testing.T) {
	t.Parallel()
	none := mapping.RefundPart{Net: eurs(0), Tax: eurs(0)}
	line := func(a mapping.Allocation, id string) (l mapping.RefundLine) {
		for _, l := range a.Lines {
			if l.Line == id {
				return l
			}
		}
		return l
	}
	three, one := commerce.MustDecimal("3"), commerce.MustDecimal("1")
	lamp := []mapping.RefundQuantity{{Line: "1", Quantity: one}}

	t.Run("all of it is all lines, shipping and goods", func(t *testing.T) {
		t.Parallel()
		for _, ask := range []mapping.RefundAsk{{Amount: eurs(10000)}, {Everything: true}, {Everything: true, Amount: eurs(10000)}} {
			a, err := mapping.AllocateRefund(lamps(), nil, ask)
			require.NoError(t, err)
			require.True(t, a.Rest && a.Goods() && !a.Proposed)
			require.Equal(t, three, line(a, "1").Quantity)
			require.Equal(t, eurs(5000), line(a, "1").Net)
			require.Equal(t, lamps().Lines[0].Taxes, line(a, "1").Taxes)
			require.Equal(t, eurs(706), a.Shipping.Net)
			require.Equal(t, eurs(0), a.Adjustment)
		}
	})
	t.Run("an amount of which nobody says anything is proposed, by rate and without goods", func(t *testing.T) {
		t.Parallel()
		a, err := mapping.AllocateRefund(lamps(), nil, mapping.RefundAsk{Amount: eurs(1000)})
		require.NoError(t, err)
		require.True(t, a.Proposed && !a.Rest && !a.Goods())
		require.Equal(t, eurs(0), a.Adjustment)
		require.Equal(t, []commerce.Money{eurs(500), eurs(95)}, []commerce.Money{line(a, "1").Net, line(a, "1").Tax})
		require.Equal(t, []commerce.Money{eurs(300), eurs(21)}, []commerce.Money{line(a, "2").Net, line(a, "2").Tax})
		require.Equal(t, []commerce.Money{eurs(71), eurs(13)}, []commerce.Money{a.Shipping.Net, a.Shipping.Tax})
		require.Equal(t, eurs(500), line(a, "1").Taxes[0].Base)
	})
	t.Run("a quantity of a line takes its part, and the last of it the rest", func(t *testing.T) {
		t.Parallel()
		var earlier []mapping.Allocation
		sum := int64(0)
		for range 3 {
			a, err := mapping.AllocateRefund(lamps(), earlier, mapping.RefundAsk{Lines: lamp})
			require.NoError(t, err)
			require.False(t, a.Proposed)
			require.Equal(t, none, a.Shipping)
			earlier, sum = append(earlier, a), sum+a.Total.Minor()
		}
		require.EqualValues(t, 5950, sum)
		_, err := mapping.AllocateRefund(lamps(), earlier, mapping.RefundAsk{Lines: lamp})
		require.Equal(t, mapping.CodeRefundTooLarge, codeOf(t, err))
	})
	t.Run("an amount beside goods counts, and the difference is the adjustment", func(t *testing.T) {
		t.Parallel()
		a, err := mapping.AllocateRefund(lamps(), nil, mapping.RefundAsk{Lines: lamp, Amount: eurs(1500), AllShipping: true})
		require.NoError(t, err)
		require.Equal(t, eurs(1500-840-1983), a.Adjustment)
		require.Equal(t, eurs(1500), a.Total)
	})
	t.Run("the rest after an adjustment is less by it", func(t *testing.T) {
		t.Parallel()
		paper := mapping.Allocation{Shipping: none, Fees: none, Adjustment: eurs(100), Total: eurs(100)} // of a shop that gave 1.00 beside
		a, err := mapping.AllocateRefund(lamps(), []mapping.Allocation{paper}, mapping.RefundAsk{Amount: eurs(9900)})
		require.NoError(t, err)
		require.True(t, a.Rest && a.Goods())
		require.Equal(t, eurs(-100), a.Adjustment)
	})
	t.Run("a line that was canceled in part was not paid", func(t *testing.T) {
		t.Parallel()
		o := lamps()
		o.Lines[1].Canceled = one
		a, err := mapping.AllocateRefund(o, nil, mapping.RefundAsk{Everything: true})
		require.NoError(t, err)
		require.Equal(t, eurs(10000-3210), a.Total)
		require.Empty(t, line(a, "2").Line)
	})
	t.Run("of several refunds each has its part, and they add up", func(t *testing.T) {
		t.Parallel()
		whole, err := mapping.AllocateRefund(lamps(), nil, mapping.RefundAsk{Everything: true})
		require.NoError(t, err)
		parts, err := whole.Split(eurs(3333), eurs(1), eurs(6666))
		require.NoError(t, err)
		require.Len(t, parts, 3)
		require.True(t, parts[2].Goods() && parts[2].Rest && !parts[0].Goods())
		rest, err := whole.Split(eurs(3333), eurs(6667))
		require.NoError(t, err)
		require.Equal(t, eurs(6667), rest[1].Total)
		_, err = whole.Split(eurs(3333))
		require.Equal(t, mapping.CodeRefundTooLarge, codeOf(t, err))
	})
}

func codeOf(t require.TestingT, err error) string {
	e, ok := errors.AsType[*commerce.Error](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, commerce.NotSent, e.Outcome)
	require.ErrorIs(t, err, commerce.ErrNeedsDecision)
	_, ok = errors.AsType[*mapping.RefundError](err)
	require.True(t, ok, "%v", err)
	return e.Code
}

func TestWhatCanNotGoBackIsRefused(t *testing.T) {
	t.Parallel()
	all, err := mapping.AllocateRefund(lamps(), nil, mapping.RefundAsk{Everything: true})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		earlier []mapping.Allocation
		ask     mapping.RefundAsk
		code    string
	}{
		"more than the order":           {nil, mapping.RefundAsk{Amount: eurs(10001)}, mapping.CodeRefundTooLarge},
		"less than nothing":             {nil, mapping.RefundAsk{Amount: eurs(-1)}, mapping.CodeRefundTooLarge},
		"everything, and less":          {nil, mapping.RefundAsk{Amount: eurs(1), Everything: true}, mapping.CodeRefundTooLarge},
		"all of it went back":           {[]mapping.Allocation{all}, mapping.RefundAsk{Amount: eurs(1)}, mapping.CodeNothingLeft},
		"another currency":              {nil, mapping.RefundAsk{Amount: commerce.MustMoney(100, "USD")}, mapping.CodeRefundCurrency},
		"another currency earlier":      {[]mapping.Allocation{{Total: commerce.MustMoney(100, "USD")}}, mapping.RefundAsk{Amount: eurs(1)}, mapping.CodeRefundCurrency},
		"nothing":                       {nil, mapping.RefundAsk{}, mapping.CodeRefundLine},
		"a line of nowhere":             {nil, mapping.RefundAsk{Lines: []mapping.RefundQuantity{{"9", commerce.MustDecimal("1")}}}, mapping.CodeRefundLine},
		"no quantity":                   {nil, mapping.RefundAsk{Lines: []mapping.RefundQuantity{{"1", commerce.MustDecimal("0")}}}, mapping.CodeRefundLine},
		"more than the line":            {nil, mapping.RefundAsk{Lines: []mapping.RefundQuantity{{"1", commerce.MustDecimal("4")}}}, mapping.CodeRefundTooLarge},
		"more than shipping":            {nil, mapping.RefundAsk{Shipping: eurs(841)}, mapping.CodeRefundTooLarge},
		"an adjustment beyond the rest": {nil, mapping.RefundAsk{AllShipping: true, Adjustment: eurs(9161)}, mapping.CodeRefundTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := mapping.AllocateRefund(lamps(), c.earlier, c.ask)
			require.Equal(t, c.code, codeOf(t, err))
		})
	}
}

// anyOrder draws an order with lines, rates, discounts, canceled and unnamed parts.
func anyOrder(t *rapid.T) commerce.Order {
	rates := []string{"0", "7", "19", "8.875"}
	o := commerce.Order{Ref: commerce.Ref{System: "magento", Mode: commerce.Test, ID: "order/1"}, Currency: "EUR"}
	gross := int64(0)
	taxes := func(label string, net int64, on commerce.TaxOn, line string) (sum int64, out []commerce.TaxLine) {
		for k := range rapid.IntRange(0, 2).Draw(t, label+" taxes") {
			amount := rapid.Int64Range(0, net/4).Draw(t, label+" tax")
			out = append(out, vat(on, line, rates[rapid.IntRange(0, 3).Draw(t, label+" rate")], net, amount))
			out[k].Code += fmt.Sprint(k)
			sum += amount
		}
		return sum + rapid.SampledFrom([]int64{0, 0, 0, net / 10}).Draw(t, label+" unnamed"), out
	}
	for i := range rapid.IntRange(1, 6).Draw(t, "lines") {
		id := fmt.Sprint(i)
		net := rapid.Int64Range(0, 50000).Draw(t, "net")
		l := commerce.OrderLine{ID: id, Net: eurs(net), Quantity: commerce.MustDecimal(rapid.SampledFrom([]string{"1", "2", "3", "7", "0.5", "2.25"}).Draw(t, "quantity"))}
		off := rapid.Int64Range(0, net).Draw(t, "discount")
		tax, rows := taxes("line", net-off, commerce.TaxOnLine, id)
		l.Discount, l.Tax, l.Taxes = eurs(off), eurs(tax), rows
		gross += net - off + tax
		o.Lines = append(o.Lines, l)
	}
	net := rapid.SampledFrom([]int64{0, 499, 500}).Draw(t, "shipping")
	tax, rows := taxes("shipping", net, commerce.TaxOnShipping, "")
	o.Shipping = commerce.Shipping{Net: eurs(net), Discount: eurs(net / 5), Tax: eurs(tax), Taxes: rows}
	fees := rapid.SampledFrom([]int64{0, 0, 199}).Draw(t, "fees")
	gross += net - net/5 + tax + fees
	o.Totals.Fees, o.Totals.Gross = eurs(fees), eurs(gross)
	o.Totals.Tax = eurs(tax)
	for _, l := range o.Lines {
		o.Totals.Tax = eurs(o.Totals.Tax.Minor() + l.Tax.Minor())
	}
	return o
}

// Run with -rapid.checks 100000 for the full proof (make refunds).
func TestAllocationsAlwaysAddUpAndStayWithinWhatIsLeft(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := anyOrder(t)
		left := o.Totals.Gross.Minor()
		taken := map[string]int64{} // by part and kind of money
		quantities := map[string]commerce.Decimal{}
		var earlier []mapping.Allocation
		for range rapid.IntRange(1, 5).Draw(t, "refunds") {
			var ask mapping.RefundAsk
			switch rapid.SampledFrom([]string{"amount", "amount", "lines", "shipping", "both", "beyond"}).Draw(t, "kind") {
			case "amount":
				ask.Amount = eurs(rapid.Int64Range(1, max(1, left)).Draw(t, "amount"))
			case "lines", "both":
				for _, l := range o.Lines {
					if rapid.Bool().Draw(t, "back") {
						ask.Lines = append(ask.Lines, mapping.RefundQuantity{Line: l.ID, Quantity: commerce.MustDecimal(rapid.SampledFrom([]string{"0.5", "1", "2"}).Draw(t, "q"))})
					}
				}
				if rapid.Bool().Draw(t, "with amount") {
					ask.Amount = eurs(rapid.Int64Range(1, max(1, left)).Draw(t, "amount"))
				}
			case "shipping":
				ask.AllShipping = true
				ask.Adjustment = eurs(rapid.Int64Range(-50, 50).Draw(t, "adjustment"))
			case "beyond":
				ask.Amount = eurs(left + rapid.Int64Range(1, 1000).Draw(t, "more"))
			}
			a, err := mapping.AllocateRefund(o, earlier, ask)
			if err != nil {
				codeOf(t, err)
				continue
			}
			checkAllocation(t, o, a, taken, quantities)
			require.LessOrEqual(t, a.Total.Minor(), left, "never above what is refundable")
			require.Positive(t, a.Total.Minor())
			if ask.Amount != (commerce.Money{}) {
				require.Equal(t, ask.Amount, a.Total)
			}
			left -= a.Total.Minor()
			earlier = append(earlier, a)
			splitAddsUp(t, a)
		}
		rest, err := mapping.AllocateRefund(o, earlier, mapping.RefundAsk{Everything: true})
		if left == 0 {
			require.Equal(t, mapping.CodeNothingLeft, codeOf(t, err))
			return
		}
		require.NoError(t, err)
		checkAllocation(t, o, rest, taken, quantities)
		require.Equal(t, left, rest.Total.Minor(), "nothing is left over")
	})
}

// checkAllocation proves the sums of an allocation, and that no part has given more than it had.
func checkAllocation(t require.TestingT, o commerce.Order, a mapping.Allocation, taken map[string]int64, quantities map[string]commerce.Decimal) {
	sum := a.Adjustment.Minor()
	part := func(id string, net, tax int64, taxes []commerce.TaxLine, p mapping.RefundPart) {
		sum += p.Net.Minor() + p.Tax.Minor()
		require.GreaterOrEqual(t, p.Net.Minor(), int64(0))
		taken[id] += p.Net.Minor()
		require.LessOrEqual(t, taken[id], net)
		named := int64(0)
		for i, row := range p.Taxes {
			require.Equal(t, taxes[i].Code, row.Code)
			require.Equal(t, taxes[i].Rate, row.Rate)
			require.GreaterOrEqual(t, row.Amount.Minor(), int64(0))
			named += row.Amount.Minor()
			key := id + row.Code
			taken[key] += row.Amount.Minor()
			require.LessOrEqual(t, taken[key], taxes[i].Amount.Minor())
		}
		require.LessOrEqual(t, named, p.Tax.Minor())
		taken[id+" tax"] += p.Tax.Minor()
		require.LessOrEqual(t, taken[id+" tax"], tax)
	}
	for _, l := range a.Lines {
		for _, of := range o.Lines {
			if of.ID == l.Line {
				part("line "+l.Line, of.Net.Minor()-of.Discount.Minor(), of.Tax.Minor(), of.Taxes, l.RefundPart)
				var err error
				quantities[l.Line], err = quantities[l.Line].Add(l.Quantity)
				require.NoError(t, err)
				require.LessOrEqual(t, quantities[l.Line].Cmp(of.Quantity), 0)
			}
		}
	}
	part("shipping", o.Shipping.Net.Minor()-o.Shipping.Discount.Minor(), o.Shipping.Tax.Minor(), o.Shipping.Taxes, a.Shipping)
	part("fees", o.Totals.Fees.Minor(), 0, nil, a.Fees)
	require.Equal(t, a.Total.Minor(), sum, "it adds up")
}

func splitAddsUp(t require.TestingT, a mapping.Allocation) {
	first := a.Total.Minor() / 3
	parts, err := a.Split(eurs(first), eurs(a.Total.Minor()-first))
	require.NoError(t, err)
	sum := int64(0)
	lines := map[string]int64{}
	for _, p := range parts {
		sum += p.Total.Minor()
		for _, l := range p.Lines {
			lines[l.Line] += l.Net.Minor() + l.Tax.Minor()
		}
	}
	require.Equal(t, a.Total.Minor(), sum)
	for _, l := range a.Lines {
		require.Equal(t, l.Net.Minor()+l.Tax.Minor(), lines[l.Line])
	}
}

// thousand is an order of 1,000 lines at two rates.
func thousand(lines int) commerce.Order {
	r := rand.New(rand.NewPCG(1, 2))
	o := commerce.Order{Ref: commerce.Ref{System: "magento", Mode: commerce.Test, ID: "order/1"}, Currency: "EUR", Lines: make([]commerce.OrderLine, lines),
		Shipping: commerce.Shipping{Net: eurs(499), Discount: eurs(0), Tax: eurs(95)}}
	gross, taxes := int64(594), int64(95)
	for i := range o.Lines {
		net, id := 1+r.Int64N(9999), fmt.Sprint(i)
		rate, tax := "19", net*19/100
		if i%2 == 0 {
			rate, tax = "7", net*7/100
		}
		o.Lines[i] = commerce.OrderLine{ID: id, Quantity: commerce.MustDecimal("2"), Net: eurs(net), Discount: eurs(0), Tax: eurs(tax),
			Taxes: []commerce.TaxLine{vat(commerce.TaxOnLine, id, rate, net, tax)}}
		gross, taxes = gross+net+tax, taxes+tax
	}
	o.Totals = commerce.Totals{Fees: eurs(0), Tax: eurs(taxes), Gross: eurs(gross)}
	return o
}

func TestAllocatingTakesMemoryInProportionToTheLines(t *testing.T) {
	perLine := func(lines int) float64 {
		o := thousand(lines)
		half := mapping.RefundAsk{Amount: eurs(o.Totals.Gross.Minor() / 2)}
		return testing.AllocsPerRun(3, func() { _, _ = mapping.AllocateRefund(o, nil, half) }) / float64(lines)
	}
	small, large := perLine(100), perLine(10_000)
	require.Less(t, large, 4.0)
	require.Less(t, large, 2*small)
}

func BenchmarkAllocateRefund(b *testing.B) {
	for _, lines := range []int{1_000, 10_000} {
		o := thousand(lines)
		half, err := mapping.AllocateRefund(o, nil, mapping.RefundAsk{Amount: eurs(o.Totals.Gross.Minor() / 2)})
		require.NoError(b, err)
		for name, ask := range map[string]mapping.RefundAsk{"amount": {Amount: eurs(o.Totals.Gross.Minor() / 3)}, "rest": {Everything: true}} {
			b.Run(fmt.Sprintf("%s of %d lines after another", name, lines), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := mapping.AllocateRefund(o, []mapping.Allocation{half}, ask); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
