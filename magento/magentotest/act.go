package magentotest

import (
	"slices"
	"strconv"
)

// defaults are the default statuses of the states.
var defaults = map[string]string{
	"new": "pending", "pending_payment": "pending_payment", "payment_review": "payment_review",
	"processing": "processing", "complete": "complete", "closed": "closed", "canceled": "canceled", "holded": "holded",
}

// belongs reports whether a status is assigned to a state: its default, suspected fraud
// of two, and what Config.Statuses adds.
func (s *Shop) belongs(status, state string) bool {
	fraud := status == "fraud" && (state == "processing" || state == "payment_review")
	return fraud || status == defaults[state] || slices.Contains(s.c.Statuses[state], status)
}

// set moves an order to a state and its default status. updated_at moves only if
// something changed.
func (s *Shop) set(o *order, state string) {
	if o.state != state || o.status != defaults[state] {
		o.state, o.status = state, defaults[state]
		s.touch(o)
	}
}

func (s *Shop) touch(o *order) {
	o.updated = s.now()
	s.stale = true
}

func (o *order) held() bool     { return o.state == "holded" }
func (o *order) reviewed() bool { return o.state == "payment_review" }

func (o *order) any(f func(*item) bool) bool { return slices.ContainsFunc(o.items, f) }

// canInvoice, canShip, canRefund and canCancel say what Magento's order would
// (M2:app/code/Magento/Sales/Model/Order.php).
func (o *order) canInvoice() bool {
	return !slices.Contains([]string{"payment_review", "holded", "canceled", "complete", "closed"}, o.state) &&
		o.any(func(i *item) bool { return i.priced() && i.toInvoice() > 0 })
}

func (o *order) canShip() bool {
	return !o.held() && !o.reviewed() && !o.virtual && o.state != "canceled" &&
		o.any(func(i *item) bool {
			left := i.toShip()
			if i.parent != nil && i.parent.kind == "bundle" {
				left = i.unshipped()
			}
			return left > 0 && !i.virtual && i.refunded != i.ordered
		})
}

func (o *order) canRefund() bool {
	if o.held() || o.reviewed() || o.state == "canceled" || o.state == "closed" {
		return false
	}
	// In the buyer's currency, where a cent may be left over (REC 442).
	left := o.sums["total_paid"].order - o.sums["total_refunded"].order
	if o.sums["grand_total"].order == 0 {
		paidBack := o.sums["total_refunded"] == o.sums["total_paid"] && o.refunded
		return !o.canInvoice() && !paidBack
	}
	return left != 0 && left != o.sums["adjustment_negative"].order
}

func (o *order) canCancel() bool {
	return !o.held() && !o.reviewed() && !slices.Contains([]string{"canceled", "complete", "closed"}, o.state) &&
		o.any(func(i *item) bool { return i.priced() && i.toInvoice() > 0 })
}

// settle computes the state anew, as Magento does whenever an order is saved
// (M2:app/code/Magento/Sales/Model/ResourceModel/Order/Handler/State.php).
func (s *Shop) settle(o *order) {
	if o.state == "canceled" || o.held() || o.canInvoice() {
		return
	}
	switch {
	case (o.state == "processing" || o.state == "complete") && !o.canRefund() && !o.canShip() && !o.virtual:
		s.set(o, "closed")
	case o.state == "processing" && (!o.canShip() || o.shippedOrRefunded()):
		s.set(o, "complete")
	}
}

// resolve computes the state after a refund, which is processing or new until all is
// invoiced and shipped: so an order that was complete too early becomes new (REC 550;
// M2:app/code/Magento/Sales/Model/Order/StateResolver.php). A status of the state stays.
func (s *Shop) resolve(o *order) {
	state := "new"
	if o.state == "processing" {
		state = "processing"
	}
	if o.state != "canceled" && !o.held() && !o.canInvoice() && !o.canShip() {
		switch {
		case o.sums["grand_total"].base == 0, o.canRefund():
			state = "complete"
		case o.sums["total_refunded"].order != 0:
			state = "closed"
		}
	}
	if o.state != state || !s.belongs(o.status, state) {
		s.set(o, state)
	}
}

// shippedOrRefunded compares units as Magento does: those of all rows, also of a
// bundle's children, against what was ordered of top rows (REC 548).
func (o *order) shippedOrRefunded() bool {
	var ordered, shipped, refunded dec
	for _, i := range o.items {
		if i.parent == nil {
			ordered += i.ordered
		}
		shipped += i.shipped
		refunded += i.refunded
	}
	return shipped > 0 && ordered <= shipped+refunded
}

func (s *Shop) find(id int64) (*order, *failure) {
	if o := s.order(id); o != nil && !o.unseen {
		return o, nil
	}
	return nil, errNotFound
}

func (s *Shop) serveOrder(r *request) (any, *failure) {
	o := s.row(r.id).seen()
	if o == nil {
		return nil, errNotFound
	}
	return s.renderOrder(o), nil
}

func (s *Shop) serveOrderStatus(r *request) (any, *failure) {
	o, f := s.find(r.id)
	if f != nil {
		return nil, f
	}
	return orNull(o.status), nil
}

