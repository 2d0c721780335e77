package trytontest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// record is one row; "id", "create_date" and "write_date" are in it.
type record map[string]any

func (r record) id() int64 { return r["id"].(int64) }

// store holds all records, and what to restore when a transaction fails.
type store struct {
	now     func() time.Time
	last    time.Time
	tables  map[string]map[int64]record
	order   map[string][]int64
	ids     map[string]int64
	numbers map[string]int64 // sequences; a number that was drawn is not given back
	index   map[indexKey][]int64
	undo    []func()
}

// indexKey names the records whose field has a value.
type indexKey struct {
	model, field string
	value        any
}

// indexed are the fields that are looked up often.
var indexed = map[string][]string{
	"party.party": {"code"}, "party.address": {"party"}, "party.contact_mechanism": {"party"},
	"product.product": {"code"}, "sale.sale": {"reference"}, "sale.line": {"sale"},
	"stock.move": {"origin"}, "stock.package": {"shipment"},
	"account.move": {"description"}, "account.move.line": {"move"},
	"account.invoice": {"reference"}, "account.invoice.line": {"invoice"}, "account.invoice.tax": {"invoice"},
}

func newStore(now func() time.Time) *store {
	return &store{now: now, tables: map[string]map[int64]record{}, order: map[string][]int64{}, ids: map[string]int64{}, numbers: map[string]int64{}, index: map[indexKey][]int64{}}
}

func (s *store) commit() { s.undo = s.undo[:0] }

func (s *store) rollback() {
	for _, f := range slices.Backward(s.undo) {
		f()
	}
	s.undo = s.undo[:0]
}

// clock never gives the same microsecond twice.
func (s *store) clock() time.Time {
	t := s.now().UTC().Truncate(time.Microsecond)
	if !t.After(s.last) {
		t = s.last.Add(time.Microsecond)
	}
	s.last = t
	return t
}

func (s *store) insert(model string, r record) int64 {
	s.ids[model]++
	id := s.ids[model]
	r["id"], r["create_date"], r["write_date"] = id, s.clock(), nil
	if s.tables[model] == nil {
		s.tables[model] = map[int64]record{}
	}
	s.tables[model][id] = r
	s.order[model] = append(s.order[model], id)
	s.enter(model, r)
	s.undo = append(s.undo, func() { s.drop(model, id) })
	return id
}

// enter and leave keep the index.
func (s *store) enter(model string, r record) {
	for _, field := range indexed[model] {
		k := indexKey{model, field, r[field]}
		s.index[k] = append(s.index[k], r.id())
	}
}

func (s *store) leave(model string, r record) {
	for _, field := range indexed[model] {
		k := indexKey{model, field, r[field]}
		s.index[k] = slices.DeleteFunc(s.index[k], func(x int64) bool { return x == r.id() })
	}
}

func (s *store) drop(model string, id int64) {
	s.leave(model, s.tables[model][id])
	delete(s.tables[model], id)
	s.order[model] = slices.DeleteFunc(s.order[model], func(x int64) bool { return x == id })
}

func (s *store) remove(model string, id int64) {
	old := s.tables[model][id]
	s.drop(model, id)
	s.undo = append(s.undo, func() {
		s.tables[model][id] = old
		s.enter(model, old)
		s.order[model] = append(s.order[model], id)
		slices.Sort(s.order[model])
	})
}

func (s *store) update(model string, id int64, v record) {
	old := s.tables[model][id]
	next := maps.Clone(old)
	maps.Copy(next, v)
	next["write_date"] = s.clock()
	s.swap(model, old, next)
	s.undo = append(s.undo, func() { s.swap(model, next, old) })
}

func (s *store) swap(model string, old, next record) {
	s.leave(model, old)
	s.tables[model][old.id()] = next
	s.enter(model, next)
}

func (s *store) get(model string, id int64) record { return s.tables[model][id] }

// all returns the records of a model by id.
func (s *store) all(model string) []record {
	out := make([]record, 0, len(s.order[model]))
	for _, id := range s.order[model] {
		out = append(out, s.tables[model][id])
	}
	return out
}

// where returns the records whose field has a value, by id.
func (s *store) where(model, field string, value any) []record {
	var out []record
	if slices.Contains(indexed[model], field) {
		found := slices.Clone(s.index[indexKey{model, field, value}])
		slices.Sort(found)
		for _, id := range found {
			out = append(out, s.tables[model][id])
		}
		return out
	}
	for _, r := range s.all(model) {
		if r[field] == value {
			out = append(out, r)
		}
	}
	return out
}

// candidates narrows a search by the first clause that asks for an id or an
// indexed value.
func (s *store) candidates(model string, domain []any) []record {
	for _, c := range domain {
		list, _ := c.([]any)
		if len(list) == 3 && list[1] == "in" {
			field, _ := list[0].(string)
			wanted, _ := list[2].([]any)
			if field != "id" && !slices.Contains(indexed[model], field) {
				continue
			}
			var found []record
			for _, value := range wanted {
				if id, ok := value.(int64); field == "id" && ok && s.get(model, id) != nil {
					found = append(found, s.get(model, id))
				} else if field != "id" {
					found = append(found, s.where(model, field, value)...)
				}
			}
			slices.SortFunc(found, func(a, b record) int { return cmp.Compare(a.id(), b.id()) })
			return slices.CompactFunc(found, func(a, b record) bool { return a.id() == b.id() })
		}
		if len(list) != 3 || list[1] != "=" {
			continue
		}
		switch list[2].(type) {
		case string, int64:
		default:
			continue
		}
		field, _ := list[0].(string)
		if id, ok := list[2].(int64); ok && field == "id" {
			if r := s.get(model, id); r != nil {
				return []record{r}
			}
			return nil
		}
		if slices.Contains(indexed[model], field) {
			return s.where(model, field, list[2])
		}
	}
	return s.all(model)
}

