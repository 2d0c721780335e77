package reconcile_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

func chart() reconcile.Chart {
	return reconcile.Chart{Company: "EUR", Journal: "STR", Account: "acct_1",
		Clearing: map[commerce.Currency]string{"EUR": "1360", "USD": "1361", "JPY": "1362"},
		Transit:  map[commerce.Currency]string{"EUR": "1370", "USD": "1371", "JPY": "1372"},
		Categories: map[string]string{"charge": "1400", "refund": "1400", "fee": "6855", "dispute": "1410", "dispute_reversal": "1410",
			"risk_reserved_funds": "1420", "other_adjustment": "6860"},
		Fees: map[string]string{"": "6855", "stripe_fee": "6855", "tax": "6856"}, Exchange: "6880",
		Rate: func(from commerce.Currency, _ commerce.Date) (commerce.Decimal, error) {
			return map[commerce.Currency]commerce.Decimal{"USD": commerce.MustDecimal("0.9137"), "JPY": commerce.MustDecimal("0.00612")}[from], nil
		}}
}

func TestADayOfABalanceIsOneEntryAndAPayoutIsOneLine(t *testing.T) {
	t.Parallel()
	fee := charge(2, 2000)
	fee.Fees = []reconcile.FeeDetail{{Type: "stripe_fee", Amount: eur(42)}, {Type: "tax", Amount: eur(8)}}
	late := charge(3, 100)
	late.Created = time.Date(2026, 11, 3, 23, 30, 0, 0, time.UTC) // the next day in Berlin
	out := line(4, "payout", -2500, 0)
	out.Source = "po_1"
	back := line(5, "payout_reversal", 2500, 0)
	back.Source, back.Created = "po_1", day.AddDate(0, 0, 4)
	c := chart()
	c.Location = time.FixedZone("CET", 3600)
	got, err := c.Entries(t.Context(), seq(charge(1, 1000), fee, late, refund(2, 300), out, back))
	require.NoError(t, err)
	require.Equal(t, []string{
		"2026-11-03 activity/acct_1/eur/2026-11-03",
		"  1400 -30.00 charge", "  1400 3.00 refund",
		"  6855 0.50 fee of transactions", "  6855 0.42 fee of transactions stripe_fee", "  6856 0.08 fee of transactions tax",
		"  1360 26.00 balance at Stripe",
		"2026-11-03 payout/acct_1/po_1", "  1370 25.00 payout", "  1360 -25.00 balance at Stripe",
		"2026-11-04 activity/acct_1/eur/2026-11-04", "  1400 -1.00 charge", "  6855 0.50 fee of transactions", "  1360 0.50 balance at Stripe",
		"2026-11-07 payout-reversal/acct_1/po_1", "  1370 -25.00 payout_reversal", "  1360 25.00 balance at Stripe",
	}, posted(t, got...))
}

func TestTheFeeOfADisputeHasAnAccountOfItsOwnWhereTheChartSaysSo(t *testing.T) {
	t.Parallel()
	parts := func(l reconcile.Line, kinds ...string) reconcile.Line {
		l.Fees = nil
		for _, kind := range kinds {
			l.Fees = append(l.Fees, reconcile.FeeDetail{Type: kind, Amount: eur(l.Fee.Minor() / int64(len(kinds)))})
		}
		return l
	}
	lines := []reconcile.Line{parts(charge(1, 1000), "stripe_fee"), line(2, "dispute", -500, 1500),
		parts(line(3, "dispute", -500, 2000), "stripe_fee", "tax"), parts(line(4, "dispute_reversal", 500, -1500), "stripe_fee")}
	c := chart()
	c.Fees["dispute/"], c.Fees["dispute/stripe_fee"], c.Fees["dispute_reversal/stripe_fee"] = "6910", "6910", "6910"
	got, err := c.Entries(t.Context(), seq(lines...))
	require.NoError(t, err)
	require.Equal(t, []string{
		"2026-11-03 activity/acct_1/eur/2026-11-03",
		"  1400 -10.00 charge", "  1410 10.00 dispute", "  1410 -5.00 dispute_reversal",
		"  6910 15.00 fee of dispute", "  6855 0.50 fee of transactions stripe_fee",
		"  6910 10.00 fee of dispute stripe_fee", "  6910 -15.00 fee of dispute_reversal stripe_fee", "  6856 10.00 fee of transactions tax",
		"  1360 -15.50 balance at Stripe",
	}, posted(t, got...))

	delete(c.Fees, "stripe_fee")
	_, err = c.Entries(t.Context(), seq(lines...))
	require.EqualError(t, err, `reconcile: the chart has no account for fee type "stripe_fee"`, "of the charge")
}

