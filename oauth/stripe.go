package oauth

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// Connect is a platform on Stripe Connect, to which merchants connect Standard accounts of
// their own. ClientID and Key are required.
type Connect struct {
	// ClientID is the platform's: "ca_1". Test and live mode have one each.
	ClientID string

	// Key hands out the platform's secret key. Its mode decides the mode of the grant.
	Key commerce.Credentials[commerce.Secret]

	// Scope is "read_only" or "read_write". Defaults to "read_only".
	Scope string

	// Landing is the page that a merchant sees first, "login" or "register". Defaults to
	// what Stripe chooses: login for read_only and register for read_write.
	Landing string

	// AlwaysPrompt asks for consent also where it was given before.
	AlwaysPrompt bool

	// Prefill fills in Stripe's form for a new merchant: "email", "country",
	// "business_name" … Stripe ignores what it can not use. Nil fills in nothing.
	Prefill func(*http.Request) map[string]string

	// URL is where OAuth is. Defaults to https://connect.stripe.com.
	URL string

	// APIURL is where the API is; it is asked whether there is still access when Stripe
	// says that there is none. Defaults to https://api.stripe.com.
	APIURL string

	// Name of the provider. Defaults to "stripe".
	Name string
}

// StripeConnect is the provider for Standard accounts. The tokens that Stripe answers with
// are deprecated and not kept: a client for the account has the platform's key and
// stripe.Config.Account. An error is of kind invalid and names the field.
func StripeConnect(c Connect) (Provider, error) {
	scope := cmp.Or(c.Scope, "read_only")
	base, api := strings.TrimSuffix(cmp.Or(c.URL, "https://connect.stripe.com"), "/"), strings.TrimSuffix(cmp.Or(c.APIURL, "https://api.stripe.com"), "/")
	switch {
	case scope != "read_only" && scope != "read_write":
		return Provider{}, invalid("new provider", "Connect.Scope is neither read_only nor read_write")
	case !slices.Contains([]string{"", "login", "register"}, c.Landing):
		return Provider{}, invalid("new provider", "Connect.Landing is neither login nor register")
	case !secure(api):
		return Provider{}, invalid("new provider", "Connect.APIURL is no https address")
	}
	p := Provider{
		Name: cmp.Or(c.Name, "stripe"), System: "stripe", ClientID: c.ClientID, Secret: c.Key,
		AuthURL: base + "/oauth/authorize", TokenURL: base + "/oauth/token", Scopes: []string{scope},
		Params: func(r *http.Request) url.Values {
			v := url.Values{}
			if c.Landing != "" {
				v.Set("stripe_landing", c.Landing)
			}
			if c.AlwaysPrompt {
				v.Set("always_prompt", "true")
			}
			if c.Prefill != nil {
				for name, text := range c.Prefill(r) {
					v.Set("stripe_user["+name+"]", text)
				}
			}
			return v
		},
		Identify: stripeIdentity, tokenless: true,
	}
	p.revoke = func(ctx context.Context, client *http.Client, key commerce.Secret, account string) error {
		return deauthorize(ctx, client, base+"/oauth/deauthorize", c.ClientID, key, account)
	}
	p.alive = func(ctx context.Context, client *http.Client, key commerce.Secret, account string) (bool, error) {
		return reaches(ctx, client, api+"/v1/account", key, account)
	}
	return p, nil
}

// App is a Stripe App that asks for access by OAuth. ClientID and Key are required.
type App struct {
	// ClientID is the app's: "ca_1". Test and live mode have one each.
	ClientID string

	// Key hands out the developer's secret key.
	Key commerce.Credentials[commerce.Secret]

	// URL is where merchants consent. Defaults to https://marketplace.stripe.com.
	URL string

	// APIURL is where tokens are. Defaults to https://api.stripe.com.
	APIURL string

	// Name of the provider. Defaults to "stripe-app".
	Name string
}

