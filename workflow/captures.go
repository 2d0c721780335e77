package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
)

// Names of exceptions of [Captures].
const (
	// AuthorisationExpiring: reserved money is to be taken soon, or it is gone.
	AuthorisationExpiring = "authorisation_expiring"
	// NotCaptured: money that is to be taken could not be, or less of it is reserved.
	NotCaptured = "not_captured"
	// NotVoided: what is reserved for an order that has ended could not be released.
	NotVoided = "not_voided"
)

// CapturePolicy says when reserved money is taken.
type CapturePolicy string

const (
	// ByOthers: people, or the shop's plugin. It is only watched.
	ByOthers CapturePolicy = "by_others"
	// WhenCleared: as soon as it is reserved, and OrderToCash.Clear lets the order go on.
	WhenCleared CapturePolicy = "when_cleared"
	// WhenShipped: as goods leave, as the shop shows them. OrderToCash.ShipAuthorised has
	// to be set, or nothing ever leaves.
	WhenShipped CapturePolicy = "when_shipped"
)

// Captures takes money that shops only reserve, and releases what is not needed.
//
// What is to be taken follows from the order as it stands, less what was taken by whomever,
// so that a plugin or a person who was quicker is never doubled. Where OrderToCash.Acts says
// Plugin it is given PluginWait first. An order that is canceled has its reservation
// released, after Grace. What is reserved for several orders is left to others. What expires
// soon is told by [Captures.Sweep]; run it every few hours.
//
// Its handlers come behind those of OrderToCash.
type Captures struct {
	// OrderToCash takes the orders up: its ports and settings serve here as well. Required.
	OrderToCash *OrderToCash
	Payments    CapturePayments // required
	// When says when money is taken. Defaults to ByOthers.
	When CapturePolicy
	// Parts takes with each shipment what it is worth, where the authorisation allows
	// several captures. The default, and where it does not: the first takes all.
	Parts bool
	// KeepCanceled leaves what is reserved for canceled orders to others.
	KeepCanceled bool
	// Warn is how long before an authorisation expires Sweep tells of it.
	//
	// Defaults to 48 hours and 12 hours.
	Warn []time.Duration
	// Back is how old an authorisation may be that Sweep looks at.
	//
	// Defaults to 31 days.
	Back time.Duration
}

// Check reports the first setting that can not work, as an error of kind invalid that
// names the field.
func (w *Captures) Check() error {
	durations := []duration{{"Back", w.Back}}
	for _, d := range w.Warn {
		durations = append(durations, duration{"Warn", d})
	}
	if err := check("Captures", []field{{"OrderToCash", w.OrderToCash == nil}, {"Payments", w.Payments == nil}}, durations, nil); err != nil {
		return err
	}
	switch {
	case !slices.Contains([]CapturePolicy{"", ByOthers, WhenCleared, WhenShipped}, w.When):
		return refuse(commerce.KindInvalid, "check Captures", "", "When is %q, not by_others, when_cleared or when_shipped", w.When)
	case (w.When == WhenShipped) != w.OrderToCash.ShipAuthorised:
		return refuse(commerce.KindInvalid, "check Captures", "", "When is %q, and OrderToCash.ShipAuthorised is %t: they go together", w.When, w.OrderToCash.ShipAuthorised)
	}
	return w.OrderToCash.Check()
}

// kindOrderCapture is the type of the internal event for an authorisation that is for
// several orders.
const kindOrderCapture = "order.capture"

var captureTypes = []string{"charge.succeeded", "payment_intent.amount_capturable_updated"}

// Handlers returns what an inbox is to call for which events.
func (w *Captures) Handlers() inbox.Handlers {
	if w.OrderToCash == nil || w.OrderToCash.Shop == nil {
		return nil
	}
	hs := inbox.Handlers{}
	on := func(kind string, handle func(context.Context, desk, commerce.Event) error) {
		hs[kind] = []inbox.Handler{{Name: nameOf("captures", w.OrderToCash.Shop.Origin().Account), Handle: func(ctx context.Context, e commerce.Event) error {
			if err := w.Check(); err != nil {
				return misconfigured(err)
			}
			return handle(ctx, w.OrderToCash.desk(), e)
		}}}
	}
	reserved := func(ctx context.Context, d desk, e commerce.Event) error {
		return d.work(ctx, e, kindOrderCapture, func(ctx context.Context, a account) error { return w.act(ctx, d, e, a) })
	}
	for _, t := range captureTypes {
		on(processor+" "+t, reserved)
	}
	on(internal+" "+kindOrderCapture, reserved)
	on(w.OrderToCash.Shop.System()+" "+orderChanged, w.changed)
	if depot := w.OrderToCash.Warehouse; depot != nil && w.When == WhenShipped {
		on(depot.System()+" shipment.sent", w.changed)
	}
	return hs
}

