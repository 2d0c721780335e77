package odootest

import (
	"net/http"
	"slices"
	"strings"
)

// transaction is one call.
type transaction struct {
	server  *Server
	db      *store
	context map[string]any
	json2   bool
	touched map[int64]int // entries to be settled, and how much of them
}

// arguments are those of one call, by name.
type arguments struct {
	ids    []int64
	values map[string]any
	// rest are named arguments that a method with open ends swallows.
	rest map[string]any
}

func (a arguments) list(name string) []any { l, _ := a.values[name].([]any); return l }

// method is a method of a model that can be called from outside.
type method struct {
	params   []string
	optional int  // how many of params, at the end, may be left out
	records  bool // it is called on records: "ids", or the first positional argument
	open     bool // it takes any named argument
	do       func(t *transaction, model string, a arguments) (any, error)
}

// methods are those that every model has.
var methods map[string]method

func init() {
	methods = map[string]method{
		"search_read":          {params: []string{"domain", "fields", "offset", "limit", "order"}, optional: 5, open: true, do: (*transaction).searchRead},
		"search":               {params: []string{"domain", "offset", "limit", "order"}, optional: 3, do: (*transaction).search},
		"search_count":         {params: []string{"domain", "limit"}, optional: 1, do: (*transaction).searchCount},
		"read":                 {params: []string{"fields", "load"}, optional: 2, records: true, do: (*transaction).read},
		"create":               {params: []string{"vals_list"}, do: (*transaction).create},
		"write":                {params: []string{"vals"}, records: true, do: (*transaction).write},
		"unlink":               {records: true, do: (*transaction).unlink},
		"load":                 {params: []string{"fields", "data"}, do: (*transaction).load},
		"get_external_id":      {records: true, do: (*transaction).externalIDs},
		"fields_get":           {params: []string{"allfields", "attributes"}, optional: 2, do: (*transaction).fieldsGet},
		"formatted_read_group": {params: []string{"domain", "groupby", "aggregates"}, do: (*transaction).formattedSums},
		"read_group":           {params: []string{"domain", "fields", "groupby"}, do: (*transaction).sums},
		"has_access":           {params: []string{"operation"}, records: true, do: (*transaction).hasAccess},
		"check_access_rights":  {params: []string{"operation", "raise_exception"}, optional: 1, do: (*transaction).hasAccess},
		"export_data":          {params: []string{"fields_to_export"}, records: true, do: (*transaction).exportData},
	}
}

// steps are the methods of single models.
func step(name string) (method, bool) {
	m, ok := map[string]method{
		"res.users.context_get":                           {do: (*transaction).contextGet},
		"sale.order.action_confirm":                       records((*transaction).confirm),
		"sale.order.action_cancel":                        records((*transaction).cancelOrder),
		"sale.order.action_draft":                         records((*transaction).draftOrder),
		"sale.order.action_lock":                          records((*transaction).lockOrder),
		"sale.order.action_unlock":                        records((*transaction).unlockOrder),
		"stock.picking.action_assign":                     records((*transaction).assign),
		"stock.picking.action_cancel":                     records((*transaction).cancelPicking),
		"stock.picking.do_unreserve":                      records((*transaction).unreserve),
		"stock.picking.button_validate":                   records((*transaction).validate),
		"account.move.action_post":                        records((*transaction).postMoves),
		"account.move.button_draft":                       records((*transaction).draftMoves),
		"account.move.button_cancel":                      records((*transaction).cancelMoves),
		"account.move.js_assign_outstanding_line":         {params: []string{"line_id"}, records: true, do: (*transaction).assignOutstanding},
		"account.move.line.reconcile":                     records((*transaction).reconcileLines),
		"account.move.line.remove_move_reconcile":         records((*transaction).unreconcile),
		"account.move.reversal.reverse_moves":             records((*transaction).reverse),
		"account.move.reversal.refund_moves":              records((*transaction).reverse),
		"account.move.reversal.modify_moves":              records((*transaction).modify),
		"sale.advance.payment.inv.create_invoices":        records((*transaction).createInvoices),
		"account.payment.action_post":                     records((*transaction).postPayments),
		"account.payment.action_draft":                    records((*transaction).draftPayments),
		"account.payment.action_cancel":                   records((*transaction).cancelPayments),
		"account.payment.register.action_create_payments": records((*transaction).createPayments),
	}[name]
	return m, ok
}

