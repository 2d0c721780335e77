package nopshop_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/nopshop"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
)

func TestAnOrderIsReadWithLinesTaxesAddressesAndPerson(t *testing.T) {
	t.Parallel()
	n := cups()
	n.TaxPercent, n.PaymentFee = "19", "1"
	n.Billing = nopcommercetest.NewAddress{FirstName: "Ada", LastName: "Lovelace", Address1: "Lange Straße 7", Address2: "Hof", City: "Hamburg", PostalCode: "20095", Country: "DE", Phone: "040 123456"}
	n.Shipping = &nopcommercetest.NewAddress{FirstName: "Ada", City: "Austin", PostalCode: "78701", State: "TX", Country: "US"}
	o := known(t, n, nopshop.Config{Account: "main", Mode: commerce.Test}).o
	require.Equal(t, commerce.OrderPending, o.State)
	require.Equal(t, "Pending", o.RawState)
	require.Equal(t, "Pending/NotYetShipped", o.RawStatus)
	require.Equal(t, commerce.Test, o.Ref.Mode)
	require.Equal(t, "UTC", o.Placed.Location().String())
	require.Equal(t, "Ada Lovelace", o.BillingAddress.Name)
	require.Equal(t, "Lange Straße 7\nHof", o.BillingAddress.Street)
	require.Equal(t, "DE", o.BillingAddress.Country)
	require.Equal(t, "+4940123456", o.BillingAddress.Phone)
	require.Equal(t, "TX", o.ShippingAddress.Region)
	require.True(t, o.Customer.Guest)
	require.Empty(t, o.Customer.Ref)
	require.Equal(t, "guest@example.com", o.Customer.Email)

	require.Len(t, o.Lines, 3, "the fee bears tax, so that it is a line")
	cup := o.Lines[0]
	require.Equal(t, "CUP", cup.SKU)
	require.Equal(t, money("19.98", "USD"), cup.Net)
	require.Equal(t, money("3.80", "USD"), cup.Tax)
	require.Equal(t, "19", cup.Taxes[0].Code)
	require.Equal(t, "US", cup.Taxes[0].Country)
	require.Equal(t, money("19.98", "USD"), cup.Taxes[0].Base)
	fee := o.Lines[2]
	require.Equal(t, "payment-fee", fee.SKU)
	require.True(t, fee.Virtual)
	require.Equal(t, money("0.19", "USD"), fee.Tax)
	require.Equal(t, money("0.95", "USD"), o.Shipping.Tax)
	require.Equal(t, money("54.72", "USD"), o.Totals.Gross)
	require.Equal(t, o.Totals, o.BaseTotals)
	due, err := o.Due()
	require.NoError(t, err)
	require.Equal(t, o.Totals.Gross, due)
	require.True(t, o.Paid.IsZero())
}

func TestARegisteredBuyerHasARefAndTheAccountsAddress(t *testing.T) {
	t.Parallel()
	far, err := nopcommercetest.New(nopcommercetest.Config{})
	require.NoError(t, err)
	buyer, err := far.AddCustomer(nopcommercetest.NewCustomer{Email: "Ada@Example.com", TaxExempt: true})
	require.NoError(t, err)
	n := cups()
	n.Customer, n.Email = buyer, "other@example.com"
	id, err := far.Place(n)
	require.NoError(t, err)
	shop, err := nopshop.New(clientOf(t, far), nopshop.Config{Currency: "USD"})
	require.NoError(t, err)
	o, err := shop.Order(t.Context(), shop.Ref(nopcommerce.ID(id)))
	require.NoError(t, err)
	require.False(t, o.Customer.Guest)
	require.NotEmpty(t, o.Customer.Ref.ID)
	require.Equal(t, "ada@example.com", o.Customer.Email)
	require.True(t, o.Customer.TaxExempt)
}

