package trytontest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// Values in the store: nil, bool, int64, json.Number (floats), string, decimal,
// commerce.Date, time.Time, []int64, and for writes []any and map[string]any.
type decimal struct {
	text string
	// exact is false for a JSON number where a Decimal is wanted: Tryton takes the
	// binary float, digit by digit.
	exact bool
}

func (d decimal) rat() *big.Rat {
	r, _ := new(big.Rat).SetString(d.text)
	if r == nil {
		r = new(big.Rat)
	}
	return r
}

// digits is how many decimals the number has, zeros at the end left out.
func (d decimal) digits() int {
	_, frac, _ := strings.Cut(d.text, ".")
	return len(strings.TrimRight(frac, "0"))
}

// decode reads a JSON value with Tryton's classes.
func decode(b json.RawMessage) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return classes(v), nil
}

func classes(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		return v
	case []any:
		for i := range v {
			v[i] = classes(v[i])
		}
		return v
	case map[string]any:
		num := func(key string) int {
			n, _ := v[key].(json.Number)
			i, _ := n.Int64()
			return int(i)
		}
		switch v["__class__"] {
		case "Decimal":
			text, _ := v["decimal"].(string)
			return decimal{text, true}
		case "date":
			return commerce.Date{Year: num("year"), Month: time.Month(num("month")), Day: num("day")}
		case "datetime":
			return time.Date(num("year"), time.Month(num("month")), num("day"), num("hour"), num("minute"), num("second"), num("microsecond")*1000, time.UTC)
		}
		for k := range v {
			v[k] = classes(v[k])
		}
		return v
	}
	return v
}

// encode writes values with Tryton's classes.
func encode(v any) any {
	switch v := v.(type) {
	case decimal:
		return map[string]any{"__class__": "Decimal", "decimal": v.text}
	case commerce.Date:
		return map[string]any{"__class__": "date", "year": v.Year, "month": int(v.Month), "day": v.Day}
	case time.Time:
		return map[string]any{"__class__": "datetime", "year": v.Year(), "month": int(v.Month()), "day": v.Day(),
			"hour": v.Hour(), "minute": v.Minute(), "second": v.Second(), "microsecond": v.Nanosecond() / 1000}
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = encode(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = encode(v[k])
		}
		return out
	case record:
		return encode(map[string]any(v))
	}
	return v
}

// errNoMethod is answered with 403.
var errNoMethod = errors.New("no such method")

// userError, userWarning, pythonError and concurrencyError are Tryton's four ways
// to say no.
type (
	userError        string
	userWarning      struct{ name, text string }
	pythonError      string
	concurrencyError struct{}
	loginError       struct{ name, text, kind string } // another parameter is wanted
)

func (e userError) Error() string      { return string(e) }
func (e userWarning) Error() string    { return e.text }
func (e pythonError) Error() string    { return string(e) }
func (e loginError) Error() string     { return e.text }
func (concurrencyError) Error() string { return "Records were modified in the meanwhile" }

func errorArray(err error) []any {
	switch e := err.(type) {
	case userError:
		return []any{"UserError", []any{string(e), "", nil}}
	case userWarning:
		return []any{"UserWarning", []any{e.name, e.text, ""}}
	case loginError:
		return []any{"LoginException", []any{e.name, e.text, e.kind}}
	case concurrencyError:
		return []any{"ConcurrencyException", e.Error()}
	}
	return []any{err.Error(), ""}
}

func refuse(format string, args ...any) error { return userError(fmt.Sprintf(format, args...)) }

// ids reads a list of record ids.
func ids(v any) []int64 {
	list, _ := v.([]any)
	out := make([]int64, 0, len(list))
	for _, x := range list {
		if n, ok := x.(int64); ok {
			out = append(out, n)
		}
	}
	return out
}

// halfEven rounds as Tryton's currencies do.
func halfEven(r *big.Rat) *big.Int {
	q, rest := new(big.Int).DivMod(r.Num(), r.Denom(), new(big.Int))
	switch c := rest.Lsh(rest, 1).Cmp(r.Denom()); {
	case c > 0, c == 0 && q.Bit(0) == 1:
		q.Add(q, big.NewInt(1))
	}
	return q
}

// rat reads a quantity or a decimal.
func rat(v any) *big.Rat {
	switch v := v.(type) {
	case int64:
		return new(big.Rat).SetInt64(v)
	case json.Number:
		r, _ := new(big.Rat).SetString(v.String())
		return r
	case decimal:
		return v.rat()
	}
	return new(big.Rat)
}

// float is a JSON number that always shows a point, as Python writes floats.
func float(r *big.Rat) json.Number {
	s := strings.TrimRight(r.FloatString(6), "0")
	if strings.HasSuffix(s, ".") {
		s += "0"
	}
	return json.Number(s)
}
