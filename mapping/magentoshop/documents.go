package magentoshop

import (
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

// Documents yields what the shop's own books say of the money that Stripe moved: the sales
// of orders that were placed, and the refunds of credit memos that were made, in [from, to)
// by the shop's clock; a zero time is no bound. Sales come first, each in the order of ids.
//
// A sale is there when a part of the order is to be paid by Stripe ([commerce.Order.Due]:
// not gift cards, store credit, points and offline methods, see Config.Tenders) and the shop
// has recorded some of it as paid (total_paid). So orders that are pending, were authorised
// only, or were cancelled before anybody paid are left out; one that is paid later belongs to
// the time when it was placed. Its amount is what was due, or what was paid where that is
// less, as after a capture of a part.
//
// A refund is there for each credit memo of such an order that the shop calls refunded,
// whether or not money moved; its amount is grand_total, which is less gift cards and store
// credit. Which part of it went to the buyer's store credit instead, REST does not tell. Its
// id of Stripe is that of its transaction, else the first re_… in a comment, where our
// workflows leave it; and the payment of the order stands beside it.
//
// An order or memo whose rows can not be said in canonical words comes with its amount and
// without Lines and Taxes, and the log says why. It costs a request for each page of orders,
// for each page of memos, and for their orders; one page is held at a time. The sequence ends
// with the first error.
func (s *Shop) Documents(ctx context.Context, from, to time.Time) iter.Seq2[reconcile.Document, error] {
	return func(yield func(reconcile.Document, error) bool) {
		d := documents{Shop: s, yield: yield}
		ctx := resilience.WithBackfill(ctx)
		filters := magento.Where(made(from, to)...)
		err := d.sales(ctx, filters)
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

// noted are the fields of a credit memo that are read.
var noted = strings.Split("increment_id order_id state transaction_id created_at grand_total subtotal discount_amount tax_amount shipping_amount "+
	"shipping_tax_amount discount_tax_compensation_amount adjustment "+
	"items[order_item_id,qty,row_total,tax_amount,discount_amount,discount_tax_compensation_amount] comments[comment]", " ")

// documents is one walk.
type documents struct {
	*Shop
	yield   func(reconcile.Document, error) bool
	stopped bool
}

func (d *documents) tell(doc reconcile.Document) error {
	if !d.yield(doc, nil) {
		d.stopped = true
		return errStopped
	}
	return nil
}

func (d *documents) sales(ctx context.Context, filters [][]magento.Filter) error {
	for o, err := range d.client.Orders.List(ctx, magento.ListParams{ByID: true, Filters: filters, Fields: sold}) {
		if err != nil {
			return err
		}
		r, order, err := d.sold(ctx, &o)
		if err != nil {
			return err
		}
		doc, err := reconcile.Sale(order)
		if err != nil {
			return err
		}
		if paid := order.Paid; doc.Amount.Sign() > 0 && paid.Sign() > 0 {
			if paid.Minor() < doc.Amount.Minor() {
				doc.Amount = paid
			}
			d.left(ctx, doc.ID, r.err)
			if err := d.tell(doc); err != nil {
				return err
			}
		}
	}
	return nil
}

// sold says the money of an order. What it can not say of its rows is the reader's err, and
// the order then has no lines; only where no amount can be said it ends in an error.
func (d *documents) sold(ctx context.Context, o *magento.Order) (*reader, commerce.Order, error) {
	r := &reader{shop: d.Shop, o: o, document: "magento order " + o.EntityID.String()}
	order, err := d.Canonical(ctx, *o)
	if err == nil {
		return r, order, nil
	}
	c, bad := commerce.ParseCurrency(o.OrderCurrencyCode)
	if bad != nil {
		return r, order, err
	}
	order.Currency, order.PaymentID, order.Paid = c, paymentID(*o), r.money("total_paid", o.TotalPaid, c)
	due := commerce.Tender{Kind: r.tender(), Amount: r.money("grand_total", o.GrandTotal, c), Reference: order.PaymentID}
	if r.err != nil {
		return r, order, r.err
	}
	order.Tenders, r.err = []commerce.Tender{due}, err
	return r, order, nil
}

// left says why a document has no lines.
func (d *documents) left(ctx context.Context, id string, err error) {
	if err != nil {
		d.c.Logger.WarnContext(ctx, "magento: a document has no lines: "+err.Error(), "document", id)
	}
}

// memoPage is of how many credit memos the orders are read at once.
const memoPage = 50

func (d *documents) refunds(ctx context.Context, filters [][]magento.Filter) error {
	var page []magento.CreditMemo
	for m, err := range d.client.CreditMemos.List(ctx, magento.ListParams{ByID: true, Filters: filters, Fields: noted}) {
		if err != nil {
			return err
		}
		if m.State != magento.CreditMemoRefunded {
			continue
		}
		if page = append(page, m); len(page) == memoPage {
			if err := d.refunded(ctx, page); err != nil {
				return err
			}
			page = page[:0]
		}
	}
	return d.refunded(ctx, page)
}

// refunded tells the refunds of some memos, whose orders it reads.
func (d *documents) refunded(ctx context.Context, page []magento.CreditMemo) error {
	if len(page) == 0 {
		return nil
	}
	orders, ids := map[magento.ID]*magento.Order{}, []string{}
	for _, m := range page {
		if _, known := orders[m.OrderID]; !known {
			orders[m.OrderID], ids = nil, append(ids, m.OrderID.String())
		}
	}
	of := magento.Where(magento.Filter{Field: "entity_id", Is: magento.In, Value: strings.Join(ids, ",")})
	for o, err := range d.client.Orders.List(ctx, magento.ListParams{ByID: true, Filters: of, Fields: sold}) {
		if err != nil {
			return err
		}
		orders[o.EntityID] = &o
	}
	for _, m := range page {
		o := orders[m.OrderID]
		if o == nil {
			return commerce.Errorf(commerce.KindNotFound, System, "read documents", "credit memo %s is of order %s, which is not there", m.EntityID, m.OrderID)
		}
		r, order, err := d.sold(ctx, o)
		if err != nil {
			return err
		}
		doc, err := r.refund(order, m)
		if err != nil {
			return err
		}
		if r.tender() != commerce.TenderStripe || doc.Amount.Sign() <= 0 {
			continue
		}
		d.left(ctx, doc.ID, r.err)
		if err := d.tell(doc); err != nil {
			return err
		}
	}
	return nil
}

// stripeRefund finds the id of a refund in a text.
var stripeRefund = regexp.MustCompile(`\b(?:re|pyr)_[0-9A-Za-z]+`)

// refund says a credit memo of an order. What it can not say of its rows is r.err.
func (r *reader) refund(order commerce.Order, m magento.CreditMemo) (reconcile.Document, error) {
	doc := reconcile.Document{System: order.Ref.System, Shop: order.Ref.Account, ID: "creditmemo/" + m.EntityID.String(), Number: order.Number,
		Refund: true, Date: m.CreatedAt.Time, Payment: order.PaymentID}
	unsaid := r.err
	r.document, r.err = "magento credit memo "+m.EntityID.String(), nil
	if doc.Amount = r.money("grand_total", m.GrandTotal, order.Currency); r.err != nil {
		return doc, r.err
	}
	for _, text := range append([]string{m.TransactionID}, comments(m)...) {
		if doc.RefundID = stripeRefund.FindString(text); doc.RefundID != "" {
			break
		}
	}
	if r.err = unsaid; r.err != nil {
		return doc, nil
	}
	back, err := r.back(order, m)
	if err != nil {
		r.err = err
		return doc, nil
	}
	said, err := reconcile.Sale(back)
	doc.Lines, doc.Taxes = said.Lines, said.Taxes
	for i := range doc.Lines {
		if doc.Lines[i].Key == reconcile.LineFee {
			doc.Lines[i].Key = reconcile.LineAdjustment
		}
	}
	return doc, err
}

func comments(m magento.CreditMemo) (texts []string) {
	for _, c := range m.Comments {
		texts = append(texts, c.Comment)
	}
	return texts
}

// back says the rows of a credit memo as those of an order. Each has the rates of the
// order's own row; where those are several, its tax is shared out as theirs was.
func (r *reader) back(order commerce.Order, m magento.CreditMemo) (commerce.Order, error) {
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
		Net: r.amount("", "subtotal", m.Subtotal), Shipping: r.amount("", "shipping_amount", m.ShippingAmount),
		Fees: r.amount("", "adjustment", m.Adjustment), Tax: r.amount("", "tax_amount", m.TaxAmount), Gross: r.amount("", "grand_total", m.GrandTotal)}
	// A memo shows the discount on shipping, and the tax inside it, only within those of
	// all: what the rows do not have of them is of the shipping (2.4.6-p1, REC 519).
	off := -r.amount("", "discount_amount", m.DiscountAmount) - r.amount("", "discount_tax_compensation_amount", m.DiscountTaxCompensation)
	repeats := map[string]bool{} // the parents of rows that carry the money themselves
	for _, i := range m.Items {
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
	stated.ShippingDiscount = off - stated.Discount
	sheet.Shipping = r.shipping()
	sheet.Shipping.Net, sheet.Shipping.Discount = stated.Shipping, stated.ShippingDiscount
	sheet.Shipping.Tax = r.amount("", "shipping_tax_amount", m.ShippingTaxAmount)
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
