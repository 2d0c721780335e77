package nopcommercetest

import (
	"cmp"
	"slices"
)

// rowOf is a pointer to a row, which knows its id.
type rowOf[T any] interface {
	*T
	key() *int
}

// table keeps rows by id.
type table[T any, P rowOf[T]] struct {
	name   string
	rows   []P // by id
	last   int
	parent func(P) int // the row that these hang on; nil = none
	of     map[int][]P // by parent
	fit    func(P)     // adapts a row to the version of the shop
	drop   func(P)     // deletes softly
	moved  func(before, after P)
}

func (t *table[T, P]) get(id int) P {
	i, ok := slices.BinarySearchFunc(t.rows, id, func(r P, id int) int { return cmp.Compare(*r.key(), id) })
	if !ok {
		return nil
	}
	return t.rows[i]
}

// insert gives a row the next id and keeps it.
func (t *table[T, P]) insert(v T) P {
	t.last++
	r := P(&v)
	*r.key() = t.last
	if t.fit != nil {
		t.fit(r)
	}
	t.rows = append(t.rows, r)
	t.link(r)
	if t.moved != nil {
		t.moved(nil, r)
	}
	return r
}

// replace puts v in the place of a row, which keeps its id.
func (t *table[T, P]) replace(r P, v T) {
	before := *r
	t.unlink(r)
	*r = v
	*r.key() = *P(&before).key()
	if t.fit != nil {
		t.fit(r)
	}
	t.link(r)
	if t.moved != nil {
		t.moved(P(&before), r)
	}
}

// remove deletes a row, softly where the table does.
func (t *table[T, P]) remove(r P) {
	if t.drop != nil {
		v := *r
		t.drop(P(&v))
		t.replace(r, v)
		return
	}
	t.forget(r)
}

// forget takes a row out of the table.
func (t *table[T, P]) forget(r P) {
	t.unlink(r)
	t.rows = slices.DeleteFunc(t.rows, func(x P) bool { return x == r })
}

func (t *table[T, P]) link(r P) {
	if t.parent == nil {
		return
	}
	if t.of == nil {
		t.of = map[int][]P{}
	}
	id := t.parent(r)
	i, _ := slices.BinarySearchFunc(t.of[id], *r.key(), func(r P, id int) int { return cmp.Compare(*r.key(), id) })
	t.of[id] = slices.Insert(t.of[id], i, r)
}

func (t *table[T, P]) unlink(r P) {
	if t.parent != nil {
		id := t.parent(r)
		t.of[id] = slices.DeleteFunc(t.of[id], func(x P) bool { return x == r })
	}
}

// first returns the row of the lowest id that f takes, or nil.
func (t *table[T, P]) first(f func(P) bool) P {
	if i := slices.IndexFunc(t.rows, f); i >= 0 {
		return t.rows[i]
	}
	return nil
}

// all returns the rows that f takes.
func (t *table[T, P]) all(f func(P) bool) (out []P) {
	for _, r := range t.rows {
		if f(r) {
			out = append(out, r)
		}
	}
	return out
}

// crud are the routes that nearly every table has; which names some of get, create,
// update and delete by their first letters.
func crud[T any, P rowOf[T]](controller, which string, in func(*tables) *table[T, P]) (all []route) {
	for _, c := range which {
		switch c {
		case 'g':
			all = append(all, route{method: "GET", path: "/" + controller + "/GetById/{id}", serve: func(s *Shop, r *request) (any, *failure) {
				row, f := find(in(&s.tables), r.id)
				return row, f
			}})
		case 'c':
			all = append(all, route{method: "POST", path: "/" + controller + "/Create", body: true, serve: func(s *Shop, r *request) (any, *failure) {
				v, f := decode[T](r)
				if f != nil {
					return nil, f
				}
				return in(&s.tables).insert(v), nil
			}})
		case 'u':
			all = append(all, route{method: "PUT", path: "/" + controller + "/Update", body: true, serve: func(s *Shop, r *request) (any, *failure) {
				v, f := decode[T](r)
				if f != nil {
					return nil, f
				}
				row, f := find(in(&s.tables), *P(&v).key())
				if f != nil {
					return nil, f
				}
				in(&s.tables).replace(row, v)
				return nil, nil
			}})
		case 'd':
			all = append(all, route{method: "DELETE", path: "/" + controller + "/Delete/{id}", serve: func(s *Shop, r *request) (any, *failure) {
				row, f := find(in(&s.tables), r.id)
				if f != nil {
					return nil, f
				}
				in(&s.tables).remove(row)
				return nil, nil
			}})
		}
	}
	return all
}

// find returns a row or says that its id is impossible, or unknown.
func find[T any, P rowOf[T]](t *table[T, P], id int) (P, *failure) {
	if id <= 0 {
		return nil, problem("Bad Request")
	}
	if r := t.get(id); r != nil {
		return r, nil
	}
	return nil, notFound("%s Id=%d not found", t.name, id)
}

// byIDs returns the rows of a list of ids, in its order; unknown ones are left out.
func byIDs[T any, P rowOf[T]](t *table[T, P], ids []int) []P {
	out := []P{}
	for _, id := range ids {
		if r := t.get(id); r != nil {
			out = append(out, r)
		}
	}
	return out
}
