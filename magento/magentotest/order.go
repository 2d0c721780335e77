package magentotest

import (
	"maps"
	"slices"
	"strconv"
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
	addresses        []obj            // in the order of their ids
	addressID        map[string]int64 // billing_address_id and shipping_address_id, as the order was placed
	method           string
	payment          obj
	paid             sums  // of the payment: amount_paid, shipping_captured …
	info             []any // payment_additional_info
	applied, byItem  []any // taxes
	extension        obj   // gift cards and the like
	covered          pair  // paid by them, and not on an invoice yet
	refunded         bool  // there is a credit memo
	bare             bool  // made by a raw save: what was not sent is null

	like    *order // it is as this one but for what stands above and its ids; nil: it is whole
	ids     ids    // where like is set
	shown   *order // as others see it, while a transaction is open; nil: as it is
	unseen  bool   // placed in a transaction that is open
	indexed bool
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
	weight   *dec // of one; nil: it has none
	children []*item
	// fixed: a bundle's money is on the parent. separate: children ship by themselves.
	fixed, separate bool

	ordered, invoiced, shipped, refunded, canceled dec
	taken, returned                                dec // from the source; to stock, before it was shipped
	freed                                          dec // by further cancels at the same moment, which no lock kept apart
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

func (i *item) all() dec { return i.ordered }

// toInvoice is 0 for a row that carries no money.
func (i *item) toInvoice() dec {
	if !i.priced() {
		return 0
	}
	return max(0, i.ordered-i.invoiced-i.canceled)
}

// toShip is 0 for a row that follows another one to the parcel. Magento counts virtual
// rows as well, which it never ships.
func (i *item) toShip() dec {
	if !i.shippable() && !i.virtual {
		return 0
	}
	return i.unshipped()
}

// unshipped counts what was shipped and what was refunded once, as if all that came
// back had been sent before (REC 546).
func (i *item) unshipped() dec { return max(0, i.ordered-max(i.shipped, i.refunded)-i.canceled) }

// toRefund is 0 for a row that carries no money.
func (i *item) toRefund() dec {
	if !i.priced() {
		return 0
	}
	return max(0, i.invoiced-i.refunded)
}

// render writes the row. On orders the totals of a row are after its discount, though
// stored before it (REC 447 against 449).
func (i *item) render(o *order) obj {
	out := obj{
		"discount_percent": 0, "item_id": i.id, "order_id": o.id, "product_type": i.kind, "is_virtual": digit(i.virtual), "store_id": o.store.ID,
		"qty_ordered": i.ordered, "qty_invoiced": i.invoiced, "qty_shipped": i.shipped, "qty_refunded": i.refunded, "qty_canceled": i.canceled,
		"created_at": stamp(o.created), "updated_at": stamp(o.updated), "free_shipping": 0, "is_qty_decimal": 0, "no_discount": 0,
	}
	if o.bare {
		for _, name := range []string{"product_type", "is_virtual", "store_id", "is_qty_decimal"} {
			delete(out, name)
		}
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
	if i.weight != nil {
		out["weight"] = *i.weight
	}
	if i.parent != nil {
		out["parent_item_id"] = i.parent.id
		if !i.priced() {
			out["row_total_incl_tax"], out["base_row_total_incl_tax"] = 0, 0
			delete(out, "base_original_price")
		}
	}
	return out
}

// render writes the whole order.
func (s *Shop) renderOrder(o *order) obj {
	o = o.whole()
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
	out["billing_address_id"] = o.addressID["billing_address_id"]
	o.sums.write(out)
	// total_due is what was not paid; what was cancelled stays due (REC 259).
	due := o.sums["grand_total"].sub(o.sums["total_paid"])
	out["total_due"], out["base_total_due"] = due.order, due.base

	if o.bare {
		for _, name := range []string{"store_id", "is_virtual", "base_currency_code", "store_currency_code", "global_currency_code", "store_to_base_rate", "store_to_order_rate"} {
			if _, sent := o.plain[name]; !sent {
				delete(out, name)
			}
		}
		if o.state == "" {
			delete(out, "state")
		}
	}
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
	if _, ok := out["total_qty_ordered"]; !ok && !o.bare { // an edited order that was loaded has its own idea
		out["total_qty_ordered"] = qty
	}
	if a := o.address("billing"); a != nil {
		out["billing_address"] = a
	}
	payment := maps.Clone(o.payment)
	o.paid.write(payment)
	out["payment"] = payment
	out["status_histories"] = s.renderComments(o.id)

	ship := obj{}
	for name, p := range o.sums {
		if strings.HasPrefix(name, "shipping_") {
			ship[name], ship[baseName(name)] = p.order, p.base
		}
	}
	shipping := obj{"total": ship}
	if a := o.address("shipping"); a != nil {
		shipping["address"], shipping["method"] = a, o.method
	}
	info := make([]any, len(o.info))
	for n, kv := range o.info {
		info[n] = kv
		if kv, ok := kv.(obj); ok {
			if b, ok := kv["value"].(bool); ok {
				info[n] = obj{"key": kv["key"], "value": strconv.FormatBool(b)}
			}
		}
	}
	ext := obj{
		"shipping_assignments":    []any{obj{"shipping": shipping, "items": items}},
		"payment_additional_info": info, "applied_taxes": orEmpty(o.applied), "item_applied_taxes": orEmpty(o.byItem),
	}
	for k, v := range o.extension {
		ext[k] = v
	}
	out["extension_attributes"] = ext
	return out
}

// address is the first of a type, which is the one that Magento shows; nil if there is
// none.
func (o *order) address(kind string) obj {
	for _, a := range o.addresses {
		if a["address_type"] == kind {
			return a
		}
	}
	return nil
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
