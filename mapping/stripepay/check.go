package stripepay

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/connection"
	"github.com/commercesync/commerce/internal/signed"
	"github.com/commercesync/commerce/stripe"
)

// Use is a workflow that needs rights of the key beyond reading payments and events.
type Use string

const (
	UseCollect   Use = "collect"   // workflow.Collect: links to pay by
	UseRefunds   Use = "refunds"   // workflow.Refunds: makes refunds
	UseCaptures  Use = "captures"  // captures and cancels authorisations
	UseDisputes  Use = "disputes"  // hands in evidence
	UseBooks     Use = "books"     // workflow.Books, workflow.Payouts: balance and payouts
	UseEndpoints Use = "endpoints" // makes and rotates the webhook endpoint
)

var always = []stripe.Right{stripe.ReadBalance, stripe.ReadCharges, stripe.ReadPaymentIntents, stripe.ReadCheckoutSessions, stripe.ReadEvents}

var rightsOf = map[Use][]stripe.Right{
	UseCollect:   {stripe.WriteCheckoutSessions},
	UseRefunds:   {stripe.WriteCharges},
	UseCaptures:  {stripe.WritePaymentIntents},
	UseDisputes:  {stripe.ReadDisputes, stripe.WriteDisputes},
	UseBooks:     {stripe.ReadBalanceTransactions, stripe.ReadPayouts, stripe.ReadDisputes},
	UseEndpoints: {stripe.ReadWebhookEndpoints, stripe.WriteWebhookEndpoints},
}

// harmless may be had without need: the Dashboard gives them along, and they move nothing.
var harmless = []stripe.Right{stripe.ReadCustomers, stripe.ReadDisputes, stripe.ReadBalanceTransactions, stripe.ReadPayouts, stripe.ReadWebhookEndpoints}

