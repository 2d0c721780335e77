package nopshop

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/resilience"
)

// Documents yields what the shop's own books say of its sales and of the money that Stripe
// moved for them: the orders that were paid, and the refunds that were booked, in [from, to)
// by the shop's clock; a zero time is no bound. Sales come first, newest first, and behind
// them those that Stripe has no part in.
//
// An order that Stripe is to pay a part of ([commerce.Order.Due]: not gift cards, points and
// offline methods, see Config.Methods) is a sale when its payment status says that money is
// or was here: paid, partially refunded, refunded. So orders that are pending, authorised or
// voided, and cancelled ones that nobody paid, are left out. Its date is the one on which the
// shop marked it as paid. The shop can only be asked for orders by the date on which they were
// placed: they are looked at for [Config].PaidFor. Deleted orders are in no list of the shop,
// and not here.
//
// One that Stripe has no part in is a sale of the day on which it was placed, unless it was
// cancelled: an ERP may invoice it before anybody has paid. Its amount is nought, and that of
// its refunds; Total is what they come to.
//
// The shop keeps one sum of what was refunded of an order, and a note of each refund, which
// has its date and amount ("Order has been partially refunded. Amount = 5", 4.40 to 4.90).
// A refund is there for each note; where the notes do not add up to the sum, because some
// were deleted or a program wrote the sum itself, there is one of the whole sum, of the
// date of the last note, else of the order. No refund has an id of Stripe unless the notes
// of an order with one refund name one; the order's payment stands beside it. What goods
// went back the shop does not say, so that only a refund of all has Lines and Taxes.
// Orders are looked at for refunds for [Config].RefundsFor. A sale's Total is what it came to
// before gift cards and points; of a refund, the shop books only money.
//
// An order that can not be said in canonical words comes with its order total and without
// Lines and Taxes, and the log says why. It costs a request for each page, and of
// each order one for its lines, its products, its address and, where its row names no
// payment, its attributes; of each order with a refund one for its notes. One page is held
// at a time. The sequence ends with the first error.
func (s *Shop) Documents(ctx context.Context, from, to time.Time) iter.Seq2[reconcile.Document, error] {
	return func(yield func(reconcile.Document, error) bool) {
		d := documents{Shop: s, from: from, to: to, yield: yield}
		ctx := resilience.WithBackfill(ctx)
		err := d.sales(ctx)
		if err == nil {
			err = d.others(ctx)
		}
		if err == nil {
			err = d.refunds(ctx)
		}
		if err != nil && !d.stopped {
			yield(reconcile.Document{}, err)
		}
	}
}

// documents is one walk.
type documents struct {
	*Shop
	from, to time.Time
	yield    func(reconcile.Document, error) bool
	stopped  bool
}

func (d *documents) tell(doc reconcile.Document) error {
	if !d.yield(doc, nil) {
		d.stopped = true
		return errStopped
	}
	return nil
}

// since is how far back orders are looked at that something may have happened to since.
func (d *documents) since(age time.Duration) time.Time {
	if d.from.IsZero() {
		return d.from
	}
	return d.from.Add(-age)
}

// within reports whether a time is of those that were asked for.
func (d *documents) within(t time.Time) bool {
	return !t.Before(d.from) && (d.to.IsZero() || t.Before(d.to))
}

func (d *documents) sales(ctx context.Context) error {
	paid := d.c.Statuses.Payments.Numbers(commerce.PaymentCaptured, commerce.PaymentReturned)
	for o, err := range d.client.Orders.List(ctx, nopcommerce.OrderParams{CreatedFrom: d.since(d.c.PaidFor), CreatedTo: d.to, PaymentStatuses: paid}) {
		if err != nil {
			return err
		}
		on := o.CreatedOn.Time
		if !o.PaidDate.IsZero() {
			on = o.PaidDate.Time
		}
		if !d.within(on) || !d.byStripe(o) {
			continue
		}
		if err := d.sale(ctx, o, on); err != nil {
			return err
		}
	}
	return nil
}

