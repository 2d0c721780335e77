package report

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

func eur(minor int64) commerce.Money { return commerce.MustMoney(minor, "EUR") }

func proof(sales, refunds, fees, bank int64) reconcile.Proof {
	z := eur(0)
	net := eur(sales + refunds + fees)
	rest, _ := eur(bank).Sub(net)
	return reconcile.Proof{Bank: eur(bank), Rest: rest, Totals: reconcile.Totals{Currency: "EUR", Sales: eur(sales), Refunds: eur(refunds), Fees: eur(fees),
		Disputes: z, Reserves: z, Transfers: z, Adjustments: z, Payouts: z, Other: z, Net: net}}
}

func TestAWaterfallStepsDownFromSalesToTheBank(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		proof reconcile.Proof
		want  []step
	}{
		"a usual payout": {proof(10_000, -1_000, -500, 8_500), []step{
			{"Sales", eur(10_000), false, 0, 1000}, {"Refunds", eur(-1_000), false, 900, 1000}, {"Fees", eur(-500), false, 850, 900}, {"To the bank", eur(8_500), true, 0, 850}}},
		"one that takes money from the bank": {proof(1_000, -2_000, 0, -1_000), []step{
			{"Sales", eur(1_000), false, 500, 1000}, {"Refunds", eur(-2_000), false, 0, 1000}, {"To the bank", eur(-1_000), true, 0, 500}}},
		"one with a rest": {proof(1_000, 0, 0, 900), []step{
			{"Sales", eur(1_000), false, 0, 1000}, {"Net of the rows", eur(1_000), true, 0, 1000}, {"Unexplained", eur(-100), false, 900, 1000}, {"To the bank", eur(900), true, 0, 900}}},
		"what is small can be seen": {proof(1_000_000, 0, -1, 999_999), []step{
			{"Sales", eur(1_000_000), false, 0, 1000}, {"Fees", eur(-1), false, 997, 1000}, {"To the bank", eur(999_999), true, 0, 999}}},
		"nothing": {proof(0, 0, 0, 0), []step{{"Sales", eur(0), false, 0, 0}, {"To the bank", eur(0), true, 0, 0}}},
		"more than 64 bits can add up": {proof(math.MaxInt64, -math.MaxInt64, 0, 0), []step{
			{"Sales", eur(math.MaxInt64), false, 0, 1000}, {"Refunds", eur(-math.MaxInt64), false, 0, 1000}, {"To the bank", eur(0), true, 0, 0}}},
	} {
		require.Equal(t, c.want, waterfall(c.proof), name)
	}
}

func TestAShareIsRoundedToATenthOfAPerCent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		amount, gross int64
		want          string
	}{
		{-29, 1000, "-2.9 %"}, {10_000, 10_000, "100.0 %"}, {-5, 10_000, "-0.1 %"}, {4, 10_000, "< 0.1 %"}, {-4, 10_000, "< 0.1 %"}, {0, 10_000, "0.0 %"},
		{1, 0, ""}, {1, -5, ""}, {math.MaxInt64, 1, "922337203685477580700.0 %"},
	} {
		require.Equal(t, c.want, share(eur(c.amount), eur(c.gross)), "%d of %d", c.amount, c.gross)
	}
}

func TestDigitsAreGroupedAndCopyAsANumber(t *testing.T) {
	t.Parallel()
	for minor, want := range map[int64]string{
		0: "0.00", -5: "-0.05", 99_999: "999.99", 100_000: "1<i>000</i>.00", -123_456_789: "-1<i>234</i><i>567</i>.89",
	} {
		require.Equal(t, `<span class="n">`+want+`</span>`, string(amount(eur(minor))))
	}
	require.Equal(t, `<span class="n">1<i>234</i></span>`, string(amount(commerce.MustMoney(1234, "JPY"))))
	require.Empty(t, amount(commerce.Money{}))
}

func TestEveryReasonHasAHeading(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range reconcile.Reasons() {
		require.NotEmpty(t, title(r))
		require.False(t, seen[title(r)], title(r))
		seen[title(r)] = true
	}
}
