package nopcommercetest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// answer is what a request is answered with.
type answer struct {
	status      int
	body        []byte
	contentType string // empty = JSON
	header      http.Header
}

// failure is an answer that is no success.
type failure struct {
	status int
	body   any // nil = none
}

// problem is ASP.NET's 400 of an impossible id or parameter.
func problem(title string) *failure {
	return &failure{http.StatusBadRequest, obj{"type": "https://tools.ietf.org/html/rfc7231#section-6.5.1", "title": title, "status": 400}}
}

// notFound is a 404 whose body is a JSON text.
func notFound(format string, args ...any) *failure {
	return &failure{http.StatusNotFound, fmt.Sprintf(format, args...)}
}

// exception is the body of an error that the shop threw: of NopException as 400, of
// every other as 500, so that a 500 may be a refusal.
type exception struct {
	Message string  `json:"message"`
	Inner   *string `json:"inner_exception_message"`
	Stack   string  `json:"stack_trace"`
}

func business(message string) *failure {
	return &failure{http.StatusBadRequest, exception{Message: message}}
}

func refused(message string) *failure {
	return &failure{http.StatusInternalServerError, exception{Message: message}}
}

var (
	unauthorized = &failure{http.StatusUnauthorized, obj{"message": "Unauthorized"}}
	denied       = &failure{http.StatusForbidden, obj{"message": "Access denied."}}
)

// obj is a JSON object of an answer.
type obj = map[string]any

// route is one action of the official API.
type route struct {
	method string
	path   string // below /api-backend; {name} is a number, {ids} a list
	query  string // "pageIndex:int notifyCustomer:bool!"; ! = required
	body   bool   // takes a JSON body
	since  int    // the version that brought it, as 460; 0 = always
	serve  func(s *Shop, r *request) (any, *failure)
}

// request is a request as an action sees it.
type request struct {
	id    int // the first number of the path
	last  int // the second
	ids   []int
	guids []string
	query map[string]string // names in lower case
	body  []byte
}

func (r *request) text(name string) string { return r.query[strings.ToLower(name)] }
func (r *request) has(name string) bool    { return r.text(name) != "" }

// number, yes, date and amount read what dispatch has checked; absent is the default.
func (r *request) number(name string) int {
	n, _ := strconv.Atoi(r.text(name))
	return n
}

func (r *request) yes(name string) bool {
	b, _ := strconv.ParseBool(strings.ToLower(r.text(name)))
	return b
}

func (r *request) date(name string) time.Time {
	t, _ := parseDate(r.text(name))
	return t
}

func (r *request) amount(name string) Amount {
	a, _ := ParseAmount(r.text(name))
	return a
}

func (r *request) list(name string) []int { return splitIDs(r.text(name)) }

// splitIDs reads "10;20"; what is no number is dropped.
func splitIDs(s string) []int {
	ids := []int{}
	for part := range strings.SplitSeq(s, ";") {
		if n, err := strconv.Atoi(strings.TrimSpace(part)); err == nil {
			ids = append(ids, n)
		}
	}
	return ids
}

// decode reads a body; a missing member is zero.
func decode[T any](r *request) (v T, f *failure) {
	if err := json.Unmarshal(r.body, &v); err != nil {
		return v, problem("One or more validation errors occurred.")
	}
	if c, ok := any(&v).(interface {
		custom() *map[string]json.RawMessage
	}); ok {
		if err := json.Unmarshal(r.body, c.custom()); err != nil {
			return v, problem("One or more validation errors occurred.")
		}
	}
	return v, nil
}

// answer works on one request. s.mu is held.
func (s *Shop) answer(r *http.Request, body []byte) answer {
	path := strings.TrimSuffix(r.URL.Path, "/")
	if a, ok := s.document(r.Method, path); ok {
		return a
	}
	if rest, ok := strings.CutPrefix(path, "/api-backend"); ok && s.c.API != Community {
		s.by = ByAPI
		v, f := s.dispatch(r, rest, body)
		return s.encode(v, f)
	}
	if s.c.API != Official {
		if a, ok := s.community(r, path, body); ok {
			return a
		}
	}
	return answer{http.StatusNotFound, []byte("<!DOCTYPE html>\n<html lang=\"en\"><head><title>Page not found</title></head><body></body></html>"), "text/html; charset=utf-8", nil}
}

func (s *Shop) encode(v any, f *failure) answer {
	status := http.StatusOK
	if f != nil {
		status, v = f.status, f.body
		if e, ok := v.(exception); ok && s.c.DeveloperMode {
			e.Stack = "   at Nop.Services.Orders.OrderProcessingService"
			v = e
		}
	}
	if v == nil {
		return answer{status: status}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return answer{http.StatusInternalServerError, []byte(err.Error()), "text/plain", nil}
	}
	return answer{status: status, body: bytes.TrimSpace(b.Bytes())}
}

// page is the envelope of a list that is given out in pages.
type page[T any] struct {
	TotalCount int  `json:"total_count"`
	TotalPages int  `json:"total_pages"`
	Previous   bool `json:"has_previous_page"`
	Next       bool `json:"has_next_page"`
	Items      []T  `json:"items"`
	Index      int  `json:"page_index"`
	Size       int  `json:"page_size"`
}

