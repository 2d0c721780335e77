package reconcile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

func november(d int) commerce.Date { return commerce.Date{Year: 2026, Month: 11, Day: d} }

func october31() commerce.Date { return commerce.Date{Year: 2026, Month: 10, Day: 31} }

// on puts a line on a day of November and into a payout.
func on(d int, payout string, l reconcile.Line) reconcile.Line {
	l.ID = fmt.Sprintf("%s_%d", l.ID, d)
	l.Created, l.Payout = time.Date(2026, 11, d, 12, 0, 0, 0, time.UTC), payout
	return l
}

func payoutRow(d int, id string, amount int64) reconcile.Line {
	l := on(d, "", line(d, "payout", -amount, 0))
	l.Source = id
	return l
}

func paidOut(id string, amount int64, created, arrival commerce.Date) commerce.Payout {
	return commerce.Payout{Ref: commerce.Ref{System: "stripe", Mode: commerce.Live, ID: id}, Amount: eur(amount), Status: commerce.PayoutPaid, Automatic: true,
		Reconciled: true, Created: time.Date(created.Year, created.Month, created.Day, 4, 0, 0, 0, time.UTC), Arrival: arrival}
}

// aMonth is November: 100.00 are there from October, of which po_1 pays out 80.00 with
// the first charge; po_2 fails; po_3 is on its way at the end; 20.00 are set aside.
func aMonth(t *testing.T) reconcile.MonthInput {
	failed := on(20, "", line(20, "payout_reversal", 950, 0))
	failed.Source = "po_2"
	older := on(2, "po_3", line(2, "payout_reversal", 500, 0))
	older.Source = "po_0"
	lines := []reconcile.Line{
		on(1, "po_1", charge(1, 5050)), payoutRow(4, "po_1", 13000), // 80.00 of October's in it
		on(8, "po_2", charge(8, 1000)), payoutRow(10, "po_2", 950), failed,
		older, on(12, "po_3", charge(12, 3000)), on(13, "po_3", refund(13, 1000)), payoutRow(28, "po_3", 2450),
		on(26, "", line(26, "risk_reserved_funds", -2000, 0)),
		on(29, "po_4", charge(29, 4050)), on(30, "", charge(30, 2050)), // po_4 is made in December
	}
	c := chart()
	in := reconcile.MonthInput{Month: november(15), Chart: c, Lines: seq(lines...),
		Payouts: []commerce.Payout{paidOut("po_0", 500, commerce.Date{Year: 2026, Month: 10, Day: 29}, november(1)), paidOut("po_1", 13000, november(4), november(6)),
			paidOut("po_2", 950, november(10), november(12)), paidOut("po_3", 2450, november(28), commerce.Date{Year: 2026, Month: 12, Day: 1}),
			paidOut("po_4", 4000, commerce.Date{Year: 2026, Month: 12, Day: 2}, commerce.Date{Year: 2026, Month: 12, Day: 4})},
		Stated:   []reconcile.Check{{On: october31(), Balance: eur(10000)}, {On: november(30), Balance: eur(6950)}},
		Reserved: []commerce.Money{eur(300)}}
	in.Payouts[0].Status, in.Payouts[2].Status = commerce.PayoutFailed, commerce.PayoutFailed
	entries, err := c.Entries(t.Context(), seq(lines...))
	require.NoError(t, err)
	in.Posted = seq(entries...)
	return in
}

func monthOf(t *testing.T, in reconcile.MonthInput) *reconcile.MonthView {
	t.Helper()
	got, err := reconcile.Month(t.Context(), in)
	require.NoError(t, err)
	return got
}

