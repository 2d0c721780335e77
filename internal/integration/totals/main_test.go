// Package totals_test proves that the books hold what the shop sold, to the minor
// unit: orders of every kind are placed at a shop, read by the client, said in
// canonical words and written into an ERP by the very effects that the workflow
// uses; then the ERP's own records are counted by their references.
//
//	go test ./totals                                               # a fake ERP, and a real Tryton where it is installed
//	ORDERS=2000 go test ./totals -run RealTryton -v -timeout 30m   # the full proof
//
// SEED, an environment variable too, is where chance begins: every order is a
// function of it and of the order's number.
package totals_test

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
