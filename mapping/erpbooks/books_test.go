package erpbooks_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erptest"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/workflow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	_ workflow.ERP       = (*erpbooks.Books)(nil)
	_ workflow.Warehouse = (*erpbooks.Books)(nil)
	_ workflow.Ledger    = (*erpbooks.Books)(nil)
	_ inbox.Feed         = (*erpbooks.Books)(nil)
)

var now = time.Date(2026, 11, 21, 23, 30, 0, 0, time.UTC)

func dec(s string) commerce.Decimal { return commerce.MustDecimal(s) }

func config() erpbooks.Config {
	return erpbooks.Config{System: "memory",
		Routes: mapping.Routes{{Name: "eu", Shop: "main", Mode: commerce.Test, Company: "1", Warehouse: "W1", Prefix: "DE-"}},
		Taxes:  map[string]mapping.TaxTable{"default": {{Rate: "19", IDs: []string{"t19"}}, {Rate: "7", IDs: []string{"t7"}}, {Rate: "0"}}}}
}

func memory(t require.TestingT, c erptest.MemoryConfig) *erptest.Memory {
	c.Products = append(c.Products, erp.Product{SKU: "CUP", Stocked: true}, erp.Product{SKU: "POT", Stocked: true, UnitDigits: 2}, erp.Product{SKU: "CARD"})
	c.Taxes = []erp.Tax{{ID: "t19", Rate: dec("19")}, {ID: "t7", Rate: dec("7")}}
	c.Now = func() time.Time { return now }
	m, err := erptest.NewMemory(c)
	require.NoError(t, err)
	return m
}

func books(t require.TestingT, m erp.ERP, c erpbooks.Config) *erpbooks.Books {
	b, err := erpbooks.New(m, c)
	require.NoError(t, err)
	return b
}

// order is 2 cups and a pot at 19 and 7 percent, with a discount of a coupon and
// shipping, as a shop states it.
func order(t require.TestingT, id string) commerce.Order {
	de := func(rate string, amount mapping.Amount) []mapping.RowTax {
		return []mapping.RowTax{{Code: "DE " + rate, Rate: dec(rate), Amount: amount}}
	}
	return orderOf(t, id, mapping.Sheet{Document: "order", Currency: "EUR", Country: "DE", Rows: []mapping.Row{
		{ID: "1", SKU: "CUP", Name: "Cup", Quantity: dec("2"), Net: 200_000, Discount: 20_000, Tax: 34_200, Taxes: de("19", 34_200), Codes: []string{"TEN"}},
		{ID: "2", SKU: "POT", Name: "Pot", Quantity: dec("1"), Net: 100_000, Tax: 7_000, Taxes: de("7", 7_000)},
	}, Shipping: mapping.ShippingRow{Title: "DHL", Net: 50_000, Tax: 9_500, Taxes: de("19", 9_500)},
		Stated: mapping.Stated{Net: 300_000, Discount: 20_000, Shipping: 50_000, Tax: 50_700, Gross: 380_700}})
}

func orderOf(t require.TestingT, id string, s mapping.Sheet) commerce.Order {
	sale, err := s.Fold()
	require.NoError(t, err)
	ref := commerce.Ref{System: "magento", Account: "main", Mode: commerce.Test, ID: "order/" + id}
	a := commerce.Address{Name: "Jo Ro", Street: "Weg 1", City: "Köln", PostalCode: "50667", Country: "DE"}
	return commerce.Order{Ref: ref, Number: "0000000" + id, Currency: s.Currency, Placed: now, Customer: commerce.Customer{Guest: true, Name: "Jo Ro"},
		BillingAddress: a, ShippingAddress: &a, Lines: sale.Lines, Shipping: sale.Shipping, Totals: sale.Totals,
		Tenders: []commerce.Tender{{Kind: commerce.TenderStripe, Amount: sale.Totals.Gross}}}
}

func payment(o commerce.Order) commerce.Payment {
	return commerce.Payment{Ref: commerce.Ref{System: "stripe", Account: "acct_1", Mode: commerce.Test, ID: "pi_1"}, Charge: "ch_1",
		Status: commerce.PaymentCaptured, Amount: o.Totals.Gross, Captured: o.Totals.Gross, Created: now,
		Method: commerce.PaymentMethod{Type: "card", Brand: "visa", Last4: "4242"}}
}

