package totals_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/erp/tryton/trytontest"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/internal/trytonserver"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/mapping/magentoshop"
)

// far is an ERP, real or fake.
type far struct {
	url, database string // the url ends in a slash
	login         tryton.Login
	transport     http.RoundTripper
}

func TestOrdersOfEveryKindHaveTheShopsTotalInTheFakeERP(t *testing.T) {
	t.Parallel()
	for _, rounding := range []erp.TaxRounding{erp.RoundPerDocument, erp.RoundPerLine} {
		t.Run(string(rounding), func(t *testing.T) {
			t.Parallel()
			fake, err := trytontest.New(trytontest.Config{TaxRounding: rounding})
			require.NoError(t, err)
			prove(t, far{trytontest.URL, trytontest.Database, fake.Login(), fake.Transport()}, number(t, "ORDERS", 300), 1)
		})
	}
}

func TestOrdersOfEveryKindHaveTheShopsTotalInARealTryton(t *testing.T) {
	t.Parallel()
	server := trytonserver.For(t)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	login := tryton.Login{User: server.User, Password: commerce.NewSecret(server.Password)}
	// Confirming takes many times as long as writing; a tenth shows that totals stay.
	prove(t, far{server.URL, server.Database, login, transport}, number(t, "ORDERS", 60), 10)
}

// A shop that rounds the tax of one unit and multiplies differs by more than may be
// settled as soon as many units are sold. That is never posted as it is: the error
// says both sums for each tax, the draft waits, and a raised bound finishes it.
func TestADifferenceBeyondTheBoundIsAFaultWithBothSumsForEachTax(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	fake, err := trytontest.New(trytontest.Config{})
	require.NoError(t, err)
	far := far{trytontest.URL, trytontest.Database, fake.Login(), fake.Transport()}
	p := newProgram(t, far)
	refused := 0
	for number := range 200 {
		wanted := randomOrder(7, number)
		if wanted.TaxRounding != magentotest.TaxPerUnit {
			continue
		}
		id, err := p.world.Place(wanted)
		require.NoError(t, err)
		o, err := p.shop.Order(ctx, p.shop.Ref(magento.ID(id)))
		require.NoError(t, err)
		write := func(books *erpbooks.Books) (commerce.Document, error) {
			route, err := books.Route(o, nil)
			require.NoError(t, err)
			return idempotency.Run(ctx, p.steps, o.Ref.String(), books.SalesOrder(route, o, nil), idempotency.For(o.Totals.Gross))
		}
		_, err = write(p.books)
		if err == nil {
			continue
		}
		refused++
		said, ok := errors.AsType[*erp.TotalsError](err)
		require.True(t, ok, "order %d: %v", number, err)
		require.True(t, commerce.SafeToRetry(err))
		require.NotEmpty(t, said.GotTaxes)
		require.Len(t, said.ExpectedTaxes, len(said.GotTaxes), "order %d: %v", number, err)
		expected, err := commerce.Sum(o.Currency, amounts(said.ExpectedTaxes)...)
		require.NoError(t, err)
		require.Equal(t, o.Totals.Tax, expected, "order %d: the shop's taxes by code", number)
		got, err := commerce.Sum(o.Currency, amounts(said.GotTaxes)...)
		require.NoError(t, err)
		require.Equal(t, said.Got.Tax, got, "order %d: the ERP's taxes by code", number)

		doc, err := write(p.perUnit)
		require.NoError(t, err, "order %d", number)
		require.Equal(t, o.Totals.Gross, doc.Total)
	}
	require.Positive(t, refused)
	auditor, err := newAuditor(ctx, far)
	require.NoError(t, err)
	sales, err := auditor.sales(ctx)
	require.NoError(t, err)
	for reference, found := range sales {
		require.Len(t, found, 1, reference)
	}
	t.Logf("%d of %d orders differed beyond the bound, and were finished with a raised one", refused, len(sales))
}

func amounts(taxes []erp.TaxAmount) []commerce.Money {
	out := make([]commerce.Money, len(taxes))
	for i, x := range taxes {
		out[i] = x.Amount
	}
	return out
}

