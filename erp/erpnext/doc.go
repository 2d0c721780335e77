// Package erpnext is the port of package erp to ERPNext 15 (Frappe 15), over its REST
// interface.
//
// Experimental: it was written from the sources and the documentation of ERPNext, and
// has not met a real server yet. The fake in package erpnexttest holds the same view,
// so its tests prove that the two agree and nothing more.
//
//	client, err := erpnext.NewClient(erpnext.Config{
//		URL: "https://erp.example.com/", Company: "Example Ltd", Warehouse: "Stores - EX",
//		Credentials: commerce.Static(erpnext.Login{Key: "0a1b…", Secret: commerce.NewSecret(secret)}),
//	})
//
// # What the server needs
//
// A custom field (Data, unique, no copy) on Customer, Sales Order and Journal Entry
// holds our key: [Config].KeyField. The database refuses a second document with it, so
// orders and entries are keyed; without "unique" they are only marked, and
// [Client.Capabilities] says so. A key has at most 130 characters.
//
// A tax of the port is an Item Tax Template with one row: its name is the id, and lines
// name it. Items of that kind for delivery, discounts, fees and rounding are named by
// [Config].Products. Selling Settings have to allow negative rates.
//
// Orders in a foreign currency need a Currency Exchange for their day; nothing of it is
// used here, but the server insists.
//
// The user needs the rights of a Sales User, a Stock User and, for entries, an Accounts
// User.
//
// # What is different
//
// A draft can not be cancelled, so CancelOrder submits it first. A cancelled order
// keeps its key for ever; the next one under the key gets "~2" in the custom field, and
// both have the key as po_no. Submitting an order reserves, so RequestFulfilment only
// reads. Accounts have one currency each: what a line was in another stands at the end
// of its remark. Times have no zone on the wire: [Config].Location names it.
//
// # What is missing
//
// A [Client] is no [erp.Invoicer], [erp.Receipter], [erp.CreditNoter] or [erp.Auditor]:
// books of mode Summary can be kept with it, Invoiced ones can not. How a real server
// makes a Sales Invoice of a Sales Order, takes the shop's amount of tax on it, dates it
// behind a closed Accounting Period, matches a part of a Payment Entry, gives an
// application back and posts differences in exchange has to be recorded first; nothing of
// that is guessed here where money is posted. The shop's own number of an order
// ([erp.NewOrder].Name) is not written either: no field that surely takes it is known.
package erpnext
