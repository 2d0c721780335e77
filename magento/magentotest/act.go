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

// set moves an order to a state and its default status. updated_at moves only if
// something changed.
func (s *Shop) set(o *order, state string) {
	if o.state != state || o.status != defaults[state] {
		o.state, o.status = state, defaults[state]
		s.touch(o)
	}
}

func (s *Shop) touch(o *order) { o.updated = s.now() }

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
		o.any(func(i *item) bool { return i.shippable() && i.toShip() > 0 })
}

func (o *order) canRefund() bool {
	if o.held() || o.reviewed() || o.state == "canceled" || o.state == "closed" {
		return false
	}
	left := o.sums["total_paid"].base - o.sums["total_refunded"].base
	return left > 0 && left-o.sums["adjustment_negative"].base > 0
}

func (o *order) canCancel() bool {
	return !o.held() && !o.reviewed() && !slices.Contains([]string{"canceled", "complete", "closed"}, o.state) &&
		o.any(func(i *item) bool { return i.priced() && i.toInvoice() > 0 })
}

// settle computes the state anew, as Magento does whenever an order is saved.
func (s *Shop) settle(o *order) {
	if o.state == "new" && o.inProcess {
		s.set(o, "processing")
	}
	if o.state == "canceled" || o.held() || o.canInvoice() {
		return
	}
	switch {
	case (o.state == "processing" || o.state == "complete") && !o.canRefund() && !o.canShip() && o.sums["total_refunded"].base > 0:
		s.set(o, "closed")
	case o.state == "processing" && (!o.canShip() || o.shippedOrRefunded()):
		s.set(o, "complete")
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
	if o := s.order(id); o != nil {
		return o, nil
	}
	return nil, errNotFound
}

func (s *Shop) serveOrder(r *request) (any, *failure) {
	o, f := s.find(r.id)
	if f != nil {
		return nil, f
	}
	return s.renderOrder(o), nil
}

func (s *Shop) serveOrderStatus(r *request) (any, *failure) {
	o, f := s.find(r.id)
	if f != nil {
		return nil, f
	}
	return o.status, nil
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
		return nil, &failure{400, `"%fieldName" is required. Enter and try again.`, obj{"fieldName": "statusHistory"}, nil, false}
	}
	c := &comment{order: o.id, text: h.Comment, created: s.now(), notified: h.IsCustomerNotified == 1, visible: h.IsVisibleOnFront == 1}
	switch {
	case h.Status != nil:
		c.status = *h.Status
		if s.checksStatus() && c.status != o.status && c.status != defaults[o.state] && !slices.Contains(s.c.Statuses[o.state], c.status) {
			return nil, invalid(`Unable to add comment: The status "%1" is not part of the order status history.`, c.status)
		}
	case s.checksStatus():
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

func (s *Shop) serveCancel(r *request) (any, *failure) {
	o, f := s.find(r.id)
	if f != nil {
		return nil, f
	}
	if !o.canCancel() {
		return false, nil
	}
	state := "canceled"
	for _, i := range o.items {
		cancel := min(i.toInvoice(), i.toShip())
		if state != "processing" && i.toRefund() > 0 {
			// Something was invoiced: the order lives on for what can still be shipped.
			if state = "complete"; i.toShip() > cancel {
				state = "processing"
			}
		}
		i.canceled += cancel
	}
	o.sums["total_canceled"] = o.sums["grand_total"].sub(o.sums["total_paid"])
	s.set(o, state)
	s.touch(o)
	return true, nil
}

// serveOrderSave is the raw save of an order: only what is sent is stored, and the
// answer shows nulls for the rest (REC 165-170, 351).
func (s *Shop) serveOrderSave(r *request) (any, *failure) {
	body, _ := r.body.(obj)
	entity, ok := body["entity"].(obj)
	if !ok {
		return nil, &failure{400, `"%fieldName" is required. Enter and try again.`, obj{"fieldName": "entity"}, nil, false}
	}
	id, err := parseDec(text(entity["entity_id"]))
	o := s.order(int64(id / one))
	if err != nil || o == nil {
		return nil, invalid("Please provide payment for the order.")
	}
	changed := false
	payment := o.payment
	for name, v := range entity {
		switch name {
		case "payment":
			in, _ := v.(obj)
			payment = s.savePayment(o, in)
		case "entity_id":
		case "state":
			changed = changed || o.state != text(v)
			o.state = text(v)
		case "status":
			changed = changed || o.status != text(v)
			o.status = text(v)
		case "ext_order_id", "ext_customer_id":
			changed = changed || o.plain[name] != any(text(v))
			o.plain[name] = text(v)
		default:
			return nil, s.internal() // not part of this shop
		}
	}
	if changed {
		s.touch(o)
	}
	full := s.renderOrder(o)
	out := obj{"base_grand_total": nil, "grand_total": nil, "base_total_due": 0, "total_due": 0, "customer_email": nil}
	for _, name := range []string{"entity_id", "created_at", "updated_at", "billing_address_id", "items", "billing_address", "payment", "status_histories"} {
		if v, ok := full[name]; ok {
			out[name] = v
		}
	}
	for name := range entity {
		out[name] = full[name]
	}
	out["payment"] = payment
	return out, nil
}

// savePayment stores a payment. Without the id of the order's own it becomes a second
// one, which nothing shows but the answer (REC 170, 171).
func (s *Shop) savePayment(o *order, in obj) obj {
	out := obj{"parent_id": o.id, "entity_id": o.payment["entity_id"]}
	same := integer(in["entity_id"]) == integer(o.payment["entity_id"])
	if !same {
		out["entity_id"] = s.next("payment")
	}
	for name, v := range in {
		if name != "entity_id" && name != "parent_id" {
			out[name] = v
		}
	}
	if same {
		for name, v := range out {
			o.payment[name] = v
		}
		return o.payment
	}
	return out
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
