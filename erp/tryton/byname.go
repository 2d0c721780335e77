package tryton

import (
	"context"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

var _ erp.Lookup = (*Client)(nil)

// OrdersByNumber returns every sale of the company with this number; returns are left out.
func (t *Client) OrdersByNumber(ctx context.Context, number string) ([]erp.Order, error) {
	op := "find orders by number"
	id, err := t.companyID(ctx)
	if err != nil {
		return nil, err
	}
	var sales []sale
	err = t.searchRead(ctx, op, "sale.sale", []any{clause("number", "=", number), clause("company", "=", id), clause("origin", "=", nil)},
		maxTwins+1, byID, saleFields, &sales)
	if err != nil {
		return nil, err
	}
	if len(sales) > maxTwins {
		return nil, commerce.Errorf(commerce.KindLimit, system, op, "more than %d sales have this number", maxTwins)
	}
	out := make([]erp.Order, len(sales))
	for i, s := range sales {
		if out[i], err = t.order(s); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// OrderByID returns the sale with this id.
func (t *Client) OrderByID(ctx context.Context, id string) (erp.Order, error) {
	op := "read order " + id
	n, err := parseID(id)
	if err != nil {
		return erp.Order{}, commerce.Errorf(commerce.KindInvalid, system, op, "%q is no id", id)
	}
	s, err := t.saleByID(ctx, op, n)
	if err != nil {
		return erp.Order{}, err
	}
	return t.order(s)
}
