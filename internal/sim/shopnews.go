package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/commercesync/commerce"
)

// seen is an order as the shop's plugin saw it last.
type seen struct {
	content  string
	revision int
}

// looks plans when the program's poller looks at the shop, beside what pushes bring: here
// and there while the day goes on, and when all is over.
func (w *world) looks() {
	for range 2 + w.chance.IntN(6) {
		at := w.within(w.w.calm)
		w.in(at, w.push)
		if w.c.story == nil {
			w.in(at+w.delay(), w.poll)
		}
	}
	w.in(w.w.calm+9*24*time.Hour, w.poll)
}

// push is a plugin of the shop that says "look", at every second order that is another one
// than at the last time, and sometimes at one that is not.
func (w *world) push() {
	news := false
	for _, s := range w.buyers.Sales {
		o := w.fakes.Front.Standing(s.Sale)
		last := w.seen[s.ID]
		now := fmt.Sprint(o)
		if now == last.content && !w.perMille(200) {
			continue
		}
		news = news || now != last.content
		last = seen{now, last.revision + 1}
		w.seen[s.ID] = last
		if w.perMille(500) {
			continue // lost
		}
		e := commerce.Event{Ref: s.Ref().With(fmt.Sprintf("push/%d@%d", s.ID, last.revision)), Type: "order.changed",
			Object: s.Ref().ID, Subject: s.Ref().ID, Created: o.Changed, Raw: []byte(`{}`)}
		times := 1
		for !w.calm && w.chance.IntN(100) < w.w.doubled && times < 4 {
			times++
		}
		for range times {
			w.in(w.delay(), func() { w.bring(e) })
		}
	}
	if news {
		w.in(time.Minute+w.delay(), w.push)
	}
}

// bring stores news of the shop by way of some process, if one is up, until it is stored.
func (w *world) bring(e commerce.Event) {
	if w.told[e.Ref.ID] && !w.perMille(500) {
		return
	}
	if h := w.hosts[w.chance.IntN(len(w.hosts))]; h.p != nil {
		p := h.p
		p.spawn(func() {
			ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
			defer cancel()
			_, err := p.program.Inbox.Append(ctx, e)
			p.stop("push stored " + e.Ref.ID)
			if err == nil {
				w.told[e.Ref.ID] = true
			}
		})
	}
	w.in(20*time.Second+w.delay(), func() {
		if !w.told[e.Ref.ID] {
			w.bring(e)
		}
	})
}
