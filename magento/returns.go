package magento

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/commercesync/commerce"
)

// CodeNotOffered: the shop's edition lacks the resource. Returns are Adobe Commerce's.
const CodeNotOffered = "not_offered"

// Returns reads requests of buyers to send goods back (RMA), which Adobe Commerce has.
// On Magento Open Source every call is an error of kind invalid with code
// [CodeNotOffered]. The shapes are those of the published schema of 2.4.8; no answer
// was recorded (2026-11).
type Returns struct{ cl *Client }

// Return is a request to send goods back.
type Return struct {
	EntityID         ID           `json:"entity_id"`
	IncrementID      string       `json:"increment_id"`
	OrderID          ID           `json:"order_id"`
	OrderIncrementID string       `json:"order_increment_id"`
	StoreID          ID           `json:"store_id"`
	CustomerID       ID           `json:"customer_id"`
	DateRequested    Time         `json:"date_requested"`
	Status           string       `json:"status"`
	Items            []ReturnItem `json:"items"`
}

// ReturnItem is a row of a return. The four quantities are the steps of its way.
type ReturnItem struct {
	EntityID      ID     `json:"entity_id"`
	OrderItemID   ID     `json:"order_item_id"`
	QtyRequested  Number `json:"qty_requested"`
	QtyAuthorized Number `json:"qty_authorized"`
	QtyApproved   Number `json:"qty_approved"`
	QtyReturned   Number `json:"qty_returned"`
	Reason        string `json:"reason"`     // id of an option
	Condition     string `json:"condition"`  // id of an option
	Resolution    string `json:"resolution"` // id of an option
	Status        string `json:"status"`
}

// ReturnTrack is a parcel of a return.
type ReturnTrack struct {
	EntityID     ID     `json:"entity_id"`
	ReturnID     ID     `json:"rma_entity_id"`
	TrackNumber  string `json:"track_number"`
	CarrierTitle string `json:"carrier_title"`
	CarrierCode  string `json:"carrier_code"`
}

var returns = listing[Return]{
	op: "list returns", path: "/returns", id: "entity_id",
	key: func(r Return) (ID, time.Time) { return r.EntityID, time.Time{} },
}

// Get reads a return.
func (s *Returns) Get(ctx context.Context, id ID) (Return, error) {
	var r Return
	err := s.cl.read(ctx, "get return "+id.String(), "/returns/"+id.String(), nil, &r)
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

// Tracks returns the parcels of a return.
func (s *Returns) Tracks(ctx context.Context, id ID) ([]ReturnTrack, error) {
	var got page[ReturnTrack]
	err := s.cl.read(ctx, "list tracks of return "+id.String(), "/returns/"+id.String()+"/tracking-numbers", nil, &got)
	return got.Items, notOffered(err)
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
