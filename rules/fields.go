package rules

import (
	"reflect"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/commercesync/commerce"
)

// names are the kinds of objects by the structs behind them.
var names = map[reflect.Type]string{
	reflect.TypeFor[commerce.Order]():         "order",
	reflect.TypeFor[commerce.Ref]():           "ref",
	reflect.TypeFor[commerce.Customer]():      "customer",
	reflect.TypeFor[commerce.Address]():       "address",
	reflect.TypeFor[commerce.OrderLine]():     "line",
	reflect.TypeFor[commerce.TaxLine]():       "tax",
	reflect.TypeFor[commerce.Discount]():      "discount",
	reflect.TypeFor[commerce.Shipping]():      "shipping",
	reflect.TypeFor[commerce.Totals]():        "totals",
	reflect.TypeFor[commerce.Tender]():        "tender",
	reflect.TypeFor[commerce.Payment]():       "payment",
	reflect.TypeFor[commerce.PaymentMethod](): "method",
	reflect.TypeFor[commerce.Risk]():          "risk",
	reflect.TypeFor[commerce.Failure]():       "failure",
	reflect.TypeFor[commerce.Fee]():           "fee",
	reflect.TypeFor[commerce.OrderHint]():     "hint",
	reflect.TypeFor[commerce.Refund]():        "refund",
	reflect.TypeFor[commerce.Review]():        "review",
	reflect.TypeFor[commerce.FraudWarning]():  "warning",
	reflect.TypeFor[commerce.Dispute]():       "dispute",
	reflect.TypeFor[commerce.Score]():         "score",
	reflect.TypeFor[commerce.ScoreReason]():   "reason",
	reflect.TypeFor[commerce.Money]():         "money",
}

// kinds are all that an expression can walk through. The words are those of the
// canonical model's JSON; doc.go has the table, and a test compares the three.
var kinds = func() map[string]*kind {
	all := map[string]*kind{}
	for _, k := range []*kind{
		of[commerce.Order](orderFields...), of[commerce.Ref](refFields...), of[commerce.Customer](customerFields...), of[commerce.Address](addressFields...), of[commerce.OrderLine](lineFields...),
		of[commerce.TaxLine](taxFields...), of[commerce.Discount](discountFields...), of[commerce.Shipping](shippingFields...), of[commerce.Totals](totalsFields...), of[commerce.Tender](tenderFields...),
		of[commerce.Payment](paymentFields...), of[commerce.PaymentMethod](methodFields...), of[commerce.Risk](riskFields...), of[commerce.Failure](failureFields...), of[commerce.Fee](feeFields...),
		of[commerce.OrderHint](hintFields...), of[commerce.Refund](refundFields...),
		of[commerce.Review](reviewFields...), of[commerce.FraudWarning](warningFields...), of[commerce.Dispute](disputeFields...),
		of[commerce.Score](scoreFields...), of[commerce.ScoreReason](reasonFields...), of[commerce.Money](moneyFields...),
	} {
		all[k.name] = k
	}
	return all
}()