// changed looks at an order that was edited, canceled or sent.
func (w *Captures) changed(ctx context.Context, d desk, e commerce.Event) error {
	order, ok := linkedTo(ctx, e)
	if w.OrderToCash.ofShop(e) {
		order, ok = e.SubjectRef(), true
	}
	if !ok || !d.owns(ctx, e, order) {
		return nil
	}
	if err := d.links.Link(ctx, order); err != nil {
		return err
	}
	a, err := d.account(ctx, e, commerce.Ref{}, order)
	if errors.Is(err, commerce.ErrNotFound) {
		return nil // a deletion is told by OrderToCash
	}
	if err != nil {
		return err
	}
	return d.unlessOld(ctx, e, a, func(ctx context.Context, a account) error { return w.act(ctx, d, e, a) })
}

// act takes, or releases, what the order asks for.
func (w *Captures) act(ctx context.Context, d desk, e commerce.Event, a account) error {
	reserved := slices.DeleteFunc(a.with(commerce.PaymentAuthorised), func(s share) bool { return len(s.payment.Orders) > 1 })
	if len(reserved) == 0 {
		return nil
	}
	if a.order.State == commerce.OrderCanceled && a.order.Replaced == "" {
		return w.release(ctx, d, e, a, reserved)
	}
	if ended(a.order) || w.When == "" || w.When == ByOthers {
		return nil
	}
	if ok, err := w.OrderToCash.clears(ctx, d, &a); !ok || err != nil {
		return err
	}
	if a.order.State == commerce.OrderOnHold || a.order.State == commerce.OrderReview {
		return nil // the news of its end leads on
	}
	auths, parts := map[commerce.Ref]mapping.Authorisation{}, w.Parts
	for _, s := range reserved {
		auth, err := w.Payments.Authorisation(ctx, s.payment.Ref)
		if err != nil {
			return err
		}
		auths[auth.Payment], parts = auth, parts && auth.Several
	}
	target, final, err := w.target(a, parts)
	if err != nil || target.Sign() <= 0 {
		return err
	}
	if left := w.plugin(ctx, d, e, a); left > 0 {
		return park("capture for "+a.order.Ref.ID, left, "the shop's plugin is given time")
	}
	for _, s := range a.with(commerce.PaymentCaptured) {
		if target, err = target.Sub(s.amount); err != nil {
			return err
		}
	}
	for _, s := range reserved {
		if target, err = w.take(ctx, d, a, s, auths[s.payment.Ref], target, final); err != nil {
			return err
		}
	}
	if target.Sign() <= 0 {
		return nil
	}
	return d.exception(ctx, Exception{Name: NotCaptured, Order: a.order.Ref, Payment: reserved[0].payment.Ref, Mark: target.Text(),
		Text: fmt.Sprintf("order %s is to be paid %s more than is reserved for it; collect the rest by other means", a.order.Number, target)})
}

// plugin returns how long the shop's plugin is given.
func (w *Captures) plugin(ctx context.Context, d desk, e commerce.Event, a account) time.Duration {
	if w.OrderToCash.acts(a.order.PaymentMethod) != Plugin {
		return 0
	}
	return d.settled(ctx, e, w.OrderToCash.pluginWait())
}

// target is what of the order's due is to be taken by now, and whether that is all.
func (w *Captures) target(a account, parts bool) (_ commerce.Money, final bool, err error) {
	if w.When == WhenCleared {
		return a.due, true, nil
	}
	if !shippedAlready(a.order) && physical(a.order) {
		return commerce.Zero(a.due.Currency()), false, nil
	}
	unsent, err := a.order.Unsent()
	if err != nil || !unsent || !parts {
		return a.due, true, err
	}
	worth, err := shippedWorth(a.order)
	if err != nil {
		return a.due, false, err
	}
	if c, err := worth.Cmp(a.due); err != nil || c >= 0 {
		return a.due, true, err
	}
	return worth, false, nil
}

