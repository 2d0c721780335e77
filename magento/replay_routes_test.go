package magento_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/resilience"
)

type (
	getter[T any] = func(context.Context, magento.ID, ...string) (T, error)
	lister[T any] = func(context.Context, magento.ListParams) iter.Seq2[T, error]
	say           = func(*exchange) (any, error, bool)
)

const number, word = `([1-9]\d{0,17})`, `([^/]+)`

// routes are those that the client speaks, and those raw saves whose answer it could
// read and which it never sends.
var routes = []route{
	{"GET", "/orders", list("entity_id", func(c *magento.Client) lister[magento.Order] { return c.Orders.List }), magento.Page[magento.Order]{}},
	{"GET", "/orders/" + number, one(func(c *magento.Client) getter[magento.Order] { return c.Orders.Get }), magento.Order{}},
	{"GET", "/orders/" + number + "/comments", rows(func(e *exchange) ([]magento.StatusHistory, error) { return e.c.Orders.Comments(e.t.Context(), e.id(1)) }), magento.Page[magento.StatusHistory]{}},
	{"GET", "/orders/" + number + "/statuses", plainly(func(e *exchange) (string, error) { return e.c.Orders.Status(e.t.Context(), e.id(1)) }), ""},
	{"GET", "/orders/items", list("item_id", func(c *magento.Client) lister[magento.OrderItem] { return c.Orders.Items }), magento.Page[magento.OrderItem]{}},
	{"GET", "/orders/items/" + number, one(func(c *magento.Client) getter[magento.OrderItem] { return c.Orders.Item }), magento.OrderItem{}},
	{"GET", "/invoices", list("entity_id", func(c *magento.Client) lister[magento.Invoice] { return c.Invoices.List }), magento.Page[magento.Invoice]{}},
	{"GET", "/invoices/" + number, one(func(c *magento.Client) getter[magento.Invoice] { return c.Invoices.Get }), magento.Invoice{}},
	{"GET", "/shipments", list("entity_id", func(c *magento.Client) lister[magento.Shipment] { return c.Shipments.List }), magento.Page[magento.Shipment]{}},
	{"GET", "/shipment/" + number, one(func(c *magento.Client) getter[magento.Shipment] { return c.Shipments.Get }), magento.Shipment{}},
	{"GET", "/creditmemos", list("entity_id", func(c *magento.Client) lister[magento.CreditMemo] { return c.CreditMemos.List }), magento.Page[magento.CreditMemo]{}},
	{"GET", "/creditmemo/" + number, one(func(c *magento.Client) getter[magento.CreditMemo] { return c.CreditMemos.Get }), magento.CreditMemo{}},
	{"GET", "/(invoices|shipment|creditmemo)/" + number + "/comments", rows((*exchange).remarks), magento.Page[magento.DocumentComment]{}},
	{"GET", "/transactions", list("transaction_id", func(c *magento.Client) lister[magento.Transaction] { return c.Transactions.List }), magento.Page[magento.Transaction]{}},
	{"GET", "/transactions/" + number, one(func(c *magento.Client) getter[magento.Transaction] { return c.Transactions.Get }), magento.Transaction{}},
	{"GET", "/returns", list("entity_id", func(c *magento.Client) lister[magento.Return] { return c.Returns.List }), magento.Page[magento.Return]{}},
	{"GET", "/returns/" + number, plainly(func(e *exchange) (magento.Return, error) { return e.c.Returns.Get(e.t.Context(), e.id(1)) }), magento.Return{}},
	{"GET", "/customers/search", list("id", func(c *magento.Client) lister[magento.Customer] { return c.Customers.List }), magento.Page[magento.Customer]{}},
	{"GET", "/customers/" + number, one(func(c *magento.Client) getter[magento.Customer] { return c.Customers.Get }), magento.Customer{}},
	{"GET", "/customers/addresses/" + number, plainly(func(e *exchange) (magento.CustomerAddress, error) {
		return e.c.Customers.Address(e.t.Context(), e.id(1))
	}), magento.CustomerAddress{}},
	{"GET", "/customers/" + number + "/(?:billing|shipping)Address", nil, magento.CustomerAddress{}},
	{"GET", "/customerGroups/search", rows(func(e *exchange) ([]magento.Group, error) { return e.c.Customers.Groups(e.t.Context()) }), magento.Page[magento.Group]{}},
	{"GET", "/products", list("id", func(c *magento.Client) lister[magento.Product] { return c.Products.List }), magento.Page[magento.Product]{}},
	{"GET", "/products/" + word, (*exchange).product, magento.Product{}},
	{"GET", "/stockItems/" + word, plainly(func(e *exchange) (magento.StockItem, error) { return e.c.Stock.Item(e.t.Context(), e.part[1]) }), magento.StockItem{}},
	{"GET", "/stockStatuses/" + word, plainly(func(e *exchange) (magento.StockStatus, error) { return e.c.Stock.Status(e.t.Context(), e.part[1]) }), magento.StockStatus{}},
	{"GET", "/inventory/stocks", rows(func(e *exchange) ([]magento.StockOfSales, error) { return e.c.Stock.Stocks(e.t.Context()) }), magento.Page[magento.StockOfSales]{}},
	{"GET", "/inventory/get-product-salable-quantity/" + word + "/" + number, (*exchange).salable, nil},
	{"GET", "/inventory/is-product-salable/" + word + "/" + number, plainly(func(e *exchange) (bool, error) { return e.c.Stock.IsSalable(e.t.Context(), e.part[1], e.id(2)) }), false},
	{"GET", "/inventory/stock-resolver/website/" + word, plainly(func(e *exchange) (magento.StockOfSales, error) { return e.c.Stock.OfWebsite(e.t.Context(), e.part[1]) }), magento.StockOfSales{}},
	{"GET", "/inventory/sources", rows(func(e *exchange) ([]magento.Source, error) { return e.c.Stock.Sources(e.t.Context()) }), magento.Page[magento.Source]{}},
	{"GET", "/inventory/source-items", (*exchange).sourceItems, magento.Page[magento.SourceItem]{}},
	{"GET", "/directory/currency", plainly(func(e *exchange) (magento.Currencies, error) { return e.c.Directory.Currencies(e.t.Context()) }), magento.Currencies{}},
	{"GET", "/directory/countries", plainly(func(e *exchange) ([]magento.Country, error) { return e.c.Directory.Countries(e.t.Context()) }), []magento.Country{}},
	{"GET", "/directory/countries/" + word, plainly(func(e *exchange) (magento.Country, error) { return e.c.Directory.Country(e.t.Context(), e.part[1]) }), magento.Country{}},
	{"GET", "/modules", plainly(func(e *exchange) ([]string, error) { return e.c.Stores.Modules(e.t.Context()) }), []string{}},
	{"GET", "/store/websites", plainly(func(e *exchange) ([]magento.Website, error) { return e.c.Stores.Websites(e.t.Context()) }), []magento.Website{}},
	{"GET", "/store/storeGroups", plainly(func(e *exchange) ([]magento.StoreGroup, error) { return e.c.Stores.Groups(e.t.Context()) }), []magento.StoreGroup{}},
	{"GET", "/store/storeViews", plainly(func(e *exchange) ([]magento.StoreView, error) { return e.c.Stores.Views(e.t.Context()) }), []magento.StoreView{}},
	{"GET", "/store/storeConfigs", plainly(func(e *exchange) ([]magento.StoreConfig, error) {
		return e.c.Stores.Configs(e.t.Context(), query(e.rec.Request.Query)["storeCodes[]"]...)
	}), nil},

	{"POST", "/integration/admin/token", (*exchange).login, nil},
	{"POST", "/oauth/token/(?:request|access)", (*exchange).handshake, nil},
	{"POST", "/callback", (*exchange).activation, nil},
	{"POST", "/orders/" + number + "/(hold|unhold|cancel)", (*exchange).act, nil},
	{"POST", "/orders/" + number + "/comments", (*exchange).comment, magento.Flag(false)},
	{"POST", "/order/" + number + "/invoice", (*exchange).makeInvoice, magento.ID(0)},
	{"POST", "/order/" + number + "/ship", (*exchange).ship, magento.ID(0)},
	{"POST", "/(order|invoice)/" + number + "/refund", (*exchange).refund, magento.ID(0)},
	{"POST", "/invoices/" + number + "/(capture|void)", (*exchange).settle, nil},
	{"POST", "/(invoices)/comments", (*exchange).remark, magento.DocumentComment{}},
	{"POST", "/(shipment|creditmemo)/" + number + "/comments", (*exchange).remark, magento.DocumentComment{}},
	{"POST", "/shipment/track", (*exchange).track, magento.Track{}},
	{"DELETE", "/shipment/track/" + number, done(func(e *exchange) error { return e.c.Shipments.RemoveTrack(e.t.Context(), e.id(1)) }), nil},
	{"POST", "/orders", (*exchange).extOrderID, magento.Order{}},
	{"PUT", "/orders/create", nil, magento.Order{}},
	{"PUT", "/orders/" + number, (*exchange).address, magento.OrderAddress{}},
	{"POST", "/creditmemo(?:/refund)?", nil, magento.CreditMemo{}},
	{"POST", "/orders/" + number + "/emails", done(func(e *exchange) error { return e.c.Orders.Mail(e.t.Context(), e.id(1)) }), nil},
	{"POST", "/customers/isEmailAvailable", (*exchange).emailAvailable, magento.Flag(false)},
	{"DELETE", "/addresses/" + number, done(func(e *exchange) error { return e.c.Customers.DeleteAddress(e.t.Context(), e.id(1)) }), nil},
	{"POST", "/customers", (*exchange).saveCustomer, magento.Customer{}},
	{"PUT", "/customers/" + number, (*exchange).saveCustomer, magento.Customer{}},
	{"DELETE", "/customers/" + number, done(func(e *exchange) error { return e.c.Customers.Delete(e.t.Context(), e.id(1)) }), nil},
}