func TestAMonthShowsWhatIsOnTheBalanceAndWhatIsNot(t *testing.T) {
	t.Parallel()
	got := monthOf(t, aMonth(t))
	require.Equal(t, november(1), got.From)
	require.Equal(t, november(30), got.To)
	require.Len(t, got.Balances, 1)
	b := got.Balances[0]
	require.Equal(t, []commerce.Money{eur(10000), eur(6950), eur(-3050)}, []commerce.Money{b.Opening, b.Closing, b.Net})
	require.Equal(t, []commerce.Money{eur(15150), eur(-1000), eur(-250), eur(-2000), eur(-14950)},
		[]commerce.Money{b.Sales, b.Refunds, b.Fees, b.Reserves, b.Payouts})
	require.True(t, b.Clearing.Proved())
	require.Equal(t, reconcile.Side{Known: true, Closing: eur(6950), Difference: eur(0)}, b.Clearing.Entries)
	require.Equal(t, reconcile.Side{Known: true, Closing: eur(6950), Difference: eur(0)}, b.Clearing.Stated)
	require.False(t, b.Clearing.Ledger.Known || b.Clearing.Ending.Known)
	require.Len(t, b.Clearing.Days, 30)
	require.Equal(t, reconcile.ClearingDay{On: november(4), Lines: eur(2500), Entries: eur(2500)}, b.Clearing.Days[3])

	require.Equal(t, []reconcile.Age{{From: 0, To: 2, Rows: 2, Amount: eur(6000)}, {From: 3, To: 7, Rows: 1, Amount: eur(-2000)},
		{From: 8, To: 14, Rows: 1, Amount: eur(950)}, {From: 15, To: 30, Amount: eur(0)}, {From: 31, To: -1, Amount: eur(0)}}, b.Unpaid.Ages)
	require.Equal(t, eur(2000), b.Unpaid.Older, "20.00 of October, which no payout took")
	require.Equal(t, eur(2450), b.InTransit)
	require.Len(t, b.Transit, 1)
	require.Equal(t, "po_3", b.Transit[0].Ref.ID)
	require.Equal(t, eur(2300), b.Reserved)
	require.Equal(t, eur(950), b.Lowest)
	require.Equal(t, november(28), b.LowestOn)
	require.False(t, b.Negative())
	require.Equal(t, []reconcile.PriorItem{{Key: "txn_payout_reversal2_2", Of: commerce.Date{Year: 2026, Month: 10, Day: 29}, On: november(2), Amount: eur(500)}}, got.Prior,
		"the payout of October came back in November; that of November is November's")
}

func TestEverySideOfClearingIsNamedWithTheFirstDayItIsOff(t *testing.T) {
	t.Parallel()
	days := func(off func(d int) int64) (all []reconcile.Check) {
		for d, n := range map[int]int64{0: 10000, 1: 15000, 2: 15500, 4: 2500, 8: 3450, 30: 6950} {
			on := november(d)
			if d == 0 {
				on = october31()
			}
			all = append(all, reconcile.Check{On: on, Balance: eur(n + off(d))})
		}
		return all
	}
	for name, c := range map[string]struct {
		change func(*reconcile.MonthInput)
		side   func(reconcile.Clearing) reconcile.Side
		want   reconcile.Side
	}{
		"the ERP's ledger agrees": {func(in *reconcile.MonthInput) { in.Ledger = days(func(int) int64 { return 0 }) },
			func(c reconcile.Clearing) reconcile.Side { return c.Ledger }, reconcile.Side{Known: true, Closing: eur(6950), Difference: eur(0)}},
		"somebody posted by hand on the second": {func(in *reconcile.MonthInput) {
			in.Ledger = days(func(d int) int64 {
				if d >= 2 {
					return 7
				}
				return 0
			})
		}, func(c reconcile.Clearing) reconcile.Side { return c.Ledger }, reconcile.Side{Known: true, Closing: eur(6957), Difference: eur(7), First: november(2), Off: eur(7)}},
		"the ERP brings too little forward": {func(in *reconcile.MonthInput) { in.Ledger = days(func(int) int64 { return -1 }) },
			func(c reconcile.Clearing) reconcile.Side { return c.Ledger }, reconcile.Side{Known: true, Closing: eur(6949), Difference: eur(-1), First: october31(), Off: eur(-1)}},
		"it was off and is right again": {func(in *reconcile.MonthInput) {
			in.Ledger = days(func(d int) int64 {
				if d == 4 {
					return 3
				}
				return 0
			})
		}, func(c reconcile.Clearing) reconcile.Side { return c.Ledger }, reconcile.Side{Known: true, Closing: eur(6950), Difference: eur(0), First: november(4), Off: eur(3)}},
		"an entry was not posted": {func(in *reconcile.MonthInput) {
			var kept []commerce.JournalEntry
			for e := range in.Posted {
				if e.Date != november(12) {
					kept = append(kept, e)
				}
			}
			in.Posted = seq(kept...)
		}, func(c reconcile.Clearing) reconcile.Side { return c.Entries }, reconcile.Side{Known: true, Closing: eur(4000), Difference: eur(-2950), First: november(12), Off: eur(-2950)}},
		"Stripe states another balance": {func(in *reconcile.MonthInput) { in.Stated[1].Balance = eur(6900) },
			func(c reconcile.Clearing) reconcile.Side { return c.Stated }, reconcile.Side{Known: true, Closing: eur(6900), Difference: eur(-50), First: november(30), Off: eur(-50)}},
		"the ending-balance report lacks a row": {func(in *reconcile.MonthInput) {
			in.Ending = seq(on(29, "", charge(29, 4050)), on(30, "", charge(30, 2050)))
		},
			func(c reconcile.Clearing) reconcile.Side { return c.Ending }, reconcile.Side{Known: true, Closing: eur(6000), Difference: eur(-950), First: november(30), Off: eur(-950)}},
		"the ending-balance report is empty": {func(in *reconcile.MonthInput) { in.Ending = seq[reconcile.Line]() },
			func(c reconcile.Clearing) reconcile.Side { return c.Ending }, reconcile.Side{Known: true, Closing: eur(0), Difference: eur(-6950), First: november(30), Off: eur(-6950)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := aMonth(t)
			c.change(&in)
			clearing := monthOf(t, in).Balances[0].Clearing
			require.Equal(t, c.want, c.side(clearing))
			require.Equal(t, c.want.First.IsZero(), clearing.Proved())
		})
	}
}

