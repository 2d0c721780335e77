package workflow

import (
	"cmp"
	"context"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
)

// Names of exceptions. Each is a case for a person; none is mended by repetition.
const (
	// Overpaid: more money came than was due; the text proposes the refund.
	Overpaid = "overpaid"
	// PaymentReturned: money that had paid the order was taken back.
	PaymentReturned = "payment_returned"
	// CanceledOrder: money came for an order that is canceled; nothing was posted.
	CanceledOrder = "canceled_order"
	// ReplacedOrder: the same for an order that an edit replaced by another one.
	ReplacedOrder = "replaced_order"
	// ClosedOrder: money came for an order that is closed.
	ClosedOrder = "closed_order"
	// UnknownState: the shop shows a state of a plugin; the event waits.
	UnknownState = "unknown_order_state"
	// OrderOnHold: the order is paid or was sent, and somebody holds it; the event waits.
	OrderOnHold = "order_on_hold"
	// AuthorisationExpired: reserved money was not captured in time.
	AuthorisationExpired = "authorisation_expired"
	// WarehouseRefused: the warehouse will not ship the order.
	WarehouseRefused = "warehouse_refused"
	// Backorder: goods are missing.
	Backorder = "backorder"
	// ShippedElsewhere: the shop shows goods as shipped that the warehouse was never
	// asked for, so it is not asked any more.
	ShippedElsewhere = "shipped_elsewhere"
	// ShippedCanceled: goods went out for an order that is canceled or closed.
	ShippedCanceled = "shipped_canceled_order"
	// ShortShipment: the shop recorded less than was sent, as somebody shipped there in
	// the same moment.
	ShortShipment = "short_shipment"
	// CustomerNotTold: a message to the customer was refused for good.
	CustomerNotTold = "customer_not_told"
	// DoubleSalesOrder: the ERP holds two sales orders of one order.
	DoubleSalesOrder = "double_sales_order"
	// ChargeNotFound: the shop takes an order for paid, and the processor has no money
	// for it.
	ChargeNotFound = "charge_not_found"
	// UnfitPayment: money is linked to an order that is not its due (any more), and it is
	// left out until a person decides.
	UnfitPayment = "unfit_payment"
	// MissingSalesOrder: a sales order that was written is not there any more.
	MissingSalesOrder = "missing_sales_order"
	// OrderChanged: an order was edited at the shop when the ERP could not follow any more.
	OrderChanged = "order_changed"
	// AddressChanged: the same where nothing but an address was edited.
	AddressChanged = "address_changed"
	// CanceledPaid: an order was canceled after it was taken up, and money is held for
	// it; the text proposes the refund.
	CanceledPaid = "canceled_paid"
	// CanceledLate: an order ended at the shop when its sales order could not be
	// cancelled any more.
	CanceledLate = "canceled_late"
	// DeletedOrder: an order that was taken up is gone from the shop.
	DeletedOrder = "deleted_order"
	// InSuspense: money of no order in the books stands on the suspense account.
	InSuspense = "in_suspense"
	// NotApplied: the ledger refuses to let a receipt pay an invoice.
	NotApplied = "receipt_not_applied"
	// MoneyOpen: more was received for an order than is invoiced.
	MoneyOpen = "money_open"
	// ClearingDiffers: the clearing account was not the balance at the end of a day.
	ClearingDiffers = "clearing_differs"
	// DisputeBeforeStart: a dispute was lost whose money was withdrawn before the start.
	DisputeBeforeStart = "dispute_before_start"
	// PayoutDiscrepancy: rows of a payout and documents do not agree, for one reason.
	PayoutDiscrepancy = "payout_discrepancy"
	// PayoutFailed: a payout failed or was canceled, and the money is back on the balance.
	PayoutFailed = "payout_failed"
)

// exception tells a person, and remembers that it did under
// "exception/<name>/<order>/<payment or shipment, and mark>": once, or again where nobody
// knows whether the telling ended.
func (d desk) exception(ctx context.Context, x Exception) error {
	_, err := idempotency.Run(ctx, d.steps, x.key(), idempotency.Effect[Exception]{
		Class: idempotency.Keyed,
		Act: func(ctx context.Context) (Exception, error) {
			d.log.WarnContext(ctx, "exception", "name", x.Name, "order", x.Order.String(), "payment", x.Payment.ID, "text", x.Text)
			if d.alerter != nil {
				d.alerter.Exception(ctx, x)
			}
			return x, nil
		},
	})
	return err
}

func (x Exception) key() string {
	return "exception/" + x.Name + "/" + cmp.Or(x.Order, x.Balance).String() + "/" + strings.TrimSpace(cmp.Or(x.Payment.ID, x.Shipment.ID, x.Balance.ID)+" "+x.Mark)
}

// withCode returns the first error in the tree that carries the code, or nil.
func withCode(err error, code string) *commerce.Error {
	if e, ok := err.(*commerce.Error); ok && e.Code == code {
		return e
	}
	switch u := err.(type) {
	case interface{ Unwrap() error }:
		return withCode(u.Unwrap(), code)
	case interface{ Unwrap() []error }:
		for _, branch := range u.Unwrap() {
			if e := withCode(branch, code); e != nil {
				return e
			}
		}
	}
	return nil
}