// plainly is a read of one thing that takes no fields.
func plainly[T any](read func(*exchange) (T, error)) say {
	return func(e *exchange) (any, error, bool) {
		if !e.plain() {
			return nil, nil, false
		}
		got, err := read(e)
		return got, err, true
	}
}

// plain reports whether the recorded query neither chooses rows nor fields.
func (e *exchange) plain() bool {
	for name := range query(e.rec.Request.Query) {
		if name == "fields" || strings.Contains(name, "[filters]") || name == "searchCriteria[currentPage]" {
			return false
		}
	}
	return true
}

// done is a write that answers true.
func done(write func(*exchange) error) say {
	return func(e *exchange) (any, error, bool) {
		if len(e.rec.Request.Body) > 0 {
			return nil, nil, false
		}
		return nil, write(e), true
	}
}

// one reads a row by its number.
func one[T any](get func(*magento.Client) getter[T]) say {
	return func(e *exchange) (any, error, bool) {
		got, err := get(e.c)(e.t.Context(), e.id(1), e.fields()...)
		return got, err, true
	}
}

// answered are the rows of a list as they are answered.
type answered[T any] struct {
	Items []T `json:"items"`
}

// rows reads a list that comes as a slice.
func rows[T any](read func(*exchange) ([]T, error)) say {
	return func(e *exchange) (any, error, bool) {
		if !e.plain() {
			return nil, nil, false
		}
		got, err := read(e)
		return answered[T]{got}, err, true
	}
}

