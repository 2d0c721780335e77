package stripemock

import (
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/stripe/stripetest"
)

// goods makes a product with a price for once and one for each month.
func goods(w *world) (product, once, monthly string) {
	product = w.make("POST /v1/products", "name=Tulips&description=red&metadata[sku]=t1&images[0]=https://shop.example/t.png&shippable=true&url=https://shop.example")
	once = w.make("POST /v1/prices", "currency=eur&unit_amount=500&product="+product+"&nickname=once&lookup_key=tulips&tax_behavior=exclusive")
	monthly = w.make("POST /v1/prices", "currency=eur&unit_amount=2000&product="+product+"&recurring[interval]=month")
	return product, once, monthly
}

// buyer makes a customer who pays with a card.
func buyer(w *world, token string) (customer, method string) {
	customer = w.make("POST /v1/customers", "email=a@shop.example&name=Ada&address[country]=DE&address[city]=Berlin&metadata[shop]=1")
	method = w.make("POST /v1/payment_methods/"+token+"/attach", "customer="+customer)
	w.do("POST /v1/customers/"+customer, "invoice_settings[default_payment_method]="+method+"&phone=1&description=regular")
	return customer, method
}

// billing is what is owed by customers, by hand and by subscription.
func billing(w *world) {
	product, once, monthly := goods(w)
	w.do("POST /v1/products/"+product, "default_price="+once+"&active=true&name=Tulip")
	w.do("DELETE /v1/products/"+w.make("POST /v1/products", "name=Roses&id=roses"), "")
	w.do("POST /v1/prices/"+monthly, "nickname=monthly&metadata[a]=b")
	w.do("POST /v1/prices", "currency=eur&unit_amount_decimal=0.5&product_data[name]=Seeds")

	ada, card := buyer(w, "pm_card_visa")
	w.do("POST /v1/payment_methods/"+card, "billing_details[name]=Ada&metadata[a]=b")
	w.do("GET /v1/customers/"+ada+"/payment_methods/"+card, "")
	w.do("POST /v1/payment_methods/"+w.make("POST /v1/payment_methods/pm_card_mastercard/attach", "customer="+ada)+"/detach", "")
	w.do("POST /v1/payment_methods", "type=card&card[number]=4242424242424242&card[exp_month]=1&card[exp_year]=2030&card[cvc]=123")
	w.do("POST /v1/payment_methods", "type=sepa_debit&sepa_debit[iban]=DE89370400440532013000&billing_details[name]=Ada&billing_details[email]=a@shop.example")
	w.do("POST /v1/customers/"+ada+"/balance_transactions", "amount=-300&currency=eur&description=goodwill")
	w.do("DELETE /v1/customers/"+w.make("POST /v1/customers", "email=b@shop.example"), "")

	setup := func(form string) string { return w.make("POST /v1/setup_intents", "customer="+ada+form) }
	w.do("POST /v1/setup_intents/"+setup("&usage=off_session&description=later")+"/confirm", "payment_method=pm_card_visa&return_url=https://shop.example")
	w.do("POST /v1/setup_intents/"+setup("")+"/cancel", "cancellation_reason=abandoned")
	w.do("POST /v1/setup_intents/"+setup(""), "description=tulips&metadata[a]=b")
	w.send("POST /v1/setup_intents/"+setup("")+"/confirm", "payment_method=pm_card_visa_chargeDeclined&return_url=https://shop.example")
	asks := setup("&confirm=true&payment_method=pm_card_authenticationRequired&return_url=https://shop.example")
	_, err := w.fake.AuthenticateSetup(asks, true)
	require.NoError(w.t, err)

	invoice := func(customer, form string, amount int) string {
		in := w.make("POST /v1/invoices", "customer="+customer+"&currency=eur&"+form)
		w.make("POST /v1/invoiceitems", fmt.Sprintf("customer=%s&invoice=%s&amount=%d&currency=eur&description=tulips", customer, in, amount))
		return in
	}
	price := "price"
	if w.version > "2025-03-31" {
		price = "pricing[price]"
	}
	item := w.make("POST /v1/invoiceitems", "customer="+ada+"&"+price+"="+once+"&quantity=3")
	w.do("POST /v1/invoiceitems/"+item, "quantity=2&description=tulips&metadata[a]=b")
	w.do("DELETE /v1/invoiceitems/"+w.make("POST /v1/invoiceitems", "customer="+ada+"&unit_amount_decimal=100&quantity=2&currency=eur"), "")
	w.do("POST /v1/invoices", "customer="+ada+"&pending_invoice_items_behavior=include&currency=eur&auto_advance=true")

	first := invoice(ada, "description=first&metadata[order]=1", 1000)
	lines, _ := w.do("GET /v1/invoices/"+first+"/lines", "")["data"].([]any)
	line, _ := lines[0].(map[string]any)["id"].(string)
	w.do("POST /v1/invoices/"+first+"/lines/"+line, "amount=1100&description=more")
	w.do("POST /v1/invoices/"+first, "footer=thanks")
	w.do("POST /v1/invoices/"+first+"/finalize", "")
	w.do("POST /v1/invoices/"+first+"/pay", "")
	w.do("GET /v1/credit_notes/preview", "invoice="+first+"&amount=100&credit_amount=100")
	note := w.make("POST /v1/credit_notes", "invoice="+first+"&amount=300&refund_amount=200&credit_amount=100&reason=order_change")
	w.do("POST /v1/credit_notes/"+note, "memo=sorry")
	w.do("GET /v1/credit_notes/"+note+"/lines", "")
	w.do("GET /v1/credit_notes/preview/lines", "invoice="+first+"&amount=100&credit_amount=100")
	w.do("POST /v1/credit_notes", "invoice="+first+"&lines[0][type]=invoice_line_item&lines[0][invoice_line_item]="+line+"&lines[0][amount]=50&out_of_band_amount=50")

	open := invoice(ada, "collection_method=send_invoice&days_until_due=7", 900)
	w.do("POST /v1/invoices/"+open+"/send", "")
	before := w.make("POST /v1/credit_notes", "invoice="+open+"&lines[0][type]=custom_line_item&lines[0][description]=late&lines[0][unit_amount]=100&lines[0][quantity]=1")
	w.do("POST /v1/credit_notes/"+before+"/void", "")
	w.do("POST /v1/invoices/"+open+"/mark_uncollectible", "")
	w.do("POST /v1/invoices/"+open+"/void", "")
	cash := invoice(ada, "", 700)
	w.do("POST /v1/invoices/"+cash+"/pay", "paid_out_of_band=true")
	w.do("DELETE /v1/invoices/"+invoice(ada, "", 5), "")

	bad := w.make("POST /v1/customers", "email=c@shop.example")
	w.send("POST /v1/invoices/"+invoice(bad, "", 800)+"/pay", "payment_method=pm_card_visa_chargeDeclined")
	w.send("POST /v1/invoices/"+invoice(bad, "", 800)+"/pay", "payment_method=pm_card_authenticationRequired")

	subscribe := func(customer, form string) string {
		return w.make("POST /v1/subscriptions", "customer="+customer+"&items[0][price]="+monthly+"&"+form)
	}
	sub := subscribe(ada, "metadata[a]=b&description=tulips")
	w.do("GET /v1/subscription_items", "subscription="+sub)
	if w.version == "2023-10-16" {
		w.do("GET /v1/invoices/upcoming", "subscription="+sub)
		w.do("GET /v1/invoices/upcoming/lines", "subscription="+sub)
	}
	items, _ := w.do("GET /v1/subscription_items", "subscription="+sub)["data"].([]any)
	si, _ := items[0].(map[string]any)["id"].(string)
	w.do("POST /v1/subscriptions/"+sub, "items[0][id]="+si+"&items[0][quantity]=2&proration_behavior=always_invoice")
	w.do("POST /v1/subscriptions/"+subscribe(ada, "trial_period_days=7"), "cancel_at_period_end=true")
	w.do("DELETE /v1/subscriptions/"+subscribe(ada, ""), "cancellation_details[comment]=no")
	w.do("POST /v1/subscriptions/"+subscribe(ada, ""), "pause_collection[behavior]=void")
	subscribe(ada, "collection_method=send_invoice&days_until_due=7")
	subscribe(bad, "payment_behavior=default_incomplete")
	paused := subscribe(bad, "trial_period_days=7&trial_settings[end_behavior][missing_payment_method]=pause")
	poor, _ := buyer(w, "pm_card_visa")
	subscribe(poor, "")
	broken := w.make("POST /v1/payment_methods/pm_card_visa_chargeDeclinedInsufficientFunds/attach", "customer="+poor)
	w.do("POST /v1/customers/"+poor, "invoice_settings[default_payment_method]="+broken)
	for range 9 {
		w.pass(8 * day)
	}
	w.do("POST /v1/subscriptions/"+paused+"/resume", "billing_cycle_anchor=now")
	for path, query := range map[string]string{"customers": "email:'a@shop.example'", "products": "active:'true' AND metadata['sku']:'t1'", "prices": "currency:'eur'",
		"invoices": "total>500", "subscriptions": "status:'active'", "payment_intents": "amount>=1", "charges": "-status:'failed'"} {
		w.do("GET /v1/"+path+"/search", "query="+query)
	}
}

