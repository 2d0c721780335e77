package stripe

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"

	stripego "github.com/stripe/stripe-go/v76"
)

// Account is a Stripe account: the key's own or a connected one.
type Account struct {
	ID      string    `json:"id"`
	Created Timestamp `json:"created"` // 0 where the account did not grant it

	Type             string            `json:"type"` // "standard", "express", "custom", "none"
	Country          string            `json:"country"`
	DefaultCurrency  string            `json:"default_currency"` // lower case
	BusinessType     string            `json:"business_type"`
	Email            string            `json:"email"`
	ChargesEnabled   bool              `json:"charges_enabled"`
	PayoutsEnabled   bool              `json:"payouts_enabled"`
	DetailsSubmitted bool              `json:"details_submitted"`
	Capabilities     map[string]string `json:"capabilities"` // "active", "inactive", "pending"
	Requirements     Requirements      `json:"requirements"`
	Metadata         map[string]string `json:"metadata"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// Requirements is what Stripe still wants to know of an account.
type Requirements struct {
	CurrentDeadline     Timestamp `json:"current_deadline"`
	CurrentlyDue        []string  `json:"currently_due"`
	EventuallyDue       []string  `json:"eventually_due"`
	PastDue             []string  `json:"past_due"`
	PendingVerification []string  `json:"pending_verification"`
	DisabledReason      string    `json:"disabled_reason"` // empty while enabled
}

// UnmarshalJSON reads an account of any API version. A missing id is a [*GapError];
// everything else may be hidden from who asks.
func (a *Account) UnmarshalJSON(b []byte) error {
	type plain Account
	a.Raw = keep(b)
	return read(b, (*plain)(a), "account", "id")
}

// Application is a platform or app that an account let in. The event
// account.application.deauthorized carries it; who left is the event's Account.
type Application struct {
	ID   string `json:"id"`
	Name string `json:"name"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// UnmarshalJSON reads an application. A missing id is a [*GapError].
func (a *Application) UnmarshalJSON(b []byte) error {
	type plain Application
	a.Raw = keep(b)
	return read(b, (*plain)(a), "application", "id")
}

// AccountParams makes or changes a connected account. It is ours and not
// stripe-go's, whose persons carry a float: owners are filled in by the account
// holder, see [AccountLinkService].
type AccountParams struct {
	stripego.Params `form:"*"`

	Type            *string                                `form:"type"` // "standard", "express", "custom"
	Country         *string                                `form:"country"`
	Email           *string                                `form:"email"`
	BusinessType    *string                                `form:"business_type"`
	BusinessProfile *stripego.AccountBusinessProfileParams `form:"business_profile"`
	Capabilities    *stripego.AccountCapabilitiesParams    `form:"capabilities"`
	DefaultCurrency *string                                `form:"default_currency"`
	Expand          []*string                              `form:"expand"`
	Metadata        map[string]string                      `form:"metadata"`
	Settings        *stripego.AccountSettingsParams        `form:"settings"`
}

// More parameters of accounts.
type (
	AccountListParams   = stripego.AccountListParams
	AccountRejectParams = stripego.AccountRejectParams
	AccountLinkParams   = stripego.AccountLinkParams
	LoginLinkParams     = stripego.LoginLinkParams
)

// AccountService reads and writes accounts. Every write needs params with an
// idempotency key.
type AccountService struct{ c *Client }

const accounts = "/v1/accounts"

// Own reads the account that the client speaks for.
func (s *AccountService) Own(ctx context.Context) (*Account, error) {
	a := &Account{}
	if err := s.c.do(ctx, call{op: "get own account", method: http.MethodGet, path: "/v1/account"}, a); err != nil {
		return nil, err
	}
	return a, nil
}

// Get reads a connected account.
func (s *AccountService) Get(ctx context.Context, id string, expand ...string) (*Account, error) {
	return get[Account](ctx, s.c, "account", accounts, id, expand)
}

// List reads the connected accounts of a platform, newest first. A nil params lists all.
func (s *AccountService) List(ctx context.Context, params *AccountListParams) iter.Seq2[Account, error] {
	return pages[Account](ctx, s.c, "list accounts", accounts, params)
}

// Create makes a connected account.
func (s *AccountService) Create(ctx context.Context, params *AccountParams) (*Account, error) {
	return post[Account](ctx, s.c, "create account", accounts, orEmpty(params))
}

// Update changes what is set in params, as far as the platform controls the account.
func (s *AccountService) Update(ctx context.Context, id string, params *AccountParams) (*Account, error) {
	return act[Account](ctx, s.c, "update account", accounts+"/%s", id, orEmpty(params))
}

// Reject closes an account that looks like fraud; it can not be undone.
func (s *AccountService) Reject(ctx context.Context, id string, params *AccountRejectParams) (*Account, error) {
	return act[Account](ctx, s.c, "reject account", accounts+"/%s/reject", id, orEmpty(params))
}

// Delete removes a connected account whose balances are zero.
func (s *AccountService) Delete(ctx context.Context, id string, params *DeleteParams) error {
	return remove(ctx, s.c, "delete account", accounts+"/%s", id, orEmpty(params))
}

// AccountLink takes an account holder to Stripe's forms, once and for minutes.
type AccountLink struct {
	Created   Timestamp `json:"created"`
	ExpiresAt Timestamp `json:"expires_at"`
	// URL lets whoever opens it fill in the account: redirect to it, do not mail or
	// log it.
	URL string `json:"url"`
}

// UnmarshalJSON reads an account link. A missing URL or expiry is a [*GapError].
func (l *AccountLink) UnmarshalJSON(b []byte) error {
	type plain AccountLink
	return read(b, (*plain)(l), "account_link", "expires_at", "url")
}

// AccountLinkService makes account links.
type AccountLinkService struct{ c *Client }

// Create makes a link; it needs params with an idempotency key.
func (s *AccountLinkService) Create(ctx context.Context, params *AccountLinkParams) (*AccountLink, error) {
	return post[AccountLink](ctx, s.c, "create account link", "/v1/account_links", orEmpty(params))
}

// LoginLink takes the holder of an Express account to its dashboard, once.
type LoginLink struct {
	Created Timestamp `json:"created"`
	// URL logs in whoever opens it: redirect to it, do not mail or log it.
	URL string `json:"url"`
}

// UnmarshalJSON reads a login link. A missing URL is a [*GapError].
func (l *LoginLink) UnmarshalJSON(b []byte) error {
	type plain LoginLink
	return read(b, (*plain)(l), "login_link", "url")
}

// LoginLink makes a login link for an Express account.
func (s *AccountService) LoginLink(ctx context.Context, id string, params *LoginLinkParams) (*LoginLink, error) {
	return act[LoginLink](ctx, s.c, "create login link of account", accounts+"/%s/login_links", id, orEmpty(params))
}
