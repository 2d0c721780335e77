package nopcommercetest

import "slices"

func (s *Shop) serveReturns(r *request) (any, *failure) {
	status, _ := enums["ReturnRequestStatus"].read(r.text("rs"))
	is := func(name string, has int) bool { return r.number(name) == 0 || r.number(name) == has }
	found := s.returns.all(func(x *ReturnRequest) bool {
		return is("storeId", x.StoreID) && is("customerId", x.CustomerID) && is("orderItemId", x.OrderItemID) && (!r.has("customNumber") || text(x.CustomNumber) == r.text("customNumber")) &&
			(!r.has("rs") || x.ReturnRequestStatusID == status) && within(x.CreatedOnUTC, r.date("createdFromUtc"), r.date("createdToUtc"))
	})
	slices.SortStableFunc(found, func(a, b *ReturnRequest) int { return b.CreatedOnUTC.Compare(a.CreatedOnUTC.Time) })
	return paged(r, found)
}

// serveRecurring lists subscriptions; ended ones if asked for.
func (s *Shop) serveRecurring(r *request) (any, *failure) {
	status, _ := enums["OrderStatus"].read(r.text("initialOrderStatus"))
	is := func(name string, has int) bool { return r.number(name) == 0 || r.number(name) == has }
	return paged(r, s.recurring.all(func(p *RecurringPayment) bool {
		o := s.orders.get(p.InitialOrderID)
		if o == nil || p.Deleted || o.Deleted || !p.IsActive && !r.yes("showHidden") {
			return false
		}
		return is("storeId", o.StoreID) && is("customerId", o.CustomerID) && is("initialOrderId", o.ID) && (!r.has("initialOrderStatus") || o.OrderStatusID == status)
	}))
}

func (s *Shop) serveCycles(r *request) (any, *failure) {
	if _, f := find(&s.recurring, r.id); f != nil {
		return nil, f
	}
	return append([]*RecurringOrder{}, s.cycles.of[r.id]...), nil
}
