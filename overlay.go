package commerce

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// fixed are the JSON names that no correction may touch: whose a fact is, whether
// it is live, and the ids of orders and money.
var fixed = map[string]bool{
	"ref": true, "tenant": true, "system": true, "account": true, "mode": true, "id": true,
	"charge": true, "payment_id": true, "balance_transaction": true,
}

// Apply writes the corrections whose path starts with name into the canonical
// value at into (a pointer to a struct). The path names fields as JSON does and
// elements of lists by index; an object changes the fields it names and leaves the
// others, so ids inside stay. An unknown field, a value of another type, and a
// field that may not be edited (tenant, account, mode, ids) are errors of kind
// invalid that name the path; into is unchanged then.
func (o Overlay) Apply(name string, into any) error {
	at := reflect.ValueOf(into)
	if at.Kind() != reflect.Pointer || at.IsNil() {
		return Errorf(KindInternal, "commerce", "apply overlay", "%s: %T is no pointer to a value", name, into)
	}
	work := reflect.New(at.Type().Elem()).Elem()
	work.Set(at.Elem())
	for _, path := range slices.Sorted(maps.Keys(o)) { // an object before the fields in it
		rest, ok := strings.CutPrefix(path, name+".")
		if !ok {
			continue
		}
		parts := strings.Split(rest, ".")
		if err := mayEdit(parts, o[path]); err != nil {
			return Errorf(KindInvalid, "commerce", "apply overlay", "%q: %w", path, err)
		}
		if err := correct(work, parts, o[path]); err != nil {
			return Errorf(KindInvalid, "commerce", "apply overlay", "%q: %w", path, err)
		}
	}
	at.Elem().Set(work)
	return nil
}

// mayEdit refuses fixed names in the path and inside the value. encoding/json
// matches names in any letter case, so the value's are compared likewise.
func mayEdit(parts []string, value json.RawMessage) error {
	for _, part := range parts {
		if fixed[strings.ToLower(part)] {
			return fmt.Errorf("%q can not be edited", part)
		}
	}
	tree, err := decodeTree(value)
	if err != nil {
		return errors.New("the value is no JSON")
	}
	return noneFixed(tree)
}

func noneFixed(tree any) error {
	switch node := tree.(type) {
	case map[string]any:
		for key, child := range node {
			if fixed[strings.ToLower(key)] {
				return fmt.Errorf("%q inside the value can not be edited", key)
			}
			if err := noneFixed(child); err != nil {
				return err
			}
		}
	case []any:
		for _, child := range node {
			if err := noneFixed(child); err != nil {
				return err
			}
		}
	}
	return nil
}

// correct sets the value at a path below v. What v shares with other values
// (pointers, lists, maps) is copied before it is changed.
func correct(v reflect.Value, path []string, value json.RawMessage) error {
	if len(path) == 0 {
		return overwrite(v, value)
	}
	if opaque(v) {
		return correctTree(v, path, value)
	}
	switch v.Kind() {
	case reflect.Pointer:
		fresh := reflect.New(v.Type().Elem())
		if !v.IsNil() {
			fresh.Elem().Set(v.Elem())
		}
		if err := correct(fresh.Elem(), path, value); err != nil {
			return err
		}
		v.Set(fresh)
		return nil
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.IsExported() && tag != "-" && (tag == path[0] || tag == "" && f.Name == path[0]) {
				return correct(v.Field(i), path[1:], value)
			}
		}
		return fmt.Errorf("no field %q", path[0])
	case reflect.Slice:
		n, err := strconv.Atoi(path[0])
		if err != nil || n < 0 || n >= v.Len() {
			return fmt.Errorf("no element %q of %d", path[0], v.Len())
		}
		fresh := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(fresh, v)
		if err := correct(fresh.Index(n), path[1:], value); err != nil {
			return err
		}
		v.Set(fresh)
		return nil
	case reflect.Map:
		// Keys of metadata may hold dots: the rest of the path is the key.
		if v.Type().Key().Kind() != reflect.String {
			return fmt.Errorf("%q is inside a plain value", path[0])
		}
		fresh := reflect.MakeMap(v.Type())
		for it := v.MapRange(); it.Next(); {
			fresh.SetMapIndex(it.Key(), it.Value())
		}
		element := reflect.New(v.Type().Elem()).Elem()
		if err := overwrite(element, value); err != nil {
			return err
		}
		fresh.SetMapIndex(reflect.ValueOf(strings.Join(path, ".")).Convert(v.Type().Key()), element)
		v.Set(fresh)
		return nil
	}
	return fmt.Errorf("%q is inside a plain value", path[0])
}

// opaque reports whether a type writes its own JSON (Money, Decimal, Date, time).
func opaque(v reflect.Value) bool {
	switch v.Addr().Interface().(type) {
	case json.Unmarshaler, encoding.TextUnmarshaler:
		return v.Kind() != reflect.Pointer
	}
	return false
}

// correctTree sets a part of a value that writes its own JSON: "gross.amount".
func correctTree(v reflect.Value, path []string, value json.RawMessage) error {
	doc, err := json.Marshal(v.Addr().Interface())
	if err != nil {
		return err
	}
	tree, err := decodeTree(doc)
	if err != nil {
		return err
	}
	node, ok := tree.(map[string]any)
	if !ok || len(path) != 1 {
		return fmt.Errorf("%q is inside a plain value", path[0])
	}
	if _, ok := node[path[0]]; !ok {
		return fmt.Errorf("no field %q", path[0])
	}
	node[path[0]] = value
	if doc, err = json.Marshal(node); err != nil {
		return err
	}
	return decodeStrictly(doc, v.Addr().Interface())
}

// overwrite decodes a value over a deep copy of the old one.
func overwrite(v reflect.Value, value json.RawMessage) error {
	fresh := reflect.New(v.Type())
	old, err := json.Marshal(v.Interface())
	if err != nil {
		return err
	}
	if err := json.Unmarshal(old, fresh.Interface()); err != nil {
		return err
	}
	if err := decodeStrictly(value, fresh.Interface()); err != nil {
		return err
	}
	v.Set(fresh.Elem())
	return nil
}

func decodeStrictly(doc []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("does not take this value: %w", err)
	}
	return nil
}

// decodeTree keeps numbers as they are written.
func decodeTree(doc []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	return tree, nil
}
