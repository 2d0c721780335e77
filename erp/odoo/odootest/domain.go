package odootest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// match evaluates a domain: prefix operators, "and" between what stands side by side.
func (t *transaction) match(model string, r record, domain []any) (bool, error) {
	all, rest := true, domain
	for len(rest) > 0 {
		var ok bool
		var err error
		if ok, rest, err = t.term(model, r, rest); err != nil {
			return false, err
		}
		all = all && ok
	}
	return all, nil
}

// term evaluates the first term of a domain and returns what follows it.
func (t *transaction) term(model string, r record, domain []any) (bool, []any, error) {
	if len(domain) == 0 {
		return false, nil, valueError("Domain() invalid item in domain")
	}
	switch head := domain[0].(type) {
	case string:
		switch head {
		case "!":
			ok, rest, err := t.term(model, r, domain[1:])
			return !ok, rest, err
		case "&", "|":
			a, rest, err := t.term(model, r, domain[1:])
			if err != nil {
				return false, nil, err
			}
			b, rest, err := t.term(model, r, rest)
			if head == "&" {
				return a && b, rest, err
			}
			return a || b, rest, err
		}
	case []any:
		if len(head) == 3 {
			ok, err := t.condition(model, r, head)
			return ok, domain[1:], err
		}
	}
	return false, nil, valueError("Domain() invalid item in domain: %s", repr(domain[0]))
}

func (t *transaction) condition(model string, r record, c []any) (bool, error) {
	name, operator := text(c[0]), text(c[1])
	if name == "" {
		return truth(c), nil
	}
	values, relation, err := t.path(model, r, name)
	if err == errNoField {
		return false, valueError("Invalid field %s.%s in condition ('%s', '%s', %s)", model, name, name, operator, repr(c[2]))
	}
	if err != nil {
		return false, err
	}
	switch operator {
	case "any", "not any":
		domain, _ := c[2].([]any)
		found := false
		for _, v := range values {
			ok, err := t.match(relation, t.db.get(relation, ref(v)), domain)
			if err != nil {
				return false, err
			}
			found = found || ok
		}
		return found == (operator == "any"), nil
	}
	want := c[2]
	if relation != "" && text(want) != "" || relation != "" && strings.Contains(operator, "like") {
		// A relation is compared with a text by its label.
		for i, v := range values {
			if n := ref(v); n != 0 {
				values[i] = t.label(relation, n)
			}
		}
	}
	positive, negative := operator, false
	switch operator {
	case "!=", "<>":
		positive, negative = "=", true
	case "not in", "not like", "not ilike":
		positive, negative = strings.TrimPrefix(operator, "not "), true
	case "==":
		positive = "="
	}
	if !slices.Contains([]string{"=", "in", "like", "ilike", "=like", "=ilike", "<", "<=", ">", ">=", "child_of"}, positive) {
		return false, valueError("Invalid operator in condition ('%s', '%s', %s)", name, operator, repr(want))
	}
	return slices.ContainsFunc(values, func(v any) bool { return compare(v, positive, want) }) != negative, nil
}

// truth evaluates a condition without a field: (1, "=", 1).
func truth(c []any) bool { return (rat(c[0]).Cmp(rat(c[2])) == 0) == (c[1] == "=") }

// path reads a field through dots: all values that are found, at least one. The second
// result is the model that they point to, if any.
func (t *transaction) path(model string, r record, name string) ([]any, string, error) {
	first, rest, deeper := strings.Cut(name, ".")
	v, f, err := t.field(model, r, first)
	if err != nil {
		return nil, "", err
	}
	values := []any{v}
	if list, ok := v.([]int64); ok {
		values = anyIDs(list)
	}
	if !deeper {
		if len(values) == 0 {
			values = []any{nil}
		}
		return values, f.target, nil
	}
	if f.target == "" {
		return nil, "", errNoField
	}
	var out []any
	var target string
	for _, v := range values {
		got, to, err := t.path(f.target, t.db.get(f.target, ref(v)), rest)
		if err != nil {
			return nil, "", err
		}
		out, target = append(out, got...), to
	}
	if len(out) == 0 {
		_, to, err := t.path(f.target, nil, rest)
		return []any{nil}, to, err
	}
	return out, target, nil
}

