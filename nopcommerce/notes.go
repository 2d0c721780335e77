package nopcommerce

import (
	"context"
	"net/http"

	"github.com/commercesync/commerce"
)

// Notes are remarks on orders. They can be written and read, and not changed.
type Notes struct{ cl *Client }

// Note is a remark on an order.
type Note struct {
	ID                ID     `json:"id"`
	OrderID           ID     `json:"order_id"`
	Text              string `json:"note"`
	DisplayToCustomer bool   `json:"display_to_customer"`
	DownloadID        ID     `json:"download_id"`
	CreatedOn         Time   `json:"created_on_utc"`

	// Raw is the row as the shop sent it.
	Raw Raw `json:"-"`
}

// UnmarshalJSON keeps the bytes of the row.
func (n *Note) UnmarshalJSON(b []byte) error {
	type row Note
	*n = Note{}
	return n.Raw.keep(b, (*row)(n))
}

// List returns the remarks on an order.
func (s *Notes) List(ctx context.Context, order ID) ([]Note, error) {
	op := "list notes of order " + order.String()
	if err := s.cl.offers(op, Official, false); err != nil {
		return nil, err
	}
	var got []Note
	err := s.cl.get(ctx, op, "/OrderNote/GetOrderNotesByOrderId/"+order.String(), nil, &got)
	return got, err
}

// Add leaves a remark on an order. Its date defaults to Config.Now, since the shop would
// store the year 1. A reference in the text makes the write a marked one: after an unknown
// outcome List finds it, or OrderParams.Note finds the order.
func (s *Notes) Add(ctx context.Context, n Note) (Note, error) {
	op := "add note to order " + n.OrderID.String()
	if err := s.cl.offers(op, Official, true); err != nil {
		return Note{}, err
	}
	if n.OrderID <= 0 || n.Text == "" || n.ID != 0 {
		return Note{}, refuse(op, "", "a note needs OrderID and Text, and no ID")
	}
	if n.CreatedOn.IsZero() {
		n.CreatedOn = At(s.cl.c.Now())
	}
	var made Note
	if err := s.cl.write(ctx, http.MethodPost, op, "/OrderNote/Create", nil, n, &made); err != nil {
		return Note{}, err
	}
	if made.ID <= 0 || made.OrderID != n.OrderID {
		e := wrongRow(op)
		e.Outcome = commerce.Unknown
		return Note{}, e
	}
	return made, nil
}

// Attributes are texts that programs keep beside a row, by key group and key: the place for
// what has no column.
type Attributes struct{ cl *Client }

// Attribute is one text beside a row.
type Attribute struct {
	ID       ID     `json:"id"`
	EntityID ID     `json:"entity_id"`
	KeyGroup string `json:"key_group"` // the name of the row's kind: "Order", "Customer"
	Key      string `json:"key"`
	Value    string `json:"value"`
	StoreID  ID     `json:"store_id"` // 0: all stores
	Changed  Time   `json:"created_or_updated_date_utc"`
}

// List returns the texts beside a row: List(ctx, "Order", 17).
func (s *Attributes) List(ctx context.Context, group string, entity ID) ([]Attribute, error) {
	op := "list attributes of " + group + " " + entity.String()
	if err := s.cl.offers(op, Official, false); err != nil {
		return nil, err
	}
	var got []Attribute
	err := s.cl.get(ctx, op, "/GenericAttribute/GetAttributesForEntity/"+entity.String(), params{{"keyGroup", group}}, &got)
	return got, err
}

// Save sets a text beside a row: EntityID, KeyGroup, Key, Value and StoreID are used. It is
// a guarded write: saving the same text twice leaves one. An empty value is refused, since
// the shop deletes the attribute then.
func (s *Attributes) Save(ctx context.Context, a Attribute) error {
	op := "save attribute of " + a.KeyGroup + " " + a.EntityID.String()
	if err := s.cl.offers(op, Official, true); err != nil {
		return err
	}
	if a.EntityID <= 0 || a.KeyGroup == "" || a.Key == "" || a.Value == "" {
		return refuse(op, "", "an attribute needs EntityID, KeyGroup, Key and Value")
	}
	return s.cl.write(ctx, http.MethodPost, op, "/GenericAttribute/SaveAttribute/"+a.StoreID.String()+"/"+a.EntityID.String(),
		params{{"entityTypeName", a.KeyGroup}, {"key", a.Key}, {"value", a.Value}}, nil, nil)
}