// list walks a list. The client does not say an order of its own, a later page, and
// fields without those that it walks by.
func list[T any](id string, walk func(*magento.Client) lister[T]) say {
	return func(e *exchange) (any, error, bool) {
		p, ok := e.params()
		if !ok || e.rec.Response.Status < 300 && !e.inOrder(id) {
			return nil, nil, false
		}
		var got []T
		for row, err := range walk(e.c)(e.t.Context(), p) {
			var again *commerce.Error
			if len(got) > 0 && errors.As(err, &again) && again.Code == magento.CodeForeignRows {
				break // the next page, which is the recorded one again
			}
			if err != nil {
				return nil, err, true
			}
			got = append(got, row)
		}
		return answered[T]{got}, nil, true
	}
}

// params reads the recorded criteria; false where the client has no words for them.
func (e *exchange) params() (magento.ListParams, bool) {
	var p magento.ListParams
	q := query(e.rec.Request.Query)
	known := 0
	for g := 0; ; g++ {
		var group []magento.Filter
		for f := 0; ; f++ {
			at := fmt.Sprintf("searchCriteria[filter_groups][%d][filters][%d]", g, f)
			field, ok := q[at+"[field]"]
			if !ok {
				break
			}
			for _, part := range []string{"[field]", "[value]", "[condition_type]"} {
				known += len(q[at+part])
			}
			group = append(group, magento.Filter{Field: field[0], Value: q.Get(at + "[value]"), Is: magento.Condition(q.Get(at + "[condition_type]"))})
		}
		if group == nil {
			break
		}
		p.Filters = append(p.Filters, group)
	}
	for name, values := range q {
		switch name {
		case "searchCriteria", "searchCriteria[pageSize]", "fields", "":
			known += len(values)
		case "searchCriteria[currentPage]":
			if values[0] == "1" {
				known++
			}
		}
	}
	all := 0
	for _, values := range q {
		all += len(values)
	}
	if len(e.rec.Request.Query) == 0 || q.Get("searchCriteria[pageSize]") == "0" {
		return p, false // refused by the shop, or all rows at once
	}
	if fields := q.Get("fields"); fields != "" {
		inner, ok := strings.CutPrefix(e.fields()[0], "items[")
		if !ok || e.rec.Response.Status >= 300 {
			return p, ok && known+sorts(q) == all
		}
		p.Fields = []string{strings.TrimSuffix(inner, "]")}
	}
	return p, known+sorts(q) == all
}

