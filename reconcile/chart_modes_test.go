package reconcile_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// modes draws a chart: how documents, sellers' money and unknown things are booked.
func modes(t *rapid.T) reconcile.Chart {
	c := chart()
	for _, category := range []string{"transfer", "transfer_reversal", "platform_earning", "platform_earning_refund"} {
		c.Categories[category] = "8000"
	}
	c.Company = rapid.SampledFrom([]commerce.Currency{"EUR", "USD", "JPY"}).Draw(t, "company")
	c.Rate = func(from commerce.Currency, on commerce.Date) (commerce.Decimal, error) {
		return commerce.MustDecimal(fmt.Sprintf("%d.%02d", len(from)+on.Day, int(from[0]))), nil
	}
	if rapid.Bool().Draw(t, "suspense") {
		c.Suspense = "1590"
	}
	if rapid.Bool().Draw(t, "documents") {
		c.Documents = []string{"charge", "refund"}
		if rapid.Bool().Draw(t, "summary") {
			c.Split = func(l reconcile.Line) ([]reconcile.Part, error) {
				parts, err := l.Amount.Allocate(1, 2, int64(l.Created.Hour()))
				if err != nil {
					return nil, err
				}
				return []reconcile.Part{{Account: "4400", Text: "revenue", Amount: parts[0]}, {Account: "1776", Text: "tax", Amount: parts[1]}, {Account: "4401", Amount: parts[2]}}, nil
			}
		}
	}
	if rapid.Bool().Draw(t, "net") {
		c.Platform, c.Payable = reconcile.Net, "1700"
		if rapid.Bool().Draw(t, "shares") {
			c.Share = func(l reconcile.Line) (commerce.Money, error) {
				parts, err := l.Amount.Allocate(9, 1)
				return parts[0], err
			}
		}
	}
	return c
}

func TestInEveryModeEntriesBalanceAndClearingMovesByTheNet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, lines := modes(t), someLines(t)
		for i := range lines {
			l := &lines[i]
			if l.Category == "fee" || l.Category == "other_adjustment" {
				l.Category = rapid.SampledFrom([]string{"fee", "transfer", "transfer_reversal", "platform_earning", "platform_earning_refund"}).Draw(t, "connect")
			}
		}
		if c.Suspense != "" && len(lines) > 0 {
			lines[0].Category = "moon_tax"
		}
		entries, err := c.Entries(t.Context(), seq(lines...))
		require.NoError(t, err)
		want, got := map[string]int64{}, map[string]int64{}
		for _, l := range lines {
			moved := l.Net
			if c.Split == nil && slices.Contains(c.Documents, l.Category) {
				moved = l.Fee.Neg() // the amount is another document's
			}
			want[string(l.Net.Currency())+" "+commerce.DateOf(l.Created).String()] += moved.Minor()
		}
		for _, e := range entries {
			if len(e.Lines) > 0 {
				require.NoError(t, e.Balance())
			}
			for _, l := range e.Lines {
				own := l.Transaction
				if own == (commerce.Money{}) {
					if own = l.Debit; own.IsZero() {
						own = l.Credit.Neg()
					}
				}
				if l.Account == c.Clearing[own.Currency()] {
					got[string(own.Currency())+" "+e.Date.String()] += own.Minor()
				}
			}
		}
		for _, m := range []map[string]int64{want, got} {
			for k, v := range m {
				if v == 0 {
					delete(m, k)
				}
			}
		}
		require.Equal(t, want, got)
	})
}