func run(ctx context.Context, s idempotency.Store, key string, e idempotency.Effect[commerce.Document]) (commerce.Document, error) {
	return idempotency.Run(ctx, s, key, e)
}

func route(t require.TestingT, b *erpbooks.Books, o commerce.Order) mapping.Route {
	r, err := b.Route(o, []commerce.Payment{payment(o)})
	require.NoError(t, err)
	return r
}

func TestAnOrderBecomesOneConfirmedSalesOrderWithTheShopsTotal(t *testing.T) {
	t.Parallel()
	m := memory(t, erptest.MemoryConfig{})
	c := config()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	c.Location = berlin
	c.Products = erpbooks.Products{}
	b := books(t, m, c)
	require.NoError(t, b.Check(t.Context()).Err())
	o := order(t, "17")
	r := route(t, b, o)
	steps := idempotency.NewMemory(nil)
	doc, err := run(t.Context(), steps, "order", b.SalesOrder(r, o, []commerce.Payment{payment(o)}))
	require.NoError(t, err)
	require.Equal(t, o.Totals.Gross, doc.Total)
	require.Equal(t, string(erp.Draft), doc.State)

	n, ok := m.Written(b.Reference(o.Ref))
	require.True(t, ok)
	require.Equal(t, "/magento/main/test/order%2F17", n.Key)
	require.Equal(t, "2026-11-22", n.Date.String(), "the day where the company is")
	require.Equal(t, "Order DE-000000017", n.Text)
	require.Equal(t, "W1", n.Warehouse)
	var lines []string
	for _, l := range n.Lines {
		lines = append(lines, fmt.Sprintf("%s|%s|%s|%s|%s|%v", l.Kind, l.SKU, l.Text, l.Quantity, l.Net.Text(), l.TaxIDs))
	}
	require.Equal(t, []string{"|CUP|Cup|2|20.00|[t19]", "|POT|Pot|1|10.00|[t7]", "shipping||DHL|1|5.00|[t19]", "discount||Discount TEN|1|-2.00|[t19]"}, lines)
	require.Equal(t, "stripe card visa 4242, 38.07 EUR, pi_1 ch_1, 2026-11-21T23:30:00Z", n.Payments[0].String())
	require.Equal(t, []erp.TaxAmount{{TaxID: "t19", Base: commerce.MustMoney(2300, "EUR"), Amount: commerce.MustMoney(437, "EUR")},
		{TaxID: "t7", Base: commerce.MustMoney(1000, "EUR"), Amount: commerce.MustMoney(70, "EUR")}}, n.Taxes)

	confirmed, err := run(t.Context(), steps, "confirm", b.Confirm(r, doc))
	require.NoError(t, err)
	require.Equal(t, string(erp.Confirmed), confirmed.State)
	_, err = run(t.Context(), steps, "confirm anew", b.Confirm(r, doc))
	require.NoError(t, err)
	found, err := run(t.Context(), steps, "order anew", b.SalesOrder(r, o, nil))
	require.NoError(t, err)
	require.Equal(t, doc.Ref, found.Ref)
	docs, err := b.SalesOrders(t.Context(), r, o.Ref)
	require.NoError(t, err)
	require.Len(t, docs, 1)
	require.Len(t, m.Orders(), 1)
}

func TestALostAnswerIsFoundByTheReference(t *testing.T) {
	t.Parallel()
	m := memory(t, erptest.MemoryConfig{})
	b := books(t, m, config())
	o := order(t, "17")
	e := b.SalesOrder(route(t, b, o), o, nil)
	m.Fail(erptest.Fault{Op: "CreateOrder", Times: 1, AfterEffect: true})
	_, err := e.Act(t.Context())
	require.ErrorIs(t, err, commerce.ErrUnknown)
	doc, err := e.Find(t.Context())
	require.NoError(t, err)
	require.Equal(t, o.Totals.Gross, doc.Total)
	_, err = b.SalesOrder(route(t, b, o), order(t, "18"), nil).Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound)
}

