package reconcile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

func platform(p reconcile.Platform) reconcile.Chart {
	return reconcile.Chart{Company: "EUR", Clearing: map[commerce.Currency]string{"EUR": "clearing"}, Transit: map[commerce.Currency]string{"EUR": "transit"},
		Categories: map[string]string{"charge": "sales", "refund": "refunds", "transfer": "passed-on", "transfer_reversal": "passed-on",
			"platform_earning": "commission", "platform_earning_refund": "commission"},
		Fees: map[string]string{"": "fees"}, Platform: p, Payable: "payable"}
}

// booked says what entries book, without dates: "account amount", debits above nought,
// texts of the same account added up where sum is set.
func booked(t *testing.T, entries []commerce.JournalEntry) (said []string) {
	t.Helper()
	for _, e := range entries {
		require.NoError(t, e.Balance())
		for _, l := range e.Lines {
			amount := l.Debit
			if amount.IsZero() {
				amount = l.Credit.Neg()
			}
			said = append(said, fmt.Sprintf("%s %s", l.Account, amount.Text()))
		}
	}
	return said
}

func TestAPlatformBooksItsSellersMoneyGrossOrNet(t *testing.T) {
	t.Parallel()
	rows := func(text string) (lines []reconcile.Line) {
		for i, f := range strings.Split(text, ", ") {
			var category string
			var amount, fee int64
			_, err := fmt.Sscan(f, &category, &amount, &fee)
			require.NoError(t, err)
			l := line(i, category, amount, fee)
			l.Account = "acct_seller"
			lines = append(lines, l)
		}
		return lines
	}
	for name, c := range map[string]struct {
		rows       string
		gross, net string
		// share is what of the charge or refund is the seller's; known then what is
		// booked with it.
		share int64
		known string
	}{
		"a direct charge": {rows: "platform_earning 1000 0",
			gross: "commission -10.00, clearing 10.00", net: "commission -10.00, clearing 10.00", known: "commission -10.00, clearing 10.00"},
		"a direct charge, refunded with its application fee": {rows: "platform_earning_refund -1000 0",
			gross: "commission 10.00, clearing -10.00", net: "commission 10.00, clearing -10.00", known: "commission 10.00, clearing -10.00"},
		"a direct charge, half refunded with its application fee": {rows: "platform_earning_refund -500 0",
			gross: "commission 5.00, clearing -5.00", net: "commission 5.00, clearing -5.00", known: "commission 5.00, clearing -5.00"},

		"a destination charge with an application fee": {rows: "charge 10000 320, transfer -10000 0, platform_earning 1000 0", share: 10000,
			gross: "sales -100.00, commission -10.00, passed-on 100.00, fees 3.20, clearing 6.80",
			net:   "sales -100.00, commission -10.00, payable 100.00, payable -100.00, sales 100.00, fees 3.20, clearing 6.80",
			known: "sales -100.00, commission -10.00, payable 100.00, payable -100.00, sales 100.00, fees 3.20, clearing 6.80"},
		"a destination charge that passes a part on": {rows: "charge 10000 320, transfer -9000 0", share: 9000,
			gross: "sales -100.00, passed-on 90.00, fees 3.20, clearing 6.80",
			net:   "sales -100.00, payable 90.00, payable -90.00, sales 90.00, fees 3.20, clearing 6.80",
			known: "sales -100.00, payable 90.00, payable -90.00, sales 90.00, fees 3.20, clearing 6.80"},
		"its refund with reverse_transfer and refund_application_fee": {rows: "refund -10000 0, transfer 10000 0, platform_earning_refund -1000 0", share: -10000,
			gross: "commission 10.00, refunds 100.00, passed-on -100.00, clearing -10.00",
			net:   "commission 10.00, refunds 100.00, payable -100.00, payable 100.00, refunds -100.00, clearing -10.00",
			known: "commission 10.00, refunds 100.00, payable -100.00, payable 100.00, refunds -100.00, clearing -10.00"},
		"its refund with reverse_transfer": {rows: "refund -10000 0, transfer 10000 0", share: -10000,
			gross: "refunds 100.00, passed-on -100.00",
			net:   "refunds 100.00, payable -100.00, payable 100.00, refunds -100.00",
			known: "refunds 100.00, payable -100.00, payable 100.00, refunds -100.00"},
		"its refund with refund_application_fee": {rows: "refund -10000 0, platform_earning_refund -1000 0",
			gross: "commission 10.00, refunds 100.00, clearing -110.00",
			net:   "commission 10.00, refunds 100.00, clearing -110.00",
			known: "commission 10.00, refunds 100.00, clearing -110.00"},
		"its refund, which the platform bears alone": {rows: "refund -10000 0",
			gross: "refunds 100.00, clearing -100.00", net: "refunds 100.00, clearing -100.00", known: "refunds 100.00, clearing -100.00"},
		"half its refund with reverse_transfer and refund_application_fee": {rows: "refund -5000 0, transfer 5000 0, platform_earning_refund -500 0", share: -5000,
			gross: "commission 5.00, refunds 50.00, passed-on -50.00, clearing -5.00",
			net:   "commission 5.00, refunds 50.00, payable -50.00, payable 50.00, refunds -50.00, clearing -5.00",
			known: "commission 5.00, refunds 50.00, payable -50.00, payable 50.00, refunds -50.00, clearing -5.00"},
		"half its refund with reverse_transfer of a part": {rows: "refund -5000 0, transfer 4500 0", share: -4500,
			gross: "refunds 50.00, passed-on -45.00, clearing -5.00",
			net:   "refunds 50.00, payable -45.00, payable 45.00, refunds -45.00, clearing -5.00",
			known: "refunds 50.00, payable -45.00, payable 45.00, refunds -45.00, clearing -5.00"},
		"half its refund, which the platform bears alone": {rows: "refund -5000 0",
			gross: "refunds 50.00, clearing -50.00", net: "refunds 50.00, clearing -50.00", known: "refunds 50.00, clearing -50.00"},

		"a separate charge of which nothing has gone on": {rows: "charge 10000 320", share: 9000,
			gross: "sales -100.00, fees 3.20, clearing 96.80",
			net:   "sales -100.00, fees 3.20, clearing 96.80", // nobody said what is owed
			known: "sales -100.00, payable -90.00, sales 90.00, fees 3.20, clearing 96.80"},
		"its transfers": {rows: "transfer -6000 0, transfer -3000 0",
			gross: "passed-on 90.00, clearing -90.00",
			net:   "payable 90.00, payable -90.00, sales 90.00, clearing -90.00",
			known: "payable 90.00, clearing -90.00"},
		"the full refund of a separate charge": {rows: "refund -10000 0", share: -9000,
			gross: "refunds 100.00, clearing -100.00",
			net:   "refunds 100.00, clearing -100.00",
			known: "refunds 100.00, payable 90.00, refunds -90.00, clearing -100.00"},
		"the reversals of its transfers": {rows: "transfer 6000 0, transfer 3000 0",
			gross: "passed-on -90.00, clearing 90.00",
			net:   "payable -90.00, payable 90.00, refunds -90.00, clearing 90.00",
			known: "payable -90.00, clearing 90.00"},
		"a transfer that failed": {rows: "transfer_reversal 9000 0",
			gross: "passed-on -90.00, clearing 90.00",
			net:   "payable -90.00, payable 90.00, sales -90.00, clearing 90.00",
			known: "payable -90.00, clearing 90.00"}, // it is owed again
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := rows(c.rows)
			gross, err := platform(reconcile.Gross).Entries(t.Context(), seq(lines...))
			require.NoError(t, err)
			require.Equal(t, c.gross, strings.Join(booked(t, gross), ", "), "gross")
			net, err := platform(reconcile.Net).Entries(t.Context(), seq(lines...))
			require.NoError(t, err)
			require.Equal(t, c.net, strings.Join(booked(t, net), ", "), "net")
			chart := platform(reconcile.Net)
			chart.Share = func(reconcile.Line) (commerce.Money, error) { return eur(c.share), nil }
			known, err := chart.Entries(t.Context(), seq(lines...))
			require.NoError(t, err)
			require.Equal(t, c.known, strings.Join(booked(t, known), ", "), "net, the share being known")
		})
	}
}

