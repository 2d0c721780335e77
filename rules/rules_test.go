package rules_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/rules"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func eur(minor int64) commerce.Money { return commerce.MustMoney(minor, "EUR") }

// facts are of a usual order: 119.00 EUR, two lines, paid, one earlier order.
func facts() commerce.Facts {
	shop := commerce.Ref{System: "magento", Account: "main", Mode: commerce.Live}
	net, tax, gross := eur(10000), eur(1900), eur(11900)
	order := commerce.Order{
		Ref: shop.With("order/17"), Number: "000000017", Store: "1", Website: "base",
		Placed: noon.Add(-48 * time.Hour), State: commerce.OrderProcessing, RawState: "processing", RawStatus: "processing",
		Currency: "EUR", BaseCurrency: "EUR",
		Customer:        commerce.Customer{Ref: shop.With("customer/4"), Name: "Ada", Email: "ada@example.com", Group: "retail", VATIDs: []string{"DE123"}},
		BillingAddress:  commerce.Address{Country: "DE", City: "Kiel"},
		ShippingAddress: &commerce.Address{Country: "DE", City: "Kiel", PostalCode: "24103"},
		Lines: []commerce.OrderLine{
			{ID: "1", SKU: "GIFT-10", Quantity: commerce.MustDecimal("2"), Net: eur(4000), Discount: eur(0), Tax: eur(760),
				Taxes: []commerce.TaxLine{{Code: "DE19", Country: "DE", Rate: commerce.MustDecimal("19"), Base: eur(4000), Amount: eur(760), On: commerce.TaxOnLine, Line: "1"}}},
			{ID: "2", SKU: "BOOK", Quantity: commerce.MustDecimal("1.5"), Net: eur(6000), Discount: eur(0), Tax: eur(1140)},
		},
		Shipping:      commerce.Shipping{Method: "flatrate_flatrate"},
		Totals:        commerce.Totals{Net: net, Tax: tax, Gross: gross},
		Tenders:       []commerce.Tender{{Kind: commerce.TenderStripe, Amount: gross, Reference: "pi_1"}},
		PaymentMethod: "stripe_payments", PaymentID: "pi_1", Paid: gross,
	}
	old := commerce.Order{Ref: shop.With("order/3"), State: commerce.OrderComplete, Currency: "EUR", Totals: commerce.Totals{Gross: eur(5000)}}
	lost := commerce.Order{Ref: shop.With("order/4"), State: commerce.OrderCanceled, Currency: "EUR", Totals: commerce.Totals{Gross: eur(9900)}}
	abroad := commerce.Order{Ref: shop.With("order/5"), State: commerce.OrderComplete, Currency: "USD", Totals: commerce.Totals{Gross: commerce.MustMoney(700, "USD")}}
	return commerce.Facts{Order: order,
		Payments: []commerce.Payment{
			{Ref: commerce.Ref{System: "stripe", Mode: commerce.Live, ID: "pi_0"}, Status: commerce.PaymentFailed, Amount: gross,
				Failure: &commerce.Failure{Code: "card_declined"}, Created: noon.Add(-50 * time.Hour)},
			{Ref: commerce.Ref{System: "stripe", Mode: commerce.Live, ID: "pi_1"}, Status: commerce.PaymentCaptured, Amount: gross, Captured: gross,
				Created: noon.Add(-47 * time.Hour), Method: commerce.PaymentMethod{Type: "card", Brand: "visa", Last4: "4242", Country: "US", Fingerprint: "fp_1"},
				Risk: commerce.Risk{Level: "normal", Score: 12}, Metadata: map[string]string{"channel": "web"}},
		},
		Refunds: []commerce.Refund{
			{Status: commerce.RefundSucceeded, Amount: eur(1000)}, {Status: commerce.RefundPending, Amount: eur(200)}, {Status: commerce.RefundFailed, Amount: eur(9000)},
		},
		Earlier:  []commerce.Order{old, lost, abroad},
		Reviews:  []commerce.Review{{Open: true, Reason: "rule", Created: noon}},
		Warnings: []commerce.FraudWarning{{Type: "made_with_stolen_card", Actionable: true}},
		Disputes: []commerce.Dispute{{Status: commerce.DisputeReview, Amount: eur(2000), Reason: "fraudulent", Created: noon, Due: noon.Add(72 * time.Hour)}},
		Score:    commerce.Score{Points: 45, Reasons: []commerce.ScoreReason{{Code: "velocity", Points: 45}}}}
}

