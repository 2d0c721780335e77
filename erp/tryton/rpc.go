package tryton

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
	method  string // "model.sale.sale.create"
	params  []any  // without the context
	context values // added to the context
	write   bool   // changes something: an unclear end is of unknown outcome
	root    bool   // sent to the server, not to the database
	out     any    // pointer the result is decoded into; nil = not looked at
}

// do makes a call under the session and the policy. The context that Tryton wants
// as the last parameter always names company and language.
func (t *Client) do(ctx context.Context, c call) error {
	prefs, err := t.preferences(ctx)
	if err != nil {
		return inOp(err, c)
	}
	return t.send(ctx, c, t.contextFor(prefs, c))
}

func (t *Client) contextFor(p preferences, c call) values {
	v := values{"company": p.company(t), "language": t.c.Language}
	for k, x := range c.context {
		v[k] = x
	}
	return v
}

// send makes a call with this context. The policy repeats what it is told to be
// safe: a read always is, and a write that was refused because somebody else was
// quicker would be refused again.
func (t *Client) send(ctx context.Context, c call, last values) error {
	var failed *commerce.Error
	var outcome commerce.Outcome
	err := t.policy.Do(ctx, func(ctx context.Context) error {
		err := t.authorised(ctx, c, append(c.params[:len(c.params):len(c.params)], last))
		if e, ok := errors.AsType[*commerce.Error](err); ok {
			failed, outcome = e, e.Outcome
			switch {
			case !c.write:
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
	case ok && !c.write:
		e.Outcome = ""
	}
	return err
}

// authorised sends a call with the session, and once more with a new session where
// the server does not know the old one any more.
func (t *Client) authorised(ctx context.Context, c call, params []any) error {
	token, err := t.session.current(ctx, "")
	if err != nil {
		return inOp(err, c)
	}
	for renewed := false; ; renewed = true {
		err = t.roundTrip(ctx, c, params, token)
		if renewed || !errors.Is(err, errSession) {
			break
		}
		if token, err = t.session.current(ctx, token); err != nil {
			return inOp(err, c)
		}
	}
	if errors.Is(err, errSession) {
		return c.fail(commerce.KindAuth, commerce.NotSent, http.StatusUnauthorized, "the session was refused right after a login")
	}
	return err
}

// inOp gives an error from a step before the call (login, preferences) the call's
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

// roundTrip sends one request and reads its answer. token is empty for a login.
func (t *Client) roundTrip(ctx context.Context, c call, params []any, token string) error {
	id := t.session.nextID()
	body, err := json.Marshal(struct {
		ID     int64  `json:"id"`
		Method string `json:"method"`
		Params []any  `json:"params"`
	}{id, c.method, params})
	if err != nil {
		return c.fail(commerce.KindInternal, commerce.NotSent, 0, "encode the request: "+err.Error())
	}
	address := t.root + t.c.Database + "/"
	if c.root {
		address = t.root
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return c.fail(commerce.KindInternal, commerce.NotSent, 0, "make the request")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Session "+token)
	}
	if ctx.Err() != nil {
		e := c.fail(commerce.KindUnavailable, commerce.NotSent, 0, "the caller gave up")
		e.Err = ctx.Err()
		return e
	}
	start := t.c.Now()
	resp, err := t.http.Do(req)
	if err != nil {
		e := c.fail(commerce.KindUnavailable, commerce.Unknown, 0, "no answer")
		if c.write && httpx.NotSent(err) {
			e.Outcome = commerce.NotSent
		}
		e.Err = transportCause(err)
		return e
	}
	defer func() {
		_, _ = io.CopyN(io.Discard, resp.Body, 4096)
		resp.Body.Close()
	}()
	t.c.Log.DebugContext(ctx, "tryton call", "method", c.method, "status", resp.StatusCode, "took", t.c.Now().Sub(start))
	if resp.StatusCode != http.StatusOK {
		return c.statusError(resp, t.c.Now())
	}
	answer, err := httpx.ReadAll(resp.Body, t.c.MaxBody)
	if err != nil {
		kind, text := commerce.KindUnavailable, "the answer broke off"
		if _, ok := errors.AsType[*httpx.TooLargeError](err); ok {
			kind, text = commerce.KindLimit, "the answer is longer than MaxBody"
		}
		e := c.fail(kind, commerce.Unknown, resp.StatusCode, text)
		e.Err = transportCause(err)
		return e
	}
	var r struct {
		ID     *int64          `json:"id"`
		Result json.RawMessage `json:"result"`
		Error  json.RawMessage `json:"error"`
	}
	if !httpx.IsJSON(resp.Header) || json.Unmarshal(answer, &r) != nil || r.ID == nil || *r.ID != id {
		return c.fail(commerce.KindUnavailable, commerce.Unknown, resp.StatusCode, "the answer is not Tryton's")
	}
	if len(r.Error) > 0 && string(r.Error) != "null" {
		return c.rpcError(r.Error)
	}
	t.session.sawClock(resp.Header)
	if c.out == nil {
		return nil
	}
	if err := json.Unmarshal(r.Result, c.out); err != nil {
		e := c.fail(commerce.KindInternal, commerce.Done, resp.StatusCode, "the result has another shape than expected")
		e.Err = err // names a field and a type, no value
		return e
	}
	return nil
}

// transportCause keeps the cause and drops the URL that net/http puts before it.
func transportCause(err error) error {
	var u interface{ Unwrap() error }
	if errors.As(err, &u) && strings.HasPrefix(err.Error(), "Post ") {
		return u.Unwrap()
	}
	return err
}

// searchRead reads the fields of records that match a domain, in order.
func (t *Client) searchRead(ctx context.Context, op, model string, domain []any, limit int, order []any, fields []string, out any) error {
	return t.do(ctx, call{op: op, method: "model." + model + ".search_read",
		params: []any{domain, 0, limit, order, fields}, out: out})
}

// read reads the fields of records by id.
func (t *Client) read(ctx context.Context, op, model string, ids []int64, fields []string, out any) error {
	return t.do(ctx, call{op: op, method: "model." + model + ".read", params: []any{ids, fields}, out: out})
}

// byID is the order of a list that is read as a whole.
var byID = []any{[]any{"id", "ASC"}}

// Ping asks for the preferences of the user: the smallest call that needs a session.
func (t *Client) Ping(ctx context.Context) error {
	return t.send(ctx, call{op: "ping", method: "model.res.user.get_preferences", params: []any{true}}, values{})
}

// preferences are the user's own settings.
type preferences struct {
	Company int64 `json:"company"`
}

func (p preferences) company(t *Client) int64 {
	if id, err := parseID(t.company.id); err == nil {
		return id
	}
	return p.Company
}

// preferences are read once; without them no call knows its company.
func (t *Client) preferences(ctx context.Context) (preferences, error) {
	if t.company.id != "" {
		return preferences{}, nil
	}
	if p, ok := t.shared.prefs.Get(""); ok {
		return p, nil
	}
	var p preferences
	c := call{op: "read preferences", method: "model.res.user.get_preferences", params: []any{true}, out: &p}
	if err := t.send(ctx, c, values{}); err != nil {
		return p, err
	}
	if p.Company == 0 {
		return p, commerce.Errorf(commerce.KindInvalid, system, c.op, "the user has no company; set Config.Company")
	}
	t.shared.prefs.Put("", p)
	return p, nil
}

// companyID is the id of the company that the client speaks for.
func (t *Client) companyID(ctx context.Context) (int64, error) {
	p, err := t.preferences(ctx)
	return p.company(t), err
}

// serverNow is the server's clock as of its last answer, or ours where it has none.
func (t *Client) serverNow() time.Time {
	if at := t.session.clock(); !at.IsZero() {
		return at
	}
	return t.c.Now()
}
