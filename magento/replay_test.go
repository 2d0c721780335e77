package magento_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"path/filepath"
	"reflect"
	"regexp"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
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
// or the error decoded.
func TestTheClientReplaysEveryRecordedExchange(t *testing.T) {
	t.Parallel()
	for _, dir := range folders() {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			count := map[string]int{}
			var aside []string
			for _, rec := range recordings(t, dir) {
				how, reason := replay(t, rec)
				if reason != "" {
					aside = append(aside, rec.file+": "+reason)
					continue
				}
				count[how]++
			}
			for how, n := range count {
				t.Logf("%4d %s", n, how)
			}
			t.Logf("%4d set aside:\n%s", len(aside), strings.Join(aside, "\n"))
			require.NotZero(t, count[full]+count[answerOnly], "nothing was replayed")
		})
	}
}

// wire is a shop that answers one recorded exchange, and the reads around it.
type wire struct {
	t       *testing.T
	rec     recording
	path    string
	matched bool
	reads   map[string]string // answers to other GETs, by path below /V1
	lenient bool              // whatever is asked gets the recorded answer
	loose   bool              // the client may say it in other words; differs tells
	differs bool
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	_, path := recordingPath(r.URL.Path)
	if w.lenient {
		w.matched = true
		return w.rec.answer(r), nil
	}
	if r.Method == http.MethodGet && (w.rec.Request.Method != http.MethodGet || path != w.path) {
		body, ok := w.reads[path]
		if !ok {
			return nil, fmt.Errorf("unexpected read of %s", path)
		}
		if body == "" {
			return w.rec.answer(r), nil
		}
		return reply(r, body), nil
	}
	require.Equal(w.t, w.rec.Request.Method, r.Method, w.rec.file)
	require.Equal(w.t, w.rec.Request.Path, r.URL.Path, w.rec.file)
	require.Equal(w.t, "application/json", r.Header.Get("Accept"), w.rec.file)
	if !w.matched {
		want := filters(w.rec.Request.Query)
		if strings.Contains(w.rec.Request.Query, "criteria=all") {
			want = filters("")
		}
		require.Equal(w.t, want, filters(r.URL.RawQuery), w.rec.file)
	}
	if r.Method != http.MethodGet {
		var body []byte
		if r.Body != nil {
			body, _ = io.ReadAll(r.Body)
		}
		want, got := meaning(w.t, w.rec.Request.Body), meaning(w.t, body)
		if w.differs = w.loose && !assert.ObjectsAreEqual(want, got); !w.differs {
			require.Equal(w.t, want, got, w.rec.file)
		}
		require.Equal(w.t, len(body) > 0, r.Header.Get("Content-Type") == "application/json", w.rec.file)
	}
	w.matched = true
	return w.rec.answer(r), nil
}

func recordingPath(path string) (store, rest string) {
	r := recording{}
	r.Request.Path = path
	return r.split()
}

var (
	oneOrder = regexp.MustCompile(`^/orders/(\d+)$`)
	action   = regexp.MustCompile(`^/orders/(\d+)/(hold|unhold|cancel|comments)$`)
	document = regexp.MustCompile(`^/order/(\d+)/(invoice|ship)$`)
	refund   = regexp.MustCompile(`^/(order|invoice)/(\d+)/refund$`)
	oneOf    = regexp.MustCompile(`^/(invoices|shipment|creditmemo|transactions)/(\d+)$`)
)

