package erpbooks

import (
	"context"
	"errors"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/reconcile"
)

// ReceiptKey is the reference of the receipt of a movement for an order, for ever:
// "tenant/system/account/mode/order/txn_…", the order's reference with the movement
// behind it. A movement that pays two orders has two receipts.
func (b *Books) ReceiptKey(order commerce.Ref, movement string) string {
	return b.Reference(order) + "/" + movement
}

// Receipt posts money that moved for an order, and applies it to the invoices that it
// names. Marked by [Books.ReceiptKey]; one that is found pays what [Books.Received] says, and
// the rest is left to [Books.Apply]. An empty Party is the order's. In a company whose
// currency is not that of settlement the receipt is worth what Chart.Rate of its day says,
// as every entry on the clearing account is.
func (b *Books) Receipt(r mapping.Route, o commerce.Order, n mapping.Receipt) document {
	op := "post receipt of " + n.Movement + " for " + o.Ref.ID
	key := b.ReceiptKey(o.Ref, n.Movement)
	return document{Class: idempotency.Marked, Settle: b.c.Settle,
		Find: func(ctx context.Context) (commerce.Document, error) {
			receipter, err := able[erp.Receipter](b, r, op, noReceipter)
			if err != nil {
				return commerce.Document{}, err
			}
			found, err := receipter.FindReceipt(ctx, key)
			if err == nil && found.Amount != n.Amount {
				err = commerce.Errorf(commerce.KindConflict, room, op, "%s is over %s, not over %s", found.Ref.ID, found.Amount, n.Amount)
			}
			// What it pays of n.Apply stands in Received: what was open when it was posted
			// may be another now.
			return found.Document(), err
		},
		Act: func(ctx context.Context) (commerce.Document, error) {
			receipter, err := able[erp.Receipter](b, r, op, noReceipter)
			if err != nil {
				return commerce.Document{}, err
			}
			books := b.erp.ForCompany(r.Company)
			if err := b.sameMode(ctx, op, books, r); err != nil {
				return commerce.Document{}, err
			}
			chart, err := b.chart(r)
			if err != nil {
				return commerce.Document{}, err
			}
			next, err := chart.receipt(key, n)
			if err != nil {
				return commerce.Document{}, notSent(op, err)
			}
			if next.Party == "" {
				who, err := books.UpsertCustomer(ctx, b.customer(o))
				if err != nil { // whatever became of the party: the receipt was not sent
					return commerce.Document{}, notSent(op, err)
				}
				next.Party = who.Party
			}
			day := n.Date
			if b.c.Closed == NextOpen { // an earlier attempt has chosen the day
				have, err := receipter.FindReceipt(ctx, key)
				switch {
				case err == nil:
					day = have.Date
				case !errors.Is(err, commerce.ErrNotFound):
					return commerce.Document{}, notSent(op, err)
				}
			}
			made, err := onOpenDay(ctx, b, r, op, day, func(on commerce.Date) (erp.Receipt, error) {
				next := next
				next.Date, next.Text = on, dated(n.Text, n.Date, on)
				return receipter.PostReceipt(ctx, next)
			})
			return made.Document(), err
		}}
}

// Received reads what Receipt posted, as it stands now. None is of kind not found.
func (b *Books) Received(ctx context.Context, r mapping.Route, order commerce.Ref, movement string) (mapping.Received, error) {
	op := "read receipt of " + movement + " for " + order.ID
	receipter, err := able[erp.Receipter](b, r, op, noReceipter)
	if err != nil {
		return mapping.Received{}, err
	}
	found, err := receipter.FindReceipt(ctx, b.ReceiptKey(order, movement))
	if err != nil {
		return mapping.Received{}, err
	}
	got := mapping.Received{Document: found.Document(), Party: found.Party, Amount: found.Amount, Left: found.Unapplied}
	for _, a := range found.Applied {
		got.Applied = append(got.Applied, mapping.Application{Invoice: a.Invoice, Amount: a.Amount})
	}
	return got, b.sameBooks(op, r, found.Ref)
}

// receipt says a receipt in the ERP's words, but for party and day.
func (c Chart) receipt(key string, n mapping.Receipt) (erp.NewReceipt, error) {
	if n.Settled == (commerce.Money{}) {
		n.Settled = n.Amount
	}
	account := c.Clearing[n.Settled.Currency()]
	if account == "" {
		return erp.NewReceipt{}, &reconcile.UnmappedError{Currencies: []commerce.Currency{n.Settled.Currency()}}
	}
	value, err := c.Worth(n.Settled, n.Date)
	if err != nil {
		return erp.NewReceipt{}, err
	}
	return erp.NewReceipt{Key: key, Party: n.Party, Journal: c.Receipts, Account: account,
		Amount: n.Amount, Settled: n.Settled, Value: value, FXAccount: c.FX, Advance: c.Advance, Apply: applications(n.Apply)}, nil
}

func applications(to []mapping.Application) []erp.Application {
	out := make([]erp.Application, len(to))
	for i, a := range to {
		out[i] = erp.Application{Invoice: a.Invoice, Amount: a.Amount}
	}
	return out
}

// Apply sees to it that a receipt pays what is said of each invoice; what was applied
// before stays. Declared keyed: the adapter reads, acts and reads back, and the same
// again is no second effect. What is applied otherwise is of kind conflict.
func (b *Books) Apply(r mapping.Route, receipt commerce.Document, to []mapping.Application, on commerce.Date) document {
	return b.reapply("apply "+receipt.Ref.ID, r, receipt, on, func(ctx context.Context, receipter erp.Receipter, fx string, on commerce.Date) (erp.Receipt, error) {
		return receipter.ApplyReceipt(ctx, erp.Applications{Receipt: receipt.Ref, To: applications(to), Date: on, FXAccount: fx})
	})
}

// Unapply takes every application of a receipt back; it is an advance again. Declared
// keyed, as Apply is.
func (b *Books) Unapply(r mapping.Route, receipt commerce.Document, on commerce.Date) document {
	return b.reapply("take back "+receipt.Ref.ID, r, receipt, on, func(ctx context.Context, receipter erp.Receipter, _ string, on commerce.Date) (erp.Receipt, error) {
		return receipter.UnapplyReceipt(ctx, receipt.Ref, on)
	})
}

func (b *Books) reapply(op string, r mapping.Route, receipt commerce.Document, on commerce.Date,
	act func(ctx context.Context, receipter erp.Receipter, fx string, on commerce.Date) (erp.Receipt, error)) document {
	return document{Class: idempotency.Keyed, Settle: b.c.Settle, Act: func(ctx context.Context) (commerce.Document, error) {
		receipter, err := able[erp.Receipter](b, r, op, noReceipter)
		if err != nil {
			return commerce.Document{}, err
		}
		if err := b.sameBooks(op, r, receipt.Ref); err != nil {
			return commerce.Document{}, err
		}
		chart, err := b.chart(r)
		if err != nil {
			return commerce.Document{}, err
		}
		got, err := onOpenDay(ctx, b, r, op, on, func(on commerce.Date) (erp.Receipt, error) { return act(ctx, receipter, chart.FX, on) })
		return got.Document(), err
	}}
}