var orderFields = []func(*kind){
	part("ref", func(o *commerce.Order) *commerce.Ref { return &o.Ref }),
	text("number", func(o *commerce.Order) string { return o.Number }),
	text("store", func(o *commerce.Order) string { return o.Store }),
	text("website", func(o *commerce.Order) string { return o.Website }),
	moment("placed", func(o *commerce.Order) time.Time { return o.Placed }),
	moment("updated", func(o *commerce.Order) time.Time { return o.Updated }),
	word("state", func(o *commerce.Order) commerce.OrderState { return o.State },
		commerce.OrderPending, commerce.OrderReview, commerce.OrderProcessing, commerce.OrderComplete, commerce.OrderClosed, commerce.OrderCanceled, commerce.OrderOnHold, commerce.OrderUnknown),
	text("raw_state", func(o *commerce.Order) string { return o.RawState }),
	text("raw_status", func(o *commerce.Order) string { return o.RawStatus }),
	text("replaced", func(o *commerce.Order) string { return o.Replaced }),
	text("currency", func(o *commerce.Order) string { return string(o.Currency) }),
	text("base_currency", func(o *commerce.Order) string { return string(o.BaseCurrency) }),
	flag("prices_include_tax", func(o *commerce.Order) bool { return o.PricesIncludeTax }),
	part("customer", func(o *commerce.Order) *commerce.Customer { return &o.Customer }),
	part("billing_address", func(o *commerce.Order) *commerce.Address { return &o.BillingAddress }),
	part("shipping_address", func(o *commerce.Order) *commerce.Address { return o.ShippingAddress }),
	many("lines", func(o *commerce.Order) []commerce.OrderLine { return o.Lines }),
	part("shipping", func(o *commerce.Order) *commerce.Shipping { return &o.Shipping }),
	amount("total", func(o *commerce.Order) commerce.Money { return o.Totals.Gross }),
	part("totals", func(o *commerce.Order) *commerce.Totals { return &o.Totals }),
	part("base_totals", func(o *commerce.Order) *commerce.Totals { return &o.BaseTotals }),
	many("tenders", func(o *commerce.Order) []commerce.Tender { return o.Tenders }),
	text("payment_method", func(o *commerce.Order) string { return o.PaymentMethod }),
	text("payment_id", func(o *commerce.Order) string { return o.PaymentID }),
	amount("paid", func(o *commerce.Order) commerce.Money { return orNought(o.Paid, o.Currency) }),
	amount("refunded", func(o *commerce.Order) commerce.Money { return orNought(o.Refunded, o.Currency) }),
}

var refFields = []func(*kind){
	text("tenant", func(r *commerce.Ref) string { return r.Tenant }),
	text("system", func(r *commerce.Ref) string { return r.System }),
	text("account", func(r *commerce.Ref) string { return r.Account }),
	word("mode", func(r *commerce.Ref) commerce.Mode { return r.Mode },
		commerce.Live, commerce.Test),
	text("id", func(r *commerce.Ref) string { return r.ID }),
}

var customerFields = []func(*kind){
	part("ref", func(c *commerce.Customer) *commerce.Ref { return &c.Ref }),
	flag("guest", func(c *commerce.Customer) bool { return c.Guest }),
	text("name", func(c *commerce.Customer) string { return c.Name }),
	text("email", func(c *commerce.Customer) string { return c.Email }),
	text("phone", func(c *commerce.Customer) string { return c.Phone }),
	text("company", func(c *commerce.Customer) string { return c.Company }),
	texts("vat_ids", func(c *commerce.Customer) []string { return c.VATIDs }),
	flag("tax_exempt", func(c *commerce.Customer) bool { return c.TaxExempt }),
	text("group", func(c *commerce.Customer) string { return c.Group }),
	text("website", func(c *commerce.Customer) string { return c.Website }),
	text("verified_for", func(c *commerce.Customer) string { return c.VerifiedFor }),
}

var addressFields = []func(*kind){
	text("name", func(a *commerce.Address) string { return a.Name }),
	text("company", func(a *commerce.Address) string { return a.Company }),
	text("street", func(a *commerce.Address) string { return a.Street }),
	text("city", func(a *commerce.Address) string { return a.City }),
	text("postal_code", func(a *commerce.Address) string { return a.PostalCode }),
	text("region", func(a *commerce.Address) string { return a.Region }),
	text("country", func(a *commerce.Address) string { return a.Country }),
	text("phone", func(a *commerce.Address) string { return a.Phone }),
	text("vat_id", func(a *commerce.Address) string { return a.VATID }),
}

