package nopcommerce

import (
	"context"
	"iter"
	"time"
)

// Activities reads the shop's activity log: what administrators edit by hand and what
// buyers order, order by order. Payment plugins and this API leave no line in it, and an
// administrator may switch kinds of lines off or clear the log, so that it only hints.
type Activities struct{ cl *Client }

// Activity is a line of the log. Its comment is left out: it may name people.
type Activity struct {
	ID         ID     `json:"id"`
	TypeID     ID     `json:"activity_log_type_id"` // differs from shop to shop
	EntityID   ID     `json:"entity_id"`
	EntityName string `json:"entity_name"` // "Order"
	CustomerID ID     `json:"customer_id"` // who did it
	CreatedOn  Time   `json:"created_on_utc"`
}

// ActivityParams says which lines a list yields. Zero fields mean any.
type ActivityParams struct {
	CreatedFrom, CreatedTo time.Time // both included
	EntityName             string
	EntityID               ID
}

// List yields lines, newest first.
func (s *Activities) List(ctx context.Context, p ActivityParams) iter.Seq2[Activity, error] {
	return newestFirst(ctx, s.cl, "list activities", "/ActivityLog/GetAll", params{{"createdOnFrom", moment(p.CreatedFrom)},
		{"entityName", p.EntityName}, {"entityId", number(p.EntityID)}}, "createdOnTo", p.CreatedTo,
		func(a Activity) (ID, time.Time) { return a.ID, a.CreatedOn.Time })
}
