package magento

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/commercesync/commerce"
)

// Orders reads orders and acts on them. Magento keeps no keys of ours: after an
// unknown outcome read the order before repeating anything.
type Orders struct{ cl *Client }

var orders = listing[Order]{
	op: "list orders", path: "/orders", id: "entity_id", dated: true,
	key: func(o Order) (ID, time.Time) { return o.EntityID, o.UpdatedAt.Time },
}

// Get reads an order by its entity id, which is not the number that the buyer sees, or
// only some fields of it: "state", "items[sku,qty_ordered]".
func (s *Orders) Get(ctx context.Context, id ID, fields ...string) (Order, error) {
	return orders.one(ctx, s.cl, "order", "/orders/", id, fields)
}

// Status reads the status of an order and nothing else. It is a label: decide by the
// State of [Orders.Get].
func (s *Orders) Status(ctx context.Context, id ID) (string, error) {
	var status string
	err := s.cl.read(ctx, "get status of order "+id.String(), "/orders/"+id.String()+"/statuses", nil, &status)
	return status, err
}

// List yields whole orders of all stores, oldest change first. An order that changes
// while one walks may come a second time, with its new UpdatedAt.
func (s *Orders) List(ctx context.Context, p ListParams) iter.Seq2[Order, error] {
	return orders.walk(ctx, s.cl, p)
}

// FindByIncrementID returns the order that a buyer knows by number. A number is
// unique per store view only: without store (0) two orders of that number are an
// error of kind ambiguous. None is of kind not found.
func (s *Orders) FindByIncrementID(ctx context.Context, number string, store ID) (Order, error) {
	op := "find order " + number
	if number == "" {
		return Order{}, refuse("find order", "", "the number is empty")
	}
	filters := []Filter{{"increment_id", Eq, number}}
	if store != 0 {
		filters = append(filters, Filter{"store_id", Eq, store.String()})
	}
	q := criteria{groups: Where(filters...), sort: []string{"entity_id"}, pageSize: 2, page: 1}
	found, _, err := rows[Order](ctx, s.cl, op, "/orders", q.params())
	if err != nil {
		return Order{}, err
	}
	// The database compares without regard to letter case and trailing spaces.
	found = slices.DeleteFunc(found, func(o Order) bool {
		return o.IncrementID != number || store != 0 && o.StoreID != store
	})
	switch len(found) {
	case 0:
		return Order{}, &commerce.Error{Kind: commerce.KindNotFound, System: system, Op: op, Text: "no order has this number" + inStore(store)}
	case 1:
		return found[0], nil
	}
	return Order{}, &commerce.Error{Kind: commerce.KindAmbiguous, System: system, Op: op,
		Text: fmt.Sprintf("orders %d of store %d and %d of store %d have this number; name the store",
			found[0].EntityID, found[0].StoreID, found[1].EntityID, found[1].StoreID)}
}

func inStore(store ID) string {
	if store == 0 {
		return ""
	}
	return " in store " + store.String()
}

// Mail sends the buyer the mail about the order once more.
func (s *Orders) Mail(ctx context.Context, id ID) error {
	return s.act(ctx, "emails", id)
}

// Comment is a remark to be left on an order.
type Comment struct {
	Text string
	// Status is set with it; empty keeps the present one. Only a status of the
	// order's present state is taken.
	Status  string
	Notify  bool // mail it to the buyer
	Visible bool // show it to the buyer
}

// Comment leaves a remark. It reads the order first and always sends a status: before
// 2.4.7 a comment without one sets the order's status to null, and one with a status
// of another state is stored as it is (2.4.6-p1, REC 111, 113). Such a status is
// refused here with code [CodeForeignStatus].
func (s *Orders) Comment(ctx context.Context, id ID, c Comment) error {
	op := "comment on order " + id.String()
	o, err := s.Get(ctx, id)
	if err != nil {
		return before(op, err)
	}
	status := c.Status
	switch {
	case status == "" && o.Status != "":
		status = o.Status
	case status == "":
		// An earlier comment has wiped the status; the state's own one mends it.
		if status = coreStatuses[o.State]; status == "" {
			return refuse(op, CodeForeignStatus, "the order has no status, and state %q has none that is known; add it to Config.Statuses and name one", o.State)
		}
	case status != o.Status && status != coreStatuses[o.State] && !slices.Contains(alsoStatuses[o.State], status) &&
		!slices.Contains(s.cl.c.Statuses[o.State], status):
		return refuse(op, CodeForeignStatus, "status %q is not known to belong to the order's state %q; see Config.Statuses", status, o.State)
	}
	return s.cl.yes(ctx, op, "/orders/"+id.String()+"/comments", "", map[string]statusHistory{
		"statusHistory": {c.Text, digit(c.Notify), digit(c.Visible), status},
	})
}

