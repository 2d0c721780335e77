package magento_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/resilience"
)

// How an exchange took part in the replay.
const (
	full       = "request and answer"
	answerOnly = "answer only: the client never sends this request"
	refused    = "refused before it is sent"
)

// TestTheClientReplaysEveryRecordedExchange sends what was recorded through the
// client: the same request on the wire where the client would send it, and the answer
// or the error decoded. It goes by routes and never by the number or the name of a
// recording, so that it takes any folder of them.
func TestTheClientReplaysEveryRecordedExchange(t *testing.T) {
	t.Parallel()
	for _, dir := range folders() {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			seen := map[string][]string{}
			aside := map[string][]string{}
			back := map[string]int{}
			for _, rec := range recordings(t, dir) {
				how, reason := replay(t, rec)
				if moneyBack.MatchString(rec.Request.Path) {
					require.Empty(t, reason, rec.file)
					back[how]++
				}
				if reason != "" {
					aside[reason] = append(aside[reason], rec.file)
					continue
				}
				seen[how] = append(seen[how], rec.file)
			}
			for _, how := range []string{full, answerOnly, refused} {
				t.Logf("%4d %s", len(seen[how]), how)
			}
			t.Logf("of refunds, credit memos, holds and cancels: %v", back)
			t.Logf("answer only:\n%s", strings.Join(seen[answerOnly], "\n"))
			t.Logf("refused:\n%s", strings.Join(seen[refused], "\n"))
			for _, reason := range slices.Sorted(maps.Keys(aside)) {
				t.Logf("set aside, %d: %s:\n%s", len(aside[reason]), reason, strings.Join(aside[reason], "\n"))
			}
			require.NotEmpty(t, seen, "nothing was replayed")
		})
	}
}

// moneyBack are the routes of refunds, credit memos, holds and cancels, of which none is
// set aside.
var moneyBack = regexp.MustCompile(`/(refund|creditmemos?|hold|unhold|cancel)(/|$)`)

// exchange is one recording on its way through the client.
type exchange struct {
	t    *testing.T
	rec  recording
	path string   // below /V1
	part []string // what the route's pattern caught in it
	c    *magento.Client

	reads   map[string]string // answers to the other GETs that the client makes, by path
	sent    bool              // the client sent what was recorded
	lenient bool              // whatever is asked gets the recorded answer
}

// route is a kind of exchange that the client knows.
type route struct {
	method, path string // path is a pattern
	// say calls the client; ok is false where the client has no words for the request.
	say func(e *exchange) (got any, err error, ok bool)
	// answer is what a good answer decodes into, where the client does not say the
	// request.
	answer any
}

// replay returns how an exchange took part, or why it did not.
func replay(t *testing.T, rec recording) (how, aside string) {
	t.Helper()
	store, path := rec.split()
	e := &exchange{t: t, rec: rec, path: path, reads: map[string]string{}}
	if rec.Request.Method == http.MethodHead {
		return "", "the client sends no HEAD"
	}
	var err error
	e.c, err = magento.NewClient(magento.Config{BaseURL: "http://127.0.0.1:38080", Store: store, Transport: e,
		Credentials: commerce.Static(magento.Keys{Bearer: commerce.NewSecret("admin-token")}),
		Resilience:  resilience.Config{Retry: resilience.Retry{Attempts: 1}, Breaker: resilience.Breaker{Off: true}}})
	require.NoError(t, err, rec.file)
	for _, r := range routes {
		if r.method != rec.Request.Method {
			continue
		}
		if e.part = pattern(r.path).FindStringSubmatch(path); e.part == nil {
			continue
		}
		if r.say != nil && ordinary(rec) {
			got, err, ok := r.say(e)
			switch {
			case !ok:
			case !e.sent:
				require.Error(t, err, rec.file)
				if rec.Request.Method != http.MethodGet {
					require.True(t, commerce.SafeToRetry(err), rec.file)
				}
				return refused, ""
			case e.rec.Response.Status >= 300:
				requireError(t, rec, err)
				return full, ""
			default:
				require.NoError(t, err, rec.file)
				if got != nil {
					requireDecoded(t, rec.file, reflect.ValueOf(got), e.rec.answered(t))
				}
				return full, ""
			}
		}
		if rec.Response.Status < 300 && r.answer != nil {
			into := reflect.New(reflect.TypeOf(r.answer))
			require.NoError(t, magento.Decode(rec.Response.Body, into.Interface()), rec.file)
			requireDecoded(t, rec.file, into.Elem(), rec.answered(t))
			return answerOnly, ""
		}
		break
	}
	if rec.Response.Status >= 400 {
		e.lenient = true
		rec.Request.Method = http.MethodGet
		requireError(t, rec, e.c.Ping(t.Context()))
		return answerOnly, ""
	}
	return "", apart(path)
}

