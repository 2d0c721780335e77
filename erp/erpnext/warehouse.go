package erpnext

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// RequestFulfilment reads how far the warehouse is: a submitted order has reserved its
// items already, and a person makes the Delivery Note.
func (o *Client) RequestFulfilment(ctx context.Context, ref commerce.Ref) (erp.Fulfilment, error) {
	f, s, err := o.fulfilment(ctx, "request fulfilment of "+ref.ID, ref)
	if err == nil && s.DocStatus != 1 {
		err = refused("request fulfilment of "+ref.ID, commerce.KindConflict, commerce.NotSent, "the order is not submitted")
	}
	return f, notSent(err)
}

// Fulfilment compares what is not delivered with what is in stock and promised to
// nobody else.
func (o *Client) Fulfilment(ctx context.Context, ref commerce.Ref) (erp.Fulfilment, error) {
	f, _, err := o.fulfilment(ctx, "read fulfilment of "+ref.ID, ref)
	return f, err
}

// row is what is read of a row of a Sales Order.
type row struct {
	Item      string `json:"item_code"`
	Warehouse string `json:"warehouse"`
	Quantity  number `json:"qty"`
	Delivered number `json:"delivered_qty"`
}

// need is what of an item is to be sent from a warehouse.
type need struct {
	item, warehouse string
	quantity        commerce.Decimal
}

func (o *Client) fulfilment(ctx context.Context, op string, ref commerce.Ref) (erp.Fulfilment, order, error) {
	f := erp.Fulfilment{Order: ref}
	name, err := o.idOf(ref, "order")
	if err != nil {
		return f, order{}, err
	}
	s, err := o.orderByName(ctx, op, name)
	if err != nil {
		return f, s, err
	}
	needs, goods, err := o.needs(ctx, s)
	if err != nil {
		return f, s, err
	}
	switch {
	case !goods:
		f.State = erp.NothingToSend
		return f, s, nil
	case len(needs) == 0:
		f.State = erp.Sent
		return f, s, nil
	case s.DocStatus == 0:
		f.State = erp.NotRequested
		return f, s, nil
	case s.DocStatus == 2 || s.Status == "Closed":
		f.State = erp.Refused
		for _, n := range needs {
			f.Missing = append(f.Missing, erp.Shortage{SKU: n.item, Quantity: n.quantity})
		}
		return f, s, nil
	}
	f.State = erp.Reserved
	for _, n := range needs {
		short, err := o.shortage(ctx, op, n)
		if err != nil {
			return f, s, err
		}
		if short.Sign() > 0 {
			f.State = erp.Backordered
			f.Missing = append(f.Missing, erp.Shortage{SKU: n.item, Quantity: short})
		}
	}
	return f, s, nil
}

// needs sums up what is to be sent, by item and warehouse; goods is whether the order
// has any.
func (o *Client) needs(ctx context.Context, s order) (needs []need, goods bool, err error) {
	rows := make([]row, len(s.Items))
	var skus []string
	for i, raw := range s.Items {
		if err := json.Unmarshal(raw, &rows[i]); err != nil {
			return nil, false, commerce.Errorf(commerce.KindInternal, system, "read "+s.Name, "a row has another shape than expected")
		}
		skus = append(skus, rows[i].Item)
	}
	items, err := o.ProductsBySKU(ctx, skus)
	if err != nil {
		return nil, false, err
	}
	for _, r := range rows {
		if !items[r.Item].Stocked {
			continue
		}
		goods = true
		q, err := r.Quantity.decimal()
		if err != nil {
			return nil, false, err
		}
		d, err := r.Delivered.decimal()
		if err != nil {
			return nil, false, err
		}
		if q, err = q.Sub(d); err != nil {
			return nil, false, err
		}
		if q.Sign() <= 0 {
			continue
		}
		at := slices.IndexFunc(needs, func(n need) bool { return n.item == r.Item && n.warehouse == r.Warehouse })
		if at < 0 {
			needs = append(needs, need{r.Item, r.Warehouse, q})
		} else if needs[at].quantity, err = needs[at].quantity.Add(q); err != nil {
			return nil, false, err
		}
	}
	return needs, goods, nil
}

