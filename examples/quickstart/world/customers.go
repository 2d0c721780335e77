package world

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// pace is the time between two orders.
const pace = 20 * time.Second

// invent plans what the customers do.
func (w *World) invent() {
	var half *Sale // of a shared payment, whose other half is of the same store
	for n := range w.c.Orders {
		shop := w.sellers[0]
		switch {
		case half != nil:
			shop = half.shop
		case len(w.sellers) > 1:
			shop = w.sellers[w.rand.IntN(len(w.sellers))]
		}
		open := w.stores(shop)
		m := open[w.rand.IntN(len(open))]
		s := &Sale{shop: shop, Store: m.id, Story: w.story(m)}
		if half != nil {
			for _, same := range open {
				if same.id == half.Store {
					m = same
				}
			}
			s.Store, s.Story, s.With, half.With = half.Store, Shared, half, s
			half = nil
		} else if s.Story == Shared && n == w.c.Orders-1 {
			s.Story = Card
		} else if s.Story == Shared {
			half = s
		}
		s.Back = w.back(s)
		w.sales = append(w.sales, s)
		place := shop.draw(w.rand, m, w.c.Offer, n, s.Story)
		w.at(w.start.Add(time.Duration(n)*pace), func(context.Context) error {
			id, err := place()
			if err != nil {
				return err
			}
			if err := w.placed(s, id); err != nil {
				return err
			}
			w.giveBack(s)
			w.at(w.Clock.Now().Add(time.Minute), func(context.Context) error { return w.pay(s) })
			return w.staff(s)
		})
	}
	// Somebody else's program takes money through the same Stripe account.
	w.at(w.start.Add(10*time.Minute), func(context.Context) error {
		_, err := w.stripe.Pay(stripetest.Purchase{Amount: 4200, Currency: "eur", Description: "gym membership"})
		return err
	})
}

// placed reads what the order came to.
func (w *World) placed(s *Sale, id int64) (err error) {
	s.ID = id
	if s.Number, s.Due, s.Total, err = s.shop.due(id); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.byRef[s.ref()] = s
	return nil
}

// staff plans what is done to an order in the shop's admin.
func (w *World) staff(s *Sale) error {
	later := func(d time.Duration, do func(id int64) error) {
		w.at(w.Clock.Now().Add(d), func(context.Context) error { return do(s.ID) })
	}
	switch s.Story {
	case ByHand:
		return s.shop.ship(s.ID)
	case Moved:
		later(25*time.Minute, s.shop.move)
	case Canceled:
		later(30*time.Minute, s.shop.cancel)
	}
	return nil
}

// pay is what the customer does at the checkout, and later.
func (w *World) pay(s *Sale) error {
	if s.Due.IsZero() {
		return nil
	}
	switch s.Story {
	case Shared:
		if s.With.ID == 0 || s.With.ID > s.ID {
			return nil // the other order pays for both
		}
		sum, err := s.Due.Add(s.With.Due)
		if err != nil {
			return err
		}
		_, err = w.buy(s, sum, stripetest.Card, s.shop.shared(fmt.Sprintf("%d:%s,%d:%s", s.ID, s.Due.Text(), s.With.ID, s.With.Due.Text())))
		return err
	case Unheard:
		i, err := w.purchase(s, s.Due, stripetest.Card, nil, false)
		if err != nil {
			return err
		}
		w.unheard = append(w.unheard, i.ID)
		return s.shop.charged(s.ID, i.ID, i.LatestCharge.ID)
	case CardRetried:
		return w.then(s, stripetest.CardInsufficientFunds, 4*time.Minute, func(id string) error {
			_, err := w.stripe.PayIntent(id, stripetest.Card)
			return err
		})
	case Declined, ByLink:
		return w.then(s, stripetest.CardDeclined, 0, nil)
	case Debit:
		return w.then(s, stripetest.Debit, 0, nil)
	case DebitFailed:
		return w.then(s, stripetest.DebitFails, 0, nil)
	case DebitBounced:
		return w.then(s, stripetest.DebitReturned, 0, nil)
	case Captured, Expired:
		i, err := w.purchase(s, s.Due, stripetest.Card, nil, true)
		if err != nil {
			return err
		}
		w.at(w.Clock.Now().Add(26*time.Hour), func(ctx context.Context) error {
			if s.Story == Captured {
				return w.post(ctx, "/v1/payment_intents/"+i.ID+"/capture", nil)
			}
			return w.post(ctx, "/v1/payment_intents/"+i.ID+"/cancel", nil)
		})
		return nil
	case Twice:
		return w.then(s, stripetest.Card, 5*time.Minute, func(string) error {
			_, err := w.buy(s, s.Due, stripetest.Mastercard, nil)
			return err
		})
	}
	switch s.Back {
	case Pends:
		return w.then(s, stripetest.CardRefundPending, 0, nil)
	case Fails:
		return w.then(s, stripetest.CardRefundFails, 0, nil)
	}
	return w.then(s, stripetest.Card, 0, nil)
}

