package odoo

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/commercesync/commerce"
)

// jsonRPC is the API of Odoo 14 to 19: arguments by position, every answer with
// status 200. It wants the user's id in every call, which a login gives.
type jsonRPC struct {
	o    *Client
	lock chan struct{} // holds one token while nobody logs in

	// Guarded by lock:
	login Login
	user  int64
}

func newJSONRPC(o *Client) *jsonRPC {
	j := &jsonRPC{o: o, lock: make(chan struct{}, 1)}
	j.lock <- struct{}{}
	return j
}

func (j *jsonRPC) send(ctx context.Context, c call, as Login, with values) (json.RawMessage, error) {
	user, err := j.userOf(ctx, as)
	if err != nil {
		return nil, inOp(err, c)
	}
	args := []any{}
	if c.ids != nil {
		args = append(args, c.ids)
	}
	for _, a := range c.args {
		args = append(args, a.value)
	}
	named := values{"context": with}
	for _, a := range c.options {
		named[a.name] = a.value
	}
	return j.call(ctx, c, "object", "execute_kw", j.o.c.Database, user, as.Key.Reveal(), c.model, c.method, args, named)
}

// userOf is the id of the login's user, which the server is asked for once: one call
// does, the others wait for it.
func (j *jsonRPC) userOf(ctx context.Context, as Login) (int64, error) {
	select {
	case <-j.lock:
		defer func() { j.lock <- struct{}{} }()
	case <-ctx.Done():
		return 0, &commerce.Error{Kind: commerce.KindUnavailable, System: system, Op: "log in", Outcome: commerce.NotSent, Err: ctx.Err()}
	}
	if j.user != 0 && j.login == as {
		return j.user, nil
	}
	c := call{op: "log in", model: "common", method: "authenticate"}
	raw, err := j.call(ctx, c, "common", "authenticate", j.o.c.Database, as.User, as.Key.Reveal(), values{})
	if err != nil {
		return 0, err
	}
	var id int64
	if !empty(raw) {
		if err := json.Unmarshal(raw, &id); err != nil {
			return 0, c.fail(commerce.KindInternal, "", http.StatusOK, "a login answers a user's id")
		}
	}
	if id == 0 {
		return 0, c.fail(commerce.KindAuth, "", http.StatusOK, "user or key was refused")
	}
	j.login, j.user = as, id
	return id, nil
}

// call calls a method of one of the server's services.
func (j *jsonRPC) call(ctx context.Context, c call, service, method string, args ...any) (json.RawMessage, error) {
	type params struct {
		Service string `json:"service"`
		Method  string `json:"method"`
		Args    []any  `json:"args"`
	}
	id := j.o.session.nextID()
	a, err := j.o.post(ctx, c, "jsonrpc", nil, struct {
		Version string `json:"jsonrpc"`
		Method  string `json:"method"`
		ID      int64  `json:"id"`
		Params  params `json:"params"`
	}{"2.0", "call", id, params{service, method, append([]any{}, args...)}})
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, c.statusError(a, j.o.c.Now())
	}
	var reply struct {
		ID     int64           `json:"id"`
		Result json.RawMessage `json:"result"`
		Error  *struct {
			Data problem `json:"data"`
		} `json:"error"`
	}
	if json.Unmarshal(a.body, &reply) != nil || reply.ID != id {
		return nil, c.fail(commerce.KindUnavailable, commerce.Unknown, a.status, "the answer is none to this request")
	}
	if reply.Error != nil {
		return nil, c.refused(reply.Error.Data, a, j.o.c.Now())
	}
	if reply.Result == nil {
		// A method that returns nothing has no result at all in older versions.
		reply.Result = json.RawMessage("null")
	}
	return reply.Result, nil
}
