package magentoshop

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/mapping"
)

// Canonical says an order of the shop in canonical words. It makes no call. One that can
// not be said comes with the error, as its Ref, Number and Placed.
func (s *Shop) Canonical(ctx context.Context, o magento.Order) (commerce.Order, error) {
	r := reader{shop: s, o: &o, document: "magento order " + o.EntityID.String()}
	out, err := r.order()
	if err != nil {
		return commerce.Order{Ref: s.Ref(o.EntityID), Number: o.IncrementID, Placed: o.CreatedAt.Time}, err
	}
	for _, note := range r.notes {
		s.c.Logger.InfoContext(ctx, "magento order: "+note, "order", out.Ref.ID)
	}
	return out, nil
}

// reader maps one order; err keeps the first fault.
type reader struct {
	shop     *Shop
	o        *magento.Order
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

// amount reads an amount; its field is put together of at and name when it is none.
func (r *reader) amount(at, name string, n magento.Number) mapping.Amount {
	a, err := mapping.ParseAmount(string(n))
	if err != nil {
		r.fault(at+name, string(n), "is no amount: %v", err)
	}
	return a
}

func (r *reader) decimal(at, name string, n magento.Number) commerce.Decimal {
	d, err := n.Decimal()
	if err != nil {
		r.fault(at+name, string(n), "is no decimal number")
	}
	return d
}

func (r *reader) money(field string, n magento.Number, c commerce.Currency) commerce.Money {
	m, _, err := r.amount("", field, n).Money(c)
	if err != nil {
		r.fault(field, string(n), "%v", err)
	}
	return m
}

func (r *reader) order() (commerce.Order, error) {
	s, o := r.shop, r.o
	currency, err := commerce.ParseCurrency(o.OrderCurrencyCode)
	if err != nil {
		return commerce.Order{}, mapping.Faultf(r.document, "order_currency_code", o.OrderCurrencyCode, "is no ISO 4217 currency")
	}
	base, err := commerce.ParseCurrency(o.BaseCurrencyCode)
	if err != nil {
		return commerce.Order{}, mapping.Faultf(r.document, "base_currency_code", o.BaseCurrencyCode, "is no ISO 4217 currency")
	}
	out := commerce.Order{
		Ref: s.Ref(o.EntityID), Number: o.IncrementID, Store: o.StoreID.String(), Website: r.website(),
		Placed: o.CreatedAt.Time, Updated: o.UpdatedAt.Time,
		State: s.c.States.Of(o.State, o.Status), RawState: o.State, RawStatus: o.Status,
		Currency: currency, BaseCurrency: base, PricesIncludeTax: r.pricesIncludeTax(),
		Paid: r.money("total_paid", o.TotalPaid, currency), Refunded: r.money("total_refunded", o.TotalRefunded, currency),
	}
	if o.RelationChildID != 0 {
		out.Replaced = s.Ref(o.RelationChildID).ID
	}
	if o.Payment != nil {
		out.PaymentMethod = o.Payment.Method
	}
	out.PaymentID = paymentID(*o)
	r.people(&out)
	r.sale(&out)
	if r.err == nil {
		out.Tenders = r.tenders(out.Totals.Gross, out.PaymentID)
	}
	if r.err != nil {
		return commerce.Order{}, r.err
	}
	return out, mapping.Prove(out)
}

// website is the one that the config names for the store, else the first of the
// three lines of store_name: website, group, view (2.4.6-p1, REC 410).
func (r *reader) website() string {
	if w, ok := r.shop.c.Websites[r.o.StoreID.String()]; ok {
		return w
	}
	name, _, _ := strings.Cut(r.o.StoreName, "\n")
	return mapping.Text(name)
}

// paymentID is the payment at Stripe as Stripe's module leaves it: the id of the last
// transaction, which may carry a suffix ("pi_1-capture"), else its own note.
func paymentID(o magento.Order) string {
	if o.Payment != nil {
		id, _, _ := strings.Cut(o.Payment.LastTransID, "-")
		if strings.HasPrefix(id, "pi_") || strings.HasPrefix(id, "ch_") {
			return id
		}
	}
	return o.PaymentInfo("payment_intent_id")
}

// pricesIncludeTax is told by no field. Where prices include tax, the price that the
// merchant entered is the one with tax, and the tax inside a discount is made up for.
func (r *reader) pricesIncludeTax() bool {
	if r.amount("", "discount_tax_compensation_amount", r.o.DiscountTaxCompensation) > 0 {
		return true
	}
	for _, i := range r.o.Items {
		at := atItem(i)
		original := r.amount(at, "original_price", i.OriginalPrice)
		net, gross := r.amount(at, "price", i.Price), r.amount(at, "price_incl_tax", i.PriceInclTax)
		if original != 0 && net != gross && (original == net || original == gross) {
			return original == gross
		}
	}
	return false
}

// people fills in customer and addresses. Magento does not say on an order whether an
// e-mail address was ever verified, so VerifiedFor stays empty.
func (r *reader) people(out *commerce.Order) {
	o := r.o
	c := commerce.Customer{
		Guest: o.CustomerID == 0, Name: mapping.Name(o.CustomerFirstname, o.CustomerLastname),
		Email: mapping.Email(o.CustomerEmail), Group: o.CustomerGroupID.String(), Website: out.Website,
	}
	if o.CustomerID != 0 {
		c.Ref = r.shop.origin.With("customer/" + o.CustomerID.String())
	}
	if o.BillingAddress == nil {
		r.fault("billing_address", "", "is missing")
		return
	}
	out.BillingAddress = r.address("billing_address", *o.BillingAddress)
	if ship := o.Shipping(); ship != nil && ship.Address != nil && !bool(o.IsVirtual) {
		to, phone := *ship.Address, out.BillingAddress.Phone
		if to.Telephone != o.BillingAddress.Telephone || to.CountryID != o.BillingAddress.CountryID {
			phone = ""
		}
		if phone != "" {
			to.Telephone = "" // known already: to read a number takes longer than the rest of the address
		}
		a := r.address("shipping_address", to)
		a.Phone = cmp.Or(phone, a.Phone)
		out.ShippingAddress = &a
	}
	c.Name = cmp.Or(c.Name, out.BillingAddress.Name)
	c.Email = cmp.Or(c.Email, mapping.Email(o.BillingAddress.Email))
	c.Phone, c.Company = out.BillingAddress.Phone, out.BillingAddress.Company
	for _, id := range []string{mapping.VATID(o.CustomerTaxvat), out.BillingAddress.VATID} {
		if id != "" && !slices.Contains(c.VATIDs, id) {
			c.VATIDs = append(c.VATIDs, id)
		}
	}
	out.Customer = c
}

func (r *reader) address(field string, a magento.OrderAddress) commerce.Address {
	clean, notes, err := mapping.RawAddress{
		Names:   []string{a.Prefix, a.Firstname, a.Middlename, a.Lastname, a.Suffix},
		Company: a.Company, Street: a.Street, City: a.City, PostalCode: a.Postcode,
		RegionCode: a.RegionCode, Region: a.Region, Country: a.CountryID, Phone: a.Telephone, VATID: a.VATID,
	}.Clean(r.document, field)
	if err != nil {
		r.fail(err)
	}
	r.notes = append(r.notes, notes...)
	return clean
}

// tenders lists what the order is paid by. grand_total is what is left after gift
// cards, store credit and points (Adobe Commerce). It is rounded by itself, as
// Stripe's module does when it charges; the others share the rest, since each rounded
// by itself they may come to more than the goods: 49.50 and 50.50 pay for 100 JPY,
// not for 101.
func (r *reader) tenders(gross commerce.Money, paymentID string) []commerce.Tender {
	x := r.o.Extension
	card := ""
	if len(x.GiftCards) == 1 {
		card = x.GiftCards[0].ID.String()
	}
	left := r.money("grand_total", r.o.GrandTotal, gross.Currency())
	rest, err := gross.Sub(left)
	var parts []commerce.Money
	if err == nil {
		parts, err = rest.Allocate(int64(r.amount("", "gift_cards_amount", x.GiftCardsAmount)),
			int64(r.amount("", "customer_balance_amount", x.CustomerBalanceAmount)), int64(r.amount("", "reward_currency_amount", x.RewardCurrencyAmount)))
	}
	if err != nil {
		r.fault("grand_total", string(r.o.GrandTotal), "gift cards, credit and points do not make up the rest of %s: %v", gross, err)
		return nil
	}
	last := commerce.Tender{Kind: r.tender(), Amount: left}
	if last.Kind == commerce.TenderStripe {
		last.Reference = paymentID
	}
	var used []commerce.Tender
	for _, t := range []commerce.Tender{
		{Kind: commerce.TenderGiftCard, Amount: parts[0], Reference: card},
		{Kind: commerce.TenderStoreCredit, Amount: parts[1]},
		{Kind: commerce.TenderPoints, Amount: parts[2]}, last,
	} {
		if !t.Amount.IsZero() {
			used = append(used, t)
		}
	}
	return used
}

func (r *reader) tender() commerce.TenderKind {
	method := ""
	if r.o.Payment != nil {
		method = r.o.Payment.Method
	}
	if kind, ok := r.shop.c.Tenders[method]; ok {
		return kind
	}
	if strings.HasPrefix(method, "stripe_") {
		return commerce.TenderStripe
	}
	return commerce.TenderOffline
}

// sale fills lines, shipping and totals in both currencies.
func (r *reader) sale(out *commerce.Order) {
	if r.err != nil {
		return
	}
	o := r.o
	taxed := out.BillingAddress
	if out.ShippingAddress != nil {
		taxed = *out.ShippingAddress
	}
	sheet := mapping.Sheet{Document: r.document, Currency: out.Currency, Country: taxed.Country, Region: taxed.Region,
		Included: out.PricesIncludeTax, Rows: r.rows(), Shipping: r.shipping()}
	x := o.Extension
	sheet.Stated = r.stated("", statedNumbers{o.Subtotal, o.DiscountAmount, o.DiscountTaxCompensation, o.ShippingAmount,
		o.ShippingDiscount, o.ShippingDiscountTaxCompensation, o.TaxAmount,
		[]magento.Number{o.GrandTotal, x.GiftCardsAmount, x.CustomerBalanceAmount, x.RewardCurrencyAmount}})
	baseStated := r.stated("base_", statedNumbers{o.BaseSubtotal, o.BaseDiscountAmount, o.BaseDiscountTaxCompensation, o.BaseShippingAmount,
		o.BaseShippingDiscount, o.BaseShippingDiscountTaxCompensation, o.BaseTaxAmount,
		[]magento.Number{o.BaseGrandTotal, x.BaseGiftCardsAmount, x.BaseCustomerBalanceAmount, x.BaseRewardCurrencyAmount}})
	if r.err != nil {
		return
	}
	sale, err := sheet.Fold()
	if err != nil {
		r.fail(err)
		return
	}
	out.Lines, out.Shipping, out.Totals = sale.Lines, sale.Shipping, sale.Totals
	if out.BaseTotals, err = baseStated.Totals(r.document+" in base currency", out.BaseCurrency); err != nil {
		r.fail(err)
	}
}

// statedNumbers are the totals of an order in one currency, as Magento names them.
type statedNumbers struct {
	subtotal, discount, compensation         magento.Number
	shipping, shipDiscount, shipCompensation magento.Number
	tax                                      magento.Number
	gross                                    []magento.Number // what is left to pay, and each other tender
}

// stated turns Magento's totals into ours. Its discount is negative, includes that on
// shipping, and where prices include tax also the tax inside, which the compensation
// takes out again (2.4.6-p1, REC 447, 460, 461).
func (r *reader) stated(prefix string, n statedNumbers) mapping.Stated {
	shipDiscount := r.amount(prefix, "shipping_discount_amount", n.shipDiscount)
	t := mapping.Stated{
		Net:              r.amount(prefix, "subtotal", n.subtotal),
		Discount:         -r.amount(prefix, "discount_amount", n.discount) - shipDiscount - r.amount(prefix, "discount_tax_compensation_amount", n.compensation),
		Shipping:         r.amount(prefix, "shipping_amount", n.shipping),
		ShippingDiscount: shipDiscount - r.amount(prefix, "shipping_discount_tax_compensation_amount", n.shipCompensation),
		Tax:              r.amount(prefix, "tax_amount", n.tax),
	}
	for _, g := range n.gross {
		t.Gross += r.amount(prefix, "grand_total", g)
	}
	return t
}

// atItem is where the figures of an item stand.
func atItem(i magento.OrderItem) string { return "items[" + i.ItemID.String() + "]." }

func (r *reader) rows() []mapping.Row {
	taxes := map[magento.ID][]magento.AppliedTax{}
	for _, t := range r.o.Extension.ItemAppliedTaxes {
		if t.Type == "product" {
			taxes[t.ItemID] = append(taxes[t.ItemID], t.AppliedTaxes...)
		}
	}
	types, priced := map[magento.ID]string{}, map[magento.ID]bool{} // priced: its parts carry the money
	for _, i := range r.o.Items {
		types[i.ItemID] = i.ProductType
		// A part that is given away may still be taxed: any of the figures tells.
		if i.ParentItemID == 0 {
			continue
		}
		at := atItem(i)
		if r.amount(at, "row_total_incl_tax", i.RowTotalInclTax) != 0 || r.amount(at, "discount_amount", i.DiscountAmount) != 0 ||
			r.amount(at, "tax_amount", i.TaxAmount) != 0 {
			priced[i.ParentItemID] = true
		}
	}
	rows := make([]mapping.Row, 0, len(r.o.Items))
	for _, i := range r.o.Items {
		at := atItem(i)
		discount := r.amount(at, "discount_amount", i.DiscountAmount)
		compensation := r.amount(at, "discount_tax_compensation_amount", i.DiscountTaxCompensation)
		tax := r.amount(at, "tax_amount", i.TaxAmount)
		// REST gives row totals after the discount, and row_total never below nought:
		// what is left of the row with tax is the one figure that leads back to the net
		// amount (2.4.6-p1, REC 447, 467).
		net := r.amount(at, "row_total_incl_tax", i.RowTotalInclTax) - tax - compensation + discount
		if i.RowTotalInclTax == "" {
			net = r.amount(at, "row_total", i.RowTotal) + discount
		}
		row := mapping.Row{
			ID: i.ItemID.String(), SKU: strings.TrimSpace(i.SKU), Name: mapping.Text(i.Name), Virtual: bool(i.IsVirtual),
			Folded:   i.ParentItemID != 0 && types[i.ParentItemID] == "configurable",
			Quantity: r.decimal(at, "qty_ordered", i.QtyOrdered), Canceled: r.decimal(at, "qty_canceled", i.QtyCanceled),
			Invoiced: r.decimal(at, "qty_invoiced", i.QtyInvoiced), Shipped: r.decimal(at, "qty_shipped", i.QtyShipped),
			Refunded: r.decimal(at, "qty_refunded", i.QtyRefunded),
			Net:      net, Discount: discount - compensation, Tax: tax,
		}
		if i.ParentItemID != 0 {
			row.Parent = i.ParentItemID.String()
		}
		if code := cmp.Or(r.o.CouponCode, r.o.DiscountDescription); code != "" && discount != 0 {
			row.Codes = []string{code}
		}
		if !priced[i.ItemID] {
			row.Taxes = r.taxes(at, taxes[i.ItemID], tax, i.TaxPercent)
		}
		rows = append(rows, row)
	}
	return rows
}

func (r *reader) shipping() mapping.ShippingRow {
	o := r.o
	row := mapping.ShippingRow{
		Title: mapping.Text(o.ShippingDescription), Net: r.amount("", "shipping_amount", o.ShippingAmount),
		Discount: r.amount("", "shipping_discount_amount", o.ShippingDiscount) -
			r.amount("", "shipping_discount_tax_compensation_amount", o.ShippingDiscountTaxCompensation),
		Tax: r.amount("", "shipping_tax_amount", o.ShippingTaxAmount),
	}
	if ship := o.Shipping(); ship != nil {
		row.Method = ship.Method
	}
	var applied []magento.AppliedTax
	for _, t := range o.Extension.ItemAppliedTaxes {
		if t.Type == "shipping" {
			applied = append(applied, t.AppliedTaxes...)
		}
	}
	row.Taxes = r.taxes("shipping.", applied, row.Tax, "")
	return row
}

// taxes lists the taxes of a row by rate. The shop lists none where the tax comes to
// nought (REC 467), as that of a cent does, and none on an order that another program
// wrote: then the row's own percentage stands, under the code of the order's one rate
// of that percentage.
func (r *reader) taxes(at string, applied []magento.AppliedTax, tax mapping.Amount, percent magento.Number) []mapping.RowTax {
	var out []mapping.RowTax
	for _, t := range applied {
		out = append(out, mapping.RowTax{Code: t.Code, Title: t.Title,
			Rate: r.decimal(at, "taxes.percent", t.Percent), Amount: r.amount(at, "taxes.amount", t.Amount)})
	}
	one := mapping.RowTax{Rate: r.decimal(at, "taxes.percent", percent), Amount: tax}
	if len(out) > 0 || tax == 0 && one.Rate.IsZero() {
		return out
	}
	matches := 0
	for _, t := range r.o.Extension.AppliedTaxes {
		rate := r.decimal("applied_taxes.", "percent", t.Percent)
		if percent == "" || rate.Cmp(one.Rate) == 0 {
			one.Code, one.Title, one.Rate = t.Code, t.Title, rate
			matches++
		}
	}
	switch {
	case matches == 1:
	case tax == 0:
		return nil // nothing of the order is taxed, or nothing tells under which rate
	default:
		r.fault(at+"taxes", tax.Text(), "tax was charged and no rate of the order says which")
	}
	return []mapping.RowTax{one}
}
