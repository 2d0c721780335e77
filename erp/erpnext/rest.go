package erpnext

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// call is one request and one transaction at the server.
type call struct {
	op      string // for errors: "create order K"
	verb    string // GET, POST, PUT, DELETE
	doctype string // "Sales Order"
	name    string // of a document; empty = the list
	method  string // "frappe.auth.get_logged_user", instead of doctype
	query   url.Values
	body    any
	out     any // pointer that "data" or "message" is decoded into; nil = not looked at
	docs    any // the same for "docs"
}

func (c call) write() bool { return c.verb != http.MethodGet }

func (c call) path() string {
	if c.method != "" {
		return "api/method/" + c.method
	}
	p := "api/resource/" + url.PathEscape(c.doctype)
	if c.name != "" {
		p += "/" + url.PathEscape(c.name)
	}
	return p
}

// do makes a call under the policy, which repeats what it is told to be safe: a read
// always is, and a write that was refused because somebody else was quicker would be
// refused again.
func (o *Client) do(ctx context.Context, c call) error {
	var failed *commerce.Error
	var outcome commerce.Outcome
	err := o.policy.Do(ctx, func(ctx context.Context) error {
		err := o.authorised(ctx, c)
		if e, ok := errors.AsType[*commerce.Error](err); ok {
			failed, outcome = e, e.Outcome
			switch {
			case !c.write():
				e.Outcome = commerce.NotSent
			case e.Kind == commerce.KindConflict:
				e.Outcome = ""
			}
		}
		return err
	})
	e, ok := errors.AsType[*commerce.Error](err)
	switch {
	case ok && e == failed:
		e.Outcome = outcome
	case ok && !c.write():
		e.Outcome = ""
	}
	return err
}

func (c call) fail(kind commerce.Kind, outcome commerce.Outcome, status int, text string) *commerce.Error {
	if !c.write() {
		outcome = ""
	}
	return &commerce.Error{Kind: kind, System: system, Op: c.op, Outcome: outcome, Status: status, Text: text}
}

// refused is an error of a write as a whole.
func refused(op string, kind commerce.Kind, outcome commerce.Outcome, text string) error {
	return call{op: op, verb: http.MethodPost}.fail(kind, outcome, 0, text)
}

// authorised sends a call with the login, and once more where that was refused and
// there is another by now.
func (o *Client) authorised(ctx context.Context, c call) error {
	for again := false; ; again = true {
		login, err := o.c.Credentials.Current(ctx)
		if err != nil {
			e := c.fail(commerce.KindOf(err), commerce.NotSent, 0, "read the credentials")
			e.Err = err
			return e
		}
		err = o.roundTrip(ctx, c, login)
		if again || !errors.Is(err, commerce.ErrAuth) || o.c.Credentials.Rejected(ctx, login) != nil {
			return err
		}
	}
}

