package stripe

import (
	"context"
	"net/http"
	"slices"
	"strings"

	stripego "github.com/stripe/stripe-go/v76"

	"github.com/commercesync/commerce"
)

// Right is a permission of a restricted key, named as the Dashboard does under
// Developers > API keys (read 2026-11).
type Right string

// The permissions that [Client.Has] can ask for. Write includes read.
const (
	ReadBalance             Right = "Balance: read"
	ReadBalanceTransactions Right = "Balance Transactions: read"
	ReadCharges             Right = "Charges and Refunds: read"
	WriteCharges            Right = "Charges and Refunds: write"
	ReadPaymentIntents      Right = "PaymentIntents: read"
	WritePaymentIntents     Right = "PaymentIntents: write"
	ReadCheckoutSessions    Right = "Checkout Sessions: read"
	WriteCheckoutSessions   Right = "Checkout Sessions: write"
	ReadCustomers           Right = "Customers: read"
	ReadDisputes            Right = "Disputes: read"
	WriteDisputes           Right = "Disputes: write"
	ReadEvents              Right = "Events: read"
	ReadPayouts             Right = "Payouts: read"
	WritePayouts            Right = "Payouts: write"
	WriteTransfers          Right = "Transfers: write"
	WriteTopUps             Right = "Top-ups: write"
	ReadWebhookEndpoints    Right = "Webhook Endpoints: read"
	WriteWebhookEndpoints   Right = "Webhook Endpoints: write"
)

type knock struct {
	right        Right
	method, path string
}

// knocks are the requests by which a right shows. A write lacks a parameter that it must
// have, or names an object that can not be, so that nothing comes of it.
var knocks = []knock{
	{ReadBalance, http.MethodGet, "/v1/balance"},
	{ReadBalanceTransactions, http.MethodGet, "/v1/balance_transactions?limit=1"},
	{ReadCharges, http.MethodGet, "/v1/charges?limit=1"},
	{WriteCharges, http.MethodPost, "/v1/refunds"},
	{ReadPaymentIntents, http.MethodGet, "/v1/payment_intents?limit=1"},
	{WritePaymentIntents, http.MethodPost, "/v1/payment_intents"},
	{ReadCheckoutSessions, http.MethodGet, "/v1/checkout/sessions?limit=1"},
	{WriteCheckoutSessions, http.MethodPost, "/v1/checkout/sessions/cs_none/expire"},
	{ReadCustomers, http.MethodGet, "/v1/customers?limit=1"},
	{ReadDisputes, http.MethodGet, "/v1/disputes?limit=1"},
	{WriteDisputes, http.MethodPost, "/v1/disputes/dp_none"},
	{ReadEvents, http.MethodGet, "/v1/events?limit=1"},
	{ReadPayouts, http.MethodGet, "/v1/payouts?limit=1"},
	{WritePayouts, http.MethodPost, "/v1/payouts"},
	{WriteTransfers, http.MethodPost, "/v1/transfers"},
	{WriteTopUps, http.MethodPost, "/v1/topups"},
	{ReadWebhookEndpoints, http.MethodGet, "/v1/webhook_endpoints?limit=1"},
	{WriteWebhookEndpoints, http.MethodPost, "/v1/webhook_endpoints"},
}

// Rights returns the permissions that Has can ask for.
func Rights() []Right {
	var all []Right
	for _, k := range knocks {
		all = append(all, k.right)
	}
	return all
}

// Has reports whether the key has a permission, by a request that has no effect: a 403 is
// a no, and an answer on the merits (200, 400, 404) a yes. That Stripe looks at the right
// before the parameters is not documented; it was taken for granted 2026-11. An error is of
// kind auth, or says that Stripe could not be asked.
func (c *Client) Has(ctx context.Context, right Right) (bool, error) {
	i := slices.IndexFunc(knocks, func(k knock) bool { return k.right == right })
	if i < 0 {
		return false, invalid("ask for a right", "%q is no right that can be asked for", string(right))
	}
	k := knocks[i]
	ask := call{op: "ask for the right " + string(right), method: k.method, path: k.path}
	if ask.write() {
		params := &stripego.Params{}
		params.SetIdempotencyKey("right/" + k.path)
		ask.params = params
	}
	err := c.do(ctx, ask, &struct{}{})
	switch commerce.KindOf(err) {
	case commerce.KindForbidden:
		return false, nil
	case commerce.KindInvalid, commerce.KindNotFound, commerce.KindConflict, commerce.KindDuplicate:
		return true, nil
	}
	return err == nil, err
}

// Restricted reports whether the key is a restricted one (rk_…): any other may do
// everything.
func (c *Client) Restricted(ctx context.Context) (bool, error) {
	key, err := c.config.Credentials.Current(ctx)
	if err != nil {
		return false, unauthorised(err)
	}
	return strings.HasPrefix(key.Reveal(), "rk_"), nil
}