func compile(t testing.TB, expr string, cfg rules.Config) *rules.Rule {
	t.Helper()
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return noon }
	}
	r, err := rules.Compile(expr, cfg)
	require.NoError(t, err, expr)
	return r
}

func TestAConditionIsTrueOrFalseOfAnOrder(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]bool{
		`order.state == "processing"`:                                                     true,
		`order.state != "processing"`:                                                     false,
		`order.state in ["complete", "closed"]`:                                           false,
		`payment_state == "paid"`:                                                         true,
		`order.total > money("100.00", "EUR")`:                                            true,
		`order.total == money("119", "EUR")`:                                              true,
		`order.total != money("119.00", "EUR")`:                                           false,
		`order.total.currency == "EUR" && order.total.amount <= 119`:                      true,
		`order.total.amount * decimal("0.5") == decimal("59.5")`:                          true,
		`order.lines.exists(l, l.sku.startsWith("GIFT"))`:                                 true,
		`order.lines.all(l, l.quantity >= 2)`:                                             false,
		`order.lines[1].quantity == decimal("1.50")`:                                      true,
		`order.lines[0].quantity == 2`:                                                    true,
		`order.lines[0].taxes[0].rate == 19`:                                              true,
		`sum(order.lines.map(l, l.quantity)) == decimal("3.5")`:                           true,
		`sum(order.lines.filter(l, !l.virtual).map(l, l.net), "EUR") == order.totals.net`: true,
		`order.lines.size() == 2 && size(order.tenders) == 1`:                             true,
		`order.tenders.exists(t, t.kind == "gift_card")`:                                  false,
		`order.shipping_address.country == "DE"`:                                          true,
		`order.shipping_address.country in ["AT", "DE"]`:                                  true,
		`has(order.shipping_address) && !has(order.shipping_address.vat_id)`:              true,
		`order.customer.group == "retail" && !order.customer.guest`:                       true,
		`"DE123" in order.customer.vat_ids`:                                               true,
		`order.ref.mode == "live" && order.ref.id == "order/17"`:                          true,
		`order.placed < now - duration("36h")`:                                            true,
		`order.placed.getFullYear() == 2026`:                                              true,
		`order.placed > timestamp("2026-11-20T00:00:00Z")`:                                false,
		`paid == order.total && paid == due`:                                              true,
		`refunded == money("12.00", "EUR")`:                                               true,
		`paid - refunded < order.total`:                                                   true,
		`authorised == money("0", "EUR")`:                                                 true,
		`earlier.size() == 3`:                                                             true,
		`earlier_total("EUR") == money("50.00", "EUR")`:                                   true,
		`earlier_total("USD") + money("1.00", "USD") == money("8", "USD")`:                true,
		`earlier_total("JPY") == money("0", "JPY")`:                                       true,
		`payments.exists(p, p.status == "failed" && p.failure.code == "card_declined")`:   true,
		`payments.exists_one(p, p.method.brand == "visa")`:                                true,
		`reviews.exists(r, r.open && r.reason == "rule")`:                                 true,
		`warnings.exists(w, w.actionable && w.type.startsWith("made_with"))`:              true,
		`disputes.exists(d, d.status in ["open", "review"] && d.due > now)`:               true,
		`disputes.all(d, d.amount < order.total) && !has(disputes[0].withdrawn)`:          true,
		`score.points >= 50`:                                                              false,
		`score.reasons.exists(r, r.code == "velocity" && r.points > 40)`:                  true,
		`payments.exists(p, p.method.country != order.billing_address.country)`:           true,
		`has(payments[0].method.fingerprint)`:                                             false,
		`payments[1].risk.score > 50`:                                                     false,
		`payments[1].metadata["channel"] == "web"`:                                        true,
		`has(payments[1].metadata.shop)`:                                                  false,
		`"shop" in payments[1].metadata`:                                                  false,
		`refunds.filter(r, r.status == "succeeded").size() == 1`:                          true,
		`order.number.matches("^0+17$")`:                                                  true,
		`order.lines.map(l, l.sku) == ["GIFT-10", "BOOK"]`:                                true,
		`(order.lines + order.lines).size() == 4`:                                         true,
		`-order.total < money("0", "EUR")`:                                                true,
		`true`:                                                                            true,
	} {
		got, err := compile(t, expr, rules.Config{}).Eval(t.Context(), facts())
		require.NoError(t, err, expr)
		require.Equal(t, want, got, expr)
	}
}