var patterns sync.Map // compiled once for all recordings

func pattern(path string) *regexp.Regexp {
	p, ok := patterns.Load(path)
	if !ok {
		p, _ = patterns.LoadOrStore(path, regexp.MustCompile("^"+path+"$"))
	}
	return p.(*regexp.Regexp)
}

// ordinary reports whether a request has the headers that the client sends, and a query
// only where it reads.
func ordinary(rec recording) bool {
	h, read := rec.Request.Headers, rec.Request.Method == http.MethodGet
	return !strings.HasPrefix(rec.Request.Path, "/rest/") ||
		(h["Accept"] == "" || h["Accept"] == "application/json") && (read || rec.Request.Query == "") &&
			(len(rec.Request.Body) == 0 || h["Content-Type"] == "application/json")
}

// apart says why a good answer takes no part.
func apart(path string) string {
	for prefix, reason := range map[string]string{
		"/guest-carts": "carts: orders are placed in the shop", "/carts": "carts: orders are placed in the shop",
		"/bulk": "asynchronous and bulk routes come with the catalogue", "/rest/": "asynchronous and bulk routes come with the catalogue",
		"/products": "prices, products and stock are written by a client of the catalogue", "/inventory": "prices, products and stock are written by a client of the catalogue",
		"/stockItems": "prices, products and stock are written by a client of the catalogue",
	} {
		if strings.HasPrefix(path, prefix) {
			return reason
		}
	}
	return "a route that this client does not speak"
}

// RoundTrip is a shop that answers one recorded exchange, and the reads around it.
func (e *exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	if e.lenient {
		e.sent = true
		return e.rec.answer(r), nil
	}
	other := recording{}
	other.Request.Path = r.URL.Path
	_, path := other.split()
	want := e.rec.Request
	if r.Method == http.MethodGet && (want.Method != http.MethodGet || r.URL.Path != want.Path) {
		body, ok := e.reads[path]
		if !ok {
			return nil, fmt.Errorf("%s: unexpected read of %s", e.rec.file, path)
		}
		return reply(r, body), nil
	}
	require.Equal(e.t, want.Method, r.Method, e.rec.file)
	require.Equal(e.t, want.Path, r.URL.Path, e.rec.file)
	require.Equal(e.t, "application/json", r.Header.Get("Accept"), e.rec.file)
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	if !e.sent {
		require.Equal(e.t, asked(want.Query), asked(r.URL.RawQuery), e.rec.file)
		require.Equal(e.t, meaning(e.t, want.Body), meaning(e.t, body), e.rec.file)
	}
	require.Equal(e.t, len(body) > 0, r.Header.Get("Content-Type") == "application/json", e.rec.file)
	if r.Method != http.MethodGet {
		require.Empty(e.t, r.URL.RawQuery, "a write has no query")
	}
	e.sent = true
	return e.rec.answer(r), nil
}

// id is the number that the route's pattern caught at a place.
func (e *exchange) id(n int) magento.ID {
	id, err := magento.ParseID(e.part[n])
	require.NoError(e.t, err, e.rec.file)
	return id
}

