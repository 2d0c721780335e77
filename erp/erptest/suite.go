package erptest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// Bench is an ERP under test, and what the suite has to know and do at its far side.
// Abilities that are nil are not tested.
type Bench struct {
	ERP erp.ERP
	// Goods and OtherGoods are SKUs of which there is plenty; of Scarce there is one;
	// Service is not stocked.
	Goods, OtherGoods, Scarce, Service string
	// Tax19 and Tax7 are ids of taxes of 19 and 7 percent, RoundPerDocument.
	Tax19, Tax7 string
	// OtherCompany is the id of a company that owns nothing; empty = not tested.
	OtherCompany string

	// Count is how many orders the far side holds under a key, cancelled ones too.
	Count func(t *testing.T, key string) int
	// LoseCreate makes the next write of an order take effect and lose its answer.
	LoseCreate func(t *testing.T)
	// RefuseConnection makes the next call end before it is sent.
	RefuseConnection func(t *testing.T)
	// Duplicate makes a second draft under a key, as a late twin would.
	Duplicate func(t *testing.T, key string)
	// Ship sends everything that is open of the order under a key.
	Ship func(t *testing.T, key, tracking string)
	// Refuse makes the warehouse cancel what is open of the order under a key.
	Refuse func(t *testing.T, key string)
	// Invoice posts the invoice of the order under a key; Pick takes its goods from the
	// shelf.
	Invoice, Pick func(t *testing.T, key string)
	// Bank, Revenue and Journal are codes of two accounts that need no party and of a journal.
	Bank, Revenue, Journal string
	// Clearing and Advance are codes of the account that takes receipts, and of one that
	// holds what is not applied yet. Empty = receipts are not tested; with advances on
	// receivable only.
	Clearing, Advance string
	// ForeignClearing is the code of an account that is kept in USD, where the company
	// keeps its books in EUR, and FX of one for differences in exchange. Empty = nothing
	// is settled in another currency.
	ForeignClearing, FX string
	// TakeBack makes the ERP take the goods of the order under a key back, so that it
	// drafts a credit note by itself. Nil = it does not.
	TakeBack func(t *testing.T, key string)
	// LoseAnswer makes the n-th call to the server from now take effect and lose its
	// answer; reached says whether there were so many, and ends it.
	LoseAnswer func(t *testing.T, n int) (reached func() bool)
	// CountEntries is how many journal entries the far side holds under a key.
	CountEntries func(t *testing.T, key string) int
	// ClosedDate lies in a closed period; zero = not tested.
	ClosedDate commerce.Date
	// Today is a day in an open period.
	Today commerce.Date
	// ReservesItself: the warehouse reserves as soon as an order is confirmed, so that
	// none waits to be asked for.
	ReservesItself bool
}

// Run checks that an ERP keeps the port's promises. open is called once for each
// group of tests; it may return the same far side again, keys do not repeat.
func Run(t *testing.T, open func(t *testing.T) Bench) {
	for _, group := range []struct {
		name string
		test func(*testing.T, Bench)
	}{
		{"says what it can promise", capabilities},
		{"finds products and taxes", products},
		{"keeps one party under a key", customers},
		{"writes one order under a key", orders},
		{"ends with the shop's total", totals},
		{"refuses what it can not say, before it writes", refusals},
		{"confirms, cancels and withdraws", transitions},
		{"loses no order with an answer", lostAnswers},
		{"keeps companies apart", companies},
		{"finds what others wrote", lookups},
		{"ships and tells of it", warehouse},
		{"posts entries once", ledger},
		{"posts the invoice of an order once", invoices},
		{"posts receipts once, and applies them", receipts},
		{"credits invoices, and refunds", creditNotes},
		{"settles in a third currency", exchange},
		{"looks into the books", audit},
	} {
		t.Run(group.name, func(t *testing.T) { group.test(t, open(t)) })
	}
}

// key makes a key of the test's name.
func key(t *testing.T) string {
	return strings.NewReplacer(" ", "-", ",", "", "'", "").Replace(t.Name())
}

func eur(minor int64) commerce.Money { return commerce.MustMoney(minor, "EUR") }

func address(city string) commerce.Address {
	return commerce.Address{Name: "Ada Example", Street: "1 Sample Street\nFlat 2", City: city, PostalCode: "10115", Country: "DE"}
}

func (b Bench) customer(t *testing.T) erp.CustomerRef {
	t.Helper()
	ref, err := b.ERP.UpsertCustomer(t.Context(), erp.Customer{Key: key(t) + "/customer",
		Party: commerce.Customer{Name: "Ada Example", Email: "ada@example.invalid"}, Billing: address("Berlin")})
	require.NoError(t, err)
	return ref
}

