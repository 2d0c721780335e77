package magento

import (
	"context"
	"encoding/json"
	"iter"
	"time"
)

// Invoices reads invoices, captures, voids and refunds them. [Orders.Invoice] makes them.
type Invoices struct{ cl *Client }

var invoices = listing[Invoice]{
	op: "list invoices", path: "/invoices", id: "entity_id", dated: true,
	key: func(i Invoice) (ID, time.Time) { return i.EntityID, i.UpdatedAt.Time },
}

// Get reads an invoice with its comments, or only some fields of it.
func (s *Invoices) Get(ctx context.Context, id ID, fields ...string) (Invoice, error) {
	return invoices.one(ctx, s.cl, "invoice", "/invoices/", id, fields)
}

// List yields invoices, oldest change first; filter order_id for those of an order.
func (s *Invoices) List(ctx context.Context, p ListParams) iter.Seq2[Invoice, error] {
	return invoices.walk(ctx, s.cl, p)
}

// Capture asks the payment gateway for the money of an open invoice. An invoice that is
// paid, and one without a gateway, is an error of kind invalid. After an unknown outcome
// look at the invoice's State.
func (s *Invoices) Capture(ctx context.Context, id ID) error {
	return s.act(ctx, "capture", id)
}

// Void gives up what the gateway authorised for an open invoice.
func (s *Invoices) Void(ctx context.Context, id ID) error {
	return s.act(ctx, "void", id)
}

func (s *Invoices) act(ctx context.Context, what string, id ID) error {
	op := what + " invoice " + id.String()
	var answer json.RawMessage // null, a text or true, by version
	if err := s.cl.post(ctx, op, "/invoices/"+id.String()+"/"+what, nil, &answer); err != nil {
		return err
	}
	if string(answer) == "false" {
		return refuse(op, "", "the shop says that it was not done")
	}
	return nil
}

// Comment leaves a remark on an invoice.
func (s *Invoices) Comment(ctx context.Context, id ID, r Remark) (DocumentComment, error) {
	return s.cl.remark(ctx, "comment on invoice "+id.String(), "/invoices/comments", id, r)
}

// Comments returns the remarks on an invoice, oldest first.
func (s *Invoices) Comments(ctx context.Context, id ID) ([]DocumentComment, error) {
	return s.cl.remarks(ctx, "list comments of invoice "+id.String(), "/invoices/"+id.String()+"/comments")
}

// Remark is a comment to be left on an invoice, a shipment or a credit memo. An order's
// is a [Comment], as it sets a status.
type Remark struct {
	Text    string
	Notify  bool // mail it to the buyer
	Visible bool // show it to the buyer
}

func (cl *Client) remark(ctx context.Context, op, path string, parent ID, r Remark) (DocumentComment, error) {
	type entity struct {
		ParentID           ID     `json:"parent_id"`
		Comment            string `json:"comment"`
		IsCustomerNotified int    `json:"is_customer_notified"`
		IsVisibleOnFront   int    `json:"is_visible_on_front"`
	}
	var made DocumentComment
	err := cl.post(ctx, op, path, map[string]entity{"entity": {parent, r.Text, digit(r.Notify), digit(r.Visible)}}, &made)
	return made, err
}

func (cl *Client) remarks(ctx context.Context, op, path string) ([]DocumentComment, error) {
	got, _, err := rows[DocumentComment](ctx, cl, op, path, nil)
	return got, err
}

// Shipments reads shipments and adds tracks. [Orders.Ship] makes them. A shipment
// that does not complete its order does not move the order's updated_at: poll
// shipments besides orders.
type Shipments struct{ cl *Client }

var shipments = listing[Shipment]{
	op: "list shipments", path: "/shipments", id: "entity_id", dated: true,
	key: func(s Shipment) (ID, time.Time) { return s.EntityID, s.UpdatedAt.Time },
}

// Get reads a shipment with its tracks and comments, or only some fields of it.
func (s *Shipments) Get(ctx context.Context, id ID, fields ...string) (Shipment, error) {
	return shipments.one(ctx, s.cl, "shipment", "/shipment/", id, fields)
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

// RemoveTrack takes a parcel off its shipment, by the id of the track.
func (s *Shipments) RemoveTrack(ctx context.Context, track ID) error {
	return s.cl.delete(ctx, "remove track "+track.String(), "/shipment/track/"+track.String())
}

// Comment leaves a remark on a shipment.
func (s *Shipments) Comment(ctx context.Context, id ID, r Remark) (DocumentComment, error) {
	return s.cl.remark(ctx, "comment on shipment "+id.String(), "/shipment/"+id.String()+"/comments", id, r)
}

// Comments returns the remarks on a shipment, oldest first.
func (s *Shipments) Comments(ctx context.Context, id ID) ([]DocumentComment, error) {
	return s.cl.remarks(ctx, "list comments of shipment "+id.String(), "/shipment/"+id.String()+"/comments")
}

// CreditMemos reads credit memos. [Orders.Refund] and [Invoices.Refund] make them.
type CreditMemos struct{ cl *Client }

var creditMemos = listing[CreditMemo]{
	op: "list credit memos", path: "/creditmemos", id: "entity_id", dated: true,
	key: func(m CreditMemo) (ID, time.Time) { return m.EntityID, m.UpdatedAt.Time },
}

// Get reads a credit memo with its comments, or only some fields of it.
func (s *CreditMemos) Get(ctx context.Context, id ID, fields ...string) (CreditMemo, error) {
	return creditMemos.one(ctx, s.cl, "credit memo", "/creditmemo/", id, fields)
}

// List yields credit memos, oldest change first; filter order_id for those of an
// order.
func (s *CreditMemos) List(ctx context.Context, p ListParams) iter.Seq2[CreditMemo, error] {
	return creditMemos.walk(ctx, s.cl, p)
}

// Comment leaves a remark on a credit memo.
func (s *CreditMemos) Comment(ctx context.Context, id ID, r Remark) (DocumentComment, error) {
	return s.cl.remark(ctx, "comment on credit memo "+id.String(), "/creditmemo/"+id.String()+"/comments", id, r)
}

// Comments returns the remarks on a credit memo, oldest first.
func (s *CreditMemos) Comments(ctx context.Context, id ID) ([]DocumentComment, error) {
	return s.cl.remarks(ctx, "list comments of credit memo "+id.String(), "/creditmemo/"+id.String()+"/comments")
}

// Transactions reads what payment gateways did. They can not be written.
type Transactions struct{ cl *Client }

var transactions = listing[Transaction]{
	op: "list transactions", path: "/transactions", id: "transaction_id",
	key: func(t Transaction) (ID, time.Time) { return t.TransactionID, time.Time{} },
}

// Get reads a transaction by the id of its row, or only some fields of it.
func (s *Transactions) Get(ctx context.Context, id ID, fields ...string) (Transaction, error) {
	return transactions.one(ctx, s.cl, "transaction", "/transactions/", id, fields)
}

// List yields transactions by id; filter order_id or txn_id. They have no updated_at,
// so the bounds of p stay empty.
func (s *Transactions) List(ctx context.Context, p ListParams) iter.Seq2[Transaction, error] {
	return transactions.walk(ctx, s.cl, p)
}
