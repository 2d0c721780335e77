package commerce_test

import (
	"testing"

	"github.com/commercesync/commerce"
	"github.com/stretchr/testify/require"
)

func TestPaymentStateOf(t *testing.T) {
	t.Parallel()
	type has map[commerce.PaymentStatus]int64
	for name, c := range map[string]struct {
		due  int64
		has  has
		want commerce.PaymentState
	}{
		"nothing paid":                       {100, nil, commerce.Unpaid},
		"nothing due":                        {0, nil, commerce.Paid},
		"a bank debit on its way":            {100, has{commerce.PaymentPending: 100}, commerce.AwaitingFunds},
		"the buyer has to act":               {100, has{commerce.PaymentAction: 100}, commerce.Unpaid},
		"authorised is not money":            {100, has{commerce.PaymentAuthorised: 100}, commerce.Authorised},
		"half authorised":                    {100, has{commerce.PaymentAuthorised: 50}, commerce.Unpaid},
		"half captured":                      {100, has{commerce.PaymentCaptured: 50}, commerce.PartlyPaid},
		"half captured, the rest authorised": {100, has{commerce.PaymentCaptured: 50, commerce.PaymentAuthorised: 50}, commerce.Authorised},
		"captured":                           {100, has{commerce.PaymentCaptured: 100}, commerce.Paid},
		"captured twice":                     {100, has{commerce.PaymentCaptured: 200}, commerce.Overpaid},
		"paid, another attempt failed":       {100, has{commerce.PaymentCaptured: 100, commerce.PaymentFailed: 100}, commerce.Paid},
		"paid, another attempt returned":     {100, has{commerce.PaymentCaptured: 100, commerce.PaymentReturned: 100}, commerce.Paid},
		"the very charge was returned":       {100, has{commerce.PaymentReturned: 100}, commerce.ReturnedPayment},
		"returned, half is left":             {100, has{commerce.PaymentReturned: 50, commerce.PaymentCaptured: 50}, commerce.ReturnedPayment},
		"failed":                             {100, has{commerce.PaymentFailed: 100}, commerce.Unpaid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var all []commerce.Allocation
			for status, n := range c.has {
				all = append(all, commerce.Allocation{Amount: commerce.MustMoney(n, "EUR"), Status: status})
			}
			got, err := commerce.PaymentStateOf(commerce.MustMoney(c.due, "EUR"), all)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
	_, err := commerce.PaymentStateOf(commerce.MustMoney(1, "EUR"), []commerce.Allocation{{Amount: commerce.MustMoney(1, "USD")}})
	var mixed *commerce.CurrencyMismatchError
	require.ErrorAs(t, err, &mixed)
}

func TestDueIsWhatStripeCollects(t *testing.T) {
	t.Parallel()
	o := commerce.Order{Currency: "EUR", Tenders: []commerce.Tender{
		{Kind: commerce.TenderStripe, Amount: commerce.MustMoney(70, "EUR")}, {Kind: commerce.TenderGiftCard, Amount: commerce.MustMoney(30, "EUR")}}}
	due, err := o.Due()
	require.NoError(t, err)
	require.Equal(t, commerce.MustMoney(70, "EUR"), due)
}