func TestWhatAnOrderIsPaidByAddsUpToItsTotal(t *testing.T) {
	t.Parallel()
	n := func(change func(*nopcommercetest.NewOrder)) nopcommercetest.NewOrder {
		o := cups()
		change(&o)
		return o
	}
	for name, c := range map[string]struct {
		order   nopcommercetest.NewOrder
		gross   string
		tenders map[commerce.TenderKind]string
	}{
		"by card":             {n(func(*nopcommercetest.NewOrder) {}), "44.98", map[commerce.TenderKind]string{commerce.TenderStripe: "44.98"}},
		"with a gift card":    {n(func(o *nopcommercetest.NewOrder) { o.GiftCard = "10" }), "44.98", map[commerce.TenderKind]string{commerce.TenderStripe: "34.98", commerce.TenderGiftCard: "10"}},
		"by gift card alone":  {n(func(o *nopcommercetest.NewOrder) { o.GiftCard = "44.98" }), "44.98", map[commerce.TenderKind]string{commerce.TenderGiftCard: "44.98"}},
		"by another method":   {n(func(o *nopcommercetest.NewOrder) { o.PaymentMethod = "Payments.CheckMoneyOrder" }), "44.98", map[commerce.TenderKind]string{commerce.TenderOffline: "44.98"}},
		"with a discount":     {n(func(o *nopcommercetest.NewOrder) { o.Discount = "4.98" }), "40", map[commerce.TenderKind]string{commerce.TenderStripe: "40"}},
		"with an untaxed fee": {n(func(o *nopcommercetest.NewOrder) { o.PaymentFee = "1.02" }), "46", map[commerce.TenderKind]string{commerce.TenderStripe: "46"}},
		"with tax and a discount of the total": {n(func(o *nopcommercetest.NewOrder) { o.TaxPercent, o.Discount = "19", "10" }), "43.53",
			map[commerce.TenderKind]string{commerce.TenderStripe: "43.53"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := known(t, c.order, nopshop.Config{}).o
			require.Equal(t, money(c.gross, "USD"), o.Totals.Gross)
			require.Len(t, o.Tenders, len(c.tenders))
			for _, x := range o.Tenders {
				require.Equal(t, money(c.tenders[x.Kind], "USD"), x.Amount, x.Kind)
			}
			require.NoError(t, mapping.Prove(o))
		})
	}
}

func TestRewardPointsAreATenderOfTheirOwn(t *testing.T) {
	t.Parallel()
	n := cups()
	n.RewardPoints = "4.98"
	w := placed(t, n, nopshop.Config{})
	entry := 7
	require.NoError(t, w.far.EditOrder(w.id, func(o *nopcommercetest.Order) { o.RedeemedRewardPointsEntryID = &entry }))
	o := w.read(t)
	require.Equal(t, commerce.Tender{Kind: commerce.TenderPoints, Amount: money("4.98", "USD")}, o.Tenders[0])
}

func TestADiscountOfTheTotalLeavesTheTaxAndItsBase(t *testing.T) {
	t.Parallel()
	n := cups()
	n.TaxPercent, n.Discount = "19", "10"
	o := known(t, n, nopshop.Config{}).o
	for _, l := range o.Lines {
		require.Positive(t, l.Discount.Sign())
		require.Equal(t, l.Net, l.Taxes[0].Base, "tax was taken before the discount")
	}
	require.Positive(t, o.Shipping.Discount.Sign())
	sum, err := o.Totals.Discount.Add(o.Totals.ShippingDiscount)
	require.NoError(t, err)
	require.Equal(t, money("10", "USD"), sum)
}

// two is an order of two things at 19 % and 7 %, 10.00 off its subtotal of 100.00, with
// gift wrapping, as the shop adds it up.
func two(t *testing.T, c nopshop.Config) world {
	w := placed(t, nopcommercetest.NewOrder{PaymentMethod: nopcommercetest.StripeElement, ShippingPrice: "5",
		Items: []nopcommercetest.NewItem{{SKU: "CUP", Qty: 3, Price: "20"}, {SKU: "BOOK", Qty: 1, Price: "35"}}}, c)
	items := w.far.Items(w.id)
	for i, tax := range []string{"71.40", "37.45"} {
		require.NoError(t, w.far.EditItem(items[i].ID, func(row *nopcommercetest.OrderItem) { row.PriceInclTax = amount(t, tax) }))
	}
	rates, attributes := "7:2.21;   19:12.07;   ", "Gift wrapping: Yes [+$5.00]<br />Card: &lt;3"
	require.NoError(t, w.far.EditOrder(w.id, func(o *nopcommercetest.Order) {
		o.OrderSubtotalExclTax, o.OrderSubtotalInclTax = amount(t, "100"), amount(t, "114.80")
		o.OrderSubTotalDiscountExclTax, o.OrderSubTotalDiscountInclTax = amount(t, "10"), amount(t, "11.48")
		o.OrderShippingInclTax = amount(t, "5.95")
		o.TaxRates, o.OrderTax = &rates, amount(t, "14.28")
		o.CheckoutAttributeDescription = &attributes
		o.OrderTotal = amount(t, "109.28")
	}))
	return w
}

