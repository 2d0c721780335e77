package magentoshop

import (
	"cmp"
	"context"
	"iter"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/resilience"
)

// Documents yields what the shop's own books say of its sales and of the money that Stripe
// moved for them: the invoices that are paid, as sales, and the credit memos, as refunds,
// that were made in [from, to) by the shop's clock; a zero time is no bound. Sales come
// first, each in the order of ids, and behind them those that Stripe has no part in.
//
// An invoice is what Magento records a payment by, so that what is not paid has none that
// is: orders that are pending, were authorised only, or were cancelled before anybody paid
// are left out, and a bank debit has the day on which its money was recorded. The amount is
// grand_total, which is what gift cards, store credit and points left; Total is what was
// there before. An order that was captured in parts has a sale for each.
//
// Stripe has no part in orders by offline methods (see Config.Tenders), and in those that
// gift cards, store credit and points paid for as a whole. Of these each is a sale itself,
// of the day on which it was placed, unless it was cancelled: an ERP may invoice it before
// anybody has paid. Amount is nought, and Total what it comes to.
//
// A refund is there for each credit memo that the shop calls refunded, whether or not money
// moved; its amount is nought where Stripe has no part in the order. Which part of it went
// to the buyer's store credit instead, REST does not tell.
//
// The ids of Stripe are those of transaction_id, else those that a comment names, where
// [Shop.RecordPayment] and our refunds leave them, else that of the order's payment.
//
// An invoice or memo whose rows can not be said in canonical words comes with its amount and
// without Lines, Taxes, Total and Unsent, and the log says why; where the amount is nought,
// Total is grand_total. It costs a request for each page of invoices, of memos and of orders,
// and for the orders that are told; one page is held at a time. The sequence ends with the
// first error.
func (s *Shop) Documents(ctx context.Context, from, to time.Time) iter.Seq2[reconcile.Document, error] {
	return func(yield func(reconcile.Document, error) bool) {
		d := documents{Shop: s, yield: yield}
		ctx := resilience.WithBackfill(ctx)
		filters := magento.Where(made(from, to)...)
		err := d.sales(ctx, filters)
		if err == nil {
			err = d.others(ctx, filters)
		}
		if err == nil {
			err = d.refunds(ctx, filters)
		}
		if err != nil && !d.stopped {
			yield(reconcile.Document{}, err)
		}
	}
}

// made are the filters for what was created in [from, to): dates of the shop have whole
// seconds.
func made(from, to time.Time) (filters []magento.Filter) {
	for _, f := range []struct {
		at time.Time
		is magento.Condition
	}{{from, magento.GtEq}, {to, magento.Lt}} {
		if f.at.IsZero() {
			continue
		}
		second := f.at.UTC().Truncate(time.Second)
		if second.Before(f.at) {
			second = second.Add(time.Second)
		}
		filters = append(filters, magento.Filter{Field: "created_at", Is: f.is, Value: second.Format(time.DateTime)})
	}
	return filters
}

// sold are the fields of an order that its money is read from: of addresses only where.
var sold = strings.Split("increment_id store_id store_name state status created_at is_virtual order_currency_code base_currency_code "+
	"base_to_order_rate coupon_code discount_description shipping_description customer_group_id "+
	"grand_total subtotal discount_amount tax_amount shipping_amount shipping_tax_amount shipping_discount_amount "+
	"discount_tax_compensation_amount shipping_discount_tax_compensation_amount total_paid total_refunded "+
	"base_grand_total base_subtotal base_discount_amount base_tax_amount base_shipping_amount base_shipping_discount_amount "+
	"base_discount_tax_compensation_amount base_shipping_discount_tax_compensation_amnt "+
	"items[item_id,parent_item_id,product_type,sku,name,is_virtual,qty_ordered,qty_canceled,qty_invoiced,qty_shipped,qty_refunded,price,price_incl_tax,"+
	"original_price,row_total,row_total_incl_tax,tax_amount,tax_percent,discount_amount,discount_tax_compensation_amount] "+
	"billing_address[country_id,region,region_code] payment[method,last_trans_id] "+
	"extension_attributes[shipping_assignments[shipping[method,address[country_id,region,region_code]]],payment_additional_info[key,value],"+
	"applied_taxes,item_applied_taxes,gift_cards,gift_cards_amount,base_gift_cards_amount,customer_balance_amount,base_customer_balance_amount,"+
	"reward_currency_amount,base_reward_currency_amount]", " ")

