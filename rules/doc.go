// Package rules judges orders by conditions that people write: "only orders that are
// paid", "no gift cards above 100 euros", "customers who bought before". A condition
// is an expression of the Common Expression Language (CEL, see https://cel.dev) over
// the canonical model:
//
//	rule, err := rules.Compile(`payment_state == "paid" && order.total > money("100.00", "EUR")`, rules.Config{})
//	if err != nil { … } // every mistake in it, each with line, column and what to do
//	yes, err := rule.Eval(ctx, commerce.Facts{Order: order, Payments: payments})
//
// [Compile] is for the start of a program: it checks every word and every type, so
// that a rule which compiled fails on an order only where the order itself gives no
// answer. Rule.Eval has the form that workflows take. Only programs that import this
// package link CEL.
//
// # What an expression begins with
//
//	order            order              the order that is judged
//	payments         list(payment)      its payments, whatever came of them
//	refunds          list(refund)       the refunds of those payments
//	earlier          list(order)        the same customer's other orders
//	reviews          list(review)       reviews of those payments at the processor, open and closed
//	warnings         list(warning)      early fraud warnings of those payments
//	disputes         list(dispute)      disputes of those payments
//	score            score              what a scorer says: points from 0 to 100, with reasons
//	payment_state    string             unpaid, pending, authorised, partly_paid, paid, overpaid, returned;
//	                                    each payment counts as one of this order alone
//	due              money              what Stripe is to collect: the sum of its tenders
//	paid             money              captured, of all payments
//	authorised       money              reserved and not captured, of all payments
//	refunded         money              given back or on its way back, of all refunds
//	now              timestamp          Config.Now
//
// What is not asked for is not computed, and need not be fetched: [Rule.Uses] says what
// is. What is asked for and not in the facts reads as none, so that the total of earlier
// orders that nobody fetched is nought.
//
// # Functions
//
//	money("100.00", "EUR")              an amount; text, so that it is exact
//	decimal("0.5"), decimal(2)          an exact number: a rate or a quantity
//	sum(list(money), "EUR")             order.lines.map(l, l.net)
//	sum(list(decimal))                  order.lines.map(l, l.quantity)
//	earlier_total("EUR")                totals of earlier orders in that currency, without canceled ones
//
// From CEL come: && || ! ?: in, == != < <= > >=, + - * / %, size, has, all, exists,
// exists_one, filter, map, startsWith, endsWith, contains, matches, int, string,
// timestamp, duration and their parts (getFullYear, getDayOfWeek … in UTC). Functions
// of the host's own are added by [Config].Functions.
//
// # Money
//
// Amounts are compared with amounts, added and subtracted. Two currencies in one
// comparison are an error, never false: ask for order.total.currency first where a
// shop has several, or convert by a function of your own. A part of an amount is a
// decimal: order.total.amount * decimal("0.5"). There are no floats: 0.5 does not
// compile, and nothing is rounded. A decimal is compared with a decimal, or with a
// whole number on its right: l.quantity >= 2.
//
// CEL knows whether the other side of && or || decides alone, and then takes no
// notice of an error on this one: false && (an error) is false.
//
// # What is absent
//
// A text that is not known reads as "", a list as empty, a number as 0, an object
// (order.shipping_address of an order that is not shipped) as one without content.
// An amount or a time that is not known has no such value: reading it is an error,
// "absent". has(order.shipping_address) says whether there is one; it is false as well
// for "", 0, false and an empty list. What a shop or a processor leaves out because
// there was none of it (order.paid, order.refunded; authorised, captured and refunded
// of a payment) is nought. A key that metadata does not have is an error: ask
// "key" in p.metadata first.
//
// # The words
//
// They are those of the canonical model's JSON, and order.total in short for
// order.totals.gross. A word that a state never is does not compile.
//
//	order      ref ref, number string, store string, website string, placed timestamp, updated timestamp,
//	           state string (pending, review, processing, complete, closed, canceled, on_hold, unknown),
//	           raw_state string, raw_status string, replaced string, currency string, base_currency string,
//	           prices_include_tax bool, customer customer, billing_address address, shipping_address address,
//	           lines list(line), shipping shipping, total money, totals totals, base_totals totals,
//	           tenders list(tender), payment_method string, payment_id string, paid money, refunded money
//	line       id string, parent string, sku string, name string, quantity decimal, canceled decimal,
//	           invoiced decimal, shipped decimal, refunded decimal, virtual bool, net money, discount money,
//	           tax money, taxes list(tax), discounts list(discount)
//	tax        code string, title string, country string, region string, rate decimal, base money,
//	           amount money, included bool, on string (line, shipping, fee), line string
//	discount   code string, amount money
//	shipping   method string, title string, net money, discount money, tax money, taxes list(tax)
//	totals     net money, discount money, shipping money, shipping_discount money, fees money, tax money, gross money
//	tender     kind string (stripe, gift_card, store_credit, points, offline), amount money, reference string
//	customer   ref ref, guest bool, name string, email string, phone string, company string,
//	           vat_ids list(string), tax_exempt bool, group string, website string, verified_for string
//	address    name string, company string, street string, city string, postal_code string, region string,
//	           country string, phone string, vat_id string
//	payment    ref ref, charge string, status string (pending, action, authorised, captured, failed, returned, canceled),
//	           created timestamp, amount money, authorised money, captured money, refunded money, method method,
//	           risk risk, failure failure, fee fee, customer string, email string, description string,
//	           metadata map(string, string), orders list(hint)
//	method     type string, brand string, last4 string, country string, fingerprint string
//	risk       level string, score int, review string, outcome string
//	failure    code string, decline_code string, message string
//	fee        amount money, balance_transaction string, settled money
//	hint       id string, number string, store string, amount money
//	refund     ref ref, payment ref, charge string, amount money,
//	           status string (pending, succeeded, failed, canceled), reason string, created timestamp,
//	           operation string, metadata map(string, string), orders list(hint)
//	review     ref ref, payment ref, open bool, reason string, closed string, created timestamp
//	warning    ref ref, payment ref, charge string, type string, actionable bool, created timestamp
//	dispute    ref ref, payment ref, charge string, amount money, status string (open, review, won, lost, closed),
//	           inquiry bool, reason string, created timestamp, due timestamp, answered bool,
//	           withdrawn money, reinstated money
//	score      points int, reasons list(reason)
//	reason     code string, points int, text string
//	ref        tenant string, system string, account string, mode string (live, test), id string
//	money      currency string, amount decimal
package rules
