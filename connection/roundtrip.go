package connection

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// RoundTrip proves in test mode that an order and its payment come to agree on every side:
// it has a small order placed, pays it, waits until the program that runs has done its
// work, and compares every field. Nothing is done in live mode.
//
// Order, Shop, Pay and Payments must be set. A shop's adapter is a Shop, stripepay.Pay is
// Payments and its PayInTest is Pay.
type RoundTrip struct {
	// Of is the connection that is told of: the shop's.
	Of commerce.Ref
	// Order places a small order to be paid by Stripe, as a buyer does, or names one that
	// was placed by hand.
	Order func(ctx context.Context) (commerce.Ref, error)
	Shop  interface {
		Order(ctx context.Context, ref commerce.Ref) (commerce.Order, error)
	}
	// Pay pays what is due on the order in test mode.
	Pay      func(ctx context.Context, o commerce.Order) (commerce.Ref, error)
	Payments interface {
		Payment(ctx context.Context, ref commerce.Ref) (commerce.Payment, error)
	}
	// Documents returns the sales orders that the ERP has for the order, if there is an ERP.
	Documents func(ctx context.Context, o commerce.Order) ([]commerce.Document, error)

	// Wait is how long it may take until every side agrees. Defaults to 2 minutes.
	Wait time.Duration
	// Every is how often that is looked at. Defaults to 2 seconds.
	Every time.Duration
}

// Check makes the round trip. What still differs after Wait is a finding for each field,
// with the code "roundtrip_differs".
func (r RoundTrip) Check(ctx context.Context) commerce.Findings {
	out := Report{Of: r.Of}
	if r.Order == nil || r.Shop == nil || r.Pay == nil || r.Payments == nil {
		out.Fail(commerce.Errorf(commerce.KindInvalid, room, "round trip", "RoundTrip.Order, Shop, Pay and Payments must be set"))
		return out.Findings
	}
	if r.Wait == 0 {
		r.Wait = 2 * time.Minute
	}
	if r.Every == 0 {
		r.Every = 2 * time.Second
	}
	live := func(mode commerce.Mode) bool {
		if mode != commerce.Test {
			out.Tell(commerce.Broken, "roundtrip_live", "", fmt.Sprintf("the round trip was asked for in mode %s; nothing was paid", mode), "test mode",
				"connect a test shop, Stripe's test keys and a test company, and check those")
		}
		return mode != commerce.Test
	}
	if live(r.Of.Mode) {
		return out.Findings
	}
	ref, err := r.Order(ctx)
	if err != nil {
		out.Fail(fmt.Errorf("place the order of the round trip: %w", err))
		return out.Findings
	}
	if live(ref.Mode) {
		return out.Findings
	}
	order, err := r.Shop.Order(ctx, ref)
	if err != nil {
		out.Fail(fmt.Errorf("read the order of the round trip: %w", err))
		return out.Findings
	}
	payment, err := r.Pay(ctx, order)
	if err != nil {
		out.Fail(fmt.Errorf("pay the order of the round trip: %w", err))
		return out.Findings
	}
	wait, cancel := context.WithTimeout(ctx, r.Wait)
	defer cancel()
	for {
		seen, err := r.compare(ctx, ref, payment)
		if err != nil {
			out.Fail(fmt.Errorf("compare what the round trip left: %w", err))
			return out.Findings
		}
		if len(seen) == 0 {
			return out.Findings
		}
		if httpx.Wait(wait, r.Every) != nil {
			for _, d := range seen {
				out.Tell(commerce.Broken, "roundtrip_differs", d.field, fmt.Sprintf("%s of order %s with payment %s is %s after %s", d.field, ref.ID, payment.ID, d.seen, r.Wait), d.want, d.mend)
			}
			return out.Findings
		}
	}
}

// differs is one field that does not agree.
type differs struct{ field, seen, want, mend string }

// compare reads every side and says what differs.
func (r RoundTrip) compare(ctx context.Context, ref, payment commerce.Ref) (all []differs, err error) {
	o, err := r.Shop.Order(ctx, ref)
	if err != nil {
		return nil, err
	}
	p, err := r.Payments.Payment(ctx, payment)
	if err != nil {
		return nil, err
	}
	due, err := o.Due()
	if err != nil {
		return nil, err
	}
	field := func(name, seen, want, mend string) {
		if seen != want {
			if seen == "" {
				seen = "empty"
			}
			all = append(all, differs{name, seen, want, mend})
		}
	}
	const notDone = "see that the program runs, gets Stripe's webhooks and has no dead letters; inbox lists them with their reasons"
	field("payment.mode", string(p.Ref.Mode), string(o.Ref.Mode), "use keys of one mode")
	field("payment.status", string(p.Status), string(commerce.PaymentCaptured), "see the payment in Stripe's Dashboard")
	field("payment.captured", p.Captured.String(), due.String(), "see which amount and currency the payment method charges: order or base currency")
	hint := commerce.OrderHint{}
	if len(p.Orders) > 0 {
		hint = p.Orders[0]
	}
	const metadata = "see stripepay.Config.Metadata: both sides have to write and read the same names"
	field("payment.order", hint.ID, strings.TrimPrefix(o.Ref.ID, "order/"), metadata)
	field("payment.number", hint.Number, o.Number, metadata)
	field("payment.store", hint.Store, o.Store, metadata)
	if o.PaymentID != "" && o.PaymentID != p.Charge { // empty: the shop keeps it in a remark
		field("order.payment", o.PaymentID, p.Ref.ID, "see that no other program or plugin pays for the same order")
	}
	field("order.paid", o.Paid.String(), due.String(), notDone)
	if r.Documents == nil {
		return all, nil
	}
	docs, err := r.Documents(ctx, o)
	if err != nil && !errors.Is(err, commerce.ErrNotFound) {
		return nil, err
	}
	docs = slices.DeleteFunc(docs, func(d commerce.Document) bool { return d.State == "cancelled" })
	field("erp.documents", fmt.Sprint(len(docs)), "1", notDone)
	if len(docs) == 1 {
		field("erp.total", docs[0].Total.String(), o.Totals.Gross.String(), "see the tax table and the rounding of tax at both sides")
		field("erp.confirmed", fmt.Sprint(docs[0].State == "confirmed" || docs[0].State == "done"), "true", notDone)
	}
	return all, nil
}
