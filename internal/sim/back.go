package sim

import (
	"math/rand/v2"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/journey"
)

// sellAndTakeBack plans an order that is paid and shipped, and of which money goes back
// some time later.
func (w *world) sellAndTakeBack(placing *rand.Rand) {
	story, back := journey.Stories[0], journey.Backs[w.chance.IntN(len(journey.Backs))]
	if !w.backs {
		w.backs = true
		w.book.types = append(w.book.types, "refund.created", "refund.updated", "refund.failed", "charge.refund.updated")
		for at := time.Duration(0); at < w.w.calm+4*24*time.Hour; at += 12 * time.Hour {
			w.in(at+w.within(time.Hour), w.poll)
		}
	}
	w.in(w.within(time.Hour), func() {
		w.buyers.Begin(placing, story)
		s := w.buyers.Sales[len(w.buyers.Sales)-1]
		var try func()
		try = func() {
			if !w.fakes.Front.Standing(s.Sale).Shipped || !back.Tell(w.buyers, s) {
				w.in(6*time.Hour+w.within(time.Hour), try)
				return
			}
			w.trace("money of order %d goes back: %s", s.ID, back.Name)
			s.Back = &back
			w.collect()
		}
		w.in(w.within(30*time.Hour), try)
	})
}

// auditBack counts what went back at processor, shop and ERP.
func (w *world) auditBack(s *journey.Told, o journey.Standing) {
	at := w.buyers.Refunded(s)
	shop, _, err := commerce.RoundMoney(o.Refunded, 4, s.Due.Currency())
	if err != nil {
		w.t.Fatal(err)
	}
	erp := commerce.Zero(s.Due.Currency())
	for _, i := range w.fakes.ERP.AllInvoices() {
		if strings.HasPrefix(i.Reference, s.Reference()+"/credit/") {
			if erp, err = erp.Sub(i.Total); err != nil {
				w.t.Fatal(err)
			}
			if i.State != "posted" && i.State != "paid" {
				w.wrong("%s: a credit note is %s", s.Back.Name, i.State)
			}
		}
	}
	if at != shop || at != erp {
		w.wrong("%s: the processor gave back %s, the shop says %s, the ERP %s", s.Back.Name, at, shop, erp)
	}
	if s.Back.All && at != s.Due {
		w.wrong("%s: %s of %s went back", s.Back.Name, at, s.Due)
	}
}