func TestAPayoutByHandTakesWhatIsOldest(t *testing.T) {
	t.Parallel()
	in := reconcile.MonthInput{Month: november(1), Chart: chart(), Stated: []reconcile.Check{{On: october31(), Balance: eur(100)}},
		Lines: seq(on(1, "", charge(1, 1050)), on(10, "", refund(10, 200)), on(20, "", charge(20, 2050)), on(29, "", charge(29, 550)), payoutRow(30, "po_hand", 1500))}
	u := monthOf(t, in).Balances[0].Unpaid
	require.Equal(t, eur(0), u.Older)
	require.Equal(t, []reconcile.Age{{From: 0, To: 2, Rows: 1, Amount: eur(500)}, {From: 3, To: 7, Amount: eur(0)},
		{From: 8, To: 14, Rows: 1, Amount: eur(1600)}, {From: 15, To: 30, Rows: 1, Amount: eur(-200)}, {From: 31, To: -1, Amount: eur(0)}}, u.Ages,
		"100 and 1000 are gone, and 400 of the 2000")
	in.Ages = []int{10}
	u = monthOf(t, in).Balances[0].Unpaid
	require.Equal(t, []reconcile.Age{{From: 0, To: 10, Rows: 2, Amount: eur(2100)}, {From: 11, To: -1, Rows: 1, Amount: eur(-200)}}, u.Ages)
}

func TestABalanceBelowNoughtIsToldWithItsDay(t *testing.T) {
	t.Parallel()
	in := reconcile.MonthInput{Month: november(1), Chart: chart(), Lines: seq(on(3, "", charge(3, 150)), on(9, "", refund(9, 900)), on(11, "", charge(11, 250)))}
	b := monthOf(t, in).Balances[0]
	require.True(t, b.Negative())
	require.Equal(t, eur(-600), b.Closing)
	require.Equal(t, eur(-800), b.Lowest)
	require.Equal(t, november(9), b.LowestOn)
}