func compare(v any, operator string, want any) bool {
	switch operator {
	case "=":
		if list, ok := want.([]any); ok {
			return slices.ContainsFunc(list, func(w any) bool { return equal(v, w) })
		}
		return equal(v, want)
	case "in", "child_of":
		list, ok := want.([]any)
		if !ok {
			return equal(v, want)
		}
		return slices.ContainsFunc(list, func(w any) bool { return equal(v, w) })
	case "like", "ilike", "=like", "=ilike":
		value, pattern := text(v), text(want)
		if strings.HasSuffix(operator, "ilike") {
			value, pattern = strings.ToLower(value), strings.ToLower(pattern)
		}
		if operator[0] != '=' {
			pattern = "%" + pattern + "%"
		}
		return v != nil && like(value, pattern)
	}
	n, ok := order(v, want)
	return ok && map[string]bool{"<": n < 0, "<=": n <= 0, ">": n > 0, ">=": n >= 0}[operator]
}

func equal(v, want any) bool {
	if want == nil || want == false {
		return v == nil || v == false || v == ""
	}
	if v == nil && (want == "" || want == int64(0)) {
		return true
	}
	if n, ok := order(v, want); ok {
		return n == 0
	}
	return v == want
}

// order compares two values of one kind; nil has no order.
func order(a, b any) (int, bool) {
	switch x := a.(type) {
	case time.Time:
		switch y := b.(type) {
		case time.Time:
			return x.Compare(y), true
		case string:
			for _, layout := range []string{timeLayout + ".999999", timeLayout, dateLayout} {
				if at, err := time.Parse(layout, y); err == nil {
					return x.Compare(at), true
				}
			}
		}
	case string:
		y, ok := b.(string)
		return strings.Compare(x, y), ok
	case bool:
		y, ok := b.(bool)
		return boolInt(x) - boolInt(y), ok
	}
	if number(a) && number(b) {
		return rat(a).Cmp(rat(b)), true
	}
	return 0, false
}

func number(v any) bool {
	switch v.(type) {
	case int64:
		return true
	case nil, string, bool, time.Time, []any, []int64, map[string]any:
		return false
	}
	return true
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// like matches a pattern with % and _.
func like(text, pattern string) bool {
	if pattern == "" {
		return text == ""
	}
	switch pattern[0] {
	case '%':
		for i := 0; i <= len(text); i++ {
			if like(text[i:], pattern[1:]) {
				return true
			}
		}
		return false
	case '_':
		return text != "" && like(text[1:], pattern[1:])
	}
	return text != "" && text[0] == pattern[0] && like(text[1:], pattern[1:])
}

// sortBy sorts records by "name, id desc". What is empty comes last, or first where
// the order is turned.
func (t *transaction) sortBy(model string, rows []record, by string) error {
	var failed error
	slices.SortStableFunc(rows, func(a, b record) int {
		for _, clause := range strings.Split(by, ",") {
			name, direction, _ := strings.Cut(strings.TrimSpace(clause), " ")
			x, _, err := t.field(model, a, name)
			y, _, err2 := t.field(model, b, name)
			if err != nil || err2 != nil {
				failed = valueError("Invalid field '%s' on '%s'", name, model)
				return 0
			}
			n, ok := order(x, y)
			if !ok {
				n = boolInt(x == nil) - boolInt(y == nil)
			}
			if strings.HasPrefix(strings.ToLower(strings.TrimSpace(direction)), "desc") {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return 0
	})
	return failed
}

// repr is a value as Python prints it.
func repr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case string:
		return "'" + v + "'"
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = repr(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case int64:
		return fmt.Sprint(v)
	}
	return string(float(rat(v)))
}
