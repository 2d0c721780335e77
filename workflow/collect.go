package workflow

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
)

const maxRequests = 20

// Collect asks for what is still due on an order, by one way to pay at a time: a
// payment intent, or a Checkout session where ReturnURL is set. It backs the retry
// link of [PaymentFailed] and serves "pay by another method".
type Collect struct {
	Shop     Shop              // required
	Payments Payments          // required
	Steps    idempotency.Store // required
	Links    Links             // required; only Subjects is asked

	// Methods are the processor's payment method types to offer; empty = the
	// account's own choice.
	Methods []string
	// ReturnURL and CancelURL are where the buyer comes back to from a Checkout
	// session. Both or none; none makes payment intents for a page of your own.
	ReturnURL, CancelURL string
	// PageURL and LinkKey make retry links that stay good: see [Collect.Link]. Both or none.
	PageURL string
	LinkKey commerce.Secret
	// StartAt: for older orders, by their Placed, nothing is collected; see
	// OrderToCash.StartAt. Zero: there are none.
	StartAt time.Time
	// MaxRequests is how often a way to pay may be opened for one order. Reaching it
	// is an error of kind limit.
	//
	// Defaults to 20.
	MaxRequests int

	Now func() time.Time // defaults to time.Now
}

// Check reports the first setting that can not work, as an error of kind invalid
// that names the field.
func (c *Collect) Check() error {
	if err := check("Collect", []field{{"Shop", c.Shop == nil}, {"Payments", c.Payments == nil},
		{"Steps", c.Steps == nil}, {"Links", c.Links == nil}}, nil, nil); err != nil {
		return err
	}
	switch {
	case (c.ReturnURL == "") != (c.CancelURL == ""):
		return refuse(commerce.KindInvalid, "check Collect", "", "ReturnURL and CancelURL are set together or not at all")
	case (c.PageURL == "") != c.LinkKey.Empty():
		return refuse(commerce.KindInvalid, "check Collect", "", "PageURL and LinkKey are set together or not at all")
	case c.MaxRequests < 0:
		return refuse(commerce.KindInvalid, "check Collect", "", "MaxRequests is %d, below nought", c.MaxRequests)
	}
	return nil
}

func (c *Collect) desk() desk {
	return desk{shop: c.Shop, payments: c.Payments, links: c.Links, steps: c.Steps, startAt: c.StartAt, now: c.Now}.complete()
}

// Open returns the way to pay what is still due on the order: the open one, or a
// new one where that was paid, closed, expired or is of another amount by now. Two
// callers at once get the same one, or the later is told to come back.
//
// Errors: kind conflict with code "nothing_due", "not_payable" or "undecided" (money
// is here that does not fit the order, and a person decides about it); kind limit after
// MaxRequests; kind parked while somebody else is opening one, and until the news of a
// payment by an earlier one was worked; those of Payments.
func (c *Collect) Open(ctx context.Context, order commerce.Ref) (mapping.Open, error) {
	if err := c.Check(); err != nil {
		return mapping.Open{}, err
	}
	a, err := c.desk().account(ctx, commerce.Event{}, commerce.Ref{}, order)
	if err != nil {
		return mapping.Open{}, err
	}
	return c.open(ctx, a)
}

func (c *Collect) open(ctx context.Context, a account) (mapping.Open, error) {
	op := "collect for " + a.order.Ref.ID
	if a.old {
		return mapping.Open{}, refuse(commerce.KindConflict, op, "not_payable", "order %s is older than StartAt", a.order.Number)
	}
	switch a.order.State {
	case commerce.OrderPending, commerce.OrderProcessing, commerce.OrderComplete, commerce.OrderOnHold:
	default:
		return mapping.Open{}, refuse(commerce.KindConflict, op, "not_payable", "order %s is %s", a.order.Number, a.order.State)
	}
	left, err := a.left()
	if err != nil {
		return mapping.Open{}, err
	}
	switch {
	case left.IsZero():
		return mapping.Open{}, refuse(commerce.KindConflict, op, "nothing_due", "nothing is due on order %s, or what was is on its way", a.order.Number)
	case len(a.undecided) > 0:
		return mapping.Open{}, refuse(commerce.KindConflict, op, "undecided", "money came for order %s that does not fit it; a person decides first", a.order.Number)
	}
	n, err := c.last(ctx, a.order.Ref)
	if err != nil {
		return mapping.Open{}, err
	}
	for n = max(n, 1); n <= c.max(); n++ {
		open, err := c.request(ctx, a.order, n, left)
		if err != nil {
			asked, unread := recall[commerce.Money](ctx, c.Steps, keyCollect("amount", a.order.Ref, n))
			if unread == nil && asked != left && commerce.SafeToRetry(err) && commerce.KindOf(err).Permanent() {
				continue // that amount was refused for good, and another one is asked for by now
			}
			return mapping.Open{}, err
		}
		if open.Status == mapping.OpenClosed {
			continue // for ever
		}
		// What is remembered is how it was; a secret is not remembered at all.
		if open, err = c.Payments.Opened(ctx, open.Ref); err != nil {
			return mapping.Open{}, err
		}
		switch {
		case open.Status == mapping.OpenPaid && !a.answered[n]:
			return mapping.Open{}, park(op, time.Minute, "a payment was made, and its news is still to be worked")
		case open.Status != mapping.OpenPayable:
			continue
		case open.Amount == left:
			return open, nil
		}
		if err := c.close(ctx, a.order.Ref, n, open.Ref); err != nil {
			return mapping.Open{}, err
		}
	}
	return mapping.Open{}, refuse(commerce.KindLimit, op, "", "a way to pay was opened %d times; see Collect.MaxRequests", c.max())
}

