package books_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// methods are those that buyers pay by: a bank debit takes three days.
var methods = []stripetest.Method{stripetest.Card, stripetest.Mastercard, stripetest.Card, stripetest.Debit}

// days are those from the world's first to a last one.
func days(last commerce.Date) (out []commerce.Date) {
	for at := start(); commerce.DateOf(at).String() <= last.String(); at = at.AddDate(0, 0, 1) {
		out = append(out, commerce.DateOf(at))
	}
	return out
}

// clearing is the clearing account at the end of a day, in settlement currency.
func (w *world) clearing(l ledger, a accounts, on commerce.Date) int64 {
	if w.money.settlement == w.money.company {
		return l.stands(on, a.clearing)
	}
	return l.standsIn(w.money.settlement, on, a.clearing)
}

// transit is the account of money on its way, in settlement currency.
func (w *world) transit(l ledger, a accounts, on commerce.Date) int64 {
	if w.money.settlement == w.money.company {
		return l.stands(on, a.transit)
	}
	return l.standsIn(w.money.settlement, on, a.transit)
}

// disagreements compares the ledger with Stripe on every day up to a last one.
func (w *world) disagreements(l ledger, a accounts, last commerce.Date) (found []string) {
	for _, on := range days(last) {
		if have, want := w.clearing(l, a, on), w.standing(on); have != want {
			found = append(found, fmt.Sprintf("%s: clearing is %d, the balance at Stripe %d", on, have, want))
		}
		if have, want := w.transit(l, a, on), -w.moved(on, category("payout", "payout_reversal")); have != want {
			found = append(found, fmt.Sprintf("%s: in transit is %d, paid out were %d", on, have, want))
		}
	}
	return found
}

// requireBooks holds the ledger to the shop and to Stripe at the end of the world's present
// day: every day of the balance, every order, revenue, tax, advances.
func (p *program) requireBooks() ledger {
	w, t, a := p.w, p.w.t, p.office.accounts()
	t.Helper()
	l, now := p.office.read(), w.today()
	require.Empty(t, p.dead())
	require.Empty(t, w.disagreements(l, a, w.over()), "on every day that is over")

	// Orders, one by one.
	var wrong []string
	bad := func(s *sale, format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("order %d: ", s.id)+fmt.Sprintf(format, args...))
	}
	zero, paid := commerce.Zero(w.money.order), w.paid()
	advances, net, tax := zero, zero, zero
	for _, s := range w.sales {
		gross := zero
		invoices := 0
		for _, x := range l.papers {
			if x.order != s.reference && x.key != "return/"+s.reference {
				continue
			}
			if x.gross.Sign() > 0 {
				invoices++
			}
			gross, net, tax = plus(t, gross, x.gross), plus(t, net, x.net), plus(t, tax, x.tax)
			if x.state != "paid" || !x.open.IsZero() {
				bad(s, "%s of %s is %s with %s open", x.key, x.gross, x.state, x.open)
			}
		}
		switch {
		case paid[s.intent] && s.shipped:
			if want := plus(t, s.due, s.credited.Neg()); invoices != 1 || gross != want {
				bad(s, "%d invoices, %s in all, and it came to %s", invoices, gross, want)
			}
		case invoices != 0:
			bad(s, "is invoiced, and has not been shipped")
		case paid[s.intent]:
			advances = plus(t, advances, plus(t, s.due, s.refunded.Neg()))
		}
	}
	require.Empty(t, wrong)

	// What the accounts say, in the order's currency where that is the company's.
	if w.money.order == w.money.company {
		require.Equal(t, -net.Minor(), l.stands(now, a.revenue), "revenue is what was invoiced less what was credited")
		require.Equal(t, -tax.Minor(), l.stands(now, a.tax), "tax too")
		require.Equal(t, -advances.Minor(), l.stands(now, a.advances), "advances are what is paid and not invoiced yet")
	} else {
		require.Equal(t, -net.Minor(), l.standsIn(w.money.order, now, a.revenue), "revenue")
		require.Equal(t, -advances.Minor(), l.standsIn(w.money.order, now, a.advances), "advances")
	}
	require.Zero(t, l.stands(now, a.receivable), "nobody owes anything")
	shopNet, shopTax := zero, zero
	for _, s := range w.sales {
		if paid[s.intent] && s.shipped && s.credited.IsZero() {
			shopNet, shopTax = plus(t, shopNet, plus(t, s.due, s.tax.Neg())), plus(t, shopTax, s.tax)
		}
	}
	require.Equal(t, shopNet, net, "the shop's own totals")
	require.Equal(t, shopTax, tax)
	sum := int64(0)
	for _, x := range l.lines {
		sum += x.company
	}
	require.Zero(t, sum, "debits are credits")
	return l
}

// requireNothingNew lets the program look at everything again, and then another one that
// remembers nothing of what was done: neither posts anything.
func (p *program) requireNothingNew(before ledger) {
	w := p.w
	w.t.Helper()
	p.settle()
	again := newProgram(w, p.office, p.invoicing)
	again.settle() // what it would do at the shop a second time ends dead, and is not our matter
	after := p.office.read()
	require.Equal(w.t, before.entries(), after.entries(), "a second run posts nothing")
	require.Len(w.t, after.papers, len(before.papers))
}

// trade is one day of the world: orders in the morning, parcels in the evening, payouts in
// the night, and the program in between.
func (p *program) trade(orders int) {
	w := p.w
	w.at(9 * time.Hour)
	for range orders {
		w.buy(methods[w.rand.IntN(len(methods))])
	}
	if orders > 0 {
		p.settle()
	}
	w.at(17 * time.Hour)
	p.ship(func(s *sale) bool { return s.id%3 != 0 })
	p.settle()
}

// night begins the next day: Stripe pays out what is available.
func (p *program) night() {
	p.w.at(26 * time.Hour)
	p.w.stripe.PayOut()
	p.settle()
}

// ship sends what is paid and not sent yet, of some orders.
func (p *program) ship(which func(*sale) bool) {
	var references []string
	for _, s := range p.w.sales {
		if !s.shipped && which(s) && p.confirmed(s) {
			s.shipped = true
			references = append(references, s.reference)
		}
	}
	if len(references) > 0 {
		p.office.send(references)
	}
}

// confirmed reports whether the warehouse was asked for an order.
func (p *program) confirmed(s *sale) bool {
	orders, err := p.office.erp().FindOrders(p.w.t.Context(), s.reference)
	require.NoError(p.w.t, err)
	return slices.ContainsFunc(orders, func(o erp.Order) bool { return o.State == erp.Confirmed })
}
