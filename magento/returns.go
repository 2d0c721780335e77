package magento

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/commercesync/commerce"
)

// CodeNotOffered: the shop's edition lacks the resource. Returns are Adobe Commerce's,
// and Adobe Commerce as a Cloud Service has fewer routes than the others.
const CodeNotOffered = "not_offered"

// Returns are requests of buyers to send goods back (RMA), which Adobe Commerce has.
// On Magento Open Source every call is an error of kind invalid with code
// [CodeNotOffered] (2.4.6-p1, REC returns-on-open-source); [Returns.Offered] asks first. The shapes are
// those of the published schema of 2.4.8; no answer was recorded (2026-11).
type Returns struct{ cl *Client }

// Return is a request to send goods back.
type Return struct {
	EntityID            ID              `json:"entity_id"` // 0: a new one
	IncrementID         string          `json:"increment_id"`
	OrderID             ID              `json:"order_id"`
	OrderIncrementID    string          `json:"order_increment_id"`
	StoreID             ID              `json:"store_id"`
	CustomerID          ID              `json:"customer_id"`
	DateRequested       Time            `json:"date_requested"`
	CustomerCustomEmail string          `json:"customer_custom_email"`
	Status              string          `json:"status"` // "pending", "authorized", "received", "processed_closed" …
	Items               []ReturnItem    `json:"items"`
	Comments            []ReturnComment `json:"comments"`
	Tracks              []ReturnTrack   `json:"tracks"`
}

// ReturnItem is a row of a return. The four quantities are the steps of its way.
type ReturnItem struct {
	EntityID      ID     `json:"entity_id"`
	ReturnID      ID     `json:"rma_entity_id"`
	OrderItemID   ID     `json:"order_item_id"`
	QtyRequested  Number `json:"qty_requested"`
	QtyAuthorized Number `json:"qty_authorized"`
	QtyApproved   Number `json:"qty_approved"`
	QtyReturned   Number `json:"qty_returned"`
	Reason        string `json:"reason"`     // id of an option, see [Returns.Attributes]
	Condition     string `json:"condition"`  // id of an option
	Resolution    string `json:"resolution"` // id of an option
	Status        string `json:"status"`
}

// ReturnComment is a remark on a return.
type ReturnComment struct {
	EntityID         ID     `json:"entity_id"`
	ReturnID         ID     `json:"rma_entity_id"`
	Comment          string `json:"comment"`
	CreatedAt        Time   `json:"created_at"`
	CustomerNotified Flag   `json:"customer_notified"`
	VisibleOnFront   Flag   `json:"visible_on_front"`
	Status           string `json:"status"`
	Admin            Flag   `json:"admin"` // by the shop, not by the buyer
}

// ReturnTrack is a parcel of a return.
type ReturnTrack struct {
	EntityID     ID     `json:"entity_id"`
	ReturnID     ID     `json:"rma_entity_id"`
	TrackNumber  string `json:"track_number"`
	CarrierTitle string `json:"carrier_title"`
	CarrierCode  string `json:"carrier_code"`
}

// ReturnAttribute says which values a field of a return's rows may take.
type ReturnAttribute struct {
	Code    string         `json:"attribute_code"` // "reason", "condition", "resolution"
	Label   string         `json:"frontend_label"`
	Options []ReturnOption `json:"options"`
}

// ReturnOption is a value that a row names by its id.
type ReturnOption struct {
	ID    string `json:"value"`
	Label string `json:"label"`
}

var returns = listing[Return]{
	op: "list returns", path: "/returns", id: "entity_id",
	key: func(r Return) (ID, time.Time) { return r.EntityID, time.Time{} },
}

// Offered reports whether the shop has returns, by the names of its modules.
func (s *Returns) Offered(ctx context.Context) (bool, error) {
	modules, err := s.cl.Stores.Modules(ctx)
	for _, m := range modules {
		if m == "Magento_Rma" {
			return true, nil
		}
	}
	return false, err
}

// Get reads a return, or only some fields of it.
func (s *Returns) Get(ctx context.Context, id ID, fields ...string) (Return, error) {
	r, err := returns.one(ctx, s.cl, "return", "/returns/", id, fields)
	return r, notOffered(err)
}

// List yields returns by id; filter order_id for those of an order. They have no
// updated_at, so the bounds of p stay empty.
func (s *Returns) List(ctx context.Context, p ListParams) iter.Seq2[Return, error] {
	return func(yield func(Return, error) bool) {
		for r, err := range returns.walk(ctx, s.cl, p) {
			if !yield(r, notOffered(err)) {
				return
			}
		}
	}
}

// Create makes a return of an order and returns it as the shop keeps it. It needs the
// OrderID and rows with their OrderItemID, QtyRequested, Reason, Condition and
// Resolution. Sent twice it is there twice:
// after an unknown outcome list the order's returns.
func (s *Returns) Create(ctx context.Context, r Return) (Return, error) {
	const op = "create return"
	switch {
	case r.EntityID != 0:
		return Return{}, refuse(op, "", "Return.EntityID is set; use Save")
	case r.OrderID == 0 || len(r.Items) == 0:
		return Return{}, refuse(op, "", "Return.OrderID or Return.Items is missing")
	}
	return s.write(ctx, op, s.cl.post, "/returns", r)
}

