package magentotest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// answer is what a request is answered with.
type answer struct {
	status      int
	body        []byte
	contentType string // empty = JSON
}

// failure is an error in Magento's shape.
type failure struct {
	status     int
	message    string
	parameters any
	errors     []any
	plain      bool // a text of PHP's, not JSON
}

func invalid(message string, parameters ...any) *failure {
	f := &failure{status: http.StatusBadRequest, message: message}
	if len(parameters) > 0 {
		f.parameters = parameters
	}
	return f
}

// missingField says that a wrapper or a parameter was not sent.
func missingField(name string) *failure {
	return &failure{http.StatusBadRequest, `"%fieldName" is required. Enter and try again.`, obj{"fieldName": name}, nil, false}
}

var (
	errNotFound = &failure{status: http.StatusNotFound, message: "The entity that was requested doesn't exist. Verify the entity and try again."}
	errNoRoute  = &failure{status: http.StatusNotFound, message: "Request does not match any route."}
)

// internal is a masked fault of PHP or SQL.
func (s *Shop) internal() *failure {
	return &failure{status: http.StatusInternalServerError,
		message: fmt.Sprintf("Internal Error. Details are available in Magento log file. Report ID: webapi-%013x", s.rand.Uint64()>>12)}
}

// route is one service of the shop.
type route struct {
	method string
	path   string // below /V1; {id} and {last} are numbers, {key} is a text, {any} whatever
	right  string // ACL id; empty = anyone
	serve  func(s *Shop, r *request) (any, *failure)
}

// request is a request as a service sees it.
type request struct {
	id    int64
	key   string     // the {key} of the path, decoded
	last  int64      // the {last} of the path
	store Store      // of the path; zero where it names none
	query url.Values // keys and values decoded as PHP does
	base  string     // the shop's address as the caller sees it, with a slash
	oauth bool       // signed
	body  any        // decoded JSON, keys in snake_case

	cancels bool // it arrived while the order of its path could be cancelled, and no lock protects that
}

// into decodes the body, and refuses what the service does not know, which is a 500
// in Magento (REC 069).
func (r *request) into(s *Shop, v any) *failure {
	b, err := json.Marshal(r.body)
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		err = d.Decode(v)
	}
	if err != nil {
		return s.internal()
	}
	return nil
}

const (
	rightView      = "Magento_Sales::actions_view"
	rightComment   = "Magento_Sales::comment"
	rightHold      = "Magento_Sales::hold"
	rightUnhold    = "Magento_Sales::unhold"
	rightCancel    = "Magento_Sales::cancel"
	rightInvoice   = "Magento_Sales::invoice"
	rightInvoices  = "Magento_Sales::sales_invoice"
	rightShip      = "Magento_Sales::ship"
	rightShipments = "Magento_Sales::shipment"
	rightRefund    = "Magento_Sales::creditmemo"
	rightMemos     = "Magento_Sales::sales_creditmemo"
	rightTxns      = "Magento_Sales::transactions_fetch"
	rightCreate    = "Magento_Sales::create"
	rightStore     = "Magento_Backend::store"
	rightCustomer  = "Magento_Customer::customer"
	rightManage    = "Magento_Customer::manage"
	rightProducts  = "Magento_Catalog::products"
	rightCatalog   = "Magento_Catalog::catalog"
	rightStock     = "Magento_CatalogInventory::cataloginventory"
	rightStockSave = "Magento_Catalog::catalog_inventory"
	rightSource    = "Magento_InventoryApi::source"
	rightReturns   = "Magento_Rma::rma"
	rightDelete    = "Magento_Customer::delete"
	rightSalable   = "Magento_InventorySalesApi::stock"
)

var routes []route

