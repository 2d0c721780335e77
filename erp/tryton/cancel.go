package tryton

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// voided ends the reference of a sale that counts for nothing: Tryton 6.0 takes no
// processed sale back to cancelled, but lets its reference be written in every state.
const voided = " (cancelled)"

// state is the sale's state in the port's words.
func (s sale) state() erp.OrderState {
	if strings.HasSuffix(s.Reference, voided) {
		return erp.Cancelled
	}
	return orderStates[s.State]
}

// CancelOrder cancels a sale. Tryton has no such step for one that is processed
// (6.0.29, seen 2026-11): its shipments and its draft invoice are cancelled, both are
// marked as not to be made again, which brings the sale to done, and its reference is
// marked as cancelled. Once a shipment is picked or an invoice posted nothing is done,
// and the error is of kind conflict. A call that was interrupted is finished by the
// next one.
func (t *Client) CancelOrder(ctx context.Context, ref commerce.Ref) (erp.Order, error) {
	op := "cancel " + ref.ID
	id, err := t.idOf(ref, "order")
	if err != nil {
		return erp.Order{}, err
	}
	s, err := t.saleByID(ctx, op, id)
	if err != nil {
		return erp.Order{}, notSent(err)
	}
	switch s.state() {
	case erp.Cancelled:
		return t.order(s)
	case erp.Draft:
		if err := t.step(ctx, op, "cancel", id); err != nil {
			return erp.Order{}, err
		}
	default:
		if err := t.unwind(ctx, op, s); err != nil {
			return erp.Order{}, err
		}
	}
	return t.after(ctx, op, s, erp.Cancelled)
}

// stamped is a document of a sale, and what guards a write on it.
type stamped struct {
	ID        int64   `json:"id"`
	State     string  `json:"state"`
	Timestamp string  `json:"_timestamp"`
	Moves     []int64 `json:"outgoing_moves"` // of a shipment
	Sales     []int64 `json:"sales"`          // of an invoice
}

// unwind takes back what followed from a sale that was confirmed.
func (t *Client) unwind(ctx context.Context, op string, s sale) error {
	if s.State == "confirmed" { // a server with a queue is still to process it
		if err := t.step(ctx, op, "process", s.ID); err != nil {
			return err
		}
	}
	var sales []struct {
		Shipments []int64 `json:"shipments"`
		Invoices  []int64 `json:"invoices"`
		Moves     []int64 `json:"moves"`
	}
	if err := t.read(ctx, op, "sale.sale", []int64{s.ID}, []string{"shipments", "invoices", "moves"}, &sales); err != nil {
		return notSent(err)
	}
	if len(sales) == 0 {
		return call{op: op, write: true}.fail(commerce.KindConflict, commerce.NotSent, 0, "the sale has gone meanwhile")
	}
	parts := []struct {
		model   string
		ids     []int64
		takes   []string // states that are cancelled
		of      string   // the field that says what else it is for,
		owns    []int64  // which has to be ours
		records []stamped
	}{
		{model: "stock.shipment.out", ids: sales[0].Shipments, takes: []string{"draft", "waiting", "assigned"}, of: "outgoing_moves", owns: sales[0].Moves},
		{model: "account.invoice", ids: sales[0].Invoices, takes: []string{"draft", "validated"}, of: "sales", owns: []int64{s.ID}},
	}
	for i := range parts {
		p := &parts[i]
		if err := t.readAll(ctx, op, p.model, p.ids, []string{"id", "state", "_timestamp", p.of}, &p.records); err != nil {
			return notSent(err)
		}
		for _, r := range p.records {
			conflict := call{op: op, write: true}.fail(commerce.KindConflict, commerce.NotSent, 0, "a "+p.model+" of the sale is "+r.State)
			if r.State != "cancelled" && !slices.Contains(p.takes, r.State) {
				return conflict
			}
			for _, id := range append(r.Moves, r.Sales...) {
				if r.State != "cancelled" && !slices.Contains(p.owns, id) {
					conflict.Text = "a " + p.model + " of the sale is for other sales as well"
					return conflict
				}
			}
		}
	}
	// From the first write on a failure leaves it half done, to be finished by the next call.
	begun := s.State == "done"
	for _, p := range parts {
		for _, r := range p.records {
			if r.State == "cancelled" {
				begun = true
				continue
			}
			err := t.do(ctx, call{op: op, method: "model." + p.model + ".cancel", params: []any{[]int64{r.ID}}, write: true,
				context: values{"_timestamp": map[string]string{p.model + "," + formatID(r.ID): r.Timestamp}}})
			if err != nil && !begun {
				return meanwhile(err)
			}
			if err != nil {
				return halfDone(op, err)
			}
			begun = true
		}
	}
	if err := t.leaveOut(ctx, op, s.ID, sales[0].Invoices); err != nil {
		return halfDone(op, err)
	}
	err := t.do(ctx, call{op: op, method: "model.sale.sale.write", params: []any{[]int64{s.ID}, values{"reference": s.Reference + voided}}, write: true})
	return halfDone(op, err)
}

// leaveOut tells the server that cancelled shipments and invoices are not to be made
// again. What was told before is told again without harm.
func (t *Client) leaveOut(ctx context.Context, op string, id int64, invoices []int64) error {
	var lines []struct {
		Moves []int64 `json:"moves"`
	}
	if err := t.searchRead(ctx, op, "sale.line", []any{clause("sale", "=", id)}, 0, byID, []string{"id", "moves"}, &lines); err != nil {
		return err
	}
	moves := []int64{}
	for _, l := range lines {
		moves = append(moves, l.Moves...)
	}
	if len(moves) > 0 {
		if err := t.wizard(ctx, op, "sale.handle.shipment.exception", "ask", "handle",
			values{"recreate_moves": []int64{}, "domain_moves": moves}, "sale.sale", id); err != nil {
			return err
		}
	}
	if len(invoices) == 0 {
		return nil
	}
	return t.wizard(ctx, op, "sale.handle.invoice.exception", "ask", "handle",
		values{"recreate_invoices": []int64{}, "domain_invoices": invoices}, "sale.sale", id)
}

// meanwhile makes a write that somebody else was quicker than one to be tried again.
func meanwhile(err error) error {
	if e, ok := errors.AsType[*commerce.Error](err); ok && e.Kind == commerce.KindConflict {
		e.Kind = commerce.KindUnavailable
	}
	return err
}

// halfDone says of an error that earlier writes of the same operation took effect.
func halfDone(op string, err error) error {
	if err == nil {
		return nil
	}
	kind := commerce.KindOf(err)
	if kind.Permanent() || kind == commerce.KindConflict {
		kind = commerce.KindUnavailable // the next call looks again, and says what is in the way
	}
	return &commerce.Error{Kind: kind, System: system, Op: op, Outcome: commerce.Unknown, RetryAfter: commerce.RetryAfter(err), Err: err}
}
