package odootest

import (
	"fmt"
	"maps"
	"slices"
	"time"
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
	"res.partner": {"ref", "parent_id"}, "product.product": {"default_code"}, "sale.order": {"client_order_ref"},
	"sale.order.line": {"order_id"}, "stock.picking": {"sale_id"}, "stock.move": {"picking_id", "sale_line_id"},
	"account.move": {"ref", "name", "reversed_entry_id"}, "account.move.line": {"move_id", "sale_line_id"},
	"account.payment": {"memo"}, "account.partial.reconcile": {"debit_move_id", "credit_move_id"},
	"ir.model.data": {"complete_name"},
}

func newStore(now func() time.Time) *store {
	return &store{now: now, tables: map[string]map[int64]record{}, order: map[string][]int64{}, ids: map[string]int64{},
		numbers: map[string]int64{}, index: map[indexKey][]int64{}}
}

func (s *store) commit() { s.undo = s.undo[:0] }

// rollback undoes everything since a mark: len(undo) at some moment.
func (s *store) rollback(mark int) {
	for _, f := range slices.Backward(s.undo[mark:]) {
		f()
	}
	s.undo = s.undo[:mark]
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

// burn uses up an id, as an INSERT does that the database refuses.
func (s *store) burn(model string) { s.ids[model]++ }

func (s *store) insert(model string, r record) int64 {
	s.ids[model]++
	id, at := s.ids[model], s.clock()
	r["id"], r["create_date"], r["write_date"] = id, at, at
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

// number draws the next number of a sequence.
func (s *store) number(format, sequence string) string {
	s.numbers[sequence]++
	return fmt.Sprintf(format, s.numbers[sequence])
}