func init() {
	routes = []route{
		{"POST", "/integration/admin/token", "", (*Shop).serveAdminToken},
		{"GET", "/directory/currency", "", (*Shop).serveCurrency},
		{"GET", "/orders", rightView, (*Shop).serveOrders},
		{"POST", "/orders", rightCreate, (*Shop).serveOrderSave},
		{"PUT", "/orders/create", rightCreate, (*Shop).serveOrderSave},
		{"GET", "/orders/items", rightView, (*Shop).serveItems},
		{"GET", "/orders/items/{id}", rightView, (*Shop).serveItem},
		{"PUT", "/orders/{id}", rightCreate, (*Shop).serveAddress},
		{"GET", "/orders/{id}", rightView, (*Shop).serveOrder},
		{"GET", "/orders/{id}/statuses", rightView, (*Shop).serveOrderStatus},
		{"GET", "/orders/{id}/comments", rightView, (*Shop).serveComments},
		{"POST", "/orders/{id}/comments", rightComment, (*Shop).serveComment},
		{"POST", "/orders/{id}/hold", rightHold, (*Shop).serveHold},
		{"POST", "/orders/{id}/unhold", rightUnhold, (*Shop).serveUnhold},
		{"POST", "/orders/{id}/cancel", rightCancel, (*Shop).serveCancel},
		{"POST", "/order/{id}/invoice", rightInvoice, (*Shop).serveInvoice},
		{"POST", "/order/{id}/ship", rightShip, (*Shop).serveShip},
		{"POST", "/order/{id}/refund", rightRefund, (*Shop).serveRefund},
		{"POST", "/invoice/{id}/refund", rightInvoices, (*Shop).serveInvoiceRefund},
		{"POST", "/invoices/{id}/capture", rightInvoices, (*Shop).serveCapture},
		{"POST", "/invoices/{id}/void", rightInvoices, (*Shop).serveVoid},
		{"GET", "/invoices", rightInvoices, (*Shop).serveInvoices},
		{"GET", "/invoices/{id}", rightInvoices, (*Shop).serveOneInvoice},
		{"GET", "/shipments", rightShipments, (*Shop).serveShipments},
		{"GET", "/shipment/{id}", rightShipments, (*Shop).serveOneShipment},
		{"POST", "/shipment/track", rightShipments, (*Shop).serveTrack},
		{"DELETE", "/shipment/track/{id}", rightShipments, (*Shop).serveTrackDelete},
		{"GET", "/invoices/{id}/comments", rightInvoices, invoices.remarks},
		{"POST", "/invoices/comments", rightInvoices, invoices.remark},
		{"GET", "/shipment/{id}/comments", rightShipments, shipments.remarks},
		{"POST", "/shipment/{id}/comments", rightShipments, shipments.remark},
		{"GET", "/creditmemo/{id}/comments", rightMemos, memos.remarks},
		{"POST", "/creditmemo/{id}/comments", rightMemos, memos.remark},
		{"GET", "/creditmemos", rightMemos, (*Shop).serveMemos},
		{"POST", "/creditmemo", rightMemos, (*Shop).serveMemoSave},
		{"POST", "/creditmemo/refund", rightMemos, (*Shop).serveMemoRefund},
		{"GET", "/creditmemo/{id}", rightMemos, (*Shop).serveOneMemo},
		{"GET", "/transactions", rightTxns, (*Shop).serveTransactions},
		{"GET", "/transactions/{id}", rightTxns, (*Shop).serveOneTransaction},
		{"GET", "/store/websites", rightStore, (*Shop).serveWebsites},
		{"GET", "/store/storeGroups", rightStore, (*Shop).serveGroups},
		{"GET", "/store/storeViews", rightStore, (*Shop).serveViews},
		{"GET", "/store/storeConfigs", rightStore, (*Shop).serveConfigs},
		{"GET", "/modules", rightStore, (*Shop).serveModules},
		{"GET", "/directory/countries", "", (*Shop).serveCountries},
		{"GET", "/directory/countries/{key}", "", (*Shop).serveCountry},
		{"POST", "/customers", "", (*Shop).serveCustomerCreate},
		{"GET", "/customers/search", rightCustomer, (*Shop).serveCustomers},
		{"GET", "/customers/{id}", rightCustomer, (*Shop).serveCustomer},
		{"PUT", "/customers/{id}", rightManage, (*Shop).serveCustomerUpdate},
		{"DELETE", "/customers/{id}", rightDelete, (*Shop).serveCustomerDelete},
		{"GET", "/customerGroups/search", rightCustomer, (*Shop).serveGroupsOfCustomers},
		{"GET", "/products", rightProducts, (*Shop).serveProducts},
		{"POST", "/products", rightProducts, (*Shop).serveProductSave},
		{"POST", "/products/base-prices", rightCatalog, (*Shop).serveBasePrices},
		{"POST", "/products/base-prices-information", rightCatalog, (*Shop).serveBasePriceInformation},
		{"POST", "/products/special-price", rightCatalog, (*Shop).serveSpecialPrices},
		{"POST", "/products/special-price-information", rightCatalog, (*Shop).serveSpecialPriceInformation},
		{"POST", "/products/special-price-delete", rightCatalog, (*Shop).serveSpecialPriceDelete},
		{"GET", "/products/{key}", rightProducts, (*Shop).serveProduct},
		{"PUT", "/products/{key}", rightProducts, (*Shop).serveProductSave},
		{"DELETE", "/products/{key}", rightProducts, (*Shop).serveProductDelete},
		{"PUT", "/products/{key}/stockItems/{any}", rightStockSave, (*Shop).serveStockItemSave},
		{"GET", "/stockItems/{key}", rightStock, (*Shop).serveStockItem},
		{"GET", "/inventory/get-product-salable-quantity/{key}/{any}", rightSalable, (*Shop).serveSalable},
		{"GET", "/inventory/is-product-salable/{key}/{any}", rightSalable, (*Shop).serveIsSalable},
		{"GET", "/inventory/source-items", rightSource, (*Shop).serveSourceItems},
		{"POST", "/inventory/source-items", rightSource, (*Shop).serveSourceItemsSave},
		{"GET", "/inventory/sources", rightSource, (*Shop).serveSources},
		{"GET", "/inventory/stocks", rightSalable, (*Shop).serveStocks},
		{"GET", "/inventory/stock-resolver/website/{key}", rightSalable, (*Shop).serveStockOfWebsite},
		{"GET", "/returns", rightReturns, (*Shop).serveReturns},
		{"POST", "/returns", rightReturns, (*Shop).serveReturnSave},
		{"GET", "/returns/{id}", rightReturns, (*Shop).serveReturn},
		{"PUT", "/returns/{id}", rightReturns, (*Shop).serveReturnSave},
		{"DELETE", "/returns/{id}", rightReturns, (*Shop).serveReturnDelete},
		{"GET", "/returns/{id}/comments", rightReturns, (*Shop).serveReturnComments},
		{"POST", "/returns/{id}/comments", rightReturns, (*Shop).serveReturnComment},
		{"GET", "/returns/{id}/tracking-numbers", rightReturns, (*Shop).serveReturnTracks},
		{"POST", "/returns/{id}/tracking-numbers", rightReturns, (*Shop).serveReturnTrack},
		{"DELETE", "/returns/{id}/tracking-numbers/{last}", rightReturns, (*Shop).serveReturnTrackDelete},
		{"GET", "/returns/{id}/labels", rightReturns, (*Shop).serveReturnLabels},
		{"GET", "/returnsAttributeMetadata", rightReturns, (*Shop).serveReturnAttributes},
	}
}

