package erp

import (
	"context"

	"github.com/commercesync/commerce"
)

// Warehouse is the optional ability to ship what an order sold, and to tell what
// was shipped. An adapter may be a Warehouse without being an ERP.
type Warehouse interface {
	// RequestFulfilment asks the warehouse to ship a confirmed order: it reserves what
	// is in stock. It is repeatable; what is reserved stays reserved. An order that is
	// not confirmed is an error of kind conflict.
	RequestFulfilment(ctx context.Context, order commerce.Ref) (Fulfilment, error)

	// Fulfilment reads how far the warehouse is.
	Fulfilment(ctx context.Context, order commerce.Ref) (Fulfilment, error)

	// OrderShipments returns the shipments of an order that were sent, oldest first.
	OrderShipments(ctx context.Context, order commerce.Ref) ([]commerce.Shipment, error)

	// Shipment reads one shipment, or returns an error of kind not found.
	Shipment(ctx context.Context, shipment commerce.Ref) (commerce.Shipment, error)

	// Shipments returns one page of the shipments that were sent or changed since the
	// cursor; the empty cursor starts at the beginning. A shipment may come again,
	// none is skipped.
	Shipments(ctx context.Context, since Cursor) (ShipmentPage, error)
}

// Cursor says how far a list was read: an opaque text to be stored as it is.
type Cursor string

// ShipmentPage is one page of shipments.
type ShipmentPage struct {
	Shipments []commerce.Shipment
	Next      Cursor // to go on from
	More      bool   // there is another page now; else come back later
}

// FulfilmentState is the warehouse's answer to a request.
type FulfilmentState string

const (
	// NotRequested: the goods wait, nobody has asked for them yet.
	NotRequested FulfilmentState = "not_requested"
	// Reserved: everything that is still to be sent is reserved or being packed.
	Reserved FulfilmentState = "reserved"
	// Backordered: something that is to be sent is not in stock; Missing says what.
	Backordered FulfilmentState = "backordered"
	// Sent: everything is on its way.
	Sent FulfilmentState = "sent"
	// Refused: the warehouse has cancelled; a person has to decide.
	Refused FulfilmentState = "refused"
	// NothingToSend: the order has no goods.
	NothingToSend FulfilmentState = "nothing_to_send"
)

// Fulfilment is the state of an order in the warehouse.
type Fulfilment struct {
	Order   commerce.Ref
	State   FulfilmentState
	Missing []Shortage // what is not in stock, for Backordered; what was cancelled, for Refused
}

// Shortage is a quantity of a product that can not be sent now.
type Shortage struct {
	SKU      string
	Quantity commerce.Decimal
}