// CheckConfig says what the account should be like. The zero value looks at reachability,
// key, mode and account.
type CheckConfig struct {
	// Uses are the workflows in use: the key should have their rights and no more.
	Uses []Use

	// Endpoint is the webhook endpoint that should be there; without a URL none is
	// looked for.
	Endpoint stripe.EndpointConfig

	// Secrets are the receiver's. Where they are given, an event of the type
	// "commerce.check", which nothing handles, is signed and delivered to Endpoint.URL.
	Secrets commerce.Credentials[[]commerce.Secret]

	// Receiver carries that delivery. Defaults to http.DefaultTransport.
	Receiver http.RoundTripper

	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// undelivered is how far back deliveries that failed are looked for; the last minutes are
// left out, in which one is still under way.
const undelivered, underWay = 24 * time.Hour, 15 * time.Minute

// Check looks at the account: whether Stripe is reached safely and takes the key, mode and
// account are those of the config, the key has the rights that are needed one by one and no
// more, the account may take payments, and the webhook endpoint delivers what is needed in
// the version that is expected.
func (p *Pay) Check(ctx context.Context, c CheckConfig) commerce.Findings {
	if c.Now == nil {
		c.Now = time.Now
	}
	k := &check{Report: connection.Report{Of: p.origin}, p: p, c: c}
	address, bare := p.client.Door()
	if !k.Knock(ctx, connection.Door{URL: address, Transport: bare, Now: c.Now}) {
		return k.Findings
	}
	balance, err := p.client.Balance.Get(ctx)
	if err != nil {
		k.Fail(err)
		return k.Findings
	}
	if mode := commerce.ModeOf(balance.Livemode); mode != p.origin.Mode {
		k.Tell(commerce.Broken, "mode_mismatch", "", fmt.Sprintf("the key is of mode %s", mode), fmt.Sprintf("a key of mode %s", p.origin.Mode),
			"take the key of the other mode from Developers > API keys, or correct Config.Mode")
	}
	k.rights(ctx)
	k.account(ctx)
	if c.Endpoint.URL != "" {
		k.endpoint(ctx)
	}
	return k.Findings
}

// check is one look at a connection.
type check struct {
	connection.Report
	p *Pay
	c CheckConfig
}

func (k *check) rights(ctx context.Context) {
	const at = "under Developers > API keys"
	restricted, err := k.p.client.Restricted(ctx)
	if err != nil {
		k.Fail(err)
		return
	}
	if !restricted {
		if k.p.origin.Mode == commerce.Live {
			k.Tell(commerce.Warning, "rights_surplus", "", "the key is a secret key, which may do everything", "a restricted key (rk_…) with the rights that are needed",
				"make one "+at+" and rotate to it")
		}
		return
	}
	needed := slices.Clone(always)
	for _, use := range k.c.Uses {
		needed = append(needed, rightsOf[use]...)
	}
	if k.c.Endpoint.URL != "" {
		needed = append(needed, stripe.ReadWebhookEndpoints)
	}
	var surplus []string
	for _, right := range stripe.Rights() {
		has, err := k.p.client.Has(ctx, right)
		switch need := slices.Contains(needed, right); {
		case err != nil:
			k.Fail(err)
			return
		case need && !has:
			k.Tell(commerce.Broken, "right_missing", string(right), "the restricted key lacks the permission "+string(right), "the permission, for the workflows in use",
				"edit the key "+at+" and give it the permission")
		case has && !need && !slices.Contains(harmless, right):
			surplus = append(surplus, string(right))
		}
	}
	if len(surplus) > 0 {
		k.Tell(commerce.Warning, "rights_surplus", "", "the key may do what no workflow in use needs: "+strings.Join(surplus, ", "), "no more rights than are needed",
			"edit the key "+at+" and take them away")
	}
}

func (k *check) account(ctx context.Context) {
	a, err := k.p.client.Accounts.Own(ctx)
	switch {
	case errors.Is(err, commerce.ErrForbidden): // a restricted key may not see it
		return
	case err != nil:
		k.Fail(err)
		return
	}
	if k.p.origin.Account != "" && a.ID != k.p.origin.Account {
		k.Tell(commerce.Broken, "other_account", "", "the key is of account "+a.ID, "account "+k.p.origin.Account,
			"take the key from that account, or correct Config.Account: events would stand under another name than payments")
	}
	if !a.ChargesEnabled {
		k.Tell(commerce.Broken, "charges_disabled", "", "Stripe takes no payments for the account", "charges are enabled", "answer what Stripe asks for in the Dashboard, under Settings > Account status")
	} else if !a.PayoutsEnabled {
		k.Tell(commerce.Warning, "payouts_disabled", "", "Stripe pays nothing out to the account's bank", "payouts are enabled", "see Settings > Account status in the Dashboard, and the bank account")
	}
	if due := a.Requirements.PastDue; len(due) > 0 {
		k.Tell(commerce.Warning, "requirements_due", "", fmt.Sprintf("Stripe waits for %d answers that are past due, the first about %s", len(due), due[0]), "none", "answer them in the Dashboard, under Settings > Account status")
	}
}

// endpoint compares the webhook endpoint, looks for deliveries that failed, and makes one.
func (k *check) endpoint(ctx context.Context) {
	const at = "under Developers > Webhooks"
	where := k.c.Endpoint.URL
	_, drift, err := k.p.client.WebhookEndpoints.Check(ctx, k.c.Endpoint)
	switch {
	case errors.Is(err, commerce.ErrForbidden): // told as a right that is missing
		return
	case err != nil:
		k.Fail(err)
		return
	case drift.Missing:
		k.Tell(commerce.Broken, "webhook_missing", "", "no webhook endpoint delivers to "+where, "one, with the events that are handled",
			"make it "+at+", or let the program call WebhookEndpoints.Ensure; until then news comes by the feed of missed events alone, if there is one")
		return
	}
	if drift.Disabled {
		k.Tell(commerce.Broken, "webhook_disabled", "", "the endpoint for "+where+" is disabled: Stripe does so after days of failures", "it is enabled",
			"see that the receiver answers, then enable it "+at)
	}
	for _, event := range drift.Lacking {
		k.Tell(commerce.Broken, "webhook_event_missing", event, "the endpoint does not deliver "+event, "every event that a workflow in use handles", "add the event "+at)
	}
	if len(drift.Surplus) > 0 {
		k.Tell(commerce.Warning, "webhook_events_surplus", "", "the endpoint delivers what nothing handles: "+strings.Join(drift.Surplus, ", "), "the events that are handled", "take them away "+at)
	}
	if drift.Version != "" {
		k.Tell(commerce.Warning, "webhook_version", "", "its events are written in API version "+drift.Version, "version "+cmp.Or(k.c.Endpoint.APIVersion, stripe.APIVersion),
			"make a new endpoint of that version, as WebhookEndpoints.Rotate does: it can not be changed")
	}
	if len(drift.Twins) > 0 {
		k.Tell(commerce.Warning, "webhook_twins", "", fmt.Sprintf("%d more endpoints deliver to %s: every event comes more than once", len(drift.Twins), where), "one endpoint", "delete "+strings.Join(drift.Twins, ", ")+" "+at)
	}
	if !drift.Disabled {
		k.failed(ctx)
	}
	if k.c.Secrets != nil {
		k.deliver(ctx)
	}
}

// failed looks for events that an endpoint did not acknowledge.
func (k *check) failed(ctx context.Context) {
	now := k.c.Now()
	params := &stripe.EventListParams{CreatedRange: &stripe.CreatedRange{GreaterThanOrEqual: now.Add(-undelivered).Unix(), LesserThan: now.Add(-underWay).Unix()}}
	params.DeliverySuccess = new(false)
	params.Limit = new(int64(100))
	failed, newest := 0, time.Time{}
	for e, err := range k.p.client.Events.List(ctx, params) {
		if errors.Is(err, commerce.ErrForbidden) { // told as a right that is missing
			return
		}
		if err != nil {
			k.Fail(err)
			return
		}
		if failed++; failed == 1 {
			newest = e.Created
		}
		if failed == 100 {
			break
		}
	}
	if failed > 0 {
		k.Tell(commerce.Warning, "webhook_deliveries_fail", "", fmt.Sprintf("%d events of the last day were not acknowledged, the newest of %s", failed, newest.UTC().Format(time.RFC3339)), "each is acknowledged within minutes",
			"see under Developers > Webhooks what the receiver answered; a wrong secret looks like this too")
	}
}

// deliver sends the receiver an event that nothing handles.
func (k *check) deliver(ctx context.Context) {
	secrets, err := k.c.Secrets.Current(ctx)
	if err != nil {
		k.Fail(err)
		return
	}
	body := fmt.Appendf(nil, `{"id":"evt_check_%s","object":"event","type":"commerce.check","api_version":%q,"created":%d,"livemode":%t,"data":{"object":{"id":"check","object":"check"}}}`,
		rand.Text(), stripe.APIVersion, k.c.Now().Unix(), k.p.origin.Mode == commerce.Live)
	k.Findings = append(k.Findings, connection.Deliver(ctx, k.Of, connection.Delivery{URL: k.c.Endpoint.URL, Transport: k.c.Receiver, Secrets: secrets, Body: body,
		Sign: func(r *http.Request, body []byte, secret commerce.Secret) {
			r.Header.Set(stripe.SignatureHeader, signed.Sign(k.c.Now(), body, secret.Reveal()))
		}})...)
}
