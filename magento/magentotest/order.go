package magentotest

import (
	"slices"
	"strings"
	"time"
)

// order is an order with its rows. Amounts are sums; what the shop only keeps and
// shows is plain.
type order struct {
	id               int64
	number           string
	store            Store
	state, status    string // an empty status is null
	created, updated time.Time
	virtual          bool
	plain            obj // customer_email, ext_order_id, coupon_code …
	sums             sums
	items            []*item
	billing          obj
	shipping         obj // nil: nothing is shipped
	method           string
	payment          obj
	info             []any // payment_additional_info
	applied, byItem  []any // taxes
	extension        obj   // gift cards and the like
	covered          pair  // paid by them, and not on an invoice yet
	inProcess        bool  // invoiced or shipped since it was placed
}

// item is a row of an order.
type item struct {
	id       int64
	parent   *item
	kind     string // product_type
	virtual  bool
	plain    obj
	sums     sums
	percent  *dec // tax_percent; nil: not shown
	children []*item
	// fixed: a bundle's money is on the parent. separate: children ship by themselves.
	fixed, separate bool

	ordered, invoiced, shipped, refunded, canceled dec
	taken, returned                                dec // from the source; to stock, before it was shipped
}

// priced reports whether the row carries the money of its family; the others only
// follow.
func (i *item) priced() bool {
	switch {
	case i.parent != nil:
		return i.parent.kind == "bundle" && !i.parent.fixed
	case len(i.children) > 0:
		return i.kind != "bundle" || i.fixed
	}
	return true
}

// shippable reports whether the row is the one that is shipped.
func (i *item) shippable() bool {
	switch {
	case i.virtual:
		return false
	case i.parent != nil:
		return i.parent.separate
	case len(i.children) > 0:
		return !i.separate
	}
	return true
}

func (i *item) all() dec       { return i.ordered }
func (i *item) toInvoice() dec { return max(0, i.ordered-i.invoiced-i.canceled) }
func (i *item) toShip() dec    { return max(0, i.ordered-i.shipped-i.refunded-i.canceled) }
func (i *item) toRefund() dec  { return max(0, i.invoiced-i.refunded) }

// render writes the row. On orders the totals of a row are after its discount, though
// stored before it (REC 447 against 449).
func (i *item) render(o *order) obj {
	out := obj{
		"item_id": i.id, "order_id": o.id, "product_type": i.kind, "is_virtual": digit(i.virtual), "store_id": o.store.ID,
		"qty_ordered": i.ordered, "qty_invoiced": i.invoiced, "qty_shipped": i.shipped, "qty_refunded": i.refunded, "qty_canceled": i.canceled,
		"created_at": stamp(o.created), "updated_at": stamp(o.updated), "free_shipping": 0, "is_qty_decimal": 0, "no_discount": 0,
	}
	for k, v := range i.plain {
		out[k] = v
	}
	i.sums.write(out)
	row, discount := i.sums["row_total"], i.sums["discount_amount"]
	net := row.sub(discount)
	if i.priced() || i.parent == nil {
		gross := net.add(i.sums["tax_amount"]).add(i.sums["discount_tax_compensation_amount"])
		net = pair{max(0, net.base), max(0, net.order)}
		out["row_total"], out["base_row_total"] = net.order, net.base
		out["row_total_incl_tax"], out["base_row_total_incl_tax"] = gross.order, gross.base
	}
	if i.percent != nil {
		out["tax_percent"] = *i.percent
	}
	if i.parent != nil {
		out["parent_item_id"] = i.parent.id
		if !i.priced() {
			delete(out, "base_original_price")
		}
	}
	return out
}

// render writes the whole order.
func (s *Shop) renderOrder(o *order) obj {
	out := obj{
		"entity_id": o.id, "increment_id": o.number, "state": o.state, "store_id": o.store.ID,
		"store_name":           strings.Join([]string{o.store.WebsiteName, o.store.GroupName, o.store.Name}, "\n"),
		"created_at":           stamp(o.created),
		"updated_at":           stamp(o.updated),
		"is_virtual":           digit(o.virtual),
		"base_currency_code":   o.store.BaseCurrency,
		"store_currency_code":  o.store.BaseCurrency,
		"global_currency_code": s.stores[0].BaseCurrency,
		"store_to_base_rate":   0, "store_to_order_rate": 0,
		"total_item_count": len(slices.DeleteFunc(slices.Clone(o.items), func(i *item) bool { return i.parent != nil && !i.priced() })),
	}
	if o.status != "" {
		out["status"] = o.status
	}
	for k, v := range o.plain {
		out[k] = v
	}
	o.sums.write(out)
	// total_due is what was not paid; what was cancelled stays due (REC 259).
	due := o.sums["grand_total"].sub(o.sums["total_paid"])
	out["total_due"], out["base_total_due"] = due.order, due.base

	items := make([]any, len(o.items))
	var qty dec
	for n, i := range o.items {
		r := i.render(o)
		if i.parent != nil {
			r["parent_item"] = i.parent.render(o)
		} else {
			qty += i.ordered
		}
		items[n] = r
	}
	out["items"] = items
	if _, ok := out["total_qty_ordered"]; !ok { // an edited order that was loaded has its own idea
		out["total_qty_ordered"] = qty
	}
	out["billing_address"] = o.billing
	out["payment"] = o.payment
	out["status_histories"] = s.renderComments(o.id)

	ship := obj{}
	for name, p := range o.sums {
		if strings.HasPrefix(name, "shipping_") && !strings.HasSuffix(name, "ed") {
			ship[name], ship[baseName(name)] = p.order, p.base
		}
	}
	shipping := obj{"total": ship}
	if o.shipping != nil {
		shipping["address"], shipping["method"] = o.shipping, o.method
	}
	ext := obj{
		"shipping_assignments":    []any{obj{"shipping": shipping, "items": items}},
		"payment_additional_info": orEmpty(o.info), "applied_taxes": orEmpty(o.applied), "item_applied_taxes": orEmpty(o.byItem),
	}
	for k, v := range o.extension {
		ext[k] = v
	}
	out["extension_attributes"] = ext
	return out
}

