package nopshop_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping/nopshop"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/workflow"
)

var _ workflow.Sales = (*nopshop.Shop)(nil)

// till is a shop whose clock a test sets.
type till struct {
	t    *testing.T
	now  time.Time
	far  *nopcommercetest.Shop
	nop  *nopcommerce.Client
	shop *nopshop.Shop
	log  bytes.Buffer
}

func newTill(t *testing.T, c nopshop.Config) *till {
	t.Helper()
	s := &till{t: t, now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	now := func() time.Time { return s.now }
	var err error
	s.far, err = nopcommercetest.New(nopcommercetest.Config{Now: now, StripePlugins: nopcommercetest.StripePlugins()})
	require.NoError(t, err)
	s.nop, err = nopcommerce.NewClient(nopcommerce.Config{BaseURL: "https://shop.example", Transport: s.far.Transport(), Now: now, PageSize: 2,
		Credentials: commerce.Static(s.far.Login())})
	require.NoError(t, err)
	c.Account, c.Currency, c.Now, c.Logger = "main", "USD", now, slog.New(slog.NewTextHandler(&s.log, nil))
	s.shop, err = nopshop.New(s.nop, c)
	require.NoError(t, err)
	return s
}

func taxed() nopcommercetest.NewOrder {
	n := cups()
	n.TaxPercent, n.Billing = "10", nopcommercetest.NewAddress{Country: "US"}
	return n
}

func (s *till) place(n nopcommercetest.NewOrder) int {
	s.t.Helper()
	id, err := s.far.Place(n)
	require.NoError(s.t, err)
	return id
}

func (s *till) charged(id int) {
	s.t.Helper()
	require.NoError(s.t, s.far.Charged(nopcommercetest.StripeResult{Order: id, Intent: fmt.Sprintf("pi_%d", id), Charge: fmt.Sprintf("ch_%d", id)}))
}

func (s *till) sold(n nopcommercetest.NewOrder) int {
	s.t.Helper()
	id := s.place(n)
	s.charged(id)
	return id
}

func (s *till) told(from, to time.Time) (docs []reconcile.Document) {
	s.t.Helper()
	for d, err := range s.shop.Documents(s.t.Context(), from, to) {
		require.NoError(s.t, err)
		docs = append(docs, d)
	}
	return docs
}

func documentNames(docs []reconcile.Document) (out []string) {
	for _, d := range docs {
		out = append(out, fmt.Sprintf("%s %s %s", d.ID, d.Number, d.Amount))
	}
	return out
}

func TestASaleIsToldWhenStripeWasToPayAndTheShopSaysItDid(t *testing.T) {
	t.Parallel()
	s := newTill(t, nopshop.Config{Methods: map[string]nopshop.Method{nopcommercetest.StripeKlarna: {Charges: nopshop.Customer}}})
	with := func(change func(*nopcommercetest.NewOrder)) nopcommercetest.NewOrder {
		n := taxed()
		change(&n)
		return n
	}
	s.sold(taxed()) // 1
	s.place(taxed())
	check := s.place(with(func(n *nopcommercetest.NewOrder) { n.PaymentMethod = "Payments.CheckMoneyOrder" }))
	require.NoError(t, s.far.MarkPaid(check))
	s.place(with(func(n *nopcommercetest.NewOrder) { n.GiftCard = "49.48" })) // 4: nothing is left
	s.sold(with(func(n *nopcommercetest.NewOrder) { n.GiftCard = "9.48" }))   // 5
	s.sold(with(func(n *nopcommercetest.NewOrder) {                           // 6
		n.PaymentMethod, n.Currency = nopcommercetest.StripeKlarna, "EUR"
	}))
	require.NoError(t, s.far.Cancel(s.place(taxed()))) // 7
	canceled := s.sold(taxed())                        // 8: paid, then cancelled: the money is here
	require.NoError(t, s.far.Cancel(canceled))
	deleted := s.sold(taxed()) // 9
	require.NoError(t, s.far.Delete(deleted))
	authorised := s.place(taxed()) // 10
	require.NoError(t, s.far.Charged(nopcommercetest.StripeResult{Order: authorised, Intent: "pi_10", Authorised: true}))

	docs := s.told(time.Time{}, time.Time{})
	euros, err := s.shop.Order(t.Context(), s.shop.Ref(6))
	require.NoError(t, err)
	require.Equal(t, commerce.Currency("EUR"), euros.Currency)
	require.Equal(t, []string{"order/8 8 49.48 USD", "order/6 6 " + euros.Totals.Gross.String(), "order/5 5 40.00 USD", "order/1 1 49.48 USD",
		"order/4 4 0.00 USD", "order/3 3 0.00 USD"}, documentNames(docs))
	for _, without := range docs[4:] {
		require.Equal(t, []any{money("49.48", "USD"), docs[3].Lines, ""}, []any{without.Total, without.Lines, without.Payment}, "Stripe has no part in it")
	}
	require.Equal(t, money("49.48", "USD"), docs[2].Total, "the gift card's part included")
	one := commerce.MustDecimal("1")
	require.Equal(t, reconcile.Document{System: "nopcommerce", Shop: "main", ID: "order/1", Number: "1", Amount: money("49.48", "USD"), Date: s.now,
		Payment: "pi_1", Intent: "pi_1", Unsent: true,
		Lines: []reconcile.DocumentLine{{Key: "CUP", Quantity: commerce.MustDecimal("2"), Net: money("19.98", "USD")},
			{Key: "POT", Quantity: one, Net: money("20.00", "USD")}, {Key: "shipping", Quantity: one, Net: money("5.00", "USD")}},
		Taxes: []reconcile.TaxSum{{Country: "US", Rate: "10", Base: money("44.98", "USD"), Tax: money("4.50", "USD")}},
	}, docs[3])
	for _, d := range docs {
		id, err := nopcommerce.ParseID(strings.TrimPrefix(d.ID, "order/"))
		require.NoError(t, err)
		whole, err := s.shop.Order(t.Context(), s.shop.Ref(id))
		require.NoError(t, err)
		want, err := reconcile.Sale(whole)
		require.NoError(t, err)
		want.Date = d.Date
		require.Equal(t, want, d, "it is what the whole order says")
	}
}

func TestASaleHasTheDayOnWhichItWasPaid(t *testing.T) {
	t.Parallel()
	s := newTill(t, nopshop.Config{PaidFor: 5 * 24 * time.Hour})
	debit, late := s.place(taxed()), s.place(taxed())
	placed := s.now
	s.now = placed.AddDate(0, 0, 4)
	s.charged(debit)
	s.now = placed.AddDate(0, 0, 6)
	s.charged(late)
	require.Empty(t, s.told(placed, placed.AddDate(0, 0, 1)))
	docs := s.told(placed.AddDate(0, 0, 4), placed.AddDate(0, 0, 5))
	require.Equal(t, []string{"order/1 1 49.48 USD"}, documentNames(docs))
	require.Equal(t, placed.AddDate(0, 0, 4), docs[0].Date)
	require.Empty(t, s.told(placed.AddDate(0, 0, 6), placed.AddDate(0, 0, 7)), "beyond PaidFor")
}

func TestARefundHasTheDateAndAmountOfItsNote(t *testing.T) {
	t.Parallel()
	s := newTill(t, nopshop.Config{})
	first, whole, quiet, other := s.sold(taxed()), s.sold(taxed()), s.sold(taxed()), s.place(cups())
	begin := s.now
	s.now = begin.AddDate(0, 0, 3)
	require.NoError(t, s.far.Refund(first, "5"))
	require.NoError(t, s.far.AddNote(first, "the buyer says that 3 was refunded. Amount unclear"))
	s.now = begin.AddDate(0, 0, 4)
	require.NoError(t, s.far.Refund(first, "2.5"))
	require.NoError(t, s.far.Refund(whole, "49.48"))
	require.NoError(t, s.far.AddNote(whole, "refunded at Stripe, re_3ABC"))
	require.NoError(t, s.far.Refunded(quiet, "1"), "heard of by a plugin that does not book it")
	s.charged(other)

	_, err := s.far.Ship(nopcommercetest.NewShipment{Order: other})
	require.NoError(t, err)

	docs := s.told(begin.AddDate(0, 0, 3), begin.AddDate(0, 0, 5))
	require.False(t, docs[0].Unsent, "its goods have left")
	require.True(t, docs[1].Unsent)
	require.Equal(t, "order/4", docs[0].ID, "it was paid in these days")
	docs = docs[1:]
	require.Len(t, docs, 3, "the other sales were before")
	require.Equal(t, []string{"2 49.48 USD", "1 2.50 USD", "1 5.00 USD"}, []string{
		docs[0].Number + " " + docs[0].Amount.String(), docs[1].Number + " " + docs[1].Amount.String(), docs[2].Number + " " + docs[2].Amount.String()})
	require.Equal(t, []time.Time{begin.AddDate(0, 0, 4), begin.AddDate(0, 0, 4), begin.AddDate(0, 0, 3)}, []time.Time{docs[0].Date, docs[1].Date, docs[2].Date})
	require.NotEqual(t, docs[1].ID, docs[2].ID)
	require.Equal(t, []string{"re_3ABC", "pi_2"}, []string{docs[0].RefundID, docs[0].Payment})
	require.Len(t, docs[0].Lines, 3, "all went back")
	require.Empty(t, docs[1].Lines)
	require.Equal(t, []string{"", "pi_1"}, []string{docs[1].RefundID, docs[1].Payment})
	require.Len(t, s.told(begin.AddDate(0, 0, 4), time.Time{}), 3, "two refunds, and the order that was paid on that day")
	require.Len(t, s.told(begin, begin.AddDate(0, 0, 4)), 4, "three sales, and the first refund")
}

func TestRefundsThatNotesDoNotAddUpToAreOne(t *testing.T) {
	t.Parallel()
	s := newTill(t, nopshop.Config{})
	noted, silent := s.sold(taxed()), s.sold(taxed())
	placed := s.now
	s.now = placed.AddDate(0, 0, 2)
	require.NoError(t, s.far.Refund(noted, "5"))
	for _, id := range []int{noted, silent} {
		require.NoError(t, s.far.Quietly(id, func(o *nopcommercetest.Order) {
			o.RefundedAmount, o.PaymentStatusID = amount(t, "8"), nopcommercetest.PaymentPartiallyRefunded
		}))
	}
	var refunds []reconcile.Document
	for _, d := range s.told(time.Time{}, time.Time{}) {
		if d.Refund {
			refunds = append(refunds, d)
		}
	}
	require.Equal(t, []string{"refund/2 2 8.00 USD", "refund/1 1 8.00 USD"}, documentNames(refunds))
	require.Equal(t, []time.Time{placed, placed.AddDate(0, 0, 2)}, []time.Time{refunds[0].Date, refunds[1].Date})
}

func TestOldOrdersAreLookedAtForRefundsForAWhile(t *testing.T) {
	t.Parallel()
	s := newTill(t, nopshop.Config{RefundsFor: 30 * 24 * time.Hour})
	s.sold(taxed())
	s.now = s.now.AddDate(0, 0, 20)
	s.sold(taxed())
	s.now = s.now.AddDate(0, 0, 15)
	for id := range 2 {
		require.NoError(t, s.far.Refund(id+1, "1"))
	}
	docs := s.told(s.now, s.now.Add(time.Hour))
	require.Len(t, docs, 1)
	require.Equal(t, "2", docs[0].Number)
}

// TestDocumentsAskForTheirDaysAndStatuses holds the search: dates and statuses as filters,
// in pages, and no customers.
func TestDocumentsAskForTheirDaysAndStatuses(t *testing.T) {
	t.Parallel()
	s := newTill(t, nopshop.Config{})
	var ids []int
	for range 5 {
		ids = append(ids, s.sold(taxed()))
		s.now = s.now.Add(time.Minute)
	}
	require.NoError(t, s.far.Refund(ids[1], "1"))
	before := len(s.far.Calls())
	from, to := s.now.Add(-5*time.Minute), s.now.Add(time.Hour)
	require.Len(t, s.told(from, to), 6)
	var searches []string
	paths := map[string]int{}
	for _, c := range s.far.Calls()[before:] {
		path, _, _ := strings.Cut(strings.TrimPrefix(c.Path, "/api-backend/"), "/G")
		paths[path]++
		if !strings.HasSuffix(c.Path, "/Order/Search") {
			continue
		}
		q, err := url.ParseQuery(c.Query)
		require.NoError(t, err)
		require.NotEmpty(t, q.Get("pageSize"))
		searches = append(searches, q.Get("createdFromUtc")+" "+q.Get("psIds"))
	}
	require.Greater(t, len(searches), 3, "in pages")
	require.Contains(t, searches, from.UTC().AddDate(0, 0, -30).Format("2006-01-02T15:04:05")+"Z 30;35;40")
	require.Contains(t, searches, from.UTC().AddDate(-1, 0, 0).Format("2006-01-02T15:04:05")+"Z 35;40")
	require.Zero(t, paths["Customer"], "nobody's account is read")
	require.Zero(t, paths["GenericAttribute"], "the rows name the payment")
	require.Equal(t, 5, paths["OrderItem"])
	require.Equal(t, 1, paths["OrderNote"])

	seen := 0
	for _, err := range s.shop.Documents(t.Context(), from, to) {
		require.NoError(t, err)
		seen++
		break
	}
	require.Equal(t, 1, seen, "a reader may have enough")
	require.Len(t, s.told(from, s.now.Add(-time.Minute)), 4, "the end is not in it")
	s.far.Fail(nopcommercetest.Fault{Kind: nopcommercetest.Answered, Status: 503})
	for _, err := range s.shop.Documents(t.Context(), from, to) {
		require.ErrorIs(t, err, commerce.ErrUnavailable)
	}
}

func TestAnOrderWithoutWordsComesWithItsAmount(t *testing.T) {
	t.Parallel()
	s := newTill(t, nopshop.Config{})
	id := s.sold(taxed())
	require.NoError(t, s.far.Quietly(id, func(o *nopcommercetest.Order) { o.OrderTax = amount(t, "1") }))
	docs := s.told(time.Time{}, time.Time{})
	require.Equal(t, []string{"order/1 1 49.48 USD"}, documentNames(docs))
	require.Empty(t, docs[0].Lines)
	require.Equal(t, "pi_1", docs[0].Payment)
	require.Contains(t, s.log.String(), "document=order/1")
}

func TestTheAgeForRefundsIsNotNegative(t *testing.T) {
	t.Parallel()
	s := newTill(t, nopshop.Config{})
	_, err := nopshop.New(s.nop, nopshop.Config{Currency: "USD", RefundsFor: -1})
	require.ErrorContains(t, err, "RefundsFor")
}

func TestWhatStripeHasNoPartInIsTheOrderItselfWhoeverHasPaidYet(t *testing.T) {
	t.Parallel()
	s := newTill(t, nopshop.Config{})
	offline := taxed()
	offline.PaymentMethod = "Payments.CheckMoneyOrder"
	s.place(offline) // the ERP may have invoiced it
	require.NoError(t, s.far.Cancel(s.place(offline)))
	back, placed := s.place(offline), s.now // 3
	s.now = placed.AddDate(0, 0, 2)
	require.NoError(t, s.far.MarkPaid(back))
	require.NoError(t, s.far.Refund(back, "5"))
	odd := s.place(offline) // 4: comes without words
	require.NoError(t, s.far.Quietly(odd, func(o *nopcommercetest.Order) { o.OrderTax = amount(t, "1") }))

	docs := s.told(time.Time{}, time.Time{})
	require.Equal(t, []string{"order/4 4 0.00 USD", "order/3 3 0.00 USD", "order/1 1 0.00 USD"}, documentNames(docs[:3]))
	for _, d := range docs[:3] {
		require.Equal(t, money("49.48", "USD"), d.Total, d.ID)
		require.Empty(t, d.Payment)
	}
	require.Empty(t, docs[0].Lines)
	require.Equal(t, placed, docs[1].Date, "the day on which it was placed")
	refund := docs[3]
	require.Equal(t, []any{"3", true, money("0", "USD"), money("5", "USD"), s.now}, []any{refund.Number, refund.Refund, refund.Amount, refund.Total, refund.Date})
	require.Len(t, docs, 4)
	for _, c := range s.far.Calls() {
		require.NotContains(t, c.Path, "GenericAttribute", "no payment is looked for")
	}
	require.Len(t, s.told(s.now, time.Time{}), 2, "an order and a refund")
}
