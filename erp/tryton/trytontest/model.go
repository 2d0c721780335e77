package trytontest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// transaction is one call.
type transaction struct {
	server  *Server
	db      *store
	context map[string]any
}

// call carries a method out. params are those before the context.
func (t *transaction) call(method string, params []any) (any, error) {
	if rest, ok := strings.CutPrefix(method, "wizard."); ok {
		return t.wizard(rest, params)
	}
	rest, ok := strings.CutPrefix(method, "model.")
	dot := strings.LastIndexByte(rest, '.')
	if !ok || dot < 0 {
		return nil, errNoMethod
	}
	model, name := rest[:dot], rest[dot+1:]
	if model == "res.user" && name == "get_preferences" {
		return map[string]any{"company": int64(1), "company.rec_name": "Synthetic Trading Ltd", "company_filter": "one",
			"language": "en", "language_direction": "ltr", "groups": []any{int64(1)}}, nil
	}
	if model == "ir.model.access" && name == "get_access" && len(params) == 1 {
		return t.access(params[0]), nil
	}
	if schema[model] == nil {
		return nil, pythonError("'" + model + "'")
	}
	if slices.Contains(t.server.c.Lacks, model+" "+name) {
		return nil, refuse("You are not allowed to access %q.", model)
	}
	arg := func(i int) any {
		if i < len(params) {
			return params[i]
		}
		return nil
	}
	list := func(i int) []any { l, _ := arg(i).([]any); return l }
	switch name {
	case "search_read":
		limit, _ := arg(2).(int64)
		offset, _ := arg(1).(int64)
		return t.searchRead(model, list(0), offset, limit, list(3), list(4))
	case "search_count":
		rows, err := t.searchRead(model, list(0), 0, 0, nil, []any{"id"})
		return int64(len(rows)), err
	case "read":
		return t.read(model, ids(arg(0)), list(1))
	case "create":
		return t.create(model, list(0))
	case "write":
		v, _ := arg(1).(map[string]any)
		return nil, t.write(model, ids(arg(0)), v)
	case "delete":
		return nil, t.delete(model, ids(arg(0)))
	}
	if f := step(model + "." + name); f != nil {
		return f(t, ids(arg(0)))
	}
	return nil, errNoMethod
}

// access says what the user's groups give, of whatever models.
func (t *transaction) access(models any) map[string]any {
	out := map[string]any{}
	names, _ := models.([]any)
	for _, model := range names {
		acts := map[string]any{}
		for _, act := range []string{"read", "write", "create", "delete"} {
			name := fmt.Sprint(model)
			settings := act != "read" && (name == "res.user" || name == "ir.model.access")
			acts[act] = !slices.Contains(t.server.c.Lacks, name+" "+act) && (!settings || t.server.c.Administrator)
		}
		out[fmt.Sprint(model)] = acts
	}
	return out
}

// step returns a transition, or nil. Called in a state that does not allow it, it
// does nothing and answers null.
func step(name string) func(*transaction, []int64) (any, error) {
	switch name {
	case "sale.sale.quote":
		return (*transaction).quote
	case "sale.sale.confirm":
		return (*transaction).confirm
	case "sale.sale.process":
		return (*transaction).process
	case "sale.sale.cancel":
		return (*transaction).cancelSale
	case "stock.shipment.out.wait":
		return (*transaction).wait
	case "stock.shipment.out.assign_try":
		return (*transaction).assign
	case "stock.shipment.out.pick":
		return (*transaction).pick
	case "stock.shipment.out.pack":
		return (*transaction).pack
	case "stock.shipment.out.done":
		return (*transaction).done
	case "stock.shipment.out.cancel":
		return (*transaction).cancelShipment
	case "account.invoice.cancel":
		return (*transaction).cancelInvoice
	case "account.invoice.validate_invoice":
		return (*transaction).validateInvoice
	case "account.invoice.post":
		return (*transaction).postInvoice
	case "account.move.post":
		return (*transaction).post
	case "account.period.close":
		return (*transaction).closePeriod
	}
	return nil
}