// sorts counts the parameters that ask for an order which is good; whether it is the
// client's is seen from the rows.
func sorts(q url.Values) int {
	n := 0
	for name, values := range q {
		if strings.HasPrefix(name, "searchCriteria[sortOrders]") && (strings.HasSuffix(name, "[field]") && slices.Contains([]string{"entity_id", "updated_at", "created_at", "item_id"}, values[0]) ||
			strings.HasSuffix(name, "[direction]") && strings.EqualFold(values[0], "ASC")) {
			n += len(values)
		}
	}
	return n
}

// inOrder reports whether the recorded rows come as the client walks. Where the recorded
// request asked for some fields only, those that the client asks for besides are put in.
func (e *exchange) inOrder(id string) bool {
	body, ok := e.rec.answered(e.t).(map[string]any)
	rows, _ := body["items"].([]any)
	if !ok {
		return false
	}
	cut, last := query(e.rec.Request.Query).Get("fields") != "", ""
	if body["total_count"] == nil && cut {
		body["total_count"] = len(rows)
	}
	for n, row := range rows {
		row, ok := row.(map[string]any)
		if !ok {
			return false
		}
		if row[id] == nil && cut {
			row[id] = json.Number(fmt.Sprint(n + 1))
		}
		if row["updated_at"] == nil && cut && e.dated() {
			row["updated_at"] = "2026-11-21 07:00:00"
		}
		if row[id] == nil || row["updated_at"] == nil && e.dated() {
			return false
		}
		key := fmt.Sprintf("%v %012v", row["updated_at"], row[id])
		if key <= last {
			return false
		}
		last = key
	}
	if cut {
		e.rec.Response.Body, _ = json.Marshal(body)
		e.rec.Response.BodyText = nil
	}
	return true
}

func (e *exchange) dated() bool {
	return e.path != "/transactions" && e.path != "/orders/items" && e.path != "/returns"
}

func (e *exchange) product() (any, error, bool) {
	sku, err := url.PathUnescape(e.part[1])
	require.NoError(e.t, err)
	e.rec.Request.Path = strings.TrimSuffix(e.rec.Request.Path, e.part[1]) + sku // as a URL holds it
	got, err := e.c.Products.Get(e.t.Context(), sku, e.fields()...)
	return got, err, true
}

func (e *exchange) salable() (any, error, bool) {
	e.reads["/products/"+e.part[1]] = `{}` // where the answer is a 500, the product is looked for
	got, err := e.c.Stock.Salable(e.t.Context(), e.part[1], e.id(2))
	return got, err, true
}

// sourceItems asks for those of a sku, or for all.
func (e *exchange) sourceItems() (any, error, bool) {
	p, ok := e.params()
	switch {
	case !ok || p.Fields != nil || len(p.Filters) > 1:
		return nil, nil, false
	case len(p.Filters) == 1:
		f := p.Filters[0]
		if len(f) > 1 || f[0].Field != "sku" || f[0].Is != magento.Eq && f[0].Is != "" {
			return nil, nil, false
		}
		got, err := e.c.Stock.SourceItems(e.t.Context(), f[0].Value)
		return answered[magento.SourceItem]{got}, err, true
	}
	var got []magento.SourceItem
	for i, err := range e.c.Stock.AllSourceItems(e.t.Context()) {
		if err != nil {
			return nil, err, true
		}
		got = append(got, i)
		if len(got) == strings.Count(string(e.rec.Response.Body), `"source_code"`) {
			break // the recorded page
		}
	}
	return answered[magento.SourceItem]{got}, nil, true
}

func (e *exchange) remarks() ([]magento.DocumentComment, error) {
	switch ctx := e.t.Context(); e.part[1] {
	case "invoices":
		return e.c.Invoices.Comments(ctx, e.id(2))
	case "shipment":
		return e.c.Shipments.Comments(ctx, e.id(2))
	default:
		return e.c.CreditMemos.Comments(ctx, e.id(2))
	}
}

