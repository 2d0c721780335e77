package erptest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func config() erptest.MemoryConfig {
	return erptest.MemoryConfig{
		Products: []erp.Product{{SKU: "RED", Stocked: true}, {SKU: "BLUE", Stocked: true}, {SKU: "LAST", Stocked: true}, {SKU: "COURSE"}},
		Stock:    map[string]int64{"LAST": 1},
		Taxes: []erp.Tax{{ID: "t19", Name: "19 %", Rate: commerce.MustDecimal("19")},
			{ID: "t7", Name: "7 %", Rate: commerce.MustDecimal("7")}},
	}
}

func TestMemoryKeepsThePromisesOfTheERP(t *testing.T) {
	for _, unique := range []bool{false, true} {
		t.Run(fmt.Sprintf("unique keys: %v", unique), func(t *testing.T) {
			erptest.Run(t, func(t *testing.T) erptest.Bench { return bench(t, unique) })
		})
	}
}

func bench(t *testing.T, unique bool) erptest.Bench {
	c := config()
	for _, code := range []string{"1010", "1090", "1200", "4010", "6070"} {
		c.Accounts = append(c.Accounts, erp.Account{Code: code})
	}
	c.Accounts = append(c.Accounts, erp.Account{Code: "1091", Currency: "USD"}, erp.Account{Code: "2090", Party: true, Settles: true})
	c.Journals = []string{"STRIPE", "BANK"}
	c.Rates = map[commerce.Currency]commerce.Decimal{"GBP": commerce.MustDecimal("0.86"), "USD": commerce.MustDecimal("1.1")}
	c.Unique, c.InvoicesItself, c.Closed = unique, unique, commerce.Date{Year: 2026, Month: 9, Day: 30}
	m, err := erptest.NewMemory(c)
	require.NoError(t, err)
	ref := func(t *testing.T, key string) commerce.Ref {
		t.Helper()
		o, err := m.FindOrder(t.Context(), key)
		require.NoError(t, err)
		return o.Ref
	}
	return erptest.Bench{
		ERP: m, Goods: "RED", OtherGoods: "BLUE", Scarce: "LAST", Service: "COURSE", Tax19: "t19", Tax7: "t7", OtherCompany: "2",
		Count: func(_ *testing.T, key string) (n int) {
			for _, o := range m.Orders() {
				if o.Key == key {
					n++
				}
			}
			return n
		},
		LoseCreate:       func(*testing.T) { m.Fail(erptest.Fault{Op: "CreateOrder", Times: 1, AfterEffect: true}) },
		RefuseConnection: func(*testing.T) { m.Fail(erptest.Fault{Op: "CreateOrder", Times: 1}) },
		Duplicate: func(t *testing.T, key string) {
			_, err := m.Duplicate(ref(t, key))
			require.NoError(t, err)
		},
		Ship: func(t *testing.T, key, tracking string) {
			_, err := m.Ship(ref(t, key), []commerce.Parcel{{Tracking: tracking}})
			require.NoError(t, err)
		},
		Refuse:  func(t *testing.T, key string) { require.NoError(t, m.Refuse(ref(t, key))) },
		Invoice: func(t *testing.T, key string) { require.NoError(t, m.Fix(ref(t, key))) },
		Pick:    func(t *testing.T, key string) { require.NoError(t, m.Fix(ref(t, key))) },
		Bank:    "1010", Revenue: "4010", Journal: "STRIPE",
		Clearing: "1090", Advance: "2090", ForeignClearing: "1091", FX: "6070",
		TakeBack: func(t *testing.T, key string) { require.NoError(t, m.TakeBack(ref(t, key))) },
		LoseAnswer: func(_ *testing.T, n int) func() bool {
			if n == 1 { // every operation is one call
				m.Fail(erptest.Fault{Times: 1, AfterEffect: true})
			}
			return func() bool { return n == 1 }
		},
		CountEntries: func(_ *testing.T, key string) (n int) {
			for _, e := range m.Entries() {
				if e.Entry.Key == key {
					n++
				}
			}
			return n
		},
		ClosedDate: c.Closed, Today: commerce.Date{Year: 2026, Month: 11, Day: 21},
	}
}

