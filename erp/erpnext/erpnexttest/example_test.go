package erpnexttest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erpnext"
	"github.com/commercesync/commerce/erp/erpnext/erpnexttest"
)

// A fake that loses the answer to an insert: the customer is there all the same.
func Example() {
	ctx := context.Background()
	far, err := erpnexttest.New(erpnexttest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	client, err := erpnext.NewClient(erpnext.Config{URL: erpnexttest.URL, Company: erpnexttest.Company,
		Credentials: commerce.Static(far.Login()), Transport: far.Transport()})
	if err != nil {
		log.Fatal(err)
	}
	c := erp.Customer{Key: "shop/customer/17", Party: commerce.Customer{Name: "Ada Example"}, Billing: commerce.Address{City: "Berlin", Country: "DE"}}
	far.Fail(erpnexttest.Fault{Kind: erpnexttest.Lost, Times: 1, Match: erpnexttest.On(http.MethodPost, "Customer")})
	_, err = client.UpsertCustomer(ctx, c)
	fmt.Println(errors.Is(err, commerce.ErrUnknown))
	who, err := client.UpsertCustomer(ctx, c)
	fmt.Println(who.Party, err)
	// Output:
	// true
	// Ada Example <nil>
}