// proof is what happened to the orders of one run.
type proof struct {
	program
	mu        sync.Mutex
	want      map[string]string // total by reference
	unsaid    []string          // differences beyond the bound, each with both sums
	broken    []string          // everything else
	confirmed atomic.Int64
}

// prove places orders, writes them into the ERP and counts there. Every confirmEach-th
// order is confirmed as well.
func prove(t *testing.T, far far, orders, confirmEach int) {
	t.Helper()
	const workers = 4
	ctx := t.Context()
	p := &proof{program: newProgram(t, far), want: map[string]string{}}
	seed := uint64(number(t, "SEED", 1))
	start := time.Now()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := int(next.Add(1)); i <= orders; i = int(next.Add(1)) {
				if err := p.order(ctx, seed, i, i%confirmEach == 0); err != nil {
					p.failed(i, err)
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(start)

	auditor, err := newAuditor(ctx, far)
	require.NoError(t, err)
	found, err := auditor.sales(ctx)
	require.NoError(t, err)
	settled, err := auditor.settled(ctx)
	require.NoError(t, err)
	alike, confirmed := 0, 0
	for reference, want := range p.want {
		sales := found[reference]
		if len(sales) != 1 {
			p.broken = append(p.broken, fmt.Sprintf("%s: %d sales orders", reference, len(sales)))
			continue
		}
		switch got := sales[0].Total.Decimal + " " + sales[0].Currency.Code; {
		case !same(got, want):
			p.broken = append(p.broken, fmt.Sprintf("%s: the ERP's total is %s, the shop's %s", reference, got, want))
		default:
			alike++
		}
		if s := sales[0].State; s == "processing" || s == "confirmed" || s == "done" {
			confirmed++
		}
	}
	t.Logf("seed %d: %d orders in %v: %d ERP totals = shop totals, %d of them with a rounding line, %d confirmed, %d dead for rounding, %d other failures, %d sales orders in the ERP",
		seed, orders, took.Round(time.Second), alike, settled, confirmed, len(p.unsaid), len(p.broken), len(found))
	require.Empty(t, strings.Join(p.broken, "\n"))
	require.Empty(t, strings.Join(p.unsaid, "\n"), "differences beyond the bound")
	require.Equal(t, orders, alike)
	require.Len(t, found, orders, "sales orders in the ERP")
	require.EqualValues(t, p.confirmed.Load(), confirmed)
}

// same compares "12.5 EUR" with "12.50 EUR".
func same(a, b string) bool {
	x, errX := money(a)
	y, errY := money(b)
	return errX == nil && errY == nil && x == y
}

func money(text string) (commerce.Money, error) {
	amount, currency, _ := strings.Cut(text, " ")
	return commerce.ParseMoney(amount, commerce.Currency(currency))
}

func (p *proof) failed(number int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := fmt.Sprintf("order %d: %v", number, err)
	if _, ok := errors.AsType[*erp.TotalsError](err); ok {
		p.unsaid = append(p.unsaid, text)
		return
	}
	p.broken = append(p.broken, text)
}

// order takes one order from the shop into the ERP, as the workflow does.
func (p *proof) order(ctx context.Context, seed uint64, number int, confirm bool) error {
	wanted := randomOrder(seed, number)
	id, err := p.world.Place(wanted)
	if err != nil {
		return err
	}
	ref := p.shop.Ref(magento.ID(id))
	books := p.books
	if wanted.TaxRounding == magentotest.TaxPerUnit {
		books = p.perUnit
	}
	placed, _ := p.world.Order(id)
	want, err := shopTotal(placed)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.want[p.books.Reference(ref)] = want.String()
	p.mu.Unlock()

	o, err := p.shop.Order(ctx, ref)
	if err != nil {
		return err
	}
	payments, err := paid(o)
	if err != nil {
		return err
	}
	route, err := books.Route(o, payments)
	if err != nil {
		return err
	}
	doc, err := idempotency.Run(ctx, p.steps, "order/"+ref.String(), books.SalesOrder(route, o, payments), idempotency.For(o.Totals.Gross))
	if err != nil {
		return err
	}
	if confirm {
		if doc, err = idempotency.Run(ctx, p.steps, "confirm/"+ref.String(), books.Confirm(route, doc), idempotency.For(o.Totals.Gross)); err != nil {
			return err
		}
		p.confirmed.Add(1)
	}
	if doc.Total != want {
		return fmt.Errorf("the document says %s, the shop %s", doc.Total, want)
	}
	return nil
}

// shopTotal is what the shop's own figures come to, in whole minor units: what is left
// to pay and each other means of payment.
func shopTotal(o magento.Order) (commerce.Money, error) {
	c := commerce.Currency(o.OrderCurrencyCode)
	var total commerce.Decimal
	x := o.Extension
	for _, n := range []magento.Number{o.GrandTotal, x.GiftCardsAmount, x.CustomerBalanceAmount, x.RewardCurrencyAmount} {
		if n == "" {
			continue
		}
		d, err := n.Decimal()
		if err == nil {
			total, err = total.Add(d)
		}
		if err != nil {
			return commerce.Money{}, err
		}
	}
	m, _, err := commerce.RoundMoney(total.String(), -1, c)
	return m, err
}

// paid is a payment of what is due by card.
func paid(o commerce.Order) ([]commerce.Payment, error) {
	due, err := o.Due()
	if err != nil || due.IsZero() {
		return nil, err
	}
	ref := o.Ref
	ref.System, ref.Account, ref.ID = "stripe", "acct_totals", "pi_"+strings.ReplaceAll(o.Ref.ID, "/", "_")
	return []commerce.Payment{{Ref: ref, Charge: "ch_" + ref.ID, Status: commerce.PaymentCaptured, Created: o.Placed,
		Amount: due, Captured: due, Method: commerce.PaymentMethod{Type: "card", Brand: "visa", Last4: "4242"}}}, nil
}

// program is what a user wires: a shop, books and steps; and the shop's own world.
type program struct {
	world *magentotest.Shop
	shop  *magentoshop.Shop
	books *erpbooks.Books
	// perUnit are the books of a shop that rounds the tax of one unit and multiplies:
	// half a cent for each of hundreds of units is more than the default settles.
	perUnit *erpbooks.Books
	steps   idempotency.Store
}

func newProgram(t *testing.T, far far) program {
	t.Helper()
	world, err := magentotest.New(magentotest.Config{Seed: 1, Stores: stores()})
	require.NoError(t, err)
	mage, err := magento.NewClient(magento.Config{BaseURL: "https://shop.test", Credentials: commerce.Static(world.Keys()), Transport: world.Transport()})
	require.NoError(t, err)
	tryt, err := tryton.NewClient(tryton.Config{URL: far.url, Database: far.database, Credentials: commerce.Static(far.login), Transport: far.transport})
	require.NoError(t, err)
	shop, err := magentoshop.New(mage, magentoshop.Config{Account: "totals", Mode: commerce.Test})
	require.NoError(t, err)
	c := erpbooks.Config{Routes: mapping.Routes{{Name: "totals", Shop: "totals", Mode: commerce.Test}},
		Taxes: map[string]mapping.TaxTable{"default": taxTable(t, tryt)}}
	books, err := erpbooks.New(tryt, c)
	require.NoError(t, err)
	require.NoError(t, books.Check(t.Context()).Err())
	c.Rounding = 500
	perUnit, err := erpbooks.New(tryt, c)
	require.NoError(t, err)
	return program{world, shop, books, perUnit, idempotency.NewMemory(nil)}
}

// taxTable maps each of the shop's rates to the ERP's tax of the same rate.
func taxTable(t *testing.T, client *tryton.Client) mapping.TaxTable {
	t.Helper()
	taxes, err := client.Taxes(t.Context())
	require.NoError(t, err)
	table := mapping.TaxTable{{Rate: "0"}}
	for _, x := range taxes {
		if !x.Rate.IsZero() {
			table = append(table, mapping.TaxRow{Rate: x.Rate.Trim(0).String(), IDs: []string{x.ID}})
		}
	}
	return table
}
