package odootest

import (
	"fmt"
	"net/http"
)

// problem is an exception of the server. Over JSON-2 it has a status; over JSON-RPC
// all are answered with 200.
type problem struct {
	name    string
	message string
	status  int
	args    []any  // what "arguments" holds; empty = the message
	field   string // that is missing
}

func (p *problem) Error() string { return p.message }

func (p *problem) arguments() []any {
	if p.args != nil {
		return p.args
	}
	return []any{p.message}
}

// data is the body of a JSON-2 error and the "data" of a JSON-RPC one. The server adds
// the whole traceback.
func (p *problem) data() map[string]any {
	return map[string]any{"name": p.name, "message": p.message, "arguments": p.arguments(), "context": map[string]any{},
		"debug": "Traceback (most recent call last):\n  File \"odoo/http.py\", line 1, in _serve_db\n" + p.name + ": " + p.message + "\n"}
}

func raise(name string, status int, format string, args ...any) *problem {
	return &problem{name: name, status: status, message: fmt.Sprintf(format, args...)}
}

func userError(format string, args ...any) *problem {
	return raise("odoo.exceptions.UserError", http.StatusUnprocessableEntity, format, args...)
}

func validationError(format string, args ...any) *problem {
	return raise("odoo.exceptions.ValidationError", http.StatusUnprocessableEntity, format, args...)
}

func accessError(format string, args ...any) *problem {
	return raise("odoo.exceptions.AccessError", http.StatusForbidden, format, args...)
}

func valueError(format string, args ...any) *problem {
	return raise("builtins.ValueError", http.StatusInternalServerError, format, args...)
}

func typeError(format string, args ...any) *problem {
	return raise("builtins.TypeError", http.StatusInternalServerError, format, args...)
}

func missingError(model string, id int64) *problem {
	return raise("odoo.exceptions.MissingError", http.StatusNotFound,
		"Record does not exist or has been deleted.\n(Record: %s(%d,), User: %d)", model, id, userID)
}

// missingValue is what is said of a mandatory field that is not set.
func missingValue(model, field string) *problem {
	f := schema[model][field]
	p := validationError("Missing required value for the field '%s' (%s).\nModel: '%s' (%s)\n- create/update: a mandatory field is not set\n"+
		"- delete: another model requires the record being deleted, you can archive it instead\n", f.label, field, labels[model], model)
	p.field = field
	return p
}

// constrained is a refusal of the database, as a call of its own tells it.
func constrained(p *problem) *problem {
	return validationError("The operation cannot be completed: %s", p.message)
}

// werkzeug is an error of the HTTP layer: its arguments end with the status.
func werkzeug(name string, status int, format string, args ...any) *problem {
	p := raise("werkzeug.exceptions."+name, status, format, args...)
	p.args = []any{p.message, status}
	return p
}
