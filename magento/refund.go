package magento

import (
	"context"
	"strings"

	"github.com/commercesync/commerce"
)

// Codes of refunds and shipments that are refused before anything is sent.
const (
	// CodeNothingNamed: a refund names no rows and does not say Everything.
	CodeNothingNamed = "nothing_named"
	// CodeShippingUnsaid: a refund does not say how much of the shipping goes back.
	CodeShippingUnsaid = "shipping_unsaid"
	// CodeNothingPaid: nothing was paid, or all of it went back already.
	CodeNothingPaid = "nothing_paid"
	// CodeChildRow: a row is refunded, and that of a configurable product also shipped, by
	// its parent.
	CodeChildRow = "child_row"
	// CodeQuantityRefund: more of a row is to go back than was invoiced and is left.
	CodeQuantityRefund = "quantity_refund"
)

// RefundParams says what goes back. What Magento would guess has to be said here: it
// takes no rows as all rows, and no shipping as all shipping (2.4.6-p1, REC 249, 250).
//
// Amounts are in the website's base currency, also where the buyer saw another one:
// 2 became 1.83 EUR (REC 426). [Order.InBase] converts; read the made credit memo for
// what it came to, as not every amount of the order's currency can be met.
type RefundParams struct {
	// Items are the rows that go back. To give back money without goods name rows with
	// a quantity of 0. Of a configurable product or a bundle of fixed price it is the
	// parent row.
	Items []ItemQty
	// Everything refunds all that is left of every row. Items stays empty then. After an
	// earlier positive adjustment that is more than is left; give the same amount as
	// BaseAdjustmentNegative.
	Everything bool

	// BaseShipping is how much of the shipping goes back, net; "0" for none. It has to
	// be said, unless AllShipping is set. Shops that show shipping with tax on orders
	// (tax/sales_display/shipping = 2, which REST does not tell) read it as gross.
	BaseShipping Number
	// AllShipping refunds all shipping that is left.
	AllShipping bool

	BaseAdjustmentPositive Number // more than the rows; empty = 0
	BaseAdjustmentNegative Number // less than the rows, a fee; empty = 0

	// ReturnToStock are rows whose goods are back on the shelf. Stock is not returned
	// for the others.
	ReturnToStock []ID

	// BundleChildren allows rows below a bundle of dynamic price. Each refund of one
	// raises the parent's counters as if the whole bundle went back, after which the
	// parent row can not be refunded, and may put the order to new (REC 494-498).
	BundleChildren bool

	// Comment travels in the same write and is found again on the credit memo: put the
	// payment system's id of the refund there, and look it up with [CreditMemos.Find].
	Comment        string
	CommentVisible bool
	AppendComment  bool // put it into the buyer's mail
	Notify         bool // mail the credit memo to the buyer
}

// Refund makes a credit memo from an order and returns it as read back. It is offline:
// no gateway is called and no money moves, which is what mirrors a refund made in
// Stripe. The order is read first, and refused are with outcome not sent: no rows
// without Everything ([CodeNothingNamed]), shipping that is not said
// ([CodeShippingUnsaid]), rows that are refunded by their parent ([CodeChildRow]), more
// than was invoiced ([CodeQuantityRefund]) and an order on which nothing paid is left
// ([CodeNothingPaid]), whose memo would be negative (2.4.6-p1, REC 473).
//
// Equal partial refunds all pass: after an unknown outcome look for the comment before
// repeating one.
func (s *Orders) Refund(ctx context.Context, id ID, p RefundParams) (CreditMemo, error) {
	op := "refund order " + id.String()
	if err := p.check(op); err != nil {
		return CreditMemo{}, err
	}
	o, err := s.Get(ctx, id)
	if err != nil {
		return CreditMemo{}, before(op, err)
	}
	if err := p.fits(op, o); err != nil {
		return CreditMemo{}, err
	}
	return s.cl.refund(ctx, op, "/order/"+id.String()+"/refund", p.body())
}

// InvoiceRefundParams says what of an invoice goes back, and who gives it.
type InvoiceRefundParams struct {
	RefundParams

	// Online asks the gateway for the money. It moves a second time if it was given
	// back there already; mirror such a refund with [Orders.Refund].
	Online bool
}

