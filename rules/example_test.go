package rules_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/rules"
)

// A condition over an order, its payments and the customer's earlier orders.
func ExampleCompile() {
	rule, err := rules.Compile(`
		order.total > money("100.00", "EUR") &&
		order.shipping_address.country in ["DE", "AT"] &&
		!order.lines.exists(l, l.sku.startsWith("GIFT")) &&
		earlier_total("EUR") >= money("50.00", "EUR")`, rules.Config{})
	if err != nil {
		panic(err)
	}
	order := commerce.Order{
		Currency: "EUR", Totals: commerce.Totals{Gross: commerce.MustMoney(11900, "EUR")},
		ShippingAddress: &commerce.Address{Country: "DE"}, Lines: []commerce.OrderLine{{SKU: "BOOK"}},
	}
	before := commerce.Order{State: commerce.OrderComplete, Totals: commerce.Totals{Gross: commerce.MustMoney(6000, "EUR")}}
	fmt.Println(rule.Eval(context.Background(), commerce.Facts{Order: order, Earlier: []commerce.Order{before}}))
	fmt.Println(rule.Eval(context.Background(), commerce.Facts{Order: order}))
	// Output:
	// true <nil>
	// false <nil>
}

// A rule against fraud: what the processor, a scorer and the banks say of an order.
func ExampleCompile_fraud() {
	rule, err := rules.Compile(`
		warnings.exists(w, w.actionable) ||
		score.points >= 60 && order.total > money("200.00", "EUR") ||
		payments.exists(p, p.risk.level == "highest" && p.method.country != order.billing_address.country)`, rules.Config{})
	if err != nil {
		panic(err)
	}
	order := commerce.Order{Currency: "EUR", Totals: commerce.Totals{Gross: commerce.MustMoney(25000, "EUR")}}
	fmt.Println(rule.Eval(context.Background(), commerce.Facts{Order: order, Score: commerce.Score{Points: 71}}))
	fmt.Println(rule.Eval(context.Background(), commerce.Facts{Order: order, Score: commerce.Score{Points: 20}}))
	fmt.Println(rule.Uses(rules.Warnings), rule.Uses(rules.Disputes))
	// Output:
	// true <nil>
	// false <nil>
	// true false
}

// What is wrong with an expression is said all at once, with the place of each.
func ExampleCompileError() {
	_, err := rules.Compile(`order.state == "paid" || order.total > 100`, rules.Config{})
	fmt.Println(err)
	_, err = rules.Compile(`order.state == "paid"`, rules.Config{})
	if bad, ok := errors.AsType[*rules.CompileError](err); ok {
		p := bad.Problems[0]
		fmt.Printf("line %d, column %d: %s\n", p.Line, p.Column, p.Text)
	}
	// Output:
	// rules: compile "order.state == \"paid\" || order.total > 100": 1:38: > does not go with (money, int); an amount goes with an amount: money("100.00", "EUR")
	// line 1, column 16: order.state is never "paid"
}

// A function of the host's own; its error keeps its kind.
func ExampleFunction() {
	limit := rules.Function{
		Name: "credit_limit", Params: []rules.Type{rules.Customer}, Result: rules.Money,
		Call: func(ctx context.Context, args ...any) (any, error) {
			customer := args[0].(commerce.Customer)
			if customer.Group != "wholesale" {
				return commerce.Zero("EUR"), nil
			}
			return commerce.ParseMoney("500.00", "EUR")
		},
	}
	rule, err := rules.Compile(`order.total <= credit_limit(order.customer)`, rules.Config{Functions: []rules.Function{limit}})
	if err != nil {
		panic(err)
	}
	order := commerce.Order{Currency: "EUR", Customer: commerce.Customer{Group: "wholesale"},
		Totals: commerce.Totals{Gross: commerce.MustMoney(40000, "EUR")}}
	fmt.Println(rule.Eval(context.Background(), commerce.Facts{Order: order}))
	// Output:
	// true <nil>
}
