package odoo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// call is one remote call: one request and one transaction at the server.
type call struct {
	op      string // for errors: "create order K"
	model   string
	method  string
	ids     []int64 // the records that a method is called on
	args    []arg   // by name; JSON-RPC sends them by position
	options []arg   // by name in both
	context values  // added to the context
	write   bool    // changes something: an unclear end is of unknown outcome
	out     any     // pointer the result is decoded into; nil = not looked at
}

// arg is a named argument.
type arg struct {
	name  string
	value any
}

// transport is one of Odoo's protocols: it sends a call as a login and returns the
// bare result. An error of kind auth means that the login was refused.
type transport interface {
	send(ctx context.Context, c call, as Login, context values) (json.RawMessage, error)
}

// do makes a call under the policy. Its context always names company and language.
func (o *Client) do(ctx context.Context, c call) error {
	id, err := o.companyID(ctx)
	if err != nil {
		return inOp(err, c)
	}
	return o.attempt(ctx, c, o.contextFor(id, c))
}

// contextFor is the context of a call: times are UTC, whatever the user prefers.
func (o *Client) contextFor(company int64, c call) values {
	v := values{"lang": o.c.Language, "tz": "UTC"}
	if company != 0 {
		v["allowed_company_ids"] = []int64{company}
	}
	for k, x := range c.context {
		v[k] = x
	}
	return v
}

// attempt makes a call with this context.
func (o *Client) attempt(ctx context.Context, c call, with values) error {
	p, err := o.protocol(ctx)
	if err != nil {
		return inOp(err, c)
	}
	return o.repeat(ctx, c.write, func(ctx context.Context) error { return o.session.send(ctx, p, c, with) })
}

// repeat does something under the policy, which repeats what it is told to be safe: a
// read always is.
func (o *Client) repeat(ctx context.Context, write bool, do func(context.Context) error) error {
	if write {
		return o.policy.Do(ctx, do)
	}
	err := o.policy.Do(ctx, func(ctx context.Context) error {
		err := do(ctx)
		if e, ok := errors.AsType[*commerce.Error](err); ok {
			e.Outcome = commerce.NotSent
		}
		return err
	})
	if e, ok := errors.AsType[*commerce.Error](err); ok {
		e.Outcome = ""
	}
	return err
}

// inOp gives an error from a step before the call (login, version) the call's
// operation; nothing of the call was sent.
func inOp(err error, c call) error {
	e := &commerce.Error{Kind: commerce.KindOf(err), System: system, Op: c.op, Err: err, RetryAfter: commerce.RetryAfter(err)}
	if c.write {
		e.Outcome = commerce.NotSent
	}
	return e
}

func (c call) fail(kind commerce.Kind, outcome commerce.Outcome, status int, text string) *commerce.Error {
	if !c.write {
		outcome = ""
	}
	return &commerce.Error{Kind: kind, System: system, Op: c.op, Outcome: outcome, Status: status, Text: text}
}

// answer is an answer's status and body.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// post sends one request and reads its answer, whatever its status. body nil is a GET.
func (o *Client) post(ctx context.Context, c call, path string, header http.Header, body any) (answer, error) {
	method, content := http.MethodGet, []byte(nil)
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return answer{}, c.fail(commerce.KindInternal, commerce.NotSent, 0, "encode the request: "+err.Error())
		}
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, o.root+path, bytes.NewReader(content))
	if err != nil {
		return answer{}, c.fail(commerce.KindInternal, commerce.NotSent, 0, "make the request")
	}
	for name, v := range header {
		req.Header[name] = v
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if ctx.Err() != nil {
		e := c.fail(commerce.KindUnavailable, commerce.NotSent, 0, "the caller gave up")
		e.Err = ctx.Err()
		return answer{}, e
	}
	start := o.c.Now()
	resp, err := o.http.Do(req)
	if err != nil {
		e := c.fail(commerce.KindUnavailable, commerce.Unknown, 0, "no answer")
		if c.write && httpx.NotSent(err) {
			e.Outcome = commerce.NotSent
		}
		e.Err = transportCause(err)
		return answer{}, e
	}
	defer func() {
		_, _ = io.CopyN(io.Discard, resp.Body, 4096)
		resp.Body.Close()
	}()
	o.c.Log.DebugContext(ctx, "odoo call", "model", c.model, "method", c.method, "status", resp.StatusCode, "took", o.c.Now().Sub(start))
	o.session.sawClock(resp.Header)
	content, err = httpx.ReadAll(resp.Body, o.c.MaxBody)
	if err != nil {
		e := c.fail(commerce.KindUnavailable, commerce.Unknown, resp.StatusCode, "the answer broke off")
		if _, ok := errors.AsType[*httpx.TooLargeError](err); ok {
			e.Kind, e.Text = commerce.KindLimit, "the answer is longer than MaxBody"
		}
		e.Err = err
		return answer{}, e
	}
	return answer{resp.StatusCode, resp.Header, content}, nil
}