// order is two lines with tax and delivery: 3 x 9.97 + 14.00 + 5.00 at 19 % = 48.91 + 9.29.
func (b Bench) order(t *testing.T) erp.NewOrder {
	t.Helper()
	one := commerce.MustDecimal("1")
	return erp.NewOrder{
		Key: key(t), Name: "100000017", Customer: b.customer(t), Date: b.Today, Currency: "EUR",
		Lines: []erp.OrderLine{
			{SKU: b.Goods, Text: "Red mug", Quantity: commerce.MustDecimal("3"), Net: eur(2991), TaxIDs: []string{b.Tax19}},
			{SKU: b.OtherGoods, Text: "Blue mug", Quantity: one, Net: eur(1400), TaxIDs: []string{b.Tax19}},
			{Kind: erp.Shipping, Text: "Flat rate", Quantity: one, Net: eur(500), TaxIDs: []string{b.Tax19}},
		},
		Payments: []erp.PaymentDetail{{Tender: commerce.TenderStripe, Amount: eur(5820), Payment: "pi_1", Charge: "ch_1",
			Method: commerce.PaymentMethod{Type: "card", Brand: "visa", Last4: "4242"}}},
		Expected: erp.Totals{Net: eur(4891), Tax: eur(929), Gross: eur(5820)},
	}
}

func requireKind(t *testing.T, want commerce.Kind, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, want, commerce.KindOf(err), "%v", err)
}

func capabilities(t *testing.T, b Bench) {
	require.NoError(t, b.ERP.Ping(t.Context()))
	c, err := b.ERP.Capabilities(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, c.System)
	require.NotEmpty(t, c.Company)
	require.True(t, c.Currency.Valid())
	require.Positive(t, c.Settle, "what is unknown has to settle some time")
	for name, class := range map[string]any{"customer": c.Classes.Customer, "order": c.Classes.Order, "confirm": c.Classes.Confirm,
		"cancel": c.Classes.Cancel, "withdraw": c.Classes.Withdraw} {
		require.NotEmpty(t, class, name)
	}
}

func products(t *testing.T, b Bench) {
	got, err := b.ERP.ProductsBySKU(t.Context(), []string{b.Goods, b.Service, "NO-SUCH-SKU", b.Goods})
	require.NoError(t, err)
	require.Len(t, got, 2)
	require.True(t, got[b.Goods].Stocked)
	require.False(t, got[b.Service].Stocked)
	require.Equal(t, b.Goods, got[b.Goods].SKU)
	none, err := b.ERP.ProductsBySKU(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, none)

	taxes, err := b.ERP.Taxes(t.Context())
	require.NoError(t, err)
	rates := map[string]string{}
	for _, x := range taxes {
		rates[x.ID] = x.Rate.String()
	}
	require.Equal(t, "19", rates[b.Tax19])
	require.Equal(t, "7", rates[b.Tax7])
}

func customers(t *testing.T, b Bench) {
	c := erp.Customer{Key: key(t), Billing: address("Berlin"), Party: commerce.Customer{Name: "Ada Example", Company: "Example Ltd",
		Email: "ada@example.invalid", Phone: "+493012345678", VATIDs: []string{"DE123456789"}}}
	first, err := b.ERP.UpsertCustomer(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, first.Billing, first.Shipping, "nothing else is known of where to ship")

	t.Run("the same again is the same party and address", func(t *testing.T) {
		again, err := b.ERP.UpsertCustomer(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, first, again)
	})
	t.Run("another address is added, and found again", func(t *testing.T) {
		to := address("Hamburg")
		c.Shipping = &to
		moved, err := b.ERP.UpsertCustomer(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, first.Party, moved.Party)
		require.Equal(t, first.Billing, moved.Billing)
		require.NotEqual(t, first.Billing, moved.Shipping)
		c.Update = true
		again, err := b.ERP.UpsertCustomer(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, moved, again)
	})
	t.Run("regions that the ERP knows, and ones that it does not", func(t *testing.T) {
		seen := map[string]bool{first.Billing: true}
		for _, region := range []string{"TX", "CA", "Bayern"} {
			a := commerce.Address{Name: "Ada Example", City: "Springfield", Region: region, Country: "US"}
			c.Shipping = &a
			moved, err := b.ERP.UpsertCustomer(t.Context(), c)
			require.NoError(t, err)
			require.False(t, seen[moved.Shipping], "addresses in two regions are two addresses")
			seen[moved.Shipping] = true
		}
	})
	t.Run("several at once agree on one party", func(t *testing.T) {
		c := erp.Customer{Key: key(t), Party: commerce.Customer{Name: "Ada Example"}, Billing: address("Berlin")}
		refs := make([]erp.CustomerRef, 6)
		errs := make([]error, len(refs))
		var wg sync.WaitGroup
		for i := range refs {
			wg.Go(func() { refs[i], errs[i] = b.ERP.UpsertCustomer(t.Context(), c) })
		}
		wg.Wait()
		for i := range refs {
			require.NoError(t, errs[i])
			require.Equal(t, refs[0].Party, refs[i].Party)
		}
	})
	t.Run("a party without a key or a name is refused", func(t *testing.T) {
		_, err := b.ERP.UpsertCustomer(t.Context(), erp.Customer{Party: commerce.Customer{Name: "Ada"}})
		requireKind(t, commerce.KindInvalid, err)
		_, err = b.ERP.UpsertCustomer(t.Context(), erp.Customer{Key: key(t)})
		requireKind(t, commerce.KindInvalid, err)
	})
}

