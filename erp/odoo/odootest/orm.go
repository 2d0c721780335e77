package odootest

import (
	"errors"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"
)

var errNoField = errors.New("no such field")

// visible reports whether the call may see a record: of its companies, or of none, and
// not archived.
func (t *transaction) visible(model string, r record) bool {
	if r["active"] == false && t.context["active_test"] != false {
		return false
	}
	if c, ok := r["company_id"].(int64); ok && model != "res.company" {
		return slices.Contains(t.companies(), c)
	}
	return true
}

// find lists the records that match, in the order of the call or the model's.
func (t *transaction) find(model string, a arguments) ([]record, error) {
	if err := t.may(model, "read"); err != nil {
		return nil, err
	}
	domain, _ := a.values["domain"].([]any)
	// A search that finds nothing still refuses unknown fields.
	if _, err := t.match(model, nil, domain); err != nil {
		return nil, err
	}
	shown := *t
	for _, c := range domain {
		if list, _ := c.([]any); len(list) == 3 && list[0] == "active" {
			shown.context = maps.Clone(t.context)
			if shown.context == nil {
				shown.context = map[string]any{}
			}
			shown.context["active_test"] = false
		}
	}
	var rows []record
	for _, r := range t.candidates(model, domain) {
		if !shown.visible(model, r) {
			continue
		}
		ok, err := t.match(model, r, domain)
		if err != nil {
			return nil, err
		}
		if ok {
			rows = append(rows, r)
		}
	}
	by := text(a.values["order"])
	if by == "" {
		by = orders[model]
	}
	if by != "" {
		if err := t.sortBy(model, rows, by); err != nil {
			return nil, err
		}
	}
	rows = rows[min(ref(a.values["offset"]), int64(len(rows))):]
	if limit := ref(a.values["limit"]); limit > 0 && int64(len(rows)) > limit {
		rows = rows[:limit]
	}
	return rows, nil
}

// candidates narrows a search by the first clause that asks for an id or an indexed
// value.
func (t *transaction) candidates(model string, domain []any) []record {
	for _, c := range domain {
		list, ok := c.([]any)
		if !ok {
			break // a prefix operator: the clauses need not all hold
		}
		if len(list) != 3 {
			continue
		}
		field := text(list[0])
		if several, ok := list[2].([]any); ok && list[1] == "in" && (field == "id" || slices.Contains(indexed[model], field)) {
			return t.oneOf(model, field, several)
		}
		if list[1] != "=" {
			continue
		}
		switch v := list[2].(type) {
		case int64:
			if field == "id" {
				if r := t.db.get(model, v); r != nil {
					return []record{r}
				}
				return nil
			}
		case string:
			if v == "" || schema[model][field].target != "" {
				continue
			}
		default:
			continue
		}
		if slices.Contains(indexed[model], field) {
			return t.db.where(model, field, list[2])
		}
	}
	return t.db.all(model)
}

// oneOf are the records whose field has one of some values.
func (t *transaction) oneOf(model, field string, values []any) []record {
	var out []record
	seen := map[any]bool{}
	for _, v := range values {
		switch {
		case seen[v]:
		case field != "id":
			out = append(out, t.db.where(model, field, v)...)
		case t.db.get(model, ref(v)) != nil:
			out = append(out, t.db.get(model, ref(v)))
		}
		seen[v] = true
	}
	slices.SortFunc(out, func(a, b record) int { return int(a.id() - b.id()) })
	return out
}

func (t *transaction) searchRead(model string, a arguments) (any, error) {
	rows, err := t.find(model, a)
	if err != nil {
		return nil, err
	}
	fields, _ := a.values["fields"].([]any)
	for name := range a.rest {
		// It is handed on to the reading, which comes after everything was searched.
		if model == "res.partner" && fields == nil {
			return nil, accessError("Failed to read field res.partner.rtc_session_ids\nYou are not allowed to access 'Mail RTC session' " +
				"(discuss.channel.rtc.session) records.\n\nThis operation is allowed for the following groups:\n\t- Role / Administrator\n\n" +
				"Contact your administrator to request access if necessary.")
		}
		return nil, typeError("BaseModel._read_format() got an unexpected keyword argument '%s'", name)
	}
	return t.rows(model, rows, fields, true)
}

