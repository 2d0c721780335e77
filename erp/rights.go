package erp

import "context"

// Rights is the optional ability to say what the user of the credentials may do, for a
// check at start.
type Rights interface {
	// Rights returns the rights that the adapter's abilities need, and those of which it
	// is good to know that a program has them without need. It writes nothing.
	Rights(ctx context.Context) ([]Right, error)
}

// Right is one thing that a user may do or not.
type Right struct {
	// Name is the ERP's own: "sale.sale create".
	Name string
	// For is the ability that needs it.
	For Ability
	Has bool
}

// Ability is a part of what an adapter does.
type Ability string

const (
	ForOrders    Ability = "sales orders" // with customers and products
	ForWarehouse Ability = "shipments"
	ForLedger    Ability = "journal entries"
	ForInvoices  Ability = "invoices and receipts"
	ForNothing   Ability = "" // no ability needs it
)
