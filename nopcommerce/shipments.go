package nopcommerce

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/commercesync/commerce"
)

// Shipments reads and makes shipments.
type Shipments struct{ cl *Client }

// Shipment is a parcel of an order. Its items are rows of their own.
type Shipment struct {
	ID                 ID     `json:"id"`
	OrderID            ID     `json:"order_id"`
	TrackingNumber     string `json:"tracking_number"`
	TotalWeight        Number `json:"total_weight,omitempty"`
	ShippedDate        Time   `json:"shipped_date_utc"`
	DeliveryDate       Time   `json:"delivery_date_utc"`
	ReadyForPickupDate Time   `json:"ready_for_pickup_date_utc,omitzero"` // since 4.60
	AdminComment       string `json:"admin_comment"`
	CreatedOn          Time   `json:"created_on_utc"`

	// Raw is the row as the shop sent it.
	Raw Raw `json:"-"`
}

// UnmarshalJSON keeps the bytes of the row.
func (s *Shipment) UnmarshalJSON(b []byte) error {
	type row Shipment
	*s = Shipment{}
	return s.Raw.keep(b, (*row)(s))
}

var shipments = table[Shipment]{
	what: "shipment", get: "/Shipment/GetById/", put: "/Shipment/Update",
	raw: func(s *Shipment) *Raw { return &s.Raw }, id: func(s *Shipment) ID { return s.ID },
}

// ShipmentItem is how many of an order's line are in a shipment.
type ShipmentItem struct {
	ID          ID  `json:"id"`
	ShipmentID  ID  `json:"shipment_id"`
	OrderItemID ID  `json:"order_item_id"`
	Quantity    int `json:"quantity"`
	WarehouseID ID  `json:"warehouse_id"`
}

// Get reads a shipment by its id.
func (s *Shipments) Get(ctx context.Context, id ID) (Shipment, error) {
	if err := s.cl.offers("get shipment "+id.String(), Official, false); err != nil {
		return Shipment{}, err
	}
	return shipments.one(ctx, s.cl, id)
}

// OfOrder returns the shipments of an order.
func (s *Shipments) OfOrder(ctx context.Context, order ID) ([]Shipment, error) {
	op := "list shipments of order " + order.String()
	if err := s.cl.offers(op, Official, false); err != nil {
		return nil, err
	}
	var got []Shipment
	err := s.cl.get(ctx, op, "/Shipment/GetByOrderId/"+order.String(), nil, &got)
	return got, err
}

// Items returns what is in a shipment.
func (s *Shipments) Items(ctx context.Context, shipment ID) ([]ShipmentItem, error) {
	op := "list items of shipment " + shipment.String()
	if err := s.cl.offers(op, Official, false); err != nil {
		return nil, err
	}
	var got []ShipmentItem
	err := s.cl.get(ctx, op, "/ShipmentItem/GetByShipmentId/"+shipment.String(), nil, &got)
	return got, err
}

// ShipmentParams says which shipments a list yields. Zero fields mean any. There is no date
// of a change: ask for those that are not shipped or not delivered.
type ShipmentParams struct {
	CreatedFrom, CreatedTo time.Time // both included
	NotShipped             bool
	NotDelivered           bool
	TrackingNumber         string
	WarehouseID            ID
}

// List yields shipments.
func (s *Shipments) List(ctx context.Context, p ShipmentParams) iter.Seq2[Shipment, error] {
	return byPage[Shipment](ctx, s.cl, "list shipments", "/Shipment/GetAll", params{
		{"createdFromUtc", moment(p.CreatedFrom)}, {"createdToUtc", moment(p.CreatedTo)}, {"loadNotShipped", yes(p.NotShipped)},
		{"loadNotDelivered", yes(p.NotDelivered)}, {"trackingNumber", p.TrackingNumber}, {"warehouseId", number(p.WarehouseID)}})
}

// Update writes what the caller changed in a shipment, as [Orders.Update] does: a tracking
// number, say. The mail about it is the admin's and is not sent.
func (s *Shipments) Update(ctx context.Context, sh Shipment) (Shipment, error) {
	return shipments.update(ctx, s.cl, sh)
}

// Delete withdraws a shipment that is not shipped.
func (s *Shipments) Delete(ctx context.Context, id ID) error {
	op := "delete shipment " + id.String()
	if err := s.cl.offers(op, Official, true); err != nil {
		return err
	}
	sh, err := s.Get(ctx, id)
	switch {
	case err != nil:
		return before(op, err)
	case !sh.ShippedDate.IsZero():
		return refuse(op, CodeState, "the shipment is shipped")
	}
	return s.cl.write(ctx, http.MethodDelete, op, "/Shipment/Delete/"+id.String(), nil, nil, nil)
}

// NewShipment is a parcel that left.
type NewShipment struct {
	OrderID ID
	// Reference is the caller's own name of the parcel, unique within the order. It is kept
	// as the shipment's admin comment, which travels in the write that makes the shipment:
	// by it an earlier attempt is found again.
	Reference      string
	TrackingNumber string
	Items          []ShipmentItem // OrderItemID, Quantity and, with several, WarehouseID
	NotifyCustomer bool
}