func orders(t *testing.T, b Bench) {
	n := b.order(t)
	_, err := b.ERP.FindOrder(t.Context(), n.Key)
	requireKind(t, commerce.KindNotFound, err)
	none, err := b.ERP.FindOrders(t.Context(), n.Key)
	require.NoError(t, err)
	require.Empty(t, none)

	made, err := b.ERP.CreateOrder(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, erp.Draft, made.State)
	require.Equal(t, n.Key, made.Key)
	require.Equal(t, n.Expected.Gross, made.Totals.Gross)
	require.Equal(t, n.Date, made.Date)
	require.Equal(t, n.Currency, made.Currency)
	require.NotEmpty(t, made.Ref.System)
	require.NotEmpty(t, made.Ref.Account)
	require.NotEmpty(t, made.Ref.Mode)
	require.Regexp(t, `^order/.+`, made.Ref.ID)
	require.Equal(t, made.Totals.Gross, made.Document().Total)

	found, err := b.ERP.FindOrder(t.Context(), n.Key)
	require.NoError(t, err)
	require.Equal(t, made.Ref, found.Ref)
	require.Equal(t, made.Totals, found.Totals)

	t.Run("the same again is the same order", func(t *testing.T) {
		again, err := b.ERP.CreateOrder(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, made.Ref, again.Ref)
		require.Equal(t, 1, b.Count(t, n.Key))
	})
	t.Run("many keys at once are as many orders", func(t *testing.T) {
		base := b.order(t)
		refs := make([]commerce.Ref, 8)
		errs := make([]error, len(refs))
		var wg sync.WaitGroup
		for i := range refs {
			n := base
			n.Key += "/" + string(rune('a'+i))
			wg.Go(func() {
				o, err := b.ERP.CreateOrder(t.Context(), n)
				refs[i], errs[i] = o.Ref, err
			})
		}
		wg.Wait()
		seen := map[commerce.Ref]bool{}
		for i := range refs {
			require.NoError(t, errs[i])
			require.False(t, seen[refs[i]])
			seen[refs[i]] = true
		}
	})
}

