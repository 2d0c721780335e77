package erpbooks

import (
	"context"
	"errors"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/mapping"
)

// ByReference returns the sales orders that stand in the route's company under exactly
// this reference, whoever wrote them, cancelled ones included.
func (b *Books) ByReference(ctx context.Context, r mapping.Route, reference string) ([]commerce.Document, error) {
	return b.found("find reference", r)(b.erp.ForCompany(r.Company).FindOrders(ctx, reference))
}

// ByNumber returns the sales orders of the route's company that people know by this
// number. An ERP adapter that can not look numbers up is of kind invalid.
func (b *Books) ByNumber(ctx context.Context, r mapping.Route, number string) ([]commerce.Document, error) {
	look, err := able[erp.Lookup](b, r, "look up", noLookup)
	if err != nil {
		return nil, err
	}
	return b.found("find number", r)(look.OrdersByNumber(ctx, number))
}

// ByID returns the sales order of the route's company with the ERP's own id, or none.
func (b *Books) ByID(ctx context.Context, r mapping.Route, id string) ([]commerce.Document, error) {
	look, err := able[erp.Lookup](b, r, "look up", noLookup)
	if err != nil {
		return nil, err
	}
	o, err := look.OrderByID(ctx, id)
	if errors.Is(err, commerce.ErrNotFound) {
		return nil, nil
	}
	return b.found("read", r)([]erp.Order{o}, err)
}

func (b *Books) found(op string, r mapping.Route) func([]erp.Order, error) ([]commerce.Document, error) {
	return func(orders []erp.Order, err error) ([]commerce.Document, error) {
		if err != nil {
			return nil, err
		}
		docs := make([]commerce.Document, len(orders))
		for i, o := range orders {
			if docs[i], err = b.ours(op, r, o); err != nil {
				return nil, notSent(op, err)
			}
		}
		return docs, nil
	}
}
