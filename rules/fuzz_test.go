package rules_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/rules"
)

// FuzzCompile: whatever is written, the answer is a rule or a *CompileError with
// places inside the text; a rule that compiled judges orders or says in a typed error
// why not, and repeats nothing of the order.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		`order.state == "paid"`, `order.total > money("100.00", "EUR")`, `order.lines.exists(l, l.sku.startsWith("GIFT"))`,
		`earlier_total("USD") != order.total`, `payments.map(p, p.amount)[0].currency == "EUR"`, `decimal("1e3") * 2 >= 0.5`,
		`has(order.shipping_address.country) ? order.placed < now - duration("1h") : true`, `look(order.number)`,
		`int(order.customer.email) == 1`, `[1, 2].exists(x, x in [3u])`, `{"a": 1}["a"] == 1 && {1: order}[1].number == ""`, "order.\n\ttotal.\x00", `order == order`,
		`order.number.matches("(a*)*$")`, `[order.total] == [due]`, `(order.lines + earlier[0].lines)[3].net == due`, `sum([due, paid], "EUR") == due`,
	} {
		f.Add(seed)
	}
	cfg := rules.Config{MaxCost: 10_000, Now: func() time.Time { return noon }, Functions: []rules.Function{{
		Name: "look", Params: []rules.Type{rules.Text}, Result: rules.Bool,
		Call: func(context.Context, ...any) (any, error) { return true, nil }}}}
	f.Fuzz(func(t *testing.T, expr string) {
		rule, err := rules.Compile(expr, cfg)
		if err != nil {
			bad, ok := errors.AsType[*rules.CompileError](err)
			if !ok || len(bad.Problems) == 0 || commerce.KindOf(err) != commerce.KindInvalid {
				t.Fatalf("%q: %T %v", expr, err, err)
			}
			for _, p := range bad.Problems {
				if p.Text == "" || p.Line < 0 || p.Line > 1+strings.Count(expr, "\n") {
					t.Fatalf("%q: %+v", expr, p)
				}
			}
			return
		}
		for _, facts := range []commerce.Facts{facts(), {}} {
			if _, err := rule.Eval(t.Context(), facts); err != nil {
				switch commerce.KindOf(err) {
				case commerce.KindInvalid, commerce.KindLimit:
				default:
					t.Fatalf("%q: %v", expr, err)
				}
				if strings.Contains(err.Error(), "ada@") && !strings.Contains(expr, "ada@") {
					t.Fatalf("%q tells of people: %v", expr, err)
				}
			}
		}
	})
}
