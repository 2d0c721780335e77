package workflow

import (
	"context"
	"iter"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/reconcile"
)

// Balance is what [Books] and [Payouts] want from the payment processor: what moved the
// balance of one account, and what was paid out of it. mapping/stripepay lends a Stripe
// client these methods.
type Balance interface {
	// System is the source of its events: "stripe" for "stripe payout.paid".
	System() string
	// Payout reads a payout. ErrNotFound.
	Payout(ctx context.Context, ref commerce.Ref) (commerce.Payout, error)
	// Payouts yields the payouts that were created in [from, to), in any order. A zero
	// time is no bound.
	Payouts(ctx context.Context, from, to time.Time) iter.Seq2[commerce.Payout, error]
	// Inside yields what is inside an automatic payout that is Reconciled, the payout's
	// own movement among it.
	Inside(ctx context.Context, payout commerce.Ref) iter.Seq2[reconcile.Line, error]
	// Activity yields the movements that were created in [from, to), in any order.
	Activity(ctx context.Context, from, to time.Time) iter.Seq2[reconcile.Line, error]
	// Movement reads one movement: "txn_…". ErrNotFound.
	Movement(ctx context.Context, ref commerce.Ref) (reconcile.Line, error)
	// Returned reads the movement that brought the money of a failed or canceled payout
	// back. ErrNotFound: nothing came back (yet).
	Returned(ctx context.Context, payout commerce.Ref) (reconcile.Line, error)
	// MovementsOf returns the movements that a payment brought about, its refunds
	// included, oldest first. Disputes and what has no order are not among them.
	// Presented has the sign of Amount.
	MovementsOf(ctx context.Context, payment commerce.Ref) ([]reconcile.Line, error)
	// EndedDispute returns the movements of a dispute that is closed, oldest first, and
	// whether it was lost. While it is open the error is of kind unavailable.
	EndedDispute(ctx context.Context, dispute commerce.Ref) (lines []reconcile.Line, lost bool, err error)
	// Standing returns the balance as it is now, one amount a currency, available and
	// pending together.
	Standing(ctx context.Context) ([]commerce.Money, error)
}

// Ledger is what [Books] and [Payouts] want from an ERP's accounts. mapping/erpbooks
// lends any erp adapter with the abilities to it these methods.
type Ledger interface {
	// Route says whose books an order goes into: see [ERP].
	Route(o commerce.Order, payments []commerce.Payment) (mapping.Route, error)
	// BalanceRoute says into whose books the balance of an account at the processor
	// goes: by tenant, account and mode of a ref of it, and by currency. Errors:
	// mapping.Routes.For.
	BalanceRoute(of commerce.Ref, currency commerce.Currency) (mapping.Route, error)
	// Chart returns the chart of accounts of these books.
	Chart(r mapping.Route) (reconcile.Chart, error)

	// Split says on which revenue and tax accounts an amount is booked that was paid for
	// an order, or given back, where no invoice says it; see [reconcile.Chart].Split.
	Split(r mapping.Route, o commerce.Order, amount commerce.Money) ([]reconcile.Part, error)

	// Invoices returns the invoices and credit notes of a sales order, oldest first,
	// drafts included.
	Invoices(ctx context.Context, r mapping.Route, salesOrder commerce.Document) ([]mapping.Invoice, error)
	// Invoice posts the invoice of a confirmed sales order on a day: it adopts the ERP's
	// own draft, writes reference and the shop's taxes on it, and compares totals. Class
	// marked.
	Invoice(r mapping.Route, o commerce.Order, salesOrder commerce.Document, on commerce.Date) idempotency.Effect[commerce.Document]
	// Receipt posts money that moved for an order. Class marked by movement and order.
	Receipt(r mapping.Route, o commerce.Order, n mapping.Receipt) idempotency.Effect[commerce.Document]
	// Received reads what Receipt posted, as it stands now. ErrNotFound.
	Received(ctx context.Context, r mapping.Route, order commerce.Ref, movement string) (mapping.Received, error)
	// Apply sees to it that a receipt pays what is said of each invoice. What was applied
	// before stays. What can not be applied so is of kind conflict. Class guarded.
	Apply(r mapping.Route, receipt commerce.Document, to []mapping.Application, on commerce.Date) idempotency.Effect[commerce.Document]
	// Unapply takes every application of a receipt back; it is an advance again. Class
	// guarded.
	Unapply(r mapping.Route, receipt commerce.Document, on commerce.Date) idempotency.Effect[commerce.Document]

	// Entry posts an entry under its key. Class marked.
	Entry(r mapping.Route, e commerce.JournalEntry) idempotency.Effect[commerce.Document]
	// Series returns the posted entries of a series, see [reconcile.Next]: those under
	// key/1, key/2 and so on.
	Series(ctx context.Context, r mapping.Route, key string) ([]commerce.JournalEntry, error)
	// AccountBalance returns debit less credit of an account at the end of a day: in the
	// account's own currency, or in the company's, which is what the ERP has it at.
	AccountBalance(ctx context.Context, r mapping.Route, account string, currency commerce.Currency, on commerce.Date) (commerce.Money, error)
	// Documents yields the invoices and credit notes dated in [from, to], in any order.
	Documents(ctx context.Context, r mapping.Route, from, to commerce.Date) iter.Seq2[reconcile.Document, error]
}

// Sales is what [Payouts] wants from a shop: mapping/magentoshop and mapping/nopshop
// lend their clients it.
type Sales interface {
	// Documents yields the sales and refunds that the shop made in [from, to), in any
	// order.
	Documents(ctx context.Context, from, to time.Time) iter.Seq2[reconcile.Document, error]
}
