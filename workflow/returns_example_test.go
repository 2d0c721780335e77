package workflow

import (
	"fmt"

	"github.com/commercesync/commerce"
)

// exampleT lets the worlds of the tests serve an example.
type exampleT struct{}

func (exampleT) Errorf(format string, args ...any) { fmt.Printf(format, args...) }
func (exampleT) FailNow()                          { panic("the example failed") }
func (exampleT) Helper()                           {}

// One of two lamps comes back. Its money does as well, once, and shop, processor and ERP
// say the same.
func ExampleReturns() {
	c := newCounter(exampleT{}) // a shop, a processor and an ERP in memory, with Returns and Refunds in one inbox
	order := c.sells("17")
	lamp := c.brings("5", order, commerce.ReturnReceived, "1")
	c.settle()
	fmt.Println(lamp.Status, c.moved)

	lamp.Status = commerce.ReturnRefunded // people at the shop approve it
	c.toldOf(lamp)
	c.toldOf(lamp)
	c.settle()
	fmt.Println(c.moved, c.given[0].Amount, c.orders[order].Refunded, c.notes[order]["re_1"])
	// Output:
	// received 0
	// 1 30.00 EUR 30.00 EUR 30.00 EUR
}
