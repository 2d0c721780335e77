package erpbooks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
)

// ShipmentSent is the type of the events that Changes yields.
const ShipmentSent = "shipment.sent"

// warehouse returns the ERP of a company as a warehouse.
func (b *Books) warehouse(op, company string) (erp.Warehouse, error) {
	if w, ok := b.erp.ForCompany(company).(erp.Warehouse); ok {
		return w, nil
	}
	e := commerce.Errorf(commerce.KindInvalid, room, op, "the ERP %s is no warehouse", b.c.System)
	e.Outcome = commerce.NotSent
	return nil, e
}

// Request asks the warehouse to ship a confirmed sales order. Guarded by the
// warehouse's own state: what is reserved, sent or has nothing to send is found.
//
// Goods that are not in stock are an error of kind needs_decision with code
// "backorder", a refusal one with code "refused"; both name the SKUs. What is in stock
// may be reserved by then. As asking again is harmless, their outcome is not sent: the
// next request asks the warehouse once more.
func (b *Books) Request(r mapping.Route, o commerce.Order, salesOrder commerce.Document) document {
	op := "request shipping of " + o.Ref.ID
	answer := func(f erp.Fulfilment) (commerce.Document, error) {
		switch f.State {
		case erp.Reserved, erp.Sent, erp.NothingToSend:
			return commerce.Document{Ref: salesOrder.Ref, Number: salesOrder.Number, State: string(f.State)}, nil
		case erp.Refused:
			return commerce.Document{}, undecided(op, "refused", "the warehouse has cancelled "+missing(f))
		case erp.Backordered:
			return commerce.Document{}, undecided(op, "backorder", "not in stock: "+missing(f))
		}
		return commerce.Document{}, &commerce.Error{Kind: commerce.KindNotFound, System: room, Op: op,
			Text: "the warehouse was not asked yet"}
	}
	return document{Class: idempotency.Guarded, Settle: b.c.Settle,
		Find: func(ctx context.Context) (commerce.Document, error) {
			w, err := b.warehouse(op, r.Company)
			if err != nil {
				return commerce.Document{}, err
			}
			f, err := w.Fulfilment(ctx, salesOrder.Ref)
			if err != nil {
				return commerce.Document{}, err
			}
			if f.State == erp.Backordered {
				f.State = erp.NotRequested // it is asked again: goods may have come
			}
			return answer(f)
		},
		Act: func(ctx context.Context) (commerce.Document, error) {
			w, err := b.warehouse(op, r.Company)
			if err != nil {
				return commerce.Document{}, err
			}
			f, err := w.RequestFulfilment(ctx, salesOrder.Ref)
			if err != nil {
				return commerce.Document{}, err
			}
			if f.State == erp.NotRequested {
				e := commerce.Errorf(commerce.KindInternal, room, op, "the warehouse took the request and says that there was none")
				e.Outcome = commerce.Unknown
				return commerce.Document{}, e
			}
			return answer(f)
		}}
}

func undecided(op, code, text string) error {
	return &commerce.Error{Kind: commerce.KindNeedsDecision, System: room, Op: op, Code: code, Outcome: commerce.NotSent, Text: text}
}

func missing(f erp.Fulfilment) string {
	var parts []string
	for _, s := range f.Missing {
		parts = append(parts, s.Quantity.Trim(0).String()+" of "+s.SKU)
	}
	return strings.Join(parts, ", ")
}

// Shipment reads a shipment, of whichever company of the routes it is. Its Key is the
// reference of the shop's order.
func (b *Books) Shipment(ctx context.Context, ref commerce.Ref) (commerce.Shipment, error) {
	var last error
	for _, company := range b.companies() {
		w, err := b.warehouse("read "+ref.ID, company)
		if err != nil {
			return commerce.Shipment{}, err
		}
		s, err := w.Shipment(ctx, ref)
		if err == nil || !errors.Is(err, commerce.ErrNotFound) {
			return s, err
		}
		last = err
	}
	return commerce.Shipment{}, last
}

// Changes yields the shipments that were sent or changed since the cursor, company by
// company, as events of type "shipment.sent": it is the warehouse's feed of an inbox.
// A shipment that looks as it did is no news, and those for shops that no route names are
// left to others.
func (b *Books) Changes(ctx context.Context, cursor string) iter.Seq2[inbox.Change, error] {
	return func(yield func(inbox.Change, error) bool) {
		at := map[string]erp.Cursor{} // by company
		if cursor != "" {
			if err := json.Unmarshal([]byte(cursor), &at); err != nil {
				yield(inbox.Change{}, commerce.Errorf(commerce.KindInvalid, room, "read shipments", "the cursor is not one of ours"))
				return
			}
		}
		for _, company := range b.companies() {
			if !b.changes(ctx, company, at, yield) {
				return
			}
		}
	}
}

// changes yields those of one company and reports whether to go on.
func (b *Books) changes(ctx context.Context, company string, at map[string]erp.Cursor, yield func(inbox.Change, error) bool) bool {
	const op = "read shipments"
	w, err := b.warehouse(op, company)
	if err != nil {
		yield(inbox.Change{}, err)
		return false
	}
	for {
		page, err := w.Shipments(ctx, at[company])
		if err != nil {
			yield(inbox.Change{}, err)
			return false
		}
		before := cursorText(at)
		moved := page.Next != at[company]
		at[company] = page.Next
		for _, s := range page.Shipments {
			if !b.serves(s) {
				continue
			}
			c, err := b.change(s)
			if err != nil {
				yield(inbox.Change{}, err)
				return false
			}
			c.Cursor = before // until the whole page is stored
			if !yield(c, nil) {
				return false
			}
		}
		if moved && !yield(inbox.Change{Cursor: cursorText(at)}, nil) {
			return false
		}
		if !page.More || !moved {
			return true
		}
	}
}

// cursorText writes the cursors of all companies; a map of texts always has a JSON form.
func cursorText(at map[string]erp.Cursor) string {
	text, _ := json.Marshal(at)
	return string(text)
}

// serves reports whether a shipment can be ours: it names no order of a shop, which is
// for a person to see, or one of a shop that a route is for. Another program may ship
// from the same company for another shop.
func (b *Books) serves(s commerce.Shipment) bool {
	order, err := commerce.ParseRef(s.Key)
	return err != nil || slices.ContainsFunc(b.c.Routes, func(r mapping.Route) bool {
		return (r.Tenant == "" || r.Tenant == order.Tenant) && (r.Shop == "" || r.Shop == order.Account) && r.Mode == order.Mode
	})
}

func (b *Books) change(s commerce.Shipment) (inbox.Change, error) {
	if s.Ref.System != b.c.System {
		return inbox.Change{}, commerce.Errorf(commerce.KindInvalid, room, "read shipments",
			"%s is of system %q, Config.System is %q", s.Ref.ID, s.Ref.System, b.c.System)
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return inbox.Change{}, commerce.Errorf(commerce.KindInternal, room, "read shipments", "%s has no JSON form: %w", s.Ref.ID, err)
	}
	sum := sha256.Sum256(raw)
	return inbox.Change{
		Event: commerce.Event{Ref: s.Ref, Type: ShipmentSent, Object: s.Ref.ID, Subject: s.Ref.ID, Created: s.Sent, Raw: raw},
		Hash:  hex.EncodeToString(sum[:]),
	}, nil
}