func TestASurplusDraftIsWithdrawnAndAConfirmedOneStays(t *testing.T) {
	t.Parallel()
	m := memory(t, erptest.MemoryConfig{})
	b := books(t, m, config())
	o := order(t, "17")
	r := route(t, b, o)
	doc, err := b.SalesOrder(r, o, nil).Act(t.Context())
	require.NoError(t, err)
	_, err = m.Duplicate(doc.Ref)
	require.NoError(t, err)
	_, err = b.Confirm(r, doc).Act(t.Context())
	require.NoError(t, err)
	docs, err := b.SalesOrders(t.Context(), r, o.Ref)
	require.NoError(t, err)
	require.Len(t, docs, 2)
	require.Equal(t, doc.Ref, docs[0].Ref, "the confirmed one counts")
	_, err = b.Withdraw(r, docs[0]).Act(t.Context())
	require.ErrorIs(t, err, commerce.ErrConflict)
	_, err = b.Withdraw(r, docs[1]).Act(t.Context())
	require.NoError(t, err)
	_, err = b.Withdraw(r, docs[1]).Act(t.Context())
	require.NoError(t, err, "gone already")
	require.Len(t, m.Orders(), 1)
}

func TestASalesOrderIsCancelledAndAnotherTakesItsPlace(t *testing.T) {
	t.Parallel()
	m := memory(t, erptest.MemoryConfig{})
	b := books(t, m, config())
	o := order(t, "17")
	r, steps := route(t, b, o), idempotency.NewMemory(nil)
	_, err := run(t.Context(), steps, "none", b.Cancel(r, o.Ref))
	require.NoError(t, err, "nothing counts")
	first, err := run(t.Context(), steps, "first", b.SalesOrder(r, o, nil))
	require.NoError(t, err)
	_, err = m.Duplicate(first.Ref)
	require.NoError(t, err)
	_, err = run(t.Context(), steps, "confirm", b.Confirm(r, first))
	require.NoError(t, err)
	_, err = run(t.Context(), steps, "cancel", b.Cancel(r, o.Ref))
	require.NoError(t, err)
	docs, err := b.SalesOrders(t.Context(), r, o.Ref)
	require.NoError(t, err)
	require.Len(t, docs, 2)
	for _, d := range docs {
		require.Equal(t, "cancelled", d.State)
	}
	second, err := run(t.Context(), steps, "second", b.SalesOrder(r, o, nil))
	require.NoError(t, err)
	require.NotEqual(t, first.Ref, second.Ref)
	require.NoError(t, m.Fix(second.Ref))
	_, err = run(t.Context(), steps, "late", b.Cancel(r, o.Ref))
	require.ErrorIs(t, err, commerce.ErrConflict)
	require.True(t, commerce.SafeToRetry(err))
	docs, err = b.SalesOrders(t.Context(), r, o.Ref)
	require.NoError(t, err)
	require.Equal(t, second.Ref, docs[0].Ref)
	require.Equal(t, "draft", docs[0].State)
}

func TestACancellationWhoseAnswerIsLostIsFound(t *testing.T) {
	t.Parallel()
	m := memory(t, erptest.MemoryConfig{})
	b := books(t, m, config())
	o := order(t, "17")
	r := route(t, b, o)
	doc, err := b.SalesOrder(r, o, nil).Act(t.Context())
	require.NoError(t, err)
	e := b.Cancel(r, o.Ref)
	_, err = e.Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrNotFound)
	m.Fail(erptest.Fault{Op: "CancelOrder", Times: 1, AfterEffect: true})
	_, err = e.Act(t.Context())
	require.ErrorIs(t, err, commerce.ErrUnknown)
	_, err = e.Find(t.Context())
	require.NoError(t, err)

	_, err = m.Duplicate(doc.Ref)
	require.NoError(t, err)
	_, err = m.Duplicate(doc.Ref)
	require.NoError(t, err)
	m.Fail(erptest.Fault{Op: "CancelOrder", Times: 1})
	_, err = e.Act(t.Context())
	require.True(t, commerce.SafeToRetry(err), "%v", err)
}

func TestTotalsThatDifferAreDeadWithBothSidesAndNeverFound(t *testing.T) {
	t.Parallel()
	m := memory(t, erptest.MemoryConfig{})
	c := config()
	c.Taxes["default"][1].IDs = []string{"t19"} // the ERP will take 19 for 7 percent
	b := books(t, m, c)
	o := order(t, "17")
	steps := idempotency.NewMemory(nil)
	for range 2 {
		_, err := run(t.Context(), steps, "order", b.SalesOrder(route(t, b, o), o, nil))
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.True(t, commerce.KindOf(err).Permanent())
		totals, ok := errors.AsType[*erp.TotalsError](err)
		require.True(t, ok)
		require.Equal(t, o.Totals.Gross, totals.Expected.Gross)
		require.Contains(t, err.Error(), "38.07")
		require.Contains(t, err.Error(), "39.27")
	}
	require.Len(t, m.Orders(), 1, "the draft stays, once")
}