func TestWhatIsAbsentBehavesAsDocumented(t *testing.T) {
	t.Parallel()
	f := commerce.Facts{Order: commerce.Order{Currency: "EUR"}, Payments: []commerce.Payment{{Amount: eur(5)}}}
	for expr, want := range map[string]bool{
		`has(order.shipping_address)`:                  false,
		`order.shipping_address.country == ""`:         true,
		`has(order.shipping_address.country)`:          false,
		`order.customer.email == ""`:                   true,
		`order.lines.size() == 0`:                      true,
		`order.lines.all(l, l.sku == "X")`:             true,
		`has(order.placed)`:                            false,
		`has(order.total)`:                             false,
		`order.paid == money("0", "EUR")`:              true,
		`payments[0].refunded == money("0.00", "EUR")`: true,
		`has(payments[0].fee)`:                         false,
		`payments[0].fee.balance_transaction == ""`:    true,
		`has(payments[0].fee.amount)`:                  false,
		`paid == money("0", "EUR")`:                    true,
		`payments[0].metadata.size() == 0`:             true,
		`earlier_total("EUR") == money("0", "EUR")`:    true,
	} {
		got, err := compile(t, expr, rules.Config{}).Eval(t.Context(), f)
		require.NoError(t, err, expr)
		require.Equal(t, want, got, expr)
	}
	for _, expr := range []string{
		`order.total > money("1", "EUR")`, `order.placed < now`, `payments[0].fee.amount > money("1", "EUR")`, `payments[0].created < now`,
	} {
		_, err := compile(t, expr, rules.Config{}).Eval(t.Context(), f)
		require.ErrorIs(t, err, commerce.ErrInvalid, expr)
		require.ErrorContains(t, err, "is not known; ask has() first", expr)
	}
}

func TestTwoCurrenciesAreAnErrorAndNeverFalse(t *testing.T) {
	t.Parallel()
	for _, expr := range []string{
		`order.total > money("100.00", "USD")`, `order.total < money("100.00", "USD")`, `order.total <= money("1", "USD")`,
		`order.total >= money("1", "USD")`, `order.total == money("119.00", "USD")`, `order.total != money("119.00", "USD")`,
		`!(order.total == money("119.00", "USD"))`, `order.total + money("1", "USD") == order.total`,
		`earlier_total("USD") > order.total`, `[money("1", "USD")].exists(m, m == order.total)`,
		`sum(earlier.map(e, e.total), "EUR") > money("1", "EUR")`,
	} {
		_, err := compile(t, expr, rules.Config{}).Eval(t.Context(), facts())
		require.ErrorIs(t, err, commerce.ErrInvalid, expr)
		require.Contains(t, err.Error(), "USD", expr)
	}
	_, err := compile(t, "true &&\n  order.total > money(\"100.00\", \"USD\")", rules.Config{}).Eval(t.Context(), facts())
	require.EqualError(t, err, `rules: evaluate "true &&\n  order.total > money(\"100.00\", \"USD\")": currency_mismatch 2:15: `+
		`119.00 EUR and 100.00 USD are of two currencies and can not be compared; ask for .currency first, or compare .amount`)

	f := facts()
	f.Payments[1].Captured = commerce.MustMoney(100, "USD")
	for _, expr := range []string{`paid > money("1", "EUR")`, `payment_state == "paid"`} {
		_, err := compile(t, expr, rules.Config{}).Eval(t.Context(), f)
		require.ErrorIs(t, err, commerce.ErrInvalid, expr)
	}
}

