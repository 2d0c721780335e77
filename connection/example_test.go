package connection_test

import (
	"context"
	"fmt"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/connection"
)

// A check of two connections; what is told is what changed since the one before.
func Example() {
	shop := commerce.Ref{System: "magento", Account: "main", Mode: commerce.Live}
	lacking := true
	checker, err := connection.New(connection.Config{
		Connections: connection.These(
			connection.Connection{Ref: shop, Check: func(context.Context) commerce.Findings {
				if !lacking {
					return nil
				}
				return commerce.Findings{{Code: "right_missing", About: "Magento_Sales::ship", Severity: commerce.Broken,
					Seen: "the integration lacks the right", Mend: "tick it under System > Integrations"}}
			}},
			connection.Connection{Ref: commerce.Ref{System: "stripe", Account: "acct_1", Mode: commerce.Live},
				Check: func(context.Context) commerce.Findings { return nil }},
		),
		Notify: func(_ context.Context, c connection.Change) error {
			fmt.Println(c.Connection.System, len(c.New), "new,", len(c.Mended), "mended")
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		results, err := checker.Check(context.Background())
		fmt.Println(results[0].OK(), results[1].OK(), err)
		lacking = false
	}
	// Output:
	// magento 1 new, 0 mended
	// false true <nil>
	// magento 0 new, 1 mended
	// true true <nil>
	// true true <nil>
}

func ExampleDiagnose() {
	err := &commerce.Error{Kind: commerce.KindAuth, System: "stripe", Op: "ping", Status: 401}
	remedy, _ := connection.Diagnose(err)
	fmt.Println(remedy.Cause)
	fmt.Println(remedy.Mend)
	// Output:
	// Stripe does not know the key: it is cut, of another account, or deleted
	// copy the whole secret or restricted key (sk_… or rk_…) from Developers > API keys; a publishable key (pk_…) is none
}
