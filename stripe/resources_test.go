package stripe_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/stripe"
)

// far is a far side of one handler, with the requests that it saw.
type far struct {
	answer func(n int, r *http.Request) (*http.Response, error)
	seen   []*http.Request
}

func (f *far) RoundTrip(r *http.Request) (*http.Response, error) {
	f.seen = append(f.seen, r)
	return f.answer(len(f.seen), r)
}

func respond(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body))}
}

// methods calls f with every method of every service.
func methods(t *testing.T, client *stripe.Client, f func(name string, method reflect.Value)) {
	t.Helper()
	v := reflect.ValueOf(client).Elem()
	n := 0
	for i := range v.NumField() {
		if field := v.Type().Field(i); field.IsExported() {
			for j := range v.Field(i).NumMethod() {
				f(field.Name+"."+v.Field(i).Type().Method(j).Name, v.Field(i).Method(j))
				n++
			}
		}
	}
	require.Greater(t, n, 100)
}

// Nothing that changes something can be sent without a key, whatever it is called.
func TestEveryMethodThatSendsAWriteNeedsAKey(t *testing.T) {
	t.Parallel()
	writes := 0
	server := &far{answer: func(_ int, r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodGet {
			writes++
		}
		return respond(http.StatusOK, `{"object":"list","data":[],"has_more":false}`), nil
	}}
	client := newClient(t, stripe.Config{Transport: server})
	refused := 0
	methods(t, client, func(name string, method reflect.Value) {
		args := []reflect.Value{reflect.ValueOf(t.Context())}
		for i := 1; i < method.Type().NumIn(); i++ {
			switch in := method.Type().In(i); {
			case method.Type().IsVariadic() && i == method.Type().NumIn()-1:
			case in.Kind() == reflect.String:
				args = append(args, reflect.ValueOf("x_1"))
			case in == reflect.TypeFor[*stripe.Event]():
				args = append(args, reflect.ValueOf(&stripe.Event{}))
			default:
				args = append(args, reflect.Zero(in))
			}
		}
		out := method.Call(args)
		if err, ok := out[len(out)-1].Interface().(error); ok {
			if ours, ok := err.(*commerce.Error); ok && ours.Code == "idempotency_key_missing" {
				require.Equal(t, commerce.NotSent, ours.Outcome, name)
				refused++
			}
		}
	})
	require.Zero(t, writes)
	require.Greater(t, refused, 40)
}

// No amount can pass through a float on its way to Stripe.
func TestNoParametersCarryAFloat(t *testing.T) {
	t.Parallel()
	client := newClient(t, stripe.Config{Transport: &far{}})
	methods(t, client, func(name string, method reflect.Value) {
		for i := 1; i < method.Type().NumIn(); i++ {
			noFloat(t, name, method.Type().In(i), map[reflect.Type]bool{})
		}
		for i := range method.Type().NumOut() {
			noFloat(t, name, method.Type().Out(i), map[reflect.Type]bool{})
		}
	})
}

func noFloat(t *testing.T, path string, of reflect.Type, seen map[reflect.Type]bool) {
	t.Helper()
	if seen[of] {
		return
	}
	seen[of] = true
	switch of.Kind() {
	case reflect.Float32, reflect.Float64:
		t.Errorf("%s is a float", path)
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Array:
		noFloat(t, path, of.Elem(), seen)
	case reflect.Func:
		for i := range of.NumIn() {
			noFloat(t, path, of.In(i), seen)
		}
	case reflect.Struct:
		for i := range of.NumField() {
			noFloat(t, path+"."+of.Field(i).Name, of.Field(i).Type, seen)
		}
	}
}

func TestADeletionWhoseAnswerWasLostIsUnknownWhenTheNextOneFindsNothing(t *testing.T) {
	t.Parallel()
	key := &stripe.DeleteParams{}
	key.SetIdempotencyKey("k")
	for name, tc := range map[string]struct {
		answer  func(n int, r *http.Request) (*http.Response, error)
		kind    error
		outcome commerce.Outcome
	}{
		"it is gone": {func(int, *http.Request) (*http.Response, error) {
			return respond(200, `{"id":"cus_1","object":"customer","deleted":true}`), nil
		}, nil, commerce.Done},
		"it was never there": {func(int, *http.Request) (*http.Response, error) {
			return respond(404, `{"error":{"type":"invalid_request_error","code":"resource_missing"}}`), nil
		}, commerce.ErrNotFound, commerce.NotSent},
		"the answer was lost": {func(n int, _ *http.Request) (*http.Response, error) {
			if n == 1 {
				return nil, io.ErrUnexpectedEOF
			}
			return respond(404, `{"error":{"type":"invalid_request_error","code":"resource_missing"}}`), nil
		}, commerce.ErrNotFound, commerce.Unknown},
		"the answer says nothing": {func(int, *http.Request) (*http.Response, error) {
			return respond(200, `{"id":"cus_1","object":"customer"}`), nil
		}, commerce.ErrUnavailable, commerce.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &far{answer: tc.answer}
			err := newClient(t, stripe.Config{Transport: server}).Customers.Delete(t.Context(), "cus_1", key)
			require.Equal(t, http.MethodDelete, server.seen[0].Method)
			require.Equal(t, "/v1/customers/cus_1", server.seen[0].URL.Path)
			if tc.kind == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, tc.kind)
			require.Equal(t, tc.outcome, err.(*commerce.Error).Outcome)
		})
	}
}