func (s *Shop) serveComments(r *request) (any, *failure) {
	if _, f := s.find(r.id); f != nil {
		return nil, f
	}
	items := s.renderComments(r.id)
	slices.Reverse(items) // oldest first here, newest first on the order
	return obj{"items": items, "total_count": len(items), "search_criteria": obj{"filter_groups": []any{
		obj{"filters": []any{obj{"field": "parent_id", "value": dec(r.id * int64(one)).String(), "condition_type": "eq"}}}}}}, nil
}

func (s *Shop) serveComment(r *request) (any, *failure) {
	o, f := s.find(r.id)
	if f != nil {
		return nil, f
	}
	var in struct {
		StatusHistory *struct {
			Comment            *string `json:"comment"`
			Status             *string `json:"status"`
			IsCustomerNotified int     `json:"is_customer_notified"`
			IsVisibleOnFront   int     `json:"is_visible_on_front"`
			CreatedAt          any     `json:"created_at"`
			EntityID           any     `json:"entity_id"`
			EntityName         any     `json:"entity_name"`
			ParentID           any     `json:"parent_id"`
			Extension          any     `json:"extension_attributes"`
		} `json:"status_history"`
	}
	if f := r.into(s, &in); f != nil {
		return nil, f
	}
	h := in.StatusHistory
	if h == nil {
		return nil, missingField("statusHistory")
	}
	c := &comment{order: o.id, text: h.Comment, created: s.now(), notified: h.IsCustomerNotified == 1, visible: h.IsVisibleOnFront == 1}
	switch {
	case h.Status != nil:
		c.status = *h.Status
		if s.since(4, 7) && c.status != o.status && !s.belongs(c.status, o.state) {
			return nil, invalid(`Unable to add comment: The status "%1" is not part of the order status history.`, c.status)
		}
	case s.since(4, 7):
		c.status = o.status
	}
	// Before 2.4.7 whatever was sent becomes the order's status, null as well (REC 333).
	if o.status != c.status {
		o.status = c.status
		s.touch(o)
	}
	c.id = s.next("comment")
	s.comments = append(s.comments, c)
	return true, nil
}

func (s *Shop) serveHold(r *request) (any, *failure) {
	o, f := s.find(r.id)
	if f != nil {
		return nil, f
	}
	if slices.Contains([]string{"canceled", "payment_review", "complete", "closed", "holded"}, o.state) {
		return nil, invalid("A hold action is not available.")
	}
	o.plain["hold_before_state"], o.plain["hold_before_status"] = o.state, o.status
	s.set(o, "holded")
	return true, nil
}

func (s *Shop) serveUnhold(r *request) (any, *failure) {
	o, f := s.find(r.id)
	if f != nil {
		return nil, f
	}
	if !o.held() {
		return nil, invalid("You cannot remove the hold.")
	}
	o.state, _ = o.plain["hold_before_state"].(string)
	o.status, _ = o.plain["hold_before_status"].(string)
	delete(o.plain, "hold_before_state")
	delete(o.plain, "hold_before_status")
	s.touch(o)
	return true, nil
}

// serveCancel cancels what is left to invoice and to ship. Before 2.4.7 no lock keeps
// requests apart: one that arrived while the order could still be cancelled cancels it
// again, and gives its goods free once more (REC 329).
func (s *Shop) serveCancel(r *request) (any, *failure) {
	o, f := s.find(r.id)
	if f != nil {
		return nil, f
	}
	if !o.canCancel() {
		if !r.cancels {
			return false, nil
		}
		for _, i := range o.items {
			i.freed += i.canceled
		}
		return true, nil
	}
	if f := s.void(o); f != nil {
		return nil, f
	}
	state := "canceled"
	for _, i := range o.items {
		if state != "processing" && i.toRefund() > 0 {
			// Something was invoiced: the order lives on for what can still be shipped.
			if state = "complete"; i.toShip() > min(i.toInvoice(), i.toShip()) {
				state = "processing"
			}
		}
		i.cancel()
	}
	for name, of := range map[string]string{"subtotal": "subtotal", "tax": "tax_amount", "shipping": "shipping_amount"} {
		o.sums[name+"_canceled"] = o.sums[of].sub(o.sums[name+"_invoiced"])
	}
	// Both are negative, so that what was invoiced is added where it should be taken off.
	o.sums["discount_canceled"] = o.sums["discount_amount"].add(o.sums["discount_invoiced"]).neg()
	o.sums["total_canceled"] = o.sums["grand_total"].sub(o.sums["total_paid"])
	s.set(o, state)
	s.touch(o)
	s.settle(o)
	return true, nil
}

// cancel cancels what is left of a row. Its cancelled taxes have one currency only, and
// the tax is that of the base (REC 476).
func (i *item) cancel() {
	i.canceled = min(i.toInvoice(), i.toShip())
	for name, amount := range map[string]dec{"tax_canceled": i.sums["tax_amount"].base, "discount_tax_compensation_canceled": i.sums["discount_tax_compensation_amount"].order} {
		i.plain[name] = amount.real().mul(i.canceled.real()).quo(i.ordered.real()).dec()
	}
}

// text is a plain JSON value as text.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case interface{ String() string }:
		return v.String()
	}
	return ""
}