// roundTrip sends one request and reads its answer.
func (o *Client) roundTrip(ctx context.Context, c call, login Login) error {
	var body io.Reader
	if c.body != nil {
		b, err := json.Marshal(c.body)
		if err != nil {
			return c.fail(commerce.KindInternal, commerce.NotSent, 0, "encode the request: "+err.Error())
		}
		body = bytes.NewReader(b)
	}
	address := o.root + c.path()
	if len(c.query) > 0 {
		address += "?" + c.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, c.verb, address, body)
	if err != nil {
		return c.fail(commerce.KindInternal, commerce.NotSent, 0, "make the request")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "token "+login.Key+":"+login.Secret.Reveal())
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if ctx.Err() != nil {
		e := c.fail(commerce.KindUnavailable, commerce.NotSent, 0, "the caller gave up")
		e.Err = ctx.Err()
		return e
	}
	start := o.c.Now()
	resp, err := o.http.Do(req)
	if err != nil {
		e := c.fail(commerce.KindUnavailable, commerce.Unknown, 0, "no answer")
		if c.write() && httpx.NotSent(err) {
			e.Outcome = commerce.NotSent
		}
		e.Err = cause(err)
		return e
	}
	defer func() {
		_, _ = io.CopyN(io.Discard, resp.Body, 4096)
		resp.Body.Close()
	}()
	o.c.Log.DebugContext(ctx, "erpnext call", "verb", c.verb, "doctype", c.doctype, "method", c.method, "status", resp.StatusCode, "took", o.c.Now().Sub(start))
	answer, err := httpx.ReadAll(resp.Body, o.c.MaxBody)
	if err != nil {
		kind, text := commerce.KindUnavailable, "the answer broke off"
		if _, ok := errors.AsType[*httpx.TooLargeError](err); ok {
			kind, text = commerce.KindLimit, "the answer is longer than MaxBody"
		}
		e := c.fail(kind, commerce.Unknown, resp.StatusCode, text)
		e.Err = cause(err)
		return e
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusAccepted {
		return c.statusError(resp, answer, o.c.Now())
	}
	var r struct {
		Data    json.RawMessage `json:"data"`
		Message json.RawMessage `json:"message"`
		Docs    json.RawMessage `json:"docs"`
	}
	if !httpx.IsJSON(resp.Header) || json.Unmarshal(answer, &r) != nil {
		return c.fail(commerce.KindUnavailable, commerce.Unknown, resp.StatusCode, "the answer is not ERPNext's")
	}
	into := c.out
	switch {
	case c.docs != nil:
		into, r.Data = c.docs, r.Docs
	case c.method != "":
		r.Data = r.Message
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(r.Data, into); err != nil {
		e := c.fail(commerce.KindInternal, commerce.Done, resp.StatusCode, "the result has another shape than expected")
		e.Err = err // names a field and a type, no value
		return e
	}
	return nil
}

// cause keeps the cause and drops the URL that net/http puts before it.
func cause(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Unwrap()
	}
	return err
}

// get reads one document with its rows.
func (o *Client) get(ctx context.Context, op, doctype, name string, out any) error {
	return o.do(ctx, call{op: op, verb: http.MethodGet, doctype: doctype, name: name, out: out})
}

// list reads fields of the documents that match all conditions.
func (o *Client) list(ctx context.Context, op, doctype string, filters []any, order string, limit int, fields []string, out any) error {
	q := url.Values{"order_by": {order}, "limit_page_length": {strconv.Itoa(limit)}}
	for name, v := range map[string]any{"fields": fields, "filters": filters} {
		b, err := json.Marshal(v)
		if err != nil {
			return call{op: op, verb: http.MethodGet}.fail(commerce.KindInternal, "", 0, "encode the request: "+err.Error())
		}
		q.Set(name, string(b))
	}
	return o.do(ctx, call{op: op, verb: http.MethodGet, doctype: doctype, query: q, out: out})
}

// insert makes a document and reads it as the server has it.
func (o *Client) insert(ctx context.Context, op, doctype string, v values, out any) error {
	return o.do(ctx, call{op: op, verb: http.MethodPost, doctype: doctype, body: v, out: out})
}

// update writes fields of a document.
func (o *Client) update(ctx context.Context, op, doctype, name string, v values, out any) error {
	return o.do(ctx, call{op: op, verb: http.MethodPut, doctype: doctype, name: name, body: v, out: out})
}

// Ping asks who the caller is: the smallest call that needs credentials.
func (o *Client) Ping(ctx context.Context) error {
	return o.do(ctx, call{op: "ping", verb: http.MethodGet, method: "frappe.auth.get_logged_user"})
}

// outcome states what the write as a whole did where one of its reads failed.
func outcome(err error, x commerce.Outcome) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*commerce.Error](err); ok {
		if e.Outcome == "" {
			e.Outcome = x
		}
		return err
	}
	return &commerce.Error{Kind: commerce.KindOf(err), System: system, Outcome: x, Err: err}
}

func notSent(err error) error { return outcome(err, commerce.NotSent) }

// idOf returns the name of a ref of this ERP: "order/SAL-ORD-2026-00017".
func (o *Client) idOf(ref commerce.Ref, what string) (string, error) {
	name, ok := strings.CutPrefix(ref.ID, what+"/")
	if !ok || name == "" || ref.With("") != o.c.Origin {
		return "", notSent(commerce.Errorf(commerce.KindInvalid, system, "read "+what, "%s is no %s of %s", ref, what, o.c.Origin.With(what)))
	}
	return name, nil
}
