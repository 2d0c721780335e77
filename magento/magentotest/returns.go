package magentotest

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// rma is a buyer's request to send goods back, which Adobe Commerce has. No answer was
// recorded: shapes are those of the published schema of 2.4.8.
type rma struct {
	id        int64
	number    string
	order     *order
	requested time.Time
	email     string
	status    string
	rows      []*rmaRow
	remarks   []obj
	tracks    []obj
}

type rmaRow struct {
	id                                        int64
	item                                      *item
	requested, authorized, approved, returned dec
	reason, condition, resolution, status     string // ids of options, and a status
}

// rmaSteps are the way of a row, each with a quantity of its own; rmaFinal end it.
var rmaSteps = []string{"pending", "authorized", "received", "approved"}
var rmaFinal = []string{"approved", "rejected", "denied"}

func (x *rma) render() obj {
	rows := make([]any, len(x.rows))
	for n, r := range x.rows {
		row := obj{"entity_id": r.id, "rma_entity_id": x.id, "order_item_id": r.item.id, "qty_requested": r.requested, "qty_authorized": nil,
			"qty_returned": nil, "qty_approved": nil, "reason": r.reason, "condition": r.condition, "resolution": r.resolution, "status": r.status}
		for name, q := range map[string]dec{"qty_authorized": r.authorized, "qty_returned": r.returned, "qty_approved": r.approved} {
			if q != 0 {
				row[name] = q
			}
		}
		rows[n] = row
	}
	out := obj{"entity_id": x.id, "increment_id": x.number, "order_id": x.order.id, "order_increment_id": x.order.number, "store_id": x.order.store.ID,
		"date_requested": stamp(x.requested), "customer_custom_email": x.email, "status": x.status,
		"items": rows, "comments": orEmpty(anys(x.remarks)), "tracks": orEmpty(anys(x.tracks))}
	if id, ok := x.order.plain["customer_id"]; ok {
		out["customer_id"] = id
	}
	return out
}

func anys(l []obj) (out []any) {
	for _, v := range l {
		out = append(out, v)
	}
	return out
}

func rmaColumn(x *rma, name string) (any, bool) {
	if x == nil {
		x = &rma{order: &order{}}
	}
	switch name {
	case "entity_id":
		return number(x.id), true
	case "increment_id":
		return x.number, true
	case "order_id":
		return number(x.order.id), true
	case "order_increment_id":
		return x.order.number, true
	case "store_id":
		return number(x.order.store.ID), true
	case "customer_id":
		if id, ok := x.order.plain["customer_id"].(int64); ok {
			return number(id), true
		}
		return nil, true
	case "date_requested":
		return stamp(x.requested), true
	case "status":
		return x.status, true
	}
	return nil, false
}

func (s *Shop) serveReturns(r *request) (any, *failure) {
	return list(s, r, s.returns, rmaColumn, func(x *rma) any { return x.render() })
}

func (s *Shop) rma(id int64) (*rma, *failure) {
	for _, x := range s.returns {
		if x.id == id {
			return x, nil
		}
	}
	return nil, errNotFound
}

func (s *Shop) serveReturn(r *request) (any, *failure) {
	x, f := s.rma(r.id)
	if f != nil {
		return nil, f
	}
	return x.render(), nil
}

func (s *Shop) serveReturnDelete(r *request) (any, *failure) {
	x, f := s.rma(r.id)
	if f != nil {
		return nil, f
	}
	s.returns = slices.DeleteFunc(s.returns, func(y *rma) bool { return y == x })
	return true, nil
}

type rmaIn struct {
	ID      dec `json:"entity_id"`
	OrderID dec `json:"order_id"`
	Items   []struct {
		ID          dec    `json:"entity_id"`
		OrderItemID dec    `json:"order_item_id"`
		Requested   *dec   `json:"qty_requested"`
		Authorized  *dec   `json:"qty_authorized"`
		Approved    *dec   `json:"qty_approved"`
		Returned    *dec   `json:"qty_returned"`
		Reason      string `json:"reason"`
		Condition   string `json:"condition"`
		Resolution  string `json:"resolution"`
		Status      string `json:"status"`
		RMA         any    `json:"rma_entity_id"`
		Extension   any    `json:"extension_attributes"`
	} `json:"items"`
	Email  *string `json:"customer_custom_email"`
	Status string  `json:"status"`

	// Known and computed.
	IncrementID  any `json:"increment_id"`
	OrderNumber  any `json:"order_increment_id"`
	StoreID      any `json:"store_id"`
	CustomerID   any `json:"customer_id"`
	Requested    any `json:"date_requested"`
	Comments     any `json:"comments"`
	Tracks       any `json:"tracks"`
	Extension    any `json:"extension_attributes"`
	CustomValues any `json:"custom_attributes"`
}

