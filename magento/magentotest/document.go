package magentotest

import (
	"time"
)

// document is an invoice, a shipment or a credit memo.
type document struct {
	id               int64
	number           string
	order            *order
	created, updated time.Time
	state            int // 0: a shipment has none
	memo             bool
	transaction      string
	sums             sums
	qty              dec // in all; a credit memo does not say it
	rows             []docRow
	remarks          []any
	tracks           []any
	source           string
	invoice          *document // of a credit memo by the invoice's route
	raw              obj       // of a credit memo that was stored as it was sent
}

type docRow struct {
	id   int64
	item *item
	qty  dec
	sums sums
}

// render writes an invoice or a credit memo.
func (d *document) render(s *Shop) obj {
	if d.raw != nil {
		return d.raw
	}
	o := d.order
	out := obj{
		"entity_id": d.id, "increment_id": d.number, "order_id": o.id, "store_id": o.store.ID, "state": d.state,
		"created_at": stamp(d.created), "updated_at": stamp(d.updated),
		"base_currency_code": o.store.BaseCurrency, "order_currency_code": o.plain["order_currency_code"],
		"store_currency_code": o.store.BaseCurrency, "global_currency_code": s.stores[0].BaseCurrency,
		"base_to_order_rate": o.plain["base_to_order_rate"], "base_to_global_rate": o.plain["base_to_global_rate"],
		"store_to_base_rate": 0, "store_to_order_rate": 0,
	}
	d.addresses(out)
	if d.transaction != "" {
		out["transaction_id"] = d.transaction
	}
	if v, ok := o.plain["discount_description"]; ok {
		out["discount_description"] = v
	}
	if d.invoice != nil {
		out["invoice_id"] = d.invoice.id
	}
	if !d.memo {
		out["total_qty"], out["can_void_flag"] = d.qty, 0
	}
	d.sums.write(out)
	items := make([]any, len(d.rows))
	for n, r := range d.rows {
		row := obj{"entity_id": r.id, "parent_id": d.id, "order_item_id": r.item.id, "qty": r.qty,
			"sku": r.item.plain["sku"], "name": r.item.plain["name"], "product_id": r.item.plain["product_id"]}
		r.sums.write(row)
		if d.memo {
			row["base_cost"] = nil
			if r.item.priced() {
				row["weee_tax_applied"], row["weee_tax_applied_row_amount"] = "[]", 0
				row["weee_tax_row_disposition"], row["base_weee_tax_row_disposition"] = 0, 0
			}
		}
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
		row := obj{"entity_id": r.id, "parent_id": d.id, "order_item_id": r.item.id, "qty": r.qty,
			"sku": r.item.plain["sku"], "name": r.item.plain["name"], "product_id": r.item.plain["product_id"],
			"price": r.item.sums["price"].order}
		if r.item.weight != nil {
			row["weight"] = *r.item.weight
		}
		items[n] = row
	}
	out := obj{"entity_id": d.id, "increment_id": d.number, "order_id": d.order.id, "store_id": d.order.store.ID,
		"created_at": stamp(d.created), "updated_at": stamp(d.updated), "total_qty": d.qty, "packages": []any{},
		"items": items, "tracks": orEmpty(d.tracks), "comments": orEmpty(d.remarks),
		"extension_attributes": obj{"source_code": d.source}}
	d.addresses(out)
	return out
}

// addresses names the rows of the order's addresses.
func (d *document) addresses(out obj) {
	for _, name := range []string{"billing_address_id", "shipping_address_id"} {
		if id := d.order.addressID[name]; id != 0 {
			out[name] = id
		}
	}
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