func orEmpty(l []any) []any {
	if l == nil {
		return []any{}
	}
	return l
}

func digit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// comment is an entry of an order's history.
type comment struct {
	id, order         int64
	about             string  // "creditmemo" of what the shop itself writes; empty = the order
	text              *string // nil: none was sent
	status            string  // empty: none was sent
	created           time.Time
	notified, visible bool
}

func (c *comment) render() obj {
	out := obj{"entity_id": c.id, "parent_id": c.order, "created_at": stamp(c.created), "comment": nil,
		"is_customer_notified": digit(c.notified), "is_visible_on_front": digit(c.visible)}
	if c.text != nil {
		out["comment"] = *c.text
	}
	if c.status != "" {
		out["status"] = c.status
	}
	if c.about != "" {
		out["entity_name"] = c.about
	}
	return out
}

// renderComments lists an order's history, newest first as Magento does.
func (s *Shop) renderComments(order int64) []any {
	out := []any{}
	for _, c := range slices.Backward(s.comments) {
		if c.order == order {
			out = append(out, c.render())
		}
	}
	return out
}

// document is an invoice, a shipment or a credit memo.
type document struct {
	id               int64
	number           string
	order            *order
	created, updated time.Time
	state            int // 0: a shipment has none
	transaction      string
	sums             sums
	qty              dec // in all; a credit memo does not say it
	rows             []docRow
	remarks          []any
	tracks           []any
	source           string
	invoice          *document // of a credit memo by the invoice's route
}

type docRow struct {
	id   int64
	item *item
	qty  dec
	sums sums
}

// render writes an invoice or a credit memo.
func (d *document) render(s *Shop) obj {
	o := d.order
	out := obj{
		"entity_id": d.id, "increment_id": d.number, "order_id": o.id, "store_id": o.store.ID, "state": d.state,
		"created_at": stamp(d.created), "updated_at": stamp(d.updated),
		"base_currency_code": o.store.BaseCurrency, "order_currency_code": o.plain["order_currency_code"],
		"store_currency_code": o.store.BaseCurrency, "global_currency_code": s.stores[0].BaseCurrency,
		"base_to_order_rate": o.plain["base_to_order_rate"], "base_to_global_rate": o.plain["base_to_global_rate"],
		"store_to_base_rate": 0, "store_to_order_rate": 0,
	}
	if d.transaction != "" {
		out["transaction_id"] = d.transaction
	}
	if d.invoice != nil {
		out["invoice_id"] = d.invoice.id
	}
	if d.qty > 0 {
		out["total_qty"] = d.qty
	}
	d.sums.write(out)
	items := make([]any, len(d.rows))
	for n, r := range d.rows {
		row := obj{"entity_id": r.id, "parent_id": d.id, "order_item_id": r.item.id, "qty": r.qty,
			"sku": r.item.plain["sku"], "name": r.item.plain["name"], "product_id": r.item.plain["product_id"]}
		if r.sums["discount_amount"] == (pair{}) {
			delete(r.sums, "discount_amount")
		}
		r.sums.write(row)
		items[n] = row
	}
	out["items"] = items
	out["comments"] = orEmpty(d.remarks)
	return out
}

// renderShipment writes a shipment.
func (d *document) renderShipment() obj {
	items := make([]any, len(d.rows))
	for n, r := range d.rows {
		items[n] = obj{"entity_id": r.id, "parent_id": d.id, "order_item_id": r.item.id, "qty": r.qty,
			"sku": r.item.plain["sku"], "name": r.item.plain["name"], "product_id": r.item.plain["product_id"],
			"price": r.item.sums["price"].order, "weight": r.item.plain["weight"]}
	}
	return obj{"entity_id": d.id, "increment_id": d.number, "order_id": d.order.id, "store_id": d.order.store.ID,
		"created_at": stamp(d.created), "updated_at": stamp(d.updated), "total_qty": d.qty, "packages": []any{},
		"items": items, "tracks": orEmpty(d.tracks), "comments": orEmpty(d.remarks),
		"extension_attributes": obj{"source_code": d.source}}
}

// transaction is what a gateway did.
type transaction struct {
	id           int64
	order        *order
	txn, parent  string
	kind         string
	closed       bool
	created      time.Time
	informations []any
}

func (t *transaction) render() obj {
	out := obj{"transaction_id": t.id, "order_id": t.order.id, "payment_id": t.order.payment["entity_id"], "txn_id": t.txn,
		"parent_txn_id": nil, "txn_type": t.kind, "is_closed": digit(t.closed), "created_at": stamp(t.created),
		"additional_information": orEmpty(t.informations), "child_transactions": []any{}}
	if t.parent != "" {
		out["parent_txn_id"] = t.parent
	}
	return out
}