func TestMemoryShipsInPartsAndPages(t *testing.T) {
	m, err := erptest.NewMemory(config())
	require.NoError(t, err)
	b := bench(t, false)
	b.ERP = m
	who, err := m.UpsertCustomer(t.Context(), erp.Customer{Key: "c", Party: commerce.Customer{Name: "Ada"}})
	require.NoError(t, err)
	eur := func(n int64) commerce.Money { return commerce.MustMoney(n, "EUR") }
	one := commerce.MustDecimal("1")
	o, err := m.CreateOrder(t.Context(), erp.NewOrder{Key: "k", Customer: who, Date: b.Today, Currency: "EUR",
		Lines:    []erp.OrderLine{{SKU: "RED", Quantity: one, Net: eur(100)}, {SKU: "BLUE", Quantity: one, Net: eur(100)}},
		Expected: erp.Totals{Net: eur(200), Tax: eur(0), Gross: eur(200)}})
	require.NoError(t, err)
	_, err = m.ConfirmOrder(t.Context(), o.Ref)
	require.NoError(t, err)
	_, err = m.Ship(o.Ref, nil, "RED")
	require.NoError(t, err)
	part, err := m.FindOrder(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, erp.DeliveryPartial, part.Delivery)
	_, err = m.CancelOrder(t.Context(), o.Ref)
	require.ErrorIs(t, err, commerce.ErrConflict)
	_, err = m.Ship(o.Ref, nil)
	require.NoError(t, err)
	_, err = m.Ship(o.Ref, nil)
	require.ErrorIs(t, err, commerce.ErrConflict)
	page, err := m.Shipments(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, page.Shipments, 2)
	next, err := m.Shipments(t.Context(), page.Next)
	require.NoError(t, err)
	require.Empty(t, next.Shipments)
	require.Equal(t, page.Next, next.Next)
}

func TestAMemoryIsRefusedWithTheNameOfTheField(t *testing.T) {
	_, err := erptest.NewMemory(erptest.MemoryConfig{Currency: "XXX"})
	require.ErrorContains(t, err, "Currency")
	_, err = erptest.NewMemory(erptest.MemoryConfig{Taxes: []erp.Tax{{Name: "no id"}}})
	require.ErrorContains(t, err, "Taxes[0]")
}

func TestAMemoryBooksTheDifferenceInExchange(t *testing.T) {
	c := config()
	c.Rates = map[commerce.Currency]commerce.Decimal{"USD": commerce.MustDecimal("1.1")}
	m, err := erptest.NewMemory(c)
	require.NoError(t, err)
	usd := func(n int64) commerce.Money { return commerce.MustMoney(n, "USD") }
	eur := func(n int64) commerce.Money { return commerce.MustMoney(n, "EUR") }
	day := commerce.Date{Year: 2026, Month: 11, Day: 21}
	who, err := m.UpsertCustomer(t.Context(), erp.Customer{Key: "c", Party: commerce.Customer{Name: "Ada"}})
	require.NoError(t, err)
	o, err := m.CreateOrder(t.Context(), erp.NewOrder{Key: "k", Customer: who, Date: day, Currency: "USD",
		Lines:    []erp.OrderLine{{SKU: "RED", Quantity: commerce.MustDecimal("1"), Net: usd(11000)}},
		Expected: erp.Totals{Net: usd(11000), Tax: usd(0), Gross: usd(11000)}})
	require.NoError(t, err)
	_, err = m.ConfirmOrder(t.Context(), o.Ref)
	require.NoError(t, err)
	i, err := m.PostInvoice(t.Context(), erp.NewInvoice{Key: "i", Order: o.Ref, Date: day, Expected: o.Totals})
	require.NoError(t, err)
	n := erp.NewReceipt{Key: "r", Party: i.Party, Journal: "STRIPE", Date: day, Account: "1090", Amount: usd(11000),
		Settled: eur(9800), Apply: []erp.Application{{Invoice: i.Ref, Amount: usd(11000)}}}
	_, err = m.PostReceipt(t.Context(), n)
	require.ErrorContains(t, err, "FXAccount")
	n.FXAccount = "6070"
	_, err = m.PostReceipt(t.Context(), n)
	require.NoError(t, err)
	sums := map[string]int64{}
	for _, e := range m.Entries() {
		require.NoError(t, e.Entry.Balance())
		for _, l := range e.Entry.Lines {
			sums[l.Account] += l.Debit.Minor() - l.Credit.Minor()
		}
	}
	require.Equal(t, map[string]int64{"1200": 0, "4000": -10000, "1090": 9800, "6070": 200}, sums)
}
