// Package stripepay lends a Stripe client the methods that a workflow asks of a
// payment processor: read a payment in canonical words, open a way to pay, close it, give
// money back, capture and release what is reserved, and answer banks that ask for it.
//
//	client, err := stripe.NewClient(stripe.Config{…})
//	pay, err := stripepay.New(client, stripepay.Config{Account: "acct_1", Mode: commerce.Live})
//	payment, err := pay.Payment(ctx, event.SubjectRef())
//
// A payment is one payment intent with its latest charge, or one charge without an
// intent. What counts as money: a charge that succeeded and was captured. One that
// succeeded and was not is an authorisation; one that succeeded and failed later (a
// bank debit that came back) is returned.
//
// Every object says whether it is live. One of the other mode than the ref that
// asked for it is refused, with code "mode_mismatch".
//
// The same value reads the account's balance, for the books: movements as lines of
// package reconcile with every id that finds them again ([Pay.Activity], [Pay.Inside],
// [Pay.MovementsOf]), payouts, and what is left. One is of one account: a platform has
// one more for each connected account that it keeps books for, with a client of its own.
// [Activity] and [Payouts] tell an inbox what is new of it, so that books depend on no
// webhook.
//
// What goes back is read whole: [Pay.Refunds] lists the refunds of all charges of a payment,
// without what was reserved and not taken, [Pay.DisputesOf] its disputes, [Pay.Warnings] its
// early fraud warnings, [Pay.Authorisation] what it still reserves.
//
// [Handler] is for handlers of one's own, in Stripe's words; [Missed] brings an inbox
// the webhooks that were not delivered.
//
// [Pay.Check] says what is wrong with the account, its key and its webhook endpoint;
// package connection runs it.
//
// # How strong
//
// [Pay.Request] is keyed: Stripe refuses a second write under one idempotency key for
// 24 hours, and the operation id stands in the metadata for ever; so are [Pay.GiveBack] and
// [Pay.Capture], which are found by it later, and [Pay.Answer]. [Pay.Close], [Pay.Void] and
// [Pay.Approve] are guarded by the state of what they end.
package stripepay

import (
	"cmp"
	"context"
	"maps"
	"strings"
	"sync/atomic"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/stripe"
)

// System is Ref.System of everything that a Pay returns.
const System = "stripe"

// Config says which account is read and how.
type Config struct {
	// Tenant is the host program's customer. Defaults to the client's.
	Tenant string
	// Account is Ref.Account of every payment, the same that the webhook writes on its
	// events: "acct_1". Defaults to the client's connected account.
	Account string
	// Mode is the mode that the client's key is of. Defaults to commerce.Live.
	Mode commerce.Mode
	// Metadata are the names under which payments say what they are for.
	Metadata mapping.MetadataKeys
	// Statuses translates Stripe's statuses. Defaults to mapping.StripePaymentStatuses.
	Statuses mapping.PaymentStatuses
	// Settle is how long a request may still take effect after we gave up on it.
	// Defaults to 90 seconds: Stripe ends a request before that.
	Settle time.Duration
}

// retention is how long Stripe remembers idempotency keys at least.
// Source: docs.stripe.com/api/idempotent_requests, read 2026-11.
const retention = 24 * time.Hour

// Pay is one Stripe account in canonical words. It is safe for concurrent use.
type Pay struct {
	client *stripe.Client
	c      Config
	origin commerce.Ref // without an id
	moded  atomic.Bool  // the key is known to be of this mode
}

