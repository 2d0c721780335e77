package odootest

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strings"
	"time"
)

// Values in the store: nil, bool, int64, *big.Rat (floats; never changed once they are
// stored), string (dates and times too, as Odoo writes them), time.Time (create_date and
// write_date, finer than they are shown), []int64; in arguments also []any and
// map[string]any.

const (
	dateLayout = "2006-01-02"
	timeLayout = "2006-01-02 15:04:05"
)

// decode reads a JSON value: whole numbers as int64, others as *big.Rat.
func decode(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return numbers(v), nil
}

func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		if r, ok := new(big.Rat).SetString(v.String()); ok {
			return r
		}
		return new(big.Rat)
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	}
	return v
}

// encode writes values as Odoo answers them: floats always show a point, times have
// seconds.
func encode(v any) any {
	switch v := v.(type) {
	case *big.Rat:
		return float(v)
	case time.Time:
		return v.UTC().Format(timeLayout)
	case []int64:
		return anyIDs(v)
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
	}
	return v
}

// float is a JSON number as Python prints one.
func float(r *big.Rat) json.Number {
	s := strings.TrimRight(r.FloatString(12), "0")
	if strings.HasSuffix(s, ".") {
		s += "0"
	}
	if s == "-0.0" {
		s = "0.0"
	}
	return json.Number(s)
}

// rat reads a number; what is none is nought.
func rat(v any) *big.Rat {
	switch v := v.(type) {
	case *big.Rat:
		return v
	case int64:
		return new(big.Rat).SetInt64(v)
	case string:
		if r, ok := new(big.Rat).SetString(v); ok {
			return r
		}
	}
	return new(big.Rat)
}

func add(a, b *big.Rat) *big.Rat { return new(big.Rat).Add(a, b) }
func sub(a, b *big.Rat) *big.Rat { return new(big.Rat).Sub(a, b) }
func mul(a, b *big.Rat) *big.Rat { return new(big.Rat).Mul(a, b) }
func neg(a *big.Rat) *big.Rat    { return new(big.Rat).Neg(a) }

// round rounds half away from zero, as Odoo's currencies do.
func round(r *big.Rat, digits int) *big.Rat {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	twice := new(big.Rat).Mul(r, new(big.Rat).SetInt(new(big.Int).Mul(scale, big.NewInt(2))))
	n := new(big.Int).Quo(twice.Num(), twice.Denom()) // towards zero, in halves
	switch {
	case r.Sign() > 0:
		n.Add(n, big.NewInt(1))
	case r.Sign() < 0:
		n.Sub(n, big.NewInt(1))
	}
	return new(big.Rat).SetFrac(n.Quo(n, big.NewInt(2)), scale)
}

// ids reads one id or a list of them.
func ids(v any) []int64 {
	switch v := v.(type) {
	case int64:
		return []int64{v}
	case []int64:
		return v
	case []any:
		out := make([]int64, 0, len(v))
		for _, x := range v {
			if n, ok := x.(int64); ok {
				out = append(out, n)
			}
		}
		return out
	}
	return nil
}

func anyIDs(list []int64) []any {
	out := make([]any, len(list))
	for i, id := range list {
		out[i] = id
	}
	return out
}

// falsy is Python's idea of nothing.
func falsy(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case int64:
		return v == 0
	case []any:
		return len(v) == 0
	}
	return false
}

func text(v any) string { s, _ := v.(string); return s }

func ref(v any) int64 { n, _ := v.(int64); return n }