func TestWhatTheChartDoesNotKnowStopsThePostingByItsName(t *testing.T) {
	t.Parallel()
	odd := line(1, "moon_tax", -5, 1)
	odd.Fees = []reconcile.FeeDetail{{Type: "moon_fee", Amount: eur(1)}}
	_, err := chart().Entries(t.Context(), seq(charge(1, 100), odd))
	unmapped, ok := errors.AsType[*reconcile.UnmappedError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, &reconcile.UnmappedError{Categories: []string{"moon_tax"}, Fees: []string{"moon_fee"}}, unmapped)
	require.Equal(t, commerce.KindMapping, commerce.KindOf(err))
	require.EqualError(t, err, `reconcile: the chart has no account for reporting category "moon_tax", fee type "moon_fee"`)

	c := chart()
	c.Suspense = "1590"
	got, err := c.Entries(t.Context(), seq(odd))
	require.NoError(t, err)
	require.Equal(t, []string{"1590", "1590", "1360"}, []string{got[0].Lines[0].Account, got[0].Lines[1].Account, got[0].Lines[2].Account})

	c = chart()
	c.Documents = []string{"charge"}
	got, err = c.Entries(t.Context(), seq(charge(1, 100)))
	require.NoError(t, err)
	require.Len(t, got[0].Lines, 2, "the receipt posts the charge, we its fee")

	c.Clearing = map[commerce.Currency]string{"USD": "1361"}
	_, err = c.Entries(t.Context(), seq(charge(1, 100)))
	require.ErrorContains(t, err, "clearing or transit in EUR")

	c.Rate = nil
	_, err = c.Entries(t.Context(), seq(charge(1, 100)))
	require.ErrorContains(t, err, "needs Rate and Exchange")
}

func TestNothingIsPostedFromAPayoutThatDoesNotClose(t *testing.T) {
	t.Parallel()
	lines := []reconcile.Line{charge(1, 1000), refund(1, 300)}
	p := payoutOf(lines)
	r, err := reconcile.Payout(t.Context(), reconcile.Input{Payout: p, Lines: seq(lines...)}, reconcile.Config{})
	require.NoError(t, err)
	defer r.Close()
	e, err := r.Entry(chart())
	require.NoError(t, err)
	require.Equal(t, "payout/acct_1/po_1", e.Key)
	require.Equal(t, eur(650), e.Lines[0].Debit)
	whole, err := r.Whole(chart())
	require.NoError(t, err)
	require.Len(t, whole.Lines, 4, "charge, refund, fee, transit: clearing ends where it was")

	p.Amount = eur(651)
	for name, rows := range map[string][]reconcile.Line{"short": lines, "twice": {lines[0], lines[0], lines[1]}} {
		r, err = reconcile.Payout(t.Context(), reconcile.Input{Payout: p, Lines: seq(rows...)}, reconcile.Config{})
		require.NoError(t, err)
		defer r.Close()
		_, err = r.Entry(chart())
		open, ok := errors.AsType[*reconcile.OpenError](err)
		require.True(t, ok, name)
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.ErrorContains(t, open, "is unexplained")
	}
}

func TestNothingButTheBalanceStandsOnClearing(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(*reconcile.Chart){
		"Suspense":             func(c *reconcile.Chart) { c.Suspense = "1360" },
		"Exchange":             func(c *reconcile.Chart) { c.Exchange = "1361" },
		"DisputeLoss":          func(c *reconcile.Chart) { c.DisputeLoss = "1360" },
		"Payable":              func(c *reconcile.Chart) { c.Payable = "1360" },
		`Transit["JPY"]`:       func(c *reconcile.Chart) { c.Transit["JPY"] = "1362" },
		`Categories["topup"]`:  func(c *reconcile.Chart) { c.Categories["topup"] = "1360" },
		`Fees["stripe_fee"]`:   func(c *reconcile.Chart) { c.Fees["stripe_fee"] = "1360" },
		`Categories["charge"]`: func(c *reconcile.Chart) { c.Categories["charge"] = "1362" },
	} {
		c := chart()
		require.NoError(t, c.Check())
		change(&c)
		require.ErrorIs(t, c.Check(), commerce.ErrInvalid, field)
		require.ErrorContains(t, c.Check(), field)
	}
}