// said decodes the recorded body; false where it says what no parameter is for.
func (e *exchange) said(into any) bool {
	d := json.NewDecoder(strings.NewReader(string(e.rec.Request.Body)))
	d.DisallowUnknownFields()
	return len(e.rec.Request.Body) > 0 && d.Decode(into) == nil
}

// made is the number in the answer to a write.
func (e *exchange) made() string {
	var id magento.ID
	_ = json.Unmarshal(e.rec.Response.Body, &id)
	return id.String()
}

// fields are the parts of fields= in the recorded query.
func (e *exchange) fields() []string {
	var out []string
	depth, start := 0, 0
	all := query(e.rec.Request.Query).Get("fields")
	for i, c := range all + "," {
		switch {
		case c == '[':
			depth++
		case c == ']':
			depth--
		case c == ',' && depth == 0 && i > start:
			out = append(out, all[start:i])
		}
		if c == ',' && depth == 0 {
			start = i + 1
		}
	}
	return out
}

// query reads a query as Magento does: a plus is a plus.
func query(raw string) url.Values {
	out := url.Values{}
	for part := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		n, _ := url.PathUnescape(name)
		v, _ := url.PathUnescape(value)
		n = strings.NewReplacer("search_criteria", "searchCriteria", "filterGroups", "filter_groups", "conditionType", "condition_type",
			"sort_orders", "sortOrders", "page_size", "pageSize", "current_page", "currentPage").Replace(n)
		out.Add(n, v)
	}
	return out
}

// asked are the parameters of a query that say which rows are meant, without how many,
// in which order and which fields of them.
func asked(raw string) url.Values {
	out := url.Values{}
	for name, values := range query(raw) {
		if strings.HasSuffix(name, "[field]") && strings.Contains(name, "[filters]") {
			condition := strings.TrimSuffix(name, "[field]") + "[condition_type]"
			if out.Get(condition) == "" {
				out.Set(condition, "eq") // what Magento takes for none
			}
		}
		if strings.Contains(name, "[filters]") || strings.HasPrefix(name, "storeCodes") {
			out[name] = values
		}
	}
	return out
}

// requireError says what every recorded refusal has to become.
func requireError(t *testing.T, rec recording, err error) {
	t.Helper()
	var e *commerce.Error
	require.ErrorAs(t, err, &e, rec.file)
	require.Equal(t, rec.Response.Status, e.Status, rec.file)
	var said struct {
		Message    string
		Parameters json.RawMessage
	}
	_ = json.Unmarshal(rec.Response.Body, &said)
	kind := commerce.KindInvalid
	switch status := rec.Response.Status; {
	case status == 401:
		kind = commerce.KindAuth
	case status == 403:
		kind = commerce.KindForbidden
	case status == 404 && said.Message != "" && said.Message != "Request does not match any route.":
		kind = commerce.KindNotFound
	case status == 429:
		kind = commerce.KindRateLimited
	case status == 500 && said.Message != "":
		kind = commerce.KindInternal
		require.Equal(t, strings.Contains(said.Message, "webapi-"), e.RequestID != "", rec.file)
	case status >= 500, status == 408:
		kind = commerce.KindUnavailable
	}
	require.Equal(t, kind, e.Kind, rec.file)
	if rec.Request.Method == http.MethodGet {
		require.Empty(t, e.Outcome, rec.file)
	} else if rec.Response.Status < 500 {
		require.Equal(t, commerce.NotSent, e.Outcome, rec.file)
	} else {
		require.Equal(t, commerce.Unknown, e.Outcome, rec.file)
	}
	if len(said.Parameters) > 0 && string(said.Parameters) != "[]" {
		require.NotRegexp(t, `%(\d|[a-z]\w*)`, e.Text, "%s: a placeholder is left", rec.file)
	}
	head, _, _ := strings.Cut(said.Message, "%")
	head = strings.Join(strings.Fields(head), " ")
	if !strings.Contains(head, "@") && len(head) < 250 {
		require.Contains(t, e.Text, head, rec.file)
	}
}