var lineFields = []func(*kind){
	text("id", func(l *commerce.OrderLine) string { return l.ID }),
	text("parent", func(l *commerce.OrderLine) string { return l.Parent }),
	text("sku", func(l *commerce.OrderLine) string { return l.SKU }),
	text("name", func(l *commerce.OrderLine) string { return l.Name }),
	exact("quantity", func(l *commerce.OrderLine) commerce.Decimal { return l.Quantity }),
	exact("canceled", func(l *commerce.OrderLine) commerce.Decimal { return l.Canceled }),
	exact("invoiced", func(l *commerce.OrderLine) commerce.Decimal { return l.Invoiced }),
	exact("shipped", func(l *commerce.OrderLine) commerce.Decimal { return l.Shipped }),
	exact("refunded", func(l *commerce.OrderLine) commerce.Decimal { return l.Refunded }),
	flag("virtual", func(l *commerce.OrderLine) bool { return l.Virtual }),
	amount("net", func(l *commerce.OrderLine) commerce.Money { return l.Net }),
	amount("discount", func(l *commerce.OrderLine) commerce.Money { return l.Discount }),
	amount("tax", func(l *commerce.OrderLine) commerce.Money { return l.Tax }),
	many("taxes", func(l *commerce.OrderLine) []commerce.TaxLine { return l.Taxes }),
	many("discounts", func(l *commerce.OrderLine) []commerce.Discount { return l.Discounts }),
}

var taxFields = []func(*kind){
	text("code", func(t *commerce.TaxLine) string { return t.Code }),
	text("title", func(t *commerce.TaxLine) string { return t.Title }),
	text("country", func(t *commerce.TaxLine) string { return t.Country }),
	text("region", func(t *commerce.TaxLine) string { return t.Region }),
	exact("rate", func(t *commerce.TaxLine) commerce.Decimal { return t.Rate }),
	amount("base", func(t *commerce.TaxLine) commerce.Money { return t.Base }),
	amount("amount", func(t *commerce.TaxLine) commerce.Money { return t.Amount }),
	flag("included", func(t *commerce.TaxLine) bool { return t.Included }),
	word("on", func(t *commerce.TaxLine) commerce.TaxOn { return t.On },
		commerce.TaxOnLine, commerce.TaxOnShipping, commerce.TaxOnFee),
	text("line", func(t *commerce.TaxLine) string { return t.Line }),
}

var discountFields = []func(*kind){
	text("code", func(d *commerce.Discount) string { return d.Code }),
	amount("amount", func(d *commerce.Discount) commerce.Money { return d.Amount }),
}

var shippingFields = []func(*kind){
	text("method", func(s *commerce.Shipping) string { return s.Method }),
	text("title", func(s *commerce.Shipping) string { return s.Title }),
	amount("net", func(s *commerce.Shipping) commerce.Money { return s.Net }),
	amount("discount", func(s *commerce.Shipping) commerce.Money { return s.Discount }),
	amount("tax", func(s *commerce.Shipping) commerce.Money { return s.Tax }),
	many("taxes", func(s *commerce.Shipping) []commerce.TaxLine { return s.Taxes }),
}

var totalsFields = []func(*kind){
	amount("net", func(t *commerce.Totals) commerce.Money { return t.Net }),
	amount("discount", func(t *commerce.Totals) commerce.Money { return t.Discount }),
	amount("shipping", func(t *commerce.Totals) commerce.Money { return t.Shipping }),
	amount("shipping_discount", func(t *commerce.Totals) commerce.Money { return t.ShippingDiscount }),
	amount("fees", func(t *commerce.Totals) commerce.Money { return t.Fees }),
	amount("tax", func(t *commerce.Totals) commerce.Money { return t.Tax }),
	amount("gross", func(t *commerce.Totals) commerce.Money { return t.Gross }),
}

var tenderFields = []func(*kind){
	word("kind", func(t *commerce.Tender) commerce.TenderKind { return t.Kind },
		commerce.TenderStripe, commerce.TenderGiftCard, commerce.TenderStoreCredit, commerce.TenderPoints, commerce.TenderOffline),
	amount("amount", func(t *commerce.Tender) commerce.Money { return t.Amount }),
	text("reference", func(t *commerce.Tender) string { return t.Reference }),
}