func (e *exchange) remark() (any, error, bool) {
	var in struct {
		Entity struct {
			ParentID magento.ID `json:"parent_id"`
			Comment  string
			Notify   magento.Flag `json:"is_customer_notified"`
			Visible  magento.Flag `json:"is_visible_on_front"`
		}
	}
	if !e.said(&in) || len(e.part) > 2 && in.Entity.ParentID != e.id(2) {
		return nil, nil, false
	}
	ctx, parent := e.t.Context(), in.Entity.ParentID
	r := magento.Remark{Text: in.Entity.Comment, Notify: bool(in.Entity.Notify), Visible: bool(in.Entity.Visible)}
	var got magento.DocumentComment
	var err error
	switch e.part[1] {
	case "invoices":
		got, err = e.c.Invoices.Comment(ctx, parent, r)
	case "shipment":
		got, err = e.c.Shipments.Comment(ctx, parent, r)
	default:
		got, err = e.c.CreditMemos.Comment(ctx, parent, r)
	}
	return got, err, true
}

func (e *exchange) act() (any, error, bool) {
	if len(e.rec.Request.Body) > 0 && string(e.rec.Request.Body) != "{}" {
		return nil, nil, false
	}
	ctx, order := e.t.Context(), e.id(1)
	do := map[string]func(context.Context, magento.ID) error{"hold": e.c.Orders.Hold, "unhold": e.c.Orders.Unhold, "cancel": e.c.Orders.Cancel}[e.part[2]]
	e.rec.Request.Body = nil
	err := do(ctx, order)
	if e.rec.Response.Status == http.StatusOK && string(e.rec.Response.Body) == "false" {
		var refusal *commerce.Error
		require.ErrorAs(e.t, err, &refusal, e.rec.file)
		require.Equal(e.t, commerce.NotSent, refusal.Outcome, e.rec.file)
		require.Equal(e.t, e.part[2] == "cancel", refusal.Code == magento.CodeNotCancelable, e.rec.file)
		err = nil
	}
	return nil, err, true
}

func (e *exchange) settle() (any, error, bool) {
	do := e.c.Invoices.Capture
	if e.part[2] == "void" {
		do = e.c.Invoices.Void
	}
	if len(e.rec.Request.Body) > 0 && string(e.rec.Request.Body) != "{}" {
		return nil, nil, false
	}
	e.rec.Request.Body = nil
	return nil, do(e.t.Context(), e.id(1)), true
}

// comment is left on an order that has the status already, so that it may be sent.
func (e *exchange) comment() (any, error, bool) {
	var in struct {
		StatusHistory struct {
			Comment, Status *string
			Notify          magento.Flag `json:"is_customer_notified"`
			Visible         magento.Flag `json:"is_visible_on_front"`
		} `json:"statusHistory"`
	}
	if h := &in.StatusHistory; !e.said(&in) || h.Comment == nil || h.Status == nil || *h.Status == "" {
		return nil, nil, false
	}
	h := in.StatusHistory
	e.reads["/orders/"+e.part[1]] = fmt.Sprintf(`{"entity_id":%s,"state":"new","status":%q}`, e.part[1], *h.Status)
	err := e.c.Orders.Comment(e.t.Context(), e.id(1), magento.Comment{Text: *h.Comment, Status: *h.Status, Notify: bool(h.Notify), Visible: bool(h.Visible)})
	return nil, err, true
}

// remarkOf is a comment that travels with a document.
type remarkOf struct {
	Comment string
	Visible magento.Flag `json:"is_visible_on_front"`
}

func (e *exchange) makeInvoice() (any, error, bool) {
	var in struct {
		Capture       bool
		Items         []magento.ItemQty
		Notify        bool
		AppendComment bool `json:"appendComment"`
		Comment       remarkOf
	}
	if !e.said(&in) {
		return nil, nil, false
	}
	got, err := e.c.Orders.Invoice(e.t.Context(), e.id(1), magento.InvoiceParams{Items: in.Items, Capture: in.Capture, Notify: in.Notify,
		AppendComment: in.AppendComment, Comment: in.Comment.Comment, CommentVisible: bool(in.Comment.Visible)})
	return got, err, true
}