func TestWhatAPlatformOwesEndsAtNothingWhenAllHasGoneOn(t *testing.T) {
	t.Parallel()
	at := func(l reconcile.Line, n int) reconcile.Line { l.Created = day.AddDate(0, 0, n); return l }
	lines := []reconcile.Line{line(1, "charge", 10000, 320), at(line(2, "transfer", -6000, 0), 9), at(line(3, "transfer", -3000, 0), 20),
		at(line(4, "refund", -5000, 0), 25), at(line(5, "transfer", 4500, 0), 26)}
	chart := platform(reconcile.Net)
	chart.Share = func(l reconcile.Line) (commerce.Money, error) {
		parts, err := l.Amount.Allocate(9, 1)
		return parts[0], err
	}
	entries, err := chart.Entries(t.Context(), seq(lines...))
	require.NoError(t, err)
	balance := map[string]int64{}
	var owed []int64 // at the end of each day that has entries
	for _, e := range entries {
		for _, l := range e.Lines {
			balance[l.Account] += l.Credit.Minor() - l.Debit.Minor()
		}
		owed = append(owed, balance["payable"])
	}
	require.Equal(t, []int64{9000, 3000, 0, -4500, 0}, owed)
	require.Equal(t, map[string]int64{"sales": 1000, "refunds": -500, "fees": -320, "payable": 0, "clearing": -180}, balance)
}

func TestAPlatformThatBooksNetSaysWhereItOwes(t *testing.T) {
	t.Parallel()
	c := platform(reconcile.Net)
	c.Payable = ""
	require.ErrorContains(t, c.Check(), "Platform net needs Payable")
	c.Platform = "agent"
	require.ErrorContains(t, c.Check(), `Platform "agent"`)

	c = platform(reconcile.Net)
	delete(c.Categories, "charge")
	_, err := c.Entries(t.Context(), seq(line(1, "transfer", -100, 0)))
	require.EqualError(t, err, `reconcile: the chart has no account for reporting category "charge"`)

	c = platform(reconcile.Net)
	c.Share = func(reconcile.Line) (commerce.Money, error) {
		return commerce.Money{}, commerce.Errorf(commerce.KindUnavailable, "shop", "read order", "busy")
	}
	_, err = c.Entries(t.Context(), seq(charge(1, 100)))
	require.ErrorContains(t, err, "share of txn_charge1")
	require.Equal(t, commerce.KindUnavailable, commerce.KindOf(err))
	c.Share = func(reconcile.Line) (commerce.Money, error) { return commerce.MustMoney(1, "USD"), nil }
	_, err = c.Entries(t.Context(), seq(charge(1, 100)))
	require.ErrorIs(t, err, commerce.ErrInvalid)
}
