package rules

import (
	"reflect"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/commercesync/commerce"
)

// object is a canonical value in an expression where CEL asks for a value of its
// own: what is only walked through stays a plain pointer.
type object struct {
	typ *cel.Type
	at  any // a pointer to the struct
}

func (v object) ConvertToNative(t reflect.Type) (any, error) { return native(v.at, t) }
func (v object) ConvertToType(t ref.Type) ref.Val            { return convert(v, v.typ, t) }
func (v object) Type() ref.Type                              { return v.typ }
func (v object) Value() any                                  { return v.at }

// Equal is never asked: Compile refuses to compare objects.
func (v object) Equal(other ref.Val) ref.Val { return types.MaybeNoSuchOverloadErr(other) }

// list is a slice of canonical values; its elements are adapted as they are read.
type list[T any] struct{ items []T }

func (l list[T]) ConvertToNative(t reflect.Type) (any, error) { return native(l.items, t) }
func (l list[T]) ConvertToType(t ref.Type) ref.Val            { return convert(l, types.ListType, t) }
func (l list[T]) Type() ref.Type                              { return types.ListType }
func (l list[T]) Value() any                                  { return l.items }
func (l list[T]) Equal(other ref.Val) ref.Val                 { return types.MaybeNoSuchOverloadErr(other) }
func (l list[T]) Contains(v ref.Val) ref.Val                  { return types.MaybeNoSuchOverloadErr(v) }
func (l list[T]) Size() ref.Val                               { return types.Int(len(l.items)) }

func (l list[T]) Get(index ref.Val) ref.Val {
	i, ok := index.(types.Int)
	if !ok || i < 0 || int(i) >= len(l.items) {
		return fault("index", "element %v of %d elements; ask for size() first", index.Value(), len(l.items))
	}
	return adapt(&l.items[i])
}

func (l list[T]) Add(other ref.Val) ref.Val {
	o, ok := other.(list[T])
	if !ok {
		return types.MaybeNoSuchOverloadErr(other)
	}
	return list[T]{append(append(make([]T, 0, len(l.items)+len(o.items)), l.items...), o.items...)}
}

// Fold walks the list without a value for each element.
func (l list[T]) Fold(f traits.Folder) {
	for i := range l.items {
		if !f.FoldEntry(i, &l.items[i]) {
			return
		}
	}
}

func (l list[T]) Iterator() traits.Iterator { return &iterator[T]{list: l} }

type iterator[T any] struct {
	list[T]
	next int
}

func (i *iterator[T]) HasNext() ref.Val { return types.Bool(i.next < len(i.items)) }

func (i *iterator[T]) Next() ref.Val {
	if i.next >= len(i.items) {
		return nil
	}
	i.next++
	return adapt(&i.items[i.next-1])
}

// adapter turns what the fields give into values of CEL.
type adapter struct{}

func (adapter) NativeToValue(v any) ref.Val { return adapt(v) }

func adapt(v any) ref.Val {
	switch v := v.(type) {
	case ref.Val:
		return v
	case string:
		return types.String(v)
	case *string:
		return types.String(*v)
	case commerce.Money:
		return money{v}
	case commerce.Decimal:
		return decimal{v}
	case time.Time:
		return types.Timestamp{Time: v}
	case []string:
		return types.NewStringList(adapter{}, v)
	}
	if t := reflect.TypeOf(v); t != nil && t.Kind() == reflect.Pointer {
		if name, ok := names[t.Elem()]; ok {
			return object{cel.ObjectType(name), v}
		}
	}
	return types.DefaultTypeAdapter.NativeToValue(v)
}