// ship sends the goods of an order that has as many of them, and reads back as many.
func (e *exchange) ship() (any, error, bool) {
	var in struct {
		Items         []magento.ItemQty
		Notify        bool
		AppendComment bool `json:"appendComment"`
		Tracks        []magento.NewTrack
		Comment       remarkOf
		Arguments     struct {
			Extension struct {
				SourceCode string `json:"source_code"`
			} `json:"extension_attributes"`
		}
	}
	if !e.said(&in) {
		return nil, nil, false
	}
	var there, left []string
	for _, i := range in.Items {
		there = append(there, fmt.Sprintf(`{"item_id":%d,"qty_ordered":%s}`, i.OrderItemID, i.Qty))
		left = append(left, fmt.Sprintf(`{"order_item_id":%d,"qty":%s}`, i.OrderItemID, i.Qty))
	}
	e.reads["/orders/"+e.part[1]] = `{"entity_id":` + e.part[1] + `,"items":[` + strings.Join(there, ",") + `]}`
	e.reads["/shipment/"+e.made()] = `{"entity_id":` + e.made() + `,"items":[` + strings.Join(left, ",") + `]}`
	got, err := e.c.Orders.Ship(e.t.Context(), e.id(1), magento.ShipParams{Items: in.Items, Notify: in.Notify, AppendComment: in.AppendComment,
		Tracks: in.Tracks, Comment: in.Comment.Comment, CommentVisible: bool(in.Comment.Visible), Source: in.Arguments.Extension.SourceCode})
	return got.EntityID, err, true
}

// refund says what a caller would have to say for the recorded request. The order is one
// that can give back what is asked for.
func (e *exchange) refund() (any, error, bool) {
	var in struct {
		Items         []magento.ItemQty
		IsOnline      bool `json:"isOnline"`
		Notify        bool
		AppendComment bool `json:"appendComment"`
		Comment       remarkOf
		Arguments     struct {
			Shipping  *magento.Number `json:"shipping_amount"`
			Positive  magento.Number  `json:"adjustment_positive"`
			Negative  magento.Number  `json:"adjustment_negative"`
			Extension struct {
				ReturnToStock []magento.ID `json:"return_to_stock_items"`
			} `json:"extension_attributes"`
		}
	}
	if !e.said(&in) {
		return nil, nil, false
	}
	p := magento.RefundParams{Items: in.Items, Everything: len(in.Items) == 0, AllShipping: in.Arguments.Shipping == nil,
		BaseAdjustmentPositive: in.Arguments.Positive, BaseAdjustmentNegative: in.Arguments.Negative,
		ReturnToStock: in.Arguments.Extension.ReturnToStock, BundleChildren: true,
		Comment: in.Comment.Comment, CommentVisible: bool(in.Comment.Visible), AppendComment: in.AppendComment, Notify: in.Notify}
	if in.Arguments.Shipping != nil {
		p.BaseShipping = *in.Arguments.Shipping
	}
	var there []string
	for _, i := range in.Items {
		there = append(there, fmt.Sprintf(`{"item_id":%d,"qty_invoiced":999999}`, i.OrderItemID))
	}
	for _, i := range p.ReturnToStock {
		there = append(there, fmt.Sprintf(`{"item_id":%d,"qty_invoiced":999999}`, i))
	}
	id := e.part[2]
	e.reads["/orders/"+id] = `{"entity_id":` + id + `,"base_total_paid":999999,"items":[` + strings.Join(there, ",") + `]}`
	e.reads["/invoices/"+id] = `{"entity_id":` + id + `,"order_id":` + id + `}`
	e.reads["/creditmemo/"+e.made()] = `{"entity_id":` + e.made() + `}`
	var got magento.CreditMemo
	var err error
	if e.part[1] == "order" {
		got, err = e.c.Orders.Refund(e.t.Context(), e.id(2), p)
	} else {
		got, err = e.c.Invoices.Refund(e.t.Context(), e.id(2), magento.InvoiceRefundParams{RefundParams: p, Online: in.IsOnline})
	}
	return got.EntityID, err, true
}

func (e *exchange) track() (any, error, bool) {
	var in struct {
		Entity struct {
			OrderID     magento.ID      `json:"order_id"`
			ParentID    magento.ID      `json:"parent_id"`
			Weight, Qty *magento.Number // the client always says them
			Description string
			magento.NewTrack
			Extension struct{} `json:"extension_attributes"`
		}
	}
	if !e.said(&in) || in.Entity.Weight == nil || in.Entity.Qty == nil {
		return nil, nil, false
	}
	n := in.Entity
	got, err := e.c.Shipments.AddTrack(e.t.Context(), magento.TrackParams{OrderID: n.OrderID, ShipmentID: n.ParentID, NewTrack: n.NewTrack,
		Weight: *n.Weight, Qty: *n.Qty, Description: n.Description})
	return got, err, true
}

