package stripetest

import (
	"slices"
	"strings"
)

// billing finds the endpoints of customers, what they pay with, what is sold, and
// invoices.
func (f *Fake) billing(q *request, path string) (object, *problem) {
	for _, two := range []string{"tax/calculations", "tax/transactions"} {
		if rest, ok := strings.CutPrefix(path, two); ok {
			path = strings.Replace(two, "/", ".", 1) + rest
		}
	}
	resource, rest, _ := strings.Cut(path, "/")
	id, action, _ := strings.Cut(rest, "/")
	action, below, nested := strings.Cut(action, "/")
	route := q.method + " " + resource + shape(id, action)
	if nested {
		route += "/id"
	}
	switch route {
	case "GET customers":
		return list(f, q, f.of("customer"), f.renderRecord, "email", "created")
	case "POST customers":
		return f.createCustomer(q)
	case "GET customers/id":
		return f.showRecord(q, "customer", id)
	case "POST customers/id":
		return f.updateCustomer(q, id)
	case "DELETE customers/id":
		return f.deleteCustomer(q, id)
	case "GET customers/id/payment_methods":
		return f.listOf(q, id, "payment_method", "type=card|sepa_debit")
	case "GET customers/id/payment_methods/id":
		return f.showOf(q, id, "payment_method", below)
	case "GET customers/id/balance_transactions":
		return f.listOf(q, id, "customer_balance_transaction")
	case "POST customers/id/balance_transactions":
		return f.createBalance(q, id)
	case "GET customers/id/balance_transactions/id":
		return f.showOf(q, id, "customer_balance_transaction", below)
	case "GET payment_methods":
		return list(f, q, f.of("payment_method"), f.renderRecord, "customer", "type=card|sepa_debit")
	case "POST payment_methods":
		return f.createMethod(q)
	case "GET payment_methods/id":
		return f.showRecord(q, "payment_method", id)
	case "POST payment_methods/id":
		return f.updateRecord(q, "payment_method", id, "payment_method.updated", "billing_details")
	case "POST payment_methods/id/attach":
		return f.attachMethod(q, id)
	case "POST payment_methods/id/detach":
		return f.detachMethod(q, id)
	case "GET setup_intents":
		return list(f, q, f.of("setup_intent"), f.renderRecord, "customer", "payment_method", "created")
	case "POST setup_intents":
		return f.createSetup(q)
	case "GET setup_intents/id":
		return f.showRecord(q, "setup_intent", id)
	case "POST setup_intents/id":
		return f.updateSetup(q, id)
	case "POST setup_intents/id/confirm":
		return f.confirmSetup(q, id)
	case "POST setup_intents/id/cancel":
		return f.cancelSetup(q, id)
	case "GET products":
		return list(f, q, f.of("product"), f.renderRecord, "active", "url", "created")
	case "POST products":
		return f.createProduct(q)
	case "GET products/id":
		return f.showRecord(q, "product", id)
	case "POST products/id":
		return f.updateProduct(q, id)
	case "DELETE products/id":
		return f.deleteProduct(q, id)
	case "GET prices":
		return f.listPrices(q)
	case "POST prices":
		return f.createPrice(q)
	case "GET prices/id":
		return f.showRecord(q, "price", id)
	case "POST prices/id":
		return f.updatePrice(q, id)
	case "GET payment_links":
		return list(f, q, f.of("payment_link"), f.renderRecord, "active")
	case "POST payment_links":
		return f.createLink(q)
	case "GET payment_links/id":
		return f.showRecord(q, "payment_link", id)
	case "POST payment_links/id":
		return f.updateLink(q, id)
	case "GET payment_links/id/line_items":
		return f.linesOf(q, "payment_link", id)
	case "POST tax.calculations":
		return f.createCalculation(q)
	case "GET tax.calculations/id":
		return f.showRecord(q, "tax.calculation", id)
	case "GET tax.calculations/id/line_items":
		return f.linesOf(q, "tax.calculation", id)
	case "GET tax.transactions/id":
		return f.showRecord(q, "tax.transaction", id)
	case "GET tax.transactions/id/line_items":
		return f.linesOf(q, "tax.transaction", id)
	case "POST tax.transactions/id":
		switch id {
		case "create_from_calculation":
			return f.bookTax(q)
		case "create_reversal":
			return f.reverseTax(q)
		}
	}
	return f.documents(q, route, id, below)
}

