package nopcommercetest

import (
	"cmp"
	"math/big"
	"slices"
	"strings"
	"time"
)

// index keeps orders by their date.
func (s *Shop) index(before, after *Order) {
	byDate := func(a *Order, b *Order) int {
		return cmp.Or(a.CreatedOnUTC.Compare(b.CreatedOnUTC.Time), cmp.Compare(a.ID, b.ID))
	}
	if before != nil {
		if before.CreatedOnUTC.Equal(after.CreatedOnUTC.Time) {
			return
		}
		s.byDate = slices.DeleteFunc(s.byDate, func(o *Order) bool { return o == after })
	}
	i, _ := slices.BinarySearchFunc(s.byDate, after, byDate)
	s.byDate = slices.Insert(s.byDate, i, after)
}

// serveOrders lists orders, newest first and without deleted ones. It looks at those of the
// period and keeps those of the page.
func (s *Shop) serveOrders(r *request) (any, *failure) {
	period := s.byDate
	at := func(t time.Time) int {
		i, _ := slices.BinarySearchFunc(s.byDate, t, func(o *Order, t time.Time) int { return o.CreatedOnUTC.Compare(t) })
		return i
	}
	if to := r.date("createdToUtc"); !to.IsZero() {
		period = period[:at(to.Add(1))]
	}
	if from := r.date("createdFromUtc"); !from.IsZero() {
		period = period[min(at(from), len(period)):]
	}
	keep := s.filter(r)
	return pick(r, func(take func(*Order)) {
		for _, o := range slices.Backward(period) {
			if !o.Deleted && keep(o) {
				take(o)
			}
		}
	})
}

// filter is what a search asks for. Both ends of the period belong to it.
func (s *Shop) filter(r *request) func(*Order) bool {
	store, customer, product, affiliate := r.number("storeId"), r.number("customerId"), r.number("productId"), r.number("affiliateId")
	vendor, warehouse, country := r.number("vendorId"), r.number("warehouseId"), r.number("billingCountryId")
	from, to := r.date("createdFromUtc"), r.date("createdToUtc")
	os, ps, ss := r.list("osIds"), r.list("psIds"), r.list("ssIds")
	method, notes := r.text("paymentMethodSystemName"), r.text("orderNotes")
	phone, email, last := r.text("billingPhone"), r.text("billingEmail"), r.text("billingLastName")
	ids := func(ids []int, id int) bool { return len(ids) == 0 || slices.Contains(ids, id) }
	equal := func(want, has int) bool { return want == 0 || want == has }
	row := func(o *Order, f func(*Product) bool) bool {
		return slices.ContainsFunc(s.items.of[o.ID], func(i *OrderItem) bool { p := s.products.get(i.ProductID); return p != nil && f(p) })
	}
	return func(o *Order) bool {
		if !equal(store, o.StoreID) || !equal(customer, o.CustomerID) || !equal(affiliate, o.AffiliateID) || method != "" && method != text(o.PaymentMethodSystemName) ||
			!ids(os, o.OrderStatusID) || !ids(ps, o.PaymentStatusID) || !ids(ss, o.ShippingStatusID) || !within(o.CreatedOnUTC, from, to) {
			return false
		}
		if country != 0 || phone != "" || email != "" || last != "" {
			a := s.addresses.get(o.BillingAddressID)
			if a == nil || country != 0 && (a.CountryID == nil || *a.CountryID != country) || !contains(a.PhoneNumber, phone) || !contains(a.Email, email) || !contains(a.LastName, last) {
				return false
			}
		}
		if product != 0 && !slices.ContainsFunc(s.items.of[o.ID], func(i *OrderItem) bool { return i.ProductID == product }) {
			return false
		}
		if vendor != 0 && !row(o, func(p *Product) bool { return p.VendorID == vendor }) || warehouse != 0 && !row(o, func(p *Product) bool { return p.WarehouseID == warehouse }) {
			return false
		}
		return notes == "" || slices.ContainsFunc(s.notes.of[o.ID], func(n *Note) bool { return contains(n.Note, notes) })
	}
}

