// Package erpnexttest is an ERPNext 15 for tests, in this process: the REST calls that
// package erpnext makes, over a small store of documents.
//
// It was written from the sources and the documentation of ERPNext, as the client was,
// and has not been compared with a real server.
//
//	far, err := erpnexttest.New(erpnexttest.Config{})
//	client, err := erpnext.NewClient(erpnext.Config{URL: erpnexttest.URL, Company: erpnexttest.Company,
//		Credentials: commerce.Static(far.Login()), Transport: far.Transport()})
//
// [Server.Transport] answers without a socket and can fail in every way that a network
// can ([Server.Fail]); [Server.NewServer] serves the same state on loopback.
// [Server.Orders] is the view of an auditor. What people do at the ERP is [Server.Ship],
// [Server.Close], [Server.Pick], [Server.Invoice] and [Server.Duplicate].
package erpnexttest
