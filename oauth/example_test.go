package oauth_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/oauth"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
	"github.com/commercesync/commerce/vault"
)

// safe is a vault in memory. A program has one in its database, with keys of its own.
func safe() *vault.Vault {
	ring, err := vault.FreshRing()
	if err != nil {
		log.Fatal(err)
	}
	v, err := vault.New(context.Background(), vault.Config{Store: &vault.Memory{}, Ring: vault.Fixed(ring)})
	if err != nil {
		log.Fatal(err)
	}
	return v
}

// who is what a host knows of a request by its own session cookie.
func who(*http.Request) (oauth.Session, error) {
	return oauth.Session{Tenant: "acme", ID: "session-1", Actor: "user-17"}, nil
}

func ExampleFlow() {
	ctx := context.Background()
	fake, err := stripetest.New(stripetest.Config{Seed: 7}) // in place of Stripe
	if err != nil {
		log.Fatal(err)
	}
	const callback = "https://host.example/oauth/stripe/callback"
	if err := fake.RegisterOAuth(stripetest.OAuthClient{ID: "ca_1", RedirectURIs: []string{callback}}); err != nil {
		log.Fatal(err)
	}
	key := commerce.Static(commerce.NewSecret("sk_test_platform"))
	provider, err := oauth.StripeConnect(oauth.Connect{ClientID: "ca_1", Key: key, Scope: "read_write"})
	if err != nil {
		log.Fatal(err)
	}
	flow, err := oauth.New(oauth.Config{Provider: provider, Mode: commerce.Test, RedirectURL: callback, Keeper: safe(), Session: who,
		Transport: fake.Transport(),
		Notify: func(_ context.Context, n oauth.Notice) error {
			fmt.Println(n.Connection.Tenant, n.Connection.Mode, n.Kind, "by", n.Actor)
			return nil
		}})
	if err != nil {
		log.Fatal(err)
	}

	// A person clicks, consents, and comes back.
	page := httptest.NewRecorder()
	flow.Begin().ServeHTTP(page, httptest.NewRequest(http.MethodGet, "https://host.example/oauth/stripe", nil))
	merchant := fake.Merchant("DE")
	back, err := fake.Consent(page.Header().Get("Location"), stripetest.Consent{Account: merchant})
	if err != nil {
		log.Fatal(err)
	}
	page = httptest.NewRecorder()
	flow.Callback().ServeHTTP(page, httptest.NewRequest(http.MethodGet, back, nil))
	fmt.Println(page.Code, strings.Contains(page.Body.String(), "<h1>Connected</h1>"))

	// The program acts for the account.
	acme := commerce.Ref{Tenant: "acme", System: "stripe", Account: merchant, Mode: commerce.Test}
	client, err := stripe.NewClient(stripe.Config{Credentials: flow.Credentials(acme), Account: merchant, Transport: fake.Transport()})
	if err != nil {
		log.Fatal(err)
	}
	own, err := client.Accounts.Own(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(own.ID == merchant, own.ChargesEnabled)

	if err := flow.Disconnect(ctx, acme, "user-17"); err != nil {
		log.Fatal(err)
	}
	// Output:
	// acme test connected by user-17
	// 200 true
	// true true
	// acme test disconnected by user-17
}

func ExampleForm() {
	keeper := safe()
	shop := commerce.Ref{Tenant: "acme", System: "nopcommerce", Account: "shop", Mode: commerce.Live}
	slot, err := vault.NewSlot(vault.SlotConfig[nopcommerce.Login]{Keeper: keeper, Owner: shop, Name: "login",
		Verify: func(context.Context, nopcommerce.Login) error { return nil }}) // a Ping of a client of its own
	if err != nil {
		log.Fatal(err)
	}
	form, err := oauth.NewForm(oauth.FormConfig{System: "nopcommerce", Fields: oauth.Fields("nopcommerce"), Session: who,
		Put: func(ctx context.Context, _ oauth.Session, v oauth.Values) (commerce.Ref, error) {
			return shop, slot.Put(ctx, nopcommerce.Login{Email: v.Text("email"), Username: v.Text("username"), Password: v["password"]}, time.Time{})
		}})
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "https://host.example/connect/nopcommerce", strings.NewReader("email=sync%40shop.example&password=s3cret"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	page := httptest.NewRecorder()
	form.ServeHTTP(page, r)
	login, err := slot.Current(context.Background())
	fmt.Println(page.Code, login.Email, login.Password, err)
	// Output:
	// 200 sync@shop.example [sealed] <nil>
}

func ExampleOnboarding() {
	fake, err := stripetest.New(stripetest.Config{Seed: 7})
	if err != nil {
		log.Fatal(err)
	}
	platform, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_platform")), Transport: fake.Transport()})
	if err != nil {
		log.Fatal(err)
	}
	forms, err := oauth.NewOnboarding(oauth.OnboardingConfig{Accounts: stripe.HostedAccounts{Client: platform}, Mode: commerce.Test, Keeper: safe(), Session: who,
		ReturnURL: "https://host.example/stripe/back", RefreshURL: "https://host.example/stripe/again"})
	if err != nil {
		log.Fatal(err)
	}
	page := httptest.NewRecorder()
	forms.Begin().ServeHTTP(page, httptest.NewRequest(http.MethodPost, "https://host.example/stripe/connect", nil))
	fmt.Println(page.Code)

	status, err := forms.Status(context.Background(), "acme")
	fmt.Println(status.Ready(), len(status.Due), err)
	if err := fake.Onboard(status.Account); err != nil { // the merchant fills them in
		log.Fatal(err)
	}
	status, err = forms.Status(context.Background(), "acme")
	fmt.Println(status.Ready(), len(status.Due), err)
	// Output:
	// 303
	// false 4 <nil>
	// true 0 <nil>
}