// shortage is what of a need the stock can not fill once all orders before are served.
func (o *Client) shortage(ctx context.Context, op string, n need) (commerce.Decimal, error) {
	var bins []struct {
		Actual   number `json:"actual_qty"`
		Reserved number `json:"reserved_qty"` // of all submitted orders, this one too
	}
	if err := o.list(ctx, op, "Bin", []any{is("item_code", "=", n.item), is("warehouse", "=", n.warehouse)}, "name asc", 1,
		[]string{"actual_qty", "reserved_qty"}, &bins); err != nil {
		return n.quantity, err
	}
	if len(bins) == 0 {
		return n.quantity, nil
	}
	actual, err := bins[0].Actual.decimal()
	if err != nil {
		return n.quantity, err
	}
	reserved, err := bins[0].Reserved.decimal()
	if err != nil {
		return n.quantity, err
	}
	over, err := reserved.Sub(actual)
	if err != nil || over.Sign() <= 0 {
		return commerce.Decimal{}, err
	}
	if over.Cmp(n.quantity) > 0 {
		over = n.quantity
	}
	return over.Trim(0), nil
}

// note is what is read of a Delivery Note.
type note struct {
	Name      string `json:"name"`
	DocStatus int    `json:"docstatus"`
	Return    flag   `json:"is_return"`
	Company   string `json:"company"`
	Date      string `json:"posting_date"`
	Time      string `json:"posting_time"`
	Modified  string `json:"modified"`
	Items     []struct {
		Item     string `json:"item_code"`
		Quantity number `json:"qty"`
		Order    string `json:"against_sales_order"`
		Row      string `json:"so_detail"`
	} `json:"items"`
}

// OrderShipments returns the submitted Delivery Notes of an order, oldest first.
func (o *Client) OrderShipments(ctx context.Context, ref commerce.Ref) ([]commerce.Shipment, error) {
	op := "read shipments of " + ref.ID
	name, err := o.idOf(ref, "order")
	if err != nil {
		return nil, err
	}
	if _, err := o.orderByName(ctx, op, name); err != nil {
		return nil, err
	}
	var rows []named
	if err := o.list(ctx, op, "Delivery Note", []any{[]any{"Delivery Note Item", "against_sales_order", "=", name}, is("docstatus", "=", 1), is("is_return", "=", 0)},
		"posting_date asc, posting_time asc, name asc", o.c.PageSize, []string{"name"}, &rows); err != nil {
		return nil, err
	}
	var out []commerce.Shipment
	for _, r := range rows {
		list, err := o.shipments(ctx, op, r.Name)
		if err != nil {
			return nil, err
		}
		for _, s := range list {
			if s.Order == ref && !slices.ContainsFunc(out, func(x commerce.Shipment) bool { return x.Ref == s.Ref }) {
				out = append(out, s)
			}
		}
	}
	return out, nil
}

// Shipment reads one submitted Delivery Note; of one for several orders, the first.
func (o *Client) Shipment(ctx context.Context, ref commerce.Ref) (commerce.Shipment, error) {
	op := "read " + ref.ID
	name, err := o.idOf(ref, "shipment")
	if err != nil {
		return commerce.Shipment{}, err
	}
	list, err := o.shipments(ctx, op, name)
	if err == nil && len(list) == 0 {
		err = commerce.Errorf(commerce.KindNotFound, system, op, "the delivery was not sent, or not for an order")
	}
	if err != nil {
		return commerce.Shipment{}, err
	}
	return list[0], nil
}

// shipments says a Delivery Note in the root's words: one shipment for each order on it.
func (o *Client) shipments(ctx context.Context, op, name string) ([]commerce.Shipment, error) {
	var n note
	if err := o.get(ctx, op, "Delivery Note", name, &n); err != nil {
		return nil, err
	}
	if n.DocStatus != 1 || bool(n.Return) || n.Company != o.company.name {
		return nil, nil
	}
	sent, err := o.moment(n.Date + " " + n.Time)
	if err != nil {
		return nil, err
	}
	parcels, err := o.parcels(ctx, op, name)
	if err != nil {
		return nil, err
	}
	var out []commerce.Shipment
	for _, r := range n.Items {
		if r.Order == "" {
			continue
		}
		items, err := o.ProductsBySKU(ctx, []string{r.Item})
		if err != nil {
			return nil, err
		}
		if p, ok := items[r.Item]; ok && !p.Stocked {
			continue
		}
		order := o.c.Origin.With("order/" + r.Order)
		at := slices.IndexFunc(out, func(s commerce.Shipment) bool { return s.Order == order })
		if at < 0 {
			s, err := o.orderByName(ctx, op, r.Order)
			if err != nil {
				return nil, err
			}
			at = len(out)
			out = append(out, commerce.Shipment{Ref: o.c.Origin.With("shipment/" + n.Name), Number: n.Name, Order: order, Key: s.Key, Sent: sent, Parcels: parcels})
		}
		q, err := r.Quantity.decimal()
		if err != nil {
			return nil, err
		}
		out[at].Lines = append(out[at].Lines, commerce.ShipmentLine{OrderLine: "line/" + r.Row, SKU: r.Item, Quantity: q})
	}
	return out, nil
}