func TestWhatCanNotBeSaidIsAFaultAndNothingIsWritten(t *testing.T) {
	t.Parallel()
	for field, spoil := range map[string]func(*commerce.Order){
		"lines[2].sku":      func(o *commerce.Order) { o.Lines[1].SKU = "SPOON" },
		"lines[1].quantity": func(o *commerce.Order) { o.Lines[0].Quantity = dec("1.5") },
		"lines[1].canceled": func(o *commerce.Order) { o.Lines[0].Canceled = dec("1") },
		"lines":             func(*commerce.Order) {}, // an order without lines, below
		"tax":               func(o *commerce.Order) { o.Lines[0].Taxes[0].Rate = dec("20") },
		"totals.tax":        func(o *commerce.Order) { o.Totals.Tax = commerce.MustMoney(1, "EUR") },
	} {
		m := memory(t, erptest.MemoryConfig{})
		b := books(t, m, config())
		o := order(t, "17")
		r := route(t, b, o)
		spoil(&o)
		if field == "lines" {
			o = commerce.Order{Ref: o.Ref, Currency: "EUR", Placed: now, Shipping: commerce.Shipping{Net: eur(0), Discount: eur(0), Tax: eur(0)},
				Totals: commerce.Totals{Net: eur(0), Discount: eur(0), Shipping: eur(0), ShippingDiscount: eur(0), Fees: eur(0), Tax: eur(0), Gross: eur(0)}}
		}
		_, err := b.SalesOrder(r, o, nil).Act(t.Context())
		f, ok := errors.AsType[*mapping.Fault](err)
		require.True(t, ok, "%s: %v", field, err)
		require.Equal(t, field, f.Field)
		require.True(t, commerce.SafeToRetry(err))
		require.ErrorIs(t, err, commerce.ErrMapping)
		require.Empty(t, m.Orders())
		require.Zero(t, m.Calls()["UpsertCustomer"])
	}
}

func eur(minor int64) commerce.Money { return commerce.MustMoney(minor, "EUR") }

func TestADiscountOnWhichTaxWasTakenCarriesNone(t *testing.T) {
	t.Parallel()
	m := memory(t, erptest.MemoryConfig{})
	b := books(t, m, config())
	o := orderOf(t, "18", mapping.Sheet{Document: "order", Currency: "EUR", Country: "DE", Rows: []mapping.Row{{ID: "1", SKU: "CUP", Quantity: dec("1"),
		Net: 1_000_000, Discount: 100_000, Tax: 190_000, Taxes: []mapping.RowTax{{Code: "DE 19", Rate: dec("19"), Amount: 190_000}}}},
		Stated: mapping.Stated{Net: 1_000_000, Discount: 100_000, Tax: 190_000, Gross: 1_090_000}})
	_, err := b.SalesOrder(route(t, b, o), o, nil).Act(t.Context())
	require.NoError(t, err)
	n, _ := m.Written(b.Reference(o.Ref))
	require.Empty(t, n.Lines[1].TaxIDs)
	require.Equal(t, eur(-1000), n.Lines[1].Net)
}

func TestAnOrderGoesWhereItsRouteSaysAndNeverAcrossModes(t *testing.T) {
	t.Parallel()
	b := books(t, memory(t, erptest.MemoryConfig{}), config())
	o := order(t, "17")
	r, err := b.Route(o, nil)
	require.NoError(t, err)
	require.Equal(t, "eu", r.Name)
	live := payment(o)
	live.Ref.Mode = commerce.Live
	_, err = b.Route(o, []commerce.Payment{live})
	e, _ := errors.AsType[*commerce.Error](err)
	require.Equal(t, "mode_mismatch", e.Code)
	o.Ref.Account = "other"
	_, err = b.Route(o, nil)
	require.ErrorIs(t, err, commerce.ErrMapping)

	c := config()
	c.Routes = mapping.Routes{{Name: "a", StripeAccount: "acct_1", Mode: commerce.Test, Company: "1"}, {Name: "b", StripeAccount: "acct_2", Mode: commerce.Test, Company: "2"}}
	two := payment(o)
	two.Ref.Account = "acct_2"
	_, err = books(t, memory(t, erptest.MemoryConfig{}), c).Route(o, []commerce.Payment{payment(o), two})
	require.ErrorIs(t, err, commerce.ErrMapping)
}