func TestAnErrorOfAnExpressionSaysWhereAndWhatToDo(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]string{
		`order.stat == "paid"`:                              `1:6: there is no field "stat"; did you mean "state"?`,
		"true &&\n ordr.number == \"1\"":                    `2:2: there is no "ordr"; did you mean "order"?`,
		`order.state == "paid"`:                             `1:16: order.state is never "paid"; ask for payment_state, or it is one of pending,`,
		`order.state in ["complete", "done"]`:               `1:29: order.state is never "done"; it is one of`,
		`"wat" != payments[0].status`:                       `1:1: payment.status is never "wat"`,
		`payment_state == "settled"`:                        `1:18: payment_state is never "settled"`,
		`order.total > 100`:                                 `1:13: > does not go with (money, int); an amount goes with an amount: money("100.00", "EUR")`,
		`order.lines[0].quantity > 0.5`:                     `> does not go with (decimal, double); a decimal goes with`,
		`0.1 < 0.2`:                                         `1:1: a float is not exact; write decimal("0.5")`,
		`double("1") > 1`:                                   `there is no "double"`,
		`dyn(order.total) == dyn(1)`:                        `there is no "dyn"`,
		`order.customer == earlier[0].customer`:             `== does not go with (customer, customer); both sides`,
		`order.total in [money("1", "EUR")]`:                `a money can not be looked up in a list; compare one by one`,
		`order.total > money("1.005", "EUR")`:               `1:20: the first part of money() is no amount of EUR: write money("100.00", "EUR")`,
		`order.total > money("1", "EURO")`:                  `the second part of money() is no ISO 4217 currency`,
		`order.lines[0].quantity > decimal("many")`:         `the text is no decimal number`,
		`order.placed < timestamp("yesterday")`:             `timestamp() can not read this text; write timestamp("2026-01-31T00:00:00Z")`,
		`order.placed < now - duration("2 days")`:           `duration() can not read this text; write duration("36h")`,
		`order.total`:                                       `1:1: the expression is a money, not true or false`,
		`[1, order.total][0] == 1`:                          `expected type`,
		`order.number.matches("(")`:                         `a constant in the expression can not be read`,
		`order.state = "x"`:                                 `1:13: syntax error`,
		`address{country: "DE"}.country == "DE"`:            `address can not be made in an expression`,
		``:                                                  `the expression is empty`,
		"  \n ":                                             `the expression is empty`,
		strings.Repeat("true && ", 600) + "true":            `the expression has 4804 characters, at most 4096 are read`,
		strings.Repeat("(", 400) + strings.Repeat(")", 400): `recursion limit`,
	} {
		_, err := rules.Compile(expr, rules.Config{})
		require.ErrorIs(t, err, commerce.ErrInvalid, expr)
		bad, ok := errors.AsType[*rules.CompileError](err)
		require.True(t, ok, "%T", err)
		require.Equal(t, expr, bad.Expr)
		require.NotEmpty(t, bad.Problems)
		require.Contains(t, err.Error(), want)
		for _, p := range bad.Problems {
			require.NotEmpty(t, p.Text)
		}
	}
	_, err := rules.Compile(`order.a == 1 && order.b == 2`, rules.Config{})
	bad, _ := errors.AsType[*rules.CompileError](err)
	require.Len(t, bad.Problems, 2, "all at once")
}

