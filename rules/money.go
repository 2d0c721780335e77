package rules

import (
	"reflect"
	"strconv"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/commercesync/commerce"
)

var (
	moneyType   = cel.ObjectType("money", traits.ComparerType, traits.AdderType, traits.SubtractorType, traits.NegatorType)
	decimalType = cel.ObjectType("decimal", traits.ComparerType, traits.AdderType, traits.SubtractorType, traits.NegatorType, traits.MultiplierType)
)

// money is an amount in an expression. Its fields are those of the table in fields.go.
type money struct{ m commerce.Money }

func (v money) ConvertToNative(t reflect.Type) (any, error) { return native(v.m, t) }
func (v money) ConvertToType(t ref.Type) ref.Val            { return convert(v, moneyType, t) }
func (v money) Type() ref.Type                              { return moneyType }
func (v money) Value() any                                  { return v.m }

// Equal says an error, never false, where the currencies are two.
func (v money) Equal(other ref.Val) ref.Val {
	if c := v.Compare(other); types.IsError(c) {
		return c
	} else {
		return types.Bool(c == types.IntZero)
	}
}

// Compare says an error where the currencies are two.
func (v money) Compare(other ref.Val) ref.Val {
	o, ok := other.(money)
	if !ok {
		return types.MaybeNoSuchOverloadErr(other)
	}
	c, err := v.m.Cmp(o.m)
	if err != nil {
		return fault("currency_mismatch", "%s and %s are of two currencies and can not be compared; ask for .currency first, or compare .amount", v.m, o.m)
	}
	return types.Int(c)
}

func (v money) Negate() ref.Val                { return money{v.m.Neg()} }
func (v money) Add(other ref.Val) ref.Val      { return v.with(other, commerce.Money.Add) }
func (v money) Subtract(other ref.Val) ref.Val { return v.with(other, commerce.Money.Sub) }

func (v money) with(other ref.Val, do func(a, b commerce.Money) (commerce.Money, error)) ref.Val {
	o, ok := other.(money)
	if !ok {
		return types.MaybeNoSuchOverloadErr(other)
	}
	return moneyOr(do(v.m, o.m))
}

// decimal is an exact number in an expression: a rate or a quantity.
type decimal struct{ d commerce.Decimal }

func (v decimal) ConvertToNative(t reflect.Type) (any, error) { return native(v.d, t) }
func (v decimal) ConvertToType(t ref.Type) ref.Val            { return convert(v, decimalType, t) }
func (v decimal) Type() ref.Type                              { return decimalType }
func (v decimal) Value() any                                  { return v.d }

func (v decimal) Equal(other ref.Val) ref.Val {
	o, ok := number(other)
	if !ok {
		return types.MaybeNoSuchOverloadErr(other)
	}
	return types.Bool(v.d.Cmp(o) == 0)
}

func (v decimal) Compare(other ref.Val) ref.Val {
	o, ok := number(other)
	if !ok {
		return types.MaybeNoSuchOverloadErr(other)
	}
	return types.Int(v.d.Cmp(o))
}

func (v decimal) Negate() ref.Val { return decimal{v.d.Neg()} }

func (v decimal) Add(other ref.Val) ref.Val {
	return v.with(other, func(o commerce.Decimal) (commerce.Decimal, error) {
		return v.d.AddExact(o, max(v.d.Scale(), o.Scale()))
	})
}

func (v decimal) Subtract(other ref.Val) ref.Val {
	return v.with(other, func(o commerce.Decimal) (commerce.Decimal, error) {
		return v.d.SubExact(o, max(v.d.Scale(), o.Scale()))
	})
}

func (v decimal) Multiply(other ref.Val) ref.Val {
	return v.with(other, func(o commerce.Decimal) (commerce.Decimal, error) { return v.d.MulExact(o, v.d.Scale()+o.Scale()) })
}

// with never rounds.
func (v decimal) with(other ref.Val, do func(commerce.Decimal) (commerce.Decimal, error)) ref.Val {
	o, ok := number(other)
	if !ok {
		return types.MaybeNoSuchOverloadErr(other)
	}
	d, err := do(o)
	if err != nil {
		return fault("out_of_range", "a decimal has at most 19 digits, and this result has more")
	}
	return decimal{d}
}

// number reads a decimal or an int.
func number(v ref.Val) (commerce.Decimal, bool) {
	switch n := v.(type) {
	case decimal:
		return n.d, true
	case types.Int:
		d, err := commerce.ParseDecimal(strconv.FormatInt(int64(n), 10))
		return d, err == nil
	}
	return commerce.Decimal{}, false
}

func native[T any](v T, t reflect.Type) (any, error) {
	if reflect.TypeFor[T]().AssignableTo(t) {
		return v, nil
	}
	return nil, commerce.Errorf(commerce.KindInvalid, system, "convert", "%T is no %s", v, t)
}

func convert(v ref.Val, own, to ref.Type) ref.Val {
	if to.TypeName() == own.TypeName() {
		return v
	}
	return types.NewErr("type conversion error")
}
