// Package trytontest is a Tryton 6.0 for tests, in this process: the remote calls
// that package tryton makes, over a small store of records, with the server's own
// silences and refusals.
//
//	erp, err := trytontest.New(trytontest.Config{})
//	client, err := tryton.NewClient(tryton.Config{
//		URL: trytontest.URL, Database: trytontest.Database,
//		Credentials: commerce.Static(erp.Login()), Transport: erp.Transport(),
//	})
//
// [Server.Transport] answers without a socket and can fail in every way that a
// network can ([Server.Fail]); [Server.NewServer] serves the same state on loopback.
// [Server.Sales] is the view of an auditor. What people do at the ERP is
// [Server.Pick], [Server.Ship], [Server.CancelShipments], [Server.PostInvoices] and
// [Server.SetStock].
//
// What it answers is checked against recordings of tryton-server 6.0.29. It knows
// the models and fields that the client uses and refuses others as Tryton does.
package trytontest