func totals(t *testing.T, b Bench) {
	one, three := commerce.MustDecimal("1"), commerce.MustDecimal("3")
	for _, c := range []struct {
		name     string
		currency commerce.Currency
		lines    []erp.OrderLine
		tax, net int64
	}{
		{"tax rounded per document", "EUR", []erp.OrderLine{
			{SKU: b.Goods, Quantity: three, Net: eur(2991), TaxIDs: []string{b.Tax19}}}, 568, 2991},
		{"tax rounded per line in the shop", "EUR", []erp.OrderLine{
			{SKU: b.Goods, Quantity: one, Net: eur(997), TaxIDs: []string{b.Tax19}},
			{SKU: b.Goods, Quantity: one, Net: eur(997), TaxIDs: []string{b.Tax19}},
			{SKU: b.Goods, Quantity: one, Net: eur(997), TaxIDs: []string{b.Tax19}}}, 567, 2991},
		{"prices that included tax: 3 x 9.99 at 19 %", "EUR", []erp.OrderLine{
			{SKU: b.Goods, Quantity: three, Net: eur(2518), TaxIDs: []string{b.Tax19}}}, 479, 2518},
		{"two rates, a discount and delivery", "EUR", []erp.OrderLine{
			{SKU: b.Goods, Quantity: three, Net: eur(2991), TaxIDs: []string{b.Tax19}},
			{SKU: b.OtherGoods, Quantity: one, Net: eur(1399), TaxIDs: []string{b.Tax7}},
			{Kind: erp.Discount, Quantity: one, Net: eur(-439), TaxIDs: []string{b.Tax19}},
			{Kind: erp.Shipping, Quantity: one, Net: eur(499), TaxIDs: []string{b.Tax19}}}, 677, 4450},
		{"a line that no unit price can hold: 300 for 100.00", "EUR", []erp.OrderLine{
			{SKU: b.Goods, Quantity: commerce.MustDecimal("300"), Net: eur(10000)}}, 0, 10000},
		{"a currency without decimals", "JPY", []erp.OrderLine{
			{SKU: b.Goods, Quantity: three, Net: commerce.MustMoney(2999, "JPY"), TaxIDs: []string{b.Tax19}}}, 570, 2999},
		{"a currency with three decimals", "KWD", []erp.OrderLine{
			{SKU: b.Goods, Quantity: three, Net: commerce.MustMoney(29_995, "KWD"), TaxIDs: []string{b.Tax19}}}, 5_699, 29_995},
		{"nothing to pay", "EUR", []erp.OrderLine{
			{SKU: b.Goods, Quantity: one, Net: eur(1000)}, {Kind: erp.Discount, Quantity: one, Net: eur(-1000)}}, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := b.order(t)
			m := func(minor int64) commerce.Money { return commerce.MustMoney(minor, c.currency) }
			n.Currency, n.Lines, n.Payments = c.currency, c.lines, nil
			n.Expected = erp.Totals{Net: m(c.net), Tax: m(c.tax), Gross: m(c.net + c.tax)}
			o, err := b.ERP.CreateOrder(t.Context(), n)
			require.NoError(t, err)
			require.Equal(t, n.Expected.Gross, o.Totals.Gross)
			o, err = b.ERP.ConfirmOrder(t.Context(), o.Ref)
			require.NoError(t, err)
			require.Equal(t, n.Expected.Gross, o.Totals.Gross)
		})
	}
	t.Run("a difference beyond the bound leaves a draft and both sums", func(t *testing.T) {
		n := b.order(t)
		n.Expected = erp.Totals{Net: eur(4891), Tax: eur(1029), Gross: eur(5920)}
		o, err := b.ERP.CreateOrder(t.Context(), n)
		requireKind(t, commerce.KindInvalid, err)
		require.False(t, commerce.SafeToRetry(err))
		wrong, ok := errors.AsType[*erp.TotalsError](err)
		require.True(t, ok)
		require.Equal(t, eur(5820), wrong.Got.Gross)
		require.Equal(t, eur(5920), wrong.Expected.Gross)
		require.Contains(t, err.Error(), "58.20")
		require.Contains(t, err.Error(), "59.20")
		require.Equal(t, erp.Draft, o.State)
		found, err := b.ERP.FindOrder(t.Context(), n.Key)
		require.NoError(t, err)
		require.Equal(t, o.Ref, found.Ref)

		t.Run("which is finished once the figures are mended", func(t *testing.T) {
			n.Expected = erp.Totals{Net: eur(4891), Tax: eur(931), Gross: eur(5822)}
			mended, err := b.ERP.CreateOrder(t.Context(), n)
			require.NoError(t, err)
			require.Equal(t, o.Ref, mended.Ref)
			require.Equal(t, eur(5822), mended.Totals.Gross)
			n.Expected = erp.Totals{Net: eur(4891), Tax: eur(929), Gross: eur(5820)}
			mended, err = b.ERP.CreateOrder(t.Context(), n)
			require.NoError(t, err)
			require.Equal(t, eur(5820), mended.Totals.Gross)
			require.Equal(t, 1, b.Count(t, n.Key))
		})
	})
	t.Run("without rounding a cent is too much", func(t *testing.T) {
		n := b.order(t)
		n.Rounding = -1
		n.Expected = erp.Totals{Net: eur(4891), Tax: eur(930), Gross: eur(5821)}
		_, err := b.ERP.CreateOrder(t.Context(), n)
		requireKind(t, commerce.KindInvalid, err)
	})
}

