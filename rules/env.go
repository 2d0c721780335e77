package rules

import (
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/commercesync/commerce"
)

// language is CEL with our words and without what rules have no use for: floats,
// values without a type, and comparisons that can not be answered.
var language = sync.OnceValues(func() (*cel.Env, error) {
	std, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	opts := []cel.EnvOption{
		cel.StdLib(cel.StdLibSubset(env.NewLibrarySubset().AddExcludedFunctions(
			env.NewFunction(operators.Equals), env.NewFunction(operators.NotEquals),
			env.NewFunction(overloads.TypeConvertDyn), env.NewFunction(overloads.TypeConvertDouble),
			env.NewFunction(overloads.TypeConvertType)))),
		cel.CustomTypeProvider(provider{std}), cel.CustomTypeAdapter(adapter{}),
		cel.DefaultUTCTimeZone(true), cel.HomogeneousAggregateLiterals(),
	}
	for name, typ := range variables {
		opts = append(opts, cel.Variable(name, typ))
	}
	opts = append(opts, equality()...)
	opts = append(opts, amounts()...)
	return cel.NewCustomEnv(opts...)
})

// variables are what an expression can begin with.
var variables = map[string]*cel.Type{
	"order":         typeOf[commerce.Order](),
	"payments":      cel.ListType(typeOf[commerce.Payment]()),
	"refunds":       cel.ListType(typeOf[commerce.Refund]()),
	"earlier":       cel.ListType(typeOf[commerce.Order]()),
	"reviews":       cel.ListType(typeOf[commerce.Review]()),
	"warnings":      cel.ListType(typeOf[commerce.FraudWarning]()),
	"disputes":      cel.ListType(typeOf[commerce.Dispute]()),
	"score":         typeOf[commerce.Score](),
	"payment_state": cel.StringType,
	"due":           moneyType,
	"paid":          moneyType,
	"authorised":    moneyType,
	"refunded":      moneyType,
	"now":           cel.TimestampType,
}

// equality lists what can be compared by == and !=.
func equality() []cel.EnvOption {
	var equal, not []cel.FunctionOpt
	for name, pair := range map[string][]*cel.Type{
		"bool":        {cel.BoolType, cel.BoolType},
		"int":         {cel.IntType, cel.IntType},
		"uint":        {cel.UintType, cel.UintType},
		"string":      {cel.StringType, cel.StringType},
		"bytes":       {cel.BytesType, cel.BytesType},
		"timestamp":   {cel.TimestampType, cel.TimestampType},
		"duration":    {cel.DurationType, cel.DurationType},
		"strings":     {cel.ListType(cel.StringType), cel.ListType(cel.StringType)},
		"decimal":     {decimalType, decimalType},
		"decimal_int": {decimalType, cel.IntType},
		"money":       {moneyType, moneyType},
	} {
		equal = append(equal, cel.Overload("equals_"+name, pair, cel.BoolType))
		not = append(not, cel.Overload("not_equals_"+name, pair, cel.BoolType))
	}
	return []cel.EnvOption{
		cel.Function(operators.Equals, append(equal, cel.SingletonBinaryBinding(types.Equal))...),
		cel.Function(operators.NotEquals, append(not, cel.SingletonBinaryBinding(func(l, r ref.Val) ref.Val { return negated(types.Equal(l, r)) }))...),
	}
}

func negated(v ref.Val) ref.Val {
	if b, ok := v.(types.Bool); ok {
		return !b
	}
	return v
}

// amounts are the operators and functions of money and decimals. What the operators do
// is in money.go, as methods.
func amounts() []cel.EnvOption {
	binary := func(id string, l, r, result *cel.Type, fn func(l, r ref.Val) ref.Val) cel.FunctionOpt {
		return cel.Overload(id, []*cel.Type{l, r}, result, cel.BinaryBinding(fn))
	}
	var opts []cel.EnvOption
	operator := func(op string, ofMoney bool, result ...*cel.Type) {
		declare := func(name string, l, r, result *cel.Type) {
			opts = append(opts, cel.Function(op, cel.Overload(op+name, []*cel.Type{l, r}, result)))
		}
		if ofMoney {
			declare("money", moneyType, moneyType, append(result, moneyType)[0])
		}
		declare("decimal", decimalType, decimalType, append(result, decimalType)[0])
		declare("decimal_int", decimalType, cel.IntType, append(result, decimalType)[0])
	}
	for _, op := range []string{operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals} {
		operator(op, true, cel.BoolType)
	}
	operator(operators.Add, true)
	operator(operators.Subtract, true)
	operator(operators.Multiply, false)
	opts = append(opts,
		cel.Function(operators.Negate,
			cel.Overload("negate_money", []*cel.Type{moneyType}, moneyType),
			cel.Overload("negate_decimal", []*cel.Type{decimalType}, decimalType)),
		cel.Function("money", binary("money_string_string", cel.StringType, cel.StringType, moneyType, func(l, r ref.Val) ref.Val {
			c, err := commerce.ParseCurrency(string(r.(types.String)))
			if err != nil {
				return fault("bad_money", "the second part of money() is no ISO 4217 currency")
			}
			m, err := commerce.ParseMoney(string(l.(types.String)), c)
			if err != nil {
				return fault("bad_money", `the first part of money() is no amount of %s: write money("100.00", "EUR")`, c)
			}
			return money{m}
		})),
		cel.Function("decimal",
			cel.Overload("decimal_string", []*cel.Type{cel.StringType}, decimalType, cel.UnaryBinding(func(v ref.Val) ref.Val {
				d, err := commerce.ParseDecimal(string(v.(types.String)))
				if err != nil {
					return fault("bad_decimal", `the text is no decimal number of at most 19 digits: write decimal("0.5")`)
				}
				return decimal{d}
			})),
			cel.Overload("decimal_int64", []*cel.Type{cel.IntType}, decimalType, cel.UnaryBinding(func(v ref.Val) ref.Val {
				d, _ := number(v) // every int has at most 19 digits
				return decimal{d}
			}))),
		cel.Function("sum",
			cel.Overload("sum_decimal", []*cel.Type{cel.ListType(decimalType)}, decimalType, cel.UnaryBinding(sumDecimals)),
			binary("sum_money", cel.ListType(moneyType), cel.StringType, moneyType, sumMoney)),
		late("earlier_total", []*cel.Type{cel.StringType}, moneyType),
	)
	return opts
}

// late declares a function that needs the evaluation at hand.
func late(name string, params []*cel.Type, result *cel.Type) cel.EnvOption {
	return cel.Function(name, cel.Overload(name, params, result, cel.LateFunctionBinding()))
}

// moneyOr says why an amount can not be computed.
func moneyOr(m commerce.Money, err error) ref.Val {
	if err != nil {
		return types.WrapErr(&evalError{code: "money", text: err.Error()})
	}
	return money{m}
}

func sumDecimals(v ref.Val) ref.Val {
	total := commerce.Decimal{}
	for it := v.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		d := it.Next().(decimal).d
		var err error
		if total, err = total.AddExact(d, max(total.Scale(), d.Scale())); err != nil {
			return fault("out_of_range", "a decimal has at most 19 digits, and this sum has more")
		}
	}
	return decimal{total}
}

func sumMoney(v, currency ref.Val) ref.Val {
	c, err := commerce.ParseCurrency(string(currency.(types.String)))
	if err != nil {
		return fault("bad_money", "the second part of sum() is no ISO 4217 currency")
	}
	total := commerce.Zero(c)
	for it := v.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		if total, err = total.Add(it.Next().(money).m); err != nil {
			return moneyOr(total, err)
		}
	}
	return money{total}
}
