// Package workflow leads what a shop sold and what a processor collected to one
// end: an order that is paid in the shop, one confirmed sales order in the ERP, a
// request to the warehouse, and the shipment back in the shop.
//
// A workflow is a value of settings. It names what it needs as small interfaces,
// its ports ([Shop], [Payments], [ERP], [Warehouse] …), which the packages below
// mapping lend to clients, and it hands an inbox the list of events it wants:
//
//	o2c := &workflow.OrderToCash{Shop: shop, Payments: pay, Books: books, Warehouse: depot,
//		Steps: db.Steps(), Links: inbox.Links{Store: db.Inbox()}}
//	failed := &workflow.PaymentFailed{Shop: shop, Payments: pay,
//		Steps: db.Steps(), Links: o2c.Links, Notifier: mail}
//	if err := errors.Join(o2c.Check(), failed.Check()); err != nil { … }
//	in, err := inbox.New(db.Inbox(), inbox.Config{Handlers: inbox.Merge(o2c.Handlers(), failed.Handlers())})
//
// # How an event is handled
//
// An event says that something happened, never what is to be done. The handler
// reads the payment, finds the order that it says it is for, links the two for ever
// and holds the order's lease from there on. Then it reads the truth: the order, and
// every payment that was ever linked to it. From what each of them gives the order
// follows its payment state, and from that the steps. So the order in which events
// come, and how often, changes nothing about the end.
//
// A payment for several orders becomes one event for each of them
// ("commerce order.payment"), since a handler writes one order.
//
// # News of the shop
//
// The shop's own news of an order ("magento order.changed", "order.deleted"; the feeds
// of mapping/magentoshop and mapping/nopshop bring it) only says: look. [OrderToCash]
// then looks at the order and at its payments as always. So it takes up what no
// processor tells of:
//
//   - An order that needs no money of the processor: covered by gift cards, credit or
//     points, or free. One that is to be paid offline is taken up where [OrderToCash].Take
//     says so. Nothing is recorded as paid at the shop that is not; the sales order has
//     the tenders. Its route is one that names no account of the processor.
//   - Money whose own news was lost, or says nothing of an order: the order at the shop
//     has the payment's id. It is linked and worked by an internal event; the late news
//     finds all done. What a payment says itself counts before what an order says, and
//     of two orders that name one payment the first.
//   - An order that the shop shows as paid and for which the processor has no money after
//     Unfound: an exception, once.
//   - A deleted order that stands in the books: an exception, once.
//
// Our own writes change the order as well and come back as news; it finds all steps done
// and writes nothing. News of the shop does not wait for an order's state to change, as
// that is news again.
//
// # What is taken up
//
//	o2c.Take = func(ctx context.Context, f commerce.Facts) (bool, error) {
//		return f.Order.Store == "2" && f.Order.PaymentMethod != "banktransfer", nil
//	}
//
// Package rules writes the same as an expression. What Take refuses is left alone, also
// where it is paid; the event is done, and each further news asks again. A change of the
// rule itself is no news: replay the events that it lets in. With StartAt all older orders
// are read for matching only.
//
// # What the payment state asks for
//
//	unpaid       nothing
//	pending      a note on the order, once
//	authorised   a note on the order, once
//	partly paid  a note, after Grace; no invoice, no shipment
//	paid         payment recorded at the shop (see Acts), sales order written and
//	             confirmed, warehouse asked, what Collect had opened closed
//	overpaid     as paid, and exception "overpaid" with the refund that is proposed
//	returned     order held, note, exception; the customer is told after Grace
//
// The order's own state comes first. Money for an order that is canceled or closed is
// an exception and nothing is posted; for one that was replaced it counts for the new
// order. An order in review, held by
// somebody else or in a state of a plugin is left alone and looked at again every
// Recheck; when the inbox's MaxAge has passed the payment's event is dead, "too old".
//
// # Orders that change
//
// What was posted is remembered with the step of the sales order: lines, taxes, charges
// and totals, and of addresses a hash. [OrderChanges] compares it with the order as the
// shop shows it now. What we write ourselves is no part of it, so that it is no edit.
//
// No ERP edits a sales order that is confirmed. So the order gets another generation:
// the sales order is cancelled with what the warehouse had reserved, and only then
// another is written under the same reference, its steps under the same keys with "/2"
// behind. An address is followed in the same way. The new one is confirmed when what was
// paid is enough for it: payments that the order was taken up with count on, whatever it
// costs now, and the difference shows as partly paid or overpaid. An edit that is taken
// back is an edit as well, and an interrupted one is first carried through.
//
//	edited                  another generation; once goods are packed or an invoice is
//	                        posted, exception "order_changed" or "address_changed"
//	a line canceled in part exception "order_changed": no sales order can say it
//	canceled                after Grace the sales order is cancelled (else "canceled_late"),
//	                        and money that is held is exception "canceled_paid"
//	closed, nothing sent    the same without the money: it was given back
//	replaced                the sales order is cancelled, then the payments are told to the
//	                        new order and count for it; where that is not sure, exception
//	                        "replaced_order"
//
// # The books
//
// [Books] keeps the ERP's ledger in step with money, so that on every day the clearing
// account is what the processor's balance was. Its handlers come behind those of
// [OrderToCash], whose ports it shares, and of [OrderChanges]:
//
//	books := &workflow.Books{Shops: []*workflow.OrderToCash{o2c}, Ledger: ledger, Balance: pay}
//	payouts := &workflow.Payouts{Ledger: ledger, Balance: pay, Sales: []workflow.Sales{shop},
//		Steps: o2c.Steps, Links: o2c.Links, Report: save}
//	handlers := inbox.Merge(o2c.Handlers(), changes.Handlers(), books.Handlers(), payouts.Handlers())
//
// With any news of an order its books are brought to what they should be: the order, its
// payments, what they moved and the invoices at the ERP are read, and what is missing is
// posted.
//
//	invoice      once, when Invoicing says so, and then what the ERP drafts of parcels;
//	             what people or the ERP made is found
//	receipt      one for each movement, dated by it, and below nought for money that went
//	             back; it pays invoices and credit notes that are open, and the rest is
//	             an advance
//	unapplied    where a debit failed after success, or a refund came back: the counter
//	             receipt stands on its own day, and the invoice is open again
//	day          one entry a day and currency for all else: fees, disputes, reserves
//	             and so on; late facts are supplements on the same day
//
// What an order gets of a payment for several adds up to the movement exactly, in both
// currencies. A part that is given back of such a payment is for the order whose number
// the refund names; else a person says so, by a replay with refund.number. An order that
// is edited is invoiced as the sales order that counts; money of one that is replaced
// goes over to the one in its place, by receipts of its own.
//
// Money of no order, of one that does not fit, or of one that is never taken up, waits
// for Wait and is then on the suspense account and told, or its event is dead. It leaves
// the suspense account once it has a receipt.
//
// A dispute that is closed and lost becomes a loss on that day: what was withdrawn stands
// as a claim until then. What rates have made of a claim in another currency is a gain or
// loss in exchange, also where it was won.
//
// Several shops may sell through one account, by workflows of their own in one inbox: each
// leaves alone what is linked to an order of another (Shop.Origin tells them apart), and
// all but the last have IgnoreUnlinked. One Books has them all as its Shops, since they
// have one balance; Payouts and [Books.Month] are given the Sales of each.
//
// In mode [Summary] there are no invoices and no receipts: the day's entry books sales
// and refunds on the accounts that Ledger.Split names for their orders.
//
// # Captures
//
// A shop that only reserves money at the order takes it later. [Captures] does so when the
// order is cleared or as goods leave, whole or in parts, and releases what a canceled order
// reserves; what is due is compared with what was taken by whomever. Where goods are to
// leave first, OrderToCash.ShipAuthorised takes the order up on the reservation.
//
//	captures := &workflow.Captures{OrderToCash: o2c, Payments: pay, When: workflow.WhenShipped}
//	report, err := captures.Sweep(ctx) // every few hours: what expires soon
//
// # Fraud and disputes
//
// [Fraud] stands before fulfilment as OrderToCash.Clear, so that nothing slips by while a
// look-up fails. The first rule of its policy that holds counts: let go, tell a person, hold,
// take back the goods, give back the money. Rules are funcs over commerce.Facts, with the
// processor's risk, reviews, early fraud warnings, disputes and the points of a [Scorer];
// package rules writes them as expressions. [Signs] is a scorer that says why.
//
//	fraud := &workflow.Fraud{OrderToCash: o2c, Risks: pay, Scorer: signs}
//	o2c.Clear = fraud.Clear
//	event, err := fraud.Decided(order, workflow.FraudDecision{Do: workflow.LetGo, By: "7"}) // by a person
//
// [Disputes] marks an order whose money a bank asks back, holds what is still to be sent,
// tells of the last day for evidence and collects it; the host hands it in.
//
//	disputes := &workflow.Disputes{OrderToCash: o2c, Disputes: pay, Package: save}
//	report, err := disputes.Sweep(ctx) // every day: evidence that is due
//
// A hold is a decision with a cause, "order.held/<order>/<cause>". The shop's own hold is
// set for the first cause that finds the order free, and taken back with the last: never one
// that somebody else has set. Where somebody ends ours at the shop, that is a decision about
// all causes of that time, and none of them holds again.
//
// # Returns
//
// [Returns] leads a return on: authorised, received, refunded, with a mail each. Its money
// is a wish to [Refunds] by line and quantity, for goods of which the shop has no paper
// since the return was asked for. What nopCommerce shows as authorised or refunded is paid
// by default, and elsewhere what the shop shows as refunded.
//
//	returns := &workflow.Returns{Refunds: refunds, Shop: shop}
//	handlers := inbox.Merge(o2c.Handlers(), returns.Handlers(), refunds.Handlers())
//
// # Money that goes back
//
// [Refunds] keeps processor, shop and ERP of one mind about refunds, in both directions. Its
// handlers come behind those of [Books], which post the payment of a refund and let it pay
// the credit note that is made here:
//
//	refunds := &workflow.Refunds{OrderToCash: o2c, Shop: shop, Payments: pay, Ledger: ledger}
//	wish, err := refunds.Wish(order, workflow.RefundWish{ID: "7", Document: "creditmemo/3"}) // a person approves
//
//	refund at the processor   succeeded, and Wait after: a paper of the shop, offline, with the
//	                          refund's id; what it is made of is said by Goods, or proposed
//	paper of the shop         what nobody gave of it yet is proposed; it moves money where
//	                          Pays or a wish says so, from the newest payment first
//	both, knowing nothing     those of one amount are one; a refund is a part of what one
//	of each other             paper asks for; else "refund_unclear"
//	wish                      money moves, the shop gets its paper, the ERP its credit note
//	fails after its paper     hold, remark, exception "refund_failed", until another pays it
//	beyond what was due       no paper and no credit note: it was never sold
//
// # Payouts
//
// [Payouts] explains each payout that was made by schedule once its rows are listed, gives
// the report to the host, tells one exception a reason of what does not agree, and books
// the payout when its rows make it. One that was made by hand is booked by its own
// movement; one that failed comes back on its own day. What is told of a payout never
// goes back, whatever news comes late. A replay of its event explains it again.
//
// The feeds of mapping/stripepay walk the balance and the payouts, so that nothing of
// this depends on webhooks. Of several accounts (Connect) each has a Books and a Payouts
// of its own, with its Account.
//
// # Closing a month
//
// [Books.Revalue] makes clearing in other currencies worth what its balance is worth on
// the last day, and [Books.Month] shows the month beside the money: whether the entries
// that we posted, the ERP's ledger and the processor's balance agree on every day, and
// where they part. A receipt that somebody removed at the ERP, or an entry by hand, is a
// difference of the ledger; a movement that no event told is one of both.
//
//	err := books.Revalue(ctx, last)
//	view, err := books.Month(ctx, reconcile.MonthInput{Month: last}, shop)
//
// # The cut-over
//
// [Adopt] takes over from people, or from another integration: what they wrote into the
// ERP for orders from before StartAt becomes the done steps of these orders. The documents
// stay theirs: [OrderChanges] tells of an edit and cancels nothing. Orders that are open on
// the day are listed, and taken up by a rule or one by one.
//
// [Books.Open] takes the balance over, once: what moved before the day of StartAt is in its
// entry and in no other, whenever it is paid out. The same StartAt goes to [Payouts], and
// as From to the feed of the balance's activity; not to that of payouts, as one from before
// may still come back.
//
//	opened, err := books.Open(ctx, workflow.Opening{Account: "9000"})
//
// # Steps
//
// Every write is an effect under a key that says what is done, remembered in Steps:
//
//	shop.payment/<order>               erp.sales_order/<order>
//	shop.note/<order>/<mark>           erp.confirm/<order>
//	shop.hold/<order>/<payment>        erp.withdraw/<sales order>
//	shop.unhold/<order>/<payment>      warehouse.request/<order>
//	shop.shipment/<shipment>           customer.told/<order>/<kind>/<payment>
//	collect.request/<order>/<n>        exception/<name>/<order>/<payment>
//	erp.cancel/<order>                 erp.invoice/<order>[/<draft or parcel>]
//	erp.receipt/<order>/<movement>     erp.unapply/<order>/<movement>
//	erp.apply/<order>/<movement>/<invoice>/<left>
//	erp.entry/<day, payout, suspense, dispute, revaluation or opening>/<n>
//	payout.report/<payout>/<hash>
//	shop.hold/<order>/<cause>          shop.unhold/<order>/<cause>
//	shop.suspect/<order>/<cause>       shop.trust/<order>/<cause>
//	shop.return/<return>/<status>      shop.restock/<return>
//	payment.capture/<payment>/<n>      payment.void/<payment>
//	payment.refund/<order>/<cause>/<payment>
//	stripe.refund/<order>/<paper or wish>/<n>
//	shop.refund/<order>/<refund>       erp.credit_note/<order>/<refund>
//	payment.approve/<review>           dispute.evidence/<dispute>/<hash>
//
// and so are the decisions that have to stand:
//
//	order.taken/<order>                Take said yes, or a person did
//	payment.order/<payment>            the order that named it first
//	payment.corrected/<payment>/<n>    which orders it is for, as a person said
//	collect.amount/<order>/<n>         what is asked for
//	erp.adopted/<sales order>          whose order it is that others wrote
//	books.receipt/<order>/<movement>   what the order gets of it; "/2" is a difference since
//	books.weights/<payment>            in which proportions its orders share it
//	books.refund/<refund>              which of them it was for
//	books.shipped/<order>[/<draft>]    the day on which the last of its goods left
//	books.on_shipment/<order>          that the ERP invoices what has left
//	order.held/<order>/<cause>         why it waits
//	order.released/<order>/<cause>     that this is over, and who said so
//	capture.amount/<payment>/<n>       what is to be taken
//	refund.amount/<order>/<cause>/<payment>  what is to go back for fraud
//	return.refund/<order>/<return>/<n> what is wished for a return
//	refund/<order>/wish/<id>           what a person or another workflow wishes for
//	refund/<order>/wanted/<id>         what that comes to
//	refund/<order>/part/<paper or wish>/<n>  what is taken from one payment for it
//	refund/<order>/amount/<refund>     what of a refund is for goods
//	refund/<order>/content/<refund, paper or wish>  which goods, taxes and charges
//	refund/<order>/paper/<refund>      which paper it is taken for
//	refund/<order>/before/<refund>/<n> the total at the shop before it
//	fraud.seen/<trait>/<order>         what Signs remembers, without personal data
//	payout.explained/<payout>          that no document of its rows is missing any more
//	books.opened/<opening>             what the books of a currency begin with
//
// An <order> is the text of its Ref. A handler that is interrupted anywhere, by an
// error or by the end of the process, goes on at the step where it stopped: steps
// that are done answer from their records, and one whose outcome is unknown is
// looked up at the far side before it is repeated (package idempotency). Where a far
// side can be left with two documents all the same, [OrderToCash.Sweep] finds them.
//
// # Dead events and exceptions
//
// What nobody may guess ends dead, before anything is written, with both figures
// where two differ. The codes are in the text of the error:
//
//	no_order            the payment or shipment names none, and after Grace no order has
//	                    named the payment (IgnoreUnlinked drops it)
//	amount_mismatch     the payment is not of the order's due, nor of the amounts it names
//	currency_mismatch   the same for the currency
//	other_orders        the payment was linked to this order and names others
//	partial_capture     a part of a payment for several orders was taken
//	refunded            paid, and refunded before it was taken up
//	mode_mismatch       live money for a test order, or the other way round
//	no_route            no books for this order
//	no_sales_order      money moved for an order that stands in no books, and Suspense is
//	                    not set
//	refund_of_several   a part was given back of a payment for several orders
//	refund_unclear      refunds and papers that know nothing of each other do not fit
//	refund_too_large    more is to go back than is left of the order, a line or its payments
//	nothing_left        nothing is left to go back, or the shop takes no paper any more
//	order_held          the shop takes no paper while the order is on hold
//	not_credited        the ERP's invoices have less left to credit
//	other_books         an order and the balance that its money is on lead to two companies
//	payout_open         the rows of a payout do not make it, with both figures
//
// What an ERP refuses has its own kind: a day in a closed period is "period_closed",
// where the ledger is not set to the next open day.
//
// A person replays it, with a correction where one is needed. What went well and
// still wants a person's eye is an [Exception]: told to the Alerter once, logged,
// and kept in Steps under "exception/".
//
// # Failures, and a way to pay again
//
// [PaymentFailed] waits before it believes a failure. [Collect] opens one way to pay
// at a time for what is still due, and makes retry links that stay good.
package workflow