// others tells the orders that Stripe has no part in.
func (d *documents) others(ctx context.Context) error {
	for o, err := range d.client.Orders.List(ctx, nopcommerce.OrderParams{CreatedFrom: d.from, CreatedTo: d.to}) {
		if err != nil {
			return err
		}
		if !d.within(o.CreatedOn.Time) || d.byStripe(o) || d.c.Statuses.of(o, false) == commerce.OrderCanceled {
			continue
		}
		if err := d.sale(ctx, o, o.CreatedOn.Time); err != nil {
			return err
		}
	}
	return nil
}

// sale tells an order as a sale of a time, unless it comes to nothing.
func (d *documents) sale(ctx context.Context, o nopcommerce.Order, on time.Time) error {
	order, err := d.sold(ctx, o, true)
	if err != nil {
		return err
	}
	doc, err := reconcile.Sale(order)
	if err != nil || doc.Amount.Sign() <= 0 && doc.Total.IsZero() {
		return err
	}
	doc.Unsent, doc.Date = d.unsent(o), on
	return d.tell(doc)
}

// byStripe reports whether a part of an order is to be paid by Stripe.
func (d *documents) byStripe(o nopcommerce.Order) bool {
	total, err := mapping.ParseAmount(string(o.Total))
	return d.method(o.PaymentMethod).Tender == commerce.TenderStripe && (err != nil || total > 0)
}

// unsent is what the order's row says: shipments are not read.
func (d *documents) unsent(o nopcommerce.Order) bool {
	s := d.c.Statuses.Shipping[o.ShippingStatus]
	return s == ShipOpen || s == ShipPartly
}

// sold says the money of an order, with its lines where they are asked for and can be said.
// Only what no amount can be said of, and what the shop did not answer, is an error.
func (d *documents) sold(ctx context.Context, o nopcommerce.Order, lines bool) (commerce.Order, error) {
	r := reader{shop: d.Shop, rows: rows{order: o}, o: o, document: "nopcommerce order " + o.ID.String()}
	var err error
	if paymentID(o, nil) == "" && d.byStripe(o) {
		if r.attributes, err = d.attributes(ctx, o.ID); err != nil {
			return commerce.Order{}, err
		}
	}
	if lines {
		order, err := d.whole(ctx, r)
		if err == nil || !unsaid(err) {
			return order, err
		}
		d.c.Logger.WarnContext(ctx, "nopcommerce: a document has no lines: "+err.Error(), "document", d.Ref(o.ID).ID)
	}
	order := commerce.Order{Ref: d.Ref(o.ID), Number: cmp.Or(o.CustomOrderNumber, o.ID.String()), Placed: o.CreatedOn.Time, PaymentID: paymentID(o, r.attributes)}
	total, err := r.collected("order_total", o.Total)
	order.Currency, order.Totals.Gross = total.Currency(), total
	order.Tenders = []commerce.Tender{{Kind: d.method(o.PaymentMethod).Tender, Amount: total, Reference: order.PaymentID}}
	return order, err
}

// whole reads what else an order's money is read from: of addresses the one that tax was
// chosen for, and nobody.
func (d *documents) whole(ctx context.Context, r reader) (commerce.Order, error) {
	var err error
	if r.lines, err = d.client.Items.Lines(ctx, r.o.ID); err != nil {
		return commerce.Order{}, err
	}
	if r.billing, _, err = d.address(ctx, cmp.Or(r.o.ShippingAddressID, r.o.PickupAddressID, r.o.BillingAddressID)); err != nil {
		return commerce.Order{}, err
	}
	r.billing = mapping.RawAddress{Country: r.billing.Country, RegionCode: r.billing.RegionCode, Region: r.billing.Region}
	return r.read()
}

// unsaid reports whether an error is about what an order says, and not about the shop's
// being there.
func unsaid(err error) bool {
	for _, about := range []error{commerce.ErrMapping, commerce.ErrNotFound, commerce.ErrAmbiguous, commerce.ErrInternal} {
		if errors.Is(err, about) {
			return true
		}
	}
	return false
}

// collected is what the payment method makes of an amount of the shop.
func (r *reader) collected(field string, n nopcommerce.Number) (commerce.Money, error) {
	method := r.shop.method(r.o.PaymentMethod)
	currency, rate := r.charged(method)
	a := r.amount(field, n)
	if r.err != nil {
		return commerce.Money{}, r.err
	}
	rounded, cut, ok := minor(a, rate, currency)
	if !ok {
		return commerce.Money{}, mapping.Faultf(r.document, field, string(n), "is out of range")
	}
	if method.Truncates {
		rounded = cut
	}
	return commerce.NewMoney(rounded, currency)
}