// then pays, and does something more later.
func (w *World) then(s *Sale, m stripetest.Method, later time.Duration, do func(intent string) error) error {
	id, err := w.buy(s, s.Due, m, nil)
	if err == nil && do != nil {
		w.at(w.Clock.Now().Add(later), func(context.Context) error { return do(id) })
	}
	return err
}

func (w *World) buy(s *Sale, amount commerce.Money, m stripetest.Method, metadata map[string]string) (string, error) {
	i, err := w.purchase(s, amount, m, metadata, false)
	return i.ID, err
}

// purchase pays as the shop's checkout does.
func (w *World) purchase(s *Sale, amount commerce.Money, m stripetest.Method, metadata map[string]string, authorise bool) (stripe.PaymentIntent, error) {
	units, err := amount.Stripe(commerce.StripeCharge)
	if err != nil {
		return stripe.PaymentIntent{}, err
	}
	if metadata == nil {
		metadata = s.shop.metadata(s)
	}
	i, err := w.stripe.Pay(stripetest.Purchase{Amount: units, Currency: amount.Currency().Lower(), Method: m, Authorise: authorise, Metadata: metadata})
	w.intents[i.ID] = s
	return i, err
}

// post is the merchant at the Stripe dashboard.
func (w *World) post(ctx context.Context, resource string, params url.Values) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.StripeURL+resource, strings.NewReader(params.Encode()))
	if err != nil {
		return err
	}
	w.posts++
	req.Header.Set("Idempotency-Key", fmt.Sprintf("dashboard %d", w.posts))
	req.Header.Set("Authorization", "Bearer "+StripeKey)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for range 5 { // a planned fault may hit this request too
		if req.Body, err = req.GetBody(); err != nil {
			return err
		}
		resp, err := w.http.Do(req)
		if err != nil {
			continue
		}
		answer, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode/100 == 2 {
			return nil
		}
		if resp.StatusCode < 500 {
			return fmt.Errorf("stripe answers %s to %s: %.200s", resp.Status, resource, answer)
		}
	}
	return fmt.Errorf("stripe does not answer %s", resource)
}

// followLinks lets customers open the links that they were sent an hour ago.
func (w *World) followLinks() {
	w.mu.Lock()
	links := w.links
	w.links = nil
	w.mu.Unlock()
	for _, f := range links {
		w.at(w.Clock.Now().Add(time.Hour), func(ctx context.Context) error { return w.follow(ctx, f.link, 1) })
	}
}

// follow opens a retry link, which leads to a Checkout page, and pays there. While the shop is
// down it leads nowhere, and the customer comes back later.
func (w *World) follow(ctx context.Context, link string, visit int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, http.NoBody)
	if err != nil {
		return err
	}
	browser := &http.Client{Transport: w.http.Transport, Timeout: w.http.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for range 5 {
		resp, err := browser.Do(req)
		if err != nil {
			return err
		}
		_ = resp.Body.Close()
		if to, err := resp.Location(); err == nil {
			_, err = w.stripe.PaySession(path.Base(to.Path), stripetest.Card)
			return err
		}
	}
	if visit == 10 {
		return fmt.Errorf("the link %s leads nowhere", link)
	}
	w.at(w.Clock.Now().Add(30*time.Minute), func(ctx context.Context) error { return w.follow(ctx, link, visit+1) })
	return nil
}