// serveReturnSave asks for a return, or moves the rows of one along their way.
func (s *Shop) serveReturnSave(r *request) (any, *failure) {
	if f := r.needs("rmaDataObject"); f != nil {
		return nil, f
	}
	var body struct {
		RMA rmaIn `json:"rma_data_object"`
	}
	if f := r.into(s, &body); f != nil {
		return nil, f
	}
	in := body.RMA
	if r.id == 0 && in.ID == 0 {
		return s.askReturn(in)
	}
	x, f := s.rma(cmp.Or(r.id, int64(in.ID/one)))
	if f != nil {
		return nil, f
	}
	if x.status == "closed" || x.status == "processed_closed" {
		return nil, invalid("We can't save this RMA. It is closed.")
	}
	rows := make([]rmaRow, len(x.rows)) // nothing is kept of a request that is refused
	for n, row := range x.rows {
		rows[n] = *row
	}
	for _, i := range in.Items {
		at := slices.IndexFunc(x.rows, func(row *rmaRow) bool {
			return row.id == int64(i.ID/one) || i.ID == 0 && row.item.id == int64(i.OrderItemID/one)
		})
		if at < 0 {
			return nil, errNotFound
		}
		row := &rows[at]
		for into, v := range map[*dec]*dec{&row.requested: i.Requested, &row.authorized: i.Authorized, &row.returned: i.Returned, &row.approved: i.Approved} {
			if v != nil {
				*into = *v
			}
		}
		for into, v := range map[*string]string{&row.reason: i.Reason, &row.condition: i.Condition, &row.resolution: i.Resolution, &row.status: i.Status} {
			if v != "" {
				*into = v
			}
		}
		if f := row.check(); f != nil {
			return nil, f
		}
	}
	for n := range rows {
		*x.rows[n] = rows[n]
	}
	if in.Email != nil {
		x.email = *in.Email
	}
	if x.status = x.combined(); in.Status == "closed" {
		x.status = "closed"
	}
	return x.render(), nil
}

// check refuses a row that returns more than was authorised, or whose status lacks its
// quantity.
func (r *rmaRow) check() *failure {
	if r.authorized > r.requested || r.returned > r.authorized || r.approved > r.returned {
		return invalid(`There is an error in quantities for item %1.`, r.item.plain["name"])
	}
	at := slices.Index(rmaSteps, r.status)
	if at < 0 && !slices.Contains(rmaFinal, r.status) {
		return invalid("The status of item %1 is invalid.", r.item.plain["name"])
	}
	for n, q := range []dec{r.requested, r.authorized, r.returned, r.approved} {
		if n <= at && q <= 0 {
			return invalid(`There is an error in quantities for item %1.`, r.item.plain["name"])
		}
	}
	return nil
}

// combined is the status of a return, from those of its rows.
func (x *rma) combined() string {
	all := func(states ...string) bool {
		return !slices.ContainsFunc(x.rows, func(r *rmaRow) bool { return !slices.Contains(states, r.status) })
	}
	some := func(state string) bool {
		return slices.ContainsFunc(x.rows, func(r *rmaRow) bool { return r.status == state })
	}
	switch {
	case all("denied"):
		return "closed"
	case all(rmaFinal...):
		return "processed_closed"
	case some("approved"):
		return "approved_on_item"
	case some("rejected"):
		return "rejected_on_item"
	case some("received"):
		if all("received", "denied") {
			return "received"
		}
		return "received_on_item"
	case some("authorized"):
		if all("authorized", "denied") {
			return "authorized"
		}
		return "partial_authorized"
	}
	return "pending"
}

// askReturn makes a return: of rows that were shipped, and no more of them than was not
// asked back before.
func (s *Shop) askReturn(in rmaIn) (any, *failure) {
	o := s.order(int64(in.OrderID / one))
	if o == nil {
		return nil, errNotFound
	}
	if len(in.Items) == 0 {
		return nil, invalid("You need to choose items to return.")
	}
	x := &rma{order: o, requested: s.now(), status: "pending", email: text(o.plain["customer_email"])}
	if in.Email != nil {
		x.email = *in.Email
	}
	for _, i := range in.Items {
		at := slices.IndexFunc(o.items, func(row *item) bool { return row.id == int64(i.OrderItemID/one) })
		if at < 0 || i.Requested == nil || *i.Requested <= 0 {
			return nil, invalid("You need to choose items to return.")
		}
		row := o.items[at]
		left := row.shipped
		for _, other := range append(slices.Clone(s.returns), x) {
			for _, r := range other.rows {
				if r.item == row && r.status != "denied" && r.status != "rejected" && other.status != "closed" {
					left -= r.requested
				}
			}
		}
		if *i.Requested > left {
			return nil, invalid("A quantity of %1 is greater than you can return.", row.plain["name"])
		}
		x.rows = append(x.rows, &rmaRow{item: row, requested: *i.Requested, status: "pending", reason: i.Reason, condition: i.Condition, resolution: i.Resolution})
	}
	x.id, x.number = s.next("rma"), s.nextNumber("rma", o.store)
	for _, row := range x.rows {
		row.id = s.next("rma_item")
	}
	s.returns = append(s.returns, x)
	return x.render(), nil
}

