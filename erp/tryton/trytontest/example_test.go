package trytontest_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/erp/tryton/trytontest"
)

// A fake that refuses one connection: the client tries again by itself.
func Example() {
	server, err := trytontest.New(trytontest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	client, err := tryton.NewClient(tryton.Config{URL: trytontest.URL, Database: trytontest.Database,
		Credentials: commerce.Static(server.Login()), Transport: server.Transport()})
	if err != nil {
		log.Fatal(err)
	}
	server.Fail(trytontest.Fault{Kind: trytontest.Refused, Times: 1})
	fmt.Println(client.Ping(context.Background()))

	_, err = client.FindOrder(context.Background(), "shop/100000017")
	fmt.Println(errors.Is(err, commerce.ErrNotFound), server.Sales())
	// Output:
	// <nil>
	// true map[]
}
