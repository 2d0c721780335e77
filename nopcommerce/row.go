package nopcommerce

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Raw is a row as the shop sent it, with the members that this package does not know.
// The values of card_* members are null in it, so that card data is kept nowhere. It
// prints as "[row]", since rows are about people.
type Raw []byte

// Format writes "[row]" for every verb.
func (r Raw) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[row]") }

// MarshalJSON returns the row.
func (r Raw) MarshalJSON() ([]byte, error) {
	if len(r) == 0 {
		return null, nil
	}
	return r, nil
}

// Member returns the value of a member as it was sent, and nil where there is none. A
// shop's own columns are read this way.
func (r Raw) Member(name string) json.RawMessage {
	all, err := membersOf(r)
	if err != nil {
		return nil
	}
	return all.value(name)
}

// keep decodes a row into a struct and keeps its bytes.
func (r *Raw) keep(b []byte, into any) error {
	if err := json.Unmarshal(b, into); err != nil {
		return within(b, into, err)
	}
	*r = bytes.Clone(b)
	if !bytes.Contains(b, []byte("card_")) || cardless(b) {
		return nil
	}
	all, err := membersOf(b)
	if err != nil {
		return err
	}
	blanked := false
	for i, m := range all {
		if (strings.HasPrefix(m.name, "card_") || m.name == "masked_credit_card_number") && !bytes.Equal(m.value, null) {
			all[i].value, blanked = null, true
		}
	}
	if blanked {
		*r = all.json()
	}
	return nil
}

// cardless reports whether a row certainly has no card data: it looks at the bytes alone,
// since nearly every order is such and taking it apart is most of the work of reading it.
func cardless(b []byte) bool {
	if bytes.Contains(b, []byte(`\u00`)) {
		return false // a name may be written so
	}
	for {
		_, rest, found := bytes.Cut(b, []byte("card_"))
		if !found {
			return true
		}
		_, rest, _ = bytes.Cut(rest, []byte(`"`))
		value, colon := bytes.CutPrefix(bytes.TrimLeft(rest, " "), []byte(":"))
		value = bytes.TrimLeft(value, " ")
		if !colon || !bytes.HasPrefix(value, null) && !bytes.HasPrefix(value, []byte("false")) {
			return false
		}
		b = rest
	}
}

// within names the member of a row that can not be read. The error holds nothing of the
// row, which may be about somebody.
func within(b []byte, into any, err error) error {
	all, broken := membersOf(b)
	if broken != nil {
		return broken
	}
	t := reflect.TypeOf(into).Elem()
	for i := range t.NumField() {
		name := jsonName(t.Field(i))
		value := all.value(name)
		if value == nil {
			continue
		}
		if err := json.Unmarshal(value, reflect.New(t.Field(i).Type).Interface()); err != nil {
			var wrongType *json.UnmarshalTypeError
			if errors.As(err, &wrongType) {
				err = errors.New("a value of another type")
			}
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return err
}

// jsonName is the member of a field; "" where it is none.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "-" {
		return ""
	}
	return name
}

// member is one name and its value, byte for byte.
type member struct {
	name  string
	value json.RawMessage
}

// members are an object in its order.
type members []member

func membersOf(b []byte) (members, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("no object")
	}
	var all members
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, errors.New("no name of a member")
		}
		if all.value(name) != nil {
			return nil, fmt.Errorf("%.40s: the name comes twice", name)
		}
		m := member{name: name}
		if err := d.Decode(&m.value); err != nil {
			return nil, fmt.Errorf("%.40s: no value", name)
		}
		all = append(all, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("the object has no end")
	}
	return all, nil
}

func (m members) value(name string) json.RawMessage {
	for _, one := range m {
		if one.name == name {
			return one.value
		}
	}
	return nil
}

// json writes the object again. json.Marshal would rewrite texts and numbers.
func (m members) json() []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, one := range m {
		if i > 0 {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(one.name)
		b.Write(name)
		b.WriteByte(':')
		b.Write(one.value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// same reports whether two values say the same: a number may come back with other
// noughts and a moment with another number of them.
func same(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	if a == nil || b == nil {
		return false
	}
	var x, y Number
	if x.UnmarshalJSON(a) == nil && y.UnmarshalJSON(b) == nil && a[0] != '"' && b[0] != '"' && x != "" && y != "" {
		dx, errX := x.Decimal()
		dy, errY := y.Decimal()
		return errX == nil && errY == nil && dx.Cmp(dy) == 0
	}
	var t, u Time
	if t.UnmarshalJSON(a) == nil && u.UnmarshalJSON(b) == nil {
		return t.Equal(u.Time)
	}
	var s, z any
	return json.Unmarshal(a, &s) == nil && json.Unmarshal(b, &z) == nil && reflect.DeepEqual(s, z)
}