func TestAnExpressionIsStoppedAtItsBounds(t *testing.T) {
	t.Parallel()
	f := facts()
	f.Order.Lines = make([]commerce.OrderLine, 400)
	_, err := compile(t, `order.lines.all(a, order.lines.all(b, a.sku == b.sku))`, rules.Config{}).Eval(t.Context(), f)
	require.ErrorIs(t, err, commerce.ErrLimit)
	require.ErrorContains(t, err, "Config.MaxCost 100000")

	f.Order.Lines = f.Order.Lines[:5]
	r := compile(t, `order.lines.all(l, stock(l.sku) > 0)`, rules.Config{MaxCalls: 4, Functions: []rules.Function{{
		Name: "stock", Params: []rules.Type{rules.Text}, Result: rules.Int,
		Call: func(context.Context, ...any) (any, error) { return 1, nil }}}})
	_, err = r.Eval(t.Context(), f)
	require.ErrorIs(t, err, commerce.ErrLimit)
	require.ErrorContains(t, err, "Config.MaxCalls 4")
	f.Order.Lines = f.Order.Lines[:4]
	yes, err := r.Eval(t.Context(), f)
	require.NoError(t, err)
	require.True(t, yes, "the calls of another order do not count")

	for _, cfg := range []rules.Config{{MaxSize: -1}, {MaxCost: -1}, {MaxCalls: -1}} {
		_, err = rules.Compile(`true`, cfg)
		require.ErrorIs(t, err, commerce.ErrInvalid)
	}
}

func TestALookUpIsGivenCopiesAndTheCallersContext(t *testing.T) {
	t.Parallel()
	type key struct{}
	var got []any
	var said any
	echo := rules.Function{Name: "echo", Result: rules.Bool,
		Params: []rules.Type{rules.Bool, rules.Int, rules.Text, rules.Texts, rules.Decimal, rules.Money, rules.Time, rules.Duration,
			rules.Order, rules.Customer, rules.Address, rules.Line, rules.Payment, rules.Refund},
		Call: func(ctx context.Context, args ...any) (any, error) {
			got, said = args, ctx.Value(key{})
			return true, nil
		}}
	r := compile(t, `echo(true, 7, order.number, order.lines.map(l, l.sku), order.lines[1].quantity, order.total, order.placed,
		duration("1h"), order, order.customer, order.shipping_address, order.lines[0], payments[0], refunds[0])`, rules.Config{Functions: []rules.Function{echo}})
	f := facts()
	yes, err := r.Eval(context.WithValue(t.Context(), key{}, "mine"), f)
	require.NoError(t, err)
	require.True(t, yes)
	require.Equal(t, "mine", said)
	require.Equal(t, []any{true, int64(7), "000000017", []string{"GIFT-10", "BOOK"}, commerce.MustDecimal("1.5"), eur(11900), f.Order.Placed,
		time.Hour, f.Order, f.Order.Customer, *f.Order.ShippingAddress, f.Order.Lines[0], f.Payments[0], f.Refunds[0]}, got)
}

func TestALookUpCanAnswerEveryPlainType(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typ    rules.Type
		answer any
		expr   string
	}{
		{rules.Bool, true, `f()`}, {rules.Int, int64(7), `f() == 7`}, {rules.Int, 7, `f() == 7`}, {rules.Text, "x", `f() == "x"`},
		{rules.Texts, []string{"a", "b"}, `"b" in f()`}, {rules.Decimal, commerce.MustDecimal("0.5"), `f() == decimal("0.5")`},
		{rules.Money, eur(5), `f() == money("0.05", "EUR")`}, {rules.Time, noon, `f() == now`}, {rules.Duration, time.Minute, `f() == duration("60s")`},
	} {
		fn := func(answer any) rules.Config {
			return rules.Config{Functions: []rules.Function{{Name: "f", Result: c.typ, Call: func(context.Context, ...any) (any, error) { return answer, nil }}}}
		}
		yes, err := compile(t, c.expr, fn(c.answer)).Eval(t.Context(), facts())
		require.NoError(t, err, c.expr)
		require.True(t, yes, c.expr)
		for _, wrong := range []any{nil, struct{}{}, commerce.Money{}, 1.5} {
			_, err = compile(t, c.expr, fn(wrong)).Eval(t.Context(), facts())
			require.ErrorIs(t, err, commerce.ErrInternal, "%v for %s", wrong, c.typ)
			require.ErrorContains(t, err, "its Result is")
		}
	}
}

