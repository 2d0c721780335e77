package kill_test

import (
	"context"
	"fmt"
	"maps"
	"math/big"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/sqlstore"
)

// ship is the warehouse: it sends what it was asked to send.
func (w *world) ship(ctx context.Context, db *sqlstore.DB) {
	for _, s := range w.sales {
		if s.sent || !w.done(ctx, db, "warehouse.request/"+s.Reference()) {
			continue
		}
		require.NoError(w.t, w.fakes.ERP.Ship(s.Reference(), fmt.Sprintf("TRACK-%d", s.ID)))
		s.sent = true
	}
}

func (w *world) done(ctx context.Context, db *sqlstore.DB, key string) bool {
	rec, err := db.Steps().Get(ctx, key)
	if commerce.KindOf(err) == commerce.KindNotFound && err != nil {
		return false
	}
	require.NoError(w.t, err)
	return rec.State == idempotency.Done
}

func mailKey(s *sale) string {
	return "customer.told/" + s.Reference() + "/payment_failed/" + s.pi
}

// undecided are the events that wait only because nobody knows whether a mail went
// out: sending is blind, so a person is asked once the outcome has settled.
func undecided(e inbox.Entry) bool { return strings.Contains(e.Reason, "customer.told/") }

// waits says what the workers still have to do; empty = nothing.
func (w *world) waits(ctx context.Context, db *sqlstore.DB) string {
	for e, err := range db.Inbox().List(ctx, inbox.Filter{States: []inbox.State{inbox.Ready, inbox.Parked}, Limit: 1000}) {
		require.NoError(w.t, err)
		if !undecided(e) {
			return fmt.Sprintf("event %d %s %s is %s after %d starts: %s", e.Seq, e.Event.Type, e.Root, e.State, e.Starts, e.Reason)
		}
	}
	for _, s := range w.sales {
		if s.paid && len(w.fakes.Shop.Shipments(s.ID)) == 0 {
			return fmt.Sprintf("order %d (%s) is not shipped in the shop", s.ID, s.story)
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

// settle lets the workers finish and returns what they did not.
func (w *world) settle(ctx context.Context, db *sqlstore.DB) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for {
		w.ship(ctx, db)
		left := w.waits(ctx, db)
		if left == "" {
			return ""
		}
		select {
		case <-ctx.Done():
			return left
		case <-look.C:
		}
	}
}

// report is what the auditor counted.
type report struct {
	orders, lost, second, probed, undecided int
	findings                                []string
}

// audit counts at the far sides.
func (w *world) audit(ctx context.Context, db *sqlstore.DB) report {
	r := report{orders: len(w.sales)}
	lost := func(format string, args ...any) {
		r.lost++
		r.findings = append(r.findings, "lost: "+fmt.Sprintf(format, args...))
	}
	second := func(n int, format string, args ...any) {
		r.second += n
		r.findings = append(r.findings, "twice: "+fmt.Sprintf(format, args...))
	}
	stored := map[string]bool{}
	for after, page := int64(0), 1; page > 0; {
		page = 0
		for e, err := range db.Inbox().List(ctx, inbox.Filter{After: after, Limit: 1000}) {
			require.NoError(w.t, err)
			stored[e.Event.Ref.ID] = true
			after = e.Seq
			page++
			if e.State == inbox.Dead && !undecided(e) {
				lost("event %s %s is dead: %s: %s", e.Event.Ref.ID, e.Event.Type, e.Code, e.Reason)
			}
		}
	}
	w.mu.Lock()
	acked, told := maps.Clone(w.acked), maps.Clone(w.mail)
	w.mu.Unlock()
	for id := range acked {
		if !stored[id] {
			lost("event %s was acknowledged and is not in the store", id)
		}
	}
	for rec, err := range db.Steps().List(ctx, "", time.Time{}) {
		require.NoError(w.t, err)
		if rec.Attempts > 1 {
			r.probed++
		}
	}
	drafts := map[string]int{}
	for _, s := range w.fakes.ERP.AllSales() {
		drafts[s.Reference]++
	}
	for _, s := range w.sales {
		name := fmt.Sprintf("order %d (%s)", s.ID, s.story)
		o, _ := w.fakes.Shop.Order(s.ID)
		notes := map[string]int{}
		for _, c := range w.fakes.Shop.Comments(s.ID) {
			if strings.Contains(c.Comment, "[") {
				notes[c.Comment]++
			}
		}
		for text, n := range notes {
			if n > 1 {
				second(n-1, "%s has %d remarks %q", name, n, text)
			}
		}
		invoices, sales, shipments := w.fakes.Shop.Invoices(s.ID), drafts[s.Reference()], w.fakes.Shop.Shipments(s.ID)
		for what, n := range map[string]int{"invoices": len(invoices), "sales orders": sales, "shipments": len(shipments)} {
			switch {
			case n > 1:
				second(n-1, "%s has %d %s", name, n, what)
			case n == 0 && s.paid:
				lost("%s was paid and has no %s", name, what)
			case n > 0 && !s.paid:
				second(n, "%s was not paid and has %d %s", name, n, what)
			}
		}
		if s.paid && !same(string(o.TotalPaid), string(o.GrandTotal)) {
			lost("%s was paid and the shop shows %s of %s", name, o.TotalPaid, o.GrandTotal)
		}
		for _, row := range w.fakes.ERP.AllSales() {
			if row.Reference != s.Reference() {
				continue
			}
			if !same(row.Total.Text(), string(o.GrandTotal)) {
				lost("%s has %s in the shop, %s in the ERP", name, o.GrandTotal, row.Total)
			}
			if sales == 1 && row.State != "processing" && row.State != "done" {
				lost("%s is a %s in the ERP", name, row.State)
			}
		}
		shipped, ordered := new(big.Rat), new(big.Rat)
		for _, sh := range shipments {
			for _, i := range sh.Items {
				shipped.Add(shipped, rat(string(i.Qty)))
			}
		}
		for _, i := range o.Items {
			ordered.Add(ordered, rat(string(i.QtyOrdered)))
		}
		if s.paid && len(shipments) > 0 && shipped.Cmp(ordered) != 0 {
			lost("%s has %s pieces, %s were shipped", name, ordered.RatString(), shipped.RatString())
		}
		if s.story == "paid twice" && !strings.Contains(fmt.Sprint(notes), "Overpaid") {
			lost("%s has no remark about the second payment", name)
		}
		mails := told[fmt.Sprintf("order/%d payment_failed", s.ID)]
		switch {
		case mails > 1:
			second(mails-1, "%s got %d mails", name, mails)
		case s.story == "declined" && !w.done(ctx, db, mailKey(s)):
			rec, err := db.Steps().Get(ctx, mailKey(s))
			if err == nil && (rec.State == idempotency.Open || rec.State == idempotency.Unknown) {
				r.undecided++
			} else {
				lost("the customer of %s was not told", name)
			}
		}
	}
	return r
}

func rat(text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return new(big.Rat)
	}
	return r
}

func same(a, b string) bool { return rat(a).Cmp(rat(b)) == 0 }