// documents finds the endpoints of invoices, subscriptions and credit notes.
func (f *Fake) documents(q *request, route, id, below string) (object, *problem) {
	switch route {
	case "GET invoiceitems":
		return f.listItems(q)
	case "POST invoiceitems":
		return f.createItem(q)
	case "GET invoiceitems/id":
		return f.showRecord(q, "invoiceitem", id)
	case "POST invoiceitems/id":
		return f.updateItem(q, id)
	case "DELETE invoiceitems/id":
		return f.deleteItem(q, id)
	case "GET invoices":
		return list(f, q, f.of("invoice"), f.renderRecord, "customer", "subscription", "collection_method=charge_automatically|send_invoice", "due_date",
			"status=draft|open|paid|uncollectible|void", "created")
	case "POST invoices":
		return f.createInvoice(q)
	case "GET invoices/id":
		if id == "upcoming" {
			return f.upcoming(q)
		}
		return f.showRecord(q, "invoice", id)
	case "POST invoices/id":
		return f.updateInvoice(q, id)
	case "DELETE invoices/id":
		return f.deleteInvoice(q, id)
	case "POST invoices/id/finalize":
		return f.finalizeInvoice(q, id)
	case "POST invoices/id/pay":
		return f.payInvoice(q, id)
	case "POST invoices/id/send":
		return f.sendInvoice(q, id)
	case "POST invoices/id/void":
		return f.voidInvoice(q, id)
	case "POST invoices/id/mark_uncollectible":
		return f.markInvoice(q, id)
	case "GET invoices/id/lines":
		if id == "upcoming" {
			return f.upcomingLines(q)
		}
		return f.linesOf(q, "invoice", id)
	case "POST invoices/id/lines/id":
		return f.updateLine(q, id, below)
	case "GET subscriptions":
		return f.listSubscriptions(q)
	case "POST subscriptions":
		return f.createSubscription(q)
	case "GET subscriptions/id":
		return f.showRecord(q, "subscription", id)
	case "POST subscriptions/id":
		return f.updateSubscription(q, id)
	case "DELETE subscriptions/id":
		return f.cancelSubscription(q, id)
	case "POST subscriptions/id/resume":
		return f.resumeSubscription(q, id)
	case "GET subscription_items":
		return f.listSubscriptionItems(q)
	case "GET subscription_items/id":
		return f.showRecord(q, "subscription_item", id)
	case "GET credit_notes":
		return list(f, q, f.of("credit_note"), f.renderRecord, "customer", "invoice", "created")
	case "POST credit_notes":
		return f.createNote(q)
	case "GET credit_notes/id":
		if id == "preview" {
			return f.previewNote(q)
		}
		return f.showRecord(q, "credit_note", id)
	case "POST credit_notes/id":
		return f.updateNote(q, id)
	case "POST credit_notes/id/void":
		return f.voidNote(q, id)
	case "GET credit_notes/id/lines":
		if id == "preview" {
			return f.previewLines(q)
		}
		return f.linesOf(q, "credit_note", id)
	}
	return nil, unknownURL(q)
}

// search answers the queries of the resources that have them.
func (f *Fake) search(q *request, resource string) (object, *problem) {
	switch kind := strings.TrimSuffix(resource, "s"); kind {
	case "payment_intent":
		return searchAll(f, q, kind, &f.intents, f.renderIntent)
	case "charge":
		return searchAll(f, q, kind, &f.charges, f.renderCharge)
	case "customer", "invoice", "price", "product", "subscription":
		return searchAll(f, q, kind, f.of(kind), f.renderRecord)
	}
	return nil, unknownURL(q)
}

// showOf answers a read of what belongs to a customer.
func (f *Fake) showOf(q *request, customer, kind, id string) (object, *problem) {
	if _, p := f.find("customer", customer); p != nil {
		return nil, p
	}
	if r, p := f.find(kind, id); p != nil || r.text("customer") != customer {
		return nil, missing(kind, id)
	}
	return f.showRecord(q, kind, id)
}

func (f *Fake) updateRecord(q *request, kind, id, event string, params ...string) (object, *problem) {
	r, p := f.find(kind, id)
	if p != nil {
		return nil, p
	}
	return f.change(q, r, event, params...)
}

// showRecord answers a read of one record. Of what was deleted only a customer can
// still be read.
func (f *Fake) showRecord(q *request, kind, id string) (object, *problem) {
	if r, ok := f.of(kind).get(id); ok && r.gone && kind != "customer" {
		return nil, missing(words(kind), id)
	}
	return show(q, f.of(kind), words(kind), id, f.renderRecord)
}

func (f *Fake) linesOf(q *request, kind, id string) (object, *problem) {
	r, p := f.find(kind, id)
	if p != nil {
		return nil, p
	}
	return f.listBelow(q, r)
}

func (f *Fake) listPrices(q *request) (object, *problem) {
	keys := q.form.array("lookup_keys")
	t := &table[*record]{}
	for _, r := range f.of("price").rows {
		if len(keys) == 0 || slices.Contains(keys, r.text("lookup_key")) {
			t.add(r)
		}
	}
	return list(f, q, t, f.renderRecord, "active", "currency", "product", "type=one_time|recurring", "recurring[interval]=day|week|month|year", "lookup_keys", "created")
}