var paymentFields = []func(*kind){
	part("ref", func(p *commerce.Payment) *commerce.Ref { return &p.Ref }),
	text("charge", func(p *commerce.Payment) string { return p.Charge }),
	word("status", func(p *commerce.Payment) commerce.PaymentStatus { return p.Status },
		commerce.PaymentPending, commerce.PaymentAction, commerce.PaymentAuthorised, commerce.PaymentCaptured, commerce.PaymentFailed, commerce.PaymentReturned, commerce.PaymentCanceled),
	moment("created", func(p *commerce.Payment) time.Time { return p.Created }),
	amount("amount", func(p *commerce.Payment) commerce.Money { return p.Amount }),
	amount("authorised", func(p *commerce.Payment) commerce.Money { return orNought(p.Authorised, p.Amount.Currency()) }),
	amount("captured", func(p *commerce.Payment) commerce.Money { return orNought(p.Captured, p.Amount.Currency()) }),
	amount("refunded", func(p *commerce.Payment) commerce.Money { return orNought(p.Refunded, p.Amount.Currency()) }),
	part("method", func(p *commerce.Payment) *commerce.PaymentMethod { return &p.Method }),
	part("risk", func(p *commerce.Payment) *commerce.Risk { return &p.Risk }),
	part("failure", func(p *commerce.Payment) *commerce.Failure { return p.Failure }),
	part("fee", func(p *commerce.Payment) *commerce.Fee { return p.Fee }),
	text("customer", func(p *commerce.Payment) string { return p.Customer }),
	text("email", func(p *commerce.Payment) string { return p.Email }),
	text("description", func(p *commerce.Payment) string { return p.Description }),
	named("metadata", func(p *commerce.Payment) map[string]string { return p.Metadata }),
	many("orders", func(p *commerce.Payment) []commerce.OrderHint { return p.Orders }),
}

var methodFields = []func(*kind){
	text("type", func(m *commerce.PaymentMethod) string { return m.Type }),
	text("brand", func(m *commerce.PaymentMethod) string { return m.Brand }),
	text("last4", func(m *commerce.PaymentMethod) string { return m.Last4 }),
	text("country", func(m *commerce.PaymentMethod) string { return m.Country }),
	text("fingerprint", func(m *commerce.PaymentMethod) string { return m.Fingerprint }),
}

var riskFields = []func(*kind){
	text("level", func(r *commerce.Risk) string { return r.Level }),
	whole("score", func(r *commerce.Risk) int64 { return int64(r.Score) }),
	text("review", func(r *commerce.Risk) string { return r.Review }),
	text("outcome", func(r *commerce.Risk) string { return r.Outcome }),
}

var failureFields = []func(*kind){
	text("code", func(f *commerce.Failure) string { return f.Code }),
	text("decline_code", func(f *commerce.Failure) string { return f.DeclineCode }),
	text("message", func(f *commerce.Failure) string { return f.Message }),
}

var feeFields = []func(*kind){
	amount("amount", func(f *commerce.Fee) commerce.Money { return f.Amount }),
	text("balance_transaction", func(f *commerce.Fee) string { return f.BalanceTransaction }),
	amount("settled", func(f *commerce.Fee) commerce.Money { return f.Settled }),
}

var hintFields = []func(*kind){
	text("id", func(h *commerce.OrderHint) string { return h.ID }),
	text("number", func(h *commerce.OrderHint) string { return h.Number }),
	text("store", func(h *commerce.OrderHint) string { return h.Store }),
	amount("amount", func(h *commerce.OrderHint) commerce.Money { return h.Amount }),
}

var refundFields = []func(*kind){
	part("ref", func(r *commerce.Refund) *commerce.Ref { return &r.Ref }),
	part("payment", func(r *commerce.Refund) *commerce.Ref { return &r.Payment }),
	text("charge", func(r *commerce.Refund) string { return r.Charge }),
	amount("amount", func(r *commerce.Refund) commerce.Money { return r.Amount }),
	word("status", func(r *commerce.Refund) commerce.RefundStatus { return r.Status },
		commerce.RefundPending, commerce.RefundSucceeded, commerce.RefundFailed, commerce.RefundCanceled),
	text("reason", func(r *commerce.Refund) string { return r.Reason }),
	moment("created", func(r *commerce.Refund) time.Time { return r.Created }),
	text("operation", func(r *commerce.Refund) string { return r.Operation }),
	named("metadata", func(r *commerce.Refund) map[string]string { return r.Metadata }),
	many("orders", func(r *commerce.Refund) []commerce.OrderHint { return r.Orders }),
}