// New checks the config. An error is of kind invalid and names the field.
func New(client *stripe.Client, c Config) (*Pay, error) {
	bad := func(format string, args ...any) (*Pay, error) {
		return nil, commerce.Errorf(commerce.KindInvalid, "stripepay", "new", format, args...)
	}
	if client == nil {
		return bad("client is nil")
	}
	c.Tenant = cmp.Or(c.Tenant, client.Tenant())
	c.Account = cmp.Or(c.Account, client.Account())
	c.Mode = cmp.Or(c.Mode, commerce.Live)
	c.Settle = cmp.Or(c.Settle, 90*time.Second)
	switch {
	case c.Mode != commerce.Live && c.Mode != commerce.Test:
		return bad("Config.Mode is %q, not live or test", c.Mode)
	case client.Account() != "" && c.Account != client.Account():
		return bad("Config.Account is %q, the client speaks for %q", c.Account, client.Account())
	case c.Settle < 0:
		return bad("Config.Settle is negative")
	}
	if err := c.Metadata.Check(); err != nil {
		return bad("Config.Metadata: %w", err)
	}
	if c.Statuses == nil {
		c.Statuses = mapping.StripePaymentStatuses()
	}
	c.Statuses = maps.Clone(c.Statuses)
	return &Pay{client: client, c: c,
		origin: commerce.Ref{Tenant: c.Tenant, System: System, Account: c.Account, Mode: c.Mode}}, nil
}

// Ref returns the ref of what has an id at Stripe: a payment intent, a charge, a session.
func (p *Pay) Ref(id string) commerce.Ref { return p.origin.With(id) }

// check refuses a ref of another account or mode before anything is asked for.
func (p *Pay) check(op string, ref commerce.Ref) error {
	if ref.With("") == p.origin {
		return nil
	}
	e := commerce.Errorf(commerce.KindInvalid, System, op, "%s is not of %s", ref, p.origin)
	e.Code, e.Outcome = "foreign_ref", commerce.NotSent
	if ref.Mode != p.origin.Mode {
		e.Code = "mode_mismatch"
	}
	return e
}

// sameMode refuses an object of the other mode.
func (p *Pay) sameMode(op, id string, livemode bool) error {
	if commerce.ModeOf(livemode) == p.origin.Mode {
		return nil
	}
	e := commerce.Errorf(commerce.KindInvalid, System, op, "%s is of mode %s, asked for in mode %s", id, commerce.ModeOf(livemode), p.origin.Mode)
	e.Code = "mode_mismatch"
	return e
}

// Payment reads a payment by the id of its intent (pi_…), of a charge (ch_…, py_…) or
// of its Checkout session (cs_…). Orders holds what its metadata says. A session that
// nobody has paid by yet is a pending payment under the session's own id.
//
// Errors: kind not found; kind invalid, code "mode_mismatch" or "foreign_ref"; kind
// mapping for a status or an amount that can not be said, or a list of orders in the
// metadata that can not be read.
func (p *Pay) Payment(ctx context.Context, ref commerce.Ref) (commerce.Payment, error) {
	op := "read payment " + ref.ID
	if err := p.check(op, ref); err != nil {
		return commerce.Payment{}, err
	}
	switch prefix, _, _ := strings.Cut(ref.ID, "_"); prefix {
	case "pi":
		return p.intent(ctx, op, ref.ID)
	case "ch", "py":
		ch, err := p.client.Charges.Get(ctx, ref.ID, "balance_transaction")
		if err != nil {
			return commerce.Payment{}, err
		}
		if ch.PaymentIntent != "" {
			return p.intent(ctx, op, string(ch.PaymentIntent))
		}
		if err := p.sameMode(op, ch.ID, ch.Livemode); err != nil {
			return commerce.Payment{}, err
		}
		return p.OfCharge(ch)
	case "cs":
		s, err := p.client.CheckoutSessions.Get(ctx, ref.ID)
		if err != nil {
			return commerce.Payment{}, err
		}
		if s.PaymentIntent.ID != "" {
			return p.intent(ctx, op, s.PaymentIntent.ID)
		}
		if err := p.sameMode(op, s.ID, s.Livemode); err != nil {
			return commerce.Payment{}, err
		}
		return p.ofSession(s)
	}
	return commerce.Payment{}, commerce.Errorf(commerce.KindInvalid, System, op, "%.40q is no id of a payment intent, a charge or a Checkout session", ref.ID)
}

func (p *Pay) intent(ctx context.Context, op, id string) (commerce.Payment, error) {
	pi, err := p.client.PaymentIntents.Get(ctx, id, "latest_charge.balance_transaction")
	if err != nil {
		return commerce.Payment{}, err
	}
	if err := p.sameMode(op, pi.ID, pi.Livemode); err != nil {
		return commerce.Payment{}, err
	}
	return p.OfIntent(pi)
}