func TestAnERPOfTheOtherModeIsRefused(t *testing.T) {
	t.Parallel()
	m := memory(t, erptest.MemoryConfig{Origin: commerce.Ref{Mode: commerce.Live}})
	b := books(t, m, config())
	o := order(t, "17")
	e := b.SalesOrder(route(t, b, o), o, nil)
	_, err := e.Act(t.Context())
	got, _ := errors.AsType[*commerce.Error](err)
	require.Equal(t, "mode_mismatch", got.Code)
	require.True(t, commerce.SafeToRetry(err))
	found, err := m.FindOrders(t.Context(), b.Reference(o.Ref))
	require.NoError(t, err)
	require.Empty(t, found, "refused before anything was written")
	require.ErrorContains(t, b.Check(t.Context()).Err(), "mode")
}

func TestTheWarehouseIsAskedAndSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	m := memory(t, erptest.MemoryConfig{Stock: map[string]int64{"CUP": 1}})
	b := books(t, m, config())
	o := order(t, "17")
	r := route(t, b, o)
	steps := idempotency.NewMemory(nil)
	doc, err := run(t.Context(), steps, "order", b.SalesOrder(r, o, nil))
	require.NoError(t, err)
	doc, err = run(t.Context(), steps, "confirm", b.Confirm(r, doc))
	require.NoError(t, err)

	_, err = run(t.Context(), steps, "request", b.Request(r, o, doc))
	require.ErrorIs(t, err, commerce.ErrNeedsDecision)
	e, _ := errors.AsType[*commerce.Error](err)
	require.Equal(t, "backorder", e.Code)
	require.Contains(t, err.Error(), "2 of CUP")

	m.SetStock("CUP", 5)
	got, err := run(t.Context(), steps, "request", b.Request(r, o, doc))
	require.NoError(t, err, "the next request asks again")
	require.Equal(t, string(erp.Reserved), got.State)

	o2 := order(t, "18")
	doc2, err := b.SalesOrder(r, o2, nil).Act(t.Context())
	require.NoError(t, err)
	_, err = run(t.Context(), steps, "too early", b.Request(r, o2, doc2))
	require.ErrorIs(t, err, commerce.ErrConflict, "a draft is not shipped")
	_, err = b.Confirm(r, doc2).Act(t.Context())
	require.NoError(t, err)
	require.NoError(t, m.Refuse(doc2.Ref))
	_, err = run(t.Context(), steps, "refused", b.Request(r, o2, doc2))
	require.ErrorIs(t, err, commerce.ErrNeedsDecision)
	e, _ = errors.AsType[*commerce.Error](err)
	require.Equal(t, "refused", e.Code)
}

// booksOnly is an ERP that ships nothing.
type booksOnly struct{ erp.ERP }

func (b booksOnly) ForCompany(id string) erp.ERP { return booksOnly{b.ERP.ForCompany(id)} }

func TestAnERPThatIsNoWarehouseSaysSo(t *testing.T) {
	t.Parallel()
	b := books(t, booksOnly{memory(t, erptest.MemoryConfig{})}, config())
	o := order(t, "17")
	r := route(t, b, o)
	_, err := b.Request(r, o, commerce.Document{}).Act(t.Context())
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.True(t, commerce.SafeToRetry(err))
	_, err = b.Shipment(t.Context(), commerce.Ref{})
	require.ErrorIs(t, err, commerce.ErrInvalid)
	for _, err := range b.Changes(t.Context(), "") {
		require.ErrorIs(t, err, commerce.ErrInvalid)
	}
}

func TestShipmentsOfEveryCompanyAreRead(t *testing.T) {
	t.Parallel()
	m := memory(t, erptest.MemoryConfig{})
	c := config()
	c.Routes = append(mapping.Routes{{Name: "us", Shop: "us", Mode: commerce.Test, Company: "2"}}, c.Routes...)
	b := books(t, m, c)
	sent := map[string]bool{}
	for shop, id := range map[string]string{"main": "17", "us": "18"} {
		o := order(t, id)
		o.Ref.Account = shop
		r := route(t, b, o)
		doc, err := b.SalesOrder(r, o, nil).Act(t.Context())
		require.NoError(t, err)
		_, err = b.Confirm(r, doc).Act(t.Context())
		require.NoError(t, err)
		company := m.ForCompany(r.Company).(*erptest.Memory)
		s, err := company.Ship(doc.Ref, nil)
		require.NoError(t, err)
		sent[s.Ref.ID] = true
	}
	cursor := ""
	for change, err := range b.Changes(t.Context(), cursor) {
		require.NoError(t, err)
		cursor = change.Cursor
		if id := change.Event.Object; id != "" {
			require.True(t, sent[id])
			delete(sent, id)
			_, err := b.Shipment(t.Context(), change.Event.Ref.With(id))
			require.NoError(t, err)
		}
	}
	require.Empty(t, sent)
	for change, err := range b.Changes(t.Context(), cursor) {
		require.NoError(t, err)
		require.True(t, change.Event.Ref.IsZero(), "nothing new")
	}
}