func TestAPayoutIsBookedOnTheDayItsOwnRowSays(t *testing.T) {
	t.Parallel()
	own := line(9, "payout", -950, 0)
	own.Source, own.Created = "po_1", day.AddDate(0, 0, 3)
	p := payoutOf([]reconcile.Line{charge(1, 1000)})
	p.Transaction, p.Created = own.ID, own.Created.AddDate(0, 0, -1) // asked for before midnight
	r, err := reconcile.Payout(t.Context(), reconcile.Input{Payout: p, Lines: seq(charge(1, 1000), own)}, reconcile.Config{})
	require.NoError(t, err)
	defer r.Close()
	e, err := r.Entry(chart())
	require.NoError(t, err)
	same, err := chart().Entries(t.Context(), seq(own))
	require.NoError(t, err)
	require.Equal(t, same[0], e, "as Entries does")
}

// someLines draws movements in three currencies over some days.
func someLines(t *rapid.T) []reconcile.Line {
	categories := []string{"charge", "refund", "fee", "dispute", "dispute_reversal", "risk_reserved_funds", "other_adjustment", "payout", "payout_reversal"}
	n := rapid.IntRange(0, 30).Draw(t, "rows")
	var lines []reconcile.Line
	for i := range n {
		currency := rapid.SampledFrom([]commerce.Currency{"EUR", "USD", "JPY"}).Draw(t, "currency")
		amount := rapid.Int64Range(-100_000, 100_000).Draw(t, "amount")
		fee := rapid.Int64Range(-50, 500).Draw(t, "fee")
		category := rapid.SampledFrom(categories).Draw(t, "category")
		if category == "payout" || category == "payout_reversal" {
			fee = 0
		}
		lines = append(lines, reconcile.Line{ID: fmt.Sprint("txn_", i), Category: category, Source: fmt.Sprint("x_", i),
			Amount: commerce.MustMoney(amount, currency), Fee: commerce.MustMoney(fee, currency), Net: commerce.MustMoney(amount-fee, currency),
			Created: day.Add(time.Duration(rapid.IntRange(0, 96).Draw(t, "hour")) * time.Hour)})
	}
	return lines
}

// clearing sums what entries do to the clearing accounts up to a day, in the account's
// own currency.
func clearing(t require.TestingT, entries []commerce.JournalEntry, until string) map[string]int64 {
	sums := map[string]int64{}
	for _, e := range entries {
		if len(e.Lines) > 0 {
			require.NoError(t, e.Balance())
		}
		if e.Date.String() > until {
			continue
		}
		for _, l := range e.Lines {
			switch l.Account {
			case "1360":
				sums["EUR"] += l.Debit.Minor() - l.Credit.Minor()
			case "1361", "1362":
				sums[string(l.Transaction.Currency())] += l.Transaction.Minor()
			}
		}
	}
	return sums
}

func TestClearingIsTheBalanceAtStripeOnEveryDay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := someLines(t)
		entries, err := chart().Entries(t.Context(), seq(lines...))
		require.NoError(t, err)
		again, err := chart().Entries(t.Context(), seq(lines...))
		require.NoError(t, err)
		require.Equal(t, entries, again, "whatever the order of the rows")
		for d := range 6 {
			until := commerce.DateOf(day.AddDate(0, 0, d)).String()
			want := map[string]int64{}
			for _, l := range lines {
				if commerce.DateOf(l.Created).String() <= until {
					want[string(l.Net.Currency())] += l.Net.Minor()
				}
			}
			got := clearing(t, entries, until)
			for _, c := range []string{"EUR", "USD", "JPY"} {
				require.Equal(t, want[c], got[c], "%s on %s", c, until)
			}
		}
	})
}