// Save writes a return as a whole, to authorise, approve or close it: take it from
// [Returns.Get], change it and give it back. Somebody who changes it in between is
// overwritten.
func (s *Returns) Save(ctx context.Context, r Return) (Return, error) {
	op := "save return " + r.EntityID.String()
	if r.EntityID == 0 {
		return Return{}, refuse(op, "", "Return.EntityID is missing; use Create")
	}
	return s.write(ctx, op, s.cl.put, "/returns/"+r.EntityID.String(), r)
}

func (s *Returns) write(ctx context.Context, op string, send func(ctx context.Context, op, path string, body, into any) error, path string, r Return) (Return, error) {
	rows := make([]ReturnItem, len(r.Items))
	for n, row := range r.Items {
		for _, q := range []*Number{&row.QtyRequested, &row.QtyAuthorized, &row.QtyApproved, &row.QtyReturned} {
			d, err := q.Decimal()
			if err != nil {
				return Return{}, refuse(op, "", "row %d: %w", n, err)
			}
			*q = Number(d.String()) // the schema has whole numbers, and answers may say 1.0000
		}
		rows[n] = row
	}
	r.Items = rows
	type toWrite struct {
		EntityID            ID              `json:"entity_id,omitempty"`
		IncrementID         string          `json:"increment_id,omitempty"`
		OrderID             ID              `json:"order_id"`
		OrderIncrementID    string          `json:"order_increment_id,omitempty"`
		StoreID             ID              `json:"store_id,omitempty"`
		CustomerID          ID              `json:"customer_id,omitempty"`
		DateRequested       Time            `json:"date_requested,omitzero"`
		CustomerCustomEmail string          `json:"customer_custom_email,omitempty"`
		Status              string          `json:"status,omitempty"`
		Items               []ReturnItem    `json:"items"`
		Comments            []ReturnComment `json:"comments,omitempty"`
		Tracks              []ReturnTrack   `json:"tracks,omitempty"`
	}
	var got Return
	err := send(ctx, op, path, map[string]toWrite{"rmaDataObject": toWrite(r)}, &got)
	return got, notOffered(err)
}

// Comments returns the remarks on a return, oldest first.
func (s *Returns) Comments(ctx context.Context, id ID) ([]ReturnComment, error) {
	got, _, err := rows[ReturnComment](ctx, s.cl, "list comments of return "+id.String(), "/returns/"+id.String()+"/comments", nil)
	return got, notOffered(err)
}

// Comment leaves a remark of the shop on a return. It sends the present status with it,
// so that the remark moves nothing.
func (s *Returns) Comment(ctx context.Context, id ID, c Remark) error {
	op := "comment on return " + id.String()
	r, err := s.Get(ctx, id)
	if err != nil {
		return before(op, err)
	}
	type data struct {
		ReturnID         ID     `json:"rma_entity_id"`
		Comment          string `json:"comment"`
		CustomerNotified bool   `json:"customer_notified"`
		VisibleOnFront   bool   `json:"visible_on_front"`
		Status           string `json:"status"`
		Admin            bool   `json:"admin"`
	}
	return s.yes(ctx, op, "/returns/"+id.String()+"/comments", map[string]data{"data": {id, c.Text, c.Notify, c.Visible, r.Status, true}})
}

// Tracks returns the parcels of a return.
func (s *Returns) Tracks(ctx context.Context, id ID) ([]ReturnTrack, error) {
	got, _, err := rows[ReturnTrack](ctx, s.cl, "list tracks of return "+id.String(), "/returns/"+id.String()+"/tracking-numbers", nil)
	return got, notOffered(err)
}

// AddTrack adds a parcel to a return. Sent twice it is there twice.
func (s *Returns) AddTrack(ctx context.Context, id ID, t NewTrack) error {
	type track struct {
		ReturnID     ID     `json:"rma_entity_id"`
		TrackNumber  string `json:"track_number"`
		CarrierTitle string `json:"carrier_title"`
		CarrierCode  string `json:"carrier_code"`
	}
	return s.yes(ctx, "add track to return "+id.String(), "/returns/"+id.String()+"/tracking-numbers",
		map[string]track{"track": {id, t.TrackNumber, t.Title, t.CarrierCode}})
}

// yes sends a write that answers true.
func (s *Returns) yes(ctx context.Context, op, path string, body any) error {
	return notOffered(s.cl.yes(ctx, op, path, "", body))
}

// Attributes returns which reasons, conditions and resolutions the shop knows.
func (s *Returns) Attributes(ctx context.Context) ([]ReturnAttribute, error) {
	var out []ReturnAttribute
	err := s.cl.read(ctx, "list attributes of returns", "/returnsAttributeMetadata", nil, &out)
	return out, notOffered(err)
}

// notOffered names the edition where there is no such route.
func notOffered(err error) error {
	var e *commerce.Error
	if errors.As(err, &e) && e.Code == CodeNoRoute {
		named := *e
		named.Code, named.Text = CodeNotOffered, "the shop has no returns: they are part of Adobe Commerce"
		return &named
	}
	return err
}