// answer works on one request. s.mu is held.
func (s *Shop) answer(r *http.Request, body []byte) answer {
	if r.Method == http.MethodHead {
		return answer{status: http.StatusMethodNotAllowed} // REC 308
	}
	if r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/oauth/token/") {
		return s.exchange(r)
	}
	if a := r.Header.Get("Accept"); a != "" && !strings.Contains(a, "json") && !strings.Contains(a, "*/*") {
		return answer{http.StatusInternalServerError, []byte("<html><body>Server cannot understand Accept HTTP header media type.</body></html>"), "text/html; charset=UTF-8"}
	}
	v, f := s.dispatch(r, body)
	if f != nil {
		out := obj{"message": f.message}
		if f.plain {
			return answer{f.status, []byte(f.message), "text/plain;charset=UTF-8"}
		}
		if f.parameters != nil {
			out["parameters"] = f.parameters
		}
		if f.errors != nil {
			out["errors"] = f.errors
		}
		return encode(f.status, out)
	}
	return encode(http.StatusOK, v)
}

func encode(status int, v any) answer {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return answer{http.StatusInternalServerError, []byte(err.Error()), "text/plain"}
	}
	return answer{status: status, body: bytes.TrimSpace(b.Bytes())}
}

func (s *Shop) dispatch(r *http.Request, body []byte) (any, *failure) {
	rest, ok := cutRest(r.URL.EscapedPath())
	if !ok {
		return nil, errNoRoute
	}
	code, path, ok := strings.Cut(rest, "V1/")
	code = strings.Trim(code, "/")
	if !ok {
		return nil, errNoRoute
	}
	st, known := s.store(code)
	if code != "" && code != "all" && !known {
		return nil, invalid("Specified request cannot be processed.") // REC 190
	}
	rt, req := find(r.Method, "/"+path)
	if rt == nil || !s.c.AdobeCommerce && strings.HasPrefix(rt.path, "/returns") {
		return nil, errNoRoute
	}
	if f := s.authorize(r, rt.right); f != nil {
		return nil, f
	}
	req.store, req.query, req.base = st, parseQuery(r.URL.RawQuery), origin(r)+"/"
	req.oauth = strings.HasPrefix(r.Header.Get("Authorization"), "OAuth ")
	req.cancels, _ = r.Context().Value(cancelsKey{}).(bool)
	if r.Method != http.MethodGet {
		f := decodeBody(r, body, req)
		if f == nil {
			f = s.limitArrays(path, req.body)
		}
		if f != nil {
			return nil, f
		}
	}
	v, f := rt.serve(s, req)
	if f != nil {
		return nil, f
	}
	if fields := req.query.Get("fields"); fields != "" {
		v = parseFields(fields).apply(v)
	}
	return v, nil
}

