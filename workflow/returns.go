package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
)

// ReturnUnclear is the exception of [Returns] about goods that came back, for which the shop
// has a paper since that does not say what it is for.
const ReturnUnclear = "return_unclear"

// Messages of [Returns] to customers.
const (
	MessageReturnAuthorised MessageKind = "return_authorised"
	MessageReturnReceived   MessageKind = "return_received"
	MessageReturnRefunded   MessageKind = "return_refunded"
	MessageReturnRejected   MessageKind = "return_rejected"
)

// Returns leads a return from the buyer's wish to the money: requested, authorised,
// received, refunded. Each step is taken once, and skipped where the shop's people were
// quicker.
//
// The money is a wish to [Refunds], by line and quantity: what of it is given is decided
// there, from what is missing over all refunds and papers of the order. Goods for which the
// shop has a paper since the return was asked for are not wished for again. Refunds gives
// the money, makes the shop's paper and the ERP's credit note; once it has succeeded, the
// return is refunded at the shop and the customer is told.
//
// Its handlers come before those of Refunds.
type Returns struct {
	// Refunds gives the money back: its ports and settings, and those of its OrderToCash,
	// serve here as well. Required.
	Refunds *Refunds
	Shop    ReturnShop // required

	// Authorise says which returns that are requested are authorised by themselves.
	//
	// Nil: people do it at the shop.
	Authorise func(context.Context, commerce.Facts, commerce.Return) (bool, error)
	// Pays says for which returns the money goes back. It is asked from "authorised" on,
	// with each news of a return.
	//
	// Nil: [ReturnPays].
	Pays func(context.Context, commerce.Facts, commerce.Return) (bool, error)
	// Restock says whose goods, once they are here, go back on the shelf: by the Restocker
	// that the shop is, else with the shop's paper about the refund.
	//
	// Nil: none do.
	Restock func(context.Context, commerce.Facts, commerce.Return) (bool, error)
}

// ReturnPays is the default of Returns.Pays: returns that the shop takes for refunded or to
// be refunded, and return requests of nopCommerce that are authorised as well, which know
// no goods that have been approved.
func ReturnPays(_ context.Context, _ commerce.Facts, r commerce.Return) (bool, error) {
	return r.Status == commerce.ReturnRefunded || r.Status == commerce.ReturnAuthorised && r.Ref.System == "nopcommerce", nil
}

// Check reports the first setting that can not work, as an error of kind invalid that
// names the field.
func (w *Returns) Check() error {
	if err := check("Returns", []field{{"Refunds", w.Refunds == nil}, {"Shop", w.Shop == nil}}, nil, nil); err != nil {
		return err
	}
	return w.Refunds.Check()
}

// returnChanged is the shop's own news of a return; its subject is the order.
const returnChanged = "return.changed"

// kindOrderReturns is the type of the internal event for a refund of a payment that is for
// several orders.
const kindOrderReturns = "order.returns"

// Handlers returns what an inbox is to call for which events.
func (w *Returns) Handlers() inbox.Handlers {
	if w.Refunds == nil || w.Refunds.OrderToCash == nil || w.Refunds.OrderToCash.Shop == nil {
		return nil
	}
	o2c, hs := w.Refunds.OrderToCash, inbox.Handlers{}
	on := func(kind string, handle func(context.Context, desk, commerce.Event) error) {
		hs[kind] = []inbox.Handler{{Name: nameOf("returns", o2c.Shop.Origin().Account), Handle: func(ctx context.Context, e commerce.Event) error {
			if err := w.Check(); err != nil {
				return misconfigured(err)
			}
			return handle(ctx, w.Refunds.OrderToCash.desk(), e)
		}}}
	}
	on(o2c.Shop.System()+" "+returnChanged, w.changed)
	for _, t := range refundTypes {
		on(processor+" "+t, w.refunded)
	}
	on(internal+" "+kindOrderReturns, w.refunded)
	return hs
}

