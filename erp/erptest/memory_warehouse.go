package erptest

import (
	"context"
	"math/big"
	"strconv"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// page is how many shipments one call returns.
const page = 100

func (o *memoryOrder) lineID(i int) string {
	return "line/" + strings.TrimPrefix(o.Ref.ID, "order/") + "-" + strconv.Itoa(i+1)
}

func (o *memoryOrder) shipped(s *memory, i int) bool {
	for _, sh := range s.shipments {
		if sh.Order != o.Ref {
			continue
		}
		for _, l := range sh.Lines {
			if l.OrderLine == o.lineID(i) {
				return true
			}
		}
	}
	return false
}

// RequestFulfilment reserves what is in stock.
func (m *Memory) RequestFulfilment(ctx context.Context, ref commerce.Ref) (erp.Fulfilment, error) {
	done, after, err := m.begin(ctx, "RequestFulfilment", true)
	if err != nil {
		return erp.Fulfilment{}, err
	}
	defer done()
	s := m.state
	o, err := m.order("request fulfilment of "+ref.ID, ref)
	if err != nil {
		return erp.Fulfilment{}, err
	}
	if o.State != erp.Confirmed && o.State != erp.Done {
		return erp.Fulfilment{}, m.fail(commerce.KindConflict, commerce.NotSent, "request fulfilment of "+ref.ID, "the order is %s", o.State)
	}
	for i, l := range o.new.Lines {
		if !s.products[l.SKU].Stocked || o.reserved[i] || o.refused {
			continue
		}
		left, limited := s.stock[l.SKU]
		whole := wholeUnits(l.Quantity)
		if limited && left < whole {
			continue
		}
		if limited {
			s.stock[l.SKU] = left - whole
		}
		o.reserved[i] = true
	}
	return o.fulfilment(s, true), after
}

// wholeUnits rounds a quantity up.
func wholeUnits(q commerce.Decimal) int64 {
	r, _ := new(big.Rat).SetString(q.String())
	n, rest := new(big.Int).DivMod(r.Num(), r.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		n.Add(n, big.NewInt(1))
	}
	return n.Int64()
}

// Fulfilment reads how far the warehouse is.
func (m *Memory) Fulfilment(ctx context.Context, ref commerce.Ref) (erp.Fulfilment, error) {
	done, after, err := m.begin(ctx, "Fulfilment", false)
	if err != nil {
		return erp.Fulfilment{}, err
	}
	defer done()
	o, err := m.order("read fulfilment of "+ref.ID, ref)
	if err != nil {
		return erp.Fulfilment{}, err
	}
	return o.fulfilment(m.state, len(o.reserved) > 0), after
}

func (o *memoryOrder) fulfilment(s *memory, requested bool) erp.Fulfilment {
	f := erp.Fulfilment{Order: o.Ref, State: erp.NothingToSend}
	open := 0
	for i, l := range o.new.Lines {
		if !s.products[l.SKU].Stocked {
			continue
		}
		if f.State == erp.NothingToSend {
			f.State = erp.Sent
		}
		if o.shipped(s, i) {
			continue
		}
		open++
		if o.refused || !o.reserved[i] {
			f.Missing = append(f.Missing, erp.Shortage{SKU: l.SKU, Quantity: l.Quantity})
		}
	}
	switch {
	case open == 0:
		f.Missing = nil
	case o.refused:
		f.State = erp.Refused
	case !requested:
		f.State, f.Missing = erp.NotRequested, nil
	case len(f.Missing) > 0:
		f.State = erp.Backordered
	default:
		f.State = erp.Reserved
	}
	return f
}

// OrderShipments returns what was sent for an order.
func (m *Memory) OrderShipments(ctx context.Context, ref commerce.Ref) ([]commerce.Shipment, error) {
	done, after, err := m.begin(ctx, "OrderShipments", false)
	if err != nil {
		return nil, err
	}
	defer done()
	if _, err := m.order("read shipments of "+ref.ID, ref); err != nil {
		return nil, err
	}
	var out []commerce.Shipment
	for _, sh := range m.state.shipments {
		if sh.Order == ref {
			out = append(out, sh.Shipment)
		}
	}
	return out, after
}

// Shipment returns one shipment.
func (m *Memory) Shipment(ctx context.Context, ref commerce.Ref) (commerce.Shipment, error) {
	done, after, err := m.begin(ctx, "Shipment", false)
	if err != nil {
		return commerce.Shipment{}, err
	}
	defer done()
	for _, sh := range m.state.shipments {
		if sh.Ref == ref && sh.company == m.company {
			return sh.Shipment, after
		}
	}
	return commerce.Shipment{}, m.fail(commerce.KindNotFound, "", "read "+ref.ID, "%s does not exist", ref.ID)
}

// Shipments returns one page of what was sent since the cursor.
func (m *Memory) Shipments(ctx context.Context, since erp.Cursor) (erp.ShipmentPage, error) {
	done, after, err := m.begin(ctx, "Shipments", false)
	if err != nil {
		return erp.ShipmentPage{}, err
	}
	defer done()
	if after != nil {
		return erp.ShipmentPage{}, after
	}
	last := int64(0)
	if since != "" {
		if last, err = strconv.ParseInt(string(since), 10, 64); err != nil {
			return erp.ShipmentPage{}, m.fail(commerce.KindInvalid, "", "read shipments", "the cursor is not one of ours")
		}
	}
	out := erp.ShipmentPage{Next: since}
	for _, sh := range m.state.shipments {
		if sh.change <= last || sh.company != m.company {
			continue
		}
		if len(out.Shipments) == page {
			out.More = true
			break
		}
		out.Shipments = append(out.Shipments, sh.Shipment)
		out.Next = erp.Cursor(strconv.FormatInt(sh.change, 10))
	}
	return out, nil
}