// billed are the fields of an invoice that are read, and noted those of a credit memo.
var (
	billed = strings.Split("order_id state transaction_id created_at grand_total subtotal discount_amount tax_amount shipping_amount "+
		"shipping_tax_amount discount_tax_compensation_amount "+
		"items[order_item_id,qty,row_total,tax_amount,discount_amount,discount_tax_compensation_amount] comments[comment]", " ")
	noted = append(slices.Clone(billed), "adjustment")
)

// placed are the fields that tell whether Stripe has a part in an order.
var placed = strings.Split("created_at state status order_currency_code grand_total payment[method]", " ")

// paper is an invoice, a credit memo or an order.
type paper struct {
	id          string // "invoice/9"
	order       magento.ID
	refund      bool
	whole       bool // the order itself
	created     time.Time
	transaction string
	comments    []magento.DocumentComment
	adjustment  magento.Number
	magento.Totals
	items []magento.DocumentItem
}

// documents is one walk.
type documents struct {
	*Shop
	yield   func(reconcile.Document, error) bool
	stopped bool
	page    []paper
}

// papers is of how many papers the orders are read at once.
const papers = 50

// add puts a paper on the page, and tells a page that is full.
func (d *documents) add(ctx context.Context, p paper) error {
	if d.page = append(d.page, p); len(d.page) < papers {
		return nil
	}
	return d.turn(ctx)
}

func (d *documents) sales(ctx context.Context, filters [][]magento.Filter) error {
	for i, err := range d.client.Invoices.List(ctx, magento.ListParams{ByID: true, Filters: filters, Fields: billed}) {
		if err == nil && i.State == magento.InvoicePaid {
			err = d.add(ctx, paper{id: "invoice/" + i.EntityID.String(), order: i.OrderID, created: i.CreatedAt.Time, transaction: i.TransactionID,
				comments: i.Comments, Totals: i.Totals, items: i.Items})
		}
		if err != nil {
			return err
		}
	}
	return d.turn(ctx)
}

// others tells the orders that Stripe has no part in.
func (d *documents) others(ctx context.Context, filters [][]magento.Filter) error {
	for o, err := range d.client.Orders.List(ctx, magento.ListParams{ByID: true, Filters: filters, Fields: placed}) {
		if err != nil {
			return err
		}
		r := &reader{shop: d.Shop, o: &o, document: "magento order " + o.EntityID.String()}
		with := r.byStripe()
		if r.err != nil {
			return r.err
		}
		if with || d.c.States.Of(o.State, o.Status) == commerce.OrderCanceled {
			continue
		}
		if err := d.add(ctx, paper{id: d.Ref(o.EntityID).ID, order: o.EntityID, whole: true, created: o.CreatedAt.Time, Totals: magento.Totals{GrandTotal: o.GrandTotal}}); err != nil {
			return err
		}
	}
	return d.turn(ctx)
}

// byStripe reports whether a part of the order is to be paid by Stripe.
func (r *reader) byStripe() bool {
	return r.tender() == commerce.TenderStripe && r.amount("", "grand_total", r.o.GrandTotal) > 0
}

func (d *documents) refunds(ctx context.Context, filters [][]magento.Filter) error {
	for m, err := range d.client.CreditMemos.List(ctx, magento.ListParams{ByID: true, Filters: filters, Fields: noted}) {
		if err == nil && m.State == magento.CreditMemoRefunded {
			err = d.add(ctx, paper{id: "creditmemo/" + m.EntityID.String(), order: m.OrderID, refund: true, created: m.CreatedAt.Time, transaction: m.TransactionID,
				comments: m.Comments, adjustment: m.Adjustment, Totals: m.Totals, items: m.Items})
		}
		if err != nil {
			return err
		}
	}
	return d.turn(ctx)
}

