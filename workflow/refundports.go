package workflow

import (
	"context"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/reconcile"
)

// RefundShop is what [Refunds] wants from a shop beside [Shop]: its papers about money that
// goes back. mapping/magentoshop and mapping/nopshop lend their clients it.
type RefundShop interface {
	// RefundDocuments returns all of an order's papers that stand, oldest first, also those
	// that we made; canceled ones are left out. Read from the primary.
	RefundDocuments(ctx context.Context, o commerce.Order) ([]mapping.RefundDocument, error)
	// RecordRefund books a refund that has moved money already: never by a route that asks
	// a gateway. Rows, shipping and adjustments are all said, so that the shop guesses
	// none, and come to r.Amount where its books can say that; the document's Ref is that of
	// RefundDocuments where it has one there, and its Total what it came to; its State is
	// mapping.ShortRefund where that is less. The refund's id is in the same write.
	//
	// Class marked by the refund's id; guarded by the total, from r.Before to r.Before +
	// r.Amount, where a shop takes no mark.
	//
	// Errors: kind needs_decision with code "order_held" where an order on hold takes none,
	// "nothing_left" where the shop has less left to refund than that (all of it went back,
	// or the order was closed by hand), "nothing_invoiced" where it has recorded no payment.
	// All of them are not sent.
	RecordRefund(o commerce.Order, r mapping.RefundRecord) idempotency.Effect[commerce.Document]
}

// RefundPayments is what [Refunds] wants from the payment processor beside [Payments].
// mapping/stripepay lends a Stripe client these methods.
type RefundPayments interface {
	// Refunds returns the refunds of a payment, of all of its charges, whoever made them
	// and whatever became of them, oldest first. What a capture of less than was
	// authorised released is none (partial_capture_reversal). Orders of each are those
	// that its metadata names, Operation our operation id.
	Refunds(ctx context.Context, payment commerce.Ref) ([]commerce.Refund, error)
	// GiveBack makes one refund with r.Key as key and as operation id. It may be pending.
	// Class keyed, and after the processor's retention found among the refunds of the
	// payment by its operation id.
	//
	// Errors: kind conflict, not sent, with the processor's code where it refuses:
	// "charge_already_refunded", "refund_disputed_payment", "amount_too_large" …
	GiveBack(r mapping.RefundRequest) idempotency.Effect[commerce.Refund]
}

// CreditLedger is what [Refunds] wants from an ERP: mapping/erpbooks lends any erp adapter
// that is an erp.CreditNoter these methods. The refund's payment is no matter of it: [Books]
// posts that from the balance, and lets it pay the credit note.
type CreditLedger interface {
	// Route says whose books an order goes into: see [ERP].
	Route(o commerce.Order, payments []commerce.Payment) (mapping.Route, error)
	// Chart returns the chart of accounts of these books: see [Ledger].
	Chart(r mapping.Route) (reconcile.Chart, error)
	// Invoices returns the invoices and credit notes of a sales order: see [Ledger].
	Invoices(ctx context.Context, r mapping.Route, salesOrder commerce.Document) ([]mapping.Invoice, error)
	// CreditNote posts a credit note on the posted invoice of a sales order, by line and
	// with the invoice's tax codes: n.Content, to the minor unit. A draft that the ERP made
	// of the same return is adopted. Class marked by n.Key and the order.
	//
	// Errors: kind conflict where no posted invoice has as much left to credit; kind
	// needs_decision with code "several_invoices" where what goes back is on several; kind
	// mapping for what can not be said.
	CreditNote(r mapping.Route, o commerce.Order, salesOrder commerce.Document, n mapping.CreditNote) idempotency.Effect[commerce.Document]
}