// replay returns how an exchange took part, or why it did not.
func replay(t *testing.T, rec recording) (how, reason string) {
	t.Helper()
	store, path := rec.split()
	w := &wire{t: t, rec: rec, path: path, reads: map[string]string{}}
	if store == "all" && path == "/integration/admin/token" {
		return replayLogin(t, rec)
	}
	c, err := magento.NewClient(magento.Config{BaseURL: "http://127.0.0.1:38080", Store: store, Transport: w,
		Credentials: commerce.Static(magento.Keys{Bearer: commerce.NewSecret("admin-token")}),
		Resilience:  resilience.Config{Retry: resilience.Retry{Attempts: 1}, Breaker: resilience.Breaker{Off: true}}})
	require.NoError(t, err)
	ctx := t.Context()
	get, fields := rec.Request.Method == http.MethodGet, strings.Contains(rec.Request.Query, "fields=")

	switch {
	case rec.Request.Method == http.MethodHead:
		return "", "the client sends no HEAD"
	case strings.HasPrefix(path, "/oauth/"), path == "/callback":
		return replayHandshake(t, rec)
	case !inScope(path) && rec.Response.Status >= 400:
		return replayError(t, w, c)
	case strings.HasPrefix(path, "/guest-carts"):
		return "", "carts: orders are placed in the shop"
	case !inScope(path):
		return "", "asynchronous and bulk routes come with the catalogue"
	case get && rec.Response.Status < 300 && oneOrder.MatchString(path) && fields:
		w.lenient = true // the client asks for whole orders
		o, err := c.Orders.Get(ctx, id(path))
		return answerOnly, decoded(t, rec, o, err)
	case get && oneOrder.MatchString(path):
		o, err := c.Orders.Get(ctx, id(path))
		return checked(t, w, rec, o, err)
	case get && oneOf.MatchString(path):
		return replayOne(t, w, c)
	case get && (path == "/orders" || path == "/invoices" || path == "/shipments" || path == "/creditmemos" || path == "/transactions" ||
		path == "/orders/items" || path == "/products" || path == "/customers/search"):
		return replayList(t, w, c)
	case get && strings.HasSuffix(path, "/comments"):
		got, err := c.Orders.Comments(ctx, id(path))
		if rec.Response.Status < 300 {
			return full, decodedAs(t, rec, got, rec.sent(t).(map[string]any)["items"], err)
		}
		return checked(t, w, rec, nil, err)
	case strings.HasPrefix(path, "/customers"), strings.HasPrefix(path, "/customerGroups"):
		return replayCustomers(t, w, c)
	case get && (strings.HasPrefix(path, "/products/") || strings.HasPrefix(path, "/inventory/") || strings.HasPrefix(path, "/stockItems/")):
		return replayCatalogue(t, w, c)
	case get && strings.HasPrefix(path, "/directory/"):
		return replayDirectory(t, w, c)
	case get && path == "/modules":
		got, err := c.Stores.Modules(ctx)
		return checked(t, w, rec, got, err)
	case get && strings.HasPrefix(path, "/orders/items/"):
		got, err := c.Orders.Item(ctx, id(path))
		return checked(t, w, rec, got, err)
	case rec.Request.Method == http.MethodPut && oneOrder.MatchString(path):
		return replayAddress(t, w, c)
	case get && strings.HasPrefix(path, "/store/"):
		return replayStores(t, w, c)
	case action.MatchString(path):
		return replayAction(t, w, c)
	case document.MatchString(path):
		return replayDocument(t, w, c)
	case refund.MatchString(path):
		return replayRefund(t, w, c)
	case path == "/shipment/track":
		return replayTrack(t, w, c)
	case rec.Request.Method == http.MethodPost && path == "/orders":
		var in struct{ Entity map[string]any }
		require.NoError(t, json.Unmarshal(rec.Request.Body, &in))
		ext, ok := in.Entity["ext_order_id"].(string)
		if ok && len(in.Entity) == 2 {
			order := magento.ID(in.Entity["entity_id"].(float64))
			return checked(t, w, rec, nil, c.Orders.SetExtOrderID(ctx, order, ext))
		}
	}
	return replayError(t, w, c)
}

func inScope(path string) bool {
	for _, p := range []string{"/orders", "/order/", "/invoice", "/shipment", "/creditmemo", "/transactions", "/store/", "/no-such-route", "/directory/", "/customers", "/customerGroups",
		"/products", "/inventory/", "/stockItems/", "/modules"} {
		if strings.HasPrefix(path, p) {
			return true
		}
	}
	return false
}