func TestTheEndingBalanceReportTellsTheAgeOfAll(t *testing.T) {
	t.Parallel()
	in := aMonth(t)
	report := `balance_transaction_id,created_utc,available_on_utc,currency,gross,fee,net,reporting_category,automatic_payout_id
txn_1,2026-09-12 10:00:00,2026-09-14 00:00:00,eur,20.00,0.00,20.00,charge,
txn_2,2026-11-29 12:00:00,2026-12-01 00:00:00,eur,40.50,0.50,40.00,charge,po_4
txn_3,2026-11-30 23:59:59,2026-12-03 00:00:00,eur,20.50,0.50,20.00,charge,
txn_4,2026-11-20 12:00:00,2026-11-20 00:00:00,eur,9.50,0.00,9.50,payout_reversal,
txn_5,2026-11-26 12:00:00,2026-11-26 00:00:00,eur,-20.00,0.00,-20.00,risk_reserved_funds,
txn_6,2026-11-12 12:00:00,2026-11-14 00:00:00,eur,25.00,0.50,24.50,charge,po_3
`
	in.Ending = reconcile.Itemized(strings.NewReader(report), reconcile.ItemizedConfig{})
	b := monthOf(t, in).Balances[0]
	require.True(t, b.Clearing.Proved())
	require.Equal(t, reconcile.Side{Known: true, Closing: eur(6950), Difference: eur(0)}, b.Clearing.Ending)
	require.Equal(t, eur(0), b.Unpaid.Older)
	require.Equal(t, reconcile.Age{From: 31, To: -1, Rows: 1, Amount: eur(2000)}, b.Unpaid.Ages[4])

	in = aMonth(t)
	in.Ending = reconcile.Itemized(strings.NewReader(strings.ReplaceAll(report, "2026-11-30 23:59:59", "2026-12-01 00:00:00")), reconcile.ItemizedConfig{})
	_, err := reconcile.Month(t.Context(), in)
	require.EqualError(t, err, "reconcile: ending balance row 4: txn_3 is younger than the month: the report ends at another time")
}

// taxed is a document with one rate of tax.
func taxed(d reconcile.Document, country, rate string, base, tax int64) reconcile.Document {
	d.Shop, d.Taxes = "berlin", []reconcile.TaxSum{{Country: country, Rate: rate, Base: eur(base), Tax: eur(tax)}}
	return d
}

func TestSalesStandBesideTheMoneyAndTaxIsTiedToThePostedDocuments(t *testing.T) {
	t.Parallel()
	mixed := sale(3, 2260)
	mixed.Shop, mixed.Taxes = "berlin", []reconcile.TaxSum{{Country: "AT", Rate: "20", Base: eur(1000), Tax: eur(200)}, {Country: "DE", Rate: "7", Base: eur(991), Tax: eur(69)}}
	plain := sale(4, 500)
	plain.Shop = "vienna"
	old := taxed(sale(5, 119), "DE", "19", 100, 19)
	old.Date = time.Date(2026, 10, 31, 23, 0, 0, 0, time.UTC)
	shop := []reconcile.Document{taxed(sale(1, 1190), "DE", "19", 1000, 190), taxed(sale(2, 2380), "DE", "19", 2000, 380), mixed, plain, old,
		taxed(memo(1, 595), "DE", "19", 500, 95)}
	posted := []reconcile.Document{erp(shop[0]), erp(shop[1]), erp(mixed), erp(plain), erp(shop[5])}
	for i, d := range []reconcile.Document{shop[0], shop[1], mixed, plain, shop[5]} {
		posted[i].Taxes = slices.Clone(d.Taxes)
	}
	posted[1].Taxes[0].Tax = eur(381)                                                             // rounded by another rule
	posted[3].Taxes = []reconcile.TaxSum{{Country: "AT", Rate: "0", Base: eur(500), Tax: eur(0)}} // and here the shop says nothing
	in := aMonth(t)
	in.Shop, in.ERP = seq(shop...), seq(posted...)
	got := monthOf(t, in)
	require.Equal(t, []reconcile.Sales{
		{Shop: "berlin", Currency: "EUR", Orders: 3, Memos: 1, Sold: eur(5830), Refunded: eur(595), Rates: []reconcile.RateSum{
			{Rate: "7", Base: eur(991), Tax: eur(69), RefundBase: eur(0), RefundTax: eur(0)},
			{Rate: "19", Base: eur(3000), Tax: eur(570), RefundBase: eur(500), RefundTax: eur(95)},
			{Rate: "20", Base: eur(1000), Tax: eur(200), RefundBase: eur(0), RefundTax: eur(0)}}},
		{Shop: "vienna", Currency: "EUR", Orders: 1, Sold: eur(500), Refunded: eur(0), Rates: []reconcile.RateSum{
			{Base: eur(500), Tax: eur(0), RefundBase: eur(0), RefundTax: eur(0)}}},
	}, got.Sales)
	require.Equal(t, []reconcile.Collected{{Currency: "EUR", Sold: eur(6330), Charged: eur(15150), Refunded: eur(595), Returned: eur(1000), Difference: eur(8415)}}, got.Collected)
	require.Equal(t, []reconcile.TaxTie{
		{Currency: "EUR", ShopBase: eur(500), ShopTax: eur(0), PostedBase: eur(0), PostedTax: eur(0), Base: eur(-500), Tax: eur(0)},
		{Country: "AT", Rate: "0", Currency: "EUR", ShopBase: eur(0), ShopTax: eur(0), PostedBase: eur(500), PostedTax: eur(0), Base: eur(500), Tax: eur(0)},
		{Country: "AT", Rate: "20", Currency: "EUR", ShopBase: eur(1000), ShopTax: eur(200), PostedBase: eur(1000), PostedTax: eur(200), Base: eur(0), Tax: eur(0)},
		{Country: "DE", Rate: "7", Currency: "EUR", ShopBase: eur(991), ShopTax: eur(69), PostedBase: eur(991), PostedTax: eur(69), Base: eur(0), Tax: eur(0)},
		{Country: "DE", Rate: "19", Currency: "EUR", ShopBase: eur(2500), ShopTax: eur(475), PostedBase: eur(2500), PostedTax: eur(476), Base: eur(0), Tax: eur(1)},
	}, got.Taxes)
	require.True(t, got.Taxes[2].Tied())
	require.False(t, got.Taxes[4].Tied())
}

