package odootest

import (
	"fmt"
	"strings"
)

// load is the import: it creates or finds by external id. What is wrong with a row is
// told in the messages of a successful answer, and then nothing is kept.
func (t *transaction) load(model string, a arguments) (any, error) {
	if err := t.may(model, "create"); err != nil {
		return nil, err
	}
	var fields []string
	for _, f := range a.list("fields") {
		fields = append(fields, text(f))
	}
	rows := a.list("data")
	mark := len(t.db.undo)
	done, messages := t.loadAll(model, fields, rows)
	if len(messages) > 0 {
		// The server tries the records one by one after all at once: ids are used up twice.
		t.db.rollback(mark)
		done, messages = t.loadAll(model, fields, rows)
	}
	answer := map[string]any{"ids": done, "messages": messages, "nextrow": int64(0)}
	if len(messages) > 0 {
		t.db.rollback(mark)
		answer["ids"] = false
		t.server.races = max(t.server.races-1, 0)
	}
	return answer, nil
}

func (t *transaction) loadAll(model string, fields []string, rows []any) (done, messages []any) {
	done, messages = []any{}, []any{}
	for from := 0; from < len(rows); {
		to := from + 1
		for to < len(rows) && continues(model, fields, rows[to]) {
			to++
		}
		id, err := t.loadOne(model, fields, rows[from:to])
		if err == nil {
			err = t.settle()
		}
		if err == nil && t.server.races > 0 {
			err = userError("could not serialize access due to concurrent update\n")
		}
		if err != nil {
			m := map[string]any{"rows": map[string]any{"from": int64(from), "to": int64(to - 1)}, "record": int64(len(done)), "type": "error",
				"message": err.Error()}
			if p, ok := err.(*problem); ok && p.field != "" {
				m["field"] = p.field
			}
			messages = append(messages, m)
		}
		done, from = append(done, id), to
	}
	return done, messages
}

// continues reports whether a row holds only lines of the record above it.
func continues(model string, fields []string, row any) bool {
	cells, _ := row.([]any)
	lines := false
	for i, f := range fields {
		if i >= len(cells) || falsy(cells[i]) {
			continue
		}
		name, _, _ := strings.Cut(f, "/")
		if schema[model][name].kind != one2many {
			return false
		}
		lines = true
	}
	return lines
}

func (t *transaction) loadOne(model string, fields []string, rows []any) (int64, error) {
	v, err := t.loadValues(model, fields, rows[0], "")
	if err != nil {
		return 0, err
	}
	for _, name := range lineFields(model, fields) {
		target := schema[model][name].target
		var list []any
		for _, row := range rows {
			if !filled(fields, row, name+"/") {
				continue
			}
			line, err := t.loadValues(target, fields, row, name+"/")
			if err != nil {
				return 0, err
			}
			if id := t.byExternalID(target, text(line["id"])); id != 0 {
				delete(line, "id")
				list = append(list, []any{int64(1), id, line})
			} else {
				list = append(list, []any{int64(0), int64(0), line})
			}
		}
		v[name] = list
	}
	key := text(v["id"])
	delete(v, "id")
	if id := t.byExternalID(model, key); id != 0 {
		return id, t.change(model, []int64{id}, v)
	}
	made, err := t.insert(model, v)
	if err == nil && key != "" {
		t.setExternalID(model, made, key)
	}
	return made, err
}

// external is an external id with its module.
func external(key string) string {
	if key != "" && !strings.Contains(key, ".") {
		return "__import__." + key
	}
	return key
}

// byExternalID finds a record; 0 = there is none.
func (t *transaction) byExternalID(model, key string) int64 {
	for _, x := range t.db.where("ir.model.data", "complete_name", external(key)) {
		if x["model"] == model && t.db.get(model, ref(x["res_id"])) != nil {
			return ref(x["res_id"])
		}
	}
	return 0
}

func (t *transaction) setExternalID(model string, id int64, key string) {
	key = external(key)
	module, name, _ := strings.Cut(key, ".")
	t.db.insert("ir.model.data", record{"module": module, "name": name, "complete_name": key, "model": model, "res_id": id})
}

// filled reports whether a row holds anything in the columns with a prefix.
func filled(fields []string, row any, prefix string) bool {
	cells, _ := row.([]any)
	for i, f := range fields {
		if i < len(cells) && strings.HasPrefix(f, prefix) && !falsy(cells[i]) {
			return true
		}
	}
	return false
}

// lineFields are the list fields that the columns name.
func lineFields(model string, fields []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, f := range fields {
		name, _, deeper := strings.Cut(f, "/")
		if deeper && schema[model][name].kind == one2many && !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	return out
}

// loadValues reads the cells of a row whose columns begin with a prefix. An empty cell
// is an empty value: no default takes its place.
func (t *transaction) loadValues(model string, fields []string, row any, prefix string) (map[string]any, error) {
	cells, _ := row.([]any)
	v := map[string]any{}
	for i, column := range fields {
		column, ok := strings.CutPrefix(column, prefix)
		if !ok || i >= len(cells) {
			continue
		}
		name, how, deeper := strings.Cut(column, "/")
		f := schema[model][name]
		if deeper && f.kind == one2many {
			continue
		}
		value, err := t.loadValue(f, name, how, cells[i])
		if err != nil {
			return nil, err
		}
		if name != "id" || !falsy(value) {
			v[name] = value
		}
	}
	return v, nil
}

// loadValue reads a cell; how says by what a relation names its records.
func (t *transaction) loadValue(f field, name, how string, cell any) (any, error) {
	if falsy(cell) {
		if f.kind == many2many {
			return []any{[]any{int64(6), int64(0), []any{}}}, nil
		}
		return false, nil
	}
	switch f.kind {
	case many2one:
		return t.named(f, name, how, cell)
	case many2many:
		var list []any
		for _, part := range strings.Split(text(cell), ",") {
			id, err := t.named(f, name, how, part)
			if err != nil {
				return nil, err
			}
			list = append(list, id)
		}
		return []any{[]any{int64(6), int64(0), list}}, nil
	case decimal:
		return rat(cell), nil
	case integer:
		return rat(cell).Num().Int64(), nil
	case boolean:
		return strings.EqualFold(text(cell), "true") || text(cell) == "1" || cell == true, nil
	}
	return cell, nil
}

// named finds the record that a cell names: by its id, its external id or its label.
func (t *transaction) named(f field, name, how string, cell any) (int64, error) {
	switch how {
	case ".id":
		if id := rat(cell).Num().Int64(); t.db.get(f.target, id) != nil {
			return id, nil
		}
		return 0, userError("No matching record found for database id '%s' in field '%s'", text(cell), name)
	case "id":
		if id := t.byExternalID(f.target, text(cell)); id != 0 {
			return id, nil
		}
		return 0, userError("No matching record found for external id '%s' in field '%s'", text(cell), name)
	}
	for _, r := range t.db.all(f.target) {
		if t.label(f.target, r.id()) == cell {
			return r.id(), nil
		}
	}
	return 0, userError("No matching record found for name '%s' in field '%s'", text(cell), name)
}

// externalIDs gives the external ids of records: empty where there is none.
func (t *transaction) externalIDs(model string, a arguments) (any, error) {
	out := map[string]any{}
	for _, id := range a.ids {
		out[fmt.Sprint(id)] = ""
		for _, x := range t.db.all("ir.model.data") {
			if x["model"] == model && x["res_id"] == id {
				out[fmt.Sprint(id)] = x["complete_name"]
				break
			}
		}
	}
	return out, nil
}