func TestTheErrorOfALookUpKeepsItsKind(t *testing.T) {
	t.Parallel()
	var fails error
	r := compile(t, `credit_ok(order.customer.email) && order.total > money("1", "EUR")`, rules.Config{Functions: []rules.Function{{
		Name: "credit_ok", Params: []rules.Type{rules.Text}, Result: rules.Bool,
		Call: func(context.Context, ...any) (any, error) { return nil, fails }}}})

	fails = &commerce.Error{Kind: commerce.KindUnavailable, System: "credit", Text: "503", RetryAfter: time.Minute}
	_, err := r.Eval(t.Context(), facts())
	require.ErrorIs(t, err, commerce.ErrUnavailable)
	require.Equal(t, commerce.KindUnavailable, commerce.KindOf(err))
	require.Equal(t, time.Minute, commerce.RetryAfter(err))
	require.ErrorIs(t, err, fails)
	require.ErrorContains(t, err, "1:10: function credit_ok: credit: 503")

	fails = fmt.Errorf("no answer for ada@example.com")
	_, err = r.Eval(t.Context(), facts())
	require.Equal(t, commerce.KindInternal, commerce.KindOf(err))
	require.ErrorIs(t, err, fails)
	require.NotContains(t, err.Error(), "ada@", "an error of nobody's kind may name people")
}

func TestAFunctionThatCanNotBeIsRefused(t *testing.T) {
	t.Parallel()
	call := func(context.Context, ...any) (any, error) { return true, nil }
	for want, fns := range map[string][]rules.Function{
		"two functions":          {{Name: "f", Result: rules.Bool, Call: call}, {Name: "f", Result: rules.Bool, Call: call}},
		"small letters":          {{Name: "Is VIP", Result: rules.Bool, Call: call}},
		`"order": Name is taken`: {{Name: "order", Result: rules.Bool, Call: call}},
		`"money": Name is taken`: {{Name: "money", Result: rules.Bool, Call: call}},
		`"size": Name is taken`:  {{Name: "size", Result: rules.Bool, Call: call}},
		`"has": Name is taken`:   {{Name: "has", Result: rules.Bool, Call: call}},
		"Call is nil":            {{Name: "f", Result: rules.Bool}},
		`Result is "order"`:      {{Name: "f", Result: rules.Order, Call: call}},
		`Result is ""`:           {{Name: "f", Call: call}},
		`Params[1] is "float"`:   {{Name: "f", Params: []rules.Type{rules.Int, "float"}, Result: rules.Bool, Call: call}},
	} {
		_, err := rules.Compile(`true`, rules.Config{Functions: fns})
		require.ErrorIs(t, err, commerce.ErrInvalid, want)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "Config.Functions[")
	}
}

func TestErrorsRepeatNothingOfTheOrder(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]string{
		`int(order.customer.email) > 1`:                                "can not be read as the expression asks",
		`timestamp(order.customer.email) < now`:                        "can not be read as the expression asks",
		`payments[0].metadata[order.customer.email] == "x"`:            "no such key",
		`order.lines[7].sku == "x"`:                                    "index out of bounds",
		`size(order.lines) / (size(order.lines) - 2) > 1`:              "division by zero",
		`money(order.customer.email, "EUR") == order.total`:            "no amount of EUR",
		`decimal(order.customer.email) > 1`:                            "no decimal number",
		`order.lines[0].quantity * decimal("9999999999999999999") > 1`: "at most 19 digits",
	} {
		_, err := compile(t, expr, rules.Config{}).Eval(t.Context(), facts())
		require.ErrorIs(t, err, commerce.ErrInvalid, expr)
		require.ErrorContains(t, err, want)
		require.NotContains(t, strings.ReplaceAll(err.Error(), expr, ""), "ada@", expr)
	}
}

