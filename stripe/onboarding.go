package stripe

import (
	"cmp"
	"context"
	"crypto/rand"

	"github.com/commercesync/commerce/oauth"
)

// HostedAccounts makes and reads the accounts that a platform makes for its tenants, for an
// oauth.Onboarding. Client is required, and is the platform's own.
type HostedAccounts struct {
	Client *Client

	// Type is "express" or "custom". Defaults to "express".
	Type string

	// Params are what is known of a tenant's account before its forms: country, e-mail
	// address, capabilities. Nil knows nothing but that it is to be charged by card and
	// paid out.
	Params func(tenant string) *AccountParams
}

var _ oauth.Accounts = HostedAccounts{}

// Create makes a tenant's account. Stripe remembers for 24 hours that it did; keep its id.
func (h HostedAccounts) Create(ctx context.Context, tenant string) (string, error) {
	params := &AccountParams{}
	if h.Params != nil {
		params = h.Params(tenant)
	}
	params.Type = new(cmp.Or(h.Type, "express"))
	if params.Capabilities == nil {
		params.AddExtra("capabilities[card_payments][requested]", "true")
		params.AddExtra("capabilities[transfers][requested]", "true")
	}
	params.SetIdempotencyKey("account of tenant " + tenant)
	a, err := h.Client.Accounts.Create(ctx, params)
	if err != nil {
		return "", err
	}
	return a.ID, nil
}

// Link makes a link to the account's forms.
func (h HostedAccounts) Link(ctx context.Context, account, returnURL, refreshURL string) (string, error) {
	params := &AccountLinkParams{Account: &account, Type: new("account_onboarding"), ReturnURL: &returnURL, RefreshURL: &refreshURL}
	params.SetIdempotencyKey("link of " + account + " " + rand.Text())
	l, err := h.Client.AccountLinks.Create(ctx, params)
	if err != nil {
		return "", err
	}
	return l.URL, nil
}

// Status reads where an account stands.
func (h HostedAccounts) Status(ctx context.Context, account string) (oauth.AccountStatus, error) {
	a, err := h.Client.Accounts.Get(ctx, account)
	if err != nil {
		return oauth.AccountStatus{}, err
	}
	return oauth.AccountStatus{Account: a.ID, Charges: a.ChargesEnabled, Payouts: a.PayoutsEnabled, Submitted: a.DetailsSubmitted,
		Due: a.Requirements.CurrentlyDue, Deadline: a.Requirements.CurrentDeadline.Time(), Disabled: a.Requirements.DisabledReason}, nil
}