func (e *exchange) extOrderID() (any, error, bool) {
	var in struct {
		Entity struct {
			EntityID   magento.ID `json:"entity_id"`
			ExtOrderID *string    `json:"ext_order_id"`
		}
	}
	if !e.said(&in) || in.Entity.EntityID == 0 || in.Entity.ExtOrderID == nil {
		return nil, nil, false
	}
	return nil, e.c.Orders.SetExtOrderID(e.t.Context(), in.Entity.EntityID, *in.Entity.ExtOrderID), true
}

// address is written to an order that has it, unless the request names none or another
// order.
func (e *exchange) address() (any, error, bool) {
	var in struct {
		Entity struct {
			magento.OrderAddress
			ParentID magento.ID `json:"parent_id"`
		}
	}
	if !e.said(&in) {
		return nil, nil, false
	}
	a := in.Entity.OrderAddress
	own, err := json.Marshal(a)
	require.NoError(e.t, err)
	if in.Entity.ParentID != e.id(1) || a.EntityID == 0 {
		own = []byte(`{"entity_id":1}`)
	}
	e.reads["/orders/"+e.part[1]] = `{"entity_id":` + e.part[1] + `,"billing_address":` + string(own) + `,"extension_attributes":{"shipping_assignments":[{"shipping":{"address":` + string(own) + `}}]}}`
	got, err := e.c.Orders.SetAddress(e.t.Context(), e.id(1), a)
	return got, err, true
}

func (e *exchange) saveCustomer() (any, error, bool) {
	var in struct {
		Customer *struct {
			ID         magento.ID
			WebsiteID  magento.ID `json:"website_id"`
			GroupID    magento.ID `json:"group_id"`
			Email      string
			Firstname  string
			Middlename string
			Lastname   string
			Taxvat     string
			Addresses  *[]struct {
				magento.CustomerAddress
				CustomerID magento.ID `json:"customer_id"`
			}
			CustomAttributes []struct{} `json:"custom_attributes"` // none
		}
		Password string
	}
	put := e.rec.Request.Method == http.MethodPut
	empty := strings.Contains(string(e.rec.Request.Body), `""`) // which the client leaves out
	if !e.said(&in) || in.Customer == nil || empty || in.Customer.Addresses != nil && !put && len(*in.Customer.Addresses) == 0 {
		return nil, nil, false
	}
	c := in.Customer
	p := magento.CustomerParams{WebsiteID: c.WebsiteID, GroupID: c.GroupID, Email: c.Email, Firstname: c.Firstname,
		Middlename: c.Middlename, Lastname: c.Lastname, Taxvat: c.Taxvat, Password: commerce.NewSecret(in.Password)}
	e.reads["/directory/countries/US"] = unitedStates()
	if c.Addresses != nil {
		p.ReplaceAddresses = put
		for _, a := range *c.Addresses {
			p.Addresses = append(p.Addresses, a.CustomerAddress)
			if country := "/directory/countries/" + a.CountryID; e.reads[country] == "" {
				e.reads[country] = fmt.Sprintf(`{"id":%q}`, a.CountryID) // one without regions
			}
			if r := a.Region; r.ID == 0 && (r.Code != "" || r.Name != "") {
				e.lookedUp() // the client sends the id in the place of these
			}
		}
	}
	var got magento.Customer
	var err error
	if put {
		got, err = e.c.Customers.Update(e.t.Context(), e.id(1), p)
	} else {
		got, err = e.c.Customers.Create(e.t.Context(), p)
	}
	return got, err, true
}

// unitedStates is the recorded list of regions of a country that has some.
var unitedStates = sync.OnceValue(func() string {
	files, _ := filepath.Glob(filepath.Join("testdata", "recorded", "*-countries-us.json"))
	var rec struct {
		Response struct{ Body json.RawMessage }
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil || json.Unmarshal(b, &rec) != nil {
			panic(file)
		}
	}
	return string(rec.Response.Body)
})

func (e *exchange) emailAvailable() (any, error, bool) {
	var in struct {
		Email   string     `json:"customerEmail"`
		Website magento.ID `json:"websiteId"`
	}
	if !e.said(&in) || e.rec.Response.Status >= 300 { // a question that fails has no outcome
		return nil, nil, false
	}
	got, err := e.c.Customers.EmailAvailable(e.t.Context(), in.Email, in.Website)
	return got, err, true
}

