package magento

import (
	"context"
	"iter"
	"time"
)

// Invoices reads invoices. [Orders.Invoice] makes them.
type Invoices struct{ cl *Client }

var invoices = listing[Invoice]{
	op: "list invoices", path: "/invoices", id: "entity_id", dated: true,
	key: func(i Invoice) (ID, time.Time) { return i.EntityID, i.UpdatedAt.Time },
}

// Get reads an invoice with its comments.
func (s *Invoices) Get(ctx context.Context, id ID) (Invoice, error) {
	var i Invoice
	err := s.cl.read(ctx, "get invoice "+id.String(), "/invoices/"+id.String(), nil, &i)
	return i, err
}

// List yields invoices, oldest change first; filter order_id for those of an order.
func (s *Invoices) List(ctx context.Context, p ListParams) iter.Seq2[Invoice, error] {
	return invoices.walk(ctx, s.cl, p)
}

// Shipments reads shipments and adds tracks. [Orders.Ship] makes them. A shipment
// that does not complete its order does not move the order's updated_at: poll
// shipments besides orders.
type Shipments struct{ cl *Client }

var shipments = listing[Shipment]{
	op: "list shipments", path: "/shipments", id: "entity_id", dated: true,
	key: func(s Shipment) (ID, time.Time) { return s.EntityID, s.UpdatedAt.Time },
}

// Get reads a shipment with its tracks and comments.
func (s *Shipments) Get(ctx context.Context, id ID) (Shipment, error) {
	var sh Shipment
	err := s.cl.read(ctx, "get shipment "+id.String(), "/shipment/"+id.String(), nil, &sh)
	return sh, err
}

// List yields shipments, oldest change first; filter order_id for those of an order.
func (s *Shipments) List(ctx context.Context, p ListParams) iter.Seq2[Shipment, error] {
	return shipments.walk(ctx, s.cl, p)
}

// TrackParams is a parcel to be added to a shipment.
type TrackParams struct {
	OrderID    ID
	ShipmentID ID
	NewTrack
	Weight      Number // defaults to 0
	Qty         Number // defaults to 0
	Description string
}

// AddTrack adds a parcel to a shipment. Sent twice it is there twice. A shipment that
// does not exist is an error of kind invalid.
func (s *Shipments) AddTrack(ctx context.Context, p TrackParams) (Track, error) {
	type entity struct {
		OrderID     ID     `json:"order_id"`
		ParentID    ID     `json:"parent_id"`
		Weight      Number `json:"weight"`
		Qty         Number `json:"qty"`
		Description string `json:"description"`
		NewTrack
	}
	e := entity{p.OrderID, p.ShipmentID, p.Weight, p.Qty, p.Description, p.NewTrack}
	if e.Weight == "" {
		e.Weight = "0"
	}
	if e.Qty == "" {
		e.Qty = "0"
	}
	var t Track
	err := s.cl.post(ctx, "add track to shipment "+p.ShipmentID.String(), "/shipment/track", map[string]entity{"entity": e}, &t)
	return t, err
}

// CreditMemos reads credit memos. [Orders.Refund] and [Invoices.Refund] make them.
type CreditMemos struct{ cl *Client }

var creditMemos = listing[CreditMemo]{
	op: "list credit memos", path: "/creditmemos", id: "entity_id", dated: true,
	key: func(m CreditMemo) (ID, time.Time) { return m.EntityID, m.UpdatedAt.Time },
}

// Get reads a credit memo with its comments.
func (s *CreditMemos) Get(ctx context.Context, id ID) (CreditMemo, error) {
	var m CreditMemo
	err := s.cl.read(ctx, "get credit memo "+id.String(), "/creditmemo/"+id.String(), nil, &m)
	return m, err
}

// List yields credit memos, oldest change first; filter order_id for those of an
// order.
func (s *CreditMemos) List(ctx context.Context, p ListParams) iter.Seq2[CreditMemo, error] {
	return creditMemos.walk(ctx, s.cl, p)
}

// Transactions reads what payment gateways did. They can not be written.
type Transactions struct{ cl *Client }

var transactions = listing[Transaction]{
	op: "list transactions", path: "/transactions", id: "transaction_id",
	key: func(t Transaction) (ID, time.Time) { return t.TransactionID, time.Time{} },
}

// Get reads a transaction by the id of its row.
func (s *Transactions) Get(ctx context.Context, id ID) (Transaction, error) {
	var t Transaction
	err := s.cl.read(ctx, "get transaction "+id.String(), "/transactions/"+id.String(), nil, &t)
	return t, err
}

// List yields transactions by id; filter order_id or txn_id. They have no updated_at,
// so the bounds of p stay empty.
func (s *Transactions) List(ctx context.Context, p ListParams) iter.Seq2[Transaction, error] {
	return transactions.walk(ctx, s.cl, p)
}