func TestEveryPayoutIsItsNetAndItsEntryBalances(t *testing.T) {
	t.Parallel()
	c := chart()
	c.Suspense = "1590"
	rapid.Check(t, func(t *rapid.T) {
		lines := []reconcile.Line{charge(1000, rapid.Int64Range(1, 1000).Draw(t, "first"))}
		for i := range rapid.IntRange(0, 20).Draw(t, "rows") {
			l := line(i, rapid.SampledFrom([]string{"charge", "charge_failure", "refund", "refund_failure", "dispute", "dispute_reversal", "fee", "tax",
				"network_cost", "risk_reserved_funds", "transfer", "topup", "issuing_transaction", "payout_reversal", "moon_tax"}).Draw(t, "category"),
				rapid.Int64Range(-1_000_000_000, 1_000_000_000).Draw(t, "amount"), rapid.Int64Range(-100, 1000).Draw(t, "fee"))
			lines = append(lines, l)
		}
		p := payoutOf(lines)
		r, err := reconcile.Payout(t.Context(), reconcile.Input{Payout: p, Lines: seq(lines...)}, reconcile.Config{})
		require.NoError(t, err)
		defer r.Close()
		require.True(t, r.Proof.Closed())
		parts, err := commerce.Sum("EUR", r.Proof.Sales, r.Proof.Refunds, r.Proof.Disputes, r.Proof.Fees, r.Proof.Reserves, r.Proof.Transfers,
			r.Proof.Adjustments, r.Proof.Payouts, r.Proof.Other)
		require.NoError(t, err)
		require.Equal(t, p.Amount, parts)
		whole, err := r.Whole(c)
		require.NoError(t, err)
		if len(whole.Lines) > 0 {
			require.NoError(t, whole.Balance())
		}
		require.Empty(t, clearing(t, []commerce.JournalEntry{whole}, "9"), "the balance is as it was")
	})
}

func TestASeriesEndsInWhatOneRunWouldPost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := someLines(t)
		cut := rapid.IntRange(0, len(lines)).Draw(t, "cut")
		posted := map[string][]commerce.JournalEntry{}
		post := func(lines []reconcile.Line) {
			targets, err := chart().Entries(t.Context(), seq(lines...))
			require.NoError(t, err)
			for _, target := range targets {
				next, ok, err := reconcile.Next(target, posted[target.Key]...)
				require.NoError(t, err)
				if ok {
					oneSign(t, next)
					require.Equal(t, fmt.Sprintf("%s/%d", target.Key, len(posted[target.Key])+1), next.Key)
					posted[target.Key] = append(posted[target.Key], next)
				}
			}
		}
		post(lines[:cut])
		post(lines)
		var series, one []commerce.JournalEntry
		for _, s := range posted {
			series = append(series, s...)
		}
		post(lines)
		count := 0
		for _, s := range posted {
			count += len(s)
		}
		require.Len(t, series, count, "a second run posts nothing")
		one, err := chart().Entries(t.Context(), seq(lines...))
		require.NoError(t, err)
		want, got := clearing(t, one, "9"), clearing(t, series, "9")
		for _, m := range []map[string]int64{want, got} {
			maps.DeleteFunc(m, func(_ string, n int64) bool { return n == 0 })
		}
		require.Equal(t, want, got)
	})
}

func TestARunningBalanceCanBeCutAnywhere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := someLines(t)
		run := func(opening []commerce.Money, lines []reconcile.Line) (closing []commerce.Money) {
			got, err := reconcile.Balances(t.Context(), reconcile.BalancesInput{Opening: opening, Lines: seq(lines...)})
			require.NoError(t, err)
			for _, b := range got {
				closing = append(closing, b.Closing)
			}
			return closing
		}
		cut := rapid.IntRange(0, len(lines)).Draw(t, "cut")
		require.Equal(t, run(nil, lines), run(run(nil, lines[:cut]), lines[cut:]))
	})
}

