// Package commerce holds the words that every other package of this module speaks:
// orders, customers, payments, refunds, payouts, shipments, journal entries and
// money, the event that carries news of them, secrets and credentials, and the one
// error type that says what happened and whether it is safe to send again.
package commerce