func (t *transaction) search(model string, a arguments) (any, error) {
	rows, err := t.find(model, a)
	return anyIDs(idsOf(rows)), err
}

// formattedSums adds fields of all records that match up; groups are not known here
// (after the source of 19.0; sums is what came before).
func (t *transaction) formattedSums(model string, a arguments) (any, error) {
	return t.total(model, a, a.list("aggregates"), func(_, spec string) string { return spec })
}

func (t *transaction) sums(model string, a arguments) (any, error) {
	return t.total(model, a, a.list("fields"), func(name, _ string) string { return name })
}

func (t *transaction) total(model string, a arguments, specs []any, called func(name, spec string) string) (any, error) {
	if len(a.list("groupby")) > 0 {
		return nil, valueError("the fake groups by nothing")
	}
	rows, err := t.find(model, a)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	for _, s := range specs {
		name, _, _ := strings.Cut(text(s), ":")
		sum := new(big.Rat)
		for _, r := range rows {
			v, _, err := t.field(model, r, name)
			if err != nil {
				return nil, valueError("Invalid field '%s' on model '%s' for '%s'.", name, model, text(s))
			}
			sum = add(sum, rat(v))
		}
		out[called(name, text(s))] = sum
	}
	return []any{out}, nil
}

func (t *transaction) searchCount(model string, a arguments) (any, error) {
	rows, err := t.find(model, a)
	return int64(len(rows)), err
}

func idsOf(rows []record) []int64 {
	out := make([]int64, len(rows))
	for i, r := range rows {
		out[i] = r.id()
	}
	return out
}

