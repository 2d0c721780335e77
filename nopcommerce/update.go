package nopcommerce

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
)

// table knows how the rows of a resource are read and replaced.
type table[T any] struct {
	what string // "product"
	get  string // "/Product/GetById/"
	put  string // "/Product/Update"; "" where there is none
	raw  func(*T) *Raw
	id   func(*T) ID
	// touch is the member that says when the row was changed. The API does not.
	touch string
	// restless are members that the shop moves by itself.
	restless []string
}

// one reads a row and requires that the answer is about it.
func (k table[T]) one(ctx context.Context, cl *Client, id ID) (T, error) {
	row, _, err := k.read(ctx, cl, "get "+k.what+" "+id.String(), id)
	return row, err
}

// read also returns the row with all that it holds, cards too.
func (k table[T]) read(ctx context.Context, cl *Client, op string, id ID) (row T, whole json.RawMessage, err error) {
	var none T
	if err := cl.get(ctx, op, k.get+id.String(), nil, &whole); err != nil {
		return none, nil, err
	}
	if err := json.Unmarshal(whole, &row); err != nil {
		return none, nil, bodyError(op, false, http.StatusOK, err)
	}
	if k.id(&row) != id {
		return none, nil, wrongRow(op)
	}
	return row, whole, nil
}

// update writes what differs between a row as the caller has it and as it was read.
func (k table[T]) update(ctx context.Context, cl *Client, mine T) (T, error) {
	var none T
	id := k.id(&mine)
	op := "update " + k.what + " " + id.String()
	if err := cl.offers(op, Official, true); err != nil {
		return none, err
	}
	changes, err := k.changes(op, mine)
	if err != nil {
		return none, err
	}
	read := *k.raw(&mine)
	fresh, whole, err := k.read(ctx, cl, op, id)
	if err != nil {
		return none, before(op, err)
	}
	others := k.differ(*k.raw(&fresh), read, changes)
	switch {
	case k.hold(*k.raw(&fresh), changes) && len(others) == 0:
		return fresh, nil // nothing to change, or an earlier write of ours arrived
	case len(others) > 0 || len(k.differ(*k.raw(&fresh), read, nil)) > 0:
		e := conflict(op, "the row was changed since it was read: "+strings.Join(k.differ(*k.raw(&fresh), read, nil), ", "))
		e.Outcome = commerce.NotSent
		return fresh, e
	}
	body, err := membersOf(whole)
	if err != nil {
		return none, before(op, bodyError(op, false, http.StatusOK, err))
	}
	if k.touch != "" && body.value(k.touch) != nil {
		now, err := json.Marshal(At(cl.c.Now()))
		if err != nil {
			return none, refuse(op, "", "Config.Now can not be written: %w", err)
		}
		body = body.with(k.touch, now)
	}
	for _, c := range changes {
		if body.value(c.name) == nil {
			return none, refuse(op, CodeNotOffered, "the rows of this shop have no member %s: its version is another one", c.name)
		}
		body = body.with(c.name, c.value)
	}
	failed := cl.write(ctx, http.MethodPut, op, k.put, nil, json.RawMessage(body.json()), nil)
	if failed != nil && outcomeOf(failed) != commerce.Unknown {
		return none, failed
	}
	after, _, err := k.read(ctx, cl, op, id)
	switch {
	case err != nil && failed != nil:
		return none, failed
	case err != nil:
		return none, about(op, commerce.Done, err)
	}
	held := k.hold(*k.raw(&after), changes)
	switch others := k.differ(*k.raw(&after), *k.raw(&fresh), changes); {
	case failed != nil && !held:
		return after, failed
	case !held:
		e := conflict(op, "the shop answered that it wrote, and the row does not hold what was written")
		e.Outcome = commerce.Unknown
		return after, e
	case len(others) > 0:
		e := conflict(op, "somebody else changed the row while it was written: "+strings.Join(others, ", "))
		e.Outcome = commerce.Done
		return after, e
	}
	return after, nil
}

// changes are the members that the caller changed.
func (k table[T]) changes(op string, mine T) (members, error) {
	var was T
	if read := *k.raw(&mine); len(read) == 0 || json.Unmarshal(read, &was) != nil || k.id(&was) != k.id(&mine) {
		return nil, refuse(op, "", "the row was not read from the shop: change a row that Get returned, and not its id")
	}
	var changed members
	v, w := reflect.ValueOf(mine), reflect.ValueOf(was)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := jsonName(f)
		if name == "" || reflect.DeepEqual(v.Field(i).Interface(), w.Field(i).Interface()) {
			continue
		}
		if f.Type.Kind() == reflect.Pointer || f.Type.Kind() == reflect.Slice {
			return nil, refuse(op, CodeNotOffered, "%s is no column of the row", name)
		}
		value, err := json.Marshal(v.Field(i).Interface())
		if err != nil {
			return nil, refuse(op, "", "%s can not be written", name)
		}
		if v.Field(i).IsZero() && f.Tag.Get("zero") == "null" {
			value = null
		}
		changed = append(changed, member{name, value})
	}
	return changed, nil
}

func (k table[T]) hold(row Raw, changes members) bool {
	all, err := membersOf(row)
	for _, c := range changes {
		if !same(all.value(c.name), c.value) {
			return false
		}
	}
	return err == nil
}

// differ names the members in which two rows are not the same, but for changes, the date
// of the change and those that the shop moves by itself.
func (k table[T]) differ(a, b Raw, but members) (names []string) {
	x, errX := membersOf(a)
	y, errY := membersOf(b)
	if errX != nil || errY != nil {
		return []string{"all"}
	}
	for _, m := range x {
		if !same(m.value, y.value(m.name)) {
			names = append(names, m.name)
		}
	}
	for _, m := range y {
		if x.value(m.name) == nil {
			names = append(names, m.name)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool {
		return but.value(name) != nil || name == k.touch || slices.Contains(k.restless, name)
	})
}

func (m members) with(name string, value json.RawMessage) members {
	out := slices.Clone(m)
	for i := range out {
		if out[i].name == name {
			out[i].value = value
		}
	}
	return out
}

// create inserts a row and requires that the answer names it.
func (k table[T]) create(ctx context.Context, cl *Client, path string, row T) (T, error) {
	op := "create " + k.what
	var none, made T
	if err := cl.offers(op, Official, true); err != nil {
		return none, err
	}
	if err := cl.write(ctx, http.MethodPost, op, path, nil, row, &made); err != nil {
		return none, err
	}
	if k.id(&made) <= 0 {
		e := wrongRow(op)
		e.Outcome = commerce.Unknown
		return none, e
	}
	return made, nil
}

func wrongRow(op string) *commerce.Error {
	return &commerce.Error{Kind: commerce.KindInternal, System: system, Op: op, Code: CodeWrongRow, Text: "the answer is about another row"}
}

func conflict(op, text string) *commerce.Error {
	return &commerce.Error{Kind: commerce.KindConflict, System: system, Op: op, Code: CodeConcurrent, Text: text}
}

func outcomeOf(err error) commerce.Outcome {
	var e *commerce.Error
	if errors.As(err, &e) {
		return e.Outcome
	}
	return commerce.Unknown
}