func (t *transaction) searchRead(model string, domain []any, offset, limit int64, by, fields []any) ([]any, error) {
	var rows []record
	candidates := t.db.candidates(model, domain)
	for _, r := range candidates {
		if r["active"] == false && t.context["active_test"] != false {
			continue
		}
		ok, err := t.matches(model, r, domain)
		if err != nil {
			return nil, err
		}
		if ok {
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 {
		// A search that finds nothing still refuses unknown fields.
		if _, err := t.matches(model, record{"id": int64(0)}, domain); err != nil {
			return nil, err
		}
	}
	if err := t.sortBy(model, rows, by); err != nil {
		return nil, err
	}
	rows = rows[min(offset, int64(len(rows))):]
	if limit > 0 && int64(len(rows)) > limit {
		rows = rows[:limit]
	}
	return t.rows(model, rows, fields)
}

func (t *transaction) read(model string, want []int64, fields []any) ([]any, error) {
	rows := make([]record, 0, len(want))
	for _, id := range want {
		r := t.db.get(model, id)
		if r == nil {
			return nil, refuse("You are trying to read records \"%d@%s\" that don't exist anymore.", id, model)
		}
		rows = append(rows, r)
	}
	return t.rows(model, rows, fields)
}

// rows reads fields; a dotted one adds a nested object under "field.".
func (t *transaction) rows(model string, rows []record, fields []any) ([]any, error) {
	out := make([]any, len(rows))
	for i, r := range rows {
		row := map[string]any{"id": r.id()}
		for _, f := range fields {
			name, _ := f.(string)
			field, rest, deeper := strings.Cut(name, ".")
			v, err := t.field(model, r, field)
			if err != nil {
				return nil, err
			}
			if !deeper {
				if list, ok := v.([]int64); ok {
					v = anyIDs(list)
				}
				row[field] = v
				continue
			}
			id, ok := v.(int64)
			if !ok {
				row[field+"."] = nil
				continue
			}
			target := schema[model][field].target
			nested, _ := row[field+"."].(map[string]any)
			if nested == nil {
				nested = map[string]any{"id": id}
				row[field+"."] = nested
			}
			if nested[rest], err = t.dotted(target, t.db.get(target, id), rest); err != nil {
				return nil, err
			}
		}
		out[i] = row
	}
	return out, nil
}

func anyIDs(list []int64) []any {
	out := make([]any, len(list))
	for i, id := range list {
		out[i] = id
	}
	return out
}

// field reads one field of a record.
func (t *transaction) field(model string, r record, name string) (any, error) {
	f, ok := schema[model][name]
	if !ok && !logged[name] {
		return nil, pythonError("'" + name + "'")
	}
	if r == nil {
		return nil, nil
	}
	switch {
	case name == "_timestamp" && r["create_date"] != nil:
		return timestamp(r), nil
	case f.kind == one2many:
		var out []int64
		for _, x := range t.db.where(f.target, f.inverse, r.id()) {
			out = append(out, x.id())
		}
		return out, nil
	case f.kind == computed && r["create_date"] != nil:
		return t.compute(model, r, name)
	}
	if f.kind == many2many && r[name] == nil {
		return []int64{}, nil
	}
	return r[name], nil
}

// checkTimestamps refuses a write whose context carries an older timestamp than the record's.
func (t *transaction) checkTimestamps(model string, want []int64) error {
	stamps, _ := t.context["_timestamp"].(map[string]any)
	for _, id := range want {
		if stamp, ok := stamps[fmt.Sprintf("%s,%d", model, id)].(string); ok {
			if r := t.db.get(model, id); r == nil || timestamp(r) != stamp {
				return concurrencyError{}
			}
		}
	}
	return nil
}

func (t *transaction) create(model string, list []any) (any, error) {
	var made []any
	for _, item := range list {
		v, _ := item.(map[string]any)
		id, err := t.createOne(model, v)
		if err != nil {
			return nil, err
		}
		made = append(made, id)
	}
	return made, nil
}

func (t *transaction) createOne(model string, v map[string]any) (int64, error) {
	r := t.defaults(model)
	commands := map[string][]any{}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		value := v[name]
		f, ok := schema[model][name]
		if !ok {
			return 0, pythonError("'" + name + "'")
		}
		switch f.kind {
		case one2many, many2many:
			commands[name], _ = value.([]any)
		case numeric:
			n, err := number(model, f, value)
			if err != nil {
				return 0, err
			}
			r[name] = n
		default:
			r[name] = value
		}
	}
	// The row is there before it is checked: a refused one has used up its id.
	id := t.db.insert(model, r)
	if err := t.validate(model, r); err != nil {
		return 0, err
	}
	for _, name := range slices.Sorted(maps.Keys(commands)) {
		list := commands[name]
		if err := t.commands(model, id, name, list); err != nil {
			return 0, err
		}
	}
	return id, t.validated(model, id)
}

// number takes a Decimal, or a JSON number as the binary float that it is.
func number(model string, f field, value any) (any, error) {
	d, ok := value.(decimal)
	switch {
	case value == nil:
		return nil, nil
	case !ok:
		r := rat(value)
		if r.IsInt() {
			d = decimal{r.FloatString(0), true}
		} else {
			x, _ := r.Float64()
			d = decimal{strings.TrimRight(fmt.Sprintf("%.60f", x), "0"), false}
		}
	}
	if d.digits() > f.digits {
		return nil, refuse(`The number of digits in the value "Decimal('%s')" for field "%s" in "%s" exceeds the limit of "%d".`,
			d.text, f.label, labels[model], f.digits)
	}
	return d, nil
}

// checkDigits checks the numbers of several records as the server does: field by
// field, over all of them.
func checkDigits(model string, records []any) error {
	for _, name := range slices.Sorted(maps.Keys(schema[model])) {
		f := schema[model][name]
		if f.kind != numeric {
			continue
		}
		for _, item := range records {
			v, _ := item.(map[string]any)
			if _, err := number(model, f, v[name]); err != nil {
				return err
			}
		}
	}
	return nil
}

// commands carries out the commands of a list field.
func (t *transaction) commands(model string, id int64, name string, list []any) error {
	f := schema[model][name]
	for _, c := range list {
		command, _ := c.([]any)
		if len(command) < 2 {
			continue
		}
		verb, _ := command[0].(string)
		switch verb {
		case "create":
			records, _ := command[1].([]any)
			if err := checkDigits(f.target, records); err != nil {
				return err
			}
			for _, item := range records {
				v, _ := item.(map[string]any)
				if f.kind == one2many {
					v[f.inverse] = id
				}
				made, err := t.createOne(f.target, v)
				if err != nil {
					return err
				}
				if f.kind == many2many {
					t.link(model, id, name, made)
				}
			}
		case "add":
			for _, other := range ids(command[1]) {
				t.link(model, id, name, other)
			}
		case "remove":
			t.unlink(model, id, name, ids(command[1]))
		case "delete":
			if err := t.delete(f.target, ids(command[1])); err != nil {
				return err
			}
		case "write":
			if len(command) < 3 {
				return pythonError("write")
			}
			v, _ := command[2].(map[string]any)
			if err := t.write(f.target, ids(command[1]), v); err != nil {
				return err
			}
		default:
			return pythonError("'" + verb + "'")
		}
	}
	return nil
}

func (t *transaction) unlink(model string, id int64, name string, others []int64) {
	have, _ := t.db.get(model, id)[name].([]int64)
	t.db.update(model, id, record{name: slices.DeleteFunc(slices.Clone(have), func(x int64) bool { return slices.Contains(others, x) })})
}

func (t *transaction) link(model string, id int64, name string, other int64) {
	have, _ := t.db.get(model, id)[name].([]int64)
	if !slices.Contains(have, other) { // a set
		t.db.get(model, id)[name] = append(slices.Clone(have), other)
	}
}

func (t *transaction) write(model string, want []int64, v map[string]any) error {
	if err := t.checkTimestamps(model, want); err != nil {
		return err
	}
	for _, id := range want {
		r := t.db.get(model, id)
		if r == nil {
			return refuse("You are trying to write records \"%d@%s\" that don't exist anymore.", id, model)
		}
		if model == "account.move" && r["state"] == "posted" {
			return refuse("You cannot modify posted move \"%s\".", r["number"])
		}
		if model == "account.invoice" {
			if err := modifiable(r, v); err != nil {
				return err
			}
		}
		changed := record{}
		for name, value := range v {
			f, ok := schema[model][name]
			if !ok {
				return pythonError("'" + name + "'")
			}
			switch f.kind {
			case one2many, many2many:
				list, _ := value.([]any)
				if err := t.commands(model, id, name, list); err != nil {
					return err
				}
			case numeric:
				n, err := number(model, f, value)
				if err != nil {
					return err
				}
				changed[name] = n
			default:
				changed[name] = value
			}
		}
		t.db.update(model, id, changed)
		if model == "account.invoice" {
			t.updateTaxes(id)
		}
		if model == "sale.line" {
			t.db.update("sale.sale", r["sale"].(int64), record{})
		}
		if err := t.validate(model, t.db.get(model, id)); err != nil {
			return err
		}
	}
	return nil
}

func (t *transaction) delete(model string, want []int64) error {
	if err := t.checkTimestamps(model, want); err != nil {
		return err
	}
	for _, id := range want {
		r := t.db.get(model, id)
		if r == nil {
			continue
		}
		switch model {
		case "account.move.reconciliation":
			t.unreconcile(r)
		case "account.invoice":
			if err := modifiable(r, map[string]any{"id": nil}); err != nil {
				return err
			}
		case "sale.sale":
			if r["state"] != "draft" && r["state"] != "quotation" && r["state"] != "cancelled" {
				return refuse("To delete sale \"%s\" you must cancel it.", saleName(r))
			}
		case "account.move":
			if r["state"] == "posted" {
				return refuse("You cannot modify posted move \"%s\".", r["number"])
			}
		}
		for _, f := range schema[model] {
			if f.kind == one2many {
				for _, child := range t.db.where(f.target, f.inverse, id) {
					t.db.remove(f.target, child.id())
				}
			}
		}
		t.db.remove(model, id)
	}
	return nil
}