// taxAndLinks is what is computed beside payments.
func taxAndLinks(w *world) {
	_, once, _ := goods(w)
	link := w.make("POST /v1/payment_links", "line_items[0][price]="+once+"&line_items[0][quantity]=2&metadata[a]=b")
	s, err := w.fake.VisitLink(link)
	require.NoError(w.t, err)
	_, err = w.fake.PaySession(s.ID, stripetest.Card)
	require.NoError(w.t, err)
	w.do("POST /v1/payment_links/"+link, "active=false")

	calc := w.make("POST /v1/tax/calculations", "currency=eur&line_items[0][amount]=1000&line_items[0][reference]=a&line_items[1][amount]=1190"+
		"&line_items[1][reference]=b&line_items[1][tax_behavior]=inclusive&shipping_cost[amount]=500&customer_details[address][country]=DE&customer_details[address_source]=billing")
	w.do("GET /v1/tax/calculations/"+calc+"/line_items", "")
	tax := w.make("POST /v1/tax/transactions/create_from_calculation", "calculation="+calc+"&reference=order-1&metadata[a]=b")
	w.do("POST /v1/tax/transactions/create_reversal", "mode=partial&original_transaction="+tax+"&reference=order-1-back&flat_amount=-119")
	other := w.make("POST /v1/tax/transactions/create_from_calculation", "calculation="+calc+"&reference=order-2")
	w.do("POST /v1/tax/transactions/create_reversal", "mode=full&original_transaction="+other+"&reference=order-2-back")
}
