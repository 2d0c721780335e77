package magento

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"
)

var orderItems = listing[OrderItem]{
	op: "list order items", path: "/orders/items", id: "item_id",
	key: func(i OrderItem) (ID, time.Time) { return i.ItemID, time.Time{} },
}

// Item reads one row of an order, or only some fields of it.
func (s *Orders) Item(ctx context.Context, id ID, fields ...string) (OrderItem, error) {
	return orderItems.one(ctx, s.cl, "order item", "/orders/items/", id, fields)
}

// Items yields rows of orders by id; filter order_id for those of one. It pages rows,
// where [Orders.List] pages orders with all their rows.
func (s *Orders) Items(ctx context.Context, p ListParams) iter.Seq2[OrderItem, error] {
	return orderItems.walk(ctx, s.cl, p)
}

// addressToWrite is an order's address in full: what is empty is sent as null, so that
// nothing of the former address stays.
type addressToWrite struct {
	EntityID   ID       `json:"entity_id"`
	ParentID   ID       `json:"parent_id"`
	Type       string   `json:"address_type"`
	Email      string   `json:"email"`
	Prefix     *string  `json:"prefix"`
	Firstname  string   `json:"firstname"`
	Middlename *string  `json:"middlename"`
	Lastname   string   `json:"lastname"`
	Suffix     *string  `json:"suffix"`
	Company    *string  `json:"company"`
	Street     []string `json:"street"`
	City       string   `json:"city"`
	Postcode   *string  `json:"postcode"`
	Region     *string  `json:"region"`
	RegionCode *string  `json:"region_code"`
	RegionID   *ID      `json:"region_id"`
	CountryID  string   `json:"country_id"`
	Telephone  string   `json:"telephone"`
	VATID      *string  `json:"vat_id"`
}

// SetAddress writes an address of an order, as a whole: take it from the order, change
// it and give it back. Magento inserts a second row where the EntityID is missing, and
// moves an address that belongs to another order away from it (2.4.6-p1, REC 503, 505);
// so the order is read first, and an address that is not its own, or not whole, is
// refused with outcome not sent. Region, RegionCode and RegionID are not compared by
// Magento: change them together. Tax is not computed again, and the order's updated_at
// does not move.
func (s *Orders) SetAddress(ctx context.Context, id ID, a OrderAddress) (OrderAddress, error) {
	op := "set address of order " + id.String()
	for name, v := range map[string]string{"Type": a.Type, "Email": a.Email, "Firstname": a.Firstname, "Lastname": a.Lastname,
		"Street": strings.Join(a.Street, ""), "City": a.City, "CountryID": a.CountryID, "Telephone": a.Telephone} {
		if v == "" {
			return OrderAddress{}, refuse(op, "", "OrderAddress.%s is empty; the address has to be whole", name)
		}
	}
	o, err := s.Get(ctx, id)
	if err != nil {
		return OrderAddress{}, before(op, err)
	}
	own := []*OrderAddress{o.BillingAddress}
	if sh := o.Shipping(); sh != nil {
		own = append(own, sh.Address)
	}
	if a.EntityID == 0 || !slices.ContainsFunc(own, func(x *OrderAddress) bool { return x != nil && x.EntityID == a.EntityID && x.Type == a.Type }) {
		return OrderAddress{}, refuse(op, "", "address %d is not the order's %s address", a.EntityID, a.Type)
	}
	opt := func(v string) *string {
		if v == "" {
			return nil
		}
		return &v
	}
	w := addressToWrite{a.EntityID, id, a.Type, a.Email, opt(a.Prefix), a.Firstname, opt(a.Middlename), a.Lastname, opt(a.Suffix),
		opt(a.Company), a.Street, a.City, opt(a.Postcode), opt(a.Region), opt(a.RegionCode), nil, a.CountryID, a.Telephone, opt(a.VATID)}
	if a.RegionID != 0 {
		w.RegionID = &a.RegionID
	}
	var got OrderAddress
	err = s.cl.put(ctx, op, "/orders/"+id.String(), map[string]addressToWrite{"entity": w}, &got)
	return got, err
}