// read leaves out what is gone, and refuses what is another company's.
func (t *transaction) read(model string, a arguments) (any, error) {
	if err := t.may(model, "read"); err != nil {
		return nil, err
	}
	var rows []record
	for _, id := range a.ids {
		r := t.db.get(model, id)
		if r == nil {
			continue
		}
		if err := t.reachable(model, r); err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	load, given := a.values["load"]
	return t.rows(model, rows, a.list("fields"), !given || load == "_classic_read")
}

// reachable refuses a record of a company that the call does not speak for.
func (t *transaction) reachable(model string, r record) error {
	if c, ok := r["company_id"].(int64); ok && !slices.Contains(t.companies(), c) {
		return accessError("Uh-oh! Looks like you have stumbled upon some top-secret records.\n\nSorry, %s (id=%d) doesn't have 'read' access to:\n- %s (%s)",
			"Sync", userID, labels[model], model)
	}
	return nil
}

// rows reads fields; no fields are all of them. classic shows labels of relations.
func (t *transaction) rows(model string, rows []record, fields []any, classic bool) ([]any, error) {
	if len(fields) == 0 {
		for _, name := range slices.Sorted(maps.Keys(schema[model])) {
			fields = append(fields, name)
		}
	}
	out := make([]any, len(rows))
	for i, r := range rows {
		row := map[string]any{"id": r.id()}
		for _, f := range fields {
			v, known, err := t.field(model, r, text(f))
			if err == errNoField {
				return nil, valueError("Invalid field '%s' on '%s'", text(f), model)
			}
			if err != nil {
				return nil, err
			}
			if text(f) == "id" {
				continue
			}
			row[text(f)] = t.show(known, v, classic)
		}
		out[i] = row
	}
	if len(rows) == 0 {
		for _, f := range fields {
			if _, _, err := t.field(model, nil, text(f)); err != nil {
				return nil, valueError("Invalid field '%s' on '%s'", text(f), model)
			}
		}
	}
	return out, nil
}

// show is a value as it is answered.
func (t *transaction) show(f field, v any, classic bool) any {
	switch f.kind {
	case many2one:
		n := ref(v)
		switch {
		case n == 0:
			return false
		case classic:
			return []any{n, t.label(f.target, n)}
		}
		return n
	case one2many, many2many:
		list, _ := v.([]int64)
		return list
	case decimal:
		return rat(v)
	case integer:
		return ref(v)
	case boolean:
		return v == true
	}
	if v == nil {
		return false
	}
	return v
}

// field reads one field of a record; nil stands for a record without values.
func (t *transaction) field(model string, r record, name string) (any, field, error) {
	f, ok := schema[model][name]
	if !ok {
		if f, ok = logged[name]; !ok {
			return nil, f, errNoField
		}
	}
	switch {
	case r == nil:
		return nil, f, nil
	case name == "display_name":
		return t.label(model, r.id()), f, nil
	case f.kind == one2many:
		rows := t.db.where(f.target, f.inverse, r.id())
		if by := orders[f.target]; by != "" {
			if err := t.sortBy(f.target, rows, by); err != nil {
				return nil, f, err
			}
		}
		rows = slices.DeleteFunc(rows, func(x record) bool {
			return x["active"] == false || name == "invoice_line_ids" && x["display_type"] != "product"
		})
		return idsOf(rows), f, nil
	case f.computed:
		v, err := t.compute(model, r, name)
		return v, f, err
	case f.kind == many2many && orders[f.target] != "":
		var rows []record
		for _, id := range ids(r[name]) {
			rows = append(rows, t.db.get(f.target, id))
		}
		err := t.sortBy(f.target, rows, orders[f.target])
		return idsOf(rows), f, err
	}
	return r[name], f, nil
}

// create takes one object or a list of them.
func (t *transaction) create(model string, a arguments) (any, error) {
	if err := t.may(model, "create"); err != nil {
		return nil, err
	}
	list, many := a.values["vals_list"].([]any)
	if !many {
		list = []any{a.values["vals_list"]}
	}
	var made []int64
	for _, item := range list {
		v, _ := item.(map[string]any)
		id, err := t.insert(model, v)
		if err != nil {
			return nil, outermost(err)
		}
		if err := t.settle(); err != nil {
			return nil, err
		}
		made = append(made, id)
	}
	if !many && !t.json2 {
		return made[0], nil
	}
	return anyIDs(made), nil
}

// outermost words an error as a call of its own tells it.
func outermost(err error) error {
	if p, ok := err.(*problem); ok && p.field != "" {
		return constrained(p)
	}
	return err
}

// commands are the values of list fields: they are carried out once the record is there.
type command struct {
	field string
	list  []any
}

// values turns what a caller wrote into what is stored, and the commands apart.
func (t *transaction) values(model string, v map[string]any) (record, []command, error) {
	r := record{}
	var commands []command
	for _, name := range slices.Sorted(maps.Keys(v)) {
		value := v[name]
		f, ok := schema[model][name]
		if !ok {
			return nil, nil, valueError("Invalid field '%s' in '%s'", name, model)
		}
		switch f.kind {
		case one2many, many2many:
			list, _ := value.([]any)
			if len(ids(value)) == len(list) && len(list) > 0 {
				list = []any{[]any{int64(6), int64(0), list}}
			}
			commands = append(commands, command{name, list})
			continue
		case decimal:
			n := rat(value)
			if f.digits > 0 {
				n = round(n, f.digits)
			}
			r[name] = n
		case many2one:
			n := ref(value)
			if n != 0 && t.db.get(f.target, n) == nil {
				return nil, nil, missingError(f.target, n)
			}
			r[name] = value
		case html:
			r[name] = markup(value)
		default:
			r[name] = value
		}
		if value == false && f.kind != boolean || value == nil {
			r[name] = nil
		}
	}
	return r, commands, nil
}

// markup is what a field of formatted text makes of plain text.
func markup(v any) any {
	s := text(v)
	if s == "" || strings.HasPrefix(s, "<") {
		return v
	}
	return "<p>" + strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s) + "</p>"
}