// cutRest returns what follows /rest/, wherever the shop's own path ends.
func cutRest(path string) (string, bool) {
	_, rest, ok := strings.Cut(path, "/rest/")
	return rest, ok
}

// find returns the route of a path, and what the path says.
func find(method, path string) (*route, *request) {
	parts := strings.Split(path, "/")
	for i := range routes {
		rt, req := &routes[i], &request{}
		want := strings.Split(rt.path, "/")
		if rt.method != method || len(want) != len(parts) {
			continue
		}
		fits := true
		for j := range want {
			var err error
			switch want[j] {
			case "{id}":
				req.id, err = strconv.ParseInt(parts[j], 10, 64)
			case "{last}":
				req.last, err = strconv.ParseInt(parts[j], 10, 64)
			case "{key}":
				req.key, err = url.PathUnescape(parts[j])
			case "{any}":
			case parts[j]:
			default:
				fits = false
			}
			fits = fits && err == nil
		}
		if fits {
			return rt, req
		}
	}
	return nil, nil
}

// decodeBody reads JSON. No body at all is allowed, as for hold.
func decodeBody(r *http.Request, body []byte, into *request) *failure {
	if len(bytes.TrimSpace(body)) == 0 {
		into.body = obj{}
		return nil
	}
	ct := r.Header.Get("Content-Type")
	if ct == "" {
		return invalid("Content-Type header is empty.")
	}
	if mt, _, err := mime.ParseMediaType(ct); err != nil || mt != "application/json" {
		ct, _, _ = strings.Cut(ct, ";")
		return invalid("Server cannot understand Content-Type HTTP header media type " + ct)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil || d.More() {
		return invalid("Decoding error.")
	}
	into.body = snake(v)
	return nil
}

// parseQuery decodes a query as PHP does: a + is a space there.
func parseQuery(raw string) url.Values {
	v := url.Values{}
	for part := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		n, err1 := url.QueryUnescape(name)
		val, err2 := url.QueryUnescape(value)
		if n != "" && err1 == nil && err2 == nil {
			v.Add(n, val)
		}
	}
	return v
}