func TestBuyersCurrenciesStandBesideWhatTheyBought(t *testing.T) {
	t.Parallel()
	l := on(2, "", reconcile.Line{ID: "txn_1", Category: "charge", Amount: usd(10800), Fee: usd(0), Net: usd(10800), Presented: eur(10000)})
	r := on(6, "", reconcile.Line{ID: "txn_2", Category: "refund", Amount: usd(-4400), Fee: usd(0), Net: usd(-4400), Presented: eur(-4000)})
	in := reconcile.MonthInput{Month: november(1), Chart: chart(), Lines: seq(l, r), Shop: seq(sale(1, 10000), memo(1, 4000))}
	got := monthOf(t, in)
	require.Equal(t, []reconcile.Collected{{Currency: "EUR", Sold: eur(10000), Charged: eur(10000), Refunded: eur(4000), Returned: eur(4000), Difference: eur(0)}}, got.Collected)
	require.Equal(t, commerce.Currency("USD"), got.Balances[0].Currency)
	require.Equal(t, usd(6400), got.Balances[0].Closing)
}

func TestWhatIsSuspendedAndWhatBelongsToEarlierMonthsIsNamed(t *testing.T) {
	t.Parallel()
	c := chart()
	c.Suspense = "1590"
	odd, late := on(3, "", line(3, "moon_tax", -500, 0)), on(3, "", line(4, "moon_tax", 200, 0))
	missed := charge(5, 1050)
	missed.Created = time.Date(2026, 10, 30, 1, 0, 0, 0, time.UTC)
	sent := line(6, "payout", -700, 0)
	sent.Source, sent.Created = "po_x", time.Date(2026, 10, 31, 1, 0, 0, 0, time.UTC)
	entries, err := c.Entries(t.Context(), seq(odd, late, missed, sent))
	require.NoError(t, err)
	for i := range entries { // October is closed: the ERP's first open day takes them
		if entries[i].Date.Month == time.October {
			entries[i].Date = november(1)
		}
	}
	item := func(n int, debit, credit int64) commerce.JournalEntry {
		return commerce.JournalEntry{Key: fmt.Sprintf("suspense/txn_9/%d", n), Date: november(4), Lines: []commerce.JournalLine{
			{Account: "1590", Text: "suspense", Debit: eur(debit), Credit: eur(credit)}, {Account: "1360", Debit: eur(credit), Credit: eur(debit)}}}
	}
	entries = append(entries, item(1, 0, 700), item(2, 700, 0)) // somebody knew
	in := reconcile.MonthInput{Month: november(1), Chart: c, Lines: seq(odd, late, missed), Posted: seq(entries...),
		Payouts: []commerce.Payout{paidOut("po_x", 700, october31(), november(3))}}
	got := monthOf(t, in)
	require.Equal(t, []reconcile.Suspended{{Key: "activity/acct_1/eur/2026-11-03", Text: "moon_tax", Amount: eur(300)}}, got.Suspense)
	require.Equal(t, []reconcile.PriorItem{
		{Key: "activity/acct_1/eur/2026-10-30", Of: commerce.Date{Year: 2026, Month: 10, Day: 30}, On: november(1), Amount: eur(1000)},
		{Key: "payout/acct_1/po_x", Of: october31(), On: november(1), Amount: eur(-700)},
	}, got.Prior)
	require.Equal(t, 1, got.Before)
	require.Equal(t, reconcile.Side{Known: true, Closing: eur(0), Difference: eur(300), First: november(1), Off: eur(300)}, got.Balances[0].Clearing.Entries)
}