// within reports whether a moment lies between two, with both; a zero one is open.
func within(d Date, from, to time.Time) bool {
	return (from.IsZero() || !d.Before(from)) && (to.IsZero() || !d.After(to))
}

func contains(has *string, want string) bool {
	return want == "" || strings.Contains(strings.ToLower(text(has)), strings.ToLower(want))
}

func (s *Shop) serveOrdersByGUIDs(r *request) (any, *failure) {
	return slices.DeleteFunc(slices.Clone(s.orders.rows), func(o *Order) bool { return !slices.Contains(r.guids, strings.ToLower(o.OrderGUID)) }), nil
}

func (s *Shop) serveOrderByGUID(r *request) (any, *failure) {
	o := s.orders.first(func(o *Order) bool { return strings.EqualFold(o.OrderGUID, r.text("guid")) })
	if o == nil {
		return nil, notFound("Order Guid=%s not found", r.text("guid"))
	}
	return o, nil
}

func (s *Shop) serveOrderByNumber(r *request) (any, *failure) {
	o := s.orders.first(func(o *Order) bool { return text(o.CustomOrderNumber) == r.text("customOrderNumber") })
	if o == nil {
		return nil, notFound("Order CustomOrderNumber=%s not found", r.text("customOrderNumber"))
	}
	return o, nil
}

func (s *Shop) serveOrderByItem(r *request) (any, *failure) {
	i, f := find(&s.items, r.id)
	if f != nil {
		return nil, f
	}
	return plainly(find(&s.orders, i.OrderID))
}

// serveTaxRates reads "7.0000:5.60;   ".
func (s *Shop) serveTaxRates(r *request) (any, *failure) {
	if _, f := find(&s.orders, r.id); f != nil {
		return nil, f
	}
	out := map[string]Amount{}
	for part := range strings.SplitSeq(r.text("taxRates"), ";") {
		rate, sum, ok := strings.Cut(strings.TrimSpace(part), ":")
		a, err := ParseAmount(sum)
		if ok && err == nil {
			out[rate] = a
		}
	}
	if len(out) == 0 {
		out["0"] = 0
	}
	return out, nil
}

// ofOrder answers a question about an order.
func ofOrder(ask func(*Shop, *Order) bool) func(*Shop, *request) (any, *failure) {
	return func(s *Shop, r *request) (any, *failure) {
		o, f := find(&s.orders, r.id)
		if f != nil {
			return nil, f
		}
		return ask(s, o), nil
	}
}

// ofItem answers a question about a row.
func ofItem(ask func(*Shop, *OrderItem) int) func(*Shop, *request) (any, *failure) {
	return func(s *Shop, r *request) (any, *failure) {
		i, f := find(&s.items, r.id)
		if f != nil {
			return nil, f
		}
		return ask(s, i), nil
	}
}

func (s *Shop) serveItems(r *request) (any, *failure) {
	if _, f := find(&s.orders, r.id); f != nil {
		return nil, f
	}
	out := []*OrderItem{}
	for _, i := range s.items.of[r.id] {
		p := s.products.get(i.ProductID)
		if p == nil && (r.has("isNotReturnable") || r.has("isShipEnabled") || r.number("vendorId") != 0) {
			continue
		}
		if r.has("isNotReturnable") && p.NotReturnable != r.yes("isNotReturnable") || r.has("isShipEnabled") && p.IsShipEnabled != r.yes("isShipEnabled") ||
			r.number("vendorId") != 0 && p.VendorID != r.number("vendorId") {
			continue
		}
		out = append(out, i)
	}
	return out, nil
}

func (s *Shop) serveItemProduct(r *request) (any, *failure) {
	i, f := find(&s.items, r.id)
	if f != nil {
		return nil, f
	}
	return plainly(find(&s.products, i.ProductID))
}

func (s *Shop) serveItemByGUID(r *request) (any, *failure) {
	i := s.items.first(func(i *OrderItem) bool { return strings.EqualFold(i.OrderItemGUID, r.text("guid")) })
	if i == nil {
		return nil, notFound("OrderItem Guid=%s not found", r.text("guid"))
	}
	return i, nil
}

