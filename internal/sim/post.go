package sim

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/tidwall/gjson"

	"github.com/commercesync/commerce/internal/journey"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// letter is a webhook that Stripe sends until it is acknowledged.
type letter struct {
	id, kind string
	body     []byte
	tries    int
	acked    bool
}

// write takes an event into the post: once, and sometimes again.
func (w *world) write(d stripetest.Delivery) {
	l := &letter{id: d.Event, kind: d.Type, body: d.Body}
	w.letters[l.id] = l
	w.book.happened(l, gjson.GetBytes(l.body, "data.object"))
	w.report.Events++
	if l.kind == "payment_intent.processing" { // a bank takes its time, and may take its word back
		w.in(3*24*time.Hour+time.Second, func() {})
		w.in(8*24*time.Hour+2*time.Second, func() {})
	}
	times := 1
	for !w.calm && w.chance.IntN(100) < w.w.doubled && times < 4 {
		times++
	}
	for range times {
		w.in(w.delay(), func() { w.deliver(l) })
	}
}

func (w *world) delay() time.Duration {
	if w.calm {
		return time.Second
	}
	return w.within(w.w.delay)
}

// deliver brings a letter to some process, if one is up, and looks later whether it has
// to be brought again.
func (w *world) deliver(l *letter) {
	w.report.Deliveries++
	l.tries++
	const patience = 10 * time.Second
	lost, unheard := w.perMille(w.w.dropped*5), w.perMille(w.w.dropped*5)
	if h := w.hosts[w.chance.IntN(len(w.hosts))]; h.p != nil && !lost {
		p := h.p
		p.spawn(func() {
			ctx, cancel := context.WithTimeout(p.ctx, patience)
			defer cancel()
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/hooks/stripe", bytes.NewReader(l.body))
			r.Header.Set("Stripe-Signature", stripetest.Sign(time.Now(), l.body, journey.WebhookSecret))
			answer := httptest.NewRecorder()
			p.program.Hook.ServeHTTP(answer, r)
			p.stop("hook answers " + l.id)
			if answer.Code/100 == 2 && !unheard {
				w.acknowledged(l)
			}
		})
	}
	wait := patience + time.Duration(l.tries)*30*time.Second
	w.in(wait+w.delay(), func() {
		if !l.acked {
			w.deliver(l)
		}
	})
}
