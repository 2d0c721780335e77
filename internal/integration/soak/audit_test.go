package soak_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

// waits says what the program still has to do; empty = nothing.
func (w *world) waits() string {
	open, first := 0, ""
	for e, err := range w.db.Inbox().List(w.t.Context(), inbox.Filter{States: []inbox.State{inbox.Ready, inbox.Parked}, Limit: 1000}) {
		require.NoError(w.t, err)
		if open++; open == 1 {
			first = fmt.Sprintf("event %d %s %s is %s after %d attempts: %s", e.Seq, e.Event.Type, e.Root, e.State, e.Attempts, e.Reason)
		}
	}
	if open > 0 {
		return fmt.Sprintf("%d events are open; %s", open, first)
	}
	for _, s := range w.buyers.Sales {
		if paid[s.Story] && len(w.fakes.Shop.Shipments(s.ID)) == 0 {
			return fmt.Sprintf("order %d (%s) is not shipped in the shop", s.ID, s.Story)
		}
	}
	for _, e := range w.fakes.Stripe.Events() {
		w.mu.Lock()
		ok := w.acked[e.ID]
		w.mu.Unlock()
		if !ok {
			return "event " + e.ID + " is not acknowledged"
		}
	}
	return ""
}

// settle ends the faults, lets the program finish within two minutes, and returns how
// long that took, and what it did not finish.
func (w *world) settle() (took time.Duration, left string) {
	for len(w.agenda) > 0 {
		<-time.After(time.Until(w.agenda[0].at))
		w.tell()
	}
	w.calm(true)
	begun := time.Now()
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Minute)
	defer cancel()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for {
		w.send()
		left := w.waits()
		if left == "" {
			return time.Since(begun), ""
		}
		select {
		case <-ctx.Done():
			return time.Since(begun), left
		case <-look.C:
		}
	}
}

// audit counts at the far sides what was lost and what was done twice.
func (w *world) audit() (lost, twice []string) {
	lose := func(format string, args ...any) { lost = append(lost, fmt.Sprintf(format, args...)) }
	double := func(format string, args ...any) { twice = append(twice, fmt.Sprintf(format, args...)) }
	stored := map[string]bool{}
	for after, more := int64(0), true; more; {
		more = false
		for e, err := range w.db.Inbox().List(w.t.Context(), inbox.Filter{After: after, Limit: 1000}) {
			require.NoError(w.t, err)
			stored[e.Event.Ref.ID], after, more = true, e.Seq, true
			if e.State == inbox.Dead {
				lose("event %s %s is dead: %s: %s", e.Event.Ref.ID, e.Event.Type, e.Code, e.Reason)
			}
		}
	}
	w.mu.Lock()
	acked, mail := maps.Clone(w.acked), maps.Clone(w.mail)
	w.mu.Unlock()
	for id := range acked {
		if !stored[id] {
			lose("event %s was acknowledged and is not in the store", id)
		}
	}
	drafts := map[string]int{}
	for _, s := range w.fakes.ERP.AllSales() {
		drafts[s.Reference]++
	}
	left := map[string]int64{} // currency → captured less recorded, less what was paid twice
	for _, c := range w.fakes.Stripe.Charges() {
		if c.Status == "succeeded" && c.Captured {
			left[c.Currency] += c.AmountCaptured
		}
	}
	for _, s := range w.buyers.Sales {
		name := fmt.Sprintf("order %d (%s)", s.ID, s.Story)
		o, _ := w.fakes.Shop.Order(s.ID)
		for what, n := range map[string]int{"invoices": len(w.fakes.Shop.Invoices(s.ID)), "sales orders": drafts[s.Reference()], "shipments": len(w.fakes.Shop.Shipments(s.ID))} {
			switch {
			case n > 1:
				double("%s has %d %s", name, n, what)
			case n == 0 && paid[s.Story]:
				lose("%s was paid and has no %s", name, what)
			case n > 0 && !paid[s.Story]:
				double("%s was not paid and has %d %s", name, n, what)
			}
		}
		notes := map[string]int{}
		for _, c := range w.fakes.Shop.Comments(s.ID) {
			if strings.Contains(c.Comment, "[") {
				notes[c.Comment]++
			}
		}
		for text, n := range notes {
			if n > 1 {
				double("%s has %d remarks %q", name, n, text)
			}
		}
		if n := mail[fmt.Sprintf("order/%d payment_failed", s.ID)]; n > 1 && s.Story == "declined" {
			double("the customer of %s got %d mails", name, n)
		} else if n == 0 && s.Story == "declined" {
			lose("the customer of %s was not told", name)
		}
		currency := s.Due.Currency().Lower()
		if o.TotalPaid != "" {
			got, _, err := commerce.RoundMoney(string(o.TotalPaid), 4, s.Due.Currency())
			require.NoError(w.t, err)
			left[currency] -= got.Minor()
		}
		if s.Story == "paid twice" {
			left[currency] -= s.Due.Minor()
		}
	}
	for currency, n := range left {
		if n != 0 {
			lose("Stripe has %d %s more than the shop shows", n, currency)
		}
	}
	slices.Sort(lost)
	slices.Sort(twice)
	return lost, twice
}