// changed handles news of a return.
func (w *Returns) changed(ctx context.Context, d desk, e commerce.Event) error {
	order := e.SubjectRef()
	if !strings.HasPrefix(order.ID, "order/") {
		r, err := w.Shop.Return(ctx, e.SubjectRef())
		switch {
		case errors.Is(err, commerce.ErrNotFound):
			return nil // it was withdrawn
		case err != nil:
			return err
		case r.Order.IsZero():
			return refuse(commerce.KindNeedsDecision, "handle "+r.Ref.ID, "no_order", "the return is of a line that no order has any more")
		}
		order = r.Order
	}
	if !d.owns(ctx, e, order) {
		return nil
	}
	if err := d.links.Link(ctx, order); err != nil {
		return err
	}
	a, err := d.account(ctx, e, commerce.Ref{}, order)
	if err != nil {
		return err
	}
	return d.unlessOld(ctx, e, a, func(ctx context.Context, a account) error { return w.act(ctx, d, a) })
}

// refunded looks at the returns of an order of whose money there is news.
func (w *Returns) refunded(ctx context.Context, d desk, e commerce.Event) error {
	return d.work(ctx, e, kindOrderReturns, func(ctx context.Context, a account) error {
		for rec, err := range d.steps.List(ctx, keyReturn(a.order.Ref, ""), d.now().AddDate(-2, 0, 0)) {
			if err != nil {
				return err
			}
			if rec.State == idempotency.Done {
				return w.act(ctx, d, a)
			}
		}
		return nil // nothing was wished for
	})
}

// keyReturn is the key of a decision what is wished for a return: "<return>/<n>".
func keyReturn(order commerce.Ref, rest string) string {
	return "return.refund/" + order.String() + "/" + rest
}

