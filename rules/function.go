package rules

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/commercesync/commerce"
)

// Function is a look-up of the host's that expressions may call by its name.
type Function struct {
	// Name is what expressions call: small letters, digits and "_".
	Name string
	// Params are the types of what is given, in order.
	Params []Type
	// Result is the type of the answer: any but the objects.
	Result Type
	// Call answers. Each argument and the answer are of the Go type that [Type] names.
	// The error's kind becomes the kind of the rule's error: a look-up that is
	// unavailable is tried again with its event. Only the text of errors that state a
	// kind is repeated, as any other may name people.
	Call func(ctx context.Context, args ...any) (any, error)
}

// Type is the type of an argument or of an answer.
type Type string

// The types, and what they are in Go.
const (
	Bool     Type = "bool"      // bool
	Int      Type = "int"       // int64
	Text     Type = "string"    // string
	Texts    Type = "list"      // []string
	Decimal  Type = "decimal"   // commerce.Decimal
	Money    Type = "money"     // commerce.Money
	Time     Type = "timestamp" // time.Time
	Duration Type = "duration"  // time.Duration

	Order    Type = "order"    // commerce.Order; argument only, as all below
	Customer Type = "customer" // commerce.Customer
	Address  Type = "address"  // commerce.Address
	Line     Type = "line"     // commerce.OrderLine
	Payment  Type = "payment"  // commerce.Payment
	Refund   Type = "refund"   // commerce.Refund
)

var plain = map[Type]*cel.Type{
	Bool: cel.BoolType, Int: cel.IntType, Text: cel.StringType, Texts: cel.ListType(cel.StringType),
	Decimal: decimalType, Money: moneyType, Time: cel.TimestampType, Duration: cel.DurationType,
}

var objects = []Type{Order, Customer, Address, Line, Payment, Refund}

func (t Type) cel() *cel.Type {
	if c, ok := plain[t]; ok {
		return c
	}
	return cel.ObjectType(string(t))
}

var goodName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// reserved are names that CEL keeps for itself.
var reserved = []string{"true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if",
	"import", "let", "loop", "package", "namespace", "return", "var", "void", "while", "has", "all", "exists", "exists_one",
	"map", "filter", "dyn", "double", "type", "list"}

func (f *Function) check(env *cel.Env, others map[string]*Function) error {
	_, ours := variables[f.Name]
	_, kind := kinds[f.Name]
	switch {
	case !goodName.MatchString(f.Name):
		return errors.New("Name has to be small letters, digits and _")
	case ours || kind || env.HasFunction(f.Name) || slices.Contains(reserved, f.Name):
		return errors.New("Name is taken by the language; choose another one")
	case others[f.Name] != nil:
		return errors.New("two functions have this Name")
	case f.Call == nil:
		return errors.New("Call is nil")
	case plain[f.Result] == nil:
		return fmt.Errorf("Result is %q, no type that a function can answer", f.Result)
	}
	for i, p := range f.Params {
		if plain[p] == nil && !slices.Contains(objects, p) {
			return fmt.Errorf("Params[%d] is %q, no type", i, p)
		}
	}
	return nil
}

func (f *Function) declare() cel.EnvOption {
	params := make([]*cel.Type, len(f.Params))
	for i, p := range f.Params {
		params[i] = p.cel()
	}
	return late(f.Name, params, f.Result.cel())
}

func (f *Function) call(ctx context.Context, args []ref.Val) ref.Val {
	given := make([]any, len(args))
	for i, a := range args {
		given[i] = toGo(a)
	}
	if err := ctx.Err(); err != nil {
		return types.WrapErr(&callError{f.Name, &commerce.Error{Kind: commerce.KindUnavailable, System: system, Op: "call",
			Text: "the caller's time was over", Err: err}})
	}
	out, err := f.Call(ctx, given...)
	if err != nil {
		return types.WrapErr(&callError{f.Name, told(err)})
	}
	v := fromGo(f.Result, out)
	if v == nil {
		return types.WrapErr(&callError{f.Name, commerce.Errorf(commerce.KindInternal, system, "call", "it answered a %T, and its Result is %q", out, f.Result)})
	}
	return v
}

// toGo is what a Function is given: copies, so that nothing of the order can be changed.
func toGo(v ref.Val) any {
	switch v := v.(type) {
	case types.Bool:
		return bool(v)
	case types.Int:
		return int64(v)
	case types.String:
		return string(v)
	case decimal:
		return v.d
	case money:
		return v.m
	case types.Timestamp:
		return v.Time
	case types.Duration:
		return v.Duration
	case object:
		return reflect.ValueOf(v.at).Elem().Interface()
	case traits.Lister:
		texts := []string{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			s, _ := it.Next().(types.String)
			texts = append(texts, string(s))
		}
		return texts
	}
	return v.Value()
}

// fromGo is nil where the answer is not of its type.
func fromGo(t Type, v any) ref.Val {
	switch v := v.(type) {
	case bool:
		if t == Bool {
			return types.Bool(v)
		}
	case int64:
		if t == Int {
			return types.Int(v)
		}
	case int:
		if t == Int {
			return types.Int(v)
		}
	case string:
		if t == Text {
			return types.String(v)
		}
	case []string:
		if t == Texts {
			return types.NewStringList(adapter{}, v)
		}
	case commerce.Decimal:
		if t == Decimal {
			return decimal{v}
		}
	case commerce.Money:
		if t == Money && v.Currency() != "" {
			return money{v}
		}
	case time.Time:
		if t == Time {
			return types.Timestamp{Time: v}
		}
	case time.Duration:
		if t == Duration {
			return types.Duration{Duration: v}
		}
	}
	return nil
}

// callError is what a Function answered instead.
type callError struct {
	name string
	err  error
}

func (e *callError) Error() string { return e.err.Error() }
func (e *callError) Unwrap() error { return e.err }

// told keeps the text of an error that states a kind, and of any other only its type.
func told(err error) error {
	var stated interface{ ErrorKind() commerce.Kind }
	if _, ok := errors.AsType[*commerce.Error](err); ok || errors.As(err, &stated) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return err
	}
	return &untold{err}
}

type untold struct{ err error }

func (u *untold) Error() string {
	return fmt.Sprintf("%T (its text may name people; return a *commerce.Error to have it shown)", u.err)
}
func (u *untold) Unwrap() error { return u.err }