func TestADiscountOfTheSubtotalLowersTheTaxOfEachRate(t *testing.T) {
	t.Parallel()
	o := two(t, nopshop.Config{}).read(t)
	require.Len(t, o.Lines, 3)
	require.Equal(t, "7", o.Lines[1].Taxes[0].Code)
	require.Equal(t, money("2.21", "USD"), o.Lines[1].Tax)
	require.Equal(t, money("31.50", "USD"), o.Lines[1].Taxes[0].Base)
	wrapping := o.Lines[2]
	require.Equal(t, "checkout-attributes", wrapping.SKU)
	require.Equal(t, "(Gift wrapping: Yes [+$5.00], Card: <3)", wrapping.Name)
	require.Equal(t, money("5", "USD"), wrapping.Net)
	require.Equal(t, money("10", "USD"), o.Totals.Discount)
	require.Equal(t, money("14.28", "USD"), o.Totals.Tax)
	require.Equal(t, money("109.28", "USD"), o.Totals.Gross)
}

func TestTotalsThatDoNotAddUpAreAFaultThatNamesTheField(t *testing.T) {
	t.Parallel()
	for field, edit := range map[string]func(*nopcommercetest.Order){
		"order_total":             func(o *nopcommercetest.Order) { o.OrderTotal += amount(t, "1") },
		"order_subtotal_excl_tax": func(o *nopcommercetest.Order) { o.CheckoutAttributeDescription = nil },
		"tax_rates":               func(o *nopcommercetest.Order) { o.OrderTax -= amount(t, "1") },
		"currency_rate":           func(o *nopcommercetest.Order) { o.CurrencyRate = 0 },
		"customer_currency_code":  func(o *nopcommercetest.Order) { o.CustomerCurrencyCode = new("XXQ") },
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			w := two(t, nopshop.Config{Methods: map[string]nopshop.Method{nopcommercetest.StripeElement: {Charges: nopshop.Customer}}})
			require.NoError(t, w.far.EditOrder(w.id, edit))
			head, err := w.shop.Order(t.Context(), w.ref())
			f, ok := errors.AsType[*mapping.Fault](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, w.ref(), head.Ref)
			require.False(t, head.Placed.IsZero())
			require.Empty(t, head.Lines)
			require.Equal(t, field, f.Field)
			require.Contains(t, f.Document, "nopcommerce order")
		})
	}
	t.Run("a rate that no line fits", func(t *testing.T) {
		t.Parallel()
		w := two(t, nopshop.Config{})
		rates := "25:14.28;   "
		require.NoError(t, w.far.EditOrder(w.id, func(o *nopcommercetest.Order) { o.TaxRates = &rates }))
		_, err := w.shop.Order(t.Context(), w.ref())
		require.ErrorIs(t, err, commerce.ErrMapping)
		require.ErrorContains(t, err, "tax_rates")
	})
	t.Run("a country that is none", func(t *testing.T) {
		t.Parallel()
		w := two(t, nopshop.Config{})
		require.NoError(t, w.far.EditAddress(w.id, false, func(a *nopcommercetest.Address) { a.CountryID = nil }))
		_, err := w.shop.Order(t.Context(), w.ref())
		require.ErrorContains(t, err, "billing_address.country")
	})
}

func TestTheChargedCurrencyIsASettingOfThePaymentMethod(t *testing.T) {
	t.Parallel()
	const method = nopcommercetest.StripeElement
	for name, c := range map[string]struct {
		method   nopshop.Method
		currency string
		price    string
		due      commerce.Money
		rounding string // empty = none
	}{
		"primary is the default":           {nopshop.Method{}, "EUR", "10.01", money("10.01", "USD"), ""},
		"customer is converted":            {nopshop.Method{Charges: nopshop.Customer}, "EUR", "10.05", money("9.05", "EUR"), ""},
		"a truncating one cuts off":        {nopshop.Method{Charges: nopshop.Customer, Truncates: true}, "EUR", "10.05", money("9.04", "EUR"), "0.01"},
		"nothing is cut off what is whole": {nopshop.Method{Charges: nopshop.Customer, Truncates: true}, "EUR", "10.10", money("9.09", "EUR"), ""},
		"yen have no decimals":             {nopshop.Method{Charges: nopshop.Customer}, "JPY", "10.01", money("1497", "JPY"), ""},
		"yen are cut off as well":          {nopshop.Method{Charges: nopshop.Customer, Truncates: true}, "JPY", "10.01", money("1496", "JPY"), "1"},
		"what is rounded down loses none":  {nopshop.Method{Charges: nopshop.Customer, Truncates: true}, "EUR", "10.01", money("9", "EUR"), "0.01"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := nopcommercetest.NewOrder{PaymentMethod: method, Currency: c.currency, Items: []nopcommercetest.NewItem{{SKU: "CUP", Price: c.price}}}
			o := known(t, n, nopshop.Config{Methods: map[string]nopshop.Method{method: c.method}}).o
			due, err := o.Due()
			require.NoError(t, err)
			require.Equal(t, c.due, due)
			require.Equal(t, money(c.price, "USD"), o.BaseTotals.Gross)
			if c.rounding == "" {
				require.Len(t, o.Tenders, 1)
				return
			}
			require.Equal(t, commerce.Tender{Kind: commerce.TenderOffline, Reference: nopshop.Rounding, Amount: money(c.rounding, due.Currency())}, o.Tenders[0])
		})
	}
}