// shippedWorth is what the goods that have left come to with their taxes, and all charges of
// the order: those go with the first parcel.
func shippedWorth(o commerce.Order) (commerce.Money, error) {
	open := o.Totals.Gross
	for _, l := range o.Lines {
		if l.Virtual {
			continue
		}
		gross, err := l.Net.Sub(orNothing(l.Discount, o.Currency))
		if err == nil {
			gross, err = gross.Add(orNothing(l.Tax, o.Currency))
		}
		if err != nil {
			return open, err
		}
		there, err := l.Quantity.Sub(l.Canceled)
		if err != nil {
			return open, err
		}
		left, err := there.Sub(l.Shipped)
		if err != nil {
			return open, err
		}
		if left.Sign() <= 0 {
			continue
		}
		scale := max(there.Scale(), left.Scale())
		parts, err := gross.Allocate(whole(left, scale), whole(there, scale)-whole(left, scale))
		if err != nil {
			return open, err
		}
		if open, err = open.Sub(parts[0]); err != nil {
			return open, err
		}
	}
	return open, nil
}

// whole is a quantity in units of its last digit.
func whole(d commerce.Decimal, scale int) int64 {
	return int64(d.Pad(scale).Coef())
}

// taking is a decision: what is taken of one authorisation.
type taking struct {
	Amount commerce.Money `json:"amount"`
	Final  bool           `json:"final"`
}

// maxCaptures bounds the captures of one payment, and those that were decided and dropped.
const maxCaptures = 100

// take takes of one authorisation what is missing, and returns what is missing still.
func (w *Captures) take(ctx context.Context, d desk, a account, s share, auth mapping.Authorisation, missing commerce.Money, final bool) (commerce.Money, error) {
	ref := s.payment.Ref
	missing, err := missing.Sub(auth.Captured)
	if err != nil {
		return missing, err
	}
	if !auth.Manual {
		return missing.Sub(auth.Capturable) // the processor takes it by itself
	}
	for n := 1; n <= maxCaptures; n++ {
		key := fmt.Sprintf("payment.capture/%s/%d", ref, n)
		rec, err := d.steps.Get(ctx, key)
		begun := err == nil && rec.State != idempotency.NotSent
		if err != nil && !errors.Is(err, commerce.ErrNotFound) {
			return missing, err
		}
		if begun && rec.State == idempotency.Done {
			continue
		}
		if !begun && (missing.Sign() <= 0 || auth.Capturable.Sign() <= 0) {
			return missing, nil
		}
		want := taking{Amount: missing, Final: final || !auth.Several}
		if c, err := missing.Cmp(auth.Capturable); err != nil || c > 0 {
			want.Amount = auth.Capturable
			if err != nil {
				return missing, err
			}
		}
		is, err := remember(ctx, d, fmt.Sprintf("capture.amount/%s/%d", ref, n), want)
		if err != nil {
			return missing, err
		}
		if !begun && is != want {
			continue // decided for an order that stands otherwise by now, and never sent
		}
		_, err = d.step(ctx, key, w.Payments.Capture(mapping.CaptureRequest{Key: key, Payment: ref, Charge: s.payment.Charge,
			Amount: is.Amount, Final: is.Final}), is.Amount)
		if errors.Is(err, commerce.ErrConflict) {
			return w.refused(ctx, d, a, s, missing, auth, err)
		}
		if err != nil {
			return missing, err
		}
		before := auth.Captured
		if auth, err = w.Payments.Authorisation(ctx, ref); err != nil {
			return missing, err
		}
		got, err := auth.Captured.Sub(before)
		if err == nil {
			missing, err = missing.Sub(got)
		}
		if err != nil {
			return missing, err
		}
	}
	return missing, refuse(commerce.KindLimit, "capture "+ref.ID, "", "the payment was captured %d times", maxCaptures)
}

// refused looks again at what could not be taken: somebody may have been quicker.
func (w *Captures) refused(ctx context.Context, d desk, a account, s share, missing commerce.Money, was mapping.Authorisation, why error) (commerce.Money, error) {
	now, err := w.Payments.Authorisation(ctx, s.payment.Ref)
	if err != nil {
		return missing, err
	}
	got, err := now.Captured.Sub(was.Captured)
	if err == nil {
		missing, err = missing.Sub(got)
	}
	if err != nil || missing.Sign() <= 0 {
		return missing, err
	}
	return commerce.Zero(missing.Currency()), d.exception(ctx, Exception{Name: NotCaptured, Order: a.order.Ref, Payment: s.payment.Ref, Mark: missing.Text(),
		Text: fmt.Sprintf("order %s: %s of %s could not be taken: %s; collect them by other means, or stop the goods", a.order.Number, missing, s.payment.Ref.ID, codeOf(why))})
}

