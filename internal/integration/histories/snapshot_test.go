package histories_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/workflow"
)

// passing are the marks of remarks about what passes: a payment on its way, an
// attempt that failed. One who hears of them only when they are past leaves none.
var passing = []string{"[pending ", "[authorised ", "[failed ", "[partly_paid "}

// snapshot is what is left of a play at the far sides, as sorted lines. Numbers and
// ids that far sides give in the order of asking are left out.
func (p *play) snapshot() []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, s := range p.buyers.Sales {
		name := fmt.Sprintf("order %d", s.ID)
		o, _ := p.fakes.Shop.Order(s.ID)
		add("%s (%s): state %s %s, paid %s of %s", name, s.Story, o.State, o.Status, o.TotalPaid, o.GrandTotal)
		for _, i := range p.fakes.Shop.Invoices(s.ID) {
			add("%s: invoice of %s, state %d", name, i.GrandTotal, i.State)
		}
		for _, sh := range p.fakes.Shop.Shipments(s.ID) {
			var items []string
			for _, i := range sh.Items {
				items = append(items, i.SKU+" "+string(i.Qty))
			}
			slices.Sort(items)
			add("%s: shipment of %s", name, strings.Join(items, ", "))
		}
		for _, c := range p.fakes.Shop.Comments(s.ID) {
			if p.c.passing || !slices.ContainsFunc(passing, func(mark string) bool { return strings.Contains(c.Comment, mark) }) {
				add("%s: remark %q", name, c.Comment)
			}
		}
	}
	for _, s := range p.fakes.ERP.AllSales() {
		add("ERP %s: %s, %s", s.Reference, s.State, s.Total)
	}
	for _, x := range p.exceptions {
		add("exception %s, %s, %s: %s", x.Name, x.Order.ID, x.Payment.ID, x.Text)
	}
	for _, m := range p.mail {
		if p.c.passing || !strings.Contains(m, string(workflow.MessagePaymentFailed)) {
			add("mail %s", m)
		}
	}
	for subject, code := range p.dead() {
		add("dead: %s: %s", subject, code)
	}
	names := p.roles()
	for i, l := range lines {
		lines[i] = names.Replace(l)
	}
	slices.Sort(lines)
	return lines
}

// roles says of two payments for one order which of them pays. That is decided once, with
// the first news of either, so that it is not the same in every order of news; that each
// place says the same of it is compared.
func (p *play) roles() *strings.Replacer {
	var names []string
	for _, x := range p.exceptions {
		if x.Name != workflow.Overpaid {
			continue
		}
		for _, s := range p.buyers.Sales {
			if s.Story != "paid twice" || s.Ref() != x.Order {
				continue
			}
			for _, id := range s.Intents {
				role := "the payment that pays"
				if id == x.Payment.ID {
					role = "the payment too many"
				}
				names = append(names, id, role)
			}
		}
	}
	return strings.NewReplacer(names...)
}

// dead returns why the events of a subject were buried.
func (p *play) dead() map[string]string {
	out := map[string]string{}
	for e, err := range p.store.List(p.t.Context(), inbox.Filter{States: []inbox.State{inbox.Dead}, Limit: 1000}) {
		require.NoError(p.t, err)
		out[e.Event.Subject] = e.Code + ": " + e.Reason
	}
	return out
}

// money says in which currency Stripe's money is not what the shop shows as paid and
// what people were told of; empty = it is.
func (p *play) money() string {
	dead := p.dead()
	return strings.Join(p.fakes.Money(p.buyers.Sales, func(id string) bool { return dead[id] != "" }, p.exceptions), ", ")
}

// difference says what one snapshot has and the other has not; empty = nothing.
func difference(reference, other []string) string {
	var b strings.Builder
	count := map[string]int{}
	for _, l := range reference {
		count[l]++
	}
	for _, l := range other {
		count[l]--
	}
	for _, l := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(reference, other)))) {
		for range max(count[l], 0) {
			fmt.Fprintf(&b, "  in order:  %s\n", l)
		}
		for range max(-count[l], 0) {
			fmt.Fprintf(&b, "  shuffled:  %s\n", l)
		}
	}
	return b.String()
}