func TestAnOrderOfManyRowsAddsUpInYen(t *testing.T) {
	t.Parallel()
	n := nopcommercetest.NewOrder{PaymentMethod: nopcommercetest.StripeKlarna, Currency: "JPY", TaxPercent: "8.25", ShippingPrice: "4.99", Discount: "3.33"}
	for range 150 {
		n.Items = append(n.Items, nopcommercetest.NewItem{SKU: "CUP", Qty: 3, Price: "1.37"})
	}
	o := known(t, n, nopshop.Config{Methods: map[string]nopshop.Method{nopcommercetest.StripeKlarna: {Charges: nopshop.Customer}}}).o
	require.NoError(t, mapping.Prove(o))
	require.Equal(t, commerce.Currency("JPY"), o.Currency)
	require.Len(t, o.Lines, 150)
}

func TestGatewayIDsAreFoundInEitherField(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ authorization, capture, want string }{
		"intent and charge":            {"pi_1", "ch_1", "pi_1"},
		"charge as an authorisation":   {"ch_1", "", "ch_1"},
		"charge before the intent":     {"ch_1", "pi_1", "pi_1"},
		"charge captured":              {"", "ch_1", "ch_1"},
		"something of another gateway": {"AUTH-9", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := placed(t, cups(), nopshop.Config{})
			require.NoError(t, w.far.EditOrder(w.id, func(o *nopcommercetest.Order) {
				o.AuthorizationTransactionID, o.CaptureTransactionID = &c.authorization, &c.capture
			}))
			o := w.read(t)
			require.Equal(t, c.want, o.PaymentID)
			require.Equal(t, c.want, o.Tenders[0].Reference)
		})
	}
}

func TestTheThreeStatusColumnsMakeOneState(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		order, payment, shipping int
		want                     commerce.OrderState
	}{
		"pending":                              {10, 10, 20, commerce.OrderPending},
		"authorised":                           {20, 20, 20, commerce.OrderProcessing},
		"paid":                                 {20, 30, 20, commerce.OrderProcessing},
		"partly refunded":                      {20, 35, 25, commerce.OrderProcessing},
		"complete":                             {30, 30, 40, commerce.OrderComplete},
		"refunded":                             {30, 40, 40, commerce.OrderClosed},
		"cancelled":                            {40, 30, 20, commerce.OrderCanceled},
		"voided":                               {10, 50, 20, commerce.OrderPending},
		"an order status of a plugin":          {25, 30, 20, commerce.OrderUnknown},
		"a payment status of a plugin":         {20, 60, 20, commerce.OrderUnknown},
		"a shipping status of a plugin":        {20, 30, 50, commerce.OrderUnknown},
		"cancelled beats refunded":             {40, 40, 20, commerce.OrderCanceled},
		"an order status that is a payment's":  {35, 30, 20, commerce.OrderUnknown},
		"a shipping status that is an order's": {20, 30, 15, commerce.OrderUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := placed(t, cups(), nopshop.Config{})
			require.NoError(t, w.far.EditOrder(w.id, func(o *nopcommercetest.Order) {
				o.OrderStatusID, o.PaymentStatusID, o.ShippingStatusID = c.order, c.payment, c.shipping
			}))
			require.Equal(t, c.want, w.read(t).State)
		})
	}
}

