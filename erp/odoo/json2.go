package odoo

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/commercesync/commerce"
)

// json2 is the API of Odoo 19: named arguments in the body, the bare result or a real
// status and an error object.
type json2 struct{ o *Client }

func (j json2) send(ctx context.Context, c call, as Login, with values) (json.RawMessage, error) {
	body := values{"context": with}
	if c.ids != nil {
		body["ids"] = c.ids
	}
	for _, list := range [][]arg{c.args, c.options} {
		for _, a := range list {
			body[a.name] = a.value
		}
	}
	a, err := j.o.post(ctx, c, "json/2/"+c.model+"/"+c.method, http.Header{
		"Authorization":   {"Bearer " + as.Key.Reveal()},
		"X-Odoo-Database": {j.o.c.Database},
	}, body)
	if err != nil {
		return nil, err
	}
	if a.status == http.StatusOK {
		if !json.Valid(a.body) {
			return nil, c.fail(commerce.KindUnavailable, commerce.Unknown, a.status, "the answer is no JSON")
		}
		return a.body, nil
	}
	var e problem
	if json.Unmarshal(a.body, &e) == nil && e.Name != "" {
		return nil, c.refused(e, a, j.o.c.Now())
	}
	return nil, c.statusError(a, j.o.c.Now())
}
