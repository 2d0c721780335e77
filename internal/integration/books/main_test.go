// Package books_test proves that the ERP's own ledger is right: orders are placed, paid,
// shipped, refunded and paid out over a month's end, the workflows post, and an auditor reads
// the ledger by the ERP's own protocol, and the truth at the shop and at Stripe.
//
//	go test ./books                                             # over an ERP in memory, and a real Tryton where it is installed
//	ORDERS=100 go test ./books -run RealTryton -v -timeout 60m  # the full proof
//
// SEED, an environment variable too, is where chance begins.
package books_test

import (
	"os"
	"strconv"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// number is an environment variable, or its default.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q, not a number above nought", name, text)
	}
	return n
}
