package erp_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erptest"
)

// An answer is lost; the order is looked up under its key instead of being made again.
func Example() {
	ctx := context.Background()
	far, err := erptest.NewMemory(erptest.MemoryConfig{Products: []erp.Product{{SKU: "MUG", Stocked: true}}})
	if err != nil {
		log.Fatal(err)
	}
	var books erp.ERP = far
	who, err := books.UpsertCustomer(ctx, erp.Customer{Key: "guest/1", Party: commerce.Customer{Name: "Ada Example"}})
	if err != nil {
		log.Fatal(err)
	}
	price := commerce.MustMoney(1250, "EUR")
	order := erp.NewOrder{Key: "shop/1", Customer: who, Date: commerce.Date{Year: 2026, Month: 11, Day: 21}, Currency: "EUR",
		Lines:    []erp.OrderLine{{SKU: "MUG", Quantity: commerce.MustDecimal("1"), Net: price}},
		Expected: erp.Totals{Net: price, Tax: commerce.Zero("EUR"), Gross: price}}

	far.Fail(erptest.Fault{Op: "CreateOrder", Times: 1, AfterEffect: true})
	_, err = books.CreateOrder(ctx, order)
	fmt.Println("unknown:", errors.Is(err, commerce.ErrUnknown))
	found, err := books.FindOrder(ctx, order.Key)
	fmt.Println(found.State, found.Totals.Gross, err, len(far.Orders()))
	// Output:
	// unknown: true
	// draft 12.50 EUR <nil> 1
}
