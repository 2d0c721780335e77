package erp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

func TestRoundingDefaultsToAMinorUnitATaxedLineAndAtMostFive(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		taxed, untaxed, rounding int
		want                     int64
	}{{0, 3, 0, 0}, {1, 0, 0, 1}, {4, 2, 0, 4}, {9, 0, 0, 5}, {9, 0, 12, 12}, {9, 0, -1, 0}} {
		n := erp.NewOrder{Currency: "JPY", Rounding: c.rounding}
		for range c.taxed {
			n.Lines = append(n.Lines, erp.OrderLine{TaxIDs: []string{"1"}})
		}
		for range c.untaxed {
			n.Lines = append(n.Lines, erp.OrderLine{})
		}
		require.Equal(t, commerce.MustMoney(c.want, "JPY"), n.RoundingBound(), "%+v", c)
	}
}

func TestRoundingIsCountedInNothingFinerThanAHundredth(t *testing.T) {
	t.Parallel()
	for currency, want := range map[commerce.Currency]string{"JPY": "2", "EUR": "0.02", "KWD": "0.020", "CLF": "0.0200"} {
		for _, rounding := range []int{0, 2} {
			n := erp.NewOrder{Currency: currency, Rounding: rounding, Lines: []erp.OrderLine{{TaxIDs: []string{"1"}}, {TaxIDs: []string{"1"}}}}
			require.Equal(t, want, n.RoundingBound().Text(), "%s, %d", currency, rounding)
		}
	}
}

func TestPaymentDetailsAreOneLineEach(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	eur := commerce.MustMoney(6600, "EUR")
	for want, p := range map[string]erp.PaymentDetail{
		"stripe card visa 4242, 66.00 EUR, pi_1 ch_1, 2026-11-21T09:00:00Z": {Tender: commerce.TenderStripe, Amount: eur, Payment: "pi_1", Charge: "ch_1", Time: at,
			Method: commerce.PaymentMethod{Type: "card", Brand: "visa", Last4: "4242"}},
		"stripe, 66.00 EUR, ch_1":   {Tender: commerce.TenderStripe, Amount: eur, Charge: "ch_1"},
		"gift_card, 66.00 EUR, g-7": {Tender: commerce.TenderGiftCard, Amount: eur, Payment: "g-7"},
		"offline, 66.00 EUR":        {Tender: commerce.TenderOffline, Amount: eur},
	} {
		require.Equal(t, want, p.String())
	}
}
