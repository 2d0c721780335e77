package erptest

import (
	"context"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

var _ erp.Lookup = (*Memory)(nil)

// OrdersByNumber returns all orders of the company with the number.
func (m *Memory) OrdersByNumber(ctx context.Context, number string) ([]erp.Order, error) {
	done, after, err := m.begin(ctx, "OrdersByNumber", false)
	if err != nil {
		return nil, err
	}
	defer done()
	var found []erp.Order
	for _, o := range m.state.orders {
		if o.Number == number && o.company == m.company {
			found = append(found, o.Order)
		}
	}
	return found, after
}

// OrderByID returns the order with the id.
func (m *Memory) OrderByID(ctx context.Context, id string) (erp.Order, error) {
	done, after, err := m.begin(ctx, "OrderByID", false)
	if err != nil {
		return erp.Order{}, err
	}
	defer done()
	for _, o := range m.state.orders {
		if strings.TrimPrefix(o.Ref.ID, "order/") == id && o.company == m.company {
			return o.Order, after
		}
	}
	return erp.Order{}, commerce.Errorf(commerce.KindNotFound, "memory", "read order "+id, "there is none")
}
