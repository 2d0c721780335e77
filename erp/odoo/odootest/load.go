package odootest

import (
	"fmt"
	"strings"
)

// load is the import: it creates or finds by external id. What is wrong with a row is
// told in the messages of a successful answer, and then nothing is kept.
func (t *transaction) load(model string, a arguments) (any, error) {
	if err := may(model, "create"); err != nil {
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
		for to < len(rows) && continues(fields, rows[to]) {
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
func continues(fields []string, row any) bool {
	cells, _ := row.([]any)
	lines := false
	for i, f := range fields {
		if i >= len(cells) || falsy(cells[i]) {
			continue
		}
		if !strings.Contains(f, "/") || isRelation(f) {
			return false
		}
		lines = true
	}
	return lines
}

// isRelation tells "partner_id/.id" from "order_line/product_uom_qty".
func isRelation(f string) bool {
	return strings.Count(f, "/") == 1 && (strings.HasSuffix(f, "/.id") || strings.HasSuffix(f, "/id"))
}

func (t *transaction) loadOne(model string, fields []string, rows []any) (int64, error) {
	v, err := t.loadValues(model, fields, rows[0], "")
	if err != nil {
		return 0, err
	}
	for _, name := range lineFields(model, fields) {
		var list []any
		for _, row := range rows {
			line, err := t.loadValues(schema[model][name].target, fields, row, name+"/")
			if err != nil {
				return 0, err
			}
			if len(line) > 0 {
				list = append(list, []any{int64(0), int64(0), line})
			}
		}
		v[name] = list
	}
	key := text(v["id"])
	delete(v, "id")
	if key == "" {
		return t.insert(model, v)
	}
	if !strings.Contains(key, ".") {
		key = "__import__." + key
	}
	for _, x := range t.db.where("ir.model.data", "complete_name", key) {
		if x["model"] != model {
			return 0, userError("The external identifier %s belongs to another model", key)
		}
		return ref(x["res_id"]), t.change(model, []int64{ref(x["res_id"])}, v)
	}
	made, err := t.insert(model, v)
	if err != nil {
		return 0, err
	}
	module, name, _ := strings.Cut(key, ".")
	t.db.insert("ir.model.data", record{"module": module, "name": name, "complete_name": key, "model": model, "res_id": made})
	return made, nil
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

// loadValues reads the cells of a row whose columns begin with a prefix.
func (t *transaction) loadValues(model string, fields []string, row any, prefix string) (map[string]any, error) {
	cells, _ := row.([]any)
	v := map[string]any{}
	for i, column := range fields {
		column, ok := strings.CutPrefix(column, prefix)
		if !ok || i >= len(cells) || falsy(cells[i]) {
			continue
		}
		name, how, deeper := strings.Cut(column, "/")
		if deeper && schema[model][name].kind == one2many {
			continue
		}
		cell := cells[i]
		f := schema[model][name]
		switch {
		case name == "id":
		case f.kind == many2one && how == ".id":
			cell = rat(cell).Num().Int64()
		case f.kind == many2one && how == "id":
			found := t.db.where("ir.model.data", "complete_name", text(cell))
			if len(found) == 0 {
				return nil, userError("No matching record found for external id '%s' in field '%s'", text(cell), name)
			}
			cell = found[0]["res_id"]
		case f.kind == many2one:
			var hit any
			for _, r := range t.db.all(f.target) {
				if t.label(f.target, r.id()) == cell {
					hit = r.id()
					break
				}
			}
			if hit == nil {
				return nil, userError("No matching record found for name '%s' in field '%s'", text(cell), name)
			}
			cell = hit
		case f.kind == decimal:
			cell = rat(cell)
		case f.kind == integer:
			cell = rat(cell).Num().Int64()
		case f.kind == boolean:
			cell = strings.EqualFold(text(cell), "true") || text(cell) == "1" || cell == true
		}
		v[name] = cell
	}
	return v, nil
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