// request makes request n, or remembers it. What it asks for is decided once and
// stored before, so that an unknown outcome is always repeated as it was sent.
func (c *Collect) request(ctx context.Context, o commerce.Order, n int, amount commerce.Money) (mapping.Open, error) {
	amount, err := idempotency.Run(ctx, c.Steps, keyCollect("amount", o.Ref, n), idempotency.Effect[commerce.Money]{
		Class: idempotency.Keyed, // a decision of ours: the first that is stored counts
		Act:   func(context.Context) (commerce.Money, error) { return amount, nil },
	})
	if err != nil {
		return mapping.Open{}, err
	}
	key := keyCollect("request", o.Ref, n)
	return idempotency.Run(ctx, c.Steps, key, c.Payments.Request(mapping.PaymentRequest{
		Key: key, Order: o, Amount: amount, Methods: c.Methods, ReturnURL: c.ReturnURL, CancelURL: c.CancelURL,
	}), idempotency.For("request", amount))
}

func (c *Collect) close(ctx context.Context, order commerce.Ref, n int, ref commerce.Ref) error {
	_, err := idempotency.Run(ctx, c.Steps, keyCollect("close", order, n), c.Payments.Close(ref))
	return err
}

// Close ends what is open for the order, because it was paid by other means. One
// that is being paid at this moment stays: its payment has its own news.
func (c *Collect) Close(ctx context.Context, order commerce.Ref) error {
	n, err := c.last(ctx, order)
	if err != nil || n == 0 {
		return err
	}
	d := c.desk()
	if done, err := d.done(ctx, keyCollect("close", order, n)); done || err != nil {
		return err
	}
	rec, err := c.Steps.Get(ctx, keyCollect("request", order, n))
	switch {
	case errors.Is(err, commerce.ErrNotFound) || err == nil && rec.State == idempotency.NotSent:
		return nil // decided, and nothing was made
	case err != nil:
		return err
	}
	o, err := c.Shop.Order(ctx, order)
	if err != nil {
		return err
	}
	open, err := c.request(ctx, o, n, commerce.Zero(o.Currency))
	if err != nil || open.Status == mapping.OpenClosed {
		return err
	}
	if open, err = c.Payments.Opened(ctx, open.Ref); err != nil || open.Status != mapping.OpenPayable {
		return err
	}
	if err := c.close(ctx, order, n, open.Ref); err != nil && !errors.Is(err, commerce.ErrConflict) {
		return err
	}
	return nil
}

// last returns the number of the newest request, or 0.
func (c *Collect) last(ctx context.Context, order commerce.Ref) (int, error) {
	n := 0
	prefix := "collect.amount/" + order.String() + "/"
	for rec, err := range c.Steps.List(ctx, prefix, time.Time{}) {
		if err != nil {
			return 0, err
		}
		i, err := strconv.Atoi(strings.TrimPrefix(rec.Key, prefix))
		if err != nil {
			return 0, commerce.Errorf(commerce.KindInternal, system, "read requests", "the key %q ends in no number", rec.Key)
		}
		n = max(n, i)
	}
	return n, nil
}

func (c *Collect) max() int {
	if c.MaxRequests == 0 {
		return maxRequests
	}
	return c.MaxRequests
}

// keyCollect is "collect.<what>/<order>/<n>".
func keyCollect(what string, order commerce.Ref, n int) string {
	return "collect." + what + "/" + order.String() + "/" + strconv.Itoa(n)
}

// requests returns the numbers of the requests of ours that the payment answers, as
// its metadata says, under whatever name.
func requests(p commerce.Payment, order commerce.Ref) []int {
	var out []int
	for _, v := range p.Metadata {
		if text, ok := strings.CutPrefix(v, "collect.request/"+order.String()+"/"); ok {
			if n, err := strconv.Atoi(text); err == nil && n > 0 {
				out = append(out, n)
			}
		}
	}
	slices.Sort(out)
	return out
}

// requested reports whether the payment answers a request of ours for this order
// and is of the amount that was asked for. It is evidence as well: a request whose
// answer was lost was made after all.
func (d desk) requested(ctx context.Context, p commerce.Payment, order commerce.Ref) (bool, error) {
	for _, n := range requests(p, order) {
		key := keyCollect("request", order, n)
		asked, err := recall[commerce.Money](ctx, d.steps, keyCollect("amount", order, n))
		if errors.Is(err, commerce.ErrNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		if asked != p.Amount {
			continue
		}
		_, err = idempotency.Settled(ctx, d.steps, key, mapping.Open{Ref: p.Ref, Amount: p.Amount, Status: mapping.OpenPaid})
		if errors.Is(err, commerce.ErrNotFound) {
			continue
		}
		return err == nil, err
	}
	return false, nil
}