func TestASearchGoesOverPagesAndEndsInOneError(t *testing.T) {
	t.Parallel()
	const data = `{"object":"search_result","data":[{"object":"customer","id":"cus_%d","created":1,"livemode":true}],"has_more":%t,"next_page":%s}`
	server := &far{}
	run := func(search iter.Seq2[stripe.Customer, error]) (ids []string, last error) {
		server.seen = nil
		for c, err := range search {
			if last = err; err == nil {
				ids = append(ids, c.ID)
			}
		}
		return ids, last
	}
	client := newClient(t, stripe.Config{Transport: server, MaxPages: 3})
	server.answer = func(n int, r *http.Request) (*http.Response, error) {
		require.Equal(t, "email:'a@b'", r.URL.Query().Get("query"))
		require.Equal(t, "data.subscriptions", r.URL.Query().Get("expand[0]"))
		require.Equal(t, n > 1, r.URL.Query().Has("page"))
		return respond(200, fmt.Sprintf(data, n, n < 3, map[bool]string{true: `"p"`, false: "null"}[n < 3])), nil
	}
	ids, err := run(client.Customers.Search(t.Context(), "email:'a@b'", "subscriptions"))
	require.NoError(t, err)
	require.Equal(t, []string{"cus_1", "cus_2", "cus_3"}, ids)

	server.answer = func(n int, _ *http.Request) (*http.Response, error) {
		return respond(200, fmt.Sprintf(data, n, true, `"p"`)), nil
	}
	ids, err = run(client.Customers.Search(t.Context(), "x"))
	require.ErrorIs(t, err, commerce.ErrLimit)
	require.Len(t, ids, 3)

	server.answer = func(n int, _ *http.Request) (*http.Response, error) {
		return respond(200, fmt.Sprintf(data, n, true, "null")), nil
	}
	ids, err = run(client.Customers.Search(t.Context(), "x"))
	var gap *stripe.GapError
	require.ErrorAs(t, err, &gap)
	require.Equal(t, "next_page", gap.Field)
	require.Len(t, ids, 1)

	_, err = run(client.Customers.Search(t.Context(), ""))
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.Empty(t, server.seen)
}

func TestAReportIsStreamedWholeOrIsAnError(t *testing.T) {
	t.Parallel()
	const csv = "automatic_payout_id,net\npo_1,12.06\n"
	run := func(url string, size int) *stripe.ReportRun {
		var r stripe.ReportRun
		require.NoError(t, json.Unmarshal(fmt.Appendf(nil, `{"id":"frr_1","created":1,"livemode":true,"report_type":"x","status":"succeeded",
			"result":{"id":"file_1","size":%d,"url":%q}}`, size, url), &r))
		return &r
	}
	const at = "https://files.stripe.com/v1/files/file_1/contents"
	plain := func(status int, body string) func(int, *http.Request) (*http.Response, error) {
		return func(int, *http.Request) (*http.Response, error) { return respond(status, body), nil }
	}
	for _, tc := range []struct {
		name     string
		run      *stripe.ReportRun
		answer   func(n int, r *http.Request) (*http.Response, error)
		kind     error // nil = whole
		attempts int
	}{
		{"it is whole", run(at, len(csv)), plain(200, csv), nil, 1},
		{"the first attempt met a full house", run(at, len(csv)), func(n int, _ *http.Request) (*http.Response, error) {
			if n == 1 {
				return respond(429, `{"error":{"type":"invalid_request_error"}}`), nil
			}
			return respond(200, csv), nil
		}, nil, 2},
		{"it ends early", run(at, len(csv)+1), plain(200, csv), commerce.ErrUnavailable, 1},
		{"it goes on", run(at, len(csv)-1), plain(200, csv), commerce.ErrUnavailable, 1},
		{"it is too long", run(at, 2000), plain(200, csv), commerce.ErrLimit, 0},
		{"the connection breaks", run(at, len(csv)), func(int, *http.Request) (*http.Response, error) {
			r := respond(200, "")
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader(csv[:9]), cut{}))
			return r, nil
		}, commerce.ErrUnavailable, 1},
		{"it is gone", run(at, len(csv)), plain(404, `{"error":{"type":"invalid_request_error"}}`), commerce.ErrNotFound, 1},
		{"it moved to another host", run(at, len(csv)), func(int, *http.Request) (*http.Response, error) {
			r := respond(302, "")
			r.Header.Set("Location", "https://evil.example/")
			return r, nil
		}, commerce.ErrUnavailable, 1},
		{"it is at another host", run("https://files.stripe.com.evil.example/f", len(csv)), nil, commerce.ErrInvalid, 0},
		{"it is at the same host in clear", run("http://files.stripe.com/f", len(csv)), nil, commerce.ErrInvalid, 0},
		{"there is none yet", &stripe.ReportRun{ID: "frr_1"}, nil, commerce.ErrInvalid, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			server := &far{answer: tc.answer}
			client := newClient(t, stripe.Config{Transport: server, MaxReport: 1000, Account: "acct_1"})
			got, err := download(t.Context(), client, tc.run)
			require.Len(t, server.seen, tc.attempts)
			for _, r := range server.seen {
				require.Equal(t, "files.stripe.com", r.URL.Host)
				require.Equal(t, "Bearer sk_test_1", r.Header.Get("Authorization"))
				require.Equal(t, "acct_1", r.Header.Get("Stripe-Account"))
			}
			if tc.kind == nil {
				require.NoError(t, err)
				require.Equal(t, csv, got)
				return
			}
			require.ErrorIs(t, err, tc.kind)
			require.NotContains(t, err.Error(), "sk_test")
		})
	}
}