func TestARuleServesManyAtOnce(t *testing.T) {
	t.Parallel()
	r := compile(t, `order.total > money("100.00", "EUR") && twice(order.lines.size()) == 4 && paid == order.total`, rules.Config{Functions: []rules.Function{{
		Name: "twice", Params: []rules.Type{rules.Int}, Result: rules.Int,
		Call: func(_ context.Context, args ...any) (any, error) { return 2 * args[0].(int64), nil }}}})
	small := facts()
	small.Order.Totals.Gross = eur(1)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				yes, err := r.Eval(t.Context(), facts())
				if err != nil || !yes {
					t.Error("a large order", err)
				}
				if yes, err = r.Eval(t.Context(), small); err != nil || yes {
					t.Error("a small order", err)
				}
			}
		})
	}
	wg.Wait()
}

func TestARuleSaysWhichFactsItNeeds(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string][]bool{
		`order.number == "1"`: {false, false, false}, `payments.size() > 0`: {true, false, false}, `paid > refunded`: {true, true, false},
		`payment_state == "paid"`: {true, false, false}, `authorised == due`: {true, false, false}, `order.paid == order.refunded`: {false, false, false},
		`refunds.exists(r, r.reason == "")`: {false, true, false}, `earlier.exists(e, e.state == "complete")`: {false, false, true},
		`order.lines.all(l, earlier_total("EUR") > l.net)`: {false, false, true},
	} {
		r := compile(t, expr, rules.Config{})
		require.Equal(t, want, []bool{r.Uses(rules.Payments), r.Uses(rules.Refunds), r.Uses(rules.Earlier)}, expr)
	}
	for expr, part := range map[string]rules.Part{`reviews.size() > 0`: rules.Reviews, `warnings.size() > 0`: rules.Warnings,
		`disputes.size() > 0`: rules.Disputes, `score.points > 10`: rules.Score} {
		r := compile(t, expr, rules.Config{})
		for _, p := range []rules.Part{rules.Payments, rules.Reviews, rules.Warnings, rules.Disputes, rules.Score} {
			require.Equal(t, p == part, r.Uses(p), "%s of %s", p, expr)
		}
	}
}

// A rule is what workflows take.
var _ func(context.Context, commerce.Facts) (bool, error) = (*rules.Rule)(nil).Eval

func TestACallerWhoHasGoneIsNotAnswered(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := compile(t, `true`, rules.Config{}).Eval(ctx, facts())
	require.ErrorIs(t, err, context.Canceled)
}

func TestAUsualConditionAllocatesLittle(t *testing.T) {
	r, f := compile(t, usual, rules.Config{}), facts()
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		if _, err := r.Eval(t.Context(), f); err != nil {
			t.Error(err)
		}
	}), 40.0)
}

const usual = `payment_state == "paid" && order.total > money("100.00", "EUR") && order.shipping_address.country in ["DE", "AT"] && !order.lines.exists(l, l.sku.startsWith("X"))`

func BenchmarkEval(b *testing.B) {
	for name, expr := range map[string]string{
		"state":  `order.state == "processing" && order.total > money("100.00", "EUR")`,
		"usual":  usual,
		"totals": `paid - refunded >= money("1.00", "EUR") && earlier_total("EUR") > money("10", "EUR") && order.placed < now`,
	} {
		b.Run(name, func(b *testing.B) {
			r, f := compile(b, expr, rules.Config{}), facts()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Eval(b.Context(), f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