// Refund makes a credit memo from an invoice and returns it as read back. With an
// offline method of payment Magento refuses it, also without Online (2.4.6-p1, REC 151,
// 212). It refuses by itself what [Orders.Refund] refuses. This route takes no lock on
// the order: send one at a time.
func (s *Invoices) Refund(ctx context.Context, id ID, p InvoiceRefundParams) (CreditMemo, error) {
	op := "refund invoice " + id.String()
	if err := p.check(op); err != nil {
		return CreditMemo{}, err
	}
	invoice, err := s.Get(ctx, id)
	if err != nil {
		return CreditMemo{}, before(op, err)
	}
	o, err := s.cl.Orders.Get(ctx, invoice.OrderID)
	if err != nil {
		return CreditMemo{}, before(op, err)
	}
	if err := p.fits(op, o); err != nil {
		return CreditMemo{}, err
	}
	return s.cl.refund(ctx, op, "/invoice/"+id.String()+"/refund", invoiceRefundBody{p.body(), p.Online})
}

// refund sends a refund and reads the credit memo back.
func (cl *Client) refund(ctx context.Context, op, path string, body any) (CreditMemo, error) {
	made, err := cl.make(ctx, op, path, body)
	if err != nil {
		return CreditMemo{}, err
	}
	memo, err := cl.CreditMemos.Get(ctx, made)
	if err != nil {
		return CreditMemo{EntityID: made}, &commerce.Error{Kind: commerce.KindOf(err), System: system, Op: op,
			Outcome: commerce.Done, Text: "credit memo " + made.String() + " was made and could not be read back", Err: err}
	}
	return memo, nil
}

type refundBody struct {
	Items         []ItemQty        `json:"items,omitempty"`
	Notify        bool             `json:"notify"`
	AppendComment bool             `json:"appendComment,omitempty"`
	Comment       *commentToWrite  `json:"comment,omitempty"`
	Arguments     *refundArguments `json:"arguments,omitempty"`
}

type invoiceRefundBody struct {
	refundBody
	IsOnline bool `json:"isOnline"`
}

type refundArguments struct {
	Shipping  *Number        `json:"shipping_amount,omitempty"`
	Positive  *Number        `json:"adjustment_positive,omitempty"`
	Negative  *Number        `json:"adjustment_negative,omitempty"`
	Extension *refundOfGoods `json:"extension_attributes,omitempty"`
}

type refundOfGoods struct {
	ReturnToStock []ID `json:"return_to_stock_items"`
}

func (p RefundParams) body() refundBody {
	var a refundArguments
	for _, n := range []struct {
		from Number
		into **Number
	}{{p.BaseShipping, &a.Shipping}, {p.BaseAdjustmentPositive, &a.Positive}, {p.BaseAdjustmentNegative, &a.Negative}} {
		if n.from != "" {
			*n.into = &n.from
		}
	}
	if len(p.ReturnToStock) > 0 {
		a.Extension = &refundOfGoods{p.ReturnToStock}
	}
	b := refundBody{p.Items, p.Notify, p.AppendComment, remark(p.Comment, p.CommentVisible), nil}
	if a != (refundArguments{}) {
		b.Arguments = &a
	}
	return b
}

// check refuses what is wrong whatever the order is.
func (p RefundParams) check(op string) error {
	switch {
	case len(p.Items) == 0 && !p.Everything:
		return refuse(op, CodeNothingNamed, "no rows are named, which Magento takes as all of them; set RefundParams.Everything, or name rows with a quantity of 0")
	case len(p.Items) > 0 && p.Everything:
		return refuse(op, CodeNothingNamed, "RefundParams names Items and Everything")
	case p.BaseShipping == "" && !p.AllShipping:
		return refuse(op, CodeShippingUnsaid, "RefundParams.BaseShipping is not said, which Magento takes as all of it; say 0 or set AllShipping")
	case p.BaseShipping != "" && p.AllShipping:
		return refuse(op, CodeShippingUnsaid, "RefundParams says BaseShipping and AllShipping")
	}
	for name, n := range map[string]Number{"BaseShipping": p.BaseShipping, "BaseAdjustmentPositive": p.BaseAdjustmentPositive, "BaseAdjustmentNegative": p.BaseAdjustmentNegative} {
		if d, err := n.Decimal(); err != nil {
			return refuse(op, "", "RefundParams.%s: %w", name, err)
		} else if d.Sign() < 0 {
			return refuse(op, "", "RefundParams.%s is negative", name)
		}
	}
	return nil
}