func refusals(t *testing.T, b Bench) {
	for _, c := range []struct {
		name string
		kind commerce.Kind
		edit func(*erp.NewOrder)
	}{
		{"a SKU that is not there", commerce.KindMapping, func(n *erp.NewOrder) { n.Lines[0].SKU = "NO-SUCH-SKU" }},
		{"a tax that is not there", commerce.KindMapping, func(n *erp.NewOrder) { n.Lines[0].TaxIDs = []string{"987654"} }},
		{"no key", commerce.KindInvalid, func(n *erp.NewOrder) { n.Key = "" }},
		{"no lines", commerce.KindInvalid, func(n *erp.NewOrder) { n.Lines = nil }},
		{"no customer", commerce.KindInvalid, func(n *erp.NewOrder) { n.Customer = erp.CustomerRef{} }},
		{"a line in another currency", commerce.KindInvalid, func(n *erp.NewOrder) { n.Lines[0].Net = commerce.MustMoney(1, "USD") }},
		{"a quantity of nought", commerce.KindInvalid, func(n *erp.NewOrder) { n.Lines[0].Quantity = commerce.Decimal{} }},
		{"totals that do not add up", commerce.KindInvalid, func(n *erp.NewOrder) { n.Expected.Tax = eur(1) }},
		{"a rounding line of the caller's", commerce.KindInvalid, func(n *erp.NewOrder) { n.Lines[0].Kind = erp.Rounding }},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := b.order(t)
			under := n.Key
			c.edit(&n)
			_, err := b.ERP.CreateOrder(t.Context(), n)
			requireKind(t, c.kind, err)
			require.Zero(t, b.Count(t, under))
		})
	}
	t.Run("a context that has ended", func(t *testing.T) {
		n := b.order(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := b.ERP.CreateOrder(ctx, n)
		require.Error(t, err)
		require.True(t, commerce.SafeToRetry(err), "%v", err)
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("a ref of another system or mode", func(t *testing.T) {
		n := b.order(t)
		o, err := b.ERP.CreateOrder(t.Context(), n)
		require.NoError(t, err)
		foreign := o.Ref
		foreign.System = "elsewhere"
		_, err = b.ERP.ConfirmOrder(t.Context(), foreign)
		requireKind(t, commerce.KindInvalid, err)
		live := o.Ref
		live.Mode = commerce.Live
		_, err = b.ERP.ConfirmOrder(t.Context(), live)
		requireKind(t, commerce.KindInvalid, err)
		require.True(t, commerce.SafeToRetry(err))
	})
}

func transitions(t *testing.T, b Bench) {
	t.Run("confirming twice is confirming once", func(t *testing.T) {
		n := b.order(t)
		o, err := b.ERP.CreateOrder(t.Context(), n)
		require.NoError(t, err)
		for range 2 {
			o, err = b.ERP.ConfirmOrder(t.Context(), o.Ref)
			require.NoError(t, err)
			require.Equal(t, erp.Confirmed, o.State)
			require.NotEmpty(t, o.Number)
			require.Equal(t, erp.DeliveryPending, o.Delivery)
		}
		again, err := b.ERP.CreateOrder(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, erp.Confirmed, again.State, "a confirmed order is found, not made again")
		requireKind(t, commerce.KindConflict, b.ERP.WithdrawOrder(t.Context(), o.Ref))
	})
	t.Run("a cancelled order counts no more", func(t *testing.T) {
		n := b.order(t)
		o, err := b.ERP.CreateOrder(t.Context(), n)
		require.NoError(t, err)
		for range 2 {
			gone, err := b.ERP.CancelOrder(t.Context(), o.Ref)
			require.NoError(t, err)
			require.Equal(t, erp.Cancelled, gone.State)
		}
		_, err = b.ERP.FindOrder(t.Context(), n.Key)
		requireKind(t, commerce.KindNotFound, err)
		all, err := b.ERP.FindOrders(t.Context(), n.Key)
		require.NoError(t, err)
		require.Len(t, all, 1)
		_, err = b.ERP.ConfirmOrder(t.Context(), o.Ref)
		requireKind(t, commerce.KindConflict, err)
		second, err := b.ERP.CreateOrder(t.Context(), n)
		require.NoError(t, err)
		require.NotEqual(t, o.Ref, second.Ref)
	})
	t.Run("of a confirmed order that is cancelled another takes the place", func(t *testing.T) {
		n := b.order(t)
		var before commerce.Ref
		for _, quantity := range []string{"3", "2", "3"} {
			n.Lines[0].Quantity = commerce.MustDecimal(quantity)
			o, err := b.ERP.CreateOrder(t.Context(), n)
			require.NoError(t, err)
			require.NotEqual(t, before, o.Ref)
			o, err = b.ERP.ConfirmOrder(t.Context(), o.Ref)
			require.NoError(t, err)
			found, err := b.ERP.FindOrder(t.Context(), n.Key)
			require.NoError(t, err)
			require.Equal(t, o.Ref, found.Ref)
			for range 2 {
				gone, err := b.ERP.CancelOrder(t.Context(), o.Ref)
				require.NoError(t, err)
				require.Equal(t, erp.Cancelled, gone.State)
				require.Equal(t, n.Key, gone.Key)
				require.Equal(t, erp.NothingToDeliver, gone.Delivery)
			}
			_, err = b.ERP.FindOrder(t.Context(), n.Key)
			requireKind(t, commerce.KindNotFound, err)
			_, err = b.ERP.ConfirmOrder(t.Context(), o.Ref)
			requireKind(t, commerce.KindConflict, err)
			before = o.Ref
		}
		all, err := b.ERP.FindOrders(t.Context(), n.Key)
		require.NoError(t, err)
		require.Len(t, all, 3)
	})
	for name, fix := range map[string]func(*testing.T, string){"sent": func(t *testing.T, key string) {
		if b.Ship == nil {
			t.Skip("nobody ships at this bench")
		}
		b.Ship(t, key, "1Z999AA10123456785")
	}, "picked": b.Pick, "invoiced": b.Invoice} {
		t.Run("an order that is "+name+" stays", func(t *testing.T) {
			if fix == nil {
				t.Skip("the bench can not do that")
			}
			n := b.order(t)
			o, err := b.ERP.CreateOrder(t.Context(), n)
			require.NoError(t, err)
			o, err = b.ERP.ConfirmOrder(t.Context(), o.Ref)
			require.NoError(t, err)
			fix(t, n.Key)
			_, err = b.ERP.CancelOrder(t.Context(), o.Ref)
			requireKind(t, commerce.KindConflict, err)
			require.True(t, commerce.SafeToRetry(err), "nothing was done: %v", err)
			found, err := b.ERP.FindOrder(t.Context(), n.Key)
			require.NoError(t, err)
			require.Equal(t, o.Ref, found.Ref)
			require.NotEqual(t, erp.Cancelled, found.State)
		})
	}
	t.Run("an order that is not there", func(t *testing.T) {
		n := b.order(t)
		o, err := b.ERP.CreateOrder(t.Context(), n)
		require.NoError(t, err)
		missing := o.Ref.With("order/99999999")
		_, err = b.ERP.ConfirmOrder(t.Context(), missing)
		requireKind(t, commerce.KindNotFound, err)
		require.NoError(t, b.ERP.WithdrawOrder(t.Context(), missing))
	})
	t.Run("of two drafts under a key one is withdrawn", func(t *testing.T) {
		if b.Duplicate == nil {
			t.Skip("the bench makes no twins")
		}
		n := b.order(t)
		_, err := b.ERP.CreateOrder(t.Context(), n)
		require.NoError(t, err)
		b.Duplicate(t, n.Key)
		twins, err := b.ERP.FindOrders(t.Context(), n.Key)
		require.NoError(t, err)
		require.Len(t, twins, 2)
		again, err := b.ERP.CreateOrder(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, twins[0].Ref, again.Ref, "everybody agrees on the first")
		require.NoError(t, b.ERP.WithdrawOrder(t.Context(), twins[1].Ref))
		require.NoError(t, b.ERP.WithdrawOrder(t.Context(), twins[1].Ref))
		require.Equal(t, 1, b.Count(t, n.Key))
	})
}

func lostAnswers(t *testing.T, b Bench) {
	t.Run("an answer that is lost leaves an unknown outcome and one order", func(t *testing.T) {
		if b.LoseCreate == nil {
			t.Skip("the bench loses no answers")
		}
		n := b.order(t)
		b.LoseCreate(t)
		_, err := b.ERP.CreateOrder(t.Context(), n)
		require.ErrorIs(t, err, commerce.ErrUnknown)
		require.False(t, commerce.SafeToRetry(err))
		found, err := b.ERP.FindOrder(t.Context(), n.Key)
		require.NoError(t, err)
		again, err := b.ERP.CreateOrder(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, found.Ref, again.Ref)
		require.Equal(t, 1, b.Count(t, n.Key))
	})
	t.Run("a refused connection is not sent", func(t *testing.T) {
		if b.RefuseConnection == nil {
			t.Skip("the bench refuses no connections")
		}
		n := b.order(t)
		b.RefuseConnection(t)
		_, err := b.ERP.CreateOrder(t.Context(), n)
		if err != nil { // the adapter may have repeated it
			require.True(t, commerce.SafeToRetry(err), "%v", err)
			_, err = b.ERP.CreateOrder(t.Context(), n)
		}
		require.NoError(t, err)
		require.Equal(t, 1, b.Count(t, n.Key))
	})
}

func companies(t *testing.T, b Bench) {
	if b.OtherCompany == "" {
		t.Skip("the bench has one company")
	}
	n := b.order(t)
	o, err := b.ERP.CreateOrder(t.Context(), n)
	require.NoError(t, err)
	other := b.ERP.ForCompany(b.OtherCompany)
	all, err := other.FindOrders(t.Context(), n.Key)
	require.NoError(t, err)
	require.Empty(t, all)
	_, err = other.ConfirmOrder(t.Context(), o.Ref)
	requireKind(t, commerce.KindNotFound, err)
	_, isWarehouse := b.ERP.(erp.Warehouse)
	_, otherIs := other.(erp.Warehouse)
	require.Equal(t, isWarehouse, otherIs, "abilities do not depend on the company")
}

func warehouse(t *testing.T, b Bench) {
	w, ok := b.ERP.(erp.Warehouse)
	if !ok {
		t.Skip("the ERP is no warehouse")
	}
	confirmed := func(t *testing.T, edit func(*erp.NewOrder)) erp.Order {
		t.Helper()
		n := b.order(t)
		if edit != nil {
			edit(&n)
		}
		o, err := b.ERP.CreateOrder(t.Context(), n)
		require.NoError(t, err)
		o, err = b.ERP.ConfirmOrder(t.Context(), o.Ref)
		require.NoError(t, err)
		return o
	}
	t.Run("a draft is not shipped", func(t *testing.T) {
		o, err := b.ERP.CreateOrder(t.Context(), b.order(t))
		require.NoError(t, err)
		_, err = w.RequestFulfilment(t.Context(), o.Ref)
		requireKind(t, commerce.KindConflict, err)
	})
	t.Run("what is in stock is reserved, and read back once sent", func(t *testing.T) {
		o := confirmed(t, nil)
		f, err := w.Fulfilment(t.Context(), o.Ref)
		require.NoError(t, err)
		if b.ReservesItself {
			require.Equal(t, erp.Reserved, f.State)
		} else {
			require.Equal(t, erp.NotRequested, f.State)
		}
		for range 2 {
			f, err = w.RequestFulfilment(t.Context(), o.Ref)
			require.NoError(t, err)
			require.Equal(t, erp.Reserved, f.State)
			require.Empty(t, f.Missing)
		}
		none, err := w.OrderShipments(t.Context(), o.Ref)
		require.NoError(t, err)
		require.Empty(t, none)
		if b.Ship == nil {
			t.Skip("nobody ships at this bench")
		}
		start, err := w.Shipments(t.Context(), "")
		require.NoError(t, err)
		b.Ship(t, o.Key, "1Z999AA10123456784")

		f, err = w.Fulfilment(t.Context(), o.Ref)
		require.NoError(t, err)
		require.Equal(t, erp.Sent, f.State)
		sent, err := w.OrderShipments(t.Context(), o.Ref)
		require.NoError(t, err)
		require.Len(t, sent, 1)
		require.Equal(t, o.Ref, sent[0].Order)
		require.Equal(t, o.Key, sent[0].Key)
		require.Regexp(t, `^shipment/.+`, sent[0].Ref.ID)
		require.False(t, sent[0].Sent.IsZero())
		quantities := map[string]string{}
		for _, l := range sent[0].Lines {
			require.NotEmpty(t, l.OrderLine)
			quantities[l.SKU] = l.Quantity.String()
		}
		require.Equal(t, map[string]string{b.Goods: "3", b.OtherGoods: "1"}, quantities)
		c, err := b.ERP.Capabilities(t.Context())
		require.NoError(t, err)
		if c.Tracking {
			require.Len(t, sent[0].Parcels, 1)
			require.Equal(t, "1Z999AA10123456784", sent[0].Parcels[0].Tracking)
		}
		one, err := w.Shipment(t.Context(), sent[0].Ref)
		require.NoError(t, err)
		require.Equal(t, sent[0], one)

		seen := false
		for at, more := start.Next, true; more; {
			page, err := w.Shipments(t.Context(), at)
			require.NoError(t, err)
			for _, s := range page.Shipments {
				seen = seen || s.Ref == sent[0].Ref
			}
			at, more = page.Next, page.More
		}
		require.True(t, seen, "a shipment that was sent after a cursor is found from it")
		after, err := b.ERP.FindOrder(t.Context(), o.Key)
		require.NoError(t, err)
		require.Equal(t, erp.DeliveryFull, after.Delivery)
	})
	t.Run("what was reserved for an order that is cancelled is free again", func(t *testing.T) {
		one := func(n *erp.NewOrder) { n.Lines[1].SKU, n.Key = b.Scarce, n.Key+"/one" }
		other := func(n *erp.NewOrder) { n.Lines[1].SKU, n.Key = b.Scarce, n.Key+"/other" }
		for _, edit := range []func(*erp.NewOrder){one, other} {
			o := confirmed(t, edit)
			f, err := w.RequestFulfilment(t.Context(), o.Ref)
			require.NoError(t, err)
			require.Equal(t, erp.Reserved, f.State)
			_, err = b.ERP.CancelOrder(t.Context(), o.Ref)
			require.NoError(t, err)
			_, err = w.RequestFulfilment(t.Context(), o.Ref)
			requireKind(t, commerce.KindConflict, err)
		}
	})
	t.Run("what is not in stock is named", func(t *testing.T) {
		o := confirmed(t, func(n *erp.NewOrder) {
			n.Lines[1].SKU, n.Lines[1].Quantity = b.Scarce, commerce.MustDecimal("5")
		})
		f, err := w.RequestFulfilment(t.Context(), o.Ref)
		require.NoError(t, err)
		require.Equal(t, erp.Backordered, f.State)
		require.Len(t, f.Missing, 1)
		require.Equal(t, b.Scarce, f.Missing[0].SKU)
		require.Equal(t, 1, f.Missing[0].Quantity.Sign())
	})
	t.Run("an order without goods has nothing to send", func(t *testing.T) {
		o := confirmed(t, func(n *erp.NewOrder) { n.Lines[0].SKU, n.Lines[1].SKU = b.Service, b.Service })
		f, err := w.RequestFulfilment(t.Context(), o.Ref)
		require.NoError(t, err)
		require.Equal(t, erp.NothingToSend, f.State)
	})
	t.Run("a refusal of the warehouse is told", func(t *testing.T) {
		if b.Refuse == nil {
			t.Skip("nobody refuses at this bench")
		}
		o := confirmed(t, nil)
		b.Refuse(t, o.Key)
		f, err := w.RequestFulfilment(t.Context(), o.Ref)
		require.NoError(t, err)
		require.Equal(t, erp.Refused, f.State)
		require.NotEmpty(t, f.Missing)
	})
	t.Run("a shipment that is not there", func(t *testing.T) {
		o := confirmed(t, nil)
		_, err := w.Shipment(t.Context(), o.Ref.With("shipment/99999999"))
		requireKind(t, commerce.KindNotFound, err)
	})
	t.Run("a cursor of someone else's", func(t *testing.T) {
		_, err := w.Shipments(t.Context(), "nonsense")
		requireKind(t, commerce.KindInvalid, err)
	})
}

func ledger(t *testing.T, b Bench) {
	l, ok := b.ERP.(erp.Ledger)
	if !ok || b.Bank == "" {
		t.Skip("the ERP posts no entries")
	}
	entry := func(t *testing.T) commerce.JournalEntry {
		return commerce.JournalEntry{Key: key(t), Journal: b.Journal, Date: b.Today, Text: "payout", Lines: []commerce.JournalLine{
			{Account: b.Bank, Text: "to bank", Debit: eur(96340)}, {Account: b.Revenue, Text: "sales", Credit: eur(96340)}}}
	}
	t.Run("posting twice is posting once", func(t *testing.T) {
		e := entry(t)
		_, err := l.FindEntry(t.Context(), e.Key)
		requireKind(t, commerce.KindNotFound, err)
		first, err := l.PostEntry(t.Context(), e)
		require.NoError(t, err)
		require.True(t, first.Posted)
		require.Equal(t, e.Date, first.Entry.Date)
		require.NoError(t, first.Entry.Balance())
		require.Len(t, first.Entry.Lines, 2)
		again, err := l.PostEntry(t.Context(), e)
		require.NoError(t, err)
		require.Equal(t, first.Ref, again.Ref)
		found, err := l.FindEntry(t.Context(), e.Key)
		require.NoError(t, err)
		require.Equal(t, first.Ref, found.Ref)

		t.Run("a reversal takes it back, once", func(t *testing.T) {
			back, err := l.ReverseEntry(t.Context(), first.Ref, e.Key+"/reversal", "the payout failed")
			require.NoError(t, err)
			require.True(t, back.Posted)
			require.Equal(t, first.Ref, back.ReversalOf)
			require.NoError(t, back.Entry.Balance())
			sum := map[string]int64{}
			for _, x := range append(first.Entry.Lines, back.Entry.Lines...) {
				sum[x.Account] += x.Debit.Minor() - x.Credit.Minor()
			}
			require.Equal(t, map[string]int64{b.Bank: 0, b.Revenue: 0}, sum)
			again, err := l.ReverseEntry(t.Context(), first.Ref, e.Key+"/reversal", "the payout failed")
			require.NoError(t, err)
			require.Equal(t, back.Ref, again.Ref)
		})
	})
	t.Run("a line keeps the currency of what happened", func(t *testing.T) {
		e := entry(t)
		e.Lines[0].Transaction = commerce.MustMoney(110_000, "USD")
		got, err := l.PostEntry(t.Context(), e)
		require.NoError(t, err)
		for _, x := range got.Entry.Lines {
			if x.Account == b.Bank {
				require.Equal(t, e.Lines[0].Transaction, x.Transaction)
			}
		}
	})
	t.Run("another amount under the key is told, not posted", func(t *testing.T) {
		e := entry(t)
		_, err := l.PostEntry(t.Context(), e)
		require.NoError(t, err)
		e.Lines[0].Debit, e.Lines[1].Credit = eur(1), eur(1)
		_, err = l.PostEntry(t.Context(), e)
		requireKind(t, commerce.KindConflict, err)
		require.False(t, commerce.SafeToRetry(err))
	})
	t.Run("an entry that does not balance is not sent", func(t *testing.T) {
		e := entry(t)
		e.Lines[0].Debit = eur(1)
		_, err := l.PostEntry(t.Context(), e)
		requireKind(t, commerce.KindInvalid, err)
		_, err = l.FindEntry(t.Context(), e.Key)
		requireKind(t, commerce.KindNotFound, err)
	})
	t.Run("a closed period is told", func(t *testing.T) {
		if b.ClosedDate.IsZero() {
			t.Skip("the bench closes no period")
		}
		e := entry(t)
		e.Date = b.ClosedDate
		_, err := l.PostEntry(t.Context(), e)
		requireKind(t, commerce.KindPeriodClosed, err)
		require.True(t, commerce.SafeToRetry(err), "%v", err)
	})
}