// Ship makes a shipment and marks it as shipped, in the order that the shop needs: the
// shipment without a date, then its items, then the act that books stock, moves the order's
// status and mails. It is a marked write: called again with the same reference it goes on
// where an earlier attempt ended. Of a pick-up order and of more than is left to ship nothing
// is sent. After a failure in between the outcome is that of the step that failed; call it
// again.
func (s *Shipments) Ship(ctx context.Context, n NewShipment) (Shipment, error) {
	op := "ship order " + n.OrderID.String()
	if err := s.cl.offers(op, Official, true); err != nil {
		return Shipment{}, err
	}
	if n.Reference == "" || len(n.Items) == 0 {
		return Shipment{}, refuse(op, "", "NewShipment needs Reference and Items")
	}
	wanted := map[ID]bool{}
	for _, i := range n.Items {
		if i.OrderItemID <= 0 || i.Quantity <= 0 || wanted[i.OrderItemID] {
			return Shipment{}, refuse(op, "", "an item needs OrderItemID and a positive Quantity, and comes once")
		}
		wanted[i.OrderItemID] = true
	}
	sh, had, err := s.begun(ctx, op, n)
	if err != nil {
		return Shipment{}, before(op, err)
	}
	if sh.ID == 0 {
		if err := s.fits(ctx, op, n); err != nil {
			return Shipment{}, err
		}
		if sh, err = s.make(ctx, op, n); err != nil {
			return Shipment{}, err
		}
	}
	for _, i := range n.Items {
		if q, there := had[i.OrderItemID]; there {
			if q != i.Quantity {
				e := conflict(op, "the shipment of this reference holds another quantity of order item "+i.OrderItemID.String())
				e.Outcome = commerce.NotSent
				return sh, e
			}
			continue
		}
		if err := s.addItem(ctx, op, sh.ID, i); err != nil {
			return sh, err
		}
	}
	return s.cl.Processing.Ship(ctx, sh.ID, n.NotifyCustomer)
}

// begun finds the shipment of an earlier attempt and what is in it.
func (s *Shipments) begun(ctx context.Context, op string, n NewShipment) (Shipment, map[ID]int, error) {
	all, err := s.OfOrder(ctx, n.OrderID)
	if err != nil {
		return Shipment{}, nil, err
	}
	var found Shipment
	for _, sh := range all {
		if sh.AdminComment != n.Reference {
			continue
		}
		if found.ID != 0 {
			return Shipment{}, nil, &commerce.Error{Kind: commerce.KindAmbiguous, System: system, Op: op,
				Text: "shipments " + found.ID.String() + " and " + sh.ID.String() + " have this reference"}
		}
		found = sh
	}
	if found.ID == 0 {
		return found, nil, nil
	}
	rows, err := s.Items(ctx, found.ID)
	had := map[ID]int{}
	for _, i := range rows {
		had[i.OrderItemID] += i.Quantity
	}
	return found, had, err
}

// fits refuses what the order can not ship, before anything is made.
func (s *Shipments) fits(ctx context.Context, op string, n NewShipment) error {
	o, err := s.cl.Orders.Get(ctx, n.OrderID)
	if err != nil {
		return before(op, err)
	}
	switch {
	case o.PickupInStore:
		return refuse(op, CodeState, "the order is picked up in the store; the shop ships no such order")
	case o.Status == OrderCancelled, o.Deleted:
		return refuse(op, CodeState, "the order is cancelled or deleted")
	}
	lines, err := s.cl.Items.List(ctx, n.OrderID)
	if err != nil {
		return before(op, err)
	}
	for _, i := range n.Items {
		if _, err := first(lines, nil, op, func(l OrderItem) bool { return l.ID == i.OrderItemID }); err != nil {
			return refuse(op, CodeState, "order item %d is not of this order", i.OrderItemID)
		}
		var left int
		if err := s.cl.get(ctx, op, "/OrderItem/GetTotalNumberOfItemsCanBeAddedToShipment/"+i.OrderItemID.String(), nil, &left); err != nil {
			return before(op, err)
		}
		if i.Quantity > left {
			return refuse(op, CodeState, "of order item %d %d are left to ship, not %d", i.OrderItemID, left, i.Quantity)
		}
	}
	return nil
}

func (s *Shipments) make(ctx context.Context, op string, n NewShipment) (Shipment, error) {
	row := Shipment{OrderID: n.OrderID, TrackingNumber: n.TrackingNumber, AdminComment: n.Reference, CreatedOn: At(s.cl.c.Now())}
	var made Shipment
	if err := s.cl.write(ctx, http.MethodPost, op, "/Shipment/Create", nil, row, &made); err != nil {
		return Shipment{}, err
	}
	if made.ID <= 0 || made.OrderID != n.OrderID {
		e := wrongRow(op)
		e.Outcome = commerce.Unknown
		return Shipment{}, e
	}
	return made, nil
}

// addItem puts a line into a shipment. The document says that a shipment is returned; it is
// the item (4.60).
func (s *Shipments) addItem(ctx context.Context, op string, shipment ID, i ShipmentItem) error {
	i.ID, i.ShipmentID = 0, shipment
	var made ShipmentItem
	if err := s.cl.write(ctx, http.MethodPost, op, "/ShipmentItem/Create", nil, i, &made); err != nil {
		return err
	}
	if made.ID <= 0 {
		e := wrongRow(op)
		e.Outcome = commerce.Unknown
		return e
	}
	return nil
}