var reviewFields = []func(*kind){
	part("ref", func(r *commerce.Review) *commerce.Ref { return &r.Ref }),
	part("payment", func(r *commerce.Review) *commerce.Ref { return &r.Payment }),
	flag("open", func(r *commerce.Review) bool { return r.Open }),
	text("reason", func(r *commerce.Review) string { return r.Reason }),
	text("closed", func(r *commerce.Review) string { return r.Closed }),
	moment("created", func(r *commerce.Review) time.Time { return r.Created }),
}

var warningFields = []func(*kind){
	part("ref", func(w *commerce.FraudWarning) *commerce.Ref { return &w.Ref }),
	part("payment", func(w *commerce.FraudWarning) *commerce.Ref { return &w.Payment }),
	text("charge", func(w *commerce.FraudWarning) string { return w.Charge }),
	text("type", func(w *commerce.FraudWarning) string { return w.Type }),
	flag("actionable", func(w *commerce.FraudWarning) bool { return w.Actionable }),
	moment("created", func(w *commerce.FraudWarning) time.Time { return w.Created }),
}

var disputeFields = []func(*kind){
	part("ref", func(d *commerce.Dispute) *commerce.Ref { return &d.Ref }),
	part("payment", func(d *commerce.Dispute) *commerce.Ref { return &d.Payment }),
	text("charge", func(d *commerce.Dispute) string { return d.Charge }),
	amount("amount", func(d *commerce.Dispute) commerce.Money { return d.Amount }),
	word("status", func(d *commerce.Dispute) commerce.DisputeStatus { return d.Status },
		commerce.DisputeOpen, commerce.DisputeReview, commerce.DisputeWon, commerce.DisputeLost, commerce.DisputeClosed),
	flag("inquiry", func(d *commerce.Dispute) bool { return d.Inquiry }),
	text("reason", func(d *commerce.Dispute) string { return d.Reason }),
	moment("created", func(d *commerce.Dispute) time.Time { return d.Created }),
	moment("due", func(d *commerce.Dispute) time.Time { return d.Due }),
	flag("answered", func(d *commerce.Dispute) bool { return d.Answered }),
	amount("withdrawn", func(d *commerce.Dispute) commerce.Money { return d.Withdrawn }),
	amount("reinstated", func(d *commerce.Dispute) commerce.Money { return d.Reinstated }),
}

var scoreFields = []func(*kind){
	whole("points", func(s *commerce.Score) int64 { return int64(s.Points) }),
	many("reasons", func(s *commerce.Score) []commerce.ScoreReason { return s.Reasons }),
}

var reasonFields = []func(*kind){
	text("code", func(r *commerce.ScoreReason) string { return r.Code }),
	whole("points", func(r *commerce.ScoreReason) int64 { return int64(r.Points) }),
	text("text", func(r *commerce.ScoreReason) string { return r.Text }),
}

var moneyFields = []func(*kind){
	text("currency", func(m *commerce.Money) string { return string(m.Currency()) }),
	exact("amount", func(m *commerce.Money) commerce.Decimal { return m.Decimal() }),
}

// orNought is for what a system leaves out where there was none of it.
func orNought(m commerce.Money, c commerce.Currency) commerce.Money {
	if m == (commerce.Money{}) {
		return commerce.Zero(c)
	}
	return m
}

// texts is a list of texts, named one by names.
func texts[T any](name string, get func(*T) []string) func(*kind) {
	return add(name, cel.ListType(cel.StringType), func(v *T) bool { return len(get(v)) > 0 },
		func(v *T) (any, error) { return types.NewStringList(adapter{}, get(v)), nil })
}

func named[T any](name string, get func(*T) map[string]string) func(*kind) {
	return add(name, cel.MapType(cel.StringType, cel.StringType), func(v *T) bool { return len(get(v)) > 0 },
		func(v *T) (any, error) { return types.NewStringStringMap(adapter{}, get(v)), nil })
}
