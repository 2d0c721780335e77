package nopcommerce

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
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// param is one parameter of a query; an empty value leaves it out.
type param struct{ name, value string }

type params []param

func (p params) encode() string {
	var b strings.Builder
	for _, one := range p {
		if one.value == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(one.name) + "=" + url.QueryEscape(one.value))
	}
	return b.String()
}

// moment writes a bound of a query. The Z says that it is UTC.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timeLayout) + "Z"
}

// number leaves out 0, which means any.
func number[T ~int | ~int64](n T) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(int64(n), 10)
}

func yes(b bool) string {
	if b {
		return "true"
	}
	return ""
}

// call is one request in the shop's words.
type call struct {
	op      string // for errors
	method  string
	path    string // below the API's prefix, escaped
	query   params
	body    any // sent as JSON; nil sends none
	into    any // the answer is decoded into it; nil reads and forgets it
	writes  bool
	private bool // the answer to a failure may repeat what names a person
}

func (cl *Client) get(ctx context.Context, op, path string, q params, into any) error {
	_, err := cl.send(ctx, cl.guarded, call{op: op, method: http.MethodGet, path: path, query: q, into: into})
	return err
}

// find is a read by something that names a person.
func (cl *Client) find(ctx context.Context, op, path string, q params, into any) error {
	_, err := cl.send(ctx, cl.guarded, call{op: op, method: http.MethodGet, path: path, query: q, into: into, private: true})
	return err
}

// write is a call with an effect, whatever its method.
func (cl *Client) write(ctx context.Context, method, op, path string, q params, body, into any) error {
	_, err := cl.send(ctx, cl.guarded, call{op: op, method: method, path: path, query: q, body: body, into: into, writes: true})
	return err
}

type writesKey struct{}

// writes reports whether a request has an effect although it may be a GET.
func writes(ctx context.Context) bool {
	w, _ := ctx.Value(writesKey{}).(bool)
	return w
}

// send makes the request, reads the whole answer and decodes it. Every error is a
// *commerce.Error.
func (cl *Client) send(ctx context.Context, rt http.RoundTripper, c call) (http.Header, error) {
	ctx = context.WithValue(ctx, writesKey{}, c.writes)
	u := *cl.base
	path, err := url.PathUnescape(c.path)
	if err != nil {
		return nil, refuse(c.op, "", "the path can not be read")
	}
	u.RawPath = u.EscapedPath() + cl.c.API.prefix() + c.path
	u.Path += cl.c.API.prefix() + path
	u.RawQuery = c.query.encode()
	var body io.Reader
	if c.body != nil {
		b, ready := c.body.(json.RawMessage) // a row, which json.Marshal would rewrite
		if !ready {
			if b, err = json.Marshal(c.body); err != nil {
				return nil, refuse(c.op, "", "the request can not be written as JSON: %w", err)
			}
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, c.method, u.String(), body)
	if err != nil {
		return nil, refuse(c.op, "", "no request can be made: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if err := ctx.Err(); err != nil {
		e := roundTripError(c.op, c.writes, err)
		if c.writes {
			e.Outcome = commerce.NotSent
		}
		return nil, e
	}
	// The transport is used without an http.Client: redirects are answers here, and no
	// error carries an address with its query.
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return nil, roundTripError(c.op, c.writes, err)
	}
	defer resp.Body.Close()
	b, err := httpx.ReadAll(resp.Body, cl.c.MaxBody)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, answerError(c, resp, b, cl.c.Now())
	}
	if err != nil {
		return nil, bodyError(c.op, c.writes, resp.StatusCode, err)
	}
	if e := misplaced(c, resp, b); e != nil {
		return nil, e
	}
	if see, ok := ctx.Value(dateKey{}).(func(time.Time)); ok {
		if t, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			see(t.UTC())
		}
	}
	if c.into != nil {
		if err := json.Unmarshal(b, c.into); err != nil {
			return nil, bodyError(c.op, c.writes, resp.StatusCode, plainly(err))
		}
	}
	return resp.Header, nil
}

// misplaced finds an answer of 2xx that is not the shop's: from a cache, or a page where
// JSON or nothing belongs. What became of a write nobody knows then.
func misplaced(c call, resp *http.Response, b []byte) *commerce.Error {
	e := &commerce.Error{Kind: commerce.KindInternal, System: system, Op: c.op, Status: resp.StatusCode}
	if c.writes {
		e.Outcome = commerce.Unknown
	}
	age := resp.Header.Get("Age")
	empty := len(bytes.TrimSpace(b)) == 0
	switch {
	case age != "" && age != "0":
		e.Code, e.Text = CodeCached, "a cache answered in place of the shop; keep it from "+Official.prefix()+" and "+Community.prefix()
	case empty && c.into == nil:
		return nil
	case empty:
		e.Code, e.Text = CodeNotJSON, "the answer is empty"
	case !httpx.IsJSON(resp.Header):
		e.Code, e.Text = CodeNotJSON, "an answer of type \""+contentType(resp.Header)+"\" that is not the API's"
	default:
		return nil
	}
	return e
}

// plainly takes out of an error of decoding what it may hold of the answer.
func plainly(err error) error {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return errors.New(wrongType.Field + ": a value of another type")
	}
	return err
}