func id(path string) magento.ID {
	digits := regexp.MustCompile(`\d+`).FindString(path)
	n, _ := magento.ParseID(digits)
	return n
}

// checked asserts the error or the value of a call that was sent as recorded.
func checked(t *testing.T, w *wire, rec recording, got any, err error) (string, string) {
	t.Helper()
	require.True(t, w.matched, "%s: nothing was sent", rec.file)
	how := full
	if w.differs {
		how = answerOnly
	}
	if rec.Response.Status >= 300 {
		requireError(t, rec, err)
		return how, ""
	}
	return how, decoded(t, rec, got, err)
}

func decoded(t *testing.T, rec recording, got any, err error) string {
	t.Helper()
	return decodedAs(t, rec, got, rec.sent(t), err)
}

func decodedAs(t *testing.T, rec recording, got, sent any, err error) string {
	t.Helper()
	require.NoError(t, err, rec.file)
	if got != nil {
		requireDecoded(t, rec.file, reflect.ValueOf(got), sent)
	}
	return ""
}

// requireError says what every recorded refusal has to become.
func requireError(t *testing.T, rec recording, err error) {
	t.Helper()
	var e *commerce.Error
	require.ErrorAs(t, err, &e, rec.file)
	require.Equal(t, rec.Response.Status, e.Status, rec.file)
	require.NotRegexp(t, `%(\d|[a-z]+\b)`, e.Text, "%s: a placeholder is left", rec.file)
	var said struct {
		Message    string
		Parameters json.RawMessage
	}
	_ = json.Unmarshal(rec.Response.Body, &said)
	kind := commerce.KindInvalid
	switch {
	case rec.Response.Status == 401:
		kind = commerce.KindAuth
	case rec.Response.Status == 404 && said.Message != "Request does not match any route.":
		kind = commerce.KindNotFound
	case rec.Response.Status == 500 && said.Message != "":
		kind = commerce.KindInternal
		require.Regexp(t, `^webapi-[0-9a-f]+$`, e.RequestID, rec.file)
	case rec.Response.Status >= 500:
		kind = commerce.KindUnavailable
	}
	require.Equal(t, kind, e.Kind, rec.file)
	if rec.Request.Method == http.MethodGet {
		require.Empty(t, e.Outcome, rec.file)
	} else if e.Outcome != "" && rec.Response.Status < 500 {
		require.Equal(t, commerce.NotSent, e.Outcome, rec.file)
	}
	for _, head := range strings.Split(said.Message, "%")[:1] {
		require.Contains(t, e.Text, strings.Join(strings.Fields(head), " "), rec.file)
	}
}

// replayError feeds a recorded refusal to a read: for requests that the client never
// sends.
func replayError(t *testing.T, w *wire, c *magento.Client) (string, string) {
	t.Helper()
	w.lenient = true
	if w.rec.Response.Status < 400 {
		return replayAnswer(t, w, c)
	}
	rec := w.rec
	rec.Request.Method = http.MethodGet
	requireError(t, rec, c.Ping(t.Context()))
	return answerOnly, ""
}

// replayAnswer decodes what the shop answered to a write that the client never sends.
func replayAnswer(t *testing.T, w *wire, c *magento.Client) (string, string) {
	t.Helper()
	switch ctx := t.Context(); {
	case strings.HasPrefix(w.path, "/products"), strings.HasPrefix(w.path, "/inventory"), strings.HasPrefix(w.path, "/stockItems"):
		return "", "prices, products and stock are written by a client of the catalogue"
	case w.path == "/orders", w.path == "/orders/create":
		o, err := c.Orders.Get(ctx, 1)
		return answerOnly, decoded(t, w.rec, o, err)
	case w.path == "/creditmemo/refund":
		m, err := c.CreditMemos.Get(ctx, 1)
		return answerOnly, decoded(t, w.rec, m, err)
	case string(w.rec.Response.Body) == "true":
		return answerOnly, ""
	}
	return "", "an answer to a write that this client does not send"
}