func (s *Shop) serveItemsOfCustomer(r *request) (any, *failure) {
	if _, f := find(&s.customers, r.id); f != nil {
		return nil, f
	}
	out := []*OrderItem{}
	for _, o := range slices.Backward(s.byDate) {
		if o.CustomerID == r.id && !o.Deleted {
			out = append(out, s.items.of[o.ID]...)
		}
	}
	return out, nil
}

// serveNotes lists the notes of an order, newest first.
func (s *Shop) serveNotes(r *request) (any, *failure) {
	if _, f := find(&s.orders, r.id); f != nil {
		return nil, f
	}
	out := []*Note{}
	for _, n := range slices.Backward(s.notes.of[r.id]) {
		if !r.has("displayToCustomer") || n.DisplayToCustomer == r.yes("displayToCustomer") {
			out = append(out, n)
		}
	}
	slices.SortStableFunc(out, func(a, b *Note) int { return b.CreatedOnUTC.Compare(a.CreatedOnUTC.Time) })
	return out, nil
}

func (s *Shop) serveNoteText(r *request) (any, *failure) {
	n, f := find(&s.notes, r.id)
	if f != nil {
		return nil, f
	}
	return strings.ReplaceAll(text(n.Note), "\n", "<br />"), nil
}

// serveActivities lists what staff and buyers did, newest first.
func (s *Shop) serveActivities(r *request) (any, *failure) {
	found := s.activities.all(func(a *Activity) bool {
		return within(a.CreatedOnUTC, r.date("createdOnFrom"), r.date("createdOnTo")) &&
			(r.number("customerId") == 0 || a.CustomerID == r.number("customerId")) &&
			(r.number("activityLogTypeId") == 0 || a.ActivityLogTypeID == r.number("activityLogTypeId")) &&
			contains(a.IPAddress, r.text("ipAddress")) && (!r.has("entityName") || text(a.EntityName) == r.text("entityName")) &&
			(r.number("entityId") == 0 || a.EntityID != nil && *a.EntityID == r.number("entityId"))
	})
	slices.Reverse(found)
	return paged(r, found)
}

func (s *Shop) serveAttributes(r *request) (any, *failure) {
	out := []*Attribute{}
	for _, a := range s.attributes.of[r.id] {
		if text(a.KeyGroup) == r.text("keyGroup") {
			out = append(out, a)
		}
	}
	return out, nil
}

// attribute is a value of a row, or nil.
func (s *Shop) attribute(group string, entity int, key string, store int) *Attribute {
	for _, a := range s.attributes.of[entity] {
		if text(a.KeyGroup) == group && strings.EqualFold(text(a.Key), key) && a.StoreID == store {
			return a
		}
	}
	return nil
}

func (s *Shop) serveAttribute(r *request) (any, *failure) {
	if r.id <= 0 {
		return nil, problem("Bad Request")
	}
	if a := s.attribute(r.text("entityTypeName"), r.id, r.text("key"), r.number("storeId")); a != nil {
		return text(a.Value), nil
	}
	return r.text("defaultValue"), nil
}

// serveAttributeSave writes a value of a row, whose key is there once for each store.
func (s *Shop) serveAttributeSave(r *request) (any, *failure) {
	store, entity := r.id, r.last
	if entity <= 0 {
		return nil, problem("Bad Request")
	}
	now := s.now()
	if a := s.attribute(r.text("entityTypeName"), entity, r.text("key"), store); a != nil {
		a.Value, a.CreatedOrUpdatedDateUTC = new(r.text("value")), &now
		return nil, nil
	}
	s.attributes.insert(Attribute{EntityID: entity, KeyGroup: new(r.text("entityTypeName")), Key: new(r.text("key")), Value: new(r.text("value")), StoreID: store, CreatedOrUpdatedDateUTC: &now})
	return nil, nil
}

func (s *Shop) serveAttributesDelete(r *request) (any, *failure) {
	for _, a := range byIDs(&s.attributes, r.ids) {
		s.attributes.remove(a)
	}
	return nil, nil
}

// convert is an amount in another currency, not rounded.
func convert(a Amount, num, den Rate) *big.Rat {
	if den == 0 {
		return new(big.Rat)
	}
	return new(big.Rat).Mul(a.rat(), new(big.Rat).Quo(num.rat(), den.rat()))
}
