// Package mapping says the same thing in another system's words: amounts, states,
// names, addresses, phones, metadata, order lines, taxes, parties and routes. It is
// pure: no client, no clock, no network, so that every rule here can be read and
// tested alone. The packages below it lend clients the methods that a workflow asks
// for.
//
// A shop's order becomes a [commerce.Order] by way of a [Sheet], the rows and
// totals as the shop states them:
//
//	sheet := mapping.Sheet{Document: "magento order 17", Currency: "EUR", Rows: rows, Stated: stated}
//	sale, err := sheet.Fold()
//
// Fold drops rows that only repeat money (the child of a configurable product, the
// parent of a bundle priced by its parts), rounds to the currency so that every sum
// still adds up, and proves the shop's totals on the way.
//
// # Faults
//
// What can not be said is a [Fault]: document, field, value and reason, of kind
// mapping, before anything is written. A fault is never answered with a default: no
// tax is guessed, no route is assumed, no difference between order and payment is
// smoothed over ([DifferenceError]).
//
// # Tables
//
// What differs from merchant to merchant is a table that the merchant owns:
// [OrderStates] and [PaymentStatuses] for states, [TaxTable] for taxes, [Routes] for
// books, [MetadataKeys] for what stands on a payment.
package mapping
