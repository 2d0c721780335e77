package magento

import (
	"context"
	"net/http"
	"slices"

	"github.com/commercesync/commerce"
)

// Right is an ACL resource, as an integration's rights are ticked under System >
// Integrations > API (M2:app/code/Magento/*/etc/webapi.xml, 2.4.6).
type Right string

// The rights that [Client.Has] can ask for.
const (
	ViewOrders      Right = "Magento_Sales::actions_view"
	CreateOrders    Right = "Magento_Sales::create"
	CommentOrders   Right = "Magento_Sales::comment"
	HoldOrders      Right = "Magento_Sales::hold"
	UnholdOrders    Right = "Magento_Sales::unhold"
	CancelOrders    Right = "Magento_Sales::cancel"
	InvoiceOrders   Right = "Magento_Sales::invoice"
	UseInvoices     Right = "Magento_Sales::sales_invoice"
	ShipOrders      Right = "Magento_Sales::ship"
	UseShipments    Right = "Magento_Sales::shipment"
	RefundOrders    Right = "Magento_Sales::creditmemo"
	UseCreditMemos  Right = "Magento_Sales::sales_creditmemo"
	ReadPayments    Right = "Magento_Sales::transactions_fetch"
	ReadStores      Right = "Magento_Backend::store"
	ReadCustomers   Right = "Magento_Customer::customer"
	ManageCustomers Right = "Magento_Customer::manage"
	UseProducts     Right = "Magento_Catalog::products"
	SetPrices       Right = "Magento_Catalog::catalog"
	SetStock        Right = "Magento_Catalog::catalog_inventory"
	UseSources      Right = "Magento_InventoryApi::source"
	UseReturns      Right = "Magento_Rma::rma"
)

// knock is a request by which a right shows.
type knock struct {
	right        Right
	method, path string
}

// knocks have no effect: lists of one row, and writes to order 0, which can not be. The
// right is looked at before anything else of a request (2.4.6-p1, REC 020).
var knocks = []knock{
	{ViewOrders, http.MethodGet, "/orders"},
	{CreateOrders, http.MethodPost, "/orders"},
	{CommentOrders, http.MethodPost, "/orders/0/comments"},
	{HoldOrders, http.MethodPost, "/orders/0/hold"},
	{UnholdOrders, http.MethodPost, "/orders/0/unhold"},
	{CancelOrders, http.MethodPost, "/orders/0/cancel"},
	{InvoiceOrders, http.MethodPost, "/order/0/invoice"},
	{UseInvoices, http.MethodGet, "/invoices"},
	{ShipOrders, http.MethodPost, "/order/0/ship"},
	{UseShipments, http.MethodGet, "/shipments"},
	{RefundOrders, http.MethodPost, "/order/0/refund"},
	{UseCreditMemos, http.MethodGet, "/creditmemos"},
	{ReadPayments, http.MethodGet, "/transactions"},
	{ReadStores, http.MethodGet, "/store/storeViews"},
	{ReadCustomers, http.MethodGet, "/customers/search"},
	{ManageCustomers, http.MethodPut, "/customers/0"},
	{UseProducts, http.MethodGet, "/products"},
	{SetPrices, http.MethodPost, "/products/base-prices-information"},
	{SetStock, http.MethodPut, "/products/none/stockItems/0"},
	{UseSources, http.MethodGet, "/inventory/sources"},
	{UseReturns, http.MethodGet, "/returns"},
}

// Rights returns the rights that Has can ask for.
func Rights() []Right {
	var all []Right
	for _, k := range knocks {
		all = append(all, k.right)
	}
	return all
}

// Has reports whether the credentials have a right, by a request that has no effect. A
// shop without the module is an error with code [CodeNoRoute]; credentials that are
// refused are one of kind auth.
func (cl *Client) Has(ctx context.Context, right Right) (bool, error) {
	op := "ask for the right " + string(right)
	i := slices.IndexFunc(knocks, func(k knock) bool { return k.right == right })
	if i < 0 {
		return false, refuse(op, "", "it is none that can be asked for")
	}
	k := knocks[i]
	c := call{op: op, method: k.method, path: k.path, write: k.method != http.MethodGet}
	if c.write {
		c.body = struct{}{}
	} else {
		c.query = params{{"searchCriteria[pageSize]", "1"}}
	}
	_, err := cl.send(ctx, cl.guarded, c)
	e, ok := err.(*commerce.Error)
	switch {
	case err == nil:
		return true, nil
	case !ok || e.Code == CodeNoRoute || e.Code == CodeNotOffered:
		return false, err
	case e.Kind == commerce.KindForbidden:
		return false, nil
	case e.Kind == commerce.KindInvalid || e.Kind == commerce.KindNotFound || e.Kind == commerce.KindInternal:
		return true, nil // it was let in, and did nothing
	}
	return false, err
}