// number draws the next number of a sequence.
func (s *store) number(sequence string) string {
	s.numbers[sequence]++
	return fmt.Sprint(s.numbers[sequence])
}

// timestamp is Tryton's text of the last change: seconds with microseconds.
func timestamp(r record) string {
	at, ok := r["write_date"].(time.Time)
	if !ok {
		at = r["create_date"].(time.Time)
	}
	return fmt.Sprintf("%d.%06d", at.Unix(), at.Nanosecond()/1000)
}

// matches evaluates a domain on a record.
func (t *transaction) matches(model string, r record, domain []any) (bool, error) {
	return t.all(model, r, domain, false)
}

func (t *transaction) all(model string, r record, clauses []any, or bool) (bool, error) {
	for _, c := range clauses {
		list, _ := c.([]any)
		ok, err := t.clause(model, r, list)
		if err != nil {
			return false, err
		}
		if ok == or {
			return or, nil
		}
	}
	return !or, nil
}

func (t *transaction) clause(model string, r record, c []any) (bool, error) {
	if len(c) == 0 {
		return true, nil
	}
	name, ok := c[0].(string)
	switch {
	case !ok:
		return t.all(model, r, c, false)
	case name == "OR":
		return t.all(model, r, c[1:], true)
	case name == "AND":
		return t.all(model, r, c[1:], false)
	case len(c) < 3:
		return false, pythonError("'" + name + "'")
	}
	if len(c) == 4 && model == "account.invoice" && name == "lines.origin.invoice.id" {
		id, _ := c[2].(int64)
		return t.credits(r, id), nil
	}
	v, err := t.dotted(model, r, name)
	if err != nil {
		return false, err
	}
	operator, _ := c[1].(string)
	return compare(v, operator, c[2])
}

// dotted reads a field, following Many2One fields through dots.
func (t *transaction) dotted(model string, r record, name string) (any, error) {
	field, rest, deeper := strings.Cut(name, ".")
	v, err := t.field(model, r, field)
	if err != nil || !deeper {
		return v, err
	}
	id, ok := v.(int64)
	if !ok {
		return nil, nil
	}
	target := schema[model][field].target
	return t.dotted(target, t.db.get(target, id), rest)
}

func compare(v any, operator string, want any) (bool, error) {
	switch operator {
	case "=":
		return equal(v, want), nil
	case "!=":
		return !equal(v, want), nil
	case "in", "not in":
		list, _ := want.([]any)
		in := slices.ContainsFunc(list, func(w any) bool { return equal(v, w) })
		return in == (operator == "in"), nil
	case "like", "ilike":
		text, _ := v.(string)
		pattern, _ := want.(string)
		if operator == "ilike" {
			text, pattern = strings.ToLower(text), strings.ToLower(pattern)
		}
		return like(text, pattern), nil
	case "<", "<=", ">", ">=":
		n, ok := order(v, want)
		return ok && map[string]bool{"<": n < 0, "<=": n <= 0, ">": n > 0, ">=": n >= 0}[operator], nil
	}
	return false, pythonError("'" + operator + "'")
}

func equal(a, b any) bool {
	if list, ok := a.([]int64); ok { // an x2many field: one of them
		id, _ := b.(int64)
		return slices.Contains(list, id)
	}
	if n, ok := order(a, b); ok {
		return n == 0
	}
	return a == b
}

// order compares two values of one kind; nil has no order.
func order(a, b any) (int, bool) {
	switch x := a.(type) {
	case time.Time:
		y, ok := b.(time.Time)
		return x.Compare(y), ok
	case commerce.Date:
		y, ok := b.(commerce.Date)
		return strings.Compare(x.String(), y.String()), ok
	case string:
		y, ok := b.(string)
		return strings.Compare(x, y), ok
	case int64, json.Number, decimal:
		switch b.(type) {
		case int64, json.Number, decimal:
			return rat(a).Cmp(rat(b)), true
		}
	}
	return 0, false
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

// sortBy sorts records by [[field, "ASC"], …].
func (t *transaction) sortBy(model string, rows []record, by []any) error {
	var failed error
	slices.SortStableFunc(rows, func(a, b record) int {
		for _, o := range by {
			pair, _ := o.([]any)
			if len(pair) < 2 {
				continue
			}
			name, _ := pair[0].(string)
			x, err := t.dotted(model, a, name)
			y, err2 := t.dotted(model, b, name)
			failed = cmp.Or(failed, err, err2)
			n, ok := order(x, y)
			if !ok {
				n = boolInt(x != nil) - boolInt(y != nil)
			}
			if direction, _ := pair[1].(string); strings.HasPrefix(direction, "DESC") {
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

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