func TestAShopsOwnStatusIsARowInItsTable(t *testing.T) {
	t.Parallel()
	statuses := nopshop.DefaultStatuses()
	statuses.Orders[25] = commerce.OrderReview
	w := placed(t, cups(), nopshop.Config{Statuses: statuses})
	delete(statuses.Orders, 25) // the shop keeps its own copy
	require.NoError(t, w.far.EditOrder(w.id, func(o *nopcommercetest.Order) { o.OrderStatusID = 25 }))
	require.Equal(t, commerce.OrderReview, w.read(t).State)
}

func TestTablesLeadBackToTheShopsNumbers(t *testing.T) {
	t.Parallel()
	s := nopshop.DefaultStatuses()
	require.Equal(t, []nopcommerce.OrderStatus{10, 20}, s.Orders.Numbers(commerce.OrderPending, commerce.OrderProcessing))
	require.Equal(t, []nopcommerce.PaymentStatus{30, 35}, s.Payments.Numbers(commerce.PaymentCaptured))
	require.Equal(t, []nopcommerce.ShippingStatus{30, 40}, s.Shipping.Numbers(nopshop.ShipDone, nopshop.ShipDelivered))
	require.Empty(t, s.Payments.Numbers(commerce.PaymentFailed), "the shop has no failed payment")
	for n, w := range s.Shipping {
		require.Contains(t, s.Shipping.Numbers(w), n)
	}
}

func TestAProductThatIsGoneLeavesALineWithoutSKU(t *testing.T) {
	t.Parallel()
	w := known(t, cups(), nopshop.Config{})
	require.NoError(t, w.far.RemoveProduct(w.far.Items(w.id)[0].ProductID))
	o := w.read(t)
	require.Empty(t, o.Lines[0].SKU, "the books refuse it by name")
	require.Equal(t, "POT", o.Lines[1].SKU)
}

func TestADeletedOrderIsCanceled(t *testing.T) {
	t.Parallel()
	w := known(t, cups(), nopshop.Config{})
	require.NoError(t, w.far.Delete(w.id))
	o := w.read(t)
	require.Equal(t, commerce.OrderCanceled, o.State)
	require.Equal(t, "Deleted", o.RawState)
	_, err := w.shop.RecordPayment(o, payment(w.o)).Act(t.Context())
	require.ErrorIs(t, err, commerce.ErrNeedsDecision)
	require.True(t, commerce.SafeToRetry(err))
}

func TestTheConfigIsChecked(t *testing.T) {
	t.Parallel()
	far, err := nopcommercetest.New(nopcommercetest.Config{})
	require.NoError(t, err)
	statuses := nopshop.DefaultStatuses()
	statuses.Payments[60] = "odd"
	for field, c := range map[string]nopshop.Config{
		"Config.Currency":              {},
		"Config.Mode":                  {Currency: "USD", Mode: "half"},
		"Config.Settle":                {Currency: "USD", Settle: -1},
		"Config.Statuses.Payments[60]": {Currency: "USD", Statuses: statuses},
		`Config.Methods["x"].Tender`:   {Currency: "USD", Methods: map[string]nopshop.Method{"x": {Tender: "shells"}}},
		`Config.Methods["x"].Charges`:  {Currency: "USD", Methods: map[string]nopshop.Method{"x": {Charges: "both"}}},
	} {
		_, err := nopshop.New(clientOf(t, far), c)
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.ErrorContains(t, err, field)
	}
	_, err = nopshop.New(nil, nopshop.Config{Currency: "USD"})
	require.ErrorContains(t, err, "client is nil")
}

func TestHalfACentBetweenRowsAndTheirSumIsTheShopsRounding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ price, row, subtotal string }{
		{"5.23", "4.3950", "4.3900"},
		{"5.48", "4.6050", "4.6100"},
	} {
		w := placed(t, nopcommercetest.NewOrder{TaxPercent: "19", PricesIncludeTax: true,
			Items: []nopcommercetest.NewItem{{SKU: "CUP", Price: c.price}}}, nopshop.Config{})
		row, _ := w.far.Order(w.id)
		require.Equal(t, c.row, w.far.Items(w.id)[0].PriceExclTax.String())
		require.Equal(t, c.subtotal, row.OrderSubtotalExclTax.String())
		o := w.read(t)
		require.Equal(t, money(row.OrderTotal.String(), "USD"), o.Totals.Gross)
		require.Equal(t, money(c.subtotal, "USD"), o.Totals.Net)
		require.Equal(t, money(row.OrderTax.String(), "USD"), o.Totals.Tax)
	}
}
