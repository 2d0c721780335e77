package nopshop

import (
	"cmp"
	"html"
	"math/big"
	"regexp"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/nopcommerce"
)

// rows are all that the shop keeps of one order, each in a row of its own.
type rows struct {
	order      nopcommerce.Order
	lines      []nopcommerce.Line
	shipped    map[nopcommerce.ID]int // by order item; what has left
	billing    mapping.RawAddress
	shipping   *mapping.RawAddress // nil: nothing is shipped
	email      string              // of the billing address
	customer   *nopcommerce.Customer
	attributes map[string]string
}

// reader says one order in canonical words; err keeps the first fault.
type reader struct {
	shop *Shop
	rows
	o        nopcommerce.Order
	document string
	notes    []string
	err      error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) fault(field, value, reason string, args ...any) {
	r.fail(mapping.Faultf(r.document, field, value, reason, args...))
}

func (r *reader) amount(field string, n nopcommerce.Number) mapping.Amount {
	a, err := mapping.ParseAmount(string(n))
	if err != nil {
		r.fault(field, string(n), "is no amount: %v", err)
	}
	return a
}

func (r *reader) read() (commerce.Order, error) {
	s, o := r.shop, r.o
	out := commerce.Order{
		Ref: s.Ref(o.ID), Number: cmp.Or(o.CustomOrderNumber, o.ID.String()), Store: o.StoreID.String(), Website: o.StoreID.String(),
		Placed: o.CreatedOn.Time, State: s.c.Statuses.of(o, r.attributes[holdKey] == held),
		RawState: o.Status.String(), RawStatus: o.PaymentStatus.String() + "/" + o.ShippingStatus.String(),
		BaseCurrency: s.c.Currency, PricesIncludeTax: o.CustomerTaxDisplay == displayWithTax,
		PaymentMethod: o.PaymentMethod, PaymentID: paymentID(o, r.attributes),
	}
	if o.Deleted {
		out.RawState = "Deleted"
	}
	r.people(&out)
	r.sale(&out)
	if r.err != nil {
		return commerce.Order{}, r.err
	}
	return out, mapping.Prove(out)
}

// displayWithTax is TaxDisplayType.IncludingTax (4.90): the buyer saw prices with tax.
const displayWithTax = 0

// paymentID is the payment at Stripe. Plugins write pi_ and ch_ into either of the two
// fields, some the charge into the field of the authorisation of a paid order; the intent
// counts before the charge. Where no plugin wrote one, it is what RecordPayment left.
func paymentID(o nopcommerce.Order, attributes map[string]string) string {
	for _, prefix := range []string{"pi_", "ch_"} {
		for _, id := range []string{o.AuthorizationID, o.CaptureID} {
			if id = strings.TrimSpace(id); strings.HasPrefix(id, prefix) {
				return id
			}
		}
	}
	return attributes[paymentKey]
}

// people fills in customer and addresses. The shop does not say whether an e-mail address
// was ever verified, so VerifiedFor stays empty.
func (r *reader) people(out *commerce.Order) {
	out.BillingAddress = r.address("billing_address", r.billing)
	if r.shipping != nil {
		a := r.address("shipping_address", *r.shipping)
		out.ShippingAddress = &a
	}
	c := commerce.Customer{Guest: true, Name: out.BillingAddress.Name, Email: mapping.Email(r.email), Website: out.Website,
		Phone: out.BillingAddress.Phone, Company: out.BillingAddress.Company}
	if x := r.customer; x != nil {
		c.TaxExempt = x.IsTaxExempt
		if x.Email != "" && !x.Deleted { // a guest is a customer without one
			c.Guest, c.Ref = false, r.shop.origin.With("customer/"+x.ID.String())
			c.Email = mapping.Email(x.Email)
		}
	}
	if id := mapping.VATID(r.o.VATNumber); id != "" {
		c.VATIDs = []string{id}
	}
	out.Customer = c
}

func (r *reader) address(field string, a mapping.RawAddress) commerce.Address {
	clean, notes, err := a.Clean(r.document, field)
	if err != nil {
		r.fail(err)
	}
	r.notes = append(r.notes, notes...)
	return clean
}

// sale fills in lines, shipping, totals and tenders. Everything is proved in the primary
// store currency, in which the shop states it, and converted as a whole where the buyer
// was charged in another one.
func (r *reader) sale(out *commerce.Order) {
	if r.err != nil {
		return
	}
	method := r.shop.method(r.o.PaymentMethod)
	currency, rate := r.charged(method)
	sheet, rest := r.sheet(*out)
	total := r.amount("order_total", r.o.Total)
	if r.err != nil {
		return
	}
	sale, err := sheet.Fold()
	if err != nil {
		r.fail(err)
		return
	}
	out.BaseTotals, out.Currency = sale.Totals, currency
	if currency != r.shop.c.Currency {
		if sheet, err = r.convert(sheet, currency, rate, r.amount("order_discount", r.o.Discount) != 0); err == nil {
			sale, err = sheet.Fold()
		}
		if err != nil {
			r.fail(err)
			return
		}
	}
	out.Lines, out.Shipping, out.Totals = sale.Lines, sale.Shipping, sale.Totals
	r.tenders(out, method, total, rate, rest)
}