// act takes the steps that are due for each of an order's returns, oldest first.
func (w *Returns) act(ctx context.Context, d desk, a account) error {
	all, err := w.Shop.ReturnsOf(ctx, a.order)
	if err != nil {
		return err
	}
	h := &homecoming{Returns: w, desk: d, account: a, facts: commerce.Facts{Order: a.order, Payments: a.all}, used: map[string]commerce.Decimal{}}
	for _, r := range all {
		if err := h.step(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// homecoming is what is known of an order whose goods come back.
type homecoming struct {
	*Returns
	desk
	account
	facts commerce.Facts
	money *back                       // refunds and papers, once they were read
	used  map[string]commerce.Decimal // of papers by line, that returns have been set against
}

func (h *homecoming) step(ctx context.Context, r commerce.Return) error {
	switch r.Status {
	case commerce.ReturnRequested:
		return h.authorise(ctx, r)
	case commerce.ReturnRejected:
		return h.tell(ctx, MessageReturnRejected, r)
	case commerce.ReturnAuthorised:
		if err := h.tell(ctx, MessageReturnAuthorised, r); err != nil {
			return err
		}
	case commerce.ReturnReceived:
		if err := h.tell(ctx, MessageReturnReceived, r); err != nil {
			return err
		}
	case commerce.ReturnRefunded:
	default:
		return nil
	}
	restock, err := h.restock(ctx, r)
	if err != nil {
		return err
	}
	return h.pay(ctx, r, restock)
}

func (h *homecoming) tell(ctx context.Context, kind MessageKind, r commerce.Return) error {
	return h.say(ctx, Message{Kind: kind, Order: h.order, Due: commerce.Zero(h.order.Currency), Return: r}, r.Ref, nil)
}

// asks asks one of the policies.
func (h *homecoming) asks(ctx context.Context, name string, policy func(context.Context, commerce.Facts, commerce.Return) (bool, error), r commerce.Return) (bool, error) {
	if policy == nil {
		return false, nil
	}
	yes, err := policy(ctx, h.facts, r)
	if err != nil {
		e := refuse(commerce.KindOf(err), "judge "+r.Ref.ID, "", "%s", name)
		e.RetryAfter, e.Err = commerce.RetryAfter(err), err
		return false, e
	}
	return yes, nil
}

func (h *homecoming) authorise(ctx context.Context, r commerce.Return) error {
	if yes, err := h.asks(ctx, "Authorise", h.Authorise, r); !yes || err != nil {
		return err
	}
	if err := h.advance(ctx, r, commerce.ReturnAuthorised); err != nil {
		return err
	}
	return h.tell(ctx, MessageReturnAuthorised, r)
}

func keyAdvance(r commerce.Ref, to commerce.ReturnStatus) string {
	return "shop.return/" + r.String() + "/" + string(to)
}

// advance moves a return on at the shop. One that was ended meanwhile stays ended.
func (h *homecoming) advance(ctx context.Context, r commerce.Return, to commerce.ReturnStatus) error {
	_, err := h.desk.step(ctx, keyAdvance(r.Ref, to), h.Shop.Advance(r, to))
	if errors.Is(err, commerce.ErrConflict) {
		return nil
	}
	return err
}

// restock puts goods that are here on the shelf, and reports whether the shop's paper about
// the refund is to do it.
func (h *homecoming) restock(ctx context.Context, r commerce.Return) (withPaper bool, err error) {
	if r.Status != commerce.ReturnReceived && r.Status != commerce.ReturnRefunded {
		return false, nil
	}
	// Refunded by us, if with the answer lost, says nothing of the goods.
	rec, err := h.steps.Get(ctx, keyAdvance(r.Ref, commerce.ReturnRefunded))
	switch {
	case err == nil && rec.State != idempotency.NotSent:
		return false, nil
	case err != nil && !errors.Is(err, commerce.ErrNotFound):
		return false, err
	}
	if yes, err := h.asks(ctx, "Restock", h.Restock, r); !yes || err != nil {
		return false, err
	}
	shelf, ok := h.Shop.(Restocker)
	if !ok {
		return true, nil
	}
	_, err = h.desk.step(ctx, "shop.restock/"+r.Ref.String(), shelf.Restock(h.order, r))
	return false, err
}

// pay wishes for the money of what was accepted and nobody has a paper of, and ends the
// return once it has gone back.
func (h *homecoming) pay(ctx context.Context, r commerce.Return, restock bool) error {
	wishes, asked, err := h.wished(ctx, r)
	if err != nil {
		return err
	}
	n := len(wishes)
	if n == 0 {
		pays := h.Pays
		if pays == nil {
			pays = ReturnPays
		}
		if yes, err := h.asks(ctx, "Pays", pays, r); !yes || err != nil {
			return err
		}
	}
	if h.money == nil {
		h.money = &back{r: h.Refunds, desk: h.desk, account: h.account}
		if err := h.money.read(ctx); err != nil {
			return err
		}
	}
	for i, need := range wishes { // an event that was never sent is sent again
		if h.claim(r, i+1) == nil {
			if err := h.emit(ctx, r, i+1, need, restock); err != nil {
				return err
			}
		}
	}
	need, clear, err := h.need(r, asked)
	switch {
	case err != nil:
		return err
	case !clear:
		return h.exception(ctx, Exception{Name: ReturnUnclear, Order: h.order.Ref, Mark: r.Ref.ID,
			Text: fmt.Sprintf("%s of order %s was accepted, and the shop has a paper since that does not say what it is for: wish for its refund, or leave it", r.Ref.ID, h.order.Number)})
	case len(need) > 0:
		return h.wish(ctx, r, n+1, need, restock)
	}
	if !h.settled(r, n) {
		return nil // news of the refund leads on
	}
	if err := h.advance(ctx, r, commerce.ReturnRefunded); err != nil {
		return err
	}
	return h.tell(ctx, MessageReturnRefunded, r)
}

// wished returns what was wished for a return by now, and the sum by line.
func (h *homecoming) wished(ctx context.Context, r commerce.Return) (wishes [][]mapping.RefundQuantity, asked map[string]commerce.Decimal, err error) {
	asked = map[string]commerce.Decimal{}
	for {
		is, err := recall[[]mapping.RefundQuantity](ctx, h.steps, keyReturn(h.order.Ref, r.Ref.ID+"/"+strconv.Itoa(len(wishes)+1)))
		if errors.Is(err, commerce.ErrNotFound) {
			return wishes, asked, nil
		}
		if err != nil {
			return nil, nil, err
		}
		wishes = append(wishes, is)
		for _, q := range is {
			if asked[q.Line], err = asked[q.Line].Add(q.Quantity); err != nil {
				return nil, nil, err
			}
		}
	}
}

// claim returns the n-th wish for a return as Refunds has it, or nil.
func (h *homecoming) claim(r commerce.Return, n int) *claim {
	for _, p := range h.money.claims {
		if p.id == "wish/"+wishID(r, n) {
			return p
		}
	}
	return nil
}

// need is what of a return is to be wished for still. clear is false where a paper that
// names no goods may be for it.
func (h *homecoming) need(r commerce.Return, asked map[string]commerce.Decimal) (need []mapping.RefundQuantity, clear bool, err error) {
	covered := map[string]commerce.Decimal{}
	clear = true
	for _, p := range h.money.claims {
		fulfils := slices.ContainsFunc(p.of, func(g *given) bool { return g.wish != nil && g.wish != p })
		if p.paperless() || fulfils || p.Created.Before(r.Requested) {
			continue
		}
		if p.Content == nil || !p.Content.Goods() {
			clear = clear && len(asked) > 0
			continue
		}
		for _, l := range p.Content.Lines {
			if covered[l.Line], err = covered[l.Line].Add(l.Quantity); err != nil {
				return nil, clear, err
			}
		}
	}
	for _, l := range r.Lines {
		open, err := l.Accepted.Sub(asked[l.OrderLine])
		if err != nil {
			return nil, clear, err
		}
		free, err := covered[l.OrderLine].Sub(h.used[l.OrderLine])
		if err != nil {
			return nil, clear, err
		}
		if part := smaller(open, free); part.Sign() > 0 {
			if h.used[l.OrderLine], err = h.used[l.OrderLine].Add(part); err != nil {
				return nil, clear, err
			}
			if open, err = open.Sub(part); err != nil {
				return nil, clear, err
			}
		}
		if open.Sign() > 0 {
			need = append(need, mapping.RefundQuantity{Line: l.OrderLine, Quantity: open})
		}
	}
	return need, clear || len(need) == 0, nil
}

func smaller(a, b commerce.Decimal) commerce.Decimal {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}

// wishID names a wish for a return.
func wishID(r commerce.Return, n int) string {
	if n < 2 {
		return r.Ref.ID
	}
	return r.Ref.ID + " " + strconv.Itoa(n)
}

// wish decides what is wished for, and tells Refunds.
func (h *homecoming) wish(ctx context.Context, r commerce.Return, n int, need []mapping.RefundQuantity, restock bool) error {
	need, err := remember(ctx, h.desk, keyReturn(h.order.Ref, r.Ref.ID+"/"+strconv.Itoa(n)), need)
	if err != nil {
		return err
	}
	return h.emit(ctx, r, n, need, restock)
}

func (h *homecoming) emit(ctx context.Context, r commerce.Return, n int, need []mapping.RefundQuantity, restock bool) error {
	w := RefundWish{ID: wishID(r, n), Ask: mapping.RefundAsk{Lines: need}}
	if restock {
		for _, q := range need {
			w.Restock = append(w.Restock, q.Line)
		}
	}
	e, err := h.Refunds.Wish(h.order.Ref, w)
	if err != nil {
		return err
	}
	return inbox.Emit(ctx, e)
}

// settled reports whether all that was wished for a return has gone back for good, or what
// papers of others have for it.
func (h *homecoming) settled(r commerce.Return, n int) bool {
	for i := 1; i <= n; i++ {
		if p := h.claim(r, i); p == nil || !p.gone() {
			return false
		}
	}
	if n > 0 {
		return true
	}
	return !slices.ContainsFunc(h.money.claims, func(p *claim) bool {
		return !p.paperless() && !p.Created.Before(r.Requested) && !p.gone()
	})
}

// gone reports whether the money of a claim has gone back for good.
func (p *claim) gone() bool {
	return p.Money.Sign() > 0 && p.open().IsZero() &&
		!slices.ContainsFunc(p.of, func(g *given) bool { return g.Status == commerce.RefundPending })
}
