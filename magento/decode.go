package magento

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// decode reads a JSON text into v, a pointer, in one pass: what no field is for is
// checked and stepped over, never built. It takes what Magento sends: numbers, ids and
// flags as texts, [] for an empty object, null for anything. A name that comes twice,
// bytes that are no UTF-8 and a value of another type are an *unreadable.
//
// encoding/json checks a text before it decodes it, and once more for every value that
// decodes itself, which takes longer than a map; readers that are faster do not check.
func decode(b []byte, v any) error { return (&reader{b: b}).decode(v) }

// decodeMember decodes what stood inside an object, where an empty one may be [].
func decodeMember(b []byte, v any) error { return (&reader{b: b, depth: 1}).decode(v) }

func (r *reader) decode(v any) error {
	b := r.b
	if !utf8.Valid(b) {
		for r.at < len(b) {
			c, size := utf8.DecodeRune(b[r.at:])
			if c == utf8.RuneError && size == 1 {
				break
			}
			r.at += size
		}
		return r.fail("no UTF-8")
	}
	into := reflect.ValueOf(v).Elem()
	into.SetZero()
	if err := planOf(into.Type())(r, into); err != nil {
		return err
	}
	if r.peek() != 0 || r.at < len(b) {
		return r.fail("something behind the value")
	}
	return nil
}

// plan decodes the value at the reader into a field.
type plan func(*reader, reflect.Value) error

// plans keeps the plan of each type, which never changes.
var plans sync.Map // reflect.Type to plan

func planOf(t reflect.Type) plan {
	if p, ok := plans.Load(t); ok {
		return p.(plan)
	}
	p, _ := plans.LoadOrStore(t, newPlan(t))
	return p.(plan)
}

func newPlan(t reflect.Type) plan {
	switch t {
	case reflect.TypeFor[Number]():
		return readNumber
	case reflect.TypeFor[Time]():
		return readTime
	case reflect.TypeFor[KeyValue]():
		return readKeyValue
	case reflect.TypeFor[json.RawMessage]():
		return readRaw
	case reflect.TypeFor[Order]():
		return readOrder(newObject(t))
	}
	switch t.Kind() {
	case reflect.String:
		return readText
	case reflect.Int, reflect.Int64:
		return readInt
	case reflect.Bool:
		return readFlag
	case reflect.Pointer:
		return readPointer(t.Elem())
	case reflect.Slice:
		return readList(t.Elem())
	case reflect.Struct:
		return newObject(t)
	}
	panic("magento: no plan for " + t.String())
}

// newObject plans a struct by the names in its tags; embedded structs are part of it.
func newObject(t reflect.Type) plan {
	type field struct {
		number int
		index  []int
		read   plan
	}
	fields := map[string]*field{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || !f.IsExported() || name == "" || name == "-" {
			continue
		}
		fields[name] = &field{len(fields), f.Index, planOf(f.Type)}
	}
	return func(r *reader, v reflect.Value) error {
		switch r.peek() {
		case '{':
		case 'n':
			if r.depth == 0 {
				return r.fail("no object")
			}
			return r.word("null")
		case '[': // PHP's empty associative array
			if r.depth == 0 {
				return r.fail("no object")
			}
			if r.at++; r.peek() == ']' {
				r.at++
				return nil
			}
			return r.fail("a list where an object belongs")
		default:
			return r.fail("no object")
		}
		if err := r.enter(); err != nil {
			return err
		}
		var seen [4]uint64
		for first := true; ; first = false {
			if more, err := r.more(first, '}'); err != nil || !more {
				return err
			}
			name, err := r.name()
			if err != nil {
				return err
			}
			f := fields[string(name)]
			if f == nil {
				if err := r.skip(); err != nil {
					return err
				}
				continue
			}
			word, bit := f.number/64, uint64(1)<<(f.number%64)
			if seen[word]&bit != 0 {
				return within(r.fail("the name comes twice"), string(name))
			}
			seen[word] |= bit
			into := v.Field(f.index[0])
			if len(f.index) > 1 {
				into = v.FieldByIndex(f.index)
			}
			if err := f.read(r, into); err != nil {
				return within(err, string(name))
			}
		}
	}
}

// readOrder decodes an order and keeps its bytes.
func readOrder(object plan) plan {
	return func(r *reader, v reflect.Value) error {
		r.peek()
		start := r.at
		if err := object(r, v); err != nil {
			return err
		}
		v.Addr().Interface().(*Order).Raw = bytes.Clone(r.b[start:r.at])
		return nil
	}
}