// all is a list that nobody can filter, in the shape of one.
func all(items []obj) obj {
	return obj{"items": orEmpty(anys(items)), "search_criteria": obj{"filter_groups": []any{}}, "total_count": len(items)}
}

func (s *Shop) serveReturnComments(r *request) (any, *failure) {
	x, f := s.rma(r.id)
	if f != nil {
		return nil, f
	}
	return all(x.remarks), nil
}

func (s *Shop) serveReturnComment(r *request) (any, *failure) {
	x, f := s.rma(r.id)
	if f == nil {
		f = r.needs("data")
	}
	if f != nil {
		return nil, f
	}
	var in struct {
		Data struct {
			Comment  string `json:"comment"`
			Notified bool   `json:"customer_notified"`
			Visible  bool   `json:"visible_on_front"`
			Admin    bool   `json:"admin"`

			Status    any `json:"status"`
			ID        any `json:"entity_id"`
			RMA       any `json:"rma_entity_id"`
			CreatedAt any `json:"created_at"`
			Extension any `json:"extension_attributes"`
			Custom    any `json:"custom_attributes"`
		} `json:"data"`
	}
	if f := r.into(s, &in); f != nil {
		return nil, f
	}
	if strings.TrimSpace(in.Data.Comment) == "" {
		return nil, invalid("Please enter a valid message.")
	}
	x.remarks = append(x.remarks, obj{"entity_id": s.next("rma_comment"), "rma_entity_id": x.id, "comment": in.Data.Comment, "created_at": stamp(s.now()),
		"customer_notified": in.Data.Notified, "visible_on_front": in.Data.Visible, "admin": in.Data.Admin, "status": x.status})
	return true, nil
}

func (s *Shop) serveReturnTracks(r *request) (any, *failure) {
	x, f := s.rma(r.id)
	if f != nil {
		return nil, f
	}
	return all(x.tracks), nil
}

func (s *Shop) serveReturnTrack(r *request) (any, *failure) {
	x, f := s.rma(r.id)
	if f == nil {
		f = r.needs("track")
	}
	if f != nil {
		return nil, f
	}
	var in struct {
		Track struct {
			Number string `json:"track_number"`
			Title  string `json:"carrier_title"`
			Code   string `json:"carrier_code"`

			ID        any `json:"entity_id"`
			RMA       any `json:"rma_entity_id"`
			Extension any `json:"extension_attributes"`
		} `json:"track"`
	}
	if f := r.into(s, &in); f != nil {
		return nil, f
	}
	x.tracks = append(x.tracks, obj{"entity_id": s.next("rma_track"), "rma_entity_id": x.id, "track_number": in.Track.Number,
		"carrier_title": in.Track.Title, "carrier_code": in.Track.Code})
	return true, nil
}

func (s *Shop) serveReturnTrackDelete(r *request) (any, *failure) {
	x, f := s.rma(r.id)
	if f != nil {
		return nil, f
	}
	kept := slices.DeleteFunc(slices.Clone(x.tracks), func(t obj) bool { return t["entity_id"] == r.last })
	if len(kept) == len(x.tracks) {
		return nil, errNotFound
	}
	x.tracks = kept
	return true, nil
}

// serveReturnLabels answers the label of a parcel, a PDF in base64: an empty one here.
func (s *Shop) serveReturnLabels(r *request) (any, *failure) {
	if _, f := s.rma(r.id); f != nil {
		return nil, f
	}
	return "JVBERi0xLjQKJSVFT0YK", nil
}

// serveReturnAttributes answers what a row of a return says besides quantities, with
// the options of a new shop.
func (s *Shop) serveReturnAttributes(*request) (any, *failure) {
	next, out := 0, []any{}
	for _, a := range []struct {
		code, label string
		options     []string
	}{
		{"resolution", "Resolution", []string{"Exchange", "Refund", "Store Credit"}},
		{"condition", "Item Condition", []string{"Unopened", "Opened", "Damaged"}},
		{"reason", "Reason to Return", []string{"Wrong Color", "Wrong Size", "Out of Service", "Other"}},
	} {
		options := []any{obj{"label": " ", "value": ""}}
		for _, label := range a.options {
			next++
			options = append(options, obj{"label": label, "value": number(int64(next)).String()})
		}
		out = append(out, obj{"frontend_input": "select", "attribute_code": a.code, "frontend_label": a.label, "store_label": a.label,
			"required": true, "visible": true, "user_defined": false, "system": true, "sort_order": 0, "options": options})
	}
	return out, nil
}