// turn tells the papers of a page, whose orders it reads.
func (d *documents) turn(ctx context.Context) error {
	if len(d.page) == 0 {
		return nil
	}
	orders, ids := map[magento.ID]*magento.Order{}, []string{}
	for _, p := range d.page {
		if _, known := orders[p.order]; !known {
			orders[p.order], ids = nil, append(ids, p.order.String())
		}
	}
	of := magento.Where(magento.Filter{Field: "entity_id", Is: magento.In, Value: strings.Join(ids, ",")})
	for o, err := range d.client.Orders.List(ctx, magento.ListParams{ByID: true, Filters: of, Fields: sold}) {
		if err != nil {
			return err
		}
		orders[o.EntityID] = &o
	}
	for _, p := range d.page {
		o := orders[p.order]
		if o == nil {
			return commerce.Errorf(commerce.KindNotFound, System, "read documents", "%s is of order %s, which is not there", p.id, p.order)
		}
		doc, ok, err := d.document(ctx, o, p)
		if err != nil {
			return err
		}
		if ok && !d.yield(doc, nil) {
			d.stopped = true
			return errStopped
		}
	}
	d.page = d.page[:0]
	return nil
}

var (
	// stripePayment and stripeRefund find the ids of Stripe in a text.
	stripePayment = regexp.MustCompile(`\b(?:pi|ch|py)_[0-9A-Za-z]+`)
	stripeRefund  = regexp.MustCompile(`\b(?:re|pyr)_[0-9A-Za-z]+`)
)

// named finds an id of Stripe on a paper.
func (p paper) named(id *regexp.Regexp) string {
	found := id.FindString(p.transaction)
	for _, c := range p.comments {
		if found == "" {
			found = id.FindString(c.Comment)
		}
	}
	return found
}

// document says a paper of an order; ok is false where another paper says the same, or it
// comes to nothing.
func (d *documents) document(ctx context.Context, o *magento.Order, p paper) (doc reconcile.Document, ok bool, err error) {
	r := &reader{shop: d.Shop, o: o, document: "magento " + p.id}
	currency, err := commerce.ParseCurrency(o.OrderCurrencyCode)
	if err != nil {
		return doc, false, mapping.Faultf(r.document, "order_currency_code", o.OrderCurrencyCode, "is no ISO 4217 currency")
	}
	doc = reconcile.Document{System: System, Shop: d.c.Account, ID: p.id, Number: o.IncrementID, Refund: p.refund, Date: p.created,
		Amount: r.money("grand_total", p.GrandTotal, currency)}
	due := r.byStripe()
	if r.err != nil || doc.Amount.Sign() < 0 || !due && !p.refund && !p.whole {
		return doc, false, r.err
	}
	said := d.content(ctx, r, p)
	doc.Lines, doc.Taxes, doc.Unsent = said.Lines, said.Taxes, said.Unsent
	if said.Total == (commerce.Money{}) {
		said.Total = doc.Amount
	}
	if due {
		doc.Payment = cmp.Or(p.named(stripePayment), paymentID(*o))
		if p.refund {
			doc.RefundID = p.named(stripeRefund)
		}
	} else {
		doc.Amount = commerce.Zero(currency)
	}
	if said.Total != doc.Amount {
		doc.Total = said.Total
	}
	return doc, !said.Total.IsZero(), nil
}

// content says what a paper is made of and what it comes to, whoever paid: nothing where it
// can not be said.
func (d *documents) content(ctx context.Context, r *reader, p paper) reconcile.Document {
	order, err := d.Canonical(ctx, *r.o)
	var whole, said reconcile.Document
	if err == nil {
		whole, err = reconcile.Sale(order)
	}
	if p.whole {
		said = whole
	} else if err == nil {
		if order, err = r.part(order, p); err == nil {
			said, err = reconcile.Sale(order)
		}
	}
	if err != nil {
		d.c.Logger.WarnContext(ctx, "magento: a document has no lines: "+err.Error(), "document", p.id)
		return reconcile.Document{}
	}
	for i := range said.Lines {
		if p.refund && said.Lines[i].Key == reconcile.LineFee {
			said.Lines[i].Key = reconcile.LineAdjustment
		}
	}
	said.Unsent = whole.Unsent
	return said
}

