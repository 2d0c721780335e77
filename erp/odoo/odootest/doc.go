// Package odootest is an Odoo 19 for tests, in this process: the remote calls that
// package odoo makes, over a small store of records, with the server's own silences and
// refusals.
//
//	far, err := odootest.New(odootest.Config{})
//	client := &http.Client{Transport: far.Transport()}
//	// POST http://odoo.test/json/2/sale.order/action_confirm  {"ids": [1]}
//	// Authorization: bearer <far.Key()>
//
// It speaks JSON-2 and JSON-RPC. [Server.Transport] answers without a socket and can
// fail in every way that a network can ([Server.Fail]); [Server.NewServer] serves the
// same state on loopback. [Server.Orders] and [Server.Entries] are the view of an
// auditor. What people do at the ERP is [Server.Ship], [Server.CancelPickings],
// [Server.DraftInvoice], [Server.DraftCreditNote], [Server.SetStock], [Server.SetLockDate]
// and the like.
//
// What it answers is checked against recordings of Odoo 19.0. What was not recorded
// follows the sources: edits of confirmed orders, returns, reservations, keyed lines of an
// import, the rounding of taxes beyond the recorded carts, sums of fields, the party that
// an address is of. It knows the models and fields
// that a client of sales, deliveries and books uses, and refuses others as Odoo does.
package odootest
