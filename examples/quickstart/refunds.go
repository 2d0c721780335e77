package main

import (
	"context"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/workflow"
)

// giveBack adds what follows money of a shop's orders that goes back. It comes behind the
// books, so that a refund finds its order's invoice.
func (a *app) giveBack(l *lane) (inbox.Handlers, error) {
	refunds := &workflow.Refunds{OrderToCash: l.orders, Shop: l.refunds, Payments: l.pay, Ledger: a.books, Pays: always}
	if l.tickets == nil {
		return refunds.Handlers(), refunds.Check()
	}
	returns := &workflow.Returns{Refunds: refunds, Shop: l.tickets}
	return inbox.Merge(returns.Handlers(), refunds.Handlers()), returns.Check()
}

// always is the rule of a merchant who trusts his staff: what they write down in the shop
// moves money by itself.
func always(context.Context, commerce.Facts, mapping.RefundDocument) (bool, error) { return true, nil }
