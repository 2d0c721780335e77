package nopcommerce

import (
	"context"
	"iter"
	"time"
)

// Returns reads and writes return requests. One is a ticket about one line of an order:
// [Orders.ByItem] finds the order, and no money or stock moves with it.
type Returns struct{ cl *Client }

// ReturnRequest is a buyer's wish to send something back.
type ReturnRequest struct {
	ID               ID           `json:"id"`
	CustomNumber     string       `json:"custom_number"` // what people see
	StoreID          ID           `json:"store_id"`
	OrderItemID      ID           `json:"order_item_id"`
	CustomerID       ID           `json:"customer_id"`
	Quantity         int          `json:"quantity"`
	ReturnedQuantity int          `json:"returned_quantity,omitempty"` // since 4.90
	Reason           string       `json:"reason_for_return"`
	Action           string       `json:"requested_action"`
	CustomerComments string       `json:"customer_comments"`
	UploadedFileID   ID           `json:"uploaded_file_id"`
	StaffNotes       string       `json:"staff_notes"`
	Status           ReturnStatus `json:"return_request_status_id"`
	CreatedOn        Time         `json:"created_on_utc"`
	UpdatedOn        Time         `json:"updated_on_utc"`

	// Raw is the row as the shop sent it.
	Raw Raw `json:"-"`
}

// UnmarshalJSON keeps the bytes of the row.
func (r *ReturnRequest) UnmarshalJSON(b []byte) error {
	type row ReturnRequest
	*r = ReturnRequest{}
	return r.Raw.keep(b, (*row)(r))
}

var returns = table[ReturnRequest]{
	what: "return request", get: "/ReturnRequest/GetById/", put: "/ReturnRequest/Update", touch: "updated_on_utc",
	raw: func(r *ReturnRequest) *Raw { return &r.Raw }, id: func(r *ReturnRequest) ID { return r.ID },
}

// Get reads a return request by its id.
func (s *Returns) Get(ctx context.Context, id ID) (ReturnRequest, error) {
	if err := s.cl.offers("get return request "+id.String(), Official, false); err != nil {
		return ReturnRequest{}, err
	}
	return returns.one(ctx, s.cl, id)
}

// ReturnParams says which return requests a list yields. Zero fields mean any.
type ReturnParams struct {
	CreatedFrom, CreatedTo time.Time // both included; there is no filter on updated_on_utc
	StoreID                ID
	CustomerID             ID
	OrderItemID            ID
	CustomNumber           string
	Status                 *ReturnStatus // nil: any, as zero is one of them
}

// List yields return requests, newest first.
func (s *Returns) List(ctx context.Context, p ReturnParams) iter.Seq2[ReturnRequest, error] {
	q := params{{"storeId", number(p.StoreID)}, {"customerId", number(p.CustomerID)}, {"orderItemId", number(p.OrderItemID)},
		{"customNumber", p.CustomNumber}, {"createdFromUtc", moment(p.CreatedFrom)}}
	if p.Status != nil {
		q = append(q, param{"rs", p.Status.String()})
	}
	return newestFirst(ctx, s.cl, "list return requests", "/ReturnRequest/Search", q, "createdToUtc", p.CreatedTo,
		func(r ReturnRequest) (ID, time.Time) { return r.ID, r.CreatedOn.Time })
}

// Create inserts a return request.
func (s *Returns) Create(ctx context.Context, r ReturnRequest) (ReturnRequest, error) {
	if r.CreatedOn.IsZero() {
		r.CreatedOn = At(s.cl.c.Now())
	}
	if r.UpdatedOn.IsZero() {
		r.UpdatedOn = r.CreatedOn
	}
	return returns.create(ctx, s.cl, "/ReturnRequest/Create", r)
}

// Update writes what the caller changed in a return request, as [Orders.Update] does, and
// sets updated_on_utc.
func (s *Returns) Update(ctx context.Context, r ReturnRequest) (ReturnRequest, error) {
	return returns.update(ctx, s.cl, r)
}

// Named is a reason or an action that buyers choose from.
type Named struct {
	ID           ID     `json:"id"`
	Name         string `json:"name"`
	DisplayOrder int    `json:"display_order"`
}

// Reasons returns the reasons that buyers choose from.
func (s *Returns) Reasons(ctx context.Context) ([]Named, error) {
	return s.named(ctx, "list return reasons", "/ReturnRequestReason/GetAll")
}

// Actions returns the actions that buyers choose from.
func (s *Returns) Actions(ctx context.Context) ([]Named, error) {
	return s.named(ctx, "list return actions", "/ReturnRequestAction/GetAll")
}

func (s *Returns) named(ctx context.Context, op, path string) ([]Named, error) {
	if err := s.cl.offers(op, Official, false); err != nil {
		return nil, err
	}
	var got []Named
	err := s.cl.get(ctx, op, path, nil, &got)
	return got, err
}