// parcels reads the Shipment documents of a Delivery Note, which has no tracking itself.
func (o *Client) parcels(ctx context.Context, op, name string) ([]commerce.Parcel, error) {
	b, err := o.books(ctx)
	if err != nil || !b.tracking {
		return nil, err
	}
	var rows []struct {
		Carrier  string `json:"carrier"`
		Tracking string `json:"awb_number"`
		URL      string `json:"tracking_url"`
	}
	if err := o.list(ctx, op, "Shipment", []any{[]any{"Shipment Delivery Note", "delivery_note", "=", name}, is("docstatus", "<", 2)}, "name asc", o.c.PageSize,
		[]string{"name", "carrier", "awb_number", "tracking_url"}, &rows); err != nil {
		return nil, err
	}
	var out []commerce.Parcel
	for _, r := range rows {
		if r.Tracking != "" {
			out = append(out, commerce.Parcel{Carrier: r.Carrier, Tracking: r.Tracking, URL: r.URL})
		}
	}
	return out, nil
}

// position is where a list of deliveries was left.
type position struct {
	Modified string `json:"m"` // by the site's clock
	Name     string `json:"n"`
}

func (p position) cursor() erp.Cursor {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // two texts
	}
	return erp.Cursor(base64.RawURLEncoding.EncodeToString(b))
}

func parseCursor(c erp.Cursor) (p position, err error) {
	if c == "" {
		return position{Modified: "2000-01-01 00:00:00.000000"}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(string(c))
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if _, e := time.Parse(timeLayout, p.Modified); err != nil || e != nil {
		return p, commerce.Errorf(commerce.KindInvalid, system, "read shipments", "the cursor is none of ours")
	}
	return p, nil
}

// Shipments returns a page of the Delivery Notes that were changed since the cursor, in
// order of their change. The last page's cursor stays Lag behind the newest.
func (o *Client) Shipments(ctx context.Context, since erp.Cursor) (erp.ShipmentPage, error) {
	const op = "read shipments"
	at, err := parseCursor(since)
	if err != nil {
		return erp.ShipmentPage{}, err
	}
	base := []any{is("docstatus", "=", 1), is("is_return", "=", 0), is("company", "=", o.company.name)}
	type changed struct {
		Name     string `json:"name"`
		Modified string `json:"modified"`
	}
	var rows []changed
	// Those of the same moment first, then the later ones.
	for _, more := range [][]any{{is("modified", "=", at.Modified), is("name", ">", at.Name)}, {is("modified", ">", at.Modified)}} {
		var part []changed
		if limit := o.c.PageSize - len(rows); limit > 0 {
			if err := o.list(ctx, op, "Delivery Note", append(slices.Clone(base), more...), "modified asc, name asc", limit, []string{"name", "modified"}, &part); err != nil {
				return erp.ShipmentPage{}, err
			}
			rows = append(rows, part...)
		}
	}
	page := erp.ShipmentPage{More: len(rows) == o.c.PageSize}
	for _, r := range rows {
		list, err := o.shipments(ctx, op, r.Name)
		if err != nil && commerce.KindOf(err) != commerce.KindNotFound {
			return erp.ShipmentPage{}, err
		}
		page.Shipments = append(page.Shipments, list...)
		at = position{r.Modified, r.Name}
	}
	if !page.More && len(rows) > 0 {
		newest, err := time.Parse(timeLayout, at.Modified)
		if err != nil {
			return erp.ShipmentPage{}, commerce.Errorf(commerce.KindInternal, system, op, "%q is no time", at.Modified)
		}
		at = position{Modified: newest.Add(-o.c.Lag).Format("2006-01-02 15:04:05.000000")}
	}
	page.Next = at.cursor()
	return page, nil
}