// fits compares what is to go back with the order.
func (p RefundParams) fits(op string, o Order) error {
	paid, err := o.BaseTotalPaid.Decimal()
	if err != nil {
		return refuse(op, "", "total paid: %w", err)
	}
	back, err := o.BaseTotalRefunded.Decimal()
	if err != nil {
		return refuse(op, "", "total refunded: %w", err)
	}
	if paid.Cmp(back) <= 0 {
		return refuse(op, CodeNothingPaid, "%s %s were paid and %s were refunded", paid, o.BaseCurrencyCode, back)
	}
	asked, err := sumByRow(p.Items)
	if err != nil {
		return refuse(op, "", "%w", err)
	}
	rows := make(map[ID]OrderItem, len(o.Items))
	for _, row := range o.Items {
		rows[row.ItemID] = row
	}
	for id, want := range asked {
		row, ok := rows[id]
		if !ok {
			return refuse(op, "", "the order has no row %d", id)
		}
		if parent, ok := rows[row.ParentItemID]; ok && (!p.BundleChildren || parent.ProductType != "bundle") {
			return refuse(op, CodeChildRow, "row %d (%s) is refunded by its parent, row %d", id, row.SKU, parent.ItemID)
		}
		left, err := row.Refundable()
		if err != nil {
			return refuse(op, "", "row %d: %w", id, err)
		}
		if want.Sign() < 0 {
			return refuse(op, "", "the quantity of row %d is negative", id)
		}
		if want.Cmp(left) > 0 {
			return refuse(op, CodeQuantityRefund, "%s of row %d (%s) is more than the %s that are left", want, id, row.SKU, left)
		}
	}
	for _, id := range p.ReturnToStock {
		if _, ok := asked[id]; !ok && !p.Everything {
			return refuse(op, "", "row %d of ReturnToStock is not among the Items", id)
		}
		if _, ok := rows[id]; !ok {
			return refuse(op, "", "the order has no row %d", id)
		}
	}
	return nil
}

// Refundable returns how much of a row can still go back: what was invoiced less what
// was refunded; never less than nought.
func (i OrderItem) Refundable() (commerce.Decimal, error) {
	left, err := i.QtyInvoiced.Decimal()
	if err != nil {
		return left, err
	}
	back, err := i.QtyRefunded.Decimal()
	if err != nil {
		return left, err
	}
	if left, err = left.Sub(back); err != nil || left.Sign() >= 0 {
		return left, err
	}
	return commerce.Decimal{}, nil
}

// InBase converts an amount of the order's currency into the base currency by the rate
// that was fixed when the order was placed, rounded to the 2 decimals that Magento
// keeps in every currency. It is for the arguments of a refund and for nothing else:
// what Magento makes of them may be off by what one base cent is worth.
func (o Order) InBase(m commerce.Money) (Number, error) {
	const op = "convert to base currency"
	if string(m.Currency()) != o.OrderCurrencyCode {
		return "", refuse(op, "", "the amount is in %s and the order in %s", m.Currency(), o.OrderCurrencyCode)
	}
	rate, err := o.BaseToOrderRate.Decimal()
	if err != nil {
		return "", refuse(op, "", "base_to_order_rate: %w", err)
	}
	if rate.Sign() <= 0 {
		return "", refuse(op, "", "the order has no base_to_order_rate")
	}
	base, err := m.Decimal().Quo(rate)
	if err != nil {
		return "", refuse(op, "", "%w", err)
	}
	return Number(base.Round(2).Trim(0).String()), nil
}

// Find returns the credit memo of an order with a comment that holds a text, such as
// the payment system's id of the refund. Two are an error of kind ambiguous, none one
// of kind not found.
func (s *CreditMemos) Find(ctx context.Context, order ID, text string) (CreditMemo, error) {
	op := "find credit memo of order " + order.String()
	if text == "" {
		return CreditMemo{}, refuse(op, "", "the text is empty")
	}
	var found []CreditMemo
	for memo, err := range s.List(ctx, ListParams{Filters: Where(Filter{"order_id", Eq, order.String()})}) {
		if err != nil {
			return CreditMemo{}, err
		}
		for _, c := range memo.Comments {
			if strings.Contains(c.Comment, text) {
				found = append(found, memo)
				break
			}
		}
	}
	switch len(found) {
	case 0:
		return CreditMemo{}, &commerce.Error{Kind: commerce.KindNotFound, System: system, Op: op, Text: "none has a comment with the text"}
	case 1:
		return found[0], nil
	}
	return CreditMemo{}, &commerce.Error{Kind: commerce.KindAmbiguous, System: system, Op: op,
		Text: "credit memos " + found[0].EntityID.String() + " and " + found[1].EntityID.String() + " both have it"}
}
