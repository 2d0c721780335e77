package erp

import (
	"context"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
)

// ERP is what every adapter offers. It speaks for one company; every call names
// that company to the server. It is safe for concurrent use.
type ERP interface {
	// Ping is a cheap read that succeeds when the server answers and accepts the
	// credentials.
	Ping(ctx context.Context) error

	// ForCompany returns the same ERP speaking for another company, over the same
	// session, with the same optional abilities. The empty id is the default company
	// of the credentials.
	ForCompany(id string) ERP

	// Capabilities reads what this server, with these rights and this company, can promise.
	Capabilities(ctx context.Context) (Capabilities, error)

	// ProductsBySKU returns the active products with these SKUs, in one call. A SKU
	// that the ERP does not know is absent from the map; one that two products share
	// is an error of kind ambiguous.
	ProductsBySKU(ctx context.Context, skus []string) (map[string]Product, error)

	// Taxes returns the company's taxes, for a check of the tax table at start.
	Taxes(ctx context.Context) ([]Tax, error)

	// UpsertCustomer finds the party by Key or makes it, and finds or adds the
	// addresses. Addresses are never changed: documents point at them.
	UpsertCustomer(ctx context.Context, c Customer) (CustomerRef, error)

	// FindOrders returns every order under the key, cancelled ones included, returns
	// excluded: the ones that count first (confirmed before draft before cancelled),
	// the oldest first among equals. None is an empty slice.
	FindOrders(ctx context.Context, key string) ([]Order, error)

	// FindOrder returns the first of FindOrders that is not cancelled, or an error of
	// kind not found.
	FindOrder(ctx context.Context, key string) (Order, error)

	// CreateOrder returns the order under o.Key with the expected total, as a draft or
	// further: it finds one, finishes a half-done one, or makes one. It never confirms.
	// Totals that differ beyond the rounding leave the draft and return it with a
	// *TotalsError. A product or a tax that the ERP does not have is of kind mapping,
	// and nothing is written.
	CreateOrder(ctx context.Context, o NewOrder) (Order, error)

	// ConfirmOrder confirms a draft and lets the ERP process it; a confirmed one is
	// returned as it is, a cancelled one is an error of kind conflict.
	ConfirmOrder(ctx context.Context, order commerce.Ref) (Order, error)

	// CancelOrder cancels an order, a confirmed one with what follows from it: what the
	// warehouse has reserved is free again, a draft invoice goes. A cancelled one is
	// returned as it is. Once goods are picked, packed or sent, or an invoice is posted,
	// nothing is done and the error is of kind conflict, whether or not the server itself
	// would refuse. It may be called again after any error, and finishes what is half done;
	// an error after a first write states Unknown.
	CancelOrder(ctx context.Context, order commerce.Ref) (Order, error)

	// WithdrawOrder deletes a draft that is one too many under its key. Anything but a
	// draft is an error of kind conflict and stays; a missing one is no error.
	WithdrawOrder(ctx context.Context, order commerce.Ref) error
}

// Capabilities says what a server can promise.
type Capabilities struct {
	System string // "tryton"
	// Mode says whether the ERP's books are for real, as the adapter's config has it.
	Mode    commerce.Mode
	Version string // "6.0.29"
	Company string // id of the company that the calls are made for
	// Currency is the company's: journal entries balance in it.
	Currency commerce.Currency

	// UniqueOrders: the server itself refuses a second order with one key.
	UniqueOrders bool
	// UniqueEntries: the same for journal entries.
	UniqueEntries bool
	// Tracking: shipments carry tracking numbers.
	Tracking bool
	// Stock: orders make shipments in this ERP, so that it can serve as the warehouse.
	Stock bool
	// InvoicesItself: the ERP makes draft invoices of an order by itself, when it is
	// confirmed or as it is shipped.
	InvoicesItself bool
	// InvoicesOnRequest: PostInvoice makes the invoice of an order of which the ERP has
	// made none.
	InvoicesOnRequest bool
	// UniqueInvoices and UniqueReceipts: the same for invoices with credit notes, and
	// for receipts.
	UniqueInvoices, UniqueReceipts bool
	// DatedNumbers: invoices are numbered in the order of their days in the ledger, so
	// that a late one gets a later day there.
	DatedNumbers bool
	// FXByServer: the ERP itself books differences in exchange when a receipt is applied.
	FXByServer bool
	// TaxRounding is how the ERP rounds the tax of a document.
	TaxRounding TaxRounding

	// Settle is the longest time that a request, once sent, can still take effect
	// after the caller gave up: the longest request that server and proxies allow.
	Settle time.Duration
	// Classes say how strongly each write is guarded against a second one.
	Classes Classes
}

// Classes holds the class of every write that an adapter makes.
type Classes struct {
	Customer   idempotency.Class // UpsertCustomer
	Order      idempotency.Class // CreateOrder
	Confirm    idempotency.Class // ConfirmOrder
	Cancel     idempotency.Class // CancelOrder
	Withdraw   idempotency.Class // WithdrawOrder
	Fulfilment idempotency.Class // RequestFulfilment; empty without Warehouse
	Entry      idempotency.Class // PostEntry; empty without Ledger
	Reversal   idempotency.Class // ReverseEntry; empty without Ledger
	Invoice    idempotency.Class // PostInvoice; empty without Invoicer
	Receipt    idempotency.Class // PostReceipt; empty without Receipter
	Apply      idempotency.Class // ApplyReceipt, UnapplyReceipt; empty without Receipter
	CreditNote idempotency.Class // PostCreditNote; empty without CreditNoter
}

// TaxRounding says where an ERP rounds tax.
type TaxRounding string

const (
	// RoundPerDocument: once for each tax, on the sum of the lines: 3 x 9.97 at 19 % is 5.68.
	RoundPerDocument TaxRounding = "document"
	// RoundPerLine: for each line: 3 x 9.97 at 19 % is 5.67.
	RoundPerLine TaxRounding = "line"
)

// Product is what can stand on an order line.
type Product struct {
	ID         string
	SKU        string
	Unit       string // id of the unit it is sold in
	UnitDigits int    // decimals that a quantity may have
	Stocked    bool   // goods that are moved, as against services
}

// Tax is one tax of the company.
type Tax struct {
	ID   string
	Name string
	Rate commerce.Decimal // percent: 19; nought for taxes that are no percentage
}
