package rules

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/commercesync/commerce"
)

// kind is one kind of object that an expression can walk through, with its fields.
type kind struct {
	name   string
	typ    *cel.Type
	fields map[string]*field
}

// field is one word behind a dot.
type field struct {
	typ   *types.FieldType
	words []string // the only texts it can be; nil = any
}

// provider is what CEL asks about types. The kinds are all there are.
type provider struct{ std *types.Registry }

func (p provider) EnumValue(name string) ref.Val { return types.NewErr("unknown enum name %q", name) }

func (p provider) FindIdent(name string) (ref.Val, bool) { return p.std.FindIdent(name) }

func (p provider) FindStructType(name string) (*types.Type, bool) {
	if k, ok := kinds[name]; ok {
		return types.NewTypeTypeWithParam(k.typ), true
	}
	return nil, false
}

func (p provider) FindStructFieldNames(name string) ([]string, bool) {
	if k, ok := kinds[name]; ok {
		return slices.Sorted(maps.Keys(k.fields)), true
	}
	return nil, false
}

func (p provider) FindStructFieldType(name, word string) (*types.FieldType, bool) {
	if k, ok := kinds[name]; ok {
		if f, ok := k.fields[word]; ok {
			return f.typ, true
		}
	}
	return nil, false
}

func (p provider) NewValue(name string, _ map[string]ref.Val) ref.Val {
	return fault("no_literal", "%s can not be made in an expression", name)
}

func typeOf[T any]() *cel.Type { return cel.ObjectType(names[reflect.TypeFor[T]()]) }

// of is the kind over the struct T.
func of[T any](fields ...func(*kind)) *kind {
	k := &kind{name: names[reflect.TypeFor[T]()], typ: typeOf[T](), fields: make(map[string]*field, len(fields))}
	for _, add := range fields {
		add(k)
	}
	return k
}

// add is a field of any type; get may refuse.
func add[T any](name string, typ *cel.Type, has func(*T) bool, get func(*T) (any, error)) func(*kind) {
	return func(k *kind) {
		if k.fields[name] != nil {
			panic("rules: two fields " + k.name + "." + name)
		}
		k.fields[name] = &field{typ: &types.FieldType{Type: typ,
			IsSet:   func(target any) bool { return has(behind[T](target)) },
			GetFrom: func(target any) (any, error) { return get(behind[T](target)) },
		}}
	}
}

// behind is the struct of an object: a pointer, or an amount of money itself.
func behind[T any](target any) *T {
	if v, ok := target.(*T); ok {
		return v
	}
	v := target.(T)
	return &v
}

// text is a field of text. Absent reads as "".
func text[T any](name string, get func(*T) string) func(*kind) {
	return add(name, cel.StringType, func(v *T) bool { return get(v) != "" },
		func(v *T) (any, error) { return types.String(get(v)), nil })
}

// word is a text that is one of a few.
func word[T any, W ~string](name string, get func(*T) W, words ...W) func(*kind) {
	field := text(name, func(v *T) string { return string(get(v)) })
	return func(k *kind) {
		field(k)
		for _, w := range words {
			k.fields[name].words = append(k.fields[name].words, string(w))
		}
	}
}

// flag is true or false.
func flag[T any](name string, get func(*T) bool) func(*kind) {
	return add(name, cel.BoolType, get, func(v *T) (any, error) { return types.Bool(get(v)), nil })
}

// whole is a whole number.
func whole[T any](name string, get func(*T) int64) func(*kind) {
	return add(name, cel.IntType, func(v *T) bool { return get(v) != 0 },
		func(v *T) (any, error) { return types.Int(get(v)), nil })
}

// exact is a rate or a quantity.
func exact[T any](name string, get func(*T) commerce.Decimal) func(*kind) {
	return add(name, decimalType, func(v *T) bool { return !get(v).IsZero() },
		func(v *T) (any, error) { return decimal{get(v)}, nil })
}

// amount is money. One that is not known can be asked for with has() only.
func amount[T any](name string, get func(*T) commerce.Money) func(*kind) {
	return func(k *kind) {
		add(name, moneyType, func(v *T) bool { return get(v).Currency() != "" },
			func(v *T) (any, error) {
				m := get(v)
				if m.Currency() == "" {
					return nil, absent(k.name, name)
				}
				return money{m}, nil
			})(k)
	}
}

// moment is a time. One that is not known can be asked for with has() only.
func moment[T any](name string, get func(*T) time.Time) func(*kind) {
	return func(k *kind) {
		add(name, cel.TimestampType, func(v *T) bool { return !get(v).IsZero() },
			func(v *T) (any, error) {
				t := get(v)
				if t.IsZero() {
					return nil, absent(k.name, name)
				}
				return types.Timestamp{Time: t}, nil
			})(k)
	}
}

// part is an object inside. Absent reads as one without content.
func part[T, P any](name string, get func(*T) *P) func(*kind) {
	var empty P
	return add(name, typeOf[P](), func(v *T) bool { return get(v) != nil }, func(v *T) (any, error) {
		if p := get(v); p != nil {
			return p, nil
		}
		return &empty, nil
	})
}

// many is a list of objects.
func many[T, E any](name string, get func(*T) []E) func(*kind) {
	return add(name, cel.ListType(typeOf[E]()), func(v *T) bool { return len(get(v)) > 0 },
		func(v *T) (any, error) { return list[E]{get(v)}, nil })
}

func absent(kind, name string) error {
	return &evalError{code: "absent", text: fmt.Sprintf("%s of the %s is not known; ask has() first", name, kind)}
}