func TestTheFirstMonthBeginsWithTheCutOver(t *testing.T) {
	t.Parallel()
	c := chart()
	c.CutOver = time.Date(2026, 11, 10, 0, 0, 0, 0, time.UTC)
	lines := []reconcile.Line{on(3, "", charge(3, 1050)), on(10, "", charge(10, 550)), on(12, "", charge(12, 250))}
	lines[2].Created = lines[2].Created.AddDate(0, 1, 0)
	opened, err := c.Opening(reconcile.Opening{Stripe: []commerce.Money{eur(1000)}, Booked: []commerce.Money{eur(900)}, Account: "9000"})
	require.NoError(t, err)
	require.Equal(t, november(9), opened[0].Date)
	entries, err := c.Entries(t.Context(), seq(lines[:2]...))
	require.NoError(t, err)
	got := monthOf(t, reconcile.MonthInput{Month: november(1), Chart: c, Lines: seq(lines...), Posted: seq(append(opened, entries...)...),
		Stated: []reconcile.Check{{On: november(9), Balance: eur(1000)}, {On: november(8), Balance: eur(1)}},
		Ledger: []reconcile.Check{{On: november(8), Balance: eur(900)}, {On: november(9), Balance: eur(1000)}, {On: november(30), Balance: eur(1500)}}})
	require.Equal(t, november(10), got.From)
	require.Equal(t, []int{1, 1}, []int{got.Before, got.After})
	b := got.Balances[0]
	require.Equal(t, []commerce.Money{eur(1000), eur(1500)}, []commerce.Money{b.Opening, b.Closing})
	require.True(t, b.Clearing.Proved())
	require.Len(t, b.Clearing.Days, 21)
	require.Equal(t, eur(1000), b.Unpaid.Older)
}

func TestAMonthThatIsNotOverEndsWithItsLastDayThatIs(t *testing.T) {
	t.Parallel()
	in := aMonth(t)
	in.Last = november(20)
	in.Stated = []reconcile.Check{{On: october31(), Balance: eur(10000)}, {On: november(20), Balance: eur(5400)}, {On: november(21), Balance: eur(1)}}
	in.Shop = seq(taxed(sale(1, 1190), "DE", "19", 1000, 190))
	in.ERP = in.Shop
	posted := in.Posted
	in.Posted = func(yield func(commerce.JournalEntry, error) bool) {
		posted(yield)
		yield(commerce.JournalEntry{Key: "activity/eur/2026-10-30", Date: november(21), Lines: []commerce.JournalLine{{Account: "1360", Debit: eur(5)}}}, nil)
	}
	got := monthOf(t, in)
	require.False(t, got.Over())
	require.Equal(t, []commerce.Date{november(1), november(20)}, []commerce.Date{got.From, got.To})
	b := got.Balances[0]
	require.Equal(t, eur(5400), b.Closing)
	require.Len(t, b.Clearing.Days, 20)
	require.Len(t, got.Prior, 1, "the other is posted on a day that is not over")
	require.Equal(t, 4, got.After)
	require.Equal(t, b.Closing, b.Clearing.Stated.Closing)
	require.True(t, b.Clearing.Proved())

	in = aMonth(t)
	require.True(t, monthOf(t, in).Over())
	for _, last := range []commerce.Date{october31(), {Year: 2026, Month: 12, Day: 1}} {
		in.Last = last
		_, err := reconcile.Month(t.Context(), in)
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.ErrorContains(t, err, "MonthInput.Last is no day of the month")
	}
}