// lookedUp takes the names of regions for what they are in the country's list, as the
// client does before it sends them.
func (e *exchange) lookedUp() {
	var body map[string]map[string]any
	_ = json.Unmarshal(e.rec.Request.Body, &body)
	list, _ := body["customer"]["addresses"].([]any)
	for _, a := range list {
		address := a.(map[string]any)
		var country magento.Country
		require.NoError(e.t, json.Unmarshal([]byte(e.reads["/directory/countries/"+fmt.Sprint(address["country_id"])]), &country))
		region, _ := address["region"].(map[string]any)
		for _, r := range country.Regions {
			if r.Code == region["region_code"] || r.Name == region["region"] {
				address["region"] = map[string]any{"region_id": r.ID}
			}
		}
		if region != nil && len(country.Regions) == 0 {
			delete(region, "region_code")
		}
	}
	e.rec.Request.Body, _ = json.Marshal(body)
}

// login logs in with the recorded name and password.
func (e *exchange) login() (any, error, bool) {
	var in struct{ Username, Password string }
	if !e.said(&in) || in.Username == "" || in.Password == "" || !strings.HasPrefix(e.rec.Request.Path, "/rest/all/") {
		return nil, nil, false
	}
	var token, used string
	_ = json.Unmarshal(e.rec.Response.Body, &token)
	c, err := magento.NewClient(magento.Config{BaseURL: "http://127.0.0.1:38080",
		Credentials: commerce.Static(magento.Keys{Username: in.Username, Password: commerce.NewSecret(in.Password)}),
		Resilience:  resilience.Config{Retry: resilience.Retry{Attempts: 1}},
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path != e.rec.Request.Path {
				used = r.Header.Get("Authorization")
				return reply(r, "{}"), nil
			}
			require.Empty(e.t, r.Header.Get("Authorization"), e.rec.file)
			return e.RoundTrip(r)
		})})
	require.NoError(e.t, err)
	err = c.Ping(e.t.Context())
	if e.rec.Response.Status == http.StatusOK {
		require.Equal(e.t, "Bearer "+token, used, e.rec.file)
		return nil, err, true
	}
	require.ErrorIs(e.t, err, commerce.ErrAuth, e.rec.file)
	require.NotContains(e.t, err.Error(), in.Password)
	e.rec.Response.Status = http.StatusOK // said above, and as what it is: a login
	return nil, nil, true
}

func (e *exchange) activation() (any, error, bool) {
	if e.rec.Request.BodyText == nil {
		return nil, nil, false
	}
	form, err := url.ParseQuery(*e.rec.Request.BodyText)
	require.NoError(e.t, err)
	a, err := magento.ParseActivation(httptest.NewRequest(http.MethodPost, "/callback", strings.NewReader(*e.rec.Request.BodyText)))
	require.NoError(e.t, err, e.rec.file)
	require.Equal(e.t, form.Get("oauth_consumer_key"), a.ConsumerKey)
	require.Equal(e.t, form.Get("oauth_consumer_secret"), a.ConsumerSecret.Reveal())
	require.Equal(e.t, form.Get("oauth_verifier"), a.Verifier.Reveal())
	require.Equal(e.t, form.Get("store_base_url"), a.StoreBaseURL)
	e.sent, e.rec.Response.Status = true, http.StatusOK
	return nil, nil, true
}

// handshake plays both requests of an exchange, with the recorded one answered as
// recorded.
func (e *exchange) handshake() (any, error, bool) {
	const shop = "http://127.0.0.1:38080"
	now := time.Date(2026, 11, 21, 7, 0, 0, 0, time.UTC)
	h := magento.Handshake{BaseURL: shop, Now: func() time.Time { return now }, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		require.Equal(e.t, http.MethodPost, r.Method)
		require.Empty(e.t, r.URL.RawQuery)
		if r.URL.Path == e.rec.Request.Path {
			e.sent = true
			return e.rec.answer(r), nil
		}
		return reply(r, "oauth_token=t&oauth_token_secret=s"), nil
	})}
	_, err := h.Keys(e.t.Context(), magento.Activation{ConsumerKey: "k", ConsumerSecret: commerce.NewSecret("s"), StoreBaseURL: shop, Verifier: commerce.NewSecret("v")}, now)
	if e.rec.Response.Status == http.StatusOK {
		return nil, err, true
	}
	require.ErrorIs(e.t, err, commerce.ErrAuth, e.rec.file)
	if e.rec.Response.BodyText != nil {
		problem, perr := url.QueryUnescape(strings.TrimPrefix(*e.rec.Response.BodyText, "oauth_problem="))
		require.NoError(e.t, perr)
		require.ErrorContains(e.t, err, problem, e.rec.file)
	}
	e.rec.Response.Status = http.StatusOK // said above: a form, not Magento's JSON
	return nil, nil, true
}
