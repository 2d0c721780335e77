package erp

import "github.com/commercesync/commerce"

// Customer is the party that an order is for, under a key that a policy chose:
// one per registered customer, one per guest order, one for all guests.
type Customer struct {
	// Key is the party's natural key at the ERP, unique for ever.
	Key string
	// Party is the master data. It is written when the party is made, and again
	// only with Update.
	Party commerce.Customer
	// Update overwrites the master data of a party that is there already. Leave it
	// off where the match is a guess: a guest's e-mail address never rewrites a
	// registered customer.
	Update bool

	Billing commerce.Address
	// Shipping is nil where it is the billing address, or nothing is shipped.
	Shipping *commerce.Address
}

// CustomerRef is a party and two of its addresses at the ERP.
type CustomerRef struct {
	Party    string
	Billing  string // id of the invoice address
	Shipping string // id of the delivery address; the billing one where nothing is shipped
}

// Validate reports the first field that no ERP could take, as an error of kind invalid.
func (c Customer) Validate() error {
	const op = "check customer"
	switch {
	case c.Key == "":
		return invalid(op, "Key is empty")
	case c.Party.Name == "" && c.Party.Company == "" && c.Billing.Name == "":
		return invalid(op, "%s: Party has neither Name nor Company", c.Key)
	}
	return nil
}

// invalid is found out before anything is sent.
func invalid(op, format string, args ...any) error {
	e := commerce.Errorf(commerce.KindInvalid, "erp", op, format, args...)
	e.Outcome = commerce.NotSent
	return e
}