type statusHistory struct {
	Comment            string `json:"comment"`
	IsCustomerNotified int    `json:"is_customer_notified"`
	IsVisibleOnFront   int    `json:"is_visible_on_front"`
	Status             string `json:"status"`
}

// coreStatuses are the states of Magento 2.4.6 with their default statuses.
var coreStatuses = map[string]string{
	"new": "pending", "pending_payment": "pending_payment", "payment_review": "payment_review",
	"processing": "processing", "complete": "complete", "closed": "closed", "canceled": "canceled",
	"holded": "holded",
}

// alsoStatuses are the other statuses that Magento itself assigns to a state.
var alsoStatuses = map[string][]string{"payment_review": {"fraud"}, "processing": {"fraud"}}

// Comments returns the remarks on an order, oldest first.
func (s *Orders) Comments(ctx context.Context, id ID) ([]StatusHistory, error) {
	got, _, err := rows[StatusHistory](ctx, s.cl, "list comments of order "+id.String(), "/orders/"+id.String()+"/comments", nil)
	return got, err
}

// Hold stops an order; Unhold lets it go on. An order that is not in the state for it
// is an error of kind invalid.
func (s *Orders) Hold(ctx context.Context, id ID) error {
	return s.act(ctx, "hold", id)
}

// Unhold lets a held order go on in the state that it had.
func (s *Orders) Unhold(ctx context.Context, id ID) error {
	return s.act(ctx, "unhold", id)
}

// Cancel cancels what is not invoiced yet; with a gateway it also voids the
// authorisation. An order that can not be cancelled is an error of kind invalid with
// code [CodeNotCancelable]. Look at QtyShipped and TotalPaid first: Magento cancels
// what was shipped unpaid, and the open part of what was paid in part. Send one and
// read before repeating it: before 2.4.7 two at once give the stock back twice.
func (s *Orders) Cancel(ctx context.Context, id ID) error {
	return s.act(ctx, "cancel", id)
}

func (s *Orders) act(ctx context.Context, what string, id ID) error {
	op, code := what+" order "+id.String(), ""
	switch what {
	case "emails":
		op = "mail order " + id.String()
	case "cancel":
		code = CodeNotCancelable
	}
	return s.cl.yes(ctx, op, "/orders/"+id.String()+"/"+what, code, nil)
}

// ItemQty names a row of an order and a quantity of it. Of a configurable product it
// is the parent row.
type ItemQty struct {
	OrderItemID ID     `json:"order_item_id"`
	Qty         Number `json:"qty"`
}

// InvoiceParams says what to invoice.
type InvoiceParams struct {
	// Items are the rows to invoice; none means all that is left.
	Items []ItemQty
	// Capture asks the payment gateway for the money. False marks the invoice as paid
	// without a call, for money that is known to have arrived.
	Capture bool
	// Comment travels in the same write and is found again on the invoice: put the
	// payment's id there.
	Comment        string
	CommentVisible bool // show it to the buyer
	AppendComment  bool // put it into the buyer's mail
	Notify         bool // mail the invoice to the buyer
}