// charged returns the currency that the payment method charges in, and how much of it one
// unit of the primary store currency was when the order was placed.
func (r *reader) charged(m Method) (commerce.Currency, *big.Rat) {
	primary := r.shop.c.Currency
	if m.Charges != Customer {
		return primary, big.NewRat(1, 1)
	}
	currency, err := commerce.ParseCurrency(r.o.CustomerCurrencyCode)
	if err != nil {
		r.fault("customer_currency_code", r.o.CustomerCurrencyCode, "is no ISO 4217 currency")
	}
	d, err := r.o.CurrencyRate.Decimal()
	rate, ok := new(big.Rat).SetString(d.String())
	switch {
	case err != nil || !ok || rate.Sign() <= 0 || rate.Cmp(big.NewRat(maxRate, 1)) > 0:
		r.fault("currency_rate", string(r.o.CurrencyRate), "is no rate above nought and up to %d", maxRate)
	case currency == primary && rate.Cmp(big.NewRat(1, 1)) != 0:
		r.fault("currency_rate", string(r.o.CurrencyRate), "the buyer's currency is the primary one, %s, and its rate is not 1", primary)
	}
	return currency, rate
}

// maxRate bounds the rate of a currency: a tenth of a cent is a hundred million of nothing
// that is traded.
const maxRate = 10_000_000

// tenders lists what the order is paid by. order_total is what is left after gift cards
// and points. It is rounded by itself, or cut off where the payment method's plugin does
// so; the unit that is then missing is a tender of its own, named rounding.
func (r *reader) tenders(out *commerce.Order, m Method, total mapping.Amount, rate *big.Rat, rest mapping.Amount) {
	rounded, cut, ok := minor(total, rate, out.Currency)
	if !ok || total < 0 {
		r.fault("order_total", string(r.o.Total), "is out of range")
		return
	}
	left := commerce.MustMoney(rounded, out.Currency)
	other, err := out.Totals.Gross.Sub(left)
	if err != nil || other.Sign() < 0 || rest == 0 && !other.IsZero() {
		r.fault("order_total", string(r.o.Total), "it is %s of %s in all", left, out.Totals.Gross)
		return
	}
	last := commerce.Tender{Kind: m.Tender, Amount: left}
	rounding := commerce.Tender{Kind: commerce.TenderOffline, Reference: Rounding, Amount: commerce.Zero(out.Currency)}
	if m.Truncates && m.Tender == commerce.TenderStripe {
		last.Amount = commerce.MustMoney(cut, out.Currency)
		rounding.Amount = commerce.MustMoney(rounded-cut, out.Currency)
	}
	if last.Kind == commerce.TenderStripe {
		last.Reference = out.PaymentID
	}
	kind := commerce.TenderGiftCard
	if r.o.RedeemedPointsID != 0 {
		kind = commerce.TenderPoints
	}
	for _, t := range []commerce.Tender{{Kind: kind, Amount: other}, rounding, last} {
		if !t.Amount.IsZero() {
			out.Tenders = append(out.Tenders, t)
		}
	}
	out.Paid, out.Refunded = commerce.Zero(out.Currency), commerce.Zero(out.Currency)
	if r.shop.c.Statuses.paid(r.o) {
		out.Paid = left
	}
	// As it was collected, and as each refund is told: what is cut off one way is cut off back.
	refunded, cut, ok := minor(r.amount("refunded_amount", r.o.RefundedAmount), rate, out.Currency)
	if !ok {
		r.fault("refunded_amount", string(r.o.RefundedAmount), "is out of range")
		return
	}
	if r.shop.method(r.o.PaymentMethod).Truncates {
		refunded = cut
	}
	out.Refunded = commerce.MustMoney(refunded, out.Currency)
}

var (
	lineBreak = regexp.MustCompile(`(?i)<br\s*/?>`)
	tag       = regexp.MustCompile(`<[^<>]*>`)
)

// described is the name of a line: that of the product and what the buyer chose, which
// the shop keeps as HTML.
func described(name, attributes string) string {
	chosen := lineBreak.ReplaceAllString(attributes, ", ")
	chosen = mapping.Text(html.UnescapeString(tag.ReplaceAllString(chosen, "")))
	if name = mapping.Text(name); chosen == "" {
		return name
	}
	return strings.TrimSpace(name + " (" + chosen + ")")
}