func TestARunningBalanceNamesItsEarliestDrift(t *testing.T) {
	t.Parallel()
	on := func(n int) commerce.Date { return commerce.DateOf(day.AddDate(0, 0, n)) }
	at := func(l reconcile.Line, n int) reconcile.Line { l.Created = day.AddDate(0, 0, n); return l }
	out := at(line(9, "payout", -900, 0), 2)
	out.Source = "po_m"
	failed := at(line(9, "payout_reversal", 900, 0), 3)
	failed.Source = "po_m"
	p := commerce.Payout{Ref: commerce.Ref{ID: "po_m"}, Amount: eur(900), Status: commerce.PayoutPaid, Method: "instant", Created: day.AddDate(0, 0, 2)}
	lines := []reconcile.Line{charge(1, 1050), at(charge(2, 550), 1), out}
	run := func(in reconcile.BalancesInput) reconcile.RunningBalance {
		got, err := reconcile.Balances(t.Context(), in)
		require.NoError(t, err)
		require.Len(t, got, 1)
		return got[0]
	}
	got := run(reconcile.BalancesInput{Opening: []commerce.Money{eur(5)}, Lines: seq(lines...), Payouts: []commerce.Payout{p},
		Checks: []reconcile.Check{{on(1), eur(1505)}, {on(0), eur(1005)}, {on(5), eur(605)}}})
	require.Nil(t, got.Drift)
	require.Equal(t, []commerce.Money{eur(5), eur(600), eur(605), eur(-900)}, []commerce.Money{got.Opening, got.Net, got.Closing, got.Payouts})

	got = run(reconcile.BalancesInput{Lines: seq(lines...), Checks: []reconcile.Check{{on(0), eur(1000)}, {on(1), eur(1499)}, {on(5), eur(0)}}})
	require.Equal(t, &reconcile.Drift{On: on(1), Since: on(0), Stated: eur(1499), Reckoned: eur(1500), Difference: eur(-1)}, got.Drift)

	p.Status = commerce.PayoutFailed
	got = run(reconcile.BalancesInput{Lines: seq(lines...), Payouts: []commerce.Payout{p}})
	require.Equal(t, &reconcile.Drift{On: on(2), Payout: "po_m", Stated: eur(0), Reckoned: eur(-900), Difference: eur(900)}, got.Drift, "the money that came back is missing")
	got = run(reconcile.BalancesInput{Lines: seq(append(lines, failed)...), Payouts: []commerce.Payout{p}})
	require.Nil(t, got.Drift)
}

func TestTheOrderOfRowsChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var b books
		for i := range rapid.IntRange(1, 30).Draw(t, "orders") {
			amount := rapid.Int64Range(1, 3).Draw(t, "amount") * 100
			n := rapid.IntRange(0, 12).Draw(t, "n") // several of one id
			if rapid.IntRange(0, 5).Draw(t, "line") > 0 {
				l := charge(n, amount)
				l.ID = fmt.Sprint("txn_", i)
				if rapid.Bool().Draw(t, "bare") {
					l.Charge, l.Intent = "", ""
				}
				b.lines = append(b.lines, l)
				if rapid.IntRange(0, 9).Draw(t, "twice") == 0 {
					b.lines = append(b.lines, l)
				}
			}
			if rapid.IntRange(0, 5).Draw(t, "doc") > 0 {
				d := sale(n, amount+rapid.Int64Range(0, 1).Draw(t, "off"))
				d.ID, d.Refund = fmt.Sprint("doc/", i), rapid.IntRange(0, 4).Draw(t, "refund") == 0
				if rapid.Bool().Draw(t, "bare doc") {
					d.Intent, d.Payment = "", ""
				}
				b.shop = append(b.shop, d)
				b.erp = append(b.erp, erp(d))
			}
		}
		run := func() ([]reconcile.Discrepancy, reconcile.Proof, reconcile.Matched) {
			rand.Shuffle(len(b.lines), func(i, j int) { b.lines[i], b.lines[j] = b.lines[j], b.lines[i] })
			r, err := reconcile.Payout(t.Context(), reconcile.Input{Payout: payoutOf(b.lines), Lines: seq(b.lines...), Shop: seq(b.shop...), ERP: seq(b.erp...)}, reconcile.Config{})
			require.NoError(t, err)
			defer r.Close()
			require.True(t, r.Proof.Rest.IsZero())
			var found []reconcile.Discrepancy
			for d, err := range r.Discrepancies() {
				require.NoError(t, err)
				found = append(found, d)
			}
			return found, r.Proof, r.Matched
		}
		found, proof, matched := run()
		again, proof2, matched2 := run()
		require.Equal(t, found, again)
		require.Equal(t, proof, proof2)
		require.Equal(t, matched, matched2)
	})
}