// codeOf is the far side's code of an error.
func codeOf(err error) string {
	if e, ok := errors.AsType[*commerce.Error](err); ok && e.Code != "" {
		return e.Code
	}
	return string(commerce.KindOf(err))
}

// release gives back what is reserved for a canceled order.
func (w *Captures) release(ctx context.Context, d desk, e commerce.Event, a account, reserved []share) error {
	if w.KeepCanceled {
		return nil
	}
	if left := d.graceLeft(ctx, e); left > 0 {
		return park("release money of "+a.order.Ref.ID, left, "bad news waits")
	}
	if left := w.plugin(ctx, d, e, a); left > 0 {
		return park("release money of "+a.order.Ref.ID, left, "the shop's plugin is given time")
	}
	for _, s := range reserved {
		_, err := d.step(ctx, keyVoid(s.payment.Ref), w.Payments.Void(s.payment.Ref))
		switch {
		case errors.Is(err, commerce.ErrConflict):
			if err := d.exception(ctx, Exception{Name: NotVoided, Order: a.order.Ref, Payment: s.payment.Ref,
				Text: fmt.Sprintf("order %s is canceled, and %s reserved by %s could not be released: %s", a.order.Number, s.amount, s.payment.Ref.ID, codeOf(err))}); err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			if err := d.note(ctx, a.order, "released "+s.payment.Ref.ID, fmt.Sprintf("Payment %s: the reserved %s were released.", s.payment.Ref.ID, s.amount)); err != nil {
				return err
			}
		}
	}
	return nil
}

// CaptureSweep says what a sweep over authorisations found.
type CaptureSweep struct {
	Reserved int                     // payments that reserve something
	Expiring []mapping.Authorisation // that expire within the longest time of Warn, the most urgent first
}

// Sweep tells of reserved money that is to be taken soon, once for each time of Warn. It
// finds those as well that belong to no order here, as far as the processor has them.
func (w *Captures) Sweep(ctx context.Context) (CaptureSweep, error) {
	var report CaptureSweep
	if err := w.Check(); err != nil {
		return report, err
	}
	d := w.OrderToCash.desk()
	back, warn := w.Back, slices.Sorted(slices.Values(w.Warn))
	if back == 0 {
		back = 31 * 24 * time.Hour
	}
	if len(warn) == 0 {
		warn = []time.Duration{12 * time.Hour, 48 * time.Hour}
	}
	for auth, err := range w.Payments.Authorised(ctx, d.now().Add(-back)) {
		if err != nil {
			return report, err
		}
		if !auth.Manual || auth.Capturable.Sign() <= 0 {
			continue
		}
		report.Reserved++
		if !auth.Expires.IsZero() && auth.Expires.Sub(d.now()) <= warn[len(warn)-1] {
			report.Expiring = append(report.Expiring, auth)
		}
	}
	slices.SortStableFunc(report.Expiring, func(a, b mapping.Authorisation) int { return a.Expires.Compare(b.Expires) })
	var failed []error
	for _, auth := range report.Expiring {
		if err := w.expiring(ctx, d, auth, warn); err != nil {
			failed = append(failed, commerce.Errorf(commerce.KindOf(err), system, "tell of "+auth.Payment.ID, "%w", err))
		}
	}
	return report, errors.Join(failed...)
}

func (w *Captures) expiring(ctx context.Context, d desk, auth mapping.Authorisation, warn []time.Duration) error {
	left := auth.Expires.Sub(d.now())
	mark := warn[slices.IndexFunc(warn, func(t time.Duration) bool { return left <= t })]
	x := Exception{Name: AuthorisationExpiring, Payment: auth.Payment, Balance: auth.Payment, Mark: mark.String(),
		Text: fmt.Sprintf("%s are reserved by %s until %s UTC and not taken: capture them, or they are gone", auth.Capturable, auth.Payment.ID, auth.Expires.UTC().Format("2006-01-02 15:04"))}
	switch order, err := d.orderOf(ctx, auth.Payment); {
	case err == nil:
		x.Order, x.Balance = order, commerce.Ref{}
	case !commerce.KindOf(err).Permanent():
		return err
	}
	return d.exception(ctx, x)
}