func TestParcelsOfAShopThatNoRouteNamesAreLeftToOthers(t *testing.T) {
	t.Parallel()
	m := memory(t, erptest.MemoryConfig{})
	told := map[string][]string{}
	for _, shop := range []string{"main", "us"} {
		c := config()
		c.Routes = mapping.Routes{{Name: shop, Shop: shop, Mode: commerce.Test}}
		b := books(t, m, c)
		o := order(t, "17")
		o.Ref.Account = shop
		r := route(t, b, o)
		doc, err := b.SalesOrder(r, o, nil).Act(t.Context())
		require.NoError(t, err)
		_, err = b.Confirm(r, doc).Act(t.Context())
		require.NoError(t, err)
		_, err = m.Ship(doc.Ref, nil)
		require.NoError(t, err)
		told[shop] = []string{o.Ref.String()}
	}
	for shop, want := range told {
		c := config()
		c.Routes = mapping.Routes{{Name: shop, Shop: shop, Mode: commerce.Test}}
		b := books(t, m, c)
		var got []string
		for change, err := range b.Changes(t.Context(), "") {
			require.NoError(t, err)
			if id := change.Event.Object; id != "" {
				s, err := b.Shipment(t.Context(), change.Event.Ref.With(id))
				require.NoError(t, err)
				got = append(got, s.Key)
			}
		}
		require.Equal(t, want, got, "of both parcels in the one company")
	}
}

func TestOnlyARegisteredCustomersMasterDataIsEverWrittenOver(t *testing.T) {
	t.Parallel()
	c := config()
	c.UpdateParties, c.Guests = true, mapping.GuestCollective
	for guest, want := range map[bool]bool{true: false, false: true} {
		spy := &upserts{ERP: memory(t, erptest.MemoryConfig{})}
		b := books(t, spy, c)
		o := order(t, "17")
		o.Customer.Guest = guest
		if !guest {
			o.Customer.Ref = o.Ref.With("customer/6")
		}
		_, err := b.SalesOrder(route(t, b, o), o, nil).Act(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, spy.last.Update)
		require.Equal(t, o.BillingAddress, spy.last.Billing, "the order keeps its own addresses")
		if guest {
			require.Equal(t, "Web shop guests", spy.last.Party.Name)
		}
	}
}

// upserts is an ERP that remembers the last customer it was given.
type upserts struct {
	erp.ERP
	last erp.Customer
}

func (u *upserts) ForCompany(string) erp.ERP { return u }

func (u *upserts) UpsertCustomer(ctx context.Context, c erp.Customer) (erp.CustomerRef, error) {
	u.last = c
	return u.ERP.UpsertCustomer(ctx, c)
}

func TestGiftCardsAndSharesStandAmongThePaymentDetails(t *testing.T) {
	t.Parallel()
	m := memory(t, erptest.MemoryConfig{})
	b := books(t, m, config())
	o := order(t, "17")
	o.Tenders = []commerce.Tender{{Kind: commerce.TenderGiftCard, Amount: eur(1000), Reference: "5"}, {Kind: commerce.TenderStripe, Amount: eur(2807)}}
	p := payment(o)
	p.Orders = []commerce.OrderHint{{ID: "16", Amount: eur(1)}, {ID: "17", Amount: eur(2807)}}
	_, err := b.SalesOrder(route(t, b, o), o, []commerce.Payment{p}).Act(t.Context())
	require.NoError(t, err)
	n, _ := m.Written(b.Reference(o.Ref))
	require.Len(t, n.Payments, 2)
	require.Equal(t, eur(2807), n.Payments[0].Amount, "what the payment names for this order")
	require.Equal(t, commerce.TenderGiftCard, n.Payments[1].Tender)
	require.Equal(t, eur(1000), n.Payments[1].Amount)
}