// transportCause strips the URL from an error of net/http.
func transportCause(err error) error {
	var u interface{ Unwrap() error }
	if errors.As(err, &u) && (strings.HasPrefix(err.Error(), "Post ") || strings.HasPrefix(err.Error(), "Get ")) {
		return u.Unwrap()
	}
	return err
}

// decode reads a result.
func (c call) decode(raw json.RawMessage) error {
	if c.out == nil {
		return nil
	}
	err := json.Unmarshal(raw, c.out)
	if _, ok := errors.AsType[*commerce.Error](err); ok {
		return err
	}
	if err != nil {
		return c.fail(commerce.KindInternal, commerce.Done, http.StatusOK, "the result has another shape than expected")
	}
	return nil
}

// searchRead reads the fields of records that match a domain, in order.
func (o *Client) searchRead(ctx context.Context, op, model string, where []any, limit int, order string, fields []string, out any) error {
	return o.do(ctx, call{op: op, model: model, method: "search_read", args: []arg{{"domain", where}},
		options: []arg{{"fields", fields}, {"limit", limit}, {"order", order}}, out: out})
}

// readAll reads the fields of records by id; no ids make no call.
func (o *Client) readAll(ctx context.Context, op, model string, ids []int64, fields []string, out any) error {
	if len(ids) == 0 {
		return nil
	}
	return o.do(ctx, call{op: op, model: model, method: "read", ids: ids, options: []arg{{"fields", fields}}, out: out})
}

// step calls a method of records that takes no arguments and changes them.
func (o *Client) step(ctx context.Context, op, model, method string, with values, ids ...int64) error {
	return o.do(ctx, call{op: op, model: model, method: method, ids: ids, context: with, write: true})
}

// Ping asks for the user's own context: the smallest call that needs a login.
func (o *Client) Ping(ctx context.Context) error {
	return o.attempt(ctx, call{op: "ping", model: "res.users", method: "context_get"}, o.contextFor(0, call{}))
}

// companyID is the id of the company that the client speaks for: the configured one,
// or the user's own, which is read once in a while.
func (o *Client) companyID(ctx context.Context) (int64, error) {
	if o.company.id != "" {
		return parseID(o.company.id)
	}
	if id, ok := o.shared.own.Get(""); ok {
		return id, nil
	}
	var own struct {
		User int64 `json:"uid"`
	}
	op := "read the user's company"
	with := o.contextFor(0, call{})
	if err := o.attempt(ctx, call{op: op, model: "res.users", method: "context_get", out: &own}, with); err != nil {
		return 0, err
	}
	var users []struct {
		Company link `json:"company_id"`
	}
	if err := o.attempt(ctx, call{op: op, model: "res.users", method: "read", ids: []int64{own.User},
		options: []arg{{"fields", []string{"company_id"}}}, out: &users}, with); err != nil {
		return 0, err
	}
	if len(users) != 1 || users[0].Company.ID == 0 {
		return 0, commerce.Errorf(commerce.KindInvalid, system, op, "the user has no company; set Config.Company")
	}
	o.shared.own.Put("", users[0].Company.ID)
	return users[0].Company.ID, nil
}

// serverNow is the server's clock as of its last answer, or ours where it has none.
func (o *Client) serverNow() time.Time {
	if at := o.session.clock(); !at.IsZero() {
		return at
	}
	return o.c.Now()
}