func download(ctx context.Context, client *stripe.Client, run *stripe.ReportRun) (string, error) {
	file, err := client.Reports.Download(ctx, run)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	b, err := io.ReadAll(file)
	return string(b), err
}

// cut is a connection that breaks.
type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Files have a breaker of their own: the API may be called while they are ill.
func TestIllFilesDoNotStopTheAPI(t *testing.T) {
	t.Parallel()
	server := &far{answer: func(_ int, r *http.Request) (*http.Response, error) {
		if r.URL.Host == "files.stripe.com" {
			return nil, io.ErrUnexpectedEOF
		}
		return respond(200, `{"object":"balance","livemode":false,"available":[],"pending":[]}`), nil
	}}
	client := newClient(t, stripe.Config{Transport: server, Resilience: resilience.Config{
		Retry: resilience.Retry{Attempts: 1}, Breaker: resilience.Breaker{Failures: 1, Roots: 1}}})
	run := &stripe.ReportRun{ID: "frr_1", Result: &stripe.ReportFile{Size: 1, URL: "https://files.stripe.com/f"}}
	for range 3 {
		_, err := client.Reports.Download(t.Context(), run)
		require.Error(t, err)
	}
	require.Len(t, server.seen, 1, "the breaker of the files is open")
	_, err := client.Balance.Get(t.Context())
	require.NoError(t, err)
}

func TestASigningSecretIsReadOnceAndSealedInRaw(t *testing.T) {
	t.Parallel()
	server := &far{answer: func(int, *http.Request) (*http.Response, error) {
		return respond(200, `{"id":"we_1","object":"webhook_endpoint","created":1,"livemode":true,"url":"https://shop.example/hooks",
			"status":"enabled","enabled_events":["*"],"api_version":null,"secret":"whsec_9"}`), nil
	}}
	params := &stripe.WebhookEndpointParams{URL: new("https://shop.example/hooks"), EnabledEvents: []*string{new("*")}}
	params.SetIdempotencyKey("k")
	endpoint, err := newClient(t, stripe.Config{Transport: server}).WebhookEndpoints.Create(t.Context(), params)
	require.NoError(t, err)
	require.Equal(t, "whsec_9", endpoint.Secret.Reveal())
	require.NotContains(t, string(endpoint.Raw), "whsec_9")
	require.True(t, json.Valid(endpoint.Raw))
	require.NotContains(t, fmt.Sprintf("%+v", endpoint), "whsec_9")
}

func TestTheOriginOfABalanceTransactionIsItsExpandedSource(t *testing.T) {
	t.Parallel()
	const txn = `{"id":"txn_1","created":1,"available_on":2,"amount":1,"fee":0,"net":1,"currency":"eur","type":"refund","source":%s}`
	for source, want := range map[string]any{
		`"re_1"`: nil, `null`: nil, `{"object":"tulip","id":"tul_1"}`: nil,
		`{"object":"refund","id":"re_1","created":1,"amount":1,"currency":"eur"}`: &stripe.Refund{},
	} {
		var b stripe.BalanceTransaction
		require.NoError(t, json.Unmarshal(fmt.Appendf(nil, txn, source), &b))
		got, err := b.Origin()
		require.NoError(t, err)
		require.IsType(t, want, got)
	}
	var b stripe.BalanceTransaction
	require.NoError(t, json.Unmarshal(fmt.Appendf(nil, txn, `{"object":"refund","id":"re_1"}`), &b))
	_, err := b.Origin()
	var gap *stripe.GapError
	require.ErrorAs(t, err, &gap)
}
