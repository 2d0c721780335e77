package nopcommercetest

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// StripePlugin is how one of the many Stripe plugins behaves. They agree on little.
type StripePlugin struct {
	// Method is the payment_method_system_name of its orders.
	Method string
	// Currency is what it charges in: "primary", "customer" (the default), or always a
	// code such as "usd".
	Currency string
	// Unconverted charges order_total as it is, whatever the currency.
	Unconverted bool
	// Truncates cuts what is below a cent off, where others round.
	Truncates bool
	// Intent and Charge are the columns that keep the ids of the payment intent and of the
	// charge. None is NoColumn.
	Intent, Charge Column
	// RefundsMirrored books a refund that was made at Stripe. By default there is a note,
	// and the order stays Paid.
	RefundsMirrored bool
}

// Column is where an order keeps an id of the gateway.
type Column int

// The columns.
const (
	NoColumn            Column = iota
	AuthorizationColumn        // authorization_transaction_id
	CaptureColumn              // capture_transaction_id
	ByState                    // authorization_transaction_id while authorised, else capture_transaction_id
)

// The payment methods of [StripePlugins].
const (
	StripeClassic = "Payments.Stripe"
	StripeCard    = "NopStation.Plugin.Payments.Stripe"
	StripeElement = "NopStation.Plugin.Payments.StripePaymentElement"
	StripeWallet  = "NopStation.Plugin.Payments.StripeWallet"
	StripeKlarna  = "NopStation.Plugin.Payments.StripeKlarna"
)

// StripePlugins are five common ones: a small one of 2018 that charges dollars and keeps
// the charge as an authorisation; a card form that charges the unconverted total in the
// customer's currency; the Payment Element and the wallet, which convert and truncate;
// and Klarna, whose orders wait for a redirect. All multiply by 100 in every currency.
func StripePlugins() []StripePlugin {
	return []StripePlugin{
		{Method: StripeClassic, Currency: "usd", Unconverted: true, Charge: AuthorizationColumn},
		{Method: StripeCard, Unconverted: true, Charge: ByState},
		{Method: StripeElement, Truncates: true, Intent: AuthorizationColumn, Charge: CaptureColumn},
		{Method: StripeWallet, Truncates: true, Intent: AuthorizationColumn},
		{Method: StripeKlarna, Intent: AuthorizationColumn},
	}
}

// GatewayCall is what a shop asks its gateway for.
type GatewayCall struct {
	Action   GatewayAction
	Order    int
	Intent   string // pi_…, where the order keeps it
	Charge   string // ch_…, where the order keeps it
	Amount   int64  // of a capture or refund, in hundredths as the plugin multiplies
	Currency string // lower case
}

// GatewayAction is one of three.
type GatewayAction string

// What a gateway does.
const (
	GatewayCapture GatewayAction = "capture"
	GatewayRefund  GatewayAction = "refund"
	GatewayVoid    GatewayAction = "void"
)

// StripeCharge is what a plugin asks Stripe to charge for an order.
type StripeCharge struct {
	Amount   int64  // in hundredths, of every currency
	Currency string // lower case
	Metadata map[string]string
}

// StripeResult is what came of a charge.
type StripeResult struct {
	Order      int
	Intent     string // pi_…
	Charge     string // ch_…
	Authorised bool   // the money is reserved and not captured
}

func (s *Shop) pluginOf(method string) (StripePlugin, bool) {
	i := slices.IndexFunc(s.c.StripePlugins, func(p StripePlugin) bool { return p.Method == method })
	if i < 0 {
		return StripePlugin{}, false
	}
	return s.c.StripePlugins[i], true
}

func (s *Shop) plugin(o *Order) (StripePlugin, bool) {
	return s.pluginOf(text(o.PaymentMethodSystemName))
}

// online reports whether an order's payment method can do anything at a gateway.
func (s *Shop) online(o *Order) bool {
	_, ok := s.plugin(o)
	return ok
}

func (p StripePlugin) currency(o *Order, primary *Currency) string {
	switch p.Currency {
	case "primary":
		return strings.ToLower(text(primary.CurrencyCode))
	case "", "customer":
		return strings.ToLower(text(o.CustomerCurrencyCode))
	}
	return strings.ToLower(p.Currency)
}