// StripeApp is the provider for a Stripe App. Access tokens live for an hour, though
// answers do not say so, and every refresh token works once. What the app may do is in its
// manifest, so no scope is asked for. An error is of kind invalid and names the field.
func StripeApp(c App) (Provider, error) {
	api := strings.TrimSuffix(cmp.Or(c.APIURL, "https://api.stripe.com"), "/")
	return Provider{
		Name: cmp.Or(c.Name, "stripe-app"), System: "stripe", ClientID: c.ClientID, Secret: c.Key, InHeader: true, bare: true,
		AuthURL:  strings.TrimSuffix(cmp.Or(c.URL, "https://marketplace.stripe.com"), "/") + "/oauth/v2/authorize",
		TokenURL: api + "/v1/oauth/token", granted: "stripe_apps", Identify: stripeIdentity,
		Life: time.Hour, RefreshLife: 365 * 24 * time.Hour, keyMode: modeOfKey,
	}, nil
}

// modeOfKey reads "sk_live_…", "rk_test_…".
func modeOfKey(key commerce.Secret) commerce.Mode {
	if kind := strings.SplitN(key.Reveal(), "_", 3); len(kind) == 3 && (kind[1] == "live" || kind[1] == "test") {
		return commerce.Mode(kind[1])
	}
	return ""
}

// stripeIdentity reads account and mode. The answer to an app's refresh token may name the
// account by another word.
func stripeIdentity(t *oauth2.Token) (Identity, error) {
	account, _ := t.Extra("stripe_user_id").(string)
	if account == "" {
		account, _ = t.Extra("account_id").(string)
	}
	live, ok := t.Extra("livemode").(bool)
	if !ok || !strings.HasPrefix(account, "acct_") || strings.Trim(account[5:], letters) != "" {
		return Identity{}, commerce.Errorf(commerce.KindInternal, "stripe", "read grant", "the answer names no account or no mode")
	}
	return Identity{Account: account, Mode: commerce.ModeOf(live)}, nil
}

const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"

// deauthorize ends a platform's access to an account.
func deauthorize(ctx context.Context, client *http.Client, address, id string, key commerce.Secret, account string) error {
	form := url.Values{"client_id": {id}, "stripe_user_id": {account}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return invalid("deauthorize", "no request can be made")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+key.Reveal())
	resp, err := client.Do(r)
	if err != nil {
		return transportError("stripe", "deauthorize "+account, err)
	}
	defer resp.Body.Close()
	body, err := httpx.ReadAll(resp.Body, maxAnswer)
	if err != nil {
		return transportError("stripe", "deauthorize "+account, err)
	}
	var answer struct {
		Account string `json:"stripe_user_id"`
		Error   string `json:"error"`
	}
	_ = json.Unmarshal(body, &answer)
	if resp.StatusCode == http.StatusOK && answer.Account == account {
		return nil
	}
	return answerError("stripe", "deauthorize "+account, resp, answer.Error)
}

// reaches reports whether a platform's key may act for an account. A refusal is a 403, or
// the code account_invalid; what else goes wrong, a bad key too, says nothing.
func reaches(ctx context.Context, client *http.Client, address string, key commerce.Secret, account string) (bool, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false, invalid("get account", "no request can be made")
	}
	r.Header.Set("Authorization", "Bearer "+key.Reveal())
	r.Header.Set("Stripe-Account", account)
	resp, err := client.Do(r)
	if err != nil {
		return false, transportError("stripe", "get account "+account, err)
	}
	defer resp.Body.Close()
	var answer struct {
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	if body, err := httpx.ReadAll(resp.Body, maxAnswer); err == nil {
		_ = json.Unmarshal(body, &answer)
	}
	switch {
	case resp.StatusCode == http.StatusOK:
		return true, nil
	case resp.StatusCode == http.StatusForbidden || answer.Error.Code == "account_invalid":
		return false, nil
	}
	return false, answerError("stripe", "get account "+account, resp, answer.Error.Code)
}
