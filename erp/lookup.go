package erp

import "context"

// Lookup is the optional ability to find sales orders that were written by others and
// do not carry a key of ours: by the number that people know, and by the record's id.
type Lookup interface {
	// OrdersByNumber returns every order of the company with this number, cancelled ones
	// included, returns excluded. None is an empty slice.
	OrdersByNumber(ctx context.Context, number string) ([]Order, error)
	// OrderByID returns the order with the server's own id, as it stands in Ref.ID behind
	// "order/", or an error of kind not found.
	OrderByID(ctx context.Context, id string) (Order, error)
}
