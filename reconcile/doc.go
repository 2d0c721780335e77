// Package reconcile says what is in a payout, to the last cent.
package reconcile
