package erpnext

import (
	"context"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

var _ erp.Lookup = (*Client)(nil)

// OrderByID reads an order by its name: "SAL-ORD-2026-00017".
func (o *Client) OrderByID(ctx context.Context, id string) (erp.Order, error) {
	s, err := o.orderByName(ctx, "read order "+id, id)
	if err != nil {
		return erp.Order{}, err
	}
	return o.order(s)
}

// OrdersByNumber returns the order of that name: a name is the number, and unique.
func (o *Client) OrdersByNumber(ctx context.Context, number string) ([]erp.Order, error) {
	got, err := o.OrderByID(ctx, number)
	switch {
	case commerce.KindOf(err) == commerce.KindNotFound:
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []erp.Order{got}, nil
}