// refunds tells the refunds of orders that were placed within RefundsFor before.
func (d *documents) refunds(ctx context.Context) error {
	p := nopcommerce.OrderParams{CreatedFrom: d.since(d.c.RefundsFor), CreatedTo: d.to, PaymentStatuses: []nopcommerce.PaymentStatus{nopcommerce.PaymentPartiallyRefunded, nopcommerce.PaymentRefunded}}
	for _, n := range d.c.Statuses.Payments.Numbers(commerce.PaymentReturned) {
		if !slices.Contains(p.PaymentStatuses, n) {
			p.PaymentStatuses = append(p.PaymentStatuses, n)
		}
	}
	for o, err := range d.client.Orders.List(ctx, p) {
		if err != nil {
			return err
		}
		docs, err := d.refunded(ctx, o)
		if err != nil {
			return err
		}
		for _, doc := range docs {
			if d.within(doc.Date) {
				if err := d.tell(doc); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

var (
	// refundNote is what the shop's core notes of a refund, in the culture of whoever made it.
	refundNote = regexp.MustCompile(`\brefunded\. Amount = ([0-9]+(?:[.,][0-9]+)?)`)
	// stripeRefund finds the id of a refund in a text.
	stripeRefund = regexp.MustCompile(`\b(?:re|pyr)_[0-9A-Za-z]+`)
)

// refunded says the refunds of an order.
func (d *documents) refunded(ctx context.Context, o nopcommerce.Order) ([]reconcile.Document, error) {
	r := reader{shop: d.Shop, o: o, document: "nopcommerce order " + o.ID.String()}
	whole := r.amount("refunded_amount", o.RefundedAmount)
	if r.err != nil || whole == 0 {
		return nil, r.err
	}
	notes, err := d.client.Notes.List(ctx, o.ID)
	if err != nil {
		return nil, err
	}
	type booked struct {
		id     string
		date   time.Time
		amount nopcommerce.Number
	}
	var all []booked
	said, ids := mapping.Amount(0), map[string]bool{}
	one := booked{id: "refund/" + o.ID.String(), date: o.CreatedOn.Time, amount: o.RefundedAmount}
	for _, n := range notes {
		if id := stripeRefund.FindString(n.Text); id != "" {
			ids[id] = true
		}
		m := refundNote.FindStringSubmatch(n.Text)
		if m == nil {
			continue
		}
		b := booked{one.id + "/" + n.ID.String(), n.CreatedOn.Time, nopcommerce.Number(strings.Replace(m[1], ",", ".", 1))}
		said += r.amount("notes["+n.ID.String()+"]", b.amount)
		if all = append(all, b); b.date.After(one.date) {
			one.date = b.date
		}
	}
	if said != whole {
		all = []booked{one}
	}
	if !slices.ContainsFunc(all, func(b booked) bool { return d.within(b.date) }) {
		return nil, r.err
	}
	order, err := d.sold(ctx, o, len(all) == 1 && whole == r.amount("order_total", o.Total))
	if err != nil {
		return nil, err
	}
	sale, err := reconcile.Sale(order)
	if err != nil {
		return nil, err
	}
	var docs []reconcile.Document
	for _, b := range all {
		doc := reconcile.Document{System: sale.System, Shop: sale.Shop, ID: b.id, Number: sale.Number, Refund: true, Unsent: d.unsent(o), Date: b.date, Payment: sale.Payment}
		if doc.Amount, err = r.collected("refunded_amount", b.amount); err != nil {
			return nil, err
		}
		if doc.Amount.Sign() <= 0 {
			continue
		}
		if !d.byStripe(o) {
			doc.Amount, doc.Total = commerce.Zero(doc.Amount.Currency()), doc.Amount
		}
		if len(all) == 1 && len(order.Tenders) == 1 {
			doc.Lines, doc.Taxes = sale.Lines, sale.Taxes
		}
		if len(all) == 1 && len(ids) == 1 {
			for id := range ids {
				doc.RefundID = id
			}
		}
		docs = append(docs, doc)
	}
	return docs, nil
}