// records is a method without arguments that is called on records.
func records(do func(*transaction, []int64) (any, error)) method {
	return method{records: true, do: func(t *transaction, model string, a arguments) (any, error) {
		for _, id := range a.ids {
			if t.db.get(model, id) == nil {
				return nil, missingError(model, id)
			}
		}
		return do(t, a.ids)
	}}
}

// find looks a method up, with the words of the protocol for what is not there.
func find(model, name string, json2 bool) (method, error) {
	if schema[model] == nil {
		if json2 {
			return method{}, werkzeug("NotFound", http.StatusNotFound, "the model '%s' does not exist", model)
		}
		return method{}, userError("Object %s doesn't exist", model)
	}
	if strings.HasPrefix(name, "_") {
		return method{}, accessError("Private methods (such as '%s.%s') cannot be called remotely.", model, name)
	}
	if m, ok := step(model + "." + name); ok {
		return m, nil
	}
	if m, ok := methods[name]; ok {
		return m, nil
	}
	if json2 {
		return method{}, werkzeug("NotFound", http.StatusNotFound, "The method '%s.%s' does not exist", model, name)
	}
	return method{}, raise("builtins.AttributeError", http.StatusInternalServerError, "The method '%s.%s' does not exist", model, name)
}

// call carries a method out: args by position (JSON-RPC only) and by name.
func (t *transaction) call(model, name string, args []any, named map[string]any, json2 bool) (any, error) {
	m, err := find(model, name, json2)
	if err != nil {
		return nil, err
	}
	a := arguments{values: map[string]any{}, rest: map[string]any{}}
	if m.records && len(args) > 0 {
		a.ids, args = ids(args[0]), args[1:]
	}
	wrong := func(format string, x ...any) error {
		if json2 {
			return werkzeug("UnprocessableEntity", http.StatusUnprocessableEntity, format, x...)
		}
		return typeError(format, x...)
	}
	if len(args) > len(m.params) {
		return nil, wrong("too many positional arguments")
	}
	for i, v := range args {
		a.values[m.params[i]] = v
	}
	for k, v := range named {
		switch {
		case k == "context":
			t.context, _ = v.(map[string]any)
		case k == "ids" && json2 && m.records:
			a.ids = ids(v)
		case slices.Contains(m.params, k):
			a.values[k] = v
		case m.open:
			a.rest[k] = v
		default:
			return nil, wrong("got an unexpected keyword argument '%s'", k)
		}
	}
	for _, p := range m.params[:len(m.params)-m.optional] {
		if _, ok := a.values[p]; !ok {
			return nil, wrong("missing a required argument: '%s'", p)
		}
	}
	if err := t.checkCompanies(); err != nil {
		return nil, err
	}
	return m.do(t, model, a)
}

// companies are those that the call may see: the default one unless its context says
// otherwise.
func (t *transaction) companies() []int64 {
	if list := ids(t.context["allowed_company_ids"]); len(list) > 0 {
		return list
	}
	return []int64{1}
}

func (t *transaction) checkCompanies() error {
	for _, id := range t.companies() {
		if t.db.get("res.company", id) == nil {
			return accessError("Access to unauthorized or invalid companies.")
		}
	}
	return nil
}

// may says whether the user may do something to a model.
func (t *transaction) may(model, operation string) error {
	group, no := denied[model][operation]
	no = no && !t.server.c.Administrator
	if slices.Contains(t.server.c.Lacks, model+" "+operation) {
		group, no = "Somebody else", true
	}
	if !no {
		return nil
	}
	return accessError("You are not allowed to %s '%s' (%s) records.\n\nThis operation is allowed for the following groups:\n\t- %s\n\n"+
		"Contact your administrator to request access if necessary.", verbs[operation], labels[model], model, group)
}

// hasAccess answers whether, and raises nothing.
func (t *transaction) hasAccess(model string, a arguments) (any, error) {
	operation, _ := a.values["operation"].(string)
	return t.may(model, operation) == nil, nil
}

func (t *transaction) contextGet(string, arguments) (any, error) {
	return map[string]any{"lang": "en_US", "tz": false, "uid": int64(userID)}, nil
}

func (t *transaction) exportData(string, arguments) (any, error) {
	return nil, userError("You don't have the rights to export data. Please contact an Administrator.")
}