// Invoice makes an invoice and returns its id. Too much of a row, nothing left and a
// held order are errors of kind invalid.
func (s *Orders) Invoice(ctx context.Context, id ID, p InvoiceParams) (ID, error) {
	return s.cl.make(ctx, "invoice order "+id.String(), "/order/"+id.String()+"/invoice", struct {
		Capture       bool            `json:"capture"`
		Items         []ItemQty       `json:"items,omitempty"`
		Notify        bool            `json:"notify"`
		AppendComment bool            `json:"appendComment,omitempty"`
		Comment       *commentToWrite `json:"comment,omitempty"`
	}{p.Capture, p.Items, p.Notify, p.AppendComment, remark(p.Comment, p.CommentVisible)})
}

// ShipParams says what is shipped.
type ShipParams struct {
	// Items are the rows that left; none means all that is left.
	Items  []ItemQty
	Tracks []NewTrack
	// Comment travels in the same write and is found again on the shipment.
	Comment        string
	CommentVisible bool
	AppendComment  bool
	Notify         bool // mail the shipment to the buyer
	// Source is the code of the stock source that goes down; empty leaves the choice
	// to the shop.
	Source string
}

// NewTrack is a parcel to be tracked.
type NewTrack struct {
	TrackNumber string `json:"track_number"`
	Title       string `json:"title"`        // what the buyer sees: "UPS"
	CarrierCode string `json:"carrier_code"` // "ups"; "custom" for carriers that the shop does not know
}

// Ship records goods that left and returns the shipment as read back. Magento cuts a
// quantity that is too large without a word (2.4.6-p1, REC 137), so the order's open
// quantities are compared before, which is an error of kind invalid with outcome not
// sent, and the shipment's after: one that was cut all the same, as somebody else
// shipped meanwhile, comes with an error of kind conflict, code [CodeQuantityCut] and
// outcome done.
func (s *Orders) Ship(ctx context.Context, id ID, p ShipParams) (Shipment, error) {
	op := "ship order " + id.String()
	if len(p.Items) > 0 {
		o, err := s.Get(ctx, id)
		if err != nil {
			return Shipment{}, before(op, err)
		}
		if err := fits(op, o, p.Items); err != nil {
			return Shipment{}, err
		}
	}
	type arguments struct {
		Extension struct {
			SourceCode string `json:"source_code"`
		} `json:"extension_attributes"`
	}
	var args *arguments
	if p.Source != "" {
		args = &arguments{}
		args.Extension.SourceCode = p.Source
	}
	made, err := s.cl.make(ctx, op, "/order/"+id.String()+"/ship", struct {
		Items         []ItemQty       `json:"items,omitempty"`
		Notify        bool            `json:"notify"`
		AppendComment bool            `json:"appendComment,omitempty"`
		Tracks        []NewTrack      `json:"tracks,omitempty"`
		Comment       *commentToWrite `json:"comment,omitempty"`
		Arguments     *arguments      `json:"arguments,omitempty"`
	}{p.Items, p.Notify, p.AppendComment, p.Tracks, remark(p.Comment, p.CommentVisible), args})
	if err != nil {
		return Shipment{}, err
	}
	got, err := s.cl.Shipments.Get(ctx, made)
	if err != nil {
		return Shipment{EntityID: made, OrderID: id}, &commerce.Error{Kind: commerce.KindOf(err), System: system, Op: op,
			Outcome: commerce.Done, Text: "shipment " + made.String() + " was made and could not be read back", Err: err}
	}
	return got, cut(op, got, p.Items)
}

// fits compares what is to be shipped with what is open.
func fits(op string, o Order, items []ItemQty) error {
	asked, err := sumByRow(items)
	if err != nil {
		return refuse(op, "", "%w", err)
	}
	configurable := map[ID]bool{}
	for _, row := range o.Items {
		if row.ProductType == "configurable" {
			configurable[row.ItemID] = true
		}
	}
	for _, row := range o.Items {
		want, ok := asked[row.ItemID]
		if !ok {
			continue
		}
		delete(asked, row.ItemID)
		if configurable[row.ParentItemID] {
			return refuse(op, CodeChildRow, "row %d (%s) is shipped by its parent, row %d", row.ItemID, row.SKU, row.ParentItemID)
		}
		open, err := row.Open()
		if err != nil {
			return refuse(op, "", "row %d: %w", row.ItemID, err)
		}
		if want.Cmp(open) > 0 {
			return refuse(op, CodeQuantityCut, "%s of row %d (%s) is more than the %s that are left", want, row.ItemID, row.SKU, open)
		}
	}
	for id := range asked {
		return refuse(op, "", "the order has no row %d", id)
	}
	return nil
}