// insert makes a record: its values, then what the server adds, then its lists.
func (t *transaction) insert(model string, v map[string]any) (int64, error) {
	if v == nil {
		v = map[string]any{}
	}
	v = maps.Clone(v)
	if err := t.before(model, v); err != nil {
		return 0, err
	}
	r, commands, err := t.values(model, v)
	if err != nil {
		return 0, err
	}
	if err := t.defaults(model, r, v); err != nil {
		return 0, err
	}
	for _, name := range slices.Sorted(maps.Keys(schema[model])) {
		if f := schema[model][name]; f.label != "" && falsy(r[name]) {
			t.db.burn(model)
			return 0, missingValue(model, name)
		}
	}
	if model == "res.partner" && falsy(r["name"]) && (r["type"] == nil || r["type"] == "contact") {
		t.db.burn(model)
		return 0, validationError("Contacts require a name")
	}
	id := t.db.insert(model, r)
	for _, c := range commands {
		if err := t.apply(model, id, c.field, c.list); err != nil {
			return 0, err
		}
	}
	return id, t.after(model, id, v, true)
}

// apply carries out the commands of a list field.
func (t *transaction) apply(model string, id int64, name string, list []any) error {
	f := schema[model][name]
	for _, item := range list {
		c, _ := item.([]any)
		if len(c) == 0 {
			return valueError("Wrong value for %s.%s: %s", model, name, repr(item))
		}
		verb, other := ref(c[0]), int64(0)
		if len(c) > 1 {
			other = ref(c[1])
		}
		v := map[string]any{}
		if len(c) > 2 {
			v, _ = c[2].(map[string]any)
		}
		var err error
		switch {
		case verb == 0:
			v = maps.Clone(v)
			key := text(v["id"])
			delete(v, "id")
			if f.kind == one2many {
				v[f.inverse] = id
			}
			var made int64
			if made, err = t.insert(f.target, v); err != nil {
				return err
			}
			if key != "" {
				t.setExternalID(f.target, made, key)
			}
			if f.kind == many2many {
				t.link(model, id, name, made)
			}
		case verb == 1:
			err = t.change(f.target, []int64{other}, v)
		case verb == 2, verb == 3 && f.kind == one2many:
			err = t.drop(f.target, []int64{other})
		case verb == 3:
			have, _ := t.db.get(model, id)[name].([]int64)
			t.db.update(model, id, record{name: slices.DeleteFunc(slices.Clone(have), func(x int64) bool { return x == other })})
		case verb == 4:
			t.link(model, id, name, other)
		case verb == 5:
			if f.kind == one2many {
				err = t.drop(f.target, idsOf(t.db.where(f.target, f.inverse, id)))
			} else {
				t.db.update(model, id, record{name: []int64{}})
			}
		case verb == 6 && len(c) > 2:
			want := ids(c[2])
			for _, w := range want {
				if t.db.get(f.target, w) == nil {
					return missingError(f.target, w)
				}
			}
			t.db.update(model, id, record{name: want})
		default:
			return valueError("Wrong value for %s.%s: %s", model, name, repr(item))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *transaction) link(model string, id int64, name string, other int64) {
	have, _ := t.db.get(model, id)[name].([]int64)
	if !slices.Contains(have, other) {
		t.db.update(model, id, record{name: append(slices.Clone(have), other)})
	}
}

func (t *transaction) write(model string, a arguments) (any, error) {
	if err := t.may(model, "write"); err != nil {
		return nil, err
	}
	v, _ := a.values["vals"].(map[string]any)
	if err := t.change(model, a.ids, v); err != nil {
		return nil, outermost(err)
	}
	return true, t.settle()
}

// change writes values to records.
func (t *transaction) change(model string, want []int64, v map[string]any) error {
	for _, id := range want {
		r := t.db.get(model, id)
		if r == nil {
			return missingError(model, id)
		}
		if err := t.reachable(model, r); err != nil {
			return err
		}
		if err := t.changing(model, r, v); err != nil {
			return err
		}
		next, commands, err := t.values(model, v)
		if err != nil {
			return err
		}
		t.db.update(model, id, next)
		for _, c := range commands {
			if err := t.apply(model, id, c.field, c.list); err != nil {
				return err
			}
		}
		if err := t.after(model, id, v, false); err != nil {
			return err
		}
	}
	return nil
}

func (t *transaction) unlink(model string, a arguments) (any, error) {
	if err := t.may(model, "unlink"); err != nil {
		return nil, err
	}
	if err := t.drop(model, a.ids); err != nil {
		return nil, err
	}
	return true, t.settle()
}

// drop deletes records and what hangs on them. What is gone already is no matter.
func (t *transaction) drop(model string, want []int64) error {
	for _, id := range want {
		r := t.db.get(model, id)
		if r == nil {
			continue
		}
		if err := t.reachable(model, r); err != nil {
			return err
		}
		if err := t.dropping(model, r); err != nil {
			return err
		}
		for _, f := range schema[model] {
			if f.kind == one2many {
				for _, child := range t.db.where(f.target, f.inverse, id) {
					t.db.remove(f.target, child.id())
				}
			}
		}
		for _, x := range t.db.all("ir.model.data") {
			if x["model"] == model && x["res_id"] == id {
				t.db.remove("ir.model.data", x.id())
			}
		}
		t.db.remove(model, id)
	}
	return nil
}

func (t *transaction) fieldsGet(model string, a arguments) (any, error) {
	names := map[kind]string{char: "char", html: "html", boolean: "boolean", integer: "integer", decimal: "float",
		many2one: "many2one", one2many: "one2many", many2many: "many2many", structure: "binary"}
	want := a.list("allfields")
	out := map[string]any{}
	for name, f := range schema[model] {
		if len(want) > 0 && !slices.Contains(want, any(name)) {
			continue
		}
		d := map[string]any{"type": names[f.kind], "string": name, "required": f.label != "", "readonly": f.computed, "store": !f.computed}
		if f.target != "" {
			d["relation"] = f.target
		}
		if f.digits > 0 {
			d["digits"] = []any{int64(16), int64(f.digits)}
		}
		if keep := a.list("attributes"); len(keep) > 0 {
			maps.DeleteFunc(d, func(k string, _ any) bool { return !slices.Contains(keep, any(k)) })
		}
		out[name] = d
	}
	return out, nil
}

// label is the name under which a record is shown.
func (t *transaction) label(model string, id int64) any {
	r := t.db.get(model, id)
	if r == nil {
		return false
	}
	switch model {
	case "res.partner":
		return t.completeName(r)
	case "product.product", "product.template":
		return bracketed(r)
	case "account.move":
		name := text(r["name"])
		if name == "" {
			return "Draft Entry (* " + big.NewInt(id).String() + ")"
		}
		if reference := text(r["ref"]); reference != "" {
			name += " (" + reference + ")"
		}
		return name
	case "account.payment.method.line":
		return text(r["name"]) + " (" + text(t.db.get("account.journal", ref(r["journal_id"]))["name"]) + ")"
	case "sale.order.line":
		order := t.db.get("sale.order", ref(r["order_id"]))
		name := text(order["name"]) + " - " + text(t.label("product.product", ref(r["product_id"])))
		if reference := text(t.db.get("res.partner", ref(order["partner_id"]))["ref"]); reference != "" {
			name += " (" + reference + ")"
		}
		return name
	}
	if name := text(r["name"]); name != "" {
		return name
	}
	return model + "," + big.NewInt(id).String()
}

func bracketed(r record) string {
	if sku := text(r["default_code"]); sku != "" {
		return "[" + sku + "] " + text(r["name"])
	}
	return text(r["name"])
}

func (t *transaction) completeName(r record) string {
	name := text(r["name"])
	if parent := t.db.get("res.partner", ref(r["parent_id"])); parent != nil {
		if name == "" {
			name = map[string]string{"delivery": "Delivery Address", "invoice": "Invoice Address"}[text(r["type"])]
		}
		return text(parent["name"]) + ", " + name
	}
	return name
}

// today is the server's day.
func (t *transaction) today() string { return t.db.now().UTC().Format(dateLayout) }

func (t *transaction) moment() string {
	return t.db.now().UTC().Truncate(time.Second).Format(timeLayout)
}