// paged cuts a page out of rows; without pageSize it is as large as can be.
func paged[T any](r *request, rows []T) (any, *failure) {
	return pick(r, func(take func(T)) {
		for _, row := range rows {
			take(row)
		}
	})
}

// pick makes a page of the rows that all hands to take.
func pick[T any](r *request, all func(take func(T))) (any, *failure) {
	size := cmp.Or(r.number("pageSize"), 2147483647)
	index := r.number("pageIndex")
	if index < 0 || size < 0 {
		return nil, problem("One or more validation errors occurred.")
	}
	p := page[T]{Index: index, Size: size, Items: []T{}}
	some := !r.yes("getOnlyTotalCount")
	all(func(row T) {
		if some && p.TotalCount >= index*size && len(p.Items) < size {
			p.Items = append(p.Items, row)
		}
		p.TotalCount++
	})
	p.TotalPages = (p.TotalCount + size - 1) / size
	p.Previous, p.Next = index > 0, index+1 < p.TotalPages
	return p, nil
}

func (s *Shop) dispatch(r *http.Request, path string, body []byte) (any, *failure) {
	rt, req := s.find(r.Method, path)
	if rt == nil {
		return nil, &failure{status: http.StatusNotFound}
	}
	if path != tokenPath {
		if f := s.authorize(r); f != nil {
			return nil, f
		}
	}
	req.query = parseQuery(r.URL.RawQuery, strings.ToLower)
	if f := rt.check(req.query); f != nil {
		return nil, f
	}
	if rt.body {
		mt, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || !slices.Contains([]string{"application/json", "application/json-patch+json", "text/json", "application/*+json"}, mt) {
			return nil, &failure{http.StatusUnsupportedMediaType, obj{"title": "Unsupported Media Type", "status": 415}}
		}
		if !json.Valid(body) {
			return nil, problem("One or more validation errors occurred.")
		}
		req.body = body
	}
	return rt.serve(s, req)
}

// parseQuery reads a query as ASP.NET does, where a semicolon is like any letter; values
// of one name are joined by commas.
func parseQuery(raw string, name func(string) string) map[string]string {
	out := map[string]string{}
	for part := range strings.SplitSeq(raw, "&") {
		key, value, _ := strings.Cut(part, "=")
		k, err1 := url.QueryUnescape(key)
		v, err2 := url.QueryUnescape(value)
		if k = name(k); k == "" || err1 != nil || err2 != nil {
			continue
		}
		if before, ok := out[k]; ok {
			v = before + "," + v
		}
		out[k] = v
	}
	return out
}

// check refuses parameters that are missing or of the wrong type.
func (rt *route) check(query map[string]string) *failure {
	for _, p := range rt.parameters() {
		v := query[strings.ToLower(p.name)]
		if v == "" {
			if p.required {
				return problem("One or more validation errors occurred.")
			}
			continue
		}
		var err error
		switch p.kind {
		case "int":
			_, err = strconv.ParseInt(v, 10, 32)
		case "bool":
			if v = strings.ToLower(v); v != "true" && v != "false" {
				err = strconv.ErrSyntax
			}
		case "date":
			_, err = parseDate(v)
		case "num":
			_, err = ParseAmount(v)
		case "guid":
			if !guidPattern.MatchString(v) {
				err = strconv.ErrSyntax
			}
		case "text":
		default: // an enum: a name or a number
			if _, ok := enums[p.kind].read(v); !ok {
				err = strconv.ErrSyntax
			}
		}
		if err != nil {
			return problem("One or more validation errors occurred.")
		}
	}
	return nil
}

var guidPattern = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// parameter is one of a query.
type parameter struct {
	name, kind string
	required   bool
}

func (rt *route) parameters() (all []parameter) {
	for _, f := range strings.Fields(rt.query) {
		name, kind, _ := strings.Cut(f, ":")
		kind, required := strings.CutSuffix(kind, "!")
		all = append(all, parameter{name, kind, required})
	}
	return all
}

// find returns the route of a path, and what the path says. Names are alike in any case.
func (s *Shop) find(method, path string) (*route, *request) {
	parts := strings.Split(path, "/")
	for i := range routes {
		rt, req := &routes[i], &request{}
		want := strings.Split(rt.path, "/")
		if rt.method != method || len(want) != len(parts) || rt.since > s.version {
			continue
		}
		if req.take(want, parts) {
			return rt, req
		}
	}
	return nil, nil
}

// take reads a path and reports whether it fits.
func (req *request) take(want, parts []string) bool {
	numbers := 0
	for j := range want {
		switch want[j] {
		case "{ids}":
			req.ids = splitIDs(parts[j])
			continue
		case "{guids}":
			req.guids = strings.Split(strings.ToLower(parts[j]), ";")
			continue
		}
		if !strings.HasPrefix(want[j], "{") {
			if !strings.EqualFold(want[j], parts[j]) {
				return false
			}
			continue
		}
		n, err := strconv.ParseInt(parts[j], 10, 32)
		if err != nil {
			return false
		}
		if numbers++; numbers == 1 {
			req.id = int(n)
		} else {
			req.last = int(n)
		}
	}
	return true
}