// minor is an amount in hundredths, as the plugin computes it.
func (p StripePlugin) minor(o *Order, a Amount) int64 {
	r := a.rat()
	if !p.Unconverted && p.Currency != "primary" {
		r = new(big.Rat).Mul(r, o.CurrencyRate.rat())
	}
	if p.Truncates {
		r.Mul(r, big.NewRat(100, 1))
		return new(big.Int).Quo(r.Num(), r.Denom()).Int64()
	}
	return round(r, 2)
}

// put writes the ids of the gateway where the plugin keeps them.
func (p StripePlugin) put(o *Order, intent, charge string, authorised bool) {
	at := func(c Column) **string {
		switch {
		case c == AuthorizationColumn, c == ByState && authorised:
			return &o.AuthorizationTransactionID
		case c == CaptureColumn && !authorised, c == ByState:
			return &o.CaptureTransactionID
		}
		return new(*string)
	}
	if intent != "" {
		*at(p.Intent) = &intent
	}
	if charge != "" {
		*at(p.Charge) = &charge
	}
	if !authorised {
		o.CaptureTransactionResult = new("succeeded")
	}
}

// transaction is the id of a kind in whichever column it lies.
func transaction(o *Order, prefix string) string {
	for _, p := range []*string{o.AuthorizationTransactionID, o.CaptureTransactionID} {
		if strings.HasPrefix(text(p), prefix) {
			return *p
		}
	}
	return ""
}

// withPlugin does something with an order that a plugin charges.
func (s *Shop) withPlugin(op string, id int, do func(*Order, StripePlugin) error) error {
	return s.withOrder(op, ByPlugin, id, func(o *Order) error {
		p, ok := s.plugin(o)
		if !ok {
			return invalid(op, "the order's payment method %q is none of Config.StripePlugins", text(o.PaymentMethodSystemName))
		}
		return do(o, p)
	})
}

// Charge returns what the plugin of an order asks Stripe to charge: the metadata names
// the order by id and guid, its customer and its products. An error is of kind invalid
// or not found.
func (s *Shop) Charge(order int) (c StripeCharge, err error) {
	err = s.withPlugin("charge order", order, func(o *Order, p StripePlugin) error {
		var products []string
		for _, i := range s.items.of[o.ID] {
			products = append(products, strconv.Itoa(i.ProductID))
		}
		c = StripeCharge{Amount: p.minor(o, o.OrderTotal), Currency: p.currency(o, s.primary()), Metadata: map[string]string{"OrderId": strconv.Itoa(o.ID),
			"OrderGuid": o.OrderGUID, "CustomerId": strconv.Itoa(o.CustomerID), "ProductId": strings.Join(products, ",")}}
		return nil
	})
	return c, err
}

// Charged does what the plugin does when a charge succeeded: it keeps the ids and marks
// the order. Hearing of one charge twice changes nothing. An error is of kind invalid or
// not found.
func (s *Shop) Charged(r StripeResult) error {
	return s.withPlugin("order charged", r.Order, func(o *Order, p StripePlugin) error {
		if o.PaymentStatusID != PaymentPending && (o.PaymentStatusID != PaymentAuthorized || r.Authorised) {
			return nil
		}
		p.put(o, r.Intent, r.Charge, r.Authorised)
		if r.Authorised {
			return s.said("order charged", s.markAuthorized(o, nil))
		}
		return s.said("order charged", s.markPaid(o, nil))
	})
}

// Refunded does what the plugin does when it hears of a refund that was made at Stripe:
// a note, and with [StripePlugin].RefundsMirrored the books. The amount is a decimal text
// in the primary store currency. An error is of kind invalid or not found.
func (s *Shop) Refunded(order int, amount string) error {
	return s.withPlugin("order refunded", order, func(o *Order, p StripePlugin) error {
		a, err := ParseAmount(amount)
		if err != nil || a <= 0 {
			return invalid("order refunded", "%q is no amount", amount)
		}
		if !p.RefundsMirrored {
			s.note(o, "Refunded at Stripe. Amount = %s", a.short())
			return nil
		}
		return s.said("order refunded", s.refundPartOffline(o, amountOf(a)))
	})
}

// amountOf is a request with an amount, for staff and plugins.
func amountOf(a Amount) *request {
	return &request{query: map[string]string{"amounttorefund": a.String()}}
}