func TestShipmentsAreToldAsEventsOnceACursor(t *testing.T) {
	t.Parallel()
	m := memory(t, erptest.MemoryConfig{})
	b := books(t, m, config())
	o := order(t, "17")
	r := route(t, b, o)
	doc, err := b.SalesOrder(r, o, nil).Act(t.Context())
	require.NoError(t, err)
	_, err = b.Confirm(r, doc).Act(t.Context())
	require.NoError(t, err)
	first, err := m.Ship(doc.Ref, []commerce.Parcel{{Carrier: "DHL", Tracking: "1"}}, "CUP")
	require.NoError(t, err)

	read := func(cursor string) (events []commerce.Event, next string) {
		t.Helper()
		next = cursor
		for c, err := range b.Changes(t.Context(), cursor) {
			require.NoError(t, err)
			if !c.Event.Ref.IsZero() {
				require.NotEmpty(t, c.Hash)
				events = append(events, c.Event)
			}
			next = c.Cursor
		}
		return events, next
	}
	events, cursor := read("")
	require.Len(t, events, 1)
	require.Equal(t, "shipment.sent", events[0].Type)
	require.Equal(t, b.System(), events[0].Ref.System)
	require.Equal(t, first.Ref.ID, events[0].Object)
	s, err := b.Shipment(t.Context(), events[0].Ref.With(events[0].Object))
	require.NoError(t, err)
	require.Equal(t, b.Reference(o.Ref), s.Key)
	ref, err := commerce.ParseRef(s.Key)
	require.NoError(t, err)
	require.Equal(t, o.Ref, ref)

	events, cursor = read(cursor)
	require.Empty(t, events)
	_, err = m.Ship(doc.Ref, nil)
	require.NoError(t, err)
	events, _ = read(cursor)
	require.Len(t, events, 1)
	require.NotEqual(t, first.Ref.ID, events[0].Object)

	for _, err := range b.Changes(t.Context(), "not a cursor") {
		require.ErrorIs(t, err, commerce.ErrInvalid)
	}
	m.Fail(erptest.Fault{Op: "Shipments", Times: 1})
	for _, err := range b.Changes(t.Context(), "") {
		require.ErrorIs(t, err, commerce.ErrUnavailable)
	}
	_, err = b.Shipment(t.Context(), first.Ref.With("shipment/999"))
	require.ErrorIs(t, err, commerce.ErrNotFound)
}

func TestCheckNamesEverythingThatDisagrees(t *testing.T) {
	t.Parallel()
	c := config()
	c.System, c.Settle = "tryton", time.Second
	c.Taxes["default"] = append(c.Taxes["default"], mapping.TaxRow{Rate: "25", IDs: []string{"t25"}})
	err := books(t, memory(t, erptest.MemoryConfig{}), c).Check(t.Context()).Err()
	require.ErrorIs(t, err, commerce.ErrInvalid)
	for _, text := range []string{"Config.System", "Config.Settle", `"t25"`} {
		require.ErrorContains(t, err, text)
	}
}

func TestTheConfigIsChecked(t *testing.T) {
	t.Parallel()
	m := memory(t, erptest.MemoryConfig{})
	for field, spoil := range map[string]func(*erpbooks.Config){
		"Config.Routes": func(c *erpbooks.Config) { c.Routes = nil },
		"Mode":          func(c *erpbooks.Config) { c.Routes[0].Mode = "" },
		"Config.Taxes":  func(c *erpbooks.Config) { c.Taxes = nil },
		"tax table":     func(c *erpbooks.Config) { c.Routes[0].TaxTable = "us" },
		"Config.Mode":   func(c *erpbooks.Config) { c.Mode = "x" },
		"Config.Guests": func(c *erpbooks.Config) { c.Guests = "x" },
		"Config.Settle": func(c *erpbooks.Config) { c.Settle = -1 },
	} {
		c := config()
		spoil(&c)
		_, err := erpbooks.New(m, c)
		require.ErrorIs(t, err, commerce.ErrInvalid, field)
		require.ErrorContains(t, err, field)
	}
	_, err := erpbooks.New(nil, config())
	require.ErrorIs(t, err, commerce.ErrInvalid)
}

func TestRandomOrdersEndWithTheShopsTotal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, endsWithTheShopsTotal)
}

func FuzzSalesOrder(f *testing.F) { f.Fuzz(rapid.MakeFuzz(endsWithTheShopsTotal)) }