// Open returns how much of a row can still be shipped: what was ordered less what was
// shipped, refunded or cancelled; never less than nought.
func (i OrderItem) Open() (commerce.Decimal, error) {
	open, err := i.QtyOrdered.Decimal()
	if err != nil {
		return open, err
	}
	for _, n := range []Number{i.QtyShipped, i.QtyRefunded, i.QtyCanceled} {
		d, err := n.Decimal()
		if err != nil {
			return open, err
		}
		if open, err = open.Sub(d); err != nil {
			return open, err
		}
	}
	if open.Sign() < 0 {
		return commerce.Decimal{}, nil
	}
	return open, nil
}

// cut compares a shipment with what was asked for.
func cut(op string, got Shipment, items []ItemQty) error {
	if len(items) == 0 {
		return nil
	}
	asked, err := sumByRow(items)
	if err == nil {
		var rows []ItemQty
		for _, row := range got.Items {
			rows = append(rows, ItemQty{row.OrderItemID, row.Qty})
		}
		var shipped map[ID]commerce.Decimal
		if shipped, err = sumByRow(rows); err == nil {
			for id, want := range asked {
				if have := shipped[id]; have.Cmp(want) < 0 {
					err = errors.Join(err, fmt.Errorf("%s of row %d left and %s were asked for", have, id, want))
				}
			}
		}
	}
	if err == nil {
		return nil
	}
	e := commerce.Errorf(commerce.KindConflict, system, op, "shipment %d: %w", got.EntityID, err)
	e.Code, e.Outcome = CodeQuantityCut, commerce.Done
	return e
}

func sumByRow(items []ItemQty) (map[ID]commerce.Decimal, error) {
	sums := make(map[ID]commerce.Decimal, len(items))
	for _, i := range items {
		d, err := i.Qty.Decimal()
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", i.OrderItemID, err)
		}
		if sums[i.OrderItemID], err = sums[i.OrderItemID].Add(d); err != nil {
			return nil, fmt.Errorf("row %d: %w", i.OrderItemID, err)
		}
	}
	return sums, nil
}

// SetExtOrderID writes another system's number of the order onto it. It is safe in
// every state: the route saves only what is sent. Compare before writing; a changed
// number moves UpdatedAt. An unknown order is of kind invalid, not of kind not found.
func (s *Orders) SetExtOrderID(ctx context.Context, id ID, ext string) error {
	op := "set ext_order_id of order " + id.String()
	if id <= 0 {
		return refuse(op, "", "without an id Magento makes a new order of it")
	}
	type entity struct {
		EntityID   ID     `json:"entity_id"`
		ExtOrderID string `json:"ext_order_id"`
	}
	// The answer shows nulls for what was not sent, so that nothing of it is read but
	// which order it is.
	var answer struct {
		EntityID ID `json:"entity_id"`
	}
	err := s.cl.post(ctx, op, "/orders", map[string]entity{"entity": {id, ext}}, &answer)
	if err == nil && answer.EntityID != id {
		return bodyError(op, true, http.StatusOK, errors.New("it is about another order"))
	}
	return err
}

// commentToWrite is a remark that travels with an invoice or a shipment.
type commentToWrite struct {
	Comment          string `json:"comment"`
	IsVisibleOnFront int    `json:"is_visible_on_front"`
}

func remark(text string, visible bool) *commentToWrite {
	if text == "" {
		return nil
	}
	return &commentToWrite{text, digit(visible)}
}

func digit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// before marks the failure of a read that had to come before a write: nothing was
// sent, whatever the read met.
func before(op string, err error) error {
	e := &commerce.Error{Kind: commerce.KindOf(err), System: system, Op: op, Outcome: commerce.NotSent,
		RetryAfter: commerce.RetryAfter(err), Err: err}
	var read *commerce.Error
	if errors.As(err, &read) {
		e.Code = read.Code
	}
	return e
}