func TestTheOrderOfRowsChangesNoMonth(t *testing.T) {
	t.Parallel()
	in := aMonth(t)
	in.Shop = seq(taxed(sale(1, 1190), "DE", "19", 1000, 190), taxed(sale(2, 2140), "DE", "7", 2000, 140), taxed(memo(1, 595), "DE", "19", 500, 95))
	in.ERP = in.Shop
	first := monthOf(t, in)
	for range 20 {
		require.Equal(t, first, monthOf(t, in))
	}
}

func TestWhatIsUnpaidIsTheBalanceAndWhatWePostProvesIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := someLines(t)
		for i := range lines {
			if rapid.Bool().Draw(t, "scheduled") && lines[i].Category != "payout" {
				lines[i].Payout = fmt.Sprintf("x_%d", rapid.IntRange(0, 30).Draw(t, "payout"))
			}
		}
		entries, err := chart().Entries(t.Context(), seq(lines...))
		require.NoError(t, err)
		got, err := reconcile.Month(t.Context(), reconcile.MonthInput{Month: november(1), Chart: chart(), Lines: seq(lines...), Posted: seq(entries...)})
		require.NoError(t, err)
		for _, b := range got.Balances {
			require.True(t, b.Clearing.Proved())
			sum := b.Unpaid.Older
			for _, a := range b.Unpaid.Ages {
				sum, err = sum.Add(a.Amount)
				require.NoError(t, err)
			}
			require.Equal(t, b.Closing, sum)
		}
	})
}

func TestAMonthThatCanNotBeShownSaysWhy(t *testing.T) {
	t.Parallel()
	broken := charge(1, 100)
	broken.Net = eur(7)
	for name, c := range map[string]struct {
		change func(*reconcile.MonthInput)
		says   string
		kind   commerce.Kind
	}{
		"no month":    {func(in *reconcile.MonthInput) { in.Month = commerce.Date{} }, "MonthInput.Month is missing", commerce.KindInvalid},
		"no lines":    {func(in *reconcile.MonthInput) { in.Lines = nil }, "MonthInput.Lines is missing", commerce.KindInvalid},
		"no chart":    {func(in *reconcile.MonthInput) { in.Chart = reconcile.Chart{} }, "Company", commerce.KindInvalid},
		"ages fall":   {func(in *reconcile.MonthInput) { in.Ages = []int{7, 7} }, "MonthInput.Ages are not rising", commerce.KindInvalid},
		"most":        {func(in *reconcile.MonthInput) { in.Most = -1 }, "MonthInput.Most is negative", commerce.KindInvalid},
		"broken line": {func(in *reconcile.MonthInput) { in.Lines = seq(broken) }, "can not be added up", commerce.KindInvalid},
		"too many shops": {func(in *reconcile.MonthInput) {
			a, b := sale(1, 1), sale(2, 1)
			a.Shop, b.Shop = "a", "b"
			in.Lines, in.Shop, in.Most = seq[reconcile.Line](), seq(a, b), 1
		}, "the table of sales has more than 1 rows; see MonthInput.Most", commerce.KindLimit},
		"too many payouts": {func(in *reconcile.MonthInput) { in.Most = 2 }, "the table of payouts", commerce.KindLimit},
		"a document without an amount": {func(in *reconcile.MonthInput) { in.Shop = seq(reconcile.Document{ID: "order/1", Date: day}) },
			"documents column amount: order/1 has none", commerce.KindInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := aMonth(t)
			c.change(&in)
			_, err := reconcile.Month(t.Context(), in)
			require.ErrorContains(t, err, c.says)
			require.Equal(t, c.kind, commerce.KindOf(err))
		})
	}
}