// part says the rows of an invoice or a credit memo as those of an order. Each has the rates
// of the order's own row; where those are several, its tax is shared out as theirs was.
func (r *reader) part(order commerce.Order, p paper) (commerce.Order, error) {
	to := order.BillingAddress
	if order.ShippingAddress != nil {
		to = *order.ShippingAddress
	}
	sheet := mapping.Sheet{Document: r.document, Currency: order.Currency, Country: to.Country, Region: to.Region, Included: order.PricesIncludeTax}
	bought := map[string]mapping.Row{}
	for _, row := range r.rows() {
		bought[row.ID] = row
	}
	stated := mapping.Stated{
		Net: r.amount("", "subtotal", p.Subtotal), Shipping: r.amount("", "shipping_amount", p.ShippingAmount),
		Fees: r.amount("", "adjustment", p.adjustment), Tax: r.amount("", "tax_amount", p.TaxAmount), Gross: r.amount("", "grand_total", p.GrandTotal)}
	// What it shows of the discount on shipping, and of the tax inside it, stands within
	// those of all (2.4.6-p1, REC 519): what is off, and not off the rows, is the shipping's.
	whole := stated.Net + stated.Shipping + stated.Fees + stated.Tax
	off := whole - stated.Gross
	if by := order.Tenders; len(by) > 1 || len(by) == 1 && by[0].Kind != r.tender() { // gift cards, store credit and points pay as well
		off = -r.amount("", "discount_amount", p.DiscountAmount) - r.amount("", "discount_tax_compensation_amount", p.DiscountTaxCompensation)
		stated.Gross = whole - off
	}
	repeats := map[string]bool{} // the parents of rows that carry the money themselves
	for _, i := range p.items {
		at := "items[" + i.OrderItemID.String() + "]."
		row, ok := bought[i.OrderItemID.String()]
		if !ok {
			r.fault(at+"order_item_id", i.OrderItemID.String(), "the order has no such row")
			break
		}
		row.Quantity = r.decimal(at, "qty", i.Qty)
		if row.Quantity.IsZero() {
			continue // money without goods
		}
		row.Net, row.Tax = r.amount(at, "row_total", i.RowTotal), r.amount(at, "tax_amount", i.TaxAmount)
		row.Discount = r.amount(at, "discount_amount", i.DiscountAmount) - r.amount(at, "discount_tax_compensation_amount", i.DiscountTaxCompensation)
		row.Taxes = shared(row.Taxes, row.Tax)
		if !row.Folded && (row.Net != 0 || row.Discount != 0 || row.Tax != 0) {
			repeats[row.Parent] = true
		}
		sheet.Rows = append(sheet.Rows, row)
	}
	for _, row := range sheet.Rows {
		if !repeats[row.ID] {
			stated.Discount += row.Discount
		}
	}
	if stated.ShippingDiscount = off - stated.Discount; stated.ShippingDiscount < -50 || stated.ShippingDiscount > stated.Shipping+50 {
		r.fault("grand_total", string(p.GrandTotal), "it is %s of %s, and its rows have discounts of %s", stated.Gross.Text(), whole.Text(), stated.Discount.Text())
	}
	sheet.Shipping = r.shipping()
	sheet.Shipping.Net, sheet.Shipping.Discount = stated.Shipping, stated.ShippingDiscount
	sheet.Shipping.Tax = r.amount("", "shipping_tax_amount", p.ShippingTaxAmount)
	sheet.Shipping.Taxes = shared(sheet.Shipping.Taxes, sheet.Shipping.Tax)
	sheet.Stated = stated
	if r.err != nil {
		return commerce.Order{}, r.err
	}
	sale, err := sheet.Fold()
	return commerce.Order{Currency: order.Currency, Lines: sale.Lines, Shipping: sale.Shipping, Totals: sale.Totals}, err
}

// shared shares a tax out over rates as theirs was.
func shared(taxes []mapping.RowTax, tax mapping.Amount) []mapping.RowTax {
	whole := mapping.Amount(0)
	for _, t := range taxes {
		whole += t.Amount
	}
	out := slices.Clone(taxes)
	left, rest := tax, whole
	for i, t := range taxes {
		part := left
		if i < len(taxes)-1 && rest != 0 {
			x := new(big.Int).Mul(big.NewInt(int64(left)), big.NewInt(int64(t.Amount)))
			part = mapping.Amount(x.Quo(x, big.NewInt(int64(rest))).Int64())
		}
		out[i].Amount = part
		left, rest = left-part, rest-t.Amount
	}
	return out
}
