package journey

import (
	"fmt"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/workflow"
)

// Money says in which currencies Stripe's money is not what the shop shows as paid and
// what people were told of; empty = it is everywhere. dead are the subjects of buried
// events.
func (f *Fakes) Money(sales []*Told, dead func(subject string) bool, told []workflow.Exception) (wrong []string) {
	left := map[string]int64{}     // currency → captured less recorded less explained
	captured := map[string]int64{} // by intent
	currency := map[string]string{}
	for _, c := range f.Stripe.Charges() {
		if c.Status == "succeeded" && c.Captured {
			left[c.Currency] += c.AmountCaptured - c.AmountRefunded
			captured[string(c.PaymentIntent)] += c.AmountCaptured - c.AmountRefunded
		}
		currency[string(c.PaymentIntent)] = c.Currency
	}
	for _, s := range sales {
		o := f.Front.Standing(s.Sale)
		if o.Paid != "" {
			paid, _, err := commerce.RoundMoney(o.Paid, 4, s.Due.Currency())
			if err != nil {
				return []string{err.Error()}
			}
			left[s.Due.Currency().Lower()] -= paid.Minor()
		}
		if o.Refunded != "" {
			back, _, err := commerce.RoundMoney(o.Refunded, 4, s.Due.Currency())
			if err != nil {
				return []string{err.Error()}
			}
			left[s.Due.Currency().Lower()] += back.Minor()
		}
		partly := false
		for _, text := range o.Remarks {
			partly = partly || strings.Contains(text, "[partly_paid ")
		}
		for _, id := range s.Intents {
			if dead(id) || partly && o.Paid == "" {
				left[currency[id]] -= captured[id]
				captured[id] = 0 // of several orders
			}
		}
		for _, x := range told {
			switch {
			case x.Order != s.Ref():
			case x.Name == workflow.Overpaid:
				left[currency[x.Payment.ID]] -= captured[x.Payment.ID]
				captured[x.Payment.ID] = 0 // told again
			case x.Name == workflow.PaymentReturned && o.Paid != "":
				left[s.Due.Currency().Lower()] += s.Due.Minor()
				o.Paid = ""
			}
		}
	}
	for cur, n := range left {
		if n != 0 {
			wrong = append(wrong, fmt.Sprintf("%d %s", n, cur))
		}
	}
	slices.Sort(wrong)
	return wrong
}