func endsWithTheShopsTotal(t *rapid.T) {
	rounding := rapid.SampledFrom([]erp.TaxRounding{erp.RoundPerDocument, erp.RoundPerLine}).Draw(t, "rounding")
	m := memory(t, erptest.MemoryConfig{TaxRounding: rounding})
	b := books(t, m, config())
	s := mapping.Sheet{Document: "order", Currency: "EUR", Country: "DE"}
	cents := func(name string, most int64) mapping.Amount {
		return mapping.Amount(rapid.Int64Range(0, most).Draw(t, name) * 100)
	}
	tax := func(base mapping.Amount) (mapping.Amount, []mapping.RowTax) {
		rate := rapid.SampledFrom([]int64{0, 7, 19}).Draw(t, "rate")
		if rate == 0 {
			return 0, nil
		}
		x := (base*mapping.Amount(rate) + 5_000) / 10_000 * 100
		return x, []mapping.RowTax{{Code: fmt.Sprint("DE ", rate), Rate: dec(fmt.Sprint(rate)), Amount: x}}
	}
	for i := range rapid.IntRange(1, 5).Draw(t, "rows") {
		r := mapping.Row{ID: fmt.Sprint(i), SKU: rapid.SampledFrom([]string{"CUP", "POT", "CARD"}).Draw(t, "sku"), Quantity: dec("3"), Net: cents("net", 50_000)}
		r.Discount = min(r.Net, cents("discount", 1_000))
		r.Tax, r.Taxes = tax(r.Net - r.Discount)
		s.Stated.Net, s.Stated.Discount, s.Stated.Tax = s.Stated.Net+r.Net, s.Stated.Discount+r.Discount, s.Stated.Tax+r.Tax
		s.Rows = append(s.Rows, r)
	}
	s.Shipping.Net = cents("shipping", 1_000)
	s.Shipping.Tax, s.Shipping.Taxes = tax(s.Shipping.Net)
	s.Stated.Shipping, s.Stated.Tax = s.Shipping.Net, s.Stated.Tax+s.Shipping.Tax
	s.Stated.Gross = s.Stated.Net - s.Stated.Discount + s.Stated.Shipping + s.Stated.Tax
	o := orderOf(t, "1", s)
	doc, err := b.SalesOrder(route(t, b, o), o, nil).Act(context.Background())
	require.NoError(t, err)
	require.Equal(t, o.Totals.Gross, doc.Total)
}

// failingCustomers is an ERP whose customers fail in a way that says nothing of its outcome, as
// the failure of a read does.
type failingCustomers struct {
	erp.ERP
	err error
}

func (f failingCustomers) ForCompany(id string) erp.ERP {
	return failingCustomers{f.ERP.ForCompany(id), f.err}
}

func (f failingCustomers) UpsertCustomer(context.Context, erp.Customer) (erp.CustomerRef, error) {
	return erp.CustomerRef{}, f.err
}

func TestACustomerThatCanNotBeWrittenLeavesTheOrderNotSent(t *testing.T) {
	t.Parallel()
	nameless := func(o *commerce.Order) {
		o.Customer.Name, o.BillingAddress.Name = "", ""
	}
	m := memory(t, erptest.MemoryConfig{})
	for name, c := range map[string]struct {
		erp    erp.ERP
		change func(*commerce.Order)
		kind   commerce.Kind
	}{
		"a party without a name":    {m, nameless, commerce.KindInvalid},
		"a read that failed":        {failingCustomers{m, &commerce.Error{Kind: commerce.KindUnavailable}}, func(*commerce.Order) {}, commerce.KindUnavailable},
		"a party that may be there": {failingCustomers{m, &commerce.Error{Kind: commerce.KindUnavailable, Outcome: commerce.Unknown}}, func(*commerce.Order) {}, commerce.KindUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := books(t, c.erp, config())
			o := order(t, "17")
			c.change(&o)
			steps := idempotency.NewMemory(nil)
			_, err := run(t.Context(), steps, "order", b.SalesOrder(route(t, b, o), o, []commerce.Payment{payment(o)}))
			require.Equal(t, c.kind, commerce.KindOf(err))
			require.True(t, commerce.SafeToRetry(err), "the order was not written, and the party is found by its key: %v", err)
			rec, err := steps.Get(t.Context(), "order")
			require.NoError(t, err)
			require.Equal(t, idempotency.NotSent, rec.State)
		})
	}
}