func readPointer(elem reflect.Type) plan {
	read := sync.OnceValue(func() plan { return planOf(elem) })
	return func(r *reader, v reflect.Value) error {
		if r.peek() == 'n' {
			return r.word("null")
		}
		v.Set(reflect.New(elem))
		return read()(r, v.Elem())
	}
}

func readList(elem reflect.Type) plan {
	read := sync.OnceValue(func() plan { return planOf(elem) })
	return func(r *reader, v reflect.Value) error {
		switch r.peek() {
		case '[':
		case 'n':
			return r.word("null")
		default:
			return r.fail("no list")
		}
		if err := r.enter(); err != nil {
			return err
		}
		room := 4
		if r.peek() == ']' {
			room = 0
		}
		v.Set(reflect.MakeSlice(v.Type(), 0, room))
		read := read()
		for n := 0; ; n++ {
			if more, err := r.more(n == 0, ']'); err != nil || !more {
				return err
			}
			v.Grow(1)
			v.SetLen(n + 1)
			if err := read(r, v.Index(n)); err != nil {
				return within(err, "["+strconv.Itoa(n)+"]")
			}
		}
	}
}

// readText takes a text as it is.
func readText(r *reader, v reflect.Value) error {
	switch r.peek() {
	case '"':
		s, err := r.text()
		v.SetString(s)
		return err
	case 'n':
		return r.word("null")
	}
	return r.fail("no text")
}

func readNumber(r *reader, v reflect.Value) error {
	bare := r.peek() == '-' || r.next() >= '0' && r.next() <= '9' // is read as a number
	s, err := r.scalar()
	if err != nil {
		return err
	}
	if s != "" && !bare && !isNumber(s) {
		return r.fail("no decimal number")
	}
	v.SetString(s)
	return nil
}

// isNumber reports whether a text is what JSON calls a number.
func isNumber(s string) bool {
	r := reader{b: []byte(s)}
	return r.number() == nil && r.at == len(s)
}

func readInt(r *reader, v reflect.Value) error {
	s, err := r.scalar()
	if err != nil || s == "" {
		return err
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v.OverflowInt(n) {
		return r.fail("no whole number")
	}
	v.SetInt(n)
	return nil
}

func readFlag(r *reader, v reflect.Value) error {
	s, err := r.scalar()
	if err != nil {
		return err
	}
	switch s {
	case "", "0", "false":
	case "1", "true":
		v.SetBool(true)
	default:
		return r.fail("no flag")
	}
	return nil
}

func readTime(r *reader, v reflect.Value) error {
	s, err := r.scalar()
	if err != nil || s == "" || strings.HasPrefix(s, "0000-00-00") {
		return err
	}
	t, err := time.Parse(timeLayout, s)
	if err != nil {
		return r.fail("no time like " + timeLayout)
	}
	v.Addr().Interface().(*Time).Time = t
	return nil
}

// readKeyValue takes any plain value as text, and another one as its JSON.
func readKeyValue(r *reader, v reflect.Value) error {
	var kv struct {
		Key   string          `json:"key"`
		Value json.RawMessage `json:"value"`
	}
	if err := planOf(reflect.TypeOf(kv))(r, reflect.ValueOf(&kv).Elem()); err != nil {
		return err
	}
	v.Set(reflect.ValueOf(KeyValue{kv.Key, plainValue(kv.Value)}))
	return nil
}

// plainValue returns the text of a plain value and the JSON of another one.
func plainValue(b []byte) string {
	r := reader{b: b}
	if s, err := r.scalar(); err == nil {
		return s
	}
	return string(b)
}

func readRaw(r *reader, v reflect.Value) error {
	r.peek()
	start := r.at
	if err := r.skip(); err != nil {
		return err
	}
	v.SetBytes(bytes.Clone(r.b[start:r.at]))
	return nil
}

// unreadable says where an answer is not what it should be. It holds nothing of the
// answer, which may be about somebody.
type unreadable struct {
	path string // "items[3].grand_total"
	at   int    // offset in bytes
	what string
}

func (e *unreadable) Error() string {
	if e.path == "" {
		return fmt.Sprintf("byte %d: %s", e.at, e.what)
	}
	return fmt.Sprintf("%s at byte %d: %s", e.path, e.at, e.what)
}

// within adds the name of a field or the place in a list to where an error is.
func within(err error, name string) error {
	e, ok := err.(*unreadable) //nolint:errorlint // made here and never wrapped
	switch {
	case !ok:
	case e.path == "":
		e.path = name
	case e.path[0] == '[':
		e.path = name + e.path
	default:
		e.path = name + "." + e.path
	}
	return err
}
