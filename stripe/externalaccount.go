package stripe

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"

	stripego "github.com/stripe/stripe-go/v76"
)

// ExternalAccount is a bank account or card that is paid out to.
type ExternalAccount struct {
	ID       string            `json:"id"`
	Object   string            `json:"object"` // "bank_account", "card"
	Account  ID                `json:"account"`
	Country  string            `json:"country"`
	Currency string            `json:"currency"` // lower case
	Last4    string            `json:"last4"`
	Status   string            `json:"status"` // of a bank account: "new", "verified", "errored" …
	Default  bool              `json:"default_for_currency"`
	Metadata map[string]string `json:"metadata"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// UnmarshalJSON reads a bank account or card. A missing id, object or last4 is a
// [*GapError].
func (a *ExternalAccount) UnmarshalJSON(b []byte) error {
	type plain ExternalAccount
	a.Raw = keep(b)
	return read(b, (*plain)(a), "external_account", "id", "object", "last4")
}

// ExternalAccountParams makes or changes where an account is paid out to. A bank
// account or card is given as a token, which a browser made at Stripe: numbers do not
// pass through a program of yours.
type ExternalAccountParams struct {
	stripego.Params `form:"*"`

	ExternalAccount    *string           `form:"external_account"` // the token; only to create
	AccountHolderName  *string           `form:"account_holder_name"`
	DefaultForCurrency *bool             `form:"default_for_currency"`
	Expand             []*string         `form:"expand"`
	Metadata           map[string]string `form:"metadata"`
}

// ExternalAccountListParams filters external accounts by Object, "bank_account" or "card".
type ExternalAccountListParams struct {
	stripego.ListParams `form:"*"`

	Object *string `form:"object"`
}

// ExternalAccountService reads and writes the bank accounts and cards that connected
// accounts are paid out to. Every write needs params with an idempotency key.
type ExternalAccountService struct{ c *Client }

const externalAccounts = accounts + "/%s/external_accounts"

// Get reads one external account of an account.
func (s *ExternalAccountService) Get(ctx context.Context, account, id string) (*ExternalAccount, error) {
	return getBelow[ExternalAccount](ctx, s.c, "get external account", externalAccounts+"/%s", account, id)
}

// List reads the external accounts of an account. A nil params lists all.
func (s *ExternalAccountService) List(ctx context.Context, account string, params *ExternalAccountListParams) iter.Seq2[ExternalAccount, error] {
	return pagesOf[ExternalAccount](ctx, s.c, "list external accounts of", externalAccounts, account, params)
}

// Create adds an external account.
func (s *ExternalAccountService) Create(ctx context.Context, account string, params *ExternalAccountParams) (*ExternalAccount, error) {
	return act[ExternalAccount](ctx, s.c, "create external account of", externalAccounts, account, orEmpty(params))
}

// Update changes what is set in params; of a bank account that is the holder's name,
// the metadata and whether it is the default.
func (s *ExternalAccountService) Update(ctx context.Context, account, id string, params *ExternalAccountParams) (*ExternalAccount, error) {
	return act[ExternalAccount](ctx, s.c, "update external account", externalAccounts+"/%s", account, orEmpty(params), id)
}

// Delete removes an external account, which must not be the default of its currency.
func (s *ExternalAccountService) Delete(ctx context.Context, account, id string, params *DeleteParams) error {
	return remove(ctx, s.c, "delete external account", externalAccounts+"/%s", account, orEmpty(params), id)
}

// getBelow reads an object that hangs below another; path has one %s for each id.
func getBelow[T any](ctx context.Context, c *Client, op, path string, ids ...string) (*T, error) {
	op, path, err := place(op, path, ids)
	if err != nil {
		return nil, err
	}
	out := new(T)
	if err := c.do(ctx, call{op: op, method: http.MethodGet, path: path}, out); err != nil {
		return nil, err
	}
	return out, nil
}
