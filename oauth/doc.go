// Package oauth begins, finishes, renews and ends the connections of a program's customers,
// so that a stolen or replayed redirect gains nothing.
//
// A [Flow] is two plain http.Handlers and a source of credentials. Connecting Standard
// accounts to a Stripe Connect platform is this much:
//
//	stripe, err := oauth.StripeConnect(oauth.Connect{ClientID: "ca_1", Key: key, Scope: "read_write"})
//	flow, err := oauth.New(oauth.Config{
//		Provider:    stripe,
//		Mode:        commerce.Live,
//		RedirectURL: "https://host.example/oauth/stripe/callback",
//		Keeper:      safe, // a vault.Vault, or a vault.Guard before one
//		Session:     who,  // the host's own: tenant, session and actor of a request
//	})
//	http.Handle("/oauth/stripe", flow.Begin())
//	http.Handle("/oauth/stripe/callback", flow.Callback())
//
// The link "Connect with Stripe" leads to Begin. Whoever comes back gets a page that says
// what came of it and what to do; Config.Page replaces it.
//
// # What is checked
//
// Of RFC 9700, the security practice of OAuth:
//
//   - the state is 128 bits of chance, good once, for ten minutes, for the session and
//     tenant that began, at the provider and in the mode they began with ([States]). A
//     second click of the same person gets the answer of the first one;
//   - codes are bound to the request by PKCE where the provider knows it;
//   - each provider has a state space and a redirect address of its own, and the parameter
//     iss is compared, so that one server's answer is never taken to another;
//   - the way back leads to paths of the host only, and pages are neither cached, framed
//     nor named to other sites;
//   - the code is exchanged once: nothing repeats it, follows a redirect with it, or tries
//     another way to log in, and a browser that goes away does not stop it;
//   - the grant must be of the mode and the scope that were asked for, and the account must
//     not be another tenant's; of two tenants who bring it at once one gets it.
//
// Nothing that a far side says in words is logged or shown: it may repeat a secret.
//
// # Using a connection
//
// [Flow.Credentials] is a commerce.Credentials. A Connect platform acts with its own key:
//
//	client, err := stripe.NewClient(stripe.Config{Credentials: flow.Credentials(c), Account: c.Account})
//
// A Stripe App ([StripeApp]) acts with access tokens that live for an hour, and refresh
// tokens that work once. So a new pair is stored before its access token is used; one
// process at a time renews, by a lease in the record itself; all callers wait for one
// renewal; and a token that is refused is renewed once, however many calls it was refused
// to. If an answer is lost after the far side has given new tokens away, nothing can bring
// them back: the connection has ended, and the notice says so.
//
// [Flow.Run] renews before anybody has to wait, spread so that 10,000 customers are no
// burst, and tells 30, 7 and 1 days before a connection ends.
//
// # Ending one
//
// [Flow.Disconnect] ends a connection at both sides; ask the vault's guard first, if there
// is one. [Flow.Deauthorized] handles Stripe's event that the merchant did so.
//
// # Other ways to connect
//
//   - [Onboarding] takes a tenant through the forms of an Express or Custom account;
//   - [Form] asks for the credentials of a system that has no page of consent, such as
//     nopCommerce or an ERP, and [Expiries] remembers when such credentials end;
//   - magento.Integration does the handshake of Magento.
//
// Form and magento.Integration hand what they get to the host, whose vault.Slot proves and
// keeps it. What a Flow keeps is renewed by itself and needs no slot.
package oauth
