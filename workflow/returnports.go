package workflow

import (
	"context"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
)

// ReturnShop is what [Returns] wants from a shop beside [Shop]. mapping/nopshop lends it
// for return requests, mapping/magentoshop for the RMA of Adobe Commerce; on Magento Open
// Source every call is of kind invalid with code "not_offered".
type ReturnShop interface {
	// Return reads a return by its ref ("return/5"). ErrNotFound where it was withdrawn.
	Return(ctx context.Context, ref commerce.Ref) (commerce.Return, error)
	// ReturnsOf returns all returns of an order, oldest first.
	ReturnsOf(ctx context.Context, o commerce.Order) ([]commerce.Return, error)
	// Advance moves a return to a status of its way: authorised, received or refunded, all
	// of its lines. One that is there or further is found. Class guarded.
	//
	// Errors: kind conflict with code "return_ended", not sent, where it was rejected or
	// closed.
	Advance(r commerce.Return, to commerce.ReturnStatus) idempotency.Effect[commerce.Document]
}

// Restocker puts goods that came back on the shelf, where the paper about the refund does
// not do it: mapping/nopshop lends it, by a change of each line's stock. Magento restocks
// with its credit memo, and an ERP that keeps the stock by its own receipt of the goods.
type Restocker interface {
	// Restock adds the lines' Accepted quantities to the stock of their products. Class
	// marked where the shop keeps a note of it in the same write, else blind: an unknown
	// outcome needs a decision.
	Restock(o commerce.Order, r commerce.Return) idempotency.Effect[commerce.Document]
}