func replayOne(t *testing.T, w *wire, c *magento.Client) (string, string) {
	t.Helper()
	ctx, m := t.Context(), oneOf.FindStringSubmatch(w.path)
	w.lenient = strings.Contains(w.rec.Request.Query, "fields=")
	n := id(m[2])
	var got any
	var err error
	switch m[1] {
	case "invoices":
		got, err = c.Invoices.Get(ctx, n)
	case "shipment":
		got, err = c.Shipments.Get(ctx, n)
	case "creditmemo":
		got, err = c.CreditMemos.Get(ctx, n)
	case "transactions":
		got, err = c.Transactions.Get(ctx, n)
	}
	return checked(t, w, w.rec, got, err)
}

func replayList(t *testing.T, w *wire, c *magento.Client) (string, string) {
	t.Helper()
	if w.rec.Response.Status >= 300 && !strings.Contains(w.rec.Request.Query, "[filters]") {
		return replayError(t, w, c)
	}
	groups := map[string]map[string]*magento.Filter{}
	part := regexp.MustCompile(`\[filter_groups\]\[(\d+)\]\[filters\]\[(\d+)\]\[(\w+)\]`)
	for name, values := range filters(w.rec.Request.Query) {
		m := part.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		if groups[m[1]] == nil {
			groups[m[1]] = map[string]*magento.Filter{}
		}
		if groups[m[1]][m[2]] == nil {
			groups[m[1]][m[2]] = &magento.Filter{}
		}
		f := groups[m[1]][m[2]]
		switch m[3] {
		case "field":
			f.Field = values[0]
		case "value":
			f.Value = values[0]
		default:
			f.Is = magento.Condition(values[0])
		}
	}
	p := magento.ListParams{Filters: make([][]magento.Filter, len(groups))}
	for _, g := range sorted(groups) {
		var n int
		_, _ = fmt.Sscan(g, &n)
		for _, f := range sorted(groups[g]) {
			p.Filters[n] = append(p.Filters[n], *groups[g][f])
		}
	}
	// Without an explicit condition the client says eq.
	if !strings.Contains(w.rec.Request.Query, "condition") && len(groups) > 0 {
		w.lenient = true
	}
	ctx := t.Context()
	switch w.path {
	case "/orders":
		return rows(t, w, c.Orders.List(ctx, p))
	case "/invoices":
		return rows(t, w, c.Invoices.List(ctx, p))
	case "/shipments":
		return rows(t, w, c.Shipments.List(ctx, p))
	case "/creditmemos":
		return rows(t, w, c.CreditMemos.List(ctx, p))
	case "/orders/items":
		return rows(t, w, c.Orders.Items(ctx, p))
	case "/products":
		return rows(t, w, c.Products.List(ctx, p))
	case "/customers/search":
		return rows(t, w, c.Customers.List(ctx, p))
	}
	return rows(t, w, c.Transactions.List(ctx, p))
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func rows[T any](t *testing.T, w *wire, list iter.Seq2[T, error]) (string, string) {
	t.Helper()
	var got []T
	var failed error
	for row, err := range list {
		if err != nil {
			failed = err
			break
		}
		got = append(got, row)
	}
	if w.rec.Response.Status >= 300 {
		requireError(t, w.rec, failed)
		return full, ""
	}
	require.NoError(t, failed, w.rec.file)
	sent, _ := w.rec.sent(t).(map[string]any)["items"].([]any)
	if strings.Contains(w.rec.Request.Query, "fields=") {
		// Cut answers lack the keys that a walk goes by; each row still decodes.
		for _, row := range sent {
			b, err := json.Marshal(row)
			require.NoError(t, err)
			var one T
			require.NoError(t, json.Unmarshal(b, &one), w.rec.file)
			requireDecoded(t, w.rec.file, reflect.ValueOf(one), row)
		}
		return answerOnly, ""
	}
	require.Len(t, got, len(sent), w.rec.file)
	for i := range got {
		requireDecoded(t, w.rec.file, reflect.ValueOf(got[i]), sent[i])
	}
	return full, ""
}

func replayStores(t *testing.T, w *wire, c *magento.Client) (string, string) {
	t.Helper()
	ctx := t.Context()
	var got any
	var err error
	switch w.path {
	case "/store/websites":
		got, err = c.Stores.Websites(ctx)
	case "/store/storeGroups":
		got, err = c.Stores.Groups(ctx)
	case "/store/storeViews":
		got, err = c.Stores.Views(ctx)
	case "/store/storeConfigs":
		got, err = c.Stores.Configs(ctx, filters(w.rec.Request.Query)["storeCodes[]"]...)
	default:
		return "", "a resource that this client does not speak yet"
	}
	return checked(t, w, w.rec, got, err)
}

func replayAction(t *testing.T, w *wire, c *magento.Client) (string, string) {
	t.Helper()
	ctx, m := t.Context(), action.FindStringSubmatch(w.path)
	n := id(m[1])
	var err error
	switch m[2] {
	case "hold":
		err = c.Orders.Hold(ctx, n)
	case "unhold":
		err = c.Orders.Unhold(ctx, n)
	case "cancel":
		err = c.Orders.Cancel(ctx, n)
		if w.rec.Response.Status == 200 && string(w.rec.Response.Body) == "false" {
			require.True(t, w.matched, w.rec.file)
			var e *commerce.Error
			require.ErrorAs(t, err, &e, w.rec.file)
			require.Equal(t, magento.CodeNotCancelable, e.Code, w.rec.file)
			require.Equal(t, commerce.NotSent, e.Outcome, w.rec.file)
			return full, ""
		}
	case "comments":
		return replayComment(t, w, c, n)
	}
	return checked(t, w, w.rec, nil, err)
}

func replayComment(t *testing.T, w *wire, c *magento.Client, order magento.ID) (string, string) {
	t.Helper()
	var in struct {
		StatusHistory struct {
			Comment *string
			Status  *string
		} `json:"statusHistory"`
	}
	require.NoError(t, json.Unmarshal(w.rec.Request.Body, &in))
	h := in.StatusHistory
	if h.Comment == nil || h.Status == nil {
		return answerOnly, ""
	}
	// The order had the status that was sent, but for the two that tried another one.
	state, status := *h.Status, *h.Status
	if status == "pending" || w.rec.Name == "order-comment-status-processing" || w.rec.Name == "order-comment-status-unknown" {
		state, status = "new", "pending"
	}
	path := "/orders/" + order.String()
	w.reads[path] = fmt.Sprintf(`{"entity_id":%d,"state":%q,"status":%q}`, order, state, status)
	if w.rec.Response.Status == http.StatusNotFound {
		w.reads[path] = "" // the read is answered so, and nothing is written
	}
	err := c.Orders.Comment(t.Context(), order, magento.Comment{Text: *h.Comment, Status: *h.Status})
	if !w.matched {
		require.True(t, commerce.SafeToRetry(err), w.rec.file)
		if w.rec.Response.Status == http.StatusNotFound {
			require.ErrorIs(t, err, commerce.ErrNotFound, w.rec.file)
			return refused, ""
		}
		var e *commerce.Error
		require.ErrorAs(t, err, &e, w.rec.file)
		require.Equal(t, magento.CodeForeignStatus, e.Code, w.rec.file)
		return refused, ""
	}
	return checked(t, w, w.rec, nil, err)
}

func replayDocument(t *testing.T, w *wire, c *magento.Client) (string, string) {
	t.Helper()
	ctx, m := t.Context(), document.FindStringSubmatch(w.path)
	if len(w.rec.Request.Body) == 0 {
		return replayError(t, w, c)
	}
	var in struct {
		Capture       bool
		Items         []magento.ItemQty
		Notify        bool
		AppendComment bool `json:"appendComment"`
		Tracks        []magento.NewTrack
		Comment       struct {
			Comment          string
			IsVisibleOnFront int `json:"is_visible_on_front"`
		}
		Arguments struct {
			Extension struct {
				SourceCode string `json:"source_code"`
			} `json:"extension_attributes"`
		}
	}
	d := json.NewDecoder(bytes.NewReader(w.rec.Request.Body))
	d.DisallowUnknownFields()
	if d.Decode(&in) != nil {
		return replayError(t, w, c) // it says something that the client never says
	}
	order := id(m[1])
	if m[2] == "invoice" {
		got, err := c.Orders.Invoice(ctx, order, magento.InvoiceParams{Items: in.Items, Capture: in.Capture, Notify: in.Notify,
			AppendComment: in.AppendComment, Comment: in.Comment.Comment, CommentVisible: in.Comment.IsVisibleOnFront == 1})
		return checked(t, w, w.rec, got, err)
	}
	var items, shipped []string
	for _, i := range in.Items {
		items = append(items, fmt.Sprintf(`{"item_id":%d,"qty_ordered":%s}`, i.OrderItemID, i.Qty))
		shipped = append(shipped, fmt.Sprintf(`{"order_item_id":%d,"qty":%s}`, i.OrderItemID, i.Qty))
	}
	w.reads["/orders/"+order.String()] = `{"entity_id":` + order.String() + `,"items":[` + strings.Join(items, ",") + `]}`
	var made string
	_ = json.Unmarshal(w.rec.Response.Body, &made)
	w.reads["/shipment/"+made] = `{"entity_id":` + made + `,"items":[` + strings.Join(shipped, ",") + `]}`
	got, err := c.Orders.Ship(ctx, order, magento.ShipParams{Items: in.Items, Notify: in.Notify, AppendComment: in.AppendComment,
		Tracks: in.Tracks, Comment: in.Comment.Comment, CommentVisible: in.Comment.IsVisibleOnFront == 1,
		Source: in.Arguments.Extension.SourceCode})
	if w.rec.Response.Status < 300 {
		require.NoError(t, err, w.rec.file)
		require.Equal(t, made, got.EntityID.String(), w.rec.file)
		return full, ""
	}
	return checked(t, w, w.rec, nil, err)
}

// replayRefund reads the recorded request as what a caller would have to say for it. The
// order is one that can give back what is asked for.
func replayRefund(t *testing.T, w *wire, c *magento.Client) (string, string) {
	t.Helper()
	var in struct {
		Items         []magento.ItemQty
		IsOnline      bool
		Notify        bool
		AppendComment bool `json:"appendComment"`
		Comment       struct {
			Comment          string
			IsVisibleOnFront int `json:"is_visible_on_front"`
		}
		Arguments struct {
			Shipping  *magento.Number `json:"shipping_amount"`
			Positive  magento.Number  `json:"adjustment_positive"`
			Negative  magento.Number  `json:"adjustment_negative"`
			Extension struct {
				ReturnToStock []magento.ID `json:"return_to_stock_items"`
			} `json:"extension_attributes"`
		}
	}
	require.NoError(t, json.Unmarshal(w.rec.Request.Body, &in), w.rec.file)
	p := magento.RefundParams{Items: in.Items, Everything: len(in.Items) == 0, AllShipping: in.Arguments.Shipping == nil,
		BaseAdjustmentPositive: in.Arguments.Positive, BaseAdjustmentNegative: in.Arguments.Negative,
		ReturnToStock: in.Arguments.Extension.ReturnToStock, BundleChildren: true,
		Comment: in.Comment.Comment, CommentVisible: in.Comment.IsVisibleOnFront == 1, AppendComment: in.AppendComment, Notify: in.Notify}
	if in.Arguments.Shipping != nil {
		p.BaseShipping = *in.Arguments.Shipping
	}
	m := refund.FindStringSubmatch(w.path)
	order := `{"entity_id":` + m[2] + `,"base_total_paid":9999,"items":[`
	for n, i := range in.Items {
		if n > 0 {
			order += ","
		}
		order += fmt.Sprintf(`{"item_id":%d,"qty_invoiced":9999}`, i.OrderItemID)
	}
	var made string
	_ = json.Unmarshal(w.rec.Response.Body, &made)
	w.reads["/orders/"+m[2]] = order + "]}"
	w.reads["/creditmemo/"+made] = `{"entity_id":` + made + `}`
	var got magento.CreditMemo
	var err error
	if m[1] == "order" {
		got, err = c.Orders.Refund(t.Context(), id(m[2]), p)
	} else {
		w.reads["/invoices/"+m[2]] = `{"entity_id":` + m[2] + `,"order_id":` + m[2] + `}`
		got, err = c.Invoices.Refund(t.Context(), id(m[2]), magento.InvoiceRefundParams{RefundParams: p, Online: in.IsOnline})
	}
	if w.rec.Response.Status < 300 {
		require.NoError(t, err, w.rec.file)
		require.True(t, w.matched, w.rec.file)
		require.Equal(t, made, got.EntityID.String(), w.rec.file)
		return full, ""
	}
	return checked(t, w, w.rec, nil, err)
}

func replayTrack(t *testing.T, w *wire, c *magento.Client) (string, string) {
	t.Helper()
	var in struct {
		Entity struct {
			OrderID     magento.ID `json:"order_id"`
			ParentID    magento.ID `json:"parent_id"`
			Weight, Qty magento.Number
			Description string
			magento.NewTrack
			Extension json.RawMessage `json:"extension_attributes"`
		}
	}
	require.NoError(t, json.Unmarshal(w.rec.Request.Body, &in))
	if in.Entity.Extension != nil {
		return replayError(t, w, c)
	}
	e := in.Entity
	got, err := c.Shipments.AddTrack(t.Context(), magento.TrackParams{OrderID: e.OrderID, ShipmentID: e.ParentID, NewTrack: e.NewTrack,
		Weight: e.Weight, Qty: e.Qty, Description: e.Description})
	return checked(t, w, w.rec, got, err)
}

// replayLogin logs in with the recorded name and password.
func replayLogin(t *testing.T, rec recording) (string, string) {
	t.Helper()
	var in struct{ Username, Password string }
	require.NoError(t, json.Unmarshal(rec.Request.Body, &in))
	if in.Username == "" || in.Password == "" {
		return "", "the client refuses keys without a name or a password"
	}
	var token, used string
	_ = json.Unmarshal(rec.Response.Body, &token)
	c, err := magento.NewClient(magento.Config{BaseURL: "http://127.0.0.1:38080",
		Credentials: commerce.Static(magento.Keys{Username: in.Username, Password: commerce.NewSecret(in.Password)}),
		Resilience:  resilience.Config{Retry: resilience.Retry{Attempts: 1}},
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path != rec.Request.Path {
				used = r.Header.Get("Authorization")
				return reply(r, "{}"), nil
			}
			body, _ := io.ReadAll(r.Body)
			require.Equal(t, rec.Request.Method, r.Method, rec.file)
			require.Equal(t, meaning(t, rec.Request.Body), meaning(t, body), rec.file)
			require.Empty(t, r.Header.Get("Authorization"), rec.file)
			return rec.answer(r), nil
		})})
	require.NoError(t, err)
	err = c.Ping(context.Background())
	if rec.Response.Status == 200 {
		require.NoError(t, err, rec.file)
		require.Equal(t, "Bearer "+token, used, rec.file)
		return full, ""
	}
	require.ErrorIs(t, err, commerce.ErrAuth, rec.file)
	var e *commerce.Error
	require.True(t, errors.As(err, &e))
	require.NotContains(t, err.Error(), in.Password)
	return full, ""
}
